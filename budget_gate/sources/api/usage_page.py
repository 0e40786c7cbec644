"""One page of a usage report, checked: buckets of rows -> usage keys and tokens.

Whatever is not as the API documents it raises: a count that cannot be read is never a zero.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from budget_gate.domain.period import format_instant
from budget_gate.domain.usage import UNATTRIBUTED, Tokens, UsageKey, UsageTable, add
from budget_gate.sources.api.answers import malformed, read_cursor, read_instant, shown_value

# Larger than any organization's month by far, and small enough for exact sums.
MOST_TOKENS: Final = 10**18
# In the order of UsageKey; each may be null, and absent means the same.
_DIMENSIONS = (
    "workspace_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "speed",
)
# Where these were asked for, null is the default workspace, and a model that is not named.
_NULL_TELLS = ("workspace_id", "model")
_CACHE_WRITES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_TOOLS = ("web_search_requests",)
_COUNTS = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
# The keys of every whole row; the usual report brings them all.
_USUAL = frozenset((*_DIMENSIONS, *_COUNTS, "cache_creation", "server_tool_use"))
# What tells nothing about a cost: further dimensions, and fetching pages, which is free.
_IRRELEVANT = frozenset(("api_key_id", "account_id", "service_account_id", "web_fetch_requests"))
_KNOWN = _USUAL | _IRRELEVANT | {"input_tokens", "cache_creation_input_tokens"}

Row = TypeVar("Row", UsageKey, Tokens)


class Bucket(NamedTuple):
    """The rows of the usage from `start` up to `end` (UTC, exclusive), not yet read."""

    start: datetime
    end: datetime
    rows: list[Any]
    where: str

    def usage(self, told: Collection[str] = ()) -> UsageTable:
        """The rows as usage of the bucket's UTC day; a dimension that is absent is None.

        A workspace that is absent is UNATTRIBUTED, as null is the default one.

        Raises UnverifiedError where a row is not as documented, or where one that counts anything
        does not tell a dimension of `told`: is without it, or has null where that tells nothing.
        """
        return _read_rows(self.rows, self.start.date(), self.where, told)


class Page(NamedTuple):
    """The buckets of a page in their order, and the cursor of the next one, if there is one."""

    buckets: list[Bucket]
    next_page: str | None


def is_grouped(table: UsageTable, where: str) -> bool:
    """Whether rows that need not tell their workspace do so, as no answer says if null is one.

    Only what names some workspace is known to. Raises UnverifiedError where a row is without one
    all the same.
    """
    workspaces = {key.workspace for key in table}
    if not any(workspaces):
        return False
    if UNATTRIBUTED in workspaces:
        raise malformed(where, "a row has no workspace_id")
    return True


def read_page(answer: Any, where: str) -> Page:
    """The page that `answer`, decoded JSON, holds; `where` names its origin in errors.

    Raises UnverifiedError where it is not a page of a usage report.
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise malformed(where, "there is no list `data` in it")
    cursor = read_cursor(answer, where)
    return Page([_bucket(item, where) for item in data], cursor)


def _bucket(item: Any, where: str) -> Bucket:
    if not isinstance(item, dict) or not isinstance(item.get("results"), list):
        raise malformed(where, "a bucket has no list `results`")
    start, end = (
        read_instant(item.get(name), "a bucket's time", where)
        for name in ("starting_at", "ending_at")
    )
    if start >= end:
        raise malformed(where, f"a bucket ends before it starts ({format_instant(start)})")
    return Bucket(start, end, item["results"], f"{where}, bucket {format_instant(start)}")


def _read_rows(rows: list[Any], day: date, where: str, told: Collection[str]) -> UsageTable:
    # The time of a large report goes here: it is read by columns, which costs a third of reading
    # it row by row.
    if not rows:
        return {}
    if set(map(type, rows)) != {dict}:
        raise malformed(where, "a row is not an object")
    columns = _columns(rows, _USUAL)
    is_whole = set(map(len, rows)) == {len(columns)}
    _check_counted(rows[:1] if is_whole else rows, where)
    for name in columns.keys() - _KNOWN:
        _refuse_amounts(name, columns[name], where)
    for name in _DIMENSIONS:
        _check_names(columns[name], where)
    tokens = _made(Tokens, _read_counts(rows, columns, where))
    for name in told:
        if None in columns[name] and not (is_whole and name in _NULL_TELLS):
            _refuse_untold(name, rows, tokens, where)
    if not is_whole:
        columns["workspace_id"] = [
            UNATTRIBUTED if "workspace_id" not in row and any(amount) else row.get("workspace_id")
            for row, amount in zip(rows, tokens, strict=True)
        ]
    workspaces, *others = (columns[name] for name in _DIMENSIONS)
    keys = _made(UsageKey, (workspaces, [day] * len(rows), *others))
    table = dict(zip(keys, tokens, strict=True))
    if len(table) < len(rows):
        # Some rows differ only in what does not matter here: their counts are added.
        table = {}
        for key, amount in zip(keys, tokens, strict=True):
            add(table, {key: amount})
    return table


def _check_counted(rows: list[dict[str, Any]], where: str) -> None:
    for row in rows:
        if ("uncached_input_tokens" in row) == ("input_tokens" in row):
            raise malformed(where, "a row has no count of input")
        if "output_tokens" not in row:
            raise malformed(where, "a row has no count of output")


def _columns(objects: list[dict[str, Any]], usual: frozenset[str]) -> dict[str, list[Any]]:
    """What the objects have under each key; under the `usual` ones null where one has nothing."""
    names = objects[0].keys()
    # As many keys as the first one, and all of its: the objects have the same.
    if names >= usual and set(map(len, objects)) == {len(names)}:
        with suppress(KeyError):
            return {name: list(map(itemgetter(name), objects)) for name in names}
    columns = {name: [item.get(name) for item in objects] for name in usual}
    for item in objects:
        for name in item.keys() - usual:
            columns.setdefault(name, []).append(item[name])
    return columns


def _made(kind: type[Row], columns: Iterable[Sequence[Any]]) -> list[Row]:
    """A row for each place of the columns: what `kind(...)` comes down to, and faster."""
    return list(map(tuple.__new__, repeat(kind), zip(*columns, strict=True)))


def _read_counts(
    rows: list[dict[str, Any]], columns: dict[str, list[Any]], where: str
) -> tuple[Sequence[int], ...]:
    """The columns of `Tokens`; raises where one makes no sense."""
    writes = _nested(columns, "cache_creation", _CACHE_WRITES, where)
    (searches,) = _nested(columns, "server_tool_use", _TOOLS, where)
    inputs, reads, outputs = (columns[name] for name in _COUNTS)
    if "input_tokens" in columns:
        inputs = [row.get("uncached_input_tokens", row.get("input_tokens")) for row in rows]
    unsplit = [0] * len(rows)
    if "cache_creation_input_tokens" in columns:
        unsplit = [row.get("cache_creation_input_tokens", 0) for row in rows]
    if any(unsplit) and any(map(all, zip(columns["cache_creation"], unsplit, strict=True))):
        raise malformed(where, "a row counts its cache writes in two forms")
    return (
        _counts(inputs, where, required=True),
        *(_counts(column, where) for column in (*writes, reads)),
        _counts(outputs, where, required=True),
        _counts(searches, where),
        _counts(unsplit, where),
    )


def _nested(
    columns: dict[str, list[Any]], name: str, usual: tuple[str, ...], where: str
) -> list[list[Any]]:
    """The `usual` columns of the objects of counts under `name`."""
    found = columns[name]
    if set(map(type, found)) - {dict, type(None)}:
        raise malformed(where, f"`{name}` is not an object")
    inner = _columns([item or {} for item in found], frozenset(usual))
    for key in inner.keys() - {*usual, *_IRRELEVANT}:
        # Among counts there are no names: even a text is an amount.
        _refuse_amounts(key, list(map(bool, inner[key])), where)
    return [inner[key] for key in usual]


def _refuse_amounts(name: str, values: list[Any], where: str) -> None:
    """Raises where something is counted that this version has no price for."""
    # A text may be a dimension, but nothing of a cache is one that costs nothing.
    counts = name.endswith(("_tokens", "_requests")) or "cache" in name
    if any(value and (counts or not isinstance(value, str)) for value in values):
        raise malformed(where, f"it counts {name[:60]!r}, which this version cannot price")


def _refuse_untold(name: str, rows: list[dict[str, Any]], tokens: list[Tokens], where: str) -> None:
    """Raises where a row that counts anything does not tell a dimension."""
    may_be_null = name in _NULL_TELLS
    for row, amount in zip(rows, tokens, strict=True):
        if any(amount) and (name not in row if may_be_null else row.get(name) is None):
            raise malformed(where, f"a row has no {name}")


def _check_names(column: list[Any], where: str) -> None:
    if set(map(type, column)) - {str, type(None)} or "" in column:
        raise malformed(where, "a dimension is not a name")


def _counts(values: Sequence[Any], where: str, *, required: bool = False) -> Sequence[int]:
    """The counts, null read as 0 unless `required`; raises where one is no number of tokens."""
    kinds = set(map(type, values))
    if type(None) in kinds and not required:
        return _counts([0 if value is None else value for value in values], where)
    if kinds != {int} or min(values) < 0 or max(values) >= MOST_TOKENS:
        wrong = next(v for v in values if type(v) is not int or not 0 <= v < MOST_TOKENS)
        raise malformed(where, f"a count of tokens is {shown_value(wrong)}")
    return values
