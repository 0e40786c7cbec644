"""Which organization a credential belongs to."""

from budget_gate.errors import UnverifiedError
from budget_gate.sources.transport import Transport

ROUTE = "/v1/organizations/me"


def read_organization(transport: Transport) -> str | None:
    """The organization's id; None where the API does not tell it, as behind some gateways."""
    try:
        answer = transport.get(ROUTE)
    except UnverifiedError:
        return None
    match answer:
        case {"id": str(id_)} if id_:
            return id_
        case _:
            return None
