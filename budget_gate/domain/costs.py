"""The lines of a spend, added up by what budgets are about: workspaces, models, days."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, plus
from budget_gate.domain.spend import SpendLine
from budget_gate.domain.usage import UNATTRIBUTED

# Exact USD by UTC day; a day without spend may be absent.
Days = Mapping[date, Bounds]


class Costs(NamedTuple):
    """The same spend thrice: by workspace and by model, each by day, and by day alone.

    `named` is it once more by the names of models that it may be of, any where there are none;
    what is known to be of no model is not in it.
    """

    workspaces: Mapping[str | None, Days]
    models: Mapping[str | None, Days]
    days: Days
    named: Mapping[tuple[str, ...], Days]

    def of_workspaces(self, ids: Iterable[str | None]) -> Days:
        """What the workspaces cost together: with what the report does not tell apart, at most."""
        rows = [self.workspaces.get(id_, {}) for id_ in ids if id_ != UNATTRIBUTED]
        return _added([*rows, _perhaps(self.workspaces.get(UNATTRIBUTED, {}))])

    def of_models(self, names: Iterable[str]) -> Days:
        """What the models cost together: with what may be of them or of others, at most."""
        chosen = set(names)
        rows = []
        for each, days in self.named.items():
            if each and chosen.issuperset(each):
                rows.append(days)
            elif not each or not chosen.isdisjoint(each):
                rows.append(_perhaps(days))
        return _added(rows)


def add_up(lines: Iterable[SpendLine]) -> Costs:
    """The costs of `lines`."""
    lows: dict[tuple[int, object], dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    highs: dict[tuple[int, object], dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for line in lines:
        low, high = line.cost
        places: list[tuple[int, object]] = [(0, line.workspace), (1, line.model), (2, None)]
        names = line.names
        if names is None and line.model:
            names = (line.model,)
        # A billed cost of no model is of none; usage that names none may be of any.
        elif names is None and line.basis == "list":
            names = ()
        if names is not None:
            places.append((3, names))
        for place in places:
            at_least, at_most = lows[place], highs[place]
            at_least[line.day] = plus(at_least[line.day], low)
            at_most[line.day] = plus(at_most[line.day], high)
    found: list[dict[object, Days]] = [{}, {}, {}, {}]
    for (kind, key), days in lows.items():
        found[kind][key] = {
            day: Bounds(low, highs[kind, key][day]) for day, low in sorted(days.items())
        }
    workspaces, models, days_alone, named = found
    return Costs(
        workspaces,  # type: ignore[arg-type]
        models,  # type: ignore[arg-type]
        days_alone.get(None, {}),
        named,  # type: ignore[arg-type]
    )


def total(days: Days) -> Bounds:
    """What the days cost together."""
    cost = NOTHING
    for each in days.values():
        cost = cost.plus(each)
    return cost


def _perhaps(days: Days) -> Days:
    return {day: Bounds(ZERO, cost.high) for day, cost in days.items()}


def _added(rows: Iterable[Days]) -> Days:
    known: dict[date, Bounds] = {}
    for row in rows:
        for day, cost in row.items():
            known[day] = known.get(day, NOTHING).plus(cost)
    return known
