"""Usage by the hour: what the ledger has counted, and what of it the report lacks."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from budget_gate.domain.clock import LAG, WORTH_A_WARNING
from budget_gate.domain.period import HOUR, MonthToDate, Period
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable, add, joined

# The usage of each hour by its start, aware UTC.
Hours = Mapping[datetime, UsageTable]

# What a token costs at least and at most, and how many of a class are of a key.
_Price = tuple[int, int]
_Part = tuple[_Price, UsageKey, int, int]
# A workspace and a model, by the one id that all names of the model stand for.
Place = tuple[str | None, str | None]
_WRITES: Final = tuple(
    Tokens._fields.index(name)
    for name in ("cache_write_5m", "cache_write_1h", "cache_write_unsplit")
)
_UNSPLIT: Final = _WRITES[-1]
_CLASSES: Final = tuple((index,) for index in range(len(Tokens._fields)))
# Where one side does not say which cache writes are which, they are compared together.
_MERGED: Final = (*(each for each in _CLASSES if each[0] not in _WRITES), _WRITES)
# Usage without a price sorts before every price.
_DEAREST: Final = 10**40
_DEAREST_TIER: Final = "standard"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the ledger holds: usage by the hour, and what is reserved and not yet released.

    Workspaces are as the clients wrote them, by name or by id; None is the default workspace.
    `holds` are USD, those of a workspace together. `read_at` is the ledger's own time, aware UTC.
    """

    hours: Hours
    holds: Mapping[str | None, Decimal]
    read_at: datetime


def hour_of(instant: datetime) -> datetime:
    """The start of the UTC hour that an instant lies in."""
    return instant.replace(minute=0, second=0, microsecond=0)


def unsettled(month: MonthToDate) -> list[datetime]:
    """The starts of the hours of the month to date that the report may not have whole yet.

    The report is up to two hours behind, and the ledger's clock up to 5 minutes.
    """
    first = hour_of(month.as_of - LAG - WORTH_A_WARNING)
    return Period(max(first, month.period.start), month.as_of).steps(HOUR)


def beyond(reported: Hours, counted: Hours, book: PriceBook) -> UsageTable:
    """The usage that was counted beyond what is reported.

    That is, for each hour, workspace, model and class of tokens, the larger of both counts less the
    reported one, so that nothing is counted twice. Tokens whose prices are known and differ are not
    the same tokens, so each price is compared by itself. What either side tells less of may be any
    of what the other has: it is taken off where the least is lost by it.
    """
    found: UsageTable = {}
    for hour, table in counted.items():
        known = _by_place(reported.get(hour, {}), book)
        for place, rows in _by_place(table, book).items():
            lacking = _beyond(known.get(place, {}), rows, book)
            add(found, joined({with_tier(key): tokens} for key, tokens in lacking.items()))
    return found


def place_of(key: UsageKey, book: PriceBook) -> Place:
    """The workspace and the model of usage."""
    return key.workspace, None if key.model is None else canonical(key.model, book)


def canonical(model: str, book: PriceBook) -> str:
    """One name for all names of a model."""
    return book.model_id(model) or undated(model)


def _by_place(table: UsageTable, book: PriceBook) -> dict[Place, UsageTable]:
    """The usage of each workspace and model, under one name of the model."""
    places: dict[Place, UsageTable] = defaultdict(dict)
    for key, tokens in table.items():
        place = place_of(key, book)
        add(places[place], {key._replace(model=place[1]): tokens})
    return places


def _beyond(reported: UsageTable, counted: UsageTable, book: PriceBook) -> UsageTable:
    if not reported:
        return counted
    is_split = not any(tokens[_UNSPLIT] for tokens in (*reported.values(), *counted.values()))
    more: dict[UsageKey, list[int]] = {}
    for classes in _CLASSES if is_split else _MERGED:
        known = _by_price(reported, classes, book)
        parts = []
        for price, key, each, count in _parts(counted, classes, book):
            alike = min(count, known[price])
            known[price] -= alike
            parts.append((price, key, each, count - alike))
        sure = sum(count for price, count in known.items() if _is_exact(price))
        parts = _without(parts, sure, lambda price: not _is_exact(price))
        parts = _without(parts, sum(known.values()) - sure, lambda _: True)
        for _, key, each, count in parts:
            if count:
                more.setdefault(key, [0] * len(Tokens._fields))[each] += count
    return {key: Tokens(*counts) for key, counts in more.items()}


def _parts(table: UsageTable, classes: tuple[int, ...], book: PriceBook) -> list[_Part]:
    """What there is of these classes, the cheapest first."""
    parts = [
        (_price(book, key, each), key, each, tokens[each])
        for key, tokens in table.items()
        for each in classes
        if tokens[each]
    ]
    return sorted(parts, key=lambda part: part[0][::-1])


def _by_price(table: UsageTable, classes: tuple[int, ...], book: PriceBook) -> dict[_Price, int]:
    found: dict[_Price, int] = defaultdict(int)
    for price, _, _, count in _parts(table, classes, book):
        found[price] += count
    return found


def _without(parts: list[_Part], count: int, may_be: Callable[[_Price], bool]) -> list[_Part]:
    """The parts without `count` tokens, taken off the cheapest of those that they may be."""
    left = []
    for price, key, each, tokens in parts:
        taken = min(tokens, count) if may_be(price) else 0
        count -= taken
        left.append((price, key, each, tokens - taken))
    return left


def _is_exact(price: _Price) -> bool:
    return price[0] == price[1]


def _price(book: PriceBook, key: UsageKey, each: int) -> _Price:
    """What one token of that class costs at least and at most, in units of the book."""
    rates = book.rates(with_tier(key))
    if isinstance(rates, Unpriced):
        return 0, _DEAREST
    if each == _UNSPLIT:
        return min(rates.low[1:3]), max(rates.high[1:3])
    low = rates.low[each] if key.service_tier else 0
    return low, rates.high[each]


def with_tier(key: UsageKey) -> UsageKey:
    """The key with the tier whose price is the highest, where a client does not tell it."""
    return key if key.service_tier else key._replace(service_tier=_DEAREST_TIER)
