"""Keys of each kind open what the vendor's reference says, so that tests may trust what they are refused."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import httpx
import pytest

from tests.helpers.serving import NOW
from tests.world.billing import bill_of
from tests.world.keys import ANALYTICS_KEY, NEXT_KEY, Key, analytics_key
from tests.world.loopback import (
    DEFAULT_WORKSPACE_ID,
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Workspace,
)
from tests.world.loopback_costs import ANALYTICS_BETA
from tests.world.oracle import Usage

ORGANIZATIONS = "/v1/organizations"
START = "starting_at=2026-11-01T00:00:00Z"
END = "ending_at=2026-11-23T00:00:00Z"
ORGANIZATION = Organization(
    usage=[
        Usage(NOW - timedelta(days=3), None, "claude-sonnet-4-5", uncached=1_000, output=200),
        Usage(NOW - timedelta(days=2), "wrkspc_A", "claude-sonnet-4-5", "batch", uncached=4_000),
        Usage(NOW - timedelta(hours=9), "wrkspc_A", "claude-sonnet-4-5", output=70_000),
        Usage(NOW - timedelta(hours=2), "wrkspc_A", "claude-sonnet-4-5", output=100_000),
    ],
    workspaces=[Workspace("wrkspc_A", "production")],
)
ANALYTICS = [f"analytics/{kind}?{START}&{END}" for kind in ("usage", "cost")]
ADMIN = [
    "me",
    "workspaces",
    f"usage_report/messages?{START}",
    f"cost_report?{START}",
    "rate_limits",
]
API_PRODUCTS = "products[]=messages_api&products[]=message_batches_api"


@pytest.fixture
def serve() -> Iterator[Any]:
    """Start a loopback API that has a bill."""
    with ExitStack() as stack:

        def start(**options: Any) -> LoopbackAPI:
            api = LoopbackAPI(ORGANIZATION, now=NOW, **{"bill": bill_of(ORGANIZATION), **options})
            return stack.enter_context(api)

        yield start


def ask(api: LoopbackAPI, route: str, key: str = EXAMPLE_KEY) -> httpx.Response:
    """Ask for a route with a key."""
    headers = {
        "x-api-key": key,
        "anthropic-version": "2023-06-01",
        "user-agent": "loopback-test/1",
        "anthropic-beta": ANALYTICS_BETA,
    }
    return httpx.get(f"{api.url}{ORGANIZATIONS}/{route}", headers=headers, trust_env=False)


def output(api: LoopbackAPI, more: str = "", key: str = EXAMPLE_KEY) -> int:
    """Return the tokens that the usage analytics tell, uncached and put out, of all rows of a query."""
    page = ask(api, f"{ANALYTICS[0]}&limit=1000&{more}", key).json()
    return sum(
        row["usage"]["uncached_input_tokens"] + row["usage"]["output_tokens"]
        for row in page["data"]
    )


# Rotation


def test_two_keys_are_good_and_one_dies(serve: Any) -> None:
    """Each is a credential until it is revoked, which may be in the middle of a run."""
    api = serve(keys=[Key(NEXT_KEY)])
    assert [ask(api, "me", key).status_code for key in (EXAMPLE_KEY, NEXT_KEY)] == [200, 200]
    api.keys[0].is_revoked = True
    first, second = (ask(api, "me", key) for key in (EXAMPLE_KEY, NEXT_KEY))
    assert (first.status_code, second.status_code) == (401, 200)
    assert first.json()["error"] == {
        "type": "authentication_error",
        "message": "invalid x-api-key",
    }


# Keys with scopes


@pytest.mark.parametrize("route", ANALYTICS)
def test_analytics_are_open_to_their_scope(serve: Any, route: str) -> None:
    """The answer is that which an administrator gets."""
    api = serve(keys=[analytics_key()])
    assert ask(api, route, ANALYTICS_KEY).json() == ask(api, route).json()
    assert ask(api, route).status_code == 200


@pytest.mark.parametrize("route", ADMIN)
def test_the_admin_api_is_not(serve: Any, route: str) -> None:
    """Every other route is a 403 that lists the scopes of the key."""
    response = ask(serve(keys=[analytics_key()]), route, ANALYTICS_KEY)
    assert response.status_code == 403
    assert response.json()["error"]["type"] == "permission_error"
    assert "Got: ['read:analytics'] Needed: [" in response.json()["error"]["message"]


def test_a_route_more(serve: Any) -> None:
    """A test may have one more opened."""
    api = serve(keys=[analytics_key("me")])
    assert ask(api, "me", ANALYTICS_KEY).json()["id"] == ORGANIZATION.id
    assert ask(api, "workspaces", ANALYTICS_KEY).status_code == 403


def test_another_scope_opens_no_analytics(serve: Any) -> None:
    """What is needed is said."""
    api = serve(keys=[Key(ANALYTICS_KEY, ("read:spend_limits",))])
    response = ask(api, ANALYTICS[0], ANALYTICS_KEY)
    assert response.status_code == 403
    message = response.json()["error"]["message"]
    assert message.endswith("Got: ['read:spend_limits'] Needed: ['read:analytics']")


@pytest.mark.parametrize("route", ANALYTICS)
@pytest.mark.parametrize("key", [EXAMPLE_KEY, ANALYTICS_KEY])
def test_hipaa_ready(serve: Any, route: str, key: str) -> None:
    """No key gets analytics of such an organization."""
    response = ask(serve(is_hipaa_ready=True, keys=[analytics_key()]), route, key)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert "HIPAA" in response.json()["error"]["message"]


# The default workspace


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [DEFAULT_WORKSPACE_ID, "wrkspc_A"]), ({"lists_default": False}, ["wrkspc_A"])],
)
def test_the_list_may_have_the_default_workspace(
    serve: Any, options: dict[str, bool], expected: list[str]
) -> None:
    """Where it is asked for, and the API is not an older one that ignores the parameter."""
    page = ask(serve(**options), "workspaces?include_default=true").json()
    assert [row["id"] for row in page["data"]] == expected


@pytest.mark.parametrize("id_", [DEFAULT_WORKSPACE_ID, None])
def test_what_the_analytics_call_the_default_workspace(serve: Any, id_: str | None) -> None:
    """Its real id, or null in an Enterprise organization, which the list does not have."""
    api = serve(default_workspace_id=id_)
    rows = ask(api, f"{ANALYTICS[0]}&group_by[]=workspace_id").json()["data"]
    assert {row["group"]["workspace_id"] for row in rows} == {id_, "wrkspc_A"}
    listed = ask(api, "workspaces?include_default=true").json()["data"]
    assert {row["id"] for row in listed} == {id_, "wrkspc_A"} - {None}


# Products


def test_products(serve: Any) -> None:
    """Usage of the API is of messages or batches; what other products used is in the analytics alone."""
    chat = Usage(NOW - timedelta(days=1), None, "claude-sonnet-4-5", output=1_000_000)
    api = serve(other_products=[("chat", chat), (None, chat)])
    rows = ask(api, f"{ANALYTICS[0]}&group_by[]=product").json()["data"]
    told = {row["group"]["product"]: row["usage"]["total_tokens"] for row in rows}
    assert told == {
        "messages_api": 171_200,
        "message_batches_api": 4_000,
        "chat": 1_000_000,
        None: 1_000_000,
    }
    assert output(api) == 2_175_200
    assert output(api, API_PRODUCTS) == 175_200
    days = ask(api, f"usage_report/messages?{START}&limit=31").json()["data"]
    assert sum(row["output_tokens"] for day in days for row in day["results"]) == 200


def test_a_product_that_is_none(serve: Any) -> None:
    """The filter knows its products."""
    response = ask(serve(), f"{ANALYTICS[0]}&products[]=lunch")
    assert (response.status_code, response.json()["error"]["type"]) == (
        400,
        "invalid_request_error",
    )


def test_the_sum_of_the_usage_report_from_the_analytics(serve: Any) -> None:
    """Five dimensions, once for each speed, and the products of the API: every token of the report, and no other."""
    groups = "&".join(
        f"group_by[]={name}"
        for name in ("workspace_id", "model", "service_tier", "context_window", "inference_geo")
    )
    chat = Usage(NOW - timedelta(days=1), None, "claude-sonnet-4-5", output=1_000_000)
    api = serve(other_products=[("chat", chat)], keys=[analytics_key()])
    found = [
        output(api, f"{groups}&{API_PRODUCTS}&speeds[]={speed}", ANALYTICS_KEY)
        for speed in ("standard", "fast")
    ]
    assert found == [175_200, 0]
    refused = ask(api, f"{ANALYTICS[0]}&{groups}&group_by[]=speed")
    assert "more than 5" in refused.json()["error"]["message"]


def test_costs_of_other_products(serve: Any) -> None:
    """A charge of another product is in the cost analytics and not in the cost report."""
    bill = bill_of(ORGANIZATION)
    chat = replace(bill[0], product="chat", usd=Fraction(7), list_usd=Fraction(8))
    api = serve(bill=[*bill, chat])
    rows = ask(api, f"{ANALYTICS[1]}&group_by[]=product").json()["data"]
    (row,) = (row for row in rows if row["group"]["product"] == "chat")
    assert (row["cost"]["amount"], row["cost"]["list_amount"]) == ("700", "800")
    report = ask(api, f"cost_report?{START}").json()["data"]
    again = ask(serve(), f"cost_report?{START}").json()["data"]
    assert report == again


# Freshness


def test_the_time_of_the_data_moves_between_answers(serve: Any) -> None:
    """Each answer has the next of the instants and what was known by then, and the last stays."""
    early, late = (NOW - timedelta(hours=hours) for hours in (5, 1))
    api = serve(data_refreshed_at=[early, late])
    pages = [ask(api, ANALYTICS[0]).json() for _ in range(3)]
    assert [page["data_refreshed_at"] for page in pages] == [
        "2026-11-22T10:37:30Z",
        "2026-11-22T14:37:30Z",
        "2026-11-22T14:37:30Z",
    ]
    totals = [page["data"][0]["usage"]["output_tokens"] for page in pages]
    assert totals == [70_200, 170_200, 170_200]
