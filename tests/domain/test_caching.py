"""What caching saved, by hand: Claude Sonnet 4.5 costs $3 per million tokens of input."""

from decimal import Decimal
from fractions import Fraction

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.caching import savings
from budget_gate.domain.prices.charges import price
from budget_gate.domain.usage import Tokens, Usage, UsageKey
from tests.helpers.builders import COVERAGE, MILLION, MONTH, book, book_with

DAY = MONTH.day
MODEL = "claude-sonnet-4-5"


def saved(tokens: Tokens, model: str = MODEL, tier: str = "standard", prices: str = "") -> Bounds:
    """What one amount of tokens saved in USD."""
    key = UsageKey(None, DAY, model, tier, "0-200k", "global", "standard")
    used = price(Usage({key: tokens}, (), COVERAGE), book_with(prices) if prices else book())
    found = savings(used)
    assert found.keys() <= {(DAY, None)}
    return found.get((DAY, None), Bounds.exactly(Decimal(0)))


@pytest.mark.parametrize(
    ("tokens", "usd"),
    [
        # $3.00 of input, read from the cache for $0.30.
        (Tokens(cache_read=MILLION), "2.70"),
        # A write of 5 minutes costs $3.75, and one of an hour $6.00.
        (Tokens(cache_write_5m=MILLION), "-0.75"),
        (Tokens(cache_write_1h=MILLION), "-3"),
        (Tokens(cache_read=2 * MILLION, cache_write_5m=MILLION, cache_write_1h=MILLION), "1.65"),
        # Without the cache nothing is saved.
        (Tokens(uncached_input=MILLION, output=MILLION), "0"),
    ],
)
def test_saved_by_hand(tokens: Tokens, usd: str) -> None:
    """Reads at the price of input less their own, less what writes cost more than input."""
    assert saved(tokens) == Bounds.exactly(Decimal(usd))


def test_batches_save_at_half_the_price() -> None:
    """As batches cost half of all prices."""
    assert saved(Tokens(cache_read=MILLION), tier="batch") == Bounds.exactly(Decimal("1.35"))


def test_writes_of_an_unknown_lifetime_are_a_range() -> None:
    """One of 5 minutes costs $0.75 more than input, one of an hour $3."""
    found = saved(Tokens(cache_read=MILLION, cache_write_unsplit=MILLION))
    assert tuple(map(Fraction, found)) == (Fraction("-0.3"), Fraction("1.95"))


def test_reads_and_writes_may_be_of_prompts_of_different_lengths() -> None:
    """Of Claude Haiku 5.5, a read saves $0.09 or $0.45, and a write costs $0.025 or $0.125 more.

    Short prompts may be those that read, and long ones those that write, or the other way round.
    """
    found = saved(Tokens(cache_read=MILLION, cache_write_5m=MILLION), model="claude-haiku-5-5")
    assert tuple(map(Fraction, found)) == (Fraction("-0.035"), Fraction("0.425"))


def test_a_discount_lessens_what_is_saved() -> None:
    """10% off: $2.43 in place of $2.70."""
    found = saved(Tokens(cache_read=MILLION), prices="{discount: 10%}")
    assert found == Bounds.exactly(Decimal("2.43"))


def test_usage_without_a_price_is_left_out() -> None:
    """What a model costs that nobody knows, nobody knows what it saved."""
    assert saved(Tokens(cache_read=MILLION), model="claude-unheard-of-9").high == 0
