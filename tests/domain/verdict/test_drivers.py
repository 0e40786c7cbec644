"""Whose spend brought a budget to its state: that of today, of yesterday, or of the month."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budget_gate.domain.period import MonthToDate
from budget_gate.domain.spend import Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.results import BudgetResult
from tests.helpers.builders import bounds, budget, line, month_at, policy, spend_of_lines

LAB = "wrkspc_01LAB"
OLD = line(bounds("100"), LAB, model="claude-opus-5-5", day="2026-11-10")
NEW = line(bounds("3"), LAB, model="claude-haiku-5-5", day="2026-11-20")


def lab(cap: str, *lines: object, at: str = "2026-11-20T15:20:00Z") -> BudgetResult:
    """The budget of the one workspace that these lines are of."""
    spend = spend_of_lines(*lines, workspaces=(Workspace(LAB, "lab"),))  # type: ignore[arg-type]
    text = f"version: 1\nworkspaces: {{lab: {{{cap}}}}}\n"
    return budget(evaluate(policy(text), spend, month_at(at)), f"workspaces.{LAB}")


def test_what_was_over_its_cap_before_today_is_of_the_month() -> None:
    """100 USD of 50 came on the 10th: the 3 of today are not why."""
    found = lab("cap: 50", OLD, NEW)
    assert (found.status, found.driven_in) == ("breached", "month")
    assert [(it.model, it.month, it.today) for it in found.drivers] == [
        ("claude-opus-5-5", Decimal(100), Decimal(0)),
        ("claude-haiku-5-5", Decimal(3), Decimal(3)),
    ]


def test_what_crossed_its_cap_today_is_of_today() -> None:
    """100 USD of 102 were spent before, and the 3 of today are why it is above."""
    found = lab("cap: 102", OLD, NEW)
    assert (found.status, found.driven_in) == ("breached", "today")
    assert [it.model for it in found.drivers] == ["claude-haiku-5-5", "claude-opus-5-5"]


def test_a_daily_cap_of_yesterday_is_of_yesterday() -> None:
    """Early on the 20th the 19th is judged as well: 40 USD of 30, and what is spent today is not why."""
    before = line(bounds("40"), LAB, model="claude-opus-5-5", day="2026-11-19")
    found = lab("cap: 900, daily_cap: 30", before, NEW, at="2026-11-20T01:30:00Z")
    assert (found.status, found.cause, found.driven_in) == ("breached", "yesterday", "yesterday")
    assert found.reason == "yesterday's spend is above the daily cap"
    assert [(it.model, it.yesterday) for it in found.drivers] == [
        ("claude-opus-5-5", Decimal(40)),
        ("claude-haiku-5-5", Decimal(0)),
    ]


def test_of_as_much_today_what_costs_more_in_the_month_stands_first() -> None:
    """Then models by name, and three at most."""
    lines = [
        line(bounds(usd), LAB, model=model, day=f"2026-11-{day}")
        for model, usd, day in (
            *(("a", "5", 20), ("b", "5", 20), ("c", "5", 20), ("d", "9", 20)),
            ("c", "7", 12),
        )
    ]
    assert [it.model for it in lab("cap: 10", *lines).drivers] == ["d", "c", "a"]


def test_usage_of_no_model_drives_too() -> None:
    """It is named as what it is."""
    (driver,) = lab("cap: 1", line(bounds("3"), LAB, model=None)).drivers
    assert (driver.workspace, driver.model, driver.month) == ("lab", "no model", Decimal(3))


def test_a_month_that_has_ended_has_no_open_day() -> None:
    """What came on its last day is of the month."""
    spend = spend_of_lines(line(bounds("3"), LAB, day="2026-11-30"))
    month = MonthToDate(datetime(2026, 12, 1, tzinfo=UTC), is_whole=True)
    report = evaluate(policy(f"version: 1\nworkspaces: {{{LAB}: {{cap: 1}}}}\n"), spend, month)
    (driver,) = budget(report, f"workspaces.{LAB}").drivers
    assert (driver.month, driver.today, driver.usual) == (Decimal(3), Decimal(0), Decimal("0.1"))


@pytest.mark.parametrize(("high", "is_exact"), [("100", True), ("500", False)])
def test_what_is_known_of_a_range_is_not_all_of_it(high: str, is_exact: bool) -> None:  # noqa: FBT001
    """Its lower end is what is certain."""
    found = lab("cap: 50", line(bounds("100", high), LAB))
    (driver,) = found.drivers
    assert (driver.month, driver.is_exact) == (Decimal(100), is_exact)


@pytest.mark.parametrize(
    ("cap", "until", "lapsed"),
    [
        ("150", "2026-11-19", date(2026, 11, 19)),
        ("100", "2026-11-19", date(2026, 11, 19)),
        ("99.99", "2026-11-19", None),
        ("150", "2026-11-20", None),
    ],
)
def test_an_exception_that_would_still_hold_is_remembered(
    cap: str, until: str, lapsed: date | None
) -> None:
    """100 USD of 50 are a breach since it ended; a lower one was not why, and a live one has not."""
    text = (
        "version: 1\nglobal: {cap: 50}\nexceptions:\n"
        f"- {{budget: global, cap: {cap}, until: {until}, reason: launch}}\n"
    )
    report = evaluate(policy(text), spend_of_lines(OLD), month_at("2026-11-20T15:20:00Z"))
    assert budget(report, "global").lapsed == lapsed


def test_an_exception_that_has_ended_is_no_reason_of_what_is_no_breach_of_the_cap() -> None:
    """100 USD are within 200, and a daily cap had no exception."""
    ended = "exceptions: [{budget: global, cap: 300, until: 2026-11-19, reason: launch}]\n"
    for terms, cause in (("cap: 200", "cap"), ("cap: 200, daily_cap: 1", "daily_cap")):
        text = f"version: 1\nglobal: {{{terms}, forecast: off}}\n{ended}"
        report = evaluate(policy(text), spend_of_lines(OLD, NEW), month_at("2026-11-20T15:20:00Z"))
        found = budget(report, "global")
        assert (found.cause, found.lapsed) == (cause, None)


def test_the_place_is_that_of_the_cap_in_force() -> None:
    """With an exception it is the exception's: to raise the other one would change nothing."""
    text = (
        "version: 1\nglobal: {cap: 50}\nexceptions:\n"
        "- {budget: global, cap: 20, until: 2026-11-19, reason: over}\n"
        "- budget: global\n  cap: 60\n  until: 2026-11-30\n  reason: launch\n"
    )
    report = evaluate(policy(text), spend_of_lines(OLD), month_at("2026-11-20T15:20:00Z"))
    assert budget(report, "global").line == 6
    report = evaluate(policy(text), spend_of_lines(OLD), month_at("2026-12-01T15:20:00Z"))
    assert budget(report, "global").line == 2


def test_a_usual_day_is_the_mean_of_the_full_ones() -> None:
    """100 USD on 19 full days are 5.263157 a day; what two lines have of one model is one sum."""
    again = line(bounds("2"), LAB, model="claude-haiku-5-5", day="2026-11-20")
    opus, haiku = lab("cap: 50", OLD, NEW, again).drivers
    assert (opus.usual, haiku.usual) == (Decimal("5.263157"), Decimal(0))
    assert (haiku.month, haiku.today) == (Decimal(5), Decimal(5))


def test_on_the_first_day_nothing_is_usual() -> None:
    """There is no full day to go by."""
    (driver,) = lab(
        "cap: 1", line(bounds("3"), LAB, day="2026-11-01"), at="2026-11-01T15:20:00Z"
    ).drivers
    assert driver.usual is None


@pytest.mark.parametrize(
    ("budgets", "id_", "expected"),
    [
        ("workspaces: {wrkspc_01LAB: {cap: 1}}", f"workspaces.{LAB}", [(LAB, "claude-opus-5-5")]),
        (
            "groups: {g: {cap: 1, workspaces: [wrkspc_01WEB]}}",
            "groups.g",
            [("wrkspc_01WEB", "claude-haiku-5-5")],
        ),
        (
            "models: {claude-opus-5-5: {cap: 1}}",
            "models.claude-opus-5-5",
            [(LAB, "claude-opus-5-5")],
        ),
    ],
)
def test_a_budget_is_driven_by_what_it_is_about(
    budgets: str, id_: str, expected: list[tuple[str, str]]
) -> None:
    """Not by the spend of another workspace or model."""
    web = line(bounds("200"), "wrkspc_01WEB", model="claude-haiku-5-5", day="2026-11-20")
    spend = spend_of_lines(OLD, web, models=("claude-opus-5-5", "claude-haiku-5-5"))
    report = evaluate(policy(f"version: 1\n{budgets}\n"), spend, month_at("2026-11-20T15:20:00Z"))
    found = budget(report, id_)
    assert [(it.workspace, it.model) for it in found.drivers] == expected
