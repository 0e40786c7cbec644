"""What a Redis that fails comes to: one error, with what to do."""

from typing import Final

from redis import exceptions

from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.address import Address
from budget_gate.sources.ledger.layout import ODD_COUNT

_LENGTH: Final = 200
_OF_CLUSTERS: Final = (
    exceptions.AskError,
    exceptions.ClusterCrossSlotError,
    exceptions.ClusterDownError,
)


def failure(error: Exception, address: Address) -> LedgerError:
    """The error of a ledger whose Redis failed so; it shows no password."""
    what, hint = _told(error, address)
    return LedgerError(address.hide(f"the ledger at {address.name} {what}"), hint)


def _told(error: Exception, address: Address) -> tuple[str, str]:
    lines = str(error).splitlines() or [type(error).__name__]
    said = lines[0][:_LENGTH].rstrip(".")
    if isinstance(error, exceptions.AuthenticationError) and not address.options["password"]:
        return (
            "wants a password, and the URL has none",
            "write redis://:PASSWORD@HOST (with the colon) or redis://USER:PASSWORD@HOST",
        )
    if isinstance(error, exceptions.NoPermissionError):
        return (
            f"does not let this user do that: {said}",
            "give the user the commands and keys that docs/ledger.md lists under In Redis",
        )
    if isinstance(error, exceptions.AuthenticationError):
        return (
            f"refuses the user or the password: {said}",
            "check both in the URL (special characters percent-encoded), and that the user exists",
        )
    if isinstance(error, exceptions.OutOfMemoryError):
        return (
            "is full, so nothing was counted",
            "raise its maxmemory, with maxmemory-policy noeviction so that no count is dropped",
        )
    if said.startswith(("WRONGTYPE", ODD_COUNT)):
        return (
            f"has something else where a count belongs, so nothing was counted: {said}",
            "delete the keys of budget-gate that another program has written",
        )
    if isinstance(error, _OF_CLUSTERS):
        return (
            f"is one node of a cluster: {said}",
            "name the cluster's address for clients without cluster support, or a single Redis",
        )
    if isinstance(error, exceptions.ReadOnlyError):
        return "is a replica, which nothing can be counted in", "name the primary in the URL"
    if isinstance(error, exceptions.TimeoutError):
        return f"did not answer in time: {said}", _check("runs, is not overloaded", address)
    if isinstance(error, exceptions.ConnectionError | OSError):
        return f"cannot be reached: {said}", _unreached(said, address)
    return f"failed: {said}", "check what Redis says in its log"


def _unreached(said: str, address: Address) -> str:
    """What to do where there is no connection, be it for a certificate or a file of it."""
    is_tls = "ssl" in address.options
    if is_tls and "CERTIFICATE" in said:
        return (
            "use the host name of its certificate and, for a CA of your own, append "
            "?ssl_ca_certs=/path/ca.pem to the URL"
        )
    if is_tls and "No such file" in said:
        return "correct the path of ssl_ca_certs, ssl_certfile or ssl_keyfile in the URL"
    return _check("runs there", address)


def _check(what: str, address: Address) -> str:
    if "unix_socket_path" in address.options:
        return f"check that Redis {what}, and the URL"
    expects = "TLS (without: redis://)" if "ssl" in address.options else "no TLS (with: rediss://)"
    return f"check the URL, and that Redis {what} and expects {expects}"
