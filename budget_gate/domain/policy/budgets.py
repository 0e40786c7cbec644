"""The budgets of the policy document: their caps, their warnings, and the exceptions from them."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from budget_gate.domain.fields import (
    Cap,
    Day,
    Document,
    Flag,
    Name,
    Ratio,
    Text,
    WarningLevel,
    wrong,
)


def _ascending(levels: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
    if not levels or any(not level for level in levels):
        raise wrong("a warning level is missing or 0%", "write levels above 0%, such as [80%]")
    return tuple(sorted(set(levels)))


def _not_empty(workspaces: tuple[str, ...]) -> tuple[str, ...]:
    if not workspaces:
        raise wrong("a group has no workspace", "list some, such as [evals, exp-*]")
    return workspaces


# The least length is told to the schema alone: as a limit, pydantic would refuse in its own words.
WarningLevels = Annotated[
    tuple[WarningLevel, ...],
    AfterValidator(_ascending),
    Field(json_schema_extra={"minItems": 1}),
]
Members = Annotated[
    tuple[Name, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})
]


class Budget(Document):
    """A cap in USD for a calendar month (UTC), and the parts of it that are worth a warning.

    `daily_cap` is a second cap, in USD, on the open UTC day alone; early in it, on the day before
    as well. `forecast` is what an expected month-end above the cap does.
    """

    cap: Cap = Field(
        description="USD that may be spent in a calendar month (UTC); more breaches the budget. "
        "0 is a cap, too: any spend breaches it.",
        examples=[5000, 0.5],
    )
    warn_at: WarningLevels = Field(
        (Decimal("0.8"),),
        description="The parts of the cap at which spend warns: above 0%, at most 100%.",
        examples=[["80%", "95%"]],
    )
    daily_cap: Cap | None = Field(
        None,
        description="USD that may be spent in one day (UTC): a second cap, on today's spend alone, "
        "and in the first three hours of a day on yesterday's as well.",
        examples=[250],
    )
    forecast: Literal["off", "warn", "fail"] = Field(
        "warn",
        description="What a month-end expected above the cap does: nothing (off), a warning, or "
        "(fail) a breach where even the low end of its range is above the cap.",
        examples=["fail"],
    )


class GlobalBudget(Budget):
    """The budget of the organization; `max_exception` is how far any exception may raise a cap."""

    max_exception: Ratio | None = Field(
        None,
        description="How far an exception may raise the cap of any budget: with 50%, a cap of 1000 "
        "to 1500. Without it, any height is allowed.",
        examples=["50%"],
    )


class NamedBudget(Budget):
    """A budget of what its key names; `optional` lets the key name nothing."""

    optional: Flag = Field(
        default=False,
        description="Whether it is fine that nothing has the name, or matches the glob: otherwise "
        "that is an error.",
        examples=[True],
    )


class Group(NamedBudget):
    """One cap over the sum of several workspaces, each by name, id or glob."""

    workspaces: Members = Field(
        description="The workspaces of the group: names, ids, globs, or `default`. A workspace "
        "counts once.",
        examples=[["evals", "exp-*"]],
    )


class CapException(Document):
    """Another cap for a budget until the end of the UTC day `until`."""

    budget: Name = Field(
        description="The budget by its key in the policy: global, unlisted, workspaces.KEY, "
        "groups.KEY or models.KEY.",
        examples=["workspaces.production", "global"],
    )
    cap: Cap = Field(
        description="The cap until then, USD per calendar month (UTC): more or less than the "
        "regular one.",
        examples=[7500],
    )
    until: Day = Field(description="The last UTC day on which it holds.", examples=["2026-11-30"])
    reason: Text = Field(
        description="Why there is an exception; reports show it.", examples=["the migration"]
    )
    approved_by: Text = Field(
        "", description="Who approved it; reports show it.", examples=["finance"]
    )
