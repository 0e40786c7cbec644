"""Which keys a document may have, by its model, and how examples of them are written in a line."""

import re
from collections.abc import Sequence
from typing import Any, Final, get_args, get_origin

from pydantic.fields import FieldInfo

from budget_gate.domain.fields import Document

_PLAIN: Final = re.compile(r"[\w.$(][^:#\[\]{},]*", re.ASCII)


def parts_at(kind: Any, path: Sequence[str | int]) -> set[type[Document]]:
    """The parts of a document that may stand at `path` below a value of the type `kind`."""
    inner = get_args(kind)
    if get_origin(kind) is dict:
        return parts_at(inner[1], path[1:]) if path else set()
    if get_origin(kind) is tuple and path and isinstance(path[0], int):
        path = path[1:]
    if isinstance(kind, type) and issubclass(kind, Document):
        if not path:
            return {kind}
        info = fields_of(kind).get(str(path[0]))
        return parts_at(info.annotation, path[1:]) if info else set()
    return {part for each in inner for part in parts_at(each, path)}


def fields_of(part: type[Document]) -> dict[str, FieldInfo]:
    """The fields of a part by the keys that a document has for them."""
    return {info.alias or name: info for name, info in part.model_fields.items()}


def keys_in(info: FieldInfo) -> set[str]:
    """The keys of a field's value, or of each of its values."""
    return {name for part in _parts_in(info) for name in fields_of(part)}


def _parts_in(info: FieldInfo) -> set[type[Document]]:
    return parts_at(info.annotation, ()) | parts_at(info.annotation, ("",))


def is_key(key: str, model: type[Document]) -> bool:
    """Whether a word is a key of the model, or of a part of it."""
    parts, known = [model], {model}
    for part in parts:
        for info in fields_of(part).values():
            inner = _parts_in(info)
            parts += inner - known
            known |= inner
    return any(key in fields_of(part) for part in parts)


def flow(value: Any) -> str:
    """A value in YAML's notation of one line; the keys of a mapping without braces around them."""
    match value:
        case dict():
            return ", ".join(f"{_word(key)}: {_nested(each)}" for key, each in value.items())
        case list():
            return f"[{', '.join(map(_nested, value))}]"
        case bool():
            return str(value).lower()
        case _:
            return _word(str(value))


def _nested(value: Any) -> str:
    return f"{{{flow(value)}}}" if isinstance(value, dict) else flow(value)


def _word(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
