"""Rows of days as CSV by FOCUS 1.2, the FinOps Open Cost and Usage Specification."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.bounds import exact
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.period import DAY, MonthToDate, format_instant, midnight
from budget_gate.domain.policy.names import Names, id_text, name_of
from budget_gate.outputs.rows.csv import cell, lines

_PROVIDER: Final = "Anthropic"
_SERVICE: Final = ("AI and Machine Learning", "Claude API", "Generative AI")

# Those of the specification first, then those of our own, as it asks for.
COLUMNS: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SubAccountId",
    "SubAccountName",
    "x_Basis",
    "x_CacheRead",
    "x_CacheWrite1h",
    "x_CacheWrite5m",
    "x_CostHigh",
    "x_Input",
    "x_Model",
    "x_Output",
    "x_ServiceTier",
    "x_WebSearches",
)


class Account(NamedTuple):
    """The organization that pays: its id and its name, which may be empty."""

    id: str
    name: str


def render_focus_head() -> str:
    """The line of column names."""
    return lines([COLUMNS])


def render_focus(rows: Iterable[DailyRow], names: Names, account: Account) -> str:
    """A line for each row; of a cost that is a range, every cost but `x_CostHigh` is its low end.

    A row adds up classes of tokens that have prices of their own, so it has no unit price.
    """
    payer = (cell(account.id), cell(account.name))
    return lines(_values(row, names, payer) for row in rows)


def _values(row: DailyRow, names: Names, payer: tuple[str, str]) -> tuple[str | int, ...]:
    tokens, cost = row.tokens, _decimal(row.cost.low)
    # What no usage is told of, such as code execution, has no price but that of the bill.
    contracted = row.contracted or row.cost
    start, end = _day(row.day)
    first, last = _month(row.day)
    quantity = _quantity(row)
    model, tier = cell(row.model or ""), cell(row.service_tier or "")
    return (
        cost,
        *payer,
        "USD",
        last,
        first,
        "Usage",
        "",
        _description(row),
        "Usage-Based",
        end,
        start,
        *quantity,
        _decimal(contracted.low),
        cost,
        "",
        _PROVIDER,
        _decimal((row.listed or contracted).low),
        *quantity,
        _PROVIDER,
        _PROVIDER,
        *_SERVICE,
        cell(id_text(row.workspace)),
        cell(name_of(row.workspace, names)),
        row.basis,
        tokens.cache_read,
        tokens.cache_write_1h,
        tokens.cache_write_5m + tokens.cache_write_unsplit,
        _decimal(row.cost.high),
        tokens.uncached_input,
        model,
        tokens.output,
        tier,
        tokens.web_searches,
    )


def _quantity(row: DailyRow) -> tuple[str, str]:
    """How much it is, and of what: tokens or, where there are none, web searches."""
    if row.tokens.total:
        return f"{row.tokens.total}.0", "Tokens"
    if row.tokens.web_searches:
        return f"{row.tokens.web_searches}.0", "Requests"
    # The bill does not tell how much of it there was, and null is not allowed.
    return "1.0", "Units"


def _decimal(amount: Decimal) -> str:
    """An exact amount with a point: what reads a CSV tells by that that it is no whole number."""
    text = exact(amount)
    return text if "." in text else f"{text}.0"


def _description(row: DailyRow) -> str:
    if row.model:
        return cell(f"{row.model}, {row.service_tier or 'any'} tier")
    return "Usage without a model, such as code execution"


def _day(day: date) -> tuple[str, str]:
    start = midnight(day)
    return format_instant(start), format_instant(start + DAY)


def _month(day: date) -> tuple[str, str]:
    month = MonthToDate(midnight(day))
    return format_instant(month.period.start), format_instant(month.end)
