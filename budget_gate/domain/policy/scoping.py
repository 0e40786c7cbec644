"""Which spend each budget of a policy is about, and which cap it has today."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from budget_gate.domain.bounds import ZERO, Bounds
from budget_gate.domain.costs import Costs, Days, total
from budget_gate.domain.policy.budgets import Budget, CapException
from budget_gate.domain.policy.caps import Caps
from budget_gate.domain.policy.default_workspace import why_not_known
from budget_gate.domain.policy.directory import workspace_id
from budget_gate.domain.policy.keys import Resolved
from budget_gate.domain.policy.model import DEFAULT_KEY, PolicyFile
from budget_gate.domain.policy.names import id_text, unique_name
from budget_gate.domain.policy.places import KeyPath
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.errors import ConfigurationError


class Reservation(NamedTuple):
    """USD that are about to be spent: in `workspace` (name, id or `default`), or in any."""

    amount: Decimal
    workspace: str | None = None


class ScopedBudget(NamedTuple):
    """A budget with the spend it is about; a `budget` of None only warns of any spend.

    `path` is the key of the budget as `exceptions` name it, and `cap` the one in force. `days` is
    the spend of the month and `history` that of the days before it. `is_known` is False where the
    budget's workspace, or one of its group, is neither listed nor seen in the usage. `workspaces`
    and `models` are the ids that it is about; None for all.
    """

    id: str
    path: str
    name: str
    budget: Budget | None
    cap: Decimal | None
    line: int
    days: Days
    history: Days
    exception: CapException | None = None
    reserved: Decimal = ZERO
    is_known: bool = True
    workspaces: frozenset[str | None] | None = None
    models: frozenset[str] | None = None

    @property
    def spend(self) -> Bounds:
        """The spend of the month to date."""
        return total(self.days)


class Scoping(NamedTuple):
    """What the keys name, and the costs of the month and of the days before it.

    `yesterday` is the day before, where daily caps judge it as well.
    """

    file: PolicyFile
    spend: Spend
    workspaces: Mapping[str | None, Workspace]
    costs: Costs
    history: Costs
    named: Resolved
    caps: Caps
    reservation: Reservation | None = None
    yesterday: date | None = None

    def budgets(self) -> list[ScopedBudget]:
        """The budgets of the policy, each with its spend.

        Raises ConfigurationError where none of them names anything, or where the reservation is
        for no workspace there is.
        """
        found = list(self._budgets(self.named, self._reserved_in()))
        if not found and self.file.policy.unlisted == "allow":
            raise ConfigurationError(
                "every budget is optional and matches nothing, so the policy could never fail",
                "correct the keys, or add a cap, such as `global: {cap: 5000}`",
            )
        return found

    def _reserved_in(self) -> str | None:
        if self.reservation is None or self.reservation.workspace is None:
            return UNATTRIBUTED
        if self.reservation.workspace == DEFAULT_KEY:
            wrong = why_not_known(self.file.policy, self.spend)
            if wrong:
                raise ConfigurationError(*wrong)
        return workspace_id(self.reservation.workspace, self.workspaces)

    def _budgets(self, named: Resolved, reserved_in: str | None) -> Iterator[ScopedBudget]:
        policy = self.file.policy
        if policy.global_:
            yield self._scoped(
                ("global",),
                "global",
                "organization",
                policy.global_,
                (self.costs.days, self.history.days),
                is_reserved=True,
            )
        for key, ids in named.workspaces.items():
            for id_ in ids:
                yield self._of_workspace(
                    ("workspaces", key), id_, policy.workspaces[key], reserved_in
                )
        for key, members in named.groups.items():
            yield self._scoped(
                ("groups", key),
                f"groups.{key}",
                key,
                policy.groups[key],
                (self.costs.of_workspaces(members), self.history.of_workspaces(members)),
                is_reserved=reserved_in in members,
                is_known=all(map(self._is_known, members)),
                workspaces=frozenset(members),
            )
        for key, names in named.models.items():
            yield self._scoped(
                ("models", key),
                f"models.{key}",
                key,
                policy.models[key],
                (self.costs.of_models(names), self.history.of_models(names)),
                models=frozenset(names),
            )
        if policy.unlisted != "allow":
            listed = {
                id_ for ids in (*named.workspaces.values(), *named.groups.values()) for id_ in ids
            }
            budget = policy.unlisted_budget
            spending = {id_ for id_, days in self.costs.workspaces.items() if total(days).high}
            if budget and budget.daily_cap is not None and self.yesterday:
                before = self.history.workspaces.items()
                spending |= {id_ for id_, days in before if self.yesterday in days}
            if budget and self.reservation and reserved_in != UNATTRIBUTED:
                spending.add(reserved_in)
            for id_ in spending - listed:
                yield self._of_workspace(("unlisted",), id_, budget, reserved_in)

    def _of_workspace(
        self, path: tuple[str, ...], id_: str | None, budget: Budget | None, reserved_in: str | None
    ) -> ScopedBudget:
        return self._scoped(
            path,
            f"{path[0]}.{id_text(id_)}",
            unique_name(id_, self.workspaces),
            budget,
            (self.costs.of_workspaces([id_]), self.history.of_workspaces([id_])),
            is_reserved=id_ == reserved_in and id_ != UNATTRIBUTED,
            is_known=self._is_known(id_),
            workspaces=frozenset([id_]),
        )

    def _is_known(self, id_: str | None) -> bool:
        listed = {workspace.id for workspace in self.spend.workspaces or ()}
        return id_ is None or id_ in listed or id_ in self.costs.workspaces

    def _scoped(
        self,
        path: KeyPath,
        id_: str,
        name: str,
        budget: Budget | None,
        days: tuple[Days, Days],
        *,
        is_reserved: bool = False,
        is_known: bool = True,
        workspaces: frozenset[str | None] | None = None,
        models: frozenset[str] | None = None,
    ) -> ScopedBudget:
        key = ".".join(map(str, path))
        exception = self.caps.exceptions.get(key)
        if exception:
            path = ("exceptions", self.file.policy.exceptions.index(exception))
        return ScopedBudget(
            id=id_,
            path=key,
            name=name,
            budget=budget,
            cap=self.caps.of(key),
            line=self.file.source.line(*path, "cap"),
            days=days[0],
            history=days[1],
            exception=exception,
            reserved=self.reservation.amount if self.reservation and is_reserved else ZERO,
            is_known=is_known,
            workspaces=workspaces,
            models=models,
        )
