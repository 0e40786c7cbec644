"""Which workspaces and models the spend is of: that of a budget, and what rises today."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import EXACT, ZERO, minus, plus
from budget_gate.domain.period import DAY, WEEK, MonthToDate
from budget_gate.domain.policy.scoping import ScopedBudget
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.report import Driver

MOST_DRIVERS: Final = 3

# Workspace and model.
_Place = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Places:
    """What each model costs each workspace at least, in USD: in the month, and on its open day."""

    month: Mapping[_Place, Decimal]
    today: Mapping[_Place, Decimal]
    full_days: int
    workspaces: Mapping[str | None, Workspace]

    def drivers(self, of: ScopedBudget) -> tuple[Driver, ...]:
        """What most of the spend of a budget is of, today's first, then the month's."""
        found = [
            self._driver(place, amount)
            for place, amount in self.month.items()
            if amount
            and (of.workspaces is None or place[0] in of.workspaces)
            and (of.models is None or place[1] in of.models)
        ]
        found.sort(key=lambda it: (-it.today, -it.month, it.workspace, it.model))
        return tuple(found[:MOST_DRIVERS])

    def _driver(self, place: _Place, amount: Decimal) -> Driver:
        today = self.today.get(place, ZERO)
        before = minus(amount, today)
        usual = _mean(before, self.full_days) if self.full_days else None
        return Driver(_name(place, self.workspaces), place[1] or "no model", today, usual, amount)


def places(spend: Spend, month: MonthToDate, workspaces: Mapping[str | None, Workspace]) -> Places:
    """The spend of the month by workspace and model; a month that has ended has no open day."""
    sums: dict[_Place, Decimal] = defaultdict(Decimal)
    now: dict[_Place, Decimal] = defaultdict(Decimal)
    today = None if month.is_whole else month.day
    for line in spend.lines:
        place = (line.workspace, line.model)
        sums[place] = plus(sums[place], line.cost.low)
        if line.day == today:
            now[place] = plus(now[place], line.cost.low)
    full_days = len(month.closed.steps(DAY)) if month.closed else 0
    return Places(sums, now, full_days, workspaces)


def rises(
    spend: Spend, month: MonthToDate, workspaces: Mapping[str | None, Workspace]
) -> tuple[Driver, ...]:
    """The workspaces and models that cost most more today than on a mean day of the week before.

    Nothing where that week is not known whole.
    """
    today = month.as_of.date()
    first = today - timedelta(days=WEEK)
    if spend.history is None and first < month.period.start.date():
        return ()
    now: dict[_Place, Decimal] = defaultdict(Decimal)
    week: dict[_Place, Decimal] = defaultdict(Decimal)
    for line in (*(spend.history or ()), *spend.lines):
        if first <= line.day <= today:
            sums = now if line.day == today else week
            place = (line.workspace, line.model)
            sums[place] = plus(sums[place], line.cost.low)
    means = {place: _mean(week.get(place, ZERO), WEEK) for place in now}
    places_ = sorted(
        (place for place in now if now[place] > means[place]),
        key=lambda place: (
            minus(means[place], now[place]),
            _name(place, workspaces),
            place[1] or "",
        ),
    )
    return tuple(
        Driver(_name(place, workspaces), place[1] or "no model", now[place], means[place])
        for place in places_[:MOST_DRIVERS]
    )


def _name(place: _Place, workspaces: Mapping[str | None, Workspace]) -> str:
    return workspaces[place[0]].name


def _mean(amount: Decimal, days: int) -> Decimal:
    """The mean of so many days, cut to a millionth of a dollar."""
    return EXACT.scaleb(Decimal(int(EXACT.scaleb(amount, 6)) // days), -6)
