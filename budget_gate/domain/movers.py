"""Which workspaces and models a rise of spend is of."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.bounds import EXACT, minus, plus
from budget_gate.domain.costs import Days
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
        divided: Decimal,
        divided_before: Decimal,
    ) -> tuple[Mover, ...]:
        """What rose most within a budget: USD of the days `now` against those `before`.

        Both are divided, so that they are of one length.
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
            was = quotient(sums[1][workspace, model], divided_before)
            more = minus(quotient(amount, divided), was)
            if more > 0:
                name = self._workspaces[workspace].name
                found.append(Mover(name, model or "no model", more))
        found.sort(key=lambda it: (-it.more, it.workspace, it.model))
        return tuple(found[:_MOST_MOVERS])


def quotient(amount: Decimal, divisor: Decimal) -> Decimal:
    """An amount divided, cut to a millionth: it is shown, and nothing is judged by it."""
    return EXACT.scaleb(EXACT.divide_int(EXACT.scaleb(amount, 6), divisor), -6)
