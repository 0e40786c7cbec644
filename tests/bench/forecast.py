"""Measures the forecast on made-up months that know nothing of how it is made.

Run it with `python -m tests.bench.forecast`. The seed is fixed: it prints the same table each time.
For each kind of month and each day of the forecast it prints how often the range held the true
month-end, how wide it is, and by how much the forecast (and a straight line) missed: medians, as
parts of the truth. Months without spend, or with too few days for a forecast, are drawn again.
"""

import math
import random
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final, NamedTuple

from budget_gate.domain.forecast.month_end import forecast
from budget_gate.domain.period import DAY, HISTORY_DAYS, WEEK, MonthToDate

SEED: Final = 20261101
MONTHS: Final = 1000
ON_DAYS: Final = (5, 10, 20)
SATURDAY: Final = 5
CENT: Final = 0.01

# What a day spends, by its number: 1 is the first day of the month, and 0 the day before.
Spend = Callable[[int], float]
# Draws a month of a kind that is forecast on that day.
Kind = Callable[[random.Random, int], Spend]


class Outcome(NamedTuple):
    """Whether the range held the truth; the rest as parts of it: width, and how far off both were."""

    held: bool
    width: float
    off: float
    line: float


def noise(source: random.Random, deviation: float) -> float:
    """A factor that is 1 in the mean, with the given standard deviation of its logarithm."""
    return math.exp(source.gauss(0, deviation) - deviation**2 / 2)


def steady(_source: random.Random, _on_day: int) -> Spend:
    """The same every day."""
    return lambda _number: 1


def growth(source: random.Random, _on_day: int) -> Spend:
    """From 0.5% to 5% more every day: up to 4.3 times as much after a month."""
    rate = source.uniform(0.005, 0.05)
    return lambda number: (1 + rate) ** number


def decline(source: random.Random, _on_day: int) -> Spend:
    """From 0.5% to 5% less every day."""
    rate = source.uniform(0.005, 0.05)
    return lambda number: (1 - rate) ** number


def spiky(source: random.Random, _on_day: int) -> Spend:
    """From 3% to 20% of days have 3 to 30 times as much."""
    share = source.uniform(0.03, 0.2)
    return lambda _number: 3 * 10 ** source.random() if source.random() < share else 1


def shift(source: random.Random, since: int) -> Spend:
    """From that day on 1.5 to 4 times as much, or as little."""
    factor = source.uniform(1.5, 4) ** source.choice((-1, 1))
    return lambda number: factor if number >= since else 1


def shift_before(source: random.Random, on_day: int) -> Spend:
    """A shift of which 1 to 14 full days tell."""
    return shift(source, on_day - source.randint(1, 14))


def shift_after(source: random.Random, on_day: int) -> Spend:
    """A shift on a day after that of the forecast, up to the 28th."""
    return shift(source, source.randint(on_day + 1, 28))


def intermittent(source: random.Random, _on_day: int) -> Spend:
    """From 10% to 60% of days have any spend, and those differ much."""
    share, deviation = source.uniform(0.1, 0.6), source.uniform(0.2, 1)
    return lambda _number: noise(source, deviation) if source.random() < share else 0


# Each kind with the share of its months whose weekdays differ.
KINDS: Final[dict[str, tuple[Kind, float]]] = {
    "steady": (steady, 0),
    "weekdays differ": (steady, 1),
    "growth": (growth, 0.5),
    "decline": (decline, 0.5),
    "spiky": (spiky, 0.5),
    "shift before": (shift_before, 0.5),
    "intermittent": (intermittent, 0.5),
    "shift after": (shift_after, 0.5),
}


def weekdays(source: random.Random, share: float) -> list[float]:
    """A factor for each weekday: that share of months has weekends of 0% to 80%."""
    if source.random() >= share:
        return [1] * WEEK
    weekend = source.uniform(0, 0.8)
    usual = [noise(source, 0.2) for _ in range(WEEK)]
    return [factor * (weekend if day >= SATURDAY else 1) for day, factor in enumerate(usual)]


def outcome(kind: Kind, share: float, on_day: int, source: random.Random) -> Outcome | None:
    """What came of a forecast on that day of a month; None where there is nothing to compare."""
    first = date(source.randint(2024, 2027), source.randint(1, 12), 1)
    length = ((first + 31 * DAY).replace(day=1) - first).days
    spend, by_weekday = kind(source, on_day), weekdays(source, share)
    scale, deviation = 10 ** source.uniform(0, 4), source.uniform(0.05, 0.5)
    # Half the budgets have spend of all days that count, and half began later.
    since = source.choice((-HISTORY_DAYS, source.randint(-HISTORY_DAYS, 0)))
    amounts = {
        number: scale
        * noise(source, deviation)
        * by_weekday[(first + (number - 1) * DAY).weekday()]
        * spend(number)
        for number in range(since + 1, length + 1)
    }
    hour = source.randint(0, 23)
    so_far = amounts[on_day] * min(hour / 24 * source.uniform(0.7, 1.3), 1)
    spent = math.fsum(amounts[number] for number in range(1, on_day)) + so_far
    truth = math.fsum(amounts[number] for number in range(1, length + 1))
    today = first + (on_day - 1) * DAY
    found = forecast(
        MonthToDate(
            datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(hours=hour)
        ),
        Decimal(spent),
        {
            first + (number - 1) * DAY: Decimal(amount)
            for number, amount in amounts.items()
            if number < on_day
        },
        Decimal(so_far),
        None,
    )
    if found is None or truth < CENT:
        return None
    line = spent / (on_day - 1 + hour / 24) * length
    return Outcome(
        float(found.low) - CENT <= truth <= float(found.high) + CENT,
        float(found.high - found.low) / truth,
        abs(float(found.expected) - truth) / truth,
        abs(line - truth) / truth,
    )


def outcomes(name: str, on_day: int) -> list[Outcome]:
    """What came of forecasts on that day of so many months of a kind."""
    source = random.Random(f"{SEED} {name} {on_day}")  # noqa: S311 - made-up data, no secrets
    found: list[Outcome] = []
    while len(found) < MONTHS:
        one = outcome(*KINDS[name], on_day, source)
        found += [one] if one else []
    return found


def row(name: str, columns: list[list[Outcome]]) -> str:
    """A row of the table: each measure by day, and then for all days."""
    cells: list[str] = []
    columns = [*columns, list(chain(*columns))]
    cells += [f"{statistics.fmean(it.held for it in column):.0%}" for column in columns]
    cells += [f"{statistics.median(it.width for it in column):.0%}" for column in columns]
    for column in columns:
        off, line = (statistics.median(it[field] for it in column) for field in (2, 3))
        cells.append(f"{off:.1%} ({line:.1%})")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table as Markdown."""
    days = [*(f"day {day}" for day in ON_DAYS), "all"]
    titles = [f"{what}{day}" for what in ("held, ", "width, ", "off (line), ") for day in days]
    table = [f"| spend | {' | '.join(titles)} |", "|---|" + "--:|" * len(titles)]
    kinds = {name: [outcomes(name, day) for day in ON_DAYS] for name in KINDS}
    kinds["all"] = [list(chain(*column)) for column in zip(*kinds.values(), strict=True)]
    table += [row(name, columns) for name, columns in kinds.items()]
    sys.stdout.write("\n".join([*table, ""]))


if __name__ == "__main__":
    main()
