"""What the provider billed for settled days, and the spend it makes with the usage report."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import ZERO, Bounds, plus
from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import DAY
from budget_gate.domain.prices.charges import PricedRow, PricedUsage
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Usage
from budget_gate.errors import UnverifiedError

TOKENS: Final = "tokens"
WEB_SEARCH: Final = "web_search"
# What the usage report does not hold.
BEYOND_USAGE: Final = ("code_execution", "session_usage")
PRIORITY: Final = "priority"


class Charge(NamedTuple):
    """What was billed for a kind of cost on a UTC day: exact USD after discounts, before credits.

    `workspace` is None for the default workspace; `model` and `service_tier` are None where the
    kind of cost has none. `list_amount` is what the provider says of it before discounts; None
    where it does not, as the cost report, or says what is no amount.
    """

    workspace: str | None
    day: date
    cost_type: str
    model: str | None
    service_tier: str | None
    amount: Decimal
    list_amount: Decimal | None = None


class Bill(NamedTuple):
    """The charges of the UTC days from `start` up to, not including, `through`.

    All of them are settled but the `doubted` ones. `source` is the route that told them: one gives
    the default workspace an id of its own, the other none.
    """

    charges: tuple[Charge, ...]
    start: date
    through: date
    source: Literal["analytics", "cost_report"]
    notes: tuple[Note, ...] = ()
    doubted: frozenset[date] = frozenset()

    @property
    def days(self) -> frozenset[date]:
        """Every day that is settled."""
        reached = range((self.through - self.start).days)
        return frozenset(self.start + number * DAY for number in reached) - self.doubted

    def reaches(self, day: date) -> bool:
        """Whether the cost data claims to have all of `day`."""
        return self.start <= day < self.through

    def settles(self, day: date) -> bool:
        """Whether the cost data has all of `day`, as far as that can be told."""
        return self.reaches(day) and day not in self.doubted

    @property
    def settled_days(self) -> int:
        """How many days are settled."""
        return len(self.days)


def listed_costs(
    priced: PricedUsage, covers: Callable[[date], bool]
) -> Iterator[tuple[PricedRow, str, Bounds | Unpriced]]:
    """The list costs of the days that are covered as a bill has them: row, kind of cost, exact USD.

    Of a row, its tokens and its web searches are costs of their own, where it has any.
    """
    for row in priced.rows:
        if not covers(row.key.day):
            continue
        if row.tokens.total:
            yield row, TOKENS, priced.cost_of_tokens(row)
        if row.tokens.web_searches:
            yield row, WEB_SEARCH, Bounds.exactly(priced.cost_of_searches(row))


def attribute(
    bill: Bill, usage: Usage, labelled: Collection[str], default: str | None = None
) -> Bill:
    """The bill with the default workspace as None.

    `labelled` are ids that the policy names, `default` is the real id of the default workspace
    where that is known. Raises UnverifiedError where the default workspace cannot be told, or where
    a cost is negative.
    """
    if bill.source == "analytics" and usage.coverage.refreshed_at is not None:
        # Both are of the analytics, which give the workspaces the same ids.
        bill = _renamed(bill, usage.default_ids)
    elif bill.source == "analytics":
        bill = _with_default(bill, usage, labelled, default)
    _refuse_negative(bill)
    return bill


def _strangers(bill: Bill, usage: Usage, labelled: Collection[str]) -> set[str | None]:
    """The workspaces with costs that are neither listed nor in the usage nor `labelled`."""
    known = {None, *labelled, *(workspace.id for workspace in usage.workspaces or ())}
    known |= {key.workspace for key in usage.table}
    return {charge.workspace for charge in bill.charges} - known


def is_default_known(bill: Bill, usage: Usage, labelled: Collection[str]) -> bool:
    """Whether costs are of no stranger, or of one and the default workspace's usage says whose."""
    found = _strangers(bill, usage, labelled)
    has_default = any(key.workspace is None for key in usage.table)
    return not found or (len(found) == 1 and has_default)


def _with_default(bill: Bill, usage: Usage, labelled: Collection[str], default: str | None) -> Bill:
    """The default workspace has the id that is told or, without one, that of the one stranger."""
    found = _strangers(bill, usage, labelled)
    if default is None:
        if not is_default_known(bill, usage, labelled):
            raise UnverifiedError(
                "workspaces with costs are neither listed nor in the usage "
                f"({enumerated(sorted(map(str, found)))}), so which is the default workspace is "
                "not known",
                "name those that are not the default workspace under names in the policy; if that "
                "is not enough, use list cost (spend.basis: list)",
                code="unknown_workspaces",
            )
        default = next(iter(found), None)
    # Here the default workspace has an id of its own: a cost without one may be of any.
    if any(charge.workspace is None for charge in bill.charges):
        raise UnverifiedError(
            "some costs are of no workspace, so those of each are not known",
            "use list cost (spend.basis: list)",
            code="unknown_workspaces",
        )
    return _renamed(bill, {default})


def _renamed(bill: Bill, default: Collection[str | None]) -> Bill:
    charges = (
        charge._replace(workspace=None) if charge.workspace in default else charge
        for charge in bill.charges
    )
    return bill._replace(charges=tuple(charges))


def _refuse_negative(bill: Bill) -> None:
    totals: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for charge in bill.charges:
        totals[charge[:5]] = plus(totals[charge[:5]], charge.amount)
    wrong = next((place for place, total in totals.items() if total < ZERO), None)
    if wrong:
        raise UnverifiedError(
            f"the cost data has a negative cost of {wrong[3] or wrong[2]} on {wrong[1]}",
            "look at that day in the Console; until it is clear, use list cost (spend.basis: list)",
            code="negative_cost",
        )
