"""The report against the ledger as text, Markdown and JSON."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from budget_gate import __version__
from budget_gate.domain.bounds import NOTHING, Bounds, exact
from budget_gate.domain.ledger.reconcile import (
    Amount,
    Difference,
    ReconciledLine,
    Reconciliation,
)
from budget_gate.domain.notes import enumerated, percent
from budget_gate.domain.period import DAY, format_instant, on_day
from budget_gate.outputs.amounts import share_of, usd, usd_range
from budget_gate.outputs.escaping import NAME_LENGTH, code, dumped, plain, prose
from budget_gate.outputs.report.json import bounds_of
from budget_gate.outputs.report.markdown import folded_notes

SCHEMA: Final = "budget-gate/reconciliation/v1"
SHOWN: Final = 20

_HEADS = ("Workspace", "Model", "Report", "Ledger", "Not counted", "Not reported")
_TITLES = {
    "ok": "🟢 budget-gate ledger: agrees with the report",
    "apart": "🔴 budget-gate ledger: differs from the report",
    "unverified": "⚫ budget-gate ledger: not reconciled",
}
_REMEDIES: dict[Difference, str] = {
    "uncounted": "Find the clients that send it: they record nothing, or not all. Add "
    "ledger.record there.",
    "excess": "Look for messages that are recorded twice without their id, or for another "
    "workspace or organization.",
}


def render_reconciliation_text(found: Reconciliation) -> str:
    """The verdict, what to do, and the lines that are apart."""
    lines = [verdict(found, plain)]
    lines += [f"  {remedy}" for remedy in _remedies(found)]
    if found.apart:
        rows = [_row(it, lambda name: plain(name, NAME_LENGTH)) for it in found.apart]
        lines += ["", *_aligned([_HEADS, *rows[:SHOWN]])]
        if len(rows) > SHOWN:
            lines.append(f"  and {len(rows) - SHOWN} more lines, all of them with --format json")
    notes = found.notes if found.status != "unverified" else found.notes[1:]
    lines += ["", *(f"  {note.level}: {plain(note.message)}" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def render_reconciliation_markdown(found: Reconciliation) -> str:
    """As the text; a third party's text stays text."""
    parts = [f"## {_TITLES[found.status]}", f"**{verdict(found, prose)}**"]
    remedies = [f"- {remedy}" for remedy in _remedies(found)]
    if remedies:
        parts.append("\n".join(remedies))
    if found.apart:
        rows = ["| " + " | ".join(_row(it, code)) + " |" for it in found.apart[:SHOWN]]
        rest = len(found.apart) - SHOWN
        rows += [f"| {rest} more | | | | | |"] if rest > 0 else []
        parts.append("\n".join([f"| {' | '.join(_HEADS)} |", "|:--|:--|--:|--:|--:|--:|", *rows]))
    parts += folded_notes(found.notes if found.status != "unverified" else found.notes[1:])
    return "\n\n".join(parts) + "\n"


def render_reconciliation_json(found: Reconciliation) -> str:
    """As indented ASCII, with every line; amounts are strings of exact USD."""
    document = {
        "schema": SCHEMA,
        "version": __version__,
        "status": found.status,
        "period": {
            "start": format_instant(found.period.start),
            "end": format_instant(found.period.end),
        },
        "tolerance": exact(found.tolerance),
        "lines": [_json_line(line) for line in found.lines],
        "notes": [
            {"level": note.level, "code": note.code, "message": note.message}
            for note in found.notes
        ],
    }
    return dumped(document, indent=2) + "\n"


def _json_line(line: ReconciledLine) -> dict[str, Any]:
    def told(amount: Amount) -> dict[str, Any]:
        return {"tokens": amount.tokens, "list": bounds_of(amount.cost)}

    return {
        "workspace": line.workspace,
        "workspace_name": line.name,
        "model": line.model,
        "reported": told(line.reported),
        "counted": told(line.counted),
        "uncounted": told(line.uncounted),
        "excess": told(line.excess),
        "apart": list(line.apart),
    }


def verdict(found: Reconciliation, escape: Callable[[str], str]) -> str:
    """Whether both agree, or by how much they do not and mostly where, in one line."""
    if found.status == "unverified":
        return f"Not reconciled: {escape(found.notes[0].message)}"
    days, tolerance = _days(found), percent(found.tolerance)
    if not found.lines:
        return f"Nothing to reconcile on {days}: neither the report nor the ledger has usage."
    if found.status == "ok":
        count = len(found.lines)
        what = f"{count} line{'' if count == 1 else 's'}"
        return f"Report and ledger agree on {days}: {what}, within {tolerance}."
    sentences = [*_apart(found, "uncounted", escape), *_apart(found, "excess", escape)]
    return " ".join(sentences)


def _apart(found: Reconciliation, what: Difference, escape: Callable[[str], str]) -> Iterator[str]:
    lines = [line for line in found.apart if what in line.apart]
    if not lines:
        return
    lines.sort(key=lambda line: _of(line, what).cost.largest_first)
    cost = _total(lines, what)
    reported = _total(found.lines, "reported")
    share = "list prices"
    if cost.is_limited and reported.is_limited:
        of_report = share_of(cost.high, reported.high).lstrip("+")
        share += f", {of_report} of the report" if of_report else ""
    amount = _shown(cost)
    places = [
        escape(
            f"{line.model or 'an unnamed model'} in {line.name} ({_shown(_of(line, what).cost)})"
        )
        for line in lines
    ]
    verb = "Never counted" if what == "uncounted" else "Counted, but not in the report"
    yield f"{verb}: {amount} on {_days(found)} ({share}): {enumerated(places, 3)}."


def _shown(cost: Bounds) -> str:
    return usd_range(cost) if cost.is_limited else "usage without a price"


def _total(lines: Sequence[ReconciledLine], what: str) -> Bounds:
    total = NOTHING
    for line in lines:
        total = total.plus(_of(line, what).cost)
    return total


def _of(line: ReconciledLine, what: str) -> Amount:
    amount: Amount = getattr(line, what)
    return amount


def _remedies(found: Reconciliation) -> list[str]:
    kinds = {what for line in found.apart for what in line.apart}
    return [remedy for what, remedy in _REMEDIES.items() if what in kinds]


def _days(found: Reconciliation) -> str:
    first, last = found.period.start, found.period.end - DAY
    return on_day(first) if first == last else f"{on_day(first)} to {on_day(last)}"


def _row(line: ReconciledLine, name: Callable[[str], str]) -> list[str]:
    amounts = (line.reported, line.counted, line.uncounted, line.excess)
    costs = [_shown(it.cost) if it.cost.is_limited else f"{it.tokens:,} tokens" for it in amounts]
    shown = [cost if cost != usd(Decimal(0)) else "-" for cost in costs]
    return [name(line.name), name(line.model or "unknown"), *shown]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004 - names, then amounts
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()
