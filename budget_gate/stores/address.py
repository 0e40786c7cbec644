"""The URL of a database: which are taken, and how one is shown without its password."""

from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from budget_gate.errors import ConfigurationError

_WRITE: Final = "write sqlite:///usage.db or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
_ENCODE: Final = (
    "write special characters of the user and the password percent-encoded (@ as %40, / as %2F, "
    "? as %3F) and the : between both as it is, or leave the password to PGPASSWORD"
)
# Of what a driver takes besides, some undoes that all is written or nothing.
_OPTIONS: Final = frozenset(
    (
        *("application_name", "channel_binding", "connect_timeout", "dbname", "gssencmode"),
        *("host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle"),
        *("keepalives_interval", "krbsrvname", "options", "passfile", "password", "port"),
        *("require_auth", "service", "ssl_min_protocol_version", "sslcert", "sslcrl", "sslkey"),
        *("sslmode", "sslpassword", "sslrootcert", "sslsni", "target_session_attrs"),
        *("tcp_user_timeout", "user"),
    )
)


def read_address(text: str) -> URL:
    """The address that a URL names, of a kind of database that can be used.

    Raises ConfigurationError, which shows nothing that may be a part of a password.
    """
    try:
        address = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError("what is given is no URL of a database", _WRITE) from None
    is_file = address.drivername in ("sqlite", "sqlite+pysqlite")
    _refuse_split(address, may_be_path=is_file)
    if is_file:
        return _file(address)
    if address.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise ConfigurationError(f"{shown(address)} is neither SQLite nor PostgreSQL", _WRITE)
    for option in address.query:
        if option not in _OPTIONS:
            raise ConfigurationError(
                f"the URL of {shown(address)} has an option that is not known here",
                "leave out what stands behind the ?, but for options of PostgreSQL such as sslmode",
            )
    return address.set(drivername="postgresql+psycopg")


def shown(address: URL) -> str:
    """The address for people: without its password, and without options, which may hold one."""
    return address.set(query={}).render_as_string(hide_password=True)


def _file(address: URL) -> URL:
    name = address.database or ""
    if address.host or address.query or name in ("", ":memory:"):
        raise ConfigurationError(
            f"{shown(address)} names no file",
            "write sqlite:/// and the path, such as sqlite:///usage.db",
        )
    if not Path(name).absolute().parent.is_dir():
        raise ConfigurationError(
            f"there can be no {shown(address)}: its folder does not exist",
            "create the folder first, or name another file",
        )
    return address


def _refuse_split(address: URL, *, may_be_path: bool) -> None:
    """Raises ConfigurationError where a character of the password has split the URL elsewhere.

    What `may_be_path` has any characters behind the host.
    """
    user, host, database = (address.username or "", address.host or "", address.database or "")
    behind = "" if may_be_path and not host else database
    is_split = "@" in host + behind or ":" in user + behind
    if is_split or "password=" in str(address.password or ""):
        raise ConfigurationError(
            "it is not clear which part of the database's URL is the password", _ENCODE
        )
