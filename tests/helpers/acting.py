"""A machine that runs workflows by act, with a checkout of the action, for the tests end to end."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.paths import ROOT

# From the environment that runs the tests, activated or not.
ACT = str(Path(sys.executable).with_name("act"))


@dataclass(frozen=True)
class Acted:
    """How a workflow ended: whether every job passed, what act says of it, and that as one text."""

    passed: bool
    entries: tuple[dict[str, Any], ...]
    output: str

    def of(self, *step: str) -> list[dict[str, Any]]:
        """What is said of a step, by its id and, within the action, that of the action's own step."""
        return [entry for entry in self.entries if entry.get("stepID") == [*step]]


def logged(entries: list[dict[str, Any]]) -> str:
    """The log of a step."""
    return "\n".join(entry["msg"] for entry in entries)


def exit_code(entries: list[dict[str, Any]]) -> int:
    """The code that a step's script ended with."""
    failure = re.search(r"^exit status (\d+)$", logged(entries), re.MULTILINE)
    return int(failure[1]) if failure else 0


def summary(entries: list[dict[str, Any]]) -> str:
    """The summary that a step wrote."""
    return "".join(entry["content"] for entry in entries if entry.get("command") == "summary")


@dataclass(frozen=True)
class Machine:
    """A machine to run workflows on, with a checkout of the action; the caller's repository is made for each run."""

    folder: Path
    action: Path

    def caller(self, files: Mapping[str, str]) -> Path:
        """A new repository with these files, all of them committed."""
        caller = self.folder / f"caller-{len(list(self.folder.iterdir()))}"
        for name, text in files.items():
            path = caller / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            # A program says so in its first line.
            path.chmod(0o755 if text.startswith("#!") else 0o644)
        commit(caller)
        return caller

    def act(
        self,
        caller: Path,
        *event: str,
        secrets: Mapping[str, str] | None = None,
        tools: Path | None = None,
    ) -> Acted:
        """Runs the workflows of a repository for an event, which act's own arguments may follow.

        `tools` is a folder of programs that are found before all others.
        """
        path = {"PATH": f"{tools}:{os.environ['PATH']}"} if tools else {}
        job = subprocess.run(
            [
                *(ACT, *event, "--platform", "ubuntu-latest=-self-hosted", "--pull=false"),
                *("--container-daemon-socket", "-", "--no-cache-server", "--json"),
                *("--use-new-action-cache", "--action-cache-path", str(self.folder / "cache")),
                *("--local-repository", f"OWNER/budget-gate@v1={self.action}"),
                *(f"--secret={name}={value}" for name, value in (secrets or {}).items()),
            ],
            cwd=caller,
            env=environment(self.folder) | path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=180,
        )
        entries = (json.loads(line) for line in job.stdout.splitlines() if line.startswith("{"))
        return Acted(job.returncode == 0, tuple(entries), job.stdout)


def machine(folder: Path, action: Path) -> Machine:
    """A machine in `folder`, with the action in `action`; both are empty before."""
    for name in ("action.yml", "requirements.txt", "requirements-ledger.txt"):
        shutil.copy(ROOT / name, action)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "budget_gate", action / "budget_gate", ignore=ignored)
    commit(action)
    return Machine(folder, action)


def environment(home: Path) -> dict[str, str]:
    """The environment of the tests without what an outer workflow, or a user's own gate, put there."""
    foreign = ("ACTIONS_", "ANTHROPIC_", "BUDGET_GATE_", "GITHUB_", "INPUT_", "RUNNER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "XDG_CONFIG_HOME": str(home / "config")}


def commit(folder: Path) -> None:
    """Makes the folder a git repository with everything in it committed, which is also its `origin/main`."""
    identity = ("-c", "user.name=EXAMPLE", "-c", "user.email=EXAMPLE@example.com")
    for command in (
        ("init", "--quiet"),
        ("add", "."),
        ("commit", "--quiet", "--message", "EXAMPLE"),
        ("update-ref", "refs/remotes/origin/main", "HEAD"),
    ):
        subprocess.run(["git", *identity, "-C", str(folder), *command], check=True)
