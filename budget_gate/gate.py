"""The use case: policy + spend + now -> report and exit code."""

from collections.abc import Callable
from dataclasses import replace

from budget_gate.domain.evidence import EarlierReport, fall_back
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy import PolicyFile
from budget_gate.domain.spend import Note, Spend
from budget_gate.domain.verdict import FailOn, OnError, Report, decide, evaluate, unverified
from budget_gate.errors import InterruptedRunError, UnverifiedError


def check(
    file: PolicyFile,
    read_spend: Callable[[], Spend],
    month: MonthToDate,
    *,
    fail_on: FailOn,
    on_error: OnError,
    identify: Callable[[], str | None] = lambda: None,
    earlier: EarlierReport | Note | None = None,
) -> tuple[Report, int]:
    """The report on the month to date, and the exit code: 0, 1 or 3.

    Where `read_spend` raises UnverifiedError the report is `unverified` and says why, unless the
    `earlier` report proves a breach; a Note in its place says why there is none. `identify` gives
    the organization's id, or None. Raises ConfigurationError where the policy does not fit the
    organization.
    """
    try:
        report = _judge(file, read_spend, month, identify, earlier)
    except InterruptedRunError as error:
        return stopped(file, month, error)
    return decide(report, fail_on, on_error)


def stopped(file: PolicyFile, month: MonthToDate, error: InterruptedRunError) -> tuple[Report, int]:
    """The report of a run that a signal ended, and its exit code, 3 whatever was waived."""
    note = Note("error", "interrupted", f"{error.message}. Run the gate again.")
    return decide(unverified(file.policy, month, (note,)), "breach", "fail")


def _judge(
    file: PolicyFile,
    read_spend: Callable[[], Spend],
    month: MonthToDate,
    identify: Callable[[], str | None],
    earlier: EarlierReport | Note | None,
) -> Report:
    try:
        spend = read_spend()
    except UnverifiedError as error:
        report = unverified(file.policy, month, (Note("error", error.code, error.told),))
        report = replace(report, organization=identify())
        if isinstance(earlier, EarlierReport):
            return fall_back(report, file, month, earlier)
        if isinstance(earlier, Note):
            return replace(report, notes=(*report.notes, earlier))
        return report
    return replace(evaluate(file, spend, month), organization=identify())
