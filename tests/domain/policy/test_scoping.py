"""Each budget of a policy is about the spend that it names, and a name that fits none is an error."""

from datetime import date
from decimal import Decimal

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.costs import add_up
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.keys import resolve
from budget_gate.domain.policy.scoping import (
    Reservation,
    ScopedBudget,
    Scoping,
)
from budget_gate.domain.policy.selection import keys_of, refuse_vain_reservation, select
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import MONTH, Costs, bounds, budget, errors_of, judged, policy, spend_of
from tests.helpers.wording import assert_says

PRODUCTION = Workspace("wrkspc_01PROD", "production")
STAGING = Workspace("wrkspc_01STAG", "staging")
OLD = Workspace("wrkspc_01OLD", "sandbox", archived=True)
LISTED = (PRODUCTION, STAGING, OLD)


def refused(
    text: str,
    costs: Costs | None = None,
    workspaces: tuple[Workspace, ...] | None = LISTED,
) -> ConfigurationError:
    """The error that a policy is refused with for not fitting the organization."""
    file = policy(text)
    with pytest.raises(ConfigurationError) as caught:
        evaluate(file, spend_of(costs or {}, workspaces=workspaces), MONTH)
    return caught.value


def ids(text: str, costs: Costs) -> set[str]:
    """The ids of the budgets that a policy comes down to."""
    return {result.id for result in judged(text, costs, workspaces=LISTED).budgets}


# The whole organization --------------------------------------------------------------------------


def test_global_budget_is_about_all_spend() -> None:
    """The cap of the organization meets the sum of every workspace, the default one included."""
    costs = {None: bounds("1"), "wrkspc_01PROD": bounds("2", "3"), "wrkspc_01GONE": bounds("4")}
    result = budget(judged("version: 1\nglobal: {cap: 10}\n", costs, workspaces=LISTED), "global")
    assert result.spend == bounds("7", "8")
    assert result.name == "organization"
    assert result.cap == 10
    assert result.line == 2


def test_global_budget_without_spend() -> None:
    """A month without usage has the organization's budget untouched."""
    assert budget(judged("version: 1\nglobal: {cap: 10}\n", {}), "global").spend == bounds("0")


# A cap that watches nothing ---------------------------------------------------------------------

NOBODY = "the workspace is neither listed nor in the usage: the cap watches nothing"


@pytest.mark.parametrize(
    ("text", "workspaces"),
    [
        ("version: 1\nworkspaces: {wrkspc_01GONE: {cap: 9}}\n", None),
        ("version: 1\nworkspaces: {gone: {cap: 9}}\nnames: {wrkspc_01GONE: gone}\n", None),
        ("version: 1\nworkspaces: {gone: {cap: 9}}\nnames: {wrkspc_01GONE: gone}\n", LISTED),
    ],
)
def test_a_cap_of_a_workspace_that_nobody_knows_is_a_warning(
    text: str, workspaces: tuple[Workspace, ...] | None
) -> None:
    """A mistyped id would otherwise read as one that has spent nothing."""
    report = judged(text, {"wrkspc_01PROD": bounds("1")}, workspaces=workspaces)
    result = budget(report, "workspaces.wrkspc_01GONE")
    assert (result.status, result.reason, result.spend) == ("warning", NOBODY, bounds("0"))
    assert report.status == "warning"


@pytest.mark.parametrize(
    ("costs", "workspaces"),
    [
        ({}, LISTED),
        ({"wrkspc_01PROD": bounds("0")}, None),
        ({"wrkspc_01PROD": bounds("1")}, None),
    ],
)
def test_a_workspace_that_is_listed_or_in_the_usage_is_known(
    costs: Costs, workspaces: tuple[Workspace, ...] | None
) -> None:
    """Either is enough, and spend of 0 is usage."""
    text = "version: 1\nworkspaces: {wrkspc_01PROD: {cap: 9}}\n"
    result = budget(judged(text, costs, workspaces=workspaces), "workspaces.wrkspc_01PROD")
    assert (result.status, result.reason) == ("ok", "spend is within the cap")


@pytest.mark.parametrize("key", ["global", "workspaces.default"])
@pytest.mark.parametrize("workspaces", [LISTED, (), None])
def test_the_organization_and_the_default_workspace_are_always_known(
    key: str, workspaces: tuple[Workspace, ...] | None
) -> None:
    """They stand in no list, and are there before they are used."""
    text = "version: 1\nglobal: {cap: 9}\nworkspaces: {default: {cap: 9}}\n"
    assert budget(judged(text, {}, workspaces=workspaces), key).status == "ok"


# Workspaces by name, by id, by `default` -----------------------------------------------------------


@pytest.mark.parametrize("key", ["production", "wrkspc_01PROD"])
def test_workspace_by_name_or_id(key: str) -> None:
    """Either key leads to the same workspace, its spend and its line in the policy."""
    costs = {None: bounds("1"), "wrkspc_01PROD": bounds("2"), "wrkspc_01STAG": bounds("4")}
    report = judged(f"version: 1\nworkspaces:\n  {key}: {{cap: 9}}\n", costs, workspaces=LISTED)
    result = budget(report, "workspaces.wrkspc_01PROD")
    assert (result.name, result.spend) == ("production", bounds("2"))
    assert result.cap == 9
    assert result.line == 3


def test_default_workspace() -> None:
    """`default` is the workspace that has no id."""
    costs = {None: bounds("1"), "wrkspc_01PROD": bounds("2")}
    report = judged("version: 1\nworkspaces: {default: {cap: 9}}\n", costs, workspaces=LISTED)
    result = budget(report, "workspaces.default")
    assert (result.name, result.spend) == ("default workspace", bounds("1"))


def test_workspace_called_default_is_not_the_default_one() -> None:
    """A workspace that someone called `default` is reached by its id alone."""
    costs = {None: bounds("1"), "wrkspc_01X": bounds("2")}
    listed = (Workspace("wrkspc_01X", "default"),)
    text = "version: 1\nworkspaces: {default: {cap: 9}, wrkspc_01X: {cap: 9}}\n"
    report = judged(text, costs, workspaces=listed)
    assert budget(report, "workspaces.default").spend == bounds("1")
    assert budget(report, "workspaces.wrkspc_01X").spend == bounds("2")


def test_workspace_without_spend_has_its_budget() -> None:
    """A budget of an idle workspace is reported as untouched."""
    report = judged("version: 1\nworkspaces: {staging: {cap: 9}}\n", {}, workspaces=LISTED)
    assert budget(report, "workspaces.wrkspc_01STAG").spend == bounds("0")


def test_archived_workspace_has_its_budget() -> None:
    """What an archived workspace spent this month is held against its cap."""
    report = judged(
        "version: 1\nworkspaces: {sandbox: {cap: 1}}\n",
        {"wrkspc_01OLD": bounds("2")},
        workspaces=LISTED,
    )
    assert budget(report, "workspaces.wrkspc_01OLD").status == "breached"


def test_id_that_is_only_in_the_usage() -> None:
    """A workspace that the list lacks but the usage has is known by its id."""
    report = judged(
        "version: 1\nworkspaces: {wrkspc_01GONE: {cap: 1}}\n",
        {"wrkspc_01GONE": bounds("2")},
        workspaces=LISTED,
    )
    assert budget(report, "workspaces.wrkspc_01GONE").name == "wrkspc_01GONE"


@pytest.mark.parametrize("key", ["legacy-bot", "wrkspc_01GONE"])
def test_label_of_an_unlisted_workspace(key: str) -> None:
    """A label of the policy names a workspace that the list has lost, and is a key for it."""
    text = f"version: 1\nworkspaces: {{{key}: {{cap: 1}}}}\nnames: {{wrkspc_01GONE: legacy-bot}}\n"
    report = judged(text, {"wrkspc_01GONE": bounds("2")}, workspaces=LISTED)
    result = budget(report, "workspaces.wrkspc_01GONE")
    assert (result.name, result.spend) == ("legacy-bot", bounds("2"))


def test_label_without_spend() -> None:
    """A labelled workspace without usage this month has its budget, untouched."""
    text = "version: 1\nworkspaces: {legacy-bot: {cap: 1}}\nnames: {wrkspc_01GONE: legacy-bot}\n"
    report = judged(text, {}, workspaces=LISTED)
    assert budget(report, "workspaces.wrkspc_01GONE").spend == bounds("0")


def test_label_does_not_rename_a_listed_workspace() -> None:
    """The list of the API knows better than an old label."""
    text = "version: 1\nglobal: {cap: 9}\nnames: {wrkspc_01PROD: legacy-bot}\n"
    report = judged(text, {"wrkspc_01PROD": bounds("2")}, workspaces=LISTED)
    assert [workspace.name for workspace in report.workspaces] == ["production"]


# Names that fit none, or several -------------------------------------------------------------------


def test_unknown_name_is_an_error_with_the_nearest_names() -> None:
    """A cap for a workspace that was renamed would never fire: it is an error that helps."""
    error = refused("version: 1\nworkspaces:\n  prodction: {cap: 1}\n")
    assert errors_of(error) == ["budget.yml:3:3: workspaces.prodction: no workspace is called this"]
    assert_says(error.problems[0].hint, "did you mean 'production'?", "remove", "its id")
    assert error.message == "the policy does not fit the organization"
    assert error.file == "budget.yml"


def test_unknown_name_like_no_other_is_answered_with_some_names() -> None:
    """Where no name is near, the hint has some of those that there are."""
    (problem,) = refused("version: 1\nworkspaces: {xyzzy: {cap: 1}}\n").problems
    assert any(f"'{name}'" in problem.hint for name in ("production", "staging", "sandbox"))


def test_few_names_are_answered() -> None:
    """Of five names that are near three are told, and of six that are not the first five by the alphabet."""
    listed = tuple(Workspace(f"wrkspc_01{end}", f"batch-{end}") for end in "abcde")
    (near,) = refused("version: 1\nworkspaces: {batch-x: {cap: 1}}\n", workspaces=listed).problems
    assert near.hint.count("'batch-") == 3
    (far,) = refused("version: 1\nworkspaces: {xyzzy: {cap: 1}}\n", workspaces=listed).problems
    assert far.hint == (
        "there are 'batch-a', 'batch-b', 'batch-c', 'batch-d', 'batch-e' and 1 more; correct it, "
        "or remove the budget; if it was renamed, use its id, which never changes"
    )


def test_a_name_that_is_half_alike_is_near() -> None:
    """`abcd` shares two of four letters with `abxy`, which is just enough, and no other name is told."""
    listed = (Workspace("wrkspc_01A", "abxy"), Workspace("wrkspc_01B", "0000"))
    (problem,) = refused("version: 1\nworkspaces: {abcd: {cap: 1}}\n", workspaces=listed).problems
    assert problem.hint.startswith("did you mean 'abxy'? Otherwise remove the budget")


@pytest.mark.parametrize(
    ("key", "near"), [("legacy-bto", "legacy-bot"), ("wrkspc_01GNOE", "wrkspc_01GONE")]
)
def test_labels_and_ids_of_the_usage_are_near_names_too(key: str, near: str) -> None:
    """What a policy labels, and what only the usage has, may be what was meant."""
    text = f"version: 1\nworkspaces: {{{key}: {{cap: 1}}}}\nnames: {{wrkspc_01OLDER: legacy-bot}}\n"
    (problem,) = refused(text, {"wrkspc_01GONE": bounds("1")}).problems
    assert problem.hint.startswith(f"did you mean {near!r}? Otherwise remove the budget")


@pytest.mark.parametrize(
    "key", ["wrkspc_01NONE", "Production", "prod", "default workspace", "None"]
)
def test_keys_that_fit_no_workspace(key: str) -> None:
    """An id that does not exist, another case, a part of a name, a description: none is guessed."""
    (problem,) = refused(f"version: 1\nworkspaces: {{{key}: {{cap: 1}}}}\n").problems
    assert problem.message == "no workspace is called this"


def test_description_of_unattributed_usage_is_no_name() -> None:
    """Usage that no workspace is known of has no budget by the words that describe it."""
    (problem,) = refused(
        "version: 1\nworkspaces: {not separated by the report: {cap: 1}}\n",
        {UNATTRIBUTED: bounds("1")},
    ).problems
    assert problem.message == "no workspace is called this"


def test_name_of_two_workspaces_is_an_error_with_their_ids() -> None:
    """A name that two workspaces bear, one of them archived, is no key; their ids are."""
    listed = (PRODUCTION, Workspace("wrkspc_01B", "bot"), Workspace("wrkspc_01A", "bot", True))  # noqa: FBT003 - archived
    error = refused("version: 1\nworkspaces: {bot: {cap: 1}}\n", workspaces=listed)
    assert errors_of(error) == ["budget.yml:2:14: workspaces.bot: 2 workspaces have this name"]
    assert "wrkspc_01A, wrkspc_01B" in error.problems[0].hint


def test_name_of_two_workspaces_may_be_told_apart_by_ids() -> None:
    """Two workspaces of one name have a budget each under their ids."""
    listed = (Workspace("wrkspc_01A", "bot"), Workspace("wrkspc_01B", "bot"))
    text = "version: 1\nworkspaces: {wrkspc_01A: {cap: 1}, wrkspc_01B: {cap: 2}}\n"
    report = judged(text, {}, workspaces=listed)
    assert {result.id for result in report.budgets} == {
        "workspaces.wrkspc_01A",
        "workspaces.wrkspc_01B",
    }


def test_workspace_under_two_keys_is_an_error() -> None:
    """A name and the id of the same workspace are two caps for one spend."""
    error = refused("version: 1\nworkspaces:\n  production: {cap: 1}\n  wrkspc_01PROD: {cap: 2}\n")
    assert errors_of(error) == [
        "budget.yml:4:3: workspaces.wrkspc_01PROD: names the same workspace as 'production'"
    ]
    assert error.problems[0].hint == "keep one of the two"


def test_all_wrong_keys_are_told_at_once() -> None:
    """One run tells every key that fits no workspace."""
    error = refused(
        "version: 1\nworkspaces:\n  a: {cap: 1}\n  production: {cap: 1}\n  b: {cap: 2}\n"
    )
    assert [(problem.line, problem.key) for problem in error.problems] == [
        (3, "workspaces.a"),
        (5, "workspaces.b"),
    ]


# Without a list of workspaces ----------------------------------------------------------------------


def test_ids_need_no_list() -> None:
    """Saved usage comes without a list: an id is taken at its word, with usage or without."""
    text = "version: 1\nworkspaces: {wrkspc_01A: {cap: 1}, wrkspc_01B: {cap: 1}}\n"
    report = judged(text, {"wrkspc_01A": bounds("2")}, workspaces=None)
    assert budget(report, "workspaces.wrkspc_01A").spend == bounds("2")
    assert budget(report, "workspaces.wrkspc_01B").spend == bounds("0")
    assert budget(report, "workspaces.wrkspc_01B").name == "wrkspc_01B"


def test_default_needs_no_list() -> None:
    """The default workspace is known without a list."""
    report = judged(
        "version: 1\nworkspaces: {default: {cap: 1}}\n", {None: bounds("2")}, workspaces=None
    )
    assert budget(report, "workspaces.default").spend == bounds("2")


def test_labels_need_no_list() -> None:
    """A label of the policy is as good as a name of the list."""
    text = "version: 1\nworkspaces: {bot: {cap: 1}}\nnames: {wrkspc_01A: bot}\n"
    report = judged(text, {"wrkspc_01A": bounds("2")}, workspaces=None)
    assert budget(report, "workspaces.wrkspc_01A").spend == bounds("2")


def test_names_need_a_list() -> None:
    """A name cannot be looked up where there is no list, and the hint says how to give one."""
    error = refused("version: 1\nworkspaces: {production: {cap: 1}}\n", workspaces=None)
    assert errors_of(error) == [
        "budget.yml:2:14: workspaces.production: there is no list of workspaces to find this name in"
    ]
    assert error.problems[0].hint == (
        "use the workspace's id as the key, or give the list with --workspaces FILE"
    )
    assert error.message == (
        "the policy names workspaces, and there is no list of them (--workspaces)"
    )


def test_empty_list_is_a_list() -> None:
    """An organization without workspaces has a list of none: an id that is not in it is wrong."""
    (problem,) = refused("version: 1\nworkspaces: {wrkspc_01A: {cap: 1}}\n", workspaces=()).problems
    assert problem.message == "no workspace is called this"


# Workspaces that the policy does not name ----------------------------------------------------------

COSTS = {
    None: bounds("1"),
    "wrkspc_01PROD": bounds("2"),
    "wrkspc_01STAG": bounds("0"),
    "wrkspc_01GONE": bounds("4"),
}


def test_unlisted_workspaces_are_allowed_by_default() -> None:
    """Without a rule, a workspace that is not named has no budget."""
    assert ids("version: 1\nworkspaces: {production: {cap: 9}}\n", COSTS) == {
        "workspaces.wrkspc_01PROD"
    }


@pytest.mark.parametrize("rule", ["warn", "fail", "{cap: 9}"])
def test_every_unlisted_workspace_with_spend_has_a_budget(rule: str) -> None:
    """The rule is for each workspace that spent and is not named, the default one included."""
    text = f"version: 1\nworkspaces: {{production: {{cap: 9}}}}\nunlisted: {rule}\n"
    assert ids(text, COSTS) == {
        "workspaces.wrkspc_01PROD",
        "unlisted.default",
        "unlisted.wrkspc_01GONE",
    }


def test_unlisted_warn_warns_of_any_spend() -> None:
    """With `warn` any spend is a warning, whatever its height, and has no cap."""
    report = judged("version: 1\nunlisted: warn\n", {"wrkspc_01STAG": bounds("0.000001")})
    (result,) = report.budgets
    assert (result.status, result.cap, result.warn_at) == ("warning", None, ())
    assert result.line == 2


def test_unlisted_fail_breaches_with_any_spend() -> None:
    """With `fail` any spend is a breach of a cap of nothing."""
    report = judged("version: 1\nunlisted: fail\n", {"wrkspc_01STAG": bounds("0.000001")})
    (result,) = report.budgets
    assert result.status == "breached"
    assert result.cap == 0


@pytest.mark.parametrize(
    ("spent", "status"),
    [("7.99", "ok"), ("8", "warning"), ("10", "warning"), ("10.01", "breached")],
)
def test_unlisted_cap_is_for_each(spent: str, status: str) -> None:
    """A cap for the unlisted is one for each of them, with its warning levels."""
    costs = {"wrkspc_01A": bounds(spent), "wrkspc_01B": bounds("7")}
    report = judged("version: 1\nunlisted: {cap: 10}\n", costs)
    assert budget(report, "unlisted.wrkspc_01A").status == status
    assert budget(report, "unlisted.wrkspc_01B").status == "ok"


def test_unlisted_workspaces_have_their_names() -> None:
    """A budget of an unlisted workspace is called by the workspace's name, or by its label."""
    text = "version: 1\nunlisted: warn\nnames: {wrkspc_01GONE: legacy-bot}\n"
    report = judged(text, COSTS, workspaces=LISTED)
    assert {result.id: result.name for result in report.budgets} == {
        "unlisted.default": "default workspace",
        "unlisted.wrkspc_01PROD": "production",
        "unlisted.wrkspc_01GONE": "legacy-bot",
    }


def test_unlisted_spend_without_a_price() -> None:
    """Spend that nobody knows the height of is spend."""
    report = judged("version: 1\nunlisted: warn\n", {"wrkspc_01A": bounds("0", "unlimited")})
    assert [result.id for result in report.budgets] == ["unlisted.wrkspc_01A"]


# Usage that the report does not tell apart ---------------------------------------------------------


def test_unattributed_usage_may_be_of_any_workspace() -> None:
    """What no workspace is known of may be of each: their spend is a range that ends with it."""
    costs = {"wrkspc_01PROD": bounds("2"), UNATTRIBUTED: bounds("5", "6")}
    text = "version: 1\nworkspaces: {production: {cap: 9}, staging: {cap: 9}, default: {cap: 9}}\n"
    report = judged(text, costs, workspaces=LISTED)
    assert budget(report, "workspaces.wrkspc_01PROD").spend == bounds("2", "8")
    assert budget(report, "workspaces.wrkspc_01STAG").spend == bounds("0", "6")
    assert budget(report, "workspaces.default").spend == bounds("0", "6")


def test_unattributed_usage_is_certain_for_the_organization() -> None:
    """Whoever used it, the organization spent it, and once."""
    costs = {"wrkspc_01PROD": bounds("2"), UNATTRIBUTED: bounds("5")}
    report = judged("version: 1\nglobal: {cap: 9}\n", costs, workspaces=LISTED)
    assert budget(report, "global").spend == bounds("7")


@pytest.mark.parametrize(
    ("cap", "status"),
    [
        ("1.99", "breached"),
        ("2", "uncertain"),
        ("6.99", "uncertain"),
        ("7", "warning"),
        ("9", "ok"),
    ],
)
def test_unattributed_usage_makes_a_workspace_uncertain(cap: str, status: str) -> None:
    """A workspace with 2 of its own and perhaps 5 more has breached a cap below 2, and no other."""
    costs = {"wrkspc_01PROD": bounds("2"), UNATTRIBUTED: bounds("5")}
    text = f"version: 1\nworkspaces: {{production: {{cap: {cap}}}}}\n"
    report = judged(text, costs, workspaces=LISTED)
    assert budget(report, "workspaces.wrkspc_01PROD").status == status


def test_unattributed_usage_may_be_of_an_unlisted_workspace() -> None:
    """Where the unlisted have a cap, usage of nobody in particular may be above it."""
    report = judged(
        "version: 1\nunlisted: {cap: 1}\n", {UNATTRIBUTED: bounds("5")}, workspaces=LISTED
    )
    result = budget(report, "unlisted.unattributed")
    assert (result.spend, result.status) == (bounds("0", "5"), "uncertain")
    assert result.name == "not separated by the report"


def test_unattributed_usage_without_a_price() -> None:
    """Usage of nobody in particular and of no known price leaves no workspace with a bound."""
    costs = {"wrkspc_01PROD": bounds("2"), UNATTRIBUTED: bounds("0", "unlimited")}
    text = "version: 1\nworkspaces: {production: {cap: 9}}\n"
    report = judged(text, costs, workspaces=LISTED)
    assert budget(report, "workspaces.wrkspc_01PROD").spend == bounds("2", "unlimited")


# A cap of nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("spent", "status"), [("0", "ok"), ("0.000000000001", "breached")])
@pytest.mark.parametrize("scope", ["global: {cap: 0}", "workspaces: {production: {cap: 0}}"])
def test_cap_of_zero_is_a_cap(scope: str, spent: str, status: str) -> None:
    """A cap of 0 allows nothing at all, and is not the absence of a cap."""
    report = judged(f"version: 1\n{scope}\n", {"wrkspc_01PROD": bounds(spent)}, workspaces=LISTED)
    (result,) = report.budgets
    assert result.cap == 0
    assert result.status == status


# Every budget, whole -----------------------------------------------------------------------------

WHOLE = (
    "version: 1\n"
    "global: {cap: 100}\n"
    "workspaces:\n"
    "  production: {cap: 50}\n"
    "  default: {cap: 5}\n"
    "groups:\n"
    "  both: {cap: 30, workspaces: [staging, wrkspc_01NOBODY]}\n"
    "models:\n"
    "  claude-opus-5-5: {cap: 40}\n"
    "unlisted: {cap: 7, daily_cap: 2}\n"
    "exceptions:\n"
    "  - {budget: groups.both, cap: 35, until: 2026-11-30, reason: x}\n"
)
KEYS = (
    *("global", "groups.both", "models.claude-opus-5-5", "unlisted", "workspaces.default"),
    "workspaces.production",
)
LAST = date(2026, 11, 9)


def scoped(
    text: str = WHOLE, reservation: Reservation | None = None, yesterday: date | None = LAST
) -> list[ScopedBudget]:
    """The budgets on 10 November: what is spent on that day, and on the day before it."""
    file = policy(text)
    spend = spend_of(
        {None: bounds("1"), "wrkspc_01PROD": bounds("2"), "wrkspc_01STAG": bounds("4")},
        workspaces=None,
    )
    before = tuple(
        line._replace(day=LAST, workspace=id_, cost=bounds(cost))
        for line, id_, cost in zip(
            spend.lines, ("wrkspc_01PROD", "wrkspc_01LATE", "wrkspc_01STAG"), "368", strict=True
        )
    )
    prices = spend.prices._replace(models=("claude-opus-5-5",))
    spend = Spend(spend.lines, (), LISTED, spend.coverage, prices, (), before)
    workspaces = directory(file.policy, spend)
    workspaces |= {id_: Workspace(id_, id_) for id_ in ("wrkspc_01LATE", "wrkspc_01NOBODY")}
    return Scoping(
        file,
        spend,
        workspaces,
        add_up(spend.lines),
        add_up(before),
        resolve(file, spend, workspaces, yesterday),
        caps_in_force(file, MONTH),
        reservation,
        yesterday,
    ).budgets()


def costs_of(of: ScopedBudget) -> tuple[str, str]:
    """What a budget has spent in the month and on the day before."""
    days = {date(2026, 11, 10): of.days, LAST: of.history}
    found = [costs.get(day, Bounds(Decimal(0), Decimal(0))) for day, costs in days.items()]
    assert all(it.is_exact for it in found)
    return f"{found[0].low}", f"{found[1].low}"


def test_each_budget_knows_what_it_is_about() -> None:
    """Its id and key, its name and its cap in force with where that stands; its spend, its workspaces and its models."""
    told = {
        it.id: (it.path, it.name, f"{it.cap}", it.line, *costs_of(it), it.is_known, it.workspaces)
        for it in scoped()
    }
    prod, stag, late = "wrkspc_01PROD", "wrkspc_01STAG", "wrkspc_01LATE"
    members = frozenset([stag, "wrkspc_01NOBODY"])
    assert told == {
        "global": ("global", "organization", "100", 2, "7", "17", True, None),
        f"workspaces.{prod}": (
            *("workspaces.production", "production", "50", 4, "2", "3", True),
            frozenset([prod]),
        ),
        "workspaces.default": (
            *("workspaces.default", "default workspace", "5", 5, "1", "0", True),
            frozenset([None]),
        ),
        "groups.both": ("groups.both", "both", "35", 12, "4", "8", False, members),
        "models.claude-opus-5-5": (
            *("models.claude-opus-5-5", "claude-opus-5-5", "40", 9, "7", "17", True, None),
        ),
        f"unlisted.{late}": ("unlisted", late, "7", 10, "0", "6", False, frozenset([late])),
    }
    of = {it.id: it for it in scoped()}
    assert of["models.claude-opus-5-5"].models == frozenset(["claude-opus-5-5"])
    assert [id_ for id_, it in of.items() if it.models] == ["models.claude-opus-5-5"]
    exceptions = {id_: it.exception.cap for id_, it in of.items() if it.exception}
    assert exceptions == {"groups.both": Decimal(35)}
    assert {id_ for id_, it in of.items() if it.reserved} == set()
    assert of["groups.both"].budget == policy(WHOLE).policy.groups["both"]
    assert of[f"unlisted.{late}"].budget == policy(WHOLE).policy.unlisted


@pytest.mark.parametrize(
    ("text", "yesterday"),
    [(WHOLE, None), (WHOLE.replace(", daily_cap: 2", ""), LAST)],
    ids=["not-read", "no-daily-cap"],
)
def test_yesterday_makes_no_workspace_unlisted_where_nothing_judges_it(
    text: str, yesterday: date | None
) -> None:
    """It is judged by daily caps alone, and where it could be read."""
    assert not any(it.path == "unlisted" for it in scoped(text, yesterday=yesterday))


@pytest.mark.parametrize(
    ("workspace", "ids"),
    [
        (None, ["global"]),
        ("production", ["global", "workspaces.wrkspc_01PROD"]),
        ("wrkspc_01STAG", ["global", "groups.both"]),
        ("default", ["global", "workspaces.default"]),
        ("sandbox", ["global", "unlisted.wrkspc_01OLD"]),
    ],
)
def test_a_reservation_is_for_the_budgets_of_its_workspace(
    workspace: str | None, ids: list[str]
) -> None:
    """All of it, beside the whole organization; one that has spent nothing is unlisted by that."""
    found = scoped(reservation=Reservation(Decimal(9), workspace))
    assert {it.id: it.reserved for it in found if it.reserved} == dict.fromkeys(ids, Decimal(9))


def test_where_every_budget_is_optional_and_matches_nothing_it_is_an_error() -> None:
    """The policy could never fail, and the remedy says what to add."""
    with pytest.raises(ConfigurationError) as caught:
        scoped("version: 1\nworkspaces: {later: {cap: 1, optional: true}}\n")
    assert_says(caught.value.message, "every budget is optional", "could never fail")
    assert_says(caught.value.hint, "correct the keys", "`global: {cap: 5000}`")


# Which of them decide ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "ids"),
    [
        (["global"], ["global"]),
        (["workspaces.production"], ["workspaces.wrkspc_01PROD"]),
        (["workspaces.wrkspc_01PROD", "groups.both"], ["workspaces.wrkspc_01PROD", "groups.both"]),
        (["unlisted"], ["unlisted.wrkspc_01LATE"]),
        (["global", "global"], ["global"]),
    ],
)
def test_budgets_are_named_by_their_key_or_their_id(only: list[str], ids: list[str]) -> None:
    """Without any, all of them decide."""
    found = scoped()
    assert select(found, only, keys_of(policy(WHOLE).policy)) == set(ids)
    assert select(found, [], keys_of(policy(WHOLE).policy)) == {it.id for it in found}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("production", "did you mean workspaces.production?"),
        ("both", "did you mean groups.both?"),
        ("organization", "did you mean global?"),
        ("wrkspc_01LATE", "did you mean unlisted?"),
        (
            "something-else",
            f"name one of: {', '.join(KEYS)}",
        ),
    ],
)
def test_a_budget_to_enforce_that_there_is_not_is_told_what_is_meant(name: str, hint: str) -> None:
    """Or which there are."""
    with pytest.raises(ConfigurationError) as caught:
        select(scoped(), ["global", name], keys_of(policy(WHOLE).policy))
    assert caught.value.message == f"there is no budget {name!r} to enforce"
    assert caught.value.hint == hint


def test_budgets_to_enforce_that_match_nothing_are_refused() -> None:
    """All but `unlisted`: that nothing unlisted has spend is what it is to watch."""
    text = (
        "version: 1\nglobal: {cap: 9}\nunlisted: fail\nmodels: {later: {cap: 1, optional: true}}\n"
    )
    keys = keys_of(policy(text).policy)
    found = [it for it in scoped(text) if it.path == "global"]
    assert select(found, ["unlisted"], keys) == set()
    assert select(found, ["models.later", "global"], keys) == {"global"}
    for only in (["models.later"], ["models.later", "unlisted"]):
        with pytest.raises(ConfigurationError) as caught:
            select(found, only, keys)
        assert_says(caught.value.message, "match nothing today", "nothing would be decided")
        assert_says(caught.value.hint, "name another one as well")


def test_a_reservation_needs_a_cap_that_decides() -> None:
    """Otherwise it would always pass; one of nothing asks for none."""
    reservation = Reservation(Decimal(9), "production")
    found = scoped(reservation=reservation)
    refuse_vain_reservation(found, {"global"}, reservation)
    refuse_vain_reservation(found, {"groups.both"}, Reservation(Decimal(0), "production"))
    refuse_vain_reservation(found, {"groups.both"}, None)
    uncapped = [it._replace(cap=None) for it in found]
    for budgets, deciding in ((found, {"groups.both"}), (uncapped, {"global"})):
        with pytest.raises(ConfigurationError) as caught:
            refuse_vain_reservation(budgets, deciding, reservation)
        assert_says(caught.value.message, "no cap that decides covers the reservation")
        assert_says(
            caught.value.hint,
            *("name a workspace that has one (--reserve USD=WORKSPACE)", "let its budget decide"),
            "a global cap",
        )
