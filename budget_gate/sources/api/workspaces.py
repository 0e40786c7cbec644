"""The organization's workspaces, archived ones included."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from budget_gate.domain.period import parse_instant
from budget_gate.domain.spend import Workspace
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

ROUTE: Final = "/v1/organizations/workspaces"

# The statuses of an API that does not serve the route, or does not know a parameter.
_REFUSALS = (400, 403, 404)


def read_workspaces(
    transport: Transport, route: str = ROUTE, *, include_default: bool = False
) -> tuple[Workspace, ...]:
    """Every workspace that the API lists at `route`.

    The default workspace is not among them but with `include_default`, under its real id, where
    the API knows that parameter. Raises UnverifiedError where the list cannot be had whole.
    """
    where = f"GET {route}"
    found: list[Workspace] = []
    query = [("limit", "1000"), ("include_archived", "true")]
    if include_default:
        query.append(("include_default", "true"))
    after = None
    while True:
        answer = transport.get(route, query + ([("after_id", after)] if after else []))
        page = parse_workspaces(answer, where, is_paged=route == ROUTE)
        found += page
        _refuse_doubles(found, where)
        if not answer.get("has_more"):
            return tuple(found)
        cursor = answer.get("last_id")
        # Each page must bring on the list, or it has no end.
        if not page or not isinstance(cursor, str) or cursor in ("", after):
            raise malformed(where, "it says that there is more, but not where")
        after = cursor


def read_default_workspace(transport: Transport, known: Collection[str | None]) -> str | None:
    """The real id of the default workspace; None where the API does not tell it.

    No row says which one it is: it is the only one that is listed when it is asked for and not
    among the `known` ids, which those of all other active workspaces are.
    """
    try:
        listed = read_workspaces(transport, include_default=True)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        return None
    others = [it.id for it in listed if it.id not in known and not it.archived]
    return others[0] if len(others) == 1 else None


def parse_workspaces(answer: Any, where: str, *, is_paged: bool = True) -> list[Workspace]:
    """The workspaces of one page of the list, decoded JSON.

    Where it is not `is_paged`, as below an organization, `has_more` may be absent: there is no
    more. Raises UnverifiedError where it is not as documented; `where` names its origin.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    # A page that was asked for says whether it is the last one.
    without = None if is_paged else False
    if not isinstance(data, list) or not isinstance(answer.get("has_more", without), bool):
        raise malformed(where, "it is not a list of workspaces")
    page = [_workspace(item, where) for item in data]
    _refuse_doubles(page, where)
    return page


def _refuse_doubles(found: list[Workspace], where: str) -> None:
    if len({workspace.id for workspace in found}) < len(found):
        raise malformed(where, "it lists a workspace twice")


def _time(value: Any) -> datetime | None:
    """The time that a value tells; None where it is none, as nothing goes by it."""
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _workspace(item: Any, where: str) -> Workspace:
    match item:
        case {"id": str(id_), "name": str(name)} if id_ and name:
            when = item.get("archived_at")
            return Workspace(id_, name, archived=when is not None, archived_at=_time(when))
        case _:
            raise malformed(where, "a workspace is without id or name")
