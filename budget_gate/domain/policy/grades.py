"""How much each key of a policy lets pass, so that two policies can be compared."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import UNLIMITED, ZERO
from budget_gate.domain.freshness import oldest
from budget_gate.domain.notes import percent
from budget_gate.domain.policy.budgets import Budget, CapException, GlobalBudget, NamedBudget
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.policy.warnings import ForecastAlert, Rise
from budget_gate.domain.written import age_text

# USD, a word or percentages as a policy has them, members, or a whole part; None: not there.
Value = Decimal | str | tuple[str, ...] | Budget | CapException | None

# A value, and how much it lets pass: the greater, the more.
Graded = tuple[Value, tuple[Decimal | int, ...]]

_FORECASTS: Final = ("fail", "warn", "off")


def budget_grades(budget: Budget) -> dict[str, Graded]:
    """The keys of a budget."""
    daily = UNLIMITED if budget.daily_cap is None else budget.daily_cap
    terms: dict[str, Graded] = {
        "cap": (budget.cap, (budget.cap,)),
        # What warns first counts most.
        "warn_at": (
            ", ".join(map(percent, budget.warn_at)),
            (min(budget.warn_at, default=ZERO), -len(budget.warn_at)),
        ),
        "daily_cap": (budget.daily_cap, (daily,)),
        "forecast": (budget.forecast, (_FORECASTS.index(budget.forecast),)),
    }
    if isinstance(budget, GlobalBudget):
        limit = budget.max_exception
        shown = None if limit is None else percent(limit)
        terms["max_exception"] = (shown, (UNLIMITED if limit is None else limit,))
    if isinstance(budget, NamedBudget):
        terms["optional"] = (str(budget.optional).lower(), (budget.optional,))
    return terms


def unlisted_grade(policy: Policy) -> Graded:
    """What `unlisted` is: a cap of 0 fails any spend."""
    match policy.unlisted:
        case "allow":
            return "allow", (2,)
        case "warn":
            return "warn", (1,)
        case "fail":
            return "fail", (0, ZERO)
        case budget:
            return budget, (0, budget.cap)


def spend_grades(policy: Policy) -> dict[str, Graded]:
    """The keys of `spend`; no basis is the looser one."""
    rules = policy.spend
    return {
        "basis": (rules.basis, ()),
        "uncertain": (rules.uncertain, (rules.uncertain == "warn",)),
        "max_age": (
            age_text(rules.max_age) if rules.max_age else None,
            (oldest(rules) // timedelta(minutes=1),),
        ),
        "unknown_model": (rules.unknown_model, (rules.unknown_model == "upper_bound",)),
    }


def price_grades(policy: Policy) -> dict[str, Graded]:
    """The discount: the higher, the smaller spend looks."""
    return {"discount": (percent(policy.prices.discount), (policy.prices.discount,))}


def alert_grades(alert: Rise | ForecastAlert | None) -> dict[str, Graded]:
    """The keys that an alert has; one that is not there never warns."""
    if alert is None:
        return {"above": (None, (UNLIMITED,))}
    terms: dict[str, Graded] = {"above": (percent(alert.above), (alert.above,))}
    if isinstance(alert, Rise):
        terms["floor"] = (alert.floor, (alert.floor,))
    return terms


def notify_grades(policy: Policy) -> dict[str, Graded]:
    """Who is told, and how often."""
    told = policy.notify
    slack = told.slack.webhook_env if told.slack else None
    webhook = told.webhook.url_env if told.webhook else None
    remind = UNLIMITED if told.remind is None else Decimal(told.remind)
    return {
        "slack": (slack, (slack is None,)),
        "webhook": (webhook, (webhook is None,)),
        "remind": (None if told.remind is None else f"{told.remind}h", (remind,)),
    }
