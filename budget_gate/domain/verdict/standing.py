"""What an earlier report says of now: its verdict where that still stands, and if not, why."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from budget_gate.domain.alerts import ORGANIZATION
from budget_gate.domain.bounds import ZERO
from budget_gate.domain.clock import WORTH_A_WARNING, age_in_words
from budget_gate.domain.freshness import too_old
from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.names import path_of
from budget_gate.domain.policy.selection import keys_of, refuse_vain_reservation, select
from budget_gate.domain.verdict.earlier import known_today
from budget_gate.domain.verdict.evaluate import status_of
from budget_gate.domain.verdict.notes import nothing_unlisted, undecided
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.reserving import placed, with_reservation
from budget_gate.domain.verdict.results import BudgetResult, worst_first
from budget_gate.domain.verdict.same_policy import NO_ALIASES, ended_exception, other_policy
from budget_gate.domain.verdict.terms import Terms


class _Key(NamedTuple):
    """A budget of a report by the key of the policy that it has its cap from."""

    id: str
    path: str
    name: str


def no_report(note: Note, now: datetime) -> Report:
    """The report where no earlier one can be read: `note` says why."""
    month = MonthToDate(now)
    return Report(
        status="unverified",
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=None,
        notes=(note,),
    )


def judge_again(
    earlier: Report,
    file: PolicyFile | None,
    now: datetime,
    max_age: timedelta,
    terms: Terms,
    *,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> Report:
    """The report on what the `earlier` one proves now, by the terms of this run.

    It is the same verdict, or `unverified` with the reason. A breach of a monthly cap at list cost
    outlasts all that is wrong with a report of this month and these caps: its spend does not fall.
    `file` is the policy at hand, None where there is none, `max_age` that of a report that proves
    anything else, and `aliases` are as `other_policy` takes them. Raises ConfigurationError where
    the terms do not fit the report, or the policy's exceptions its budgets.
    """
    # Whether that run was enforced is of no account: its statuses are.
    earlier, told = earlier._replace(enforced=True), max(now, earlier.as_of)
    useless = _useless(earlier, file, now, aliases)
    if useless:
        # A time that is yet to come is no age.
        of = no_report(useless, now) if useless.code == "report_future" else earlier
        return _without_spend(of)._replace(status="unverified", notes=(useless,), judged_at=told)
    if _is_blank(earlier):
        return earlier._replace(judged_at=told)
    weak = _weakness(earlier, file, now, max_age)
    budgets = tuple(_at_least(it, earlier) if weak else it for it in earlier.budgets)
    budgets = placed(budgets, file, now)
    if terms.reservation:
        budgets = with_reservation(budgets, earlier, terms.reservation, file, now)
    if weak:
        # What is reserved comes on top of a spend that may be less now, in these.
        may_fall = {it.id for it in budgets if it.id.startswith("groups.")}
        may_fall |= {it.id for it in budgets if earlier.basis == "billed"}
        budgets = tuple(
            it._replace(status="uncertain")
            if it.status == "breached" and it.reserved and it.id in may_fall
            else it
            for it in budgets
        )
    keys = [_key_of(it, file) for it in budgets]
    deciding = select(keys, terms.only, keys_of(file.policy) if file else {it.path for it in keys})
    refuse_vain_reservation(budgets, deciding, terms.reservation)
    budgets = worst_first(it._replace(decides=it.id in deciding) for it in budgets)
    if weak:
        return _by_evidence(earlier._replace(judged_at=told, budgets=budgets), weak)
    is_all = len(deciding) == len(budgets)
    alerts = tuple(
        it
        for it in earlier.alerts
        if it.budget in deciding or (is_all and it.budget == ORGANIZATION)
    )
    left_out = {it.note for it in earlier.alerts if it not in alerts}
    earlier = earlier._replace(
        alerts=alerts, notes=tuple(it for it in earlier.notes if it not in left_out)
    )
    return earlier._replace(
        status=status_of(budgets, is_whole=earlier.status != "unverified", has_alerts=bool(alerts)),
        judged_at=told,
        budgets=budgets,
        notes=(*earlier.notes, *undecided(budgets), *nothing_unlisted(keys, terms)),
    )


def _by_evidence(report: Report, weak: Note) -> Report:
    """A report that proves nothing but breaches of monthly caps, and `weak` is why."""
    known = _without_spend(report)
    if not any(it.decides and it.status == "breached" for it in report.budgets):
        return known._replace(status="unverified", notes=(weak,))
    is_reserved = any(it.reserved for it in report.budgets if it.status == "breached")
    message = f"{weak.message} What was over its cap then still is: spend of a month does not fall."
    if is_reserved:
        message = f"{weak.message} Spend of a month does not fall: there is no more room now."
    return known._replace(
        status="breached",
        budgets=report.budgets,
        evidence_as_of=report.evidence_as_of or report.as_of,
        notes=(Note("warning", weak.code, message), *undecided(report.budgets)),
    )


def _without_spend(report: Report) -> Report:
    """What is left of a report where its amounts say nothing about now."""
    return report._replace(
        spend=None,
        budgets=(),
        workspaces=(),
        models=(),
        days=(),
        coverage=None,
        prices=None,
        evidence_as_of=None,
        alerts=(),
    )


def _at_least(budget: BudgetResult, earlier: Report) -> BudgetResult:
    """A budget that has spent what it had, at least."""
    if earlier.basis == "billed":
        # It may fall when a day is settled, and proves nothing.
        budget = budget._replace(status="uncertain")
    return known_today(budget)._replace(
        cause="cap", reserved=ZERO, daily=None, forecast=None, pace=None
    )


def _is_blank(earlier: Report) -> bool:
    """Whether the report itself could not read any spend, and says why."""
    return earlier.status == "unverified" and not earlier.budgets


def _useless(
    earlier: Report, file: PolicyFile | None, now: datetime, aliases: Mapping[str, str]
) -> Note | None:
    """Why the report says nothing about now; None where it does."""
    month = MonthToDate(now)
    if earlier.month.is_whole:
        return _error(
            "report_month",
            f"The report is of all of {earlier.month.day:%B %Y}, and not of the month to date. Use "
            "that of a run without --month.",
        )
    if earlier.as_of - now > WORTH_A_WARNING:
        return _error(
            "report_future",
            f"The report is of {in_words(earlier.as_of)}, and the clock of this machine says "
            f"{in_words(now)}. Set the clock that is wrong, and run the gate again.",
        )
    if earlier.period.start != month.period.start:
        return _error(
            "report_month",
            f"The report is of {earlier.month.day:%B %Y}, and it is {month.day:%B %Y} now. Run the "
            "check that writes the report first.",
        )
    if _is_blank(earlier):
        return None
    return other_policy(earlier, file, now, aliases) if file else ended_exception(earlier, now)


def _weakness(
    earlier: Report, file: PolicyFile | None, now: datetime, max_age: timedelta
) -> Note | None:
    """Why the report proves no more than breaches of monthly caps; None where it proves all."""
    left_out = [it.name for it in earlier.budgets if not it.decides]
    age = now - (earlier.evidence_as_of or earlier.as_of)
    if earlier.judged_at:
        return _error(
            "report_fixed_time",
            "The run that wrote the report judged a time that a setting named, not its own. Leave "
            "out --as-of (BUDGET_GATE_AS_OF) there.",
        )
    if any(note.code == "partial" for note in earlier.notes):
        return _error(
            "report_partial",
            "The report is of saved pages that leave out part of the month. Use that of a run "
            "without --partial.",
        )
    if left_out:
        return _error(
            "report_selection",
            "The report is of a run in which not every budget decided. Leave out --budget "
            f"(BUDGET_GATE_BUDGETS) there. Not checked: {enumerated(left_out)}.",
        )
    if any(it.reserved for it in earlier.budgets):
        return _error(
            "report_reserved",
            "The report is of a run with --reserve. Leave that out there, and reserve here.",
        )
    if age > max_age:
        return _error(
            "report_old",
            f"The report is {age_in_words(age)} old; {age_in_words(max_age)} is the limit "
            "(--max-age). See whether the check that writes it still runs, and run it.",
        )
    old = too_old(file, earlier.data_refreshed_at, now)
    return _error(old.code, old.told) if old else None


def _error(code: str, message: str) -> Note:
    return Note("error", code, message)


def _key_of(budget: BudgetResult, file: PolicyFile | None) -> _Key:
    if file:
        path = ".".join(path_of(budget.id, budget.name, file.policy))
        return _Key(budget.id, path, budget.name)
    scope, _, _ = budget.id.partition(".")
    # Without a policy, the key of a workspace may be its name.
    paths = {"workspaces": f"workspaces.{budget.name}", "unlisted": "unlisted"}
    return _Key(budget.id, paths.get(scope, budget.id), budget.name)
