"""The command `verdict`: by a report that a check wrote to a file, without a key and without a request."""

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers.inert import EVIL, SURROGATE, assert_inert, left_by, way_id
from tests.helpers.runner import read_commands, read_outputs
from tests.helpers.running import (
    BREACHED,
    NOW,
    OK,
    ORGANIZATION,
    PRODUCTION,
    RECORDED,
    RECORDED_AT,
    WARNS,
    Here,
    Run,
)
from tests.helpers.serving import down
from tests.helpers.surface import flags_of, help_of
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI

HOUR = timedelta(hours=1)
WITHOUT_KEY = {"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_AUTH_TOKEN": "", "ANTHROPIC_BASE_URL": ""}
# 18 USD in production, 0.30 elsewhere.
TEAM = "version: 1\nglobal: {cap: 100}\nworkspaces: {production: {cap: 50}}\n"


def keep(here: Here, *flags: str, policy: str = OK, now: datetime = NOW) -> None:
    """Has a check write report.json, as the hourly run does, and takes the policy away."""
    with LoopbackAPI(ORGANIZATION, now=now) as api:
        here.check(api, "--report", "report.json", *flags, policy=policy, now=now)
    (here.program.folder / "budget.yml").unlink()


def verdict(here: Here, *flags: str, age: timedelta = HOUR, **how: Any) -> Run:
    """A verdict by report.json, so long after it was written, where nobody has a key."""
    how = {"environment": WITHOUT_KEY, "now": NOW + age, **how}
    return here.main("verdict", "--report", "report.json", *flags, **how)


def told(run: Run) -> str:
    """What a verdict says on a terminal, without the address that the check asked."""
    return re.sub(r", asked at \S+", "", run.said)


# How it ends


@pytest.mark.parametrize(
    ("policy", "code", "headline"),
    [
        (OK, 0, "Within budget: $18.30 spent in November"),
        (WARNS, 0, "Warning: organization"),
        (BREACHED, 1, "Budget breached: organization"),
    ],
)
@pytest.mark.parametrize("has_policy", [True, False])
def test_the_verdict_of_the_check_stands(
    here: Here, policy: str, code: int, headline: str, *, has_policy: bool
) -> None:
    """The first line has it with the time and the age of the report, with the same policy at hand or none."""
    keep(here, policy=policy)
    run = verdict(here, age=timedelta(minutes=23), policy=policy if has_policy else None)
    assert (run.code, run.stderr) == (code, "")
    first = run.stdout.splitlines()[0]
    assert first.startswith(f"As of Nov 15, 12:00 UTC, 23 minutes ago: {headline}")


def test_an_old_report_is_3_unless_a_breach_is_certain(here: Here) -> None:
    """Four hours later: what was within its cap may be above it, and what was above it still is."""
    keep(here)
    run = verdict(here, age=4 * HOUR)
    assert run.code == 3
    assert_says(told(run), "Nov 15, 12:00 UTC, 4 hours ago", "spend unknown", "4 hours old")
    keep(here, policy=BREACHED)
    run = verdict(here, age=4 * HOUR)
    assert run.code == 1
    assert_says(told(run), "4 hours ago", "still over budget", "organization", "$18.29 cap")


@pytest.mark.parametrize(
    ("max_age", "code"), [("239m", 3), ("240m", 0), ("4h", 0), ("3h", 3), ("2d", 0)]
)
@pytest.mark.parametrize("is_flag", [True, False])
def test_the_age_is_set_by_a_flag_or_a_variable(
    here: Here, max_age: str, code: int, *, is_flag: bool
) -> None:
    """In minutes, hours or days."""
    keep(here)
    flags = ("--max-age", max_age) if is_flag else ()
    given = {} if is_flag else {"BUDGET_GATE_MAX_AGE": max_age}
    assert verdict(here, *flags, age=4 * HOUR, environment=WITHOUT_KEY | given).code == code


@pytest.mark.parametrize(
    "text", ["3", "h", "0h", "-1h", "1.5h", "3H", "32d", "99999m", "3h 5m", "٣h"]
)
def test_an_age_that_is_none_is_an_error(here: Here, text: str) -> None:
    """Exit code 2, with what was written and how to write it."""
    run = verdict(here, f"--max-age={text}")
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "--max-age", repr(text), "write 90m, 3h or 2d")


# What a check may have written


def test_a_report_that_is_not_there_is_3(here: Here) -> None:
    """A cache that was not restored: the remedy is named."""
    run = verdict(here, policy=OK)
    assert run.code == 3
    assert_says(told(run), "spend unknown", "no report at report.json", "restore")


def test_a_report_that_is_damaged_is_3(here: Here) -> None:
    """Cut off in its middle."""
    keep(here)
    text = here.program.text("report.json")
    here.program.write(text[: len(text) // 2], "report.json")
    run = verdict(here)
    assert run.code == 3
    assert_says(told(run), "report.json is damaged", "run the check")


def test_an_outage_of_the_check_is_told(here: Here) -> None:
    """Its report knows no spend, and says why."""
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=down) as api:
        here.check(api, "--report", "report.json", policy=OK)
    run = verdict(here)
    assert run.code == 3
    assert_says(told(run), "1 hour ago", "spend unknown", "not now")


def test_an_outage_after_a_breach_is_a_breach(here: Here) -> None:
    """The check itself went by its last report, and so does the verdict."""
    keep(here, policy=BREACHED)
    here.program.write(BREACHED)
    with LoopbackAPI(ORGANIZATION, now=NOW + HOUR, intercept=down) as api:
        flags = ("--report", "report.json", "--last-report", "report.json")
        assert here.check(api, *flags, now=NOW + HOUR).code == 1
    run = verdict(here, age=2 * HOUR)
    assert run.code == 1
    assert_says(told(run), "judged by the report of Nov 15, 12:00 UTC", "still over budget")


REFUSED: dict[str, tuple[Callable[[Here], None], str]] = {
    "of a time by --as-of": (
        lambda here: keep(here, "--as-of", "2026-11-15T10:00:00Z"),
        "setting named",
    ),
    "of a whole month": (lambda here: keep(here, "--month", "last"), "all of October 2026"),
    "of some budgets": (lambda here: keep(here, "--budget", "global", policy=TEAM), "production"),
    "with a reservation": (lambda here: keep(here, "--reserve", "5"), "--reserve"),
    "of the last month": (
        lambda here: keep(here, now=datetime(2026, 10, 31, 23, 50, tzinfo=UTC)),
        "October 2026",
    ),
    "of the future": (lambda here: keep(here, now=NOW + 2 * HOUR), "clock"),
    "of the policy alone": (lambda here: keep(here, "--offline"), "--offline"),
}


@pytest.mark.parametrize(("write", "fact"), REFUSED.values(), ids=REFUSED)
def test_a_report_of_another_kind_is_3(
    here: Here, write: Callable[[Here], None], fact: str
) -> None:
    """Each as a check writes it: all was within its caps there, and nothing is known to be now."""
    write(here)
    run = verdict(here, "--max-age", "31d")
    assert run.code == 3
    assert_says(told(run), "spend unknown", fact)


def test_saved_pages_of_a_part_of_the_month_are_3(here: Here) -> None:
    """By a recorded page, within its cap."""
    arguments = ("check", *RECORDED, "--partial", "--report", "report.json")
    assert here.main(*arguments, policy=OK, now=RECORDED_AT).code == 0
    run = verdict(here, now=RECORDED_AT + HOUR)
    assert run.code == 3
    assert_says(told(run), "part of the month", "--partial")


def test_what_a_check_was_to_let_pass_does_not_pass(here: Here) -> None:
    """The hourly run had `fail-on: never`."""
    keep(here, "--fail-on", "never", policy=BREACHED)
    assert here.program.report["enforced"] is False
    run = verdict(here)
    assert run.code == 1
    assert "NOT ENFORCED" not in run.stdout


def test_a_verdict_is_no_report_of_a_check(here: Here) -> None:
    """What it prints as JSON is of now, by a time of before: no other verdict goes by it for longer."""
    keep(here)
    printed = verdict(here, "--format", "json")
    assert printed.report["judged_at"] == "2026-11-15T13:00:00Z"
    here.program.write(printed.stdout, "report.json")
    assert verdict(here, age=2 * HOUR).code == 3


# The policy at hand


def test_another_cap_is_3_with_both_caps(here: Here) -> None:
    """A pull request that raises a cap passes by no old verdict, nor does it fail by one."""
    for text in (OK, BREACHED):
        keep(here, policy=text)
        run = verdict(here, policy="version: 1\nglobal: {cap: 200}\n")
        assert run.code == 3
        cap = "$100" if text == OK else "$18.29"
        assert_says(told(run), "organization", f"{cap} in the report", "$200 in the policy")


def test_another_organization_is_3(here: Here) -> None:
    """The report names the one of its credential, and the policy another."""
    keep(here)
    other = "99999999-2222-4333-8444-555555555555"
    run = verdict(here, policy=f'{OK}organization: "{other}"\n')
    assert run.code == 3
    assert_says(told(run), ORGANIZATION.id, other)
    assert verdict(here, policy=f'{OK}organization: "{ORGANIZATION.id}"\n').code == 0


def test_a_policy_is_found_or_named_as_by_a_check(here: Here) -> None:
    """By its usual names or by --policy; one that is named and missing, or wrong, is an error."""
    keep(here)
    here.program.write(BREACHED, ".github/budget.yml")
    assert verdict(here).code == 3
    here.program.write(OK, "other.yml")
    assert verdict(here, "--policy", "other.yml").code == 0
    assert_says(verdict(here, "--policy", "othr.yml").stderr, "does not exist", "other.yml")
    assert verdict(here, policy="version: 1\nglobal: {cpa: 1}\n").code == 2


def test_the_place_of_a_cap_is_that_of_the_policy_at_hand(here: Here) -> None:
    """By its line there; without a policy by that of the run's own."""
    keep(here, policy=BREACHED)
    assert "(budget.yml:3)" in verdict(here, policy=f"# A comment.\n{BREACHED}").said
    (here.program.folder / "budget.yml").unlink()
    assert "(policy:2)" in verdict(here).said


# Deploys


def test_only_the_named_budget_decides(here: Here) -> None:
    """A breach of the organization's does not stop production's deploy, by flag or variable."""
    keep(here, policy=TEAM.replace("100", "18"))
    assert verdict(here).code == 1
    run = verdict(here, "--budget", "workspaces.production")
    assert run.code == 0
    assert_says(told(run), "not checked here", "organization (breached)")
    given = WITHOUT_KEY | {"BUDGET_GATE_BUDGETS": f"workspaces.{PRODUCTION}"}
    assert verdict(here, environment=given).code == 0


@pytest.mark.parametrize(
    ("amount", "code"), [("32", 0), ("32.01=production", 1), ("81.70", 0), ("81.71", 1)]
)
def test_a_reservation_is_held_against_the_report(here: Here, amount: str, code: int) -> None:
    """18 of 50 USD are spent in production, and 18.30 of 100 altogether."""
    keep(here, policy=TEAM)
    run = verdict(here, "--reserve", amount)
    assert run.code == code
    if code:
        assert_says(told(run), "reservation refused", "reserved")


@pytest.mark.parametrize(
    ("flags", "facts"),
    [
        (("--budget", "workspaces.producton"), ["producton", "workspaces.production"]),
        (("--reserve", "5=producton"), ["producton", "in the report", "production"]),
        (("--reserve", ""), ["--reserve", "empty"]),
        (("--reserve", "5=staging", "--budget", "workspaces.production"), ["staging"]),
    ],
)
def test_what_the_report_does_not_know_is_an_error(
    here: Here, flags: tuple[str, ...], facts: list[str]
) -> None:
    """Exit code 2, with what may be meant."""
    keep(here, policy=TEAM)
    run = verdict(here, *flags)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr.splitlines()[-1] if "usage" in run.stderr else run.stderr, *facts)


# Settings


def test_a_report_has_to_be_named(here: Here) -> None:
    """By the flag or by its variable, and not by the one that names what a check writes."""
    keep(here)
    run = here.main("verdict", now=NOW)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "no report", "--report", "verdict-from")
    given = WITHOUT_KEY | {"BUDGET_GATE_VERDICT_FROM": "report.json"}
    assert here.main("verdict", now=NOW, environment=given).code == 0


OF_A_CHECK = {
    "BUDGET_GATE_REPORT": "other.json",
    "BUDGET_GATE_BADGE": "badge.json",
    "BUDGET_GATE_LAST_REPORT": "report.json",
    "BUDGET_GATE_AS_OF": "2026-11-15T12:00:00Z",
    "BUDGET_GATE_MONTH": "last",
    "BUDGET_GATE_OFFLINE": "true",
    "BUDGET_GATE_BASE_POLICY": "base.yml",
    "BUDGET_GATE_LEDGER": "redis://127.0.0.1:9/0",
}


@pytest.mark.parametrize(("variable", "value"), OF_A_CHECK.items())
def test_what_is_for_a_check_is_an_error(here: Here, variable: str, value: str) -> None:
    """It would be passed over otherwise; the report itself is not written over."""
    keep(here)
    before = here.program.text("report.json")
    run = verdict(here, environment=WITHOUT_KEY | {variable: value})
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "verdict", variable, "leave that out")
    assert here.program.text("report.json") == before


def test_settings_that_a_check_has_as_well_hold(here: Here) -> None:
    """`fail-on` and `on-error`, by flag and by variable."""
    keep(here, policy=WARNS)
    assert verdict(here, "--fail-on", "warning").code == 1
    given = WITHOUT_KEY | {"BUDGET_GATE_FAIL_ON": "warning"}
    assert verdict(here, environment=given).code == 1
    run = verdict(here, "--on-error", "warn", age=4 * HOUR)
    assert run.code == 0
    assert "NOT ENFORCED (on-error: warn)" in told(run)


def test_it_says_how_it_is_called() -> None:
    """Its flags are those of the page; its help that it reads no credential, with every exit code."""
    own = {"--report", "--max-age", "--policy", "--budget", "--reserve"}
    assert flags_of("verdict") == own | {"--fail-on", "--on-error", "--format"}
    shown = help_of("verdict")
    listed = re.findall(r"(?<= )\d(?= [a-z])", shown.partition("exit codes:")[2])
    assert listed == ["0", "1", "2", "3", "4"]
    assert shown.endswith("No credential is read, and no request is made. ")


def test_no_request_is_made(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though there is a key and an API: nothing connects to anything."""
    keep(here)

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        run = verdict(here, environment={"ANTHROPIC_BASE_URL": api.url})
        assert (run.code, api.requests) == (0, [])


def test_a_process_without_anything_in_its_environment_judges(here: Here) -> None:
    """As in a job of a fork: exit code 1 by a process, and its stdout is the report."""
    keep(here, policy=BREACHED)
    run = here.program.run("verdict", "--report", "report.json", environment=WITHOUT_KEY)
    assert (run.code, run.stderr) == (1, "")
    assert "Budget breached" in run.stdout


# What a step of a workflow sees


def test_the_step_has_outputs_a_summary_and_annotations(step: Here) -> None:
    """As those of a check."""
    keep(step, policy=BREACHED)
    forget(step)
    shown = left_by(verdict(step, policy=BREACHED), step)
    outputs = read_outputs(shown.output)
    assert (outputs["status"], outputs["enforced"]) == ("breached", "true")
    assert (outputs["spend-usd"], outputs["cap-usd"]) == ("18.3", "18.29")
    assert json.loads(outputs["breached"]) == ["global"]
    assert (outputs["report"], outputs["changed"]) == ("", "")
    assert outputs["headline"].startswith("As of Nov 15, 12:00 UTC, 1 hour ago: Budget breached")
    assert_says(shown.summary, "budget-gate: breached", "1 hour ago", "organization")
    (command,) = read_commands(shown.run.stderr)
    assert (command[0], command[1]["file"], command[1]["line"]) == ("error", "budget.yml", "2")


def test_a_report_that_proves_nothing_has_outputs(step: Here) -> None:
    """The status unverified, which lets the step after it know."""
    shown = left_by(verdict(step), step)
    outputs = read_outputs(shown.output)
    assert (shown.run.code, outputs["status"], outputs["spend-usd"]) == (3, "unverified", "")
    assert_says(shown.summary, "spend unknown", "no report at")


def test_a_policy_that_is_not_at_hand_is_linked_to_nowhere(step: Here) -> None:
    """At which commit that run's was, is not known; the policy at hand is that of this commit."""
    step.set(
        {
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "OWNER/NAME",
            "GITHUB_SHA": "0" * 40,
        }
    )
    keep(step, policy=BREACHED)
    forget(step)
    verdict(step)
    assert "/blob/" not in step.program.summary
    verdict(step, policy=BREACHED)
    assert "/blob/" in step.program.summary


# Text of strangers


@pytest.mark.parametrize("text", [it for it in EVIL if SURROGATE not in it], ids=way_id)
def test_names_in_a_report_are_text(step: Here, text: str) -> None:
    """Of a workspace, a budget, a model, a note and an organization, as a stranger may have written them."""
    keep(step, policy=TEAM)
    forget(step)
    left = step.program.report
    for budget in left["budgets"]:
        budget["name"] = budget["reason"] = text
    for row in left["workspaces"]:
        row["name"] = text
    for row in left["models"]:
        row["id"] = text
    left["prices"]["overrides"] = [text]
    left["organization"] = text
    codes = ("alert_daily", text)
    left["notes"] = [{"level": "warning", "code": it, "message": text} for it in codes]
    mover = {"workspace": text, "model": text, "more": "1"}
    left["alerts"] = [
        {"kind": "daily", "budget": text, "now": "2", "before": "1", "message": text}
        | {"movers": [mover]}
    ]
    ours = f'{TEAM}organization: "{ORGANIZATION.id}"\n'
    for policy, code in ((None, 0), (TEAM, 3), (ours, 3)):
        step.program.write(json.dumps(left), "report.json")
        run = verdict(step, policy=policy, environment={})
        assert run.code == code, run.stderr
        assert_inert(left_by(run, step))


def forget(step: Here) -> None:
    """Takes away what the check left as a step, but for its report."""
    for name in ("summary.md", "output"):
        (step.program.folder.parent / name).unlink()
    step.streams.readouterr()
