"""What there is to say of a budget besides its spend: pace, forecast, exception, change."""

from collections.abc import Iterator
from decimal import Decimal

from budget_gate.domain.period import format_instant
from budget_gate.domain.report import BudgetResult, Report
from budget_gate.outputs.wording import Escape, usd, usd_range


def outlook(budget: BudgetResult) -> str:
    """What is left and how today compares, and the month's end: expected, its range, its crossing.

    `left $8.60, $1.19 a day; today $1.10, $0.80 on a mean day; month-end $57.00 ($48.00 to $61.00)`
    """
    parts = (_left(budget), _today(budget), _month_end(budget), _crossing(budget))
    return "; ".join(filter(None, parts))


def _left(budget: BudgetResult) -> str:
    if budget.pace is None or not budget.pace.left:
        return ""
    return f"left {usd(budget.pace.left)}, {usd(budget.pace.per_day)} a day"


def _today(budget: BudgetResult) -> str:
    if budget.pace is None:
        return ""
    mean = budget.pace.mean_day
    compared = "" if mean is None else f", {usd(mean)} on a mean day"
    return f"today {usd_range(budget.pace.today)}{compared}"


def _month_end(budget: BudgetResult) -> str:
    if budget.forecast is None:
        return ""
    low, high = usd(budget.forecast.low), usd(budget.forecast.high)
    return f"month-end {usd(budget.forecast.expected)} ({low} to {high})"


def _crossing(budget: BudgetResult) -> str:
    """On which day the cap was crossed, or is expected to be."""
    day = budget.forecast.crosses_on if budget.forecast else None
    if day is None:
        return ""
    is_crossed = budget.cap is not None and budget.spend.low > budget.cap
    return f"cap {'crossed' if is_crossed else 'expected to be crossed'} on {day}"


def details(budget: BudgetResult, prose: Escape) -> Iterator[str]:
    """Further sentences on a budget; `prose` escapes what people wrote."""
    if not budget.decides:
        yield "not enforced here"
    exception = budget.exception
    if exception:
        approved = f", approved by {prose(exception.approved_by)}" if exception.approved_by else ""
        yield (
            f"its cap is {usd(exception.regular_cap)} but for an exception until "
            f"{exception.until}{approved}: {prose(exception.reason)}"
        )
    if budget.reserved:
        yield f"{usd(budget.reserved, Decimal(0))} more are reserved"
    daily = budget.daily
    if daily:
        yield f"today {usd_range(daily.spend, daily.cap)} of its daily cap of {usd(daily.cap)}"
        if daily.yesterday:
            yield f"yesterday {usd_range(daily.yesterday, daily.cap)}"
    if budget.since:
        yield f"{budget.status} since {format_instant(budget.since)}"


def what_changed(report: Report, name: Escape) -> Iterator[str]:
    """What happened since the last report, one sentence each; nothing where there is none."""
    if report.previous_as_of is None:
        return
    change = "" if report.change is None else f": {signed(report)} spent since"
    yield f"The last report is of {format_instant(report.previous_as_of)}{change}."
    for driver in report.drivers:
        yield (
            f"{name(driver.model)} in {name(driver.workspace)}: {usd(driver.today)} today, "
            f"{usd(driver.usual)} on a mean day of the week before."
        )


def signed(report: Report) -> str:
    """What was spent since the last report; a correction of the usage can make it less."""
    change = report.change
    if change is None:
        return ""
    return f"-{usd(-change)}" if change < 0 else usd(change)
