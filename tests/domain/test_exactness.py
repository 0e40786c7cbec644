"""No context of a caller rounds anything: what a value is made of is exact by itself."""

from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from typing import Any

import pytest

from budget_gate.domain.billed.compare import compare
from budget_gate.domain.billed.late_costs import doubt_late
from budget_gate.domain.billed.settle import settle
from budget_gate.domain.bounds import Bounds, sum_of
from budget_gate.domain.budget_health import check_caps
from budget_gate.domain.first_policy import draft_policy
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.prices.charges import price
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.terms import Terms
from tests.helpers.bills import bill, charge, used
from tests.helpers.builders import (
    MONTH,
    book_with,
    bounds,
    key,
    line,
    month_at,
    policy,
    spend_of_lines,
)

# A context that keeps three digits of every sum.
POOR = Context(prec=3)
# 18 USD and a trillionth, as no three digits tell it.
LONG = "18.000000000001"
POLICY = policy(f"""\
version: 1
global: {{cap: 126.000000000006, warn_at: [33.3333%], max_exception: 10%, daily_cap: 20}}
workspaces: {{wrkspc_01A: {{cap: {LONG}}}}}
groups: {{both: {{cap: 40, workspaces: [wrkspc_01A, default]}}}}
models: {{claude-opus-5-5: {{cap: 60, forecast: warn}}}}
unlisted: {{cap: 18}}
exceptions: [{{budget: workspaces.wrkspc_01A, cap: 19.800000000001, until: 2026-11-30, reason: x}}]
""")
LINES = [
    line(bounds(LONG, "18.000000000002"), workspace, day=day)
    for workspace in ("wrkspc_01A", None)
    for day in ("2026-11-10", "2026-11-11", "2026-11-12")
]
SPEND = spend_of_lines(*LINES)
RISES = policy("""\
version: 1
global: {cap: 1000000}
workspaces: {wrkspc_01A: {cap: 1000000}}
alerts: {week_over_week: {above: 12.345678%}, daily: {above: 1%}, forecast: {above: 0.01%}}
""")
RISEN = spend_of_lines(
    *LINES,
    *(line(bounds(LONG), "wrkspc_01A", day=f"2026-11-{day}") for day in range(13, 21)),
    # In three digits these rise alike, and would stand by name.
    *(
        line(bounds(cost), model=model, day=f"2026-11-{day}")
        for model, cost in (
            ("claude-sonnet-4-5", "7.000020000003"),
            ("claude-haiku-5-5", "7.00001"),
        )
        for day in range(13, 21)
    ),
)
PRICES = book_with("{discount: 12.34567%}")
USED = price(used(*(key("claude-opus-5-5", day=f"2026-11-{day}") for day in (10, 11, 12))), PRICES)
BILLED = bill(*(charge("44.123456789012", day) for day in (10, 11, 12)), through=13)

Made = Callable[[], Any]


def _audited() -> Any:
    audit = compare(USED, BILLED, {}, MONTH.as_of)
    return audit, audit.list_cost, audit.billed, audit.drift, audit.unexplained, audit.causes


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: evaluate(POLICY, SPEND, MONTH), id="verdict"),
        pytest.param(lambda: evaluate(RISES, RISEN, MONTH), id="alerts"),
        pytest.param(
            lambda: evaluate(
                POLICY, SPEND, MONTH, Terms("breach", "fail", (), Reservation(Decimal(LONG), None))
            ),
            id="reservation",
        ),
        pytest.param(lambda: settle(USED, BILLED, unknown_model="fail"), id="billed spend"),
        pytest.param(lambda: doubt_late(BILLED, USED, expected=1), id="late costs"),
        pytest.param(_audited, id="audit"),
        pytest.param(lambda: draft_policy(SPEND, month_at("2026-12-02").before), id="draft"),
        pytest.param(lambda: check_caps(POLICY.policy, None, ()), id="caps"),
    ],
)
def test_the_context_of_a_caller_changes_nothing(make: Made) -> None:
    """Three digits of precision around it leave every amount as it is."""
    told = make()
    with localcontext(POOR):
        assert make() == told


def test_there_are_alerts_to_compare() -> None:
    """Of each kind, for each budget, or the test above would show nothing of them."""
    found = [it.kind for it in evaluate(RISES, RISEN, MONTH).alerts]
    assert sorted(found) == ["daily"] * 2 + ["forecast"] * 2 + ["week_over_week"] * 2


def test_sums_are_whole_in_any_context() -> None:
    """Two of 18.000000000001 are 36.000000000002, and so is the sum of two ranges."""
    with localcontext(POOR):
        assert sum_of([Decimal(LONG)] * 2) == Decimal("36.000000000002")
        twice = Bounds.exactly(Decimal(LONG)).plus(Bounds.exactly(Decimal(LONG)))
        assert twice == (Decimal("36.000000000002"), Decimal("36.000000000002"))
        assert Bounds(Decimal(0), Decimal("0.000000000003")).middle == Decimal("1.5e-12")
