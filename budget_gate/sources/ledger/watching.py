"""What a client needs to know before each request, in one round trip.

An hour that has ended is read once more and then kept, as nothing is counted in it any more: what
is asked each time is the running hour of each workspace, what is held, and the verdict.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.usage import UsageTable
from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.layout import (
    HOUR,
    KEPT,
    VERDICT,
    WORKSPACES,
    counts_key,
    holds_key,
    instant,
    usage_of,
    workspace_of,
)
from budget_gate.sources.ledger.plans import Learned, Plan, checked
from budget_gate.sources.ledger.reading import AT_ONCE, held_of

# Between two looks an hour may end, and a workspace be named that was not known.
_TRIES: Final = 5

FirstHour = Callable[[bytes, datetime], datetime]
_Place = tuple[str | None, int]


class Seen(NamedTuple):
    """The verdict as it is kept, and what was counted from its first hour on, by workspace.

    `running` are the fields of the hour that starts at `hour`, as they came; `ended` are the hours
    before it, the same object as long as nothing of it is new. Times are of Redis.
    """

    verdict: bytes
    now: datetime
    hour: int
    running: Mapping[str | None, Mapping[bytes, bytes]]
    ended: Mapping[tuple[str | None, int], UsageTable]
    holds: Mapping[str | None, Decimal]


class Watch:
    """What was seen so far; threads may share it, as nothing in it is ever changed in place."""

    def __init__(self) -> None:
        self.names: tuple[str | None, ...] = ()
        self.ended: dict[_Place, UsageTable] = {}


def looking(watch: Watch, learned: Learned, first_hour: FirstHour) -> Plan[Seen]:
    """The last verdict, and what was counted from the hour on that `first_hour` names.

    `first_hour` is called with the verdict and the time of Redis. Raises LedgerError where there is
    no verdict, or one that is so old that hours after it are gone.
    """
    for _ in range(_TRIES):
        hour, names = learned.hour(), watch.names
        verdict, (seconds, _), members, *tables = checked(
            (
                yield [
                    ("GET", VERDICT),
                    ("TIME",),
                    ("SMEMBERS", WORKSPACES),
                    *(("HGETALL", counts_key(name, hour)) for name in names),
                    *(("HGETALL", holds_key(name)) for name in names),
                ]
            )
        )
        now = int(seconds)
        known = tuple(sorted(map(workspace_of, members), key=str))
        if now - now % HOUR != hour:
            learned.hear(now)
        elif known == names:
            break
        watch.names = known
    else:
        raise LedgerError("the workspaces in the ledger change too fast", "try it again")
    if verdict is None:
        raise LedgerError(
            "the ledger has no verdict yet",
            "run `budget-gate check --ledger URL` now, and then every hour",
        )
    first = int(first_hour(verdict, instant(now)).timestamp())
    if now - first > KEPT:
        raise LedgerError(
            "the last verdict in the ledger is so old that hours after it are gone",
            "run `budget-gate check --ledger URL` now, and then every hour",
        )
    ended = yield from _read_ended(watch, names, range(first, hour, HOUR))
    holds = {
        name: held
        for name, it in zip(names, tables[len(names) :], strict=True)
        if (held := held_of(it, name, now))
    }
    running = dict(zip(names, tables[: len(names)], strict=True))
    return Seen(verdict, instant(now), hour, running, ended, holds)


def _read_ended(
    watch: Watch, names: tuple[str | None, ...], hours: range
) -> Plan[dict[_Place, UsageTable]]:
    """Reads the hours that have ended and are not known; the others are let go."""
    asked = [(name, hour) for hour in hours for name in names]
    ended = {place: watch.ended[place] for place in asked if place in watch.ended}
    left = [place for place in asked if place not in ended]
    for start in range(0, len(left), AT_ONCE):
        some = left[start : start + AT_ONCE]
        answers = checked((yield [("HGETALL", counts_key(*place)) for place in some]))
        for place, answer in zip(some, answers, strict=True):
            ended[place] = usage_of(answer, *place)
    if not left and len(ended) == len(watch.ended):
        return watch.ended
    watch.ended = ended
    return ended
