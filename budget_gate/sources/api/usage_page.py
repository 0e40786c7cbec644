"""One page of a usage report, checked: buckets of rows -> usage keys and tokens.

Whatever is not as the API documents it raises: a count that cannot be read is never a zero.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

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


@dataclass(frozen=True, slots=True)
class Bucket:
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


@dataclass(frozen=True, slots=True)
class Page:
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
    given, rows = rows, _whole_rows(rows, where)
    dimensions = list(zip(*map(itemgetter(*_DIMENSIONS), rows), strict=True))
    untold = []
    for name, column in zip(_DIMENSIONS, dimensions, strict=True):
        _check_names(column, where)
        tells_all = name in _NULL_TELLS and rows is given
        if name in told and not tells_all and None in column:
            untold.append(name)
    writes = _objects(rows, "cache_creation", _CACHE_WRITES, where)
    tools = _objects(rows, "server_tool_use", _TOOLS, where)
    inputs, reads, outputs = zip(*map(itemgetter(*_COUNTS), rows), strict=True)
    unsplit = [row.get("cache_creation_input_tokens", 0) for row in rows]
    counts = (
        _counts(inputs, where, required=True),
        *(
            _counts(column, where)
            for column in zip(*map(itemgetter(*_CACHE_WRITES), writes), strict=True)
        ),
        _counts(reads, where),
        _counts(outputs, where, required=True),
        _counts([item["web_search_requests"] for item in tools], where),
        _counts(unsplit, where),
    )
    workspaces, *others = dimensions
    if rows is not given:
        workspaces = tuple(
            UNATTRIBUTED if "workspace_id" not in row and any(amount) else id_
            for id_, row, amount in zip(workspaces, given, zip(*counts, strict=True), strict=True)
        )
    # `tuple.__new__` is what UsageKey(...) and Tokens(...) come down to.
    keys = list(map(tuple.__new__, repeat(UsageKey), zip(workspaces, repeat(day), *others)))
    tokens = list(map(tuple.__new__, repeat(Tokens), zip(*counts, strict=True)))
    table: UsageTable = dict(zip(keys, tokens, strict=True))
    for name in untold:
        may_be_null = name in _NULL_TELLS
        for row, amount in zip(given, tokens, strict=True):
            if any(amount) and (name not in row if may_be_null else row.get(name) is None):
                raise malformed(where, f"a row has no {name}")
    if len(table) < len(rows):
        # Some rows differ only in what does not matter here: their counts are added.
        table = {}
        for key, amount in zip(keys, tokens, strict=True):
            add(table, {key: amount})
    return table


def _whole_rows(rows: list[Any], where: str) -> list[dict[str, Any]]:
    """The rows with every usual key, null where it was absent; raises where one makes no sense."""
    if set(map(type, rows)) != {dict}:
        raise malformed(where, "a row is not an object")
    shapes = set(map(tuple, rows))
    for shape in shapes:
        keys = set(shape)
        if ("uncached_input_tokens" in keys) == ("input_tokens" in keys):
            raise malformed(where, "a row has no count of input")
        if "output_tokens" not in keys:
            raise malformed(where, "a row has no count of output")
    if any("cache_creation_input_tokens" in shape for shape in shapes) and any(
        row.get("cache_creation") and row.get("cache_creation_input_tokens") for row in rows
    ):
        raise malformed(where, "a row counts its cache writes in two forms")
    for name in {name for shape in shapes for name in shape} - _KNOWN:
        _refuse_amounts(name, [row.get(name) for row in rows], where)
    if all(_USUAL.issubset(shape) for shape in shapes):
        return rows
    absent = dict.fromkeys(_USUAL)
    return [
        {
            **absent,
            **row,
            "uncached_input_tokens": row.get("uncached_input_tokens", row.get("input_tokens")),
        }
        for row in rows
    ]


def _objects(
    rows: list[dict[str, Any]], name: str, usual: tuple[str, ...], where: str
) -> list[dict[str, Any]]:
    """The objects of counts under `name`, each with the `usual` keys, null where absent."""
    found = [row[name] for row in rows]
    if {type(item) for item in found} - {dict, type(None)}:
        raise malformed(where, f"`{name}` is not an object")
    shapes = set(map(tuple, filter(None, found)))
    for key in {key for shape in shapes for key in shape} - {*usual, *_IRRELEVANT}:
        # Among counts there are no names: even a text is an amount.
        _refuse_amounts(key, [bool(item.get(key)) for item in found if item], where)
    if all(found) and all(set(usual) <= set(shape) for shape in shapes):
        return found
    absent = dict.fromkeys(usual)
    return [{**absent, **(item or {})} for item in found]


def _refuse_amounts(name: str, values: list[Any], where: str) -> None:
    """Raises where something is counted that this version has no price for."""
    # A text may be a dimension, but nothing of a cache is one that costs nothing.
    counts = name.endswith(("_tokens", "_requests")) or "cache" in name
    if any(value and (counts or not isinstance(value, str)) for value in values):
        raise malformed(where, f"it counts {name[:60]!r}, which this version cannot price")


def _check_names(column: tuple[Any, ...], where: str) -> None:
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
