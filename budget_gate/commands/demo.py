"""The command `demo`: judges a sample organization, without a key or a network."""

from collections.abc import Sequence
from pathlib import Path

from budget_gate.commands import check
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import POLICY_FILES
from budget_gate.commands.shared_flags import Parser, add_format, given
from budget_gate.delivery.results import say
from budget_gate.domain.period import MonthToDate, parse_instant
from budget_gate.reading.spend import SavedPages
from budget_gate.sources.files.documents import load_policy

AS_OF = "2026-11-20T15:20:00Z"


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `demo` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate demo")
    add_format(parser)
    return Parsed(given(parser.parse_args(arguments)) | {"BUDGET_GATE_AS_OF": AS_OF}, _run)


def _run(invocation: Invocation) -> int:
    sample = Path(__file__).parents[1] / "data" / "sample"
    name = POLICY_FILES[0]
    pages = tuple(sorted(sample.glob("usage-*.json")))
    now = parse_instant(AS_OF)
    exit_code = check.judge(
        load_policy(sample / name, name),
        now,
        MonthToDate(now),
        check.CheckOptions(SavedPages(pages, sample / "workspaces.json", is_partial=False)),
        invocation,
    )
    say("That was a sample. To check yours: budget-gate check", invocation.settings)
    return exit_code
