"""The loopback API behaves as the real one is known to, so that other tests may trust it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, TypedDict, Unpack

import httpx
import pytest

from tests.helpers.paths import RECORDINGS, ROOT
from tests.helpers.serving import NOW, USAGE, WORKSPACES, at, recorded
from tests.world.loopback import (
    DEFAULT_WORKSPACE_ID,
    EXAMPLE_AUTH_TOKEN,
    EXAMPLE_KEY,
    SPEED_BETA,
    Intercept,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
    priced,
)
from tests.world.oracle import EVERY_DIMENSION, UnpricedUsageError, Usage, total
from tests.world.organizations import benchmark_organization, random_organization, seeded

MONTH = datetime(2026, 11, 1, tzinfo=UTC)
SAMPLE_ID = "11111111-2222-4333-8444-555555555555"
HEADERS = {
    "x-api-key": EXAMPLE_KEY,
    "anthropic-version": "2023-06-01",
    "user-agent": "loopback-test/1",
}
SPEED = {"anthropic-beta": SPEED_BETA}
COUNTED = (
    "uncached_input_tokens",
    "cache_creation",
    "cache_read_input_tokens",
    "output_tokens",
    "server_tool_use",
)

Query = list[tuple[str, str]]
Serve = Callable[..., tuple[LoopbackAPI, httpx.Client]]


class Options(TypedDict, total=False):
    """What a test may change of the server."""

    lists_default: bool
    now: datetime
    org_scoped: bool
    refuse_speed_beta: bool
    open_day_in_1d: bool
    whole_bucket_at_end: bool
    intercept: Intercept


SAMPLE = Organization(
    usage=[
        Usage(
            at("2026-11-01T00:00:00Z"),
            None,
            "claude-opus-5-5",
            uncached=1,
            write_5m=2,
            write_1h=3,
            read=4,
            output=5,
        ),
        Usage(
            at("2026-11-01T23:59:59Z"),
            "wrkspc_A",
            "claude-opus-5-5",
            uncached=10,
            speed="fast",
            searches=6,
        ),
        Usage(
            at("2026-11-01T12:00:00Z"),
            "wrkspc_A",
            "claude-opus-5-5",
            uncached=100,
            inference_geo="us",
        ),
        Usage(
            at("2026-11-21T23:59:59.999999Z"),
            "wrkspc_B",
            "claude-haiku-5-5",
            "batch",
            "200k-1M",
            uncached=1000,
        ),
        Usage(at("2026-11-22T15:10:00Z"), "wrkspc_A", "claude-opus-5-5", output=10_000),
        Usage(at("2026-11-22T15:37:30Z"), "wrkspc_A", "claude-opus-5-5", output=100_000),
    ],
    workspaces=[
        Workspace("wrkspc_A", "production"),
        Workspace("wrkspc_B", "gone | <b>", archived_at="2026-11-21T10:00:00Z"),
        Workspace("wrkspc_C", "staging"),
    ],
)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a loopback API with the sample organization and a client that carries good headers."""
    with ExitStack() as stack:

        def start(
            organization: Organization = SAMPLE, **options: Unpack[Options]
        ) -> tuple[LoopbackAPI, httpx.Client]:
            api = stack.enter_context(LoopbackAPI(organization, **(Options(now=NOW) | options)))
            client = httpx.Client(base_url=api.url, headers=HEADERS, trust_env=False)
            return api, stack.enter_context(client)

        yield start


@pytest.fixture
def client(serve: Serve) -> httpx.Client:
    """Return a client of a loopback API without options."""
    return serve()[1]


def usage_query(
    *more: tuple[str, str], start: str = "2026-11-01T00:00:00Z", groups: tuple[str, ...] = ()
) -> Query:
    """Make a usage query from a start."""
    return [("starting_at", start), *(("group_by[]", group) for group in groups), *more]


def rows_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of a report, in order."""
    return [row for bucket in report["data"] for row in bucket["results"]]


def get(client: httpx.Client, path: str, query: Query, **headers: str) -> dict[str, Any]:
    """Get a good answer, parsed."""
    response = client.get(path, params=query, headers=headers)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    parsed: dict[str, Any] = response.json()
    return parsed


def every_page(client: httpx.Client, query: Query, **headers: str) -> list[dict[str, Any]]:
    """Get the pages of a usage report, followed by cursor."""
    pages = [get(client, USAGE, query, **headers)]
    while pages[-1]["has_more"]:
        pages.append(get(client, USAGE, [*query, ("page", pages[-1]["next_page"])], **headers))
    return pages


def refused(response: httpx.Response, status: int, kind: str, message: str) -> None:
    """Check that an answer is an API error of a kind whose message holds a text."""
    assert response.status_code == status, response.text
    body = response.json()
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert message in body["error"]["message"]
    assert body["request_id"] == response.headers["request-id"]


def invalid(client: httpx.Client, query: Query, message: str, **headers: str) -> None:
    """Check that a usage query is a 400 whose message holds a text."""
    response = client.get(USAGE, params=query, headers=headers)  # type: ignore[arg-type]
    refused(response, 400, "invalid_request_error", message)


# Credentials, headers and errors


def test_key_is_accepted(client: httpx.Client) -> None:
    """The organization's identity is open to the key."""
    assert client.get("/v1/organizations/me").json() == {
        "id": SAMPLE_ID,
        "name": "Sample Org",
        "type": "organization",
    }


def test_bearer_is_accepted(serve: Serve) -> None:
    """The bearer token alone is a credential."""
    api, _ = serve()
    headers = {**HEADERS, "authorization": f"Bearer {EXAMPLE_AUTH_TOKEN}"}
    del headers["x-api-key"]
    with httpx.Client(base_url=api.url, headers=headers, trust_env=False) as client:
        assert client.get("/v1/organizations/me").status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"x-api-key": "sk-ant-api03-EXAMPLE"},
        {"authorization": "Bearer EXAMPLE"},
        {"authorization": EXAMPLE_KEY},
    ],
)
def test_wrong_credential(serve: Serve, credential: dict[str, str]) -> None:
    """Without a good credential the answer is the recorded 401."""
    api, _ = serve()
    headers = {name: value for name, value in HEADERS.items() if name != "x-api-key"} | credential
    response = httpx.get(f"{api.url}{WORKSPACES}", headers=headers, trust_env=False)
    recording = recorded("error_401_invalid_key__live.json")
    refused(response, 401, recording["error"]["type"], recording["error"]["message"])
    assert response.json().keys() == recording.keys()


@pytest.mark.parametrize("missing", ["anthropic-version", "user-agent"])
def test_missing_header(serve: Serve, missing: str) -> None:
    """The version and the user agent are required."""
    _, client = serve()
    del client.headers[missing]
    refused(client.get(WORKSPACES), 400, "invalid_request_error", f"{missing}: header is required")


@pytest.mark.parametrize(
    "path", ["/v1/organizations", "/v1/nothing", "/", f"{WORKSPACES}/", USAGE.upper()]
)
def test_other_paths(client: httpx.Client, path: str) -> None:
    """Any other path is the recorded 404."""
    recording = recorded("error_404__doc-example.json")
    response = client.get(path)
    refused(response, 404, recording["error"]["type"], recording["error"]["message"])
    assert response.json().keys() == recording.keys()


def test_other_methods(client: httpx.Client) -> None:
    """The routes are for reading only."""
    refused(client.post(USAGE, json={}), 405, "invalid_request_error", "Method Not Allowed")


def test_headers_of_answers(client: httpx.Client) -> None:
    """Every answer carries its length, the server's date and a request id of its own."""
    first, second = client.get("/v1/organizations/me"), client.get("/v1/nothing")
    assert first.headers["date"] == "Sun, 22 Nov 2026 15:37:30 GMT"
    assert first.headers["content-length"] == str(len(first.content))
    assert second.headers["date"] == first.headers["date"]
    assert first.headers["request-id"] != second.headers["request-id"]


def test_connection_is_kept(client: httpx.Client) -> None:
    """Requests of one client share a connection, errors included."""
    ports = set()
    for path in ("/v1/organizations/me", "/v1/nothing", WORKSPACES):
        response = client.get(path)
        ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
    assert (response.http_version, len(ports)) == ("HTTP/1.1", 1)


def test_closed_server_ends_kept_connections(serve: Serve) -> None:
    """After the server has closed, a kept connection is dead too."""
    api, client = serve()
    client.get("/v1/organizations/me")
    api.close()
    with pytest.raises(httpx.TransportError):
        client.get("/v1/organizations/me")


# The usage report


def test_row_keys_are_the_recorded_ones(client: httpx.Client) -> None:
    """A report, its buckets and its rows have the keys of the vendor's example."""
    recording = recorded("usage_report__doc-example.json")
    report = get(client, USAGE, usage_query())
    row, recorded_row = rows_of(report)[0], rows_of(recording)[0]
    assert report.keys() == recording.keys()
    assert report["data"][0].keys() == recording["data"][0].keys()
    assert row.keys() == recorded_row.keys()
    assert row["cache_creation"].keys() == recorded_row["cache_creation"].keys()
    assert row["server_tool_use"].keys() == recorded_row["server_tool_use"].keys()


def test_empty_report_is_the_recorded_shape(client: httpx.Client) -> None:
    """The last page of a report has the keys and values of the recorded end of a report."""
    report = get(client, USAGE, usage_query(("ending_at", "2026-11-02T00:00:00Z")))
    recording = recorded("usage_report__client-test-empty.json")
    assert {**report, "data": []} == recording


def test_speed_key_needs_the_beta_header(client: httpx.Client) -> None:
    """Rows tell a speed only under the beta header, and null where it is not grouped."""
    plain = rows_of(get(client, USAGE, usage_query()))[0]
    beta = rows_of(get(client, USAGE, usage_query(), **SPEED))[0]
    assert beta.keys() - plain.keys() == {"speed"}
    assert beta["speed"] is None


def test_beta_header_is_a_list(client: httpx.Client) -> None:
    """The beta may stand among others, comma-separated."""
    query = usage_query(groups=("speed",))
    report = get(client, USAGE, query, **{"anthropic-beta": f"oauth-2025-04-20, {SPEED_BETA}"})
    assert {row["speed"] for row in rows_of(report)} == {"standard", "fast"}


@pytest.mark.parametrize("asked", [("group_by[]", "speed"), ("speeds[]", "fast")])
def test_speed_without_the_beta_header(client: httpx.Client, asked: tuple[str, str]) -> None:
    """Grouping or filtering by speed without the beta header is refused."""
    invalid(client, usage_query(asked), SPEED_BETA)


def test_refused_beta(serve: Serve) -> None:
    """An API that dropped the beta refuses its header by name, and answers without it."""
    _, client = serve(refuse_speed_beta=True)
    message = f"Unexpected value(s) `{SPEED_BETA}` for the `anthropic-beta` header"
    invalid(client, usage_query(), message, **SPEED)
    assert get(client, USAGE, usage_query())["data"]


def test_rows_add_up_what_is_not_grouped(client: httpx.Client) -> None:
    """Rows that differ in ungrouped dimensions are one row, with those dimensions null."""
    [row] = get(client, USAGE, usage_query())["data"][0]["results"]
    assert {name: row[name] for name in COUNTED} == {
        "uncached_input_tokens": 111,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
        "cache_read_input_tokens": 4,
        "output_tokens": 5,
        "server_tool_use": {"web_search_requests": 6},
    }
    assert {value for name, value in row.items() if name not in COUNTED} == {None}


def test_grouped_dimensions_are_told(client: httpx.Client) -> None:
    """Each combination of the grouped dimensions is a row of its own; null is the default workspace."""
    rows = get(client, USAGE, usage_query(groups=("workspace_id", "inference_geo")))["data"][0][
        "results"
    ]
    found = {
        (row["workspace_id"], row["inference_geo"], row["model"]): row["uncached_input_tokens"]
        for row in rows
    }
    assert found == {
        (None, "global", None): 1,
        ("wrkspc_A", "global", None): 10,
        ("wrkspc_A", "us", None): 100,
    }


def test_unused_dimensions_can_be_grouped(client: httpx.Client) -> None:
    """The dimensions of keys and accounts may be asked for and are null."""
    groups = ("api_key_id", "account_id", "service_account_id")
    assert rows_of(get(client, USAGE, usage_query(groups=groups)))[0]["api_key_id"] is None


def test_five_groups_at_most(client: httpx.Client) -> None:
    """A sixth dimension is refused in the reported words."""
    groups = ("workspace_id", "model", "service_tier", "context_window", "inference_geo")
    assert get(client, USAGE, usage_query(groups=groups))["data"]
    message = "Cannot specify more than 5 group_by[] dimensions"
    invalid(client, usage_query(groups=(*groups, "speed")), message, **SPEED)


@pytest.mark.parametrize(
    "query",
    [
        usage_query(groups=("token_type",)),
        usage_query(("group_by", "model")),
        usage_query(("workspaces[]", "wrkspc_A")),
        usage_query(("context_windows[]", "0-200k")),
        usage_query(("service_tiers[]", "turbo")),
        usage_query(("speeds[]", "warp")),
        usage_query(("bucket_width", "1w")),
        usage_query(("limit", "7"), ("limit", "8")),
        usage_query(("limit", "seven")),
        usage_query(("limit", "0")),
        [],
        usage_query(start="2026-11-01"),
        usage_query(start="2026-11-01T00:00:00"),
        usage_query(start="2026-13-01T00:00:00Z"),
        usage_query(start="20261101T000000Z"),
        usage_query(("ending_at", "tomorrow")),
    ],
)
def test_malformed_query(client: httpx.Client, query: Query) -> None:
    """Unknown parameters and values, and instants that are not RFC 3339, are refused."""
    invalid(client, query, "")


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (("workspace_ids[]", "wrkspc_A"), 110),
        (("models[]", "claude-opus-5-5"), 111),
        (("service_tiers[]", "batch"), 0),
        (("context_window[]", "0-200k"), 111),
        (("inference_geos[]", "us"), 100),
        (("speeds[]", "fast"), 10),
        (("api_key_ids[]", "apikey_01"), 0),
    ],
)
def test_filter(client: httpx.Client, query: tuple[str, str], values: int) -> None:
    """Each filter lets through only the usage that has one of its values."""
    rows = get(client, USAGE, usage_query(query), **SPEED)["data"][0]["results"]
    assert sum(row["uncached_input_tokens"] for row in rows) == values


def test_filter_of_several_values(client: httpx.Client) -> None:
    """A repeated filter lets through any of its values."""
    query = usage_query(("inference_geos[]", "us"), ("inference_geos[]", "global"))
    assert rows_of(get(client, USAGE, query))[0]["uncached_input_tokens"] == 111


@pytest.mark.parametrize(
    ("width", "default", "maximum"),
    [("1d", 7, 31), ("1h", 24, 168), ("1m", 60, 1440)],
)
def test_page_sizes(client: httpx.Client, width: str, default: int, maximum: int) -> None:
    """Each width has its default and maximum number of buckets a page."""
    start = "2026-10-01T00:00:00Z"
    bucket_width = ("bucket_width", width)
    assert len(get(client, USAGE, usage_query(bucket_width, start=start))["data"]) == default
    largest = usage_query(bucket_width, ("limit", str(maximum)), start=start)
    assert len(get(client, USAGE, largest)["data"]) == maximum
    invalid(client, usage_query(bucket_width, ("limit", str(maximum + 1)), start=start), "limit")


def test_every_interval_has_a_bucket(client: httpx.Client) -> None:
    """The pages together have one bucket a day, oldest first, empties included, without gap or overlap."""
    buckets = [bucket for page in every_page(client, usage_query()) for bucket in page["data"]]
    assert [bucket["starting_at"] for bucket in buckets] == [
        f"2026-11-{day:02d}T00:00:00Z" for day in range(1, 22)
    ]
    assert [bucket["ending_at"] for bucket in buckets] == [
        f"2026-11-{day:02d}T00:00:00Z" for day in range(2, 23)
    ]
    assert [len(bucket["results"]) for bucket in buckets] == [1, *[0] * 19, 1]


def test_last_page_has_no_cursor(client: httpx.Client) -> None:
    """Only pages before the last have a cursor, which says that there is more."""
    pages = every_page(client, usage_query())
    assert [(page["has_more"], page["next_page"] is None) for page in pages] == [
        (True, False),
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    "changed", [("limit", "8"), ("group_by[]", "model"), ("models[]", "claude-opus-5-5")]
)
def test_cursor_of_another_query(client: httpx.Client, changed: tuple[str, str]) -> None:
    """A cursor with a changed query is refused."""
    page = ("page", get(client, USAGE, usage_query())["next_page"])
    invalid(client, usage_query(page, changed), "page token")


@pytest.mark.parametrize(
    "page", ["", "page_", "page_EXAMPLE", "2", "page_MjAyNS0wNS0xNFQwMDowMDowMFo=", "\u00e9"]
)
def test_invented_cursor(client: httpx.Client, page: str) -> None:
    """A cursor that the API did not give is refused."""
    invalid(client, usage_query(("page", page)), "page token")


def test_start_is_snapped_down(client: httpx.Client) -> None:
    """A start inside a bucket answers that bucket whole."""
    report = get(client, USAGE, usage_query(start="2026-11-01T18:30:00+02:00"))
    assert report["data"][0]["starting_at"] == "2026-11-01T00:00:00Z"
    assert rows_of(report)[0]["uncached_input_tokens"] == 111


def test_end_is_exclusive(client: httpx.Client) -> None:
    """The bucket that starts at the end is left out."""
    report = get(client, USAGE, usage_query(("ending_at", "2026-11-03T00:00:00Z")))
    assert [bucket["starting_at"] for bucket in report["data"]] == [
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
    ]


@pytest.mark.parametrize(("whole", "buckets"), [(False, 1), (True, 2)])
def test_end_inside_a_bucket(serve: Serve, *, whole: bool, buckets: int) -> None:
    """An end inside a bucket leaves it out, or answers it whole where the server was told so."""
    _, client = serve(whole_bucket_at_end=whole)
    report = get(client, USAGE, usage_query(("ending_at", "2026-11-02T23:59:59Z")))
    assert len(report["data"]) == buckets


@pytest.mark.parametrize(
    "end", ["2026-11-01T00:00:00Z", "2026-10-31T00:00:00Z", "2026-11-01T23:59:59Z"]
)
def test_range_without_a_bucket(client: httpx.Client, end: str) -> None:
    """A range that holds no whole day is the recorded 400."""
    recording = recorded("error_400_cost_report_no_complete_day__live.json")
    invalid(client, usage_query(("ending_at", end)), recording["error"]["message"])


def test_days_end_before_today(client: httpx.Client) -> None:
    """Daily buckets stop at today 00:00Z without a word, whatever end was asked for."""
    report = get(client, USAGE, usage_query(("ending_at", "2026-12-01T00:00:00Z"), ("limit", "31")))
    assert (report["data"][-1]["ending_at"], report["has_more"]) == ("2026-11-22T00:00:00Z", False)


def test_no_day_on_the_first(serve: Serve) -> None:
    """On the 1st a daily query of the month is refused."""
    _, client = serve(now=at("2026-11-01T12:00:00Z"))
    invalid(client, usage_query(("ending_at", "2026-11-02T00:00:00Z")), "Invalid date range")


def test_open_day_on_demand(serve: Serve) -> None:
    """A server told so answers today in daily buckets, up to now."""
    _, client = serve(open_day_in_1d=True)
    report = get(client, USAGE, usage_query(("limit", "31")))
    assert report["data"][-1]["starting_at"] == "2026-11-22T00:00:00Z"
    assert rows_of(report)[-1]["output_tokens"] == 10_000


def test_hours_show_today(client: httpx.Client) -> None:
    """Hourly buckets reach into the hour in progress, and no further."""
    query = usage_query(
        ("bucket_width", "1h"), ("ending_at", "2026-11-23T00:00:00Z"), start="2026-11-22T00:00:00Z"
    )
    report = get(client, USAGE, query)
    assert [bucket["starting_at"] for bucket in report["data"]] == [
        f"2026-11-22T{hour:02d}:00:00Z" for hour in range(16)
    ]
    assert report["data"][-1]["ending_at"] == "2026-11-22T16:00:00Z"


def test_usage_from_now_on_is_not_visible(client: httpx.Client) -> None:
    """The hour in progress holds what was used before now."""
    query = usage_query(("bucket_width", "1h"), start="2026-11-22T15:00:00Z")
    assert [row["output_tokens"] for row in rows_of(get(client, USAGE, query))] == [10_000]


def test_last_microsecond_of_a_day(client: httpx.Client) -> None:
    """Usage in the last microsecond of a day is in that day's bucket."""
    report = get(
        client, USAGE, usage_query(start="2026-11-21T00:00:00Z", groups=("model", "service_tier"))
    )
    [row] = report["data"][0]["results"]
    assert (row["model"], row["service_tier"], row["uncached_input_tokens"]) == (
        "claude-haiku-5-5",
        "batch",
        1000,
    )


def test_large_counts_are_exact(serve: Serve) -> None:
    """Counts beyond 2^53 arrive digit for digit."""
    huge = Usage(MONTH, None, "claude-opus-5-5", read=2**53 + 1)
    _, client = serve(Organization([huge, huge, huge], []))
    assert rows_of(get(client, USAGE, usage_query()))[0]["cache_read_input_tokens"] == 3 * 2**53 + 3


def test_moved_clock(serve: Serve) -> None:
    """A server whose clock is moved shows what was used since."""
    api, client = serve()
    query = usage_query(("bucket_width", "1h"), start="2026-11-22T15:00:00Z")
    before = rows_of(get(client, USAGE, query))
    api.now = at("2026-11-22T15:50:00Z")
    assert [rows[0]["output_tokens"] for rows in (before, rows_of(get(client, USAGE, query)))] == [
        10_000,
        110_000,
    ]


def test_paged_report_holds_all_usage(serve: Serve) -> None:
    """The pages of a random organization, full days and today together, price to the oracle's total."""
    organization = random_organization(
        seeded(1), start=MONTH, end=at("2026-12-01T00:00:00Z"), rows=500
    )
    api, client = serve(organization)
    dimensions = ("model", "service_tier", "context_window", "inference_geo", "speed")
    groups = tuple(("group_by[]", name) for name in dimensions)
    days = every_page(client, usage_query(*groups), **SPEED)
    hours = every_page(
        client, usage_query(*groups, ("bucket_width", "1h"), start="2026-11-22T00:00:00Z"), **SPEED
    )
    usage = [
        Usage(
            at=at(bucket["starting_at"]),
            workspace=None,
            uncached=row["uncached_input_tokens"],
            write_5m=row["cache_creation"]["ephemeral_5m_input_tokens"],
            write_1h=row["cache_creation"]["ephemeral_1h_input_tokens"],
            read=row["cache_read_input_tokens"],
            output=row["output_tokens"],
            searches=row["server_tool_use"]["web_search_requests"],
            **{name: row[name] for name in dimensions},
        )
        for page in [*days, *hours]
        for bucket in page["data"]
        for row in bucket["results"]
    ]
    assert total(usage) == priced(api, MONTH, NOW).overall


# Workspaces


def test_workspace_keys_are_the_recorded_ones(client: httpx.Client) -> None:
    """The list of workspaces has the keys of the vendor's example."""
    recording = recorded("workspaces_list__doc-example.json")
    answer = get(client, WORKSPACES, [])
    assert answer.keys() == recording.keys()
    assert answer["data"][0].keys() == recording["data"][0].keys()


def test_archived_workspaces_on_demand(client: httpx.Client) -> None:
    """Archived workspaces are listed only where asked for; the default one never is."""
    active = [workspace["id"] for workspace in get(client, WORKSPACES, [])["data"]]
    everything = [
        workspace["id"]
        for workspace in get(client, WORKSPACES, [("include_archived", "true")])["data"]
    ]
    assert (active, everything) == (["wrkspc_A", "wrkspc_C"], ["wrkspc_A", "wrkspc_B", "wrkspc_C"])


def test_workspace_pages(client: httpx.Client) -> None:
    """The page after an id starts behind it, and the last page says so."""
    query = [("include_archived", "true"), ("limit", "2")]
    first = get(client, WORKSPACES, query)
    second = get(client, WORKSPACES, [*query, ("after_id", first["last_id"])])
    assert (first["has_more"], first["first_id"], first["last_id"]) == (
        True,
        "wrkspc_A",
        "wrkspc_B",
    )
    assert (second["has_more"], [workspace["id"] for workspace in second["data"]]) == (
        False,
        ["wrkspc_C"],
    )


@pytest.mark.parametrize(("lists_default", "expected"), [(True, 1), (False, 0)])
def test_the_default_workspace_is_listed_where_it_is_asked_for(
    serve: Serve, *, lists_default: bool, expected: int
) -> None:
    """Under its real id, like any other; an older API ignores the parameter."""
    _, client = serve(lists_default=lists_default)
    plain = get(client, WORKSPACES, [])["data"]
    asked = get(client, WORKSPACES, [("include_default", "true")])["data"]
    added = [workspace for workspace in asked if workspace not in plain]
    assert [workspace["id"] for workspace in added] == [DEFAULT_WORKSPACE_ID] * expected


def test_default_workspace_page(serve: Serve) -> None:
    """Twenty workspaces make a page unless more are asked for."""
    many = [Workspace(f"wrkspc_{number}", f"team-{number}") for number in range(1001)]
    _, client = serve(Organization([], many))
    sizes = [len(get(client, WORKSPACES, query)["data"]) for query in ([], [("limit", "1000")])]
    assert sizes == [20, 1000]


def test_no_workspaces(serve: Serve) -> None:
    """An organization without workspaces has an empty page and no ids."""
    _, client = serve(Organization([], []))
    assert get(client, WORKSPACES, []) == {
        "data": [],
        "first_id": None,
        "has_more": False,
        "last_id": None,
    }


@pytest.mark.parametrize(
    "query",
    [
        [("limit", "0")],
        [("limit", "1001")],
        [("include_archived", "1")],
        [("after_id", "x")],
        [("page", "x")],
    ],
)
def test_malformed_workspace_query(client: httpx.Client, query: Query) -> None:
    """Limits outside 1 to 1000 and unknown parameters or values are refused."""
    response = client.get(WORKSPACES, params=query)  # type: ignore[arg-type]
    refused(response, 400, "invalid_request_error", query[0][0])


# The org-scoped variant


@pytest.fixture
def scoped(serve: Serve) -> httpx.Client:
    """Return a client of an API that serves the org-scoped routes only."""
    return serve(org_scoped=True)[1]


def test_identity_keys_are_the_recorded_ones(client: httpx.Client) -> None:
    """The organization's identity has the keys of the vendor's example."""
    assert (
        get(client, "/v1/organizations/me", []).keys()
        == recorded("organizations_me__doc-example.json").keys()
    )


@pytest.mark.parametrize(
    "path", [USAGE, WORKSPACES, f"/v1/organizations/another/{USAGE.rpartition('/v1/')[2]}"]
)
def test_scoped_api_has_no_direct_routes(scoped: httpx.Client, path: str) -> None:
    """Behind an org-scoped gateway the direct routes, and other organizations, are not found."""
    message = recorded("error_404__doc-example.json")["error"]["message"]
    refused(scoped.get(path), 404, "not_found_error", message)


def test_organizations_are_listed(scoped: httpx.Client) -> None:
    """The organization is discovered by its id and name."""
    assert get(scoped, "/v1/organizations", []) == {
        "data": [{"id": SAMPLE_ID, "name": "Sample Org"}]
    }


def test_scoped_rows(scoped: httpx.Client) -> None:
    """Org-scoped rows have one number of cache writes and three dimensions."""
    path = f"/v1/organizations/{SAMPLE_ID}/usage_report/messages"
    report = get(scoped, path, usage_query(groups=("model", "workspace_id", "service_tier")))
    assert report["data"][0]["results"][0] == {
        "input_tokens": 1,
        "output_tokens": 5,
        "cache_creation_input_tokens": 5,
        "cache_read_input_tokens": 4,
        "model": "claude-opus-5-5",
        "workspace_id": None,
        "service_tier": "standard",
    }


def test_scoped_report_is_one_page(scoped: httpx.Client) -> None:
    """An org-scoped report answers every bucket at once, whatever the limit, and has no cursor."""
    path = f"/v1/organizations/{SAMPLE_ID}/usage_report/messages"
    report = get(scoped, path, usage_query(("limit", "2")))
    assert (len(report["data"]), report["has_more"], "next_page" in report) == (21, False, False)


def test_scoped_report_ignores_what_it_does_not_know(scoped: httpx.Client) -> None:
    """Other dimensions, filters and parameters are passed over in silence."""
    path = f"/v1/organizations/{SAMPLE_ID}/usage_report/messages"
    query = usage_query(
        ("speeds[]", "fast"), ("colour", "red"), groups=("speed", "context_window", "model")
    )
    assert get(scoped, path, query) == get(scoped, path, usage_query(groups=("model",)))


def test_scoped_workspaces_are_active(scoped: httpx.Client) -> None:
    """The org-scoped list has only active workspaces, even where archived ones are asked for."""
    answer = get(
        scoped, f"/v1/organizations/{SAMPLE_ID}/workspaces", [("include_archived", "true")]
    )
    assert answer == {
        "data": [{"id": "wrkspc_A", "name": "production"}, {"id": "wrkspc_C", "name": "staging"}],
    }


# What tests see of it, and what they may change


def test_requests_are_recorded(serve: Serve) -> None:
    """A request is kept with its decoded query in order and its headers in lower case."""
    api, client = serve()
    client.get(USAGE, params=usage_query(("group_by[]", "model"), ("group_by[]", "speed")))  # type: ignore[arg-type]
    [request] = api.requests
    assert (request.method, request.path) == ("GET", USAGE)
    assert request.query == usage_query(groups=("model", "speed"))
    assert (request.headers["x-api-key"], request.headers["user-agent"]) == (
        EXAMPLE_KEY,
        "loopback-test/1",
    )


def test_interceptor_answers_in_place(serve: Serve) -> None:
    """An interceptor sees how often a path was asked for, and its answer is sent as it is."""
    html = (RECORDINGS / "error_502_html_not_json__synthetic.txt").read_bytes()

    def fail_second(_request: Request, number: int) -> Response | None:
        return (
            Response(502, html, {"content-type": "text/html", "Retry-After": "7"})
            if number == 2
            else None
        )

    api, client = serve(intercept=fail_second)
    answers = [client.get(WORKSPACES) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 502, 200]
    assert (answers[1].content, answers[1].headers["retry-after"]) == (html, "7")
    assert answers[1].headers["content-type"] == "text/html"
    assert answers[1].headers["request-id"]
    assert len(api.requests) == 3


def test_interceptor_changes_the_real_answer(serve: Serve) -> None:
    """An interceptor may ask for the real answer and send a changed one."""
    api, client = serve()

    def lose_cursor(request: Request, _number: int) -> Response | None:
        real = api.answer(request)
        return Response(
            real.status,
            json.dumps({**json.loads(real.body), "next_page": None}).encode(),
            real.headers,
        )

    api.intercept = lose_cursor
    report = get(client, USAGE, usage_query())
    assert (report["has_more"], report["next_page"]) == (True, None)


def test_dropped_connection(serve: Serve) -> None:
    """Status 0 ends the connection without an answer."""
    _, client = serve(intercept=lambda _request, _number: Response(0))
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(WORKSPACES)


def test_truncated_answer(serve: Serve) -> None:
    """A length beyond the body ends the connection in the middle of the answer."""
    _, client = serve(
        intercept=lambda _request, _number: Response(200, b'{"data"', {"content-length": "4096"})
    )
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(WORKSPACES)


def test_priced_by_workspace(serve: Serve) -> None:
    """The oracle's totals are told for each workspace and for all, up to the server's now."""
    api, _ = serve()
    found = priced(api, at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"))
    assert found.workspaces == {"wrkspc_A": (Fraction("0.2"), Fraction("0.2"))}
    assert found.overall == found.workspaces["wrkspc_A"]


def test_priced_organization_has_no_now() -> None:
    """An organization alone is priced to the end of the period."""
    found = priced(
        SAMPLE, at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"), EVERY_DIMENSION - {"speed"}
    )
    assert found.overall == (Fraction("2.2"), Fraction("4.4"))


def test_priced_refuses_unpriced_usage() -> None:
    """Usage without a price is an error, never left out."""
    unknown = Organization([Usage(MONTH, None, "claude-unknown", output=1)], [])
    with pytest.raises(UnpricedUsageError):
        priced(unknown, MONTH, NOW)


def test_benchmark_rows_are_distinct(serve: Serve) -> None:
    """A benchmark's usages are as many rows of the report, and all lie before now."""
    organization = benchmark_organization(rows=5_000, workspaces=20, as_of=NOW)
    _, client = serve(organization)
    groups = ("model", "service_tier", "context_window", "speed", "inference_geo")
    ids = [workspace.id for workspace in organization.workspaces]
    queries = [usage_query(("limit", "31"), ("workspace_ids[]", one), groups=groups) for one in ids]
    closed = sum(len(rows_of(get(client, USAGE, query, **SPEED))) for query in queries)
    today = sum(1 for usage in organization.usage if usage.at >= at("2026-11-22T00:00:00Z"))
    assert closed + today == len(organization.usage) == 5_000
    assert all(MONTH <= usage.at < NOW for usage in organization.usage)


def test_runs_by_hand() -> None:
    """Run as a module it prints its URL and serves."""
    command = [sys.executable, "-m", "tests.world.loopback", "--rows", "50", "--workspaces", "3"]
    with subprocess.Popen(
        [*command, "--as-of", "2026-11-22T15:00:00Z"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            answer = httpx.get(f"{url}{WORKSPACES}", headers=HEADERS, trust_env=False)
            assert len(answer.json()["data"]) == 3
        finally:
            process.kill()
