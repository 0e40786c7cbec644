"""The URL of a Redis: which are taken, and how one is shown without its password."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from budget_gate.domain.credential import passwords_in
from budget_gate.errors import ConfigurationError

_WRITE: Final = "write redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS"
_ENCODE: Final = (
    "write special characters of the user and the password percent-encoded (@ as %40, / as %2F, "
    "? as %3F, # as %23), and the port as a number"
)
_USUAL_PORT: Final = 6379
# Whoever waits longer than that for an answer has a problem that a ledger must not add to.
_PATIENCE: Final = 5.0
_TLS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs")
_TIMES: Final = ("socket_timeout", "socket_connect_timeout")
_SECONDS: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a Redis is: `options` are those of a client of redis-py; `name` has no password."""

    name: str
    options: Mapping[str, Any] = field(repr=False)
    _passwords: tuple[str, ...] = field(repr=False)

    def hide(self, text: str) -> str:
        """The text without the password."""
        for password in self._passwords:
            text = text.replace(password, "***")
        return text


def read_address(url: str) -> Address:
    """The Redis that a URL names.

    Raises ConfigurationError, which shows nothing that may be a part of a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _not_clear() from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError(
            "the URL of the ledger does not begin with redis://, rediss:// or unix://", _WRITE
        )
    # A character of the password that is not encoded splits the URL elsewhere.
    if parts.fragment or "@" in parts.path + parts.query or parts.netloc.count("@") > 1:
        raise _not_clear()
    user, _, secret = parts.netloc.rpartition("@")[0].partition(":")
    options: dict[str, Any] = {
        "username": unquote(user) or None,
        "password": unquote(secret) or None,
        **dict.fromkeys(_TIMES, _PATIENCE),
        **_query(parts.query, is_tls=parts.scheme == "rediss"),
    }
    if parts.scheme == "unix":
        if host or not parts.path:
            raise ConfigurationError("the URL names no socket", "write unix:///path/to/redis.sock")
        options |= {"unix_socket_path": unquote(parts.path)}
        name = f"unix://{parts.path}"
    else:
        if not host or not re.fullmatch(r"/?[0-9]{0,5}", parts.path):
            raise ConfigurationError(
                "the URL of the ledger has no host, or a database that is no number", _WRITE
            )
        database = int(parts.path.strip("/") or 0)
        options |= {"host": host, "port": port or _USUAL_PORT, "db": database}
        shown = f"[{host}]" if ":" in host else host
        name = f"{parts.scheme}://{shown}:{port or _USUAL_PORT}/{database}"
    passwords = (*passwords_in(url), unquote(secret), secret)
    return Address(
        name, options, tuple(sorted(set(filter(None, passwords)), key=len, reverse=True))
    )


def _query(query: str, *, is_tls: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"ssl": True, "ssl_check_hostname": True} if is_tls else {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in _TIMES:
            if not _SECONDS.fullmatch(value) or not float(value):
                raise ConfigurationError(
                    f"`{name}` in the URL of the ledger is no number of seconds", "write 5 or 0.5"
                )
            found[name] = float(value)
        elif name in _TLS and is_tls and value:
            found[name] = value
        else:
            known = ", ".join((*_TIMES, *(_TLS if is_tls else ())))
            tls = "" if is_tls else "; options of TLS need rediss://"
            raise ConfigurationError(
                "the URL of the ledger has an option that is not known here",
                f"leave out what stands behind the ?, but for {known}{tls}",
            )
    requirement = found.get("ssl_cert_reqs", "required")
    if requirement not in ("none", "required"):
        raise ConfigurationError(
            "`ssl_cert_reqs` in the URL of the ledger is neither required nor none",
            "leave it out, so that the server's certificate is checked",
        )
    if requirement == "none":
        found["ssl_check_hostname"] = False
    return found


def _not_clear() -> ConfigurationError:
    return ConfigurationError(
        "the URL of the ledger cannot be split into user, password, host and port", _ENCODE
    )
