"""Step outputs, annotations and masks, read back as GitHub's runner reads them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.notes import Note
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.outputs.report.github import (
    render_annotations,
    render_mask,
    render_outputs,
    render_problems,
)
from tests.helpers.builders import bounds
from tests.helpers.reports import HOSTILE, hostile_report, make_budget, make_report
from tests.helpers.runner import OUTPUT_NAMES, Command, read_commands, read_outputs


def annotations(report: Report, policy: str = "budget.yml") -> list[Command]:
    """The annotations of a report."""
    return read_commands(render_annotations(report, policy))


def test_the_outputs_are_those_of_the_action() -> None:
    """Each of them once, with exact amounts."""
    report = make_report(
        "breached",
        make_budget("production", "12", status="breached", id="workspaces.wrkspc_01EXAMPLE"),
        make_budget("organization", "12.000000004", "5000.50", id="global"),
        make_budget("fine"),
        spend=bounds("12.000000004", "13"),
    )
    outputs = read_outputs(render_outputs(report, "out/report.json", "The verdict."))
    assert list(outputs) == OUTPUT_NAMES
    assert outputs == {
        "status": "breached",
        "enforced": "true",
        "spend-usd": "12.000000004",
        "basis": "list",
        "cap-usd": "5000.5",
        "breached": '["workspaces.wrkspc_01EXAMPLE"]',
        "not-enforced": "[]",
        "report": "out/report.json",
        "headline": "The verdict.",
        "changed": "",
        "breached-names": '["production"]',
    }


def test_outputs_that_do_not_apply_are_empty() -> None:
    """No spend, no global cap, no report: empty, so that a condition on them is false."""
    outputs = read_outputs(
        render_outputs(make_report("unverified", spend=None, enforced=False), "", "The verdict.")
    )
    assert outputs == {
        "status": "unverified",
        "enforced": "false",
        "spend-usd": "",
        "basis": "list",
        "cap-usd": "",
        "breached": "[]",
        "not-enforced": "[]",
        "report": "",
        "headline": "The verdict.",
        "changed": "",
        "breached-names": "[]",
    }


def test_what_does_not_decide_and_is_not_known_to_hold_is_an_output() -> None:
    """Breached or undecided budgets that --budget leaves out, and none that decides or only warns."""
    report = make_report(
        "ok",
        make_budget("production"),
        make_budget("a", status="breached", decides=False),
        make_budget("b", status="uncertain", decides=False),
        make_budget("c", status="warning", decides=False),
        make_budget("d", status="breached"),
    )
    outputs = read_outputs(render_outputs(report, "", "The verdict."))
    assert json.loads(outputs["not-enforced"]) == ["workspaces.a", "workspaces.b"]


def test_an_unverified_report_gives_no_amount() -> None:
    """What was read so far is not the spend."""
    outputs = read_outputs(
        render_outputs(make_report("unverified", spend=bounds("5")), "", "The verdict.")
    )
    assert outputs["spend-usd"] == ""


def test_a_cap_of_zero_is_told() -> None:
    """A global cap of 0 is a cap."""
    cap = make_budget("organization", cap="0", id="global")
    assert (
        read_outputs(render_outputs(make_report("ok", cap), "", "The verdict."))["cap-usd"] == "0"
    )


@pytest.mark.parametrize(
    "path",
    [
        "a\nstatus=ok",
        "a\nstatus<<EOF\nok\nEOF",
        "a\nend-00000000-0000-0000-0000-000000000000\nstatus=ok\n",
        "spaces and = signs << here",
        "\n\n",
    ],
)
def test_a_path_sets_no_other_output(path: str) -> None:
    """Whatever lines a path has, they are its value."""
    report = make_report("breached", make_budget(status="breached"))
    outputs = read_outputs(render_outputs(report, path, "The verdict."))
    assert list(outputs) == OUTPUT_NAMES
    assert outputs["report"] == path
    assert outputs["status"] == "breached"


@given(path=st.text(st.characters(codec="utf-8")))
def test_every_path_comes_back_as_it_was(path: str) -> None:
    """The delimiter is new each time, and can be in no value."""
    assert read_outputs(render_outputs(make_report(), path, "The verdict."))["report"] == path


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_id_is_quoted(hostile: str) -> None:
    """The list of breached budgets is one line of ASCII JSON."""
    breach = make_budget(status="breached", id=f"workspaces.{hostile}")
    outputs = read_outputs(render_outputs(make_report("breached", breach), "", "The verdict."))
    assert outputs["breached"].isascii()
    assert "\n" not in outputs["breached"]
    assert json.loads(outputs["breached"]) == [f"workspaces.{hostile}"]


def test_a_breach_is_an_error_at_its_line() -> None:
    """Shown in the diff of the policy, at the budget."""
    breach = make_budget("production", "12", status="breached", reason="spend is above the cap")
    assert annotations(make_report("breached", breach), ".github/budget.yml") == [
        (
            "error",
            {"file": ".github/budget.yml", "line": "4", "title": "budget-gate: production"},
            "production has spent $12.00, $2.00 over its $10.00 cap (list prices).",
        )
    ]


def test_a_warning_is_a_warning_and_uncertain_spend_an_error() -> None:
    """The levels are those of what follows: only the latter fails a run."""
    report = make_report(
        "uncertain",
        make_budget("a", high="12", status="uncertain"),
        make_budget("b", "9", status="warning"),
    )
    assert [level for level, _, _ in annotations(report)] == ["error", "warning"]


def test_budgets_that_are_ok_are_not_annotated() -> None:
    """A good month has no annotation at all."""
    assert render_annotations(make_report("ok", make_budget()), "budget.yml") == ""


def test_an_unverified_run_is_one_error_with_its_reason() -> None:
    """It belongs to no line of the policy."""
    note = Note("error", "http_401", "The key is wrong.")
    assert annotations(make_report("unverified", spend=None, notes=(note,))) == [
        ("error", {"title": "budget-gate"}, "Spend unknown: The key is wrong.")
    ]


def test_a_run_that_was_let_pass_says_unenforced() -> None:
    """As a warning, for the step did not fail."""
    note = Note("error", "http_401", "The key is wrong.")
    report = make_report("unverified", spend=None, notes=(note,), enforced=False)
    assert annotations(report) == [
        (
            "warning",
            {"title": "budget-gate"},
            "NOT ENFORCED (on-error: warn). Spend unknown: The key is wrong.",
        )
    ]


@pytest.mark.parametrize(("count", "shown"), [(10, 10), (11, 10), (5000, 10)])
def test_at_most_ten_annotations_are_made(count: int, shown: int) -> None:
    """GitHub drops the eleventh without a word, so that the tenth counts the rest."""
    budgets = (make_budget(f"b{number}", "12", status="breached") for number in range(count))
    made = annotations(make_report("breached", *budgets))
    assert len(made) == shown
    if count > shown:
        level, _, message = made[-1]
        assert level == "warning"
        assert message.startswith(f"{count - 9} more are in ")


@pytest.mark.parametrize("status", ["breached", "unverified"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_third_partys_text_is_data(hostile: str, status: str) -> None:
    """As many commands as with an ordinary name, each on one line, with the properties of ours."""
    report = hostile_report(hostile, "unverified" if status == "unverified" else "breached")
    made = annotations(report)
    assert len(made) == (5 if status == "unverified" else 4)
    for level, properties, message in made:
        assert level in ("error", "warning")
        assert properties.keys() <= {"file", "line", "title"}
        assert message.isprintable()


def test_data_and_properties_are_escaped_apart() -> None:
    """Colons and commas end a property, but stand in a message as they are."""
    breach = make_budget("50%, a:b", "12", status="breached")
    text = render_annotations(make_report("breached", breach), "a,b:c%.yml")
    assert "file=a%2Cb%3Ac%25.yml," in text
    assert "title=budget-gate%3A 50%25%2C a%3Ab::50%25, a:b has spent" in text


@pytest.mark.parametrize(
    "policy", ["x,line=1::pwned.yml", "x\n::error::pwned", "a%0Ab", "x\r::y::z"]
)
def test_a_path_ends_no_property(policy: str) -> None:
    """Whatever the policy is called, that is its file."""
    breach = make_budget(spend="12", status="breached")
    ((_, properties, _),) = annotations(make_report("breached", breach), policy)
    assert properties["file"] == policy
    assert properties["line"] == "4"


def test_each_defect_of_a_policy_is_an_error_at_its_place() -> None:
    """File, line and column, what is wrong and what to do."""
    problems = (
        Problem("budget.yml:2:3", "global.cpa", "unknown key", "did you mean 'cap'?", 2, 3),
        Problem("budget.yml:9:1", "", "this is not YAML", "check it", 9, 1),
    )
    error = ConfigurationError("wrong", problems=problems, file="budget.yml")
    assert read_commands(render_problems(error)) == [
        (
            "error",
            {"file": "budget.yml", "line": "2", "col": "3", "title": "budget-gate"},
            "global.cpa: unknown key. Did you mean 'cap'?",
        ),
        (
            "error",
            {"file": "budget.yml", "line": "9", "col": "1", "title": "budget-gate"},
            "this is not YAML. Check it.",
        ),
    ]


def test_an_error_without_a_place_is_one_annotation() -> None:
    """It is told all the same."""
    error = ConfigurationError("there is no policy", "write one")
    assert read_commands(render_problems(error)) == [
        ("error", {"title": "budget-gate"}, "there is no policy. Write one.")
    ]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_policys_text_is_data(hostile: str) -> None:
    """A policy may come from a stranger's pull request."""
    problem = Problem("budget.yml:1:1", hostile, hostile, hostile, 1, 1)
    error = ConfigurationError(hostile, hostile, problems=(problem, problem), file="budget.yml")
    made = read_commands(render_problems(error))
    assert [(level, properties["file"]) for level, properties, _ in made] == [
        ("error", "budget.yml"),
        ("error", "budget.yml"),
    ]


def test_many_defects_are_ten_annotations() -> None:
    """The rest is counted."""
    problem = Problem("budget.yml:1:1", "key", "wrong", "", 1, 1)
    made = read_commands(render_problems(ConfigurationError("wrong", problems=(problem,) * 25)))
    assert len(made) == 10
    assert made[-1][2].startswith("16 more ")


def test_a_mask_is_one_command_with_the_very_secret() -> None:
    """Per cent signs would otherwise be taken for escapes."""
    assert render_mask("EXAMPLE%25:,key") == "::add-mask::EXAMPLE%2525:,key\n"
    assert read_commands(render_mask("EXAMPLE%25:,key")) == [("add-mask", {}, "EXAMPLE%25:,key")]
