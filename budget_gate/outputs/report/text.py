"""The report for a terminal."""

from decimal import Decimal

from budget_gate.domain.period import format_instant
from budget_gate.domain.verdict.report import BudgetResult, Report, Status
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import NAME_LENGTH, logged
from budget_gate.outputs.report.headline import headline, other_notes
from budget_gate.outputs.report.sentences import (
    SHOWN,
    covered_days,
    details,
    outlook,
    percent,
    price_basis,
    what_changed,
)

_BAR_WIDTH = 20
_COLOURS: dict[Status, str] = {
    "ok": "32",
    "warning": "33",
    "uncertain": "35",
    "breached": "31;1",
    "unverified": "31;1",
}


def render_text(report: Report, policy: str, *, colour: bool) -> str:
    """The verdict, a line for each budget, worst first, and the notes.

    `colour` adds ANSI colours. A third party's text keeps to its line and brings no escapes.
    """
    lines = [
        _painted(headline(report, logged(policy), name=_name, prose=logged), report.status, colour),
        _covered(report, logged(policy)),
        "",
    ]
    shown = report.budgets[:SHOWN]
    if shown:
        lines += [*_table(shown, colour=colour)]
        if len(report.budgets) > SHOWN:
            rest = report.budgets[SHOWN:]
            lines.append(f"  and {len(rest)} more budgets, the worst of them {rest[0].status}")
        lines.append("")
    changed = [f"  {sentence}" for sentence in what_changed(report, _name)]
    lines += [*changed, ""] if changed else []
    lines += [f"  {note.level}: {logged(note.message)}" for note in other_notes(report)]
    return "\n".join(lines).rstrip() + "\n"


def render_error(error: ConfigurationError) -> str:
    """What is wrong with the configuration: each defect on a line, its remedy below it."""
    lines = [f"budget-gate: {logged(error.message)}"]
    if error.hint:
        lines.append(f"  {logged(error.hint)}")
    for problem in error.problems:
        lines.append(f"  {logged(str(problem))}")
        if problem.hint:
            lines.append(f"      {logged(problem.hint)}")
    return "\n".join(lines) + "\n"


def _covered(report: Report, policy: str) -> str:
    text = f"{policy}, {format_instant(report.period.start)} to {format_instant(report.as_of)}"
    text += f", asked at {report.base_url}" if report.base_url else ""
    if report.coverage is None:
        return text
    total = f": {usd_range(report.spend)} at {price_basis(report)}" if report.spend else ""
    return f"{text} ({covered_days(report.coverage)}){total}"


def _table(budgets: tuple[BudgetResult, ...], *, colour: bool) -> list[str]:
    rows = [
        (
            budget.status,
            _name(budget.name),
            percent(budget),
            usd_range(budget.spend, budget.cap),
            "any spend warns" if budget.cap is None else f"of {usd(budget.cap, budget.cap)}",
        )
        for budget in budgets
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for budget, (status, name, share, spend, cap) in zip(budgets, rows, strict=True):
        lines.append(
            f"  {_painted(status.ljust(widths[0]), status, colour)}  {name.ljust(widths[1])}  "
            f"{_bar(budget)}  {share.rjust(widths[2])}  {spend.rjust(widths[3])} {cap}"
        )
        lines += [f"  {'':{widths[0]}}    {sentence}" for sentence in _below(budget)]
    return lines


def _below(budget: BudgetResult) -> list[str]:
    """What stands below the line of a budget."""
    lines = [outlook(budget), "; ".join(details(budget, logged))]
    return [line for line in lines if line]


def _bar(budget: BudgetResult) -> str:
    """The share of the cap that is surely used, then what may be used besides."""
    filled, possible = (_filled(amount, budget.cap) for amount in budget.spend)
    return "█" * filled + "▒" * (possible - filled) + "░" * (_BAR_WIDTH - possible)


def _filled(amount: Decimal, cap: Decimal | None) -> int:
    """How much of the bar an amount fills, rounded down: all of it from the cap on."""
    if not cap:
        return _BAR_WIDTH if amount else 0
    return _BAR_WIDTH if amount >= cap else int(amount * _BAR_WIDTH / cap)


def _painted(text: str, status: Status, colour: bool) -> str:  # noqa: FBT001 - one of two looks
    return f"\x1b[{_COLOURS[status]}m{text}\x1b[0m" if colour else text


def _name(text: str) -> str:
    return logged(text, NAME_LENGTH)
