"""Times budget-gate as whole processes against the least that could do the same work.

Run it with `python -m tests.bench`, on a machine that does nothing else. Every pair is measured in
turn, and the median of the pairs' ratios is what counts: machines differ, ratios hardly do.
"""

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

import budget_gate
from tests.world.loopback import EXAMPLE_KEY

AS_OF = "2026-11-30T16:25:00Z"
# `budget_gate` on a day when AS_OF is now, whenever this runs.
AT_AS_OF = f"""\
import runpy
from datetime import datetime
from budget_gate import cli
cli._utc_now = lambda: datetime.fromisoformat({AS_OF!r})
runpy.run_module("budget_gate", run_name="__main__", alter_sys=True)
"""
IMPORTS = "import httpx, pydantic_settings, yaml"
LOADS = "import json, sys; json.loads(open(sys.argv[1], 'rb').read())"
# Usage of 400 workspaces, of so many kinds that the answer for the month has about 200,000 rows.
LARGE_USAGE = 400_000


class Run(NamedTuple):
    """Seconds of wall time and MiB of peak memory of a process."""

    seconds: float
    mebibytes: float


def measure(command: list[str], environment: dict[str, str]) -> Run:
    """What one run of `command` takes; its output is thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, used = os.wait4(process.pid, 0)
    return Run(time.perf_counter() - started, used.ru_maxrss / 1024)


def pairs(
    ours: list[str], theirs: list[str], environment: dict[str, str], count: int
) -> list[tuple[Run, Run]]:
    """`count` runs of both commands in turn, after one of each that must end well."""
    for command in (ours, theirs):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return [(measure(ours, environment), measure(theirs, environment)) for _ in range(count)]


def row(name: str, runs: list[tuple[Run, Run]], limit: float, unit: str = "seconds") -> str:
    """A row of the table: both medians, the median of the ratios, and what it is to be at most."""
    ours = [getattr(run, unit) for run, _ in runs]
    theirs = [getattr(run, unit) for _, run in runs]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    factor, suffix = (1000, "ms") if unit == "seconds" else (1, "MiB")
    shown = [f"{statistics.median(values) * factor:,.0f} {suffix}" for values in (ours, theirs)]
    return f"| {name} | {shown[0]} | {shown[1]} | {ratio:.2f} | {limit:g} |"


@contextmanager
def serving(usages: int, workspaces: int) -> Iterator[str]:
    """The address of a loopback API, in a process of its own, with that much usage."""
    command = [sys.executable, "-m", "tests.world.loopback", "--as-of", AS_OF]
    command += ["--rows", str(usages), "--workspaces", str(workspaces)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def save_closed_days(url: str, path: Path) -> int:
    """Saves the API's answer with the full days at `path`; returns how many rows it has."""
    dimensions = ("workspace_id", "model", "service_tier", "inference_geo", "speed")
    query: list[tuple[str, str | int | float | bool | None]] = [
        ("starting_at", "2026-11-01T00:00:00Z"),
        ("ending_at", "2026-11-30T00:00:00Z"),
        ("limit", "31"),
        *(("group_by[]", name) for name in dimensions),
    ]
    headers = {
        "x-api-key": EXAMPLE_KEY,
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "fast-mode-2026-02-01",
        "user-agent": "budget-gate-bench",
    }
    route = f"{url}/v1/organizations/usage_report/messages"
    with (
        path.open("wb") as file,
        httpx.stream("GET", route, params=query, headers=headers, timeout=300) as answer,
    ):
        rows = 0
        for line in answer.iter_bytes():
            file.write(line)
            rows += line.count(b'"output_tokens"')
    return rows


def main() -> None:
    """Prints the table as Markdown."""
    compileall.compile_dir(str(Path(budget_gate.__file__).parent), quiet=1)
    gate = [sys.executable, "-m", "budget_gate"]
    bare = [sys.executable, "-c", "pass"]
    imports = [sys.executable, "-c", IMPORTS]
    environment = {**os.environ, "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY}
    table = ["| what | budget-gate | compared | ratio | at most |", "|---|--:|--:|--:|--:|"]
    for flag in ("--version", "--help"):
        runs = pairs([*gate, flag], bare, environment, 21)
        table.append(row(f"`{flag}` / bare Python", runs, 3))
    with tempfile.TemporaryDirectory() as folder:
        policy, page = Path(folder, "budget.yml"), Path(folder, "page.json")
        policy.write_text("version: 1\nglobal: {cap: 1000000}\n", encoding="utf-8")
        check = [sys.executable, "-c", AT_AS_OF, "check", "--policy", str(policy)]
        with serving(1_000, 8) as url:
            runs = pairs(check, imports, {**environment, "ANTHROPIC_BASE_URL": url}, 21)
        table.append(row("`check`, 1,000 rows / importing its packages", runs, 1.6))
        with serving(LARGE_USAGE, 400) as url:
            rows = save_closed_days(url, page)
            loads = [sys.executable, "-c", LOADS, str(page)]
            runs = pairs(check, loads, {**environment, "ANTHROPIC_BASE_URL": url}, 5)
        starts = [
            imported.seconds - started.seconds
            for imported, started in pairs(imports, bare, environment, 9)
        ]
        start = statistics.median(starts)
        # What is left of the gate's time without the imports, against json.loads alone.
        rest = [(run._replace(seconds=run.seconds - start), other) for run, other in runs]
        table.append(row(f"`check`, {rows:,} rows, less the imports / `json.loads`", rest, 1.5))
        table.append(row("the same, peak memory", runs, 2, "mebibytes"))
    sys.stdout.write("\n".join([*table, ""]))


main()
