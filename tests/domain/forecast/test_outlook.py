"""The forecast within a verdict and a run: what it changes, what it is made from, and where it is told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.domain.verdict.terms import STRICT, FailOn, Terms, decide
from budget_gate.outputs.report.github import render_annotations
from budget_gate.outputs.report.json import render_json
from budget_gate.outputs.report.markdown import render_markdown
from budget_gate.outputs.report.text import render_text
from budget_gate.sources.http import transport
from tests.helpers.builders import bounds, budget, policy, spend_of
from tests.helpers.running import OK, PRODUCTION, RECORDED, Here, Run
from tests.helpers.serving import USAGE, first, refuse, reply
from tests.helpers.wording import notes_with
from tests.world import loopback
from tests.world.loopback import LoopbackAPI, Organization, Request, Response
from tests.world.oracle import Usage

# Fourteen days of 10 USD each, and not an instant of the fifteenth: 300 USD in a month of thirty days.
MONTH: Final = MonthToDate(datetime(2026, 11, 15, tzinfo=UTC))
LISTED = (Workspace("wrkspc_01A", "alpha"), Workspace("wrkspc_01B", "beta"))


def days(
    count: int,
    cost: str | Bounds = "10",
    *,
    since: str = "2026-11-01",
    workspace: str | None = None,
    model: str = "claude-opus-5-5",
) -> tuple[SpendLine, ...]:
    """That many days in a row of the same spend."""
    amount = cost if isinstance(cost, Bounds) else bounds(cost)
    start = date.fromisoformat(since)
    return tuple(
        SpendLine(workspace, start + number * DAY, model, amount, "list") for number in range(count)
    )


def spent(*lines: SpendLine, history: tuple[SpendLine, ...] = (), **changes: Any) -> Spend:
    """A spend of those lines, and of those before the month."""
    plain = spend_of({None: bounds("0")}, workspaces=LISTED)
    return plain._replace(lines=lines, history=history, **changes)


STEADY = spent(*days(14))


def judged(text: str, spend: Spend = STEADY, month: MonthToDate = MONTH) -> Report:
    """The report on the spend under the policy whose budgets `text` is."""
    return evaluate(policy(f"version: 1\n{text}\n"), spend, month)


def overall(text: str, spend: Spend = STEADY, month: MonthToDate = MONTH) -> BudgetResult:
    """What became of the global budget that `text` is."""
    return budget(judged(f"global: {{{text}}}", spend, month), "global")


def certain(amount: str, crosses_on: str | None = None) -> Forecast:
    """The forecast that leaves nothing open."""
    end = Decimal(amount)
    return Forecast(end, end, end, date.fromisoformat(crosses_on) if crosses_on else None)


def outlook_of(result: BudgetResult) -> Forecast:
    """The forecast of a budget that has one."""
    assert result.forecast is not None
    return result.forecast


def unforecast(report: Report) -> list[Note]:
    """The notes on budgets that have no forecast."""
    return notes_with(report.notes, "no_forecast")


# What an expected month-end does


def test_an_expected_month_end_above_the_cap_warns() -> None:
    """300 USD are to be expected, one more than the cap, which the last day will cross."""
    result = overall("cap: 299")
    assert (result.status, result.cause) == ("warning", "forecast")
    assert result.reason == "spend is expected to cross the cap on 2026-11-30"
    assert result.forecast == certain("300.00", "2026-11-30")


def test_what_is_expected_of_each_day_is_told() -> None:
    """From the end of today, the 15th, to that of the 30th: 10 USD more each day."""
    path = outlook_of(overall("cap: 1000")).path
    assert path == tuple(Decimal(10 * day) for day in range(15, 31))


@pytest.mark.parametrize("cap", ["300", "300.000001", "1000"])
def test_an_expected_month_end_within_the_cap_is_ok(cap: str) -> None:
    """The forecast is told all the same, and no day on which the cap will be crossed."""
    result = overall(f"cap: {cap}")
    assert (result.status, result.cause) == ("ok", "cap")
    assert result.forecast == certain("300.00")


@pytest.mark.parametrize(
    ("outlook", "status", "cause"),
    [("off", "ok", "cap"), ("warn", "warning", "forecast"), ("fail", "breached", "forecast")],
)
def test_each_budget_says_what_its_forecast_does(outlook: str, status: Status, cause: str) -> None:
    """Nothing, a warning or a breach: only `off` has no forecast at all."""
    result = overall(f"cap: 299, forecast: {outlook}")
    assert (result.status, result.cause) == (status, cause)
    assert (result.forecast is None) == (outlook == "off")


@pytest.mark.parametrize(
    ("outlook", "fail_on", "code"),
    [
        ("off", "warning", 0),
        ("warn", "breach", 0),
        ("warn", "warning", 1),
        ("warn", "never", 0),
        ("fail", "breach", 1),
        ("fail", "warning", 1),
        ("fail", "never", 0),
    ],
)
def test_an_outlook_fails_a_run_as_a_status_does(outlook: str, fail_on: FailOn, code: int) -> None:
    """A breach by forecast is a breach, and a warning a warning."""
    report = judged(f"global: {{cap: 299, forecast: {outlook}}}")
    decided, exit_code = decide(report, Terms(fail_on))
    assert exit_code == code
    assert decided.enforced == (not (outlook == "fail" and fail_on == "never"))


def test_only_a_whole_range_above_the_cap_is_a_breach() -> None:
    """A cap within the range may well hold: it warns, whatever is expected, and so does its low end."""
    lines = [
        line
        for number, cost in enumerate(("5", "15") * 7, start=1)
        for line in days(1, cost, since=f"2026-11-{number:02}")
    ]
    # 140 are spent, and 16 days of about 10 are to come.
    low = outlook_of(overall("cap: 1000", spent(*lines))).low
    assert 200 < low < 290
    for cap, status in (("290", "warning"), (low, "warning"), (low - Decimal("0.01"), "breached")):
        result = overall(f"cap: {cap}, forecast: fail", spent(*lines))
        assert (result.status, result.cause) == (status, "forecast")


def test_each_budget_has_its_own_forecast() -> None:
    """That of the organization fails, that of a workspace warns, and that of another is fine."""
    text = (
        "global: {cap: 899, forecast: fail}\n"
        "workspaces:\n  alpha: {cap: 299}\n  beta: {cap: 601}\n  default: {cap: 1, forecast: off}"
    )
    spend = spent(*days(14, workspace="wrkspc_01A"), *days(14, "20", workspace="wrkspc_01B"))
    report = judged(text, spend)
    assert {it.id: it.status for it in report.budgets} == {
        "global": "breached",
        "workspaces.wrkspc_01A": "warning",
        "workspaces.wrkspc_01B": "ok",
        "workspaces.default": "ok",
    }
    assert budget(report, "workspaces.wrkspc_01B").forecast == certain("600.00")


def test_groups_and_models_have_a_forecast() -> None:
    """What their members spend together: 10 and 20 USD a day, and 20 on one of two models."""
    text = (
        "groups: {both: {cap: 899, workspaces: [alpha, beta]}}\n"
        "models: {claude-haiku-5-5: {cap: 599}}"
    )
    spend = spent(
        *days(14, workspace="wrkspc_01A"),
        *days(14, "20", workspace="wrkspc_01B", model="claude-haiku-5-5"),
    )
    report = judged(text, spend)
    assert budget(report, "groups.both").forecast == certain("900.00", "2026-11-30")
    assert budget(report, "models.claude-haiku-5-5").forecast == certain("600.00", "2026-11-30")


# The day on which the cap is crossed


@pytest.mark.parametrize(
    ("cap", "day"),
    [
        ("299.99", "2026-11-30"),
        ("200", "2026-11-21"),
        ("199.99", "2026-11-20"),
        ("150", "2026-11-16"),
        ("149.99", "2026-11-15"),
        ("140", "2026-11-15"),
        ("139.99", "2026-11-14"),
        ("100", "2026-11-11"),
        ("0", "2026-11-01"),
    ],
)
def test_the_day_is_the_first_whose_sum_is_above_the_cap(cap: str, day: str) -> None:
    """With 10 USD a day 200 are reached on the 20th and crossed on the 21st; the past is known."""
    assert outlook_of(overall(f"cap: {cap}")).crosses_on == date.fromisoformat(day)


def test_a_breach_of_the_cap_is_no_matter_of_the_forecast() -> None:
    """What was spent decides, whatever the forecast is to do."""
    for outlook in ("warn", "fail"):
        result = overall(f"cap: 100, forecast: {outlook}")
        assert (result.status, result.cause) == ("breached", "cap")
        assert result.reason == "spend is above the cap"


def test_a_level_that_was_reached_goes_before_a_warning_of_the_future() -> None:
    """140 of 160 is a fact; that the 17th will cross the cap is told beside it."""
    result = overall("cap: 160")
    assert (result.status, result.reason) == ("warning", "spend has reached 80% of the cap")
    assert outlook_of(result).crosses_on == date(2026, 11, 17)


def test_a_breach_of_the_future_goes_before_a_level_that_was_reached() -> None:
    """The worst decides."""
    result = overall("cap: 160, forecast: fail")
    assert (result.status, result.cause) == ("breached", "forecast")


def test_a_part_of_a_cent_crosses_no_cap() -> None:
    """10.0005 USD on the last instants of a month are told as 10.01, and are within 10.001."""
    month = MonthToDate(datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC))
    lines = (*days(29, "0.1", since="2026-11-01"), *days(1, "7.1005", since="2026-11-30"))
    result = overall("cap: 10.0010, forecast: fail, warn_at: [100%]", spent(*lines), month)
    assert (result.status, outlook_of(result).crosses_on) == ("ok", None)


# What is not exactly known


def between(low: str, expected: str, high: str, crosses_on: str | None = None) -> Forecast:
    """The forecast of a range."""
    day = date.fromisoformat(crosses_on) if crosses_on else None
    return Forecast(Decimal(low), Decimal(expected), Decimal(high), day)


def test_each_end_of_a_range_goes_on_by_itself() -> None:
    """From 8 to 12 USD a day are about 10: between 240 and 360 in a month, and 300 as their middle."""
    spend = spent(*days(14, bounds("8", "12")))
    assert overall("cap: 300", spend).forecast == between("240.00", "300.00", "360.00")
    result = overall("cap: 299", spend)
    assert (result.status, result.cause) == ("warning", "forecast")


def test_a_range_across_the_cap_stays_undecided() -> None:
    """Between 112 and 168 USD of 140 is not decided by what is to come."""
    result = overall("cap: 140", spent(*days(14, bounds("8", "12"))))
    assert (result.status, result.cause) == ("uncertain", "cap")


@pytest.mark.parametrize("cap", ["1", "111", "139", "150", "168", "250", "1000"])
def test_what_is_forecast_does_not_depend_on_the_cap(cap: str) -> None:
    """The same usage ends the month the same, be the cap below, within or above the range."""
    found = outlook_of(overall(f"cap: {cap}", spent(*days(14, bounds("8", "12")))))
    assert replace(found, crosses_on=None) == between("240.00", "300.00", "360.00")


def test_a_range_across_the_cap_crosses_it_where_that_is_sure() -> None:
    """8 USD a day are sure, and 240 in a month: above 139 and, on the 18th, not before today."""
    result = overall("cap: 139, forecast: fail", spent(*days(14, bounds("8", "12"))))
    assert (result.status, result.cause) == ("breached", "forecast")
    assert result.forecast == between("240.00", "300.00", "360.00", "2026-11-18")


def test_a_range_above_the_cap_crossed_it_on_the_day_that_is_sure() -> None:
    """Of 100 USD, 8 a day have spent 96 on the 12th; 12 a day would have on the 9th."""
    found = outlook_of(overall("cap: 100", spent(*days(14, bounds("8", "12")))))
    assert found.crosses_on == date(2026, 11, 13)


def test_spend_without_an_upper_bound_is_forecast_without_one() -> None:
    """10 USD a day were surely spent, and may be any more; the run stays unverified."""
    unpriced = spent(*days(14, bounds("10", "unlimited")), unpriced=("Some have no price.",))
    report = judged("global: {cap: 500}", unpriced)
    assert budget(report, "global").forecast == between("300.00", "300.00", "Infinity")
    assert (report.status, decide(report, STRICT)[1]) == ("unverified", 3)


# Exceptions


def test_an_exceptions_cap_is_the_one_to_be_crossed() -> None:
    """301 USD for this month are enough where 299 are not, and 160 would be crossed on the 17th."""
    text = "global: {{cap: 299}}\nexceptions: [{{budget: global, cap: {}, until: {}, reason: x}}]"
    assert budget(judged(text.format(301, "2026-11-15")), "global").status == "ok"
    lower = budget(judged(text.format(200, "2026-11-30")), "global")
    assert (lower.status, outlook_of(lower).crosses_on) == ("warning", date(2026, 11, 21))


def test_an_exception_that_has_ended_is_not_expected_to_help() -> None:
    """Its last day was yesterday."""
    text = (
        "global: {cap: 299}\nexceptions: [{budget: global, cap: 900, until: 2026-11-14, reason: x}]"
    )
    assert outlook_of(budget(judged(text), "global")).crosses_on == date(2026, 11, 30)


# Too little data


@pytest.mark.parametrize(("count", "has_one"), [(0, False), (1, False), (2, False), (3, True)])
def test_under_three_closed_days_there_is_no_forecast(count: int, *, has_one: bool) -> None:
    """And the report says so, at the level of information."""
    month = MonthToDate(datetime(2026, 11, 1 + count, tzinfo=UTC))
    report = judged("global: {cap: 100}", spent(*days(count)), month)
    assert (budget(report, "global").forecast is not None) == has_one
    message = "No forecast for organization: there are fewer than 3 full days of spend."
    note = Note("info", "no_forecast", message)
    assert unforecast(report) == ([] if has_one else [note])


def test_the_open_day_is_no_closed_one() -> None:
    """Two full days and most of a third are too few."""
    month = MonthToDate(datetime(2026, 11, 3, 23, tzinfo=UTC))
    assert overall("cap: 100", spent(*days(3)), month).forecast is None


def test_a_workspace_without_history_has_no_forecast() -> None:
    """It is named, while the others have theirs; a budget whose forecast is off is not missed."""
    text = "global: {cap: 900}\nworkspaces:\n  alpha: {cap: 9}\n  beta: {cap: 9, forecast: off}"
    report = judged(text)
    assert budget(report, "global").forecast == certain("300.00")
    assert budget(report, "workspaces.wrkspc_01A").forecast is None
    assert budget(report, "workspaces.wrkspc_01A").status == "ok"
    (note,) = unforecast(report)
    assert note.message.startswith("No forecast for alpha: ")


def test_budgets_that_only_warn_are_not_missed() -> None:
    """What has no cap has none to cross."""
    assert unforecast(judged("unlisted: warn")) == []


def test_many_budgets_without_a_forecast_are_counted() -> None:
    """Five are named."""
    workspaces = tuple(Workspace(f"wrkspc_{number}", f"team-{number}") for number in range(8))
    names = "\n".join(f"  team-{number}: {{cap: 5}}" for number in range(8))
    report = judged(f"workspaces:\n{names}", spent(*days(14), workspaces=workspaces))
    (note,) = unforecast(report)
    assert note.message.startswith(
        "No forecast for team-0, team-1, team-2, team-3, team-4 and 3 more: "
    )


# The days before the month

BEFORE = days(26, since="2026-10-06")
THIRD: Final = MonthToDate(datetime(2026, 11, 3, tzinfo=UTC))


def test_days_before_the_month_count() -> None:
    """Two days of November alone are too few; with 26 of October they make 20 and 28 times 10."""
    spend = spent(*days(2), history=BEFORE)
    assert overall("cap: 299", spend, THIRD).forecast == certain("300.00", "2026-11-30")


def test_on_the_first_day_the_month_before_is_all_there_is() -> None:
    """At its first instant nothing is spent, and thirty days of 10 USD are to come."""
    month = MonthToDate(datetime(2026, 11, 1, tzinfo=UTC))
    history = days(28, since="2026-10-04")
    assert overall("cap: 299", spent(history=history), month).forecast == certain(
        "300.00", "2026-11-30"
    )


def test_days_before_the_month_are_no_spend_of_it() -> None:
    """Neither of the total, nor of a budget, a workspace, a model or a day."""
    report = judged("global: {cap: 1000}", spent(*days(2), history=BEFORE), THIRD)
    assert report.spend == budget(report, "global").spend == bounds("20")
    assert [row.spend for row in report.workspaces] == [bounds("20")]
    assert [row.spend for row in report.models] == [bounds("20")]
    assert [row.day for row in report.days] == [date(2026, 11, 1), date(2026, 11, 2)]


def test_each_budget_goes_by_its_own_days() -> None:
    """Alpha spent 10 USD a day in October, beta 20 on another model, and neither anything since."""
    history = (
        *days(26, since="2026-10-06", workspace="wrkspc_01A"),
        *days(26, "20", since="2026-10-06", workspace="wrkspc_01B", model="claude-haiku-5-5"),
    )
    lines = (
        *days(2, workspace="wrkspc_01A"),
        *days(2, "20", workspace="wrkspc_01B", model="claude-haiku-5-5"),
    )
    text = (
        "global: {cap: 1}\nworkspaces:\n  alpha: {cap: 1}\n  beta: {cap: 1}\n"
        "groups: {one: {cap: 1, workspaces: [beta]}}\nmodels: {claude-haiku-5-5: {cap: 1}}"
    )
    report = judged(text, spent(*lines, history=history), THIRD)
    assert {it.id: str(outlook_of(it).expected) for it in report.budgets} == {
        "global": "900.00",
        "workspaces.wrkspc_01A": "300.00",
        "workspaces.wrkspc_01B": "600.00",
        "groups.one": "600.00",
        "models.claude-haiku-5-5": "600.00",
    }


# Outputs


def texts(text: str, spend: Spend = STEADY, month: MonthToDate = MONTH) -> dict[str, str]:
    """The report on the global budget that `text` is, in every output for people."""
    report = judged(f"global: {{{text}}}", spend, month)
    return {
        "text": render_text(report, "budget.yml", colour=False),
        "markdown": render_markdown(report, "budget.yml"),
        "annotations": render_annotations(report, "budget.yml"),
    }


@pytest.mark.parametrize("output", ["text", "markdown", "annotations"])
@pytest.mark.parametrize("outlook", ["warn", "fail"])
def test_the_day_is_told_where_the_forecast_decides(outlook: str, output: str) -> None:
    """Once, beside the month-end that is to be expected."""
    shown = texts(f"cap: 299, forecast: {outlook}")[output]
    how = " (forecast: fail)" if outlook == "fail" else ""
    told = "of its $299.00 cap (list prices) and is forecast to exceed it on Nov 30"
    assert f"{told}, with about $300 by month-end{how}" in shown


@pytest.mark.parametrize("output", ["text", "markdown"])
@pytest.mark.parametrize(
    ("cap", "told"),
    [
        ("160", "expected to cross the cap on Nov 17"),
        ("149.99", "expected to cross the cap on Nov 15"),
        ("100", "crossed the cap on Nov 11"),
    ],
)
def test_the_day_is_told_where_something_else_decides(cap: str, told: str, output: str) -> None:
    """Whether it is over or to come; today is to come as long as the cap holds."""
    assert told in texts(f"cap: {cap}")[output]


@pytest.mark.parametrize("output", ["text", "markdown"])
def test_a_month_end_is_told_with_its_range(output: str) -> None:
    """Also where the cap holds, and no day then."""
    shown = texts("cap: 310, warn_at: [10%]")[output]
    assert "forecast for month-end: about $300 ($300 to $300)" in shown
    assert "cross" not in shown


@pytest.mark.parametrize("output", ["text", "markdown"])
def test_a_forecast_that_is_off_is_not_told(output: str) -> None:
    """Neither a month-end nor that there is none."""
    shown = texts("cap: 1000, forecast: off")[output]
    assert "300.00" not in shown
    assert "orecast" not in shown


def test_the_json_report_has_the_forecast() -> None:
    """Low, expected, high and the day; null where there is none."""
    assert (
        '"forecast": {\n        "low": "300",\n        "expected": "300",\n'
        '        "high": "300",\n        "crosses_on": "2026-11-30"\n      }'
    ) in render_json(judged("global: {cap: 299}"), "budget.yml")
    assert '"crosses_on": null' in render_json(judged("global: {cap: 300}"), "budget.yml")
    assert '"forecast": null' in render_json(
        judged("global: {cap: 300, forecast: off}"), "budget.yml"
    )


# Whole runs

NOVEMBER: Final = datetime(2026, 11, 1, tzinfo=UTC)
THREE: Final = NOVEMBER + 2 * DAY


def organization(*, model: str = "claude-sonnet-4-5") -> Organization:
    """Claude Sonnet 4.5 at 3 USD per million tokens: 3 USD a day from 1 October to 28 November."""
    midnights = [NOVEMBER + number * DAY for number in range(-31, 28)]
    return Organization(
        usage=[
            Usage(
                at + timedelta(hours=9),
                PRODUCTION,
                "claude-sonnet-4-5" if at >= NOVEMBER else model,
                uncached=1_000_000,
            )
            for at in midnights
        ],
        workspaces=[loopback.Workspace(PRODUCTION, "production")],
    )


def is_history(request: Request) -> bool:
    """Whether a request asks for days before November."""
    start = first(request, "starting_at")
    return request.path == USAGE and start is not None and start < "2026-11-01"


@contextmanager
def serving(now: datetime, **how: Any) -> Iterator[LoopbackAPI]:
    """The organization's API at a time."""
    with LoopbackAPI(organization(), now=now, **how) as api:
        yield api


def run(here: Here, api: LoopbackAPI, *flags: str, policy: str = OK) -> Run:
    """A run at the time of the API."""
    return here.check(api, "--format", "json", *flags, policy=policy, now=api.now)


def spans(api: LoopbackAPI) -> list[tuple[str | None, ...]]:
    """What was asked for of the days before November."""
    names = ("starting_at", "ending_at", "bucket_width")
    return [
        tuple(first(request, name) for name in names)
        for request in api.requests
        if is_history(request)
    ]


def notes(ended: Run, code: str) -> list[str]:
    """The messages of a report's notes of that code."""
    return [note["message"] for note in ended.report["notes"] if note["code"] == code]


def test_a_run_early_in_a_month_reads_the_days_before_it(here: Here) -> None:
    """6 USD were spent on two days, and with 28 days of 3 USD to come the month ends at 90."""
    with serving(THREE) as api:
        ended = run(here, api, policy="version: 1\nglobal: {cap: 80}\n")
    (result,) = ended.report["budgets"]
    assert (ended.code, result["status"], result["spend"]["low"]) == (0, "warning", "6")
    # 26 days of 3 USD are 78, and the 27th crosses the cap of 80.
    assert result["forecast"] == {
        "low": "90",
        "expected": "90",
        "high": "90",
        "crosses_on": "2026-11-27",
    }
    assert notes(ended, "no_history") == notes(ended, "no_forecast") == []


def test_a_forecast_can_fail_a_run(here: Here) -> None:
    """Six of eighty dollars are spent, and the exit code is 1."""
    with serving(THREE) as api:
        ended = run(here, api, policy="version: 1\nglobal: {cap: 80, forecast: fail}\n")
    assert (ended.code, ended.report["status"]) == (1, "breached")


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (NOVEMBER, "2026-10-01T00:00:00Z"),
        (NOVEMBER + timedelta(hours=8), "2026-10-01T00:00:00Z"),
        (THREE, "2026-10-06T00:00:00Z"),
        (NOVEMBER + timedelta(days=14, hours=12), "2026-10-18T00:00:00Z"),
        (NOVEMBER + timedelta(days=27, hours=23), "2026-10-31T00:00:00Z"),
    ],
)
def test_the_days_before_the_month_are_one_request(here: Here, now: datetime, start: str) -> None:
    """Those of the last 28 that are before the 1st, by day; at first, all of October."""
    with serving(now) as api:
        assert run(here, api).code == 0
        assert spans(api) == [(start, "2026-11-01T00:00:00Z", "1d")]


def test_from_the_29th_on_the_month_is_enough(here: Here) -> None:
    """All of the last 28 days are of it."""
    with serving(NOVEMBER + timedelta(days=28, hours=1)) as api:
        ended = run(here, api)
        assert spans(api) == []
    assert ended.report["budgets"][0]["forecast"]


def test_on_the_first_of_a_month_the_days_before_it_make_the_forecast(here: Here) -> None:
    """At the first instant nothing is spent yet and thirty days of 3 USD are to come."""
    with serving(NOVEMBER) as api:
        ended = run(here, api, policy="version: 1\nglobal: {cap: 89}\n")
    (result,) = ended.report["budgets"]
    assert (ended.code, result["status"], result["spend"]["high"]) == (0, "warning", "0")
    assert result["forecast"]["expected"] == "90"
    assert result["forecast"]["crosses_on"] == "2026-11-30"


def test_a_forecast_costs_one_request_more(here: Here) -> None:
    """And changes none of the others."""
    asked = []
    for outlook in ("off", "warn"):
        with serving(THREE) as api:
            run(here, api, policy=f"version: 1\nglobal: {{cap: 80, forecast: {outlook}}}\n")
            asked.append(sorted((it.path, it.query) for it in api.requests if not is_history(it)))
            assert len(spans(api)) == (outlook == "warn")
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("global: {cap: 80, forecast: off}", 0),
        ("global: {cap: 80, forecast: off}\nworkspaces: {production: {cap: 5}}", 1),
        ("workspaces: {production: {cap: 5, forecast: off}}", 0),
        ("groups: {all: {cap: 5, workspaces: [production], forecast: off}}", 0),
        ("groups: {all: {cap: 5, workspaces: [production]}}", 1),
        ("models: {claude-sonnet-4-5: {cap: 5}}", 1),
        ("models: {claude-sonnet-4-5: {cap: 5, forecast: off}}", 1),
        ("unlisted: warn", 0),
        ("unlisted: fail", 0),
        ("unlisted: {cap: 5, forecast: off}", 0),
        ("unlisted: {cap: 5, forecast: fail}", 1),
    ],
)
def test_where_no_forecast_is_wanted_nothing_is_asked_for_it(
    here: Here, text: str, count: int
) -> None:
    """One budget with a forecast is enough, of whatever kind, and a model's without one as well."""
    with serving(THREE) as api:
        run(here, api, policy=f"version: 1\n{text}\n")
        assert len(spans(api)) == count


def test_what_changed_goes_by_the_days_before_the_month_too(here: Here) -> None:
    """With a last report they are asked for although no budget has a forecast."""
    files = ("--report", "report.json", "--last-report", "report.json")
    off = "version: 1\nglobal: {cap: 80, forecast: off}\n"
    with serving(THREE + timedelta(hours=10)) as api:
        run(here, api, *files, policy=off)
        ended = run(here, api, *files, policy=off)
        assert len(spans(api)) == 2
    # Each day of the week before cost what today did: nothing rises.
    assert ended.report["previous_as_of"] == "2026-11-03T10:00:00Z"
    assert ended.report["drivers"] == []


@pytest.mark.parametrize("refused", [True, False])
def test_without_the_days_before_the_month_nothing_is_called_unusual(
    here: Here, *, refused: bool
) -> None:
    """Five days of October cost 3 USD each; the mean of the two that are known would be less."""
    files = ("--report", "report.json", "--last-report", "report.json")
    new = Usage(THREE + timedelta(hours=1), PRODUCTION, "claude-haiku-4-5", uncached=1_000_000)
    known = organization()
    with LoopbackAPI(
        replace(known, usage=[*known.usage, new]),
        now=THREE + timedelta(hours=10),
        intercept=lambda it, _: refuse(403) if refused and is_history(it) else None,
    ) as api:
        run(here, api, *files)
        ended = run(here, api, *files)
    assert ended.report["previous_as_of"] == "2026-11-03T10:00:00Z"
    assert [it["model"] for it in ended.report["drivers"]] == (
        [] if refused else ["claude-haiku-4-5"]
    )


def test_a_model_without_a_price_before_the_month_is_no_matter_of_this_one(here: Here) -> None:
    """The run is determined, and those days count as what they surely cost."""
    with LoopbackAPI(organization(model="claude-next-9"), now=THREE) as api:
        ended = run(here, api)
    assert (ended.code, ended.report["status"]) == (0, "ok")
    assert notes(ended, "unpriced") == []
    assert ended.report["budgets"][0]["forecast"] is None
    assert len(notes(ended, "no_forecast")) == 1


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ("global: {cap: 80, forecast: fail}", 3),
        ("global: {cap: 80, forecast: warn}", 0),
        # Above its cap already, whatever is expected.
        ("global: {cap: 5.99, forecast: fail}", 1),
        # What goes by days that are known, or by none, is judged.
        ("models: {claude-sonnet-4-5: {cap: 80, forecast: fail}}", 0),
        ("global: {cap: 80, daily_cap: 50, forecast: off}", 0),
        ("workspaces: {default: {cap: 80, forecast: fail}}", 0),
        # From nothing up to the dearest known rate a day is within a range.
        ("global: {cap: 9000, forecast: fail}\nspend: {unknown_model: upper_bound}", 0),
    ],
)
def test_days_of_no_known_cost_are_no_measure_of_a_forecast_that_may_fail(
    here: Here, rules: str, code: int
) -> None:
    """In October a model without a price cost nobody knows what: a lower estimate of the month may be wrong."""
    with LoopbackAPI(organization(model="claude-next-9"), now=THREE) as api:
        ended = run(here, api, policy=f"version: 1\n{rules}\n")
    assert ended.code == code
    assert ended.report["spend"] == {"low": "6", "high": "6"}
    if code == 3:
        (told,) = notes(ended, "no_history")
        assert "Usage of claude-next-9 before the month has no price" in told
        assert "Add the price under prices.models" in told
        assert notes(ended, "no_forecast") == []
        assert ended.report["budgets"][0]["reason"].startswith("days before the month have usage")


def test_the_month_alone_makes_a_forecast_where_the_days_before_have_no_known_cost(
    here: Here,
) -> None:
    """Ten days of 3 USD: 90 in November, and not what these and days of nothing would tell."""
    with LoopbackAPI(organization(model="claude-next-9"), now=NOVEMBER + 10 * DAY) as api:
        ended = run(here, api)
    assert ended.report["budgets"][0]["forecast"]["expected"] == "90"
    assert len(notes(ended, "no_history")) == 1


def test_days_further_back_than_a_forecast_goes_need_no_price(here: Here) -> None:
    """On November 2 the whole of October is read, and the 28 days are those from the 5th on."""
    known = organization()
    usage = [
        replace(it, model="claude-next-9") if it.at.day < 5 and it.at.month == 10 else it
        for it in known.usage
    ]
    rules = "version: 1\nglobal: {cap: 91, forecast: fail}\n"
    with LoopbackAPI(replace(known, usage=usage), now=NOVEMBER + DAY) as api:
        ended = run(here, api, policy=rules)
    assert (ended.code, notes(ended, "no_history")) == (0, [])


def test_a_forecast_that_is_not_known_is_told_as_one(here: Here) -> None:
    """In the headline, too: no range is at fault."""
    with LoopbackAPI(organization(model="claude-next-9"), now=THREE) as api:
        ended = here.check(api, policy="version: 1\nglobal: {cap: 80, forecast: fail}\n", now=THREE)
    assert ended.stdout.splitlines()[0] == (
        "Undecided: organization has spent $6.00 of its $80.00 cap (7.5%, list prices). Days before the month "
        "have usage without a price, so the forecast is not known (see notes)."
    )


def test_saved_pages_have_no_days_before_the_month(here: Here) -> None:
    """A forecast goes by the month alone there, and what is missing is told as such."""
    ended = here.main("check", *RECORDED, "--partial", "--format", "json", policy=OK)
    assert notes(ended, "no_history") == []
    assert len(notes(ended, "no_forecast")) == 1


# Where the days before the month cannot be read


def impatient(here: Here) -> None:
    """Cuts the waits between tries short."""
    here.patch.setattr(transport, "FIRST_WAIT", 0.001)
    here.patch.setattr(transport, "LONGEST_WAIT", 0.001)


UNREADABLE: dict[str, Response] = {
    **{f"status {status}": refuse(status) for status in (400, 401, 403, 404, 429, 500, 529)},
    "HTML": reply(b"<html>502 Bad Gateway</html>"),
    "noise": reply(bytes(range(256))),
    "nothing": reply(b""),
    "null": reply(None),
    "no buckets": reply({"data": [], "has_more": False, "next_page": None}),
    "not the days": reply({"data": [{}], "has_more": False, "next_page": None}),
}


@pytest.mark.parametrize(("text", "code"), [("cap: 100", 0), ("cap: 5.99", 1)])
@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_days_that_cannot_be_read_are_no_verdict(
    here: Here, answer: Response, text: str, code: int
) -> None:
    """The caps are judged by the exact spend of the month, and a note says what is missing."""
    impatient(here)
    with serving(THREE, intercept=lambda it, _: answer if is_history(it) else None) as api:
        ended = run(here, api, policy=f"version: 1\nglobal: {{{text}}}\n")
    assert (ended.code, ended.stderr) == (code, "")
    assert ended.report["spend"] == {"low": "6", "high": "6"}
    (told,) = notes(ended, "no_history")
    assert told.startswith("The days before the month could not be read: ")
    assert len(notes(ended, "no_forecast")) == 1
    levels = {note["level"] for note in ended.report["notes"]}
    assert levels == {"info"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_forecast_that_may_fail_a_run_needs_the_days_before(here: Here, status: int) -> None:
    """Without them it might pass, so that it is exit code 3."""
    impatient(here)
    answer = refuse(status)
    with serving(THREE, intercept=lambda it, _: answer if is_history(it) else None) as api:
        ended = run(here, api, policy="version: 1\nglobal: {cap: 80, forecast: fail}\n")
    assert (ended.code, ended.report["spend"]) == (3, None)


def test_the_month_alone_makes_a_forecast_where_it_has_days_enough(here: Here) -> None:
    """Ten days of 3 USD: 90 in November, without any of October."""
    refused = refuse(403)
    now = NOVEMBER + 10 * DAY
    with serving(now, intercept=lambda it, _: refused if is_history(it) else None) as api:
        ended = run(here, api)
    assert ended.report["budgets"][0]["forecast"]["expected"] == "90"
    assert len(notes(ended, "no_history")) == 1
    assert notes(ended, "no_forecast") == []


@pytest.mark.parametrize(("cap", "code"), [("80", 1), ("100", 0)])
def test_routes_below_the_organization_have_the_days_before_the_month(
    here: Here, cap: str, code: int
) -> None:
    """Where the direct route is not served, the forecast goes by the same days: 90 USD."""
    rules = f"version: 1\nglobal: {{cap: {cap}, forecast: fail}}\n"
    with serving(THREE, org_scoped=True) as api:
        ended = run(here, api, policy=rules)
    assert ended.code == code
    assert notes(ended, "no_history") == notes(ended, "no_forecast") == []


@pytest.mark.parametrize(("forecast", "code"), [("fail", 3), ("warn", 0)])
def test_routes_below_the_organization_that_fail_for_those_days_are_no_excuse(
    here: Here, forecast: str, code: int
) -> None:
    """A verdict that may hang on them is not known."""

    def refuse_days(request: Request, _: int) -> Response | None:
        is_of_days = is_history(replace(request, path=USAGE)) and request.path.endswith("/messages")
        return refuse(404) if is_of_days else None

    rules = f"version: 1\nglobal: {{cap: 80, forecast: {forecast}}}\n"
    with serving(THREE, org_scoped=True, intercept=refuse_days) as api:
        ended = run(here, api, policy=rules)
    assert ended.code == code
    assert len(notes(ended, "no_history")) == (0 if code else 1)


def test_where_the_speed_is_refused_it_is_asked_for_without_it(here: Here) -> None:
    """As the days of the month are: a second try, and no note."""
    with serving(THREE, refuse_speed_beta=True) as api:
        ended = run(here, api)
        assert len(spans(api)) == 2
    assert ended.report["budgets"][0]["forecast"]["expected"] == "90"
    assert notes(ended, "no_history") == []


@pytest.mark.parametrize(("cap", "code"), [("100", 0), ("5.99", 1)])
def test_days_that_never_come_hold_up_no_verdict_beyond_the_deadline(
    here: Here, cap: str, code: int
) -> None:
    """The run does not sit the answer out, and ends with the exact spend of the month."""
    done = threading.Event()

    def stall(request: Request, _: int) -> Response | None:
        if is_history(request):
            done.wait(60)
        return None

    with serving(THREE, intercept=stall) as api:
        began = time.monotonic()
        ended = run(here, api, "--deadline", "4", policy=f"version: 1\nglobal: {{cap: {cap}}}\n")
        seconds = time.monotonic() - began
        done.set()
    assert (ended.code, ended.report["spend"]["low"]) == (code, "6")
    assert len(notes(ended, "no_history")) == 1
    assert seconds < 30
