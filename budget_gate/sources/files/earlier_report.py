"""The JSON report of an earlier run -> what it proves."""

from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from budget_gate.domain.notes import Note
from budget_gate.domain.spend import Basis
from budget_gate.domain.verdict.earlier import DAMAGED, EarlierReport, unused
from budget_gate.domain.verdict.report import KnownSpend, Told
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.errors import UnverifiedError
from budget_gate.sources.files.report_parts import MAX_BYTES, Instant, Part, Range, Usd
from budget_gate.sources.strict_json import decode


class _Budget(Part):
    id: str
    name: str
    cap: Usd | None
    spend: Range
    status: Status
    since: Instant | None = None


class _Known(Part):
    usd: Usd
    as_of: Instant
    organization: str | None = None
    prices: str | None = None
    month: Instant | None = None
    parts: dict[str, Usd] = {}


class _Prices(Part):
    digest: str | None = None


class _Workspace(Part):
    id: str | None
    name: str


class _Alert(Part):
    kind: str
    budget: str


class _Told(Part):
    at: Instant
    status: Status
    budgets: dict[str, Status] = {}
    alerts: dict[str, Instant] = {}


class _Period(Part):
    start: Instant


class _Report(Part):
    """What is read of a report; further keys are those of later versions."""

    schema_: Literal["budget-gate/report/v1"] = Field(alias="schema")
    status: str = ""
    as_of: Instant
    evidence_as_of: Instant | None = None
    organization: str | None = None
    period: _Period
    spend: Range | None = None
    budgets: tuple[_Budget, ...]
    basis: Basis = "list"
    workspaces: tuple[_Workspace, ...] = ()
    prices: _Prices | None = None
    known_spend: tuple[_Known, ...] = ()
    alerts: tuple[_Alert, ...] = ()
    notified: dict[str, _Told] = {}


def read_last_report(path: Path) -> EarlierReport | Note:
    """The report at `path`, or the note that says why it cannot be used."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES)
        report = _Report.model_validate_json(raw)
        decode(raw, path.name)
    except FileNotFoundError:
        return unused("there is none yet")
    except OSError as error:
        return unused(f"it cannot be read ({error.strerror or error})")
    except ValidationError as error:
        fields = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
        if fields == {"schema"}:
            return unused("it is of another version of budget-gate")
        return unused(DAMAGED)
    except UnverifiedError:
        return unused(DAMAGED)
    if report.status == "unchecked":
        return unused("it is of a run with --offline, which knows no spend")
    return EarlierReport(
        as_of=report.evidence_as_of or report.as_of,
        month=report.period.start,
        organization=report.organization,
        budgets=tuple(_result(budget) for budget in report.budgets),
        basis=report.basis,
        spend=report.spend.low if report.spend else None,
        known=_known(report),
        names=_names(report),
        alerts=frozenset(f"{it.kind} {it.budget}" for it in report.alerts),
        told={
            name: Told(it.at, it.status, it.budgets, it.alerts)
            for name, it in report.notified.items()
        },
    )


def _names(report: _Report) -> dict[str, set[str]]:
    """The ids of workspaces by name: of those that had spend, and of those that had a cap."""
    names: dict[str, set[str]] = defaultdict(set)
    for row in report.workspaces:
        names[row.name].add(row.id or "")
    for budget in report.budgets:
        scope, _, id_ = budget.id.partition(".")
        if scope in ("workspaces", "unlisted"):
            names[budget.name].add(id_)
    return names


def _known(report: _Report) -> tuple[KnownSpend, ...]:
    """What the report knows of earlier runs, and its own spend, whatever it says of that."""
    known = list(report.known_spend)
    if report.basis == "list" and report.spend:
        # Of an earlier version: at which prices, it does not say.
        prices = report.prices.digest if report.prices else None
        whose = report.organization
        if not any(it.prices == prices and it.usd >= report.spend.low for it in known):
            own = _Known(usd=report.spend.low, as_of=report.as_of, organization=whose)
            known.append(own.model_copy(update={"prices": prices}))
    start = report.period.start
    found = (
        KnownSpend(it.usd, it.as_of, it.organization, it.prices, it.month or start, it.parts)
        for it in known
    )
    return tuple(sorted(found, key=lambda it: it.as_of))


def _result(budget: _Budget) -> BudgetResult:
    return BudgetResult(
        id=budget.id,
        name=budget.name,
        cap=budget.cap,
        warn_at=(),
        spend=budget.spend.bounds,
        status=budget.status,
        reason="",
        line=1,
        since=budget.since,
    )
