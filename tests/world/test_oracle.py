"""The oracle gives the published worked examples, and each pricing rule by itself."""

import json
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.paths import RECORDINGS
from tests.world.oracle import (
    EVERY_DIMENSION,
    UnpricedUsageError,
    Usage,
    cost,
    price_row,
    price_table,
    total,
)
from tests.world.organizations import random_organization, seeded, usages

MILLION = 1_000_000
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)


def use(
    model: str,
    day: str = "2026-11-10",
    *,
    service_tier: str = "standard",
    context_window: str = "0-200k",
    inference_geo: str = "global",
    speed: str = "standard",
    uncached: int = 0,
    write_5m: int = 0,
    write_1h: int = 0,
    read: int = 0,
    output: int = 0,
    searches: int = 0,
) -> Usage:
    """Make a usage of the default workspace at noon of a day."""
    return Usage(
        at=datetime.fromisoformat(f"{day}T12:00:00Z"),
        workspace=None,
        model=model,
        service_tier=service_tier,
        context_window=context_window,
        inference_geo=inference_geo,
        speed=speed,
        uncached=uncached,
        write_5m=write_5m,
        write_1h=write_1h,
        read=read,
        output=output,
        searches=searches,
    )


def usd(low: str, high: str | None = None) -> tuple[Fraction, Fraction]:
    """Return bounds from decimal text; one figure is both ends."""
    return Fraction(low), Fraction(low if high is None else high)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(
            use(
                "claude-opus-5-5",
                uncached=120_000,
                write_5m=30_000,
                write_1h=10_000,
                read=900_000,
                output=25_000,
                searches=12,
            ),
            usd("1.51"),
            id="opus-5-5",
        ),
        pytest.param(
            use(
                "claude-opus-4-6",
                service_tier="batch",
                uncached=MILLION,
                write_5m=200_000,
                read=400_000,
                output=300_000,
                searches=2,
            ),
            usd("6.995"),
            id="opus-4-6-batch",
        ),
        pytest.param(
            use(
                "claude-opus-5-5",
                speed="fast",
                inference_geo="us",
                uncached=50_000,
                write_5m=4_000,
                read=200_000,
                output=10_000,
            ),
            usd("1.012"),
            id="opus-5-5-fast-us",
        ),
        pytest.param(
            use(
                "claude-sonnet-5-5", "2026-10-06", uncached=100_000, read=5 * MILLION, output=20_000
            ),
            usd("1.40"),
            id="sonnet-5-5-before-the-read-cut",
        ),
        pytest.param(
            use(
                "claude-sonnet-5-5", "2026-10-07", uncached=100_000, read=5 * MILLION, output=20_000
            ),
            usd("0.90"),
            id="sonnet-5-5-after-the-read-cut",
        ),
        pytest.param(
            use(
                "claude-opus-4-6",
                "2026-02-10",
                speed="fast",
                context_window="200k-1M",
                uncached=200_000,
                read=50_000,
                output=4_000,
            ),
            usd("13.20"),
            id="opus-4-6-fast-long-premium",
        ),
        pytest.param(
            use(
                "claude-opus-4-6",
                "2026-03-01",
                speed="fast",
                context_window="200k-1M",
                uncached=200_000,
                read=50_000,
                output=4_000,
            ),
            usd("6.75"),
            id="opus-4-6-fast-long-flat",
        ),
        pytest.param(
            use("claude-haiku-5-5", uncached=10 * MILLION, output=100_000),
            usd("1.05", "5.25"),
            id="haiku-5-5-cannot-tell",
        ),
        pytest.param(
            use(
                "claude-3-haiku-20240307",
                "2026-03-01",
                uncached=MILLION,
                write_5m=MILLION,
                write_1h=MILLION,
                read=MILLION,
                output=MILLION,
            ),
            usd("2.33"),
            id="haiku-3",
        ),
    ],
)
def test_worked_example(usage: Usage, expected: tuple[Fraction, Fraction]) -> None:
    """Each published worked example comes out to the last digit."""
    assert cost(usage) == expected


def test_recorded_live_answer() -> None:
    """The recorded live hour of Opus 4.7 costs $19.81."""
    recording = RECORDINGS / "usage_report__live-1h-bucket-2026-05-24.json"
    row = json.loads(recording.read_text(encoding="utf-8"))["data"][0]["results"][0]
    usage = use(
        row["model"],
        "2026-05-24",
        uncached=row["uncached_input_tokens"],
        write_5m=row["cache_creation"]["ephemeral_5m_input_tokens"],
        write_1h=row["cache_creation"]["ephemeral_1h_input_tokens"],
        read=row["cache_read_input_tokens"],
        output=row["output_tokens"],
    )
    low, high = total([usage])
    assert (round(low, 2), round(high, 2)) == usd("19.81")


def test_table_is_whole() -> None:
    """The price table has the 35 dated rows and 28 models that the facts name."""
    assert (len(price_table()), len({row.model for row in price_table()})) == (35, 28)


def test_haiku_high_card_above_200k() -> None:
    """Haiku 5.5 above 200k is certainly at its high card."""
    usage = use("claude-haiku-5-5", context_window="200k-1M", uncached=MILLION, output=MILLION)
    assert cost(usage) == usd("3")


def test_long_window_without_long_card() -> None:
    """A long request of a model without a long card costs the standard rates."""
    assert cost(use("claude-opus-5-5", context_window="200k-1M", uncached=MILLION)) == usd("4")


def test_fast_long_premium_scales_cache_classes() -> None:
    """Where fast has a long price its cache classes are six times the long card."""
    usage = use(
        "claude-opus-4-6",
        "2026-02-10",
        speed="fast",
        context_window="200k-1M",
        write_5m=MILLION,
        write_1h=MILLION,
        read=MILLION,
    )
    assert cost(usage) == usd("201")


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4",
        "claude-opus-4-7-2026",
        "claude-opus-4-7-20260416x",
        "claude-haiku-4-5-20260101",
        "gpt",
        "",
    ],
)
def test_unknown_model_is_unpriced(model: str) -> None:
    """A model id that only resembles a known one has no price."""
    assert cost(use(model, uncached=1)) is None


def test_alias_prices_as_its_model() -> None:
    """A listed alias costs what its model costs."""
    assert cost(use("claude-haiku-4-5", uncached=MILLION)) == usd("1")


def test_dated_id_of_a_dateless_model() -> None:
    """A date appended to a dateless id keeps its price."""
    assert cost(use("claude-opus-4-7-20260416", uncached=MILLION)) == usd("5")


@pytest.mark.parametrize("tier", ["flex", "flex_discount", "priority_on_demand", "turbo"])
def test_tier_without_price(tier: str) -> None:
    """Tiers without a published price are unpriced."""
    assert cost(use("claude-opus-5-5", service_tier=tier, uncached=1)) is None


def test_priority_is_list_price() -> None:
    """Priority tokens count at list price."""
    assert cost(use("claude-opus-5-5", service_tier="priority", uncached=MILLION)) == usd("4")


def test_batch_without_multiplier() -> None:
    """Batch is unpriced for a model that has no batch multiplier."""
    assert cost(use("claude-mythos-preview", service_tier="batch", uncached=1)) is None


def test_fast_without_price() -> None:
    """Fast is unpriced on a day on which the model has no fast price."""
    usage = use("claude-opus-4-7", "2026-05-11", speed="fast", uncached=1)
    assert (
        cost(usage),
        cost(use("claude-opus-4-7", "2026-05-12", speed="fast", uncached=MILLION)),
    ) == (
        None,
        usd("30"),
    )


def test_fast_batch_is_unpriced() -> None:
    """Fast is never batch, so a row that says both has no price."""
    assert cost(use("claude-opus-5-5", speed="fast", service_tier="batch", uncached=1)) is None


@pytest.mark.parametrize(
    "changed", [{"speed": "warp"}, {"inference_geo": "eu"}, {"context_window": "1M-2M"}]
)
def test_unknown_value_is_unpriced(changed: dict[str, str]) -> None:
    """An unknown speed, geography or window has no price."""
    assert cost(use("claude-opus-5-5", uncached=1, **changed)) is None  # type: ignore[arg-type]


def test_day_before_the_first_row() -> None:
    """A day before the model's first price is unpriced."""
    assert cost(use("claude-fable-5-2", "2026-11-08", uncached=1)) is None


def test_retired_model_stays_priceable() -> None:
    """A model keeps its last price after it was retired."""
    assert cost(use("claude-opus-4-1", uncached=MILLION)) == usd("15")


def test_day_is_taken_in_utc() -> None:
    """The last second of a UTC day is priced by that day."""
    late = datetime(2026, 10, 6, 23, 59, 59, tzinfo=UTC)
    assert cost(Usage(late, None, "claude-sonnet-5-5", read=MILLION)) == usd("0.2")


@pytest.mark.parametrize(
    ("geo", "expected"), [("us", "4.4"), ("global", "4"), ("not_available", "4")]
)
def test_geography(geo: str, expected: str) -> None:
    """Only `us` multiplies tokens, by 1.1."""
    assert cost(use("claude-opus-5-5", inference_geo=geo, uncached=MILLION)) == usd(expected)


def test_us_on_an_older_model() -> None:
    """`us` on a model older than 4.6 costs the same as global."""
    assert cost(use("claude-opus-4-5", inference_geo="us", uncached=MILLION)) == usd("5")


def test_searches_are_never_multiplied() -> None:
    """Web searches cost $10 per 1000 in every tier and geography."""
    usage = use("claude-opus-5-5", service_tier="batch", inference_geo="us", searches=1000)
    assert cost(usage) == usd("10")


@pytest.mark.parametrize(
    ("unresolved", "expected"),
    [
        ("speed", ("4", "8")),
        ("inference_geo", ("4", "4.4")),
        ("context_window", ("4", "4")),
        ("service_tier", ("2", "4")),
        ("cache_ttl", ("4", "4")),
    ],
)
def test_unresolved_dimension(unresolved: str, expected: tuple[str, str]) -> None:
    """A dimension that the query did not resolve spans its possible values."""
    assert cost(use("claude-opus-5-5", uncached=MILLION), EVERY_DIMENSION - {unresolved}) == usd(
        *expected
    )


def test_unresolved_speed_of_batch() -> None:
    """Batch tokens cannot have been fast, whatever the query resolved."""
    usage = use("claude-opus-5-5", service_tier="batch", uncached=MILLION)
    assert cost(usage, EVERY_DIMENSION - {"speed"}) == usd("2")


def test_unresolved_cache_ttl() -> None:
    """Cache writes of unknown lifetime cost between all at 5 minutes and all at an hour."""
    usage = use("claude-opus-5-5", write_5m=600_000, write_1h=400_000)
    assert cost(usage, EVERY_DIMENSION - {"cache_ttl"}) == usd("5", "8")


def test_unresolved_window_of_a_model_with_a_long_card() -> None:
    """An unresolved window spans the low and the long card."""
    usage = use("claude-sonnet-4-6", "2026-03-01", uncached=MILLION)
    assert cost(usage, EVERY_DIMENSION - {"context_window"}) == usd("3", "6")


def test_unresolved_dimension_is_not_read() -> None:
    """The value of a dimension that was not reported cannot leak into the bounds."""
    fast = use("claude-opus-5-5", speed="fast", uncached=MILLION)
    assert cost(fast, EVERY_DIMENSION - {"speed"}) == usd("4", "8")


def test_total_refuses_unpriced_usage() -> None:
    """A total over something unpriced is an error, never a smaller total."""
    with pytest.raises(UnpricedUsageError):
        total([use("claude-opus-5-5", uncached=1), use("claude-unknown", uncached=1)])


@given(usages(MONTH, MONTH_END, max_size=5), st.sets(st.sampled_from(sorted(EVERY_DIMENSION))))
def test_bounds_widen_as_less_is_known(rows: list[Usage], known: set[str]) -> None:
    """Bounds from fewer dimensions contain the bounds from all of them."""
    low, high = total(rows)
    wide_low, wide_high = total(rows, frozenset(known))
    assert wide_low <= low <= high <= wide_high


def test_random_organization_is_deterministic() -> None:
    """The same seed gives the same organization."""
    first, second = (random_organization(seeded(7), start=MONTH, end=MONTH_END) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (MONTH, MONTH_END),
        (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        (datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)),
    ],
)
def test_random_organization_is_priceable(start: datetime, end: datetime) -> None:
    """Every usage of a random organization lies in its period and has a price."""
    organization = random_organization(seeded(3), start=start, end=end)
    assert len(organization.usage) == 200
    assert all(start <= usage.at < end and cost(usage) is not None for usage in organization.usage)


def test_random_organization_covers_the_cases() -> None:
    """A random organization has the default and archived workspaces, day edges, and every value of each dimension."""
    organization = random_organization(seeded(5), start=MONTH, end=MONTH_END, rows=600)
    used = {usage.workspace for usage in organization.usage}
    clock = {usage.at.strftime("%H:%M:%S") for usage in organization.usage}
    assert None in used
    assert used & {workspace.id for workspace in organization.workspaces if workspace.archived_at}
    assert {"00:00:00", "23:59:59"} <= clock
    assert {usage.service_tier for usage in organization.usage} == {"standard", "batch", "priority"}
    assert {usage.inference_geo for usage in organization.usage} == {
        "global",
        "us",
        "not_available",
    }
    assert {usage.context_window for usage in organization.usage} == {"0-200k", "200k-1M"}
    assert {usage.speed for usage in organization.usage} == {"standard", "fast"}


def test_random_organization_uses_models_of_the_day() -> None:
    """No usage of a random organization is of a model already retired."""
    organization = random_organization(seeded(11), start=MONTH, end=MONTH_END)
    for usage in organization.usage:
        row = price_row(usage.model, usage.day)
        assert row is not None
        assert row.retired_on is None or usage.day < row.retired_on


def test_price_row_is_dated() -> None:
    """A price begins on its first day and ends before its last."""
    before, after = (price_row("claude-sonnet-5-5", date(2026, 10, day)) for day in (6, 7))
    assert before is not None
    assert after is not None
    assert (before.standard.read, after.standard.read) == (Fraction("0.2"), Fraction("0.1"))
