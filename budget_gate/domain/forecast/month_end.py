"""Month-end spend, its range, and the day on which a cap is expected to be crossed.

The days of the last 28 plus this month are handed to `rest_of_month`, which says how; here are the
dates and the money. Estimates are floats between exact amounts: all spend is divided by that of the
largest day before, and multiplied with it after, so that no amount is too large or too small.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

from budget_gate.domain.forecast.rest_of_month import expected_rest
from budget_gate.domain.period import DAY, HISTORY_DAYS, MonthToDate

LEAST_DAYS: Final = 3

_CENT: Final = Decimal("0.01")
_ROUNDING: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Month-end spend, USD rounded to cents; `low` to `high` shall hold it in four of five months.

    How often they do is measured by `tests/bench/forecast.py`, and is less where spend grows or
    will shift. None of the three is below what is spent: part of a cent counts as one there.
    `crosses_on` is the UTC day on which expected spend exceeds the cap, None where it does not.
    `path` is what is expected to be spent up to the end of today, and of each day after it.
    """

    low: Decimal
    expected: Decimal
    high: Decimal
    crosses_on: date | None
    path: tuple[Decimal, ...] = field(default=(), compare=False)


def forecast(
    month: MonthToDate,
    spent: Decimal,
    closed: Mapping[date, Decimal],
    today: Decimal,
    cap: Decimal | None,
) -> Forecast | None:
    """The forecast of a budget that has `spent` this month, `today` included.

    `closed` is the spend of days that have ended, `today` that of the open one so far. The data
    begins with the first day with spend of the last 28, or of this month if that began earlier; a
    day after it that is absent had none. None where the data has fewer than 3 full days.
    """
    open_day = month.as_of.date()
    elapsed = (month.as_of - month.last_days(0).end) / DAY
    remaining = monthrange(open_day.year, open_day.month)[1] - open_day.day
    with localcontext(_ROUNDING):
        days = _history(open_day, closed)
        if len(days) < LEAST_DAYS:
            return None
        largest = max(*days, today)
        spends = [float(spend / largest) for spend in days]
        share = float(today / largest)
        rest = expected_rest(spends, share, elapsed, open_day.weekday(), remaining)
        path = [(spent + largest * Decimal(total)).quantize(_CENT) for total in rest.path]
        least = spent.quantize(_CENT, rounding=ROUND_CEILING)
        low, expected, high = (
            max(least, (spent + largest * Decimal(rest.path[-1] * factor)).quantize(_CENT))
            for factor in (1 / rest.spread, 1, rest.spread)
        )
        crosses_on = _crossing(open_day, spent, closed, cap, path)
        return Forecast(low, expected, high, crosses_on, tuple(path))


def _history(open_day: date, closed: Mapping[date, Decimal]) -> list[Decimal]:
    """The spend of every full day from the first that has any, up to yesterday."""
    reach = max(HISTORY_DAYS, open_day.day - 1)
    spends = {(open_day - day).days: spend for day, spend in closed.items()}
    ages = [age for age, spend in spends.items() if 0 < age <= reach and spend > 0]
    return [spends.get(age, Decimal(0)) for age in range(max(ages, default=0), 0, -1)]


def _crossing(
    open_day: date,
    spent: Decimal,
    closed: Mapping[date, Decimal],
    cap: Decimal | None,
    path: Sequence[Decimal],
) -> date | None:
    """The day on which the spend of the month went above `cap`, or is expected to.

    `path` is what is expected to be spent up to the end of today, and of each day after it.
    """
    if cap is None:
        return None
    if spent <= cap:
        days = (open_day + number * DAY for number, total in enumerate(path) if total > cap)
        return next(days, None)
    total = Decimal(0)
    for day in sorted(day for day in closed if open_day.replace(day=1) <= day < open_day):
        total += closed[day]
        if total > cap:
            return day
    return open_day
