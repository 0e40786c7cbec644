"""How a run judges, and the exit code of its report."""

from typing import Final, Literal, NamedTuple

from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.verdict.report import Report

FailOn = Literal["breach", "warning", "never"]


OnError = Literal["fail", "warn"]


class Terms(NamedTuple):
    """How a run judges: what fails it, which budgets decide (none: all), what is reserved."""

    fail_on: FailOn = "breach"
    on_error: OnError = "fail"
    only: tuple[str, ...] = ()
    reservation: Reservation | None = None


STRICT: Final = Terms()


def decide(report: Report, terms: Terms) -> tuple[Report, int]:
    """The report with `enforced` settled, and the exit code: 0, 1 or 3.

    A breach (1) wins over spend that is not determined (3). `fail_on` never lets undetermined
    spend pass, nor `on_error` a breach.
    """
    deciding = [budget for budget in report.budgets if budget.decides]
    statuses = {budget.status for budget in deciding}
    breached = "breached" in statuses
    undetermined = report.status == "unverified" or "uncertain" in statuses
    errors = {note.code for note in report.notes if note.level == "error"}
    # What fell is the total: whose part of it is missing is not known.
    undetermined |= "spend_fell" in errors
    if len(deciding) == len(report.budgets):
        undetermined |= "unpriced" in errors
    undetermined |= report.evidence_as_of is not None
    if breached and terms.fail_on != "never":
        return report, 1
    if ("warning" in statuses or report.alerts) and terms.fail_on == "warning":
        return report._replace(fails_on_warning=True), 1
    if undetermined and terms.on_error == "fail":
        return report, 3
    return report._replace(enforced=not (breached or undetermined)), 0
