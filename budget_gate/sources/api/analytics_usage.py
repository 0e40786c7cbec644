"""The usage analytics, which a read-only key may read -> the same Usage as the usage report's."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.period import format_instant
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Coverage, Workspace
from budget_gate.domain.usage import Usage, UsageTable, joined
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.analytics import BETA, RefreshedError, read_rows
from budget_gate.sources.api.analytics_page import Row, read_page_rows, usage_of, without
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.api.products import SEATS, product_notes
from budget_gate.sources.api.usage_dimensions import read_main, read_whole
from budget_gate.sources.api.usage_query import Span, hours_apart
from budget_gate.sources.api.workspaces import read_default_workspace
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Pending, Transport

Read = TypeVar("Read")

ROUTE: Final = "/v1/organizations/analytics/usage"

_WHERE: Final = f"GET {ROUTE}"
# The statuses of a route that is not for this credential, or not there.
_CLOSED: Final = (403, 404)
# And of one that is not for this organization, or not for these days.
_WRONG: Final = 400
# Data is refreshed every few minutes, and several answers make one table.
_TRIES: Final = 3


class _Analytics:
    """Asks the analytics, and remembers what they tell beside the usage itself."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.refreshed: list[datetime] = []
        self.products: set[str | None] = set()
        self.organizations: set[str] = set()

    def read(self, span: Span, book: PriceBook | None) -> UsageTable:
        """All API usage of the span; without a `book`, the lengths of prompts are left out."""
        seats = tuple(sorted(filter(None, self._products(span) & SEATS)))
        if seats:
            self._check_filter(span, seats)
        ask = partial(self._ask, seats)
        return read_whole(self.transport, ask, span, book) if book else read_main(ask, span)

    def _ask(
        self,
        seats: Sequence[str],
        span: Span,
        dimensions: tuple[str, ...],
        filters: Sequence[tuple[str, str]],
    ) -> UsageTable:
        """The usage of the span without that of `seats`: no filter leaves out what has no name."""

        def read() -> UsageTable:
            table, at = self._table(span, dimensions, filters)
            if seats:
                products = [("products[]", name) for name in seats]
                theirs, then = self._table(span, dimensions, [*filters, *products])
                if then != at:
                    raise RefreshedError(_WHERE, "counts")
                table = without(table, theirs, _WHERE)
            self.refreshed.append(at)
            return table

        return _again(read)

    def _products(self, span: Span) -> set[str | None]:
        """Where the usage of the span comes from, by name; None for what the API names nothing."""

        def read() -> list[Row]:
            try:
                return self._rows(span, ("product", "organization_id"), ())[0]
            except RefusedError as refused:
                if refused.status in _CLOSED:
                    raise
                # Of an organization without any below it, this may be no question.
                return self._rows(span, ("product",), ())[0]

        used = [row for row in _again(read) if any(map(any, usage_of([row], (), _WHERE).values()))]
        self.organizations.update(id_ for row in used if (id_ := row.group.get("organization_id")))
        found = {row.group.get("product") for row in used}
        self.products |= found
        return found

    def _check_filter(self, span: Span, seats: Collection[str]) -> None:
        """Raises where a filter of products lets others through: they would be taken for seats'."""
        only = [("products[]", name) for name in seats]
        rows, _ = _again(lambda: self._rows(span, ("product",), only))
        if {row.group.get("product") for row in rows} - {*seats}:
            raise malformed(_WHERE, "it has products that were not asked for")

    def _table(
        self, span: Span, dimensions: tuple[str, ...], filters: Sequence[tuple[str, str]]
    ) -> tuple[UsageTable, datetime]:
        rows, at = self._rows(span, dimensions, filters)
        return usage_of(rows, dimensions, _WHERE), at

    def _rows(
        self, span: Span, dimensions: tuple[str, ...], filters: Sequence[tuple[str, str]]
    ) -> tuple[list[Row], datetime]:
        """Every row of the span, and the instant from which on the API knows nothing."""
        query = [
            ("starting_at", format_instant(span.period.start)),
            ("ending_at", format_instant(span.period.end)),
            ("time_bucket_width", span.width_name),
            ("limit", "1000"),
            # Pages in the order of time: that of amounts could change between two of them.
            ("order_by", "time"),
            ("order", "asc"),
            *(("group_by[]", name) for name in dimensions),
            *filters,
        ]
        first = self.transport.get(ROUTE, query, beta=BETA)
        found, at = read_rows(self.transport, ROUTE, query, first, what="counts")
        if self.transport.time.is_to_come(at):
            raise malformed(_WHERE, "it contains usage of the future")
        return read_page_rows(found, span, dimensions, _WHERE), at


def read_from_analytics(
    transport: Transport,
    spans: list[Span],
    book: PriceBook | None,
    coverage: Coverage,
    *,
    refused: RefusedError,
    listing: Pending[tuple[Workspace, ...]],
    file: PolicyFile | None,
) -> Usage:
    """The API usage of the spans, where the usage report `refused` to tell it to this credential.

    `listing` are the workspaces, which may be refused as well: then the names are those of the
    policy in `file`. Without a `book`, the lengths of prompts are left out. Raises `refused` where
    the analytics are closed too, and UnverifiedError where they cannot be had whole.
    """
    analytics = _Analytics(transport)
    parts = [transport.start(partial(analytics.read, span, book)) for span in spans]
    try:
        tables = [part.result() for part in parts]
    except RefusedError as again:
        if again.status in _CLOSED:
            raise refused from None
        raise (_refused_twice(refused, again) if again.status == _WRONG else again) from None
    workspaces = _listed(listing)
    labels = file.policy.default_ids if file else frozenset[str]()
    table = joined(tables)
    default = _default_ids(transport, table, workspaces, labels)
    # The list has all others: where usage is of these alone, that of the default one is nothing.
    strangers = {key.workspace for key in table if key.workspace} - {
        it.id for it in workspaces or ()
    }
    merged = [_with_default(each, default) for each in tables]
    return Usage(
        joined(merged),
        workspaces,
        coverage._replace(refreshed_at=min(analytics.refreshed, default=None)),
        tuple(_notes(analytics.products, sorted(analytics.organizations))),
        default_ids=default,
        is_default_told=bool(default) or not strangers,
        hours=hours_apart(spans, merged),
    )


def _with_default(table: UsageTable, default: frozenset[str]) -> UsageTable:
    """The usage with None in place of the real ids of the default workspace."""
    return joined(
        {key._replace(workspace=None) if key.workspace in default else key: tokens}
        for key, tokens in table.items()
    )


def _again(read: Callable[[], Read]) -> Read:
    """What `read` returns, asked again from its start where data is refreshed under its hands."""
    for _ in range(_TRIES - 1):
        try:
            return read()
        except RefreshedError:
            continue
    return read()


def _refused_twice(refused: RefusedError, again: RefusedError) -> UnverifiedError:
    return UnverifiedError(
        f"usage cannot be read: the API refused it twice ({refused.status}, {again.status})",
        again.hint
        if again.is_explained
        else "use an Admin key, or the scope org:admin: the analytics, which a read-only key is "
        "for, are not for organizations with HIPAA readiness, nor for days before 2026 or more "
        "than 365 days ago",
        f"{refused.trace}; {again.trace}",
        code="no_usage",
    )


def _listed(listing: Pending[tuple[Workspace, ...]]) -> tuple[Workspace, ...] | None:
    """The workspaces; None where this credential may not list them."""
    try:
        return listing.result()
    except RefusedError as refused:
        if refused.status not in _CLOSED:
            raise
        return None


def _default_ids(
    transport: Transport,
    table: UsageTable,
    workspaces: tuple[Workspace, ...] | None,
    labels: frozenset[str],
) -> frozenset[str]:
    """The real ids of the default workspace, by which the analytics tell it; empty if not known.

    The list of workspaces tells it or, as it has all but that one, the one id that it lacks; where
    there is no list, the policy's `labels` do.
    """
    if workspaces is None:
        return labels
    listed = {it.id for it in workspaces}
    default = read_default_workspace(transport, listed)
    strangers = {key.workspace for key in table if key.workspace} - listed
    if default is None and len(strangers) == 1:
        (default,) = strangers
    return frozenset((default,)) if default else labels


def _notes(products: set[str | None], organizations: list[str]) -> Iterator[Note]:
    """What a reader must know of numbers that come from the analytics."""
    message = "Usage was read from the usage analytics: this key may not read the usage report."
    yield Note("info", "analytics", message)
    yield from product_notes(products)
    if organizations:
        message = (
            "The key is of a parent organization, so this is the usage of the organizations below "
            f"it ({enumerated(organizations)}). Those with HIPAA readiness are not in it, and the "
            "API does not name them."
        )
        yield Note("warning", "parent_organization", message)
