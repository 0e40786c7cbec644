"""Whole runs with a key that may read the analytics alone: what is judged, what is not known, and how fresh it is."""

import json
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.markup import tables
from tests.helpers.redis import Server
from tests.helpers.running import NOW, Here, Run
from tests.helpers.serving import USAGE, at, refuse
from tests.helpers.wording import assert_says
from tests.world import ledger
from tests.world.billing import bill_of
from tests.world.keys import ANALYTICS_KEY, Key, analytics_key
from tests.world.lagging import Record
from tests.world.loopback import DEFAULT_WORKSPACE_ID, LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

# At list price: $20 of alpha on the 2nd, $10 of the default workspace on the 3rd, $5 of beta today at 9:00.
TODAY = Usage(at("2026-11-15T09:00:00Z"), BETA, "claude-haiku-5-5", output=MILLION)
ORGANIZATION = Organization(
    [
        Usage(at("2026-11-02T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-11-03T12:00:00Z"), None, "claude-sonnet-5", output=MILLION),
        replace(TODAY, model="claude-sonnet-5", output=MILLION // 2),
    ],
    [Workspace(ALPHA, "alpha"), Workspace(BETA, "beta")],
)
LABELS = f"names: {{{ALPHA}: alpha, {BETA}: beta, {DEFAULT_WORKSPACE_ID}: default}}\n"
UNLABELLED = f"names: {{{ALPHA}: alpha}}\n"
GLOBAL = "version: 1\nglobal: {cap: 100}\n"


def api(
    organization: Organization = ORGANIZATION, *, key: Key | None = None, **options: Any
) -> LoopbackAPI:
    """An API that bills at list price, with a key for its analytics."""
    options.setdefault("now", NOW)
    options.setdefault("bill", bill_of(organization))
    return LoopbackAPI(organization, keys=[key or analytics_key()], **options)


def run(here: Here, server: LoopbackAPI, command: str, *flags: str, policy: str = GLOBAL) -> Run:
    """What a command prints that has the key for analytics."""
    with server:
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY, "ANTHROPIC_BASE_URL": server.url})
        return here.main(command, *flags, policy=policy, now=server.now)


def check(here: Here, policy: str, *flags: str, **options: Any) -> Run:
    """What a check prints as JSON, with the key for analytics."""
    return run(here, api(**options), "check", "--format", "json", *flags, policy=policy)


def note(found: Run, code: str) -> str:
    """The message of the one note with that code, in a JSON report."""
    (message,) = [it["message"] for it in found.report["notes"] if it["code"] == code]
    return str(message)


def spends(found: Run) -> dict[str | None, Fraction]:
    """The spend of each workspace by its id, in a JSON report."""
    return {it["id"]: Fraction(it["spend"]["low"]) for it in found.report["workspaces"]}


# What is judged


def test_the_month_is_judged_by_the_analytics(here: Here) -> None:
    """The spend is that of the usage report, and the report says where it is from and how fresh."""
    found = check(here, GLOBAL + LABELS)
    assert (found.code, found.stderr) == (0, "")
    assert found.spend == 35
    assert spends(found) == {ALPHA: 20, None: 10, BETA: 5}
    assert [it["name"] for it in found.report["workspaces"]] == [
        "alpha",
        "default workspace",
        "beta",
    ]
    assert found.report["data_refreshed_at"] == "2026-11-15T11:50:00Z"
    assert_says(note(found, "analytics"), "read from the usage analytics")
    assert "unnamed_workspaces" not in found.codes


@pytest.mark.parametrize(("cap", "code"), [("35", 0), ("34.99", 1)])
def test_a_breach_is_one_by_the_analytics(here: Here, cap: str, code: int) -> None:
    """To the cent."""
    assert check(here, f"version: 1\nglobal: {{cap: {cap}}}\n").code == code


@pytest.mark.parametrize(
    ("key", "cap", "code"),
    [
        ("alpha", "20", 0),
        ("alpha", "19.99", 1),
        (ALPHA, "19.99", 1),
        ("default", "10", 0),
        ("default", "9.99", 1),
        ("d*", "9.99", 1),
        ("*", "19.99", 1),
    ],
)
def test_workspaces_have_the_names_of_the_policy(here: Here, key: str, cap: str, code: int) -> None:
    """And the default one its key, by its real id."""
    policy = f"version: 1\nworkspaces: {{'{key}': {{cap: {cap}}}}}\n{LABELS}"
    assert check(here, policy).code == code


@pytest.mark.parametrize("has_list", [False, True])
def test_the_real_id_of_the_default_workspace_is_no_key(here: Here, *, has_list: bool) -> None:
    """It would be one by this key alone: its usage is that of `default` everywhere."""
    key = analytics_key("workspaces") if has_list else analytics_key()
    policy = f"version: 1\nworkspaces: {{{DEFAULT_WORKSPACE_ID}: {{cap: 50}}}}\n{LABELS}"
    found = check(here, policy, key=key)
    assert found.code == 2
    assert_says(found.stderr, "budget.yml:2:", "id of the default workspace", "write `default`")


@pytest.mark.parametrize(
    "budgets",
    [
        "workspaces: {default: {cap: 5}}",
        "workspaces: {'def*': {cap: 5, optional: true}}",
        "groups: {g: {workspaces: [default, alpha], cap: 5}}",
        "groups: {g: {workspaces: ['d*'], cap: 5}}",
    ],
)
def test_a_budget_of_a_default_workspace_that_nobody_knows_is_an_error(
    here: Here, budgets: str
) -> None:
    """It would watch nothing and pass: the error has the place, the ids it may be, and what to write."""
    found = check(here, f"version: 1\n{budgets}\n{UNLABELLED}")
    assert found.code == 2
    ids = ", ".join(sorted((BETA, DEFAULT_WORKSPACE_ID)))
    assert_says(found.stderr, "budget.yml:2:", "the default one is not known", ids, "names")


def test_a_reservation_in_a_default_workspace_that_nobody_knows_is_an_error(here: Here) -> None:
    """It would be weighed against the spend of nobody."""
    found = check(here, GLOBAL + UNLABELLED, "--reserve", "5=default")
    assert found.code == 2
    assert_says(found.stderr, "the default one is not known", "names")


@pytest.mark.parametrize(
    ("budgets", "code"),
    [
        ("workspaces: {'*': {cap: 15}}", 1),
        ("workspaces: {'*': {cap: 25}}", 0),
        ("unlisted: {cap: 15}", 1),
        ("unlisted: {cap: 9.99}", 1),
        ("unlisted: {cap: 25}", 0),
    ],
)
def test_budgets_of_all_need_not_know_which_is_the_default_one(
    here: Here, budgets: str, code: int
) -> None:
    """Under its id, it has a budget as any other."""
    assert check(here, f"version: 1\n{budgets}\n{UNLABELLED}").code == code


def test_a_name_that_nobody_tells_is_an_error(here: Here) -> None:
    """The remedy is what helps with this key."""
    found = check(here, f"version: 1\nworkspaces: {{beta: {{cap: 1}}}}\n{UNLABELLED}")
    assert found.code == 2
    assert_says(
        found.stderr, "no list of them", "budget.yml:2:", "may not list workspaces", "names"
    )
    assert "--workspaces" not in found.stderr


@pytest.mark.parametrize(
    "budgets",
    [
        "workspaces: {'al*': {cap: 50}}",
        "workspaces: {'al*': {cap: 50, optional: true}}",
        "groups: {g: {workspaces: ['al*'], cap: 50}}",
        "groups: {g: {workspaces: ['al*', default], cap: 50, optional: true}}",
    ],
)
def test_a_glob_may_be_for_a_workspace_without_a_name(here: Here, budgets: str) -> None:
    """Whether its cap holds is not known: with a key that may list workspaces, it could be breached."""
    labels = f"names: {{{ALPHA}: alpha, {DEFAULT_WORKSPACE_ID}: default}}\n"
    found = check(here, f"version: 1\n{budgets}\n{labels}")
    assert found.code == 2
    assert_says(found.stderr, "budget.yml:2:", "glob", BETA, "not known", "`names`")


@pytest.mark.parametrize(
    "remedy",
    [
        f"workspaces: {{'al*': {{cap: 50}}}}\n{LABELS}",
        (
            f"workspaces: {{'al*': {{cap: 50}}, {BETA}: {{cap: 9}}}}\n"
            f"names: {{{ALPHA}: alpha, {DEFAULT_WORKSPACE_ID}: default}}\n"
        ),
        (
            f"groups: {{g: {{workspaces: ['al*', {BETA}], cap: 50}}}}\n"
            f"names: {{{ALPHA}: alpha, {DEFAULT_WORKSPACE_ID}: default}}\n"
        ),
    ],
)
def test_a_workspace_with_a_name_or_a_key_is_for_a_glob_or_not(here: Here, remedy: str) -> None:
    """Each remedy helps."""
    found = check(here, f"version: 1\n{remedy}")
    assert found.code == 0, found.stderr


def test_workspaces_without_a_name_are_told_of_once(here: Here) -> None:
    """By their ids, with what names them."""
    found = check(here, GLOBAL + UNLABELLED)
    assert found.code == 0
    assert_says(
        note(found, "unnamed_workspaces"),
        "(2)",
        *sorted((BETA, DEFAULT_WORKSPACE_ID)),
        "may be the default workspace",
        "names",
        "--names-from",
    )


def test_a_list_names_all_of_them(here: Here) -> None:
    """A key that may list workspaces needs no names in the policy."""
    policy = "version: 1\nworkspaces: {beta: {cap: 5}, default: {cap: 9.99}}\n"
    found = check(here, policy, key=analytics_key("workspaces"))
    statuses = {it["name"]: it["status"] for it in found.report["budgets"]}
    assert statuses == {"beta": "warning", "default workspace": "breached"}


def test_a_history_names_them(here: Here, tmp_path: Any) -> None:
    """That was written by a key that may list them."""
    url = f"sqlite:///{tmp_path / 'usage.db'}"
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        here.set({"ANTHROPIC_BASE_URL": server.url})
        assert here.main("sync", "--store", url).code == 0
    policy = "version: 1\nworkspaces: {alpha: {cap: 19.99}}\n"
    found = check(here, policy, "--names-from", url)
    assert (found.code, found.report["budgets"][0]["name"]) == (1, "alpha")


def test_whose_the_key_is_cannot_be_checked(here: Here) -> None:
    """It may not ask that either: a policy that names its organization is not judged."""
    found = check(here, f"{GLOBAL}organization: {ORGANIZATION.id}\n")
    assert found.code == 3
    assert_says(note(found, "organization_unknown"), ORGANIZATION.id, "remove", "`organization`")


@pytest.mark.parametrize(("labels", "code"), [(LABELS, 0), (UNLABELLED, 3)])
def test_a_last_report_by_another_key_is_held_against_the_numbers(
    here: Here, labels: str, code: int
) -> None:
    """Under a label the default workspace is the same one; without it, its spend would have fallen to nothing."""
    policy = GLOBAL + labels
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        assert here.check(server, "--report", "last.json", policy=policy).code == 0
    found = check(here, policy, "--last-report", "last.json")
    assert (found.code, "spend_fell" in found.codes) == (code, code == 3)


def test_forecasts_go_by_the_days_before(here: Here) -> None:
    """Those are of the analytics as well, under the same workspaces."""
    earlier = [
        replace(ORGANIZATION.usage[1], at=at(f"2026-10-{day}T12:00:00Z")) for day in range(19, 31)
    ]
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, *earlier])
    policy = f"version: 1\nworkspaces: {{default: {{cap: 100, forecast: warn}}}}\n{LABELS}"
    read_only = check(here, policy, organization=organization, data_refreshed_at=NOW)
    with LoopbackAPI(organization, now=NOW) as server:
        whole = here.main(
            *("check", "--format", "json"),
            policy=policy,
            environment={
                "ANTHROPIC_ADMIN_KEY": server.keys[0].secret,
                "ANTHROPIC_BASE_URL": server.url,
            },
        )
    assert whole.report["budgets"][0]["forecast"]
    assert read_only.report["budgets"] == whole.report["budgets"]


# How fresh the numbers are


def test_people_are_told_how_old_the_numbers_are(here: Here) -> None:
    """As a sentence, with what that means for the spend."""
    said = run(here, api(), "check", policy=GLOBAL + LABELS).said
    assert_says(
        said,
        "$35.00",
        "Numbers as of Nov 15, 11:50 UTC (10 minutes old): later usage is not included.",
    )


def test_usage_after_the_refresh_is_not_in_the_spend(here: Here) -> None:
    """It is a lower bound, and the summary says up to when it is whole."""
    with api(data_refreshed_at=at("2026-11-15T08:30:00Z")) as server:
        here.set({**here.program.step, "ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY})
        found = here.check(server, "--format", "json", policy=GLOBAL + LABELS, now=NOW)
    assert found.code == 0
    assert found.spend == 30
    assert tables(here.program.summary)
    assert "Numbers as of Nov 15, 08:30 UTC (3 hours 30 minutes old)" in here.program.summary


@pytest.mark.parametrize(("cap", "code"), [("100", 3), ("29", 1)])
def test_hours_that_neither_the_analytics_nor_the_ledger_have_leave_no_upper_bound(
    here: Here, ledger_server: Server, cap: str, code: int
) -> None:
    """The ledger is compared from 09:00 on: nothing passes, and what is known to be over its cap stays so."""
    policy = f"version: 1\nglobal: {{cap: {cap}}}\n{LABELS}"
    with ledger_server.at(NOW) as url:
        found = check(here, policy, "--ledger", url, data_refreshed_at=at("2026-11-15T08:30:00Z"))
    assert found.code == code
    assert found.report["spend"] == {"low": "30", "high": None}
    told = ("Nov 15, 08:30 UTC", "Nov 15, 09:00 UTC", "no upper bound", "without --ledger")
    assert_says(note(found, "ledger_gap"), *told)


def counted(hours_ago: float, workspace: str | None, output: int, message: str) -> Record:
    """What a client counts of Claude Sonnet 5, at 10 USD per million output tokens."""
    kind = ("standard", "0-200k", "global", "standard")
    then = NOW - timedelta(hours=hours_ago)
    return Record(then, message, workspace, "claude-sonnet-5", *kind, {"output": output})


@pytest.mark.parametrize("refreshed", ["2026-11-15T11:50:00Z", "2026-11-15T09:10:00Z"])
def test_what_clients_count_comes_to_what_the_analytics_have(
    here: Here, ledger_server: Server, refreshed: str
) -> None:
    """$5 of beta and $2 of the default workspace, by either side, are once in the range; $10 come to it as the ledger alone has them."""
    default = Usage(at("2026-11-15T09:05:00Z"), None, "claude-sonnet-5", output=200_000)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, default])
    known = [counted(3, "beta", MILLION // 2, "msg_1"), counted(2.9, None, 200_000, "msg_2")]
    late = counted(0.5, None, MILLION, "msg_3")
    with ledger_server.driver() as redis:
        ledger.write(redis, [*known, late], now=NOW)
    policy = f"version: 1\nworkspaces: {{beta: {{cap: 5}}, default: {{cap: 21.99}}}}\n{LABELS}"
    with ledger_server.at(NOW) as url:
        found = check(
            here,
            policy,
            "--ledger",
            url,
            organization=organization,
            data_refreshed_at=at(refreshed),
        )
    assert found.code == 3
    assert found.report["spend"] == {"low": "37", "high": "47"}
    budgets = {it["name"]: (*it["spend"].values(), it["status"]) for it in found.report["budgets"]}
    assert budgets == {
        "beta": ("5", "5", "warning"),
        "default workspace": ("12", "22", "uncertain"),
    }


@pytest.mark.parametrize("written", ["beta", "beta team"])
def test_a_name_that_no_label_has_may_be_of_any_workspace(
    here: Here, ledger_server: Server, written: str
) -> None:
    """A key for analytics lists no workspaces: what a client calls one is known by the policy's names alone."""
    with ledger_server.driver() as redis:
        ledger.write(redis, [counted(0.5, written, MILLION, "msg_1")], now=NOW)
    policy = f"version: 1\nworkspaces: {{alpha: {{cap: 29.99}}, beta: {{cap: 15}}}}\n{LABELS}"
    with ledger_server.at(NOW) as url:
        found = check(here, policy, "--ledger", url)
    is_known = written == "beta"
    budgets = {it["name"]: tuple(it["spend"].values()) for it in found.report["budgets"]}
    assert budgets == {"alpha": ("20", "20" if is_known else "30"), "beta": ("5", "15")}
    assert (found.code, "ledger_workspace" in found.codes) == (
        (0, False) if is_known else (3, True)
    )


def test_a_month_that_has_ended_lacks_nothing(here: Here) -> None:
    """Its numbers are whole, however long ago they were refreshed."""
    found = run(
        here, api(now=at("2026-12-10T12:00:00Z")), "check", "--month", "last", policy=GLOBAL
    )
    assert found.code == 0
    assert "Numbers as of" not in found.said


def test_how_the_month_before_ended_may_lack_its_last_hours(here: Here) -> None:
    """Of numbers that know nothing of them, the sentence that they held every cap says so."""
    late = replace(ORGANIZATION.usage[0], at=at("2026-11-30T22:00:00Z"))
    organization = replace(ORGANIZATION, usage=[late])
    refreshed = at("2026-11-30T20:00:00Z")
    now = at("2026-12-01T02:30:00Z")
    with api(organization, now=now, data_refreshed_at=refreshed) as server:
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY})
        found = here.check(server, "--format", "json", policy=GLOBAL, now=now)
    assert_says(note(found, "month_before"), "$0.00", "after Nov 30, 20:00 UTC are not in it yet")


MAX_AGE = f"{GLOBAL}spend: {{max_age: 3h}}\n"


@pytest.mark.parametrize(("minutes", "code"), [(179, 0), (180, 0), (181, 3), (60 * 24, 3)])
def test_older_numbers_are_not_judged_where_the_policy_limits_their_age(
    here: Here, minutes: int, code: int
) -> None:
    """At the limit they are, a minute later they are not."""
    found = check(here, MAX_AGE, data_refreshed_at=NOW - timedelta(minutes=minutes))
    assert found.code == code
    assert ("old_numbers" in found.codes) == (code == 3)
    assert found.report["status"] == ("unverified" if code else "ok")
    refreshed = NOW - timedelta(minutes=minutes)
    assert found.report["data_refreshed_at"] == f"{refreshed:%Y-%m-%dT%H:%M:%SZ}"


def test_numbers_that_are_too_old_are_told_with_reason_and_remedy(here: Here) -> None:
    """How old, how old they may be, and where that stands."""
    found = check(here, MAX_AGE, data_refreshed_at=at("2026-11-15T07:00:00Z"))
    assert found.report["spend"] is None
    assert_says(
        note(found, "old_numbers"),
        "Nov 15, 07:00 UTC",
        "5 hours",
        "3 hours",
        "spend.max_age, budget.yml:3",
        "run the gate again",
    )


@pytest.mark.parametrize(("minutes", "code"), [(60 * 24, 0), (60 * 24 + 1, 3)])
def test_a_whole_day_may_never_be_missing_unless_the_policy_says_so(
    here: Here, minutes: int, code: int
) -> None:
    """Without a limit, spend of which a day is missing would pass as that of the month."""
    at_ = NOW - timedelta(minutes=minutes)
    found = check(here, GLOBAL, data_refreshed_at=at_)
    assert (found.code, "old_numbers" in found.codes) == (code, code == 3)
    assert check(here, f"{GLOBAL}spend: {{max_age: 2d}}\n", data_refreshed_at=at_).code == 0


def test_a_breach_is_one_by_old_numbers_too(here: Here) -> None:
    """Spend only grows: what was above the cap still is."""
    policy = "version: 1\nglobal: {cap: 29}\nspend: {max_age: 3h}\n"
    found = check(here, policy, data_refreshed_at=at("2026-11-14T20:00:00Z"))
    assert (found.code, found.report["status"]) == (1, "breached")
    assert found.spend == 30
    assert "old_numbers" in found.codes


def test_numbers_of_a_past_time_are_as_old_as_they_were_then(here: Here) -> None:
    """At a time before the refresh, nothing is missing."""
    when = ("--as-of", "2026-11-10T00:00:00Z")
    found = check(here, MAX_AGE, *when, data_refreshed_at=at("2026-11-12T00:00:00Z"))
    assert found.code == 0
    assert found.spend == 30


def test_the_usage_report_tells_no_age(here: Here) -> None:
    """That a limit could not be checked is a warning."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        found = here.check(server, "--format", "json", policy=MAX_AGE)
    assert (found.code, found.report["data_refreshed_at"]) == (0, None)
    assert_says(note(found, "age_unchecked"), "spend.max_age", "not checked", "read:analytics")


@pytest.mark.parametrize("wrong", ["3", "3 hours", "0h", "32d", "745h", "[3h]", "3H", "1.5h"])
def test_an_age_is_written_as_one(here: Here, wrong: str) -> None:
    """As that of `verdict`: minutes, hours or days, up to 31 days."""
    found = here.main("check", "--offline", policy=f"{GLOBAL}spend: {{max_age: {wrong}}}\n")
    assert found.code == 2
    assert_says(found.stderr, "budget.yml:3:", "is not an age up to 31d", "write 90m, 3h or 2d")


# Other commands


def test_billed_cost_is_read_with_the_same_key(here: Here) -> None:
    """Both analytics give a workspace the same id, whether or not it is known to be the default one."""
    bill = bill_of(ORGANIZATION, discount=Fraction(1, 10))
    for labels in (LABELS, UNLABELLED):
        policy = f"{GLOBAL}spend: {{basis: billed}}\n{labels}"
        found = check(here, policy, bill=bill)
        assert found.code == 0
    assert found.spend == 27 + 5
    assert spends(found) == {ALPHA: 18, DEFAULT_WORKSPACE_ID: 9, BETA: 5}


def test_the_audit_compares_both_analytics(here: Here) -> None:
    """Each line was billed at list cost."""
    found = run(here, api(), "audit", policy=GLOBAL + LABELS)
    assert (found.code, found.stderr) == (0, "")
    assert_says(found.said, "2 lines")


def test_exports_are_the_same_by_either_route(here: Here) -> None:
    """Rows of full days, with the names that the policy gives."""
    days = ("--from", "2026-11-01", "--to", "2026-11-14", "--format", "jsonl")
    by_analytics = run(here, api(), "export", *days, policy=GLOBAL + LABELS)
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        here.set({"ANTHROPIC_ADMIN_KEY": server.keys[0].secret, "ANTHROPIC_BASE_URL": server.url})
        by_report = here.main("export", *days, now=NOW)
    assert by_analytics.code == by_report.code == 0
    assert by_analytics.stdout == by_report.stdout
    assert len(by_analytics.stdout.splitlines()) == 2


def test_an_export_of_days_that_are_not_whole_warns(here: Here) -> None:
    """And where a day and more is missing, it is none."""
    days = ("--from", "2026-11-01", "--to", "2026-11-14", "--format", "jsonl")
    late = api(data_refreshed_at=at("2026-11-14T22:00:00Z"))
    found = run(here, late, "export", *days, policy=GLOBAL + LABELS)
    assert found.code == 0
    assert_says(found.stderr, "Nov 14, 22:00 UTC", "are missing")
    old = api(data_refreshed_at=at("2026-11-13T23:00:00Z"))
    found = run(here, old, "export", *days, policy=GLOBAL + LABELS)
    assert (found.code, found.stdout) == (3, "")
    assert_says(found.stderr, "Nov 13, 23:00 UTC", "1 day 1 hour", "1 day")


def test_a_sync_says_that_it_must_know_whose_days_they_are(here: Here, tmp_path: Any) -> None:
    """A history has the days of several organizations; the key may not tell its own."""
    store = f"sqlite:///{tmp_path / 'usage.db'}"
    found = run(here, api(), "sync", "--store", store, policy=GLOBAL)
    assert (found.code, found.stdout) == (3, "")
    assert_says(found.stderr, "nothing was synced", "(403)", "Admin key")


def test_a_key_that_may_tell_its_organization_syncs(here: Here, tmp_path: Any) -> None:
    """The default workspace is None there too, where the policy tells it."""
    store = f"sqlite:///{tmp_path / 'usage.db'}"
    server = api(key=analytics_key("me"))
    found = run(
        here, server, "sync", "--store", store, "--from", "2026-11-01", policy=GLOBAL + LABELS
    )
    assert (found.code, found.stderr) == (0, "")
    days = ("--from", "2026-11-01", "--to", "2026-11-14", "--format", "jsonl")
    kept = here.main("export", "--store", store, *days, now=NOW)
    rows = [json.loads(line) for line in kept.stdout.splitlines()]
    assert {row["workspace_id"] for row in rows} == {ALPHA, "default"}


def test_the_page_is_made_of_the_analytics(here: Here, tmp_path: Any) -> None:
    """With the spend of the month."""
    page = tmp_path / "page"
    found = run(here, api(), "dashboard", "--out", str(page), policy=GLOBAL + LABELS)
    assert found.code == 0, found.stderr
    shown = (page / "index.html").read_text(encoding="utf-8")
    assert "alpha" in shown
    assert "Numbers as of Nov 15, 11:50 UTC (10 minutes old)" in shown


def test_the_doctor_says_what_stands_in_for_the_report(here: Here) -> None:
    """And that names are those of the policy."""
    found = run(here, api(), "doctor", policy=GLOBAL + LABELS)
    assert found.code == 0
    assert_says(found.said, "usage report", "analytics stand in for it", "Nov 15, 11:50 UTC")
    assert_says(found.said, "workspaces", "not listed for this key")


def test_the_doctor_advises_no_admin_key_where_a_lesser_one_works(here: Here) -> None:
    """Neither how it begins nor what it may not ask is a reason to take a key that can do more."""
    found = run(here, api(), "doctor", policy=GLOBAL + LABELS)
    assert_says(found.said, "ok credential: a read-only key", "usage analytics")
    assert_says(found.said, "ok organization:", "leave `organization` out of the policy")
    assert "Admin key" not in found.stdout


def test_the_doctor_warns_of_an_id_that_nothing_shows(here: Here) -> None:
    """Without a list, the usage alone can tell that an id is misspelt."""
    policy = f"{GLOBAL}workspaces: {{{ALPHA}: {{cap: 50}}, {ALPHA}X: {{cap: 50}}}}\n"
    found = run(here, api(), "doctor", policy=policy)
    assert_says(found.said, f"warning keys: no usage this month is of {ALPHA}X. Check", "id")
    assert "workspace and model in the policy exists" not in found.said


def test_the_doctor_takes_a_lesser_key_as_the_next_one(here: Here) -> None:
    """It reads usage, though it may not say whose it is."""
    with api() as server:
        here.set({"ANTHROPIC_ADMIN_KEY_NEXT": ANALYTICS_KEY, "ANTHROPIC_BASE_URL": server.url})
        found = here.main("doctor", policy=GLOBAL, now=NOW)
    assert_says(found.said, "ANTHROPIC_ADMIN_KEY_NEXT works too", "organization is not known")
    assert "does not work" not in found.said


def test_a_revoked_key_is_to_be_checked_before_another_kind_is_taken(here: Here) -> None:
    """It begins like a key for messages, and the scope that it has is not known."""
    server = api(key=Key(ANALYTICS_KEY, is_revoked=True))
    found = run(here, server, "check", "--format", "json")
    assert found.code == 3
    assert_says(note(found, "http_401"), "read:analytics", "not revoked", "otherwise", "Admin key")


def test_the_doctor_tells_of_numbers_that_are_too_old(here: Here) -> None:
    """A check would not pass."""
    found = run(
        here, api(data_refreshed_at=at("2026-11-15T07:00:00Z")), "doctor", policy=MAX_AGE + LABELS
    )
    assert found.code == 3
    assert_says(found.said, "max age", "Nov 15, 07:00 UTC", "5 hours", "3 hours")


def test_a_first_policy_goes_by_ids(here: Here) -> None:
    """Where nobody tells names, they are what a policy can name."""
    october = replace(ORGANIZATION.usage[0], at=at("2026-10-02T12:00:00Z"))
    server = api(replace(ORGANIZATION, usage=[october]))
    with server:
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY, "ANTHROPIC_BASE_URL": server.url})
        found = here.main("init", "--stdout", now=NOW)
    assert found.code == 0, found.stderr
    assert f"  {ALPHA}: {{cap: 25}}" in found.stdout


def test_a_key_that_may_read_nothing_is_told_so_once(here: Here) -> None:
    """The answer of the usage report explains, and the analytics are not spoken of."""
    with api() as server:
        server.intercept = lambda *_: refuse(403, "permission_error")
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY})
        found = here.check(server, "--format", "json", policy=GLOBAL, now=NOW)
    assert (found.code, found.codes) == (3, ["http_403"])
    assert_says(note(found, "http_403"), "(403)", "Admin key", f"GET {USAGE}")


@pytest.mark.parametrize("key", ["default", "alpha"])
def test_a_verdict_goes_by_such_a_report(here: Here, key: str) -> None:
    """It knows its workspaces by the same keys, and says how fresh its numbers were."""
    policy = f"{GLOBAL}workspaces: {{{key}: {{cap: 50}}}}\n{LABELS}"
    with api() as server:
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY})
        assert here.check(server, "--report", "report.json", policy=policy).code == 0
    later = NOW + timedelta(minutes=20)
    kept = here.main("verdict", "--report", "report.json", "--format", "json", now=later)
    assert (kept.code, kept.report["status"]) == (0, "ok")
    assert kept.report["data_refreshed_at"] == "2026-11-15T11:50:00Z"


@pytest.mark.parametrize(
    ("rules", "minutes", "code"),
    [("spend: {max_age: 3h}\n", 170, 0), ("spend: {max_age: 3h}\n", 171, 3), ("", 171, 0)],
)
def test_a_verdict_goes_by_no_older_numbers_than_a_check(
    here: Here, rules: str, minutes: int, code: int
) -> None:
    """The numbers of the report are ten minutes older than itself, and grow old as it does."""
    policy = f"{GLOBAL}{LABELS}{rules}"
    with api() as server:
        here.set({"ANTHROPIC_ADMIN_KEY": ANALYTICS_KEY})
        assert here.check(server, "--report", "report.json", policy=policy).code == 0
    later = NOW + timedelta(minutes=minutes)
    kept = here.main("verdict", "--report", "report.json", "--format", "json", now=later)
    assert kept.code == code
    assert ("old_numbers" in kept.codes) == (code == 3)
