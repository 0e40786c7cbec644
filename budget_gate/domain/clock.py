"""Whether the local clock can be trusted to know which month it is."""

from datetime import datetime, timedelta
from typing import Final

from budget_gate.domain.period import HOUR
from budget_gate.domain.spend import Note
from budget_gate.errors import UnverifiedError

# A `Date` header is cut to the second, and an answer takes a while.
TOLERANCE: Final = timedelta(seconds=10)
WORTH_A_WARNING: Final = timedelta(minutes=5)


def check_month(now: datetime, difference: timedelta | None, last: datetime) -> tuple[Note, ...]:
    """A warning where only the local clock says which month it is: not that of the last report.

    `difference` is as for `check_clock`, and `last` the first instant of that report's month.
    """
    if difference is not None or (now.year, now.month) == (last.year, last.month):
        return ()
    message = (
        f"The API told no time. By the clock of this machine it is {now:%B %Y}, and the last "
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
    way = "behind" if difference > timedelta(0) else "ahead of"
    seconds = int(abs(difference).total_seconds())
    message = f"the clock of this machine is {seconds} s {way} that of the API"
    try:
        is_same_day = (now + difference).date() == now.date()
    except OverflowError:
        is_same_day = False
    # Usage is asked for up to the end of the running hour: what the API has beyond is not read.
    hour_end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    if not is_same_day or now + difference > hour_end + WORTH_A_WARNING:
        what = "the hour" if is_same_day else "the day"
        raise UnverifiedError(
            f"{message}, and they disagree about {what}",
            "set the clock, or name the time with --as-of",
            code="clock",
        )
    if abs(difference) <= WORTH_A_WARNING:
        return ()
    return (Note("warning", "clock", f"T{message[1:]}: set it before it matters."),)
