"""A policy that was checked without any spend, as text, Markdown, JSON and annotations."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from textwrap import wrap
from typing import Any, Final

from budget_gate.domain.offline import PolicyCheck
from budget_gate.domain.policy.comparison import EFFECTS, Change, Value
from budget_gate.domain.policy.model import Budget, CapException
from budget_gate.domain.policy.price_comparison import Effect
from budget_gate.outputs.amounts import exact
from budget_gate.outputs.escaping import NAME_LENGTH, code, dumped, logged, plain, prose
from budget_gate.outputs.policy_changes import TITLES, counted, lines, part_name, told
from budget_gate.outputs.report.github import render_warnings
from budget_gate.outputs.report.json import document_of

_WIDTH: Final = 80
# So many budgets are told of one effect, which keeps a step summary far below its limit.
_MOST: Final = 50
_COLOURS: Final[dict[Effect, str]] = {"looser": "33", "tighter": "32", "neutral": "0"}
_LIMITS: Final = "Not checked offline: spend, and whether the workspaces and models exist."


def render_policy_text(check: PolicyCheck, policy: str, *, colour: bool) -> str:
    """That the policy is valid, what it changes, looser first, and the notes.

    `colour` adds ANSI colours.
    """
    shown = [_headline(check), *_wrapped(_compared(check, plain(policy), plain(check.base or "")))]
    name = partial(plain, length=NAME_LENGTH)
    day = check.report.month.day
    for effect in EFFECTS:
        found = list(
            lines(check.changes or (), effect, lambda it: told(it, day, name, plain), name, _MOST)
        )
        if found:
            painted = f"\x1b[{_COLOURS[effect]}m{TITLES[effect]}\x1b[0m"
            shown += ["", f"  {painted if colour else TITLES[effect]}"]
            for line in found:
                shown += _wrapped(line, "    ")
    shown.append("")
    for note in check.report.notes:
        shown += _wrapped(f"{note.level}: {plain(note.message)}", "  ")
    return "\n".join([*shown, *_wrapped(_LIMITS, "  ")]) + "\n"


def render_policy_markdown(check: PolicyCheck, policy: str) -> str:
    """The same for a GitHub step summary."""
    parts = [f"## ⚪ budget-gate: {check.report.status}", f"**{_headline(check)}**"]
    parts.append(_compared(check, code(policy), code(check.base or ""), prose(check.reason)))
    day = check.report.month.day
    for effect in EFFECTS:
        found = [
            f"- {line}"
            for line in lines(
                check.changes or (), effect, lambda it: told(it, day, code, prose), code, _MOST
            )
        ]
        if found:
            parts += [f"**{TITLES[effect]}**", "\n".join(found)]
    notes = [f"- **{note.level}**: {prose(note.message)}" for note in check.report.notes]
    parts += ["\n".join(notes)] if notes else []
    return "\n\n".join([*parts, f"<sub>{_LIMITS}</sub>"]) + "\n"


def render_policy_json(check: PolicyCheck, policy: str) -> str:
    """The JSON report of a run without spend; `policy` tells of the file and its changes."""
    changes = check.changes
    document = document_of(check.report) | {
        "policy": {
            "file": policy,
            "budgets": check.budgets,
            "base": check.base,
            "changes": None if changes is None else [_change(it) for it in changes],
        }
    }
    return dumped(document, indent=2) + "\n"


def render_policy_annotations(check: PolicyCheck, policy: str) -> str:
    """A workflow command for each change that loosens the policy, at its line, and each warning."""
    day = check.report.month.day
    name = partial(plain, length=NAME_LENGTH)
    found = [
        (f"Looser: {part_name(it.path, name)}: {told(it, day, name, plain)}.", it.line)
        for it in check.changes or ()
        if it.effect == "looser"
    ]
    found += [(note.message, 0) for note in check.report.notes if note.level == "warning"]
    return render_warnings(found, policy)


def _headline(check: PolicyCheck) -> str:
    budgets = f"{check.budgets or 'no'} budget{'' if check.budgets == 1 else 's'}"
    return f"Policy is valid: {budgets}. No spend was checked (offline)."


def _compared(check: PolicyCheck, policy: str, base: str, reason: str | None = None) -> str:
    if check.base is None:
        return f"Checked: {policy}."
    if check.changes is None:
        return f"{policy} is compared with nothing: {reason or plain(check.reason)}"
    return f"{policy} compared with {base}: {counted(check.changes)}."


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    """A line of the width of a terminal, or several: none of them is a command to a runner."""
    found = wrap(text, _WIDTH - len(indent) - 2, break_on_hyphens=False)
    for position, line in enumerate(found):
        yield f"{indent}{'  ' if position else ''}{logged(line)}"


def _change(change: Change) -> dict[str, Any]:
    return {
        "path": ".".join(map(str, change.path)),
        "what": change.what,
        "effect": change.effect,
        "before": _value(change.before),
        "after": _value(change.after),
        "line": change.line,
    }


def _value(value: Value) -> Any:
    match value:
        case Decimal():
            return exact(value)
        case tuple():
            return list(value)
        case CapException():
            return {
                "cap": exact(value.cap),
                "until": str(value.until),
                "reason": value.reason,
                "approved_by": value.approved_by,
            }
        case Budget():
            return {"cap": exact(value.cap)}
        case _:
            return value
