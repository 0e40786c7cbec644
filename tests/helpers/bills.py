"""A bill of November, and usage to hold beside it, for two workspaces and the default one."""

from datetime import date
from decimal import Decimal
from typing import Literal

from budget_gate.domain.billed.bill import Bill, Charge
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import Tokens, Usage, UsageKey
from tests.helpers.builders import MILLION, usage_of

ALPHA, BETA = "wrkspc_01EXAMPLEALPHA", "wrkspc_01EXAMPLEBETA"


LISTED = (Workspace(ALPHA, "alpha"), Workspace(BETA, "beta"))


FIRST = date(2026, 11, 1)


OUTPUT = Tokens(output=MILLION)


def charge(
    amount: str,
    day: int = 10,
    *,
    workspace: str | None = None,
    cost_type: str = "tokens",
    model: str | None = "claude-opus-5-5",
    tier: str | None = "standard",
    listed: str | None = None,
) -> Charge:
    """A charge on a day of November; `listed` is what it is before discounts, where that is told."""
    if cost_type != "tokens":
        model = tier = None
    return Charge(
        workspace,
        date(2026, 11, day),
        cost_type,
        model,
        tier,
        Decimal(amount),
        None if listed is None else Decimal(listed),
    )


def bill(
    *charges: Charge,
    through: int = 20,
    source: Literal["analytics", "cost_report"] = "cost_report",
) -> Bill:
    """The bill of November up to a day."""
    return Bill(charges, FIRST, date(2026, 11, through), source)


def used(
    *keys: UsageKey,
    tokens: Tokens = OUTPUT,
    workspaces: tuple[Workspace, ...] | None = LISTED,
    closed_days: int = 19,
) -> Usage:
    """The same tokens under each key, in a month with 19 full days and an open one."""
    usage = usage_of(((one, tokens) for one in keys), workspaces=workspaces)
    return usage._replace(coverage=usage.coverage._replace(closed_days=closed_days))
