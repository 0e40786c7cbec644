"""What the rest of a month is expected to take, told from the days so far; plain floats.

A day is taken to spend `level * weekday factor * growth`, plus noise whose variance grows with that
product, as that of a sum of many requests does. The open day has what its elapsed part leaves of it
still to come.
The rest of the month then takes the level, times the sum of the factors of what remains of it.

Nobody knows beforehand whether the level stands still, wanders, jumps or grows. Each of CANDIDATES
assumes one of these and follows the level through the days (a Kalman filter). Their results are
averaged, weighted by how well each told every day from the days before it: a steady budget gets the
mean of many days, and one whose level has shifted that of the last few.

The interval counts the noise of the days to come, how little is known of the level, which all of
them share, how far it may still wander, and how far the candidates disagree. It is lognormal, as
spend is never negative and is missed by a share of it rather than by a sum, and it is widened as
Student's t is, as the noise is known from few days only.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import exp, log, log1p, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from budget_gate.domain.forecast.weekdays import SILENCE, weekday_factors, without_spikes
from budget_gate.domain.period import WEEK

_NINE_IN_TEN: Final = NormalDist().inv_cdf(0.9)


class Candidate(NamedTuple):
    """What a level might do: its variance per day, over that of the noise, and its growth."""

    wandering: float
    growth: float
    prior: float


CANDIDATES: Final = (
    Candidate(0, 0, 0.5),
    Candidate(0.1, 0, 0.2),
    Candidate(1, 0, 0.16),
    *(Candidate(0, growth, 0.03) for growth in (-0.04, -0.02, 0.02, 0.04)),
    *(Candidate(0, growth, 0.01) for growth in (-0.06, 0.06)),
)
# What days tell of a candidate counts by half: they have larger spikes than the noise assumed, and
# a level that has shifted once looks like growth.
TRUST: Final = 0.5


class Rest(NamedTuple):
    """The spend expected from now up to the end of today, and up to that of each day after it.

    The last one, divided and multiplied by `spread`, bounds what is true with 80% probability: if
    one of CANDIDATES is right and the days to come are as noisy as those before.
    """

    path: list[float]
    spread: float


class _Day(NamedTuple):
    """What a day spent, what of that moves the level, its factor; `age` is 0 for the open day."""

    age: int
    spend: float
    kept: float
    factor: float


class _Fit(NamedTuple):
    """The level of today, its variance over that of the noise, the noise, and the likelihood."""

    level: float
    unknown: float
    noise: float
    log_likelihood: float


def expected_rest(
    spends: Sequence[float], today: float, elapsed: float, weekday: int, remaining: int
) -> Rest:
    """The rest of today, of which `elapsed` is over, and of the `remaining` days after it.

    `spends` is that of the full days up to yesterday, at most 1 each, and `today` that of the
    open day, which is a `weekday`; 0 is Monday.
    """
    count = len(spends)
    by_weekday = weekday_factors(spends, weekday - count)
    factors = [by_weekday[(weekday + day) % WEEK] for day in range(-count, remaining + 1)]
    days = _days([*spends, today], [*factors[:count], elapsed * factors[count]])
    ahead = [(1 - elapsed) * factors[count], *factors[count + 1 :]]
    fits = [_follow(candidate, days) for candidate in CANDIDATES]
    best = max(fit.log_likelihood for fit in fits)
    tried = list(zip(CANDIDATES, fits, strict=True))
    weights = [model.prior * exp(TRUST * (fit.log_likelihood - best)) for model, fit in tried]
    paths, variances = [], []
    for model, fit in tried:
        grown = [factor * exp(model.growth * day) for day, factor in enumerate(ahead)]
        # A step of the level moves every day from it to the end of the month.
        tails = list(accumulate(reversed(grown)))
        wandering = model.wandering * sum(tail**2 for tail in tails)
        paths.append([fit.level * total for total in accumulate(grown)])
        variances.append(fit.noise * (tails[-1] + fit.unknown * tails[-1] ** 2 + wandering))
    path = [_average(totals, weights) for totals in zip(*paths, strict=True)]
    around = [(own[-1] - path[-1]) ** 2 for own in paths]
    deviation = sqrt(_average(variances, weights) + _average(around, weights))
    return Rest(path, _spread(path[-1], deviation, count - 1))


def _days(spends: Sequence[float], factors: Sequence[float]) -> list[_Day]:
    """The days that were expected to spend at all, the last of them the open one."""
    pairs = list(zip(spends, factors, strict=True))
    levels = [spend / factor if factor > SILENCE else 0.0 for spend, factor in pairs]
    kept = without_spikes(levels, [0.0] * len(levels))
    return [
        _Day(age, spend, level * factor, factor)
        for age, (spend, factor), level in zip(range(1 - len(pairs), 1), pairs, kept, strict=True)
        if factor > SILENCE
    ]


def _follow(model: Candidate, days: Sequence[_Day]) -> _Fit:
    """The level after `days`, if it does what `model` says.

    The first day sets the level. Each later one moves it towards what that day tells, by the part
    that leaves the least variance. The open day does not: an hour of it tells little of whole days,
    and what it has spent counts as such.
    """
    level, unknown = 0.0, 0.0
    misses, kept_misses, size, told = 0.0, 0.0, 0.0, 0
    for number, day in enumerate(days):
        factor = day.factor * exp(model.growth * day.age)
        if not number:
            level, unknown = day.kept / factor, 1 / factor
            continue
        unknown += model.wandering
        if not day.age:
            continue
        scale = factor * (factor * unknown + 1)
        miss = day.kept - factor * level
        misses += (day.spend - factor * level) ** 2 / scale
        kept_misses += miss**2 / scale
        size += log(scale)
        told += 1
        part = unknown / (factor * unknown + 1)
        level += part * miss
        unknown *= 1 - part * factor
    log_likelihood = -(told * log(max(kept_misses, SILENCE**2)) + size) / 2
    return _Fit(level, unknown, misses / max(told, 1), log_likelihood)


def _average(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted mean."""
    products = (value * weight for value, weight in zip(values, weights, strict=True))
    return sum(products) / sum(weights)


def _spread(expected: float, deviation: float, freedom: int) -> float:
    """The ratio between an end of the interval and `expected`, of that standard deviation."""
    if expected < SILENCE:
        return 1.0
    z = _NINE_IN_TEN
    # Student's t by the first terms of its expansion around the normal distribution.
    quantile = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return exp(quantile * sqrt(log1p((deviation / expected) ** 2)))
