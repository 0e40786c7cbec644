"""The export as a command: which days, what stands in their rows, and when there is none at all."""

import csv
import io
import json
import os
import pty
import select
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from budget_gate.commands.day_flags import USUAL_DAYS
from tests.helpers.bills import ALPHA, BETA
from tests.helpers.builders import MILLION
from tests.helpers.inert import SURROGATE
from tests.helpers.pages import BLOCKS, table
from tests.helpers.reports import HOSTILE
from tests.helpers.running import NOW, Here, Run, checkout, ended, files_of_at_most, stalling
from tests.helpers.serving import ME, USAGE, at, first, refuse, tamper
from tests.test_readme import ORGANIZATION as OF_THE_README
from tests.world.billing import bill_of, billed, code_execution
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

HEAD = (
    "date,workspace_id,workspace,model,service_tier,input,output,cache_write_5m,cache_write_1h,"
    "cache_read,web_searches,usd,usd_high,basis"
)
COUNTS = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read", "web_searches")
GONE = "wrkspc_01EXAMPLEGONE"
UNHEARD = "claude-unheard-of-9"
LIST = "version: 1\nunlisted: warn\n"
BILLED = "version: 1\nunlisted: warn\nspend: {basis: billed}\n"

# At list price: $20 and $10 in October, $20 and, for searches, $1 in November, and $20 today.
ORGANIZATION = Organization(
    [
        Usage(at("2026-10-16T00:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
        Usage(at("2026-10-31T23:59:59Z"), GONE, "claude-sonnet-5", output=MILLION),
        Usage(at("2026-11-01T00:00:00Z"), None, "claude-opus-5-5", output=MILLION, searches=100),
        Usage(at("2026-11-15T09:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
    ],
    [Workspace(ALPHA, "alpha"), Workspace(BETA, "beta", archived_at="2026-10-20T00:00:00Z")],
)


def api(organization: Organization = ORGANIZATION, **options: Any) -> LoopbackAPI:
    """The organization's API, at NOW unless given."""
    return LoopbackAPI(organization, **({"now": NOW} | options))


def exported(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> Run:
    """What an export from a server returns and prints, at the server's time."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        return here.main("export", *flags, policy=policy, now=server.now)


def read(text: str) -> list[dict[str, str]]:
    """The rows of a CSV, which has the columns that are documented."""
    assert text.startswith(f"{HEAD}\r\n")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def rows(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> list[Any]:
    """The rows of an export that has nothing else to say."""
    run = exported(here, server, *flags, policy=policy)
    assert (run.code, run.stderr) == (0, "")
    return read(run.stdout)


def usd(told: list[dict[str, str]], column: str = "usd") -> Fraction:
    """The sum of a column of exact USD."""
    return sum((Fraction(row[column]) for row in told), Fraction(0))


# Rows


def test_a_row_by_hand(here: Here) -> None:
    """A million tokens of output at $20 and 100 searches at a cent, in the default workspace."""
    told = exported(here, api(), "--from", "2026-11-01", "--to", "2026-11-01")
    assert told.code == 0
    assert told.stdout == (
        f"{HEAD}\r\n2026-11-01,default,default workspace,claude-opus-5-5,standard,"
        "0,1000000,0,0,0,100,21,21,list\r\n"
    )


def test_json_lines_say_the_same(here: Here) -> None:
    """Counts are numbers, and amounts are texts that are exact."""
    flags = ("--from", "2026-10-16")
    told = read(exported(here, api(), *flags).stdout)
    lines = exported(here, api(), *flags, "--format", "jsonl").stdout.splitlines()
    listed = [json.loads(line) for line in lines]
    assert [{**row, **{name: int(row[name]) for name in COUNTS}} for row in told] == listed
    assert len(listed) == 3


def test_counts_are_those_that_were_used(here: Here) -> None:
    """Each class of tokens in its own column."""
    one = Usage(at("2026-11-10T12:00:00Z"), ALPHA, "claude-opus-5-5", "batch", "200k-1M", "us")
    counted = replace(one, uncached=1, output=2, write_5m=3, write_1h=4, read=5, searches=6)
    (row,) = rows(here, api(Organization([counted], [Workspace(ALPHA, "alpha")])))
    assert [row[name] for name in (*COUNTS, "service_tier")] == [*"123456", "batch"]
    assert usd([row]) == total([counted])[0]


def test_cache_writes_of_an_unknown_lifetime_are_a_range(here: Here) -> None:
    """The routes below the organization do not tell it: they are among those of 5 minutes."""
    one = Usage(at("2026-11-10T12:00:00Z"), ALPHA, "claude-opus-5-5", write_1h=MILLION)
    organization = Organization([one], [Workspace(ALPHA, "alpha")])
    run = exported(here, api(organization, org_scoped=True))
    (row,) = read(run.stdout)
    assert (row["cache_write_5m"], row["cache_write_1h"]) == ("1000000", "0")
    assert usd([row]) < total([one])[0] <= usd([row], "usd_high")
    assert run.code == 0
    assert run.stderr.startswith("warning: Usage was read by the routes below the organization.")


@pytest.mark.parametrize(
    ("workspace", "policy", "name"),
    [
        (ALPHA, LIST, "alpha"),
        (BETA, LIST, "beta"),
        (GONE, LIST, GONE),
        (GONE, f"{LIST}names: {{{GONE}: once there}}\n", "once there"),
        (ALPHA, f"{LIST}names: {{{ALPHA}: another}}\n", "alpha"),
        (None, LIST, "default workspace"),
    ],
)
def test_a_workspace_keeps_its_name(
    here: Here, workspace: str | None, policy: str, name: str
) -> None:
    """As listed, archived or not; a deleted one's is in the policy, or its id stands for it."""
    used = Usage(at("2026-11-10T12:00:00Z"), workspace, "claude-opus-5-5", output=MILLION)
    (row,) = rows(here, api(replace(ORGANIZATION, usage=[used])), policy=policy)
    assert (row["workspace_id"], row["workspace"]) == (workspace or "default", name)


def test_no_days_used_are_no_rows(here: Here) -> None:
    """Of a period without usage there is the head alone, and of JSON Lines nothing."""
    empty = api(Organization([], []))
    assert rows(here, empty) == []
    empty = api(Organization([], []))
    assert exported(here, empty, "--format", "jsonl").stdout == ""


# Sums


@pytest.mark.parametrize("seed", [1, 2])
def test_the_sum_is_the_spend_of_the_check(here: Here, seed: int) -> None:
    """Of a whole month at list price, to the last digit, and that of the oracle."""
    organization = random_organization(
        seeded(seed), start=at("2026-09-20T00:00:00Z"), end=NOW, rows=600
    )
    told = rows(here, api(organization), "--month", "2026-10", policy=LIST)
    with api(organization) as server:
        check = here.check(server, "--month", "2026-10", "--format", "json")
    october = [one for one in organization.usage if one.at.month == 10]
    assert (usd(told), usd(told, "usd_high")) == total(october)
    judged = {side: Fraction(amount) for side, amount in check.report["spend"].items()}
    assert judged == {"low": usd(told), "high": usd(told, "usd_high")}
    assert {row["basis"] for row in told} == {"list"}


@pytest.mark.parametrize("refused", [{}, {"analytics/cost": 403}])
def test_the_sum_is_the_bill_where_the_policy_says_so(here: Here, refused: dict[str, int]) -> None:
    """What the check of the month says, and what was billed; code execution is of no model."""
    organization = random_organization(
        seeded(3), start=at("2026-09-20T00:00:00Z"), end=NOW, rows=600
    )
    charges = [
        *bill_of(organization, discount=Fraction(1, 10)),
        code_execution(date(2026, 10, 5), None, Fraction("5.25")),
    ]
    options = {"bill": charges, "refuse": refused}
    told = rows(here, api(organization, **options), "--month", "2026-10", policy=BILLED)
    with api(organization, **options) as server:
        check = here.check(server, "--month", "2026-10", "--format", "json")
    charged = billed(charges, date(2026, 10, 1), date(2026, 11, 1), priority=False)
    assert usd(told) == check.spend == charged.overall
    assert {row["basis"] for row in told} == {"billed"}
    (executed,) = [row for row in told if not row["model"] and row["date"] == "2026-10-05"]
    assert (executed["workspace_id"], executed["usd"]) == ("default", "5.25")
    by_workspace = {
        id_ or "default": usd([row for row in told if row["workspace_id"] == (id_ or "default")])
        for id_ in charged.workspaces
    }
    assert by_workspace == {id_ or "default": cost for id_, cost in charged.workspaces.items()}


def test_days_that_are_not_settled_are_at_list_price(here: Here) -> None:
    """The sum is what a check of the same days says: $18 and $1 of searches are billed, $10 not yet."""
    used = Usage(at("2026-11-14T12:00:00Z"), ALPHA, "claude-sonnet-5", output=MILLION)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, used])
    options: dict[str, Any] = {
        "bill": bill_of(organization, discount=Fraction(1, 10)),
        "data_refreshed_at": at("2026-11-14T06:00:00Z"),
    }
    told = rows(here, api(organization, **options), "--from", "2026-11-01", policy=BILLED)
    assert [(row["usd"], row["basis"]) for row in told] == [("19", "billed"), ("10", "list")]
    with api(organization, **options) as server:
        midnight = ("--as-of", "2026-11-15T00:00:00Z")
        assert usd(told) == here.check(server, *midnight, "--format", "json").spend


def test_a_day_costs_the_same_whatever_else_is_exported(here: Here) -> None:
    """Whether its costs are late shows by the other days of its month, so all of them are read."""
    days = [
        Usage(datetime(2026, 10, day, 12, tzinfo=UTC), ALPHA, "claude-opus-5-5", output=MILLION)
        for day in range(1, 32)
    ]
    organization = replace(ORGANIZATION, usage=days)
    # Half price on all days but one, of which half of that is in: its list price counts.
    charges = [
        replace(one, usd=one.usd / (4 if one.day.day == 30 else 2)) for one in bill_of(organization)
    ]
    whole = exported(here, api(organization, bill=charges), "--month", "2026-10", policy=BILLED)
    flags = ("--from", "2026-10-29", "--to", "2026-10-30")
    part = exported(here, api(organization, bill=charges), *flags)
    assert [(row["usd"], row["basis"]) for row in read(part.stdout)] == [
        ("10", "billed"),
        ("20", "list"),
    ]
    assert read(part.stdout) == read(whole.stdout)[28:30]
    assert "seem to be missing from the bill: 2026-10-30" in part.stderr


def test_a_few_days_are_held_against_list_price(here: Here) -> None:
    """As a check does: half of list price on one day of two says that costs are late."""
    charges = [
        replace(one, usd=one.usd / 2) if one.workspace == ALPHA else one
        for one in bill_of(ORGANIZATION)
    ]
    run = exported(here, api(bill=charges), "--month", "2026-10", policy=BILLED)
    assert [(row["usd"], row["basis"]) for row in read(run.stdout)] == [
        ("20", "list"),
        ("10", "billed"),
    ]
    with api(bill=charges) as server:
        check = here.check(server, "--month", "2026-10", "--format", "json")
    assert usd(read(run.stdout)) == check.spend
    assert "seem to be missing from the bill: 2026-10-16" in run.stderr


def test_the_prices_of_the_policy_count(here: Here) -> None:
    """A quarter less than $20, and the searches as before."""
    policy = f"{LIST}prices: {{discount: 25%}}\n"
    (row,) = rows(here, api(), "--days", "14", policy=policy)
    assert row["usd"] == "16"


# Days


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ((), ["2026-10-16 2026-11-01", "2026-11-01 2026-11-15"]),
        (("--days", "1"), ["2026-11-14 2026-11-15"]),
        (("--from", "2026-11-14"), ["2026-11-14 2026-11-15"]),
        (
            ("--from", "2026-09-30", "--to", "2026-11-01"),
            ["2026-09-30 2026-10-01", "2026-10-01 2026-11-01", "2026-11-01 2026-11-02"],
        ),
        (("--month", "2026-02"), ["2026-02-01 2026-03-01"]),
        (("--month", "last"), ["2026-10-01 2026-11-01"]),
        (("--days", "1", "--as-of", "2026-11-01T12:00:00Z"), ["2026-10-31 2026-11-01"]),
        (
            ("--from", "2024-12-31", "--to", "2024-12-31", "--as-of", "2026-01-31T00:00:00Z"),
            ["2024-12-31 2025-01-01"],
        ),
        (
            ("--from", "2026-10-31", "--as-of", "2026-11-02T00:00:00Z"),
            ["2026-10-31 2026-11-01", "2026-11-01 2026-11-02"],
        ),
    ],
)
def test_the_days_of_an_export(here: Here, flags: tuple[str, ...], asked: list[str]) -> None:
    """Full days, a calendar month at a time: the last 30 of them, or those that flags name."""
    server = api()
    assert exported(here, server, *flags).code == 0
    days = [
        f"{str(first(request, 'starting_at'))[:10]} {str(first(request, 'ending_at'))[:10]}"
        for request in server.requests
        if request.path == USAGE
    ]
    assert sorted(days) == asked
    assert USUAL_DAYS == 30


def test_the_last_second_of_a_month_is_in_it(here: Here) -> None:
    """And the first of the next one is not."""
    october = rows(here, api(), "--month", "2026-10")
    assert [(row["date"], row["usd"]) for row in october] == [
        ("2026-10-16", "20"),
        ("2026-10-31", "10"),
    ]


def test_thirteen_months_in_their_order(here: Here) -> None:
    """October of last year to today's eve: every day once, whichever month answers first."""
    start = at("2025-10-01T00:00:00Z")
    days = [start + timedelta(days=number) for number in range(410)]
    used = [Usage(day, ALPHA, "claude-sonnet-4-5", output=1000) for day in days]
    server = api(replace(ORGANIZATION, usage=used))
    told = rows(here, server, "--from", "2025-10-01")
    assert [row["date"] for row in told] == [f"{day:%Y-%m-%d}" for day in days]
    assert usd(told) == Fraction("0.015") * 410


def test_no_more_than_two_months_are_asked_for_at_once(here: Here) -> None:
    """What is in memory does not grow with the number of months."""
    under_way: list[str] = []
    most: list[int] = []
    server = api()

    def count(request: Request, _: int) -> Response | None:
        if request.path != USAGE:
            return None
        under_way.append(str(first(request, "starting_at")))
        answer = server.answer(request)
        most.append(len(set(under_way)))
        under_way.remove(str(first(request, "starting_at")))
        return answer

    server.intercept = count
    assert exported(here, server, "--from", "2025-10-01").code == 0
    assert len(most) >= 14
    assert max(most) <= 2


@pytest.mark.parametrize(
    ("flags", "reason", "remedy"),
    [
        (("--days", "0"), "'0' is not a number from 1 to 400", ""),
        (("--days", ""), "'' is not a number", ""),
        (("--from", "2026-11-31"), "'2026-11-31' is not a day", "write 2026-11-22"),
        (("--from", "20261101"), "'20261101' is not a day", "write 2026-11-22"),
        (("--from", ""), "'' is not a day", "write 2026-11-22"),
        (("--format", "text"), "invalid choice: 'text'", "csv"),
        (("--out", ""), "argument --out: it is empty", ""),
        (("--to", "2026-11-10"), "--to 2026-11-10 goes with --from", "add --from DATE"),
        (("--from", "2026-11-15"), "--from 2026-11-15 has not ended", "name 2026-11-14"),
        (
            ("--from", "2026-11-01", "--to", "2026-11-15"),
            "--to 2026-11-15 has not ended",
            "name 2026-11-14",
        ),
        (
            ("--from", "2026-11-01", "--to", "9999-12-31"),
            "--to 9999-12-31 has not ended",
            "name 2026-11-14",
        ),
        (
            ("--from", "2026-11-02", "--to", "2026-11-01"),
            "--to 2026-11-01 is before --from 2026-11-02",
            "exchange",
        ),
        (
            ("--from", "2025-09-30"),
            "2025-09-30 is more than 13 months ago",
            "export 2025-10-01 and later",
        ),
        (("--from", "0001-01-01"), "0001-01-01 is more than 13 months ago", "2025-10-01"),
        (("--month", "2025-09"), "2025-09-01 is more than 13 months ago", "2025-10-01"),
        (("--days", "5", "--month", "last"), "--days and --month (BUDGET_GATE_MONTH)", "leave one"),
        (("--days", "5", "--from", "2026-11-01"), "--days and --from both say", "leave one"),
        (("--from", "2026-11-01", "--month", "last"), "--from and --month", "leave one"),
        (("--month", "2026-11"), "month 2026-11 has not ended yet", "leave out --month"),
        (("--month", "last", "--as-of", "2026-11-02T00:00:00Z"), "both --month", "leave one"),
        (("--as-of", "2026-11-16T00:00:00Z"), "is in the future", "omit --as-of"),
        (("--policy", "none.yml"), "none.yml", ""),
        (("--out", "nowhere/days.csv"), "its folder does not exist", "create the folder"),
        (("--out", "budget.yml"), "the export would overwrite budget.yml", "--out"),
        (("--usage", "page.json"), "unrecognized arguments: --usage", ""),
    ],
)
def test_what_does_not_go_together_is_2(
    here: Here, flags: tuple[str, ...], reason: str, remedy: str
) -> None:
    """With the flag, the reason and the remedy; nothing is asked for and nothing written."""
    server = api()
    run = exported(here, server, *flags, policy=LIST)
    assert (run.code, run.stdout, server.requests) == (2, "", [])
    assert reason in run.stderr
    assert remedy in run.stderr
    assert here.program.text("budget.yml") == LIST


# What cannot be read


def told_3(here: Here, server: LoopbackAPI, *flags: str, policy: str = LIST) -> str:
    """What an export says that ends in 3: it has printed nothing, and the file is as before."""
    here.program.write("as before", "days.csv")
    run = exported(here, server, *flags, "--out", "days.csv", policy=policy)
    assert (run.code, run.stdout) == (3, "")
    assert here.program.text("days.csv") == "as before"
    assert sorted(path.name for path in here.program.folder.iterdir()) == ["budget.yml", "days.csv"]
    beginning = "budget-gate: nothing was exported: "
    assert run.stderr.startswith(beginning)
    return run.stderr.removeprefix(beginning)


def test_a_missing_credential_is_3(here: Here) -> None:
    """With what to set."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    assert told_3(here, api()).startswith("no credential found. Set ANTHROPIC_ADMIN_KEY")


def test_a_model_without_a_price_is_3(here: Here) -> None:
    """With the sentence of a check: what has no price, when, and what to do."""
    used = Usage(at("2026-10-20T12:00:00Z"), ALPHA, UNHEARD, output=1234)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, used])
    said = told_3(here, api(organization))
    with api(organization) as server:
        check = here.check(server, "--month", "2026-10", "--format", "json")
    (sentence,) = [note["message"] for note in check.report["notes"] if note["code"] == "unpriced"]
    assert said == f"{sentence}\n"
    assert said.startswith(f"1,234 tokens of {UNHEARD} on 2026-10-20 have no price")


def test_a_model_without_a_price_may_be_a_range(here: Here) -> None:
    """Where the policy says so, from nothing up to the dearest rate; a check says the same."""
    policy = f"{LIST}spend: {{unknown_model: upper_bound}}\n"
    used = Usage(at("2026-10-20T12:00:00Z"), ALPHA, UNHEARD, output=MILLION)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage, used])
    run = exported(here, api(organization), "--month", "2026-10", policy=policy)
    told = read(run.stdout)
    with api(organization) as server:
        check = here.check(server, "--month", "2026-10", "--format", "json")
    spend = check.report["spend"]
    assert (usd(told), usd(told, "usd_high")) == (Fraction(spend["low"]), Fraction(spend["high"]))
    assert usd(told) < usd(told, "usd_high")
    assert run.stderr.startswith(f"warning: 1,000,000 tokens of {UNHEARD} on 2026-10-20")


@pytest.mark.parametrize("month", ["2026-09", "2026-10", "2026-11"])
def test_an_api_that_fails_in_the_middle_is_3(here: Here, month: str) -> None:
    """Whichever month it is: the rows before it are not written either."""
    server = api()

    def fail(request: Request, _: int) -> Response | None:
        asked = request.path == USAGE and str(first(request, "starting_at")).startswith(month)
        return refuse(400, message="not now") if asked else None

    server.intercept = fail
    assert "400" in told_3(here, server, "--from", "2026-09-01")


def test_a_day_that_is_missing_from_an_answer_is_3(here: Here) -> None:
    """A page that ends too early is no empty day."""
    server = api()

    def cut(_: Request, answer: dict[str, Any]) -> None:
        del answer["data"][-1]

    tamper(server, cut, only=lambda request: request.path == USAGE)
    assert "ends before bucket" in told_3(here, server)


def test_costs_that_cannot_be_read_are_3(here: Here) -> None:
    """List price does not stand in for them."""
    server = api(bill=bill_of(ORGANIZATION), refuse={"analytics/cost": 403, "cost_report": 403})
    assert told_3(here, server, policy=BILLED).startswith("billed cost cannot be read")


def test_usage_that_a_settled_day_does_not_bill_is_3(here: Here) -> None:
    """As a check says it."""
    charges = [one for one in bill_of(ORGANIZATION) if one.workspace != GONE]
    assert "has no cost of claude-sonnet-5" in told_3(here, api(bill=charges), policy=BILLED)


def test_a_clock_of_another_day_is_3(here: Here) -> None:
    """Which days have ended is not certain."""
    server = api()
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        run = here.main("export", now=NOW - timedelta(days=1))
    assert (run.code, run.stdout) == (3, "")
    assert "disagree about the day" in run.stderr


@pytest.mark.parametrize(
    ("id_", "code"),
    [(ORGANIZATION.id, 0), ("99999999-2222-4333-8444-555555555555", 2)],
)
def test_the_organization_is_that_of_the_policy(here: Here, id_: str, code: int) -> None:
    """Rows of another one would be under the wrong name."""
    run = exported(here, api(), policy=f'{LIST}organization: "{id_}"\n')
    assert run.code == code
    assert bool(run.stdout) == (code == 0)
    assert ("budget.yml:3:" in run.stderr) == (code == 2)


def test_an_organization_that_is_not_told_is_3(here: Here) -> None:
    """As with a check."""
    server = api()
    server.intercept = lambda request, _: refuse(400) if request.path == ME else None
    policy = f'{LIST}organization: "{ORGANIZATION.id}"\n'
    assert "could not be determined" in told_3(here, server, policy=policy)


def test_a_day_that_has_just_ended_has_a_warning(here: Here) -> None:
    """The usage report is up to two hours behind."""
    early = at("2026-11-15T01:59:59Z")
    assert (
        "warning: The usage report is up to 2 hours behind"
        in exported(here, api(now=early), "--days", "1").stderr
    )
    assert exported(here, api(now=at("2026-11-15T02:00:00Z")), "--days", "1").stderr == ""
    assert exported(here, api(now=early), "--month", "last").stderr == ""


# Where it goes


def test_a_file_is_what_stdout_would_be(here: Here) -> None:
    """Byte by byte, in place of what stood there; nothing is printed then."""
    printed = exported(here, api()).stdout
    here.program.write("as before", "days.csv")
    run = exported(here, api(), "--out", "days.csv")
    assert (run.code, run.stdout, run.stderr) == (0, "", "")
    assert (here.program.folder / "days.csv").read_bytes() == printed.encode()


@pytest.mark.parametrize("flags", [(), ("--out", "days.csv")])
def test_a_full_disk_is_2(here: Here, flags: tuple[str, ...]) -> None:
    """No part of the rows is printed, and none is left."""
    used = [
        Usage(NOW - timedelta(days=2), f"wrkspc_01{number:020}", "claude-opus-5-5", output=1)
        for number in range(2000)
    ]
    with files_of_at_most(100_000):
        run = exported(here, api(replace(ORGANIZATION, usage=used)), *flags, policy=LIST)
    assert (run.code, run.stdout) == (2, "")
    assert "File too large" in run.stderr
    assert [path.name for path in here.program.folder.iterdir()] == ["budget.yml"]


def test_a_signal_leaves_the_file_as_before(tmp_path: Path) -> None:
    """SIGTERM in the midst of reading is 3, and nothing is written."""
    with stalling(USAGE) as (server, asked):
        program = checkout(tmp_path, server.url)
        program.write("as before", "days.csv")
        process = program.start("export", "--out", "days.csv")
        assert asked.wait(20)
        process.terminate()
        run = ended(process)
    assert (run.code, run.stdout) == (3, "")
    assert program.text("days.csv") == "as before"
    assert [path.name for path in program.folder.iterdir()] == ["days.csv"]


def test_rows_that_are_being_printed_are_printed_whole(tmp_path: Path) -> None:
    """Once all is there, SIGTERM ends nothing: whoever reads it gets all of it, and 0."""
    used = [
        Usage(NOW - timedelta(days=2), f"wrkspc_01{number:020}", "claude-opus-5-5", output=1)
        for number in range(2000)
    ]
    with api(replace(ORGANIZATION, usage=used)) as server:
        process = checkout(tmp_path, server.url).start("export")
        assert process.stdout
        # More than a pipe holds: the program waits for its reader.
        assert select.select([process.stdout], [], [], 20)[0]
        process.terminate()
        run = ended(process)
    assert (run.code, run.stderr) == (0, "")
    assert len(run.stdout.splitlines()) == 1 + len(used)


def test_a_credential_is_in_no_row(here: Here) -> None:
    """Should a policy have one as a name: neither printed nor in a file."""
    policy = f"{LIST}names: {{{GONE}: {EXAMPLE_KEY}}}\n"
    printed = exported(here, api(), "--month", "2026-10", policy=policy)
    assert [row["workspace"] for row in read(printed.stdout)] == ["alpha", "***"]
    exported(here, api(), "--month", "2026-10", "--out", "days.csv", policy=policy)
    assert (here.program.folder / "days.csv").read_bytes() == printed.stdout.encode()


def test_a_person_sees_how_far_it_is(tmp_path: Path) -> None:
    """On a terminal each month takes the place of the one before, and none is left at the end."""
    controller, terminal = pty.openpty()
    with api() as server:
        run = checkout(tmp_path, server.url).run("export", "--out", "days.csv", stderr=terminal)
    os.close(terminal)
    shown = b""
    # Linux tells the end of what a terminal shows by an error.
    with suppress(OSError):
        while piece := os.read(controller, 1000):
            shown += piece
    os.close(controller)
    lines = [line.rstrip() for line in shown.decode().split("\r")]
    assert [line for line in lines if line] == [
        "Reading October 2026 (1 of 2) ...",
        "Reading November 2026 (2 of 2) ...",
    ]
    assert shown.endswith(b" \r")
    assert run.code == 0


# FOCUS

# What every FOCUS 1.2 dataset has, by its specification, whoever the provider is.
MANDATORY = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
]


def focused(run: Run) -> list[dict[str, str]]:
    """The rows of an export by FOCUS."""
    assert run.code == 0, run.stderr
    return list(csv.DictReader(io.StringIO(run.stdout, newline=""), strict=True))


def test_a_row_of_focus_by_hand(here: Here) -> None:
    """$20 of tokens and $1 of searches of November 1st, at list price."""
    flags = ("--from", "2026-11-01", "--to", "2026-11-01", "--format", "focus")
    (row,) = focused(exported(here, api(), *flags))
    assert row == {
        "BilledCost": "21.0",
        "BillingAccountId": ORGANIZATION.id,
        "BillingAccountName": "Sample Org",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": "claude-opus-5-5, standard tier",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": "2026-11-02T00:00:00Z",
        "ChargePeriodStart": "2026-11-01T00:00:00Z",
        "ConsumedQuantity": "1000000.0",
        "ConsumedUnit": "Tokens",
        "ContractedCost": "21.0",
        "EffectiveCost": "21.0",
        "InvoiceId": "",
        "InvoiceIssuerName": "Anthropic",
        "ListCost": "21.0",
        "PricingQuantity": "1000000.0",
        "PricingUnit": "Tokens",
        "ProviderName": "Anthropic",
        "PublisherName": "Anthropic",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Claude API",
        "ServiceSubcategory": "Generative AI",
        "SubAccountId": "default",
        "SubAccountName": "default workspace",
        "x_Basis": "list",
        "x_CacheRead": "0",
        "x_CacheWrite1h": "0",
        "x_CacheWrite5m": "0",
        "x_CostHigh": "21.0",
        "x_Input": "0",
        "x_Model": "claude-opus-5-5",
        "x_Output": "1000000",
        "x_ServiceTier": "standard",
        "x_WebSearches": "100",
    }
    assert row.keys() >= {*MANDATORY}


def test_each_kind_of_cost_has_its_column(here: Here) -> None:
    """$20 at list price, $15 as the policy has it, $14 as billed; code execution is billed alone."""
    used = Usage(at("2026-10-16T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION)
    organization = replace(ORGANIZATION, usage=[used])
    charges = [
        *bill_of(organization, discount=Fraction(3, 10)),
        code_execution(date(2026, 10, 16), ALPHA, Fraction("5.25")),
    ]
    policy = f"{BILLED}prices: {{discount: 25%}}\n"
    server = api(organization, bill=charges)
    run = exported(here, server, "--month", "2026-10", "--format", "focus", policy=policy)
    told = [
        [row[f"{kind}Cost"] for kind in ("List", "Contracted", "Effective", "Billed")]
        + [row["PricingQuantity"], row["PricingUnit"], row["x_Basis"]]
        for row in focused(run)
    ]
    assert told == [
        ["5.25", "5.25", "5.25", "5.25", "1.0", "Units", "billed"],
        ["20.0", "15.0", "14.0", "14.0", "1000000.0", "Tokens", "billed"],
    ]


def test_searches_alone_are_requests(here: Here) -> None:
    """There are no tokens to count them by."""
    used = Usage(at("2026-11-10T12:00:00Z"), ALPHA, "claude-opus-5-5", searches=7)
    run = exported(here, api(replace(ORGANIZATION, usage=[used])), "--format", "focus")
    (row,) = focused(run)
    assert (row["PricingQuantity"], row["PricingUnit"], row["BilledCost"]) == (
        "7.0",
        "Requests",
        "0.07",
    )


@pytest.mark.parametrize("policy", [LIST, BILLED])
def test_every_format_adds_up_to_the_same(here: Here, policy: str) -> None:
    """And has what FOCUS does not let be null."""
    organization = random_organization(
        seeded(5), start=at("2026-09-20T00:00:00Z"), end=NOW, rows=300
    )

    def told(kind: str) -> Run:
        server = api(organization, bill=bill_of(organization))
        return exported(here, server, "--month", "last", "--format", kind, policy=policy)

    by_rows = read(told("csv").stdout)
    lines = [json.loads(line) for line in told("jsonl").stdout.splitlines()]
    by_focus = focused(told("focus"))
    assert usd(by_rows) == usd(lines) == usd(by_focus, "BilledCost") > 0
    assert usd(by_rows, "usd_high") == usd(by_focus, "x_CostHigh")
    for row in by_focus:
        assert all(row[name] for name in {*MANDATORY} - {"ChargeClass"})


def test_who_pays_must_be_known(here: Here) -> None:
    """FOCUS has no row without an account; the other formats do not name it."""
    server = api()
    server.intercept = lambda request, _: refuse(404) if request.path == ME else None
    assert "404" in told_3(here, server, "--format", "focus")


def test_behind_a_gateway_the_policy_says_who_pays(here: Here) -> None:
    """Where the routes below the organization are read, its id is that of the policy."""
    policy = f'{LIST}organization: "{ORGANIZATION.id}"\n'
    server = api(org_scoped=True)
    server.intercept = lambda request, _: refuse(404) if request.path == ME else None
    told = focused(exported(here, server, "--days", "30", "--format", "focus", policy=policy))
    assert {(row["BillingAccountId"], row["BillingAccountName"]) for row in told} == {
        (ORGANIZATION.id, "")
    }


# The page


def test_the_page_shows_what_is_exported(here: Here) -> None:
    """Of the README's organization; and every column in its table."""
    (shown,) = [it.text for it in BLOCKS if it.text.startswith(f"{HEAD}\n")]
    assert exported(here, api(OF_THE_README), "--days", "31").stdout.splitlines() == (
        shown.splitlines()
    )
    assert ",".join(table("docs/feed.md", "column")) == HEAD


# Text of a third party


@pytest.mark.parametrize("name", [*HOSTILE, '=HYPERLINK("https://evil.example")', EXAMPLE_KEY])
def test_a_name_is_no_more_than_a_cell(step: Here, name: str) -> None:
    """In the log of a step: no command, no line of its own, no formula, no credential."""
    workspace = Workspace(ALPHA, name if name.strip() else "a name")
    run = exported(step, api(replace(ORGANIZATION, workspaces=[workspace])), "--days", "30")
    if name == SURROGATE:
        assert (run.code, run.stdout) == (3, "")
        return
    assert run.code == 0
    assert len(read(run.stdout)) == len(run.stdout.split("\r\n")) - 2 == 3
    assert run.stdout.replace("\r\n", "").isprintable()
    assert "##[" not in run.stdout
    assert not any(line.lstrip().startswith("::") for line in run.stdout.splitlines())
    assert not any(cell.startswith("=") for row in read(run.stdout) for cell in row.values())
    assert EXAMPLE_KEY not in run.stdout
    organization = replace(ORGANIZATION, workspaces=[workspace], name=name)
    by_focus = focused(exported(step, api(organization), "--format", "focus"))
    assert [len(row) for row in by_focus] == [38] * 3
    assert not any(cell.startswith("=") for row in by_focus for cell in row.values())
