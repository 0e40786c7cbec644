"""Facts that are kept in two places: each pair is compared."""

import inspect
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import budget_gate
from budget_gate import exits, gate
from budget_gate.commands import shared_flags
from budget_gate.commands.policy_name import POLICY_FILES
from budget_gate.outputs.report.github import render_outputs
from budget_gate.settings import Settings
from tests.helpers.paths import ROOT
from tests.helpers.reports import make_report
from tests.helpers.surface import action, environment, flags_of, help_of, text_of, variables

# What each exit code stands for in the design; `test_cli` shows that the program keeps to it.
EXIT_CODES = {"0": "within its cap", "1": "breached", "2": "wrong", "3": "determined", "4": "bug"}
# Inputs whose variables are those that the API's other clients have.
THE_APIS = {
    "admin-key": "ANTHROPIC_ADMIN_KEY",
    "admin-key-next": "ANTHROPIC_ADMIN_KEY_NEXT",
    "federation-rule": "ANTHROPIC_FEDERATION_RULE_ID",
    "organization-id": "ANTHROPIC_ORGANIZATION_ID",
    "service-account": "ANTHROPIC_SERVICE_ACCOUNT_ID",
}
# The flag is --ledger, and the input says what kind of value it takes, as those of the ids do.
OTHERS = {"ledger-url": "BUDGET_GATE_LEDGER"}
USES = re.compile(r"^\s*(?:- )?uses:\s*(\S+)(.*)$", re.MULTILINE)


def test_inputs_of_the_action_are_variables_of_the_settings() -> None:
    """Each input reaches the program as the variable of its name, and nothing else does."""
    (step,) = [step for step in action()["runs"]["steps"] if step["id"] == "check"]
    passed = {
        name.removeprefix("INPUT_"): value
        for name, value in step["env"].items()
        if name.startswith("INPUT_")
    }
    assert passed == {
        (THE_APIS | OTHERS).get(name, variable_of(name)): f"${{{{ inputs.{name} }}}}"
        for name in action()["inputs"]
    }
    assert passed.keys() <= variables()


def test_the_action_sees_that_the_check_has_run() -> None:
    """Its last step fails where the check gave no status, not as a breach does, and every step is free of BASH_ENV."""
    steps = action()["runs"]["steps"]
    assert [step["id"] for step in steps] == ["environment", "check", "status"]
    assert all(step["env"]["BASH_ENV"] == "" for step in steps)
    assert steps[-1]["env"]["STATUS"] == "${{ steps.check.outputs.status }}"
    assert "if" not in steps[-1]
    for status, code in (("", 4), ("ok", 0), ("breached", 0)):
        done = subprocess.run(
            ["bash", "-e", "-c", steps[-1]["run"]], env={"STATUS": status}, check=False
        )
        assert done.returncode == code


def test_only_the_check_is_given_the_inputs() -> None:
    """The key is kept from the steps before and after it; of the ledger, the one before learns whether there is one."""
    for step in action()["runs"]["steps"]:
        given = [name for name in step["env"] if name.startswith("INPUT_")]
        assert bool(given) == (step["id"] == "check")
        if step["id"] == "environment":
            assert step["env"].pop("LEDGER") == "${{ inputs.ledger-url != '' }}"
        assert step["id"] == "check" or "inputs." not in str(step)


def variable_of(name: str) -> str:
    """The variable of an input or a flag."""
    return f"BUDGET_GATE_{name.lstrip('-').replace('-', '_').upper()}"


def test_inputs_of_the_action_are_the_documented_ones() -> None:
    """All are optional, and empty where they are not given; `test_docs` compares the README's table."""
    inputs = action()["inputs"]
    assert [*inputs] == [
        *THE_APIS,
        "policy",
        "fail-on",
        "on-error",
        "report",
        "badge",
        "as-of",
        "month",
        "budgets",
        "last-report",
        "offline",
        "base-policy",
        "verdict-from",
        *OTHERS,
    ]
    assert all(item["default"] == "" and "required" not in item for item in inputs.values())


def test_variables_of_the_settings_are_flags() -> None:
    """Every setting of the gate's own has its flag, and every such flag its setting."""
    own = {name for name in variables() if name.startswith("BUDGET_GATE_")}
    without_setting = {
        "check": {"--usage", "--workspaces", "--partial", "--audit", "--quiet"},
        "export": {"--days", "--from", "--to", "--out"},
        "sync": {"--from"},
        "ledger": {"--file", "--workspace", "--hours", "--days", "--tolerance"},
        # What a check has written: in the environment, its name is that of what a check writes.
        "verdict": {"--report"},
    }
    with_setting = set()
    for command, others in without_setting.items():
        assert flags_of(command) >= others
        with_setting |= flags_of(command) - others - {"--help"}
    # The flag is given once for each budget, its variable holds them all.
    flags = {"--budgets" if flag == "--budget" else flag for flag in with_setting}
    assert {variable_of(flag) for flag in flags} | {"BUDGET_GATE_VERDICT_FROM"} == own


def test_the_key_is_no_flag() -> None:
    """Whoever can list processes could read it."""
    assert not [flag for flag in flags_of("check") if "key" in flag or "token" in flag]


def test_outputs_of_the_action_are_those_that_are_written() -> None:
    """Each is taken from the step that judges, under its own name."""
    written = re.findall(
        r"^([a-z-]+)<<", render_outputs(make_report(), "report.json", "The verdict."), re.MULTILINE
    )
    declared = {name: output["value"] for name, output in action()["outputs"].items()}
    assert declared == {name: f"${{{{ steps.check.outputs.{name} }}}}" for name in written}


def test_the_choices_of_the_flags_are_those_of_the_settings() -> None:
    """A word that one of them takes is taken by the other."""
    fields = Settings.model_fields
    for name, flag in (("format", "format"), ("fail_on", "fail-on"), ("on_error", "on-error")):
        words = fields[name].annotation.__args__  # type: ignore[union-attr]
        assert f"--{flag} {{{','.join(words)}}}" in help_of("check")
        assert f"(default: {fields[name].default})" in help_of("check")


def test_the_default_deadline_is_the_one_that_is_told() -> None:
    """In seconds."""
    assert f"(default: {Settings.model_fields['deadline'].default})" in help_of("check")


def test_the_default_age_is_the_one_that_is_told() -> None:
    """Of a report to judge by: three hours, in the help and on the page."""
    assert Settings.model_fields["max_age"].default == timedelta(hours=3)
    assert "(default: 3h)" in help_of("verdict")
    assert "`--max-age`, without such a breach (default `3h`;" in text_of("docs/deploys.md")


def test_the_default_policies_are_those_that_are_told() -> None:
    """By the flag's help and by the action's input."""
    first, second = POLICY_FILES
    assert f"(default: {first}, then {second})" in help_of("check")
    assert f"{first}, then {second}." in action()["inputs"]["policy"]["description"]


def test_the_exit_codes_that_are_told_are_those_of_the_design() -> None:
    """Each number with its meaning."""
    told = dict(re.findall(r"^  (\d)  (.*)$", shared_flags.EXIT_CODES, re.MULTILINE))
    assert told.keys() == EXIT_CODES.keys()
    for code, meaning in EXIT_CODES.items():
        assert meaning in told[code]
    assert (exits.CONFIGURATION_WRONG, exits.UNVERIFIED, exits.BUG) == (2, 3, 4)
    assert "0, 1 or 3" in (inspect.getdoc(gate.check) or "")


def requirements(name: str) -> dict[str, str]:
    """The pinned version of each package of a requirements file."""
    pin = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==([^\s;]+)", re.MULTILINE)
    return dict(pin.findall(text_of(name)))


def project() -> str:
    """The project's description."""
    return text_of("pyproject.toml")


def dependencies() -> list[Requirement]:
    """What the package needs to run."""
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", project(), re.MULTILINE | re.DOTALL)
    assert listed
    return [Requirement(text) for text in re.findall(r'^  "([^"]+)"', listed[1], re.MULTILINE)]


def test_three_packages_are_needed() -> None:
    """Whatever else is installed comes with them."""
    assert {needed.name for needed in dependencies()} == {"httpx", "pydantic-settings", "pyyaml"}


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-ledger.txt", "requirements-dev.txt"]
)
def test_pins_satisfy_what_the_package_asks_for(name: str) -> None:
    """What is tested and what the action installs is what the package says it works with."""
    pinned = requirements(name)
    for needed in dependencies():
        assert needed.specifier.contains(pinned[needed.name]), needed


def test_tests_run_on_the_pins_of_the_action() -> None:
    """Every package that the action installs has the same version here."""
    tested = requirements("requirements-dev.txt")
    installed = requirements("requirements-ledger.txt")
    assert installed.items() <= tested.items()
    # Those without a ledger, and as few as they need.
    added = installed.keys() - requirements("requirements.txt").keys()
    assert requirements("requirements.txt").items() <= installed.items()
    assert added == {"async-timeout", "redis"}


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-ledger.txt", "requirements-dev.txt"]
)
def test_every_pin_has_hashes_and_no_index(name: str) -> None:
    """Only exact versions with hashes, from wherever the installer looks."""
    lines = [line for line in text_of(name).splitlines() if not line.startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    assert len(entries) > 10
    for entry in entries:
        assert re.fullmatch(
            r"[a-z0-9-]+(?:\[[a-z0-9,-]+\])?==[\w.]+(?: ; [^-]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*",
            entry,
        ), entry[:80]
    assert "://" not in "\n".join(lines)


def test_what_tests_import_is_pinned() -> None:
    """Packages that come with others only because those happen to need them are pinned all the same."""
    assert {"markdown-it-py", "packaging", "hypothesis", "pytest"} <= requirements(
        "requirements-dev.txt"
    ).keys()


def workflows() -> list[Path]:
    """Every file that names an action."""
    files = [path for path in (ROOT / ".github").rglob("*") if path.suffix in (".yml", ".yaml")]
    return [ROOT / "action.yml", *sorted(files)]


@pytest.mark.parametrize("path", workflows(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    """With the version in a comment, that a person and the updater can read; ours by its path."""
    for name, comment in USES.findall(path.read_text(encoding="utf-8")):
        if name.startswith("./"):
            continue
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", name), name
        assert re.fullmatch(r" # v\d+(\.\d+)*", comment), comment


def test_the_workflows_use_actions() -> None:
    """Or the test before this one would look at nothing."""
    assert len(USES.findall(text_of(".github/workflows/ci.yml"))) > 5


def test_no_action_stands_in_the_composite_one() -> None:
    """It is self-contained, and nothing of an expression stands in a script."""
    for step in action()["runs"]["steps"]:
        assert "uses" not in step
        assert "${{" not in step["run"]


def test_the_changelog_knows_the_version() -> None:
    """The newest that it tells of is this one, or one that is not released yet."""
    headings = re.findall(r"^## \[?([^\]\s]+)", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings
    assert headings[0] in (budget_gate.__version__, "Unreleased")
    assert budget_gate.__version__ in headings or headings == ["Unreleased"]


def test_the_supported_pythons_are_the_tested_ones() -> None:
    """The classifiers, the lower bound and the matrix name the same versions."""
    classified = re.findall(r"Python :: (3\.\d+)", project())
    matrix = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"]["test"]
    assert classified == matrix["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={classified[0]}"' in project()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["schema"]])
def test_what_needs_no_run_imports_nothing_slow(arguments: list[str]) -> None:
    """What only a run needs is not loaded before the flags are read."""
    look = (
        "import json, sys\n"
        "try:\n"
        "    {}\n"
        "except SystemExit:\n"
        "    pass\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    ours = loaded(look.format(f"from budget_gate.cli import main; main({arguments})"))
    # Python 3.14 colours its help with the help of dataclasses: that is not ours to leave out.
    parser = "__import__('argparse').ArgumentParser().parse_args(['--help'])"
    bare = loaded(look.format(parser))
    slow = {"httpx", "pydantic", "pydantic_settings", "yaml", "dataclasses", "asyncio", "ssl"}
    assert not (ours - bare) & slow


def test_a_verdict_loads_no_client() -> None:
    """What asks nothing of the API has nothing to ask it with."""
    look = (
        "import json, sys\n"
        "from budget_gate.cli import main\n"
        "assert main(['verdict', '--report', 'none.json']) == 3\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    assert not loaded(look) & {"httpx", "budget_gate.sources.http", "budget_gate.reading"}


def loaded(program: str) -> set[str]:
    """The modules that a program has loaded at its end."""
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stderr
    return set(json.loads(shown))
