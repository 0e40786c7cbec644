"""The JSON report of an earlier run -> the report, whole, to be judged and shown again."""

import re
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from budget_gate.domain.bounds import plus, times
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.domain.verdict.results import BudgetResult, Cause
from budget_gate.errors import UnverifiedError
from budget_gate.sources.files.report_document import BudgetDocument, ReportDocument
from budget_gate.sources.files.report_parts import MAX_BYTES, Part
from budget_gate.sources.strict_json import decode

# What this program words itself. Anything else could be a link, a mention or a command.
_REASON: Final = re.compile(r"([A-Za-z ,';%-]|[0-9]+(\.[0-9]+)?)*", re.ASCII)


_AGAIN: Final = "run the check that writes the report again, and restore what that saves"


class _Status(Part):
    schema_: str = Field("", alias="schema")
    status: str = ""


def read_kept_report(path: Path) -> Report:
    """The report at `path`; raises UnverifiedError, with the remedy, where it is no sound one."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UnverifiedError(
            f"there is no report at {path}",
            "restore the one that the hourly check has saved before this step; if there is none "
            "yet, run that check by hand",
            code="report_missing",
        ) from error
    except (OSError, ValueError) as error:
        raise UnverifiedError(
            f"the report {path} cannot be read ({getattr(error, 'strerror', None) or error})",
            "name the file that the check has written, and let this user read it",
            code="report_unreadable",
        ) from error
    return _report_of(_read(raw, path))


def _read(raw: bytes, path: Path) -> ReportDocument:
    if len(raw) > MAX_BYTES:
        raise _damaged(path, "it is longer than any report")
    try:
        decode(raw, path.name)
    except UnverifiedError as error:
        raise _damaged(path, str(error)) from error
    except ValueError as error:
        raise _damaged(path, "it is no JSON, or only a part of it") from error
    try:
        kind = _Status.model_validate_json(raw)
        if kind.status != "unchecked":
            return ReportDocument.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        told = ": ".join(filter(None, (place, first["msg"].removeprefix("Value error, "))))
        if place != "schema" and first["type"] != "missing":
            raise _damaged(path, told) from error
        raise UnverifiedError(
            f"the report {path} is not of this version of budget-gate ({told})",
            f"use one version for both, and {_AGAIN}",
            code="report_version",
        ) from error
    raise UnverifiedError(
        f"the report {path} is of a run with --offline, which knows no spend",
        "use that of a run without --offline",
        code="report_offline",
    )


def _damaged(path: Path, why: str) -> UnverifiedError:
    return UnverifiedError(f"the report {path} is damaged ({why})", _AGAIN, code="report_damaged")


def _report_of(read: ReportDocument) -> Report:
    caps = {it.id: it.cap for it in read.budgets}
    return Report(
        status=read.status,
        enforced=True,
        as_of=read.as_of,
        period=Period(read.period.start, read.period.end),
        spend=read.spend.bounds if read.spend else None,
        cap=caps.get("global"),
        basis=read.basis,
        organization=read.organization,
        evidence_as_of=read.evidence_as_of,
        judged_at=read.judged_at,
        budgets=tuple(map(_budget, read.budgets)),
        workspaces=tuple(
            WorkspaceSpend(
                UNATTRIBUTED if it.id == "unattributed" else it.id,
                it.name,
                it.archived,
                it.spend.bounds,
            )
            for it in read.workspaces
        ),
        models=tuple(ModelSpend(it.id, it.spend.bounds) for it in read.models),
        days=tuple(DaySpend(it.day, it.spend.bounds, it.basis) for it in read.days),
        coverage=read.coverage.value if read.coverage else None,
        prices=read.prices.value if read.prices else None,
        notes=tuple(Note(it.level, it.code, it.message) for it in read.notes),
        base_url=read.base_url,
        alerts=tuple(it.value for it in read.alerts),
        data_refreshed_at=read.data_refreshed_at,
    )


def _budget(read: BudgetDocument) -> BudgetResult:
    return BudgetResult(
        id=read.id,
        name=read.name,
        cap=read.cap,
        warn_at=read.warn_at,
        spend=read.spend.bounds,
        status=read.status,
        reason=read.reason if _REASON.fullmatch(read.reason) else "",
        line=read.line,
        cause=_cause(read),
        reserved=read.reserved,
        daily=read.daily.value if read.daily else None,
        exception=read.exception.value if read.exception else None,
        forecast=read.forecast.value if read.forecast else None,
        pace=read.pace.value if read.pace else None,
        decides=read.enforced,
        since=read.since,
    )


def _cause(read: BudgetDocument) -> Cause:
    """What the status comes from, which a report does not say: the first that it can come from."""
    if read.cap is None or read.status == "ok":
        return "cap"
    if read.status == "warning":
        used, levels = read.spend.bounds.high, (times(it, read.cap) for it in read.warn_at)
        is_reached = used > read.cap or any(used >= level for level in levels)
        is_crossed = read.forecast and read.forecast.crosses_on
        return "forecast" if is_crossed and not is_reached else "cap"
    end = 0 if read.status == "breached" else 1
    if plus(read.spend.bounds[end], read.reserved) > read.cap:
        return "cap"
    if read.daily is None:
        return "forecast"
    if plus(read.daily.spend.bounds[end], read.reserved) > read.daily.cap:
        return "daily_cap"
    before = read.daily.yesterday
    return "yesterday" if before and before.bounds[end] > read.daily.cap else "forecast"
