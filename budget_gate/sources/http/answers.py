"""What an answer means: its JSON, or by status and wording what went wrong and what helps."""

import re
from typing import Any, Final

import httpx
from pydantic_core import from_json

from budget_gate.domain.credential import MESSAGE_KEY, TOKEN
from budget_gate.errors import UnverifiedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.request import Request
from budget_gate.sources.strict_json import decode

# Of JSON: a month of a large organization has 3 million; each takes memory many times its size.
MOST_PARTS: Final = 20_000_000

# Statuses that the same request may not meet again, besides those of a server in trouble.
_RETRIED: Final = (408, 409, 429)
# Those of a request that was turned away before anything was done.
_TURNED_AWAY: Final = (429, 503, 529)

_LOOSELY: Final = re.IGNORECASE | re.DOTALL
# What a refusal says, loosely, as its wording drifts -> what helps; trying again never does.
_ADVICE: Final = {
    r"individual account": (
        "an individual account has no Admin API: set up an organization in the Console, and create "
        "the Admin key there"
    ),
    r"organi[sz]ation type|type of organi[sz]ation": (
        "this report is for API organizations: create the Admin key in the Console organization "
        "whose API spend is to be judged"
    ),
    # From the beginning alone: to look from everywhere takes minutes for a long text.
    r"\A(?=.*(reach|cross|exceed))(?=.*(spend|spending|usage) (limit|threshold|cap))": (
        "the organization has reached its own spend limit, so the API did not answer: raise the "
        "limit in the Console, or wait until it starts again"
    ),
}


class RefusedError(UnverifiedError):
    """The API answered with an HTTP status that says no; `status` is that status.

    `is_explained`: the API's message says why, and the hint is about that.
    """

    def __init__(
        self, message: str, hint: str, trace: str, status: int, *, is_explained: bool = False
    ) -> None:
        super().__init__(message, hint, trace, code=f"http_{status}")
        self.status = status
        self.is_explained = is_explained

    @property
    def is_not_found(self) -> bool:
        """Whether the API has no such route, as behind some gateways."""
        return self.status == httpx.codes.NOT_FOUND

    @property
    def is_forbidden(self) -> bool:
        """Whether the credential may not do this, though it may be good for other routes."""
        return self.status == httpx.codes.FORBIDDEN


class OversizedError(UnverifiedError):
    """An answer is too large, as one to a smaller question may not be; `what` says by how much."""

    def __init__(self, asked: str, what: str) -> None:
        hint = "check what answers at ANTHROPIC_BASE_URL"
        super().__init__(f"the answer {what}", hint, asked, code="oversized_answer")

    @property
    def of_any_question(self) -> UnverifiedError:
        """The same where no smaller question would help."""
        return UnverifiedError(self.message, self.hint, self.trace, code=self.code)


class PassingError(Exception):
    """A failure that another try may not meet; `wait` is the server's wish in seconds."""

    def __init__(self, error: UnverifiedError, wait: float | None = None) -> None:
        self.error = error
        self.wait = wait

    def told(self, attempts: int) -> UnverifiedError:
        """The failure as the last of so many attempts."""
        if attempts > 1:
            self.error.trace += f", tried {attempts} times"
        return self.error


def decoded(asked: str, response: httpx.Response, body: bytes) -> Any:
    """The JSON of an answer, its numbers exact integers or floats.

    Raises UnverifiedError where it is none, and OversizedError where it is too much to be decoded.
    """
    if body.count(b",") > MOST_PARTS:
        raise OversizedError(asked, f"holds more than {MOST_PARTS:,} parts")
    try:
        return decode(body, asked)
    except ValueError as error:
        what = "HTML" if body.lstrip()[:1] == b"<" else "no JSON"
        raise UnverifiedError(
            f"the answer is {what}",
            "something between here and the API may have answered: check the proxy and "
            "ANTHROPIC_BASE_URL",
            f"{asked}{_request_id(response)}",
            code="malformed_answer",
        ) from error


def check_encoding(asked: str, response: httpx.Response) -> None:
    """Raises UnverifiedError where an answer is packed in another way than was asked for."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("gzip", "identity", ""):
        raise UnverifiedError(
            "the answer is encoded in a way that was not asked for",
            "check what answers at ANTHROPIC_BASE_URL",
            asked,
            code="malformed_answer",
        )


def refusal(
    request: Request, response: httpx.Response, body: bytes, credential: Credential
) -> RefusedError | PassingError:
    """The error of an answer whose status says no, to a request that `credential` went with."""
    status = response.status_code
    said = _said(body)
    known = (advice for about, advice in _ADVICE.items() if re.search(about, said, _LOOSELY))
    # A server in trouble knows no cause.
    fitting = "" if httpx.codes.is_server_error(status) else next(known, "")
    what, hint = _meaning(status, credential.secret, response.url.path)
    hint = credential.remedies.get(status, hint)
    trace = f"{request}{f': {said}' if said else ''}{_request_id(response)}"
    error = RefusedError(
        f"{what} ({status})", fitting or hint, trace, status, is_explained=bool(fitting)
    )
    if request.may_repeat:
        is_passing = status in _RETRIED or httpx.codes.is_server_error(status)
    else:
        is_passing = status in _TURNED_AWAY
    is_passing &= not fitting
    advice = response.headers.get("x-should-retry")
    if advice in ("true", "false"):
        is_passing = advice == "true"
    return (
        PassingError(error, _seconds(response.headers.get("retry-after"))) if is_passing else error
    )


def _meaning(status: int, secret: str, path: str) -> tuple[str, str]:
    """What a status says in plain words, and what helps; `path` is what was asked for in full."""
    match status:
        case 401 if secret.startswith(MESSAGE_KEY):
            return "the API refused the key", (
                "this is an API key (sk-ant-api...). If it has the scope read:analytics, check "
                "that it is complete (no quotes) and not revoked; otherwise usage needs an Admin "
                "key (sk-ant-admin...): create one in the Console and use it instead"
            )
        case 401:
            return f"the API refused the {'token' if secret.startswith(TOKEN) else 'key'}", (
                "check that the Admin key or OAuth token is complete (no quotes), not revoked, and "
                "belongs to this organization"
            )
        case 403:
            return "this request is not allowed", (
                "the credential may not read this: use an Admin key, or the scope org:admin"
            )
        case 404:
            twice = "/v1/v1/" in path
            hint = "leave out /v1 at the end of ANTHROPIC_BASE_URL"
            return "nothing is at this address", hint if twice else "check ANTHROPIC_BASE_URL"
        case 429:
            return "the API limits requests", "run the gate less often, or later"
        case _ if httpx.codes.is_redirect(status):
            return "the address redirects to another one", (
                "redirects are not followed, as they would carry the key along: set "
                "ANTHROPIC_BASE_URL to the final address"
            )
        case _ if httpx.codes.is_server_error(status):
            return "the API has a problem", "run the gate again later"
        case _:
            hint = "update budget-gate; if it is current, report this"
            is_refusal = httpx.codes.is_client_error(status)
            return f"the {'request was refused' if is_refusal else 'status is unexpected'}", hint


def _said(body: bytes) -> str:
    """The type and the message of an error of the API; empty where the body is something else."""
    try:
        error = from_json(body)["error"]
        return f"{error['type']}: {error['message']}"
    except (ValueError, TypeError, KeyError, IndexError):
        return "an answer that is not the API's" if body else ""


def _request_id(response: httpx.Response) -> str:
    request_id = response.headers.get("request-id")
    return f", request-id {request_id}" if request_id else ""


def _seconds(retry_after: str | None) -> float | None:
    if retry_after and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", retry_after, re.ASCII):
        return float(retry_after)
    return None
