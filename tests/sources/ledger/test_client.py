"""What a check reads of the ledger: hours, holds and the time of Redis."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.errors import LedgerError
from budget_gate.ledger import Ledger
from budget_gate.sources.ledger.client import Client
from tests.helpers.ledgers import MODEL, message, read_counts, write_verdict
from tests.helpers.redis import Server

HOUR = timedelta(hours=1)


@pytest.fixture
def client(ledger_server: Server) -> Iterator[Client]:
    """A client of an empty ledger."""
    one = Client.at(ledger_server.url)
    yield one
    one.close()


def running(one: Server) -> datetime:
    """The hour that Redis is in."""
    seconds, _ = one.ask("TIME")
    return datetime.fromtimestamp(seconds // 3600 * 3600, UTC)


def put(one: Server, workspace: str, hour: datetime, **counts: int | str) -> None:
    """Puts counts of Claude Opus 4.8 at the standard tier into an hour, by the driver alone."""
    key = f"budget-gate:{{ws:{workspace}}}:counts:{hour.timestamp():.0f}"
    for name, count in counts.items():
        one.ask("HSET", key, f"{MODEL}|standard|0-200k|us|fast|{name}", count)
    one.ask("SADD", "budget-gate:workspaces", workspace)


def test_an_empty_ledger_has_nothing(client: Client, ledger_server: Server) -> None:
    """Neither hours nor holds, at the time that Redis has."""
    counts = read_counts(client, datetime.now(UTC) - 3 * HOUR)

    assert (counts.hours, counts.holds) == ({}, {})
    seconds, _ = ledger_server.ask("TIME")
    assert abs(counts.read_at.timestamp() - seconds) <= 60


def test_hours_are_read_from_the_asked_one_on(client: Client, ledger_server: Server) -> None:
    """The hour in which the asked time lies is the first, the running one is the last."""
    now = running(ledger_server)
    for age in range(4):
        put(ledger_server, "production", now - age * HOUR, output=age + 1)

    counts = read_counts(client, now - 2 * HOUR + timedelta(minutes=59))

    assert {hour: [*table.values()] for hour, table in counts.hours.items()} == {
        now - age * HOUR: [Tokens(output=age + 1)] for age in range(3)
    }


def test_a_row_has_every_class_and_dimension(client: Client, ledger_server: Server) -> None:
    """As the client wrote them, of its workspace and of the hour's day."""
    now = running(ledger_server)
    tokens = Tokens(1, 2, 3, 4, 5, 6, 7)
    put(ledger_server, "a%20b", now, **tokens._asdict())

    counts = read_counts(client, now)

    key = UsageKey("a b", now.date(), MODEL, "standard", "0-200k", "us", "fast")
    assert counts.hours == {now: {key: tokens}}


def test_workspaces_are_read_under_each_name(client: Client, ledger_server: Server) -> None:
    """What one client calls by name and another by id stays apart; None is the default workspace."""
    with Ledger.from_url(ledger_server.url) as ledger:
        for number, workspace in enumerate(("production", "wrkspc_01EXAMPLEPROD", None)):
            ledger.record(message(f"msg_{number}"), workspace=workspace)
            ledger.reserve(number + 1, workspace=workspace)

    counts = read_counts(client, datetime.now(UTC) - HOUR)

    keys = {key.workspace for table in counts.hours.values() for key in table}
    assert keys == {"production", "wrkspc_01EXAMPLEPROD", None}
    assert counts.holds == {
        "production": Decimal(1),
        "wrkspc_01EXAMPLEPROD": Decimal(2),
        None: Decimal(3),
    }


def test_hours_of_two_weeks_are_read_whole(client: Client, ledger_server: Server) -> None:
    """More keys than go in one round trip come together."""
    now = running(ledger_server)
    for age in range(0, 14 * 24, 7):
        for workspace in ("one", "two", "three"):
            put(ledger_server, workspace, now - age * HOUR, output=1)

    counts = read_counts(client, now - timedelta(days=14))

    assert sum(len(table) for table in counts.hours.values()) == 3 * 48


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_what_is_no_count_is_never_read_as_nothing(
    client: Client, ledger_server: Server, value: str
) -> None:
    """A hash that another program wrote into is an error that names it."""
    now = running(ledger_server)
    put(ledger_server, "production", now, output=value)

    with pytest.raises(LedgerError, match="no count of budget-gate") as caught:
        read_counts(client, now)

    assert f"{{ws:production}}:counts:{now.timestamp():.0f}" in caught.value.message


def test_a_key_of_another_kind_is_an_error(client: Client, ledger_server: Server) -> None:
    """Where a hash belongs, a text says nothing of what was counted."""
    now = running(ledger_server)
    put(ledger_server, "production", now, output=1)
    ledger_server.ask("SET", f"budget-gate:{{ws:production}}:counts:{now.timestamp():.0f}", "1")

    with pytest.raises(LedgerError, match="something else"):
        read_counts(client, now)


def test_a_redis_that_is_down_is_an_error() -> None:
    """A check without its ledger is no check of it."""
    client = Client.at("redis://127.0.0.1:9")

    with pytest.raises(LedgerError, match="cannot be reached"):
        read_counts(client, datetime.now(UTC))


def test_the_last_verdict_replaces_the_one_before(client: Client, ledger_server: Server) -> None:
    """There is one, for all clients."""
    write_verdict(client, "first")
    write_verdict(client, "second")

    assert ledger_server.ask("GET", "budget-gate:verdict") == "second"
