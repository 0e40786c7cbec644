"""The price book: what usage costs by the rate cards of its model and day."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, localcontext
from functools import cached_property
from hashlib import sha256
from itertools import product
from types import MappingProxyType

from budget_gate.domain.bounds import EXACT, ZERO, Bounds
from budget_gate.domain.period import DAY, Period
from budget_gate.domain.prices.cards import PriceDocument, Prices, RateCard, TokenRates
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import (
    RateRange,
    Rates,
    Unpriced,
    each_rate,
    possible_bases,
)
from budget_gate.domain.usage import UsageKey


class PriceBook:
    """The bundled prices, with the discount and the own prices of a policy."""

    def __init__(
        self,
        document: PriceDocument,
        overrides: Mapping[str, tuple[RateCard, ...]] = MappingProxyType({}),
        discount: Decimal = ZERO,
    ) -> None:
        self.document = document
        self.overrides = overrides
        self.discount = discount
        # All but the workspace decides a rate, so that few entries serve a large report.
        self._found: dict[tuple[object, ...], RateRange | Unpriced] = {}
        # And a card decides them for all of its days; it has no other name than its identity.
        self._by_card: dict[tuple[object, ...], RateRange | Unpriced] = {}
        self._dearest: dict[date, RateRange] = {}

    @cached_property
    def places(self) -> int:
        """A unit of the book is 10 to the power of minus this, in USD.

        Costs are added as whole numbers of the smallest unit that any price of the book can have:
        as exact as Decimal, and several times as fast.
        """
        cards = list(self._cards())
        bases = [*cards, *(card.long_context for card in cards if card.long_context)]
        rates = [rate for base in bases for rate in base.rates()]
        rates.append(self.document.web_search)
        tiers = [card.batch for card in cards]
        speeds = [speed for card in cards for speed in (card.fast, card.fast_long_context)]
        kinds = (rates, tiers, speeds, [card.us for card in cards], [self.discount])
        # Rates are per million tokens.
        return 6 + sum(max(map(_decimals, kind)) for kind in kinds)

    @property
    def retired_on(self) -> dict[str, date]:
        """The day on which a model of the book is retired, where one is known, by its id."""
        models = self.document.models.items()
        return {
            model: date.fromisoformat(listed.retired_on[:10])
            for model, listed in models
            if listed.retired_on
        }

    @cached_property
    def digest(self) -> str:
        """What is equal for two books only where every price is."""
        told = {"source", "confidence", "note"}
        book = self.document.model_dump_json(
            exclude={
                "verified_on": True,
                "models": {"__all__": {"retired_on": True, "prices": {"__all__": told}}},
            }
        )
        parts = [book, str(self.discount)]
        for name, cards in sorted(self.overrides.items()):
            parts += [name, *(card.model_dump_json(exclude=told) for card in cards)]
        return sha256("\0".join(parts).encode()).hexdigest()[:16]

    @cached_property
    def _own(self) -> dict[str, tuple[RateCard, ...]]:
        """The policy's own prices by the id that the book has for the model."""
        return {self.priced_as(name): cards for name, cards in self.overrides.items()}

    def priced_as(self, name: str) -> str:
        """What an own price is for: an alias for every name of the model, a dated id for itself."""
        model = self.model_id(name)
        listed = self.document.models.get(model or "")
        return model if model and listed and name in listed.aliases else name

    def bounds(self, low: int, high: int) -> Bounds:
        """The exact USD of amounts in units of the book."""
        least = EXACT.scaleb(Decimal(low), -self.places)
        return Bounds(least, least if low == high else EXACT.scaleb(Decimal(high), -self.places))

    def with_policy(self, prices: Prices) -> "PriceBook":
        """The book as the policy's `prices` change it."""
        return PriceBook(self.document, prices.models, prices.discount)

    def rates(self, key: UsageKey) -> RateRange | Unpriced:
        """The rates that apply to the usage of `key`."""
        what = key[1:]
        found = self._found.get(what)
        if found is None:
            with localcontext(EXACT):
                found = self._found[what] = self._find(key)
        return found

    def model_id(self, name: str) -> str | None:
        """The id that the prices of a model stand under; None where the model is not known.

        Matches an id, an alias, or a dateless id with a date behind it; never a mere prefix, as
        `claude-opus-4` is a prefix of `claude-opus-4-7` and three times its price.
        """
        if name in self.document.models:
            return name
        for model, listed in self.document.models.items():
            if name in listed.aliases:
                return model
        known = self.document.models.get(undated(name))
        if known and known.dated_ids:
            return undated(name)
        return name if name in self.overrides else None

    def names(self) -> Iterator[str]:
        """Every id and alias of a model that has a price."""
        for model, listed in self.document.models.items():
            yield model
            yield from listed.aliases
        yield from self.overrides

    def aliases(self) -> dict[str, str]:
        """The id of the model that each alias stands for."""
        models = self.document.models.items()
        return {alias: model for model, listed in models for alias in listed.aliases}

    def depends_on_length(self, model: str, speed: str, period: Period) -> bool:
        """Whether what the model costs at that speed depends, in the period, on prompts' length."""
        keys = (
            UsageKey(None, start.date(), model, "standard", None, "global", speed)
            for start in period.steps(DAY)
        )
        found = map(self.rates, keys)
        return any(isinstance(rates, RateRange) and not rates.is_exact for rates in found)

    @cached_property
    def per_search(self) -> int:
        """What a web search costs, whatever model made it, in units of the book."""
        return int(EXACT.scaleb(self.document.web_search, self.places - 3).to_integral_exact())

    def dearest(self, day: date) -> RateRange:
        """From nothing to the dearest rate of each class of tokens that any model has on `day`."""
        found = self._dearest.get(day)
        if found is None:
            found = self._dearest[day] = self._find_dearest(day)
        return found

    def _find_dearest(self, day: date) -> RateRange:
        with localcontext(EXACT):
            cards = list(self._cards())
            vectors = [
                self._vector(base, speed * max(card.us, Decimal(1)), ZERO)
                for card in [card for card in cards if card.covers(day)] or cards
                for fast, long in product((False, card.fast is not None), (False, True))
                for base, speed in [card.base(fast=fast, long=long)]
            ]
            return RateRange(Rates(0, 0, 0, 0, 0, self.per_search), each_rate(max, vectors))

    def _cards(self) -> Iterator[RateCard]:
        for listed in self.document.models.values():
            yield from listed.prices
        for own in self.overrides.values():
            yield from own

    def _find(self, key: UsageKey) -> RateRange | Unpriced:
        if key.model is None:
            return Unpriced("the report does not name its model")
        found = self._card(key.model, key.day)
        if isinstance(found, Unpriced):
            return found
        card, discount = found
        what = (id(card), *key[3:])
        rates = self._by_card.get(what)
        if rates is None:
            rates = self._by_card[what] = self._rates_of(card, discount, key)
        return rates

    def _rates_of(self, card: RateCard, discount: Decimal, key: UsageKey) -> RateRange | Unpriced:
        bases = possible_bases(card, key)
        if isinstance(bases, Unpriced):
            return bases
        vectors = [self._vector(base, factor, discount) for base, factor in bases]
        low, high = each_rate(min, vectors), each_rate(max, vectors)
        return RateRange(low, low if low == high else high)

    def has_own_price(self, name: str | None, day: date) -> bool:
        """Whether the policy itself prices the model on `day`, so that no discount is taken."""
        return name is not None and any(card.covers(day) for card in self._own_cards(name))

    def has_price(self, name: str, day: date) -> bool:
        """Whether usage under that name has a price of its model on `day`."""
        return not isinstance(self._card(name, day), Unpriced)

    def _own_cards(self, name: str) -> tuple[RateCard, ...]:
        """The policy's own prices of the model: those under this very name go before its own."""
        of_model = self._own.get(self.model_id(name) or name, ())
        return (*self.overrides.get(name, ()), *of_model)

    def _card(self, name: str, day: date) -> tuple[RateCard, Decimal] | Unpriced:
        """The card in force on `day` with the discount on it: none on a policy's own price."""
        model = self.model_id(name)
        if model is None:
            return Unpriced("the model is not in the price book", of_model=True)
        for card in self._own_cards(name):
            if card.covers(day):
                return card, ZERO
        listed = self.document.models.get(model)
        for card in listed.prices if listed else ():
            if card.covers(day):
                return card, self.discount
        whose = "the price book" if listed else "prices.models"
        return Unpriced(f"{whose} has no price of the model on that day", of_model=True)

    def _vector(self, base: TokenRates, factor: Decimal, discount: Decimal) -> Rates:
        """Units per token of `base`, which is USD per million; raises Inexact, never rounds."""
        each = (factor * (1 - discount)).scaleb(self.places - 6)
        rates = (int((rate * each).to_integral_exact()) for rate in base.rates())
        return Rates(*(*rates, self.per_search))


def _decimals(number: Decimal | None) -> int:
    """How many decimals a number is written with."""
    return -int(number.as_tuple().exponent) if number is not None else 0
