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
    what, hint = _told(error)
    return LedgerError(address.hide(f"the ledger at {address.name} {what}"), hint)


def _told(error: Exception) -> tuple[str, str]:
    lines = str(error).splitlines() or [type(error).__name__]
    said = lines[0][:_LENGTH].rstrip(".")
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return (
            f"refuses the user, the password or the command: {said}",
            "check the user and the password in the URL, and what that user may do",
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
        return f"did not answer in time: {said}", "check that Redis runs and is not overloaded"
    if isinstance(error, exceptions.ConnectionError | OSError):
        return f"cannot be reached: {said}", "check that Redis runs there, and the URL"
    return f"failed: {said}", "check what Redis says in its log"
