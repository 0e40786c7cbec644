"""What a policy changes against another one, and which of that lets more pass."""

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import Final, NamedTuple

from budget_gate.domain.policy.budgets import Budget, CapException, Group
from budget_gate.domain.policy.grades import (
    Graded,
    Value,
    alert_grades,
    budget_grades,
    notify_grades,
    price_grades,
    spend_grades,
    unlisted_grade,
)
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.names import is_covered, is_glob, is_matched, may_match
from budget_gate.domain.policy.places import KeyPath
from budget_gate.domain.policy.price_comparison import Effect, compare_prices
from budget_gate.domain.policy.warnings import Alerts
from budget_gate.domain.prices.book import PriceBook

EFFECTS: Final[tuple[Effect, ...]] = ("looser", "tighter", "neutral")


class Change(NamedTuple):
    """What became of one key below `path`, which is that of a budget or of another part.

    `looser` is what lets more spend pass, or lets it pass unseen. `line` is where the new policy
    has it, or the part that would hold it. For an exception, `before` or `after` is the regular cap
    where no exception is in force; for a new budget, `before` is the least cap that its workspaces
    may have had until now by a glob or as unlisted ones, if any.
    """

    path: KeyPath
    what: str
    before: Value
    after: Value
    effect: Effect
    line: int


def compare(before: Policy, file: PolicyFile, book: PriceBook, day: date) -> tuple[Change, ...]:
    """Every change from one policy to another, what is looser first; empty where they are equal.

    `book` is that of the list prices, and `day` the UTC day whose exceptions are in force. In
    doubt a change is `looser`: it is for a person to look at.
    """
    changes = [
        *_compare_budgets(before, file),
        *_compare_exceptions(before, file, day),
        *_compare_settings(before, file),
    ]
    after = file.policy
    for model, ours, theirs, effect in compare_prices(before.prices, after.prices, book, day):
        path = ("prices", "models", model)
        changes.append(Change(path, "price", ours, theirs, effect, file.source.line(*path)))
    return tuple(sorted(changes, key=lambda it: EFFECTS.index(it.effect)))


def _compare_budgets(before: Policy, file: PolicyFile) -> Iterator[Change]:
    old, new = dict(before.budgets()), dict(file.policy.budgets())
    for path in {**old, **new}:
        line = file.source.line(*path, "cap")
        if path == ("unlisted",) and not (path in old and path in new):
            # It is another word, and no budget that comes or goes.
            continue
        if path not in new:
            yield Change(path, "budget", old[path], None, "looser", line)
        elif path not in old:
            had = _budgets_until_now(before, path, new[path])
            is_looser = any(_is_looser(new[path], budget) for budget in had)
            cap = min((budget.cap for budget in had), default=None)
            effect: Effect = "looser" if is_looser else "tighter"
            yield Change(path, "budget", cap, new[path], effect, line)
        else:
            yield from _compare_graded(
                path, budget_grades(old[path]), budget_grades(new[path]), file
            )
            yield from _compare_members(before, path, (old[path], new[path]), file)


def _budgets_until_now(before: Policy, path: KeyPath, budget: Budget) -> list[Budget]:
    """What may have judged a new budget's workspaces until now: globs' budgets, or `unlisted`."""
    if path[0] not in ("workspaces", "groups"):
        return []
    keys = budget.workspaces if isinstance(budget, Group) else [str(path[1])]
    found = [it for key in keys if (it := _as_unlisted(before, key))]
    if path[0] == "workspaces":
        globs = [key for key in before.workspaces if is_glob(key)]
        found += [before.workspaces[glob] for glob in globs if may_match(glob, keys[0])]
    return found


def _as_unlisted(policy: Policy, key: str) -> Budget | None:
    """The budget of what a key names as unlisted; None where that is surely listed, or has none."""
    listed = any(is_covered(key, it) for it, _ in policy.workspace_keys())
    return None if listed else policy.unlisted_budget


def _is_looser(one: Budget, other: Budget) -> bool:
    """Whether a budget lets pass what the other one does not."""
    ours, theirs = budget_grades(one), budget_grades(other)
    # `unlisted: fail` never warns: any spend breaches it.
    keys = ("cap", "daily_cap", "forecast", *(["warn_at"] if other.warn_at else []))
    return any(ours[key][1] > theirs[key][1] for key in keys)


def _compare_members(
    before: Policy, path: KeyPath, budgets: tuple[Budget, Budget], file: PolicyFile
) -> Iterator[Change]:
    old, new = budgets
    if not (isinstance(old, Group) and isinstance(new, Group)):
        return
    line = file.source.line(*path, "workspaces")
    gone = tuple(key for key in old.workspaces if key not in new.workspaces)
    if gone:
        yield Change(path, "members", gone, None, "looser", line)
    come = [key for key in new.workspaces if key not in old.workspaces]
    free = tuple(key for key in come if _as_unlisted(before, key))
    if free:
        yield Change(path, "members that were unlisted", None, free, "looser", line)
    rest = tuple(key for key in come if key not in free)
    if rest:
        yield Change(path, "members", None, rest, "tighter", line)


def _compare_exceptions(before: Policy, file: PolicyFile, day: date) -> Iterator[Change]:
    old, new = before.exceptions, file.policy.exceptions
    caps = {".".join(path): budget.cap for path, budget in file.policy.budgets()}
    for budget in dict.fromkeys(it.budget for it in (*old, *new)):
        gone = [it for it in old if it.budget == budget and it not in new]
        come = [it for it in new if it.budget == budget and it not in old]
        for was, now in zip_longest(gone, come):
            place = ("exceptions", new.index(now)) if now else ("exceptions",)
            path, line = tuple(budget.split(".", 1)), file.source.line(*place)
            yield _exception(was, now, caps.get(budget), day, path=path, line=line)


def _exception(
    was: CapException | None,
    now: CapException | None,
    cap: Decimal | None,
    day: date,
    *,
    path: KeyPath,
    line: int,
) -> Change:
    """What becomes of an exception to a cap, which is None where there is no such budget."""
    effect: Effect = "neutral"
    ours, theirs = (it if it and it.until >= day else None for it in (was, now))
    if cap is None or not (ours or theirs):
        return Change(path, "exception", was, now, effect, line)
    # Each as what it allows today and from then on; a cap stands for ever.
    old, new = ((it.cap, it.until) if it else (cap, date.max) for it in (ours, theirs))
    if new[0] > old[0] or _lasts_longer(new, old, cap):
        effect = "looser"
    elif new[0] < old[0] or _lasts_longer(old, new, cap):
        effect = "tighter"
    return Change(path, "exception", ours or cap, theirs or cap, effect, line)


def _lasts_longer(one: tuple[Decimal, date], other: tuple[Decimal, date], cap: Decimal) -> bool:
    """Whether `one` allows more on days on which `other` has ended, or the reverse of less."""
    if one[0] > cap:
        return one[1] > other[1]
    return other[0] < cap and one[1] < other[1]


def _compare_settings(before: Policy, file: PolicyFile) -> Iterator[Change]:
    old, new = before, file.policy
    if old.organization != new.organization:
        effect: Effect = "looser" if old.organization else "tighter"
        line = file.source.line("organization")
        yield Change(
            ("organization",), "organization", old.organization, new.organization, effect, line
        )
    if not (isinstance(old.unlisted, Budget) and isinstance(new.unlisted, Budget)):
        was, now = ({"unlisted": unlisted_grade(it)} for it in (old, new))
        yield from _compare_graded(("unlisted",), was, now, file)
    parts = (("spend", spend_grades), ("prices", price_grades), ("notify", notify_grades))
    for part, terms in parts:
        yield from _compare_graded((part,), terms(old), terms(new), file)
    for name in Alerts.model_fields:
        was, now = (alert_grades(getattr(it.alerts, name)) for it in (old, new))
        # One that comes or goes is one change, by the key that each has.
        both = {what: it for what, it in now.items() if what in was}
        yield from _compare_graded(("alerts", name), was, both, file)
    # Those of both: a key that comes may find another workspace than it would have, too.
    keys = [key for key, _ in (*old.workspace_keys(), *new.workspace_keys())]
    for id_ in {**old.names, **new.names}:
        label, other = old.names.get(id_), new.names.get(id_)
        if label != other:
            # Where a key gains or loses the workspace, another budget may hold it, or none.
            is_same = _keys_of(id_, label, keys) == _keys_of(id_, other, keys)
            effect = "neutral" if is_same else "looser"
            line = file.source.line("names", id_)
            yield Change(("names", id_), "label", label, other, effect, line)


def _keys_of(id_: str, label: str | None, keys: Collection[str]) -> set[str]:
    """Those of the keys that name the workspace where this is its label."""
    return {key for key in keys if key == label or is_matched(id_, label or id_, key)}


def _compare_graded(
    path: KeyPath, before: dict[str, Graded], after: dict[str, Graded], file: PolicyFile
) -> Iterator[Change]:
    for what, (now, grade) in after.items():
        was, former = before[what]
        if was != now:
            effect: Effect = "neutral"
            if grade != former:
                effect = "looser" if grade > former else "tighter"
            yield Change(path, what, was, now, effect, file.source.line(*path, what))
