"""How to write a day that stands in another form, or that no calendar has."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import MINYEAR, date

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_MONTHS = 12


def day_hint(written: object) -> str:
    """The remedy for a text that is no day as YYYY-MM-DD: the day meant, or why there is none."""
    text = written if isinstance(written, str) else ""
    meant = {f"{day}": None for day in _read(text) if day}
    if meant:
        return f"write {', or '.join(meant)}"
    found = _YEAR_FIRST.fullmatch(text)
    if found and int(found[1]) >= MINYEAR and found[2]:
        year, month = int(found[1]), int(found[3])
        if not 1 <= month <= _MONTHS:
            return "a year has 12 months: write a UTC day as YYYY-MM-DD"
        _, days = monthrange(year, month)
        return f"{date(year, month, 1):%B} {year} has {days} days"
    return "write a UTC day as YYYY-MM-DD"


def _read(text: str) -> Iterator[date | None]:
    """Each day that the text may mean; with slashes, both orders of day and month."""
    if found := _YEAR_FIRST.fullmatch(text):
        if found[2] or len(found[3] + found[4]) == len("MMDD"):
            yield _day(found[1], found[3], found[4])
    elif found := _YEAR_LAST.fullmatch(text):
        yield _day(found[4], found[3], found[1])
        if found[2] != ".":
            yield _day(found[4], found[1], found[3])


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
