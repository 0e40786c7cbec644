"""What changed since the last report."""

from collections.abc import Iterator, Mapping

from budget_gate.domain.bounds import minus
from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Workspace
from budget_gate.domain.verdict.earlier import EarlierReport, are_different, mismatch, since, unused
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult


def since_last(report: Report, month: MonthToDate, earlier: EarlierReport) -> Report:
    """`report` with what changed since the `earlier` one, or a note why that is not told."""
    why = mismatch(report, month, earlier)
    if why is None and earlier.basis != report.basis:
        why = "it judges another kind of cost"
    if why:
        return report._replace(notes=(*report.notes, unused(why)))
    before = {budget.id: budget for budget in earlier.budgets}
    change = None
    if report.spend and earlier.spend is not None:
        change = minus(report.spend.low, earlier.spend)
    budgets = tuple(_since(it, before.get(it.id), earlier, month) for it in report.budgets)
    return report._replace(
        previous_as_of=earlier.as_of,
        change=change,
        budgets=budgets,
        earlier_alerts=earlier.alerts,
    )


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
    was = before.status if before else None
    return budget._replace(since=since(budget, before, earlier, month), change=change, was=was)
