"""The export from a history, and under names that a history remembers: the same rows as from the API, without asking it."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.commands.test_export import read
from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.reports import HOSTILE
from tests.helpers.running import NOW, Here, Run
from tests.helpers.serving import at
from tests.helpers.stores import Store
from tests.helpers.wording import assert_says
from tests.world.billing import Charge, bill_of, code_execution
from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage
from tests.world.organizations import random_organization, seeded

OTHER = "99999999-2222-4333-8444-555555555555"
GONE = "wrkspc_01EXAMPLEGONE"
LIST = "version: 1\nunlisted: warn\n"
BILLED = f"{LIST}spend: {{basis: billed}}\n"
USED = Usage(at("2026-11-12T01:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
ORGANIZATION = Organization([USED], [Workspace(ALPHA, "alpha")])
LONG = ("--from", "2026-08-20")


def run(
    here: Here, organization: Organization, *arguments: str, policy: str = LIST, **options: Any
) -> Run:
    """A run beside the API of an organization, at NOW unless given."""
    options = {"now": NOW} | options
    with LoopbackAPI(organization, **options) as server:
        here.set({"ANTHROPIC_BASE_URL": server.url, "BUDGET_GATE_AS_OF": ""})
        return here.main(*arguments, policy=policy, now=server.now)


def sync(
    here: Here, store: Store, organization: Organization = ORGANIZATION, *flags: str, **options: Any
) -> None:
    """A sync that is well."""
    ended = run(here, organization, "sync", "--store", store.url, *flags, **options)
    assert ended.code == 0, ended.stderr


def from_store(here: Here, store: Store, *flags: str, policy: str = LIST) -> Run:
    """An export from the history: no API is there, and no key."""
    environment = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_ADMIN_KEY": ""}
    return here.main("export", "--store", store.url, *flags, policy=policy, environment=environment)


def workspaces(ended: Run) -> list[tuple[str, str]]:
    """The id and the name of the workspace in each row."""
    assert ended.code == 0, ended.stderr
    return [(row["workspace_id"], row["workspace"]) for row in read(ended.stdout)]


# The same rows


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_names_that_try_to_be_more_are_the_same_names(here: Here, store: Store, form: str) -> None:
    """Of workspaces, models and tiers, as ids and as names: in CSV and JSON as from the API."""
    # Half a character gets past no answer, and no database keeps a NUL.
    texts = [text.replace("\0", "") for text in HOSTILE if text and "\ud800" not in text]
    organization = Organization(
        [replace(USED, workspace=text, model=text) for text in texts],
        [Workspace(text, text[::-1]) for text in texts],
    )
    policy = f"{LIST}spend: {{unknown_model: upper_bound}}\n"
    sync(here, store, organization, policy=policy)
    flags = ("--days", "5", "--format", form)
    told = from_store(here, store, *flags, policy=policy).stdout
    asked = run(here, organization, "export", *flags, policy=policy).stdout
    assert told == asked
    assert sorted(row[2:5] for row in store.usage()) == sorted(
        (text, text[::-1], text) for text in texts
    )
    if form == "jsonl":
        lines = [json.loads(line) for line in told.splitlines()]
        assert {(line["workspace_id"], line["model"]) for line in lines} == {
            (text, text) for text in texts
        }


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("basis", ["list", "billed", "cost_report"])
def test_it_is_the_export_of_the_api(here: Here, store: Store, form: str, basis: str) -> None:
    """Byte by byte, of a random organization over four months, at list price and as billed."""
    organization = random_organization(
        seeded(7), start=at("2026-08-20T00:00:00Z"), end=NOW, rows=500
    )
    options: dict[str, Any] = {}
    if basis != "list":
        charges: list[Charge] = [
            *bill_of(organization, discount=Fraction(3, 32)),
            code_execution(date(2026, 10, 5), None, Fraction("5.2799976")),
        ]
        refuse = {"analytics/cost": 403} if basis == "cost_report" else {}
        options = {"bill": charges, "policy": BILLED, "refuse": refuse}
    sync(here, store, organization, *LONG, **options)
    flags = (*LONG, "--format", form)
    told = from_store(here, store, *flags)
    asked = run(here, organization, "export", *flags, **options)
    assert (told.code, asked.code, told.stderr) == (0, 0, asked.stderr)
    assert told.stdout == asked.stdout
    assert len(told.stdout.splitlines()) > 400


def test_a_range_is_the_same_range(here: Here, store: Store) -> None:
    """Of what the routes below the organization do not tell apart."""
    organization = random_organization(seeded(8), start=at("2026-10-20T00:00:00Z"), end=NOW)
    options: dict[str, Any] = {"org_scoped": True}
    sync(here, store, organization, **options)
    told = from_store(here, store, "--days", "20")
    asked = run(here, organization, "export", "--days", "20", **options)
    assert told.stdout == asked.stdout
    assert any(row["usd"] != row["usd_high"] for row in read(told.stdout))


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--days", "3"),
        ("--month", "2026-10"),
        LONG,
        ("--from", "2026-11-12", "--to", "2026-11-12"),
    ],
)
def test_any_days_may_be_named(here: Here, store: Store, flags: tuple[str, ...]) -> None:
    """As with an export from the API."""
    organization = random_organization(seeded(9), start=at("2026-08-20T00:00:00Z"), end=NOW)
    sync(here, store, organization, *LONG)
    told = from_store(here, store, *flags)
    assert told.code == 0
    assert told.stdout == run(here, organization, "export", *flags).stdout


def test_days_too_old_for_the_api_are_there(here: Here, store: Store) -> None:
    """A history keeps them for as long as it is kept: two years later."""
    sync(here, store)
    environment = {"BUDGET_GATE_AS_OF": "", "ANTHROPIC_ADMIN_KEY": ""}
    flags = ("--store", store.url, "--from", "2026-11-12", "--to", "2026-11-12")
    told = here.main("export", *flags, now=at("2028-11-15T12:00:00Z"), environment=environment)
    assert workspaces(told) == [(ALPHA, "alpha")]


def test_a_file_has_the_same(here: Here, store: Store) -> None:
    """As stdout would."""
    sync(here, store)
    printed = from_store(here, store, "--days", "5").stdout
    assert from_store(here, store, "--days", "5", "--out", "days.csv").stdout == ""
    assert (here.program.folder / "days.csv").read_bytes() == printed.encode()


def test_a_day_that_was_read_too_early_has_a_warning(here: Here, store: Store) -> None:
    """The usage report was up to two hours behind when it was synced, whenever it is exported."""
    sync(here, store, now=at("2026-11-15T01:59:59Z"))
    assert_says(from_store(here, store, "--days", "1").stderr, "warning", "up to 2 hours behind")
    assert from_store(here, store, "--from", "2026-11-13", "--to", "2026-11-13").stderr == ""
    sync(here, store, now=at("2026-11-15T02:00:00Z"))
    assert from_store(here, store, "--days", "1").stderr == ""


@pytest.mark.parametrize(
    ("read_at", "has_warning"),
    [("2026-11-13T01:59:59Z", True), ("2026-11-13T02:00:00Z", False)],
)
def test_a_day_in_between_that_was_read_too_early_has_a_warning(
    here: Here, store: Store, read_at: str, *, has_warning: bool
) -> None:
    """Not only the last one: one that no later sync has read again may lack its last two hours."""
    sync(here, store)
    store.ask(
        f"UPDATE anthropic_synced_days SET synced_at = '{read_at[:-1].replace('T', ' ')}.000000'"  # noqa: S608
        " WHERE date = '2026-11-12'"
    )
    told = from_store(here, store, "--from", "2026-11-10")
    assert told.code == 0
    if has_warning:
        assert_says(
            told.stderr,
            "warning",
            "up to 2 hours behind",
            "before Nov 13, 00:00 UTC",
            "after Nov 13, 02:00 UTC",
        )
    else:
        assert told.stderr == ""


def test_focus_is_2(here: Here, store: Store) -> None:
    """It needs list prices, which are not kept."""
    sync(here, store)
    ended = from_store(here, store, "--days", "1", "--format", "focus")
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(ended.stderr, "no list prices", "leave out --store")


# Files


def names_of(here: Here, kind: str) -> str:
    """Another name of the file usage.db, or another way to it."""
    folder = here.program.folder
    if kind == "symlink":
        (folder / "other.db").symlink_to("usage.db")
        return "other.db"
    if kind == "hard link":
        (folder / "other.db").hardlink_to(folder / "usage.db")
        return "other.db"
    return {"itself": "usage.db", "whole": str(folder / "usage.db"), "dots": "./x/../usage.db"}[
        kind
    ]


@pytest.mark.parametrize("kind", ["itself", "whole", "dots", "symlink", "hard link"])
@pytest.mark.parametrize("way", ["--store", "--names-from", "BUDGET_GATE_STORE"])
def test_the_history_is_not_written_over(here: Here, way: str, kind: str) -> None:
    """By whatever name: 2, and its file is as before."""
    url = "sqlite:///usage.db"
    sync(here, Store(url))
    (here.program.folder / "x").mkdir()
    before = (here.program.folder / "usage.db").read_bytes()
    out = ("--out", names_of(here, kind))
    flags = (way, url) if way.startswith("--") else ()
    if not flags:
        here.set({way: url})
    ended = run(here, ORGANIZATION, "export", "--days", "5", *flags, *out)
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(ended.stderr, "the export would overwrite", "name another file with --out")
    assert (here.program.folder / "usage.db").read_bytes() == before


def test_the_history_is_not_written_over_by_way_of_its_url(here: Here) -> None:
    """Which may be the link, and have the driver in its name."""
    sync(here, Store("sqlite:///usage.db"))
    link = names_of(here, "symlink")
    before = (here.program.folder / "usage.db").read_bytes()
    for url in (f"sqlite:///{link}", f"sqlite+pysqlite:///{link}", f" sqlite:///{link} "):
        here.set({"BUDGET_GATE_STORE": url})
        ended = run(here, ORGANIZATION, "export", "--days", "5", "--out", "usage.db")
        assert (ended.code, ended.stdout) == (2, "")
        assert (here.program.folder / "usage.db").read_bytes() == before


# Days that are not there


def without_days(store: Store, *days: str) -> None:
    """Forgets that days were synced."""
    for day in days:
        store.ask(f"DELETE FROM anthropic_synced_days WHERE date = '{day}'")  # noqa: S608


@pytest.mark.parametrize(
    ("lost", "facts"),
    [
        (("2026-11-10",), ("2026-11-10 is not in the history", "sync --from 2026-11-10")),
        (
            ("2026-11-10", "2026-11-12"),
            ("2 days from 2026-11-10 to 2026-11-12 are not", "sync --from 2026-11-10"),
        ),
    ],
)
def test_a_day_that_is_missing_is_3(
    here: Here, store: Store, lost: Iterable[str], facts: tuple[str, ...]
) -> None:
    """With what is missing and how to come by it; no row of another day is given."""
    sync(here, store)
    without_days(store, *lost)
    here.program.write("as before", "days.csv")
    for flags in ((), ("--out", "days.csv")):
        ended = from_store(here, store, "--from", "2026-11-01", *flags)
        assert (ended.code, ended.stdout) == (3, "")
        assert_says(ended.stderr, "nothing was exported", *facts)
    assert here.program.text("days.csv") == "as before"
    assert from_store(here, store, "--days", "1").code == 0


def test_days_before_the_history_are_3(here: Here, store: Store) -> None:
    """The first sync had 31 days; the day before them is not one without cost."""
    sync(here, store)
    assert from_store(here, store, "--from", "2026-10-15").code == 0
    ended = from_store(here, store, "--from", "2026-10-14")
    assert (ended.code, ended.stdout) == (3, "")
    assert_says(ended.stderr, "2026-10-14 is not in the history", "sync --from 2026-10-14")


def test_days_after_the_last_sync_are_3(here: Here, store: Store) -> None:
    """Two days without a sync are a gap at the end."""
    sync(here, store, now=NOW - timedelta(days=2))
    ended = from_store(here, store, "--days", "5")
    assert ended.code == 3
    assert_says(ended.stderr, "2 days from 2026-11-13 to 2026-11-14 are not in the history")


def test_a_history_never_synced_is_2(here: Here, store: Store) -> None:
    """As it may be a slip in its name; no file is made by looking for one."""
    ended = from_store(here, store)
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(ended.stderr, "there is no history", "budget-gate sync")
    assert not store.file or not store.file.exists()


# Whose days


def test_of_several_organizations_one_is_named(here: Here, store: Store) -> None:
    """By the policy; where it names none, which are there."""
    other = Organization([replace(USED, workspace=None)], [], id=OTHER)
    sync(here, store)
    sync(here, store, other)
    ended = from_store(here, store, "--days", "5")
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(
        ended.stderr, "2 organizations", ORGANIZATION.id, OTHER, "`organization` in the policy"
    )
    for id_, name in ((OTHER, "default"), (ORGANIZATION.id, ALPHA)):
        policy = f'{LIST}organization: "{id_}"\n'
        told = from_store(here, store, "--days", "5", policy=policy)
        assert [id_ for id_, _ in workspaces(told)] == [name]


@pytest.mark.parametrize("way", ["--store", "--names-from"])
def test_another_organization_is_2(here: Here, store: Store, way: str) -> None:
    """Neither its days nor its names stand in for those that are meant."""
    sync(here, store)
    other = replace(ORGANIZATION, id=OTHER)
    policy = f'{LIST}organization: "{OTHER}"\n'
    ended = run(here, other, "export", way, store.url, policy=policy)
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(ended.stderr, "no days of organization", OTHER, "only of", ORGANIZATION.id)


# Names


def test_a_deleted_workspace_keeps_its_name(here: Here, store: Store) -> None:
    """Its last one, whether its days are read of the history or of the API; without it, its id is there."""
    sync(here, store)
    sync(
        here,
        store,
        replace(ORGANIZATION, workspaces=[Workspace(ALPHA, "omega")]),
        now=NOW + timedelta(hours=1),
    )
    deleted = replace(ORGANIZATION, workspaces=[])
    assert workspaces(run(here, deleted, "export")) == [(ALPHA, ALPHA)]
    named = run(here, deleted, "export", "--names-from", store.url)
    assert workspaces(named) == [(ALPHA, "omega")]
    assert workspaces(from_store(here, store, "--days", "5")) == [(ALPHA, "omega")]
    here.set({"BUDGET_GATE_NAMES_FROM": store.url})
    assert workspaces(run(here, deleted, "export")) == [(ALPHA, "omega")]


def test_a_workspace_that_is_listed_has_the_name_of_the_list(here: Here, store: Store) -> None:
    """What the history remembers is older."""
    sync(here, store)
    renamed = replace(ORGANIZATION, workspaces=[Workspace(ALPHA, "omega")])
    assert workspaces(run(here, renamed, "export", "--names-from", store.url)) == [(ALPHA, "omega")]


def test_old_rows_have_the_new_name(here: Here, store: Store) -> None:
    """As in an export from the API, whenever they were synced."""
    first = Usage(at("2026-10-20T01:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
    organization = Organization([first, USED], [Workspace(ALPHA, "alpha")])
    sync(here, store, organization)
    renamed = replace(organization, workspaces=[Workspace(ALPHA, "omega")])
    sync(here, store, renamed, now=NOW + timedelta(hours=1))
    told = from_store(here, store, "--from", "2026-10-16")
    assert workspaces(told) == [(ALPHA, "omega")] * 2
    assert told.stdout == run(here, renamed, "export", "--from", "2026-10-16").stdout


def test_a_name_of_the_policy_wins_over_the_history(here: Here, store: Store) -> None:
    """Of a workspace that is deleted, in an export from the API."""
    sync(here, store)
    policy = f"{LIST}names: {{{ALPHA}: of the policy}}\n"
    deleted = replace(ORGANIZATION, workspaces=[])
    ended = run(here, deleted, "export", "--names-from", store.url, policy=policy)
    assert workspaces(ended) == [(ALPHA, "of the policy")]


def test_a_name_of_the_policy_is_that_of_one_never_listed(here: Here, store: Store) -> None:
    """In an export from the history, too, whatever it was synced under."""
    used = replace(USED, workspace=GONE)
    sync(here, store, Organization([used], []))
    assert workspaces(from_store(here, store, "--days", "5")) == [(GONE, GONE)]
    policy = f"{LIST}names: {{{GONE}: once there}}\n"
    told = from_store(here, store, "--days", "5", policy=policy)
    assert workspaces(told) == [(GONE, "once there")]


def test_a_name_of_the_policy_wins_over_any_other_of_a_history(here: Here, store: Store) -> None:
    """Over the one that rows were synced under and the one that is remembered, as in a check."""
    sync(here, store)
    policy = f"{LIST}names: {{{ALPHA}: of the policy}}\n"
    told = from_store(here, store, "--days", "5", policy=policy)
    assert workspaces(told) == [(ALPHA, "of the policy")]


def test_names_of_another_organization_are_not_used(here: Here, store: Store) -> None:
    """A workspace of the same id has no name there."""
    sync(here, store)
    other = Organization([USED], [Workspace(BETA, "beta")], id=OTHER)
    sync(here, store, other)
    told = run(here, other, "export", "--names-from", store.url)
    assert workspaces(told) == [(ALPHA, ALPHA)]
    policy = f'{LIST}organization: "{OTHER}"\n'
    assert workspaces(from_store(here, store, "--days", "5", policy=policy)) == [(ALPHA, ALPHA)]


def test_names_of_a_history_that_cannot_be_read_are_3(here: Here) -> None:
    """Rows under other names than before would be taken for other workspaces."""
    here.program.write("not a database " * 100, "usage.db")
    ended = run(here, ORGANIZATION, "export", "--names-from", "sqlite:///usage.db")
    assert (ended.code, ended.stdout) == (3, "")
    assert_says(ended.stderr, "nothing was exported", "the history", "cannot be read")
