"""The list of workspaces: whole, archived ones included, or an error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from budget_gate.domain.spend import Workspace
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.workspaces import (
    parse_workspaces,
    read_default_workspace,
    read_workspaces,
)
from tests.helpers.serving import NOW, WORKSPACES, connected, recorded, refuse, reply, tamper
from tests.helpers.wording import assert_says
from tests.world.loopback import DEFAULT_WORKSPACE_ID, LoopbackAPI, Organization
from tests.world.loopback import Workspace as Listed

WHERE = "workspaces.json"
SEVEN = Organization(
    usage=[],
    workspaces=[
        Listed(
            f"wrkspc_{number}",
            f"team {number}",
            "2026-11-02T00:00:00Z" if number % 3 == 0 else None,
        )
        for number in range(1, 8)
    ],
)
ARCHIVED_AT = datetime(2026, 11, 2, tzinfo=UTC)
EXPECTED = tuple(
    Workspace(f"wrkspc_{number}", f"team {number}", archived=True, archived_at=ARCHIVED_AT)
    if number in (3, 6)
    else Workspace(f"wrkspc_{number}", f"team {number}")
    for number in range(1, 8)
)


def listed(api: LoopbackAPI) -> tuple[Workspace, ...]:
    """Read the workspaces of a loopback API."""
    with connected(api.url) as transport:
        return read_workspaces(transport)


def test_all_workspaces_are_read_with_one_request() -> None:
    """One page of a thousand holds what an organization has, and archived workspaces are asked for."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        assert listed(api) == EXPECTED
        (request,) = api.requests
    assert sorted(request.query) == [("include_archived", "true"), ("limit", "1000")]
    assert "anthropic-beta" not in request.headers


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
def test_pages_are_followed_to_the_last(limit: int) -> None:
    """However small the pages are, the list is whole and in its order."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        tamper(api, lambda *_: None, limit=limit)
        assert listed(api) == EXPECTED
        queries = [request.query for request in api.requests]
    assert len(queries) == -(-7 // limit)
    assert [query[2:] for query in queries[1:]] == [
        [("after_id", f"wrkspc_{number}")] for number in range(limit, 7, limit)
    ]


def test_more_than_a_thousand_workspaces_are_read() -> None:
    """The largest page the API has is not the end."""
    many = Organization([], [Listed(f"wrkspc_{number}", "x") for number in range(1001)])
    with LoopbackAPI(many, now=NOW) as api:
        assert len(listed(api)) == 1001
        assert len(api.requests) == 2


def test_an_organization_may_have_no_workspace() -> None:
    """The default workspace is not listed, so that the list may be empty."""
    with LoopbackAPI(Organization([], []), now=NOW) as api:
        assert listed(api) == ()


def test_names_are_kept_as_they_are() -> None:
    """A name is text that people chose, and nothing in it is changed here."""
    name = "a|b <img> ::error:: \n`x` \u202e ${{ y }}"
    with LoopbackAPI(Organization([], [Listed("wrkspc_A", name)]), now=NOW) as api:
        assert listed(api) == (Workspace("wrkspc_A", name),)


TRAPS: dict[str, Callable[[dict[str, Any]], object]] = {
    "more-without-last-id": lambda page: page.update(last_id=None),
    "more-with-absent-last-id": lambda page: page.pop("last_id"),
    "more-with-empty-last-id": lambda page: page.update(last_id=""),
    "more-with-numeric-last-id": lambda page: page.update(last_id=3),
    "cursor-of-the-page-before": lambda page: page.update(last_id="wrkspc_1"),
    "more-as-text": lambda page: page.update(has_more="true"),
    "more-as-null": lambda page: page.update(has_more=None),
    "more-absent": lambda page: page.pop("has_more"),
    "empty-page-with-more": lambda page: page.update(data=[]),
    "doubled": lambda page: page["data"].append(page["data"][0]),
    "no-list": lambda page: page.update(data={"a": 1}),
    "no-data": lambda page: page.pop("data"),
    "without-id": lambda page: page["data"][0].pop("id"),
    "null-name": lambda page: page["data"][0].update(name=None),
    "empty-id": lambda page: page["data"][0].update(id=""),
    "numeric-id": lambda page: page["data"][0].update(id=7),
    "text-for-a-workspace": lambda page: page["data"].insert(0, "wrkspc_1"),
}
NOWHERE = "it says that there is more, but not where"
NO_LIST = "it is not a list of workspaces"
PROBLEMS = {
    **dict.fromkeys([trap for trap in TRAPS if "last-id" in trap], NOWHERE),
    **dict.fromkeys(["empty-page-with-more"], NOWHERE),
    **dict.fromkeys(["cursor-of-the-page-before", "doubled"], "it lists a workspace twice"),
    **dict.fromkeys(["more-as-text", "more-as-null", "more-absent", "no-list", "no-data"], NO_LIST),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_list_that_is_not_as_documented_is_an_error(trap: str) -> None:
    """A list that cannot be had whole is no list."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        tamper(api, lambda _, page: TRAPS[trap](page) and None, limit=3)
        with pytest.raises(UnverifiedError) as raised:
            listed(api)
        assert len(api.requests) <= 4
    problem = PROBLEMS.get(trap, "a workspace is without id or name")
    assert_says(str(raised.value), f"cannot be trusted: {problem}", f"(GET {WORKSPACES})")


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_second_page_that_fails_is_an_error(status: int) -> None:
    """The first page alone is never the answer."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        tamper(
            api,
            lambda request, _: (
                refuse(status) if any(name == "after_id" for name, _ in request.query) else None
            ),
            limit=3,
        )
        with pytest.raises(UnverifiedError, match=str(status)):
            listed(api)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_an_answer_that_is_no_object_is_an_error(body: object) -> None:
    """JSON alone does not make a list of workspaces."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        api.intercept = lambda *_: reply(body)
        with pytest.raises(UnverifiedError, match=f"cannot be trusted: {NO_LIST} "):
            listed(api)


def test_the_documented_answer_is_read() -> None:
    """The vendor's example is one archived workspace."""
    assert parse_workspaces(recorded("workspaces_list__doc-example.json"), WHERE) == [
        Workspace(
            "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
            "Workspace Name",
            archived=True,
            archived_at=datetime(2024, 11, 1, 23, 59, 27, 427722, UTC),
        )
    ]


@pytest.mark.parametrize("when", ["yesterday", "", 5, True, "2026-11-02"])
def test_a_workspace_whose_archiving_has_no_time_is_archived(when: object) -> None:
    """Nothing goes by the time, so that a damaged one is none."""
    page = {"data": [{"id": "wrkspc_A", "name": "a", "archived_at": when}], "has_more": False}
    assert parse_workspaces(page, WHERE) == [Workspace("wrkspc_A", "a", archived=True)]


def test_the_older_shape_is_read() -> None:
    """An answer with fewer fields is one active workspace."""
    assert parse_workspaces(recorded("workspaces_list__older-shape.json"), WHERE) == [
        Workspace("wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "Workspace Name", archived=False)
    ]


def test_a_workspace_without_archived_at_is_active() -> None:
    """The org-scoped list tells id and name alone."""
    page = {"data": [{"id": "wrkspc_A", "name": "a"}], "has_more": False}
    assert parse_workspaces(page, WHERE) == [Workspace("wrkspc_A", "a")]


@pytest.mark.parametrize("changes", [{"id": ""}, {"id": None}, {"name": ""}, {"name": 5}])
def test_a_workspace_has_an_id_and_a_name(changes: dict[str, object]) -> None:
    """Empty text is neither: it is the mark of usage that no workspace is told of."""
    page = {"data": [{"id": "wrkspc_A", "name": "a"} | changes], "has_more": False}
    with pytest.raises(UnverifiedError) as raised:
        parse_workspaces(page, WHERE)
    assert_says(str(raised.value), "cannot be trusted: a workspace is without id or name", WHERE)


# The default workspace


@pytest.mark.parametrize(
    ("known", "default"),
    [
        ([1, 2, 4, 5, 7], DEFAULT_WORKSPACE_ID),
        ([1, 2, 3, 4, 5, 6, 7], DEFAULT_WORKSPACE_ID),
        ([1, 2, 4, 5], None),
    ],
)
def test_the_default_workspace_is_the_only_one_that_is_not_known(
    known: list[int], default: str | None
) -> None:
    """Archived ones need not be; where two are not known, it may be either."""
    with LoopbackAPI(SEVEN, now=NOW) as api, connected(api.url) as transport:
        assert (
            read_default_workspace(transport, [f"wrkspc_{number}" for number in known]) == default
        )
        (request,) = api.requests
    assert ("include_default", "true") in request.query


@pytest.mark.parametrize("status", [400, 403, 404])
def test_where_the_default_workspace_may_not_be_asked_for_there_is_none(status: int) -> None:
    """As an API that does not know the parameter says."""
    with LoopbackAPI(SEVEN, now=NOW) as api, connected(api.url) as transport:
        api.intercept = lambda *_: refuse(status)
        assert read_default_workspace(transport, []) is None


@pytest.mark.parametrize("status", [401, 500])
def test_trouble_with_the_default_workspace_is_an_error(status: int) -> None:
    """It says nothing of the workspace."""
    with LoopbackAPI(SEVEN, now=NOW) as api, connected(api.url) as transport:
        api.intercept = lambda *_: refuse(status)
        with pytest.raises(UnverifiedError) as raised:
            read_default_workspace(transport, [])
    assert raised.value.code == f"http_{status}"


# Below an organization


@pytest.mark.parametrize(
    ("more", "is_right"),
    [
        ({}, True),
        ({"has_more": False}, True),
        ({"has_more": None}, False),
        ({"has_more": 0}, False),
    ],
)
def test_the_list_below_an_organization_may_say_nothing_of_more(
    more: dict[str, object], *, is_right: bool
) -> None:
    """Id and name alone are documented there: absent is no more, and anything odd an error."""
    with LoopbackAPI(SEVEN, now=NOW, org_scoped=True) as api, connected(api.url) as transport:
        tamper(api, lambda _, page: page.update(more))
        route = f"/v1/organizations/{SEVEN.id}/workspaces"
        if is_right:
            found = read_workspaces(transport, route)
            assert [workspace.id for workspace in found] == [
                f"wrkspc_{number}" for number in (1, 2, 4, 5, 7)
            ]
        else:
            with pytest.raises(UnverifiedError, match=NO_LIST):
                read_workspaces(transport, route)


def test_more_below_an_organization_must_say_where() -> None:
    """A list that goes on without a cursor is not whole."""
    with LoopbackAPI(SEVEN, now=NOW, org_scoped=True) as api, connected(api.url) as transport:
        tamper(api, lambda _, page: page.update(has_more=True))
        with pytest.raises(UnverifiedError, match=NOWHERE):
            read_workspaces(transport, f"/v1/organizations/{SEVEN.id}/workspaces")


def test_the_direct_list_must_say_whether_there_is_more() -> None:
    """A page of which that is not known may be the first of many."""
    with LoopbackAPI(SEVEN, now=NOW) as api:
        tamper(api, lambda _, page: page.pop("has_more") and None)
        with pytest.raises(UnverifiedError, match=NO_LIST):
            listed(api)
