"""What there is to say of a budget besides its spend: pace, forecast, exception, change."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import ZERO, Bounds
from budget_gate.domain.period import DAY, in_words, on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, LiveException
from budget_gate.outputs.amounts import (
    RATIOS,
    distinct,
    over,
    usd,
    usd_down,
    usd_range,
    usd_roughly,
)
from budget_gate.outputs.escaping import Escape
from budget_gate.outputs.report.basis import cost_name

# So many budgets are shown one by one, and the others as a number.
SHOWN: Final = 20
_MEASURES: Final = {
    "daily_cap": (" today", " a day"),
    "yesterday": (" yesterday", " a day"),
    "forecast": (" forecast", " forecast"),
}


def measures(budget: BudgetResult) -> tuple[str, str]:
    """What stands behind the amount that a status comes from, and behind its cap.

    Both are empty for the spend of the month, which is judged where no forecast is known, too.
    """
    if budget.cause == "forecast" and budget.forecast is None:
        return "", ""
    return _MEASURES.get(budget.cause, ("", ""))


def outlook(budget: BudgetResult, report: Report) -> str:
    """What is left, how today compares, and the month's end: one sentence part after the other.

    A report that ends with a full day knows nothing of today.

    `$8.60 left, $1.19 per day until month-end; $1.10 so far today (daily average $0.80); forecast
    for month-end: about $57.00 ($48.00 to $61.00)`
    """
    left, *rest = to_come(budget)
    today = _today(budget) if report.month.open else ""
    return "; ".join(filter(None, (left, today, *rest)))


def to_come(budget: BudgetResult) -> tuple[str, str, str]:
    """What is left, the month's end, and when the cap is crossed; empty where there is none."""
    return _left(budget), _month_end(budget), _crossing(budget)


def _left(budget: BudgetResult) -> str:
    """What is left is rounded down, so that it can be spent."""
    if budget.pace is None or not budget.pace.left:
        return ""
    left, per_day = usd_down(budget.pace.left), usd_down(budget.pace.per_day)
    return f"{left} left, {per_day} per day until month-end"


def _today(budget: BudgetResult) -> str:
    if budget.pace is None:
        return ""
    mean = budget.pace.mean_day
    compared = "" if mean is None else f" (daily average {usd(mean)})"
    return f"{usd_range(budget.pace.today)} so far today{compared}"


def _month_end(budget: BudgetResult) -> str:
    if budget.forecast is None:
        return ""
    low = usd_roughly(budget.forecast.low)
    if not budget.forecast.high.is_finite():
        return f"forecast for month-end: at least {low}"
    expected, high = usd_roughly(budget.forecast.expected), usd_roughly(budget.forecast.high)
    return f"forecast for month-end: about {expected} ({low} to {high})"


def _crossing(budget: BudgetResult) -> str:
    """On which day the cap was crossed, or is expected to be."""
    day = budget.forecast.crosses_on if budget.forecast else None
    if day is None:
        return ""
    is_crossed = budget.cap is not None and budget.spend.low > budget.cap
    return f"{'crossed the cap' if is_crossed else 'expected to cross the cap'} on {on_day(day)}"


def details(budget: BudgetResult, report: Report, prose: Escape) -> Iterator[str]:
    """Further sentences on a budget; `prose` escapes what people wrote."""
    if not budget.decides:
        yield "not checked here"
    exception = budget.exception
    if exception:
        approved = f" (approved by {prose(exception.approved_by)})" if exception.approved_by else ""
        cap = usd(budget.cap or ZERO)
        yield (
            f"cap {_changed(budget)} from {usd(exception.regular_cap)} to {cap} until "
            f"{_until(exception, report)}: {prose(exception.reason)}{approved}"
        )
    if budget.reserved:
        yield f"including {usd(budget.reserved, ZERO)} reserved"
    if budget.status != "ok" and budget.cause != "cap" and budget.cap is not None:
        # What stands in its row is not the month's spend.
        yield f"{usd_range(budget.spend, budget.cap)} of its {usd(budget.cap)} cap this month"
    daily = budget.daily
    if daily:
        today = f"{usd_range(daily.spend, daily.cap)} today, " if report.month.open else ""
        yield f"{today}daily cap {usd(daily.cap)}"
        if daily.yesterday:
            yield f"{usd_range(daily.yesterday, daily.cap)} yesterday"
    if budget.since and budget.status != "ok":
        yield f"first reported {budget.status} {in_words(budget.since)}"


def _changed(budget: BudgetResult) -> str:
    is_less = budget.exception and (budget.cap or ZERO) < budget.exception.regular_cap
    return "lowered" if is_less else "raised"


def _until(exception: LiveException, report: Report) -> str:
    """`Nov 29`, with its year where that is another one than the month's."""
    year = exception.until.year
    return on_day(exception.until) + ("" if year == report.month.day.year else f", {year}")


def why(budget: BudgetResult) -> str:
    """The reason of a status, where the numbers of the budget do not show it."""
    is_shown = budget.status == "breached" or (budget.cause == "forecast" and budget.forecast)
    return "" if budget.status == "ok" or is_shown else budget.reason


def rest_of(budgets: Sequence[BudgetResult]) -> str:
    """How many budgets are not shown, and their states: `3 more, all ok`."""
    rest = budgets[SHOWN:]
    counts = Counter(budget.status for budget in rest)
    states = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{len(rest)} more, {f'all {rest[0].status}' if len(counts) == 1 else states}"


def what_changed(report: Report, name: Escape) -> Iterator[str]:
    """What happened since the last report, one sentence each; nothing where there is none."""
    if report.previous_as_of is None:
        return
    change = "." if report.change is None else f": {signed(report)} spent."
    yield f"Since the last report ({in_words(report.previous_as_of)}){change}"
    for budget in report.budgets[:SHOWN]:
        if budget.was and budget.was != budget.status:
            yield f"{name(budget.name)} was {budget.was} and is {budget.status}."
    for driver in report.drivers:
        yield (
            f"{name(driver.model)} in {name(driver.workspace)}: {usd(driver.today)} today, "
            f"usually {usd(driver.usual or ZERO)} a day."
        )


def signed(report: Report) -> str:
    """What was spent since the last report; a correction of the usage can make it less."""
    change = report.change
    if change is None:
        return ""
    return f"-{usd(-change)}" if change < 0 else usd(change)


def percent(budget: BudgetResult) -> str:
    """The share of its cap that what is measured has used, such as `68.2%`; a dash for none."""
    amount, cap = budget.measured
    if not cap or not amount.is_limited:
        return "\N{EN DASH}"
    share = RATIOS.divide(amount.high, cap)
    shown = f"{distinct(share.scaleb(2, RATIOS), Decimal(100), 1)}%"
    return shown if amount.is_exact else f"up to {shown}"


def used(budget: BudgetResult) -> Decimal | None:
    """The ratio of the highest possible spend to the cap; None where there is no such ratio."""
    if not budget.cap or not budget.spend.is_limited:
        return None
    return RATIOS.divide(budget.spend.high, budget.cap)


def ratio(budget: BudgetResult) -> str | None:
    """`used` with 4 decimals, or more where it would read as exactly at the cap."""
    share = used(budget)
    return None if share is None else distinct(share, Decimal(1), 4).replace(",", "")


def spent_of_cap(budget: BudgetResult, report: Report) -> str:
    """`$2,712.40, $212.40 over its $2,500.00 cap (list prices)`, or the like.

    The numbers are those that the status comes from.
    """
    amount, limit = budget.measured
    cost = cost_name(report)
    if limit is None:
        return f"{usd_range(budget.spend)} without a cap ({cost})"
    if budget.id.startswith("unlisted.") and not limit:
        return f"{usd_range(budget.spend)} and is not in the policy ({cost}; unlisted: fail)"
    cap = f"{usd(limit, limit)}"
    raised = ""
    if budget.exception:
        raised = f"; {_changed(budget)} until {_until(budget.exception, report)}"
    is_over = budget.status == "breached"
    excess = over(amount, limit) if is_over else "of"
    spent = usd_range(amount, limit)
    if budget.cause == "yesterday" and budget.daily:
        return f"{spent} on {on_day(budget.daily.day - DAY)}, {excess} its {cap} daily cap ({cost})"
    if budget.cause == "daily_cap":
        spent = _with_reserved(budget, budget.daily.spend if budget.daily else amount, limit)
        return f"{spent} today, {excess} its {cap} daily cap ({cost})"
    if budget.cause == "forecast" and budget.forecast:
        expected, crossing = usd_roughly(budget.forecast.expected), budget.forecast.crosses_on
        when = f" on {on_day(crossing)}" if crossing else ""
        so_far = f"{usd_range(budget.spend, budget.cap)} of its {cap} cap ({cost}{raised})"
        how = " (forecast: fail)" if is_over else ""
        return (
            f"{so_far} and is forecast to exceed it{when}, with about {expected} by month-end{how}"
        )
    spent = _with_reserved(budget, budget.spend, limit)
    if is_over:
        return f"{spent}, {excess} its {cap} cap ({cost}{raised})"
    share = f"{percent(budget)}, " if budget.measured[1] and amount.is_limited else ""
    return f"{spent} of its {cap} cap ({share}{cost}{raised})"


def _with_reserved(budget: BudgetResult, spend: Bounds, cap: Decimal) -> str:
    """The spend, and its sum with what is reserved where anything is."""
    spent = usd_range(spend, cap)
    if not budget.reserved:
        return spent
    together = usd_range(spend.plus(Bounds.exactly(budget.reserved)), cap)
    return f"{spent} + {usd(budget.reserved, ZERO)} reserved = {together}"
