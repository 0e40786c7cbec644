"""HTTP: retries, one deadline over everything, and a credential that may be renewed on the way."""

import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any, Final, Generic, TypeVar

import httpx

from budget_gate.errors import UnverifiedError
from budget_gate.secrecy import Secrets
from budget_gate.sources.http.answers import (
    OversizedError,
    PassingError,
    check_encoding,
    decoded,
    refusal,
)
from budget_gate.sources.http.api_time import ApiTime
from budget_gate.sources.http.client import failed, no_address, open_client
from budget_gate.sources.http.credentials import Credential, CredentialSource
from budget_gate.sources.http.request import Query, Request

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
# No report packs so well: an answer that does is as large to any question.
MOST_PACKED: Final = 200
ATTEMPTS: Final = 5
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 8.0
LONGEST_RETRY_AFTER: Final = 60.0
REQUEST_TIMEOUT: Final = 60.0
CONNECT_TIMEOUT: Final = 10.0

# Errors of a request that has not been sent.
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Result = TypeVar("Result")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Pending(Generic[Result]):
    """A call that is under way."""

    def __init__(self, future: Future[Result], transport: "Transport") -> None:
        self._future = future
        self._transport = transport

    def result(self) -> Result:
        """What the call returns; raises what it raises, and UnverifiedError at the deadline."""
        return self._transport.await_result(self._future)

    @property
    def is_done(self) -> bool:
        """Whether the call has ended, in whatever way."""
        return self._future.done()


class Transport:
    """Asks the API for JSON; every method may be called from several threads.

    `deadline` is in seconds from the making of the object, for all requests together. `secrets`
    are blotted out of every answer: what has gone out with a request is added to them.
    `certificates` is what SSL_CERT_FILE names, to say so where it cannot be read. `now`
    (monotonic seconds), `sleep`, `jitter` (a factor from 0 to 1), `clock` and `http` are
    parameters for tests.
    """

    def __init__(
        self,
        base_url: str,
        credential: CredentialSource,
        *,
        deadline: float,
        secrets: Secrets | None = None,
        certificates: str | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = _utc_now,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self.credential = credential
        self._secrets = Secrets() if secrets is None else secrets
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self.time = ApiTime(clock)
        # The credentials by which the API has answered something.
        self.taken: list[Credential] = []
        self._seconds = deadline
        self._end = now() + deadline
        self._client = open_client(base_url, certificates, http)

    def get(self, path: str, query: Query = (), *, beta: str | None = None) -> Any:
        """The JSON that `path` answers, its numbers exact integers or floats.

        Raises RefusedError for a status that says no, OversizedError for an answer beyond the
        limits, which is not read to its end, and UnverifiedError for everything else that is not a
        whole JSON answer within the deadline.
        """
        return self._answer(Request("GET", path, query, beta=beta))

    def post(self, path: str, body: Any, *, beta: str | None = None) -> Any:
        """The JSON that `path` answers to `body`, which is sent as JSON; raises what `get` does.

        It is sent again only where the API has done nothing with it: where no connection came
        about, where it was turned away as too much (429, 503, 529), or where the answer says by
        itself that another try does no harm. A function as `body` is called for each try, and
        what it makes may be done twice: that is sent again as a `get` is.
        """
        return self._answer(Request("POST", path, body=body, beta=beta))

    def start(self, call: Callable[[], Result]) -> "Pending[Result]":
        """Runs `call` beside the caller; the result is awaited no longer than the deadline."""
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                future.set_exception(error)

        # A daemon, as some waits (for DNS, for one) cannot be interrupted: past the deadline the
        # thread is left behind and ends with the process.
        Thread(target=run, daemon=True).start()
        return Pending(future, self)

    def await_result(self, future: "Future[Result]") -> Result:
        """The result of `future`; raises UnverifiedError at the deadline."""
        try:
            return future.result(max(0.0, self._end - self._now()))
        except TimeoutError:
            if future.done():
                return future.result()
            raise self._late() from None

    def _answer(self, request: Request) -> Any:
        wait = FIRST_WAIT
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(request)
            except PassingError as failure:
                pause = wait * (1 - self._jitter() / 4)
                if failure.wait is not None:
                    pause = max(pause, min(failure.wait, LONGEST_RETRY_AFTER))
                if attempt == ATTEMPTS or self._now() + pause >= self._end:
                    raise failure.told(attempt) from failure
                self._sleep(pause)
                wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("unreachable")

    def _once(self, request: Request) -> Any:
        credential = self.credential.current()
        response, body = self._send(request, credential)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            renewed = self.credential.current(refused=credential)
            if renewed.secret != credential.secret:
                credential = renewed
                response, body = self._send(request, credential)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            self.taken.append(credential)
        if response.status_code != httpx.codes.OK:
            raise refusal(request, response, body, credential)
        return decoded(str(request), response, body)

    def _send(self, request: Request, credential: Credential) -> tuple[httpx.Response, bytes]:
        if isinstance(self._client, UnverifiedError):
            raise self._client
        self._secrets.add(credential.secret)
        content = request.content()
        try:
            with self._client.stream(
                request.method,
                request.path,
                params=list(request.query),
                json=content,
                headers=request.headers(credential),
                timeout=self._timeout(),
            ) as response:
                self.time.note(response)
                return response, self._body(response, str(request))
        except (httpx.InvalidURL, UnicodeError) as error:
            raise no_address(error) from error
        except httpx.RequestError as error:
            failure = failed(str(request), error)
            may_pass = request.may_repeat or isinstance(error, _UNSENT)
            if failure.code == "certificate" or not may_pass:
                raise failure from error
            raise PassingError(failure) from error

    @property
    def clock_difference(self) -> timedelta | None:
        """The API's time minus the local one, the largest seen; None where it told none."""
        return self.time.difference

    def _timeout(self) -> httpx.Timeout:
        left = self._end - self._now()
        if left <= 0:
            raise self._late()
        return httpx.Timeout(min(left, REQUEST_TIMEOUT), connect=min(left, CONNECT_TIMEOUT))

    def _body(self, response: httpx.Response, asked: str) -> bytes:
        check_encoding(asked, response)
        chunks = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                large = OversizedError(asked, f"is larger than {MAX_BODY_BYTES // 2**20} MiB")
                is_bomb = response.num_bytes_downloaded * MOST_PACKED < size
                raise large.of_any_question if is_bomb else large
            if self._now() >= self._end:
                raise self._late()
            chunks.append(chunk)
        body = b"".join(chunks)
        # An answer that echoes a key must not bring it in: what is quoted of it may be cut.
        for secret in self._secrets:
            body = body.replace(secret.encode(), b"***")
        return body

    def _late(self) -> UnverifiedError:
        return UnverifiedError(
            f"the API did not answer everything within {self._seconds:g} s",
            "try again, or allow more time with --deadline",
            code="deadline",
        )
