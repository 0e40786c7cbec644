"""What the amounts of a report stand for: prices or bill, and which days."""

from decimal import Decimal

from budget_gate.domain.bounds import ZERO
from budget_gate.domain.clock import age_in_words
from budget_gate.domain.freshness import missing_time
from budget_gate.domain.notes import list_prices
from budget_gate.domain.period import in_words, on_day
from budget_gate.domain.spend import Coverage
from budget_gate.domain.verdict.report import Report
from budget_gate.outputs.amounts import settled_days


def cost_name(report: Report) -> str:
    """By what the amounts go: `list prices less 10%`, `as billed`, or how much of each."""
    billed = report.coverage.billed_days if report.coverage else 0
    prices = prices_in_words(report.prices.discount if report.prices else ZERO)
    if report.basis == "list":
        return prices
    if not billed:
        return f"{prices}: no day is settled yet"
    rest = len(report.days) - billed
    if not rest:
        return "as billed"
    return f"{billed} day{'' if billed == 1 else 's'} as billed, {rest} at {prices}"


def prices_in_words(discount: Decimal, own: int = 0) -> str:
    """What list cost is made of: `list prices less 10%, own prices for 2 models`."""
    text = list_prices(discount)
    return f"{text}, own prices for {own} model{'' if own == 1 else 's'}" if own else text


def price_basis(report: Report) -> str:
    """What a cost stands for, such as `list prices less 10%, own prices for 2 models`."""
    if report.prices is None:
        return ""
    text = prices_in_words(report.prices.discount, len(report.prices.overrides))
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "billed" and not billed:
        return f"{text}, as no day is settled yet"
    return f"billed cost for {settled_days(billed)}, {text} for the rest" if billed else text


def covered_time(report: Report) -> str:
    """What a report is of: `Nov 1 to Nov 20, 15:20 UTC`."""
    return f"{on_day(report.period.start)} to {in_words(report.as_of)}"


def freshness(report: Report) -> str:
    """How old the numbers are, as a sentence; empty where they lack nothing, or nobody says so."""
    at = report.data_refreshed_at
    missing = missing_time(at, report.as_of)
    if at is None or missing is None:
        return ""
    what = "" if report.spend is None else ": later usage is not included"
    return f"Numbers as of {in_words(at)} ({age_in_words(missing)} old){what}."


def covered_days(coverage: Coverage) -> str:
    """How many days are in the report: `19 full days + today`."""
    days = coverage.closed_days
    today = " + today" if coverage.open_day else ""
    return f"{days} full day{'' if days == 1 else 's'}{today}"
