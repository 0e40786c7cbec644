"""What `check --offline` does: it checks the policy alone, and compares it with another one."""

from pathlib import Path
from typing import Final

from budget_gate.commands.invocation import Invocation
from budget_gate.delivery.results import deliver, publish_policy_check
from budget_gate.domain.offline import Base, check_policy
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.errors import ConfigurationError
from budget_gate.exits import OK
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_policy, load_price_book

_SUSPECT: Final = "If a policy exists already, this path is wrong: changes are not shown."
_OF_SPEND: Final = {
    "as_of": "--as-of (BUDGET_GATE_AS_OF)",
    "month": "--month (BUDGET_GATE_MONTH)",
    "reserve": "--reserve (BUDGET_GATE_RESERVE)",
    "budgets": "--budget (BUDGET_GATE_BUDGETS)",
    "last_report": "--last-report (BUDGET_GATE_LAST_REPORT)",
    "ledger": "--ledger (BUDGET_GATE_LEDGER)",
    "badge": "--badge (BUDGET_GATE_BADGE)",
}


def refuse_spend_flags(settings: Settings, *, has_pages: bool, audits: bool) -> None:
    """Raises ConfigurationError where a flag does not go with --offline, or needs it."""
    if not settings.offline:
        raise ConfigurationError(
            "--base-policy (BUDGET_GATE_BASE_POLICY) only goes with --offline",
            "add --offline (BUDGET_GATE_OFFLINE: true), or leave it out",
        )
    given = [flag for name, flag in _OF_SPEND.items() if getattr(settings, name)]
    given += [flag for flag, is_given in (("--usage", has_pages), ("--audit", audits)) if is_given]
    if given:
        raise ConfigurationError(
            f"--offline checks no spend, so it does not go with {' or '.join(given)}",
            "leave that out, or --offline (BUDGET_GATE_OFFLINE)",
        )


def check_offline(file: PolicyFile, invocation: Invocation, *, quiet: bool) -> int:
    """Tells what there is to say of a valid policy, and returns the exit code.

    `quiet` prints no more than one line.

    Raises ConfigurationError where its exceptions do not fit its budgets.
    """
    settings = invocation.settings
    base = _read_base(settings.base_policy) if settings.base_policy else None
    book = PriceBook(load_price_book())
    checked = check_policy(file, MonthToDate(invocation.clock()), book, base)
    name = file.source.file
    return deliver(lambda: publish_policy_check(checked, name, settings, quiet=quiet), OK, settings)


def _read_base(name: str) -> Base:
    """The policy to compare with, or why there is none: that is for a reader, and no error."""
    path = Path(name)
    try:
        if not path.stat().st_size:
            return Base(name, None, f"{name} is empty. {_SUSPECT}")
        return Base(name, load_policy(path, path.name or name).policy)
    except FileNotFoundError:
        return Base(name, None, f"{name} does not exist. {_SUSPECT}")
    except OSError as error:
        why = error.strerror or str(error)
    except ConfigurationError as error:
        rest = len(error.problems) - 1
        why = str(error.problems[0]) if error.problems else error.message
        why += f" (and {rest} more)" if rest > 0 else ""
    message = f"{name} cannot be read as a policy, so changes are not shown: {why}."
    return Base(name, None, message)
