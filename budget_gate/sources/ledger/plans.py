"""What is asked of Redis, and what the answers mean: for both kinds of client.

A plan yields commands that go in one round trip, is sent what Redis answered to each (an error
among them), and returns its result.
"""

import re
from collections.abc import Callable, Generator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import uuid4

from redis.exceptions import NoScriptError

from budget_gate.domain.bounds import ZERO, plus
from budget_gate.domain.ledger.counted import Counted
from budget_gate.domain.ledger.hours import Counts
from budget_gate.domain.usage import UsageTable, add
from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.layout import (
    ALREADY,
    COUNTED,
    HOLD,
    HOUR,
    KEPT,
    KNOWN,
    RECORD,
    SETTLE,
    VERDICT,
    WORKSPACES,
    Script,
    counts_key,
    fields,
    holds_key,
    instant,
    member,
    message_key,
    read_field,
    workspace_of,
)

T = TypeVar("T")
Command = tuple[str | int, ...]
Plan = Generator[list[Command], list[Any], T]

# A workspace is named again after so many seconds, as a Redis may have been emptied.
_NAMED_FOR: Final = 60
# The hour that Redis has may change once while it is asked.
_TRIES: Final = 3
# Keys that are read in one round trip.
_AT_ONCE: Final = 500
_HELD: Final = re.compile(r"([0-9]{1,15}) ([0-9]{1,15}(?:\.[0-9]{1,12})?)", re.ASCII)


class Learned:
    """What a client knows of its Redis: how far its clock is ahead, and who was named when.

    Threads may share it: what one of them does not see yet only costs another round trip.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = 0.0
        self._named: dict[str | None, float] = {}

    def hour(self) -> int:
        """The start of the hour that Redis is in, as far as is known."""
        now = int(self._clock() + self._ahead)
        return now - now % HOUR

    def hear(self, now: int) -> None:
        """Takes it that Redis has this time."""
        self._ahead = now - self._clock()

    def naming(self, workspace: str | None) -> list[Command]:
        """What names a workspace, so that it is found; nothing where that was done just now."""
        if self._clock() < self._named.get(workspace, 0) + _NAMED_FOR:
            return []
        return [("SADD", WORKSPACES, member(workspace))]

    def named(self, workspace: str | None) -> None:
        """Takes it that the workspace is named."""
        self._named[workspace] = self._clock()


def recording(counted: Counted, workspace: str | None, learned: Learned) -> Plan[bool]:
    """Adds what was counted to the running hour; False where the message is there already."""
    # Without an id of its own it gets one, so that it is counted once however often it is sent.
    message = message_key(workspace, counted.message_id or f"none_{uuid4().hex}")
    given = [part for use in counted.uses for part in fields(use)]
    if not given:
        return True
    for _ in range(_TRIES):
        hour = learned.hour()
        keys = (counts_key(workspace, hour), message)
        answer = yield from _run(
            RECORD, keys, (hour, hour + HOUR + KEPT, KNOWN, *given), workspace, learned
        )
        if answer in (COUNTED, ALREADY):
            return bool(answer == COUNTED)
        learned.hear(answer)
    raise LedgerError(
        "the clock of the ledger jumps, so that no hour was found to count in",
        "set the clock of the machine that Redis runs on",
    )


def holding(
    hold: str, usd: Decimal, seconds: int, workspace: str | None, learned: Learned
) -> Plan[None]:
    """Holds an amount for a workspace for so long."""
    given = (hold, f"{usd:f}", seconds)
    yield from _run(HOLD, (holds_key(workspace),), given, workspace, learned)


def settling(hold: str, left: Decimal, workspace: str | None, learned: Learned) -> Plan[None]:
    """Leaves so much of a hold; what has ended stays so."""
    if left:
        given = (hold, f"{left:f}")
        yield from _run(SETTLE, (holds_key(workspace),), given, workspace, learned)
    else:
        _checked((yield [("HDEL", holds_key(workspace), hold)]))


def reading(since: datetime) -> Plan[Counts]:
    """What was counted from the hour of `since` on, and what is held.

    Raises LedgerError where something else is found among it.
    """
    names, now = yield from _names()
    hours = range(int(since.timestamp()) // HOUR * HOUR, now + 1, HOUR)
    places = [(workspace, hour) for hour in hours for workspace in names]
    found: dict[datetime, UsageTable] = {}
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        answers = _checked((yield [("HGETALL", counts_key(*place)) for place in some]))
        for (workspace, hour), answer in zip(some, answers, strict=True):
            at = instant(hour)
            for name, value in answer.items():
                key, tokens = read_field(_text(name), _text(value), workspace, at)
                add(found.setdefault(at, {}), {key: tokens})
    holds: dict[str | None, Decimal] = {}
    for start in range(0, len(names), _AT_ONCE):
        some_names = names[start : start + _AT_ONCE]
        answers = _checked((yield [("HGETALL", holds_key(name)) for name in some_names]))
        for workspace, answer in zip(some_names, answers, strict=True):
            held = held_of(answer, workspace, now)
            if held:
                holds[workspace] = held
    return Counts(found, holds, instant(now))


def writing_verdict(text: str) -> Plan[None]:
    """Keeps the last verdict for clients, in place of the one before."""
    _checked((yield [("SET", VERDICT, text)]))


def held_of(answer: dict[Any, Any], workspace: str | None, now: int) -> Decimal:
    """USD of the holds of a workspace that have not ended."""
    total = ZERO
    for value in answer.values():
        found = _HELD.fullmatch(_text(value))
        if found is None:
            raise LedgerError(
                f"{holds_key(workspace)} has what is no amount that budget-gate holds",
                "delete that key in Redis; whoever wrote it is another program or another version",
            )
        if int(found[1]) > now:
            total = plus(total, Decimal(found[2]))
    return total


def _names() -> Plan[tuple[list[str | None], int]]:
    """The workspaces that were named, in order, and the time of Redis in seconds."""
    members, (seconds, _) = _checked((yield [("SMEMBERS", WORKSPACES), ("TIME",)]))
    return sorted(map(workspace_of, map(_text, members)), key=str), int(seconds)


def _run(
    script: Script,
    keys: tuple[str, ...],
    arguments: tuple[str | int, ...],
    workspace: str | None,
    learned: Learned,
) -> Plan[Any]:
    """What a script answers, which Redis may have forgotten; the workspace is named before."""
    naming = learned.naming(workspace)
    call = (len(keys), *keys, *arguments)
    *_, answer = answers = yield [*naming, ("EVALSHA", script.sha, *call)]
    if isinstance(answer, NoScriptError):
        (answer,) = yield [("EVAL", script.source, *call)]
    _checked([*answers[:-1], answer])
    if naming:
        learned.named(workspace)
    return answer


def _checked(answers: list[Any]) -> list[Any]:
    """The answers; raises the first that is an error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _text(value: bytes | str) -> str:
    # What is no text is no field of ours, and read as such.
    return value if isinstance(value, str) else value.decode(errors="replace")
