"""The database of a history: its URL, its transactions, and what it says when it fails."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from budget_gate.errors import ConfigurationError, UnverifiedError, interruption_behind
from budget_gate.stores.address import read_address, shown
from budget_gate.stores.tables import METADATA, SCHEMA, VERSION

# Whoever saves waits so long for another run that does, and whoever reads for a lock, in seconds.
_PATIENCE: Final = 120
_PATIENCE_OF_READERS: Final = 20
# Any number, the same in every run: only one transaction holds it.
_LOCK: Final = 7_206_512_938
# That a server went away shows within a minute, not after the two hours that systems wait for.
_CONNECTING: Final = {
    "client_encoding": "utf8",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# SQLite begins to write at the first change: of two runs that had read before, one would fail.
_SAVES: Final = "budget_gate_saves"
_REASON_LENGTH: Final = 200

# A pool logs what fails as a connection is closed, a signal too, with its traceback: it is raised
# as well, and told in one line.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Database:
    """A database that nothing has been asked of yet; `name` is its URL without the password."""

    engine: Engine
    name: str

    @classmethod
    def at(cls, url: str) -> Self:
        """The database at `url`.

        Raises ConfigurationError, which shows no password, where that is the URL of none that can
        be used, and ModuleNotFoundError where a package for it is not installed.
        """
        address = read_address(url)
        if address.drivername.startswith("sqlite"):
            options: dict[str, Any] = {"timeout": _PATIENCE, "isolation_level": None}
        else:
            options = {key: it for key, it in _CONNECTING.items() if key not in address.query}
        engine = create_engine(address, poolclass=NullPool, connect_args=options)
        event.listen(engine, "begin", _begin)
        return cls(engine, shown(address))

    @property
    def _file(self) -> Path | None:
        path = self.engine.url.database
        return Path(path) if path and self.engine.dialect.name == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A connection that sees the tables as they are at one moment; None where there are none.

        Raises UnverifiedError where the database fails, and ConfigurationError where the tables are
        of another version.
        """
        # To connect to a file that is missing would create it.
        if self._file and not self._file.exists():
            yield None
            return
        with self._telling("read"), self._connected() as connection:
            if self.engine.dialect.name == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection if self._has_tables(connection) else None

    @contextmanager
    def saving(self) -> Iterator[Connection]:
        """A connection whose changes are kept together at the end, or not at all where any fails.

        Nobody else saves in the meantime. The tables are created on first use. Raises as `reading`
        does, and what is raised within.
        """
        with self._telling("written"), self._connected() as connection:
            connection.execution_options(**{_SAVES: True})
            with connection.begin(), _left_by_signals(connection):
                if not self._has_tables(connection):
                    METADATA.create_all(connection)
                    connection.execute(insert(SCHEMA), {"version": VERSION})
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, _left_by_signals(connection):
            yield connection

    def _has_tables(self, connection: Connection) -> bool:
        there = set(inspect(connection).get_table_names())
        if SCHEMA.name not in there:
            foreign = sorted(there & METADATA.tables.keys())
            if foreign:
                raise ConfigurationError(
                    f"{self.name} has a table {foreign[0]} that is not of budget-gate",
                    "name another database, or rename that table",
                )
            return False
        versions = connection.scalars(select(SCHEMA.c.version)).all()
        if versions != [VERSION]:
            found = ", ".join(map(str, versions)) or "none"
            raise ConfigurationError(
                f"the history {self.name} has version {found} of the tables, and this version of "
                f"budget-gate needs {VERSION}",
                "use the version of budget-gate that wrote it, or name another database",
            )
        return True

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Has every failure of the database be an UnverifiedError."""
        driver = self.engine.dialect.loaded_dbapi.Error
        # What a driver cannot hand over, such as a count that is too large, it raises itself; what
        # is read may have been damaged by another hand.
        odd = (ArithmeticError, ValueError, TypeError)
        failures = (
            SQLAlchemyError,
            driver,
            *(odd if what == "read" else (OverflowError, UnicodeError)),
        )
        try:
            yield
        except failures as error:
            lines = str(getattr(error, "orig", None) or error).split("\n")
            raise UnverifiedError(
                f"the history {self.name} cannot be {what}: {lines[0][:_REASON_LENGTH]}",
                "check that the database is there and that you may use it, then run it again",
                code="history_failed",
            ) from error


@contextmanager
def _left_by_signals(connection: Connection) -> Iterator[None]:
    """Has a signal end the connection, which the server takes for the end of its transaction.

    In the midst of a question nothing else can be asked, not even to roll back.
    """
    try:
        yield
    except BaseException as error:
        interruption = interruption_behind(error)
        if interruption is None:
            raise
        connection.invalidate()
        raise interruption from None


def _begin(connection: Connection) -> None:
    """Begins a transaction as it will be used: one that saves is the only one that does."""
    saves = connection.get_execution_options().get(_SAVES)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if saves else "BEGIN")
        return
    # The driver reads times in no other form, and a database may be set to one.
    connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
    patience = _PATIENCE if saves else _PATIENCE_OF_READERS
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{patience}s'")
    if saves:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
