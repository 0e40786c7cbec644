"""Measures how fast a run starts, and how well it bears a slow network: `python -m tests.bench.start`."""

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from tests.bench.measuring import compared, environment_of_a_run, row, serving, show, used
from tests.bench.network import certificate, secured
from tests.world.loopback import EXAMPLE_KEY

AS_OF: Final = "2026-11-30T16:25:00Z"
# `budget_gate` on a day when AS_OF is now, whenever this runs.
AT_AS_OF: Final = f"""\
import runpy
from datetime import datetime
from budget_gate import cli
cli._utc_now = lambda: datetime.fromisoformat({AS_OF!r})
runpy.run_module("budget_gate", run_name="__main__", alter_sys=True)
"""
IMPORTS: Final = "import httpx, pydantic_settings, yaml"
ONE_REQUEST: Final = f"""\
{IMPORTS}
import os
address = os.environ["ANTHROPIC_BASE_URL"] + "/v1/organizations/me"
headers = {{"x-api-key": os.environ["ANTHROPIC_ADMIN_KEY"], "anthropic-version": "2023-06-01"}}
httpx.get(address, headers=headers).raise_for_status()
"""
# Seconds of a round trip, and how many more a check over such a network may take.
TRIP: Final = 0.3
MOST_LATE: Final = 0.45
RUNS: Final = 9


def serving_usage(usages: int, workspaces: int) -> AbstractContextManager[str]:
    """The address of a loopback API, in a process of its own, with that much usage."""
    amounts = ("--rows", str(usages), "--workspaces", str(workspaces))
    return serving("-m", "tests.world.loopback", "--as-of", AS_OF, *amounts)


def _late(check: list[str], environment: dict[str, str], own: Path, url: str) -> str:
    """The row of a check over a slow network: what it takes more, by the clock."""
    with secured(own, url) as near, secured(own, url, TRIP) as far:
        found = [
            [
                used(check, {**environment, "ANTHROPIC_BASE_URL": it}, is_counted=False).wall
                for it in (far, near)
            ]
            for _ in range(RUNS)
        ]
    more = statistics.median(one - other for one, other in found)
    sides = (f"{statistics.median(it) * 1000:,.0f} ms" for it in zip(*found, strict=True))
    name = f"`check` over https, round trips of {TRIP:g} s / of none: seconds more"
    return row(name, sides, more, MOST_LATE)


def rows() -> Iterator[str]:
    """The rows of the table, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = environment_of_a_run(folder / "env")
        bare = [python, "-c", "pass"]
        environment = {**os.environ, "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY}
        for flag in ("--version", "--help"):
            ours = [python, "-m", "budget_gate", flag]
            yield compared(f"`{flag}` / bare Python", ours, bare, environment, 3)
        policy = folder / "budget.yml"
        policy.write_text("version: 1\nglobal: {cap: 1000000}\n", encoding="utf-8")
        check = [python, "-c", AT_AS_OF, "check", "--policy", str(policy)]
        own, trusted = certificate(folder)
        with serving_usage(1_000, 8) as url:
            environment |= {"ANTHROPIC_BASE_URL": url, "SSL_CERT_FILE": str(trusted)}
            what = "`check`, 1,000 rows / importing its packages"
            yield compared(what, check, [python, "-c", IMPORTS], environment, 1.4)
            with secured(own, url) as secure:
                environment["ANTHROPIC_BASE_URL"] = secure
                what = "the same over https / these imports and one request"
                yield compared(what, check, [python, "-c", ONE_REQUEST], environment, 1.25)
            yield _late(check, environment, own, url)


if __name__ == "__main__":
    show(rows())
