"""When a verdict is news to a channel, each rule by hand, and what is known of the channel afterwards."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budget_gate.domain.alerts import Alert
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.verdict.report import Report, Told
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.telling import event_of, new_in, told_after
from tests.helpers.reports import make_budget, make_report

NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
BEFORE = NOW - HOUR
A, B = "workspaces.a", "workspaces.b"
WEEKLY = "week_over_week organization"


def report(
    status: Status,
    *,
    at: datetime = NOW,
    alerts: tuple[str, ...] = (),
    others: tuple[str, ...] = (),
    **budgets: Status,
) -> Report:
    """A report on budgets by their state; `others` are those that do not decide."""
    return make_report(
        status,
        *(make_budget(it, status=is_, decides=it not in others) for it, is_ in budgets.items()),
        as_of=at,
        period=MonthToDate(at).period,
        alerts=tuple(map(alert, alerts)),
    )


def alert(budget: str) -> Alert:
    """A weekly alert."""
    return Alert("week_over_week", budget, Decimal(2), Decimal(1), (), "more than before")


def told(
    status: Status,
    budgets: Mapping[str, Status] | None = None,
    *,
    at: datetime = BEFORE,
    alerts: Mapping[str, datetime] | None = None,
) -> Told:
    """What a channel knows."""
    return Told(at, status, budgets or {}, alerts or {})


# Worse


@pytest.mark.parametrize("status", ["warning", "uncertain", "breached"])
def test_without_a_last_report_what_is_not_ok_is_news(status: Status) -> None:
    """Nobody knows what was told."""
    assert event_of(report(status, a=status), None, None) == "worse"


def test_without_a_last_report_unknown_spend_is_news() -> None:
    """Though there is no budget to name."""
    assert event_of(report("unverified"), None, None) == "worse"


def test_without_a_last_report_an_alert_is_news() -> None:
    """Though every budget is ok."""
    assert event_of(report("warning", a="ok", alerts=("organization",)), None, None) == "worse"


def test_without_a_last_report_what_is_ok_is_no_news() -> None:
    """Nor a recovery: nobody was told of anything else."""
    assert event_of(report("ok", a="ok"), None, DAY) is None


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, "warning"),
        (None, "breached"),
        ("warning", "uncertain"),
        ("warning", "breached"),
        ("uncertain", "breached"),
    ],
)
def test_a_budget_in_a_worse_state_is_news(before: Status | None, now: Status) -> None:
    """A budget that the channel knows nothing of was ok."""
    known = {A: before} if before else {}
    assert event_of(report(now, a=now), told(before or "ok", known), None) == "worse"


@pytest.mark.parametrize("status", ["warning", "uncertain", "breached"])
def test_the_same_state_is_no_news(status: Status) -> None:
    """An hourly job tells it once."""
    assert event_of(report(status, a=status), told(status, {A: status}), None) is None


def test_a_second_breach_is_news() -> None:
    """Though the verdict is as it was."""
    known = told("breached", {A: "breached"})
    assert event_of(report("breached", a="breached", b="breached"), known, None) == "worse"


def test_a_budget_that_gets_worse_while_another_gets_better_is_news() -> None:
    """The worse of both counts."""
    known = told("breached", {A: "breached", B: "warning"})
    assert event_of(report("breached", a="ok", b="breached"), known, None) == "worse"


def test_a_budget_that_does_not_decide_is_no_news() -> None:
    """The run was told that others decide."""
    now = report("ok", a="ok", b="breached", others=("b",))
    assert event_of(now, told("ok"), HOUR) is None


def test_spend_newly_unknown_is_news() -> None:
    """Whatever was known before."""
    assert event_of(report("unverified"), told("ok"), None) == "worse"
    assert event_of(report("unverified"), told("breached", {A: "breached"}), None) == "worse"


def test_spend_still_unknown_is_no_news() -> None:
    """Nor is there a reminder: nothing is known to be breached."""
    assert event_of(report("unverified"), told("unverified"), HOUR) is None


# Alerts


def test_a_new_alert_is_news() -> None:
    """Though a budget was at a warning before."""
    known = told("warning", {A: "warning"})
    assert event_of(report("warning", a="warning", alerts=(A,)), known, None) == "worse"


def test_a_second_alert_is_news() -> None:
    """Of another budget."""
    known = told("warning", alerts={WEEKLY: BEFORE})
    now = report("warning", a="ok", alerts=("organization", A))
    assert event_of(now, known, None) == "worse"


def test_an_alert_that_goes_on_is_no_news() -> None:
    """For as long as every run sees it."""
    known, at = told("warning", alerts={WEEKLY: NOW - HOUR}), NOW
    for _ in range(50):
        now = report("warning", at=at, a="ok", alerts=("organization",))
        assert event_of(now, known, None) is None
        known, at = after(now, known), at + HOUR


@pytest.mark.parametrize(("away", "event"), [(23, None), (24, "worse"), (25, "worse")])
def test_an_alert_that_comes_and_goes_is_told_once_a_day(away: int, event: str | None) -> None:
    """It counts from when it was last seen, by hourly runs."""
    known = told("warning", alerts={WEEKLY: NOW})
    for hour in range(1, away + 1):
        quiet = report("ok", at=NOW + hour * HOUR, a="ok")
        assert event_of(quiet, known, None) is None
        known = after(quiet, known)
    back = report("warning", at=NOW + (away + 1) * HOUR, a="ok", alerts=("organization",))
    assert event_of(back, known, None) == event


def test_an_alert_that_is_gone_is_no_recovery() -> None:
    """It never made the verdict fail."""
    assert event_of(report("ok", a="ok"), told("warning", alerts={WEEKLY: BEFORE}), None) is None


# Recovery


@pytest.mark.parametrize("before", ["breached", "uncertain"])
@pytest.mark.parametrize("now", ["ok", "warning"])
def test_a_verdict_that_no_longer_fails_is_a_recovery(before: Status, now: Status) -> None:
    """Even where a warning is left."""
    assert event_of(report(now, a=now), told(before, {A: before}), None) == "recovered"


def test_spend_that_is_known_again_is_a_recovery() -> None:
    """Where nothing is worse than it was."""
    assert event_of(report("ok", a="ok"), told("unverified"), None) == "recovered"


def test_a_warning_of_a_budget_that_is_over_is_a_recovery() -> None:
    """The channel was told of the warning."""
    assert event_of(report("ok", a="ok"), told("warning", {A: "warning"}), None) == "recovered"


def test_a_breach_that_becomes_undecided_is_no_recovery() -> None:
    """The gate stays red."""
    known = told("breached", {A: "breached"})
    assert event_of(report("uncertain", a="uncertain"), known, None) is None


def test_one_of_two_breaches_that_is_over_is_no_recovery() -> None:
    """The gate stays red."""
    known = told("breached", {A: "breached", B: "breached"})
    assert event_of(report("breached", a="breached", b="ok"), known, None) is None


def test_a_recovery_is_told_once() -> None:
    """And a breach after it is news again."""
    states: list[Status] = ["breached", "breached", "ok", "ok", "breached", "breached", "warning"]
    states += ["ok", "ok"]
    known, events = told("ok", at=NOW), list[str | None]()
    for hour, status in enumerate(states, 1):
        now = report(status, at=NOW + hour * HOUR, a=status)
        events.append(event_of(now, known, None))
        known = after(now, known)
    assert events == [
        "worse",
        None,
        "recovered",
        None,
        "worse",
        None,
        "recovered",
        "recovered",
        None,
    ]


# Reminders


@pytest.mark.parametrize(
    ("ago", "event"),
    [(DAY - timedelta(seconds=1), None), (DAY, "reminder"), (2 * DAY, "reminder")],
)
def test_a_breach_that_goes_on_is_told_again(ago: timedelta, event: str | None) -> None:
    """Once that much time has passed since the last post."""
    known = told("breached", {A: "breached"}, at=NOW - ago)
    assert event_of(report("breached", a="breached"), known, DAY) == event


def test_reminders_keep_their_distance() -> None:
    """In 72 hours of a breach there are three, each of which counts from the one before."""
    known, times = told("breached", {A: "breached"}, at=NOW), list[int]()
    for hour in range(1, 73):
        now = report("breached", at=NOW + hour * HOUR, a="breached")
        if event_of(now, known, DAY):
            times.append(hour)
        known = after(now, known, DAY)
    assert times == [24, 48, 72]


@pytest.mark.parametrize("status", ["warning", "uncertain"])
def test_only_a_breach_is_told_again(status: Status) -> None:
    """However long ago the rest was told."""
    known = told(status, {A: status}, at=NOW - 9 * DAY)
    assert event_of(report(status, a=status), known, DAY) is None


def test_a_breach_that_does_not_decide_is_not_told_again() -> None:
    """The run was told that others decide."""
    now = report("warning", a="warning", b="breached", others=("b",))
    assert event_of(now, told("warning", {A: "warning"}, at=NOW - 9 * DAY), DAY) is None


def test_without_remind_a_breach_is_told_once() -> None:
    """However long it goes on."""
    known = told("breached", {A: "breached"}, at=NOW - 9 * DAY)
    assert event_of(report("breached", a="breached"), known, None) is None


# What is known afterwards


def after(now: Report, known: Told | None, remind: timedelta | None = None) -> Told:
    """What a channel knows after a run whose post, if it was news, was taken."""
    event = event_of(now, known, remind)
    knows = told_after(now, known, is_posted=event is not None, failed=False)
    assert knows
    return knows


def test_what_was_posted_is_known() -> None:
    """The time, the budgets that are not ok and decide, and the alerts."""
    now = report("breached", a="breached", b="warning", c="ok", d="breached", others=("d",))
    assert told_after(now, None, is_posted=True, failed=False) == Told(
        NOW, "breached", {A: "breached", B: "warning"}, {}
    )
    alerted = report("warning", a="ok", alerts=("organization",))
    assert told_after(alerted, told("ok"), is_posted=True, failed=False) == Told(
        NOW, "warning", {}, {WEEKLY: NOW}
    )


def test_without_a_post_the_time_of_the_last_one_stays() -> None:
    """And what is better now is known, so that it is news when it gets worse again."""
    known = told("breached", {A: "breached", B: "breached"}, at=NOW - DAY)
    now = report("breached", a="ok", b="breached")
    assert told_after(now, known, is_posted=False, failed=False) == Told(
        NOW - DAY, "breached", {B: "breached"}, {}
    )


def test_a_first_run_that_is_ok_is_known() -> None:
    """Nothing was posted, and nothing had to be."""
    assert told_after(report("ok", a="ok"), None, is_posted=False, failed=False) == Told(NOW, "ok")


@pytest.mark.parametrize("known", [None, told("ok"), told("warning", alerts={WEEKLY: BEFORE})])
def test_a_failed_post_changes_nothing(known: Told | None) -> None:
    """So that the next run finds the same news."""
    now = report("breached", a="breached", alerts=("organization",))
    left = told_after(now, known, is_posted=True, failed=True)
    assert left == known
    assert event_of(now, left, None) == "worse"


def test_a_failed_reminder_is_tried_again() -> None:
    """An hour later, and not a day."""
    known: Told | None = told("breached", {A: "breached"}, at=NOW - DAY)
    known = told_after(report("breached", a="breached"), known, is_posted=True, failed=True)
    later = report("breached", at=NOW + HOUR, a="breached")
    assert event_of(later, known, DAY) == "reminder"


def test_a_failed_recovery_is_tried_again() -> None:
    """An hour later."""
    known: Told | None = told("breached", {A: "breached"})
    known = told_after(report("ok", a="ok"), known, is_posted=True, failed=True)
    assert event_of(report("ok", at=NOW + HOUR, a="ok"), known, None) == "recovered"


# What is new, and what does not decide


def test_only_what_is_worse_than_the_channel_knows_is_new() -> None:
    """A is as it was, B has gone from a warning to a breach, and an alert has come."""
    known = told("breached", {A: "breached", B: "warning"})
    now = make_report(
        "breached",
        make_budget("a", status="breached"),
        make_budget("b", status="breached"),
        as_of=NOW,
        alerts=(alert("organization"),),
    )
    assert new_in(now, known) == {B, WEEKLY}


def test_what_does_not_decide_is_neither_over_nor_forgotten() -> None:
    """A run for one budget says nothing about the breach of another: no recovery, and no second post."""
    known = told("breached", {A: "breached"})
    part = report("ok", a="breached", b="ok", others=("a",))
    assert event_of(part, known, None) is None
    after = told_after(part, known, is_posted=False, failed=False)
    assert after is not None
    assert (after.status, after.budgets) == ("breached", {A: "breached"})
    assert event_of(report("breached", a="breached", b="ok"), after, None) is None


def test_an_outage_makes_no_old_news_new() -> None:
    """A warning that was known before spend was unknown is no news after it."""
    known = told("warning", {A: "warning"})
    after = told_after(report("unverified"), known, is_posted=True, failed=False)
    assert after is not None
    assert (after.status, after.budgets) == ("unverified", {A: "warning"})
    assert event_of(report("warning", a="warning"), after, None) == "recovered"


def test_an_alert_of_a_day_is_news_on_the_next_one() -> None:
    """It is about another day; one of a week is not, though both were seen an hour before."""
    at = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
    daily = Alert("daily", "organization", Decimal(2), Decimal(1), (), "more than usual")
    now = make_report("warning", as_of=at, alerts=(alert("organization"), daily))
    known = told("warning", alerts={daily.key: at - HOUR, WEEKLY: at - HOUR})
    assert new_in(now, known) == {daily.key}
