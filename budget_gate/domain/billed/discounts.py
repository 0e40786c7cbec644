"""Which discount the lines of a bill share, and which models are apart from it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from budget_gate.domain.billed.audit import DISCOUNT_PLACES, RATIOS, Part, ratio_off
from budget_gate.domain.billed.bill import TOKENS
from budget_gate.domain.billed.sides import (
    ONE,
    Sides,
    agrees,
    apart_from,
    scaled,
    takes_discount,
    told_cost,
)
from budget_gate.domain.bounds import ZERO, Bounds, minus, plus, sum_of, times
from budget_gate.domain.prices.book import PriceBook

# One line alone could as well have a wrong price, and so could one model; but not by what the
# provider itself says it costs before discounts.
_LINES_OF_A_DISCOUNT: Final = 2
_MODELS_OF_A_DISCOUNT: Final = 2


class _Line(NamedTuple):
    """What a line shows of a discount: list cost, and in its place what the provider says it is.

    `is_told`: the provider says it, so that what is off it is a discount and nothing else.
    """

    model: str | None
    listed: Bounds
    base: Bounds
    billed: Decimal
    is_told: bool

    def has(self, factor: Decimal) -> bool:
        """Whether so much was billed of what the discount is taken off."""
        return agrees(self.base, self.billed, factor)

    def agrees(self, factor: Decimal) -> bool:
        """Whether list cost with that discount agrees with what was billed."""
        return agrees(self.listed, self.billed, factor)


def _lines(sides: dict[Part, Sides], book: PriceBook) -> list[_Line]:
    """The lines that a discount concerns."""
    found = []
    for part, each in sides.items():
        if takes_discount(part, each) and each.comparable.low:
            told = told_cost(part, each, book)
            base = Bounds.exactly(told) if told else each.comparable
            found.append(_Line(part.model, each.comparable, base, each.billed, bool(told)))
    return found


def shared_discount(sides: dict[Part, Sides], book: PriceBook) -> Decimal | None:
    """The discount off list that has every line agree; None where there is none, or it is set."""
    lines = _lines(sides, book)
    showing = [line for line in lines if not line.has(ONE)]
    is_shown = len(showing) >= _LINES_OF_A_DISCOUNT or any(line.is_told for line in showing)
    exact = [line for line in lines if line.base.is_exact]
    discount = _discount_of(exact, book) if is_shown else None
    if discount is None:
        return None
    factor = factor_of(discount, book)
    return discount if all(line.has(factor) and line.agrees(factor) for line in lines) else None


def usual_discount(sides: dict[Part, Sides], book: PriceBook) -> Decimal | None:
    """The discount off list by which most lines agree; None without one.

    They are of two models at least, or the provider's own list cost shows it of one.
    """
    lines = [line for line in _lines(sides, book) if line.base.is_exact]
    of_model: dict[str | None, list[_Line]] = defaultdict(list)
    for line in lines:
        of_model[line.model].append(line)
    for some in of_model.values():
        discount = _discount_of(some, book)
        if discount is None:
            continue
        factor = factor_of(discount, book)
        alike = [line for line in lines if line.has(factor)]
        # A line so small that it agrees either way shows nothing.
        found = [line for line in alike if not line.has(ONE)]
        silent = len(alike) - len(found)
        models = {line.model for line in found}
        is_shared = len(models) >= _MODELS_OF_A_DISCOUNT or any(line.is_told for line in found)
        # Once it is set, more lines have to agree than without it.
        helps = sum(line.agrees(factor) for line in lines) > sum(line.agrees(ONE) for line in lines)
        if 2 * len(found) > len(lines) - silent and is_shared and helps:
            return _discount_of(found, book)
    return None


def _discount_of(lines: Sequence[_Line], book: PriceBook) -> Decimal | None:
    """What is off list where so much was billed of list costs; None where that is none, or set."""
    listed = sum_of(line.base.low for line in lines)
    if not listed:
        return None
    billed = sum_of(line.billed for line in lines)
    with localcontext(RATIOS):
        discount = 1 - (1 - book.discount) * billed / listed
        discount = discount.quantize(DISCOUNT_PLACES)
    return discount if 0 <= discount < 1 and discount != book.discount else None


def models_apart(
    sides: dict[Part, Sides], book: PriceBook, discount: Decimal | None, left_out: Collection[Part]
) -> dict[str, Decimal]:
    """How far the lines of a model that do not agree are from list cost, as a ratio of it.

    List cost is that at `discount`, where there is one.
    """
    discounted = ONE if discount is None else factor_of(discount, book)
    apart: dict[str, Decimal] = defaultdict(Decimal)
    listed: dict[str, Decimal] = defaultdict(Decimal)
    for part, each in sides.items():
        if part.cost_type != TOKENS or not part.model or not each.comparable.is_limited:
            continue
        factor = discounted if takes_discount(part, each) else ONE
        bounds = scaled(each.comparable, factor)
        if part not in left_out and bounds.low and not agrees(each.comparable, each.billed, factor):
            apart[part.model] = plus(apart[part.model], apart_from(each.billed, bounds))
            listed[part.model] = plus(listed[part.model], bounds.low)
    return {model: RATIOS.divide(apart[model], listed[model]) for model in sorted(apart)}


def discounts_of_models(
    sides: dict[Part, Sides], book: PriceBook, discount: Decimal | None
) -> dict[str, Decimal | None]:
    """The discount off list of each model that has another one than `discount` or the policy's.

    By what the provider itself says it costs before discounts; None where its lines have several.
    """
    factor = ONE if discount is None else factor_of(discount, book)
    kept = minus(ONE, book.discount)
    of_model: dict[str, list[_Line]] = defaultdict(list)
    for line in _lines(sides, book):
        if line.model and line.is_told and times(line.billed, kept) <= line.base.low:
            of_model[line.model].append(line)
    found: dict[str, Decimal | None] = {}
    for model, lines in sorted(of_model.items()):
        if all(line.has(factor) or line.agrees(factor) for line in lines):
            continue
        billed = sum_of(times(line.billed, kept) for line in lines)
        ratio = ratio_off(billed, sum_of(line.base.low for line in lines)) or ZERO
        is_one = all(line.has(factor_of(ratio, book)) for line in lines)
        # A model at list price has no discount to set; that it lacks one is told otherwise.
        if ratio or not is_one:
            found[model] = ratio if is_one else None
    return found


def factor_of(discount: Decimal, book: PriceBook) -> Decimal:
    """What turns list cost at the policy's discount into that at another one."""
    return RATIOS.divide(minus(ONE, discount), minus(ONE, book.discount))
