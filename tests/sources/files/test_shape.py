"""Which keys stand where in a document, and how its examples are written in one line."""

import pytest
import yaml

from budget_gate.domain.fields import Document
from budget_gate.domain.policy.budgets import (
    Budget,
    CapException,
    GlobalBudget,
    Group,
    NamedBudget,
)
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.policy.spend_rules import SpendRules
from budget_gate.domain.prices.cards import LongContext, Prices, RateCard
from budget_gate.sources.files.shape import fields_of, flow, is_key, keys_in, parts_at


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ((), Policy),
        (("global",), GlobalBudget),
        (("workspaces", "a"), NamedBudget),
        (("groups", "a"), Group),
        (("exceptions",), CapException),
        (("exceptions", 1), CapException),
        (("unlisted",), Budget),
        (("spend",), SpendRules),
        (("prices",), Prices),
        (("prices", "models", "a"), RateCard),
        (("prices", "models", "a", 0), RateCard),
        (("prices", "models", "a", 1, "long_context"), LongContext),
        (("prices", "models", "a", "long_context"), LongContext),
    ],
)
def test_a_part_is_found_by_its_path(path: tuple[str | int, ...], part: type[Document]) -> None:
    """By keys of the document, names of one's own and places in a list."""
    assert parts_at(Policy, path) == {part}


@pytest.mark.parametrize(
    "path",
    [
        ("version",),
        ("workspaces",),
        ("workspaces", "a", "cap"),
        ("workspaces", "a", "b"),
        ("names", "a"),
        ("exceptions", 0, "budget"),
        ("prices", "models"),
        ("prices", "models", "a", 0, "batch"),
        ("global_",),
        ("nothing",),
    ],
)
def test_where_no_part_stands_none_is_found(path: tuple[str | int, ...]) -> None:
    """A scalar, names alone, or a key that there is not."""
    assert parts_at(Policy, path) == set()


def test_fields_are_found_by_the_keys_of_the_document() -> None:
    """Which are not always those of the code."""
    assert fields_of(Policy)["global"] is Policy.model_fields["global_"]
    assert "global_" not in fields_of(Policy)
    assert {"from", "until"} < fields_of(RateCard).keys()


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        ("version", set()),
        ("names", set()),
        ("spend", {"basis", "uncertain", "unknown_model", "max_age"}),
        ("unlisted", {"cap", "warn_at", "daily_cap", "forecast"}),
        ("models", {"cap", "warn_at", "daily_cap", "forecast", "optional"}),
        ("exceptions", {"budget", "cap", "until", "reason", "approved_by"}),
    ],
)
def test_the_keys_of_a_value_are_those_of_each_of_its_values(key: str, keys: set[str]) -> None:
    """Of a block, and of each block below a name or in a list."""
    assert keys_in(fields_of(Policy)[key]) == keys


@pytest.mark.parametrize("key", ["version", "global", "cap", "max_exception", "basis", "above"])
def test_a_key_of_any_part_is_one(key: str) -> None:
    """However deep it stands."""
    assert is_key(key, Policy)


@pytest.mark.parametrize("key", ["", "5", "global_", "usd", "claude-custom-1", "Cap"])
def test_another_word_is_no_key(key: str) -> None:
    """Neither a name of the code, nor one of an example."""
    assert not is_key(key, Policy)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"cap": 5000, "warn_at": ["80%", "95%"]}, "cap: 5000, warn_at: [80%, 95%]"),
        ({"a": {"cap": 0.5, "optional": True}}, "a: {cap: 0.5, optional: true}"),
        ([{"a": "b"}, [False]], "[{a: b}, [false]]"),
        ([], "[]"),
        ("evals", "evals"),
        ("exp-*", "exp-*"),
        ("$(x)", "$(x)"),
        ("the 2nd", "the 2nd"),
        ("*", '"*"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("a, b", '"a, b"'),
        ("[a]", '"[a]"'),
        ("a}", '"a}"'),
        ('say: "a\\b"', r'"say: \"a\\b\""'),
        ("é", '"é"'),
        ({"*": {"a:": 1}}, '"*": {"a:": 1}'),
    ],
)
def test_a_value_is_written_in_one_line(value: object, line: str) -> None:
    """In quotes only where YAML would take it for something else; read back, it is the same."""
    assert flow(value) == line
    read = yaml.safe_load(f"{{{line}}}" if isinstance(value, dict) else line)
    assert read == value
