"""What the provider billed for settled days, and the spend it makes with the usage report."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import EXACT, ZERO, Bounds
from budget_gate.domain.period import DAY
from budget_gate.domain.prices import PriceBook, Unpriced
from budget_gate.domain.pricing import UnknownModel, price_usage
from budget_gate.domain.spend import Note, Spend, SpendLine, enumerated
from budget_gate.domain.usage import UNATTRIBUTED, Usage
from budget_gate.errors import UnverifiedError

TOKENS: Final = "tokens"
WEB_SEARCH: Final = "web_search"
# What the usage report does not hold.
BEYOND_USAGE: Final = ("code_execution", "session_usage")
PRIORITY: Final = "priority"

_NAMED = 5
_CENT = Decimal("0.01")
# Shares of a billed amount are cut off at a trillionth of a dollar.
_SHARES: Final = Context(prec=100, rounding=ROUND_DOWN)
_SHARE_PLACES: Final = Decimal("1e-12")
# Cost data is some hours old; days that are missing from it are worth a warning.
_USUALLY_LATE = 2


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


def settle(
    usage: Usage,
    bill: Bill,
    book: PriceBook,
    *,
    unknown_model: UnknownModel,
) -> Spend:
    """The spend as billed where a day is settled, and at list price less discount where not.

    A doubted day costs at least what is billed for it so far. `bill` is one that `attribute`
    returned. Raises UnverifiedError where usage of a day that the bill reaches has no cost.
    """
    listed = price_usage(usage, book, unknown_model=unknown_model, settled=bill.days)
    names = {book.model_id(it.model) or it.model: it.model for it in bill.charges if it.model}
    lines = []
    with localcontext(EXACT):
        _refuse_gaps(bill, usage, book)
        costs = _by_model(bill, usage, book, names)
        for line in listed.lines:
            least = costs.pop((*line[:2], _billed_as(line.model, book, names)), ZERO)
            low, high = (max(end, least) for end in line.cost)
            lines.append(line._replace(cost=Bounds(low, high)))
    notes = [note for note in listed.notes if note.code != "not_included"]
    return replace(
        listed,
        lines=(
            *(SpendLine(*place, Bounds.exactly(cost), "billed") for place, cost in costs.items()),
            *lines,
        ),
        coverage=replace(usage.coverage, billed_days=bill.settled_days, doubted_days=bill.doubted),
        notes=(*notes, *bill.notes, *_notes(usage, bill)),
    )


def _billed_as(model: str | None, book: PriceBook, names: Mapping[str, str]) -> str | None:
    """The name that the bill has for a model of the usage; its own where the bill has none."""
    return names.get(book.model_id(model) or model, model) if model else None


def _by_model(
    bill: Bill, usage: Usage, book: PriceBook, names: Mapping[str, str]
) -> dict[tuple[str | None, date, str | None], Decimal]:
    """What was billed by workspace, day and model.

    A bill names no model for web searches: each model of the usage has the share of its searches.
    """
    searches: dict[tuple[str | None, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, tokens in usage.table.items():
        model = _billed_as(key.model, book, names)
        if tokens.web_searches and model:
            searches[key.workspace, key.day][model] += tokens.web_searches
    costs: dict[tuple[str | None, date, str | None], Decimal] = defaultdict(Decimal)
    for charge in bill.charges:
        where = (charge.workspace, charge.day)
        shares: Mapping[str | None, Decimal] = {charge.model: charge.amount}
        if charge.cost_type == WEB_SEARCH and charge.model is None and where in searches:
            shares = _shares(charge.amount, searches[where])
        for name, amount in shares.items():
            costs[*where, name] += amount
    return costs


def _shares(amount: Decimal, counts: Mapping[str, int]) -> dict[str | None, Decimal]:
    """The amount in proportion to the counts: the largest has what the others leave of it."""
    total = sum(counts.values())
    *others, largest = sorted(counts, key=lambda name: (counts[name], name))
    shares: dict[str | None, Decimal] = {}
    for name in others:
        share = _SHARES.divide(_SHARES.multiply(amount, counts[name]), total)
        shares[name] = share.quantize(_SHARE_PLACES, context=_SHARES)
    shares[largest] = amount - sum(shares.values(), ZERO)
    return shares


def attribute(
    bill: Bill, usage: Usage, labelled: Collection[str], default: str | None = None
) -> Bill:
    """The bill with the default workspace as None.

    `labelled` are ids that the policy names, `default` is the real id of the default workspace
    where that is known. Raises UnverifiedError where the default workspace cannot be told, or where
    a cost is negative.
    """
    if bill.source == "analytics":
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
    charges = (
        charge._replace(workspace=None) if charge.workspace == default else charge
        for charge in bill.charges
    )
    return replace(bill, charges=tuple(charges))


def _refuse_negative(bill: Bill) -> None:
    totals: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for charge in bill.charges:
            totals[charge[:5]] += charge.amount
    wrong = next((place for place, total in totals.items() if total < ZERO), None)
    if wrong:
        raise UnverifiedError(
            f"the cost data has a negative cost of {wrong[3] or wrong[2]} on {wrong[1]}",
            "look at that day in the Console; until it is clear, use list cost (spend.basis: list)",
            code="negative_cost",
        )


def _refuse_gaps(bill: Bill, usage: Usage, book: PriceBook) -> None:
    """Raises where what was used on a settled day was not billed.

    Whoever has usage has some cost, and what has a list cost of a cent or more has one of its own.
    Models are looked for by name only where the bill and the price book know them all.
    """
    paid: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    unknown: set[tuple[object, ...]] = set()
    seen: set[tuple[object, ...]] = set()
    for charge in bill.charges:
        # Usage that is not told apart by workspace may have been billed to any one.
        for where in ((charge.workspace, charge.day), (UNATTRIBUTED, charge.day)):
            seen.add(where)
            paid[*where, charge.cost_type] += charge.amount
            model = book.model_id(charge.model or "")
            if charge.cost_type == TOKENS and model:
                paid[*where, model] += charge.amount
            elif charge.cost_type == TOKENS:
                unknown.add(where)
    for (workspace, day, name), (what, cost) in _due(bill, usage, book).items():
        where = (workspace, day)
        sought = TOKENS if where in unknown and name != WEB_SEARCH else name
        is_paid = paid[*where, sought] > 0 if cost >= _CENT else where in seen
        if not is_paid:
            raise UnverifiedError(
                f"the cost data claims to be complete for {day}, and has no cost of {what} in "
                f"{_workspace(workspace)}, which has usage on that day",
                "run the gate again later; if it stays so, use list cost (spend.basis: list)",
                code="incomplete_cost",
            )


def _due(
    bill: Bill, usage: Usage, book: PriceBook
) -> dict[tuple[str | None, date, str], tuple[str, Decimal]]:
    """By workspace, day and model (or kind of cost): its name, and its list cost."""
    due: dict[tuple[str | None, date, str], tuple[str, Decimal]] = {}
    for key, tokens in usage.table.items():
        # Priority tier is prepaid, and need not be billed.
        if not bill.reaches(key.day) or key.service_tier == PRIORITY:
            continue
        parts = []
        if tokens.total:
            cost = book.price(key, tokens._replace(web_searches=0))
            model = book.model_id(key.model or "")
            if isinstance(cost, Unpriced) or model is None:
                parts.append((TOKENS, key.model or TOKENS, _CENT))
            else:
                parts.append((model, model, cost.low))
        if tokens.web_searches:
            parts.append((WEB_SEARCH, "web search", _CENT))
        for name, what, amount in parts:
            place = (key.workspace, key.day, name)
            due[place] = (what, amount + due.get(place, ("", ZERO))[1])
    return due


def _workspace(id_: str | None) -> str:
    if id_ == UNATTRIBUTED:
        return "the organization"
    return f"workspace {id_}" if id_ else "the default workspace"


def _notes(usage: Usage, bill: Bill) -> Iterator[Note]:
    if bill.settled_days:
        prepaid = {(it.workspace, it.day) for it in bill.charges if it.service_tier == PRIORITY}
        tokens: dict[str, int] = defaultdict(int)
        for key, amount in usage.table.items():
            is_settled = bill.settles(key.day) and (key.workspace, key.day) not in prepaid
            if key.service_tier == PRIORITY and is_settled:
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
        told = enumerated(sorted(f"{name} (${amount:,.2f})" for name, amount in unknown.items()))
        message = f"Costs of kinds that this version does not know are counted: {told}."
        yield Note("warning", "unknown_cost", message)
    late = usage.coverage.closed_days - (bill.through - bill.start).days
    if late > _USUALLY_LATE:
        message = f"Costs reach only up to {bill.through}: {late} closed days are at list price."
        yield Note("warning", "late_costs", message)
    if bill.settled_days < usage.coverage.closed_days + usage.coverage.open_day:
        message = (
            "Days at list price hold neither code execution nor managed-agent session time, which "
            "come in once the day is settled."
        )
        yield Note("info", "not_included", message)
