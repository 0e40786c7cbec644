"""What an error of a setting says: its names, what is wrong, and which one may be meant."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from budget_gate.domain.credential import without_keys
from budget_gate.errors import ConfigurationError
from budget_gate.secrecy import Secrets

# How the variables begin that are this program's own.
_OWN: Final = "BUDGET_GATE_"

# What an error calls the settings whose flag or input is not called as their variable.
_NAMES: Final = {
    "ANTHROPIC_ADMIN_KEY": "admin-key (ANTHROPIC_ADMIN_KEY or ANTHROPIC_ADMIN_API_KEY)",
    "ANTHROPIC_ADMIN_KEY_NEXT": "admin-key-next (ANTHROPIC_ADMIN_KEY_NEXT)",
    "ANTHROPIC_FEDERATION_RULE_ID": "federation-rule (ANTHROPIC_FEDERATION_RULE_ID)",
    "ANTHROPIC_ORGANIZATION_ID": "organization-id (ANTHROPIC_ORGANIZATION_ID)",
    "ANTHROPIC_SERVICE_ACCOUNT_ID": "service-account (ANTHROPIC_SERVICE_ACCOUNT_ID)",
    "BUDGET_GATE_BUDGETS": "budgets (--budget or BUDGET_GATE_BUDGETS)",
}


def name_of(variable: str) -> str:
    """What an error calls a setting: by all the names that it may have been given under."""
    flag = variable.removeprefix(_OWN).lower().replace("_", "-")
    alone = f"{flag} (--{flag} or {variable})" if variable.startswith(_OWN) else variable
    return _NAMES.get(variable, alone)


def strangers(variables: Iterable[str], known: Collection[str]) -> list[str]:
    """Those of the variables that would be this program's, and are none of the `known` ones."""
    return sorted(it for it in variables if it.upper().startswith(_OWN) and it not in known)


def misconfigured(
    strange: Sequence[str],
    known: Collection[str],
    wrong: ValidationError | None,
    secrets: Secrets,
) -> ConfigurationError:
    """The error of variables that there are not, and of settings that are wrong.

    It shows what was written, and never a secret.
    """
    shown = {it: without_keys(secrets.without(it))[:60] for it in strange}
    said = [f"there is no setting {shown[it]}{_meant(it.upper(), known)}" for it in strange]
    details = wrong.errors(include_url=False, include_context=False) if wrong else []
    said += [f"{name_of(str(it['loc'][0]))}: {_fault(it, secrets)}" for it in details]
    remedies = ["correct it, or leave it out for the default"] if wrong else []
    remedies += ["correct the variable's name, or unset it"] if strange else []
    return ConfigurationError("; ".join(said), "; ".join(remedies))


def _fault(detail: ErrorDetails, secrets: Secrets) -> str:
    """What is wrong with a setting; it quotes what was written, unless that has a credential."""
    # The quotation is cut, and what is left of a credential could not be told any more.
    if any(secret in str(detail["input"]) for secret in secrets):
        return "it is wrong, and not shown, as it contains a credential"
    return without_keys(detail["msg"].removeprefix("Value error, "))


def _meant(variable: str, known: Iterable[str]) -> str:
    """The variable that is near one that there is not, in brackets; empty where none is."""
    from difflib import get_close_matches  # needed for an error alone

    ends = {
        name.removeprefix(start): name
        for start in ("ANTHROPIC_", _OWN)
        for name in known
        if name.startswith(start)
    }
    near = get_close_matches(variable.removeprefix(_OWN), ends, 1)
    return f" (did you mean {ends[near[0]]}?)" if near else ""
