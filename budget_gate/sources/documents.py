"""Strict YAML -> policy and price book, every defect with its file, line and column."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from budget_gate.domain.document import Document, shown
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
        text = _decode(raw)
        try:
            value = _Reader(text, source, places, problems, _Loader).document()
        except yaml.YAMLError:
            # The C parser looks ahead and has limits of its own, which differ between versions:
            # what is wrong, and where, is for the other one to say. What that one takes, such as
            # half a surrogate pair, is refused all the same.
            places.clear()
            problems.clear()
            _Reader(text, source, places, problems, yaml.BaseLoader).document()
            raise
    except yaml.YAMLError as error:
        problems.append(_not_yaml(error).problem(source))
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
    """The text cannot be read on from here; 1-based line and column."""

    def __init__(self, place: tuple[int, int], message: str, hint: str, path: KeyPath = ()) -> None:
        super().__init__(message)
        self.place, self.message, self.hint, self.path = place, message, hint, path

    def problem(self, source: SourceMap) -> Problem:
        line, column = self.place
        key = ".".join(map(str, self.path))
        place = f"{source.file}:{line}:{column}"
        return Problem(place, key, self.message, self.hint, line, column)


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _UnreadableError(
            (1, 1), "the file is larger than 256 KiB", "a policy is a page of text"
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", errors="replace")
        raise _UnreadableError(
            _end_of(before), "the file is not UTF-8 text", "save it as UTF-8"
        ) from error
    control = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if control:
        raise _UnreadableError(
            _end_of(text[: control.start()]), "this is not YAML: a control character", "remove it"
        )
    return text


def _end_of(text: str) -> tuple[int, int]:
    """Line and column of the character that would follow `text`."""
    return text.count("\n") + 1, len(text) - (text.rfind("\n") + 1) + 1


class _Reader:
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
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _UnreadableError(
                (1, 1), "the file is empty", "write a policy with `budget-gate init --force`"
            )
        value = self._node(next(self._events), ())
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _UnreadableError(
                _place(event), "a second document begins here", "keep one document"
            )
        return value

    def _node(self, event: Any, path: KeyPath) -> object:
        self._places.setdefault(path, _place(event))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            message = "YAML anchors and aliases are not allowed"
            raise _UnreadableError(_place(event), message, "write the value out", path)
        if event.tag not in (None, "!"):
            message = "YAML tags are not allowed"
            raise _UnreadableError(_place(event), message, "remove the `!` tag", path)
        if len(path) > MAX_DEPTH:
            raise _UnreadableError(
                _place(event), "the document is nested too deeply", "a policy is not", path
            )
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(event, (*path, len(items))))
            return items
        return event.value

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        mapping: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                message = "a key is not plain text: no anchors, aliases, tags or lists"
                raise _UnreadableError(_place(event), message, "write the key as one word", path)
            key = (*path, event.value)
            if event.value in mapping:
                twice = f"the key stands already in line {self._places[key][0]}"
                error = _UnreadableError(_place(event), twice, "keep one of the two", key)
                self._problems.append(error.problem(self._source))
                # Read past the value, under a path that no key of the document can have.
                self._node(next(self._events), (*key, "\0"))
                continue
            self._places[key] = _place(event)
            mapping[event.value] = self._node(next(self._events), key)
        return mapping


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _not_yaml(error: yaml.YAMLError) -> _UnreadableError:
    mark = getattr(error, "problem_mark", None)
    place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return _UnreadableError(
        place, f"this is not YAML: {what}", "check indentation, colons and quotes here"
    )


def _problems(error: ValidationError, source: SourceMap) -> Iterator[Problem]:
    for detail in error.errors(include_url=False):
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
            return source.problem(path, f"{shown(detail['input'])} is not allowed here", hint)
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
    if key in keys:
        return "it belongs elsewhere: see the policy reference in the README"
    near = get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]!r}?" if near else "remove it, or see the README's reference"
