"""How a request proves who asks, and where another proof comes from once one is refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol, Self


class CredentialSource(Protocol):
    """What gives the credential of each request; it may be asked from several threads at once."""

    def current(self, refused: "Credential | None" = None) -> "Credential":
        """The credential to ask with now.

        `refused` is one that the API has just answered with 401: where there is another, that
        comes back, and `refused` itself where there is none. Several requests may bring the same
        one, as they go in parallel: only the first of them is to renew anything. Raises
        UnverifiedError where no credential can be had.
        """


class Credential(NamedTuple):
    """A secret, and the headers that carry it; alone it is the source of itself, never renewed."""

    secret: str
    headers: Mapping[str, str]
    # By status, what helps where the API refuses this one: what is known of how it was come by.
    remedies: Mapping[int, str] = MappingProxyType({})

    def __repr__(self) -> str:
        """Nothing of it, as it is secret."""
        return "Credential()"

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


# Of a request that none goes with.
NO_CREDENTIAL: Final = Credential("", {})


class RotatingKeys:
    """Two keys, of which the second is used from when the API refuses the first."""

    def __init__(self, first: str, second: str) -> None:
        self._first = Credential.of_key(first)
        remedy = (
            "both keys are refused, ANTHROPIC_ADMIN_KEY and ANTHROPIC_ADMIN_KEY_NEXT: check that "
            "one of them is complete (no quotes), not revoked, and belongs to this organization"
        )
        self._second = Credential.of_key(second)._replace(remedies={401: remedy})
        self._current = self._first

    def current(self, refused: Credential | None = None) -> Credential:
        """The first key while it is not known to be refused."""
        if refused == self._first:
            self._current = self._second
        return self._current

    @property
    def are_same(self) -> bool:
        """Whether both are one key, so that neither can stand in for the other."""
        return self._first.secret == self._second.secret

    @property
    def is_first_refused(self) -> bool:
        """Whether the API has refused the first key."""
        return self._current is self._second

    def is_first(self, credential: Credential) -> bool:
        """Whether that is the first key, and not the second one as well."""
        return credential == self._first and not self.are_same
