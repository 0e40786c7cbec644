"""The last verdict as the ledger keeps it for its clients."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.ledger.hours import Hours, hour_of
from budget_gate.domain.period import MonthToDate, format_instant, parse_instant
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import Tokens, UsageKey

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class GuardedVerdict:
    """What a client needs of a verdict: the reported spend, and the hours that may lack some.

    `lines` are the spend of the month without what the ledger had beyond it. `reported` is the
    usage of the hours, from `since` on, that the report may not have whole. All times are UTC.
    """

    as_of: datetime
    since: datetime
    lines: tuple[SpendLine, ...]
    workspaces: tuple[Workspace, ...] | None
    reported: Hours

    def first_hour(self, now: datetime) -> datetime:
        """The first hour that a client has to ask the ledger for."""
        return max(self.since, MonthToDate(now).period.start)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON: amounts are strings of exact USD, times RFC 3339."""
        return {
            "version": VERSION,
            "as_of": format_instant(self.as_of),
            "since": format_instant(self.since),
            "lines": [
                [it.workspace, it.day.isoformat(), it.model, it.names, *map(str, it.cost), it.basis]
                for it in self.lines
            ],
            "workspaces": self.workspaces
            and [[it.id, it.name, it.archived] for it in self.workspaces],
            "reported": [
                [format_instant(hour), key.workspace, *key[2:], list(tokens)]
                for hour, table in self.reported.items()
                for key, tokens in table.items()
            ],
        }

    @classmethod
    def from_json(cls, told: Any) -> "GuardedVerdict":
        """The verdict that `to_json` told; raises ValueError where it is none of this version."""
        if not isinstance(told, dict) or told.get("version") != VERSION:
            raise ValueError("it is not a verdict of this version of budget-gate")
        try:
            reported: dict[datetime, dict[UsageKey, Tokens]] = defaultdict(dict)
            for hour, workspace, model, tier, window, geo, speed, tokens in told["reported"]:
                at = parse_instant(hour)
                key = UsageKey(workspace, at.date(), model, tier, window, geo, speed)
                reported[at][key] = Tokens(*tokens)
            return cls(
                parse_instant(told["as_of"]),
                parse_instant(told["since"]),
                tuple(map(_line, told["lines"])),
                told["workspaces"] and tuple(Workspace(*it) for it in told["workspaces"]),
                dict(reported),
            )
        except (KeyError, TypeError, ArithmeticError) as error:
            raise ValueError("it is no whole verdict") from error


def _line(told: Any) -> SpendLine:
    workspace, day, model, names, low, high, basis = told
    return SpendLine(
        workspace,
        date.fromisoformat(day),
        model,
        Bounds(Decimal(low), Decimal(high)),
        basis,
        names and tuple(names),
    )


def condensed(lines: Iterable[SpendLine], today: date) -> tuple[SpendLine, ...]:
    """The spend in fewer lines: the days before `today` together, on the first day of theirs."""
    sums: dict[SpendLine, Bounds] = {}
    for line in lines:
        day = line.day if line.day == today else line.day.replace(day=1)
        kind = line._replace(day=day, cost=NOTHING)
        sums[kind] = sums.get(kind, NOTHING).plus(line.cost)
    return tuple(kind._replace(cost=cost) for kind, cost in sums.items())


def since_of(reported: Hours, as_of: datetime) -> datetime:
    """The first hour that the report may lack something of, or else the running one."""
    return min(reported, default=hour_of(as_of))
