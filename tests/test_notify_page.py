"""What docs/alerts.md says of posting, held to the program."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from budget_gate.delivery.notify import TEST_SCHEMA
from budget_gate.delivery.webhooks import DEADLINE
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.telling import Event
from budget_gate.outputs.report.links import NO_LINKS
from budget_gate.outputs.report.slack import MOST_ALERTS, MOST_BUDGETS, render_slack
from tests.helpers.builders import policy
from tests.helpers.pages import BLOCKS, PAGES, table
from tests.helpers.reports import make_budget, make_report
from tests.helpers.running import NOW, ORGANIZATION, Here
from tests.world import slack
from tests.world.channels import Answer, Channels
from tests.world.loopback import LoopbackAPI

PAGE = "docs/alerts.md"
SECTION = PAGES[PAGE].partition("\n## Notify\n")[2]
POLICY, WORKFLOW, WARNING = (
    next(
        it.text
        for it in BLOCKS
        if it.page == PAGE and it.text.startswith(begin) and it.text in SECTION
    )
    for begin in ("version: 1\n", "name: budget\n", "warning: ")
)
# The rows of the table of titles, by their first words, with what happens to a budget in each.
ROWS: dict[str, tuple[Event, tuple[Status, ...]]] = {
    "a budget is in a worse": ("worse", ("breached", "uncertain", "warning")),
    "an alert": ("worse", ("warning",)),
    "spend that was known": ("worse", ("unverified",)),
    "the verdict no longer": ("recovered", ("warning",)),
    "every budget": ("recovered", ("ok",)),
    "a budget is still": ("reminder", ("breached",)),
}


def title(status: Status, event: Event) -> str:
    """The title of a message on a budget that has been in its state since 9 November."""
    since = datetime(2026, 11, 9, tzinfo=UTC)
    budget = make_budget(status="ok" if status == "unverified" else status, since=since)
    message = render_slack(make_report(status, budget), "budget.yml", NO_LINKS, event)
    return slack.read(message).partition("\n")[0].partition(": ")[2]


@pytest.mark.parametrize("begin", ROWS)
def test_titles_are_those_of_the_program(begin: str) -> None:
    """In each row that has any."""
    rows = table(PAGE, "what has happened")
    (cells,) = (cells for what, cells in rows.items() if what.startswith(begin))
    event, statuses = ROWS[begin]
    assert re.findall("`([^`]+)`", cells[0]) == [title(it, event) for it in statuses]
    assert len(rows) == len(ROWS) + 1


def test_the_workflow_hands_the_addresses_to_the_gate_alone() -> None:
    """Those that the policy names, as secrets; the report is the last one and the next."""
    rules = policy(POLICY).policy.notify
    assert rules.slack
    assert rules.webhook
    names = [rules.slack.webhook_env, rules.webhook.url_env]
    document: dict[str, Any] = yaml.safe_load(WORKFLOW)
    steps = document["jobs"]["gate"]["steps"]
    (gate,) = (it for it in steps if it["uses"].startswith("OWNER/budget-gate@"))
    assert gate["env"] == {name: f"${{{{ secrets.{name} }}}}" for name in names}
    for name in names:
        assert WORKFLOW.count(f"secrets.{name} ") == 1
    kept = {it["with"]["path"] for it in steps if "cache" in it["uses"]}
    assert {gate["with"]["report"], gate["with"]["last-report"]} == kept


def posted(here: Here, answer: Answer) -> tuple[Channels, str]:
    """What the policy of the page posts once it is breached, and what stderr says of that."""
    tight = POLICY.replace("12000", "1")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, Channels(lambda _: answer) as channels:
        here.set(channels.environment)
        return channels, here.check(api, policy=tight, now=NOW).stderr


def test_the_warning_is_that_of_the_program(here: Here) -> None:
    """Word for word."""
    assert WARNING in posted(here, Answer(404, "no_service"))[1]


def test_the_headers_are_those_of_a_post(here: Here) -> None:
    """Those that a receiver may go by."""
    (post,) = posted(here, Answer())[0].to_hook
    rows = table(PAGE, "header")
    assert post.headers["content-type"] in rows["Content-Type"][0]
    assert len(post.key) == 64
    assert [*rows] == ["Content-Type", "Idempotency-Key"]
    assert "64 letters and digits" in rows["Idempotency-Key"][0]


def test_numbers_are_those_of_the_program() -> None:
    """The deadline, and how much of a report Slack gets."""
    assert f"{DEADLINE:g} seconds" in SECTION
    assert (MOST_BUDGETS, MOST_ALERTS) == (5, 3)
    assert "worst five budgets" in SECTION
    assert "up to three alerts" in SECTION


def test_the_notes_are_named() -> None:
    """By the codes that a reader may look for; and so is what a test is told by."""
    for code in ("not_posted", "posted_anew"):
        assert f"`{code}`" in SECTION
    assert f"`{TEST_SCHEMA}`" in PAGES["docs/commands.md"]
