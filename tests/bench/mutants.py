"""Runs the mutants that `mutmut run` has generated, each in a fork of one process that has collected the tests.

`python -m tests.bench.mutants [--sample N] [--seed S] [MODULE...]`, in the project's folder, with mutmut installed.
A mutant meets the tests that `mutants/mutmut-stats.json` has for its function: those of its module's own file, those
of its folder, and for 10 s the quickest others, first those below the same top folder.
"""

import argparse
import difflib
import gc
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path("mutants")
SECONDS = 10
# So many mutants' tests are run without the mutant first: they must pass, or nothing that they kill counts.
UNCHANGED = 20


class Mutants:
    """Plugin of pytest that runs each mutant of `names` instead of all tests once; `survivors` are what is left."""

    def __init__(self, names: list[str]) -> None:
        stats = json.loads((FOLDER / "mutmut-stats.json").read_text())
        self.names = names
        self.tests: dict[str, list[str]] = stats["tests_by_mangled_function_name"]
        self.seconds: dict[str, float] = stats["duration_by_test"]
        self.survivors: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Examples are always the same, and none is made smaller once it fails."""
        import hypothesis  # pytest wants to be the first to import it

        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        current = hypothesis.settings()
        hypothesis.settings.register_profile(
            "mutants", current, phases=phases, derandomize=True, database=None
        )
        hypothesis.settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the mutants, as many at once as there are processors."""
        items = {item.nodeid: item for item in session.items}
        # What has been collected is never freed, and so need not be copied into each fork.
        gc.freeze()
        failed = self.run(session, items, self.names[:UNCHANGED], is_changed=False)
        assert not failed, f"without the mutant, too, the tests of these fail: {failed}"
        self.survivors = self.run(session, items, self.names, is_changed=True)
        return True

    def run(
        self,
        session: pytest.Session,
        items: dict[str, pytest.Item],
        names: list[str],
        *,
        is_changed: bool,
    ) -> set[str]:
        """The mutants whose tests pass with the mutant, or whose tests fail without it."""
        found: set[str] = set()
        running: dict[int, tuple[str, str]] = {}

        def end_one() -> None:
            process, status = os.wait()
            name, folder = running.pop(process)
            kill_all(process)
            shutil.rmtree(folder, ignore_errors=True)
            if (status == 0) is is_changed:
                found.add(name)

        for name in names:
            chosen = [items[test] for test in self.chosen(name) if test in items]
            if len(running) >= (os.cpu_count() or 1):
                end_one()
            folder = tempfile.mkdtemp(prefix="mutant-")
            if process := os.fork():
                running[process] = name, folder
            else:
                tempfile.tempdir = folder
                os._exit(self.fork(session, chosen, name if is_changed else "unchanged"))
        while running:
            end_one()
        return found

    def chosen(self, name: str) -> list[str]:
        """The tests to run for a mutant, in order."""
        module, function = name.rpartition("__mutmut_")[0].rsplit(".", 1)
        *folders, file = module.split(".")[1:]
        top, folder = f"tests/{folders[0]}/", "/".join(("tests", *folders, "test_"))
        tests = self.tests.get(f"{module}.{function}", [])
        seconds = 0.0
        chosen = []

        def nearest_first(test: str) -> tuple[bool, bool, bool, float]:
            is_own, is_near = test.startswith(f"{folder}{file}.py"), test.startswith(folder)
            return not is_own, not is_near, not test.startswith(top), self.seconds.get(test, 0)

        for test in sorted(tests, key=nearest_first):
            if not test.startswith(folder):
                seconds += self.seconds.get(test, 0)
            if seconds > SECONDS:
                break
            chosen.append(test)
        return chosen

    def fork(self, session: pytest.Session, items: list[pytest.Item], name: str) -> int:
        """0 where all tests pass; a mutant that loops or waits ends by a timer."""
        os.setpgid(0, 0)
        seconds = 15 + 3 * sum(self.seconds.get(item.nodeid, 0) for item in items)
        # By the processor's time, as a busy machine would kill what is fine; who only waits uses none.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.alarm(int(10 * seconds))
        session.config.pluginmanager.unregister(name="terminalreporter")
        importlib.import_module("mutmut.mutation.trampoline").set_mutant_under_test(name)
        try:
            for item, following in zip(items, [*items[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    return 1
        except BaseException:  # noqa: BLE001 - a mutant may do anything, and is killed where it shows
            return 1
        return 0


def kill_all(group: int) -> None:
    """Ends what tests of a fork may have left behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def generated(modules: list[str]) -> Iterator[str]:
    """The mutants of the modules, each given as a path below the package, such as domain/health; of all without any."""
    for path in sorted(FOLDER.rglob("*.py.meta")):
        module = path.relative_to(FOLDER / "budget_gate").as_posix().removesuffix(".py.meta")
        if not modules or any(module.startswith(it.removesuffix(".py")) for it in modules):
            yield from json.loads(path.read_text())["exit_code_by_key"]


def file_of(name: str) -> str:
    """The file that a mutant is of."""
    return name.rpartition("__mutmut_")[0].rsplit(".", 1)[0].replace(".", "/") + ".py"


def difference(name: str) -> str:
    """What a mutant changes, as a diff with the lines of its function."""
    path = FOLDER / file_of(name)
    lines = path.read_text().splitlines()
    spans = json.loads(Path(f"{path}.spans").read_text())["spans"]
    mutant = name.rsplit(".", 1)[1]
    both = (mutant.rpartition("__mutmut_")[0] + "__mutmut_orig", mutant)
    old, new = (
        [line.replace(it, "") for line in lines[spans[it][0] - 1 : spans[it][1]]] for it in both
    )
    return "\n".join([name, *list(difflib.unified_diff(old, new, lineterm="", n=1))[2:], ""])


def main() -> None:
    """Prints how many mutants of each module survive, and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "modules", metavar="MODULE", nargs="*", help="such as domain/health; all without it"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="only so many, at random")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    project = Path.cwd()
    names = list(generated(wanted.modules))
    random.Random(wanted.seed).shuffle(names)  # noqa: S311 - a sample, and no secret
    mutants = Mutants(names[: wanted.sample])
    options = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    # The tests and the package are those of the folder of mutants from here on.
    os.chdir(FOLDER)
    sys.path[0] = str(Path.cwd())
    for module in [it for it in sys.modules if it.split(".")[0] == "tests"]:
        del sys.modules[module]
    arguments = [*options["pytest_add_cli_args"], *options["pytest_add_cli_args_test_selection"]]
    if code := pytest.main(
        ["--rootdir=.", "-n0", "-qq", "-p", "no:cacheprovider", *arguments], [mutants]
    ):
        raise SystemExit(code)
    os.chdir(project)
    tried, survived = (Counter(map(file_of, it)) for it in (mutants.names, mutants.survivors))
    for file in sorted(tried, key=lambda it: (-survived[it], it)):
        show(file, tried[file], survived[file])
    show("together", len(mutants.names), len(mutants.survivors))
    for name in sorted(mutants.survivors):
        sys.stdout.write(f"\n{difference(name)}")


def show(what: str, tried: int, survived: int) -> None:
    """Prints how many mutants there were, how many were killed and how many survived."""
    killed = tried - survived
    share = killed / tried
    sys.stdout.write(f"{what}: {killed} of {tried} killed ({share:.1%}), {survived} survived\n")


if __name__ == "__main__":
    main()
