"""The command line as a user and a runner meet it: exit codes, files and streams.

In this process, except where the process itself is what is met.
"""

import html
import json
import os
import pty
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from budget_gate import __version__, gate
from budget_gate.commands import COMMANDS, sample
from tests.helpers.running import (
    AS_OF,
    BREACHED,
    ISOLATED,
    LAST_REPORT,
    LAUNCH,
    NOW,
    OK,
    ON_REAL_CLOCK,
    ORGANIZATION,
    PRODUCTION,
    RECORDED,
    RECORDED_AT,
    RECORDING,
    WARNS,
    Gate,
    Here,
    checkout,
    ended,
    entered,
    stalling,
)
from tests.helpers.serving import ME, USAGE
from tests.helpers.surface import flags_of
from tests.helpers.wording import assert_says
from tests.world.loopback import (
    EXAMPLE_AUTH_TOKEN,
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.oracle import Usage


@pytest.fixture(scope="module")
def shared_api() -> Iterator[LoopbackAPI]:
    """The API of the organization, for the whole module."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        yield server


@pytest.fixture
def api(shared_api: LoopbackAPI) -> LoopbackAPI:
    """The same, with no request made yet."""
    shared_api.requests.clear()
    return shared_api


@pytest.fixture
def program(api: LoopbackAPI, tmp_path: Path) -> Gate:
    """The program beside the organization's API."""
    return checkout(tmp_path, api.url)


@pytest.fixture
def inside(
    program: Gate, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    """The program in this very process, beside the organization's API."""
    with entered(program, monkeypatch, capsys) as here:
        yield here


# Exit codes


@pytest.mark.parametrize(
    ("policy", "flags", "code", "status", "enforced"),
    [
        (OK, [], 0, "ok", True),
        (WARNS, [], 0, "warning", True),
        (WARNS, ["--fail-on", "warning"], 1, "warning", True),
        (OK, ["--fail-on", "warning"], 0, "ok", True),
        ("version: 1\nglobal: {cap: 18.30}\n", [], 0, "warning", True),
        (BREACHED, [], 1, "breached", True),
        (BREACHED, ["--on-error", "warn"], 1, "breached", True),
        (BREACHED, ["--fail-on", "never"], 0, "breached", False),
        ("version: 1\nworkspaces:\n  default: {cap: 0.29}\n", [], 1, "breached", True),
        ("version: 1\nworkspaces:\n  staging: {cap: 0}\n", [], 0, "ok", True),
        (f"version: 1\nworkspaces:\n  {PRODUCTION}: {{cap: 17}}\n", [], 1, "breached", True),
        ("version: 1\nunlisted: fail\n", [], 1, "breached", True),
    ],
)
def test_a_verdict_has_its_exit_code(
    inside: Here, policy: str, flags: list[str], code: int, status: str, *, enforced: bool
) -> None:
    """Spend is 18.30, of it 18 in production: what is above its cap is 1, what is not is 0."""
    run = inside.main("--format", "json", *AS_OF, *flags, policy=policy)
    assert (run.code, run.stderr) == (code, "")
    assert (run.report["status"], run.report["enforced"]) == (status, enforced)
    assert run.report["spend"] == {"low": "18.3", "high": "18.3"}


def test_spend_is_shown_to_the_cent(inside: Here) -> None:
    """18 + 0.30 USD, by hand; stderr has nothing to say."""
    run = inside.main("check", *AS_OF, policy=OK)
    assert run.code == 0
    assert run.stdout.startswith("Within budget: $18.30 spent in November")
    assert "$18.30 of $100.00" in run.stdout
    assert run.stderr == ""


def test_a_missing_credential_is_3(inside: Here, api: LoopbackAPI) -> None:
    """A gate merged before its secret exists is not green; no request is made."""
    inside.patch.setenv("ANTHROPIC_ADMIN_KEY", "")
    run = inside.main(*AS_OF, policy=OK)
    assert run.code == 3
    assert run.stdout.startswith("Spend unknown: ")
    assert "ANTHROPIC_ADMIN_KEY" in run.stdout
    assert "a pull request from a fork has none" in run.stdout
    assert "ANTHROPIC_FEDERATION_RULE_ID and the other two ids" in " ".join(run.stdout.split())
    assert api.requests == []


def test_whoever_has_a_key_for_messages_alone_is_told_which_one_is_needed(
    inside: Here, api: LoopbackAPI
) -> None:
    """It is a credential, and opens no report: it is neither sent nor shown."""
    inside.set({"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_API_KEY": "sk-ant-api03-EXAMPLE"})
    for command in (("check",), ("doctor",), ("init", "--stdout"), ("audit",)):
        run = inside.main(*command, policy=OK)
        assert run.code == 3
        assert_says(run.stdout + run.stderr, "ANTHROPIC_API_KEY is set, but", "an Admin key")
        assert "EXAMPLE" not in run.stdout + run.stderr
    assert api.requests == []


def test_a_token_is_a_credential(inside: Here, api: LoopbackAPI) -> None:
    """It is sent as a bearer, and only where there is no key."""
    environment = {"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_AUTH_TOKEN": EXAMPLE_AUTH_TOKEN}
    run = inside.main(*AS_OF, policy=OK, environment=environment)
    assert run.code == 0
    assert {request.headers["authorization"] for request in api.requests} == {
        f"Bearer {EXAMPLE_AUTH_TOKEN}"
    }


def test_a_key_wins_over_a_token(inside: Here, api: LoopbackAPI) -> None:
    """Only one of the two is sent."""
    environment = {"ANTHROPIC_AUTH_TOKEN": EXAMPLE_AUTH_TOKEN}
    run = inside.main(*AS_OF, policy=OK, environment=environment)
    assert run.code == 0
    assert all("authorization" not in request.headers for request in api.requests)
    assert {request.headers["x-api-key"] for request in api.requests} == {EXAMPLE_KEY}


def test_a_refused_credential_is_3(inside: Here) -> None:
    """The report exists, and says so."""
    environment = {"ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-EXAMPLE-OTHER"}
    run = inside.main("--format", "json", *AS_OF, policy=OK, environment=environment)
    assert run.code == 3
    assert (run.report["status"], run.report["spend"]) == ("unverified", None)
    assert [note["code"] for note in run.report["notes"]] == ["http_401"]


@pytest.mark.parametrize(
    ("flags", "code", "first"),
    [
        ([], 3, "Spend unknown: "),
        (["--on-error", "warn"], 0, "NOT ENFORCED (on-error: warn). Spend unknown: "),
        (["--fail-on", "never"], 3, "Spend unknown: "),
    ],
)
def test_an_api_that_is_down_passes_only_when_told_to(
    inside: Here, flags: list[str], code: int, first: str
) -> None:
    """`--fail-on` has no say in it."""
    environment = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "BUDGET_GATE_DEADLINE": "0.3"}
    run = inside.main(*AS_OF, *flags, policy=OK, environment=environment)
    assert run.code == code
    assert run.stdout.startswith(first)


UNPRICED = Organization(
    usage=[
        *ORGANIZATION.usage,
        Usage(NOW - timedelta(days=1), None, "claude-nobody-knows-1", output=1_000),
    ],
    workspaces=ORGANIZATION.workspaces,
)


@pytest.mark.parametrize(
    ("policy", "flags", "code", "status"),
    [
        (OK, [], 3, "unverified"),
        (OK, ["--on-error", "warn"], 0, "unverified"),
        (BREACHED, [], 1, "breached"),
        (BREACHED, ["--on-error", "warn"], 1, "breached"),
        (BREACHED, ["--fail-on", "never"], 3, "breached"),
        (BREACHED, ["--fail-on", "never", "--on-error", "warn"], 0, "breached"),
        (f"{OK}spend: {{unknown_model: upper_bound}}\n", [], 0, "ok"),
    ],
)
def test_usage_without_a_price_is_3_unless_the_rest_breaches(
    inside: Here, policy: str, flags: list[str], code: int, status: str
) -> None:
    """Its cost may be anything, so the month is not determined; what is known may be too much."""
    with LoopbackAPI(UNPRICED, now=NOW) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url}
        arguments = ("--format", "json", *AS_OF, *flags)
        run = inside.main(*arguments, policy=policy, environment=environment)
    assert (run.code, run.report["status"]) == (code, status)
    assert "claude-nobody-knows-1" in run.report["notes"][0]["message"]


FAST_OR_NOT = Organization(
    # Claude Opus 5.5: 20 USD per million output tokens, 40 USD where the request was fast.
    usage=[Usage(NOW - timedelta(days=1), None, "claude-opus-5-5", output=1_000_000)],
    workspaces=[],
)


@pytest.mark.parametrize(
    ("policy", "flags", "code", "status"),
    [
        ("version: 1\nglobal: {cap: 30}\n", [], 3, "uncertain"),
        ("version: 1\nglobal: {cap: 30}\n", ["--on-error", "warn"], 0, "uncertain"),
        ("version: 1\nglobal: {cap: 30}\nspend: {uncertain: warn}\n", [], 0, "warning"),
        ("version: 1\nglobal: {cap: 50, warn_at: [90%]}\n", [], 0, "ok"),
        ("version: 1\nglobal: {cap: 19.99}\n", [], 1, "breached"),
    ],
)
def test_a_cap_within_the_bounds_is_3(
    inside: Here, policy: str, flags: list[str], code: int, status: str
) -> None:
    """Between 20 and 40 USD, as the API does not tell fast requests apart here."""
    with LoopbackAPI(FAST_OR_NOT, now=NOW, refuse_speed_beta=True) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url}
        arguments = ("--format", "json", *AS_OF, *flags)
        run = inside.main(*arguments, policy=policy, environment=environment)
    assert (run.code, run.report["status"]) == (code, status)
    assert run.report["spend"] == {"low": "20", "high": "40"}


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ("version: 1\nglobal: {cpa: 100}\n", "budget.yml:2:10: global.cpa: unknown key"),
        ("version: 1\n", "the policy has no budget"),
        ("version: 1\nglobal: {cap: -1}\n", "is not an amount"),
        ("", "the file is empty"),
    ],
)
def test_a_wrong_policy_is_2_before_any_request(
    inside: Here, api: LoopbackAPI, policy: str, told: str
) -> None:
    """It is told with its place, on stderr; nothing was decided, so that there is no report."""
    run = inside.main(*AS_OF, "--fail-on", "never", "--on-error", "warn", policy=policy)
    assert (run.code, run.stdout) == (2, "")
    assert told in run.stderr
    assert api.requests == []


def test_a_cap_for_a_workspace_that_does_not_exist_is_2(inside: Here) -> None:
    """It would never fire; the nearest names are told."""
    policy = f"{OK}workspaces:\n  prodution: {{cap: 1}}\n"
    run = inside.main(*AS_OF, "--on-error", "warn", policy=policy)
    assert (run.code, run.stdout) == (2, "")
    assert "budget.yml:4:3: workspaces.prodution: no workspace is called this" in run.stderr
    assert "'production'" in run.stderr


@pytest.mark.parametrize(
    "flags",
    [
        ["--nonsense"],
        ["--format", "xml"],
        ["--fail-on", "breached"],
        ["--on-error", "ignore"],
        ["--pol", "budget.yml"],
        ["--admin-key", EXAMPLE_KEY],
        ["--policy"],
        ["--as-of", "yesterday"],
        ["--as-of", "2026-11-15T12:00:00"],
        ["--deadline", "0"],
        ["--deadline", "soon"],
        ["nonsense"],
        ["demo", "--policy", "budget.yml"],
        ["--policy", "missing.yml"],
        ["--policy", "."],
        ["--report", "missing/report.json"],
        ["--badge", "missing/badge.json"],
        ["--workspaces", "workspaces.json"],
        ["--partial"],
        ["--usage", "missing.json"],
    ],
)
def test_a_wrong_flag_is_2_before_any_request(
    inside: Here, api: LoopbackAPI, flags: list[str]
) -> None:
    """Neither a misspelt flag nor a file that is not there is passed over."""
    run = inside.main(*flags, *(() if "--as-of" in flags else AS_OF), policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert run.stderr
    assert "Traceback" not in run.stderr
    assert api.requests == []


@pytest.mark.parametrize("command", [*COMMANDS, "ledger record", "ledger show", "ledger reconcile"])
def test_a_flag_with_one_value_is_given_once(inside: Here, command: str) -> None:
    """Of two that differ none is meant, whichever flag it is; those that may be repeated say so."""
    values = {
        "--fail-on": "never",
        "--on-error": "warn",
        "--from": "2026-11-01",
        "--to": "2026-11-01",
        "--tolerance": "1%",
    }
    values["--format"] = "csv" if command == "export" else "json"
    several = {"--budget", "--usage"}
    without = {"--help", "--offline", "--partial", "--audit", "--quiet", "--force", "--stdout"}
    without |= {"--notify", "--demo"}
    # Those of its actions are tried with them.
    actions = ("record", "show", "reconcile") if command == "ledger" else ()
    of_actions = {flag for action in actions for flag in flags_of(f"ledger {action}")}
    for flag in flags_of(command) - several - without - of_actions:
        value = values.get(flag, "1")
        run = inside.main(*command.split(), flag, value, f"{flag}={value}", policy=OK)
        assert (run.code, run.stdout) == (2, ""), flag
        assert_says(run.stderr.splitlines()[-1], flag, "twice", "once")


def test_an_empty_flag_is_given_all_the_same(inside: Here) -> None:
    """As a shell's variable that is not set leaves it: a second one may be what was not meant."""
    run = inside.main("check", "--policy", "", "--policy", "budget.yml", policy=OK)
    assert (run.code, run.stdout) == (2, "")


def test_a_flag_that_may_be_repeated_is_no_error(inside: Here) -> None:
    """Each budget that is named decides."""
    run = inside.main(*AS_OF, "--budget", "global", "--budget", "global", policy=OK)
    assert run.code == 0


@pytest.mark.parametrize(
    "flags",
    [
        ("--key", "EXAMPLE"),
        ("--key=EXAMPLE",),
        ("--admin-key", "EXAMPLE"),
        ("--api-keyEXAMPLE",),
        ("--auth-token", "EXAMPLE"),
        ("--nonsense", "EXAMPLE", "--secret"),
    ],
)
def test_a_key_that_is_given_as_a_flag_is_not_repeated(
    inside: Here, flags: tuple[str, ...]
) -> None:
    """The error says where a key is read from."""
    run = inside.main("check", *flags, policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr.splitlines()[-1], "no flag", "key", "ANTHROPIC_ADMIN_KEY only")
    assert "EXAMPLE" not in run.stderr


ODD = "s3cr3t'\\EXAMPLE"


@pytest.mark.parametrize(
    "arguments",
    [
        (ODD,),
        ("check", "-k", ODD),
        ("check", "--fail-on", ODD),
        ("check", f"--format={ODD}"),
        ("check", "--quiet=" + ODD),
        ("check", f"--x{'x' * 590}", ODD),
        ("check", "--deadline", ODD),
        ("check", "--policy", ODD),
        ("demo", ODD),
        ("schema", ODD),
        ("doctor", ODD),
        ("init", ODD),
        ("audit", ODD),
    ],
)
def test_a_credential_in_the_wrong_place_of_a_command_line_is_not_repeated(
    inside: Here, arguments: tuple[str, ...]
) -> None:
    """Whatever its form: it is what the environment holds as one, quoted or not."""
    run = inside.main(*arguments, policy=OK, environment={"ANTHROPIC_AUTH_TOKEN": ODD})
    assert (run.code, run.stdout) == (2, "")
    assert "s3cr3t" not in run.stderr
    assert "EXAMPLE" not in run.stderr


@pytest.mark.parametrize("command", ["check", "demo", "doctor", "init", "audit"])
def test_a_misspelt_variable_is_2_for_every_command(inside: Here, command: str) -> None:
    """What it was to do would not be done."""
    inside.set({"BUDGET_GATE_RESERVED": "250"})
    run = inside.main(command, policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "BUDGET_GATE_RESERVED", "did you mean BUDGET_GATE_RESERVE?", "unset it")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUDGET_GATE_FORMAT", "xml"),
        ("BUDGET_GATE_FAIL_ON", "Breach"),
        ("BUDGET_GATE_DEADLINE", "nan"),
        ("BUDGET_GATE_AS_OF", "2026-11-15"),
        ("BUDGET_GATE_POLICY", "missing.yml"),
        ("ANTHROPIC_BASE_URL", "http://gateway.example"),
        ("ANTHROPIC_BASE_URL", "https://gateway.example:port"),
        ("ANTHROPIC_BASE_URL", "https://gateway\n.example"),
        ("ANTHROPIC_ADMIN_KEY", "sk-ant-admin01-EXAMPLE two"),
    ],
)
def test_a_wrong_setting_is_2_and_shows_no_key(inside: Here, name: str, value: str) -> None:
    """The variable is named; the key that stands beside it is not shown."""
    inside.patch.setenv(name, value)
    run = inside.main(*(() if name == "BUDGET_GATE_AS_OF" else AS_OF), policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert name in run.stderr
    assert "Traceback" not in run.stderr
    assert "EXAMPLE" not in run.stderr


@pytest.mark.parametrize("time", ["9999-12-31T23:30:00Z", "0001-06-15T12:00:00Z"])
def test_the_ends_of_time_are_no_bug(inside: Here, time: str) -> None:
    """Nothing is known of the usage then, which is 2 or 3 and never a traceback."""
    run = inside.main("--as-of", time, policy=OK, environment={"BUDGET_GATE_DEADLINE": "2"})
    assert run.code in (2, 3)
    assert "Traceback" not in run.stderr


def test_a_bug_is_4_with_its_traceback(inside: Here) -> None:
    """It is neither a verdict nor an API that is down; and even then the key is not shown."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"a bug beside {EXAMPLE_KEY}")

    inside.patch.setattr(gate, "check", broken)
    run = inside.main(*AS_OF, "--on-error", "warn", "--fail-on", "never", policy=OK)
    assert (run.code, run.stdout) == (4, "")
    assert "Traceback (most recent call last):" in run.stderr
    assert "RuntimeError: a bug beside ***" in run.stderr
    assert "this is a bug, please report it" in run.stderr
    assert EXAMPLE_KEY not in run.stderr


@pytest.mark.parametrize("flags", [[], ["--on-error", "warn", "--fail-on", "never"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_decides_nothing(
    program: Gate, number: signal.Signals, flags: list[str]
) -> None:
    """A signal ends in 3 with a report that says so, whatever the run was told, and does not wait."""
    program.write(OK)
    with stalling(USAGE) as (api, asked):
        process = program.start(*AS_OF, *flags, environment={"ANTHROPIC_BASE_URL": api.url})
        assert asked.wait(30)
        process.send_signal(number)
        run = ended(process)
    assert (run.code, run.stderr) == (3, "")
    assert run.stdout.startswith(
        f"Spend unknown: {number.name} ended the run. Run the gate again.\n"
    )


# Commands, flags and settings


def test_the_version_is_told(program: Gate) -> None:
    """Without a policy, a key or a network."""
    run = program.run("--version")
    assert (run.code, run.stdout, run.stderr) == (0, f"budget-gate {__version__}\n", "")


@pytest.mark.parametrize("flags", [["--help"], ["-h"], ["check", "--help"], ["demo", "--help"]])
def test_help_is_told(inside: Here, flags: list[str]) -> None:
    """On stdout, with exit code 0, for the program and for each command."""
    run = inside.main(*flags)
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout.startswith("usage: budget-gate")


def test_check_is_the_default_command(inside: Here) -> None:
    """With and without its name the same is printed."""
    assert inside.main(*AS_OF, policy=OK) == inside.main("check", *AS_OF)


def test_no_arguments_judge_the_month_so_far(inside: Here) -> None:
    """Without `--as-of` the clock tells the time."""
    inside.patch.setenv("ANTHROPIC_ADMIN_KEY", "")
    run = inside.main(policy=OK, now=NOW)
    assert run.code == 3
    assert "\nbudget.yml, Nov 1 to Nov 15, 12:00 UTC\n" in run.stdout


def test_the_real_clock_is_used_where_none_is_given(program: Gate) -> None:
    """The report is on the instant of the run, in UTC."""
    before = datetime.now(UTC).replace(microsecond=0)
    run = program.run(
        *("--format", "json"),
        policy=OK,
        environment={"ANTHROPIC_ADMIN_KEY": ""},
        launch=ON_REAL_CLOCK,
    )
    assert run.code == 3, run.stderr
    assert before <= datetime.fromisoformat(run.report["as_of"]) <= datetime.now(UTC)


def test_a_flag_wins_over_its_variable(inside: Here) -> None:
    """The environment asks for JSON and a policy that is not there, the flags for Markdown."""
    inside.program.write(OK, "mine.yml")
    environment = {"BUDGET_GATE_FORMAT": "json", "BUDGET_GATE_POLICY": "missing.yml"}
    arguments = ("--format", "markdown", "--policy", "mine.yml", *AS_OF)
    run = inside.main(*arguments, environment=environment)
    assert run.code == 0
    assert run.stdout.startswith("### ")


@pytest.mark.parametrize("flag", ["--policy", "--report", "--deadline"])
def test_an_empty_flag_is_not_given(inside: Here, flag: str) -> None:
    """`--report "$REPORT"` of a script whose variable is unset means the default."""
    policy = "version: 1\nglobal: {cap: 1}\n"
    run = inside.main(*RECORDED, "--partial", flag, "", policy=policy, now=RECORDED_AT)
    assert run.code == 1, run.stderr
    partial = "PARTIAL (saved pages leave out part of the month). "
    assert run.stdout.startswith(f"{partial}Budget breached: ")


def test_the_policy_is_budget_yml(inside: Here) -> None:
    """It comes before the one in .github."""
    inside.program.write(BREACHED, ".github/budget.yml")
    assert inside.main(*AS_OF, policy=OK).code == 0


def test_the_policy_may_stand_in_the_github_folder(inside: Here) -> None:
    """The second place that is looked at, and the name that messages use."""
    inside.program.write(BREACHED, ".github/budget.yml")
    run = inside.main(*AS_OF)
    assert run.code == 1
    assert "raise the cap (.github/budget.yml:2)." in run.stdout


def test_a_policy_that_is_a_link_to_nowhere_is_not_passed_over(
    inside: Here, api: LoopbackAPI
) -> None:
    """The policy in .github is not the one that somebody meant to put here."""
    inside.program.write(OK, ".github/budget.yml")
    (inside.program.folder / "budget.yml").symlink_to("moved.yml")
    run = inside.main(*AS_OF)
    assert (run.code, run.stdout) == (2, "")
    assert "budget.yml" in run.stderr
    assert ".github" not in run.stderr
    assert "No such file or directory" in run.stderr
    assert api.requests == []


def test_a_slow_answer_about_the_organization_decides_nothing(inside: Here) -> None:
    """The report only notes who it is of: the verdict stands without it, and it is no bug."""
    with stalling(ME, only=True) as (server, _):
        run = inside.main(
            *(*AS_OF, "--format", "json", "--report", "report.json", "--deadline", "4"),
            policy=BREACHED,
            environment={"ANTHROPIC_BASE_URL": server.url},
        )
    assert (run.code, run.stderr) == (1, "")
    assert (run.report["status"], run.report["organization"]) == ("breached", None)


@pytest.mark.parametrize(("flags", "asked"), [([], 0), (["--report", "report.json"], 1)])
def test_the_organization_is_asked_for_where_it_is_kept(
    inside: Here, api: LoopbackAPI, flags: list[str], asked: int
) -> None:
    """For the report file, which a later run may be given; otherwise it is a request for nothing."""
    run = inside.main(*AS_OF, "--format", "json", *flags, policy=OK)
    assert run.code == 0
    assert [request.path for request in api.requests].count("/v1/organizations/me") == asked
    assert run.report["organization"] == (ORGANIZATION.id if asked else None)


def test_without_a_policy_nothing_is_decided(inside: Here, api: LoopbackAPI) -> None:
    """Both places are named."""
    run = inside.main(*AS_OF)
    assert (run.code, run.stdout) == (2, "")
    assert "neither budget.yml nor .github/budget.yml exists here" in run.stderr
    assert api.requests == []


# Reports


def test_the_report_is_on_stdout_and_nothing_else_is(inside: Here) -> None:
    """A breach outside of GitHub Actions leaves stderr empty."""
    run = inside.main(*AS_OF, policy=BREACHED)
    assert run.stdout.startswith("Budget breached: organization has spent $18.30, $0.01")
    assert run.stderr == ""


def test_the_report_file_is_the_json_report(inside: Here) -> None:
    """The same as on stdout; a second run replaces it."""
    inside.program.write("old", "out/report.json")
    run = inside.main(*AS_OF, "--format", "json", "--report", "out/report.json", policy=BREACHED)
    assert run.code == 1
    assert inside.program.text("out/report.json") == run.stdout
    assert [path.name for path in (inside.program.folder / "out").iterdir()] == ["report.json"]


def test_spend_that_is_not_determined_has_a_report_file(inside: Here) -> None:
    """Its reader learns that, rather than read the one of yesterday."""
    inside.program.write('{"status": "ok"}', "report.json")
    environment = {"ANTHROPIC_ADMIN_KEY": ""}
    run = inside.main(*AS_OF, "--report", "report.json", policy=OK, environment=environment)
    assert run.code == 3
    assert (inside.program.report["status"], inside.program.report["spend"]) == ("unverified", None)


@pytest.mark.parametrize(("policy", "code"), [(OK, 2), (BREACHED, 1)])
def test_a_report_that_cannot_be_written_does_not_hide_a_breach(
    inside: Here, policy: str, code: int
) -> None:
    """The verdict is printed, the trouble told on stderr, and a run that is ok is not 0."""
    (inside.program.folder / "report.json").mkdir()
    run = inside.main(*AS_OF, "--report", "report.json", policy=policy)
    assert run.code == code
    assert "$18.30" in run.stdout
    assert "report.json cannot be written" in run.stderr


@pytest.mark.parametrize("name", ["budget.yml", "usage.json", "workspaces.json"])
@pytest.mark.parametrize("how", ["itself", "link", "hard link"])
def test_a_report_replaces_nothing_that_the_run_reads(inside: Here, name: str, how: str) -> None:
    """By whichever name: the policy, the pages and the list are left as they are."""
    folder = inside.program.folder
    inside.program.write(OK)
    inside.program.write(RECORDING.read_text(encoding="utf-8"), "usage.json")
    inside.program.write('{"data": []}', "workspaces.json")
    before = inside.program.text(name)
    if how == "link":
        (folder / "report.json").symlink_to(folder / name)
    if how == "hard link":
        (folder / "report.json").hardlink_to(folder / name)
    report = f"./{name}" if how == "itself" else "report.json"
    saved = ("--usage", "usage.json", "--workspaces", "workspaces.json")
    run = inside.main(*saved, "--as-of", "2026-05-24T15:00:00Z", "--partial", "--report", report)
    assert (run.code, run.stdout, inside.program.text(name)) == (2, "", before)
    assert f"the report would overwrite {name}, which this run reads" in run.stderr
    assert "name another file with --report" in run.stderr


@pytest.mark.parametrize("what", ["report", "badge"])
@pytest.mark.parametrize(
    ("variable", "does"),
    [
        ("GITHUB_OUTPUT", "writes, too"),
        ("GITHUB_STEP_SUMMARY", "writes, too"),
        ("SSL_CERT_FILE", "reads"),
    ],
)
def test_no_file_that_a_variable_names_is_replaced(
    inside: Here, what: str, variable: str, does: str
) -> None:
    """The runner's files, and the certificates that the API is known by."""
    inside.program.write("before\n", "file")
    environment = {**inside.program.step, variable: "file"}
    run = inside.main(*AS_OF, f"--{what}", "./file", policy=OK, environment=environment)
    assert (run.code, run.stdout) == (2, "")
    assert inside.program.text("file").startswith("before\n")
    assert f"the {what} would overwrite file, which this run {does}" in run.stderr


def test_outside_of_a_step_its_files_are_any_file(inside: Here) -> None:
    """As nothing is written there by their names."""
    environment = {"GITHUB_OUTPUT": "report.json", "GITHUB_STEP_SUMMARY": "report.json"}
    run = inside.main(*AS_OF, "--report", "report.json", policy=OK, environment=environment)
    assert (run.code, inside.program.report["status"]) == (0, "ok")


def test_a_report_may_replace_the_last_one(inside: Here) -> None:
    """It has been read by then, and the next run reads the new one."""
    inside.program.write(json.dumps(LAST_REPORT), "report.json")
    run = inside.main(
        *AS_OF, "--last-report", "report.json", "--report", "report.json", policy=BREACHED
    )
    assert run.code == 1
    assert inside.program.report["as_of"] == "2026-11-15T12:00:00Z"


# Badges

GREEN = '{"schemaVersion": 1, "label": "Claude spend", "message": "ok", "color": "brightgreen"}'


@pytest.fixture
def badged(inside: Here) -> Here:
    """The program where the badge of an earlier run is green."""
    inside.program.write(GREEN, "badge.json")
    inside.patch.setenv("BUDGET_GATE_BADGE", "badge.json")
    return inside


def badge(inside: Here) -> tuple[str, str]:
    """What the badge says, and in which colour."""
    shown = json.loads(inside.program.text("badge.json"))
    return shown["message"], shown["color"]


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (OK, ("ok: $18.30 of $100 (Nov 15)", "brightgreen")),
        (BREACHED, ("breached: $18.30 of $18.29 (Nov 15)", "red")),
    ],
)
def test_the_badge_is_the_verdict(badged: Here, policy: str, told: tuple[str, str]) -> None:
    """It replaces the old one, and leaves nothing beside it."""
    badged.main(*AS_OF, policy=policy)
    assert badge(badged) == told
    names = {path.name for path in badged.program.folder.iterdir()}
    assert names == {"badge.json", "budget.yml"}


def test_a_badge_is_not_green_where_warnings_fail_the_run(badged: Here) -> None:
    """The run ends in 1."""
    assert badged.main(*AS_OF, "--fail-on", "warning", policy=WARNS).code == 1
    assert badge(badged)[1] == "yellow"


@pytest.mark.parametrize(
    ("flags", "code", "told"),
    [
        ([], 3, "spend unknown (Nov 15)"),
        (["--on-error", "warn"], 0, "not enforced, spend unknown (Nov 15)"),
    ],
)
def test_the_badge_of_unknown_spend_says_so(
    badged: Here, flags: list[str], code: int, told: str
) -> None:
    """Told to pass or not."""
    environment = {"ANTHROPIC_ADMIN_KEY": ""}
    assert badged.main(*AS_OF, *flags, policy=OK, environment=environment).code == code
    assert badge(badged) == (told, "lightgrey")


@pytest.mark.parametrize(
    ("policy", "flags", "environment"),
    [
        ("version: 1\nglobal: {cpa: 1}\n", (), {}),
        (f"{OK}workspaces:\n  prodution: {{cap: 1}}\n", (), {}),
        (OK, ("--policy", "missing.yml"), {}),
        (OK, ("--offline",), {}),
        (OK, ("--report", "missing/report.json"), {}),
        (OK, (), {"BUDGET_GATE_DEADLINE": "soon"}),
        (OK, (), {"BUDGET_GATE_LAST_REPORT": "badge.json"}),
    ],
)
def test_a_run_without_a_verdict_leaves_no_old_badge(
    badged: Here, policy: str, flags: tuple[str, ...], environment: dict[str, str]
) -> None:
    """Whatever is wrong: the policy, a flag, a setting, or that a flag is another's file."""
    run = badged.main("check", *AS_OF, *flags, policy=policy, environment=environment)
    assert (run.code, badge(badged)) == (2, ("no verdict", "lightgrey"))


def test_a_run_without_a_verdict_leaves_a_badge_where_there_was_none(inside: Here) -> None:
    """So that what publishes it has something to publish."""
    assert inside.main(*AS_OF, "--badge", "badge.json", policy="nonsense").code == 2
    assert badge(inside) == ("no verdict", "lightgrey")


@pytest.mark.parametrize(
    "text",
    [
        '{"schemaVersion": 1, "label": "coverage", "message": "91%", "color": "green"}',
        pytest.param("[" * 200_000, id="deep"),
    ],
)
def test_a_run_without_a_verdict_leaves_what_is_no_badge(inside: Here, text: str) -> None:
    """Another tool's badge, or what cannot be read: the error is the one of the policy."""
    inside.program.write(text, "badge.json")
    run = inside.main(*AS_OF, "--badge", "badge.json", policy="nonsense")
    assert (run.code, inside.program.text("badge.json")) == (2, text)
    assert "budget.yml:1:1" in run.stderr


def test_a_bug_leaves_no_old_badge(badged: Here) -> None:
    """Exit 4 is no verdict."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    badged.patch.setattr(gate, "check", broken)
    assert badged.main(*AS_OF, policy=OK).code == 4
    assert badge(badged) == ("no verdict", "lightgrey")


@pytest.mark.parametrize(
    ("policy", "code", "told"),
    [(OK, 2, "no verdict"), (BREACHED, 1, "breached: $18.30 of $18.29 (Nov 15)")],
)
def test_a_badge_is_not_green_where_the_report_is_lost(
    badged: Here, policy: str, code: int, told: str
) -> None:
    """The run does not end in 0 then; a breach stays one."""
    (badged.program.folder / "report.json").mkdir()
    run = badged.main(*AS_OF, "--report", "report.json", policy=policy)
    assert (run.code, badge(badged)[0]) == (code, told)


def test_a_badge_that_cannot_be_written_is_told(inside: Here) -> None:
    """The verdict is printed, and a run that is ok is not 0."""
    (inside.program.folder / "badge").mkdir()
    run = inside.main(*AS_OF, "--badge", "badge", policy=OK)
    assert run.code == 2
    assert "$18.30" in run.stdout
    assert "badge cannot be written" in run.stderr


@pytest.mark.parametrize("name", ["budget.yml", "usage.json", "workspaces.json", "last.json"])
def test_a_badge_replaces_nothing_that_the_run_reads(inside: Here, name: str) -> None:
    """The last report, too: the next run reads it again."""
    inside.program.write(OK)
    inside.program.write(RECORDING.read_text(encoding="utf-8"), "usage.json")
    inside.program.write('{"data": []}', "workspaces.json")
    inside.program.write(json.dumps(LAST_REPORT), "last.json")
    before = inside.program.text(name)
    read = (
        "--usage",
        "usage.json",
        "--workspaces",
        "workspaces.json",
        "--last-report",
        "last.json",
    )
    run = inside.main(*read, *RECORDED[2:], "--partial", "--badge", f"./{name}")
    assert (run.code, run.stdout, inside.program.text(name)) == (2, "", before)
    assert f"the badge would overwrite {name}, which this run reads" in run.stderr
    assert "name another file with --badge (BUDGET_GATE_BADGE)" in run.stderr


def test_a_badge_is_no_report(inside: Here) -> None:
    """One file cannot be both, though neither is there yet."""
    flags = ("--report", "report.json", "--badge", "./report.json")
    run = inside.main(*AS_OF, *flags, policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert "the badge would overwrite report.json, which this run writes, too" in run.stderr


def test_a_demo_that_fails_says_nothing_of_a_badge(badged: Here) -> None:
    """It is not the run that the badge is of."""
    assert badged.main("demo", environment={"BUDGET_GATE_DEADLINE": "soon"}).code == 2
    assert badged.program.text("badge.json") == GREEN


def test_markdown_is_what_the_summary_shows(inside: Here) -> None:
    """The verdict as a heading, the budgets as a table."""
    run = inside.main("--format", "markdown", *AS_OF, policy=BREACHED)
    assert run.stdout.startswith("### 🔴 budget-gate: breached\n")
    assert "| `organization` | 100.1% | $18.30 | $18.29 |" in run.stdout


def test_a_terminal_has_colours(program: Gate) -> None:
    """Red, as the budget is breached."""
    out = on_a_terminal(program, {"TERM": "xterm"})
    assert out.startswith("\x1b[31;1mBudget breached: ")


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}]
)
def test_a_terminal_without_colours_has_none(program: Gate, environment: dict[str, str]) -> None:
    """Whoever asks for none, and whatever cannot show any."""
    out = on_a_terminal(program, environment)
    assert out.startswith("Budget breached: ")
    assert "\x1b" not in out


def test_an_empty_no_color_asks_for_nothing(program: Gate) -> None:
    """As https://no-color.org has it: only when present and not empty."""
    assert "\x1b[31;1m" in on_a_terminal(program, {"NO_COLOR": "", "TERM": "xterm"})


def test_a_pipe_has_no_colours(program: Gate) -> None:
    """A log file is no terminal."""
    assert "\x1b" not in program.run(*AS_OF, policy=BREACHED).stdout


def test_an_error_fits_the_terminal(program: Gate) -> None:
    """Eighty columns, where a log has it on one line to be searched."""
    wrong = {"BUDGET_GATE_DEADLINE": "2m", "BUDGET_GATE_RESERVE": "$5", "COLUMNS": "80"}
    shown = on_a_terminal(program, wrong, stream="stderr", code=2)
    assert max(map(len, shown.splitlines())) <= 80
    logged = program.run(*AS_OF, policy=BREACHED, environment=wrong).stderr
    assert len(logged.splitlines()) == 2
    assert shown.split() == logged.split()


def on_a_terminal(
    program: Gate, environment: dict[str, str], *, stream: str = "stdout", code: int = 1
) -> str:
    """What a check of a breach prints where that stream is a terminal."""
    master, terminal = pty.openpty()
    try:
        streams = {stream: terminal}
        run = program.run(*AS_OF, policy=BREACHED, environment=environment, **streams)
        assert run.code == code, run.stderr
        os.close(terminal)
        shown = b""
        while chunk := _read(master):
            shown += chunk
    finally:
        os.close(master)
    return shown.decode()


def _read(terminal: int) -> bytes:
    """More of what a terminal shows; nothing at its end, which Linux tells by an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


# Streams that are gone or narrow


@contextmanager
def broken_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_a_reader_that_has_gone_changes_no_verdict(program: Gate, policy: str, code: int) -> None:
    """As under `| head -0`: the exit code stands, and nothing is complained about."""
    with broken_pipe() as pipe:
        run = program.run(*AS_OF, policy=policy, stdout=pipe)
    assert (run.code, run.stderr) == (code, "")


@pytest.mark.parametrize(
    ("policy", "environment", "code"),
    [
        (OK, {}, 0),
        (BREACHED, {}, 1),
        (BREACHED, {"GITHUB_ACTIONS": "true"}, 1),
        ("nonsense", {}, 2),
    ],
)
def test_a_reader_of_both_streams_that_has_gone_changes_no_exit_code(
    program: Gate, policy: str, environment: dict[str, str], code: int
) -> None:
    """As under `2>&1 | head -0`."""
    with broken_pipe() as pipe:
        run = program.run(*AS_OF, policy=policy, environment=environment, stdout=pipe, stderr=pipe)
    assert run.code == code


@pytest.mark.parametrize(
    ("closed", "policy", "code"),
    [
        (">&-", OK, 0),
        (">&-", BREACHED, 1),
        ("2>&-", BREACHED, 1),
        ("2>&-", "nonsense", 2),
        (">&- 2>&-", BREACHED, 1),
    ],
)
def test_a_closed_stream_changes_no_exit_code(
    program: Gate, closed: str, policy: str, code: int
) -> None:
    """A daemon may have no stdout at all."""
    launch = ("sh", "-c", f'exec "$@" {closed}', "sh", *ISOLATED)
    assert program.run(*AS_OF, policy=policy, launch=launch).code == code


def test_a_full_disk_behind_stdout_does_not_hide_a_breach(program: Gate) -> None:
    """Not even where nothing can be printed."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        run = program.run(*AS_OF, policy=BREACHED, stdout=full)
    assert run.code == 1


@pytest.mark.parametrize(
    ("format_", "encoding"), [("text", "ascii"), ("text", "cp1252"), ("markdown", "ascii")]
)
def test_a_narrow_encoding_does_not_crash(program: Gate, format_: str, encoding: str) -> None:
    """What it has no character for is replaced, the verdict stays."""
    launch = (sys.executable, "-c", LAUNCH)
    environment = {"PYTHONIOENCODING": encoding}
    arguments = ("--format", format_, *AS_OF)
    run = program.run(*arguments, policy=BREACHED, environment=environment, launch=launch)
    assert run.code == 1, run.stderr
    assert "Budget breached: " in run.stdout


def test_the_c_locale_does_not_crash(program: Gate) -> None:
    """Minimal containers have no other."""
    run = program.run(*AS_OF, policy=BREACHED, environment={"LC_ALL": "C", "LANG": "C"})
    assert run.code == 1
    assert "Budget breached: " in run.stdout


# Secrets

# With the characters that real keys have, and that Markdown escapes.
UNDERSCORED = f"sk-ant-admin01-EXAMPLE_NOT_A-KEY_{'0123456789_' * 6}AA"


def echo(padding: str) -> LoopbackAPI:
    """An API that refuses every key, and repeats it in its message."""

    def refuse(request: Request, _: int) -> Response:
        message = f"{padding}invalid key {request.headers['x-api-key']}"
        body = {"type": "error", "error": {"type": "authentication_error", "message": message}}
        return Response(401, json.dumps(body).encode())

    return LoopbackAPI(ORGANIZATION, now=NOW, intercept=refuse)


@pytest.mark.parametrize("length", [0, 460, 490, 520])
def test_a_key_that_the_api_repeats_is_shown_nowhere(inside: Here, length: int) -> None:
    """Neither whole, nor escaped, nor up to where a long message is cut; only its mask has it."""
    with echo("x" * length) as server:
        run = inside.main(
            *("--report", "report.json", *AS_OF),
            policy=OK,
            environment={
                **inside.program.step,
                "ANTHROPIC_BASE_URL": server.url,
                "ANTHROPIC_ADMIN_KEY": f"{UNDERSCORED}\n",
            },
        )
    assert run.code == 3
    mask, _, rest = run.stderr.partition("\n")
    assert mask == f"::add-mask::{UNDERSCORED}"
    written = (inside.program.text("report.json"), inside.program.summary, inside.program.output)
    for text in (run.stdout, rest, *written):
        assert "EXAMPLE" not in html.unescape(text)


def test_a_key_that_a_workspace_is_called_is_shown_nowhere(inside: Here) -> None:
    """A name is cut to a column's width, and so would be the key in it."""
    organization = Organization(
        usage=[Usage(NOW - timedelta(days=1), "wrkspc_01", "claude-sonnet-4-5", output=1_000_000)],
        workspaces=[Workspace("wrkspc_01", f"of {UNDERSCORED}")],
    )
    with LoopbackAPI(organization, now=NOW, key=UNDERSCORED) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_ADMIN_KEY": UNDERSCORED}
        run = inside.main(*AS_OF, policy="version: 1\nunlisted: fail\n", environment=environment)
    assert run.code == 1
    assert "EXAMPLE" not in run.stdout + run.stderr


def test_a_placeholder_of_a_key_blots_nothing_out(inside: Here) -> None:
    """No credential is that short, and a report without its `a` would be unreadable."""
    inside.patch.setenv("ANTHROPIC_ADMIN_KEY", "a")
    run = inside.main(*RECORDED, "--partial", policy=OK)
    assert run.code == 0
    assert "***" not in run.stdout
    assert "organization" in run.stdout


# Inside of GitHub Actions


@pytest.fixture
def step(inside: Here) -> Here:
    """The program as a step, whose files hold something already."""
    inside.program.write("before\n", "../summary.md")
    inside.program.write("before=1\n", "../output")
    return inside


def test_a_step_gets_a_summary_outputs_and_annotations(step: Here) -> None:
    """Added to what is there; the annotation names the line of the cap."""
    run = step.main(*AS_OF, policy=BREACHED, environment=step.program.step)
    assert run.code == 1
    assert step.program.summary.startswith("before\n\n### 🔴 budget-gate: breached\n")
    assert step.program.output.startswith("before=1\nstatus<<")
    assert re.search(r"^spend-usd<<(.*)\n18\.3\n\1$", step.program.output, re.MULTILINE)
    mask, annotation = run.stderr.splitlines()
    assert mask == f"::add-mask::{EXAMPLE_KEY}"
    assert annotation.startswith(
        "::error file=budget.yml,line=2,title=budget-gate%3A organization::organization "
    )
    assert "::" not in run.stdout


def test_every_credential_is_masked_first(step: Here) -> None:
    """Before anything else could be printed, and without the line end it was pasted with."""
    environment = {
        **step.program.step,
        "ANTHROPIC_ADMIN_KEY": f"{EXAMPLE_KEY}\n",
        "ANTHROPIC_AUTH_TOKEN": f" {EXAMPLE_AUTH_TOKEN}",
    }
    run = step.main(*AS_OF, policy="nonsense", environment=environment)
    assert run.stderr.splitlines()[:2] == [
        f"::add-mask::{EXAMPLE_KEY}",
        f"::add-mask::{EXAMPLE_AUTH_TOKEN}",
    ]


def test_a_file_behind_stderr_gets_no_mask(step: Here, tmp_path: Path) -> None:
    """The runner takes a mask out of its log; a file would keep the key. The rest is there."""
    kept = tmp_path / "stderr"
    with kept.open("w", encoding="utf-8") as file:
        run = step.program.run(*AS_OF, policy=BREACHED, environment=step.program.step, stderr=file)
    assert run.code == 1
    written = kept.read_text(encoding="utf-8")
    assert EXAMPLE_KEY not in written
    assert written.startswith("::error file=budget.yml,line=2,title=budget-gate%3A organization::")


@pytest.mark.parametrize("actions", ["", "false"])
def test_outside_of_github_actions_nothing_of_it_is_written(step: Here, actions: str) -> None:
    """The files' names alone do not make a step."""
    environment = {**step.program.step, "GITHUB_ACTIONS": actions}
    run = step.main(*AS_OF, policy=BREACHED, environment=environment)
    assert run.code == 1
    assert run.stderr == ""
    assert "::" not in run.stdout
    assert step.program.summary == "before\n"
    assert step.program.output == "before=1\n"


def test_a_wrong_policy_is_told_where_github_shows_it(step: Here) -> None:
    """As an annotation at its place and in the summary; there is no status to give out."""
    policy = "version: 1\nglobal: {cpa: 100}\n"
    run = step.main(*AS_OF, policy=policy, environment=step.program.step)
    assert (run.code, run.stdout) == (2, "")
    assert "::error file=budget.yml,line=2,col=10,title=budget-gate::global.cpa: " in run.stderr
    assert step.program.summary.startswith("before\n\n### ⚫ budget-gate: nothing was decided\n")
    assert "`budget.yml:2:10`" in step.program.summary
    assert step.program.output == "before=1\n"


def test_what_is_wrong_comes_first_and_what_was_asked_last_wherever_it_is_said(step: Here) -> None:
    """In one sentence after the other: on the terminal, in the summary, the annotation and the JSON."""
    told = (
        "the API refused the key (401). Check that",
        "(GET /v1/organizations/usage_report/messages: authentication_error: ",
        ", request-id req_",
    )
    with LoopbackAPI(ORGANIZATION, now=NOW, key="another") as api:
        step.set({**step.program.step, "ANTHROPIC_BASE_URL": api.url})
        run = step.main(*AS_OF, "--report", "report.json", policy=OK)
    assert run.code == 3
    assert_says(run.stdout.splitlines()[0], f"Spend unknown: {told[0]}", *told[1:])
    assert_says(html.unescape(step.program.summary), f"Spend unknown: {told[0]}", *told[1:])
    (annotation,) = (line for line in run.stderr.splitlines() if line.startswith("::error"))
    assert_says(annotation, f"Spend unknown: {told[0]}", *told[1:])
    (note,) = (it for it in step.program.report["notes"] if it["level"] == "error")
    assert note["code"] == "http_401"
    assert_says(note["message"], *told)


def test_a_wrong_key_is_annotated_in_two_sentences(step: Here) -> None:
    """Each begins with a capital, after a full stop."""
    step.set({**step.program.step, "ANTHROPIC_ADMIN_KEY": '"sk-ant-admin01-EXAMPLE"'})
    run = step.main(*AS_OF, policy=OK)
    assert run.code == 2
    assert "is in quotes. Paste the key without them." in run.stderr
    assert "is in quotes. Paste the key without them." in step.program.summary


def test_an_unverified_step_has_outputs(step: Here) -> None:
    """A later step can tell it from a breach."""
    environment = {**step.program.step, "ANTHROPIC_ADMIN_KEY": ""}
    run = step.main(*AS_OF, policy=OK, environment=environment)
    assert run.code == 3
    for name, value in (("status", "unverified"), ("enforced", "true"), ("spend-usd", "")):
        assert re.search(rf"^{name}<<(.*)\n{value}\n\1$", step.program.output, re.MULTILINE), name


@pytest.mark.parametrize(("policy", "code"), [(OK, 2), (BREACHED, 1), ("nonsense", 2)])
def test_a_summary_that_cannot_be_written_does_not_hide_a_breach(
    step: Here, tmp_path: Path, policy: str, code: int
) -> None:
    """It is told on stderr, and the outputs of the step are there all the same."""
    environment = {**step.program.step, "GITHUB_STEP_SUMMARY": str(tmp_path)}
    run = step.main(*AS_OF, policy=policy, environment=environment)
    assert run.code == code
    assert f"{tmp_path} cannot be written" in run.stderr
    assert "Traceback" not in run.stderr
    if policy != "nonsense":
        assert "status<<" in step.program.output


@pytest.mark.parametrize(("policy", "code"), [("version: 1\nglobal: {cap: 1}\n", 1), ("x", 2)])
def test_a_runner_without_files_is_annotated_all_the_same(
    inside: Here, policy: str, code: int
) -> None:
    """Older runners, and programs that act as one, give no files."""
    inside.patch.setenv("GITHUB_ACTIONS", "true")
    run = inside.main(*RECORDED, "--partial", policy=policy)
    assert run.code == code
    assert "\n::error file=budget.yml,line=" in run.stderr


def test_a_report_that_cannot_be_written_leaves_the_outputs(step: Here) -> None:
    """A step that runs always still learns that the budget is breached."""
    (step.program.folder / "report.json").mkdir()
    arguments = ("--report", "report.json", *AS_OF)
    run = step.main(*arguments, policy=BREACHED, environment=step.program.step)
    assert run.code == 1
    assert "\nbreached\n" in step.program.output
    assert "budget-gate: breached" in step.program.summary


# The world around


def test_the_checkout_has_no_say_in_what_is_imported(program: Gate) -> None:
    """Neither its modules, nor PYTHONPATH, nor a package of the program's own name."""
    hijack = "raise SystemExit('the checkout was imported')\n"
    names = ("json", "httpx", "yaml", "sitecustomize", "usercustomize", "budget_gate/__init__")
    for name in names:
        program.write(hijack, f"{name}.py")
    environment = {"PYTHONPATH": str(program.folder)}
    run = program.run(*AS_OF, policy=OK, environment=environment)
    assert (run.code, run.stderr) == (0, "")
    assert "$18.30" in run.stdout


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_zone_of_the_machine_does_not_matter(program: Gate, zone: str) -> None:
    """At 14 hours before and 11 behind UTC the first hour of the month is the same one."""
    arguments = ("--format", "json", "--as-of", "2026-11-01T00:30:00Z")
    there = program.run(*arguments, policy=OK, environment={"TZ": zone})
    here = program.run(*arguments, environment={"TZ": "UTC"})
    assert there == here
    assert there.code == 0
    assert there.report["period"]["start"] == "2026-11-01T00:00:00Z"
    assert [day["day"] for day in there.report["days"]] == ["2026-11-01"]


# Saved pages


def test_saved_pages_are_judged_without_the_network(inside: Here, api: LoopbackAPI) -> None:
    """A recorded hour of Opus 4.7: 0.0012 + 12.70908125 + 5.59293 + 1.5061 = 19.80931125 USD."""
    policy = "version: 1\nglobal: {cap: 19.80}\n"
    run = inside.main(*RECORDED, "--partial", policy=policy, now=RECORDED_AT)
    assert run.code == 1
    assert "organization has spent $19.81, $0.01 over its $19.80 cap (list prices)" in run.stdout
    assert run.stdout.startswith("PARTIAL (saved pages leave out part of the month). Budget ")
    assert "warning: The saved pages leave out part of the month" in run.stdout
    assert api.requests == []


def test_saved_pages_that_leave_a_part_out_are_3(inside: Here) -> None:
    """An hour is no month, unless `--partial` says that it is all there is."""
    run = inside.main(*RECORDED, "--format", "json", policy=OK, now=RECORDED_AT)
    assert run.code == 3
    assert [note["code"] for note in run.report["notes"]] == ["incomplete_usage"]
    assert "--partial" in run.report["notes"][0]["message"]


def test_saved_workspaces_give_their_names(inside: Here) -> None:
    """A policy's names are looked up in the saved list."""
    page = {
        "data": [
            {
                "starting_at": "2026-11-01T00:00:00Z",
                "ending_at": "2026-11-02T00:00:00Z",
                "results": [
                    {
                        "uncached_input_tokens": 0,
                        "output_tokens": 1_000_000,
                        "model": "claude-sonnet-4-5",
                        "workspace_id": PRODUCTION,
                    }
                ],
            }
        ],
        "has_more": False,
    }
    inside.program.write(json.dumps(page), "usage.json")
    listed = {"data": [{"id": PRODUCTION, "name": "production"}], "has_more": False}
    inside.program.write(json.dumps(listed), "workspaces.json")
    run = inside.main(
        *("--usage", "usage.json", "--workspaces", "workspaces.json"),
        *("--as-of", "2026-11-02T00:00:00Z", "--format", "json"),
        policy="version: 1\nworkspaces:\n  production: {cap: 14.99}\n",
    )
    assert run.code == 1
    (budget,) = run.report["budgets"]
    assert (budget["name"], budget["spend"]["low"]) == ("production", "15")


@pytest.mark.parametrize(
    "usage", [("--usage", "1.json", "2.json"), ("--usage", "1.json", "--usage", "2.json")]
)
def test_saved_pages_may_be_named_one_by_one(inside: Here, usage: tuple[str, ...]) -> None:
    """A repeated flag adds its files: the first ones are not dropped in silence."""
    for day in (1, 2):
        row = {
            "uncached_input_tokens": 0,
            "output_tokens": day * 1_000_000,
            "model": "claude-sonnet-4-5",
            "workspace_id": PRODUCTION,
        }
        bucket = {
            "starting_at": f"2026-11-0{day}T00:00:00Z",
            "ending_at": f"2026-11-0{day + 1}T00:00:00Z",
            "results": [row],
        }
        inside.program.write(json.dumps({"data": [bucket], "has_more": False}), f"{day}.json")
    run = inside.main(*usage, "--as-of", "2026-11-03T00:00:00Z", "--format", "json", policy=OK)
    assert run.code == 0, run.stdout
    assert run.report["spend"]["low"] == "45"


# The demo


def test_the_demo_shows_a_breach_a_warning_and_a_budget_that_is_ok(
    program: Gate, api: LoopbackAPI
) -> None:
    """Without a policy, a key or a request, and the same on every day."""
    run = program.run("demo", "--format", "json", environment={"ANTHROPIC_ADMIN_KEY": ""})
    assert run.code == 1
    statuses = [budget["status"] for budget in run.report["budgets"]]
    assert statuses == ["breached", "warning", "ok"]
    assert run.stderr == "That was a sample. To check yours: budget-gate check\n"
    assert run.report["as_of"] == sample.AS_OF
    assert api.requests == []


def test_the_demo_does_not_depend_on_the_clock(inside: Here) -> None:
    """Neither long before nor long after the day that it is about."""
    runs = [inside.main("demo", now=datetime(year, 12, 1, tzinfo=UTC)) for year in (2020, 2040)]
    assert runs[0] == runs[1]
    assert runs[0].code == 1


def test_the_demo_ignores_the_policy_of_the_folder(inside: Here) -> None:
    """It is about the sample organization alone."""
    run = inside.main("demo", policy="nonsense")
    assert run.code == 1
    assert run.stdout.startswith("Budget breached: ")


@pytest.mark.parametrize(
    ("flags", "code"), [([], 3), (["--on-error", "warn"], 0), (["--fail-on", "never"], 3)]
)
def test_a_runner_that_leaves_no_connection_is_no_wrong_policy(
    here: Here, flags: list[str], code: int
) -> None:
    """Spend is not known then, which `--on-error: warn` softens, and the variable is named."""
    here.set({"ANTHROPIC_BASE_URL": "https://api.example.test", "NO_PROXY": "[::1]"})
    run = here.main(*AS_OF, *flags, "--format", "json", policy=OK)
    assert run.code == code
    assert run.report["status"] == "unverified"
    (note,) = run.report["notes"]
    assert note["code"] == "runner"
    assert "NO_PROXY (or no_proxy) is no list of hosts" in note["message"]


@pytest.mark.parametrize("format_", ["text", "markdown", "json"])
def test_another_address_than_the_usual_one_is_named(inside: Here, format_: str) -> None:
    """Who answers there may be anyone; a path is left out, as it may be a secret."""
    run = inside.main(*AS_OF, "--format", format_, policy=OK)
    assert run.code == 0
    assert f"{inside.program.url}" in run.stdout
