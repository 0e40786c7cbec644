"""The cost routes of the loopback API behave as the real ones are known to, so that other tests may trust them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, TypedDict, Unpack

import httpx
import pytest

from tests.helpers.serving import COST, COST_REPORT, NOW, at, recorded
from tests.world.billing import (
    TOKEN_TYPES,
    Charge,
    bill_of,
    billed,
    code_execution,
    other_cost,
    session_usage,
)
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization
from tests.world.loopback_costs import ANALYTICS_BETA, cents
from tests.world.oracle import Card, UnpricedUsageError, Usage, cost, total
from tests.world.organizations import random_organization, seeded

MONTH = datetime(2026, 11, 1, tzinfo=UTC)
FIRST, TODAY = date(2026, 11, 1), date(2026, 11, 22)
USAGE = "/v1/organizations/analytics/usage"
START = ("starting_at", "2026-11-01T00:00:00Z")
END = ("ending_at", "2026-11-22T15:37:30Z")
DAYS = ("time_bucket_width", "1d")
WHOLE_MONTH = ("limit", "31")
HEADERS = {
    "x-api-key": EXAMPLE_KEY,
    "anthropic-version": "2023-06-01",
    "user-agent": "loopback-test/1",
    "anthropic-beta": ANALYTICS_BETA,
}

Query = list[tuple[str, str]]
Serve = Callable[..., httpx.Client]


class Options(TypedDict, total=False):
    """What a test may change of the server."""

    now: datetime
    open_day_in_1d: bool
    whole_bucket_at_end: bool
    org_scoped: bool
    bill: list[Charge] | None
    data_refreshed_at: datetime | None
    refuse: Mapping[str, int]
    default_workspace_id: str
    analytics_bill_priority: bool


def used(
    instant: str, workspace: str | None = None, model: str = "claude-opus-5-5", **more: Any
) -> Usage:
    """Make a usage."""
    return Usage(at(instant), workspace, model, **more)


SAMPLE = Organization(
    usage=[
        used("2026-11-01T00:00:00Z", uncached=1_000_000, output=2_000_000, searches=100),
        used("2026-11-01T23:59:59Z", "wrkspc_A", "claude-sonnet-5-20260630", read=3_000_000),
        used("2026-11-10T12:00:00Z", "wrkspc_A", inference_geo="not_available", uncached=500_000),
        used("2026-11-21T23:59:59Z", "wrkspc_B", service_tier="priority", uncached=7_000_000),
        used("2026-11-22T09:00:00Z", "wrkspc_A", output=9_000_000),
    ],
    workspaces=[],
)
BILL = [
    *bill_of(SAMPLE),
    code_execution(date(2026, 11, 3), None, Fraction("5.2799976")),
    session_usage(date(2026, 11, 4), "wrkspc_A", Fraction("0.08")),
]
NONE: list[Charge] = []


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a loopback API that has a bill, and return a client that carries good headers."""
    with ExitStack() as stack:

        def start(organization: Organization = SAMPLE, **options: Unpack[Options]) -> httpx.Client:
            given = Options(now=NOW, bill=BILL) | options
            api = stack.enter_context(LoopbackAPI(organization, **given))
            client = httpx.Client(base_url=api.url, headers=HEADERS, trust_env=False)
            return stack.enter_context(client)

        yield start


@pytest.fixture
def client(serve: Serve) -> httpx.Client:
    """Return a client of a loopback API with the sample bill."""
    return serve()


def query(*more: tuple[str, str], groups: str = "") -> Query:
    """Make a query of the month, grouped by some words."""
    return [START, *(("group_by[]", group) for group in groups.split()), *more]


def get(client: httpx.Client, path: str, asked: Query) -> dict[str, Any]:
    """Get a good answer, parsed."""
    response = client.get(path, params=asked)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    parsed: dict[str, Any] = response.json()
    return parsed


def every_page(client: httpx.Client, path: str, asked: Query) -> list[dict[str, Any]]:
    """Get the pages of an answer, followed by cursor."""
    pages = [get(client, path, asked)]
    while pages[-1]["has_more"]:
        pages.append(get(client, path, [*asked, ("page", pages[-1]["next_page"])]))
    return pages


def refused(response: httpx.Response, status: int, kind: str, message: str = "") -> None:
    """Check that an answer is an API error of a kind whose message holds a text."""
    assert response.status_code == status, response.text
    body = response.json()
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert message in body["error"]["message"]


def invalid(client: httpx.Client, path: str, asked: Query, message: str) -> None:
    """Check that a query is a 400 whose message holds a text."""
    response = client.get(path, params=asked)  # type: ignore[arg-type]
    refused(response, 400, "invalid_request_error", message)


def reported(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row of a cost report, in order."""
    return [row for bucket in report["data"] for row in bucket["results"]]


def usd(rows: list[dict[str, Any]], name: str = "amount") -> Fraction:
    """Add up the amounts of rows, which are in cents."""
    return sum((Fraction(row.get("cost", row)[name]) for row in rows), Fraction(0)) / 100


def told(rows: list[dict[str, Any]], *names: str) -> list[tuple[object, ...]]:
    """What the groups of analytics rows say of some dimensions."""
    return [tuple(row["group"][name] for name in names) for row in rows]


# The bill


def test_bill_adds_up_to_the_oracle() -> None:
    """Without long requests the charges of an organization are the low bound, and the high one with no others."""
    organization = random_organization(seeded(7), start=MONTH, end=NOW, rows=300)
    low, high = total(organization.usage)
    assert low < high
    for share, expected in (
        (Fraction(0), low),
        (Fraction(1), high),
        (Fraction(1, 2), (low + high) / 2),
    ):
        charges = bill_of(organization, long_share=share)
        assert sum((charge.usd for charge in charges), Fraction(0)) == expected


def test_bill_of_a_hand_calculation() -> None:
    """A million input tokens of Opus 5.5 are $4, two million of output $40, and a hundred searches $1."""
    charges = bill_of(Organization(SAMPLE.usage[:1], []))
    assert [
        (charge.cost_type, charge.model, charge.token_type, charge.usd) for charge in charges
    ] == [
        ("tokens", "claude-opus-5-5", "uncached_input_tokens", Fraction(4)),
        ("tokens", "claude-opus-5-5", "output_tokens", Fraction(40)),
        ("web_search", None, None, Fraction(1)),
    ]


def test_bill_with_a_discount() -> None:
    """A discount is taken off tokens, and not off searches or the list price."""
    charges = bill_of(Organization(SAMPLE.usage[:1], []), discount=Fraction(1, 4))
    assert [charge.usd for charge in charges] == [3, 30, 1]
    assert [charge.list_usd for charge in charges] == [4, 40, 1]


def test_bill_at_another_price() -> None:
    """A factor changes what a model's tokens cost, whether usage tells the model's date or not."""
    dated = Organization([SAMPLE.usage[0], SAMPLE.usage[1]], [])
    charges = bill_of(dated, factors={"claude-sonnet-5": Fraction(3)})
    expected = cost(dated.usage[1])
    assert expected is not None
    assert [charge.list_usd for charge in charges] == [4, 40, 1, 3 * expected[0]]


def test_bill_of_a_model_without_a_price() -> None:
    """A model that no list has is billed at a price that the test gives, and not at all without."""
    card = Card(Fraction(1), Fraction(2), Fraction(3), Fraction(4), Fraction(5))
    tokens: dict[str, Any] = dict.fromkeys(TOKEN_TYPES.values(), 1_000_000)
    secret = Organization([used("2026-11-02T00:00:00Z", model="claude-unheard-of-9", **tokens)], [])
    charges = bill_of(secret, prices={"claude-unheard-of-9": card})
    assert [charge.usd for charge in charges] == [1, 2, 3, 4, 5]
    with pytest.raises(UnpricedUsageError):
        bill_of(secret)


def test_bill_has_undated_models() -> None:
    """Usage may tell a dated id where the bill has none, unless it is told to."""
    dated = Organization(SAMPLE.usage[1:2], [])
    assert [charge.model for charge in bill_of(dated)] == ["claude-sonnet-5"]
    assert [charge.model for charge in bill_of(dated, dated_ids=True)] == [
        "claude-sonnet-5-20260630"
    ]


def test_billed() -> None:
    """The last day is left out, and so is the priority tier where it is not asked for."""
    month = billed(BILL, FIRST, TODAY, priority=False)
    assert month.workspaces[None] == 45 + Fraction("5.2799976")
    assert month.overall == sum(month.workspaces.values())
    assert "wrkspc_B" not in month.workspaces
    assert billed(BILL, FIRST, TODAY).workspaces["wrkspc_B"] == 28
    assert (
        billed(BILL, FIRST, date(2026, 11, 23)).overall - billed(BILL, FIRST, TODAY).overall == 180
    )


# Amounts


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("5.2799976", "527.99976"),
        ("1.2378912", "123.78912"),
        ("0", "0"),
        ("20", "2000"),
        ("0.0000001", "0.00001"),
        ("-0.005", "-0.5"),
        ("90071992547409930.0000000001", "9007199254740993000.00000001"),
    ],
)
def test_cents(amount: str, text: str) -> None:
    """USD are told as all the cents they are, and never with an exponent."""
    assert cents(Fraction(amount)) == text


def test_cents_without_an_end() -> None:
    """A third of a dollar cannot be told exactly, so it is not told."""
    with pytest.raises(ValueError, match="no end"):
        cents(Fraction(1, 3))


# Cost report


def test_documented_amount(serve: Serve) -> None:
    """The documented 527.999760 cents are $5.2799976."""
    client = serve(bill=[code_execution(FIRST, None, Fraction("5.2799976"))])
    assert usd(reported(get(client, COST_REPORT, query()))) == Fraction("527.999760") / 100


def test_report_keys_are_the_recorded_ones(client: httpx.Client) -> None:
    """Pages, buckets and rows have the documented keys."""
    example = recorded("cost_report__doc-example.json")
    page = get(client, COST_REPORT, query(groups="workspace_id description"))
    assert page.keys() == example.keys()
    assert page["data"][0].keys() == example["data"][0].keys()
    assert {frozenset(row) for row in reported(page)} == {frozenset(reported(example)[0])}


def test_report_without_cost_is_the_recorded_one(serve: Serve) -> None:
    """Days without cost are told, and empty."""
    example = recorded("cost_report__live-empty-two-days.json")
    client = serve(bill=NONE)
    asked = [
        ("starting_at", example["data"][0]["starting_at"]),
        ("ending_at", example["data"][-1]["ending_at"]),
    ]
    assert get(client, COST_REPORT, asked) == example


def test_report_holds_completed_days(serve: Serve) -> None:
    """The end is cut to today 00:00Z without a word, whatever other reports do with today."""
    client = serve(open_day_in_1d=True, whole_bucket_at_end=True)
    page = get(client, COST_REPORT, query(("ending_at", "2026-12-01T00:00:00Z"), WHOLE_MONTH))
    assert (page["data"][-1]["ending_at"], page["has_more"]) == ("2026-11-22T00:00:00Z", False)
    assert usd(reported(page)) == billed(BILL, FIRST, TODAY, priority=False).overall


def test_no_report_on_the_first(serve: Serve) -> None:
    """Without a completed day there is the recorded 400."""
    client = serve(now=at("2026-11-01T23:59:59Z"))
    recording = recorded("error_400_cost_report_no_complete_day__live.json")
    invalid(
        client,
        COST_REPORT,
        query(("ending_at", "2026-12-01T00:00:00Z")),
        recording["error"]["message"],
    )


def test_report_that_ends_a_second_early(client: httpx.Client) -> None:
    """An end at 23:59:59 loses that day."""
    page = get(client, COST_REPORT, query(("ending_at", "2026-11-02T23:59:59Z")))
    assert [bucket["ending_at"] for bucket in page["data"]] == ["2026-11-02T00:00:00Z"]


def test_report_is_without_the_priority_tier(client: httpx.Client) -> None:
    """What is paid in advance is not in the report."""
    rows = reported(get(client, COST_REPORT, query(WHOLE_MONTH, groups="workspace_id")))
    assert {row["workspace_id"] for row in rows} == {None, "wrkspc_A"}


def test_report_grouped_by_workspace(client: httpx.Client) -> None:
    """The default workspace is null, and nothing but workspaces is told."""
    rows = reported(get(client, COST_REPORT, query(("limit", "1"), groups="workspace_id")))
    assert [(row["workspace_id"], row["amount"]) for row in rows] == [
        (None, "4500"),
        ("wrkspc_A", "60"),
    ]
    assert {row[name] for row in rows for name in ("cost_type", "model", "description")} == {None}


def test_report_grouped_by_description(client: httpx.Client) -> None:
    """Rows tell what was charged, with an undated model, and nothing but that."""
    rows = reported(get(client, COST_REPORT, query(("limit", "1"), groups="description")))
    assert [
        (row["cost_type"], row["model"], row["token_type"], row["service_tier"], row["amount"])
        for row in rows
    ] == [
        ("tokens", "claude-opus-5-5", "uncached_input_tokens", "standard", "400"),
        ("tokens", "claude-opus-5-5", "output_tokens", "standard", "4000"),
        ("web_search", None, None, None, "100"),
        ("tokens", "claude-sonnet-5", "cache_read_input_tokens", "standard", "60"),
    ]
    assert {row["workspace_id"] for row in rows} == {None}


def test_report_that_is_not_grouped(client: httpx.Client) -> None:
    """A day with cost is one row."""
    rows = reported(get(client, COST_REPORT, query(("limit", "1"))))
    assert [row["amount"] for row in rows] == ["4560"]


def test_fast_tokens_are_rows_of_their_own(serve: Serve) -> None:
    """Two rows may differ in nothing but their wording."""
    plain = used("2026-11-01T00:00:00Z", uncached=1_000_000)
    organization = Organization([plain, replace(plain, speed="fast")], [])
    rows = reported(
        get(serve(bill=bill_of(organization)), COST_REPORT, query(groups="description"))
    )
    assert len(rows) == 2
    assert {name for name in rows[0] if rows[0][name] != rows[1][name]} == {"amount", "description"}


def test_unknown_cost_type(serve: Serve) -> None:
    """A kind of cost that nobody knows yet is told as it is."""
    client = serve(bill=[other_cost(FIRST, None, Fraction(1), "moon_landing")])
    rows = reported(get(client, COST_REPORT, query(groups="description")))
    assert [(row["cost_type"], row["amount"]) for row in rows] == [("moon_landing", "100")]


@pytest.mark.parametrize(("limit", "sizes"), [(None, [7, 7, 7]), ("4", [4, 4, 4, 4, 4, 1])])
def test_pages_of_the_report(client: httpx.Client, limit: str | None, sizes: list[int]) -> None:
    """A page has seven days unless told otherwise, and the pages have all."""
    pages = every_page(client, COST_REPORT, query(*([("limit", limit)] if limit else [])))
    assert [len(page["data"]) for page in pages] == sizes
    starts = [bucket["starting_at"] for page in pages for bucket in page["data"]]
    assert starts == [f"2026-11-{day:02}T00:00:00Z" for day in range(1, 22)]


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (COST_REPORT, ("group_by[]", "workspace_id")),
        (COST_REPORT, ("bucket_width", "1d")),
        (COST, ("group_by[]", "workspace_id")),
        (COST, ("order", "asc")),
        (USAGE, ("models[]", "claude-opus-5-5")),
    ],
)
def test_cursor_of_another_query(client: httpx.Client, path: str, changed: tuple[str, str]) -> None:
    """A cursor with a changed query, or of another route, is refused."""
    asked = query(END, ("limit", "1"), *([] if path == COST_REPORT else [("group_by[]", "model")]))
    cursor = ("page", get(client, path, asked)["next_page"])
    invalid(client, path, [*asked, changed, cursor], "page token")
    other = COST if path == USAGE else USAGE
    invalid(client, other, [*asked, cursor], "page token")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([], "starting_at: Field required"),
        ([("starting_at", "2026-11-01")], "RFC 3339"),
        (query(("bucket_width", "1h")), "bucket_width"),
        (query(("limit", "32")), "limit"),
        (query(("limit", "0")), "limit"),
        (query(groups="model"), "group_by[]"),
        (query(("workspace_ids[]", "wrkspc_A")), "Extra inputs are not permitted"),
        (query(DAYS), "Extra inputs are not permitted"),
        (query(("page", "page_EXAMPLE")), "page token"),
    ],
)
def test_malformed_report_query(client: httpx.Client, asked: Query, message: str) -> None:
    """What the report does not know is refused, filters included."""
    invalid(client, COST_REPORT, asked, message)


# Analytics


@pytest.mark.parametrize("path", [COST, USAGE])
@pytest.mark.parametrize("beta", ["", "fast-mode-2026-02-01"])
def test_analytics_need_the_beta_header(client: httpx.Client, path: str, beta: str) -> None:
    """Without the header of the beta there is no answer."""
    client.headers["anthropic-beta"] = beta
    invalid(client, path, query(END), ANALYTICS_BETA)


def test_beta_header_is_a_list(client: httpx.Client) -> None:
    """The beta may stand among others, comma-separated."""
    client.headers["anthropic-beta"] = f"oauth-2025-04-20, {ANALYTICS_BETA}"
    assert get(client, COST, query(END))["data"]


def test_analytics_keys_are_the_recorded_ones(client: httpx.Client) -> None:
    """Pages, rows, groups and costs have the recorded keys, grouped or not."""
    example = recorded("analytics_cost__synthetic-by-workspace-page-1of2.json")
    page = get(client, COST, query(END, groups="workspace_id"))
    assert page.keys() == example.keys()
    row, recording = page["data"][0], example["data"][0]
    assert row.keys() == recording.keys()
    assert row["group"].keys() == recording["group"].keys()
    assert row["cost"].keys() == recording["cost"].keys()
    assert (row["starting_at"], row["ending_at"]) == (
        recording["starting_at"],
        recording["ending_at"],
    )


def test_default_workspace_has_a_real_id(serve: Serve) -> None:
    """No workspace with cost is null."""
    client = serve(default_workspace_id="wrkspc_01EXAMPLEOTHER")
    rows = get(client, COST, query(END, groups="workspace_id"))["data"]
    assert told(rows, "workspace_id") == [("wrkspc_01EXAMPLEOTHER",), ("wrkspc_A",)]


def test_only_combinations_with_cost(client: httpx.Client) -> None:
    """A day without cost has no row."""
    rows = get(client, COST, query(END, DAYS, ("order_by", "time"), ("order", "asc")))["data"]
    assert [row["starting_at"][8:10] for row in rows] == ["01", "03", "04", "10"]


def test_free_charge_is_no_row(serve: Serve) -> None:
    """A combination that cost nothing is not told, even if it had requests."""
    client = serve(bill=[code_execution(FIRST, None, Fraction(0))])
    assert get(client, COST, query(END))["data"] == []


def test_fully_discounted_charge_is_a_row(serve: Serve) -> None:
    """A combination that cost something before discounts is told."""
    client = serve(bill=bill_of(Organization(SAMPLE.usage[1:2], []), discount=Fraction(1)))
    rows = get(client, COST, query(END))["data"]
    assert [(row["cost"]["amount"], row["cost"]["list_amount"]) for row in rows] == [("0", "60")]


def test_one_row_without_groups(client: httpx.Client) -> None:
    """Without groups and buckets one row holds the whole range, bounds floored to the hour."""
    (row,) = get(client, COST, query(END))["data"]
    assert (row["starting_at"], row["ending_at"]) == (
        "2026-11-01T00:00:00Z",
        "2026-11-22T15:00:00Z",
    )
    assert usd([row]) == billed(BILL, FIRST, TODAY, priority=False).overall
    assert row["cost"]["requests"] == 5
    assert set(row["group"].values()) == {None}


def test_both_amounts(serve: Serve) -> None:
    """A row tells what is charged and what it would be at list price."""
    client = serve(bill=bill_of(SAMPLE, discount=Fraction(1, 10)))
    (row,) = get(client, COST, query(END))["data"]
    assert usd([row], "list_amount") == billed(
        BILL, FIRST, TODAY, priority=False
    ).overall - Fraction("5.3599976")
    assert usd([row]) == (usd([row], "list_amount") - 1) * Fraction(9, 10) + 1


@pytest.mark.parametrize(("included", "expected"), [(False, 0), (True, 28)])
def test_priority_tier_on_demand(serve: Serve, *, included: bool, expected: int) -> None:
    """What is paid in advance is told only by a server that was told so."""
    client = serve(analytics_bill_priority=included)
    assert usd(get(client, COST, query(END, ("service_tiers[]", "priority")))["data"]) == expected


def test_unset_geography_is_null(client: httpx.Client) -> None:
    """Where usage tells `not_available`, analytics tell null, and the filter of that name finds it."""
    rows = get(client, COST, query(END, ("models[]", "claude-opus-5-5"), groups="inference_geo"))[
        "data"
    ]
    assert told(rows, "inference_geo") == [("global",), (None,)]
    asked = query(END, ("models[]", "claude-opus-5-5"), ("inference_geos[]", "not_available"))
    assert usd(get(client, COST, asked)["data"]) == 2


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (
            "cost_type",
            [
                ("tokens", None),
                ("web_search", None),
                ("code_execution", None),
                ("session_usage", None),
            ],
        ),
        (
            "token_type",
            [
                ("tokens", "uncached_input_tokens"),
                ("tokens", "output_tokens"),
                ("tokens", "cache_read_input_tokens"),
            ],
        ),
        (
            "cost_type token_type",
            [
                ("tokens", "uncached_input_tokens"),
                ("tokens", "output_tokens"),
                ("web_search", None),
                ("tokens", "cache_read_input_tokens"),
                ("code_execution", None),
                ("session_usage", None),
            ],
        ),
    ],
)
def test_fan_out(client: httpx.Client, groups: str, expected: list[tuple[str, str | None]]) -> None:
    """By token type alone only tokens are told; requests cannot be told apart, so they are null."""
    page = get(client, COST, query(END, ("limit", "1"), groups=groups))
    assert told(page["data"], "cost_type", "token_type") == expected
    assert {row["cost"]["requests"] for row in page["data"]} == {None}
    assert not page["has_more"]


def test_limit_counts_rows_without_the_fan_out(client: httpx.Client) -> None:
    """A page of one row has all token types of that row."""
    pages = every_page(
        client, COST, query(END, DAYS, ("limit", "1"), groups="workspace_id token_type")
    )
    assert [len(page["data"]) for page in pages] == [2, 1, 1]
    pages = every_page(client, COST, query(END, DAYS, ("limit", "1"), groups="workspace_id"))
    assert [len(page["data"]) for page in pages] == [1] * 5


def test_five_groups_besides_the_fan_out(client: httpx.Client) -> None:
    """Five dimensions, the cost type and the token type can be grouped by together, and no sixth."""
    five = "workspace_id model service_tier context_window inference_geo"
    assert get(client, COST, query(END, groups=f"{five} cost_type token_type"))["data"]
    invalid(client, COST, query(END, groups=f"{five} speed"), "more than 5")
    invalid(client, USAGE, query(END, groups=f"{five} speed"), "more than 5")


def test_dearest_first(client: httpx.Client) -> None:
    """Rows are ranked by amount, the highest first, unless told otherwise."""
    rows = get(client, COST, query(END, DAYS))["data"]
    assert [row["starting_at"][8:10] for row in rows] == ["01", "03", "10", "04"]
    assert get(client, COST, query(END, DAYS, ("order", "asc")))["data"] == rows[::-1]
    assert get(client, COST, query(END, DAYS, ("order_by", "list_amount")))["data"] == rows


def test_newest_first_by_time(client: httpx.Client) -> None:
    """By time the newest bucket is first, and in it the highest amount, whatever the order."""
    asked = query(END, DAYS, ("order_by", "time"), groups="workspace_id")
    newest = get(client, COST, asked)["data"]
    assert [row["starting_at"][8:10] for row in newest] == ["10", "04", "03", "01", "01"]
    oldest = get(client, COST, [*asked, ("order", "asc")])["data"]
    assert told(oldest[:2], "workspace_id") == told(newest[-2:], "workspace_id")
    assert told(oldest[:2], "workspace_id") == [("wrkspc_01EXAMPLEDEFAULT",), ("wrkspc_A",)]


def test_twenty_rows_a_page(serve: Serve) -> None:
    """A page has twenty rows unless told otherwise, and the pages have all."""
    organization = random_organization(seeded(3), start=MONTH, end=NOW, rows=120)
    bill = bill_of(organization, discount=Fraction(1, 8))
    pages = every_page(
        serve(bill=bill), COST, query(END, DAYS, groups="workspace_id model cost_type")
    )
    assert len(pages) > 3
    groups = [
        [
            (row["starting_at"], row["group"]["workspace_id"], row["group"]["model"])
            for row in page["data"]
        ]
        for page in pages
    ]
    assert [len(set(page)) for page in groups[:-1]] == [20] * (len(pages) - 1)
    rows = [row for page in pages for row in page["data"]]
    expected = billed(bill, FIRST, TODAY, priority=False)
    assert usd(rows) == expected.overall
    assert (
        usd(rows, "list_amount") == billed(bill, FIRST, TODAY, priority=False, at_list=True).overall
    )
    by_workspace = {
        workspace: usd(
            [
                row
                for row in rows
                if row["group"]["workspace_id"] == (workspace or "wrkspc_01EXAMPLEDEFAULT")
            ]
        )
        for workspace in expected.workspaces
    }
    assert by_workspace == expected.workspaces


def test_freshness_by_default(client: httpx.Client) -> None:
    """Every page tells how fresh it is: some minutes behind, on a full five minutes."""
    pages = every_page(client, COST, query(END, ("limit", "1"), groups="workspace_id"))
    assert {page["data_refreshed_at"] for page in pages} == {"2026-11-22T15:25:00Z"}
    assert len(pages) == 2


@pytest.mark.parametrize(
    ("refreshed", "expected"), [("2026-11-10T23:59:59Z", 0), ("2026-11-11T00:00:00Z", 2)]
)
def test_stale_data(serve: Serve, refreshed: str, expected: int) -> None:
    """A day that is not known to its end is not told."""
    page = get(
        serve(data_refreshed_at=at(refreshed)),
        COST,
        query(END, ("models[]", "claude-opus-5-5"), DAYS),
    )
    assert page["data_refreshed_at"] == refreshed
    tenth = [row for row in page["data"] if row["starting_at"] == "2026-11-10T00:00:00Z"]
    assert usd(tenth) == expected


@pytest.mark.parametrize("path", [COST, USAGE])
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([END], "starting_at: Field required"),
        (
            [("starting_at", "2025-12-31T23:59:59Z"), ("ending_at", "2026-01-05T00:00:00Z")],
            "before",
        ),
        (query(DAYS), "ending_at: Field required"),
        (query(END, ("bucket_width", "1d")), "Extra inputs are not permitted"),
        (query(END, ("time_bucket_width", "1w")), "time_bucket_width"),
        (query(("ending_at", "2026-12-02T00:00:01Z")), "span at most"),
        (query(("ending_at", "2026-11-01T00:00:00Z")), "Invalid date range"),
        (query(END, ("limit", "1001")), "limit"),
        (query(END, ("limit", "0")), "limit"),
        (query(END, groups="description"), "group_by[]"),
        (query(END, ("order", "up")), "order"),
        (query(END, ("order_by", "name")), "order_by"),
        (query(END, ("page", "page_EXAMPLE")), "page token"),
    ],
)
def test_malformed_analytics_query(
    client: httpx.Client, path: str, asked: Query, message: str
) -> None:
    """What analytics do not take is refused."""
    invalid(client, path, asked, message)


def test_start_is_at_most_a_year_ago(serve: Serve) -> None:
    """A range that starts more than 365 days ago is refused."""
    client = serve(now=at("2027-03-01T00:00:00Z"))
    asked = [("starting_at", "2026-02-28T23:59:59Z"), ("ending_at", "2026-03-02T00:00:00Z")]
    invalid(client, COST, asked, "365 days")
    assert get(client, COST, [("starting_at", "2026-03-01T00:00:00Z"), asked[1]])["data"] == []


def test_minutes_of_a_day_at_most(client: httpx.Client) -> None:
    """Usage by the minute spans 24 hours; a bill knows no minutes."""
    minutes = ("time_bucket_width", "1m")
    invalid(client, USAGE, query(("ending_at", "2026-11-02T00:00:01Z"), minutes), "24 hours")
    assert get(client, USAGE, query(("ending_at", "2026-11-02T00:00:00Z"), minutes))["data"]
    invalid(
        client, COST, query(("ending_at", "2026-11-02T00:00:00Z"), minutes), "time_bucket_width"
    )


@pytest.mark.parametrize("group", ["cost_type", "token_type"])
def test_usage_has_no_fan_out(client: httpx.Client, group: str) -> None:
    """Only cost can be told by its components."""
    invalid(client, USAGE, query(END, groups=group), "group_by[]")


def test_usage_analytics(client: httpx.Client) -> None:
    """Usage is told up to the instant that is known, with the model's id as used and every tier."""
    rows = get(client, USAGE, query(END, groups="workspace_id model service_tier"))["data"]
    assert told(rows, "workspace_id", "model", "service_tier") == [
        ("wrkspc_A", "claude-opus-5-5", "standard"),
        ("wrkspc_B", "claude-opus-5-5", "priority"),
        ("wrkspc_01EXAMPLEDEFAULT", "claude-opus-5-5", "standard"),
        ("wrkspc_A", "claude-sonnet-5-20260630", "standard"),
    ]
    assert rows[2]["usage"] == {
        "uncached_input_tokens": 1_000_000,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "output_tokens": 2_000_000,
        "server_tool_use": {"web_search_requests": 100},
        "total_tokens": 3_000_000,
        "requests": 1,
    }


# What a server can be told


@pytest.mark.parametrize("path", [COST_REPORT, COST, USAGE])
@pytest.mark.parametrize("options", [Options(bill=None), Options(org_scoped=True)])
def test_no_cost_routes(serve: Serve, path: str, options: Options) -> None:
    """Without a bill, or behind a gateway that knows the org-scoped routes alone, there are no cost routes."""
    response = serve(**options).get(path, params=query(END))  # type: ignore[arg-type]
    refused(response, 404, "not_found_error")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_refused_route(serve: Serve, status: int, kind: str) -> None:
    """One route is refused as told, with a time to wait where there were too many requests, and the others answer."""
    client = serve(refuse={"analytics/cost": status})
    response = client.get(COST, params=query(END))  # type: ignore[arg-type]
    refused(response, status, kind)
    assert response.headers.get("retry-after") == ("1" if status == 429 else None)
    assert get(client, USAGE, query(END))["data"]
    assert get(client, COST_REPORT, query())["data"]


def test_refusal_of_no_route(serve: Serve) -> None:
    """A name that no route has is a mistake of the test."""
    with pytest.raises(ValueError, match="no routes"):
        serve(refuse={"cost": 403})
