"""What an application imports stays light: the driver and what reads policies come when they are needed."""

import subprocess
import sys

from tests.helpers.surface import environment

HEAVY = ("redis", "httpx", "yaml", "pydantic")


def loaded(code: str) -> set[str]:
    """Which of the heavy packages a program has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return {*done.stdout.split()} & {*HEAVY}


def test_the_import_loads_no_driver() -> None:
    """Neither Redis nor what a check needs."""
    assert loaded("from budget_gate.ledger import AsyncLedger, Ledger") == set()


def test_a_ledger_loads_its_driver_alone() -> None:
    """Policies and prices come with the first guard."""
    code = "from budget_gate.ledger import Ledger\nLedger.from_url('redis://h').close()"

    assert loaded(code) == {"redis"}
