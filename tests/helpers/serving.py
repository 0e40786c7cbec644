"""What the tests of the sources share: a client of a loopback API, tampered answers and exact sums."""

import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from typing import Any

import httpx

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend
from budget_gate.domain.usage import Usage
from budget_gate.secrecy import Secrets
from budget_gate.sources.api.usage_report import read_usage
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.credentials import Credential, CredentialSource
from budget_gate.sources.http.transport import Transport
from tests.helpers.paths import RECORDINGS
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Priced, Request, Response

USAGE = "/v1/organizations/usage_report/messages"
WORKSPACES = "/v1/organizations/workspaces"
ME = "/v1/organizations/me"
COST = "/v1/organizations/analytics/cost"
COST_REPORT = "/v1/organizations/cost_report"
NOBODY = Organization(usage=[], workspaces=[])
NOW = datetime(2026, 11, 22, 15, 37, 30, tzinfo=UTC)
ADMIN = Credential.of_key(EXAMPLE_KEY)


class Clock:
    """Time that only passes while somebody sleeps; `sleeps` are the seconds of each."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        """Seconds since some instant."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.sleeps.append(seconds)
        self.time += seconds


@contextmanager
def connected(
    url: str,
    *,
    deadline: float = 30,
    credential: CredentialSource = ADMIN,
    clock: Clock | None = None,
    jitter: float = 0,
    secrets: Secrets | None = None,
) -> Iterator[Transport]:
    """Yield a transport whose retries wait on `clock`, or not at all, at NOW, and close its connections after its threads ended."""
    before = set(threading.enumerate())
    # No certificates: loading them takes longer than most tests here.
    with httpx.HTTPTransport(verify=False) as http:
        try:
            yield Transport(
                url,
                credential,
                deadline=deadline,
                secrets=secrets,
                now=clock.now if clock else time.monotonic,
                sleep=clock.sleep if clock else lambda _: None,
                jitter=lambda: jitter,
                clock=lambda: NOW,
                http=http,
            )
        finally:
            while calls := [
                thread
                for thread in set(threading.enumerate()) - before
                if thread.name.endswith("(run)")
            ]:
                calls[0].join()


def at(text: str) -> datetime:
    """Parse a UTC instant from RFC 3339."""
    return datetime.fromisoformat(text)


def recorded(name: str) -> Any:
    """Read a recorded answer."""
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


@cache
def book() -> PriceBook:
    """Return the bundled prices."""
    return PriceBook(load_price_book())


def read(api: LoopbackAPI, as_of: datetime | None = None) -> Usage:
    """Read the month to date of the server's clock, or of `as_of`, from a loopback API."""
    with connected(api.url) as transport:
        return read_usage(transport, MonthToDate(as_of or api.now), book())


def spend_of(usage: Usage) -> Spend:
    """Price usage by the bundled prices."""
    return list_spend(price(usage, book()), unknown_model="fail")


def exact(bounds: Bounds) -> tuple[Fraction, Fraction]:
    """Return limited bounds as fractions, which compare to the last digit."""
    return Fraction(bounds.low), Fraction(bounds.high)


def sums(usage: Usage) -> Priced:
    """Price usage that has a price, and add it up as the oracle does: by workspace and overall."""
    spend = spend_of(usage)
    assert spend.unpriced == ()
    by_workspace: dict[str | None, Bounds] = defaultdict(lambda: NOTHING)
    overall = NOTHING
    for line in spend.lines:
        by_workspace[line.workspace] = by_workspace[line.workspace].plus(line.cost)
        overall = overall.plus(line.cost)
    return Priced({name: exact(cost) for name, cost in by_workspace.items()}, exact(overall))


def groups(request: Request) -> list[str]:
    """Return what a request groups by."""
    return [value for name, value in request.query if name == "group_by[]"]


def first(request: Request, name: str) -> str | None:
    """Return the first value of a parameter, None where absent."""
    return next((value for key, value in request.query if key == name), None)


def is_lengths(request: Request) -> bool:
    """Whether a request asks for the context windows of what an earlier one found."""
    return request.path == USAGE and first(request, "speeds[]") is not None


def of_width(width: str) -> Callable[[Request], bool]:
    """Return a test for the first kind of usage request in buckets of `width`."""
    return lambda request: (
        request.path == USAGE
        and not is_lengths(request)
        and first(request, "bucket_width") == width
    )


def with_limit(request: Request, limit: int | None) -> Request:
    """Return the request with another page size."""
    if limit is None:
        return request
    query = [(name, str(limit) if name == "limit" else value) for name, value in request.query]
    return replace(request, query=query)


def reply(body: object, status: int = 200, **headers: str) -> Response:
    """Make an answer of JSON, or of bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, raw, {"content-type": "application/json"} | named)


def refuse(status: int, kind: str = "invalid_request_error", message: str = "no") -> Response:
    """Make an error as the API words them."""
    return reply({"type": "error", "error": {"type": kind, "message": message}}, status)


def tamper(
    api: LoopbackAPI,
    change: Callable[[Request, dict[str, Any]], object],
    *,
    only: Callable[[Request], bool] = lambda _: True,
    limit: int | None = None,
) -> None:
    """Let the API cut its pages at `limit`, and change its decoded answers to requests that `only` lets through.

    `change` edits the answer in place and returns None, or returns what to send: JSON or a Response.
    """

    def intercept(request: Request, _: int) -> Response | None:
        if not only(request):
            return None
        response = api.answer(with_limit(request, limit))
        answer = json.loads(response.body)
        changed = change(request, answer)
        if isinstance(changed, Response):
            return changed
        return reply(answer if changed is None else changed, response.status)

    api.intercept = intercept


@contextmanager
def raw_server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Yield the URL of a TCP server that hands every connection to `serve`, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with suppress(OSError):
            serve(connection)
        connection.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def down(request: Request, _: int) -> Response | None:
    """An API that tells no usage; which organization it is, it does."""
    return None if request.path == ME else refuse(400, message="not now")
