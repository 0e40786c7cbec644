"""A first policy as YAML, with comments."""

import re
import shlex
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import exact
from budget_gate.domain.first_policy import Draft, DraftBudget
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import NAME_LENGTH, plain, quoted

SCHEMA: Final = (
    "https://raw.githubusercontent.com/OWNER/budget-gate/main/budget_gate/data/policy.schema.json"
)

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
# What some reader of YAML takes for something else than text.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def render_draft(draft: Draft) -> str:
    """The policy; a third party's text stays within its key or its comment."""
    month = f"{draft.period.start:%Y-%m}"
    overall = draft.organization
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        "#",
        "# The budgets that `budget-gate check` judges by, in USD per calendar month (UTC).",
        *_origin(draft, month),
        "version: 1",
        _owner(draft),
        "global:",
        f"  cap: {exact(overall.cap)} # {_basis(overall, month)}",
        *_excess(draft),
        "  warn_at: [80%] # of the cap; for more than one warning: [50%, 80%, 95%]",
    ]
    if draft.workspaces:
        lines.append("workspaces: # by name or id; `default` is the default workspace")
        lines += [f"  {_budget(budget, month)}" for budget in draft.workspaces]
        lines += [f"  # {_budget(budget, month)}" for budget in draft.idle]
    elif draft.idle:
        lines.append("# workspaces: # by name or id; `default` is the default workspace")
        lines += [f"#   {_budget(budget, month)}" for budget in draft.idle]
    lines.append(
        "# unlisted: {cap: 100} # for each workspace without a cap of its own; else it has none"
    )
    return "\n".join(lines) + "\n"


def render_next_step(draft: Draft, file: str) -> str:
    """What was written to `file`, and what to do with it."""
    count = len(draft.workspaces)
    caps = f"and for {count} workspace{'' if count == 1 else 's'}" if count else "alone"
    placeholder = "" if draft.organization.cost.high else ", a placeholder"
    name = plain(file)
    option = "" if file == "budget.yml" else f" --policy {plain(shlex.quote(file))}"
    return (
        f"budget-gate: wrote {name}, with a cap for the organization "
        f"({_dollars(draft.organization.cap)}{placeholder}) {caps}.\n"
        f"Next: change the caps in {name} to what may be spent, see what else needs care with "
        f"`budget-gate doctor{option}`, and judge this month with `budget-gate check{option}`."
    )


def _origin(draft: Draft, month: str) -> Iterator[str]:
    """Where the caps are from."""
    if not draft.organization.cost.high:
        yield f"# There was no spend in {month} to go by: each cap is a placeholder."
        yield "# Change it to what may be spent."
        return
    yield f"# A first guess: each cap is the spend of {month} at list price plus 25%, rounded up to"
    yield "# two digits, and at least 1. Change it to what may be spent."
    if draft.idle:
        yield "# Where there was no spend, a cap is a placeholder, and commented out."


def _owner(draft: Draft) -> str:
    if draft.owner is None:
        return "# organization: ID # only for a credential that may ask for its organization"
    id_, name = draft.owner
    whose = f"{plain(name, NAME_LENGTH)}: " if name else ""
    return f"organization: {_key(id_)} # {whose}a key of any other organization is refused"


def _budget(budget: DraftBudget, month: str) -> str:
    named = "" if budget.key in (budget.name, "default") else f"{plain(budget.name, NAME_LENGTH)}: "
    return f"{_key(budget.key)}: {{cap: {exact(budget.cap)}}} # {named}{_basis(budget, month)}"


def _basis(budget: DraftBudget, month: str) -> str:
    cost = budget.cost
    if not cost.high:
        return f"no spend in {month}"
    text = f"{usd_range(cost)} in {month}"
    if not cost.is_limited:
        return f"{text}: part of the usage has no price, so the cap may be too low"
    return text


def _excess(draft: Draft) -> Iterator[str]:
    caps = draft.workspace_caps
    if caps > draft.organization.cap:
        yield f"  # Below this, the caps of the workspaces add up to {_dollars(caps)}."


def _dollars(amount: Decimal) -> str:
    return usd(amount).removesuffix(".00")


def _key(key: str) -> str:
    """A key as every reader of YAML takes it for this text."""
    is_plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS
    return key if is_plain else quoted(key)
