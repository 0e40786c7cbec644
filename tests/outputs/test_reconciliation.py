"""What `ledger reconcile` says: the amount first, then where, then what to do."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from budget_gate.domain.ledger.reconcile import Amount, ReconciledLine, Reconciliation
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, Period
from budget_gate.outputs.reconciliation import (
    render_reconciliation_json,
    render_reconciliation_markdown,
    render_reconciliation_text,
)
from tests.helpers.builders import bounds
from tests.helpers.markup import assert_own_structure, kinds
from tests.helpers.wording import assert_says

START = datetime(2026, 11, 10, tzinfo=UTC)
NONE = Amount(0, bounds("0"))
UNCOUNTED = ReconciledLine(
    "wrkspc_1",
    "production",
    "claude-opus-4-8",
    Amount(1_000_000, bounds("25")),
    Amount(400_000, bounds("10")),
    Amount(600_000, bounds("15")),
    NONE,
    ("uncounted",),
)
TWICE = ReconciledLine(
    None,
    "default workspace",
    "claude-opus-4-8",
    Amount(100, bounds("75")),
    Amount(200, bounds("150")),
    NONE,
    Amount(100, bounds("75")),
    ("excess",),
)
APART = Reconciliation("apart", Period(START, START + DAY), Decimal("0.01"), (TWICE, UNCOUNTED), ())


def test_amounts_stand_first_and_remedies_follow() -> None:
    """$15 of $100 were never counted, $75 counted and not reported."""
    text = render_reconciliation_text(APART)

    assert_says(
        text,
        "Never counted: $15.00 on Nov 10 (list prices, 15.0% of the report): claude-opus-4-8 in production",
        "Counted, but not in the report: $75.00 on Nov 10 (list prices, 75.0% of the report)",
        "Find the clients that send it",
        "recorded twice",
        "production",
    )


def test_agreement_is_one_line() -> None:
    """One line within 1%, over three days."""
    line = replace(UNCOUNTED, apart=())
    found = replace(APART, status="ok", lines=(line,), period=Period(START, START + 3 * DAY))

    text = render_reconciliation_text(found)

    assert text == "Report and ledger agree on Nov 10 to Nov 12: 1 line, within 1%.\n"


def test_nothing_at_all_is_said_to_be_nothing() -> None:
    """An empty ledger and an empty report agree about nothing."""
    text = render_reconciliation_text(replace(APART, status="ok", lines=()))

    assert_says(text, "Nothing to reconcile on Nov 10")


def test_what_cannot_be_read_is_said() -> None:
    """The reason stands in the first line, and once."""
    note = Note("error", "ledger", "the ledger cannot be reached: start Redis")
    text = render_reconciliation_text(replace(APART, status="unverified", lines=(), notes=(note,)))

    assert text == "Not reconciled: the ledger cannot be reached: start Redis\n"


def test_markdown_keeps_names_as_text() -> None:
    """A workspace may be called as a table is written."""
    hostile = replace(UNCOUNTED, name="a|b <img src=x>\n# c")
    text = render_reconciliation_markdown(replace(APART, lines=(hostile,)))

    usual = render_reconciliation_markdown(replace(APART, lines=(UNCOUNTED,)))
    assert_own_structure(text)
    assert kinds(text) == kinds(usual)


def test_json_has_exact_amounts_of_every_line() -> None:
    """Amounts are strings, and what agrees is in it too."""
    document = json.loads(render_reconciliation_json(APART))

    assert document["schema"] == "budget-gate/reconciliation/v1"
    assert document["status"] == "apart"
    assert document["period"] == {"start": "2026-11-10T00:00:00Z", "end": "2026-11-11T00:00:00Z"}
    assert document["tolerance"] == "0.01"
    assert [line["apart"] for line in document["lines"]] == [["excess"], ["uncounted"]]
    assert document["lines"][1]["uncounted"]["tokens"] == 600_000


@pytest.mark.parametrize("count", [20, 21])
def test_many_lines_are_cut_with_word_of_it(count: int) -> None:
    """At most 20 lines are shown; JSON has all."""
    text = render_reconciliation_text(replace(APART, lines=(UNCOUNTED,) * count))

    assert ("and 1 more lines" in text) == (count == 21)
