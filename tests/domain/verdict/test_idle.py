"""Keys of a policy that watch nothing, and names that are another workspace's than before."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from budget_gate.domain.period import MonthToDate
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from tests.helpers.builders import MONTH, bounds, line, policy, spend_of_lines
from tests.helpers.running import NOW, ORGANIZATION, PRODUCTION, Here, Run
from tests.helpers.wording import assert_says, notes_with
from tests.world.loopback import LoopbackAPI
from tests.world.loopback import Workspace as Listed

RETIRED = {"claude-opus-4-20250514": date(2026, 6, 15), "claude-old": date(2027, 1, 1)}
PRICED = ("claude-opus-4-20250514", "claude-opus-4-0", "claude-opus-4-8", "claude-old", "claude-b")
ALIASES = {"claude-opus-4-0": "claude-opus-4-20250514"}
USED = line(bounds("5"), model="claude-opus-4-8")
BEFORE = line(bounds("5"), model="claude-opus-4-8", day="2026-10-29")


def idle(
    models: str,
    *lines: SpendLine,
    history: tuple[SpendLine, ...] | None = (),
    month: MonthToDate = MONTH,
) -> list[str]:
    """What is said of caps on models, where these lines were spent this month and before it."""
    spend = spend_of_lines(*lines, models=PRICED, aliases=ALIASES)
    spend = spend._replace(history=history, prices=spend.prices._replace(retired_on=RETIRED))
    report = evaluate(policy(f"version: 1\nglobal: {{cap: 99}}\nmodels: {models}\n"), spend, month)
    notes = notes_with(report.notes, "idle_model")
    assert {note.level for note in notes} <= {"warning"}
    return [note.message for note in notes]


@pytest.mark.parametrize("history", [None, (), (BEFORE,)])
@pytest.mark.parametrize("key", ["claude-opus-4", "claude-opus-4-0", "claude-opus-4-2*"])
def test_a_cap_on_retired_models_alone_watches_nothing(
    key: str, history: tuple[SpendLine, ...] | None
) -> None:
    """Whatever is known of the days before: claude-opus-4 is no prefix of the claude-opus-4-8 that spends."""
    (message,) = idle(f'{{"{key}": {{cap: 9}}}}', USED, history=history)
    assert message == (
        f"The cap models.{key} covers only retired models, so it watches nothing. "
        "In use: claude-opus-4-8."
    )


@pytest.mark.parametrize(
    ("budgets", "globs"),
    [
        ("groups: {exp: {cap: 9, optional: true, workspaces: [exp-*, evals]}}", "exp-*"),
        ('workspaces: {"exp-*": {cap: 9}, "b*": {cap: 9, optional: true}}', "exp-*, b*"),
        ('workspaces: {"exp-*": {cap: 9}, wrkspc_01GONE: {cap: 9}}', ""),
        ("groups: {exp: {cap: 9, workspaces: [exp-*, wrkspc_01GONE]}}", ""),
        ('workspaces: {"wrkspc_01G*": {cap: 9}}', ""),
        ('workspaces: {"*": {cap: 9}}', ""),
        ("workspaces: {evals: {cap: 9}}", ""),
        ('workspaces: {"exp-*": {cap: 9}}\nnames: {wrkspc_01GONE: old}', ""),
    ],
)
def test_a_workspace_without_a_name_may_escape_a_glob(budgets: str, globs: str) -> None:
    """What the list of workspaces leaves out has spend, and a cap by its name would not see it."""
    listed = (Workspace("wrkspc_01EVALS", "evals"), Workspace("wrkspc_01EXP", "exp-1"))
    spend = spend_of_lines(
        line(bounds("5"), workspace="wrkspc_01GONE"),
        line(bounds("1"), workspace="wrkspc_01EVALS"),
        line(bounds("1"), workspace=None),
        workspaces=listed,
    )
    report = evaluate(policy(f"version: 1\nglobal: {{cap: 99}}\n{budgets}\n"), spend, MONTH)
    notes = notes_with(report.notes, "name_unknown")
    told = (
        "The API lists no name for workspaces with spend, wrkspc_01GONE: whether globs match them "
        f"is not known ({globs}). Write the ids in the policy."
    )
    assert [(note.level, note.message) for note in notes] == [("warning", told)] * bool(globs)


@pytest.mark.parametrize("key", ["claude-opus-4", "claude-opus-4-0"])
@pytest.mark.parametrize("name", ["claude-opus-4-20250514", "claude-opus-4-0"])
def test_a_retired_model_that_is_used_all_the_same_is_watched(key: str, name: str) -> None:
    """By any of its names, this month or in the days before it."""
    late, early = (line(bounds("1"), model=name, day=day) for day in ("2026-11-02", "2026-10-30"))
    assert idle(f"{{{key}: {{cap: 9}}}}", USED, late) == []
    assert idle(f"{{{key}: {{cap: 9}}}}", USED, history=(early,)) == []


def test_a_cap_on_a_model_that_nobody_uses_watches_nothing() -> None:
    """One that is to be retired next year is a model as any other; the nearest names come first."""
    other = line(bounds("1"), model="claude-b")
    (message,) = idle("{claude-old: {cap: 9}}", USED, other, history=(BEFORE,))
    assert message == (
        "The cap models.claude-old covers no model that was used this month or in the days before "
        "it. In use: claude-b, claude-opus-4-8."
    )


def test_the_most_alike_of_what_is_used_comes_first() -> None:
    """It is likely what the key should be."""
    other = line(bounds("1"), model="a-model")
    (message,) = idle("{claude-old: {cap: 9}}", USED, other, history=(BEFORE,))
    assert_says(message, "In use: claude-opus-4-8, a-model.")


def test_a_model_is_retired_on_the_day_itself() -> None:
    """On 15 June its last day has passed, and on the 14th not yet."""
    early = line(bounds("5"), model="claude-opus-4-8", day="2026-06-02")
    months = [MonthToDate(datetime(2026, 6, day, 12, tzinfo=UTC)) for day in (14, 15)]
    found = [idle("{claude-opus-4: {cap: 9}}", early, month=month) for month in months]
    assert [len(messages) for messages in found] == [0, 1]


def test_a_dated_name_in_the_days_before_is_use() -> None:
    """The key stands for its dated ids, be they in the price book or not."""
    dated = line(bounds("1"), model="claude-b-20260801", day="2026-10-30")
    assert idle("{claude-b: {cap: 9}}", USED, history=(dated,)) == []


@pytest.mark.parametrize("history", [None, ()])
def test_without_days_before_a_month_that_began_says_nothing(
    history: tuple[SpendLine, ...] | None,
) -> None:
    """A new organization, days that could not be read, or none that were asked for."""
    assert idle("{claude-old: {cap: 9}}", USED, history=history) == []
    assert idle("{claude-old: {cap: 9}}", history=history) == []


def test_a_month_of_four_weeks_needs_no_days_before() -> None:
    """On the 29th it is long enough by itself."""
    month = MonthToDate(datetime(2026, 11, 30, 12, tzinfo=UTC))
    assert len(idle("{claude-old: {cap: 9}}", USED, month=month)) == 1


def test_an_optional_cap_may_watch_nothing() -> None:
    """That is what it says; a retired model is told of all the same."""
    assert idle("{claude-old: {cap: 9, optional: true}}", USED, history=(BEFORE,)) == []
    assert len(idle("{claude-opus-4: {cap: 9, optional: true}}", USED)) == 1


def test_the_price_book_knows_which_models_are_retired(here: Here) -> None:
    """In a run, by the book's own dates: Sonnet 4.5 is what is used."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(
            api,
            "--format",
            "json",
            policy="version: 1\nmodels: {claude-opus-4: {cap: 9}, claude-sonnet-4-5: {cap: 99}}\n",
            now=NOW,
        )
    (message,) = [it["message"] for it in run.report["notes"] if it["code"] == "idle_model"]
    assert "models.claude-opus-4 covers only retired models" in message
    assert "In use: claude-sonnet-4-5." in message


def test_a_member_of_an_optional_group_that_names_nothing_is_noted() -> None:
    """A misspelt one would look the same; that of a group without any is noted as the group."""
    spend = spend_of_lines(USED, workspaces=(Workspace("wrkspc_01A", "alpha"),))
    text = (
        "version: 1\nglobal: {cap: 99}\ngroups:\n"
        '  g: {cap: 9, workspaces: [alpha, betta, "exp-*"], optional: true}\n'
        "  h: {cap: 9, workspaces: [gamma], optional: true}\n"
    )
    (note,) = notes_with(evaluate(policy(text), spend, MONTH).notes, "optional")
    assert note.message == (
        "Optional budgets that match nothing today: groups.h, groups.g (betta), groups.g (exp-*)."
    )


# Names that moved


NEW = "wrkspc_01EXAMPLENEW"
BY_NAME = "version: 1\nworkspaces: {production: {cap: 100}}\n"
IN_GROUP = "version: 1\ngroups: {all: {cap: 100, workspaces: [production]}}\n"


def renamed(here: Here, text: str, *, month: int = 0) -> Run:
    """A run after one, between which production was renamed and another workspace took its name."""
    now = replace_month(NOW, month)
    arguments = ("--format", "json", "--report", "report.json", "--last-report", "report.json")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        assert here.check(api, *arguments, policy=text, now=NOW).code == 0
    listed = [Listed(PRODUCTION, "production-old"), Listed(NEW, "production")]
    with LoopbackAPI(replace(ORGANIZATION, workspaces=listed), now=now) as api:
        return here.check(api, *arguments, now=now)


def replace_month(now: datetime, months: int) -> datetime:
    """The same day some months later."""
    return now.replace(month=now.month + months)


@pytest.mark.parametrize("text", [BY_NAME, IN_GROUP])
@pytest.mark.parametrize("month", [0, 1])
def test_a_name_that_moved_to_another_workspace_is_a_warning(
    here: Here, text: str, month: int
) -> None:
    """A cap of a name begins anew with whoever has the name now, in the next month as well."""
    run = renamed(here, text, month=month)
    (note,) = [note for note in run.report["notes"] if note["code"] == "name_moved"]
    assert note == {
        "level": "warning",
        "code": "name_moved",
        "message": f"production is another workspace than in the last report: {NEW} now, "
        f"{PRODUCTION} then. Names can move, ids never change: write the id in the policy.",
    }


def test_a_cap_by_id_does_not_move(here: Here) -> None:
    """Nor is a name that no key has of any matter."""
    run = renamed(here, BY_NAME.replace("production", PRODUCTION))
    assert "name_moved" not in {note["code"] for note in run.report["notes"]}


def test_a_report_without_workspaces_moves_no_name(here: Here) -> None:
    """An outage leaves nothing to compare."""
    report = {
        "schema": "budget-gate/report/v1",
        "as_of": "2026-11-15T12:00:00Z",
        "period": {"start": "2026-11-01T00:00:00Z"},
        "budgets": [],
    }
    here.program.write(json.dumps(report), "report.json")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(
            api, "--format", "json", "--last-report", "report.json", policy=BY_NAME, now=NOW
        )
    assert (run.code, "name_moved" in {note["code"] for note in run.report["notes"]}) == (0, False)
