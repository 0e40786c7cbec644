"""Every page of a report in buckets: what makes it whole, and what is said of one that is not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from budget_gate.domain.period import DAY, Period
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.paging import read_buckets
from tests.helpers.serving import NOBODY, NOW, USAGE, connected, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Request, Response

# The fourth bucket begins at NOW, by which the API is asked.
FIRST = NOW - 3 * DAY
FOUR_DAYS = Period(FIRST, FIRST + 4 * DAY)
BEFORE_THE_FOURTH = "Sun, 22 Nov 2026 15:37:29 GMT"
AT_THE_FOURTH = "Sun, 22 Nov 2026 15:37:30 GMT"


def bucket(number: int, length: timedelta = DAY) -> dict[str, Any]:
    """Make a bucket with that number."""
    start = FIRST + (number - 1) * DAY
    return {
        "starting_at": start.isoformat(),
        "ending_at": (start + length).isoformat(),
        "results": [{"number": number}],
    }


def pages(
    *days: list[dict[str, Any]], date: str = AT_THE_FOURTH, last: str | None = None
) -> Callable[[Request, int], Response]:
    """An API that answers these pages in their order; the last one has the cursor `last`."""

    def answer(_: Request, number: int) -> Response:
        cursor = f"page_{number}" if number < len(days) else last
        found = days[min(number, len(days)) - 1]
        body = {"data": found, "has_more": cursor is not None, "next_page": cursor}
        return reply(body, date=date)

    return answer


def starts(intercept: Callable[[Request, int], Response]) -> tuple[list[datetime], list[Request]]:
    """The starts of the buckets that are read of an API, and what it was asked."""
    with LoopbackAPI(NOBODY, now=NOW, intercept=intercept) as api, connected(api.url) as transport:
        query = [("limit", "2")]
        found = read_buckets(transport, USAGE, query, FOUR_DAYS, DAY, beta="example-beta")
        return [bucket.start for bucket in found], api.requests


def failure(intercept: Callable[[Request, int], Response]) -> UnverifiedError:
    """The error that reading ends in."""
    with pytest.raises(UnverifiedError) as raised:
        starts(intercept)
    return raised.value


def test_the_buckets_of_all_pages_come_in_their_order() -> None:
    """Each page is asked for with the query of the first, its beta and the cursor before it."""
    found, requests = starts(pages([bucket(1), bucket(2)], [bucket(3)], [bucket(4)]))
    assert found == [FIRST, FIRST + DAY, FIRST + 2 * DAY, FIRST + 3 * DAY]
    assert [request.query for request in requests] == [
        [("limit", "2")],
        [("limit", "2"), ("page", "page_1")],
        [("limit", "2"), ("page", "page_2")],
    ]
    assert {request.path for request in requests} == {USAGE}
    assert {request.headers["anthropic-beta"] for request in requests} == {"example-beta"}


def test_a_bucket_that_had_not_begun_may_be_absent() -> None:
    """By the API's own time, to the second."""
    three = [bucket(1), bucket(2), bucket(3)]
    found, _ = starts(pages(three, date=BEFORE_THE_FOURTH))
    assert found == [FIRST, FIRST + DAY, FIRST + 2 * DAY]


WHOLE = [bucket(1), bucket(2), bucket(3), bucket(4)]


TRAPS = {
    "late": (pages([bucket(2)]), "bucket 2026-11-20T15:37:30Z is out of place"),
    "doubled": (pages([bucket(1), bucket(1)]), "bucket 2026-11-19T15:37:30Z is out of place"),
    "one-more": (pages([*WHOLE, bucket(5)]), "bucket 2026-11-23T15:37:30Z is out of place"),
    "long": (pages([bucket(1, 2 * DAY)]), "bucket 2026-11-19T15:37:30Z has a wrong end"),
    "short": (pages([bucket(1, DAY / 2)]), "bucket 2026-11-19T15:37:30Z has a wrong end"),
    "three": (pages(WHOLE[:3]), "it ends before bucket 2026-11-22T15:37:30Z"),
    "one": (pages([bucket(1)]), "it ends before bucket 2026-11-20T15:37:30Z"),
    "none": (pages([]), "it ends before bucket 2026-11-19T15:37:30Z"),
    "empty-page": (pages([bucket(1)], [], [bucket(2)]), "its pages go in a circle"),
    "same-cursor": (
        pages([bucket(1)], [bucket(2)], [bucket(3)], last="page_1"),
        "its pages go in a circle",
    ),
    "no-list": (pages(None), "there is no list `data` in it"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("trap", TRAPS)
def test_what_is_wrong_is_told_with_its_route(trap: str) -> None:
    """And with the bucket, by which whoever runs a gateway finds it."""
    intercept, problem = TRAPS[trap]
    error = failure(intercept)
    assert (error.code, error.trace) == ("malformed_answer", f"GET {USAGE}")
    assert_says(error.message, f"an answer of the API cannot be trusted: {problem}")
    assert_says(error.hint, "fetch it again", "update budget-gate")
