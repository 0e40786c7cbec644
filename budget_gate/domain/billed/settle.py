"""Usage and bill -> the spend of settled days as billed, and of the others at list price."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_DOWN, Context, Decimal
from typing import Final

from budget_gate.domain.billed.bill import (
    BEYOND_USAGE,
    PRIORITY,
    TOKENS,
    WEB_SEARCH,
    Bill,
    listed_costs,
)
from budget_gate.domain.bounds import ZERO, Bounds, minus, plus, sum_of
from budget_gate.domain.notes import Note, enumerated, usd
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.pricing import UnknownModel, list_spend
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.spend import Spend, SpendLine
from budget_gate.domain.usage import UNATTRIBUTED, Usage
from budget_gate.errors import UnverifiedError

_NAMED = 5
_CENT = Decimal("0.01")
# Shares of a billed amount are cut off at a trillionth of a dollar.
_SHARES: Final = Context(prec=100, rounding=ROUND_DOWN)
_SHARE_PLACES: Final = Decimal("1e-12")
# Cost data is some hours old; days that are missing from it are worth a warning.
_USUALLY_LATE = 2


def settle(priced: PricedUsage, bill: Bill, *, unknown_model: UnknownModel) -> Spend:
    """The spend as billed where a day is settled, and at list price less discount where not.

    A doubted day costs at least what is billed for it so far. `bill` is one that `attribute`
    returned. Raises UnverifiedError where usage of a day that the bill reaches has no cost.
    """
    usage, book = priced.usage, priced.book
    listed = list_spend(priced, unknown_model=unknown_model, settled=bill.days)
    names = {book.model_id(it.model) or it.model: it.model for it in bill.charges if it.model}
    lines = []
    _refuse_gaps(bill, priced)
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
            costs[*where, name] = plus(costs[*where, name], amount)
    return costs


def _shares(amount: Decimal, counts: Mapping[str, int]) -> dict[str | None, Decimal]:
    """The amount in proportion to the counts: the largest has what the others leave of it."""
    total = sum(counts.values())
    *others, largest = sorted(counts, key=lambda name: (counts[name], name))
    shares: dict[str | None, Decimal] = {}
    for name in others:
        share = _SHARES.divide(_SHARES.multiply(amount, counts[name]), total)
        shares[name] = share.quantize(_SHARE_PLACES, context=_SHARES)
    shares[largest] = minus(amount, sum_of(shares.values()))
    return shares


def _refuse_gaps(bill: Bill, priced: PricedUsage) -> None:
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
            names: list[str] = [charge.cost_type]
            model = priced.book.model_id(charge.model or "")
            if charge.cost_type == TOKENS and model:
                names.append(model)
            elif charge.cost_type == TOKENS:
                unknown.add(where)
            for name in names:
                paid[*where, name] = plus(paid[*where, name], charge.amount)
    for (workspace, day, name), (what, cost) in _due(bill, priced).items():
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
    bill: Bill, priced: PricedUsage
) -> dict[tuple[str | None, date, str], tuple[str, Decimal]]:
    """By workspace, day and model (or kind of cost): its name, and its list cost."""
    due: dict[tuple[str | None, date, str], tuple[str, Decimal]] = {}
    for (key, *_), kind, cost in listed_costs(priced, bill.reaches):
        # Priority tier is prepaid, and need not be billed.
        if key.service_tier == PRIORITY:
            continue
        model = priced.book.model_id(key.model or "")
        if kind == WEB_SEARCH:
            name, what, amount = WEB_SEARCH, "web search", _CENT
        elif isinstance(cost, Unpriced) or model is None:
            name, what, amount = TOKENS, key.model or TOKENS, _CENT
        else:
            name, what, amount = model, model, cost.low
        place = (key.workspace, key.day, name)
        due[place] = (what, plus(amount, due.get(place, ("", ZERO))[1]))
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
            unknown[charge.cost_type] = plus(unknown[charge.cost_type], charge.amount)
    if unknown:
        told = enumerated(sorted(f"{name} ({usd(amount)})" for name, amount in unknown.items()))
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
