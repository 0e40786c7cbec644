"""The models that an organization may use: every page of its rate limits, or an error."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.rate_limits import ROUTE, read_models
from budget_gate.sources.http.answers import RefusedError
from tests.helpers.serving import NOBODY, NOW, connected, first, refuse
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Request, Response
from tests.world.rate_limits import RateLimit

LIMITS = [{"type": "requests_per_minute", "value": 4000}]


def entry(*models: str, kind: str = "model_group") -> dict[str, Any]:
    """A rate limit as the vendor's client has it: of models, or of another kind without any."""
    group = {"id": f"rlg_01EXAMPLE{kind}", "type": kind}
    if kind == "model_group":
        group["display_name"] = "Claude Example"
    return {
        "id": "rl_01EXAMPLE",
        "type": "rate_limit",
        "group": group,
        "limits": LIMITS,
        "models": list(models) if kind == "model_group" else None,
    }


OPUS = entry("claude-opus-5-5", "claude-opus-5-5-20260922")
HAIKU = entry("claude-haiku-4-5-20251001", "claude-haiku-4-5")
BATCH = entry(kind="batch")
NAMES = (
    "claude-opus-5-5",
    "claude-opus-5-5-20260922",
    "claude-haiku-4-5-20251001",
    "claude-haiku-4-5",
)


def read(answer: Callable[[Request], Any]) -> tuple[str, ...]:
    """Read the models of an API that answers the route so."""

    def intercept(request: Request, _: int) -> Response | None:
        if request.path != ROUTE:
            return None
        found = answer(request)
        if isinstance(found, Response):
            return found
        return Response(200, json.dumps(found).encode())

    with LoopbackAPI(NOBODY, now=NOW, intercept=intercept) as api, connected(api.url) as transport:
        return read_models(transport)


@pytest.mark.parametrize("kind", ["model_group", "batch", "files", "token_count", "web_search"])
def test_the_entries_here_are_the_vendors(kind: str) -> None:
    """Its own type takes them."""
    from anthropic.types.organization.organization_rate_limit import OrganizationRateLimit

    told = OrganizationRateLimit.model_validate(entry("claude-opus-5-5", kind=kind))
    assert told.models == (["claude-opus-5-5"] if kind == "model_group" else None)
    assert told.group.type == kind


def test_names_are_read_in_their_order_once() -> None:
    """What limits something else than models has none."""
    assert read(lambda _: {"data": [OPUS, BATCH, HAIKU, OPUS], "next_page": None}) == NAMES


def test_only_models_are_asked_for() -> None:
    """One page of a thousand holds them all."""
    asked: list[tuple[str, str]] = []

    def answer(request: Request) -> dict[str, Any]:
        asked.extend(request.query)
        return {"data": []}

    assert read(answer) == ()
    assert sorted(asked) == [("group_type", "model_group"), ("limit", "1000")]


@pytest.mark.parametrize("has_more", [{}, {"has_more": True}])
def test_pages_are_followed_to_the_last(has_more: dict[str, bool]) -> None:
    """By `next_page`, whether or not `has_more` stands beside it."""

    def answer(request: Request) -> dict[str, Any]:
        if first(request, "page") is None:
            return {"data": [OPUS], "next_page": "page_2", **has_more}
        assert (first(request, "page"), first(request, "limit")) == ("page_2", "1000")
        return {"data": [HAIKU], "next_page": None}

    assert read(answer) == NAMES


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([], "not a list of rate limits"),
        ({}, "not a list of rate limits"),
        ({"data": {}}, "not a list of rate limits"),
        ({"data": ["claude-opus-5-5"]}, "does not list its models"),
        ({"data": [{}]}, "does not list its models"),
        ({"data": [entry() | {"models": "claude-opus-5-5"}]}, "does not list its models"),
        ({"data": [entry() | {"models": ["claude-opus-5-5", ""]}]}, "does not list its models"),
        ({"data": [entry() | {"models": [5]}]}, "does not list its models"),
        ({"data": [OPUS], "next_page": 5}, "there is more, but not where"),
        ({"data": [OPUS], "next_page": ""}, "there is more, but not where"),
        ({"data": [OPUS], "has_more": True, "next_page": None}, "there is more, but not where"),
        ({"data": [OPUS], "has_more": "no"}, "neither true nor false"),
        ({"data": [], "next_page": "page_2"}, "circle"),
        ({"data": [OPUS], "next_page": "page_2"}, "circle"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_an_error(answer: Any, problem: str) -> None:
    """Never a shorter list, in which a model would be missing."""
    with pytest.raises(UnverifiedError) as caught:
        read(lambda _: answer)
    assert caught.value.code == "malformed_answer"
    assert problem in caught.value.message


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_is_told_as_one(status: int) -> None:
    """Whoever asks decides what that means."""
    with pytest.raises(RefusedError) as caught:
        read(lambda _: refuse(status))
    assert caught.value.status == status


@pytest.mark.parametrize("has_older_limits", [False, True])
def test_either_form_of_an_entry_is_read(*, has_older_limits: bool) -> None:
    """That of the vendor's client, and that of its page, which has the kind beside the models."""
    limits = [RateLimit(NAMES[:2], name="Opus"), RateLimit(NAMES[2:], name="Haiku")]
    with (
        LoopbackAPI(NOBODY, now=NOW, limits=limits, has_older_limits=has_older_limits) as api,
        connected(api.url) as transport,
    ):
        assert read_models(transport) == NAMES


def test_pages_without_an_end_are_an_error() -> None:
    """Each names another one, and none is the last."""

    def answer(request: Request) -> dict[str, Any]:
        number = int(first(request, "page") or 0)
        assert number < 100
        return {"data": [OPUS], "next_page": str(number + 1)}

    with pytest.raises(UnverifiedError) as caught:
        read(answer)
    assert_says(caught.value.message, "no end")
