"""The organization's workspaces, archived ones included."""

from typing import Any, Final

from budget_gate.domain.spend import Workspace
from budget_gate.sources.transport import Transport
from budget_gate.sources.usage_page import malformed

ROUTE: Final = "/v1/organizations/workspaces"


def read_workspaces(transport: Transport, route: str = ROUTE) -> tuple[Workspace, ...]:
    """Every workspace that the API lists at `route`; the default workspace is not among them.

    Raises UnverifiedError where the list cannot be had whole.
    """
    found: dict[str, Workspace] = {}
    query = [("limit", "1000"), ("include_archived", "true")]
    after = None
    while True:
        answer = transport.get(route, query + ([("after_id", after)] if after else []))
        page = parse_workspaces(answer, f"GET {route}")
        for workspace in page:
            if workspace.id in found:
                raise malformed(f"GET {route}", "it lists a workspace twice")
            found[str(workspace.id)] = workspace
        if not answer.get("has_more"):
            return tuple(found.values())
        # A cursor that repeats brings a workspace twice, unless its page is empty.
        after = answer.get("last_id")
        if not page or not isinstance(after, str) or not after:
            raise malformed(f"GET {route}", "it says that there is more, but not where")


def parse_workspaces(answer: Any, where: str) -> list[Workspace]:
    """The workspaces of one page of the list, decoded JSON.

    Raises UnverifiedError where it is not as documented; `where` names its origin.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not isinstance(answer.get("has_more", False), bool):
        raise malformed(where, "it is not a list of workspaces")
    return [_workspace(item, where) for item in data]


def _workspace(item: Any, where: str) -> Workspace:
    match item:
        case {"id": str(id_), "name": str(name)} if id_ and name:
            return Workspace(id_, name, archived=item.get("archived_at") is not None)
        case _:
            raise malformed(where, "a workspace is without id or name")
