"""Whether an earlier report was judged by what the policy at hand says: each difference is told with both sides."""

from datetime import timedelta
from decimal import Decimal

import pytest

from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.same_policy import other_policy
from budget_gate.domain.verdict.standing import judge_again
from budget_gate.domain.verdict.terms import STRICT
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import MONTH, Costs, bounds, line, policy, spend_of, spend_of_lines
from tests.helpers.wording import assert_says

WORKSPACES = (
    Workspace("wrkspc_01A", "alpha"),
    Workspace("wrkspc_01B", "beta"),
    Workspace("wrkspc_01C", "gamma"),
)
# 11 USD in alpha, 9 in beta, 1 in the default workspace, nothing in gamma.
COSTS: Costs = {"wrkspc_01A": bounds("11"), "wrkspc_01B": bounds("9"), None: bounds("1")}
SPEND = spend_of(COSTS, workspaces=WORKSPACES)
GLOBAL = "version: 1\nglobal: {cap: 100}\n"
EXCEPTION = (
    "exceptions: [{{budget: global, cap: 110, until: 2026-11-{}, reason: EXAMPLE}}]\n".format
)


def kept(text: str, spend: Spend = SPEND) -> Report:
    """The report of a run under the policy that `text` is."""
    return evaluate(policy(text), spend, MONTH)


def difference(report: Report, text: str, *, age: timedelta = timedelta(hours=1)) -> str:
    """What the policy that `text` is says otherwise; empty for nothing."""
    note = other_policy(report, policy(text), MONTH.as_of + age)
    return note.message if note else ""


SAME = [
    GLOBAL,
    f"{GLOBAL}workspaces: {{alpha: {{cap: 20}}, 'be*': {{cap: 30}}, default: {{cap: 5}}}}\n",
    f"{GLOBAL}workspaces: {{wrkspc_01A: {{cap: 20, daily_cap: 7}}}}\nunlisted: fail\n",
    f"{GLOBAL}unlisted: {{cap: 20, daily_cap: 7}}\n",
    f"{GLOBAL}unlisted: warn\n",
    f"{GLOBAL}groups: {{both: {{cap: 50, workspaces: ['*a', wrkspc_01B]}}}}\n",
    f"{GLOBAL}groups: {{most: {{cap: 50, workspaces: [default, alpha, gamma]}}}}\nunlisted: fail\n",
    f"{GLOBAL}workspaces: {{'x*': {{cap: 1, optional: true}}}}\n",
    f"{GLOBAL}{EXCEPTION(25)}",
]


@pytest.mark.parametrize("text", SAME)
def test_the_same_policy_differs_in_nothing(text: str) -> None:
    """Whatever its budgets are: an hour later the report was judged by it."""
    assert difference(kept(text), text) == ""


DIFFERENT = {
    "cap": (GLOBAL, "version: 1\nglobal: {cap: 99.5}\n", ["organization", "$100", "$99.5"]),
    "new exception": (GLOBAL, GLOBAL + EXCEPTION(25), ["organization", "$100", "$110"]),
    "new budget": (
        GLOBAL,
        f"{GLOBAL}workspaces: {{gamma: {{cap: 7}}}}\n",
        ["workspaces.gamma", "no cap in the report", "$7"],
    ),
    "no budget any more": (
        f"{GLOBAL}workspaces: {{alpha: {{cap: 20}}}}\n",
        GLOBAL,
        ["alpha", "$20", "no cap in the policy"],
    ),
    "new daily cap": (
        GLOBAL,
        "version: 1\nglobal: {cap: 100, daily_cap: 5}\n",
        ["organization", "no daily cap in the report", "daily cap of $5"],
    ),
    "other daily cap": (
        f"{GLOBAL}unlisted: {{cap: 20, daily_cap: 7}}\n",
        f"{GLOBAL}unlisted: {{cap: 20, daily_cap: 8}}\n",
        ["$7 in the report", "$8 in the policy"],
    ),
    "new glob": (
        GLOBAL,
        f"{GLOBAL}workspaces: {{'al*': {{cap: 20}}}}\n",
        ["alpha", "no budget in the report", "workspaces"],
    ),
    "unlisted": (
        GLOBAL,
        f"{GLOBAL}unlisted: fail\n",
        ["no budget in the report", "unlisted"],
    ),
    "new member": (
        f"{GLOBAL}groups: {{some: {{cap: 50, workspaces: [alpha]}}}}\n",
        f"{GLOBAL}groups: {{some: {{cap: 50, workspaces: [alpha, beta]}}}}\n",
        ["some", "other workspaces"],
    ),
    "member that has gone": (
        f"{GLOBAL}groups: {{some: {{cap: 50, workspaces: [alpha, beta]}}}}\n",
        f"{GLOBAL}groups: {{some: {{cap: 50, workspaces: [alpha]}}}}\n",
        ["some", "other workspaces"],
    ),
    "optional group": (
        GLOBAL,
        f"{GLOBAL}groups: {{some: {{cap: 50, workspaces: [alpha], optional: true}}}}\n",
        ["some", "groups"],
    ),
    "optional model": (
        GLOBAL,
        f"{GLOBAL}models: {{claude-opus-5-5: {{cap: 50, optional: true}}}}\n",
        ["claude-opus-5-5", "models"],
    ),
    "basis": (GLOBAL, f"{GLOBAL}spend: {{basis: billed}}\n", ["list cost", "billed cost"]),
}


@pytest.mark.parametrize(("then", "now", "told"), DIFFERENT.values(), ids=DIFFERENT)
def test_another_policy_is_told(then: str, now: str, told: list[str]) -> None:
    """With the budget and both of its caps, and the report proves nothing."""
    report = kept(then)
    assert_says(difference(report, now), *told)
    assert_says(difference(report, now), "run the check")
    again = judge_again(report, policy(now), MONTH.as_of, timedelta(hours=3), STRICT)
    assert (again.status, again.budgets) == ("unverified", ())


def test_a_looser_cap_hides_no_breach() -> None:
    """A pull request that raises the cap is told apart, and not passed: 21 USD of 20, then of 200."""
    report = kept("version: 1\nglobal: {cap: 20}\n")
    assert_says(difference(report, "version: 1\nglobal: {cap: 200}\n"), "$20", "$200")


@pytest.mark.parametrize(("age", "same"), [(8, True), (9, False)])
def test_an_exception_that_has_ended_is_another_cap(age: int, same: bool) -> None:  # noqa: FBT001 - one of two
    """It is in force to the end of Nov 20, which is 8 hours and 40 minutes after the report."""
    text = GLOBAL + EXCEPTION(20)
    told = difference(kept(text), text, age=timedelta(hours=age))
    assert (told == "") == same
    if told:
        assert_says(told, "organization", "$110 in the report", "$100 in the policy")


@pytest.mark.parametrize(
    "text",
    [
        f"{GLOBAL}workspaces: {{'*': {{cap: 50}}}}\nunlisted: fail\n",
        f"{GLOBAL}groups: {{all: {{cap: 50, workspaces: ['*']}}}}\n",
    ],
)
def test_usage_that_cannot_be_told_apart_is_no_workspace(text: str) -> None:
    """No key is for it, a glob neither; what is not listed is."""
    costs: Costs = {"": bounds("3"), "wrkspc_01A": bounds("11")}
    spend = spend_of(costs, workspaces=WORKSPACES)
    assert difference(kept(text, spend), text) == ""
    alone = spend_of({"": bounds("3")}, workspaces=WORKSPACES)
    told = difference(kept(GLOBAL, alone), f"{GLOBAL}unlisted: fail\n")
    assert_says(told, "no budget in the report", "unlisted")


def test_other_models_need_no_budget() -> None:
    """An optional budget for a model that nobody used is in no report."""
    spend = spend_of_lines(line(bounds("3"), model="claude-haiku-4-5"), workspaces=WORKSPACES)
    text = f"{GLOBAL}models: {{claude-opus-5-5: {{cap: 50, optional: true}}}}\n"
    assert difference(kept(GLOBAL, spend), text) == ""


# Whose spend it is

OURS, THEIRS = "11111111-2222-4333-8444-555555555555", "99999999-2222-4333-8444-555555555555"


@pytest.mark.parametrize(
    ("organization", "told"),
    [
        (OURS, []),
        (THEIRS, [THEIRS, OURS, "organization"]),
        (None, ["does not name", OURS]),
    ],
)
def test_the_organization_is_that_of_the_policy(organization: str | None, told: list[str]) -> None:
    """A report of another one proves nothing, nor one that does not say whose it is."""
    report = kept(GLOBAL)._replace(organization=organization)
    message = difference(report, f'{GLOBAL}organization: "{OURS}"\n')
    assert bool(message) == bool(told)
    assert_says(message, *told)


def test_a_policy_that_names_no_organization_takes_any() -> None:
    """As a check does."""
    assert difference(kept(GLOBAL)._replace(organization=THEIRS), GLOBAL) == ""


def test_exceptions_that_do_not_fit_are_an_error() -> None:
    """Of the policy, whatever the report says."""
    text = GLOBAL + EXCEPTION(25).replace("global", "workspaces.nobody")
    with pytest.raises(ConfigurationError):
        difference(kept(GLOBAL), text)


def test_exact_caps_are_compared() -> None:
    """A cap is no other one for how it is written: 100 and 100.00."""
    report = kept(GLOBAL)
    whole = report.budgets[0]._replace(cap=Decimal("100.00"))
    assert difference(report._replace(budgets=(whole,)), GLOBAL) == ""


# Names that only the policy knows


@pytest.mark.parametrize(
    "more",
    [
        "groups: {g: {workspaces: [alpha, 'old-*'], cap: 50}}\n",
        "workspaces: {'old-*': {cap: 5}}\n",
    ],
)
def test_a_label_of_the_policy_names_what_the_report_has_by_its_id(more: str) -> None:
    """A deleted workspace spent 10 USD: the label brings it under another budget."""
    costs: Costs = {"wrkspc_01A": bounds("11"), "wrkspc_01OLD": bounds("10")}
    spend = spend_of(costs, workspaces=WORKSPACES)
    before = more.replace(", 'old-*'", "") if "groups" in more else ""
    labels = "names: {wrkspc_01OLD: old-bot}\n"
    assert difference(kept(f"{GLOBAL}{before}", spend), f"{GLOBAL}{more}{labels}")


def test_a_model_is_found_by_its_other_names() -> None:
    """The key is the id that the model's name in the usage stands for."""
    models = "models: {claude-sonnet-4-5-20250929: {cap: 5, optional: true}}\n"
    aliases = {"claude-sonnet-4-5": "claude-sonnet-4-5-20250929"}
    spend = spend_of_lines(line(bounds("100"), model="claude-sonnet-4-5"))
    note = other_policy(kept(GLOBAL, spend), policy(f"{GLOBAL}{models}"), MONTH.as_of, aliases)
    assert note is not None
    assert_says(note.message, "claude-sonnet-4-5-20250929", "models")


@pytest.mark.parametrize("id_", ["groups.nope", "groups", "models.x", "unlisted"])
def test_a_budget_that_the_policy_does_not_have_is_a_difference(id_: str) -> None:
    """Whatever is written there by hand."""
    report = kept(GLOBAL)
    foreign = report.budgets[0]._replace(id=id_, name="nope", cap=None)
    changed = report._replace(budgets=(*report.budgets, foreign))
    assert "nope" in difference(changed, GLOBAL)
