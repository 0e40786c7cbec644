"""The month to date at its edges: first and last instants, short months, turns of the year."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.period import DAY, HOUR, MonthToDate, Period, format_instant, parse_instant
from tests.helpers.builders import month_at
from tests.helpers.paths import ROOT

instants = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2040, 12, 31),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)


def at(text: str) -> datetime:
    """The instant of a UTC timestamp."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_first_instant_of_a_month_has_no_time_to_ask_for() -> None:
    """At 00:00:00Z of the 1st the period is empty, and that is no error."""
    first = month_at("2026-11-01T00:00:00")
    assert first.period == Period(at("2026-11-01T00:00:00"), at("2026-11-01T00:00:00"))
    assert first.closed is None
    assert first.open is None
    assert first.days == []


def test_first_minute_of_a_month_is_its_first_hour() -> None:
    """On the 1st no day has ended, and the running hour is asked for whole."""
    first = month_at("2026-11-01T00:01:00")
    assert first.closed is None
    assert first.open == Period(at("2026-11-01T00:00:00"), at("2026-11-01T01:00:00"))
    assert first.days == [date(2026, 11, 1)]


@pytest.mark.parametrize(
    ("as_of", "end"),
    [
        ("2026-11-01T00:00:00.000001", "2026-11-01T01:00:00"),
        ("2026-11-01T00:59:59.999999", "2026-11-01T01:00:00"),
        ("2026-11-01T01:00:00", "2026-11-01T01:00:00"),
        ("2026-11-01T01:00:00.000001", "2026-11-01T02:00:00"),
        ("2026-11-01T23:00:00", "2026-11-01T23:00:00"),
        ("2026-11-01T23:59:59.999999", "2026-11-02T00:00:00"),
    ],
)
def test_open_day_ends_with_the_running_hour(as_of: str, end: str) -> None:
    """The open day is asked for in whole hours, up to the end of the one that runs."""
    assert month_at(as_of).open == Period(at("2026-11-01T00:00:00"), at(end))


def test_midnight_within_a_month_has_closed_days_only() -> None:
    """At 00:00:00Z sharp the day that begins has no usage yet, and the one before is closed."""
    second = month_at("2026-11-02T00:00:00")
    assert second.closed == Period(at("2026-11-01T00:00:00"), at("2026-11-02T00:00:00"))
    assert second.open is None
    assert second.days == [date(2026, 11, 1)]


@pytest.mark.parametrize(
    ("as_of", "first", "days"),
    [
        ("2026-10-31T23:59:59", "2026-10-01", 31),
        ("2026-11-30T12:00:00", "2026-11-01", 30),
        ("2027-02-28T12:00:00", "2027-02-01", 28),
        ("2028-02-29T12:00:00", "2028-02-01", 29),
        ("2028-02-28T12:00:00", "2028-02-01", 28),
        ("2026-12-31T23:59:59", "2026-12-01", 31),
    ],
)
def test_last_days_of_months(as_of: str, first: str, days: int) -> None:
    """A month begins with its own 1st and has the days of the calendar, leap years included."""
    last = month_at(as_of)
    assert last.days[0] == date.fromisoformat(first)
    assert last.days[-1] == date.fromisoformat(as_of[:10])
    assert len(last.days) == days


@pytest.mark.parametrize(
    ("as_of", "first"),
    [
        ("2027-01-01T00:30:00", "2027-01-01"),
        ("2027-03-01T00:30:00", "2027-03-01"),
        ("2028-03-01T00:30:00", "2028-03-01"),
    ],
)
def test_first_day_of_a_month_is_alone(as_of: str, first: str) -> None:
    """On the 1st nothing of the month before is left, nor of the year before."""
    assert month_at(as_of).days == [date.fromisoformat(first)]


def test_last_second_of_the_year_is_of_december() -> None:
    """The year turns at 00:00Z of January 1st, and not before."""
    last = month_at("2026-12-31T23:59:59")
    assert last.closed == Period(at("2026-12-01T00:00:00"), at("2026-12-31T00:00:00"))
    assert last.open == Period(at("2026-12-31T00:00:00"), at("2027-01-01T00:00:00"))


def test_days_tile_a_period() -> None:
    """A period of full days is one bucket a day, each beginning at midnight."""
    closed = month_at("2026-11-04T08:00:00").closed
    assert closed
    assert closed.steps(DAY) == [at(f"2026-11-0{day}T00:00:00") for day in (1, 2, 3)]


def test_full_open_day_has_24_hours() -> None:
    """The last hour of a day is one of 24 buckets."""
    open_ = month_at("2026-11-04T23:30:00").open
    assert open_
    assert [start.hour for start in open_.steps(HOUR)] == list(range(24))


def test_empty_period_has_no_steps() -> None:
    """Nothing is asked for where there is no time."""
    assert month_at("2026-11-01T00:00:00").period.steps(HOUR) == []


@given(instants)
def test_closed_and_open_days_tile_the_month_to_date(as_of: datetime) -> None:
    """No instant from the 1st up to now is left out or told twice, and none of the next hour is."""
    whole = MonthToDate(as_of)
    parts = [part for part in (whole.closed, whole.open) if part]
    edge = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for part in parts:
        assert part.start == edge
        assert part.end > part.start
        edge = part.end
    assert as_of <= edge < as_of + HOUR


@given(instants)
def test_days_are_those_that_have_begun(as_of: datetime) -> None:
    """A day belongs to the month to date when some of its time has passed."""
    begun = [
        date(as_of.year, as_of.month, number)
        for number in range(1, as_of.day + 1)
        if datetime(as_of.year, as_of.month, number, tzinfo=UTC) < as_of
    ]
    assert MonthToDate(as_of).days == begun


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-20T15:20:00Z", "2026-11-20T15:20:00"),
        ("2026-11-20T15:20:00+00:00", "2026-11-20T15:20:00"),
        ("2026-11-01T13:30:00+14:00", "2026-10-31T23:30:00"),
        ("2026-10-31T19:30:00-04:30", "2026-11-01T00:00:00"),
        ("2027-01-01T05:29:59+05:30", "2026-12-31T23:59:59"),
        ("2026-11-20T15:20:00.25Z", "2026-11-20T15:20:00.250000"),
        ("2026-11-20t15:20:00z", "2026-11-20T15:20:00"),
        ("2026-11-20 15:20:00z", "2026-11-20T15:20:00"),
        ("2026-11-20t13:30:00+14:00", "2026-11-19T23:30:00"),
        ("2026-11-20T15:20:00-00:00", "2026-11-20T15:20:00"),
        # Finer than a microsecond is cut, as time that has not passed yet is not counted.
        ("2026-11-20T15:20:00.123456789Z", "2026-11-20T15:20:00.123456"),
        ("2026-11-20T15:20:59.9999999Z", "2026-11-20T15:20:59.999999"),
        ("2026-11-20T15:20:00.0000000000000000000001z", "2026-11-20T15:20:00"),
    ],
)
def test_timestamps_with_an_offset_are_read_in_utc(text: str, utc: str) -> None:
    """An offset names the instant, and its day and month are those of UTC."""
    instant = parse_instant(text)
    assert instant == at(utc)
    assert instant.tzinfo is UTC


def test_month_is_that_of_utc() -> None:
    """In the first hours of November in Tokyo it is still October's spend that counts."""
    assert MonthToDate(parse_instant("2026-11-01T08:59:59+09:00")).days[0] == date(2026, 10, 1)


@pytest.mark.parametrize(
    "text", ["2026-11-20T15:20:00", "2026-11-20t15:20:00", "2026-11-20 15:20:00.5"]
)
def test_timestamps_without_an_offset_are_refused(text: str) -> None:
    """A local time would be another instant on each machine."""
    with pytest.raises(ValueError, match=r"^it has no offset$"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-W47-7T16:00:00Z",
        "2026-W47-7",
        "2026-327T16:00:00Z",
        "20261122T160000Z",
        "20261122T16",
        "2026-11-22",
        "2026-11-22T16Z",
        "2026-11-22T16:00Z",
        "2026-11-22 16:00+00:00",
        "2026-11-22T16:00:00,5Z",
        "2026-11-22T16:00:00.Z",
        "2026-11-22T16:00:00+0000",
        "2026-11-22T16:00:00+00",
        "2026-11-22T16:00:00+00:00:30",
        "2026-11-22T16:00:00+24:00",
        "2026-11-22T16:00:00+12:60",
        "2026-11-22T24:00:00Z",
        "2026-11-22T16:60:00Z",
        "2026-11-22T16:00:61Z",
        "2026-11-22_16:00:00Z",
        "2026-11-22  16:00:00Z",
        " 2026-11-22T16:00:00Z",
        "2026-11-22T16:00:00Z\n",
        "\uff12026-11-22T16:00:00Z",
    ],
)
def test_what_rfc_3339_does_not_have_is_refused(text: str) -> None:
    """Other ways to write a time, which one version of Python reads and another does not."""
    with pytest.raises(ValueError, match=r"^its form is wrong$"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2026-12-31T23:59:60Z", "2027-01-01T00:59:60.5+01:00"])
def test_leap_seconds_are_refused(text: str) -> None:
    """RFC 3339 has them, and nothing that is judged here falls into one."""
    with pytest.raises(ValueError, match=r"^it is a leap second$"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "1e9"])
def test_text_that_is_no_timestamp_is_refused(text: str) -> None:
    """A word, a day that does not exist, a number: none of them is an instant."""
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_timestamps_outside_the_calendar_are_refused(text: str) -> None:
    """An instant that UTC has no year for is no timestamp, and not a failure of another kind."""
    with pytest.raises(ValueError, match=r"^it is outside the calendar$"):
        parse_instant(text)


def test_instants_are_written_in_utc() -> None:
    """A written instant says Z, whatever the zone it came in."""
    tokyo = timezone(timedelta(hours=9))
    assert format_instant(datetime(2026, 11, 1, 8, 59, 59, 999, tzinfo=tokyo)) == (
        "2026-10-31T23:59:59Z"
    )


@given(instants)
def test_written_instants_are_read_back(instant: datetime) -> None:
    """What is written to the second names that second."""
    assert parse_instant(format_instant(instant)) == instant.replace(microsecond=0)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
def test_zone_of_the_machine_changes_nothing(zone: str) -> None:
    """The periods are those of UTC on a machine 14 hours ahead, and on one 8 hours behind."""
    code = (
        "from budget_gate.domain.period import *\n"
        "month = MonthToDate(parse_instant('2026-11-02T23:30:00Z'))\n"
        "for part in (month.period, month.closed, month.open):\n"
        "    print(format_instant(part.start), format_instant(part.end))\n"
        "print(*month.days)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TZ": zone},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout.splitlines() == [
        "2026-11-01T00:00:00Z 2026-11-02T23:30:00Z",
        "2026-11-01T00:00:00Z 2026-11-02T00:00:00Z",
        "2026-11-02T00:00:00Z 2026-11-03T00:00:00Z",
        "2026-11-01 2026-11-02",
    ]
