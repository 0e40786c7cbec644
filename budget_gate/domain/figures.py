"""Rows of days -> the figures that a page shows: few series, however many workspaces there are."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Final, NamedTuple

from budget_gate.domain.billed.bill import PRIORITY
from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, plus
from budget_gate.domain.caching import Savings
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.policy.names import Names, id_text, name_of

# So many workspaces and models are shown by name, and the others are added up.
MOST_WORKSPACES: Final = 12
MOST_MODELS: Final = 8

_BATCH: Final = "batch"

# Input, cache reads, all tokens, and those of batches.
_Counts = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Series:
    """What is shown by name; `id` is None where it stands for `others`, which are so many."""

    id: str | None
    name: str
    others: int = 0


class Cell(NamedTuple):
    """What a series of workspaces spent on a series of models on a UTC day, in USD."""

    day: date
    workspace: int
    model: int
    cost: Bounds


class Use(NamedTuple):
    """How a series of workspaces used tokens on a UTC day.

    `input` are all input tokens, those of the cache among them, and `tokens` all of any kind.
    `listed` is what the tokens that have a bill cost at public list prices, in USD, and `billed`
    the bill.
    """

    day: date
    workspace: int
    input: int
    cache_read: int
    tokens: int
    batch: int
    listed: Decimal
    billed: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of days: a cell by day, workspace and model, a use by day and workspace.

    The costs of the cells add up to those of the rows. `open_day` is the last of the `days`, where
    it has not ended. `saved` is USD by day and series of workspaces; None where that is not known.
    """

    days: tuple[date, ...]
    open_day: date | None
    workspaces: tuple[Series, ...]
    models: tuple[Series, ...]
    cells: tuple[Cell, ...]
    uses: tuple[Use, ...]
    saved: Mapping[tuple[date, int], Bounds] | None = field(default_factory=dict)

    @property
    def total(self) -> Bounds:
        """The cost of all days."""
        return reduce(Bounds.plus, (cell.cost for cell in self.cells), NOTHING)


def figures(
    rows: Collection[DailyRow],
    names: Names,
    days: Iterable[date],
    *,
    open_day: date | None = None,
    saved: Savings | None = None,
) -> Figures:
    """The figures of rows on those `days`: the largest workspaces and models first, by their cost.

    Two workspaces of one name are told apart by their ids.
    """
    workspaces, of_workspace = _ranked(rows, lambda row: row.workspace, MOST_WORKSPACES)
    models, of_model = _ranked(rows, lambda row: row.model, MOST_MODELS)
    cells: dict[tuple[date, int, int], Bounds] = {}
    uses: dict[tuple[date, int], _Counts] = defaultdict(lambda: (0, 0, 0, 0))
    bills: dict[tuple[date, int], tuple[Decimal, Decimal]] = {}
    for row in rows:
        place = (row.day, of_workspace[row.workspace])
        cell = (*place, of_model[row.model])
        cells[cell] = cells.get(cell, NOTHING).plus(row.cost)
        tokens = row.tokens
        if tokens.total:
            known = uses[place]
            uses[place] = (
                known[0] + tokens.total - tokens.output,
                known[1] + tokens.cache_read,
                known[2] + tokens.total,
                known[3] + (tokens.total if row.service_tier == _BATCH else 0),
            )
        # Priority tier is prepaid: a bill has nothing of it.
        if row.basis == "billed" and row.listed and row.service_tier != PRIORITY:
            listed, billed = bills.get(place, (ZERO, ZERO))
            bills[place] = (plus(listed, row.listed.low), plus(billed, row.cost.low))
    shown = sorted(days)
    by_series: dict[tuple[date, int], Bounds] = {}
    for (day, workspace), amount in (saved or {}).items():
        # Of a billed month, days before those that are shown are read as well.
        if shown[0] <= day:
            place = (day, of_workspace[workspace])
            by_series[place] = by_series.get(place, NOTHING).plus(amount)
    return Figures(
        days=tuple(shown),
        open_day=open_day,
        workspaces=_series(workspaces, of_workspace, lambda it: name_of(it, names), id_text),
        models=_series(models, of_model, lambda it: it or "no model", lambda it: it or ""),
        cells=tuple(Cell(*place, cost) for place, cost in sorted(cells.items())),
        uses=tuple(
            Use(*place, *uses[place], *bills.get(place, (ZERO, ZERO)))
            for place in sorted(uses.keys() | bills.keys())
        ),
        saved=None if saved is None else by_series,
    )


def _ranked(
    rows: Iterable[DailyRow], key: Callable[[DailyRow], str | None], most: int
) -> tuple[list[str | None], dict[str | None, int]]:
    """The keys of the largest cost, so many at most, and the number of the series of every key."""
    costs: dict[str | None, Bounds] = {}
    for row in rows:
        costs[key(row)] = costs.get(key(row), NOTHING).plus(row.cost)
    order = sorted(
        costs, key=lambda it: (-costs[it].high, -costs[it].low, it is not None, it or "")
    )
    return order[:most], {it: min(number, most) for number, it in enumerate(order)}


def _series(
    shown: Collection[str | None],
    numbers: Mapping[str | None, int],
    name: Callable[[str | None], str],
    text: Callable[[str | None], str],
) -> tuple[Series, ...]:
    named = [name(it) for it in shown]
    series = [
        Series(text(it), f"{its} ({text(it)})" if named.count(its) > 1 else its)
        for it, its in zip(shown, named, strict=True)
    ]
    others = len(numbers) - len(shown)
    return (*series, Series(None, f"{others} others", others)) if others else tuple(series)
