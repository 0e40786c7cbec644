"""SIGINT and SIGTERM: they end a run with an error that is told, until there is a result."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread, current_thread, main_thread
from types import FrameType

from budget_gate.errors import InterruptedRunError, interruption_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs

Handler = Callable[[int, FrameType | None], None]

_CAUGHT = (signal.SIGINT, signal.SIGTERM)
# Far longer than a finalizer takes, in seconds.
_PAUSE = 0.01


def ignore() -> None:
    """Has them ignored from now on, where they would end the run: what follows is told whole."""
    _replace(_interrupt, _pass_over)


@contextmanager
def raising() -> Iterator[None]:
    """Has them raise InterruptedRunError, once, while the context lasts, in the main thread."""
    caught = _CAUGHT if current_thread() is main_thread() else ()
    before = {each: signal.signal(each, _interrupt) for each in caught}
    tell = sys.unraisablehook
    if caught:
        sys.unraisablehook = partial(_send_again, tell)
    try:
        yield
    finally:
        for each, handler in before.items():
            # Once one was heard the process is to end by itself, its last steps included.
            was_heard = signal.getsignal(each) is _pass_over_another
            signal.signal(each, signal.SIG_IGN if was_heard else handler)
        sys.unraisablehook = tell


def _interrupt(number: int, _: FrameType | None) -> None:
    # The report of this is still to be written: a second signal must not cut it short.
    _replace(_interrupt, _pass_over_another)
    raise InterruptedRunError(signal.Signals(number).name)


def _send_again(
    tell: "Callable[[UnraisableHookArgs], object]", failure: "UnraisableHookArgs"
) -> None:
    """Has a signal come again that was heard where Python ignores all errors, as in a finalizer.

    Other errors there are told as by `tell`.
    """
    interruption = interruption_behind(failure.exc_value) if failure.exc_value else None
    if interruption is None:
        tell(failure)
        return
    number = signal.Signals[interruption.signal]

    def send() -> None:
        time.sleep(_PAUSE)
        # There may be a result by now, or an end to it all.
        if signal.getsignal(number) is _interrupt:
            os.kill(os.getpid(), number)

    Thread(target=send, daemon=True).start()
    _replace(_pass_over_another, _interrupt)


def _replace(old: Handler, new: Handler) -> None:
    if current_thread() is not main_thread():
        return
    for each in _CAUGHT:
        if signal.getsignal(each) is old:
            signal.signal(each, new)


# Not SIG_IGN: a signal that is already on its way would find no handler to call.
def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Does nothing, as there is a result to tell."""


def _pass_over_another(_number: int, _frame: FrameType | None) -> None:
    """Does nothing, as one was heard before."""
