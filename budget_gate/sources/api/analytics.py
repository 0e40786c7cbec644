"""Every page of the usage or cost analytics: their rows, and when their data was refreshed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.answers import malformed, read_cursor, read_instant
from budget_gate.sources.http.transport import Transport

BETA: Final = "analytics-usage-cost-2026-08-24"


class Rows(NamedTuple):
    """The rows of all pages as they came, and the instant from which on they know nothing."""

    rows: list[Any]
    refreshed_at: datetime


class RefreshedError(UnverifiedError):
    """The data changed between two answers, so that what both make together may not be whole."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(
            f"{where}: the {what} were refreshed while they were read, so that some may be lost",
            "run the gate again",
            code=f"refreshed_{what}",
        )


def read_rows(
    transport: Transport, route: str, query: Sequence[tuple[str, str]], first: Any, *, what: str
) -> Rows:
    """The rows of the `first` answer to `query` and of all pages after it; `what` names them.

    Raises UnverifiedError where an answer is no page or the pages have no end, and RefreshedError
    where the data was refreshed between two of them.
    """
    where, answer = f"GET {route}", first
    refreshed = _refreshed_at(answer, where)
    found: list[Any] = []
    cursors: set[str] = set()
    while True:
        rows = answer.get("data")
        if not isinstance(rows, list):
            raise malformed(where, "there is no list `data` in it")
        found += rows
        cursor = read_cursor(answer, where)
        if cursor is None:
            return Rows(found, refreshed)
        if cursor in cursors or not rows:
            raise malformed(where, "its pages go in a circle")
        cursors.add(cursor)
        answer = transport.get(route, [*query, ("page", cursor)], beta=BETA)
        if _refreshed_at(answer, where) != refreshed:
            raise RefreshedError(where, what)


def _refreshed_at(answer: Any, where: str) -> datetime:
    told = answer.get("data_refreshed_at") if isinstance(answer, dict) else None
    return read_instant(told, "`data_refreshed_at`", where)
