"""The message for Slack: what it says of each state, within Slack's limits, with strangers' text as no more than text.

`tests/world/slack.py` knows Slack's rules by itself, from its reference.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest

from budget_gate.domain.alerts import Alert
from budget_gate.domain.movers import Mover
from budget_gate.domain.notes import Note
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Driver, Status
from budget_gate.domain.verdict.telling import Event
from budget_gate.outputs.report.links import Links
from budget_gate.outputs.report.slack import render_slack, render_slack_test
from tests.helpers.reports import HOSTILE, hostile_report, make_budget, make_report
from tests.helpers.wording import assert_says
from tests.world import slack

LINKS = Links("https://github.example", "OWNER/NAME", "a" * 40, "7")
FILE = f"https://github.example/OWNER/NAME/blob/{'a' * 40}/budget.yml"
RUN = "https://github.example/OWNER/NAME/actions/runs/7"
CONSOLE = "https://platform.claude.com/settings/usage"
DRIVER = Driver("production", "claude-opus-5-5", Decimal("66.71"), Decimal("12.99"), Decimal(1800))
PRODUCTION = make_budget(
    "production", "12.25", status="breached", drivers=(DRIVER,), driven_in="today", cause="cap"
)
RESEARCH = make_budget("research", "9.25", status="warning")
ICONS = {"ok": "🟢", "warning": "🟡", "uncertain": "🟣", "breached": "🔴", "unverified": "⚫"}
# What else a stranger may write for Slack.
FOR_SLACK = (
    "*bold* _soft_ ~gone~ `code` ```block```",
    ":tada: :+1: :skin-tone-2:",
    "<!channel> <!here> <!everyone> <@U0EXAMPLE> <#C0EXAMPLE|general> <!subteam^S0EXAMPLE>",
    "<https://evil.example|click> <mailto:a@b.example|write>",
    "@channel @here @everyone #general",
    "&lt;!channel&gt; &amp;lt;",
    "> quoted",
    "`",
    "* _ ~ ` :",
    "*",
    "_*~`:x:`~*_",
    "&" * 10_000,
    "<" * 10_000,
    "`" * 10_000,
    "😀" * 10_000,
    "</>|" * 3000,
)

every_hostile_text = pytest.mark.parametrize(
    "text", [*HOSTILE, *FOR_SLACK], ids=lambda it: ascii(it)[:24]
)


def alert(message: str = "organization spent 50% more", budget: str = "organization") -> Alert:
    """A weekly alert."""
    return Alert("week_over_week", budget, Decimal(2), Decimal(1), (), message)


def told(report: Report, event: Event = "worse", links: Links = LINKS) -> dict[str, Any]:
    """The message on a report, in which Slack finds no fault."""
    message = render_slack(report, "budget.yml", links, event)
    assert slack.faults(message) == []
    return message


def title(report: Report, event: Event) -> str:
    """The title of a message."""
    return slack.read(told(report, event)).splitlines()[0]


def pieces_of(message: dict[str, Any]) -> list[slack.Piece]:
    """All that the blocks show, and what is within it."""
    return [
        inner
        for text in slack.texts(message)
        for piece in slack.pieces(text)
        for inner in piece.all
    ]


# What is said


@pytest.mark.parametrize(
    ("status", "event", "words"),
    [
        ("breached", "worse", "breached"),
        ("uncertain", "worse", "undecided"),
        ("warning", "worse", "warning"),
        ("unverified", "worse", "spend unknown"),
        ("ok", "recovered", "within budget again"),
        ("warning", "recovered", "no longer red: warning"),
        ("breached", "reminder", "still breached"),
    ],
)
def test_the_title_says_what_has_happened(status: Status, event: Event, words: str) -> None:
    """With the colour of the state that it is now."""
    report = make_report(status, make_budget(status="ok" if status == "unverified" else status))
    assert title(report, event) == f"{ICONS[status]} budget-gate: {words}"


def test_a_reminder_says_since_when() -> None:
    """Of several budgets, since the first of them."""
    first, second = (datetime(2026, 11, day, 3, tzinfo=UTC) for day in (9, 19))
    budgets = [
        PRODUCTION._replace(since=second),
        PRODUCTION._replace(since=first),
        RESEARCH._replace(since=datetime(2026, 11, 2, tzinfo=UTC)),
    ]
    assert title(make_report("breached", *budgets), "reminder").endswith(
        "still breached since Nov 9"
    )


@pytest.mark.parametrize("status", sorted({*get_args(Status)} - {"unchecked"}))
@pytest.mark.parametrize("event", get_args(Event))
def test_every_state_can_be_told_for_every_reason(status: Status, event: Event) -> None:
    """Slack finds no fault in any; the headline comes first, for phones as well."""
    report = make_report(status, RESEARCH._replace(status=status))
    message = told(report, event)
    assert message["text"].startswith(ICONS[status])
    assert message["blocks"][0]["type"] == "header"


def test_the_verdict_comes_first() -> None:
    """By how much it is over, why, and where to raise the cap."""
    message = told(make_report("breached", PRODUCTION))
    facts = ("breached: production", "$12.25", "$2.25 over", "$10.00", "claude-opus-5-5", "raise")
    assert_says(slack.read(message).splitlines()[1], *facts, "budget.yml:4")
    assert_says(message["text"], "🔴", *facts, "budget.yml:4")


@pytest.mark.parametrize(
    ("status", "event", "lead"),
    [
        ("ok", "recovered", "🟢 Recovered. Within budget: "),
        ("warning", "recovered", "🟡 No longer red. Warning: "),
        ("breached", "reminder", "🔴 Reminder. Budget breached: "),
        ("breached", "worse", "🔴 Budget breached: "),
    ],
)
def test_a_phone_shows_why_it_is_told(status: Status, event: Event, lead: str) -> None:
    """It does not show the title."""
    message = told(make_report(status, RESEARCH._replace(status=status)), event)
    assert message["text"].startswith(lead)


def test_unknown_spend_is_told_with_its_reason() -> None:
    """There are no numbers, and no budget to list."""
    note = Note("error", "api", "the API answered 503 for 96 seconds")
    report = make_report("unverified", spend=None, coverage=None, prices=None, notes=(note,))
    message = told(report)
    assert_says(message["text"], "Spend unknown", "503")
    assert_says(slack.read(message), "spend unknown", "Spend unknown", "503")


def test_the_worst_five_budgets_are_listed() -> None:
    """In the order of the report, with their state and amounts; those that are ok are left out."""
    budgets = [
        make_budget(f"team-{number}", str(20 - number), status="breached") for number in range(7)
    ]
    message = told(make_report("breached", *budgets, make_budget("fine")))
    lines = [line for line in slack.read(message).splitlines() if line.startswith("🔴 team-")]
    assert [line.partition(":")[0] for line in lines] == [f"🔴 team-{it}" for it in range(5)]
    assert_says(lines[0], "$20.00", "$10.00 over", "$10.00 cap")
    assert_says(lines[4], "$16.00", "$6.00 over")
    assert "fine" not in slack.read(message)
    assert_says(message["text"], "Also breached", "team-1", "and 1 more")


def test_budgets_are_listed_with_what_drives_them() -> None:
    """Each model on a line of its own, below its budget."""
    second = DRIVER._replace(model="claude-haiku-4-5", today=Decimal(3), usual=None)
    budget = PRODUCTION._replace(drivers=(DRIVER, second))
    lines = slack.read(told(make_report("breached", budget, RESEARCH))).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("🔴 production:"))
    assert_says(lines[at + 1], "claude-opus-5-5", "$66.71 today", "$12.99")
    assert_says(lines[at + 2], "claude-haiku-4-5", "$3.00 today")
    assert lines[at + 3].startswith("🟡 research:")


def test_an_alert_leads_where_every_budget_is_ok() -> None:
    """Others are listed after it, and it is not told twice."""
    alerts = (alert(), alert("research rose", "workspaces.research"))
    read = slack.read(told(make_report("warning", make_budget(), alerts=alerts)))
    assert_says(read, "warning", "Warning", "50% more", "cap holds", "1 more", "• research rose")
    assert read.count("50% more") == 1


def test_at_most_three_alerts_are_listed() -> None:
    """Beside a budget that is not ok, the largest rises first."""
    alerts = tuple(alert(f"rise {number}", f"b{number}") for number in range(5))
    read = slack.read(told(make_report("breached", PRODUCTION, alerts=alerts)))
    assert [line for line in read.splitlines() if line.startswith("•")] == [
        "• rise 0",
        "• rise 1",
        "• rise 2",
    ]


def test_the_time_is_told() -> None:
    """Whoever reads it in the morning knows of when it is."""
    assert_says(slack.read(told(make_report("breached", PRODUCTION))), "Nov 22", "16:00 UTC")


def test_a_test_message_says_that_it_is_one() -> None:
    """Slack finds no fault in it."""
    message = render_slack_test()
    assert slack.faults(message) == []
    assert_says(message["text"], "test", "budget-gate")
    assert_says(slack.read(message), "test", "budget-gate")


# Links


def test_links_lead_to_the_policy_the_run_and_the_console() -> None:
    """The cap's line in the verdict, and the rest below."""
    assert slack.links(told(make_report("breached", PRODUCTION))) == {
        "budget.yml:4": f"{FILE}#L4",
        "This run and its notes": RUN,
        "budget.yml": f"{FILE}#L1",
        "Usage in the Console": CONSOLE,
    }


def test_outside_of_github_only_the_console_is_linked() -> None:
    """The policy is named all the same."""
    message = told(make_report("breached", PRODUCTION), links=Links())
    assert slack.links(message) == {"Usage in the Console": CONSOLE}
    assert_says(slack.read(message), "budget.yml:4", "budget.yml ·")


def test_the_name_of_the_policy_makes_no_markup() -> None:
    """Neither in a link's label nor where there is no link."""
    for links in (LINKS, Links()):
        report = make_report("breached", PRODUCTION)
        message = render_slack(report, "a`*b*`<!here>|&.yml", links, "worse")
        assert slack.faults(message) == []
        assert set(slack.kinds(message)) <= {"code", "link"}


def test_nothing_is_unfurled() -> None:
    """A preview of the policy or the run would be longer than the message."""
    assert told(make_report("breached", PRODUCTION))["unfurl_links"] is False


# Strangers' text


def reports_with(text: str) -> Sequence[Report]:
    """Reports in which everything that a stranger words is `text`, as budget, driver, alert or note."""
    driver = DRIVER._replace(workspace=text, model=text)
    movers = (Mover(text, text, Decimal(1)),)
    rise = alert(f"{text} spent more. Mostly {text} in {text}.", text)._replace(movers=movers)
    note = Note("warning", "large_exception", text)
    budgets: list[BudgetResult] = [
        PRODUCTION._replace(name=text, drivers=(driver, driver)),
        RESEARCH._replace(name=text, status="uncertain"),
        RESEARCH._replace(name=text, drivers=(driver,)),
    ]
    return (
        hostile_report(text),
        make_report("breached", *budgets, alerts=(rise, rise), notes=(note,)),
        make_report("uncertain", *budgets[1:], notes=(note,)),
        make_report("warning", make_budget(), alerts=(rise, rise), notes=(note,)),
        make_report("unverified", spend=None, notes=(Note("error", "api", text),)),
        make_report("ok", make_budget(text), notes=(note,)),
    )


@every_hostile_text
def test_strangers_text_is_no_more_than_text(text: str) -> None:
    """No markup, emoji, mention or link but those that any name has, in the blocks and beside them."""
    for report, plain in zip(reports_with(text), reports_with("research"), strict=True):
        for links in (LINKS, Links()):
            message, ordinary = told(report, links=links), told(plain, links=links)
            assert slack.kinds(message) == slack.kinds(ordinary)
            assert set(slack.links(message).values()) == set(slack.links(ordinary).values())
            assert slack.read(message).replace("\n", "").replace("\u200b", "").isprintable()


@every_hostile_text
def test_the_text_beside_the_blocks_is_plain(text: str) -> None:
    """A list of channels shows it in one line, and nobody is woken by a name."""
    for report in reports_with(text):
        beside = told(report)["text"]
        assert "\n" not in beside
        assert [it.kind for it in slack.pieces(beside)] == ["text"]


@pytest.mark.parametrize("text", ["snake_case_name", "a & b", "1 < 2 > 0", "at 12:30", "a|b"])
def test_an_ordinary_name_is_read_as_it_is(text: str) -> None:
    """In the blocks and beside them."""
    message = told(make_report("breached", PRODUCTION._replace(name=text)))
    assert f"{text} has spent" in slack.read(message)
    (beside,) = slack.pieces(message["text"])
    assert f"{text} has spent" in beside.text


# Limits


@pytest.mark.parametrize("count", [1, 5, 60])
def test_a_message_stays_within_the_limits(count: int) -> None:
    """However many budgets, drivers and alerts there are, with names and sentences that grow fivefold by escapes."""
    text = "&" * 10_000
    drivers = tuple(DRIVER._replace(workspace=text, model=text) for _ in range(5))
    budgets = [PRODUCTION._replace(name=text, drivers=drivers) for _ in range(count)]
    notes = tuple(Note("warning", "large_exception", text) for _ in range(count))
    alerts = tuple(alert(text, f"b{number}") for number in range(count))
    message = told(make_report("breached", *budgets, notes=notes, alerts=alerts))
    assert len(message["blocks"]) == 1 + 1 + min(count, 5) + 1 + 1
    assert max(len(it["text"]) for it in slack.texts(message)) <= 3000


@pytest.mark.parametrize("sign", ["&", "<", "`", "x", "@", "x `y` "])
def test_a_cut_breaks_no_entity_link_or_code(sign: str) -> None:
    """Wherever it falls: the text grows by one sign until every place has been the last."""
    for length in range(570, 600):
        notes = tuple(
            Note("warning", "large_exception", (sign * 600)[: length - number * 7])
            for number in range(6)
        )
        message = told(make_report("breached", PRODUCTION, notes=notes))
        verdict = message["blocks"][1]["text"]["text"]
        if sign in "&<@":
            assert len(verdict) <= 3000
            assert verdict.endswith("…")


def test_a_cut_breaks_no_code_of_a_list() -> None:
    """Budgets with so many drivers that their list is cut within a name, or after one."""
    for length in range(30, 60):
        drivers = tuple(DRIVER._replace(workspace="w", model="m" * length) for _ in range(20))
        message = told(make_report("breached", PRODUCTION._replace(drivers=drivers)))
        shown = [it.text for it in pieces_of(message) if it.kind == "code"]
        assert set(shown) == {"production", "m" * length, "w"}
        assert message["blocks"][2]["text"]["text"].endswith("…")


@pytest.mark.parametrize("length", range(150, 340, 7))
def test_a_cut_breaks_no_link(length: int) -> None:
    """A policy of a long name: what does not fit is left out whole."""
    name = "a/" * length + "budget.yml"
    message = render_slack(make_report("breached", PRODUCTION), name, LINKS, "worse")
    assert slack.faults(message) == []
    assert len(message["blocks"][-1]["elements"][0]["text"]) <= 1000
    assert slack.links(message)["This run and its notes"] == RUN


def test_a_long_name_is_cut_for_phones() -> None:
    """What comes after it is worth more."""
    message = told(make_report("breached", PRODUCTION._replace(name="x" * 200)))
    assert_says(message["text"], "breached", "…", "has spent", "$2.25 over")
    assert "x" * 60 not in message["text"]


def test_what_is_new_stands_first() -> None:
    """Nine breaches are known: the tenth, and none of them, is what the post is about."""
    known = [make_budget(f"b{number}", "20.25", status="breached") for number in range(9)]
    kappa = make_budget("kappa", "10.25", status="breached")
    report = make_report("breached", *known, kappa)
    shown = render_slack(report, "budget.yml", LINKS, "worse", new={kappa.id})
    texts = [it["text"]["text"] for it in shown["blocks"] if it["type"] == "section"]
    assert_says(texts[0], "New: `kappa`", "breached")
    assert "`kappa`" in texts[2]
    assert shown["text"].startswith("🔴 New: kappa")


def test_a_new_warning_beside_an_old_breach_is_the_title() -> None:
    """A red title like that of an hour ago would say nothing."""
    report = make_report("breached", PRODUCTION, RESEARCH)
    shown = render_slack(report, "budget.yml", LINKS, "worse", new={RESEARCH.id})
    assert shown["blocks"][0]["text"]["text"] == "🟡 budget-gate: new warning, and still breached"
