"""The month-end forecast: what it expects, how sure it is, and when the cap is crossed."""

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import EXACT
from budget_gate.domain.forecast.month_end import Forecast, forecast
from budget_gate.domain.forecast.weekdays import weekday_factors
from budget_gate.domain.period import DAY, MonthToDate
from tests.helpers.builders import month_at

MONDAY = 0


def run(first: str, *spends: str | int) -> dict[date, Decimal]:
    """Days in a row, from `first` on, with these spends."""
    start = date.fromisoformat(first)
    return {start + number * DAY: Decimal(spend) for number, spend in enumerate(spends)}


def told(
    as_of: str,
    closed: Mapping[date, Decimal],
    today: str | int = 0,
    cap: str | int | None = None,
) -> Forecast:
    """The forecast of a budget whose month to date is the sum of its days."""
    to_date = month_at(as_of)
    first = to_date.period.start.date()
    spent = sum((spend for day, spend in closed.items() if day >= first), Decimal(today))
    found = forecast(to_date, spent, closed, Decimal(today), None if cap is None else Decimal(cap))
    assert found
    return found


def certain(amount: str, crosses_on: date | None = None) -> Forecast:
    """The forecast that leaves nothing open."""
    return Forecast(Decimal(amount), Decimal(amount), Decimal(amount), crosses_on)


def noisy(first: str, count: int, seed: int = 1) -> dict[date, Decimal]:
    """Days of about 10 USD."""
    source = random.Random(seed)  # noqa: S311 - made-up data, no secrets
    return run(first, *(f"{source.uniform(5, 15):.2f}" for _ in range(count)))


def test_constant_spend_goes_on() -> None:
    """Fourteen days of 10 USD make 300 in a month of thirty days, with nothing left to doubt."""
    assert told("2026-11-15T00:00:00", run("2026-11-01", *[10] * 14)) == certain("300.00")


@pytest.mark.parametrize("weekend", [0, 2])
def test_repeated_week_goes_on(weekend: int) -> None:
    """Days of 10 and weekends of 0 or 2 USD: November of 2026 has 21 of the former, 9 of the latter."""
    closed = run("2026-10-05", *[10, 10, 10, 10, 10, weekend, weekend] * 4)
    assert told("2026-11-02T00:00:00", closed) == certain(f"{21 * 10 + 9 * weekend}.00")


def test_weekend_to_come_is_as_cheap_as_weekends_are() -> None:
    """52 USD are spent by a Friday, 56 will be by Sunday, and Monday is what crosses 60."""
    closed = run("2026-10-12", *[10, 10, 10, 10, 10, 2, 2] * 3, 10, 10, 10, 10, 10)
    found = told("2026-11-07T00:00:00", closed, cap=60)
    assert found == certain(f"{21 * 10 + 9 * 2}.00", date(2026, 11, 9))


def test_weekend_without_spend_ends_the_month() -> None:
    """On Saturday, 31 October, nothing is left to come where no weekend has ever had any."""
    closed = run("2026-10-05", *[10, 10, 10, 10, 10, 0, 0] * 3, 10, 10, 10, 10, 10)
    assert told("2026-10-31T00:00:00", closed) == certain("200.00")


@pytest.mark.parametrize("days", [0, 1, 2])
def test_fewer_than_three_closed_days_tell_nothing(days: int) -> None:
    """Two days are no data to forecast from, however much the open day has."""
    closed = run("2026-11-10", *[10] * days)
    as_of = month_at(f"2026-11-{10 + days}T18:00:00")
    assert forecast(as_of, Decimal(10 * days + 9), closed, Decimal(9), None) is None


def test_three_closed_days_are_enough() -> None:
    """Nothing before the 10th, and 10 USD a day since, for what are 21 days."""
    assert told("2026-11-13T00:00:00", run("2026-11-10", 10, 10, 10)) == certain("210.00")


def test_days_without_spend_before_the_first_are_no_data() -> None:
    """A workspace that is asked about as of the 1st, and began on the 11th, has two days."""
    closed = run("2026-11-01", *[0] * 10, 10, 10)
    assert forecast(month_at("2026-11-13T00:00:00"), Decimal(20), closed, Decimal(0), None) is None


def test_absent_day_counts_as_nothing_spent() -> None:
    """A day that is absent after the first is one on which nothing was spent."""
    given_days = run("2026-11-01", 10, 0, 10, 0, 0, 10, 10)
    absent = {day: spend for day, spend in given_days.items() if spend}
    found = told("2026-11-09T00:00:00", absent)
    assert found == told("2026-11-09T00:00:00", given_days | run("2026-11-08", 0))
    assert found.expected < Decimal(200)


def test_open_day_counts_by_its_elapsed_part() -> None:
    """At 18:00 a quarter of the day's 10 USD is still to come, and 150 after it."""
    closed = run("2026-11-01", *[10] * 14)
    assert told("2026-11-15T18:00:00", closed, "7.50") == certain("300.00")


def test_open_day_ahead_of_its_time_leaves_its_rest_to_come() -> None:
    """Spend of a whole day by noon is that day and half a day more: no later day is dearer for it."""
    found = told("2026-11-15T12:00:00", run("2026-11-01", *[10] * 14), 10)
    assert found.expected == Decimal("305.00")


def test_today_is_not_told_by_a_minute_of_it() -> None:
    """A day's spend in the first minute of the day is not multiplied by the day's minutes."""
    found = told("2026-11-15T00:01:00", noisy("2026-10-20", 26), 10)
    assert Decimal(250) < found.expected < Decimal(350)


def test_history_before_the_month_tells_the_first_day() -> None:
    """At the very start of the month all that is known is what October spent a day."""
    assert told("2026-11-01T00:00:00", run("2026-10-04", *[10] * 28)) == certain("300.00")


def test_days_before_the_last_28_are_left_alone() -> None:
    """A caller who hands over more history than the rule says gets the same forecast."""
    closed = noisy("2026-10-08", 28)
    older = run("2026-09-28", *[900] * 10)
    assert told("2026-11-05T00:00:00", older | closed) == told("2026-11-05T00:00:00", closed)


def test_whole_month_counts_where_it_is_more_than_28_days() -> None:
    """On the 31st all 30 days before it count: without the 1st, which differs, there is no doubt."""
    days = run("2026-12-01", 40, *[10] * 29)
    found = told("2026-12-31T00:00:00", days)
    assert found.low < found.expected < found.high
    assert told("2027-01-01T00:00:00", days | run("2026-12-31", 10)) == certain("310.00")


def test_the_month_before_is_left_alone_where_this_one_is_longer_than_28_days() -> None:
    """On the 30th and the 31st, as on the 29th: what was spent on the last day before it tells nothing."""
    for day in (29, 30, 31):
        days = run("2026-12-01", *[10] * (day - 1))
        as_of = f"2026-12-{day}T00:00:00"
        assert told(as_of, days | run("2026-11-30", 900)) == told(as_of, days)


def test_leap_february_has_29_days() -> None:
    """Ten days of 10 USD make 290 in February of 2028, and 280 the year before."""
    for year, total in ((2028, "290.00"), (2027, "280.00")):
        closed = run(f"{year}-02-01", *[10] * 10)
        assert told(f"{year}-02-11T00:00:00", closed) == certain(total)


@pytest.mark.parametrize(
    ("cap", "crosses_on"),
    [
        ("300.00", None),
        ("299.99", date(2026, 11, 30)),
        ("200.00", date(2026, 11, 21)),
        ("150.00", date(2026, 11, 16)),
        ("145.00", date(2026, 11, 15)),
    ],
)
def test_cap_is_crossed_on_the_day_that_exceeds_it(cap: str, crosses_on: date | None) -> None:
    """140 USD are spent by the 14th: a cap is crossed by the day that ends above it, not at it."""
    closed = run("2026-11-01", *[10] * 14)
    assert told("2026-11-15T00:00:00", closed, cap=cap) == certain("300.00", crosses_on)


@pytest.mark.parametrize(
    ("cap", "crosses_on"),
    [
        (0, date(2026, 11, 1)),
        (100, date(2026, 11, 11)),
        (139, date(2026, 11, 14)),
        (140, date(2026, 11, 15)),
        ("144.99", date(2026, 11, 15)),
    ],
)
def test_cap_that_is_crossed_names_the_day_it_was(cap: str, crosses_on: date) -> None:
    """Of 10 USD a day and 5 today, the first day on which the sum was above the cap is named."""
    closed = run("2026-10-20", *[10] * 26)
    assert told("2026-11-15T12:00:00", closed, 5, cap).crosses_on == crosses_on


def test_spend_beyond_that_of_the_days_is_of_today() -> None:
    """What is spent but on no full day crosses the cap on the open one."""
    closed = run("2026-11-01", *[10] * 14)
    found = forecast(
        month_at("2026-11-15T12:00:00"), Decimal(200), closed, Decimal(5), Decimal(150)
    )
    assert found
    assert found.crosses_on == date(2026, 11, 15)


def test_last_instant_leaves_nothing_open() -> None:
    """A microsecond before the month ends, the forecast is what is spent."""
    closed = noisy("2026-11-01", 29)
    total = sum(closed.values(), Decimal(10))
    assert told("2026-11-30T23:59:59.999999", closed, 10) == certain(str(total))


def test_part_of_a_cent_is_not_below_what_is_spent() -> None:
    """Spend of 30.001 USD is shown as 30.01, as a low of 30.00 would be less than is spent."""
    closed = run("2026-11-28", "10.001", 10)
    as_of = "2026-11-30T23:59:59.999999"
    assert told(as_of, closed | run("2026-11-27", 0) | run("2026-11-26", 10)) == certain("30.01")


def test_interval_closes_as_the_month_goes_by() -> None:
    """The fewer days are left, the less there is to be wrong about."""
    closed = noisy("2026-10-10", 51)
    widths = []
    for day in (5, 15, 25):
        as_of = f"2026-11-{day:02}T00:00:00"
        known = {each: spend for each, spend in closed.items() if each < date(2026, 11, day)}
        found = told(as_of, known)
        widths.append(found.high - found.low)
    assert widths[0] > widths[1] > widths[2] > 0


def test_more_noise_makes_the_interval_wider() -> None:
    """Days that scatter three times as far leave more open."""
    calm = noisy("2026-10-10", 28)
    wild = {day: max(3 * spend - 20, Decimal(1)) for day, spend in calm.items()}
    found = [told("2026-11-07T00:00:00", closed) for closed in (calm, wild)]
    assert found[0].high / found[0].low < found[1].high / found[1].low


def test_few_days_make_the_interval_wider() -> None:
    """The same days tell more where they are repeated."""
    few, many = run("2026-11-01", 8, 10, 12), run("2026-10-08", *[8, 10, 12] * 9)
    found = [told("2026-11-04T00:00:00", closed) for closed in (few, many)]
    assert found[0].high - found[0].low > found[1].high - found[1].low


def test_single_spike_hardly_moves_the_level() -> None:
    """A day of 500 USD among days of 10 adds less than five of those to the 20 days to come."""
    closed = noisy("2026-10-15", 27) | run("2026-11-07", 500)
    without = noisy("2026-10-15", 27) | run("2026-11-07", 10)
    found, usual = (told("2026-11-11T00:00:00", days) for days in (closed, without))
    assert 0 < found.expected - 490 - usual.expected < 50


def test_shifted_level_is_followed() -> None:
    """After three weeks at 10 USD and ten days at 30, ten days to come make 300, or a fifth more."""
    low = noisy("2026-10-20", 22)
    high = {day + 22 * DAY: 3 * spend for day, spend in noisy("2026-10-20", 10, seed=2).items()}
    found = told("2026-11-21T00:00:00", low | high)
    ahead = found.expected - sum(spend for day, spend in (low | high).items() if day.month == 11)
    assert Decimal(260) < ahead < Decimal(360)


@pytest.mark.parametrize("day", [5, 10, 20])
@pytest.mark.parametrize("growth", [1.035, 0.965])
def test_growth_between_what_is_assumed_is_within_the_range(growth: float, day: int) -> None:
    """Of 20 months that grow or shrink by 3.5% a day the range holds three of five at the least."""
    held = 0
    for seed in range(20):
        flat = noisy("2026-10-04", 58, seed)
        days = {
            each: spend * Decimal(growth) ** number
            for number, (each, spend) in enumerate(flat.items())
        }
        truth = sum(spend for each, spend in days.items() if each.month == 11)
        known = {each: spend for each, spend in days.items() if each < date(2026, 11, day)}
        found = told(f"2026-11-{day:02}T00:00:00", known)
        held += found.low <= truth <= found.high
    assert held >= 12


def test_noise_makes_hardly_a_weekday_pattern() -> None:
    """Four weeks of days that scatter by a fifth have factors that are close to 1."""
    source = random.Random(3)  # noqa: S311 - made-up data, no secrets
    factors = weekday_factors([source.uniform(0.6, 1) for _ in range(28)], MONDAY)
    assert all(abs(factor - 1) < 0.1 for factor in factors)


def test_weekday_pattern_is_found_from_any_first_day() -> None:
    """Weekends of a fifth: 5.4 days' worth a week, so that a working day has 7 / 5.4 of the mean."""
    week = [1, 1, 1, 1, 1, 0.2, 0.2]
    for first in range(7):
        factors = weekday_factors([*week * 4][first : first + 21], first)
        assert factors == pytest.approx([day * 7 / 5.4 for day in week])


def test_pattern_of_a_single_week_is_half_believed() -> None:
    """A weekday that was seen once has the mean of what it showed and of 1."""
    factors = weekday_factors([1, 1, 1, 1, 1, 0, 2], MONDAY)
    assert factors == pytest.approx([1, 1, 1, 1, 1, 0.5, 1.5])


def test_caller_whose_amounts_are_exact_gets_a_forecast() -> None:
    """Rounding is refused where money is added, and is what a forecast is made of."""
    with localcontext(EXACT) as context:
        found = told("2026-11-08T07:00:00", noisy("2026-10-20", 19), "3.333333333333")
        assert not context.flags[Inexact]
    assert found.low == found.low.quantize(Decimal("0.01"))


@pytest.mark.parametrize("power", [-320, -30, 15, 300, 350])
def test_amounts_beyond_floats_are_told_like_any(power: int) -> None:
    """Constant spend goes on, whether a day's is 1E-320 USD or 1E+350."""
    spend = Decimal(1).scaleb(power)
    closed = dict.fromkeys(run("2026-11-01", *[0] * 14), spend)
    with localcontext(EXACT):
        found = told("2026-11-15T00:00:00", closed, cap="0.01")
        expected = max(30 * spend, Decimal("0.01"))
        assert abs(found.expected - expected) <= expected / 10**9
    assert found.low == found.expected == found.high
    assert found.crosses_on == (date(2026, 11, 1) if power > 0 else None)


def test_calendar_ends_without_an_error() -> None:
    """The last month that has dates, and the first one, have no days beyond to be asked about."""
    assert told("9999-12-11T00:00:00", run("9999-12-01", *[10] * 10), cap=300) == certain(
        "310.00", date(9999, 12, 31)
    )
    assert told("0001-01-11T00:00:00", run("0001-01-01", *[10] * 10)) == certain("310.00")


amounts = st.decimals(min_value=0, max_value=10**15, places=6)
instants = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2040, 12, 31),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)


@st.composite
def budgets(draw: st.DrawFn) -> tuple[MonthToDate, Decimal, dict[date, Decimal], Decimal]:
    """What `forecast` is asked about a budget, but for its cap."""
    as_of = draw(instants)
    spends = draw(st.lists(amounts | st.just(Decimal(0)), max_size=45))
    today = draw(amounts) if as_of.time() > datetime.min.time() else Decimal(0)
    closed = {as_of.date() - (number + 1) * DAY: spend for number, spend in enumerate(spends)}
    first = as_of.date().replace(day=1)
    spent = sum((spend for day, spend in closed.items() if day >= first), today)
    return MonthToDate(as_of), spent, closed, today


@given(budgets(), amounts)
def test_ends_stand_in_order(
    budget: tuple[MonthToDate, Decimal, dict[date, Decimal], Decimal], cap: Decimal
) -> None:
    """Spent <= low <= expected <= high, in cents; and a day is named where the cap is crossed."""
    found = forecast(*budget, cap)
    if not found:
        return
    assert budget[1] <= found.low <= found.expected <= found.high
    assert {amount.as_tuple().exponent for amount in (found.low, found.high)} == {-2}
    cent = Decimal("0.01")
    if found.crosses_on is None:
        assert found.expected < cap + cent
    else:
        assert found.expected >= cap
        assert found.crosses_on.replace(day=1) == budget[0].as_of.date().replace(day=1)


@given(budgets(), st.integers(min_value=2, max_value=10**6))
def test_forecast_of_a_multiple_is_the_multiple(
    budget: tuple[MonthToDate, Decimal, dict[date, Decimal], Decimal], factor: int
) -> None:
    """The same spend in a smaller currency has the same forecast, but for the rounding to cents."""
    to_date, spent, closed, today = budget
    larger = {day: spend * factor for day, spend in closed.items()}
    found = forecast(to_date, spent, closed, today, None)
    times = forecast(to_date, spent * factor, larger, today * factor, None)
    assert (found is None) == (times is None)
    if found and times:
        for one, other in ((found.low, times.low), (found.high, times.high)):
            assert abs(one * factor - other) <= Decimal("0.01") * (factor + 1)
