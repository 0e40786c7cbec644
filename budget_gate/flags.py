"""The flags: what --help says, with nothing imported that answering it does not need."""

import argparse
import sys
from collections.abc import Sequence

from budget_gate import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

DEFAULT_COMMAND = "check"
# The cost analytics answer for no longer at once.
MOST_DAYS = 31

EPILOG = """\
exit codes:
  0  every budget is within its cap, or the run was told not to enforce
  1  at least one budget is breached (with --fail-on warning: or warns)
  2  the policy, a flag or a setting is wrong: nothing was decided; or the report cannot be written
  3  spend could not be established, or not well enough to decide
  4  a bug in budget-gate, or packages that cannot be imported

The credential is read from ANTHROPIC_ADMIN_KEY or ANTHROPIC_AUTH_TOKEN, never from a flag.
"""

AUDIT_EPILOG = """\
exit codes:
  0  every line agrees within 0.5% or $0.01
  1  at least one line drifts further than that
  2  the policy, a flag or a setting is wrong: nothing was compared
  3  one of both costs could not be established
  4  a bug in budget-gate, or packages that cannot be imported

The credential is read from ANTHROPIC_ADMIN_KEY or ANTHROPIC_AUTH_TOKEN, never from a flag.
"""

INIT_EPILOG = """\
exit codes:
  0  the policy was written
  2  a flag or a setting is wrong, or the file exists already: nothing was written
  3  last month's spend could not be read: nothing was written
  4  a bug in budget-gate, or packages that cannot be imported
"""

DOCTOR_EPILOG = """\
exit codes:
  0  no error (warnings included)
  2  the policy or a setting is wrong. Wins over 3
  3  the API could not be asked, or does not establish the spend
  4  a bug in budget-gate, or packages that cannot be imported
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors repeat what was given as plain text, and never a credential.

    Of what it does not know it says what may be meant, and what it prints is known to be written
    before it ends.
    """

    def parse_known_args(self, args: "Any" = None, namespace: "Any" = None) -> "Any":
        """As the base does, but a command's parser itself refuses what it does not know."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            flags = [each.partition("=")[0] for each in unknown if each.startswith("-")]
            known = list(self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(flags, known)}")
        return found, unknown

    def error(self, message: str) -> "NoReturn":
        import re

        from budget_gate.outputs.wording import plain

        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            message += _meant([choice[1]], re.findall(r"[\w-]+", choice[2]))
        super().error(re.sub(r"sk-ant-\S*", "***", plain(message)))

    def exit(self, status: int = 0, message: str | None = None) -> "NoReturn":
        from budget_gate.outputs.streams import write

        lost = write(sys.stdout, "")
        if lost and not isinstance(lost, BrokenPipeError):
            status, message = 2, f"budget-gate: stdout cannot be written: {lost.strerror}\n"
        super().exit(status, message)


def _meant(given: "Sequence[str]", known: "Sequence[str]") -> str:
    """The known names that are near those given, as a question; empty where none is."""
    from difflib import get_close_matches

    near = [name for each in given for name in get_close_matches(each, known, 1)]
    return f": did you mean {', '.join(near)}?" if near else ""


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = _Parser(
        prog="budget-gate",
        description="Tells whether this month's Claude API spend has breached a budget.",
        epilog=f"The flags of a command: budget-gate COMMAND --help\n\nof check, {EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"budget-gate {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    check = _add_command(commands, "check", "judge the month to date (the default command)", EPILOG)
    check.add_argument(
        "--policy", metavar="FILE", help="the policy (default: budget.yml, then .github/budget.yml)"
    )
    _add_as_of(check, "judge the month up to this time, RFC 3339 (default: now)")
    check.add_argument(
        "--month", metavar="MONTH", help="judge a whole month that has ended: 2026-10, or last"
    )
    _add_format(check)
    check.add_argument("--report", metavar="FILE", help="also write the JSON report to this file")
    check.add_argument(
        "--last-report",
        metavar="FILE",
        help="the JSON report of an earlier run, which may prove a breach where the API is down",
    )
    check.add_argument(
        "--fail-on",
        choices=("breach", "warning", "never"),
        help="what ends in exit code 1 (default: breach)",
    )
    check.add_argument(
        "--on-error",
        choices=("fail", "warn"),
        help="whether spend that cannot be established fails the run (default: fail)",
    )
    check.add_argument(
        "--budget",
        metavar="ID",
        action="append",
        help="let this budget decide the exit code, and no other that is not named so as well",
    )
    check.add_argument(
        "--reserve",
        metavar="USD[=WORKSPACE]",
        type=_reservation,
        help="pass only if this much more, in that workspace, would stay within every cap",
    )
    _add_deadline(check)
    check.add_argument(
        "--usage",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="read these saved pages of the usage report instead of the API",
    )
    check.add_argument(
        "--workspaces", metavar="FILE", help="a saved list of workspaces, to go with --usage"
    )
    check.add_argument(
        "--partial",
        action="store_true",
        help="judge saved pages that do not cover the month to date",
    )
    check.add_argument(
        "--audit",
        action="store_true",
        help="compare list cost with billed cost, too, and note by how much they drift apart",
    )
    demo = _add_command(commands, "demo", "judge a sample organization: no key, no network")
    _add_format(demo)
    audit = _add_command(
        commands, "audit", "compare list cost with billed cost, line by line", AUDIT_EPILOG
    )
    audit.add_argument(
        "--days",
        metavar="N",
        type=_days,
        help="audit the last N closed days, 31 at most (default: the closed days of the month)",
    )
    audit.add_argument(
        "--policy",
        metavar="FILE",
        help="the policy with prices and names (default: as for check, or none)",
    )
    _add_as_of(audit, "audit the days before this time, RFC 3339 (default: now)")
    _add_format(audit)
    _add_deadline(audit)
    _add_init(commands)
    _add_doctor(commands)
    commands.add_parser(
        "schema",
        help="print the policy's JSON Schema, by which an editor completes and checks it",
        description="Prints the policy's JSON Schema, by which an editor completes and checks it.",
        allow_abbrev=False,
    )
    return parser


def _add_command(
    commands: "argparse._SubParsersAction[_Parser]", name: str, what: str, epilog: str | None = None
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=what,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_init(commands: "argparse._SubParsersAction[_Parser]") -> None:
    init = _add_command(
        commands, "init", "write a first policy from last month's spend", INIT_EPILOG
    )
    init.add_argument(
        "--policy",
        metavar="FILE",
        help="the file to write (default: budget.yml, or .github/budget.yml where that exists)",
    )
    init.add_argument("--force", action="store_true", help="replace the file where it exists")
    init.add_argument("--stdout", action="store_true", help="print the policy, and write no file")
    _add_as_of(init, "go by the calendar month before this time, RFC 3339 (default: now)")
    _add_deadline(init)


def _add_doctor(commands: "argparse._SubParsersAction[_Parser]") -> None:
    doctor = _add_command(
        commands, "doctor", "check the policy, the credential, the API and the clock", DOCTOR_EPILOG
    )
    doctor.add_argument(
        "--policy", metavar="FILE", help="the policy (default: budget.yml, then .github/budget.yml)"
    )
    _add_as_of(doctor, "check against the month up to this time, RFC 3339 (default: now)")
    _add_deadline(doctor)


def _reservation(text: str) -> str:
    # A shell's variable that is not set must not read as nothing to reserve.
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to {MOST_DAYS}")
    return int(text)


def _add_as_of(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--as-of", metavar="TIME", help=what)


def _add_deadline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deadline", metavar="SECONDS", help="for all requests together (default: 120)"
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "json"),
        help="how the report is printed (default: text)",
    )


def parse_flags(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags of a command line, `check` where it names no command; exits as argparse does."""
    first = arguments[0] if arguments else "-"
    is_check = first.startswith("-") and first not in ("-h", "--help", "--version")
    return build_parser().parse_args([DEFAULT_COMMAND, *arguments] if is_check else arguments)
