"""The usage of the API, month to date -> Usage: by its usage report, or what stands in for it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, Period
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Coverage
from budget_gate.domain.usage import Usage, UsageTable, joined
from budget_gate.sources.api.analytics_usage import read_from_analytics
from budget_gate.sources.api.below_organization import read_below_organization
from budget_gate.sources.api.usage_dimensions import Ask, read_main, read_whole
from budget_gate.sources.api.usage_query import Span, hours_apart, read_table, spans_of
from budget_gate.sources.api.workspaces import read_workspaces
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

ROUTE: Final = "/v1/organizations/usage_report/messages"
SPEED_BETA: Final = "fast-mode-2026-02-01"

_SPEED_REFUSED = Note(
    "warning",
    "speed_unresolved",
    "The API does not report fast requests separately for this credential, so the cost of models "
    "with a fast price is a range.",
)


def read_usage(
    transport: Transport,
    month: MonthToDate,
    book: PriceBook,
    file: PolicyFile | None = None,
    apart: Sequence[datetime] = (),
) -> Usage:
    """The organization's usage of the month to date, every dimension resolved that has a price.

    Closed days are asked for by day and the open day by hour, side by side; the hours `apart`,
    which are the last ones, each by itself. Raises UnverifiedError where any of it cannot be had
    whole, and ConfigurationError where the organization that the policy in `file` names is none of
    those that the API lists.
    """
    coverage = Coverage(
        through=month.as_of,
        closed_days=len(month.closed.steps(DAY)) if month.closed else 0,
        open_day=month.open is not None,
    )
    return _read_spans(transport, spans_of(month, apart), book, coverage, file)


def read_days(
    transport: Transport, period: Period, book: PriceBook, file: PolicyFile | None = None
) -> Usage:
    """As `read_usage`, of a period of full days."""
    coverage = Coverage(period.end, closed_days=len(period.steps(DAY)), open_day=False)
    return _read_spans(transport, [Span(period, DAY)], book, coverage, file)


def read_history(transport: Transport, period: Period, file: PolicyFile | None = None) -> Usage:
    """The usage of days before the month, without the lengths of prompts: it is for estimates.

    Raises as `read_usage` does.
    """
    coverage = Coverage(period.end, closed_days=len(period.steps(DAY)), open_day=False)
    span = Span(period, DAY)
    try:
        table = read_main(_asking(transport), span)
    except RefusedError as refused:
        if refused.is_forbidden:
            listing = transport.start(partial(read_workspaces, transport))
            asked = (transport, [span], None, coverage)
            return read_from_analytics(*asked, refused=refused, listing=listing, file=file)
        if not refused.is_not_found:
            raise
        (table,), _, _ = read_below_organization(transport, [span], refused, file)
    return Usage(table, None, coverage)


def _read_spans(
    transport: Transport,
    spans: list[Span],
    book: PriceBook,
    coverage: Coverage,
    file: PolicyFile | None,
) -> Usage:
    listing = transport.start(partial(read_workspaces, transport))
    try:
        tables = _read_tables(transport, spans, book)
    except RefusedError as refused:
        if refused.is_forbidden:
            asked = (transport, spans, book, coverage)
            return read_from_analytics(*asked, refused=refused, listing=listing, file=file)
        return _below(transport, spans, coverage, refused, file)
    try:
        workspaces = listing.result()
    except RefusedError as refused:
        return _below(transport, spans, coverage, refused, file)
    table = joined(tables)
    notes = (_SPEED_REFUSED,) if any(key.speed is None for key in table) else ()
    return Usage(table, workspaces, coverage, notes, hours=hours_apart(spans, tables))


def _below(
    transport: Transport,
    spans: list[Span],
    coverage: Coverage,
    refused: RefusedError,
    file: PolicyFile | None,
) -> Usage:
    """The usage by the routes below the organization; raises `refused` where it says no."""
    if not refused.is_not_found:
        raise refused
    tables, workspaces, notes = read_below_organization(transport, spans, refused, file)
    hours = hours_apart(spans, tables)
    return Usage(joined(tables), workspaces, coverage, notes, hours=hours)


def _read_tables(transport: Transport, spans: list[Span], book: PriceBook) -> list[UsageTable]:
    ask = _asking(transport)
    parts = [transport.start(partial(read_whole, transport, ask, span, book)) for span in spans]
    return [part.result() for part in parts]


def _asking(transport: Transport) -> Ask:
    """Asks the usage report; what is about the speed needs a header of its own."""

    def ask(
        span: Span, dimensions: tuple[str, ...], filters: Sequence[tuple[str, str]]
    ) -> UsageTable:
        is_about_speed = "speed" in dimensions or any(name == "speeds[]" for name, _ in filters)
        beta = SPEED_BETA if is_about_speed else None
        return read_table(transport, ROUTE, span, dimensions, filters, beta=beta)

    return ask
