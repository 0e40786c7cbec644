"""How the days of a week differ, and which days are spikes; plain floats."""

from collections.abc import Sequence
from statistics import fmean, median, median_low, variance
from typing import Final

from budget_gate.domain.period import WEEK

# A day counts as at most this many times the median of the days around it.
SPIKE: Final = 3
# The largest day is 1: less than this is the noise of floating point.
SILENCE: Final = 1e-12


def weekday_factors(spends: Sequence[float], weekday: int) -> list[float]:
    """How the days of each weekday compare to the mean day; the first of `spends` is a `weekday`.

    A factor is what its days spent, over the means of the seven days around each of them: those
    hold every weekday once, and move with the level. It is shrunk towards 1 as if `doubt` more days
    had shown 1: the noise of a single day over the variance of the factors, less twice the part of
    it that noise alone would cause. Noise hardly makes a pattern then, and an exact one is kept.
    """
    count = len(spends)
    if count < WEEK:
        return [1.0] * WEEK
    columns = [slice((number - weekday) % WEEK, None, WEEK) for number in range(WEEK)]
    usual = [median_low(spends[column]) if count >= 2 * WEEK else 0.0 for column in columns]
    kept = without_spikes(spends, [usual[(weekday + day) % WEEK] for day in range(count)])
    means = [fmean(kept[around]) for around in _weeks(count)]
    levels = [sum(means[column]) for column in columns]
    totals = [sum(kept[column]) for column in columns]
    raw = [total / level if level else 1.0 for total, level in zip(totals, levels, strict=True)]
    doubt = 1.0  # until each weekday was seen twice
    if count >= 2 * WEEK:
        misses = [
            (spend / level - raw[(weekday + day) % WEEK]) ** 2
            for day, (spend, level) in enumerate(zip(kept, means, strict=True))
            if level
        ]
        noise = sum(misses) / (count - WEEK)
        pattern = variance(raw) - 2 * noise * WEEK / count
        doubt = noise / max(pattern, noise / 1000) if noise > SILENCE else 0.0
    seen = [len(kept[column]) for column in columns]
    shrunk = [(n * factor + doubt) / (n + doubt) for n, factor in zip(seen, raw, strict=True)]
    return [factor / fmean(shrunk) for factor in shrunk]


def without_spikes(values: Sequence[float], usual: Sequence[float]) -> list[float]:
    """Each value, but at most SPIKE times what the week around it or its `usual` value tells."""
    limits = [
        SPIKE * max(median(values[around]), floor)
        for around, floor in zip(_weeks(len(values)), usual, strict=True)
    ]
    return [min(value, limit or value) for value, limit in zip(values, limits, strict=True)]


def _weeks(count: int) -> list[slice]:
    """The seven days around each of `count` days; at either end, the first or the last seven."""
    last = max(count - WEEK, 0)
    starts = [min(max(day - WEEK // 2, 0), last) for day in range(count)]
    return [slice(start, start + WEEK) for start in starts]
