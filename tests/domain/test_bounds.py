"""Amounts of USD are exact, or refuse to be computed."""

from decimal import Decimal, Inexact, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import EXACT, NOTHING, UNLIMITED, Bounds

amounts = st.decimals(min_value=0, max_value=10**30, places=12)


def test_known_amount_is_exact_and_limited() -> None:
    """An amount that is known has one bound, from below and from above."""
    cost = Bounds.exactly(Decimal("1.51"))
    assert cost == (Decimal("1.51"), Decimal("1.51"))
    assert cost.is_exact
    assert cost.is_limited


def test_range_is_not_exact() -> None:
    """Two bounds that lie apart do not make a known amount."""
    assert not Bounds(Decimal("1.05"), Decimal("5.25")).is_exact


def test_unlimited_cost_is_not_limited() -> None:
    """A cost without an upper bound says so."""
    assert not Bounds(Decimal(0), UNLIMITED).is_limited


def test_sum_adds_each_bound_by_itself() -> None:
    """The sum of two ranges lies between the sum of the lows and the sum of the highs."""
    first, second = Bounds(Decimal("1.05"), Decimal("5.25")), Bounds(Decimal(2), Decimal(3))
    assert first.plus(second) == (Decimal("3.05"), Decimal("8.25"))


def test_sum_with_unlimited_keeps_what_is_known() -> None:
    """The known part of a sum without an upper bound is not lost."""
    cost = Bounds.exactly(Decimal(7)).plus(Bounds(Decimal(0), UNLIMITED))
    assert cost == (Decimal(7), UNLIMITED)


def test_nothing_changes_no_sum() -> None:
    """Nothing added to a cost leaves it as it was."""
    assert NOTHING.plus(Bounds(Decimal("0.1"), Decimal("0.2"))) == (Decimal("0.1"), Decimal("0.2"))


def test_rounding_is_refused() -> None:
    """A result that has no exact decimal raises, where plain arithmetic would round it."""
    with localcontext(EXACT), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)


def test_context_is_not_worn_out() -> None:
    """A refused result leaves the next computation as strict and as exact as the first."""
    for _ in range(2):
        with localcontext(EXACT):
            with pytest.raises(Inexact):
                Decimal(1) / Decimal(3)
            assert Decimal("0.1") * 10**40 + Decimal("1E-40") == Decimal(
                "1" + "0" * 39 + "." + "0" * 39 + "1"
            )


@given(st.lists(amounts, max_size=20))
def test_sum_of_any_amounts_is_exact(costs: list[Decimal]) -> None:
    """Sums are those of whole numbers of the smallest unit, whatever the amounts."""
    total = NOTHING
    with localcontext(EXACT):
        for cost in costs:
            total = total.plus(Bounds.exactly(cost))
        units = sum(int(cost.scaleb(12)) for cost in costs)
        assert total == (Decimal(units).scaleb(-12), Decimal(units).scaleb(-12))
