"""The clock of the machine against that of the API: a warning, or a month that cannot be judged."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from budget_gate.domain.clock import check_clock, check_lag, check_month, run_time
from budget_gate.domain.period import MonthToDate
from budget_gate.errors import UnverifiedError
from tests.helpers.running import BREACHED, LAST_REPORT, NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Organization, Request, Response


def at(text: str) -> datetime:
    """A UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(number: float) -> timedelta:
    """That many seconds."""
    return timedelta(seconds=number)


# The rule


def test_an_api_that_tells_no_time_is_no_reason_to_doubt() -> None:
    """Some gateways leave the header out."""
    assert check_clock(NOW, None) == ()


@pytest.mark.parametrize(
    ("now", "difference"),
    [
        ("2026-11-15T12:00:00", 0),
        ("2026-11-15T12:00:00", 10),
        ("2026-11-15T12:00:00", -10),
        ("2026-11-15T12:00:00", 300),
        ("2026-11-15T12:00:00", -300),
        ("2026-11-15T23:59:59", 10),
        ("2026-11-15T00:00:00", -10),
        ("2026-11-30T23:59:55", 10),
        ("2026-12-01T00:00:05", -10),
        ("2026-11-15T23:59:48", 11),
        ("2026-11-15T00:00:11", -11),
    ],
)
def test_clocks_that_agree_are_not_told_of(now: str, difference: int) -> None:
    """Up to 10 s is what an answer takes, on whichever day; up to 5 minutes on the same day is no harm."""
    assert check_clock(at(now), seconds(difference)) == ()


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (
            300.001,
            "5 minutes behind that of the API (it says Nov 15, 12:00 UTC, the API Nov 15, 12:05 UTC)",
        ),
        (
            301,
            "5 minutes behind that of the API (it says Nov 15, 12:00 UTC, the API Nov 15, 12:05 UTC)",
        ),
        (
            -301,
            "5 minutes ahead of that of the API (it says Nov 15, 12:00 UTC, the API Nov 15, 11:54 UTC)",
        ),
        (
            -7_200,
            "120 minutes ahead of that of the API (it says Nov 15, 12:00 UTC, the API Nov 15, 10:00 UTC)",
        ),
        (
            -43_200,
            "12 hours ahead of that of the API (it says Nov 15, 12:00 UTC, the API Nov 15, 00:00 UTC)",
        ),
    ],
)
def test_more_than_five_minutes_apart_is_a_warning(difference: float, told: str) -> None:
    """It says by how much, which of both is behind, and what time each has."""
    (note,) = check_clock(at("2026-11-15T12:00:00"), seconds(difference))
    assert (note.level, note.code) == ("warning", "clock")
    assert_says(note.message, f"The clock of this machine is {told}", "set it")


@pytest.mark.parametrize(
    ("now", "difference", "told", "here", "there"),
    [
        ("2026-11-15T23:59:49", 11, "11 seconds behind", "Nov 15, 23:59", "Nov 16, 00:00"),
        ("2026-11-15T00:00:10", -11, "11 seconds ahead", "Nov 15, 00:00", "Nov 14, 23:59"),
        ("2026-11-30T23:59:49", 11, "11 seconds behind", "Nov 30, 23:59", "Dec 1, 00:00"),
        ("2026-12-01T00:00:10", -11, "11 seconds ahead", "Dec 1, 00:00", "Nov 30, 23:59"),
        ("2026-12-31T23:59:49", 11, "11 seconds behind", "Dec 31 2026, 23:59", "Jan 1 2027, 00:00"),
        ("2027-01-01T00:00:10", -11, "11 seconds ahead", "Jan 1 2027, 00:00", "Dec 31 2026, 23:59"),
        ("2028-02-29T23:59:00", 60, "60 seconds behind", "Feb 29, 23:59", "Mar 1, 00:00"),
        ("2026-02-28T23:59:00", 60, "60 seconds behind", "Feb 28, 23:59", "Mar 1, 00:00"),
        ("2026-11-15T12:00:00", 43_200, "12 hours behind", "Nov 15, 12:00", "Nov 16, 00:00"),
        ("2026-11-15T12:00:00", -43_201, "12 hours ahead", "Nov 15, 12:00", "Nov 14, 23:59"),
        ("2026-11-15T12:00:00", 86_400, "24 hours behind", "Nov 15, 12:00", "Nov 16, 12:00"),
        ("2026-11-15T12:00:00", -86_400, "24 hours ahead", "Nov 15, 12:00", "Nov 14, 12:00"),
        ("2026-11-15T12:00:00", 365 * 86_400, "365 days behind", "Nov 15 2026", "Nov 15 2027"),
        ("2026-11-15T12:00:00", -30 * 86_400, "30 days ahead", "Nov 15, 12:00", "Oct 16, 12:00"),
    ],
)
def test_another_day_is_not_judged(
    now: str, difference: int, told: str, here: str, there: str
) -> None:
    """The first second on the other side of midnight counts, and so does the same time a day, month or year on."""
    with pytest.raises(UnverifiedError) as caught:
        check_clock(at(now), seconds(difference))
    assert caught.value.code == "clock"
    assert_says(caught.value.message, told, f"it says {here}", f"the API {there}", "about the day")
    # A time that a clock which is behind has yet to reach would be refused.
    assert ("--as-of" in caught.value.hint) == (difference < 0)
    # On a hosted runner nobody can set it; seconds around midnight pass by themselves.
    again = "in a few minutes" if abs(difference) <= 60 else "on a hosted runner"
    assert again in caught.value.hint
    assert "run the gate again" in caught.value.hint
    assert "set the clock" in caught.value.hint


@pytest.mark.parametrize(("difference", "judged"), [(2_100, True), (2_101, False), (-2_101, True)])
def test_a_clock_that_is_hours_behind_would_leave_usage_out(
    difference: int, *, judged: bool
) -> None:
    """Usage is asked for to the end of the running hour: at 12:30 an API at 13:05 is the last one judged."""
    now = at("2026-11-15T12:30:00")
    if judged:
        (note,) = check_clock(now, seconds(difference))
        assert note.level == "warning"
    else:
        with pytest.raises(UnverifiedError, match=r"and they disagree about the hour$"):
            check_clock(now, seconds(difference))


def test_the_running_hour_ends_on_the_hour() -> None:
    """At half a second past 12:30:30 the last time judged is 13:05 sharp, and not a microsecond more."""
    now = at("2026-11-15T12:30:30.500000")
    last = seconds(34 * 60 + 29.5)
    assert len(check_clock(now, last)) == 1
    with pytest.raises(UnverifiedError):
        check_clock(now, last + timedelta(microseconds=1))


@pytest.mark.parametrize("difference", [timedelta.max, timedelta.min])
def test_a_difference_beyond_the_calendar_is_another_day(difference: timedelta) -> None:
    """There is no such day, so it is not today."""
    with pytest.raises(UnverifiedError):
        check_clock(NOW, difference)


# Against an API


def tell(api: LoopbackAPI, date: str) -> None:
    """Lets the API date its answers as the test words it."""

    def dated(request: Request, _: int) -> Response:
        response = api.answer(request)
        return replace(response, headers={**response.headers, "date": date})

    api.intercept = dated


def judged(here: Here, date: str, *arguments: str, policy: str = OK) -> tuple[Run, list[str]]:
    """A check at noon of the 15th against an API that tells `date`, and the codes of its notes."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        tell(api, date)
        run = here.check(api, "--format", "json", *arguments, policy=policy, now=NOW)
    return run, [note["code"] for note in run.report["notes"]]


def header(time: datetime) -> str:
    """A time as HTTP writes it."""
    return format_datetime(time, usegmt=True)


@pytest.mark.parametrize(
    ("difference", "code", "told"),
    [
        *((0, 0, False), (10, 0, False), (300, 0, False), (301, 0, True), (-300, 0, False)),
        *((-301, 0, True), (-43_200, 0, True), (-43_201, 3, True), (43_200, 3, True)),
    ],
)
def test_the_date_of_an_answer_is_compared_with_the_clock(
    here: Here, difference: int, code: int, *, told: bool
) -> None:
    """At noon: nothing, a warning beyond 5 minutes, and exit 3 from the midnights before and after it."""
    run, codes = judged(here, header(NOW + seconds(difference)))
    assert run.code == code
    assert ("clock" in codes) is told


def test_a_day_that_is_disputed_gives_no_spend(here: Here) -> None:
    """The report is unverified, and names the clock as its only error."""
    run, _ = judged(here, header(NOW + timedelta(days=30)))
    assert (run.code, run.report["status"], run.report["spend"]) == (3, "unverified", None)
    errors = [note["code"] for note in run.report["notes"] if note["level"] == "error"]
    assert errors == ["clock"]


@pytest.mark.parametrize("difference", [-15, 15])
def test_the_last_seconds_of_a_month_are_not_guessed(here: Here, difference: int) -> None:
    """15 s apart around midnight of the 1st: which month it is, is not known."""
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    local, remote = midnight - seconds(difference / 2), midnight + seconds(difference / 2)
    with LoopbackAPI(ORGANIZATION, now=max(local, remote)) as api:
        tell(api, header(remote))
        run = here.check(api, "--format", "json", policy=OK, now=local)
    assert run.code == 3
    assert [note["code"] for note in run.report["notes"]] == ["clock"]


@pytest.mark.parametrize("variable", [True, False])
@pytest.mark.parametrize(("days", "code"), [(1, 0), (400, 0), (-1, 3)])
def test_a_time_that_was_named_hangs_on_no_clock_of_this_machine(
    here: Here, days: int, code: int, *, variable: bool
) -> None:
    """`--as-of`, or its variable, says which month is meant, unless that is yet to come by the API's clock."""
    time = "2026-11-15T12:00:00Z"
    if variable:
        here.patch.setenv("BUDGET_GATE_AS_OF", time)
    arguments = () if variable else ("--as-of", time)
    run, codes = judged(here, header(NOW + timedelta(days=days)), *arguments)
    assert run.code == code
    assert "clock" in codes


@pytest.mark.parametrize(
    "date",
    [
        *(
            "",
            "soon",
            "2026-11-15T12:00:00Z",
            "Sun, 99 Nov 2026 12:00:00 GMT",
            "0",
            "-1",
            "%s",
            ",",
        ),
        "Sun, 15 Nov 2026 12:00:00 -0000",
        "Sun, 15 Nov 10000 12:00:00 GMT",
        f"Sun, 15 Nov {'9' * 20} 12:00:00 GMT",
        f"Sun, {'9' * 20} Nov 2026 12:00:00 GMT",
        f"Sun, 15 Nov 2026 {'9' * 20}:00:00 GMT",
        f"Sun, 15 Nov 2026 12:00:00 +{'9' * 20}",
        f"Sun, 15 Nov 2026 12:00:00 +{'9' * 5000}",
        "Sun, 15 Nov 2026 12:00:00 +9999",
    ],
    ids=lambda date: date[:26] + date[-40:],
)
def test_a_date_that_is_none_tells_no_time(here: Here, date: str) -> None:
    """Whatever a proxy writes there: the spend is read, and the clock is not doubted."""
    run, codes = judged(here, date)
    assert (run.code, run.stderr) == (0, "")
    assert "clock" not in codes


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Sun, 15 Nov 2026 12:00:00 +2359",
    ],
)
def test_a_date_far_away_is_another_day(here: Here, date: str) -> None:
    """It may be the proxy that is wrong, but then the month is not known either."""
    run, codes = judged(here, date)
    assert run.code == 3
    assert codes == ["clock"]


@pytest.mark.parametrize(
    ("date", "last", "warned"),
    [
        ("", "2026-10", True),
        ("", "2026-12", True),
        ("", "2026-11", False),
        (None, "2026-10", False),
    ],
)
def test_a_month_that_only_this_machine_tells_is_a_warning(
    here: Here, date: str | None, last: str, *, warned: bool
) -> None:
    """No Date header, and the last report is of another month: of the one before, the 1st is right."""
    here.program.write(json.dumps(LAST_REPORT).replace("2026-11", last), "last.json")
    arguments = ("--last-report", "last.json", "--format", "json")

    def dated(request: Request, _: int) -> Response:
        answer = api.answer(request)
        return answer if date is None else replace(answer, headers=answer.headers | {"date": date})

    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        api.intercept = dated
        found = [
            here.check(api, *arguments, *more, policy=OK, now=NOW)
            for more in ((), ("--as-of", "2026-11-15T12:00:00Z"))
        ]
    assert [run.code for run in found] == [0, 0]
    levels = [
        [note["level"] for note in run.report["notes"] if note["code"] == "month_by_clock"]
        for run in found
    ]
    assert levels == [["warning"] if warned else [], []]


def test_a_wrong_clock_passes_only_unenforced(here: Here) -> None:
    """As everything that keeps spend from being determined."""
    run, _ = judged(here, header(NOW - timedelta(days=1)), "--on-error", "warn")
    assert run.code == 0
    assert (run.report["status"], run.report["enforced"]) == ("unverified", False)


def test_a_wrong_clock_proves_no_breach(here: Here) -> None:
    """It is December for the API: November's breach, of a report made in time, is none of today's."""
    night = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
    with LoopbackAPI(ORGANIZATION, now=night) as api:
        first = here.check(api, "--report", "last.json", policy=BREACHED, now=night)
        api.now = night + timedelta(minutes=1)
        second = here.check(api, "--last-report", "last.json", "--format", "json", now=night)
    assert (first.code, second.code) == (1, 3)
    told = [note["message"] for note in second.report["notes"] if note["code"] == "last_report"]
    assert told == ["The last report is not used: which month it is now is not certain."]


def test_spend_is_judged_by_the_clock_that_was_given(here: Here) -> None:
    """No other clock is asked: a run of the year 2027 agrees with an API of that year."""
    later = datetime(2027, 3, 5, 6, tzinfo=UTC)
    with LoopbackAPI(Organization([], []), now=later) as api:
        run = here.check(api, "--format", "json", policy=OK, now=later)
    assert run.code == 0
    assert "clock" not in [note["code"] for note in run.report["notes"]]


# A clock that is ahead asks for what is yet to come


HOURS = datetime(2026, 11, 15, 22, 59, 58, tzinfo=UTC)
MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("remote", "ahead", "code", "told"),
    [
        (NOW - timedelta(minutes=10), timedelta(minutes=30), "clock_ahead", "30 minutes ahead of"),
        (NOW, timedelta(hours=6), "clock_ahead", "6 hours ahead of"),
        (NOW, timedelta(days=1), "clock", "24 hours ahead of"),
        (NOW, timedelta(days=31), "clock", "31 days ahead of"),
    ],
)
def test_what_a_clock_ahead_is_refused_is_blamed_on_it(
    here: Here, remote: datetime, ahead: timedelta, code: str, told: str
) -> None:
    """Not on the program, which would have to be updated."""
    with LoopbackAPI(ORGANIZATION, now=remote) as api:
        run = here.check(api, "--format", "json", policy=OK, now=remote + ahead)
    (note,) = [it for it in run.report["notes"] if it["level"] == "error"]
    assert (run.code, note["code"]) == (3, code)
    assert f"the clock of this machine is {told} that of the API" in note["message"]
    assert "et the clock" in note["message"]
    assert "budget-gate" not in note["message"]


@pytest.mark.parametrize("command", ["doctor", "init", "audit"])
def test_every_command_blames_a_clock_that_is_ahead(here: Here, command: str) -> None:
    """Once, and none says that the program is too old."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        policy = None if command == "init" else OK
        run = here.main(command, policy=policy, now=NOW + timedelta(days=31))
    out = run.stdout + run.stderr
    assert run.code == 3
    assert out.count("the clock of this machine is 31 days ahead of that of the API") == 1
    assert "pdate budget-gate" not in out


def test_the_doctor_blames_a_clock_of_another_hour(here: Here) -> None:
    """By the same rule as a check: no route can be read, and one finding says why."""
    remote = NOW - timedelta(minutes=10)
    with LoopbackAPI(ORGANIZATION, now=remote) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=OK, now=remote + timedelta(minutes=30))
    assert run.code == 3
    assert "error    clock: the clock of this machine is 30 minutes ahead" in run.stdout
    assert "usage report" not in run.stdout


def test_a_clock_ahead_by_hours_leaves_a_breach_proven(here: Here) -> None:
    """The day is the same, so the last report is of this month."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        first = here.check(api, "--report", "last.json", policy=BREACHED, now=NOW)
        later = NOW + timedelta(hours=2)
        second = here.check(api, "--last-report", "last.json", "--on-error", "warn", now=later)
    assert (first.code, second.code) == (1, 1)


def test_another_refusal_is_not_blamed_on_the_clock(here: Here) -> None:
    """A wrong key is the first thing to mend."""
    refusal = Response(401, b'{"error": {"message": "invalid x-api-key"}}')
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refusal) as api:
        run = here.check(api, "--format", "json", policy=OK, now=NOW + timedelta(days=1))
    assert [it["code"] for it in run.report["notes"] if it["level"] == "error"] == ["http_401"]


def test_a_bad_answer_is_not_blamed_on_a_clock_that_is_right(here: Here) -> None:
    """Nor on one that is behind: it asks for less."""
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: Response(200, b"{}")) as api:
        runs = [
            here.check(api, "--format", "json", policy=OK, now=NOW - timedelta(minutes=minutes))
            for minutes in (0, 4)
        ]
    for run in runs:
        errors = [it["code"] for it in run.report["notes"] if it["level"] == "error"]
        assert errors == ["malformed_answer"]


@pytest.mark.parametrize("ahead", [5, 62])
def test_an_hour_that_is_yet_to_begin_may_be_absent(here: Here, ahead: int) -> None:
    """A run on the hour whose clock is seconds ahead reads all that there is."""
    with LoopbackAPI(ORGANIZATION, now=HOURS) as api:
        run = here.check(api, "--format", "json", policy=OK, now=HOURS + seconds(ahead))
    assert (run.code, run.report["spend"]["low"]) == (0, "18.3")


def test_an_hour_that_has_begun_may_not_be_absent(here: Here) -> None:
    """Its usage would be left out: the API's time is the same here, and its answer ends too early."""
    with LoopbackAPI(ORGANIZATION, now=HOURS) as api:
        tell(api, header(HOURS + seconds(5)))
        run = here.check(api, "--format", "json", policy=OK, now=HOURS + seconds(5))
    (note,) = [it for it in run.report["notes"] if it["level"] == "error"]
    assert (run.code, note["code"]) == (3, "malformed_answer")
    assert "ends before bucket 2026-11-15T23:00:00Z" in note["message"]


def test_a_month_that_is_yet_to_begin_is_awaited(here: Here) -> None:
    """Seconds before the 1st the API refuses it; the next minute it does not."""
    with LoopbackAPI(ORGANIZATION, now=MIDNIGHT - seconds(2)) as api:
        run = here.check(api, "--format", "json", policy=OK, now=MIDNIGHT + seconds(3))
    (note,) = [it for it in run.report["notes"] if it["level"] == "error"]
    assert (run.code, note["code"]) == (3, "clock_ahead")
    assert "Run the gate again in a few minutes" in note["message"]


# An API that sends no time


@pytest.mark.parametrize("date", ["", "soon", "2026-11-15T12:00:00Z", "1794744000"])
def test_a_clock_that_nothing_is_compared_with_is_noted(here: Here, date: str) -> None:
    """For one thing a clock that is a month off would judge another month."""
    run, _ = judged(here, date)
    notes = [
        (it["level"], it["message"])
        for it in run.report["notes"]
        if it["code"] == "clock_unchecked"
    ]
    message = "The API sent no time to compare the clock of this machine with."
    assert (run.code, notes) == (0, [("info", message)])


def test_a_date_without_a_zone_is_of_utc(here: Here) -> None:
    """As every Date of HTTP is: a clock two minutes ahead of it over the 1st is another month."""
    with LoopbackAPI(ORGANIZATION, now=MIDNIGHT + seconds(30)) as api:
        tell(api, "Mon, 30 Nov 2026 23:58:00")
        run = here.check(api, "--format", "json", policy=OK, now=MIDNIGHT + seconds(30))
    assert run.code == 3
    assert [it["code"] for it in run.report["notes"]] == ["clock"]


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(None, 12), (timedelta(minutes=-5), 12), (timedelta(hours=3), 15), (timedelta.max, 12)],
)
def test_a_run_is_made_at_the_time_of_the_api_where_the_clock_is_wrong(
    difference: timedelta | None, expected: int
) -> None:
    """Three hours behind; five minutes are nothing, and a time beyond the calendar is none."""
    noon = at("2026-11-20T12:00:00Z")
    assert run_time(noon, difference) == noon.replace(hour=expected)


@pytest.mark.parametrize("told", [None, at("2026-11-01T00:00:00Z")])
def test_a_month_by_this_clock_alone_is_noted(told: datetime | None) -> None:
    """Where no time was sent, and the last report is of this month or there is none."""
    (note,) = check_month(at("2026-11-20T12:00:00Z"), None, told)
    assert (note.level, note.code) == ("info", "clock_unchecked")


def test_a_month_that_has_just_ended_is_complete_in_two_hours() -> None:
    """The usage report is up to two hours behind; after them there is nothing to say."""
    october = MonthToDate(at("2026-11-01T00:00:00Z"), is_whole=True)
    (note,) = check_lag(october, at("2026-11-01T00:30:00Z"))
    assert (note.level, note.code) == ("warning", "usage_lag")
    assert_says(note.message, "October", "after Nov 1, 02:00 UTC")
    assert check_lag(october, at("2026-11-01T02:00:00Z")) == ()
