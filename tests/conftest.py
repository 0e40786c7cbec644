"""The fixture that tests of several files ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Here, checkout, entered


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    """The program in a folder of its own."""
    with entered(checkout(tmp_path), monkeypatch, capsys) as inside:
        yield inside
