"""The findings of the doctor for a terminal."""

from collections.abc import Sequence

from budget_gate.domain.health import Finding
from budget_gate.errors import as_sentence
from budget_gate.outputs.amounts import usd_range
from budget_gate.outputs.escaping import NAME_LENGTH, plain

_WIDTH = len("warning")


def render_findings(findings: Sequence[Finding]) -> str:
    """How many errors and warnings there are, then a line for each finding.

    A line begins with its level, so that a third party's text is never taken for a command.
    """
    lines = [_summary(findings)]
    lines += [f"{finding.level:{_WIDTH}}  {_sentences(finding)}" for finding in findings]
    return "\n".join(lines) + "\n"


def _summary(findings: Sequence[Finding]) -> str:
    errors, warnings = (
        sum(finding.level == level for finding in findings) for level in ("error", "warning")
    )
    if not errors and not warnings:
        return f"All {len(findings)} checks passed."
    counted = [_counted(errors, "error"), _counted(warnings, "warning")]
    if not errors:
        return f"Ready, with {counted[1]}."
    return f"Not ready: {' and '.join(counted[: 2 if warnings else 1])}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _sentences(finding: Finding) -> str:
    # Each part is cut by itself, so that a long name never hides the remedy.
    text = plain(f"{finding.check}: {finding.message.removesuffix('.')}")
    if finding.spenders:
        named = (f"{plain(name, NAME_LENGTH)} {usd_range(cost)}" for name, cost in finding.spenders)
        text += f": {', '.join(named)}"
    text += f". {plain(as_sentence(finding.remedy))}" if finding.remedy else "."
    return f"{text} ({plain(finding.trace)})" if finding.trace else text
