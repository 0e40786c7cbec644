"""The same as `client`, for programs that await."""

from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.exceptions import ResponseError

from budget_gate.sources.ledger.address import Address, read_address
from budget_gate.sources.ledger.client import FAILURES, RETRIED, RETRIES, backoff
from budget_gate.sources.ledger.failures import failure
from budget_gate.sources.ledger.plans import Command, Plan, T


class AsyncClient:
    """A pool of connections to one Redis, for the tasks of one event loop."""

    def __init__(self, redis: Any, address: Address) -> None:
        self._redis = redis
        self.address = address

    @classmethod
    def at(cls, url: str) -> Self:
        """The client of a URL, which asks nothing yet.

        Raises ConfigurationError, which shows no password, where that is no URL of a Redis.
        """
        address = read_address(url)
        retry = Retry(backoff(), RETRIES)
        return cls(Redis(**address.options, retry=retry, retry_on_error=RETRIED), address)

    async def run(self, plan: Plan[T]) -> T:
        """The result of a plan; raises LedgerError where Redis fails."""
        try:
            commands = next(plan)
            while True:
                commands = plan.send(await self._ask(commands))
        except StopIteration as done:
            result: T = done.value
            return result
        except FAILURES as error:
            raise failure(error, self.address) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()

    async def _ask(self, commands: list[Command]) -> list[Any]:
        if len(commands) > 1:
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
            return answers
        try:
            return [await self._redis.execute_command(*commands[0])]
        except ResponseError as error:
            return [error]
