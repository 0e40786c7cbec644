"""The scripts of the action, each run by bash alone: what they find, install and refuse, and how they end."""

import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest
import yaml

from tests.helpers.package_index import serving
from tests.helpers.paths import PACKAGE, ROOT
from tests.helpers.runner import read_outputs
from tests.helpers.wording import assert_says

ACTION = ROOT / "action.yml"
BASH = shutil.which("bash") or "bash"
# The packages that the program imports, as small as they can be.
PACKAGES = {"httpx": "httpx", "pydantic_settings": "pydantic_settings", "pyyaml": "yaml"}

# An interpreter as far as the step asks: it answers with its own path, has a pip, makes an environment whose Python
# ends as {loads} says, and ends as {installs} says where it is to install.
INTERPRETER = """\
#!/bin/sh
echo "$0 $*" >> "{asked}"
case $2 in
  -c) printf %s "$0" ;;
  -m) /bin/mkdir -p "$5/bin" && echo 'exit {loads}' > "$5/bin/python" && /bin/chmod +x "$5/bin/python" ;;
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

    def put(self, program: str, *, installs: bool = True, loads: bool = True) -> Path:
        """An interpreter below this folder, for which packages can be installed or not, and loaded or not."""
        path = self.folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        ends = {"installs": 0 if installs else 1, "loads": 0 if loads else 1}
        text = INTERPRETER.format(asked=self.folder / "asked", **ends)
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
                "LEDGER": "false",
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


@pytest.mark.parametrize("installs", [False, True])
def test_a_python_that_cannot_have_the_packages_gives_way_to_the_next(
    runner: Runner, *, installs: bool
) -> None:
    """As where it is too new for wheels, or was built without TLS: the next of the same name on PATH is tried."""
    newest = runner.put("newest/python3", installs=installs, loads=False)
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


# The Python below that of the tests, which has a pip, or is said to have none; it keeps the environment that it is given.
PYTHON = """\
#!/bin/sh
/usr/bin/env >> "{seen}"
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
    pip = "true" if has_pip else "false"
    text = PYTHON.format(python=base, has_pip=pip, seen=runner.folder / "seen")
    python.write_text(text, encoding="utf-8")
    python.chmod(0o755)


@pytest.fixture
def machine(runner: Runner) -> Runner:
    """A machine with this very Python, and the packages as files in its folder `wheels`."""
    put_python(runner)
    (runner.folder / "wheels").mkdir()
    package = PACKAGE
    shutil.copytree(package, runner.folder / "action" / "budget_gate")
    pins = [
        pin(runner.folder / "wheels", name, f"{module}.py") for name, module in PACKAGES.items()
    ]
    (runner.folder / "action" / "requirements.txt").write_text("\n".join(pins), encoding="utf-8")
    pins.append(pin(runner.folder / "wheels", "redis", "redis.py"))
    ledger = runner.folder / "action" / "requirements-ledger.txt"
    ledger.write_text("\n".join(pins), encoding="utf-8")
    return runner


def put_uv(runner: Runner) -> None:
    """Has the machine have uv as well."""
    (runner.folder / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))


@pytest.fixture
def index(machine: Runner) -> Iterator[dict[str, str]]:
    """What tells pip and uv that packages are in the index of the folder `wheels`."""
    with serving(machine.folder / "wheels") as url:
        yield {"PIP_INDEX_URL": url, "UV_DEFAULT_INDEX": url}


def installer_of(runner: Runner) -> str:
    """Which of the two has installed a package, by what it left beside it."""
    (noted,) = (
        Path(runner.python).parents[1].glob("lib/*/site-packages/httpx-1.0.dist-info/INSTALLER")
    )
    return noted.read_text(encoding="utf-8").strip()


def imports(runner: Runner, *modules: str) -> bool:
    """Whether the environment has all of these modules."""
    command = [runner.python, "-I", "-c", f"import {', '.join(modules)}"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def pin(folder: Path, name: str, file: str, text: str = "") -> str:
    """Makes a wheel of one file, and gives the line that pins it."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(file, text)
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", f"{file},,\n")
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


def test_a_python_without_a_pip_gives_the_environment_one(
    machine: Runner, index: dict[str, str]
) -> None:
    """As Debian's has none where nobody installed it."""
    put_python(machine, has_pip=False)
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    assert imports(machine, "httpx", "pip")


PLANTED_FOR_UV = {
    "UV_CONFIG_FILE": "{folder}/uv.toml",
    "UV_CONSTRAINT": "{nowhere}",
    "UV_EXCLUDE_NEWER": "2020-01-01",
    "UV_LINK_MODE": "symlink",
    "UV_NO_BINARY": "1",
    "UV_PYTHON": "{nowhere}",
    "UV_REQUIRE_HASHES": "0",
    "UV_SYSTEM_PYTHON": "1",
}
UV_FILE = 'no-index = true\nno-binary = true\nfind-links = ["{nowhere}"]\n'


def test_uv_is_told_where_packages_come_from_and_nothing_else(
    machine: Runner, index: dict[str, str]
) -> None:
    """Whatever else its variables ask for, and any file of the checkout or of the user, its packages are in the environment."""
    put_uv(machine)
    nowhere = str(machine.folder / "nowhere")
    settings = UV_FILE.format(nowhere=nowhere)
    for file in ("uv.toml", "workspace/uv.toml", "config/uv/uv.toml"):
        (machine.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (machine.folder / file).write_text(settings, encoding="utf-8")
    (machine.workspace / "pyproject.toml").write_text("[project", encoding="utf-8")
    (machine.workspace / ".python-version").write_text("3.99\n", encoding="utf-8")
    planted = {
        name: value.format(folder=machine.folder, nowhere=nowhere)
        for name, value in PLANTED_FOR_UV.items()
    }
    planted["XDG_CONFIG_HOME"] = str(machine.folder / "config")
    (machine.workspace / "sitecustomize.py").write_text("raise SystemExit(7)\n", encoding="utf-8")
    planted["PYTHONPATH"] = str(machine.workspace)
    run = machine.run("environment", machine.folder / "bin", **index, **planted)
    assert (run.returncode, run.stdout) == (0, "")
    assert installer_of(machine) == "uv"
    assert imports(machine, *PACKAGES.values(), "budget_gate.cli")


def test_no_cache_of_uv_is_used(machine: Runner, index: dict[str, str]) -> None:
    """What an earlier job changed there would be installed as it is: uv compares the hashes of downloads alone."""
    put_uv(machine)
    variables = index | {"HOME": str(machine.folder)}
    earlier = [str(machine.folder / "bin" / "uv"), "pip", "install", "--no-deps", "--target"]
    pins = str(machine.folder / "action" / "requirements.txt")
    subprocess.run(
        [*earlier, str(machine.folder / "earlier"), "-r", pins], env=variables, check=True
    )
    cached = [*(machine.folder / ".cache").rglob("httpx.py")]
    assert cached
    for path in cached:
        path.write_text("raise SystemExit('changed')\n", encoding="utf-8")
    run = machine.run("environment", machine.folder / "bin", **variables)
    assert run.returncode == 0, run.stdout
    assert installer_of(machine) == "uv"
    assert imports(machine, "httpx")


def test_a_file_with_another_hash_is_installed_by_neither(
    machine: Runner, index: dict[str, str]
) -> None:
    """Exit 3, whatever it would be: both refuse it."""
    put_uv(machine)
    pin(machine.folder / "wheels", "httpx", "httpx.py", "changed = True\n")
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 3
    assert run.stdout.lower().count("hash") >= 2
    assert run.stdout.splitlines()[-1].startswith("::error title=budget-gate::Nothing was checked")


def test_where_uv_cannot_install_pip_does(machine: Runner, index: dict[str, str]) -> None:
    """As where it is too old for an option, or knows no index that can be reached."""
    uv = machine.put("bin/uv")
    uv.write_text("#!/bin/sh\nexit 2\n", encoding="utf-8")
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    assert installer_of(machine) == "pip"
    assert_says(run.stdout, "uv could not prepare", "pip")


def test_what_pip_says_in_colour_hides_no_annotation(
    machine: Runner, index: dict[str, str]
) -> None:
    """A runner takes a line as an annotation only if `::` is its beginning, so that none ends in a colour."""
    (machine.folder / "action" / "requirements.txt").write_text(
        f"nowhere==1.0 --hash=sha256:{'0' * 64}\n", encoding="utf-8"
    )
    run = machine.run("environment", machine.folder / "bin", **index, FORCE_COLOR="1")
    assert run.returncode == 3
    assert run.stdout.splitlines()[-1].startswith("::error title=budget-gate::Nothing was checked")


@pytest.mark.parametrize(("has_other", "installer"), [(False, "pip"), (True, "uv")])
def test_a_uv_of_the_checkout_is_not_run(
    machine: Runner, index: dict[str, str], installer: str, *, has_other: bool
) -> None:
    """As with its Python: another one behind it is taken."""
    own = machine.put("workspace/.venv/bin/uv")
    if has_other:
        put_uv(machine)
    run = machine.run("environment", own.parent, machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    assert (machine.asked(own), installer_of(machine)) == ([], installer)


def test_uv_is_not_asked_where_pip_alone_knows_the_index(
    machine: Runner, index: dict[str, str]
) -> None:
    """It would ask the public one, which the runner may not reach or is not to ask."""
    uv = machine.put("bin/uv")
    del index["UV_DEFAULT_INDEX"]
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    assert machine.asked(uv) == []


def require(runner: Runner, name: str, file: str, text: str) -> None:
    """Pins a wheel of one file, in place of another of that name."""
    requirements = runner.folder / "action" / "requirements.txt"
    pins = requirements.read_text(encoding="utf-8").splitlines()
    kept = [each for each in pins if not each.startswith(f"{name}==")]
    other = pin(runner.folder / "wheels", name, file, text)
    requirements.write_text("\n".join([other, *kept]), encoding="utf-8")


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("other.py", "", "No module named 'httpx'"),
        (f"httpx/native{EXTENSION_SUFFIXES[0]}", "of another machine", "native"),
        (f"httpx/native.of-another-python{EXTENSION_SUFFIXES[-1]}", "", "No module named 'native'"),
        ("sitecustomize.py", "import sys; sys.modules['_ssl'] = None", "import of _ssl halted"),
    ],
    ids=["missing", "another-machine", "another-python", "python-without-tls"],
)
def test_packages_that_another_python_or_installer_might_mend_are_no_environment(
    machine: Runner, index: dict[str, str], installer: str, file: str, text: str, *, reason: str
) -> None:
    """They were installed, but cannot be loaded: exit 3, and one line of each try says why and, after uv, what is next."""
    if installer == "uv":
        put_uv(machine)
    require(machine, "httpx", file, text)
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 3
    *reasons, stopped = run.stdout.splitlines()
    if installer == "uv":
        assert_says(reasons.pop(1), "uv could not prepare", "pip")
    assert len(reasons) == (1 if installer == "pip" else 2)
    for line in reasons:
        assert line.startswith("The environment cannot be used: ")
        assert reason in line
    assert stopped.startswith("::error title=budget-gate::Nothing was checked")


def test_a_package_that_cannot_be_copied_is_no_environment(
    machine: Runner, index: dict[str, str]
) -> None:
    """As on a full disk, or where the action was not checked out whole: exit 3, with the reason in one line."""
    package = machine.folder / "action" / "budget_gate"
    (package / "cli.py").unlink()
    (package / "cli.py").symlink_to("nowhere")
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 3
    assert run.stdout.startswith("The environment cannot be used: FileNotFoundError: ")
    shutil.rmtree(package)
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 3
    assert "No module named 'budget_gate'" in run.stdout
    assert run.stdout.count("\n") == 2


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize(
    ("given", "is_there"),
    [
        ({}, False),
        ({"LEDGER": "true"}, True),
        ({"BUDGET_GATE_LEDGER": "redis://:EXAMPLE@127.0.0.1/0"}, True),
    ],
    ids=["none", "input", "variable"],
)
def test_redis_is_installed_where_a_ledger_is_given(
    machine: Runner,
    index: dict[str, str],
    installer: str,
    given: dict[str, str],
    *,
    is_there: bool,
) -> None:
    """By the input or by the job's variable: nobody else waits for its package."""
    if installer == "uv":
        put_uv(machine)
    run = machine.run("environment", machine.folder / "bin", **index, **given)
    assert run.returncode == 0, run.stdout
    assert installer_of(machine) == installer
    assert imports(machine, *PACKAGES.values())
    assert imports(machine, "redis") == is_there


def test_a_ledger_without_its_package_is_no_environment(
    machine: Runner, index: dict[str, str]
) -> None:
    """What the check needs is proven before it: exit 3, with the reason."""
    actions = machine.folder / "action"
    shutil.copy(actions / "requirements.txt", actions / "requirements-ledger.txt")
    run = machine.run("environment", machine.folder / "bin", **index, LEDGER="true")
    assert run.returncode == 3
    assert "ModuleNotFoundError: No module named 'redis'" in run.stdout


def test_what_installs_is_given_no_secret_of_the_job(
    machine: Runner, index: dict[str, str]
) -> None:
    """Not even one that the job gives to all of its steps."""
    secrets = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "EXAMPLE-token",
        "ANTHROPIC_ADMIN_KEY": "EXAMPLE-key",
        "BUDGET_GATE_LEDGER": "redis://:EXAMPLE@127.0.0.1",
    }
    run = machine.run("environment", machine.folder / "bin", **index, **secrets)
    assert run.returncode == 0, run.stdout
    seen = (machine.folder / "seen").read_text(encoding="utf-8")
    assert index["PIP_INDEX_URL"] in seen
    assert [value for value in secrets.values() if value in seen] == []


def test_what_was_compiled_is_kept_in_the_environment(
    machine: Runner, index: dict[str, str]
) -> None:
    """By the check; nothing is written into the action's folder, and nothing that was compiled there is run."""
    own = machine.folder / "action" / "budget_gate"
    for folder in own.rglob("__pycache__"):
        shutil.rmtree(folder)
    planted = machine.folder / "planted.py"
    planted.write_text("raise SystemExit('planted')\n", encoding="utf-8")
    compiled = Path(cache_from_source(str(own / "cli.py")))
    unchecked = PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(planted), str(compiled), invalidation_mode=unchecked)
    before = sorted(own.rglob("*"))
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    run = machine.run("check", PYTHON=machine.python)
    assert "planted" not in run.stdout
    assert sorted(own.rglob("*")) == before
    (package,) = Path(machine.python).parents[1].glob("lib/*/site-packages/budget_gate")
    assert Path(cache_from_source(str(package / "cli.py"))).exists()
    assert (package / "data" / "prices.yml").exists()


# How the check ends


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nothing_that_exists\n", "No module named 'nothing_that_exists'"),
        ("", "cannot import name"),
        ("class of another Python\n", "SyntaxError"),
        ("\0", "null bytes"),
        ("raise OSError('the disk')\n", "OSError: the disk"),
    ],
    ids=["needs-another", "empty", "syntax", "damaged", "raises"],
)
def test_packages_that_turn_out_not_to_work_are_named_by_the_check(
    machine: Runner, index: dict[str, str], text: str, reason: str
) -> None:
    """What no other Python would mend is found where all is imported: exit 4, one line with the reason, no status."""
    require(machine, "pydantic", "pydantic.py", text)
    run = machine.run("environment", machine.folder / "bin", **index)
    assert run.returncode == 0, run.stdout
    before = (machine.folder / "output").read_text(encoding="utf-8")
    run = machine.run("check", PYTHON=machine.python, GITHUB_ACTIONS="true")
    assert run.returncode == 4
    why, ended = run.stdout.splitlines()
    assert "cannot be imported" in why
    assert reason in why
    assert ended.startswith("::error title=budget-gate::The check ended without a verdict")
    assert (machine.folder / "output").read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("imports", "check", "code"), [(0, 0, 0), (0, 1, 1), (0, 3, 3), (0, 4, 4), (1, 1, 4)]
)
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
