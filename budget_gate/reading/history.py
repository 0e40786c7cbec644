"""The history as a run uses it: where it is, whose days are meant, and names it remembers."""

from collections.abc import Callable

from pydantic import SecretStr

from budget_gate.domain.notes import enumerated
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.errors import ConfigurationError, UnverifiedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.stores.history import History


def open_history(url: SecretStr) -> "History":
    """The history at a URL, which nothing is asked of yet.

    Raises ConfigurationError where that is no database that can be used, or where the packages of
    the extra `store` are not installed.
    """
    try:
        from budget_gate.stores.history import History  # of the extra, and slow to import

        return History.at(url.get_secret_value())
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the history needs the package {error.name}, which is not installed",
            'run, in the environment of budget-gate: pip install "sqlalchemy>=2" '
            '"psycopg[binary]>=3.2"',
        ) from error


def owner_in(history: "History", organization: str | None) -> str:
    """The id of the organization whose days are meant: that one or, for None, the only one there.

    Raises ConfigurationError where the history has none of its days, or those of several.
    """
    known = history.organizations()
    if not known:
        raise ConfigurationError(
            f"there is no history in {history.name} yet",
            "write it with `budget-gate sync`, or name another database",
        )
    if organization in known:
        return organization
    if organization:
        raise ConfigurationError(
            f"the history {history.name} has no days of organization {organization}, only of "
            f"{enumerated(known)}",
            "write them with `budget-gate sync`, or name another database",
        )
    if len(known) > 1:
        raise ConfigurationError(
            f"the history {history.name} has days of {len(known)} organizations: "
            f"{enumerated(known)}",
            "name one of them as `organization` in the policy",
        )
    return known[0]


def with_old_names(
    file: PolicyFile, url: SecretStr | None, identify: Callable[[], str | None]
) -> tuple[PolicyFile, UnverifiedError | None]:
    """The policy with the names that the history remembers, and why they cannot be read.

    Those of the policy win. `identify` gives the organization's id, None where nobody tells it.
    Raises as `owner_in` does.
    """
    if url is None:
        return file, None
    history, organization = open_history(url), file.policy.organization
    try:
        names = history.unique_names(owner_in(history, organization or _identified(identify)))
    except UnverifiedError as error:
        return file, error
    ours = file.policy.names
    # A name that the policy gives is of nobody else, or its cap would be of two.
    theirs = {id_: name for id_, name in names.items() if name not in ours.values()}
    policy = file.policy.model_copy(update={"names": {**theirs, **ours}})
    return PolicyFile(policy, file.source), None


def _identified(identify: Callable[[], str | None]) -> str | None:
    """The organization's id; None where the API does not tell it: to a gateway, or to this key."""
    try:
        return identify()
    except UnverifiedError as error:
        if error.code in ("http_403", "http_404"):
            return None
        raise
