"""The policy document: which budgets exist, and how strict the gate is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from budget_gate.domain.document import (
    Day,
    Document,
    Flag,
    Number,
    Percent,
    Ratio,
    Text,
    Version,
    shown,
    wrong,
)
from budget_gate.domain.ratecards import Prices
from budget_gate.domain.spend import Basis
from budget_gate.errors import Problem

KeyPath = tuple[str | int, ...]

ID_PREFIX = "wrkspc_"


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where each part of a document stands: 1-based (line, column) of its key, by key path."""

    file: str
    places: Mapping[KeyPath, tuple[int, int]]

    def line(self, *path: str | int) -> int:
        """The line of what stands at `path`, or of the nearest part that holds it."""
        return self._place(path)[0]

    def problem(self, path: KeyPath, message: str, hint: str = "") -> Problem:
        """A defect of what stands at `path`."""
        line, column = self._place(path)
        return Problem(
            place=f"{self.file}:{line}:{column}",
            key=".".join(map(str, path)),
            message=message,
            hint=hint,
            line=line,
            column=column,
        )

    def _place(self, path: KeyPath) -> tuple[int, int]:
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


def _ascending(levels: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    if not levels or any(not level for level in levels):
        raise wrong("a warning level is missing or 0%", "write levels above 0%, such as [80%]")
    return tuple(sorted(set(levels)))


def _not_empty(workspaces: tuple[str, ...]) -> tuple[str, ...]:
    if not workspaces:
        raise wrong("a group has no workspace", "list some, such as [evals, exp-*]")
    return workspaces


class Budget(Document):
    """A cap in USD for a calendar month (UTC), and the parts of it that are worth a warning.

    `daily_cap` is a second cap, in USD, on the open UTC day alone. `forecast` is what an expected
    month-end above the cap does.
    """

    cap: Number
    warn_at: Annotated[tuple[Percent, ...], AfterValidator(_ascending)] = (Decimal("0.8"),)
    daily_cap: Number | None = None
    forecast: Literal["off", "warn", "fail"] = "warn"


class GlobalBudget(Budget):
    """The budget of the organization; `max_exception` is how far any exception may raise a cap."""

    max_exception: Ratio | None = None


class NamedBudget(Budget):
    """A budget of what its key names; `optional` lets the key name nothing."""

    optional: Flag = False


class Group(NamedBudget):
    """One cap over the sum of several workspaces, each by name, id or glob."""

    workspaces: Annotated[tuple[Text, ...], AfterValidator(_not_empty)]


class CapException(Document):
    """Another cap for a budget until the end of the UTC day `until`."""

    budget: Text
    cap: Number
    until: Day
    reason: Text
    approved_by: Text = ""


def _workspace_id(value: str) -> str:
    if not value.startswith(ID_PREFIX):
        raise wrong(f"{shown(value)} is not a workspace's id", "ids begin with `wrkspc_`")
    return value


WorkspaceId = Annotated[Text, AfterValidator(_workspace_id)]


class SpendRules(Document):
    """Which spend is judged, and what to do where it is not exactly known."""

    basis: Basis = "list"
    uncertain: Literal["fail", "warn"] = "fail"
    unknown_model: Literal["fail", "upper_bound"] = "fail"


# Tags stand in the path of an error: with a character that YAML forbids, they are no one's key.
_BUDGET, _WORD = "\0budget", "\0word"


def _shape(value: object) -> str:
    return _BUDGET if isinstance(value, dict | Budget) else _WORD


Unlisted = Annotated[
    Annotated[Budget, Tag(_BUDGET)] | Annotated[Literal["allow", "warn", "fail"], Tag(_WORD)],
    Discriminator(_shape),
]


class Policy(Document):
    """The budgets of an organization.

    `workspaces` is keyed by name, id, glob or `default`, `models` by id or glob.
    """

    version: Version
    global_: GlobalBudget | None = Field(None, alias="global")
    workspaces: dict[Text, NamedBudget] = {}
    groups: dict[Text, Group] = {}
    models: dict[Text, NamedBudget] = {}
    exceptions: tuple[CapException, ...] = ()
    unlisted: Unlisted = "allow"
    spend: SpendRules = SpendRules()
    prices: Prices = Prices()
    names: dict[WorkspaceId, Text] = {}

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if not any(True for _ in self.budgets()) and self.unlisted == "allow":
            raise wrong(
                "the policy has no budget, so it could never fail",
                "add a cap, such as `global: {cap: 5000}`",
            )
        return self

    def budgets(self) -> Iterator[tuple[tuple[str, ...], Budget]]:
        """Every budget with its key path, as `exceptions` and `--budget` name them."""
        if self.global_:
            yield ("global",), self.global_
        for kind, named in (
            ("workspaces", self.workspaces),
            ("groups", self.groups),
            ("models", self.models),
        ):
            for key, budget in named.items():
                yield (kind, key), budget
        if isinstance(self.unlisted, Budget):
            yield ("unlisted",), self.unlisted


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy, and where each part of it stands in its file."""

    policy: Policy
    source: SourceMap
