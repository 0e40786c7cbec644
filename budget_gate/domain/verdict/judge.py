"""A budget against its cap, its daily cap and its forecast."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from budget_gate.domain.bounds import NOTHING, UNLIMITED, Bounds, plus, times
from budget_gate.domain.forecast.month_end import Forecast, forecast
from budget_gate.domain.forecast.pace import pace
from budget_gate.domain.notes import percent
from budget_gate.domain.period import HISTORY_DAYS, MonthToDate
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.policy.scoping import ScopedBudget
from budget_gate.domain.verdict.results import (
    STATUSES,
    BudgetResult,
    Cause,
    DailySpend,
    LiveException,
    Status,
)

_Verdict = tuple[Status, str, Cause]


def judge(
    scoped: ScopedBudget,
    policy: Policy,
    month: MonthToDate,
    yesterday: date | None,
    *,
    decides: bool,
) -> BudgetResult:
    """A budget against its cap, its daily cap and its forecast."""
    spend, today = scoped.spend, scoped.days.get(month.as_of.date(), NOTHING)
    daily = None
    # A month that has ended has no today, neither to cap nor to go on from.
    if scoped.budget and scoped.budget.daily_cap is not None and not month.is_whole:
        days = {**scoped.history, **scoped.days}
        before = None if yesterday is None else days.get(yesterday, NOTHING)
        daily = DailySpend(scoped.budget.daily_cap, today, month.day, before)
    outlook = _forecast(scoped, month)
    verdicts = [
        _by_cap(scoped, policy),
        *_by_day(daily, scoped.reserved, policy),
        *_by_forecast(scoped, outlook, month),
    ]
    status, reason, cause = max(verdicts, key=lambda verdict: STATUSES.index(verdict[0]))
    return BudgetResult(
        id=scoped.id,
        name=scoped.name,
        cap=scoped.cap,
        warn_at=scoped.budget.warn_at if scoped.budget else (),
        spend=spend,
        status=status,
        reason=reason,
        line=scoped.line,
        cause=cause,
        reserved=scoped.reserved,
        daily=daily,
        exception=_live(scoped),
        forecast=outlook,
        pace=None
        if scoped.cap is None or month.is_whole
        else pace(month, scoped.cap, spend, today),
        decides=decides,
        lapsed=_lapsed(scoped, policy, month) if (status, cause) == ("breached", "cap") else None,
    )


def _lapsed(scoped: ScopedBudget, policy: Policy, month: MonthToDate) -> date | None:
    ended = (it for it in policy.exceptions if it.budget == scoped.path and it.until < month.day)
    return max((it.until for it in ended if scoped.spend.low <= it.cap), default=None)


def _live(scoped: ScopedBudget) -> LiveException | None:
    if scoped.exception is None or scoped.budget is None:
        return None
    of = scoped.exception
    return LiveException(scoped.budget.cap, of.until, of.reason, of.approved_by)


def _by_cap(scoped: ScopedBudget, policy: Policy) -> _Verdict:
    status, reason = _against_cap(scoped, policy)
    return status, reason, "cap"


def _against_cap(scoped: ScopedBudget, policy: Policy) -> tuple[Status, str]:
    cap, reserved = scoped.cap, scoped.reserved
    low, high = scoped.spend
    what = "spend and the reservation are" if reserved else "spend is"
    if cap is None or scoped.budget is None:
        return "warning", "the workspace is not listed in the policy and has spend"
    if plus(low, reserved) > cap:
        return "breached", f"{what} above the cap"
    if plus(high, reserved) > cap:
        if not scoped.spend.is_limited:
            return "uncertain", "there is no upper bound of the spend, so it may be above the cap"
        reason = f"it is not known whether {what} above the cap"
        return ("warning" if policy.spend.uncertain == "warn" else "uncertain"), reason
    crossed = [level for level in scoped.budget.warn_at if cap and high >= times(level, cap)]
    if crossed:
        return (
            "warning",
            f"spend has reached {percent(max(crossed))} of the cap",
        )
    if not scoped.is_known and scoped.id.startswith("groups."):
        return "warning", "a workspace of the group is neither listed nor in the usage"
    if not scoped.is_known:
        return (
            "warning",
            "the workspace is neither listed nor in the usage: the cap watches nothing",
        )
    return "ok", f"{what} within the cap"


def _by_day(daily: DailySpend | None, reserved: Decimal, policy: Policy) -> Iterator[_Verdict]:
    if daily is None:
        return
    what = "today's spend and the reservation are" if reserved else "today's spend is"
    days: list[tuple[str, Bounds, Cause]] = [
        (what, daily.spend.plus(Bounds.exactly(reserved)), "daily_cap")
    ]
    if daily.yesterday:
        days.append(("yesterday's spend is", daily.yesterday, "yesterday"))
    for each, spend, cause in days:
        if spend.low > daily.cap:
            yield "breached", f"{each} above the daily cap", cause
        elif spend.high > daily.cap:
            is_told = policy.spend.uncertain == "warn" and spend.is_limited
            status: Status = "warning" if is_told else "uncertain"
            yield status, f"it is not known whether {each} above the daily cap", cause


def lacks_history(scoped: ScopedBudget, month: MonthToDate) -> bool:
    """Whether the budget asks for a forecast, and days before the month have no upper bound."""
    is_asked = scoped.cap is not None and scoped.budget and scoped.budget.forecast != "off"
    first = month.last_days(HISTORY_DAYS).start.date()
    days = (cost for day, cost in scoped.history.items() if day >= first)
    return bool(is_asked) and not month.is_whole and not all(cost.is_limited for cost in days)


def _by_forecast(
    scoped: ScopedBudget, outlook: Forecast | None, month: MonthToDate
) -> Iterator[_Verdict]:
    if scoped.budget and scoped.budget.forecast == "fail" and lacks_history(scoped, month):
        reason = "days before the month have usage without a price, so the forecast is not known"
        yield "uncertain", reason, "forecast"
        return
    if outlook is None or scoped.cap is None or scoped.budget is None:
        return
    # What is expected is told in whole cents, which may lie above a cap that is never crossed.
    if outlook.crosses_on is not None and scoped.budget.forecast != "off":
        # No run fails by a month that may well end within the cap.
        fails = scoped.budget.forecast == "fail" and outlook.low > scoped.cap
        status: Status = "breached" if fails else "warning"
        yield status, f"spend is expected to cross the cap on {outlook.crosses_on}", "forecast"


def _forecast(scoped: ScopedBudget, month: MonthToDate) -> Forecast | None:
    is_off = scoped.budget is None or scoped.budget.forecast == "off"
    if scoped.cap is None or is_off or month.is_whole:
        return None
    today, lacks = month.as_of.date(), lacks_history(scoped, month)
    if lacks and scoped.budget and scoped.budget.forecast == "fail":
        return None
    days = {**({} if lacks else scoped.history), **scoped.days}

    def of(estimate: Callable[[Bounds], Decimal]) -> Forecast | None:
        if not estimate(scoped.spend).is_finite():
            return None
        return forecast(
            month,
            spent=estimate(scoped.spend),
            closed={day: estimate(cost) for day, cost in days.items() if day != today},
            today=estimate(days.get(today, NOTHING)),
            cap=scoped.cap,
        )

    expected = of(lambda cost: cost.middle)
    if expected is None or all(cost.is_exact for cost in (scoped.spend, *days.values())):
        return expected
    # Of a range each end goes on by itself, and the cap is crossed where that is sure.
    low, high = of(lambda cost: cost.low), of(lambda cost: cost.high)
    first = expected if scoped.spend.high <= scoped.cap else low
    return replace(
        expected,
        low=min(low.low if low else scoped.spend.low, expected.expected),
        high=max(high.high, expected.expected) if high else UNLIMITED,
        crosses_on=first.crosses_on if first else None,
    )
