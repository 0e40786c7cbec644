"""The guard: a request is stopped where the last verdict and what was counted since exceed a cap."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.ledger.guarded import GuardedVerdict
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.ledger import BudgetExceeded, LedgerError
from tests.helpers.ledgers import MODEL, Open, message
from tests.helpers.redis import Server, server
from tests.helpers.wording import assert_says

HOUR = timedelta(hours=1)
WORKSPACES = (Workspace("wrkspc_1", "production"), Workspace("wrkspc_2", "evals"))
# A million tokens of output of Claude Opus 4.8, at $25.
MILLION = {"output_tokens": 1_000_000, "input_tokens": 0}
PRODUCTION = "version: 1\nworkspaces: {production: {cap: 60}}\n"
GLOBAL = "version: 1\nglobal: {cap: 60}\n"

Policy = Callable[[str], Path]


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """Writes the policy, and says where it is."""

    def write(text: str) -> Path:
        path = tmp_path / "budget.yml"
        path.write_text(text)
        return path

    return write


def now_of(one: Server) -> datetime:
    """The time that Redis has."""
    seconds, _ = one.ask("TIME")
    return datetime.fromtimestamp(seconds, UTC)


def put_verdict(
    one: Server,
    *,
    age: timedelta = timedelta(0),
    spent: str = "50",
    since: timedelta = 2 * HOUR,
    reported: int = 0,
) -> None:
    """Keeps a verdict by which production has spent so much this month; `reported` tokens of it in this hour."""
    now = now_of(one)
    hour = now.replace(minute=0, second=0)
    key = UsageKey("wrkspc_1", hour.date(), MODEL, "standard", "0-200k", "global", "standard")
    cost = Bounds.exactly(Decimal(spent))
    verdict = GuardedVerdict(
        now - age,
        hour - since,
        (SpendLine("wrkspc_1", now.date(), MODEL, cost, "list"),),
        WORKSPACES,
        {hour: {key: Tokens(output=reported)}} if reported else {},
    )
    one.ask("SET", "budget-gate:verdict", json.dumps(verdict.to_json()))


def million(number: int = 1, **more: Any) -> dict[str, Any]:
    """A message of $25."""
    return message(f"msg_{number}", **MILLION, inference_geo="global", **more)


def test_a_request_under_every_cap_goes(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """$50 of $60: nothing is raised."""
    put_verdict(ledger_server)

    open_ledger(ledger_server.url).guard(policy(PRODUCTION), workspace="production")


def test_a_request_above_a_cap_is_stopped(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """$50 that are reported and $25 that were counted since are more than $60."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(PRODUCTION)
    ledger.guard(path, workspace="production")
    ledger.record(million(), workspace="production")

    with pytest.raises(BudgetExceeded) as caught:
        ledger.guard(path, workspace="production")

    (one,) = caught.value.exceeded
    assert (one.budget, one.cap, one.used) == ("production", Decimal(60), Decimal(75))
    assert_says(
        str(caught.value),
        "production",
        "$75.00 of its $60.00 cap",
        "$50.00 reported",
        "$25.00 counted",
    )


def test_other_workspaces_are_not_stopped(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """A cap of production is none of evals; one of the organization is everybody's."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    ledger.record(million(), workspace="production")

    ledger.guard(policy(PRODUCTION), workspace="evals")
    with pytest.raises(BudgetExceeded, match="organization"):
        ledger.guard(policy(GLOBAL), workspace="evals")


def test_what_others_count_is_seen(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """What another client counts in between, of a workspace that is new, is in the next answer."""
    put_verdict(ledger_server)
    mine, other = open_ledger(ledger_server.url), open_ledger(ledger_server.url)
    path = policy(GLOBAL)
    mine.guard(path, workspace="production")
    mine.guard(path, workspace="production")

    other.record(million(), workspace="evals")

    with pytest.raises(BudgetExceeded):
        mine.guard(path, workspace="production")


def test_a_workspace_by_name_and_by_id_is_one(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """What is counted under either adds up, and of what is reported only the rest is new."""
    put_verdict(ledger_server, spent="0", reported=1_000_000)
    ledger = open_ledger(ledger_server.url)
    path = policy("version: 1\nworkspaces: {production: {cap: 24}}\n")
    ledger.record(million(1), workspace="production")
    ledger.guard(path, workspace="production")

    ledger.record(million(2), workspace="wrkspc_1")

    for workspace in ("production", "wrkspc_1"):
        with pytest.raises(BudgetExceeded, match=r"\$25\.00 of its \$24\.00"):
            ledger.guard(path, workspace=workspace)


def test_hours_that_have_ended_count_as_well(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """What was counted two hours ago is still beyond the report, however often it is asked."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    ledger.record(million(), workspace="production")
    hour = now_of(ledger_server).replace(minute=0, second=0).timestamp()
    keys = [f"budget-gate:{{ws:production}}:counts:{it:.0f}" for it in (hour, hour - 7200)]
    ledger_server.ask("RENAME", *keys)

    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            ledger.guard(policy(PRODUCTION), workspace="production")


def test_ended_hours_of_a_workspace_that_is_new_count_as_well(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """What was counted an hour ago, of a workspace that this client had not seen yet."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(GLOBAL)
    ledger.record(message(), workspace="production")
    ledger.guard(path, workspace="production")

    before = now_of(ledger_server).replace(minute=0, second=0) - HOUR
    key = f"budget-gate:{{ws:evals}}:counts:{before.timestamp():.0f}"
    ledger_server.ask("HSET", key, f"{MODEL}|standard|0-200k|global|standard|output", 1_000_000)
    ledger_server.ask("SADD", "budget-gate:workspaces", "evals")

    with pytest.raises(BudgetExceeded):
        ledger.guard(path, workspace="production")


def test_what_is_reserved_counts(ledger_server: Server, open_ledger: Open, policy: Policy) -> None:
    """A job that holds $11 leaves too little for the next; when it ends, there is enough again."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(PRODUCTION)
    job = ledger.reserve(11, workspace="production")
    with pytest.raises(BudgetExceeded, match=r"\$11\.00 reserved"):
        ledger.guard(path, workspace="production")
    job.release()
    ledger.guard(path, workspace="production")


def test_a_new_verdict_is_taken_at_once(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """The next check found more spend: the guard goes by that."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(PRODUCTION)
    ledger.guard(path, workspace="production")

    put_verdict(ledger_server, spent="60.01")

    with pytest.raises(BudgetExceeded):
        ledger.guard(path, workspace="production")


def test_a_changed_policy_is_taken_at_once(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """A cap that was raised in the file lets the next request go."""
    put_verdict(ledger_server, spent="70")
    ledger = open_ledger(ledger_server.url)
    path = policy(PRODUCTION)
    with pytest.raises(BudgetExceeded):
        ledger.guard(path, workspace="production")

    policy(PRODUCTION.replace("60", "100"))

    ledger.guard(path, workspace="production")


def test_a_cap_of_a_model_is_looked_at_for_that_model(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """Without a model, or for another one, it stops nothing."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(f"version: 1\nmodels: {{{MODEL}: {{cap: 40}}}}\n")

    ledger.guard(path, workspace="production")
    ledger.guard(path, workspace="production", model="claude-sonnet-4-5")
    with pytest.raises(BudgetExceeded, match=MODEL):
        ledger.guard(path, workspace="production", model=MODEL)


def test_a_steady_guard_asks_once(ledger_server: Server, open_ledger: Open, policy: Policy) -> None:
    """One round trip: verdict, time, workspaces, and of each the running hour and the holds."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url)
    path = policy(GLOBAL)
    for workspace in ("production", "evals"):
        ledger.record(message(), workspace=workspace)
    ledger.guard(path, workspace="production")
    ledger_server.ask("CONFIG", "RESETSTAT")

    ledger.guard(path, workspace="production")

    stats = ledger_server.info("commandstats")
    asked = {name.removeprefix("cmdstat_"): it["calls"] for name, it in stats.items()}
    for own in ("config|resetstat", "info", "client|setinfo", "hello", "command"):
        asked.pop(own, None)
    assert asked == {"get": 1, "time": 1, "smembers": 1, "hgetall": 4}


def test_without_a_verdict_nothing_is_let_through_unseen(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """There is nothing to judge by: that is an error with the command that helps."""
    with pytest.raises(LedgerError, match="no verdict yet") as caught:
        open_ledger(ledger_server.url).guard(policy(GLOBAL))

    assert "check --ledger" in caught.value.hint


def test_a_verdict_that_cannot_be_read_is_an_error(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """Of another version, or of another program."""
    for told in ("text", "{}", '{"version": 99}', "[1]", "[" * 100_000):
        ledger_server.ask("SET", "budget-gate:verdict", told)
        with pytest.raises(LedgerError, match="verdict in the ledger cannot be read"):
            open_ledger(ledger_server.url).guard(policy(GLOBAL))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("version: 1\nglobal: {cap: many}\n", "budget.yml:2"),
        ("version: 1\nworkspaces: {nobody: {cap: 5}}\n", "nobody"),
    ],
)
def test_a_policy_that_is_wrong_is_an_error(
    ledger_server: Server, open_ledger: Open, policy: Policy, text: str, why: str
) -> None:
    """With its place, as a check says it."""
    put_verdict(ledger_server)

    with pytest.raises(LedgerError, match=why):
        open_ledger(ledger_server.url).guard(policy(text))


def test_a_policy_that_is_missing_is_an_error(open_ledger: Open, tmp_path: Path) -> None:
    """Its path is named."""
    with pytest.raises(LedgerError, match=r"missing\.yml cannot be read"):
        open_ledger("redis://127.0.0.1:9").guard(tmp_path / "missing.yml")


def test_a_guard_that_cannot_see_lets_go_only_where_that_is_wanted(
    open_ledger: Open, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """A Redis that is down raises; with on_error="ignore" it is counted and said, and the request goes."""
    path = policy(GLOBAL)
    with pytest.raises(LedgerError, match="cannot be reached"):
        open_ledger("redis://127.0.0.1:9").guard(path)

    ledger = open_ledger("redis://127.0.0.1:9", on_error="ignore")
    with caplog.at_level(logging.WARNING, "budget_gate.ledger"):
        ledger.guard(path)
    assert ledger.lost == len(caplog.messages) == 1


def test_a_client_with_a_wrong_clock_is_guarded_by_that_of_redis(
    ledger_server: Server, open_ledger: Open, policy: Policy
) -> None:
    """A day of difference changes neither the hours nor the month that are looked at."""
    put_verdict(ledger_server)
    ledger = open_ledger(ledger_server.url, clock=lambda: time.time() - 86_400)
    ledger.record(million(), workspace="production")

    with pytest.raises(BudgetExceeded):
        ledger.guard(policy(PRODUCTION), workspace="production")


def test_a_redis_that_was_emptied_stops_nobody_without_a_word(
    open_ledger: Open, policy: Policy
) -> None:
    """The verdict is gone as well: an error, where spend would look like none."""
    with server() as one:
        put_verdict(one)
        ledger = open_ledger(one.url)
        path = policy(GLOBAL)
        ledger.guard(path)
        one.ask("FLUSHALL")

        with pytest.raises(LedgerError, match="no verdict"):
            ledger.guard(path)
