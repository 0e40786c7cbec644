"""Independent, exact pricing of usage from tests/prices.csv; imports nothing of the package under test."""

import csv
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cache

from tests.helpers.paths import PRICES

TOKENS_PER_RATE = 1_000_000
USD_PER_SEARCH = Fraction(10, 1000)
US_MULTIPLIER_SINCE = date(2026, 2, 5)
REPORTED_WINDOW_BOUNDARY = 200_000  # the one length the usage report can show

EVERY_DIMENSION = frozenset(
    {"service_tier", "context_window", "inference_geo", "speed", "cache_ttl"}
)
KNOWN_ORG_SCOPED = frozenset({"service_tier"})


class UnpricedUsageError(ValueError):
    """A usage that has no published price was to be added to a total."""


@dataclass(frozen=True)
class Usage:
    """Tokens and searches used at one instant (UTC), with every dimension that changes a price.

    Workspace None is the default workspace.
    """

    at: datetime
    workspace: str | None
    model: str
    service_tier: str = "standard"
    context_window: str = "0-200k"
    inference_geo: str = "global"
    speed: str = "standard"
    uncached: int = 0
    write_5m: int = 0
    write_1h: int = 0
    read: int = 0
    output: int = 0
    searches: int = 0

    @property
    def day(self) -> date:
        """The UTC day whose prices hold."""
        return self.at.astimezone(UTC).date()


@dataclass(frozen=True)
class Card:
    """A rate for each token class, USD per million tokens."""

    uncached: Fraction
    write_5m: Fraction
    write_1h: Fraction
    read: Fraction
    output: Fraction

    def times(self, factor: Fraction) -> "Card":
        """Return the card with every rate multiplied."""
        return Card(
            uncached=self.uncached * factor,
            write_5m=self.write_5m * factor,
            write_1h=self.write_1h * factor,
            read=self.read * factor,
            output=self.output * factor,
        )

    def price(self, usage: Usage, write_5m: int, write_1h: int) -> Fraction:
        """Return the USD for the tokens of a usage whose cache writes split as given."""
        return (
            usage.uncached * self.uncached
            + write_5m * self.write_5m
            + write_1h * self.write_1h
            + usage.read * self.read
            + usage.output * self.output
        ) / TOKENS_PER_RATE


@dataclass(frozen=True)
class PriceRow:
    """One dated row of the price table: `effective_from` inclusive, `effective_to` exclusive.

    `long` and `fast` are None where the model has no such card in that period; `batch` and `us` where it has no such
    multiplier.
    """

    model: str
    aliases: tuple[str, ...]
    accepts_dated_id: bool
    retired_on: date | None
    effective_from: date
    effective_to: date | None
    standard: Card
    long_threshold: int | None
    long: Card | None
    batch: Fraction | None
    fast: Card | None
    fast_long: Card | None
    us: Fraction | None

    def holds_on(self, day: date) -> bool:
        """Whether the row is in force on that day."""
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)

    def answers_to(self, model: str) -> bool:
        """Whether a reported model id means this row's model: exactly, by alias, or with a date appended."""
        if model == self.model or model in self.aliases:
            return True
        suffix = re.fullmatch(re.escape(self.model) + "-([0-9]{8})", model)
        return self.accepts_dated_id and suffix is not None and _is_day(suffix[1])

    def cards(self, window: str, speed: str) -> tuple[Card, ...]:
        """Return the cards that may hold for tokens of that window and speed.

        The speed must have a price.
        """
        short = self.fast if speed == "fast" else self.standard
        assert short is not None
        long = (self.fast_long if speed == "fast" else self.long) or short
        if window == "200k-1M":
            return (long,)
        if self.long_threshold is not None and self.long_threshold < REPORTED_WINDOW_BOUNDARY:
            return (short, long)
        return (short,)


def _is_day(digits: str) -> bool:
    try:
        return bool(datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC))
    except ValueError:
        return False


def _number(text: str) -> Fraction | None:
    return Fraction(text) if text else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _card(record: dict[str, str], prefix: str) -> Card | None:
    if not record[f"{prefix}input"]:
        return None
    return Card(
        uncached=Fraction(record[f"{prefix}input"]),
        write_5m=Fraction(record[f"{prefix}cache_write_5m"]),
        write_1h=Fraction(record[f"{prefix}cache_write_1h"]),
        read=Fraction(record[f"{prefix}cache_read"]),
        output=Fraction(record[f"{prefix}output"]),
    )


def _fast_long_card(record: dict[str, str], long: Card | None) -> Card | None:
    if not record["fast_long_ctx_input"]:
        return None
    assert long is not None
    card = long.times(Fraction(record["fast_multiplier"]))
    assert (card.uncached, card.output) == (
        Fraction(record["fast_long_ctx_input"]),
        Fraction(record["fast_long_ctx_output"]),
    )
    return card


def _price_row(record: dict[str, str]) -> PriceRow:
    standard = _card(record, "")
    effective_from = _day(record["effective_from"])
    assert standard is not None
    assert effective_from is not None
    long = _card(record, "long_ctx_")
    return PriceRow(
        model=record["model"],
        aliases=tuple(record["aliases"].split()),
        accepts_dated_id="warn+accept" in record["match_rule"],
        retired_on=_day(record["retired_on"]),
        effective_from=effective_from,
        effective_to=_day(record["effective_to"]),
        standard=standard,
        long_threshold=int(record["long_ctx_threshold"]) if record["long_ctx_threshold"] else None,
        long=long,
        batch=_number(record["batch_multiplier"]),
        fast=_card(record, "fast_"),
        fast_long=_fast_long_card(record, long),
        us=_number(record["geo_us_multiplier"]),
    )


@cache
def price_table() -> tuple[PriceRow, ...]:
    """Return every row of tests/prices.csv, in file order."""
    with PRICES.open(encoding="utf-8", newline="") as file:
        return tuple(_price_row(record) for record in csv.DictReader(file))


@cache
def price_row(model: str, day: date) -> PriceRow | None:
    """Return the row that prices a reported model id on a day; None where there is none."""
    found = [row for row in price_table() if row.holds_on(day) and row.answers_to(model)]
    assert len(found) <= 1, f"{model} has {len(found)} prices on {day}"
    return found[0] if found else None


def _possible_tiers(usage: Usage, row: PriceRow, known: frozenset[str]) -> tuple[str, ...]:
    priced = ("standard", "priority") if row.batch is None else ("standard", "priority", "batch")
    if "service_tier" not in known:
        return priced
    return (usage.service_tier,) if usage.service_tier in priced else ()


def _possible_speeds(usage: Usage, row: PriceRow, known: frozenset[str]) -> tuple[str, ...]:
    priced = ("standard",) if row.fast is None else ("standard", "fast")
    if "speed" not in known:
        return priced
    return (usage.speed,) if usage.speed in priced else ()


def _possible_geos(usage: Usage, known: frozenset[str]) -> tuple[str, ...]:
    priced = ("global", "us", "not_available")
    if "inference_geo" not in known:
        return priced
    return (usage.inference_geo,) if usage.inference_geo in priced else ()


def _possible_windows(usage: Usage, known: frozenset[str]) -> tuple[str, ...]:
    priced = ("0-200k", "200k-1M")
    if "context_window" not in known:
        return priced
    return (usage.context_window,) if usage.context_window in priced else ()


def _possible_writes(usage: Usage, known: frozenset[str]) -> tuple[tuple[int, int], ...]:
    if "cache_ttl" in known:
        return ((usage.write_5m, usage.write_1h),)
    written = usage.write_5m + usage.write_1h
    return ((written, 0), (0, written))


def cost(usage: Usage, known: frozenset[str] = EVERY_DIMENSION) -> tuple[Fraction, Fraction] | None:
    """Return the exact USD bounds (low, high) of a usage when only `known` dimensions are reported.

    None means that no published price holds.
    A dimension outside `known` is not read from the usage: the bounds span every value it may have had.
    """
    row = price_row(usage.model, usage.day)
    if row is None:
        return None
    us = row.us if row.us is not None and usage.day >= US_MULTIPLIER_SINCE else Fraction(1)
    searches = usage.searches * USD_PER_SEARCH
    costs: list[Fraction] = []
    for tier, speed, geo, window, (write_5m, write_1h) in itertools.product(
        _possible_tiers(usage, row, known),
        _possible_speeds(usage, row, known),
        _possible_geos(usage, known),
        _possible_windows(usage, known),
        _possible_writes(usage, known),
    ):
        if tier == "batch" and speed == "fast":
            continue
        batch = row.batch if tier == "batch" else Fraction(1)
        assert batch is not None
        factor = batch * (us if geo == "us" else 1)
        costs.extend(
            card.price(usage, write_5m, write_1h) * factor + searches
            for card in row.cards(window, speed)
        )
    return (min(costs), max(costs)) if costs else None


def total(
    usages: Iterable[Usage], known: frozenset[str] = EVERY_DIMENSION
) -> tuple[Fraction, Fraction]:
    """Return the exact USD bounds of all usages together.

    Raises UnpricedUsageError where one of them has no price.
    """
    low = high = Fraction(0)
    for usage in usages:
        bounds = cost(usage, known)
        if bounds is None:
            raise UnpricedUsageError(f"no published price for {usage}")
        low += bounds[0]
        high += bounds[1]
    return low, high
