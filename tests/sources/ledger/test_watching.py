"""What a client looks at before a request, without a Redis: what is asked again, and what is too old."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.plans import Learned
from budget_gate.sources.ledger.watching import Seen, Watch, looking

START = datetime(2026, 11, 1, tzinfo=UTC)
OUTPUT = b"claude-opus-4-8|standard||||output"


class Redis:
    """Answers from what it is given, and keeps the keys that were asked for."""

    def __init__(self, now: datetime, hashes: Mapping[str, Mapping[bytes, bytes]]) -> None:
        self.now = now
        self.hashes = hashes
        self.asked: list[str] = []

    def run(self, plan: Any) -> Seen:
        """What a plan finds."""
        try:
            commands = next(plan)
            while True:
                commands = plan.send([self._answer(*command) for command in commands])
        except StopIteration as done:
            seen: Seen = done.value
            return seen

    def _answer(self, command: str, key: str = "") -> Any:
        self.asked.append(key)
        names = {it.split("}")[0].removeprefix("budget-gate:{ws:").encode() for it in self.hashes}
        fixed = {"GET": b"{}", "TIME": (int(self.now.timestamp()), 0), "SMEMBERS": names}
        return fixed[command] if command in fixed else self.hashes.get(key, {})


def counts(hour: datetime, workspace: str = "one") -> str:
    """The key of an hour."""
    return f"budget-gate:{{ws:{workspace}}}:counts:{hour.timestamp():.0f}"


@pytest.mark.parametrize(("days", "is_known"), [(14, True), (15, False)])
def test_a_verdict_is_too_old_once_hours_after_it_are_gone(days: int, *, is_known: bool) -> None:
    """Hours are kept for 14 days: what was counted before is not there to be added."""
    redis = Redis(START + timedelta(days=days), {})
    plan = looking(Watch(), Learned(redis.now.timestamp), lambda *_: START)

    if is_known:
        assert redis.run(plan).now == redis.now
    else:
        with pytest.raises(LedgerError, match="so old that hours after it are gone"):
            redis.run(plan)


def test_an_hour_that_has_ended_is_read_once() -> None:
    """Twice asked, the hours before are the same object; the hour that ends is read once more."""
    redis = Redis(START + timedelta(hours=2), {counts(START): {OUTPUT: b"5"}})
    watch, learned = Watch(), Learned(redis.now.timestamp)

    def look() -> Seen:
        redis.asked.clear()
        return redis.run(looking(watch, learned, lambda *_: START))

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
    redis = Redis(START, {counts(START): {OUTPUT: b"5"}})
    watch, learned = Watch(), Learned(redis.now.timestamp)
    redis.run(looking(watch, learned, lambda *_: START))
    redis.hashes = {**redis.hashes, counts(START, "two"): {OUTPUT: b"9"}}

    seen = redis.run(looking(watch, learned, lambda *_: START))

    assert seen.running == {"one": {OUTPUT: b"5"}, "two": {OUTPUT: b"9"}}
