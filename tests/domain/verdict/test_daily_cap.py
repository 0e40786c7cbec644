"""A second cap, on the open UTC day alone."""

from datetime import UTC, datetime

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import DailySpend
from budget_gate.domain.verdict.terms import STRICT, Terms
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import MONTH, bounds, budget, errors_of, line, policy, spend_of_lines
from tests.helpers.runner import read_commands
from tests.helpers.running import NOW, ORGANIZATION, Here, Run
from tests.world.loopback import LoopbackAPI

A = Workspace("wrkspc_01A", "alpha")
B = Workspace("wrkspc_01B", "beta")
TODAY = str(MONTH.as_of.date())
RULES = "version: 1\nglobal: {cap: 1000, daily_cap: 10, forecast: off}\n"


def judged(
    *lines: SpendLine, rules: str = RULES, month: MonthToDate = MONTH, terms: Terms = STRICT
) -> Report:
    """The report on these lines."""
    return evaluate(policy(rules), spend_of_lines(*lines, workspaces=(A, B)), month, terms)


def on(day: str, cost: Bounds, workspace: str | None = "wrkspc_01A") -> SpendLine:
    """A cost on a day."""
    return line(cost, workspace, day=day)


@pytest.mark.parametrize(
    ("spent", "status", "reason"),
    [
        (bounds("9.99"), "ok", "spend is within the cap"),
        (bounds("10"), "ok", "spend is within the cap"),
        (bounds("10.000000000001"), "breached", "today's spend is above the daily cap"),
        (
            bounds("9", "11"),
            "uncertain",
            "it is not known whether today's spend is above the daily cap",
        ),
        (bounds("9", "10"), "ok", "spend is within the cap"),
        (bounds("11", "12"), "breached", "today's spend is above the daily cap"),
        (
            bounds("1", "unlimited"),
            "uncertain",
            "there is no upper bound of the spend, so it may be above the cap",
        ),
    ],
)
def test_breach_is_spend_of_today_above_the_daily_cap(
    spent: Bounds, status: str, reason: str
) -> None:
    """Not at it, as with the cap of the month; there is no level that warns."""
    (result,) = judged(on(TODAY, spent)).budgets
    assert (result.status, result.reason) == (status, reason)


def test_days_before_today_do_not_count() -> None:
    """Yesterday may have been as dear as the month allows."""
    (result,) = judged(on("2026-11-19", bounds("700")), on(TODAY, bounds("10"))).budgets
    assert result.status == "ok"
    assert result.daily == DailySpend(bounds("10").low, bounds("10"), MONTH.day)


def test_report_tells_today_and_what_breached() -> None:
    """The cause of a breach of the month is the other cap."""
    (by_day,) = judged(on(TODAY, bounds("11"))).budgets
    (by_month,) = judged(on("2026-11-19", bounds("1001"))).budgets
    assert (by_day.cause, by_month.cause) == ("daily_cap", "cap")
    assert by_month.daily == DailySpend(bounds("10").low, bounds("0"), MONTH.day)


def test_worse_of_both_caps_decides() -> None:
    """Today breaches where the month only warns."""
    (result,) = judged(on("2026-11-19", bounds("900")), on(TODAY, bounds("11"))).budgets
    assert (result.status, result.cause) == ("breached", "daily_cap")


@pytest.mark.parametrize(
    ("spent", "status"), [(bounds("9", "11"), "warning"), (bounds("1", "unlimited"), "uncertain")]
)
def test_uncertain_spend_may_be_a_warning(spent: Bounds, status: str) -> None:
    """Where the policy says so, and an upper bound is known."""
    report = judged(on(TODAY, spent), rules=f"{RULES}spend: {{uncertain: warn}}\n")
    assert report.status == status


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        ("2026-11-30T23:59:59", "breached"),
        ("2026-12-01T00:00:00", "ok"),
        ("2026-12-01T00:00:01", "ok"),
    ],
)
def test_open_day_ends_at_midnight_utc(as_of: str, status: str) -> None:
    """11 USD of the 30th are of today to its last second, and not on the 1st."""
    month = MonthToDate(datetime.fromisoformat(as_of).replace(tzinfo=UTC))
    lines = [on("2026-11-30", bounds("11"))] if month.as_of.month == 11 else []
    assert judged(*lines, month=month).status == status


@pytest.mark.parametrize(("spent", "status"), [(bounds("10"), "ok"), (bounds("10.01"), "breached")])
@pytest.mark.parametrize("day", ["2026-11-01", "2028-02-29", "2026-12-31", "2028-03-01"])
def test_first_last_and_leap_days_are_days(day: str, spent: Bounds, status: str) -> None:
    """Of the month and of the year."""
    month = MonthToDate(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC))
    assert judged(on(day, spent), month=month).status == status


def test_daily_cap_of_zero_is_a_cap() -> None:
    """Nothing may be spent today."""
    rules = "version: 1\nglobal: {cap: 1000, daily_cap: 0, forecast: off}\n"
    assert judged(on(TODAY, bounds("0.01")), rules=rules).status == "breached"
    assert judged(on("2026-11-19", bounds("5")), rules=rules).status == "ok"


def test_a_workspace_of_yesterday_may_be_in_no_list() -> None:
    """It is called by its id then: it spent on the last day of October, and is gone since."""
    spend = spend_of_lines(on("2026-11-01", bounds("5"), "wrkspc_01B"), workspaces=(B,))._replace(
        history=(on("2026-10-31", bounds("40")),),
    )
    rules = policy("version: 1\nunlisted: {cap: 100, daily_cap: 30}\n")
    month = MonthToDate(datetime(2026, 11, 1, 1, 30, tzinfo=UTC))
    result = budget(evaluate(rules, spend, month), "unlisted.wrkspc_01A")
    assert (result.status, result.name) == ("breached", "wrkspc_01A")
    assert [it.workspace for it in result.drivers] == ["wrkspc_01A"]


@pytest.mark.parametrize(
    ("rules", "id_", "today"),
    [
        ("workspaces: {alpha: {cap: 99, daily_cap: 2}}", "workspaces.wrkspc_01A", "3"),
        ('workspaces: {"al*": {cap: 99, daily_cap: 2}}', "workspaces.wrkspc_01A", "3"),
        ("groups: {g: {cap: 99, daily_cap: 6, workspaces: [alpha, beta]}}", "groups.g", "7"),
        ('models: {"claude-*": {cap: 99, daily_cap: 14}}', "models.claude-*", "15"),
        ("unlisted: {cap: 99, daily_cap: 3}", "unlisted.wrkspc_01B", "4"),
    ],
)
def test_every_kind_of_budget_may_have_a_daily_cap(rules: str, id_: str, today: str) -> None:
    """About its own spend of today."""
    report = judged(
        on(TODAY, bounds("3")),
        on(TODAY, bounds("4"), "wrkspc_01B"),
        on(TODAY, bounds("8"), None),
        on("2026-11-19", bounds("16")),
        rules=f"version: 1\n{rules}\n",
    )
    result = budget(report, id_)
    assert result.daily is not None
    assert result.daily.spend == bounds(today)
    assert (result.status, result.cause) == ("breached", "daily_cap")


def test_unattributed_usage_of_today_may_be_of_any_workspace() -> None:
    """Of a group, once."""
    report = judged(
        on(TODAY, bounds("3")),
        on(TODAY, bounds("4"), UNATTRIBUTED),
        rules="version: 1\ngroups: {g: {cap: 99, daily_cap: 6, workspaces: [alpha, beta]}}\n",
    )
    assert budget(report, "groups.g").status == "uncertain"


@pytest.mark.parametrize(("amount", "status"), [("4", "ok"), ("4.01", "breached")])
def test_reservation_counts_as_of_today(amount: str, status: str) -> None:
    """It is about to be spent: 6 USD and 4 are within 10."""
    terms = Terms(reservation=Reservation(bounds(amount).low))
    (result,) = judged(on(TODAY, bounds("6")), terms=terms).budgets
    assert result.status == status
    if status == "breached":
        assert result.reason == "today's spend and the reservation are above the daily cap"


@pytest.mark.parametrize("written", ["-1", "5%", "ten", "[1]", "''"])
def test_daily_cap_that_is_no_amount_is_refused(written: str) -> None:
    """At its key."""
    with pytest.raises(ConfigurationError) as caught:
        policy(f"version: 1\nglobal:\n  cap: 5\n  daily_cap: {written}\n")
    (told,) = errors_of(caught.value)
    assert told.startswith("budget.yml:4:3: global.daily_cap: ")


def test_daily_cap_does_not_stand_for_a_cap() -> None:
    """It is a second one."""
    with pytest.raises(ConfigurationError) as caught:
        policy("version: 1\nglobal: {daily_cap: 5}\n")
    assert errors_of(caught.value) == ["budget.yml:2:1: global.cap: is missing"]


# Whole runs: 18 USD on the 12th, 0.30 USD today, the 15th


def run(here: Here, daily_cap: str, *flags: str) -> Run:
    """How a check ends, as a step of GitHub Actions."""
    here.set(here.program.step)
    text = f"version: 1\nglobal: {{cap: 100, daily_cap: {daily_cap}, forecast: off}}\n"
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return here.check(api, *flags, policy=text, now=NOW)


@pytest.mark.parametrize(("daily_cap", "code"), [("0.3", 0), ("0.29", 1)])
def test_daily_cap_decides_the_exit_code(here: Here, daily_cap: str, code: int) -> None:
    """With usage as the API reports it."""
    assert run(here, daily_cap).code == code


def test_breach_of_a_daily_cap_is_told_as_one(here: Here) -> None:
    """In the headline, the annotation and the summary: not as a breach of the month."""
    ended = run(here, "0.29")
    told = "has spent $0.30 today, $0.01 over its $0.29 daily cap (list prices)"
    commands = [it for it in ended.stderr.splitlines() if it.startswith("::error")]
    assert told in ended.said
    assert "raise the daily cap (budget.yml:2)" in ended.said
    assert told in here.program.summary
    assert told in read_commands("\n".join(commands))[0][2]


def test_breach_by_a_reservation_is_told_as_one(here: Here) -> None:
    """What is spent today alone is within the daily cap."""
    ended = run(here, "1", "--reserve", "0.75")
    told = "$0.30 + $0.75 reserved = $1.05 today, $0.05 over its $1.00 daily cap (list prices)"
    assert ended.code == 1
    assert told in ended.said
    assert "At most $0.70 can be reserved (daily cap of organization)." in ended.said


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_daily_cap_stands_beside_its_budget(here: Here, form: str) -> None:
    """Where it is kept, too."""
    assert "$0.30 today, daily cap $5.00" in run(here, "5", "--format", form).stdout


def test_daily_cap_is_in_the_json_report(here: Here) -> None:
    """With the exact spend of today."""
    (result,) = run(here, "0.5", "--format", "json").report["budgets"]
    assert result["daily"] == {
        "cap": "0.5",
        "spend": {"low": "0.3", "high": "0.3"},
        "day": "2026-11-15",
        "yesterday": None,
    }


@pytest.mark.parametrize(("more", "expected"), [(", daily_cap: 30", ["A", "B"]), ("", ["B"])])
def test_an_unlisted_workspace_may_have_spent_only_yesterday(
    more: str, expected: list[str]
) -> None:
    """Early on the 1st a daily cap judges the last day of the month before as well."""
    spend = spend_of_lines(on("2026-11-01", bounds("5"), "wrkspc_01B"), workspaces=(A, B))._replace(
        history=(on("2026-10-31", bounds("40")),),
    )
    rules = policy(f"version: 1\nunlisted: {{cap: 100{more}}}\n")
    month = MonthToDate(datetime(2026, 11, 1, 1, 30, tzinfo=UTC))
    found = {it.id: it.status for it in evaluate(rules, spend, month).budgets}
    assert sorted(found) == [f"unlisted.wrkspc_01{it}" for it in expected]
    assert found.get("unlisted.wrkspc_01A", "breached") == "breached"
