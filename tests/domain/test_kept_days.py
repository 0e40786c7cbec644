"""The spend of a history: its month, how far it reaches, and the days before."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.kept_days import month_up_to, spend_of_rows
from budget_gate.domain.prices.pricing import price_facts
from budget_gate.domain.spend import Spend
from tests.helpers.builders import book
from tests.helpers.web_page import make_row


def spend(*rows: DailyRow, last: date = date(2026, 11, 5), has_history: bool = True) -> Spend:
    """The spend of rows up to a day."""
    return spend_of_rows(rows, month_up_to(last), (), price_facts(book()), has_history=has_history)


@pytest.mark.parametrize(
    ("last", "end", "is_whole"),
    [
        (date(2026, 11, 5), datetime(2026, 11, 6, tzinfo=UTC), False),
        (date(2026, 11, 30), datetime(2026, 12, 1, tzinfo=UTC), True),
        (date(2026, 12, 31), datetime(2027, 1, 1, tzinfo=UTC), True),
    ],
)
def test_the_month_ends_with_its_last_day(last: date, end: datetime, is_whole: bool) -> None:  # noqa: FBT001
    """All of that day is in it; a month that is complete is a whole one, and not the next."""
    month = month_up_to(last)
    assert (month.as_of, month.is_whole, month.day) == (
        end,
        is_whole,
        last if is_whole else end.date(),
    )
    assert month.period.start.date() == last.replace(day=1)


def test_lines_are_those_of_the_month() -> None:
    """By workspace, day and model: tiers are added up, and the days before are history."""
    found = spend(
        make_row(date(2026, 11, 1), "w", usd="1"),
        make_row(date(2026, 11, 1), "w", usd="2", service_tier="batch"),
        make_row(date(2026, 10, 31), "w", usd="4"),
        # 28 days before November 6.
        make_row(date(2026, 10, 9), "w", usd="8"),
        make_row(date(2026, 10, 8), "w", usd="16"),
    )
    assert [(it.day.day, it.cost) for it in found.lines] == [(1, Bounds.exactly(Decimal(3)))]
    assert found.history is not None
    assert sum(it.cost.low for it in found.history) == 12


def test_a_history_that_is_too_short_is_none() -> None:
    """A forecast must not take missing days for days without spend."""
    assert spend(make_row(date(2026, 11, 1)), has_history=False).history is None


@pytest.mark.parametrize(
    ("bases", "billed_days", "doubted"),
    [
        ("lllll", 0, []),
        ("bbbll", 3, []),
        # Its costs were late when it was synced.
        ("blbll", 2, [2]),
        ("bbbbb", 5, []),
    ],
)
def test_settled_days_are_those_that_are_billed(
    bases: str, billed_days: int, doubted: list[int]
) -> None:
    """Up to the last billed one, but for days at list price among them."""
    words = {"l": "list", "b": "billed"}
    rows = [make_row(date(2026, 11, day), basis=words[basis]) for day, basis in enumerate(bases, 1)]
    coverage = spend(*rows).coverage
    assert (coverage.billed_days, coverage.closed_days, coverage.open_day) == (
        billed_days,
        5,
        False,
    )
    assert sorted(day.day for day in coverage.doubted_days) == doubted
    assert [coverage.is_billed(row.day) for row in rows] == [it == "b" for it in bases]
