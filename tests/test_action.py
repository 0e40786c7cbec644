"""The scripts of the action, each run by bash alone: what they find, install and refuse, and how they end."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.helpers.paths import PACKAGE, ROOT
from tests.helpers.runner import read_outputs

ACTION = ROOT / "action.yml"
BASH = shutil.which("bash") or "bash"
# The packages that the program imports, as small as they can be.
PACKAGES = {"httpx": "httpx", "pydantic_settings": "pydantic_settings", "pyyaml": "yaml"}

# An interpreter as far as the step asks: it answers with its own path, has a pip, and ends as {installs} says where it
# is to install.
INTERPRETER = """\
#!/bin/sh
echo "$0 $*" >> "{asked}"
case $2 in
  -c) printf %s "$0" ;;
  utf8) exit {installs} ;;
esac
"""


@dataclass(frozen=True)
class Runner:
    """A machine on which no Python can be found but those that a test puts there."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        """The caller's checkout, in which each script starts."""
        return self.folder / "workspace"

    @property
    def python(self) -> str:
        """What the environment step says of where its Python is."""
        return (self.folder / "output").read_text(encoding="utf-8").strip().removeprefix("python=")

    def asked(self, program: Path) -> list[str]:
        """What an interpreter of `put` was asked."""
        log = self.folder / "asked"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]

    def put(self, program: str, *, installs: bool = True) -> Path:
        """An interpreter below the folder of the machine, in whose environment packages can be installed or not."""
        path = self.folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        text = INTERPRETER.format(asked=self.folder / "asked", installs=0 if installs else 1)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def run(
        self, step: str, *path: str | Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the script of a step as GitHub's runner does, with these folders first on PATH."""
        steps = yaml.safe_load(ACTION.read_bytes())["runs"]["steps"]
        (script,) = [each["run"] for each in steps if each["id"] == step]
        return subprocess.run(
            [BASH, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.workspace,
            env={
                "PATH": os.pathsep.join(map(str, (*path, self.folder / "tools"))),
                "HOME": str(self.folder),
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTION_PATH": str(self.folder / "action"),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "RUNNER_TEMP": str(self.folder / "temp"),
                "RUNNER_TOOL_CACHE": str(self.folder / "tool cache"),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
            timeout=120,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A machine of its own."""
    for name in ("workspace", "action", "temp", "tool cache", "tools"):
        (tmp_path / name).mkdir()
    (tmp_path / "tools" / "mktemp").symlink_to(shutil.which("mktemp") or "mktemp")
    return Runner(tmp_path)


def prepared_by(runner: Runner, run: subprocess.CompletedProcess[str]) -> Path:
    """The interpreter that the environment was made with: the last that was asked for one."""
    assert run.returncode == 0, run.stdout
    log = (runner.folder / "asked").read_text(encoding="utf-8").splitlines()
    return Path([line for line in log if " -m venv " in line][-1].split(" ")[0])


# Which Python


@pytest.mark.parametrize("entry", ["absolute", "relative", "link"])
def test_a_python_of_the_checkout_hides_no_other(runner: Runner, entry: str) -> None:
    """A `.venv` first on PATH, however that names it, is passed over without being run, and the next is taken."""
    own = runner.put("workspace/.venv/bin/python3")
    other = runner.put("usr/bin/python3")
    (runner.folder / "link").symlink_to(own.parent)
    first = {"absolute": str(own.parent), "relative": ".venv/bin", "link": f"{runner.folder}/link"}
    run = runner.run("environment", first[entry], other.parent)
    assert prepared_by(runner, run) == other
    assert runner.asked(own) == []


def test_a_python_that_cannot_have_the_packages_gives_way_to_the_next(runner: Runner) -> None:
    """As where it is too new for wheels: the next of the same name on PATH is tried."""
    newest = runner.put("newest/python3", installs=False)
    other = runner.put("other/python3")
    run = runner.run("environment", newest.parent, other.parent)
    assert prepared_by(runner, run) == other
    assert runner.asked(newest)


def test_no_python_that_can_have_the_packages_is_told_with_all_that_were_tried(
    runner: Runner,
) -> None:
    """Exit 3: it is the machine's fault, and nobody knows the spend."""
    programs = [runner.put(f"{name}/python3", installs=False) for name in ("first", "second")]
    run = runner.run("environment", *(program.parent for program in programs))
    assert run.returncode == 3
    assert run.stdout.startswith("::error title=budget-gate::Nothing was checked")
    assert all(str(program) in run.stdout for program in programs)


def test_one_python_under_two_names_is_tried_once(runner: Runner) -> None:
    """A network that is down is not waited for again."""
    program = runner.put("bin/python3.12", installs=False)
    for name in ("python3", "python"):
        (program.parent / name).symlink_to(program)
    run = runner.run("environment", program.parent)
    assert run.returncode == 3
    log = (runner.folder / "asked").read_text(encoding="utf-8")
    assert log.count(" -m venv ") == 1


def test_no_python_but_the_checkouts_is_told(runner: Runner) -> None:
    """Exit 2, with what to add to the job."""
    own = runner.put("workspace/.venv/bin/python3")
    run = runner.run("environment", own.parent)
    assert (run.returncode, runner.asked(own)) == (2, [])
    assert "actions/setup-python" in run.stdout


def test_no_environment_of_another_job_is_used(runner: Runner) -> None:
    """It is made below RUNNER_TEMP, which is emptied for each job, and nothing is left for the next one."""
    program = runner.put("bin/python3")
    first = runner.run("environment", program.parent)
    assert prepared_by(runner, first) == program
    assert Path(runner.python).is_relative_to(runner.folder / "temp")
    assert list((runner.folder / "tool cache").iterdir()) == []


# What is installed


# The Python below that of the tests, which has a pip, or is said to have none.
PYTHON = """\
#!/bin/sh
case "$*" in
  *"write(sys.executable)"*) printf %s "$0" ;;
  *"import pip;"*) {has_pip} && exec "{python}" "$@" ;;
  *) exec "{python}" "$@" ;;
esac
"""


def put_python(runner: Runner, *, has_pip: bool = True) -> None:
    """Has the machine run this very Python, which can install for another one or not."""
    python = runner.folder / "bin" / "python3"
    python.parent.mkdir(exist_ok=True)
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    text = PYTHON.format(python=base, has_pip="true" if has_pip else "false")
    python.write_text(text, encoding="utf-8")
    python.chmod(0o755)


@pytest.fixture
def machine(runner: Runner) -> Runner:
    """A machine with this very Python, and the packages as files in its folder `wheels`."""
    put_python(runner)
    (runner.folder / "wheels").mkdir()
    package = PACKAGE
    shutil.copytree(package, runner.folder / "action" / "budget_gate")
    pins = [pin(runner.folder / "wheels", name, module) for name, module in PACKAGES.items()]
    (runner.folder / "action" / "requirements.txt").write_text("\n".join(pins), encoding="utf-8")
    return runner


def pin(folder: Path, name: str, module: str, text: str = "") -> str:
    """Makes a wheel of one module, and gives the line that pins it."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{module}.py", text)
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{module}.py,,\n")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


PLANTED_VARIABLES = {
    "PIP_TARGET": "{elsewhere}",
    "PIP_ROOT": "{elsewhere}",
    "PIP_DRY_RUN": "1",
    "PIP_DRY-RUN": "1",
    "PIP_NO_BINARY": "1",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "{wheels}",
}
PLANTED_FILE = """\
[global]
user = true
quiet = 3
no-index = true
find-links = {nowhere}
constraint = {nowhere}
[install]
prefix = {elsewhere}
find-links =
    {nowhere}
    {wheels}
"""


@pytest.mark.parametrize("place", ["variables", "file"])
def test_pip_is_told_where_packages_come_from_and_nothing_else(machine: Runner, place: str) -> None:
    """Whatever else its variables or its file ask for, the packages are in the environment and nowhere else."""
    folders = {name: str(machine.folder / name) for name in ("elsewhere", "wheels", "nowhere")}
    variables = {"XDG_CONFIG_DIRS": folders["nowhere"]}
    if place == "variables":
        variables |= {name: value.format(**folders) for name, value in PLANTED_VARIABLES.items()}
    else:
        config = machine.folder / "pip.conf"
        config.write_text(PLANTED_FILE.format(**folders), encoding="utf-8")
        variables["PIP_CONFIG_FILE"] = str(config)
    run = machine.run("environment", machine.folder / "bin", **variables)
    assert run.returncode == 0, run.stdout
    where = [machine.python, "-I", "-c", "import yaml; print(yaml.__file__)"]
    found = subprocess.run(where, capture_output=True, encoding="utf-8", check=True).stdout
    assert Path(found).is_relative_to(Path(machine.python).parents[1])
    assert not Path(folders["elsewhere"]).exists()


def test_a_python_without_a_pip_gives_the_environment_one(machine: Runner) -> None:
    """As Debian's has none where nobody installed it."""
    put_python(machine, has_pip=False)
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(machine.folder / "wheels")}
    run = machine.run("environment", machine.folder / "bin", **variables)
    assert run.returncode == 0, run.stdout
    imported = [machine.python, "-I", "-c", "import httpx, pip"]
    assert subprocess.run(imported, check=False).returncode == 0


def test_packages_that_cannot_be_imported_are_no_environment(machine: Runner) -> None:
    """They were installed, but the program would end in 1 with them: exit 3, and one line says why."""
    requirements = machine.folder / "action" / "requirements.txt"
    broken = pin(machine.folder / "wheels", "httpx", "httpx", "import nothing_that_exists\n")
    pins = requirements.read_text(encoding="utf-8").splitlines()
    requirements.write_text("\n".join([broken, *pins[1:]]), encoding="utf-8")
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(machine.folder / "wheels")}
    run = machine.run("environment", machine.folder / "bin", **variables)
    assert run.returncode == 3
    reason, stopped = run.stdout.splitlines()
    assert reason.endswith("ModuleNotFoundError: No module named 'nothing_that_exists'")
    assert stopped.startswith("::error title=budget-gate::Nothing was checked")


# How the check ends


@pytest.mark.parametrize(("imports", "check", "code"), [(0, 0, 0), (0, 1, 1), (0, 3, 3), (1, 1, 4)])
def test_one_is_said_by_the_gate_alone(runner: Runner, imports: int, check: int, code: int) -> None:
    """A Python that finds no program ends in 1, too, which would read as a breach: that is exit 4."""
    python = runner.folder / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *" -c "*) exit {imports} ;; *) exit {check} ;; esac\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    run = runner.run("check", PYTHON=str(python))
    assert run.returncode == code
    assert run.stdout.count("\n") == (code == 4)


@pytest.mark.parametrize("is_input", [True, False])
def test_a_verdict_is_asked_for_by_its_input_alone(runner: Runner, *, is_input: bool) -> None:
    """Without a credential, by the input or by the job's variable: the report that is missing is exit code 3."""
    name = "INPUT_BUDGET_GATE_VERDICT_FROM" if is_input else "BUDGET_GATE_VERDICT_FROM"
    run = runner.run("check", PYTHON=sys.executable, GITHUB_ACTIONS="true", **{name: "kept.json"})
    assert run.returncode == 3, run.stdout
    assert "no report at kept.json" in run.stdout
    assert read_outputs((runner.folder / "output").read_text("utf-8"))["status"] == "unverified"


@pytest.mark.parametrize(
    "name", ["REPORT", "BADGE", "LAST_REPORT", "AS_OF", "MONTH", "OFFLINE", "BASE_POLICY"]
)
def test_inputs_that_do_not_go_with_a_verdict_are_wrong(runner: Runner, name: str) -> None:
    """Exit code 2 with the input that is at fault, and no status."""
    values = {"AS_OF": "2026-11-15T12:00:00Z", "MONTH": "last", "OFFLINE": "true"}
    run = runner.run(
        "check",
        PYTHON=sys.executable,
        GITHUB_ACTIONS="true",
        INPUT_BUDGET_GATE_VERDICT_FROM="kept.json",
        **{f"INPUT_BUDGET_GATE_{name}": values.get(name, "other.json")},
    )
    assert run.returncode == 2, run.stdout
    assert f"{name.lower().replace('_', '-')} (BUDGET_GATE_{name})" in run.stdout
    assert not (runner.folder / "output").exists()


def test_a_policy_is_checked_offline_by_inputs_alone(runner: Runner) -> None:
    """Without a credential: the step ends well, and its outputs say that no spend was checked."""
    policy = "version: 1\nglobal: {{cap: {}}}\n"
    (runner.workspace / "budget.yml").write_text(policy.format(6), encoding="utf-8")
    (runner.folder / "temp" / "base.yml").write_text(policy.format(5), encoding="utf-8")
    run = runner.run(
        "check",
        PYTHON=sys.executable,
        GITHUB_ACTIONS="true",
        INPUT_BUDGET_GATE_OFFLINE="true",
        INPUT_BUDGET_GATE_BASE_POLICY=str(runner.folder / "temp" / "base.yml"),
    )
    assert run.returncode == 0, run.stdout
    assert "::Looser: organization: cap $5 -> $6.\n" in run.stdout
    assert read_outputs((runner.folder / "output").read_text("utf-8"))["status"] == "unchecked"
