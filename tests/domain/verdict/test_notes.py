"""What a report says besides its budgets, and how loudly."""

import pytest

from budget_gate.domain.notes import Note
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.terms import STRICT, Terms
from tests.helpers.builders import bounds, line, month_at, policy, spend_of_lines
from tests.helpers.wording import assert_says, notes_with

LAB = "wrkspc_01LAB"
SPENT = spend_of_lines(
    line(bounds("5"), LAB, day="2026-11-02"), workspaces=(Workspace(LAB, "lab"),)
)


def noted(
    text: str, code: str, spend: Spend = SPENT, terms: Terms = STRICT, at: str = "2026-11-02T01:30"
) -> list[Note]:
    """The notes of that code on a spend early on 2 November."""
    report = evaluate(policy(f"version: 1\n{text}\n"), spend, month_at(at), terms)
    return notes_with(report.notes, code)


def test_only_daily_caps_miss_a_yesterday_that_could_not_be_read() -> None:
    """On the first of a month it is of the month before."""
    first = "2026-11-01T01:30"
    empty = spend_of_lines()._replace(history=None)
    assert noted("global: {cap: 9}", "no_yesterday", empty, at=first) == []
    (note,) = noted("global: {cap: 9, daily_cap: 3}", "no_yesterday", empty, at=first)
    assert note.level == "warning"
    assert_says(note.message, "daily caps", "2026-10-31", "not be read")


@pytest.mark.parametrize(("forecast", "level"), [("fail", "warning"), ("warn", "info")])
@pytest.mark.parametrize(("model", "told"), [("claude-new", "claude-new"), (None, "unnamed model")])
def test_days_before_the_month_without_a_price_are_told(
    forecast: str, level: str, model: str | None, told: str
) -> None:
    """A warning only where the forecast might have failed the run; what has a price is not named."""
    before = (
        line(bounds("1"), LAB, model="claude-known", day="2026-10-20"),
        line(bounds("0", "unlimited"), LAB, model=model, day="2026-10-21"),
    )
    text = f"global: {{cap: 900, forecast: {forecast}}}"
    (note,) = noted(text, "no_history", SPENT._replace(history=before))
    assert note.level == level
    assert_says(note.message, told, "no price", "organization", "prices.models", "upper_bound")
    assert "claude-known" not in note.message


def test_a_budget_that_is_over_and_not_checked_here_is_a_warning() -> None:
    """Its name and its status stand there, and none that is ok does."""
    text = f"global: {{cap: 4}}\nworkspaces:\n  {LAB}: {{cap: 9}}"
    (note,) = noted(text, "not_enforced_here", terms=Terms(only=(f"workspaces.{LAB}",)))
    assert note.level == "warning"
    assert_says(note.message, "not checked here", "organization (breached)")
    assert noted(text, "not_enforced_here", terms=Terms(only=("global",))) == []


def test_unlisted_alone_may_check_nothing() -> None:
    """Where each workspace with spend has a key, which is worth a word."""
    text = f"workspaces:\n  {LAB}: {{cap: 9}}\nunlisted: {{cap: 3}}"
    (note,) = noted(text, "nothing_unlisted", terms=Terms(only=("unlisted",)))
    assert note.level == "info"
    assert_says(note.message, "no unlisted workspace", "--budget unlisted")
    assert noted("unlisted: {cap: 3}", "nothing_unlisted", terms=Terms(only=("unlisted",))) == []
