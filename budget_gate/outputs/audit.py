"""An audit of list cost against billed cost as text and Markdown."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from budget_gate.domain.billed.audit import FIXED, Audit, AuditLine, Cause
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, on_day
from budget_gate.outputs.amounts import settled_days, share_of, usd, usd_range
from budget_gate.outputs.audit_advice import ratio_of, remedies, what
from budget_gate.outputs.escaping import NAME_LENGTH, code, plain, prose
from budget_gate.outputs.report.basis import prices_in_words
from budget_gate.outputs.report.markdown import folded_notes

SHOWN: Final = 20

_CAUSES: dict[Cause, str] = {
    "priority": "priority tier (prepaid)",
    "code_execution": "code execution",
    "session_usage": "managed-agent sessions",
    "discount": "discount",
    "counts": "other counts",
    "unpriced": "usage without a price",
    "old_prices": "days after the last price check",
}
_HEADS = ("Day", "Workspace", "What", "List cost", "Billed cost", "Drift", "", "Explained")


def summarize(audit: Audit) -> Note:
    """What a check says of the audit of its days."""
    text = f"Audit of {settled_days(audit.settled_days)}: {_totals(audit)}."
    if audit.status == "ok":
        return Note("info", "audit", text)
    return Note("warning", "audit", f"{text} For the lines and the reasons: `budget-gate audit`.")


def render_audit_text(audit: Audit) -> str:
    """The verdict, what explains the drift, what to do, and the lines that do not agree."""
    lines = [_verdict(audit, plain)]
    lines += [f"  {remedy}" for remedy in remedies(audit, plain)]
    if audit.status != "unverified":
        lines += ["", f"  {_about(audit, plain)}", f"  {_totals(audit)}"]
        lines += [f"    {_signed(amount)} {_CAUSES[cause]}" for cause, amount in explained(audit)]
    if audit.beyond:
        rows = [_row(line, audit, lambda name: plain(name, NAME_LENGTH)) for line in audit.beyond]
        lines += ["", *_aligned([_HEADS, *rows[:SHOWN]])]
        if len(rows) > SHOWN:
            lines.append(f"  and {len(rows) - SHOWN} more lines, all of them with --format json")
    lines.append("")
    told = audit.notes if audit.status != "unverified" else audit.notes[1:]
    lines += [f"  {note.level}: {plain(note.message)}" for note in told]
    return "\n".join(lines).rstrip() + "\n"


def render_audit_markdown(audit: Audit) -> str:
    """As the text, for a GitHub step summary; a third party's text stays text."""
    icon = {"ok": "🟢", "drift": "🔴", "unverified": "⚫"}[audit.status]
    parts = [f"## {icon} budget-gate audit: {audit.status}", f"**{_verdict(audit, prose)}**"]
    advice = [f"- {remedy}" for remedy in remedies(audit, prose)]
    if advice:
        parts.append("\n".join(advice))
    if audit.status != "unverified":
        sums = [f"- {_about(audit, code)}", f"- {_totals(audit)}"]
        sums += [f"- {_signed(amount)} {_CAUSES[cause]}" for cause, amount in explained(audit)]
        parts.append("\n".join(sums))
    if audit.beyond:
        table = [
            "| " + " | ".join(_HEADS) + " |",
            "|:--|:--|:--|--:|--:|--:|--:|:--|",
            *("| " + " | ".join(_row(line, audit, code)) + " |" for line in audit.beyond[:SHOWN]),
        ]
        rest = len(audit.beyond) - SHOWN
        if rest > 0:
            table.append(f"| | | {rest} more | | | | | |")
        parts.append("\n".join(table))
    told = audit.notes if audit.status != "unverified" else audit.notes[1:]
    parts += folded_notes(told)
    return "\n\n".join(parts) + "\n"


def _verdict(audit: Audit, escape: Callable[[str], str]) -> str:
    if audit.status == "unverified":
        reason = audit.notes[0].message if audit.notes else ""
        return f"Not audited: {escape(reason)}".rstrip()
    days = settled_days(audit.settled_days)
    if audit.status == "ok" and not audit.causes:
        return f"Bill and list cost agree: {_lines(audit)}, {days}, within 0.5% or $0.01."
    if audit.status == "ok":
        side = "below" if audit.drift < 0 else "above"
        billed = f"Billed {usd(abs(audit.drift))} {side} list cost on {days}"
        if usd(audit.unexplained) == usd(Decimal(0)):
            return f"{billed}: all of it is explained."
        return f"{billed}: {_lines(audit)} agree within 0.5% or $0.01, the rest is explained."
    side = "below" if audit.unfixed < 0 else "above"
    count = len(audit.beyond)
    first = audit.beyond[0]
    share = share_of(audit.unfixed, audit.comparable.low).lstrip("+-") or usd(abs(audit.unfixed))
    apart = f"Billed {share} {side} list cost"
    if share == "0.0%":
        apart = "Bill and list cost differ"
    return (
        f"{apart} on {days}; {count} of {_lines(audit)} {'fails' if count == 1 else 'fail'}, "
        f"most of all {escape(what(first))} on {on_day(first.part.day)}: "
        f"{_signed(first.unfixed)}{ratio_of(first.unfixed, first.comparable.low)}.{_fixed(audit)}"
    )


def _fixed(audit: Audit) -> str:
    """What fails no line, such as ` Not counted: -$270.00 priority tier (prepaid).`, or nothing."""
    told = [f"{_signed(it)} {_CAUSES[cause]}" for cause, it in explained(audit) if cause in FIXED]
    return f" Not counted: {', '.join(told)}." if told else ""


def explained(audit: Audit) -> list[tuple[Cause, Decimal]]:
    """What each cause explains of the drift, the most first."""
    sums = audit.causes
    return [(cause, sums[cause]) for cause in _CAUSES if cause in sums]


def _about(audit: Audit, name: Callable[[str], str]) -> str:
    """Which days, and what list cost is: `..., list cost at list prices less 10% (budget.yml)`."""
    last = (audit.period.end - DAY).date()
    whose = f" ({name(audit.policy)})" if audit.policy else ""
    prices = prices_in_words(audit.taken, audit.own_prices)
    return f"{audit.period.start.date()} to {last}, list cost at {prices}{whose}"


def _totals(audit: Audit) -> str:
    ratio = ratio_of(audit.drift, audit.list_cost.low)
    return (
        f"billed cost {usd(audit.billed)}, list cost {usd_range(audit.list_cost)}, drift "
        f"{_signed(audit.drift)}{ratio}, of which {_signed(audit.unexplained)} is unexplained"
    )


def _row(line: AuditLine, audit: Audit, name: Callable[[str], str]) -> list[str]:
    workspace = audit.names.get(line.part.workspace, line.part.workspace or "")
    why = [f"{_signed(amount)} {_CAUSES[cause]}" for cause, amount in line.causes]
    return [
        str(line.part.day),
        name(workspace or "unknown"),
        name(what(line)),
        "no price" if not line.list_cost.is_limited else usd_range(line.list_cost),
        usd(line.billed),
        _signed(line.drift),
        ratio_of(line.drift, line.list_cost.low).strip(" ()"),
        ", ".join(why) or "unexplained",
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in (3, 4, 5, 6) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def _signed(amount: Decimal) -> str:
    shown = usd(abs(amount))
    if shown == usd(Decimal(0)):
        return shown
    return f"{'-' if amount < 0 else '+'}{shown}"


def _lines(audit: Audit) -> str:
    count = len(audit.lines)
    return f"{count} line{'' if count == 1 else 's'}"
