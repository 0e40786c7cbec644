"""The history of what each day cost, in SQLite or PostgreSQL: reading it and adding to it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Self

from sqlalchemy import (
    Connection,
    Select,
    func,
    select,
)

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.clock import check_lag_of_days
from budget_gate.domain.daily import DailyRow, Days, in_order
from budget_gate.domain.period import DAY, Period, days_are, midnight
from budget_gate.domain.policy.model import DEFAULT_KEY
from budget_gate.domain.policy.names import Names, id_text
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens
from budget_gate.errors import UnverifiedError
from budget_gate.stores.database import Database
from budget_gate.stores.saving import Saved, save
from budget_gate.stores.tables import NAMES, SYNCED, USAGE, Instant, of_days

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

    def days(self, organization: str) -> list[date]:
        """Every day of the organization that it has, in their order."""
        with self.database.reading() as connection:
            if connection is None:
                return []
            days = select(SYNCED.c.date).where(SYNCED.c.organization_id == organization)
            return sorted(connection.scalars(days))

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        """The workspaces that were listed when it was synced last, by id."""
        with self.database.reading() as connection:
            if connection is None:
                return ()
            mine = NAMES.c.organization_id == organization
            last = select(func.max(NAMES.c.last_seen)).where(mine).scalar_subquery()
            rows = connection.execute(
                select(NAMES.c.id, NAMES.c.name, NAMES.c.archived_at)
                .where(mine, NAMES.c.last_seen == last)
                .order_by(NAMES.c.id)
            )
            return tuple(Workspace(id_, name, at is not None, at) for id_, name, at in rows)

    def names(self, organization: str) -> dict[str, str]:
        """The last known name of each workspace that was ever listed, by id."""
        with self.database.reading() as connection:
            return _names(connection, organization) if connection else {}

    def unique_names(self, organization: str) -> dict[str, str]:
        """The same, but of two with one name only the one that was listed last."""
        with self.database.reading() as connection:
            if connection is None:
                return {}
            names = _names(connection, organization)
            seen = {it.id: it.seen for it in connection.execute(_last_seen(organization))}
        last: dict[str, datetime] = {}
        for id_, name in names.items():
            last[name] = max(seen[id_], last.get(name, seen[id_]))
        return {id_: name for id_, name in names.items() if seen[id_] == last[name]}

    def oldest_at_list(self, organization: str, since: date) -> date | None:
        """The first day from `since` on that is at list price; None where there is none."""
        with self.database.reading() as connection:
            if connection is None:
                return None
            usage = USAGE.c
            days = select(func.min(usage.date)).where(
                usage.organization_id == organization, usage.date >= since, usage.basis == "list"
            )
            first: date | None = connection.scalar(days)
            return first

    def read(self, organization: str, period: Period, labels: Mapping[str, str]) -> Iterator[Days]:
        """The days of the period by calendar months, all as they are at one moment.

        `labels` are names from elsewhere, which win. Raises
        UnverifiedError where any of the days is not there, before it gives one.
        """
        with self.database.reading() as connection:
            missing = _missing(connection, organization, period)
            if missing or connection is None:
                raise UnverifiedError(
                    f"{days_are(missing)} not in the history {self.name}",
                    f"run `budget-gate sync --from {missing[0]}`, or export other days",
                    code="not_in_history",
                )
            names: dict[str | None, str] = {}
            names.update(_names(connection, organization).items())
            names.update(labels.items())
            for part in period.months():
                yield _read(connection, organization, part, names)

    def save(self, organization: str, parts: Iterable[Days], now: datetime) -> Saved:
        """Puts days in the place of what there is of them: all or none.

        `now` is when they were read: days that another run has read since stay as they are. What
        the making of a part raises is passed on.
        """
        return save(self.database, organization, parts, now)


def _missing(connection: Connection | None, organization: str, period: Period) -> list[date]:
    there: set[date] = set()
    if connection:
        there = {
            *connection.scalars(select(SYNCED.c.date).where(of_days(SYNCED, organization, period)))
        }
    return [day for start in period.steps(DAY) if (day := start.date()) not in there]


def _last_seen(organization: str) -> Select[tuple[str, datetime]]:
    return (
        select(NAMES.c.id, func.max(NAMES.c.last_seen, type_=Instant()).label("seen"))
        .where(NAMES.c.organization_id == organization)
        .group_by(NAMES.c.id)
    )


def _names(connection: Connection, organization: str) -> dict[str, str]:
    rows = connection.execute(
        select(NAMES.c.id, NAMES.c.name)
        .where(NAMES.c.organization_id == organization)
        .order_by(NAMES.c.last_seen, NAMES.c.first_seen)
    )
    names = dict(map(tuple, rows))
    _refuse_damaged("workspace_names", *names, *names.values())
    return names


def _refuse_damaged(what: str, *texts: object) -> None:
    """Raises ValueError where one is no text: SQLite keeps anything in a column."""
    if not all(type(it) is str for it in texts):
        raise ValueError(f"{what} is damaged")


def _read(connection: Connection, organization: str, period: Period, labels: Names) -> Days:
    columns = [column for column in USAGE.c if column is not USAGE.c.organization_id]
    names: dict[str | None, str] = {}
    rows = []
    for day, id_, name, model, tier, *counts, usd, usd_high, basis in connection.execute(
        select(*columns).where(of_days(USAGE, organization, period))
    ):
        _refuse_damaged(f"the row of {day}", id_, name, model, tier, basis)
        workspace = _WORKSPACES.get(id_, id_)
        names[workspace] = name
        uncached, output, write_5m, write_1h, read, searches = counts
        tokens = Tokens(uncached, write_5m, write_1h, read, output, searches)
        if not (usd.is_finite() and usd_high.is_finite() and type(sum(counts)) is int):
            raise ValueError(f"the row of {day} is damaged")
        cost = Bounds(usd, usd_high)
        rows.append(
            DailyRow(day, workspace, model or None, tier or None, tokens, cost, basis, None, None)
        )
    synced = select(SYNCED.c.date, SYNCED.c.synced_at).where(of_days(SYNCED, organization, period))
    ends = {
        midnight(day) + DAY: at for day, at in connection.execute(synced.order_by(SYNCED.c.date))
    }
    early = [note for end, at in ends.items() for note in check_lag_of_days(end, at)]
    notes = tuple(early[-1:])
    return Days(period, in_order(rows), {**names, **labels}, None, notes)
