"""What is wrong with a policy's own prices when they are held against the list prices."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from budget_gate.domain.policy.places import KeyPath, SourceMap
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import Prices, RateCard, TokenRates
from budget_gate.errors import Problem

# Prices per 1,000 tokens or per token, as other tools' tables have them, lie at or below this part
# of the dearest list price. The cheapest list price of each class lies four times above it.
LEAST_PART: Final = Decimal("0.001")
LEAST_FACTOR: Final = Decimal("0.01")
_FACTORS: Final = ("batch", "fast", "fast_long_context", "us")


def check_own_prices(prices: Prices, book: PriceBook, source: SourceMap) -> Iterator[Problem]:
    """A defect for each model that two prices are for, and for each rate or factor too low.

    A rate must be per token, or per 1,000, at or below 1/1000 of the list price of the same model,
    class, length and days, or for a model without one, of the dearest model's. A factor must not
    lie below 0.01. A rate or a factor of 0 is allowed.
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
            yield from _odd_factors(card, source, place)
            if card.long_context:
                long = [each.long_context or each for each in listed]
                yield from _too_low(card.long_context, long, source, (*place, "long_context"))


def _listed(name: str, card: RateCard, book: PriceBook) -> Sequence[RateCard]:
    """The list prices of the model on the days of the card; all of them where it had none then.

    Those of every model where the book does not have this one.
    """
    model = book.document.models.get(book.model_id(name) or "")
    models = [model] if model else book.document.models.values()
    cards = [listed for each in models for listed in each.prices]
    then = [it for it in cards if it.start < card.until and card.start < it.until]
    return then or cards


def _too_low(
    own: TokenRates, listed: Sequence[TokenRates], source: SourceMap, path: KeyPath
) -> Iterator[Problem]:
    for name in TokenRates.model_fields:
        rate = getattr(own, name)
        dearest = max(getattr(each, name) for each in listed)
        least = dearest * LEAST_PART
        if 0 < rate <= least:
            message = (
                f"{rate:f} is no more than a thousandth of {dearest:f}, the highest list price: "
                "prices are in USD per million tokens"
            )
            readings = ((3, "1,000 tokens"), (6, "one token"))
            meant = [
                f"{rate.scaleb(power).normalize():f} if {rate:f} is the price of {what}"
                for power, what in readings
                if rate.scaleb(power) > least
            ]
            yield source.problem((*path, name), message, f"write {', or '.join(meant)}")


def _odd_factors(card: RateCard, source: SourceMap, path: KeyPath) -> Iterator[Problem]:
    for name in _FACTORS:
        factor = getattr(card, name)
        if factor is not None and 0 < factor < LEAST_FACTOR:
            message = f"{factor:f} is too low for a factor on the rates"
            hint = "write 0.5 for half of the rates, or 0 where such usage costs nothing"
            yield source.problem((*path, name), message, hint)
