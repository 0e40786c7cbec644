"""Exact amounts of USD that are known to lie in an interval."""

from collections.abc import Iterable
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from functools import reduce
from typing import Final, NamedTuple, Self

# Every sum and product of money is computed in this context: a result that would need rounding
# raises Inexact instead of being rounded. 400 digits hold any product of accepted inputs.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])

# Of two amounts, exact whatever context the caller is in: `+`, `-` and `*` would round there.
plus: Final = EXACT.add
minus: Final = EXACT.subtract
times: Final = EXACT.multiply

ZERO = Decimal(0)
_HALF = Decimal("0.5")
UNLIMITED = Decimal("Infinity")


def sum_of(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum of the amounts."""
    return reduce(plus, amounts, ZERO)


def exact(amount: Decimal) -> str:
    """The exact digits of an amount, without an exponent or trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Bounds(NamedTuple):
    """`low` <= true cost <= `high`, exact USD; `high` is `UNLIMITED` where no bound is known."""

    low: Decimal
    high: Decimal

    @classmethod
    def exactly(cls, amount: Decimal) -> Self:
        """The bounds of an amount that is known."""
        return cls(amount, amount)

    def plus(self, other: "Bounds") -> "Bounds":
        """The bounds of the sum of both costs."""
        return Bounds(plus(self.low, other.low), plus(self.high, other.high))

    @property
    def middle(self) -> Decimal:
        """What lies between both ends; the lower one where no upper bound is known."""
        return times(plus(self.low, self.high), _HALF) if self.is_limited else self.low

    @property
    def largest_first(self) -> tuple[Decimal, Decimal]:
        """What sorts the largest first; unlike `-`, whatever context the caller is in."""
        return self.high.copy_negate(), self.low.copy_negate()

    @property
    def is_exact(self) -> bool:
        """Whether the cost is known to the last digit."""
        return self.low == self.high

    @property
    def is_limited(self) -> bool:
        """Whether an upper bound is known."""
        return self.high != UNLIMITED


NOTHING = Bounds(ZERO, ZERO)
