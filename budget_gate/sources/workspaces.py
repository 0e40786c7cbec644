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
    where = f"GET {route}"
    found: list[Workspace] = []
    query = [("limit", "1000"), ("include_archived", "true")]
    after = None
    while True:
        answer = transport.get(route, query + ([("after_id", after)] if after else []))
        page = parse_workspaces(answer, where)
        found += page
        _refuse_doubles(found, where)
        if not answer["has_more"]:
            return tuple(found)
        cursor = answer.get("last_id")
        # Each page must bring on the list, or it has no end.
        if not page or not isinstance(cursor, str) or cursor in ("", after):
            raise malformed(where, "it says that there is more, but not where")
        after = cursor


def parse_workspaces(answer: Any, where: str) -> list[Workspace]:
    """The workspaces of one page of the list, decoded JSON.

    Raises UnverifiedError where it is not as documented; `where` names its origin.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not isinstance(answer.get("has_more"), bool):
        raise malformed(where, "it is not a list of workspaces")
    page = [_workspace(item, where) for item in data]
    _refuse_doubles(page, where)
    return page


def _refuse_doubles(found: list[Workspace], where: str) -> None:
    if len({workspace.id for workspace in found}) < len(found):
        raise malformed(where, "it lists a workspace twice")


def _workspace(item: Any, where: str) -> Workspace:
    match item:
        case {"id": str(id_), "name": str(name)} if id_ and name:
            return Workspace(id_, name, archived=item.get("archived_at") is not None)
        case _:
            raise malformed(where, "a workspace is without id or name")
