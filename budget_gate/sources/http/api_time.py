"""What time it is by the API, as its answers say."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from budget_gate.domain.clock import WORTH_A_WARNING


class ApiTime:
    """The times that answers told, beside those of the local clock, which `clock` tells."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._told: list[datetime] = []
        self._differences: list[timedelta] = []

    def note(self, response: httpx.Response) -> None:
        """Takes the time of an answer, where it tells one."""
        with suppress(KeyError, ValueError, TypeError, OverflowError):
            told = parsedate_to_datetime(response.headers["date"])
            # HTTP knows no other zone, though some leave its name out.
            told = told.replace(tzinfo=told.tzinfo or UTC)
            difference = told - self._clock()
            self._told.append(told)
            self._differences.append(difference)

    @property
    def difference(self) -> timedelta | None:
        """The API's time minus the local one, the largest seen; None where it told none."""
        return max(self._differences, key=abs, default=None)

    def is_to_come(self, instant: datetime) -> bool:
        """Whether `instant` lies in the future, more than a few minutes, by either clock."""
        times = [self._clock(), *self._told]
        # Differences have no end, where a sum might lie beyond the calendar.
        return all(instant - time > WORTH_A_WARNING for time in times)

    def has_begun(self, instant: datetime) -> bool:
        """Whether `instant` had come when the API first answered; true where its time is doubted.

        A clock more than 5 minutes off is: an answer may be an old one that something has kept.
        """
        difference = self.difference
        is_doubted = difference is None or abs(difference) > WORTH_A_WARNING
        return is_doubted or min(self._told) >= instant
