"""When a verdict is news: what people were told last, against what there is to tell now."""

from datetime import timedelta
from typing import Final, Literal

from budget_gate.domain.verdict.report import Report, Told
from budget_gate.domain.verdict.results import STATUSES, Status

Event = Literal["worse", "recovered", "reminder"]

# An alert that comes and goes is told once in that time.
_QUIET: Final = timedelta(hours=24)
_FAILING: Final = ("breached", "uncertain", "unverified")


def new_in(report: Report, told: Told | None) -> frozenset[str]:
    """The ids of budgets, and the keys of alerts, that are worse than the channel knows."""
    now, known = _state(report), told.budgets if told else {}
    worse = {
        id_
        for id_, status in now.budgets.items()
        if STATUSES.index(status) > STATUSES.index(known.get(id_, "ok"))
    }
    return frozenset(worse | (now.alerts.keys() - _known_alerts(told, report)))


def event_of(report: Report, told: Told | None, remind: timedelta | None) -> Event | None:
    """Why the report is to be posted; None where it is no news.

    `told` is None where nobody knows of an earlier post: what is not ok is news then.
    """
    now = _state(report)
    before = told or Told(report.as_of, "ok")
    is_unknown = now.status == "unverified" and before.status != "unverified"
    if is_unknown or new_in(report, told):
        return "worse"
    if _hidden(report, told):
        # What does not decide today may be as it was.
        return None
    if before.status in _FAILING and now.status not in _FAILING:
        return "recovered"
    if before.budgets and now.status == "ok":
        return "recovered"
    is_breached = "breached" in now.budgets.values()
    return "reminder" if remind and is_breached and report.as_of - before.at >= remind else None


def told_after(report: Report, told: Told | None, *, is_posted: bool, failed: bool) -> Told | None:
    """What is known of a channel after this run, for the next one.

    A post that `failed` changes nothing, so that the next run tries it again.
    """
    if failed:
        return told
    now = _state(report)
    seen = {key: at for key, at in (told.alerts if told else {}).items() if now.at - at < _QUIET}
    at = now.at if is_posted or told is None else told.at
    known = hidden = _hidden(report, told)
    if now.status == "unverified" and told and not report.budgets:
        # Nobody knows, and what was known of them is news to nobody later.
        known = dict(told.budgets)
    status: Status = max([now.status, *hidden.values()], key=STATUSES.index)
    return Told(at, status, {**known, **now.budgets}, {**seen, **now.alerts})


def _known_alerts(told: Told | None, report: Report) -> set[str]:
    """The alerts that are no news: one of a day is about that day alone."""
    known = told.alerts.items() if told else ()
    today = report.as_of.date()
    return {key for key, at in known if not key.startswith("daily ") or at.date() == today}


def _hidden(report: Report, told: Told | None) -> dict[str, Status]:
    """What the channel knows of budgets that do not decide in this run."""
    others = {it.id for it in report.budgets if not it.decides}
    return {id_: it for id_, it in (told.budgets if told else {}).items() if id_ in others}


def _state(report: Report) -> Told:
    return Told(
        report.as_of,
        report.status,
        {it.id: it.status for it in report.budgets if it.decides and it.status != "ok"},
        {alert.key: report.as_of for alert in report.alerts},
    )
