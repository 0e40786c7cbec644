"""Exact amounts of USD that are known to lie in an interval."""

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import NamedTuple, Self

# Every sum and product of money is computed in this context: a result that would need rounding
# raises Inexact instead of being rounded. 400 digits hold any product of accepted inputs.
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])

ZERO = Decimal(0)
UNLIMITED = Decimal("Infinity")


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
        return Bounds(self.low + other.low, self.high + other.high)

    @property
    def is_exact(self) -> bool:
        """Whether the cost is known to the last digit."""
        return self.low == self.high

    @property
    def is_limited(self) -> bool:
        """Whether an upper bound is known."""
        return self.high != UNLIMITED


NOTHING = Bounds(ZERO, ZERO)
