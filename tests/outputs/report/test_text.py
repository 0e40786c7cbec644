"""The report for a terminal: a line for each budget, and nothing that a third party may add."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.notes import Note
from budget_gate.domain.spend import PriceFacts
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import (
    STATUSES,
    BudgetResult,
    Cause,
    DailySpend,
    Driver,
    Status,
)
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.outputs.report.sentences import SHOWN
from budget_gate.outputs.report.text import render_error, render_text
from tests.helpers.builders import bounds
from tests.helpers.reports import (
    HOSTILE,
    NOW,
    hostile_report,
    large_report,
    make_budget,
    make_report,
)


def render(report: Report, policy: str = "budget.yml") -> str:
    """The report without colours, and no line broken."""
    return render_text(report, policy, colour=False)


def rows(text: str) -> list[str]:
    """The lines of the table of budgets."""
    return [line for line in text.splitlines() if "of $" in line and line.startswith("  ")]


def is_inert(text: str) -> bool:
    """Whether neither a terminal nor GitHub's runner makes more of a text than text.

    The runner takes a line for a command that begins, after white space, with `::`, or that holds
    `##[` anywhere.
    """
    return (
        text.replace("\n", "").isprintable()
        and not any(line.lstrip().startswith("::") for line in text.splitlines())
        and "##[" not in text
    )


def test_a_budget_is_one_line() -> None:
    """Status, name, bar, share, spend and cap: 6.82 of 10 fills 13 of the bar's 20 parts."""
    text = render(make_report("ok", make_budget("production", "6.82")))
    assert rows(text) == [
        "  ok  production  █████████████░░░░░░░  68.2%  $6.82 of $10.00",
    ]


def test_the_columns_of_all_budgets_stand_below_one_another() -> None:
    """Names and amounts of different lengths leave the bars where they are."""
    text = render(
        make_report(
            "breached",
            make_budget("a-long-name", "12000", "10", status="breached"),
            make_budget("b", "0.5", "10"),
        )
    )
    first, second = rows(text)
    assert first.index("█") == second.index("█") or first.index("█") == second.index("░")
    assert first.index(" of $") == second.index(" of $")


def test_the_verdict_is_the_first_line_and_the_period_the_second() -> None:
    """What was judged, and what it adds up to, below the verdict."""
    lines = render(make_report("ok", make_budget())).splitlines()
    assert lines[0].startswith("Within budget: ")
    assert lines[1] == (
        "budget.yml, Nov 1 to Nov 22, 16:00 UTC (21 full days + today): $5.00 at list prices"
    )


def test_the_second_line_tells_the_policy_and_the_prices() -> None:
    """Whose caps they are, and what the amount below the verdict stands for."""
    prices = PriceFacts(date(2026, 11, 20), ("claude-a", "claude-b"), Decimal("0.1"))
    text = render(make_report("ok", make_budget(), prices=prices), ".github/budget.yml")
    assert text.splitlines()[1] == (
        ".github/budget.yml, Nov 1 to Nov 22, 16:00 UTC (21 full days + today): "
        "$5.00 at list prices less 10%, own prices for 2 models"
    )


def test_the_share_of_a_range_is_the_largest_that_it_may_be() -> None:
    """In the table as in the headline."""
    text = render(make_report("ok", make_budget("b", "5", high="8.51")))
    assert "  up to 85.1%  $5.00 to $8.51 of $10.00" in text


def test_an_unverified_report_shows_the_period_alone() -> None:
    """Nothing is claimed to be covered, and the reason is told once."""
    note = Note("error", "http_401", "The key is wrong.")
    report = make_report("unverified", spend=None, coverage=None, prices=None, notes=(note,))
    assert render(report) == (
        "Spend unknown: The key is wrong.\nbudget.yml, Nov 1 to Nov 22, 16:00 UTC\n"
    )


def test_notes_follow_the_budgets() -> None:
    """One line each, with its level."""
    notes = (Note("warning", "partial", "A part is missing."), Note("info", "range", "A range."))
    text = render(make_report("ok", make_budget(), notes=notes))
    assert text.endswith("\n\n  warning: A part is missing.\n  info: A range.\n")


@pytest.mark.parametrize(
    ("spend", "high", "cap", "bar"),
    [
        ("0", None, "10", "░" * 20),
        ("0.49", None, "10", "░" * 20),
        ("0.5", None, "10", "█" + "░" * 19),
        ("9.99", None, "10", "█" * 19 + "░"),
        ("10", None, "10", "█" * 20),
        ("1000", None, "10", "█" * 20),
        ("5", "7.5", "10", "█" * 10 + "▒" * 5 + "░" * 5),
        ("5", "99", "10", "█" * 10 + "▒" * 10),
        ("5", "unlimited", "10", "█" * 10 + "▒" * 10),
        ("0", None, "0", "░" * 20),
        ("1", None, "0", "█" * 20),
        ("0", "1", "0", "▒" * 20),
        ("0", None, None, "░" * 20),
        ("1", None, None, "█" * 20),
        ("1" + "0" * 40, None, "0.000000000001", "█" * 20),
    ],
)
def test_the_bar_shows_what_is_surely_and_what_is_possibly_used(
    spend: str, high: str | None, cap: str | None, bar: str
) -> None:
    """Whole twentieths of the cap, rounded down, so that a full bar is a full cap."""
    text = render(make_report("ok", make_budget("b", spend, cap, high=high)))
    assert f"b  {bar}  " in text


def test_a_budget_that_only_warns_has_no_cap_to_show() -> None:
    """Its line says what it does instead."""
    text = render(make_report("warning", make_budget("new", "3", None, status="warning")))
    assert "$3.00 any spend warns" in text


def test_budgets_keep_the_order_of_the_report() -> None:
    """Worst first is the order that the report has."""
    names = ("worst", "middle", "best")
    lines = rows(render(make_report("ok", *(make_budget(name) for name in names))))
    assert [line.split()[1] for line in lines] == list(names)


def test_beyond_twenty_budgets_the_rest_is_counted() -> None:
    """Nothing is left out without being counted, with its states."""
    text = render(large_report(23))
    assert len(rows(text)) == SHOWN == 20
    assert "  and 3 more, all breached\n" in text


def test_twenty_budgets_are_all_shown() -> None:
    """At the limit there is no rest."""
    text = render(large_report(20))
    assert len(rows(text)) == 20
    assert " more, " not in text


@pytest.mark.parametrize("status", STATUSES)
def test_colour_is_there_when_asked_for(status: Status) -> None:
    """The verdict is coloured from its first to its last character, whatever it is."""
    report = make_report(status, make_budget(spend="12", status="breached"))
    first = render_text(report, "budget.yml", colour=True).splitlines()[0]
    assert first.startswith("\x1b[")
    assert first.endswith("\x1b[0m")


def test_colour_changes_nothing_but_the_colour() -> None:
    """Without its escapes the coloured report is the plain one."""
    report = make_report("breached", make_budget(spend="12", status="breached"), make_budget("b"))
    coloured = render_text(report, "budget.yml", colour=True)
    for escape in ("\x1b[31;1m", "\x1b[32m", "\x1b[0m"):
        assert escape in coloured
        coloured = coloured.replace(escape, "")
    assert coloured == render(report)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_third_partys_text_stays_text(hostile: str, status: Status) -> None:
    """Names and messages bring neither escapes nor lines nor commands of the runner."""
    text = render(hostile_report(hostile, status))
    assert is_inert(text)
    assert len(text.splitlines()) == len(render(hostile_report("name", status)).splitlines())


@given(hostile=st.text(max_size=200) | st.text("#[]: \n\x1b|", max_size=40))
def test_no_text_at_all_breaks_out(hostile: str) -> None:
    """Whatever characters a name has, and in whatever order."""
    text = render(hostile_report(hostile))
    assert is_inert(text)
    assert len(text.splitlines()) == len(render(hostile_report("name")).splitlines())


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("hostile", [*HOSTILE, "a " * 40 + "::error::x", "b " * 40 + "##[error]x"])
def test_no_word_becomes_a_command_where_lines_are_broken(hostile: str, status: Status) -> None:
    """In a narrow terminal any word of a text may come to begin a line."""
    for width in (40, 80):
        text = render_text(hostile_report(hostile, status), "budget.yml", colour=False, width=width)
        assert is_inert(text)


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_longer_than_the_terminal_is_wide(width: int) -> None:
    """Lines are broken between words, so that every amount stays whole."""
    report = make_report(
        "breached",
        make_budget("organization", "123456.78", "100000", status="breached", pace=paced("0")),
        make_budget(
            "data-pipeline-production", "8123.45", "10000", status="warning", high="8456.78"
        ),
        spend=bounds("123456.78"),
        notes=(Note("warning", "range", "A note that is long. " * 9),),
    )
    text = render_text(report, "budget.yml", colour=False, width=width)
    assert max(map(len, text.splitlines())) <= width
    wide = render(report)
    assert text.split() == wide.split()


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("cause", get_args(Cause))
@pytest.mark.parametrize("status", ["ok", "warning", "breached"])
def test_a_long_row_goes_over_several_lines(status: Status, cause: Cause, width: int) -> None:
    """Whatever it shows, no line is too long, and a range stays on one: `$63.00 to $64.00`."""
    wide = make_budget(
        "data-pipeline-production-europe",
        "231123.45",
        "240000",
        high="238123.45",
        status=status,
        cause=cause,
        reserved=Decimal(2000),
        forecast=Forecast(Decimal(282000), Decimal(285000), Decimal(287000), NOW.date()),
        daily=DailySpend(
            Decimal(50000), bounds("63000.16", "64000.16"), NOW.date(), bounds("64000.1", "65000")
        ),
    )
    text = render_text(make_report(status, wide), "budget.yml", colour=False, width=width)
    for row in text.splitlines():
        assert len(row) <= width
        assert not re.search(r"\$\S+ to$|\bup to$|\babout$|\bat least$", row)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_policys_name_stays_text(hostile: str) -> None:
    """A path is a text like any other."""
    breach = make_budget(spend="12", status="breached")
    assert is_inert(render(make_report("breached", breach), hostile))


def test_an_error_has_a_line_for_each_defect_and_its_remedy() -> None:
    """What is wrong, where it is, and what to do, in the order of the file."""
    problems = (
        Problem("budget.yml:2:3", "global.cpa", "unknown key", "did you mean 'cap'?", 2, 3),
        Problem("budget.yml:9:1", "", "this is not YAML", "", 9, 1),
    )
    error = ConfigurationError("budget.yml is not a valid policy", "see below", problems=problems)
    assert render_error(error) == (
        "budget-gate: budget.yml is not a valid policy\n"
        "  see below\n"
        "  budget.yml:2:3: global.cpa: unknown key\n"
        "      did you mean 'cap'?\n"
        "  budget.yml:9:1: this is not YAML\n"
    )


def test_an_error_fits_the_terminal() -> None:
    """No line is longer than it is wide, a further one is indented more, and no word is lost."""
    problems = (Problem("budget.yml:2:3", "global.cpa", "unknown key " * 9, "cap? " * 20, 2, 3),)
    error = ConfigurationError("wrong " * 30, "see below " * 12, problems=problems)
    narrow = render_error(error, 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.split() == render_error(error).split()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_errors_text_stays_text(hostile: str) -> None:
    """A policy may come from a stranger's pull request: its keys and values are quoted safely."""
    problem = Problem(f"{hostile}:1:1", hostile, hostile, hostile, 1, 1)
    error = ConfigurationError(hostile, hostile, problems=(problem,), file=hostile)
    assert is_inert(render_error(error))


# Pace, forecast and state


def paced(left: str = "5", today: Bounds | None = None, mean: str | None = "0.23") -> Pace:
    """A pace of 59 cents a day."""
    day = bounds("0.4") if today is None else today
    return Pace(Decimal(left), Decimal("0.59"), day, None if mean is None else Decimal(mean))


def forecast(crosses_on: date | None = None) -> Forecast:
    """A month-end of 7.25, or of 6 to 9."""
    return Forecast(Decimal(6), Decimal("7.25"), Decimal(9), crosses_on)


def below(result: BudgetResult) -> list[str]:
    """What stands below the line of the only budget, but for its reason."""
    lines = render(make_report(result.status, result)).splitlines()
    found = [line.strip() for line in lines[lines.index("") + 2 :]]
    return [line for line in found if line != result.reason]


def test_the_pace_and_the_forecast_stand_below_a_budget() -> None:
    """What is left, what may be spent a day, how today compares, and the month-end with its range."""
    result = make_budget(status="warning", pace=paced(), forecast=forecast())
    assert below(result) == [
        (
            "$5.00 left, $0.59 per day until month-end; $0.40 so far today (daily average $0.23); "
            "forecast for month-end: about $7.25 ($6.00 to $9.00)"
        )
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"pace": paced("0")}, "$0.40 so far today (daily average $0.23)"),
        (
            {"pace": paced(mean=None)},
            "$5.00 left, $0.59 per day until month-end; $0.40 so far today",
        ),
        (
            {"pace": paced(today=bounds("0.4", "1"))},
            (
                "$5.00 left, $0.59 per day until month-end; "
                "$0.40 to $1.00 so far today (daily average $0.23)"
            ),
        ),
        (
            {"pace": paced(today=bounds("0.4", "unlimited"), mean=None)},
            "$5.00 left, $0.59 per day until month-end; at least $0.40 so far today",
        ),
        ({"forecast": forecast()}, "forecast for month-end: about $7.25 ($6.00 to $9.00)"),
        (
            {"forecast": forecast(date(2026, 11, 22))},
            (
                "forecast for month-end: about $7.25 ($6.00 to $9.00); "
                "expected to cross the cap on Nov 22"
            ),
        ),
        (
            {"forecast": forecast(date(2026, 11, 30))},
            (
                "forecast for month-end: about $7.25 ($6.00 to $9.00); "
                "expected to cross the cap on Nov 30"
            ),
        ),
        (
            {"since": datetime(2026, 11, 2, 8, 30, tzinfo=UTC)},
            "first reported warning Nov 2, 08:30 UTC",
        ),
    ],
)
def test_what_is_known_of_a_budget_is_told(changes: dict[str, Any], line: str) -> None:
    """Each part by itself, and nothing in place of what is not known."""
    assert below(make_budget(status="warning", **changes)) == [line]


def test_a_cap_that_was_crossed_names_the_day() -> None:
    """The 22nd is today, and spend is above the cap already."""
    result = make_budget(spend="12", status="breached", forecast=forecast(date(2026, 11, 22)))
    assert below(result) == [
        "forecast for month-end: about $7.25 ($6.00 to $9.00); crossed the cap on Nov 22"
    ]


def test_nothing_stands_below_a_budget_of_which_no_more_is_known() -> None:
    """A report by an earlier one has neither pace nor forecast."""
    assert below(make_budget(status="warning")) == []


def test_a_budget_that_is_ok_is_one_line() -> None:
    """However much is known of it: there is nothing to do."""
    result = make_budget(pace=paced(), forecast=forecast())
    lines = render(make_report("ok", result)).splitlines()
    assert lines[lines.index("") + 2 :] == []


# What changed

THEN = datetime(2026, 11, 22, 15, tzinfo=UTC)
DRIVERS = (
    Driver("production", "claude-opus-5-5", Decimal("9.5"), Decimal("1.25")),
    Driver("default workspace", "no model", Decimal(3), Decimal(0)),
)


def changes(**fields: object) -> list[str]:
    """What a report says of changes: the lines between its budgets and its notes."""
    report = make_report("ok", make_budget(), notes=(Note("info", "range", "A range."),))
    lines = render(report._replace(**fields)).splitlines()  # type: ignore[arg-type]
    return lines[lines.index("") + 2 :]


def test_what_changed_stands_between_the_budgets_and_the_notes() -> None:
    """Since when, how much, and what drives it, one line each."""
    assert changes(previous_as_of=THEN, change=Decimal("1.75"), drivers=DRIVERS) == [
        "",
        "  Since the last report (Nov 22, 15:00 UTC): $1.75 spent.",
        "  claude-opus-5-5 in production: $9.50 today, usually $1.25 a day.",
        "  no model in default workspace: $3.00 today, usually $0.00 a day.",
        "",
        "  info: A range.",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Decimal("-0.5"), ": -$0.50 spent."),
        (Decimal(0), ": $0.00 spent."),
        (None, "."),
    ],
)
def test_a_change_may_be_negative_nothing_or_unknown(change: Decimal | None, told: str) -> None:
    """A correction of the usage takes spend back; a report that determined nothing has no amount."""
    assert changes(previous_as_of=THEN, change=change)[1] == (
        f"  Since the last report (Nov 22, 15:00 UTC){told}"
    )


def test_without_a_last_report_no_change_is_told() -> None:
    """Not even an empty line."""
    assert changes() == ["", "  info: A range."]
