"""What an earlier report of the month proves where today's spend cannot be determined."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.notes import Note, NoteLevel, enumerated, exact_usd
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.caps import Caps, caps_in_force
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.names import is_glob, path_of
from budget_gate.domain.spend import Basis
from budget_gate.domain.verdict.report import KnownSpend, Report, Told
from budget_gate.domain.verdict.results import BudgetResult, Status, worst_first

OTHER_ORGANIZATION: Final = "it is of another organization"
DAMAGED: Final = "it is damaged"

_TWO_HOURS = 120


class EarlierReport(NamedTuple):
    """An earlier run's report: what it judged, when, and of which organization (None: unknown).

    `as_of` is the time of its evidence, which is older than the report where that itself fell
    back on an earlier one. `spend` is USD at the least, None where it was not determined.
    `names` are the ids that a workspace's name was of.
    `known` is the most that it, or one of its month before it, knows to be spent, by each prices.
    `alerts` are the keys of those that it told, and `told` is what each channel knew after it.
    """

    as_of: datetime
    month: datetime
    organization: str | None
    budgets: tuple[BudgetResult, ...]
    basis: Basis = "list"
    spend: Decimal | None = None
    known: tuple[KnownSpend, ...] = ()
    names: Mapping[str, Collection[str]] = MappingProxyType({})
    alerts: frozenset[str] = frozenset()
    told: Mapping[str, Told] = MappingProxyType({})


def fall_back(
    report: Report,
    file: PolicyFile,
    month: MonthToDate,
    earlier: EarlierReport,
    only: Collection[str] = (),
) -> Report:
    """`report`, which is not determined, as breached where `earlier` proves that.

    Spend of a month to date does not fall: what was breached earlier in the month still is, while
    no cap has changed. Otherwise the report stays as it is, with a note that says why. `only` are
    the budgets that decide, by id or key path; all, where empty.
    """
    why = _unusable(report, file, month, earlier, only)
    if why:
        return report._replace(notes=(*report.notes, unused(why)))
    minutes = int((month.as_of - earlier.as_of).total_seconds() // 60)
    age = f"{minutes} minutes" if minutes < _TWO_HOURS else f"{minutes // 60} hours"
    note = Note(
        "warning",
        "last_report",
        f"Over the cap in the report of {in_words(earlier.as_of)}, {age} ago: spend of a month "
        "does not fall, and no cap has changed since.",
    )
    proven = {it.id: it.spend.low for it in earlier.budgets if is_proven(it)}
    budgets = tuple(_by_evidence(budget, proven) for budget in report.budgets) or tuple(
        _as_it_stands(budget, file, only) for budget in earlier.budgets
    )
    if not any(budget.decides and budget.status == "breached" for budget in budgets):
        why = "that spend is known today"
        return report._replace(notes=(*report.notes, unused(why)))
    before = {budget.id: budget for budget in earlier.budgets}
    return report._replace(
        status="breached",
        evidence_as_of=earlier.as_of,
        budgets=worst_first(
            it._replace(since=since(it, before.get(it.id), earlier, month)) for it in budgets
        ),
        notes=(*report.notes, note),
    )


def mismatch(report: Report, month: MonthToDate, earlier: EarlierReport) -> str | None:
    """Why the earlier report cannot be held against this one; None where it can."""
    if earlier.month != month.period.start:
        return "it is of another month"
    if earlier.as_of > month.as_of:
        return "it is from the future"
    if are_different(earlier.organization, report.organization):
        return OTHER_ORGANIZATION
    return None


def are_different(organization: str | None, other: str | None) -> bool:
    """Whether two ids of organizations are known to be of different ones."""
    return None not in (organization, other) and organization != other


def since(
    budget: BudgetResult, before: BudgetResult | None, earlier: EarlierReport, month: MonthToDate
) -> datetime | None:
    """When a budget came to be in its state: now, where the earlier report tells of another one.

    None where that report knows of no budget at all, as spend could not be read then.
    """
    if not earlier.budgets:
        return None
    if before is None or before.status != budget.status:
        return month.as_of
    return before.since or earlier.as_of


def unused(why: str) -> Note:
    """The note that an earlier report proves nothing, and why."""
    level: NoteLevel = "warning" if why in (OTHER_ORGANIZATION, DAMAGED) else "info"
    return Note(level, "last_report", f"The last report is not used: {why}.")


def _by_evidence(budget: BudgetResult, proven: Mapping[str, Decimal]) -> BudgetResult:
    """A budget of today's report: breached where that is proven and today's spend is not known."""
    if budget.id not in proven or budget.status == "breached" or budget.spend.is_limited:
        return budget
    # The amount that proves it goes on to the next report, which may need it again.
    spend = Bounds(max(budget.spend.low, proven[budget.id]), UNLIMITED)
    return budget._replace(spend=spend, status="breached", reason=PROVEN)


PROVEN = "spend was over the cap in the last report"


def _as_it_stands(budget: BudgetResult, file: PolicyFile, only: Collection[str]) -> BudgetResult:
    """What is known of an earlier budget today, under the policy at hand."""
    path = path_of(budget.id, budget.name, file.policy)
    line, decides = file.source.line(*path), _decides(budget, file.policy, only)
    return known_today(budget)._replace(line=line, decides=decides)


def known_today(budget: BudgetResult) -> BudgetResult:
    """What is known of an earlier budget today: it has spent at least what it had."""
    status: Status = "uncertain"
    reason = "spend could not be determined"
    if is_proven(budget):
        status, reason = "breached", PROVEN
    spend = Bounds(budget.spend.low, UNLIMITED)
    return budget._replace(spend=spend, status=status, reason=reason)


def _decides(budget: BudgetResult, policy: Policy, only: Collection[str]) -> bool:
    key = ".".join(path_of(budget.id, budget.name, policy))
    return not only or budget.id in only or key in only


def _unusable(
    report: Report,
    file: PolicyFile,
    month: MonthToDate,
    earlier: EarlierReport,
    only: Collection[str],
) -> str | None:
    """Why the earlier report proves nothing; None where it does."""
    if any(note.code == "clock" for note in report.notes):
        return "which month it is now is not certain"
    why = mismatch(report, month, earlier)
    if why:
        return why
    if "billed" in (earlier.basis, report.basis):
        # What a day costs at list price may be more than what is billed for it later.
        return "billed cost may fall when a day is settled"
    decided = [it for it in earlier.budgets if _decides(it, file.policy, only)]
    if not any(map(is_proven, decided)):
        breached = [it.name for it in decided if it.status == "breached"]
        if not breached:
            return "no budget was breached in it"
        return f"what was breached in it may hold again ({enumerated(breached)})"
    if other_cap(file.policy, earlier.budgets, caps_in_force(file, month)):
        return "a cap has changed since"
    return None


def is_proven(budget: BudgetResult) -> bool:
    """Whether a budget of an earlier report is still breached, while its cap is the same."""
    # The members of a group may be others today.
    is_same = not budget.id.startswith("groups.")
    over = budget.cap is not None and budget.spend.low > budget.cap
    return budget.status == "breached" and over and is_same


def other_cap(policy: Policy, budgets: Collection[BudgetResult], caps: Caps) -> str | None:
    """Which budget of a report has another cap in the policy, and both; None where all are same.

    `caps` are those of the policy in force.
    """
    paths = {it.id: path_of(it.id, it.name, policy) for it in budgets}
    for budget in budgets:
        cap = caps.of(".".join(paths[budget.id]))
        if cap != budget.cap:
            return f"{budget.name}: {_cap(budget.cap)} in the report, {_cap(cap)} in the policy"
    had = set(paths.values())
    for path in _certain(policy):
        if path not in had:
            key = ".".join(path)
            return f"{key}: no cap in the report, {_cap(caps.of(key))} in the policy"
    return None


def _cap(cap: Decimal | None) -> str:
    return "no cap" if cap is None else f"a cap of {exact_usd(cap)}"


def _certain(policy: Policy) -> list[tuple[str, ...]]:
    """The key paths of budgets that every report has: globs and the unlisted may match none."""
    return [
        path
        for path, budget in policy.budgets()
        if path[0] != "unlisted"
        and not getattr(budget, "optional", False)
        and not (path[0] == "workspaces" and is_glob(path[1]))
    ]
