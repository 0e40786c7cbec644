"""HTTP as it goes wrong: what is tried again, what ends the run, how long it takes, and who gets to see the key."""

import json
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat

import httpx
import pytest

import budget_gate
from budget_gate.domain.period import MonthToDate
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.usage_report import read_usage
from budget_gate.sources.http import transport as module
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport
from tests.helpers.failing import (
    REFUSALS,
    answering,
    error,
    failure,
    silent,
    sleeps,
    transport_of,
    unused_url,
)
from tests.helpers.paths import ROOT
from tests.helpers.serving import ADMIN, ME, NOBODY, NOW, Clock, book, connected, raw_server, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import EXAMPLE_AUTH_TOKEN, EXAMPLE_KEY, LoopbackAPI, Response

MESSAGE_KEY = Credential.of_key("sk-ant-api03-EXAMPLE-NOT-A-KEY")
TOKEN = Credential.of_token(EXAMPLE_AUTH_TOKEN)


# What is asked, and with which credential.


def test_json_is_what_comes_back() -> None:
    """An answer is decoded."""
    with LoopbackAPI(NOBODY, now=NOW) as api, connected(api.url) as transport:
        assert transport.get(ME) == {
            "id": NOBODY.id,
            "name": NOBODY.name,
            "type": "organization",
        }


def test_a_large_answer_is_read_whole() -> None:
    """However many pieces it comes in."""
    numbers = list(range(200_000))
    with answering(reply(numbers)) as api, connected(api.url) as transport:
        assert transport.get(ME) == numbers


def test_large_integers_stay_exact() -> None:
    """Numbers beyond 2^53 come as they were sent."""
    with answering(reply(b'{"n": 9007199254740993}')) as api, connected(api.url) as transport:
        assert transport.get(ME) == {"n": 9007199254740993}


def test_a_query_repeats_its_arrays() -> None:
    """An array is its name once for each value, brackets included, its values in their order."""
    with answering(reply({})) as api, connected(api.url) as transport:
        transport.get(ME, [("a[]", "2"), ("b", "x y&z=é+"), ("a[]", "1")])
        (request,) = api.requests
    assert request.method == "GET"
    assert [value for name, value in request.query if name == "a[]"] == ["2", "1"]
    assert [value for name, value in request.query if name == "b"] == ["x y&z=é+"]


def test_the_path_stands_below_the_base_url() -> None:
    """A gateway's own prefix is kept."""
    with answering(reply({})) as api, connected(f"{api.url}/gateway") as transport:
        transport.get(ME)
        assert api.requests[0].path == f"/gateway{ME}"


def test_every_request_says_version_and_integration() -> None:
    """The API's version and a user agent that names this program go with each request."""
    with LoopbackAPI(NOBODY, now=NOW) as api, connected(api.url) as transport:
        transport.get(ME)
        headers = api.requests[0].headers
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["user-agent"] == f"budget-gate/{budget_gate.__version__}"
    assert headers["accept"] == "application/json"


def test_a_beta_goes_with_the_request_that_names_it_alone() -> None:
    """The beta header is that of one request, not of those after it."""
    with answering(reply({})) as api, connected(api.url) as transport:
        transport.get(ME, beta="example-beta")
        transport.get(ME)
        assert [request.headers.get("anthropic-beta") for request in api.requests] == [
            "example-beta",
            None,
        ]


@pytest.mark.parametrize(
    ("credential", "header", "value"),
    [
        pytest.param(ADMIN, "x-api-key", EXAMPLE_KEY, id="key"),
        pytest.param(TOKEN, "authorization", f"Bearer {EXAMPLE_AUTH_TOKEN}", id="token"),
    ],
)
def test_the_secret_stands_in_one_header(credential: Credential, header: str, value: str) -> None:
    """A key goes as x-api-key and a token as bearer; neither stands anywhere else in the request."""
    with LoopbackAPI(NOBODY, now=NOW) as api, connected(api.url, credential=credential) as one:
        one.get(ME)
        (request,) = api.requests
    assert request.headers[header] == value
    assert [name for name, text in request.headers.items() if credential.secret in text] == [header]
    assert ("x-api-key" in request.headers) != ("authorization" in request.headers)


# The API's clock.


@pytest.mark.parametrize(
    ("dates", "seconds"),
    [
        pytest.param(["Sun, 22 Nov 2026 15:37:30 GMT"], 0, id="the-same"),
        pytest.param(["Sun, 22 Nov 2026 15:47:30 GMT"], 600, id="ahead"),
        pytest.param(["Sun, 22 Nov 2026 15:27:30 GMT"], -600, id="behind"),
        pytest.param(["Sun, 22 Nov 2026 15:37:30 +0100"], -3600, id="with-an-offset"),
        pytest.param(
            ["Sun, 22 Nov 2026 15:37:31 GMT", "Sun, 22 Nov 2026 15:37:20 GMT"], -10, id="largest"
        ),
        pytest.param(["soon", "Sun, 22 Nov 2026 15:37:31 GMT"], 1, id="one-of-two"),
        pytest.param([""], None, id="empty"),
        pytest.param(["soon"], None, id="text"),
        pytest.param(["Sun, 22 Nov 2026 15:37:31 -0000"], 1, id="without-offset"),
        pytest.param(["Sun, 22 Nov 2026 15:37:31"], 1, id="without-zone"),
        pytest.param(["Sun, 99 Nov 2026 15:37:31 GMT"], None, id="99th"),
    ],
)
def test_the_clock_of_the_api_is_compared(dates: list[str], seconds: int | None) -> None:
    """The largest difference to the local clock is known, and an answer without a time changes nothing."""
    responses = [reply({}, date=date) for date in dates]
    with answering(*responses) as api, connected(api.url) as transport:
        for _ in dates:
            transport.get(ME)
        found = transport.clock_difference
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_a_refusal_tells_the_time_as_well() -> None:
    """The time is read off any answer, a refusal included."""
    refusal = error(401, "authentication_error", date="Sun, 22 Nov 2026 16:37:30 GMT")
    with answering(refusal) as api, connected(api.url) as transport:
        with pytest.raises(RefusedError):
            transport.get(ME)
        assert transport.clock_difference == timedelta(hours=1)


@pytest.mark.parametrize(
    ("dates", "has_begun"),
    [
        (["Sun, 22 Nov 2026 15:37:30 GMT"], True),
        (["Sun, 22 Nov 2026 15:37:29 GMT"], False),
        (["Sun, 22 Nov 2026 15:37:29 GMT", "Sun, 22 Nov 2026 15:37:31 GMT"], False),
        (["Sun, 22 Nov 2026 15:32:30 GMT"], False),
        (["Sun, 22 Nov 2026 15:32:29 GMT"], True),
        (["Sun, 22 Nov 2026 15:42:31 GMT"], True),
        (["soon"], True),
        ([], True),
    ],
)
def test_an_instant_has_come_by_the_first_answers_time(
    dates: list[str], *, has_begun: bool
) -> None:
    """Where that time is not told, or is more than five minutes off, every instant has."""
    with (
        answering(*[reply({}, date=date) for date in dates]) as api,
        connected(api.url) as transport,
    ):
        for _ in dates:
            transport.get(ME)
        assert transport.time.has_begun(NOW) is has_begun


def test_without_an_answer_the_clock_is_unknown() -> None:
    """Before the first answer there is nothing to compare."""
    with connected(unused_url()) as transport:
        assert transport.clock_difference is None


def test_a_request_has_a_minute_and_ten_seconds_to_connect() -> None:
    """Whatever the deadline allows, a single request does not wait longer; a shorter deadline does not either."""
    seen: list[dict[str, float]] = []

    def hear(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json={})

    for deadline in (600, 5):
        clock = Clock()
        Transport(
            "http://127.0.0.1:9",
            ADMIN,
            deadline=deadline,
            now=clock.now,
            http=httpx.MockTransport(hear),
        ).get(ME)
    assert [(one["connect"], one["read"], one["write"], one["pool"]) for one in seen] == [
        (10, 60, 60, 60),
        (5, 5, 5, 5),
    ]


def test_the_clock_is_that_of_this_machine() -> None:
    """Unless a test names another one, the API's time is compared with the present, in UTC."""

    def hear(_: httpx.Request) -> httpx.Response:
        now = format_datetime(datetime.now(UTC), usegmt=True)
        return httpx.Response(200, json={}, headers={"date": now})

    transport = transport_of(httpx.MockTransport(hear))
    transport.get(ME)
    assert transport.clock_difference is not None
    assert abs(transport.clock_difference) < timedelta(seconds=10)


# Trying again.


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(error(500), id="500"),
        pytest.param(error(529, "overloaded_error"), id="529"),
        pytest.param(error(429, "rate_limit_error", retry_after="1"), id="429-with-retry-after"),
        pytest.param(error(408, "timeout_error"), id="408"),
        pytest.param(Response(502, b"<html>"), id="502-html"),
        pytest.param(Response(0), id="reset"),
        pytest.param(Response(200, b"{}", {"content-length": "9"}), id="cut-short"),
    ],
)
@pytest.mark.parametrize("times", [1, 4])
def test_passing_trouble_is_ridden_out(trouble: Response, times: int) -> None:
    """Up to four failures in a row are followed by the answer."""
    clock = Clock()
    with (
        answering(*repeat(trouble, times), None) as api,
        connected(api.url, clock=clock) as transport,
    ):
        assert transport.get(ME)["id"] == NOBODY.id
    assert len(clock.sleeps) == times


def test_the_fifth_failure_is_the_last() -> None:
    """Five tries are made, and no sixth."""
    with answering(*repeat(error(500), 5), None) as api, connected(api.url) as transport:
        with pytest.raises(RefusedError):
            transport.get(ME)
        assert len(api.requests) == 5


def test_each_try_is_the_same_request() -> None:
    """A retry repeats query and headers."""
    with answering(error(500), reply({})) as api, connected(api.url) as transport:
        transport.get(ME, [("a[]", "1"), ("a[]", "2")], beta="example-beta")
        one, two = api.requests
    assert one == two


def test_the_last_failure_is_the_one_told() -> None:
    """Where tries fail differently, the message is about the last."""
    raised = failure(*repeat(error(500), 4), error(529, "overloaded_error"))
    assert_says(str(raised), "(529)", "overloaded_error")


def test_a_final_refusal_ends_the_tries() -> None:
    """A refusal after a passing failure is not tried again."""
    assert sleeps(error(500), error(401, "authentication_error")) == [0.5]


def test_waits_double_up_to_eight_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jitter the waits are 0.5, 1, 2, 4 and then 8 seconds."""
    assert sleeps(error(500)) == [0.5, 1, 2, 4]
    monkeypatch.setattr(module, "ATTEMPTS", 8)
    assert sleeps(error(500)) == [0.5, 1, 2, 4, 8, 8, 8]


def test_jitter_takes_up_to_a_quarter_off() -> None:
    """The waits of many runs spread below their full length."""
    assert sleeps(error(500), jitter=1) == [0.375, 0.75, 1.5, 3]
    assert sleeps(error(500), jitter=0.5) == [0.4375, 0.875, 1.75, 3.5]


@pytest.mark.parametrize("status", [429, 500, 529])
@pytest.mark.parametrize(
    ("retry_after", "waited"),
    [
        pytest.param("30", 30, id="as-asked"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("60", 60, id="the-cap"),
        pytest.param("61", 60, id="beyond-the-cap"),
        pytest.param("86400", 60, id="a-day"),
        pytest.param("0", 0.5, id="at-once"),
        pytest.param("0.1", 0.5, id="too-soon"),
        pytest.param("", 0.5, id="empty"),
        pytest.param("soon", 0.5, id="text"),
        pytest.param("-5", 0.5, id="negative"),
        pytest.param("nan", 0.5, id="nan"),
        pytest.param("inf", 0.5, id="infinity"),
        pytest.param("1e9", 0.5, id="exponent"),
        pytest.param("9" * 400, 0.5, id="endless"),
        pytest.param("Sun, 22 Nov 2026 15:38:00 GMT", 0.5, id="date"),
    ],
)
def test_retry_after_is_obeyed_within_reason(status: int, retry_after: str, waited: float) -> None:
    """The server's wish is met up to a minute, and never makes a wait shorter than the usual one."""
    assert sleeps(error(status, retry_after=retry_after), None) == [waited]


@pytest.mark.parametrize(
    ("status", "advice", "tries"),
    [
        (500, "false", 1),
        (429, "false", 1),
        (529, "false", 1),
        (400, "true", 2),
        (401, "true", 2),
        (404, "true", 2),
        (500, "true", 2),
        (400, "false", 1),
        (500, "maybe", 2),
        (400, "", 1),
    ],
)
def test_the_servers_advice_on_retries_wins(status: int, advice: str, tries: int) -> None:
    """x-should-retry decides where it is true or false, and nothing where it is anything else."""
    assert len(sleeps(error(status, x_should_retry=advice), None)) == tries - 1


# What is sent with a body.

TOKENS = "/v1/oauth/token"


def post_tries(*responses: Response) -> int:
    """Return how often a body is sent where it is answered so."""
    with answering(*responses) as api, connected(api.url) as transport:
        with suppress(UnverifiedError):
            transport.post(TOKENS, {})
        return len(api.requests)


def test_a_body_is_sent_as_json_and_json_comes_back() -> None:
    """With the headers of every request, and a beta of its own."""
    with answering(reply({"b": 2})) as api, connected(api.url) as transport:
        assert transport.post(TOKENS, {"a": ["é", 1]}, beta="example-beta") == {"b": 2}
        (request,) = api.requests
    assert (request.method, request.path) == ("POST", TOKENS)
    assert json.loads(request.body) == {"a": ["é", 1]}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-api-key"] == EXAMPLE_KEY
    assert request.headers["anthropic-beta"] == "example-beta"


@pytest.mark.parametrize("status", [*REFUSALS, 503])
def test_a_body_is_sent_again_only_where_it_was_turned_away(status: int) -> None:
    """Too many requests and too much load say that nothing was done; an error within may come after it was."""
    assert post_tries(error(status)) == (5 if status in {429, 503, 529} else 1)


@pytest.mark.parametrize(("advice", "tries"), [("true", 5), ("false", 1)])
def test_the_servers_advice_on_retries_wins_for_a_body_too(advice: str, tries: int) -> None:
    """Only the server knows what it did with it."""
    assert post_tries(error(500, x_should_retry=advice)) == tries
    assert post_tries(error(429, x_should_retry=advice)) == tries


def test_a_retry_sends_the_same_body() -> None:
    """And waits as long as it is told to."""
    clock = Clock()
    with (
        answering(error(429, retry_after="7"), reply({})) as api,
        connected(api.url, clock=clock) as transport,
    ):
        transport.post(TOKENS, {"a": 1})
        one, two = api.requests
    assert one == two
    assert clock.sleeps == [7]


@pytest.mark.parametrize(
    "trouble", [Response(0), Response(200, b"{}", {"content-length": "9"})], ids=["reset", "cut"]
)
def test_a_body_that_may_have_arrived_is_not_sent_again(trouble: Response) -> None:
    """A connection that ends after it was made leaves open what was done."""
    assert post_tries(trouble) == 1


def test_a_body_without_an_answer_in_time_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be worked on still."""
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.1)
    clock = Clock()
    with (
        raw_server(silent) as url,
        connected(url, clock=clock) as transport,
        pytest.raises(UnverifiedError, match=rf"no answer came in time \(POST {TOKENS}\)$"),
    ):
        transport.post(TOKENS, {})
    assert clock.sleeps == []


def test_a_body_that_no_connection_took_is_sent_again() -> None:
    """Nobody listening has done nothing."""
    clock = Clock()
    with (
        connected(unused_url(), clock=clock) as transport,
        pytest.raises(UnverifiedError, match=rf"the connection failed \(POST {TOKENS}: "),
    ):
        transport.post(TOKENS, {})
    assert len(clock.sleeps) == 4


def test_what_answers_a_body_has_the_limits_of_every_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of size and of time."""
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 10)
    clock = Clock()
    with (
        answering(reply(b'"0123456789"')) as api,
        connected(api.url, deadline=10, clock=clock) as transport,
    ):
        with pytest.raises(UnverifiedError) as raised:
            transport.post(TOKENS, {})
        assert raised.value.code == "oversized_answer"
        clock.time += 10
        with pytest.raises(UnverifiedError) as raised:
            transport.post(TOKENS, {})
        assert raised.value.code == "deadline"
        assert len(api.requests) == 1


# Time.


def test_no_try_begins_that_the_deadline_would_cut() -> None:
    """With three seconds there is time for waits of 0.5 and 1, and not for 2 more."""
    clock = Clock()
    with (
        answering(error(500)) as api,
        connected(api.url, deadline=3, clock=clock) as transport,
        pytest.raises(RefusedError, match=r"500.*, tried 3 times"),
    ):
        transport.get(ME)
    assert clock.sleeps == [0.5, 1]


def test_two_tries_are_told_as_two() -> None:
    """With one second there is time for one more try."""
    with (
        answering(error(500)) as api,
        connected(api.url, deadline=1, clock=Clock()) as transport,
        pytest.raises(RefusedError, match=r", tried 2 times"),
    ):
        transport.get(ME)


def test_a_wait_that_ends_with_the_deadline_is_not_begun() -> None:
    """A wait of just the time that is left leaves none to ask in."""
    assert sleeps(error(429, retry_after="30"), deadline=30) == []
    assert sleeps(error(429, retry_after="30"), None, deadline=30.5) == [30]


def test_a_single_try_is_not_counted() -> None:
    """Where there was no time for another, nothing is said of tries."""
    with (
        answering(error(429, retry_after="30")) as api,
        connected(api.url, deadline=30, clock=Clock()) as transport,
        pytest.raises(RefusedError) as raised,
    ):
        transport.get(ME)
    assert raised.value.trace == f"GET {ME}: api_error: said, request-id req_011CEXAMPLE"


def test_the_deadline_is_one_for_all_requests() -> None:
    """Time that one request has spent is gone for the next."""
    clock = Clock()
    with answering(reply({})) as api, connected(api.url, deadline=10, clock=clock) as transport:
        transport.get(ME)
        clock.time += 10
        with pytest.raises(UnverifiedError) as raised:
            transport.get(ME)
        assert len(api.requests) == 1
    assert raised.value.code == "deadline"
    assert raised.value.message == "the API did not answer everything within 10 s"
    assert raised.value.hint == "try again, or allow more time with --deadline"


def dripping(head: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """Return a server that sends the head at once and then drops for a minute."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head)
        for _ in range(1200):
            connection.sendall(drop)
            time.sleep(0.05)

    return serve


def half(connection: socket.socket) -> None:
    """Send half an answer late, and then nothing."""
    connection.recv(65536)
    time.sleep(0.7)
    connection.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"a": ')
    silent(connection)


SLOW = {
    "silent": silent,
    "dripping-body": dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n", b" "),
    "dripping-chunks": dripping(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"
    ),
    "dripping-headers": dripping(b"HTTP/1.1 200 OK\r\nx-header: ", b"x"),
    "dripping-interim-answers": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "dripping-error": dripping(b"HTTP/1.1 500 Oh\r\ncontent-length: 9999\r\n\r\n", b" "),
    "half": half,
}


@pytest.mark.parametrize("server", SLOW)
def test_a_slow_server_does_not_outlast_the_deadline(server: str) -> None:
    """A deadline of a second holds, whatever a server does with its time: for a minute and more, if it were let."""
    with raw_server(SLOW[server]) as url:
        began = time.monotonic()
        transport = Transport(url, ADMIN, deadline=1)
        with pytest.raises(UnverifiedError) as raised:
            read_usage(transport, MonthToDate(NOW), book())
        took = time.monotonic() - began
    assert took < 15
    assert raised.value.code in ("deadline", "timeout")


@pytest.mark.parametrize("server", ["silent", "dripping-body", "dripping-chunks", "dripping-error"])
def test_a_single_request_keeps_the_deadline_by_itself(server: str) -> None:
    """A request that nobody awaits beside it ends in time as well."""
    with raw_server(SLOW[server]) as url, connected(url, deadline=1) as transport:
        began = time.monotonic()
        with pytest.raises(UnverifiedError):
            transport.get(ME)
        assert time.monotonic() - began < 15


def test_a_request_has_its_own_limit_within_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs is given up and tried again while there is time."""
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.2)
    arrivals = iter([silent])

    def serve(connection: socket.socket) -> None:
        for first in arrivals:
            first(connection)
            return
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    with raw_server(serve) as url, connected(url) as transport:
        assert transport.get(ME) == {}


# Calls beside one another.


def test_a_call_beside_returns_its_value() -> None:
    """What the call returns is the result, however often it is asked for."""
    with connected(unused_url()) as transport:
        pending = transport.start(lambda: 7)
        assert pending.result() == pending.result() == 7


@pytest.mark.parametrize("kind", [UnverifiedError, ValueError, TimeoutError, KeyboardInterrupt])
def test_a_call_beside_raises_what_it_raises(kind: type[BaseException]) -> None:
    """What goes wrong in the call is raised where its result is awaited, a bug included."""

    def fail() -> None:
        raise kind("its own words")

    with connected(unused_url()) as transport:
        pending = transport.start(fail)
        with pytest.raises(kind, match="its own words"):
            pending.result()


def test_calls_run_at_the_same_time() -> None:
    """Each call has a thread of its own, so that they can meet."""
    barrier = threading.Barrier(8)
    with connected(unused_url()) as transport:
        calls = [transport.start(lambda: barrier.wait(60)) for _ in range(8)]
        assert sorted(call.result() for call in calls) == list(range(8))


def test_many_requests_share_one_transport() -> None:
    """Requests of many threads at once all get their own answer."""
    with LoopbackAPI(NOBODY, now=NOW) as api, connected(api.url) as transport:
        api.intercept = lambda request, _: reply(request.query)
        calls = [
            (number, transport.start(lambda n=number: transport.get(ME, [("n", str(n))])))  # type: ignore[misc]
            for number in range(40)
        ]
        assert all(call.result() == [["n", str(number)]] for number, call in calls)


def test_a_result_that_is_there_is_had_after_the_deadline() -> None:
    """The deadline bounds waiting, and a result that is there needs none."""
    clock = Clock()
    with connected(unused_url(), deadline=5, clock=clock) as transport:
        pending = transport.start(lambda: 7)
        assert pending.result() == 7
        clock.time += 100
        assert pending.result() == 7


class Endless(Future[int]):
    """A future that never comes; `waits` are the seconds that it was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []

    def result(self, timeout: float | None = None) -> int:
        """Note the time and let it be over."""
        self.waits.append(timeout)
        raise TimeoutError


@pytest.mark.parametrize(("passed", "waits"), [(0, [5]), (3.5, [1.5]), (5, [0]), (100, [0])])
def test_a_call_that_hangs_is_waited_for_until_the_deadline(
    passed: float, waits: list[float]
) -> None:
    """To the very second by the transport's own clock; where no time is left, none is waited."""
    clock, endless = Clock(), Endless()
    with connected(unused_url(), deadline=5, clock=clock) as transport:
        clock.time += passed
        with pytest.raises(UnverifiedError, match="within 5 s"):
            transport.await_result(endless)
    assert endless.waits == waits


def test_a_key_that_an_answer_echoes_is_blotted_out() -> None:
    """Three stars stand in its place, in the middle of what was said."""
    raised = failure(error(400, "invalid_request_error", f"is {EXAMPLE_KEY} yours?"))
    assert ": is *** yours?, " in raised.trace


def test_a_call_that_hangs_is_left_at_the_deadline() -> None:
    """Waiting ends with the deadline even where the call does not."""
    release = threading.Event()
    with connected(unused_url(), deadline=0.2) as transport:
        pending = transport.start(lambda: release.wait(10))
        with pytest.raises(UnverifiedError, match=r"within 0\.2 s") as raised:
            pending.result()
        release.set()
    assert raised.value.code == "deadline"


class Late(Future[int]):
    """A future whose value comes in the very moment that waiting for it ends."""

    def result(self, timeout: float | None = None) -> int:
        """Time out once, with the value set."""
        if not self.done():
            self.set_result(7)
            raise TimeoutError
        return super().result(timeout)


def test_a_result_that_comes_as_the_wait_ends_is_no_stray_timeout() -> None:
    """The bare timeout of the wait never escapes: it would be taken for a bug of ours."""
    with connected(unused_url(), deadline=1) as transport:
        assert transport.await_result(Late()) == 7


HANGING = """
import threading, time
from budget_gate.errors import GateError, UnverifiedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport

transport = Transport(
    "http://127.0.0.1:9", Credential.of_key("sk-ant-admin01-EXAMPLE"), deadline=0.2
)
pending = transport.start(lambda: time.sleep(600))
try:
    pending.result()
except UnverifiedError as error:
    print(error.code)
"""


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    """A process whose call still hangs, for ten minutes, ends."""
    done = subprocess.run(
        [sys.executable, "-c", HANGING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "deadline\n", "")


# The secret.


def every_failure() -> Iterator[tuple[str, UnverifiedError]]:
    """Yield the errors of everything that can go wrong on the wire."""
    for status in (*REFUSALS, 302):
        yield str(status), failure(error(status))
    yield "html", failure(Response(200, b"<html>"))
    yield "reset", failure(Response(0))
    yield "short", failure(Response(200, b"{}", {"content-length": "9"}))
    yield "gzip", failure(reply(b"x", content_encoding="gzip"))
    with connected(unused_url()) as transport, pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    yield "refused", raised.value


def test_no_error_shows_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Neither message, hint, representation, traceback nor debug log of any failure holds the key."""
    caplog.set_level(logging.DEBUG)
    for name, raised in every_failure():
        text = "".join(traceback.format_exception(raised))
        shown = f"{raised.message} {raised.hint} {raised!r} {raised} {raised.code} {text}"
        assert ADMIN.secret not in shown, name
    assert ADMIN.secret not in caplog.text


@pytest.mark.parametrize("credential", [ADMIN, TOKEN])
def test_no_representation_shows_the_secret(credential: Credential) -> None:
    """A credential, a transport or a call that is printed keeps the secret."""
    with connected(unused_url(), credential=credential) as transport:
        pending = transport.start(lambda: 7)
        shown = f"{credential!r} {credential} {transport!r} {pending!r}"
    assert credential.secret not in shown
    assert "EXAMPLE" not in shown
