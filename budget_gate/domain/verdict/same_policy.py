"""Whether an earlier report was judged by what the policy at hand says: whose spend, which caps."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from budget_gate.domain.bounds import sum_of
from budget_gate.domain.notes import Note, exact_usd
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.names import (
    id_text,
    is_glob,
    is_matched,
    matches,
    model_names,
    path_of,
)
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.earlier import other_cap
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult

# Workspaces by id; that of the default workspace is None.
Directory = Mapping[str | None, Workspace]

# Of models, where nobody looks any up.
NO_ALIASES: Mapping[str, str] = MappingProxyType({})
# What stands in a report for the workspaces that have none.
_NO_IDS = frozenset({id_text(None), id_text(UNATTRIBUTED)})
_RUN_AGAIN = (
    "Run the check that writes the report with this policy; that of a pull request, once it is "
    "merged."
)


def ended_exception(report: Report, now: datetime) -> Note | None:
    """The error of a report whose cap was that of an exception that has ended; None for none."""
    for budget in report.budgets:
        of = budget.exception
        if of and budget.cap is not None and of.until < now.date():
            return Note(
                "error",
                "report_caps",
                f"The exception for {budget.name} has ended since the report: a cap of "
                f"{exact_usd(budget.cap)} then, {exact_usd(of.regular_cap)} now. Run the check "
                "that writes the report first.",
            )
    return None


def other_policy(
    report: Report, file: PolicyFile, now: datetime, aliases: Mapping[str, str] = NO_ALIASES
) -> Note | None:
    """The error of a report that was judged by another policy than `file`; None where it was not.

    What is compared is whose spend it is, on which basis, and the caps of each budget; `aliases`
    are other names of models, with the ids that they stand for. Raises
    ConfigurationError where the policy's exceptions do not fit its budgets.
    """
    policy = file.policy
    if policy.organization and report.organization != policy.organization:
        whose = f"of organization {report.organization}"
        if report.organization is None:
            whose = "of an organization that it does not name"
        return Note(
            "error",
            "report_organization",
            f"The report is {whose}, and the policy is of {policy.organization}. Take the report "
            "of that organization, or correct `organization` in the policy.",
        )
    if report.basis != policy.spend.basis:
        return Note(
            "error",
            "report_basis",
            f"The report is on {report.basis} cost, and the policy asks for {policy.spend.basis} "
            f"cost. {_RUN_AGAIN}",
        )
    found = (
        other_cap(policy, report.budgets, caps_in_force(file, MonthToDate(now)))
        or next(_other_daily_caps(policy, report.budgets), None)
        or next(_foreign(policy, report.budgets), None)
        or next(_without_budget(policy, report, aliases), None)
        or next(_other_members(policy, report), None)
    )
    if found:
        message = f"The report was judged by other caps than those of the policy: {found}."
        return Note("error", "report_caps", f"{message} {_RUN_AGAIN}")
    return None


def directory_of(report: Report, policy: Policy | None) -> dict[str | None, Workspace]:
    """The workspaces that a report knows by id: those with usage, and those with a budget.

    What has no name there has that of the `policy` at hand.
    """
    known: dict[str | None, Workspace] = {None: Workspace(None, "default workspace")}
    for row in report.workspaces:
        known[row.id] = Workspace(row.id, row.name, row.archived)
    for budget in report.budgets:
        scope, _, id_ = budget.id.partition(".")
        if scope in ("workspaces", "unlisted") and id_ not in _NO_IDS:
            known.setdefault(id_, Workspace(id_, budget.name))
    for id_, label in policy.names.items() if policy else ():
        if id_ not in known or known[id_].name == id_:
            known[id_] = Workspace(id_, label)
    return known


def ids_of(keys: Iterable[str], workspaces: Directory) -> set[str | None]:
    """The workspaces that any of the keys names, exactly or by a glob."""
    found: set[str | None] = set()
    for key in keys:
        found.update(matches(key, workspaces))
        if is_glob(key):
            found |= {id_ for id_, it in workspaces.items() if is_matched(id_, it.name, key)}
    # Usage that the report does not tell apart is no workspace.
    return found - {UNATTRIBUTED}


def _other_daily_caps(policy: Policy, budgets: tuple[BudgetResult, ...]) -> Iterator[str]:
    asked = {path: budget.daily_cap for path, budget in policy.budgets()}
    if policy.unlisted_budget:
        asked["unlisted",] = policy.unlisted_budget.daily_cap
    for it in budgets:
        then = it.daily.cap if it.daily else None
        now = asked.get(path_of(it.id, it.name, policy))
        if then != now:
            yield f"{it.name}: {_daily(then)} in the report, {_daily(now)} in the policy"


def _daily(cap: Decimal | None) -> str:
    return "no daily cap" if cap is None else f"a daily cap of {exact_usd(cap)}"


def _foreign(policy: Policy, budgets: tuple[BudgetResult, ...]) -> Iterator[str]:
    """Budgets that the policy does not have."""
    paths = {path for path, _ in policy.budgets()}
    if policy.unlisted != "allow":
        paths.add(("unlisted",))
    for it in budgets:
        if path_of(it.id, it.name, policy) not in paths:
            yield f"{it.name}: a budget in the report, none in the policy"


def _without_budget(policy: Policy, report: Report, aliases: Mapping[str, str]) -> Iterator[str]:
    """What has spend in the report, and a budget in the policy alone."""
    ids, workspaces = {it.id for it in report.budgets}, directory_of(report, policy)
    spending = {it.id for it in report.workspaces if it.spend.high}
    keyed = ids_of(policy.workspaces, workspaces)
    listed = ids_of((key for key, _ in policy.workspace_keys()), workspaces)
    unlisted = set() if policy.unlisted == "allow" else spending - listed
    for scope, having in (("workspaces", spending & keyed), ("unlisted", unlisted)):
        for id_ in having:
            if f"{scope}.{id_text(id_)}" not in ids:
                yield _new(workspaces[id_].name, scope)
    for key, group in policy.groups.items():
        if f"groups.{key}" not in ids and spending & ids_of(group.workspaces, workspaces):
            yield _new(key, "groups")
    models = {it.id for it in report.models if it.id and it.spend.high}
    for key in policy.models:
        if f"models.{key}" not in ids and models.intersection(
            model_names(key, {*models, *aliases, *aliases.values()}, aliases)
        ):
            yield _new(key, "models")


def _new(name: str, scope: str) -> str:
    return f"{name}: no budget in the report, one under {scope} in the policy"


def _other_members(policy: Policy, report: Report) -> Iterator[str]:
    """Groups whose members by the policy have not spent what the group has in the report."""
    if report.spend is None:
        return
    workspaces = directory_of(report, policy)
    spent = {it.id: it.spend.low for it in report.workspaces}
    for it in report.budgets:
        scope, _, key = it.id.partition(".")
        if scope == "groups":
            members = ids_of(policy.groups[key].workspaces, workspaces) & spent.keys()
            if sum_of(spent[id_] for id_ in members) != it.spend.low:
                yield f"{it.name}: other workspaces in the group than in the policy"
