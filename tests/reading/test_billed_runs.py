"""Whole runs that judge billed cost: settled days as billed, the others at list price, at every edge of a month."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.helpers.bills import ALPHA
from tests.helpers.builders import MILLION
from tests.helpers.markup import mermaid, tables
from tests.helpers.runner import OUTPUT_NAMES, read_commands, read_outputs
from tests.helpers.running import LAST_REPORT, NOW, Here, Run
from tests.helpers.serving import COST, COST_REPORT, at, first, refuse
from tests.world.billing import Charge, bill_of, billed, code_execution, session_usage
from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Card, Usage, total
from tests.world.organizations import random_organization, seeded

# At list price: $20 on the 2nd, $10 on the 3rd, $20 on the 15th, which is today.
USAGE = [
    Usage(at("2026-11-02T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
    Usage(at("2026-11-03T12:00:00Z"), None, "claude-sonnet-5", output=MILLION),
    Usage(at("2026-11-15T09:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
]
ORGANIZATION = Organization(USAGE, [Workspace(ALPHA, "alpha")])
# A tenth less, and $5.25 of code execution: $32.25 up to today.
BILL = [
    *bill_of(ORGANIZATION, discount=Fraction(1, 10)),
    code_execution(date(2026, 11, 5), None, Fraction("5.25")),
]
REFUSED = {"analytics/cost": 403}


def policy(cap: str = "100", more: str = "") -> str:
    """A policy that judges billed cost."""
    return f"version: 1\nglobal: {{cap: {cap}, forecast: off}}\nspend: {{basis: billed}}\n{more}"


def api(
    bill: list[Charge] | None = None, organization: Organization = ORGANIZATION, **options: Any
) -> LoopbackAPI:
    """An API with a bill."""
    told = BILL if bill is None else bill
    return LoopbackAPI(organization, bill=told, **({"now": NOW} | options))


def checked(here: Here, server: LoopbackAPI, *flags: str, rules: str | None = None) -> Run:
    """What a check prints as JSON, at the server's time."""
    with server:
        arguments = ("--format", "json", *flags)
        return here.check(server, *arguments, policy=rules or policy(), now=server.now)


def cost_requests(server: LoopbackAPI) -> list[str]:
    """The cost routes that were asked about the month of the server's time."""
    return [
        request.path
        for request in server.requests
        if request.path in (COST, COST_REPORT)
        and at(str(first(request, "starting_at"))).month == server.now.month
    ]


# The month


@pytest.mark.parametrize(("refused", "settled"), [({}, 14), (REFUSED, 13)])
def test_settled_days_are_billed_and_today_is_at_list_price(
    here: Here, refused: dict[str, int], settled: int
) -> None:
    """$32.25 were billed, and $20 are today's list cost; the cost report settles a day later."""
    run = checked(here, api(refuse=refused))
    assert (run.code, run.stderr) == (0, "")
    assert run.spend == Fraction("52.25")
    assert run.report["basis"] == "billed"
    told = (run.bases, run.report["coverage"]["billed_days"])
    assert told == ("b" * settled + "l" * (15 - settled), settled)


def test_days_that_are_not_settled_are_at_list_price_less_the_discount(here: Here) -> None:
    """Where the data reaches the 3rd, only $18 of the 2nd are billed: 90% of $30 are not yet."""
    server = api(data_refreshed_at=at("2026-11-03T12:00:00Z"))
    run = checked(here, server, rules=policy(more="prices: {discount: 10%}\n"))
    assert run.spend == 18 + 27
    assert (run.bases, run.report["coverage"]["billed_days"]) == ("b" * 2 + "l" * 13, 2)


@pytest.mark.parametrize(
    "moment", ["2026-11-01T00:00:00Z", "2026-11-01T00:10:00Z", "2026-11-01T23:59:59Z"]
)
def test_the_1st_needs_no_cost_route(here: Here, moment: str) -> None:
    """No day has ended: what would have to fail is not asked, and today is at list price."""
    usage = [Usage(at("2026-11-01T00:00:00Z"), None, "claude-opus-5-5", output=MILLION)]
    server = api(bill_of(Organization(usage, [])), Organization(usage, []), now=at(moment))
    run = checked(here, server)
    assert run.code == 0
    assert run.spend == (0 if moment.endswith("00:00:00Z") else 20)
    assert run.report["coverage"]["billed_days"] == 0
    assert cost_requests(server) == []


def test_the_1st_says_that_no_day_is_settled(here: Here) -> None:
    """The amounts are marked as what they are."""
    with api(now=at("2026-11-01T00:10:00Z")) as server:
        run = here.check(server, policy=policy(), now=server.now)
    assert "$0.00 at list prices, as no day is settled yet" in run.stdout


def test_the_2nd_before_the_1st_is_settled(here: Here) -> None:
    """The analytics answer, and have nothing settled: all is at list price."""
    usage = [
        Usage(at("2026-11-01T12:00:00Z"), None, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-11-02T00:05:00Z"), None, "claude-sonnet-5", output=MILLION),
    ]
    organization = Organization(usage, [])
    server = api(
        bill_of(organization, discount=Fraction(1, 2)),
        organization,
        now=at("2026-11-02T00:10:00Z"),
        data_refreshed_at=at("2026-11-01T23:55:00Z"),
    )
    run = checked(here, server)
    assert (run.code, run.spend, run.bases) == (0, Fraction(30), "ll")
    assert cost_requests(server) == [COST]


@pytest.mark.parametrize(("refused", "cost"), [({}, 18), (REFUSED, 20)])
def test_the_2nd_once_the_1st_is_settled(here: Here, refused: dict[str, int], cost: int) -> None:
    """The 1st is as billed, a tenth less than list cost; the cost report settles it a day later."""
    usage = [
        Usage(at("2026-11-01T12:00:00Z"), None, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-11-02T00:05:00Z"), None, "claude-sonnet-5", output=MILLION),
    ]
    organization = Organization(usage, [])
    server = api(
        bill_of(organization, discount=Fraction(1, 10)),
        organization,
        now=at("2026-11-02T03:00:00Z"),
        refuse=refused,
    )
    run = checked(here, server)
    assert (run.code, run.spend) == (0, Fraction(cost + 10))
    assert run.bases == ("ll" if refused else "bl")


def test_midnight_sharp_has_no_open_day(here: Here) -> None:
    """At 00:00:00 of the 10th nine days have ended, and none is open."""
    server = api(refuse=REFUSED)
    run = checked(here, server, "--as-of", "2026-11-10T00:00:00Z")
    assert (run.spend, run.bases) == (Fraction("32.25"), "b" * 9)
    assert "not_included" not in run.codes


@pytest.mark.parametrize(
    ("as_of", "expected", "basis"),
    [
        ("2026-11-03T18:00:00Z", 18 + 10, "bbl"),
        ("2026-11-04T00:00:00Z", 18 + 9, "bbb"),
        ("2026-11-02T11:00:00Z", 0, "bl"),
        ("2026-11-01T12:00:00Z", 0, "l"),
    ],
)
def test_an_earlier_time_is_judged_as_it_stood(
    here: Here, as_of: str, expected: int, basis: str
) -> None:
    """Its full days as billed since, its open day at list price; later days play no part."""
    server = api()
    run = checked(here, server, "--as-of", as_of)
    assert (run.code, run.spend, run.bases) == (0, Fraction(expected), basis)


def test_costs_are_asked_for_up_to_the_time_to_judge_at(here: Here) -> None:
    """The days from the 1st that had ended then."""
    server = api()
    assert checked(here, server, "--as-of", "2026-11-10T12:00:00Z").code == 0
    (request,) = [request for request in server.requests if request.path == COST]
    assert (first(request, "starting_at"), first(request, "ending_at")) == (
        "2026-11-01T00:00:00Z",
        "2026-11-10T00:00:00Z",
    )


def test_an_earlier_month_is_judged(here: Here) -> None:
    """All but its last day as billed, that at list price."""
    usage = [
        Usage(at("2026-10-20T12:00:00Z"), None, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-10-31T12:00:00Z"), None, "claude-opus-5-5", output=MILLION),
    ]
    organization = Organization(usage, [])
    server = api(bill_of(organization, discount=Fraction(1, 10)), organization)
    run = checked(here, server, "--as-of", "2026-10-31T23:59:59Z")
    assert (run.code, run.spend, run.bases) == (0, Fraction(18 + 20), "b" * 30 + "l")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("refused", [{}, REFUSED])
def test_a_made_up_month_is_the_bill_and_the_open_day(
    here: Here, seed: int, refused: dict[str, int]
) -> None:
    """By workspace, to the last digit: the bill of settled days, and the oracle's cost of others."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    through = NOW.date() - timedelta(days=1 if refused else 0)
    organization = random_organization(seeded(40 + seed), start=start, end=NOW, rows=150)
    charges = [
        *bill_of(organization, discount=Fraction(seed, 20), long_share=Fraction(1, 4)),
        session_usage(date(2026, 11, 7), organization.workspaces[0].id, Fraction("0.0123456789")),
    ]
    run = checked(here, api(charges, organization, refuse=refused), rules=policy("100000"))
    told = {
        row["id"]: (Fraction(row["spend"]["low"]), Fraction(row["spend"]["high"]))
        for row in run.report["workspaces"]
    }
    settled = billed(charges, start.date(), through, priority=False).workspaces
    for name in {None, *(workspace.id for workspace in organization.workspaces)}:
        usage = [one for one in organization.usage if one.workspace == name and one.day >= through]
        low, high = (settled.get(name, Fraction(0)) + end for end in total(usage))
        assert told.get(name, (0, 0)) == (low, high)


# Verdicts


@pytest.mark.parametrize(
    ("cap", "on_list", "on_billed"),
    [
        # $50 at list price, $52.25 with what was billed: code execution makes the difference.
        ("49", 1, 1),
        ("51", 0, 1),
        ("52.25", 0, 0),
    ],
)
def test_the_basis_decides(here: Here, cap: str, on_list: int, on_billed: int) -> None:
    """The same organization, cap and moment."""
    listed = checked(here, api(), rules=f"version: 1\nglobal: {{cap: {cap}}}\n")
    assert (listed.code, listed.report["basis"]) == (on_list, "list")
    assert checked(here, api(), rules=policy(cap)).code == on_billed


def test_what_is_billed_less_may_stay_within(here: Here) -> None:
    """A tenth less, $27 were billed, and $20 are today's list cost."""
    bill = bill_of(ORGANIZATION, discount=Fraction(1, 10))
    assert checked(here, api(bill), rules="version: 1\nglobal: {cap: 47}\n").code == 1
    run = checked(here, api(bill), rules=policy("47"))
    assert (run.code, run.spend) == (0, Fraction(47))


def test_a_workspace_is_judged_by_its_own_bill(here: Here) -> None:
    """The code execution of the default workspace is no part of alpha's $38."""
    workspaces = "workspaces:\n  alpha: {cap: 38}\n  default: {cap: 14.24}\n"
    run = checked(here, api(), rules=policy(more=workspaces))
    told = {budget["name"]: budget["status"] for budget in run.report["budgets"]}
    assert run.code == 1
    assert (told["alpha"], told["default workspace"]) == ("warning", "breached")


def test_list_cost_asks_no_cost_route(here: Here) -> None:
    """Nor does a policy that names the default basis."""
    for rules in ("", "spend: {basis: list}\n"):
        server = api()
        run = checked(here, server, rules=f"version: 1\nglobal: {{cap: 100}}\n{rules}")
        assert (run.report["basis"], run.spend) == ("list", Fraction(50))
        assert cost_requests(server) == []


@pytest.mark.parametrize("basis", ["Billed", "both", "", "null", "[billed]", "true"])
def test_another_basis_is_2(here: Here, basis: str) -> None:
    """There are two."""
    run = checked(here, api(), rules=f"version: 1\nglobal: {{cap: 1}}\nspend: {{basis: {basis}}}\n")
    assert (run.code, run.stdout) == (2, "")
    assert "spend.basis" in run.stderr


def test_saved_pages_are_2(here: Here) -> None:
    """They do not tell what was billed."""
    here.program.write("{}", "page.json")
    run = here.main("check", "--usage", "page.json", policy=policy(), now=NOW)
    assert (run.code, run.stdout) == (2, "")
    assert "spend.basis: billed" in run.stderr


def test_a_model_without_a_price_is_known_once_it_is_billed(here: Here) -> None:
    """On a settled day its price is not needed; at list cost the run is 3."""
    usage = [
        Usage(at("2026-11-05T12:00:00Z"), None, "claude-unheard-of-9", output=MILLION),
        *USAGE[2:],
    ]
    organization = Organization(usage, [Workspace(ALPHA, "alpha")])
    bill = bill_of(organization, prices={"claude-unheard-of-9": Card(*[Fraction(7)] * 5)})
    listed = checked(here, api(bill, organization), rules="version: 1\nglobal: {cap: 100}\n")
    assert listed.code == 3
    run = checked(here, api(bill, organization))
    assert (run.code, run.spend) == (0, Fraction(27))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"refuse": {"analytics/cost": 403, "cost_report": 404}}, "no_billed_cost"),
        ({"refuse": {"analytics/cost": 401}}, "http_401"),
        ({"bill": [one for one in BILL if one.workspace]}, "incomplete_cost"),
        (
            {"bill": [*BILL, code_execution(date(2026, 11, 6), None, Fraction(-6))]},
            "negative_cost",
        ),
    ],
)
@pytest.mark.parametrize(("flags", "exit_code"), [((), 3), (("--on-error", "warn"), 0)])
def test_costs_that_are_not_determined_are_3(
    here: Here, options: dict[str, Any], code: str, flags: tuple[str, ...], exit_code: int
) -> None:
    """List cost does not stand in for them, and only who said so lets it pass."""
    run = checked(here, api(**options), *flags)
    assert (run.code, run.report["status"], run.report["spend"]) == (exit_code, "unverified", None)
    assert run.codes == [code]
    assert run.report["basis"] == "billed"


def test_a_second_page_that_is_refused_is_3(here: Here) -> None:
    """Half of a bill is never the spend."""
    server = api()

    def halved(request: Any, _: int) -> Any:
        if request.path != COST:
            return None
        if first(request, "page"):
            return refuse(403)
        query = [(name, "1" if name == "limit" else value) for name, value in request.query]
        return server.answer(type(request)("GET", request.path, query, request.headers))

    server.intercept = halved
    run = checked(here, server)
    assert (run.code, run.codes) == (3, ["http_403"])


STRANGER = "wrkspc_01EXAMPLESTRANGER"
DEFAULT_POLICY = policy(more="workspaces: {default: {cap: 50, forecast: off}}\n")
# Code execution is all that the default workspace has.
WITHOUT_DEFAULT = Organization([USAGE[0], USAGE[2]], [Workspace(ALPHA, "alpha")])
CONTAINERS = [
    *bill_of(WITHOUT_DEFAULT, discount=Fraction(1, 10)),
    code_execution(date(2026, 11, 5), None, Fraction(60)),
]


def asked_for_default(server: LoopbackAPI) -> int:
    """How many times the list of workspaces was asked for the default one."""
    return sum(first(request, "include_default") == "true" for request in server.requests)


def test_two_unknown_workspaces_are_3_until_one_is_named(here: Here) -> None:
    """Where the API does not list the default one, the policy's names tell which is not."""
    bill = [*BILL, session_usage(date(2026, 11, 6), STRANGER, Fraction(1))]
    run = checked(here, api(bill, lists_default=False))
    assert (run.code, run.codes) == (3, ["unknown_workspaces"])
    assert "those that are not the default workspace under names" in run.stdout
    rules = policy(more=f"names: {{{STRANGER}: archive}}\n")
    run = checked(here, api(bill, lists_default=False), rules=rules)
    assert (run.code, run.spend) == (0, Fraction("53.25"))


def test_the_list_tells_which_of_two_is_the_default_workspace(here: Here) -> None:
    """The other one, which no list has, keeps its id, and the total has both."""
    bill = [*BILL, session_usage(date(2026, 11, 6), STRANGER, Fraction(1))]
    server = api(bill)
    run = checked(here, server)
    assert (run.code, run.spend, asked_for_default(server)) == (0, Fraction("53.25"), 1)
    costs = {row["id"]: Fraction(row["spend"]["low"]) for row in run.report["workspaces"]}
    assert costs == {ALPHA: 38, None: Fraction("14.25"), STRANGER: 1}


def test_code_execution_of_a_default_workspace_without_usage_is_its_own(here: Here) -> None:
    """$60 of containers are above its cap of $50; the list of workspaces tells whose they are."""
    server = api(CONTAINERS, WITHOUT_DEFAULT)
    run = checked(here, server, rules=DEFAULT_POLICY)
    assert (run.code, run.spend, asked_for_default(server)) == (1, Fraction(98), 1)
    told = {budget["id"]: budget["status"] for budget in run.report["budgets"]}
    assert told["workspaces.default"] == "breached"
    names = {row["id"]: row["name"] for row in run.report["workspaces"]}
    assert names == {ALPHA: "alpha", None: "default workspace"}


@pytest.mark.parametrize("name", ["Default", "alpha", "default"])
def test_the_name_in_the_list_is_no_key_of_the_default_workspace(here: Here, name: str) -> None:
    """Its key is `default`, whatever the list calls it: nothing else resolves otherwise."""
    server = api(CONTAINERS, WITHOUT_DEFAULT)
    (default,) = server.default_workspaces
    server.default_workspaces = [Workspace(default.id, name)]
    run = checked(here, server, rules=policy(more="workspaces: {Default: {cap: 50}}\n"))
    assert run.code == 2
    assert "workspaces.Default" in run.stderr


@pytest.mark.parametrize("options", [{"lists_default": False}, "refused", "two"])
def test_where_the_default_workspace_is_not_told_a_stranger_is_3(here: Here, options: Any) -> None:
    """The API ignores the parameter, refuses it, or lists two that it did not list before."""
    server = api(CONTAINERS, WITHOUT_DEFAULT, **(options if isinstance(options, dict) else {}))
    if options == "two":
        server.default_workspaces.append(Workspace("wrkspc_01EXAMPLENEW", "new"))
    if options == "refused":
        server.intercept = lambda request, _: (
            refuse(400) if first(request, "include_default") else None
        )
    run = checked(here, server, rules=DEFAULT_POLICY)
    assert (run.code, run.codes) == (3, ["unknown_workspaces"])
    assert asked_for_default(server) == 1
    assert "spend.basis: list" in run.stdout


def test_what_is_advised_for_a_stranger_helps(here: Here) -> None:
    """Named, it is a workspace of its own; on list cost nothing of it is needed."""
    options = {"lists_default": False}
    stranger = [*CONTAINERS[:-1], code_execution(date(2026, 11, 5), STRANGER, Fraction(60))]
    rules = f"{DEFAULT_POLICY}names: {{{STRANGER}: archive}}\n"
    run = checked(here, api(stranger, WITHOUT_DEFAULT, **options), rules=rules)
    assert (run.code, run.spend) == (0, Fraction(98))
    listed = DEFAULT_POLICY.replace("billed", "list")
    run = checked(here, api(CONTAINERS, WITHOUT_DEFAULT, **options), rules=listed)
    assert (run.code, run.spend) == (0, Fraction(40))


def test_the_list_is_asked_for_the_default_workspace_where_that_is_needed_alone(
    here: Here,
) -> None:
    """Its usage tells which it is; list cost and the cost report have no id of it."""
    for server, rules in (
        (api(), policy()),
        (api(refuse=REFUSED), policy()),
        (api(CONTAINERS, WITHOUT_DEFAULT), "version: 1\nglobal: {cap: 100}\n"),
    ):
        assert checked(here, server, rules=rules).code == 0
        assert asked_for_default(server) == 0


# Web searches


SEARCHING = Organization(
    [
        Usage(at("2026-11-05T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION, searches=300),
        Usage(at("2026-11-05T13:00:00Z"), ALPHA, "claude-sonnet-5", output=MILLION, searches=100),
        Usage(at("2026-11-06T12:00:00Z"), None, "claude-opus-5-5", output=MILLION, searches=50),
    ],
    [Workspace(ALPHA, "alpha")],
)


@pytest.mark.parametrize("refused", [{}, REFUSED])
@pytest.mark.parametrize(("cap", "code"), [("43.49", 1), ("43.50", 0)])
def test_a_models_budget_means_the_same_on_both_bases(
    here: Here, refused: dict[str, int], cap: str, code: int
) -> None:
    """$40 of tokens and 350 searches, $3.50, though the bill names no model for them."""
    for basis in ("list", "billed"):
        rules = (
            f"version: 1\nglobal: {{cap: 100}}\nspend: {{basis: {basis}}}\n"
            f"models: {{claude-opus-5-5: {{cap: {cap}, forecast: off}}}}\n"
        )
        run = checked(here, api(bill_of(SEARCHING), SEARCHING, refuse=refused), rules=rules)
        assert (run.code, run.spend) == (code, Fraction("54.50"))
        costs = {row["id"]: Fraction(row["spend"]["low"]) for row in run.report["models"]}
        assert costs == {"claude-opus-5-5": Fraction("43.5"), "claude-sonnet-5": 11}


# Late costs where list cost is a range


# 100 million output tokens of it a day cost $50 with short prompts, and up to $250.
RANGED = Organization(
    [
        Usage(at(f"2026-11-{day:02}T09:00:00Z"), ALPHA, "claude-haiku-5-5", output=100 * MILLION)
        for day in range(2, 14)
    ],
    [Workspace(ALPHA, "alpha")],
)


def test_costs_below_the_low_end_of_a_range_are_not_green(here: Here) -> None:
    """$600 in all, and $500.10 so far: at list prices the last two days cost $100 at least."""
    whole = bill_of(RANGED)
    so_far = [replace(it, usd=it.usd / 1000) if it.day.day > 11 else it for it in whole]
    assert checked(here, api(whole, RANGED), rules=policy("600")).code == 0
    run = checked(here, api(so_far, RANGED), rules=policy("599"))
    assert (run.code, run.report["spend"]) == (1, {"low": "600", "high": "1000"})
    assert "late_costs_suspected" in run.codes


# Dated ids


DATED = "claude-opus-5-5-20260901"
# $20 on each of 14 settled days and today: $300.
OF_DATED = Organization(
    [
        Usage(at(f"2026-11-{day:02}T09:00:00Z"), ALPHA, DATED, output=MILLION)
        for day in range(1, 16)
    ],
    [Workspace(ALPHA, "alpha")],
)


@pytest.mark.parametrize("dated_ids", [False, True])
@pytest.mark.parametrize("name", [DATED, "claude-opus-5-5-2*", "claude-opus-5-5", "claude-opus-*"])
@pytest.mark.parametrize(("cap", "code"), [("299.99", 1), ("300", 0)])
def test_a_dated_model_has_a_budget_under_every_name(
    here: Here, name: str, cap: str, code: int, *, dated_ids: bool
) -> None:
    """Whether the bill has the date or not: $280 of $300 are of settled days."""
    rules = policy("1000", f'models: {{"{name}": {{cap: {cap}, forecast: off, optional: true}}}}\n')
    server = api(bill_of(OF_DATED, dated_ids=dated_ids), OF_DATED)
    run = checked(here, server, "--budget", f"models.{name}", rules=rules)
    assert (run.code, run.spend, run.bases) == (code, Fraction(300), "b" * 14 + "l")


def test_a_dated_model_has_its_budget_in_a_month_that_has_ended(here: Here) -> None:
    """Where no day at list price has the dated id."""
    rules = policy("1000", f"models: {{{DATED}: {{cap: 299, optional: true}}}}\n")
    server = api(bill_of(OF_DATED), OF_DATED, now=at("2026-12-05T12:00:00Z"))
    assert checked(here, server, "--month", "last", rules=rules).code == 1


def test_two_dates_that_are_billed_as_one_are_undecided_alone(here: Here) -> None:
    """$20 of each: a cap of $30 on one may be exceeded by what was billed, and holds at list price."""
    usage = [
        Usage(at("2026-11-05T09:00:00Z"), ALPHA, name, output=MILLION)
        for name in (DATED, "claude-opus-5-5-20261101")
    ]
    organization = Organization(usage, [Workspace(ALPHA, "alpha")])
    for cap, code in (("30", 3), ("40", 0)):
        rules = policy(more=f"models: {{{DATED}: {{cap: {cap}, forecast: off}}}}\n")
        assert checked(here, api(bill_of(organization), organization), rules=rules).code == code


@pytest.mark.parametrize("refused", [{}, REFUSED])
@pytest.mark.parametrize(("cap", "code"), [("50", 3), ("300", 0)])
def test_tokens_that_the_bill_names_no_model_for_may_be_of_any(
    here: Here, refused: dict[str, int], cap: str, code: int
) -> None:
    """$300 in all: a model's cap is not known to hold where they exceed it, and holds where not."""
    unnamed = [replace(charge, model=None) for charge in bill_of(OF_DATED)]
    rules = policy("1000", f"models: {{claude-opus-5-5: {{cap: {cap}, forecast: off}}}}\n")
    run = checked(
        here,
        api(unnamed, OF_DATED, refuse=refused),
        "--budget",
        "models.claude-opus-5-5",
        rules=rules,
    )
    assert (run.code, run.spend) == (code, Fraction(300))


# What is shown


def test_the_priority_tier_is_a_note(here: Here) -> None:
    """The bill leaves it out: its tokens on settled days are told, and cost nothing here."""
    usage = [
        *USAGE,
        Usage(
            at("2026-11-04T12:00:00Z"),
            ALPHA,
            "claude-opus-5-5",
            service_tier="priority",
            output=1234,
        ),
    ]
    organization = Organization(usage, ORGANIZATION.workspaces)
    bill = bill_of(organization)
    run = checked(here, api(bill, organization))
    (note,) = [note for note in run.report["notes"] if note["code"] == "priority_not_billed"]
    assert (
        "1,234 tokens of priority tier, which is prepaid: 1,234 of claude-opus-5-5."
        in note["message"]
    )
    assert run.spend == 50


def test_text_tells_the_basis_of_each_part(here: Here) -> None:
    """The headline says which cost, and the line below it how far it is billed."""
    with api() as server:
        run = here.check(server, policy=policy(), now=NOW)
    head, covered = run.stdout.splitlines()[:2]
    assert "$52.25 spent in November (14 days as billed, 1 at list prices)" in head
    assert covered.endswith(
        "(14 full days + today): $52.25 at billed cost for 14 settled days, list prices "
        "for the rest"
    )


def test_a_step_of_github_tells_the_basis(here: Here) -> None:
    """In its outputs, its annotation and the heads of its tables."""
    here.set(here.program.step)
    with api() as server:
        run = here.check(server, policy=policy("50"), now=NOW)
    assert run.code == 1
    outputs = read_outputs(here.program.output)
    assert list(outputs) == OUTPUT_NAMES
    assert (outputs["basis"], outputs["spend-usd"]) == ("billed", "52.25")
    lines = [line for line in run.stderr.splitlines() if line.startswith("::error")]
    ((_, _, message),) = read_commands("\n".join(lines))
    assert "$2.25 over its $50.00 cap (14 days as billed, 1 at list prices)" in message
    heads = [table[0] for table in tables(here.program.summary)]
    assert len(heads) == 3
    assert all("| Cost |" in head for head in heads)


def test_a_step_of_github_on_list_cost_tells_that(here: Here) -> None:
    """Wherever an amount is, so is what it is."""
    here.set(here.program.step)
    with api() as server:
        run = here.check(server, policy="version: 1\nglobal: {cap: 49}\n", now=NOW)
    assert run.code == 1
    assert read_outputs(here.program.output)["basis"] == "list"
    assert "over its $49.00 cap (list prices)" in run.stdout
    assert "over its $49.00 cap (list prices)" in run.stderr
    assert "Billed cost" not in here.program.summary
    assert all("List cost" in table[0] for table in tables(here.program.summary))


def chart(here: Here, server: LoopbackAPI) -> list[str]:
    """The chart of the Markdown report."""
    with server:
        run = here.check(server, "--format", "markdown", policy=policy(), now=server.now)
    return mermaid(run.stdout)


def bars(lines: list[str]) -> list[list[str]]:
    """The values of each row of bars."""
    return [
        line.removeprefix("bar [").removesuffix("]").split(", ")
        for line in lines
        if line.startswith("bar [")
    ]


def test_the_chart_sets_settled_days_apart(here: Here) -> None:
    """Two rows of bars: those of the settled days stand over all, and the title says how many."""
    lines = chart(here, api())
    settled = ["0.00", "18.00", "27.00", "27.00", *["32.25"] * 10]
    assert bars(lines) == [[*settled, "52.25"], settled]
    (title,) = [line for line in lines if line.startswith("title")]
    assert title == (
        'title "Cumulative cost, November 2026 (USD): 14 settled days, then list cost"'
    )


def test_the_chart_of_one_kind_of_day_has_one_row(here: Here) -> None:
    """On the 1st all is at list price, and at midnight all may be billed."""
    assert len(bars(chart(here, api(now=at("2026-11-01T12:00:00Z"))))) == 1
    with api(refuse=REFUSED) as server:
        flags = ("--format", "markdown", "--as-of", "2026-11-10T00:00:00Z")
        run = here.check(server, *flags, policy=policy(), now=NOW)
    assert len(bars(mermaid(run.stdout))) == 1


# The last report


@pytest.mark.parametrize("basis", ["list", "billed", None])
def test_no_last_report_proves_a_breach_of_billed_cost(here: Here, basis: str | None) -> None:
    """What was at list price may be billed for less, so that the breach may be over."""
    told = {**LAST_REPORT, "organization": ORGANIZATION.id}
    told |= {"basis": basis} if basis else {}
    here.program.write(json.dumps(told), "last.json")
    server = api(intercept=lambda *_: refuse(401))
    run = checked(here, server, "--last-report", "last.json", rules=policy("18.29"))
    assert (run.code, run.report["status"]) == (3, "unverified")
    (note,) = [note for note in run.report["notes"] if note["code"] == "last_report"]
    assert "billed cost may fall when a day is settled" in note["message"]


def test_a_last_report_of_billed_cost_proves_nothing_of_list_cost(here: Here) -> None:
    """The other way round no more."""
    here.program.write(json.dumps({**LAST_REPORT, "basis": "billed"}), "last.json")
    server = api(intercept=lambda *_: refuse(401))
    flags = ("--last-report", "last.json")
    run = checked(here, server, *flags, rules="version: 1\nglobal: {cap: 18.29}\n")
    assert run.code == 3
    assert run.codes == ["http_401", "last_report"]


def test_a_report_of_billed_cost_is_read_back(here: Here) -> None:
    """What a run wrote tells the next one its basis."""
    flags = ("--report", "report.json")
    assert checked(here, api(), *flags, rules=policy("50")).code == 1
    assert here.program.report["basis"] == "billed"
    server = api(intercept=lambda *_: refuse(401), now=NOW + timedelta(hours=1))
    run = checked(here, server, "--last-report", "report.json", rules=policy("50"))
    assert run.code == 3
