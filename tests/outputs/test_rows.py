"""Rows of days as text: what CSV and JSON Lines read back as, whatever a third party calls things."""

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.usage import Tokens
from budget_gate.outputs.rows.csv import render_csv, render_csv_head
from budget_gate.outputs.rows.jsonl import render_jsonl
from tests.helpers.reports import HOSTILE

FORMULAS = (
    '=HYPERLINK("https://evil.example","click")',
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    " =1+1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20A1",
)
HIDDEN_FORMULAS = (
    "\u3000=1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\x00=1+1",
)
# What Python takes for a name, of whatever signs; half a surrogate pair gets past no answer.
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def row(workspace: str | None, model: str | None = None, tier: str | None = None) -> DailyRow:
    """A row without usage that costs a dollar."""
    cost = Bounds(Decimal(1), Decimal(1))
    return DailyRow(date(2026, 11, 1), workspace, model, tier, Tokens(), cost, "list", None, None)


def texts_of(name: str) -> list[str]:
    """The cells of a row in which every text of a third party is `name`, as CSV reads back."""
    told = render_csv_head() + render_csv([row(name, name, name)], {name: name})
    assert told.count("\r\n") == 2
    head, cells = csv.reader(io.StringIO(told, newline=""), strict=True)
    assert len(head) == len(cells) == 14
    assert cells[0] == "2026-11-01"
    assert cells[5:] == ["0"] * 6 + ["1", "1", "list"]
    return cells[1:5]


def unmarked(cell: str) -> str:
    """A cell without the apostrophe that keeps it from being run."""
    return cell.removeprefix("'")


# Amounts


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ("0", "0", ["0", "0"]),
        ("1.50", "1.5", ["1.5", "1.5"]),
        ("100", "1E+3", ["100", "1000"]),
        ("1E-12", "0.0000001", ["0.000000000001", "0.0000001"]),
        ("12345678901234567890.123456789", "12345678901234567891", None),
    ],
)
def test_amounts_are_exact(low: str, high: str, told: list[str] | None) -> None:
    """Plain digits, all of them; both ends of what is no range are alike."""
    cost = Bounds(Decimal(low), Decimal(high))
    line = render_csv([row(None)._replace(cost=cost)], {})
    cells = line.split(",")[11:13]
    assert cells == (told or [low, high])
    (read,) = map(json.loads, render_jsonl([row(None)._replace(cost=cost)], {}).splitlines())
    assert [read["usd"], read["usd_high"]] == cells


def test_what_is_of_none_is_empty() -> None:
    """Neither a model nor a tier; of what no report tells apart, the workspace is said to be that."""
    assert render_csv([row("")], {}) == (
        "2026-11-01,unattributed,unattributed,,,0,0,0,0,0,0,1,1,list\r\n"
    )


# Text of a third party


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_no_formula(name: str) -> None:
    """An apostrophe before it makes it a text, and without that it is what it was."""
    for cell in texts_of(name):
        assert cell == f"'{name}"


@pytest.mark.parametrize("name", HIDDEN_FORMULAS)
def test_a_formula_behind_what_is_not_seen_is_none(name: str) -> None:
    """A sign that cannot be seen is replaced by one that can, so that nothing comes before it."""
    for cell in texts_of(name):
        assert cell.endswith("=1+1")
        assert cell.startswith(("\N{REPLACEMENT CHARACTER}", "'"))


@pytest.mark.parametrize(
    "name", ["plain", "a,b", 'say "hi"', "Zürich 東京", "a=b", "1-2", "", "'quoted'", "'=1+1"]
)
def test_any_other_name_reads_back_as_it_is(name: str) -> None:
    """Without the one apostrophe that goes before another one."""
    for cell in texts_of(name)[2:]:
        assert unmarked(cell) == name
    if not name.startswith("'"):
        assert texts_of(name)[2] == name


@given(name=NAMES)
def test_no_name_is_more_than_a_cell(name: str) -> None:
    """One row of 14 cells, none of which begins as a formula does; no sign but unseen ones is lost."""
    for cell in texts_of(name):
        assert not cell.lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20\t\r\n"))
        assert len(unmarked(cell)) == len(name) or "##[" in name
        if name.isprintable() and "##[" not in name:
            assert unmarked(cell) == name


@given(name=NAMES)
def test_names_in_json_lines_are_whole(name: str) -> None:
    """One line in ASCII, which reads back as the name to the last sign."""
    line = render_jsonl([row(name, name, name)], {name: name})
    assert line.isascii()
    assert line.count("\n") == 1
    read = json.loads(line)
    assert [read[key] for key in ("workspace_id", "workspace", "model", "service_tier")] == [
        name
    ] * 4


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.isprintable() or "\n" in name])
def test_no_name_is_a_command_in_a_log(name: str) -> None:
    """Rows may be printed to the log of a step."""
    for told in (
        render_csv([row(name, name, name)], {name: name}),
        render_jsonl([row(name, name, name)], {name: name}),
    ):
        assert "##[" not in told
        for line in told.splitlines():
            assert line.startswith(("2026-11-01,", '{"date": '))
