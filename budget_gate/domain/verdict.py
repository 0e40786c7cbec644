"""Policy x spend x now -> one result per budget -> the report that every output renders."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, Literal

from budget_gate.domain.bounds import EXACT, NOTHING, ZERO, Bounds
from budget_gate.domain.budgets import (
    Reservation,
    ScopedBudget,
    Scoping,
    refuse_vain_reservation,
    select,
)
from budget_gate.domain.costs import Days, add_up, total
from budget_gate.domain.exceptions import caps_in_force, expired
from budget_gate.domain.forecast import Forecast, forecast
from budget_gate.domain.idle import idle_keys, idle_models, unnamed_workspaces
from budget_gate.domain.pace import pace
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy import Policy, PolicyFile
from budget_gate.domain.report import (
    STATUSES,
    BudgetResult,
    Cause,
    DailySpend,
    DaySpend,
    LiveException,
    ModelSpend,
    Report,
    Status,
    WorkspaceSpend,
)
from budget_gate.domain.resolving import DEFAULT_KEY, directory, resolve
from budget_gate.domain.spend import (
    Coverage,
    Note,
    PriceFacts,
    Spend,
    Workspace,
    enumerated,
    price_age,
)

FailOn = Literal["breach", "warning", "never"]
OnError = Literal["fail", "warn"]
_Verdict = tuple[Status, str, Cause]

STALE_NOTE_DAYS: Final = 30
STALE_WARNING_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Terms:
    """How a run judges: what fails it, which budgets decide (none: all), what is reserved."""

    fail_on: FailOn = "breach"
    on_error: OnError = "fail"
    only: tuple[str, ...] = ()
    reservation: Reservation | None = None


STRICT: Final = Terms()


def evaluate(file: PolicyFile, spend: Spend, month: MonthToDate, terms: Terms = STRICT) -> Report:
    """The report on `spend` under the policy.

    Raises ConfigurationError where the policy or the terms do not fit the organization.
    """
    caps = caps_in_force(file, month)
    with localcontext(EXACT):
        workspaces = directory(file.policy, spend)
        costs, history = add_up(spend.lines), add_up(spend.history or ())
        yesterday = _known_yesterday(spend, month)
        named = resolve(file, spend, workspaces, yesterday)
        scoping = Scoping(
            file,
            spend,
            workspaces,
            costs,
            history,
            named,
            caps,
            terms.reservation,
            yesterday,
        )
        scoped = scoping.budgets()
        deciding = select(scoped, terms.only, file.policy)
        refuse_vain_reservation(scoped, deciding, terms.reservation)
        budgets = [
            _judge(it, file.policy, month, yesterday, decides=it.id in deciding) for it in scoped
        ]
        spent = total(costs.days)
        by_workspace = {id_: total(days) for id_, days in costs.workspaces.items()}
        by_model = {id_: total(days) for id_, days in costs.models.items()}
    budgets.sort(key=lambda b: (-STATUSES.index(b.status), *_largest_first(b.spend), b.id))
    return Report(
        status=_status_of(budgets, spend),
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=spent,
        cap=caps.of("global"),
        basis=file.policy.spend.basis,
        budgets=tuple(budgets),
        workspaces=_workspace_spend(by_workspace, workspaces),
        models=tuple(
            ModelSpend(model, cost)
            for model, cost in sorted(
                by_model.items(), key=lambda item: (*_largest_first(item[1]), item[0] or "")
            )
        ),
        days=tuple(_days(month, costs.days, spend.coverage)),
        coverage=spend.coverage,
        prices=spend.prices,
        notes=(
            *spend.notes,
            *expired(file.policy, month.day),
            *idle_keys(file.policy, named),
            *idle_models(file.policy, spend, month),
            *unnamed_workspaces(file.policy, spend),
            *_without_forecast(budgets, scoped, month),
            *_without_yesterday(scoped, spend, month),
            *_undecided(budgets),
            *_nothing_unlisted(scoped, terms),
            *_raised(budgets),
            *_staleness(spend.prices, month),
            *_strangers(spend, month),
        ),
    )


def _known_yesterday(spend: Spend, month: MonthToDate) -> date | None:
    """The day before, where daily caps judge it as well; None where it could not be read."""
    is_read = month.day.day > 1 or spend.history is not None
    return month.yesterday if is_read else None


def _without_yesterday(
    scoped: list[ScopedBudget], spend: Spend, month: MonthToDate
) -> Iterator[Note]:
    """What daily caps would have judged of the month before, and cannot."""
    has_daily_cap = any(it.budget and it.budget.daily_cap is not None for it in scoped)
    if has_daily_cap and month.yesterday != _known_yesterday(spend, month):
        message = f"Daily caps do not judge yesterday, {month.yesterday}: it could not be read."
        yield Note("warning", "no_yesterday", message)


def _status_of(budgets: list[BudgetResult], spend: Spend) -> Status:
    """The worst status of the budgets that decide; unverified where their spend is not known."""
    deciding = [budget for budget in budgets if budget.decides]
    status: Status = max((each.status for each in deciding), key=STATUSES.index, default="ok")
    # Where only some budgets decide, what is unknown elsewhere is not theirs.
    is_known = 0 < len(deciding) < len(budgets)
    is_known = is_known and all(each.spend.is_limited for each in deciding)
    if spend.unpriced and status != "breached" and not is_known:
        return "unverified"
    return status


def _days(month: MonthToDate, days: Days, coverage: Coverage) -> Iterator[DaySpend]:
    for day, cost in sorted({**dict.fromkeys(month.days, NOTHING), **days}.items()):
        yield DaySpend(day, cost, "billed" if coverage.is_billed(day) else "list")


def unverified(file: PolicyFile, month: MonthToDate, notes: tuple[Note, ...]) -> Report:
    """The report of a run that could not read the spend: `notes` say why.

    Raises ConfigurationError where the policy's exceptions do not fit its budgets.
    """
    return Report(
        status="unverified",
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=None,
        cap=caps_in_force(file, month).of("global"),
        basis=file.policy.spend.basis,
        notes=notes,
    )


def decide(report: Report, terms: Terms) -> tuple[Report, int]:
    """The report with `enforced` settled, and the exit code: 0, 1 or 3.

    A breach (1) wins over spend that is not established (3). `fail_on` never lets unestablished
    spend pass, nor `on_error` a breach.
    """
    deciding = [budget for budget in report.budgets if budget.decides]
    statuses = {budget.status for budget in deciding}
    breached = "breached" in statuses
    unestablished = report.status == "unverified" or "uncertain" in statuses
    errors = {note.code for note in report.notes if note.level == "error"}
    # What fell is the total: whose part of it is missing is not known.
    unestablished |= "spend_fell" in errors
    if len(deciding) == len(report.budgets):
        unestablished |= "unpriced" in errors
    unestablished |= report.evidence_as_of is not None
    if breached and terms.fail_on != "never":
        return report, 1
    if "warning" in statuses and terms.fail_on == "warning":
        return report, 1
    if unestablished and terms.on_error == "fail":
        return report, 3
    return replace(report, enforced=not (breached or unestablished)), 0


def _judge(
    scoped: ScopedBudget,
    policy: Policy,
    month: MonthToDate,
    yesterday: date | None,
    *,
    decides: bool,
) -> BudgetResult:
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
        *_by_forecast(scoped, outlook),
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
    )


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
    if low + reserved > cap:
        return "breached", f"{what} above the cap"
    if high + reserved > cap:
        if not scoped.spend.is_limited:
            return "uncertain", "part of the usage has no price, so spend may be above the cap"
        reason = f"the usage report cannot tell whether {what} above the cap"
        return ("warning" if policy.spend.uncertain == "warn" else "uncertain"), reason
    crossed = [level for level in scoped.budget.warn_at if cap and high >= level * cap]
    if crossed:
        return "warning", f"spend has reached {(max(crossed) * 100).normalize():f}% of the cap"
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
            yield status, f"it cannot be told whether {each} above the daily cap", cause


def _by_forecast(scoped: ScopedBudget, outlook: Forecast | None) -> Iterator[_Verdict]:
    if outlook is None or scoped.cap is None or scoped.budget is None:
        return
    # What is expected is told in whole cents, which may lie above a cap that is never crossed.
    if outlook.crosses_on is not None and scoped.budget.forecast != "off":
        status: Status = "breached" if scoped.budget.forecast == "fail" else "warning"
        yield status, f"spend is expected to cross the cap on {outlook.crosses_on}", "forecast"


def _forecast(scoped: ScopedBudget, month: MonthToDate) -> Forecast | None:
    is_off = scoped.budget is None or scoped.budget.forecast == "off"
    if scoped.cap is None or is_off or month.is_whole:
        return None
    today = month.as_of.date()
    days = {**scoped.history, **scoped.days}
    # Whether a range across the cap has crossed it is not known: what is sure of it is forecast.
    straddles = scoped.spend.low <= scoped.cap < scoped.spend.high
    estimate = _least if straddles else _estimate
    estimates = {day: estimate(cost) for day, cost in days.items()}
    return forecast(
        month,
        spent=estimate(scoped.spend),
        closed={day: cost for day, cost in estimates.items() if day != today},
        today=estimates.get(today, ZERO),
        cap=scoped.cap,
    )


def _least(cost: Bounds) -> Decimal:
    return cost.low


def _estimate(cost: Bounds) -> Decimal:
    """The middle of a cost that is not known exactly; where it has no upper bound, its least."""
    return (cost.low + cost.high) / 2 if cost.is_limited else cost.low


def _without_forecast(
    budgets: list[BudgetResult], scoped: list[ScopedBudget], month: MonthToDate
) -> Iterator[Note]:
    asked = {it.id for it in scoped if it.budget and it.budget.forecast != "off" and it.cap}
    names = [it.name for it in budgets if it.id in asked and it.forecast is None]
    if names and not month.is_whole:
        why = "there are fewer than 3 closed days of spend to go by"
        message = f"No forecast for {enumerated(names)}: {why}."
        yield Note("info", "no_forecast", message)


def _undecided(budgets: list[BudgetResult]) -> Iterator[Note]:
    """What a run that was told which budgets decide leaves undecided."""
    others = [it for it in budgets if not it.decides and it.status not in ("ok", "warning")]
    if others:
        names = enumerated([f"{it.name} ({it.status})" for it in others])
        message = f"Not enforced here, by --budget: {names}."
        yield Note("warning", "not_enforced_here", message)


def _nothing_unlisted(scoped: list[ScopedBudget], terms: Terms) -> Iterator[Note]:
    if "unlisted" in terms.only and all(it.path != "unlisted" for it in scoped):
        message = "No unlisted workspace has spend: --budget unlisted checked nothing."
        yield Note("info", "nothing_unlisted", message)


def _raised(budgets: list[BudgetResult]) -> Iterator[Note]:
    """Exceptions in force that more than double a cap."""
    names = [
        it.name for it in budgets if it.exception and (it.cap or 0) > 2 * it.exception.regular_cap
    ]
    if names:
        message = f"An exception more than doubles the cap of {enumerated(names)}."
        yield Note("warning", "large_exception", message)


def _largest_first(cost: Bounds) -> tuple[Decimal, Decimal]:
    return -cost.high, -cost.low


def _workspace_spend(
    costs: dict[str | None, Bounds], workspaces: dict[str | None, Workspace]
) -> tuple[WorkspaceSpend, ...]:
    rows = [
        WorkspaceSpend(id_, workspaces[id_].name, workspaces[id_].archived, cost)
        for id_, cost in costs.items()
    ]
    rows.sort(key=lambda row: (*_largest_first(row.spend), row.id is not None, row.id or ""))
    return tuple(rows)


def _strangers(spend: Spend, month: MonthToDate) -> Iterator[Note]:
    """What a reader may take for something else: names, and a month of no length."""
    if any(workspace.name == DEFAULT_KEY for workspace in spend.workspaces or ()):
        message = "A workspace is called default: in the policy, that key is the default workspace."
        yield Note("warning", "default_name", message)
    if month.period.start == month.period.end:
        message = "The month has just begun: there is nothing to judge yet."
        yield Note("warning", "empty_month", message)


def _staleness(prices: PriceFacts, month: MonthToDate) -> tuple[Note, ...]:
    age = price_age(prices.verified_on, month.as_of.date())
    if age < STALE_NOTE_DAYS:
        return ()
    return (
        Note(
            "warning" if age >= STALE_WARNING_DAYS else "info",
            "stale_prices",
            f"The price book was last checked on {prices.verified_on}, {age} days before this "
            "report: update budget-gate.",
        ),
    )
