"""What reading from the prompt cache saved, at the prices of the book."""

from collections import defaultdict
from datetime import date

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.rates import RateRange, Unpriced
from budget_gate.domain.usage import Tokens

# USD by UTC day and workspace.
Savings = dict[tuple[date, str | None], Bounds]


def savings(priced: PricedUsage) -> Savings:
    """What the tokens of the cache would cost more as plain input, less what they cost, in USD.

    That is cache reads x (price of input - price of a read) - cache writes x (price of a write -
    price of input): less than nothing where more was written than was read again. Usage without a
    price is left out.
    """
    book = priced.book
    found: Savings = defaultdict(lambda: NOTHING)
    for key, tokens, *_ in priced.rows:
        rates = book.rates(key)
        if isinstance(rates, Unpriced) or not _uses_cache(tokens):
            continue
        place = (key.day, key.workspace)
        found[place] = found[place].plus(book.bounds(*_saved(tokens, rates)))
    return dict(found)


def _uses_cache(tokens: Tokens) -> bool:
    return bool(
        tokens.cache_read
        or tokens.cache_write_5m
        or tokens.cache_write_1h
        or tokens.cache_write_unsplit
    )


def _saved(tokens: Tokens, rates: RateRange) -> tuple[int, int]:
    """What is saved at least and at most, in units of the book.

    Tokens of a row are of many requests: some may be long and others short, so that reads have the
    one price and writes the other.
    """
    low = high = 0
    for count, kinds in (
        (tokens.cache_read, ["cache_read"]),
        (tokens.cache_write_5m, ["cache_write_5m"]),
        (tokens.cache_write_1h, ["cache_write_1h"]),
        (tokens.cache_write_unsplit, ["cache_write_5m", "cache_write_1h"]),
    ):
        each = [count * (it.uncached_input - getattr(it, kind)) for it in rates for kind in kinds]
        low, high = low + min(each), high + max(each)
    return low, high
