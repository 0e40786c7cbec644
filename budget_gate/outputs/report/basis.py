"""What the amounts of a report stand for: prices or bill, and which days."""

from budget_gate.domain.period import in_words, on_day
from budget_gate.domain.spend import Coverage
from budget_gate.domain.verdict.report import Report
from budget_gate.outputs.amounts import exact, settled_days


def cost_name(report: Report) -> str:
    """By what the amounts of a report go: `list prices`, `as billed`, or how much of each."""
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "list":
        return "list prices"
    if not billed:
        return "list prices: no day is settled yet"
    rest = len(report.days) - billed
    if not rest:
        return "as billed"
    return f"{billed} day{'' if billed == 1 else 's'} as billed, {rest} at list prices"


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


def covered_time(report: Report) -> str:
    """What a report is of: `Nov 1 to Nov 20, 15:20 UTC`."""
    return f"{on_day(report.period.start)} to {in_words(report.as_of)}"


def covered_days(coverage: Coverage) -> str:
    """How many days are in the report: `19 full days + today`."""
    days = coverage.closed_days
    today = " + today" if coverage.open_day else ""
    return f"{days} full day{'' if days == 1 else 's'}{today}"
