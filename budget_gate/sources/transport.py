"""HTTP: credentials, retries, one deadline over everything, and errors that say what to do."""

import random
import re
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Thread
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx
from pydantic_core import from_json

from budget_gate import __version__
from budget_gate.domain.clock import WORTH_A_WARNING
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.sources.strict_json import decode

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
# Of JSON: a month of a large organization has 3 million; each takes memory many times its size.
MOST_PARTS: Final = 20_000_000
ATTEMPTS: Final = 5
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 8.0
LONGEST_RETRY_AFTER: Final = 60.0
REQUEST_TIMEOUT: Final = 60.0
CONNECT_TIMEOUT: Final = 10.0

# Statuses that the same request may not meet again, besides those of a server in trouble.
_RETRIED = (408, 409, 429)

# What the environment may name a proxy for.
_PROXIED = ("http", "https", "all")
_LAST_PORT = 65535

# What a refusal says, loosely, as its wording drifts -> what helps; trying again never does.
_ADVICE: Final = {
    re.compile(r"individual account", re.IGNORECASE): (
        "an individual account has no Admin API: set up an organization in the Console, and create "
        "the Admin key there"
    ),
    re.compile(r"organi[sz]ation type|type of organi[sz]ation", re.IGNORECASE): (
        "this report is for API organizations: create the Admin key in the Console organization "
        "whose API spend is to be judged"
    ),
    re.compile(
        # From the beginning alone: to look from everywhere takes minutes for a long text.
        r"\A(?=.*(reach|cross|exceed))(?=.*(spend|spending|usage) (limit|threshold|cap))",
        re.IGNORECASE | re.DOTALL,
    ): (
        "the organization has reached its own spend limit, so the API did not answer: raise the "
        "limit in the Console, or wait until it starts again"
    ),
}

Query = Sequence[tuple[str, str]]
Result = TypeVar("Result")


class RefusedError(UnverifiedError):
    """The API answered with an HTTP status that says no; `status` is that status.

    `is_explained`: the API's message says why, and the hint is about that.
    """

    def __init__(self, message: str, hint: str, status: int, *, is_explained: bool = False) -> None:
        super().__init__(message, hint, code=f"http_{status}")
        self.status = status
        self.is_explained = is_explained


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _PassingError(Exception):
    """A failure that another try may not meet; `wait` is the server's wish in seconds."""

    def __init__(self, error: UnverifiedError, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Credential:
    """How a request proves who asks: an Admin key, or an OAuth token."""

    secret: str = field(repr=False)
    is_token: bool

    @property
    def headers(self) -> dict[str, str]:
        """The one header that carries the secret."""
        if self.is_token:
            return {"authorization": f"Bearer {self.secret}"}
        return {"x-api-key": self.secret}


@dataclass(frozen=True, slots=True)
class Pending(Generic[Result]):
    """A call that is under way."""

    _future: Future[Result]
    _transport: "Transport"

    def result(self) -> Result:
        """What the call returns; raises what it raises, and UnverifiedError at the deadline."""
        return self._transport.await_result(self._future)


class Transport:
    """Reads JSON from the API; every method may be called from several threads.

    `deadline` is in seconds from the making of the object, for all requests together.
    `certificates` is what SSL_CERT_FILE names, to say so where it cannot be read. `now`
    (monotonic seconds), `sleep`, `jitter` (a factor from 0 to 1), `clock` and `http` are
    parameters for tests.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        deadline: float,
        certificates: str | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = _utc_now,
        http: httpx.BaseTransport | None = None,
    ) -> None:
        self._credential = credential
        self._now = now
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._told: list[datetime] = []
        self._differences: list[timedelta] = []
        self._seconds = deadline
        self._end = now() + deadline
        is_loopback = urlsplit(base_url).scheme == "http"
        headers = {
            "anthropic-version": "2023-06-01",
            "user-agent": f"budget-gate/{__version__}",
            "accept": "application/json",
            "accept-encoding": "gzip",
            **credential.headers,
        }
        self._client: httpx.Client | UnverifiedError
        try:
            httpx.URL(base_url)
        except (ValueError, httpx.InvalidURL) as error:
            raise _no_address(error) from error
        try:
            if not is_loopback:
                for scheme in _PROXIED:
                    _check_port(_proxy(scheme))
            self._client = httpx.Client(
                base_url=base_url,
                headers=headers,
                # A redirect would carry the key to wherever it points.
                follow_redirects=False,
                # Plain http is for this machine alone: never through a proxy, and without TLS.
                trust_env=not is_loopback,
                verify=not is_loopback,
                transport=http,
            )
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            # The runner is at fault and not the policy: it is told where something is asked for.
            self._client = _obstacle(error, certificates)

    def get(self, path: str, query: Query = (), *, beta: str | None = None) -> Any:
        """The JSON that `path` answers, its numbers exact integers or floats.

        Raises RefusedError for a status that says no, and UnverifiedError for everything else
        that is not a whole JSON answer within the deadline.
        """
        wait = FIRST_WAIT
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(path, query, beta)
            except _PassingError as failure:
                pause = wait * (1 - self._jitter() / 4)
                if failure.wait is not None:
                    pause = max(pause, min(failure.wait, LONGEST_RETRY_AFTER))
                if attempt == ATTEMPTS or self._now() + pause >= self._end:
                    raise self._given_up(failure.error, attempt) from failure
                self._sleep(pause)
                wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("unreachable")

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

    def _once(self, path: str, query: Query, beta: str | None) -> Any:
        asked = f"GET {path}"
        if isinstance(self._client, UnverifiedError):
            raise self._client
        try:
            with self._client.stream(
                "GET",
                path,
                params=list(query),
                headers={"anthropic-beta": beta} if beta else {},
                timeout=self._timeout(),
            ) as response:
                self._note_time(response)
                body = self._body(response, asked)
        except httpx.TimeoutException as error:
            raise _PassingError(
                UnverifiedError(
                    f"{asked}: no answer in time",
                    "try again; if it stays so, see the API's status page",
                    code="timeout",
                )
            ) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise _no_address(error) from error
        except httpx.RequestError as error:
            if _is_untrusted(error):
                raise UnverifiedError(
                    f"{asked}: the certificate does not verify ({_reason(error)})",
                    "where a proxy or gateway signs with a CA of its own, set SSL_CERT_FILE to a "
                    "PEM file that holds that CA; where the certificate is out of its dates, check "
                    "the clock",
                    code="certificate",
                ) from error
            raise _PassingError(
                UnverifiedError(
                    f"{asked}: the connection failed ({_reason(error)})",
                    f"check the network, {_proxy_variables()} and ANTHROPIC_BASE_URL",
                    code="connection",
                )
            ) from error
        if response.status_code != httpx.codes.OK:
            raise self._refusal(asked, response, body)
        if body.count(b",") > MOST_PARTS:
            raise _oversized(asked, f"holds more than {MOST_PARTS:,} parts")
        try:
            return decode(body, asked)
        except ValueError as error:
            what = "HTML" if body.lstrip()[:1] == b"<" else "no JSON"
            raise UnverifiedError(
                f"{asked}: the answer is {what}{_request_id(response)}",
                "something between here and the API may have answered: check the proxy and "
                "ANTHROPIC_BASE_URL",
                code="malformed_answer",
            ) from error

    @property
    def clock_difference(self) -> timedelta | None:
        """The API's time minus the local one, the largest seen; None where it told none."""
        return max(self._differences, key=abs, default=None)

    def has_begun(self, instant: datetime) -> bool:
        """Whether `instant` had come when the API first answered; true where its time is doubted.

        A clock more than 5 minutes off is: an answer may be an old one that something has kept.
        """
        difference = self.clock_difference
        is_doubted = difference is None or abs(difference) > WORTH_A_WARNING
        return is_doubted or min(self._told) >= instant

    def _note_time(self, response: httpx.Response) -> None:
        with suppress(ValueError, TypeError, OverflowError):
            told = parsedate_to_datetime(response.headers.get("date", ""))
            # HTTP knows no other zone, though some leave its name out.
            told = told.replace(tzinfo=told.tzinfo or UTC)
            difference = told - self._clock()
            self._told.append(told)
            self._differences.append(difference)

    def _timeout(self) -> httpx.Timeout:
        left = self._end - self._now()
        if left <= 0:
            raise self._late()
        return httpx.Timeout(min(left, REQUEST_TIMEOUT), connect=min(left, CONNECT_TIMEOUT))

    def _body(self, response: httpx.Response, asked: str) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("gzip", "identity", ""):
            raise UnverifiedError(
                f"{asked}: the answer is encoded in a way that was not asked for",
                "check what answers at ANTHROPIC_BASE_URL",
                code="malformed_answer",
            )
        chunks = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise _oversized(asked, f"is larger than {MAX_BODY_BYTES // 2**20} MiB")
            if self._now() >= self._end:
                raise self._late()
            chunks.append(chunk)
        # An answer that echoes the key must not bring it in: what is quoted of it may be cut.
        return b"".join(chunks).replace(self._credential.secret.encode(), b"***")

    def _refusal(self, asked: str, response: httpx.Response, body: bytes) -> Exception:
        status = response.status_code
        said = _said(body)
        message = f"{asked}: {status}{f' {said}' if said else ''}{_request_id(response)}"
        fitting = next((advice for about, advice in _ADVICE.items() if about.search(said)), "")
        if httpx.codes.is_server_error(status):
            fitting = ""
        hint = fitting or self._hint(status)
        error = RefusedError(message, hint, status, is_explained=bool(fitting))
        advice = response.headers.get("x-should-retry")
        retriable = status in _RETRIED or httpx.codes.is_server_error(status)
        retriable &= not fitting
        if advice in ("true", "false"):
            retriable = advice == "true"
        return (
            _PassingError(error, _seconds(response.headers.get("retry-after")))
            if retriable
            else error
        )

    def _hint(self, status: int) -> str:
        match status:
            case 401 if self._credential.secret.startswith("sk-ant-api"):
                return (
                    "this looks like a key for messages, which cannot read usage: create an Admin "
                    "key (sk-ant-admin...) in the Console and set ANTHROPIC_ADMIN_KEY to it"
                )
            case 401:
                return (
                    "check that the Admin key or OAuth token is whole, current and of this "
                    "organization"
                )
            case 403:
                return "the credential may not read usage: use an Admin key, or the scope org:admin"
            case 404:
                return "check ANTHROPIC_BASE_URL"
            case 429:
                return "the API limits requests: run the gate less often, or later"
            case _ if httpx.codes.is_redirect(status):
                return (
                    "redirects are not followed, as they would carry the key along: set "
                    "ANTHROPIC_BASE_URL to the final address"
                )
            case _ if httpx.codes.is_server_error(status):
                return "the API is in trouble: run the gate again later"
            case _:
                return "update budget-gate; if it is current, report this"

    def _given_up(self, error: UnverifiedError, attempts: int) -> UnverifiedError:
        tries = f" (tried {attempts} times)" if attempts > 1 else ""
        if isinstance(error, RefusedError):
            return RefusedError(
                error.message + tries,
                error.hint,
                error.status,
                is_explained=error.is_explained,
            )
        return UnverifiedError(error.message + tries, error.hint, code=error.code)

    def _late(self) -> UnverifiedError:
        return UnverifiedError(
            f"the API did not answer everything within {self._seconds:g} s",
            "try again, or allow more time with --deadline",
            code="deadline",
        )


def _oversized(asked: str, what: str) -> UnverifiedError:
    return UnverifiedError(
        f"{asked}: the answer {what}",
        "check what answers at ANTHROPIC_BASE_URL",
        code="oversized_answer",
    )


def _no_address(error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"ANTHROPIC_BASE_URL is no address: {error}", "correct it, or leave it empty"
    )


def _obstacle(error: Exception, certificates: str | None) -> UnverifiedError:
    """Which variable of the runner leaves no connection: a proxy is not shown, for its password."""
    if isinstance(error, OSError):
        name, what, hint = "SSLKEYLOGFILE", "names a file that cannot be written", "unset it"
        try:
            if certificates:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificates)
        except OSError as unreadable:
            name, what = "SSL_CERT_FILE", f"names {certificates}: {unreadable.strerror}"
            hint = "name a PEM file that holds the CAs to trust, or unset it"
    else:
        name, what = "NO_PROXY (or no_proxy)", "is no list of hosts"
        hint = "write names or addresses with commas between them and no brackets, or unset it"
        for scheme in _PROXIED:
            address = _proxy(scheme)
            try:
                _check_port(address)
                httpx.Client(proxy=address).close()
            except (ImportError, ValueError, httpx.InvalidURL):
                name, what = f"{scheme.upper()}_PROXY (or {scheme}_proxy)", "is no usable proxy"
                hint = "write http://HOST:PORT (SOCKS is not supported), or unset it"
    return UnverifiedError(f"no connection can be made: {name} {what}", hint, code="runner")


def _proxy(scheme: str) -> str:
    """The address of the environment's proxy for that scheme; of none where it names none."""
    address = getproxies().get(scheme) or "http://unset"
    return address if "://" in address else f"http://{address}"


def _check_port(address: str) -> None:
    """Raises ValueError for a port that does not exist, in place of which another is tried."""
    if (httpx.URL(address).port or 0) > _LAST_PORT:
        raise ValueError("there is no such port")


def _proxy_variables() -> str:
    """The variables by which https finds its way through a proxy, those that are set."""
    found = getproxies()
    names = [f"{each.upper()}_PROXY" for each in ("https", "all", "no") if found.get(each)]
    return ", ".join(names) or "the proxy"


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether an error comes from a certificate that does not verify."""
    while error and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _said(body: bytes) -> str:
    """The type and the message of an error of the API; empty where the body is something else."""
    try:
        error = from_json(body)["error"]
        return f"{error['type']}: {error['message']}"
    except (ValueError, TypeError, KeyError, IndexError):
        return "(an answer that is not the API's)" if body else ""


def _request_id(response: httpx.Response) -> str:
    request_id = response.headers.get("request-id")
    return f" (request-id {request_id})" if request_id else ""


def _seconds(retry_after: str | None) -> float | None:
    if retry_after and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", retry_after, re.ASCII):
        return float(retry_after)
    return None


def _reason(error: httpx.RequestError) -> str:
    return str(error) or type(error).__name__
