"""What is reserved, added to the budgets of an earlier report that are for it."""

from datetime import datetime
from decimal import Decimal

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.budgets import Budget
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.policy.directory import workspace_id
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.names import id_text, path_of
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import STATUSES, BudgetResult, Cause, DailySpend, Status
from budget_gate.domain.verdict.same_policy import directory_of, ids_of
from budget_gate.errors import ConfigurationError

_WHAT = "spend and the reservation are"


def with_reservation(
    budgets: tuple[BudgetResult, ...],
    earlier: Report,
    reservation: Reservation,
    file: PolicyFile | None,
    now: datetime,
) -> tuple[BudgetResult, ...]:
    """The `budgets` of the `earlier` report, judged with what is reserved in those that it is for.

    Which workspaces a group has is known by the policy alone: without it, a group whose cap the
    reservation could break is uncertain. Raises ConfigurationError where the report knows no such
    workspace.
    """
    amount = reservation.amount
    if reservation.workspace is None:
        return tuple(_reserved(it, amount, now) if it.id == "global" else it for it in budgets)
    workspaces = directory_of(earlier, file.policy if file else None)
    try:
        where = workspace_id(reservation.workspace, workspaces)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error.message} in the report", error.hint) from error
    id_ = id_text(where)
    concerned = {f"workspaces.{id_}", f"unlisted.{id_}"}
    for key, group in file.policy.groups.items() if file else ():
        if where in ids_of(group.workspaces, workspaces):
            concerned.add(f"groups.{key}")
    unlisted = file.policy.unlisted_budget if file else None
    if file and unlisted and not concerned & {it.id for it in budgets}:
        name = workspaces[where].name
        new = _without_spend(id_, name, unlisted, file, now)
        budgets = (*budgets, *placed((new,), file, now))
    return tuple(
        _reserved(it, amount, now)
        if it.id in {"global", *concerned}
        else _perhaps_reserved(it, amount, now)
        if file is None and it.id.startswith("groups.")
        else it
        for it in budgets
    )


def placed(
    budgets: tuple[BudgetResult, ...], file: PolicyFile | None, now: datetime
) -> tuple[BudgetResult, ...]:
    """The budgets with the lines of their caps in the policy at hand, where there is one."""
    if file is None:
        return budgets
    policy, exceptions = file.policy, caps_in_force(file, MonthToDate(now)).exceptions
    found = []
    for budget in budgets:
        path: tuple[str | int, ...] = path_of(budget.id, budget.name, policy)
        exception = exceptions.get(".".join(map(str, path)))
        if exception:
            path = ("exceptions", policy.exceptions.index(exception))
        found.append(budget._replace(line=file.source.line(*path, "cap")))
    return tuple(found)


def _without_spend(
    id_: str, name: str, asked: Budget, file: PolicyFile, now: datetime
) -> BudgetResult:
    """The budget of an unlisted workspace that has not spent anything by the report."""
    daily = asked.daily_cap
    return BudgetResult(
        id=f"unlisted.{id_}",
        name=name,
        cap=caps_in_force(file, MonthToDate(now)).of("unlisted"),
        warn_at=asked.warn_at,
        spend=NOTHING,
        status="ok",
        reason="spend is within the cap",
        line=1,
        daily=None if daily is None else DailySpend(daily, NOTHING, now.date()),
    )


def _reserved(budget: BudgetResult, amount: Decimal, now: datetime) -> BudgetResult:
    """A budget that is judged with what is reserved in it; a worse status of its own stays."""
    reserved = Bounds.exactly(amount)
    verdicts: list[tuple[Status, str, Cause]] = [(budget.status, budget.reason, budget.cause)]
    if budget.cap is not None:
        spend = budget.spend.plus(reserved)
        verdicts.append((*_against(spend, budget.cap, _WHAT), "cap"))
    if budget.daily:
        # By a report of yesterday, today's spend is 0 at least.
        spent = budget.daily.spend if budget.daily.day == now.date() else NOTHING
        what = f"today's {_WHAT}"
        verdicts.append((*_against(spent.plus(reserved), budget.daily.cap, what), "daily_cap"))
    status, reason, cause = max(verdicts, key=lambda verdict: STATUSES.index(verdict[0]))
    return budget._replace(reserved=amount, status=status, reason=reason, cause=cause)


def _perhaps_reserved(budget: BudgetResult, amount: Decimal, now: datetime) -> BudgetResult:
    status = _reserved(budget, amount, now).status
    if budget.status == "breached" or status not in ("breached", "uncertain"):
        return budget
    reason = "whether the group has the workspace is not known without the policy"
    return budget._replace(status="uncertain", reason=reason)


def _against(spend: Bounds, cap: Decimal, what: str) -> tuple[Status, str]:
    if spend.low > cap:
        return "breached", f"{what} above the cap"
    if spend.high > cap:
        return "uncertain", f"it is not known whether {what} above the cap"
    return "ok", f"{what} within the cap"
