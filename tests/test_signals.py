"""Signals that come where Python ignores every error, as in a finalizer: they end the run all the same."""

import os
import signal
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from budget_gate import signals
from budget_gate.errors import InterruptedRunError

SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Named:
    """An object that may go."""


class Finalized:
    """An object that does something as it goes."""

    def __init__(self, last: Callable[[], None]) -> None:
        self.last = last

    def __del__(self) -> None:
        """Do it."""
        self.last()


def in_a_finalizer(act: Callable[[], None]) -> None:
    """Acts as an object goes."""
    Finalized(act)


def in_a_callback(act: Callable[[], None]) -> None:
    """Acts as a reference learns that its object goes, as imports do for each module."""
    named = Named()
    reference = weakref.ref(named, lambda _: act())
    del named
    assert reference() is None


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leave the handlers as they were: once a signal was heard, they are ignored."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("within", [in_a_finalizer, in_a_callback])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_run_wherever_it_comes(
    capfd: pytest.CaptureFixture[str],
    number: signal.Signals,
    within: Callable[[Callable[[], None]], None],
) -> None:
    """Once the object is gone, and without a traceback: it does not wait for what would come after."""
    with pytest.raises(InterruptedRunError, match=number.name), signals.raising():  # noqa: PT012 - it comes later
        within(lambda: os.kill(os.getpid(), number))
        time.sleep(30)
    assert capfd.readouterr() == ("", "")


def test_a_result_that_is_there_by_then_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """As with every signal that comes after it."""
    with signals.raising():
        in_a_finalizer(lambda: os.kill(os.getpid(), signal.SIGTERM))
        signals.ignore()
        time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_another_error_is_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """To whatever is set up for that, which is there again afterwards."""
    told: list[type[BaseException]] = []
    hook = lambda failure: told.append(failure.exc_type)  # noqa: E731 - it is compared below
    monkeypatch.setattr("sys.unraisablehook", hook)

    def fail() -> None:
        raise ValueError("no")

    with signals.raising():
        in_a_finalizer(fail)
    in_a_finalizer(fail)
    assert told == [ValueError, ValueError]
