"""The check under names that a history remembers: a deleted workspace is called by its name, and has its cap."""

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_export_store import names_of
from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.redis import Server
from tests.helpers.running import LAUNCH, NOW, OK, ORGANIZATION, Here, Run, checkout
from tests.helpers.serving import ME, USAGE, at, refuse
from tests.helpers.stores import Store
from tests.helpers.wording import assert_says
from tests.world import ledger
from tests.world.lagging import Record
from tests.world.loopback import LoopbackAPI, Organization, Request, Response, Workspace
from tests.world.oracle import Usage

OTHER = "99999999-2222-4333-8444-555555555555"
# $20 at list price, in a workspace that is listed and in one that is deleted.
USED = Usage(at("2026-11-12T01:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
LISTED = Organization([USED], [Workspace(ALPHA, "alpha"), Workspace(BETA, "beta")])
DELETED = replace(LISTED, workspaces=[Workspace(BETA, "beta")])


def capped(cap: int, rest: str = "") -> str:
    """A policy that caps the workspace by its name."""
    return f"version: 1\nworkspaces: {{alpha: {{cap: {cap}}}}}\n{rest}"


@pytest.fixture
def remembered(here: Here, store: Store) -> Store:
    """A history of when the workspace was listed."""
    return saved(here, store, LISTED)


def saved(here: Here, store: Store, organization: Organization) -> Store:
    """The history with the days of an organization."""
    with LoopbackAPI(organization, now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        assert here.main("sync", "--store", store.url).code == 0
    return store


def check(
    here: Here, url: str, policy: str, *flags: str, api: Any = DELETED, **options: Any
) -> Run:
    """A check of the organization, of which the workspace is deleted unless given, as JSON."""
    with LoopbackAPI(api, now=NOW, **options) as server:
        names = ("--names-from", url) if url else ()
        return here.check(server, "--format", "json", *names, *flags, policy=policy)


@pytest.mark.parametrize(("cap", "code", "status"), [(20, 0, "warning"), (19, 1, "breached")])
def test_a_deleted_workspace_has_its_cap(
    here: Here, remembered: Store, cap: int, code: int, status: str
) -> None:
    """By the name that it had: $20 are within a cap of 20, and breach one of 19."""
    run = check(here, remembered.url, capped(cap))
    (budget,) = run.report["budgets"]
    assert (run.code, budget["status"], budget["name"]) == (code, status, "alpha")
    assert budget["spend"] == {"low": "20", "high": "20"}


def test_without_the_history_the_cap_is_of_nobody(here: Here, remembered: Store) -> None:
    """What the test above would be without it: the name is that of no workspace."""
    run = check(here, "", capped(19))
    assert run.code != 1
    assert remembered.names()[0][1] == "alpha"


def test_a_report_calls_it_by_its_name(here: Here, remembered: Store) -> None:
    """Where nothing but the report needs it, and by a variable."""
    run = check(here, remembered.url, OK)
    assert [it["name"] for it in run.report["workspaces"]] == ["alpha"]
    here.set({"BUDGET_GATE_NAMES_FROM": remembered.url})
    run = check(here, "", OK)
    assert [it["name"] for it in run.report["workspaces"]] == ["alpha"]


def test_a_name_of_the_policy_wins(here: Here, remembered: Store) -> None:
    """The cap of another name is its cap then, and that of the old one is not."""
    rest = f"names: {{{ALPHA}: omega}}\n"
    policy = capped(19, rest).replace("alpha:", "omega:")
    run = check(here, remembered.url, policy)
    assert (run.code, run.report["budgets"][0]["name"]) == (1, "omega")
    assert check(here, remembered.url, capped(19, rest)).code != 1


def test_the_list_wins(here: Here, remembered: Store) -> None:
    """A workspace that was renamed since has its new name."""
    renamed = replace(LISTED, workspaces=[Workspace(ALPHA, "omega"), Workspace(BETA, "beta")])
    run = check(here, remembered.url, OK, api=renamed)
    assert [it["name"] for it in run.report["workspaces"]] == ["omega"]


def test_names_of_another_organization_are_not_used(here: Here, remembered: Store) -> None:
    """Of two in one database it is the one of the credential, without a word in the policy."""
    theirs = Organization([], [Workspace(ALPHA, "theirs")], id=OTHER)
    saved(here, remembered, theirs)
    run = check(here, remembered.url, OK)
    assert [it["name"] for it in run.report["workspaces"]] == ["alpha"]
    run = check(here, remembered.url, OK, api=replace(DELETED, id=OTHER))
    assert [it["name"] for it in run.report["workspaces"]] == ["theirs"]


def test_a_history_of_another_organization_is_2(here: Here, remembered: Store) -> None:
    """It has no names for this one, and is there by mistake."""
    run = check(here, remembered.url, OK, api=replace(DELETED, id=OTHER))
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "no days of organization", OTHER, "only of", LISTED.id)


def test_an_organization_that_is_not_served_is_the_only_one(here: Here, remembered: Store) -> None:
    """Behind a gateway that does not tell whose the credential is; of two, one is to be named."""

    def not_found(request: Request, _: int) -> Response | None:
        return refuse(404) if request.path == ME else None

    run = check(here, remembered.url, capped(19), intercept=not_found)
    assert run.code == 1
    saved(here, remembered, replace(LISTED, id=OTHER))
    run = check(here, remembered.url, capped(19), intercept=not_found)
    assert run.code == 2
    assert_says(run.stderr, "2 organizations", "`organization` in the policy")


def test_an_organization_that_cannot_be_read_is_3(here: Here, remembered: Store) -> None:
    """Whose names are meant is not certain then."""

    def broken(request: Request, _: int) -> Response | None:
        return refuse(400) if request.path == ME else None

    assert check(here, remembered.url, capped(19), intercept=broken).code == 3


def test_a_history_never_synced_is_2(here: Here, store: Store) -> None:
    """With what writes it."""
    run = check(here, store.url, OK)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "there is no history", "budget-gate sync")
    assert not store.file or not store.file.exists()


@pytest.mark.parametrize(("flags", "code"), [((), 3), (("--on-error", "warn"), 0)])
def test_a_history_that_cannot_be_read_is_3(here: Here, flags: tuple[str, ...], code: int) -> None:
    """Caps by old names would be of nobody; a run that is told to pass does, and says why."""
    here.program.write("not a database " * 100, "usage.db")
    run = check(here, "sqlite:///usage.db", capped(19), *flags)
    assert run.code == code
    assert run.report["status"] == "unverified"
    (note,) = [it for it in run.report["notes"] if it["code"] == "history_failed"]
    assert_says(note["message"], "the history sqlite:///usage.db", "cannot be read")


UNREACHABLE = "postgresql+psycopg://someone@127.0.0.1:9/history"
# $20 are spent.
BREACHED, WITHIN = ("version: 1\nglobal: {cap: 19}\n", "version: 1\nglobal: {cap: 20}\n")
# By a name that only the history knows, and that no list has: to the policy alone it is a mistake.
BY_NAME = "version: 1\nglobal: {cap: 1000}\nunlisted: fail\nworkspaces: {alpha: {cap: 1000}}\n"


@pytest.mark.parametrize("flags", [(), ("--on-error", "warn")])
def test_a_breach_is_one_without_the_history(here: Here, flags: tuple[str, ...]) -> None:
    """No name makes less of what is spent: 1, with a note on the database, whatever errors may pass."""
    run = check(here, UNREACHABLE, BREACHED, *flags)
    assert (run.code, run.report["status"]) == (1, "breached")
    assert run.report["spend"] == {"low": "20", "high": "20"}
    (note,) = [it for it in run.report["notes"] if it["code"] == "history_failed"]
    assert note["level"] == "warning"
    assert_says(note["message"], "the history postgresql+psycopg://", "cannot be read")


@pytest.mark.parametrize(("flags", "code"), [((), 3), (("--on-error", "warn"), 0)])
@pytest.mark.parametrize("policy", [WITHIN, BY_NAME, capped(1000), capped(1)])
def test_nothing_else_is_believed_without_the_history(
    here: Here, policy: str, flags: tuple[str, ...], code: int
) -> None:
    """Within its caps, and where a cap is of a name that only the history knows: 3, or 0 that is not enforced."""
    run = check(here, UNREACHABLE, policy, *flags)
    assert (run.code, run.report["status"]) == (code, "unverified")
    assert run.report["enforced"] == (code == 3)
    assert [it["code"] for it in run.report["notes"]].count("history_failed") == 1


def test_without_spend_there_is_no_breach(here: Here) -> None:
    """Neither the API nor the history can be read: 3."""

    def broken(request: Request, _: int) -> Response | None:
        return refuse(400) if request.path == USAGE else None

    run = check(here, UNREACHABLE, BREACHED, intercept=broken)
    assert (run.code, run.report["status"]) == (3, "unverified")


# Two of one name

LATER = NOW + timedelta(hours=1)


def both_named_alpha(here: Here, store: Store) -> Store:
    """A history in which one workspace was called alpha until it was deleted, and then another one was."""
    saved(here, store, replace(LISTED, workspaces=[Workspace(ALPHA, "alpha")]))
    now_beta = replace(LISTED, workspaces=[Workspace(BETA, "alpha")])
    with LoopbackAPI(now_beta, now=LATER) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        assert here.main("sync", "--store", store.url, now=LATER).code == 0
    return store


def of_both(workspace: str) -> Organization:
    """$20 of one of them, when neither is listed any more."""
    return Organization([replace(USED, workspace=workspace)], [])


@pytest.mark.parametrize(("workspace", "code"), [(BETA, 1), (ALPHA, 0)])
def test_of_two_with_one_name_the_last_has_its_cap(
    here: Here, store: Store, workspace: str, code: int
) -> None:
    """The one that was listed last: spend of the older one is none of its cap, and no mistake."""
    url = both_named_alpha(here, store).url
    run = check(here, url, capped(19, "unlisted: allow\n"), api=of_both(workspace))
    assert run.code == code


def test_of_two_with_one_name_the_policy_has_the_last_word(here: Here, store: Store) -> None:
    """It gives the name to the older one, whose cap it is then."""
    url = both_named_alpha(here, store).url
    rest = f"unlisted: allow\nnames: {{{ALPHA}: alpha, {BETA}: beta}}\n"
    assert check(here, url, capped(19, rest), api=of_both(ALPHA)).code == 1
    assert check(here, url, capped(19, rest), api=of_both(BETA)).code == 0


def test_a_name_of_the_policy_is_no_other_ones(here: Here, store: Store) -> None:
    """Where the policy names one alpha, the history's alpha has the cap no more."""
    url = both_named_alpha(here, store).url
    rest = f"unlisted: allow\nnames: {{{ALPHA}: alpha}}\n"
    assert check(here, url, capped(19, rest), api=of_both(ALPHA)).code == 1
    assert check(here, url, capped(19, rest), api=of_both(BETA)).code == 0


# Files


@pytest.mark.parametrize("kind", ["itself", "whole", "dots", "symlink", "hard link"])
@pytest.mark.parametrize("flag", ["--report", "--badge"])
def test_the_history_is_not_written_over(here: Here, flag: str, kind: str) -> None:
    """By whatever name: 2, and its file is as before."""
    url = "sqlite:///usage.db"
    saved(here, Store(url), LISTED)
    (here.program.folder / "x").mkdir()
    before = (here.program.folder / "usage.db").read_bytes()
    run = check(here, url, OK, flag, names_of(here, kind))
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "would overwrite", "name another file with", flag)
    assert (here.program.folder / "usage.db").read_bytes() == before


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_ledger_calls_it_by_its_name_as_well(
    here: Here, remembered: Store, ledger_server: Server, *, is_remembered: bool
) -> None:
    """Of $20 and $10 that a client has counted for it, its own cap is within; without the history they may be of any."""
    kind = ("standard", "0-200k", "global", "standard")
    then, tokens = NOW - timedelta(minutes=20), {"output": MILLION // 2}
    late = Record(then, "msg_1", "alpha", "claude-opus-5-5", *kind, tokens)
    with ledger_server.driver() as redis:
        ledger.write(redis, [late], now=NOW)
    policy = f"version: 1\nworkspaces: {{{ALPHA}: {{cap: 29}}, beta: {{cap: 9}}}}\n"
    with ledger_server.at(NOW) as url:
        run = check(here, remembered.url if is_remembered else "", policy, "--ledger", url)
    budgets = {it["id"]: tuple(it["spend"].values()) for it in run.report["budgets"]}
    assert run.code == 3
    assert budgets == {
        f"workspaces.{ALPHA}": ("20", "30"),
        f"workspaces.{BETA}": ("0", "0" if is_remembered else "10"),
    }
    codes = {it["code"] for it in run.report["notes"]}
    assert ("ledger_workspace" in codes) == (not is_remembered)


def test_saved_pages_have_the_names_of_the_only_organization(here: Here, remembered: Store) -> None:
    """Nobody is asked whose they are."""
    used = {
        "workspace_id": ALPHA,
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
        "uncached_input_tokens": 0,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "cache_read_input_tokens": 0,
        "output_tokens": MILLION,
        "server_tool_use": {"web_search_requests": 0},
    }
    times = {"starting_at": "2026-11-12T00:00:00Z", "ending_at": "2026-11-13T00:00:00Z"}
    page = {"data": [{**times, "results": [used]}], "has_more": False}
    here.program.write(json.dumps(page), "page.json")
    flags = ("--usage", "page.json", "--partial", "--names-from", remembered.url)
    run = here.main("check", *flags, "--format", "json", policy=capped(19))
    assert run.code == 1
    assert [it["name"] for it in run.report["workspaces"]] == ["alpha"]


@pytest.mark.parametrize("hidden", ["sqlalchemy", "psycopg"])
def test_the_gate_itself_needs_no_database(tmp_path: Path, hidden: str) -> None:
    """Neither package is so much as imported where no history is named."""
    launch = (sys.executable, "-I", "-c", f"import sys\nsys.modules[{hidden!r}] = None\n{LAUNCH}")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        program = checkout(tmp_path, api.url)
        for command in ("check", "export"):
            run = program.run(command, policy=OK, launch=launch)
            assert (run.code, run.stderr) == (0, "")


def test_the_extra_is_needed_for_names(tmp_path: Path) -> None:
    """Without it a check is 2, with the line to install it by."""
    launch = (sys.executable, "-I", "-c", f"import sys\nsys.modules['sqlalchemy'] = None\n{LAUNCH}")
    program = checkout(tmp_path)
    run = program.run("check", "--names-from", "sqlite:///usage.db", policy=OK, launch=launch)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "the package sqlalchemy", "not installed", "pip install", "psycopg")
