"""The loopback list of rate limits is that of the vendor's types and of its client."""

from typing import Any

import httpx
import pytest

from tests.helpers.serving import NOBODY, NOW
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI
from tests.world.oracle import price_table
from tests.world.rate_limits import GROUP_TYPES, OTHERS, RateLimit
from tests.world.test_vendor_types import connected, validate

SONNET = RateLimit(("claude-sonnet-5", "claude-sonnet-5-20260630"), name="Claude Sonnet 5.x")
UNKNOWN = RateLimit(("claude-unheard-of-9",), name="Claude Unheard-of")
LIMITS = [SONNET, *OTHERS, UNKNOWN]


def ask(api: LoopbackAPI, query: str = "") -> httpx.Response:
    """Ask for the list."""
    return httpx.get(
        f"{api.url}/v1/organizations/rate_limits?{query}",
        headers={
            "x-api-key": EXAMPLE_KEY,
            "anthropic-version": "2023-06-01",
            "user-agent": "loopback-test/1",
        },
        trust_env=False,
    )


def entries(api: LoopbackAPI, query: str = "") -> list[dict[str, Any]]:
    """The entries of one page."""
    found: list[dict[str, Any]] = ask(api, query).json()["data"]
    return found


def test_the_list_is_of_the_vendors_types() -> None:
    """A page, and an entry of every kind."""
    from anthropic.pagination import SyncPageCursor
    from anthropic.types.beta.organization import BetaOrganizationRateLimit

    kinds = [RateLimit(group_type=kind) for kind in GROUP_TYPES if kind != "model_group"]
    with LoopbackAPI(NOBODY, now=NOW, limits=[SONNET, *kinds]) as api:
        page = ask(api).json()
    validate(page, SyncPageCursor[BetaOrganizationRateLimit])
    for entry in page["data"]:
        validate(entry, BetaOrganizationRateLimit)
        assert entry.keys() == BetaOrganizationRateLimit.model_fields.keys()
    assert {entry["group"]["type"] for entry in page["data"]} == set(GROUP_TYPES)


def test_models_and_aliases() -> None:
    """A group of models has all their names; any other has null."""
    with LoopbackAPI(NOBODY, now=NOW, limits=LIMITS) as api:
        found = entries(api)
    assert [entry["models"] for entry in found] == [
        ["claude-sonnet-5", "claude-sonnet-5-20260630"],
        None,
        None,
        None,
        ["claude-unheard-of-9"],
    ]


def test_without_a_limit_it_is_one_page() -> None:
    """And with one the client follows the pages."""
    many = [RateLimit((f"claude-example-{number}",)) for number in range(30)]
    with LoopbackAPI(NOBODY, now=NOW, limits=many) as api, connected(api) as client:
        page = ask(api).json()
        assert (len(page["data"]), page["next_page"]) == (30, None)
        found = list(client.beta.organization.rate_limits.list(limit=7))
        assert len(api.requests) == 6
    assert [entry.models for entry in found] == [list(entry.models) for entry in many]


def test_filters() -> None:
    """By kind of group, and by a model's name or alias, which is a 404 where nothing has it."""
    import anthropic

    with LoopbackAPI(NOBODY, now=NOW, limits=LIMITS) as api, connected(api) as client:
        assert len(entries(api, "group_type=model_group")) == 2
        assert entries(api, "group_type=files") == []
        (entry,) = client.beta.organization.rate_limits.list(model="claude-sonnet-5-20260630")
        assert entry.models == list(SONNET.models)
        with pytest.raises(anthropic.NotFoundError):
            client.beta.organization.rate_limits.list(model="claude-nobody-1")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "group_type=lunch", "page=page_EXAMPLE", "after_id=x"]
)
def test_a_malformed_query(query: str) -> None:
    """What the list does not know is refused."""
    with LoopbackAPI(NOBODY, now=NOW) as api:
        assert ask(api, query).status_code == 400


def test_a_cursor_is_of_its_query() -> None:
    """With another limit it is refused."""
    with LoopbackAPI(NOBODY, now=NOW, limits=LIMITS) as api:
        page = ask(api, "limit=2").json()["next_page"]
        assert len(entries(api, f"limit=2&page={page}")) == 2
        assert ask(api, f"limit=3&page={page}").status_code == 400


def test_by_default_it_has_the_models_that_have_a_price() -> None:
    """Each that is not retired on the day of the server's clock."""
    with LoopbackAPI(NOBODY, now=NOW) as api:
        found = {name for entry in entries(api) for name in entry["models"] or ()}
    expected = {
        row.model
        for row in price_table()
        if row.holds_on(NOW.date()) and (row.retired_on is None or row.retired_on > NOW.date())
    }
    assert expected
    assert expected <= found


def test_as_it_was_told_before() -> None:
    """With `group_type` in place of the group and the entry's id."""
    with LoopbackAPI(NOBODY, now=NOW, limits=LIMITS, has_older_limits=True) as api:
        first, second = entries(api)[:2]
    assert first.keys() == {"type", "group_type", "models", "limits"}
    assert (first["group_type"], second["group_type"]) == ("model_group", "batch")


def test_there_is_none_behind_a_gateway() -> None:
    """Organizations that have the org-scoped routes alone answer 404; a route can be refused, too."""
    with LoopbackAPI(NOBODY, now=NOW, org_scoped=True) as api:
        assert ask(api).status_code == 404
    with LoopbackAPI(NOBODY, now=NOW, refuse={"rate_limits": 403}) as api:
        assert ask(api).status_code == 403
