"""What changed since the last report, and what drives today's spend."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from budget_gate.domain.bounds import EXACT, ZERO, minus, plus
from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import WEEK, MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.earlier import EarlierReport, are_different, mismatch, since, unused
from budget_gate.domain.verdict.report import BudgetResult, Driver, Report

MOST_DRIVERS = 3


def since_last(report: Report, month: MonthToDate, earlier: EarlierReport) -> Report:
    """`report` with what changed since the `earlier` one, or a note why that is not told."""
    why = mismatch(report, month, earlier)
    if why is None and earlier.basis != report.basis:
        why = "it judges another kind of cost"
    if why:
        return replace(report, notes=(*report.notes, unused(why)))
    before = {budget.id: budget for budget in earlier.budgets}
    change = None
    if report.spend and earlier.spend is not None:
        change = minus(report.spend.low, earlier.spend)
    budgets = tuple(_since(it, before.get(it.id), earlier, month) for it in report.budgets)
    return replace(report, previous_as_of=earlier.as_of, change=change, budgets=budgets)


def moved_names(
    file: PolicyFile,
    workspaces: Mapping[str | None, Workspace],
    organization: str | None,
    earlier: EarlierReport,
) -> Iterator[Note]:
    """A warning where a name in the policy is another workspace's than in the last report.

    It is told once: the report of this run has the new id, and the next one is held against that.
    """
    keys = {key for key, _ in file.policy.workspace_keys()}
    if are_different(earlier.organization, organization):
        return
    for id_, workspace in workspaces.items():
        before = earlier.names.get(workspace.name, ())
        if id_ and workspace.name in keys and before and id_ not in before:
            yield Note(
                "warning",
                "name_moved",
                f"{workspace.name} is another workspace than in the last report: {id_} now, "
                f"{enumerated(sorted(before))} then. Names can move, ids never change: write the "
                "id in the policy.",
            )


def _since(
    budget: BudgetResult, before: BudgetResult | None, earlier: EarlierReport, month: MonthToDate
) -> BudgetResult:
    change = None if before is None else minus(budget.spend.low, before.spend.low)
    return replace(budget, since=since(budget, before, earlier, month), change=change)


def drivers(
    spend: Spend, month: MonthToDate, workspaces: Mapping[str | None, Workspace]
) -> tuple[Driver, ...]:
    """The workspaces and models that cost most more today than on a mean day of the week before.

    Nothing where that week is not known whole.
    """
    today = month.as_of.date()
    first = today - timedelta(days=WEEK)
    if spend.history is None and first < month.period.start.date():
        return ()
    now: dict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    week: dict[tuple[str | None, str | None], Decimal] = defaultdict(Decimal)
    for line in (*(spend.history or ()), *spend.lines):
        if first <= line.day <= today:
            sums = now if line.day == today else week
            place = (line.workspace, line.model)
            sums[place] = plus(sums[place], line.cost.low)
    found = [
        Driver(
            workspaces[workspace].name, model or "no model", amount, _mean(week, (workspace, model))
        )
        for (workspace, model), amount in now.items()
    ]
    rising = [driver for driver in found if driver.today > driver.usual]
    rising.sort(key=lambda it: (it.usual - it.today, it.workspace, it.model))
    return tuple(rising[:MOST_DRIVERS])


def _mean(
    sums: Mapping[tuple[str | None, str | None], Decimal], key: tuple[str | None, str | None]
) -> Decimal:
    """The mean day of the week, cut to a millionth of a dollar."""
    millionths = int(EXACT.scaleb(sums.get(key, ZERO), 6)) // WEEK
    return Decimal(millionths).scaleb(-6)
