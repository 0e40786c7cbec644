"""The made-up worlds of the ledger: what is late, what is counted, and that the ledger is written by its layout."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers.redis import Server
from tests.world import ledger
from tests.world.lagging import (
    CLASSES,
    HOUR,
    LONGEST_LAG,
    MICROSECOND,
    Call,
    Client,
    Habits,
    World,
    drawn,
    high,
    hour_of,
    low,
    other_name,
    recorded,
    spent,
)
from tests.world.oracle import Usage, price_row
from tests.world.organizations import seeded

NOW = datetime(2026, 11, 15, 12, 37, tzinfo=UTC)
CALL = Call(
    Usage(NOW - HOUR, "wrkspc_01EXAMPLEALPHA", "claude-opus-5-5", uncached=1000, output=7),
    "msg_01EXAMPLE",
    Client("wrkspc_01EXAMPLEALPHA", "team a|{ü}"),
    lag=HOUR,
)


def test_the_report_has_a_request_once_its_lag_has_passed() -> None:
    """Not an instant before."""
    world = World((), (CALL,))
    assert world.reported(NOW - MICROSECOND) == []
    assert world.reported(NOW) == world.used(NOW) == [CALL.usage]


@pytest.mark.parametrize(
    ("call", "instants"),
    [
        (CALL, [0]),
        (replace(CALL, counted_after=timedelta(minutes=30)), [30]),
        (replace(CALL, again_after=timedelta(minutes=20)), [0, 20]),
        (replace(CALL, counted_after=None), []),
        (replace(CALL, client=replace(CALL.client, instrumented=False)), []),
    ],
)
def test_a_client_hands_over_what_it_lives_to(call: Call, instants: list[int]) -> None:
    """Once, twice, later, or never where it crashes or counts nothing."""
    found = [record.at for record in World((), (call,)).records(NOW)]
    assert found == [CALL.usage.at + timedelta(minutes=minutes) for minutes in instants]


def test_worlds_have_what_makes_counting_hard() -> None:
    """Lags up to the longest, requests that only one of both has, and edges of hours."""
    world = drawn(seeded(4), Habits(crashing=0.2, uninstrumented=0.3), now=NOW, calls=300)
    lags = [call.lag for call in world.calls]
    assert timedelta() in lags
    assert timedelta(minutes=110) < max(lags) <= LONGEST_LAG
    has = Counter((call.is_reported(NOW), call.is_counted(NOW)) for call in world.calls)
    assert len(has) == 4
    edges = Counter(call.usage.at - hour_of(call.usage.at) for call in world.calls)
    assert edges[timedelta()] > 5
    assert edges[HOUR - MICROSECOND] > 5
    assert low(world.used(NOW)) < spent(world.used(NOW)) < high(world.used(NOW))


@pytest.mark.parametrize(
    ("model", "other"),
    [
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-opus-5-5", "claude-opus-5-5-20260922"),
        ("claude-opus-5-5-20260922", "claude-opus-5-5"),
    ],
)
def test_another_name_of_a_model_has_its_price(model: str, other: str) -> None:
    """With a date or without."""
    assert other_name(model) == other
    assert price_row(other, NOW.date()) == price_row(model, NOW.date())


def test_a_record_is_written_by_the_layout(ledger_server: Server) -> None:
    """Parts are percent-encoded, the hour is that of the record, and each key has its life."""
    with ledger_server.driver() as redis:
        assert ledger.write(redis, [recorded(CALL, NOW)] * 2, now=NOW) == 1
        tag = "budget-gate:{ws:team%20a%7C%7B%C3%BC%7D}"
        hour = f"{tag}:counts:{int(datetime(2026, 11, 15, 12, tzinfo=UTC).timestamp())}"
        assert sorted(redis.keys()) == [
            "budget-gate:workspaces",
            hour,
            f"{tag}:message:msg_01EXAMPLE",
        ]
        assert redis.hgetall(hour) == {
            "claude-opus-5-5|standard|0-200k|global|standard|uncached_input": "1000",
            "claude-opus-5-5|standard|0-200k|global|standard|output": "7",
        }
        left = (14 * 24 * 3600 + 23 * 60, 24 * 3600)
        lives = (redis.ttl(hour), redis.ttl(f"{tag}:message:msg_01EXAMPLE"))
        assert all(0 <= all_ - one <= 60 for all_, one in zip(left, lives, strict=True))


def test_what_is_written_is_read_again(ledger_server: Server) -> None:
    """Every message once: hour, workspace, model, dimensions and each class add up to what was handed over."""
    world = drawn(seeded(5), Habits(silent=0.3, twice=0.5), now=NOW)
    expected: Counter[ledger.Count] = Counter()
    for call in world.calls:
        if call.is_counted(NOW) and call.counted_at is not None:
            one = recorded(call, call.counted_at)
            place = (hour_of(one.at), one.workspace, one.model, one.service_tier)
            rest = (one.context_window, one.inference_geo, one.speed)
            for name in CLASSES:
                expected[ledger.Count(*place, *rest, name)] += one.tokens[name]
    with ledger_server.driver() as redis:
        ledger.write(redis, world.records(NOW), now=NOW)
        ledger.write(redis, world.records(NOW), now=NOW)
        assert ledger.read(redis) == +expected
        assert ledger.messages(redis) == {
            (call.client.written, call.message) for call in world.calls if call.is_counted(NOW)
        }
