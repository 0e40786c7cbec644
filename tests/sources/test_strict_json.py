"""JSON where an object has a key twice is no answer, however it is written; all else is decoded."""

import json
import random
from typing import Any

import pytest

from budget_gate.errors import UnverifiedError
from budget_gate.sources.strict_json import decode
from tests.helpers.wording import assert_says

WHERE = "GET /somewhere"


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"b":2,"a":3}',
        '{"a" : 1, "a"\t:2}',
        '{"a":1,\n"a"\r\n:\n2}',
        '{"a":1,"\\u0061":2}',
        '{"\\u0022":1,"\\"":2}',
        '{"":1,"":2}',
        '{"a":{"a":1,"a":2}}',
        '[[{"a":[{"b":{"c":1,"c":2}}]}]]',
        '{"a":"12:00:00","a":":"}',
        '{"a":"\\":","a":1}',
        '{"a:b":1,"a:b":2}',
        '{"::":1,"::":2}',
        '{"a":null,"a":{}}',
        json.dumps([{"a": None}] * 300)[:-1] + ', {"a": {"b": 1}}, {"a": {"b": 1, "b": 2}}]',
    ],
)
def test_a_key_that_stands_twice_is_refused(text: str) -> None:
    """At any depth, written in any way: which value is meant cannot be known."""
    with pytest.raises(UnverifiedError, match=r"an object has the key .* twice") as raised:
        decode(text.encode(), WHERE)
    assert raised.value.code == "malformed_answer"
    assert raised.value.trace == WHERE


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "1",
        '":"',
        '{"a":{"a":{"a":1}}}',
        '[{"a":1},{"a":1}]',
        '{"a":"\\"a\\":1","b":"a\\":1,\\"a"}',
        '{"a":":","b":"::","c":"a:b","d":"2026-11-01T00:00:00Z"}',
        '{"a" : [":", "\\\\", "\\\\\\":"], "A" : {"" : null}}',
        '{"\\u003a":":","\u00e9":"\\u00e9"}',
        '{"a": "\\ud83d\\ude00", "b": 12345678901234567890, "c": 1.5e3, "d": [[], {}]}',
    ],
)
def test_what_has_each_key_once_is_decoded(text: str) -> None:
    """Colons and quotes inside of texts are no keys."""
    assert decode(text.encode(), WHERE) == json.loads(text)


def test_what_has_no_second_key_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look at each key takes three times as long: times, escapes and many rows are no reason to."""
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was read again"))
    usage = {"5m": 1, "1h": [], "deep": [{"a": [[{"b": {}}], []]}, {"a": None}]}
    rows = [{"name": f'"{number}\\', "usage": usage} for number in range(250)]
    page = {"at": "2026-11-01T00:00:00Z", "note": "{", "rows": rows, "more": [rows, 1, {"c": 2}]}
    assert decode(json.dumps(page).encode(), WHERE) == page


def test_the_key_that_stands_twice_is_named() -> None:
    """The first that does, and of a long name as much as an error has room for."""
    for text, name in (
        ('{"a":1,"b":2,"c":3,"b":4,"c":5}', "b"),
        (f'{{"{"x" * 70}":1,"{"x" * 70}":2}}', "x" * 60),
    ):
        with pytest.raises(UnverifiedError) as raised:
            decode(text.encode(), WHERE)
        assert_says(raised.value.message, f"an object has the key '{name}' twice")


WORDS = ["a", "b", ":", "::", ":a", '"', "\\", "a:b", "{", ",", "\u00e9", ""]


def text(draw: random.Random, depth: int = 0) -> str:
    """Write a random document, with every kind of space and escape."""
    shape = draw.randrange(4) if depth < 4 else 3
    space = draw.choice(["", " ", "\n"])
    if shape == 3:
        return draw.choice([json.dumps(draw.choice(WORDS)), "1", "null", "true", "-0.5e1"])
    items = [text(draw, depth + 1) for _ in range(draw.randrange(4))]
    if shape == 2:
        return "[" + ",".join(items) + "]"
    keys = [json.dumps(draw.choice(WORDS), ensure_ascii=draw.random() < 0.5) for _ in items]
    pairs = [f"{key}{space}:{space}{item}" for key, item in zip(keys, items, strict=True)]
    return "{" + f"{space},".join(pairs) + "}"


@pytest.mark.parametrize("seed", range(10))
def test_no_second_key_is_missed_and_none_is_seen_where_there_is_none(seed: int) -> None:
    """Of random texts, as the standard library's parser pairs them."""
    draw = random.Random(seed)  # noqa: S311 - a test's data
    for _ in range(300):
        written = text(draw)
        twice: list[bool] = []

        def pair(pairs: list[tuple[str, Any]], twice: list[bool] = twice) -> dict[str, Any]:
            twice.append(len(dict(pairs)) < len(pairs))
            return dict(pairs)

        expected = json.loads(written, object_pairs_hook=pair)
        try:
            assert decode(written.encode(), WHERE) == expected
            refused = False
        except UnverifiedError:
            refused = True
        assert refused == any(twice), written


def test_what_is_no_json_is_a_value_error() -> None:
    """The reader says what it was to be."""
    with pytest.raises(ValueError, match="expected"):
        decode(b"<html>", WHERE)
