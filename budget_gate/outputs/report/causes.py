"""What the spend of a budget is mostly of, and what a run can do about its state."""

from collections.abc import Iterator
from decimal import Decimal

from budget_gate.domain.bounds import ZERO, minus
from budget_gate.domain.notes import LEDGER_BEYOND
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Driver
from budget_gate.outputs.amounts import usd, usd_down
from budget_gate.outputs.escaping import Escape


def culprits(budget: BudgetResult, report: Report, name: Escape) -> Iterator[str]:
    """What most of the spend is of, with the amounts of the time that counts.

    `claude-opus-5-5 in research: $66.71 today (daily average $12.99)`. Nothing where it is what the
    ledger has, and not what was spent for certain, that a cap is in doubt for.
    """
    if in_ledger(budget, report):
        return
    for driver in budget.drivers:
        mean = "" if driver.usual is None else f" (daily average {usd(driver.usual)})"
        month = f"{_at_least(driver, driver.month)} {_in_month(report)}"
        if budget.driven_in == "yesterday" and driver.yesterday:
            amount = f"{_at_least(driver, driver.yesterday)} yesterday{mean}"
        elif budget.driven_in == "today" and driver.today:
            amount = f"{_at_least(driver, driver.today)} today{mean}"
        elif not report.month.open:
            # Of a time that ends with a full day, nothing is known of today.
            amount = month
        else:
            amount = f"{month}, {usd(driver.today) if driver.today else 'none'} today"
        yield f"{_called(driver, budget, name)}: {amount}"


def main_cause(budget: BudgetResult, report: Report, name: Escape) -> str:
    """`Most of today's spend: claude-opus-5-5 ($66.71).`; empty where nothing is known to be."""
    if not budget.drivers or is_refused(budget):
        return ""
    first = budget.drivers[0]
    times = {"today": ("today's", first.today), "yesterday": ("yesterday's", first.yesterday)}
    when, amount = times.get(budget.driven_in, ("", ZERO))
    if not amount:
        when = f"{report.month.day:%B}'s" if report.month.is_whole else "this month's"
        amount = first.month
    called = _called(first, budget, name)
    return f"Most of {when} spend: {called} ({_at_least(first, amount)})."


def in_ledger(budget: BudgetResult, report: Report) -> str:
    """The sentence of what the report lacks, where a cap is in doubt for that; else empty."""
    if budget.status != "uncertain" or budget.cause == "forecast":
        return ""
    told = next((note.message for note in report.notes if note.code == LEDGER_BEYOND), "")
    return told and f"{told.partition('. ')[0]}."


def is_refused(budget: BudgetResult) -> bool:
    """Whether a budget is breached by what is reserved alone, which nobody has spent yet."""
    is_over = budget.status == "breached" and budget.reserved and budget.cap is not None
    if not is_over:
        return False
    if budget.cause == "daily_cap" and budget.daily:
        return budget.daily.spend.low <= budget.daily.cap
    return budget.cause == "cap" and budget.spend.low <= (budget.cap or ZERO)


def reservable(report: Report, name: Escape) -> str:
    """`At most $1,342.39 can be reserved.`, and by which cap; empty where nothing is known."""
    limits: list[tuple[Decimal, str]] = []
    for budget in report.budgets:
        if budget.decides and budget.reserved and budget.cap is not None:
            if not budget.spend.is_limited:
                return ""
            limits.append((minus(budget.cap, budget.spend.high), f"cap of {name(budget.name)}"))
            if budget.daily:
                left = minus(budget.daily.cap, budget.daily.spend.high)
                limits.append((left, f"daily cap of {name(budget.name)}"))
    if not limits:
        return ""
    most, by = min(limits)
    return f"At most {usd_down(max(most, ZERO))} can be reserved ({by})."


def _called(driver: Driver, budget: BudgetResult, name: Escape) -> str:
    """The model, and the workspace where that is not what the budget is called."""
    is_same = driver.workspace == budget.name
    return name(driver.model) if is_same else f"{name(driver.model)} in {name(driver.workspace)}"


def _at_least(driver: Driver, amount: Decimal) -> str:
    return usd(amount) if driver.is_exact else f"at least {usd(amount)}"


def _in_month(report: Report) -> str:
    return f"in {report.month.day:%B}" if report.month.is_whole else "this month"
