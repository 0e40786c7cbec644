"""The figures of the page: what is shown by name, and that nothing is lost by it."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.figures import MOST_MODELS, MOST_WORKSPACES, Figures, figures
from budget_gate.domain.usage import Tokens
from tests.helpers.web_page import make_row

DAY = date(2026, 11, 3)
DAYS = [DAY + timedelta(days=number) for number in range(4)]


def of(*rows: DailyRow, **names: str) -> Figures:
    """The figures of rows; `names` are those of workspaces by id."""
    return figures(rows, dict[str | None, str](names.items()), DAYS)


def test_the_largest_are_shown_by_name_and_the_rest_added_up() -> None:
    """Of 15 workspaces that spent $1 to $15, the least 3 are $6 together."""
    found = of(*(make_row(DAY, f"w{usd}", usd=str(usd)) for usd in range(1, 16)))
    assert [it.id for it in found.workspaces] == [*(f"w{usd}" for usd in range(15, 3, -1)), None]
    assert found.workspaces[-1].others == 3
    assert found.cells[-1].workspace == MOST_WORKSPACES == 12
    assert found.cells[-1].cost == Bounds.exactly(Decimal(6))


def test_as_many_as_are_shown_leave_no_others() -> None:
    """Twelve workspaces are all shown."""
    found = of(*(make_row(DAY, f"w{number}") for number in range(12)))
    assert len(found.workspaces) == 12
    assert all(not it.others for it in found.workspaces)


def test_models_are_added_up_as_well() -> None:
    """Of ten models, the least two are together."""
    found = of(*(make_row(DAY, model=f"m{usd}", usd=str(usd)) for usd in range(1, 11)))
    assert [it.id for it in found.models] == [*(f"m{usd}" for usd in range(10, 2, -1)), None]
    assert found.cells[-1].model == MOST_MODELS == 8
    assert found.cells[-1].cost == Bounds.exactly(Decimal(3))


def test_those_of_one_name_are_told_apart() -> None:
    """By their ids; the default workspace by its key."""
    rows = (make_row(DAY, "wrkspc_1", usd="2"), make_row(DAY, "wrkspc_2"), make_row(DAY, usd="3"))
    found = of(*rows, wrkspc_1="team", wrkspc_2="team")
    assert [it.name for it in found.workspaces] == ["default", "team (wrkspc_1)", "team (wrkspc_2)"]


def test_a_use_counts_input_cache_and_batches() -> None:
    """Of 100 input tokens 60 were read from the cache; of 115 tokens in all, 5 ran as a batch."""
    tokens = Tokens(
        uncached_input=20, cache_write_5m=10, cache_write_1h=5, cache_read=60, output=15
    )
    batch = make_row(DAY, service_tier="batch", tokens=Tokens(uncached_input=5))
    (use,) = of(make_row(DAY, tokens=tokens), batch).uses
    assert (use.input, use.cache_read, use.tokens, use.batch) == (100, 60, 115, 5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"basis": "billed", "listed": Bounds.exactly(Decimal(10))}, ("10", "8")),
        # A day at list price has no bill; what only the bill has, has no list price.
        ({"basis": "list", "listed": Bounds.exactly(Decimal(10))}, ("0", "0")),
        ({"basis": "billed", "listed": None}, ("0", "0")),
        # Priority tier is prepaid: the bill has 0 for it, which is no discount.
        (
            {"basis": "billed", "listed": Bounds.exactly(Decimal(10)), "service_tier": "priority"},
            ("0", "0"),
        ),
    ],
)
def test_list_against_bill_where_both_are_known(
    changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Only what has a list price and a bill is compared."""
    (use,) = of(make_row(DAY, usd="8", **changes)).uses
    assert (use.listed, use.billed) == tuple(map(Decimal, expected))


def test_what_was_saved_is_by_series() -> None:
    """Savings of those that are added up are added up, and none are known without prices."""
    rows = [make_row(DAY, f"w{usd:02d}", usd=str(usd)) for usd in range(1, 16)]
    saved: dict[tuple[date, str | None], Bounds] = {
        (DAY, f"w{usd:02d}"): Bounds.exactly(Decimal(1)) for usd in range(1, 16)
    }
    # Days before those shown are of a billed month, which is read whole.
    saved[DAY - timedelta(days=1), "w01"] = Bounds.exactly(Decimal(100))
    found = figures(rows, {}, DAYS, saved=saved)
    assert found.saved is not None
    assert found.saved[DAY, 12] == Bounds.exactly(Decimal(3))
    assert found.saved[DAY, 0] == Bounds.exactly(Decimal(1))
    assert len(found.saved) == 13
    assert of(*rows).saved is None


def test_days_without_spend_are_shown() -> None:
    """They are days, too."""
    assert of(make_row(DAY)).days == tuple(DAYS)


AMOUNTS = st.decimals(0, 10**6, places=12)
ROWS = st.builds(
    lambda day, workspace, model, usd, more: make_row(
        day, workspace, model, cost=Bounds(usd, usd + more)
    ),
    st.sampled_from(DAYS),
    st.sampled_from([None, *(f"w{number}" for number in range(20))]),
    st.sampled_from([None, *(f"m{number}" for number in range(12))]),
    AMOUNTS,
    AMOUNTS,
)


@given(st.lists(ROWS, max_size=60))
def test_costs_add_up_to_those_of_the_rows(rows: list[DailyRow]) -> None:
    """To the last digit, both ends of them."""
    found = figures(rows, {}, DAYS)
    for end in (0, 1):
        expected = sum((Fraction(row.cost[end]) for row in rows), Fraction(0))
        assert sum((Fraction(it.cost[end]) for it in found.cells), Fraction(0)) == expected
        assert Fraction(found.total[end]) == expected
    places = [(it.day, it.workspace, it.model) for it in found.cells]
    assert len(places) == len(set(places))
