"""Half-open periods of UTC time: the month to date, its closed days and its open day."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
HISTORY_DAYS = 28

# Day, time, fraction and offset as RFC 3339 has them; a space for the T is its own option.
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"((?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60))(\.[0-9]+)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)


@dataclass(frozen=True, slots=True)
class Period:
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


@dataclass(frozen=True, slots=True)
class MonthToDate:
    """The calendar month (UTC) of `as_of`, up to `as_of`."""

    as_of: datetime

    @property
    def period(self) -> Period:
        """From the 1st 00:00Z of the month up to `as_of`; empty at that very instant."""
        return Period(_midnight(self.as_of).replace(day=1), self.as_of)

    @property
    def end(self) -> datetime:
        """The first instant of the next month."""
        first = self.period.start
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)

    @property
    def before(self) -> Period:
        """The whole calendar month before."""
        end = self.period.start
        return Period((end - DAY).replace(day=1), end)

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
        raise ValueError("the timestamp is not as RFC 3339 has them")
    day, time, fraction, offset = found.groups(default="")
    if not offset:
        raise ValueError("the timestamp has no offset")
    if time.endswith("60"):
        raise ValueError("the timestamp is a leap second")
    try:
        return datetime.fromisoformat(f"{day}T{time}{fraction[:7]}{offset.upper()}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the timestamp is outside the calendar") from error


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC, with `Z`, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
