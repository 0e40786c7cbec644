"""Which workspaces and models the spend is of: that of a budget, and what rises today."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.bounds import EXACT, NOTHING, ZERO, minus, plus
from budget_gate.domain.period import DAY, WEEK, MonthToDate
from budget_gate.domain.policy.names import listed_name
from budget_gate.domain.policy.scoping import ScopedBudget
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.verdict.results import BudgetResult, Driver, Span

MOST_DRIVERS: Final = 3

# Workspace and model.
_Place = tuple[str | None, str | None]


class Places(NamedTuple):
    """What each model costs each workspace at least, in USD, in the month and on its last days.

    `ranges` are those of which that is not all.
    """

    month: Mapping[_Place, Decimal]
    today: Mapping[_Place, Decimal]
    yesterday: Mapping[_Place, Decimal]
    ranges: Collection[_Place]
    full_days: int
    workspaces: Mapping[str | None, Workspace]

    def driven(self, budget: BudgetResult, of: ScopedBudget, day: date) -> BudgetResult:
        """`budget` with what most of its spend is of, in the time that its state comes from.

        `day` is the open one.
        """
        span = _span(budget, of, day)
        found = [
            self._driver(place)
            for place in {**self.month, **self.yesterday}
            if (of.workspaces is None or place[0] in of.workspaces)
            and (of.models is None or place[1] in of.models)
        ]
        found = [it for it in found if it.month or getattr(it, span)]
        found.sort(
            key=lambda it: (
                getattr(it, span).copy_negate(),
                it.month.copy_negate(),
                it.workspace,
                it.model,
            )
        )
        return budget._replace(drivers=tuple(found[:MOST_DRIVERS]), driven_in=span)

    def _driver(self, place: _Place) -> Driver:
        today, month = self.today.get(place, ZERO), self.month.get(place, ZERO)
        usual = _mean(minus(month, today), self.full_days) if self.full_days else None
        return Driver(
            _name(place, self.workspaces),
            place[1] or "no model",
            today,
            usual,
            month,
            self.yesterday.get(place, ZERO),
            is_exact=place not in self.ranges,
        )


def _span(budget: BudgetResult, of: ScopedBudget, day: date) -> Span:
    """The time whose spend has brought a budget to its state."""
    if budget.cause == "yesterday":
        return "yesterday"
    today = of.days.get(day, NOTHING)
    is_older = budget.cap is not None and minus(of.spend.low, today.low) > budget.cap
    # What was over its cap before today is so for what was spent since the 1st.
    return "month" if budget.cause == "cap" and is_older else "today"


def places(spend: Spend, month: MonthToDate, workspaces: Mapping[str | None, Workspace]) -> Places:
    """The spend of the month by workspace and model; a month that has ended has no open day."""
    first, today = month.period.start.date(), None if month.is_whole else month.day
    lines = (*spend.lines, *(spend.history or ()))
    of_month = [line for line in lines if line.day >= first]
    return Places(
        month=_sums(of_month),
        today=_sums(line for line in of_month if line.day == today),
        yesterday=_sums(line for line in lines if line.day == month.yesterday),
        ranges={(line.workspace, line.model) for line in of_month if not line.cost.is_exact},
        full_days=len(month.closed.steps(DAY)) if month.closed else 0,
        workspaces=workspaces,
    )


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
    lines = (*spend.lines, *(spend.history or ()))
    now = _sums(line for line in lines if line.day == today)
    week = _sums(line for line in lines if first <= line.day < today)
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


def _sums(lines: Iterable[SpendLine]) -> Mapping[_Place, Decimal]:
    """What each model costs each workspace at least, in USD."""
    sums: dict[_Place, Decimal] = defaultdict(Decimal)
    for line in lines:
        place = (line.workspace, line.model)
        sums[place] = plus(sums[place], line.cost.low)
    return sums


def _name(place: _Place, workspaces: Mapping[str | None, Workspace]) -> str:
    return listed_name(place[0], workspaces)


def _mean(amount: Decimal, days: int) -> Decimal:
    """The mean of so many days, cut to a millionth of a dollar."""
    return EXACT.scaleb(Decimal(int(EXACT.scaleb(amount, 6)) // days), -6)
