"""The commands, one module each, and which of them a command line names."""

from collections.abc import Sequence

from budget_gate import __version__
from budget_gate.commands.shared_flags import EXIT_CODES, Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# What --help says of each: nothing else of it is imported to say so.
COMMANDS: "Final" = {
    "check": "judge the month to date (the default command)",
    "verdict": "judge by the report of an earlier check: no key, no network",
    "demo": "judge a sample organization: no key, no network",
    "audit": "compare list cost with billed cost, line by line",
    "export": "print what each day cost, as CSV, JSON Lines or FOCUS",
    "sync": "keep what each day cost in SQLite or PostgreSQL",
    "dashboard": "write a page with spend, budgets and trends to look at",
    "ledger": "count usage in Redis as it happens, ahead of the report",
    "init": "write a first policy from last month's spend",
    "doctor": "check the policy, the credential, the API and the clock",
    "schema": "print the policy's JSON Schema, for completion and checks in an editor",
}
_DEFAULT = "check"
_OF_THE_PROGRAM = ("-h", "--help", "--version")


def split_command(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command that a command line names, `check` where it names none, and its arguments.

    Ends the program as argparse does for what asks about the program, and for an unknown command.
    """
    first = arguments[0] if arguments else "-"
    if first.startswith("-") and first not in _OF_THE_PROGRAM:
        return _DEFAULT, arguments
    if first not in COMMANDS:
        _program().parse_args(arguments[:1])
    return first, arguments[1:]


def _program() -> Parser:
    parser = Parser(
        prog="budget-gate",
        description="Checks whether this month's Claude API spend has breached a budget.",
        epilog="For a command's flags: budget-gate COMMAND --help\n\n"
        f"The default command's {EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"budget-gate {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what)
    return parser
