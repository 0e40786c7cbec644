"""The verdict in one line: what, by how much, the main cause, and the remedy with its place."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from budget_gate.domain.alerts import Alert
from budget_gate.domain.clock import time_judged
from budget_gate.domain.notes import Note
from budget_gate.domain.period import in_words, on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.outputs.amounts import usd, usd_down, usd_range
from budget_gate.outputs.escaping import Escape, logged, logged_name
from budget_gate.outputs.report.basis import cost_name
from budget_gate.outputs.report.causes import in_ledger, is_refused, main_cause, reservable
from budget_gate.outputs.report.sentences import spent_of_cap

_NAMED = 5
_TOLD_FIRST = ("fixed_time", "month_before_over")
_CAVEATS = frozenset({"deep_discount", "below_list", "large_exception"})
_ALSO = {
    "breached": "Also breached",
    "uncertain": "Also undecided",
    "warning": "Also at a warning level",
}
_STATES = {"unverified": "spend unknown", "uncertain": "undecided"}

# The place of a line of the policy, as `budget.yml:8`.
Place = Callable[[int], str]


def headline(report: Report, place: Place, *, name: Escape, prose: Escape) -> str:
    """The verdict in one sentence and, where something is to be done, others that say what.

    `name` and `prose` escape a third party's name and sentence for the place it goes to; `place`
    shows a line of the policy there.
    """
    text = _verdict(report, place, name, prose)
    idle = _nothing_unlisted(report)
    if idle:
        text = f"{text} {idle.message}"
    if report.evidence_as_of:
        then = in_words(report.evidence_as_of)
        text = f"Spend unknown; judged by the report of {then}. Still over budget: {text}"
    if any(note.code == "partial" for note in report.notes):
        text = f"PARTIAL (saved pages leave out part of the month). {text}"
    text = " ".join([text, *(prose(note.message) for note in caveats(report))])
    text = f"{unenforced(report)}{text}"
    if report.judged_at or report.month.is_whole:
        text = f"{time_judged(report.month, report.judged_at)}: {text}"
    return text


def _alert(report: Report, alert: Alert, name: Escape, prose: Escape) -> str:
    """The first alert, and that the caps hold."""
    verdict = "Warning (fail-on: warning)" if report.fails_on_warning else "Warning"
    rest = len(report.alerts) - 1
    more = f"{rest} more {'alert' if rest == 1 else 'alerts'} (see notes)." if rest else ""
    holds = _holding(report, name)
    holds = f"{holds[:1].upper()}{holds[1:]}"
    return " ".join(filter(None, [f"{verdict}: {prose(alert.message)}", holds, more]))


def plain_headline(report: Report, policy: str) -> str:
    """The verdict in one line of plain text; `policy` is the policy file."""
    return headline(report, lambda line: f"{logged(policy)}:{line}", name=logged_name, prose=logged)


def unenforced(report: Report) -> str:
    """That, and by which setting, a run passes that would fail; empty where none does."""
    if report.enforced:
        return ""
    why = "fail-on: never" if report.status == "breached" else "on-error: warn"
    return f"NOT ENFORCED ({why}). "


def state(status: Status) -> str:
    """What people call a status."""
    return _STATES.get(status, status)


def told_first(report: Report) -> list[Note]:
    """Warnings of a time or month that a reader may not think of: they stand in the open."""
    return [note for note in report.notes if note.code in _TOLD_FIRST]


def further_alerts(report: Report) -> list[Note]:
    """The alerts that the headline does not tell, as many as the notes have."""
    alerts = {alert.note for alert in report.alerts if alert is not report.leading_alert}
    return [note for note in report.notes if note in alerts]


def _verdict(report: Report, place: Place, name: Escape, prose: Escape) -> str:
    worst = [it for it in report.budgets if it.decides and it.status == report.status]
    first = worst[0] if worst else None
    if report.leading_alert:
        return _alert(report, report.leading_alert, name, prose)
    if report.status == "unverified" or (first is None and report.status != "ok"):
        reason = told_reason(report)
        return f"Spend unknown: {prose(reason.message)}" if reason else "Spend unknown."
    if first is None or report.status == "ok":
        return _within(report, name)
    words = _Words(report, place, name, prose)
    tell = {"breached": words.breached, "uncertain": words.undecided, "warning": words.warns}
    if report.month.is_whole and report.status != "uncertain":
        tell[report.status] = words.ended_badly
    more = _named(_ALSO[first.status], worst[1:], name) if worst[1:] else ""
    return " ".join(filter(None, [*tell[report.status](first), more]))


class _Words(NamedTuple):
    """The sentences on the worst budget of a report, each of which may be empty."""

    report: Report
    place: Place
    name: Escape
    prose: Escape

    def breached(self, budget: BudgetResult) -> list[str]:
        spent = self._spent(budget)
        if is_refused(budget):
            remedy = f"Reserve less, or {_raise(budget, self.place)}."
            return [f"Reservation refused: {spent}", reservable(self.report, self.name), remedy]
        verdict = spent if self.report.evidence_as_of else f"Budget breached: {spent}"
        ended = f"Its exception ended on {on_day(budget.lapsed)}." if budget.lapsed else ""
        cause = self._cause(budget)
        return [verdict, ended, cause, _remedy(budget, self.place, has_cause=bool(cause))]

    def ended_badly(self, budget: BudgetResult) -> list[str]:
        verdict = "Budget breached" if budget.status == "breached" else "Warning"
        remedy = f"The month has ended: to accept that, {_raise(budget, self.place)}."
        return [f"{verdict}: {self._spent(budget)}", self._cause(budget), remedy]

    def undecided(self, budget: BudgetResult) -> list[str]:
        spent = f"Undecided: {self._spent(budget)}"
        if budget.cause == "forecast":
            return [spent, f"{budget.reason.capitalize()} (see notes)."]
        why = "The API does not report all that the price depends on (see notes)."
        notes = {note.code: note.message for note in self.report.notes}
        lacking = self.prose(in_ledger(budget, self.report))
        if lacking:
            remedy = f"Start no more jobs, or {_raise(budget, self.place)}."
            return [f"{spent} The cap lies in between.", lacking, remedy]
        if "unpriced_bounded" in notes or not budget.measured[0].is_limited:
            why = "Some usage has no price (see notes)."
        return [f"{spent} The cap lies in between.", why, self._cause(budget)]

    def warns(self, budget: BudgetResult) -> list[str]:
        possible = budget.cap is not None and budget.spend.high > budget.cap
        verdict = "Possibly over budget" if possible else "Warning"
        if self.report.fails_on_warning:
            verdict = f"{verdict} (fail-on: warning)"
        if budget.cap and not budget.spend.high:
            where = self.place(budget.line)
            reason = f"{self.name(budget.name)}: {budget.reason}"
            return [f"{verdict}: {reason}. Correct it in {where}."]
        remedy = f"{_slow_down(budget)}, or {_raise(budget, self.place)}."
        return [f"{verdict}: {self._spent(budget)}", self._cause(budget), remedy]

    def _spent(self, budget: BudgetResult) -> str:
        return f"{self.name(budget.name)} has spent {spent_of_cap(budget, self.report)}."

    def _cause(self, budget: BudgetResult) -> str:
        return main_cause(budget, self.report, self.name)


def _remedy(budget: BudgetResult, place: Place, *, has_cause: bool) -> str:
    """What ends a breach, be it only the cap: what is spent stays spent."""
    if budget.cause == "yesterday":
        ends = "Yesterday counts until 03:00 UTC"
        return f"{ends}; to accept it before, {_raise(budget, place)}."
    if budget.id.startswith("unlisted.") and not budget.cap:
        remedy = _raise(budget, place)
        return f"{remedy[0].upper()}{remedy[1:]}."
    if budget.cause == "forecast":
        return f"{_slow_down(budget)}, or {_raise(budget, place)}."
    return f"{'Reduce it' if has_cause else 'Spend less'}, or {_raise(budget, place)}."


def _slow_down(budget: BudgetResult) -> str:
    """With a forecast above the cap, to how much a day."""
    if budget.cause != "forecast" or budget.pace is None or not budget.pace.per_day:
        return "Slow down"
    return f"Slow down to {usd_down(budget.pace.per_day)} per day"


def _within(report: Report, name: Escape) -> str:
    """What was spent, and which caps hold."""
    total = usd_range(report.spend) if report.spend else usd(Decimal(0))
    spent = f"Within budget: {total} spent in {report.month.day:%B} ({cost_name(report)})"
    holds = _holding(report, name)
    return f"{spent}; {holds}" if holds else f"{spent}."


def _holding(report: Report, name: Escape) -> str:
    """Which caps hold, where those that decide do: `all 13 caps hold.`; empty for none."""
    here = sum(budget.decides for budget in report.budgets)
    rest = len(report.budgets) - here
    if not here:
        return ""
    if rest:
        holds = (
            f"the {here} budgets checked here hold" if here > 1 else "the budget checked here holds"
        )
        others = [it for it in report.budgets if not it.decides and it.status == "breached"]
        over = f" {_named('Breached, but not checked here', others, name)}" if others else ""
        return f"{holds} ({rest} not checked).{over}"
    return f"all {here} caps hold." if here > 1 else "the cap holds."


def _nothing_unlisted(report: Report) -> Note | None:
    return next((note for note in report.notes if note.code == "nothing_unlisted"), None)


def _named(what: str, budgets: Sequence[BudgetResult], name: Escape) -> str:
    named = [name(budget.name) for budget in budgets[:_NAMED]]
    rest = len(budgets) - len(named)
    more = f" and {rest} more" if rest else ""
    return f"{what}: {', '.join(named)}{more}."


def _raise(budget: BudgetResult, place: Place) -> str:
    where = place(budget.line)
    if budget.id.startswith("unlisted.") and not budget.exception:
        return f"give it a cap of its own under workspaces ({where})"
    what = "daily cap" if budget.cause in ("daily_cap", "yesterday") else "cap"
    return f"raise the {what} ({where})"


def caveats(report: Report) -> list[Note]:
    """What of the policy makes spend look small or a cap look large: a verdict is told with it."""
    return [note for note in report.notes if note.code in _CAVEATS]


def other_notes(report: Report) -> list[Note]:
    """The notes that the headline does not tell."""
    leading = report.leading_alert and report.leading_alert.note
    told = [told_reason(report), leading, *caveats(report)]
    return [note for note in report.notes if note not in told]


def told_reason(report: Report) -> Note | None:
    """The note that the headline of an unverified report tells."""
    if report.status != "unverified":
        return None
    return next((note for note in report.notes if note.level == "error"), None)
