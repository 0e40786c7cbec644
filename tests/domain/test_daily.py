"""Rows by day, workspace, model and tier: their tokens and costs, at list price and as billed."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given

from budget_gate.domain.billed.bill import Bill
from budget_gate.domain.billed.settle import settle
from budget_gate.domain.daily import DailyRow, daily
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import UnknownModel, list_spend
from budget_gate.domain.usage import Tokens, Usage
from tests.helpers.bills import ALPHA, OUTPUT, bill, charge, used
from tests.helpers.builders import MILLION, book, book_with, bounds, key, reported, usage_of
from tests.world import oracle
from tests.world.organizations import usages

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
UNHEARD = "claude-unheard-of-9"
HAIKU = "claude-haiku-4-5-20251001"


def rows_of(
    usage: Usage,
    of: Bill | None = None,
    *,
    prices: PriceBook | None = None,
    unknown_model: UnknownModel = "fail",
) -> list[DailyRow]:
    """The rows of usage and a bill, whose costs add up to the spend that a check judges."""
    priced = price(usage, prices or book())
    spend = (
        settle(priced, of, unknown_model=unknown_model)
        if of
        else list_spend(priced, unknown_model=unknown_model)
    )
    assert spend.unpriced == ()
    rows = daily(priced, spend, of, price(usage, book()) if prices else None)
    for side in (0, 1):
        judged = sum((Fraction(line.cost[side]) for line in spend.lines), Fraction(0))
        assert sum(Fraction(row.cost[side]) for row in rows) == judged
    return rows


def told(rows: list[DailyRow]) -> list[tuple[object, ...]]:
    """Each row of the 10th: workspace, model, tier, output tokens, cost at least, basis."""
    assert all(row.day == date(2026, 11, 10) for row in rows)
    return [
        (row.workspace, row.model, row.service_tier, row.tokens.output, row.cost.low, row.basis)
        for row in rows
    ]


# At list price


@given(drawn=usages(START, END))
def test_rows_are_the_sums_of_the_oracle(drawn: list[oracle.Usage]) -> None:
    """Tokens and exact costs, whatever else of a price they differ in."""
    expected: dict[tuple[object, ...], list[Fraction]] = defaultdict(lambda: [Fraction(0)] * 8)
    for one in drawn:
        place = (one.day, one.workspace, one.model, one.service_tier)
        cost = oracle.cost(one)
        assert cost is not None
        counts = (one.uncached, one.write_5m, one.write_1h, one.read, one.output, one.searches)
        both = zip(expected[place], (*map(Fraction, counts), *cost), strict=True)
        expected[place] = [known + more for known, more in both]
    rows = rows_of(usage_of(map(reported, drawn)))
    found = {row[:4]: [*map(Fraction, row.tokens[:6]), *map(Fraction, row.cost)] for row in rows}
    assert len(found) == len(rows)
    assert found == {place: amounts for place, amounts in expected.items() if any(amounts)}
    assert all(row.contracted == row.listed == row.cost and row.basis == "list" for row in rows)


def test_rows_stand_in_one_order() -> None:
    """By day, workspace (the default one first), model and tier, wherever the report has them."""
    keys = [
        key(day="2026-11-09", workspace=ALPHA),
        key("claude-haiku-5-5"),
        key(tier="batch"),
        key(tier="standard"),
        key(workspace=ALPHA),
    ]
    usage = [(each, OUTPUT) for each in keys]
    places = [each[1::-1] + each[2:4] for each in keys]
    assert [row[:4] for row in rows_of(usage_of(usage))] == places
    assert [row[:4] for row in rows_of(usage_of(reversed(usage)))] == places


def test_what_was_not_used_has_no_row() -> None:
    """A report may have rows that count nothing."""
    assert rows_of(usage_of([(key(), Tokens())])) == []


def test_a_model_without_a_price_costs_up_to_the_dearest() -> None:
    """As `spend.unknown_model: upper_bound` has it; searches have a price in any case."""
    usage = usage_of([(key(UNHEARD), Tokens(output=MILLION, web_searches=100))])
    (row,) = rows_of(usage, unknown_model="upper_bound")
    assert row.cost.low == 1
    assert row.cost.is_limited
    assert row.cost.high > 50
    assert row.listed == row.cost


def test_the_prices_of_a_policy_leave_public_ones_known() -> None:
    """$20 of output cost $15 at 25% off; its own price of a model is no public one."""
    own = (
        f"{{discount: 25%, models: {{{UNHEARD}: {{input: 1, output: 4, cache_write_5m: 1, "
        "cache_write_1h: 1, cache_read: 1}}}"
    )
    usage = usage_of([(key(), OUTPUT), (key(UNHEARD), OUTPUT)])
    opus, unheard = rows_of(usage, prices=book_with(own))
    assert (opus.cost, opus.contracted, opus.listed) == (bounds("15"), bounds("15"), bounds("20"))
    assert (unheard.cost, unheard.contracted, unheard.listed) == (bounds("4"), bounds("4"), None)


# As billed


def test_costs_of_settled_days_are_those_of_the_bill() -> None:
    """By model and tier; $20 and $10 at list price are told beside them."""
    usage = used(key(), key(tier="batch"), key(workspace=ALPHA))
    of = bill(charge("18"), charge("9", tier="batch"), charge("17", workspace=ALPHA))
    rows = rows_of(usage, of)
    assert told(rows) == [
        (None, "claude-opus-5-5", "batch", MILLION, Decimal(9), "billed"),
        (None, "claude-opus-5-5", "standard", MILLION, Decimal(18), "billed"),
        (ALPHA, "claude-opus-5-5", "standard", MILLION, Decimal(17), "billed"),
    ]
    assert [row.listed for row in rows] == [bounds("10"), bounds("20"), bounds("20")]


def test_days_that_are_not_settled_are_at_list_price() -> None:
    """The bill reaches the 10th, and not the 11th."""
    rows = rows_of(used(key(), key(day="2026-11-11")), bill(charge("18"), through=11))
    assert [(row.cost, row.basis) for row in rows] == [
        (bounds("18"), "billed"),
        (bounds("20"), "list"),
    ]


def test_a_cost_of_no_model_has_a_row_of_none() -> None:
    """Code execution, which no usage report has; so it has no list price."""
    rows = rows_of(used(key()), bill(charge("18"), charge("2", cost_type="code_execution")))
    assert told(rows)[0] == (None, None, None, 0, Decimal(2), "billed")
    assert rows[0].listed is rows[0].contracted is None


def test_prepaid_usage_is_billed_at_nothing() -> None:
    """Its tokens have a row all the same."""
    rows = rows_of(used(key(), key(tier="priority")), bill(charge("18")))
    assert told(rows)[0] == (
        None, "claude-opus-5-5", "priority", MILLION, Decimal(0), "billed",
    )  # fmt: skip


def test_web_searches_are_shared_out_to_models_and_tiers() -> None:
    """$4 for 400 searches, of which the model's batch made 100 and another model 100."""
    counted = [
        (key(), Tokens(output=MILLION, web_searches=200)),
        (key(tier="batch"), Tokens(output=MILLION, web_searches=100)),
        (key("claude-haiku-5-5"), Tokens(web_searches=100)),
    ]
    usage = used()._replace(table=dict(counted))
    of = bill(charge("18"), charge("9", tier="batch"), charge("4", cost_type="web_search"))
    assert told(rows_of(usage, of)) == [
        (None, "claude-haiku-5-5", "standard", 0, Decimal(1), "billed"),
        (None, "claude-opus-5-5", "batch", MILLION, Decimal(10), "billed"),
        (None, "claude-opus-5-5", "standard", MILLION, Decimal(20), "billed"),
    ]


def test_a_model_that_the_bill_calls_otherwise_is_one_row() -> None:
    """The usage has an id with a date, and the bill one without."""
    rows = rows_of(used(key(HAIKU)), bill(charge("4.5", model="claude-haiku-4-5")))
    assert told(rows) == [(None, HAIKU, "standard", MILLION, Decimal("4.5"), "billed")]


def test_what_is_billed_needs_no_price() -> None:
    """The bill of a settled day has its cost; what it would be at list price is not known."""
    (row,) = rows_of(used(key(UNHEARD)), bill(charge("18", model=UNHEARD)))
    assert (row.cost, row.listed, row.contracted) == (bounds("18"), None, None)


# Days whose costs are late


def late(*charges: str, **more: str) -> Bill:
    """A bill that has less than it should of the 10th."""
    of = bill(*map(charge, charges), *(charge(usd, cost_type=kind) for kind, usd in more.items()))
    return of._replace(doubted=frozenset([date(2026, 11, 10)]))


def test_a_day_whose_costs_are_late_is_at_list_price() -> None:
    """By tiers, as $15 of $30 are billed; what is of no model comes on top, as it is billed."""
    rows = rows_of(used(key(), key(tier="batch")), late("15", code_execution="2"))
    assert told(rows) == [
        (None, None, None, 0, Decimal(2), "billed"),
        (None, "claude-opus-5-5", "batch", MILLION, Decimal(10), "list"),
        (None, "claude-opus-5-5", "standard", MILLION, Decimal(20), "list"),
    ]


def test_a_model_that_is_billed_at_more_than_list_price_already_is_one_row() -> None:
    """$35 are billed so far, and $30 are its list price: of which tier the rest is, nobody knows."""
    rows = rows_of(used(key(), key(tier="batch")), late("35"))
    assert told(rows) == [(None, "claude-opus-5-5", None, 2 * MILLION, Decimal(35), "list")]


@pytest.mark.parametrize("amount", ["10", "50"])
def test_late_costs_of_two_names_add_up(amount: str) -> None:
    """A model under two ids, of which the bill has one; `rows_of` compares the sums."""
    usage = used(key("claude-haiku-4-5"), key(HAIKU))
    of = bill(charge(amount, model="claude-haiku-4-5"))._replace(
        doubted=frozenset([date(2026, 11, 10)])
    )
    rows = rows_of(usage, of)
    assert sum(row.tokens.output for row in rows) == 2 * MILLION
