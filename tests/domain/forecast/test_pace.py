"""Pace: what is left of a cap, what may be spent a day from now on, and how today compares."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.forecast.pace import Pace, pace
from budget_gate.domain.period import DAY, MonthToDate
from budget_gate.domain.verdict.report import Report
from tests.helpers.builders import bounds, budget, judged, month_at

# 19 full days, and ten and a half days to come.
NOON = month_at("2026-11-20T12:00:00")


def test_a_budget_halfway_through_its_month() -> None:
    """100 less 79 are 21, over 10.5 days 2 each; 76 of the 79 were spent on 19 days, 4 on each."""
    found = pace(NOON, Decimal(100), bounds("79"), bounds("3"))
    assert found == Pace(Decimal(21), Decimal("2.00"), bounds("3"), Decimal("4.00"))


@pytest.mark.parametrize(
    ("as_of", "per_day"),
    [
        # 30 USD are left; of November these days: 30, 29.5, 29, 15, 2, 1.5.
        ("2026-11-01T00:00:00", "1.00"),
        ("2026-11-01T12:00:00", "1.01"),
        ("2026-11-02T00:00:00", "1.03"),
        ("2026-11-16T00:00:00", "2.00"),
        ("2026-11-29T00:00:00", "15.00"),
        ("2026-11-29T12:00:00", "20.00"),
        ("2026-11-30T00:00:00", "30.00"),
        # 20 days of a month of 31, 28 and 29 days, and 16 of December into the next year.
        ("2026-10-12T00:00:00", "1.50"),
        ("2026-02-09T00:00:00", "1.50"),
        ("2028-02-10T00:00:00", "1.50"),
        ("2026-12-16T00:00:00", "1.87"),
    ],
)
def test_what_is_left_is_divided_by_what_is_left_of_the_month(as_of: str, per_day: str) -> None:
    """The rest of today is a part of a day, and the amount is rounded down to the cent."""
    assert pace(month_at(as_of), Decimal(40), bounds("10"), NOTHING).per_day == Decimal(per_day)


@pytest.mark.parametrize(
    "as_of", ["2026-11-30T12:00:00", "2026-11-30T23:59:59", "2026-11-30T23:59:59.999999"]
)
def test_within_the_last_day_no_more_than_what_is_left_may_be_spent(as_of: str) -> None:
    """An amount for a whole day would be twice as much at noon, and without end at midnight."""
    assert pace(month_at(as_of), Decimal(40), bounds("10"), NOTHING).per_day == 30


def test_a_month_that_has_ended_leaves_no_day_to_spend_anything_on() -> None:
    """Whatever is left of its cap."""
    month = MonthToDate(datetime(2026, 12, 1, tzinfo=UTC), is_whole=True)
    found = pace(month, Decimal(40), bounds("10"), NOTHING)
    assert found == Pace(Decimal(30), Decimal(0), NOTHING, Decimal("0.33"))


@pytest.mark.parametrize("spent", ["40", "40.000001", "1000"])
def test_a_cap_that_is_used_up_leaves_nothing(spent: str) -> None:
    """Nothing is left of it, and never less than nothing."""
    found = pace(NOON, Decimal(40), bounds(spent), NOTHING)
    assert (found.left, found.per_day) == (Decimal(0), Decimal(0))


def test_what_is_left_is_exact() -> None:
    """Rounding is for people: a millionth of a dollar is left, and no cent of it for a day."""
    found = pace(NOON, Decimal(40), bounds("39.999999"), NOTHING)
    assert (found.left, found.per_day) == (Decimal("0.000001"), Decimal(0))


def test_what_may_be_spent_already_is_not_left() -> None:
    """Of a range the upper end counts, for what is left as for the mean: (31 - 2) / 19 is 1.526."""
    found = pace(NOON, Decimal(40), bounds("20", "31"), bounds("1", "2"))
    assert found == Pace(Decimal(9), Decimal("0.85"), bounds("1", "2"), Decimal("1.52"))


def test_spend_without_an_upper_bound_leaves_nothing_for_sure() -> None:
    """What has no price may have used up the cap, and has no mean."""
    found = pace(NOON, Decimal(40), bounds("1", "unlimited"), NOTHING)
    assert found == Pace(Decimal(0), Decimal(0), NOTHING, None)


def test_a_today_without_an_upper_bound_is_not_compared() -> None:
    """The spend of a month has no bound either then."""
    today = bounds("1", "unlimited")
    found = pace(NOON, Decimal(40), bounds("20", "unlimited"), today)
    assert (found.today, found.mean_day) == (today, None)


@pytest.mark.parametrize("as_of", ["2026-11-01T00:00:00", "2026-11-01T23:59:59"])
def test_the_first_day_has_none_to_be_compared_with(as_of: str) -> None:
    """A month without a full day has no mean day."""
    found = pace(month_at(as_of), Decimal(40), bounds("5"), bounds("5"))
    assert (found.today, found.mean_day) == (bounds("5"), None)


def test_days_without_spend_count_in_the_mean() -> None:
    """One dollar on one of two days is half a dollar a day."""
    found = pace(month_at("2026-11-03T10:00:00"), Decimal(40), bounds("1"), NOTHING)
    assert found.mean_day == Decimal("0.50")


amounts = st.decimals(0, 10**9, places=12, allow_nan=False, allow_infinity=False)
instants = st.datetimes(datetime(2025, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(as_of=instants, cap=amounts, closed=amounts, today=amounts)
def test_keeping_to_the_pace_keeps_to_the_cap(
    as_of: datetime, cap: Decimal, closed: Decimal, today: Decimal
) -> None:
    """A cent more a day would go above it, but within the last day, when all that is left may go."""
    now = MonthToDate(as_of)
    spend = Bounds.exactly(closed + today)
    found = pace(now, cap, spend, Bounds.exactly(today))
    days = Fraction(
        (now.end - as_of) // timedelta(microseconds=1), DAY // timedelta(microseconds=1)
    )
    assert found.left == max(cap - spend.low, Decimal(0))
    assert Fraction(found.per_day) * min(days, Fraction(1)) <= Fraction(found.left)
    if days >= 1:
        assert Fraction(found.per_day) * days <= Fraction(found.left)
        assert Fraction(found.per_day + Decimal("0.01")) * days > Fraction(found.left)


def test_amounts_of_any_size_have_a_pace() -> None:
    """The largest cap that a policy may have, and the smallest amount."""
    cap = Decimal(10) ** 90
    found = pace(NOON, cap, bounds("0.000000000001"), NOTHING)
    assert found.left == Decimal(f"{'9' * 90}.{'9' * 12}")
    assert Fraction(found.per_day) * Fraction("10.5") <= Fraction(found.left)


# In a report


def report(text: str) -> Report:
    """15 USD on 10 November and nothing since, on the 20th."""
    return judged(text, {None: bounds("15")})


def test_a_budget_of_a_report_has_its_pace() -> None:
    """25 are left of 40, over the 10.36 days since 15:20; 15 on 19 days are 0.789 a day."""
    found = budget(report("version: 1\nglobal: {cap: 40}\n"), "global").pace
    assert found == Pace(Decimal(25), Decimal("2.41"), NOTHING, Decimal("0.78"))


def test_a_budget_that_only_warns_has_no_pace() -> None:
    """Without a cap there is nothing left of it."""
    assert budget(report("version: 1\nunlisted: warn\n"), "unlisted.default").pace is None


def test_the_pace_is_that_of_the_cap_in_force() -> None:
    """An exception to 70 leaves 55 of it."""
    text = (
        "version: 1\nglobal: {cap: 20}\n"
        "exceptions: [{budget: global, cap: 70, until: 2026-11-20, reason: launch}]\n"
    )
    found = budget(report(text), "global").pace
    assert found is not None
    assert found.left == 55
