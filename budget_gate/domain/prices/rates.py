"""The rates of a card that may apply to usage, by what the report says of it."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import product
from operator import mul
from typing import NamedTuple

from budget_gate.domain.prices.cards import RateCard, TokenRates
from budget_gate.domain.usage import Tokens, UsageKey

# The prompt lengths that a usage report can tell apart, in tokens.
CONTEXT_WINDOWS = {"0-200k": (0, 200_000), "200k-1M": (200_000, 1_000_000)}


class Unpriced(NamedTuple):
    """Usage has no price, and why; `of_model`: a price of the model would give it one."""

    reason: str
    of_model: bool = False


class Rates(NamedTuple):
    """What one of each class of `Tokens` costs, in their order and in units of the price book.

    Unsplit cache writes have no rate of their own: theirs is one of the other two.
    """

    uncached_input: int
    cache_write_5m: int
    cache_write_1h: int
    cache_read: int
    output: int
    web_search: int


class RateRange(NamedTuple):
    """The lowest and the highest rates that may apply: one object where only one does."""

    low: Rates
    high: Rates

    @property
    def is_exact(self) -> bool:
        """Whether only one rate of each class applies."""
        return self.high is self.low

    def units(self, tokens: Tokens) -> tuple[int, int]:
        """What `tokens` cost at least and at most, in units of the price book."""
        cheapest, dearest = self
        low = high = sum(map(mul, cheapest, tokens))
        if dearest is not cheapest:
            high = sum(map(mul, dearest, tokens))
        unsplit = tokens[-1]
        if unsplit:
            low += unsplit * min(cheapest[1:3])
            high += unsplit * max(dearest[1:3])
        return low, high


def each_rate(choose: Callable[[Iterable[int]], int], vectors: list[Rates]) -> Rates:
    """The lowest or the highest of each class, as `choose` says."""
    return Rates(*(choose(column) for column in zip(*vectors, strict=True)))


def possible_bases(card: RateCard, key: UsageKey) -> list[tuple[TokenRates, Decimal]] | Unpriced:
    """The rates of a card that may apply to the usage of `key`, each with the factor on them.

    Exact in a context that is; none of it depends on the day, but that the card is in force.
    """
    tiers = _tier_factors(card, key.service_tier)
    speeds = _possible_speeds(card, key.speed, key.service_tier)
    places = _place_factors(card, key.inference_geo)
    lengths = _possible_lengths(card, key.context_window)
    if isinstance(tiers, Unpriced):
        return tiers
    if isinstance(speeds, Unpriced):
        return speeds
    if isinstance(places, Unpriced):
        return places
    if isinstance(lengths, Unpriced):
        return lengths
    return [
        (base, tier * speed * place)
        for tier, fast, place, long in product(tiers, speeds, places, lengths)
        for base, speed in [card.base(fast=fast, long=long)]
    ]


def _tier_factors(card: RateCard, tier: str | None) -> tuple[Decimal, ...] | Unpriced:
    """The factors of the tiers that the usage may be of."""
    match tier:
        case "standard" | "priority":
            return (Decimal(1),)
        case "batch" if card.batch is not None:
            return (card.batch,)
        case None:
            return Unpriced("the report does not name its service tier")
        case _:
            return Unpriced(f"service tier {tier} has no published price for the model")


def _possible_speeds(
    card: RateCard, speed: str | None, tier: str | None
) -> tuple[bool, ...] | Unpriced:
    """Whether the usage may be of the usual speed (False), fast (True) or either."""
    can_be_fast = card.fast is not None and tier != "batch"
    match speed:
        case "standard":
            return (False,)
        case "fast" if can_be_fast:
            return (True,)
        case None:
            return (False, True) if can_be_fast else (False,)
        case _:
            return Unpriced(f"speed {speed} has no price for the model on that day and tier")


def _place_factors(card: RateCard, geo: str | None) -> tuple[Decimal, ...] | Unpriced:
    """The factors of the places that the usage may be from."""
    match geo:
        case "global" | "not_available":
            return (Decimal(1),)
        case "us":
            return (card.us,)
        case None:
            return (Decimal(1), card.us)
        case _:
            return Unpriced(f"inference geo {geo} has no published price")


def _possible_lengths(card: RateCard, window: str | None) -> tuple[bool, ...] | Unpriced:
    """Whether the prompts may be short (False) or long (True) by the card's threshold."""
    if card.long_context is None:
        return (False,)
    if window is None:
        return (False, True)
    if window not in CONTEXT_WINDOWS:
        return Unpriced(f"context window {window} has no published price for the model")
    shortest, longest = CONTEXT_WINDOWS[window]
    above = card.long_context.above
    if longest <= above:
        return (False,)
    return (True,) if shortest >= above else (False, True)
