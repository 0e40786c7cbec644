"""Rises of spend that a policy wants to be told of: which they are, what they say, and that they never breach."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from html import unescape
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate import gate
from budget_gate.domain.alerts import Alert
from budget_gate.domain.bounds import Bounds, exact
from budget_gate.domain.movers import Mover
from budget_gate.domain.period import DAY, MonthToDate
from budget_gate.domain.policy.warnings import Alerts
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.terms import STRICT, FailOn, Terms, decide
from budget_gate.outputs.report.github import render_annotations
from budget_gate.outputs.report.headline import plain_headline
from budget_gate.outputs.report.json import render_json
from budget_gate.outputs.report.markdown import render_markdown
from budget_gate.outputs.report.text import render_text
from tests.helpers.builders import bounds, month_at, policy, spend_of
from tests.helpers.pages import BLOCKS, table
from tests.helpers.running import PRODUCTION, Here, Run
from tests.helpers.serving import USAGE, first, refuse
from tests.helpers.wording import assert_says
from tests.world import loopback
from tests.world.loopback import LoopbackAPI, Organization, Request
from tests.world.oracle import Usage

ALPHA, BETA = "wrkspc_01A", "wrkspc_01B"
OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-5-5"
LISTED = (Workspace(ALPHA, "alpha"), Workspace(BETA, "beta"))
# A Friday, at noon: the last full week is that of November 13 to 19, the one before of 6 to 12.
NOON: Final = month_at("2026-11-20T12:00")
WEEKLY = "week_over_week: {above: 25%}"
DAILY = "daily: {above: 200%}"
GLOBAL = "global: {cap: 1000000, forecast: off}"
WEEK_ALERT = "week_over_week global"


def line(
    cost: str | Bounds,
    back: int,
    *,
    month: MonthToDate = NOON,
    workspace: str | None = ALPHA,
    model: str | None = OPUS,
) -> SpendLine:
    """What a workspace spent on a model so many days before today."""
    amount = cost if isinstance(cost, Bounds) else bounds(cost)
    return SpendLine(workspace, month.as_of.date() - back * DAY, model, amount, "list")


def week(cost: str | Bounds, back: int = 1, **of: Any) -> tuple[SpendLine, ...]:
    """That much on each of the last seven full days or, two weeks `back`, of the seven before."""
    return tuple(line(cost, 7 * back - number, **of) for number in range(7))


def spent(lines: Iterable[SpendLine], month: MonthToDate = NOON, **changes: Any) -> Spend:
    """A spend of those lines, which are of the month or of the days before it by their day."""
    parts: tuple[list[SpendLine], list[SpendLine]] = ([], [])
    for it in lines:
        parts[it.day < month.period.start.date()].append(it)
    plain = spend_of({None: bounds("0")}, workspaces=LISTED)
    return plain._replace(lines=tuple(parts[0]), **{"history": tuple(parts[1]), **changes})


def judged(
    rules: str,
    *lines: SpendLine,
    budgets: str = GLOBAL,
    month: MonthToDate = NOON,
    terms: Terms = STRICT,
    **changes: Any,
) -> Report:
    """The report on those lines under a policy with these `alerts`."""
    file = policy(f"version: 1\n{budgets}\nalerts: {{{rules}}}\n")
    return evaluate(file, spent(lines, month, **changes), month, terms)


def told(rules: str, *lines: SpendLine, **how: Any) -> list[Alert]:
    """The alerts of that report."""
    return [*judged(rules, *lines, **how).alerts]


def keys(found: Iterable[Alert]) -> list[str]:
    """What the alerts are about."""
    return [it.key for it in found]


def amounts(alert: Alert) -> tuple[str, str]:
    """What has risen, and what it is held against."""
    return exact(alert.now), exact(alert.before)


# The last week against the one before ------------------------------------------------------------


@pytest.mark.parametrize(("more", "count"), [("0", 0), ("0.01", 1)])
def test_a_week_may_cost_as_much_more_as_the_policy_allows(more: str, count: int) -> None:
    """875 USD are exactly 25% more than 700, and one cent on top is an alert."""
    found = told(WEEKLY, *week("125"), line(more, 3), *week("100", 2))
    assert len(found) == count


def test_an_alert_has_the_mean_days_of_both_weeks() -> None:
    """1,050 USD and 700 USD, each divided by seven."""
    (alert,) = told(WEEKLY, *week("150"), *week("100", 2))
    assert (alert.kind, alert.budget, *amounts(alert)) == (
        *("week_over_week", "global"),
        *("150", "100"),
    )


def test_a_mean_day_is_cut_to_a_millionth() -> None:
    """1 USD in seven days is 0.142857 and some more."""
    (alert,) = told(WEEKLY, line("1", 2))
    assert amounts(alert) == ("0.142857", "0")


@pytest.mark.parametrize(("last", "count"), [("150", 1), ("149.99", 0)])
def test_a_smaller_difference_than_the_floor_is_no_alert(last: str, count: int) -> None:
    """50 USD a day more are at the floor of 50, and 49.99 below it, though both are above 25%."""
    rules = "week_over_week: {above: 25%, floor: 50}"
    assert len(told(rules, *week(last), *week("100", 2))) == count


def test_the_floor_alone_is_no_alert() -> None:
    """60 USD a day more than 1,000 are 6%."""
    rules = "week_over_week: {above: 25%, floor: 50}"
    assert told(rules, *week("1060"), *week("1000", 2)) == []


def test_after_nothing_any_spend_is_a_rise() -> None:
    """Of which there is no percentage: where the floor is 0, a cent in a week is one."""
    (alert,) = told(WEEKLY, line("0.01", 1))
    assert amounts(alert) == ("0.001428", "0")
    assert_says(alert.message, "organization", "more than", "7 days before ($0.00 a day)")
    assert "%" not in alert.message


@pytest.mark.parametrize(
    "lines", [[], week("0"), week("100", 2), [*week("100"), *week("100", 2)], [line("100", 0)]]
)
def test_what_does_not_rise_is_no_alert(lines: list[SpendLine]) -> None:
    """Nothing at all, usage that was free, a week of nothing, one like the other, and today."""
    assert told(WEEKLY, *lines) == []


@pytest.mark.parametrize(
    ("back", "amount"), [(0, "0"), (1, "1"), (7, "1"), (8, "-1"), (14, "-1"), (15, "0")]
)
def test_the_weeks_are_of_full_days(back: int, amount: str) -> None:
    """Neither today nor the day before both is of them: 7 USD there make a mean day of 1 USD more."""
    steady = (*week("100"), *week("50", 2))
    (alert,) = told(WEEKLY, *steady, line("7", back))
    difference = alert.now - alert.before
    assert difference == 50 + int(amount)


@pytest.mark.parametrize(("low", "count"), [("125", 0), ("125.01", 1)])
def test_of_a_range_the_lower_end_counts_for_the_last_week(low: str, count: int) -> None:
    """It may have cost ten times as much: what is not sure is no rise."""
    assert len(told(WEEKLY, *week(bounds(low, "1250")), *week("100", 2))) == count
    assert len(told(WEEKLY, *week(bounds(low, "unlimited")), *week("100", 2))) == count


@pytest.mark.parametrize(("last", "count"), [("125", 0), ("125.01", 1)])
def test_of_a_range_the_upper_end_counts_for_the_week_before(last: str, count: int) -> None:
    """Which may have cost next to nothing."""
    found = told(WEEKLY, *week(last), *week(bounds("1", "100"), 2))
    assert [amounts(it)[1] for it in found] == ["100"] * count


def test_after_a_week_of_no_known_cost_nothing_is_a_rise() -> None:
    """One day of it may have cost anything."""
    before = (*week("1", 2), line(bounds("0", "unlimited"), 9))
    assert told(WEEKLY, *week("100000"), *before) == []


@pytest.mark.parametrize("budgets", [GLOBAL, "workspaces: {beta: {cap: 1}}"])
@pytest.mark.parametrize("day", ["2026-11-01T00:00", "2026-11-01T12:00", "2026-11-05T12:00"])
def test_both_weeks_may_reach_into_the_month_before(day: str, budgets: str) -> None:
    """Also on the 1st, when both are of it: 150 USD a day after 100 are 50% more."""
    month = month_at(day)
    lines = (*week("150", month=month), *week("100", 2, month=month))
    (alert,) = told(WEEKLY, *lines, month=month, budgets=budgets)
    assert amounts(alert) == ("150", "100")
    assert_says(alert.message, "$150.00 a day", "50% more", "$100.00 a day", "claude-opus-5-5")


def test_a_month_that_has_ended_has_no_alerts() -> None:
    """Nothing can be done about its last week, and its days before are not read."""
    month = month_at("2026-12-01T00:00")
    lines = (*week("150", month=month), *week("100", 2, month=month), line("9", 30, month=month))
    every = f"{WEEKLY}, {DAILY}, forecast: {{above: 1%}}"
    whole = judged(every, *lines, month=month._replace(is_whole=True), history=None)
    assert (whole.alerts, whole.status) == ((), "ok")
    assert "alerts_unchecked" not in {it.code for it in whole.notes}


# Today against the same weekday ------------------------------------------------------------------


def fridays(cost: str | Bounds = "40", **of: Any) -> tuple[SpendLine, ...]:
    """That much on each of the four Fridays before."""
    return tuple(line(cost, 7 * back, **of) for back in range(1, 5))


@pytest.mark.parametrize(("today", "count"), [("60", 0), ("60.01", 1)])
def test_today_is_held_against_the_same_part_of_the_same_weekday(today: str, count: int) -> None:
    """Fridays of 40 USD have 20 by noon: 200% more are exactly 60, and a cent on top an alert."""
    found = told(DAILY, *fridays(), line(today, 0))
    assert [(it.kind, *amounts(it)) for it in found] == [("daily", today, "20")] * count


@pytest.mark.parametrize(("today", "count"), [("70", 1), ("69.99", 0)])
def test_a_smaller_difference_today_than_the_floor_is_no_alert(today: str, count: int) -> None:
    """50 USD more than the usual 20 by noon are at the floor of 50."""
    rules = "daily: {above: 200%, floor: 50}"
    assert len(told(rules, *fridays(), line(today, 0))) == count


@pytest.mark.parametrize(
    ("back", "before"),
    [(1, "0"), (6, "0"), (7, "5"), (8, "0"), (14, "5"), (21, "5"), (28, "5"), (29, "0"), (35, "0")],
)
def test_four_of_a_weekday_are_averaged(back: int, before: str) -> None:
    """40 USD on one of them are 10 on an average one, and 5 by noon; another day is not looked at."""
    (alert,) = told(DAILY, line("40", back), line("100", 0))
    assert amounts(alert) == ("100", before)


def test_of_ranges_a_rise_today_counts_where_it_is_sure() -> None:
    """At least 60 USD today are no more than 20 and 200%, at most, of Fridays of up to 40 USD."""
    assert told(DAILY, *fridays(bounds("1", "40")), line(bounds("60", "900"), 0)) == []
    assert told(DAILY, *fridays(bounds("1", "unlimited")), line("900", 0)) == []
    (alert,) = told(DAILY, *fridays(bounds("1", "40")), line(bounds("61", "900"), 0))
    assert amounts(alert) == ("61", "20")


def test_a_day_that_has_not_begun_has_no_alert() -> None:
    """At 00:00 sharp nothing of it is over, and nothing was spent."""
    month = month_at("2026-11-20T00:00")
    assert told(DAILY, *fridays(month=month), month=month) == []


def test_at_midnight_sharp_nothing_is_usual_yet() -> None:
    """Costs that a report has of the day already are a rise from nothing, and no error."""
    month = month_at("2026-11-20T00:00")
    (alert,) = told(DAILY, *fridays(month=month), line("1", 0, month=month), month=month)
    assert (amounts(alert), alert.movers) == (("1", "0"), (Mover("alpha", OPUS, Decimal(1)),))


def test_at_midnight_sharp_what_may_have_cost_anything_is_no_measure() -> None:
    """No part of it is known, not even of no time at all."""
    month = month_at("2026-11-20T00:00")
    usual = fridays(bounds("1", "unlimited"), month=month)
    assert told(DAILY, *usual, line("1", 0, month=month), month=month) == []


def test_a_microsecond_is_a_part_of_a_day() -> None:
    """86.4 billion of them are a day: of 86.4 million USD, one cent by the tenth of them.

    What is more than three times that is an alert.
    """
    month = month_at("2026-11-20T00:00:00.000010")
    usual = fridays("86400000", month=month)
    assert told(DAILY, *usual, line("0.03", 0, month=month), month=month) == []
    (alert,) = told(DAILY, *usual, line("0.030001", 0, month=month), month=month)
    assert amounts(alert) == ("0.030001", "0.01")


def test_an_alert_of_today_says_the_time_and_the_weekday() -> None:
    """61 USD after 20 are 205% more."""
    (alert,) = told(DAILY, *fridays(), line("61", 0))
    assert_says(
        alert.message,
        *("organization", "$61.00 today by 12:00 UTC", "205% more", "Friday", "$20.00"),
        *("Mostly", f"{OPUS} in alpha", "$41.00 more"),
    )


# Days that could not be read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "rules", "names"),
    [
        (14, WEEKLY, "week_over_week"),
        (15, WEEKLY, None),
        (28, DAILY, "daily"),
        (29, DAILY, None),
        (10, f"{DAILY}, {WEEKLY}", "week_over_week, daily"),
        (20, f"{DAILY}, {WEEKLY}", "daily"),
        (1, "forecast: {above: 90%}", None),
    ],
)
def test_what_needs_days_that_could_not_be_read_is_not_checked(
    day: int, rules: str, names: str | None
) -> None:
    """A warning names those alerts; two weeks are of the month from the 15th on, four from the 29th."""
    month = month_at(f"2026-11-{day:02}T12:00")
    lines = [line("1000", 0, month=month), *([line("1000", 1, month=month)] if day > 1 else [])]
    report = judged(rules, *lines, month=month, history=None)
    notes = [it for it in report.notes if it.code == "alerts_unchecked"]
    assert [it.level for it in notes] == ["warning"] * bool(names)
    for note in notes:
        assert note.message.endswith(f": {names}.")
    checked = {"week_over_week", "daily"} - {*(names or "").split(", ")}
    assert {it.kind for it in report.alerts} == {kind for kind in checked if kind in rules}


def test_unread_days_of_alerts_fail_no_run() -> None:
    """The caps are judged by the month alone."""
    report = judged(f"{WEEKLY}, {DAILY}", line("5", 0), month=month_at("2026-11-10T12:00"))
    assert (report.status, decide(report, STRICT)[1]) == ("ok", 0)


# Forecasts ---------------------------------------------------------------------------------------

# Fourteen days of 10 USD each, and not an instant of the fifteenth: 300 USD in a month of thirty days.
MIDMONTH: Final = month_at("2026-11-15T00:00")
STEADY = tuple(line("10", back, month=MIDMONTH) for back in range(1, 15))


def expected(budgets: str, above: str = "75%") -> list[Alert]:
    """The forecast alerts of a month that is expected to end at 300 USD."""
    return told(f"forecast: {{above: {above}}}", *STEADY, budgets=budgets, month=MIDMONTH)


@pytest.mark.parametrize(("cap", "count"), [("400", 0), ("399.99", 1)])
def test_a_month_end_may_be_expected_at_the_part_of_the_cap(cap: str, count: int) -> None:
    """300 USD are exactly 75% of 400, and more than that of 399.99."""
    found = expected(f"global: {{cap: {cap}}}")
    assert [(it.kind, it.budget, *amounts(it), it.movers) for it in found] == [
        ("forecast", "global", "300", cap, ())
    ] * count


def test_a_forecast_alert_has_the_month_end_and_the_cap() -> None:
    """As amounts, and as the whole percentage below it: 300 of 350 USD are 85.7%."""
    (alert,) = expected("global: {cap: 350}")
    assert_says(alert.message, "organization", "$300.00", "November", "85% of its cap ($350.00)")


@pytest.mark.parametrize(("cap", "status"), [("300", "warning"), ("299", "warning")])
def test_a_forecast_above_the_cap_is_said_by_the_budget_itself(cap: str, status: Status) -> None:
    """At 299 it is expected to be crossed; at the cap of 300 it holds, and the alert is all there is."""
    report = judged(
        "forecast: {above: 75%}", *STEADY, budgets=f"global: {{cap: {cap}}}", month=MIDMONTH
    )
    assert (report.status, keys(report.alerts)) == (
        status,
        ["forecast global"] if cap == "300" else [],
    )


@pytest.mark.parametrize(
    "budgets",
    [
        "global: {cap: 350, forecast: off}",
        "global: {cap: 0}",
        "unlisted: warn",
        "unlisted: fail",
        "models: {claude-haiku-5-5: {cap: 1, optional: true}}\nunlisted: allow",
    ],
)
def test_without_a_forecast_or_a_cap_there_is_no_such_alert(budgets: str) -> None:
    """What is off, breached, has no cap, or no spend."""
    lines = [*STEADY, line("0", 1, month=MIDMONTH, model=HAIKU)]
    found = told("forecast: {above: 1%}", *lines, budgets=budgets, month=MIDMONTH)
    assert found == []


def test_forecast_alerts_are_of_each_budget() -> None:
    """Alpha is expected to spend all the 300 USD, of which each cap is another part."""
    budgets = (
        "global: {cap: 2000}\nworkspaces: {alpha: {cap: 310}, beta: {cap: 1}}\n"
        f"models: {{{OPUS}: {{cap: 320}}}}"
    )
    assert keys(expected(budgets)) == ["forecast workspaces.wrkspc_01A", f"forecast models.{OPUS}"]


# Budgets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budgets", "id_", "name"),
    [
        ("global: {cap: 1000000}", "global", "organization"),
        ("workspaces: {alpha: {cap: 1000000}}", f"workspaces.{ALPHA}", "alpha"),
        ("workspaces: {'al*': {cap: 1000000}}", f"workspaces.{ALPHA}", "alpha"),
        ("groups: {team: {cap: 1000000, workspaces: [alpha]}}", "groups.team", "team"),
        (f"models: {{{OPUS}: {{cap: 1000000}}}}", f"models.{OPUS}", OPUS),
        ("models: {'*opus*': {cap: 1000000}}", "models.*opus*", "*opus*"),
        ("unlisted: {cap: 1000000}", f"unlisted.{ALPHA}", "alpha"),
    ],
)
def test_each_kind_of_budget_is_watched(budgets: str, id_: str, name: str) -> None:
    """Alpha and its model rise from 100 to 150 USD a day; beta and its own fall from 50 to 1."""
    lines = [
        *(*week("150"), *week("100", 2)),
        *week("1", workspace=BETA, model=HAIKU),
        *week("50", 2, workspace=BETA, model=HAIKU),
    ]
    rules = "week_over_week: {above: 0.5%}"
    (alert,) = [it for it in told(rules, *lines, budgets=budgets) if it.budget == id_]
    assert amounts(alert) == (("151", "150") if id_ == "global" else ("150", "100"))
    assert alert.message.startswith(f"{name} ")
    assert alert.movers == (Mover("alpha", OPUS, Decimal(50)),)


def test_a_budget_that_is_quiet_is_not_named() -> None:
    """Alpha rises, and beta does not."""
    budgets = f"{GLOBAL}\nworkspaces: {{alpha: {{cap: 999999}}, beta: {{cap: 999999}}}}"
    lines = [*week("20"), *(line("10", back, workspace=BETA) for back in range(1, 15))]
    assert keys(told(WEEKLY, *lines, budgets=budgets)) == [
        "week_over_week global",
        f"week_over_week workspaces.{ALPHA}",
    ]


def test_what_only_warns_of_any_spend_is_not_watched() -> None:
    """`unlisted: warn` has no cap; the organization is watched none the less."""
    assert keys(told(WEEKLY, *week("20"), budgets="unlisted: warn")) == [
        "week_over_week organization"
    ]


@pytest.mark.parametrize(
    ("budgets", "found"),
    [
        (GLOBAL, ["global"]),
        (f"{GLOBAL}\nworkspaces: {{beta: {{cap: 1}}}}", ["global"]),
        ("workspaces: {beta: {cap: 1}}", ["organization"]),
    ],
)
def test_the_organization_is_watched_once(budgets: str, found: list[str]) -> None:
    """As its budget or, without one, as a whole; either way it is called organization."""
    alerts = told(WEEKLY, *week("150"), *week("100", 2), budgets=budgets)
    assert [it.budget for it in alerts] == found
    assert alerts[0].message.startswith("organization ")


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ((), ["organization", f"workspaces.{ALPHA}"]),
        (("workspaces.alpha",), [f"workspaces.{ALPHA}"]),
        (("workspaces.beta",), []),
    ],
)
def test_only_budgets_that_decide_are_watched(only: tuple[str, ...], found: list[str]) -> None:
    """A deploy that asks for one budget is not held up by the rise of another, nor of the whole."""
    budgets = "workspaces: {alpha: {cap: 1000000}, beta: {cap: 1000000}}"
    terms = Terms("warning", "fail", only)
    report = judged(WEEKLY, *week("150"), *week("100", 2), budgets=budgets, terms=terms)
    assert [it.budget for it in report.alerts] == found
    assert decide(report, terms)[1] == bool(found)


def test_a_global_budget_that_does_not_decide_is_no_organization_either() -> None:
    """It is neither watched as a budget nor as a whole, and has no forecast alert."""
    budgets = "global: {cap: 100000}\nworkspaces: {beta: {cap: 1000000}}"
    rules = f"{WEEKLY}, forecast: {{above: 0.1%}}"
    lines = [*STEADY, line("900", 1, month=MIDMONTH)]
    both = told(rules, *lines, budgets=budgets, month=MIDMONTH)
    assert keys(both) == [WEEK_ALERT, "forecast global"]
    terms = Terms("breach", "fail", ("workspaces.beta",))
    assert told(rules, *lines, budgets=budgets, month=MIDMONTH, terms=terms) == []


# Movers ------------------------------------------------------------------------------------------


def movers(*lines: SpendLine, rules: str = WEEKLY, **how: Any) -> list[tuple[str, str, str]]:
    """The movers of the only alert."""
    (alert,) = told(rules, *lines, **how)
    return [(it.workspace, it.model, exact(it.more)) for it in alert.movers]


def test_movers_are_told_the_largest_first_and_at_most_three() -> None:
    """Four rise, by 4, 3, 2 and 1 USD a day, one falls, and one stays."""
    found = movers(
        *(*week("2", workspace=None), *week("14"), *week("10", 2), *week("1", model=None)),
        *(*week("3", model=HAIKU), *week("1", workspace=BETA), *week("3", 2, workspace=BETA)),
        *(*week("5", workspace=BETA, model=HAIKU), *week("5", 2, workspace=BETA, model=HAIKU)),
    )
    assert found == [
        ("alpha", OPUS, "4"),
        ("alpha", HAIKU, "3"),
        ("default workspace", OPUS, "2"),
    ]


def test_movers_that_rise_alike_stand_by_name() -> None:
    """So that the same spend always gives the same report; a cost of no model is called so."""
    found = movers(*week("1", workspace=BETA), *week("1"), *week("1", model=None))
    assert found == [("alpha", OPUS, "1"), ("alpha", "no model", "1"), ("beta", OPUS, "1")]


def test_movers_of_today_are_held_against_their_usual_part() -> None:
    """61 and 9 USD by noon, after Fridays of 40 and 10: 41 and 4 more than usual by then."""
    found = movers(
        *(*fridays(), *fridays("10", model=HAIKU), line("61", 0), line("9", 0, model=HAIKU)),
        rules="daily: {above: 100%}",
    )
    assert found == [("alpha", OPUS, "41"), ("alpha", HAIKU, "4")]


def test_movers_are_exact_to_the_millionth() -> None:
    """By 23:59:59 of Fridays of 86,400,000 USD, 1,000 are not there yet: 1 USD more is just that."""
    month = month_at("2026-11-20T23:59:59")
    lines = (*fridays("86400000", month=month), line("86399001", 0, month=month))
    (found,) = movers(*lines, rules="daily: {above: 0.0000001%}", month=month)
    assert found == ("alpha", OPUS, "1")


def test_what_is_not_sure_is_no_mover() -> None:
    """Of a range the lower end counts, now and before."""
    found = movers(
        *week("20"), *week(bounds("0", "50"), model=HAIKU), *week(bounds("3", "5"), 2, model=OPUS)
    )
    assert found == [("alpha", OPUS, "17")]


def test_a_mover_that_is_no_longer_listed_has_its_id() -> None:
    """It spent in October alone, and no list has it: it is one of the last week of November 3."""
    month = month_at("2026-11-03T12:00")
    old = [line("10", back, month=month, workspace="wrkspc_01OLD") for back in (4, 5)]
    assert movers(*old, month=month) == [("wrkspc_01OLD", OPUS, "2.857142")]


@pytest.mark.parametrize(
    ("budgets", "id_", "mover"),
    [
        ("workspaces: {beta: {cap: 1000000}}", f"workspaces.{BETA}", ("beta", OPUS)),
        (f"models: {{{HAIKU}: {{cap: 1000000}}}}", f"models.{HAIKU}", ("alpha", HAIKU)),
    ],
)
def test_movers_are_of_the_budget(budgets: str, id_: str, mover: tuple[str, str]) -> None:
    """Though others rise more: alpha on its models by 9 and 5, and beta by 3 USD a day."""
    lines = [*week("9"), *week("5", model=HAIKU), *week("3", workspace=BETA)]
    (alert,) = [it for it in told(WEEKLY, *lines, budgets=budgets) if it.budget == id_]
    assert [it[:2] for it in alert.movers] == [mover]


def test_the_message_names_the_numbers_and_the_movers() -> None:
    """155 USD a day after 100 are 55% more: 50 of them by one, 5 by another."""
    (alert,) = told(WEEKLY, *week("150"), *week("100", 2), *week("5", workspace=BETA))
    assert_says(
        alert.message,
        *("organization", "$155.00 a day", "7 full days", "55% more", "$100.00 a day", "Mostly"),
        *(f"{OPUS} in alpha", "$50.00 more a day", f"{OPUS} in beta", "$5.00 more a day"),
    )


# Order -------------------------------------------------------------------------------------------


def test_the_largest_rise_comes_first_and_forecasts_last() -> None:
    """Beta is up by 50 USD a day, alpha by 20; today, alpha is 30 above what is usual by noon."""
    budgets = (
        "workspaces:\n  alpha: {cap: 1000000, forecast: off}\n  beta: {cap: 100000, forecast: warn}"
    )
    rules = f"{WEEKLY}, daily: {{above: 25%, floor: 10}}, forecast: {{above: 0.1%}}"
    lines = [
        *(*week("21"), *week("1", 2), line("40", 0)),
        *(line("50", back, workspace=BETA) for back in range(1, 8)),
    ]
    found = told(rules, *lines, budgets=budgets)
    # Fridays: 21, 1 and nothing are 22 in all, 5.50 on average, and 2.75 by noon.
    assert [(it.key, exact(it.now - it.before)) for it in found if it.kind != "forecast"] == [
        ("week_over_week organization", "70"),
        (f"week_over_week workspaces.{BETA}", "50"),
        (f"daily workspaces.{ALPHA}", "37.25"),
        ("daily organization", "31"),
        (f"week_over_week workspaces.{ALPHA}", "20"),
    ]
    assert [it.kind for it in found[5:]] == ["forecast"]


# The verdict -------------------------------------------------------------------------------------

RISEN = (*week("150"), *week("100", 2))


@pytest.mark.parametrize(("fail_on", "code"), [("breach", 0), ("never", 0), ("warning", 1)])
def test_an_alert_warns_and_never_breaches(fail_on: FailOn, code: int) -> None:
    """Every budget stays as it is, and only `fail-on: warning` ends in 1."""
    terms = Terms(fail_on, "fail")
    report, found = decide(judged(WEEKLY, *RISEN, terms=terms), terms)
    assert (report.status, report.enforced, found) == ("warning", True, code)
    assert [it.status for it in report.budgets] == ["ok"]
    assert report.fails_on_warning == bool(code)


def test_an_alert_hides_no_worse_status() -> None:
    """What is breached is so, and what is undecided too, with the alert among the notes."""
    breached = judged(WEEKLY, *RISEN, budgets="global: {cap: 1}")
    assert (breached.status, decide(breached, STRICT)[1]) == ("breached", 1)
    unsure = judged(
        WEEKLY, *RISEN, line(bounds("0", "9"), 0), budgets="global: {cap: 1755, forecast: off}"
    )
    assert (unsure.status, decide(unsure, STRICT)[1]) == ("uncertain", 3)
    for report in (breached, unsure):
        assert [it.level for it in report.notes if it.code == "alert_week_over_week"] == ["warning"]


def test_without_the_key_nothing_is_watched() -> None:
    """However much spend rises."""
    file = policy(f"version: 1\n{GLOBAL}\n")
    report = evaluate(file, spent(RISEN), NOON)
    assert (report.alerts, report.status) == ((), "ok")


# Outputs -----------------------------------------------------------------------------------------

BOTH = f"{GLOBAL}\nworkspaces: {{alpha: {{cap: 999999}}}}"


def outputs(report: Report) -> dict[str, str]:
    """The report for people."""
    return {
        "text": render_text(report, "budget.yml", colour=False),
        "markdown": render_markdown(report, "budget.yml"),
        "annotations": render_annotations(report, "budget.yml"),
    }


def test_the_headline_is_the_first_alert_where_the_caps_hold() -> None:
    """With how many more there are, and that no cap is breached."""
    report = judged(WEEKLY, *RISEN, budgets=BOTH)
    assert_says(
        plain_headline(report, "budget.yml"),
        *("Warning: organization spent $150.00 a day", "50% more", "all 2 caps hold"),
        "1 more alert (see notes)",
    )


def test_the_headline_says_what_makes_an_alert_fail() -> None:
    """By the setting's name."""
    terms = Terms("warning", "fail")
    report, _ = decide(judged(WEEKLY, *RISEN, terms=terms), terms)
    assert_says(plain_headline(report, "budget.yml"), "fail-on: warning", "organization", "holds")


def test_the_headline_says_of_no_cap_that_it_holds_which_was_not_checked() -> None:
    """The global one is breached, and does not decide."""
    terms = Terms("breach", "fail", ("workspaces.alpha",))
    report = judged(
        WEEKLY,
        *RISEN,
        budgets=BOTH.replace("global: {cap: 1000000", "global: {cap: 1"),
        terms=terms,
    )
    told_ = plain_headline(report, "budget.yml")
    assert_says(told_, "Warning: alpha", "the budget checked here holds (1 not checked)")
    assert_says(told_, "Breached, but not checked here: organization")


def test_the_headline_of_a_budget_goes_before_that_of_an_alert() -> None:
    """What is at a warning level is nearer to a breach."""
    report = judged(WEEKLY, *RISEN, budgets="global: {cap: 1800, forecast: off}")
    assert_says(plain_headline(report, "budget.yml"), "Warning: organization has spent $1,750.00")


@pytest.mark.parametrize("cap", ["1000000", "1800", "1"])
@pytest.mark.parametrize("output", ["text", "markdown", "annotations"])
def test_every_alert_is_told_once_in_each_output(output: str, cap: str) -> None:
    """As the headline or below it; in Markdown above the fold."""
    budgets = BOTH.replace("cap: 1000000", f"cap: {cap}")
    shown = outputs(judged(WEEKLY, *RISEN, budgets=budgets))[output]
    plain = unescape(shown)
    for name in ("organization", "alpha"):
        assert plain.count(f"{name} spent $150.00 a day in the last 7 full days") == 1
    if output == "markdown":
        above = plain.partition("<details>")[0]
        assert above.count("$150.00 a day in the last 7 full days") == 2


def many(count: int, budgets: str = GLOBAL) -> Report:
    """A report on so many workspaces that all have risen from nothing, each a little more than the next one."""
    listed = tuple(Workspace(f"wrkspc_{number:02}", f"team{number:02}") for number in range(count))
    lines = [line(str(90 - number), 1, workspace=it.id) for number, it in enumerate(listed)]
    budgets = f"{budgets}\nunlisted: {{cap: 1000, forecast: off}}"
    return judged(WEEKLY, *lines, budgets=budgets, workspaces=listed)


def test_ten_alerts_are_told_one_by_one() -> None:
    """Of the organization and of twelve workspaces: the largest ten, and how many are left; JSON has all."""
    report = many(12)
    codes = [it.code for it in report.notes if it.code.startswith("alert")]
    assert codes == ["alert_week_over_week"] * 10 + ["alerts_more"]
    (more,) = [it.message for it in report.notes if it.code == "alerts_more"]
    assert_says(more, "3 more alerts", "JSON report")
    assert len(json.loads(render_json(report, "budget.yml"))["alerts"]) == 13
    assert "alerts_more" not in {it.code for it in many(9).notes}


def test_the_summary_has_three_alerts_below_the_headline() -> None:
    """The others are folded, as the budgets are to be seen at once; all of them are told once."""
    plain = unescape(render_markdown(many(8), "budget.yml"))
    above, _, below = plain.partition("<details>")
    assert [it for it in range(8) if f"team{it:02} spent" in above] == [0, 1, 2]
    assert [it for it in range(8) if f"team{it:02} spent" in below] == [3, 4, 5, 6, 7]


def test_alerts_crowd_out_no_breach() -> None:
    """GitHub shows ten annotations, and that of the breached budget is the first of them."""
    report = many(30, "global: {cap: 1, forecast: off}")
    lines = render_annotations(report, "budget.yml").splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("::error ")
    assert [it.startswith("::warning ") for it in lines[1:]] == [True] * 9


def test_alerts_are_the_first_annotations_where_every_budget_is_ok() -> None:
    """As warnings, as GitHub shows ten of a kind at most."""
    report = judged(WEEKLY, *RISEN, budgets=BOTH)
    lines = render_annotations(report, "budget.yml").splitlines()
    assert [it.partition("::")[2].partition(" ")[0] for it in lines[:2]] == ["warning", "warning"]
    assert_says(lines[0], "organization spent")
    assert_says(lines[1], "alpha spent")


def test_the_json_report_has_each_alert_with_its_movers() -> None:
    """Amounts to the last digit that there is, and names apart from the message."""
    report = judged(WEEKLY, *RISEN, line("0.000007", 1))
    (alert,) = json.loads(render_json(report, "budget.yml"))["alerts"]
    message = alert.pop("message")
    assert alert == {
        "kind": "week_over_week",
        "budget": "global",
        "now": "150.000001",
        "before": "100",
        "movers": [{"workspace": "alpha", "model": OPUS, "more": "50.000001"}],
    }
    assert message == report.alerts[0].message


# Since the last report ---------------------------------------------------------------------------


def since(earlier: Iterable[str], *lines: SpendLine, **changes: Any) -> Report:
    """The gate's report, where the last one had alerts of these keys and everything else as today."""
    file = policy(f"version: 1\n{GLOBAL}\nalerts: {{{WEEKLY}, {DAILY}}}\n")
    spend = spent(lines, **changes)
    then = evaluate(file, spend, NOON)
    last = EarlierReport(
        as_of=NOON.as_of - timedelta(hours=1),
        month=NOON.period.start,
        organization=None,
        budgets=then.budgets,
        spend=then.spend.low if then.spend else None,
        alerts=frozenset(earlier),
    )
    report, _ = gate.check(file, lambda: spend, NOON, STRICT, earlier=last)
    return report


@pytest.mark.parametrize(
    ("earlier", "lines", "shift"),
    [
        ((), RISEN, "worse"),
        ((WEEK_ALERT,), RISEN, "same"),
        ((WEEK_ALERT,), (), "better"),
        ((), (), "same"),
        (("daily global",), RISEN, "worse"),
        (("daily global", WEEK_ALERT), RISEN, "better"),
    ],
)
def test_alerts_that_come_are_worse_and_that_go_are_better(
    earlier: tuple[str, ...], lines: tuple[SpendLine, ...], shift: str
) -> None:
    """What is worse counts most."""
    assert since(earlier, *lines).shift == shift


def test_an_alert_that_could_not_be_checked_is_not_gone() -> None:
    """The days before the month are not known, and so is not whether today is unusual."""
    assert since(("daily global",), history=None).shift == "same"
    assert since(("daily global",)).shift == "better"


# Against fractions -------------------------------------------------------------------------------

AMOUNTS = st.decimals(0, 1000, places=6, allow_nan=False, allow_infinity=False)
RATIOS = st.integers(1, 40_000).map(lambda it: Decimal(it).scaleb(-2))
LINES = st.builds(
    lambda low, more, back, workspace, model: line(
        Bounds(low, low + more), back, workspace=workspace, model=model
    ),
    AMOUNTS,
    st.just(Decimal(0)) | AMOUNTS,
    st.integers(0, 35),
    st.sampled_from([None, ALPHA, BETA]),
    st.sampled_from([OPUS, HAIKU, None]),
)


def cut(amount: Fraction) -> Decimal:
    """An amount that is not negative, cut to a millionth."""
    return Decimal(int(amount * 10**6)).scaleb(-6)


def rise(
    lines: list[SpendLine], now: set[int], before: set[int], weight: Fraction
) -> tuple[Fraction, Fraction]:
    """What the days so far back cost at least, and those before at most, the latter by weight."""
    today = NOON.as_of.date()
    low = sum((Fraction(it.cost.low) for it in lines if (today - it.day).days in now), Fraction())
    high = sum(
        (Fraction(it.cost.high) for it in lines if (today - it.day).days in before), Fraction()
    )
    return low, high * weight


def is_of_alpha(it: SpendLine) -> bool:
    """Whether a line counts for the budget of alpha."""
    return it.workspace == ALPHA


def is_of_any(_: SpendLine) -> bool:
    """Whether a line counts for the organization."""
    return True


@given(st.lists(LINES, max_size=40), RATIOS, RATIOS, st.integers(0, 86_400 * 10**6 - 1))
def test_alerts_are_those_of_exact_fractions(
    lines: list[SpendLine], above: Decimal, floor: Decimal, elapsed: int
) -> None:
    """Whatever was spent, whatever the limits, at any microsecond of the day."""
    month = MonthToDate(datetime(2026, 11, 20, tzinfo=UTC) + timedelta(microseconds=elapsed))
    rule = f"{{above: {above:f}%, floor: {floor:f}}}"
    found = told(
        f"week_over_week: {rule}, daily: {rule}",
        *lines,
        budgets=f"{GLOBAL}\nworkspaces: {{alpha: {{cap: 999999}}}}",
        month=month,
    )
    spans: dict[str, tuple[set[int], set[int], Fraction, int]] = {
        "week_over_week": ({*range(1, 8)}, {*range(8, 15)}, Fraction(1), 7),
        "daily": ({0}, {7, 14, 21, 28}, Fraction(elapsed, 4 * 86_400 * 10**6), 1),
    }
    which: dict[str, Callable[[SpendLine], bool]] = {
        "global": is_of_any,
        f"workspaces.{ALPHA}": is_of_alpha,
    }
    expected_: dict[str, tuple[Decimal, Decimal]] = {}
    for kind, (now, before, weight, days) in spans.items():
        for id_, is_of in which.items():
            low, high = rise([it for it in lines if is_of(it)], now, before, weight)
            limit = high * (1 + Fraction(above) / 100)
            if low > limit and low - high >= Fraction(floor) * days:
                expected_[f"{kind} {id_}"] = (cut(low / days), cut(high / days))
    assert {it.key: (it.now, it.before) for it in found} == expected_
    assert len(found) == len(expected_)
    for alert in found:
        more = [it.more for it in alert.movers]
        assert more == sorted(more, reverse=True)
        assert all(amount > 0 for amount in more)


# The page ----------------------------------------------------------------------------------------

PAGE = "docs/alerts.md"
EXAMPLES = table(PAGE, "example")


def dollars(text: str) -> list[str]:
    """The amounts of USD in a text, as plain numbers."""
    return [it.replace(",", "") for it in re.findall(r"\$([0-9,]*[0-9])", text)]


def example(kind: str, now: str = "") -> list[Alert]:
    """What an example of the page comes to by its policy: of what it says was spent, or of `now`."""
    policies = [it.text for it in BLOCKS if it.page == PAGE and "\nalerts:" in it.text]
    file = policy(policies[0])
    amounts_ = dollars(EXAMPLES[kind][0])
    month = month_at("2026-11-20T06:00")
    lines: list[SpendLine] = []
    if kind == "week_over_week":
        last, before = (Decimal(it) / 7 for it in amounts_)
        lines = [*week(now or str(last), month=month), *week(str(before), 2, month=month)]
    elif kind == "daily":
        lines = [line(it, 7 * back, month=month) for back, it in enumerate(amounts_[1:], 1)]
        lines.append(line(now or amounts_[0], 0, month=month))
    else:
        # Ten days of the same spend, which the twenty to come are expected to have as well.
        month = month_at("2026-11-11T00:00")
        cost = Decimal(now or amounts_[0]) / 30
        lines = [line(str(cost), back, month=month) for back in range(1, 11)]
    return [it for it in evaluate(file, spent(lines, month), month).alerts if it.kind == kind]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_page_computes_as_the_program(kind: str) -> None:
    """What each example comes to, and by how much."""
    _, now, before, _, difference = EXAMPLES[kind]
    (alert,) = example(kind)
    assert [*map(Decimal, dollars(now + before))] == [alert.now, alert.before]
    if difference:
        assert dollars(difference) == [exact(alert.now - alert.before)]


@pytest.mark.parametrize(
    ("kind", "limit"), [("week_over_week", "150"), ("daily", "150"), ("forecast", "4500")]
)
def test_the_limits_of_the_page_are_those_of_its_policy(kind: str, limit: str) -> None:
    """By hand: 125% of 120, 300% of 50 and 90% of 5,000."""
    assert dollars(EXAMPLES[kind][3]) == [limit]


def test_at_the_limits_of_the_page_there_is_no_alert() -> None:
    """Of a day, and of the month-end; a week of 150 USD a day is below the floor, which 170 reach."""
    assert example("daily", "150") == example("forecast", "4500") == []
    assert len(example("daily", "150.01")) == len(example("forecast", "4500.30")) == 1
    assert example("week_over_week", "169.99") == []
    assert len(example("week_over_week", "170")) == 1


def test_the_page_has_an_example_of_each_alert() -> None:
    """As its table of them has."""
    assert [*EXAMPLES] == [*table(PAGE, "alert")] == [*Alerts.model_fields]


# Whole runs --------------------------------------------------------------------------------------

TENTH: Final = datetime(2026, 11, 10, 12, tzinfo=UTC)
QUIET = "version: 1\nglobal: {cap: 1000000, forecast: off}\n"


def organization() -> Organization:
    """Claude Sonnet 4.5 at 3 USD per million tokens: 3 USD a day in October, 6 in November."""
    usage = []
    for back in range(41):
        at = TENTH - back * DAY
        tokens = 2_000_000 if at.month == TENTH.month else 1_000_000
        usage.append(
            Usage(at - 3 * timedelta(hours=1), PRODUCTION, "claude-sonnet-4-5", uncached=tokens)
        )
    return Organization(usage, [loopback.Workspace(PRODUCTION, "production")])


def is_history(request: Request) -> bool:
    """Whether a request asks for days before November."""
    start = first(request, "starting_at")
    return request.path == USAGE and start is not None and start < "2026-11-01"


@contextmanager
def serving(**how: Any) -> Iterator[LoopbackAPI]:
    """The organization's API on November 10."""
    with LoopbackAPI(organization(), now=TENTH, **how) as api:
        yield api


def run(here: Here, api: LoopbackAPI, *flags: str, policy: str) -> Run:
    """A run at the time of the API."""
    return here.check(api, "--format", "json", *flags, policy=policy, now=api.now)


def test_a_run_tells_of_the_week_across_the_first_of_the_month(here: Here) -> None:
    """November 3 to 9 cost 6 USD each; of the week before, two days cost 6 and five 3: 27 USD in all.

    42 after 27 USD are 55% more, and 27 / 7 is 3.857142 and some more.
    """
    with serving() as api:
        ended = run(here, api, policy=f"{QUIET}alerts: {{week_over_week: {{above: 50%}}}}\n")
    report = json.loads(ended.stdout)
    (alert,) = report["alerts"]
    assert (ended.code, report["status"]) == (0, "warning")
    assert (alert["now"], alert["before"]) == ("6", "3.857142")
    assert alert["movers"] == [
        {"workspace": "production", "model": "claude-sonnet-4-5", "more": "2.142857"}
    ]
    assert_says(report["headline"], "Warning: organization spent $6.00 a day", "55% more")


@pytest.mark.parametrize(
    ("alerts", "count"),
    [
        ("", 0),
        ("alerts: {week_over_week: {above: 50%}}\n", 1),
        ("alerts: {daily: {above: 50%}}\n", 1),
        ("alerts: {forecast: {above: 50%}}\n", 0),
    ],
)
def test_alerts_ask_for_the_days_before_the_month(here: Here, alerts: str, count: int) -> None:
    """Where no forecast does: once; an alert of a forecast is none where all of them are off."""
    with serving() as api:
        ended = run(here, api, policy=f"{QUIET}{alerts}")
        assert ended.code == 0
        assert sum(map(is_history, api.requests)) == count


def test_days_that_cannot_be_read_leave_alerts_unchecked(here: Here) -> None:
    """The run passes by its caps, and says which alerts were not looked at."""
    with serving(intercept=lambda it, _: refuse(403) if is_history(it) else None) as api:
        ended = run(here, api, policy=f"{QUIET}alerts: {{{WEEKLY}, {DAILY}}}\n")
    report = json.loads(ended.stdout)
    (note,) = [it for it in report["notes"] if it["code"] == "alerts_unchecked"]
    assert (ended.code, report["status"], report["alerts"]) == (0, "ok", [])
    assert_says(note["message"], "week_over_week", "daily")


def test_the_next_run_knows_the_alerts_of_the_last(here: Here) -> None:
    """By its report: what was news once is the same an hour later, and better when it is gone."""
    rises = "alerts: {week_over_week: {above: 50%}}\n"
    changed = []
    for alerts in ("", rises, rises, ""):
        with serving() as api:
            report = here.program.folder / "report.json"
            last = ("--last-report", "report.json") if report.exists() else ()
            ended = run(here, api, "--report", "report.json", *last, policy=f"{QUIET}{alerts}")
            assert ended.code == 0
            changed.append(json.loads(ended.stdout)["changed"])
    assert changed == [None, "worse", "same", "better"]


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--fail-on", "warning"), 1)])
def test_an_alert_fails_a_run_by_a_setting_alone(
    here: Here, flags: tuple[str, ...], code: int
) -> None:
    """Which is `--fail-on warning`."""
    with serving() as api:
        ended = run(here, api, *flags, policy=f"{QUIET}alerts: {{{WEEKLY}}}\n")
    assert ended.code == code
