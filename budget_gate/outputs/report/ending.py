"""How a month ended, as a note in the reports of the first days of the next one."""

from datetime import datetime

from budget_gate.domain.bounds import NOTHING
from budget_gate.domain.clock import check_lag
from budget_gate.domain.freshness import missing_time
from budget_gate.domain.notes import Note
from budget_gate.domain.period import in_words
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.outputs.amounts import usd_range
from budget_gate.outputs.escaping import NAME_LENGTH, plain
from budget_gate.outputs.report.basis import cost_name
from budget_gate.outputs.report.sentences import spent_of_cap

_NAMED = 3


def summarize_ending(report: Report, now: datetime) -> Note:
    """What there is to say of a month that ended, of which `report` is; a warning above a cap."""
    name = f"{report.month.day:%B %Y}"
    lag = "Its last hours may not be in yet. " if check_lag(report.month, now) else ""
    at = report.data_refreshed_at
    if at and missing_time(at, report.as_of):
        lag = f"Its hours after {in_words(at)} are not in it yet. "
    tail = f"{lag}`--month last` judges it."
    over, perhaps = (
        [it for it in report.budgets if it.status == status and it.cap is not None]
        for status in ("breached", "uncertain")
    )
    if report.status == "unverified" and not over:
        message = f"How {name} ended could not be determined: part of its usage has no price."
        return Note("warning", "month_before_unknown", f"{message} {tail}")
    if over or perhaps:
        what = "ended above a cap" if over else "may have ended above a cap"
        named = [_spent(it, report) for it in over or perhaps]
        rest = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
        told = "; ".join([*named[:_NAMED], *rest])
        return Note("warning", "month_before_over", f"{name} {what}: {told}. {tail}")
    total = f"{usd_range(report.spend or NOTHING)} spent ({cost_name(report)})"
    return Note("info", "month_before", f"{name} ended within every cap: {total}. {tail}")


def _spent(budget: BudgetResult, report: Report) -> str:
    return f"{plain(budget.name, NAME_LENGTH)} spent {spent_of_cap(budget, report)}"
