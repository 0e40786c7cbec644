"""Another cap until the end of a UTC day: when it holds, what it may be, and that everyone sees it."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate, unverified
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import LiveException
from budget_gate.domain.verdict.terms import STRICT
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.gate import check
from tests.helpers.builders import bounds, budget, errors_of, line, month_at, policy, spend_of_lines
from tests.helpers.inert import (
    EVIL,
    PLAIN,
    SURROGATE,
    Shown,
    assert_alike,
    assert_inert,
    shown,
    way_id,
)
from tests.helpers.runner import read_commands, read_outputs
from tests.helpers.running import AS_OF, NOW, ORGANIZATION, PRODUCTION, Here, Run
from tests.helpers.serving import refuse
from tests.helpers.wording import assert_says, notes_with
from tests.world.loopback import LoopbackAPI

LISTED = (
    Workspace("wrkspc_01PROD", "production"),
    Workspace("wrkspc_01EXPA", "exp-a"),
    Workspace("wrkspc_01EXPB", "exp-b"),
)


def rules(*exceptions: str, cap: str = "10", more: str = "") -> str:
    """A policy with a global cap and these exceptions."""
    listed = "".join(f"  - {{{each}}}\n" for each in exceptions)
    return (
        f"version: 1\nglobal: {{cap: {cap}, forecast: off{more}}}\n"
        f"exceptions:{' []' if not listed else ''}\n{listed}"
    )


def until(day: str, cap: str = "20", of: str = "global") -> str:
    """An exception up to a day."""
    return f"budget: {of}, cap: {cap}, until: {day}, reason: launch week"


def judged(text: str, at: str = "2026-11-20T15:20:00", spent: Bounds | None = None) -> Report:
    """The report on 15 USD, or another spend, at a time."""
    month = month_at(at)
    day = str(month.as_of.date())
    return evaluate(policy(text), spend(spent or bounds("15"), day), month)


def spend(spent: Bounds, day: str = "2026-11-20") -> Spend:
    """That much in production on a day."""
    return spend_of_lines(line(spent, "wrkspc_01PROD", day=day), workspaces=LISTED)


def refused(text: str, at: str = "2026-11-20T15:20:00") -> list[str]:
    """The defects that exceptions are refused with."""
    with pytest.raises(ConfigurationError) as caught:
        judged(text, at)
    return errors_of(caught.value)


def unread(text: str) -> list[str]:
    """The defects of a policy that is wrong in itself."""
    with pytest.raises(ConfigurationError) as caught:
        policy(text)
    return errors_of(caught.value)


def notes(report: Report) -> list[Note]:
    """What is said of exceptions that have ended."""
    return notes_with(report.notes, "expired_exception")


# When it holds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "at", "live"),
    [
        ("2026-11-20", "2026-11-20T00:00:00", True),
        ("2026-11-20", "2026-11-20T23:59:59", True),
        ("2026-11-20", "2026-11-20T23:59:59.999999", True),
        ("2026-11-20", "2026-11-21T00:00:00", False),
        ("2026-11-20", "2026-11-21T00:00:01", False),
        ("2026-11-30", "2026-11-30T23:59:59", True),
        ("2026-11-30", "2026-12-01T00:00:00", False),
        ("2026-12-31", "2026-12-31T23:59:59", True),
        ("2026-12-31", "2027-01-01T00:00:00", False),
        ("2026-12-01", "2026-11-01T00:00:01", True),
        ("2028-02-28", "2028-02-28T23:59:59", True),
        ("2028-02-28", "2028-02-29T00:00:00", False),
        ("2028-02-29", "2028-02-29T23:59:59", True),
        ("2028-02-29", "2028-03-01T00:00:00", False),
        ("2027-02-28", "2027-03-01T00:00:00", False),
        ("9999-12-31", "2026-11-20T15:20:00", True),
        ("0001-01-01", "2026-11-20T15:20:00", False),
    ],
)
def test_exception_holds_to_the_end_of_its_utc_day(last: str, at: str, *, live: bool) -> None:
    """With its last second, and not with the first of the next day; 15 USD are above the cap of 10."""
    result = budget(judged(rules(until(last)), at), "global")
    assert result.cap == (20 if live else 10)
    assert result.status == ("ok" if live else "breached")
    assert (result.exception is not None) is live


@pytest.mark.parametrize(
    ("as_of", "code"),
    [
        ("2026-11-15T23:59:59Z", 0),
        ("2026-11-16T00:00:00Z", 1),
        ("2026-11-16T01:59:59+02:00", 0),
        ("2026-11-15T19:00:00-05:00", 1),
    ],
)
def test_day_of_a_run_is_that_of_utc(here: Here, as_of: str, code: int) -> None:
    """Wherever the clock of `--as-of` stands."""
    text = rules("budget: global, cap: 100, until: 2026-11-15, reason: x", cap="18.29")
    now = NOW + timedelta(days=1)
    with LoopbackAPI(ORGANIZATION, now=now) as api:
        assert here.check(api, "--as-of", as_of, policy=text, now=now).code == code


# Its cap -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spent", "status"),
    [
        ("15.999999", "ok"),
        ("16", "warning"),
        ("20", "warning"),
        ("20.000000000001", "breached"),
    ],
)
def test_cap_and_levels_are_those_of_the_exception(spent: str, status: str) -> None:
    """80% of 20 USD warn, not of 10."""
    report = judged(rules(until("2026-11-30")), spent=bounds(spent))
    assert report.status == status


def test_exception_may_lower_a_cap() -> None:
    """Spend within the regular cap is above the lower one."""
    assert judged(rules(until("2026-11-30", "14.99"), cap="100")).status == "breached"


def test_exception_may_have_a_cap_of_zero() -> None:
    """A freeze: any spend breaches."""
    assert judged(rules(until("2026-11-30", "0")), spent=bounds("0.01")).status == "breached"


def test_exception_leaves_the_daily_cap_alone() -> None:
    """It is about the cap of the month."""
    report = judged(rules(until("2026-11-30"), more=", daily_cap: 14"))
    assert budget(report, "global").cause == "daily_cap"
    assert report.status == "breached"


def test_report_has_the_exception_beside_the_regular_cap() -> None:
    """And the cap in force as that of the organization."""
    text = rules(f"{until('2026-11-30')}, approved_by: finops")
    report = judged(text)
    told = LiveException(
        bounds("10").low, datetime(2026, 11, 30, tzinfo=UTC).date(), "launch week", "finops"
    )
    assert budget(report, "global").exception == told
    assert report.cap == 20


def test_report_without_spend_has_the_cap_in_force() -> None:
    """Where nothing could be read, and on the last day."""
    file = policy(rules(until("2026-11-20")))
    assert unverified(file, month_at("2026-11-20T23:59:59"), ()).cap == 20
    assert unverified(file, month_at("2026-11-21T00:00:00"), ()).cap == 10


def test_a_whole_month_without_spend_has_the_cap_that_was_in_force() -> None:
    """Of two exceptions the one that ended first: the other has come after the month."""
    text = "exceptions: [{budget: global, cap: %s, until: %s, reason: x}, %s]\n"
    later = "{budget: global, cap: 30, until: 2026-12-20, reason: y}"
    file = policy("version: 1\nglobal: {cap: 10}\n" + text % (20, "2026-12-01", later))
    month = MonthToDate(datetime(2026, 12, 1, tzinfo=UTC), is_whole=True)
    assert unverified(file, month, ()).cap == 20


@pytest.mark.parametrize(
    ("named", "ids"),
    [
        ("workspaces.production", {"workspaces.wrkspc_01PROD"}),
        ("workspaces.exp-*", {"workspaces.wrkspc_01EXPA", "workspaces.wrkspc_01EXPB"}),
        ("groups.research", {"groups.research"}),
        ("models.claude-opus-*", {"models.claude-opus-*"}),
        ("global", {"global"}),
        ("unlisted", {"unlisted.default"}),
    ],
)
def test_exception_is_for_the_budget_of_that_key(named: str, ids: set[str]) -> None:
    """As the policy has it, each match of a glob included, and for no other."""
    text = (
        "version: 1\nglobal: {cap: 10}\nunlisted: {cap: 10}\n"
        'workspaces: {production: {cap: 10}, "exp-*": {cap: 10}}\n'
        'groups: {research: {cap: 10, workspaces: ["exp-*"]}}\n'
        'models: {"claude-opus-*": {cap: 10}}\n'
        f'exceptions: [{{budget: "{named}", cap: 20, until: 2026-11-30, reason: x}}]\n'
    )
    lines = (line(bounds("1")), line(bounds("1"), "wrkspc_01PROD"))
    report = evaluate(
        policy(text),
        spend_of_lines(*lines, workspaces=LISTED),
        month_at("2026-11-20T15:20:00"),
    )
    assert {it.id for it in report.budgets if it.cap == 20} == ids
    assert {it.id for it in report.budgets if it.exception} == ids


# What is wrong with one --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named",
    [
        "production",
        "workspaces.prodution",
        "workspaces.Production",
        "workspaces.wrkspc_01PROD",
        "workspaces.exp-a",
        "workspaces",
        "groups.exp-*",
        "models.production",
        "Global",
        "organization",
        "unlisted",
        "unlisted.default",
        "*",
    ],
)
def test_exception_for_no_budget_is_an_error_at_its_place(named: str) -> None:
    """By any name but that of the policy, the id of a workspace with a key included."""
    text = (
        'version: 1\nglobal: {cap: 10}\nworkspaces: {production: {cap: 9}, "exp-*": {cap: 9}}\n'
        "unlisted: fail\nexceptions:\n"
        f'  - budget: "{named}"\n    cap: 20\n    until: 2026-11-30\n    reason: x\n'
    )
    assert refused(text) == [f"budget.yml:6:5: exceptions.0.budget: no budget is called {named!r}"]


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("production", "did you mean workspaces.production?"),
        ("workspaces.prodution", "did you mean workspaces.production?"),
        ("prodution", "did you mean workspaces.production?"),
        ("models.production", "did you mean workspaces.production?"),
        ("globl", "did you mean global?"),
        ("organization", "did you mean global?"),
        ("xyzzy", "such as global or workspaces.production"),
        ("wrkspc_01EXAMPLE", "not by its id, such as global or workspaces.production"),
    ],
)
def test_exception_for_no_budget_is_told_the_one_meant(named: str, meant: str) -> None:
    """By its key in the policy."""
    text = (
        "version: 1\nglobal: {cap: 10}\nworkspaces: {production: {cap: 9}}\n"
        f"exceptions: [{{budget: {named}, cap: 1, until: 2026-11-30, reason: y}}]\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        judged(text)
    assert caught.value.problems[0].hint.endswith(meant)


def test_error_names_budgets_as_exceptions_do() -> None:
    """So that one of them can be copied."""
    text = 'version: 1\nworkspaces: {"exp-*": {cap: 9}}\nexceptions: [{budget: x, cap: 1, until: 2026-11-30, reason: y}]\n'
    with pytest.raises(ConfigurationError) as caught:
        judged(text)
    assert "workspaces.exp-*" in caught.value.problems[0].hint


def test_error_names_three_of_many_budgets() -> None:
    """An id is no key of them, which is said where it may be one."""
    budgets = "models: {d: {cap: 1}, b: {cap: 1}, c: {cap: 1}, a: {cap: 1}}"
    for name, words in (("x", "policy"), ("wrkspc_01X", "policy, not by its id")):
        exceptions = f"[{{budget: {name}, cap: 1, until: 2026-11-30, reason: y}}]"
        with pytest.raises(ConfigurationError) as caught:
            judged(f"version: 1\n{budgets}\nexceptions: {exceptions}\n")
        (problem,) = caught.value.problems
        assert problem.hint == (
            f"name one as it stands in the {words}, such as models.a or models.b or models.c"
        )


def test_error_where_there_is_no_budget_names_none() -> None:
    """The limit of unlisted workspaces is no cap here."""
    text = "version: 1\nunlisted: fail\nexceptions: [{budget: unlisted, cap: 1, until: 2026-11-30, reason: y}]\n"
    with pytest.raises(ConfigurationError) as caught:
        judged(text)
    hint = caught.value.problems[0].hint
    assert hint == "remove it, as the policy has no cap that could be another"


def test_expired_exception_for_no_budget_is_an_error_too() -> None:
    """A policy is right or wrong whatever day it is."""
    assert "no budget is called" in refused(rules(until("2026-01-01", of="groups.gone")))[0]


def test_two_live_exceptions_for_a_budget_are_an_error_at_the_second() -> None:
    """Which of them holds has to be said; even where they agree."""
    text = rules(until("2026-11-30"), until("2026-11-25"))
    assert refused(text) == ["budget.yml:5:5: exceptions.1: is a second exception for global"]


@pytest.mark.parametrize(("at", "cap"), [("2026-11-21T00:00:00", 30), ("2026-11-25T00:00:00", 30)])
def test_second_exception_may_follow_one_that_has_ended(at: str, cap: int) -> None:
    """From the first second after it."""
    text = rules(until("2026-11-20"), until("2026-11-30", "30"))
    assert budget(judged(text, at), "global").cap == cap


def test_two_exceptions_are_live_on_the_last_day_of_the_first() -> None:
    """To its last second."""
    text = rules(until("2026-11-20"), until("2026-11-30", "30"))
    assert "second exception" in refused(text, "2026-11-20T23:59:59")[0]


def test_every_exception_that_does_not_fit_is_told_with_its_place_and_remedy() -> None:
    """One for no budget, one that raises a cap too far, one that has ended and one that is fine hide none behind them."""
    text = rules(
        until("2026-11-30", of="globel"),
        until("2026-10-30"),
        until("2026-11-30", "15.01"),
        until("2026-11-30", "15"),
        more=", max_exception: 50%",
    )
    assert [re.sub(" +", " ", it) for it in refused(text)] == [
        "budget.yml:4:6: exceptions.0.budget: no budget is called 'globel'",
        "budget.yml:5:22: exceptions.1.cap: raises the cap of 10 further than max_exception allows",
        "budget.yml:6:22: exceptions.2.cap: raises the cap of 10 further than max_exception allows",
        "budget.yml:7:5: exceptions.3: is a second exception for global",
    ]
    with pytest.raises(ConfigurationError) as caught:
        judged(text)
    assert_says(caught.value.message, "exceptions do not fit")
    for problem, remedy in zip(
        caught.value.problems,
        ("did you mean global?", "15.00 is the highest", "15.00 is the highest", "keep one"),
        strict=True,
    ):
        assert_says(problem.hint, remedy)


def test_of_two_exceptions_of_a_month_that_has_ended_the_one_that_ended_first_stood() -> None:
    """The other has come after it, in whichever order they stand; a third is no matter of that month."""
    month = MonthToDate(datetime(2026, 11, 1, tzinfo=UTC), is_whole=True)
    for order in (("2026-11-20", "2026-10-31"), ("2026-10-31", "2026-11-20")):
        text = rules(*(until(day, day[-2:]) for day in order), until("2026-10-30", "99"))
        assert caps_in_force(policy(text), month).of("global") == 31


def test_exceptions_of_two_budgets_go_together() -> None:
    """Each has one."""
    text = (
        "version: 1\nglobal: {cap: 10}\nworkspaces: {production: {cap: 10}}\nexceptions:\n"
        f"  - {{{until('2026-11-30')}}}\n  - {{{until('2026-11-30', '30', 'workspaces.production')}}}\n"
    )
    assert {it.id: it.cap for it in judged(text).budgets} == {
        "global": 20,
        "workspaces.wrkspc_01PROD": 30,
    }


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("cap: 2, until: 2026-11-30, reason: x", "4:5: exceptions.0.budget: is missing"),
        ("budget: global, until: 2026-11-30, reason: x", "4:5: exceptions.0.cap: is missing"),
        ("budget: global, cap: 2, reason: x", "4:5: exceptions.0.until: is missing"),
        ("budget: global, cap: 2, until: 2026-11-30", "4:5: exceptions.0.reason: is missing"),
        (
            "budget: global, cap: 2, until: 2026-11-30, reason: ''",
            "4:49: exceptions.0.reason: '' is not a text",
        ),
        (
            "budget: global, cap: 2, reason: x, until: 2026-11-31",
            "4:41: exceptions.0.until: '2026-11-31' is not a day",
        ),
        (
            "budget: global, cap: 2, reason: x, until: 2027-02-29",
            "4:41: exceptions.0.until: '2027-02-29' is not a day",
        ),
        (
            "budget: global, cap: 2, reason: x, until: 2026-11-30T12:00:00Z",
            "4:41: exceptions.0.until: '2026-11-30T12:00:00Z' is not a day",
        ),
        (
            "budget: global, cap: 2, reason: x, until: 30.11.2026",
            "4:41: exceptions.0.until: '30.11.2026' is not a day",
        ),
        (
            "budget: global, reason: x, until: 2026-11-30, cap: 100%",
            "4:52: exceptions.0.cap: '100%' is not an amount",
        ),
        (
            "budget: global, reason: x, until: 2026-11-30, cap: -1",
            "4:52: exceptions.0.cap: '-1' is not an amount",
        ),
        (
            "budget: global, cap: 2, until: 2026-11-30, reason: x, approved: me",
            "4:60: exceptions.0.approved: unknown key",
        ),
    ],
)
def test_defects_of_an_exception_stand_at_their_place(written: str, error: str) -> None:
    """With line and column; a reason is required, and `until` a day of the calendar."""
    assert unread(rules(written)) == [f"budget.yml:{error}"]


def test_leap_day_is_a_day() -> None:
    """In a leap year."""
    file = policy(rules(until("2028-02-29")))
    assert str(file.policy.exceptions[0].until) == "2028-02-29"


@pytest.mark.parametrize("text", ["{budget: global}", "later"])
def test_exceptions_that_are_no_list_are_refused(text: str) -> None:
    """At their key."""
    (told,) = unread(f"version: 1\nglobal: {{cap: 1}}\nexceptions: {text}\n")
    assert told.startswith("budget.yml:3:1: exceptions: ")


def test_wrong_exceptions_are_told_before_anything_is_asked_for() -> None:
    """They need no spend, and a run without a key tells them too."""
    asked = []

    def read_spend() -> Spend:
        asked.append(1)
        return spend(bounds("1"))

    file = policy(rules(until("2026-11-30", of="groups.gone")))
    with pytest.raises(ConfigurationError):
        check(file, read_spend, month_at("2026-11-20T15:20:00"), STRICT)
    assert asked == []


# How far one may raise ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "cap", "fits"),
    [
        ("100%", "20", True),
        ("100%", "20.000000000001", False),
        ("100%", "10", True),
        ("100%", "0", True),
        ("0%", "10", True),
        ("0%", "10.01", False),
        ("0%", "9", True),
        ("12.5%", "11.25", True),
        ("12.5%", "11.26", False),
        ("900%", "100", True),
    ],
)
def test_max_exception_bounds_how_far_a_cap_is_raised(limit: str, cap: str, *, fits: bool) -> None:
    """Exactly, and never how far it is lowered."""
    text = rules(until("2026-11-30", cap), more=f", max_exception: {limit}")
    if fits:
        assert budget(judged(text), "global").exception is not None
    else:
        (told,) = refused(text)
        assert told.startswith("budget.yml:4:22: exceptions.0.cap: raises the cap of 10 further ")


def test_max_exception_is_of_the_cap_of_each_budget() -> None:
    """Not of the global one."""
    text = (
        "version: 1\nglobal: {cap: 1000, max_exception: 50%}\nworkspaces: {production: {cap: 10}}\n"
        f"exceptions:\n  - {{{until('2026-11-30', '16', 'workspaces.production')}}}\n"
    )
    assert "raises the cap of 10 further" in refused(text)[0]


def test_error_tells_the_highest_cap_there_may_be() -> None:
    """Ready to be written."""
    text = rules(until("2026-11-30", "99"), more=", max_exception: 12.5%")
    with pytest.raises(ConfigurationError) as caught:
        caps_in_force(policy(text), month_at("2026-11-20T15:20:00"))
    assert caught.value.problems[0].hint.startswith("11.25")


def test_exception_without_a_limit_may_raise_any_cap() -> None:
    """There is none unless the policy says so."""
    assert judged(rules(until("2026-11-30", "999999999999999"))).status == "ok"


@pytest.mark.parametrize("limit", ["100", "1.0", "-5%", "any", "[100%]"])
def test_limit_that_is_no_percentage_is_refused(limit: str) -> None:
    """At its key."""
    (told,) = unread(f"version: 1\nglobal:\n  cap: 1\n  max_exception: {limit}\n")
    assert told.startswith("budget.yml:4:3: global.max_exception: ")
    assert_says(told.partition("max_exception: ")[2], "is not a percentage")
    assert "100%" not in told.partition(" is not ")[2]


def test_limit_stands_under_global_alone() -> None:
    """Elsewhere it is an unknown key."""
    (told,) = unread("version: 1\nworkspaces:\n  a: {cap: 1, max_exception: 5%}\n")
    assert told == "budget.yml:3:15: workspaces.a.max_exception: unknown key"


# Once it has ended -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "level"),
    [
        ("2026-10-20T23:59:59", None),
        ("2026-10-21T00:00:00", "info"),
        ("2026-11-19T23:59:59", "info"),
        ("2026-11-20T00:00:00", "warning"),
        ("2027-10-20T00:00:00", "warning"),
    ],
)
def test_ended_exception_is_a_note_for_30_days_and_then_a_warning(
    at: str, level: str | None
) -> None:
    """It ends with the 20th of October: the 30th day after it is the 19th of November."""
    told = notes(judged(rules(until("2026-10-20")), at))
    assert [note.level for note in told] == ([level] if level else [])


def test_note_and_warning_say_what_to_do() -> None:
    """The warning asks to delete it."""
    text = rules(until("2026-10-20"))
    (note,) = notes(judged(text, "2026-11-19T12:00:00"))
    (warning,) = notes(judged(text, "2026-11-20T12:00:00"))
    assert note.message == (
        "The exception for global ended on 2026-10-20: its regular cap is in force again."
    )
    assert warning.message == (
        "The exception for global ended on 2026-10-20, 31 days ago: delete it from the policy."
    )


def test_each_ended_exception_is_told() -> None:
    """Those of one budget, too, and they change no status."""
    report = judged(rules(until("2026-10-20"), until("2026-10-30")), spent=bounds("1"))
    assert [note.level for note in notes(report)] == ["warning", "info"]
    assert report.status == "ok"


# What an earlier report proves -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "status"), [("2026-11-20T23:59:59", "unverified"), ("2026-11-21T00:00:00", "breached")]
)
def test_breach_of_the_regular_cap_proves_nothing_while_an_exception_holds(
    at: str, status: str
) -> None:
    """The cap is another one on its last day, and the same again on the next."""
    month = month_at(at)
    before = judged(rules(), "2026-11-19T12:00:00")
    earlier = EarlierReport(before.as_of, before.period.start, None, before.budgets)

    def fail() -> Spend:
        raise UnverifiedError("the API said no", "wait", code="http_500")

    text = rules(until("2026-11-20"))
    report, _ = check(policy(text), fail, month, STRICT, earlier=earlier)
    assert report.status == status


# Whole runs --------------------------------------------------------------------------------------

REASON = "launch week (see the calendar)"


def exceptional(cap: str = "18.2", reason: str = REASON, approved_by: str = "finops") -> str:
    """A policy under which production, with 18 USD, has an exception."""
    return json.dumps(
        {
            "version": "1",
            "workspaces": {"production": {"cap": "5", "forecast": "off"}},
            "exceptions": [
                {
                    "budget": "workspaces.production",
                    "cap": cap,
                    "until": "2026-11-15",
                    "reason": reason,
                    "approved_by": approved_by,
                }
            ],
        }
    )


def run(here: Here, *flags: str, text: str | None = None, now: datetime = NOW) -> Run:
    """How a check of an organization with 18 USD in production ends."""
    with LoopbackAPI(ORGANIZATION, now=now) as api:
        return here.check(api, *flags, policy=text or exceptional(), now=now)


TOLD = "cap raised from $5.00 to $18.20 until Nov 15: "


def test_exception_lets_a_run_pass_until_it_has_ended(here: Here) -> None:
    """Nothing else differs."""
    assert run(here).code == 0
    assert run(here, now=datetime(2026, 11, 15, 23, 59, 59, tzinfo=UTC)).code == 0
    assert run(here, now=datetime(2026, 11, 16, tzinfo=UTC)).code == 1


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_exception_stands_beside_its_budget(here: Here, form: str) -> None:
    """With the regular cap, the last day, who approved it and why."""
    out = run(here, "--format", form).stdout
    assert "$18.20" in out
    assert f"{TOLD}launch week (see the calendar)" in out


def test_exception_without_an_approver_names_none(here: Here) -> None:
    """Nobody has to have approved it."""
    out = run(here, text=exceptional(approved_by="x").replace(', "approved_by": "x"', "")).stdout
    assert f"{TOLD}launch week" in out


def test_exception_is_in_the_json_report(here: Here) -> None:
    """With exact amounts, for programs; null where there is none."""
    report = run(here, "--format", "json").report
    (result,) = report["budgets"]
    assert result["cap"] == "18.2"
    assert result["exception"] == {
        "regular_cap": "5",
        "until": "2026-11-15",
        "reason": REASON,
        "approved_by": "finops",
    }
    later = run(here, "--format", "json", now=NOW + timedelta(days=1)).report
    assert [it["exception"] for it in later["budgets"]] == [None]


def test_annotation_and_headline_name_the_exception(here: Here) -> None:
    """A breach of the cap of an exception says that it is one."""
    here.set(here.program.step)
    ended = run(here, text=exceptional(cap="6"))
    assert ended.code == 1
    told = "over its $6.00 cap (list prices; raised until Nov 15)"
    commands = read_commands("\n".join(it for it in ended.stderr.splitlines() if it[:2] == "::"))
    assert told in commands[-1][2]
    assert told in ended.stdout
    assert told in here.program.summary


def test_step_output_has_the_cap_in_force(here: Here) -> None:
    """The global one."""
    here.set(here.program.step)
    run(here, text=rules("budget: global, cap: 100, until: 2026-11-15, reason: x"))
    assert read_outputs(here.program.output)["cap-usd"] == "100"


def test_wrong_exception_ends_in_2_at_its_place(here: Here) -> None:
    """An annotation points at it."""
    here.set(here.program.step)
    ended = run(here, text=rules(until("2026-11-30", of="workspaces.prodution")))
    assert (ended.code, ended.stdout) == (2, "")
    assert "budget.yml:4:6: exceptions.0.budget" in ended.stderr
    assert "::error file=budget.yml,line=4,col=6," in ended.stderr


def test_wrong_exception_wins_over_an_api_that_is_down(here: Here) -> None:
    """With `--on-error warn` it would otherwise pass."""
    text = rules(until("2026-11-30", of="workspaces.prodution"))
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(403)) as api:
        assert here.check(api, *AS_OF, "--on-error", "warn", policy=text).code == 2


# Texts of strangers ------------------------------------------------------------------------------


def seen(here: Here, text: str, *flags: str) -> Shown:
    """What is shown of a breach in spite of an exception, which `text` gives the reason for."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return shown(here, api, *flags, policy=exceptional("6", text, text))


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_reason_and_approver_stay_text(step: Here, text: str) -> None:
    """Nothing of them reaches the runner as a command, the terminal, or the structure of the summary."""
    ordinary = seen(step, PLAIN)
    assert ordinary.run.code == 1
    told = seen(step, text)
    assert_inert(told)
    if text != SURROGATE:
        assert_alike(told, ordinary, text)


@pytest.mark.parametrize("form", ["markdown", "json"])
@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_reason_on_stdout_is_no_command_either(step: Here, text: str, form: str) -> None:
    """In any format."""
    assert_inert(seen(step, text, "--format", form))


@pytest.mark.parametrize("text", [it for it in EVIL if it != SURROGATE], ids=way_id)
def test_reason_comes_back_whole_from_the_report(step: Here, text: str) -> None:
    """Only there."""
    report: dict[str, Any] = json.loads(seen(step, text).report)
    (told,) = (it["exception"] for it in report["budgets"])
    assert (told["reason"], told["approved_by"]) == (text, text)


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_name_of_a_budget_in_a_wrong_exception_stays_text(step: Here, text: str) -> None:
    """It is quoted by the error, and by the note on one that has ended; YAML limits its length."""
    text = text[:1000].strip(" \t\r\n")
    ended = {"cap": "1", "until": "2026-01-01", "reason": "x"}
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        for groups, code in (({}, 2), ({text: {"cap": "99", "workspaces": [PRODUCTION]}}, 0)):
            text_of = json.dumps(
                {
                    "version": "1",
                    "global": {"cap": "99"},
                    "groups": groups,
                    "exceptions": [{"budget": f"groups.{text}", **ended}],
                }
            )
            told = shown(step, api, policy=text_of)
            assert told.run.code == (2 if text == SURROGATE else code)
            assert_inert(told)
