"""One question to a usage report: a span of time, dimensions and filters -> a table of usage."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from budget_gate.domain.period import DAY, HOUR, MonthToDate, Period, format_instant, midnight
from budget_gate.domain.usage import UsageTable, add
from budget_gate.sources.api.paging import read_buckets
from budget_gate.sources.http.answers import OversizedError
from budget_gate.sources.http.transport import Transport

# The API groups by five dimensions at most: four of them are always asked for.
ALWAYS: Final = ("workspace_id", "model", "service_tier", "inference_geo")

_WIDTHS: Final = {DAY: ("1d", "31"), HOUR: ("1h", "24")}


class Span(NamedTuple):
    """A period that is asked for in buckets of one width; what `is_apart` is told by itself."""

    period: Period
    width: timedelta
    is_apart: bool = False

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

    @property
    def parts(self) -> "list[Span]":
        """The span in two, or a single day by hour; nothing of a single hour."""
        starts = self.period.steps(self.width)
        if len(starts) > 1:
            middle = starts[len(starts) // 2]
            halves = (Period(self.period.start, middle), Period(middle, self.period.end))
            return [self._replace(period=half) for half in halves]
        return [self._replace(width=HOUR)] if self.width == DAY else []


def spans_of(month: MonthToDate, apart: Sequence[datetime] = ()) -> list[Span]:
    """The spans of a month to date: closed days by day, the open one by hour, and what is `apart`.

    Those are the starts of the last hours of the month to date, without a gap.
    """
    first = min(apart, default=month.as_of)
    days = Period(month.period.start, midnight(first.date()))
    end = month.open.end if month.open else month.as_of
    hours = Period(days.end, min(apart, default=end))
    spans = [Span(period, width) for period, width in ((days, DAY), (hours, HOUR))]
    spans += [Span(Period(at, at + HOUR), HOUR, is_apart=True) for at in apart]
    return [span for span in spans if span.period.start < span.period.end]


def hours_apart(spans: Sequence[Span], tables: Sequence[UsageTable]) -> dict[datetime, UsageTable]:
    """The usage of each hour that is told by itself, by its start."""
    pairs = zip(spans, tables, strict=True)
    return {span.period.start: table for span, table in pairs if span.is_apart}


def read_table(
    transport: Transport,
    route: str,
    span: Span,
    dimensions: tuple[str, ...],
    filters: Sequence[tuple[str, str]] = (),
    *,
    beta: str | None = None,
    strict: bool = True,
) -> UsageTable:
    """The usage of the span from every page of the report, each bucket there exactly once.

    `strict`: a row that does not tell a dimension it was asked for is an error. Where an answer is
    too large, the parts of the span are asked for instead; raises OversizedError where that of a
    single hour is.
    """
    query = [*span.query, *(("group_by[]", name) for name in dimensions), *filters]
    told = dimensions if strict else ()
    table: UsageTable = {}
    try:
        for bucket in read_buckets(transport, route, query, span.period, span.width, beta=beta):
            add(table, bucket.usage(told=told))
    except OversizedError:
        if not span.parts:
            raise
    else:
        return table
    # Past the handler, as its error holds what was read of the answer. Of the pages before nothing
    # is kept, as a part may not begin where they end.
    table.clear()
    for part in span.parts:
        add(
            table, read_table(transport, route, part, dimensions, filters, beta=beta, strict=strict)
        )
    return table
