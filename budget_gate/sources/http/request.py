"""What is asked of the API, and what goes with it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from budget_gate.sources.http.credentials import Credential

Query = Sequence[tuple[str, str]]


class Request(NamedTuple):
    """A method, a path and what is told there; printed, it is the method and the path.

    A `body` that can be called makes another one for each try.
    """

    method: str
    path: str
    query: Query = ()
    body: Any = None
    beta: str | None = None

    def __repr__(self) -> str:
        """As errors name it: its body may hold a secret."""
        return f"{self.method} {self.path}"

    @property
    def may_repeat(self) -> bool:
        """Whether it does no harm where it is done twice."""
        return self.method == "GET" or callable(self.body)

    def content(self) -> Any:
        """What to send as JSON this time; None for nothing."""
        return self.body() if callable(self.body) else self.body

    def headers(self, credential: Credential) -> dict[str, str]:
        """What goes with it alone, the betas of both named in one header."""
        headers = dict(credential.headers)
        if self.beta:
            betas = (headers.get("anthropic-beta"), self.beta)
            headers["anthropic-beta"] = ",".join(filter(None, betas))
        return headers
