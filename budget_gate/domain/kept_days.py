"""Days of the history -> the spend of a month, which the gate judges as it judges what it reads."""

from collections.abc import Iterable
from datetime import date

from budget_gate.domain.bounds import NOTHING, Bounds
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, midnight
from budget_gate.domain.spend import Basis, Coverage, PriceFacts, Spend, SpendLine, Workspace

_Place = tuple[str | None, date, str | None, Basis]

_AS_SYNCED = Note(
    "info",
    "from_history",
    "Read from the history: days cost what they did when they were synced.",
)


def month_up_to(last: date) -> MonthToDate:
    """The month to the end of a full day: whole where that is its last one."""
    end = midnight(last) + DAY
    return MonthToDate(end, is_whole=end.month != last.month)


def spend_of_rows(
    rows: Iterable[DailyRow],
    month: MonthToDate,
    workspaces: tuple[Workspace, ...],
    prices: PriceFacts,
    notes: tuple[Note, ...] = (),
    *,
    has_history: bool,
) -> Spend:
    """The spend of full days up to the end of the month to date; nothing is priced again.

    `has_history` is whether the rows hold the days before the month, which forecasts go by.
    """
    costs: dict[_Place, Bounds] = {}
    for row in rows:
        place = (row.workspace, row.day, row.model, row.basis)
        costs[place] = costs.get(place, NOTHING).plus(row.cost)
    lines = [
        SpendLine(workspace, day, model, cost, basis)
        for (workspace, day, model, basis), cost in costs.items()
    ]
    first, history = month.period.start.date(), month.history
    oldest = history.start.date() if history else first
    mine = tuple(line for line in lines if line.day >= first)
    before = tuple(line for line in lines if oldest <= line.day < first)
    return Spend(
        lines=mine,
        unpriced=(),
        workspaces=workspaces,
        coverage=_coverage(mine, month),
        prices=prices,
        notes=(*notes, _AS_SYNCED),
        history=before if has_history else None,
    )


def _coverage(lines: Iterable[SpendLine], month: MonthToDate) -> Coverage:
    """How far the days reach; a day of both bases is one whose costs were late."""
    listed = {line.day for line in lines if line.basis == "list"}
    billed = {line.day for line in lines if line.basis == "billed"} - listed
    reached = max(billed, default=None)
    doubted = frozenset(day for day in listed if reached and day < reached)
    return Coverage(
        through=month.as_of,
        closed_days=len(month.days),
        open_day=False,
        billed_days=reached.day - len(doubted) if reached else 0,
        doubted_days=doubted,
    )
