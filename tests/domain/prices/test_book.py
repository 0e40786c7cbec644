"""The price book against the fact table, the published examples, and the independent oracle."""

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import EXACT, NOTHING, Bounds
from budget_gate.domain.period import Period
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import PriceDocument
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document
from tests.helpers.builders import (
    MILLION,
    book,
    book_with,
    bounds,
    cost_of,
    errors_of,
    fractions,
    key,
    priced,
    reported,
    usage_of,
)
from tests.helpers.paths import PACKAGE, PRICES
from tests.helpers.prices import made
from tests.world import oracle
from tests.world.organizations import usages

CLASSES = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
FIELDS = dict(zip(CLASSES, ("uncached_input", *CLASSES[1:]), strict=True))
NEW = "claude-unknown-9"
HAIKU_ALIAS = "claude-haiku-4-5-20251001"
LATER = date(2027, 6, 30)  # a row without an end still holds then

with PRICES.open(encoding="utf-8", newline="") as _file:
    ROWS = tuple(csv.DictReader(_file))


def days_of(row: dict[str, str]) -> tuple[str, str]:
    """The first and the last day of a row; one far ahead where it has no end."""
    until = row["effective_to"]
    last = date.fromisoformat(until) - timedelta(days=1) if until else LATER
    return row["effective_from"], last.isoformat()


CASES = [pytest.param(row, day, id=f"{row['model']} {day}") for row in ROWS for day in days_of(row)]
every_row = pytest.mark.parametrize(("row", "day"), CASES)


def rates_per_million(where: UsageKey) -> dict[str, Fraction] | str:
    """The exact price of a million tokens of each class, or why there is none."""
    found: dict[str, Fraction] = {}
    for name, field in FIELDS.items():
        cost = cost_of(book(), where, Tokens(**{field: MILLION}))
        if isinstance(cost, Unpriced):
            return cost.reason
        assert cost.is_exact
        found[name] = Fraction(cost.low)
    return found


def listed(row: dict[str, str], prefix: str = "", factor: str = "1") -> dict[str, Fraction]:
    """The rates that a row lists, times a factor."""
    return {name: Fraction(row[f"{prefix}{name}"]) * Fraction(factor) for name in CLASSES}


def tells_length(row: dict[str, str]) -> bool:
    """Whether a report can tell which of the row's prices hold below 200,000 tokens."""
    return row["long_ctx_threshold"] in ("", "200000")


# The fact table, row by row ----------------------------------------------------------------------


@every_row
def test_standard_rates(row: dict[str, str], day: str) -> None:
    """Each class costs what its row lists, on the row's first day and on its last."""
    if tells_length(row):
        assert rates_per_million(key(row["model"], day)) == listed(row)
    else:
        for name, field in FIELDS.items():
            cost = priced(cost_of(book(), key(row["model"], day), Tokens(**{field: MILLION})))
            assert cost == (Decimal(row[name]), Decimal(row[f"long_ctx_{name}"]))


@every_row
def test_long_context_rates(row: dict[str, str], day: str) -> None:
    """Above the threshold every class takes the long card, and the standard one where none is."""
    expected = listed(row, "long_ctx_" if row["long_ctx_input"] else "")
    assert rates_per_million(key(row["model"], day, window="200k-1M")) == expected


@every_row
def test_batch_rates(row: dict[str, str], day: str) -> None:
    """Batch multiplies every class, and has no price where the row has no factor."""
    found = rates_per_million(key(row["model"], day, tier="batch", window="200k-1M"))
    if row["batch_multiplier"]:
        prefix = "long_ctx_" if row["long_ctx_input"] else ""
        assert found == listed(row, prefix, row["batch_multiplier"])
    else:
        assert found == "service tier batch has no published price for the model"


@every_row
def test_fast_rates(row: dict[str, str], day: str) -> None:
    """Fast costs what the row lists for it, and has no price where the row lists none."""
    found = rates_per_million(key(row["model"], day, speed="fast"))
    if row["fast_multiplier"]:
        assert found == listed(row, "fast_") == listed(row, "", row["fast_multiplier"])
    else:
        assert found == "speed fast has no price for the model on that day and tier"


@every_row
def test_fast_long_context_rates(row: dict[str, str], day: str) -> None:
    """Fast above the threshold takes its own price where there is one, and is flat elsewhere."""
    found = rates_per_million(key(row["model"], day, speed="fast", window="200k-1M"))
    if not row["fast_multiplier"]:
        assert isinstance(found, str)
    elif row["fast_long_ctx_input"]:
        assert found == listed(row, "long_ctx_", row["fast_multiplier"])
        assert found["input"] == Fraction(row["fast_long_ctx_input"])
        assert found["output"] == Fraction(row["fast_long_ctx_output"])
    else:
        assert found == listed(row, "fast_")


@every_row
def test_us_rates(row: dict[str, str], day: str) -> None:
    """Inference in the US takes the row's factor, and none where the row has none."""
    found = rates_per_million(key(row["model"], day, geo="us", window="200k-1M"))
    prefix = "long_ctx_" if row["long_ctx_input"] else ""
    assert found == listed(row, prefix, row["geo_us_multiplier"] or "1")


@every_row
def test_geo_not_available_is_global(row: dict[str, str], day: str) -> None:
    """Usage from before there was a choice of place has no surcharge."""
    where = key(row["model"], day, geo="not_available", window="200k-1M")
    assert rates_per_million(where) == rates_per_million(where._replace(inference_geo="global"))


@every_row
def test_aliases_are_the_model(row: dict[str, str], day: str) -> None:
    """Every listed alias is priced as its model."""
    for alias in row["aliases"].split():
        assert rates_per_million(key(alias, day, window="200k-1M")) == rates_per_million(
            key(row["model"], day, window="200k-1M")
        )


@every_row
def test_dated_ids(row: dict[str, str], day: str) -> None:
    """An id with a date behind it is the model only where the row's match rule says so."""
    found = rates_per_million(key(f"{row['model']}-20260101", day, window="200k-1M"))
    if "warn+accept" in row["match_rule"]:
        assert found == rates_per_million(key(row["model"], day, window="200k-1M"))
    else:
        assert found == "the model is not in the price book"


@every_row
def test_price_is_found_under_its_model(row: dict[str, str], day: str) -> None:
    """The price document holds the row's days, sources and remarks as the table has them."""
    prices = book().document.models[row["model"]]
    assert prices.aliases == tuple(row["aliases"].split())
    assert prices.retired_on == row["retired_on"]
    (card,) = (card for card in prices.prices if card.covers(date.fromisoformat(day)))
    assert card.start.isoformat() == row["effective_from"]
    assert card.until == (
        date.fromisoformat(row["effective_to"]) if row["effective_to"] else date.max
    )
    assert (card.source, card.confidence, card.note) == (
        row["source_url"],
        row["confidence"],
        row["notes"],
    )
    above = str(card.long_context.above) if card.long_context else ""
    assert above == row["long_ctx_threshold"]


def test_book_holds_the_table_and_nothing_else() -> None:
    """As many models and prices stand in the book as in the table: 28 and 35."""
    models = book().document.models
    assert set(models) == {row["model"] for row in ROWS}
    assert len(models) == 28
    assert sum(len(model.prices) for model in models.values()) == len(ROWS) == 35


def test_book_was_verified_on_the_day_of_the_table() -> None:
    """The book says when its prices were last compared with those of the vendor."""
    assert book().document.verified_on == date(2026, 11, 26)


def test_web_search_costs_ten_dollars_a_thousand() -> None:
    """A search is a cent, whatever the model."""
    assert cost_of(book(), key(), Tokens(web_searches=1)) == bounds("0.01")


# Days --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", sorted({row["model"] for row in ROWS}))
def test_no_price_before_the_first_day(model: str) -> None:
    """The day before a model's first price has none, rather than that of the day after."""
    first = min(row["effective_from"] for row in ROWS if row["model"] == model)
    before = date.fromisoformat(first) - timedelta(days=1)
    cost = cost_of(book(), key(model, before.isoformat()), Tokens(output=1))
    assert cost == Unpriced("the price book has no price of the model on that day", of_model=True)


@pytest.mark.parametrize(
    ("model", "day", "window", "speed", "cost"),
    [
        ("claude-sonnet-5-5", "2026-10-06", "0-200k", "standard", "0.2"),
        ("claude-sonnet-5-5", "2026-10-07", "0-200k", "standard", "0.1"),
        ("claude-opus-4-6", "2026-02-20", "200k-1M", "fast", "6"),
        ("claude-opus-4-6", "2026-02-21", "200k-1M", "fast", "3"),
        ("claude-opus-4-6", "2026-03-12", "200k-1M", "standard", "1"),
        ("claude-opus-4-6", "2026-03-13", "200k-1M", "standard", "0.5"),
        ("claude-sonnet-4-5", "2026-04-29", "200k-1M", "standard", "0.6"),
        ("claude-sonnet-4-5", "2026-04-30", "200k-1M", "standard", "0.3"),
    ],
)
def test_price_changes_at_midnight(
    model: str, day: str, window: str, speed: str, cost: str
) -> None:
    """A million cache reads cost the old price on its last day and the new one on its first."""
    where = key(model, day, window=window, speed=speed)
    assert cost_of(book(), where, Tokens(cache_read=MILLION)) == bounds(cost)


@pytest.mark.parametrize(
    ("model", "withdrawn", "cost"),
    [
        ("claude-opus-4-6", "2026-06-29", "150"),
        ("claude-opus-4-7", "2026-07-24", "150"),
        ("claude-opus-4-8", "2026-11-30", "50"),
    ],
)
@pytest.mark.parametrize("days", [-1, 0, 1, 200])
def test_fast_price_outlives_fast_mode(model: str, withdrawn: str, cost: str, days: int) -> None:
    """The hour of a withdrawal is not published: what was served fast has a price, whenever."""
    day = (date.fromisoformat(withdrawn) + timedelta(days=days)).isoformat()
    found = cost_of(book(), key(model, day, speed="fast"), Tokens(output=MILLION))
    assert found == bounds(cost)


@pytest.mark.parametrize(
    ("model", "retired", "cost"),
    [
        ("claude-3-opus-20240229", "2026-01-05", "75"),
        ("claude-3-haiku-20240307", "2026-04-20", "1.25"),
        ("claude-opus-4-1-20250805", "2026-08-05", "75"),
        ("claude-mythos-preview", "2026-06-30", "125"),
    ],
)
def test_retired_models_keep_their_price(model: str, retired: str, cost: str) -> None:
    """What a retired model did use, that day or late, is not free and not unknown."""
    assert cost_of(book(), key(model, retired), Tokens(output=MILLION)) == bounds(cost)
    assert cost_of(book(), key(model, "2026-11-10"), Tokens(output=MILLION)) == bounds(cost)


# Published worked examples -----------------------------------------------------------------------

EXAMPLES = [
    (
        key("claude-opus-5-5"),
        Tokens(120_000, 30_000, 10_000, 900_000, 25_000, 12),
        bounds("1.51"),
    ),
    (
        key("claude-opus-4-6", tier="batch"),
        Tokens(1_000_000, 200_000, 0, 400_000, 300_000, 2),
        bounds("6.995"),
    ),
    (
        key("claude-opus-5-5", speed="fast", geo="us"),
        Tokens(50_000, 4_000, 0, 200_000, 10_000),
        bounds("1.012"),
    ),
    (
        key("claude-sonnet-5-5", "2026-10-06"),
        Tokens(100_000, 0, 0, 5_000_000, 20_000),
        bounds("1.40"),
    ),
    (
        key("claude-sonnet-5-5", "2026-10-07"),
        Tokens(100_000, 0, 0, 5_000_000, 20_000),
        bounds("0.90"),
    ),
    (
        key("claude-opus-4-6", "2026-02-10", speed="fast", window="200k-1M"),
        Tokens(200_000, 0, 0, 50_000, 4_000),
        bounds("13.20"),
    ),
    (
        key("claude-opus-4-6", "2026-03-01", speed="fast", window="200k-1M"),
        Tokens(200_000, 0, 0, 50_000, 4_000),
        bounds("6.75"),
    ),
    (
        key("claude-haiku-5-5"),
        Tokens(uncached_input=10_000_000, output=100_000),
        bounds("1.05", "5.25"),
    ),
    (
        key("claude-3-haiku-20240307", "2026-01-10"),
        Tokens(*[MILLION] * 5),
        bounds("2.33"),
    ),
]


@pytest.mark.parametrize(("where", "tokens", "cost"), EXAMPLES)
def test_worked_examples(where: UsageKey, tokens: Tokens, cost: tuple[Decimal, Decimal]) -> None:
    """The examples that were worked out by hand come out to the last digit."""
    assert cost_of(book(), where, tokens) == cost


# Names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4",
        "claude-opus",
        "claude-sonnet-4",
        "claude-opus-5-",
        "claude-opus-5-5-2026",
        "claude-opus-5-5-202609220",
        "claude-opus-5-5-2026092a",
        "claude-opus-5-5-٢٠٢٦٠٩٢٢",
        "claude-opus-5-5-20260922\n",
        "claude-opus-5-5@20260922",
        "Claude-Opus-5-5",
        " claude-opus-5-5",
        "anthropic.claude-opus-5-5",
        "claude-3-opus-latest-20240229",
        "claude-mythos-preview-20260407",
        "claude-opus-5-5-fast",
        "claude-opus-5-5-99999999",
        "claude-opus-5-5-20260931",
        "claude-opus-5-5-00000000",
        "claude-opus-5-5-2026W471",
        "",
    ],
)
def test_names_are_never_matched_by_a_part(name: str) -> None:
    """What is neither an id, an alias nor a dated id has no price: a family is not a price."""
    cost = cost_of(book(), key(name), Tokens(output=1))
    assert cost == Unpriced("the model is not in the price book", of_model=True)


def test_usage_without_a_model_has_no_price() -> None:
    """A report that does not name the model cannot be priced."""
    cost = cost_of(book(), key(None), Tokens(output=1))
    assert cost == Unpriced("the report does not name its model")


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-5-20260922", "claude-opus-5-5"),
        ("claude-opus-5-20260724", "claude-opus-5"),
        ("claude-opus-4-1", "claude-opus-4-1-20250805"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("claude-opus-4", None),
    ],
)
def test_id_of_a_name(name: str, id_: str | None) -> None:
    """A name leads to the id that its prices stand under, or to none."""
    assert book().model_id(name) == id_


# Tiers, speeds, places, lengths ------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["flex", "flex_discount", "priority_on_demand", "", "Batch"])
def test_tiers_without_a_published_price(tier: str) -> None:
    """A tier that is not known is not taken for standard."""
    cost = cost_of(book(), key(tier=tier), Tokens(output=1))
    assert cost == Unpriced(f"service tier {tier} has no published price for the model")


def test_unresolved_tier_has_no_price() -> None:
    """Where a report does not tell the tier nothing is assumed."""
    assert isinstance(cost_of(book(), key(tier=None), Tokens(output=1)), Unpriced)


def test_priority_costs_list_price() -> None:
    """Prepaid tokens are counted as if they were bought one by one."""
    assert cost_of(book(), key(tier="priority"), Tokens(output=MILLION)) == bounds("20")


def test_batch_does_not_halve_searches() -> None:
    """A search costs its cent in a batch too: 10 dollars of tokens and 10 of searches."""
    tokens = Tokens(output=MILLION, web_searches=1000)
    assert cost_of(book(), key(tier="batch"), tokens) == bounds("20")


@pytest.mark.parametrize(("speed", "geo"), [("fast", "global"), ("standard", "us"), ("fast", "us")])
def test_no_factor_falls_on_searches(speed: str, geo: str) -> None:
    """A thousand searches cost 10 dollars at any speed and place."""
    assert cost_of(book(), key(speed=speed, geo=geo), Tokens(web_searches=1000)) == bounds("10")


def test_fast_batch_has_no_price() -> None:
    """Fast is never batch: usage that says both has no price, rather than a guessed one."""
    assert isinstance(cost_of(book(), key(tier="batch", speed="fast"), Tokens(output=1)), Unpriced)


@pytest.mark.parametrize("speed", ["slow", "", "Fast"])
def test_speeds_without_a_price(speed: str) -> None:
    """A speed that is not known is not taken for standard."""
    cost = cost_of(book(), key(speed=speed), Tokens(output=1))
    assert cost == Unpriced(f"speed {speed} has no price for the model on that day and tier")


@pytest.mark.parametrize("geo", ["eu", "", "US"])
def test_places_without_a_price(geo: str) -> None:
    """A place that is not known is not taken for the whole world."""
    cost = cost_of(book(), key(geo=geo), Tokens(output=1))
    assert cost == Unpriced(f"inference geo {geo} has no published price")


@pytest.mark.parametrize("window", ["1M-2M", "", "0-100k"])
def test_lengths_without_a_price(window: str) -> None:
    """A length that is not known has no price where the price depends on it."""
    cost = cost_of(book(), key("claude-haiku-5-5", window=window), Tokens(output=1))
    assert cost == Unpriced(f"context window {window} has no published price for the model")


def test_haiku_above_200k_is_certainly_long() -> None:
    """Beyond what the report can tell, a prompt is past the threshold of 100,000 too."""
    cost = cost_of(book(), key("claude-haiku-5-5", window="200k-1M"), Tokens(output=MILLION))
    assert cost == bounds("2.5")


def test_haiku_bounds_are_a_factor_of_five() -> None:
    """Below 200,000 each class of Haiku 5.5 costs between its short and its long price."""
    cost = priced(cost_of(book(), key("claude-haiku-5-5"), Tokens(*[MILLION] * 5)))
    assert cost == bounds("0.935", "4.675")


def test_unresolved_place_ranges_over_the_surcharge() -> None:
    """A place that the report does not tell may be the US, a tenth dearer."""
    assert cost_of(book(), key(geo=None), Tokens(output=MILLION)) == bounds("20", "22")


def test_unresolved_place_of_an_old_model_is_exact() -> None:
    """Where the place does not change the price nothing is unknown."""
    where = key("claude-haiku-4-5", geo=None)
    assert cost_of(book(), where, Tokens(output=MILLION)) == bounds("5")


def test_unresolved_speed_ranges_up_to_fast() -> None:
    """A speed that the report does not tell may be fast, twice as dear."""
    assert cost_of(book(), key(speed=None), Tokens(output=MILLION)) == bounds("20", "40")


def test_unresolved_speed_of_batch_is_exact() -> None:
    """A batch is never fast, so its speed need not be told."""
    assert cost_of(book(), key(tier="batch", speed=None), Tokens(output=MILLION)) == bounds("10")


def test_unsplit_cache_writes_range_over_both_kinds() -> None:
    """Cache writes that are not told apart cost between 5 and 8 dollars a million."""
    assert cost_of(book(), key(), Tokens(cache_write_unsplit=MILLION)) == bounds("5", "8")


def test_unresolved_dimensions_stack() -> None:
    """At worst a cache write of unknown kind is of an hour, fast and in the US: 8 x 2 x 1.1."""
    cost = cost_of(book(), key(speed=None, geo=None), Tokens(cache_write_unsplit=MILLION))
    assert cost == bounds("5", "17.6")


def test_zero_tokens_cost_nothing() -> None:
    """No usage is no cost, range or not."""
    assert cost_of(book(), key("claude-haiku-5-5"), Tokens()) == NOTHING


@pytest.mark.parametrize(
    ("model", "speed", "first", "end", "depends"),
    [
        ("claude-haiku-5-5", "standard", "2026-11-01", "2026-11-20", True),
        ("claude-opus-5-5", "standard", "2026-11-01", "2026-11-20", False),
        ("claude-opus-5-5", "fast", "2026-11-01", "2026-11-20", False),
        ("claude-opus-4-6", "standard", "2026-03-01", "2026-03-20", True),
        ("claude-opus-4-6", "standard", "2026-03-12", "2026-03-13", True),
        ("claude-opus-4-6", "standard", "2026-03-13", "2026-03-20", False),
        ("claude-opus-4-6", "fast", "2026-02-20", "2026-02-21", True),
        ("claude-opus-4-6", "fast", "2026-02-21", "2026-03-01", False),
        ("claude-haiku-5-5", "fast", "2026-11-01", "2026-11-20", False),
        (NEW, "standard", "2026-11-01", "2026-11-20", False),
    ],
)
def test_prices_that_depend_on_the_length(
    model: str, speed: str, first: str, end: str, *, depends: bool
) -> None:
    """Only where a price of the period has a long card need prompt lengths be asked for."""
    start, until = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first, end))
    assert book().depends_on_length(model, speed, Period(start, until)) == depends


@pytest.mark.parametrize("count", [10**17, 10**17 + 1])
def test_huge_counts_stay_exact(count: int) -> None:
    """At 20 dollars a million the last token of 10**17 still counts: 2 millionths x 10."""
    cost = priced(cost_of(book(), key(), Tokens(output=count)))
    assert Fraction(cost.low) == Fraction(20 * count, MILLION)


# Against the oracle ------------------------------------------------------------------------------

# Stretches of days that hold every kind of price there is or was.
PERIODS = (
    (datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)),
    (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 20, tzinfo=UTC)),
    (datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)),
    (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)),
    (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)),
)
random_usages = st.sampled_from(PERIODS).flatmap(lambda period: usages(*period, max_size=8))
dimensions_told = st.sets(st.sampled_from(sorted(oracle.EVERY_DIMENSION - {"service_tier"}))).map(
    lambda told: frozenset(told) | {"service_tier"}
)


@given(random_usages)
@settings(max_examples=300)
def test_costs_are_those_of_the_oracle(random: list[oracle.Usage]) -> None:
    """Any usage that is told in full costs exactly what the oracle works out from the table."""
    for usage in random:
        assert fractions(cost_of(book(), *reported(usage))) == oracle.cost(usage)


@given(random_usages, dimensions_told)
@settings(max_examples=300)
def test_bounds_are_those_of_the_oracle(random: list[oracle.Usage], told: frozenset[str]) -> None:
    """Usage that is not told in full costs exactly the range over all that it may have been."""
    for usage in random:
        assert fractions(cost_of(book(), *reported(usage, told))) == oracle.cost(usage, told)


@given(random_usages, dimensions_told)
def test_less_told_never_narrows_the_cost(random: list[oracle.Usage], told: frozenset[str]) -> None:
    """The true cost lies in the bounds, however little the report tells."""
    for usage in random:
        narrow = priced(cost_of(book(), *reported(usage)))
        wide = priced(cost_of(book(), *reported(usage, told)))
        assert wide.low <= narrow.low <= narrow.high <= wide.high


@given(random_usages, st.integers(0, 100))
def test_splitting_usage_changes_no_cost(random: list[oracle.Usage], percent: int) -> None:
    """Two parts of a usage cost exactly what the whole costs."""
    for usage in random:
        where, tokens = reported(usage)
        part = Tokens(*(count * percent // 100 for count in tokens))
        rest = Tokens(*(count - some for count, some in zip(tokens, part, strict=True)))
        first, second = priced(cost_of(book(), where, part)), priced(cost_of(book(), where, rest))
        whole = priced(cost_of(book(), where, tokens))
        assert EXACT.add(first.low, second.low) == whole.low
        assert EXACT.add(first.high, second.high) == whole.high


@given(random_usages, st.randoms())
def test_order_of_questions_changes_no_price(random: list[oracle.Usage], chance: Random) -> None:
    """A book that has answered other questions before gives the same prices."""
    used = PriceBook(book().document)
    shuffled = list(random)
    chance.shuffle(shuffled)
    for usage in shuffled:
        cost_of(used, *reported(usage))
    for usage in random:
        assert cost_of(used, *reported(usage)) == cost_of(
            PriceBook(book().document), *reported(usage)
        )


@pytest.mark.parametrize("model", sorted({row["model"] for row in ROWS}))
@pytest.mark.parametrize("tier", ["standard", "priority", "batch", "flex"])
@pytest.mark.parametrize("speed", ["standard", "fast"])
def test_priced_is_what_the_oracle_prices(model: str, tier: str, speed: str) -> None:
    """What has a price, and what has none, is the same for the book and the table on every day."""
    usage = oracle.Usage(
        at=datetime(2025, 9, 30, tzinfo=UTC),
        workspace=None,
        model=model,
        service_tier=tier,
        speed=speed,
        output=MILLION,
    )
    for number in range(440):
        usage = replace(usage, at=datetime(2025, 9, 30, tzinfo=UTC) + timedelta(days=number))
        assert fractions(cost_of(book(), *reported(usage))) == oracle.cost(usage)


# The dearest rate --------------------------------------------------------------------------------


def at_most(prices: PriceBook, day: str, tokens: Tokens) -> Bounds:
    """What usage of a model that nobody knows costs where the policy bounds it."""
    usage = usage_of([(key(NEW, day), tokens)])
    lines = list_spend(price(usage, prices), unknown_model="upper_bound").lines
    return lines[0].cost if lines else NOTHING


@pytest.mark.parametrize(
    ("day", "field", "cost"),
    [
        # Opus 4.6, fast and in the US: 25 x 6 x 1.1 and so on.
        ("2026-11-10", "uncached_input", "33"),
        ("2026-11-10", "cache_write_5m", "41.25"),
        ("2026-11-10", "cache_write_1h", "66"),
        ("2026-11-10", "cache_read", "3.3"),
        ("2026-11-10", "output", "165"),
        ("2026-11-10", "cache_write_unsplit", "66"),
        # Opus 4.6, fast and long and in the US: 37.5 x 6 x 1.1 and so on.
        ("2026-02-20", "uncached_input", "66"),
        ("2026-02-20", "cache_write_5m", "82.5"),
        ("2026-02-20", "cache_write_1h", "132"),
        ("2026-02-20", "cache_read", "6.6"),
        ("2026-02-20", "output", "247.5"),
    ],
)
def test_dearest_rate_of_a_day(day: str, field: str, cost: str) -> None:
    """The bound on unknown usage is the dearest price of its class that any model has that day."""
    assert at_most(book(), day, Tokens(**{field: MILLION})) == bounds("0", cost)


def test_dearest_search_is_a_search() -> None:
    """Searches of an unknown model cost a cent each, as those of any other do."""
    assert at_most(book(), "2026-11-10", Tokens(web_searches=100)) == bounds("1")


def test_dearest_rate_of_a_day_before_all_prices() -> None:
    """On a day without any price the bound is the dearest of all days."""
    assert at_most(book(), "2020-01-01", Tokens(output=MILLION)) == bounds("0", "247.5")


def test_dearest_rate_knows_the_policys_own_prices() -> None:
    """A negotiated price that is dearer than all of the list's moves the bound."""
    own = book_with(
        "{models: {claude-x: {input: 1000, output: 1000, cache_write_5m: 1000,"
        " cache_write_1h: 1000, cache_read: 1000, us: 1}}}"
    )
    assert at_most(own, "2026-11-10", Tokens(cache_read=MILLION)) == bounds("0", "1000")


def test_dearest_rate_is_exact_to_the_last_digit() -> None:
    """A price and a factor of 12 decimals each have a product of 24, and none of them is lost."""
    own = book_with(
        "{models: {claude-x: {input: 1, output: 123456789.123456789013, cache_write_5m: 1,"
        " cache_write_1h: 1, cache_read: 1, us: 1.000000000001}}}"
    )
    found = at_most(own, "2026-11-10", Tokens(output=MILLION))
    assert found == bounds("0", "123456789.123580245802123456789013")


def test_dearest_rate_takes_no_discount() -> None:
    """The bound on unknown usage is a list price, as nobody knows that it is discounted."""
    found = at_most(book_with("{discount: 50%}"), "2026-11-10", Tokens(output=MILLION))
    assert found == bounds("0", "165")


@given(random_usages)
def test_dearest_rate_is_above_every_price(random: list[oracle.Usage]) -> None:
    """No usage of that day costs more than the bound."""
    for usage in random:
        where, tokens = reported(usage)
        cost = oracle.cost(usage)
        assert cost
        assert cost[1] <= Fraction(at_most(book(), f"{where.day}", tokens).high)


# A policy's own prices ---------------------------------------------------------------------------

CARD = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30"


def test_own_price_of_a_missing_model() -> None:
    """A model that the book lacks costs what the policy says, class by class."""
    cost = cost_of(
        book_with(f"{{models: {{claude-custom-1: {{{CARD}}}}}}}"),
        key("claude-custom-1"),
        Tokens(*[MILLION] * 5),
    )
    assert cost == bounds("28.05")


def test_own_price_of_many_decimals_is_exact() -> None:
    """The product of a price and a factor of 12 decimals each keeps all of its 24."""
    own = book_with(
        "{models: {claude-x: {input: 1, output: 123456789.123456789013, cache_write_5m: 1,"
        " cache_write_1h: 1, cache_read: 1, us: 1.000000000001}}}"
    )
    cost = cost_of(own, key("claude-x", geo="us"), Tokens(output=MILLION))
    assert cost == bounds("123456789.123580245802123456789013")


def test_own_price_replaces_the_listed_one() -> None:
    """A negotiated price wins over the book's."""
    own = book_with(f"{{models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert cost_of(own, key(), Tokens(output=MILLION)) == bounds("15")


def test_own_price_leaves_other_models_alone() -> None:
    """A negotiated price is that of one model."""
    own = book_with(f"{{models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert cost_of(own, key("claude-opus-5"), Tokens(output=MILLION)) == bounds("25")


def test_own_price_leaves_the_book_alone() -> None:
    """Prices of one policy are not those of the next run."""
    known = PriceBook(book().document)
    cost_of(known, key(), Tokens(output=MILLION))
    own = book_with(f"{{models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    cost_of(own, key(), Tokens(output=MILLION))
    assert cost_of(known, key(), Tokens(output=MILLION)) == bounds("20")


def test_own_price_holds_for_dated_ids() -> None:
    """A report that writes the id with a date means the model whose price was negotiated."""
    own = book_with(f"{{models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert cost_of(own, key("claude-opus-5-5-20260922"), Tokens(output=MILLION)) == bounds("15")


@pytest.mark.parametrize(
    ("reported_as", "cost"),
    [
        ("claude-opus-5-5-20260922", "15"),
        ("claude-opus-5-5", "20"),
        ("claude-opus-5-5-20261001", "20"),
    ],
)
def test_own_price_of_a_dated_id_is_for_it_alone(reported_as: str, cost: str) -> None:
    """Neither the id without a date nor one of another date has the price that one date has."""
    own = book_with(f"{{models: {{claude-opus-5-5-20260922: {{{CARD}}}}}}}")
    assert cost_of(own, key(reported_as), Tokens(output=MILLION)) == bounds(cost)


@pytest.mark.parametrize("reported_as", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
@pytest.mark.parametrize("written_as", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_own_price_holds_for_every_name_of_a_model(written_as: str, reported_as: str) -> None:
    """A negotiated price is that of the model, by whichever of its names either side calls it."""
    own = book_with(f"{{models: {{{written_as}: {{{CARD}}}}}}}")
    assert cost_of(own, key(reported_as), Tokens(output=MILLION)) == bounds("15")


@pytest.mark.parametrize(
    ("name", "day", "cost"),
    [
        ("claude-opus-5-5-20260901", "2026-11-09", "100"),
        ("claude-opus-5-5-20260901", "2026-11-10", "200"),
        ("claude-opus-5-5-20260901", "2026-11-30", "200"),
        ("claude-opus-5-5-20260901", "2026-12-01", "20"),
        ("claude-opus-5-5-20261001", "2026-11-09", "200"),
        ("claude-opus-5-5", "2026-11-09", "200"),
    ],
)
def test_own_price_of_a_dated_id_that_has_ended_leaves_that_of_the_model(
    name: str, day: str, cost: str
) -> None:
    """100 USD up to the 10th for the dated id, 200 in November for every name, 20 on the list."""
    rest = "input: 9, cache_write_5m: 9, cache_write_1h: 9, cache_read: 9"
    own = book_with(
        f"{{models: {{claude-opus-5-5: {{output: 200, {rest}, until: 2026-12-01}},"
        f" claude-opus-5-5-20260901: {{output: 100, {rest}, until: 2026-11-10}}}}}}"
    )
    assert cost_of(own, key(name, day), Tokens(output=MILLION)) == bounds(cost)
    assert own.has_own_price(name, date.fromisoformat(day)) == (cost != "20")


@pytest.mark.parametrize(
    ("day", "cost"),
    [
        ("2026-11-04", "5"),
        ("2026-11-05", "15"),
        ("2026-11-09", "15"),
        ("2026-11-10", "5"),
    ],
)
@pytest.mark.parametrize("name", ["claude-haiku-4-5-20251001", "claude-haiku-4-5"])
def test_dated_own_price_holds_on_its_days(name: str, day: str, cost: str) -> None:
    """Before and after a dated price of the policy the book's holds, by either name."""
    own = book_with(f"{{models: {{{name}: {{from: 2026-11-05, until: 2026-11-10, {CARD}}}}}}}")
    assert cost_of(own, key(name, day), Tokens(output=MILLION)) == bounds(cost)


@pytest.mark.parametrize(
    ("day", "cost"), [("2026-11-04", "15"), ("2026-11-05", "16"), ("2026-12-31", "16")]
)
def test_own_prices_follow_one_another(day: str, cost: str) -> None:
    """A list of dated prices is read by the usage's own day."""
    later = CARD.replace("output: 15", "output: 16")
    own = book_with(
        f"{{models: {{claude-x: [{{until: 2026-11-05, {CARD}}}, {{from: 2026-11-05, {later}}}]}}}}"
    )
    assert cost_of(own, key("claude-x", day), Tokens(output=MILLION)) == bounds(cost)


def test_own_price_of_a_missing_model_ends() -> None:
    """After the last of a policy's prices a model that the book lacks has none."""
    own = book_with(f"{{models: {{claude-x: {{until: 2026-11-05, {CARD}}}}}}}")
    cost = cost_of(own, key("claude-x", "2026-11-05"), Tokens(output=1))
    assert cost == Unpriced("prices.models has no price of the model on that day", of_model=True)


def test_own_price_has_the_usual_batch_and_us_factors() -> None:
    """Unless written otherwise a policy's price is halved in batch and a tenth dearer in the US."""
    own = book_with(f"{{models: {{claude-x: {{{CARD}}}}}}}")
    cost = cost_of(own, key("claude-x", tier="batch", geo="us"), Tokens(output=MILLION))
    assert cost == bounds("8.25")


def test_own_price_without_fast_does_not_price_fast() -> None:
    """A fast request is not silently taken at the standard price."""
    own = book_with(f"{{models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert isinstance(cost_of(own, key(speed="fast"), Tokens(output=1)), Unpriced)


def test_own_price_with_fast() -> None:
    """The factor that a policy writes for fast falls on every class."""
    own = book_with(f"{{models: {{claude-x: {{{CARD}, fast: 2.5}}}}}}")
    cost = cost_of(own, key("claude-x", speed="fast"), Tokens(*[MILLION] * 5))
    assert cost == bounds("70.125")


def test_own_price_with_a_fast_factor_of_zero() -> None:
    """A factor of 0 is a price, not a missing one."""
    own = book_with(f"{{models: {{claude-x: {{{CARD}, fast: 0}}}}}}")
    assert cost_of(own, key("claude-x", speed="fast"), Tokens(output=MILLION)) == NOTHING


def test_own_price_without_batch_does_not_price_batch() -> None:
    """Where a policy says that there is no batch, a batch has no price."""
    own = book_with(f"{{models: {{claude-x: {{{CARD}, batch: none}}}}}}")
    assert isinstance(cost_of(own, key("claude-x", tier="batch"), Tokens(output=1)), Unpriced)


@pytest.mark.parametrize(
    ("window", "low", "high"),
    [("0-200k", "15", "15"), ("200k-1M", "30", "30"), (None, "15", "30")],
)
def test_own_price_with_long_context(window: str | None, low: str, high: str) -> None:
    """A policy's long-context price holds above its threshold."""
    long = "{above: 200000, input: 6, output: 30, cache_write_5m: 7, cache_write_1h: 12, cache_read: 1}"
    own = book_with(f"{{models: {{claude-x: {{{CARD}, long_context: {long}}}}}}}")
    cost = cost_of(own, key("claude-x", window=window), Tokens(output=MILLION))
    assert cost == bounds(low, high)


@pytest.mark.parametrize(
    ("window", "low", "high"), [("0-200k", "30", "30"), ("200k-1M", "90", "90"), (None, "30", "90")]
)
def test_own_price_of_fast_requests_with_long_prompts(
    window: str | None, low: str, high: str
) -> None:
    """Twice 15 USD for short prompts and three times 30 for long ones."""
    long = "{above: 200000, input: 6, output: 30, cache_write_5m: 7, cache_write_1h: 12, cache_read: 1}"
    factors = "fast: 2, fast_long_context: 3"
    own = book_with(f"{{models: {{claude-x: {{{CARD}, {factors}, long_context: {long}}}}}}}")
    cost = cost_of(own, key("claude-x", window=window, speed="fast"), Tokens(output=MILLION))
    assert cost == bounds(low, high)


def test_cache_writes_that_are_not_told_apart_may_be_of_either_kind() -> None:
    """From the cheaper of both rates to the dearer, whichever is which; reads have no part in it."""
    own = book_with(
        "{models: {claude-x: {input: 1, output: 1, cache_write_5m: 8, cache_write_1h: 6,"
        " cache_read: 9}}}"
    )
    cost = cost_of(own, key("claude-x"), Tokens(cache_write_unsplit=MILLION))
    assert cost == bounds("6", "8")


def test_priority_is_at_list_price() -> None:
    """Prepaid tokens cost what others do, in a book that nobody has asked before."""
    found = cost_of(PriceBook(book().document), key(tier="priority"), Tokens(output=MILLION))
    assert found == bounds("20")


def test_a_tier_that_is_not_told_has_no_price() -> None:
    """It might be batch at half the price, or a tier that nobody knows."""
    found = cost_of(PriceBook(book().document), key(tier=None), Tokens(output=1))
    assert found == Unpriced("the report does not name its service tier")


@pytest.mark.parametrize(("above", "high"), [("199999", "30"), ("200000", "15")])
def test_threshold_decides_what_a_window_tells(above: str, high: str) -> None:
    """A window up to 200,000 is certainly short at a threshold of 200,000, and not just below."""
    long = f"{{above: {above}, input: 6, output: 30, cache_write_5m: 7, cache_write_1h: 12, cache_read: 1}}"
    own = book_with(f"{{models: {{claude-x: {{{CARD}, long_context: {long}}}}}}}")
    cost = cost_of(own, key("claude-x"), Tokens(output=MILLION))
    assert cost == bounds("15", high)


@pytest.mark.parametrize(("above", "low"), [("200000", "30"), ("200001", "15")])
def test_threshold_above_what_a_window_tells(above: str, low: str) -> None:
    """A window from 200,000 is certainly long at a threshold of 200,000, and not just above."""
    long = f"{{above: {above}, input: 6, output: 30, cache_write_5m: 7, cache_write_1h: 12, cache_read: 1}}"
    own = book_with(f"{{models: {{claude-x: {{{CARD}, long_context: {long}}}}}}}")
    cost = cost_of(own, key("claude-x", window="200k-1M"), Tokens(output=MILLION))
    assert cost == bounds(low, "30")


def test_discount_is_taken_off_tokens() -> None:
    """10% off 20 dollars of tokens."""
    assert cost_of(book_with("{discount: 10%}"), key(), Tokens(output=MILLION)) == bounds("18")


def test_discount_is_not_taken_off_searches() -> None:
    """Searches cost their 10 dollars a thousand at any discount."""
    cost = cost_of(book_with("{discount: 10%}"), key(), Tokens(web_searches=1000))
    assert cost == bounds("10")


def test_discount_is_not_taken_off_own_prices() -> None:
    """A negotiated price is what was agreed, without a further discount."""
    own = book_with(f"{{discount: 10%, models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert cost_of(own, key(), Tokens(output=MILLION)) == bounds("15")


def test_discount_is_taken_off_beside_own_prices() -> None:
    """Models without an own price keep the discount."""
    own = book_with(f"{{discount: 10%, models: {{claude-opus-5-5: {{{CARD}}}}}}}")
    assert cost_of(own, key("claude-opus-5"), Tokens(output=MILLION)) == bounds("22.5")


def test_odd_discount_is_exact() -> None:
    """33.33% off one token of 2 dollars a million leaves 13,334 ten-billionths of a dollar."""
    cost = cost_of(
        book_with("{discount: 33.33%}"), key("claude-sonnet-5-5"), Tokens(uncached_input=1)
    )
    assert cost == bounds("0.0000013334")


def test_discount_stacks_with_the_other_factors() -> None:
    """25% off the fast price in the US: 20 x 2 x 1.1 x 0.75."""
    cost = cost_of(
        book_with("{discount: 25%}"), key(speed="fast", geo="us"), Tokens(output=MILLION)
    )
    assert cost == bounds("33")


def test_whole_discount_leaves_the_searches() -> None:
    """At 100% off, tokens are free and searches are not."""
    tokens = Tokens(output=MILLION, web_searches=100)
    assert cost_of(book_with("{discount: 100%}"), key(), tokens) == bounds("1")


# Own price documents are checked as strictly as the book -----------------------------------------


@pytest.mark.parametrize("field", ["batch", "fast", "us"])
def test_book_states_every_factor(field: str) -> None:
    """The bundled file leaves no factor to a default that is meant for policies."""
    text = (PACKAGE / "data" / "prices.yml").read_text("utf-8")
    stated = re.findall(rf"^        {field}: ", text, re.MULTILINE)
    assert len(stated) == len(ROWS)


def test_book_is_a_strict_document() -> None:
    """The file passes the same reader that refuses a policy's misspelt keys."""
    text = (PACKAGE / "data" / "prices.yml").read_bytes()
    document, _ = load_document(text, "prices.yml", PriceDocument)
    assert document == book().document


def test_runs_read_the_prices_that_are_written() -> None:
    """After a change, `python -m tests.helpers.prices > budget_gate/data/prices.json` makes it."""
    assert (PACKAGE / "data" / "prices.json").read_text("utf-8") == made()


def book_of(model: str) -> PriceBook:
    """A book of one model, x, that is written so: a line of YAML."""
    text = f"version: 1\nverified_on: 2026-11-22\nweb_search: 10\nmodels:\n  x: {{{model}}}\n"
    document, _ = load_document(text.encode(), "prices.yml", PriceDocument)
    return PriceBook(document)


def test_flag_of_the_book_is_true_or_false() -> None:
    """Whether a model's dated ids are accepted is not a matter of taste."""
    with pytest.raises(ConfigurationError) as caught:
        book_of(f"dated_ids: maybe, prices: {{{CARD}}}")
    assert errors_of(caught.value) == [
        "prices.yml:5:7: models.x.dated_ids: 'maybe' is neither true nor false"
    ]
    assert caught.value.problems[0].hint == "write true or false"


@pytest.mark.parametrize(("written", "model"), [("true", "x"), ("false", None)])
def test_a_date_behind_an_id_is_accepted_where_the_book_says_so(
    written: str, model: str | None
) -> None:
    """Whether x-20261101 is x, is for the book to say."""
    found = book_of(f"dated_ids: {written}, prices: {{{CARD}}}")
    assert found.model_id("x-20261101") == model


@pytest.mark.parametrize(
    ("factors", "cost"),
    [
        pytest.param("us: 1", "30", id="long"),
        pytest.param("us: 0.5", "30", id="not-cheaper-for-the-US"),
        pytest.param("us: 1, fast: 3", "45", id="fast-costs-the-same-at-any-length"),
        pytest.param("us: 1, fast: 1.5, fast_long_context: 2", "60", id="fast-and-long"),
        pytest.param("us: 1, fast: 0.5, fast_long_context: 0.5", "30", id="not-cheaper-for-fast"),
    ],
)
def test_dearest_rate_of_a_model_of_its_own(factors: str, cost: str) -> None:
    """15 USD a million for short prompts and 30 for long ones: the dearest of all that may be asked for."""
    long = "{above: 200000, input: 6, output: 30, cache_write_5m: 7, cache_write_1h: 12, cache_read: 1}"
    found = book_of(f"prices: {{{CARD}, {factors}, long_context: {long}}}")
    assert at_most(found, "2026-11-10", Tokens(output=MILLION)) == bounds("0", cost)


def test_dearest_rate_may_be_that_of_short_prompts() -> None:
    """Nothing says that a longer prompt is the dearer one."""
    long = (
        "{above: 200000, input: 1, output: 5, cache_write_5m: 1, cache_write_1h: 2, cache_read: 0}"
    )
    found = book_of(f"prices: {{{CARD}, us: 1, long_context: {long}}}")
    assert at_most(found, "2026-11-10", Tokens(output=MILLION)) == bounds("0", "15")
