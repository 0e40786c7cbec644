"""Strict YAML -> policy and price book, every defect with its file, line and column."""

import json
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from budget_gate.domain.fields import Document
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.own_prices import check_own_prices
from budget_gate.domain.policy.places import KeyPath, SourceMap
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import PriceDocument
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.sources.files.strict_yaml import (
    MAX_BYTES,
    Loader,
    Reader,
    UnreadableError,
    decode,
)

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
    """The bundled price book, which people write and read in `data/prices.yml`.

    `data/prices.json` is made from it: the same texts, which a run reads many times as fast.
    """
    data = Path(__file__).parents[2] / "data" / "prices.json"
    return PriceDocument.model_validate(json.loads(data.read_bytes()))


def load_document(raw: bytes, name: str, model: type[Model]) -> tuple[Model, SourceMap]:
    """The document that `raw` holds, and where its parts stand.

    Scalars are read as written, never as YAML's numbers, dates or booleans. Raises
    ConfigurationError for bytes that are no such document; `name` is the file in its messages.
    """
    places: dict[KeyPath, tuple[int, int]] = {}
    source = SourceMap(name, places)
    problems: list[Problem] = []
    try:
        text = decode(raw)
        try:
            value = Reader(text, source, places, problems, Loader).document()
        except yaml.YAMLError:
            # The C parser looks ahead and has limits of its own, which differ between versions:
            # what is wrong, and where, is for the other one to say. What that one takes, such as
            # half a surrogate pair, is refused all the same.
            places.clear()
            problems.clear()
            Reader(text, source, places, problems, yaml.BaseLoader).document()
            raise
    except yaml.YAMLError as error:
        from budget_gate.sources.files.yaml_errors import not_yaml  # needed for an error alone

        problems.append(not_yaml(error, text, model).problem(source))
    except UnreadableError as error:
        problems.append(error.problem(source))
    else:
        try:
            document = model.model_validate(value)
        except ValidationError as error:
            from budget_gate.sources.files.defects import defects  # needed for an error alone

            problems += defects(error, value, model, source)
        else:
            if not problems:
                return document, source
    raise _invalid(name, problems)


def _invalid(name: str, problems: list[Problem]) -> ConfigurationError:
    problems.sort(key=lambda problem: (problem.line, problem.column))
    message = f"{name} is not a valid policy"
    return ConfigurationError(message, problems=tuple(problems), file=name)
