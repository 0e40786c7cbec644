"""What is read of the ledger: hours, what is held, and the time of Redis."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import ZERO, plus
from budget_gate.domain.ledger.hours import Counts
from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.layout import (
    HOUR,
    WORKSPACES,
    counts_key,
    holds_key,
    instant,
    usage_of,
    workspace_of,
)
from budget_gate.sources.ledger.plans import Plan, checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.usage import UsageTable

# Keys that are read in one round trip.
AT_ONCE: Final = 500
_HELD: Final = re.compile(r"([0-9]{1,15}) ([0-9]{1,15}(?:\.[0-9]{1,12})?)", re.ASCII)


def reading(since: datetime) -> Plan[Counts]:
    """What was counted from the hour of `since` on, and what is held.

    Raises LedgerError where something else is found among it.
    """
    names, now = yield from _names()
    return (yield from _reading(names, int(since.timestamp()) // HOUR * HOUR, now))


def reading_last(hours: int) -> Plan[Counts]:
    """The same of so many hours up to the running one, by the time of Redis."""
    names, now = yield from _names()
    return (yield from _reading(names, now // HOUR * HOUR - (hours - 1) * HOUR, now))


def _reading(names: list[str | None], first: int, now: int) -> Plan[Counts]:
    hours = range(first, now + 1, HOUR)
    places = [(workspace, hour) for hour in hours for workspace in names]
    found: dict[datetime, UsageTable] = {}
    for start in range(0, len(places), AT_ONCE):
        some = places[start : start + AT_ONCE]
        answers = checked((yield [("HGETALL", counts_key(*place)) for place in some]))
        for (workspace, hour), answer in zip(some, answers, strict=True):
            if answer:
                found.setdefault(instant(hour), {}).update(usage_of(answer, workspace, hour))
    holds: dict[str | None, Decimal] = {}
    for start in range(0, len(names), AT_ONCE):
        some_names = names[start : start + AT_ONCE]
        answers = checked((yield [("HGETALL", holds_key(name)) for name in some_names]))
        for workspace, answer in zip(some_names, answers, strict=True):
            held = held_of(answer, workspace, now)
            if held:
                holds[workspace] = held
    return Counts(found, holds, instant(now))


def eviction() -> Plan[str | None]:
    """The policy by which Redis may drop counts once it is full; None where it drops none.

    None as well where the user may not ask that.
    """
    (told,) = yield [("INFO", "memory")]
    if isinstance(told, Exception) or not told.get("maxmemory"):
        return None
    policy = str(told.get("maxmemory_policy"))
    return None if policy == "noeviction" else policy


def held_of(answer: Mapping[bytes, bytes], workspace: str | None, now: int) -> Decimal:
    """USD of the holds of a workspace that have not ended."""
    total = ZERO
    for value in answer.values():
        found = _HELD.fullmatch(value.decode(errors="replace"))
        if found is None:
            raise LedgerError(
                f"{holds_key(workspace)} has what is no amount that budget-gate holds",
                "delete that key in Redis; another program or another version has written it",
            )
        if int(found[1]) > now:
            total = plus(total, Decimal(found[2]))
    return total


def _names() -> Plan[tuple[list[str | None], int]]:
    """The workspaces that were named, in order, and the time of Redis in seconds."""
    members, (seconds, _) = checked((yield [("SMEMBERS", WORKSPACES), ("TIME",)]))
    return sorted(map(workspace_of, members), key=str), int(seconds)
