"""Usage x price book -> priced rows: usage is priced once, and every sum is made of them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from budget_gate.domain.bounds import EXACT, Bounds, minus, times
from budget_gate.domain.notes import Note
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Tokens, Usage, UsageKey


class PricedRow(NamedTuple):
    """An amount of usage, and what it costs at least and at most in whole units of the price book.

    Whole numbers are as exact as Decimal and several times as fast to add. Where its tokens have no
    price, `unpriced` says why, and both are what its web searches cost.
    """

    key: UsageKey
    tokens: Tokens
    low: int
    high: int
    unpriced: Unpriced | None


class PricedUsage(NamedTuple):
    """What a source read, priced by a book: a row for each amount of the usage's table."""

    usage: Usage
    book: PriceBook
    rows: Sequence[PricedRow]

    def with_notes(self, notes: tuple[Note, ...]) -> "PricedUsage":
        """The same with these notes, before those that the usage has."""
        return self._replace(usage=self.usage._replace(notes=(*notes, *self.usage.notes)))

    def cost(self, row: PricedRow) -> Bounds | Unpriced:
        """Exact USD of a row, its web searches included."""
        return row.unpriced or self.book.bounds(row.low, row.high)

    def cost_of_searches(self, row: PricedRow) -> Decimal:
        """Exact USD of a row's web searches, whose price goes by nothing else of it."""
        book = self.book.document
        return EXACT.scaleb(times(book.web_search, Decimal(row.tokens.web_searches)), -3)

    def cost_of_tokens(self, row: PricedRow) -> Bounds | Unpriced:
        """Exact USD of a row without its web searches."""
        whole, searches = self.cost(row), self.cost_of_searches(row)
        if isinstance(whole, Unpriced):
            return whole
        return Bounds(*(minus(end, searches) for end in whole))


def price(usage: Usage, book: PriceBook) -> PricedUsage:
    """The rows of `usage`, each priced by `book`.

    A cost is sum(tokens x rate of the model, the day and the prompt's length) x speed x tier x
    place + searches x price of a search. Where the report does not state a dimension, it lies
    between that of the cheapest and of the dearest it may be.
    """
    rows = []
    for key, tokens in usage.table.items():
        rates = book.rates(key)
        if isinstance(rates, Unpriced):
            searches = tokens.web_searches * book.per_search
            why = None if searches and not tokens.total else rates
            rows.append(PricedRow(key, tokens, searches, searches, why))
        else:
            low, high = rates.units(tokens)
            # Of a large report's rows there are so many that its faster way to make one shows.
            rows.append(PricedRow._make((key, tokens, low, high, None)))
    return PricedUsage(usage, book, rows)
