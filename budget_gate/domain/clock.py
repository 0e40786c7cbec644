"""Whether the local clock knows which month it is, and whether it is that one that is judged."""

from datetime import datetime, timedelta
from typing import Final

from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, HOUR, MonthToDate, format_instant, in_words, on_day
from budget_gate.errors import ConfigurationError, UnverifiedError

# A `Date` header is cut to the second, and an answer takes a while.
TOLERANCE: Final = timedelta(seconds=10)
WORTH_A_WARNING: Final = timedelta(minutes=5)
# How long the usage report may take to have a request.
LAG: Final = 2 * HOUR
_MINUTE: Final = timedelta(minutes=1)


def refuse_future(as_of: datetime, now: datetime) -> None:
    """Raises ConfigurationError where a time to judge at lies in the future, by the local clock."""
    if as_of - now > WORTH_A_WARNING:
        raise ConfigurationError(
            f"as-of {format_instant(as_of)} is in the future (the clock of this machine says "
            f"{format_instant(now)})",
            "omit --as-of (BUDGET_GATE_AS_OF) for now, or set the clock if it is wrong",
        )


def check_month(
    now: datetime, difference: timedelta | None, last: datetime | None
) -> tuple[Note, ...]:
    """A note where the API told no time: a warning if the month is not that of the last report.

    `difference` is as for `check_clock`, and `last` the first instant of that report's month, None
    where there is none to compare with.
    """
    if difference is not None:
        return ()
    if last is None or (now.year, now.month) == (last.year, last.month):
        message = "The API sent no time to compare the clock of this machine with."
        return (Note("info", "clock_unchecked", message),)
    message = (
        f"The API sent no time. By the clock of this machine it is {now:%B %Y}, and the last "
        f"report is of {last:%B %Y}: if the clock is wrong, another month was judged. Check the "
        "clock, or name the time with --as-of."
    )
    return (Note("warning", "month_by_clock", message),)


def check_clock(now: datetime, difference: timedelta | None) -> tuple[Note, ...]:
    """A warning where the local clock, which says `now`, is more than 5 minutes off.

    `difference` is the API's time minus the local one; None where the API told none. Raises
    UnverifiedError where both disagree about the UTC day, as the wrong month might be judged, or
    where the local clock is so far behind that usage of today would be left out.
    """
    if difference is None or abs(difference) <= TOLERANCE:
        return ()
    message = _apart(now, difference)
    try:
        is_same_day = (now + difference).date() == now.date()
    except OverflowError:
        is_same_day = False
    # Usage is asked for up to the end of the running hour: what the API has beyond is not read.
    hour_end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    if not is_same_day or now + difference > hour_end + WORTH_A_WARNING:
        what = "the hour" if is_same_day else "the day"
        # A time that this clock has yet to reach would be refused.
        other = ", or name the time with --as-of" if difference < timedelta(0) else ""
        raise UnverifiedError(
            f"{message}, and they disagree about {what}",
            _remedy(difference, other),
            code="clock",
        )
    if abs(difference) <= WORTH_A_WARNING:
        return ()
    return (Note("warning", "clock", f"T{message[1:]}: set it before it matters."),)


def blame_clock(now: datetime, difference: timedelta | None) -> None:
    """Raises UnverifiedError where the local clock may be why the API refused what it was asked.

    That is where `check_clock` does, and where by the API's time the running hour is yet to begin.
    """
    check_clock(now, difference)
    if difference is None or now + difference >= now.replace(minute=0, second=0, microsecond=0):
        return
    raise UnverifiedError(
        f"{_apart(now, difference)}, and they disagree about the hour",
        _remedy(difference),
        # Not that of a day in dispute, by which the last report would prove nothing.
        code="clock_ahead",
    )


def check_fixed_time(
    month: MonthToDate, now: datetime, difference: timedelta | None
) -> tuple[Note, ...]:
    """A warning where the local clock is wrong though no verdict hangs on it, as the time is set.

    `difference` is as for `check_clock`. Raises UnverifiedError where by the API's time that time
    is yet to come.
    """
    if difference is None or abs(difference) <= WORTH_A_WARNING:
        return ()
    message = _apart(now, difference)
    if month.as_of - now > difference + WORTH_A_WARNING:
        what = f"{in_words(month.as_of)}, the time to judge at, is in the future"
        raise UnverifiedError(f"{message}, by which {what}", _remedy(difference), code="clock")
    return (Note("warning", "clock", f"T{message[1:]}: set it."),)


def distance(difference: timedelta) -> str:
    """How far the local clock is from that of the API, as `9 hours behind that of the API`."""
    way = "behind" if difference > timedelta(0) else "ahead of"
    return f"{_in_units(abs(difference))} {way} that of the API"


def _apart(now: datetime, difference: timedelta) -> str:
    text = f"the clock of this machine is {distance(difference)}"
    try:
        times = (now, now + difference)
    except OverflowError:
        return text
    year = "" if times[0].year == times[1].year else " %Y"
    here, there = (f"{on_day(time)}{time.strftime(year)}, {time:%H:%M} UTC" for time in times)
    return f"{text} (it says {here}, the API {there})"


def _in_units(duration: timedelta) -> str:
    """`276 seconds`, `50 minutes`, `9 hours` or `3 days`: as much as a person wants to know."""
    units = ((2 * DAY, DAY, "day"), (2 * HOUR, HOUR, "hour"), (WORTH_A_WARNING, _MINUTE, "minute"))
    fitting = ((length, unit) for least, length, unit in units if duration > least)
    length, unit = next(fitting, (timedelta(seconds=1), "second"))
    count = round(duration / length)
    return _counted(count, unit)


def age_in_words(age: timedelta) -> str:
    """`50 minutes`, `3 hours 5 minutes` or `2 days 4 hours`: the last unit rounded up."""
    last = HOUR if age >= 2 * DAY else _MINUTE
    rest, parts = -(-age // last) * last, []
    for length, unit in ((DAY, "day"), (HOUR, "hour"), (_MINUTE, "minute")):
        count, rest = divmod(rest, length)
        parts += [_counted(count, unit)] if count else []
    return " ".join(parts) or _counted(0, "minute")


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def _remedy(difference: timedelta, other: str = "") -> str:
    """What helps against a clock that is wrong; `other` is what does besides setting it."""
    if abs(difference) <= WORTH_A_WARNING:
        return f"run the gate again in a few minutes, or set the clock{other}"
    return f"set the clock{other}; on a hosted runner, which sets its own, run the gate again later"


def run_time(now: datetime, difference: timedelta | None) -> datetime:
    """When a run is made: by the API's time where the local clock, which says `now`, is wrong."""
    is_wrong = difference is not None and abs(difference) > WORTH_A_WARNING
    try:
        return now + difference if is_wrong and difference is not None else now
    except OverflowError:
        return now


def check_age(month: MonthToDate, now: datetime, named: str | None) -> tuple[Note, ...]:
    """A warning where a setting judges another time than now, and will do so in every run.

    `named` is that setting, None where none names a time.
    """
    if named is None or (not month.is_whole and now - month.as_of <= HOUR):
        return ()
    message = (
        f"{time_judged(month, now)}: every run judges that while {named} is set. Leave it out to "
        "judge the month to date."
    )
    return (Note("warning", "fixed_time", message),)


def time_judged(month: MonthToDate, now: datetime | None) -> str:
    """`As of Oct 31, 23:59 UTC, 26 days ago` or, of a whole month, `October 2026`.

    `now` is the time of the run, None where the age of a whole month says nothing.
    """
    name = f"{month.day:%B %Y}" if month.is_whole else f"As of {in_words(month.as_of)}"
    if now is None:
        return name
    age = now - month.as_of
    if age >= 2 * DAY:
        old = _counted((now.date() - month.as_of.date()).days, "day")
    else:
        old = _counted(age // HOUR, "hour") if age >= HOUR else _counted(age // _MINUTE, "minute")
    ended = " ended" if month.is_whole else ""
    return f"{name},{ended} {old} ago"


def check_lag_of_days(end: datetime, read_at: datetime) -> tuple[Note, ...]:
    """A warning where full days that end at `end` were read before the report had all of them."""
    if read_at - end >= LAG:
        return ()
    message = (
        "The usage report is up to 2 hours behind, so the last hours before "
        f"{in_words(end)} may not be in it yet. Read them again after {in_words(end + LAG)}."
    )
    return (Note("warning", "usage_lag", message),)


def check_lag(month: MonthToDate, now: datetime) -> tuple[Note, ...]:
    """A warning where a whole month has just ended, and the report may not have all of it."""
    if not month.is_whole or now - month.as_of >= LAG:
        return ()
    complete = in_words(month.as_of + LAG)
    return (
        Note(
            "warning",
            "usage_lag",
            f"The usage report is up to 2 hours behind, so the last hours of {month.day:%B} may "
            f"not be in it yet. Judge it again after {complete}.",
        ),
    )
