"""What was not counted as the ledger could not be asked: it is counted here, and said."""

import logging
from threading import Lock
from typing import Final, Literal

from budget_gate.errors import LedgerError

OnError = Literal["raise", "ignore"]

_LOG: Final = logging.getLogger("budget_gate.ledger")


class Losses:
    """How often something was lost; threads may share it."""

    def __init__(self, on_error: OnError) -> None:
        if on_error not in ("raise", "ignore"):
            raise ValueError(f"on_error is {on_error!r}: give 'raise' or 'ignore'")
        self.count = 0
        self._raises = on_error == "raise"
        self._lock = Lock()

    def take(self, error: LedgerError) -> None:
        """Counts a loss, and says the first one; raises the error where that is wanted."""
        if self._raises:
            raise error
        with self._lock:
            self.count += 1
            is_first = self.count == 1
        if is_first:
            _LOG.warning(
                "A call of the ledger failed (on_error='ignore': no further one is logged): %s",
                error,
            )

    def close(self) -> None:
        """Says how much was lost, if anything."""
        if self.count:
            _LOG.warning("%d calls of the ledger failed: it has less than was used.", self.count)
