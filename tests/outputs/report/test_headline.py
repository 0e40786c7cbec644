"""What the first line says of a budget: its amounts, its cause, and what can be done."""

from datetime import date
from decimal import Decimal

import pytest

from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.verdict.results import (
    BudgetResult,
    Cause,
    DailySpend,
    Driver,
    LiveException,
    Span,
    Status,
)
from budget_gate.outputs.report.headline import plain_headline
from tests.helpers.builders import bounds
from tests.helpers.reports import make_budget, make_report
from tests.helpers.wording import assert_says

OPUS = Driver("production", "claude-opus-5-5", Decimal(2), Decimal(1), Decimal(9), Decimal(4))


def said(*budgets: BudgetResult, status: Status = "breached", **changes: object) -> str:
    """The headline of a report of these budgets."""
    return plain_headline(make_report(status, *budgets, **changes), "budget.yml")


@pytest.mark.parametrize(
    ("span", "driver", "cause"),
    [
        ("today", OPUS, "Most of today's spend: claude-opus-5-5 ($2.00)."),
        ("yesterday", OPUS, "Most of yesterday's spend: claude-opus-5-5 ($4.00)."),
        ("month", OPUS, "Most of this month's spend: claude-opus-5-5 ($9.00)."),
        (
            "today",
            OPUS._replace(today=Decimal(0)),
            "Most of this month's spend: claude-opus-5-5 ($9.00).",
        ),
        (
            "month",
            OPUS._replace(is_exact=False),
            "Most of this month's spend: claude-opus-5-5 (at least $9.00).",
        ),
    ],
)
def test_the_cause_is_of_the_time_that_counts(span: Span, driver: Driver, cause: str) -> None:
    """What was spent then, by the model that most of it is of."""
    budget = make_budget(spend="12", status="breached", drivers=(driver,), driven_in=span)
    assert cause in said(budget)


def test_a_breach_of_yesterday_says_until_when_it_counts() -> None:
    """Nobody can spend less on a day that has ended."""
    daily = DailySpend(Decimal(3), bounds("1"), date(2026, 11, 22), bounds("5"))
    found = said(make_budget(spend="6", status="breached", cause="yesterday", daily=daily))
    assert_says(found, "$5.00 on Nov 21", "$2.00 over", "$3.00 daily cap", "until 03:00 UTC")
    assert "Spend less" not in found


@pytest.mark.parametrize(
    ("cause", "daily", "limit"),
    [
        ("cap", None, "At most $3.00 can be reserved (cap of production)."),
        (
            "daily_cap",
            DailySpend(Decimal(2), bounds("1"), date(2026, 11, 22)),
            "At most $1.00 can be reserved (daily cap of production).",
        ),
    ],
)
def test_a_reservation_that_does_not_fit_is_refused(
    cause: Cause, daily: DailySpend | None, limit: str
) -> None:
    """It was not spent: to reserve less is what helps, and the narrowest cap says how much less."""
    budget = make_budget(
        spend="7", status="breached", reserved=Decimal(4), cause=cause, daily=daily, drivers=(OPUS,)
    )
    found = said(budget)
    assert_says(found, "Reservation refused: production", "$4.00 reserved =", limit, "Reserve less")
    assert "Most of" not in found


def test_the_narrowest_cap_of_all_limits_a_reservation() -> None:
    """It may be that of another budget than the worst; one that does not decide has no say."""
    worst = make_budget(spend="7", status="breached", reserved=Decimal(4))
    near = make_budget("organization", "99.50", "100", id="global", reserved=Decimal(4))
    aside = make_budget("evals", "10", decides=False, reserved=Decimal(4))
    assert "At most $0.50 can be reserved (cap of organization)." in said(worst, near, aside)


def test_a_breach_without_the_reservation_is_no_refusal() -> None:
    """11 of 10 are spent already."""
    assert said(make_budget(spend="11", status="breached", reserved=Decimal(4))).startswith(
        "Budget breached: production"
    )


def test_a_workspace_outside_the_policy_has_no_cap_to_be_over() -> None:
    """`unlisted: fail` is why, and a cap of its own is the remedy."""
    found = said(make_budget("lab", "12", "0", status="breached", id="unlisted.wrkspc_01LAB"))
    assert_says(found, "lab has spent $12.00", "not in the policy", "unlisted: fail", "give it a")
    assert "$0.00" not in found


@pytest.mark.parametrize(
    ("regular", "until", "change"),
    [
        ("8", date(2026, 11, 30), "raised until Nov 30"),
        ("12", date(2026, 11, 30), "lowered until Nov 30"),
        ("8", date(2027, 11, 30), "raised until Nov 30, 2027"),
    ],
)
def test_an_exception_says_what_it_does_and_until_when(
    regular: str, until: date, change: str
) -> None:
    """Lower or higher, and with its year where that is another one."""
    exception = LiveException(Decimal(regular), until, "launch", "")
    assert f"; {change})" in said(make_budget(spend="11", status="breached", exception=exception))


def test_an_exception_that_has_ended_is_named_as_why() -> None:
    """What was within its cap yesterday is above it today, though nothing was spent."""
    found = said(make_budget(spend="11", status="breached", lapsed=date(2026, 11, 21)))
    assert_says(found, "$1.00 over", "exception ended on Nov 21", "raise the cap")


@pytest.mark.parametrize("status", ["warning", "breached"])
def test_a_forecast_says_how_much_a_day_would_do(status: Status) -> None:
    """What is left, by the days to come."""
    end = Forecast(Decimal(11), Decimal(12), Decimal(13), date(2026, 11, 28))
    pace = Pace(Decimal(5), Decimal("0.61"), bounds("1"), None)
    budget = make_budget(status=status, cause="forecast", forecast=end, pace=pace)
    assert "Slow down to $0.61 per day, or raise the cap (budget.yml:4)." in said(
        budget, status=status
    )


def test_a_warning_that_fails_the_run_says_why() -> None:
    """A red job with a yellow report is not understood otherwise."""
    budget = make_budget(spend="9", status="warning")
    assert said(budget, status="warning", fails_on_warning=True).startswith(
        "Warning (fail-on: warning): "
    )


def test_a_breach_that_does_not_decide_is_named_beside_the_green_verdict() -> None:
    """The budget that was asked for holds, which is not all that there is to know."""
    aside = make_budget("staging", "12", status="breached", decides=False)
    found = said(make_budget(), aside, status="ok")
    assert_says(found, "Within budget", "(1 not checked)", "not checked here: staging")
