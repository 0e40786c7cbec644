"""Adding to the history: days in the place of what there is of them, and names beside others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from budget_gate.domain.columns import values
from budget_gate.domain.daily import Days
from budget_gate.domain.period import DAY
from budget_gate.domain.spend import Workspace
from budget_gate.stores.database import Database
from budget_gate.stores.tables import NAMES, SYNCED, USAGE, of_days

# By name, as the table may have been made anew in another order, or with more.
_COLUMNS: Final = ", ".join(f'"{column.name}"' for column in USAGE.c)
_COPY: Final = f"COPY {USAGE.name} ({_COLUMNS}) FROM STDIN"
# What was read longer after than any run takes was read by a clock that is wrong.
_LONGEST_RUN: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of days: the rows that are new, and two kinds of days that are odd.

    `kept` are those that another run had read later, and `emptied` those that had rows before.
    """

    rows: int
    kept: tuple[date, ...]
    emptied: tuple[date, ...]


def save(database: Database, organization: str, parts: Iterable[Days], now: datetime) -> Saved:
    """As `History.save`."""
    parts = iter(parts)
    # Nothing is opened, and no file created, before there is something to save.
    first = next(parts)
    with database.saving() as connection:
        found = [_save(connection, organization, part, now) for part in chain([first], parts)]
    return Saved(
        sum(it.rows for it in found),
        tuple(chain.from_iterable(it.kept for it in found)),
        tuple(chain.from_iterable(it.emptied for it in found)),
    )


def _save(connection: Connection, organization: str, part: Days, now: datetime) -> Saved:
    """Saves the days of one part."""
    mine = of_days(SYNCED, organization, part.period)
    later = SYNCED.c.synced_at.between(now, now + _LONGEST_RUN) & (SYNCED.c.synced_at != now)
    kept = {*connection.scalars(select(SYNCED.c.date).where(mine, later))}
    used = select(USAGE.c.date).where(of_days(USAGE, organization, part.period)).distinct()
    before = {*connection.scalars(used)}
    for table in (USAGE, SYNCED):
        where = of_days(table, organization, part.period)
        connection.execute(delete(table).where(where, table.c.date.not_in(kept)))
    days = [day for start in part.period.steps(DAY) if (day := start.date()) not in kept]
    if days:
        synced = {"organization_id": organization, "synced_at": now}
        connection.execute(insert(SYNCED), [{**synced, "date": day} for day in days])
    rows = [row for row in part.rows if row.day not in kept]
    told = ((organization, *it) for it in values(rows, part.names, _storable))
    if connection.dialect.name == "postgresql":
        _copy(connection, told)
    elif rows:
        places = ", ".join("?" for _ in USAGE.c)
        insertion = f"INSERT INTO {USAGE.name} ({_COLUMNS}) VALUES ({places})"  # noqa: S608 - no text of another
        connection.exec_driver_sql(insertion, list(told))
    _remember(connection, organization, part.workspaces or (), now)
    return Saved(
        len(rows), tuple(sorted(kept)), tuple(sorted(before - kept - {row.day for row in rows}))
    )


def _storable(text: str) -> str:
    """A text without what a database cannot keep: no NUL, and no half of a character."""
    return (
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def _copy(connection: Connection, rows: Iterable[Sequence[str | int]]) -> None:
    """Adds rows in the way that PostgreSQL has for many."""
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(_COPY) as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _remember(
    connection: Connection, organization: str, workspaces: Iterable[Workspace], now: datetime
) -> None:
    """Keeps the names of workspaces, beside those that they had before."""
    its_own = NAMES.c.organization_id == organization
    there = {
        tuple(it) for it in connection.execute(select(NAMES.c.id, NAMES.c.name).where(its_own))
    }
    told = {(_storable(it.id), _storable(it.name)): it.archived_at for it in workspaces if it.id}
    seen = [
        {"workspace": id_, "label": name, "now": now, "archived": archived}
        for (id_, name), archived in told.items()
    ]
    new = [it for it in seen if (it["workspace"], it["label"]) not in there]
    if new:
        connection.execute(
            insert(NAMES).values(
                organization_id=organization,
                id=bindparam("workspace"),
                name=bindparam("label"),
                first_seen=bindparam("now"),
                last_seen=bindparam("now"),
                archived_at=bindparam("archived"),
            ),
            new,
        )
    known = [it for it in seen if (it["workspace"], it["label"]) in there]
    if known:
        connection.execute(
            update(NAMES)
            .where(
                its_own,
                NAMES.c.id == bindparam("workspace"),
                NAMES.c.name == bindparam("label"),
                NAMES.c.last_seen < bindparam("now"),
            )
            .values(last_seen=bindparam("now"), archived_at=bindparam("archived")),
            known,
        )
