"""Strict YAML -> policy and price book, every defect with its file, line and column."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import ValidationError

from budget_gate.domain.fields import Document, plain_amount, shown
from budget_gate.domain.policy.model import (
    Budget,
    GlobalBudget,
    Group,
    Policy,
    PolicyFile,
    SpendRules,
)
from budget_gate.domain.policy.own_prices import check_own_prices
from budget_gate.domain.policy.places import KeyPath, SourceMap
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import LongContext, PriceDocument, Prices, RateCard
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.sources.files.strict_yaml import (
    _THOUSANDS,
    MAX_BYTES,
    NO_COMMA,
    Reader,
    UnreadableError,
    _decode,
    _Loader,
    not_yaml,
)

# What a key that a policy does not have may stand for, by a word in it: the first that fits.
_MEANT = {
    **dict.fromkeys(("daily", "day"), "daily_cap"),
    **dict.fromkeys(("warn", "warning", "threshold", "alert", "notify"), "warn_at"),
    **dict.fromkeys(("limit", "amount", "max", "maximum", "budget", "monthly", "usd"), "cap"),
    **dict.fromkeys(("expires", "expiry", "end"), "until"),
    **dict.fromkeys(("team", "project"), "groups"),
    **dict.fromkeys(("total", "overall"), "global"),
    **dict.fromkeys(("other", "rest"), "unlisted"),
}


Model = TypeVar("Model", bound=Document)


def load_policy(path: Path, name: str) -> PolicyFile:
    """The policy in the file at `path`, which messages call `name`.

    Raises ConfigurationError with all of the file's defects at once, those of its own prices
    where it is valid otherwise.
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
    if policy.prices.models:
        book = PriceBook(load_price_book())
        problems = list(check_own_prices(policy.prices, book, source))
        if problems:
            raise _invalid(name, problems)
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
            value = Reader(text, source, places, problems, _Loader).document()
        except yaml.YAMLError:
            # The C parser looks ahead and has limits of its own, which differ between versions:
            # what is wrong, and where, is for the other one to say. What that one takes, such as
            # half a surrogate pair, is refused all the same.
            places.clear()
            problems.clear()
            Reader(text, source, places, problems, yaml.BaseLoader).document()
            raise
    except yaml.YAMLError as error:
        problems.append(not_yaml(error, text).problem(source))
    except UnreadableError as error:
        problems.append(error.problem(source))
    else:
        try:
            document = model.model_validate(value)
        except ValidationError as error:
            problems += _problems(error, model, source)
        else:
            if not problems:
                return document, source
    raise _invalid(name, problems)


def _invalid(name: str, problems: list[Problem]) -> ConfigurationError:
    problems.sort(key=lambda problem: (problem.line, problem.column))
    message = f"{name} is not a valid policy"
    return ConfigurationError(message, problems=tuple(problems), file=name)


def _problems(
    error: ValidationError, model: type[Document], source: SourceMap
) -> Iterator[Problem]:
    keys = (it for it in source.places if it and isinstance(it[-1], str))
    split = {it[:-1] for it in keys if _THOUSANDS.fullmatch(str(it[-1]))}
    # A misspelt key is told once, and not as missing under its right name as well.
    misspelt: set[KeyPath] = set()
    details = error.errors(include_url=False)
    # First what is unknown, which pydantic tells behind what is missing.
    for detail in sorted(details, key=lambda it: it["type"] != "extra_forbidden"):
        # Parts of the location that are no keys (the tag of a union) stand nowhere in the file.
        path: KeyPath = ()
        for part in detail["loc"]:
            if (*path, part) in source.places:
                path = (*path, part)
        if detail["type"] == "missing":
            path = (*path, detail["loc"][-1])
            if path in misspelt:
                continue
        if detail["type"] == "extra_forbidden":
            misspelt.add((*path[:-1], _near(path, model, source)))
        if detail["type"] == "wrong_value" and path[:-1] in split:
            detail["ctx"]["hint"] = NO_COMMA
        yield _problem(detail, path, model, source)


def _problem(detail: Any, path: KeyPath, model: type[Document], source: SourceMap) -> Problem:
    context, written = detail.get("ctx", {}), detail["input"]
    budget = _as_budget(written, _parts(model, path))
    match detail["type"]:
        case "missing":
            return source.problem(path, "is missing", "add it")
        case "extra_forbidden":
            return source.problem(path, "unknown key", _nearest_key(path, model, source))
        case "literal_error":
            hint = budget or f"write {context['expected']}"
            return source.problem(path, f"{shown(written)} is not allowed here", hint)
        case "wrong_value":
            return source.problem(path, context["problem"], context["hint"])
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = budget or "write `key: value` pairs below it"
            return source.problem(path, "is not a mapping", hint)
        case "tuple_type":
            hint = "list it below, each as `- key: value`"
            if not _parts(model, path):
                hint = "write it in brackets, such as [80%]"
            return source.problem(path, "is not a list", hint)
        case _:
            return source.problem(path, detail["msg"], "see docs/policy.md")


def _parts(kind: Any, path: KeyPath) -> set[type[Document]]:
    """The parts of a document that may stand at `path` below a value of the type `kind`."""
    inner = get_args(kind)
    if get_origin(kind) is dict:
        return _parts(inner[1], path[1:]) if path else set()
    if get_origin(kind) is tuple and path and isinstance(path[0], int):
        path = path[1:]
    if isinstance(kind, type) and issubclass(kind, Document):
        return _parts(_fields(kind).get(str(path[0])), path[1:]) if path else {kind}
    return {part for each in inner for part in _parts(each, path)}


def _fields(part: type[Document]) -> dict[str, Any]:
    return {info.alias or name: info.annotation for name, info in part.model_fields.items()}


def _as_budget(written: object, parts: set[type[Document]]) -> str:
    """How to write the budget that stands as a bare amount; empty where it is none."""
    amount = plain_amount(written)
    if amount is None or not any(issubclass(part, Budget) for part in parts):
        return ""
    members = ", workspaces: [NAME, NAME]" if Group in parts else ""
    return f"write {{cap: {amount}{members}}}"


def _nearest_key(path: KeyPath, model: type[Document], source: SourceMap) -> str:
    key = str(path[-1])
    if _THOUSANDS.fullmatch(key):
        return NO_COMMA
    near = _near(path, model, source)
    if near:
        return f"did you mean {near!r}?"
    if _stands_elsewhere(key):
        return "it belongs elsewhere: see docs/policy.md"
    return "remove it, or see docs/policy.md"


def _near(path: KeyPath, model: type[Document], source: SourceMap) -> str:
    """The key that one which is unknown may stand for; empty where none is near."""
    from difflib import get_close_matches  # needed for an error alone

    key, above = str(path[-1]), path[:-1]
    here = {name for part in _parts(model, above) for name in _fields(part)}
    free = [name for name in here if (*above, name) not in source.places]
    words = re.split("[^a-z]+", key.lower())
    meant = [name for word, name in _MEANT.items() if word in words or f"{word}s" in words]
    near = get_close_matches(key, here, 1, 0.8)
    if not near and not _stands_elsewhere(key):
        near = [name for name in meant if name in free] or get_close_matches(key, free, 1)
    return near[0] if near else ""


def _stands_elsewhere(key: str) -> bool:
    parts = (Policy, GlobalBudget, Group, SpendRules, Prices, RateCard, LongContext)
    return any(key in _fields(part) for part in parts)
