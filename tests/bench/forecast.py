"""Measures the forecast against straight-line extrapolation, on made-up months.

Run it with `python -m tests.bench.forecast`. The seed is fixed: it prints the same table each time.
"""

import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.forecast.month_end import forecast
from budget_gate.domain.period import DAY, HISTORY_DAYS, MonthToDate

SEED: Final = 20261101
MONTHS: Final = 300
ON_DAYS: Final = (5, 10, 20)
SATURDAY: Final = 5

# Draws what a month is like, and then says what a day of it spends, by its number in the month:
# 1 is the first day of the month, and 0 the day before.
Spend = Callable[[int, date], float]
Series = Callable[[random.Random], Spend]


class Outcome(NamedTuple):
    """How far off both were from the true month-end, as parts of it, and whether it lay between."""

    ours: float
    line: float
    within: bool


def noise(source: random.Random, deviation: float) -> float:
    """A factor that is 1 in the mean, with the given standard deviation of its logarithm."""
    return math.exp(source.gauss(0, deviation) - deviation**2 / 2)


def weekly(day: date) -> float:
    """The part of its spend that a day has where weekends have a fifth."""
    return 0.2 if day.weekday() >= SATURDAY else 1.0


def steady(source: random.Random) -> Spend:
    """The same spend every day, but for noise."""
    return lambda _number, _day: noise(source, 0.3)


def seasonal(source: random.Random) -> Spend:
    """Weekends at 20%."""
    return lambda _number, day: weekly(day) * noise(source, 0.25)


def growing(source: random.Random) -> Spend:
    """Two per cent more every day: 1.8 times as much after a month."""
    return lambda number, _day: 1.02**number * noise(source, 0.25)


def shifting(source: random.Random) -> Spend:
    """Twice or half as much from one day on, which is any from the 3rd to the 18th."""
    since, factor = source.randint(3, 18), source.choice((0.5, 2.0))
    return lambda number, _day: (factor if number >= since else 1) * noise(source, 0.25)


def spiky(source: random.Random) -> Spend:
    """Heavy tails: one day in ten has 3.6 times as much as the median or more, one in a hundred 10."""
    return lambda _number, _day: noise(source, 1)


def new(source: random.Random) -> Spend:
    """Weekends at 20%, and no spend before the last days of the month before, or the 2nd."""
    first = source.randint(-4, 2)
    return lambda number, day: weekly(day) * noise(source, 0.3) if number >= first else 0


SERIES: Final = {
    "steady": steady,
    "weekends at 20%": seasonal,
    "growing 2% a day": growing,
    "level shift": shifting,
    "spiky": spiky,
    "new workspace": new,
}


def outcomes(series: Series, on_day: int, source: random.Random) -> Iterator[Outcome]:
    """What came of forecasts on that day of so many months."""
    for _ in range(MONTHS):
        first = date(source.randint(2024, 2027), source.randint(1, 12), 1)
        length = ((first + 31 * DAY).replace(day=1) - first).days
        spend, scale = series(source), 10 ** source.uniform(0, 4)
        days = [first + number * DAY for number in range(-HISTORY_DAYS, length)]
        amounts = {day: scale * spend((day - first).days + 1, day) for day in days}
        today = first + (on_day - 1) * DAY
        as_of = datetime(today.year, today.month, today.day, tzinfo=UTC)
        as_of += timedelta(hours=source.randint(1, 23))
        elapsed = (as_of.hour / 24) * source.uniform(0.7, 1.3)
        so_far = amounts[today] * min(elapsed, 1)
        truth = sum(amount for day, amount in amounts.items() if day >= first)
        before = sum(amount for day, amount in amounts.items() if first <= day < today)
        spent = before + so_far
        found = forecast(
            MonthToDate(as_of),
            Decimal(spent),
            {day: Decimal(amount) for day, amount in amounts.items() if day < today},
            Decimal(so_far),
            None,
        )
        if found is None:
            continue
        line = spent / (on_day - 1 + as_of.hour / 24) * length
        yield Outcome(
            abs(float(found.expected) - truth) / truth,
            abs(line - truth) / truth,
            float(found.low) - 0.01 <= truth <= float(found.high) + 0.01,
        )


def row(name: str, columns: list[list[Outcome]]) -> str:
    """A row of the table: three cells for each day."""
    cells = []
    for column in columns:
        ours, line, within = (statistics.fmean(values) for values in zip(*column, strict=True))
        cells += [f"{ours:.1%}", f"{line:.1%}", f"{within:.0%}"]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table as Markdown."""
    titles = [f"day {day}{title}" for day in ON_DAYS for title in ("", ", line", ", within")]
    table = [f"| spend | {' | '.join(titles)} |", "|---|" + "--:|" * len(titles)]
    pooled: list[list[Outcome]] = [[] for _ in ON_DAYS]
    for name, series in SERIES.items():
        source = random.Random(f"{SEED} {name}")  # noqa: S311 - made-up data, no secrets
        columns = [list(outcomes(series, day, source)) for day in ON_DAYS]
        table.append(row(name, columns))
        pooled = [old + more for old, more in zip(pooled, columns, strict=True)]
    table.append(row("all", pooled))
    sys.stdout.write("\n".join([*table, ""]))


if __name__ == "__main__":
    main()
