"""Which workspaces and models a key of the policy names, and that a key which names none is told."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import exact
from budget_gate.domain.policy.directory import directory, workspace_id
from budget_gate.domain.policy.names import meant_keys
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import (
    MONTH,
    book,
    bounds,
    budget,
    errors_of,
    fractions,
    line,
    policy,
    reported,
    spend_of_lines,
    usage_of,
)
from tests.helpers.wording import assert_says, notes_with
from tests.world import oracle
from tests.world.organizations import STRATEGY_WORKSPACES, random_organization, seeded, usages

EVALS = Workspace("wrkspc_01EVALS", "evals")
EXP_A = Workspace("wrkspc_01EXPA", "exp-a")
EXP_B = Workspace("wrkspc_01EXPB", "exp-b")
OLD = Workspace("wrkspc_01EXPOLD", "exp-old", archived=True)
PRODUCTION = Workspace("wrkspc_01PROD", "production")
LISTED = (EVALS, EXP_A, EXP_B, OLD, PRODUCTION)
# A different power of two each, so that a sum tells what it is of.
LINES = (
    line(bounds("1")),
    line(bounds("2"), "wrkspc_01EVALS"),
    line(bounds("4"), "wrkspc_01EXPA"),
    line(bounds("8"), "wrkspc_01EXPB"),
    line(bounds("16"), "wrkspc_01PROD"),
)
SPEND = spend_of_lines(*LINES, workspaces=LISTED)


def test_every_workspace_that_is_known_has_a_name() -> None:
    """A listed one its own, a labelled one its label, one of the usage its id, and what is told of none a word for it."""
    file = policy(
        "version: 1\nworkspaces: {wrkspc_01KEY: {cap: 1}, 'wrkspc_*': {cap: 1}, name: {cap: 1}}\n"
        "names: {wrkspc_01PROD: old name, wrkspc_01OLD: legacy-bot}\n"
    )
    spend = spend_of_lines(*LINES, line(bounds("1"), "wrkspc_01SEEN"), workspaces=(PRODUCTION,))
    others = ["wrkspc_01EVALS", "wrkspc_01EXPA", "wrkspc_01EXPB", "wrkspc_01SEEN"]
    known: dict[str | None, Workspace] = {
        None: Workspace(None, "default workspace"),
        "wrkspc_01PROD": PRODUCTION,
        "wrkspc_01OLD": Workspace("wrkspc_01OLD", "legacy-bot"),
        UNATTRIBUTED: Workspace(UNATTRIBUTED, "not separated by the report"),
        **{id_: Workspace(id_, id_) for id_ in others},
    }
    assert directory(file.policy, spend) == known
    # Without a list, the ids of the policy are taken by their word.
    del known["wrkspc_01PROD"]
    unlisted = spend._replace(workspaces=None)
    assert directory(file.policy, unlisted) == {
        **known,
        "wrkspc_01PROD": Workspace("wrkspc_01PROD", "old name"),
        "wrkspc_01KEY": Workspace("wrkspc_01KEY", "wrkspc_01KEY"),
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("organisation", ["global"]),
        ("globel", ["global"]),
        ("research", ["groups.research", "workspaces.research"]),
        ("models.research", ["groups.research", "workspaces.research"]),
        ("workspaces.reserch", ["workspaces.research"]),
        ("produktion", ["workspaces.production"]),
        ("unlistd", ["unlisted"]),
        ("something else", []),
        ("", []),
    ],
)
def test_a_name_that_is_no_budget_may_mean_one(name: str, meant: list[str]) -> None:
    """That of a key of that name, of whatever kind, or one that is spelt alike."""
    keys = ("workspaces.research", "groups.research", "workspaces.production", "global", "unlisted")
    assert meant_keys(name, keys) == meant


def test_a_workspace_that_there_is_not_is_told_the_nearest_and_no_more() -> None:
    """Nothing else is to be done about it."""
    known = {it.id: it for it in LISTED}
    with pytest.raises(ConfigurationError) as caught:
        workspace_id("evalls", known)
    assert caught.value.message == "no workspace is called 'evalls'"
    assert caught.value.hint == "did you mean 'evals'?"
    with pytest.raises(ConfigurationError) as caught:
        workspace_id("1", {None: Workspace(None, "default workspace")})
    assert caught.value.hint == "there are 'default'; correct it"


def test_without_a_global_cap_nothing_is_meant_by_the_organization() -> None:
    """There is no budget of it."""
    assert meant_keys("organization", ("workspaces.production",)) == []


def judged(rules: str, spend: Spend = SPEND) -> Report:
    """The report on a spend under a policy whose keys beside the version are `rules`."""
    return evaluate(policy(f"version: 1\n{rules}\n"), spend, MONTH)


def spends(rules: str, spend: Spend = SPEND) -> dict[str, str]:
    """What each budget has spent, by its id."""
    found = {}
    for result in judged(rules, spend).budgets:
        assert result.spend.is_exact
        found[result.id] = exact(result.spend.low)
    return found


def group(members: str, spend: Spend = SPEND, more: str = "") -> str:
    """What the group of these members has spent."""
    rules = f"groups: {{g: {{cap: 99, forecast: off, workspaces: [{members}]{more}}}}}"
    return spends(rules, spend)["groups.g"]


def refused(rules: str, spend: Spend = SPEND) -> ConfigurationError:
    """The error of a policy that does not fit the organization."""
    with pytest.raises(ConfigurationError) as caught:
        judged(rules, spend)
    return caught.value


def unread(rules: str) -> list[str]:
    """The defects of a policy that is wrong in itself."""
    with pytest.raises(ConfigurationError) as caught:
        policy(f"version: 1\n{rules}\n")
    return errors_of(caught.value)


def unlist(*lines: str) -> Spend:
    """A spend of 3 USD in each of some workspaces, without a list."""
    return spend_of_lines(*(line(bounds("3"), id_) for id_ in lines), workspaces=None)


# Groups ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "spent"),
    [
        ("evals", "2"),
        ("wrkspc_01EVALS", "2"),
        ("default", "1"),
        ("evals, production", "18"),
        ('"exp-*"', "12"),
        ('evals, "exp-*"', "14"),
        ('"exp-?"', "12"),
        ('"exp-[ac]"', "4"),
        ('"exp-[!a]"', "8"),
        ('"wrkspc_01EXP*"', "12"),
        ('"*"', "31"),
        ('"d*"', "1"),
        ('default, "e*", wrkspc_01PROD', "31"),
    ],
)
def test_group_is_about_the_sum_of_its_workspaces(members: str, spent: str) -> None:
    """By name, by id, by glob, or the default workspace; a glob matches names, ids and `default`."""
    assert group(members) == spent


@pytest.mark.parametrize(
    "members",
    ["evals, evals", "evals, wrkspc_01EVALS", 'evals, "ev*"', '"e*s", "*vals", wrkspc_01EVALS'],
)
def test_workspace_counts_once_in_a_group(members: str) -> None:
    """However often it is named."""
    assert group(members) == "2"


def test_workspace_may_be_in_several_groups_and_have_a_cap_of_its_own() -> None:
    """Each of the caps is about all that it spends."""
    rules = (
        "workspaces: {evals: {cap: 9}}\n"
        "groups: {a: {cap: 9, workspaces: [evals]}, b: {cap: 9, workspaces: [evals, exp-a]}}"
    )
    found = {"workspaces.wrkspc_01EVALS": "2", "groups.a": "2", "groups.b": "6"}
    assert spends(rules) == found


def test_group_has_the_name_the_id_and_the_line_of_its_cap() -> None:
    """So that outputs can name it, and point at what to raise."""
    report = judged("groups:\n  research:\n    cap: 15\n    workspaces: [evals]")
    result = budget(report, "groups.research")
    assert (result.name, result.line) == ("research", 4)
    assert result.cap == 15


@pytest.mark.parametrize(("cap", "status"), [("14", "warning"), ("13.999999999999", "breached")])
def test_group_is_breached_above_its_cap(cap: str, status: str) -> None:
    """Not at it: the sum of three workspaces is 14 USD."""
    rules = f'groups: {{g: {{cap: {cap}, forecast: off, workspaces: [evals, "exp-*"]}}}}'
    assert judged(rules).status == status


def test_unattributed_usage_counts_once_against_a_group() -> None:
    """It may all be of one of the workspaces, but no dollar of it is of two."""
    lines = (*LINES, line(bounds("5"), UNATTRIBUTED))
    report = judged(
        "groups: {g: {cap: 99, forecast: off, workspaces: [evals, exp-a, exp-b]}}",
        spend_of_lines(*lines, workspaces=LISTED),
    )
    assert budget(report, "groups.g").spend == bounds("14", "19")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("evlas", "no workspace is called this"),
        ("Evals", "no workspace is called this"),
        ('"Exp-*"', "the glob matches no workspace"),
        ('"exp-{a,b}"', "no workspace is called this"),
        ("wrkspc_01EVALZ", "no workspace is called this"),
        ('"unattributed"', "no workspace is called this"),
    ],
)
def test_member_that_names_nothing_is_an_error_at_its_place(members: str, message: str) -> None:
    """Though the others name something: the group would watch less than it says."""
    error = refused(f"groups:\n  g:\n    cap: 9\n    workspaces: [production, {members}]")
    (told,) = errors_of(error)
    assert told == f"budget.yml:5:30: groups.g.workspaces.1: {message}"


def test_glob_leaves_out_archived_workspaces_without_spend() -> None:
    """Nobody can use them any more; what one has spent this month counts."""
    assert "matches no workspace" in str(
        errors_of(refused('groups: {g: {cap: 9, workspaces: ["*-old"]}}'))
    )
    lines = (*LINES, line(bounds("32"), "wrkspc_01EXPOLD"))
    assert group('"exp-*"', spend_of_lines(*lines, workspaces=LISTED)) == "44"


def test_archived_workspace_may_be_named() -> None:
    """A name says that it is meant."""
    assert group("exp-old") == "0"


def test_optional_group_may_match_nothing() -> None:
    """It is no budget then, and a note names it."""
    rules = 'global: {cap: 99}\ngroups: {g: {cap: 9, workspaces: ["new-*", later], optional: true}}'
    report = judged(rules)
    assert [result.id for result in report.budgets] == ["global"]
    (note,) = notes_with(report.notes, "optional")
    assert note.message == "Optional budgets that match nothing today: groups.g."


def test_a_policy_whose_budgets_all_name_nothing_is_refused() -> None:
    """It would be green whatever is spent."""
    error = refused('workspaces: {"new-*": {cap: 9, optional: true}}')
    assert "could never fail" in error.message


@pytest.mark.parametrize(
    ("rules", "errors"),
    [
        (
            "groups:\n  g: {cap: 9}",
            ["budget.yml:3:3: groups.g.workspaces: is missing"],
        ),
        (
            "groups:\n  g: {workspaces: [a]}",
            ["budget.yml:3:3: groups.g.cap: is missing"],
        ),
        (
            "groups:\n  g: {cap: 9, workspaces: []}",
            ["budget.yml:3:15: groups.g.workspaces: a group has no workspace"],
        ),
        (
            "groups:\n  g: {cap: 9, workspaces: [a, '']}",
            ["budget.yml:3:31: groups.g.workspaces.1: '' is not a text"],
        ),
        (
            "groups:\n  g: {cap: 9, workspaces: [a], optional: yes}",
            ["budget.yml:3:32: groups.g.optional: 'yes' is neither true nor false"],
        ),
        (
            "groups:\n  g: {cap: 9, workspaces: [a], warn_at: [0%]}",
            ["budget.yml:3:32: groups.g.warn_at: a warning level is missing or 0%"],
        ),
    ],
)
def test_defects_of_a_group_stand_at_their_place(rules: str, errors: list[str]) -> None:
    """With line and column."""
    assert unread(rules) == errors


@pytest.mark.parametrize("members", ["a", "{a: b}"])
def test_members_that_are_no_list_are_refused(members: str) -> None:
    """A single name would be read letter by letter."""
    (told,) = unread(f"groups:\n  g: {{cap: 9, workspaces: {members}}}")
    assert told.startswith("budget.yml:3:15: groups.g.workspaces: ")


@pytest.mark.parametrize(
    ("spend", "warns"),
    [
        (unlist("wrkspc_01A"), True),
        (unlist("wrkspc_01A", "wrkspc_01B"), False),
    ],
)
def test_group_with_a_workspace_that_nobody_knows_is_a_warning(
    spend: Spend,
    warns: bool,  # noqa: FBT001 - a case
) -> None:
    """Without a list a mistyped id would otherwise read as one that has spent nothing."""
    rules = "groups: {g: {cap: 99, forecast: off, workspaces: [wrkspc_01A, wrkspc_01B]}}"
    result = budget(judged(rules, spend), "groups.g")
    assert result.status == ("warning" if warns else "ok")
    assert (result.reason == "a workspace of the group is neither listed nor in the usage") == warns


# Workspace keys that are globs --------------------------------------------------------------------


def test_each_match_of_a_glob_is_a_budget_of_its_own() -> None:
    """Under its own id and name, at the line of the key."""
    report = judged('workspaces:\n  "exp-*": {cap: 5, forecast: off}')
    found = {result.id: (result.name, result.status, result.line) for result in report.budgets}
    assert found == {
        "workspaces.wrkspc_01EXPA": ("exp-a", "warning", 3),
        "workspaces.wrkspc_01EXPB": ("exp-b", "breached", 3),
    }


@pytest.mark.parametrize(
    ("glob", "ids"),
    [
        ("exp-?", ["EXPA", "EXPB"]),
        ("*a*", ["EVALS", "EXPA"]),
        ("wrkspc_01E*", ["EVALS", "EXPA", "EXPB"]),
        ("[ep]*", ["EVALS", "EXPA", "EXPB", "PROD"]),
    ],
)
def test_globs_match_names_and_ids(glob: str, ids: list[str]) -> None:
    """Signs as in a shell; `*a*` matches `default` too, which has no id."""
    found = {id_.removeprefix("workspaces.wrkspc_01") for id_ in spends(_glob(glob))}
    assert found - {"workspaces.default"} == set(ids)


def _glob(key: str, more: str = "") -> str:
    return f'workspaces: {{"{key}": {{cap: 99, forecast: off}}{more}}}'


def test_glob_matches_the_default_workspace() -> None:
    """By its key, `default`."""
    assert spends(_glob("def*")) == {"workspaces.default": "1"}


@pytest.mark.parametrize("exact", ["exp-a", "wrkspc_01EXPA"])
@pytest.mark.parametrize("first", ["exact", "glob"])
def test_exact_key_wins_over_a_glob(exact: str, first: str) -> None:
    """In whichever order they stand."""
    keys = [f"{exact}: {{cap: 1}}", '"exp-*": {cap: 99}']
    keys = keys if first == "exact" else keys[::-1]
    report = judged(f"workspaces: {{{', '.join(keys)}}}")
    caps = {result.id: result.cap for result in report.budgets}
    assert caps == {"workspaces.wrkspc_01EXPA": 1, "workspaces.wrkspc_01EXPB": 99}


def test_two_globs_that_match_one_workspace_are_an_error_that_names_both() -> None:
    """With the workspace, at the place of the second."""
    error = refused('workspaces:\n  "exp-*": {cap: 9}\n  "*-a": {cap: 9}')
    assert errors_of(error) == [
        "budget.yml:4:3: workspaces.*-a: matches exp-a, as 'exp-*' does",
    ]
    assert_says(error.problems[0].hint, "narrow one of the two", "a key of its own")


def test_two_globs_are_told_apart_by_an_exact_key() -> None:
    """As the hint of that error says."""
    rules = 'workspaces: {"exp-*": {cap: 9}, "*-a": {cap: 9, optional: true}, exp-a: {cap: 9}}'
    assert set(spends(rules)) == {"workspaces.wrkspc_01EXPA", "workspaces.wrkspc_01EXPB"}


def test_glob_all_of_whose_matches_have_keys_of_their_own_is_no_error() -> None:
    """It matches them; only their own caps are others."""
    rules = 'workspaces: {"exp-*": {cap: 9}, exp-a: {cap: 9}, exp-b: {cap: 9}}'
    assert len(spends(rules)) == 2


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("evel-*", "the glob matches no workspace"),
        ("EXP-*", "the glob matches no workspace"),
        ("exp", "no workspace is called this"),
        ("*-old", "the glob matches no workspace"),
    ],
)
def test_key_that_matches_nothing_is_an_error_at_its_place(key: str, message: str) -> None:
    """Neither a part of a name nor another case of it is a match."""
    error = refused(f'workspaces:\n  evals: {{cap: 9}}\n  "{key}": {{cap: 9}}')
    assert errors_of(error) == [f"budget.yml:4:3: workspaces.{key}: {message}"]


def test_optional_keys_may_match_nothing() -> None:
    """There is no budget for them then, and the others are as they are."""
    rules = (
        'workspaces: {"new-*": {cap: 9, optional: true}, later: {cap: 9, optional: true}, '
        "evals: {cap: 9}}"
    )
    assert spends(rules) == {"workspaces.wrkspc_01EVALS": "2"}


def test_optional_does_not_excuse_a_name_of_two_workspaces() -> None:
    """Which of them is meant has to be said."""
    twice = (EVALS, Workspace("wrkspc_01TWIN", "evals"))
    error = refused(
        "workspaces: {evals: {cap: 9, optional: true}}", spend_of_lines(workspaces=twice)
    )
    assert "2 workspaces have this name" in errors_of(error)[0]


@pytest.mark.parametrize("key", ["exp-*", "team [eu]", "*"])
def test_workspace_that_is_called_like_a_glob_hides_no_other(key: str) -> None:
    """Or whoever may name a workspace could take the cap off all others."""
    decoy = Workspace("wrkspc_01DECOY", key)
    others = (EXP_A, Workspace("wrkspc_01TEAM", "team e"))
    lines = tuple(line(bounds("3"), each.id) for each in (decoy, *others))
    spend = spend_of_lines(*lines, workspaces=(decoy, *others))
    matched = {"exp-*": {"EXPA"}, "team [eu]": {"TEAM"}, "*": {"EXPA", "TEAM"}}[key]
    found = {id_.rpartition("01")[2] for id_ in spends(_glob(key), spend)}
    assert found - {"workspaces.default"} == {"DECOY", *matched}
    expected = str(3 * (1 + len(matched)))
    assert group(f'"{key}"', spend) == expected


def test_exact_name_with_signs_of_a_glob_wins_over_another_glob() -> None:
    """It is an exact key then, as any other name is."""
    odd = Workspace("wrkspc_01ODD", "team[1]")
    spend = spend_of_lines(workspaces=(odd, EXP_A))
    report = judged('workspaces: {"t*": {cap: 1}, "team[1]": {cap: 2}}', spend)
    assert budget(report, "workspaces.wrkspc_01ODD").cap == 2


# Unlisted ----------------------------------------------------------------------------------------


def test_members_of_groups_and_matches_of_globs_are_listed() -> None:
    """What is left over is unlisted: the default workspace, with 1 USD, and production."""
    rules = (
        "unlisted: {cap: 99}\ngroups: {g: {cap: 99, workspaces: [evals]}}\n"
        'workspaces: {"exp-*": {cap: 99}}'
    )
    found = {id_: spent for id_, spent in spends(rules).items() if id_.startswith("unlisted.")}
    assert found == {"unlisted.default": "1", "unlisted.wrkspc_01PROD": "16"}


# Without a list ----------------------------------------------------------------------------------

NO_LIST = "there is no list of workspaces to find this name in"


@pytest.mark.parametrize("optional", ["", ", optional: true"])
@pytest.mark.parametrize("key", ["evals", "exp-*"])
def test_names_need_a_list_even_where_they_are_optional(key: str, optional: str) -> None:
    """What cannot be looked up may well be there, and over its cap."""
    spend = unlist("wrkspc_01A")
    as_key = refused(f'workspaces: {{"{key}": {{cap: 1{optional}}}}}', spend)
    in_group = refused(f'groups: {{g: {{cap: 1, workspaces: ["{key}"]{optional}}}}}', spend)
    assert [NO_LIST in told for told in errors_of(as_key)] == [True]
    assert [NO_LIST in told for told in errors_of(in_group)] == [True]


def test_globs_of_ids_need_no_list() -> None:
    """They match the usage."""
    spend = unlist("wrkspc_01A", "wrkspc_01B", "wrkspc_02C")
    assert group('"wrkspc_01*"', spend) == "6"
    assert len(spends(_glob("wrkspc_01*"), spend)) == 2


@pytest.mark.parametrize("optional", [False, True])
def test_glob_of_ids_that_are_not_in_the_usage(optional: bool) -> None:  # noqa: FBT001 - a case
    """An error without a list too, unless it may match none."""
    rules = f"workspaces: {{'wrkspc_09*': {{cap: 9, optional: {str(optional).lower()}}}}}"
    if optional:
        assert spends(f"{rules}\nglobal: {{cap: 99}}", unlist("wrkspc_01A")).keys() == {"global"}
    else:
        assert "matches no workspace" in errors_of(refused(rules, unlist("wrkspc_01A")))[0]


# Models ------------------------------------------------------------------------------------------

PRICED = ("claude-opus-4", "claude-opus-4-7", "claude-sonnet-5")
MODEL_LINES = (
    line(bounds("1"), model="claude-opus-4"),
    line(bounds("2"), model="claude-opus-4-20250514"),
    line(bounds("4"), model="claude-opus-4-7"),
    line(bounds("8"), "wrkspc_01EVALS", model="claude-opus-4-7-20260101"),
    line(bounds("16"), model="claude-new-9"),
    line(bounds("32"), model="claude-opus-4-7-beta"),
)
MODEL_SPEND = spend_of_lines(*MODEL_LINES, workspaces=LISTED, models=PRICED)


def model(key: str, spend: Spend = MODEL_SPEND, more: str = "") -> str:
    """What the budget of a model has spent."""
    rules = f'models: {{"{key}": {{cap: 99, forecast: off{more}}}}}'
    return spends(rules, spend)[f"models.{key}"]


@pytest.mark.parametrize("digits", ["99999999", "20260931", "00000000"])
def test_digits_that_are_no_day_are_another_model(digits: str) -> None:
    """An id stands for its dated ids, and what no calendar has is no date."""
    spend = spend_of_lines(
        line(bounds("4"), model="claude-opus-4-7"),
        line(bounds("8"), model=f"claude-opus-4-7-{digits}"),
        models=PRICED,
    )
    assert model("claude-opus-4-7", spend) == "4"


@pytest.mark.parametrize(
    ("key", "spent"),
    [
        ("claude-opus-4", "3"),
        ("claude-opus-4-7", "12"),
        ("claude-opus-4-7-20260101", "8"),
        ("claude-opus-*", "47"),
        ("claude-opus-4-7*", "44"),
        ("claude-*", "63"),
        ("*", "63"),
        ("claude-new-?", "16"),
        ("claude-new-9", "16"),
        ("claude-sonnet-5", "0"),
    ],
)
def test_model_budget_is_about_the_whole_organization(key: str, spent: str) -> None:
    """By id, with or without a date behind it, or glob: `claude-opus-4` is no prefix of 4.7."""
    assert model(key) == spent


@pytest.mark.parametrize(
    "key", ["claude-opus", "claude-sonet-5", "Claude-Opus-4", "opus*", "gpt-*"]
)
def test_model_key_that_matches_nothing_is_an_error_at_its_place(key: str) -> None:
    """A mistyped model would otherwise never spend anything."""
    error = refused(f'models:\n  "{key}":\n    cap: 9', MODEL_SPEND)
    assert errors_of(error) == [
        f"budget.yml:3:3: models.{key}: no model with a price or with usage has this id"
    ]


def test_optional_model_may_match_nothing() -> None:
    """It is no budget then."""
    rules = 'global: {cap: 99}\nmodels: {"claude-mythos-*": {cap: 9, optional: true}}'
    assert spends(rules, MODEL_SPEND).keys() == {"global"}


def test_model_that_was_used_in_the_days_before_is_known() -> None:
    """Without a price, it is no error on the 1st: it has spent nothing yet."""
    before = line(bounds("3"), model="claude-custom-20260101", day="2026-10-30")
    assert model("claude-custom", MODEL_SPEND._replace(history=(before,))) == "0"


def test_model_key_that_matches_nothing_may_be_optional() -> None:
    """The error says so."""
    error = refused("models: {claude-custom: {cap: 9}}", MODEL_SPEND)
    assert "or add `optional: true`" in error.problems[0].hint


def test_mistyped_model_is_answered_with_the_nearest() -> None:
    """As a workspace is."""
    error = refused("models: {claude-sonet-5: {cap: 9}}", MODEL_SPEND)
    assert "did you mean 'claude-sonnet-5'" in error.problems[0].hint


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        (
            "opus",
            "did you mean 'claude-opus-4-7-beta', 'claude-opus-4', 'claude-opus-5-1'? Otherwise remove",
        ),
        (
            "xyzzy",
            "there are 'claude-opus-4-7-beta', 'claude-opus-4', 'claude-haiku-5-1', 'claude-opus-5-1', 'claude-opus-5'; ",
        ),
    ],
)
def test_models_in_use_are_told_first_and_then_the_newest(key: str, hint: str) -> None:
    """Neither retired ones that nobody uses, nor a second name of one model."""
    spend = spend_of_lines(
        line(bounds("2"), model="claude-opus-4"),
        line(bounds("4"), model="claude-opus-4-7-beta"),
        models=(
            *("claude-3-opus", "claude-opus-4", "claude-opus-5", "claude-opus-5-latest"),
            *("claude-opus-5-1", "claude-haiku-5-1"),
        ),
        aliases={"claude-opus-5-latest": "claude-opus-5"},
    )
    retired = {"claude-3-opus": MONTH.day, "claude-opus-4": MONTH.day}
    spend = spend._replace(prices=spend.prices._replace(retired_on=retired))
    error = refused(f"models: {{{key}: {{cap: 9}}}}", spend)
    assert error.problems[0].hint.startswith(hint)


def test_mistyped_member_is_told_to_be_removed_itself() -> None:
    """Not the budget of the group."""
    error = refused("groups: {g: {workspaces: [prodution], cap: 9}}", MODEL_SPEND)
    assert_says(error.problems[0].hint, "remove the member")


@pytest.mark.parametrize("key", ["claude-opus-4-0", "claude-opus-4-20250514", "*-4-0"])
@pytest.mark.parametrize("used", ["claude-opus-4-0", "claude-opus-4-20250514"])
def test_model_budget_counts_every_name_of_the_model(key: str, used: str) -> None:
    """An alias in the policy would otherwise watch nothing where usage has the id, and be green."""
    spend = spend_of_lines(
        line(bounds("5"), model=used),
        line(bounds("7"), model="claude-opus-4-7"),
        models=("claude-opus-4-0", "claude-opus-4-20250514", "claude-opus-4-7"),
        aliases={"claude-opus-4-0": "claude-opus-4-20250514"},
    )
    assert model(key, spend) == "5"


def test_aliases_come_from_the_price_book() -> None:
    """Of the real one, through pricing: a million output tokens of Opus 4 are 75 USD."""
    used = oracle.Usage(
        MONTH.period.start.replace(month=5),
        None,
        "claude-opus-4-20250514",
        context_window="0-200k",
        inference_geo="not_available",
        output=1_000_000,
    )
    spend = list_spend(price(usage_of([reported(used)]), book()), unknown_model="fail")
    assert model("claude-opus-4-0", spend) == "75"


def test_usage_without_a_model_may_be_of_any() -> None:
    """So that a model budget knows its spend in a range only."""
    spend = spend_of_lines(*MODEL_LINES, line(bounds("5"), model=None), models=PRICED)
    report = judged("models: {claude-opus-4: {cap: 99, forecast: off}}", spend)
    assert budget(report, "models.claude-opus-4").spend == bounds("3", "8")


@pytest.mark.parametrize(("cap", "status"), [("12", "warning"), ("11.99", "breached")])
def test_model_budget_is_breached_above_its_cap(cap: str, status: str) -> None:
    """Not at it."""
    rules = f"models: {{claude-opus-4-7: {{cap: {cap}, forecast: off}}}}"
    assert judged(rules, MODEL_SPEND).status == status


def test_defects_of_a_model_budget_stand_at_their_place() -> None:
    """With line and column."""
    assert unread('models:\n  "claude-*": {cap: -1}\n  m: {cap: 1, workspaces: [a]}') == [
        "budget.yml:3:16: models.claude-*.cap: '-1' is not an amount",
        "budget.yml:4:15: models.m.workspaces: unknown key",
    ]


# All at once -------------------------------------------------------------------------------------


def test_all_keys_that_do_not_fit_are_told_in_the_order_of_the_policy() -> None:
    """One run tells them all."""
    error = refused(
        'groups:\n  g: {cap: 9, workspaces: [x1, "x2*"]}\nmodels:\n  x3: {cap: 9}\n'
        'workspaces:\n  x4: {cap: 9}\n  "x5*": {cap: 9}'
    )
    keys = [problem.key for problem in error.problems]
    assert keys == [
        "groups.g.workspaces.0",
        "groups.g.workspaces.1",
        "models.x3",
        "workspaces.x4",
        "workspaces.x5*",
    ]


# Random organizations ----------------------------------------------------------------------------


def assert_sums(rows: list[oracle.Usage], workspaces: tuple[Workspace, ...], seed: int) -> None:
    """Fails where a group or a model budget is not the sum of its usage by the oracle."""
    random = seeded(seed)
    keys = {None: "default", **{each.id: each.name for each in workspaces}}
    members = random.sample(list(keys), k=random.randint(1, len(keys)))
    names = sorted({row.model for row in rows}) or ["claude-opus-5-5"]
    models = {random.choice(names), f"{random.choice(names)[: random.randint(7, 14)]}*"}
    rules = {
        "version": "1",
        "groups": {
            "g": {"cap": "1", "forecast": "off", "workspaces": [keys[id_] for id_ in members]}
        },
        "models": {key: {"cap": "1", "forecast": "off"} for key in models},
    }
    spend = list_spend(
        price(usage_of(map(reported, rows), workspaces=workspaces), book()), unknown_model="fail"
    )
    report = evaluate(policy(str(rules)), spend, MONTH)
    of_group = [row for row in rows if row.workspace in members]
    assert fractions(budget(report, "groups.g").spend) == oracle.total(of_group)
    for key in models:
        of_model = [row for row in rows if _is_of(key, row)]
        assert fractions(budget(report, f"models.{key}").spend) == oracle.total(of_model)


def _is_of(key: str, row: oracle.Usage) -> bool:
    """Whether a row counts for a model key, told by the oracle's price rows."""
    listed = oracle.price_row(row.model, row.day)
    assert listed is not None
    names = {row.model}
    if row.model in (listed.model, *listed.aliases):
        names |= {listed.model, *listed.aliases}
    if key.endswith("*"):
        return any(name.startswith(key[:-1]) for name in names)
    dated = row.model.startswith(f"{key}-2") and len(row.model) == len(key) + 9
    return key in names or dated


@settings(max_examples=40)
@given(usages(MONTH.period.start, MONTH.as_of), st.integers(0, 2**32))
def test_spend_of_groups_and_models_is_that_of_the_oracle(
    rows: list[oracle.Usage], seed: int
) -> None:
    """For any usage and any choice of members."""
    ids = [id_ for id_ in STRATEGY_WORKSPACES if id_]
    assert_sums(rows, tuple(Workspace(id_, id_[-5:].lower()) for id_ in ids), seed)


@pytest.mark.parametrize("seed", range(8))
def test_spend_in_a_made_up_organization_is_that_of_the_oracle(seed: int) -> None:
    """Of two hundred usages, with aliases and dated ids among them, and archived workspaces."""
    made = random_organization(seeded(seed), start=MONTH.period.start, end=MONTH.as_of)
    listed = tuple(
        Workspace(each.id, each.name, archived=each.archived_at is not None)
        for each in made.workspaces
    )
    assert_sums(list(made.usage), listed, seed)


def test_groups_that_split_an_organization_add_up_to_it() -> None:
    """No dollar is lost between them, and none counts twice."""
    made = random_organization(seeded(1), start=MONTH.period.start, end=MONTH.as_of)
    listed = tuple(Workspace(each.id, each.name) for each in made.workspaces)
    usage = usage_of(map(reported, made.usage), workspaces=listed)
    spend = list_spend(price(usage, book()), unknown_model="fail")
    rules = (
        "version: 1\nglobal: {cap: 1}\ngroups: {a: {cap: 1, workspaces: [default, team-1]}, "
        'b: {cap: 1, workspaces: ["team-[2-9]"]}}\n'
    )
    report = evaluate(policy(rules), spend, MONTH)
    parts = budget(report, "groups.a").spend.plus(budget(report, "groups.b").spend)
    whole = budget(report, "global").spend
    assert parts == whole
    assert Fraction(whole.low) == oracle.total(made.usage)[0]
