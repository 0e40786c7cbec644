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
    assert_says(found.message, "24 hours behind", "day")
    assert_says(found.remedy, "set the clock")


def test_a_clock_of_another_day_judges_a_time_that_is_told() -> None:
    """No verdict hangs on it, but it is wrong all the same."""
    found = check_time(NOON, timedelta(days=-1), is_told=True)
    assert (found.level, found.check, found.exit_code) == ("warning", "clock", 0)
    assert_says(found.message, "24 hours ahead", "day")
    assert found.remedy == "set the clock"


@pytest.mark.parametrize(
    ("difference", "level", "told"),
    [
        (-6 * MINUTE, "warning", "6 minutes ahead"),
        (-2 * MINUTE, "ok", "120 seconds ahead"),
        (MINUTE, "ok", "60 s"),
    ],
)
def test_some_minutes_are_told(difference: timedelta, level: str, told: str) -> None:
    """More than five are a warning, and how many is told whatever the direction."""
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
    found = check_credential(key, token, has_message_key=False, is_usual_address=True)
    assert (found.level, found.check, found.exit_code) == ("warning", "credential", 0)
    assert_says(found.message, *facts)
    assert_says(found.remedy, *remedy)
    assert "EXAMPLE" not in found.message + found.remedy


@pytest.mark.parametrize(
    ("is_usual", "level", "remedy"), [(True, "warning", "ADMIN_KEY"), (False, "ok", "")]
)
def test_a_key_of_a_gateway_may_look_otherwise(is_usual: bool, level: str, remedy: str) -> None:  # noqa: FBT001
    """At the usual address it is a warning, as the API may refuse it."""
    found = check_credential("gw-EXAMPLE", None, has_message_key=False, is_usual_address=is_usual)
    assert (found.level, found.check, found.exit_code) == (level, "credential", 0)
    assert_says(
        found.message, "ANTHROPIC_ADMIN_KEY does not look like an Admin key", "sk-ant-admin"
    )
    assert remedy in found.remedy
    assert bool(found.remedy) is is_usual


def test_a_token_behind_a_key_is_not_used() -> None:
    """The key wins, and the other one is named."""
    found = check_credential(
        "sk-ant-admin01-EXAMPLE",
        "sk-ant-oat01-EXAMPLE",
        has_message_key=False,
        is_usual_address=True,
    )
    assert (found.level, found.remedy) == ("ok", "")
    assert_says(
        found.message, "ANTHROPIC_ADMIN_KEY is an Admin key", "ANTHROPIC_AUTH_TOKEN", "not used"
    )


@pytest.mark.parametrize("has_message_key", [True, False])
def test_without_a_credential_the_spend_is_not_known(has_message_key: bool) -> None:  # noqa: FBT001
    """An error of exit code 3, and which variable to set."""
    found = check_credential(None, None, has_message_key=has_message_key, is_usual_address=True)
    assert (found.level, found.check, found.exit_code) == ("error", "credential", 3)
    assert_says(found.message, "none found", "not asked")
    assert_says(found.remedy, "ANTHROPIC_ADMIN_KEY")
