"""What an earlier report of the month proves where the spend of today cannot be determined."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from budget_gate import gate
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.terms import STRICT, FailOn, OnError, Terms
from budget_gate.errors import ConfigurationError, InterruptedRunError, UnverifiedError
from tests.helpers.builders import MONTH, Costs, bounds, budget, policy, spend_of
from tests.helpers.wording import assert_says, notes_with

DOWN = UnverifiedError("the API said no", "try again", code="http_503")
WORKSPACES = (Workspace("wrkspc_01A", "alpha"), Workspace("wrkspc_01B", "beta"))
# 11 USD in alpha, 9 in beta, 1 in the default workspace: 21 altogether.
COSTS: Costs = {"wrkspc_01A": bounds("11"), "wrkspc_01B": bounds("9"), None: bounds("1")}
BREACHED = "version: 1\nglobal: {cap: 20}\n"
UNBREACHED = "no budget was breached in it"
NOT_SURELY = "what was breached in it may hold again ({})"
CHANGED = "a cap has changed since"


def earlier(
    text: str = BREACHED, costs: Costs = COSTS, *, age: timedelta = timedelta(hours=3)
) -> EarlierReport:
    """What a run of some time ago found under the policy that `text` is."""
    report = evaluate(policy(text), spend_of(costs, workspaces=WORKSPACES), MONTH)
    return EarlierReport(
        as_of=MONTH.as_of - age,
        month=MONTH.period.start,
        organization=None,
        budgets=report.budgets,
    )


def run(
    last: EarlierReport | Note | None,
    text: str = BREACHED,
    how: Terms = STRICT,
    *,
    organization: str | None = None,
    spend: Spend | BaseException = DOWN,
) -> tuple[Report, int]:
    """The gate's answer today, under the policy that `text` is."""

    def read_spend() -> Spend:
        if isinstance(spend, BaseException):
            raise spend
        return spend

    return gate.check(
        policy(text),
        read_spend,
        MONTH,
        how,
        identify=lambda: organization,
        earlier=last,
    )


def note_of(report: Report) -> Note:
    """The one note about the last report."""
    (note,) = notes_with(report.notes, "last_report")
    return note


def assert_not_used(report: Report, exit_code: int, why: str) -> None:
    """Fails unless the run is unverified, with a note that says what became of the last report."""
    assert (report.status, exit_code, report.evidence_as_of) == ("unverified", 3, None)
    assert "breached" not in {result.status for result in report.budgets}
    assert note_of(report).level == ("warning" if "another organization" in why else "info")
    assert note_of(report).message == f"The last report is not used: {why}."


def test_a_breach_of_earlier_in_the_month_still_is_one() -> None:
    """Exit 1 by the evidence of three hours ago, and the reason for it stays told."""
    report, exit_code = run(earlier())
    assert (report.status, report.enforced, exit_code) == ("breached", True, 1)
    assert report.evidence_as_of == MONTH.as_of - timedelta(hours=3)
    assert [note.code for note in report.notes] == ["http_503", "last_report"]
    assert note_of(report).level == "warning"
    assert_says(note_of(report).message, "over the cap", "Nov 20, 12:20 UTC", "3 hours ago")
    assert budget(report, "global").reason == ("spend was over the cap in the last report")


def test_the_amount_is_a_lower_bound() -> None:
    """What was spent then has been spent, and what came since is unknown."""
    report, _ = run(earlier())
    assert budget(report, "global").spend == bounds("21", "unlimited")
    assert budget(report, "global").cap == Decimal(20)


def test_no_spend_is_claimed_for_today() -> None:
    """Neither a total nor days, workspaces or models: none of them were read."""
    report, _ = run(earlier())
    assert report.spend is None
    assert (report.workspaces, report.models, report.days, report.coverage) == ((), (), (), None)


def test_an_optional_budget_that_matched_nothing_is_no_cap_that_is_new() -> None:
    """The last report has none of it, and would have had one that is not optional."""
    last = earlier()
    text = "{}workspaces: {{wrkspc_01C: {{cap: 5{}}}}}\n"
    assert run(last, text.format(BREACHED, ", optional: true"))[1] == 1
    assert_not_used(*run(last, text.format(BREACHED, "")), CHANGED)


def test_where_the_month_is_in_doubt_no_report_proves_anything() -> None:
    """The clock may be why spend could not be read, and the report of another month."""
    clock = UnverifiedError("the clock is wrong", "set it", code="clock")
    assert_not_used(*run(earlier(), spend=clock), "which month it is now is not certain")


def test_a_breach_by_evidence_names_the_line_of_its_cap() -> None:
    """The third line of the policy as it is today, where the annotation and the remedy point to."""
    report, _ = run(earlier(), "version: 1\n# The cap was agreed on in May.\nglobal: {cap: 20}\n")
    assert budget(report, "global").line == 3


@pytest.mark.parametrize(
    ("age", "told"),
    [
        ({"seconds": 0}, "0 minutes"),
        ({"seconds": 59}, "0 minutes"),
        ({"minutes": 59}, "59 minutes"),
        ({"minutes": 119, "seconds": 59}, "119 minutes"),
        ({"minutes": 120}, "2 hours"),
        ({"hours": 23, "minutes": 59}, "23 hours"),
        ({"days": 18}, "432 hours"),
    ],
)
def test_the_age_of_the_evidence_is_told(age: dict[str, float], told: str) -> None:
    """In minutes up to two hours, then in hours, never more than it is."""
    report, _ = run(earlier(age=timedelta(**age)))
    assert f" {told} ago" in note_of(report).message


# What it is not used for


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("version: 1\nglobal: {cap: 100}\n", "ok"),
        ("version: 1\nglobal: {cap: 21}\n", "warning"),
        ("version: 1\nunlisted: warn\n", "warning"),
    ],
)
@pytest.mark.parametrize(("on_error", "code"), [("fail", 3), ("warn", 0)])
def test_a_good_report_makes_no_run_good(
    text: str, status: str, on_error: OnError, code: int
) -> None:
    """What was within its cap then may be above it now: unverified, whatever the run was told."""
    last = earlier(text)
    assert {result.status for result in last.budgets} == {status}
    report, exit_code = run(last, text, Terms("breach", on_error))
    assert (report.status, exit_code, report.enforced) == ("unverified", code, code == 3)
    assert "not used" in note_of(report).message


def test_an_undecided_report_proves_nothing() -> None:
    """Between 19 and 21 USD then, against a cap of 20."""
    assert_not_used(*run(earlier(costs={None: bounds("19", "21")})), UNBREACHED)


def test_a_breach_is_one_by_its_amounts() -> None:
    """A report that calls spend at its very cap breached is not believed."""
    last = earlier(costs={None: bounds("20")})
    (result,) = last.budgets
    believed = last._replace(budgets=(result._replace(status="breached"),))
    assert_not_used(*run(believed), NOT_SURELY.format("organization"))


def test_spend_that_is_determined_wins_over_any_evidence() -> None:
    """The report of today is on today's spend alone."""
    report, exit_code = run(earlier(), spend=spend_of({None: bounds("5")}))
    assert (report.status, exit_code, report.evidence_as_of) == ("ok", 0, None)
    assert "last_report" not in {note.code for note in report.notes}


def test_a_policy_that_does_not_fit_is_told_all_the_same() -> None:
    """An earlier breach does not stand in for a decision that could not be made."""
    wrong = ConfigurationError("no workspace has this name")
    with pytest.raises(ConfigurationError):
        run(earlier(), spend=wrong)


def test_a_run_without_a_last_report_says_nothing_of_one() -> None:
    """Only who names one is told what became of it."""
    report, exit_code = run(None)
    assert exit_code == 3
    assert [note.code for note in report.notes] == ["http_503"]


def test_why_there_is_no_last_report_is_told_after_the_error() -> None:
    """The error comes first, as the headline is made of it."""
    absent = Note("info", "last_report", "The last report is not used: there is none yet.")
    report, exit_code = run(absent)
    assert exit_code == 3
    assert [note.code for note in report.notes] == ["http_503", "last_report"]


# Whose month it is


@pytest.mark.parametrize("months", [-1, 1, 12])
def test_a_report_of_another_month_proves_nothing(months: int) -> None:
    """The spend of a calendar month begins at zero; next year's November is another one too."""
    year, month = divmod(2026 * 12 + 10 + months, 12)
    start = MONTH.period.start.replace(year=year, month=month + 1)
    assert_not_used(*run(earlier()._replace(month=start)), "it is of another month")


def test_a_report_from_the_future_proves_nothing() -> None:
    """A second later than now; one of this very instant is none."""
    assert_not_used(*run(earlier(age=timedelta(seconds=-1))), "it is from the future")
    assert run(earlier(age=timedelta(0)))[1] == 1


@pytest.mark.parametrize(
    ("then", "now", "code"),
    [
        (None, None, 1),
        ("org-1", "org-1", 1),
        ("org-1", None, 1),
        (None, "org-1", 1),
        ("org-1", "org-2", 3),
        ("org-1", "ORG-1", 3),
    ],
)
def test_a_report_of_another_organization_proves_nothing(
    then: str | None, now: str | None, code: int
) -> None:
    """Where the API is down, which organization it is may not be known, and that is no difference."""
    report, exit_code = run(earlier()._replace(organization=then), organization=now)
    assert exit_code == code
    if code == 3:
        assert_not_used(report, exit_code, "it is of another organization")


# Caps that have changed

BOTH = "version: 1\nworkspaces:\n  alpha: {cap: 10}\n  beta: {cap: 12}\n"


@pytest.mark.parametrize(
    ("then", "now"),
    [
        pytest.param(BREACHED, "version: 1\nglobal: {cap: 30}\n", id="raised"),
        pytest.param(BREACHED, "version: 1\nglobal: {cap: 20.000001}\n", id="raised-a-little"),
        pytest.param(BREACHED, "version: 1\nglobal: {cap: 19}\n", id="lowered"),
        pytest.param(BREACHED, f"{BREACHED}workspaces:\n  beta: {{cap: 1}}\n", id="added"),
        pytest.param(f"{BREACHED}workspaces:\n  beta: {{cap: 1}}\n", BREACHED, id="removed"),
        pytest.param(BOTH, f"{BOTH}global: {{cap: 5}}\n", id="global-added"),
        pytest.param(f"{BOTH}global: {{cap: 5}}\n", BOTH, id="global-removed"),
        pytest.param(
            BOTH, "version: 1\nworkspaces:\n  alpha: {cap: 12}\n  beta: {cap: 10}\n", id="swapped"
        ),
        pytest.param(
            BOTH, "version: 1\nworkspaces:\n  beta: {cap: 12}\n  default: {cap: 10}\n", id="moved"
        ),
        pytest.param(
            "version: 1\nunlisted: {cap: 10}\n", "version: 1\nunlisted: {cap: 11}\n", id="unlisted"
        ),
        pytest.param(
            "version: 1\nunlisted: {cap: 10}\n", "version: 1\nunlisted: fail\n", id="unlisted-fail"
        ),
        pytest.param(
            f"{BREACHED}unlisted: fail\n", f"{BREACHED}unlisted: warn\n", id="unlisted-warn"
        ),
        pytest.param(f"{BREACHED}unlisted: {{cap: 10}}\n", BREACHED, id="unlisted-allowed"),
        pytest.param(
            "version: 1\nunlisted: {cap: 10}\n",
            "version: 1\nunlisted: {cap: 10}\nworkspaces:\n  alpha: {cap: 500}\n",
            id="unlisted-now-listed",
        ),
        pytest.param(
            "version: 1\nunlisted: {cap: 10}\nworkspaces:\n  beta: {cap: 500}\n",
            "version: 1\nunlisted: {cap: 10}\nworkspaces:\n  alpha: {cap: 500}\n",
            id="another-listed",
        ),
    ],
)
def test_a_breach_of_other_caps_proves_nothing(then: str, now: str) -> None:
    """Whether the caps of today are breached is another question: even a cap that was not breached counts."""
    last = earlier(then)
    assert "breached" in {result.status for result in last.budgets}
    assert run(last, then)[1] == 1
    assert_not_used(*run(last, now), CHANGED)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        pytest.param(BREACHED, "version: 1\nglobal: {cap: 20.00}\n", id="written-otherwise"),
        pytest.param(BREACHED, "version: 1\nglobal: {cap: 20, warn_at: [5%]}\n", id="warn_at"),
        pytest.param(
            BOTH,
            "version: 1\nworkspaces:\n  wrkspc_01A: {cap: 10}\n  beta: {cap: 12}\n",
            id="by-id",
        ),
        pytest.param(
            BOTH,
            "version: 1\nworkspaces:\n  beta: {cap: 12}\n  alpha: {cap: 10}\n",
            id="other-order",
        ),
        pytest.param(
            "version: 1\nunlisted: fail\n", "version: 1\nunlisted: {cap: 0}\n", id="fail-is-0"
        ),
    ],
)
def test_the_same_caps_may_be_written_otherwise(then: str, now: str) -> None:
    """It is amounts and workspaces that count, not how the policy words them."""
    assert run(earlier(then), now)[1] == 1


def test_the_default_workspace_is_found_again() -> None:
    """It has a key of its own, and no id."""
    text = "version: 1\nworkspaces:\n  default: {cap: 0.99}\n"
    report, exit_code = run(earlier(text), text)
    assert exit_code == 1
    assert budget(report, "workspaces.default").status == "breached"


def test_a_budget_of_a_later_kind_proves_nothing() -> None:
    """What this version does not know it cannot compare."""
    last = earlier()
    later = last.budgets[0]._replace(id="groups.research")
    assert_not_used(*run(last._replace(budgets=(*last.budgets, later))), CHANGED)


# What the run was told


@pytest.mark.parametrize(
    ("how", "code", "enforced"),
    [
        (Terms("breach", "fail"), 1, True),
        (Terms("breach", "warn"), 1, True),
        (Terms("warning", "fail"), 1, True),
        (Terms("warning", "warn"), 1, True),
        (Terms("never", "warn"), 0, False),
    ],
)
def test_evidence_of_a_breach_is_a_breach(how: Terms, code: int, *, enforced: bool) -> None:
    """`on_error` does not let it pass; where a breach is not to fail, it is visibly not enforced."""
    report, exit_code = run(earlier(), how=how)
    assert (report.status, exit_code, report.enforced) == ("breached", code, enforced)


def test_evidence_makes_no_run_green_that_was_not() -> None:
    """Where a breach is let pass and an API that is down is not, naming a last report changes nothing."""
    assert run(None, how=Terms("never", "fail"))[1] == 3
    assert run(earlier(), how=Terms("never", "fail"))[1] == 3


@pytest.mark.parametrize("fail_on", ["breach", "warning", "never"])
@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_a_run_that_was_stopped_is_not_decided_by_evidence(
    fail_on: FailOn, on_error: OnError
) -> None:
    """A signal ends in 3, whatever the last report says and whatever is let pass."""
    stopped = InterruptedRunError("SIGTERM")
    report, exit_code = run(earlier(), how=Terms(fail_on, on_error), spend=stopped)
    assert (report.status, report.enforced, exit_code) == ("unverified", True, 3)


# More than one budget


def test_only_what_was_breached_is_called_so() -> None:
    """Alpha was above its 10 USD; beta was below 12, and where it is now nobody knows."""
    report, exit_code = run(earlier(BOTH), BOTH)
    assert exit_code == 1
    statuses = {result.name: result.status for result in report.budgets}
    assert statuses == {"alpha": "breached", "beta": "uncertain"}
    assert budget(report, "workspaces.wrkspc_01B").reason == "spend could not be determined"


def test_evidence_is_handed_on() -> None:
    """A run that fell back proves the same to the next one, though only one of two budgets was breached."""
    first, _ = run(earlier(BOTH), BOTH)
    again = EarlierReport(
        as_of=MONTH.as_of - timedelta(hours=3),
        month=MONTH.period.start,
        organization=None,
        budgets=first.budgets,
    )
    report, exit_code = run(again, BOTH)
    assert (report.status, exit_code) == ("breached", 1)
    assert budget(report, "workspaces.wrkspc_01A").spend == Bounds(
        Decimal(11), budget(first, "workspaces.wrkspc_01A").spend.high
    )


# Usage of which a part has no price

UNPRICED = ("5 tokens of claude-next-9 have no price.",)
AT_LEAST: Costs = {
    "wrkspc_01A": bounds("1", "unlimited"),
    "wrkspc_01B": bounds("9"),
    None: bounds("1"),
}


def unpriced(costs: Costs = AT_LEAST) -> Spend:
    """What was read today: 11 USD in all, and in alpha something that has no price."""
    return spend_of(costs, workspaces=WORKSPACES, unpriced=UNPRICED)


def test_a_breach_still_is_one_where_a_part_has_no_price() -> None:
    """Of 21 USD only 11 have a price today: exit 1, by the evidence of three hours ago."""
    assert run(None, spend=unpriced())[1] == 3
    report, exit_code = run(earlier(), spend=unpriced())
    assert (report.status, report.enforced, exit_code) == ("breached", True, 1)
    assert report.evidence_as_of == MONTH.as_of - timedelta(hours=3)
    assert note_of(report).message.startswith("Over the cap in the report of Nov 20, 12:20 UTC, ")


def test_what_was_read_stays_told() -> None:
    """The total is that of today, with its coverage; the breached budget spent what proves it."""
    report, _ = run(earlier(), spend=unpriced())
    result = budget(report, "global")
    assert (result.status, result.spend) == ("breached", bounds("21", "unlimited"))
    assert result.reason == "spend was over the cap in the last report"
    assert report.spend == bounds("11", "unlimited")
    assert report.coverage is not None


def test_only_what_was_breached_then_is_called_so_today() -> None:
    """Beta is known to be within its cap, whatever became of alpha."""
    report, exit_code = run(earlier(BOTH), BOTH, spend=unpriced())
    assert exit_code == 1
    assert {it.name: it.status for it in report.budgets} == {"alpha": "breached", "beta": "ok"}


def test_a_budget_whose_spend_is_known_today_needs_no_evidence() -> None:
    """Beta had spent 9 USD of 8, as a report has it that was corrected since: today it is 7."""
    text = "version: 1\nworkspaces: {alpha: {cap: 99}, beta: {cap: 8}}\n"
    today = unpriced({"wrkspc_01A": bounds("1", "unlimited"), "wrkspc_01B": bounds("7")})
    report, exit_code = run(earlier(text), text, spend=today)
    assert (report.status, exit_code, report.evidence_as_of) == ("unverified", 3, None)
    assert {it.name: it.status for it in report.budgets}["beta"] != "breached"
    assert "is known today" in note_of(report).message


@pytest.mark.parametrize("why", [UNBREACHED, CHANGED])
def test_a_part_without_a_price_is_not_decided_by_just_any_report(why: str) -> None:
    """One that found no breach, and one of another cap, prove nothing here either."""
    last = earlier(costs={None: bounds("5")}) if why == UNBREACHED else earlier()
    text = BREACHED if why == UNBREACHED else "version: 1\nglobal: {cap: 25}\n"
    report, exit_code = run(last, text, spend=unpriced())
    assert (report.status, exit_code, report.evidence_as_of) == ("unverified", 3, None)
    assert note_of(report).message == f"The last report is not used: {why}."


def test_a_breach_of_today_needs_no_evidence() -> None:
    """What has a price is above the cap by itself."""
    spend = unpriced({None: bounds("22", "unlimited")})
    report, exit_code = run(earlier(), spend=spend)
    assert (report.status, exit_code, report.evidence_as_of) == ("breached", 1, None)
    assert report.previous_as_of == MONTH.as_of - timedelta(hours=3)
    assert budget(report, "global").reason == "spend is above the cap"


def test_a_range_is_not_decided_by_evidence() -> None:
    """All of it has a price, which is between 19 and 21 USD: undecided, as it was determined."""
    report, exit_code = run(earlier(), spend=spend_of({None: bounds("19", "21")}))
    assert (report.status, exit_code, report.evidence_as_of) == ("uncertain", 3, None)


# Groups, models and globs

GROUP = "version: 1\ngroups:\n  both: {cap: 15, workspaces: [alpha, beta]}\n"


@pytest.mark.parametrize("spend", [DOWN, unpriced()], ids=["down", "unpriced"])
def test_a_breach_of_a_group_proves_nothing(spend: Spend | Exception) -> None:
    """20 of 15 USD then; but its members may be others today."""
    last = earlier(GROUP)
    assert {result.status for result in last.budgets} == {"breached"}
    report, exit_code = run(last, GROUP, spend=spend)
    assert (report.status, exit_code) == ("unverified", 3)
    assert note_of(report).message == f"The last report is not used: {NOT_SURELY.format('both')}."


def test_a_group_beside_a_proven_breach_is_uncertain() -> None:
    """The run is breached by the budget of the organization alone."""
    text = f"{BREACHED}{GROUP.removeprefix('version: 1')}"
    report, exit_code = run(earlier(text), text)
    assert exit_code == 1
    assert budget(report, "global").status == "breached"
    assert budget(report, "groups.both").status == "uncertain"
    assert budget(report, "groups.both").spend == bounds("20", "unlimited")


@pytest.mark.parametrize(
    "now",
    [
        BREACHED,
        f"{BREACHED}groups:\n  both: {{cap: 16, workspaces: [alpha, beta]}}\n",
        f"{BREACHED}groups:\n  others: {{cap: 15, workspaces: [alpha, beta]}}\n",
    ],
    ids=["removed", "raised", "renamed"],
)
def test_the_cap_of_a_group_is_a_cap_like_any_other(now: str) -> None:
    """One that has changed makes the report one of other caps."""
    assert_not_used(*run(earlier(f"{BREACHED}{GROUP.removeprefix('version: 1')}"), now), CHANGED)


def test_other_members_are_no_other_cap() -> None:
    """The organization's breach is what it was, whoever is in a group."""
    text = f"{BREACHED}groups:\n  both: {{cap: 15, workspaces: [alpha]}}\n"
    assert run(earlier(f"{BREACHED}{GROUP.removeprefix('version: 1')}"), text)[1] == 1


@pytest.mark.parametrize("key", ["claude-opus-5-5", '"claude-opus-*"'])
def test_a_breach_of_a_model_is_remembered(key: str) -> None:
    """By its id and by a glob: 21 of 20 USD."""
    text = f"version: 1\nmodels:\n  {key}: {{cap: 20}}\n"
    report, exit_code = run(earlier(text), text)
    assert exit_code == 1
    (result,) = report.budgets
    assert (result.status, result.line) == ("breached", 3)
    assert_not_used(*run(earlier(text), text.replace("20", "20.5")), CHANGED)


@pytest.mark.parametrize("glob", ['"al*"', '"*pha"', '"wrkspc_01[A]"', '"[ab]*"', '"*"'])
def test_a_breach_of_a_glob_is_remembered(glob: str) -> None:
    """Each workspace that it matched is known again by its name or its id, with the glob's cap."""
    text = f"version: 1\nworkspaces:\n  {glob}: {{cap: 10}}\n"
    report, exit_code = run(earlier(text), text)
    assert exit_code == 1
    assert budget(report, "workspaces.wrkspc_01A").status == "breached"
    assert budget(report, "workspaces.wrkspc_01A").line == 3
    assert_not_used(*run(earlier(text), text.replace("cap: 10", "cap: 11")), CHANGED)


def test_a_key_of_its_own_goes_before_a_glob() -> None:
    """Alpha has 10 USD by its name and others 12 by the glob; swapped, both caps have changed."""
    text = 'version: 1\nworkspaces:\n  "*": {{cap: {}}}\n  alpha: {{cap: {}}}\n'
    then = text.format(12, 10)
    assert run(earlier(then), then)[1] == 1
    assert_not_used(*run(earlier(then), text.format(10, 12)), CHANGED)


def test_a_glob_that_matched_nothing_is_no_cap_that_is_new() -> None:
    """Whether it would match anything today cannot be known."""
    added = f'{BREACHED}workspaces:\n  "new-*": {{cap: 5, optional: true}}\n'
    assert run(earlier(), added)[1] == 1


# Exceptions

EXCEPTION = "exceptions: [{{budget: global, cap: {}, until: {}, reason: launch}}]\n"


def test_a_breach_of_an_exceptions_cap_is_remembered() -> None:
    """21 of 20.5 USD, while the exception is in force."""
    text = BREACHED + EXCEPTION.format("20.5", "2026-11-20")
    report, exit_code = run(earlier(text), text)
    assert (exit_code, budget(report, "global").cap) == (1, Decimal("20.5"))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (BREACHED, BREACHED + EXCEPTION.format("30", "2026-11-20")),
        (BREACHED + EXCEPTION.format("20.5", "2026-11-20"), BREACHED),
        (
            BREACHED + EXCEPTION.format("20.5", "2026-11-20"),
            BREACHED + EXCEPTION.format("20.5", "2026-11-19"),
        ),
    ],
    ids=["granted", "removed", "ended"],
)
def test_an_exception_that_came_or_went_changes_the_cap(then: str, now: str) -> None:
    """Whoever was granted one is not told of the regular cap, nor the other way round."""
    assert earlier(then).budgets[0].status == "breached"
    assert_not_used(*run(earlier(then), now), CHANGED)


def test_an_exception_that_ended_before_changes_nothing() -> None:
    """The regular cap was in force then and is now."""
    text = BREACHED + EXCEPTION.format("30", "2026-11-19")
    assert run(earlier(text), text)[1] == 1


# Budgets that decide

ALL_THREE = f"{BOTH}global: {{cap: 20}}\n"


@pytest.mark.parametrize(
    ("only", "code"),
    [
        ((), 1),
        (("global",), 1),
        (("workspaces.alpha",), 1),
        (("workspaces.wrkspc_01A",), 1),
        (("workspaces.beta", "global"), 1),
        (("workspaces.beta",), 3),
        (("workspaces.wrkspc_01B",), 3),
    ],
)
@pytest.mark.parametrize("spend", [DOWN, unpriced()], ids=["down", "unpriced"])
def test_only_a_breach_of_a_budget_that_decides_proves_one(
    only: tuple[str, ...], code: int, spend: Spend | Exception
) -> None:
    """Alpha and the organization were breached, beta was not."""
    if isinstance(spend, Spend) and code == 3:
        # Beta's spend is known, and within its cap: that is the verdict.
        code = 0
    report, exit_code = run(earlier(ALL_THREE), ALL_THREE, Terms(only=only), spend=spend)
    assert exit_code == code
    if code == 3:
        assert_not_used(report, exit_code, UNBREACHED)


def test_a_fallback_tells_which_budgets_decide() -> None:
    """Those that were named, as in any report."""
    report, _ = run(earlier(ALL_THREE), ALL_THREE, Terms(only=("workspaces.alpha",)))
    assert {it.id: it.decides for it in report.budgets} == {
        "global": False,
        "workspaces.wrkspc_01A": True,
        "workspaces.wrkspc_01B": False,
    }


# Breaches of something else than the cap


def test_a_breach_of_a_daily_cap_proves_nothing() -> None:
    """It was about a day, of which nobody knows whether it is over."""
    text = "version: 1\nglobal: {cap: 100, daily_cap: 1}\n"
    today = SpendLine(None, date(2026, 11, 20), "claude-opus-5-5", bounds("5"), "list")
    then = evaluate(policy(text), spend_of({})._replace(lines=(today,)), MONTH)
    assert then.status == "breached"
    assert_not_used(
        *run(earlier(text)._replace(budgets=then.budgets), text), NOT_SURELY.format("organization")
    )


def test_a_breach_of_a_reservation_proves_nothing() -> None:
    """What was about to be spent then may never have been."""
    text = "version: 1\nglobal: {cap: 25}\n"
    terms = Terms(reservation=Reservation(Decimal(5)))
    then = evaluate(policy(text), spend_of(COSTS, workspaces=WORKSPACES), MONTH, terms)
    assert then.status == "breached"
    assert_not_used(
        *run(earlier(text)._replace(budgets=then.budgets), text), NOT_SURELY.format("organization")
    )


def test_a_breach_by_forecast_proves_nothing() -> None:
    """What was to be expected then has not been spent yet."""
    text = "version: 1\nglobal: {cap: 25, forecast: fail}\n"
    lines = tuple(
        SpendLine(None, date(2026, 11, 1) + day * DAY, "claude-opus-5-5", bounds("1"), "list")
        for day in range(19)
    )
    then = evaluate(policy(text), spend_of({})._replace(lines=lines), MONTH)
    assert (then.status, then.budgets[0].cause) == ("breached", "forecast")
    assert_not_used(
        *run(earlier(text)._replace(budgets=then.budgets), text), NOT_SURELY.format("organization")
    )


# Since when


BEGAN = datetime(2026, 11, 2, 8, tzinfo=UTC)


def long_known(text: str) -> EarlierReport:
    """An earlier report whose budgets have been in their states for weeks."""
    last = earlier(text)
    return last._replace(budgets=tuple(it._replace(since=BEGAN) for it in last.budgets))


@pytest.mark.parametrize("spend", [DOWN, unpriced()], ids=["down", "unpriced"])
def test_a_breach_by_evidence_lasts_since_it_began(spend: Spend | Exception) -> None:
    """A run that fell back says so, and hands it on to the next one."""
    report, _ = run(long_known(BOTH), BOTH, spend=spend)
    assert budget(report, "workspaces.wrkspc_01A").since == BEGAN
    report, _ = run(earlier(BOTH), BOTH, spend=spend)
    assert budget(report, "workspaces.wrkspc_01A").since == MONTH.as_of - timedelta(hours=3)


def test_what_is_not_known_any_more_is_so_since_now() -> None:
    """Beta was ok for weeks, and is uncertain as of this run."""
    report, _ = run(long_known(BOTH), BOTH)
    assert budget(report, "workspaces.wrkspc_01B").since == MONTH.as_of
