"""The tables of the history, and how exact USD and UTC times stand in either database."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    and_,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from budget_gate.domain.period import Period

# A change of any table below is a new version, and older ones are then to be migrated.
VERSION: Final = 1

# Ids and names are compared byte by byte, whatever the database's own language is.
_KEY: Final = Text().with_variant(Text(collation="C"), "postgresql")


class ExactUSD(TypeDecorator[Decimal]):
    """Exact USD: NUMERIC in PostgreSQL, and a text in SQLite, whose numbers are not exact."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column's type."""
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - as SQLAlchemy calls it
        """The amount as it was written."""
        return None if value is None else Decimal(value)


class Instant(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps none with an offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time as it is written."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The time, aware and in UTC."""
        if value is None:
            return None
        read: datetime = value
        return read.astimezone(UTC) if dialect.name == "postgresql" else read.replace(tzinfo=UTC)


METADATA: Final = MetaData()

SCHEMA: Final = Table(
    "budget_gate_schema", METADATA, Column("version", Integer, primary_key=True, nullable=False)
)

# A row a day, as in an export; what is of no model, or of no tier, has an empty text there.
USAGE: Final = Table(
    "anthropic_usage",
    METADATA,
    Column("organization_id", _KEY, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("workspace_id", _KEY, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("model", _KEY, primary_key=True),
    Column("service_tier", _KEY, primary_key=True),
    *(
        Column(name, BigInteger, nullable=False)
        for name in (
            "input",
            "output",
            "cache_write_5m",
            "cache_write_1h",
            "cache_read",
            "web_searches",
        )
    ),
    Column("usd", ExactUSD, nullable=False),
    Column("usd_high", ExactUSD, nullable=False),
    Column("basis", Text, nullable=False),
)

# The days that are known whole: one without usage has no row of its own.
SYNCED: Final = Table(
    "anthropic_synced_days",
    METADATA,
    Column("organization_id", _KEY, primary_key=True),
    Column("date", Date, primary_key=True),
    Column("synced_at", Instant, nullable=False),
)

# Every name that a workspace ever had while it was listed, once; a name may be too long for a key.
NAMES: Final = Table(
    "workspace_names",
    METADATA,
    Column("organization_id", _KEY, nullable=False),
    Column("id", _KEY, nullable=False),
    Column("name", Text, nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("archived_at", Instant),
    Index("workspace_names_by_id", "organization_id", "id"),
)


def of_days(table: Table, organization: str, period: Period) -> ColumnElement[bool]:
    """That a row of the table is of the organization and of the days of the period."""
    first, end = period.start.date(), period.end.date()
    day = table.c.date
    return and_(table.c.organization_id == organization, day >= first, day < end)
