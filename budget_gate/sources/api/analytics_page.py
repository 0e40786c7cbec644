"""The rows of the usage analytics, checked, and read as those of a usage report are."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from budget_gate.domain.period import format_instant
from budget_gate.domain.usage import Tokens, UsageTable, add
from budget_gate.sources.api.answers import malformed, read_instant
from budget_gate.sources.api.usage_page import Bucket
from budget_gate.sources.api.usage_query import Span

# What of a row counts no class of tokens: the sum of them, and requests.
_SUMS: Final = ("total_tokens", "requests")


class Row(NamedTuple):
    """A row of the analytics: its bucket, what it is grouped by, and what it counts."""

    start: datetime
    end: datetime
    group: dict[str, str | None]
    counts: dict[str, Any]


def read_page_rows(
    rows: Sequence[Any], span: Span, dimensions: tuple[str, ...], where: str
) -> list[Row]:
    """The `rows` of a query for `span` by `dimensions`; `where` names their origin in errors.

    Raises UnverifiedError where one is not as documented or of no bucket of the span, or where two
    are of the same. Combinations without usage are absent.
    """
    starts = frozenset(span.period.steps(span.width))
    found = [_row(row, dimensions, where) for row in rows]
    for row in found:
        if row.start not in starts:
            raise malformed(where, f"a row is of {format_instant(row.start)}, not asked for")
        if row.end != row.start + span.width:
            raise malformed(where, f"bucket {format_instant(row.start)} has a wrong end")
    if len({(row.start, *row.group.items()) for row in found}) < len(found):
        raise malformed(where, "it contains a usage twice")
    return found


def usage_of(rows: Sequence[Row], dimensions: tuple[str, ...], where: str) -> UsageTable:
    """The usage that rows count; raises UnverifiedError as `Bucket.usage` does.

    Nor may their sums count more than the classes of tokens that are known.
    """
    buckets: dict[tuple[datetime, datetime], list[Row]] = defaultdict(list)
    for row in rows:
        buckets[row.start, row.end].append(row)
    table: UsageTable = {}
    for (start, end), of_bucket in buckets.items():
        place = f"{where}, bucket {format_instant(start)}"
        part = Bucket(start, end, list(map(_as_reported, of_bucket)), place).usage(told=dimensions)
        sums = [row.counts.get("total_tokens") or 0 for row in of_bucket]
        counted = sum(tokens.total for tokens in part.values())
        if {type(it) for it in sums} != {int} or sum(sums) > counted:
            raise malformed(place, "it counts tokens of a class that this version does not know")
        add(table, part)
    return table


def without(table: UsageTable, part: UsageTable, where: str) -> UsageTable:
    """The usage in `table` that is not in `part`, which is a part of it; raises where it is not."""
    rest = dict(table)
    for key, tokens in part.items():
        left = Tokens(*map(int.__sub__, table.get(key, Tokens()), tokens))
        if min(left) < 0:
            raise malformed(where, "a part of the usage is more than all of it")
        rest[key] = left
    return {key: tokens for key, tokens in rest.items() if any(tokens)}


def _row(row: Any, dimensions: tuple[str, ...], where: str) -> Row:
    match row:
        case {"starting_at": start, "ending_at": end, "group": dict(group), "usage": dict(counts)}:
            first, last = (read_instant(it, "a row's time", where) for it in (start, end))
        case _:
            raise malformed(where, "a row is not one of usage")
    told = {name: group[name] for name in dimensions if name in group}
    if any(value is not None and not isinstance(value, str) for value in told.values()):
        raise malformed(where, "a dimension is not a name")
    return Row(first, last, told, counts)


def _as_reported(row: Row) -> dict[str, Any]:
    """A row as the usage report has it, which writes what has no place in words."""
    counts = {name: value for name, value in row.counts.items() if name not in _SUMS}
    is_placeless = row.group.get("inference_geo", "") is None
    return {**counts, **row.group, **({"inference_geo": "not_available"} if is_placeless else {})}
