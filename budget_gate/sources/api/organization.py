"""Which organization a credential belongs to."""

from budget_gate.sources.api.answers import malformed
from budget_gate.sources.http.transport import Transport

ROUTE = "/v1/organizations/me"


def read_identity(transport: Transport) -> tuple[str, str]:
    """The organization's id and its name, which may be empty.

    Raises UnverifiedError where the API does not tell them, as behind some gateways.
    """
    match transport.get(ROUTE):
        case {"id": str(id_), "name": str(name)} if id_:
            return id_, name
        case {"id": str(id_)} if id_:
            return id_, ""
        case _:
            raise malformed(f"GET {ROUTE}", "it is not an organization")
