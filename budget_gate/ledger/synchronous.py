"""The ledger for programs that wait for an answer."""

import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from threading import Lock
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from budget_gate.domain.bounds import ZERO, minus
from budget_gate.domain.ledger.counted import count
from budget_gate.errors import ConfigurationError, LedgerError
from budget_gate.ledger.arguments import Usd, amount, place, seconds
from budget_gate.ledger.guarding import BudgetExceeded, Guards, PolicyPath
from budget_gate.ledger.losses import Losses, OnError
from budget_gate.sources.ledger.opening import open_client
from budget_gate.sources.ledger.plans import Learned, holding, recording, settling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.sources.ledger.client import Client


class Hold:
    """An amount that is held while a job runs; as a context manager it is released at the end.

    `left` are the USD that are still held, as far as this program knows: a hold ends by itself.
    """

    def __init__(self, ledger: "Ledger", id_: str, workspace: str | None, left: Decimal) -> None:
        self._ledger = ledger
        self._id = id_
        self._workspace = workspace
        self._lock = Lock()
        self.left = left

    def settle(self, usd: Usd) -> None:
        """Takes off what has been spent meanwhile, and is counted: it is not held any more."""
        with self._lock:
            left = max(ZERO, minus(self.left, amount(usd)))
            self._ledger._settle(self._id, left, self._workspace)  # noqa: SLF001 - two halves of one
            self.left = left

    def release(self) -> None:
        """Ends the hold; nothing where it has ended already."""
        with self._lock:
            if self.left:
                self._ledger._settle(self._id, ZERO, self._workspace)  # noqa: SLF001
                self.left = ZERO

    def __enter__(self) -> Self:
        """The hold itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        """Releases it."""
        try:
            self.release()
        except LedgerError:
            # What ended the job says more, and the hold ends by itself.
            if kind is None:
                raise


class Ledger:
    """Counts usage by the hour, and holds amounts, in a Redis; threads may share it.

    With `on_error="ignore"` nothing of the ledger's raises LedgerError: `lost` is how often it was
    ignored, and the log says so (`budget_gate.ledger`).
    """

    def __init__(
        self,
        client: "Client",
        *,
        on_error: OnError = "raise",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._losses = Losses(on_error)
        self._learned = Learned(clock)
        self._guards = Guards()

    @classmethod
    def from_url(
        cls, url: str, *, on_error: OnError = "raise", clock: Callable[[], float] = time.time
    ) -> Self:
        """The ledger in the Redis at a URL (redis://, rediss://, unix://), not asked yet.

        Raises LedgerError, which shows no password, where that is no such URL, or where the extra
        `ledger` is not installed.
        """
        try:
            client = open_client(url)
        except ConfigurationError as error:
            raise LedgerError(error.message, error.hint) from error
        return cls(client, on_error=on_error, clock=clock)

    @property
    def lost(self) -> int:
        """How many calls failed and were ignored, in this process."""
        return self._losses.count

    def record(
        self,
        usage: Any,
        *,
        model: str | None = None,
        workspace: str | None = None,
        service_tier: str | None = None,
        speed: str | None = None,
        inference_geo: str | None = None,
        message_id: str | None = None,
    ) -> bool:
        """Adds an answer of the Messages API to the running UTC hour; False where it is there.

        `usage` is the message, or its usage alone: a mapping or an object of the SDK. What it does
        not say itself can be given besides. A message is known by its id, for a day.

        Raises LedgerError where it cannot be counted, or where Redis fails.
        """
        id_ = place(workspace)
        try:
            counted = count(
                usage,
                message_id=message_id,
                model=model,
                service_tier=service_tier,
                speed=speed,
                inference_geo=inference_geo,
            )
            return self._client.run(recording(counted, id_, self._learned))
        except LedgerError as error:
            self._losses.take(error)
            return False

    def reserve(
        self, usd: Usd, *, workspace: str | None = None, ttl: timedelta | int = 3600
    ) -> Hold:
        """Holds an amount of USD until it is released, settled, or `ttl` (seconds) has passed.

        Raises LedgerError where Redis fails; TypeError or ValueError for what is no exact amount.
        """
        held, id_, name = amount(usd), place(workspace), uuid4().hex
        plan = holding(name, held, seconds(ttl), id_, self._learned)
        try:
            self._client.run(plan)
        except LedgerError as error:
            self._losses.take(error)
        return Hold(self, name, id_, held)

    def guard(
        self, policy: PolicyPath, *, workspace: str | None = None, model: str | None = None
    ) -> None:
        """Raises BudgetExceeded where a cap of the policy (a path) is exceeded, before a request.

        Spent is what the last `check --ledger` had reported and what was counted since; reserved
        is what is held. Only caps that this workspace is under are looked at, and caps of models
        where it is the `model` asked. Raises LedgerError where there is no verdict, or Redis fails.
        """
        plan = self._guards.checking(policy, place(workspace), model, self._learned)
        try:
            exceeded = self._client.run(plan)
        except LedgerError as error:
            self._losses.take(error)
            return
        if exceeded:
            raise BudgetExceeded(exceeded)

    def close(self) -> None:
        """Closes the connections, and logs what was lost."""
        self._client.close()
        self._losses.close()

    def __enter__(self) -> Self:
        """The ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _settle(self, hold: str, left: Decimal, workspace: str | None) -> None:
        try:
            self._client.run(settling(hold, left, workspace, self._learned))
        except LedgerError as error:
            self._losses.take(error)
