"""Every workspace that is known, by id, and the one that a name stands for."""

from collections.abc import Mapping

from budget_gate.domain.policy.default_workspace import default_ids
from budget_gate.domain.policy.model import ID_PREFIX, Policy
from budget_gate.domain.policy.names import ids_text, is_glob, matches, nearest
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.errors import ConfigurationError


def directory(policy: Policy, spend: Spend) -> dict[str | None, Workspace]:
    """Every workspace that is listed, labelled in the policy or seen in the usage, by id."""
    known: dict[str | None, Workspace] = {None: Workspace(None, "default workspace")}
    known |= {workspace.id: workspace for workspace in spend.workspaces or ()}
    default = default_ids(policy, spend)
    for id_, label in policy.names.items():
        if id_ not in default:
            known.setdefault(id_, Workspace(id_, label))
    known[UNATTRIBUTED] = Workspace(UNATTRIBUTED, "not separated by the report")
    seen = {str(line.workspace) for line in spend.lines if line.workspace}
    if spend.workspaces is None:
        keys = (key for key, _ in policy.workspace_keys())
        seen |= {key for key in keys if key.startswith(ID_PREFIX) and not is_glob(key)} - default
    for id_ in seen:
        known.setdefault(id_, Workspace(id_, id_))
    return known


def workspace_id(key: str, workspaces: Mapping[str | None, Workspace]) -> str | None:
    """The id of the one workspace that `key` is the name or the id of, or `default`.

    Raises ConfigurationError where it names none or several.
    """
    ids = matches(key, workspaces)
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise ConfigurationError(
            f"{len(ids)} workspaces are called {key!r}", f"use an id instead: {ids_text(ids)}"
        )
    raise ConfigurationError(f"no workspace is called {key!r}", nearest(key, workspaces.values()))
