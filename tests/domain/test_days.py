"""How to write a day that stands in another form, or that no calendar has."""

import pytest

from budget_gate.domain.days import day_hint
from tests.helpers.wording import assert_says


@pytest.mark.parametrize(
    ("written", "facts"),
    [
        ("2026/11/5", ["write 2026-11-05"]),
        ("2026.11.05", ["write 2026-11-05"]),
        ("20261105", ["write 2026-11-05"]),
        ("2026-11-05T10:00:00Z", ["write 2026-11-05"]),
        ("2026-11-05 10:00", ["write 2026-11-05"]),
        ("0001-1-1", ["write 0001-01-01"]),
        # With slashes the day or the month may come first, with full stops the day does.
        ("5/11/2026", ["write 2026-11-05, or 2026-05-11"]),
        ("25/11/2026", ["write 2026-11-25"]),
        ("11/25/2026", ["write 2026-11-25"]),
        ("11/11/2026", ["write 2026-11-11"]),
        ("5.11.2026", ["write 2026-11-05"]),
        # What no calendar has is told why.
        ("2026-02-29", ["February 2026 has 28 days"]),
        ("2028-02-30", ["February 2028 has 29 days"]),
        ("2026-12-32", ["December 2026 has 31 days"]),
        ("2026-01-00", ["January 2026 has 31 days"]),
        ("2026-13-01", ["a year has 12 months", "write a UTC day as YYYY-MM-DD"]),
        ("2026-00-01", ["a year has 12 months", "write a UTC day as YYYY-MM-DD"]),
    ],
)
def test_a_day_in_another_form_is_told_as_it_is_to_be_written(
    written: str, facts: list[str]
) -> None:
    """Or how many days its month has, or months a year."""
    assert_says(day_hint(written), *facts)


@pytest.mark.parametrize(
    "written",
    [
        *("soon", "", None, 5, "0000-01-32", "0000-13-01", "20260230", "2026111", "202611051"),
        *("2026-11/05", "25.11/2026", "11.25.2026", "2026-11-5X", "\u0662026-11-05"),
    ],
)
def test_what_is_no_day_in_any_form_is_told_the_form(written: object) -> None:
    """Nothing is guessed."""
    assert day_hint(written) == "write a UTC day as YYYY-MM-DD"
