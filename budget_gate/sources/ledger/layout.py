"""How the ledger lies in Redis: its keys, the fields of an hour's counts, and its scripts.

All that one script touches is of one workspace, and has its name as hash tag: `{ws:NAME}` lies in
one slot of a cluster. `{ws:}` is the default workspace.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from budget_gate.domain.ledger.counted import Use
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable
from budget_gate.errors import LedgerError

PREFIX: Final = "budget-gate"
WORKSPACES: Final = f"{PREFIX}:workspaces"
VERDICT: Final = f"{PREFIX}:verdict"

HOUR: Final = 3600
# Seconds: hours are kept from their end on, and messages known from when they were counted.
KEPT: Final = 14 * 86_400
KNOWN: Final = 86_400

# What the script answers, or else Redis' own time in seconds.
COUNTED: Final = 1
ALREADY: Final = 0

# A lone surrogate is no text, but may come out of JSON.
_SURROGATES: Final = "surrogatepass"
ODD_COUNT: Final = "BUDGETGATE a count is no number"


class Script:
    """A script in Lua, and the name that Redis knows it by."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


# Keys: the hour's counts, the message. Arguments: the hour, when it expires, for how long the
# message is known, then each field with its count. What may fail is tried before anything is
# written: a value of another kind, a count that is none, and (at the first write) a full memory.
RECORD: Final = Script(f"""\
local now = tonumber(redis.call('TIME')[1])
if now - now % {HOUR} ~= tonumber(ARGV[1]) then return now end
if redis.call('GET', KEYS[2]) then return {ALREADY} end
local fields = {{}}
for i = 4, #ARGV, 2 do fields[#fields + 1] = ARGV[i] end
local before = redis.call('HMGET', KEYS[1], unpack(fields))
for i = 1, #fields do
  if before[i] and (#before[i] > 17 or not string.match(before[i], '^%d+$')) then
    return redis.error_reply('{ODD_COUNT}')
  end
end
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIREAT', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[3])
return {COUNTED}
""")

# Key: the holds. Arguments: the hold, its USD, for how many seconds. Those that have ended go.
HOLD: Final = Script("""\
local now = tonumber(redis.call('TIME')[1])
local ends = now + tonumber(ARGV[3])
local last = ends
local gone = {}
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  local till = tonumber(string.match(held[i + 1], '^(%d+) '))
  if till and till <= now then gone[#gone + 1] = held[i]
  elseif till and till > last then last = till end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', ends) .. ' ' .. ARGV[2])
for i = 1, #gone do redis.call('HDEL', KEYS[1], gone[i]) end
redis.call('EXPIREAT', KEYS[1], string.format('%d', last + 1))
return 1
""")

# Key: the holds. Arguments: the hold, the USD that are left of it. What has ended stays so.
SETTLE: Final = Script("""\
local now = tonumber(redis.call('TIME')[1])
local held = redis.call('HGET', KEYS[1], ARGV[1])
local till = held and string.match(held, '^(%d+) ')
if not till or tonumber(till) <= now then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], till .. ' ' .. ARGV[2])
return 1
""")


def tag(workspace: str | None) -> str:
    """The hash tag of a workspace, None being the default one."""
    return f"{{ws:{_quoted(workspace or '')}}}"


@lru_cache(256)
def counts_key(workspace: str | None, hour: int) -> str:
    """The key of the counts of a workspace in the hour that starts at that epoch."""
    return f"{PREFIX}:{tag(workspace)}:counts:{hour}"


def message_key(workspace: str | None, message_id: str) -> str:
    """The key that says that a message is counted."""
    return f"{PREFIX}:{tag(workspace)}:message:{quote(message_id, safe='', errors=_SURROGATES)}"


@lru_cache(256)
def holds_key(workspace: str | None) -> str:
    """The key of what is held for a workspace."""
    return f"{PREFIX}:{tag(workspace)}:holds"


def member(workspace: str | None) -> str:
    """How a workspace is named in the set of those that were seen."""
    return _quoted(workspace or "")


def workspace_of(name: str) -> str | None:
    """The workspace that `member` names so."""
    return unquote(name, errors=_SURROGATES) or None


def fields(use: Use) -> list[str | int]:
    """The fields of a use in an hour's counts, each followed by its count; none that is 0."""
    before = _kind(use[:5])
    return [
        part
        for name, count in zip(Tokens._fields, use.tokens, strict=True)
        if count
        for part in (before + name, count)
    ]


def read_counts(answer: Mapping[bytes, bytes], workspace: str | None, hour: int) -> UsageTable:
    """The usage of a workspace in the hour that starts at `hour`, of which `answer` has the fields.

    Raises LedgerError where a field is none of ours, or its value no count.
    """
    found: dict[UsageKey, list[int]] = {}
    for name, value in answer.items():
        try:
            key, index = _read_name(name, workspace, hour)
            # It has to be written as a count is: int() alone would take a sign, and spaces.
            count = int(value if value.isdigit() else b"")
        except ValueError as error:
            raise LedgerError(
                f"{counts_key(workspace, hour)} has what is no count of budget-gate: "
                f"{name.decode(errors='replace')[:60]!r}",
                "delete that field in Redis; another program or another version has written it",
            ) from error
        found.setdefault(key, [0] * len(Tokens._fields))[index] += count
    return {key: Tokens._make(counts) for key, counts in found.items()}


# The same few are read again and again, each time that a client asks whether it may go on.
@lru_cache(4096)
def _read_name(name: bytes, workspace: str | None, hour: int) -> tuple[UsageKey, int]:
    """What a field counts, and the place of its class in Tokens; raises ValueError for another."""
    *kind, class_ = name.decode().split("|")
    model, tier, window, geo, speed = (unquote(part, errors=_SURROGATES) or None for part in kind)
    key = UsageKey(workspace, instant(hour).date(), model, tier, window, geo, speed)
    return key, Tokens._fields.index(class_)


def instant(seconds: float) -> datetime:
    """The aware UTC time at so many seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


@lru_cache(1024)
def _kind(kind: tuple[str | None, ...]) -> str:
    return "".join(f"{_quoted(part or '')}|" for part in kind)


@lru_cache(1024)
def _quoted(text: str) -> str:
    return quote(text, safe="", errors=_SURROGATES)
