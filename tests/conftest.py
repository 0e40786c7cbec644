"""The fixture that tests of several files ask for, and how they all are run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests.helpers.running import Here, checkout, entered

# How long an example takes says how busy the machine is, and nothing of the program.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each processor, as many tests wait; no other process for files that are named, to start at once and debug."""
    return 0 if any(".py" in argument for argument in config.args) else 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """No lines are counted where examples are drawn: they go where others have gone, and to count takes as long as they do."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.no_cover)


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
