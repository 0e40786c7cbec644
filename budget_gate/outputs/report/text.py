"""The report for a terminal, laid out for the width that it has."""

import re
from decimal import Decimal
from textwrap import wrap
from typing import Final

from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import guarded, logged, logged_name
from budget_gate.outputs.report.basis import covered_days, covered_time, freshness, price_basis
from budget_gate.outputs.report.causes import culprits
from budget_gate.outputs.report.headline import other_notes, plain_headline
from budget_gate.outputs.report.sentences import (
    SHOWN,
    details,
    measures,
    outlook,
    percent,
    rest_of,
    what_changed,
    why,
)

_BAR_WIDTH: Final = 20
_COLOURS: Final[dict[Status, str]] = {
    "ok": "32",
    "warning": "33",
    "uncertain": "35",
    "breached": "31;1",
    "unverified": "31;1",
}


def render_text(report: Report, policy: str, *, colour: bool, width: int | None = None) -> str:
    """The verdict, the budgets, worst first, and the notes.

    `colour` adds ANSI colours; `width` is that of the terminal in columns, and no line is longer
    but where one word is; None breaks no line. A third party's text keeps to its line and brings
    no escapes.
    """
    verdict = wrapped(plain_headline(report, policy), width)
    lines = [
        *(_painted(line, report.status, colour) for line in verdict),
        *wrapped(_covered(report, logged(policy)), width),
        *(line for part in (freshness(report),) if part for line in wrapped(part, width)),
        "",
    ]
    if report.budgets:
        lines += _table(report, width, colour=colour)
        if len(report.budgets) > SHOWN:
            lines.append(f"  and {rest_of(report.budgets)}")
        lines.append("")
    changed = [
        line
        for sentence in what_changed(report, logged_name)
        for line in wrapped(sentence, width, "  ")
    ]
    lines += [*changed, ""] if changed else []
    for note in other_notes(report):
        lines += wrapped(f"{note.level}: {logged(note.message)}", width, "  ")
    return "\n".join(lines).rstrip() + "\n"


def render_error(error: ConfigurationError, width: int | None = None) -> str:
    """What is wrong with the configuration: each defect on a line, its remedy below it.

    `width` is as for `render_text`.
    """
    told = [("", f"budget-gate: {logged(error.message)}"), ("  ", logged(error.hint))]
    for problem in error.problems:
        told += [("  ", logged(str(problem))), ("      ", logged(problem.hint))]
    lines = [line for indent, text in told if text for line in wrapped(text, width, indent)]
    return "\n".join(lines) + "\n"


def _covered(report: Report, policy: str) -> str:
    text = f"{policy}, {covered_time(report)}"
    text += f", asked at {report.base_url}" if report.base_url else ""
    if report.coverage is None:
        return text
    total = f": {usd_range(report.spend)} at {price_basis(report)}" if report.spend else ""
    return f"{text} ({covered_days(report.coverage)}){total}"


def _table(report: Report, width: int | None, *, colour: bool) -> list[str]:
    """A line for each budget, on two where one is too long; below it what there is to do."""
    budgets = report.budgets[:SHOWN]
    rows = [
        (
            budget.status,
            logged_name(budget.name),
            percent(budget),
            _spent(budget),
            _of_cap(budget),
        )
        for budget in budgets
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    # Two columns before each of five cells, and one between spend and cap.
    fits = width is None or sum(widths) + _BAR_WIDTH + 11 <= width
    lines = []
    for budget, (status, name, share, spend, cap) in zip(budgets, rows, strict=True):
        state = _painted(status.ljust(widths[0]), status, colour)
        bar = _painted(_bar(budget), status, colour)
        if fits:
            lines.append(
                f"  {state}  {name.ljust(widths[1])}  {bar}  {share.rjust(widths[2])}  "
                f"{spend.rjust(widths[3])} {cap}"
            )
        else:
            lines += _narrow(budget, f"  {state}  {name}", f"{spend} {cap}", bar, width or 0)
        lines += _below(budget, report, width)
    return lines


def _narrow(budget: BudgetResult, head: str, spent: str, bar: str, width: int) -> list[str]:
    """A budget on as few lines as have room for it."""
    share = percent(budget)
    if budget.status == "ok" and _seen(f"{head}  {share}  {spent}") <= width:
        return [f"{head}  {share}  {spent}"]
    if _seen(f"    {bar}  {share}  {spent}") <= width:
        return [head, f"    {bar}  {share}  {spent}"]
    return [head, f"    {bar}  {share}", *wrapped(spent, width, "    ")]


def _seen(text: str) -> int:
    """The columns of a text, of which colours take none."""
    return len(_COLOUR.sub("", text))


_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def _spent(budget: BudgetResult) -> str:
    amount, cap = budget.measured
    return usd_range(amount, cap)


def _of_cap(budget: BudgetResult) -> str:
    cap = budget.measured[1]
    if cap is None:
        return "any spend warns"
    return f"of {usd(cap, cap)}{measures(budget)[1]}"


def _below(budget: BudgetResult, report: Report, width: int | None) -> list[str]:
    """What stands below the line of a budget; an ok one mostly has its line alone."""
    told = list(details(budget, report, logged))
    if budget.status != "ok":
        told = [why(budget), *culprits(budget, report, logged_name), outlook(budget, report), *told]
    return [line for part in told if part for line in wrapped(part, width, "      ")]


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """The lines of a text, broken between words alone, none of them a command to a runner.

    Further lines are indented more than the first one, which has `indent`; a `width` of None
    breaks no line.
    """
    if width is None:
        return [indent + guarded(text)]
    further = indent + "  " if indent else ""
    room = width - len(further)
    # A range is read as one: `$2,820 to $2,870`.
    bound = _RANGE.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
    broken = wrap(bound, room, break_long_words=False, break_on_hyphens=False) or [""]
    first, *rest = (line.replace(_NO_BREAK, " ") for line in broken)
    return [indent + guarded(first), *(further + guarded(line) for line in rest)]


_RANGE = re.compile(r"(about |at least |up to )?(\$[\d,.]*\d( to \$[\d,.]*\d)?|[\d,.]+%)")
# Breaks no line, and is in no name: those are shown in letters.
_NO_BREAK = "\0"


def _bar(budget: BudgetResult) -> str:
    """The share of the cap that is surely used, then what may be used besides."""
    amount, cap = budget.measured
    filled, possible = (_filled(end, cap) for end in amount)
    return "█" * filled + "▒" * (possible - filled) + "░" * (_BAR_WIDTH - possible)


def _filled(amount: Decimal, cap: Decimal | None) -> int:
    """How much of the bar an amount fills, rounded down: all of it from the cap on."""
    if not cap:
        return _BAR_WIDTH if amount else 0
    return _BAR_WIDTH if amount >= cap else int(amount * _BAR_WIDTH / cap)


def _painted(text: str, status: Status, colour: bool) -> str:  # noqa: FBT001 - one of two looks
    return f"\x1b[{_COLOURS[status]}m{text}\x1b[0m" if colour else text
