"""The JSON report as a file, read whole: it comes back as it was, or is refused with a reason and a remedy."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budget_gate import gate
from budget_gate.domain.alerts import Alert
from budget_gate.domain.bounds import UNLIMITED
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.movers import Mover
from budget_gate.domain.notes import Note
from budget_gate.domain.period import HOUR
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.domain.verdict.results import BudgetResult, DailySpend, LiveException
from budget_gate.domain.verdict.terms import STRICT
from budget_gate.errors import UnverifiedError
from budget_gate.outputs.report.json import render_json
from budget_gate.outputs.report.markdown import render_markdown
from budget_gate.outputs.report.text import render_text
from budget_gate.sources.files.kept_report import read_kept_report
from budget_gate.sources.files.report_parts import MAX_BYTES
from tests.helpers.builders import bounds
from tests.helpers.reports import HOSTILE, NOW, hostile_report, make_budget, make_report
from tests.helpers.wording import assert_says

DAY = date(2026, 11, 22)


def written(report: Report) -> dict[str, Any]:
    """The report as JSON has it."""
    document: dict[str, Any] = json.loads(render_json(report, "budget.yml"))
    return document


def read(folder: Path, content: str | bytes | dict[str, Any]) -> Report:
    """What is read of a file with that content."""
    path = folder / "report.json"
    text = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_kept_report(path)


def refused(folder: Path, content: str | bytes | dict[str, Any], code: str = "damaged") -> str:
    """Why a file with that content is no report, with the remedy."""
    with pytest.raises(UnverifiedError) as error:
        read(folder, content)
    assert error.value.code == f"report_{code}"
    assert error.value.hint
    return error.value.told


# What comes back

RISE = Alert(
    "daily",
    "global",
    Decimal("9.5"),
    Decimal(3),
    (Mover("production", "claude-opus-5-5", Decimal("6.5")),),
    "EXAMPLE rises.",
)
FULL = make_report(
    "breached",
    make_budget("over", "12.345678901", status="breached", since=NOW - HOUR, decides=True),
    make_budget(
        "daily",
        "9",
        high="9.5",
        status="breached",
        cause="daily_cap",
        daily=DailySpend(Decimal(3), bounds("4"), DAY, bounds("1")),
    ),
    make_budget(
        "before",
        "9",
        status="breached",
        cause="yesterday",
        daily=DailySpend(Decimal(3), bounds("1"), DAY, bounds("4")),
    ),
    make_budget(
        "ahead",
        "5",
        status="breached",
        cause="forecast",
        forecast=Forecast(Decimal("10.5"), Decimal(12), UNLIMITED, date(2026, 11, 28)),
        pace=Pace(Decimal(5), Decimal("0.55"), bounds("1", "1.5"), Decimal("0.2")),
    ),
    make_budget("open", "5", high="unlimited", status="uncertain"),
    make_budget(
        "near",
        "1",
        status="warning",
        cause="forecast",
        forecast=Forecast(Decimal(2), Decimal(12), Decimal(15), date(2026, 11, 28)),
    ),
    make_budget("any", "1", None, status="warning", id="unlisted.wrkspc_01"),
    make_budget(
        "organization",
        "1",
        id="global",
        warn_at=(Decimal("0.125"), Decimal("0.8")),
        reserved=Decimal("2.5"),
        exception=LiveException(Decimal(8), date(2026, 11, 30), "EXAMPLE", "someone"),
        decides=False,
    ),
    organization="11111111-2222-4333-8444-555555555555",
    judged_at=NOW + 2 * HOUR,
    base_url="http://[::1]:8080",
    workspaces=(
        WorkspaceSpend("wrkspc_01", "production", archived=True, spend=bounds("3", "4")),
        WorkspaceSpend("", "not separated by the report", archived=False, spend=bounds("1")),
        WorkspaceSpend(None, "default workspace", archived=False, spend=bounds("2")),
    ),
    models=(ModelSpend("claude-opus-5-5", bounds("3")), ModelSpend(None, bounds("2"))),
    days=(DaySpend(date(2026, 11, 1), bounds("3"), "billed"), DaySpend(DAY, bounds("2"))),
    notes=(Note("warning", "range", "EXAMPLE"), RISE.note),
    alerts=(RISE,),
)


def test_a_report_comes_back_as_it_was(tmp_path: Path) -> None:
    """Every field that the renderers show, the causes of the statuses among them."""
    assert read(tmp_path, written(FULL)) == FULL


def test_it_looks_as_it_did(tmp_path: Path) -> None:
    """On a terminal, in a summary and as JSON."""
    again = read(tmp_path, written(FULL))
    assert render_text(again, "budget.yml", colour=False) == render_text(
        FULL, "budget.yml", colour=False
    )
    assert render_markdown(again, "budget.yml") == render_markdown(FULL, "budget.yml")
    assert written(again) == written(FULL)


def test_a_report_without_spend_comes_back(tmp_path: Path) -> None:
    """As of an outage: no amount, and the reason."""
    note = Note("error", "http_503", "The API said no.")
    down = make_report("unverified", spend=None, coverage=None, prices=None, notes=(note,))
    assert read(tmp_path, written(down)) == down


def test_an_alert_alone_is_a_warning(tmp_path: Path) -> None:
    """Though every budget is ok; without it, the status contradicts the budgets."""
    warns = make_report("warning", make_budget(), notes=(RISE.note,), alerts=(RISE,))
    assert read(tmp_path, written(warns)).leading_alert == RISE
    refused(tmp_path, written(warns._replace(alerts=())))
    refused(tmp_path, written(warns._replace(status="ok")))


@pytest.mark.parametrize(("share", "cause"), [("8", "cap"), ("7.99", "forecast")])
def test_a_warning_is_of_the_level_or_of_the_forecast(
    tmp_path: Path, share: str, cause: str
) -> None:
    """Spend of 8 USD has reached 80% of the cap of 10; below that only the forecast warns."""
    end = Forecast(Decimal(8), Decimal(12), Decimal(15), date(2026, 11, 28))
    warns = make_report("warning", make_budget("near", share, status="warning", forecast=end))
    assert read(tmp_path, written(warns)).budgets[0].cause == cause


# What is refused


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With what to do: restore it, or have one written."""
    with pytest.raises(UnverifiedError) as error:
        read_kept_report(tmp_path / "report.json")
    assert error.value.code == "report_missing"
    assert_says(error.value.told, "no report at", "report.json", "restore", "run")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder in its place."""
    with pytest.raises(UnverifiedError) as error:
        read_kept_report(tmp_path)
    assert error.value.code == "report_unreadable"
    assert_says(error.value.told, "cannot be read", "directory", "name the file")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "\xff", b"\x00" * 10, '{"schema": 1' + "[" * 5000, "NaN"],
    ids=repr,
)
def test_what_is_no_json_object_is_damaged(tmp_path: Path, content: str | bytes) -> None:
    """As where a download broke off."""
    told = refused(tmp_path, content)
    assert_says(told, "report.json is damaged", "write")


def test_a_report_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    """Whatever is left of it: at every hundredth letter."""
    text = json.dumps(written(FULL))
    for end in range(0, len(text), 100):
        refused(tmp_path, text[:end])


def test_a_file_that_is_too_long_is_damaged(tmp_path: Path) -> None:
    """No more than 16 MiB of it are read."""
    refused(tmp_path, json.dumps(written(FULL)) + " " * MAX_BYTES + "x")


def test_a_key_that_stands_twice_is_damage(tmp_path: Path) -> None:
    """Of two caps none is meant."""
    text = json.dumps(written(FULL)).replace('"cap": "10"', '"cap": "10", "cap": "99"', 1)
    assert_says(refused(tmp_path, text), "damaged", "cap", "twice")


def test_a_report_of_another_version_is_told(tmp_path: Path) -> None:
    """By its schema, or by a field that this version goes by and that one does not have."""
    other = written(FULL) | {"schema": "budget-gate/report/v2"}
    assert_says(refused(tmp_path, other, "version"), "version", "schema", "one version for both")
    older = written(FULL)
    del older["budgets"][0]["daily"]
    assert_says(refused(tmp_path, older, "version"), "version", "budgets.0.daily")


def test_a_policy_that_was_checked_offline_knows_no_spend(tmp_path: Path) -> None:
    """Its status is `unchecked`."""
    document = {"schema": "budget-gate/report/v1", "status": "unchecked"}
    assert_says(refused(tmp_path, document, "offline"), "--offline", "knows no spend")


Change = Callable[[dict[str, Any]], Any]


def at(path: str, value: Any) -> Change:
    """Puts a value at a path such as `budgets.0.cap`."""

    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = document
        for name in parents:
            place = place[int(name) if isinstance(place, list) else name]
        place[int(last) if isinstance(place, list) else last] = value

    return change


DAMAGE: dict[str, Change] = {
    "a status that there is not": at("status", "fine"),
    "a status that is better than that of its budgets": at("status", "ok"),
    "a status that is worse": at("status", "uncertain"),
    "a budget above its cap that is ok": at("budgets.0.status", "ok"),
    "a budget above its cap that warns": at("budgets.0.status", "warning"),
    "a budget that may be above its cap and is ok": at("budgets.4.status", "ok"),
    "a status that a budget cannot have": at("budgets.4.status", "unverified"),
    "a range that is upside down": at("budgets.0.spend", {"low": "12.4", "high": "12.3"}),
    "spend below zero": at("budgets.0.spend.low", "-1"),
    "spend that is no number": at("spend.low", "NaN"),
    "spend without end": at("spend.low", "Infinity"),
    "no spend": at("spend", None),
    "a cap that is no amount": at("budgets.0.cap", "ten"),
    "a time without an offset": at("as_of", "2026-11-22T16:00:00"),
    "a period of another time": at("period.end", "2026-11-22T17:00:00Z"),
    "a period of another month": at("period.start", "2026-10-01T00:00:00Z"),
    "a whole month that is none": at("whole_month", "true"),
    "evidence of later": at("evidence_as_of", "2026-11-22T16:00:01Z"),
    "evidence of another month": at("evidence_as_of", "2026-10-31T16:00:00Z"),
    "an address that is a command": at("base_url", "http://x\n::error::x"),
    "an address that is a link": at("base_url", "http://example.com/path"),
    "a line that there is not": at("budgets.0.line", 0),
    "a percentage that is none": at("prices.discount", "ten"),
    "a level that is none": at("budgets.0.warn_at", ["80"]),
    "more days than a month has": at("coverage.closed_days", 32),
    "a budget that stands twice": at("budgets.1.id", "workspaces.over"),
    "a budget that is none": at("budgets.0", "workspaces.over"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_what_cannot_be_is_damage(tmp_path: Path, change: Change) -> None:
    """A report that contradicts itself is no report of this program."""
    document = written(FULL)
    change(document)
    refused(tmp_path, document)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_times_at_the_end_of_the_calendar_are_damage(tmp_path: Path, year: str) -> None:
    """Their month has no end."""
    end = f"{year}-12-31T00:00:00Z"
    document = written(FULL) | {
        "as_of": end,
        "period": {"start": f"{year}-12-01T00:00:00Z", "end": end},
    }
    refused(tmp_path, document)


PATHS = [
    *("status", "as_of", "spend", "budgets", "notes", "basis", "organization", "prices"),
    *("judged_at", "whole_month", "coverage", "days", "workspaces", "models"),
    *(f"budgets.{index}.{key}" for index in range(8) for key in ("cap", "status", "enforced")),
    *(f"budgets.{index}.{key}" for index in range(8) for key in ("spend", "daily", "reserved")),
    *("budgets.1.daily.cap", "budgets.3.forecast.high", "budgets.3.pace.left", "days.0.spend"),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["0", "1e199", "9" * 200, "0." + "0" * 99 + "1", "1e9999", "ok", "list"]),
    st.builds(lambda low: {"low": low, "high": low}, st.sampled_from(["9" * 200, "1e-99"])),
    st.lists(st.text(max_size=3), max_size=2),
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(PATHS), VALUES)
def test_whatever_stands_there_is_judged_or_refused(
    tmp_path: Path, path: str, value: object
) -> None:
    """No field of a report can end in anything but a verdict of this month or a refusal, and both can be shown."""
    document = written(FULL._replace(judged_at=None))
    at(path, value)(document)
    report, code = gate.verdict(
        lambda: read(tmp_path, document), None, NOW + HOUR, 3 * HOUR, STRICT
    )
    assert code in (1, 3)
    render_text(report, "budget.yml", colour=False)
    render_markdown(report, "budget.yml")
    render_json(report, "budget.yml")


# What a stranger may have written


# A half of a letter is in no answer that can be read, so that no report has one.
@pytest.mark.parametrize(
    "text", [it for it in HOSTILE if "\ud800" not in it], ids=lambda it: repr(it)[:30]
)
def test_names_come_back_as_they_were(tmp_path: Path, text: str) -> None:
    """It is for the renderers to show them as text."""
    hostile = hostile_report(text)._replace(
        budgets=tuple(unique(hostile_report(text).budgets)), drivers=()
    )
    again = read(tmp_path, written(hostile._replace(previous_as_of=None)))
    assert [it.name for it in again.budgets] == [text] * 5
    assert render_markdown(again, "budget.yml") == render_markdown(
        hostile._replace(previous_as_of=None), "budget.yml"
    )


def unique(budgets: tuple[BudgetResult, ...]) -> list[BudgetResult]:
    """The budgets under ids of their own."""
    return [it._replace(id=f"workspaces.{at}") for at, it in enumerate(budgets)]


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("spend has reached 82.5% of the cap", True),
        ("spend is expected to cross the cap on 2026-11-28", True),
        ("today's spend and the reservation are within the cap", True),
        ("www.evil.example", False),
        ("<img src=x>", False),
        ("@octocat", False),
        ("line\n::error::pwned", False),
        ("[see](x)", False),
    ],
)
def test_a_reason_is_shown_only_in_words_of_this_program(
    tmp_path: Path,
    reason: str,
    shown: bool,  # noqa: FBT001 - one of two
) -> None:
    """The renderers take a reason for their own words, so that nothing of another kind may pass for one."""
    document = written(FULL)
    document["budgets"][0]["reason"] = reason
    assert read(tmp_path, document).budgets[0].reason == (reason if shown else "")


def test_further_fields_are_those_of_later_versions(tmp_path: Path) -> None:
    """They change nothing, as fields are only ever added."""
    document = written(FULL) | {"posted": {"at": "2026-11-22T16:00:00Z"}}
    assert read(tmp_path, document) == FULL


def test_times_with_an_offset_are_read_in_utc(tmp_path: Path) -> None:
    """17:00 in a zone one hour ahead is 16:00 UTC."""
    document = written(FULL)
    document["as_of"] = "2026-11-22T17:00:00+01:00"
    assert read(tmp_path, document).as_of == datetime(2026, 11, 22, 16, tzinfo=UTC)
