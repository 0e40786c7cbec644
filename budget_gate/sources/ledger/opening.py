"""The ledger at a URL, where the packages of its extra are installed."""

from budget_gate.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.sources.ledger.aio import AsyncClient
    from budget_gate.sources.ledger.client import Client


def open_client(url: str) -> "Client":
    """The client of a URL, which asks nothing yet.

    Raises ConfigurationError, which shows no password, where that is no URL of a Redis, or where
    the package of the extra `ledger` is not installed.
    """
    try:
        from budget_gate.sources.ledger.client import Client  # of the extra, and slow to import
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    return Client.at(url)


def open_async_client(url: str) -> "AsyncClient":
    """The same for programs that await."""
    try:
        from budget_gate.sources.ledger.aio import AsyncClient  # of the extra, and slow to import
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    return AsyncClient.at(url)


def _not_installed(error: ModuleNotFoundError) -> ConfigurationError:
    return ConfigurationError(
        f"the ledger needs the package {error.name}, which is not installed",
        'run, in the environment of budget-gate: pip install "redis>=5"',
    )
