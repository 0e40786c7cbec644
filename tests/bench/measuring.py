"""What whole processes take, against the least that could do the same work: rows of a table.

Instructions are counted by valgrind's cachegrind where that is installed: they are the same from run to run, on a busy
machine as well. Elsewhere it is processor time of pairs that run in turn, and the median of the pairs' ratios.
"""

import compileall
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import files
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import budget_gate
from tests.helpers.paths import ROOT

HAS_VALGRIND: Final = shutil.which("valgrind") is not None
_HEAD: Final = ("| what | budget-gate | compared | ratio | at most |", "|---|--:|--:|--:|--:|")
_COUNTING: Final = (
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
)


class Used(NamedTuple):
    """What a process takes: instructions or seconds of processor time, seconds by the clock, and MiB at most."""

    work: float
    wall: float
    mebibytes: float


def used(command: list[str], environment: dict[str, str], *, is_counted: bool) -> Used:
    """What a run of the command takes, which is to end well; its output is thrown away."""
    began = time.perf_counter()
    if is_counted:
        # Sets of texts have an order of their own in each process but with this.
        fixed = {**environment, "PYTHONHASHSEED": "0"}
        told = subprocess.run(
            [*_COUNTING, *command], env=fixed, capture_output=True, encoding="utf-8", check=True
        ).stderr
        found = re.search(r"I +refs: +([0-9,]+)", told)
        assert found, told
        return Used(int(found[1].replace(",", "")), 0, 0)
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, spent = os.wait4(process.pid, 0)
    assert status == 0, command
    wall = time.perf_counter() - began
    return Used(spent.ru_utime + spent.ru_stime, wall, spent.ru_maxrss / 1024)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address that a server in a process of its own prints first; these are Python's arguments."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def compared(
    name: str,
    ours: list[str],
    theirs: list[str],
    environment: dict[str, str],
    most: float,
    *,
    runs: int = 11,
) -> str:
    """The row of two commands, by what they make the processor do."""
    found = [
        [used(it, environment, is_counted=HAS_VALGRIND).work for it in (ours, theirs)]
        for _ in range(1 if HAS_VALGRIND else runs)
    ]
    ratio = statistics.median(ours / theirs for ours, theirs in found)
    unit, scale = ("M instructions", 1e-6) if HAS_VALGRIND else ("ms", 1e3)
    sides = (f"{statistics.median(it) * scale:,.0f} {unit}" for it in zip(*found, strict=True))
    return row(name, sides, ratio, most)


def row(name: str, sides: Iterable[str], found: float, most: float) -> str:
    """A row of the table: the bound is met, or said to be missed."""
    missed = "" if found <= most else " (missed)"
    return f"| {name} | {' | '.join(sides)} | {found:.2f} | {most:g}{missed} |"


def show(rows: Iterable[str]) -> None:
    """Prints the table, each row as soon as it is measured."""
    for each in chain(_HEAD, rows):
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()


def environment_of_a_run(folder: Path) -> str:
    """The Python of an environment in `folder` with the packages of a run and no other, all of them compiled.

    Packages that are here for the tests alone would count: httpx imports rich where it finds it.
    """
    venv.create(folder, symlinks=True)
    library = next(folder.glob("lib/python*/site-packages"))
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w-]+)==", text, re.MULTILINE)
    for file in chain.from_iterable(files(name) or () for name in pins):
        whole = Path(str(file.locate()))
        for _ in file.parts[1:]:
            whole = whole.parent
        link = library / file.parts[0]
        if file.parts[0] not in ("..", "__pycache__") and not link.exists():
            link.symlink_to(whole)
            # The walk below does not follow links.
            if whole.is_dir():
                compileall.compile_dir(str(whole), quiet=1)
    compileall.compile_dir(str(library), quiet=1)
    compileall.compile_dir(str(Path(budget_gate.__file__).parent), quiet=1)
    return str(folder / "bin" / "python")
