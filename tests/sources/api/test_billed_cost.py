"""What was billed, as the cost routes tell it: every settled day to the last digit, or an error."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from budget_gate.domain.billed.bill import Bill
from budget_gate.domain.period import Period
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.billed_cost import read_bill
from tests.helpers.serving import (
    COST,
    COST_REPORT,
    NOW,
    at,
    connected,
    first,
    recorded,
    refuse,
    reply,
    tamper,
)
from tests.helpers.wording import assert_says
from tests.world.billing import Charge, bill_of, billed, code_execution, session_usage
from tests.world.loopback import DEFAULT_WORKSPACE_ID, LoopbackAPI, Organization, Request, Response
from tests.world.oracle import Usage
from tests.world.organizations import random_organization, seeded

REFUSED = {"analytics/cost": 403}
FIRST, TODAY = date(2026, 11, 1), date(2026, 11, 22)
# A day on, so that all that is asked for is settled by the cost report, too.
LATER = NOW + timedelta(days=1)
ALPHA, BETA = "wrkspc_01EXAMPLEALPHA", "wrkspc_01EXAMPLEBETA"
SAMPLE = Organization(
    usage=[
        Usage(at("2026-11-01T00:00:00Z"), None, "claude-opus-5-5", uncached=1_000_000, searches=7),
        Usage(at("2026-11-01T23:59:59Z"), ALPHA, "claude-sonnet-5", read=3_000_000),
        Usage(at("2026-11-09T12:00:00Z"), ALPHA, "claude-sonnet-5", output=1),
        Usage(at("2026-11-10T12:00:00Z"), BETA, "claude-opus-5-5", output=70_000),
        Usage(at("2026-11-21T23:59:59Z"), BETA, "claude-opus-5-5", speed="fast", output=1_000),
    ],
    workspaces=[],
)
BILL = [
    *bill_of(SAMPLE),
    code_execution(date(2026, 11, 3), None, Fraction("5.2799976")),
    session_usage(date(2026, 11, 4), ALPHA, Fraction("0.08")),
]
# The statuses that say that a route is not for this credential, and some that say something else.
REFUSALS = (400, 403, 404)
TROUBLES = (401, 429, 500, 504, 529)

Change = Callable[[dict[str, Any]], object]
Rows = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """An API whose cost analytics answer."""
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL) as server:
        yield server


@pytest.fixture
def report_api() -> Iterator[LoopbackAPI]:
    """An API whose cost report alone answers."""
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse=REFUSED) as server:
        yield server


def bill(
    api: LoopbackAPI, start: date = FIRST, end: date = TODAY, *, now: datetime = LATER
) -> Bill:
    """The bill of some days, as read."""
    period = Period(midnight(start), midnight(end))
    with connected(api.url) as transport:
        return read_bill(transport, period, now)


def midnight(day: date) -> datetime:
    """The first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def failure(api: LoopbackAPI, *, now: datetime = NOW) -> UnverifiedError:
    """The error that reading the bill ends in; it says what it is, what helps, and by which route."""
    with pytest.raises(UnverifiedError) as caught:
        bill(api, now=now)
    error = caught.value
    assert_says(error.message)
    assert_says(error.hint)
    if error.code == "malformed_answer":
        assert error.trace in (f"GET {COST}", f"GET {COST_REPORT}")
    return error


def usd(read: Bill) -> dict[str | None, Fraction]:
    """The USD of each workspace, the default one under the id that the analytics have for it."""
    sums: dict[str | None, Fraction] = defaultdict(Fraction)
    for charge in read.charges:
        sums[charge.workspace] += Fraction(charge.amount)
    return dict(sums)


def named(sums: dict[str | None, Fraction]) -> dict[str | None, Fraction]:
    """The true sums, the default workspace under the id that the analytics have for it."""
    return {name or DEFAULT_WORKSPACE_ID: amount for name, amount in sums.items()}


def paths(api: LoopbackAPI) -> list[str]:
    """The routes that were asked, in order."""
    return [request.path for request in api.requests]


def only(path: str) -> Callable[[Request], bool]:
    """Whether a request is for that route."""
    return lambda request: request.path == path


def change_analytics(api: LoopbackAPI, change: Change, *, limit: int | None = None) -> None:
    """Has the analytics' answers changed."""
    tamper(api, lambda _, answer: change(answer), only=only(COST), limit=limit)


def change_rows(api: LoopbackAPI, change: Rows) -> None:
    """Has the rows of the analytics changed, in place."""

    def changed(answer: dict[str, Any]) -> None:
        change(answer["data"])

    change_analytics(api, changed)


def change_buckets(api: LoopbackAPI, change: Rows) -> None:
    """Has the buckets of the cost report changed, in place."""

    def changed(_: Request, answer: dict[str, Any]) -> None:
        change(answer["data"])

    tamper(api, changed, only=only(COST_REPORT))


def set_everywhere(name: str, value: object) -> Callable[[LoopbackAPI], None]:
    """A way to set a key of the first row's cost or group on either route."""

    def change(api: LoopbackAPI) -> None:
        def changed(request: Request, answer: dict[str, Any]) -> None:
            if request.path == COST:
                row = answer["data"][0]
                part = row["cost"] if name in row["cost"] else row["group"]
            else:
                part = answer["data"][0]["results"][0]
            assert name in part
            part[name] = value

        tamper(
            api,
            changed,
            only=lambda request: request.path == COST_REPORT or "analytics/cost" not in api.refuse,
        )

    return change


@pytest.fixture(params=["analytics", "cost_report"])
def either_api(request: pytest.FixtureRequest) -> Iterator[LoopbackAPI]:
    """An API that tells costs, by one route and then by the other."""
    refused = {} if request.param == "analytics" else REFUSED
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse=refused) as server:
        yield server


# Requests


def test_the_analytics_are_asked_by_day_and_dimension(api: LoopbackAPI) -> None:
    """One request: whole days, in the order of time, 1,000 rows a page, and the beta's header."""
    bill(api)
    (request,) = api.requests
    assert request.path == COST
    assert sorted(request.query) == sorted(
        [
            ("starting_at", "2026-11-01T00:00:00Z"),
            ("ending_at", "2026-11-22T00:00:00Z"),
            ("time_bucket_width", "1d"),
            ("limit", "1000"),
            ("order_by", "time"),
            ("order", "asc"),
            ("group_by[]", "workspace_id"),
            ("group_by[]", "model"),
            ("group_by[]", "service_tier"),
            ("group_by[]", "cost_type"),
        ]
    )
    assert request.headers["anthropic-beta"] == "analytics-usage-cost-2026-08-24"


@pytest.mark.parametrize("status", REFUSALS)
def test_the_cost_report_answers_where_the_analytics_refuse(status: int) -> None:
    """Whole days, 31 a page, by workspace and description; this route needs no beta."""
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse={"analytics/cost": status}) as api:
        read = bill(api)
    assert paths(api) == [COST, COST_REPORT]
    assert sorted(api.requests[1].query) == sorted(
        [
            ("starting_at", "2026-11-01T00:00:00Z"),
            ("ending_at", "2026-11-22T00:00:00Z"),
            ("bucket_width", "1d"),
            ("limit", "31"),
            ("group_by[]", "workspace_id"),
            ("group_by[]", "description"),
        ]
    )
    assert "anthropic-beta" not in api.requests[1].headers
    assert (read.source, usd(read)) == ("cost_report", billed(BILL, FIRST, TODAY).workspaces)


@pytest.mark.parametrize("status", TROUBLES)
def test_analytics_in_trouble_are_not_passed_over(status: int) -> None:
    """Only a refusal leads to the other route: trouble, or a wrong credential, is an error."""
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse={"analytics/cost": status}) as api:
        assert failure(api).code == f"http_{status}"
    assert COST_REPORT not in paths(api)


@pytest.mark.parametrize("status", REFUSALS)
def test_no_route_for_costs(status: int) -> None:
    """Where both are refused the error says so, with both answers."""
    refused = {"analytics/cost": 403, "cost_report": status}
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse=refused) as api:
        error = failure(api)
    assert error.code == "no_billed_cost"
    assert_says(error.message, f"the API refused it twice (403, {status})")
    assert_says(error.trace, f"GET {COST}: ", f"; GET {COST_REPORT}: ")
    assert_says(error.hint, "a credential that may read costs", "list cost (spend.basis: list)")


def test_a_refusal_of_costs_with_a_known_cause_keeps_its_remedy() -> None:
    """Another credential, or list cost, meets the same limit."""
    said = refuse(400, message="You have reached your specified API usage limits.")
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, intercept=lambda *_: said) as api:
        error = failure(api)
    assert error.code == "no_billed_cost"
    assert "raise the limit in the Console" in error.hint


@pytest.mark.parametrize("status", TROUBLES)
def test_a_cost_report_in_trouble(status: int) -> None:
    """It is an error of that status."""
    refused = {"analytics/cost": 404, "cost_report": status}
    with LoopbackAPI(SAMPLE, now=NOW, bill=BILL, refuse=refused) as api:
        assert failure(api).code == f"http_{status}"


def test_the_recorded_answer_to_no_complete_day(report_api: LoopbackAPI) -> None:
    """It is an error here: a period without a completed day is not asked for."""
    body = recorded("error_400_cost_report_no_complete_day__live.json")
    report_api.intercept = lambda request, _: (
        reply(body, 400) if request.path == COST_REPORT else None
    )
    assert failure(report_api).code == "no_billed_cost"


# Settled days


@pytest.mark.parametrize(
    ("refreshed", "through"),
    [
        ("2026-11-22T15:25:00Z", 22),
        ("2026-11-22T00:00:00.000001Z", 22),
        ("2026-11-22T01:00:00+02:00", 21),
        ("2026-11-22T00:00:00Z", 21),
        ("2026-11-21T23:59:59Z", 21),
        ("2026-11-10T12:00:00Z", 10),
        ("2026-11-02T00:00:01Z", 2),
        ("2026-11-02T00:00:00Z", 1),
        ("2026-11-01T00:00:00Z", 1),
        ("2026-10-20T09:00:00Z", 1),
        ("0001-01-01T00:00:00Z", 1),
    ],
)
def test_a_day_is_settled_when_the_data_reaches_past_its_end(
    api: LoopbackAPI, refreshed: str, through: int
) -> None:
    """Reaching midnight sharp is not past it; what is told of later days is left out."""
    change_analytics(api, lambda answer: answer.update(data_refreshed_at=refreshed))
    read = bill(api)
    end = date(2026, 11, through)
    assert (read.start, read.through, read.settled_days) == (FIRST, end, through - 1)
    assert usd(read) == named(billed(BILL, FIRST, end).workspaces)


def test_settled_days_end_with_the_period(api: LoopbackAPI) -> None:
    """Days that were not asked for are not settled, however far the data reaches."""
    read = bill(api, FIRST, date(2026, 11, 10))
    assert read.through == date(2026, 11, 10)
    assert not read.settles(date(2026, 11, 10))
    assert read.settles(date(2026, 11, 9))
    assert not read.settles(date(2026, 10, 31))


@pytest.mark.parametrize(
    ("now", "settled"),
    [
        ("2026-11-22T15:25:00Z", 20),
        ("2026-11-22T23:59:59Z", 20),
        ("2026-11-23T00:00:00Z", 21),
        ("2026-11-21T00:00:00Z", 19),
        ("2026-11-02T23:59:59Z", 0),
    ],
)
def test_a_day_of_the_cost_report_is_settled_a_day_after_its_end(
    report_api: LoopbackAPI, now: str, settled: int
) -> None:
    """Costs may come in 24 hours late, and this route does not say how fresh it is."""
    read = bill(report_api, now=at(now))
    assert (read.through, read.settled_days) == (FIRST + timedelta(days=settled), settled)
    assert all(charge.day < read.through for charge in read.charges)


@pytest.mark.parametrize(
    ("hours", "now", "settled"),
    [
        (1, "2026-11-22T23:00:00Z", 21),
        (1, "2026-11-22T22:59:59Z", 20),
        (-1, "2026-11-23T00:00:00Z", 21),
        (-1, "2026-11-22T23:59:59Z", 20),
    ],
)
def test_a_day_of_the_cost_report_is_settled_by_the_clock_that_is_ahead(
    report_api: LoopbackAPI, hours: int, now: str, settled: int
) -> None:
    """The API's, where it is ahead of this machine's, and else this machine's."""
    report_api.now = NOW + timedelta(hours=hours)
    assert bill(report_api, now=at(now)).settled_days == settled


def test_days_without_any_cost_are_settled(either_api: LoopbackAPI) -> None:
    """A bill of nothing is a bill."""
    read = bill(either_api, date(2026, 11, 15), date(2026, 11, 18))
    assert (read.charges, read.settled_days) == ((), 3)
    assert read.source == ("cost_report" if either_api.refuse else "analytics")


@pytest.mark.parametrize("told", [None, 20261122, "yesterday", "2026-11-22T15:25:00", "", []])
def test_an_unknown_refresh_time_is_an_error(api: LoopbackAPI, told: object) -> None:
    """Without it no day is known to be settled."""
    change_analytics(api, lambda answer: answer.update(data_refreshed_at=told))
    error = failure(api)
    assert error.code == "malformed_answer"
    assert "data_refreshed_at" in error.message


def test_a_missing_refresh_time_is_an_error(api: LoopbackAPI) -> None:
    """The same where the key is not there at all."""
    change_analytics(api, lambda answer: answer.pop("data_refreshed_at") and None)
    assert "data_refreshed_at" in failure(api).message


@pytest.mark.parametrize(("seconds", "is_wrong"), [(300, False), (302, True), (86_400, True)])
def test_a_refresh_time_in_the_future(api: LoopbackAPI, seconds: int, *, is_wrong: bool) -> None:
    """Machines differ by minutes; costs that are not made yet cannot be told."""
    refreshed = (NOW + timedelta(seconds=seconds)).isoformat()
    change_analytics(api, lambda answer: answer.update(data_refreshed_at=refreshed))
    if is_wrong:
        assert "future" in failure(api).message
    else:
        assert bill(api).through == TODAY


def test_the_future_is_that_of_the_api(api: LoopbackAPI) -> None:
    """A local clock that is an hour behind makes no future of the API's present."""
    api.now = NOW + timedelta(hours=1)
    change_analytics(api, lambda answer: answer.update(data_refreshed_at=api.now.isoformat()))
    assert bill(api, now=NOW).through == TODAY


# Pages of the analytics


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_page_is_read(api: LoopbackAPI, limit: int) -> None:
    """However short the pages are, the bill is whole."""
    change_analytics(api, lambda _: None, limit=limit)
    assert usd(bill(api)) == named(billed(BILL, FIRST, TODAY).workspaces)
    assert len(api.requests) == -(-8 // limit)


def test_later_pages_repeat_the_query(api: LoopbackAPI) -> None:
    """A cursor goes with the very query that it came with, header included."""
    change_analytics(api, lambda _: None, limit=3)
    bill(api)
    head, *rest = api.requests
    for request in rest:
        assert [pair for pair in request.query if pair[0] != "page"] == head.query
        assert request.headers["anthropic-beta"] == head.headers["anthropic-beta"]
    assert len({first(request, "page") for request in api.requests}) == 3


def test_a_row_told_twice_is_an_error(api: LoopbackAPI) -> None:
    """A cost that is there twice would be counted twice."""
    change_rows(api, lambda rows: rows.append(rows[0]))
    assert "twice" in failure(api).message


def test_a_row_told_again_on_the_next_page_is_an_error(api: LoopbackAPI) -> None:
    """The same where one row is the last of a page and the first of the next."""
    kept: list[dict[str, Any]] = []

    def overlap(answer: dict[str, Any]) -> None:
        answer["data"][:0] = kept[-1:]
        kept.extend(answer["data"])

    change_analytics(api, overlap, limit=3)
    assert "twice" in failure(api).message


def test_a_row_whose_amount_has_changed_is_told_twice(api: LoopbackAPI) -> None:
    """The amount does not make another cost of it."""

    def double(rows: list[dict[str, Any]]) -> None:
        rows.append({**rows[0], "cost": {**rows[0]["cost"], "amount": "1"}})

    change_rows(api, double)
    assert "twice" in failure(api).message


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z"),
        ("2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z"),
        ("2026-11-02T00:00:00Z", "2026-11-02T01:00:00Z"),
        ("2026-11-02T01:00:00Z", "2026-11-03T01:00:00Z"),
        ("2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z"),
        ("2026-11-01T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("2026-11-02", None),
    ],
)
def test_a_row_of_no_day_that_was_asked_for_is_an_error(
    api: LoopbackAPI, start: str, end: str | None
) -> None:
    """Each row is of one UTC day of the period."""
    change_rows(api, lambda rows: rows[0].update(starting_at=start, ending_at=end))
    assert failure(api).code == "malformed_answer"


def test_costs_refreshed_between_two_pages_are_an_error(api: LoopbackAPI) -> None:
    """What moved from a later page to an earlier one would be lost."""
    times = iter(["2026-11-22T15:25:00Z", "2026-11-22T15:30:00Z", "2026-11-22T15:30:00Z"])
    change_analytics(api, lambda answer: answer.update(data_refreshed_at=next(times)), limit=3)
    error = failure(api)
    assert error.code == "refreshed_costs"
    assert_says(error.message, f"GET {COST}: the costs were refreshed while they were read")
    assert_says(error.hint, "run the gate again")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refused_second_page_is_an_error(api: LoopbackAPI, status: int) -> None:
    """Part of a bill is none, and the other route is not asked for the rest."""

    def refuse_second(request: Request, answer: dict[str, Any]) -> object:
        return refuse(status) if first(request, "page") else answer

    tamper(api, refuse_second, only=only(COST), limit=3)
    assert failure(api).code == f"http_{status}"
    assert COST_REPORT not in paths(api)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"has_more": True, "next_page": None}, "more, but not where"),
        ({"has_more": None}, "has_more"),
        ({"has_more": True, "next_page": "page_EXAMPLE", "data": []}, "circle"),
    ],
)
def test_pages_that_lead_nowhere(api: LoopbackAPI, more: dict[str, Any], message: str) -> None:
    """A page that cannot be followed is an error."""
    change_analytics(api, lambda answer: answer.update(more))
    assert message in failure(api).message


def test_pages_in_a_circle(api: LoopbackAPI) -> None:
    """A cursor that was there before ends the reading."""

    def circle(_: Request, number: int) -> Response:
        row = {
            "starting_at": f"2026-11-{number:02}T00:00:00Z",
            "ending_at": f"2026-11-{number + 1:02}T00:00:00Z",
            "group": {"cost_type": "tokens"},
            "cost": {"amount": "1", "currency": "USD"},
        }
        return reply(
            {
                "data": [row],
                "has_more": True,
                "next_page": "page_EXAMPLE",
                "data_refreshed_at": "2026-11-22T15:25:00Z",
            }
        )

    api.intercept = circle
    assert "circle" in failure(api).message
    assert len(api.requests) == 2


# Amounts


def test_amounts_are_cents(either_api: LoopbackAPI) -> None:
    """The documented 527.999760 cents are $5.2799976."""
    set_everywhere("amount", "527.999760")(either_api)
    assert bill(either_api).charges[0].amount == Decimal("5.2799976")


def test_the_documented_cost_report(report_api: LoopbackAPI) -> None:
    """Its one row, of 123.78912 cents, is $1.2378912 of input tokens."""
    page = recorded("cost_report__doc-example.json") | {"has_more": False, "next_page": None}
    report_api.intercept = lambda request, _: reply(page) if request.path == COST_REPORT else None
    (charge,) = bill(report_api, date(2025, 8, 1), date(2025, 8, 2)).charges
    assert charge == (
        "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
        date(2025, 8, 1),
        "tokens",
        "claude-opus-4-6",
        "standard",
        Decimal("1.2378912"),
        None,
    )


@pytest.mark.parametrize(
    ("amount", "dollars"),
    [
        ("0", "0"),
        ("1", "0.01"),
        ("-0.5", "-0.005"),
        ("0.000000000000000000000000000001", "0.00000000000000000000000000000001"),
        ("999999999999999", "9999999999999.99"),
        (
            "123456789012345.123456789012345678901234567891",
            "1234567890123.45123456789012345678901234567891",
        ),
    ],
)
def test_amounts_are_exact(either_api: LoopbackAPI, amount: str, dollars: str) -> None:
    """Not a digit is lost, be they before the point or behind it."""
    set_everywhere("amount", amount)(either_api)
    assert bill(either_api).charges[0].amount == Decimal(dollars)


def test_what_a_cost_is_before_discounts_is_read(api: LoopbackAPI) -> None:
    """In cents, too: 620.999760 of them are $6.2099976."""
    set_everywhere("list_amount", "620.999760")(api)
    assert bill(api).charges[0].list_amount == Decimal("6.2099976")


@pytest.mark.parametrize(
    "amount", [None, 5, 5.5, True, "", "free", "1e5", "NaN", "1,000", " 5", "5 ", "\u0661", [], {}]
)
def test_a_cost_without_a_readable_amount_before_discounts_is_read(
    api: LoopbackAPI, amount: object
) -> None:
    """No spend is made of it, so that no check fails for it."""
    whole = bill(api)
    set_everywhere("list_amount", amount)(api)
    found = bill(api)
    assert found.charges[0].list_amount is None
    assert whole.charges[1:] == found.charges[1:]
    assert [it[:6] for it in found.charges] == [it[:6] for it in whole.charges]


def test_the_cost_report_tells_nothing_before_discounts(report_api: LoopbackAPI) -> None:
    """It has no such amount."""
    assert {charge.list_amount for charge in bill(report_api).charges} == {None}


@pytest.mark.parametrize(
    "amount",
    [
        527,
        527.99976,
        True,
        None,
        "",
        " 5",
        "5 ",
        "5\n",
        "+5",
        "--5",
        "5.",
        ".5",
        "5,00",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "1_000",
        "\u0665",
        "1000000000000000",
        {"value": "5"},
    ],
)
def test_an_amount_that_is_no_decimal_string_is_an_error(
    either_api: LoopbackAPI, amount: object
) -> None:
    """A number has been rounded on its way, and whatever else cannot be added up."""
    set_everywhere("amount", amount)(either_api)
    error = failure(either_api)
    assert error.code == "malformed_answer"
    assert "no decimal number" in error.message


@pytest.mark.parametrize("currency", ["EUR", "usd", "", None, 840])
def test_another_currency_is_an_error(either_api: LoopbackAPI, currency: object) -> None:
    """Only USD can be held against a cap in USD."""
    set_everywhere("currency", currency)(either_api)
    assert "not in USD" in failure(either_api).message


@pytest.mark.parametrize("kind", [None, "", 5, ["tokens"]])
def test_a_row_without_a_kind_of_cost_is_an_error(either_api: LoopbackAPI, kind: object) -> None:
    """A null is a dimension that was not grouped by, so the answer is to another query."""
    set_everywhere("cost_type", kind)(either_api)
    assert "kind of cost" in failure(either_api).message


@pytest.mark.parametrize("name", ["workspace_id", "model", "service_tier"])
@pytest.mark.parametrize("value", ["", 5, ["x"]])
def test_a_dimension_that_is_no_name_is_an_error(
    either_api: LoopbackAPI, name: str, value: object
) -> None:
    """Null is none, and anything else is to be a name."""
    set_everywhere(name, value)(either_api)
    assert "not a name" in failure(either_api).message


@pytest.mark.parametrize(
    "row",
    [
        None,
        "row",
        [],
        {},
        {"starting_at": "2026-11-02T00:00:00Z", "ending_at": "2026-11-03T00:00:00Z", "cost": {}},
        {
            "starting_at": "2026-11-02T00:00:00Z",
            "ending_at": "2026-11-03T00:00:00Z",
            "group": None,
            "cost": {"amount": "1", "currency": "USD"},
        },
    ],
)
def test_a_row_that_is_none_is_an_error(api: LoopbackAPI, row: Any) -> None:
    """A row has its times, a group and a cost."""
    change_rows(api, lambda rows: rows.append(row))
    assert failure(api).code == "malformed_answer"


@pytest.mark.parametrize("body", [[], "x", None, 5, {}, {"data": {}}])
def test_an_answer_that_is_no_page_is_an_error(either_api: LoopbackAPI, body: object) -> None:
    """The same of a whole answer, on either route."""
    tamper(
        either_api,
        lambda _, answer: answer if answer.get("type") == "error" else reply(body),
    )
    assert failure(either_api).code == "malformed_answer"


# Dimensions


def test_charges_tell_what_they_are_for(either_api: LoopbackAPI) -> None:
    """Tokens have a model and a tier; a search, containers and sessions have neither."""
    told = {
        (charge.day.day, charge.cost_type, charge.model, charge.service_tier, charge.amount)
        for charge in bill(either_api).charges
    }
    assert told == {
        (1, "tokens", "claude-opus-5-5", "standard", Decimal(4)),
        (1, "web_search", None, None, Decimal("0.07")),
        (1, "tokens", "claude-sonnet-5", "standard", Decimal("0.6")),
        (3, "code_execution", None, None, Decimal("5.2799976")),
        (4, "session_usage", None, None, Decimal("0.08")),
        (9, "tokens", "claude-sonnet-5", "standard", Decimal("0.00001")),
        (10, "tokens", "claude-opus-5-5", "standard", Decimal("1.4")),
        (21, "tokens", "claude-opus-5-5", "standard", Decimal("0.04")),
    }


@pytest.mark.parametrize("included", [False, True])
def test_the_priority_tier_is_told_where_the_analytics_have_it(*, included: bool) -> None:
    """Its charges carry the name of the tier."""
    usage = Usage(
        at("2026-11-05T12:00:00Z"), None, "claude-opus-5-5", service_tier="priority", output=1000
    )
    organization = Organization([usage], [])
    charges = bill_of(organization)
    with LoopbackAPI(organization, now=NOW, bill=charges, analytics_bill_priority=included) as api:
        tiers = [charge.service_tier for charge in bill(api).charges]
    assert tiers == (["priority"] if included else [])


# Buckets of the cost report


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda buckets: buckets.pop(4), id="gap"),
        pytest.param(lambda buckets: buckets.pop(), id="short"),
        pytest.param(lambda buckets: buckets.pop(0), id="late"),
        pytest.param(lambda buckets: buckets.clear(), id="empty"),
        pytest.param(lambda buckets: buckets.insert(4, buckets[4]), id="doubled"),
        pytest.param(lambda buckets: buckets.append(buckets[-1]), id="doubled-end"),
        pytest.param(lambda buckets: buckets.reverse(), id="backwards"),
        pytest.param(
            lambda buckets: buckets[4].update(ending_at="2026-11-07T00:00:00Z"), id="overlap"
        ),
        pytest.param(
            lambda buckets: buckets[4].update(starting_at="2026-11-04T12:00:00Z"), id="half"
        ),
        pytest.param(lambda buckets: buckets[4].update(results=None), id="no-rows"),
        pytest.param(lambda buckets: buckets[4].update(results=["row"]), id="no-row"),
    ],
)
def test_a_cost_report_that_is_not_whole_is_an_error(report_api: LoopbackAPI, change: Rows) -> None:
    """Every day is there, in order, once, and holds rows."""
    change_buckets(report_api, change)
    assert failure(report_api).code == "malformed_answer"


@pytest.mark.parametrize("limit", [1, 5, 20])
def test_every_page_of_the_cost_report_is_read(report_api: LoopbackAPI, limit: int) -> None:
    """However short the pages are, the bill is whole."""
    tamper(report_api, lambda *_: None, only=only(COST_REPORT), limit=limit)
    assert usd(bill(report_api)) == billed(BILL, FIRST, TODAY).workspaces
    assert paths(report_api).count(COST_REPORT) == -(-21 // limit)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refused_second_page_of_the_cost_report_is_an_error(
    report_api: LoopbackAPI, status: int
) -> None:
    """Part of a bill is none, whatever the status."""

    def refuse_second(request: Request, answer: dict[str, Any]) -> object:
        return refuse(status) if first(request, "page") else answer

    tamper(report_api, refuse_second, only=only(COST_REPORT), limit=10)
    assert str(status) in failure(report_api).message


def test_rows_that_differ_in_wording_alone_both_count() -> None:
    """Fast requests are rows of their own, told apart by nothing but a description."""
    plain = Usage(at("2026-11-05T12:00:00Z"), None, "claude-opus-5-5", output=1_000_000)
    organization = Organization([plain, replace(plain, speed="fast")], [])
    with LoopbackAPI(organization, now=NOW, bill=bill_of(organization), refuse=REFUSED) as api:
        assert usd(bill(api)) == {None: Fraction(60)}


@pytest.mark.parametrize(("amount", "is_error"), [("5.5", True), ("0", False)])
def test_a_row_of_the_cost_report_that_stands_twice_is_an_error(
    report_api: LoopbackAPI, amount: str, *, is_error: bool
) -> None:
    """Alike to the last digit of its amount, unless that is nothing."""

    def double(buckets: list[dict[str, Any]]) -> None:
        row = {**buckets[0]["results"][0], "amount": amount}
        buckets[4]["results"] = [row, dict(row)]

    change_buckets(report_api, double)
    if is_error:
        assert "twice" in failure(report_api).message
    else:
        assert bill(report_api).settled_days == 21


# The whole bill


@pytest.mark.parametrize("route", ["analytics", "cost_report"])
@pytest.mark.parametrize("seed", range(6))
def test_the_bill_is_the_true_one_to_the_last_digit(seed: int, route: str) -> None:
    """For made-up organizations, discounts and charges: each workspace, and all of them."""
    random = seeded(seed)
    organization = random_organization(random, start=midnight(FIRST), end=NOW, rows=150)
    owners = [None, *(workspace.id for workspace in organization.workspaces)]
    extra: list[Charge] = [
        make(
            date(2026, 11, random.randrange(1, 22)),
            random.choice(owners),
            Fraction(random.randrange(1, 10**9), 10**7),
        )
        for make in (code_execution, session_usage) * 5
    ]
    discount = Fraction(random.randrange(0, 5000), 10_000)
    charges = [*bill_of(organization, discount=discount), *extra]
    refused = {} if route == "analytics" else REFUSED
    with LoopbackAPI(organization, now=NOW, bill=charges, refuse=refused) as api:
        read = bill(api)
    truth = billed(charges, FIRST, TODAY, priority=False)
    expected = named(truth.workspaces) if route == "analytics" else truth.workspaces
    assert usd(read) == {name: amount for name, amount in expected.items() if amount}
    assert sum(usd(read).values()) == truth.overall


@pytest.mark.parametrize(
    ("change", "facts"),
    [
        (lambda answer: answer.update(data=None), ["there is no list `data` in it"]),
        (
            lambda answer: answer.pop("data_refreshed_at"),
            ["`data_refreshed_at` is not RFC 3339: None"],
        ),
        (lambda answer: answer["data"].__setitem__(0, []), ["a row is not one of a cost"]),
        (
            lambda answer: answer["data"][0].update(starting_at="noon"),
            ["a row's time is not RFC 3339: 'noon'"],
        ),
        (
            lambda answer: answer["data"][0].update(ending_at="2026-11-02T00:00:01Z"),
            ["a row is not of one UTC day"],
        ),
        (
            lambda answer: answer["data"][0].update(
                starting_at="2026-10-31T00:00:00Z", ending_at="2026-11-01T00:00:00Z"
            ),
            ["a row is of 2026-10-31, which was not asked for"],
        ),
        (
            lambda answer: answer["data"][0]["cost"].update(currency="EUR" * 9),
            ["a cost is not in USD but in 'EUREUREUREUREUREUREU'"],
        ),
        (
            lambda answer: answer["data"][0]["cost"].update(amount="1e" * 30),
            [f"a cost is no decimal number: '{'1e' * 20}'"],
        ),
        (lambda answer: answer["data"][0]["group"].update(cost_type=""), ["a row has no kind of"]),
        (lambda answer: answer["data"][0]["group"].update(model=""), ["a dimension is not a name"]),
        (lambda answer: answer["data"].append(answer["data"][0]), ["it contains a cost twice"]),
        (
            lambda answer: answer.update(data_refreshed_at="2026-11-24T00:00:00Z"),
            ["it contains costs of the future"],
        ),
        (
            lambda answer: answer.update(has_more=True, next_page="page_EXAMPLE", data=[]),
            ["its pages go in a circle"],
        ),
    ],
)
def test_a_damaged_answer_is_told_with_its_route(
    api: LoopbackAPI, change: Change, facts: list[str]
) -> None:
    """And with what is wrong: whoever runs a gateway has to find it."""
    change_analytics(api, change)
    error = failure(api)
    assert error.trace == "GET /v1/organizations/analytics/cost"
    assert_says(error.message, "an answer of the API cannot be trusted: ", *facts)


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda rows: rows.append("row"), "a row is not an object"),
        (lambda rows: rows.append(dict(rows[0])), "it contains a cost twice"),
        (lambda rows: rows[0].update(cost_type=None), "a row has no kind of cost"),
        (lambda rows: rows[0].update(model=5), "a dimension is not a name"),
        (lambda rows: rows[0].update(currency="usd"), "a cost is not in USD but in 'usd'"),
        (lambda rows: rows[0].update(amount=5.5), "a cost is no decimal number: '5.5'"),
    ],
)
def test_a_damaged_cost_report_is_told_with_its_route(
    report_api: LoopbackAPI, change: Rows, fact: str
) -> None:
    """As the analytics are."""
    change_buckets(report_api, lambda buckets: change(buckets[0]["results"]))
    error = failure(report_api)
    assert error.trace == "GET /v1/organizations/cost_report"
    assert_says(error.message, f"an answer of the API cannot be trusted: {fact}")
