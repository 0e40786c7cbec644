"""What `budget_gate.ledger` leaves in Redis, against the layout written down by an independent writer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from anthropic.types import Message

from budget_gate.ledger import AsyncLedger, Ledger
from tests.helpers.redis import Server
from tests.world import ledger
from tests.world.lagging import Call, Habits, drawn, recorded
from tests.world.organizations import seeded

NOW = datetime(2026, 11, 15, 12, 37, tzinfo=UTC)
CALLS = drawn(seeded(60), Habits(), now=NOW).calls


def message(call: Call) -> dict[str, Any]:
    """The answer of the Messages API to a request, as its reference has it."""
    usage, record = call.usage, recorded(call, call.usage.at)
    return {
        "id": call.message,
        "type": "message",
        "role": "assistant",
        "model": record.model,
        "content": [{"type": "text", "text": "EXAMPLE"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.uncached,
            "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
            "cache_creation": {
                "ephemeral_5m_input_tokens": usage.write_5m,
                "ephemeral_1h_input_tokens": usage.write_1h,
            },
            "cache_read_input_tokens": usage.read,
            "output_tokens": usage.output,
            "server_tool_use": {"web_search_requests": usage.searches, "web_fetch_requests": 0},
            "service_tier": usage.service_tier,
            "inference_geo": usage.inference_geo,
            "speed": usage.speed,
        },
    }


def by_the_client(url: str, calls: Iterable[Call]) -> None:
    """Records answers as they arrive."""
    with Ledger.from_url(url) as client:
        for call in calls:
            client.record(message(call), workspace=call.client.written)


def by_the_asynchronous_client(url: str, calls: Iterable[Call]) -> None:
    """The same without waiting."""

    async def record() -> None:
        async with AsyncLedger.from_url(url) as client:
            for call in calls:
                await client.record(message(call), workspace=call.client.written)

    asyncio.run(record())


def by_the_types_of_the_vendor(url: str, calls: Iterable[Call]) -> None:
    """Records objects of the vendor's package."""
    with Ledger.from_url(url) as client:
        for call in calls:
            answer = Message.model_validate(message(call))
            client.record(answer, workspace=call.client.written)


def by_the_usage_alone(url: str, calls: Iterable[Call]) -> None:
    """Records the usage of answers, with what it does not say itself."""
    with Ledger.from_url(url) as client:
        for call in calls:
            answer = message(call)
            named = {"model": answer["model"], "message_id": call.message}
            client.record(answer["usage"], workspace=call.client.written, **named)


WAYS = (
    by_the_client,
    by_the_asynchronous_client,
    by_the_types_of_the_vendor,
    by_the_usage_alone,
)


def by_the_layout(url: str, calls: Iterable[Call]) -> None:
    """Writes the same by the layout, in the running hour."""
    with ledger.connected(url) as redis:
        now = datetime.fromtimestamp(ledger.seconds(redis), UTC)
        ledger.write(redis, [recorded(call, now) for call in calls], now=now)


@dataclass(frozen=True)
class Left:
    """All that is in Redis, and how many seconds each key lives."""

    names: list[str]
    counts: Counter[ledger.Count]
    messages: set[tuple[str | None, str]]
    workspaces: set[str]
    lives: dict[str, int]


def left(server: Server, write: Callable[[str, Iterable[Call]], None], calls: list[Call]) -> Left:
    """What is left in an empty Redis by what begins and ends in one hour."""
    with server.driver() as redis:
        while True:
            redis.flushall()
            hour = ledger.seconds(redis) // 3600
            write(server.url, calls)
            if ledger.seconds(redis) // 3600 == hour:
                break
        names = sorted(redis.scan_iter())
        lives = {name: redis.ttl(name) for name in names}
        counts, messages = ledger.read(redis), ledger.messages(redis)
        return Left(names, counts, messages, ledger.workspaces(redis), lives)


@pytest.mark.parametrize("way", WAYS)
def test_a_client_leaves_what_the_layout_says(
    ledger_server: Server, way: Callable[[str, Iterable[Call]], None]
) -> None:
    """Every number, message, workspace and life is what an independent writer leaves, and there is nothing else."""
    # Some of the messages come twice.
    calls = [*CALLS, *CALLS[::3]]
    found, expected = (left(ledger_server, one, calls) for one in (way, by_the_layout))
    assert found.counts == expected.counts
    assert found.messages == expected.messages
    assert found.workspaces == expected.workspaces
    assert found.names == expected.names
    for name, life in expected.lives.items():
        assert abs(found.lives[name] - life) < 60


@pytest.mark.parametrize("workspace", [None, "alpha", "team b|{ü}", "a:b%20", "wrkspc_01EXAMPLE"])
def test_a_hold_is_what_the_layout_says(ledger_server: Server, workspace: str | None) -> None:
    """An exact amount, and when it expires by the clock of Redis; released, it is gone."""
    with Ledger.from_url(ledger_server.url) as client, ledger_server.driver() as redis:
        before = ledger.seconds(redis)
        held = client.reserve(Decimal("2.50000001"), workspace=workspace, ttl=600)
        after = ledger.seconds(redis)
        (text,) = redis.hvals(ledger.key(workspace, "holds"))
        expiry, usd = text.split(" ")
        assert before + 600 <= float(expiry) <= after + 601
        assert Decimal(usd) == Decimal("2.50000001")
        assert ledger.workspaces(redis) == {ledger.encoded(workspace)}
        held.release()
        assert redis.hvals(ledger.key(workspace, "holds")) == []
