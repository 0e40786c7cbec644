"""The ledger as an application has it, of both kinds alike, and what Redis has of it by the driver alone."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from budget_gate.ledger import AsyncHold, AsyncLedger, Ledger
from tests.helpers.redis import Server

MODEL = "claude-opus-4-8"
# A message of ten tokens of input and twenty of output.
COUNTS = {"input_tokens": 10, "output_tokens": 20, "service_tier": "standard"}
INPUT = f"{MODEL}|standard|0-200k||standard|uncached_input"
OUTPUT = f"{MODEL}|standard|0-200k||standard|output"


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
    with server.driver() as client:
        keys = sorted(client.scan_iter("*"))
    return {key: server.dump(key) for key in keys}
