"""The badge: what an endpoint badge of shields.io takes, in which green means what a green run means."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, DailySpend, Status
from budget_gate.outputs.report.badge import is_badge, render_badge, render_no_verdict
from tests.helpers.builders import bounds
from tests.helpers.reports import HOSTILE, MONTH, NOW, hostile_report, make_budget, make_report

ORGANIZATION = make_budget("organization", "1234.40", "5000", id="global")
NOT_ENFORCED = {"enforced": False}


def badge(report: Report, exit_code: int = 0) -> dict[str, Any]:
    """The badge of a run as a reader has it."""
    read: dict[str, Any] = json.loads(render_badge(report, exit_code))
    return read


def message(report: Report, exit_code: int = 0) -> str:
    """What stands on the right side."""
    told: str = badge(report, exit_code)["message"]
    return told


def is_green(shown: dict[str, Any]) -> bool:
    """Whether a reader takes it for a pass."""
    return "green" in shown["color"]


def test_the_badge_of_a_pass_is_as_shields_documents_it() -> None:
    """Four keys, spend and cap in whole dollars, and the day."""
    assert badge(make_report("ok", ORGANIZATION)) == {
        "schemaVersion": 1,
        "label": "Claude spend",
        "message": "ok: $1,234 of $5,000 (Nov 22)",
        "color": "brightgreen",
    }


def test_the_badge_of_a_breach_is_an_error() -> None:
    """Of which an address of shields cannot choose another colour."""
    breached = make_budget("research", "312.10", "250", status="breached")
    assert badge(make_report("breached", breached, ORGANIZATION), 1) == {
        "schemaVersion": 1,
        "label": "Claude spend",
        "message": "breached: research $312 of $250 (Nov 22)",
        "color": "red",
        "isError": True,
    }


@pytest.mark.parametrize(
    ("report", "code", "told", "colour"),
    [
        (make_report("unverified", spend=None), 3, "spend unknown (Nov 22)", "lightgrey"),
        (
            make_report("unverified", spend=bounds("5"), **NOT_ENFORCED),
            0,
            "not enforced, spend unknown (Nov 22)",
            "lightgrey",
        ),
        (
            make_report("breached", make_budget("a", "12", status="breached"), **NOT_ENFORCED),
            0,
            "not enforced, breached: a $12.00 of $10 (Nov 22)",
            "red",
        ),
        (
            make_report(
                "uncertain",
                make_budget(
                    "organization", "4900", "5000", high="5100", status="uncertain", id="global"
                ),
            ),
            3,
            "undecided: $4,900 to $5,100 of $5,000 (Nov 22)",
            "orange",
        ),
        (
            make_report(
                "warning",
                make_budget("organization", "4500", "5000", status="warning", id="global"),
                make_budget("a", "9", status="warning"),
            ),
            0,
            "warning: $4,500 of $5,000 and 1 more (Nov 22)",
            "yellow",
        ),
        (
            make_report("ok", ORGANIZATION, make_budget("a", decides=False)),
            0,
            "ok: $1,234 of $5,000, 1 not checked (Nov 22)",
            "yellow",
        ),
        (
            make_report("ok", ORGANIZATION, notes=(Note("warning", "partial", "A part."),)),
            0,
            "partial, ok: $1,234 of $5,000 (Nov 22)",
            "yellow",
        ),
        (make_report("ok", make_budget("a")), 0, "ok: $5.00 (Nov 22)", "brightgreen"),
        (
            make_report("ok", ORGANIZATION, notes=(Note("warning", "deep_discount", "Half."),)),
            0,
            "ok, see notes: $1,234 of $5,000 (Nov 22)",
            "brightgreen",
        ),
    ],
)
def test_each_verdict_has_its_words_and_colour(
    report: Report, code: int, told: str, colour: str
) -> None:
    """What was waived or left out is told, and is not green."""
    shown = badge(report, code)
    assert (shown["message"], shown["color"]) == (told, colour)
    assert shown.get("isError", False) is not (colour == "brightgreen")


@pytest.mark.parametrize("code", [1, 2, 3, 4])
@pytest.mark.parametrize("status", sorted(set(get_args(Status)) - {"unchecked"}))
def test_no_badge_is_green_where_the_run_does_not_end_in_0(status: Status, code: int) -> None:
    """An ok verdict among them: something of it was lost."""
    budget = make_budget("organization", id="global", status=status)
    assert not is_green(badge(make_report(status, budget), code))


@given(
    status=st.sampled_from(["ok", "warning", "uncertain", "breached", "unverified"]),
    enforced=st.booleans(),
    decides=st.booleans(),
    code=st.integers(0, 4),
)
def test_green_is_an_enforced_pass_of_every_budget(
    status: Status, *, enforced: bool, decides: bool, code: int
) -> None:
    """And of nothing else, whatever comes together."""
    budgets = (ORGANIZATION, make_budget("a", decides=decides))
    shown = badge(make_report(status, *budgets, enforced=enforced), code)
    assert is_green(shown) == (status == "ok" and enforced and decides and code == 0)


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (make_budget("a", "100.001", "100", status="breached"), "a $100.001 of $100"),
        (make_budget("a", "5000.40", "5000", status="breached"), "a $5,000.40 of $5,000"),
        (make_budget("a", "5000.60", "5000", status="breached"), "a $5,001 of $5,000"),
        (make_budget("a", "0.50", "0", status="breached"), "a $0.50 of $0"),
        (
            make_budget("a", "120", "100.5", high="unlimited", status="breached"),
            "a at least $120 of $100.5",
        ),
        (make_budget("a", "1", None, status="breached"), "a $1.00"),
        (
            make_budget(
                "a",
                "50",
                "1000",
                status="breached",
                cause="daily_cap",
                daily=DailySpend(Decimal(20), bounds("25"), NOW.date()),
            ),
            "a $25.00 of $20 a day",
        ),
        (
            make_budget(
                "a",
                "50",
                "1000",
                status="breached",
                cause="forecast",
                forecast=Forecast(Decimal(1100), Decimal(1200), Decimal(1300), None),
            ),
            "a $1,200 of $1,000 forecast",
        ),
    ],
)
def test_the_amounts_are_those_that_the_verdict_is_of(budget: BudgetResult, told: str) -> None:
    """On their side of the cap, however close."""
    assert message(make_report("breached", budget), 1) == f"breached: {told} (Nov 22)"


def test_the_day_is_that_of_what_is_told() -> None:
    """Of a breach that an earlier report proves, the day of that one."""
    budget = make_budget("a", "12", status="breached")
    report = make_report("breached", budget, evidence_as_of=NOW - timedelta(days=2))
    assert message(report, 1).endswith("(Nov 20)")


def test_a_whole_month_is_named() -> None:
    """With its year, as it ended."""
    last = MONTH.last
    report = make_report("ok", ORGANIZATION, period=Period(last.period.start, last.as_of))
    assert message(report) == "ok: $1,234 of $5,000 (October 2026)"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_one_short_line(text: str) -> None:
    """Whatever it holds; the file is ASCII on one line."""
    written = render_badge(hostile_report(text), 1)
    assert written.isascii()
    assert written.count("\n") == 1
    shown = json.loads(written)["message"]
    assert shown.isprintable()
    assert len(shown) <= 100


def test_no_verdict_is_an_error_of_no_colour_that_stands_for_one() -> None:
    """It is what a run leaves that came to none."""
    assert json.loads(render_no_verdict()) == {
        "schemaVersion": 1,
        "label": "Claude spend",
        "message": "no verdict",
        "color": "lightgrey",
        "isError": True,
    }


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (render_no_verdict(), True),
        ("version: 1\n", False),
        ("", False),
        ("[1]", False),
        ('{"schema": "budget-gate/report/v1"}', False),
        ('{"schemaVersion": 1, "label": "Claude spend", "message": "ok"}', True),
        ('{"schemaVersion": 1, "label": "coverage", "message": "91%"}', False),
        ('{"schemaVersion": 2, "label": "Claude spend", "message": "ok"}', False),
        ('{"schemaVersion": 1}', False),
        pytest.param("[" * 200_000, False, id="deep"),
    ],
)
def test_a_badge_is_told_from_other_files(text: str, *, is_one: bool) -> None:
    """By the version of its schema and its label; another tool's badge is left as it is."""
    assert is_badge(text) is is_one


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("breached", 1)])
def test_what_is_reserved_is_not_shown_as_spent(status: Status, code: int) -> None:
    """$440 were spent, and $4,999 are asked for."""
    whole = make_budget(
        "organization", "440", "5000", id="global", status=status, reserved=Decimal(4999)
    )
    told = message(make_report(status, whole), code)
    assert told.removeprefix(f"{status}: ") == "$440 + $4,999 reserved of $5,000 (Nov 22)"
