"""A real HTTP server on loopback that answers the organization routes as strictly as the real API does.

By hand, for benchmarks: `python -m tests.world.loopback --rows N --workspaces W --as-of T` prints its URL and serves until killed.
"""

import argparse
import contextlib
import itertools
import json
import socket
import socketserver
import sys
import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from fractions import Fraction
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from tests.world.billing import Charge
from tests.world.keys import Key, authenticated
from tests.world.loopback_costs import ANALYTICS_BETA, COST, COST_REPORT, USAGE, Costs
from tests.world.loopback_query import (
    ApiError,
    BucketWidth,
    Cursors,
    Parameters,
    ReportRange,
    epoch,
    invalid,
    listed,
    not_found,
    report_range,
    rfc_3339,
)
from tests.world.oracle import EVERY_DIMENSION, Usage, total
from tests.world.rate_limits import RATE_LIMITS, RateLimit, published_limits, rate_limits

if TYPE_CHECKING:
    from tests.world.identity import Federation

EXAMPLE_KEY = "sk-ant-admin01-EXAMPLE-NOT-A-KEY"
EXAMPLE_AUTH_TOKEN = "sk-ant-oat01-EXAMPLE-NOT-A-TOKEN"
SPEED_BETA = "fast-mode-2026-02-01"
DEFAULT_WORKSPACE_ID = "wrkspc_01EXAMPLEDEFAULT"
API_VERSION = "2023-06-01"

EXCHANGE = "/v1/oauth/token"
ORGANIZATIONS = "/v1/organizations"
USAGE_REPORT = "usage_report/messages"
WORKSPACES = "workspaces"
ROUTES = frozenset({"me", USAGE_REPORT, WORKSPACES, COST_REPORT, COST, USAGE, RATE_LIMITS})
NO_REFUSALS: Mapping[str, int] = {}
ERROR_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

# A dimension of the report -> the field of Usage that holds it; None where the made-up usage has no such thing.
DIMENSIONS: dict[str, str | None] = {
    "api_key_id": None,
    "account_id": None,
    "service_account_id": None,
    "workspace_id": "workspace",
    "model": "model",
    "service_tier": "service_tier",
    "context_window": "context_window",
    "inference_geo": "inference_geo",
    "speed": "speed",
}
FILTERS: dict[str, str] = {
    "workspace_ids[]": "workspace_id",
    "models[]": "model",
    "service_tiers[]": "service_tier",
    "context_window[]": "context_window",
    "inference_geos[]": "inference_geo",
    "speeds[]": "speed",
    "api_key_ids[]": "api_key_id",
}
FILTER_VALUES: dict[str, tuple[str, ...]] = {
    "service_tiers[]": (
        "standard",
        "batch",
        "priority",
        "flex",
        "flex_discount",
        "priority_on_demand",
    ),
    "context_window[]": ("0-200k", "200k-1M"),
    "inference_geos[]": ("global", "us", "not_available"),
    "speeds[]": ("standard", "fast"),
}
MAXIMUM_GROUPS = 5
ORG_SCOPED_DIMENSIONS = ("model", "workspace_id", "service_tier")


@dataclass(frozen=True)
class Workspace:
    """A workspace as the list of workspaces tells it; `archived_at` is RFC 3339 or None."""

    id: str
    name: str
    archived_at: str | None = None


@dataclass
class Organization:
    """What the API knows: every usage, in any order, and every workspace but the default one."""

    usage: list[Usage]
    workspaces: list[Workspace]
    id: str = "11111111-2222-4333-8444-555555555555"
    name: str = "Sample Org"


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names are lower-cased and the query is decoded."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """An answer to send.

    The server adds `content-type`, `request-id`, `date` and `content-length` where `headers` lacks them; a
    `content-length` that is not the body's is sent as it is and the connection closed. Status 0 closes the connection
    without an answer.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Intercept = Callable[[Request, int], Response | None]


@dataclass(frozen=True)
class Priced:
    """The exact USD bounds of a period, by workspace (None is the default one) and of all together."""

    workspaces: dict[str | None, tuple[Fraction, Fraction]]
    overall: tuple[Fraction, Fraction]


@cache
def _encoded(value: str | None) -> str:
    return json.dumps(value)


class LoopbackAPI:
    """The organization's API on 127.0.0.1, as a context manager.

    The organization is read once, on construction; usage from `now` on is not visible. `requests` holds every request
    that arrived, `intercept` may answer in place of the API, and `answer` gives the API's own answer. With
    `open_day_in_1d` daily buckets include today; with `org_scoped` only the org-scoped routes are served; with
    `refuse_speed_beta` the beta header of `speed` is an error. An `ending_at` inside a bucket leaves that bucket out, or
    with `whole_bucket_at_end` answers all of it.

    With a `bill` there are the cost routes too. Analytics know nothing from `data_refreshed_at` on, by default some
    minutes before now, and by each of several instants once; they tell the default workspace by `default_workspace_id`
    (None: not at all, as for an Enterprise organization) and what is paid in advance only with `analytics_bill_priority`.
    `other_products` are usage that they alone have, with the product of each. An organization that `is_hipaa_ready` has no
    analytics. An API that does not `lists_default` ignores `include_default` of the list of workspaces. `refuse` answers
    a route, named by its path under /v1/organizations/, with that status.

    `keys` are good besides `key`, each for what its kind opens. With a `federation` tokens of CI jobs are exchanged for
    tokens that are credentials, too. `limits` are the rate limits, by default those of every model with a published price
    today; with `has_older_limits` they are told as they once were.
    """

    def __init__(
        self,
        organization: Organization,
        *,
        now: datetime,
        key: str = EXAMPLE_KEY,
        auth_token: str = EXAMPLE_AUTH_TOKEN,
        org_scoped: bool = False,
        refuse_speed_beta: bool = False,
        open_day_in_1d: bool = False,
        whole_bucket_at_end: bool = False,
        intercept: Intercept | None = None,
        bill: list[Charge] | None = None,
        data_refreshed_at: datetime | Sequence[datetime] | None = None,
        refuse: Mapping[str, int] = NO_REFUSALS,
        default_workspace_id: str | None = DEFAULT_WORKSPACE_ID,
        analytics_bill_priority: bool = False,
        lists_default: bool = True,
        federation: "Federation | None" = None,
        keys: Sequence[Key] = (),
        is_hipaa_ready: bool = False,
        other_products: Sequence[tuple[str | None, Usage]] = (),
        limits: Sequence[RateLimit] | None = None,
        has_older_limits: bool = False,
    ) -> None:
        self.organization = organization
        self.default_workspaces = (
            [Workspace(default_workspace_id, "Default")]
            if lists_default and default_workspace_id is not None
            else []
        )
        self.now = now
        self.keys = [Key(key), *keys]
        self.auth_token = auth_token
        self.federation = federation
        self.org_scoped = org_scoped
        self.refuse_speed_beta = refuse_speed_beta
        self.open_day_in_1d = open_day_in_1d
        self.whole_bucket_at_end = whole_bucket_at_end
        self.intercept = intercept
        self.data_refreshed_at = data_refreshed_at
        self.is_hipaa_ready = is_hipaa_ready
        self.limits = list(published_limits(now.date()) if limits is None else limits)
        self.has_older_limits = has_older_limits
        if not refuse.keys() <= ROUTES:
            raise ValueError(f"there are no routes {sorted(refuse.keys() - ROUTES)}")
        self.refuse = refuse
        self._costs = (
            None
            if bill is None
            else Costs(
                bill,
                organization.usage,
                default_workspace_id=default_workspace_id,
                analytics_bill_priority=analytics_bill_priority,
                other_products=other_products,
            )
        )
        self.requests: list[Request] = []
        self._usage = sorted(organization.usage, key=lambda usage: usage.at)
        self._instants = [usage.at for usage in self._usage]
        self._arrivals: Counter[str] = Counter()
        self._reports: dict[object, bytes] = {}
        self._lock = threading.Lock()
        self._reports_lock = threading.Lock()
        self._request_numbers = itertools.count(1)
        self._encoded_reports: dict[object, dict[int, bytes]] = {}
        self._server = Server(self)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return self._server.url

    def __enter__(self) -> Self:
        """Start serving."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.close()

    def close(self) -> None:
        """Stop serving and end the connections that clients kept; closing twice does nothing."""
        self._server.stop()

    def receive(self, request: Request) -> Response:
        """Record a request and return the interceptor's answer or the API's own."""
        with self._lock:
            self.requests.append(request)
            self._arrivals[request.path] += 1
            number = self._arrivals[request.path]
        if self.intercept is not None:
            response = self.intercept(request, number)
            if response is not None:
                return response
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        """Return the API's own answer, whatever the interceptor would do.

        The request is not recorded.
        """
        headers = {"content-type": "application/json", "request-id": self.new_request_id()}
        try:
            if self.federation is not None and request.path == EXCHANGE:
                return Response(200, self.federation.exchange(request), headers)
            self._admit(request)
            self._refuse(request)
            return Response(200, self._route(request), headers)
        except ApiError as error:
            if error.status == HTTPStatus.TOO_MANY_REQUESTS:
                headers["retry-after"] = "1"
            body = {
                "type": "error",
                "error": {"type": error.kind, "message": error.message},
                "request_id": headers["request-id"],
            }
            return Response(error.status, json.dumps(body).encode(), headers)

    def new_request_id(self) -> str:
        """Return a request id that no earlier answer carried."""
        return f"req_011C{next(self._request_numbers):020d}"

    def _admit(self, request: Request) -> None:
        """Raise the error of a request whose credential or headers are wrong."""
        self._authenticate(request)
        if not request.headers.get("user-agent"):
            invalid("user-agent: header is required")
        version = request.headers.get("anthropic-version")
        if not version:
            invalid("anthropic-version: header is required")
        if version != API_VERSION:
            invalid(f'anthropic-version: "{version}" is not a valid version')
        if self.refuse_speed_beta and has_beta(request, SPEED_BETA):
            invalid(f"Unexpected value(s) `{SPEED_BETA}` for the `anthropic-beta` header")

    def _authenticate(self, request: Request) -> None:
        """Raise the error of a request whose credential is wrong or opens other routes; a key goes before a token."""
        secret = request.headers.get("x-api-key")
        if secret is None and self.federation is not None and self.federation.admit(request):
            return
        if secret is None and request.headers.get("authorization") == f"Bearer {self.auth_token}":
            return
        authenticated(secret, self.keys).admit(_route_name(request))

    def _refuse(self, request: Request) -> None:
        """Raise the error of a route that is to be refused."""
        status = self.refuse.get(_route_name(request))
        if status is not None:
            raise ApiError(status, ERROR_KINDS.get(status, "api_error"), "Refused.")

    def _route(self, request: Request) -> bytes:
        if request.method != "GET":
            raise ApiError(405, "invalid_request_error", "Method Not Allowed")
        parameters = Parameters(request.query)
        identity = {"id": self.organization.id, "name": self.organization.name}
        if request.path == f"{ORGANIZATIONS}/me":
            return json.dumps({**identity, "type": "organization"}).encode()
        if not self.org_scoped:
            return self._direct_route(request, parameters)
        own = f"{ORGANIZATIONS}/{self.organization.id}"
        if request.path == ORGANIZATIONS:
            return json.dumps({"data": [identity]}).encode()
        if request.path == f"{own}/{USAGE_REPORT}":
            return self._org_scoped_usage_report(parameters)
        if request.path == f"{own}/{WORKSPACES}":
            return self._org_scoped_workspaces()
        raise not_found()

    def _direct_route(self, request: Request, parameters: Parameters) -> bytes:
        route = _route_name(request)
        if route == USAGE_REPORT:
            asked = (tuple(request.query), has_beta(request, SPEED_BETA), self.now)
            if asked not in self._reports:
                self._reports[asked] = self._usage_report(parameters, request)
            return self._reports[asked]
        if route == WORKSPACES:
            return self._workspaces(parameters)
        cursors = Cursors(request.path, request.query)
        if route == RATE_LIMITS:
            return rate_limits(self.limits, parameters, cursors, is_older=self.has_older_limits)
        if self._costs is None:
            raise not_found()
        if route == COST_REPORT:
            return self._costs.report(parameters, cursors, self.now)
        if route not in (COST, USAGE):
            raise not_found()
        if not has_beta(request, ANALYTICS_BETA):
            invalid(f"anthropic-beta: requests must send `{ANALYTICS_BETA}`")
        if self.is_hipaa_ready:
            invalid("This endpoint is not available to organizations with HIPAA readiness enabled.")
        return self._costs.analytics(route, parameters, cursors, self.now, self._refreshed_at())

    def _usage_report(self, parameters: Parameters, request: Request) -> bytes:
        parameters.refuse_unknown(
            {"starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]"}
            | FILTERS.keys()
        )
        groups = parameters.many("group_by[]")
        if len(groups) > MAXIMUM_GROUPS:
            invalid(f"Cannot specify more than {MAXIMUM_GROUPS} group_by[] dimensions")
        for dimension in groups:
            if dimension not in DIMENSIONS:
                invalid(f"group_by[]: Input should be {listed(DIMENSIONS)}")
        for name, values in FILTER_VALUES.items():
            if not set(parameters.many(name)) <= set(values):
                invalid(f"{name}: Input should be {listed(values)}")
        with_speed = has_beta(request, SPEED_BETA)
        if not with_speed and ("speed" in groups or parameters.many("speeds[]")):
            invalid(f"speed requires the `anthropic-beta: {SPEED_BETA}` header")
        span = self._range(parameters)
        limit = parameters.integer("limit", span.width.default_limit, span.width.maximum_limit)
        cursors = Cursors(request.path, request.query)
        asked_page = parameters.one("page")
        first = span.start if asked_page is None else cursors.instant(asked_page)
        end = min(span.end, first + limit * span.width.seconds)
        shown = tuple(name for name in DIMENSIONS if name != "speed" or with_speed)
        buckets = self._buckets(span, groups, shown, _filters(parameters, FILTERS), _direct_row)
        page = cursors.at_instant(end) if end < span.end else None
        return b'{"data":[%b],"has_more":%b,"next_page":%b}' % (
            _encoded_buckets(buckets, first, end, span.width),
            b"false" if page is None else b"true",
            _encoded(page).encode(),
        )

    def _org_scoped_usage_report(self, parameters: Parameters) -> bytes:
        groups = [
            dimension
            for dimension in parameters.many("group_by[]")
            if dimension in ORG_SCOPED_DIMENSIONS
        ]
        filters = {
            name: dimension
            for name, dimension in FILTERS.items()
            if dimension in ORG_SCOPED_DIMENSIONS
        }
        span = self._range(parameters)
        buckets = self._buckets(
            span, groups, ORG_SCOPED_DIMENSIONS, _filters(parameters, filters), _org_scoped_row
        )
        return b'{"data":[%b],"has_more":false}' % _encoded_buckets(
            buckets, span.start, span.end, span.width
        )

    def _refreshed_at(self) -> datetime:
        """Return the instant from which on analytics know nothing."""
        if isinstance(self.data_refreshed_at, datetime):
            return self.data_refreshed_at
        if self.data_refreshed_at:
            with self._lock:
                first, *later = self.data_refreshed_at
                self.data_refreshed_at = later or first
            return first
        seconds = epoch(self.now - timedelta(minutes=10))
        return datetime.fromtimestamp(seconds - seconds % 300, UTC)

    def _range(self, parameters: Parameters) -> ReportRange:
        """Return the buckets asked for, cut to those that the API has by now."""
        return report_range(
            parameters,
            self.now,
            open_day=self.open_day_in_1d,
            whole_bucket_at_end=self.whole_bucket_at_end,
        )

    def _buckets(
        self,
        span: ReportRange,
        groups: Collection[str],
        shown: tuple[str, ...],
        filters: dict[str, frozenset[str]],
        encode_row: Callable[[str, list[int]], str],
    ) -> dict[int, bytes]:
        """Return the encoded rows of each bucket that has any, by bucket start; kept per query."""
        query = (span, frozenset(groups), shown, frozenset(filters.items()), encode_row, self.now)
        with self._reports_lock:
            if query not in self._encoded_reports:
                self._encoded_reports[query] = self._aggregate(
                    span, frozenset(groups), shown, filters, encode_row
                )
            return self._encoded_reports[query]

    def _aggregate(
        self,
        span: ReportRange,
        groups: frozenset[str],
        shown: tuple[str, ...],
        filters: dict[str, frozenset[str]],
        encode_row: Callable[[str, list[int]], str],
    ) -> dict[int, bytes]:
        fields = [(name, DIMENSIONS[name] if name in groups else None) for name in shown]
        grouped = [(name, attribute) for name, attribute in fields if attribute is not None]
        null = [name for name, attribute in fields if attribute is None]
        sums: dict[int, dict[tuple[Any, ...], list[int]]] = defaultdict(
            lambda: defaultdict(lambda: [0] * 6)
        )
        end = min(datetime.fromtimestamp(span.end, UTC), self.now)
        first = bisect_left(self._instants, datetime.fromtimestamp(span.start, UTC))
        for usage in self._usage[first : bisect_left(self._instants, end)]:
            if any(_value(usage, dimension) not in values for dimension, values in filters.items()):
                continue
            key = tuple([getattr(usage, attribute) for _, attribute in grouped])
            row = sums[span.width.floor(epoch(usage.at))][key]
            row[0] += usage.uncached
            row[1] += usage.write_5m
            row[2] += usage.write_1h
            row[3] += usage.read
            row[4] += usage.output
            row[5] += usage.searches
        nulls = "".join(f',"{name}":null' for name in null)
        names = [name for name, _ in grouped]
        return {
            bucket: ",".join(
                encode_row(
                    "".join(
                        [
                            f',"{name}":{_encoded(value)}'
                            for name, value in zip(names, key, strict=True)
                        ]
                    )
                    + nulls,
                    row,
                )
                for key, row in rows.items()
            ).encode()
            for bucket, rows in sums.items()
        }

    def _workspaces(self, parameters: Parameters) -> bytes:
        parameters.refuse_unknown({"limit", "after_id", "include_archived", "include_default"})
        limit = parameters.integer("limit", 20, 1000)
        include_archived = parameters.flag("include_archived")
        after_id = parameters.one("after_id")
        following = self.organization.workspaces
        if parameters.flag("include_default"):
            following = [*self.default_workspaces, *following]
        if after_id is not None:
            ids = [workspace.id for workspace in following]
            if after_id not in ids:
                invalid("after_id: Workspace not found")
            following = following[ids.index(after_id) + 1 :]
        listed = [
            workspace
            for workspace in following
            if include_archived or workspace.archived_at is None
        ]
        page = listed[:limit]
        body = {
            "data": [_workspace(workspace) for workspace in page],
            "first_id": page[0].id if page else None,
            "has_more": len(listed) > limit,
            "last_id": page[-1].id if page else None,
        }
        return json.dumps(body).encode()

    def _org_scoped_workspaces(self) -> bytes:
        active = [
            workspace for workspace in self.organization.workspaces if workspace.archived_at is None
        ]
        body = {"data": [{"id": workspace.id, "name": workspace.name} for workspace in active]}
        return json.dumps(body).encode()


def priced(
    source: LoopbackAPI | Organization,
    start: datetime,
    end: datetime,
    known: frozenset[str] = EVERY_DIMENSION,
) -> Priced:
    """Return the oracle's bounds of the usage in [start, end), as far as the source shows it.

    A workspace without usage in the period is left out. Raises UnpricedUsageError where something has no price.
    """
    organization = source if isinstance(source, Organization) else source.organization
    visible_end = end if isinstance(source, Organization) else min(end, source.now)
    by_workspace: dict[str | None, list[Usage]] = defaultdict(list)
    for usage in organization.usage:
        if start <= usage.at < visible_end:
            by_workspace[usage.workspace].append(usage)
    workspaces = {workspace: total(usages, known) for workspace, usages in by_workspace.items()}
    low = sum((bounds[0] for bounds in workspaces.values()), Fraction(0))
    high = sum((bounds[1] for bounds in workspaces.values()), Fraction(0))
    return Priced(workspaces, (low, high))


def _route_name(request: Request) -> str:
    """Return the path under that of the organizations; the whole path where it is not under it."""
    return request.path.removeprefix(f"{ORGANIZATIONS}/")


def has_beta(request: Request, beta: str) -> bool:
    """Return whether a request asks for a beta, alone or among others."""
    betas = request.headers.get("anthropic-beta", "")
    return beta in (one.strip() for one in betas.split(","))


def _filters(parameters: Parameters, known: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the values let through, by dimension, for each filter that the query has."""
    asked = {dimension: frozenset(parameters.many(name)) for name, dimension in known.items()}
    return {dimension: values for dimension, values in asked.items() if values}


def _value(usage: Usage, dimension: str) -> str | None:
    attribute = DIMENSIONS[dimension]
    return None if attribute is None else getattr(usage, attribute)


def _encoded_buckets(buckets: dict[int, bytes], first: int, end: int, width: BucketWidth) -> bytes:
    return b",".join(
        b'{"starting_at":"%b","ending_at":"%b","results":[%b]}'
        % (
            rfc_3339(start).encode(),
            rfc_3339(start + width.seconds).encode(),
            buckets.get(start, b""),
        )
        for start in range(first, end, width.seconds)
    )


def _direct_row(dimensions: str, sums: list[int]) -> str:
    uncached, write_5m, write_1h, read, output, searches = sums
    return (
        f'{{"uncached_input_tokens":{uncached},'
        f'"cache_creation":{{"ephemeral_1h_input_tokens":{write_1h},"ephemeral_5m_input_tokens":{write_5m}}},'
        f'"cache_read_input_tokens":{read},"output_tokens":{output},'
        f'"server_tool_use":{{"web_search_requests":{searches}}}{dimensions}}}'
    )


def _org_scoped_row(dimensions: str, sums: list[int]) -> str:
    uncached, write_5m, write_1h, read, output, _ = sums
    return (
        f'{{"input_tokens":{uncached},"output_tokens":{output},"cache_creation_input_tokens":{write_5m + write_1h},'
        f'"cache_read_input_tokens":{read}{dimensions}}}'
    )


def _workspace(workspace: Workspace) -> dict[str, object]:
    return {
        "id": workspace.id,
        "archived_at": workspace.archived_at,
        "compartment_id": "f8a7b6c5-4d3e-4f1a-8b9c-0d1e2f3a4b5c",
        "created_at": "2024-10-30T23:58:27.427722Z",
        "data_residency": {
            "allowed_inference_geos": "unrestricted",
            "default_inference_geo": "global",
            "workspace_geo": "us",
        },
        "display_color": "#6C5BB9",
        "external_key_id": None,
        "name": workspace.name,
        "tags": {},
        "type": "workspace",
    }


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the API and writes its answer in one piece, on a connection that is kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: "Server"

    def setup(self) -> None:
        """Remember the connection, so that closing the server can end it."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        """Serve the connection until either side closes it; a client may just go away."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        target = urlsplit(self.path)
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        query = parse_qsl(target.query, keep_blank_values=True)
        request = Request(self.command, target.path, query, headers, body)
        self._send(self.server.api.receive(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - HTTP names them

    def _send(self, response: Response) -> None:
        if response.status == 0:
            self.close_connection = True
            return
        length = str(len(response.body))
        given = {name.lower(): value for name, value in response.headers.items()}
        headers = {
            "content-type": "application/json",
            "content-length": length,
            "date": format_datetime(self.server.api.now.astimezone(UTC), usegmt=True),
            **given,
        }
        if "request-id" not in headers:
            headers["request-id"] = self.server.api.new_request_id()
        if headers["content-length"] != length or headers.get("connection", "").lower() == "close":
            self.close_connection = True
        try:
            reason = HTTPStatus(response.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [
            f"HTTP/1.1 {response.status} {reason}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.wfile.write(response.body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base names it
        """Say nothing: the requests are kept in `LoopbackAPI.requests`."""


class Served(Protocol):
    """What a server hands its requests to; `now` and the request ids are for the headers of the answers."""

    @property
    def now(self) -> datetime:
        """Return the time that the answers tell."""

    def new_request_id(self) -> str:
        """Return an id that no earlier answer carried."""

    def receive(self, request: Request) -> Response:
        """Return the answer to a request."""


class Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; closing it also closes the connections that clients kept."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Served) -> None:
        self.api = api
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def start(self) -> None:
        """Serve from here on, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and end the connections that clients kept; stopping twice does nothing."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
            self.server_close()

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that HTTPServer makes."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def server_close(self) -> None:
        """Stop listening and end every connection that is still open."""
        super().server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Serve a large made-up organization until the process is killed."""
    from tests.world.organizations import benchmark_organization

    parser = argparse.ArgumentParser(
        prog="python -m tests.world.loopback",
        description=main.__doc__,
        epilog="Prints the address, which is for ANTHROPIC_BASE_URL. The key for ANTHROPIC_ADMIN_KEY is "
        f"{EXAMPLE_KEY}. Its clock stands still at --as-of, so check with that --as-of, too.",
    )
    parser.add_argument("--rows", type=int, required=True, help="usages of the month")
    parser.add_argument(
        "--workspaces", type=int, required=True, help="workspaces they are spread over"
    )
    parser.add_argument(
        "--as-of", type=datetime.fromisoformat, required=True, help="RFC 3339 instant taken as now"
    )
    flags = parser.parse_args()
    as_of = flags.as_of if flags.as_of.tzinfo is not None else flags.as_of.replace(tzinfo=UTC)
    as_of = as_of.astimezone(UTC)
    organization = benchmark_organization(rows=flags.rows, workspaces=flags.workspaces, as_of=as_of)
    with contextlib.suppress(KeyboardInterrupt), LoopbackAPI(organization, now=as_of) as api:
        sys.stdout.write(f"{api.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
