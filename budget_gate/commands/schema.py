"""The command `schema`: prints the policy's JSON Schema, as the package holds it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from budget_gate.commands import COMMANDS
from budget_gate.commands.shared_flags import Parser
from budget_gate.delivery.streams import write
from budget_gate.exits import CONFIGURATION_WRONG, OK


def print_schema(arguments: Sequence[str]) -> int:
    """Prints the schema; 2 where it is lost. It reads no setting, so none can be wrong."""
    what = COMMANDS["schema"]
    Parser(prog="budget-gate schema", description=f"{what[0].upper()}{what[1:]}.").parse_args(
        arguments
    )
    schema = Path(__file__).parents[1] / "data" / "policy.schema.json"
    lost = write(sys.stdout, schema.read_text(encoding="ascii"))
    if lost:
        write(sys.stderr, f"budget-gate: the schema cannot be printed: {lost.strerror}\n")
    return CONFIGURATION_WRONG if lost else OK
