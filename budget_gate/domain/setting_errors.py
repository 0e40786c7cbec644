"""What an error of a setting says: its names, what is wrong, and which one may be meant."""

from collections.abc import Iterable
from typing import Final

from pydantic_core import ErrorDetails

from budget_gate.domain.credential import without_keys
from budget_gate.secrecy import Secrets

# How the variables begin that are this program's own.
OWN: Final = "BUDGET_GATE_"

# What an error calls the settings whose flag or input is not called as their variable.
_NAMES: Final = {
    "ANTHROPIC_ADMIN_KEY": "admin-key (ANTHROPIC_ADMIN_KEY or ANTHROPIC_ADMIN_API_KEY)",
    "BUDGET_GATE_BUDGETS": "budgets (--budget or BUDGET_GATE_BUDGETS)",
}


def name_of(variable: str) -> str:
    """What an error calls a setting: by all the names that it may have been given under."""
    flag = variable.removeprefix(OWN).lower().replace("_", "-")
    alone = f"{flag} (--{flag} or {variable})" if variable.startswith(OWN) else variable
    return _NAMES.get(variable, alone)


def fault(detail: ErrorDetails, secrets: Secrets) -> str:
    """What is wrong with a setting; it quotes what was written, unless that has a credential."""
    # The quotation is cut, and what is left of a credential could not be told any more.
    if any(secret in str(detail["input"]) for secret in secrets):
        return "it is wrong, and not shown, as it contains a credential"
    return without_keys(detail["msg"].removeprefix("Value error, "))


def meant(variable: str, known: Iterable[str]) -> str:
    """The variable that is near one that there is not, in brackets; empty where none is."""
    from difflib import get_close_matches  # needed for an error alone

    ends = {
        name.removeprefix(start): name
        for start in ("ANTHROPIC_", OWN)
        for name in known
        if name.startswith(start)
    }
    near = get_close_matches(variable.removeprefix(OWN), ends, 1)
    return f" (did you mean {ends[near[0]]}?)" if near else ""
