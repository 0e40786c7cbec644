"""Usage by the hour: what the ledger has counted, and what of it the report lacks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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

# A workspace and a model, by the one id that all names of the model stand for.
Place = tuple[str | None, str | None]
_Rows = list[tuple[UsageKey, Tokens]]

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
    reported one, so that nothing is counted twice. Which of the counted tokens the report lacks is
    not known where their prices differ: those that cost most are taken.
    """
    found: UsageTable = {}
    for hour, table in counted.items():
        known = _by_place(reported.get(hour, {}), book)
        for place, rows in _by_place(table, book).items():
            add(found, _beyond(known.get(place, []), rows, book))
    return found


def place_of(key: UsageKey, book: PriceBook) -> Place:
    """The workspace and the model of usage."""
    return key.workspace, None if key.model is None else canonical(key.model, book)


def canonical(model: str, book: PriceBook) -> str:
    """One name for all names of a model."""
    return book.model_id(model) or undated(model)


def _by_place(table: UsageTable, book: PriceBook) -> dict[Place, _Rows]:
    """The rows of each workspace and model, whatever name a model goes by."""
    places: dict[Place, _Rows] = defaultdict(list)
    for row in table.items():
        places[place_of(row[0], book)].append(row)
    return places


def _beyond(reported: _Rows, counted: _Rows, book: PriceBook) -> UsageTable:
    if not reported:
        return dict(counted)
    is_split = not any(tokens[_UNSPLIT] for _, tokens in (*reported, *counted))
    more: dict[UsageKey, list[int]] = {}
    for classes in _CLASSES if is_split else _MERGED:
        left = _sum(counted, classes) - _sum(reported, classes)
        if left <= 0:
            continue
        parts = [(key, each, tokens[each]) for key, tokens in counted for each in classes]
        if len(parts) > 1:
            parts.sort(key=lambda part: _rate(book, part[0], part[1]), reverse=True)
        for key, each, count in parts:
            taken = min(count, left)
            if taken:
                more.setdefault(key, [0] * len(Tokens._fields))[each] += taken
                left -= taken
    return {key: Tokens(*counts) for key, counts in more.items()}


def _sum(rows: Iterable[tuple[UsageKey, Tokens]], classes: tuple[int, ...]) -> int:
    return sum(tokens[each] for _, tokens in rows for each in classes)


def _rate(book: PriceBook, key: UsageKey, each: int) -> int:
    """What one token of that class costs at most, in units of the book."""
    rates = book.rates(key)
    if isinstance(rates, Unpriced):
        return _DEAREST
    return max(rates.high[1:3]) if each == _UNSPLIT else rates.high[each]
