"""Which spend each budget of a policy is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from budget_gate.domain.bounds import NOTHING, ZERO, Bounds
from budget_gate.domain.policy import ID_PREFIX, Budget, Policy, PolicyFile
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.errors import ConfigurationError, Problem

DEFAULT_KEY = "default"

# What `unlisted: fail` gives each workspace.
NO_SPEND = Budget.model_construct(cap=ZERO, warn_at=())


@dataclass(frozen=True, slots=True)
class ScopedBudget:
    """A budget with the spend it is about; a `cap` of None only warns of any spend.

    `is_known` is False where its workspace is neither listed nor seen in the usage.
    """

    id: str
    name: str
    cap: Decimal | None
    warn_at: tuple[Decimal, ...]
    spend: Bounds
    line: int
    is_known: bool = True


def directory(policy: Policy, spend: Spend) -> dict[str | None, Workspace]:
    """Every workspace that is listed, labelled in the policy or seen in the usage, by id."""
    known: dict[str | None, Workspace] = {None: Workspace(None, "default workspace")}
    known |= {workspace.id: workspace for workspace in spend.workspaces or ()}
    for id_, label in policy.names.items():
        known.setdefault(id_, Workspace(id_, label))
    known[UNATTRIBUTED] = Workspace(UNATTRIBUTED, "not told apart by the report")
    seen = {str(line.workspace) for line in spend.lines if line.workspace}
    if spend.workspaces is None:
        seen |= {key for key in policy.workspaces if key.startswith(ID_PREFIX)}
    for id_ in seen:
        known.setdefault(id_, Workspace(id_, id_))
    return known


def scope_budgets(
    file: PolicyFile,
    spend: Spend,
    workspaces: Mapping[str | None, Workspace],
    costs: Mapping[str | None, Bounds],
    total: Bounds,
) -> list[ScopedBudget]:
    """The budgets of the policy, each with its spend: `costs` is the spend of each workspace.

    Raises ConfigurationError with every key of `workspaces` that names no workspace, names
    several, or names one that another key names too.
    """
    policy, source = file.policy, file.source
    known = {None, *costs, *(workspace.id for workspace in spend.workspaces or ())}
    # What the report does not tell apart may have been spent by any one of the workspaces.
    floating = costs.get(UNATTRIBUTED, NOTHING).high

    def scoped(kind: str, id_: str | None, budget: Budget | None, line: int) -> ScopedBudget:
        cost = costs.get(id_, NOTHING)
        if id_ == UNATTRIBUTED:
            cost = Bounds(ZERO, floating)
        elif floating:
            cost = Bounds(cost.low, cost.high + floating)
        return ScopedBudget(
            id=f"{kind}.{_id_text(id_)}",
            name=workspaces[id_].name,
            cap=budget.cap if budget else None,
            warn_at=budget.warn_at if budget else (),
            spend=cost,
            line=line,
            is_known=id_ in known,
        )

    found = []
    if policy.global_:
        found.append(
            ScopedBudget(
                "global",
                "organization",
                policy.global_.cap,
                policy.global_.warn_at,
                total,
                source.line("global"),
            )
        )
    named = _resolve(file, spend, workspaces)
    found += [
        scoped("workspaces", id_, policy.workspaces[key], source.line("workspaces", key))
        for key, id_ in named.items()
    ]
    if policy.unlisted != "allow":
        line = source.line("unlisted")
        found += [
            scoped("unlisted", id_, unlisted_budget(policy), line)
            for id_ in costs.keys() - set(named.values())
            if costs[id_].high
        ]
    return found


def unlisted_budget(policy: Policy) -> Budget | None:
    """The budget of each unlisted workspace; None where spend only warns."""
    if isinstance(policy.unlisted, Budget):
        return policy.unlisted
    return NO_SPEND if policy.unlisted == "fail" else None


def _id_text(id_: str | None) -> str:
    if id_ == UNATTRIBUTED:
        return "unattributed"
    return DEFAULT_KEY if id_ is None else id_


def _resolve(
    file: PolicyFile, spend: Spend, workspaces: Mapping[str | None, Workspace]
) -> dict[str, str | None]:
    """The workspace id that each key of the policy's `workspaces` names."""
    resolved: dict[str, str | None] = {}
    problems: list[Problem] = []
    for key in file.policy.workspaces:
        path = ("workspaces", key)
        ids = _matches(key, workspaces)
        earlier = [other for other, id_ in resolved.items() if ids == [id_]]
        if earlier:
            problems.append(
                file.source.problem(
                    path, f"names the same workspace as {earlier[0]!r}", "keep one of the two"
                )
            )
        elif len(ids) == 1:
            resolved[key] = ids[0]
        elif ids:
            listed = ", ".join(sorted(map(_id_text, ids)))
            problems.append(
                file.source.problem(
                    path, f"{len(ids)} workspaces have this name", f"use an id instead: {listed}"
                )
            )
        elif spend.workspaces is None:
            problems.append(
                file.source.problem(
                    path,
                    "there is no list of workspaces to find this name in",
                    "use the workspace's id as the key, or give the list with --workspaces FILE",
                )
            )
        else:
            problems.append(
                file.source.problem(
                    path, "no workspace has this name or id", _nearest(key, workspaces.values())
                )
            )
    if problems:
        message = "the policy's workspaces are not those of the organization"
        if spend.workspaces is None:
            message = "the policy names workspaces, and there is no list of them (--workspaces)"
        raise ConfigurationError(
            message,
            problems=tuple(problems),
            file=file.source.file,
        )
    return resolved


def _matches(key: str, workspaces: Mapping[str | None, Workspace]) -> list[str | None]:
    if key == DEFAULT_KEY:
        return [None]
    if key in workspaces:
        return [key]
    return [id_ for id_, workspace in workspaces.items() if id_ and workspace.name == key]


def _nearest(key: str, workspaces: Iterable[Workspace]) -> str:
    from difflib import get_close_matches  # needed for an error alone

    names = {DEFAULT_KEY, *(workspace.name for workspace in workspaces if workspace.id)}
    near = get_close_matches(key, names, n=3, cutoff=0.5) or sorted(names)[:3]
    return f"did you mean {', '.join(map(repr, near))}? Otherwise remove the budget"
