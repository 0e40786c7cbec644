"""All usage of a span, with every dimension told that has a price, by questions of five each."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Final

from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable
from budget_gate.sources.api.usage_query import ALWAYS, Span
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

# A question to a route: a span, what to group by, and filters as a query has them.
Ask = Callable[[Span, tuple[str, ...], Sequence[tuple[str, str]]], UsageTable]

# The statuses by which the API says that it will not answer this query, though it may another.
_REFUSALS = (400, 403)
_MODEL_AND_SPEED: Final = (UsageKey._fields.index("model"), UsageKey._fields.index("speed"))


def read_whole(transport: Transport, ask: Ask, span: Span, book: PriceBook) -> UsageTable:
    """All usage of the span, with every dimension told that changes its price.

    Six dimensions do, and the API groups by five. The first query tells the speed and covers all
    usage; where the price of what it finds depends on the prompt's length too, a second one tells
    the context window, of the models concerned and at one speed.
    """
    table = read_main(ask, span)
    # Where the speed is told, the prompt's length alone is left to make a price a range.
    by_speed: dict[str, set[str]] = defaultdict(set)
    for model, speed in set(map(itemgetter(*_MODEL_AND_SPEED), table)):
        if model and speed and book.depends_on_length(model, speed, span.period):
            by_speed[speed].add(model)
    lengths = [
        transport.start(partial(_read_lengths, ask, span, speed, sorted(models)))
        for speed, models in by_speed.items()
    ]
    for part in lengths:
        _tell_lengths(table, part.result())
    return table


def read_main(ask: Ask, span: Span) -> UsageTable:
    """All usage of the span, by speed or, where the API refuses that, by context window."""
    try:
        return ask(span, (*ALWAYS, "speed"), ())
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        try:
            return ask(span, (*ALWAYS, "context_window"), ())
        except RefusedError as again:
            # It was not the speed that was refused: the first answer is the one to explain.
            raise (refused if again.status in _REFUSALS else again) from None


def _read_lengths(ask: Ask, span: Span, speed: str, models: list[str]) -> UsageTable:
    """The usage of `models` at one speed, by context window; empty where the API refuses it."""
    filters = [("speeds[]", speed), *(("models[]", model) for model in models)]
    try:
        table = ask(span, (*ALWAYS, "context_window"), filters)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        return {}
    return {key._replace(speed=speed): tokens for key, tokens in table.items()}


def _tell_lengths(table: UsageTable, lengths: UsageTable) -> None:
    """Splits the usage in `table` by context window, in place.

    `table` stays the truth of how much was used: only where `lengths` adds up to exactly that is
    it taken. Elsewhere, as when usage came in between both answers, the cost stays a range.
    """
    split: dict[UsageKey, UsageTable] = defaultdict(dict)
    for key, tokens in lengths.items():
        split[key._replace(context_window=None)][key] = tokens
    for key, parts in split.items():
        total = Tokens()
        for tokens in parts.values():
            total = total.plus(tokens)
        if table.get(key) == total:
            del table[key]
            table |= parts
