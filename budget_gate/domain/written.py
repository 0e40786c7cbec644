"""What settings may say, as people write them: an error shows what was written, and a right one."""

import re
from collections.abc import Collection
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, get_args

from pydantic import AfterValidator, BeforeValidator

from budget_gate.domain.credential import without_keys
from budget_gate.domain.fields import cap_readings
from budget_gate.domain.period import DAY, HOUR, MonthToDate, parse_instant
from budget_gate.errors import ConfigurationError

LAST: Final = "last"

_BUDGET: Final = r"(global|unlisted)$|(workspaces|groups|models|unlisted)\."
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_MONTH: Final = r"[0-9]{4}-(0[1-9]|1[0-2])"
_LONGEST_WAIT: Final = 3600
_AGE: Final = r"([1-9][0-9]{0,3})([mhd])"
_UNITS: Final = {"m": timedelta(minutes=1), "h": HOUR, "d": DAY}
_OLDEST: Final = 31 * DAY
_SHOWN: Final = 40


def shown(value: object) -> str:
    """What was written, as an error quotes it: cut, and without what looks like a key."""
    return repr(without_keys(str(value))[:_SHOWN])


def instant(text: str) -> datetime:
    """The UTC time that is written; raises ValueError where it is none that can be judged at."""
    if re.fullmatch(_DAY, text):
        right = f"{text}T16:00:00Z, with the hour that you mean"
        raise ValueError(f"{shown(text)} is a day and not a time: write {right}")
    try:
        found = parse_instant(text)
    except ValueError as error:
        message = (
            f"{shown(text)} is not a time ({error}): write YYYY-MM-DDTHH:MM:SSZ, in UTC, or leave "
            "it out for now"
        )
        raise ValueError(message) from error
    if found.year == MINYEAR:
        raise ValueError(f"{shown(text)}: the days before it may lie before the first year")
    if found.year == MAXYEAR:
        raise ValueError(f"{shown(text)}: its buckets would end after the last year")
    return found


def month(text: str) -> str:
    """A month such as `2026-10`, or `last`; raises ValueError where it is neither."""
    if text != LAST and not (re.fullmatch(_MONTH, text) and int(text[:4]) > MINYEAR):
        raise ValueError(f"{shown(text)} is not a month: write 2026-10 or last")
    return text


def whole_month(name: str, now: datetime) -> MonthToDate:
    """The month that such a name means; raises ConfigurationError where it has not ended."""
    if name == LAST:
        return MonthToDate(now).last
    year, number = map(int, name.split("-"))
    if (year, number) >= (now.year, now.month):
        raise ConfigurationError(
            f"month {name} has not ended yet",
            "leave out --month (BUDGET_GATE_MONTH) to judge the month to date",
        )
    return MonthToDate(MonthToDate(datetime(year, number, 1, tzinfo=UTC)).end, is_whole=True)


def reservation(text: str) -> str:
    """`USD` or `USD=WORKSPACE`; raises ValueError where it is neither."""
    amount, is_named, workspace = text.partition("=")
    readings = cap_readings(amount)
    if len(readings) > 1:
        meant = ", or ".join(f"{it}{is_named}{workspace}"[:_SHOWN] for it in readings)
        raise ValueError(f"{shown(text)} may be {' or '.join(readings)} USD: write {meant}")
    # An equals sign alone names no workspace.
    is_whole = bool(is_named) == bool(workspace)
    if is_whole and readings == (amount,):
        return text
    right = "250=staging, for example"
    if is_whole and readings:
        right = f"{readings[0]}{is_named}{workspace}"[:_SHOWN]
    raise ValueError(f"{shown(text)} is not USD or USD=WORKSPACE: write {right}")


def one_a_line(text: str) -> str:
    """Budgets, one a line; raises ValueError where a line has several.

    A comma alone is none of that, as a name may have one.
    """
    for line in text.splitlines():
        _, *others = line.split(",")
        if others and all(re.match(_BUDGET, other.strip()) for other in others):
            right = "write one a line, or each with a --budget of its own"
            raise ValueError(f"{shown(line)} is {len(others) + 1} budgets: {right}")
    return text


def seconds(text: object) -> float:
    """How long to wait; raises ValueError where that is no number of seconds up to an hour."""
    try:
        found = float(str(text))
    except ValueError:
        found = 0
    if 0 < found <= _LONGEST_WAIT:
        return found
    raise ValueError(
        f"{shown(text)} is not a number of seconds, above 0 and up to {_LONGEST_WAIT}: write 120 "
        "for two minutes"
    )


def age(text: str | timedelta) -> timedelta:
    """How old something may be; raises ValueError where that is no age of up to 31 days."""
    if isinstance(text, timedelta):
        return text
    found = re.fullmatch(_AGE, text)
    length = int(found[1]) * _UNITS[found[2]] if found else _OLDEST
    if found is None or length > _OLDEST:
        raise ValueError(f"{shown(text)} is not an age up to 31d: write 90m, 3h or 2d")
    return length


def age_text(length: timedelta) -> str:
    """An age as people write it: `90m`, `3h` or `2d`."""
    unit = next(it for it in reversed(_UNITS) if not length % _UNITS[it])
    return f"{length // _UNITS[unit]}{unit}"


def word(text: object, words: Collection[str]) -> object:
    """One of the words; raises ValueError where it is none of them."""
    if text in words:
        return text
    *most, last = words
    raise ValueError(f"{shown(text)} is not {', '.join(most)} or {last}")


def switch(text: object) -> object:
    """`true` or `false`, or False itself; raises ValueError where it is none of them."""
    return text and word(text, ("true", "false"))


def is_set(text: object) -> bool:
    """Whether anything is written but white space."""
    return text is not False and bool(str(text).strip())


def one_of(choice: Any) -> BeforeValidator:
    """What reads one of the words of a Literal."""
    return BeforeValidator(partial(word, words=get_args(choice)))


Instant = Annotated[datetime, BeforeValidator(instant)]
Month = Annotated[str, AfterValidator(month)]
Budgets = Annotated[str, AfterValidator(one_a_line)]
ReservationText = Annotated[str, AfterValidator(reservation)]
Age = Annotated[timedelta, BeforeValidator(age)]
Seconds = Annotated[float, BeforeValidator(seconds)]
Switch = Annotated[bool, BeforeValidator(switch)]
IsSet = Annotated[bool, BeforeValidator(is_set)]
