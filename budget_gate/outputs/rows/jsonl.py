"""Rows of days as JSON Lines: an object a row, in ASCII."""

from collections.abc import Iterable

from budget_gate.domain.columns import COLUMNS, values
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.policy.names import Names
from budget_gate.outputs.escaping import dumped


def render_jsonl(rows: Iterable[DailyRow], names: Names) -> str:
    """A line for each row; amounts are strings of exact USD."""
    return "".join(
        f"{dumped(dict(zip(COLUMNS, told, strict=True)))}\n" for told in values(rows, names, str)
    )
