"""Months whose answer is larger than what is read of one: asked for in parts, and no less for that."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from budget_gate.domain.period import DAY, HOUR, Period
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.usage_query import Span
from budget_gate.sources.http import answers, transport
from tests.helpers.serving import (
    USAGE,
    at,
    first,
    is_lengths,
    of_width,
    read,
    reply,
    sums,
    tamper,
    with_limit,
)
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Request, Response, priced
from tests.world.organizations import random_organization, seeded

# A month in which the length of prompts is asked for, too.
AS_OF = at("2026-02-17T11:45:00Z")
START = at("2026-02-01T00:00:00Z")


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """Serve an organization with some 40 rows a day, of about 350 bytes each."""
    organization = random_organization(
        seeded(17), start=START - timedelta(days=2), end=AS_OF + timedelta(hours=5), rows=800
    )
    with LoopbackAPI(organization, now=AS_OF) as api:
        yield api


def asked(api: LoopbackAPI) -> list[Request]:
    """Return the requests for closed days, by day or by hour, without those for the lengths."""
    return [
        request
        for request in api.requests
        if request.path == USAGE
        and not is_lengths(request)
        and at(first(request, "starting_at") or "") < at("2026-02-17T00:00:00Z")
    ]


def days(request: Request) -> float:
    """Return how many days a request asks for."""
    start, end = (at(first(request, name) or "") for name in ("starting_at", "ending_at"))
    return (end - start) / DAY


@pytest.mark.parametrize(
    ("largest", "spans"), [(150_000, [16, 8, 8]), (90_000, [16, 8, 4, 4, 8, 4, 4])]
)
def test_a_month_beyond_the_limit_is_asked_for_in_halves(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch, largest: int, spans: list[float]
) -> None:
    """As often as it takes, and the sums are those of the oracle."""
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", largest)
    assert sums(read(api)) == priced(api, START, AS_OF)
    assert [days(request) for request in asked(api)] == spans


def test_a_day_beyond_the_limit_is_asked_for_by_hour(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hours of a day add up to it, to the last digit."""
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 6_000)
    assert sums(read(api)) == priced(api, START, AS_OF)
    widths = [(days(request), first(request, "bucket_width")) for request in asked(api)]
    assert widths[:6] == [(16, "1d"), (8, "1d"), (4, "1d"), (2, "1d"), (1, "1d"), (1, "1h")]
    assert {(0.5, "1h"), (0.25, "1h")} <= set(widths)


def test_a_month_of_too_many_parts_is_asked_for_in_parts(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is either limit, that of bytes or that of the parts of the JSON."""
    monkeypatch.setattr(answers, "MOST_PARTS", 5_000)
    assert sums(read(api)) == priced(api, START, AS_OF)
    assert [days(request) for request in asked(api)] == [16, 8, 8]


def test_the_hours_of_the_open_day_are_divided_as_days_are(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today has 12 hours so far: 6 and 6."""

    def pad(request: Request, _: int) -> Response | None:
        if days(request) < 0.5 or not of_width("1h")(request):
            return None
        return reply(api.answer(request).body + b" " * 10**6)

    api.intercept = lambda request, n: pad(request, n) if request.path == USAGE else None
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 10**6)
    assert sums(read(api)) == priced(api, START, AS_OF)
    assert [days(request) * 24 for request in api.requests if of_width("1h")(request)] == [12, 6, 6]


def test_a_page_that_was_read_before_the_one_that_is_too_large_counts_once(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API cuts pages of 6 days, and the second one is too large at its first time."""
    seen: list[str] = []

    def pad(request: Request, _: object) -> Response | None:
        page = first(request, "page")
        if page is None or seen:
            return None
        seen.append(page)
        return reply(b" " * 10**6)

    tamper(api, pad, only=of_width("1d"), limit=6)
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 10**6 - 1)
    assert sums(read(api)) == priced(api, START, AS_OF)
    # Of 16 days two pages; then of each half, of 8 days, both of its pages.
    assert [days(request) for request in asked(api)] == [16, 16, 8, 8, 8, 8]


def test_an_api_that_ignores_the_limit_is_read_all_the_same(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer days are asked for by their times, which every API goes by."""
    tamper(api, lambda *_: None, only=of_width("1d"), limit=31)
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 60_000)
    assert sums(read(api)) == priced(api, START, AS_OF)


def test_an_api_that_answers_too_much_whatever_is_asked_ends_the_run(
    api: LoopbackAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the smallest question, that for an hour, it is the error that it always was."""
    always = api.answer
    whole: list[Request] = []

    def ignore(request: Request, _: int) -> Response | None:
        if not of_width("1d")(request) and not of_width("1h")(request):
            return None
        whole.append(request)
        return always(with_limit(whole[0], 31))

    api.intercept = ignore
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 5_000)
    with pytest.raises(UnverifiedError) as raised:
        read(api)
    assert raised.value.code == "oversized_answer"
    assert_says(str(raised.value), "the answer is larger than", f"(GET {USAGE})")
    assert [days(request) * 24 for request in asked(api)] == [
        *(16 * 24, 8 * 24, 4 * 24, 2 * 24, 24),
        *(24, 12, 6, 3, 1),
    ]


def test_the_routes_below_an_organization_are_asked_in_parts_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They have no pages at all, whatever limit is asked for."""
    organization = random_organization(seeded(18), start=START, end=AS_OF, rows=800)
    with LoopbackAPI(organization, now=AS_OF, org_scoped=True) as api:
        whole = read(api)
        before = len(api.requests)
        monkeypatch.setattr(transport, "MAX_BODY_BYTES", 60_000)
        assert read(api).table == whole.table
        assert len(api.requests) > 2 * before


def span(start: str, end: str, width: timedelta) -> Span:
    """Make a span."""
    return Span(Period(at(start), at(end)), width)


def starts(parts: list[Span]) -> list[tuple[datetime, datetime, timedelta]]:
    """Return what each span asks for."""
    return [(part.period.start, part.period.end, part.width) for part in parts]


def test_three_days_are_divided_into_one_and_two() -> None:
    """The parts tile the span, in the order of time."""
    whole = span("2026-02-01T00:00:00Z", "2026-02-04T00:00:00Z", DAY)
    middle = at("2026-02-02T00:00:00Z")
    assert starts(whole.parts) == [
        (whole.period.start, middle, DAY),
        (middle, whole.period.end, DAY),
    ]


def test_a_day_is_divided_into_its_hours_and_an_hour_into_nothing() -> None:
    """Usage is asked for in no smaller buckets."""
    day = span("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", DAY)
    assert starts(day.parts) == [(day.period.start, day.period.end, HOUR)]
    assert span("2026-02-01T00:00:00Z", "2026-02-01T01:00:00Z", HOUR).parts == []
