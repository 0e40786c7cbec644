"""The routes below an organization, which some gateways serve in place of the usual ones."""

from functools import partial
from typing import Any
from urllib.parse import quote

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.ownership import READ_BELOW_ID, other_organization
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import UNATTRIBUTED, UsageTable, joined
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.api.usage_page import is_grouped
from budget_gate.sources.api.usage_query import ALWAYS, Span, read_table
from budget_gate.sources.api.workspaces import read_workspaces
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

_NOTE = Note(
    "warning",
    READ_BELOW_ID,
    "Usage was read by the routes below the organization. They report neither speed, place, prompt "
    "length nor the kind of cache write, so costs are ranges; and they leave out web searches and "
    "archived workspaces.",
)


def read_below_organization(
    transport: Transport, spans: list[Span], refused: RefusedError, file: PolicyFile | None
) -> tuple[list[UsageTable], tuple[Workspace, ...], tuple[Note, ...]]:
    """The usage of each span, the workspaces, and a note of what these routes leave out.

    `refused` is the answer of the usual routes, raised where there is no list of organizations
    either. Raises ConfigurationError where the one that the policy names is not among them.
    """
    organization = transport.start(partial(_discover, transport, refused, file)).result()
    base = f"/v1/organizations/{quote(organization, safe='')}"
    route = f"{base}/usage_report/messages"
    dimensions = (*ALWAYS, "context_window")
    parts = [
        transport.start(partial(read_table, transport, route, span, dimensions, strict=False))
        for span in spans
    ]
    workspaces = transport.start(partial(read_workspaces, transport, f"{base}/workspaces"))
    tables = [part.result() for part in parts]
    if not is_grouped(joined(tables), f"GET {route}"):
        # Either all of it is of the default workspace, or the answer does not tell workspaces.
        tables = [
            {key._replace(workspace=UNATTRIBUTED): tokens for key, tokens in table.items()}
            for table in tables
        ]
    return tables, workspaces.result(), (_NOTE,)


def _discover(transport: Transport, refused: RefusedError, file: PolicyFile | None) -> str:
    """The id of the organization that the policy names, or of the only one there is."""
    where = "GET /v1/organizations"
    try:
        answer = transport.get("/v1/organizations")
    except RefusedError as error:
        raise refused if error.is_not_found else error from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or answer.get("has_more"):
        raise malformed(where, "it is not a list of organizations")
    ids: list[str] = [item["id"] for item in data if isinstance(item, dict) and _has_id(item)]
    if len(ids) < len(data):
        raise malformed(where, "the organization has no id")
    if file and file.policy.organization:
        if file.policy.organization not in ids:
            raise other_organization(file, ids or ["none"])
        return file.policy.organization
    if len(ids) != 1:
        unclear = f"it lists {len(ids)} organizations, so which to judge is unclear"
        several = malformed(where, unclear)
        if ids:
            several.hint = (
                f"write `organization: ID` in the policy, ID being one of {enumerated(ids)}"
            )
        raise several
    return ids[0]


def _has_id(item: dict[str, Any]) -> bool:
    return isinstance(item.get("id"), str) and bool(item["id"])
