"""Priced usage and a bill -> rows by day, workspace, model and service tier: what feeds have."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Final, NamedTuple

from budget_gate.domain.billed.bill import WEB_SEARCH, Bill
from budget_gate.domain.billed.settle import shares, told_charges
from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.caching import Savings
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period
from budget_gate.domain.policy.names import Names
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.spend import Basis, Spend, SpendLine, Workspace
from budget_gate.domain.usage import Tokens

# Day, workspace, model and service tier.
_Place = tuple[date, str | None, str | None, str | None]
_Model = tuple[date, str | None, str | None]

_UNUSED: Final = Tokens()


class DailyRow(NamedTuple):
    """What a workspace used of a model at a service tier on a UTC day, and what that costs.

    `workspace` is as in a `UsageKey`. `model` and `service_tier` are None for what is of none, or
    of more than one. `cost` is exact USD on the `basis` of the row. `contracted` is what the tokens
    and searches cost at the prices of the policy, and `listed` at public ones; None where nothing
    was used, or where that has no price.
    """

    day: date
    workspace: str | None
    model: str | None
    service_tier: str | None
    tokens: Tokens
    cost: Bounds
    basis: Basis
    contracted: Bounds | None
    listed: Bounds | None


@dataclass(frozen=True, slots=True)
class Days:
    """The rows of full days within a calendar month, and what there is to know of them.

    `names` are those of workspaces by id, where they have one, and `workspaces` those that are
    listed; None where the source has no list of them. `saved` is what caching saved, where that
    was asked for.
    """

    period: Period
    rows: list[DailyRow]
    names: Names
    workspaces: tuple[Workspace, ...] | None
    notes: tuple[Note, ...] = ()
    saved: Savings | None = None


def daily(
    priced: PricedUsage, spend: Spend, bill: Bill | None = None, public: PricedUsage | None = None
) -> list[DailyRow]:
    """The rows of `spend`, in the order of days, workspaces, models and tiers; without empty ones.

    `spend` is that of `priced` and `bill`, with a price for everything: the costs of the rows add
    up to it. `public` is the usage at public prices, where the policy has other ones. Costs of
    settled days are of the model and tier that the bill has for them. Where a day whose costs are
    late is billed at more than list price already, all tiers of a model are one row.
    """
    settled = bill.days if bill else frozenset()
    tokens, contracted = _used(priced, settled)
    # What has no public price has one of the policy's, and is nowhere unknown.
    listed = _used(public, {day for day, *_ in tokens})[1] if public else contracted
    costs, places = contracted, list(tokens)
    if bill:
        costs = {place: cost for place, cost in contracted.items() if place[0] not in settled}
        for place, amount in _charged(priced, bill):
            costs[place] = costs.get(place, NOTHING).plus(Bounds.exactly(amount))
        for day in bill.doubted:
            lines = [line for line in spend.lines if line.day == day]
            _follow(lines, [place for place in tokens if place[0] == day], tokens, costs)
        places = list(tokens.keys() | costs.keys())
    rows = []
    for place in places:
        used, cost = tokens.get(place, _UNUSED), costs.get(place, NOTHING)
        if used == _UNUSED and cost == NOTHING:
            continue
        # On a day at list price, nothing but a bill has costs without usage.
        basis: Basis = "billed" if place[0] in settled or used == _UNUSED else "list"
        prices = (contracted.get(place), listed.get(place))
        # Of a long period there are so many rows that the faster way to make one shows.
        rows.append(DailyRow._make((*place, used, cost, basis, *prices)))
    return in_order(rows)


def in_order(rows: Iterable[DailyRow]) -> list[DailyRow]:
    """The rows by days, workspaces, models and tiers."""
    return sorted(
        rows, key=lambda row: (row.day, row.workspace or "", row.model or "", row[3] or "")
    )


def _used(
    priced: PricedUsage, settled: Collection[date]
) -> tuple[dict[_Place, Tokens], dict[_Place, Bounds]]:
    """Tokens, and their costs at the prices of the book; without those of settled days unpriced."""
    book = priced.book
    tokens: dict[_Place, Tokens] = {}
    units: dict[_Place, tuple[int, int]] = {}
    unknown: set[_Place] = set()
    for (workspace, day, model, tier, *_), amount, low, high, why in priced.rows:
        place = (day, workspace, model, tier)
        if why and amount.total:
            low, high = book.dearest(day).units(amount)  # noqa: PLW2901 - the bounds of an unknown
            unknown.add(place)
        if place in tokens:
            known, (least, most) = tokens[place], units[place]
            tokens[place], units[place] = known.plus(amount), (least + low, most + high)
        else:
            tokens[place], units[place] = amount, (low, high)
    costs = {
        place: book.bounds(*ends)
        for place, ends in units.items()
        if place not in unknown or place[0] not in settled
    }
    return tokens, costs


def _charged(priced: PricedUsage, bill: Bill) -> Iterator[tuple[_Place, Decimal]]:
    """The charges of settled days under the model's name in the usage, where that is one.

    A bill names no tier for web searches: each has the share of the model's searches.
    """
    searches: dict[_Model, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, tokens in priced.usage.table.items():
        if tokens.web_searches and key.service_tier:
            searches[key.day, key.workspace, key.model][key.service_tier] += tokens.web_searches
    for charge, names in told_charges(bill, priced.usage, priced.book):
        if not bill.settles(charge.day):
            continue
        model = names[0] if names and len(names) == 1 else charge.model
        where = (charge.day, charge.workspace, model)
        if charge.cost_type == WEB_SEARCH and model and where in searches:
            for tier, amount in shares(charge.amount, searches[where]).items():
                yield (*where, tier), amount
        else:
            yield (*where, charge.service_tier), charge.amount


def _follow(
    lines: Iterable[SpendLine],
    places: Iterable[_Place],
    tokens: dict[_Place, Tokens],
    costs: dict[_Place, Bounds],
) -> None:
    """Has the costs of a day be those of its `lines`; what these change becomes one row a model."""
    judged: dict[_Model, Bounds] = defaultdict(lambda: NOTHING)
    found: dict[_Model, list[_Place]] = defaultdict(list)
    for line in lines:
        where = (line.day, line.workspace, line.model)
        judged[where] = judged[where].plus(line.cost)
    for place in places:
        found[place[:3]].append(place)
    for where in judged.keys() | found.keys():
        parts = found[where]
        if parts and reduce(Bounds.plus, (costs[it] for it in parts)) == judged[where]:
            continue
        together = reduce(Tokens.plus, (tokens.pop(it) for it in parts), _UNUSED)
        for place in parts:
            del costs[place]
        whole: _Place = (*where, None)
        if together != _UNUSED:
            tokens[whole] = together
        costs[whole] = judged[where]
