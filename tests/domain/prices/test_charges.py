"""Usage is priced once: a row for each amount of it, its tokens and its searches told apart."""

from decimal import Decimal
from fractions import Fraction

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Tokens, Usage
from tests.helpers.builders import (
    MILLION,
    MONTH,
    book,
    book_with,
    bounds,
    key,
    reported,
    usage_of,
)
from tests.world import oracle
from tests.world.organizations import random_organization, seeded

# A thousand searches at 10 USD, and a million tokens of output at 20 USD.
SEARCHED = Tokens(output=MILLION, web_searches=1000)


def one(usage: Usage) -> PricedUsage:
    """The usage, which has one row, priced by the bundled book."""
    priced = price(usage, book())
    assert len(priced.rows) == 1
    return priced


def test_tokens_and_searches_are_costs_of_their_own() -> None:
    """30 USD together are 20 of tokens and 10 of searches."""
    priced = one(usage_of([(key(), SEARCHED)]))
    (row,) = priced.rows
    assert priced.cost(row) == bounds("30")
    assert priced.cost_of_tokens(row) == bounds("20")
    assert priced.cost_of_searches(row) == Decimal(10)


def test_searches_are_taken_off_both_ends_of_a_range() -> None:
    """In a place that is not told the tokens cost 20 to 22 USD, and the searches 10 wherever."""
    priced = one(usage_of([(key(geo=None), SEARCHED)]))
    (row,) = priced.rows
    assert priced.cost(row) == bounds("30", "32")
    assert priced.cost_of_tokens(row) == bounds("20", "22")


def test_a_discount_is_taken_off_tokens_alone() -> None:
    """Half off leaves 10 USD of tokens, and all 10 of searches."""
    priced = price(usage_of([(key(), SEARCHED)]), book_with("{discount: 50%}"))
    (row,) = priced.rows
    assert priced.cost_of_tokens(row) == bounds("10")
    assert priced.cost_of_searches(row) == Decimal(10)


def test_without_a_price_only_the_searches_have_a_cost() -> None:
    """A row of a model that the book lacks says why, and adds the 10 USD of its searches alone."""
    priced = one(usage_of([(key("claude-x"), SEARCHED)]))
    (row,) = priced.rows
    why = Unpriced("the model is not in the price book", of_model=True)
    assert (book().bounds(row.low, row.high), row.unpriced) == (bounds("10"), why)
    assert priced.cost(row) == priced.cost_of_tokens(row) == why
    assert priced.cost_of_searches(row) == Decimal(10)


@pytest.mark.parametrize("seed", range(5))
def test_every_row_costs_what_the_oracle_works_out(seed: int) -> None:
    """No row is left out, merged or priced as another, and each cost is exact."""
    organization = random_organization(
        seeded(seed), start=MONTH.period.start, end=MONTH.period.end, rows=50
    )
    used = organization.usage
    priced = price(usage_of(map(reported, used)), book())
    expected: dict[object, Fraction] = {}
    for usage in used:
        where, cost = reported(usage)[0], oracle.cost(usage)
        assert cost
        expected[where] = expected.get(where, Fraction(0)) + cost[0]
    found = {row.key: priced.cost(row) for row in priced.rows}
    assert {
        where: Fraction(cost.low) for where, cost in found.items() if isinstance(cost, Bounds)
    } == expected


def test_notes_come_before_those_of_the_usage() -> None:
    """What is added to priced usage changes nothing but its notes."""
    old, new = Note("info", "old", "Old."), Note("warning", "new", "New.")
    priced = one(usage_of([(key(), SEARCHED)])).with_notes((old,))
    noted = priced.with_notes((new,))
    assert noted.usage.notes == (new, old)
    assert (noted.usage.table, noted.rows) == (priced.usage.table, priced.rows)
