"""A history as its database has it: read and changed by the database's own driver, never by the program."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from tests.helpers.postgresql import asked
from tests.world.loopback import Organization
from tests.world.oracle import Usage, cost

TABLES: Final = (
    "anthropic_usage",
    "anthropic_synced_days",
    "workspace_names",
    "budget_gate_schema",
)
CLASSES: Final = ("uncached", "output", "write_5m", "write_1h", "read", "searches")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Store:
    """A database at the URL that the program is given."""

    url: str

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None where it is PostgreSQL."""
        kind, _, path = self.url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    def ask(self, query: str) -> list[Row]:
        """What a query gives, as the driver has it."""
        if self.file is None:
            return asked(self.url, query)
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            return connection.execute(query).fetchall()

    def dump(self) -> dict[str, list[Row]]:
        """All that is in the tables of the history, in an order of its own."""
        return {name: sorted(self.ask(f"SELECT * FROM {name}"), key=repr) for name in TABLES}  # noqa: S608

    def usage(self) -> list[Row]:
        """The rows of usage in the order of their key, with days as texts and exact amounts."""
        rows = []
        for row in self.ask("SELECT * FROM anthropic_usage"):
            usd, usd_high = row[12:14]
            # A number of SQLite would have been rounded.
            assert type(usd) is type(usd_high) is (str if self.file else Decimal)
            rows.append(
                (row[0], str(row[1]), *row[2:12], Fraction(usd), Fraction(usd_high), row[14])
            )
        return sorted(rows, key=lambda row: (*row[:3], *row[4:6]))

    def days(self, organization: str | None = None) -> list[str]:
        """The days that are there whole, of one organization or of all, in their order."""
        rows = self.ask("SELECT organization_id, date FROM anthropic_synced_days ORDER BY 1, 2")
        return [str(day) for owner, day in rows if organization in (None, owner)]

    def names(self) -> list[tuple[str, str, datetime, datetime, datetime | None]]:
        """The id and the name of each workspace, when it was first and last seen, and when archived."""
        rows = self.ask("SELECT id, name, first_seen, last_seen, archived_at FROM workspace_names")
        return sorted(
            (id_, name, _time(first), _time(last), archived and _time(archived))
            for id_, name, first, last, archived in rows
        )

    def cut(self) -> None:
        """Ends every other connection to a database of PostgreSQL, as whoever runs the server may."""
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    @property
    def is_written(self) -> bool:
        """Whether somebody has changed something that is not kept yet."""
        if self.file:
            return self.file.with_name(f"{self.file.name}-journal").exists()
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        )
        return bool(self.ask(query))


def _time(value: datetime | str) -> datetime:
    """An instant as either driver has it, in UTC."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value.astimezone(UTC)


def expected(
    organization: Organization, first: date, last: date, names: Mapping[str, str] | None = None
) -> list[Row]:
    """The rows that a history has of the days from `first` to `last`, both included, at list price.

    `names` are those of workspaces that are not listed.
    """
    labels = {**(names or {}), **{it.id: it.name for it in organization.workspaces}}
    groups: dict[tuple[str, str | None, str, str], list[Usage]] = defaultdict(list)
    for one in organization.usage:
        if first <= one.day <= last:
            groups[str(one.day), one.workspace, one.model, one.service_tier].append(one)
    rows = []
    for (day, workspace, model, tier), used in groups.items():
        counts = [sum(getattr(one, name) for one in used) for name in CLASSES]
        name = labels.get(workspace, workspace) if workspace else "default workspace"
        usd, usd_high = _sum(used)
        place = (organization.id, day, workspace or "default", name, model, tier)
        rows.append((*place, *counts, usd, usd_high, "list"))
    return sorted(rows, key=lambda row: (*row[:3], *row[4:6]))


def _sum(used: Iterable[Usage]) -> tuple[Fraction, Fraction]:
    bounds = [cost(one) for one in used]
    assert None not in bounds
    lows, highs = zip(*filter(None, bounds), strict=True)
    return sum(lows, Fraction(0)), sum(highs, Fraction(0))
