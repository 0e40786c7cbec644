"""Times the action's step that prepares the environment, and the check after it, against what they need at least.

Run it with `TMPDIR=/dev/shm python -m tests.bench.action`, on a machine that does nothing else: files are in memory
there, so that no disk is in the times. The packages are fetched once and served on this machine, so that no network is
in them: cold is an empty cache, warm one that has them.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.bench.start import serving_usage
from tests.helpers.package_index import serving
from tests.helpers.paths import PACKAGE, ROOT
from tests.world.loopback import EXAMPLE_KEY

RUNS = 11
UV = Path(sys.executable).with_name("uv")
BASE = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
# The same Python, which says that it has no pip: the step gives the environment one of its own.
WITHOUT_PIP = f"""\
#!/bin/sh
case "$*" in
  *"write(sys.executable)"*) printf %s "$0" ;;
  *"import pip;"*) exit 1 ;;
  *) exec {BASE} "$@" ;;
esac
"""
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
POLICY = "version: 1\nglobal: {cap: 1000000}\n"
# In the past whenever this runs, and in the month of which the API has usage.
AS_OF = "2026-11-20T12:00:00Z"
CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "-r")
FOREIGN = ("PIP_", "UV_", "PYTHON", "ANTHROPIC_", "BUDGET_GATE_")


class Run(NamedTuple):
    """Seconds of wall time and of processor time, children included."""

    wall: float
    processor: float


class Machine:
    """A runner with an action, an index of its packages and an API, and folders for PATH: pip, without-pip and uv."""

    def __init__(self, folder: Path, index: str, api: str) -> None:
        self._folder = folder
        self._numbers = count()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self._variables = {
            **kept,
            "HOME": str(folder),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index,
            "UV_DEFAULT_INDEX": index,
        }
        self._of_a_check = {
            "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY,
            "ANTHROPIC_BASE_URL": api,
            "BUDGET_GATE_AS_OF": AS_OF,
        }
        steps = yaml.safe_load((ROOT / "action.yml").read_bytes())["runs"]["steps"]
        self._scripts = {step["id"]: step["run"] for step in steps}
        for name in ("pip", "without-pip", "uv", "workspace", "action"):
            (folder / name).mkdir()
        for name in ("pip", "uv"):
            (folder / name / "python3").symlink_to(BASE)
        (folder / "uv" / "uv").symlink_to(UV)
        (folder / "without-pip" / "python3").write_text(WITHOUT_PIP, encoding="utf-8")
        (folder / "without-pip" / "python3").chmod(0o755)
        shutil.copy(ROOT / "requirements.txt", folder / "action")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, folder / "action" / "budget_gate", ignore=ignored)
        (folder / "workspace" / "budget.yml").write_text(POLICY, encoding="utf-8")

    def step(self, tools: str, cache: Path, *, checks: bool = False) -> Run:
        """What the action's step takes where these tools are on PATH, or with the check after it."""
        temp = self.make_folder()
        run = self._measure(
            [*BASH, self._scripts["environment"]],
            cache,
            PATH=f"{self._folder / tools}:/usr/bin:/bin",
            LEDGER="false",
            GITHUB_WORKSPACE=str(self._folder / "workspace"),
            GITHUB_ACTION_PATH=str(self._folder / "action"),
            GITHUB_OUTPUT=str(temp / "output"),
            RUNNER_TEMP=str(temp),
        )
        (noted,) = temp.glob("budget-gate.*/lib/*/site-packages/httpx-*/INSTALLER")
        assert noted.read_text(encoding="utf-8").strip() == ("uv" if tools == "uv" else "pip")
        if checks:
            python = (temp / "output").read_text(encoding="utf-8").strip().removeprefix("python=")
            check = [*BASH, self._scripts["check"]]
            run = _sum([run, self._measure(check, cache, PYTHON=python, **self._of_a_check)])
        shutil.rmtree(temp)
        return run

    def uv_alone(self, cache: Path, *, checks: bool = False) -> Run:
        """What `uv venv` and `uv pip install` take by themselves, or with a first check of the action's files."""
        folder = self.make_folder()
        environment = str(folder / "venv")
        into = ["--quiet", "--python", environment]
        requirements = str(self._folder / "action" / "requirements.txt")
        commands = [
            [str(UV), "venv", "--quiet", "--python", str(BASE), environment],
            [str(UV), "pip", "install", *into, *CHECKED, requirements],
        ]
        runs = [self._measure(command, cache) for command in commands]
        if checks:
            # Nothing of an earlier check is compiled there.
            shutil.copytree(self._folder / "action", folder / "action")
            check = [f"{environment}/bin/python", "-m", "budget_gate", "check"]
            path = str(folder / "action")
            runs.append(self._measure(check, cache, PYTHONPATH=path, **self._of_a_check))
        shutil.rmtree(folder)
        return _sum(runs)

    def make_folder(self) -> Path:
        """A new folder."""
        folder = self._folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def _measure(self, command: list[str], cache: Path, **variables: str) -> Run:
        caches = {"PIP_CACHE_DIR": str(cache / "pip"), "UV_CACHE_DIR": str(cache / "uv")}
        environment = {**self._variables, **caches, **variables}
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=self._folder / "workspace",
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0, command
        return Run(time.perf_counter() - started, used.ru_utime + used.ru_stime)


def _sum(runs: list[Run]) -> Run:
    return Run(*map(sum, zip(*runs, strict=True)))


def compare(
    machine: Machine, name: str, step: Callable[[Path], Run], other: Callable[[Path], Run]
) -> list[str]:
    """The rows of two ways, cold and warm: the medians of their times, and of their ratios pair by pair."""
    rows = []
    for is_warm in (False, True):
        kept = machine.make_folder()
        pairs = []
        for _ in range(RUNS + is_warm):
            caches = [kept, kept] if is_warm else [machine.make_folder(), machine.make_folder()]
            pairs.append((step(caches[0]), other(caches[1])))
        # The first of the warm ones has filled the cache.
        pairs = pairs[is_warm:]
        walls = [statistics.median(run.wall for run in side) for side in zip(*pairs, strict=True)]
        ratios = [
            statistics.median(ours[number] / theirs[number] for ours, theirs in pairs)
            for number in range(2)
        ]
        shown = [*(f"{wall:.2f} s" for wall in walls), *(f"{ratio:.2f}" for ratio in ratios)]
        rows.append(f"| {name}, {'warm' if is_warm else 'cold'} | {' | '.join(shown)} |")
    return rows


def main() -> None:
    """Prints the table as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        packages, folder = (Path(tempfile.mkdtemp(dir=name)) for _ in range(2))
        fetch = [str(BASE), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        requirements = str(ROOT / "requirements.txt")
        subprocess.run([*fetch, "--dest", str(packages), *CHECKED, requirements], check=True)
        with serving(packages) as index, serving_usage(1_000, 8) as api:
            machine = Machine(folder, index, api)
            by_pip, by_its_own, by_uv = (
                partial(machine.step, tools) for tools in ("pip", "without-pip", "uv")
            )
            both = partial(by_uv, checks=True)
            both_alone = partial(machine.uv_alone, checks=True)
            table = [
                "| what | the action | compared | ratio | of processor time |",
                "|---|--:|--:|--:|--:|",
                *compare(machine, "pip / a pip of the environment's own", by_pip, by_its_own),
                *compare(machine, "uv / `uv venv`, `uv pip install`", by_uv, machine.uv_alone),
                *compare(
                    machine, "uv and the check / the same and a first check", both, both_alone
                ),
            ]
    sys.stdout.write("\n".join([*table, ""]))


if __name__ == "__main__":
    main()
