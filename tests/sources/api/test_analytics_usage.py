"""Usage as read from the usage analytics by a key that may read nothing else: the same as the usage report's."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.usage import Usage as ReadUsage
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.usage_report import read_days, read_history, read_usage
from budget_gate.sources.http.credentials import Credential
from tests.helpers.builders import MILLION, policy
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
    refuse,
    spend_of,
    sums,
    tamper,
)
from tests.helpers.wording import assert_says
from tests.sources.api.test_usage_report import MOMENTS, month_start, organization_at
from tests.world.keys import ANALYTICS_KEY, Key, analytics_key
from tests.world.loopback import (
    DEFAULT_WORKSPACE_ID,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
    priced,
)
from tests.world.oracle import Usage

ANALYTICS = "/v1/organizations/analytics/usage"
READ_ONLY = Credential.of_key(ANALYTICS_KEY)
ALPHA, BETA = "wrkspc_01EXAMPLEALPHA", "wrkspc_01EXAMPLEBETA"
GLOBAL = "version: 1\nglobal: {cap: 1}\n"
# $20 in a workspace and $10 in the default one, at list price.
TWO = Organization(
    [
        Usage(at("2026-11-02T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-11-22T09:00:00Z"), None, "claude-sonnet-5", output=MILLION),
    ],
    [Workspace(ALPHA, "alpha")],
)
# $20 as well, with which a product other than the API is tried.
SEAT = Usage(at("2026-11-03T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)


def api(organization: Organization = TWO, *, key: Key | None = None, **options: Any) -> LoopbackAPI:
    """An API whose analytics reach up to its own time, and the key that may read them alone."""
    now = options.setdefault("now", NOW)
    options.setdefault("data_refreshed_at", now)
    return LoopbackAPI(organization, bill=[], keys=[key or analytics_key()], **options)


def read(
    server: LoopbackAPI, rules: str | None = None, month: MonthToDate | None = None
) -> ReadUsage:
    """The month to date of the server's time, as the read-only key reads it."""
    file = policy(rules) if rules else None
    with connected(server.url, credential=READ_ONLY) as transport:
        return read_usage(transport, month or MonthToDate(server.now), book(), file)


def read_served(server: LoopbackAPI, rules: str | None = None) -> ReadUsage:
    """As `read`, of a server that is started for it."""
    with server:
        return read(server, rules)


def spent(usage: ReadUsage) -> dict[str | None, Fraction]:
    """The exact spend of each workspace."""
    found = sums(usage).workspaces
    assert all(low == high for low, high in found.values())
    return {id_: low for id_, (low, _) in found.items()}


def codes(usage: ReadUsage) -> list[str]:
    """What the notes are about."""
    return [note.code for note in usage.notes]


def analytics_requests(server: LoopbackAPI) -> list[Request]:
    """The requests of the usage analytics."""
    return [request for request in server.requests if request.path == ANALYTICS]


# The same numbers


@pytest.mark.parametrize("moment", MOMENTS)
def test_spend_equals_the_oracle_and_the_usage_report(moment: str) -> None:
    """Whatever the moment, both routes give the same table, and the oracle the same sums."""
    as_of = at(MOMENTS[moment])
    organization = organization_at(as_of, seed=len(moment))
    with api(organization, now=as_of, key=analytics_key("workspaces")) as server:
        usage = read(server)
        with connected(server.url) as transport:
            reported = read_usage(transport, MonthToDate(as_of), book())
        assert usage.table == reported.table
        assert sums(usage) == priced(server, month_start(as_of), as_of)
        assert usage.workspaces == reported.workspaces
        assert usage.coverage._replace(refreshed_at=None) == reported.coverage


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    days=st.integers(0, 330),
    seconds=st.integers(0, 86_399),
    behind=st.integers(0, 40 * 3600),
    limit=st.integers(1, 1000),
    has_list=st.booleans(),
)
def test_any_month_of_any_organization_is_the_same_up_to_the_last_refresh(
    *, seed: int, days: int, seconds: int, behind: int, limit: int, has_list: bool
) -> None:
    """With pages of any length: all usage before the refresh is there exactly once, and none after it."""
    as_of = at("2026-01-03T00:00:00Z") + timedelta(days=days, seconds=seconds)
    refreshed = as_of - timedelta(seconds=behind)
    organization = organization_at(as_of, seed, rows=80)
    key = analytics_key("workspaces") if has_list else analytics_key()
    with api(organization, now=as_of, key=key, data_refreshed_at=refreshed) as server:
        tamper(server, lambda *_: None, only=lambda it: it.path == ANALYTICS, limit=limit)
        usage = read(server, f"{GLOBAL}names: {{{DEFAULT_WORKSPACE_ID}: default}}\n")
        assert sums(usage) == priced(server, month_start(as_of), min(refreshed, as_of))
        assert usage.coverage.refreshed_at == refreshed


def test_every_query_keeps_to_what_the_api_allows() -> None:
    """Five dimensions, whole pages, oldest first, so that no row moves from one page to another."""
    as_of = at(MOMENTS["six-dimensions"])
    with api(organization_at(as_of, 1), now=as_of) as server:
        read(server)
        asked = analytics_requests(server)
    assert {first(request, "time_bucket_width") for request in asked} == {"1d", "1h"}
    assert {first(request, "limit") for request in asked} == {"1000"}
    assert {first(request, "order_by") for request in asked} == {"time"}
    assert {first(request, "order") for request in asked} == {"asc"}
    assert max(len(groups(request)) for request in asked) == 5


def test_full_days_are_read_alike() -> None:
    """Those of another month, for exports, and those before the month, for estimates."""
    october = Period(at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z"))
    organization = organization_at(at("2026-10-31T20:00:00Z"), 3)
    with api(organization, key=analytics_key("workspaces")) as server:
        with connected(server.url, credential=READ_ONLY) as transport:
            days = read_days(transport, october, book())
            history = read_history(transport, october)
        truth = priced(server, october.start, october.end)
        with connected(server.url) as transport:
            reported = read_history(transport, october)
    assert sums(days) == truth
    assert history.table == reported.table
    assert days.coverage.refreshed_at == NOW


def test_nothing_used_is_nothing_read() -> None:
    """An organization without usage has an empty table, and a refresh all the same."""
    usage = read_served(api(Organization([], [])))
    assert (usage.table, usage.coverage.refreshed_at) == ({}, NOW)
    assert usage.is_default_told


# Which route answers


def test_the_usage_report_goes_first() -> None:
    """A credential that may read it asks the analytics nothing."""
    with api() as server, connected(server.url) as transport:
        usage = read_usage(transport, MonthToDate(NOW), book())
    assert analytics_requests(server) == []
    assert usage.coverage.refreshed_at is None


@pytest.mark.parametrize("status", [403, 404])
def test_where_the_analytics_are_closed_too_the_first_answer_is_told(status: int) -> None:
    """A key that may read nothing is told about the usage report, as ever."""
    server = api(refuse={"analytics/usage": status})
    with pytest.raises(UnverifiedError) as raised:
        read_served(server)
    assert raised.value.code == "http_403"
    assert_says(raised.value.told, "(403)", "use an Admin key", USAGE)
    assert ANALYTICS not in raised.value.told


def test_an_organization_without_analytics_is_told_both_answers() -> None:
    """HIPAA readiness answers 400: the reason, and the key that helps."""
    with pytest.raises(UnverifiedError) as raised:
        read_served(api(is_hipaa_ready=True))
    assert raised.value.code == "no_usage"
    assert_says(
        raised.value.told,
        "usage cannot be read: the API refused it twice (403, 400)",
        "use an Admin key",
        "readiness",
        USAGE,
        ANALYTICS,
    )


def test_an_api_in_trouble_is_what_is_told() -> None:
    """Analytics that are down are no credential's fault."""
    with pytest.raises(UnverifiedError) as raised:
        read_served(api(refuse={"analytics/usage": 500}))
    assert raised.value.code == "http_500"


def test_a_list_in_trouble_is_no_missing_list() -> None:
    """Only a refusal of the list is done without."""
    with pytest.raises(UnverifiedError) as raised:
        read_served(api(key=analytics_key("workspaces"), refuse={"workspaces": 500}))
    assert raised.value.code == "http_500"


def test_a_list_that_is_refused_beside_a_usage_report_stays_an_error() -> None:
    """There, names are not what is missing: the credential is a wrong one."""
    with (
        api(refuse={"workspaces": 403}) as server,
        connected(server.url) as transport,
        pytest.raises(UnverifiedError) as raised,
    ):
        read_usage(transport, MonthToDate(NOW), book())
    assert (raised.value.code, WORKSPACES in raised.value.told) == ("http_403", True)
    assert analytics_requests(server) == []


# The default workspace


def test_the_list_tells_the_default_workspace() -> None:
    """The one that it has only when asked for it."""
    usage = read_served(api(key=analytics_key("workspaces")))
    assert spent(usage) == {ALPHA: 20, None: 10}
    assert usage.default_ids == {DEFAULT_WORKSPACE_ID}
    assert usage.is_default_told


def test_an_older_list_tells_it_by_lacking_it() -> None:
    """The list has all workspaces but that one."""
    usage = read_served(api(key=analytics_key("workspaces"), lists_default=False))
    assert spent(usage) == {ALPHA: 20, None: 10}


def test_an_older_list_that_lacks_nothing_says_that_it_has_no_usage() -> None:
    """Where all usage is of listed workspaces, that of the default one is known to be none."""
    organization = replace(TWO, usage=TWO.usage[:1])
    usage = read_served(api(organization, key=analytics_key("workspaces"), lists_default=False))
    assert spent(usage) == {ALPHA: 20}
    assert usage.is_default_told


def test_an_older_list_that_lacks_two_tells_nothing() -> None:
    """One of them may have come while the list was read."""
    usage = [*TWO.usage, replace(SEAT, workspace=BETA)]
    key = analytics_key("workspaces")
    found = read_served(api(replace(TWO, usage=usage), key=key, lists_default=False))
    assert spent(found) == {ALPHA: 20, BETA: 20, DEFAULT_WORKSPACE_ID: 10}
    assert not found.is_default_told


def test_the_policy_tells_the_default_workspace() -> None:
    """Where there is no list, an id that it calls `default` is that workspace's."""
    rules = f"{GLOBAL}names: {{{DEFAULT_WORKSPACE_ID}: default, {ALPHA}: alpha}}\n"
    usage = read_served(api(), rules)
    assert spent(usage) == {ALPHA: 20, None: 10}
    assert (usage.workspaces, usage.is_default_told) == (None, True)


def test_without_list_and_label_nobody_guesses() -> None:
    """Its usage is shown under its id, and that nobody knows which one it is goes along."""
    usage = read_served(api(), GLOBAL)
    assert spent(usage) == {ALPHA: 20, DEFAULT_WORKSPACE_ID: 10}
    assert (usage.default_ids, usage.is_default_told) == (frozenset(), False)


def test_an_enterprise_organization_has_no_other() -> None:
    """Its only workspace is told as null, which is the default one."""
    alone = replace(TWO, usage=[replace(it, workspace=None) for it in TWO.usage])
    usage = read_served(api(alone, default_workspace_id=None))
    assert spent(usage) == {None: 30}
    assert usage.is_default_told


# Products


def test_usage_of_seats_is_left_out_and_that_is_told() -> None:
    """Chat and others are people's seats: neither their tokens nor their fast or long ones count."""
    seats = [
        ("chat", SEAT),
        ("cowork", replace(SEAT, speed="fast", context_window="200k-1M")),
        ("claude_tag", replace(SEAT, workspace=BETA, at=at("2026-11-22T09:30:00Z"))),
    ]
    usage = read_served(api(key=analytics_key("workspaces"), other_products=seats))
    assert spent(usage) == {ALPHA: 20, None: 10}
    assert codes(usage) == ["analytics", "seats_left_out"]
    assert_says(usage.notes[1].message, "Not included", "seats", "chat, claude_tag, cowork")


@pytest.mark.parametrize(
    ("product", "name"),
    [("claude_code", "claude_code"), ("other", "other"), (None, "no named product")],
)
def test_usage_that_may_be_of_the_api_counts_with_a_warning(product: str | None, name: str) -> None:
    """Left out, it would make spend a smaller number than it may be."""
    usage = read_served(api(key=analytics_key("workspaces"), other_products=[(product, SEAT)]))
    assert spent(usage)[ALPHA] == 40
    assert codes(usage) == ["analytics", "product_unclear"]
    assert_says(usage.notes[1].message, f"Usage of {name} is included", "seats")


@pytest.mark.parametrize("product", ["claude_console", "managed_agents_api", "messages_api"])
def test_usage_of_the_api_counts_without_a_word(product: str) -> None:
    """The Console's workbench and agents are of the API as well."""
    usage = read_served(api(key=analytics_key("workspaces"), other_products=[(product, SEAT)]))
    assert spent(usage)[ALPHA] == 40
    assert codes(usage) == ["analytics"]


def test_a_key_of_a_parent_organization_is_told_of() -> None:
    """Whose usage it is, and that some of them may be missing."""

    def of_children(request: Request, answer: dict[str, Any]) -> None:
        if "organization_id" in groups(request):
            for number, row in enumerate(answer["data"]):
                row["group"]["organization_id"] = f"org-{number % 2}"

    with api() as server:
        tamper(server, of_children, only=lambda it: it.path == ANALYTICS)
        usage = read(server)
    assert codes(usage) == ["analytics", "parent_organization"]
    assert_says(usage.notes[1].message, "parent organization", "org-0", "not in it")


def test_an_api_that_knows_no_parents_is_asked_for_products_alone() -> None:
    """Grouping by organization may be refused where there is none below."""
    with api(other_products=[("chat", SEAT)]) as server:
        server.intercept = lambda it, _: refuse(400) if "organization_id" in groups(it) else None
        usage = read(server)
    assert "seats_left_out" in codes(usage)
    assert spent(usage)[ALPHA] == 20


# Freshness


def refreshing(times: int) -> Callable[[Request, dict[str, Any]], object]:
    """Has the data refreshed before each page but the first of a query, so many times in all."""
    left = [times]

    def change(request: Request, answer: dict[str, Any]) -> None:
        if first(request, "page") and left[0]:
            left[0] -= 1
            answer["data_refreshed_at"] = "2026-11-22T15:36:00Z"

    return change


def is_analytics(request: Request) -> bool:
    """Whether a request asks the usage analytics."""
    return request.path == ANALYTICS


def is_daily(request: Request) -> bool:
    """Whether a request asks them for full days."""
    return is_analytics(request) and first(request, "time_bucket_width") == "1d"


def test_data_that_is_refreshed_between_two_pages_is_read_again() -> None:
    """Once more from the first page: rows may have moved from one to the other."""
    with api(key=analytics_key("workspaces"), now=NOW) as server:
        tamper(server, refreshing(1), only=is_analytics, limit=1)
        usage = read(server)
    assert spent(usage) == {ALPHA: 20, None: 10}


def test_data_that_is_always_refreshed_is_not_trusted() -> None:
    """After some tries, it is an error and no smaller number."""
    many = [
        replace(it, model=model)
        for it in TWO.usage
        for model in ("claude-opus-5-5", "claude-sonnet-5")
    ]
    with api(replace(TWO, usage=many)) as server:
        tamper(server, refreshing(10**6), only=is_analytics, limit=1)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "refreshed_counts"
    assert_says(raised.value.told, "refreshed while they were read", "run the gate again")


def test_seats_are_left_out_of_the_same_data() -> None:
    """All usage and that of seats are of one refresh, or else what is left of both means nothing."""
    times = [NOW - timedelta(minutes=10 - number) for number in range(5)]
    server = api(
        key=analytics_key("workspaces"), other_products=[("chat", SEAT)], data_refreshed_at=times
    )
    usage = read_served(server)
    assert spent(usage) == {ALPHA: 20, None: 10}


def test_seats_of_other_data_than_all_usage_are_not_subtracted() -> None:
    """Where both never are of one refresh, it is an error."""

    def later(request: Request, answer: dict[str, Any]) -> None:
        if first(request, "products[]"):
            answer["data_refreshed_at"] = "2026-11-22T15:36:00Z"

    with api(other_products=[("chat", SEAT)]) as server:
        tamper(server, later, only=is_analytics)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "refreshed_counts"


def test_the_oldest_refresh_is_that_of_all() -> None:
    """Days and hours are asked for side by side, and may differ."""

    def older(request: Request, answer: dict[str, Any]) -> None:
        if first(request, "time_bucket_width") == "1h":
            answer["data_refreshed_at"] = "2026-11-22T14:00:00Z"

    with api() as server:
        tamper(server, older, only=is_analytics)
        assert read(server).coverage.refreshed_at == at("2026-11-22T14:00:00Z")


def test_a_refresh_of_the_future_is_not_trusted() -> None:
    """Numbers that claim to be of tomorrow would pass for fresh ones."""
    with pytest.raises(UnverifiedError) as raised:
        read_served(api(data_refreshed_at=NOW + timedelta(minutes=20)))
    assert (raised.value.code, "future" in raised.value.told) == ("malformed_answer", True)


@pytest.mark.parametrize("minutes", [1, 4])
def test_clocks_may_differ_by_minutes(minutes: int) -> None:
    """Those of the API's machines do."""
    told = NOW + timedelta(minutes=minutes)
    assert read_served(api(data_refreshed_at=told)).coverage.refreshed_at == told


# Answers that are not as documented

Change = Callable[[dict[str, Any]], object]


def _row(change: Change) -> Change:
    return lambda answer: change(answer["data"][0]) if answer["data"] else None


MALFORMED: dict[str, Change] = {
    "no list of rows": lambda answer: answer.update(data={}),
    "no refresh": lambda answer: answer.pop("data_refreshed_at"),
    "a refresh that is no time": lambda answer: answer.update(data_refreshed_at="today"),
    "no word of more": lambda answer: answer.pop("has_more"),
    "more, and not where": lambda answer: answer.update(has_more=True),
    "a row that is a text": lambda answer: answer["data"].append("row"),
    "a row twice": lambda answer: answer["data"].extend(answer["data"][:1]),
    "a row without a group": _row(lambda row: row.pop("group")),
    "a row without usage": _row(lambda row: row.pop("usage")),
    "a row without a start": _row(lambda row: row.pop("starting_at")),
    "a time that is none": _row(lambda row: row.update(starting_at="noon")),
    "a row of another month": _row(
        lambda row: row.update(starting_at="2026-10-31T00:00:00Z", ending_at="2026-11-01T00:00:00Z")
    ),
    "a row off its bucket": _row(lambda row: row.update(starting_at="2026-11-02T00:30:00Z")),
    "a bucket that is too long": _row(lambda row: row.update(ending_at="2026-11-30T00:00:00Z")),
    "a count that is a text": _row(lambda row: row["usage"].update(output_tokens="7")),
    "a negative count": _row(lambda row: row["usage"].update(output_tokens=-1)),
    "no count of output": _row(lambda row: row["usage"].pop("output_tokens")),
    "a class that is not known": _row(lambda row: row["usage"].update(thinking_tokens=5)),
    "a sum of more than the classes": _row(lambda row: row["usage"].update(total_tokens=10**9)),
    "a sum that is a text": _row(lambda row: row["usage"].update(total_tokens="7")),
    "a tool that is not known": _row(
        lambda row: row["usage"]["server_tool_use"].update(code_requests=1)
    ),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_an_answer_that_is_not_as_documented_is_no_usage(fault: str) -> None:
    """It ends in an error, never in a smaller number."""
    with api() as server:
        tamper(server, lambda _, answer: MALFORMED[fault](answer), only=is_daily)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "malformed_answer"


DIMENSIONS: dict[str, object] = {
    "model": [1],
    "speed": None,
    "service_tier": None,
    "workspace_id": 7,
}


@pytest.mark.parametrize("name", DIMENSIONS)
def test_a_dimension_that_was_asked_for_is_told(name: str) -> None:
    """A price, or a budget, goes by it."""

    def change(request: Request, answer: dict[str, Any]) -> None:
        for row in answer["data"]:
            if name in groups(request):
                row["group"][name] = DIMENSIONS[name]

    with api() as server:
        tamper(server, change, only=is_analytics)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "malformed_answer"


@pytest.mark.parametrize("name", ["model", "speed", "workspace_id", "inference_geo"])
def test_a_dimension_may_not_be_absent(name: str) -> None:
    """Absent, it says nothing: that is not the same as null."""

    def change(request: Request, answer: dict[str, Any]) -> None:
        for row in answer["data"]:
            if name in groups(request):
                del row["group"][name]

    with api() as server:
        tamper(server, change, only=is_analytics)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "malformed_answer"


def test_rows_that_count_no_tokens_need_tell_nothing() -> None:
    """Code execution has neither model nor tier, and no tokens."""

    def with_execution(_: Request, answer: dict[str, Any]) -> None:
        if not answer["data"]:
            return
        row = answer["data"][0]
        nothing = {
            "uncached_input_tokens": 0,
            "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
            "server_tool_use": {"web_search_requests": 0},
            "total_tokens": 0,
            "requests": 12,
        }
        group = {**dict.fromkeys(row["group"]), "workspace_id": ALPHA}
        answer["data"].append({**row, "group": group, "usage": nothing})

    with api(key=analytics_key("workspaces")) as server:
        tamper(server, with_execution, only=is_analytics)
        usage = read(server)
    assert spent(usage) == {ALPHA: 20, None: 10}
    assert codes(usage) == ["analytics"]


def test_more_seats_than_there_is_usage_is_not_trusted() -> None:
    """A part that is more than all of it makes both doubtful."""

    def more(request: Request, answer: dict[str, Any]) -> None:
        if first(request, "products[]"):
            for row in answer["data"]:
                row["usage"]["output_tokens"] *= 9

    with api(other_products=[("chat", SEAT)]) as server:
        tamper(server, more, only=is_analytics)
        with pytest.raises(UnverifiedError) as raised:
            read(server)
    assert raised.value.code == "malformed_answer"


def test_a_filter_that_is_ignored_is_no_filter_of_seats() -> None:
    """All usage would be taken for that of seats, and nothing be left."""

    def unfiltered(request: Request, _: int) -> Response | None:
        if request.path != ANALYTICS:
            return None
        query = [part for part in request.query if part[0] != "products[]"]
        return server.answer(replace(request, query=query))

    server = api(other_products=[("chat", SEAT)], intercept=unfiltered)
    with pytest.raises(UnverifiedError) as raised:
        read_served(server)
    assert raised.value.code == "malformed_answer"
    assert_says(raised.value.message, "products that were not asked for")


def test_lengths_that_do_not_add_up_leave_a_range() -> None:
    """Where usage came in between both answers, the cost is a range that holds the truth."""
    as_of = at(MOMENTS["six-dimensions"])
    with api(organization_at(as_of, 1), now=as_of, key=analytics_key("workspaces")) as server:

        def less(request: Request, answer: dict[str, Any]) -> None:
            if "context_window" in groups(request):
                for row in answer["data"]:
                    row["usage"]["output_tokens"] //= 2
                    row["usage"].pop("total_tokens")

        tamper(server, less, only=is_analytics)
        usage = read(server)
        truth = priced(server, month_start(as_of), as_of)
    overall = [line.cost for line in spend_of(usage).lines]
    low = sum((exact(cost)[0] for cost in overall), Fraction(0))
    high = sum((exact(cost)[1] for cost in overall), Fraction(0))
    assert low < high
    assert low <= truth.overall[0] <= truth.overall[1] <= high
