"""The ledger as an application has it, of both kinds alike, and what Redis has of it by the driver alone."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from budget_gate.domain.ledger.hours import Counts
from budget_gate.ledger import AsyncHold, AsyncLedger, Ledger
from budget_gate.sources.ledger.client import Client
from budget_gate.sources.ledger.plans import writing_verdict
from budget_gate.sources.ledger.reading import reading
from tests.helpers.redis import Server

MODEL = "claude-opus-4-8"
# A message of ten tokens of input and twenty of output.
COUNTS = {"input_tokens": 10, "output_tokens": 20, "service_tier": "standard"}
INPUT = f"{MODEL}|standard|0-200k||standard|uncached_input"
OUTPUT = f"{MODEL}|standard|0-200k||standard|output"


def read_counts(client: Client, since: datetime) -> Counts:
    """What the program reads of the hours from `since` on, and what is held."""
    return client.run(reading(since))


def write_verdict(client: Client, text: str) -> None:
    """Keeps a verdict as a check does."""
    client.run(writing_verdict(text))


def message(id_: str = "msg_01EXAMPLE", **usage: Any) -> dict[str, Any]:
    """A message as the API answers it."""
    return {"id": id_, "type": "message", "model": MODEL, "usage": {**COUNTS, **usage}}


class Awaited:
    """An AsyncLedger or an AsyncHold whose calls are waited for, on a loop of its own."""

    def __init__(self, it: AsyncLedger | AsyncHold, loop: asyncio.AbstractEventLoop) -> None:
        self._it = it
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        """What it has under that name; a hold that a call gives is waited for as well."""
        found = getattr(self._it, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            result = self._loop.run_until_complete(found(*given, **named))
            return Awaited(result, self._loop) if isinstance(result, AsyncHold) else result

        return call

    def __enter__(self) -> Self:
        """As `async with` does."""
        self._loop.run_until_complete(self._it.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """As `async with` does."""
        self._loop.run_until_complete(self._it.__aexit__(kind, error, trace))


class FakeRedis:
    """Answers from the hashes that it is given, and keeps the keys that were asked for; its clock is at will."""

    def __init__(
        self,
        now: datetime,
        hashes: Mapping[str, Mapping[bytes, bytes]],
        verdict: bytes = b"{}",
    ) -> None:
        self.now = now
        self.hashes = hashes
        self.verdict = verdict
        self.asked: list[str] = []

    def run(self, plan: Any) -> Any:
        """What a plan finds."""
        try:
            commands = next(plan)
            while True:
                commands = plan.send([self._answer(*command) for command in commands])
        except StopIteration as done:
            return done.value

    def _answer(self, command: str, key: str = "") -> Any:
        self.asked.append(key)
        names = {it.split("}")[0].removeprefix("budget-gate:{ws:").encode() for it in self.hashes}
        fixed = {"GET": self.verdict, "TIME": (int(self.now.timestamp()), 0), "SMEMBERS": names}
        return fixed[command] if command in fixed else self.hashes.get(key, {})


# Makes a ledger from a URL and what else it is given; it is closed when the test ends.
Open = Callable[..., Any]


def opened(kind: str, closing: list[Callable[[], object]]) -> Open:
    """What makes ledgers of that kind, `wait` or `await`; to close them is added to `closing`."""

    def open_one(url: str, **given: Any) -> Any:
        if kind == "wait":
            ledger: Any = Ledger.from_url(url, **given)
            closing.append(ledger.close)
            return ledger
        awaited = AsyncLedger.from_url(url, **given)
        loop = asyncio.new_event_loop()
        ledger = Awaited(awaited, loop)
        closing.extend((loop.close, ledger.close))
        return ledger

    return open_one


def hours(server: Server) -> dict[tuple[str, int], dict[str, int]]:
    """The counts in Redis by the tag of their workspace and the epoch of their hour, by the driver alone."""
    found = {}
    with server.driver() as client:
        for key in client.scan_iter("budget-gate:*:counts:*"):
            tag, _, hour = key.removeprefix("budget-gate:").rpartition(":counts:")
            found[tag, int(hour)] = {name: int(it) for name, it in client.hgetall(key).items()}
    return found


def total(server: Server, workspace: str = "") -> dict[str, int]:
    """The counts of a workspace in all hours together."""
    sums: dict[str, int] = {}
    for (tag, _), counts in hours(server).items():
        if tag == f"{{ws:{workspace}}}":
            for name, count in counts.items():
                sums[name] = sums.get(name, 0) + count
    return sums


def everything(server: Server) -> dict[str, bytes | None]:
    """Each key in Redis with its value, whatever its kind."""
    return {key: server.dump(key) for key in server.keys_like()}
