"""What there is to say of a budget besides its spend: pace, forecast, exception, change."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from budget_gate.domain.period import DAY, format_instant
from budget_gate.domain.spend import Coverage
from budget_gate.domain.verdict.report import BudgetResult, DailySpend, Report
from budget_gate.outputs.amounts import (
    RATIOS,
    distinct,
    exact,
    over_cap,
    settled_days,
    usd,
    usd_range,
)
from budget_gate.outputs.escaping import Escape

# So many budgets are shown one by one, and the others as a number.
SHOWN: Final = 20


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


def percent(budget: BudgetResult) -> str:
    """The share of its cap that a budget has used, `68.2%` or `up to 68.2%`; a dash for none."""
    share = used(budget)
    if share is None:
        return "\N{EN DASH}"
    shown = f"{distinct(share.scaleb(2, RATIOS), Decimal(100), 1)}%"
    return shown if budget.spend.is_exact else f"up to {shown}"


def used(budget: BudgetResult) -> Decimal | None:
    """The ratio of the highest possible spend to the cap; None where there is no such ratio."""
    if not budget.cap or not budget.spend.is_limited:
        return None
    return RATIOS.divide(budget.spend.high, budget.cap)


def ratio(budget: BudgetResult) -> str | None:
    """`used` with 4 decimals, or more where it would read as exactly at the cap."""
    share = used(budget)
    return None if share is None else distinct(share, Decimal(1), 4).replace(",", "")


def _spent_of_daily_cap(daily: DailySpend, reserved: Decimal, cost: str) -> str:
    spend = f"{usd_range(daily.spend, daily.cap)} today ({cost})"
    cap = usd(daily.cap, daily.cap)
    if daily.spend.low <= daily.cap < daily.spend.low + reserved:
        return f"{spend}, {over_cap(daily.spend, reserved, daily.cap)} its daily cap of {cap}"
    return f"{spend} of its daily cap of {cap}"


def cost_name(report: Report) -> str:
    """What the amounts of a report are: `list cost`, `billed cost`, or how much of each."""
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "list":
        return "list cost"
    if not billed:
        return "list cost: no day is settled yet"
    rest = len(report.days) - billed
    if not rest:
        return "billed cost"
    return f"billed cost for {billed} day{'' if billed == 1 else 's'}, list cost for {rest}"


def price_basis(report: Report) -> str:
    """What a cost stands for, such as `list prices less 10%, own prices for 2 models`."""
    if report.prices is None:
        return ""
    text = "list prices"
    if report.prices.discount:
        text += f" less {exact(report.prices.discount * 100)}%"
    own = len(report.prices.overrides)
    if own:
        text += f", own prices for {own} model{'' if own == 1 else 's'}"
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "billed" and not billed:
        return f"{text}, as no day is settled yet"
    return f"billed cost for {settled_days(billed)}, {text} for the rest" if billed else text


def covered_days(coverage: Coverage) -> str:
    """How many days are in the report: `19 closed days and today`."""
    days = coverage.closed_days
    today = " and today so far" if coverage.open_day else ""
    return f"{days} closed day{'' if days == 1 else 's'}{today}"


def spent_of_cap(budget: BudgetResult, cost: str) -> str:
    """`$2,712.40 (list cost), which is $212.40 over its cap of $2,500.00`, or the like."""
    spend = f"{usd_range(budget.spend, budget.cap)} ({cost})"
    if budget.cap is None:
        return f"{spend} without a cap"
    cap = usd(budget.cap, budget.cap)
    if budget.exception:
        cap += f", an exception until {budget.exception.until}"
    if budget.cause == "yesterday" and budget.daily and budget.daily.yesterday:
        then, limit = budget.daily.day - DAY, usd(budget.daily.cap, budget.daily.cap)
        amount = usd_range(budget.daily.yesterday, budget.daily.cap)
        return f"{amount} yesterday, {then:%b} {then.day} ({cost}), of its daily cap of {limit}"
    if budget.cause == "daily_cap" and budget.daily:
        return _spent_of_daily_cap(budget.daily, budget.reserved, cost)
    if budget.cause == "forecast" and budget.forecast:
        expected = usd(budget.forecast.expected, budget.cap)
        return (
            f"{spend} and is expected to reach {expected} by the end of the month, over its cap "
            f"of {cap}"
        )
    if budget.status == "breached" and budget.spend.low <= budget.cap:
        return f"{spend}, {over_cap(budget.spend, budget.reserved, budget.cap)} its cap of {cap}"
    if budget.status == "breached":
        return f"{spend}, {over_cap(budget.spend, Decimal(0), budget.cap)} its cap of {cap}"
    share = percent(budget)
    return f"{spend} of its cap of {cap}" + (f" ({share})" if used(budget) is not None else "")
