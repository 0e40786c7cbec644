"""One question to a usage report: a span of time, dimensions and filters -> a table of usage."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, NamedTuple

from budget_gate.domain.period import DAY, HOUR, Period, format_instant
from budget_gate.domain.usage import UsageTable, add
from budget_gate.sources.api.paging import read_buckets
from budget_gate.sources.http.transport import Transport

# The API groups by five dimensions at most: four of them are always asked for.
ALWAYS: Final = ("workspace_id", "model", "service_tier", "inference_geo")

_WIDTHS: Final = {DAY: ("1d", "31"), HOUR: ("1h", "24")}


class Span(NamedTuple):
    """A period that is asked for in buckets of one width."""

    period: Period
    width: timedelta

    @property
    def width_name(self) -> str:
        """The width as a query has it."""
        return _WIDTHS[self.width][0]

    @property
    def query(self) -> list[tuple[str, str]]:
        """What of a query says which buckets are wanted."""
        name, limit = _WIDTHS[self.width]
        return [
            ("starting_at", format_instant(self.period.start)),
            ("ending_at", format_instant(self.period.end)),
            ("bucket_width", name),
            ("limit", limit),
        ]


def read_table(
    transport: Transport,
    route: str,
    span: Span,
    dimensions: tuple[str, ...],
    filters: Iterable[tuple[str, str]] = (),
    *,
    beta: str | None = None,
    strict: bool = True,
) -> UsageTable:
    """The usage of the span from every page of the report, each bucket there exactly once.

    `strict`: a row that does not tell a dimension it was asked for is an error.
    """
    query = [*span.query, *(("group_by[]", name) for name in dimensions), *filters]
    told = dimensions if strict else ()
    table: UsageTable = {}
    for bucket in read_buckets(transport, route, query, span.period, span.width, beta=beta):
        add(table, bucket.usage(told=told))
    return table
