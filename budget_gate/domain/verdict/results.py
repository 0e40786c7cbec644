"""What became of each budget: its status, what that comes from, and what it spent."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import UNLIMITED, ZERO, Bounds
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace

Status = Literal["ok", "warning", "uncertain", "breached", "unverified", "unchecked"]

# What the status of a budget comes from: `yesterday` is the daily cap, too.
Cause = Literal["cap", "daily_cap", "yesterday", "forecast"]
# The time whose spend it is that a budget is in its state for.
Span = Literal["today", "yesterday", "month"]

_RATIOS: Final = Context(prec=60)

# Of a check of spend, from good to bad: what is `unchecked` has seen none.
STATUSES: Final[tuple[Status, ...]] = ("ok", "warning", "uncertain", "breached", "unverified")


class LiveException(NamedTuple):
    """An exception in force: the cap it stands in for (USD), its last UTC day, and why."""

    regular_cap: Decimal
    until: date
    reason: str
    approved_by: str


class DailySpend(NamedTuple):
    """The second cap of a budget, in USD, and the spend of the open UTC day that it is about.

    `yesterday` is the spend of the day before, where that is judged as well.
    """

    cap: Decimal
    spend: Bounds
    day: date
    yesterday: Bounds | None = None


class Driver(NamedTuple):
    """What a workspace spends on a model today, in USD, and its mean day before.

    For a budget that is the mean of the month's full days, None where there is none, and `month`
    is all of the month and `yesterday` the day before; for a report it is the mean day of the week
    before. All are what is certain, which is less than the whole where not `is_exact`.
    """

    workspace: str
    model: str
    today: Decimal
    usual: Decimal | None
    month: Decimal = ZERO
    yesterday: Decimal = ZERO
    is_exact: bool = True


class BudgetResult(NamedTuple):
    """What became of a budget; `reason` is a phrase for people, without amounts.

    `cap`, `spend` and `reserved` are exact USD; a `cap` of None only warns of any spend. `line` is
    that of the budget in the policy, and `cause` what its status comes from. `since` is when the
    budget came to be in its state, where an earlier report tells, and `change` the USD spent since
    that report. `decides` is False where the run was told that other budgets decide its exit code.
    `drivers` are what most of the spend is of, where the budget is not ok, by what they spent in
    `driven_in`, and `was` is the status in an earlier report that this one is compared with.
    `lapsed` is the last day of an exception that the spend would still be within.
    """

    id: str
    name: str
    cap: Decimal | None
    warn_at: tuple[Decimal, ...]
    spend: Bounds
    status: Status
    reason: str
    line: int
    cause: Cause = "cap"
    reserved: Decimal = Decimal(0)
    daily: DailySpend | None = None
    exception: LiveException | None = None
    forecast: Forecast | None = None
    pace: Pace | None = None
    decides: bool = True
    since: datetime | None = None
    change: Decimal | None = None
    drivers: tuple[Driver, ...] = ()
    driven_in: Span = "today"
    was: Status | None = None
    lapsed: date | None = None

    @property
    def measured(self) -> tuple[Bounds, Decimal | None]:
        """What the status comes from, in USD, and the cap that it is held against.

        The spend of the month with what is reserved, that of a day, or the forecast.
        """
        reserved = Bounds.exactly(self.reserved)
        if self.daily and self.cause == "daily_cap":
            return self.daily.spend.plus(reserved), self.daily.cap
        if self.daily and self.daily.yesterday and self.cause == "yesterday":
            return self.daily.yesterday, self.daily.cap
        if self.forecast and self.cause == "forecast":
            return Bounds.exactly(self.forecast.expected), self.cap
        return self.spend.plus(reserved), self.cap

    @property
    def strain(self) -> Decimal:
        """How far what is measured has used up its cap: a ratio to sort by, not to show.

        Of a breach what is certain counts, of all else what is possible; 0 without a cap.
        """
        (low, high), cap = self.measured
        amount = low if self.status == "breached" else high
        if cap is None or not amount:
            return ZERO
        return _RATIOS.divide(amount, cap) if cap and amount != UNLIMITED else UNLIMITED


def worst_first(budgets: Iterable[BudgetResult]) -> tuple[BudgetResult, ...]:
    """The budgets by their status, and within one by how far over their caps or near they are."""
    return tuple(
        sorted(
            budgets,
            key=lambda it: (
                -STATUSES.index(it.status),
                -it.strain,
                -it.spend.high,
                -it.spend.low,
                it.id,
            ),
        )
    )
