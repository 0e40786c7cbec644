"""The report against the ledger, for days that both have whole: what was not counted, or twice."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import NOTHING, UNLIMITED, Bounds, times
from budget_gate.domain.clock import LAG, WORTH_A_WARNING
from budget_gate.domain.ledger.hours import Counts, Place, beyond, place_of
from budget_gate.domain.ledger.possible import placed, strangers
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, Period, midnight
from budget_gate.domain.policy.names import id_text, unique_name
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import Usage, UsageTable, add

# A difference that no bill shows.
_CENT: Final = Decimal("0.01")


Difference = Literal["uncounted", "excess"]


class Amount(NamedTuple):
    """Tokens and searches, and what they cost at list price; without a price, up to no bound."""

    tokens: int
    cost: Bounds


@dataclass(frozen=True, slots=True)
class ReconciledLine:
    """One workspace's use of one model.

    `uncounted` is reported and was never counted, `excess` was counted and is not reported: each
    of those tokens that cost most, as which of them it is is not known. `apart` names which of the
    two is beyond the tolerance.
    """

    workspace: str | None
    name: str
    model: str | None
    reported: Amount
    counted: Amount
    uncounted: Amount
    excess: Amount
    apart: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The report and the ledger side by side; `period` is whole UTC days, end exclusive.

    The largest line stands first.
    """

    status: Literal["ok", "apart", "unverified"]
    period: Period
    tolerance: Decimal
    lines: tuple[ReconciledLine, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def apart(self) -> list[ReconciledLine]:
        """The lines beyond the tolerance."""
        return [line for line in self.lines if line.apart]


def last_settled_days(now: datetime, days: int) -> Period:
    """The last `days` UTC days that have ended, and that the report has whole by `now`."""
    end = midnight((now - LAG - WORTH_A_WARNING).date())
    return Period(end - days * DAY, end)


def reconcile(
    usage: Usage,
    counts: Counts,
    period: Period,
    workspaces: Mapping[str | None, Workspace],
    book: PriceBook,
    *,
    tolerance: Decimal,
) -> Reconciliation:
    """What either side has of `period` and the other has not, its hours taken together.

    A request at the end of an hour may be in the next one of the ledger, so hours are not compared
    one by one. What is apart is so by more than `tolerance`, a ratio of the larger side, and by
    more than a cent.
    """
    told = placed(counts, workspaces)
    counted: UsageTable = {}
    for at, table in told.hours.items():
        if period.start <= at < period.end:
            add(counted, table)
    one = period.start
    reported = _amounts(usage, usage.table, book)
    of_ledger = _amounts(usage, counted, book)
    uncounted = _amounts(usage, beyond({one: counted}, {one: usage.table}, book), book)
    excess = _amounts(usage, beyond({one: usage.table}, {one: counted}, book), book)
    lines = []
    for place in reported.keys() | of_ledger.keys():
        line = ReconciledLine(
            place[0],
            unique_name(place[0], workspaces),
            place[1],
            reported[place],
            of_ledger[place],
            uncounted[place],
            excess[place],
        )
        lines.append(replace(line, apart=tuple(_apart(line, tolerance))))
    lines.sort(key=lambda it: (*_largest(it).largest_first, id_text(it.workspace), it.model or ""))
    status: Literal["ok", "apart"] = "apart" if any(it.apart for it in lines) else "ok"
    notes = (*usage.notes, *strangers(told, workspaces))
    return Reconciliation(status, period, tolerance, tuple(lines), notes)


def _amounts(usage: Usage, table: UsageTable, book: PriceBook) -> dict[Place, Amount]:
    """How much each workspace used of each model; nothing where it is not in the table."""
    found: dict[Place, Amount] = defaultdict(lambda: Amount(0, NOTHING))
    priced = price(Usage(table, None, usage.coverage), book)
    for row in priced.rows:
        place = place_of(row.key, book)
        cost = book.bounds(row.low, row.high)
        if row.unpriced:
            cost = Bounds(cost.low, UNLIMITED)
        tokens, known = found[place]
        found[place] = Amount(tokens + sum(row.tokens), known.plus(cost))
    return found


def _apart(line: ReconciledLine, tolerance: Decimal) -> Iterator[Difference]:
    """Which of the line's differences are more than `tolerance` of the larger side."""
    sides = (line.reported, line.counted)
    differences: tuple[tuple[Difference, Amount], ...] = (
        ("uncounted", line.uncounted),
        ("excess", line.excess),
    )
    for name, it in differences:
        if all(each.cost.is_limited for each in (it, *sides)):
            larger = max(side.cost.high for side in sides)
            is_apart = it.cost.high > max(_CENT, times(tolerance, larger))
        else:
            # Without a price, what is left to go by is how many there are.
            is_apart = it.tokens > times(tolerance, Decimal(max(side.tokens for side in sides)))
        if is_apart:
            yield name


def _largest(line: ReconciledLine) -> Bounds:
    return max(line.uncounted.cost, line.excess.cost, key=lambda cost: (cost.high, cost.low))
