"""HTTP as it goes wrong: what is tried again, what ends the run, how long it takes, and who gets to see the key."""

import gzip
import json
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

import budget_gate
from budget_gate.domain.period import MonthToDate
from budget_gate.errors import ConfigurationError, GateError, UnverifiedError
from budget_gate.sources.api.usage_report import read_usage
from budget_gate.sources.http import answers
from budget_gate.sources.http import transport as module
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport
from tests.helpers.paths import RECORDINGS, ROOT
from tests.helpers.serving import ADMIN, ME, NOBODY, NOW, Clock, book, connected, raw_server, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import EXAMPLE_AUTH_TOKEN, EXAMPLE_KEY, LoopbackAPI, Request, Response

MESSAGE_KEY = Credential.of_key("sk-ant-api03-EXAMPLE-NOT-A-KEY")
TOKEN = Credential.of_token(EXAMPLE_AUTH_TOKEN)


def error(status: int, kind: str = "api_error", message: str = "said", **headers: str) -> Response:
    """Make an error as the API words them, with a request id that is known."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return reply(body, status, request_id="req_011CEXAMPLE", **headers)


@contextmanager
def answering(*responses: Response | None) -> Iterator[LoopbackAPI]:
    """Serve the given answers one by one, and the last of them ever after; None is the API's own."""
    with LoopbackAPI(NOBODY, now=NOW) as api:

        def intercept(_: Request, number: int) -> Response | None:
            return responses[min(number, len(responses)) - 1]

        api.intercept = intercept
        yield api


def failure(
    *responses: Response | None, credential: Credential = ADMIN, clock: Clock | None = None
) -> UnverifiedError:
    """Return the error of a request that is answered so."""
    with (
        answering(*responses) as api,
        connected(api.url, credential=credential, clock=clock) as transport,
        pytest.raises(UnverifiedError) as raised,
    ):
        transport.get(ME)
    return raised.value


def sleeps(*responses: Response | None, deadline: float = 1000, jitter: float = 0) -> list[float]:
    """Return the seconds waited before each further try of a request that is answered so."""
    clock = Clock()
    with (
        answering(*responses) as api,
        connected(api.url, deadline=deadline, clock=clock, jitter=jitter) as transport,
    ):
        with suppress(UnverifiedError):
            transport.get(ME)
        assert len(api.requests) == len(clock.sleeps) + 1
    return clock.sleeps


# What is asked, and with which credential.


def test_json_is_what_comes_back() -> None:
    """An answer is decoded."""
    with LoopbackAPI(NOBODY, now=NOW) as api, connected(api.url) as transport:
        assert transport.get(ME) == {
            "id": NOBODY.id,
            "name": NOBODY.name,
            "type": "organization",
        }


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


def test_without_an_answer_the_clock_is_unknown() -> None:
    """Before the first answer there is nothing to compare."""
    with connected(unused_url()) as transport:
        assert transport.clock_difference is None


# What the API says no to.

REFUSALS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
RETRIED = {408, 409, 429, 500, 502, 504, 529}
NOT_WHOLE = "check that the Admin key or OAuth token is complete (no quotes), not revoked, and belongs to this organization"


@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_tells_what_was_asked_and_what_was_said(status: int) -> None:
    """The message holds the route, the status, the API's type and words, and the request id."""
    raised = failure(error(status, REFUSALS[status], "these are the words"))
    assert isinstance(raised, RefusedError)
    assert raised.status == status
    assert raised.code == f"http_{status}"
    assert f"({status})" in raised.message
    assert_says(
        raised.trace, f"GET {ME}: {REFUSALS[status]}: these are the words", "req_011CEXAMPLE"
    )
    assert raised.hint


@pytest.mark.parametrize("status", REFUSALS)
def test_only_what_may_pass_is_tried_again(status: int) -> None:
    """Timeouts, conflicts, limits and trouble of the server are tried five times, all else once."""
    assert len(sleeps(error(status, REFUSALS[status]))) == (4 if status in RETRIED else 0)


def test_how_often_it_was_tried_is_told() -> None:
    """After several tries the message says how many; after one it says nothing of it."""
    assert failure(error(500)).trace.endswith(", tried 5 times")
    assert "tried" not in str(failure(error(400)))


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        (
            "error_400_cost_report_no_complete_day__live.json",
            400,
            "invalid_request_error: Invalid date range",
        ),
        ("error_401_invalid_key__live.json", 401, "authentication_error: invalid x-api-key"),
        ("error_404__doc-example.json", 404, "The requested resource could not be found."),
        ("error_429_tier_spend_cap__doc-example.json", 429, "regain access on 2026-09-01"),
        ("error_529_overloaded__synthetic.json", 529, "overloaded_error: Overloaded"),
    ],
)
def test_recorded_errors_are_told(name: str, status: int, words: str) -> None:
    """The words of real errors reach the reader."""
    assert words in failure(Response(status, (RECORDINGS / name).read_bytes())).trace


@pytest.mark.parametrize(
    ("status", "credential", "remedy"),
    [
        pytest.param(
            401,
            MESSAGE_KEY,
            "this is an API key (sk-ant-api...); usage needs an Admin key (sk-ant-admin...): create one "
            "in the Console and set ANTHROPIC_ADMIN_KEY to it",
            id="401-message-key",
        ),
        pytest.param(401, ADMIN, NOT_WHOLE, id="401-admin-key"),
        pytest.param(401, TOKEN, NOT_WHOLE, id="401-token"),
        pytest.param(
            403,
            ADMIN,
            "the credential may not read usage: use an Admin key, or the scope org:admin",
            id="403",
        ),
        pytest.param(404, ADMIN, "check ANTHROPIC_BASE_URL", id="404"),
        pytest.param(429, ADMIN, "run the gate less often, or later", id="429"),
        pytest.param(500, ADMIN, "run the gate again later", id="500"),
        pytest.param(
            302,
            ADMIN,
            "redirects are not followed, as they would carry the key along: set "
            "ANTHROPIC_BASE_URL to the final address",
            id="302",
        ),
        pytest.param(400, ADMIN, "update budget-gate; if it is current, report this", id="400"),
    ],
)
def test_the_hint_is_the_next_step(status: int, credential: Credential, remedy: str) -> None:
    """Each refusal comes with what to do about it."""
    assert failure(error(status), credential=credential).hint == remedy


def test_a_message_key_that_is_refused_is_recognised() -> None:
    """The real API refuses a key for messages, and the hint says which key to make instead."""
    raised = failure(None, credential=MESSAGE_KEY)
    assert "(401)" in raised.message
    assert "authentication_error: invalid x-api-key" in raised.trace
    assert "usage needs an Admin key" in raised.hint


def test_a_message_key_that_is_accepted_is_used() -> None:
    """The family of a key is a hint and never a verdict."""
    with (
        LoopbackAPI(NOBODY, now=NOW, key=MESSAGE_KEY.secret) as api,
        connected(api.url, credential=MESSAGE_KEY) as transport,
    ):
        assert transport.get(ME)["id"] == NOBODY.id


@pytest.mark.parametrize(
    "body",
    [
        (RECORDINGS / "error_502_html_not_json__synthetic.txt").read_bytes(),
        b"plain text",
        b"[1]",
        b'"text"',
        b"5",
        b"null",
        b'{"error": "text"}',
        b'{"error": {}}',
        b'{"error": null}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_an_error_that_is_not_the_apis_is_named_as_such(body: bytes) -> None:
    """The page of a proxy is not shown, and its status is."""
    raised = failure(Response(502, body))
    assert "(502)" in raised.message
    assert raised.trace.startswith(f"GET {ME}: an answer that is not the API's")
    assert "<" not in str(raised)


def test_an_error_without_a_body_has_its_status() -> None:
    """An empty error is its status and request id."""
    raised = failure(Response(403, b"", {"request-id": "req_X"}))
    assert "(403)" in raised.message
    assert raised.trace == f"GET {ME}, request-id req_X"


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_another_kind_of_success_is_no_answer(status: int) -> None:
    """Anything but 200 is no whole report."""
    body = b"" if status == 204 else b"{}"
    raised = failure(Response(status, body))
    assert raised.code == f"http_{status}"
    assert_says(raised.message, "unexpected", f"({status})")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_nobody_else_sees_the_key(status: int) -> None:
    """A redirect is an error, asked once, and the server that it points to hears nothing."""
    with (
        LoopbackAPI(NOBODY, now=NOW) as other,
        answering(Response(status, b"", {"location": f"{other.url}{ME}"})) as api,
        connected(api.url) as transport,
    ):
        with pytest.raises(RefusedError) as raised:
            transport.get(ME)
        assert raised.value.status == status
        assert len(api.requests) == 1
        assert other.requests == []


# Answers that are none.


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"<html><body>Sign in</body></html>", "the answer is HTML", id="html"),
        pytest.param(b"\n  <!doctype html>", "the answer is HTML", id="html-after-blanks"),
        pytest.param(b"", "the answer is no JSON", id="empty"),
        pytest.param(b'{"data": [{"starting_at"', "the answer is no JSON", id="cut-short"),
        pytest.param(b"{} {}", "the answer is no JSON", id="two-documents"),
        pytest.param(b"\xff\xfe", "the answer is no JSON", id="not-utf-8"),
        pytest.param(b"[" * 100_000, "the answer is no JSON", id="too-deep"),
        pytest.param(b'"\\ud800"', "the answer is no JSON", id="half-a-character"),
    ],
)
def test_a_success_that_is_no_json_is_an_error(body: bytes, words: str) -> None:
    """Whatever answers with 200 and no JSON is not the API; asking again would not help."""
    clock = Clock()
    raised = failure(Response(200, body, {"request-id": "req_X"}), clock=clock)
    assert raised.code == "malformed_answer"
    assert (raised.message, raised.trace) == (words, f"GET {ME}, request-id req_X")
    assert raised.hint == (
        "something between here and the API may have answered: check the proxy and "
        "ANTHROPIC_BASE_URL"
    )
    assert clock.sleeps == []


def test_a_body_shorter_than_promised_is_an_error() -> None:
    """A connection that ends within the body is tried again, and never taken for the end of the answer."""
    clock = Clock()
    raised = failure(Response(200, b"{}", {"content-length": "100"}), clock=clock)
    assert raised.code == "connection"
    assert len(clock.sleeps) == 4


def test_a_body_longer_than_promised_is_an_error() -> None:
    """What stands within the promised length is not whole."""
    body = json.dumps({"data": list(range(100))}).encode()
    assert failure(Response(200, body, {"content-length": "50"})).code == "malformed_answer"


def test_an_answer_that_is_no_http_is_an_error() -> None:
    """A server that speaks something else is a failed connection."""
    with (
        raw_server(lambda connection: connection.sendall(b"SSH-2.0-x\r\n")) as url,
        connected(url) as transport,
        pytest.raises(UnverifiedError) as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "connection"


def test_gzip_is_decoded() -> None:
    """A compressed answer is asked for and understood."""
    packed = reply(gzip.compress(b'{"a": 1}'), content_encoding="gzip")
    with answering(packed) as api, connected(api.url) as transport:
        assert transport.get(ME) == {"a": 1}
        assert api.requests[0].headers["accept-encoding"] == "gzip"


def test_an_answer_may_say_that_it_is_not_encoded() -> None:
    """`identity` is as good as no word of an encoding."""
    plain = reply(b'{"a": 1}', content_encoding="identity")
    with answering(plain) as api, connected(api.url) as transport:
        assert transport.get(ME) == {"a": 1}


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "gzip,gzip", "x"])
def test_another_encoding_is_refused_unread(encoding: str) -> None:
    """What was not asked for is not unpacked: twice packed, a small answer is a very large one."""
    body = gzip.compress(gzip.compress(b'{"a": 1}')) if "," in encoding else b'{"a": 1}'
    clock = Clock()
    raised = failure(reply(body, content_encoding=encoding), clock=clock)
    assert (raised.code, clock.sleeps) == ("malformed_answer", [])
    assert_says(str(raised), "encoded in a way that was not asked for", f"(GET {ME})")
    assert raised.hint == "check what answers at ANTHROPIC_BASE_URL"


def test_broken_gzip_is_an_error() -> None:
    """A compressed answer that cannot be unpacked is none."""
    assert failure(reply(b"no gzip", content_encoding="gzip")).code == "connection"


def test_gzip_that_is_cut_short_is_an_error() -> None:
    """The first half of a compressed answer is none."""
    packed = gzip.compress(json.dumps({"data": list(range(9999))}).encode())
    assert isinstance(
        failure(reply(packed[: len(packed) // 2], content_encoding="gzip")), UnverifiedError
    )


@pytest.mark.parametrize("packed", [False, True])
def test_an_oversized_answer_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """An answer beyond the limit is an error, measured after unpacking, and not asked for again."""
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 1024**2)
    body = b'"' + b"x" * 1024**2 + b'"'
    clock = Clock()
    response = (
        reply(gzip.compress(body), content_encoding="gzip") if packed else Response(200, body)
    )
    raised = failure(response, clock=clock)
    assert (raised.code, clock.sleeps) == ("oversized_answer", [])
    assert_says(str(raised), "larger than 1 MiB", f"(GET {ME})")
    assert raised.hint == "check what answers at ANTHROPIC_BASE_URL"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_too_many_parts_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, *, packed: bool
) -> None:
    """Each part takes memory many times its size: a small answer is refused as a large one is."""
    monkeypatch.setattr(answers, "MOST_PARTS", 1000)
    monkeypatch.setattr(answers, "decode", lambda *_: pytest.fail("it was decoded"))
    body = json.dumps([0] * 1100).encode()
    clock = Clock()
    raised = failure(
        reply(gzip.compress(body), content_encoding="gzip") if packed else reply(body), clock=clock
    )
    assert (raised.code, clock.sleeps) == ("oversized_answer", [])
    assert_says(str(raised), "holds more than 1,000 parts", f"(GET {ME})")
    assert raised.hint == "check what answers at ANTHROPIC_BASE_URL"


@pytest.mark.parametrize("commas", [990, 1000])
def test_an_answer_of_many_parts_is_read(monkeypatch: pytest.MonkeyPatch, commas: int) -> None:
    """Up to the limit nothing is refused."""
    monkeypatch.setattr(answers, "MOST_PARTS", 1000)
    parts = [0] * (commas + 1)
    with answering(reply(parts)) as api, connected(api.url) as transport:
        assert transport.get(ME) == parts


def test_an_answer_of_just_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit itself is allowed."""
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 100)
    body = b'"' + b"x" * 98 + b'"'
    with answering(Response(200, body)) as api, connected(api.url) as transport:
        assert transport.get(ME) == "x" * 98


# Connections that fail.


def unused_url() -> str:
    """Return the URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_refused_connection_is_told_as_such() -> None:
    """Nobody listening is not a timeout, and is tried again."""
    clock = Clock()
    with (
        connected(unused_url(), clock=clock) as transport,
        pytest.raises(UnverifiedError, match=r"connection failed .*refused") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "connection"
    assert_says(raised.value.trace, f"GET {ME}: ", "refused, tried 5 times")
    assert_says(
        raised.value.hint,
        "may be down",
        "run the gate again later",
        "the network, the proxy and ANTHROPIC_BASE_URL",
    )
    assert len(clock.sleeps) == 4


def test_a_name_that_does_not_resolve_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing look-up of the host is not reported as a timeout."""

    def fail(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with (
        connected("http://nowhere.invalid") as transport,
        pytest.raises(UnverifiedError, match="Name or service not known") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "connection"
    assert "time" not in str(raised.value).removesuffix("tried 5 times)")


def transport_of(http: httpx.BaseTransport) -> Transport:
    """Return a transport over a connection that a test makes up."""
    return Transport("http://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None, http=http)


def test_a_failure_without_words_is_told_by_its_kind() -> None:
    """Some errors of a connection have no message of their own."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("")

    with pytest.raises(UnverifiedError) as raised:
        transport_of(httpx.MockTransport(fail)).get(ME)
    assert raised.value.trace == f"GET {ME}: ReadError, tried 5 times"


def test_a_refusal_without_a_request_id_is_its_status() -> None:
    """Nothing is made up where nothing was told."""
    refusing = httpx.MockTransport(lambda _: httpx.Response(403))
    with pytest.raises(RefusedError) as raised:
        transport_of(refusing).get(ME)
    assert raised.value.trace == f"GET {ME}"


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


def test_a_connection_that_ends_without_an_answer_is_told_as_such() -> None:
    """A server that hangs up each time is a failed connection."""
    raised = failure(Response(0))
    assert raised.code == "connection"


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


def silent(connection: socket.socket) -> None:
    """Read whatever comes and never answer."""
    while connection.recv(65536):
        pass


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


def test_a_timeout_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer in time is neither a refusal nor a failed connection."""
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.1)
    with (
        raw_server(silent) as url,
        connected(url) as transport,
        pytest.raises(UnverifiedError, match=rf"no answer came in time \(GET {ME}, ") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "timeout"
    assert raised.value.hint == "try again; if it stays so, see the API's status page"


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


# Proxies and TLS. Answers close their connection, as nothing here closes the client.

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set a proxy for everything, as the environment of a runner may."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def use(url: str) -> None:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.lower(), url)

    return use


def test_a_proxy_never_sees_what_is_meant_for_this_machine(
    proxied: Callable[[str], None],
) -> None:
    """Plain http is for loopback alone, so the environment's proxy is not asked."""
    with LoopbackAPI(NOBODY, now=NOW) as proxy, LoopbackAPI(NOBODY, now=NOW) as api:
        proxied(proxy.url)
        api.intercept = lambda *_: reply({"direct": True}, connection="close")
        assert Transport(api.url, ADMIN, deadline=10).get(ME) == {"direct": True}
        assert proxy.requests == []


def test_a_proxy_tunnels_https_without_seeing_the_secret(proxied: Callable[[str], None]) -> None:
    """Over https the environment's proxy is used, and it is told the host and nothing more."""
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with raw_server(serve) as url:
        proxied(url)
        transport = Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None)
        with pytest.raises(UnverifiedError, match="407"):
            transport.get(ME)
    assert heard[0].startswith(b"CONNECT api.example.test:443 HTTP/1.1\r\n")
    assert ADMIN.secret.encode() not in b"".join(heard)


@pytest.mark.usefixtures("proxied")
def test_https_checks_the_certificate_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake is made by a context that demands a certificate of that host."""
    seen: list[tuple[ssl.VerifyMode, bool, str | None]] = []

    def wrap(
        self: ssl.SSLContext,
        sock: socket.socket,
        *,
        server_hostname: str | None = None,
        **_: object,
    ) -> ssl.SSLSocket:
        seen.append((self.verify_mode, self.check_hostname, server_hostname))
        sock.close()
        raise ssl.SSLCertVerificationError("certificate verify failed")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with raw_server(silent) as url:
        transport = Transport(
            url.replace("http:", "https:"), ADMIN, deadline=10, sleep=lambda _: None
        )
        with pytest.raises(UnverifiedError, match="certificate verify failed"):
            transport.get(ME)
    assert seen[0] == (ssl.CERT_REQUIRED, True, "127.0.0.1")


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param("socks5://127.0.0.1:9", id="socks"),
        pytest.param("ftp://127.0.0.1:9", id="ftp"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_no_bug_of_ours(
    proxied: Callable[[str], None], proxy: str
) -> None:
    """A runner whose environment names a proxy of another kind is told so, without a traceback."""
    proxied(proxy)
    with pytest.raises(UnverifiedError, match="is no usable proxy") as raised:
        Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None).get(ME)
    assert raised.value.hint == "write http://HOST:PORT (SOCKS is not supported), or unset it"


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("is_small", [False, True])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://user:EXAMPLE/word@127.0.0.1:9"),
        ("ALL_PROXY", "ftp://user:EXAMPLE@127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:65536"),
        ("ALL_PROXY", "user:EXAMPLE@127.0.0.1:99999"),
        ("NO_PROXY", "localhost,[::1]"),
        ("NO_PROXY", "fe80::/10"),
    ],
)
def test_the_variable_at_fault_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, *, is_small: bool
) -> None:
    """Not that of the proxy which is right; and a proxy's password is shown nowhere."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(variable.lower() if is_small else variable, value)
    transport = Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert raised.value.code == "runner"
    told = raised.value.told
    assert f"{variable} (or {variable.lower()}) is no" in told
    assert [name for name in PROXIES if name in told.replace(variable, "")] == []
    assert "EXAMPLE" not in told
    # The remedy helps.
    monkeypatch.delenv(variable.lower() if is_small else variable)
    transport = Transport("https://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError, match="the connection failed"):
        transport.get(ME)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("hosts", ["127.0.0.1:99999", "%%%"])
def test_where_a_connection_fails_the_proxys_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    """Hosts that name nothing leave the way through the proxy: both variables may be at fault."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", hosts)
    transport = Transport("https://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert "check the network, HTTPS_PROXY, NO_PROXY and ANTHROPIC_BASE_URL" in raised.value.hint


@pytest.mark.usefixtures("proxied")
def test_certificates_that_cannot_be_read_are_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A runner whose SSL_CERT_FILE is not there is told so, without a traceback."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(GateError):
        Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None).get(ME)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("name", "reason"), [("none.pem", "No such file"), ("empty.pem", "no certificate"), (".", "")]
)
def test_certificates_that_cannot_be_read_are_told_with_their_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reason: str
) -> None:
    """What the system says of it names no file."""
    (tmp_path / "empty.pem").touch()
    file = str(tmp_path / name)
    monkeypatch.setenv("SSL_CERT_FILE", file)
    transport = Transport("https://api.example.test", ADMIN, deadline=10, certificates=file)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert f"SSL_CERT_FILE names {file}: " in raised.value.message
    assert reason in raised.value.message
    # Neither does what only the log of TLS keys stands in the way of blame the certificates.
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path))
    with pytest.raises(UnverifiedError, match="SSLKEYLOGFILE"):
        Transport("https://api.example.test", ADMIN, deadline=10).get(ME)


@pytest.mark.usefixtures("proxied")
def test_a_certificate_that_does_not_verify_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next try meets the same one: SSL_CERT_FILE is what helps."""
    tries = []

    def wrap(self: ssl.SSLContext, sock: socket.socket, **_: object) -> ssl.SSLSocket:
        tries.append(self)
        sock.close()
        raise ssl.SSLCertVerificationError("self-signed certificate in certificate chain")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with raw_server(silent) as url:
        transport = Transport(url.replace("http:", "https:"), ADMIN, deadline=10)
        with pytest.raises(UnverifiedError, match="self-signed") as raised:
            transport.get(ME)
    assert len(tries) == 1
    assert "set SSL_CERT_FILE" in raised.value.hint


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://xn--/", id="punycode"),
        pytest.param("https://exa\u2028mple", id="line-separator"),
        pytest.param(f"https://{'a' * 70}.example.test", id="long-label"),
    ],
)
def test_an_address_that_cannot_be_one_is_no_bug_of_ours(url: str) -> None:
    """A base URL that no request can be made to is told so, without a traceback."""
    with pytest.raises(GateError):
        Transport(url, ADMIN, deadline=10, sleep=lambda _: None).get(ME)


@pytest.mark.parametrize(
    "error", [httpx.InvalidURL("it has a space"), UnicodeError("it has a space")]
)
def test_an_address_that_is_found_wrong_late_comes_with_its_remedy(error: Exception) -> None:
    """Some addresses are refused only by the first request."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ConfigurationError) as raised:
        transport_of(httpx.MockTransport(fail)).get(ME)
    assert raised.value.message == "ANTHROPIC_BASE_URL is no address: it has a space"
    assert raised.value.hint == "correct it, or leave it empty"


# What a refusal says of its cause.

INDIVIDUAL = "set up an organization in the Console"
OF_API = "create the Admin key in the Console organization"
LIMIT = "raise the limit in the Console"


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [
        (403, "The Admin API is unavailable for individual accounts.", INDIVIDUAL),
        (400, "Not supported for Individual Account users", INDIVIDUAL),
        (400, "This endpoint is not available for this organization type.", OF_API),
        (400, "Unsupported type of organisation", OF_API),
        (400, "You have reached your specified API usage limits. You will regain access.", LIMIT),
        (400, "own spend limit reached", LIMIT),
        (429, "Your organization has crossed its monthly API usage threshold", LIMIT),
    ],
)
def test_a_refusal_with_a_known_cause_has_a_fitting_remedy(
    status: int, message: str, advice: str
) -> None:
    """However it is worded, and it is not tried again."""
    clock = Clock()
    refusal = failure(error(status, message=message), clock=clock)
    assert advice in refusal.hint
    assert clock.sleeps == []


def test_a_refusal_of_any_length_is_looked_through_once() -> None:
    """A message of a million letters: to look from each of them on would take hours."""
    message = "usage limit " * 100_000
    assert LIMIT not in failure(error(400, message=message), clock=Clock()).hint


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "Invalid date range: ending date must be after starting date"),
        (429, "Number of requests has exceeded your rate limit"),
        (429, "Server is temporarily limiting requests (not your usage limit)"),
        (500, "usage limit reached"),
    ],
)
def test_a_refusal_of_another_cause_keeps_the_remedy_of_its_status(
    status: int, message: str
) -> None:
    """A limit of requests is not one of spend, and a server in trouble knows no cause."""
    hint = failure(error(status, message=message)).hint
    assert not [advice for advice in (INDIVIDUAL, OF_API, LIMIT) if advice in hint]


def test_an_answer_with_a_key_twice_is_no_answer() -> None:
    """Which of both amounts is true is not for us to say."""
    assert failure(reply(b'{"n": 1, "n": 2}')).code == "malformed_answer"
