"""Which workspaces and models a rise of spend is of."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.bounds import EXACT, minus, plus, times
from budget_gate.domain.costs import Days
from budget_gate.domain.policy.names import listed_name
from budget_gate.domain.spend import Spend, Workspace

_MOST_MOVERS: Final = 3


class Mover(NamedTuple):
    """A workspace's use of a model, and how many USD a day it costs more than before."""

    workspace: str
    model: str
    more: Decimal


class Watched(NamedTuple):
    """What is held against its own past: a budget, or the whole organization."""

    id: str
    name: str
    days: Days
    workspaces: Collection[str | None] | None = None
    models: Collection[str] | None = None


class Places:
    """The spend by workspace and model, of which the movers are found once something has risen."""

    def __init__(self, spend: Spend, workspaces: Mapping[str | None, Workspace]) -> None:
        self.spend = spend
        self._workspaces = workspaces

    def movers(
        self,
        of: Watched,
        now: Collection[date],
        before: Collection[date],
        *,
        weights: tuple[Decimal, Decimal],
        divisor: Decimal,
    ) -> tuple[Mover, ...]:
        """What rose most within a budget: USD of the days `now` against those `before`.

        Each is taken times its weight, so that both are of one length, and the difference is
        divided.
        """
        sums: list[dict[tuple[str | None, str | None], Decimal]] = [
            defaultdict(Decimal) for _ in range(2)
        ]
        for line in (*(self.spend.history or ()), *self.spend.lines):
            is_of = (of.workspaces is None or line.workspace in of.workspaces) and (
                of.models is None or line.model in of.models
            )
            for days, side in zip((now, before), sums, strict=True):
                if is_of and line.day in days:
                    place = (line.workspace, line.model)
                    side[place] = plus(side[place], line.cost.low)
        found = []
        for (workspace, model), amount in sums[0].items():
            was = times(weights[1], sums[1][workspace, model])
            more = quotient(minus(times(weights[0], amount), was), divisor)
            if more > 0:
                name = listed_name(workspace, self._workspaces)
                found.append(Mover(name, model or "no model", more))
        found.sort(key=lambda it: (it.more.copy_negate(), it.workspace, it.model))
        return tuple(found[:_MOST_MOVERS])


def quotient(amount: Decimal, divisor: Decimal) -> Decimal:
    """An amount divided, cut to a millionth: it is shown, and nothing is judged by it."""
    return EXACT.scaleb(EXACT.divide_int(EXACT.scaleb(amount, 6), divisor), -6)
