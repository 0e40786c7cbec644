"""The last verdict as the ledger keeps it for its clients."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from budget_gate.domain.bounds import NOTHING, UNLIMITED, Bounds
from budget_gate.domain.ledger.hours import Hours, hour_of
from budget_gate.domain.period import MonthToDate, format_instant, parse_instant
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import Tokens, UsageKey

VERSION: Final = 1
# Far above what an amount has of digits, and of tokens an hour.
_DIGITS: Final = 100
_MOST: Final = 10**18


@dataclass(frozen=True, slots=True)
class GuardedVerdict:
    """What a client needs of a verdict: the reported spend, and the hours that may lack some.

    `lines` are the spend of the month without what the ledger had beyond it. `reported` is the
    usage of the hours, from `since` on, that the report may not have whole. All times are UTC.
    `organization` is the id of whose spend it is, None where that is not known.
    """

    as_of: datetime
    since: datetime
    lines: tuple[SpendLine, ...]
    workspaces: tuple[Workspace, ...] | None
    reported: Hours
    organization: str | None = None

    def first_hour(self, now: datetime) -> datetime:
        """The first hour that a client has to ask the ledger for."""
        return max(self.since, MonthToDate(now).period.start)

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON: amounts are strings of exact USD, times RFC 3339."""
        return {
            "version": VERSION,
            "organization": self.organization,
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
            workspaces = told["workspaces"]
            return cls(
                parse_instant(told["as_of"]),
                parse_instant(told["since"]),
                tuple(map(_line, told["lines"])),
                None if workspaces is None else tuple(map(_workspace, workspaces)),
                _hours(told["reported"]),
                _name(told.get("organization")),
            )
        except (KeyError, TypeError, ArithmeticError) as error:
            raise ValueError("it is no whole verdict") from error


def _hours(told: Any) -> Hours:
    reported: dict[datetime, dict[UsageKey, Tokens]] = defaultdict(dict)
    for hour, workspace, model, *kind, tokens in told:
        tier, window, geo, speed = map(_name, kind)
        at = parse_instant(hour)
        key = UsageKey(_name(workspace), at.date(), _name(model), tier, window, geo, speed)
        if not all(type(count) is int and 0 <= count < _MOST for count in tokens):
            raise ValueError("a count in it is none")
        reported[at][key] = Tokens(*tokens)
    return dict(reported)


def _line(told: Any) -> SpendLine:
    workspace, day, model, names, low, high, basis = told
    return SpendLine(
        _name(workspace),
        date.fromisoformat(day),
        _name(model),
        Bounds(_amount(low), _amount(high)),
        "billed" if basis == "billed" else "list",
        None if names is None else tuple(_name(name) or "" for name in names),
    )


def _workspace(told: Any) -> Workspace:
    id_, name, archived = told
    return Workspace(_name(id_), _name(name) or "", archived is True)


def _name(told: Any) -> str | None:
    if told is not None and not isinstance(told, str):
        raise ValueError("a name in it is none")
    return told


def _amount(told: Any) -> Decimal:
    """The amount; what cannot be compared, or added up exactly, is none."""
    amount = Decimal(told if isinstance(told, str) else "NaN")
    exponent = amount.as_tuple().exponent
    is_exact = isinstance(exponent, int) and abs(exponent) < _DIGITS and len(told) < _DIGITS
    if not is_exact and amount != UNLIMITED:
        raise ValueError("an amount in it is none")
    return amount


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
