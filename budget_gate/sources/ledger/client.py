"""A connection to the ledger's Redis, and what is asked over it."""

from typing import Any, Final, Self

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as DisconnectedError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as LateError
from redis.retry import Retry

from budget_gate.sources.ledger.address import Address, read_address
from budget_gate.sources.ledger.failures import failure
from budget_gate.sources.ledger.plans import Command, Plan, T

# Whatever is asked twice counts once: a Redis that was started again is not noticed.
RETRIES: Final = 2
RETRIED: Final[list[type[Exception]]] = [DisconnectedError, LateError]
_FIRST_WAIT: Final = 0.02
_LONGEST_WAIT: Final = 0.5
# What a client may raise beside its own errors: a certificate that is missing, a host that is none.
FAILURES: Final = (RedisError, OSError, UnicodeError)


def backoff() -> ExponentialBackoff:
    """How long to wait before it is tried again."""
    return ExponentialBackoff(cap=_LONGEST_WAIT, base=_FIRST_WAIT)


class Client:
    """A pool of connections to one Redis; threads may share it, and forks get their own."""

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

    def run(self, plan: Plan[T]) -> T:
        """The result of a plan; raises LedgerError where Redis fails."""
        try:
            commands = next(plan)
            while True:
                commands = plan.send(self._ask(commands))
        except StopIteration as done:
            result: T = done.value
            return result
        except FAILURES as error:
            raise failure(error, self.address) from error

    def close(self) -> None:
        """Closes the connections; what is asked afterwards opens new ones."""
        self._redis.close()

    def _ask(self, commands: list[Command]) -> list[Any]:
        if len(commands) > 1:
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            return answers
        try:
            return [self._redis.execute_command(*commands[0])]
        except ResponseError as error:
            return [error]
