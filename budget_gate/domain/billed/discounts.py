"""Which discount the lines of a bill share, and which models are apart from it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from budget_gate.domain.billed.audit import Part, is_beyond
from budget_gate.domain.billed.bill import TOKENS
from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, minus, plus, sum_of
from budget_gate.domain.prices.book import PriceBook

_RATIOS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
_ONE: Final = Decimal(1)
# A discount is told to a hundredth of a percent, and what it explains to a trillionth of a dollar.
_DISCOUNT_PLACES: Final = Decimal("0.0001")
_COST_PLACES: Final = Decimal("1e-12")
# One line alone could as well have a wrong price, and so could one model.
_LINES_OF_A_DISCOUNT: Final = 2
_MODELS_OF_A_DISCOUNT: Final = 2


@dataclass(slots=True)
class Sides:
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


def apart_from(amount: Decimal, bounds: Bounds) -> Decimal:
    """How far an amount lies above (or, negative, below) an interval; 0 within it."""
    return minus(amount, min(max(amount, bounds.low), bounds.high))


def takes_discount(part: Part, sides: Sides) -> bool:
    """Whether a discount on list prices of tokens concerns the line."""
    return part.cost_type == TOKENS and sides.listed.is_limited and not sides.is_own_price


def shared_discount(sides: dict[Part, Sides], book: PriceBook) -> Decimal | None:
    """The discount off list that has every line agree; None where there is none, or it is set."""
    lines = [
        (each.comparable, each.billed)
        for part, each in sides.items()
        if takes_discount(part, each) and each.comparable.low
    ]
    exact = [(bounds.low, amount) for bounds, amount in lines if bounds.is_exact]
    showing = [each for each in lines if is_beyond(apart_from(each[1], each[0]), each[0])]
    listed = sum_of(amount for amount, _ in exact)
    if len(showing) < _LINES_OF_A_DISCOUNT or not listed:
        return None
    discount = _discount_of(exact, book)
    if discount is None:
        return None
    factor = factor_of(discount, book)
    return discount if all(_agrees(*each, factor) for each in lines) else None


def usual_discount(sides: dict[Part, Sides], book: PriceBook) -> Decimal | None:
    """The discount off list by which most lines of two models at least agree; None without one."""
    lines = [
        (part.model, each.comparable, each.billed)
        for part, each in sides.items()
        if takes_discount(part, each) and each.comparable.low and each.comparable.is_exact
    ]
    of_model: dict[str | None, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for model, bounds, amount in lines:
        of_model[model].append((bounds.low, amount))
    for pairs in of_model.values():
        discount = _discount_of(pairs, book)
        if discount is None:
            continue
        factor = factor_of(discount, book)
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


def models_apart(
    sides: dict[Part, Sides], book: PriceBook, discount: Decimal | None
) -> dict[str, Decimal]:
    """How far the lines of a model that do not agree are from list cost, as a ratio of it.

    List cost is that at `discount`, where there is one.
    """
    discounted = _ONE if discount is None else factor_of(discount, book)
    apart: dict[str, Decimal] = defaultdict(Decimal)
    listed: dict[str, Decimal] = defaultdict(Decimal)
    for part, each in sides.items():
        if part.cost_type != TOKENS or not part.model or not each.comparable.is_limited:
            continue
        factor = discounted if takes_discount(part, each) else _ONE
        bounds = scaled(each.comparable, factor)
        if bounds.low and not _agrees(each.comparable, each.billed, factor):
            apart[part.model] = plus(apart[part.model], apart_from(each.billed, bounds))
            listed[part.model] = plus(listed[part.model], bounds.low)
    return {model: _RATIOS.divide(apart[model], listed[model]) for model in sorted(apart)}


def _agrees(bounds: Bounds, billed: Decimal, factor: Decimal) -> bool:
    """Whether what was billed agrees with list cost times a factor."""
    return not is_beyond(apart_from(billed, scaled(bounds, factor)), bounds)


def scaled(bounds: Bounds, factor: Decimal) -> Bounds:
    """Both ends times a factor, to a trillionth of a dollar."""
    return Bounds(_times(bounds.low, factor), _times(bounds.high, factor))


def factor_of(discount: Decimal, book: PriceBook) -> Decimal:
    """What turns list cost at the policy's discount into that at another one."""
    return _RATIOS.divide(minus(_ONE, discount), minus(_ONE, book.discount))


def _times(amount: Decimal, factor: Decimal) -> Decimal:
    return _RATIOS.multiply(amount, factor).quantize(_COST_PLACES, context=_RATIOS)
