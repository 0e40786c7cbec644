"""The usage report of the API, month to date -> Usage."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import DAY, HOUR, MonthToDate, Period, format_instant
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.ownership import READ_BELOW_ID, other_organization
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Coverage, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens, Usage, UsageKey, UsageTable, add
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.api.paging import read_buckets
from budget_gate.sources.api.workspaces import read_workspaces
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

ROUTE: Final = "/v1/organizations/usage_report/messages"
SPEED_BETA: Final = "fast-mode-2026-02-01"

# The API groups by five dimensions at most, and six change a price. The first query tells the
# speed and covers all usage; where the price of what it finds depends on the prompt's length too, a
# second one tells the context window, of the models concerned and at one speed.
_ALWAYS = ("workspace_id", "model", "service_tier", "inference_geo")
# The statuses by which the API says that it will not answer this query, though it may another.
_REFUSALS = (400, 403)
_NOT_FOUND = 404
_MODEL_AND_SPEED = (UsageKey._fields.index("model"), UsageKey._fields.index("speed"))
_WIDTHS = {DAY: ("1d", "31"), HOUR: ("1h", "24")}

_SPEED_REFUSED = Note(
    "warning",
    "speed_unresolved",
    "The API does not tell fast requests apart for this credential, so the cost of models with a "
    "fast price is a range.",
)
_BY_ORGANIZATION = Note(
    "warning",
    READ_BELOW_ID,
    "The usage was read by the routes below the organization, which tell neither speed, place, "
    "prompt length nor the kind of cache write, so that costs are ranges, and which leave out web "
    "searches and archived workspaces.",
)


@dataclass(frozen=True, slots=True)
class _Span:
    """A period that is asked for in buckets of one width."""

    period: Period
    width: timedelta

    @property
    def query(self) -> list[tuple[str, str]]:
        name, limit = _WIDTHS[self.width]
        return [
            ("starting_at", format_instant(self.period.start)),
            ("ending_at", format_instant(self.period.end)),
            ("bucket_width", name),
            ("limit", limit),
        ]


def read_usage(
    transport: Transport, month: MonthToDate, book: PriceBook, file: PolicyFile | None = None
) -> Usage:
    """The organization's usage of the month to date, every dimension resolved that has a price.

    Closed days are asked for by day and the open day by hour, side by side. Raises
    UnverifiedError where any of it cannot be had whole, and ConfigurationError where the
    organization that the policy in `file` names is none of those that the API lists.
    """
    spans = [_Span(month.closed, DAY)] if month.closed else []
    if month.open:
        spans.append(_Span(month.open, HOUR))
    coverage = Coverage(
        through=month.as_of,
        closed_days=len(month.closed.steps(DAY)) if month.closed else 0,
        open_day=month.open is not None,
    )
    return _read_spans(transport, spans, book, coverage, file)


def read_days(
    transport: Transport, period: Period, book: PriceBook, file: PolicyFile | None = None
) -> Usage:
    """As `read_usage`, of a period of closed days."""
    coverage = Coverage(period.end, closed_days=len(period.steps(DAY)), open_day=False)
    return _read_spans(transport, [_Span(period, DAY)], book, coverage, file)


def read_history(transport: Transport, period: Period) -> Usage:
    """The usage of days before the month, without the lengths of prompts: it is for estimates."""
    coverage = Coverage(period.end, closed_days=len(period.steps(DAY)), open_day=False)
    return Usage(_read_main(transport, _Span(period, DAY)), None, coverage)


def _read_spans(
    transport: Transport,
    spans: list[_Span],
    book: PriceBook,
    coverage: Coverage,
    file: PolicyFile | None,
) -> Usage:
    try:
        table, workspaces, notes = _direct(transport, spans, book)
    except RefusedError as refused:
        if refused.status != _NOT_FOUND:
            raise
        table, workspaces, notes = _by_organization(transport, spans, refused, file)
    return Usage(table=table, workspaces=workspaces, coverage=coverage, notes=notes)


def _direct(
    transport: Transport, spans: list[_Span], book: PriceBook
) -> tuple[UsageTable, tuple[Workspace, ...], tuple[Note, ...]]:
    parts = [transport.start(partial(_read_span, transport, span, book)) for span in spans]
    workspaces = transport.start(partial(read_workspaces, transport))
    table: UsageTable = {}
    for part in parts:
        table |= part.result()
    refused = any(key.speed is None for key in table)
    return table, workspaces.result(), (_SPEED_REFUSED,) if refused else ()


def _read_span(transport: Transport, span: _Span, book: PriceBook) -> UsageTable:
    """All usage of the span, with every dimension told that changes its price."""
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


def _read_main(transport: Transport, span: _Span) -> UsageTable:
    """All usage of the span, by speed or, where the API refuses that, by context window."""
    try:
        return _read(transport, ROUTE, span, (*_ALWAYS, "speed"), beta=SPEED_BETA)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        try:
            return _read(transport, ROUTE, span, (*_ALWAYS, "context_window"))
        except RefusedError as again:
            # It was not the speed that was refused: the first answer is the one to explain.
            raise (refused if again.status in _REFUSALS else again) from None


def _read_lengths(transport: Transport, span: _Span, speed: str, models: list[str]) -> UsageTable:
    """The usage of `models` at one speed, by context window; empty where the API refuses it."""
    filters = [("speeds[]", speed), *(("models[]", model) for model in models)]
    try:
        dimensions = (*_ALWAYS, "context_window")
        table = _read(transport, ROUTE, span, dimensions, filters, beta=SPEED_BETA)
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


def _by_organization(
    transport: Transport, spans: list[_Span], refused: RefusedError, file: PolicyFile | None
) -> tuple[UsageTable, tuple[Workspace, ...], tuple[Note, ...]]:
    """As `_direct`, by the routes below an organization that some gateways serve instead."""
    organization = transport.start(partial(_discover, transport, refused, file)).result()
    base = f"/v1/organizations/{quote(organization, safe='')}"
    route = f"{base}/usage_report/messages"
    dimensions = (*_ALWAYS, "context_window")
    parts = [
        transport.start(partial(_read, transport, route, span, dimensions, strict=False))
        for span in spans
    ]
    workspaces = transport.start(partial(read_workspaces, transport, f"{base}/workspaces"))
    table: UsageTable = {}
    for part in parts:
        table |= part.result()
    if not any(key.workspace for key in table):
        # Either all of it is of the default workspace, or the answer does not tell workspaces.
        table = {key._replace(workspace=UNATTRIBUTED): tokens for key, tokens in table.items()}
    return table, workspaces.result(), (_BY_ORGANIZATION,)


def _discover(transport: Transport, refused: RefusedError, file: PolicyFile | None) -> str:
    """The id of the organization that the policy names, or of the only one there is."""
    where = "GET /v1/organizations"
    try:
        answer = transport.get("/v1/organizations")
    except RefusedError as error:
        raise refused if error.status == _NOT_FOUND else error from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or answer.get("has_more"):
        raise malformed(where, "it is not a list of organizations")
    ids: list[str] = [item["id"] for item in data if isinstance(item, dict) and _has_id(item)]
    if len(ids) < len(data):
        raise malformed(where, "the organization has no id")
    if file and file.policy.organization:
        if file.policy.organization not in ids:
            raise other_organization(file, ids or ["none"])
        return file.policy.organization
    if len(ids) != 1:
        unclear = f"it lists {len(ids)} organizations, so which to judge is unclear"
        several = malformed(where, unclear)
        if ids:
            several.hint = (
                f"write `organization: ID` in the policy, ID being one of {enumerated(ids)}"
            )
        raise several
    return ids[0]


def _has_id(item: dict[str, Any]) -> bool:
    return isinstance(item.get("id"), str) and bool(item["id"])


def _read(
    transport: Transport,
    route: str,
    span: _Span,
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
