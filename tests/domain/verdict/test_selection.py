"""What a run is asked besides the policy: a sum to reserve, and the budgets that decide its exit code."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.terms import FailOn, Terms, decide
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.gate import check
from budget_gate.outputs.report.headline import plain_headline
from tests.helpers.builders import MONTH, bounds, budget, line, policy, spend_of_lines
from tests.helpers.inert import EVIL, PLAIN, SURROGATE, assert_alike, assert_inert, shown, way_id
from tests.helpers.markup import assert_own_structure
from tests.helpers.runner import Command, read_commands, read_outputs
from tests.helpers.running import NOW, ORGANIZATION, PRODUCTION, Here, Run
from tests.helpers.serving import refuse
from tests.helpers.wording import assert_says, notes_with
from tests.world.loopback import LoopbackAPI

LISTED = (
    Workspace("wrkspc_01PROD", "production"),
    Workspace("wrkspc_01EXPA", "exp-a"),
    Workspace("wrkspc_01EXPB", "exp-b"),
    Workspace("wrkspc_01NEW", "new"),
    Workspace("wrkspc_01TWIN", "twin"),
    Workspace("wrkspc_02TWIN", "twin"),
)
LINES = (
    line(bounds("10")),
    line(bounds("20"), "wrkspc_01PROD"),
    line(bounds("3"), "wrkspc_01EXPA"),
    line(bounds("4"), "wrkspc_01EXPB"),
)
OFF = "forecast: off, warn_at: [100%]"
# 37 USD in all.
RULES = (
    "version: 1\n"
    f"global: {{cap: 40, {OFF}}}\n"
    "workspaces:\n"
    f"  production: {{cap: 22, {OFF}}}\n"
    f"  exp-*: {{cap: 5, {OFF}}}\n"
    "groups:\n"
    f"  research: {{cap: 8, {OFF}, workspaces: [exp-*]}}\n"
    f"models: {{claude-opus-*: {{cap: 37.5, {OFF}}}}}\n"
)


def judged(
    *only: str,
    reserve: str = "",
    rules: str = RULES,
    lines: Sequence[SpendLine] = LINES,
    unpriced: tuple[str, ...] = (),
    workspaces: tuple[Workspace, ...] | None = LISTED,
) -> Report:
    """The report on what is spent, where a sum is reserved and some budgets decide."""
    amount, _, workspace = reserve.partition("=")
    reservation = Reservation(bounds(amount).low, workspace or None) if reserve else None
    spend = spend_of_lines(*lines, workspaces=workspaces)
    spend = Spend(spend.lines, unpriced, workspaces, spend.coverage, spend.prices)
    return evaluate(policy(rules), spend, MONTH, Terms(only=only, reservation=reservation))


def refused(*only: str, reserve: str = "", rules: str = RULES, **how: Any) -> ConfigurationError:
    """The error of terms that do not fit."""
    with pytest.raises(ConfigurationError) as caught:
        judged(*only, reserve=reserve, rules=rules, **how)
    return caught.value


def reserved(report: Report) -> dict[str, str]:
    """The budgets that have to do with the reservation, and their status."""
    return {
        it.id.removeprefix("workspaces.wrkspc_01"): it.status
        for it in report.budgets
        if it.reserved
    }


# Reservations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reserve", "statuses"),
    [
        ("3", {"global": "warning"}),
        ("3.000000000001", {"global": "breached"}),
        ("2=production", {"global": "ok", "PROD": "warning"}),
        ("2.01=production", {"global": "ok", "PROD": "breached"}),
        ("2=wrkspc_01PROD", {"global": "ok", "PROD": "warning"}),
        ("1=exp-a", {"global": "ok", "EXPA": "ok", "groups.research": "ok"}),
        ("1.5=exp-b", {"global": "ok", "EXPB": "breached", "groups.research": "breached"}),
        ("1.5=exp-a", {"global": "ok", "EXPA": "ok", "groups.research": "breached"}),
        ("3=default", {"global": "ok"}),
        ("3.01=default", {"global": "breached"}),
        ("3.01=new", {"global": "breached"}),
    ],
)
def test_reservation_meets_every_cap_it_has_to_do_with(
    reserve: str, statuses: dict[str, str]
) -> None:
    """That of the organization and, where a workspace is named, its own and those of its groups."""
    # A status of warning is that of spend alone: a reservation warns of nothing.
    expected = {id_: "ok" if it == "warning" else it for id_, it in statuses.items()}
    assert reserved(judged(reserve=reserve)) == expected


def test_reservation_leaves_the_spend_as_it_is() -> None:
    """What is told as spent was spent."""
    report = judged(reserve="500=production")
    result = budget(report, "workspaces.wrkspc_01PROD")
    assert result.spend == bounds("20")
    assert result.reserved == 500
    assert (result.status, result.reason) == (
        "breached",
        "spend and the reservation are above the cap",
    )
    assert report.spend == bounds("37")


def test_reservation_has_nothing_to_do_with_models() -> None:
    """It names none."""
    assert budget(judged(reserve="3"), "models.claude-opus-*").reserved == 0


def test_reservation_counts_once_in_a_group() -> None:
    """However often the group names the workspace."""
    rules = f"version: 1\ngroups: {{g: {{cap: 8, {OFF}, workspaces: [exp-*, exp-a, exp-b]}}}}\n"
    assert judged(reserve="1=exp-a", rules=rules).status == "ok"
    assert judged(reserve="1.01=exp-a", rules=rules).status == "breached"


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [("37", "37", "ok"), ("36", "38", "uncertain"), ("38", "39", "breached")],
)
def test_reservation_on_top_of_a_range(low: str, high: str, status: str) -> None:
    """It is uncertain where the cap of 40 lies within what both may come to."""
    rules = f"version: 1\nglobal: {{cap: 40, {OFF}}}\n"
    report = judged(reserve="3", rules=rules, lines=[line(bounds(low, high))])
    assert report.status == status


def test_reservation_is_held_against_the_cap_of_an_exception() -> None:
    """The cap in force."""
    text = f"{RULES}exceptions: [{{budget: global, cap: 50, until: 2026-11-20, reason: x}}]\n"
    assert reserved(judged(reserve="13", rules=text)) == {"global": "ok"}
    assert reserved(judged(reserve="13.01", rules=text)) == {"global": "breached"}


@pytest.mark.parametrize(
    ("unlisted", "reserve", "statuses"),
    [
        ("{cap: 5}", "5=new", {"unlisted.wrkspc_01NEW": "ok"}),
        ("{cap: 5}", "5.01=new", {"unlisted.wrkspc_01NEW": "breached"}),
        ("{cap: 5}", "1=default", {"unlisted.default": "breached"}),
        ("fail", "0.01=new", {"unlisted.wrkspc_01NEW": "breached"}),
    ],
)
@pytest.mark.parametrize("cap", ["", "global: {cap: 999, forecast: off}\n"])
def test_reservation_in_an_unlisted_workspace_meets_its_cap(
    unlisted: str, reserve: str, statuses: dict[str, str], cap: str
) -> None:
    """Before anything is spent there, too: the default workspace has 10 USD, the new one none."""
    report = judged(reserve=reserve, rules=f"version: 1\nunlisted: {unlisted}\n{cap}")
    found = reserved(report)
    found.pop("global", None)
    assert found == statuses


def test_reservation_in_no_workspace_says_nothing_of_unlisted_ones() -> None:
    """The one it will be spent in may be any, and unattributed usage is another matter."""
    lines = (*LINES, line(bounds("1"), UNATTRIBUTED))
    rules = "version: 1\nglobal: {cap: 99}\nunlisted: {cap: 99}\n"
    assert set(reserved(judged(reserve="1", rules=rules, lines=lines))) == {"global"}


def test_reservation_in_a_member_of_a_group_is_not_unlisted() -> None:
    """It is named by the group."""
    rules = f"version: 1\nunlisted: fail\ngroups: {{g: {{cap: 9, {OFF}, workspaces: [new]}}}}\n"
    assert reserved(judged(reserve="9=new", rules=rules)) == {"groups.g": "ok"}


@pytest.mark.parametrize(
    ("rules", "reserve"),
    [
        ("workspaces: {production: {cap: 99}}", "1"),
        ("workspaces: {production: {cap: 99}}", "1=new"),
        ("workspaces: {production: {cap: 99}}", "1=exp-a"),
        ("groups: {g: {cap: 99, workspaces: [production]}}", "1=exp-a"),
        ('models: {"claude-*": {cap: 99}}', "1"),
        ('models: {"claude-*": {cap: 99}}', "1=production"),
        ("unlisted: warn", "1=production"),
        ("unlisted: warn", "1=new"),
        ("unlisted: {cap: 99}", "1"),
    ],
)
def test_reservation_that_no_cap_has_to_do_with_is_an_error(rules: str, reserve: str) -> None:
    """It would always pass, however large; a rule that only warns is no cap."""
    assert "no cap that decides covers the reservation" in str(
        refused(reserve=reserve, rules=f"version: 1\n{rules}\n").message
    )


@pytest.mark.parametrize(
    "workspace",
    [
        "prodution",
        "Production",
        "exp-*",
        "wrkspc_01GONE",
        "research",
        "unattributed",
        " production",
    ],
)
def test_reservation_in_a_workspace_that_does_not_exist_is_an_error(workspace: str) -> None:
    """Though the organization has a cap: a glob or a group is no workspace."""
    assert f"no workspace is called {workspace!r}" in refused(reserve=f"1={workspace}").message


def test_reservation_in_one_of_two_workspaces_of_a_name_is_an_error() -> None:
    """With the ids to choose from."""
    error = refused(reserve="1=twin")
    assert error.message == "2 workspaces are called 'twin'"
    assert "wrkspc_01TWIN, wrkspc_02TWIN" in error.hint


def test_name_to_reserve_in_needs_a_list() -> None:
    """An id that is in the usage does not."""
    rules = "version: 1\nglobal: {cap: 99}\n"
    assert "'production'" in refused(reserve="1=production", rules=rules, workspaces=None).message
    report = judged(reserve="1=wrkspc_01PROD", rules=rules, workspaces=None)
    assert reserved(report) == {"global": "ok"}


@pytest.mark.parametrize("reserve", ["0", "0.00", "0=new", "0=production"])
def test_reservation_of_nothing_is_as_none(reserve: str) -> None:
    """A job may have been told to cost nothing, in a policy without a cap that it concerns, too."""
    rules = f"version: 1\ngroups: {{g: {{cap: 99, {OFF}, workspaces: [exp-a]}}}}\n"
    assert judged(reserve=reserve, rules=rules).status == "ok"


def test_workspace_of_a_reservation_of_nothing_is_checked() -> None:
    """A mistyped name is one."""
    assert "prodution" in refused(reserve="0=prodution").message


# Budgets that decide -----------------------------------------------------------------------------

# Production is breached, the group is not decided, one of the two of the glob warns.
MIXED = (
    "version: 1\n"
    f"global: {{cap: 99, {OFF}}}\n"
    "workspaces:\n"
    f"  production: {{cap: 19, {OFF}}}\n"
    f"  exp-*: {{cap: 4, {OFF}}}\n"
    "groups:\n"
    f"  research: {{cap: 9, {OFF}, workspaces: [exp-*, new]}}\n"
)
UNCERTAIN = (*LINES, line(bounds("1", "3"), "wrkspc_01NEW"))


def ended(*only: str, fail_on: FailOn = "breach") -> tuple[str, int]:
    """The status of the report and the exit code."""
    report = judged(*only, rules=MIXED, lines=UNCERTAIN)
    report, code = decide(report, Terms(fail_on, only=only))
    return report.status, code


@pytest.mark.parametrize(
    ("only", "status", "code"),
    [
        ((), "breached", 1),
        (("global",), "ok", 0),
        (("workspaces.production",), "breached", 1),
        (("workspaces.wrkspc_01PROD",), "breached", 1),
        (("groups.research",), "uncertain", 3),
        (("workspaces.exp-*",), "warning", 0),
        (("workspaces.wrkspc_01EXPA",), "ok", 0),
        (("workspaces.wrkspc_01EXPB",), "warning", 0),
        (("global", "global"), "ok", 0),
        (("global", "workspaces.exp-*"), "warning", 0),
        (("global", "workspaces.production"), "breached", 1),
        (("groups.research", "workspaces.production"), "breached", 1),
    ],
)
def test_only_named_budgets_decide(only: tuple[str, ...], status: str, code: int) -> None:
    """By id, or by key as the policy has it, which for a glob is every match."""
    assert ended(*only) == (status, code)


@pytest.mark.parametrize(
    ("only", "code"), [("workspaces.exp-*", 1), ("workspaces.wrkspc_01EXPA", 0), ("global", 0)]
)
def test_warnings_of_other_budgets_do_not_fail(only: str, code: int) -> None:
    """With `--fail-on warning`."""
    assert ended(only, fail_on="warning")[1] == code


def test_other_budgets_are_judged_all_the_same() -> None:
    """They have the status that they would have, and say that they do not decide."""
    some = judged("global", rules=MIXED, lines=UNCERTAIN)
    every = judged(rules=MIXED, lines=UNCERTAIN)
    assert {it.id: it.status for it in some.budgets} == {it.id: it.status for it in every.budgets}
    assert {it.id for it in some.budgets if it.decides} == {"global"}
    assert all(it.decides for it in every.budgets)


def test_note_names_what_was_not_enforced() -> None:
    """Those that would have failed the run, worst first."""
    report = judged("global", rules=MIXED, lines=UNCERTAIN)
    (note,) = notes_with(report.notes, "not_enforced_here")
    assert note.message == (
        "Not checked here, by --budget: production (breached), research (uncertain)."
    )
    told = judged("workspaces.production", "groups.research", rules=MIXED, lines=UNCERTAIN)
    assert "not_enforced_here" not in [note.code for note in told.notes]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("production", "workspaces.production"),
        ("prodution", "workspaces.production"),
        ("Production", "workspaces.production"),
        ("workspaces.prodution", "workspaces.production"),
        ("workspaces.Production", "workspaces.production"),
        ("research", "groups.research"),
        ("models.research", "groups.research"),
        ("exp-*", "workspaces.exp-*"),
        ("exp-a", "workspaces.wrkspc_01EXPA"),
        ("workspaces.exp-a", "workspaces.wrkspc_01EXPA"),
        ("wrkspc_01EXPA", "workspaces.wrkspc_01EXPA"),
        ("Global", "global"),
        ("organization", "global"),
    ],
)
def test_budget_by_another_name_is_told_as_it_is_called(name: str, meant: str) -> None:
    """By the name of its workspace or of its key, or misspelt; and as it is told, it decides."""
    error = refused(name, rules=MIXED)
    assert error.message == f"there is no budget {name!r} to enforce"
    assert error.hint == f"did you mean {meant}?"
    assert any(it.decides for it in judged(meant, rules=MIXED).budgets)


@pytest.mark.parametrize(
    "name", ["workspaces.wrkspc_01NEW", "workspaces", "groups.*", "unlisted", "*"]
)
def test_budget_that_there_is_not_is_an_error(name: str) -> None:
    """Next to one that there is, too: otherwise a mistyped one would decide nothing, and pass."""
    for only in ((name,), ("global", name)):
        error = refused(*only, rules=MIXED)
        assert error.message == f"there is no budget {name!r} to enforce"
        assert error.hint == (
            "name one of: global, groups.research, workspaces.exp-*, workspaces.production"
        )


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ("unlisted: fail", "unlisted"),
        ("unlisted: warn", "unlisted"),
        ("unlisted: {cap: 5}", "unlisted"),
    ],
)
def test_key_that_comes_down_to_no_budget_today_may_be_named(rules: str, name: str) -> None:
    """Nothing unlisted was spent, which is what the budget is about."""
    text = f"version: 1\nglobal: {{cap: 1}}\n{rules}\n"
    report = judged(name, rules=text, lines=[])
    assert (report.status, decide(report, Terms(only=(name,)))[1]) == ("ok", 0)


@pytest.mark.parametrize("key", ["later-*", "later"])
def test_keys_that_all_name_nothing_today_are_refused(key: str) -> None:
    """Nothing would be decided; beside another budget such a key may stand."""
    rules = (
        f'version: 1\nglobal: {{cap: 99}}\nworkspaces: {{"{key}": {{cap: 5, optional: true}}}}\n'
    )
    assert "nothing would be decided" in refused(f"workspaces.{key}", rules=rules).message
    report = judged(f"workspaces.{key}", "global", rules=rules, lines=[])
    assert [it.decides for it in report.budgets] == [True]


def test_reservation_that_concerns_no_deciding_cap_is_an_error() -> None:
    """It would always pass, however large."""
    rules = "version: 1\nglobal: {cap: 99}\nworkspaces: {exp-a: {cap: 9}, production: {cap: 9}}\n"
    error = refused("workspaces.exp-a", reserve="1000000=production", rules=rules)
    assert "no cap that decides" in error.message
    assert_says(error.hint, "--reserve USD=WORKSPACE", "global cap")


def test_a_name_of_two_budgets_is_told_with_both() -> None:
    """That of a workspace and of a group: which one is meant nobody knows."""
    rules = "version: 1\nworkspaces: {production: {cap: 9}}\ngroups: {production: {cap: 9, workspaces: [exp-a]}}\n"
    hint = refused("production", rules=rules).hint
    assert hint == "did you mean groups.production or workspaces.production?"


def test_key_of_unlisted_workspaces_names_each() -> None:
    """And the id of one only that."""
    rules = "version: 1\nunlisted: {cap: 5, forecast: off}\n"
    every = judged("unlisted", rules=rules)
    assert all(it.decides for it in every.budgets)
    assert every.status == "breached"
    one = judged("unlisted.wrkspc_01EXPA", rules=rules)
    assert [it.id for it in one.budgets if it.decides] == ["unlisted.wrkspc_01EXPA"]
    assert one.status == "ok"


@pytest.mark.parametrize(
    ("rules", "only", "said"),
    [
        (
            "global: {cap: 99}\nunlisted: {cap: 5}\nworkspaces: {'*': {cap: 9}, default: {cap: 9}}\n",
            ("unlisted",),
            "",
        ),
        (
            "global: {cap: 99}\nunlisted: {cap: 5}\nworkspaces: {'*': {cap: 9}, default: {cap: 9}}\n",
            ("unlisted", "global"),
            "; the budget checked here holds (7 not checked)",
        ),
    ],
)
def test_headline_says_that_no_unlisted_workspace_was_checked(
    rules: str, only: tuple[str, ...], said: str
) -> None:
    """Where none has spend, the key decides nothing, and green must not read as more."""
    report = judged(*only, rules=f"version: 1\n{rules}")
    assert report.status == "ok"
    told = plain_headline(report, "budget.yml")
    assert f"(list prices){said}." in told
    assert told.endswith(" No unlisted workspace has spend: --budget unlisted checked nothing.")


# What is not known -------------------------------------------------------------------------------

NEW_MODEL = line(bounds("1", "unlimited"), "wrkspc_01EXPA", model="claude-new-9")
UNPRICED = ("1 token has no price.",)


@pytest.mark.parametrize(
    ("only", "status", "code"),
    [
        ((), "unverified", 3),
        (("workspaces.production",), "ok", 0),
        (("models.claude-opus-*",), "ok", 0),
        (("global",), "unverified", 3),
        (("workspaces.exp-*",), "unverified", 3),
        (("workspaces.wrkspc_01EXPB",), "ok", 0),
        (("groups.research",), "unverified", 3),
        (("groups.research", "workspaces.production"), "unverified", 3),
    ],
)
def test_usage_without_a_price_counts_where_it_is(
    only: tuple[str, ...], status: str, code: int
) -> None:
    """A budget that it is not of is known to the cent; the others are not."""
    report = judged(*only, lines=(*LINES, NEW_MODEL), unpriced=UNPRICED)
    assert (report.status, decide(report, Terms(only=only))[1]) == (status, code)


def test_usage_without_a_price_may_be_anyones_where_no_budget_decides() -> None:
    """Nothing unlisted has spend that is known, and that without a price may be just that."""
    rules = "version: 1\nglobal: {cap: 99}\nunlisted: {cap: 5}\nworkspaces: {'*': {cap: 9}, default: {cap: 9}}\n"
    lines = [line(bounds("1"))]
    report = judged("unlisted", rules=rules, lines=lines, unpriced=UNPRICED)
    assert [it.id for it in report.budgets if it.decides] == []
    assert (report.status, decide(report, Terms(only=("unlisted",)))[1]) == ("unverified", 3)


def test_budgets_that_are_all_named_are_as_if_none_was() -> None:
    """Usage without a price may be of what no budget watches, and nothing says otherwise then."""
    rules = f"version: 1\nworkspaces: {{production: {{cap: 99, {OFF}}}}}\n"
    for only in ((), ("workspaces.production",)):
        report = judged(*only, rules=rules, lines=(*LINES, NEW_MODEL), unpriced=UNPRICED)
        assert report.status == "unverified"


def test_unattributed_usage_is_never_left_out() -> None:
    """It may be of the workspace that decides."""
    lines = (*LINES, line(bounds("5"), UNATTRIBUTED))
    assert judged("workspaces.production", lines=lines).status == "uncertain"


def fallen_back(*only: str, then: Bounds) -> tuple[str, int]:
    """How a run without spend ends after one in which production had spent that much."""
    lines = [line(then, "wrkspc_01PROD")]
    before = judged(rules=MIXED, lines=lines)
    earlier = EarlierReport(before.as_of, before.period.start, None, before.budgets)

    def fail() -> Spend:
        raise UnverifiedError("the API said no", "wait", code="http_500")

    report, code = check(policy(MIXED), fail, MONTH, Terms(only=only), earlier=earlier)
    return report.status, code


@pytest.mark.parametrize(
    ("only", "status", "code"),
    [
        ((), "breached", 1),
        (("workspaces.production",), "breached", 1),
        (("workspaces.wrkspc_01PROD",), "breached", 1),
        (("global",), "unverified", 3),
        (("workspaces.exp-*",), "unverified", 3),
        (("workspaces.prodution",), "unverified", 3),
    ],
)
def test_earlier_breach_counts_where_it_decides(
    only: tuple[str, ...], status: str, code: int
) -> None:
    """By key or by id; and nothing passes where spend is not known."""
    assert fallen_back(*only, then=bounds("20")) == (status, code)


# Whole runs --------------------------------------------------------------------------------------

# 18 USD in production and 0.30 USD in the default workspace; nothing in staging.
WHOLE = (
    f"version: 1\nglobal: {{cap: 20, {OFF}}}\nworkspaces:\n  production: {{cap: 5, {OFF}}}\n"
    f"  staging: {{cap: 1, {OFF}}}\n"
)
WITHIN = WHOLE.replace("cap: 5", "cap: 50")


def run(here: Here, *flags: str, text: str = WHOLE) -> Run:
    """How a check ends, as a step of GitHub Actions."""
    here.set(here.program.step)
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        return here.check(api, *flags, policy=text, now=NOW)


def commands(told: Run) -> list[Command]:
    """The annotations of a run."""
    lines = [it for it in told.stderr.splitlines() if it.startswith("::")]
    return [it for it in read_commands("\n".join(lines)) if it[0] != "add-mask"]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ([], 1),
        (["--budget", "global"], 0),
        (["--budget", "workspaces.production"], 1),
        (["--budget", f"workspaces.{PRODUCTION}"], 1),
        (["--budget", "global", "--budget", "workspaces.staging"], 0),
        (["--budget", "global", "--budget", "workspaces.production"], 1),
        (["--budget", "global\nworkspaces.production"], 1),
        (["--budget", "  global  "], 0),
        (["--budget", ""], 1),
        (["--budget", " \n "], 1),
        (["--budget", "workspaces.prodution"], 2),
        (["--budget", "global", "--budget", "workspaces.prodution"], 2),
        (["--budget", "global,workspaces.production"], 2),
        (["--budget", "global workspaces.production"], 2),
        (["--budget=workspaces.*"], 2),
    ],
)
def test_budget_flag_has_its_exit_code(here: Here, flags: list[str], code: int) -> None:
    """None that is empty lets a breach pass, nor does one that names nothing."""
    assert run(here, *flags).code == code


@pytest.mark.parametrize(
    ("variable", "flags", "code"),
    [
        ("global", [], 0),
        ("global\n", [], 0),
        ("\nglobal\r\nworkspaces.staging\n\n", [], 0),
        ("workspaces.staging\nworkspaces.production", [], 1),
        ("workspaces.prodution", [], 2),
        ("", [], 1),
        ("global", ["--budget", "workspaces.production"], 1),
        ("workspaces.production", ["--budget", "global"], 0),
    ],
)
def test_input_of_the_action_names_one_a_line(
    here: Here, variable: str, flags: list[str], code: int
) -> None:
    """As the action hands it over; the flag wins."""
    here.set({"BUDGET_GATE_BUDGETS": variable})
    assert run(here, *flags).code == code


@pytest.mark.parametrize(
    ("reserve", "code"),
    [
        ("1.7", 0),
        ("1.71", 1),
        ("32=production", 1),
        ("1=staging", 0),
        ("1.01=staging", 1),
        ("0", 0),
        ("0.000000000001", 0),
        ("1=stagin", 2),
        ("1=workspaces.staging", 2),
        ("1=", 2),
        ("=staging", 2),
        ("staging", 2),
        ("staging=1", 2),
        ("1 =staging", 2),
        ("1= staging", 2),
        ("1==staging", 2),
        (" 1", 2),
        ("-1", 2),
        ("+1", 2),
        ("$1", 2),
        ("1,5", 2),
        ("1e0", 2),
        ("1_0", 2),
        (".5", 2),
        ("1.", 2),
        ("NaN", 2),
        ("Infinity", 2),
        ("\u0661", 2),
        ("0.0000000000001", 2),
        ("9999999999999999", 2),
        ("999999999999999.999999999999", 1),
    ],
)
def test_reserve_flag_has_its_exit_code(here: Here, reserve: str, code: int) -> None:
    """18.30 USD of 20 are spent; nothing but a plain amount of USD is one."""
    told = run(here, f"--reserve={reserve}", text=WITHIN)
    assert (told.code, bool(told.stdout)) == (code, code != 2)


def test_reserve_is_read_from_the_environment_and_the_flag_wins(here: Here) -> None:
    """As with every setting."""
    here.set({"BUDGET_GATE_RESERVE": "5"})
    assert run(here, text=WITHIN).code == 1
    assert run(here, "--reserve", "1", text=WITHIN).code == 0
    here.set({"BUDGET_GATE_RESERVE": "1.01=staging"})
    assert run(here, text=WITHIN).code == 1
    here.set({"BUDGET_GATE_RESERVE": ""})
    assert run(here, text=WITHIN).code == 0


@pytest.mark.parametrize("reserve", ["[5]", "null", '{"amount": 5}', '"5"', "5=", "x"])
def test_variable_that_is_no_reservation_is_refused(here: Here, reserve: str) -> None:
    """Not even as JSON."""
    here.set({"BUDGET_GATE_RESERVE": reserve})
    assert run(here, text=WITHIN).code == 2


def test_wrong_reservation_names_its_flag_and_variable(here: Here) -> None:
    """Whichever was given."""
    told = run(here, "--reserve", "10 USD", text=WITHIN)
    assert "reserve (--reserve or BUDGET_GATE_RESERVE): '10 USD' is not USD" in told.stderr


def test_empty_reservation_is_refused(here: Here) -> None:
    """A variable of the shell that is not set is no reservation of nothing."""
    assert run(here, "--reserve", "", text=WITHIN).code == 2


def test_reservation_and_budgets_go_together(here: Here) -> None:
    """A reservation over a cap that does not decide fails nothing."""
    flags = ("--reserve", "1.5=staging", "--budget")
    assert run(here, *flags, "global", text=WITHIN).code == 0
    assert run(here, *flags, "workspaces.staging", text=WITHIN).code == 1


@pytest.mark.parametrize(
    "flags", [["--reserve", "1=stagin"], ["--budget", "prodution"], ["--reserve", "1,5"]]
)
def test_mistyped_terms_do_not_pass_where_failures_are_waived(here: Here, flags: list[str]) -> None:
    """`--fail-on never` and `--on-error warn` are about spend."""
    assert run(here, *flags, "--fail-on", "never", "--on-error", "warn").code == 2


def test_terms_let_nothing_pass_that_is_not_known(here: Here) -> None:
    """An API that refuses ends in 3, whatever is to decide."""
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(403)) as api:
        flags = ("--budget", "global", "--reserve", "1")
        assert here.check(api, *flags, policy=WITHIN, now=NOW).code == 3


# What is shown


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_other_budgets_are_shown_as_not_enforced_here(here: Here, form: str) -> None:
    """Beside them, in the headline and in a note."""
    out = run(here, "--budget", "global", "--format", form).stdout
    assert "the budget checked here holds (2 not checked)" in " ".join(out.split())
    assert "Breached, but not checked here: " in " ".join(out.split())
    assert "Not checked here, by --budget: production" in out


def test_json_report_tells_which_budgets_decide(here: Here) -> None:
    """For programs; the run itself is enforced."""
    report = run(here, "--budget", "global", "--format", "json").report
    assert {it["id"]: it["enforced"] for it in report["budgets"]} == {
        "global": True,
        f"workspaces.{PRODUCTION}": False,
        "workspaces.wrkspc_01EXAMPLESTAG": False,
    }
    assert (report["status"], report["enforced"]) == ("ok", True)


def test_breach_that_does_not_decide_is_no_error_of_the_step(here: Here) -> None:
    """A green step with an error would be taken for one that failed."""
    told = run(here, "--budget", "global")
    ((level, properties, message),) = commands(told)
    assert (told.code, level, properties["line"]) == (0, "warning", "4")
    assert message.startswith("production has spent $18.00")
    assert message.endswith("Not checked here.")


def test_breach_that_decides_is_an_error_of_the_step(here: Here) -> None:
    """The one of two breaches that does."""
    text = WHOLE.replace("cap: 20", "cap: 18")
    told = run(here, "--budget", "workspaces.production", text=text)
    levels = {message.split(" ")[0]: level for level, _, message in commands(told)}
    assert levels == {"production": "error", "organization": "warning"}


@pytest.mark.parametrize(
    ("flags", "status", "breached"),
    [
        (["--budget", "global"], "ok", [f"workspaces.{PRODUCTION}"]),
        (["--budget", "workspaces.production"], "breached", [f"workspaces.{PRODUCTION}"]),
        (
            ["--budget", "global", "--reserve", "9"],
            "breached",
            ["global", f"workspaces.{PRODUCTION}"],
        ),
    ],
)
def test_step_outputs(here: Here, flags: list[str], status: str, breached: list[str]) -> None:
    """The status is that of what decides, and the list has every breach."""
    run(here, *flags)
    outputs = read_outputs(here.program.output)
    assert (outputs["status"], outputs["enforced"]) == (status, "true")
    assert sorted(json.loads(outputs["breached"])) == breached


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_reservation_stands_beside_its_budgets(here: Here, form: str) -> None:
    """Beside the two that it concerns, and no other."""
    out = run(here, "--reserve", "0.5=staging", "--format", form, text=WITHIN).stdout
    assert out.count("including $0.50 reserved") == 2


def test_breach_by_a_reservation_is_told_as_one(here: Here) -> None:
    """In the headline, the summary and the annotation: it was not spent."""
    told = run(here, "--reserve", "9", text=WITHIN)
    expected = "$18.30 + $9.00 reserved = $27.30, $7.30 over its $20.00 cap (list prices)"
    assert expected in told.said
    assert "At most $1.70 can be reserved (cap of organization)." in told.said
    assert expected in here.program.summary
    ((level, _, message),) = commands(told)
    assert level == "error"
    assert expected in message


def test_breach_by_a_part_of_a_cent_does_not_read_as_none(here: Here) -> None:
    """18.30 and 1.70 are the cap of 20 to the cent."""
    told = run(here, "--reserve", "1.700000001", text=WITHIN).said
    assert "$1.70 reserved = $20.000000001, $0.000000001 over its $20.00 cap" in told


def test_reservation_is_in_the_json_report(here: Here) -> None:
    """As an exact amount, 0 where it is of no concern."""
    report = run(here, "--reserve", "0.50=staging", "--format", "json", text=WITHIN).report
    assert {it["name"]: it["reserved"] for it in report["budgets"]} == {
        "organization": "0.5",
        "production": "0",
        "staging": "0.5",
    }
    assert report["spend"] == {"low": "18.3", "high": "18.3"}


# Texts of strangers ------------------------------------------------------------------------------


def group(text: str) -> str:
    """A policy whose one group, of that name, is breached."""
    groups = {text: {"cap": "1", "forecast": "off", "workspaces": ["production"]}}
    return json.dumps({"version": "1", "global": {"cap": "99"}, "groups": groups})


@pytest.mark.parametrize("flags", [(), ("--budget", "global")], ids=["decides", "does not"])
@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_name_of_a_group_stays_text(step: Here, text: str, flags: tuple[str, ...]) -> None:
    """Nothing of it reaches the runner as a command, the terminal, or the structure of the summary."""
    # Longer keys than this are not YAML, and no name has a blank around it.
    text = text[:1000].strip(" \t\r\n")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        ordinary = shown(step, api, *flags, policy=group(PLAIN))
        told = shown(step, api, *flags, policy=group(text))
    assert ordinary.run.code == (0 if flags else 1)
    assert_inert(told)
    if text != SURROGATE:
        assert_alike(told, ordinary, text)


@pytest.mark.parametrize("flag", ["--budget=no {}", "--reserve=1=no {}"])
@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_term_that_is_refused_stays_text(step: Here, text: str, flag: str) -> None:
    """A workflow may build it of a branch's name."""
    # A command line has no lone surrogate and no null.
    text = text.encode(errors="replace").decode().replace("\0", "")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        told = shown(step, api, flag.format(text), policy=group(PLAIN))
    assert told.run.code == 2
    assert_inert(told)


@pytest.mark.parametrize("text", EVIL, ids=way_id)
def test_reservation_that_is_no_amount_is_shown_as_text(step: Here, text: str) -> None:
    """A setting is refused before there is any key to mask."""
    told = step.main(f"--reserve=no {text}", policy=group(PLAIN))
    assert (told.code, told.stdout) == (2, "")
    assert "##[" not in told.stderr
    assert told.stderr.replace("\n", "").isprintable()
    assert [level for level, _, _ in commands(told)] == ["error"]
    assert_own_structure(step.program.summary)
