"""Times the action's step that prepares the environment against what it could not do without.

Run it with `python -m tests.bench.action`, with uv on PATH, on a machine that does nothing else. The packages are
fetched once and served on this machine, so that no network is in the times: cold is an empty cache, warm one that
has them.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import yaml

from tests.helpers.paths import PACKAGE, ROOT

RUNS = 9
BASE = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
# The same Python, which says that it has no pip: the step gives the environment its own.
WITHOUT_PIP = f"""\
#!/bin/sh
case "$*" in
  *"write(sys.executable)"*) printf %s "$0" ;;
  *"import pip;"*) exit 1 ;;
  *) exec {BASE} "$@" ;;
esac
"""
CHECKED = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "-r")
PROOF = "import budget_gate.cli, httpx, pydantic_settings, yaml"


class Run(NamedTuple):
    """Seconds of wall time and of processor time, children included."""

    wall: float
    processor: float


class Index(BaseHTTPRequestHandler):
    """A package index of the files in `wheels`, which may be kept for ever as those of the public one may."""

    wheels: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page of a project, or a file."""
        name = self.path.strip("/").rpartition("/")[2]
        if name in self.wheels:
            self._answer(
                self.wheels[name], "application/octet-stream", "max-age=365000000, immutable"
            )
        else:
            links = [
                f'<a href="/files/{file}#sha256={sha256(content).hexdigest()}">{file}</a>'
                for file, content in self.wheels.items()
                if file.partition("-")[0].replace("_", "-") == name
            ]
            self._answer("\n".join(links).encode(), "text/html", "max-age=600")

    def _answer(self, content: bytes, kind: str, kept: str) -> None:
        self.send_response(200)
        for header, value in (("Content-Type", kind), ("Cache-Control", kept)):
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class Machine:
    """A runner with one Python, with uv or without, with an action and an index of its packages."""

    def __init__(self, folder: Path, index: str) -> None:
        self._folder = folder
        self._variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "PYTHON", "ANTHROPIC_", "BUDGET_GATE_"))
        } | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PIP_CONFIG_FILE": os.devnull}
        self._variables |= {
            "PIP_INDEX_URL": f"{index}/simple",
            "UV_DEFAULT_INDEX": f"{index}/simple",
        }
        self._numbers = count()
        steps = yaml.safe_load((ROOT / "action.yml").read_bytes())["runs"]["steps"]
        self._script = next(step["run"] for step in steps if step["id"] == "environment")
        self._tools = {
            "python": {"python3": BASE},
            "uv": {"python3": BASE, "uv": Path(shutil.which("uv") or "uv")},
        }
        for name, tools in self._tools.items():
            (folder / name).mkdir()
            for tool, program in tools.items():
                (folder / name / tool).symlink_to(program)
        (folder / "without-pip").mkdir()
        (folder / "without-pip" / "python3").write_text(WITHOUT_PIP, encoding="utf-8")
        (folder / "without-pip" / "python3").chmod(0o755)
        (folder / "workspace").mkdir()
        (folder / "action").mkdir()
        for name in ("requirements.txt", "requirements-ledger.txt"):
            shutil.copy(ROOT / name, folder / "action")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, folder / "action" / "budget_gate", ignore=ignored)

    def step(self, tools: str, cache: Path) -> Run:
        """What the action's step takes where these tools are on PATH."""
        temp = self.make_folder()
        run = self._measure(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", self._script],
            cache,
            PATH=f"{self._folder / tools}:/usr/bin:/bin",
            LEDGER="false",
            GITHUB_WORKSPACE=str(self._folder / "workspace"),
            GITHUB_ACTION_PATH=str(self._folder / "action"),
            GITHUB_OUTPUT=str(temp / "output"),
            RUNNER_TEMP=str(temp),
        )
        (environment,) = temp.glob("budget-gate.*")
        # pip's metadata says which of the two has installed it.
        by = next(environment.glob("lib/*/site-packages/httpx-*/INSTALLER")).read_text().strip()
        assert by == ("uv" if tools == "uv" else "pip"), by
        shutil.rmtree(temp)
        return run

    def uv_alone(self, cache: Path, *, imports: bool = False) -> Run:
        """What `uv venv` and `uv pip install` take by themselves, and with the first import of the packages."""
        temp = self.make_folder()
        uv = str(self._folder / "uv" / "uv")
        requirements = str(self._folder / "action" / "requirements.txt")
        commands = [
            [uv, "venv", "--quiet", "--python", str(BASE), str(temp / "venv")],
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--python",
                str(temp / "venv"),
                *CHECKED,
                requirements,
            ],
        ]
        if imports:
            proof = f"import sys; sys.path.append({str(self._folder / 'action')!r}); {PROOF}"
            commands.append([str(temp / "venv" / "bin" / "python"), "-I", "-c", proof])
        runs = [self._measure(command, cache) for command in commands]
        shutil.rmtree(temp)
        return Run(sum(run.wall for run in runs), sum(run.processor for run in runs))

    def make_folder(self) -> Path:
        """A new folder."""
        folder = self._folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def _measure(self, command: list[str], cache: Path, **variables: str) -> Run:
        caches = {"PIP_CACHE_DIR": str(cache / "pip"), "UV_CACHE_DIR": str(cache / "uv")}
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=self._folder / "workspace",
            env=self._variables | caches | variables,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0, command
        return Run(time.perf_counter() - started, used.ru_utime + used.ru_stime)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of an index of the packages that the action installs, fetched once from where pip finds them."""
    fetch = [str(BASE), "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*fetch, *CHECKED, str(ROOT / "requirements.txt"), "--dest", str(folder)], check=True
    )
    Index.wheels = {path.name: path.read_bytes() for path in folder.iterdir()}
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def compare(
    machine: Machine,
    name: str,
    ours: Callable[[Path], Run],
    theirs: Callable[[Path], Run],
    limit: str,
    *,
    warm: bool,
) -> str:
    """A row of the table: both medians, the medians of the ratios, and what they are to be at most."""
    kept = machine.make_folder()
    if warm:
        ours(kept)
        theirs(kept)
    runs = []
    for _ in range(RUNS):
        caches = [kept, kept] if warm else [machine.make_folder(), machine.make_folder()]
        runs.append((ours(caches[0]), theirs(caches[1])))
    walls = [statistics.median(run.wall for run in side) for side in zip(*runs, strict=True)]
    ratios = [
        statistics.median(getattr(run, time) / getattr(other, time) for run, other in runs)
        for time in Run._fields
    ]
    shown = [f"{wall:.2f} s" for wall in walls] + [f"{ratio:.2f}" for ratio in ratios]
    return f"| {name} | {' | '.join(shown)} | {limit} |"


def main() -> None:
    """Prints the table as Markdown."""
    with tempfile.TemporaryDirectory() as name, serving(Path(tempfile.mkdtemp(dir=name))) as index:
        machine = Machine(Path(tempfile.mkdtemp(dir=name)), index)
        by_pip, by_its_own = (partial(machine.step, tools) for tools in ("python", "without-pip"))
        by_uv = partial(machine.step, "uv")
        table = [
            "| what | the step | compared | ratio, wall | ratio, processor | at most |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for warm in (False, True):
            state = "warm" if warm else "cold"
            row = partial(compare, machine, warm=warm)
            what = f"pip, {state} / the same with a pip of the environment's own"
            table.append(row(what, by_pip, by_its_own, "0.55"))
            if shutil.which("uv"):
                what = f"uv, {state} / `uv venv`, `uv pip install`"
                table.append(row(what, by_uv, machine.uv_alone, "" if warm else "1.2"))
                what = f"uv, {state} / the same and the first import"
                alone = partial(machine.uv_alone, imports=True)
                table.append(row(what, by_uv, alone, "" if warm else "1.2"))
    sys.stdout.write("\n".join([*table, ""]))


main()
