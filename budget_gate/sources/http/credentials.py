"""How a request proves who asks, and where another proof comes from once one is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self


class CredentialSource(Protocol):
    """What gives the credential of each request; it may be asked from several threads at once."""

    def current(self, refused: "Credential | None" = None) -> "Credential":
        """The credential to ask with now.

        `refused` is one that the API has just answered with 401: where there is another, that
        comes back, and `refused` itself where there is none. Several requests may bring the same
        one, as they go in parallel: only the first of them is to renew anything. Raises
        UnverifiedError where no credential can be had.
        """


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, and the headers that carry it; alone it is the source of itself, never renewed."""

    secret: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def of_key(cls, key: str) -> Self:
        """An Admin key, as its own header."""
        return cls(key, {"x-api-key": key})

    @classmethod
    def of_token(cls, token: str) -> Self:
        """An OAuth token, as a bearer's."""
        return cls(token, {"authorization": f"Bearer {token}"})

    def current(self, refused: "Credential | None" = None) -> "Credential":  # noqa: ARG002 - it knows no other
        """Itself, also where it was refused."""
        return self
