"""A guard over days and months: it lives as long as its program, and the clock of Redis goes on."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.ledger.guarded import GuardedVerdict
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.errors import LedgerError
from budget_gate.ledger.guarding import Guards
from budget_gate.sources.ledger.plans import Learned
from tests.helpers.ledgers import MODEL, FakeRedis

LAST_EVENING = datetime(2026, 11, 30, 23, 50, tzinfo=UTC)


def verdict() -> bytes:
    """At 23:45 on the last of November, $50 had been spent on that day."""
    line = SpendLine("wrkspc_1", LAST_EVENING.date(), MODEL, Bounds.exactly(Decimal(50)), "list")
    at = LAST_EVENING - timedelta(minutes=5)
    since = LAST_EVENING.replace(hour=21, minute=0)
    workspaces = (Workspace("wrkspc_1", "production"),)
    return json.dumps(GuardedVerdict(at, since, (line,), workspaces, {}).to_json()).encode()


def exceeded(guards: Guards, redis: FakeRedis, policy: Path) -> list[str]:
    """The budgets whose caps are exceeded, daily caps with a word."""
    learned = Learned(redis.now.timestamp)
    found = redis.run(guards.checking(policy, "production", None, learned))
    return [f"{it.budget} daily" if it.daily else it.budget for it in found]


def test_a_months_first_minutes_are_under_its_own_caps(tmp_path: Path) -> None:
    """What November had used up, December has not; what is counted in its first hour is December's."""
    policy = tmp_path / "budget.yml"
    policy.write_text("version: 1\nworkspaces: {production: {cap: 40, daily_cap: 30}}\n")
    guards, redis = Guards(), FakeRedis(LAST_EVENING, {}, verdict())
    assert exceeded(guards, redis, policy) == ["production", "production daily"]

    redis.now = datetime(2026, 12, 1, 0, 3, tzinfo=UTC)
    assert exceeded(guards, redis, policy) == []

    # 1.3 million tokens at $25 a million are $32.50, and two million are $50.
    key = f"budget-gate:{{ws:production}}:counts:{redis.now.replace(minute=0).timestamp():.0f}"
    field = f"{MODEL}|standard|0-200k|global|standard|output".encode()
    redis.hashes = {key: {field: b"1300000"}}
    assert exceeded(guards, redis, policy) == ["production daily"]
    redis.hashes = {key: {field: b"2000000"}}
    assert exceeded(guards, redis, policy) == ["production", "production daily"]


def test_a_day_has_its_own_cap(tmp_path: Path) -> None:
    """At midnight a daily cap begins anew, and the month's does not."""
    policy = tmp_path / "budget.yml"
    policy.write_text("version: 1\nworkspaces: {production: {cap: 40, daily_cap: 30}}\n")
    at = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)
    line = SpendLine("wrkspc_1", at.date(), MODEL, Bounds.exactly(Decimal(35)), "list")
    told = GuardedVerdict(
        at, at.replace(hour=22), (line,), (Workspace("wrkspc_1", "production"),), {}
    )
    guards, redis = Guards(), FakeRedis(at, {}, json.dumps(told.to_json()).encode())
    assert exceeded(guards, redis, policy) == ["production daily"]

    redis.now = at + timedelta(minutes=20)

    assert exceeded(guards, redis, policy) == []


def test_a_guard_that_lives_on_notices_when_no_check_has_run_for_a_day(tmp_path: Path) -> None:
    """It goes by its verdict until then, and not beyond, though nothing else has changed."""
    policy = tmp_path / "budget.yml"
    policy.write_text("version: 1\nworkspaces: {production: {cap: 60}}\n")
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    line = SpendLine("wrkspc_1", at.date(), MODEL, Bounds.exactly(Decimal(35)), "list")
    workspaces = (Workspace("wrkspc_1", "production"),)
    told = GuardedVerdict(at, at.replace(hour=10), (line,), workspaces, {})
    guards = Guards()
    redis = FakeRedis(at + timedelta(hours=23), {}, json.dumps(told.to_json()).encode())
    assert exceeded(guards, redis, policy) == []

    redis.now = at + timedelta(hours=24, minutes=1)

    with pytest.raises(LedgerError, match="1 day 1 minute old") as caught:
        exceeded(guards, redis, policy)
    assert "check --ledger" in caught.value.hint
