"""The page as a command: whose days are on it, what the gate says of them, and when there is none."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from tests.commands.test_export import api
from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.running import NOW, Here, Run, files_of_at_most
from tests.helpers.serving import USAGE, at, refuse
from tests.helpers.stores import Store
from tests.helpers.web_page import WebPage, read_page
from tests.helpers.wording import assert_says
from tests.world.billing import bill_of
from tests.world.loopback import (
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.oracle import Usage, total
from tests.world.organizations import random_organization, seeded

GLOBAL = "version: 1\nglobal: {cap: 100}\n"
STORE = "sqlite:///usage.db"
GONE = "wrkspc_01EXAMPLEGONE"

# At list price: $20 and $10 in October, $20 and, for searches, $1 in November, and $20 today.
ORGANIZATION = Organization(
    [
        Usage(at("2026-10-16T00:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-10-31T23:59:59Z"), GONE, "claude-sonnet-5", output=MILLION),
        Usage(at("2026-11-01T00:00:00Z"), None, "claude-opus-5-5", output=MILLION, searches=100),
        Usage(at("2026-11-15T09:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
    ],
    [Workspace(ALPHA, "alpha"), Workspace(BETA, "beta")],
)


def made(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> Run:
    """What making the page in `site` returns and prints, at the server's time."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        return here.main("dashboard", "--out", "site", *flags, policy=policy, now=server.now)


def written(here: Here, folder: str = "site") -> WebPage:
    """The page that stands in a folder, alone."""
    (page,) = (here.program.folder / folder).iterdir()
    assert page.name == "index.html"
    return read_page(page.read_text(encoding="utf-8"))


def page_of(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> WebPage:
    """The page of a run that has nothing else to say."""
    run = made(here, server, *flags, policy=policy)
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout == f"wrote {Path('site/index.html')}\n"
    return written(here)


def synced(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> None:
    """Syncs a history from a server."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        run = here.main("sync", "--store", STORE, *flags, policy=policy, now=server.now)
    assert run.code == 0, run.stderr


def kept(here: Here, *flags: str, policy: str | None = None, now: datetime = NOW) -> Run:
    """What making the page of the history returns and prints, without a key."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    here.set({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"})
    return here.main("dashboard", "--out", "site", "--store", STORE, *flags, policy=policy, now=now)


def refused(request: Request, _: int) -> Response | None:
    """No answer of the usage report."""
    return refuse(403) if request.path == USAGE else None


def nothing_written(here: Here) -> bool:
    """Whether there is no page, nor a part of one."""
    return not list(here.program.folder.rglob("*.html")) and not list(
        here.program.folder.rglob(".budget-gate-*")
    )


# Of the API


def test_the_verdict_and_the_days_are_those_of_the_gate(here: Here) -> None:
    """$41 of $100 this month, today's among them; October's days are there as well."""
    found = page_of(here, api(ORGANIZATION), policy=GLOBAL)
    assert_says(found.text, "Within budget", "$41.00 spent in November", "the cap holds")
    assert (found.figures["days"][0], found.figures["days"][-1]) == ("2026-10-16", "2026-11-15")
    assert found.figures["openDay"] == "2026-11-15"
    assert found.total == 71


@pytest.mark.parametrize("seed", range(3))
def test_costs_add_up_to_those_of_the_oracle(here: Here, seed: int) -> None:
    """To the last digit, by day and by workspace, however they are added up."""
    organization = random_organization(
        seeded(seed), start=at("2026-09-20T00:00:00Z"), end=NOW, workspaces=20
    )
    found = page_of(
        here, api(organization), "--days", "50", policy=GLOBAL.replace("100", "1000000")
    )
    shown = [it for it in organization.usage if it.at >= at("2026-09-26T00:00:00Z")]
    assert found.total == total(shown)[0]
    assert len(found.figures["workspaces"]) == 13
    by_day: dict[str, Fraction] = {}
    for day, _, _, usd, *_ in found.figures["cells"]:
        name = found.figures["days"][day]
        by_day[name] = by_day.get(name, Fraction(0)) + Fraction(usd)
    expected = {str(it.day): total([o for o in shown if o.day == it.day])[0] for it in shown}
    assert {day: usd for day, usd in by_day.items() if usd} == {
        d: u for d, u in expected.items() if u
    }


def test_the_month_is_there_whole_however_few_days_are_asked_for(here: Here) -> None:
    """As the verdict is about it."""
    found = page_of(here, api(ORGANIZATION), "--days", "3", policy=GLOBAL)
    assert found.figures["days"][0] == "2026-11-01"
    assert found.total == 41


def test_a_month_that_has_just_begun(here: Here) -> None:
    """At midnight of the first nothing is spent yet, and October is there."""
    first = replace(ORGANIZATION, usage=ORGANIZATION.usage[:2])
    run = made(here, api(first, now=at("2026-11-01T00:00:00Z")), policy=GLOBAL)
    assert run.code == 0
    found = written(here)
    assert_says(found.text, "Within budget", "$0.00 spent in November")
    assert (found.figures["days"][-1], found.figures["openDay"]) == ("2026-10-31", None)
    assert found.total == 30


def test_a_breach_is_on_the_page_and_no_error(here: Here) -> None:
    """The page is written: to fail a run is what check is for."""
    found = page_of(here, api(ORGANIZATION), policy="version: 1\nglobal: {cap: 40}\n")
    assert_says(found.text, "Over budget", "$41.00, $1.00 over its $40.00 cap", "budget.yml:2")


def test_without_a_policy_there_is_no_verdict(here: Here) -> None:
    """The spend alone, and that no policy was found."""
    found = page_of(here, api(ORGANIZATION))
    assert_says(found.text, "$41.00 spent in November", "No policy was found")
    assert found.total == 71


def test_settings_of_check_change_no_verdict(here: Here) -> None:
    """A page is for people: what a run lets pass, it does not."""
    here.set({"BUDGET_GATE_FAIL_ON": "never", "BUDGET_GATE_ON_ERROR": "warn"})
    found = page_of(here, api(ORGANIZATION), policy="version: 1\nglobal: {cap: 40}\n")
    assert "Over budget" in found.text
    assert "NOT ENFORCED" not in found.text


def test_what_caching_saved(here: Here) -> None:
    """A million tokens of Claude Sonnet 4.5 read from the cache: $0.30 in place of $3."""
    one = Usage(at("2026-11-10T00:00:00Z"), ALPHA, "claude-sonnet-4-5", read=MILLION)
    october = replace(one, at=at("2026-10-20T00:00:00Z"))
    found = page_of(here, api(Organization([one, october], [Workspace(ALPHA, "alpha")])))
    assert [it[2:] for it in found.figures["saved"]] == [["2.7"], ["2.7"]]


def test_list_cost_against_the_bill(here: Here) -> None:
    """Where the bill is 10% below list price, both are on the page, for settled days."""
    one = Usage(at("2026-11-10T00:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
    usage = [replace(one, at=at(f"2026-11-{day:02d}T00:00:00Z")) for day in range(1, 15)]
    organization = Organization(usage, [Workspace(ALPHA, "alpha")])
    bill = bill_of(organization, discount=Fraction(1, 10))
    policy = f"{GLOBAL.replace('100', '1000')}spend: {{basis: billed}}\n"
    found = page_of(here, api(organization, bill=bill), policy=policy)
    bills = [use[6:] for use in found.figures["uses"] if len(use) > 6]
    assert bills
    assert all(it == ["20", "18"] for it in bills)


@pytest.mark.parametrize("policy", [None, GLOBAL])
def test_names_of_deleted_workspaces(here: Here, policy: str | None) -> None:
    """As the history remembers them, with a policy and without one."""
    before = replace(ORGANIZATION, workspaces=[Workspace(GONE, "once there")])
    synced(here, api(before))
    found = page_of(here, api(ORGANIZATION), "--names-from", STORE, policy=policy)
    assert "once there" in [it["name"] for it in found.figures["workspaces"]]


def test_one_read_makes_verdict_and_figures(here: Here) -> None:
    """The days of the month are asked for once."""
    server = api(ORGANIZATION)
    page_of(here, server, "--days", "3", policy=GLOBAL)
    asked = [str(it) for it in server.requests if it.path == USAGE]
    assert len(asked) == len(set(asked))


# Of the history


def test_the_history_has_the_same_days(here: Here) -> None:
    """Neither a key nor the API is needed; the month is that of its last day, to its end."""
    synced(here, api(ORGANIZATION), policy=GLOBAL)
    run = kept(here, policy=GLOBAL)
    assert (run.code, run.stderr) == (0, "")
    found = written(here)
    assert_says(found.text, "Within budget", "$21.00 spent in November", "the cap holds")
    assert_says(found.text, "Nov 15, 00:00 UTC", "14 full days")
    assert (found.figures["days"][0], found.figures["days"][-1]) == ("2026-10-15", "2026-11-14")
    assert found.figures["openDay"] is None
    assert found.total == 51
    assert [it["name"] for it in found.figures["workspaces"]] == [
        "default workspace",
        "alpha",
        GONE,
    ]


def test_what_caching_saved_is_not_known_of_a_history(here: Here) -> None:
    """As it has no prices."""
    synced(here, api(ORGANIZATION))
    assert kept(here).code == 0
    assert written(here).figures["saved"] is None


def test_keys_of_the_policy_are_names_of_the_last_sync(here: Here) -> None:
    """A workspace without spend has its budget; one that is not there is an error, as for check."""
    synced(here, api(ORGANIZATION))
    budgets = "version: 1\nworkspaces: {alpha: {cap: 30}, beta: {cap: 5}}\n"
    assert kept(here, policy=budgets).code == 0
    assert_says(written(here).text, "alpha", "$0.00 of $30.00", "beta", "$0.00 of $5.00")
    run = kept(here, policy=budgets.replace("beta", "gamma"))
    assert run.code == 2
    assert_says(run.stderr, "workspaces.gamma")


def test_a_month_that_is_complete_is_judged_whole(here: Here) -> None:
    """On the first of December, November ends with its last day."""
    december = datetime(2026, 12, 1, 12, tzinfo=UTC)
    synced(here, api(ORGANIZATION, now=december))
    assert kept(here, policy=GLOBAL, now=december).code == 0
    assert_says(written(here).text, "November 2026", "$41.00 spent in November")


def test_an_old_history_is_said_to_be_old(here: Here) -> None:
    """With its end, and what to do."""
    synced(here, api(ORGANIZATION))
    run = kept(here, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert run.code == 0
    assert_says(run.stderr, "warning", "Nov 15, 00:00 UTC", "budget-gate sync")
    text = written(here).text
    assert text.index("The history ends at Nov 15, 00:00 UTC") < text.index("$21.00 spent")
    assert text.count("The history ends") == 1


def test_days_of_the_month_that_are_missing_are_exit_code_3(here: Here) -> None:
    """Without them there is no verdict, and so no page."""
    synced(here, api(ORGANIZATION), "--from", "2026-11-05")
    run = kept(here)
    assert run.code == 3
    assert_says(run.stderr, "no page was written", "2026-11-01", "sync --from 2026-11-01")
    assert nothing_written(here)


def test_days_before_a_gap_are_left_out(here: Here) -> None:
    """A chart would show them as days without spend."""
    synced(here, api(ORGANIZATION))
    # No sync leaves one.
    Store(STORE).ask("DELETE FROM anthropic_synced_days WHERE date = '2026-10-31'")
    run = kept(here)
    assert run.code == 0
    found = written(here)
    assert (found.figures["days"][0], len(found.figures["days"])) == ("2026-11-01", 14)
    missing = ("Days before 2026-11-01 are not on this page", "sync --from 2026-10-31")
    assert_says(found.text, *missing)
    assert_says(run.stderr, *missing)


def test_a_gap_before_the_days_that_were_asked_for_is_no_news(here: Here) -> None:
    """All of them are there."""
    synced(here, api(ORGANIZATION))
    Store(STORE).ask("DELETE FROM anthropic_synced_days WHERE date = '2026-10-16'")
    run = kept(here, "--days", "20")
    assert (run.code, run.stderr) == (0, "")
    assert "are not on this page" not in written(here).text


@pytest.mark.parametrize(("days", "is_said"), [("31", False), ("32", True)])
def test_a_history_that_begins_later_than_asked_for_says_so(
    here: Here,
    days: str,
    is_said: bool,  # noqa: FBT001
) -> None:
    """It has 31 days; on the page alone, as nothing is wrong with it."""
    synced(here, api(ORGANIZATION))
    run = kept(here, "--days", days)
    assert (run.code, run.stderr) == (0, "")
    assert ("The history begins on Oct 15, 2026." in written(here).text) is is_said


def test_a_history_says_nothing_of_today(here: Here) -> None:
    """It ends with the last full day: what today cost is not $0.00."""
    policy = "version: 1\nglobal: {cap: 15, daily_cap: 500}\nworkspaces: {alpha: {cap: 10}}\n"
    synced(here, api(ORGANIZATION))
    assert kept(here, policy=policy).code == 0
    text = written(here).text
    assert_says(text, "Over budget", "$21.00 of $15.00", "$21.00 this month", "daily cap $500.00")
    assert "today" not in text


@pytest.mark.parametrize(("first", "is_known"), [("2026-10-18", True), ("2026-10-19", False)])
def test_days_before_the_month_are_history_where_all_are_there(
    here: Here,
    first: str,
    is_known: bool,  # noqa: FBT001
) -> None:
    """The 28 days before November 15 begin on October 18: with fewer, a rise is not checked."""
    synced(here, api(ORGANIZATION), "--from", first)
    alerts = f"{GLOBAL}alerts: {{daily: {{above: 25%, floor: 50}}}}\n"
    assert kept(here, policy=alerts).code == 0
    is_said = "could not be read" in written(here).text
    assert is_said is not is_known


def test_fewer_days_of_a_history(here: Here) -> None:
    """The month of the last day is there whole, all the same."""
    synced(here, api(ORGANIZATION))
    assert kept(here, "--days", "20").code == 0
    assert written(here).figures["days"][0] == "2026-10-26"


# The sample


def test_the_sample_needs_no_key(here: Here) -> None:
    """It is the one of demo, whose page is the same."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    assert here.main("dashboard", "--demo", "--out", "site").code == 0
    found = written(here)
    assert_says(found.text, "Over budget", "research", "$313.68", "$250.00")
    assert found.text.index("This is a sample") < found.text.index("Over budget")
    run = here.main("demo", "--page", "other")
    assert run.code == 1
    assert_says(run.stderr, "That was a sample", "wrote other")
    assert written(here, "other").text == found.text


@pytest.mark.parametrize("flag", [("--days", "3"), ("--store", STORE), ("--policy", "budget.yml")])
def test_the_sample_goes_with_no_other_flag(here: Here, flag: tuple[str, str]) -> None:
    """What would have no effect is refused."""
    run = here.main("dashboard", "--demo", "--out", "site", *flag)
    assert run.code == 2
    assert nothing_written(here)


# Where it goes


def test_the_folder_is_created_but_not_the_one_it_is_in(here: Here) -> None:
    """A typing error makes no tree of folders."""
    run = here.main("dashboard", "--demo", "--out", "sites/mine")
    assert run.code == 2
    assert_says(run.stderr, "sites/mine", "does not exist", "create")
    assert not (here.program.folder / "sites").exists()


def test_a_page_of_its_own_is_replaced_and_another_is_not(here: Here) -> None:
    """What somebody else wrote is not lost."""
    assert here.main("dashboard", "--demo", "--out", "site").code == 0
    assert here.main("dashboard", "--demo", "--out", "site").code == 0
    page = here.program.folder / "site" / "index.html"
    page.write_text("<h1>Mine</h1>", encoding="utf-8")
    run = here.main("dashboard", "--demo", "--out", "site")
    assert run.code == 2
    assert_says(run.stderr, "index.html", "not changed", "--out")
    assert page.read_text(encoding="utf-8") == "<h1>Mine</h1>"


def test_a_file_is_no_folder(here: Here) -> None:
    """It is left as it is."""
    here.program.write("text", "site")
    run = here.main("dashboard", "--demo", "--out", "site")
    assert run.code == 2
    assert_says(run.stderr, "site", "no folder", "--out")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_page_that_is_no_file_is_left_alone(here: Here, make: Callable[[Path], None]) -> None:
    """What waits for somebody is not waited for."""
    (here.program.folder / "site").mkdir()
    make(here.program.folder / "site" / "index.html")
    run = here.main("dashboard", "--demo", "--out", "site")
    assert run.code == 2
    assert_says(run.stderr, "index.html", "is no file", "--out")


def test_a_folder_that_cannot_be_asked_about_is_an_error(here: Here) -> None:
    """Such as one with a name that no system has."""
    run = here.main("dashboard", "--demo", "--out", "x" * 300)
    assert run.code == 2
    assert_says(run.stderr, "index.html cannot be read", "too long", "--out")


def test_a_full_disk_leaves_the_page_that_was_there(here: Here) -> None:
    """It is written whole or not at all."""
    assert here.main("dashboard", "--demo", "--out", "site").code == 0
    before = (here.program.folder / "site" / "index.html").read_bytes()
    with files_of_at_most(100_000):
        run = here.main("dashboard", "--demo", "--out", "site")
    assert run.code == 2
    assert (here.program.folder / "site" / "index.html").read_bytes() == before
    assert len(list((here.program.folder / "site").iterdir())) == 1


# What cannot be read


@pytest.mark.parametrize("policy", [None, GLOBAL])
def test_days_that_cannot_be_read_are_exit_code_3(here: Here, policy: str | None) -> None:
    """A page of half the days would look like all of them."""
    server = api(ORGANIZATION, intercept=refused)
    run = made(here, server, policy=policy)
    assert run.code == 3
    assert_says(run.stderr, "no page was written")
    assert nothing_written(here)


def test_a_model_without_a_price_is_exit_code_3(here: Here) -> None:
    """As for check, and for the export."""
    one = Usage(at("2026-11-10T00:00:00Z"), None, "claude-unheard-of-9", output=MILLION)
    run = made(here, api(Organization([one], [])), policy=GLOBAL)
    assert run.code == 3
    assert_says(run.stderr, "no page was written", "claude-unheard-of-9", "prices.models")
    assert nothing_written(here)


def test_without_a_credential_there_is_no_page(here: Here) -> None:
    """Nor without one to be read."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("dashboard", "--out", "site")
    assert run.code == 3
    assert_says(run.stderr, "no page was written", "no credential")


@pytest.mark.parametrize("variable", ["AS_OF", "MONTH"])
def test_another_time_than_now_is_refused(here: Here, variable: str) -> None:
    """The page is of now."""
    value = {"AS_OF": "2026-11-10T00:00:00Z", "MONTH": "2026-10"}[variable]
    here.set({f"BUDGET_GATE_{variable}": value})
    run = here.main("dashboard", "--out", "site")
    assert run.code == 2
    assert_says(run.stderr, "another time", "BUDGET_GATE_AS_OF")


def test_a_credential_is_nowhere_on_the_page(here: Here) -> None:
    """Should a name echo it."""
    organization = replace(ORGANIZATION, workspaces=[Workspace(ALPHA, f"key {EXAMPLE_KEY}")])
    run = made(here, api(organization), policy=GLOBAL)
    assert run.code == 0
    text = (here.program.folder / "site" / "index.html").read_text(encoding="utf-8")
    assert EXAMPLE_KEY not in text
    assert "key ***" in text


def test_another_organization_than_the_policys_is_an_error(here: Here) -> None:
    """As for check."""
    policy = f"{GLOBAL}organization: 99999999-2222-4333-8444-555555555555\n"
    run = made(here, api(ORGANIZATION), policy=policy)
    assert run.code == 2
    assert_says(run.stderr, "another organization")
    assert nothing_written(here)


# Without the extra


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_packages_that_are_missing_are_named(
    here: Here, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """With the line that installs them, and before anything is asked for."""
    import sys

    for name in [it for it in sys.modules if it.startswith("budget_gate.outputs.dashboard.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    run = made(here, api(ORGANIZATION), policy=GLOBAL)
    assert run.code == 2
    assert_says(
        run.stderr,
        f"the package {package}",
        "not installed",
        "environment of budget-gate",
        "altair",
    )
    assert nothing_written(here)
