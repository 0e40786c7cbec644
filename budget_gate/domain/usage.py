"""Tokens as a usage report gives them, with the dimensions that change a price."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from budget_gate.domain.notes import Note
from budget_gate.domain.spend import Coverage, Workspace

# A workspace of usage that the report does not tell apart. The empty string is no workspace id.
UNATTRIBUTED: Final = ""


class UsageKey(NamedTuple):
    """What one amount of tokens has in common.

    `workspace` is None for the default workspace and `UNATTRIBUTED` where the report does not
    say; `model` is None where it does not say. Any other None is a dimension that the query did
    not resolve, and its cost ranges over what the dimension may be.
    """

    workspace: str | None
    day: date
    model: str | None
    service_tier: str | None
    context_window: str | None
    inference_geo: str | None
    speed: str | None


class Tokens(NamedTuple):
    """Disjoint counts; `cache_write_unsplit` are cache writes of 5 minutes or of 1 hour."""

    uncached_input: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    cache_read: int = 0
    output: int = 0
    web_searches: int = 0
    cache_write_unsplit: int = 0

    def plus(self, other: "Tokens") -> "Tokens":
        """The counts of both."""
        return Tokens(*map(int.__add__, self, other))

    @property
    def total(self) -> int:
        """All tokens, without the searches."""
        return sum(self) - self.web_searches


UsageTable = dict[UsageKey, Tokens]


class Usage(NamedTuple):
    """What a source read: tokens, the workspaces they belong to, and how far they reach.

    `workspaces` is None where the source has no list of them. `default_ids` are real ids of the
    default workspace, where the source tells it by one: its usage is of None all the same. Where
    that id is not known, `is_default_told` is False, and the workspace any of those in the table.
    `hours` are parts of the table by their start (UTC), where those were asked for.
    """

    table: UsageTable
    workspaces: tuple[Workspace, ...] | None
    coverage: Coverage
    notes: tuple[Note, ...] = ()
    default_ids: frozenset[str] = frozenset()
    is_default_told: bool = True
    hours: Mapping[datetime, UsageTable] = MappingProxyType({})


def joined(parts: Iterable[UsageTable]) -> UsageTable:
    """The usage of all parts together."""
    table: UsageTable = {}
    for part in parts:
        add(table, part)
    return table


def add(table: UsageTable, part: UsageTable) -> None:
    """Adds `part` to `table`, in place."""
    if table.keys().isdisjoint(part):
        table |= part
        return
    for key, tokens in part.items():
        known = table.get(key)
        table[key] = tokens if known is None else known.plus(tokens)
