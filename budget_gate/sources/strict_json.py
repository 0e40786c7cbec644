"""JSON, decoded, where no object names a key twice: a parser keeps the last without a word."""

import json
from itertools import chain, repeat
from typing import Any, Final

from pydantic_core import from_json

from budget_gate.sources.api.answers import malformed

# Of a text, what is left to count its keys by.
_OTHERS: Final = bytes(set(range(256)) - set(b'":'))
_SAMPLE: Final = 100


def decode(raw: bytes, where: str) -> Any:
    """What `raw` holds, its numbers exact integers or floats; `where` names its origin in errors.

    Raises ValueError where it is no JSON, and UnverifiedError where an object has a key twice.
    """
    tree = from_json(raw)
    # To look at each key takes three times as long as to decode, and is seldom needed: as many
    # keys in the tree as colons in the text leave no room for a second one.
    marks = raw.translate(None, _OTHERS)
    if _most_keys(marks) != _least_keys([tree]):

        def refuse_twins(pairs: list[tuple[str, Any]]) -> None:
            names = [name for name, _ in pairs]
            if len(set(names)) < len(names):
                twin = next(name for name in names if names.count(name) > 1)
                raise malformed(where, f"an object has the key {twin[:60]!r} twice")

        json.loads(raw, object_pairs_hook=refuse_twins)
    return tree


def _most_keys(marks: bytes) -> int:
    """How many keys a text may have, of which only the quotes and colons are left.

    Two colons side by side are those of a time: before the next one of a key there is a quote.
    """
    return marks.count(b":") - 2 * marks.count(b"::")


def _least_keys(values: list[Any]) -> int:
    """How many keys the objects in `values` have; of many, a sample says where to look deeper."""
    kinds = set(map(type, values))
    if kinds == {dict}:
        inner = {
            key
            for item in values[:_SAMPLE]
            for key, value in item.items()
            if type(value) in (dict, list)
        }
        deeper = chain.from_iterable(map(dict.get, values, repeat(key)) for key in inner)
        return sum(map(len, values)) + _least_keys(list(deeper))
    if kinds == {list}:
        return _least_keys(list(chain.from_iterable(values)))
    parts = ([value for value in values if type(value) is kind] for kind in (dict, list))
    return sum(_least_keys(part) for part in parts if part)
