"""What an earlier report of the month proves where today's spend cannot be established."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.budgets import unlisted_budget
from budget_gate.domain.period import MonthToDate, format_instant
from budget_gate.domain.policy import Policy, PolicyFile
from budget_gate.domain.spend import Basis, Note
from budget_gate.domain.verdict import BudgetResult, Report, Status

_TWO_HOURS = 120


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """An earlier run's report: what it judged, when, and of which organization (None: unknown).

    `as_of` is the time of its evidence, which is older than the report where that itself fell
    back on an earlier one.
    """

    as_of: datetime
    month: datetime
    organization: str | None
    budgets: tuple[BudgetResult, ...]
    basis: Basis = "list"


def fall_back(
    report: Report, file: PolicyFile, month: MonthToDate, earlier: EarlierReport
) -> Report:
    """`report`, which is unverified, as breached where `earlier` proves that.

    Spend of a month to date does not fall: what was breached earlier in the month still is, while
    no cap has changed. Otherwise the report stays unverified, with a note that says why.
    """
    why = _unusable(report, file.policy, month, earlier)
    if why:
        return replace(report, notes=(*report.notes, unused(why)))
    minutes = int((month.as_of - earlier.as_of).total_seconds() // 60)
    age = f"{minutes} minutes" if minutes < _TWO_HOURS else f"{minutes // 60} hours"
    note = Note(
        "warning",
        "last_report",
        f"Breached by the report of {format_instant(earlier.as_of)}, {age} ago: spend of a month "
        "does not fall, and no cap has changed since.",
    )
    return replace(
        report,
        status="breached",
        evidence_as_of=earlier.as_of,
        budgets=tuple(_as_it_stands(budget, file) for budget in earlier.budgets),
        notes=(*report.notes, note),
    )


def unused(why: str) -> Note:
    """The note that an earlier report proves nothing, and why."""
    return Note("info", "last_report", f"The last report is not used: {why}.")


def _as_it_stands(budget: BudgetResult, file: PolicyFile) -> BudgetResult:
    """What is known of a budget today: it has spent at least what it had."""
    status: Status = "uncertain"
    reason = "spend could not be established"
    if _is_breached(budget):
        status, reason = "breached", "spend was above the cap when it was last established"
    return replace(
        budget,
        spend=Bounds(budget.spend.low, UNLIMITED),
        status=status,
        reason=reason,
        line=file.source.line(*_path(budget, file.policy)),
    )


def _path(budget: BudgetResult, policy: Policy) -> tuple[str, ...]:
    """Where the policy has the cap of a budget of the earlier report."""
    scope, _, id_ = budget.id.partition(".")
    if scope == "workspaces":
        return scope, id_ if id_ in policy.workspaces else budget.name
    return (scope,)


def _unusable(
    report: Report, policy: Policy, month: MonthToDate, earlier: EarlierReport
) -> str | None:
    """Why the earlier report proves nothing; None where it does."""
    if any(note.code == "clock" for note in report.notes):
        return "which month it is now is not certain"
    if "billed" in (earlier.basis, report.basis):
        # What a day costs at list price may be more than what is billed for it later.
        return "billed cost may fall when a day is settled"
    if earlier.month != month.period.start:
        return "it is of another month"
    if earlier.as_of > month.as_of:
        return "it is from the future"
    known = (earlier.organization, report.organization)
    if None not in known and len(set(known)) > 1:
        return "it is of another organization"
    if not any(map(_is_breached, earlier.budgets)):
        return "no budget was breached in it"
    if not _is_unchanged(policy, earlier):
        return "a cap has changed since"
    return None


def _is_breached(budget: BudgetResult) -> bool:
    return budget.status == "breached" and budget.cap is not None and budget.spend.low > budget.cap


def _is_unchanged(policy: Policy, earlier: EarlierReport) -> bool:
    """Whether every cap of the policy is what it was, and none has come or gone."""
    named = sum(budget.id.startswith("workspaces.") for budget in earlier.budgets)
    had_global = any(budget.id == "global" for budget in earlier.budgets)
    return (
        named == len(policy.workspaces)
        and had_global == (policy.global_ is not None)
        and all(_cap(budget, policy) == budget.cap for budget in earlier.budgets)
    )


def _cap(budget: BudgetResult, policy: Policy) -> Decimal | None:
    """The cap that the policy gives to a budget of the earlier report; None where it gives none."""
    match _path(budget, policy):
        case ("global",):
            found = policy.global_
        case ("workspaces", key):
            found = policy.workspaces.get(key)
        case _:
            found = unlisted_budget(policy)
    return found.cap if found else None
