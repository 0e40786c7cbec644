"""What is wrong with a policy's own prices when they are held against the list prices."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from budget_gate.domain.policy import KeyPath, SourceMap
from budget_gate.domain.prices import PriceBook
from budget_gate.domain.ratecards import Prices, RateCard, TokenRates
from budget_gate.errors import Problem

# USD per million tokens: no model costs so little. As prices per token, which other tools' tables
# have, real ones are all below it.
LEAST_RATE: Final = Decimal("0.001")
LEAST_PART: Final = Decimal("0.001")


def check_own_prices(prices: Prices, book: PriceBook, source: SourceMap) -> Iterator[Problem]:
    """A defect for each model that two prices are for, and for each rate that must be per token.

    That is one below 1/1000 of the list price of the same model, class, length and days, or below
    0.001 for a model without one. A rate of 0 is allowed.
    """
    seen: dict[str, str] = {}
    for name, cards in prices.models.items():
        path: KeyPath = ("prices", "models", name)
        model = book.priced_as(name)
        if model in seen:
            yield source.problem(path, f"is the same model as {seen[model]}", "keep one of the two")
        seen[model] = name
        for position, card in enumerate(cards):
            listed = _listed(name, card, book)
            place = (*path, position) if (*path, position) in source.places else path
            yield from _too_low(card, listed, source, place)
            if card.long_context:
                long = [each.long_context or each for each in listed]
                yield from _too_low(card.long_context, long, source, (*place, "long_context"))


def _listed(name: str, card: RateCard, book: PriceBook) -> list[RateCard]:
    """The list prices of the model on the days of the card; all of them where it had none then."""
    model = book.document.models.get(book.model_id(name) or "")
    cards = model.prices if model else ()
    then = [it for it in cards if it.start < card.until and card.start < it.until]
    return then or list(cards)


def _too_low(
    own: TokenRates, listed: Sequence[TokenRates], source: SourceMap, path: KeyPath
) -> Iterator[Problem]:
    for name in TokenRates.model_fields:
        rate = getattr(own, name)
        dearest = max((getattr(each, name) for each in listed), default=None)
        least = LEAST_RATE if dearest is None else dearest * LEAST_PART
        if 0 < rate < least:
            limit = "0.001" if dearest is None else f"a thousandth of the list price, {dearest:f}"
            message = f"{rate:f} is below {limit}: prices are in USD per million tokens"
            of_million = f"{rate.scaleb(6).normalize():f}"
            hint = f"write {of_million} if {rate:f} is the price of one token"
            yield source.problem((*path, name), message, hint)
