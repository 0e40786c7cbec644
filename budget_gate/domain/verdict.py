"""Policy x spend x now -> one result per budget -> the report that every output renders."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final, Literal, TypeVar

from budget_gate.domain.bounds import EXACT, NOTHING, Bounds
from budget_gate.domain.budgets import DEFAULT_KEY, ScopedBudget, directory, scope_budgets
from budget_gate.domain.period import DAY, MonthToDate, Period
from budget_gate.domain.policy import Policy, PolicyFile
from budget_gate.domain.spend import Basis, Coverage, Note, PriceFacts, Spend, Workspace

Status = Literal["ok", "warning", "uncertain", "breached", "unverified"]
FailOn = Literal["breach", "warning", "never"]
OnError = Literal["fail", "warn"]

Key = TypeVar("Key")

_NAMED = 5

# From good to bad.
STATUSES: Final[tuple[Status, ...]] = ("ok", "warning", "uncertain", "breached", "unverified")
STALE_NOTE_DAYS: Final = 30
STALE_WARNING_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """What became of a budget; `reason` is a phrase for people, without amounts.

    `cap` and `spend` are exact USD; a `cap` of None only warns of any spend. `line` is that of
    the budget in the policy.
    """

    id: str
    name: str
    cap: Decimal | None
    warn_at: tuple[Decimal, ...]
    spend: Bounds
    status: Status
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class WorkspaceSpend:
    """The spend of a workspace; `id` is None for the default workspace."""

    id: str | None
    name: str
    archived: bool
    spend: Bounds


@dataclass(frozen=True, slots=True)
class ModelSpend:
    """The spend on a model; `id` is None where the usage does not name one."""

    id: str | None
    spend: Bounds


@dataclass(frozen=True, slots=True)
class DaySpend:
    """The spend of a UTC day, and on which basis it is told."""

    day: date
    spend: Bounds
    basis: Basis = "list"


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict and all that explains it: the view model of every output.

    `basis` is what the policy asks for: with `billed`, days that are not settled are at list
    price. `cap` is the global one, in USD, or None. `spend`, `coverage` and `prices` are None
    where no spend could be read at all. `enforced` is False where this run's status would fail
    but the gate was told to let it pass. `organization` is the id of the organization, None where
    it is not known, and `evidence_as_of` the time of an earlier report that this one falls back
    on.
    """

    status: Status
    enforced: bool
    as_of: datetime
    period: Period
    spend: Bounds | None
    cap: Decimal | None = None
    basis: Basis = "list"
    organization: str | None = None
    evidence_as_of: datetime | None = None
    budgets: tuple[BudgetResult, ...] = ()
    workspaces: tuple[WorkspaceSpend, ...] = ()
    models: tuple[ModelSpend, ...] = ()
    days: tuple[DaySpend, ...] = ()
    coverage: Coverage | None = None
    prices: PriceFacts | None = None
    notes: tuple[Note, ...] = ()

    @property
    def price_age_days(self) -> int | None:
        """Days from the last check of the price book to `as_of`; 0 for a time before it."""
        if self.prices is None:
            return None
        return max(0, (self.as_of.date() - self.prices.verified_on).days)


def evaluate(file: PolicyFile, spend: Spend, month: MonthToDate) -> Report:
    """The report on `spend` under the policy.

    Raises ConfigurationError where the policy's workspaces are not those of the organization.
    """
    with localcontext(EXACT):
        workspaces = directory(file.policy, spend)
        by_workspace = _sums((line.workspace, line.cost) for line in spend.lines)
        by_model = _sums((line.model, line.cost) for line in spend.lines)
        by_day = dict.fromkeys(month.days, NOTHING)
        by_day |= _sums((line.day, line.cost) for line in spend.lines)
        total = NOTHING
        for cost in by_day.values():
            total = total.plus(cost)
        budgets = [
            _judge(budget, file.policy)
            for budget in scope_budgets(file, spend, workspaces, by_workspace, total)
        ]
    budgets.sort(key=lambda b: (-STATUSES.index(b.status), *_largest_first(b.spend), b.id))
    status: Status = max((budget.status for budget in budgets), key=STATUSES.index, default="ok")
    if spend.unpriced and status != "breached":
        status = "unverified"
    billed_until = (month.period.start + spend.coverage.billed_days * DAY).date()
    return Report(
        status=status,
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=total,
        cap=_global_cap(file.policy),
        basis=file.policy.spend.basis,
        budgets=tuple(budgets),
        workspaces=_workspace_spend(by_workspace, workspaces),
        models=tuple(
            ModelSpend(model, cost)
            for model, cost in sorted(
                by_model.items(), key=lambda item: (*_largest_first(item[1]), item[0] or "")
            )
        ),
        days=tuple(
            DaySpend(day, cost, "billed" if day < billed_until else "list")
            for day, cost in sorted(by_day.items())
        ),
        coverage=spend.coverage,
        prices=spend.prices,
        notes=(
            *spend.notes,
            *_staleness(spend.prices, month),
            *_strangers(spend, file.policy, month),
        ),
    )


def _sums(costs: Iterable[tuple[Key, Bounds]]) -> dict[Key, Bounds]:
    lows: dict[Key, Decimal] = defaultdict(Decimal)
    highs: dict[Key, Decimal] = defaultdict(Decimal)
    for key, (low, high) in costs:
        lows[key] += low
        highs[key] += high
    return {key: Bounds(low, highs[key]) for key, low in lows.items()}


def unverified(policy: Policy, month: MonthToDate, notes: tuple[Note, ...]) -> Report:
    """The report of a run that could not read the spend: `notes` say why."""
    return Report(
        status="unverified",
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=None,
        cap=_global_cap(policy),
        basis=policy.spend.basis,
        notes=notes,
    )


def decide(report: Report, fail_on: FailOn, on_error: OnError) -> tuple[Report, int]:
    """The report with `enforced` settled, and the exit code: 0, 1 or 3.

    A breach (1) wins over spend that is not established (3). `fail_on` never lets unestablished
    spend pass, nor `on_error` a breach.
    """
    statuses = {budget.status for budget in report.budgets}
    breached = "breached" in statuses
    unestablished = report.status == "unverified" or "uncertain" in statuses
    unestablished |= any(note.code == "unpriced" for note in report.notes)
    unestablished |= report.evidence_as_of is not None
    if breached and fail_on != "never":
        return report, 1
    if "warning" in statuses and fail_on == "warning":
        return report, 1
    if unestablished and on_error == "fail":
        return report, 3
    return replace(report, enforced=not (breached or unestablished)), 0


def _global_cap(policy: Policy) -> Decimal | None:
    return policy.global_.cap if policy.global_ else None


def _judge(budget: ScopedBudget, policy: Policy) -> BudgetResult:
    status, reason = _status(budget, policy)
    return BudgetResult(
        budget.id,
        budget.name,
        budget.cap,
        budget.warn_at,
        budget.spend,
        status,
        reason,
        budget.line,
    )


def _status(budget: ScopedBudget, policy: Policy) -> tuple[Status, str]:
    low, high = budget.spend
    if budget.cap is None:
        return "warning", "the workspace is not listed in the policy and has spend"
    if low > budget.cap:
        return "breached", "spend is above the cap"
    if high > budget.cap:
        if not budget.spend.is_limited:
            return "uncertain", "part of the usage has no price, so spend may be above the cap"
        reason = "the usage report cannot tell whether spend is above the cap"
        return ("warning" if policy.spend.uncertain == "warn" else "uncertain"), reason
    crossed = [level for level in budget.warn_at if budget.cap and high >= level * budget.cap]
    if crossed:
        return "warning", f"spend has reached {(max(crossed) * 100).normalize():f}% of the cap"
    if not budget.is_known:
        return (
            "warning",
            "the workspace is neither listed nor in the usage: the cap watches nothing",
        )
    return "ok", "spend is within the cap"


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


def _strangers(spend: Spend, policy: Policy, month: MonthToDate) -> Iterator[Note]:
    """What a reader may take for something else: names, and a month of no length."""
    listed = {workspace.id for workspace in spend.workspaces or ()}
    unlisted = {line.workspace for line in spend.lines if line.workspace} - listed
    unlisted -= policy.names.keys()
    if spend.workspaces is not None and unlisted:
        first = ", ".join(sorted(map(str, unlisted))[:_NAMED])
        message = f"The usage has workspaces that are not listed ({len(unlisted)}): {first}."
        yield Note("info", "unlisted_workspaces", message)
    if any(workspace.name == DEFAULT_KEY for workspace in spend.workspaces or ()):
        message = "A workspace is called default: in the policy, that key is the default workspace."
        yield Note("warning", "default_name", message)
    if month.period.start == month.period.end:
        message = "The month has just begun: there is nothing to judge yet."
        yield Note("warning", "empty_month", message)


def _staleness(prices: PriceFacts, month: MonthToDate) -> tuple[Note, ...]:
    age = (month.as_of.date() - prices.verified_on).days
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
