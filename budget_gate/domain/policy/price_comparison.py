"""What becomes of a policy's own prices, and whether the same usage costs less by them."""

from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Final, Literal

from budget_gate.domain.fields import Document
from budget_gate.domain.period import DAY
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import Prices, RateCard
from budget_gate.domain.prices.rates import CONTEXT_WINDOWS, Unpriced
from budget_gate.domain.usage import UsageKey

# What a change of a policy does to what a run lets pass.
Effect = Literal["looser", "tighter", "neutral"]

# None: the report does not say. A price may leave the kinds as they are, and make that cheaper.
_KINDS: Final = tuple(
    product(
        ("standard", "batch"),
        (*CONTEXT_WINDOWS, None),
        ("global", "us", None),
        ("standard", "fast", None),
    )
)


def kinds_of_usage(model: str, day: date) -> Iterator[UsageKey]:
    """Every kind of usage of a model on a day that may have a price of its own."""
    for tier, window, geo, speed in _KINDS:
        yield UsageKey(None, day, model, tier, window, geo, speed)


def compare_prices(
    before: Prices, after: Prices, book: PriceBook, day: date
) -> Iterator[tuple[str, str | None, str | None, Effect]]:
    """Each model whose own price is another one: before, after, and what that does to its spend.

    A price is told as the policy has it, of two of the same days only what differs; None stands for
    none. It is `looser` where any usage of `day` or of the days named costs less than before, by
    the list price less the discount where there is no own one, or has a price that had none.
    """
    books = book.with_policy(before), book.with_policy(after)
    for model in {**before.models, **after.models}:
        old, new = before.models.get(model, ()), after.models.get(model, ())
        if old == new:
            continue
        edges = {edge for card in (*old, *new) for edge in (card.start, card.until)}
        edges -= {date.min, date.max}
        days = sorted({day, *edges, *(edge - DAY for edge in edges)})
        yield model, _told(old, new), _told(new, old), _effect(model, days, *books)


def _effect(model: str, days: list[date], before: PriceBook, after: PriceBook) -> Effect:
    effect: Effect = "neutral"
    for key in (key for day in days for key in kinds_of_usage(model, day)):
        old, new = before.rates(key), after.rates(key)
        if isinstance(new, Unpriced):
            # What has no price fails the run.
            effect = effect if isinstance(old, Unpriced) else "tighter"
            continue
        if isinstance(old, Unpriced):
            return "looser"
        # Each book has units of its own.
        ours, theirs = 10**before.places, 10**after.places
        pairs = [
            (was * theirs, now * ours)
            for ends in zip(old, new, strict=True)
            for was, now in zip(*ends, strict=True)
        ]
        if any(now < was for was, now in pairs):
            return "looser"
        if any(now > was for was, now in pairs):
            effect = "tighter"
    return effect


def _told(cards: tuple[RateCard, ...], others: tuple[RateCard, ...]) -> str | None:
    """The cards as a policy has them, without what the others of the same days have as well."""
    same = {card.start: _written(card) for card in others}
    parts = []
    for card in cards:
        written = _written(card)
        known = same.get(card.start, {})
        differs = [f"{key} {value}" for key, value in written.items() if known.get(key) != value]
        when = f"from {card.start}: " if len(cards) > 1 and card.start != date.min else ""
        if differs:
            parts.append(when + ", ".join(differs))
    return "; ".join(parts) or ("without it" if cards else None)


def _written(card: Document, above: str = "") -> dict[str, str]:
    """What stands in a card, by the keys of a policy."""
    written: dict[str, str] = {}
    for name in sorted(card.model_fields_set, key=list(type(card).model_fields).index):
        value = getattr(card, name)
        key = f"{above}{type(card).model_fields[name].alias or name}"
        if isinstance(value, Document):
            written |= _written(value, f"{key}.")
        else:
            written[key] = "none" if value is None else f"{value}"
    return written
