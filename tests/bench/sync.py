"""Times a sync of 100,000 rows into PostgreSQL against a COPY of the same: `python -m tests.bench.sync`.

What counts is from the rows to the commit, each side with a table that is empty before, in turn. The COPY is by the
driver alone, from texts that are made before, into an unlogged table without a key.
"""

import gc
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import psycopg

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow, Days
from budget_gate.domain.period import DAY, Period
from budget_gate.domain.usage import Tokens
from budget_gate.stores.history import History
from tests.helpers.postgresql import Cluster, cluster

START: Final = datetime(2026, 9, 1, tzinfo=UTC)
DAYS: Final = 50
WORKSPACES: Final = [f"wrkspc_01EXAMPLE{number:08d}" for number in range(200)]
NAMES: Final[dict[str | None, str]] = {id_: f"team {id_[-4:]}" for id_ in WORKSPACES}
MODELS: Final = [f"claude-example-{number}-20260901" for number in range(10)]
ORGANIZATION: Final = "11111111-2222-4333-8444-555555555555"
TABLE: Final = (
    "CREATE UNLOGGED TABLE plain (organization_id text, date date, workspace_id text, workspace text, "
    "model text, service_tier text, input bigint, output bigint, cache_write_5m bigint, "
    "cache_write_1h bigint, cache_read bigint, web_searches bigint, usd numeric, usd_high numeric, "
    "basis text)"
)


def row(day: date, number: int, workspace: str, model: str) -> DailyRow:
    """A row with numbers as they are usual."""
    tokens = Tokens(1_234_567 + number, 5_000, 300, 7_654_321, 98_765, number % 7)
    cost = Bounds.exactly(Decimal(1_234_567 + number) / 1_000_000)
    return DailyRow(day, workspace, model, "standard", tokens, cost, "list", None, None)


def parts() -> list[Days]:
    """The rows, by calendar months as they come from the API."""
    found = []
    for period in Period(START, START + DAYS * DAY).months():
        rows = [
            row(start.date(), number, workspace, model)
            for start in period.steps(DAY)
            for number, workspace in enumerate(WORKSPACES)
            for model in MODELS
        ]
        found.append(Days(period, rows, NAMES, None))
    return found


def synced(server: Cluster, given: list[Days]) -> float:
    """Seconds that it takes to save the rows in a new database."""
    history = History.at(server.new())
    began = time.perf_counter()
    saved = history.save(ORGANIZATION, given, START + timedelta(days=60))
    assert saved.rows == DAYS * len(WORKSPACES) * len(MODELS)
    return time.perf_counter() - began


def copied(server: Cluster, given: list[Days]) -> float:
    """Seconds that COPY takes for the same."""
    rows = [
        (
            *(ORGANIZATION, it.day.isoformat(), it.workspace, NAMES[it.workspace], it.model),
            *(it.service_tier, *it.tokens[:6], str(it.cost.low), str(it.cost.high), it.basis),
        )
        for part in given
        for it in part.rows
    ]
    with psycopg.connect(server.new().replace("+psycopg", "")) as connection:
        connection.execute(TABLE)
        connection.commit()
        began = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY plain FROM STDIN") as copy:
            for it in rows:
                copy.write_row(it)
        connection.commit()
        return time.perf_counter() - began


def main() -> None:
    """Prints a row of the table as Markdown."""
    given = parts()
    # As the program does.
    gc.disable()
    with cluster(["max_wal_size=1GB", "synchronous_commit=on"]) as server:
        runs = [(synced(server, given), copied(server, given)) for _ in range(7)]
    ours, theirs = (statistics.median(side) for side in zip(*runs, strict=True))
    ratio = statistics.median(one / other for one, other in runs)
    sys.stdout.write(
        f"| `sync`, 100,000 rows into PostgreSQL, without requests / COPY of the same | {ours:.2f} s "
        f"| {theirs:.2f} s | {ratio:.2f} | 3 |\n"
    )


if __name__ == "__main__":
    main()
