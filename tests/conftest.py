"""The fixture that tests of several files ask for, and how they all are run."""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.helpers.postgresql import Cluster, cluster
from tests.helpers.redis import Server, server
from tests.helpers.running import Here, checkout, entered
from tests.helpers.stores import Store

# How long an example takes says how busy the machine is, and nothing of the program.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# Of a test's cases so many have their lines counted: the others go the same ways, and to count takes as long as they do.
COUNTED: Final = 3


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each processor, as many tests wait; no other process for files that are named, to start at once and debug."""
    return 0 if any(".py" in argument for argument in config.args) else 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lines are counted for the first cases of each test, and not where examples are drawn."""
    cases: Counter[object] = Counter()
    for item in items:
        if isinstance(item, pytest.Function):
            cases[item.obj] += 1
            if cases[item.obj] > COUNTED or is_hypothesis_test(item.obj):
                item.add_marker(pytest.mark.uncounted)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Lines of what is not to be counted are not, nor while it is set up: counting slows all Python down."""
    stopped: list[Coverage] = []
    # A process of pytest-xdist has two: that of any process, and that of pytest-cov.
    while item.get_closest_marker("uncounted") and (coverage := Coverage.current()):
        coverage.stop()
        stopped.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in reversed(stopped):
            coverage.start()


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    """The program in a folder of its own."""
    with entered(checkout(tmp_path), monkeypatch, capsys) as inside:
        yield inside


@pytest.fixture
def step(here: Here) -> Here:
    """The program as a step of GitHub Actions."""
    here.set(here.program.step)
    return here


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL of the tests' own, once in each process that asks for it."""
    with cluster() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A Redis of the tests' own, once in each process that asks for it."""
    with server() as one:
        yield one


@pytest.fixture
def ledger_server(redis_server: Server) -> Server:
    """A Redis that nothing is in yet."""
    redis_server.ask("FLUSHALL")
    redis_server.ask("SCRIPT", "FLUSH")
    return redis_server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A place for a history, in either database: nothing is there yet."""
    if request.param == "sqlite":
        return Store(f"sqlite:///{tmp_path / 'usage.db'}")
    server: Cluster = request.getfixturevalue("postgresql")
    return Store(server.new())
