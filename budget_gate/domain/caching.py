"""What reading from the prompt cache saved, at the prices of the book."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import product

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.rates import Rates, Unpriced
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
        ends = [end for each in set(rates) for end in _saved(tokens, each)]
        place = (key.day, key.workspace)
        found[place] = found[place].plus(book.bounds(min(ends), max(ends)))
    return dict(found)


def _uses_cache(tokens: Tokens) -> bool:
    return bool(
        tokens.cache_read
        or tokens.cache_write_5m
        or tokens.cache_write_1h
        or tokens.cache_write_unsplit
    )


def _saved(tokens: Tokens, rates: Rates) -> Iterator[int]:
    """What is saved, in units of the book, by each lifetime that unsplit writes may have."""
    plain = rates.uncached_input
    saved = tokens.cache_read * (plain - rates.cache_read)
    saved -= tokens.cache_write_5m * (rates.cache_write_5m - plain)
    saved -= tokens.cache_write_1h * (rates.cache_write_1h - plain)
    for write, unsplit in product(rates[1:3], [tokens.cache_write_unsplit]):
        yield saved - unsplit * (write - plain)
