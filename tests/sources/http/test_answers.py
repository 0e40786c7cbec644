"""What an answer means: refusals with what helps, and answers that are none."""

import gzip
import json

import pytest

from budget_gate.errors import UnverifiedError
from budget_gate.sources.http import answers
from budget_gate.sources.http import transport as module
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import Credential
from tests.helpers.failing import (
    REFUSALS,
    answering,
    error,
    failure,
    sleeps,
)
from tests.helpers.paths import RECORDINGS
from tests.helpers.serving import ADMIN, ME, NOBODY, NOW, Clock, connected, raw_server, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import EXAMPLE_AUTH_TOKEN, LoopbackAPI, Response

MESSAGE_KEY = Credential.of_key("sk-ant-api03-EXAMPLE-NOT-A-KEY")
TOKEN = Credential.of_token(EXAMPLE_AUTH_TOKEN)


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
    ("status", "credential", "what", "remedy"),
    [
        pytest.param(
            401,
            MESSAGE_KEY,
            "the API refused the key",
            "this is an API key (sk-ant-api...). If it has the scope read:analytics, check that it is "
            "complete (no quotes) and not revoked; otherwise usage needs an Admin key "
            "(sk-ant-admin...): create one in the Console and use it instead",
            id="401-message-key",
        ),
        pytest.param(401, ADMIN, "the API refused the key", NOT_WHOLE, id="401-admin-key"),
        pytest.param(401, TOKEN, "the API refused the token", NOT_WHOLE, id="401-token"),
        pytest.param(
            403,
            ADMIN,
            "this request is not allowed",
            "the credential may not read this: use an Admin key, or the scope org:admin",
            id="403",
        ),
        pytest.param(
            404, ADMIN, "nothing is at this address", "check ANTHROPIC_BASE_URL", id="404"
        ),
        pytest.param(
            429, ADMIN, "the API limits requests", "run the gate less often, or later", id="429"
        ),
        pytest.param(500, ADMIN, "the API has a problem", "run the gate again later", id="500"),
        pytest.param(
            302,
            ADMIN,
            "the address redirects to another one",
            "redirects are not followed, as they would carry the key along: set "
            "ANTHROPIC_BASE_URL to the final address",
            id="302",
        ),
        pytest.param(
            400,
            ADMIN,
            "the request was refused",
            "update budget-gate; if it is current, report this",
            id="400",
        ),
    ],
)
def test_the_hint_is_the_next_step(
    status: int, credential: Credential, what: str, remedy: str
) -> None:
    """Each refusal says what it is, with its status, and comes with what to do about it."""
    refused = failure(error(status), credential=credential)
    assert_says(refused.message, f"{what} ({status})")
    assert refused.hint == remedy


def test_an_address_that_ends_in_v1_is_told_to_leave_that_out() -> None:
    """All routes begin with it, so that it would stand there twice."""
    with (
        answering(error(404)) as api,
        connected(f"{api.url}/v1") as transport,
        pytest.raises(RefusedError) as raised,
    ):
        transport.get(ME)
    assert raised.value.is_not_found
    assert_says(raised.value.hint, "leave out /v1 at the end of ANTHROPIC_BASE_URL")


@pytest.mark.parametrize(
    ("message", "is_explained"), [("said", False), ("spend limit reached", True)]
)
def test_a_refusal_is_explained_where_its_cause_is_known(
    message: str, *, is_explained: bool
) -> None:
    """Then another credential, or another route, does not help."""
    refused = failure(error(400, message=message))
    assert isinstance(refused, RefusedError)
    assert (refused.is_explained, refused.is_not_found) == (is_explained, False)


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


INDIVIDUAL = "set up an organization in the Console"


OF_API = "create the Admin key in the Console organization"


LIMIT = "raise the limit in the Console"


@pytest.mark.parametrize(
    ("status", "message", "advice", "remedy"),
    [
        (
            403,
            "The Admin API is unavailable for individual accounts.",
            INDIVIDUAL,
            "create the Admin key there",
        ),
        (400, "Not supported for Individual Account users", INDIVIDUAL, "and create the Admin key"),
        (
            400,
            "This endpoint is not available for this organization type.",
            OF_API,
            "whose API spend is to be judged",
        ),
        (400, "Unsupported type of organisation", OF_API, "to be judged"),
        (
            400,
            "You have reached your specified API usage limits. You will regain access.",
            LIMIT,
            "or wait until it starts again",
        ),
        (400, "own spend limit reached", LIMIT, "or wait"),
        (429, "Your organization has crossed its monthly API usage threshold", LIMIT, "or wait"),
    ],
)
def test_a_refusal_with_a_known_cause_has_a_fitting_remedy(
    status: int, message: str, advice: str, remedy: str
) -> None:
    """However it is worded, and it is not tried again."""
    clock = Clock()
    refusal = failure(error(status, message=message), clock=clock)
    assert_says(refusal.hint, advice, remedy)
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
    raised = failure(reply(b'{"n": 1, "n": 2}'))
    assert (raised.code, raised.trace) == ("malformed_answer", f"GET {ME}")
