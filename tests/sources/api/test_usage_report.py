"""The month to date as read from the usage report: exact where the report tells all, a range where it does not, never less."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from budget_gate.domain.bounds import UNLIMITED, ZERO, Bounds
from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.spend import Coverage
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.usage import Usage as ReadUsage
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.sources.api.usage_report import read_days, read_history, read_usage
from budget_gate.sources.http.answers import RefusedError
from tests.helpers.builders import policy
from tests.helpers.serving import (
    NOW,
    USAGE,
    WORKSPACES,
    at,
    book,
    connected,
    exact,
    first,
    groups,
    is_lengths,
    of_width,
    read,
    refuse,
    reply,
    spend_of,
    sums,
    tamper,
    with_limit,
)
from tests.helpers.wording import assert_says
from tests.world.loopback import (
    SPEED_BETA,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
    priced,
)
from tests.world.oracle import EVERY_DIMENSION, KNOWN_ORG_SCOPED, Usage
from tests.world.organizations import random_organization, seeded

MOMENTS = {
    "in-the-month": "2026-11-22T15:37:30Z",
    "first-minutes-of-the-1st": "2026-11-01T00:02:00Z",
    "late-on-the-1st": "2026-11-01T23:59:59Z",
    "midnight": "2026-11-20T00:00:00Z",
    "just-after-midnight": "2026-11-20T00:00:01Z",
    "whole-hour": "2026-11-20T07:00:00Z",
    "last-second-of-november": "2026-11-30T23:59:59Z",
    "the-31st": "2026-10-31T12:34:56.789Z",
    "last-hour-of-the-31st": "2026-12-31T23:00:00.000001Z",
    "28-february": "2026-02-28T22:10:00Z",
    "29-february": "2028-02-29T03:04:05Z",
    "six-dimensions": "2026-02-17T11:45:00Z",
    "long-context-ends": "2026-03-14T18:20:00Z",
    "31-march": "2026-03-31T23:59:59Z",
    "1-march": "2026-03-01T05:00:00Z",
}


def month_start(as_of: datetime) -> datetime:
    """Return the first instant of the month of `as_of`."""
    return datetime(as_of.year, as_of.month, 1, tzinfo=UTC)


def organization_at(as_of: datetime, seed: int, rows: int = 150) -> Organization:
    """Make an organization whose usage begins before the month and goes on after `as_of`."""
    return random_organization(
        seeded(seed),
        start=month_start(as_of) - timedelta(days=2),
        end=as_of + timedelta(hours=5),
        rows=rows,
    )


@contextmanager
def serving(as_of: str = "2026-11-22T15:37:30Z", seed: int = 1) -> Iterator[LoopbackAPI]:
    """Serve a random organization."""
    with LoopbackAPI(organization_at(at(as_of), seed), now=at(as_of)) as api:
        yield api


def truth(api: LoopbackAPI, known: frozenset[str] = EVERY_DIMENSION) -> Any:
    """Return the oracle's sums of the month to date."""
    return priced(api, month_start(api.now), api.now, known)


def usage_requests(api: LoopbackAPI) -> list[Request]:
    """Return the requests of the direct usage report."""
    return [request for request in api.requests if request.path == USAGE]


@pytest.mark.parametrize("whole_bucket_at_end", [False, True])
@pytest.mark.parametrize("open_day_in_1d", [False, True])
@pytest.mark.parametrize("moment", MOMENTS)
def test_spend_equals_the_oracle_to_the_last_digit(
    moment: str, *, open_day_in_1d: bool, whole_bucket_at_end: bool
) -> None:
    """Whatever the moment and however the API treats open buckets, all spend is there exactly once."""
    as_of = at(MOMENTS[moment])
    seed = len(moment) + 2 * open_day_in_1d + whole_bucket_at_end
    with LoopbackAPI(
        organization_at(as_of, seed),
        now=as_of,
        open_day_in_1d=open_day_in_1d,
        whole_bucket_at_end=whole_bucket_at_end,
    ) as api:
        assert sums(read(api)) == truth(api)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("moment", ["in-the-month", "six-dimensions", "long-context-ends"])
def test_spend_equals_the_oracle_for_many_organizations(moment: str, seed: int) -> None:
    """Different organizations of the months with the most dimensions all come out to the last digit."""
    with serving(MOMENTS[moment], 100 + seed) as api:
        assert sums(read(api)) == truth(api)


def test_every_page_counts_when_the_api_cuts_smaller_pages() -> None:
    """An API whose pages are smaller than asked for is followed to the last of them."""
    with serving() as api:
        tamper(api, lambda *_: None, only=lambda request: request.path == USAGE, limit=4)
        assert sums(read(api)) == truth(api)
        assert len([request for request in api.requests if first(request, "page")]) >= 5


def test_the_next_page_repeats_the_query_of_the_first() -> None:
    """A cursor is sent with the very query it came from, beta header included."""
    with serving() as api:
        tamper(api, lambda *_: None, only=of_width("1d"), limit=10)
        read(api)
        one, two, three = [request for request in api.requests if of_width("1d")(request)]
    assert [name for name, _ in two.query] == [*(name for name, _ in one.query), "page"]
    assert two.query[:-1] == three.query[:-1] == one.query
    assert two.headers["anthropic-beta"] == three.headers["anthropic-beta"] == SPEED_BETA


def test_closed_days_are_asked_for_by_day_up_to_today() -> None:
    """The full days are one page of daily buckets that ends with yesterday."""
    with serving() as api:
        read(api)
        (request,) = [request for request in api.requests if of_width("1d")(request)]
    assert sorted(request.query) == sorted(
        [
            ("starting_at", "2026-11-01T00:00:00Z"),
            ("ending_at", "2026-11-22T00:00:00Z"),
            ("bucket_width", "1d"),
            ("limit", "31"),
            ("group_by[]", "workspace_id"),
            ("group_by[]", "model"),
            ("group_by[]", "service_tier"),
            ("group_by[]", "inference_geo"),
            ("group_by[]", "speed"),
        ]
    )


@pytest.mark.parametrize(
    ("as_of", "ending_at"),
    [
        ("2026-11-22T15:37:30Z", "2026-11-22T16:00:00Z"),
        ("2026-11-22T15:00:00Z", "2026-11-22T15:00:00Z"),
        ("2026-11-22T15:00:00.000001Z", "2026-11-22T16:00:00Z"),
        ("2026-11-22T00:00:01Z", "2026-11-22T01:00:00Z"),
        ("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z"),
    ],
)
def test_the_open_day_is_asked_for_in_whole_hours(as_of: str, ending_at: str) -> None:
    """The open day is read by the hour, the running hour included."""
    with serving(as_of) as api:
        read(api)
        (request,) = [request for request in api.requests if of_width("1h")(request)]
    assert first(request, "starting_at") == f"{as_of[:10]}T00:00:00Z"
    assert first(request, "ending_at") == ending_at
    assert first(request, "limit") == "24"


def test_on_the_1st_there_is_no_query_for_closed_days() -> None:
    """On the 1st no day is closed, and the hours of today are all."""
    with serving("2026-11-01T00:02:00Z") as api:
        usage = read(api)
        widths = {first(request, "bucket_width") for request in usage_requests(api)}
    assert widths == {"1h"}
    assert usage.coverage == Coverage(at("2026-11-01T00:02:00Z"), closed_days=0, open_day=True)


def test_at_the_very_start_of_the_month_nothing_is_asked_and_nothing_was_spent() -> None:
    """At 00:00:00 sharp on the 1st the month is empty: only the workspaces are read."""
    with serving("2026-11-01T00:00:00Z") as api:
        usage = read(api)
        assert [request.path for request in api.requests] == [WORKSPACES]
    assert usage.table == {}
    assert usage.coverage == Coverage(at("2026-11-01T00:00:00Z"), closed_days=0, open_day=False)


def test_at_midnight_there_is_no_query_for_the_open_day() -> None:
    """At midnight sharp the open day has not begun."""
    with serving("2026-11-20T00:00:00Z") as api:
        usage = read(api)
        widths = {first(request, "bucket_width") for request in usage_requests(api)}
    assert widths == {"1d"}
    assert usage.coverage == Coverage(at("2026-11-20T00:00:00Z"), closed_days=19, open_day=False)


def test_coverage_counts_the_closed_days_and_the_open_one() -> None:
    """On the 22nd, 21 days are closed and today is in the data up to now."""
    with serving() as api:
        assert read(api).coverage == Coverage(NOW, closed_days=21, open_day=True)


def test_days_that_have_ended_are_read_with_their_workspaces() -> None:
    """As the month is, and none of them is open."""
    period = Period(at("2026-11-03T00:00:00Z"), at("2026-11-10T00:00:00Z"))
    with serving() as api, connected(api.url) as transport:
        usage = read_days(transport, period, book())
        assert sums(usage) == priced(api, period.start, period.end, EVERY_DIMENSION)
        assert usage.coverage == Coverage(period.end, closed_days=7, open_day=False)
        assert {it.id for it in usage.workspaces or ()} == {
            it.id for it in api.organization.workspaces
        }


@pytest.mark.parametrize("reading", ["month", "days", "history"])
def test_below_an_organization_it_is_the_one_that_the_policy_names(reading: str) -> None:
    """Of several; another one is a mistake in the policy."""
    period = Period(at("2026-11-03T00:00:00Z"), at("2026-11-10T00:00:00Z"))
    organization = organization_at(NOW, 11)

    def found(named: str) -> ReadUsage:
        file = policy(f"version: 1\norganization: {named}\nglobal: {{cap: 5}}\n")
        with (
            LoopbackAPI(organization, now=NOW, org_scoped=True) as api,
            connected(api.url) as transport,
        ):
            ids = [{"id": organization.id}, {"id": "org-other"}]
            api.intercept = lambda request, _: (
                reply({"data": ids}) if request.path == "/v1/organizations" else None
            )
            match reading:
                case "month":
                    return read_usage(transport, MonthToDate(NOW), book(), file)
                case "days":
                    return read_days(transport, period, book(), file)
                case _:
                    return read_history(transport, period, file)

    read = found(organization.id)
    assert read.table
    if reading != "month":
        assert read.coverage == Coverage(period.end, closed_days=7, open_day=False)
    with pytest.raises(ConfigurationError):
        found("org-third")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_month_takes_few_requests_of_five_groups_at_most(moment: str) -> None:
    """A whole month is read in six requests (with fast long context, a price of February 2026, in seven) of five groups each."""
    with serving(MOMENTS[moment], 7) as api:
        read(api)
        assert len(api.requests) <= (7 if MOMENTS[moment].startswith("2026-02") else 6)
        assert all(len(groups(request)) <= 5 for request in api.requests)


def test_no_second_query_where_the_first_told_all() -> None:
    """Without a model whose price hangs on the prompt's length three requests do."""
    usage = [Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", speed="fast", output=5)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        read(api)
        assert len(api.requests) == 3


def test_the_second_query_is_about_the_models_concerned_alone() -> None:
    """The context window is asked of the models whose price hangs on it, at one speed."""
    usage = [
        Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", output=5),
        Usage(at("2026-11-05T10:00:00Z"), None, "claude-haiku-5-5", "batch", "200k-1M", output=5),
    ]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        table = read(api).table
        (request,) = [request for request in api.requests if is_lengths(request)]
    assert [value for name, value in request.query if name == "models[]"] == ["claude-haiku-5-5"]
    assert [value for name, value in request.query if name == "speeds[]"] == ["standard"]
    assert "context_window" in groups(request)
    assert {(key.model, key.context_window) for key in table} == {
        ("claude-opus-5-5", None),
        ("claude-haiku-5-5", "200k-1M"),
    }


def test_the_beta_header_goes_with_speed_alone() -> None:
    """Only requests that name the speed carry its beta header."""
    with serving(MOMENTS["six-dimensions"]) as api:
        read(api)
        for request in api.requests:
            names_speed = "speed" in groups(request) or first(request, "speeds[]") is not None
            assert request.headers.get("anthropic-beta") == (SPEED_BETA if names_speed else None)


def meet(api: LoopbackAPI, parties: int, only: Callable[[Request], bool]) -> threading.Event:
    """Hold matching requests back until `parties` of them have come; the event tells that they met."""
    barrier = threading.Barrier(parties)
    met = threading.Event()

    def intercept(request: Request, _: int) -> Response | None:
        if only(request) and not met.is_set():
            try:
                barrier.wait(60)
            except threading.BrokenBarrierError:
                return refuse(400, message="not side by side")
            met.set()
        return None

    api.intercept = intercept
    return met


def test_requests_that_do_not_depend_on_one_another_run_side_by_side() -> None:
    """Closed days, the open day and the workspaces are on their way at the same time."""
    with serving() as api:
        met = meet(api, 3, lambda request: not is_lengths(request))
        assert sums(read(api)) == truth(api)
        assert met.is_set()


def test_second_queries_run_side_by_side() -> None:
    """The context windows of both speeds, of full days and of today, are asked for at once."""
    day = [
        Usage(
            at(f"2026-02-{day:02}T10:00:00Z"),
            None,
            "claude-opus-4-6",
            speed=speed,
            output=day * 1000,
        )
        for day in (9, 10)
        for speed in ("standard", "fast")
    ]
    with LoopbackAPI(Organization(day, []), now=at("2026-02-10T12:00:00Z")) as api:
        met = meet(api, 4, is_lengths)
        assert sums(read(api)) == truth(api)
        assert met.is_set()


@pytest.mark.parametrize("moment", ["in-the-month", "six-dimensions", "whole-hour"])
def test_where_the_speed_beta_is_refused_the_cost_is_a_range(moment: str) -> None:
    """An API without the speed still answers, and the bounds are those of an unknown speed."""
    as_of = at(MOMENTS[moment])
    with LoopbackAPI(organization_at(as_of, 3), now=as_of, refuse_speed_beta=True) as api:
        usage = read(api)
        assert sums(usage) == truth(api, EVERY_DIMENSION - {"speed"})
        assert len(api.requests) <= 5
        assert not any(is_lengths(request) for request in api.requests)
    assert [note.code for note in usage.notes] == ["speed_unresolved"]


def test_the_speed_refused_with_403_is_a_range_as_well() -> None:
    """Permission denied to the beta alone is no reason to give up."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(403, "permission_error") if "anthropic-beta" in request.headers else None
        )
        assert sums(read(api)) == truth(api, EVERY_DIMENSION - {"speed"})


def test_usage_that_is_told_whole_has_no_note() -> None:
    """Where the API tells all that was asked for, there is nothing to warn of."""
    with serving() as api:
        assert read(api).notes == ()


def test_a_second_failure_of_another_kind_is_the_one_told() -> None:
    """The speed is refused, and then the key: it is the key that has to be seen to."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(400 if "speed" in groups(request) else 401) if request.path == USAGE else None
        )
        with pytest.raises(RefusedError) as raised:
            read(api)
    assert raised.value.status == 401


def test_a_refusal_of_any_query_is_told_as_the_first_one() -> None:
    """Where the query without speed is refused too, the first refusal is the one shown."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(400, message="first" if "anthropic-beta" in request.headers else "second")
            if request.path == USAGE
            else None
        )
        with pytest.raises(RefusedError, match="invalid_request_error: first") as raised:
            read(api)
    assert raised.value.status == 400


UNKNOWN: dict[str, tuple[str, str, Any]] = {
    "speed": ("claude-opus-5-5", "speed", "turbo"),
    "tier": ("claude-opus-5-5", "service_tier", "turbo"),
    "flex": ("claude-opus-5-5", "service_tier", "flex"),
    "priority-on-demand": ("claude-opus-5-5", "service_tier", "priority_on_demand"),
    "geo": ("claude-opus-5-5", "inference_geo", "eu"),
    "model": ("claude-opus-5-5", "model", "claude-next-9"),
    "prefix": ("claude-opus-5-5", "model", "claude-opus-5-5-turbo"),
    "window": ("claude-haiku-5-5", "context_window", "1M-10M"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_an_unknown_value_has_no_price_rather_than_none_to_pay(case: str) -> None:
    """Usage of a kind that the price book does not know leaves the total without an upper bound."""
    model, field, value = UNKNOWN[case]
    plain = Usage(at("2026-11-05T10:00:00Z"), "wrkspc_A", "claude-opus-5-5", output=1_000_000)
    odd = replace(Usage(at("2026-11-06T10:00:00Z"), "wrkspc_B", model, output=10), **{field: value})
    with LoopbackAPI(Organization([plain, odd], []), now=NOW) as api:
        spend = spend_of(read(api))
    costs = {line.workspace: line.cost for line in spend.lines}
    assert exact(costs["wrkspc_A"]) == (Fraction(20), Fraction(20))
    assert costs["wrkspc_B"] == Bounds(ZERO, UNLIMITED)
    assert len(spend.unpriced) == 1
    assert "10 tokens" in spend.unpriced[0]


def test_a_row_without_a_model_has_no_price() -> None:
    """A null model in the direct report is usage that cannot be priced."""
    usage = [Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", output=10)]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        edit_rows(api, lambda row: row.update(model=None), of_width("1d"))
        spend = spend_of(read(api))
    assert [line.cost for line in spend.lines] == [Bounds(ZERO, UNLIMITED)]
    assert len(spend.unpriced) == 1


def edit_rows(
    api: LoopbackAPI, edit: Callable[[dict[str, Any]], object], only: Callable[[Request], bool]
) -> None:
    """Change every row of the matching answers."""

    def change(_: Request, answer: dict[str, Any]) -> None:
        for bucket in answer["data"]:
            for row in bucket["results"]:
                edit(row)

    tamper(api, change, only=only)


@pytest.mark.parametrize("how", ["null", "absent"])
@pytest.mark.parametrize("field", ["speed", "service_tier", "inference_geo"])
def test_a_dimension_that_was_asked_for_and_is_not_told_is_an_error(field: str, how: str) -> None:
    """A null tier, speed or place in a report that was grouped by it is never taken for the default."""
    with serving() as api:
        edit_rows(
            api,
            (lambda row: row.update({field: None}))
            if how == "null"
            else (lambda row: row.pop(field)),
            of_width("1d"),
        )
        with pytest.raises(UnverifiedError, match=field):
            read(api)


@pytest.mark.parametrize("field", ["workspace_id", "model"])
@pytest.mark.parametrize(
    "only", [of_width("1d"), of_width("1h"), is_lengths], ids=["days", "hours", "lengths"]
)
def test_a_workspace_or_a_model_that_is_absent_is_an_error(
    field: str, only: Callable[[Request], bool]
) -> None:
    """Only null is the default workspace, or a model without a name: absent was not grouped by."""
    with serving() as api:
        edit_rows(api, lambda row: row.pop(field), only)
        with pytest.raises(UnverifiedError, match=f"has no {field}"):
            read(api)


def test_a_row_that_counts_nothing_need_not_tell_its_dimensions() -> None:
    """Zero tokens cost nothing at any speed, so such a row is no reason to give up."""
    usage = [Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5")]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        edit_rows(api, lambda row: row.update(speed=None), of_width("1d"))
        assert sums(read(api)).overall == (Fraction(0), Fraction(0))


def test_a_context_window_that_is_not_told_is_an_error() -> None:
    """A null context window in the second query is an error as well."""
    with serving() as api:
        edit_rows(api, lambda row: row.update(context_window=None), is_lengths)
        with pytest.raises(UnverifiedError, match="context_window"):
            read(api)


def refuse_lengths(status: int) -> Callable[[LoopbackAPI], None]:
    """Return what makes an API refuse the second query."""

    def prepare(api: LoopbackAPI) -> None:
        api.intercept = lambda request, _: refuse(status) if is_lengths(request) else None

    return prepare


NO_LENGTHS: dict[str, Callable[[LoopbackAPI], None]] = {
    "refused-400": refuse_lengths(400),
    "refused-403": refuse_lengths(403),
    "one-token-more": lambda api: edit_rows(
        api, lambda row: row.update(output_tokens=row["output_tokens"] + 1), is_lengths
    ),
    "other-searches": lambda api: edit_rows(
        api, lambda row: row["server_tool_use"].update(web_search_requests=99), is_lengths
    ),
    "one-token-moved": lambda api: edit_rows(
        api,
        lambda row: row.update(
            output_tokens=row["output_tokens"] + 1,
            uncached_input_tokens=max(0, row["uncached_input_tokens"] - 1),
        ),
        is_lengths,
    ),
    "all-in-another-workspace": lambda api: edit_rows(
        api, lambda row: row.update(workspace_id="wrkspc_01EXAMPLEOTHER"), is_lengths
    ),
    "nothing-there": lambda api: tamper(
        api,
        lambda _, answer: [bucket.update(results=[]) for bucket in answer["data"]] and None,
        only=is_lengths,
    ),
}


@pytest.mark.parametrize("moment", ["in-the-month", "six-dimensions"])
@pytest.mark.parametrize("case", NO_LENGTHS)
def test_where_the_second_query_does_not_fit_the_cost_stays_a_range(case: str, moment: str) -> None:
    """Context windows that are refused or do not add up are not used: the bounds are those of an unknown length."""
    with serving(MOMENTS[moment], 5) as api:
        NO_LENGTHS[case](api)
        found = sums(read(api))
        assert found == truth(api, EVERY_DIMENSION - {"context_window"})
        low, high = truth(api).overall
    assert found.overall[0] <= low
    assert high <= found.overall[1]


def test_usage_that_comes_in_between_both_queries_leaves_a_range_around_the_truth() -> None:
    """One key that does not add up stays a range while the others are told apart."""
    with serving(MOMENTS["six-dimensions"], 5) as api:

        def change(_: Request, answer: dict[str, Any]) -> None:
            row = next(row for bucket in answer["data"] for row in bucket["results"])
            row["output_tokens"] += 1

        tamper(api, change, only=is_lengths)
        found = sums(read(api)).overall
        low, high = truth(api).overall
        least, most = truth(api, EVERY_DIMENSION - {"context_window"}).overall
    assert least < found[0] <= low <= high <= found[1] < most


def test_a_second_query_that_fails_is_an_error() -> None:
    """A server in trouble is no refusal: the run ends, and no range stands in for the answer."""
    with serving() as api:
        refuse_lengths(500)(api)
        with pytest.raises(UnverifiedError, match="500"):
            read(api)


def test_the_default_workspace_is_none() -> None:
    """Usage of the default workspace has no id."""
    usage = [
        Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", output=1),
        Usage(at("2026-11-22T10:00:00Z"), "wrkspc_A", "claude-opus-5-5", output=2),
    ]
    with LoopbackAPI(Organization(usage, [Workspace("wrkspc_A", "a")]), now=NOW) as api:
        table = read(api).table
    assert {key.workspace: tokens.output for key, tokens in table.items()} == {
        None: 1,
        "wrkspc_A": 2,
    }


def test_workspaces_come_with_the_usage() -> None:
    """The list of workspaces, archived ones included, is part of what was read."""
    listed = [Workspace("wrkspc_A", "a"), Workspace("wrkspc_B", "b", "2026-11-02T00:00:00Z")]
    with LoopbackAPI(Organization([], listed), now=NOW) as api:
        workspaces = read(api).workspaces
    assert workspaces is not None
    assert [(one.id, one.name, one.archived) for one in workspaces] == [
        ("wrkspc_A", "a", False),
        ("wrkspc_B", "b", True),
    ]


def test_a_failing_list_of_workspaces_is_an_error() -> None:
    """Usage without the list of workspaces is half of what is needed."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(403, "permission_error", "no workspaces") if request.path == WORKSPACES else None
        )
        with pytest.raises(UnverifiedError, match="no workspaces"):
            read(api)


@pytest.mark.parametrize("width", ["1d", "1h"])
def test_one_failing_half_is_never_covered_by_the_other(width: str) -> None:
    """Closed days without today, or today without the full days, are an error."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(500, "api_error") if of_width(width)(request) else None
        )
        with pytest.raises(UnverifiedError, match="api_error"):
            read(api)


# Pages: each trap damages the answers to the daily query, which come in three pages of eight buckets.

Change = Callable[[Request, dict[str, Any]], object]


def on_page(number: int, change: Callable[[dict[str, Any]], object]) -> Change:
    """Change one page of the three."""
    starts = {
        1: "2026-11-01T00:00:00Z",
        2: "2026-11-09T00:00:00Z",
        3: "2026-11-17T00:00:00Z",
    }

    def apply(_: Request, answer: dict[str, Any]) -> object:
        if answer["data"] and answer["data"][0]["starting_at"] == starts[number]:
            changed = change(answer)
            return changed if isinstance(changed, Response) else None
        return None

    return apply


def keep_asking(request: Request, answer: dict[str, Any]) -> None:
    """Give the cursor that was used as the next one."""
    if cursor := first(request, "page"):
        answer.update(has_more=True, next_page=cursor)


def go_on_empty(request: Request, _: dict[str, Any]) -> Response | None:
    """Answer an empty page after the first one, with another cursor each time."""
    cursor = first(request, "page")
    return reply({"data": [], "has_more": True, "next_page": f"{cursor}x"}) if cursor else None


def bucket(start: str, end: str) -> dict[str, Any]:
    """Make an empty bucket."""
    return {"starting_at": start, "ending_at": end, "results": []}


TRAPS: dict[str, Change] = {
    "more-without-cursor": on_page(1, lambda page: page.update(next_page=None)),
    "more-with-empty-cursor": on_page(1, lambda page: page.update(next_page="")),
    "more-with-absent-cursor": on_page(1, lambda page: page.pop("next_page")),
    "more-with-numeric-cursor": on_page(1, lambda page: page.update(next_page=2)),
    "more-on-the-last-page": on_page(3, lambda page: page.update(has_more=True)),
    "more-absent": on_page(3, lambda page: page.pop("has_more")),
    "more-null": on_page(3, lambda page: page.update(has_more=None)),
    "more-as-text": on_page(3, lambda page: page.update(has_more="false")),
    "no-more-on-the-first-page": on_page(1, lambda page: page.update(has_more=False)),
    "repeated-cursor": keep_asking,
    "endless-empty-pages": go_on_empty,
    "empty-first-page-with-more": on_page(1, lambda page: page.update(data=[])),
    "empty-last-page": on_page(3, lambda page: page.update(data=[])),
    "first-bucket-missing": on_page(1, lambda page: page["data"].pop(0)),
    "bucket-missing": on_page(2, lambda page: page["data"].pop(3)),
    "last-bucket-of-a-page-missing": on_page(2, lambda page: page["data"].pop()),
    "last-bucket-missing": on_page(3, lambda page: page["data"].pop()),
    "doubled": on_page(2, lambda page: page["data"].insert(3, page["data"][3])),
    "page-doubled": on_page(1, lambda page: page["data"].extend(list(page["data"]))),
    "reordered": on_page(2, lambda page: page["data"].reverse()),
    "overlapping": on_page(
        2, lambda page: page["data"][0].update(ending_at="2026-11-10T12:00:00Z")
    ),
    "too-short": on_page(2, lambda page: page["data"][0].update(ending_at="2026-11-09T12:00:00Z")),
    "starts-late": on_page(
        2, lambda page: page["data"][0].update(starting_at="2026-11-09T00:00:01Z")
    ),
    "of-another-month": on_page(
        2,
        lambda page: page["data"].insert(0, bucket("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z")),
    ),
    "of-another-year": on_page(
        2,
        lambda page: page["data"][0].update(bucket("2025-11-09T00:00:00Z", "2025-11-10T00:00:00Z")),
    ),
    "one-more-at-the-end": on_page(
        3, lambda page: page["data"].append(bucket("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"))
    ),
    "ends-before-it-starts": on_page(
        2, lambda page: page["data"][0].update(ending_at="2026-11-08T00:00:00Z")
    ),
    "local-time": on_page(
        2, lambda page: page["data"][0].update(starting_at="2026-11-09T00:00:00")
    ),
    "no-time": on_page(2, lambda page: page["data"][0].pop("ending_at")),
    "no-rows": on_page(2, lambda page: page["data"][0].pop("results")),
    "no-data": on_page(2, lambda page: page.pop("data")),
    "second-page-refused": on_page(2, lambda _: refuse(401, "authentication_error")),
    "second-page-down": on_page(2, lambda _: refuse(500, "api_error")),
    "second-page-html": on_page(2, lambda _: reply(b"<html>")),
    "second-page-cut-short": on_page(2, lambda _: reply(b'{"data": [')),
    "third-page-down": on_page(3, lambda _: refuse(529, "overloaded_error")),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_pages_that_do_not_tile_the_period_are_an_error(trap: str) -> None:
    """A missing, doubled, foreign or unreadable part of a report ends the run: there is no shorter answer."""
    with serving() as api:
        tamper(api, TRAPS[trap], only=of_width("1d"), limit=8)
        with pytest.raises(UnverifiedError):
            read(api)
        assert len([request for request in api.requests if of_width("1d")(request)]) <= 10


@pytest.mark.parametrize(
    ("trap", "problem"),
    [
        ("more-null", "`has_more` is neither true nor false"),
        ("doubled", "bucket 2026-11-12T00:00:00Z is out of place"),
        ("one-more-at-the-end", "bucket 2026-11-22T00:00:00Z is out of place"),
        ("too-short", "bucket 2026-11-09T00:00:00Z has a wrong end"),
        ("last-bucket-missing", "it ends before bucket 2026-11-21T00:00:00Z"),
        ("endless-empty-pages", "its pages go in a circle"),
    ],
)
def test_what_is_wrong_with_the_pages_is_told(trap: str, problem: str) -> None:
    """The message names the route, the bucket and the defect."""
    with serving() as api:
        tamper(api, TRAPS[trap], only=of_width("1d"), limit=8)
        with pytest.raises(UnverifiedError) as raised:
            read(api)
    assert_says(str(raised.value), f"cannot be trusted: {problem}", f"(GET {USAGE})")


def test_a_cursor_that_repeats_is_an_error_even_if_its_pages_do_not() -> None:
    """Two pages under one cursor cannot be told apart from a circle, however well they fit."""
    cursors: list[str] = []

    def intercept(request: Request, _: int) -> Response | None:
        if not of_width("1d")(request):
            return None
        if first(request, "page"):
            query = [(name, cursors[-1] if name == "page" else it) for name, it in request.query]
            request = replace(request, query=query)
        answer = json.loads(api.answer(with_limit(request, 8)).body)
        if answer["has_more"]:
            cursors.append(answer["next_page"])
            answer["next_page"] = "page_always"
        return reply(answer)

    with serving() as api:
        api.intercept = intercept
        with pytest.raises(UnverifiedError, match="circle"):
            read(api)
    assert len(cursors) == 2


@pytest.mark.parametrize("trap", ["missing", "doubled", "reordered", "ends-early", "a-day-long"])
def test_hours_of_the_open_day_are_checked_as_days_are(trap: str) -> None:
    """The hourly buckets of today tile the day so far, or the run ends."""
    changes: dict[str, Callable[[list[Any]], object]] = {
        "missing": lambda data: data.pop(5),
        "doubled": lambda data: data.insert(5, data[5]),
        "reordered": lambda data: data.reverse(),
        "ends-early": lambda data: data.pop(),
        "a-day-long": lambda data: data[0].update(ending_at="2026-11-23T00:00:00Z"),
    }
    with serving() as api:
        tamper(api, lambda _, answer: changes[trap](answer["data"]) and None, only=of_width("1h"))
        with pytest.raises(UnverifiedError, match="cannot be trusted"):
            read(api)


def test_a_page_of_the_second_query_that_is_missing_is_an_error() -> None:
    """The context windows are read as strictly as the rest."""
    with serving() as api:
        tamper(api, lambda _, answer: answer["data"].pop() and None, only=is_lengths)
        with pytest.raises(UnverifiedError, match="it ends before"):
            read(api)


def test_a_cursor_beside_no_more_is_not_followed() -> None:
    """Where the API says that there is no more, a cursor beside it means nothing."""
    with serving() as api:
        tamper(api, lambda _, answer: answer.update(next_page="page_x"), only=of_width("1d"))
        assert sums(read(api)) == truth(api)


# The routes below the organization.


def without_searches(api: LoopbackAPI) -> Organization:
    """Return the organization as the org-scoped report shows it."""
    usage = [replace(usage, searches=0) for usage in api.organization.usage]
    return replace(api.organization, usage=usage)


@pytest.mark.parametrize("moment", ["in-the-month", "six-dimensions", "late-on-the-1st"])
def test_org_scoped_routes_give_the_range_that_they_leave_open(moment: str) -> None:
    """Where the direct route is not found, the bounds are those of the few dimensions told, and hold the truth."""
    as_of = at(MOMENTS[moment])
    with LoopbackAPI(organization_at(as_of, 11), now=as_of, org_scoped=True) as api:
        usage = read(api)
        shown = without_searches(api)
    found = sums(usage)
    assert found == priced(shown, month_start(as_of), as_of, KNOWN_ORG_SCOPED)
    low, high = priced(shown, month_start(as_of), as_of).overall
    assert found.overall[0] <= low <= high <= found.overall[1]
    assert [note.code for note in usage.notes] == ["organization_routes"]


def test_org_scoped_workspaces_are_those_of_the_organization() -> None:
    """The workspaces come from below the organization too."""
    with LoopbackAPI(organization_at(NOW, 11), now=NOW, org_scoped=True) as api:
        usage = read(api)
        active = {one.id for one in api.organization.workspaces if one.archived_at is None}
        paths = {request.path for request in api.requests}
        identity = api.organization.id
    assert usage.workspaces is not None
    assert {one.id for one in usage.workspaces} == active
    assert f"/v1/organizations/{identity}/workspaces" in paths
    assert f"/v1/organizations/{identity}/usage_report/messages" in paths


def test_org_scoped_usage_is_asked_for_by_five_groups() -> None:
    """The length of the prompts among them; the speed, which these routes refuse, is not."""
    with LoopbackAPI(organization_at(NOW, 11), now=NOW, org_scoped=True) as api:
        read(api)
        asked = [
            groups(request)
            for request in api.requests
            if request.path == f"/v1/organizations/{api.organization.id}/usage_report/messages"
        ]
    assert len(asked) == 2
    for group in asked:
        assert set(group) == {
            "workspace_id",
            "model",
            "service_tier",
            "inference_geo",
            "context_window",
        }


def test_org_scoped_usage_that_names_no_workspace_is_of_none_in_particular() -> None:
    """Where every row's workspace is null, the answer may not tell workspaces at all."""
    organization = organization_at(NOW, 11)
    usage = [replace(one, workspace=None) for one in organization.usage]
    organization = replace(organization, usage=usage)
    with LoopbackAPI(organization, now=NOW, org_scoped=True) as api:
        found = read(api)
        expected = priced(without_searches(api), month_start(NOW), NOW, KNOWN_ORG_SCOPED)
    assert {key.workspace for key in found.table} == {UNATTRIBUTED}
    assert sums(found).overall == expected.overall


@pytest.mark.parametrize("span", ["day", "hour", "both"])
def test_an_org_scoped_row_without_its_workspace_is_an_error_beside_one_with(span: str) -> None:
    """Be it in the same answer or in that of today; where no row has one, it may be of any."""
    use = [
        Usage(NOW - timedelta(days=3), "wrkspc_A", "claude-opus-5-5", output=1),
        Usage(NOW - timedelta(days=3), "wrkspc_B", "claude-opus-5-5", output=1),
        Usage(NOW - timedelta(hours=1), "wrkspc_B", "claude-opus-5-5", output=1),
    ]
    organization = Organization(use, [Workspace("wrkspc_A", "a"), Workspace("wrkspc_B", "b")])
    # It answers when asked from within, and does not listen.
    with LoopbackAPI(organization, now=NOW, org_scoped=True) as plain:
        pass

    def without(request: Request, _: int) -> Response | None:
        width = dict(request.query).get("bucket_width")
        is_report = request.path.endswith("/messages") and request.path != USAGE
        if not is_report or (span == "hour" and width == "1d") or (span == "day" and width == "1h"):
            return None
        answer = json.loads(plain.answer(request).body)
        for bucket in answer["data"]:
            for row in bucket["results"]:
                if span != "day" or row["workspace_id"] == "wrkspc_B":
                    del row["workspace_id"]
        return Response(200, json.dumps(answer).encode())

    with LoopbackAPI(organization, now=NOW, org_scoped=True, intercept=without) as api:
        if span == "both":
            assert {key.workspace for key in read(api).table} == {UNATTRIBUTED}
        else:
            with pytest.raises(UnverifiedError, match="a row has no workspace_id"):
                read(api)


def test_org_scoped_usage_of_the_default_workspace_beside_another_is_its_own() -> None:
    """One row that names its workspace tells that the report tells workspaces."""
    named = Usage(NOW - timedelta(days=3), "wrkspc_A", "claude-opus-5-5", output=1)
    default = replace(named, workspace=None, output=2)
    organization = Organization([named, default], [Workspace("wrkspc_A", "a")])
    with LoopbackAPI(organization, now=NOW, org_scoped=True) as api:
        found = read(api)
    assert {key.workspace for key in found.table} == {"wrkspc_A", None}


def test_an_organization_id_stays_one_part_of_the_path() -> None:
    """An id with a slash in it cannot lead to another route."""
    organization = Organization([], [], id="a/../b?c")
    with LoopbackAPI(organization, now=NOW, org_scoped=True) as api:
        with pytest.raises(RefusedError):
            read(api)
        paths = {request.path for request in api.requests}
    assert "/v1/organizations/a%2F..%2Fb%3Fc/usage_report/messages" in paths
    assert all(path.startswith("/v1/organizations") for path in paths)


NO_ID = "the organization has no id"
NO_ORGANIZATIONS = "it is not a list of organizations"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(
            {"data": []}, "it lists 0 organizations, so which to judge is unclear", id="none"
        ),
        pytest.param(
            {"data": [{"id": "a", "name": "A"}, {"id": "b", "name": "B"}]},
            "it lists 2 organizations, so which to judge is unclear",
            id="two",
        ),
        pytest.param({"data": [{"name": "A"}]}, NO_ID, id="without-id"),
        pytest.param({"data": [{"id": ""}]}, NO_ID, id="empty-id"),
        pytest.param({"data": [{"id": 7}]}, NO_ID, id="numeric-id"),
        pytest.param({"data": ["a"]}, NO_ID, id="text"),
        pytest.param({"data": [{"id": "a"}], "has_more": True}, NO_ORGANIZATIONS, id="more"),
        pytest.param({"data": {"id": "a"}}, NO_ORGANIZATIONS, id="no-list"),
        pytest.param([], NO_ORGANIZATIONS, id="no-object"),
        pytest.param("a", NO_ORGANIZATIONS, id="only-text"),
    ],
)
def test_anything_but_one_organization_is_an_error(answer: object, problem: str) -> None:
    """Which organization to judge is never guessed."""
    with LoopbackAPI(organization_at(NOW, 11), now=NOW, org_scoped=True) as api:
        api.intercept = lambda request, _: (
            reply(answer) if request.path == "/v1/organizations" else None
        )
        with pytest.raises(UnverifiedError) as raised:
            read(api)
    assert_says(str(raised.value), f"cannot be trusted: {problem}", "(GET /v1/organizations)")


SEVERAL = {"data": [{"id": "org-a", "name": "A"}, {"id": "org-b", "name": "B"}]}


def test_several_organizations_ask_for_the_one_that_is_meant() -> None:
    """The remedy names the key of the policy and the ids there are."""
    with LoopbackAPI(organization_at(NOW, 11), now=NOW, org_scoped=True) as api:
        api.intercept = lambda request, _: (
            reply(SEVERAL) if request.path == "/v1/organizations" else None
        )
        with pytest.raises(UnverifiedError) as raised:
            read(api)
    assert raised.value.hint == (
        "write `organization: ID` in the policy, ID being one of org-a, org-b"
    )


def test_where_nothing_is_found_the_first_error_is_shown() -> None:
    """A base URL that knows neither route is reported with the route that was asked for first."""
    with serving() as api:
        api.intercept = lambda *_: refuse(404, "not_found_error")
        with pytest.raises(RefusedError) as raised:
            read(api)
    assert_says(str(raised.value), "(404)", f"GET {USAGE}: not_found_error")
    assert "ANTHROPIC_BASE_URL" in raised.value.hint


def test_a_discovery_that_is_denied_says_so() -> None:
    """Where the organization may not be asked for, that is the error."""
    with serving() as api:
        api.intercept = lambda request, _: (
            refuse(403, "permission_error")
            if request.path == "/v1/organizations"
            else refuse(404, "not_found_error")
        )
        with pytest.raises(
            RefusedError, match=r"\(403\) \(GET /v1/organizations: permission_error"
        ):
            read(api)


def test_an_org_scoped_report_that_ends_early_is_an_error() -> None:
    """The org-scoped buckets tile the period as the direct ones do."""
    with LoopbackAPI(organization_at(NOW, 11), now=NOW, org_scoped=True) as api:
        tamper(
            api,
            lambda _, answer: answer["data"].pop() and None,
            only=lambda request: (
                request.path.endswith("/usage_report/messages") and request.path != USAGE
            ),
        )
        with pytest.raises(UnverifiedError):
            read(api)


@pytest.mark.parametrize(("status", "kind"), [(401, "authentication_error"), (400, "x")])
def test_other_refusals_do_not_lead_to_the_org_scoped_routes(status: int, kind: str) -> None:
    """Only a route that is not found is looked for elsewhere."""
    with serving() as api:
        api.intercept = lambda *_: refuse(status, kind)
        with pytest.raises(RefusedError):
            read(api)
        assert "/v1/organizations" not in {request.path for request in api.requests}
        if status == 401:
            assert all("speed" in groups(request) for request in usage_requests(api))


def test_cache_writes_that_are_not_told_apart_cost_between_both_rates() -> None:
    """A million unsplit cache writes of opus 5.5 cost 5 to 8 USD, by hand; its fast and US prices widen that to 17.60."""
    usage = [Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", write_1h=1_000_000)]
    with LoopbackAPI(Organization(usage, []), now=NOW, org_scoped=True) as api:
        found = sums(read(api))
    assert found.overall == (Fraction(5), Fraction("17.6"))


def test_a_month_of_large_counts_is_exact() -> None:
    """Counts beyond 2^53 lose nothing on their way."""
    usage = [
        Usage(at("2026-11-05T10:00:00Z"), None, "claude-opus-5-5", uncached=2**53 + 1),
        Usage(at("2026-11-22T10:00:00Z"), None, "claude-opus-5-5", uncached=2**53 + 1),
    ]
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        assert sums(read(api)).overall[0] == Fraction(2 * (2**53 + 1) * 4, 1_000_000)
