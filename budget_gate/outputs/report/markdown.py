"""The report as Markdown for a GitHub step summary."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate

from budget_gate.domain.bounds import NOTHING, ZERO, Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import format_instant
from budget_gate.domain.verdict.report import BudgetResult, Report, Status
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import code, prose
from budget_gate.outputs.report.headline import headline, other_notes, told_first
from budget_gate.outputs.report.sentences import (
    SHOWN,
    covered_days,
    details,
    outlook,
    percent,
    price_basis,
    what_changed,
)

_ICONS: dict[Status, str] = {
    "ok": "🟢",
    "warning": "🟡",
    "uncertain": "🟣",
    "breached": "🔴",
    "unverified": "⚫",
}
_CHART_LOOK = (
    '%%{{init: {{"xyChart": {{"height": 320}}, "themeVariables": {{"xyChart": '
    '{{"plotColorPalette": "{}"}}}}}}}}%%'
)
_BAR, _LIGHT_BAR, _LINE = "#4c78a8", "#9ecae9", "#d62728"


def render_markdown(report: Report, policy: str) -> str:
    """The verdict first, the budgets, and folded below them what explains the numbers.

    `policy` is the policy file's name. A third party's text stays text: names stand in code
    spans, sentences are escaped.
    """
    verdict = headline(report, code(policy), name=code, prose=prose)
    cost = f"{report.basis} cost".capitalize() if _is_uniform(report) else "Cost"
    first = told_first(report)
    parts = [
        f"## {_ICONS[report.status]} budget-gate: {report.status}",
        f"**{verdict}**",
        *(f"**{note.level}**: {prose(note.message)}" for note in first),
        *_budgets(report.budgets, cost),
        *_changes(report),
        *_chart(report, cost),
        *_folded("Spend by workspace", ("Workspace", cost), _workspaces(report)),
        *_folded("Spend by model", ("Model", cost), _models(report)),
        *folded_notes([note for note in other_notes(report) if note not in first]),
        _footer(report),
    ]
    return "\n\n".join(parts) + "\n"


def render_configuration_error(error: ConfigurationError) -> str:
    """What is wrong with the configuration, for a step summary."""
    lines = []
    for problem in error.problems[:SHOWN]:
        told = f"{problem.key}: {problem.message}: {problem.hint}".removeprefix(": ")
        lines.append(f"- {code(problem.place)} {prose(told)}")
    rest = len(error.problems) - SHOWN
    if rest > 0:
        lines.append(f"- and {rest} more, all of them in the step's log")
    verdict = f"The configuration is wrong: {prose(error.message)}. {prose(error.hint)}".rstrip()
    parts = ["## ⚫ budget-gate: nothing was decided", f"**{verdict}**", "\n".join(lines)]
    return "\n\n".join(parts).rstrip() + "\n"


def _is_uniform(report: Report) -> bool:
    """Whether all days are on the report's basis."""
    return all(row.basis == report.basis for row in report.days)


def _budgets(budgets: Sequence[BudgetResult], cost: str) -> list[str]:
    if not budgets:
        return []
    lines = [
        f"| | Budget | {cost} | Cap | Used | |",
        "|:--|:--|--:|--:|--:|:--|",
    ]
    for budget in budgets[:SHOWN]:
        cap = "any" if budget.cap is None else usd(budget.cap, budget.cap)
        spend = usd_range(budget.spend, budget.cap)
        lines.append(
            f"| {_ICONS[budget.status]}&nbsp;{budget.status} | {code(budget.name)} | {spend} "
            f"| {cap} | {percent(budget)} | {budget.reason} |"
        )
    rest = budgets[SHOWN:]
    if rest:
        more = f"{len(rest)} more, the worst of them {rest[0].status}"
        lines.append(f"| | {more} | | | | |")
    items = []
    for budget in budgets[:SHOWN]:
        said = [outlook(budget), *details(budget, prose)]
        if any(said):
            items.append(f"- {code(budget.name)}: {'; '.join(filter(None, said))}")
    return ["\n".join(lines), *(["\n".join(items)] if items else [])]


def _changes(report: Report) -> list[str]:
    sentences = [f"- {sentence}" for sentence in what_changed(report, code)]
    return ["**What changed**\n\n" + "\n".join(sentences)] if sentences else []


def _workspaces(report: Report) -> list[tuple[str, Bounds]]:
    return [
        (code(row.name) + (" (archived)" if row.archived else ""), row.spend)
        for row in report.workspaces
    ]


def _models(report: Report) -> list[tuple[str, Bounds]]:
    # A cost of no model: code execution, for one.
    none = "none" if report.basis == "billed" else "unnamed"
    return [(code(row.id or none), row.spend) for row in report.models]


def _folded(title: str, columns: tuple[str, str], rows: Sequence[tuple[str, Bounds]]) -> list[str]:
    if not rows:
        return []
    lines = [f"| {columns[0]} | {columns[1]} |", "|:--|--:|"]
    lines += [f"| {name} | {usd_range(cost)} |" for name, cost in rows[:SHOWN]]
    rest = rows[SHOWN:]
    if rest:
        total = list(accumulate((cost for _, cost in rest), Bounds.plus))[-1]
        lines.append(f"| {len(rest)} more | {usd_range(total)} |")
    return [f"<details><summary>{title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"]


def _chart(report: Report, cost: str) -> list[str]:
    """The spend of the month, summed day by day, against the global cap where there is one.

    Days that are billed have a colour of their own.
    """
    days = report.days
    if not days or report.spend is None:
        return []
    sums = list(accumulate((row.spend for row in days), Bounds.plus, initial=NOTHING))[1:]
    bars = [total.high if total.is_limited else total.low for total in sums]
    cap = report.cap
    limit = "" if report.spend.is_exact else ", at most"
    billed = sum(row.basis == "billed" for row in days)
    late = report.coverage and report.coverage.doubted_days
    rest = "list cost on the others" if late else "then list cost"
    parts = f": {billed} settled days, {rest}" if 0 < billed < len(days) else ""
    rows = _bars(bars, [row.basis == "billed" for row in days])
    top = max(*bars, cap or Decimal(0), Decimal("0.01"), key=Decimal)
    lines = [
        "```mermaid",
        _CHART_LOOK.format(
            ", ".join([_LIGHT_BAR, _BAR, _LINE] if len(rows) > 1 else [_BAR, _LINE])
        ),
        "xychart-beta",
        f'    title "{cost} since {days[0].day}, added up (USD{limit}){parts}"',
        f"    x-axis [{', '.join(str(row.day.day) for row in days)}]",
        f'    y-axis "USD" 0 --> {_point(top * Decimal("1.1"))}',
        *rows,
    ]
    if cap is not None:
        lines.append(f"    line [{', '.join([_point(cap)] * len(days))}]")
    return ["\n".join([*lines, "```"])]


def _bars(sums: Sequence[Decimal], billed: Sequence[bool]) -> list[str]:
    """One row of bars or, where some days are settled and others not, one over the other."""
    rows = [list(sums)]
    if any(billed) and not all(billed):
        settled = [
            amount if is_billed else ZERO for amount, is_billed in zip(sums, billed, strict=True)
        ]
        rows.append(settled[: len(settled) - billed[::-1].index(True)])
    return [f"    bar [{', '.join(map(_point, row))}]" for row in rows]


def _point(amount: Decimal) -> str:
    return f"{amount:.2f}"


def folded_notes(notes: Sequence[Note]) -> list[str]:
    """The notes under a title that opens them; nothing where there are none."""
    if not notes:
        return []
    lines = [f"- **{note.level}**: {prose(note.message)}" for note in notes[:SHOWN]]
    rest = len(notes) - SHOWN
    if rest > 0:
        lines.append(f"- and {rest} more, all of them in the JSON report")
    title = f"Notes ({len(notes)})"
    return [f"<details><summary>{title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"]


def _footer(report: Report) -> str:
    text = f"From {format_instant(report.period.start)} to {format_instant(report.as_of)}, UTC."
    text += f" Asked at {code(report.base_url)}." if report.base_url else ""
    if report.coverage is None or report.prices is None:
        return f"<sub>{text}</sub>"
    return (
        f"<sub>{text} {covered_days(report.coverage)}, at "
        f"{price_basis(report)}, last checked on {report.prices.verified_on}.</sub>"
    )
