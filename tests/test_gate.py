"""The use case: policy + spend + now -> report and exit code, whatever becomes of the spend."""

from datetime import timedelta

import pytest

from budget_gate import gate
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.spend import Spend
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.terms import STRICT, FailOn, OnError, Terms
from budget_gate.errors import ConfigurationError, InterruptedRunError, UnverifiedError
from tests.helpers.builders import MONTH, bounds, policy, spend_of

POLICY = "version: 1\nglobal: {cap: 10, warn_at: [80%]}\n"


def check(spend: Spend | Exception, how: Terms = STRICT, text: str = POLICY) -> tuple[Report, int]:
    """The gate's answer to a spend, or to what reading it raises."""

    def read_spend() -> Spend:
        if isinstance(spend, Exception):
            raise spend
        return spend

    return gate.check(policy(text), read_spend, MONTH, how)


def spent(cost: Bounds, *, unpriced: bool = False) -> Spend:
    """That much in the default workspace, and perhaps something that has no price."""
    return spend_of({None: cost}, unpriced=("Some tokens have no price.",) if unpriced else ())


FAILED = UnverifiedError("the API said no", "check the key", code="http_401")


@pytest.mark.parametrize(
    ("spend", "how", "status", "enforced", "code"),
    [
        (spent(bounds("5")), STRICT, "ok", True, 0),
        (spent(bounds("5")), Terms("warning", "fail"), "ok", True, 0),
        (spent(bounds("10")), STRICT, "warning", True, 0),
        (spent(bounds("8")), STRICT, "warning", True, 0),
        (spent(bounds("8")), Terms("warning", "fail"), "warning", True, 1),
        (spent(bounds("8")), Terms("warning", "warn"), "warning", True, 1),
        (spent(bounds("8")), Terms("never", "warn"), "warning", True, 0),
        (spent(bounds("10.000000000001")), STRICT, "breached", True, 1),
        (spent(bounds("11")), Terms("breach", "warn"), "breached", True, 1),
        (spent(bounds("11")), Terms("warning", "fail"), "breached", True, 1),
        (spent(bounds("11")), Terms("never", "fail"), "breached", False, 0),
        (spent(bounds("11")), Terms("never", "warn"), "breached", False, 0),
        (spent(bounds("9", "11")), STRICT, "uncertain", True, 3),
        (spent(bounds("9", "11")), Terms("warning", "fail"), "uncertain", True, 3),
        (spent(bounds("9", "11")), Terms("never", "fail"), "uncertain", True, 3),
        (spent(bounds("9", "11")), Terms("breach", "warn"), "uncertain", False, 0),
        (spent(bounds("1", "unlimited"), unpriced=True), STRICT, "unverified", True, 3),
        (
            spent(bounds("1", "unlimited"), unpriced=True),
            Terms("never", "fail"),
            "unverified",
            True,
            3,
        ),
        (
            spent(bounds("1", "unlimited"), unpriced=True),
            Terms("never", "warn"),
            "unverified",
            False,
            0,
        ),
        (spent(bounds("11", "unlimited"), unpriced=True), STRICT, "breached", True, 1),
        (
            spent(bounds("11", "unlimited"), unpriced=True),
            Terms("breach", "warn"),
            "breached",
            True,
            1,
        ),
        (FAILED, STRICT, "unverified", True, 3),
        (FAILED, Terms("never", "fail"), "unverified", True, 3),
        (FAILED, Terms("warning", "fail"), "unverified", True, 3),
        (FAILED, Terms("breach", "warn"), "unverified", False, 0),
        (FAILED, Terms("warning", "warn"), "unverified", False, 0),
        (FAILED, Terms("never", "warn"), "unverified", False, 0),
    ],
)
def test_every_outcome_has_its_exit_code(
    spend: Spend | Exception,
    how: Terms,
    status: Status,
    code: int,
    *,
    enforced: bool,
) -> None:
    """A breach is 1 and wins; spend that is not determined is 3; each is let pass by its own word."""
    report, exit_code = check(spend, how)
    assert (report.status, report.enforced, exit_code) == (status, enforced, code)


def test_spend_that_cannot_be_read_gives_a_report_with_the_reason() -> None:
    """Two sentences: what went wrong and what to do; the code names it for programs."""
    report, _ = check(FAILED)
    assert report.spend is None
    (note,) = report.notes
    assert (note.level, note.code) == ("error", "http_401")
    assert note.message == "the API said no. Check the key."


def test_an_error_without_advice_is_told_as_well() -> None:
    """Not every failure has a remedy."""
    report, exit_code = check(UnverifiedError("the API said no"))
    assert exit_code == 3
    assert report.notes[0].message == "the API said no."


BREACH = EarlierReport(
    as_of=MONTH.as_of - timedelta(minutes=5),
    month=MONTH.period.start,
    organization=None,
    budgets=evaluate(policy(POLICY), spend_of({None: bounds("11")}), MONTH).budgets,
)


@pytest.mark.parametrize("fail_on", ["breach", "warning", "never"])
@pytest.mark.parametrize("on_error", ["fail", "warn"])
def test_an_interrupted_run_is_never_let_pass_nor_falls_back(
    fail_on: FailOn, on_error: OnError
) -> None:
    """Whoever stopped it has not waived the check: 3, whatever it was told and was known before."""

    def read_spend() -> Spend:
        raise InterruptedRunError("SIGTERM")

    report, exit_code = gate.check(
        policy(POLICY),
        read_spend,
        MONTH,
        Terms(fail_on, on_error),
        identify=lambda: pytest.fail("nobody waits for who it is"),
        earlier=BREACH,
    )
    assert (report.status, report.enforced, exit_code) == ("unverified", True, 3)
    assert (report.budgets, report.evidence_as_of) == ((), None)
    assert [note.message for note in report.notes] == ["SIGTERM ended the run. Run the gate again."]


@pytest.mark.parametrize(
    ("how", "code", "enforced"),
    [
        (Terms("breach", "fail"), 1, True),
        (Terms("breach", "warn"), 1, True),
        (Terms("never", "fail"), 3, True),
        (Terms("never", "warn"), 0, False),
    ],
)
def test_a_breach_by_evidence_is_still_spend_that_is_not_determined(
    how: Terms, code: int, *, enforced: bool
) -> None:
    """`fail-on: never` lets the breach pass, not that today's spend could not be read."""

    def read_spend() -> Spend:
        raise FAILED

    report, exit_code = gate.check(policy(POLICY), read_spend, MONTH, how, earlier=BREACH)
    assert (report.status, report.enforced, exit_code) == ("breached", enforced, code)
    assert report.evidence_as_of == BREACH.as_of


def test_a_report_is_on_the_month_that_was_asked_for() -> None:
    """Verified or not."""
    for spend in (spent(bounds("5")), FAILED):
        report, _ = check(spend)
        assert (report.as_of, report.period) == (MONTH.as_of, MONTH.period)


def test_a_policy_that_does_not_fit_the_organization_decides_nothing() -> None:
    """It is neither a breach nor a pass, whatever the run was told."""
    text = f"{POLICY}workspaces:\n  renamed: {{cap: 1}}\n"
    with pytest.raises(ConfigurationError):
        check(spent(bounds("5")), Terms("never", "warn"), text)


def test_what_is_no_expected_failure_is_not_caught() -> None:
    """A bug must not end as spend that could not be determined, which can be let pass."""
    with pytest.raises(RuntimeError, match="a bug"):
        check(RuntimeError("a bug"), Terms("never", "warn"))


def test_the_spend_is_read_once() -> None:
    """Each time is a bill of requests."""
    reads = []

    def read_spend() -> Spend:
        reads.append(1)
        return spent(bounds("5"))

    gate.check(policy(POLICY), read_spend, MONTH, STRICT)
    assert reads == [1]
