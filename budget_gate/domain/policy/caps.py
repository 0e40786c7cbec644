"""Which cap each budget has on a day: its regular one, or that of an exception."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from budget_gate.domain.bounds import plus, times
from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.budgets import CapException
from budget_gate.domain.policy.model import ID_PREFIX, Policy, PolicyFile
from budget_gate.domain.policy.names import meant_keys
from budget_gate.errors import ConfigurationError, Problem

WARN_AFTER_DAYS = 30


class Caps(NamedTuple):
    """The caps of a policy and the exceptions in force, each by the key of its budget.

    A key is as `exceptions` name it, such as `workspaces.production`.
    """

    regular: Mapping[str, Decimal]
    exceptions: Mapping[str, CapException]

    def of(self, key: str) -> Decimal | None:
        """The cap in force, in USD; None where there is no such budget, or one that only warns."""
        if key in self.exceptions:
            return self.exceptions[key].cap
        return self.regular.get(key)


def regular_caps(policy: Policy) -> Caps:
    """The caps of a policy without its exceptions."""
    unlisted = policy.unlisted_budget
    return Caps(_named(policy) | ({"unlisted": unlisted.cap} if unlisted else {}), {})


def caps_in_force(file: PolicyFile, month: MonthToDate) -> Caps:
    """The caps in force today, or on the last day of a whole month.

    Raises ConfigurationError with every exception, live or not, that is for no budget, raises a
    cap further than `max_exception` allows, or is not the only one of its budget today. In a month
    that has ended, the one that ended first stands: the other has come after it.
    """
    policy = file.policy
    caps = _named(policy)
    live: dict[str, CapException] = {}
    problems: list[Problem] = []
    limit = policy.global_.max_exception if policy.global_ else None
    for position, exception in enumerate(policy.exceptions):
        path = ("exceptions", position)
        cap = caps.get(exception.budget)
        if cap is None:
            problems.append(
                file.source.problem(
                    (*path, "budget"),
                    f"no budget is called {exception.budget!r}",
                    _remedy(policy, exception.budget),
                )
            )
            continue
        highest = None if limit is None else times(cap, plus(limit, Decimal(1)))
        if highest is not None and exception.cap > highest:
            problems.append(
                file.source.problem(
                    (*path, "cap"),
                    f"raises the cap of {cap:f} further than max_exception allows",
                    f"{highest:f} is the highest cap there may be",
                )
            )
        if exception.until < month.day:
            continue
        before = live.get(exception.budget)
        if before and month.is_whole:
            live[exception.budget] = min(before, exception, key=lambda it: it.until)
            continue
        if before:
            problems.append(
                file.source.problem(
                    path, f"is a second exception for {exception.budget}", "keep one of the two"
                )
            )
        live[exception.budget] = exception
    if problems:
        raise ConfigurationError(
            "the policy's exceptions do not fit its budgets",
            problems=tuple(problems),
            file=file.source.file,
        )
    return regular_caps(policy)._replace(exceptions=live)


def _named(policy: Policy) -> dict[str, Decimal]:
    return {".".join(path): budget.cap for path, budget in policy.budgets()}


def large(caps: Iterable[tuple[str, Decimal, Decimal]]) -> Iterator[Note]:
    """A note on exceptions that more than double a cap: a name, their cap and the regular one."""
    names = [name for name, cap, regular in caps if cap > times(regular, Decimal(2))]
    if names:
        message = f"An exception more than doubles the cap of {enumerated(names)}."
        yield Note("warning", "large_exception", message)


def expired(policy: Policy, day: date) -> Iterator[Note]:
    """A note on each exception that has ended: after 30 days, a warning to delete it."""
    for exception in policy.exceptions:
        age = (day - exception.until).days
        if age > WARN_AFTER_DAYS:
            yield Note(
                "warning",
                "expired_exception",
                f"The exception for {exception.budget} ended on {exception.until}, {age} days ago: "
                "delete it from the policy.",
            )
        elif age > 0:
            yield Note(
                "info",
                "expired_exception",
                f"The exception for {exception.budget} ended on {exception.until}: its regular cap "
                "is in force again.",
            )


def _remedy(policy: Policy, name: str) -> str:
    names = _named(policy)
    if not names:
        return "remove it, as the policy has no cap that could be another"
    near = meant_keys(name, names)
    if near:
        return f"did you mean {' or '.join(near)}?"
    by_id = ", not by its id" if ID_PREFIX in name else ""
    return f"name one as it stands in the policy{by_id}, such as {' or '.join(sorted(names)[:3])}"
