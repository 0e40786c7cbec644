"""What the rest of a month takes, against least squares over all days at once instead of a filter that goes day by day."""

from itertools import accumulate
from math import exp, log, log1p, sqrt
from typing import NamedTuple

import pytest

from budget_gate.domain.forecast.rest_of_month import CANDIDATES, Candidate, expected_rest
from budget_gate.domain.forecast.weekdays import weekday_factors

# The quantile of nine in ten of the normal distribution, as tables have it.
Z = 1.2815515655446004


class Estimate(NamedTuple):
    """What days tell of a level today, its variance and the noise, and how likely they are by it."""

    level: float
    unknown: float
    noise: float
    log_likelihood: float


def least_squares(
    model: Candidate, spends: list[float], factors: list[float], *, is_open: bool
) -> Estimate:
    """The level of today by all full days, whose errors have in common what the level does after both of them.

    A day `age` days ago spends its factor times the level then, and its noise has that factor as
    its variance. The likelihood is that of all days but the first, which only sets the level.
    """
    count = len(spends)
    means = [
        factor * exp(model.growth * (day - count)) for day, factor in enumerate(factors[:count])
    ]
    steps = [count - 1 - day + is_open for day in range(count)]
    variance = [
        [
            means[i] * means[j] * model.wandering * min(steps[i], steps[j])
            + (means[i] if i == j else 0)
            for j in range(count)
        ]
        for i in range(count)
    ]
    root = cholesky(variance)
    x, y = whitened(root, means), whitened(root, spends)
    known = dot(x, x)
    level = dot(x, y) / known
    misses = dot(y, y) - level**2 * known
    size = 2 * sum(log(root[i][i]) for i in range(count)) + log(known) - 2 * log(means[0])
    told = count - 1
    return Estimate(level, 1 / known, misses / told, -(told * log(max(misses, 1e-24)) + size) / 2)


def cholesky(matrix: list[list[float]]) -> list[list[float]]:
    """The lower triangle whose product with itself turned over is the matrix."""
    size = len(matrix)
    root = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - dot(root[i][:j], root[j][:j])
            root[i][j] = sqrt(rest) if i == j else rest / root[j][j]
    return root


def whitened(root: list[list[float]], values: list[float]) -> list[float]:
    """The values as such whose errors have nothing in common."""
    found: list[float] = []
    for i, value in enumerate(values):
        found.append((value - dot(root[i][:i], found)) / root[i][i])
    return found


def dot(one: list[float], other: list[float]) -> float:
    """The sum of the products."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def expected(
    spends: list[float], elapsed: float, weekday: int, remaining: int
) -> tuple[list[float], float]:
    """The path and the spread of the mean of all candidates."""
    count = len(spends)
    of_week = weekday_factors(spends, weekday - count)
    factors = [of_week[(weekday + day) % 7] for day in range(-count, remaining + 1)]
    ahead = [(1 - elapsed) * factors[count], *factors[count + 1 :]]
    fits = [least_squares(it, spends, factors, is_open=elapsed > 0) for it in CANDIDATES]
    best = max(it.log_likelihood for it in fits)
    weights = [
        model.prior * sqrt(exp(fit.log_likelihood - best))
        for model, fit in zip(CANDIDATES, fits, strict=True)
    ]
    shares = [weight / sum(weights) for weight in weights]
    path, ends, variances = [0.0] * len(ahead), [], []
    for model, fit, share in zip(CANDIDATES, fits, shares, strict=True):
        grown = [factor * exp(model.growth * day) for day, factor in enumerate(ahead)]
        for day, total in enumerate(accumulate(grown)):
            path[day] += share * fit.level * total
        left = [sum(grown[day:]) for day in range(len(grown))]
        ends.append(fit.level * left[0])
        spread = left[0] + fit.unknown * left[0] ** 2 + model.wandering * dot(left, left)
        variances.append(fit.noise * spread)
    squared = dot(shares, variances) + dot(shares, [(end - path[-1]) ** 2 for end in ends])
    # Student's t as Abramowitz and Stegun have it in 26.7.5.
    free = count - 1
    quantile = Z + (Z**3 + Z) / 4 / free + (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96 / free**2
    return path, exp(quantile * sqrt(log1p(squared / path[-1] ** 2)))


STEADY = [0.9, 1.0, 0.8, 0.95, 0.85, 1.0]
RISING = [0.4, 0.5, 0.55, 0.7, 0.8, 1.0]
WEEKS = [
    *(0.5, 0.55, 0.6, 0.5, 0.52, 0.2, 0.21),
    *(0.7, 0.6, 0.66, 0.62, 0.58, 0.25, 0.2),
    *(0.9, 1.0),
]


@pytest.mark.parametrize("spends", [STEADY, RISING, STEADY[:3], [0.5, 1.0, 0.5, 0.5], WEEKS])
@pytest.mark.parametrize(
    ("elapsed", "weekday", "remaining"), [(0.25, 2, 9), (0.0, 6, 20), (0.9, 0, 1)]
)
def test_the_rest_of_a_month_is_that_of_least_squares(
    spends: list[float], elapsed: float, weekday: int, remaining: int
) -> None:
    """Steady spend, spend that rises, few days and some weeks: each day to come, and how far the end may be off."""
    # What an hour of today has spent tells nothing of the level.
    found = expected_rest(spends, 0.7 * elapsed, elapsed, weekday, remaining)
    path, spread = expected(spends, elapsed, weekday, remaining)
    assert found.path == pytest.approx(path, rel=1e-9)
    assert found.spread == pytest.approx(spread, rel=1e-9)


def test_the_last_instant_of_a_month_leaves_no_spread() -> None:
    """Nothing is to come, so nothing can be off."""
    rest = expected_rest(STEADY, 0.9, 1.0, 0, 0)
    assert (rest.path, rest.spread) == ([0.0], 1.0)


def test_a_spike_moves_the_level_as_three_usual_days_and_is_noise_as_it_is() -> None:
    """A level of 0.1 beside one day of 1: the path is that of a day of 0.3, and the range is wider than of that."""
    usual = [0.1] * 5
    spike = expected_rest([*usual, 1.0], 0.05, 0.5, 2, 9)
    level = expected_rest([*usual, 0.3], 0.05, 0.5, 2, 9)
    assert spike.path == pytest.approx(level.path, rel=1e-9)
    assert spike.spread > 1.5 * level.spread
