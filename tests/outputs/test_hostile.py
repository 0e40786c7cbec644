"""Text of strangers through the whole program: it stays text in the log, the files and the terminal."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from budget_gate import gate
from tests.helpers.inert import (
    EVIL,
    PLAIN,
    SURROGATE,
    Shown,
    assert_alike,
    assert_inert,
    shown,
    way_id,
)
from tests.helpers.running import (
    AS_OF,
    BREACHED,
    NOW,
    OK,
    ORGANIZATION,
    Gate,
    Here,
    ended,
    stalling,
)
from tests.helpers.serving import ME, USAGE, refuse, reply
from tests.world.loopback import (
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.oracle import Usage

# Each text goes where the one before it went: the lines are counted by the tests of each output.
pytestmark = pytest.mark.uncounted

ID = "wrkspc_01EXAMPLE"
BREACH = "version: 1\nunlisted: fail\n"


@pytest.fixture
def here(here: Here) -> Here:
    """The program as a step of GitHub Actions."""
    here.set(here.program.step)
    return here


# Where a stranger's text comes in: each gives what is shown of a run that meets it


def workspace(here: Here, text: str) -> Shown:
    """A workspace of that name is over its budget."""
    usage = [Usage(NOW - timedelta(days=1), ID, "claude-sonnet-4-5", output=1_000_000)]
    with LoopbackAPI(Organization(usage, [Workspace(ID, text)]), now=NOW) as api:
        return shown(here, api, policy=BREACH)


def workspace_id(here: Here, text: str) -> Shown:
    """A workspace of that id, in no list, is over its budget."""
    usage = [Usage(NOW - timedelta(days=1), text, "claude-sonnet-4-5", output=1_000_000)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        return shown(here, api, policy=BREACH)


def alert(here: Here, text: str) -> Shown:
    """A workspace of that name has spent more than in the week before, and so has the whole."""
    usage = [Usage(NOW - timedelta(days=1), ID, "claude-sonnet-4-5", output=1_000_000)]
    policy = "version: 1\nunlisted: {cap: 900}\nalerts: {week_over_week: {above: 25%}}\n"
    with LoopbackAPI(Organization(usage, [Workspace(ID, text)]), now=NOW) as api:
        return shown(here, api, policy=policy)


def alert_of_model(here: Here, text: str) -> Shown:
    """It is that model which costs more, at a price of the policy."""
    usage = [Usage(NOW - timedelta(days=1), ID, text, output=1_000_000)]
    rates = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
    policy = {
        "version": "1",
        "global": {"cap": "900"},
        "alerts": {"week_over_week": {"above": "25%"}, "daily": {"above": "25%"}},
        "prices": {"models": {text: dict.fromkeys(rates, "300")}},
    }
    with LoopbackAPI(Organization(usage, [Workspace(ID, "alpha")]), now=NOW) as api:
        return shown(here, api, "--fail-on", "warning", policy=json.dumps(policy))


def model(here: Here, text: str) -> Shown:
    """A model of that id has no price."""
    usage = [Usage(NOW - timedelta(days=1), None, text, output=1_000_000)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        return shown(here, api, policy=OK)


def bounded_model(here: Here, text: str) -> Shown:
    """A model of that id may cost as much as the dearest."""
    usage = [Usage(NOW - timedelta(days=1), None, text, output=1_000_000)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        policy = f"{OK}spend: {{unknown_model: upper_bound}}\n"
        return shown(here, api, policy=policy)


def message(here: Here, text: str) -> Shown:
    """The API refuses with that message, of that kind."""
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(401, text, text)) as api:
        return shown(here, api, policy=OK)


def passed_message(here: Here, text: str) -> Shown:
    """The same, where the run is told to pass."""
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(401, text, text)) as api:
        return shown(here, api, "--on-error", "warn", policy=OK)


def organization(here: Here, text: str) -> Shown:
    """The organization's id is that text."""

    def named(request: Request, _: int) -> Response | None:
        return reply({"id": text}) if request.path == ME else None

    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=named) as api:
        return shown(here, api, policy=BREACHED)


def last_report(here: Here, text: str) -> Shown:
    """The last report proves a breach of a budget of that name."""
    budget = {
        "id": f"workspaces.{ID}",
        "name": text,
        "cap": "1",
        "spend": {"low": "2", "high": "2"},
        "status": "breached",
    }
    report = {
        "schema": "budget-gate/report/v1",
        "as_of": "2026-11-15T11:00:00Z",
        "period": {"start": "2026-11-01T00:00:00Z"},
        "budgets": [budget],
    }
    here.program.write(json.dumps(report), "last.json")
    policy = f"version: 1\nworkspaces:\n  {ID}: {{cap: 1}}\n"
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(403)) as api:
        return shown(here, api, "--last-report", "last.json", policy=policy)


def label(here: Here, text: str) -> Shown:
    """The policy calls a workspace that, and caps it by that name."""
    policy = {"version": "1", "names": {ID: text}, "workspaces": {text: {"cap": "1"}}}
    usage = [Usage(NOW - timedelta(days=1), ID, "claude-sonnet-4-5", output=1_000_000)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        return shown(here, api, policy=json.dumps(policy))


def missing_workspace(here: Here, text: str) -> Shown:
    """The policy caps a workspace of that name, and there is none."""
    policy = {"version": "1", "workspaces": {f"no {text}": {"cap": "1"}}}
    listed = Organization(ORGANIZATION.usage, [*ORGANIZATION.workspaces, Workspace(ID, text)])
    with LoopbackAPI(listed, now=NOW) as api:
        return shown(here, api, policy=json.dumps(policy))


def unknown_key(here: Here, text: str) -> Shown:
    """The policy has a key of that name."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return shown(here, api, policy=json.dumps({"version": "1", f"no {text}": "x"}))


def wrong_value(here: Here, text: str) -> Shown:
    """The policy has that for an amount."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        policy = {"version": "1", "global": {"cap": text}, "unlisted": text}
        return shown(here, api, policy=json.dumps(policy))


def no_policy(here: Here, text: str) -> Shown:
    """The policy is that text."""
    (here.program.folder / "budget.yml").write_text(text, encoding="utf-8", errors="replace")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return shown(here, api)


def policy_path(here: Here, text: str) -> Shown:
    """The policy is called that, and does not exist."""
    name = text.encode(errors="replace").decode().replace("\0", "")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return shown(here, api, "--policy", f"no {name}")


def saved_page(here: Here, text: str) -> Shown:
    """A saved page is that text."""
    (here.program.folder / "page.json").write_text(text, encoding="utf-8", errors="replace")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return shown(here, api, "--usage", "page.json", policy=OK)


Way = Callable[[Here, str], Shown]
# Each with its exit code for an ordinary text.
VERDICTS: dict[Way, int] = {
    workspace: 1,
    workspace_id: 1,
    model: 3,
    bounded_model: 3,
    message: 3,
    passed_message: 0,
    organization: 1,
    last_report: 1,
    alert: 0,
}
OTHERS: dict[Way, int] = {
    missing_workspace: 2,
    unknown_key: 2,
    wrong_value: 2,
    no_policy: 2,
    policy_path: 2,
    saved_page: 3,
    label: 1,
    alert_of_model: 1,
}


@pytest.mark.parametrize(("way", "code"), {**VERDICTS, **OTHERS}.items(), ids=way_id)
def test_an_ordinary_text_has_its_exit_code(here: Here, way: Way, code: int) -> None:
    """Or the tests below would show nothing."""
    assert way(here, PLAIN).run.code == code


@pytest.mark.parametrize("way", OTHERS, ids=way_id)
def test_a_text_that_may_be_refused_stays_a_text(
    here: Here, way: Way, subtests: pytest.Subtests
) -> None:
    """No command for the runner but ours, nothing for the terminal to obey, no structure in the summary."""
    for text in EVIL:
        with subtests.test(text=ascii(text)[:40]):
            seen = way(here, text)
            assert seen.run.code in (1, 2, 3)
            assert_inert(seen)


@pytest.mark.parametrize("way", VERDICTS, ids=way_id)
def test_a_text_in_a_verdict_stays_a_text(here: Here, way: Way, subtests: pytest.Subtests) -> None:
    """Exit code, outputs, annotations and the summary's structure are those of an ordinary name."""
    ordinary = way(here, PLAIN)
    for text in EVIL:
        with subtests.test(text=ascii(text)[:40]):
            seen = way(here, text)
            assert_inert(seen)
            if text == SURROGATE:
                assert seen.run.code in (3, ordinary.run.code)
            else:
                assert_alike(seen, ordinary, text)


@pytest.mark.parametrize("text", [text for text in EVIL if text != SURROGATE], ids=way_id)
def test_a_name_comes_back_whole_from_the_report(here: Here, text: str) -> None:
    """Only there: it is quoted, and a program may need it."""
    report: dict[str, Any] = json.loads(workspace(here, text).report)
    assert [row["name"] for row in report["workspaces"]] == [text]


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_the_report_on_stdout_is_no_command_either(here: Here, text: str) -> None:
    """As JSON it goes to the log too."""
    here.patch.setenv("BUDGET_GATE_FORMAT", "json")
    assert_inert(workspace(here, text))


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_the_summary_on_stdout_is_no_command_either(here: Here, text: str) -> None:
    """Nor is Markdown that is printed."""
    here.patch.setenv("BUDGET_GATE_FORMAT", "markdown")
    assert_inert(message(here, text))


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_a_bug_shows_a_text_as_text(here: Here, text: str) -> None:
    """A traceback may quote anything."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(text)

    here.patch.setattr(gate, "check", broken)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        seen = shown(here, api, policy=OK)
    assert seen.run.code == 4
    assert_inert(seen)


@pytest.mark.parametrize(
    "text", ["x\n::error::pwned", "##[error]pwned", "\x1b[31mred", "\u202eexe"]
)
@pytest.mark.parametrize("flag", ["", "--format=", "--no-such-flag="])
def test_a_wrong_flag_is_shown_as_text(here: Here, flag: str, text: str) -> None:
    """A script may build its flags of a branch's name."""
    run = here.main(f"{flag}{text}")
    assert run.code == 2
    log = run.stdout + run.stderr
    assert "##[" not in log
    assert log.replace("\n", "").isprintable()
    assert not [line for line in log.splitlines() if line.lstrip().startswith("::")]


# The key


@pytest.mark.parametrize("flags", [["--admin-key", EXAMPLE_KEY], [f"--admin-key={EXAMPLE_KEY}"]])
def test_a_key_that_is_given_as_a_flag_is_not_repeated(here: Here, flags: list[str]) -> None:
    """There is no such flag, and the log keeps what it is shown."""
    run = here.main(*flags, *AS_OF, policy=OK)
    assert (run.code, run.stdout) == (2, "")
    assert EXAMPLE_KEY not in run.stderr


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux has it")
def test_the_key_is_in_no_command_line(tmp_path: Path) -> None:
    """Where everyone on the machine could read it; nor is there a child to have one."""
    program = Gate(tmp_path)
    program.write(OK)
    with stalling(USAGE, only=True) as (api, asked):
        environment = {"ANTHROPIC_BASE_URL": api.url}
        process = program.start(*AS_OF, "--report", "report.json", environment=environment)
        assert asked.wait(30)
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
        process.send_signal(signal.SIGTERM)
        ended(process)
    assert b"--report" in line
    assert EXAMPLE_KEY.encode() not in line
    assert children == ""
    assert EXAMPLE_KEY not in program.text("report.json")


# A checkout that would rather judge itself


@pytest.fixture
def trap() -> Iterator[LoopbackAPI]:
    """An API of the checkout's own, where nothing was ever spent."""
    with LoopbackAPI(Organization([], []), now=NOW) as api:
        yield api


def test_settings_in_the_checkout_are_not_read(tmp_path: Path, trap: LoopbackAPI) -> None:
    """Not a `.env`, wherever another tool would take it from: the spend is that of the real API."""
    program = Gate(tmp_path)
    lines = (
        f"ANTHROPIC_BASE_URL={trap.url}\nBUDGET_GATE_FAIL_ON=never\nBUDGET_GATE_POLICY=own.yml\n"
    )
    for name in (".env", ".env.local", "budget_gate.env", ".github/.env"):
        program.write(lines, name)
    program.write(OK, "own.yml")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        environment = {"ANTHROPIC_BASE_URL": api.url}
        run = program.run(*AS_OF, policy=BREACHED, environment=environment)
    assert (run.code, run.stderr) == (1, "")
    assert trap.requests == []


def test_a_credential_in_the_checkout_is_not_used(tmp_path: Path, trap: LoopbackAPI) -> None:
    """A key in a `.env` is nobody's decision to let the gate have it: there is none, so 3."""
    program = Gate(tmp_path, trap.url)
    program.write(f"ANTHROPIC_ADMIN_KEY={EXAMPLE_KEY}\n", ".env")
    run = program.run(*AS_OF, policy=OK, environment={"ANTHROPIC_ADMIN_KEY": ""})
    assert run.code == 3
    assert trap.requests == []


@pytest.mark.parametrize("folder", [".", "lib/python3/site-packages"])
def test_a_plugin_in_the_checkout_is_not_loaded(tmp_path: Path, folder: str) -> None:
    """Packages look for plugins among what is installed, and a folder can say that it is."""
    program = Gate(tmp_path)
    program.write("raise SystemExit('the checkout was imported')\n", f"{folder}/evil.py")
    program.write(
        "Metadata-Version: 2.1\nName: evil\nVersion: 1\n", f"{folder}/evil-1.dist-info/METADATA"
    )
    program.write("[pydantic]\nevil = evil:plugin\n", f"{folder}/evil-1.dist-info/entry_points.txt")
    program.write("import evil\n", f"{folder}/evil.pth")
    environment = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(tmp_path / folder)]),
        "PYTHONUSERBASE": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / folder / "evil.py"),
        "PYTHONHOME": "",
        "HOME": str(tmp_path),
    }
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        environment["ANTHROPIC_BASE_URL"] = api.url
        run = program.run(*AS_OF, policy=BREACHED, environment=environment)
    assert (run.code, run.stderr) == (1, "")
