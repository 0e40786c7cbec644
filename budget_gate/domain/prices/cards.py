"""Rate cards: the dated prices of a model, as the price book and a policy write them."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from budget_gate.domain.bounds import ZERO
from budget_gate.domain.fields import (
    Count,
    Day,
    Document,
    Flag,
    Name,
    Number,
    OptionalFactor,
    Percent,
    Text,
    Version,
    wrong,
)


class TokenRates(Document):
    """USD per million tokens, a rate for each of the five disjoint classes."""

    input: Number = Field(description="USD per million tokens of uncached input.", examples=[3])
    cache_write_5m: Number = Field(
        description="USD per million tokens of cache writes of 5 minutes.", examples=[3.75]
    )
    cache_write_1h: Number = Field(
        description="USD per million tokens of cache writes of 1 hour.", examples=[6]
    )
    cache_read: Number = Field(description="USD per million tokens of cache reads.", examples=[0.3])
    output: Number = Field(description="USD per million tokens of output.", examples=[15])

    def rates(self) -> tuple[Decimal, ...]:
        """The five rates in the order of their classes."""
        return (
            self.input,
            self.cache_write_5m,
            self.cache_write_1h,
            self.cache_read,
            self.output,
        )


class LongContext(TokenRates):
    """What every token of a request costs whose prompt is longer than `above` tokens."""

    above: Count = Field(
        description="Tokens of the prompt above which these rates hold for the whole request.",
        examples=[200000],
    )


class RateCard(TokenRates):
    """The prices of a model from `start`, inclusive, until `until`, exclusive (UTC days).

    `batch`, `fast` and `us` are factors on all token classes; None: not offered, so that usage of
    the kind has no price. `fast_long_context` is the factor on the long-context rates for fast
    requests; None: fast costs the same at any length. The defaults are those of a policy's own
    card; the bundled book states every factor.
    """

    start: Day = Field(
        date.min,
        alias="from",
        description="The first UTC day of the price; without it, the price has no beginning.",
        examples=["2026-11-01"],
    )
    until: Day = Field(
        date.max,
        description="The first UTC day without the price; without it, the price has no end.",
        examples=["2027-01-01"],
    )
    long_context: LongContext | None = Field(
        None,
        description="The rates of requests with longer prompts; without it, they cost the same.",
        examples=[
            {
                "above": 200000,
                "input": 6,
                "output": 22.5,
                "cache_write_5m": 7.5,
                "cache_write_1h": 12,
                "cache_read": 0.6,
            }
        ],
    )
    batch: OptionalFactor = Field(
        Decimal("0.5"),
        description="The factor of the batch tier on all rates, or `none`: not offered.",
        examples=[0.5, "none"],
    )
    fast: OptionalFactor = Field(
        None,
        description="The factor of fast requests on all rates, or `none`: without a price.",
        examples=[6, "none"],
    )
    fast_long_context: OptionalFactor = Field(
        None,
        description="The factor of fast requests on the rates of `long_context`, or `none`: fast "
        "costs the same at any length.",
        examples=[3, "none"],
    )
    us: Number = Field(
        Decimal("1.1"), description="The factor of inference in the US.", examples=[1.1]
    )
    source: Text = Field(
        "", description="Where the price is from.", examples=["contract of 2026-10-01"]
    )

    @model_validator(mode="after")
    def _spans_a_day(self) -> Self:
        if self.start >= self.until:
            raise wrong("`until` is not after `from`", "`until` is the first day without the price")
        return self

    def covers(self, day: date) -> bool:
        """Whether the card is in force on `day` (UTC)."""
        return self.start <= day < self.until

    @property
    def is_free(self) -> bool:
        """Whether a rate of the card, or a factor on its rates, is 0."""
        rates = (*self.rates(), *(self.long_context.rates() if self.long_context else ()))
        return ZERO in (*rates, self.batch, self.fast, self.fast_long_context, self.us)

    def base(self, *, fast: bool, long: bool) -> tuple[TokenRates, Decimal]:
        """The rates of a speed and a prompt length, and the factor of the speed on them.

        `fast` needs a card that has a fast price.
        """
        if not fast:
            return (self.long_context or self) if long else self, Decimal(1)
        if long and self.long_context and self.fast_long_context is not None:
            return self.long_context, self.fast_long_context
        return self, Decimal(1) if self.fast is None else self.fast


class BookCard(RateCard):
    """A rate card of the bundled book, with how sure its price is, and what else is known of it."""

    confidence: Text = ""
    note: Text = ""


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


_Card = TypeVar("_Card", bound=RateCard)


def _in_order(cards: tuple[_Card, ...]) -> tuple[_Card, ...]:
    if not cards or any(before.until > after.start for before, after in pairwise(cards)):
        raise wrong(
            "the prices are missing, overlap or are out of order",
            "list them oldest first, each `from` at or after the `until` before it",
        )
    return cards


# One card, or a list of dated ones, oldest first.
RateCards = Annotated[
    tuple[RateCard, ...],
    BeforeValidator(
        _listed,
        json_schema_input_type=RateCard | Annotated[tuple[RateCard, ...], Field(min_length=1)],
    ),
    AfterValidator(_in_order),
]


class ModelPrices(Document):
    """All prices of a model of the book, with the other names that usage may call it by.

    `dated_ids` says that the id plus `-YYYYMMDD` is the same model.
    """

    aliases: tuple[Text, ...] = ()
    dated_ids: Flag = False
    retired_on: Text = ""
    prices: Annotated[tuple[BookCard, ...], BeforeValidator(_listed), AfterValidator(_in_order)]


class PriceDocument(Document):
    """The bundled price book; `web_search` is USD for 1,000 searches."""

    version: Version
    verified_on: Day
    web_search: Number
    models: dict[Text, ModelPrices]


class Prices(Document):
    """A policy's own prices: a discount off list on tokens, and cards that replace the book's."""

    discount: Percent = Field(
        ZERO,
        description="What is taken off the list prices of tokens, not off the prices given here.",
        examples=["10%"],
    )
    models: dict[Name, RateCards] = Field(
        {},
        description="Prices by model id, in place of the list prices: one price, or several with "
        "`from` and `until`, oldest first.",
        examples=[
            {
                "claude-custom-1": {
                    "input": 3,
                    "output": 15,
                    "cache_write_5m": 3.75,
                    "cache_write_1h": 6,
                    "cache_read": 0.3,
                }
            }
        ],
    )
