"""What a report says besides its budgets: what is not judged, idle, raised or stale."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Final

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import DEFAULT_KEY
from budget_gate.domain.policy.scoping import ScopedBudget
from budget_gate.domain.policy.selection import Named
from budget_gate.domain.spend import Spend, price_age
from budget_gate.domain.verdict.judge import lacks_history
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.domain.verdict.terms import Terms

STALE_NOTE_DAYS: Final = 30
STALE_WARNING_DAYS: Final = 90


def known_yesterday(spend: Spend, month: MonthToDate) -> date | None:
    """The day before, where daily caps judge it as well; None where it could not be read."""
    is_read = month.day.day > 1 or spend.history is not None
    return month.yesterday if is_read else None


def without_yesterday(
    scoped: list[ScopedBudget], spend: Spend, month: MonthToDate
) -> Iterator[Note]:
    """What daily caps would have judged of the month before, and cannot."""
    has_daily_cap = any(it.budget and it.budget.daily_cap is not None for it in scoped)
    if has_daily_cap and month.yesterday != known_yesterday(spend, month):
        message = f"Daily caps do not judge yesterday, {month.yesterday}: it could not be read."
        yield Note("warning", "no_yesterday", message)


def without_history(scoped: list[ScopedBudget], spend: Spend, month: MonthToDate) -> Iterator[Note]:
    """Budgets whose forecast cannot go by the days before the month, and why."""
    names = [it.name for it in scoped if lacks_history(it, month)]
    if names:
        lines = (it for it in spend.history or () if not it.cost.is_limited)
        models = sorted({it.model or "an unnamed model" for it in lines})
        yield Note(
            "warning" if any(_is_undecided(it, month) for it in scoped) else "info",
            "no_history",
            f"Usage of {enumerated(models)} before the month has no price, so forecasts leave it "
            f"out: {enumerated(names)}. Add the price under prices.models in the policy, set "
            "spend.unknown_model: upper_bound, or update budget-gate.",
        )


def without_forecast(
    budgets: Sequence[BudgetResult], scoped: list[ScopedBudget], month: MonthToDate
) -> Iterator[Note]:
    """Budgets that ask for a forecast, and have too few days of spend for one."""
    asked = {
        it.id
        for it in scoped
        if it.budget and it.budget.forecast != "off" and it.cap and not _is_undecided(it, month)
    }
    names = [it.name for it in budgets if it.id in asked and it.forecast is None]
    if names and not month.is_whole:
        why = "there are fewer than 3 full days of spend"
        message = f"No forecast for {enumerated(names)}: {why}."
        yield Note("info", "no_forecast", message)


def _is_undecided(scoped: ScopedBudget, month: MonthToDate) -> bool:
    return bool(scoped.budget and scoped.budget.forecast == "fail") and lacks_history(scoped, month)


def undecided(budgets: Sequence[BudgetResult]) -> Iterator[Note]:
    """What a run that was told which budgets decide leaves undecided."""
    others = [it for it in budgets if not it.decides and it.status not in ("ok", "warning")]
    if others:
        names = enumerated([f"{it.name} ({it.status})" for it in others])
        message = f"Not checked here, by --budget: {names}."
        yield Note("warning", "not_enforced_here", message)


def nothing_unlisted(scoped: Collection[Named], terms: Terms) -> Iterator[Note]:
    """That `unlisted` alone decides, and no workspace is."""
    if "unlisted" in terms.only and all(it.path != "unlisted" for it in scoped):
        message = "No unlisted workspace has spend: --budget unlisted checked nothing."
        yield Note("info", "nothing_unlisted", message)


def strangers(spend: Spend, month: MonthToDate) -> Iterator[Note]:
    """What a reader may take for something else: names, and a month of no length."""
    if any(workspace.name == DEFAULT_KEY for workspace in spend.workspaces or ()):
        message = "A workspace is called default: in the policy, that key is the default workspace."
        yield Note("warning", "default_name", message)
    if month.period.start == month.period.end:
        message = "The month has just begun: there is nothing to judge yet."
        yield Note("warning", "empty_month", message)


def staleness(verified_on: date, month: MonthToDate) -> tuple[Note, ...]:
    """How old prices last checked on that day are, where that is worth a note."""
    age = price_age(verified_on, month.as_of.date())
    if age < STALE_NOTE_DAYS:
        return ()
    return (
        Note(
            "warning" if age >= STALE_WARNING_DAYS else "info",
            "stale_prices",
            f"Prices were last checked on {verified_on}, {age} days before this report. Update "
            "budget-gate.",
        ),
    )
