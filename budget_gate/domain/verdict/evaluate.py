"""Policy x spend x now -> one result per budget -> the report that every output renders."""

from collections.abc import Iterator, Sequence

from budget_gate.domain.alerts import alerts, notes_of, unchecked
from budget_gate.domain.bounds import NOTHING, ZERO, Bounds
from budget_gate.domain.costs import Days, add_up, total
from budget_gate.domain.freshness import unchecked_age
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import caps_in_force, expired, large
from budget_gate.domain.policy.keys import directory, resolve
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.scoping import Scoping
from budget_gate.domain.policy.selection import keys_of, refuse_vain_reservation, select
from budget_gate.domain.spend import Coverage, Spend, Workspace
from budget_gate.domain.verdict.drivers import places
from budget_gate.domain.verdict.idle import idle_keys, idle_models, unnamed_workspaces
from budget_gate.domain.verdict.judge import judge
from budget_gate.domain.verdict.notes import (
    known_yesterday,
    nothing_unlisted,
    staleness,
    strangers,
    undecided,
    without_forecast,
    without_history,
    without_yesterday,
)
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.domain.verdict.results import STATUSES, BudgetResult, Status, worst_first
from budget_gate.domain.verdict.terms import STRICT, Terms


def evaluate(file: PolicyFile, spend: Spend, month: MonthToDate, terms: Terms = STRICT) -> Report:
    """The report on `spend` under the policy.

    Raises ConfigurationError where the policy or the terms do not fit the organization.
    """
    caps = caps_in_force(file, month)
    workspaces = directory(file.policy, spend)
    costs, history = add_up(spend.lines), add_up(spend.history or ())
    yesterday = known_yesterday(spend, month)
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
    deciding = select(scoped, terms.only, keys_of(file.policy))
    refuse_vain_reservation(scoped, deciding, terms.reservation)
    judged = [judge(it, file.policy, month, yesterday, decides=it.id in deciding) for it in scoped]
    if any(it.status != "ok" for it in judged):
        used = places(spend, month, workspaces)
        judged = [
            it if it.status == "ok" else used.driven(it, of, month.as_of.date())
            for it, of in zip(judged, scoped, strict=True)
        ]
    told = alerts(file.policy.alerts, spend, scoped, judged, month=month, workspaces=workspaces)
    budgets = worst_first(judged)
    spent = total(costs.days)
    by_workspace = {id_: total(days) for id_, days in costs.workspaces.items()}
    by_model = {id_: total(days) for id_, days in costs.models.items()}
    return Report(
        status=status_of(budgets, is_whole=not spend.unpriced, has_alerts=bool(told)),
        enforced=True,
        as_of=month.as_of,
        period=month.period,
        spend=spent,
        cap=caps.of("global"),
        basis=file.policy.spend.basis,
        budgets=budgets,
        workspaces=_workspace_spend(by_workspace, workspaces),
        models=tuple(
            ModelSpend(model, cost)
            for model, cost in sorted(
                by_model.items(), key=lambda item: (item[1].largest_first, item[0] or "")
            )
        ),
        days=tuple(_days(month, costs.days, spend.coverage)),
        coverage=spend.coverage,
        data_refreshed_at=spend.coverage.refreshed_at,
        prices=spend.prices,
        notes=(
            *spend.notes,
            *unchecked_age(file, spend.coverage),
            *notes_of(told),
            *unchecked(file.policy.alerts, spend, month),
            *expired(file.policy, month.day),
            *idle_keys(file.policy, named),
            *idle_models(file.policy, spend, month),
            *unnamed_workspaces(file.policy, spend),
            *without_history(scoped, spend, month),
            *without_forecast(budgets, scoped, month),
            *without_yesterday(scoped, spend, month),
            *undecided(budgets),
            *nothing_unlisted(scoped, terms),
            *large(
                (it.name, it.cap or ZERO, it.exception.regular_cap)
                for it in budgets
                if it.exception
            ),
            *staleness(spend.prices.verified_on, month),
            *strangers(spend, month),
        ),
        alerts=told,
    )


def status_of(budgets: Sequence[BudgetResult], *, is_whole: bool, has_alerts: bool) -> Status:
    """The worst status of the budgets that decide; unverified where their spend is not known.

    `is_whole` is whether the spend of the organization is known. An alert is a warning.
    """
    deciding = [budget for budget in budgets if budget.decides]
    status: Status = max((each.status for each in deciding), key=STATUSES.index, default="ok")
    # Where only some budgets decide, what is unknown elsewhere is not theirs.
    is_known = 0 < len(deciding) < len(budgets)
    is_known = is_known and all(each.spend.is_limited for each in deciding)
    if not is_whole and status != "breached" and not is_known:
        return "unverified"
    return "warning" if status == "ok" and has_alerts else status


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


def _workspace_spend(
    costs: dict[str | None, Bounds], workspaces: dict[str | None, Workspace]
) -> tuple[WorkspaceSpend, ...]:
    rows = [
        WorkspaceSpend(id_, workspaces[id_].name, workspaces[id_].archived, cost)
        for id_, cost in costs.items()
    ]
    rows.sort(key=lambda row: (row.spend.largest_first, row.id is not None, row.id or ""))
    return tuple(rows)
