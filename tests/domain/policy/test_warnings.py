"""What `alerts` and `notify` of a policy may hold, and what is said of a value that they may not."""

from decimal import Decimal

import pytest

from budget_gate.domain.policy.comparison import compare
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import book, errors_of, month_at, policy
from tests.helpers.wording import assert_says

HEAD = "version: 1\nglobal: {cap: 5}\n"


def refused(text: str) -> tuple[str, str]:
    """The only defect of a policy: what is wrong, and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        policy(HEAD + text)
    (told,) = errors_of(caught.value)
    return told, caught.value.problems[0].hint


# Alerts


def test_without_the_keys_nothing_is_watched_and_nobody_is_told() -> None:
    """Both are empty by default."""
    read = policy(HEAD).policy
    assert {*read.alerts.model_dump().values()} == {None}
    assert {*read.notify.model_dump().values()} == {None}


def test_an_alert_has_its_limit_and_its_floor_as_written() -> None:
    """25.5% are 0.255; the floor is nothing where it is left out."""
    text = "alerts: {week_over_week: {above: 25.5%, floor: 49.90}, daily: {above: 400%}}\n"
    read = policy(HEAD + text).policy.alerts
    assert read.week_over_week
    assert read.daily
    assert (read.week_over_week.above, read.week_over_week.floor) == (
        Decimal("0.255"),
        Decimal("49.90"),
    )
    assert (read.daily.above, read.daily.floor) == (Decimal(4), Decimal(0))


@pytest.mark.parametrize("alert", ["week_over_week", "daily", "forecast"])
def test_a_limit_of_nothing_is_an_error(alert: str) -> None:
    """Every rise, and every forecast, would be above it."""
    told, hint = refused(f"alerts: {{{alert}: {{above: 0.0%}}}}\n")
    assert_says(told, f"alerts.{alert}.above", "0%")
    assert_says(hint, "25%")


def test_a_limit_without_its_sign_is_told_how_to_write_it() -> None:
    """As any percentage of a policy."""
    told, hint = refused("alerts: {daily: {above: 200}}\n")
    assert_says(told, "budget.yml:3", "alerts.daily.above", "200")
    assert_says(hint, "200%")


# Notify

SECRET = "https://hooks.slack.example/services/T000/B000/XXXX"


@pytest.mark.parametrize(("channel", "key"), [("slack", "webhook_env"), ("webhook", "url_env")])
def test_an_address_in_place_of_its_variable_is_not_shown(channel: str, key: str) -> None:
    """It is a secret, and errors go to a log: the name of a variable is asked for."""
    told, hint = refused(f"notify: {{{channel}: {{{key}: '{SECRET}'}}}}\n")
    assert_says(told, f"notify.{channel}.{key}", "an address", "not the name of a variable")
    assert_says(hint, "environment variable", "SLACK_WEBHOOK_URL")
    assert "T000" not in told + hint


@pytest.mark.parametrize("name", ["1ST", "MY-URL", "$URL", "MY URL", "''", "ÜRL", "X" * 101])
def test_what_no_shell_can_set_is_no_variable(name: str) -> None:
    """A digit first, a hyphen, a sign, a blank, nothing, a letter with dots, and too many."""
    told, _ = refused(f"notify: {{webhook: {{url_env: {name}}}}}\n")
    assert_says(told, "notify.webhook.url_env", "not the name of a variable")


@pytest.mark.parametrize(
    ("written", "hours"), [("1h", 1), ("24h", 24), ("1d", 24), ("7d", 168), ("9999h", 9999)]
)
def test_a_reminder_is_in_hours_or_days(written: str, hours: int) -> None:
    """Of which a day has 24 hours."""
    assert policy(f"{HEAD}notify: {{remind: {written}}}\n").policy.notify.remind == hours


@pytest.mark.parametrize(
    "written", ["0h", "24", "90m", "1.5h", "-1h", "10000h", "24 h", "24H", "w"]
)
def test_another_time_is_no_reminder(written: str) -> None:
    """A hint has the two forms."""
    told, hint = refused(f"notify: {{remind: {written}}}\n")
    assert_says(told, "notify.remind", written, "is not a time")
    assert_says(hint, "24h", "7d")


def test_a_day_and_24_hours_are_one_reminder() -> None:
    """Written otherwise, they change nothing; a longer one lets a breach be forgotten longer."""
    day, hours, week = (policy(f"{HEAD}notify: {{remind: {it}}}\n") for it in ("1d", "24h", "7d"))
    today = month_at("2026-11-20T12:00").day
    assert compare(day.policy, hours, book(), today) == ()
    (change,) = compare(day.policy, week, book(), today)
    assert (change.path, change.what, change.before, change.after, change.effect) == (
        *(("notify",), "remind"),
        *("24h", "168h"),
        "looser",
    )


def test_an_alert_that_comes_or_goes_is_one_change() -> None:
    """With its limit: the floor comes and goes with it, and is a change of its own where both have it."""
    none, small, large = (
        policy(HEAD + it)
        for it in (
            "",
            "alerts: {daily: {above: 25%, floor: 10}}\n",
            "alerts: {daily: {above: 25%, floor: 20}}\n",
        )
    )
    today = month_at("2026-11-20T12:00").day
    steps = [
        [(it.path, it.what, it.before, it.after, it.effect) for it in compare(*pair, book(), today)]
        for pair in ((none.policy, small), (small.policy, large), (large.policy, none))
    ]
    path = ("alerts", "daily")
    assert steps == [
        [(path, "above", None, "25%", "tighter")],
        [(path, "floor", Decimal(10), Decimal(20), "looser")],
        [(path, "above", "25%", None, "looser")],
    ]
