"""The policy document: which budgets exist, and how strict the gate is."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from budget_gate.domain.document import (
    Document,
    Number,
    Percent,
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


class Budget(Document):
    """A cap in USD for a calendar month (UTC), and the parts of it that are worth a warning."""

    cap: Number
    warn_at: Annotated[tuple[Percent, ...], AfterValidator(_ascending)] = (Decimal("0.8"),)


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
    """The budgets of an organization; `workspaces` is keyed by name, id or `default`."""

    version: Version
    global_: Budget | None = Field(None, alias="global")
    workspaces: dict[Text, Budget] = {}
    unlisted: Unlisted = "allow"
    spend: SpendRules = SpendRules()
    prices: Prices = Prices()
    names: dict[WorkspaceId, Text] = {}

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if self.global_ is None and not self.workspaces and self.unlisted == "allow":
            raise wrong(
                "the policy has no budget, so it could never fail",
                "add a cap, such as `global: {cap: 5000}`",
            )
        return self


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy, and where each part of it stands in its file."""

    policy: Policy
    source: SourceMap
