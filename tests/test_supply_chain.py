"""What the project's own pipelines may do, and whom they trust: read off their files."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.helpers.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
ATTEST = "actions/attest-build-provenance"
PUBLISH = "pypa/gh-action-pypi-publish"

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
needs_release = pytest.mark.skipif(not RELEASE.exists(), reason="nothing is released yet")


def load(path: Path) -> dict[str, Any]:
    """A YAML file as GitHub reads it; the key `on` stays what it is, and does not become true."""
    read: dict[str, Any] = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506 - makes strings alone
    return read


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow, by name."""
    read: dict[str, Any] = load(path)["jobs"]
    return read


def triggers(path: Path) -> set[str]:
    """The events that start a workflow."""
    on = load(path)["on"]
    return {on} if isinstance(on, str) else set(on)


def uses(job: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The steps of a job that use an action, whatever its version."""
    return [step for step in job["steps"] if step.get("uses", "").split("@")[0] == action]


def pins(name: str) -> dict[str, Requirement]:
    """Each package of a requirements file, as it is pinned: its one version, its extras, its marker."""
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = re.findall(r"^([a-z0-9-]+[^\\\n]+)", text, re.MULTILINE)
    return {pin.name: pin for pin in map(Requirement, lines)}


def version(pin: Requirement) -> str:
    """The version that a package is pinned to."""
    return str(pin.specifier).removeprefix("==")


def needs(pin: Requirement) -> list[Requirement]:
    """What the installed package, with the extras it is pinned with, needs on this machine."""
    read = map(Requirement, requires(pin.name) or ())
    extras = pin.extras or {""}
    return [
        needed
        for needed in read
        if needed.marker is None
        or any(needed.marker.evaluate({"extra": extra}) for extra in extras)
    ]


# Workflows


def test_there_are_workflows() -> None:
    """Or the tests below would look at nothing."""
    assert {"this-repository.yml", "ci.yml"} <= {path.name for path in WORKFLOWS}


@every_workflow
def test_a_workflow_has_no_permissions_of_its_own(path: Path) -> None:
    """Each job names what it needs, and nothing else is granted."""
    assert load(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert isinstance(job["permissions"], dict), name


@every_workflow
def test_only_a_release_may_write(path: Path) -> None:
    """Every other job reads the repository at most."""
    for name, job in jobs(path).items():
        granted = job["permissions"]
        if path == RELEASE:
            assert granted.get("contents", "read") == "read", name
        else:
            assert granted in ({}, {"contents": "read"}), name


@every_workflow
def test_no_workflow_runs_a_strangers_code_with_secrets(path: Path) -> None:
    """These two events start a run with the secrets of this repository for the code of a fork."""
    assert not triggers(path) & {"pull_request_target", "workflow_run"}


@every_workflow
def test_a_workflow_that_strangers_start_has_no_secret(path: Path) -> None:
    """A pull request gets none from GitHub either; this keeps it from being tried."""
    if "pull_request" in triggers(path):
        assert "secrets" not in path.read_text(encoding="utf-8")


@every_workflow
def test_a_checkout_leaves_no_token_behind(path: Path) -> None:
    """What runs after it, packages included, could read it from the folder."""
    for name, job in jobs(path).items():
        for step in uses(job, "actions/checkout"):
            assert step["with"]["persist-credentials"] == "false", name


@every_workflow
def test_no_script_holds_an_expression(path: Path) -> None:
    """A branch's name in a script is part of the script: values come as variables."""
    for name, job in jobs(path).items():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name


@every_workflow
def test_every_job_ends_some_time(path: Path) -> None:
    """A runner that hangs costs six hours otherwise."""
    for name, job in jobs(path).items():
        assert int(job["timeout-minutes"]) <= 30, name


@every_workflow
def test_packages_are_installed_by_their_hashes(path: Path) -> None:
    """What was built here a moment ago is the only one without."""
    for name, job in jobs(path).items():
        for step in job["steps"]:
            for line in step.get("run", "").splitlines():
                if "pip install" in line:
                    assert "--require-hashes" in line or "--no-index" in line, name


def test_the_validator_is_installed_by_its_hashes() -> None:
    """What builds its packages too: an isolated build would take the newest."""
    script = (ROOT / ".ci" / "focus").read_text(encoding="utf-8")
    (line,) = re.findall(r".* pip install .*", script)
    assert {"--require-hashes", "--no-build-isolation"} <= set(line.split())


def test_the_check_to_require_waits_for_every_job() -> None:
    """A job that it does not wait for may fail, and the change is merged."""
    named = jobs(ROOT / ".github" / "workflows" / "ci.yml")
    assert named.keys() == {*named["ci"]["needs"], "ci"}


# Updates


def test_a_new_version_is_not_taken_at_once() -> None:
    """A malicious release is usually found within days: none is proposed in its first week."""
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    for update in updates:
        assert int(update["cooldown"]["default-days"]) >= 7


# Packages


@pytest.mark.parametrize("group", ["test", "dev"])
def test_pins_satisfy_what_development_asks_for(group: str) -> None:
    """Every tool of the group, and of those it includes, has a pin that fits."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "dependency-groups"
    ]
    pinned = pins("requirements-dev.txt")
    needed = [Requirement(text) for text in groups[group] if isinstance(text, str)]
    assert needed
    for requirement in needed:
        assert requirement.specifier.contains(version(pinned[requirement.name])), requirement


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-ledger.txt", "requirements-dev.txt"]
)
def test_what_a_package_needs_is_pinned_too(name: str) -> None:
    """With every extra that is asked for: an installer that checks hashes takes nothing else.

    The action does not even look for dependencies, so that each must stand in the list.
    """
    pinned = pins(name)
    here = [pin for pin in pinned.values() if pin.marker is None or pin.marker.evaluate()]
    assert len(here) > 5
    for pin in here:
        for needed in needs(pin):
            found = pinned[canonicalize_name(needed.name)]
            assert needed.specifier.contains(version(found)), (pin.name, str(needed))
            assert needed.extras <= found.extras, (pin.name, str(needed))


def test_the_build_needs_nothing_that_is_not_pinned() -> None:
    """It is built without isolation, by the pinned backend."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = pins("requirements-dev.txt")
    for requirement in map(Requirement, project["build-system"]["requires"]):
        assert requirement.specifier.contains(version(pinned[requirement.name])), requirement


# Releases


@needs_release
def test_only_a_tag_of_a_version_releases() -> None:
    """No branch, no pull request and no hand."""
    on = load(RELEASE)["on"]
    assert on.keys() == {"push"}
    assert on["push"].keys() == {"tags"}
    assert all(tag.startswith("v") for tag in on["push"]["tags"])


@needs_release
def test_what_is_released_is_attested() -> None:
    """In the job that built it, before anything else could touch it; signing takes these two permissions."""
    ((name, job),) = [item for item in jobs(RELEASE).items() if uses(item[1], ATTEST)]
    assert job["permissions"]["attestations"] == "write", name
    assert job["permissions"]["id-token"] == "write", name
    steps = [str(step) for step in job["steps"]]
    built = next(number for number, step in enumerate(steps) if "-m build" in step)
    attested = next(number for number, step in enumerate(steps) if ATTEST in step)
    uploaded = next(
        number for number, step in enumerate(steps) if "actions/upload-artifact" in step
    )
    assert built < attested < uploaded


def publishing() -> tuple[str, dict[str, Any]]:
    """The one job that publishes."""
    ((name, job),) = [item for item in jobs(RELEASE).items() if uses(item[1], PUBLISH)]
    return name, job


@needs_release
def test_publishing_needs_no_stored_token() -> None:
    """The index trusts this workflow in this environment: nothing could be stolen and used elsewhere."""
    _, job = publishing()
    assert job["environment"]
    assert job["permissions"] == {"id-token": "write"}
    for step in uses(job, PUBLISH):
        assert not step.get("with", {}).keys() & {"password", "user"}
    assert "secrets." not in RELEASE.read_text(encoding="utf-8")


@needs_release
def test_nothing_else_may_publish() -> None:
    """A token of the workflow's identity is given to the job that publishes and the one that signs alone."""
    able = {
        name for name, job in jobs(RELEASE).items() if job["permissions"].get("id-token") == "write"
    }
    signing = {name for name, job in jobs(RELEASE).items() if uses(job, ATTEST)}
    assert able == signing | {publishing()[0]}
    assert all("environment" not in jobs(RELEASE)[name] for name in signing - {publishing()[0]})


@needs_release
def test_just_what_was_built_is_published() -> None:
    """The job runs no script and checks nothing out: it takes the files of the one it waits for."""
    _, job = publishing()
    assert job["needs"] in jobs(RELEASE) or set(job["needs"]) <= jobs(RELEASE).keys()
    assert not [step for step in job["steps"] if "run" in step]
    assert not uses(job, "actions/checkout")
    assert uses(job, "actions/download-artifact")


@needs_release
def test_a_tag_must_be_the_version() -> None:
    """A tag that was set on the wrong commit releases nothing."""
    scripts = "\n".join(
        step.get("run", "") for job in jobs(RELEASE).values() for step in job["steps"]
    )
    assert "budget_gate.__version__" in scripts


@needs_release
def test_a_release_is_not_cut_short() -> None:
    """A second tag waits for the first."""
    assert load(RELEASE)["concurrency"]["cancel-in-progress"] == "false"
