"""Which file is the policy where nobody names one, and what to do where there is none."""

import os
from pathlib import Path
from shlex import quote
from typing import Final

from budget_gate.domain.policy.model import PolicyFile
from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_policy

_CORRECT: Final = "correct --policy (BUDGET_GATE_POLICY)"
POLICY_FILES: Final = ("budget.yml", ".github/budget.yml")
_MISNAMED: Final = tuple(
    f"{folder}{name}"
    for folder in ("", ".github/")
    for name in ("budget.yaml", "budgets.yml", "budgets.yaml")
)


def found_policy() -> str | None:
    """The policy that stands here under one of its usual names, None where there is none.

    Raises ConfigurationError where only a name like them does: it was meant, and is not read.
    """
    # A link to nowhere counts: reading it says so, where passing it over would hide it.
    for name in POLICY_FILES:
        if os.path.lexists(name):
            return name
    for name in _MISNAMED:
        if os.path.lexists(name):
            hint = f"did you mean {name}? Name it with --policy {name}, or rename it"
            raise ConfigurationError(_none_here(), hint)
    return None


def policy_if_any(settings: Settings) -> PolicyFile | None:
    """The policy that the settings name, or that stands here; None where none does.

    Raises ConfigurationError where the one that is named is missing, or where it cannot be read.
    """
    return needed_policy(settings) if settings.policy or found_policy() else None


def needed_policy(settings: Settings) -> PolicyFile:
    """The policy that the settings name, or that stands here.

    Raises ConfigurationError where there is none, or where it cannot be read.
    """
    name = settings.policy or found_policy()
    if name and os.path.lexists(name):
        return load_policy(Path(name), name)
    missing = f"the policy {name} does not exist" if name else _none_here()
    near = _near(name) if name else ""
    if near:
        raise ConfigurationError(missing, f"did you mean {near}? Then {_CORRECT}")
    remedy = "write one with `budget-gate init`, or name it with --policy"
    if name:
        remedy = f"write it with `budget-gate init --policy {quote(name)}`, or {_CORRECT}"
    if settings.in_github_actions and not _is_checkout():
        remedy = f"is actions/checkout before this step? Otherwise {remedy}"
    raise ConfigurationError(missing, remedy)


def _near(name: str) -> str:
    """A file that may be meant: one with a like name beside it, or a policy by a usual name."""
    from difflib import get_close_matches  # needed for an error alone

    folder = Path(name).parent
    try:
        beside = [path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml")]
    except OSError:
        beside = []
    for like in get_close_matches(Path(name).name, beside, 1):
        return str(folder / like)
    return next(filter(os.path.lexists, (*POLICY_FILES, *_MISNAMED)), "")


def _is_checkout() -> bool:
    here = Path.cwd()
    return any((folder / ".git").exists() for folder in (here, *here.parents))


def _none_here() -> str:
    return f"there is no policy: neither {' nor '.join(POLICY_FILES)} exists here"
