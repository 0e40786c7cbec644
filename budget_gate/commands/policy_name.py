"""Which file is the policy where nobody names one, and what to do where there is none."""

import os
from typing import Final

from budget_gate.errors import ConfigurationError

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


def needed_policy() -> str:
    """The policy that stands here; raises ConfigurationError where there is none."""
    name = found_policy()
    if name is None:
        raise ConfigurationError(
            _none_here(), "write one with `budget-gate init`, or name it with --policy"
        )
    return name


def _none_here() -> str:
    return f"there is no policy: neither {' nor '.join(POLICY_FILES)} exists here"
