"""What `doctor` finds: of the clock and of a credential, each with its remedy."""

from datetime import UTC, datetime, timedelta

import pytest

from budget_gate.domain.health import check_credential, check_time
from tests.helpers.wording import assert_says

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_clock_that_nothing_is_compared_with_is_a_warning() -> None:
    """The API sent no time: somebody has to look."""
    found = check_time(NOON, None, is_told=False)
    assert (found.level, found.check, found.exit_code) == ("warning", "clock", 0)
    assert_says(found.message, "API", "no time")
    assert_says(found.remedy, "check the clock")


def test_a_clock_of_another_day_is_an_error() -> None:
    """The wrong month might be judged, so the spend is not known: 3."""
    found = check_time(NOON, timedelta(days=1), is_told=False)
    assert (found.level, found.check, found.exit_code) == ("error", "clock", 3)
    assert_says(found.message, "86400 s behind", "day")
    assert_says(found.remedy, "set the clock")


def test_a_clock_of_another_day_judges_a_time_that_is_told() -> None:
    """No verdict hangs on it, but it is wrong all the same."""
    found = check_time(NOON, timedelta(days=-1), is_told=True)
    assert (found.level, found.check, found.exit_code) == ("warning", "clock", 0)
    assert_says(found.message, "86400 s ahead", "day")
    assert found.remedy == "set the clock"


@pytest.mark.parametrize(
    ("difference", "level", "told"),
    [
        (-6 * MINUTE, "warning", "360 s ahead"),
        (-2 * MINUTE, "ok", "(120 s)"),
        (MINUTE, "ok", "60 s"),
    ],
)
def test_some_minutes_are_told(difference: timedelta, level: str, told: str) -> None:
    """More than five are a warning; in either direction their seconds are told."""
    found = check_time(NOON, difference, is_told=False)
    assert (found.level, found.check, found.exit_code) == (level, "clock", 0)
    assert_says(found.message, told)


@pytest.mark.parametrize(
    ("key", "token", "facts", "remedy"),
    [
        ("sk-ant-api03-EXAMPLE", None, ["ANTHROPIC_ADMIN_KEY", "API key"], ["ANTHROPIC_ADMIN_KEY"]),
        (
            None,
            "sk-ant-api03-EXAMPLE",
            ["ANTHROPIC_AUTH_TOKEN", "API key"],
            ["ANTHROPIC_ADMIN_KEY"],
        ),
        (
            "sk-ant-oat01-EXAMPLE",
            None,
            ["ANTHROPIC_ADMIN_KEY", "an OAuth token"],
            ["set ANTHROPIC_AUTH_TOKEN", "leave ANTHROPIC_ADMIN_KEY empty"],
        ),
        (
            None,
            "sk-ant-admin01-EXAMPLE",
            ["ANTHROPIC_AUTH_TOKEN", "an Admin key"],
            ["set ANTHROPIC_ADMIN_KEY", "leave ANTHROPIC_AUTH_TOKEN empty"],
        ),
    ],
)
def test_a_credential_in_the_wrong_place_is_told_where_it_belongs(
    key: str | None, token: str | None, facts: list[str], remedy: list[str]
) -> None:
    """By its first characters, which say of what kind it is."""
    found = check_credential(key, token)
    assert (found.level, found.check, found.exit_code) == ("warning", "credential", 0)
    assert_says(found.message, *facts)
    assert_says(found.remedy, *remedy)
    assert "EXAMPLE" not in found.message + found.remedy
