"""What changed since the last report, and which workspaces and models drive today's spend."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate import gate
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note, NoteLevel
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.changes import since_last
from budget_gate.domain.verdict.drivers import rises
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import Driver, Status
from budget_gate.domain.verdict.terms import STRICT
from tests.helpers.builders import MONTH, Costs, bounds, budget, policy, spend_of
from tests.helpers.reports import make_budget, make_report

TODAY: Final = date(2026, 11, 20)
ALPHA, BETA = "wrkspc_01A", "wrkspc_01B"
OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-5-5"
LISTED = (Workspace(ALPHA, "alpha"), Workspace(BETA, "beta"))
NAMES: Mapping[str | None, Workspace] = {
    None: Workspace(None, "default workspace"),
    UNATTRIBUTED: Workspace(UNATTRIBUTED, "not separated by the report"),
    **{workspace.id: workspace for workspace in LISTED},
}
CAP = "version: 1\nglobal: {cap: 20, forecast: off}\n"
BOTH = (
    "version: 1\nworkspaces:\n  alpha: {cap: 10, forecast: off}\n  beta: {cap: 10, forecast: off}\n"
)
THEN = MONTH.as_of - timedelta(hours=3)


def line(
    cost: str | Bounds,
    days_ago: int = 0,
    workspace: str | None = ALPHA,
    model: str | None = OPUS,
) -> SpendLine:
    """What a workspace spent on a model some days before today."""
    amount = cost if isinstance(cost, Bounds) else bounds(cost)
    return SpendLine(workspace, TODAY - timedelta(days=days_ago), model, amount, "list")


def spend(*lines: SpendLine, history: tuple[SpendLine, ...] = ()) -> Spend:
    """A spend of those lines, in two workspaces and the default one."""
    return spend_of({None: bounds("0")}, workspaces=LISTED)._replace(lines=lines, history=history)


def driven(*lines: SpendLine, history: tuple[SpendLine, ...] = ()) -> tuple[Driver, ...]:
    """The drivers of 20 November."""
    return rises(spend(*lines, history=history), MONTH, NAMES)


def driver(workspace: str, model: str, today: str, usual: str) -> Driver:
    """A driver by its amounts."""
    return Driver(workspace, model, Decimal(today), Decimal(usual))


# Drivers


def test_today_is_held_against_the_mean_of_the_week_before() -> None:
    """14 dollars on seven days are 2 a day, whichever of the days they were spent on."""
    found = driven(line("5"), line("10", 1), line("4", 7))
    assert found == (driver("alpha", OPUS, "5", "2"),)


@pytest.mark.parametrize(("days_ago", "usual"), [(0, "0"), (1, "1"), (7, "1"), (8, "0")])
def test_the_week_is_the_seven_days_before_today(days_ago: int, usual: str) -> None:
    """Neither today nor the day a week and a day ago is one of them."""
    (found,) = driven(line("20"), line("7", days_ago))
    assert found.usual == Decimal(usual)


def test_workspaces_and_models_are_told_apart() -> None:
    """The same model elsewhere, and another one in the same place, are other drivers."""
    found = driven(
        line("9"),
        line("8", workspace=BETA),
        line("7", model=HAIKU),
        line("70", 2, workspace=BETA, model=HAIKU),
    )
    assert found == (
        driver("alpha", OPUS, "9", "0"),
        driver("beta", OPUS, "8", "0"),
        driver("alpha", HAIKU, "7", "0"),
    )


def test_the_lines_of_a_day_are_added_up() -> None:
    """However many lines the spend of a workspace on a model has."""
    found = driven(line("1"), line("2"), line("3.5", 1), line("3.5", 1))
    assert found == (driver("alpha", OPUS, "3", "1"),)


def test_the_largest_rise_comes_first() -> None:
    """A rise of 5 from nothing goes before one of 4 to a larger amount."""
    found = driven(
        line("14", workspace=BETA), *(line("10", day, BETA) for day in range(1, 8)), line("5")
    )
    assert [it.workspace for it in found] == ["alpha", "beta"]


def test_at_most_three_drivers_are_told() -> None:
    """Those with the largest rises of four."""
    found = driven(
        line("1"), line("4", model=HAIKU), line("3", workspace=BETA), line("2", workspace=None)
    )
    assert [str(it.today) for it in found] == ["4", "3", "2"]


def test_equal_rises_stand_by_name() -> None:
    """So that the same spend always gives the same report."""
    found = driven(
        line("2", workspace=BETA), line("2", workspace=None), line("2"), line("2", model=HAIKU)
    )
    assert [(it.workspace, it.model) for it in found] == [
        ("alpha", HAIKU),
        ("alpha", OPUS),
        ("beta", OPUS),
    ]


@pytest.mark.parametrize("today", ["2", "1.99"])
def test_what_does_not_rise_drives_nothing(today: str) -> None:
    """A day like the others, and one below them, explain no change."""
    assert driven(line(today), *(line("2", day) for day in range(1, 8))) == ()


def test_what_ended_drives_nothing() -> None:
    """Spend of last week and none today is a fall."""
    assert driven(line("70", 1)) == ()


def test_spend_of_nothing_drives_nothing() -> None:
    """A line of usage that was free is no rise."""
    assert driven(line("0")) == ()


def test_days_before_the_month_are_days_of_the_week() -> None:
    """On the 3rd, five of the seven days are of October: 2 dollars on each of seven are 2."""
    now = MonthToDate(datetime(2026, 11, 3, 12, tzinfo=UTC))
    month = (line("9", 17), line("2", 18), line("2", 19))
    before = tuple(line("2", days) for days in range(20, 25))
    found = rises(spend(*month, history=before), now, NAMES)
    assert found == (driver("alpha", OPUS, "9", "2"),)


@pytest.mark.parametrize(("day", "count"), [(1, 0), (7, 0), (8, 1), (20, 1)])
def test_a_week_that_is_not_known_whole_has_no_mean_day(day: int, count: int) -> None:
    """Where the days before the month were not read, the first with a week before it is the 8th."""
    month = MonthToDate(datetime(2026, 11, day, 12, tzinfo=UTC))
    assert len(rises(spend(line("5", 20 - day))._replace(history=None), month, NAMES)) == count
    assert len(rises(spend(line("5", 20 - day)), month, NAMES)) == 1


def test_a_range_counts_by_what_was_surely_spent() -> None:
    """On both sides, so that what is not told makes no rise."""
    assert driven(line(bounds("3", "100")), line(bounds("7", "unlimited"), 1)) == (
        driver("alpha", OPUS, "3", "1"),
    )


def test_a_mean_is_cut_to_a_millionth() -> None:
    """One dollar on seven days is 0.142857 and some more."""
    (found,) = driven(line("1"), line("1", 3))
    assert found.usual == Decimal("0.142857")


def test_what_has_no_name_is_told_too() -> None:
    """Usage of no named model, of the default workspace, and of workspaces that were not told."""
    found = driven(line("2", workspace=None, model=None), line("1", workspace=UNATTRIBUTED))
    assert found == (
        driver("default workspace", "no model", "2", "0"),
        driver("not separated by the report", OPUS, "1", "0"),
    )


money = st.decimals(0, 10**12, places=12, allow_nan=False, allow_infinity=False)


@given(
    st.lists(
        st.builds(
            lambda cost, days, workspace, model: line(Bounds(cost, cost), days, workspace, model),
            money,
            st.integers(0, 10),
            st.sampled_from([None, ALPHA, BETA]),
            st.sampled_from([OPUS, HAIKU, None]),
        ),
        max_size=30,
    )
)
def test_drivers_rise_and_the_first_rises_most(lines: list[SpendLine]) -> None:
    """Whatever was spent, in at most three rows that each cost more than usual."""
    found = driven(*lines)
    more = [it.today - (it.usual or 0) for it in found]
    assert len(found) <= 3
    assert all(amount > 0 for amount in more)
    assert more == sorted(more, reverse=True)


# Since the last report


def earlier(text: str, costs: Costs, **changes: object) -> EarlierReport:
    """What a run of three hours ago found under the policy that `text` is."""
    report = evaluate(policy(text), spend_of(costs, workspaces=LISTED), MONTH)
    found = EarlierReport(
        as_of=THEN,
        month=MONTH.period.start,
        organization=None,
        budgets=report.budgets,
        spend=report.spend.low if report.spend else None,
    )
    return found._replace(**changes)  # type: ignore[arg-type]


def now(text: str, costs: Costs, last: EarlierReport) -> Report:
    """Today's report, with what changed since the last one."""
    report = evaluate(policy(text), spend_of(costs, workspaces=LISTED), MONTH)
    return since_last(report, MONTH, last)


def test_the_spend_since_the_last_report_is_told() -> None:
    """From 12 to 15.5 in all, and for each budget by itself."""
    last = earlier(BOTH, {ALPHA: bounds("4"), BETA: bounds("8")})
    report = now(BOTH, {ALPHA: bounds("7.5"), BETA: bounds("8")}, last)
    assert (report.previous_as_of, report.change) == (THEN, Decimal("3.5"))
    assert budget(report, f"workspaces.{ALPHA}").change == Decimal("3.5")
    assert budget(report, f"workspaces.{BETA}").change == 0


def test_a_correction_makes_the_change_negative() -> None:
    """Usage may be taken back, and then less was spent than the last report said."""
    report = now(CAP, {None: bounds("5")}, earlier(CAP, {None: bounds("6.25")}))
    assert (report.change, budget(report, "global").change) == (Decimal("-1.25"), Decimal("-1.25"))


def test_the_change_of_a_range_is_that_of_what_was_surely_spent() -> None:
    """From at least 3 to at least 5."""
    last = earlier(CAP, {None: bounds("3", "9")})
    report = now(CAP, {None: bounds("5", "unlimited")}, last)
    assert (report.change, budget(report, "global").change) == (Decimal(2), Decimal(2))


def test_a_report_that_knew_no_spend_has_no_change() -> None:
    """When it was is told, and each budget that it has is compared by itself."""
    last = earlier(CAP, {None: bounds("3")}, spend=None)
    report = now(CAP, {None: bounds("5")}, last)
    assert (report.previous_as_of, report.change) == (THEN, None)
    assert budget(report, "global").change == 2


def test_a_state_that_lasts_began_with_the_first_report_of_it() -> None:
    """The last report says since when, or was the first to say it at all."""
    last = earlier(CAP, {None: bounds("5")})
    assert budget(now(CAP, {None: bounds("6")}, last), "global").since == THEN
    began = datetime(2026, 11, 2, 8, tzinfo=UTC)
    known = last._replace(budgets=tuple(it._replace(since=began) for it in last.budgets))
    assert budget(now(CAP, {None: bounds("6")}, known), "global").since == began


@pytest.mark.parametrize(
    ("then", "today"),
    [("5", "21"), ("21", "5"), ("5", "16"), ("16", "21"), ("21", "16")],
)
def test_a_state_that_is_new_begins_now(then: str, today: str) -> None:
    """Between ok, warning and breached, in either direction, whatever the last report says."""
    last = earlier(CAP, {None: bounds(then)})
    began = datetime(2026, 11, 2, tzinfo=UTC)
    known = last._replace(budgets=tuple(it._replace(since=began) for it in last.budgets))
    found = budget(now(CAP, {None: bounds(today)}, known), "global")
    assert (found.since, found.was) == (MONTH.as_of, last.budgets[0].status)


def test_a_budget_that_is_new_begins_now() -> None:
    """Nothing is known of what it spent when the last report was made."""
    last = earlier(CAP, {ALPHA: bounds("5")})
    report = now(f"{CAP}{BOTH.removeprefix('version: 1')}", {ALPHA: bounds("6")}, last)
    new = budget(report, f"workspaces.{ALPHA}")
    assert (new.since, new.change, new.was) == (MONTH.as_of, None, None)
    assert budget(report, "global").since == THEN


def test_after_a_run_that_read_nothing_no_beginning_is_claimed() -> None:
    """Its report has no budgets, and what they were before is not known."""
    last = earlier(CAP, {}, budgets=(), spend=None)
    report = now(CAP, {None: bounds("5")}, last)
    assert (report.previous_as_of, budget(report, "global").since) == (THEN, None)


def test_a_budget_is_known_again_by_its_id() -> None:
    """A workspace that was renamed is the same one."""
    last = earlier(BOTH, {ALPHA: bounds("4")})
    renamed = tuple(it._replace(name=f"old {it.name}") for it in last.budgets)
    report = now(BOTH, {ALPHA: bounds("5")}, last._replace(budgets=renamed))
    assert budget(report, f"workspaces.{ALPHA}").change == 1


def test_what_changed_is_no_part_of_the_verdict() -> None:
    """Statuses, reasons and amounts stay as they were."""
    plain = evaluate(policy(CAP), spend_of({None: bounds("21")}), MONTH)
    report = since_last(plain, MONTH, earlier(CAP, {None: bounds("3")}))
    known = report._replace(previous_as_of=None, change=None, earlier_alerts=None)
    budgets = tuple(it._replace(since=None, change=None, was=None) for it in known.budgets)
    assert known._replace(budgets=budgets) == plain


# Reports that cannot be compared


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"month": datetime(2026, 10, 1, tzinfo=UTC)}, "it is of another month"),
        ({"month": datetime(2025, 11, 1, tzinfo=UTC)}, "it is of another month"),
        ({"as_of": MONTH.as_of + timedelta(seconds=1)}, "it is from the future"),
        ({"organization": "org-2"}, "it is of another organization"),
        ({"basis": "billed"}, "it judges another kind of cost"),
    ],
)
def test_a_report_of_something_else_is_not_compared(changes: dict[str, object], why: str) -> None:
    """A note says why, and nothing else is told of it."""
    plain = evaluate(policy(CAP), spend_of({None: bounds("5")}), MONTH)
    plain = plain._replace(organization="org-1")
    report = since_last(plain, MONTH, earlier(CAP, {None: bounds("3")}, **changes))
    level: NoteLevel = "warning" if "organization" in changes else "info"
    note = Note(level, "last_report", f"The last report is not used: {why}.")
    assert report == plain._replace(notes=(*plain.notes, note))


def test_a_report_of_this_very_instant_is_compared() -> None:
    """Two runs may be given the same time to judge at."""
    report = now(CAP, {None: bounds("5")}, earlier(CAP, {None: bounds("5")}, as_of=MONTH.as_of))
    assert (report.previous_as_of, report.change) == (MONTH.as_of, Decimal(0))


# In a run


def run(last: EarlierReport | Note | None, what: Spend) -> Report:
    """The gate's report today."""
    report, _ = gate.check(policy(CAP), lambda: what, MONTH, STRICT, earlier=last)
    return report


def test_a_run_tells_what_changed_and_what_drives_it() -> None:
    """Both, where there is a last report."""
    report = run(earlier(CAP, {None: bounds("3")}), spend(line("5"), line("7", 1)))
    assert (report.previous_as_of, report.change) == (THEN, Decimal(9))
    assert report.drivers == (driver("alpha", OPUS, "5", "1"),)


@pytest.mark.parametrize(
    ("states", "shift"),
    [
        ([("ok", "ok")], "same"),
        ([("breached", "breached")], "same"),
        ([("warning", "ok")], "worse"),
        ([("warning", "breached"), ("ok", "ok")], "better"),
        ([("ok", "breached"), ("warning", "ok")], "worse"),
        ([("ok", None)], "same"),
        ([("warning", None)], "worse"),
        ([("breached", None), ("ok", "breached")], "worse"),
    ],
)
def test_the_worst_change_of_a_budget_is_that_of_the_report(
    states: list[tuple[Status, Status | None]], shift: str
) -> None:
    """From what each was; one of which the last report knows no state was nothing to be told of."""
    budgets = (make_budget(status=now, was=was) for now, was in states)
    assert make_report("ok", *budgets, previous_as_of=THEN).shift == shift


def test_a_run_without_a_last_report_tells_of_no_change() -> None:
    """Neither since when, nor how much, nor drivers, nor a note."""
    report = run(None, spend(line("5")))
    assert (report.previous_as_of, report.change, report.drivers) == (None, None, ())
    assert budget(report, "global").since is None
    assert "last_report" not in {note.code for note in report.notes}


def test_a_run_whose_last_report_is_not_used_tells_of_no_change() -> None:
    """A note says so, whether the report was read or not, and no driver stands alone."""
    note = Note("warning", "last_report", "The last report is not used: it is damaged.")
    for last in (earlier(CAP, {}, month=datetime(2026, 10, 1, tzinfo=UTC)), note):
        report = run(last, spend(line("5")))
        assert (report.status, report.previous_as_of, report.drivers) == ("ok", None, ())
        assert [note.code for note in report.notes].count("last_report") == 1
