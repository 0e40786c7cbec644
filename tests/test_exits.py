"""How a run ends that cannot import what it needs, or whose report is lost: never in 1, and never in 0."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

import budget_gate
from budget_gate import gate
from tests.helpers.running import (
    AS_OF,
    BREACHED,
    NOW,
    OK,
    ORGANIZATION,
    RECORDED,
    Gate,
    Here,
    Run,
    checkout,
    files_of_at_most,
)
from tests.world.loopback import LoopbackAPI

PARTIAL = (*RECORDED, "--partial")

# The ways to start the program; what stands in the folder that is named first wins over what is installed.
WAYS = {
    "python -m": "import runpy; runpy.run_module('budget_gate', run_name='__main__', alter_sys=True)",
    "budget-gate": "import sys; from budget_gate.__main__ import run; sys.exit(run())",
}


def run_beside(program: Gate, folder: Path, *arguments: str, way: str = "python -m") -> Run:
    """Runs the program with the modules of a folder first, its lines counted, as no run in this process gets there."""
    folders = [str(folder), str(Path(budget_gate.__file__).parents[1])]
    start = f"import sys; sys.path[:0] = {folders}; {WAYS[way]}"
    counted = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    launch = (sys.executable, "-I", "-c", start)
    return program.run(*arguments, policy=BREACHED, environment=counted, launch=launch)


def told_in_one_line(run: Run, name: str) -> None:
    """The run ended in 4, and stderr names the module and the remedy."""
    assert (run.code, run.stdout) == (4, ""), run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith("budget-gate: ")
    assert name in line
    assert line.endswith("install budget-gate and its packages again")


# What cannot be imported


DAMAGE = {
    "needs what is missing": b"import nothing_that_exists",
    "is no Python": b"def broken(:",
    "raises anything": b"raise SystemError('the installed version is another one')",
    "says yes": b"raise SystemExit(0)",
    "says why": b"raise SystemExit('why')",
    "is none of Exception": b"raise type('PanicException', (BaseException,), {})('panic')",
    "is no text": b"x = 1\0",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["pydantic_settings", "httpx"])
def test_a_damaged_package_is_told_in_one_line(tmp_path: Path, name: str, damage: str) -> None:
    """Whether it is needed first or last: exit 4 under a breach, where Python by itself would end in 1."""
    (tmp_path / f"{name}.py").write_bytes(DAMAGE[damage])
    run = run_beside(checkout(tmp_path), tmp_path, *AS_OF)
    told_in_one_line(run, "nothing_that_exists" if damage == "needs what is missing" else "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "module",
    [
        "cli",
        "commands/shared_flags",
        "commands/check",
        "settings",
        "reading/spend",
        "outputs/report/text",
    ],
)
def test_a_damaged_file_of_the_program_is_told_in_one_line(
    tmp_path: Path, module: str, way: str
) -> None:
    """However it is started, and before `main` can say anything."""
    shutil.copytree(Path(budget_gate.__file__).parent, tmp_path / "budget_gate")
    (tmp_path / "budget_gate" / f"{module}.py").write_text("def broken(:\n", encoding="utf-8")
    run = run_beside(checkout(tmp_path), tmp_path, *AS_OF, way=way)
    told_in_one_line(run, str(tmp_path / "budget_gate" / f"{module}.py"))


def test_an_interruption_before_the_run_has_begun_is_told(tmp_path: Path) -> None:
    """Nothing was decided: exit 3, and no traceback."""
    (tmp_path / "pydantic_settings.py").write_text("raise KeyboardInterrupt", encoding="utf-8")
    run = run_beside(checkout(tmp_path), tmp_path, *AS_OF)
    assert (run.code, run.stdout) == (3, "")
    assert run.stderr == "budget-gate: SIGINT ended the run: nothing was decided\n"


@pytest.mark.parametrize(
    "error", [SystemExit(0), SystemExit("text"), RecursionError(), BaseException()]
)
def test_whatever_ends_a_run_is_no_verdict(here: Here, error: BaseException) -> None:
    """A package that calls `sys.exit` in the middle of a check has not found every cap to hold."""

    def ends(*_: object, **__: object) -> None:
        raise error

    here.patch.setattr(gate, "check", ends)
    run = here.main(*AS_OF, policy=OK)
    assert (run.code, run.stdout) == (4, "")
    assert "this is a bug, please report it" in run.stderr


# What cannot be printed


@contextmanager
def full_disk(here: Here, size: int = 0) -> Iterator[TextIO]:
    """Has stdout go to a file that takes no more than that many bytes."""
    with (here.program.folder / "printed").open("w", encoding="utf-8") as file:
        here.patch.setattr(sys, "stdout", file)
        with files_of_at_most(size):
            yield file


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize(("policy", "code"), [(OK, 2), (BREACHED, 1)])
def test_a_report_that_is_lost_is_not_green(here: Here, policy: str, code: int, size: int) -> None:
    """A full disk behind stdout is exit 2 where all caps hold; a breach keeps its own code."""
    here.program.write(policy)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, full_disk(here, size):
        run = here.check(api, *AS_OF)
    assert run.code == code
    assert run.stderr.splitlines()[0] == "budget-gate: stdout cannot be written: File too large"


def test_all_else_is_written_where_stdout_is_lost(here: Here) -> None:
    """The file and the outputs of the step still tell the verdict."""
    here.set(here.program.step)
    here.program.write("", "printed")
    read_only = os.open(here.program.folder / "printed", os.O_RDONLY)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, os.fdopen(read_only, "w") as stdout:
        here.patch.setattr(sys, "stdout", stdout)
        run = here.check(api, *AS_OF, "--report", "report.json", policy=OK)
    assert run.code == 2
    assert here.program.report["status"] == "ok"
    assert "budget-gate: ok" in here.program.summary
    assert "status" in here.program.output


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("doctor", 2),
        ("init --stdout", 2),
        ("schema", 2),
        ("demo", 1),
        ("--help", 2),
        ("--version", 2),
    ],
)
def test_no_command_is_green_whose_output_is_lost(here: Here, command: str, code: int) -> None:
    """Each says in a line that stdout is the reason; the sample's breach stays one."""
    here.program.write(OK)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, full_disk(here):
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main(*command.split(), now=NOW)
    assert run.code == code
    assert "printed: File too large" in run.stderr or "stdout cannot be written" in run.stderr


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize(("policy", "code"), [(OK, 2), (BREACHED, 1)])
def test_a_step_whose_files_are_lost_is_not_green(
    here: Here, name: str, policy: str, code: int
) -> None:
    """What reads them would take silence for an answer."""
    here.set({**here.program.step, name: str(here.program.folder)})
    run = here.main(*PARTIAL, policy=policy if code == 2 else "version: 1\nglobal: {cap: 0}\n")
    assert run.code == code
    assert "cannot be written: Is a directory" in run.stderr


@pytest.mark.parametrize("sink", ["pipe", "file"])
def test_a_report_into_stdout_follows_what_is_printed(tmp_path: Path, sink: str) -> None:
    """`--report /dev/stdout`: nothing is replaced and nothing written over, be it a pipe or a file."""
    program = checkout(tmp_path)
    (tmp_path / "stdout").symlink_to("/dev/fd/1")
    arguments = (*PARTIAL, "--report", "../stdout")
    if sink == "pipe":
        run = program.run(*arguments, policy=OK)
        code, printed = run.code, run.stdout
    else:
        with (tmp_path / "printed").open("w", encoding="utf-8") as file:
            code = program.run(*arguments, policy=OK, stdout=file).code
        printed = (tmp_path / "printed").read_text(encoding="utf-8")
    assert code == 0
    assert "Within budget: " in printed.splitlines()[0]
    assert '\n{\n  "schema": "budget-gate/report/v1"' in printed
    assert (tmp_path / "stdout").is_symlink()


def test_help_for_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    """As under `| head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    run = checkout(tmp_path).run("--help", stdout=writer)
    os.close(writer)
    assert (run.code, run.stderr) == (0, "")
