"""One page of a usage report, checked: buckets of rows -> usage keys and tokens.

Whatever is not as the API documents it raises: a count that cannot be read is never a zero.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from budget_gate.domain.period import format_instant, parse_instant
from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.errors import UnverifiedError

# Larger than any organization's month by far, and small enough for exact sums.
MOST_TOKENS: Final = 10**18

_SHOWN = 40
_COUNTS = frozenset(
    (
        "uncached_input_tokens",
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
    )
)
_DIMENSIONS = frozenset(
    (
        "workspace_id",
        "model",
        "service_tier",
        "context_window",
        "inference_geo",
        "speed",
        "api_key_id",
        "account_id",
        "service_account_id",
    )
)
_CACHE_WRITES = frozenset(("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"))
# Fetching a page costs nothing beyond its tokens.
_TOOLS = frozenset(("web_search_requests", "web_fetch_requests"))
_KNOWN = _COUNTS | _DIMENSIONS | {"cache_creation", "server_tool_use"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The rows of the usage from `start` up to `end` (UTC, exclusive), not yet read."""

    start: datetime
    end: datetime
    rows: list[Any]
    where: str

    def usage(self) -> Iterator[tuple[UsageKey, Tokens]]:
        """The rows as usage of the bucket's UTC day; a dimension that is absent is None.

        Raises UnverifiedError at the first row that is not as documented.
        """
        return _rows(self.rows, self.start.date(), self.where)


@dataclass(frozen=True, slots=True)
class Page:
    """The buckets of a page in their order, and the cursor of the next one, if there is one."""

    buckets: list[Bucket]
    next_page: str | None


def read_page(answer: Any, where: str) -> Page:
    """The page that `answer`, decoded JSON, holds; `where` names its origin in errors.

    Raises UnverifiedError where it is not a page of a usage report.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise malformed(where, "there is no list `data` in it")
    has_more, cursor = answer.get("has_more"), answer.get("next_page")
    if not isinstance(has_more, bool):
        raise malformed(where, "`has_more` is neither true nor false")
    if has_more and not (isinstance(cursor, str) and cursor):
        raise malformed(where, "it says that there is more, but not where")
    return Page([_bucket(item, where) for item in data], cursor if has_more else None)


def malformed(where: str, problem: str) -> UnverifiedError:
    """The error of an answer that is not as documented."""
    return UnverifiedError(
        f"{where}: the answer cannot be trusted: {problem}",
        "update budget-gate; if it is current, the API may have changed",
        code="malformed_answer",
    )


def _bucket(item: Any, where: str) -> Bucket:
    if not isinstance(item, dict) or not isinstance(item.get("results"), list):
        raise malformed(where, "a bucket holds no list `results`")
    start, end = (_instant(item.get(name), where) for name in ("starting_at", "ending_at"))
    if start >= end:
        raise malformed(where, f"a bucket ends before it starts ({format_instant(start)})")
    return Bucket(start, end, item["results"], f"{where}, bucket {format_instant(start)}")


def _instant(value: Any, where: str) -> datetime:
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except (ValueError, OverflowError):
            pass
    raise malformed(where, f"a bucket's time is not RFC 3339: {_shown(value)}")


def _rows(rows: Iterable[Any], day: date, where: str) -> Iterator[tuple[UsageKey, Tokens]]:
    # This loop is where the time of a large report goes: what depends on the keys of a row alone
    # is checked once for each set of keys, the values of every row.
    shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in rows:
        if type(row) is not dict:
            raise malformed(where, "a row is no object")
        shape = tuple(row)
        unknown = shapes.get(shape)
        if unknown is None:
            unknown = shapes[shape] = _unknown_keys(row, where)
        for name in unknown:
            _refuse_amount(name, row[name], where)
        get = row.get
        key = UsageKey(
            day,
            get("workspace_id"),
            get("model"),
            get("service_tier"),
            get("context_window"),
            get("inference_geo"),
            get("speed"),
        )
        for text in key[1:]:
            if text is not None and (type(text) is not str or not text):
                raise malformed(where, f"a dimension is not a name: {_shown(text)}")
        writes = _object(get("cache_creation"), _CACHE_WRITES, where)
        tools = _object(get("server_tool_use"), _TOOLS, where)
        # Whatever JSON held, until the check below.
        counts: tuple[Any, ...] = (
            get("uncached_input_tokens", get("input_tokens")),
            writes.get("ephemeral_5m_input_tokens", 0),
            writes.get("ephemeral_1h_input_tokens", 0),
            get("cache_read_input_tokens", 0),
            get("output_tokens"),
            tools.get("web_search_requests", 0),
            get("cache_creation_input_tokens", 0),
        )
        for count in counts:
            if type(count) is not int or not 0 <= count < MOST_TOKENS:
                counts = _without_nulls(counts, where)
        yield key, Tokens._make(counts)


def _unknown_keys(row: dict[str, Any], where: str) -> tuple[str, ...]:
    """The keys of a row that this version does not know, once the known ones make sense."""
    if ("uncached_input_tokens" in row) == ("input_tokens" in row) or "output_tokens" not in row:
        raise malformed(where, "a row has not one count of input and one of output")
    if row.get("cache_creation") is not None and "cache_creation_input_tokens" in row:
        raise malformed(where, "a row counts its cache writes twice")
    return tuple(name for name in row if name not in _KNOWN)


def _refuse_amount(name: str, value: Any, where: str) -> None:
    """Raises where something is counted that this version has no price for."""
    if value and not isinstance(value, str):
        raise malformed(where, f"it counts {name[:60]!r}, which this version cannot price")


def _object(value: Any, known: frozenset[str], where: str) -> dict[str, Any]:
    if type(value) is dict:
        if not value.keys() <= known:
            for name in value.keys() - known:
                _refuse_amount(name, value[name], where)
        return value
    if value is not None:
        raise malformed(where, f"an object of counts is {_shown(value)}")
    return {}


def _without_nulls(counts: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    """The counts with 0 for the classes that are null; input and output are never null."""
    named = dict(zip(Tokens._fields, counts, strict=True))
    for name, count in named.items():
        if count is None and name not in ("uncached_input", "output"):
            named[name] = 0
        elif type(count) is not int or not 0 <= count < MOST_TOKENS:
            raise malformed(where, f"a count of tokens is {_shown(count)}")
    return tuple(named.values())


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
