"""List cost against billed cost, line by line."""

from collections import defaultdict
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

from budget_gate.domain.billed.audit import (
    TOLERANCE_USD,
    Audit,
    AuditLine,
    Cause,
    Differing,
    Part,
    is_beyond,
)
from budget_gate.domain.billed.bill import PRIORITY, TOKENS, WEB_SEARCH, Bill, listed_costs
from budget_gate.domain.billed.differing import differing
from budget_gate.domain.billed.discounts import (
    discounts_of_models,
    factor_of,
    models_apart,
    shared_discount,
    usual_discount,
)
from budget_gate.domain.billed.sides import (
    Sides,
    apart_from,
    is_told_discount,
    scaled,
    takes_discount,
    told_cost,
)
from budget_gate.domain.bounds import UNLIMITED, ZERO, Bounds, minus
from budget_gate.domain.period import Period
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import UNATTRIBUTED, UsageKey
from budget_gate.errors import UnverifiedError

# What the usage report does not hold, so that no list cost can be compared with it.
_BEYOND_USAGE: Final[dict[str, Cause]] = {
    "code_execution": "code_execution",
    "session_usage": "session_usage",
}


def compare(
    priced: PricedUsage, bill: Bill, names: dict[str | None, str], as_of: datetime
) -> Audit:
    """The audit of the days that the bill settles; `bill` is one that `attribute` returned.

    Raises UnverifiedError where the usage does not tell its workspaces, or where a day has no cost.
    """
    usage, book = priced.usage, priced.book
    if any(key.workspace == UNATTRIBUTED for key in usage.table):
        raise UnverifiedError(
            "the usage report does not separate workspaces here, so no lines can be compared",
            "ask the API directly, not a gateway",
            code="workspace_unresolved",
        )
    sides = _sides(priced, bill)
    _refuse_unbilled_days(sides, bill)
    discount = shared_discount(sides, book)
    usual = usual_discount(sides, book) if discount is None else None
    taken = usual if discount is None else discount
    differs = differing(sides, book)
    lines = [
        _line(part, each, book, taken, differs.get(part), is_usual=usual is not None)
        for part, each in sides.items()
    ]
    counted = {part for part, what in differs.items() if what == "counts"}
    lines.sort(key=_worst_first)
    return Audit(
        status="drift" if any(line.is_beyond for line in lines) else "ok",
        as_of=as_of,
        period=_period(bill),
        settled_days=bill.settled_days,
        lines=tuple(lines),
        discount=discount,
        usual=usual,
        apart=models_apart(sides, book, taken, counted),
        discounts=discounts_of_models(sides, book, taken),
        names=names,
        taken=book.discount,
        own_prices=len(book.overrides),
        notes=(*usage.notes, *bill.notes),
    )


def _worst_first(line: AuditLine) -> tuple[object, ...]:
    part = line.part
    names = (part.workspace or "", part.cost_type, part.model or "")
    return not line.is_beyond, line.unfixed.copy_abs().copy_negate(), part.day, *names


def _period(bill: Bill) -> Period:
    start, end = (datetime.combine(day, time(), UTC) for day in (bill.start, bill.through))
    return Period(start, end)


def _refuse_unbilled_days(sides: dict[Part, Sides], bill: Bill) -> None:
    """Raises where a settled day has usage of a cent or more, and the bill has nothing of it."""
    used = {part.day for part, each in sides.items() if each.listed.low >= TOLERANCE_USD}
    for day in sorted(used - {charge.day for charge in bill.charges}):
        raise UnverifiedError(
            f"the cost data claims to be complete for {day}, which has usage and no cost",
            "run the audit again later",
            code="incomplete_cost",
        )


def _sides(priced: PricedUsage, bill: Bill) -> dict[Part, Sides]:
    sides: dict[Part, Sides] = defaultdict(Sides)
    book = priced.book
    billed_as = _names_in_bill(bill, book)
    for row, kind, listed in listed_costs(priced, bill.settles):
        key = row.key
        cost = Bounds(ZERO, UNLIMITED) if isinstance(listed, Unpriced) else listed
        if kind == WEB_SEARCH:
            side = sides[Part(key.day, key.workspace, WEB_SEARCH, None)]
        else:
            side = sides[_part(key, billed_as, book)]
            side.is_own_price |= book.has_own_price(key.model, key.day)
        side.count(row, kind, book)
        if kind == TOKENS and key.service_tier == PRIORITY:
            side.priority = side.priority.plus(cost)
        else:
            side.listed = side.listed.plus(cost)
    for charge in bill.charges:
        if not bill.settles(charge.day):
            continue
        model = charge.model if charge.cost_type == TOKENS else None
        name = billed_as.get(model, model) if model else None
        side = sides[Part(charge.day, charge.workspace, charge.cost_type, name)]
        side.add(charge)
        side.is_priority_billed |= charge.service_tier == PRIORITY
    if all(charge.list_amount is None for charge in bill.charges):
        # That a line has no costs says nothing of it then.
        for side in sides.values():
            side.told = None
    return sides


def _part(key: UsageKey, billed_as: dict[str, str], book: PriceBook) -> Part:
    name = key.model
    if name:
        # A model that no price book knows may be dated in the usage and undated in the bill.
        short = undated(name) if undated(name) in billed_as.values() else name
        name = billed_as.get(name) or book.model_id(name) or short
    return Part(key.day, key.workspace, TOKENS, name)


def _names_in_bill(bill: Bill, book: PriceBook) -> dict[str, str]:
    """By the name of a model in the bill, the name that a line has for it."""
    named = {charge.model for charge in bill.charges if charge.model}
    return {name: book.model_id(name) or name for name in named}


def _line(
    part: Part,
    sides: Sides,
    book: PriceBook,
    discount: Decimal | None,
    differs: Differing | None,
    *,
    is_usual: bool,
) -> AuditLine:
    listed, whole = sides.comparable, sides.listed.plus(sides.priority)
    is_unpriced = not listed.is_limited
    if is_unpriced:
        # Counted as nothing, so that all that was billed shows as what is missing.
        listed, whole = Bounds.exactly(listed.low), Bounds.exactly(whole.low)
    drift, left = apart_from(sides.billed, whole), apart_from(sides.billed, listed)
    causes: list[tuple[Cause, Decimal]] = []
    if left != drift:
        causes.append(("priority", minus(drift, left)))
    cause = _BEYOND_USAGE.get(part.cost_type)
    if cause:
        causes.append((cause, left))
        left = ZERO
    beyond = is_unpriced or is_beyond(left, listed)
    if is_unpriced:
        causes.append(("unpriced", left))
        left = ZERO
    told = told_cost(part, sides, book)
    gap = None if told is None else apart_from(told, listed)
    factor = None if discount is None else factor_of(discount, book)
    after = _after_discount(part, sides, left, gap, factor)
    # One that is shared is also taken where the line agrees, if it then agrees better; and the
    # usual one where the line does not agree by it, to show what is left.
    is_nearer = factor is not None and after.copy_abs() < left.copy_abs()
    if after != left and (is_nearer or (beyond and (is_usual or gap is not None))):
        causes.append(("discount", minus(left, after)))
        left = after
    if beyond and gap is not None and differs == "counts":
        causes.append(("counts", gap))
        left = minus(left, gap)
    has_book_price = part.cost_type in (TOKENS, WEB_SEARCH) and not sides.is_own_price
    # A price that the provider's own list cost confirms is none that has changed.
    has_book_price &= gap is None or is_beyond(gap, listed)
    if has_book_price and is_beyond(left, listed) and book.document.verified_on < part.day:
        causes.append(("old_prices", left))
        left = ZERO
    return AuditLine(
        part,
        sides.listed.plus(sides.priority),
        sides.billed,
        drift,
        tuple(causes),
        left,
        beyond,
        list_amount=sides.told,
        list_drift=gap,
        differs=differs if beyond else None,
    )


def _after_discount(
    part: Part, sides: Sides, left: Decimal, gap: Decimal | None, factor: Decimal | None
) -> Decimal:
    """What is left of a drift once a discount is taken off.

    What is off the provider's own list cost, which lies `gap` from list cost, is its discount by
    itself. Where the provider does not tell that, it is the one that the lines share, with which
    list cost is `factor` of what it was; None without one.
    """
    if gap is not None:
        return gap if is_told_discount(part, sides) else left
    if factor is None or not takes_discount(part, sides):
        return left
    return apart_from(sides.billed, scaled(sides.comparable, factor))
