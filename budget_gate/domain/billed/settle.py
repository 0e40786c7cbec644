"""Usage and bill -> the spend of settled days as billed, and of the others at list price."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_DOWN, Context, Decimal
from functools import reduce
from typing import Final

from budget_gate.domain.billed.bill import (
    BEYOND_USAGE,
    PRIORITY,
    TOKENS,
    WEB_SEARCH,
    Bill,
    Charge,
    listed_costs,
)
from budget_gate.domain.billed.names import model_of, naming
from budget_gate.domain.bounds import ZERO, Bounds, minus, plus, sum_of
from budget_gate.domain.notes import Note, enumerated, list_prices, usd
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.pricing import UnknownModel, list_spend
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.spend import Spend, SpendLine
from budget_gate.domain.usage import UNATTRIBUTED, Usage
from budget_gate.errors import UnverifiedError

# Tokens billed under a name that no usage there has: of a model that the price book knows, or not.
_KNOWN_STRAY, _STRAY = " known", " unknown"
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
    _refuse_gaps(bill, priced)
    billed = list(_billed_lines(bill, usage, book))
    late = [it for it in billed if not bill.settles(it.day)]
    notes = [note for note in listed.notes if note.code != "not_included"]
    return listed._replace(
        lines=(
            *(it for it in billed if bill.settles(it.day)),
            *_at_least(listed.lines, late, book),
        ),
        coverage=usage.coverage._replace(billed_days=bill.settled_days, doubted_days=bill.doubted),
        notes=(*notes, *bill.notes, *_notes(usage, bill, book)),
    )


def told_charges(
    bill: Bill, usage: Usage, book: PriceBook
) -> Iterator[tuple[Charge, tuple[str, ...] | None]]:
    """Each charge, with the names of the usage that it may be of; None where it is of no model.

    A bill names no model for web searches: each model of the usage has the share of its searches.
    Searches of no told model, and tokens of none, may be of any; other kinds of cost are of none.
    """
    names_of = naming(bill, usage, book)
    called = {model_of(it.model, book): it.model for it in bill.charges if it.model}
    searches: dict[tuple[str | None, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    unnamed: set[tuple[str | None, date]] = set()
    for key, tokens in usage.table.items():
        if tokens.web_searches and key.model:
            searches[key.workspace, key.day][key.model] += tokens.web_searches
        elif tokens.web_searches:
            unnamed.add((key.workspace, key.day))
    for charge in bill.charges:
        where = (charge.workspace, charge.day)
        is_split = charge.cost_type == WEB_SEARCH and where in searches.keys() - unnamed
        if charge.model is None and is_split:
            for name, amount in shares(charge.amount, searches[where]).items():
                model = called.get(model_of(name, book), name)
                yield charge._replace(model=model, amount=amount), (name,)
        elif charge.model:
            yield charge, names_of(*where, charge.model)
        else:
            yield charge, () if charge.cost_type in (TOKENS, WEB_SEARCH) else None


def _billed_lines(bill: Bill, usage: Usage, book: PriceBook) -> Iterator[SpendLine]:
    """What was billed by workspace, day and model, under the names of the usage."""
    costs: dict[tuple[str | None, date, str | None, tuple[str, ...] | None], Decimal]
    costs = defaultdict(Decimal)
    for charge, names in told_charges(bill, usage, book):
        place = (charge.workspace, charge.day, charge.model, names)
        costs[place] = plus(costs[place], charge.amount)
    for (workspace, day, model, names), amount in costs.items():
        yield SpendLine(workspace, day, model, Bounds.exactly(amount), "billed", names)


def _at_least(
    lines: Iterable[SpendLine], late: Collection[SpendLine], book: PriceBook
) -> Iterator[SpendLine]:
    """The `lines` of days at list price: a model costs no less than the `late` ones bill so far."""
    # Where the bill does not tell models apart, a day is what all of them cost together.
    mixed = {(it.workspace, it.day) for it in late if it.names == ()}

    def place_of(line: SpendLine) -> tuple[object, ...]:
        where = (line.workspace, line.day)
        return where if where in mixed else (*where, line.model and model_of(line.model, book))

    listed: dict[tuple[object, ...], list[SpendLine]] = defaultdict(list)
    billed: dict[tuple[object, ...], list[SpendLine]] = defaultdict(list)
    for line in lines:
        listed[place_of(line)].append(line)
    for line in late:
        # List cost has nothing of a cost that is of no model.
        billed[(line,) if line.names is None else place_of(line)].append(line)
    for place, parts in listed.items():
        least = sum_of(line.cost.low for line in billed.pop(place, ()))
        low, high = reduce(Bounds.plus, (line.cost for line in parts))
        if least <= low:
            yield from parts
        else:
            names = tuple(sorted(it.model for it in parts if it.model))
            is_told = place not in mixed and len(names) == len(parts)
            cost = Bounds(least, max(high, least))
            yield parts[0]._replace(cost=cost, names=names if is_told else ())
    for left in billed.values():
        yield from left


def shares(amount: Decimal, counts: Mapping[str, int]) -> dict[str, Decimal]:
    """The amount in proportion to the counts: the largest has what the others leave of it."""
    total = sum(counts.values())
    *others, largest = sorted(counts, key=lambda name: (counts[name], name))
    found: dict[str, Decimal] = {}
    for name in others:
        share = _SHARES.divide(_SHARES.multiply(amount, counts[name]), total)
        found[name] = share.quantize(_SHARE_PLACES, context=_SHARES)
    found[largest] = minus(amount, sum_of(found.values()))
    return found


def _refuse_gaps(bill: Bill, priced: PricedUsage) -> None:
    """Raises where what was used on a settled day was not billed.

    Whoever has usage has some cost, and what has a list cost of a cent or more has one of its own.
    Only a name in the bill that is none of the usage there may be that of another model.
    """
    book = priced.book
    due = _due(bill, priced)
    paid: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    seen: set[tuple[object, ...]] = set()
    for charge in bill.charges:
        # Usage that is not told apart by workspace may have been billed to any one.
        for where in ((charge.workspace, charge.day), (UNATTRIBUTED, charge.day)):
            seen.add(where)
            names = [charge.cost_type]
            if charge.cost_type == TOKENS:
                names.append(model_of(charge.model or "", book))
                if (*where, names[1]) not in due:
                    is_known = book.model_id(charge.model or "")
                    names.append(_KNOWN_STRAY if is_known else _STRAY)
            for name in names:
                paid[*where, name] = plus(paid[*where, name], charge.amount)
    for (workspace, day, name), (what, cost) in due.items():
        where = (workspace, day)
        names = [name, *([] if name == WEB_SEARCH else [_STRAY])]
        if name != WEB_SEARCH and not book.model_id(what):
            # What the price book does not know may be billed under a name that it does know.
            names.append(_KNOWN_STRAY)
        is_paid = any(paid[*where, it] > 0 for it in names) if cost >= _CENT else where in seen
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
        if kind == WEB_SEARCH:
            name, what, amount = WEB_SEARCH, "web search", _CENT
        else:
            name = model_of(key.model, priced.book) if key.model else TOKENS
            what = key.model or TOKENS
            amount = _CENT if isinstance(cost, Unpriced) else cost.low
        place = (key.workspace, key.day, name)
        due[place] = (what, plus(amount, due.get(place, ("", ZERO))[1]))
    return due


def _workspace(id_: str | None) -> str:
    if id_ == UNATTRIBUTED:
        return "the organization"
    return f"workspace {id_}" if id_ else "the default workspace"


def _notes(usage: Usage, bill: Bill, book: PriceBook) -> Iterator[Note]:
    if bill.settled_days:
        prepaid = {(it.workspace, it.day) for it in bill.charges if it.service_tier == PRIORITY}
        tokens: dict[str, int] = defaultdict(int)
        for key, amount in usage.table.items():
            is_settled = bill.settles(key.day) and (key.workspace, key.day) not in prepaid
            if key.service_tier == PRIORITY and is_settled:
                tokens[key.model or "an unnamed model"] += amount.total
        if any(tokens.values()):
            ordered = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))
            told = enumerated([f"{count:,} of {model}" for model, count in ordered])
            message = (
                f"Billed cost leaves out {sum(tokens.values()):,} tokens of priority tier, which "
                f"is prepaid: {told}."
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
        prices = list_prices(book.discount)
        message = f"Costs are known only up to {bill.through}: {late} full days are at {prices}."
        yield Note("warning", "late_costs", message)
    if bill.settled_days < usage.coverage.closed_days + usage.coverage.open_day:
        message = (
            "Days that are not settled include neither code execution nor managed-agent sessions; "
            "these are added once the day is settled."
        )
        yield Note("info", "not_included", message)
