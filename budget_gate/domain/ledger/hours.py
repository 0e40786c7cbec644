"""Usage by the hour: what the ledger has counted, and what of it the report lacks."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from budget_gate.domain.clock import LAG, WORTH_A_WARNING
from budget_gate.domain.period import HOUR, MonthToDate, Period
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable, add

# The usage of each hour by its start, aware UTC.
Hours = Mapping[datetime, UsageTable]

_Price = tuple[int, int]
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

    For each hour, workspace, model and class of tokens that is the larger of both counts less the
    reported one, so that nothing is counted twice. Of tokens of one price the report lacks those
    that were counted beyond it. Where both sides tell the price otherwise it is not known which it
    lacks: those that cost most are taken.
    """
    found: UsageTable = {}
    for hour, table in counted.items():
        known = _by_place(reported.get(hour, {}), book)
        for place, rows in _by_place(table, book).items():
            add(found, _beyond(known.get(place, {}), rows, book))
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
        left = _sum(counted, classes) - _sum(reported, classes)
        if left <= 0:
            continue
        known: dict[_Price, int] = defaultdict(int)
        for key, tokens in reported.items():
            for each in classes:
                known[_price(book, key, each)] += tokens[each]
        parts = [
            (_price(book, key, each), key, each, tokens[each])
            for key, tokens in counted.items()
            for each in classes
        ]
        parts.sort(key=lambda part: part[0][::-1], reverse=True)
        for price, key, each, count in parts:
            # What costs the same is the same, be it that one side tells more of it.
            alike = min(count, known[price])
            known[price] -= alike
            taken = min(count - alike, left)
            if taken:
                more.setdefault(key, [0] * len(Tokens._fields))[each] += taken
                left -= taken
    return {key: Tokens(*counts) for key, counts in more.items()}


def _sum(table: UsageTable, classes: tuple[int, ...]) -> int:
    return sum(tokens[each] for tokens in table.values() for each in classes)


def _price(book: PriceBook, key: UsageKey, each: int) -> _Price:
    """What one token of that class costs at least and at most, in units of the book."""
    rates = book.rates(key)
    if isinstance(rates, Unpriced):
        return 0, _DEAREST
    if each == _UNSPLIT:
        return min(rates.low[1:3]), max(rates.high[1:3])
    return rates.low[each], rates.high[each]
