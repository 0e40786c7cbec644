"""The use case: policy + spend + now -> report and exit code."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from budget_gate.domain.freshness import too_old
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.ownership import owner
from budget_gate.domain.spend import Spend
from budget_gate.domain.verdict.changes import moved_names, since_last
from budget_gate.domain.verdict.drivers import rises
from budget_gate.domain.verdict.earlier import EarlierReport, fall_back
from budget_gate.domain.verdict.evaluate import evaluate, unverified
from budget_gate.domain.verdict.memory import has_fallen, hold_against, remember
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.same_policy import NO_ALIASES
from budget_gate.domain.verdict.terms import STRICT, Terms, decide
from budget_gate.errors import ConfigurationError, InterruptedRunError, UnverifiedError


def check(
    file: PolicyFile,
    read_spend: Callable[[], Spend],
    month: MonthToDate,
    terms: Terms,
    *,
    identify: Callable[[], str | None] = lambda: None,
    earlier: EarlierReport | Note | None = None,
    doubt: UnverifiedError | None = None,
) -> tuple[Report, int]:
    """The report on the month to date, and the exit code: 0, 1 or 3.

    Where `read_spend` raises UnverifiedError, or gives spend that is not determined, the report
    is `unverified` and says why, unless the `earlier` report proves a breach; a Note in its place
    says why there is none. `identify` gives the id of the credential's organization, or None, as
    `owner` takes it. With a `doubt`, why the policy may lack names, nothing but a breach is
    believed. Raises ConfigurationError where the policy or the terms do not fit that
    organization.
    """
    # What is wrong with the policy alone is told before anything is asked for.
    caps_in_force(file, month)
    try:
        judge = partial(_judge, file, month=month, terms=terms, identify=identify, earlier=earlier)
        report = _doubting(judge, read_spend, doubt) if doubt else judge(read_spend)
    except InterruptedRunError as error:
        return stopped(file, month, error, earlier)
    return decide(remember(report, month, earlier), terms)


def _doubting(
    judge: Callable[[Callable[[], Spend]], Report],
    read_spend: Callable[[], Spend],
    doubt: UnverifiedError,
) -> Report:
    """The report where it is a breach, whatever is doubted, and otherwise an unverified one."""

    def refuse() -> Spend:
        raise doubt

    try:
        report = judge(read_spend)
    except ConfigurationError:
        # It may be for want of a name that the policy does not fit.
        return judge(refuse)
    if report.status != "breached":
        return judge(refuse)
    return report._replace(notes=(*report.notes, Note("warning", doubt.code, doubt.told)))


def stopped(
    file: PolicyFile,
    month: MonthToDate,
    error: InterruptedRunError,
    earlier: EarlierReport | Note | None = None,
) -> tuple[Report, int]:
    """The report of a run that a signal ended, and its exit code, 3 whatever was waived."""
    note = Note("error", "interrupted", f"{error.message}. Run the gate again.")
    return decide(remember(unverified(file, month, (note,)), month, earlier), STRICT)


def verdict(
    read_report: Callable[[], Report],
    file: PolicyFile | None,
    now: datetime,
    max_age: timedelta,
    terms: Terms,
    *,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> tuple[Report, int]:
    """The report on what an earlier one proves now, and the exit code: 0, 1 or 3.

    Where `read_report` raises UnverifiedError, it is `unverified` and says why; otherwise as
    `judge_again` does. Raises ConfigurationError where the policy's exceptions do not fit its
    budgets, or the terms not the report.
    """
    from budget_gate.domain.verdict.standing import judge_again, no_report  # no check needs them

    if file:
        caps_in_force(file, MonthToDate(now))
    try:
        report = judge_again(read_report(), file, now, max_age, terms, aliases=aliases)
    except UnverifiedError as error:
        report = no_report(Note("error", error.code, error.told), now)
    return decide(report, terms)


def _judge(
    file: PolicyFile,
    read_spend: Callable[[], Spend],
    *,
    month: MonthToDate,
    terms: Terms,
    identify: Callable[[], str | None],
    earlier: EarlierReport | Note | None,
) -> Report:
    spend, organization = None, None
    notes: tuple[Note, ...] = ()
    try:
        spend = read_spend()
    except UnverifiedError as error:
        notes = (Note("error", error.code, error.told),)
    try:
        organization = owner(file, spend.notes if spend else (), identify)
    except UnverifiedError as error:
        if spend:
            spend, notes = None, (Note("error", error.code, error.told),)
    report = evaluate(file, spend, month, terms) if spend else unverified(file, month, notes)
    if spend:
        report = _not_too_old(report, file, month)
    report = report._replace(organization=organization)
    if isinstance(earlier, Note):
        return report._replace(notes=(*report.notes, earlier))
    if earlier is None:
        return report
    if spend:
        moved = moved_names(file, directory(file.policy, spend), organization, earlier)
        report = report._replace(notes=(*report.notes, *moved))
    report = hold_against(report, month, earlier)
    if report.status == "unverified":
        proven = fall_back(report, file, month, earlier, terms.only)
        # Of spend that fell, it is told already what the last report says.
        return report if has_fallen(report) and proven.status == "unverified" else proven
    report = since_last(report, month, earlier)
    if spend is None or report.previous_as_of is None:
        return report
    return report._replace(drivers=rises(spend, month, directory(file.policy, spend)))


def _not_too_old(report: Report, file: PolicyFile, month: MonthToDate) -> Report:
    """The report, unverified where its numbers are too old; by older ones a breach is one, too."""
    error = too_old(file, report.data_refreshed_at, month.as_of)
    if error is None:
        return report
    if report.status == "breached":
        return report._replace(notes=(*report.notes, Note("warning", error.code, error.told)))
    told = unverified(file, month, (Note("error", error.code, error.told), *report.notes))
    return told._replace(data_refreshed_at=report.data_refreshed_at)
