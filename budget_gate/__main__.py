"""Runs the command line, as `python -m budget_gate` and as `budget-gate`."""

import gc
import sys

from budget_gate.exits import ended_by


def run() -> int:
    """The exit code of the command line: 1 for a breach alone, whatever else ends the program."""
    try:
        from budget_gate.cli import main
    except BaseException as error:  # noqa: BLE001 - a damaged module may raise anything
        return ended_by(error)
    try:
        return main()
    except SystemExit:
        # That of the flags: --help, or one that is wrong.
        raise
    except BaseException as error:  # noqa: BLE001 - Python's own exit code for it would be 1
        return ended_by(error)
    finally:
        # The process ends, and its memory with it: Python need not look for what to free.
        gc.freeze()


if __name__ == "__main__":
    sys.exit(run())
