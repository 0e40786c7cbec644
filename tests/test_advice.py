"""Advice that was tried: followed to the letter, the run that gave it no longer fails so."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.helpers.running import NOW, RECORDING, Here
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Organization
from tests.world.loopback import Workspace as Listed
from tests.world.oracle import Usage

PRODUCTION = "wrkspc_01EXAMPLEPROD"
OK = "version: 1\nglobal: {cap: 100000, forecast: off}\n"
CARD = "{input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.3}"


def organization(**dimensions: Any) -> Organization:
    """A million output tokens of yesterday, in production."""
    usage = {"model": "claude-opus-5-5", "output": 1_000_000, **dimensions}
    return Organization(
        [Usage(NOW - timedelta(days=1), PRODUCTION, **usage)], [Listed(PRODUCTION, "production")]
    )


# Usage without a price


@pytest.mark.parametrize(
    "dimensions",
    [
        {"service_tier": "flex"},
        {"service_tier": "priority_on_demand"},
        {"inference_geo": "eu"},
        {"model": "claude-sonnet-5-5", "speed": "fast"},
        {"model": "claude-mythos-preview", "service_tier": "batch"},
    ],
    ids=str,
)
def test_usage_of_a_known_model_without_a_price_can_be_bounded(
    here: Here, dimensions: dict[str, str]
) -> None:
    """A price of the model changes nothing; the setting that is named gives a verdict."""
    with LoopbackAPI(organization(**dimensions), now=NOW) as api:
        run = here.check(api, policy=OK, now=NOW)
        found = re.search(
            r"Set spend\.(\w+): (\w+) in the policy, or update budget-gate", run.stdout
        )
        assert found
        advised = f"{OK}spend: {{{found[1]}: {found[2]}}}\n"
        assert (run.code, here.check(api, policy=advised, now=NOW).code) == (3, 0)
    assert "prices.models" not in run.stdout


def test_usage_without_a_model_can_be_bounded(here: Here) -> None:
    """Of saved pages that do not name it: there is no name that a price could stand under."""
    page = json.loads(RECORDING.read_text(encoding="utf-8"))
    for row in (row for bucket in page["data"] for row in bucket["results"]):
        row["model"] = None
    here.program.write(json.dumps(page), "page.json")
    saved = ("check", "--usage", "page.json", "--partial", "--as-of", "2026-05-24T15:00:00Z")
    run = here.main(*saved, policy=OK)
    assert run.code == 3
    assert "Set spend.unknown_model: upper_bound in the policy" in run.stdout
    assert here.main(*saved, policy=f"{OK}spend: {{unknown_model: upper_bound}}\n").code == 0


def test_unknown_model_can_be_given_a_price(here: Here) -> None:
    """Under its name in prices.models, as the report says."""
    with LoopbackAPI(organization(model="claude-unknown-9"), now=NOW) as api:
        run = here.check(api, policy=OK, now=NOW)
        assert (
            "Add the price under prices.models in the policy, or update budget-gate" in run.stdout
        )
        advised = f"{OK}prices: {{models: {{claude-unknown-9: {CARD}}}}}\n"
        assert (run.code, here.check(api, policy=advised, now=NOW).code) == (3, 0)


def test_doctor_advises_as_a_check_does(here: Here) -> None:
    """Of a tier without a price it does not ask for one of the model."""
    with LoopbackAPI(organization(service_tier="flex"), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=OK, now=NOW)
        assert run.code == 3
        assert "Set spend.unknown_model: upper_bound in the policy" in run.stdout
        assert "prices.models" not in run.stdout
        advised = f"{OK}spend: {{unknown_model: upper_bound}}\n"
        assert here.main("doctor", policy=advised, now=NOW).code == 0


def test_fast_requests_of_the_day_of_their_withdrawal_are_priced(here: Here) -> None:
    """Claude Opus 4.8 on 30 November 2026: a million output tokens at twice 25 dollars."""
    now = datetime(2026, 11, 30, 20, tzinfo=UTC)
    usage = Usage(now - timedelta(hours=3), None, "claude-opus-4-8", speed="fast", output=1_000_000)
    with LoopbackAPI(Organization([usage], []), now=now) as api:
        run = here.check(api, "--format", "json", policy=OK, now=now)
    assert (run.code, run.report["spend"]) == (0, {"low": "50", "high": "50"})


# The policy's name


@pytest.mark.parametrize(
    "name",
    [
        *("budget.yaml", "budgets.yml", "budgets.yaml"),
        *(".github/budget.yaml", ".github/budgets.yml", ".github/budgets.yaml"),
    ],
)
@pytest.mark.parametrize("command", ["check", "audit", "init"])
def test_policy_by_a_like_name_is_asked_for(here: Here, command: str, name: str) -> None:
    """It was meant, and would be passed over; named as the error says, it is read."""
    here.program.write(OK, name)
    run = here.main(command, now=NOW)
    assert run.code == 2
    assert f"did you mean {name}? Name it with --policy {name}, or rename it" in run.stderr
    if command == "check":
        with LoopbackAPI(organization(), now=NOW) as api:
            assert here.check(api, "--policy", name, now=NOW).code == 0


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ("budgets.yml", "budget.yml"),
        ("ci/budgte.yml", "ci/budget.yml"),
        ("budget.yml", ".github/budget.yml"),
        ("elsewhere/policy.yml", "budget.yml"),
    ],
)
@pytest.mark.parametrize("command", ["check", "audit", "doctor"])
def test_a_named_policy_that_does_not_exist_is_asked_for(
    here: Here, command: str, given: str, there: str
) -> None:
    """By one of a like name beside it, or by a usual name; that one is read."""
    here.program.write(OK, there)
    run = here.main(command, "--policy", given, now=NOW)
    assert run.code == 2
    assert_says(run.stdout + run.stderr, f"{given} does not exist", f"did you mean {there}?")
    assert here.main("check", "--offline", "--policy", there).code == 0


@pytest.mark.parametrize("flags", [(), ("--policy", "ci/budget.yml")])
def test_a_step_without_a_checkout_is_asked_about_it(step: Here, flags: tuple[str, ...]) -> None:
    """Where there is one, the policy is what is missing."""
    run = step.main("check", *flags, now=NOW)
    assert_says(run.stderr, "is actions/checkout before this step?", "budget-gate init")
    (step.program.folder / ".git").mkdir()
    assert "checkout" not in step.main("check", *flags, now=NOW).stderr


def test_doctor_asks_for_a_policy_by_a_like_name(here: Here) -> None:
    """And makes the other checks all the same."""
    here.program.write(OK, ".github/budgets.yml")
    with LoopbackAPI(organization(), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", now=NOW)
    assert run.code == 2
    assert (
        "Did you mean .github/budgets.yml? Name it with --policy .github/budgets.yml" in run.stdout
    )
    assert "usage report: read up to" in run.stdout


def test_policy_that_is_there_is_taken_without_a_question(here: Here) -> None:
    """Whatever stands beside it."""
    here.program.write("version: 2\n", "budget.yaml")
    with LoopbackAPI(organization(), now=NOW) as api:
        assert here.check(api, policy=OK, now=NOW).code == 0


@pytest.mark.parametrize("name", ["budget.yml", "ci/my policy.yml"])
@pytest.mark.parametrize("text", ["", "# later\n", "---\n"])
def test_empty_policy_is_written_by_the_command_that_is_named(
    here: Here, name: str, text: str
) -> None:
    """For the very file that was given, though its name has a space."""
    here.program.write(text, name)
    with LoopbackAPI(organization(), now=NOW) as api:
        run = here.check(api, "--policy", name, now=NOW)
        assert (run.code, run.stderr.splitlines()[1]) == (2, f"  {name}:1:1: the file is empty")
        found = re.search("`budget-gate (.*)`", run.stderr)
        assert found
        assert here.main(*shlex.split(found[1]), now=NOW).code == 0
        assert here.check(api, "--policy", name, now=NOW).code in (0, 1)


# The address


def test_an_address_with_the_version_is_shown_what_to_leave_out(here: Here) -> None:
    """Without it, the very same address answers."""
    with LoopbackAPI(organization(), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": f"{api.url}/v1"})
        run = here.main("check", policy=OK, now=NOW)
        assert run.code == 3
        assert "Leave out /v1 at the end of ANTHROPIC_BASE_URL." in run.stdout
        assert here.check(api, policy=OK, now=NOW).code == 0


# The command line


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("check", "--polcy", "other.yml"), "--policy"),
        (("--polcy=other.yml",), "--policy"),
        (("doctor", "--policy-file", "other.yml"), "--policy"),
        (("check", "--fail_on", "never"), "--fail-on"),
        (("audit", "--day", "3"), "--days"),
        (("chekc",), "check"),
        (("docter",), "doctor"),
        (("check", "--format", "jsn"), "json"),
    ],
)
def test_misspelt_flags_and_commands_are_told_as_they_are_meant(
    here: Here, given: tuple[str, ...], meant: str
) -> None:
    """By the parser of the command, before anything is read."""
    run = here.main(*given)
    assert run.code == 2
    assert run.stderr.splitlines()[-1].endswith(f": did you mean {meant}?")


@pytest.mark.parametrize("given", [("check", "--xyzzy"), ("check", "extra"), ("xyzzy",)])
def test_what_is_like_nothing_is_told_without_a_question(
    here: Here, given: tuple[str, ...]
) -> None:
    """A guess would mislead."""
    run = here.main(*given)
    assert run.code == 2
    assert "did you mean" not in run.stderr


def test_budget_by_its_name_is_told_as_it_is_called(here: Here) -> None:
    """And by that it decides."""
    policy = f"{OK}workspaces: {{production: {{cap: 10, forecast: off}}}}\n"
    with LoopbackAPI(organization(), now=NOW) as api:
        run = here.check(api, "--budget", "production", policy=policy, now=NOW)
        assert run.code == 2
        assert "did you mean workspaces.production?" in run.stderr
        assert here.check(api, "--budget", "workspaces.production", now=NOW).code == 1
