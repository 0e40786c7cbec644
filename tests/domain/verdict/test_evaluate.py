"""Spend meets caps exactly, and what is not known never reads as within them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note, NoteLevel
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens
from budget_gate.domain.verdict.evaluate import evaluate, unverified
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.terms import STRICT, FailOn, OnError, Terms, decide
from tests.helpers.builders import (
    AS_OF,
    MILLION,
    MONTH,
    NO_CAP,
    book,
    bounds,
    judged,
    key,
    policy,
    spend_of,
    spend_of_lines,
    usage_of,
)
from tests.helpers.wording import notes_with

NEW = "claude-unknown-9"


def status_of(text: str, cost: Bounds) -> Status:
    """The status of the one budget of a policy whose organization spent `cost`."""
    (result,) = judged(text, {None: cost}).budgets
    return result.status


def priced_report(
    text: str,
    *models: str,
    unknown_model: str = "fail",
    workspaces: tuple[Workspace, ...] | None = None,
) -> Report:
    """The report on a million output tokens of each model, priced by the book."""
    rows = ((key(model), Tokens(output=MILLION)) for model in models)
    usage = usage_of(rows, workspaces=workspaces)
    bounded = unknown_model == "upper_bound"
    spend = list_spend(price(usage, book()), unknown_model="upper_bound" if bounded else "fail")
    return evaluate(policy(text), spend, MONTH)


# Caps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spent", "status"),
    [
        ("0", "ok"),
        ("7.999999999999", "ok"),
        ("8", "warning"),
        ("9.999999999999", "warning"),
        ("10", "warning"),
        ("10.000", "warning"),
        ("10.000000000001", "breached"),
        ("10.004", "breached"),
        ("11", "breached"),
    ],
)
def test_breach_is_spend_above_the_cap(spent: str, status: str) -> None:
    """Spend that equals its cap is within it, and a fraction of a cent above it is not."""
    assert status_of("version: 1\nglobal: {cap: 10.00}\n", bounds(spent)) == status


@pytest.mark.parametrize(
    ("text", "cost", "reason"),
    [
        ("global: {cap: 10}", bounds("1"), "spend is within the cap"),
        ("global: {cap: 10}", bounds("11"), "spend is above the cap"),
        ("global: {cap: 10}", bounds("8"), "spend has reached 80% of the cap"),
        (
            "global: {cap: 10}",
            bounds("9", "11"),
            "it is not known whether spend is above the cap",
        ),
        (
            "global: {cap: 10}\nspend: {uncertain: warn}",
            bounds("9", "11"),
            "it is not known whether spend is above the cap",
        ),
        (
            "global: {cap: 10}",
            bounds("0", "unlimited"),
            "there is no upper bound of the spend, so it may be above the cap",
        ),
        (
            "unlisted: warn",
            bounds("1"),
            "the workspace is not listed in the policy and has spend",
        ),
    ],
)
def test_each_verdict_has_its_reason(text: str, cost: Bounds, reason: str) -> None:
    """A reader is told in words why a budget stands as it does."""
    (result,) = judged(f"version: 1\n{text}\n", {None: cost}).budgets
    assert result.reason == reason


def test_exact_sum_is_compared() -> None:
    """Ten times 0.1 is exactly 1, which a sum of floats would miss."""
    costs = {f"wrkspc_{number}": bounds("0.1") for number in range(10)}
    (result,) = judged("version: 1\nglobal: {cap: 1, warn_at: [100%]}\n", costs).budgets
    assert (result.spend, result.status) == (bounds("1"), "warning")


def test_huge_spend_is_compared_to_the_last_digit() -> None:
    """One millionth above a cap of fifteen digits is above it."""
    text = "version: 1\nglobal: {cap: 999999999999999}\n"
    assert status_of(text, bounds("999999999999999.000000000000000001")) == "breached"


@pytest.mark.parametrize(
    ("spent", "status", "level"),
    [
        ("49.999999", "ok", None),
        ("50", "warning", "50%"),
        ("94.99", "warning", "50%"),
        ("95", "warning", "95%"),
        ("99.4999", "warning", "95%"),
        ("99.5", "warning", "99.5%"),
        ("100", "warning", "99.5%"),
    ],
)
def test_warning_levels(spent: str, status: str, level: str | None) -> None:
    """A level warns from exactly its part of the cap on, and the highest one is named."""
    text = "version: 1\nglobal: {cap: 100, warn_at: [99.5%, 50%, 95%]}\n"
    (result,) = judged(text, {None: bounds(spent)}).budgets
    assert result.status == status
    if level:
        assert f" {level} " in result.reason


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        ("5", "7.99", "ok"),
        ("5", "8", "warning"),
        ("5", "10", "warning"),
        ("5", "10.01", "uncertain"),
        ("10", "10.01", "uncertain"),
        ("10.01", "10.02", "breached"),
        ("0", "unlimited", "uncertain"),
        ("10.01", "unlimited", "breached"),
    ],
)
def test_range_of_spend(low: str, high: str, status: str) -> None:
    """A range that the cap lies in is uncertain; beyond it, a breach; below, judged by its end."""
    assert status_of("version: 1\nglobal: {cap: 10}\n", bounds(low, high)) == status


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        ("5", "7.99", "ok"),
        ("5", "10.01", "warning"),
        ("10.01", "10.02", "breached"),
        ("0", "unlimited", "uncertain"),
    ],
)
def test_uncertain_may_be_a_warning(low: str, high: str, status: str) -> None:
    """A policy may take an uncertain budget for a warning, but not one without any bound."""
    text = "version: 1\nglobal: {cap: 10}\nspend: {uncertain: warn}\n"
    assert status_of(text, bounds(low, high)) == status


@given(
    st.decimals(0, 10**9, places=6),
    st.decimals(0, 10**9, places=6),
    st.decimals(0, 10**9, places=6),
)
def test_status_follows_from_the_bounds(cap: Decimal, one: Decimal, other: Decimal) -> None:
    """Breached means above for certain, uncertain means perhaps, and all else is within."""
    low, high = sorted((one, other))
    status = status_of(f"version: 1\nglobal: {{cap: {cap:f}}}\n", Bounds(low, high))
    assert (status == "breached") == (low > cap)
    assert (status == "uncertain") == (low <= cap < high)
    assert (status in ("ok", "warning")) == (high <= cap)


# The status of the report ------------------------------------------------------------------------


def test_report_has_the_worst_status() -> None:
    """One breach is a breached month, however well the other budgets stand."""
    text = "version: 1\nglobal: {cap: 100}\nworkspaces: {default: {cap: 1}}\n"
    report = judged(text, {None: bounds("2")})
    assert [result.status for result in report.budgets] == ["breached", "ok"]
    assert report.status == "breached"


@pytest.mark.parametrize(
    ("cost", "status"),
    [
        (bounds("1"), "ok"),
        (bounds("8"), "warning"),
        (bounds("1", "11"), "uncertain"),
        (bounds("11"), "breached"),
    ],
)
def test_report_status_of_one_budget(cost: Bounds, status: str) -> None:
    """A report of one budget has that budget's status."""
    assert judged("version: 1\nglobal: {cap: 10}\n", {None: cost}).status == status


def test_no_budget_in_play_is_ok() -> None:
    """Where only unlisted spend would count and there is none, all is well."""
    assert judged("version: 1\nunlisted: fail\n", {}).status == "ok"


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nglobal: {cap: 1000000}\n",
        "version: 1\nglobal: {cap: 1000000}\nspend: {uncertain: warn}\n",
        "version: 1\nworkspaces: {default: {cap: 1000000}}\nspend: {uncertain: warn}\n",
        "version: 1\nworkspaces: {wrkspc_01PROD: {cap: 1}}\nspend: {uncertain: warn}\n",
        "version: 1\nunlisted: warn\n",
    ],
)
def test_unpriced_usage_is_never_ok(text: str) -> None:
    """With usage of an unknown price no spend is determined, whichever budgets it touches."""
    usage = usage_of(
        [(key(NEW), Tokens(output=1))], workspaces=(Workspace("wrkspc_01PROD", "production"),)
    )
    spend = list_spend(price(usage, book()), unknown_model="fail")
    report = evaluate(policy(text), spend, MONTH)
    assert report.status == "unverified"
    assert decide(report, STRICT) == (report, 3)


def test_breach_wins_over_unpriced_usage() -> None:
    """Known spend above the cap is a breach, whatever is unknown besides: 20 of a cap of 10."""
    report = priced_report("version: 1\nglobal: {cap: 10}\n", "claude-opus-5-5", NEW)
    assert report.status == "breached"
    assert decide(report, STRICT)[1] == 1


def test_bounded_unknown_model_within_the_cap_is_ok() -> None:
    """Where the policy bounds an unknown model, at most 165 is within a cap of 1000."""
    text = "version: 1\nglobal: {cap: 1000}\n"
    report = priced_report(text, NEW, unknown_model="upper_bound")
    assert report.status == "ok"
    assert decide(report, STRICT) == (report, 0)


def test_bounded_unknown_model_around_the_cap_is_uncertain() -> None:
    """Between nothing and 165 there is a cap of 100: nobody knows."""
    text = "version: 1\nglobal: {cap: 100}\n"
    report = priced_report(text, NEW, unknown_model="upper_bound")
    assert report.status == "uncertain"
    assert decide(report, STRICT) == (report, 3)


def test_unread_spend_is_unverified() -> None:
    """Where no spend could be read the report says why, and has no number."""
    note = Note("error", "unreachable", "The API does not answer.")
    report = unverified(NO_CAP, MONTH, (note,))
    assert (report.status, report.spend, report.budgets) == ("unverified", None, ())
    assert report.notes == (note,)
    assert report.period == MONTH.period
    assert report.price_age_days is None


@pytest.mark.parametrize(
    ("text", "cap"),
    [("global: {cap: 10.50}", Decimal("10.50")), ("workspaces: {default: {cap: 1}}", None)],
)
def test_the_cap_of_a_report_is_the_global_one(text: str, cap: Decimal | None) -> None:
    """With spend or without; a workspace's cap is not that of the organization."""
    file = policy(f"version: 1\n{text}\n")
    assert evaluate(file, spend_of({}), MONTH).cap == cap
    assert unverified(file, MONTH, ()).cap == cap


# Exit codes --------------------------------------------------------------------------------------

WITHIN: Mapping[str | None, Bounds] = {None: bounds("1")}


ONE = "version: 1\nglobal: {cap: 10}\n"
TWO = "version: 1\nglobal: {cap: 10}\nworkspaces: {default: {cap: 100}}\n"

# A report in each state that the table of exit codes tells apart.
CASES: Mapping[str, Report] = {
    "ok": judged(ONE, {None: bounds("1")}),
    "warning": judged(ONE, {None: bounds("8")}),
    "uncertain": judged(ONE, {None: bounds("1", "11")}),
    "uncertain as a warning": judged(
        f"{ONE}spend: {{uncertain: warn}}\n", {None: bounds("1", "11")}
    ),
    "breached": judged(ONE, {None: bounds("11")}),
    "warning and uncertain": judged(TWO, {None: bounds("9", "85")}),
    "breached and warning": judged(TWO, {None: bounds("85")}),
    "breached and uncertain": judged(TWO, {None: bounds("11", "101")}),
    "unpriced": priced_report(ONE, NEW),
    "unpriced and untouched": priced_report(
        "version: 1\nworkspaces: {idle: {cap: 1}}\n",
        NEW,
        workspaces=(Workspace("wrkspc_01A", "idle"),),
    ),
    "unpriced and unknown": priced_report(
        "version: 1\nworkspaces: {idle: {cap: 1}}\nnames: {wrkspc_01A: idle}\n", NEW
    ),
    "unknown": judged("version: 1\nworkspaces: {wrkspc_01A: {cap: 1}}\n", WITHIN, workspaces=None),
    "breached by evidence": judged(ONE, {None: bounds("11", "unlimited")})._replace(
        evidence_as_of=AS_OF
    ),
    "unpriced and warning": priced_report("version: 1\nunlisted: warn\n", NEW),
    "unpriced and breached": priced_report(ONE, NEW, "claude-opus-5-5"),
    "unverified": unverified(NO_CAP, MONTH, (Note("error", "no_credential", "There is no key."),)),
}


# For each state: the exit code of every --fail-on and --on-error, and whether it was enforced.
# `*` marks a run that was told to let its status pass.
EXITS = """
                         breach/fail breach/warn warning/fail warning/warn never/fail never/warn
ok                       0           0           0            0            0          0
warning                  0           0           1            1            0          0
uncertain                3           0*          3            0*           3          0*
uncertain as a warning   0           0           1            1            0          0
breached                 1           1           1            1            0*         0*
warning and uncertain    3           0*          1            1            3          0*
breached and warning     1           1           1            1            0*         0*
breached and uncertain   1           1           1            1            3          0*
unpriced                 3           0*          3            0*           3          0*
unpriced and untouched   3           0*          3            0*           3          0*
unpriced and unknown     3           0*          1            1            3          0*
unknown                  0           0           1            1            0          0
breached by evidence     1           1           1            1            3          0*
unpriced and warning     3           0*          1            1            3          0*
unpriced and breached    1           1           1            1            3          0*
unverified               3           0*          3            0*           3          0*
"""


def exits() -> list[tuple[str, FailOn, OnError, str]]:
    """The cells of the table above."""
    fail_on: tuple[FailOn, ...] = ("breach", "warning", "never")
    on_error: tuple[OnError, ...] = ("fail", "warn")
    cells: list[tuple[str, FailOn, OnError, str]] = []
    for line in EXITS.strip().splitlines()[1:]:
        *name, a, b, c, d, e, f = line.split()
        for (breach, error), cell in zip(
            product(fail_on, on_error), (a, b, c, d, e, f), strict=True
        ):
            cells.append((" ".join(name), breach, error, cell))
    assert {name for name, *_ in cells} == set(CASES)
    return cells


@pytest.mark.parametrize(("name", "fail_on", "on_error", "cell"), exits())
def test_exit_codes(name: str, fail_on: FailOn, on_error: OnError, cell: str) -> None:
    """The exit code is that of the table, and a run that lets its status pass says so."""
    report, code = decide(CASES[name], Terms(fail_on, on_error))
    assert code == int(cell[0])
    assert report.enforced == (not cell.endswith("*"))


@pytest.mark.parametrize(("name", "fail_on", "on_error", "cell"), exits())
def test_deciding_changes_nothing_but_enforcement(
    name: str, fail_on: FailOn, on_error: OnError, cell: str
) -> None:
    """Letting a run pass does not make its report look better."""
    report, _ = decide(CASES[name], Terms(fail_on, on_error))
    assert (report.status, report.spend, report.budgets, report.notes) == (
        CASES[name].status,
        CASES[name].spend,
        CASES[name].budgets,
        CASES[name].notes,
    ), cell


# What the report shows ---------------------------------------------------------------------------


def line(day: int, workspace: str | None, model: str | None, cost: Bounds) -> SpendLine:
    """A line of November."""
    return SpendLine(
        day=date(2026, 11, day), workspace=workspace, model=model, cost=cost, basis="list"
    )


LINES = (
    line(3, None, "claude-opus-5-5", bounds("1")),
    line(3, "wrkspc_01B", "claude-haiku-5-5", bounds("2", "4")),
    line(5, "wrkspc_01A", "claude-opus-5-5", bounds("3")),
    line(5, "wrkspc_01A", None, bounds("1")),
    line(5, "wrkspc_01C", "claude-sonnet-5-5", bounds("4")),
)
GLOBAL = "version: 1\nglobal: {cap: 100}\n"


def test_spend_is_added_up_in_every_direction() -> None:
    """Total, workspaces, models and days are sums of the same lines."""
    listed = (Workspace("wrkspc_01A", "alpha"), Workspace("wrkspc_01B", "beta", archived=True))
    report = evaluate(policy(GLOBAL), spend_of_lines(*LINES, workspaces=listed), MONTH)
    assert report.spend == bounds("11", "13")
    assert [(row.id, row.name, row.archived, row.spend) for row in report.workspaces] == [
        ("wrkspc_01A", "alpha", False, bounds("4")),
        ("wrkspc_01C", "wrkspc_01C", False, bounds("4")),
        ("wrkspc_01B", "beta", True, bounds("2", "4")),
        (None, "default workspace", False, bounds("1")),
    ]
    assert [(row.id, row.spend) for row in report.models] == [
        ("claude-opus-5-5", bounds("4")),
        ("claude-sonnet-5-5", bounds("4")),
        ("claude-haiku-5-5", bounds("2", "4")),
        (None, bounds("1")),
    ]
    assert {row.day.day: row.spend for row in report.days if row.spend.high} == {
        3: bounds("3", "5"),
        5: bounds("8"),
    }


def test_every_day_of_the_month_to_date_is_shown() -> None:
    """A day without usage is a day of nothing, and they stand in order."""
    report = evaluate(policy(GLOBAL), spend_of_lines(*LINES), MONTH)
    assert [row.day for row in report.days] == [date(2026, 11, day) for day in range(1, 21)]


def test_first_instant_of_a_month_has_a_report() -> None:
    """At 00:00:00Z of the 1st nothing was spent, and that is a report and no failure."""
    month = MonthToDate(datetime(2026, 12, 1, tzinfo=UTC))
    report = evaluate(policy(GLOBAL), spend_of({}), month)
    assert (report.status, report.spend, report.days) == ("ok", bounds("0"), ())


def test_order_of_lines_does_not_matter() -> None:
    """However a source orders its lines, the report is the same to the last row."""
    text = "version: 1\nglobal: {cap: 100}\nunlisted: {cap: 4}\n"
    reports = [
        evaluate(policy(text), spend_of_lines(*order), MONTH) for order in permutations(LINES)
    ]
    assert all(report == reports[0] for report in reports)


def test_order_of_the_default_and_unattributed_usage_does_not_matter() -> None:
    """Equal spend of the default workspace and of none that is known stands in one order."""
    lines = (line(3, None, None, bounds("1")), line(3, UNATTRIBUTED, None, bounds("1")))
    first, second = (
        evaluate(policy(GLOBAL), spend_of_lines(*order), MONTH) for order in permutations(lines)
    )
    assert first == second
    assert [row.id for row in first.workspaces] == [None, UNATTRIBUTED]


def test_equal_spend_stands_in_the_order_of_ids() -> None:
    """A model without a name and the default workspace come before those that have an id."""
    ids = ("A", None, UNATTRIBUTED, "Z")
    lines = (line(3, one, one or None, bounds("1")) for one in ids)
    report = evaluate(policy(GLOBAL), spend_of_lines(*lines), MONTH)
    assert [row.id for row in report.workspaces] == [None, UNATTRIBUTED, "A", "Z"]
    lines = (line(3, None, one, bounds("1")) for one in ("A", None, "Z"))
    report = evaluate(policy(GLOBAL), spend_of_lines(*lines), MONTH)
    assert [row.id for row in report.models] == [None, "A", "Z"]


def test_budgets_stand_worst_first() -> None:
    """Budgets are ordered by status, then by how near to their caps they are, then by id."""
    text = (
        "version: 1\nglobal: {cap: 1000}\nworkspaces:\n"
        "  wrkspc_ok_b: {cap: 100}\n  wrkspc_ok_a: {cap: 100}\n  wrkspc_ok_more: {cap: 100}\n"
        "  wrkspc_warned: {cap: 10}\n  wrkspc_breached: {cap: 1}\n  wrkspc_perhaps: {cap: 1}\n"
    )
    costs = {
        "wrkspc_ok_b": bounds("5"),
        "wrkspc_ok_a": bounds("5.00"),
        "wrkspc_ok_more": bounds("6"),
        "wrkspc_warned": bounds("9"),
        "wrkspc_breached": bounds("2"),
        "wrkspc_perhaps": bounds("0", "3"),
    }
    report = judged(text, costs, workspaces=None)
    assert [result.id for result in report.budgets] == [
        "workspaces.wrkspc_breached",
        "workspaces.wrkspc_perhaps",
        "workspaces.wrkspc_warned",
        "workspaces.wrkspc_ok_more",
        "workspaces.wrkspc_ok_a",
        "workspaces.wrkspc_ok_b",
        "global",
    ]


def test_report_carries_what_it_was_made_of() -> None:
    """The instant, the period, the coverage and the prices are those of the run."""
    spend = spend_of(WITHIN, notes=(Note("info", "partial", "A part."),))
    report = evaluate(policy(GLOBAL), spend, MONTH)
    assert report.as_of == MONTH.as_of
    assert report.period == MONTH.period
    assert report.coverage == spend.coverage
    assert report.prices == spend.prices
    assert report.notes == spend.notes
    assert report.enforced


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (0, None),
        (29, None),
        (30, "info"),
        (89, "info"),
        (90, "warning"),
        (400, "warning"),
    ],
)
def test_stale_prices_are_told(age: int, level: NoteLevel | None) -> None:
    """From 30 days on a price book is noted as old, and from 90 days on it is warned of."""
    verified_on = MONTH.as_of.date() - timedelta(days=age)
    report = evaluate(policy(GLOBAL), spend_of(WITHIN, verified_on=verified_on), MONTH)
    assert report.price_age_days == age
    message = (
        f"Prices were last checked on {verified_on}, {age} days before this report. Update "
        "budget-gate."
    )
    assert notes_of(report, "stale_prices") == (
        [Note(level, "stale_prices", message)] if level else []
    )


def test_prices_of_a_later_day_have_no_age() -> None:
    """A month of the past is judged at the prices of today: they are not days younger than new."""
    verified_on = MONTH.as_of.date() + timedelta(days=5)
    report = evaluate(policy(GLOBAL), spend_of(WITHIN, verified_on=verified_on), MONTH)
    assert report.price_age_days == 0
    assert notes_with(report.notes, "stale_prices") == []


def notes_of(report: Report, code: str) -> list[Note]:
    """The notes of one code."""
    return notes_with(report.notes, code)


def test_workspaces_that_no_list_has_are_told() -> None:
    """All are counted and five named, in order; the default workspace has no place in a list."""
    costs: dict[str | None, Bounds] = {f"wrkspc_0{number}": bounds("1") for number in range(8)}
    costs[None] = bounds("1")
    listed = (Workspace("wrkspc_00", "zero"),)
    (note,) = notes_of(judged(GLOBAL, costs, workspaces=listed), "unlisted_workspaces")
    assert note.level == "info"
    named = ", ".join(f"wrkspc_0{number}" for number in range(1, 6))
    assert note.message == f"The usage has workspaces that are not listed (7): {named}."


@pytest.mark.parametrize(
    ("text", "workspaces"),
    [
        (GLOBAL, (Workspace("wrkspc_01A", "alpha"),)),
        (f"{GLOBAL}names: {{wrkspc_01A: alpha}}\n", ()),
        (GLOBAL, None),
    ],
)
def test_workspaces_that_are_known_are_not_told(
    text: str, workspaces: tuple[Workspace, ...] | None
) -> None:
    """Listed, named by the policy, or compared with no list at all."""
    report = judged(text, {"wrkspc_01A": bounds("1"), None: bounds("1")}, workspaces=workspaces)
    assert notes_of(report, "unlisted_workspaces") == []


@pytest.mark.parametrize(("name", "count"), [("default", 1), ("Default", 0), ("defaults", 0)])
def test_a_workspace_called_default_is_told(name: str, count: int) -> None:
    """A policy's key of that name means another one."""
    report = judged(GLOBAL, {}, workspaces=(Workspace("wrkspc_01A", name),))
    message = "A workspace is called default: in the policy, that key is the default workspace."
    assert notes_of(report, "default_name") == [Note("warning", "default_name", message)] * count


def test_a_month_of_no_length_is_told() -> None:
    """At its first instant nothing can have been spent, which is no proof of anything."""
    first = MonthToDate(datetime(2026, 12, 1, tzinfo=UTC))
    (note,) = notes_of(evaluate(policy(GLOBAL), spend_of({}), first), "empty_month")
    assert (note.level, note.message) == (
        "warning",
        "The month has just begun: there is nothing to judge yet.",
    )
    later = MonthToDate(datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC))
    assert notes_of(evaluate(policy(GLOBAL), spend_of({}), later), "empty_month") == []


def test_stale_prices_change_no_status() -> None:
    """Old prices are told, and do not fail a run by themselves."""
    report = evaluate(policy(GLOBAL), spend_of(WITHIN, verified_on=date(2020, 1, 1)), MONTH)
    assert decide(report, Terms("warning")) == (report, 0)
