"""Strict YAML -> policy and price book, every defect with its file, line and column."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from budget_gate.domain.document import Document
from budget_gate.domain.policy import (
    Budget,
    KeyPath,
    Policy,
    PolicyFile,
    SourceMap,
    SpendRules,
)
from budget_gate.domain.ratecards import LongContext, PriceDocument, Prices, RateCard
from budget_gate.errors import ConfigurationError, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16

# libyaml's parser where PyYAML was built with it, ten times as fast; the same events otherwise.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

Model = TypeVar("Model", bound=Document)


def load_policy(path: Path, name: str) -> PolicyFile:
    """The policy in the file at `path`, which messages call `name`.

    Raises ConfigurationError with all of the file's defects at once.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"the policy {name} cannot be read: {error.strerror or error}",
            "name the policy with --policy or BUDGET_GATE_POLICY",
        ) from error
    policy, source = load_document(raw, name, Policy)
    return PolicyFile(policy, source)


def load_price_book() -> PriceDocument:
    """The bundled price book."""
    data = files("budget_gate") / "data" / "prices.yml"
    return load_document(data.read_bytes(), "prices.yml", PriceDocument)[0]


def load_document(raw: bytes, name: str, model: type[Model]) -> tuple[Model, SourceMap]:
    """The document that `raw` holds, and where its parts stand.

    Scalars are read as written, never as YAML's numbers, dates or booleans. Raises
    ConfigurationError for bytes that are no such document; `name` is the file in its messages.
    """
    places: dict[KeyPath, tuple[int, int]] = {}
    source = SourceMap(name, places)
    problems: list[Problem] = []
    try:
        value = _Reader(_decode(raw), source, places, problems).document()
    except _UnreadableError as error:
        problems.append(error.problem(source))
    else:
        try:
            document = model.model_validate(value)
        except ValidationError as error:
            problems += _problems(error, source)
        else:
            if not problems:
                return document, source
    problems.sort(key=lambda problem: (problem.line, problem.column))
    raise ConfigurationError(f"{name} is not a valid policy", problems=tuple(problems), file=name)


class _UnreadableError(Exception):
    """The text ends being readable here; 1-based line and column."""

    def __init__(self, line: int, column: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message, self.hint = line, column, message, hint

    def problem(self, source: SourceMap) -> Problem:
        place = f"{source.file}:{self.line}:{self.column}"
        return Problem(place, "", self.message, self.hint, self.line, self.column)


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _UnreadableError(
            1, 1, "the file is larger than 256 KiB", "a policy is a page of text"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise _UnreadableError(
            line, column, "the file is not UTF-8 text", "save it as UTF-8"
        ) from error


class _Reader:
    """Builds the document from YAML events, which show what plain loading hides."""

    def __init__(
        self,
        text: str,
        source: SourceMap,
        places: dict[KeyPath, tuple[int, int]],
        problems: list[Problem],
    ) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self._source = source
        self._places = places
        self._problems = problems

    def document(self) -> object:
        try:
            self._next()
            event = self._next()
            if isinstance(event, yaml.StreamEndEvent):
                raise _UnreadableError(
                    1, 1, "the file is empty", "see the README for a first policy"
                )
            value = self._node(self._next(), ())
            self._next()
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                raise self._refused(event, "a second document begins here", "keep one document")
        except yaml.YAMLError as error:
            raise _not_yaml(error) from error
        return value

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, path: KeyPath) -> object:
        self._places.setdefault(path, _place(event))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._refused(
                event, "YAML anchors and aliases are not allowed", "write the value out"
            )
        if event.tag is not None and event.tag != "!":
            raise self._refused(event, "YAML tags are not allowed", "remove the `!` tag")
        if len(path) > MAX_DEPTH:
            raise self._refused(event, "the document is nested too deeply", "a policy is not")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            while not isinstance(event := self._next(), yaml.SequenceEndEvent):
                items.append(self._node(event, (*path, len(items))))
            return items
        return event.value

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refused(event, "a key is not plain text", "write the key as one word")
            key = (*path, event.value)
            if event.value in mapping:
                line = self._places[key][0]
                self._problems.append(
                    self._refused(
                        event, f"the key stands already in line {line}", "keep one of the two"
                    ).problem(self._source)
                )
                self._node(self._next(), (*path, event.value, ""))
                continue
            if event.anchor is not None or event.tag not in (None, "!"):
                raise self._refused(
                    event, "YAML anchors and tags are not allowed", "write the key alone"
                )
            self._places[key] = _place(event)
            mapping[event.value] = self._node(self._next(), key)
        return mapping

    def _refused(self, event: Any, message: str, hint: str) -> _UnreadableError:
        return _UnreadableError(*_place(event), message, hint)


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _not_yaml(error: yaml.YAMLError) -> _UnreadableError:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return _UnreadableError(
        line, column, f"this is not YAML: {what}", "check indentation, colons and quotes here"
    )


def _problems(error: ValidationError, source: SourceMap) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        # Parts of the location that are no keys (the tag of a union) stand nowhere in the file.
        path: KeyPath = ()
        for part in detail["loc"]:
            if (*path, part) in source.places:
                path = (*path, part)
        if detail["type"] == "missing":
            path = (*path, detail["loc"][-1])
        yield _problem(detail, path, source)


def _problem(detail: Any, path: KeyPath, source: SourceMap) -> Problem:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return source.problem(path, "is missing", "add it")
        case "extra_forbidden":
            return source.problem(path, "unknown key", _nearest_key(str(path[-1])))
        case "literal_error":
            hint = f"write {context['expected']}"
            return source.problem(path, "is not one of the words allowed here", hint)
        case "wrong_value":
            return source.problem(path, context["problem"], context["hint"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return source.problem(path, "is not a mapping", "write `key: value` pairs below it")
        case "tuple_type":
            return source.problem(path, "is not a list", "write it in brackets, such as [80%]")
        case _:
            return source.problem(path, detail["msg"], "see the policy reference in the README")


def _nearest_key(key: str) -> str:
    from difflib import get_close_matches  # needed for an error alone

    documents = (Policy, Budget, SpendRules, Prices, RateCard, LongContext)
    keys = {
        info.alias or name for document in documents for name, info in document.model_fields.items()
    }
    near = get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]!r}?" if near else "remove it, or see the README's reference"
