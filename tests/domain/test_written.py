"""What settings may say: what is right is taken as it is, and an error shows what was written and a right one."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from budget_gate.domain.written import instant, month, one_a_line, reservation, seconds, word
from tests.helpers.wording import assert_says


def refusal(read: Callable[[str], object], text: str) -> str:
    """What is said of a text that is refused."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is what is looked at
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-05T10:20:30Z", datetime(2026, 11, 5, 10, 20, 30, tzinfo=UTC)),
        ("0002-01-01T00:00:00Z", datetime(2, 1, 1, tzinfo=UTC)),
        ("9998-12-31T23:59:59Z", datetime(9998, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_utc_instant(text: str, found: datetime) -> None:
    """From the second year of the calendar to the last but one."""
    assert instant(text) == found


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("2026-11-05", ["'2026-11-05' is a day", "2026-11-05T16:00:00Z", "the hour"]),
        ("noon", ["'noon' is not a time", "write YYYY-MM-DDTHH:MM:SSZ", "in UTC"]),
        ("0001-12-31T23:59:59Z", ["'0001-12-31T23:59:59Z'", "before the first year"]),
        ("9999-01-01T00:00:00Z", ["'9999-01-01T00:00:00Z'", "after the last year"]),
        ("sk-ant-admin01-EXAMPLE", ["'***' is not a time"]),
        ("x" * 60, [f"'{'x' * 40}' is not a time"]),
    ],
)
def test_what_is_no_time_that_can_be_judged_at_is_told_why(text: str, facts: list[str]) -> None:
    """It is quoted, cut to 40 characters, and never as a key."""
    assert_says(refusal(instant, text), *facts)


@pytest.mark.parametrize("text", ["last", "2026-10", "2026-01", "2026-12", "0002-01"])
def test_a_month_is_one_of_the_calendar_or_the_last(text: str) -> None:
    """It stays as it is written."""
    assert month(text) == text


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "0001-12", "Last", "October", "2026-10-01", ""]
)
def test_what_is_no_month_is_told_how_to_write_one(text: str) -> None:
    """With a month such as one may be."""
    assert_says(refusal(month, text), f"{text!r} is not a month", "write 2026-10 or last")


@pytest.mark.parametrize(
    "text", ["250", "0.5", "250=staging", "1.25=a=b", "999999999999999", "0.123456789012"]
)
def test_a_reservation_is_usd_with_a_workspace_or_without(text: str) -> None:
    """Of up to 15 digits, with up to 12 behind the point."""
    assert reservation(text) == text


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("5.000", ["may be 5000 or 5.00 USD", "write 5000, or 5.00"]),
        ("5.000=lab", ["may be 5000 or 5.00 USD", "write 5000=lab, or 5.00=lab"]),
        ("5k=lab", ["is not USD or USD=WORKSPACE", "write 5000=lab"]),
        ("$250", ["is not USD or USD=WORKSPACE", "write 250"]),
        ("250=", ["is not USD or USD=WORKSPACE", "write 250=staging, for example"]),
        ("=lab", ["is not USD or USD=WORKSPACE", "write 250=staging, for example"]),
        ("lots", ["is not USD or USD=WORKSPACE", "write 250=staging, for example"]),
    ],
)
def test_what_is_no_reservation_is_told_the_one_that_may_be_meant(
    text: str, facts: list[str]
) -> None:
    """Both where a point may be one of thousands."""
    assert_says(refusal(reservation, text), f"{text!r}"[:42], *facts)


def test_a_long_workspace_is_cut_in_what_is_told() -> None:
    """As all that was written is, at 40 characters."""
    text = f"5k={'w' * 60}"
    assert_says(refusal(reservation, text), f"write 5000={'w' * 35}")
    assert "w" * 38 not in refusal(reservation, text)
    assert f"5.00={'w' * 36}" not in refusal(reservation, f"5.000={'w' * 60}")


@pytest.mark.parametrize(
    "text", ["global", "global\nworkspaces.a", "groups.a, b", "workspaces.a,b", "a,global things"]
)
def test_budgets_stand_one_a_line(text: str) -> None:
    """A comma alone is a part of a name."""
    assert one_a_line(text) == text


@pytest.mark.parametrize(
    ("text", "line", "count"),
    [
        ("global,unlisted", "global,unlisted", 2),
        ("global, workspaces.a ,models.b", "global, workspaces.a ,models.b", 3),
        ("global\ngroups.a,groups.b", "groups.a,groups.b", 2),
    ],
)
def test_several_budgets_in_a_line_are_refused(text: str, line: str, count: int) -> None:
    """The line is shown, with how many they are."""
    told = refusal(one_a_line, text)
    assert_says(told, f"{line!r} is {count} budgets", "one a line", "--budget of its own")


@pytest.mark.parametrize(("text", "found"), [("120", 120.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_a_wait_is_of_seconds_up_to_an_hour(text: str, found: float) -> None:
    """Parts of a second count."""
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["0", "-1", "3600.01", "inf", "nan", "two", ""])
def test_what_is_no_wait_is_refused(text: str) -> None:
    """With its bounds."""
    told = refusal(seconds, text)
    assert_says(told, f"{text!r} is not a number of seconds", "above 0", "3600", "write 120")


def test_a_word_is_one_of_those_there_are() -> None:
    """They are told in their order where it is none."""
    words = ("text", "markdown", "github")
    assert word("markdown", words) == "markdown"
    told = refusal(lambda text: word(text, words), "html")
    assert_says(told, "'html' is not text, markdown or github")
    assert_says(refusal(lambda text: word(text, words[:2]), "b"), "'b' is not text or markdown")
