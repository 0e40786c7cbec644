"""What the amounts of a budget are called, in whatever shows them."""

import json
from decimal import Decimal

import pytest

from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.verdict.results import Cause, DailySpend
from budget_gate.outputs.report.badge import render_badge
from budget_gate.outputs.report.markdown import render_markdown
from budget_gate.outputs.report.text import render_text
from tests.helpers.builders import bounds
from tests.helpers.reports import NOW, make_budget, make_report

DAILY = DailySpend(Decimal(20), bounds("25"), NOW.date(), bounds("24"))
FORECAST = Forecast(Decimal(1100), Decimal(1200), Decimal(1300), None)


@pytest.mark.parametrize(
    ("cause", "forecast", "amount", "cap"),
    [
        ("cap", FORECAST, "$50.00", "$1,000.00"),
        ("daily_cap", FORECAST, "$25.00 today", "$20.00 a day"),
        ("yesterday", FORECAST, "$24.00 yesterday", "$20.00 a day"),
        ("forecast", FORECAST, "$1,200.00 forecast", "$1,000.00 forecast"),
        ("forecast", None, "$50.00", "$1,000.00"),
    ],
)
def test_an_amount_is_called_what_it_is(
    cause: Cause, forecast: Forecast | None, amount: str, cap: str
) -> None:
    """The spend of a day and a forecast are named, and where none is known it is the month's spend."""
    budget = make_budget(
        "a", "50", "1000", status="uncertain", cause=cause, daily=DAILY, forecast=forecast
    )
    report = make_report("uncertain", budget)
    assert f"| {amount} |" in render_markdown(report, "budget.yml")
    assert f" of {cap}\n" in render_text(report, "budget.yml", colour=False)
    message = json.loads(render_badge(report, 3))["message"]
    assert message.endswith(f" of {cap.replace('.00', '')} (Nov 22)")
