"""What the ledger has beyond the report: the larger of both counts, never their sum."""

from datetime import UTC, datetime

import pytest

from budget_gate.domain.ledger.hours import beyond, hour_of, unsettled
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable
from tests.helpers.builders import book, key, month_at

AT = datetime(2026, 11, 10, 14, tzinfo=UTC)
LATER = datetime(2026, 11, 10, 15, tzinfo=UTC)


def tokens_beyond(reported: UsageTable, counted: UsageTable) -> UsageTable:
    """What one hour has beyond the report."""
    return beyond({AT: reported}, {AT: counted}, book())


def test_what_the_report_lacks_is_the_difference() -> None:
    """900 of 1,500 counted tokens are reported: 600 are beyond."""
    found = tokens_beyond({key(): Tokens(output=900)}, {key(): Tokens(output=1500)})

    assert found == {key(): Tokens(output=600)}


def test_what_the_report_has_more_of_takes_nothing_off() -> None:
    """A client that counts nothing makes the report the larger: nothing is beyond it."""
    assert tokens_beyond({key(): Tokens(output=1500)}, {key(): Tokens(output=900)}) == {}


def test_each_class_is_compared_by_itself() -> None:
    """Input that is reported already does not stand for output that is not."""
    found = tokens_beyond(
        {key(): Tokens(uncached_input=5000)}, {key(): Tokens(uncached_input=100, output=70)}
    )

    assert found == {key(): Tokens(output=70)}


def test_each_hour_is_compared_by_itself() -> None:
    """What is reported of one hour says nothing about the next."""
    found = beyond(
        {AT: {key(): Tokens(output=1000)}, LATER: {}},
        {AT: {key(): Tokens(output=400)}, LATER: {key(): Tokens(output=400)}},
        book(),
    )

    assert found == {key(): Tokens(output=400)}


def test_hours_of_a_day_add_up() -> None:
    """Two hours that the report lacks altogether are both beyond it."""
    counted = {at: {key(): Tokens(output=400)} for at in (AT, LATER)}

    assert beyond({}, counted, book()) == {key(): Tokens(output=800)}


def test_workspaces_are_compared_apart() -> None:
    """Usage that is reported of one workspace is not that of another."""
    one, other = key(workspace="wrkspc_1"), key(workspace="wrkspc_2")

    assert tokens_beyond({one: Tokens(output=10)}, {other: Tokens(output=10)}) == {
        other: Tokens(output=10)
    }


@pytest.mark.parametrize(
    ("reported", "counted"),
    [
        ("claude-opus-4-5", "claude-opus-4-5-20251101"),
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-unheard-of-20260101", "claude-unheard-of"),
    ],
)
def test_a_model_is_the_same_by_each_of_its_names(reported: str, counted: str) -> None:
    """The report may write a model with its date, and a client without."""
    found = tokens_beyond({key(reported): Tokens(output=10)}, {key(counted): Tokens(output=10)})

    assert found == {}


@pytest.mark.parametrize(
    "told", [key(geo="not_available"), key(speed=None), key(window="200k-1M"), key(tier="priority")]
)
def test_a_dimension_that_both_tell_otherwise_is_not_counted_twice(told: UsageKey) -> None:
    """A client may not know what the report knows: the tokens are the same ones."""
    assert tokens_beyond({told: Tokens(output=10)}, {key(): Tokens(output=10)}) == {}


def test_of_tokens_whose_price_differs_the_dearest_are_beyond() -> None:
    """100 of 200 tokens are reported of no speed that is known, half were fast at 2 times the price: these count."""
    usual, fast = key("claude-opus-4-8"), key("claude-opus-4-8", speed="fast")
    counted = {usual: Tokens(output=100), fast: Tokens(output=100)}

    unknown = key("claude-opus-4-8", speed=None)

    assert tokens_beyond({unknown: Tokens(output=100)}, counted) == {fast: Tokens(output=100)}


def test_of_tokens_of_a_price_those_beyond_the_reported_ones_are_lacking() -> None:
    """Of 100 fast tokens 50 are reported, and none of 100 usual ones."""
    usual, fast = key("claude-opus-4-8"), key("claude-opus-4-8", speed="fast")
    counted = {usual: Tokens(output=100), fast: Tokens(output=100)}

    assert tokens_beyond({usual: Tokens(output=100)}, counted) == {fast: Tokens(output=100)}
    assert tokens_beyond({fast: Tokens(output=50)}, counted) == {
        fast: Tokens(output=50),
        usual: Tokens(output=100),
    }


def test_what_costs_the_same_is_the_same() -> None:
    """The report need not say how long prompts were where no price goes by it."""
    usual = key("claude-opus-4-8", window="200k-1M")
    fast = key("claude-opus-4-8", speed="fast")
    reported = {key("claude-opus-4-8", window=None): Tokens(output=100)}
    counted = {usual: Tokens(output=100), fast: Tokens(output=7)}

    assert tokens_beyond(reported, counted) == {fast: Tokens(output=7)}


def test_tokens_without_a_price_are_the_dearest() -> None:
    """What nobody can price must not hide behind what is cheap."""
    usual, unknown = key(), key(tier="flex")
    counted = {usual: Tokens(output=100), unknown: Tokens(output=100)}

    assert tokens_beyond({usual: Tokens(output=100)}, counted) == {unknown: Tokens(output=100)}


@pytest.mark.parametrize(
    ("reported", "counted", "more"),
    [
        (Tokens(cache_write_unsplit=30), Tokens(cache_write_5m=20, cache_write_1h=10), Tokens()),
        (Tokens(cache_write_5m=20, cache_write_1h=10), Tokens(cache_write_unsplit=30), Tokens()),
        (
            Tokens(cache_write_unsplit=25),
            Tokens(cache_write_5m=20, cache_write_1h=10),
            # Those of an hour cost 2 times the input, the others 1.25 times.
            Tokens(cache_write_1h=5),
        ),
    ],
)
def test_cache_writes_are_compared_together_where_one_side_does_not_split_them(
    reported: Tokens, counted: Tokens, more: Tokens
) -> None:
    """Some gateways report cache writes without their kind."""
    found = tokens_beyond({key(): reported}, {key(): counted})

    assert found == ({key(): more} if any(more) else {})


def test_web_searches_are_a_class_too() -> None:
    """Three of five searches are reported."""
    found = tokens_beyond({key(): Tokens(web_searches=3)}, {key(): Tokens(web_searches=5)})

    assert found == {key(): Tokens(web_searches=2)}


@pytest.mark.parametrize(
    ("as_of", "hours"),
    [
        # What was used at 12:45 may come in at 14:45; the ledger's clock may be 5 minutes off.
        ("2026-11-10 14:30", [12, 13, 14]),
        ("2026-11-10 14:03", [11, 12, 13, 14]),
        ("2026-11-10 14:00", [11, 12, 13]),
        # Hours of the month before are not of this one.
        ("2026-11-01 00:05", [0]),
        ("2026-11-01 01:30", [0, 1]),
        ("2026-11-01 00:00", []),
    ],
)
def test_hours_that_may_not_be_whole_are_the_last_two_and_the_running_one(
    as_of: str, hours: list[int]
) -> None:
    """The report is up to two hours behind."""
    assert [hour.hour for hour in unsettled(month_at(as_of))] == hours


def test_hours_reach_into_yesterday() -> None:
    """Early in a day, the last hours of the day before may not be whole either."""
    found = unsettled(month_at("2026-11-10 01:10"))

    assert [(hour.day, hour.hour) for hour in found] == [(9, 23), (10, 0), (10, 1)]


def test_an_hour_starts_at_its_first_instant() -> None:
    """14:59:59.999999 is in the hour of 14:00."""
    assert hour_of(datetime(2026, 11, 10, 14, 59, 59, 999999, tzinfo=UTC)) == AT
