"""The whole program as the tests run it: in a folder of its own, as a process or in this one, beside an API."""

import gc
import json
import os
import resource
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from budget_gate.cli import main
from tests.helpers.paths import PACKAGE, RECORDINGS
from tests.world.loopback import (
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.oracle import Usage

# As the action does it: the package's folder comes last on the path, and nothing else is added.
_FIND = f"import runpy, sys\nsys.path.append({str(PACKAGE.parent)!r})\n"
# A day on which what AS_OF names is now, whenever the tests run.
_SET_CLOCK = (
    "from datetime import UTC, datetime\n"
    "from budget_gate import cli\n"
    "cli._utc_now = lambda: datetime(2026, 11, 15, 12, tzinfo=UTC)\n"
)
_START = "runpy.run_module('budget_gate', run_name='__main__', alter_sys=True)\n"
LAUNCH = _FIND + _SET_CLOCK + _START
ISOLATED = (sys.executable, "-I", "-c", LAUNCH)
ON_REAL_CLOCK = (sys.executable, "-I", "-c", _FIND + _START)
RECORDING = RECORDINGS / "usage_report__live-1h-bucket-2026-05-24.json"
RECORDED = ("--usage", str(RECORDING), "--as-of", "2026-05-24T15:00:00Z")
RECORDED_AT = datetime(2026, 5, 24, 15, tzinfo=UTC)
# Coverage is among them: to count the lines of a process takes as long as its start, and the runs in
# the tests' own process go over the same ones.
FOREIGN = (
    *("ACTIONS_", "ANTHROPIC_", "BUDGET_GATE_", "GITHUB_", "RUNNER_", "PYTHON", "COVERAGE_", "PG"),
)
LOOKS = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LANG", "LC_ALL", "TZ")
NOWHERE = "http://127.0.0.1:9"

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
AS_OF = ("--as-of", "2026-11-15T12:00:00Z")
PRODUCTION = "wrkspc_01EXAMPLEPROD"
# Claude Sonnet 4.5 at 3 and 15 USD per million tokens: 18 USD in production, 0.30 USD elsewhere.
ORGANIZATION = Organization(
    usage=[
        Usage(
            NOW - timedelta(days=3),
            PRODUCTION,
            "claude-sonnet-4-5",
            uncached=1_000_000,
            output=1_000_000,
        ),
        Usage(NOW - timedelta(hours=2), None, "claude-sonnet-4-5", uncached=100_000),
    ],
    workspaces=[Workspace(PRODUCTION, "production"), Workspace("wrkspc_01EXAMPLESTAG", "staging")],
)
OK = "version: 1\nglobal: {cap: 100}\n"
WARNS = "version: 1\nglobal: {cap: 20}\n"
BREACHED = "version: 1\nglobal: {cap: 18.29}\n"
# What a run under BREACHED wrote, as far as it proves something.
LAST_REPORT: dict[str, Any] = {
    "schema": "budget-gate/report/v1",
    "as_of": "2026-11-15T12:00:00Z",
    "period": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-15T12:00:00Z"},
    "organization": ORGANIZATION.id,
    "evidence_as_of": None,
    "budgets": [
        {
            "id": "global",
            "name": "organization",
            "cap": "18.29",
            "spend": {"low": "18.3", "high": "18.3"},
            "status": "breached",
        }
    ],
}


@dataclass(frozen=True)
class Run:
    """How a process ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """Stdout, where that is JSON."""
        read: dict[str, Any] = json.loads(self.stdout)
        return read

    @property
    def said(self) -> str:
        """Stdout as one line, wherever the terminal's width broke it."""
        return " ".join(self.stdout.split())

    @property
    def spend(self) -> Fraction:
        """The spend of a JSON report, which is to be exact."""
        told = self.report["spend"]
        assert told["low"] == told["high"]
        return Fraction(told["low"])

    @property
    def bases(self) -> str:
        """The first letter of each day's basis, in a JSON report."""
        return "".join(day["basis"][0] for day in self.report["days"])

    @property
    def codes(self) -> list[str]:
        """What the notes of a JSON report are about."""
        return [note["code"] for note in self.report["notes"]]


@dataclass(frozen=True)
class Gate:
    """The program in a folder of its own, beside one API."""

    folder: Path
    url: str = NOWHERE

    def write(self, text: str, name: str = "budget.yml") -> None:
        """Puts a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def text(self, name: str) -> str:
        """A file of the folder, or of what is beside it."""
        return (self.folder / name).read_text(encoding="utf-8")

    @property
    def report(self) -> dict[str, Any]:
        """The file report.json of the folder."""
        read: dict[str, Any] = json.loads(self.text("report.json"))
        return read

    @property
    def step(self) -> dict[str, str]:
        """What a step of GitHub Actions sees: its files stand beside the folder."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(self.folder.parent / "summary.md"),
            "GITHUB_OUTPUT": str(self.folder.parent / "output"),
        }

    @property
    def summary(self) -> str:
        """The summary of the step."""
        return self.text("../summary.md")

    @property
    def output(self) -> str:
        """The outputs of the step, as they stand in their file."""
        return self.text("../output")

    def environment(self, changes: Mapping[str, str] | None = None) -> dict[str, str]:
        """A bare environment with the API and a key; `changes` win."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN) and name not in LOOKS
        }
        own = {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY}
        return {**kept, **own, "BUDGET_GATE_DEADLINE": "20", **(changes or {})}

    def start(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        launch: Sequence[str] = ISOLATED,
        **streams: Any,
    ) -> subprocess.Popen[str]:
        """Starts a command line; its streams are pipes unless given."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.Popen(
            [*launch, *arguments],
            cwd=self.folder,
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            **pipes,
        )

    def run(self, *arguments: str, policy: str | None = None, **how: Any) -> Run:
        """Runs a command line to its end; `how` is what `start` takes."""
        if policy is not None:
            self.write(policy)
        process = self.start(*arguments, **how)
        try:
            return ended(process, 60)
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], seconds: float = 30) -> Run:
    """How a process ends, in at most that time."""
    out, err = process.communicate(timeout=seconds)
    return Run(process.returncode, out or "", err or "")


def checkout(folder: Path, url: str = NOWHERE) -> Gate:
    """The program in a new folder `checkout` below another."""
    program = Gate(folder / "checkout", url)
    program.folder.mkdir()
    return program


def installed(path: Path, **variables: str) -> None:
    """Puts a script at `path` that runs the program at NOW, with these variables besides its own."""
    start = (
        "import sys; from datetime import datetime; from budget_gate.cli import main; "
        f"sys.exit(main(clock=lambda: datetime.fromisoformat('{NOW.isoformat()}')))"
    )
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    path.parent.mkdir(parents=True)
    path.write_text(
        f'#!/bin/sh\n{exports}exec {sys.executable} -c {shlex.quote(start)} "$@"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)


@dataclass(frozen=True)
class Here:
    """The program in this very process, which is faster than another."""

    program: Gate
    patch: pytest.MonkeyPatch
    streams: pytest.CaptureFixture[str]

    def main(
        self,
        *arguments: str,
        policy: str | None = None,
        now: datetime | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """What `main` returns and prints.

        `now` is what its clock tells, NOW unless given; `environment` holds for this run.
        """
        if policy is not None:
            self.program.write(policy)
        with mock.patch.dict(os.environ, environment or {}):
            try:
                code = main(arguments, clock=lambda: now or NOW)
            except SystemExit as end:
                code = int(end.code or 0)
        return Run(code, *self.streams.readouterr())

    def check(
        self,
        api: LoopbackAPI,
        *arguments: str,
        policy: str | None = None,
        now: datetime | None = None,
    ) -> Run:
        """What a check against `api` returns and prints, when the clock tells `now`."""
        self.patch.setenv("ANTHROPIC_BASE_URL", api.url)
        return self.main("check", *arguments, policy=policy, now=now)

    def set(self, environment: Mapping[str, str]) -> None:
        """Sets variables for as long as the test lasts."""
        for name, value in environment.items():
            self.patch.setenv(name, value)


@contextmanager
def entered(
    program: Gate, patch: pytest.MonkeyPatch, streams: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    """The program's folder and environment, and the end of every connection that it makes."""
    patch.chdir(program.folder)
    here = Here(program, patch, streams)
    for name in os.environ.keys() - program.environment().keys():
        patch.delenv(name)
    here.set(program.environment())
    clients: list[httpx.Client] = []

    class Kept(httpx.Client):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            clients.append(self)

    patch.setattr(httpx, "Client", Kept)
    yield here
    for client in clients:
        client.close()
    gc.enable()


@contextmanager
def stalling(path: str, *, only: bool = False) -> Iterator[tuple[LoopbackAPI, threading.Event]]:
    """An API that does not answer, or `only` not on that route; and when that was asked for."""
    asked, done = threading.Event(), threading.Event()

    def stall(request: Request, _: int) -> Response | None:
        if request.path == path:
            asked.set()
        if request.path == path or not only:
            done.wait(30)
        return None

    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=stall) as api:
        try:
            yield api, asked
        finally:
            done.set()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Lets no file of this process grow above `size` bytes, as a full disk would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
