"""The report as Markdown for a GitHub step summary."""

from collections.abc import Sequence
from itertools import accumulate

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import LEDGER_BEYOND, Note
from budget_gate.domain.period import on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.amounts import usd, usd_down, usd_range, usd_roughly
from budget_gate.outputs.escaping import code, prose
from budget_gate.outputs.report.basis import covered_days, covered_time, freshness, price_basis
from budget_gate.outputs.report.causes import culprits
from budget_gate.outputs.report.chart import chart
from budget_gate.outputs.report.headline import (
    further_alerts,
    headline,
    other_notes,
    state,
    told_first,
)
from budget_gate.outputs.report.icons import ICONS
from budget_gate.outputs.report.links import CONSOLE, NO_LINKS, Links
from budget_gate.outputs.report.sentences import (
    SHOWN,
    details,
    measures,
    percent,
    rest_of,
    to_come,
    what_changed,
    why,
)

# With more budgets than this, those that are ok are folded.
_UNFOLDED = 8
# So many alerts stand in the open besides that of the headline.
_OPEN_ALERTS = 3
_TO_COME = ("Left", "Today", "Daily average", "Forecast")


def render_markdown(report: Report, policy: str, links: Links = NO_LINKS) -> str:
    """The verdict first, the budgets, and folded below them what explains the numbers.

    `policy` is the policy file's name. A third party's text stays text: names stand in code
    spans, sentences are escaped.
    """

    def place(line: int) -> str:
        shown, address = code(f"{policy}:{line}"), links.policy(policy, line)
        return f"[{shown}]({address})" if address else shown

    verdict = headline(report, place, name=code, prose=prose)
    cost = f"{report.basis} cost".capitalize() if _is_uniform(report) else "Cost"
    first = [*told_first(report), *further_alerts(report)[:_OPEN_ALERTS]]
    parts = [
        f"### {ICONS[report.status]} budget-gate: {state(report.status)}",
        f"**{verdict}**",
        *(f"**{note.level}**: {prose(note.message)}" for note in first),
        *_budgets(report.budgets, cost),
        *chart(report, cost),
        *_details(report),
        *_changes(report),
        *_folded("Spend by workspace", ("Workspace", cost), _workspaces(report)),
        *_folded("Spend by model", ("Model", cost), _models(report)),
        *folded_notes([note for note in other_notes(report) if note not in first]),
        _footer(report, links),
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
    verdict = f"The configuration is wrong: {prose(error.message)}. {prose(error.remedy)}".rstrip()
    parts = ["### ⚫ budget-gate: nothing was decided", f"**{verdict}**", "\n".join(lines)]
    return "\n\n".join(parts).rstrip() + "\n"


def _is_uniform(report: Report) -> bool:
    """Whether all days are on the report's basis."""
    return all(row.basis == report.basis for row in report.days)


def _budgets(budgets: Sequence[BudgetResult], cost: str) -> list[str]:
    """A row for each budget; of many, those that are ok are folded."""
    shown = budgets[:SHOWN]
    if not shown:
        return []
    folded = [it for it in shown if it.status == "ok"] if len(budgets) > _UNFOLDED else []
    open_ = [it for it in shown if it not in folded]
    parts = [_table(open_, cost)] if open_ else []
    if folded:
        parts.append(_details_of(f"{len(folded)} budgets are ok", _table(folded, cost)))
    if budgets[SHOWN:]:
        parts.append(f"And {rest_of(budgets)}.")
    return parts


def _table(budgets: Sequence[BudgetResult], cost: str) -> str:
    # A month that has ended has none of what is to come.
    to_come = _TO_COME[: 4 if any(it.forecast for it in budgets) else 3]
    to_come = to_come if any(it.pace for it in budgets) else ()
    heads = [f"| | Budget | Used | {cost} | Cap |", *(f" {head} |" for head in to_come)]
    lines = ["".join(heads), "|:--|:--|--:|--:|--:|" + "--:|" * len(to_come)]
    for budget in budgets:
        amount, limit = budget.measured
        cells = (
            f"{ICONS[budget.status]}&nbsp;{budget.status}",
            code(budget.name),
            # Beside the name, as a phone shows no more than three columns.
            percent(budget),
            usd_range(amount, limit) + measures(budget)[0],
            "any" if limit is None else usd(limit, limit),
            *_outlook(budget)[: len(to_come)],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _outlook(budget: BudgetResult) -> tuple[str, str, str, str]:
    """What is left, today's spend, that of a mean day, and the month's end as it is forecast."""
    pace, end = budget.pace, budget.forecast
    return (
        usd_down(pace.left) if pace else "",
        usd_range(pace.today) if pace else "",
        "" if pace is None or pace.mean_day is None else usd(pace.mean_day),
        usd_roughly(end.expected) if end else "",
    )


def _details(report: Report) -> list[str]:
    """What there is to know of each budget besides its row: why it is not ok, and its drivers."""
    items = []
    for budget in report.budgets[:SHOWN]:
        said = list(details(budget, report, prose))
        if budget.status != "ok":
            said = [why(budget), *culprits(budget, report, code), *to_come(budget), *said]
        if any(said):
            items.append(
                f"- {ICONS[budget.status]} {code(budget.name)}: {'; '.join(filter(None, said))}"
            )
    return ["\n".join(items)] if items else []


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
    none = "no model" if report.basis == "billed" else "unnamed"
    if any(note.code == LEDGER_BEYOND for note in report.notes):
        none = f"reserved or {none}"
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
    return [_details_of(title, "\n".join(lines))]


def _details_of(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def folded_notes(notes: Sequence[Note]) -> list[str]:
    """The notes under a title that opens them; nothing where there are none."""
    if not notes:
        return []
    lines = [f"- **{note.level}**: {prose(note.message)}" for note in notes[:SHOWN]]
    rest = len(notes) - SHOWN
    if rest > 0:
        lines.append(f"- and {rest} more, all of them in the JSON report")
    title = f"Notes ({len(notes)})"
    return [_details_of(title, "\n".join(lines))]


def _footer(report: Report, links: Links) -> str:
    text = covered_time(report)
    if report.coverage and report.prices:
        checked = report.prices.verified_on
        prices = price_basis(report)
        text += (
            f" ({covered_days(report.coverage)}). {prices[0].upper()}{prices[1:]}, last checked "
            f"{on_day(checked)}."
        )
    text += "" if text.endswith(".") else "."
    text += f" {freshness(report)}".rstrip()
    text += f" Asked at {code(report.base_url)}." if report.base_url else ""
    if links.run:
        text += f" [This run]({links.run}) · [Usage in the Console]({CONSOLE})"
    return f"<sub>{text}</sub>"
