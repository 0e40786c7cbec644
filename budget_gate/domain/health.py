"""What stands in the way of a check, or will: the findings of the command `doctor`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.clock import TOLERANCE, check_clock, distance
from budget_gate.domain.notes import Note
from budget_gate.errors import ConfigurationError, UnverifiedError

NAMED: Final = 20

# Notes of a check that are of no account yet.
_ON_THE_WAY: Final = ("expired_exception", "stale_prices")


class Finding(NamedTuple):
    """What one check found, as sentences without a full stop; `remedy` may be empty.

    `exit_code` is what an error ends in: 2 where the configuration is wrong, 3 where the spend
    cannot be determined. `spenders` are the names and the USD that the message ends with, and
    `trace` is that of an error, for whoever looks into it.
    """

    level: Literal["ok", "warning", "error"]
    check: str
    message: str
    remedy: str = ""
    exit_code: Literal[0, 2, 3] = 0
    spenders: tuple[tuple[str, Bounds], ...] = ()
    trace: str = ""


def exit_code(findings: Iterable[Finding]) -> int:
    """0 without an error, 2 where the configuration is wrong, else 3."""
    codes = {finding.exit_code for finding in findings} - {0}
    return min(codes, default=0)


def misconfigured(check: str, error: ConfigurationError) -> Iterator[Finding]:
    """An error for each defect that `error` tells."""
    if not error.problems:
        yield Finding("error", check, error.message, error.hint, 2)
    for problem in error.problems:
        yield Finding("error", check, str(problem), problem.hint, 2)


def unverified(check: str, error: UnverifiedError) -> Finding:
    """The error of what could not be read."""
    return Finding("error", check, error.message, error.hint, 3, trace=error.trace)


def together(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings; those that say the same are one of all their checks, of the worst level."""
    of_text: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        of_text[finding.message, finding.remedy].append(finding)
    for alike in of_text.values():
        worst = max(alike, key=lambda it: it.exit_code)
        yield worst._replace(check=", ".join(it.check for it in alike))


def check_time(now: datetime, difference: timedelta | None, *, is_told: bool) -> Finding:
    """Whether the clock, which says `now`, is right; `difference` is as for `check_clock`.

    Where the time to judge at `is_told`, no verdict hangs on the clock.
    """
    if difference is None:
        return Finding(
            "warning", "clock", "the API sent no time to compare with", "check the clock yourself"
        )
    try:
        notes = check_clock(now, difference)
    except UnverifiedError as error:
        if is_told:
            return Finding("warning", "clock", error.message, "set the clock")
        return unverified("clock", error)
    for note in notes:
        return Finding("warning", "clock", note.message)
    if abs(difference) <= TOLERANCE:
        seconds = int(abs(difference).total_seconds())
        return Finding("ok", "clock", f"in sync with the API ({seconds} s)")
    return Finding("ok", "clock", f"{distance(difference)}; up to 5 minutes do no harm")


def noted(notes: Iterable[Note]) -> Iterator[Finding]:
    """What a check notes as a warning or an error, and what will be one in a while."""
    for note in notes:
        if note.level == "error":
            yield Finding("error", _label(note), note.message, exit_code=3)
        elif note.level == "warning" or note.code in _ON_THE_WAY:
            yield Finding("warning", _label(note), note.message)


def _label(note: Note) -> str:
    return note.code.replace("_", " ")
