"""The command line: a command and its exit code, with the clock and the error boundary."""

import sys

from budget_gate.commands import split_command
from budget_gate.exits import BUG, CONFIGURATION_WRONG, UNVERIFIED, ended_by, is_failed_import

# --help and --version end in split_command: what they do not need is imported where it is used,
# and the module typing is slow enough to be among that.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from budget_gate.commands.invocation import Parsed


def main(
    argv: "Sequence[str] | None" = None, *, clock: "Callable[[], datetime] | None" = None
) -> int:
    """Runs the command line and returns its exit code; `clock` tells the time, aware."""
    command, arguments = split_command(sys.argv[1:] if argv is None else argv)
    if command == "schema":
        from budget_gate.commands.schema import print_schema

        return print_schema(arguments)

    import gc

    # A run is short and needs what it reads to its end: looking for garbage only costs time.
    gc.disable()
    try:
        from budget_gate import signals
        from budget_gate.commands.invocation import Invocation
        from budget_gate.delivery.results import explain, mask, say
        from budget_gate.errors import ConfigurationError, InterruptedRunError
        from budget_gate.settings import Settings, Surroundings

        parse = _parser_of(command)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a damaged module may raise anything
        return ended_by(error)

    parsed = parse(arguments)
    settings: Surroundings | None = None
    exit_code: int | None = None
    try:
        with signals.raising():
            settings = checked = Settings.read(parsed.settings)
            mask(checked)
            exit_code = parsed.run(Invocation(checked, clock or _utc_now))
            return exit_code
    except ConfigurationError as error:
        explain(error, settings or Surroundings())
        return CONFIGURATION_WRONG
    except InterruptedRunError as error:
        say(f"budget-gate: {error.message}: nothing was decided", settings or Surroundings())
        return UNVERIFIED
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary: whatever comes here is a bug of ours
        if is_failed_import(error):
            return ended_by(error)
        import traceback

        from budget_gate.outputs.escaping import plain

        # The bar keeps a line of it from being taken for a command by GitHub's runner.
        lines = [f"| {plain(line)}" for line in traceback.format_exc().splitlines()]
        say(
            "\n".join([*lines, "budget-gate: this is a bug, please report it"]),
            settings or Surroundings(),
        )
        return BUG
    finally:
        if exit_code is None:
            parsed.give_up(settings or Surroundings(**parsed.settings))  # type: ignore[arg-type]


def _parser_of(command: str) -> "Callable[[Sequence[str]], Parsed]":
    """What reads the arguments of a command: its module alone is imported."""
    match command:
        case "check":
            from budget_gate.commands.check import parse
        case "demo":
            from budget_gate.commands.demo import parse
        case "audit":
            from budget_gate.commands.audit import parse
        case "verdict":
            from budget_gate.commands.verdict import parse
        case "export":
            from budget_gate.commands.export import parse
        case "sync":
            from budget_gate.commands.sync import parse
        case "dashboard":
            from budget_gate.commands.dashboard import parse
        case "ledger":
            from budget_gate.commands.ledger import parse
        case "init":
            from budget_gate.commands.init import parse
        case _:
            from budget_gate.commands.doctor import parse
    return parse


def _utc_now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)
