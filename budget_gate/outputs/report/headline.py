"""The verdict in one sentence, and the notes that go with it."""

from collections.abc import Sequence
from decimal import Decimal

from budget_gate.domain.clock import time_judged
from budget_gate.domain.notes import Note
from budget_gate.domain.period import format_instant
from budget_gate.domain.verdict.report import BudgetResult, Report
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import Escape
from budget_gate.outputs.report.sentences import cost_name, spent_of_cap

_NAMED = 3
_TOLD_FIRST = ("fixed_time", "month_before_over")
_CAVEATS = frozenset({"deep_discount", "below_list", "large_exception"})


def headline(report: Report, policy: str, *, name: Escape, prose: Escape) -> str:
    """The verdict in one sentence and, where something is to be done, a second that says what.

    `name` and `prose` escape a third party's name and sentence for the place it goes to;
    `policy` is the policy file as the caller shows it.
    """
    text = _verdict(report, policy, name, prose)
    idle = _nothing_unlisted(report)
    if idle:
        text = f"{text} {idle.message}"
    if report.evidence_as_of:
        then = format_instant(report.evidence_as_of)
        text = f"BY THE REPORT OF {then}, as spend cannot be established now. {text}"
    if any(note.code == "partial" for note in report.notes):
        text = f"PARTIAL (saved pages leave out a part of the month). {text}"
    text = " ".join([text, *(prose(note.message) for note in caveats(report))])
    if not report.enforced:
        why = "fail-on is never" if report.status == "breached" else "on-error is warn"
        text = f"UNENFORCED ({why}). {text}"
    if report.judged_at or report.month.is_whole:
        text = f"{time_judged(report.month, report.judged_at)}: {text}"
    return text


def told_first(report: Report) -> list[Note]:
    """Warnings of a time or month that a reader may not think of: they stand in the open."""
    return [note for note in report.notes if note.code in _TOLD_FIRST]


def _verdict(report: Report, policy: str, name: Escape, prose: Escape) -> str:
    worst = [it for it in report.budgets if it.decides and it.status == report.status]
    first = worst[0] if worst else None
    if report.status == "unverified" or (first is None and report.status != "ok"):
        reason = told_reason(report)
        return f"Not verified: {prose(reason.message)}" if reason else "Not verified."
    if first is None or report.status == "ok":
        total = usd_range(report.spend) if report.spend else usd(Decimal(0))
        cost = cost_name(report)
        when = "that" if report.judged_at or report.month.is_whole else "this"
        spent = f"Within budget: {total} spent {when} month ({cost})"
        if _nothing_unlisted(report) and not any(budget.decides for budget in report.budgets):
            return f"{spent}."
        here = "" if all(budget.decides for budget in report.budgets) else " enforced here"
        return f"{spent}, and every cap{here} holds."
    so_much = spent_of_cap(first, cost_name(report))
    spent = f"{name(first.name)} has spent {so_much}{_others(worst, name)}."
    remedy = _remedy(first, policy)
    if report.month.is_whole and report.status in ("breached", "warning"):
        verdict = "Budget breached" if report.status == "breached" else "Warning"
        return f"{verdict}: {spent} The month has ended: to accept that, {remedy}."
    match report.status:
        case "breached":
            return f"Budget breached: {spent} Stop what spends it, or {remedy}."
        case "uncertain":
            cause = "not all that the price depends on is told: see the notes"
            if any(note.code == "unpriced_bounded" for note in report.notes):
                cause = "some usage has no price: see the notes"
            return f"Not decided: {spent} The cap lies within that range, as {cause}."
        case _:
            possible = first.cap is not None and first.spend.high > first.cap
            verdict = "Perhaps above budget" if possible else "Warning"
            if first.cap and not first.spend.high:
                return f"{verdict}: {name(first.name)}: {first.reason}. Correct it in {policy}."
            return f"{verdict}: {spent} Slow what spends it, or {remedy}."


def _nothing_unlisted(report: Report) -> Note | None:
    return next((note for note in report.notes if note.code == "nothing_unlisted"), None)


def _others(worst: Sequence[BudgetResult], name: Escape) -> str:
    named = [name(budget.name) for budget in worst[1:_NAMED]]
    rest = len(worst) - _NAMED
    more = [f"{rest} more"] if rest > 0 else []
    return f" (likewise {' and '.join([', '.join(named), *more])})" if named else ""


def _remedy(budget: BudgetResult, policy: str) -> str:
    if budget.id.startswith("unlisted."):
        return f"give it a cap of its own under workspaces in {policy}"
    what = "daily cap" if budget.cause in ("daily_cap", "yesterday") else "cap"
    return f"raise the {what} in {policy}, line {budget.line}"


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
