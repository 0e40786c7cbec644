"""The ledger in Redis as its layout says, written and read by redis-py alone: nothing of the package under test."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import quote, unquote

from redis import Redis

from tests.world.lagging import HOUR, Record, hour_of

# From the end of the hour on, and from its record on.
COUNTS_KEPT = timedelta(days=14)
MESSAGES_KEPT = timedelta(days=1)
WORKSPACES = "budget-gate:workspaces"
VERDICT = "budget-gate:verdict"


class Count(NamedTuple):
    """Where a number of the ledger belongs: a workspace's hour, what changes the price, and the class."""

    hour: datetime
    workspace: str | None
    model: str | None
    service_tier: str | None
    context_window: str | None
    inference_geo: str | None
    speed: str | None
    token_class: str


def encoded(text: str | None) -> str:
    """A part of a key or a field: percent-encoded, empty for None."""
    return quote(text or "", safe="")


def decoded(text: str) -> str | None:
    """What such a part says."""
    return unquote(text) or None


def key(workspace: str | None, *parts: str) -> str:
    """A key of a workspace as clients write its name; `parts` follow its tag."""
    return ":".join((f"budget-gate:{{ws:{encoded(workspace)}}}", *parts))


def connected(url: str) -> Redis:
    """A client of the Redis at a URL, which answers text."""
    return Redis.from_url(url, decode_responses=True)


def counts_key(workspace: str | None, hour: datetime) -> str:
    """The key of what a workspace used in an hour."""
    return key(workspace, "counts", str(int(hour.timestamp())))


def field(record: Record, token_class: str) -> str:
    """The field of a record's tokens of a class."""
    parts = (record.model, record.service_tier, record.context_window)
    more = (record.inference_geo, record.speed, token_class)
    return "|".join(encoded(part) for part in (*parts, *more))


def write(redis: Redis, records: Iterable[Record], *, now: datetime) -> int:
    """Count records as clients do, those of a message that is known not at all; how many were counted.

    `now` is the time in the records' world, which need not be that of Redis: what has a life lives as long from here on
    as it would there.
    """
    counted = 0
    # What is known of a message may be forgotten again by `now`, but was not yet when it came once more.
    known: dict[str, datetime] = {}
    for record in records:
        message = key(record.workspace, "message", record.message)
        life = record.at + MESSAGES_KEPT - now
        if redis.exists(message) or (message in known and record.at < known[message]):
            continue
        known[message] = record.at + MESSAGES_KEPT
        counts = counts_key(record.workspace, hour_of(record.at))
        with redis.pipeline(transaction=True) as pipe:
            for token_class, number in record.tokens.items():
                if number:
                    pipe.hincrby(counts, field(record, token_class), number)
            pipe.expire(counts, hour_of(record.at) + HOUR + COUNTS_KEPT - now)
            if life > timedelta():
                pipe.set(message, 1, px=life)
            pipe.sadd(WORKSPACES, encoded(record.workspace))
            pipe.execute()
        counted += 1
    return counted


def hold(
    redis: Redis, name: str, usd: Decimal, *, workspace: str | None = None, expiry: int
) -> None:
    """Hold an amount by a name until `expiry`, in seconds since 1970 by the clock of Redis."""
    redis.hset(key(workspace, "holds"), name, f"{expiry} {usd}")
    redis.sadd(WORKSPACES, encoded(workspace))


def seconds(redis: Redis) -> int:
    """The time by the clock of Redis, in seconds since 1970."""
    return int(redis.time()[0])


def read(redis: Redis) -> Counter[Count]:
    """Every number that the ledger has, but for zeros."""
    found: Counter[Count] = Counter()
    for name in _names(redis, "budget-gate:*:counts:*"):
        tag, _, epoch = name.removeprefix("budget-gate:{ws:").partition("}:counts:")
        hour = datetime.fromtimestamp(int(epoch), UTC)
        for text, number in redis.hgetall(name).items():
            *parts, token_class = [decoded(part) for part in str(text).split("|")]
            model, tier, window, geo, speed = parts
            count = Count(hour, decoded(tag), model, tier, window, geo, speed, token_class or "")
            found[count] += int(number)
    return +found


def messages(redis: Redis) -> set[tuple[str | None, str]]:
    """The messages that are not counted again: each with its workspace."""
    found = set()
    for name in _names(redis, "budget-gate:*:message:*"):
        tag, _, message = name.removeprefix("budget-gate:{ws:").partition("}:message:")
        found.add((decoded(tag), message))
    return found


def workspaces(redis: Redis) -> set[str]:
    """The names that are known to have been counted for, as they stand in the keys."""
    return {str(name) for name in redis.smembers(WORKSPACES)}


def _names(redis: Redis, pattern: str) -> list[str]:
    return [str(name) for name in redis.scan_iter(pattern)]
