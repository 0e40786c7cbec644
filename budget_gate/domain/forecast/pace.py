"""Pace: what is left of a cap, and what may be spent a day from now on."""

from datetime import timedelta
from decimal import ROUND_DOWN, Context, Decimal
from typing import NamedTuple

from budget_gate.domain.bounds import ZERO, Bounds, minus
from budget_gate.domain.period import DAY, MonthToDate

# As many digits as money has: an amount that is cut to cents must fit whole.
_DOWN = Context(prec=400, rounding=ROUND_DOWN)
_CENT = Decimal("0.01")


class Pace(NamedTuple):
    """USD that a budget has left, at the least; 0 where it may be used up.

    `per_day` is what each day from now on to the end of the month may cost, rounded down to the
    cent, with the rest of today as its part of a day. `today` is what the open day has cost so
    far, and `mean_day` the mean of the month's full days, None on the 1st.
    """

    left: Decimal
    per_day: Decimal
    today: Bounds
    mean_day: Decimal | None


def pace(month: MonthToDate, cap: Decimal, spend: Bounds, today: Bounds) -> Pace:
    """The pace of a budget with that `cap`, in USD; `spend` includes today's."""
    left = max(minus(cap, spend.high), ZERO) if spend.is_limited else ZERO
    remaining = month.end - month.as_of
    days = _DOWN.divide(Decimal(remaining // timedelta(microseconds=1)), _MICROSECONDS)
    # The last instant of a month leaves no day to divide by.
    per_day = _cents(_DOWN.divide(left, days)) if days else ZERO
    closed = month.closed
    mean = None
    if closed and spend.is_limited and today.is_limited:
        count = len(closed.steps(DAY))
        mean = _cents(_DOWN.divide(minus(spend.high, today.high), Decimal(count)))
    return Pace(left, min(per_day, left), today, mean)


_MICROSECONDS = Decimal(DAY // timedelta(microseconds=1))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, context=_DOWN)
