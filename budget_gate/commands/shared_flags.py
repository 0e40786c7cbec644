"""The parser of the flags, and the flags that several commands have; light, as --help needs it."""

import argparse
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

# How a variable begins that a flag wins over: such a flag is kept under its variable's name.
_SETTING = "BUDGET_GATE_"

_CREDENTIAL = """\
The credential is read from ANTHROPIC_ADMIN_KEY or ANTHROPIC_AUTH_TOKEN, never from a flag.
Without either, a job's identity is exchanged for one (workload identity federation).
"""


def exit_codes(*lines: str, credential: str = _CREDENTIAL) -> str:
    """The end of a command's help: its exit codes, that of a bug included, and what is no flag.

    `credential` says where that is read from.
    """
    told = (*lines, "4  a bug in budget-gate, or packages that cannot be imported")
    listed = "".join(f"  {line}\n" for line in told)
    return f"exit codes:\n{listed}\n{credential}"


EXIT_CODES = exit_codes(
    "0  every budget is within its cap, or a setting let the run pass",
    "1  at least one budget is breached (with --fail-on warning: or warns)",
    "2  the policy, a flag or a setting is wrong: nothing was decided; or the report cannot be "
    "written",
    "3  spend could not be determined, or not well enough to decide",
)


class _Once(argparse.Action):
    """Keeps the value of a flag, and refuses a second one: of two that differ, none is meant."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - as argparse calls it
        namespace: argparse.Namespace,
        values: "Any",
        option_string: str | None = None,  # noqa: ARG002 - as argparse calls it
    ) -> None:
        """Sets the value; raises ArgumentError where there is one already."""
        if getattr(namespace, self.dest) is not self.default:
            raise argparse.ArgumentError(self, "it is given twice: give it once")
        setattr(namespace, self.dest, values)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help in which each command stands in one line with what it does, the longest name as well."""

    def add_argument(self, action: argparse.Action) -> None:
        """As the base does, which leaves out how far commands are indented."""
        super().add_argument(action)
        for command in self._iter_indented_subactions(action):
            length = self._current_indent + len(self._format_action_invocation(command))
            self._action_max_length = max(self._action_max_length, length)


class Parser(argparse.ArgumentParser):
    """A parser whose errors repeat what was given as plain text, and never a credential.

    Of what it does not know it says what may be meant, and what it prints is known to be written
    before it ends.
    """

    def __init__(self, **given: "Any") -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **given)
        # What argparse takes for a flag that says nothing else: the last of several would win.
        self.register("action", None, _Once)

    def parse_known_args(self, args: "Any" = None, namespace: "Any" = None) -> "Any":
        """As the base does, but a command's parser itself refuses what it does not know."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            flags = [each.partition("=")[0] for each in unknown if each.startswith("-")]
            if any(map(_is_credential, flags)):
                self.error(
                    "there is no flag for the key, as others could read it there: it is read from "
                    "ANTHROPIC_ADMIN_KEY only"
                )
            known = list(self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(flags, known)}")
        return found, unknown

    def error(self, message: str) -> "NoReturn":
        """As the base does, with what may be meant, and without a credential."""
        import re

        from budget_gate.domain.credential import without_keys
        from budget_gate.outputs.escaping import plain
        from budget_gate.settings import Surroundings

        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            message += _meant([choice[1]], re.findall(r"[\w-]+", choice[2]))
        super().error(plain(without_keys(Surroundings().secrets.without(message))))

    def exit(self, status: int = 0, message: str | None = None) -> "NoReturn":
        """As the base does, but with 2 where what was printed is lost."""
        from budget_gate.delivery.streams import write

        lost = write(sys.stdout, "")
        if lost and not isinstance(lost, BrokenPipeError):
            status, message = 2, f"budget-gate: stdout cannot be written: {lost.strerror}\n"
        super().exit(status, message)


def _is_credential(flag: str) -> bool:
    """Whether a flag that there is not would be followed by what must not be repeated."""
    return any(word in flag.lower() for word in ("key", "token", "secret", "credential"))


def _meant(given: "Sequence[str]", known: "Sequence[str]") -> str:
    """The known names that are near those given, as a question; empty where none is."""
    from difflib import get_close_matches

    near = [name for each in given for name in get_close_matches(each, known, 1)]
    return f": did you mean {', '.join(near)}?" if near else ""


def add_setting(parser: Parser, flag: str, **described: "Any") -> None:
    """Adds a flag that wins over the variable of the same name."""
    parser.add_argument(flag, dest=_SETTING + flag[2:].upper().replace("-", "_"), **described)


def add_policy(
    parser: Parser, what: str = "the policy (default: budget.yml, then .github/budget.yml)"
) -> None:
    """Adds --policy."""
    add_setting(parser, "--policy", metavar="FILE", help=what)


def add_as_of(parser: Parser, what: str) -> None:
    """Adds --as-of."""
    add_setting(parser, "--as-of", metavar="TIME", help=what)


def add_month(parser: Parser, what: str) -> None:
    """Adds --month."""
    add_setting(parser, "--month", metavar="MONTH", help=what)


def add_terms(parser: Parser) -> None:
    """Adds how a run judges: what fails it, which budgets decide, and what is reserved."""
    add_setting(
        parser,
        "--fail-on",
        choices=("breach", "warning", "never"),
        help="what ends in exit code 1 (default: breach)",
    )
    add_setting(
        parser,
        "--on-error",
        choices=("fail", "warn"),
        help="fail, or warn and pass, if spend could not be determined (default: fail)",
    )
    parser.add_argument(
        "--budget",
        metavar="ID",
        action="append",
        dest="BUDGET_GATE_BUDGETS",
        help="only this budget decides the exit code (repeatable)",
    )
    add_setting(
        parser,
        "--reserve",
        metavar="USD[=WORKSPACE]",
        type=not_empty,
        help="fail if spending this much more (in WORKSPACE) would exceed a cap",
    )


def add_store(parser: Parser, what: str) -> None:
    """Adds --store."""
    add_setting(parser, "--store", metavar="URL", help=what)


def add_names_from(parser: Parser) -> None:
    """Adds --names-from."""
    add_setting(
        parser,
        "--names-from",
        metavar="URL",
        help="take names of deleted workspaces from this database (see sync)",
    )


def add_ledger(parser: Parser, what: str) -> None:
    """Adds --ledger."""
    add_setting(parser, "--ledger", metavar="URL", help=what)


def add_deadline(parser: Parser) -> None:
    """Adds --deadline."""
    add_setting(
        parser,
        "--deadline",
        metavar="SECONDS",
        help="time limit for all requests together (default: 120)",
    )


def up_to(most: int) -> "Callable[[str], int]":
    """What reads a whole number from 1 to `most`, for `type` of a flag."""

    def count(text: str) -> int:
        if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a number from 1 to {most}")
        return int(text)

    return count


def not_empty(text: str) -> str:
    """The text itself, for `type` of a flag; an empty one is refused.

    A shell's variable that is not set must not read as a flag that is not given.
    """
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def add_format(parser: Parser) -> None:
    """Adds --format."""
    add_setting(
        parser,
        "--format",
        choices=("text", "markdown", "json"),
        help="how the report is printed (default: text)",
    )


def given(flags: argparse.Namespace) -> dict[str, str]:
    """The flags that were given, by the variables they win over; an empty one is not given."""
    return {
        name: "\n".join(value) if isinstance(value, list) else value
        for name, value in vars(flags).items()
        if name.startswith(_SETTING) and value
    }
