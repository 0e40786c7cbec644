"""Days that the bill claims to have whole, and whose costs are too low for that: more will come."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final, NamedTuple

from budget_gate.domain.bill import PRIORITY, TOKENS, WEB_SEARCH, Bill
from budget_gate.domain.bounds import EXACT, ZERO
from budget_gate.domain.prices import PriceBook, Unpriced
from budget_gate.domain.spend import Note, enumerated
from budget_gate.domain.usage import UNATTRIBUTED, Usage

# A day may be billed this much less than the other days lead one to expect.
TOLERANCE: Final = Fraction(10, 100)
# The other days agree where the ratios of billed to list cost lie this close together.
AGREEMENT: Final = Fraction(2, 100)
# So many days at least tell what is usual; from so many on, days that do not agree tell nothing.
_FEWEST: Final = 3
_MANY: Final = 5
_CENT: Final = Decimal("0.01")


class _Sides(NamedTuple):
    """USD of a day that can be compared: list cost less discount, and what was billed of it."""

    listed: Decimal
    billed: Decimal


def doubt_late(bill: Bill, usage: Usage, book: PriceBook, *, expected: int | None) -> Bill:
    """The bill, its days doubted that are too low to be whole, and a note that names them.

    The measure is the ratio of billed cost to list cost less discount: what is more than 10% below
    the one that more than half of the days share within 2% (three days at least) is not all there
    yet. So a discount that the policy does not know makes no day doubtful, and several short days
    do not hide one another. `expected` is the measure where too few days are there to tell.
    """
    with localcontext(EXACT):
        kinds = _sides(bill, usage, book)
    found: dict[date, _Sides] = {}
    is_usual = True
    for sides in kinds.values():
        ratios = {
            day: Fraction(each.billed) / Fraction(each.listed)
            for day, each in sides.items()
            # A day without any cost is an error of its own.
            if each.listed >= _CENT and each.billed > 0
        }
        usual = _usual(ratios.values())
        are_few = usual is None and len(ratios) < _MANY
        least = expected if are_few else usual
        for day, ratio in ratios.items():
            if least is not None and ratio < least * (1 - TOLERANCE):
                found[day] = sides[day]
                is_usual &= not are_few
    if not found:
        return bill
    told = enumerated(
        [
            f"{day} (${each.billed:,.2f} billed, ${each.listed:,.2f} at list prices)"
            for day, each in sorted(found.items())
        ]
    )
    remedy = (
        "if it stays so, look at the bill in the Console"
        if is_usual
        else "if that is a discount of yours, set prices.discount"
    )
    message = (
        f"Some costs seem to be missing from the bill: {told}. Until they are in, list prices less "
        f"discount count there; {remedy}."
    )
    note = Note("warning", "late_costs_suspected", message)
    return replace(bill, doubted=frozenset(found), notes=(*bill.notes, note))


def _usual(ratios: Collection[Fraction]) -> Fraction | None:
    """The lowest of the ratios of more than half of the days that agree; None where they do not."""
    ordered = sorted(ratios)
    count = max(_FEWEST, len(ordered) // 2 + 1)
    pairs = zip(ordered, ordered[count - 1 :], strict=False)
    return next((low for low, high in pairs if high <= low * (1 + AGREEMENT)), None)


def _sides(bill: Bill, usage: Usage, book: PriceBook) -> dict[str, dict[date, _Sides]]:
    """Both sides by kind of cost and day, of what is billed and has one list cost.

    Priority tier is prepaid. A model whose list cost on a day is a range is left out of that day.
    """
    listed: dict[tuple[str, date, str | None], Decimal] = defaultdict(Decimal)
    vague: set[tuple[str, date, str | None]] = set()
    for key, tokens in usage.table.items():
        if not bill.reaches(key.day):
            continue
        if tokens.web_searches:
            price = book.document.web_search * tokens.web_searches / 1000
            listed[WEB_SEARCH, key.day, None] += price
        if tokens.total and key.service_tier != PRIORITY:
            cost = book.price(key, tokens._replace(web_searches=0))
            part = (TOKENS, key.day, book.model_id(key.model or ""))
            if isinstance(cost, Unpriced) or not cost.is_exact or key.workspace == UNATTRIBUTED:
                vague.add(part)
            else:
                listed[part] += cost.low
    billed: dict[tuple[str, date, str | None], Decimal] = defaultdict(Decimal)
    for charge in bill.charges:
        if charge.cost_type == WEB_SEARCH:
            billed[WEB_SEARCH, charge.day, None] += charge.amount
        # A kind of cost that names a model is of its tokens, whatever it is called.
        elif (charge.cost_type == TOKENS or charge.model) and charge.service_tier != PRIORITY:
            billed[TOKENS, charge.day, book.model_id(charge.model or "")] += charge.amount
    sides: dict[str, dict[date, _Sides]] = {TOKENS: {}, WEB_SEARCH: {}}
    for part in (listed.keys() | billed.keys()) - vague:
        kind, day, _ = part
        before = sides[kind].get(day, _Sides(ZERO, ZERO))
        sides[kind][day] = _Sides(
            before.listed + listed.get(part, ZERO), before.billed + billed.get(part, ZERO)
        )
    return sides
