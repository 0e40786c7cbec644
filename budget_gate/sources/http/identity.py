"""Where a job's identity token comes from: what runs the job signs it, for somebody to read."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, Protocol
from urllib.parse import parse_qsl

from budget_gate.domain.credential import fault_of
from budget_gate.domain.federation import AUDIENCE, ID_TOKENS, PERMISSIONS
from budget_gate.errors import UnverifiedError
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

CODE: Final = "no_identity_token"

# The largest of the systems that sign them are a tenth of it: what is larger is another file.
_MOST_BYTES: Final = 16 * 1024
# Failures whose remedy is the same whoever is asked.
_OF_THE_RUNNER: Final = ("runner", "certificate")
_NOT_PERMITTED: Final = (400, 401, 403, 404)
_FORKS: Final = "a pull request from a fork gets none"
_PERMIT: Final = f"add to the job: {PERMISSIONS} ({_FORKS})"


class Identity(Protocol):
    """What gives the identity token of the job that this runs in.

    A token can be exchanged once: `is_renewable` says whether another one comes each time.
    """

    @property
    def origin(self) -> str:
        """Where it comes from, as a part of a sentence."""

    @property
    def is_renewable(self) -> bool:
        """Whether `token` gives a new one with each call."""

    def token(self) -> str:
        """The token to exchange now; raises UnverifiedError where there is none."""


@dataclass(frozen=True, slots=True)
class GivenIdentity:
    """The token itself, as a variable holds it."""

    _token: str = field(repr=False)
    origin: str = "ANTHROPIC_IDENTITY_TOKEN"
    is_renewable: bool = False

    def token(self) -> str:
        """That token, every time."""
        return usable(self._token, self.origin)


class IdentityFile(NamedTuple):
    """A file that holds the token, and that may be written anew at any time."""

    path: str
    origin: str = "ANTHROPIC_IDENTITY_TOKEN_FILE"
    is_renewable: bool = False

    def token(self) -> str:
        """What the file holds now."""
        try:
            with Path(self.path).open("rb") as file:
                text = file.read(_MOST_BYTES + 1).decode()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UnverifiedError(
                f"no identity token: {self.origin} names {self.path}: {why}",
                "name the file that holds the job's identity token",
                code=CODE,
            ) from error
        return usable(text.strip(), self.origin)


@dataclass(frozen=True, slots=True)
class GitHubIdentity:
    """GitHub Actions, which signs another token with each request; `_transport` asks it alone."""

    _transport: Transport
    path: str
    query: str
    origin: str = "GitHub Actions"
    is_renewable: bool = True

    def token(self) -> str:
        """A new token, made out to the API."""
        query = [*parse_qsl(self.query, keep_blank_values=True), ("audience", AUDIENCE)]
        try:
            answer = self._transport.get(self.path, query)
        except UnverifiedError as error:
            if error.code == "deadline":
                raise
            hint = error.hint if error.code in _OF_THE_RUNNER else "run the job again"
            if isinstance(error, RefusedError) and error.status in _NOT_PERMITTED:
                hint = _PERMIT
            message = f"no identity token came from GitHub: {error.message}"
            raise UnverifiedError(message, hint, error.trace, code=CODE) from error
        match answer:
            case {"value": str(token)}:
                return usable(token, "GitHub's answer")
            case _:
                raise UnverifiedError(
                    "no identity token came from GitHub: its answer holds none",
                    "run the job again; if it stays so, report this",
                    code=CODE,
                )


class NoIdentity(NamedTuple):
    """Nothing that would sign one; `in_github_actions` says what could be asked to."""

    in_github_actions: bool
    origin: str = "nowhere"
    is_renewable: bool = False

    def token(self) -> NoReturn:
        """Raises UnverifiedError with what to write, to be pasted."""
        if self.in_github_actions:
            message, hint = "no identity token: this job may not ask GitHub for one", _PERMIT
        else:
            message = "no identity token: nothing gives this job one"
            hint = (
                f"in a job of GitHub Actions, add {PERMISSIONS} ({_FORKS}); in GitLab, add "
                f"{ID_TOKENS}; elsewhere, set ANTHROPIC_IDENTITY_TOKEN_FILE to a file that has one"
            )
        raise UnverifiedError(message, hint, code=CODE)


def usable(token: str, origin: str) -> str:
    """The token, where it can be one; raises UnverifiedError, which does not show it."""
    if not token:
        why = "is empty"
    elif len(token) > _MOST_BYTES:
        why = "is too large to be an identity token"
    else:
        fault = fault_of(token)
        if fault is None:
            return token
        why = fault[0]
    raise UnverifiedError(
        f"no identity token: {origin} {why}",
        "it is to hold the token that GitLab, or whatever runs the job, signs for it",
        code=CODE,
    )
