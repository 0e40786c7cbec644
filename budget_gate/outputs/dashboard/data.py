"""The figures as the page's script reads them: exact USD as texts, days and series by number."""

from collections.abc import Sequence
from typing import Any, Final

from budget_gate.domain.bounds import ZERO, Bounds, exact
from budget_gate.domain.figures import Figures, Series
from budget_gate.domain.period import MonthToDate, format_instant
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.outputs.escaping import NAME_LENGTH, plain
from budget_gate.outputs.report.sentences import to_come
from budget_gate.outputs.rows.csv import cell, lines

_LINE_END: Final = "\r\n"
_ID_LENGTH: Final = 30


def data_of(figures: Figures, report: Report, *, has_policy: bool = True) -> dict[str, Any]:
    """What the script draws, filters and downloads; caps and forecasts where there is a policy."""
    number = {day: at for at, day in enumerate(figures.days)}
    return {
        "days": [str(day) for day in figures.days],
        "asOf": format_instant(report.as_of),
        # A sample never gets old.
        "ages": all(it.code != "sample" for it in report.notes),
        "openDay": figures.open_day and str(figures.open_day),
        "month": [
            str(report.period.start.date()),
            str(MonthToDate(report.period.start).end.date()),
        ],
        "workspaces": _series(figures.workspaces, "workspace"),
        "others": any(it.others for it in figures.workspaces),
        "models": _series(figures.models, "model"),
        "cells": [
            [number[it.day], it.workspace, it.model, *_ends(it.cost)] for it in figures.cells
        ],
        "uses": [
            [
                number[it.day],
                it.workspace,
                *(it.input, it.cache_read, it.tokens, it.batch),
                *((exact(it.listed), exact(it.billed)) if it.listed or it.billed else ()),
            ]
            for it in figures.uses
        ],
        "saved": None
        if figures.saved is None
        else [[number[day], at, *_ends(usd)] for (day, at), usd in sorted(figures.saved.items())],
        "budgets": _budgets(figures.workspaces, report.budgets if has_policy else ()),
    }


def _series(series: Sequence[Series], what: str) -> list[dict[str, str]]:
    """Each series' name as people see it, no two of them alike, and its two cells of the CSV."""
    told = []
    shown = [_shown(it, what) for it in series]
    for number, (it, name) in enumerate(zip(series, shown, strict=True), 1):
        whole = name if it.id is None else it.name
        id_ = "other" if it.id is None else it.id
        if shown.count(name) > 1:
            # Names that are cut, or of what cannot be shown, may look alike; ids may as well.
            mark = f" ({number}: {plain(id_, _ID_LENGTH)})" if id_ != whole else f" ({number})"
            name = _shown(it, what, NAME_LENGTH - len(mark)) + mark  # noqa: PLW2901 - told apart
        told.append({"name": name, "cells": _cells([id_] if what == "model" else [id_, whole])})
    return told


def _shown(series: Series, what: str, length: int = NAME_LENGTH) -> str:
    """A name as people see it: one that is empty is a space."""
    if series.others:
        return f"{series.others} other {what}{'' if series.others == 1 else 's'}"
    return plain(series.name, length) or " "


def _cells(texts: Sequence[str]) -> str:
    """Texts as the cells of a line of CSV."""
    return lines([map(cell, texts)]).removesuffix(_LINE_END)


def _ends(cost: Bounds) -> list[str]:
    return [exact(cost.low)] if cost.is_exact else [exact(cost.low), exact(cost.high)]


def _budgets(
    workspaces: Sequence[Series], budgets: Sequence[BudgetResult]
) -> dict[str, dict[str, Any]]:
    """The budget of the organization, as `all`, and those of workspaces that are shown by name."""
    found = {it.id: it for it in budgets if it.cap is not None}
    told = {"all": found.get("global")}
    for number, series in enumerate(workspaces):
        told[str(number)] = found.get(f"workspaces.{series.id}") or found.get(
            f"unlisted.{series.id}"
        )
    return {key: _budget(it) for key, it in told.items() if it}


def _budget(budget: BudgetResult) -> dict[str, Any]:
    forecast = budget.forecast
    ends = None
    if forecast and forecast.high.is_finite():
        ends = [exact(it) for it in (forecast.low, forecast.expected, forecast.high)]
    _, month_end, _ = to_come(budget)
    return {"cap": exact(budget.cap or ZERO), "forecast": ends, "outlook": month_end}
