"""What the program and the action offer: flags, help, variables, inputs."""

import os
import re
import subprocess
import sys
from typing import Any

import yaml
from pydantic import AliasChoices

from budget_gate.settings import Settings
from tests.helpers.paths import PACKAGE, ROOT


def text_of(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def action() -> dict[str, Any]:
    """The action, as GitHub reads it."""
    read: dict[str, Any] = yaml.safe_load(text_of("action.yml"))
    return read


def variables() -> set[str]:
    """Every environment variable that a setting is read from."""
    names: set[object] = set()
    for setting in Settings.model_fields.values():
        alias = setting.validation_alias
        names |= set(alias.choices) if isinstance(alias, AliasChoices) else {alias}
    return {str(name) for name in names}


def flags_of(command: str) -> set[str]:
    """The long flags that a command has, those of its actions among them."""
    usage = subprocess.run(
        [sys.executable, "-m", "budget_gate", *command.split(), "--help"],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    found = set(re.findall(r"^  (--[a-z-]+)", usage, re.MULTILINE))
    for action_ in re.findall(r"^    ([a-z]+)  ", usage, re.MULTILINE):
        found |= flags_of(f"{command} {action_}")
    return found


def environment() -> dict[str, str]:
    """The environment for a process that imports the package under test, and nothing measured."""
    foreign = ("COVERAGE", "COV_", "FORCE_COLOR", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "100"}


def help_of(command: str) -> str:
    """What `--help` prints, on one line."""
    shown = subprocess.run(
        [sys.executable, "-m", "budget_gate", command, "--help"],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    return re.sub(r"\s+", " ", shown)
