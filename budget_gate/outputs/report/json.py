"""The report as JSON, schema `budget-gate/report/v1`: exact amounts, times in RFC 3339 UTC."""

from decimal import Decimal
from typing import Any, Final

from budget_gate import __version__
from budget_gate.domain.bounds import Bounds, exact
from budget_gate.domain.period import format_instant
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Driver
from budget_gate.outputs.escaping import dumped
from budget_gate.outputs.report.headline import plain_headline
from budget_gate.outputs.report.sentences import ratio

SCHEMA: Final = "budget-gate/report/v1"


def render_json(report: Report, policy: str) -> str:
    """The report as indented ASCII; `policy` is the policy file."""
    return dumped(document_of(report, plain_headline(report, policy)), indent=2) + "\n"


def document_of(report: Report, headline: str) -> dict[str, Any]:
    """The report as JSON has it; `spend` is null where it could not be determined.

    A `high` of null is an amount without a known upper bound.
    """
    verified = report.status != "unverified"
    return {
        "schema": SCHEMA,
        "version": __version__,
        "status": report.status,
        "enforced": report.enforced,
        "as_of": format_instant(report.as_of),
        "period": {
            "start": format_instant(report.period.start),
            "end": format_instant(report.period.end),
        },
        "spend": bounds_of(report.spend) if verified and report.spend else None,
        "budgets": [_budget(budget) for budget in report.budgets],
        "workspaces": [
            {
                "id": "unattributed" if row.id == UNATTRIBUTED else row.id,
                "name": row.name,
                "archived": row.archived,
                "spend": bounds_of(row.spend),
            }
            for row in report.workspaces
        ],
        "models": [{"id": row.id, "spend": bounds_of(row.spend)} for row in report.models],
        "days": [
            {"day": str(row.day), "spend": bounds_of(row.spend), "basis": row.basis}
            for row in report.days
        ],
        "coverage": report.coverage
        and {
            "through": format_instant(report.coverage.through),
            "closed_days": report.coverage.closed_days,
            "open_day": report.coverage.open_day,
            "billed_days": report.coverage.billed_days,
        },
        "prices": report.prices
        and {
            "verified_on": str(report.prices.verified_on),
            "age_days": report.price_age_days,
            "overrides": list(report.prices.overrides),
            "discount": f"{exact(report.prices.discount * 100)}%",
            "digest": report.prices.digest or None,
        },
        "notes": [
            {"level": note.level, "code": note.code, "message": note.message}
            for note in report.notes
        ],
        "basis": report.basis,
        "organization": report.organization,
        "base_url": report.base_url,
        "previous_as_of": report.previous_as_of and format_instant(report.previous_as_of),
        "change": _amount(report.change),
        "drivers": [_driver(driver) for driver in report.drivers],
        "evidence_as_of": report.evidence_as_of and format_instant(report.evidence_as_of),
        "known_spend": [
            {
                "usd": exact(known.usd),
                "as_of": format_instant(known.as_of),
                "organization": known.organization,
                "prices": known.prices,
                "month": format_instant(known.month),
                "parts": {part: exact(usd) for part, usd in known.parts.items()},
            }
            for known in report.known_spend
        ],
        "judged_at": report.judged_at and format_instant(report.judged_at),
        "whole_month": report.month.is_whole,
        "currency": "USD",
        "headline": headline,
        "changed": report.shift,
        "alerts": [
            {
                "kind": alert.kind,
                "budget": alert.budget,
                "now": exact(alert.now),
                "before": exact(alert.before),
                "message": alert.message,
                "movers": [
                    {"workspace": it.workspace, "model": it.model, "more": exact(it.more)}
                    for it in alert.movers
                ],
            }
            for alert in report.alerts
        ],
        "notified": {
            name: {
                "at": format_instant(told.at),
                "status": told.status,
                "budgets": dict(told.budgets),
                "alerts": {key: format_instant(at) for key, at in told.alerts.items()},
            }
            for name, told in report.told.items()
        },
        "data_refreshed_at": report.data_refreshed_at and format_instant(report.data_refreshed_at),
    }


def _budget(budget: BudgetResult) -> dict[str, Any]:
    return {
        "id": budget.id,
        "name": budget.name,
        "cap": None if budget.cap is None else exact(budget.cap),
        "warn_at": [f"{exact(level * 100)}%" for level in budget.warn_at],
        "spend": bounds_of(budget.spend),
        "used": ratio(budget),
        "status": budget.status,
        "reason": budget.reason,
        "line": budget.line,
        "enforced": budget.decides,
        "reserved": exact(budget.reserved),
        "daily": budget.daily
        and {
            "cap": exact(budget.daily.cap),
            "spend": bounds_of(budget.daily.spend),
            "day": str(budget.daily.day),
            "yesterday": budget.daily.yesterday and bounds_of(budget.daily.yesterday),
        },
        "exception": budget.exception
        and {
            "regular_cap": exact(budget.exception.regular_cap),
            "until": str(budget.exception.until),
            "reason": budget.exception.reason,
            "approved_by": budget.exception.approved_by,
        },
        "forecast": budget.forecast
        and {
            "low": exact(budget.forecast.low),
            "expected": exact(budget.forecast.expected),
            "high": exact(budget.forecast.high) if budget.forecast.high.is_finite() else None,
            "crosses_on": budget.forecast.crosses_on and str(budget.forecast.crosses_on),
        },
        "pace": budget.pace
        and {
            "left": exact(budget.pace.left),
            "per_day": exact(budget.pace.per_day),
            "today": bounds_of(budget.pace.today),
            "mean_day": _amount(budget.pace.mean_day),
        },
        "drivers": [_driver(driver) for driver in budget.drivers],
        "since": budget.since and format_instant(budget.since),
        "change": _amount(budget.change),
        "was": budget.was,
    }


def _driver(driver: Driver) -> dict[str, Any]:
    return {
        "workspace": driver.workspace,
        "model": driver.model,
        "today": exact(driver.today),
        "usual": _amount(driver.usual),
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else exact(amount)


def bounds_of(bounds: Bounds) -> dict[str, str | None]:
    """The ends of an interval; a `high` of None is an amount without a known upper bound."""
    return {"low": exact(bounds.low), "high": exact(bounds.high) if bounds.is_limited else None}
