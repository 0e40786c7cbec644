"""Whether the local clock knows which month it is, and whether it is that one that is judged."""

from datetime import datetime, timedelta
from typing import Final

from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, HOUR, MonthToDate, in_words
from budget_gate.errors import UnverifiedError

# A `Date` header is cut to the second, and an answer takes a while.
TOLERANCE: Final = timedelta(seconds=10)
WORTH_A_WARNING: Final = timedelta(minutes=5)
# How long the usage report may take to have a request.
LAG: Final = 2 * HOUR


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
    message = _apart(difference)
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
            f"set the clock{other}",
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
    is_far = abs(difference) > WORTH_A_WARNING
    raise UnverifiedError(
        f"{_apart(difference)}, and they disagree about the hour",
        "set the clock" if is_far else "run the gate again in a few minutes, or set the clock",
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
    message = _apart(difference)
    if month.as_of - now > difference + WORTH_A_WARNING:
        what = f"{in_words(month.as_of)}, the time to judge at, is in the future"
        raise UnverifiedError(f"{message}, by which {what}", "set the clock", code="clock")
    return (Note("warning", "clock", f"T{message[1:]}: set it."),)


def _apart(difference: timedelta) -> str:
    way = "behind" if difference > timedelta(0) else "ahead of"
    seconds = int(abs(difference).total_seconds())
    return f"the clock of this machine is {seconds} s {way} that of the API"


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
    days, hours = (now.date() - month.as_of.date()).days, (now - month.as_of) // HOUR
    count, unit = (days, "day") if now - month.as_of >= 2 * DAY else (hours, "hour")
    ended = " ended" if month.is_whole else ""
    return f"{name},{ended} {count} {unit}{'' if count == 1 else 's'} ago"


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
