"""A policy that was checked without any spend, as text, Markdown, JSON and annotations."""

from decimal import Decimal
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from budget_gate.domain.bounds import exact
from budget_gate.domain.notes import Note
from budget_gate.domain.offline import PolicyCheck
from budget_gate.domain.policy.budgets import Budget, CapException
from budget_gate.domain.policy.comparison import EFFECTS, Change
from budget_gate.domain.policy.grades import Value
from budget_gate.domain.policy.price_comparison import Effect
from budget_gate.outputs.escaping import NAME_LENGTH, Escape, code, dumped, plain, prose
from budget_gate.outputs.policy_changes import TITLES, counted, lines
from budget_gate.outputs.report.github import render_warnings
from budget_gate.outputs.report.json import document_of
from budget_gate.outputs.report.text import wrapped

_WIDTH: Final = 80
# So many budgets are told of one effect, which keeps a step summary far below its limit.
_MOST: Final = 50
_NAME: Final = partial(plain, length=NAME_LENGTH)
_COLOURS: Final[dict[Effect, str]] = {"looser": "33", "tighter": "32", "neutral": "0"}
_LIMITS: Final = "Not checked offline: spend, and whether the workspaces and models exist."


def render_policy_text(
    check: PolicyCheck, policy: str, *, colour: bool, width: int | None = None
) -> str:
    """That the policy is valid, what it changes, looser first, and the notes.

    `colour` adds ANSI colours; `width` is that of the terminal; 80 without one.
    """
    width = width or _WIDTH
    shown = [policy_headline(check), *wrapped(_compared(check, policy, plain), width)]
    for effect in EFFECTS:
        found = _lines(check, effect, _NAME, plain)
        if found:
            painted = f"\x1b[{_COLOURS[effect]}m{TITLES[effect]}\x1b[0m"
            shown += ["", f"  {painted if colour else TITLES[effect]}"]
        for line in found:
            shown += wrapped(line, width, "    ")
    notes = [f"{note.level}: {plain(note.message)}" for note in _notes(check)]
    shown += [""] if notes else []
    for note in notes:
        shown += wrapped(note, width, "  ")
    return "\n".join([*shown, "", _LIMITS]) + "\n"


def render_policy_markdown(check: PolicyCheck, policy: str) -> str:
    """The same for a GitHub step summary."""
    parts = [f"### ⚪ budget-gate: {check.report.status}", f"**{policy_headline(check)}**"]
    parts.append(_compared(check, policy, code))
    notes = [f"**{note.level}**: {prose(note.message)}" for note in _notes(check)]
    lists = [(TITLES[effect], _lines(check, effect, code, prose)) for effect in EFFECTS]
    for title, found in (*lists, ("Notes", notes)):
        if found:
            parts += [f"**{title}**", "\n".join(f"- {line}" for line in found)]
    return "\n\n".join([*parts, f"<sub>{_LIMITS}</sub>"]) + "\n"


def render_policy_json(check: PolicyCheck, policy: str) -> str:
    """The JSON report of a run without spend; `policy` tells of the file and its changes."""
    changes = check.changes
    document = document_of(check.report, policy_headline(check)) | {
        "policy": {
            "file": policy,
            "budgets": check.budgets,
            "base": check.base,
            "changes": None if changes is None else [_change(it) for it in changes],
        }
    }
    return dumped(document, indent=2) + "\n"


def render_policy_annotations(check: PolicyCheck, policy: str) -> str:
    """A workflow command for each budget that is looser, at its line, and for each warning."""
    day = check.report.month.day
    found = lines(check.changes or (), "looser", day, _NAME, plain)
    told = [(f"Looser: {sentence}.", line) for sentence, line in found]
    told += [(note.message, 0) for note in check.report.notes if note.level == "warning"]
    return render_warnings(told, policy)


def policy_headline(check: PolicyCheck) -> str:
    """That the policy is valid, and what was not checked, in one line."""
    budgets = f"{check.budgets or 'no'} budget{'' if check.budgets == 1 else 's'}"
    return f"Policy is valid: {budgets}. No spend was checked (offline)."


def _compared(check: PolicyCheck, policy: str, name: Escape) -> str:
    if check.base is None:
        return f"Checked: {name(policy)}."
    base = PurePath(check.base).name or check.base
    if check.changes is None:
        return f"Checked: {name(policy)}. Not compared with {name(base)}."
    return f"{name(policy)} compared with {name(base)}: {counted(check.changes)}."


def _lines(check: PolicyCheck, effect: Effect, name: Escape, prose: Escape) -> list[str]:
    found = list(lines(check.changes or (), effect, check.report.month.day, name, prose))
    rest = len(found) - _MOST
    more = [f"and {rest} more, all of them in the JSON report"] if rest > 0 else []
    return [sentence for sentence, _ in found[:_MOST]] + more


def _notes(check: PolicyCheck) -> list[Note]:
    """Warnings first."""
    return sorted(check.report.notes, key=lambda note: note.level != "warning")


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
