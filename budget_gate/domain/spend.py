"""Spend: the one table that budgets, reports and charts read."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from budget_gate.domain.bounds import ZERO, Bounds
from budget_gate.domain.notes import Note

# List cost is tokens at list price; billed cost is what the provider charges, before credits.
Basis = Literal["list", "billed"]


class Workspace(NamedTuple):
    """A workspace as the API lists it; `id` is None for the default workspace.

    `archived_at` is None as well where it is archived and the time of that is not told.
    """

    id: str | None
    name: str
    archived: bool = False
    archived_at: datetime | None = None


class Coverage(NamedTuple):
    """How far the data reaches: `through` is UTC, exclusive; `open_day` whether today is in it.

    The first days of the month are as billed, `billed_days` of them, but for `doubted_days` among
    them; these and the days after are at list price. `refreshed_at` is the instant from which on
    the source knows nothing yet; None where it does not say.
    """

    through: datetime
    closed_days: int
    open_day: bool
    billed_days: int = 0
    doubted_days: frozenset[date] = frozenset()
    refreshed_at: datetime | None = None

    def is_billed(self, day: date) -> bool:
        """Whether the cost of a day of the month is as billed."""
        reached = self.billed_days + len(self.doubted_days)
        return day.day <= reached and day not in self.doubted_days


class SpendLine(NamedTuple):
    """What one model cost one workspace on one UTC day; `model` is None for a cost of no model.

    `names` are the names of the usage that the cost may be of, where a bill calls the model
    otherwise or tells several of them as one; None where `model` is the name.
    """

    workspace: str | None
    day: date
    model: str | None
    cost: Bounds
    basis: Basis
    names: tuple[str, ...] | None = None


class PriceFacts(NamedTuple):
    """Which prices were used: the day they were last checked, and what a policy changes.

    `overrides` are the models that it prices itself, `discount` a ratio off list prices, and
    `models` every id and alias that has a price, `aliases` the id that each alias stands for.
    `digest` is equal where every price is; empty where that is not known. `retired_on` is the day
    from which on a model answers no more, by its id.
    """

    verified_on: date
    overrides: tuple[str, ...]
    discount: Decimal = ZERO
    models: tuple[str, ...] = ()
    aliases: Mapping[str, str] = MappingProxyType({})
    digest: str = ""
    retired_on: Mapping[str, date] = MappingProxyType({})


def price_age(verified_on: date, day: date) -> int:
    """Days from the last check of prices to `day`; 0 for one before it."""
    return max(0, (day - verified_on).days)


class Spend(NamedTuple):
    """The spend of a month to date.

    `unpriced` says of each kind of usage without a price, which leaves the total without an upper
    bound, what it is and what to do. `workspaces` is None where the source has no list of them.
    `history` holds the lines of the days before the month, where anything goes by them, at list
    price; None where they could not be read. `default_ids` and `is_default_told` are those of the
    usage.
    """

    lines: tuple[SpendLine, ...]
    unpriced: tuple[str, ...]
    workspaces: tuple[Workspace, ...] | None
    coverage: Coverage
    prices: PriceFacts
    notes: tuple[Note, ...] = ()
    history: tuple[SpendLine, ...] | None = ()
    default_ids: frozenset[str] = frozenset()
    is_default_told: bool = True

    @property
    def is_from_analytics(self) -> bool:
        """Whether the usage is that of the usage analytics, which alone say how fresh it is."""
        return self.coverage.refreshed_at is not None

    @property
    def models(self) -> set[str]:
        """Every name of a model that was used, this month or in the days before it."""
        lines = (*self.lines, *(self.history or ()))
        return {name for it in lines for name in (it.model, *(it.names or ())) if name}
