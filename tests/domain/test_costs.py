"""Lines of spend are added up by workspace, by model and by day, and no part counts twice or gets lost."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.costs import Costs, Days, add_up, total
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import SpendLine
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate
from tests.helpers.builders import (
    MONTH,
    book,
    bounds,
    fractions,
    line,
    policy,
    reported,
    spend_of_lines,
    usage_of,
)
from tests.world import oracle
from tests.world.organizations import STRATEGY_WORKSPACES, usages

A, B = "wrkspc_01A", "wrkspc_01B"
OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-5-5"
LINES = (
    line(bounds("1"), A, model=OPUS, day="2026-11-01"),
    line(bounds("2", "3"), A, model=HAIKU, day="2026-11-02"),
    line(bounds("4"), B, model=OPUS, day="2026-11-02"),
    line(bounds("8"), None, model=OPUS, day="2026-11-02"),
)


def costs_of(*lines: SpendLine) -> Costs:
    """The costs of lines, added exactly."""
    return add_up(lines)


def told(days: Days) -> dict[str, Bounds]:
    """Costs by the number of the day, those of nothing left out."""
    return {f"{day:%d}": cost for day, cost in days.items() if cost != NOTHING}


def test_costs_of_workspaces_are_added_by_day() -> None:
    """Of those that are asked for, the default one among them."""
    costs = costs_of(*LINES)
    assert told(costs.of_workspaces([A])) == {"01": bounds("1"), "02": bounds("2", "3")}
    assert told(costs.of_workspaces([A, None])) == {"01": bounds("1"), "02": bounds("10", "11")}


def test_costs_of_models_are_added_by_day() -> None:
    """Over every workspace."""
    costs = costs_of(*LINES)
    assert told(costs.of_models([OPUS])) == {"01": bounds("1"), "02": bounds("12")}
    assert told(costs.of_models([OPUS, HAIKU])) == {"01": bounds("1"), "02": bounds("14", "15")}


def test_days_are_those_of_all_lines() -> None:
    """Whatever workspace and model they are of."""
    assert told(costs_of(*LINES).days) == {"01": bounds("1"), "02": bounds("14", "15")}


@pytest.mark.parametrize("ids", [[], ["wrkspc_01NOBODY"]])
def test_workspaces_without_spend_cost_nothing(ids: list[str | None]) -> None:
    """None of the others' spend is theirs."""
    assert total(costs_of(*LINES).of_workspaces(ids)) == NOTHING
    assert total(costs_of(*LINES).of_models([])) == NOTHING


def test_lines_of_one_place_are_added() -> None:
    """Several of a workspace, a model and a day."""
    costs = costs_of(LINES[0], LINES[0], LINES[0])
    assert total(costs.of_workspaces([A])) == bounds("3")


def test_sum_is_exact_to_the_last_digit() -> None:
    """With the largest amount and the smallest one of a price."""
    costs = costs_of(line(bounds("999999999999999")), line(bounds("0.000000000000000001")))
    assert total(costs.days) == bounds("999999999999999.000000000000000001")


def test_spend_of_a_report_is_exact_to_the_last_digit() -> None:
    """As the spend of each of its budgets."""
    lines = (line(bounds("999999999999999")), line(bounds("0.000000000000000001")))
    report = evaluate(policy("version: 1\nglobal: {cap: 1}\n"), spend_of_lines(*lines), MONTH)
    assert report.spend == report.budgets[0].spend
    assert report.spend == bounds("999999999999999.000000000000000001")


def test_unattributed_usage_is_at_most_of_the_workspaces_together() -> None:
    """Once for all of them, on its day, and never as certain."""
    costs = costs_of(*LINES, line(bounds("16", "20"), UNATTRIBUTED, day="2026-11-03"))
    found = costs.of_workspaces([A, B, None, UNATTRIBUTED])
    assert told(found) == {
        "01": bounds("1"),
        "02": bounds("14", "15"),
        "03": bounds("0", "20"),
    }


def test_usage_without_a_model_is_at_most_of_the_models_together() -> None:
    """As usage without a workspace."""
    costs = costs_of(*LINES, line(bounds("16"), A, model=None, day="2026-11-01"))
    assert told(costs.of_models([HAIKU])) == {"01": bounds("0", "16"), "02": bounds("2", "3")}
    assert total(costs.of_workspaces([A])) == bounds("19", "20")


def test_billed_cost_of_no_model_is_of_none() -> None:
    """Such as code execution: it is known not to be of a model."""
    billed = SpendLine(A, date(2026, 11, 1), None, bounds("16"), "billed")
    costs = costs_of(*LINES, billed)
    assert total(costs.of_models([HAIKU])) == bounds("2", "3")
    assert total(costs.of_workspaces([A])) == bounds("19", "20")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([OPUS], ("0", "16")),
        ([HAIKU], ("0", "16")),
        ([OPUS, HAIKU], ("16", "16")),
        (["x"], ("0", "0")),
    ],
)
def test_cost_that_may_be_of_several_models_is_of_all_of_them_together(
    names: list[str], expected: tuple[str, str]
) -> None:
    """Of one alone it is a range, whatever name it is told under."""
    billed = SpendLine(A, date(2026, 11, 1), "x", bounds("16"), "billed", (HAIKU, OPUS))
    assert total(costs_of(billed).of_models(names)) == bounds(*expected)


def test_usage_without_a_price_has_no_upper_bound() -> None:
    """In what it is of, and not elsewhere."""
    costs = costs_of(*LINES, line(bounds("0", "unlimited"), A, model="claude-new-9"))
    assert total(costs.of_workspaces([A])) == bounds("3", "unlimited")
    assert total(costs.of_workspaces([B])) == bounds("4")
    assert total(costs.of_models([OPUS])) == bounds("13")


def test_no_lines_cost_nothing() -> None:
    """The first instant of a month."""
    costs = costs_of()
    assert (total(costs.days), costs.workspaces, costs.models) == (NOTHING, {}, {})


@settings(max_examples=40)
@given(
    usages(MONTH.period.start, MONTH.as_of),
    st.sets(st.sampled_from(STRATEGY_WORKSPACES)),
    st.integers(0, 2**16),
)
def test_costs_are_those_of_the_oracle(
    rows: list[oracle.Usage], ids: set[str | None], chosen: int
) -> None:
    """Of any workspaces and models, in total and on every day."""
    models = {row.model for number, row in enumerate(rows) if chosen >> number % 16 & 1}
    spend = list_spend(price(usage_of(map(reported, rows)), book()), unknown_model="fail")
    costs = costs_of(*spend.lines)
    of_workspaces = [row for row in rows if row.workspace in ids]
    of_models = [row for row in rows if row.model in models]
    for days, expected in (
        (costs.of_workspaces(ids), of_workspaces),
        (costs.of_models(models), of_models),
        (costs.days, rows),
    ):
        assert fractions(total(days)) == oracle.total(expected)
        for day in {row.day for row in rows}:
            on_day = [row for row in expected if row.day == day]
            assert fractions(days.get(day, NOTHING)) == oracle.total(on_day)
