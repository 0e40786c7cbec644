"""Strict YAML: scalars as written, each part with its place, nothing ambiguous."""

import re
from shlex import quote
from typing import TYPE_CHECKING, Any

import yaml

from budget_gate.domain.fields import NO_COMMA
from budget_gate.domain.policy.places import KeyPath, SourceMap
from budget_gate.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
# In braces a comma ends a value: of `{cap: 2.800,50}` the 50 is a key, and has nothing behind it.
AFTER_COMMA = re.compile("[0-9].*|-", re.ASCII)


# libyaml's parser where PyYAML was built with it, ten times as fast; the same events otherwise.
Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class UnreadableError(Exception):
    """The text cannot be read on from here; 1-based line and column."""

    def __init__(self, place: tuple[int, int], message: str, hint: str, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.place, self.message, self.hint, self.path = place, message, hint, path

    def problem(self, source: SourceMap) -> Problem:
        """The defect, at its place in the file."""
        line, column = self.place
        key = ".".join(map(str, self.path))
        place = f"{source.file}:{line}:{column}"
        return Problem(place, key, self.message, self.hint, line, column)


def decode(raw: bytes) -> str:
    """The text that a file holds; raises UnreadableError where it is none."""
    if len(raw) > MAX_BYTES:
        raise UnreadableError(
            (1, 1), "the file is larger than 256 KiB", "a policy is a page of text"
        )
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", errors="replace")
        raise UnreadableError(
            _end_of(before), "the file is not UTF-8 text", "save it as UTF-8"
        ) from error
    control = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if control:
        raise UnreadableError(
            _end_of(text[: control.start()]), "this is not YAML: a control character", "remove it"
        )
    return text


def _end_of(text: str) -> tuple[int, int]:
    """Line and column of the character that would follow `text`."""
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1


class Reader:
    """Builds the document from YAML events, which show what plain loading hides."""

    def __init__(
        self,
        text: str,
        source: SourceMap,
        places: dict[KeyPath, tuple[int, int]],
        problems: list[Problem],
        loader: Any,
    ) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self._source = source
        self._places = places
        self._problems = problems

    def document(self) -> object:
        """The whole document: mappings, lists and texts, each part with its place."""
        next(self._events)
        event = next(self._events)
        is_empty = isinstance(event, yaml.StreamEndEvent)
        value = "" if is_empty else self._node(next(self._events), ())
        if value == "":
            file = quote(self._source.file)
            remedy = f"write a policy with `budget-gate init --policy {file} --force`"
            raise UnreadableError((1, 1), "the file is empty", remedy)
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise UnreadableError(
                _place(event), "a second document begins here", "keep one document"
            )
        return value

    def _node(self, event: Any, path: KeyPath) -> object:
        self._places.setdefault(path, _place(event))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            message = "YAML anchors and aliases are not allowed"
            raise UnreadableError(_place(event), message, _without_anchor(event), path)
        if event.tag not in (None, "!"):
            message = "YAML tags are not allowed"
            raise UnreadableError(_place(event), message, "remove the `!` tag", path)
        if len(path) > MAX_DEPTH:
            raise UnreadableError(
                _place(event), "the document is nested too deeply", "a policy is not", path
            )
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(event, (*path, len(items))))
            return items
        if ":" in event.value:
            # Of `cap:5000`, which is one word: no key of the document can have this path.
            self._places[*path, event.value] = _place(event)
        return event.value

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                message = "a key is not plain text: no anchors, aliases, tags or lists"
                hint = "write the key as one word"
                if isinstance(event, yaml.AliasEvent):
                    hint = _without_anchor(event)
                raise UnreadableError(_place(event), message, hint, path)
            key = (*path, event.value)
            if event.value in mapping:
                twice = f"the key stands already in line {self._places[key][0]}"
                # Read past the value, under a path that no key of the document can have.
                value = self._node(next(self._events), (*key, "\0"))
                is_split = value == "" and AFTER_COMMA.fullmatch(event.value)
                hint = NO_COMMA if is_split else "keep one of the two"
                error = UnreadableError(_place(event), twice, hint, key)
                self._problems.append(error.problem(self._source))
                continue
            self._places[key] = _place(event)
            mapping[event.value] = self._node(next(self._events), key)
        return mapping


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _without_anchor(event: Any) -> str:
    if isinstance(event, yaml.AliasEvent):
        return f'write the value out; put a glob in quotes: "*{event.anchor}"'
    return "write the value out"
