"""JSON, decoded, where no object names a key twice: a parser keeps the last without a word."""

import json
from itertools import chain
from typing import Any, Final

from pydantic_core import from_json

from budget_gate.sources.api.answers import malformed

_SAMPLE: Final = 100
# Followed by an A: no other escape stands for a colon.
_ESCAPED_COLON: Final = b"\\u003"


def decode(raw: bytes, where: str) -> Any:
    """What `raw` holds, its numbers exact integers or floats; `where` names its origin in errors.

    Raises ValueError where it is no JSON, and UnverifiedError where an object has a key twice.
    """
    tree = from_json(raw)
    # To look at each key takes three times as long as to decode, and is seldom needed: as many
    # keys, and colons in texts, in the tree as colons in the JSON leave no room for a second one.
    is_escaped = b"\\" in raw and _ESCAPED_COLON in raw
    if is_escaped or raw.count(b":") != _colons([tree]):

        def refuse_twins(pairs: list[tuple[str, Any]]) -> None:
            names = [name for name, _ in pairs]
            if len(set(names)) < len(names):
                twin = next(name for name in names if names.count(name) > 1)
                raise malformed(where, f"an object has the key {twin[:60]!r} twice")

        json.loads(raw, object_pairs_hook=refuse_twins)
    return tree


def _colons(values: list[Any]) -> int:
    """How many colons the JSON of `values` has: one a key, and those of its texts.

    Of many objects a sample says where to look deeper, so that these may be too few.
    """
    kinds = set(map(type, values))
    if kinds == {dict}:
        inner = {
            key
            for item in values[:_SAMPLE]
            for key, value in item.items()
            if type(value) in (dict, list) or (type(value) is str and ":" in value)
        }
        deeper = [item[key] for key in inner for item in values if key in item]
        return sum(map(len, values)) + _colons(deeper)
    if kinds == {list}:
        return _colons(list(chain.from_iterable(values)))
    if kinds == {str}:
        return sum(text.count(":") for text in values)
    parts = ([value for value in values if type(value) is kind] for kind in (dict, list, str))
    return sum(_colons(part) for part in parts if part)
