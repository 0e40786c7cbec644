"""Which budgets decide the exit code: all, or those that a run names."""

from collections.abc import Collection
from decimal import Decimal
from typing import Protocol

from budget_gate.domain.policy.model import Policy
from budget_gate.domain.policy.names import meant_keys
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.errors import ConfigurationError


class Named(Protocol):
    """A budget by its id and by the key of the policy that it has its cap from."""

    @property
    def id(self) -> str:
        """As reports have it."""

    @property
    def path(self) -> str:
        """As `exceptions` name it."""

    @property
    def name(self) -> str:
        """What people call it."""


class Reserving(Protocol):
    """A budget with its cap and what is reserved in it."""

    @property
    def id(self) -> str:
        """As reports have it."""

    @property
    def cap(self) -> Decimal | None:
        """USD; None where it only warns."""

    @property
    def reserved(self) -> Decimal:
        """USD."""


def keys_of(policy: Policy) -> set[str]:
    """Every key that `--budget` may name."""
    keys = {".".join(path) for path, _ in policy.budgets()}
    return keys if policy.unlisted == "allow" else keys | {"unlisted"}


def select(budgets: Collection[Named], only: Collection[str], keys: Collection[str]) -> set[str]:
    """The ids of the budgets that decide: all, or those whose id or key path is in `only`.

    `keys` are those that there are. Raises ConfigurationError where one of `only` is neither a
    budget nor a key that comes down to none today, such as an optional glob, or where nothing is
    left to decide.
    """
    if not only:
        return {budget.id for budget in budgets}
    found: set[str] = set()
    for name in only:
        ids = {budget.id for budget in budgets if name in (budget.id, budget.path)}
        if not ids and name not in keys:
            raise ConfigurationError(
                f"there is no budget {name!r} to enforce", _meant(name, budgets, keys)
            )
        found |= ids
    if not found and set(only) != {"unlisted"}:
        raise ConfigurationError(
            "the budgets to enforce match nothing today, so nothing would be decided",
            "name another one as well",
        )
    return found


def _meant(name: str, budgets: Collection[Named], keys: Collection[str]) -> str:
    """Which budget `name` may stand for: that of what is called so, or one by a like key."""
    paths = [budget.path for budget in budgets]
    own = {name, name.partition(".")[2]} - {""}
    called = {
        # The key of a glob, and `unlisted`, would name others as well.
        budget.path if paths.count(budget.path) == 1 else budget.id
        for budget in budgets
        if own & {budget.name, budget.id.partition(".")[2]}
    }
    near = meant_keys(name, keys, called)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"name one of: {', '.join(sorted(keys))}"


def refuse_vain_reservation(
    budgets: Collection[Reserving], deciding: Collection[str], reservation: Reservation | None
) -> None:
    """Raises ConfigurationError where no cap that decides has to do with the reservation."""
    concerned = [it for it in budgets if it.reserved and it.cap is not None and it.id in deciding]
    if reservation and reservation.amount and not concerned:
        raise ConfigurationError(
            "no cap that decides covers the reservation: it would always pass",
            "name a workspace that has one (--reserve USD=WORKSPACE), let its budget decide, or "
            "give the policy a global cap",
        )
