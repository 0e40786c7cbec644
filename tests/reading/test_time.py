"""Which time is judged: one to come, one of long ago, a whole month, and what the last run of a day or month missed."""

import threading
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.builders import MILLION
from tests.helpers.runner import read_commands
from tests.helpers.running import OK, PRODUCTION, RECORDED, RECORDED_AT, Here, Run
from tests.helpers.serving import USAGE, at, first, refuse, reply
from tests.world.billing import bill_of
from tests.world.loopback import LoopbackAPI, Organization, Request, Response, Workspace
from tests.world.oracle import Usage

# Claude Sonnet 4.5 at 15 USD per million tokens of output.
MODEL = "claude-sonnet-4-5"


def spent(when: str, dollars: int, workspace: str | None = PRODUCTION) -> Usage:
    """Usage of that many dollars, a multiple of 15."""
    return Usage(at(when), workspace, MODEL, output=dollars // 15 * MILLION)


# October: 300 USD on the 10th, 45 on the 31st, of which 30 after the last run at 23:23. November: 15 USD.
USAGES = [
    spent("2026-10-10T12:00:00Z", 300),
    spent("2026-10-31T12:00:00Z", 15),
    spent("2026-10-31T23:40:00Z", 30),
    spent("2026-11-01T00:20:00Z", 15),
]
ORGANIZATION = Organization(USAGES, [Workspace(PRODUCTION, "production")])
CAP = "version: 1\nglobal: {cap: 340, forecast: off}\n"
HIGH = "version: 1\nglobal: {cap: 346, forecast: off}\n"
LAUNCH = "{budget: global, cap: 346, until: 2026-10-31, reason: launch}"
EARLY = at("2026-11-01T01:10:00Z")


def judged(
    here: Here,
    *flags: str,
    policy: str = CAP,
    now: datetime = EARLY,
    organization: Organization = ORGANIZATION,
    **options: Any,
) -> Run:
    """How a check ends at a time, as a step of GitHub Actions."""
    here.set(here.program.step)
    with LoopbackAPI(organization, now=now, **options) as api:
        return here.check(api, *flags, policy=policy, now=now)


def noted(run: Run, code: str) -> tuple[str, str] | None:
    """The level and message of the note with that code, where a JSON report has one."""
    notes = {it["code"]: (it["level"], it["message"]) for it in run.report["notes"]}
    return notes.get(code)


def annotations(run: Run) -> list[tuple[str, str]]:
    """The level and text of each annotation."""
    return [(level, text) for level, _, text in read_commands(run.stderr) if level != "add-mask"]


# A time to come


@pytest.mark.parametrize("command", ["check", "audit", "init"])
@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_time_in_the_future_is_refused(here: Here, command: str, how: str) -> None:
    """Exit 2, with the time, the clock's and what to leave out: its usage is not known yet."""
    time = "2026-12-10T00:00:00Z"
    if how == "variable":
        here.set({"BUDGET_GATE_AS_OF": time})
    arguments = [command, *(("--as-of", time) if how == "flag" else ())]
    policy = None if command == "init" else OK
    run = here.main(*arguments, policy=policy, now=at("2026-11-26T17:00:00Z"))
    assert (run.code, run.stdout) == (2, "")
    assert "as-of 2026-12-10T00:00:00Z is in the future" in run.stderr
    assert "omit --as-of (BUDGET_GATE_AS_OF) for now" in run.stderr


def test_a_time_in_the_future_is_a_finding_of_the_doctor(here: Here) -> None:
    """Which makes its other checks all the same."""
    here.set({"BUDGET_GATE_AS_OF": "2026-12-10T00:00:00Z", "ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("doctor", policy=OK, now=at("2026-11-26T17:00:00Z"))
    assert run.code == 2
    assert "error    time: as-of 2026-12-10T00:00:00Z is in the future" in run.stdout
    assert "policy: budget.yml is valid" in run.stdout


@pytest.mark.parametrize(("seconds", "code"), [(300, 0), (301, 2), (86_400, 2)])
def test_saved_pages_of_the_future_are_refused(here: Here, seconds: int, code: int) -> None:
    """More than the clocks of two machines may be apart: 5 minutes."""
    now = RECORDED_AT - timedelta(seconds=seconds)
    assert here.main(*RECORDED, "--partial", policy=OK, now=now).code == code


def test_the_demo_has_its_own_time(here: Here) -> None:
    """Whatever the environment says."""
    here.set({"BUDGET_GATE_MONTH": "2026-10", "BUDGET_GATE_AS_OF": "2026-12-10T00:00:00Z"})
    run = here.main("demo", now=at("2020-01-01T00:00:00Z"))
    assert run.stdout.startswith("Budget breached: ")


# A time of long ago


def test_a_time_of_long_ago_is_said_first(here: Here) -> None:
    """In the headline, the summary and an annotation that names what sets it."""
    time = "2026-10-31T23:59:00Z"
    policy = "version: 1\nglobal: {cap: 999, forecast: off}\n"
    run = judged(here, "--as-of", time, policy=policy, now=at("2026-11-26T17:00:00Z"))
    assert run.code == 0
    when = "As of Oct 31, 23:59 UTC, 26 days ago: "
    assert run.stdout.startswith(f"{when}Within budget: $345.00 spent in October")
    assert f"**{when}Within budget: " in here.program.summary
    level, text = annotations(run)[0]
    assert (level, text.startswith(when)) == ("warning", True)
    assert f"as-of {time} (--as-of or BUDGET_GATE_AS_OF)" in text


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        ("1:00:00", None),
        ("1:00:01", "1 hour ago"),
        ("47:59:59", "47 hours ago"),
        ("48:00:00", "2 days ago"),
    ],
)
def test_an_hour_is_long_ago(here: Here, ago: str, said: str | None) -> None:
    """A job may take its time from its start to the check."""
    hours, minutes, seconds = map(int, ago.split(":"))
    then = at("2026-11-10T12:00:00Z")
    now = then + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    run = judged(here, "--as-of", "2026-11-10T12:00:00Z", "--format", "json", now=now)
    assert (noted(run, "fixed_time") is not None) is (said is not None)
    assert run.report["judged_at"] == (f"{now:%Y-%m-%dT%H:%M:%SZ}" if said else None)
    assert said is None or f", {said}: " in str(noted(run, "fixed_time"))


def test_all_that_weakens_a_verdict_is_said(here: Here) -> None:
    """The time first, then that nothing is enforced, then that pages are missing."""
    now = RECORDED_AT + timedelta(days=3)
    policy = "version: 1\nglobal: {cap: 1}\n"
    run = here.main(*RECORDED, "--partial", "--fail-on", "never", policy=policy, now=now)
    assert run.stdout.startswith(
        "As of May 24, 15:00 UTC, 3 days ago: NOT ENFORCED (fail-on: never). PARTIAL (saved "
    )


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BUDGET_GATE_AS_OF", "2026-10-31T23:59:00Z", "As of Oct 31, 23:59 UTC, 26 days ago"),
        ("BUDGET_GATE_MONTH", "2026-10", "October 2026, ended 25 days ago"),
    ],
)
def test_the_doctor_warns_of_a_time_of_long_ago(
    here: Here, variable: str, value: str, said: str
) -> None:
    """A line left over from a backfill judges an old month for ever."""
    here.set({variable: value, "ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("doctor", policy=OK, now=at("2026-11-26T17:00:00Z"))
    assert f"warning  time: {said}: " in run.stdout
    assert variable in run.stdout


def test_a_run_that_could_not_read_says_its_time_too(here: Here) -> None:
    """Whoever looks for the cause should know that it is another month's."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    run = here.main(
        *("check", "--as-of", "2026-10-31T23:59:00Z"), policy=OK, now=at("2026-11-26T17:00:00Z")
    )
    assert run.code == 3
    assert run.stdout.startswith("As of Oct 31, 23:59 UTC, 26 days ago: Spend unknown: ")


# A whole month


@pytest.mark.parametrize(("policy", "code"), [(CAP, 1), (HIGH, 0)])
@pytest.mark.parametrize("month", ["last", "2026-10"])
def test_a_whole_month_is_judged(here: Here, month: str, policy: str, code: int) -> None:
    """300 + 15 + 30 USD, the last hour included: 345."""
    run = judged(here, "--month", month, "--format", "json", policy=policy)
    assert run.code == code
    assert run.report["spend"] == {"low": "345", "high": "345"}
    assert run.report["period"] == {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}
    assert (run.report["whole_month"], len(run.report["days"])) == (True, 31)
    assert run.report["coverage"]["closed_days"] == 31
    assert run.report["coverage"]["open_day"] is False


def test_a_whole_month_has_no_today(here: Here) -> None:
    """Neither a daily cap, nor a pace, nor a forecast judges it; its last day is no less a day."""
    policy = "version: 1\nglobal: {cap: 346, daily_cap: 1, forecast: fail}\n"
    run = judged(here, "--month", "last", "--format", "json", policy=policy)
    (budget,) = run.report["budgets"]
    assert (run.code, budget["status"]) == (0, "warning")
    assert (budget["daily"], budget["pace"], budget["forecast"]) == (None, None, None)
    assert noted(run, "no_forecast") is None


def test_a_whole_month_is_asked_for_by_day(here: Here) -> None:
    """In one request, as there is no open day, and no month before is looked at."""
    with LoopbackAPI(ORGANIZATION, now=EARLY) as api:
        here.check(api, "--month", "last", policy=HIGH, now=EARLY)
        asked = [request for request in api.requests if request.path == USAGE]
    assert [(first(it, "starting_at"), first(it, "bucket_width")) for it in asked] == [
        ("2026-10-01T00:00:00Z", "1d")
    ]


def test_the_headline_names_the_whole_month(here: Here) -> None:
    """And advises nothing that cannot help any more; `last` is meant to move on, so is no trap."""
    run = judged(here, "--month", "last")
    assert run.stdout.startswith("October 2026: Budget breached: organization has spent $345.00")
    assert "The month has ended: to accept that, raise the cap (budget.yml:2)." in run.stdout
    assert "Stop" not in run.stdout
    assert [level for level, _ in annotations(run)] == ["error"]


def test_a_month_by_its_number_is_a_trap(here: Here) -> None:
    """It is the same one in every later run."""
    run = judged(here, "--month", "2026-10", policy=HIGH, now=at("2026-11-26T17:00:00Z"))
    assert run.stdout.startswith("October 2026, ended 25 days ago: Warning: ")
    level, text = annotations(run)[0]
    assert (level, text.startswith("October 2026, ended 25 days ago: ")) == ("warning", True)
    assert "month 2026-10 (--month or BUDGET_GATE_MONTH)" in text


@pytest.mark.parametrize(
    ("now", "start"),
    [("2027-01-01T00:00:00Z", "2026-12-01"), ("2028-03-31T23:59:59Z", "2028-02-01")],
)
def test_last_is_the_month_before_the_clock_s(here: Here, now: str, start: str) -> None:
    """Across the year, and where the last month is shorter."""
    run = judged(here, "--month", "last", "--format", "json", now=at(now))
    assert run.report["period"]["start"] == f"{start}T00:00:00Z"


@pytest.mark.parametrize("month", ["2026-11", "2026-12", "2027-01", "9999-12"])
def test_a_month_that_has_not_ended_is_refused(here: Here, month: str) -> None:
    """Exit 2: what it will cost is not known."""
    run = here.main("--month", month, policy=OK, now=at("2026-11-30T23:59:59Z"))
    assert run.code == 2
    assert f"month {month} has not ended yet" in run.stderr
    assert "leave out --month (BUDGET_GATE_MONTH)" in run.stderr


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "0001-01", "0000-10", "October", "2026/10"])
def test_what_is_no_month_is_refused(here: Here, month: str) -> None:
    """Exit 2, and what to write."""
    run = here.main("--month", month, policy=OK)
    assert run.code == 2
    assert f"'{month}' is not a month: write 2026-10 or last" in run.stderr


def test_a_month_and_a_time_do_not_go_together(here: Here) -> None:
    """Both are named, as one of them may be a variable that was forgotten."""
    here.set({"BUDGET_GATE_MONTH": "last"})
    run = here.main("--as-of", "2026-11-15T12:00:00Z", policy=OK)
    assert run.code == 2
    assert "both --month (BUDGET_GATE_MONTH) and --as-of (BUDGET_GATE_AS_OF) are set" in run.stderr


def test_nothing_can_be_reserved_in_a_month_that_has_ended(here: Here) -> None:
    """It would always pass, or never."""
    run = here.main("--month", "last", "--reserve", "5", policy=OK)
    assert run.code == 2
    assert "--month judges a month that has ended" in run.stderr


@pytest.mark.parametrize(
    ("now", "told"), [("2026-11-01T01:59:59Z", True), ("2026-11-01T02:00:00Z", False)]
)
def test_a_month_that_has_just_ended_may_lack_its_last_hours(
    here: Here, now: str, *, told: bool
) -> None:
    """The usage report is up to 2 hours behind."""
    run = judged(here, "--month", "last", "--format", "json", policy=HIGH, now=at(now))
    assert (noted(run, "usage_lag") is not None) is told


@pytest.mark.parametrize(
    ("exceptions", "code"),
    [
        (f"[{LAUNCH}]", 0),
        ("[{budget: global, cap: 346, until: 2026-10-30, reason: launch}]", 1),
        # The second came when the first had ended, or the two would have been an error.
        (f"[{LAUNCH}, {{budget: global, cap: 9, until: 2026-11-30, reason: pause}}]", 0),
    ],
)
def test_the_caps_of_a_whole_month_are_those_of_its_last_day(
    here: Here, exceptions: str, code: int
) -> None:
    """Exceptions that ended before it do not count, those that came after it do not either."""
    policy = f"{CAP}exceptions: {exceptions}\n"
    assert judged(here, "--month", "last", policy=policy).code == code


def test_the_bill_of_a_whole_month_is_judged(here: Here) -> None:
    """A twentieth less than its list price: 327.75 USD."""
    policy = f"{CAP}spend: {{basis: billed}}\n"
    now = at("2026-11-10T12:00:00Z")
    bill = bill_of(ORGANIZATION, discount=Fraction(1, 20))
    run = judged(here, "--month", "last", "--format", "json", policy=policy, now=now, bill=bill)
    assert (run.code, run.report["spend"]["low"]) == (0, "327.75")
    assert run.report["coverage"]["billed_days"] == 31


def test_the_report_of_a_whole_month_proves_nothing_of_the_next(here: Here, tmp_path: Path) -> None:
    """October was breached, and November cannot be read: that is 3, not 1."""
    kept = str(tmp_path / "report.json")
    assert judged(here, "--month", "last", "--report", kept).code == 1
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("--last-report", kept, "--format", "json", policy=CAP, now=EARLY)
    assert run.code == 3
    assert noted(run, "last_report") == (
        "info",
        "The last report is not used: it is of another month.",
    )


# How the month before ended


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-11-01T00:00:00Z", True),
        ("2026-11-02T23:59:59Z", True),
        ("2026-11-03T00:00:00Z", False),
    ],
)
def test_the_first_two_days_say_how_the_month_before_ended(
    here: Here, now: str, *, told: bool
) -> None:
    """Above its cap by 5 USD, of which 30 were spent after the last run: the exit code stays."""
    run = judged(here, "--format", "json", now=at(now))
    assert (run.code, run.report["status"]) == (0, "ok")
    said = noted(run, "month_before_over")
    assert (said is not None) is told
    if said:
        assert said[0] == "warning"
        assert said[1].startswith(
            "October 2026 ended above a cap: organization spent $345.00, "
            "$5.00 over its $340.00 cap (list prices). "
        )
        assert said[1].endswith("`--month last` judges it.")


def test_a_month_that_ended_above_a_cap_stands_in_the_open(here: Here) -> None:
    """In the text, in the summary where it is not folded, and as a warning annotation."""
    run = judged(here)
    assert run.code == 0
    assert "warning: October 2026 ended above a cap: organization" in run.stdout
    assert "\n**warning**: October 2026 ended above a cap: " in here.program.summary
    ((level, text),) = annotations(run)
    assert (level, text.startswith("October 2026 ended above a cap: ")) == ("warning", True)


def test_a_month_that_ended_within_its_caps_is_a_note(here: Here) -> None:
    """With its total, and without an annotation."""
    run = judged(here, "--format", "json", policy=HIGH, now=at("2026-11-02T12:00:00Z"))
    assert noted(run, "month_before") == (
        "info",
        "October 2026 ended within every cap: $345.00 spent (list prices). `--month last` judges it.",
    )
    assert annotations(run) == []


def broken_before(request: Request, _: int) -> Response | None:
    """Refuses what is before November."""
    start = first(request, "starting_at")
    return refuse(400) if start and start < "2026-11" else None


BROKEN = {
    "refused": refuse(403),
    "failing": refuse(500),
    "no JSON": reply(b"<html>"),
    "no report": reply({}),
    "hung up": Response(0),
    "no bucket": reply({"data": [], "has_more": False}),
}


@pytest.mark.parametrize("why", [*BROKEN, "stalled"])
@pytest.mark.parametrize(("cap", "code"), [("15", 0), ("14.99", 1)])
def test_a_month_before_that_is_damaged_changes_no_verdict(
    here: Here, why: str, cap: str, code: int
) -> None:
    """Neither does one that never comes: at the deadline the month to date is judged."""
    done = threading.Event()

    def broken(request: Request, _: int) -> Response | None:
        if (first(request, "starting_at") or "2026-11") >= "2026-11":
            return None
        if why == "stalled":
            done.wait(30)
        return BROKEN.get(why)

    policy = f"version: 1\nglobal: {{cap: {cap}, forecast: off}}\n"
    try:
        run = judged(here, "--format", "json", "--deadline", "2", policy=policy, intercept=broken)
    finally:
        done.set()
    assert (run.code, run.report["spend"]["low"]) == (code, "15")
    assert noted(run, "month_before_unknown")


@pytest.mark.parametrize("basis", ["list", "billed"])
def test_a_month_before_that_cannot_be_read_changes_no_verdict(here: Here, basis: str) -> None:
    """The report says so."""
    policy = f"{CAP}spend: {{basis: {basis}}}\n"
    run = judged(here, "--format", "json", policy=policy, bill=[], intercept=broken_before)
    assert (run.code, run.report["status"]) == (0, "ok")
    level, message = noted(run, "month_before_unknown") or ("", "")
    assert level == "warning"
    assert message.startswith("How October 2026 ended could not be determined: ")


@pytest.mark.parametrize(
    ("cap", "found"), [(9, "month_before_over"), (999, "month_before_unknown")]
)
def test_a_month_before_without_a_price_changes_no_verdict(
    here: Here, cap: int, found: str
) -> None:
    """What is known of it may be above a cap all the same."""
    usages = [*USAGES, Usage(at("2026-10-05T12:00:00Z"), None, "claude-nobody-knows-1", output=1)]
    policy = (
        f"version: 1\nglobal: {{cap: {cap}, forecast: off}}\nmodels: {{'claude-*': {{cap: 999}}}}\n"
    )
    run = judged(
        here,
        *("--format", "json"),
        policy=policy,
        organization=Organization(usages, ORGANIZATION.workspaces),
        now=at("2026-11-01T00:10:00Z"),
    )
    assert run.code == 0
    assert (noted(run, found) or ("",))[0] == "warning"


def test_a_month_before_that_the_policy_does_not_fit_changes_no_verdict(here: Here) -> None:
    """A model without a price can be named from its first usage on, and had none then."""
    usages = [*USAGES, Usage(at("2026-11-01T00:30:00Z"), None, "claude-own-1", output=1)]
    policy = f"{CAP}spend: {{unknown_model: upper_bound}}\nmodels: {{claude-own-1: {{cap: 99}}}}\n"
    run = judged(
        here,
        *("--format", "json"),
        policy=policy,
        organization=Organization(usages, ORGANIZATION.workspaces),
    )
    assert run.code == 0
    assert "models.claude-own-1" in str(noted(run, "month_before_unknown"))


def test_the_month_before_is_judged_by_its_bill(here: Here) -> None:
    """A twentieth less than its list price is within its cap."""
    policy = f"{CAP}spend: {{basis: billed}}\n"
    bill = bill_of(ORGANIZATION, discount=Fraction(1, 20))
    now = at("2026-11-02T12:00:00Z")
    run = judged(here, "--format", "json", policy=policy, bill=bill, now=now, data_refreshed_at=now)
    assert "$327.75 spent (as billed)" in str(noted(run, "month_before"))


# Yesterday


DAILY = "version: 1\nglobal: {cap: 9000, daily_cap: 44, forecast: off}\n"


@pytest.mark.parametrize(
    ("now", "cap", "code"),
    [
        ("2026-11-01T02:59:59Z", "44.99", 1),
        ("2026-11-01T02:59:59Z", "45", 0),
        ("2026-11-01T03:00:00Z", "44.99", 0),
        ("2026-11-02T00:00:00Z", "14.99", 1),
        ("2026-11-02T02:59:59Z", "15", 0),
        ("2026-11-02T03:00:00Z", "14.99", 0),
    ],
)
def test_a_daily_cap_judges_yesterday_for_three_hours(
    here: Here, now: str, cap: str, code: int
) -> None:
    """45 USD on October 31, 15 on November 1: the last run of a day is not its end."""
    policy = f"version: 1\nglobal: {{cap: 9000, daily_cap: {cap}, forecast: off}}\n"
    assert judged(here, policy=policy, now=at(now)).code == code


def test_a_breach_of_yesterday_is_told_as_one(here: Here) -> None:
    """In the headline, the summary, the annotation and the JSON report, with the day."""
    run = judged(here, "--report", "report.json", policy=DAILY)
    told = "has spent $45.00 on Oct 31, $1.00 over its $44.00 daily cap (list prices)"
    assert run.code == 1
    assert told in run.stdout.splitlines()[0]
    assert "raise the daily cap (budget.yml:2)" in run.stdout
    assert "$15.00 today, daily cap $44.00" in run.stdout
    assert "$45.00 yesterday" in run.stdout
    assert told in here.program.summary.replace("`organization`", "organization")
    assert told in dict(annotations(run))["error"]
    (budget,) = here.program.report["budgets"]
    assert budget["reason"] == "yesterday's spend is above the daily cap"
    assert budget["daily"] == {
        "cap": "44",
        "spend": {"low": "15", "high": "15"},
        "day": "2026-11-01",
        "yesterday": {"low": "45", "high": "45"},
    }


def test_a_reservation_is_not_of_yesterday(here: Here) -> None:
    """45 USD of yesterday are within 45, and 15 of today with 30 more as well."""
    policy = "version: 1\nglobal: {cap: 9000, daily_cap: 45, forecast: off}\n"
    assert judged(here, "--reserve", "30", policy=policy).code == 0
    assert judged(here, "--reserve", "30.01", policy=policy).code == 1


def test_an_unlisted_workspace_of_yesterday_is_judged(here: Here) -> None:
    """Though it has spent nothing in the month that has begun."""
    usages = [spent("2026-10-31T23:40:00Z", 45, "wrkspc_01EXAMPLEONE"), USAGES[-1]]
    organization = Organization(usages, [Workspace("wrkspc_01EXAMPLEONE", "one")])
    policy = "version: 1\nunlisted: {cap: 99, daily_cap: 44}\nglobal: {cap: 999}\n"
    run = judged(here, "--format", "json", policy=policy, organization=organization)
    assert run.code == 1
    assert run.report["budgets"][0]["id"] == "unlisted.wrkspc_01EXAMPLEONE"


def test_an_unlisted_workspace_of_the_last_hours_of_a_month_is_told(here: Here) -> None:
    """`unlisted: fail` is a cap of the month, which has ended: like each of them, it warns."""
    usages = [spent("2026-10-31T23:40:00Z", 45, "wrkspc_01EXAMPLEONE")]
    organization = Organization(usages, [Workspace("wrkspc_01EXAMPLEONE", "one")])
    policy = "version: 1\nunlisted: fail\nworkspaces: {default: {cap: 999}}\n"
    run = judged(here, "--format", "json", policy=policy, organization=organization)
    assert run.code == 0
    ((level, message),) = [
        (note["level"], note["message"])
        for note in run.report["notes"]
        if note["code"] == "month_before_over"
    ]
    assert level == "warning"
    assert message.startswith("October 2026 ended above a cap: one spent $45.00")


def test_yesterday_that_could_not_be_read_is_not_passed(here: Here) -> None:
    """A daily cap would judge it, and a green run must not be taken for one that has looked."""
    run = judged(here, "--format", "json", policy=DAILY, intercept=broken_before)
    assert (run.code, run.report["status"]) == (3, "unverified")
    assert judged(here, policy=CAP, intercept=broken_before).code == 0
    late = at("2026-11-01T03:00:00Z")
    assert judged(here, policy=DAILY, intercept=broken_before, now=late).code == 0


@pytest.mark.parametrize("is_below", [False, True])
def test_yesterday_that_is_not_found_is_not_passed(here: Here, *, is_below: bool) -> None:
    """No route has it, be it one of an organization or one below it: 404 is no excuse."""

    def missing(request: Request, _: int) -> Response | None:
        is_before = (first(request, "starting_at") or "") == "2026-10-01T00:00:00Z"
        return refuse(404) if is_before and request.path.endswith("/messages") else None

    run = judged(here, "--format", "json", policy=DAILY, intercept=missing, org_scoped=is_below)
    assert (run.code, run.report["status"]) == (3, "unverified")
    assert judged(here, policy=CAP, intercept=missing, org_scoped=is_below).code == 0


def test_yesterday_of_an_archived_workspace_is_judged_by_its_glob(here: Here) -> None:
    """It spent 45 USD in the last hour of October, and was archived before the month ended."""
    usages = [spent("2026-10-31T22:30:00Z", 45, "wrkspc_01EXAMPLEONE"), USAGES[-1]]
    gone = Workspace("wrkspc_01EXAMPLEONE", "evals", "2026-10-31T23:50:00Z")
    organization = Organization(usages, [Workspace(PRODUCTION, "production"), gone])
    policy = "version: 1\nworkspaces: {'*': {cap: 100, daily_cap: 40, forecast: off}}\n"
    assert judged(here, policy=policy, organization=organization).code == 1
    late = at("2026-11-01T03:00:00Z")
    assert judged(here, policy=policy, organization=organization, now=late).code == 0


def test_the_age_of_a_time_goes_by_the_clock_of_the_api(here: Here) -> None:
    """The machine is a month behind and says what it takes for now: October is judged, and that is said."""
    then, now = at("2026-10-15T12:10:00Z"), at("2026-11-15T12:10:00Z")
    with LoopbackAPI(ORGANIZATION, now=now) as api:
        run = here.check(
            api, "--as-of", "2026-10-15T12:10:00Z", "--report", "r.json", policy=OK, now=then
        )
    assert run.code in (0, 1)
    assert run.stdout.startswith("As of Oct 15, 12:10 UTC, 31 days ago: ")
    assert "warning: The clock of this machine is 31 days behind that of the API" in run.stdout


def test_a_time_to_come_by_the_clock_of_the_api_is_not_judged(here: Here) -> None:
    """The machine is a month ahead, so that nothing else is wrong with the time."""
    then, now = at("2026-11-15T12:10:00Z"), at("2026-10-15T12:10:00Z")
    with LoopbackAPI(ORGANIZATION, now=now) as api:
        run = here.check(api, "--as-of", "2026-11-15T12:10:00Z", policy=OK, now=then)
    assert run.code == 3
    assert "ahead of that of the API" in run.stdout
