"""How the days of a week differ, reckoned in exact fractions, and which days are spikes."""

from fractions import Fraction
from statistics import fmean

import pytest

from budget_gate.domain.forecast.weekdays import weekday_factors, without_spikes

WEEK = [3, 4, 5, 4, 3, 2, 2]


def spends(*days: float) -> list[float]:
    """The days, the largest of which is 1."""
    return [day / max(days) for day in days]


@pytest.mark.parametrize("count", [0, 1, 6])
def test_less_than_a_week_tells_no_weekday(count: int) -> None:
    """All are as the mean day."""
    assert weekday_factors([0.5] * count, 3) == [1.0] * 7


@pytest.mark.parametrize("weekday", range(7))
def test_of_one_week_half_is_believed(weekday: int) -> None:
    """Its days over their mean, and 1 as if each weekday was seen once more; the first day is of that weekday."""
    found = weekday_factors(spends(*WEEK), weekday)
    mean = Fraction(sum(WEEK), 7)
    expected = [float((day / mean + 1) / 2) for day in WEEK]
    assert [found[(weekday + day) % 7] for day in range(7)] == pytest.approx(expected)


@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize("count", [14, 17, 28])
def test_a_week_that_repeats_itself_is_believed_whole(weekday: int, count: int) -> None:
    """Its days over their mean, from whichever day on."""
    days = [WEEK[day % 7] for day in range(count)]
    found = weekday_factors(spends(*days), weekday)
    expected = [day / fmean(WEEK) for day in WEEK]
    assert [found[(weekday + day) % 7] for day in range(7)] == pytest.approx(expected)


def of_noisy(days: list[int]) -> list[float]:
    """The factors of days without spikes, of a whole number of weeks from Monday on, two at least."""
    count = len(days)
    last = count - 7
    means = []
    for day in range(count):
        first = min(max(day - 3, 0), last)
        means.append(Fraction(sum(days[first : first + 7]), 7))
    raw = [
        Fraction(sum(days[day::7]))
        / sum((means[number] for number in range(day, count, 7)), Fraction(0))
        for day in range(7)
    ]
    misses = [(days[day] / means[day] - raw[day % 7]) ** 2 for day in range(count)]
    # A factor for each weekday was made of them, which leaves as many days less to tell the noise.
    noise = sum(misses, Fraction(0)) / (count - 7)
    mean = sum(raw, Fraction(0)) / 7
    variance = sum(((it - mean) ** 2 for it in raw), Fraction(0)) / 6
    by_noise = noise / (count // 7)
    doubt = noise / max(variance - 2 * by_noise, noise / 1000)
    seen = count // 7
    shrunk = [(seen * it + doubt) / (seen + doubt) for it in raw]
    return [float(it / (sum(shrunk, Fraction(0)) / 7)) for it in shrunk]


@pytest.mark.parametrize(
    "days",
    [
        # A pattern in some noise, one that grows, and noise without a pattern.
        [30, 41, 50, 42, 30, 20, 21, 33, 40, 48, 40, 31, 22, 20],
        [20, 26, 33, 28, 20, 14, 15, 30, 38, 50, 41, 31, 20, 22, 44, 57, 70, 60, 41, 30, 31],
        [30, 31, 29, 33, 30, 28, 32, 33, 29, 30, 28, 31, 32, 30],
    ],
)
def test_a_noisy_week_is_believed_as_far_as_noise_alone_would_not_make_it(days: list[int]) -> None:
    """Each weekday over the means around it, drawn to 1 by the noise over the variance of the pattern."""
    assert weekday_factors(spends(*days), 0) == pytest.approx(of_noisy(days), rel=1e-9)


def test_days_without_any_spend_are_as_the_mean_day() -> None:
    """Nothing is divided by nothing."""
    assert weekday_factors([0.0] * 21, 0) == [1.0] * 7


@pytest.mark.parametrize(
    ("values", "usual", "expected"),
    [
        # Three times the median of the week around it, and no more.
        ([1, 1, 1, 10, 1, 1, 1], 0, [1, 1, 1, 3, 1, 1, 1]),
        ([1, 1, 1, 3, 1, 1, 1], 0, [1, 1, 1, 3, 1, 1, 1]),
        # Or of what is usual on its weekday, where that is more.
        ([1, 1, 1, 10, 1, 1, 1], 2, [1, 1, 1, 6, 1, 1, 1]),
        ([1, 1, 1, 10, 1, 1, 1], 5, [1, 1, 1, 10, 1, 1, 1]),
        # Where nothing is usual, nothing is a spike.
        ([0, 0, 0, 10, 0, 0, 0], 0, [0, 0, 0, 10, 0, 0, 0]),
        # Fewer than seven days are one week; at the ends it is the first and the last seven days.
        ([9, 1, 1], 0, [3, 1, 1]),
        (
            [9, 1, 1, 1, 1, 2, 2, 2, 2, 2, 9],
            0,
            [3, 1, 1, 1, 1, 2, 2, 2, 2, 2, 6],
        ),
    ],
)
def test_a_day_counts_as_three_times_the_usual_at_most(
    values: list[float], usual: float, expected: list[float]
) -> None:
    """A spike is cut off, and stays a high day."""
    assert without_spikes(values, [usual] * len(values)) == expected
