"""Rows of days as CSV (RFC 4180), which a spreadsheet takes for values and never for formulas."""

import csv
from collections.abc import Iterable
from functools import lru_cache
from io import StringIO
from typing import Final

from budget_gate.domain.columns import COLUMNS, values
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.policy.names import Names
from budget_gate.outputs.escaping import plain

# What begins with one of these, in either width, is run by some spreadsheet; behind an apostrophe
# by none.
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_MARK: Final = "'"


def render_csv_head() -> str:
    """The line of column names."""
    return lines([COLUMNS])


def render_csv(rows: Iterable[DailyRow], names: Names) -> str:
    """A line for each row."""
    return lines(values(rows, names, cell))


def lines(rows: Iterable[Iterable[str | int]]) -> str:
    """Lines of cells, quoted where they need it."""
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


@lru_cache(maxsize=4096)
def cell(text: str) -> str:
    """A third party's text as a cell: on one line, and with an apostrophe where it needs one.

    That goes before a formula, and before another apostrophe, so that to take away one that a cell
    begins with gives the text.
    """
    shown = plain(text, len(text))
    return f"{_MARK}{shown}" if shown.lstrip().startswith((*_FORMULA, _MARK)) else shown
