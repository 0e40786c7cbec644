"""What a client looks at before a request, without a Redis: what is asked again, and what is too old."""

from datetime import UTC, datetime, timedelta

import pytest

from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.plans import Learned
from budget_gate.sources.ledger.watching import Seen, Watch, looking
from tests.helpers.ledgers import FakeRedis

START = datetime(2026, 11, 1, tzinfo=UTC)
OUTPUT = b"claude-opus-4-8|standard||||output"


def counts(hour: datetime, workspace: str = "one") -> str:
    """The key of an hour."""
    return f"budget-gate:{{ws:{workspace}}}:counts:{hour.timestamp():.0f}"


@pytest.mark.parametrize(("days", "is_known"), [(14, True), (15, False)])
def test_a_verdict_is_too_old_once_hours_after_it_are_gone(days: int, *, is_known: bool) -> None:
    """Hours are kept for 14 days: what was counted before is not there to be added."""
    redis = FakeRedis(START + timedelta(days=days), {})
    plan = looking(Watch(), Learned(redis.now.timestamp), lambda *_: START)

    if is_known:
        assert redis.run(plan).now == redis.now
    else:
        with pytest.raises(LedgerError, match="so old that hours after it are gone"):
            redis.run(plan)


def test_an_hour_that_has_ended_is_read_once() -> None:
    """Twice asked, the hours before are the same object; the hour that ends is read once more."""
    redis = FakeRedis(START + timedelta(hours=2), {counts(START): {OUTPUT: b"5"}})
    watch, learned = Watch(), Learned(redis.now.timestamp)

    def look() -> Seen:
        redis.asked.clear()
        seen: Seen = redis.run(looking(watch, learned, lambda *_: START))
        return seen

    first, second = look(), look()
    assert second.ended is first.ended
    assert counts(START) not in redis.asked
    assert [sum(map(sum, table.values())) for table in first.ended.values()] == [5, 0]

    running = START + timedelta(hours=2)
    redis.hashes = {**redis.hashes, counts(running): {OUTPUT: b"7"}}
    redis.now = running + timedelta(hours=1, seconds=1)
    third = look()
    assert third.hour == (running + timedelta(hours=1)).timestamp()
    assert third.ended["one", int(running.timestamp())]
    assert counts(START) not in redis.asked


def test_a_workspace_that_is_new_is_asked_for_at_once() -> None:
    """Its name and its counts come in one answer to the caller."""
    redis = FakeRedis(START, {counts(START): {OUTPUT: b"5"}})
    watch, learned = Watch(), Learned(redis.now.timestamp)
    redis.run(looking(watch, learned, lambda *_: START))
    redis.hashes = {**redis.hashes, counts(START, "two"): {OUTPUT: b"9"}}

    seen = redis.run(looking(watch, learned, lambda *_: START))

    assert seen.running == {"one": {OUTPUT: b"5"}, "two": {OUTPUT: b"9"}}
