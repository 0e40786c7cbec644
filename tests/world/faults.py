"""The faults that an API can have, as data, and a server that has them: each meets each request of a run.

`python -m tests.world.faults` prints tests/FAULTS.md.
"""

import gc
import gzip
import io
import json
import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from email.utils import format_datetime
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import httpx

from budget_gate.cli import main
from budget_gate.domain.prices.book import PriceBook
from budget_gate.reading import spend
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http import transport
from tests.helpers.paths import TESTS
from tests.helpers.serving import (
    ME,
    USAGE,
    WORKSPACES,
    first,
    groups,
    is_lengths,
    raw_server,
    reply,
    with_limit,
)
from tests.world.billing import Charge, bill_of, billed, code_execution, session_usage
from tests.world.loopback import (
    DEFAULT_WORKSPACE_ID,
    USAGE_REPORT,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.loopback_costs import COST, COST_REPORT
from tests.world.loopback_costs import USAGE as USAGE_ANALYTICS
from tests.world.oracle import EVERY_DIMENSION, KNOWN_ORG_SCOPED, Usage, total

TABLE = TESTS / "FAULTS.md"
# As long as a real one, so that a message which is cut to a length cannot hide that it shows a part.
KEY = "sk-ant-admin01-EXAMPLE-" + "".join(f"NOT-A-KEY-{number:03}-" for number in range(6)) + "END"
# Early in a month and in a day, so that a run is short: seven full days, and seven hours of today.
NOW = datetime(2026, 11, 8, 6, 37, 30, tzinfo=UTC)
REFRESHED_AT = datetime(2026, 11, 8, 6, 25, tzinfo=UTC)
# Of a run that meets slowness, of the same one where a busy machine did not come to the rest of it in time, and of
# all others, where it decides nothing.
DEADLINE, LONGER_DEADLINE, FAR_DEADLINE = 2.0, 8.0, 60.0
# From the first request that the server sees to the end of the run: far beyond either deadline, for a busy machine,
# and far below the minute that a request waits which knows of none.
ANSWERED_WITHIN = 15.0
MOST_BYTES = 256 * 1024
ALWAYS = 1_000_000

Scenario = Literal[
    "direct",
    "speed refused",
    "by organization",
    "billed",
    "billed by cost report",
    "with history",
    "with a last report",
    "read-only",
]
# A wire fault does with the connection what it wants, and returns whether to keep it.
Wire = Callable[[socket.socket], bool | None]
Change = Callable[[dict[str, Any]], object]


# What is true: more is spent than the cap by one cent, so that whatever is lost on the way falls below it.

PRODUCTION = Workspace("wrkspc_01EXAMPLEPROD", "production")
_LISTED = [
    Workspace("wrkspc_01EXAMPLEALPHA", "alpha"),
    Workspace("wrkspc_01EXAMPLEBETA", "beta"),
    PRODUCTION,
    Workspace("wrkspc_01EXAMPLEOLD", "old", "2026-11-05T08:00:00Z"),
]
_MONTH = NOW.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _usage(at: datetime) -> list[Usage]:
    """Make usage whose price needs every dimension, worth some dollars."""
    return [
        Usage(
            at,
            PRODUCTION.id,
            "claude-opus-5-5",
            speed="fast",
            uncached=1_000_000,
            output=200_000,
            write_1h=100_000,
        ),
        Usage(
            at,
            PRODUCTION.id,
            "claude-haiku-5-5",
            context_window="200k-1M",
            uncached=9_000_000,
            output=900_000,
        ),
        Usage(at, None, "claude-sonnet-5-5", service_tier="batch", inference_geo="us", uncached=1),
        Usage(at, _LISTED[3].id, "claude-sonnet-5-5", read=3_000_000, output=70_001),
    ]


_DAYS = [_MONTH + timedelta(days=day, hours=9) for day in range(NOW.day - 1)]
_HOURS = [NOW.replace(hour=hour, minute=5) for hour in range(NOW.hour + 1)]
# Before the month, and no part of what is true of it.
_BEFORE = [_MONTH - timedelta(days=day, hours=-9) for day in range(1, 22)]
ORGANIZATION = Organization(
    [usage for at in _BEFORE + _DAYS + _HOURS for usage in _usage(at)], _LISTED
)
KNOWN: dict[Scenario, frozenset[str]] = {
    "direct": EVERY_DIMENSION,
    "speed refused": EVERY_DIMENSION - {"speed"},
    "by organization": KNOWN_ORG_SCOPED,
    "billed": EVERY_DIMENSION,
    "billed by cost report": EVERY_DIMENSION,
    "with history": EVERY_DIMENSION,
    "with a last report": EVERY_DIMENSION,
    "read-only": EVERY_DIMENSION,
}
BILLED: tuple[Scenario, ...] = ("billed", "billed by cost report")
CLOSED_DAYS = len(_DAYS)
# Each day costs less than at list price, so that one which is not settled yet is not below the truth. The last full day
# costs the same: one route settles it before the other.
BILL: list[Charge] = [
    *(
        charge if charge.day < _DAYS[-1].date() else replace(charge, usd=charge.list_usd)
        for charge in bill_of(ORGANIZATION, discount=Fraction(1, 10))
    ),
    *(code_execution(at.date(), PRODUCTION.id, Fraction(1, 4)) for at in _DAYS[:-1]),
    *(session_usage(at.date(), None, Fraction(1, 8)) for at in _DAYS[:-1]),
]


def _spent(
    scenario: Scenario,
    settled: int,
    known: frozenset[str],
    workspaces: Collection[str | None],
) -> tuple[Fraction, Fraction]:
    """Return the bounds of what some workspaces spent, the first `settled` days as billed where that is asked for."""
    through = _MONTH + timedelta(days=settled if scenario in BILLED else 0)
    usage = [it for it in ORGANIZATION.usage if it.workspace in workspaces and it.at >= through]
    charges = [charge for charge in BILL if charge.workspace in workspaces]
    low, high = total(usage, known)
    bill = billed(charges, _MONTH.date(), through.date()).overall
    return low + bill, high + bill


_EVERYWHERE = (None, *(workspace.id for workspace in _LISTED))


@cache
def truth(scenario: Scenario, settled: int = CLOSED_DAYS) -> tuple[Fraction, Fraction]:
    """Return the exact bounds of the month, as well as the routes of a scenario can tell them."""
    return _spent(scenario, settled, KNOWN[scenario], _EVERYWHERE)


@cache
def production(scenario: Scenario) -> Fraction:
    """Return what the one workspace that has a cap spent at least."""
    return _spent(scenario, CLOSED_DAYS, KNOWN[scenario], (PRODUCTION.id,))[0]


@cache
def caps(scenario: Scenario) -> tuple[str, str]:
    """Return the caps of the organization and of the workspace: a cent below what surely was spent."""
    overall, workspace = truth(scenario)[0], production(scenario)
    return f"{float(overall) - 0.01:.6f}", f"{float(workspace) - 0.01:.6f}"


@cache
def policy(scenario: Scenario) -> str:
    """Write the policy of a scenario.

    The days before the month are asked for where a forecast goes by them.
    """
    overall, workspace = caps(scenario)
    basis = "billed" if scenario in BILLED else "list"
    outlook = "warn" if scenario == "with history" else "off"
    whose = f"organization: {ORGANIZATION.id}\n" if scenario == "with a last report" else ""
    # What a key that may not list workspaces is told of them.
    labels = f"names: {{{PRODUCTION.id}: {PRODUCTION.name}, {DEFAULT_WORKSPACE_ID}: default}}\n"
    names = labels if scenario == "read-only" else ""
    return (
        f"version: 1\n{whose}global: {{cap: {overall}, forecast: {outlook}}}\n"
        f"workspaces:\n  production: {{cap: {workspace}, forecast: {outlook}}}\n"
        f"spend: {{basis: {basis}}}\n"
        f"{names}"
    )


# The requests of a run.


@dataclass(frozen=True)
class Asked:
    """One kind of request; `kind` tells how its answer looks, `report` is that which it is a page of."""

    name: str
    scenario: Scenario
    kind: Literal[
        "usage",
        "lengths",
        "history",
        "workspaces",
        "organizations",
        "me",
        "analytics",
        "cost report",
        "usage again",
        "whose",
        "counts",
        "lengths of counts",
        "products",
    ]
    matches: Callable[[Request], bool]
    report: Callable[[Request], bool] | None = None


_BELOW = f"/v1/organizations/{ORGANIZATION.id}"
_ANALYTICS, _COST_REPORT, _COUNTS = (
    f"/v1/organizations/{route}" for route in (COST, COST_REPORT, USAGE_ANALYTICS)
)
# How much a page holds where there are to be several: 22 of 42 rows, so that a day stands on two, or some buckets.
_PAGE_SIZES = {WORKSPACES: 2, _ANALYTICS: 22, _COUNTS: 15}
_PAGE_SIZE = 4


def is_history(request: Request) -> bool:
    """Whether a request asks for the usage of days before the month."""
    start = first(request, "starting_at")
    return (
        request.path.endswith("/usage_report/messages")
        and start is not None
        and datetime.fromisoformat(start) < _MONTH
    )


def _matcher(
    path: str,
    width: str | None = None,
    *,
    page: int = 0,
    lengths: bool = False,
    history: bool = False,
) -> Callable[[Request], bool]:
    def matches(request: Request) -> bool:
        cursor = first(request, "page") or first(request, "after_id")
        return (
            request.path == path
            and (width is None or first(request, "bucket_width") == width)
            and is_lengths(request) == lengths
            and is_history(request) == history
            and (page == 0 or (cursor is None) == (page == 1))
        )

    return matches


def _counted(by: str, *, page: int = 0) -> Callable[[Request], bool]:
    """Whether a request asks the usage analytics for full days by that dimension, and for that page."""

    def matches(request: Request) -> bool:
        return (
            request.path == _COUNTS
            and first(request, "time_bucket_width") == "1d"
            and by in groups(request)
            and (page == 0 or (first(request, "page") is None) == (page == 1))
        )

    return matches


def _asked() -> Iterator[Asked]:
    pages = (("page 1", 1), ("page n", 2))
    for span, width in (("full days", "1d"), ("today", "1h")):
        whole = _matcher(USAGE, width)
        for page, number in pages:
            matches = _matcher(USAGE, width, page=number)
            yield Asked(f"{span}, {page}", "direct", "usage", matches, whole)
    # The second query, by context window: its two spans and its two pages, each once.
    whole, matches = (_matcher(USAGE, "1d", page=page, lengths=True) for page in (0, 1))
    yield Asked("lengths of full days, page 1", "direct", "lengths", matches, whole)
    whole, matches = (_matcher(USAGE, "1h", page=page, lengths=True) for page in (0, 2))
    yield Asked("lengths of today, page n", "direct", "lengths", matches, whole)
    for page, number in pages:
        matches = _matcher(WORKSPACES, page=number)
        yield Asked(f"workspaces, {page}", "direct", "workspaces", matches, _matcher(WORKSPACES))
    yield Asked("me", "direct", "me", _matcher(ME))
    daily = _matcher(USAGE, "1d")
    yield Asked(
        "full days without speed",
        "speed refused",
        "usage",
        lambda request: daily(request) and "speed" not in groups(request),
    )
    matches = _matcher("/v1/organizations")
    yield Asked("organizations", "by organization", "organizations", matches)
    for span, width in (("full days", "1d"), ("today", "1h")):
        matches = _matcher(f"{_BELOW}/usage_report/messages", width)
        yield Asked(f"{span} by organization", "by organization", "usage", matches)
    matches = _matcher(f"{_BELOW}/workspaces")
    yield Asked("workspaces by organization", "by organization", "workspaces", matches)
    for page, number in pages:
        matches = _matcher(_ANALYTICS, page=number)
        yield Asked(f"billed cost, {page}", "billed", "analytics", matches, _matcher(_ANALYTICS))
    whole = _matcher(_COST_REPORT)
    for page, number in pages:
        matches = _matcher(_COST_REPORT, page=number)
        yield Asked(f"cost report, {page}", "billed by cost report", "cost report", matches, whole)
    matches = _matcher(USAGE, "1d", history=True)
    yield Asked("days before the month", "with history", "history", matches)
    again: Scenario = "with a last report"
    yield Asked("full days with a last report", again, "usage again", _matcher(USAGE, "1d"))
    yield Asked("me where the policy names it", again, "whose", _matcher(ME))
    for page, number in pages:
        matches, whole = _counted("speed", page=number), _counted("speed")
        yield Asked(f"full days of analytics, {page}", "read-only", "counts", matches, whole)
    matches = _counted("context_window")
    yield Asked("lengths of analytics", "read-only", "lengths of counts", matches)
    yield Asked("products of analytics", "read-only", "products", _counted("product"))


REQUESTS = {asked.name: asked for asked in _asked()}


# The faults.


@dataclass(frozen=True)
class Hit:
    """A request that meets a fault, and the true answer to it; `ask` gives that to any other."""

    request: Request
    response: Response
    ask: Callable[[Request], Response]

    @property
    def body(self) -> dict[str, Any]:
        """The true answer, decoded."""
        decoded: dict[str, Any] = json.loads(self.response.body)
        return decoded


@dataclass(frozen=True)
class Fault:
    """A fault: what it does, to which requests, and which exit codes are right then.

    `codes` are those of requests by their name or kind, where they are not 3. `passes`: another
    try may not meet it, so that one is ridden out. `patience` is how long a request may take.
    `settled` is how many days the bill is about, as far as the fault lets that be known.
    """

    name: str
    group: str
    act: Callable[[Hit], Response | Wire]
    requests: tuple[str, ...]
    codes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    passes: bool = False
    patience: float = 60.0
    settled: int = CLOSED_DAYS

    @property
    def is_slow(self) -> bool:
        """Whether a run that meets it at every try lasts to its deadline."""
        return self.group == "Slowness"

    def codes_for(self, request: str) -> tuple[int, ...]:
        """Return the exit codes that are right where every try of a request meets the fault."""
        kind = REQUESTS[request].kind
        usual = (1,) if kind in NO_PART else (3,)
        return self.codes.get(request) or self.codes.get(kind) or self.codes.get("*") or usual


# Asked for in other scenarios too: only a last report or the policy shows what is wrong with them here.
AGAIN = tuple(it.name for it in REQUESTS.values() if it.kind in ("usage again", "whose"))
ALL = tuple(name for name in REQUESTS if name not in AGAIN)
# What these tell is no part of a verdict: it is a note where it cannot be had.
NO_PART = ("me", "history")
_ECHO = {"request-id": KEY, "x-api-key": KEY, "set-cookie": f"key={KEY}"}
_RIGHT = {"*": (1,)}
# Where the first page of the analytics is refused in one of these ways, the cost report tells the same.
_REFUSALS = (400, 403, 404)
_FALLS_BACK = {"billed cost, page 1": (1,)}
# Where these alone are too large, shorter spans are asked for, and days by hour: they tell the same.
_IN_PARTS = dict.fromkeys(
    (
        "full days, page 1",
        "full days, page n",
        "today, page n",
        "lengths of full days, page 1",
        "lengths of today, page n",
        "full days without speed",
        "full days by organization",
    ),
    (1,),
)


def _of(*kinds: str) -> tuple[str, ...]:
    return tuple(name for name, asked in REQUESTS.items() if asked.kind in kinds)


def _answers(body: bytes, status: int = 200, **headers: str) -> Callable[[Hit], Response]:
    """Answer with that body in place of the true one, and echo the key in headers."""
    response = reply(body, status, **headers)
    answer = Response(status, body, _ECHO | response.headers)
    return lambda _: answer


def _error(status: int, **headers: str) -> Callable[[Hit], Response]:
    error = {"type": "error", "error": {"type": "api_error", "message": f"no, not with {KEY}"}}
    return _answers(b"" if status in (204, 304) else json.dumps(error).encode(), status, **headers)


def _edits(change: Change) -> Callable[[Hit], Response]:
    """Change the decoded true answer in place, or return another from `change`."""

    def act(hit: Hit) -> Response:
        if hit.response.status != 200:
            return hit.response
        body: object = hit.body
        try:
            changed = change(body)  # type: ignore[arg-type]
        except IndexError:
            # No row is there to be wrong: what came before leaves the page empty.
            return hit.response
        # NaN and the like stay as they are: json writes what it was given.
        return reply(json.dumps(body if changed is None else changed).encode())

    return act


def _with_headers(**headers: str) -> Callable[[Hit], Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda hit: Response(200, hit.response.body, hit.response.headers | named)


def _date(skew: timedelta = timedelta(0)) -> str:
    return format_datetime(NOW + skew, usegmt=True)


def encode(response: Response, **lengths: str) -> bytes:
    """Return an answer as it goes over the wire; `lengths` replace its content-length."""
    headers = {"content-type": "application/json", "date": _date()}
    headers |= response.headers
    if not lengths:
        lengths = {"content-length": str(len(response.body))}
    lines = [f"HTTP/1.1 {response.status} Any"]
    lines += [f"{name}: {value}" for name, value in (headers | lengths).items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body


def _sends(make: Callable[[bytes, bytes], bytes], *, reset: bool = False) -> Callable[[Hit], Wire]:
    """Send what `make` makes of the true head and body, and end the connection."""

    def act(hit: Hit) -> Wire:
        def wire(connection: socket.socket) -> None:
            head, _, body = encode(hit.response).partition(b"\r\n\r\n")
            connection.sendall(make(head + b"\r\n\r\n", body))
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        return wire

    return act


def _keeps(make: Callable[[Response], bytes]) -> Callable[[Hit], Wire]:
    """Send what `make` makes of the true answer, and keep the connection."""

    def act(hit: Hit) -> Wire:
        def wire(connection: socket.socket) -> bool:
            connection.sendall(make(hit.response))
            return True

        return wire

    return act


def _drips(interval: float, piece: Callable[[bytes, bytes, int], bytes]) -> Callable[[Hit], Wire]:
    """Send the n-th piece of the true head and body every `interval` seconds until the client leaves."""

    def act(hit: Hit) -> Wire:
        def wire(connection: socket.socket) -> None:
            head, _, body = encode(hit.response).partition(b"\r\n\r\n")
            number = 0
            while True:
                connection.sendall(piece(head + b"\r\n\r\n", body, number))
                number += 1
                connection.settimeout(interval)
                with suppress(TimeoutError):
                    if not connection.recv(1):
                        return

        return wire

    return act


def _with_length(length: str) -> Callable[[bytes, bytes], bytes]:
    return lambda head, body: _replaced(head, length) + body


def _replaced(head: bytes, length: str) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(
        f"content-length: {length}".encode() if line.startswith(b"content-length") else line
        for line in lines
    )


def _chunked(head: bytes, chunks: bytes) -> bytes:
    return (
        b"\r\n".join(
            b"transfer-encoding: chunked" if line.startswith(b"content-length") else line
            for line in head.split(b"\r\n")
        )
        + chunks
    )


@cache
def bomb(layers: int, size: int) -> bytes:
    """Return `size` MiB of spaces, compressed `layers` times as gzip without an end."""
    data = b" " * 2**20
    for layer in range(layers):
        packer = zlib.compressobj(9, wbits=31)
        if layer:
            data = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
        else:
            # The same flushed block over and over is a stream as good as any.
            start = packer.compress(b" ") + packer.flush(zlib.Z_FULL_FLUSH)
            data = start + (packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)) * size
    return data


def _statuses() -> Iterator[Fault]:
    for status in (400, 401, 403, 404, 999):
        codes = _FALLS_BACK if status in _REFUSALS else {}
        yield Fault(f"status {status}", "Statuses", _error(status), ALL, codes)
    for status in (408, 409, 429, 500, 504, 529):
        yield Fault(f"status {status}", "Statuses", _error(status), ALL, passes=True)
    yield Fault("status 204", "Statuses", _error(204), ALL)
    yield Fault(
        "status 206 with the true answer",
        "Statuses",
        lambda hit: Response(206, hit.response.body, hit.response.headers),
        ALL,
    )
    for status in (301, 302, 304, 307, 308):
        to = f"http://127.0.0.1:9/{KEY}"
        yield Fault(f"status {status} to elsewhere", "Statuses", _error(status, location=to), ALL)
    yield Fault(
        "status 302 to itself",
        "Statuses",
        lambda hit: Response(302, hit.response.body, {"location": hit.request.path}),
        ALL,
    )
    yield Fault("status 302 to nowhere", "Statuses", _error(302, location="http://[::1"), ALL)
    yield Fault("status 429, retry after an hour", "Statuses", _error(429, retry_after="3600"), ALL)
    yield Fault(
        "status 429, retry after no time",
        "Statuses",
        _error(429, retry_after="Mon, soon"),
        ALL,
        passes=True,
    )
    yield Fault(
        "status 429, retry after a moment",
        "Statuses",
        _error(429, retry_after="0.05"),
        ALL,
        passes=True,
    )
    yield Fault(
        "status 400, to be tried again",
        "Statuses",
        _error(400, x_should_retry="true"),
        ALL,
        _FALLS_BACK,
        passes=True,
    )
    yield Fault(
        "status 500, not to be tried again", "Statuses", _error(500, x_should_retry="false"), ALL
    )
    yield Fault(
        "status 500 with the true answer",
        "Statuses",
        lambda hit: Response(500, hit.response.body, hit.response.headers),
        ALL,
        passes=True,
    )


def _bodies() -> Iterator[Fault]:
    html = f"<html><body>Sign in, {KEY}</body></html>".encode()
    page = partial(_answers, content_type="text/html")
    yield Fault("HTML", "Bodies", page(html), ALL)
    yield Fault("HTML of a proxy in trouble", "Bodies", page(html, 502), ALL, passes=True)
    yield Fault("HTML that refuses", "Bodies", page(html, 403), ALL, _FALLS_BACK)
    bodies: dict[str, bytes] = {
        "empty": b"",
        "no JSON": KEY.encode(),
        "JSON null": b"null",
        "JSON list": b"[]",
        "JSON object without anything": b"{}",
        "`data` is null": b'{"data": null, "has_more": false}',
        "`data` is an object": b'{"data": {}, "has_more": false}',
        "`data` holds texts": json.dumps({"data": [KEY], "has_more": False}).encode(),
        "`data` holds empty objects": b'{"data": [{}], "has_more": false}',
        "deeply nested": b"[" * 100_000 + b"]" * 100_000,
        "a number of 9000 digits": b'{"data": ' + b"9" * 9_000 + b"}",
    }
    for name, body in bodies.items():
        yield Fault(name, "Bodies", _answers(body), ALL)

    def cut(hit: Hit) -> Response:
        return reply(hit.response.body[: len(hit.response.body) // 2])

    yield Fault("the first half of the JSON", "Bodies", cut, ALL)
    yield Fault("all but the last byte", "Bodies", lambda hit: reply(hit.response.body[:-1]), ALL)
    yield Fault("the JSON twice", "Bodies", lambda hit: reply(hit.response.body * 2), ALL)

    def twice(hit: Hit) -> Response:
        (key, _), *_rest = json.loads(hit.response.body).items()
        return reply(b'{"%b": null, ' % key.encode() + hit.response.body.lstrip()[1:])

    yield Fault("the first key twice, the last as it should be", "Bodies", twice, ALL)
    yield Fault(
        "UTF-16", "Bodies", lambda hit: reply(hit.response.body.decode().encode("utf-16")), ALL
    )
    yield Fault(
        "oversized",
        "Bodies",
        lambda hit: reply(b" " * MOST_BYTES + hit.response.body),
        ALL,
        _IN_PARTS,
    )
    yield Fault(
        "endless",
        "Bodies",
        _drips(
            0.001,
            lambda head, _, n: (
                (b"" if n else _chunked(head, b"")) + b"4000\r\n" + b" " * 2**14 + b"\r\n"
            ),
        ),
        ALL,
        _IN_PARTS,
    )


def _compressions() -> Iterator[Fault]:
    packed: Callable[[bytes], bytes] = partial(gzip.compress, mtime=0)

    def with_gzip(hit: Hit) -> Response:
        headers = hit.response.headers | {"content-encoding": "gzip"}
        return Response(200, packed(hit.response.body), headers)

    def cut(hit: Hit) -> Response:
        whole = with_gzip(hit)
        return Response(200, whole.body[: len(whole.body) // 2], whole.headers)

    group = "Compression"
    yield Fault("gzip as it should be", group, with_gzip, ALL, _RIGHT)
    yield Fault("gzip cut short", group, cut, ALL)
    for coding in ("gzip", "deflate", "x-unknown"):
        named = f"not {coding}, though it says so"
        act = _answers(b"\x1f\x8bnot compressed", content_encoding=coding)
        yield Fault(named, group, act, ALL, passes=coding == "gzip")
    for layers in (1, 2):
        coding = ", ".join(["gzip"] * layers)
        act = _answers(bomb(layers, 48), content_encoding=coding)
        # What is packed twice is not unpacked at all.
        yield Fault(f"bomb, compressed {('once', 'twice')[layers - 1]}", group, act, ALL)


def _connections() -> Iterator[Fault]:
    group = "Connections"
    passing: dict[str, Callable[[Hit], Wire]] = {
        "reset before the answer": _sends(lambda *_: b"", reset=True),
        "reset inside the head": _sends(lambda head, _: head[:40], reset=True),
        "reset inside the body": _sends(lambda head, body: head + body[:40], reset=True),
        "closed before the answer": _sends(lambda *_: b""),
        "closed inside the head": _sends(lambda head, _: head[:40]),
        "closed inside the body": _sends(lambda head, body: head + body[:-1]),
        "content-length too long": _sends(
            lambda head, body: _replaced(head, str(len(body) + 7)) + body
        ),
        "content-length negative": _sends(_with_length("-1")),
        "content-length no number": _sends(_with_length(KEY)),
        "two content-lengths": _sends(
            lambda head, body: head[:-2] + b"content-length: 1\r\n\r\n" + body
        ),
        "chunks cut short": _sends(
            lambda head, body: _chunked(head, b"%x\r\n%b\r\n" % (len(body), body))
        ),
        "chunk of no size": _sends(lambda head, body: _chunked(head, b"wide\r\n" + body)),
        "no HTTP": _sends(lambda *_: b"SSH-2.0-" + KEY.encode() + b"\r\n"),
        "noise": _sends(lambda *_: bytes(range(256)) * 4),
        "head without an end": _sends(lambda head, _: head[:-2] + b"x: " + b"y" * 300_000),
    }
    for name, act in passing.items():
        yield Fault(name, group, act, ALL, passes=True)
    yield Fault(
        "content-length too short",
        group,
        _sends(lambda head, body: _replaced(head, str(len(body) - 1)) + body),
        ALL,
    )
    # The client cannot know that a further answer on the connection is to no question: what it
    # takes for the next answer must give itself away, or the number is right.
    either = {"*": (1, 2, 3)}
    yield Fault("the answer sent twice", group, _keeps(lambda true: encode(true) * 2), ALL, either)
    yield Fault(
        "an empty report sent after the answer",
        group,
        _keeps(lambda true: encode(true) + encode(reply({"data": [], "has_more": False}))),
        ALL,
        either,
    )


def _slowness() -> Iterator[Fault]:
    group = "Slowness"

    def at(data: bytes, number: int) -> bytes:
        return data[number : number + 1]

    slow: dict[str, Callable[[Hit], Wire]] = {
        "silence": _drips(60, lambda *_: b""),
        "silence inside the head": _drips(60, lambda head, _, n: b"" if n else head[:40]),
        "silence inside the body": _drips(60, lambda head, body, n: b"" if n else head + body[:40]),
        "one byte a second": _drips(1, lambda head, body, n: at(head + body, n)),
        "one byte of the body a second": _drips(
            1, lambda head, body, n: at(body, n) if n else head
        ),
        "a hundred bytes of the body a second": _drips(
            0.01, lambda head, body, n: b" " if n else _replaced(head, str(len(body) + 10_000))
        ),
        "endless interim answers": _drips(0.01, lambda *_: b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        "endless headers": _drips(
            0.01, lambda head, _, n: f"x-{n}: {KEY}\r\n".encode() if n else head[:-2]
        ),
    }
    for name, act in slow.items():
        passes = "silence" in name
        yield Fault(name, group, act, ALL, passes=passes, patience=0.5 if passes else 60.0)


# Tampered reports.


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of every bucket, or those of an answer without buckets."""
    return [row for bucket in body["data"] for row in bucket.get("results", [bucket])]


def _each_row(change: Change) -> Callable[[Hit], Response]:
    def apply(body: dict[str, Any]) -> None:
        for row in _rows(body):
            change(row)

    return _edits(apply)


def _first_row(change: Change) -> Callable[[Hit], Response]:
    return _edits(lambda body: change(_rows(body)[0]) and None)


def _set(name: str, value: object) -> Change:
    """Set a count of a row, whatever it is called on the route."""

    def change(row: dict[str, Any]) -> None:
        other = {"uncached_input_tokens": "input_tokens"}.get(name, name)
        row[name if name in row else other] = value

    return change


def _drop(*names: str) -> Change:
    def change(row: dict[str, Any]) -> None:
        for name in names:
            row.pop(name, None)

    return change


def _instead(row: object) -> Change:
    """Put something else in place of the first row, or of all in its bucket."""

    def change(body: dict[str, Any]) -> None:
        if "results" in body["data"][0]:
            body["data"][0].update(results=[row])
        else:
            body["data"][0] = row

    return change


def _shape_faults() -> Iterator[Fault]:
    group = "Shapes of reports"
    in_buckets = _of("usage", "lengths", "history", "cost report")
    buckets: dict[str, Change] = {
        "`results` is null": lambda body: body["data"][0].update(results=None),
        "`results` is missing": lambda body: body["data"][0].pop("results") and None,
        "`results` is an object": lambda body: body["data"][0].update(results={}),
    }
    shapes: dict[str, Change] = {
        "`data` is missing": _drop("data"),
        **buckets,
        "a row is null": _instead(None),
        "a row is a list": _instead([]),
        "a row is text": _instead(KEY),
        "a row is empty": _instead({}),
        "`has_more` is missing": _drop("has_more"),
        "`has_more` is null": lambda body: body.update(has_more=None),
        "`has_more` is text": lambda body: body.update(has_more="false"),
        "`has_more` is 0": lambda body: body.update(has_more=0),
    }
    for name, change in shapes.items():
        where = in_buckets if name in buckets else in_buckets + _of("analytics")
        yield Fault(name, group, _edits(change), where)


def _count_faults(usage: tuple[str, ...]) -> Iterator[Fault]:
    group = "Counts"
    counts: dict[str, object] = {
        "-1": -1,
        "10^18": 10**18,
        "10^300": 10**300,
        "a fraction": 0.5,
        "a float": 1000.0,
        "NaN": float("nan"),
        "infinite": float("inf"),
        "text": "1000",
        "the key": KEY,
        "true": True,
        "a list": [KEY],
        "null": None,
    }
    for name, value in counts.items():
        act = _first_row(_set("uncached_input_tokens", value))
        yield Fault(f"input is {name}", group, act, usage)
    for name in ("text", "-1", "null", "a float"):
        act = _first_row(_set("output_tokens", counts[name]))
        yield Fault(f"output is {name}", group, act, usage)
    for name in ("text", "-1", "a float"):
        act = _first_row(_set("cache_read_input_tokens", counts[name]))
        yield Fault(f"cache reads are {name}", group, act, usage)
    rows: dict[str, Change] = {
        "input is missing": _drop("uncached_input_tokens", "input_tokens"),
        "input stands twice": lambda row: row.update(uncached_input_tokens=1, input_tokens=1),
        "output is missing": _drop("output_tokens"),
        "cache writes are a number": lambda row: row.update(cache_creation=7),
        "cache writes are a list": lambda row: row.update(cache_creation=[]),
        "cache writes are negative": lambda row: row.update(
            cache_creation={"ephemeral_5m_input_tokens": -1}
        ),
        "cache writes of nothing beside a total": lambda row: row.update(
            cache_creation={"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            cache_creation_input_tokens=7,
        ),
        "cache writes are null beside a total of another name": lambda row: row.update(
            cache_creation=None, cache_creation_total="7"
        ),
        "cache writes of a new kind": lambda row: row.update(
            cache_creation={"ephemeral_1d_input_tokens": 5}
        ),
        "cache writes of a kind named by the key": lambda row: row.update(cache_creation={KEY: 5}),
        "cache writes stand twice": lambda row: row.update(
            cache_creation={"ephemeral_5m_input_tokens": 1}, cache_creation_input_tokens=1
        ),
        "searches are text": lambda row: row.update(
            server_tool_use={"web_search_requests": "many"}
        ),
        "a tool of a new kind": lambda row: row.update(server_tool_use={"robot_requests": 5}),
        "tokens of a new kind": lambda row: row.update(thinking_tokens=5),
        "tokens of a kind named by the key": lambda row: row.update({KEY: 5}),
        "a nested count of a new kind": lambda row: row.update(extra={"tokens": 5}),
    }
    for name, change in rows.items():
        yield Fault(name, group, _first_row(change), usage)


def _dimension_faults(usage: tuple[str, ...]) -> Iterator[Fault]:
    group = "Dimensions"
    for value, told in {"a number": 7, "empty": ""}.items():
        for name in ("model", "workspace_id", "service_tier"):
            yield Fault(f"{name} is {value}", group, _first_row(_set(name, told)), usage)
    unpriced: dict[str, Change] = {
        "model is null": _set("model", None),
        "model is missing": _drop("model"),
        "model is unknown": _set("model", "claude-next-9"),
        "model is the key": _set("model", KEY),
        "service_tier is null": _set("service_tier", None),
        "service_tier is missing": _drop("service_tier"),
        "service_tier is unknown": _set("service_tier", "express"),
        "service_tier is the key": _set("service_tier", KEY),
        "inference_geo is unknown": _set("inference_geo", "moon"),
        "workspace is another in the second query": _set("workspace_id", "wrkspc_01EXAMPLEOTHER"),
    }
    for name, change in unpriced.items():
        where = _of("lengths") if "second query" in name else usage
        yield Fault(name, group, _first_row(change), where)
    resolved = tuple(name for name in usage if REQUESTS[name].scenario == "direct")
    for dimension, where in {
        "inference_geo": resolved,
        "speed": tuple(name for name in _of("usage") if name in resolved),
        "context_window": _of("lengths"),
    }.items():
        for how, change in {
            "null": _set(dimension, None),
            "missing": _drop(dimension),
            "unknown": _set(dimension, "odd"),
        }.items():
            name = f"{dimension} is {how}, though asked for"
            yield Fault(name, group, _each_row(change), where)
    missing = "workspace_id is missing, though asked for"
    yield Fault(missing, group, _each_row(_drop("workspace_id")), resolved)
    unasked: dict[str, Change] = {
        "a dimension never asked for": _set("api_key_id", "apikey_01EXAMPLE"),
        "a dimension that is new": _set("region", "somewhere"),
    }
    for name, change in unasked.items():
        yield Fault(name, group, _each_row(change), usage, _RIGHT)
    yield Fault("a number for a dimension that is new", group, _each_row(_set("region", 7)), usage)

    def halved(body: dict[str, Any]) -> None:
        for bucket in body["data"]:
            for row in list(bucket["results"]):
                name = "uncached_input_tokens" if "uncached_input_tokens" in row else "input_tokens"
                half = {key: 0 if key.endswith("_tokens") else row[key] for key in row}
                half |= {name: row[name] // 2, "api_key_id": "apikey_01EXAMPLE"}
                half |= dict.fromkeys({"cache_creation", "server_tool_use"} & row.keys())
                row[name] -= half[name]
                bucket["results"].append(half)

    yield Fault("rows split by a dimension never asked for", group, _edits(halved), usage, _RIGHT)


def _bucket(start: str, end: str) -> dict[str, Any]:
    return {"starting_at": start, "ending_at": end, "results": []}


def _moved(bucket: dict[str, Any], by: timedelta, *names: str) -> None:
    for name in names or ("starting_at", "ending_at"):
        moved = datetime.fromisoformat(bucket[name]) + by
        bucket[name] = f"{moved:%Y-%m-%dT%H:%M:%SZ}"


def _bucket_faults(reports: tuple[str, ...]) -> Iterator[Fault]:
    group = "Buckets"
    half = timedelta(minutes=30)

    def one_more(body: dict[str, Any]) -> None:
        following = json.loads(json.dumps(body["data"][-1]))
        width = datetime.fromisoformat(following["ending_at"]) - datetime.fromisoformat(
            following["starting_at"]
        )
        _moved(following, width)
        body["data"].append(following)

    def last_year(body: dict[str, Any]) -> None:
        for bucket in body["data"]:
            _moved(bucket, timedelta(days=-365))

    def split(body: dict[str, Any]) -> None:
        body["data"].insert(1, json.loads(json.dumps(body["data"][1])))
        _moved(body["data"][1], -half, "ending_at")

    buckets: dict[str, Change] = {
        "the first is missing": lambda body: body["data"].pop(0) and None,
        "one in the middle is missing": lambda body: body["data"].pop(2) and None,
        "the last is missing": lambda body: body["data"].pop() and None,
        "all are missing": lambda body: body.update(data=[], has_more=False),
        "one is doubled": lambda body: body["data"].insert(2, body["data"][2]),
        "all are doubled": lambda body: body["data"].extend(list(body["data"])),
        "two are swapped": lambda body: body["data"].insert(0, body["data"].pop(1)),
        "all are reversed": lambda body: body["data"].reverse(),
        "one overlaps the next": lambda body: _moved(body["data"][1], half, "ending_at"),
        "one overlaps the one before": lambda body: _moved(body["data"][1], -half, "starting_at"),
        "one ends early": lambda body: _moved(body["data"][1], -half, "ending_at"),
        "one starts late": lambda body: _moved(body["data"][1], half, "starting_at"),
        "one has no length": lambda body: body["data"][1].update(
            ending_at=body["data"][1]["starting_at"]
        ),
        "one ends before it starts": lambda body: _moved(
            body["data"][1], timedelta(days=-3), "ending_at"
        ),
        "one is of another month": lambda body: _moved(body["data"][1], timedelta(days=-31)),
        "one is of another year": lambda body: _moved(body["data"][1], timedelta(days=-365)),
        "all are of another year": last_year,
        "one of another month comes first": lambda body: body["data"].insert(
            0, _bucket("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z")
        ),
        "one is split in two": split,
        "one more comes last": one_more,
        "a time is local": lambda body: body["data"][1].update(
            starting_at=body["data"][1]["starting_at"].removesuffix("Z")
        ),
        "a time is a number": lambda body: body["data"][1].update(starting_at=1_793_491_200),
        "a time is the key": lambda body: body["data"][1].update(starting_at=KEY),
        "a time is null": lambda body: body["data"][1].update(ending_at=None),
        "a time is missing": lambda body: body["data"][1].pop("ending_at") and None,
        "a time is beyond the calendar": lambda body: body["data"][1].update(
            starting_at="0001-01-01T00:00:00+23:59"
        ),
    }
    for name, change in buckets.items():
        yield Fault(name, group, _edits(change), reports)


def _cursor_faults() -> Iterator[Fault]:
    group = "Cursors"
    reports = _of("usage", "lengths", "history", "analytics", "cost report")
    paged = tuple(name for name in reports if REQUESTS[name].report)
    whole = tuple(name for name in reports if name not in paged)

    def without_cursor(body: dict[str, Any]) -> None:
        body["has_more"] = True
        body.pop("next_page", None)

    cursors: dict[str, Change] = {
        "more, but no cursor": lambda body: body.update(has_more=True, next_page=None),
        "more, but the cursor is missing": without_cursor,
        "more, but the cursor is empty": lambda body: body.update(has_more=True, next_page=""),
        "more, but the cursor is a number": lambda body: body.update(has_more=True, next_page=2),
        "more, but the cursor is a list": lambda body: body.update(has_more=True, next_page=[KEY]),
        "more, always under one cursor": lambda body: body.update(has_more=True, next_page=KEY),
        "more, on an empty page": lambda body: body.update(has_more=True, next_page="x", data=[]),
    }
    for name, change in cursors.items():
        yield Fault(name, group, _edits(change), paged + whole)
    early = tuple(name for name in paged if name.endswith("page 1"))
    no_more = _edits(lambda body: body.update(has_more=False))
    yield Fault("no more, though there is", group, no_more, early)

    def same(hit: Hit) -> Response:
        if hit.response.status != 200:
            return hit.response
        cursor = first(hit.request, "page")
        return reply(hit.body | {"has_more": True, "next_page": cursor})

    later = tuple(name for name in paged if name.endswith("page n"))
    yield Fault("the cursor that was used comes again", group, same, later)

    def again(hit: Hit) -> Response:
        query = [(name, value) for name, value in hit.request.query if name != "page"]
        answer = json.loads(hit.ask(replace(hit.request, query=query)).body)
        return reply(answer | {"has_more": False})

    yield Fault("the first page comes again", group, again, later)
    yield Fault(
        "a cursor beside no more",
        group,
        _edits(lambda body: body.update(next_page=KEY) if not body["has_more"] else None),
        paged + whole,
        _RIGHT,
    )


def _list_faults() -> Iterator[Fault]:
    group = "Lists of workspaces"
    where = _of("workspaces")
    bad: dict[str, Change] = {
        "an id is missing": lambda body: body["data"][0].pop("id") and None,
        "an id is null": lambda body: body["data"][0].update(id=None),
        "an id is a number": lambda body: body["data"][0].update(id=7),
        "an id is empty": lambda body: body["data"][0].update(id=""),
        "a name is missing": lambda body: body["data"][0].pop("name") and None,
        "a name is null": lambda body: body["data"][0].update(name=None),
        "a name is a list": lambda body: body["data"][0].update(name=[KEY]),
        "a workspace is null": lambda body: body["data"].append(None),
        "a workspace stands twice": lambda body: body["data"].append(body["data"][0]),
        "more is null": lambda body: body.update(has_more=None),
        "more is text": lambda body: body.update(has_more="true"),
        "more, but not where": lambda body: body.update(has_more=True, last_id=None),
        "more, but where is a number": lambda body: body.update(has_more=True, last_id=7),
        "more, but where is empty": lambda body: body.update(has_more=True, last_id=""),
        "more after the key": lambda body: body.update(has_more=True, last_id=KEY),
        "more, on an empty page": lambda body: body.update(has_more=True, data=[]),
        "more, in a circle": lambda body: body.update(
            has_more=True, last_id="wrkspc_01EXAMPLEALPHA"
        ),
    }
    for name, change in bad.items():
        yield Fault(name, group, _edits(change), where)
    direct = ("workspaces, page 1", "workspaces, page n")
    yield Fault("whether there is more is missing", group, _edits(_drop("has_more")), direct)
    none = _edits(_put(has_more=False))
    yield Fault(
        "that there is no more is told", group, none, ("workspaces by organization",), _RIGHT
    )
    # The policy names a workspace that such a list does not hold, or holds twice: nothing is decided.
    undecided = {"*": (2,)}
    yield Fault(
        "the list is empty", group, _answers(b'{"data": [], "has_more": false}'), where, undecided
    )
    yield Fault(
        "no more, though there is",
        group,
        _edits(lambda body: body.update(has_more=False)),
        ("workspaces, page 1",),
        undecided,
    )
    yield Fault(
        "the name of another",
        group,
        _edits(
            lambda body: body["data"].append({"id": "wrkspc_01EXAMPLETWIN", "name": "production"})
        ),
        where,
        undecided,
    )
    yield Fault(
        "a name is the key",
        group,
        _edits(
            lambda body: (
                [item.update(name=KEY) for item in body["data"] if item["name"] != "production"]
                and None
            )
        ),
        where,
        _RIGHT,
    )


def _identity_faults() -> Iterator[Fault]:
    group = "Organizations"
    lists: dict[str, object] = {
        "none": [],
        "two": [{"id": ORGANIZATION.id}, {"id": "org_01EXAMPLE"}],
        "one without an id": [{"name": KEY}],
        "one whose id is null": [{"id": None}],
        "one whose id is a number": [{"id": 7}],
        "one whose id is empty": [{"id": ""}],
        "one whose id is the key": [{"id": KEY}],
        "one whose id leads elsewhere": [{"id": "../organizations"}],
        "null": [None],
    }
    for name, data in lists.items():
        act = _answers(json.dumps({"data": data}).encode())
        yield Fault(f"the list holds {name}", group, act, ("organizations",))
    more = json.dumps({"data": [{"id": ORGANIZATION.id}], "has_more": True}).encode()
    yield Fault("the list has more", group, _answers(more), ("organizations",))
    for name, id_ in {"null": None, "a number": 7, "empty": "", "the key": KEY}.items():
        act = _answers(json.dumps({"id": id_, "type": "organization"}).encode())
        yield Fault(f"its own id is {name}", group, act, ("me",))


def _memory_faults() -> Iterator[Fault]:
    group = "Against the last report and the policy"
    lost = PRODUCTION.id

    def emptied(days: int) -> Callable[[Hit], Response]:
        return _edits(lambda body: [it["results"].clear() for it in body["data"][-days:]] and None)

    def kept(body: dict[str, Any]) -> None:
        for bucket in body["data"]:
            bucket["results"] = [it for it in bucket["results"] if it["workspace_id"] != lost]

    losses = {
        "every bucket is empty": emptied(CLOSED_DAYS),
        "the last three days are empty": emptied(3),
        "a workspace is left out": _edits(kept),
    }
    for name, act in losses.items():
        yield Fault(name, group, act, _of("usage again"))
    other = _answers(json.dumps({"id": "org_01EXAMPLE", "type": "organization"}).encode())
    yield Fault("the credential is another organization's", group, other, _of("whose"), {"*": (2,)})
    for status in (403, 404):
        yield Fault(f"whose it is, is refused by {status}", group, _error(status), _of("whose"))


# Tampered costs.


def _charge(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what tells of a row which cost it is, and what tells the amount: one in a cost report."""
    return row.get("group", row), row.get("cost", row)


def _first_of(change: Change) -> Callable[[Hit], Response]:
    return _first_row(lambda row: change(_charge(row)[0]))


def _first_amount(change: Change) -> Callable[[Hit], Response]:
    return _first_row(lambda row: change(_charge(row)[1]))


def _put(**values: object) -> Change:
    return lambda target: target.update(values)


def _amount_faults() -> Iterator[Fault]:
    group = "Amounts of billed cost"
    # How an amount is read depends neither on the page nor on much else.
    where = ("billed cost, page 1", "cost report, page n")
    amounts: dict[str, object] = {
        "a whole number": 52_799,
        "a float": 527.99,
        "NaN": float("nan"),
        "infinite": float("inf"),
        "a number of 4000 digits": 10**3_999,
        "true": True,
        "null": None,
        "a list": ["5"],
        "an object": {"cents": "5"},
        "empty": "",
        "the key": KEY,
        "text that says NaN": "NaN",
        "text that says sNaN": "sNaN",
        "text that says Infinity": "Infinity",
        "text in scientific notation": "1e3",
        "text with an exponent below 0": "52799E-2",
        "text with a plus": "+5",
        "text with a space": " 5",
        "text with a line end": "5\n",
        "text with two signs": "--5",
        "text with nothing before the point": ".5",
        "text with nothing after the point": "5.",
        "text with two points": "5.0.0",
        "text with a comma": "1,000",
        "text with an underscore": "1_000",
        "text with a currency": "$5",
        "text in digits of another script": "\u0661\u0662",
        "text in hexadecimal": "0x1F",
        "of 16 digits": "9" * 16,
        "of 300 digits": "9" * 300,
        "of 31 decimals": "5." + "0" * 30 + "1",
        "far below 0": "-99999999.99",
    }
    for name, value in amounts.items():
        yield Fault(f"an amount is {name}", group, _first_amount(_put(amount=value)), where)
    yield Fault("an amount is missing", group, _first_amount(_drop("amount")), where)

    def slightly_negative(body: dict[str, Any]) -> None:
        charges = (_charge(row) for row in _rows(body))
        next(cost for group, cost in charges if group["cost_type"] == "code_execution").update(
            amount="-0.01"
        )

    costs = _of("analytics", "cost report")
    yield Fault("a line is a hundredth of a cent below 0", group, _edits(slightly_negative), costs)

    def one_more(**told: object) -> Callable[[Hit], Response]:
        def change(body: dict[str, Any]) -> None:
            row = json.loads(json.dumps(_rows(body)[0]))
            of, cost = _charge(row)
            of.update({"cost_type": "adjustment", "model": None, "token_type": None})
            cost.update(told)
            bucket = body["data"][0]
            bucket.get("results", body["data"]).append(row)

        return _edits(change)

    yield Fault("a line below 0 is added", group, one_more(amount="-100"), costs)
    for name, value in {"0": "0", "-0": "-0.00"}.items():
        yield Fault(f"a line of {name} is added", group, one_more(amount=value), where, _RIGHT)

    def padded(cost: dict[str, Any]) -> None:
        whole, _, part = cost["amount"].partition(".")
        cost.update(amount=f"{whole:0>15}.{part:0<30}")

    yield Fault("an amount has zeros around it", group, _first_amount(padded), where, _RIGHT)
    currencies: dict[str, object] = {
        "another": "EUR",
        "in small letters": "usd",
        "empty": "",
        "null": None,
        "a number": 840,
        "a number of 4000 digits": 10**3_999,
        "a list": ["USD"],
        "the key": KEY,
    }
    for name, value in currencies.items():
        yield Fault(f"a currency is {name}", group, _first_amount(_put(currency=value)), where)
    yield Fault("a currency is missing", group, _first_amount(_drop("currency")), where)


def _charge_faults() -> Iterator[Fault]:
    group = "Rows of billed cost"
    where = ("billed cost, page 1", "cost report, page n")
    costs = _of("analytics", "cost report")
    analytics = _of("analytics")
    kinds: dict[str, object] = {"null": None, "empty": "", "a number": 7, "a list": [KEY]}
    for name, value in kinds.items():
        yield Fault(f"cost_type is {name}", group, _first_of(_put(cost_type=value)), where)
    yield Fault("cost_type is missing", group, _first_of(_drop("cost_type")), where)
    for dimension in ("workspace_id", "model", "service_tier"):
        for name, value in {"empty": "", "a number": 7, "a list": [KEY]}.items():
            act = _first_of(_put(**{dimension: value}))
            yield Fault(f"{dimension} of a cost is {name}", group, act, where)
    harmless: dict[str, Change] = {
        "model of a cost is null": _put(model=None),
        "model of a cost is missing": _drop("model"),
        "model of a cost is unknown": _put(model="claude-next-9"),
        "service_tier of a cost is null": _put(service_tier=None),
        "service_tier of a cost is missing": _drop("service_tier"),
        "service_tier of a cost is unknown": _put(service_tier="express"),
        "a cost has a dimension that is new": _put(region="somewhere"),
    }
    for name, change in harmless.items():
        yield Fault(name, group, _first_of(change), where, _RIGHT)
    # Counted, unless the usage of a model is then left without a cost.
    for name, kind in {"unknown": "robots", "the key": KEY}.items():
        act = _first_of(_put(cost_type=kind))
        yield Fault(f"cost_type is {name}", group, act, where, {"*": (1, 3)})
    for name, change in {
        "null": _put(workspace_id=None),
        "missing": _drop("workspace_id"),
        "of another organization": _put(workspace_id="wrkspc_01EXAMPLEOTHER"),
    }.items():
        act = _each_row(lambda row, change=change: change(_charge(row)[0]))  # type: ignore[misc]
        yield Fault(f"workspace_id of each cost is {name}", group, act, costs)
    other = _first_of(_put(workspace_id="wrkspc_01EXAMPLEOTHER"))
    # The list tells the default workspace, so that the other one counts as what it is called.
    kept = {"*": (1, 3)}
    yield Fault("a cost is of an unknown workspace", group, other, analytics, kept)
    for part in ("group", "cost"):
        for name, value in {"null": None, "a list": [], "text": KEY, "empty": {}}.items():
            act = _first_row(_put(**{part: value}))
            # Costs without a workspace are those of the default one.
            yield Fault(f"`{part}` is {name}", group, act, ("billed cost, page 1",))
        yield Fault(f"`{part}` is missing", group, _first_row(_drop(part)), analytics)


def _held(body: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the lists of a page that hold its rows, each for itself."""
    return [bucket["results"] for bucket in body["data"] if "results" in bucket] or [body["data"]]


def _without(workspaces: Collection[str | None]) -> Change:
    """Leave out the costs of workspaces on a day that is whole on the page."""

    def change(body: dict[str, Any]) -> None:
        rows = _held(body)[len(_held(body)) // 2]
        day = rows[len(rows) // 2].get("starting_at")
        rows[:] = [
            row
            for row in rows
            if row.get("starting_at") != day or _charge(row)[0]["workspace_id"] not in workspaces
        ]

    return change


def _per_list(change: Callable[[list[dict[str, Any]]], object]) -> Change:
    """Change each list of rows of a page in place."""

    def apply(body: dict[str, Any]) -> None:
        for rows in _held(body):
            change(rows)

    return apply


def _last_without_rows(body: dict[str, Any]) -> None:
    _per_list(list.clear)(body)
    body.update(has_more=False)


def _first_again(body: dict[str, Any], **cost: object) -> None:
    rows = _held(body)[0]
    rows.insert(1, json.loads(json.dumps(rows[0])))
    _charge(rows[1])[1].update(cost)


def _loss_faults() -> Iterator[Fault]:
    group = "Costs lost and doubled"
    default = (None, DEFAULT_WORKSPACE_ID)
    losses: dict[str, Change] = {
        "a workspace has no cost on a day": _without((PRODUCTION.id,)),
        "an archived workspace has no cost on a day": _without((_LISTED[3].id,)),
        "the default workspace has no cost on a day": _without(default),
        "a day has no cost": _without((*_EVERYWHERE, *default)),
        "a page has no cost": _per_list(list.clear),
        "a page has no cost and is the last": _last_without_rows,
        "a row stands twice": _first_again,
        "each row stands twice": _per_list(lambda rows: rows.extend(list(rows))),
    }
    for name, change in losses.items():
        yield Fault(name, group, _edits(change), _of("analytics", "cost report"))
    other = _edits(lambda body: _first_again(body, amount="1"))
    yield Fault("a row stands twice, with another amount", group, other, _of("analytics"))
    order = _edits(_per_list(list.reverse))
    yield Fault("rows in another order", group, order, _of("analytics", "cost report"), _RIGHT)


def _day_faults() -> Iterator[Fault]:
    group = "Days of the analytics"
    day, hour = timedelta(days=1), timedelta(hours=1)

    def to(start: str, end: str) -> Change:
        return _put(starting_at=start, ending_at=end)

    days: dict[str, Change] = {
        "the day before the month": to("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"),
        "a day of another year": lambda row: _moved(row, -365 * day),
        "today": to("2026-11-08T00:00:00Z", "2026-11-09T00:00:00Z"),
        "a day to come": to("2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
        "the first day of the calendar": to("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        "the last day of the calendar": to("9999-12-30T00:00:00Z", "9999-12-31T00:00:00Z"),
        "two days": lambda row: _moved(row, day, "ending_at"),
        "the whole month": to("2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"),
        "an hour": lambda row: _moved(row, -23 * hour, "ending_at"),
        "no time at all": lambda row: row.update(ending_at=row["starting_at"]),
        "a day that ends before it starts": lambda row: _moved(row, -2 * day, "ending_at"),
        "a day of another time zone": lambda row: _moved(row, hour),
    }
    for name, change in days.items():
        yield Fault(f"a row is of {name}", group, _first_row(change), _of("analytics", "counts"))
    times: dict[str, object] = {
        "local": "2026-11-02T00:00:00",
        "a date": "2026-11-02",
        "a number": 1_793_491_200,
        "the key": KEY,
        "null": None,
        "beyond the calendar": "0001-01-01T00:00:00+23:59",
    }
    for name, value in times.items():
        act = _first_row(_put(starting_at=value))
        yield Fault(f"a row's time is {name}", group, act, ("billed cost, page 1",))
    act = _first_row(_drop("ending_at"))
    yield Fault("a row's time is missing", group, act, ("billed cost, page 1",))
    # Where the offset says so, it is the same day.
    same = _first_row(lambda row: row.update(starting_at=row["starting_at"].replace("Z", "+00:00")))
    yield Fault("a row's time has an offset", group, same, _of("analytics"), _RIGHT)


def _freshness_faults() -> Iterator[Fault]:
    group = "Freshness of the analytics"
    name = "data_refreshed_at"
    # What differs from page to page is an error, so that these need one page only.
    told: dict[str, object] = {
        "null": None,
        "a second later": f"{REFRESHED_AT + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        "a day earlier": f"{REFRESHED_AT - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "in the future": f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    for how, value in told.items():
        act = _edits(_put(**{name: value}))
        yield Fault(f"{name} is {how} on one page", group, act, _of("analytics", "counts"))
    without = _edits(_drop(name))
    yield Fault(f"{name} is missing on one page", group, without, _of("analytics", "counts"))

    def whole(value: object, *, cut: datetime | None = None) -> Callable[[Hit], Response]:
        """Tell all costs on one page, as fresh as said; none of the days from `cut` on."""

        def act(hit: Hit) -> Response:
            body = json.loads(hit.ask(with_limit(hit.request, 1000)).body)
            if cut:
                kept = [
                    row for row in body["data"] if datetime.fromisoformat(row["starting_at"]) < cut
                ]
                body["data"] = kept
            return reply(body | {name: value})

        return act

    where = ("billed cost, page 1",)
    wrong: dict[str, object] = {
        "a number": 1_793_491_200,
        "empty": "",
        "text": "just now",
        "the key": KEY,
        "local": "2026-11-08T06:25:00",
        "a date": "2026-11-08",
        "beyond the calendar": "0001-01-01T00:00:00+23:59",
        "six minutes ahead": f"{NOW + timedelta(minutes=6):%Y-%m-%dT%H:%M:%SZ}",
        "a day ahead": f"{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "the end of the calendar": "9999-12-31T23:59:59Z",
    }
    for how, value in wrong.items():
        yield Fault(f"{name} is {how}", group, whole(value), where)
    start = _MONTH
    right: dict[str, tuple[datetime, int]] = {
        "four minutes ahead": (NOW + timedelta(minutes=4), CLOSED_DAYS),
        "a second past the last full day": (start + timedelta(CLOSED_DAYS, 1), CLOSED_DAYS),
        "the end of the last full day": (start + timedelta(CLOSED_DAYS), CLOSED_DAYS - 1),
        "a second before that end": (start + timedelta(CLOSED_DAYS, -1), CLOSED_DAYS - 1),
        "three days ago": (NOW - timedelta(days=3), CLOSED_DAYS - 3),
        "in the first hour of the month": (start + timedelta(hours=1), 0),
        "the first instant of the month": (start, 0),
        "a year ago": (NOW - timedelta(days=365), 0),
        "the first instant of the calendar": (datetime.min.replace(tzinfo=UTC), 0),
    }
    for how, (value, settled) in right.items():
        text = value.isoformat().replace("+00:00", "Z")
        act = whole(text)
        yield Fault(f"{name} is {how}", group, act, where, _RIGHT, settled=settled)
        if 0 < settled < CLOSED_DAYS:
            act = whole(text, cut=start + timedelta(days=settled))
            named = f"{name} is {how}, and later days are left out"
            yield Fault(named, group, act, where, _RIGHT, settled=settled)


def _late_faults() -> Iterator[Fault]:
    """Costs are told before all of them are in; those that the usage does not tell come last."""
    group = "Costs that are late"

    def late(hours: Mapping[int, int]) -> Callable[[Hit], Response]:
        def act(hit: Hit) -> Response:
            limit = 31 if "cost_report" in hit.request.path else 1000
            body = json.loads(hit.ask(with_limit(hit.request, limit)).body)
            for rows, bucket in zip(_held(body), body["data"], strict=False):
                for row in list(rows):
                    on = datetime.fromisoformat(row.get("starting_at") or bucket["starting_at"])
                    group, cost = _charge(row)
                    if on.day in hours and group["model"] is None:
                        rows.remove(row)
                    elif on.day in hours:
                        part = Decimal(cost["amount"]) * hours[on.day] / 24
                        cost.update(amount=f"{part:.9f}")
            return reply(body)

        return act

    where = ("billed cost, page 1", "cost report, page 1")
    day = CLOSED_DAYS - 1
    days: dict[str, dict[int, int]] = {
        "a day has 20 of its 24 hours": {day: 20},
        "a day has one of its 24 hours": {day: 1},
        "two days have 20 of their 24 hours": {day - 1: 20, day: 20},
        "two days have 20 and 6 of their 24 hours": {day - 1: 20, day: 6},
    }
    for name, hours in days.items():
        settled = min(hours) - 1
        yield Fault(name, group, late(hours), where, _RIGHT, settled=settled)


def _clock_faults() -> Iterator[Fault]:
    group = "Times of answers"
    # What is too late for the clock's check is not checked: it comes once the usage is read, and
    # waits neither for /me, nor for costs, nor for the days before the month.
    either = dict.fromkeys((*NO_PART, "analytics", "cost report"), (1, 3))
    costs = _of("analytics", "cost report")
    for name, skew in {"a day ahead": timedelta(days=1), "a year behind": timedelta(-365)}.items():

        def skewed(hit: Hit, skew: timedelta = skew) -> Response:
            return _with_headers(date=_date(skew))(hit)

        yield Fault(f"the date is {name}", group, skewed, ALL, either)
    end = _with_headers(date="Fri, 31 Dec 9999 23:59:59 GMT")
    yield Fault("the date is the end of the calendar", group, end, costs, either)
    odd = {
        "none": "",
        "the key": KEY,
        "without a zone": _date().removesuffix(" GMT"),
        "of a year without end": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "of a zone without end": "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    }
    for name, date in odd.items():
        yield Fault(f"the date is {name}", group, _with_headers(date=date), ALL, _RIGHT)


def _faults() -> Iterator[Fault]:
    usage = _of("usage", "lengths", "history")
    yield from _statuses()
    yield from _bodies()
    yield from _compressions()
    yield from _connections()
    yield from _slowness()
    yield from _clock_faults()
    yield from _shape_faults()
    yield from _count_faults(usage)
    yield from _dimension_faults(usage)
    yield from _bucket_faults(usage + _of("cost report"))
    yield from _cursor_faults()
    yield from _list_faults()
    yield from _identity_faults()
    yield from _memory_faults()
    yield from _amount_faults()
    yield from _charge_faults()
    yield from _loss_faults()
    yield from _day_faults()
    yield from _freshness_faults()
    yield from _late_faults()


FAULTS = {f"{fault.group}: {fault.name}": fault for fault in _faults()}


# A run of the gate beside an API with faults.


class Strike(NamedTuple):
    """A fault, by its name in FAULTS, that the first `times` arrivals of a request meet."""

    request: str
    fault: str
    times: int = ALWAYS


@dataclass(frozen=True)
class Outcome:
    """How a run ended, all that it wrote, how long it took, and how often it met a fault."""

    code: int
    stdout: str
    stderr: str
    summary: str
    outputs: str
    report: str
    badge: str = ""
    seconds: float = 0.0
    met: int = 0

    @property
    def judged(self) -> dict[str, Any] | None:
        """The JSON report; None where there is none."""
        judged: dict[str, Any] | None = json.loads(self.report) if self.report else None
        return judged

    @property
    def spend(self) -> tuple[Fraction, Fraction | None] | None:
        """The bounds that are reported as spent; None where none are."""
        spend = self.judged and self.judged["spend"]
        if not spend:
            return None
        return Fraction(spend["low"]), None if spend["high"] is None else Fraction(spend["high"])

    @property
    def notes(self) -> set[tuple[str, str]]:
        """The level and code of each note of the report."""
        notes = self.judged["notes"] if self.judged else []
        return {(note["level"], note["code"]) for note in notes}


# The routes that the credential of a scenario may not use.
_REFUSED: Mapping[Scenario, tuple[str, ...]] = {
    "billed by cost report": (COST,),
    "read-only": (USAGE_REPORT, "workspaces"),
}


@cache
def _api(scenario: Scenario, skew: timedelta) -> LoopbackAPI:
    """Return an API that answers when asked from within, and does not listen; its clock tells how fresh costs are."""
    with LoopbackAPI(
        ORGANIZATION,
        now=NOW,
        key=KEY,
        org_scoped=scenario == "by organization",
        refuse_speed_beta=scenario == "speed refused",
        bill=BILL if scenario in BILLED else [] if scenario == "read-only" else None,
        data_refreshed_at=REFRESHED_AT + skew,
        refuse=dict.fromkeys(_REFUSED.get(scenario, ()), 403),
    ) as api:
        return api


@cache
def _answered(
    scenario: Scenario,
    skew: timedelta,
    path: str,
    query: tuple[tuple[str, str], ...],
    headers: tuple[tuple[str, str], ...],
) -> Response:
    return _api(scenario, skew).answer(Request("GET", path, list(query), dict(headers)))


class FaultyServer:
    """Serves connections with the true answers of a scenario, and with faults where they strike."""

    def __init__(self, scenario: Scenario, strikes: Sequence[Strike], skew: timedelta) -> None:
        self._scenario = scenario
        self._strikes = strikes
        self._skew = skew
        self._left: Counter[Strike] = Counter({strike: strike.times for strike in strikes})
        # Pages are small where one of several is to meet a fault: a run is as short as may be.
        struck = [REQUESTS[strike.request].report for strike in strikes]
        self._reports = [report for report in struck if report]
        self._lock = threading.Lock()
        self.met = 0
        self.began: float | None = None

    def serve(self, connection: socket.socket) -> None:
        """Answer every request of a connection."""
        self.began = self.began or time.monotonic()
        with connection.makefile("rb") as reader:
            while request := _read_request(reader):
                action = self._respond(request)
                if not isinstance(action, Response):
                    if not action(connection):
                        return
                else:
                    headers = {"date": _date(self._skew)} | action.headers
                    connection.sendall(encode(Response(action.status, action.body, headers)))

    def _respond(self, request: Request) -> Response | Wire:
        if any(report(request) for report in self._reports):
            request = with_limit(request, _PAGE_SIZES.get(request.path, _PAGE_SIZE))
        true = self._answer(request)
        with self._lock:
            for strike in self._strikes:
                if self._left[strike] and REQUESTS[strike.request].matches(request):
                    self._left[strike] -= 1
                    self.met += 1
                    break
            else:
                return true
        return FAULTS[strike.fault].act(Hit(request, true, self._answer))

    def _answer(self, request: Request) -> Response:
        """Return the true answer, which is the same in every run, whichever port was asked."""
        headers = tuple(each for each in request.headers.items() if each[0] != "host")
        # How late it is at the API changes no answer but those about costs.
        skew = self._skew if self._scenario in BILLED else timedelta(0)
        return _answered(self._scenario, skew, request.path, tuple(request.query), headers)


def _read_request(reader: BinaryIO) -> Request | None:
    """Return the next request of a connection; None where the client has left."""
    lines = []
    while (line := reader.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").strip())
    if not lines:
        return None
    method, target, _ = lines[0].split(" ")
    parts = urlsplit(target)
    headers = dict(line.split(": ", 1) for line in lines[1:])
    query = parse_qsl(parts.query, keep_blank_values=True)
    return Request(method, parts.path, query, {n.lower(): value for n, value in headers.items()})


@contextmanager
def faulty(
    strikes: Sequence[Strike], scenario: Scenario, skew: timedelta = timedelta(0)
) -> Iterator[tuple[str, FaultyServer]]:
    """Yield the URL of a server with faults, and the server."""
    server = FaultyServer(scenario, strikes, skew)
    with raw_server(server.serve) as url:
        yield url, server


def last_report() -> str:
    """Write a report of an hour ago that knows the truth, and of no budget that was breached."""
    low = truth("with a last report")[0]
    known = {
        "usd": f"{Context(prec=60).divide(Decimal(low.numerator), Decimal(low.denominator)):f}",
        "as_of": (NOW - timedelta(hours=1)).isoformat(),
        "organization": ORGANIZATION.id,
        "prices": PriceBook(_prices()).digest,
    }
    report = {
        "schema": "budget-gate/report/v1",
        "as_of": known["as_of"],
        "period": {"start": _MONTH.isoformat()},
        "budgets": [],
        "known_spend": [known],
    }
    return json.dumps(report)


def environment(url: str, folder: Path, deadline: float = DEADLINE) -> dict[str, str]:
    """Return what a step of GitHub Actions sees, of an API at `url`."""
    return {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_ADMIN_KEY": KEY,
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "outputs"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "BUDGET_GATE_REPORT": str(folder / "report.json"),
        "BUDGET_GATE_BADGE": str(folder / "badge.json"),
        "BUDGET_GATE_DEADLINE": f"{deadline:g}",
        "BUDGET_GATE_POLICY": str(folder / "budget.yml"),
    }


def outcome(code: int, stdout: str, stderr: str, folder: Path) -> Outcome:
    """Return how a run in a folder ended, with the files that it wrote there."""
    files = [folder / name for name in ("summary.md", "outputs", "report.json", "badge.json")]
    summary, outputs, report, badge = (
        file.read_text(encoding="utf-8") if file.exists() else "" for file in files
    )
    return Outcome(code, stdout, stderr, summary, outputs, report, badge)


_prices = cache(load_price_book)


def judge(
    strikes: Sequence[Strike] = (),
    flags: Sequence[str] = (),
    *,
    scenario: Scenario | None = None,
    skew: timedelta = timedelta(0),
    patience: float | None = None,
    deadline: float = FAR_DEADLINE,
) -> Outcome:
    """Run the gate in this process beside a server with faults, its waits between tries cut short.

    The scenario is that of the first request struck, unless given. The time is that from the first request.
    """
    if scenario is None:
        scenario = REQUESTS[strikes[0].request].scenario if strikes else "direct"
    clients: list[httpx.Client] = []

    class Client(httpx.Client):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            clients.append(self)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "budget.yml").write_text(policy(scenario), encoding="utf-8")
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            mock.patch.multiple(
                transport,
                FIRST_WAIT=0.002,
                LONGEST_WAIT=0.005,
                MAX_BODY_BYTES=MOST_BYTES,
                REQUEST_TIMEOUT=patience or transport.REQUEST_TIMEOUT,
            ),
            # Reading the prices takes longer than all else, and no fault touches them.
            mock.patch.object(spend, "load_price_book", _prices),
            mock.patch.object(httpx, "Client", Client),
        ):
            with (
                faulty(strikes, scenario, skew) as (url, server),
                mock.patch.dict(os.environ, environment(url, folder, deadline), clear=True),
                redirect_stdout(stdout),
                redirect_stderr(stderr),
            ):
                handlers = {
                    each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)
                }
                if scenario == "with a last report":
                    last = folder / "last.json"
                    last.write_text(last_report(), encoding="utf-8")
                    os.environ["BUDGET_GATE_LAST_REPORT"] = str(last)
                started = time.monotonic()
                try:
                    code = main(flags, clock=lambda: NOW)
                finally:
                    # A run may leave both as they are, since its process ends.
                    gc.enable()
                    for each, handler in handlers.items():
                        signal.signal(each, handler)
                seconds = time.monotonic() - (server.began or started)
            _settle(clients)
        ended = outcome(code, stdout.getvalue(), stderr.getvalue(), folder)
        return replace(ended, seconds=seconds, met=server.met)


def _settle(clients: Iterable[httpx.Client]) -> None:
    """Wait for what a run left behind, now that its server is gone, and close its connections."""
    for thread in threading.enumerate():
        if thread.name.endswith("(run)"):
            thread.join(5)
    for client in clients:
        client.close()


def shows_key(text: str) -> bool:
    """Whether a text holds the key or a part of it that is worth something."""
    length = 24
    return any(KEY[start : start + length] in text for start in range(len(KEY) - length + 1))


def check(
    outcome: Outcome,
    scenario: Scenario,
    settled: int = CLOSED_DAYS,
    known: Fraction = Fraction(0),
) -> list[str]:
    """Return what is wrong with how a run ended, whatever the fault was: the truth is over the cap.

    `settled` is how many days the bill could be told to be about, and `known` what the last report
    knew to be spent, which routes that tell less of the same usage leave open.
    """
    # The one place where the key belongs: there GitHub's runner learns what to hide.
    stderr = outcome.stderr.replace(f"::add-mask::{KEY}\n", "")
    texts = {**vars(outcome), "stderr": stderr}
    report = outcome.judged
    status = report["status"] if report else None
    allowed: dict[int, set[str | None]]
    allowed = {1: {"breached"}, 2: {None}, 3: {"uncertain", "unverified"}}
    wrong = {
        f"exit code {outcome.code}": outcome.code not in allowed,
        f"status {status}": status not in allowed.get(outcome.code, set()),
        f"a traceback: {stderr[-200:]}": "Traceback" in outcome.stdout + stderr,
        f"the badge {outcome.badge}": '"isError": true' not in outcome.badge
        or "green" in outcome.badge,
        f"it took {outcome.seconds:.1f} s": outcome.seconds > ANSWERED_WITHIN,
    }
    for name, text in texts.items():
        wrong[f"the key in {name}"] = isinstance(text, str) and shows_key(text)
    # What the last report proves is a breach, however little is certain by what was answered now.
    proven = bool(report and report["evidence_as_of"])
    if outcome.spend:
        low, high = outcome.spend
        least, most = truth(scenario, settled)
        # Where the price of some usage was not told, less is certain, and that is said.
        least = least if outcome.code == 1 else _least(scenario)
        wrong[f"at least {float(low)} USD, which is too little"] = low < least and not proven
        wrong[f"at least {float(low)} USD, which is too much"] = low > max(
            known, truth(scenario, settled)[0]
        )
        wrong["at most less than it was"] = high is not None and high < most
    if report and outcome.spend and outcome.code == 1 and not proven:
        lows = [it["spend"]["low"] for it in report["budgets"] if it["name"] == PRODUCTION.name]
        wrong[f"of production at least {lows}"] = [
            Fraction(low) >= production(scenario) for low in lows
        ] != [True]
    return [what for what, holds in wrong.items() if holds]


@cache
def _least(scenario: Scenario) -> Fraction:
    """Return what surely was spent, however much of what decides a price was not told."""
    blind = KNOWN[scenario] - {"speed", "context_window"}
    return _spent(scenario, CLOSED_DAYS, blind, _EVERYWHERE)[0]


def try_fault(strike: Strike, deadline: float | None = None) -> tuple[Strike, Outcome]:
    """Run the gate with one fault that a request meets at every try, in any process."""
    usual = DEADLINE if FAULTS[strike.fault].is_slow else FAR_DEADLINE
    return strike, judge([strike], deadline=deadline or usual)


def try_once(name: str, scenario: Scenario) -> Outcome:
    """Run the gate with a fault that the first try of every request meets, in any process.

    A request waits for its answer as long as the fault's patience, and the run for all of them.
    """
    requests = [request for request, asked in REQUESTS.items() if asked.scenario == scenario]
    strikes = [Strike(request, name, 1) for request in requests]
    return judge(strikes, patience=FAULTS[name].patience)


# The table.

HEAD = f"""# Faults

What the gate does when the API fails. In each case the truth is one cent over the cap, so exit code 0 would be a
false pass. `tests/world/test_faults.py` runs every row against every request it names and checks, besides the exit
code, that there is no traceback, that no smaller number than the truth is reported as spend, that the badge is not
green, and that the key, which the server echoes, is in no output. With billed cost the truth is what was billed for
the days that are settled, and list cost of the rest. A state machine composes the faults at random (those of slowness
left out): over the requests of a run and from one run to the next, which is given the report of the one before. This
file is generated from `tests/world/faults.py`, and a test holds both together.

```sh
.venv/bin/pytest tests/world/test_faults.py
.venv/bin/python -m tests.world.faults > tests/FAULTS.md
```

 The first page of billed cost may be refused by 400, 403 or 404: then the cost report tells the same, unless it is
refused as well.

- **requests**: how many of the {len(REQUESTS)} kinds of request below met the fault, one at a time, at every try.
- **exit codes**: 1, the breach was found all the same; 2, the policy does not fit what was answered; 3, not determined.
- **`/me`**: the exit code where the fault meets `/v1/organizations/me` alone, which only names the organization.
- **history**: the exit code where the fault meets the request for the days before the month alone, which only a forecast
  goes by, and in a month's first two days what is said of the one before (`tests/reading/test_time.py`).
- **once**: the exit code, with the exact spend, where the first try of every request meets the fault and no later one; `-`
  where no second try is made.
- **within**: how long a run may take from its first request in the suite, on however busy a machine. Where answers are
  slow its deadline is {DEADLINE:g} s, and without one it would wait for more than a minute.
"""


def _shown(codes: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(set(codes)))) or "-"


def table() -> str:
    """Return the text of tests/FAULTS.md."""
    lines = [HEAD, "| request | routes |", "|---|---|"]
    lines += [f"| {name} | {asked.scenario} |" for name, asked in REQUESTS.items()]
    cases = 0
    for fault in FAULTS.values():
        if f"## {fault.group}" not in lines:
            lines += ["", f"## {fault.group}", ""]
            lines += [
                "| fault | requests | exit codes | `/me` | history | once | within | false passes |"
            ]
            lines += ["|---|---|---|---|---|---|---|---|"]
        others = [name for name in fault.requests if REQUESTS[name].kind not in NO_PART]
        cases += len(fault.requests) + (len(KNOWN) if fault.passes else 0)
        cells = [
            fault.name.replace("|", "\\|"),
            str(len(fault.requests)),
            _shown(code for name in others for code in fault.codes_for(name)),
            *(
                _shown(fault.codes_for(name) if name in fault.requests else ())
                for name in ("me", "days before the month")
            ),
            "1" if fault.passes else "-",
            f"{ANSWERED_WITHIN:g} s",
            "0",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"{len(FAULTS)} faults, {cases:,} runs of the gate, 0 false passes.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table())
