"""Half-open periods of UTC time: a month, to date or whole, its full days and its open day."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
HISTORY_DAYS = 28
WEEK = 7
# What was spent after the last run of a day or a month is judged within these.
_FIRST_HOURS = 3 * HOUR
_FIRST_DAYS = 2

# Day, time, fraction and offset as RFC 3339 has them; a space for the T is its own option.
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"((?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60))(\.[0-9]+)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)


class Period(NamedTuple):
    """The instants from `start` up to, not including, `end`; both aware and in UTC."""

    start: datetime
    end: datetime

    def steps(self, width: timedelta) -> list[datetime]:
        """The starts of the buckets of `width` that tile the period, oldest first."""
        starts = []
        at = self.start
        while at < self.end:
            starts.append(at)
            at += width
        return starts

    def months(self) -> "list[Period]":
        """The part of the period in each calendar month that it reaches into, oldest first."""
        parts = []
        start = self.start
        while start < self.end:
            end = min(MonthToDate(start).end, self.end)
            parts.append(Period(start, end))
            start = end
        return parts


class MonthToDate(NamedTuple):
    """The calendar month (UTC) of `as_of`, up to `as_of`.

    Where it `is_whole`, it is the month that ends at `as_of`: all its days are closed.
    """

    as_of: datetime
    is_whole: bool = False

    @property
    def day(self) -> date:
        """The day whose caps are in force: the open one, or the last of a whole month."""
        return (self.as_of - DAY if self.is_whole else self.as_of).date()

    @property
    def period(self) -> Period:
        """From the 1st 00:00Z of the month up to `as_of`; empty at that very instant."""
        first = self.day.replace(day=1)
        return Period(datetime(first.year, first.month, 1, tzinfo=UTC), self.as_of)

    @property
    def end(self) -> datetime:
        """The first instant of the next month."""
        first = self.period.start
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)

    @property
    def last(self) -> "MonthToDate":
        """The whole calendar month before."""
        return MonthToDate(self.period.start, is_whole=True)

    @property
    def before(self) -> Period:
        """The period of the month before."""
        return self.last.period

    @property
    def has_begun(self) -> bool:
        """Whether these are the first two days of a month, which say how the last one ended."""
        return not self.is_whole and self.as_of.day <= _FIRST_DAYS

    @property
    def yesterday(self) -> date | None:
        """The day that daily caps still judge: that before, in the first three hours of a day."""
        is_early = not self.is_whole and self.as_of - _midnight(self.as_of) < _FIRST_HOURS
        return (self.as_of - DAY).date() if is_early else None

    @property
    def history(self) -> Period | None:
        """The days before the month that are among the last 28 before today; None for none."""
        start = _midnight(self.as_of) - HISTORY_DAYS * DAY
        return Period(start, self.period.start) if start < self.period.start else None

    @property
    def closed(self) -> Period | None:
        """The UTC days that have ended, or None on the 1st."""
        period = Period(self.period.start, _midnight(self.as_of))
        return period if period.start < period.end else None

    def last_days(self, days: int) -> Period:
        """The last `days` UTC days that have ended, of whichever month."""
        end = _midnight(self.as_of)
        return Period(end - days * DAY, end)

    @property
    def open(self) -> Period | None:
        """The open day in whole hours, the running hour included; None at 00:00:00Z sharp."""
        start = _midnight(self.as_of)
        hours = -((start - self.as_of) // HOUR)
        return Period(start, start + hours * HOUR) if hours else None

    @property
    def days(self) -> list[date]:
        """Every UTC day of the month to date, the open one included once it has begun."""
        return [start.date() for start in self.period.steps(DAY)]


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def ended_by(now: datetime, period: Period | None) -> Period | None:
    """The part of `period`, which is whole UTC days, that has ended by `now`; None for no day."""
    if period is None:
        return None
    end = min(period.end, _midnight(now))
    return Period(period.start, end) if period.start < end else None


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def parse_instant(text: str) -> datetime:
    """The aware UTC instant, to the microsecond, that an RFC 3339 timestamp names.

    Raises ValueError where `text` is no timestamp, or names no offset: a local time would be
    read differently on each machine. Nor is a leap second read, which no clock here has.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("its form is wrong")
    day, time, fraction, offset = found.groups(default="")
    if not offset:
        raise ValueError("it has no offset")
    if time.endswith("60"):
        raise ValueError("it is a leap second")
    try:
        return datetime.fromisoformat(f"{day}T{time}{fraction[:7]}{offset.upper()}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is outside the calendar") from error


def on_day(day: date) -> str:
    """`Oct 31`: for people."""
    return f"{day:%b} {day.day}"


def days_are(days: Sequence[date]) -> str:
    """`2026-11-02 is` or `3 days from 2026-11-02 to 2026-11-04 are`: how a sentence begins."""
    if len(days) == 1:
        return f"{days[0]} is"
    return f"{len(days)} days from {days[0]} to {days[-1]} are"


def in_words(instant: datetime) -> str:
    """`Oct 31, 23:59 UTC`: for people."""
    return f"{on_day(instant)}, {instant:%H:%M} UTC"


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, with `Z`, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
