"""The command `ledger`: counts messages in Redis, and shows what is counted there."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.reconcile import (
    LEDGER,
    TOLERANCE,
    ReconcileOptions,
    add_reconcile,
    needed_client,
    run_reconcile,
)
from budget_gate.commands.shared_flags import (
    Parser,
    add_ledger,
    exit_codes,
    given,
    not_empty,
    up_to,
)
from budget_gate.delivery.results import publish_text, say
from budget_gate.domain.ledger.counted import LONGEST_NAME
from budget_gate.domain.ledger.possible import may_drop
from budget_gate.errors import ConfigurationError, LedgerError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.ledger.arguments import place
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.ledger import render_counts
from budget_gate.sources.files.messages import Line, read_messages
from budget_gate.sources.ledger.plans import Learned, recording_all
from budget_gate.sources.ledger.reading import eviction, reading_last

# Hours are kept for so long.
_MOST_HOURS: Final = 14 * 24
_USUAL_HOURS: Final = 3
# Messages that go in one round trip.
_AT_ONCE: Final = 200
_STDIN: Final = "-"

_NO_KEY: Final = (
    "The URL is read from BUDGET_GATE_LEDGER as well, which keeps its password out of the list of "
    "processes.\n"
)
_EXIT_CODES: Final = exit_codes(
    "0  done",
    "2  a flag or a setting is wrong, or the file cannot be read",
    "3  a message cannot be counted (then none was), or Redis failed",
    credential=_NO_KEY,
)


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """The file of messages, and the workspace of those that name none."""

    file: str
    workspace: str | None


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `ledger` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate ledger", epilog=_EXIT_CODES)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    record = actions.add_parser("record", help="count the messages of a file", epilog=_EXIT_CODES)
    add_ledger(record, LEDGER)
    record.add_argument(
        "--file",
        metavar="FILE",
        required=True,
        type=not_empty,
        help="messages as the API answers them, or results of a batch, one a line (- is stdin)",
    )
    record.add_argument(
        "--workspace",
        metavar="WORKSPACE",
        type=_workspace,
        help="name or id of their workspace (default: the default workspace)",
    )
    show = actions.add_parser("show", help="show what is counted", epilog=_EXIT_CODES)
    add_ledger(show, LEDGER)
    show.add_argument(
        "--hours",
        metavar="N",
        type=up_to(_MOST_HOURS),
        help=f"show the last N hours (default: {_USUAL_HOURS})",
    )
    add_reconcile(actions)
    flags = parser.parse_args(arguments)
    if flags.action == "reconcile":
        tolerance = TOLERANCE if flags.tolerance is None else flags.tolerance
        options = ReconcileOptions(flags.days or 1, tolerance)
        return Parsed(given(flags), partial(run_reconcile, options))
    if flags.action == "show":
        return Parsed(given(flags), partial(_show, flags.hours or _USUAL_HOURS))
    return Parsed(given(flags), partial(_record, RecordOptions(flags.file, flags.workspace)))


def _record(options: RecordOptions, invocation: Invocation) -> int:
    """Counts the messages of a file, each of them once however often it is run; 0 or 3.

    Raises ConfigurationError where the file cannot be read, or the URL is none of a Redis.
    """
    settings = invocation.settings
    learned = Learned(lambda: invocation.clock().timestamp())
    new = done = 0
    with closing(needed_client(settings)) as client:
        try:
            lines = _lines(options)
            answers = [(it.counted, it.workspace) for it in lines if it.counted]
            for start in range(0, len(answers), _AT_ONCE):
                some = answers[start : start + _AT_ONCE]
                new += sum(client.run(recording_all(some, learned)))
                done += len(some)
        except LedgerError as error:
            rest = f" Counted before that: {done}. Run it again: none counts twice."
            say(f"budget-gate: {plain(error.told)}{rest if done else ''}", settings)
            return UNVERIFIED
        told = f"messages: {done} ({new} new, {done - new} already counted)"
        unbilled = len(lines) - done
        if unbilled:
            told += f"; results of a batch without a message, which cost nothing: {unbilled}"
        publish_text(f"{told}; ledger: {client.address.name}\n", settings)
    return OK


def _show(hours: int, invocation: Invocation) -> int:
    """Prints what is counted in the last hours, and what is reserved; 0, or 3 if Redis fails."""
    settings = invocation.settings
    with closing(needed_client(settings)) as client:
        try:
            counts = client.run(reading_last(hours))
            policy = client.run(eviction())
        except LedgerError as error:
            say(f"budget-gate: {plain(error.told)}", settings)
            return UNVERIFIED
        publish_text(render_counts(counts, client.address.name), settings)
        if policy:
            say(f"warning: {plain(may_drop(policy))}", settings)
    return OK


def _workspace(text: str) -> str:
    if len(not_empty(text)) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r}... is no name or id of a workspace: it is longer than {LONGEST_NAME} "
            "characters"
        )
    return text


def _lines(options: RecordOptions) -> list[Line]:
    """The lines of the file, all of them checked before any is counted."""
    is_stdin = options.file == _STDIN
    name = "stdin" if is_stdin else options.file
    try:
        with nullcontext(sys.stdin.buffer) if is_stdin else Path(name).open("rb") as file:
            found = list(read_messages(file, name))
    except OSError as error:
        raise ConfigurationError(
            f"{name} cannot be read: {error.strerror or error}", "check the path of --file"
        ) from error
    # A line that names the default workspace is of that one, whatever the others are of.
    return [it._replace(workspace=place(it.workspace or options.workspace)) for it in found]
