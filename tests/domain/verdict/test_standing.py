"""What an earlier report says of now: its verdict, or the reason why that does not stand any more."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budget_gate import gate
from budget_gate.domain.alerts import Alert
from budget_gate.domain.notes import Note
from budget_gate.domain.period import HOUR, MonthToDate, Period
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import DailySpend, LiveException
from budget_gate.domain.verdict.terms import STRICT, Terms
from budget_gate.errors import ConfigurationError, UnverifiedError
from tests.helpers.builders import MONTH, Costs, bounds, budget, policy, spend_of
from tests.helpers.wording import assert_says

WORKSPACES = (Workspace("wrkspc_01A", "alpha"), Workspace("wrkspc_01B", "beta"))
# 11 USD in alpha, 9 in beta, 1 in the default workspace: 21 altogether, on Nov 20, 15:20 UTC.
COSTS: Costs = {"wrkspc_01A": bounds("11"), "wrkspc_01B": bounds("9"), None: bounds("1")}
OK = "version: 1\nglobal: {cap: 100}\n"
BREACHED = "version: 1\nglobal: {cap: 20}\n"
DAILY = "version: 1\nglobal: {cap: 100, daily_cap: 5}\n"
THEN = MONTH.as_of


def kept(text: str = OK, costs: Costs = COSTS, **changes: Any) -> Report:
    """The report of a run under the policy that `text` is; `changes` are fields of it."""
    report = evaluate(policy(text), spend_of(costs, workspaces=WORKSPACES), MONTH)
    return report._replace(**changes)


def verdict(
    earlier: Report | UnverifiedError,
    file: PolicyFile | None = None,
    *,
    age: timedelta = HOUR,
    terms: Terms = STRICT,
    max_age: timedelta = 3 * HOUR,
) -> tuple[Report, int]:
    """What the report proves, so long after it was made."""

    def read() -> Report:
        if isinstance(earlier, UnverifiedError):
            raise earlier
        return earlier

    return gate.verdict(read, file, THEN + age, max_age, terms)


def refused(result: tuple[Report, int], code: str) -> str:
    """Why a report proves nothing, in words: exit code 3, and no amount of it is shown."""
    report, exit_code = result
    assert (report.status, exit_code, report.enforced) == ("unverified", 3, True)
    assert (report.spend, report.budgets, report.days) == (None, (), ())
    (note,) = report.notes
    assert (note.level, note.code) == ("error", code)
    return note.message


# Where it stands


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (OK, "ok", 0),
        ("version: 1\nglobal: {cap: 25}\n", "warning", 0),
        (BREACHED, "breached", 1),
    ],
)
@pytest.mark.parametrize("age", [timedelta(0), HOUR, 3 * HOUR])
def test_a_young_report_keeps_its_verdict(
    text: str, status: str, code: int, age: timedelta
) -> None:
    """21 USD against the cap, up to the three hours that a report may be old."""
    report, exit_code = verdict(kept(text), age=age)
    assert (report.status, exit_code, report.spend) == (status, code, bounds("21"))
    assert (report.as_of, report.judged_at) == (THEN, THEN + age)


def test_a_warning_fails_where_it_is_to() -> None:
    """By `fail-on: warning`, as in a check."""
    report, exit_code = verdict(
        kept("version: 1\nglobal: {cap: 25}\n"), terms=Terms(fail_on="warning")
    )
    assert (exit_code, report.fails_on_warning) == (1, True)


def test_an_alert_of_the_report_warns() -> None:
    """It is shown while the report is young, and fails where warnings do."""
    rise = Alert("daily", "global", Decimal(9), Decimal(3), (), "EXAMPLE rises.")
    earlier = kept(status="warning", alerts=(rise,), notes=(rise.note,))
    report, exit_code = verdict(earlier)
    assert (report.status, report.leading_alert, exit_code) == ("warning", rise, 0)
    assert verdict(earlier, terms=Terms(fail_on="warning"))[1] == 1
    refused(verdict(earlier, age=4 * HOUR), "report_old")


def test_a_run_that_was_not_enforced_is_judged_by_its_statuses() -> None:
    """That the hourly run was to let a breach pass is no leave for others."""
    report, exit_code = verdict(kept(BREACHED, enforced=False))
    assert (report.enforced, exit_code) == (True, 1)


@pytest.mark.parametrize(
    ("terms", "enforced"), [(Terms(fail_on="never"), False), (Terms(on_error="warn"), True)]
)
def test_only_its_own_settings_let_a_breach_pass(terms: Terms, enforced: bool) -> None:  # noqa: FBT001 - one of two
    """`fail-on: never` does, `on-error: warn` does not."""
    report, exit_code = verdict(kept(BREACHED), terms=terms)
    assert (report.enforced, exit_code) == (enforced, int(enforced))


def test_spend_that_is_undecided_in_it_is_undecided() -> None:
    """The cap of 20 lies between 19 and 21."""
    report, exit_code = verdict(kept(BREACHED, {None: bounds("19", "21")}))
    assert (report.status, exit_code) == ("uncertain", 3)


def test_a_report_without_spend_says_its_own_reason() -> None:
    """The API was down at the time, and whatever the policy at hand is changes nothing."""
    note = Note("error", "http_503", "The API said no.")
    empty = kept(status="unverified", spend=None, budgets=(), notes=(note,))
    for file in (None, policy(BREACHED)):
        report, exit_code = verdict(empty, file)
        assert (report.status, exit_code, report.notes) == ("unverified", 3, (note,))


def test_usage_without_a_price_leaves_the_whole_unknown() -> None:
    """But not a budget that it cannot be of, where that alone is to decide."""
    note = Note("error", "unpriced", "Usage has no price.")
    earlier = kept(
        "version: 1\nglobal: {cap: 100}\nworkspaces: {alpha: {cap: 50}}\n",
        status="unverified",
        notes=(note,),
    )
    report, exit_code = verdict(earlier)
    assert (report.status, exit_code) == ("unverified", 3)
    report, exit_code = verdict(earlier, terms=Terms(only=("workspaces.wrkspc_01A",)))
    assert (report.status, exit_code) == ("ok", 0)


def test_what_was_proven_by_a_report_before_it_still_is() -> None:
    """A run during an outage that went by the evidence of an hour before: exit code 1."""
    whole = budget(kept(BREACHED), "global")
    earlier = kept(
        BREACHED,
        spend=None,
        evidence_as_of=THEN - HOUR,
        budgets=(whole._replace(spend=bounds("21", "unlimited")),),
    )
    report, exit_code = verdict(earlier)
    assert (report.status, exit_code, report.evidence_as_of) == ("breached", 1, THEN - HOUR)


# Where it does not


def test_no_report_is_no_verdict() -> None:
    """The reason and the remedy are those of the reader."""
    error = UnverifiedError("there is none", "restore one", code="report_missing")
    assert refused(verdict(error), "report_missing") == "there is none. Restore one."


def test_an_old_report_proves_nothing_good() -> None:
    """A second above three hours; both lengths and the remedy are named."""
    message = refused(verdict(kept(), age=3 * HOUR + timedelta(seconds=1)), "report_old")
    assert_says(message, "3 hours 1 minute old", "3 hours", "--max-age", "still runs")


def test_how_old_a_report_may_be_can_be_set() -> None:
    """A report of 30 hours ago: refused where 90 minutes are the limit, and good within two days."""
    age = timedelta(hours=30)
    message = refused(verdict(kept(), age=age, max_age=timedelta(minutes=90)), "report_old")
    assert_says(message, "1 day 6 hours old", "1 hour 30 minutes")
    assert verdict(kept(), age=age, max_age=timedelta(days=2))[1] == 0


def test_the_age_is_that_of_the_evidence() -> None:
    """A report of now that goes by one of five hours ago is five hours old."""
    earlier = kept(evidence_as_of=THEN - 5 * HOUR)
    assert_says(refused(verdict(earlier, age=timedelta(0)), "report_old"), "5 hours old")


@pytest.mark.parametrize(
    "now", [datetime(2026, 12, 1, 0, 5, tzinfo=UTC), datetime(2027, 11, 20, 16, tzinfo=UTC)]
)
@pytest.mark.parametrize("text", [OK, BREACHED])
def test_a_report_of_another_month_proves_nothing(text: str, now: datetime) -> None:
    """However young it is: in a new month nothing has been spent yet."""
    result = verdict(kept(text), age=now - THEN, max_age=timedelta(days=31))
    assert_says(refused(result, "report_month"), "November 2026", f"{now:%B %Y} now", "run")


def test_a_report_of_a_whole_month_proves_nothing() -> None:
    """October as a whole, by --month."""
    october = MonthToDate(datetime(2026, 11, 1, tzinfo=UTC), is_whole=True)
    earlier = kept(as_of=october.as_of, period=october.period)
    assert_says(refused(verdict(earlier), "report_month"), "all of October 2026", "--month")


def test_a_report_of_the_future_proves_nothing() -> None:
    """Five minutes are how far clocks may be apart elsewhere; both times are named."""
    early = -timedelta(minutes=5, seconds=1)
    message = refused(verdict(kept(BREACHED), age=early), "report_future")
    assert_says(message, "Nov 20, 15:20 UTC", "Nov 20, 15:14 UTC", "set the clock")
    report, exit_code = verdict(kept(), age=-timedelta(minutes=5))
    assert (report.judged_at, exit_code) == (THEN, 0)


def test_a_time_that_a_setting_named_proves_nothing_good() -> None:
    """As of `--as-of` in the workflow that wrote the report, left over from a backfill."""
    message = refused(verdict(kept(judged_at=THEN + 2 * HOUR)), "report_fixed_time")
    assert_says(message, "setting named", "--as-of")


def test_saved_pages_that_leave_out_a_part_prove_nothing_good() -> None:
    """Their spend is what it is at least."""
    earlier = kept(notes=(Note("warning", "partial", "Part of the month."),))
    assert_says(refused(verdict(earlier), "report_partial"), "part of the month", "--partial")


def test_a_report_of_some_budgets_proves_nothing_good() -> None:
    """Those that --budget left out are named."""
    earlier = kept()
    earlier = earlier._replace(budgets=(budget(earlier, "global")._replace(decides=False),))
    message = refused(verdict(earlier), "report_selection")
    assert_says(message, "not every budget", "--budget", "organization")


def test_a_report_with_a_reservation_proves_nothing_good() -> None:
    """What was reserved then is not what is about to be spent now."""
    earlier = kept()
    earlier = earlier._replace(budgets=(budget(earlier, "global")._replace(reserved=Decimal(5)),))
    assert_says(refused(verdict(earlier), "report_reserved"), "--reserve", "reserve here")


def test_a_limit_that_the_run_is_told_to_pass_is_not_enforced() -> None:
    """By `on-error: warn` an old report lets the job go on, marked as not enforced."""
    report, exit_code = verdict(kept(), age=4 * HOUR, terms=Terms(on_error="warn"))
    assert (report.status, report.enforced, exit_code) == ("unverified", False, 0)


# A breach that outlasts it

WEAK = {
    "old": {},
    "of a fixed time": {"judged_at": THEN + 2 * HOUR},
    "partial": {"notes": (Note("warning", "partial", "Part of the month."),)},
}


@pytest.mark.parametrize("changes", WEAK.values(), ids=WEAK)
def test_a_breach_of_a_monthly_cap_outlasts_it(changes: dict[str, Any]) -> None:
    """Spend of a month does not fall: still exit code 1, with the amount as a lower bound and the reason."""
    report, exit_code = verdict(kept(BREACHED, **changes), age=30 * HOUR)
    assert (report.status, exit_code, report.evidence_as_of) == ("breached", 1, THEN)
    assert budget(report, "global").spend == bounds("21", "unlimited")
    assert (report.spend, report.days, report.workspaces) == (None, (), ())
    (note,) = report.notes
    assert note.level == "warning"
    assert_says(note.message, "does not fall")


def test_what_was_not_breached_then_is_not_known_now() -> None:
    """Of two budgets the one is breached for sure, and the other may be."""
    text = "version: 1\nglobal: {cap: 100}\nworkspaces: {alpha: {cap: 10}}\n"
    report, exit_code = verdict(kept(text), age=30 * HOUR)
    states = {it.id: it.status for it in report.budgets}
    assert states == {"workspaces.wrkspc_01A": "breached", "global": "uncertain"}
    assert exit_code == 1
    only = Terms(only=("global",))
    assert refused(verdict(kept(text), age=30 * HOUR, terms=only), "report_old")


def daily() -> Report:
    """A report whose daily cap of 5 USD is breached by 6 of today, and nothing else is."""
    earlier = kept(DAILY)
    over = budget(earlier, "global")._replace(
        status="breached",
        cause="daily_cap",
        daily=DailySpend(Decimal(5), bounds("6"), date(2026, 11, 20)),
    )
    return earlier._replace(status="breached", budgets=(over,))


NOT_FOR_LONG = {
    "daily cap": daily(),
    "forecast": kept(
        status="breached",
        budgets=(budget(kept(), "global")._replace(status="breached", cause="forecast"),),
    ),
    "billed": kept(BREACHED, basis="billed"),
    "group": kept("version: 1\ngroups: {both: {cap: 15, workspaces: [alpha, beta]}}\n"),
}


@pytest.mark.parametrize("earlier", NOT_FOR_LONG.values(), ids=NOT_FOR_LONG)
def test_another_breach_is_one_while_the_report_is_young(earlier: Report) -> None:
    """A day ends, a forecast changes, a bill may fall, and a group may have others: exit code 1, then 3."""
    assert verdict(earlier, age=3 * HOUR)[1] == 1
    refused(verdict(earlier, age=4 * HOUR), "report_old")


def test_an_exception_that_has_ended_is_another_cap() -> None:
    """Without a policy at hand the report itself says so, and which cap there is now."""
    until = LiveException(Decimal(20), date(2026, 11, 20), "EXAMPLE", "")
    earlier = kept()
    earlier = earlier._replace(budgets=(budget(earlier, "global")._replace(exception=until),))
    assert verdict(earlier)[1] == 0
    result = verdict(earlier, age=9 * HOUR, max_age=timedelta(days=1))
    assert_says(refused(result, "report_caps"), "organization", "ended", "$100 then", "$20 now")


# Which budgets decide


def test_budgets_decide_by_id_or_by_name() -> None:
    """A breach of one that was not named is shown, and does not decide."""
    text = "version: 1\nglobal: {cap: 20}\nworkspaces: {alpha: {cap: 50}}\n"
    for file in (None, policy(text)):
        for name in ("workspaces.wrkspc_01A", "workspaces.alpha"):
            report, exit_code = verdict(kept(text), file, terms=Terms(only=(name,)))
            assert (report.status, exit_code) == ("ok", 0)
            assert not budget(report, "global").decides
            assert "not_enforced_here" in {note.code for note in report.notes}


@pytest.mark.parametrize("has_policy", [True, False])
def test_a_budget_that_there_is_not_is_an_error(*, has_policy: bool) -> None:
    """With the one that may be meant, whether that is known by the policy or by the report."""
    text = "version: 1\nglobal: {cap: 20}\nworkspaces: {alpha: {cap: 50}}\n"
    with pytest.raises(ConfigurationError) as error:
        verdict(
            kept(text), policy(text) if has_policy else None, terms=Terms(only=("workspaces.alfa",))
        )
    assert_says(f"{error.value} {error.value.hint}", "'workspaces.alfa'", "workspaces.alpha")


def test_no_unlisted_workspace_is_nothing_to_check() -> None:
    """As in a check: it passes, and says that nothing was checked."""
    text = "version: 1\nglobal: {cap: 20}\nunlisted: fail\n"
    report, exit_code = verdict(kept(text, {}), policy(text), terms=Terms(only=("unlisted",)))
    assert exit_code == 0
    assert "nothing_unlisted" in {note.code for note in report.notes}


def test_the_month_of_the_report_is_half_open() -> None:
    """A report of the first instant of this month is of it, and has nothing to judge."""
    first = datetime(2026, 11, 1, tzinfo=UTC)
    earlier = kept(OK, {}, as_of=first, period=Period(first, first))
    assert gate.verdict(lambda: earlier, None, first + HOUR, 3 * HOUR, STRICT)[1] == 0
