"""The history of what each day cost, in SQLite or PostgreSQL: reading it and adding to it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Any, Final, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.clock import check_lag_of_days
from budget_gate.domain.columns import values
from budget_gate.domain.daily import DailyRow, Days, in_order
from budget_gate.domain.period import DAY, Period
from budget_gate.domain.policy.names import DEFAULT_KEY, Names, id_text
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens
from budget_gate.errors import UnverifiedError
from budget_gate.stores.database import Database
from budget_gate.stores.tables import NAMES, SYNCED, USAGE

# PostgreSQL takes no more than about 2,700 bytes in a key, whatever a name is made of.
_NAME_LENGTH: Final = 500
_WORKSPACES: Final = {DEFAULT_KEY: None, id_text(UNATTRIBUTED): UNATTRIBUTED}


@dataclass(frozen=True, slots=True)
class History:
    """The full days of organizations in a database.

    Every method raises as the transactions of the database do.
    """

    database: Database

    @classmethod
    def at(cls, url: str) -> Self:
        """The history at `url`; raises as `Database.at` does."""
        return cls(Database.at(url))

    @property
    def name(self) -> str:
        """The database's URL without the password."""
        return self.database.name

    def organizations(self) -> list[str]:
        """The ids of the organizations that it has days of, sorted."""
        with self.database.reading() as connection:
            if connection is None:
                return []
            return sorted(connection.scalars(select(SYNCED.c.organization_id).distinct()))

    def last_day(self, organization: str) -> date | None:
        """The last day of the organization that it has; None where it has none."""
        with self.database.reading() as connection:
            if connection is None:
                return None
            days = select(func.max(SYNCED.c.date)).where(SYNCED.c.organization_id == organization)
            last: date | None = connection.scalar(days)
            return last

    def names(self, organization: str) -> dict[str, str]:
        """The last known name of each workspace that was ever listed, by id."""
        with self.database.reading() as connection:
            return _names(connection, organization) if connection else {}

    def read(self, organization: str, period: Period, labels: Mapping[str, str]) -> Iterator[Days]:
        """The days of the period by calendar months, all as they are at one moment.

        `labels` are names from elsewhere, for workspaces that were never listed. Raises
        UnverifiedError where any of the days is not there, before it gives one.
        """
        with self.database.reading() as connection:
            missing = _missing(connection, organization, period)
            if missing or connection is None:
                raise UnverifiedError(
                    f"{_in_words(missing)} not in the history {self.name}",
                    f"run `budget-gate sync --from {missing[0]}`, or export other days",
                    code="not_in_history",
                )
            names: dict[str | None, str] = {}
            names.update(labels.items())
            names.update(_names(connection, organization).items())
            for part in period.months():
                yield _read(connection, organization, part, names)

    def save(self, organization: str, parts: Iterable[Days], now: datetime) -> int:
        """Puts days in the place of what there is of them, all or none; the number of their rows.

        `now` is when they were read: days that another run has read since stay as they are. What
        the making of a part raises is passed on.
        """
        parts = iter(parts)
        # Nothing is opened, and no file created, before there is something to save.
        first = next(parts)
        with self.database.saving() as connection:
            return sum(_save(connection, organization, part, now) for part in chain([first], parts))


def _of(table: Table, organization: str, period: Period) -> ColumnElement[bool]:
    first, end = period.start.date(), period.end.date()
    day = table.c.date
    return and_(table.c.organization_id == organization, day >= first, day < end)


def _missing(connection: Connection | None, organization: str, period: Period) -> list[date]:
    there: set[date] = set()
    if connection:
        there = {
            *connection.scalars(select(SYNCED.c.date).where(_of(SYNCED, organization, period)))
        }
    return [day for start in period.steps(DAY) if (day := start.date()) not in there]


def _in_words(days: Sequence[date]) -> str:
    """Days as the beginning of a sentence on them."""
    if len(days) == 1:
        return f"{days[0]} is"
    return f"{len(days)} days from {days[0]} to {days[-1]} are"


def _names(connection: Connection, organization: str) -> dict[str, str]:
    rows = connection.execute(
        select(NAMES.c.id, NAMES.c.name)
        .where(NAMES.c.organization_id == organization)
        .order_by(NAMES.c.last_seen, NAMES.c.first_seen)
    )
    return dict(map(tuple, rows))


def _read(connection: Connection, organization: str, period: Period, labels: Names) -> Days:
    columns = [column for column in USAGE.c if column is not USAGE.c.organization_id]
    names: dict[str | None, str] = {}
    rows = []
    for day, id_, name, model, tier, *counts, usd, usd_high, basis in connection.execute(
        select(*columns).where(_of(USAGE, organization, period))
    ):
        workspace = _WORKSPACES.get(id_, id_)
        names[workspace] = name
        uncached, output, write_5m, write_1h, read, searches = counts
        tokens = Tokens(uncached, write_5m, write_1h, read, output, searches)
        cost = Bounds(usd, usd_high)
        rows.append(
            DailyRow(day, workspace, model or None, tier or None, tokens, cost, basis, None, None)
        )
    # The last day alone may have been read too early: a later one says that those before were not.
    last = Period(period.end - DAY, period.end)
    read_at = connection.scalars(select(SYNCED.c.synced_at).where(_of(SYNCED, organization, last)))
    notes = check_lag_of_days(period.end, read_at.one())
    return Days(period, in_order(rows), {**names, **labels}, None, notes)


def _save(connection: Connection, organization: str, part: Days, now: datetime) -> int:
    """Saves the days of one part; the number of their rows."""
    mine = _of(SYNCED, organization, part.period)
    newer = {*connection.scalars(select(SYNCED.c.date).where(mine, SYNCED.c.synced_at > now))}
    for table in (USAGE, SYNCED):
        where = _of(table, organization, part.period)
        connection.execute(delete(table).where(where, table.c.date.not_in(newer)))
    days = [day for start in part.period.steps(DAY) if (day := start.date()) not in newer]
    if days:
        synced = {"organization_id": organization, "synced_at": now}
        connection.execute(insert(SYNCED), [{**synced, "date": day} for day in days])
    rows = [row for row in part.rows if row.day not in newer]
    told = ((organization, *it) for it in values(rows, part.names, _storable))
    if connection.dialect.name == "postgresql":
        _copy(connection, told)
    elif rows:
        places = ", ".join("?" for _ in USAGE.c)
        connection.exec_driver_sql(f"INSERT INTO {USAGE.name} VALUES ({places})", list(told))  # noqa: S608 - no text of another
    _remember(connection, organization, part.workspaces or (), now)
    return len(rows)


def _storable(text: str) -> str:
    """A text without what a database cannot keep: no NUL, and no half of a character."""
    return (
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def _copy(connection: Connection, rows: Iterable[Sequence[str | int]]) -> None:
    """Adds rows in the way that PostgreSQL has for many."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {USAGE.name} FROM STDIN") as copy:
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
    told = {
        (_storable(it.id), _storable(it.name)[:_NAME_LENGTH]): it.archived_at
        for it in workspaces
        if it.id
    }
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
