"""Flags that name days, and how far back these may be."""

import argparse
import re
from datetime import date, datetime
from typing import Final

from budget_gate.domain.period import MonthToDate
from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings

# Of full days, without a flag and at most.
USUAL_DAYS: Final = 30
MOST_DAYS: Final = 400
# The running month, and so many before it.
MOST_MONTHS: Final = 13

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def a_day(text: str) -> date:
    """The day that a flag names, for `type` of it."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a day; write 2026-11-22")


def oldest_day(at: datetime) -> date:
    """The first day that is not too long ago at that time."""
    oldest = MonthToDate(at)
    for _ in range(MOST_MONTHS):
        oldest = oldest.last
    return oldest.period.start.date()


def refuse_too_old(day: date, at: datetime, verb: str) -> None:
    """Raises ConfigurationError where a day is too long ago; `verb` is what is done with days."""
    oldest = oldest_day(at)
    if day < oldest:
        raise ConfigurationError(
            f"{day} is more than {MOST_MONTHS} months ago", f"{verb} {oldest} and later days"
        )


def refuse_other_time(settings: Settings, what: str) -> None:
    """Raises ConfigurationError where a variable sets a time; `what` says what is done instead."""
    if settings.as_of or settings.month:
        raise ConfigurationError(
            f"{what}, and another time is set",
            "unset BUDGET_GATE_AS_OF and BUDGET_GATE_MONTH",
        )


def refuse_open_day(flag: str, day: date, newest: date) -> None:
    """Raises ConfigurationError where the day that a flag names is after the last full one."""
    if day > newest:
        raise ConfigurationError(
            f"{flag} {day} has not ended, and only full days count here",
            f"name {newest}, the last full day, or an earlier one",
        )
