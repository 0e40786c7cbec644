"""The loopback API answers what the vendor's own client is made for: its types, and its requests."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter

from tests.helpers.serving import NOW
from tests.world.billing import TOKEN_TYPES, bill_of, billed, code_execution, session_usage
from tests.world.loopback import API_VERSION, EXAMPLE_AUTH_TOKEN, EXAMPLE_KEY, LoopbackAPI
from tests.world.loopback_costs import (
    ANALYTICS_BETA,
    COST,
    COST_GROUPS,
    COST_ORDERS,
    USAGE,
    USAGE_GROUPS,
    USAGE_ORDERS,
)
from tests.world.organizations import random_organization, seeded

# The vendor's package takes seconds to import, so that a test does it, and not every process that collects the tests.
if TYPE_CHECKING:
    import anthropic

ORGANIZATIONS = "/v1/organizations"
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
ORGANIZATION = random_organization(seeded(11), start=MONTH, end=NOW, rows=150)
BILL = [
    *bill_of(ORGANIZATION, discount=Fraction(1, 10)),
    code_execution(date(2026, 11, 3), None, Fraction("5.2799976")),
    session_usage(date(2026, 11, 4), ORGANIZATION.workspaces[0].id, Fraction("0.08")),
]
DIMENSIONS = ("workspace_id", "model", "service_tier", "context_window", "inference_geo")
BY_COST = (*DIMENSIONS, "cost_type", "token_type")
ANALYTICS = [
    (COST, "CostItem", ()),
    (COST, "CostItem", DIMENSIONS),
    (COST, "CostItem", BY_COST),
    (COST, "CostItem", ("speed",)),
    (USAGE, "UsageItem", ()),
    (USAGE, "UsageItem", DIMENSIONS),
    (USAGE, "UsageItem", ("speed",)),
]


def analytics_type(name: str) -> Any:
    """Return a type of the vendor's about the analytics, by its name without what all of them begin with."""
    from anthropic.types.beta import organization

    full_name = f"BetaAnalytics{name}"
    return getattr(organization.analytics, full_name, None) or getattr(organization, full_name)


@pytest.fixture(scope="module")
def api() -> Iterator[LoopbackAPI]:
    """Serve an organization with a bill in which something of every kind is charged."""
    with LoopbackAPI(ORGANIZATION, now=NOW, bill=BILL, analytics_bill_priority=True) as api:
        yield api


def connected(api: LoopbackAPI, token: str = EXAMPLE_AUTH_TOKEN) -> "anthropic.Anthropic":
    """Make a client of the vendor that asks for the version of the API that the server has; its own is a later one."""
    import anthropic

    return anthropic.Anthropic(
        auth_token=token,
        base_url=api.url,
        max_retries=0,
        default_headers={"anthropic-version": API_VERSION},
        http_client=anthropic.DefaultHttpxClient(trust_env=False),
    )


@pytest.fixture(scope="module")
def vendor(api: LoopbackAPI) -> Iterator["anthropic.Anthropic"]:
    """Return the vendor's client with a good credential."""
    with connected(api) as client:
        yield client


def answer(api: LoopbackAPI, path: str, query: list[tuple[str, str]]) -> dict[str, Any]:
    """Get a good answer, parsed."""
    response = httpx.get(
        f"{api.url}{ORGANIZATIONS}/{path}",
        params=query,  # type: ignore[arg-type]
        headers={
            "x-api-key": EXAMPLE_KEY,
            "anthropic-version": API_VERSION,
            "user-agent": "loopback-test/1",
            "anthropic-beta": ANALYTICS_BETA,
        },
        trust_env=False,
    )
    assert response.status_code == 200, response.text
    parsed: dict[str, Any] = response.json()
    return parsed


def undeclared(value: object, declared: Any, where: str = "answer") -> list[str]:
    """Return what an answer has that its type does not tell, keys and values, by where it is.

    The vendor's models take any further key, and any value where a Literal stands.
    """
    if get_origin(declared) is Annotated:
        return undeclared(value, get_args(declared)[0], where)
    if get_origin(declared) is Literal:
        return [] if value in get_args(declared) else [f"{where} is {value!r}"]
    if get_origin(declared) in (Union, UnionType):
        tried = [undeclared(value, option, where) for option in get_args(declared)]
        return min(tried, key=len)
    if declared is type(None):
        return [] if value is None else [f"{where} is {value!r}"]
    if value is None:
        return [f"{where} is null"]
    if get_origin(declared) is list and isinstance(value, list):
        (item,) = get_args(declared)
        return [
            found
            for number, one in enumerate(value)
            for found in undeclared(one, item, f"{where}[{number}]")
        ]
    if isinstance(declared, type) and issubclass(declared, BaseModel) and isinstance(value, dict):
        fields = declared.model_fields
        return [f"{where}.{name} is not declared" for name in value.keys() - fields.keys()] + [
            found
            for name, field in fields.items()
            if name in value
            for found in undeclared(value[name], field.annotation, f"{where}.{name}")
        ]
    return []


def validate(value: dict[str, Any], declared: Any) -> None:
    """Check that an answer is of a type, has nothing that the type does not tell, and lacks nothing."""
    TypeAdapter(declared).validate_python(value)
    assert undeclared(value, declared) == []


@pytest.mark.parametrize(("path", "name", "groups"), ANALYTICS)
@pytest.mark.parametrize("width", [None, "1d"])
def test_analytics(
    api: LoopbackAPI, path: str, name: str, groups: tuple[str, ...], width: str | None
) -> None:
    """A page and every row of it are of the vendor's types, whatever is grouped by."""
    from anthropic.pagination import SyncReportPageCursor

    item = analytics_type(name)
    query = [("starting_at", "2026-11-01T00:00:00Z"), ("ending_at", "2026-11-22T15:37:30Z")]
    query += [("limit", "50")] + [("group_by[]", group) for group in groups]
    query += [] if width is None else [("time_bucket_width", width)]
    page = answer(api, path, query)
    assert page["data"]
    assert page.keys() == SyncReportPageCursor[Any].model_fields.keys()
    validate(page, SyncReportPageCursor[item])  # type: ignore[valid-type]
    for row in page["data"]:
        validate(row, item)
        assert row.keys() == item.model_fields.keys()
        group = item.model_fields["group"].annotation
        assert isinstance(group, type)
        assert issubclass(group, BaseModel)
        assert row["group"].keys() == group.model_fields.keys()


def test_every_kind_of_cost_is_of_the_vendors_types(api: LoopbackAPI) -> None:
    """What the test above looks at has every cost type, token type and geography."""
    query = [("starting_at", "2026-11-01T00:00:00Z"), ("limit", "1000")]
    rows = answer(api, COST, query + [("group_by[]", group) for group in BY_COST])["data"]
    found = {name: {row["group"][name] for row in rows} for name in BY_COST}
    assert found["cost_type"] == {"tokens", "web_search", "code_execution", "session_usage"}
    assert found["token_type"] == {None, *get_args(analytics_type("TokenType"))}
    assert found["inference_geo"] == {None, "global", "us"}
    assert found["service_tier"] == {None, "standard", "batch", "priority"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (COST_GROUPS, "CostGroupBy"),
        (USAGE_GROUPS, "UsageGroupBy"),
        (COST_ORDERS, "CostOrderBy"),
        (USAGE_ORDERS, "UsageOrderBy"),
        (tuple(TOKEN_TYPES), "TokenType"),
    ],
)
def test_names_are_the_vendors(ours: tuple[str, ...], theirs: str) -> None:
    """What can be asked for is what the vendor's client can ask for."""
    assert sorted(ours) == sorted(get_args(analytics_type(theirs)))


def test_workspaces(api: LoopbackAPI) -> None:
    """The list of workspaces, archived ones included, is of the vendor's types."""
    from anthropic.pagination import SyncPage
    from anthropic.types.beta.organization import BetaWorkspace

    page = answer(api, "workspaces", [("include_archived", "true")])
    assert {row["archived_at"] is None for row in page["data"]} == {True, False}
    validate(page, SyncPage[BetaWorkspace])
    for row in page["data"]:
        validate(row, BetaWorkspace)


def test_identity(api: LoopbackAPI) -> None:
    """The organization's identity is of the vendor's type."""
    from anthropic.types.beta import BetaOrganization

    validate(answer(api, "me", []), BetaOrganization)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"nonsense": 1}, "answer.nonsense is not declared"),
        (
            {"cost": {"amount": "1", "list_amount": "1", "currency": "USD", "cents": 1}},
            "answer.cost.cents is not declared",
        ),
        ({"group": {"cost_type": "lunch"}}, "answer.group.cost_type is 'lunch'"),
        ({"group": {"actor": {"type": "nobody"}}}, "answer.group.actor.type is 'nobody'"),
        ({"cost": None}, "answer.cost is null"),
    ],
)
def test_undeclared(change: Mapping[str, Any], problem: str) -> None:
    """The check finds what the vendor's lenient models let through."""
    row: dict[str, Any] = {
        "starting_at": "2026-11-01T00:00:00Z",
        "ending_at": "2026-11-02T00:00:00Z",
        "group": {},
        "cost": {"amount": "1", "list_amount": "1", "currency": "USD"},
    }
    assert undeclared(row, analytics_type("CostItem")) == []
    assert undeclared({**row, **change}, analytics_type("CostItem")) == [problem]


# The vendor's client


def test_client_reads_every_page_of_costs(api: LoopbackAPI, vendor: "anthropic.Anthropic") -> None:
    """The requests that the vendor's client makes are understood, and its pages have the whole bill."""
    before = len(api.requests)
    rows = list(
        vendor.beta.organization.analytics.cost.list(
            starting_at=MONTH,
            ending_at=NOW,
            time_bucket_width="1d",
            group_by=["workspace_id", "model", "cost_type"],
            order_by="time",
            order="asc",
            limit=10,
        )
    )
    assert len(api.requests) - before > 5
    expected = billed(BILL, date(2026, 11, 1), date(2026, 11, 22)).overall
    assert sum(Fraction(row.cost.amount) for row in rows) == expected * 100
    assert all(one.starting_at <= other.starting_at for one, other in pairwise(rows))


def test_client_reads_usage(vendor: "anthropic.Anthropic") -> None:
    """The vendor's client gets the tokens of the whole month in one row."""
    (row,) = vendor.beta.organization.analytics.usage.list(starting_at=MONTH, ending_at=NOW)
    hour = NOW.replace(minute=0, second=0)
    assert row.usage.output_tokens == sum(
        usage.output for usage in ORGANIZATION.usage if usage.at < hour
    )


def test_client_reads_workspaces(vendor: "anthropic.Anthropic") -> None:
    """The vendor's client follows the pages of workspaces."""
    found = list(vendor.beta.organization.workspaces.list(include_archived=True, limit=2))
    assert [one.id for one in found] == [one.id for one in ORGANIZATION.workspaces]


def test_client_reads_the_identity(vendor: "anthropic.Anthropic") -> None:
    """The vendor's client learns whose credential it has."""
    assert vendor.beta.organization.retrieve().name == "Sample Org"


def test_client_knows_the_errors(api: LoopbackAPI) -> None:
    """The vendor's client reads the server's errors as its own kinds."""
    import anthropic

    with (
        connected(api, token="EXAMPLE-WRONG") as client,
        pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"),
    ):
        client.beta.organization.retrieve()
