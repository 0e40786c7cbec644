"""What `doctor` finds: of the clock, of a credential and of a policy, each with its remedy."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from budget_gate.domain.budget_health import (
    check_archived,
    check_caps,
    check_keys,
    check_uncapped,
)
from budget_gate.domain.credential_health import check_credential
from budget_gate.domain.health import (
    NAMED,
    Finding,
    check_time,
    exit_code,
    misconfigured,
    noted,
    unverified,
)
from budget_gate.domain.notes import Note
from budget_gate.domain.policy.keys import Resolved, directory, resolve
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.terms import STRICT
from budget_gate.errors import ConfigurationError, Problem, UnverifiedError
from tests.helpers.builders import MONTH, bounds, policy, spend_of
from tests.helpers.wording import assert_in_style, assert_says

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_a_clock_that_nothing_is_compared_with_is_a_warning() -> None:
    """The API sent no time: somebody has to look."""
    found = check_time(NOON, None, is_told=False)
    assert (found.level, found.check, found.exit_code) == ("warning", "clock", 0)
    assert_says(found.message, "API", "no time")
    assert_says(found.remedy, "check the clock")


def test_a_clock_of_another_day_is_an_error() -> None:
    """The wrong month might be judged, so the spend is not known: 3."""
    found = check_time(NOON, timedelta(days=1), is_told=False)
    assert (found.level, found.check, found.exit_code) == ("error", "clock", 3)
    assert_says(found.message, "24 hours behind", "day")
    assert_says(found.remedy, "set the clock")


def test_a_clock_of_another_day_judges_a_time_that_is_told() -> None:
    """No verdict hangs on it, but it is wrong all the same."""
    found = check_time(NOON, timedelta(days=-1), is_told=True)
    assert (found.level, found.check, found.exit_code) == ("warning", "clock", 0)
    assert_says(found.message, "24 hours ahead", "day")
    assert found.remedy == "set the clock"


@pytest.mark.parametrize(
    ("difference", "level", "told"),
    [
        (-6 * MINUTE, "warning", "6 minutes ahead"),
        (-2 * MINUTE, "ok", "120 seconds ahead"),
        (MINUTE, "ok", "60 s"),
    ],
)
def test_some_minutes_are_told(difference: timedelta, level: str, told: str) -> None:
    """More than five are a warning, and how many is told whatever the direction."""
    found = check_time(NOON, difference, is_told=False)
    assert (found.level, found.check, found.exit_code) == (level, "clock", 0)
    assert_says(found.message, told)


@pytest.mark.parametrize(
    ("key", "token", "facts", "remedy"),
    [
        ("sk-ant-api03-EXAMPLE", None, ["ANTHROPIC_ADMIN_KEY", "API key"], ["ANTHROPIC_ADMIN_KEY"]),
        (
            None,
            "sk-ant-api03-EXAMPLE",
            ["ANTHROPIC_AUTH_TOKEN", "API key"],
            ["ANTHROPIC_ADMIN_KEY"],
        ),
        (
            "sk-ant-oat01-EXAMPLE",
            None,
            ["ANTHROPIC_ADMIN_KEY", "an OAuth token"],
            ["set ANTHROPIC_AUTH_TOKEN", "leave ANTHROPIC_ADMIN_KEY empty"],
        ),
        (
            None,
            "sk-ant-admin01-EXAMPLE",
            ["ANTHROPIC_AUTH_TOKEN", "an Admin key"],
            ["set ANTHROPIC_ADMIN_KEY", "leave ANTHROPIC_AUTH_TOKEN empty"],
        ),
    ],
)
def test_a_credential_in_the_wrong_place_is_told_where_it_belongs(
    key: str | None, token: str | None, facts: list[str], remedy: list[str]
) -> None:
    """By its first characters, which say of what kind it is."""
    found = check_credential(key, token, has_message_key=False, is_usual_address=True)
    assert (found.level, found.check, found.exit_code) == ("warning", "credential", 0)
    assert_says(found.message, *facts)
    assert_says(found.remedy, *remedy)
    assert "EXAMPLE" not in found.message + found.remedy


def test_an_api_key_is_told_from_an_admin_key_by_how_both_begin() -> None:
    """And where the right one is made."""
    found = check_credential(
        "sk-ant-api03-EXAMPLE", None, has_message_key=False, is_usual_address=True
    )
    assert_says(
        found.remedy,
        *("API key (sk-ant-api...)", "Admin key (sk-ant-admin...)", "in the Console"),
        "set ANTHROPIC_ADMIN_KEY",
    )


def test_a_token_in_its_own_variable_is_fine() -> None:
    """One that does not look like one is a warning, with what to set."""
    found = check_credential(
        None, "sk-ant-oat01-EXAMPLE", has_message_key=False, is_usual_address=True
    )
    message = "ANTHROPIC_AUTH_TOKEN is an OAuth token (sk-ant-oat...)"
    assert found == Finding("ok", "credential", message)
    found = check_credential(None, "other", has_message_key=False, is_usual_address=True)
    assert (found.level, found.exit_code) == ("warning", 0)
    assert_says(found.message, "ANTHROPIC_AUTH_TOKEN does not look like an OAuth token")
    assert_says(found.remedy, "if the API refuses it", "set ANTHROPIC_AUTH_TOKEN to an OAuth token")


@pytest.mark.parametrize(
    ("is_usual", "level", "remedy"), [(True, "warning", "ADMIN_KEY"), (False, "ok", "")]
)
def test_a_key_of_a_gateway_may_look_otherwise(is_usual: bool, level: str, remedy: str) -> None:  # noqa: FBT001
    """At the usual address it is a warning, as the API may refuse it."""
    found = check_credential("gw-EXAMPLE", None, has_message_key=False, is_usual_address=is_usual)
    assert (found.level, found.check, found.exit_code) == (level, "credential", 0)
    assert_says(
        found.message, "ANTHROPIC_ADMIN_KEY does not look like an Admin key", "sk-ant-admin"
    )
    assert remedy in found.remedy
    assert bool(found.remedy) is is_usual


def test_a_token_behind_a_key_is_not_used() -> None:
    """The key wins, and the other one is named."""
    found = check_credential(
        "sk-ant-admin01-EXAMPLE",
        "sk-ant-oat01-EXAMPLE",
        has_message_key=False,
        is_usual_address=True,
    )
    assert (found.level, found.remedy) == ("ok", "")
    assert_says(
        found.message, "ANTHROPIC_ADMIN_KEY is an Admin key", "ANTHROPIC_AUTH_TOKEN", "not used"
    )


@pytest.mark.parametrize("has_message_key", [True, False])
def test_without_a_credential_the_spend_is_not_known(has_message_key: bool) -> None:  # noqa: FBT001
    """An error of exit code 3, and which variable to set."""
    found = check_credential(None, None, has_message_key=has_message_key, is_usual_address=True)
    assert (found.level, found.check, found.exit_code) == ("error", "credential", 3)
    assert_says(found.message, "none found", "not asked")
    assert_says(found.remedy, "ANTHROPIC_ADMIN_KEY")


# What a policy and its spend show


ALPHA = Workspace("wrkspc_01A", "alpha")
BETA = Workspace("wrkspc_01B", "beta")
OLD = Workspace("wrkspc_01OLD", "old", archived=True)
LISTED = (ALPHA, BETA, OLD)


def resolved(text: str, spend: Spend) -> Resolved:
    """What the keys of a policy name."""
    file = policy(text)
    return resolve(file, spend, directory(file.policy, spend))


def told(findings: Iterable[Finding]) -> list[tuple[str, str, int]]:
    """Level, check and exit code of each, whose words are in the style of all that is said."""
    found = list(findings)
    for each in found:
        assert_in_style(each.message)
        assert_in_style(each.remedy)
    return [(each.level, each.check, each.exit_code) for each in found]


@pytest.mark.parametrize(
    ("codes", "expected"), [((), 0), ((0, 0), 0), ((0, 3), 3), ((3, 2, 0), 2), ((2,), 2)]
)
def test_a_wrong_configuration_wins_over_spend_that_is_not_known(
    codes: tuple[int, ...], expected: int
) -> None:
    """2 before 3, and 0 without an error."""
    findings = [Finding("ok", "x", "y", exit_code=code) for code in codes]  # type: ignore[arg-type]
    assert exit_code(findings) == expected


def test_each_defect_is_an_error_of_its_own() -> None:
    """With its place and remedy; an error without defects is one by itself."""
    problems = (
        Problem("budget.yml:2:3", "global.cap", "is missing", "add one"),
        Problem("budget.yml:4:1", "", "unknown key"),
    )
    assert list(misconfigured("policy", ConfigurationError("no", "fix it", problems=problems))) == [
        Finding("error", "policy", "budget.yml:2:3: global.cap: is missing", "add one", 2),
        Finding("error", "policy", "budget.yml:4:1: unknown key", "", 2),
    ]
    assert list(misconfigured("policy", ConfigurationError("no file", "write one"))) == [
        Finding("error", "policy", "no file", "write one", 2)
    ]


def test_what_could_not_be_read_is_an_error_with_its_trace() -> None:
    """For whoever looks into it."""
    error = UnverifiedError("the API is down", "run it again", "GET /v1: 503")
    assert unverified("usage", error) == Finding(
        "error", "usage", "the API is down", "run it again", 3, trace="GET /v1: 503"
    )


def test_of_notes_only_what_stands_in_the_way_or_will_is_found() -> None:
    """Errors and warnings, and two kinds of information that become warnings by themselves."""
    notes = [
        Note("error", "unpriced", "No price."),
        Note("warning", "late_costs", "Late."),
        Note("info", "expired_exception", "It ended."),
        Note("info", "stale_prices", "Old."),
        Note("info", "discount", "10%."),
    ]
    assert list(noted(notes)) == [
        Finding("error", "unpriced", "No price.", exit_code=3),
        Finding("warning", "late costs", "Late."),
        Finding("warning", "expired exception", "It ended."),
        Finding("warning", "stale prices", "Old."),
    ]


def test_keys_that_name_something_are_fine() -> None:
    """The report of the check comes along; where one names nothing, there is none."""
    spend = spend_of({"wrkspc_01A": bounds("5")}, workspaces=LISTED)
    findings, report = check_keys(
        policy("version: 1\nworkspaces: {alpha: {cap: 9}}\n"), spend, MONTH, STRICT
    )
    assert told(findings) == [("ok", "keys", 0)]
    assert_says(findings[0].message, "every workspace and model", "exists")
    assert report is not None
    findings, report = check_keys(
        policy("version: 1\nworkspaces: {gamma: {cap: 9}, delta: {cap: 9}}\n"), spend, MONTH, STRICT
    )
    assert (told(findings), report) == ([("error", "keys", 2)] * 2, None)
    assert_says(findings[1].message, "workspaces.delta", "no workspace is called this")


@pytest.mark.parametrize(
    ("workspaces", "total"),
    [
        ("alpha: {cap: 60}, beta: {cap: 40}", None),
        ("alpha: {cap: 60}, beta: {cap: 40.01}", "$100.01"),
        # One that is archived can spend nothing, and a glob has its cap for each that it matches.
        ("alpha: {cap: 60}, beta: {cap: 40}, old: {cap: 9}", None),
        ("'*a': {cap: 50.5}", "$101"),
        ("alpha: {cap: 60}, 'later-*': {cap: 60, optional: true}", None),
    ],
)
def test_caps_of_workspaces_beyond_the_global_one_are_a_warning(
    workspaces: str, total: str | None
) -> None:
    """It can be breached while each of them holds; exactly as much cannot."""
    text = f"version: 1\nglobal: {{cap: 100}}\nworkspaces: {{{workspaces}}}\n"
    spend = spend_of({"wrkspc_01OLD": bounds("1")}, workspaces=LISTED)
    found = check_caps(policy(text).policy, resolved(text, spend), ["wrkspc_01OLD"])
    assert told([found]) == [("warning" if total else "ok", "caps", 0)]
    if total:
        assert_says(found.message, f"workspace caps total {total}, more than", "cap of $100")
        assert_says(found.remedy, "raise the global cap or lower theirs", "unless")
    else:
        assert_says(found.message, "workspace caps total no more than the global cap")
        assert found.remedy == ""


@pytest.mark.parametrize(
    ("workspaces", "level"),
    [
        ("alpha: {cap: 60}, 'exp-*': {cap: 41}", "warning"),
        ("alpha: {cap: 60}, 'exp-*': {cap: 40}", "ok"),
        ("alpha: {cap: 60}, 'exp-*': {cap: 41, optional: true}", "ok"),
    ],
)
def test_without_the_workspaces_each_key_counts_once(workspaces: str, level: str) -> None:
    """Unless it may name none."""
    text = f"version: 1\nglobal: {{cap: 100}}\nworkspaces: {{{workspaces}}}\n"
    assert check_caps(policy(text).policy, None, ()).level == level


def test_without_a_global_cap_there_is_none_to_compare_with() -> None:
    """Which is fine."""
    found = check_caps(policy("version: 1\nworkspaces: {a: {cap: 5}}\n").policy, None, ())
    assert told([found]) == [("ok", "caps", 0)]
    assert_says(found.message, "no global cap")


def uncapped(text: str, spend: Spend) -> list[Finding]:
    """What is found of workspaces without a cap."""
    return list(check_uncapped(policy(text).policy, resolved(text, spend), spend))


def test_workspaces_with_spend_and_no_cap_are_named_the_largest_first() -> None:
    """Those that are archived apart, as nothing more is spent there; what is told of none is no workspace."""
    costs = {
        None: bounds("3"),
        "wrkspc_01A": bounds("5", "9"),
        "wrkspc_01B": bounds("7", "9"),
        "wrkspc_01C": bounds("100"),
        "wrkspc_01D": bounds("50"),
        "wrkspc_01OLD": bounds("2"),
        "wrkspc_01NONE": bounds("0"),
        UNATTRIBUTED: bounds("4"),
    }
    extra = (Workspace("wrkspc_01C", "capped"), Workspace("wrkspc_01D", "grouped"))
    spend = spend_of(costs, workspaces=(*LISTED, *extra))
    text = (
        "version: 1\nworkspaces: {capped: {cap: 1}}\ngroups: {g: {cap: 1, workspaces: [grouped]}}\n"
    )
    archived, live = uncapped(text, spend)
    assert told([archived, live]) == [("ok", "uncapped", 0), ("warning", "uncapped", 0)]
    assert_says(archived.message, "1 archived workspace has spend this month", "no cap is needed")
    assert archived.spenders == (("old", bounds("2")),)
    assert live.message == "3 workspaces have spend this month and no cap"
    assert_says(live.remedy, "add a cap under workspaces", "unlisted")
    assert live.spenders == (
        ("beta", bounds("7", "9")),
        ("alpha", bounds("5", "9")),
        ("default workspace", bounds("3")),
    )


@pytest.mark.parametrize(("count", "said"), [(NAMED, ""), (NAMED + 1, f", the {NAMED} largest")])
def test_of_many_workspaces_without_a_cap_only_the_largest_are_named(count: int, said: str) -> None:
    """Equal ones by name."""
    costs = {f"wrkspc_{number:02}": bounds("5") for number in range(count)}
    found = uncapped("version: 1\nglobal: {cap: 5}\n", spend_of(costs))
    assert told(found) == [("warning", "uncapped", 0)]
    assert found[0].message == f"{count} workspaces have spend this month and no cap{said}"
    assert [name for name, _ in found[0].spenders] == [
        f"wrkspc_{number:02}" for number in range(NAMED)
    ]


def test_where_every_workspace_has_a_cap_there_is_nothing_to_add() -> None:
    """By a key of its own, or by `unlisted`."""
    spend = spend_of({"wrkspc_01A": bounds("5")}, workspaces=LISTED)
    found = uncapped("version: 1\nworkspaces: {alpha: {cap: 9}}\n", spend)
    assert told(found) == [("ok", "uncapped", 0)]
    assert_says(found[0].message, "every workspace with spend this month has a cap")
    found = uncapped("version: 1\nunlisted: {cap: 9}\n", spend)
    assert told(found) == [("ok", "uncapped", 0)]
    assert_says(found[0].message, "`unlisted` covers every workspace")


@pytest.mark.parametrize(
    ("key", "spent", "level", "facts"),
    [
        ("old", "0", "warning", ["caps on archived workspaces: old"]),
        ("wrkspc_01OLD", "0", "warning", ["caps on archived workspaces: wrkspc_01OLD"]),
        ("old", "1", "ok", ["caps of archived workspaces still watch", "spend: old"]),
        ("'o*'", "1", "ok", ["no caps on archived workspaces"]),
        ("alpha", "1", "ok", ["no caps on archived workspaces"]),
    ],
)
def test_a_cap_on_an_archived_workspace_can_go_once_nothing_is_spent_there(
    key: str, spent: str, level: str, facts: list[str]
) -> None:
    """A glob is about more than what it matches today."""
    spend = spend_of({"wrkspc_01OLD": bounds(spent)}, workspaces=LISTED)
    text = f"version: 1\nworkspaces: {{{key}: {{cap: 9}}}}\n"
    found = check_archived(policy(text).policy, resolved(text, spend), spend)
    assert told([found]) == [(level, "archived", 0)]
    assert_says(found.message, *facts)
    if level == "warning":
        assert_says(found.remedy, "delete them from the policy")
    else:
        assert found.remedy == ""
