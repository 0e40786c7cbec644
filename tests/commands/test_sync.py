"""The command sync: which days it reads, and that a history has them whole, once and exactly, whatever happens."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from budget_gate.commands.sync import FIRST_DAYS, REVISED_DAYS
from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.postgresql import Cluster, cluster
from tests.helpers.running import (
    LAUNCH,
    NOW,
    Here,
    Run,
    checkout,
    ended,
    files_of_at_most,
)
from tests.helpers.serving import ME, USAGE, at, first, refuse
from tests.helpers.stores import Store, expected
from tests.helpers.wording import assert_says
from tests.world.billing import bill_of
from tests.world.loopback import LoopbackAPI, Organization, Request, Response, Workspace
from tests.world.oracle import Usage
from tests.world.organizations import random_organization, seeded

OTHER = "99999999-2222-4333-8444-555555555555"
LIST = "version: 1\nunlisted: warn\n"
LISTED = [Workspace(ALPHA, "alpha"), Workspace(BETA, "beta", archived_at="2026-10-20T00:00:00Z")]
# The last full day of NOW, and the first of the 31 days up to it.
YESTERDAY = date(2026, 11, 14)
FIRST = date(2026, 10, 15)

# At list price: $20 and $10 in October, $20 and, for searches, $1 in November.
ORGANIZATION = Organization(
    [
        Usage(at("2026-10-16T00:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-10-31T23:59:59Z"), BETA, "claude-sonnet-5", output=MILLION),
        Usage(at("2026-11-12T00:00:00Z"), None, "claude-opus-5-5", output=MILLION, searches=100),
    ],
    LISTED,
)
RANDOM = random_organization(seeded(21), start=at("2026-08-20T00:00:00Z"), end=NOW, rows=500)


def api(organization: Organization = ORGANIZATION, **options: Any) -> LoopbackAPI:
    """The organization's API, at NOW unless given."""
    return LoopbackAPI(organization, **({"now": NOW} | options))


def synced(
    here: Here, store: Store, server: LoopbackAPI, *flags: str, policy: str | None = None
) -> Run:
    """What a sync from a server returns and prints, at the server's time."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        return here.main("sync", "--store", store.url, *flags, policy=policy, now=server.now)


def synced_well(here: Here, store: Store, organization: Organization = ORGANIZATION) -> None:
    """A sync of the organization at NOW that has nothing to warn of."""
    run = synced(here, store, api(organization))
    assert (run.code, run.stderr) == (0, "")


def told_3(run: Run) -> str:
    """What a sync says that ends in 3: one line, and nothing of a traceback."""
    assert (run.code, run.stdout) == (3, "")
    assert run.stderr.count("\n") == 1
    beginning = "budget-gate: nothing was synced: "
    assert run.stderr.startswith(beginning)
    return run.stderr.removeprefix(beginning)


def days(start: date, end: date) -> list[str]:
    """The days from the first to the last, both included."""
    return [str(start + timedelta(days=number)) for number in range((end - start).days + 1)]


def is_of(month: str, request: Request) -> bool:
    """Whether the usage of a month is asked for."""
    return request.path == USAGE and str(first(request, "starting_at")).startswith(month)


def failing(month: str) -> Callable[[Request, int], Response | None]:
    """An API that does not tell the usage of a month."""
    return lambda request, _: refuse(400, message="not now") if is_of(month, request) else None


def once(month: str, act: Callable[[], object]) -> Callable[[Request, int], None]:
    """What happens once, before the API tells the usage of a month."""
    asked = threading.Lock()

    def intercept(request: Request, _: int) -> None:
        if is_of(month, request) and asked.acquire(blocking=False):
            act()

    return intercept


def wait_until_written(store: Store) -> None:
    """Waits until a sync that is under way has changed something."""
    limit = time.monotonic() + 60
    while not store.is_written:
        assert time.monotonic() < limit
        time.sleep(0.01)


# Days


def test_the_first_sync_has_31_days(here: Here, store: Store) -> None:
    """The last 31 full days, those without usage as well; each row is that of the oracle."""
    run = synced(here, store, api(RANDOM))
    assert (run.code, run.stderr) == (0, "")
    assert FIRST_DAYS == 31
    assert store.days() == days(FIRST, YESTERDAY)
    told = expected(RANDOM, FIRST, YESTERDAY)
    assert store.usage() == told
    assert_says(run.stdout, "2026-10-15 to 2026-11-14", "31 days", f"{len(told)} rows")


def test_a_row_by_hand(here: Here, store: Store) -> None:
    """A million tokens of output at $20 and 100 searches at a cent, in the default workspace."""
    synced_well(here, store)
    (row,) = store.ask("SELECT * FROM anthropic_usage WHERE date = '2026-11-12'")
    assert [str(cell) for cell in row] == [
        *(ORGANIZATION.id, "2026-11-12", "default", "default workspace", "claude-opus-5-5"),
        *("standard", "0", "1000000", "0", "0", "0", "100", "21", "21", "list"),
    ]


@pytest.mark.parametrize(
    ("later", "since"),
    [
        (timedelta(hours=3), date(2026, 11, 11)),
        (timedelta(days=1), date(2026, 11, 11)),
        (timedelta(days=40), date(2026, 11, 11)),
    ],
)
def test_a_later_sync_begins_three_days_before_the_last_day(
    here: Here, store: Store, later: timedelta, since: date
) -> None:
    """However long ago that was: no day is left out, and three are read again."""
    synced_well(here, store)
    server = api(now=NOW + later)
    run = synced(here, store, server)
    newest = (NOW + later).date() - timedelta(days=1)
    assert REVISED_DAYS == 3
    assert_says(run.stdout, f"{since} to {newest}")
    asked = [str(first(it, "starting_at"))[:10] for it in server.requests if it.path == USAGE]
    assert min(asked) == str(since)
    assert store.days() == days(FIRST, newest)


def test_a_history_too_old_goes_on_with_the_oldest_day(here: Here, store: Store) -> None:
    """The API has no more than 13 months before the running one: a year and a half later."""
    synced_well(here, store)
    run = synced(here, store, api(now=at("2028-05-10T12:00:00Z")))
    assert_says(run.stdout, "2027-04-01 to 2028-05-09")


def test_more_days_on_request(here: Here, store: Store) -> None:
    """From any day on, before the ones that are there or among them."""
    synced_well(here, store, RANDOM)
    run = synced(here, store, api(RANDOM), "--from", "2026-08-20")
    assert_says(run.stdout, "2026-08-20 to 2026-11-14", "87 days")
    assert store.days() == days(date(2026, 8, 20), YESTERDAY)
    assert store.usage() == expected(RANDOM, date(2026, 8, 20), YESTERDAY)


@pytest.mark.parametrize(
    ("later", "since"),
    [
        (timedelta(0), "2026-11-14"),
        (timedelta(0), "2026-11-12"),
        (timedelta(days=10), "2026-11-24"),
        (timedelta(days=10), "2026-11-15"),
    ],
)
def test_no_day_is_passed_over(here: Here, store: Store, later: timedelta, since: str) -> None:
    """From a later day on than three before the last one: it begins at that one, as without the flag."""
    synced_well(here, store)
    late = Usage(at("2026-11-11T20:00:00Z"), None, "claude-opus-5-5", output=MILLION)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, late])
    run = synced(here, store, api(organization, now=NOW + later), "--from", since)
    newest = YESTERDAY + later
    assert_says(run.stdout, f"synced 2026-11-11 to {newest}")
    assert store.days() == days(FIRST, newest)
    assert store.usage() == expected(organization, FIRST, newest)


# Bills that come late


BILLED = "version: 1\nunlisted: warn\nspend: {basis: billed}\n"
# $20 at list price, and $18 as billed, on each day from October 1 to November 20.
DAILY = Organization(
    [
        Usage(at(f"{day}T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
        for day in days(date(2026, 10, 1), date(2026, 11, 20))
    ],
    LISTED,
)


def billed(now: datetime, refreshed: datetime | None = None) -> LoopbackAPI:
    """The API of an organization that pays a tenth less; costs are known up to a time."""
    usage = [one for one in DAILY.usage if one.at < now]
    organization = replace(DAILY, usage=usage)
    bill = bill_of(organization, discount=Fraction(1, 10))
    return api(organization, now=now, bill=bill, data_refreshed_at=refreshed)


def bases(store: Store) -> dict[str, tuple[Any, Any]]:
    """The basis and the amount of each day."""
    return {row[1]: (row[14], row[12]) for row in store.usage()}


def test_costs_that_come_days_late_are_read_again(here: Here, store: Store) -> None:
    """Those of a week, until then at list price: the next sync has every day as billed, and the one after it three days."""
    run = synced(here, store, billed(NOW, at("2026-11-08T12:00:00Z")), policy=BILLED)
    assert run.code == 0
    told = bases(store)
    assert told["2026-11-07"] == ("billed", 18)
    assert [told[day] for day in days(date(2026, 11, 8), YESTERDAY)] == [("list", 20)] * 7
    now = at("2026-11-21T12:00:00Z")
    run = synced(here, store, billed(now), policy=BILLED)
    assert_says(run.stdout, "synced 2026-11-08 to 2026-11-20")
    assert bases(store) == dict.fromkeys(days(FIRST, date(2026, 11, 20)), ("billed", 18))
    run = synced(here, store, billed(now), policy=BILLED)
    assert_says(run.stdout, "synced 2026-11-17 to 2026-11-20")


@pytest.mark.parametrize(
    ("policy", "since", "is_billed"), [(BILLED, "2026-10-14", True), (LIST, "2026-11-11", False)]
)
def test_days_at_list_price_are_read_again_for_31_days(
    here: Here, store: Store, policy: str, since: str, *, is_billed: bool
) -> None:
    """Up to 31 days before the last one, and only where the policy wants them as billed."""
    server = billed(NOW)
    assert synced(here, store, server, "--from", "2026-10-10", policy=LIST).code == 0
    run = synced(here, store, billed(NOW), policy=policy)
    assert_says(run.stdout, f"synced {since} to 2026-11-14")
    told = bases(store)
    assert told["2026-10-13"] == ("list", 20)
    assert told["2026-10-14"] == (("billed", 18) if is_billed else ("list", 20))


def test_days_before_are_left_alone(here: Here, store: Store) -> None:
    """What has changed on a day that is not read again stays as it was."""
    synced_well(here, store)
    changed = replace(ORGANIZATION, usage=[])
    assert synced(here, store, api(changed), "--from", "2026-10-17").code == 0
    assert [row[1] for row in store.usage()] == ["2026-10-16"]


@pytest.mark.parametrize(
    ("flags", "facts"),
    [
        (("--from", "2026-11-15"), ("--from 2026-11-15 has not ended", "2026-11-14")),
        (("--from", "2025-09-30"), ("more than 13 months ago", "sync 2025-10-01 and later")),
        (("--from", "yesterday"), ("'yesterday' is not a day",)),
        (("--month", "last"), ("unrecognized arguments: --month",)),
        (("--as-of", "2026-11-01T00:00:00Z"), ("unrecognized arguments: --as-of",)),
        (("--policy", "none.yml"), ("none.yml",)),
    ],
)
def test_what_does_not_go_together_is_2(
    here: Here, store: Store, flags: tuple[str, ...], facts: tuple[str, ...]
) -> None:
    """With the reason and the remedy; nothing is asked for."""
    run = synced(here, store, api(), *flags)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, *facts)


@pytest.mark.parametrize(
    "environment",
    [{"BUDGET_GATE_AS_OF": "2026-11-01T00:00:00Z"}, {"BUDGET_GATE_MONTH": "2026-10"}],
)
def test_another_time_is_2(here: Here, tmp_path: Path, environment: dict[str, str]) -> None:
    """A history goes up to now: a variable that says otherwise is not passed over."""
    here.set(environment)
    run = synced(here, Store(f"sqlite:///{tmp_path}/usage.db"), server := api())
    assert (run.code, run.stdout, server.requests) == (2, "", [])
    assert_says(run.stderr, "sync reads up to the last full day", "unset BUDGET_GATE_AS_OF")


def test_no_database_named_is_2(here: Here) -> None:
    """With what to add."""
    run = here.main("sync")
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "no database", "--store sqlite:///usage.db", "BUDGET_GATE_STORE")


def test_the_database_may_be_a_variable(here: Here, store: Store) -> None:
    """As a workflow has it, from a secret."""
    with api() as server:
        here.set({"ANTHROPIC_BASE_URL": server.url, "BUDGET_GATE_STORE": store.url})
        assert here.main("sync").code == 0
    assert store.usage() == expected(ORGANIZATION, FIRST, YESTERDAY)


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "\t{} \n"])
def test_spaces_around_the_variable_are_nothing(here: Here, store: Store, around: str) -> None:
    """As a secret is pasted: the database is that of the URL, and no file has a space in its name."""
    with api() as server:
        value = around.format(store.url)
        here.set({"ANTHROPIC_BASE_URL": server.url, "BUDGET_GATE_STORE": value})
        run = here.main("sync")
    assert (run.code, run.stderr) == (0, "")
    assert store.days() == days(FIRST, YESTERDAY)
    if store.file:
        assert [it.name for it in store.file.parent.glob("usage*")] == ["usage.db"]


# What changes between two syncs


def test_a_second_sync_changes_nothing(here: Here, store: Store) -> None:
    """At the same time of the same days, all tables are the same to the last sign."""
    assert synced(here, store, api(RANDOM), "--from", "2026-09-01").code == 0
    before = store.dump()
    assert synced(here, store, api(RANDOM), "--from", "2026-09-01").code == 0
    assert store.dump() == before


def test_a_day_that_is_revised_is_corrected(here: Here, store: Store) -> None:
    """Half of a day's tokens came late: $40 in place of $20, and the searches as before."""
    synced_well(here, store)
    late = Usage(at("2026-11-12T20:00:00Z"), None, "claude-opus-5-5", output=MILLION)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, late])
    synced_well(here, store, organization)
    assert store.usage()[-1][12:14] == (41, 41)
    assert store.usage() == expected(organization, FIRST, YESTERDAY)


def test_rows_that_vanish_from_a_day_are_deleted(here: Here, store: Store) -> None:
    """All of a day, so that it has none, and one of several."""
    more = [
        Usage(at("2026-11-13T01:00:00Z"), ALPHA, model, tier, output=MILLION)
        for model in ("claude-opus-5-5", "claude-sonnet-5")
        for tier in ("standard", "batch")
    ]
    before = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, *more])
    synced_well(here, store, before)
    assert len(store.usage()) == 7
    after = replace(ORGANIZATION, usage=[*ORGANIZATION.usage[:2], *more[1:]])
    run = synced(here, store, api(after))
    assert run.code == 0
    assert_says(run.stderr, "warning: 2026-11-12 is without any row now", "sync --from 2026-11-12")
    assert store.usage() == expected(after, FIRST, YESTERDAY)
    assert len(store.usage()) == 5
    assert store.days() == days(FIRST, YESTERDAY)


def test_days_that_are_empty_now_are_a_warning(here: Here, store: Store) -> None:
    """An API that has lost what it had may find it again: with the days and the remedy."""
    more = Usage(at("2026-11-13T01:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
    before = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, more])
    synced_well(here, store, before)
    empty = replace(ORGANIZATION, usage=[])
    run = synced(here, store, api(empty), "--from", "2026-10-15")
    assert run.code == 0
    assert_says(
        run.stderr,
        *("warning: 4 days from 2026-10-16 to 2026-11-13 are without any row now", "had some"),
        "run `budget-gate sync --from 2026-10-16` once the API has them again",
    )
    assert run.stderr.count("\n") == 1
    assert store.usage() == []
    # What is empty for the second time is so on purpose.
    assert synced(here, store, api(empty), "--from", "2026-10-15").stderr == ""


def test_what_was_read_earlier_does_not_replace_what_was_read_later(
    here: Here, store: Store
) -> None:
    """A sync that is slow, or was held up, began before the one that has saved already."""
    later = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, *RANDOM.usage])
    synced_well(here, store, later)
    before = store.dump()
    run = synced(here, store, api(now=NOW - timedelta(hours=1)), "--from", "2026-10-15")
    assert run.code == 0
    assert_says(
        run.stderr,
        "warning: 31 days from 2026-10-15 to 2026-11-14 are left as another run has them",
        "later than this one began",
    )
    assert store.dump() == before


def test_what_was_read_earlier_fills_the_days_that_are_missing(here: Here, store: Store) -> None:
    """Of a sync of more days than the later one had."""
    later = replace(RANDOM, usage=[])
    assert synced(here, store, api(later), "--from", "2026-11-10").code == 0
    early = api(RANDOM, now=NOW - timedelta(hours=1))
    assert synced(here, store, early, "--from", "2026-10-15").code == 0
    assert store.usage() == expected(RANDOM, FIRST, date(2026, 11, 9))
    assert store.days() == days(FIRST, YESTERDAY)


def by_clock(here: Here, store: Store, server: LoopbackAPI, ahead: timedelta) -> Run:
    """A sync on a machine whose clock is ahead of that of the API."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        return here.main("sync", "--store", store.url, now=server.now + ahead)


@pytest.mark.parametrize(
    "ahead", [timedelta(minutes=6), timedelta(hours=11, minutes=59), timedelta(minutes=-6)]
)
def test_the_time_of_the_api_is_what_counts(here: Here, store: Store, ahead: timedelta) -> None:
    """A clock that is ahead within the day, or behind: days and names are of when the API says it was."""
    run = by_clock(here, store, api(), ahead)
    assert run.code == 0
    assert_says(run.stderr, "warning", "the clock of this machine")
    assert synced_at(store) == {NOW}
    assert {it[2:4] for it in store.names()} == {(NOW, NOW)}


def synced_at(store: Store) -> set[datetime]:
    """When the days were read, in UTC."""
    told = store.ask("SELECT DISTINCT synced_at FROM anthropic_synced_days")
    return {
        at(f"{it}Z") if isinstance(it, str) else it.astimezone(UTC) for row in told for it in row
    }


@pytest.mark.parametrize("hours", [6, 11])
def test_a_later_run_corrects_what_a_clock_ahead_has_read(
    here: Here, store: Store, hours: int
) -> None:
    """Ten minutes later, by a clock that is right: a day that is revised is corrected."""
    assert by_clock(here, store, api(), timedelta(hours=hours)).code == 0
    late = Usage(at("2026-11-12T20:00:00Z"), None, "claude-opus-5-5", output=MILLION)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, late])
    soon = NOW + timedelta(minutes=10)
    run = synced(here, store, api(organization, now=soon))
    assert (run.code, run.stderr) == (0, "")
    assert store.usage() == expected(organization, FIRST, YESTERDAY)


def test_days_of_a_time_far_ahead_are_written_over(here: Here, store: Store) -> None:
    """No run that is under way can have read them then."""
    synced_well(here, store)
    store.ask("UPDATE anthropic_synced_days SET synced_at = '2027-11-15 13:00:00.000000'")
    organization = replace(ORGANIZATION, usage=RANDOM.usage)
    run = synced(here, store, api(organization), "--from", "2026-10-15")
    assert run.code == 0
    assert "another run" not in run.stderr
    assert store.usage() == expected(organization, FIRST, YESTERDAY)
    assert synced_at(store) == {NOW}


# Names


def test_a_renamed_workspace_has_both_names(here: Here, store: Store) -> None:
    """Each with when it was first and last seen; new rows have the new one."""
    synced_well(here, store)
    renamed = replace(ORGANIZATION, workspaces=[Workspace(ALPHA, "omega")])
    day_later = NOW + timedelta(days=1)
    assert synced(here, store, api(renamed, now=day_later), "--from", "2026-10-16").code == 0
    archived = at("2026-10-20T00:00:00Z")
    assert store.names() == [
        (ALPHA, "alpha", NOW, NOW, None),
        (ALPHA, "omega", day_later, day_later, None),
        (BETA, "beta", NOW, NOW, archived),
    ]
    assert [row[3] for row in store.usage() if row[2] == ALPHA] == ["omega"]


def test_a_workspace_that_is_archived_is_known_as_that(here: Here, store: Store) -> None:
    """Since when it is, and that it is still listed; restored, it is not any more."""
    synced_well(here, store)
    archived = [Workspace(ALPHA, "alpha", archived_at="2026-11-15T18:00:00Z")]
    restored = [Workspace(ALPHA, "alpha")]
    (one, two) = (NOW + timedelta(days=1), NOW + timedelta(days=2))
    synced(here, store, api(replace(ORGANIZATION, workspaces=archived), now=one))
    assert store.names()[0] == (ALPHA, "alpha", NOW, one, at("2026-11-15T18:00:00Z"))
    synced(here, store, api(replace(ORGANIZATION, workspaces=restored), now=two))
    assert store.names()[0] == (ALPHA, "alpha", NOW, two, None)


def test_a_deleted_workspace_keeps_its_name_in_new_rows(here: Here, store: Store) -> None:
    """Its last one: days that are read again while the API lists it no more do not lose it."""
    synced_well(here, store)
    renamed = replace(ORGANIZATION, workspaces=[Workspace(ALPHA, "omega")])
    synced(here, store, api(renamed, now=NOW + timedelta(hours=1)))
    used = Usage(at("2026-11-13T01:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
    deleted = Organization([*ORGANIZATION.usage, used], [])
    server = api(deleted, now=NOW + timedelta(hours=2))
    assert synced(here, store, server, "--from", "2026-10-16").code == 0
    names = {ALPHA: "omega", BETA: "beta"}
    assert store.usage() == expected(deleted, FIRST, YESTERDAY, names)


def test_a_name_of_the_policy_is_that_of_an_unknown_workspace(here: Here, store: Store) -> None:
    """Of one that was deleted before the history began."""
    gone = replace(ORGANIZATION, workspaces=[])
    policy = f"{LIST}names: {{{ALPHA}: once there}}\n"
    assert synced(here, store, api(gone), policy=policy).code == 0
    assert store.usage() == expected(gone, FIRST, YESTERDAY, {ALPHA: "once there"})
    assert store.names() == []


# Organizations


def test_two_organizations_in_one_database(here: Here, store: Store) -> None:
    """Each has its rows, days and names, and a sync of one leaves those of the other alone."""
    synced_well(here, store)
    other = replace(RANDOM, id=OTHER)
    synced_well(here, store, other)
    theirs = expected(other, FIRST, YESTERDAY)
    assert store.usage() == [*expected(ORGANIZATION, FIRST, YESTERDAY), *theirs]
    emptied = replace(ORGANIZATION, usage=[])
    assert synced(here, store, api(emptied), "--from", "2026-10-15").code == 0
    assert store.usage() == theirs
    assert store.days(OTHER) == days(FIRST, YESTERDAY)
    assert len(store.names()) == len(LISTED) + len(RANDOM.workspaces)


def test_another_organization_begins_at_its_own_day(here: Here, store: Store) -> None:
    """That one was synced yesterday is no reason for fewer days of another one."""
    synced_well(here, store)
    synced_well(here, store, replace(ORGANIZATION, id=OTHER))
    assert store.days(OTHER) == days(FIRST, YESTERDAY)


def test_the_organization_is_that_of_the_policy(here: Here, store: Store) -> None:
    """Days of another one are not saved under any name."""
    run = synced(here, store, api(), policy=f'{LIST}organization: "{OTHER}"\n')
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "budget.yml:3:", ORGANIZATION.id)
    if store.file:
        assert not store.file.exists()
    else:
        assert store.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


# What cannot be read, or not be written


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_a_sync_that_fails_at_first_leaves_nothing(here: Here, store: Store, month: str) -> None:
    """Whichever month it is: no table."""
    server = api(intercept=failing(month))
    assert_says(told_3(synced(here, store, server)), "400")
    if store.file:
        # Before there is a month to save, there is not even a file.
        left = [(path.name, path.stat().st_size) for path in store.file.parent.glob("usage*")]
        assert left == ([] if month == "2026-10" else [("usage.db", 0)])
    else:
        assert store.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_a_sync_that_fails_leaves_the_tables_as_before(
    here: Here, store: Store, month: str
) -> None:
    """Days of the month before it are not written either, nor names."""
    synced_well(here, store)
    before = store.dump()
    server = api(RANDOM, intercept=failing(month))
    assert_says(told_3(synced(here, store, server, "--from", "2026-10-15")), "400")
    assert store.dump() == before


def test_a_model_without_a_price_is_3(here: Here, store: Store) -> None:
    """A day of which a part has no price is no day of a history."""
    used = Usage(at("2026-11-12T12:00:00Z"), ALPHA, "claude-unheard-of-9", output=1234)
    synced_well(here, store)
    before = store.dump()
    run = synced(here, store, api(replace(ORGANIZATION, usage=[*ORGANIZATION.usage, used])))
    assert_says(told_3(run), "1,234 tokens of claude-unheard-of-9", "no price")
    assert store.dump() == before


def test_no_credential_is_3(here: Here, store: Store) -> None:
    """With what to set."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    assert_says(told_3(here.main("sync", "--store", store.url)), "Set ANTHROPIC_ADMIN_KEY")


def started(tmp_path: Path, server: LoopbackAPI, store: Store, *flags: str) -> Any:
    """A sync as a process of its own."""
    folder = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
    folder.mkdir()
    return checkout(folder, server.url).start(
        "sync", "--deadline", "90", "--store", store.url, *flags
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_sync_that_is_ended_leaves_the_tables_as_before(
    here: Here, store: Store, tmp_path: Path, number: signal.Signals
) -> None:
    """In its second month, when the first is written and not kept yet; the next sync is as any other."""
    synced_well(here, store)
    before = store.dump()
    done = threading.Event()
    with api(RANDOM, intercept=once("2026-11", lambda: done.wait(60))) as server:
        process = started(tmp_path, server, store, "--from", "2026-10-15")
        wait_until_written(store)
        process.send_signal(number)
        run = ended(process, 60)
        done.set()
    assert run.code == (3 if number == signal.SIGTERM else -signal.SIGKILL)
    said = "budget-gate: SIGTERM ended the run: nothing was decided\n"
    assert run.stderr == (said if number == signal.SIGTERM else "")
    assert store.dump() == before
    assert synced(here, store, api(RANDOM), "--from", "2026-10-15").code == 0
    assert store.usage() == expected(RANDOM, FIRST, YESTERDAY)


# Ends as soon as a file of SQLite cannot be read.
UNTIL_LOCKED = """
import contextlib, sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=0)
with contextlib.suppress(sqlite3.OperationalError):
    while True:
        connection.execute("SELECT * FROM anthropic_usage").fetchall()
        time.sleep(0.02)
"""


def test_days_that_are_being_kept_are_kept(here: Here, tmp_path: Path) -> None:
    """Once all is there, SIGTERM ends nothing: that it is kept is told, with 0."""
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    synced_well(here, store, replace(ORGANIZATION, usage=[]))
    file = tmp_path / "usage.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as reader, api() as server:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM anthropic_usage").fetchall()
        process = started(tmp_path, server, store, "--from", "2026-10-15")
        # Who keeps changes waits for those who read, and lets no other process begin to.
        subprocess.run([sys.executable, "-c", UNTIL_LOCKED, file], check=True, timeout=60)
        process.terminate()
        reader.execute("COMMIT")
        run = ended(process, 60)
    assert (run.code, run.stderr) == (0, "")
    assert_says(run.stdout, "synced 2026-10-15 to 2026-11-14")
    assert store.usage() == expected(ORGANIZATION, FIRST, YESTERDAY)


@pytest.mark.parametrize("is_first", [True, False])
def test_two_syncs_at_once_end_as_one(
    here: Here, store: Store, tmp_path: Path, postgresql: Cluster, *, is_first: bool
) -> None:
    """Two processes that begin at the same moment, without tables or with days to correct; both succeed."""
    alone = Store(f"sqlite:///{tmp_path}/alone.db" if store.file else postgresql.new())
    if not is_first:
        synced_well(here, store)
        synced_well(here, alone)
    both = threading.Barrier(2)

    def meet(request: Request, _: int) -> None:
        if request.path == ME:
            both.wait(60)

    flags = ("--from", "2026-10-15")
    with api(RANDOM, intercept=meet) as server:
        processes = [started(tmp_path, server, store, *flags) for _ in range(2)]
        runs = [ended(process, 90) for process in processes]
    assert [(run.code, run.stderr) for run in runs] == [(0, ""), (0, "")]
    assert synced(here, alone, api(RANDOM), *flags).code == 0
    assert store.dump() == alone.dump()


def many(count: int) -> Organization:
    """Usage of so many workspaces on one day."""
    used = [
        Usage(at("2026-11-13T12:00:00Z"), f"wrkspc_01{number:020}", "claude-opus-5-5", output=1)
        for number in range(count)
    ]
    return replace(ORGANIZATION, usage=used)


def test_a_full_disk_under_sqlite_is_3(here: Here, tmp_path: Path) -> None:
    """The tables are as before, and there is no rest of it beside the file."""
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    synced_well(here, store)
    before = store.dump()
    with files_of_at_most(200_000):
        run = synced(here, store, api(many(3000)))
    assert_says(told_3(run), "the history sqlite:///", "cannot be written", "disk")
    assert store.dump() == before
    assert [path.name for path in tmp_path.glob("usage*")] == ["usage.db"]


def test_a_full_disk_under_postgresql_is_3(here: Here, postgresql: Cluster) -> None:
    """As the server says it; the tables are as before."""
    store = Store(postgresql.new())
    synced_well(here, store)
    before = store.dump()
    with postgresql.files_of_at_most(2**20):
        run = synced(here, store, api(many(8000)))
    assert_says(told_3(run), "the history postgresql", "cannot be written")
    assert store.dump() == before


def test_a_connection_that_is_cut_is_3(here: Here, postgresql: Cluster) -> None:
    """By whoever runs the server, in the midst of a sync."""
    store = Store(postgresql.new())
    synced_well(here, store)
    before = store.dump()

    def cut() -> None:
        wait_until_written(store)
        store.cut()

    run = synced(here, store, api(RANDOM, intercept=once("2026-11", cut)), "--from", "2026-10-15")
    assert_says(told_3(run), "the history", "cannot be written", "check that the database is there")
    assert store.dump() == before


def test_a_server_that_goes_away_is_3(here: Here) -> None:
    """Switched off in the midst of a sync; started again, it has the tables as before."""
    with cluster() as server:
        store = Store(server.new())
        synced_well(here, store)
        before = store.dump()

        def stop() -> None:
            wait_until_written(store)
            server.stop()

        run = synced(
            here, store, api(RANDOM, intercept=once("2026-11", stop)), "--from", "2026-10-15"
        )
        assert_says(told_3(run), "the history", "cannot be written", "database is there")
        server.start()
        assert Store(server.url(store.url.rpartition("/")[2])).dump() == before


# Without the extra


@pytest.mark.parametrize(
    ("package", "url"),
    [
        ("sqlalchemy", "sqlite:///usage.db"),
        ("psycopg", "postgresql+psycopg://someone@127.0.0.1/history"),
    ],
)
def test_a_package_that_is_not_installed_is_2(tmp_path: Path, package: str, url: str) -> None:
    """With the line to install it by."""
    run = without(tmp_path, package, "sync", "--store", url)
    assert (run.code, run.stdout) == (2, "")
    assert_says(
        run.stderr, f"the package {package}", "not installed", 'pip install "sqlalchemy>=2"'
    )


def without(tmp_path: Path, package: str, *arguments: str) -> Run:
    """A run where a package is not installed."""
    hidden = f"import sys\nsys.modules[{package!r}] = None\n{LAUNCH}"
    launch = (sys.executable, "-I", "-c", hidden)
    return checkout(tmp_path).run(*arguments, launch=launch)
