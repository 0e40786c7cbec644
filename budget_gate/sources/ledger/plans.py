"""What is asked of Redis, and what the answers mean: for both kinds of client.

A plan yields commands that go in one round trip, is sent what Redis answered to each (an error
among them), and returns its result.
"""

from collections.abc import Callable, Generator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

from budget_gate.domain.ledger.counted import Counted
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
    member,
    message_key,
)

T = TypeVar("T")
Command = tuple[str | int, ...]
Plan = Generator[list[Command], list[Any], T]


class Call(NamedTuple):
    """One call of a script: its keys, its arguments, and the workspace that they are of."""

    keys: tuple[str, ...]
    arguments: tuple[str | int, ...]
    workspace: str | None


# A workspace is named again after so many seconds, as a Redis may have been emptied.
_NAMED_FOR: Final = 60
# The hour that Redis has may change once while it is asked.
_TRIES: Final = 3


class Learned:
    """What a client knows of its Redis: how far its clock is ahead, and who was named when.

    `clock` tells seconds since the epoch. Threads may share it: what one of them does not see yet
    only costs another round trip.
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

    def is_unnamed(self, workspace: str | None) -> bool:
        """Whether a workspace is to be named, so that what is of it is found."""
        return self._clock() >= self._named.get(workspace, 0) + _NAMED_FOR

    def named(self, workspace: str | None) -> None:
        """Takes it that the workspace is named."""
        self._named[workspace] = self._clock()


def recording(counted: Counted, workspace: str | None, learned: Learned) -> Plan[bool]:
    """Adds what was counted to the running hour; False where the message is there already."""
    (is_new,) = yield from recording_all([(counted, workspace)], learned)
    return is_new


def recording_all(
    answers: Sequence[tuple[Counted, str | None]], learned: Learned
) -> Plan[list[bool]]:
    """Adds each to the running hour of its workspace, in one round trip; whether each was new."""
    found = [True] * len(answers)
    # Without an id of its own one gets one, so that it is counted once however often it is sent.
    left = [
        (index, workspace, message_key(workspace, counted.message_id or f"none_{uuid4().hex}"), it)
        for index, (counted, workspace) in enumerate(answers)
        if (it := [part for use in counted.uses for part in fields(use)])
    ]
    for _ in range(_TRIES):
        if not left:
            return found
        hour = learned.hour()
        times = (hour, hour + HOUR + KEPT, KNOWN)
        calls = [
            Call((counts_key(workspace, hour), message), (*times, *given), workspace)
            for _, workspace, message, given in left
        ]
        told = yield from _run(RECORD, calls, learned)
        later = []
        for one, answer in zip(left, told, strict=True):
            if answer in (COUNTED, ALREADY):
                found[one[0]] = answer == COUNTED
            else:
                later.append(one)
                learned.hear(answer)
        left = later
    if not left:
        return found
    raise LedgerError(
        "the clock of the ledger jumps, so that no hour was found to count in",
        "set the clock of the machine that Redis runs on",
    )


def holding(
    hold: str, usd: Decimal, seconds: int, workspace: str | None, learned: Learned
) -> Plan[None]:
    """Holds an amount for a workspace for so long."""
    given = (hold, f"{usd:f}", seconds)
    yield from _run(HOLD, [Call((holds_key(workspace),), given, workspace)], learned)


def settling(hold: str, left: Decimal, workspace: str | None, learned: Learned) -> Plan[None]:
    """Leaves so much of a hold; what has ended stays so."""
    if left:
        given = (hold, f"{left:f}")
        yield from _run(SETTLE, [Call((holds_key(workspace),), given, workspace)], learned)
    else:
        checked((yield [("HDEL", holds_key(workspace), hold)]))


def writing_verdict(told: str) -> Plan[bytes | None]:
    """Keeps the last verdict for clients, in place of the one before: that one, None for none."""
    before, kept = yield [("GET", VERDICT), ("SET", VERDICT, told)]
    checked([kept])
    return before if isinstance(before, bytes) else None


def _run(script: Script, calls: list[Call], learned: Learned) -> Plan[list[Any]]:
    """What a script answers to each call; the workspaces are named before."""
    workspaces = list({call.workspace: None for call in calls})
    unnamed = [it for it in workspaces if learned.is_unnamed(it)]
    parts = [(len(call.keys), *call.keys, *call.arguments) for call in calls]
    answers = yield [*_naming(unnamed), *(("EVALSHA", script.sha, *it) for it in parts)]
    named, told = answers[: len(unnamed)], answers[len(unnamed) :]
    unknown = [index for index, it in enumerate(told) if _is_unknown_script(it)]
    if unknown:
        # Redis does not know the script yet, or has forgotten it, and perhaps all else, as after a
        # restart.
        unnamed = workspaces
        texts = [("EVAL", script.source, *parts[index]) for index in unknown]
        answers = yield [*_naming(unnamed), *texts]
        named, again = answers[: len(unnamed)], answers[len(unnamed) :]
        for index, answer in zip(unknown, again, strict=True):
            told[index] = answer
    checked([*named, *told])
    for workspace in unnamed:
        learned.named(workspace)
    return told


def _naming(workspaces: list[str | None]) -> list[Command]:
    return [("SADD", WORKSPACES, member(it)) for it in workspaces]


def _is_unknown_script(answer: Any) -> bool:
    if not isinstance(answer, Exception):
        return False
    from redis.exceptions import NoScriptError  # of the extra, and slow to import

    return isinstance(answer, NoScriptError)


def checked(answers: list[Any]) -> list[Any]:
    """The answers; raises the first that is an error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
