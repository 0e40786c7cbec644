"""What changes in a policy, in words: each budget once, what lets more pass first."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from budget_gate.domain.notes import exact_usd, percent
from budget_gate.domain.period import on_day
from budget_gate.domain.policy.budgets import Budget, CapException, Group, NamedBudget
from budget_gate.domain.policy.comparison import EFFECTS, Change
from budget_gate.domain.policy.grades import Value
from budget_gate.domain.policy.places import KeyPath
from budget_gate.domain.policy.price_comparison import Effect
from budget_gate.outputs.escaping import Escape

TITLES: Final[dict[Effect, str]] = {
    "looser": "Looser",
    "tighter": "Tighter",
    "neutral": "Neither looser nor tighter",
}
_VERBS: Final[dict[Effect, tuple[str, str]]] = {
    "looser": ("loosens it", "loosen it"),
    "tighter": ("tightens it", "tighten it"),
    "neutral": ("does neither", "do neither"),
}
_NAMED: Final = 20
_WHOLE: Final = {
    "global": "organization",
    "organization": "organization's id",
    "unlisted": "unlisted workspaces",
}
_KINDS: Final = {"groups": "group ", "models": "model ", "names": "name of "}


def counted(changes: Sequence[Change]) -> str:
    """How many changes there are of each effect: `2 changes loosen it, 1 tightens it`."""
    parts: list[str] = []
    for effect in EFFECTS:
        count = sum(change.effect == effect for change in changes)
        if count:
            what = "" if parts else f" change{'' if count == 1 else 's'}"
            parts.append(f"{count}{what} {_VERBS[effect][count > 1]}")
    return ", ".join(parts) or "nothing changes"


def by_part(changes: Sequence[Change], effect: Effect) -> dict[KeyPath, list[Change]]:
    """The changes of one effect by the budget, or the other part, that they are of."""
    found: dict[KeyPath, list[Change]] = {}
    for change in changes:
        if change.effect == effect:
            found.setdefault(change.path, []).append(change)
    return found


def part_name(path: KeyPath, name: Escape) -> str:
    """What a budget, or another part of a policy, is called: `production`, `group research`."""
    match path:
        case ("prices", "models", model):
            return f"own price of {name(str(model))}"
        case (kind, key):
            return f"{_KINDS.get(str(kind), '')}{name(str(key))}"
        case _:
            return _WHOLE.get(str(path[0]), str(path[0]))


def told(change: Change, now: date, name: Escape, prose: Escape) -> str:
    """A change in words, such as `cap $2,500 -> $3,500, exception until Nov 29: launch week`.

    `name` and `prose` escape what people wrote for the place that the words go to.
    """
    before, after = (_shown(value, now, name, prose) for value in (change.before, change.after))
    match change.what:
        case "budget":
            return _of_budget(change, before, after)
        case "members" | "members that were unlisted":
            if change.after is None:
                return f"members removed: {before}"
            return f"members added{change.what.removeprefix('members')}: {after}"
        case "exception":
            return _of_exception(change, before, after)
        case "price" | "unlisted" | "organization" | "label":
            return f"{before} -> {after}"
        case what:
            return f"{what} {before} -> {after}"


def _of_budget(change: Change, before: str, after: str) -> str:
    if change.after is None:
        return f"budget removed ({before})"
    if change.before is None:
        return f"new budget: {after}"
    return f"new budget: {after} (until now {before} if unlisted or matched by a glob)"


def _of_exception(change: Change, before: str, after: str) -> str:
    if change.after is None:
        return f"removed: cap {before}"
    if change.before is None:
        return f"added: cap {after}"
    if isinstance(change.before, CapException) and isinstance(change.after, Decimal):
        return f"cap {before} -> {after}, no exception any more"
    return f"cap {before} -> {after}"


def _shown(value: Value, now: date, name: Escape, prose: Escape) -> str:
    match value:
        case None:
            return "none"
        case Decimal():
            return exact_usd(value)
        case str():
            return prose(value)
        case tuple():
            rest = len(value) - _NAMED
            more = f" and {rest} more" if rest > 0 else ""
            return ", ".join(map(name, value[:_NAMED])) + more
        case CapException():
            approved = f" (approved by {prose(value.approved_by)})" if value.approved_by else ""
            until = _day(value.until, now)
            when = "that ended" if value.until < now else "until"
            cap = exact_usd(value.cap)
            return f"{cap}, exception {when} {until}: {prose(value.reason)}{approved}"
        case Budget():
            return ", ".join(_terms(value, name))


def _terms(budget: Budget, name: Escape) -> Iterator[str]:
    """What a budget says, the defaults left out."""
    yield f"cap {exact_usd(budget.cap)}"
    given = budget.model_fields_set
    if isinstance(budget, Group):
        yield f"for {_shown(budget.workspaces, date.max, name, name)}"
    if "warn_at" in given:
        yield f"warn_at {', '.join(map(percent, budget.warn_at))}"
    if budget.daily_cap is not None:
        yield f"daily_cap {exact_usd(budget.daily_cap)}"
    if "forecast" in given:
        yield f"forecast {budget.forecast}"
    if isinstance(budget, NamedBudget) and budget.optional:
        yield "optional"


def _day(day: date, now: date) -> str:
    """`Nov 29`, with its year where that is another one than now."""
    return on_day(day) + ("" if day.year == now.year else f", {day.year}")


def lines(
    changes: Sequence[Change], effect: Effect, now: date, name: Escape, prose: Escape
) -> Iterator[tuple[str, int]]:
    """A sentence on each part with changes of one effect, and the line of the first of them."""
    for path, found in by_part(changes, effect).items():
        said = "; ".join(told(change, now, name, prose) for change in found)
        yield f"{part_name(path, name)}: {said}", found[0].line
