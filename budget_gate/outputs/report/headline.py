"""The verdict in one line: what, by how much, the main cause, and the remedy with its place."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from budget_gate.domain.clock import time_judged
from budget_gate.domain.notes import Note
from budget_gate.domain.period import in_words
from budget_gate.domain.verdict.report import BudgetResult, Report, Status
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import Escape, logged, logged_name
from budget_gate.outputs.report.basis import cost_name
from budget_gate.outputs.report.sentences import main_cause, reservable, spent_of_cap

_NAMED = 5
_TOLD_FIRST = ("fixed_time", "month_before_over")
_CAVEATS = frozenset({"deep_discount", "below_list", "large_exception"})
_ALSO = {
    "breached": "Also breached",
    "uncertain": "Also undecided",
    "warning": "Also at a warning level",
}

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
    if not report.enforced:
        why = "fail-on: never" if report.status == "breached" else "on-error: warn"
        text = f"NOT ENFORCED ({why}). {text}"
    if report.judged_at or report.month.is_whole:
        text = f"{time_judged(report.month, report.judged_at)}: {text}"
    return text


_STATES = {"unverified": "spend unknown", "uncertain": "undecided"}


def plain_headline(report: Report, policy: str) -> str:
    """The verdict in one line of plain text; `policy` is the policy file."""
    return headline(report, lambda line: f"{logged(policy)}:{line}", name=logged_name, prose=logged)


def state(status: Status) -> str:
    """What people call a status."""
    return _STATES.get(status, status)


def told_first(report: Report) -> list[Note]:
    """Warnings of a time or month that a reader may not think of: they stand in the open."""
    return [note for note in report.notes if note.code in _TOLD_FIRST]


def _verdict(report: Report, place: Place, name: Escape, prose: Escape) -> str:
    worst = [it for it in report.budgets if it.decides and it.status == report.status]
    first = worst[0] if worst else None
    if report.status == "unverified" or (first is None and report.status != "ok"):
        reason = told_reason(report)
        return f"Spend unknown: {prose(reason.message)}" if reason else "Spend unknown."
    if first is None or report.status == "ok":
        return _within(report)
    spent = f"{name(first.name)} has spent {spent_of_cap(first, cost_name(report))}."
    cause, more = main_cause(first, name), _others(worst, name)
    if report.month.is_whole and report.status in ("breached", "warning"):
        verdict = "Budget breached" if report.status == "breached" else "Warning"
        remedy = f"The month has ended: to accept that, {_raise(first, place)}."
        return _joined(f"{verdict}: {spent}", cause, remedy, more)
    match report.status:
        case "breached":
            verdict = spent if report.evidence_as_of else f"Budget breached: {spent}"
            reduce = "Reduce it, or" if cause else "Spend less, or"
            remedy = f"{reduce} {_raise(first, place)}."
            return _joined(verdict, reservable(first), cause, remedy, more)
        case "uncertain" if first.cause == "forecast":
            why = f"{first.reason.capitalize()} (see notes)."
            return _joined(f"Undecided: {spent}", why, more)
        case "uncertain":
            why = "The API does not report all that the price depends on (see notes)."
            if any(note.code == "unpriced_bounded" for note in report.notes):
                why = "Some usage has no price (see notes)."
            return _joined(f"Undecided: {spent} The cap lies in between.", why, more)
        case _:
            possible = first.cap is not None and first.spend.high > first.cap
            verdict = "Possibly over budget" if possible else "Warning"
            if first.cap and not first.spend.high:
                spent = f"{name(first.name)}: {first.reason}. Correct it in {place(first.line)}."
                return _joined(f"{verdict}: {spent}", more)
            remedy = f"Slow down, or {_raise(first, place)}."
            return _joined(f"{verdict}: {spent}", cause, remedy, more)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _within(report: Report) -> str:
    """What was spent, and which caps hold: `all 13 caps hold`."""
    total = usd_range(report.spend) if report.spend else usd(Decimal(0))
    spent = f"Within budget: {total} spent in {report.month.day:%B} ({cost_name(report)})"
    here = sum(budget.decides for budget in report.budgets)
    rest = len(report.budgets) - here
    if not here:
        return f"{spent}."
    if rest:
        holds = (
            f"the {here} budgets checked here hold" if here > 1 else "the budget checked here holds"
        )
        return f"{spent}; {holds} ({rest} not checked)."
    return f"{spent}; " + (f"all {here} caps hold." if here > 1 else "the cap holds.")


def _nothing_unlisted(report: Report) -> Note | None:
    return next((note for note in report.notes if note.code == "nothing_unlisted"), None)


def _others(worst: Sequence[BudgetResult], name: Escape) -> str:
    named = [name(budget.name) for budget in worst[1 : _NAMED + 1]]
    rest = len(worst) - 1 - len(named)
    if not named:
        return ""
    more = f" and {rest} more" if rest else ""
    return f"{_ALSO[worst[0].status]}: {', '.join(named)}{more}."


def _raise(budget: BudgetResult, place: Place) -> str:
    where = place(budget.line)
    if budget.id.startswith("unlisted."):
        return f"give it a cap of its own under workspaces ({where})"
    what = "daily cap" if budget.cause in ("daily_cap", "yesterday") else "cap"
    return f"raise the {what} ({where})"


def caveats(report: Report) -> list[Note]:
    """What of the policy makes spend look small or a cap look large: a verdict is told with it."""
    return [note for note in report.notes if note.code in _CAVEATS]


def other_notes(report: Report) -> list[Note]:
    """The notes that the headline does not tell."""
    told = [told_reason(report), *caveats(report)]
    return [note for note in report.notes if note not in told]


def told_reason(report: Report) -> Note | None:
    """The note that the headline of an unverified report tells."""
    if report.status != "unverified":
        return None
    return next((note for note in report.notes if note.level == "error"), None)
