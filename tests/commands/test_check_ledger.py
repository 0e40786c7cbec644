"""`check --ledger`: which exit code spend has that the ledger knows of before the report does, and one that cannot be read."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock

import pytest

from tests.helpers.paths import RECORDINGS
from tests.helpers.redis import PATIENCE, Server, server
from tests.helpers.running import BREACHED, NOW, OK, ORGANIZATION, PRODUCTION, Here, Run
from tests.helpers.wording import assert_says
from tests.world import ledger
from tests.world.lagging import Record
from tests.world.loopback import LoopbackAPI, Organization, Request, Workspace
from tests.world.oracle import Usage

PASSWORD = "EXAMPLE-password"
HEAD = "version: 1\n"
# A request in production which the report does not have yet: 1,000,000 tokens at 3 USD.
LATE = Record(
    at=NOW - timedelta(minutes=20),
    message="msg_01EXAMPLELATE",
    workspace="production",
    model="claude-sonnet-4-5-20250929",
    service_tier="standard",
    context_window="0-200k",
    inference_geo="global",
    speed="standard",
    tokens={"uncached_input": 1_000_000},
)


def check(
    here: Here,
    one: Server,
    *flags: str,
    policy: str,
    organization: Organization = ORGANIZATION,
    now: datetime = NOW,
) -> Run:
    """What a check of an organization prints as JSON: of the one that has spent 18.30 USD unless given."""
    with one.at(now) as url:
        return check_by(here, url, *flags, policy=policy, organization=organization, now=now)


def check_by(
    here: Here,
    url: str,
    *flags: str,
    policy: str,
    organization: Organization = ORGANIZATION,
    now: datetime = NOW,
) -> Run:
    """The same by the ledger at a URL."""
    with LoopbackAPI(organization, now=now) as api:
        return here.check(api, "--ledger", url, "--format", "json", *flags, policy=policy, now=now)


def count(one: Server, *records: Record, now: datetime = NOW) -> None:
    """Counts records as clients do."""
    with one.driver() as redis:
        ledger.write(redis, records, now=now)


def budget(run: Run, name: str) -> tuple[str, str, str]:
    """The low and the high end of a budget of a report, and its status."""
    found = next(one for one in run.report["budgets"] if one["id"] == name)
    return found["spend"]["low"], found["spend"]["high"], found["status"]


# Between what the report has and what the ledger has beyond it


@pytest.mark.parametrize(
    ("policy", "code", "status"),
    [
        ("global: {cap: 18.29}\n", 1, "breached"),
        ("global: {cap: 18.30}\n", 3, "uncertain"),
        ("global: {cap: 21.29}\n", 3, "uncertain"),
        ("global: {cap: 21.29}\nspend: {uncertain: warn}\n", 0, "warning"),
        ("global: {cap: 18.29}\nspend: {uncertain: warn}\n", 1, "breached"),
        ("global: {cap: 21.30}\n", 0, "warning"),
        ("global: {cap: 30, warn_at: [72%], forecast: 'off'}\n", 0, "ok"),
        ("global: {cap: 30, warn_at: [71%], forecast: 'off'}\n", 0, "warning"),
        ("workspaces: {production: {cap: 20}}\n", 3, "uncertain"),
        (f"workspaces: {{{PRODUCTION}: {{cap: 17.99}}}}\n", 1, "breached"),
        ("workspaces: {default: {cap: 0.31, warn_at: [97%], forecast: 'off'}}\n", 0, "ok"),
        ("groups: {all: {workspaces: ['*', default], cap: 21.29}}\n", 3, "uncertain"),
        ("models: {'claude-sonnet-*': {cap: 21.29}}\n", 3, "uncertain"),
        ("models: {'claude-sonnet-4-5*': {cap: 18.29}}\n", 1, "breached"),
        ("unlisted: {cap: 20}\n", 3, "uncertain"),
        ("global: {cap: 100, daily_cap: 3}\n", 3, "uncertain"),
        ("global: {cap: 100, daily_cap: 0.29}\n", 1, "breached"),
    ],
)
def test_a_cap_within_the_range_is_undecided(
    here: Here, ledger_server: Server, policy: str, code: int, status: str
) -> None:
    """18.30 to 21.30 USD in all, 18 to 21 of them in production, 0.30 to 3.30 today: a breach is what the report proves."""
    count(ledger_server, LATE)
    run = check(here, ledger_server, policy=HEAD + policy)
    assert (run.code, run.report["status"]) == (code, status)
    assert run.report["spend"] == {"low": "18.3", "high": "21.3"}


def test_an_undecided_run_passes_where_errors_only_warn(here: Here, ledger_server: Server) -> None:
    """As any spend does that is not known well enough: not enforced."""
    count(ledger_server, LATE)
    policy = HEAD + "global: {cap: 20}\n"
    run = check(here, ledger_server, "--on-error", "warn", policy=policy)
    assert (run.code, run.report["status"], run.report["enforced"]) == (0, "uncertain", False)


def test_a_reserve_is_added_to_what_the_ledger_has(here: Here, ledger_server: Server) -> None:
    """18.30 to 21.30 USD, and 5 more: above 23.29 for certain, perhaps above 26.29, and at most 26.30."""
    count(ledger_server, LATE)
    for cap, code in (("23.29", 1), ("26.29", 3), ("26.30", 0)):
        policy = f"{HEAD}global: {{cap: {cap}}}\n"
        assert check(here, ledger_server, "--reserve", "5", policy=policy).code == code


def test_what_the_report_has_is_not_counted_again(here: Here, ledger_server: Server) -> None:
    """Once it has what was late, the spend is exact, whatever clients called the model."""
    count(ledger_server, LATE)
    there = Usage(LATE.at, PRODUCTION, "claude-sonnet-4-5", uncached=1_000_000)
    whole = Organization([*ORGANIZATION.usage, there], ORGANIZATION.workspaces)
    run = check(here, ledger_server, policy=HEAD + "global: {cap: 21.29}\n", organization=whole)
    assert (run.code, budget(run, "global")) == (1, ("21.3", "21.3", "breached"))
    run = check(here, ledger_server, policy=HEAD + "global: {cap: 21.30}\n", organization=whole)
    assert (run.code, budget(run, "global")) == (0, ("21.3", "21.3", "warning"))


def test_a_message_by_name_and_by_id_is_two(here: Here, ledger_server: Server) -> None:
    """Each is a place of its own in Redis: 3 USD twice in the high end, and never in the low one."""
    count(ledger_server, LATE, replace(LATE, workspace=PRODUCTION))
    run = check(here, ledger_server, policy=OK)
    assert run.report["spend"] == {"low": "18.3", "high": "24.3"}


def test_an_organization_below_a_parent_is_judged_alike(here: Here, ledger_server: Server) -> None:
    """Its numbers come by other routes: what was late counts at the high end, and once it is there no more."""
    count(ledger_server, LATE)
    there = Usage(LATE.at, PRODUCTION, "claude-sonnet-4-5", uncached=1_000_000)
    whole = Organization([*ORGANIZATION.usage, there], ORGANIZATION.workspaces)
    for organization, low in ((ORGANIZATION, "18.3"), (whole, "21.3")):
        with (
            ledger_server.at(NOW) as url,
            LoopbackAPI(organization, now=NOW, org_scoped=True) as api,
        ):
            run = here.check(api, "--ledger", url, "--format", "json", policy=OK)
        assert (run.code, run.report["spend"]) == (0, {"low": low, "high": "21.3"})


def test_of_each_class_the_larger_count_holds(here: Here, ledger_server: Server) -> None:
    """Input by the report, 1,000,000 of which the ledger has 400,000; output by the ledger, 200,000 to 100,000."""
    there = Usage(LATE.at, PRODUCTION, "claude-sonnet-4-5", uncached=1_000_000, output=100_000)
    organization = Organization([there], ORGANIZATION.workspaces)
    tokens = {"uncached_input": 400_000, "output": 200_000}
    count(ledger_server, replace(LATE, tokens=tokens))
    run = check(here, ledger_server, policy=OK, organization=organization)
    # 3 USD of input and 1.50 USD of output, to which 1.50 USD come by the ledger.
    assert run.report["spend"] == {"low": "4.5", "high": "6"}


# Claude Opus 5.5, 1,000,000 output tokens: 20 USD, and 40 USD where the request was fast.
SLOW = replace(
    LATE, message="msg_01EXAMPLESLOW", model="claude-opus-5-5", tokens={"output": 1_000_000}
)
FAST = replace(SLOW, message="msg_01EXAMPLEFAST", speed="fast")
REPORTED = Organization(
    [Usage(LATE.at, PRODUCTION, "claude-opus-5-5", output=1_000_000)], ORGANIZATION.workspaces
)


def test_what_the_ledger_knows_is_the_least_of_the_high_end(
    here: Here, ledger_server: Server
) -> None:
    """As many tokens as the report has, but fast ones: 40 USD are known to be used in that hour, not 20."""
    count(ledger_server, FAST)
    run = check(here, ledger_server, policy=OK, organization=REPORTED)
    assert run.report["spend"]["low"] == "20"
    assert float(run.report["spend"]["high"]) >= 40


def test_what_every_client_counts_is_in_the_range_though_an_hour_ends_meanwhile(
    here: Here, ledger_server: Server
) -> None:
    """A request that the report has in its hour and the ledger in the next one does not hide a dearer one, which is late."""
    now = NOW + timedelta(minutes=10)
    count(ledger_server, FAST, replace(SLOW, at=NOW + timedelta(seconds=1)), now=now)
    run = check(here, ledger_server, policy=OK, organization=REPORTED, now=now)
    # In truth 40 and 20 USD.
    assert run.report["spend"]["low"] == "20"
    assert float(run.report["spend"]["high"]) >= 60


@pytest.mark.parametrize("workspace", [PRODUCTION, "production", None])
def test_a_workspace_is_known_by_its_id_and_its_name(
    here: Here, ledger_server: Server, workspace: str | None
) -> None:
    """None is the default workspace."""
    count(ledger_server, replace(LATE, workspace=workspace))
    policy = HEAD + "workspaces: {production: {cap: 100}, default: {cap: 100}}\n"
    run = check(here, ledger_server, policy=policy)
    beyond = "production" if workspace else "default"
    assert budget(run, f"workspaces.{PRODUCTION}")[:2] == (
        ("18", "21") if beyond == "production" else ("18", "18")
    )
    assert budget(run, "workspaces.default")[:2] == (
        ("0.3", "3.3") if beyond == "default" else ("0.3", "0.3")
    )


@pytest.mark.parametrize("workspace", ["deleted", "wrkspc_01EXAMPLEGONE"])
def test_a_workspace_that_is_not_listed_counts_for_the_organization(
    here: Here, ledger_server: Server, workspace: str
) -> None:
    """What is known to be used is never left out, though nobody knows where."""
    count(ledger_server, replace(LATE, workspace=workspace))
    run = check(here, ledger_server, policy=HEAD + "global: {cap: 20}\n")
    assert (run.code, budget(run, "global")) == (3, ("18.3", "21.3", "uncertain"))
    # And perhaps for any one of its workspaces.
    policy = HEAD + "workspaces: {production: {cap: 20}, default: {cap: 2}}\n"
    run = check(here, ledger_server, policy=policy)
    assert (run.code, budget(run, "workspaces.default")) == (3, ("0.3", "3.3", "uncertain"))
    assert budget(run, f"workspaces.{PRODUCTION}") == ("18", "21", "uncertain")


def test_a_name_of_two_workspaces_counts_for_the_organization(
    here: Here, ledger_server: Server
) -> None:
    """And not for less than it was."""
    twins = [*ORGANIZATION.workspaces, Workspace("wrkspc_01EXAMPLETWIN", "production")]
    count(ledger_server, LATE)
    run = check(
        here,
        ledger_server,
        policy=HEAD + "global: {cap: 20}\n",
        organization=Organization(ORGANIZATION.usage, twins),
    )
    assert (run.code, budget(run, "global")) == (3, ("18.3", "21.3", "uncertain"))


def test_a_model_without_a_price_is_not_passed_over(here: Here, ledger_server: Server) -> None:
    """What the ledger has beyond the report may then cost anything: 3, and 1 where the report alone breaches."""
    count(ledger_server, replace(LATE, model="claude-nobody-knows-1"))
    assert check(here, ledger_server, policy=OK).code == 3
    assert check(here, ledger_server, policy=BREACHED).code == 1


# Hours


@pytest.mark.parametrize(
    ("now", "at", "high"),
    [
        # Whatever the report lacks of the hours of the last two, it may still get.
        ("2026-11-15T12:00:00Z", "2026-11-15T11:59:59Z", "3"),
        ("2026-11-15T12:00:00Z", "2026-11-15T10:00:00Z", "3"),
        # Yesterday's last hour, shortly after midnight.
        ("2026-11-15T00:00:30Z", "2026-11-14T23:59:59Z", "3"),
        ("2026-11-15T01:30:00Z", "2026-11-14T23:00:00Z", "3"),
        # The first minutes of the month, in which nothing of the last one counts.
        ("2026-11-01T00:03:00Z", "2026-11-01T00:00:00Z", "3"),
        ("2026-11-01T00:03:00Z", "2026-10-31T23:59:59Z", "0"),
        ("2026-11-01T01:30:00Z", "2026-10-31T23:59:59Z", "0"),
        # Long ago the report has all.
        ("2026-11-15T12:00:00Z", "2026-11-13T12:00:00Z", "0"),
    ],
)
def test_the_ledger_counts_for_hours_that_may_not_be_whole(
    here: Here, ledger_server: Server, now: str, at: str, high: str
) -> None:
    """Of the month, and as old as a report lags."""
    when = datetime.fromisoformat(now)
    record = replace(LATE, at=datetime.fromisoformat(at))
    count(ledger_server, record, now=when)
    nobody = Organization([], ORGANIZATION.workspaces)
    run = check(here, ledger_server, policy=OK, organization=nobody, now=when)
    assert run.report["spend"] == {"low": "0", "high": high}
    assert run.code == 0


def test_yesterday_is_late_for_yesterday(here: Here, ledger_server: Server) -> None:
    """An hour after midnight, what the ledger has of the evening is a range of that day."""
    evening = datetime(2026, 11, 14, 23, 30, tzinfo=UTC)
    now = evening + timedelta(hours=1)
    count(ledger_server, replace(LATE, at=evening), now=now)
    nobody = Organization([], ORGANIZATION.workspaces)
    run = check(here, ledger_server, policy=OK, organization=nobody, now=now)
    days = {day["day"]: day["spend"] for day in run.report["days"]}
    assert days["2026-11-14"] == {"low": "0", "high": "3"}
    assert days["2026-11-15"] == {"low": "0", "high": "0"}


# Holds


def test_what_is_held_counts_at_the_high_end(here: Here, ledger_server: Server) -> None:
    """That of production for it, that of no workspace for the default one, and nothing that has expired."""
    with ledger_server.driver() as redis:
        soon = ledger.seconds(redis) + 600
        ledger.hold(redis, "a", Decimal("2.50"), workspace="production", expiry=soon)
        ledger.hold(redis, "b", Decimal("0.000001"), workspace=PRODUCTION, expiry=soon)
        ledger.hold(redis, "c", Decimal(1), expiry=soon)
        ledger.hold(redis, "d", Decimal(1000), workspace="production", expiry=1)
    policy = HEAD + (
        "global: {cap: 21}\nworkspaces: {production: {cap: 20.500001}, default: {cap: 1.29}}\n"
    )
    run = check(here, ledger_server, policy=policy)
    assert run.code == 3
    assert budget(run, "global") == ("18.3", "21.800001", "uncertain")
    assert budget(run, f"workspaces.{PRODUCTION}") == ("18", "20.500001", "warning")
    assert budget(run, "workspaces.default") == ("0.3", "1.3", "uncertain")


# A ledger that cannot be read


def unreadable(here: Here, url: str, *secrets: str) -> None:
    """A check is 3 with the reason, 1 where the report alone breaches, and shows no secret."""
    for policy, code in ((OK, 3), (BREACHED, 1)):
        run = check_by(here, url, policy=policy)
        assert run.code == code, run.stderr
        assert run.report["spend"] == (None if code == 3 else {"low": "18.3", "high": None})
        levels = [it["level"] for it in run.report["notes"] if it["code"].startswith("ledger")]
        assert levels == ["error" if code == 3 else "warning"]
        for secret in secrets:
            assert secret not in run.stdout + run.stderr
    run = check_by(here, url, "--on-error", "warn", policy=OK)
    assert (run.code, run.report["enforced"]) == (0, False)


def test_a_redis_that_is_down_is_3_and_a_breach_stays_1(here: Here) -> None:
    """Nobody knows then how much more was used."""
    with server(password=PASSWORD) as gone:
        url = gone.url
    unreadable(here, url, PASSWORD)


@pytest.mark.parametrize("given", ["", "wrong-EXAMPLE-password"])
def test_a_wrong_password_is_3_and_a_breach_stays_1(here: Here, given: str) -> None:
    """Or none where one is asked for; it stands in no output."""
    with server(password=PASSWORD) as guarded:
        count(guarded, LATE)
        wrong = guarded.url.replace(f":{PASSWORD}@", f":{given}@" if given else "")
        unreadable(here, wrong, PASSWORD, *([given] if given else []))
        right = check(here, guarded, policy=OK)
        assert (right.code, right.report["spend"]["high"]) == (0, "21.3")
        assert PASSWORD not in right.stdout + right.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("HSET", "claude-sonnet-4-5|standard|0-200k|global|standard|output", "many"),
        ("HSET", "claude-sonnet-4-5|standard|0-200k|global|standard|output", "-5"),
        ("HSET", "claude-sonnet-4-5|output", "5"),
        ("HSET", "claude-sonnet-4-5|standard|0-200k|global|standard|dreams", "5"),
        ("SET", "5"),
    ],
)
def test_a_count_that_is_none_is_3_and_a_breach_stays_1(
    here: Here, ledger_server: Server, command: tuple[str, ...]
) -> None:
    """Text, less than nothing, a field without its parts, a class that nobody knows, another type."""
    count(ledger_server, LATE)
    key = ledger.counts_key("production", datetime(2026, 11, 15, 11, tzinfo=UTC))
    ledger_server.ask(command[0], key, *command[1:])
    with ledger_server.at(NOW) as url:
        unreadable(here, url)


@pytest.mark.parametrize("text", ["", "5", "soon 5", "99999999999 much", "99999999999 -5"])
def test_a_hold_that_is_none_is_3_and_a_breach_stays_1(
    here: Here, ledger_server: Server, text: str
) -> None:
    """Whatever lacks its expiry or its amount."""
    ledger_server.ask("HSET", ledger.key("production", "holds"), "a", text)
    ledger_server.ask("SADD", ledger.WORKSPACES, "production")
    with ledger_server.at(NOW) as url:
        unreadable(here, url)


def test_headline_says_what_the_report_lacks(here: Here, ledger_server: Server) -> None:
    """Somebody woken at night has to know which usage the cap is in doubt for."""
    count(ledger_server, LATE)
    policy = HEAD + "global: {cap: 20}\n"
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, ledger_server.at(NOW) as url:
        run = here.check(api, "--ledger", url, "--quiet", policy=policy, now=NOW)
    assert_says(
        run.stdout,
        "Undecided: organization has spent $18.30 to $21.30 of its $20.00 cap",
        "since Nov 15, 09:00 UTC the ledger has $3.00 that the report does not have yet",
        "claude-sonnet-4-5",
        "production",
        "Start no more jobs, or raise the cap (budget.yml:2)",
    )


def test_nothing_else_stands_as_the_cause(here: Here, ledger_server: Server) -> None:
    """What was spent for certain is not why the cap is in doubt, in the log's annotation neither."""
    count(ledger_server, LATE)
    policy = HEAD + "global: {cap: 20}\n"
    here.set({"GITHUB_ACTIONS": "true"})
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, ledger_server.at(NOW) as url:
        run = here.check(api, "--ledger", url, policy=policy, now=NOW)
    assert_says(run.stdout, "it is not known whether spend is above the cap", "$0.30 to $3.30")
    assert "today (daily average" not in run.stdout.replace("so far today", "")
    assert_says(run.stderr, "::error file=budget.yml,line=2", "the ledger has $3.00")
    assert "Most of" not in run.stderr


def test_a_redis_that_may_drop_counts_is_a_warning(here: Here) -> None:
    """What it has forgotten is in no range."""
    with server("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as one:
        run = check(here, one, policy=OK)
    (note,) = [it for it in run.report["notes"] if it["code"] == "ledger_eviction"]
    assert note["level"] == "warning"
    assert_says(note["message"], "allkeys-lru", "noeviction")


# What it goes with, and what it leaves


@pytest.mark.parametrize(
    "flags",
    [
        ("--month", "2026-10"),
        ("--month", "last"),
        ("--as-of", "2026-11-10T00:00:00Z"),
        ("--usage", str(RECORDINGS / "usage_report__live-1h-bucket-2026-05-24.json")),
        ("--offline",),
    ],
)
def test_another_time_or_saved_pages_are_refused(
    here: Here, ledger_server: Server, flags: tuple[str, ...]
) -> None:
    """The ledger is about the hours up to now: exit 2, and nothing is asked for."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(api, "--ledger", ledger_server.url, *flags, policy=BREACHED)
    assert (run.code, run.stdout, api.requests) == (2, "", [])
    assert_says(run.stderr, "--ledger")
    assert flags[0] in run.stderr


@pytest.mark.parametrize("url", ["localhost", "http://127.0.0.1:1", "redis://127.0.0.1:port/0"])
def test_what_is_no_url_of_a_redis_is_2(here: Here, url: str) -> None:
    """Before anything is asked for."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(api, "--ledger", url, policy=BREACHED)
    assert (run.code, run.stdout, api.requests) == (2, "", [])


@pytest.mark.parametrize("policy", [OK, BREACHED, HEAD + "global: {cap: 20}\n"])
def test_the_verdict_is_left_for_clients(here: Here, ledger_server: Server, policy: str) -> None:
    """As JSON that has the budget's id, whatever the verdict is; no count is changed."""
    count(ledger_server, LATE)
    with ledger_server.driver() as redis:
        before = ledger.read(redis)
        check(here, ledger_server, policy=policy)
        assert "global" in json.dumps(json.loads(redis.get(ledger.VERDICT)))
        assert ledger.read(redis) == before


def test_no_connection_is_held_while_the_api_answers(here: Here, ledger_server: Server) -> None:
    """A Redis, or what stands before it, may end one that says nothing; the verdict is kept all the same."""
    held, one_at_a_time = [], Lock()

    def look(_: Request, __: int) -> None:
        with one_at_a_time, ledger_server.driver() as redis:
            tries = (len(redis.client_list()) - 1 for _ in range(PATIENCE))
            held.append(next((it for it in tries if not it), 1))

    with ledger_server.at(NOW) as url, LoopbackAPI(ORGANIZATION, now=NOW, intercept=look) as api:
        run = here.check(api, "--ledger", url, policy=OK)
    assert (run.code, set(held)) == (0, {0})
    assert ledger_server.ask("EXISTS", ledger.VERDICT) == 1


def test_a_ledger_without_a_verdict_before_may_have_lost_counts(
    here: Here, ledger_server: Server
) -> None:
    """As a first check or after a FLUSHALL, be it between two checks or within one; not otherwise."""

    def warned(run: Run) -> list[str]:
        return [it["message"] for it in run.report["notes"] if it["code"] == "ledger_anew"]

    count(ledger_server, LATE)
    assert_says(*warned(check(here, ledger_server, policy=OK)), "lost its data", "higher")
    assert warned(check(here, ledger_server, policy=OK)) == []
    ledger_server.ask("FLUSHALL")
    run = check(here, ledger_server, policy=OK)
    assert (len(warned(run)), run.report["spend"]["high"]) == (1, "18.3")

    def empty(_: Request, __: int) -> None:
        ledger_server.ask("FLUSHALL")

    with ledger_server.at(NOW) as url, LoopbackAPI(ORGANIZATION, now=NOW, intercept=empty) as api:
        run = here.check(api, "--ledger", url, "--format", "json", policy=OK)
    assert len(warned(run)) == 1


def test_a_ledger_of_two_organizations_is_a_warning(here: Here, ledger_server: Server) -> None:
    """The guards of both would go by the verdict of the last one."""
    check(here, ledger_server, policy=OK)
    run = check(here, ledger_server, policy=OK)
    assert "ledger_organization" not in {note["code"] for note in run.report["notes"]}
    with ledger_server.driver() as redis:
        verdict = json.loads(redis.get(ledger.VERDICT))
        assert verdict["organization"] == run.report["organization"]
        redis.set(ledger.VERDICT, json.dumps({**verdict, "organization": "EXAMPLE-other"}))
    run = check(here, ledger_server, policy=OK)
    (note,) = [note for note in run.report["notes"] if note["code"] == "ledger_organization"]
    assert note["level"] == "warning"
    assert_says(note["message"], "EXAMPLE-other", verdict["organization"], "a database of it")


@pytest.mark.parametrize("before", ["text", "[" * 100_000, '{"version": 1}'])
def test_what_was_in_place_of_the_verdict_is_replaced(
    here: Here, ledger_server: Server, before: str
) -> None:
    """Whatever it was."""
    ledger_server.ask("SET", ledger.VERDICT, before)
    assert check(here, ledger_server, policy=OK).code == 0
    with ledger_server.driver() as redis:
        assert json.loads(redis.get(ledger.VERDICT))["lines"]


def test_a_report_that_a_ledger_is_in_is_judged_again_as_it_was(
    here: Here, ledger_server: Server
) -> None:
    """`verdict` asks no Redis: a cap within the range stays undecided though the counts are gone."""
    count(ledger_server, LATE)
    check(here, ledger_server, "--report", "report.json", policy=HEAD + "global: {cap: 20}\n")
    ledger_server.ask("FLUSHALL")
    run = here.main("verdict", "--report", "report.json", "--format", "json", now=NOW)
    assert (run.code, budget(run, "global")) == (3, ("18.3", "21.3", "uncertain"))


def test_without_the_flag_nothing_is_asked_of_redis(here: Here, ledger_server: Server) -> None:
    """A check is then what it was: exact, and without a verdict for clients."""
    count(ledger_server, LATE)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(api, "--format", "json", policy=OK)
    assert run.report["spend"] == {"low": "18.3", "high": "18.3"}
    assert ledger_server.ask("EXISTS", ledger.VERDICT) == 0
