"""Both sides of a line of the audit, and what the provider itself says of it before discounts."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from budget_gate.domain.billed.audit import RATIOS, Part, is_beyond
from budget_gate.domain.billed.bill import PRIORITY, TOKENS, WEB_SEARCH, Charge
from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, minus, plus, times
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedRow

ONE: Final = Decimal(1)
# What a discount explains is told to a trillionth of a dollar.
_COST_PLACES: Final = Decimal("1e-12")

# What one price is for: a class of tokens at some rates, and all that they may depend on.
Priced = tuple[object, ...]


@dataclass(slots=True)
class Sides:
    """Both sides of a line, in USD; list cost without priority tier, which may not be billed.

    `told` is what the provider says was billed before discounts, None where it does not say so of
    all of it, or says what cannot be: less than nothing, or nothing of what cost something.
    `counts` are the tokens (or searches) by what their price goes by.
    """

    listed: Bounds = NOTHING
    priority: Bounds = NOTHING
    billed: Decimal = ZERO
    is_priority_billed: bool = False
    is_own_price: bool = False
    told: Decimal | None = ZERO
    counts: dict[Priced, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def comparable(self) -> Bounds:
        """The list cost of what is billed."""
        return self.listed.plus(self.priority) if self.is_priority_billed else self.listed

    @property
    def billed_counts(self) -> dict[Priced, int]:
        """The counts of what is billed."""
        if self.is_priority_billed:
            return self.counts
        return {what: count for what, count in self.counts.items() if what[0] != PRIORITY}

    def count(self, row: PricedRow, kind: str, book: PriceBook) -> None:
        """Adds the tokens of some usage, or its searches, whose price goes by nothing else."""
        if kind == WEB_SEARCH:
            self.counts[WEB_SEARCH,] += row.tokens.web_searches
            return
        tokens = row.tokens._replace(web_searches=0)
        rates = book.rates(row.key)
        for number, count in enumerate(tokens):
            if count:
                self.counts[row.key.service_tier, *row.key[4:], rates, number] += count

    def add(self, charge: Charge) -> None:
        """Adds what was billed."""
        amount, listed = charge.amount, charge.list_amount
        self.billed = plus(self.billed, amount)
        can_be = listed is not None and listed >= ZERO and amount >= ZERO and (listed or not amount)
        if self.told is not None and listed is not None and can_be:
            self.told = plus(self.told, listed)
        else:
            self.told = None


def apart_from(amount: Decimal, bounds: Bounds) -> Decimal:
    """How far an amount lies above (or, negative, below) an interval; 0 within it."""
    return minus(amount, min(max(amount, bounds.low), bounds.high))


def takes_discount(part: Part, sides: Sides) -> bool:
    """Whether a discount on list prices of tokens concerns the line."""
    return part.cost_type == TOKENS and sides.listed.is_limited and not sides.is_own_price


def is_told_discount(part: Part, sides: Sides) -> bool:
    """Whether what was billed of the line is, by what the provider says, its list cost or less."""
    return takes_discount(part, sides) and sides.told is not None and sides.billed <= sides.told


def told_cost(part: Part, sides: Sides, book: PriceBook) -> Decimal | None:
    """The provider's own list cost of a line, at the policy's discount as list cost is.

    None where it does not say it, and where the line has no list price to hold it against.
    """
    if sides.told is None:
        return None
    if takes_discount(part, sides):
        return times(sides.told, minus(ONE, book.discount))
    return sides.told if part.cost_type == WEB_SEARCH else None


def agrees(bounds: Bounds, amount: Decimal, factor: Decimal = ONE) -> bool:
    """Whether an amount agrees with list cost times a factor."""
    return not is_beyond(apart_from(amount, scaled(bounds, factor)), bounds)


def scaled(bounds: Bounds, factor: Decimal) -> Bounds:
    """Both ends times a factor, to a trillionth of a dollar."""
    return Bounds(_times(bounds.low, factor), _times(bounds.high, factor))


def _times(amount: Decimal, factor: Decimal) -> Decimal:
    return RATIOS.multiply(amount, factor).quantize(_COST_PLACES, context=RATIOS)
