"""Days read a month at a time, with what a person who looks on is shown meanwhile."""

from collections.abc import Callable, Iterator

from budget_gate.domain.daily import Days
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period


def by_months(
    parts: Iterator[Days], period: Period, show: Callable[[str], None], notes: dict[Note, None]
) -> Iterator[Days]:
    """The parts, one for each calendar month of the period; adds notes that are worth a warning."""
    months = period.months()
    for number, month in enumerate(months, 1):
        show(f"Reading {month.start:%B %Y} ({number} of {len(months)}) ...")
        days = next(parts)
        notes |= dict.fromkeys(it for it in days.notes if it.level != "info")
        yield days
        # What was handed on is to be gone before more comes in.
        del days
    show("")
