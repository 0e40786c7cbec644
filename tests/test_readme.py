"""The README and docs/ as a reader follows them: their blocks are pasted into a shell, from the first to the last.

What is not seen here is that an index has the packages: `uvx` is a stand-in, and pip takes what is installed beside the
tests instead of looking for it. CONTRIBUTING's line, which installs every pin, is held to what CI runs.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

import budget_gate
from budget_gate.commands.policy_name import POLICY_FILES
from tests.helpers.ledgers import message
from tests.helpers.pages import BLOCKS, PAGES, README, steps
from tests.helpers.paths import ROOT
from tests.helpers.redis import Server
from tests.world.billing import bill_of
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

SHELL = [block.text for block in BLOCKS if block.language == "sh"]
(GITLAB,) = [block.text for block in BLOCKS if block.text.startswith("budget:\n")]
# The files that "Use it" has the reader write, each where its block begins.
WRITTEN: dict[str, str] = dict(
    re.findall(
        r"The (?:policy|workflow), `([\w./]+)`[^\n]*(?:\n[^\n]+)*:\n\n```yaml\n(.*?)^```$",
        PAGES[README],
        re.MULTILINE | re.DOTALL,
    )
)
WORKFLOW = WRITTEN[".github/workflows/budget.yml"]
OURS = "OWNER/budget-gate@v1"

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
PRODUCTION, STAGING = "wrkspc_01EXAMPLEPROD", "wrkspc_01EXAMPLESTAG"


def used(workspace: str, days_ago: int, output: int) -> Usage:
    """Output of Claude Sonnet 5 in a workspace."""
    return Usage(NOW - timedelta(days=days_ago), workspace, "claude-sonnet-5", output=output)


# Less this month than in the one before: what `init` writes holds, and so does the README's policy.
ORGANIZATION = Organization(
    [
        used(PRODUCTION, 30, 40_000_000),
        used(PRODUCTION, 3, 10_000_000),
        used(STAGING, 30, 4_000_000),
        used(STAGING, 2, 1_000_000),
    ],
    [Workspace(PRODUCTION, "production"), Workspace(STAGING, "staging")],
)

# A line that Python runs when it starts: what is installed has the time of the tests.
CLOCK = (
    "import datetime, importlib.util; "
    "cli = importlib.util.find_spec('budget_gate') and __import__('budget_gate.cli').cli; "
    f"now = datetime.datetime.fromisoformat('{NOW.isoformat()}'); "
    "cli and setattr(cli, '_utc_now', lambda now=now: now)"
)
# `pip install .` needs an index for the packages and for hatchling; here both are those of the tests' own environment,
# found after the new one's. Everything else about the environment and the installation is real.
LEDGER = 'BUDGET_GATE_LEDGER="$LEDGER"'
PYTHON3 = f"""\
#!/bin/bash
set -e
{shlex.quote(sys.executable)} "$@"
cd "${{@: -1}}"
printf '#!/bin/sh\\nexec "%s" -m pip "$@" --no-build-isolation --no-index\\n' "$PWD/bin/python" > bin/pip
cd lib/python3.*/site-packages
echo {shlex.quote(sysconfig.get_path("purelib"))} > beside.pth
echo {shlex.quote(CLOCK)} > clock.pth
"""
# It runs a script of the package, which --from may say where to find.
UVX = f"""\
#!/bin/bash
if [ "$1" = --from ]; then [ -e "$2/pyproject.toml" ] || exit 9; shift 2; fi
[ "$1" = budget-gate ] || exit 9
shift
exec {shlex.quote(sys.executable)} -c 'import sys; from budget_gate.cli import main; sys.exit(main())' "$@"
"""
DATE = f"""\
#!/bin/sh
exec {shlex.quote(sys.executable)} -c 'if True:
    import sys, datetime
    print(datetime.datetime.fromisoformat("{NOW.isoformat()}").strftime(sys.argv[2][1:]))' "$@"
"""


def executable(path: Path, text: str) -> None:
    """Writes a script."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def checkout(folder: Path) -> Path:
    """A clone of this repository, with the package under test: where CI tests a wheel, that one's."""
    folder.mkdir()
    for name in ("pyproject.toml", README, "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / ".github", folder / ".github")
    shutil.copytree(Path(budget_gate.__file__).parent, folder / "budget_gate")
    return folder


def session(own: Path, clone: Path) -> str:
    """Every block in its place: those that speak of `.` or of the checkout in the checkout, the rest in `own`.

    Stderr tells each command that ended with another code than 0.
    """
    lines = ["trap 'echo \"$BASH_COMMAND -> $?\" >&2' ERR"]
    for _, language, text in BLOCKS:
        if language == "sh":
            there = re.search(r" '?\.[ [']|\$PWD", text)
            # Of the ledger, its own commands know: a check would judge by it.
            with_ledger = text.replace("budget-gate ledger", f"{LEDGER} budget-gate ledger")
            lines += [f"cd {shlex.quote(str(clone if there else own))}", with_ledger]
        for name in (name for name, written in WRITTEN.items() if written == text):
            quoted = shlex.quote(str(own / name))
            lines.append(f"mkdir -p $(dirname {quoted}); printf %s {shlex.quote(text)} > {quoted}")
        if text == GITLAB:
            lines += [*gitlab_job(), *gitlab_job()]
    return "\n".join(lines)


def gitlab_job() -> Iterator[str]:
    """What GitLab runs, the installation left out, which needs an index."""
    job = yaml.safe_load(GITLAB)["budget"]
    installs, *script = job["script"]
    assert installs.startswith("pip install ")
    for line in script:
        given = " ".join(f"{name}={value}" for name, value in job["variables"].items())
        yield f"{given} {line}"


def test_every_block_can_be_pasted(tmp_path: Path, ledger_server: Server) -> None:
    """In an empty folder, one after the other: nothing fails but the demo, whose sample is over a cap.

    The commands find the program where the README's own line has installed it, and nowhere else.
    """
    own, tools = tmp_path / "own", tmp_path / "tools"
    own.mkdir()
    tools.mkdir()
    # What an application has kept of its answers.
    (own / "messages.jsonl").write_text(json.dumps(message()), encoding="utf-8")
    for name, text in (("python3", PYTHON3), ("uvx", UVX), ("date", DATE)):
        executable(tools / name, text)
    curl = shutil.which("curl")
    assert curl, "saved reports come by curl"
    (tools / "curl").symlink_to(curl)
    clone = checkout(tmp_path / "clone")
    with LoopbackAPI(ORGANIZATION, now=NOW, bill=bill_of(ORGANIZATION)) as api:
        done = subprocess.run(
            ["bash", "-c", session(own, clone)],
            cwd=own,
            env={
                "PATH": f"{tools}:/usr/bin:/bin",
                "HOME": str(tmp_path),
                "ANTHROPIC_BASE_URL": api.url,
                "LEDGER": ledger_server.url,
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            input=f"{EXAMPLE_KEY}\n",
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
    failed = re.findall(r"^(.*) -> (\d+)$", done.stderr, re.MULTILINE)
    demos = re.findall(r"[\w./ -]*budget-gate demo$", "".join(SHELL), re.MULTILINE)
    assert failed == [(demo.strip(), "1") for demo in demos], done.stderr
    assert len(demos) == 3
    assert EXAMPLE_KEY not in done.stdout + done.stderr
    assert {path.name for path in own.iterdir()} == {
        ".github",
        "budget-report.json",
        "budget.yml",
        "days.json",
        "hours.json",
        "messages.jsonl",
        "site",
        "usage.csv",
        "usage.db",
        "workspaces.json",
    }
    # 11 million tokens of output at $10 per million: six checks and the audit have seen them.
    assert done.stdout.count("$110.00") >= 7


def test_a_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    """Its data, too: the sample of the demo, the prices and the schema."""
    clone = checkout(tmp_path / "clone")
    package = clone / "budget_gate"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"],
        cwd=clone,
        check=True,
        capture_output=True,
    )
    (wheel,) = (clone / "dist").iterdir()
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if name.startswith("budget_gate/")}
    assert held == {
        path.relative_to(clone).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_script_has_the_name_of_the_package() -> None:
    """By which `uvx` and `pipx run` find it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] in project["scripts"]


def test_the_line_that_runs_the_tests_is_the_one_of_ci() -> None:
    """It installs the pins from an index, so that it cannot be run here."""
    contributing = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^.*requirements-dev.txt.*$", contributing, re.MULTILINE)
    assert line in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", POLICY_FILES)
def test_no_command_takes_this_repositorys_policy_for_the_readers(name: str) -> None:
    """In a checkout, `init` may write, and `check` says that there is no policy."""
    assert not (ROOT / name).exists()


# The workflow


def test_the_workflow_to_copy_is_this_repositorys_own() -> None:
    """But for names, its policy and where the action is; the comments differ."""
    own = (ROOT / ".github" / "workflows" / "this-repository.yml").read_text(encoding="utf-8")
    ours, copied = (yaml.load(text, yaml.BaseLoader) for text in (own, WORKFLOW))  # noqa: S506 - makes strings alone
    job, gate = ours["jobs"]["gate"], ours["jobs"]["gate"]["steps"][-1]
    assert gate.pop("uses") == "./"
    assert (ROOT / gate["with"].pop("policy")).is_file()
    del job["name"]
    gate["uses"] = OURS
    assert copied["jobs"] == ours["jobs"]
    assert (copied["on"], copied["permissions"]) == (ours["on"], ours["permissions"])


@pytest.mark.parametrize("text", steps())
def test_workflows_are_accepted(text: str, tmp_path: Path) -> None:
    """By actionlint, which knows GitHub's syntax; steps alone stand in the README's own workflow."""
    if not text.startswith("name:"):
        text = WORKFLOW[: WORKFLOW.index(f"      - uses: {OURS}")] + text
    file = tmp_path / "budget.yml"
    file.write_text(text, encoding="utf-8")
    lint = Path(sys.executable).with_name("actionlint")
    done = subprocess.run([lint, file], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_steps_give_inputs_that_the_action_has() -> None:
    """GitHub only warns of another one, and goes on without it."""
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    for text in steps():
        read = yaml.safe_load(text)
        jobs = {"gate": {"steps": read}} if isinstance(read, list) else read["jobs"]
        for step in (step for job in jobs.values() for step in job["steps"]):
            if step.get("uses") == OURS:
                assert step["with"].keys() <= inputs.keys()


def test_every_action_has_one_pin() -> None:
    """A commit with its version, the same on every page and in every workflow."""
    files = sorted((ROOT / ".github" / "workflows").iterdir())
    pins: dict[str, set[str]] = {}
    for text in (*PAGES.values(), *(file.read_text(encoding="utf-8") for file in files)):
        for name, pin in re.findall(r"^ *- uses: ([\w./-]+)@(.*)$", text, re.MULTILINE):
            pins.setdefault(name, set()).add(pin)
    assert len(pins.pop("OWNER/budget-gate")) == 2
    for name, found in pins.items():
        (pin,) = found
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin), name


def test_the_files_to_protect_are_those_to_write() -> None:
    """The policy, the workflow, and the list of their owners itself."""
    (owners,) = [block.text for block in BLOCKS if block.text.startswith("/budget.yml")]
    named = [line.split() for line in owners.splitlines()]
    assert [path for path, _ in named] == [f"/{name}" for name in [*WRITTEN, ".github/CODEOWNERS"]]
    assert all(owner.startswith("@") for _, owner in named)
