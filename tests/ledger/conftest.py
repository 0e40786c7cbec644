"""What the tests of the application's side ask for."""

from collections.abc import Callable, Iterator

import pytest

from tests.helpers.ledgers import Open, opened


@pytest.fixture(params=["wait", "await"])
def open_ledger(request: pytest.FixtureRequest) -> Iterator[Open]:
    """What makes ledgers, once of each kind."""
    closing: list[Callable[[], object]] = []
    yield opened(request.param, closing)
    for close in reversed(closing):
        close()
