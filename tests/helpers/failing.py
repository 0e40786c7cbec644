"""Requests that fail: an API that answers as it is told to, and the error that comes of it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from budget_gate.errors import UnverifiedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport
from tests.helpers.serving import ADMIN, ME, NOBODY, NOW, Clock, connected, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Request, Response


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
    """Return the error of a request that is answered so, which says what it is and what helps."""
    with (
        answering(*responses) as api,
        connected(api.url, credential=credential, clock=clock) as transport,
        pytest.raises(UnverifiedError) as raised,
    ):
        transport.get(ME)
    assert_says(raised.value.message)
    assert_says(raised.value.hint)
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


def unused_url() -> str:
    """Return the URL of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def transport_of(http: httpx.BaseTransport) -> Transport:
    """Return a transport over a connection that a test makes up."""
    return Transport("http://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None, http=http)


def silent(connection: socket.socket) -> None:
    """Read whatever comes and never answer."""
    while connection.recv(65536):
        pass


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
