"""The usage report of the API, month to date -> Usage."""

from collections import defaultdict
from functools import partial
from operator import itemgetter
from typing import Final

from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, HOUR, MonthToDate, Period
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Coverage, Workspace
from budget_gate.domain.usage import Tokens, Usage, UsageKey, UsageTable
from budget_gate.sources.api.below_organization import read_below_organization
from budget_gate.sources.api.usage_query import ALWAYS, Span, read_table
from budget_gate.sources.api.workspaces import read_workspaces
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

ROUTE: Final = "/v1/organizations/usage_report/messages"
SPEED_BETA: Final = "fast-mode-2026-02-01"

# The statuses by which the API says that it will not answer this query, though it may another.
_REFUSALS = (400, 403)
_MODEL_AND_SPEED = (UsageKey._fields.index("model"), UsageKey._fields.index("speed"))

_SPEED_REFUSED = Note(
    "warning",
    "speed_unresolved",
    "The API does not report fast requests separately for this credential, so the cost of models "
    "with a fast price is a range.",
)


def read_usage(
    transport: Transport, month: MonthToDate, book: PriceBook, file: PolicyFile | None = None
) -> Usage:
    """The organization's usage of the month to date, every dimension resolved that has a price.

    Closed days are asked for by day and the open day by hour, side by side. Raises
    UnverifiedError where any of it cannot be had whole, and ConfigurationError where the
    organization that the policy in `file` names is none of those that the API lists.
    """
    spans = [Span(month.closed, DAY)] if month.closed else []
    if month.open:
        spans.append(Span(month.open, HOUR))
    coverage = Coverage(
        through=month.as_of,
        closed_days=len(month.closed.steps(DAY)) if month.closed else 0,
        open_day=month.open is not None,
    )
    return _read_spans(transport, spans, book, coverage, file)


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
        table = _read_main(transport, span)
    except RefusedError as refused:
        if not refused.is_not_found:
            raise
        table, _, _ = read_below_organization(transport, [span], refused, file)
    return Usage(table, None, coverage)


def _read_spans(
    transport: Transport,
    spans: list[Span],
    book: PriceBook,
    coverage: Coverage,
    file: PolicyFile | None,
) -> Usage:
    try:
        table, workspaces, notes = _direct(transport, spans, book)
    except RefusedError as refused:
        if not refused.is_not_found:
            raise
        table, workspaces, notes = read_below_organization(transport, spans, refused, file)
    return Usage(table=table, workspaces=workspaces, coverage=coverage, notes=notes)


def _direct(
    transport: Transport, spans: list[Span], book: PriceBook
) -> tuple[UsageTable, tuple[Workspace, ...], tuple[Note, ...]]:
    parts = [transport.start(partial(_read_span, transport, span, book)) for span in spans]
    workspaces = transport.start(partial(read_workspaces, transport))
    table: UsageTable = {}
    for part in parts:
        table |= part.result()
    refused = any(key.speed is None for key in table)
    return table, workspaces.result(), (_SPEED_REFUSED,) if refused else ()


def _read_span(transport: Transport, span: Span, book: PriceBook) -> UsageTable:
    """All usage of the span, with every dimension told that changes its price.

    Six dimensions do, and the API groups by five. The first query tells the speed and covers all
    usage; where the price of what it finds depends on the prompt's length too, a second one tells
    the context window, of the models concerned and at one speed.
    """
    table = _read_main(transport, span)
    # Where the speed is told, the prompt's length alone is left to make a price a range.
    by_speed: dict[str, set[str]] = defaultdict(set)
    for model, speed in set(map(itemgetter(*_MODEL_AND_SPEED), table)):
        if model and speed and book.depends_on_length(model, speed, span.period):
            by_speed[speed].add(model)
    lengths = [
        transport.start(partial(_read_lengths, transport, span, speed, sorted(models)))
        for speed, models in by_speed.items()
    ]
    for part in lengths:
        _tell_lengths(table, part.result())
    return table


def _read_main(transport: Transport, span: Span) -> UsageTable:
    """All usage of the span, by speed or, where the API refuses that, by context window."""
    try:
        return read_table(transport, ROUTE, span, (*ALWAYS, "speed"), beta=SPEED_BETA)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        try:
            return read_table(transport, ROUTE, span, (*ALWAYS, "context_window"))
        except RefusedError as again:
            # It was not the speed that was refused: the first answer is the one to explain.
            raise (refused if again.status in _REFUSALS else again) from None


def _read_lengths(transport: Transport, span: Span, speed: str, models: list[str]) -> UsageTable:
    """The usage of `models` at one speed, by context window; empty where the API refuses it."""
    filters = [("speeds[]", speed), *(("models[]", model) for model in models)]
    try:
        dimensions = (*ALWAYS, "context_window")
        table = read_table(transport, ROUTE, span, dimensions, filters, beta=SPEED_BETA)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        return {}
    return {key._replace(speed=speed): tokens for key, tokens in table.items()}


def _tell_lengths(table: UsageTable, lengths: UsageTable) -> None:
    """Splits the usage in `table` by context window, in place.

    `table` stays the truth of how much was used: only where `lengths` adds up to exactly that is
    it taken. Elsewhere, as when usage came in between both answers, the cost stays a range.
    """
    split: dict[UsageKey, UsageTable] = defaultdict(dict)
    for key, tokens in lengths.items():
        split[key._replace(context_window=None)][key] = tokens
    for key, parts in split.items():
        total = Tokens()
        for tokens in parts.values():
            total = total.plus(tokens)
        if table.get(key) == total:
            del table[key]
            table |= parts
