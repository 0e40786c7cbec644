"""Every page of a report in buckets: each bucket of a period there, in its order, exactly once."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from budget_gate.domain.period import Period, format_instant
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.api.usage_page import Bucket, read_page
from budget_gate.sources.http.transport import Transport


def read_buckets(
    transport: Transport,
    route: str,
    query: Sequence[tuple[str, str]],
    period: Period,
    width: timedelta,
    *,
    beta: str | None = None,
) -> Iterator[Bucket]:
    """The buckets of `width` that tile `period`, oldest first.

    One that by the API's own time was yet to begin may be absent, as it holds nothing. Raises
    UnverifiedError where another is missing, doubled, out of place or of another length, where
    there are others, and where the pages have no end.
    """
    where = f"GET {route}"
    expected = period.steps(width)
    cursors: set[str] = set()
    following: list[tuple[str, str]] = []
    position = 0
    while True:
        page = read_page(transport.get(route, [*query, *following], beta=beta), where)
        for bucket in page.buckets:
            if position == len(expected) or bucket.start != expected[position]:
                raise malformed(where, f"bucket {format_instant(bucket.start)} is out of place")
            if bucket.end != bucket.start + width:
                raise malformed(where, f"bucket {format_instant(bucket.start)} has a wrong end")
            position += 1
            yield bucket
        cursor = page.next_page
        if cursor is None:
            break
        if cursor in cursors or not page.buckets:
            raise malformed(where, "its pages go in a circle")
        cursors.add(cursor)
        following = [("page", cursor)]
    if position != len(expected) and transport.time.has_begun(expected[position]):
        raise malformed(where, f"it ends before bucket {format_instant(expected[position])}")
