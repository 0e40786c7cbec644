"""List cost against billed cost, line by line."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from budget_gate.domain.billed.audit import TOLERANCE_USD, Audit, AuditLine, Cause, Part, is_beyond
from budget_gate.domain.billed.bill import PRIORITY, TOKENS, WEB_SEARCH, Bill, listed_costs
from budget_gate.domain.bounds import NOTHING, UNLIMITED, ZERO, Bounds, minus, plus, sum_of
from budget_gate.domain.period import Period
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import UNATTRIBUTED, UsageKey
from budget_gate.errors import UnverifiedError

_RATIOS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ONE: Final = Decimal(1)
# A discount is told to a hundredth of a percent, and what it explains to a trillionth of a dollar.
_DISCOUNT_PLACES: Final = Decimal("0.0001")
_COST_PLACES: Final = Decimal("1e-12")
# One line alone could as well have a wrong price, and so could one model.
_LINES_OF_A_DISCOUNT: Final = 2
_MODELS_OF_A_DISCOUNT: Final = 2
# What the usage report does not hold, so that no list cost can be compared with it.
_BEYOND_USAGE: Final[dict[str, Cause]] = {
    "code_execution": "code_execution",
    "session_usage": "session_usage",
}


@dataclass(slots=True)
class _Sides:
    """Both sides of a line, in USD; list cost without priority tier, which may not be billed."""

    listed: Bounds = NOTHING
    priority: Bounds = NOTHING
    billed: Decimal = ZERO
    is_priority_billed: bool = False
    is_own_price: bool = False

    @property
    def comparable(self) -> Bounds:
        """The list cost of what is billed."""
        return self.listed.plus(self.priority) if self.is_priority_billed else self.listed


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
    discount = _discount(sides, book)
    usual = _usual_discount(sides, book) if discount is None else None
    taken = usual if discount is None else discount
    lines = [
        _line(part, each, book, taken, is_usual=usual is not None) for part, each in sides.items()
    ]
    lines.sort(key=_worst_first)
    return Audit(
        status="drift" if any(line.is_beyond for line in lines) else "ok",
        as_of=as_of,
        period=_period(bill),
        settled_days=bill.settled_days,
        lines=tuple(lines),
        discount=discount,
        usual=usual,
        apart=_models_apart(sides, book, taken),
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


def _refuse_unbilled_days(sides: dict[Part, _Sides], bill: Bill) -> None:
    """Raises where a settled day has usage of a cent or more, and the bill has nothing of it."""
    used = {part.day for part, each in sides.items() if each.listed.low >= TOLERANCE_USD}
    for day in sorted(used - {charge.day for charge in bill.charges}):
        raise UnverifiedError(
            f"the cost data claims to be complete for {day}, which has usage and no cost",
            "run the audit again later",
            code="incomplete_cost",
        )


def _sides(priced: PricedUsage, bill: Bill) -> dict[Part, _Sides]:
    sides: dict[Part, _Sides] = defaultdict(_Sides)
    book = priced.book
    billed_as = _names_in_bill(bill, book)
    for (key, *_), kind, listed in listed_costs(priced, bill.settles):
        cost = Bounds(ZERO, UNLIMITED) if isinstance(listed, Unpriced) else listed
        if kind == WEB_SEARCH:
            side = sides[Part(key.day, key.workspace, WEB_SEARCH, None)]
        else:
            side = sides[_part(key, billed_as, book)]
            side.is_own_price |= book.has_own_price(key.model, key.day)
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
        side.billed = plus(side.billed, charge.amount)
        side.is_priority_billed |= charge.service_tier == PRIORITY
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
    part: Part, sides: _Sides, book: PriceBook, discount: Decimal | None, *, is_usual: bool
) -> AuditLine:
    listed, whole = sides.comparable, sides.listed.plus(sides.priority)
    is_unpriced = not listed.is_limited
    if is_unpriced:
        # Counted as nothing, so that all that was billed shows as what is missing.
        listed, whole = Bounds.exactly(listed.low), Bounds.exactly(whole.low)
    drift, left = _apart(sides.billed, whole), _apart(sides.billed, listed)
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
    if discount is not None and _takes_discount(part, sides):
        after = _apart(sides.billed, _scaled(listed, _factor(discount, book)))
        # The usual discount is also taken where a line does not agree by it, to show what is left.
        if after.copy_abs() < left.copy_abs() or (is_usual and beyond):
            causes.append(("discount", minus(left, after)))
            left = after
    has_book_price = part.cost_type in (TOKENS, WEB_SEARCH) and not sides.is_own_price
    if has_book_price and is_beyond(left, listed) and book.document.verified_on < part.day:
        causes.append(("old_prices", left))
        left = ZERO
    return AuditLine(
        part, sides.listed.plus(sides.priority), sides.billed, drift, tuple(causes), left, beyond
    )


def _apart(amount: Decimal, bounds: Bounds) -> Decimal:
    """How far an amount lies above (or, negative, below) an interval; 0 within it."""
    return minus(amount, min(max(amount, bounds.low), bounds.high))


def _takes_discount(part: Part, sides: _Sides) -> bool:
    """Whether a discount on list prices of tokens concerns the line."""
    return part.cost_type == TOKENS and sides.listed.is_limited and not sides.is_own_price


def _discount(sides: dict[Part, _Sides], book: PriceBook) -> Decimal | None:
    """The discount off list that has every line agree; None where there is none, or it is set."""
    lines = [
        (each.comparable, each.billed)
        for part, each in sides.items()
        if _takes_discount(part, each) and each.comparable.low
    ]
    exact = [(bounds.low, amount) for bounds, amount in lines if bounds.is_exact]
    showing = [each for each in lines if is_beyond(_apart(each[1], each[0]), each[0])]
    listed = sum_of(amount for amount, _ in exact)
    if len(showing) < _LINES_OF_A_DISCOUNT or not listed:
        return None
    discount = _discount_of(exact, book)
    if discount is None:
        return None
    factor = _factor(discount, book)
    return discount if all(_agrees(*each, factor) for each in lines) else None


def _usual_discount(sides: dict[Part, _Sides], book: PriceBook) -> Decimal | None:
    """The discount off list by which most lines of two models at least agree; None without one."""
    lines = [
        (part.model, each.comparable, each.billed)
        for part, each in sides.items()
        if _takes_discount(part, each) and each.comparable.low and each.comparable.is_exact
    ]
    of_model: dict[str | None, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for model, bounds, amount in lines:
        of_model[model].append((bounds.low, amount))
    for pairs in of_model.values():
        discount = _discount_of(pairs, book)
        if discount is None:
            continue
        factor = _factor(discount, book)
        alike = [it for it in lines if _agrees(*it[1:], factor)]
        # A line so small that it agrees either way shows nothing.
        silent = sum(_agrees(*it[1:], _ONE) for it in alike)
        found = [it for it in alike if not _agrees(*it[1:], _ONE)]
        is_shared = len({model for model, _, _ in found}) >= _MODELS_OF_A_DISCOUNT
        if 2 * len(found) > len(lines) - silent and is_shared:
            return _discount_of([(bounds.low, amount) for _, bounds, amount in found], book)
    return None


def _discount_of(pairs: Sequence[tuple[Decimal, Decimal]], book: PriceBook) -> Decimal | None:
    """What is off list where so much was billed of list costs; None where that is none, or set."""
    listed, billed = (sum_of(side) for side in zip(*pairs, strict=True))
    with localcontext(_RATIOS):
        discount = 1 - (1 - book.discount) * billed / listed
        discount = discount.quantize(_DISCOUNT_PLACES)
    return discount if 0 <= discount < 1 and discount != book.discount else None


def _models_apart(
    sides: dict[Part, _Sides], book: PriceBook, discount: Decimal | None
) -> dict[str, Decimal]:
    """How far the lines of a model that do not agree are from list cost, as a ratio of it.

    List cost is that at `discount`, where there is one.
    """
    discounted = _ONE if discount is None else _factor(discount, book)
    apart: dict[str, Decimal] = defaultdict(Decimal)
    listed: dict[str, Decimal] = defaultdict(Decimal)
    for part, each in sides.items():
        if part.cost_type != TOKENS or not part.model or not each.comparable.is_limited:
            continue
        factor = discounted if _takes_discount(part, each) else _ONE
        bounds = _scaled(each.comparable, factor)
        if bounds.low and not _agrees(each.comparable, each.billed, factor):
            apart[part.model] = plus(apart[part.model], _apart(each.billed, bounds))
            listed[part.model] = plus(listed[part.model], bounds.low)
    return {model: _RATIOS.divide(apart[model], listed[model]) for model in sorted(apart)}


def _agrees(bounds: Bounds, billed: Decimal, factor: Decimal) -> bool:
    """Whether what was billed agrees with list cost times a factor."""
    return not is_beyond(_apart(billed, _scaled(bounds, factor)), bounds)


def _scaled(bounds: Bounds, factor: Decimal) -> Bounds:
    return Bounds(_times(bounds.low, factor), _times(bounds.high, factor))


def _factor(discount: Decimal, book: PriceBook) -> Decimal:
    """What turns list cost at the policy's discount into that at another one."""
    return _RATIOS.divide(minus(_ONE, discount), minus(_ONE, book.discount))


def _times(amount: Decimal, factor: Decimal) -> Decimal:
    return _RATIOS.multiply(amount, factor).quantize(_COST_PLACES, context=_RATIOS)
