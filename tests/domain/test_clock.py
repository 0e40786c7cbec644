"""How far two clocks are apart and how old a time is, in the words of a note."""

from datetime import UTC, datetime, timedelta

import pytest

from budget_gate.domain.clock import (
    blame_clock,
    check_age,
    check_clock,
    check_fixed_time,
    check_lag,
    check_month,
    distance,
    time_judged,
)
from budget_gate.domain.period import MonthToDate
from budget_gate.errors import UnverifiedError
from tests.helpers.wording import assert_is_sentence, assert_says

NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
OCTOBER = datetime(2026, 11, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3_600, 86_400))


@pytest.mark.parametrize(
    ("apart", "told"),
    [
        (SECOND, "1 second"),
        (11 * SECOND, "11 seconds"),
        (5 * MINUTE, "300 seconds"),
        (5 * MINUTE + SECOND, "5 minutes"),
        (2 * HOUR, "120 minutes"),
        (2 * HOUR + SECOND, "2 hours"),
        (2 * DAY, "48 hours"),
        (2 * DAY + SECOND, "2 days"),
        (3 * DAY, "3 days"),
        (400_000 * DAY, "400,000 days"),
    ],
)
def test_how_far_clocks_are_apart_is_told_in_the_unit_that_fits(
    apart: timedelta, told: str
) -> None:
    """More than two of a unit are told in it, and the local clock is what is behind or ahead."""
    assert distance(apart) == f"{told} behind that of the API"
    assert distance(-apart) == f"{told} ahead of that of the API"


@pytest.mark.parametrize("difference", [301 * SECOND, -301 * SECOND])
def test_a_clock_that_is_minutes_off_is_a_warning(difference: timedelta) -> None:
    """With what to do about it; up to five minutes it is none."""
    (note,) = check_clock(NOON, difference)
    assert (note.level, note.code) == ("warning", "clock")
    assert_is_sentence(note.message)
    assert_says(note.message, "The clock of this machine is 5 minutes", "set it before it matters")
    assert check_clock(NOON, difference / 301 * 300) == check_clock(NOON, None) == ()


@pytest.mark.parametrize(
    ("difference", "what", "code", "hint"),
    [
        (-DAY, "about the day", "clock", "set the clock, or name the time with --as-of; on a"),
        (DAY, "about the day", "clock", "set the clock; on a hosted runner"),
        (66 * MINUTE, "about the hour", "clock", "set the clock; on a hosted runner"),
        (-SECOND, "about the hour", "clock_ahead", "in a few minutes, or set the clock"),
    ],
)
def test_a_clock_that_may_be_why_the_api_refused_is_blamed(
    difference: timedelta, what: str, code: str, hint: str
) -> None:
    """On another day or in another hour than the API, also in one that by its time is yet to begin."""
    with pytest.raises(UnverifiedError) as caught:
        blame_clock(NOON, difference)
    assert caught.value.code == code
    assert_says(caught.value.message, "the clock of this machine is", "they disagree", what)
    assert_says(caught.value.hint, hint)


def test_the_hour_that_is_read_ends_on_the_hour() -> None:
    """To the microsecond, and five minutes after it are no harm yet."""
    now = NOON + 30 * MINUTE + 30.5 * SECOND
    last = 34 * MINUTE + 29.5 * SECOND
    assert len(check_clock(now, last)) == 1
    with pytest.raises(UnverifiedError):
        check_clock(now, last + timedelta(microseconds=1))


def test_a_clock_of_the_same_hour_is_not_blamed() -> None:
    """Nor one that nothing is known of."""
    blame_clock(NOON, None)
    blame_clock(NOON, 10 * SECOND)
    blame_clock(NOON + 10 * MINUTE, -10 * MINUTE)


@pytest.mark.parametrize(
    "last", [None, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)]
)
def test_a_clock_that_nothing_is_compared_with_is_a_word(last: datetime | None) -> None:
    """The month of the last report is the one of the clock, or there is none."""
    (note,) = check_month(NOON, None, last)
    assert (note.level, note.code) == ("info", "clock_unchecked")
    assert_says(note.message, "The API sent no time", "the clock of this machine")
    assert check_month(NOON, SECOND, last) == ()


@pytest.mark.parametrize(
    ("last", "named"),
    [
        (datetime(2026, 10, 1, tzinfo=UTC), "October 2026"),
        (datetime(2025, 11, 1, tzinfo=UTC), "November 2025"),
    ],
)
def test_a_clock_of_another_month_than_the_last_report_is_a_warning(
    last: datetime, named: str
) -> None:
    """Where nothing says which of the two it is."""
    (note,) = check_month(NOON, None, last)
    assert (note.level, note.code) == ("warning", "month_by_clock")
    assert_says(note.message, "The API sent no time", "November 2026", named, "another month")
    assert_says(note.message, "Check the clock", "--as-of")


@pytest.mark.parametrize("difference", [None, 300 * SECOND, -300 * SECOND])
def test_a_time_that_is_set_needs_no_clock_that_is_right_to_the_minute(
    difference: timedelta | None,
) -> None:
    """Up to five minutes nothing is said."""
    assert check_fixed_time(MonthToDate(NOON), NOON, difference) == ()


@pytest.mark.parametrize(
    ("ahead", "is_future"), [(5 * MINUTE, False), (5 * MINUTE + SECOND, True), (-HOUR, False)]
)
def test_a_time_that_is_set_is_judged_unless_it_is_yet_to_come(
    ahead: timedelta, *, is_future: bool
) -> None:
    """By the API's clock, which is an hour behind, with five minutes for the way."""
    month = MonthToDate(NOON - HOUR + ahead)
    if not is_future:
        (note,) = check_fixed_time(month, NOON, -HOUR)
        assert (note.level, note.code) == ("warning", "clock")
        assert_says(note.message, "The clock of this machine is 60 minutes ahead", "set it.")
        return
    with pytest.raises(UnverifiedError) as caught:
        check_fixed_time(month, NOON, -HOUR)
    assert caught.value.code == "clock"
    assert_says(
        caught.value.message,
        *("60 minutes ahead", "Nov 15, 11:05 UTC, the time to judge at, is in the future"),
    )
    assert_says(caught.value.hint, "set the clock;", "hosted runner", "again later")


@pytest.mark.parametrize(
    ("as_of", "told"),
    [
        (NOON, "As of Nov 15, 12:00 UTC, 0 minutes ago"),
        (NOON - MINUTE, "As of Nov 15, 11:59 UTC, 1 minute ago"),
        (NOON - HOUR + SECOND, "As of Nov 15, 11:00 UTC, 59 minutes ago"),
        (NOON - HOUR, "As of Nov 15, 11:00 UTC, 1 hour ago"),
        (NOON - 47 * HOUR, "As of Nov 13, 13:00 UTC, 47 hours ago"),
        (NOON - 2 * DAY, "As of Nov 13, 12:00 UTC, 2 days ago"),
        (NOON - 12 * DAY - HOUR, "As of Nov 3, 11:00 UTC, 12 days ago"),
    ],
)
def test_the_time_that_is_judged_is_told_with_its_age(as_of: datetime, told: str) -> None:
    """Minutes at first, then hours, and from two days on days."""
    assert time_judged(MonthToDate(as_of), NOON) == told


def test_a_month_that_has_ended_is_told_by_its_name() -> None:
    """With how long ago it did, where that is known."""
    whole = MonthToDate(OCTOBER, is_whole=True)
    assert time_judged(whole, None) == "October 2026"
    assert time_judged(whole, OCTOBER + HOUR) == "October 2026, ended 1 hour ago"
    assert time_judged(whole, NOON) == "October 2026, ended 14 days ago"
    assert time_judged(MonthToDate(NOON), None) == "As of Nov 15, 12:00 UTC"


@pytest.mark.parametrize(
    ("age", "named", "is_told"),
    [
        (HOUR, "--as-of", False),
        (HOUR + SECOND, "--as-of", True),
        (HOUR + SECOND, None, False),
    ],
)
def test_a_time_that_is_set_for_ever_is_told(
    age: timedelta, named: str | None, *, is_told: bool
) -> None:
    """Once it is more than an hour old, as every run would judge it; whoever set nothing is told nothing."""
    notes = check_age(MonthToDate(NOON - age), NOON, named)
    assert [(note.level, note.code) for note in notes] == [("warning", "fixed_time")] * is_told
    for note in notes:
        assert_says(note.message, "As of Nov 15, 10:59 UTC, 1 hour ago", "--as-of", "Leave it out")


def test_a_month_that_is_set_for_ever_is_told_at_once() -> None:
    """It has ended, and will not be the running one again."""
    (note,) = check_age(MonthToDate(OCTOBER, is_whole=True), OCTOBER, "--month")
    assert_says(note.message, "October 2026", "--month", "Leave it out")


@pytest.mark.parametrize(("age", "is_told"), [(2 * HOUR, False), (2 * HOUR - SECOND, True)])
def test_a_month_that_has_just_ended_may_lack_its_last_hours(
    age: timedelta, *, is_told: bool
) -> None:
    """For two hours, and the note says until when."""
    notes = check_lag(MonthToDate(OCTOBER, is_whole=True), OCTOBER + age)
    assert [(note.level, note.code) for note in notes] == [("warning", "usage_lag")] * is_told
    for note in notes:
        assert_says(note.message, "The usage report", "2 hours", "October", "Nov 1, 02:00 UTC")
    assert check_lag(MonthToDate(NOON), NOON) == ()
