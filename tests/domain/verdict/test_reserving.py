"""What is reserved, added to an earlier report: which budgets it is for, and what that makes of them."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from budget_gate import gate
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.spend import Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import DailySpend
from budget_gate.domain.verdict.terms import Terms
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import MONTH, Costs, bounds, budget, policy, spend_of
from tests.helpers.wording import assert_says

WORKSPACES = (Workspace("wrkspc_01A", "alpha"), Workspace("wrkspc_01B", "beta"))
# 11 USD in alpha, 9 in beta, 1 in the default workspace: 21 altogether.
COSTS: Costs = {"wrkspc_01A": bounds("11"), "wrkspc_01B": bounds("9"), None: bounds("1")}
GLOBAL = "version: 1\nglobal: {cap: 100}\n"
ALL = (
    "version: 1\nglobal: {cap: 1000}\nworkspaces: {alpha: {cap: 50}}\n"
    "groups: {both: {cap: 40, workspaces: ['al*', beta]}}\nunlisted: {cap: 30}\n"
)


def kept(text: str, costs: Costs = COSTS) -> Report:
    """The report of a run under the policy that `text` is."""
    return evaluate(policy(text), spend_of(costs, workspaces=WORKSPACES), MONTH)


def reserve(
    earlier: Report,
    amount: str,
    workspace: str | None = None,
    text: str | None = None,
    *,
    only: tuple[str, ...] = (),
    hours: int = 1,
) -> tuple[Report, int]:
    """The verdict with so much reserved, by the policy that `text` is or by none."""
    terms = Terms(only=only, reservation=Reservation(Decimal(amount), workspace))
    now = MONTH.as_of + timedelta(hours=hours)
    file = None if text is None else policy(text)
    return gate.verdict(lambda: earlier, file, now, timedelta(hours=3), terms)


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [("58", "ok", 0), ("59", "ok", 0), ("79", "ok", 0), ("79.01", "breached", 1)],
)
@pytest.mark.parametrize("text", [GLOBAL, None])
def test_what_is_reserved_counts_as_spent(
    amount: str, status: str, code: int, text: str | None
) -> None:
    """21 USD of 100 are spent: 79 fit; what is only reserved reaches no warning level, as in a check."""
    report, exit_code = reserve(kept(GLOBAL), amount, text=text)
    whole = budget(report, "global")
    assert (report.status, exit_code, whole.reserved) == (status, code, Decimal(amount))


def test_spend_that_is_a_range_is_uncertain_where_only_its_high_end_breaks_the_cap() -> None:
    """19 to 21 USD of 100: 79.5 may fit, and 81.01 does not."""
    earlier = kept(GLOBAL, {None: bounds("19", "21")})
    assert [reserve(earlier, it)[1] for it in ("79", "79.5", "81", "81.01")] == [0, 3, 3, 1]


@pytest.mark.parametrize(
    ("workspace", "reserved"),
    [
        ("alpha", {"global", "workspaces.wrkspc_01A", "groups.both"}),
        ("wrkspc_01B", {"global", "groups.both"}),
        ("default", {"global", "unlisted.default"}),
        (None, {"global"}),
    ],
)
def test_it_counts_where_the_workspace_does(workspace: str | None, reserved: set[str]) -> None:
    """As in a check of the same policy and spend, which is the other way to the same answer."""
    report, _ = reserve(kept(ALL), "5", workspace, ALL)
    assert {it.id for it in report.budgets if it.reserved} == reserved
    terms = Terms(reservation=Reservation(Decimal(5), workspace))
    checked = evaluate(policy(ALL), spend_of(COSTS, workspaces=WORKSPACES), MONTH, terms)
    states = {it.id: (it.status, it.reserved, it.cap, it.line) for it in report.budgets}
    assert states == {it.id: (it.status, it.reserved, it.cap, it.line) for it in checked.budgets}


def test_a_workspace_without_spend_has_the_budget_of_what_is_not_listed() -> None:
    """The default workspace spent nothing: `unlisted: fail` allows it nothing, as in a check."""
    text = f"{GLOBAL}unlisted: fail\n"
    report, exit_code = reserve(kept(text, {}), "5", "default", text)
    assert (exit_code, budget(report, "unlisted.default").status) == (1, "breached")
    assert reserve(kept(text, {}), "5", "default", text, only=("unlisted",))[1] == 1


def test_who_is_of_a_group_is_known_by_the_policy_alone() -> None:
    """Without it, 21 of 40 USD may be broken by 20 for alpha, and cannot be by 15."""
    text = f"{GLOBAL}groups: {{all: {{cap: 40, workspaces: ['*a', default]}}}}\n"
    report, exit_code = reserve(kept(text), "20", "alpha")
    assert (exit_code, budget(report, "groups.all").status) == (3, "uncertain")
    assert_says(budget(report, "groups.all").reason, "not known without the policy")
    assert reserve(kept(text), "15", "alpha")[1] == 0
    assert reserve(kept(text), "20", "alpha", text)[1] == 1


@pytest.mark.parametrize(("day", "code"), [(20, 1), (19, 0)])
def test_the_daily_cap_holds_what_is_reserved_today(day: int, code: int) -> None:
    """6 USD of 10 were spent today, or the day before: 5 more do not fit today, and fit tomorrow."""
    earlier = kept("version: 1\nglobal: {cap: 100, daily_cap: 10}\n")
    spent = DailySpend(Decimal(10), bounds("6"), date(2026, 11, day))
    earlier = earlier._replace(budgets=(budget(earlier, "global")._replace(daily=spent),))
    report, exit_code = reserve(earlier, "5")
    assert exit_code == code
    assert (budget(report, "global").cause == "daily_cap") == bool(code)


def test_a_refusal_outlasts_the_age_of_the_report() -> None:
    """21 USD at least, and 80 more, are above 100 for sure; 5 more may be within it or not."""
    assert reserve(kept(GLOBAL), "80", hours=30)[1] == 1
    assert reserve(kept(GLOBAL), "5", hours=30)[1] == 3


def test_a_workspace_that_the_report_does_not_know_is_an_error() -> None:
    """With the name that may be meant."""
    with pytest.raises(ConfigurationError) as error:
        reserve(kept(GLOBAL), "5", "alfa")
    assert_says(f"{error.value} {error.value.hint}", "'alfa'", "in the report", "'alpha'")


def test_what_cannot_be_told_apart_is_no_workspace_to_reserve_in() -> None:
    """The report's word for it is no name."""
    text = f"{GLOBAL}unlisted: fail\n"
    with pytest.raises(ConfigurationError):
        reserve(kept(text, {"": bounds("3")}), "5", "unattributed", text)


def test_a_reservation_that_no_cap_covers_is_an_error() -> None:
    """It would always pass: alpha has a cap, and beta has none."""
    text = "version: 1\nworkspaces: {alpha: {cap: 50}}\n"
    for file in (None, text):
        with pytest.raises(ConfigurationError) as error:
            reserve(kept(text), "5", "beta", file)
        assert_says(str(error.value), "no cap", "always pass")


def test_it_counts_only_where_its_budget_decides() -> None:
    """Named alone, the workspace's own cap of 50 decides, and not the group's of 40."""
    report, exit_code = reserve(kept(ALL), "25", "alpha", ALL, only=("workspaces.alpha",))
    assert (exit_code, budget(report, "groups.both").status) == (0, "breached")
