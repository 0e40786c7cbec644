"""What the provider billed for settled days, and the spend it makes with the usage report."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import EXACT, ZERO, Bounds
from budget_gate.domain.period import DAY
from budget_gate.domain.prices import PriceBook
from budget_gate.domain.pricing import UnknownModel, price_usage
from budget_gate.domain.spend import Note, Spend, SpendLine
from budget_gate.domain.usage import UNATTRIBUTED, Usage, UsageKey
from budget_gate.errors import UnverifiedError

TOKENS: Final = "tokens"
WEB_SEARCH: Final = "web_search"
# What the usage report does not hold.
BEYOND_USAGE: Final = ("code_execution", "session_usage")
PRIORITY: Final = "priority"

_NAMED = 5


class Charge(NamedTuple):
    """What was billed for a kind of cost on a UTC day: exact USD after discounts, before credits.

    `workspace` is None for the default workspace; `model` and `service_tier` are None where the
    kind of cost has none.
    """

    workspace: str | None
    day: date
    cost_type: str
    model: str | None
    service_tier: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The charges of the UTC days from `start` up to, not including, `through`: all are settled.

    `source` is the route that told them: one gives the default workspace an id of its own, the
    other none.
    """

    charges: tuple[Charge, ...]
    start: date
    through: date
    source: Literal["analytics", "cost_report"]
    notes: tuple[Note, ...] = ()

    @property
    def days(self) -> frozenset[date]:
        """Every day that is settled."""
        return frozenset(self.start + number * DAY for number in range(self.settled_days))

    def settles(self, day: date) -> bool:
        """Whether the cost data reaches past the end of `day`."""
        return self.start <= day < self.through

    @property
    def settled_days(self) -> int:
        """How many days the bill is about."""
        return (self.through - self.start).days


def settle(
    usage: Usage,
    bill: Bill,
    book: PriceBook,
    *,
    unknown_model: UnknownModel,
) -> Spend:
    """The spend as billed where a day is settled, and at list price less discount where not.

    `bill` is one that `attribute` returned.
    """
    with localcontext(EXACT):
        costs: dict[tuple[str | None, date, str | None], Decimal] = defaultdict(Decimal)
        for charge in bill.charges:
            costs[charge.workspace, charge.day, charge.model] += charge.amount
    listed = price_usage(usage, book, unknown_model=unknown_model, settled=bill.days)
    notes = [note for note in listed.notes if note.code != "not_included"]
    return replace(
        listed,
        lines=(
            *(SpendLine(*place, Bounds(cost, cost), "billed") for place, cost in costs.items()),
            *listed.lines,
        ),
        coverage=replace(usage.coverage, billed_days=bill.settled_days),
        notes=(*notes, *bill.notes, *_notes(usage, bill)),
    )


def attribute(bill: Bill, usage: Usage, labelled: Collection[str]) -> Bill:
    """The bill with the default workspace as None, checked against the usage of the same days.

    `labelled` are ids that the policy names. Raises UnverifiedError where the default workspace
    cannot be told, where a line of the bill is negative, or where there is usage of a day and
    workspace without any cost.
    """
    if bill.source == "analytics":
        bill = _with_default(bill, usage, labelled)
    _refuse_negative(bill)
    _refuse_gaps(bill, usage)
    return bill


def _with_default(bill: Bill, usage: Usage, labelled: Collection[str]) -> Bill:
    """The default workspace is the one with costs that is neither listed nor in the usage."""
    known = {None, *labelled, *(workspace.id for workspace in usage.workspaces or ())}
    known |= {key.workspace for key in usage.table}
    strangers = {charge.workspace for charge in bill.charges} - known
    if len(strangers) > 1:
        raise UnverifiedError(
            f"{len(strangers)} workspaces with costs are neither listed nor in the usage "
            f"({_listed(map(str, strangers))}), so which is the default workspace is not known",
            "name all but the default workspace under names in the policy",
            code="unknown_workspaces",
        )
    charges = (
        charge._replace(workspace=None) if charge.workspace in strangers else charge
        for charge in bill.charges
    )
    notes = bill.notes
    if strangers and not any(key.workspace is None for key in usage.table):
        message = (
            f"Costs of {_listed(map(str, strangers))}, which is neither listed nor in the usage, "
            "are taken for those of the default workspace."
        )
        notes = (*notes, Note("info", "default_workspace", message))
    return replace(bill, charges=tuple(charges), notes=notes)


def _refuse_negative(bill: Bill) -> None:
    totals: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for charge in bill.charges:
            totals[charge[:4]] += charge.amount
    wrong = next((place for place, total in totals.items() if total < ZERO), None)
    if wrong:
        raise UnverifiedError(
            f"the cost data has a negative cost of {wrong[3] or wrong[2]} on {wrong[1]}",
            "look at that day in the Console; until it is clear, use list cost (spend.basis: list)",
            code="negative_cost",
        )


def _refuse_gaps(bill: Bill, usage: Usage) -> None:
    billed: set[tuple[str | None, date]] = {(it.workspace, it.day) for it in bill.charges}
    # Usage that is not told apart by workspace may have been billed to any one.
    billed |= {(UNATTRIBUTED, charge.day) for charge in bill.charges}
    for key, tokens in usage.table.items():
        if (
            bill.settles(key.day)
            and (key.workspace, key.day) not in billed
            and key.service_tier != PRIORITY
            and any(tokens)
        ):
            raise UnverifiedError(
                f"the cost data claims to be complete for {key.day}, and has no cost of "
                f"{_workspace(key)}, which has usage on that day",
                "run the gate again later; if it stays so, use list cost (spend.basis: list)",
                code="incomplete_cost",
            )


def _workspace(key: UsageKey) -> str:
    if key.workspace == UNATTRIBUTED:
        return "the organization"
    return f"workspace {key.workspace}" if key.workspace else "the default workspace"


def _notes(usage: Usage, bill: Bill) -> Iterator[Note]:
    if bill.settled_days and not any(it.service_tier == PRIORITY for it in bill.charges):
        tokens: dict[str, int] = defaultdict(int)
        for key, amount in usage.table.items():
            if key.service_tier == PRIORITY and bill.settles(key.day):
                tokens[key.model or "an unnamed model"] += amount.total
        if any(tokens.values()):
            ordered = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))
            told = ", ".join(f"{count:,} of {model}" for model, count in ordered[:_NAMED])
            rest = len(ordered) - _NAMED
            message = (
                f"Billed cost leaves out {sum(tokens.values()):,} tokens of priority tier, which "
                f"is prepaid: {told}{f' and {rest} more models' if rest > 0 else ''}."
            )
            yield Note("info", "priority_not_billed", message)
    unknown: dict[str, Decimal] = defaultdict(Decimal)
    for charge in bill.charges:
        if charge.cost_type not in (TOKENS, WEB_SEARCH, *BEYOND_USAGE):
            unknown[charge.cost_type] += charge.amount
    if unknown:
        told = _listed(f"{name} (${amount:,.2f})" for name, amount in unknown.items())
        message = f"Costs of kinds that this version does not know are counted: {told}."
        yield Note("warning", "unknown_cost", message)
    if bill.settled_days < usage.coverage.closed_days + usage.coverage.open_day:
        message = (
            "Days at list price hold neither code execution nor managed-agent session time, which "
            "come in once the day is settled."
        )
        yield Note("info", "not_included", message)


def _listed(names: Collection[str] | Iterator[str]) -> str:
    ordered = sorted(names)
    rest = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
