"""Keys of a policy that watch nothing today, or less than they should."""

from collections.abc import Iterator

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.keys import Resolved
from budget_gate.domain.policy.model import ID_PREFIX, Policy
from budget_gate.domain.policy.names import is_glob, is_matched, model_names
from budget_gate.domain.spend import Spend

_NAMED = 5


def idle_keys(policy: Policy, named: Resolved) -> Iterator[Note]:
    """Optional budgets and members that name nothing: a misspelt key would look the same."""
    keys = (path for path, _ in policy.budgets() if len(path) > 1)
    idle = [f"{kind}.{key}" for kind, key in keys if not getattr(named, kind).get(key)]
    idle += named.idle
    if idle:
        yield Note(
            "info", "optional", f"Optional budgets that match nothing today: {enumerated(idle)}."
        )


def unnamed_workspaces(policy: Policy, spend: Spend) -> Iterator[Note]:
    """Workspaces of the usage whose name no list has, and which globs may be for that name."""
    listed = {workspace.id for workspace in spend.workspaces or ()}
    seen = {line.workspace for line in spend.lines if line.workspace}
    unnamed = sorted(seen - listed - policy.names.keys())
    if spend.workspaces is not None and unnamed:
        first = ", ".join(unnamed[:_NAMED])
        message = f"The usage has workspaces that are not listed ({len(unnamed)}): {first}."
        yield Note("info", "unlisted_workspaces", message)
    if spend.is_from_analytics and spend.workspaces is None and unnamed:
        default = "" if spend.is_default_told else " One of them may be the default workspace."
        message = (
            "This key may not list workspaces, so those without a name are shown by their id "
            f"({len(unnamed)}): {enumerated(unnamed)}.{default} Name them under names in the "
            "policy, or with --names-from."
        )
        yield Note("info", "unnamed_workspaces", message)
    spending = {line.workspace for line in spend.lines if line.cost.high}
    missed: dict[str, None] = {}
    globs: dict[str, None] = {}
    for id_ in filter(spending.__contains__, unnamed):
        for key, keys in policy.workspace_keys():
            may_match = is_glob(key) and not key.startswith(ID_PREFIX) and id_ not in keys
            if may_match and not is_matched(id_, id_, key):
                missed[id_] = globs[key] = None
    if missed:
        message = (
            f"The API lists no name for workspaces with spend, {enumerated([*missed])}: whether "
            f"globs match them is not known ({enumerated([*globs])}). Write the ids in the policy."
        )
        yield Note("warning", "name_unknown", message)


def idle_models(policy: Policy, spend: Spend, month: MonthToDate) -> Iterator[Note]:
    """Caps on models that nobody uses, neither this month nor in the days before it.

    Without days before it to go by, only those on retired models are told.
    """
    used = spend.models
    prices = spend.prices
    day = month.day
    is_known = bool(spend.history) or month.history is None
    for key, budget in policy.models.items():
        names = model_names(key, used | set(prices.models), prices.aliases)
        if not names or not used.isdisjoint(names):
            continue
        retired = {prices.retired_on.get(prices.aliases.get(name, name), day.max) for name in names}
        if max(retired) <= day:
            why = "covers only retired models, so it watches nothing"
        elif is_known and used and not budget.optional:
            why = "covers no model that was used this month or in the days before it"
        else:
            continue
        yield Note("warning", "idle_model", f"The cap models.{key} {why}.{_instead(key, used)}")


def _instead(key: str, used: set[str]) -> str:
    """What is used, the most alike first."""
    from difflib import SequenceMatcher  # needed for a warning alone

    alike = sorted(used, key=lambda name: (-SequenceMatcher(None, key, name).ratio(), name))
    return f" In use: {enumerated(alike, 3)}." if alike else ""
