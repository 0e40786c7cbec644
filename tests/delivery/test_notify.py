"""Whole runs that tell channels what is news: once, again after recovery or a failed post, and never a secret."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from budget_gate.delivery import notify
from tests.helpers.inert import EVIL, PLAIN, SURROGATE, content
from tests.helpers.redis import Server
from tests.helpers.running import (
    BREACHED,
    ISOLATED,
    NOW,
    OK,
    ORGANIZATION,
    PRODUCTION,
    WARNS,
    Gate,
    Here,
    Run,
    ended,
)
from tests.helpers.serving import USAGE
from tests.helpers.wording import assert_says
from tests.world import ledger, slack
from tests.world.channels import (
    DRIPPING,
    GARBAGE,
    QUOTING,
    SECRETS,
    SILENT,
    SLACK_PATH,
    Answer,
    Channels,
    Posted,
)
from tests.world.lagging import Record
from tests.world.loopback import LoopbackAPI, Organization, Request, Response
from tests.world.oracle import Usage

HOUR = timedelta(hours=1)
TO_SLACK = "notify: {slack: {webhook_env: SLACK_WEBHOOK_URL}}\n"
TO_HOOK = "notify: {webhook: {url_env: BUDGET_WEBHOOK_URL}}\n"
TO_BOTH = (
    "notify:\n  slack: {webhook_env: SLACK_WEBHOOK_URL}\n  webhook: {url_env: BUDGET_WEBHOOK_URL}\n"
)
REMIND = TO_BOTH + "  remind: 24h\n"
# A cap between what the report has and what the ledger has with it.
OWN = "version: 1\nglobal: {cap: 20, warn_at: [95%], forecast: 'off'}\n"
KEPT = ("--report", "report.json", "--last-report", "report.json")
IMPATIENT = "from budget_gate.delivery import notify\nnotify.DEADLINE = 0.5\nrunpy.run_module"
DOWN = Response(503, b"{}")


def is_to_slack(posted: Posted) -> bool:
    """Whether something was posted to Slack."""
    return posted.path == SLACK_PATH


@dataclass
class Hourly:
    """An hourly job that keeps its report, beside channels; `failing` answers, where it is set."""

    here: Here
    channels: Channels
    failing: dict[str, Answer] = field(default_factory=dict)
    is_down: bool = False
    organization: Organization = field(default_factory=lambda: ORGANIZATION)

    def run(
        self, hour: int, policy: str, *flags: str, kept: tuple[str, ...] = KEPT, **how: Any
    ) -> Run:
        """The run of an hour, beside an API of that time."""
        now = NOW + hour * HOUR

        def intercept(request: Request, _: int) -> Response | None:
            return DOWN if self.is_down and request.path == USAGE else None

        with LoopbackAPI(self.organization, now=now, intercept=intercept) as api:
            self.here.set({"BUDGET_GATE_DEADLINE": "1"} if self.is_down else {})
            return self.here.check(api, *kept, *flags, policy=policy, now=how.get("now", now))

    @property
    def report(self) -> dict[str, Any]:
        """What the last run kept."""
        return self.here.program.report

    @property
    def titles(self) -> list[str]:
        """What Slack was told, in one line each."""
        return [
            slack.read(it).partition("\n")[0].partition(": ")[2] for it in self.channels.to_slack
        ]

    @property
    def not_posted(self) -> list[str]:
        """The report's warnings of posts that failed."""
        return [it["message"] for it in self.report["notes"] if it["code"] == "not_posted"]

    @property
    def codes(self) -> list[str]:
        """What the notes of the report are about."""
        return [it["code"] for it in self.report["notes"]]


@pytest.fixture
def hourly(here: Here) -> Iterator[Hourly]:
    """An hourly job in a folder without a report; every message is one that Slack takes."""
    job: Hourly

    def answer(posted: Posted) -> Answer | None:
        return job.failing.get("slack" if is_to_slack(posted) else "webhook")

    with Channels(answer) as channels:
        here.set(channels.environment)
        job = Hourly(here, channels)
        yield job
    assert channels.refusals == []


# Once


def test_a_breach_is_posted_once(hourly: Hourly) -> None:
    """And not again by the runs of the next hours, which all fail."""
    for hour in range(4):
        assert hourly.run(hour, BREACHED + TO_BOTH).code == 1
    assert hourly.titles == ["breached"]
    assert len(hourly.channels.to_hook) == 1


def test_what_holds_is_not_posted(hourly: Hourly) -> None:
    """Nor is there anything to note."""
    for hour in range(2):
        assert hourly.run(hour, OK + TO_BOTH).code == 0
    assert hourly.channels.posts == []
    assert {"not_posted", "posted_anew"} & {*hourly.codes} == set()


def test_a_recovery_is_posted_once_and_a_breach_after_it_again(hourly: Hourly) -> None:
    """By both channels alike."""
    policies = [OK, BREACHED, BREACHED, OK, OK, BREACHED, BREACHED, WARNS, OK]
    for hour, policy in enumerate(policies):
        hourly.run(hour, policy + TO_BOTH)
    assert hourly.titles == [
        "breached",
        "within budget again",
        "breached",
        "no longer red: warning",
        "within budget again",
    ]
    posted = [it.body["status"] for it in hourly.channels.to_hook]
    assert posted == ["breached", "ok", "breached", "warning", "ok"]


def test_a_warning_that_becomes_a_breach_is_posted(hourly: Hourly) -> None:
    """Each for what it is."""
    for hour, policy in enumerate([WARNS, WARNS, BREACHED]):
        hourly.run(hour, policy + TO_SLACK)
    assert hourly.titles == ["warning", "breached"]


def test_what_only_a_ledger_has_is_posted_and_the_breach_after_it(
    hourly: Hourly, ledger_server: Server
) -> None:
    """$18.30, and $3 that the report does not have: undecided at a cap of $20, twice, and then a breach; no password."""
    kind = ("standard", "0-200k", "global", "standard")
    tokens = {"uncached_input": 1_000_000}
    late = Record(NOW, "msg_1", "production", "claude-sonnet-4-5", *kind, tokens)
    there = Usage(NOW, PRODUCTION, "claude-sonnet-4-5", uncached=1_000_000)
    whole = Organization([*ORGANIZATION.usage, there], ORGANIZATION.workspaces)
    codes = []
    for hour, organization in enumerate((ORGANIZATION, ORGANIZATION, ORGANIZATION, whole)):
        hourly.organization = organization
        with ledger_server.driver() as redis:
            ledger.write(redis, [late] if hour else [], now=NOW + hour * HOUR)
        with ledger_server.at(NOW + hour * HOUR) as url:
            secret = url.replace("//", "//default:xxLEDGERxxSECRETxx@")
            codes.append(hourly.run(hour, OWN + TO_BOTH, "--ledger", secret).code)
    assert codes == [0, 3, 3, 1]
    assert hourly.titles == ["undecided", "breached"]
    assert [it.body["status"] for it in hourly.channels.to_hook] == ["uncertain", "breached"]
    assert_says(slack.read(hourly.channels.to_slack[0]), "$18.30", "$21.30", "ledger")
    assert not [it for it in hourly.channels.posts if b"xxLEDGERxxSECRETxx" in it.raw]


def test_what_was_told_stands_in_the_report(hourly: Hourly) -> None:
    """The time of the post, not that of the run after it."""
    for hour in range(3):
        hourly.run(hour, BREACHED + TO_BOTH)
    assert hourly.report["notified"] == {
        name: {
            "at": "2026-11-15T12:00:00Z",
            "status": "breached",
            "budgets": {"global": "breached"},
            "alerts": {},
        }
        for name in ("slack", "webhook")
    }


def test_a_channel_that_is_new_is_told(hourly: Hourly) -> None:
    """The other knows already."""
    hourly.run(0, BREACHED + TO_SLACK)
    hourly.run(1, BREACHED + TO_BOTH)
    assert (hourly.titles, len(hourly.channels.to_hook)) == (["breached"], 1)


def test_a_policy_without_channels_tells_nobody(hourly: Hourly) -> None:
    """And its report knows of none."""
    hourly.run(0, BREACHED + TO_SLACK)
    hourly.run(1, BREACHED)
    assert (hourly.titles, hourly.report["notified"]) == (["breached"], {})


# What is posted


def test_the_webhook_is_sent_the_report(hourly: Hourly) -> None:
    """All of it, but for what came of posting it."""
    hourly.run(0, BREACHED + TO_HOOK)
    (posted,) = hourly.channels.to_hook
    written = hourly.report
    notes = [it for it in written["notes"] if it["code"] not in ("posted_anew", "not_posted")]
    assert posted.body == {**written, "notified": posted.body["notified"], "notes": notes}
    assert posted.body["notified"] == {}
    assert posted.body["headline"] == written["headline"]


def test_slack_is_told_the_verdict(hourly: Hourly) -> None:
    """In the same words as the report, with links to the run."""
    hourly.here.set(
        {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "OWNER/NAME"}
        | {"GITHUB_RUN_ID": "7", "GITHUB_SHA": "a" * 40}
    )
    hourly.run(0, BREACHED + TO_SLACK)
    (told,) = hourly.channels.to_slack
    assert_says(told["text"], "Budget breached: organization", "$18.30", "$0.01 over", "$18.29")
    assert_says(slack.read(told), "breached", "$18.30", "claude-sonnet-4-5", "$18.00")
    assert slack.links(told)["This run and its notes"].endswith("/OWNER/NAME/actions/runs/7")
    assert hourly.report["headline"] in told["text"]


def test_every_change_has_a_key_of_its_own(hourly: Hourly) -> None:
    """By which a receiver knows a post that it has had before."""
    for hour, policy in enumerate([BREACHED, OK, BREACHED, WARNS]):
        hourly.run(hour, policy + TO_HOOK)
    keys = [it.key for it in hourly.channels.to_hook]
    assert len({*keys}) == len(keys) == 4
    assert all(re.fullmatch(r"[0-9a-f]{64}", key) for key in keys)


def test_without_a_last_report_a_state_has_one_key_a_month(hourly: Hourly) -> None:
    """Nobody knows whether the receiver had the post before; that of next month it did not have."""
    hourly.is_down = True
    for hour in (0, 1, 24 * 16):
        hourly.run(hour, OK + TO_HOOK, kept=())
    first, second, next_month = (it.key for it in hourly.channels.to_hook)
    assert first == second != next_month


# Reminders


def test_a_breach_is_told_again_after_that_time(hourly: Hourly) -> None:
    """Every 24 hours since the last post; each reminder has a key of its own."""
    for hour in (0, 23, 24, 25, 47, 48):
        hourly.run(hour, BREACHED + REMIND)
    assert hourly.titles[0] == "breached"
    assert hourly.titles[1:] == ["still breached since Nov 15"] * 2
    assert len({it.key for it in hourly.channels.to_hook}) == 3


# Failed posts


FAILURES: dict[str, tuple[Answer, tuple[str, ...]]] = {
    "not found": (Answer(404, "no_service"), ("404", "no_service")),
    "server error": (Answer(500, "rollup_error"), ("500", "rollup_error")),
    "redirect": (Answer(302, "", {"location": "https://elsewhere.example"}), ("302",)),
    "no HTTP": (GARBAGE, ("not valid HTTP",)),
    "silent": (SILENT, ("no answer within 0.5 seconds",)),
    "dripping": (DRIPPING, ("no answer within 0.5 seconds",)),
    "quoting": (QUOTING, ("404",)),
}


@pytest.mark.parametrize(("answer", "facts"), FAILURES.values(), ids=FAILURES)
def test_a_failed_post_is_a_warning_and_is_tried_again(
    hourly: Hourly, monkeypatch: pytest.MonkeyPatch, answer: Answer, facts: tuple[str, ...]
) -> None:
    """By the next run, with the same key; the verdict is what it is."""
    monkeypatch.setattr(notify, "DEADLINE", 0.5)
    hourly.failing = {"webhook": answer}
    for hour in range(2):
        run = hourly.run(hour, BREACHED + TO_HOOK)
        assert run.code == 1
        (message,) = hourly.not_posted
        assert_says(message, "not posted to webhook", *facts)
        assert_says(run.stderr, "warning", "not posted to webhook", *facts)
        assert hourly.report["notified"] == {}
    hourly.failing = {}
    for hour in range(2, 4):
        run = hourly.run(hour, BREACHED + TO_HOOK)
        assert (run.code, hourly.not_posted, run.stderr) == (1, [], "")
    posts = hourly.channels.to_hook
    assert len(posts) == 3
    assert len({it.key for it in posts}) == 1


def test_a_refused_connection_is_tried_again(hourly: Hourly) -> None:
    """As any failed post."""
    hourly.here.set({"SLACK_WEBHOOK_URL": "http://127.0.0.1:9" + SLACK_PATH})
    assert hourly.run(0, BREACHED + TO_SLACK).code == 1
    (message,) = hourly.not_posted
    assert_says(message, "slack", "the connection failed")
    hourly.here.set(hourly.channels.environment)
    hourly.run(1, BREACHED + TO_SLACK)
    assert (hourly.titles, hourly.not_posted) == (["breached"], [])


def test_a_failed_recovery_is_tried_again(hourly: Hourly) -> None:
    """And ends in exit code 0: the budgets hold."""
    hourly.run(0, BREACHED + TO_HOOK)
    hourly.failing = {"webhook": Answer(500)}
    assert hourly.run(1, OK + TO_HOOK).code == 0
    assert len(hourly.not_posted) == 1
    hourly.failing = {}
    assert hourly.run(2, OK + TO_HOOK).code == 0
    keys = [it.key for it in hourly.channels.to_hook]
    assert (len(keys), keys[1] == keys[2], keys[0] == keys[1]) == (3, True, False)


def test_of_two_channels_one_may_fail(hourly: Hourly) -> None:
    """The other knows, and is not told again."""
    hourly.failing = {"slack": Answer(410, "channel_is_archived")}
    hourly.run(0, BREACHED + TO_BOTH)
    assert [*hourly.report["notified"]] == ["webhook"]
    assert_says(" ".join(hourly.not_posted), "slack", "410", "channel_is_archived")
    hourly.failing = {}
    hourly.run(1, BREACHED + TO_BOTH)
    assert [*hourly.report["notified"]] == ["slack", "webhook"]
    assert (len(hourly.channels.to_slack), len(hourly.channels.to_hook)) == (2, 1)


def test_a_failed_post_changes_no_green_run(hourly: Hourly) -> None:
    """A warning ends in 0, told or not."""
    hourly.failing = {"slack": Answer(500)}
    assert hourly.run(0, WARNS + TO_SLACK).code == 0
    assert hourly.report["status"] == "warning"


# The last report


@pytest.mark.parametrize("kept", [(), ("--report", "report.json")])
def test_without_a_last_report_every_run_that_is_not_ok_is_posted(
    hourly: Hourly, kept: tuple[str, ...]
) -> None:
    """And says so, with what to do."""
    for hour in range(2):
        run = hourly.run(hour, BREACHED + TO_SLACK, "--format", "json", kept=kept)
        (note,) = (it for it in run.report["notes"] if it["code"] == "posted_anew")
        assert note["level"] == "info"
        assert_says(note["message"], "no last report", "every run", "--last-report")
    assert hourly.titles == ["breached"] * 2


def test_without_a_last_report_what_holds_is_not_posted(hourly: Hourly) -> None:
    """There is nothing to say of that either."""
    run = hourly.run(0, OK + TO_SLACK, "--format", "json", kept=())
    assert (hourly.channels.posts, "posted_anew" in run.codes) == ([], False)


def test_a_first_run_has_no_last_report(hourly: Hourly) -> None:
    """Which it says; the second has one."""
    hourly.run(0, BREACHED + TO_SLACK)
    assert "posted_anew" in hourly.codes
    hourly.run(1, BREACHED + TO_SLACK)
    assert "posted_anew" not in hourly.codes


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100],
        lambda _: "",
        lambda text: text.replace("report/v1", "report/v2"),
        lambda text: text.replace('"at": "', '"at": "x'),
        lambda text: re.sub(r'("notified": \{\s+"slack": \{\s+)"at"', r'\1"when"', text),
        lambda text: text.replace(f'"organization": "{ORGANIZATION.id}"', '"organization": "x"'),
    ],
    ids=["cut", "empty", "another version", "no time", "no key", "another organization"],
)
def test_a_last_report_that_cannot_be_used_is_none(hourly: Hourly, damage: Any) -> None:
    """What was told is not known then, and so it is told again."""
    hourly.run(0, BREACHED + TO_SLACK)
    path = hourly.here.program.folder / "report.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(damage(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before
    assert hourly.run(1, BREACHED + TO_SLACK).code == 1
    assert hourly.titles == ["breached"] * 2
    assert "posted_anew" in hourly.codes


def test_a_report_of_a_version_that_posted_nothing_is_read(hourly: Hourly) -> None:
    """No channel was told by it; that is no last report missing."""
    hourly.run(0, BREACHED + TO_SLACK)
    kept = hourly.report
    del kept["notified"]
    hourly.here.program.write(json.dumps(kept), "report.json")
    hourly.run(1, BREACHED + TO_SLACK)
    assert hourly.titles == ["breached"] * 2
    assert "posted_anew" not in hourly.codes


def test_a_new_month_is_a_recovery(hourly: Hourly) -> None:
    """The report of last month knows what was told."""
    hourly.run(0, BREACHED + TO_SLACK)
    hourly.run(24 * 16, BREACHED + TO_SLACK)
    assert hourly.titles == ["breached", "within budget again"]
    assert hourly.report["period"]["start"] == "2026-12-01T00:00:00Z"


# What is no news to others


@pytest.mark.parametrize(
    "flags",
    [
        ("--as-of", "2026-11-15T11:00:00Z"),
        ("--month", "2026-10"),
        ("--month", "last"),
        ("--reserve", "100"),
    ],
)
def test_a_question_of_ones_own_is_not_posted(hourly: Hourly, flags: tuple[str, ...]) -> None:
    """A time of one's choice, or what is only reserved; what was told is carried on."""
    hourly.run(0, BREACHED + TO_BOTH)
    known = hourly.report["notified"]
    for policy in (BREACHED, OK):
        hourly.run(1, policy + TO_BOTH, *flags)
        assert hourly.report["notified"] == known
    assert len(hourly.channels.posts) == 2


def test_the_last_run_before_a_question_is_remembered(hourly: Hourly) -> None:
    """The next hourly run tells nothing again."""
    hourly.run(0, BREACHED + TO_BOTH)
    hourly.run(1, BREACHED + TO_BOTH, "--reserve", "1")
    hourly.run(2, BREACHED + TO_BOTH)
    assert len(hourly.channels.posts) == 2


# Unknown spend


def test_unknown_spend_is_posted_once_and_so_is_its_end(hourly: Hourly) -> None:
    """Exit code 3 meanwhile."""
    codes = []
    for hour, is_down in enumerate([False, True, True, False, False]):
        hourly.is_down = is_down
        codes.append(hourly.run(hour, OK + TO_BOTH).code)
    assert codes == [0, 3, 3, 0, 0]
    assert hourly.titles == ["spend unknown", "within budget again"]


def test_a_breach_that_the_last_report_proves_is_not_told_again(hourly: Hourly) -> None:
    """While the API is down, nor once it is back."""
    for hour, is_down in enumerate([False, True, True, False]):
        hourly.is_down = is_down
        assert hourly.run(hour, BREACHED + TO_BOTH).code == 1
    assert hourly.titles == ["breached"]


@pytest.mark.parametrize(
    ("flags", "policy", "is_down", "code", "title"),
    [
        (("--fail-on", "never"), BREACHED, False, 0, "breached"),
        (("--fail-on", "warning"), WARNS, False, 1, "warning"),
        (("--on-error", "warn"), OK, True, 0, "spend unknown"),
    ],
)
def test_what_is_not_enforced_is_posted_too(
    hourly: Hourly, flags: tuple[str, ...], policy: str, *, is_down: bool, code: int, title: str
) -> None:
    """What a run ends in is its own affair."""
    hourly.is_down = is_down
    for hour in range(2):
        assert hourly.run(hour, policy + TO_SLACK, *flags).code == code
    assert hourly.titles == [title]


def test_only_what_decides_is_posted(hourly: Hourly) -> None:
    """A budget that the run was told to leave out is no news."""
    policy = BREACHED + "workspaces:\n  production: {cap: 100}\n" + TO_SLACK
    assert hourly.run(0, policy, "--budget", "workspaces.production").code == 0
    assert hourly.channels.posts == []


def test_quiet_still_posts_and_warns(hourly: Hourly) -> None:
    """One line on stdout, and the warning on stderr."""
    hourly.failing = {"slack": Answer(500)}
    run = hourly.run(0, BREACHED + TO_SLACK, "--quiet")
    assert len(run.stdout.splitlines()) == 1
    assert_says(run.stderr, "warning", "not posted to slack", "500")


# Variables and secrets


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_set_is_a_warning(hourly: Hourly, value: str | None) -> None:
    """In every run, as a channel that nobody can reach is silence; the verdict is what it is."""
    hourly.here.patch.delenv("SLACK_WEBHOOK_URL")
    if value is not None:
        hourly.here.set({"SLACK_WEBHOOK_URL": value})
    for hour, (policy, code) in enumerate([(OK, 0), (BREACHED, 1)]):
        run = hourly.run(hour, policy + TO_SLACK)
        assert run.code == code
        (message,) = hourly.not_posted
        assert_says(message, "slack", "SLACK_WEBHOOK_URL is not set")
        assert_says(run.stderr, "SLACK_WEBHOOK_URL is not set")


WRONG = (
    "http://elsewhere.example/xxWRONGxxSECRETxx",
    "sk-ant-admin01-xxWRONGxxSECRETxx",
    "ftp://127.0.0.1/xxWRONGxxSECRETxx",
    "https://user:xxWRONGxxSECRETxx@elsewhere.example/",
    "https://elsewhere.example/#xxWRONGxxSECRETxx",
    "https://elsewhere.example/\u00e9xxWRONGxxSECRETxx",
    "https://elsewhere.example:0/xxWRONGxxSECRETxx",
    "https://[xxWRONGxxSECRETxx",
    "//elsewhere.example/xxWRONGxxSECRETxx",
    "xxWRONGxxSECRETxx",
)


@pytest.mark.parametrize("value", WRONG)
def test_a_variable_that_holds_no_address_shows_no_value(hourly: Hourly, value: str) -> None:
    """It may be a key, or an address that is a secret all the same."""
    hourly.here.set({**hourly.here.program.step, "SLACK_WEBHOOK_URL": value})
    run = hourly.run(0, BREACHED + TO_SLACK)
    assert run.code == 1
    assert "slack: SLACK_WEBHOOK_URL" in " ".join(hourly.not_posted)
    assert hourly.channels.posts == []
    assert "xxWRONGxx" not in everything(hourly, run)
    assert f"::add-mask::{value}" in run.stderr


def everything(hourly: Hourly, run: Run) -> str:
    """All that a run shows anybody, but for the masks, which the runner takes out of its log."""
    around = hourly.here.program.folder.parent
    masked = re.sub("^::add-mask::.*$", "", run.stderr, flags=re.MULTILINE)
    files = [around / "summary.md", around / "output", around / "checkout" / "report.json"]
    posted = [it.raw.decode() for it in hourly.channels.posts]
    return "\n".join([run.stdout, masked, *map(content, files), *posted])


@pytest.mark.parametrize("answer", [Answer(), QUOTING, Answer(500, "x"), GARBAGE])
@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_no_secret_is_shown(hourly: Hourly, answer: Answer, form: str) -> None:
    """Neither the address nor a part of it: on no stream, in no file, and to no channel."""
    hourly.failing = {"slack": answer, "webhook": answer}
    hourly.here.set(hourly.here.program.step)
    run = hourly.run(0, BREACHED + TO_BOTH, "--format", form)
    shown = everything(hourly, run)
    assert not [secret for secret in SECRETS if secret in shown]
    assert hourly.channels.url not in shown


def test_a_name_that_is_a_secret_is_blotted_out(hourly: Hourly) -> None:
    """Should an answer of the API echo it."""
    address = hourly.channels.environment["SLACK_WEBHOOK_URL"]
    named = [
        replace(it, name=address) if it.name == "production" else it
        for it in ORGANIZATION.workspaces
    ]
    hourly.organization = Organization(ORGANIZATION.usage, named)
    hourly.here.set(hourly.here.program.step)
    run = hourly.run(0, BREACHED + TO_BOTH)
    assert len(hourly.channels.posts) == 2
    assert SECRETS[0] not in everything(hourly, run)


@pytest.mark.parametrize(
    "name",
    ["<!channel> *x* :tada: `", *(it for it in EVIL if it != SURROGATE)],
    ids=lambda it: ascii(it)[:24],
)
def test_a_hostile_name_is_text_in_slack(hourly: Hourly, name: str) -> None:
    """From the API to the message: it makes what any name makes, and wakes nobody."""
    kinds = []
    for called in (name, PLAIN):
        named = [
            replace(it, name=called) if it.name == "production" else it
            for it in ORGANIZATION.workspaces
        ]
        hourly.organization = Organization(ORGANIZATION.usage, named)
        run = hourly.run(0, "version: 1\nunlisted: {cap: 1}\n" + TO_SLACK, kept=())
        assert run.code == 1
        kinds.append(slack.kinds(hourly.channels.to_slack[-1]))
    assert kinds[0] == kinds[1]
    assert set(kinds[0]) <= {"code", "link"}


def test_the_runner_is_told_to_mask_the_addresses(hourly: Hourly) -> None:
    """Before anything is posted; each, and its path, as errors name that alone."""
    hourly.here.set(hourly.here.program.step)
    run = hourly.run(0, BREACHED + TO_BOTH)
    masks = re.findall("^::add-mask::(.*)$", run.stderr, re.MULTILINE)
    for address in hourly.channels.environment.values():
        assert {address, address.removeprefix(hourly.channels.url)} <= {*masks}


def test_a_bug_shows_no_secret(hourly: Hourly, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback of an error that nobody thought of."""

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(os.environ["SLACK_WEBHOOK_URL"])

    monkeypatch.setattr(notify, "render_slack", broken)
    hourly.here.set(hourly.here.program.step)
    run = hourly.run(0, BREACHED + TO_SLACK)
    assert run.code == 4
    assert SECRETS[0] not in everything(hourly, run)


def test_warnings_of_posts_are_annotations(hourly: Hourly) -> None:
    """In the step summary as well."""
    hourly.failing = {"slack": Answer(404, "no_service")}
    hourly.here.set(hourly.here.program.step)
    hourly.run(0, BREACHED + TO_SLACK)
    assert_says(hourly.here.program.summary, "not posted to slack", "404")


# Signals, threads and processes


@contextmanager
def processes(tmp_path: Path, **failing: Answer) -> Iterator[tuple[Gate, Channels, dict[str, str]]]:
    """The program beside an API and channels, to be started as a process."""
    program = Gate(tmp_path / "checkout")
    program.folder.mkdir()
    program.write(BREACHED + TO_BOTH)

    def answer(posted: Posted) -> Answer | None:
        return failing.get("slack" if is_to_slack(posted) else "webhook")

    with LoopbackAPI(ORGANIZATION, now=NOW) as api, Channels(answer) as channels:
        yield program, channels, {"ANTHROPIC_BASE_URL": api.url, **channels.environment}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_posting_does_not_lose_the_verdict(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It ends the wait: the breach is told at once, what was taken is known, and the rest is tried again."""
    with processes(tmp_path, slack=SILENT) as (program, channels, environment):
        process = program.start("check", *KEPT, environment=environment)
        channels.wait_for(2)
        # The answer is on its way.
        threading.Event().wait(0.5)
        process.send_signal(number)
        run = ended(process, 10)
    assert run.code == 1
    assert f"not posted to slack: {number.name}" in run.stderr
    assert "Budget breached" in run.stdout
    assert [*program.report["notified"]] == ["webhook"]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("answer", [SILENT, DRIPPING], ids=["silent", "dripping"])
def test_a_run_leaves_no_process_behind(tmp_path: Path, answer: Answer) -> None:
    """Nor does it wait for a channel that never ends, once its time is up."""
    with processes(tmp_path, slack=answer, webhook=answer) as (program, channels, environment):
        launch = (*ISOLATED[:-1], ISOLATED[-1].replace("runpy.run_module", IMPATIENT))
        process = program.start("check", *KEPT, environment=environment, launch=launch)
        run = ended(process, 10)
    assert len(channels.posts) == 2
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr


def test_a_run_that_a_signal_ends_posts_nothing(hourly: Hourly) -> None:
    """Whoever ends it knows; what was told before is kept."""
    hourly.run(0, BREACHED + TO_BOTH)
    known = hourly.report["notified"]
    asked = threading.Lock()

    def interrupt(request: Request, _: int) -> Response | None:
        # Once: a request that the run has left behind would end the tests.
        if request.path == USAGE and asked.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGTERM)
        return None

    before = signal.getsignal(signal.SIGTERM)
    try:
        with LoopbackAPI(ORGANIZATION, now=NOW, intercept=interrupt) as api:
            run = hourly.here.check(api, *KEPT, policy=OK + TO_BOTH, now=NOW + HOUR)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert run.code == 3
    assert "interrupted" in hourly.codes
    assert hourly.report["notified"] == known
    assert len(hourly.channels.posts) == 2


def test_no_thread_is_left(hourly: Hourly) -> None:
    """Where every channel answers."""
    before = {*threading.enumerate()}
    hourly.run(0, BREACHED + TO_BOTH)
    left = [it for it in threading.enumerate() if it not in before and not it.daemon]
    assert left == []
