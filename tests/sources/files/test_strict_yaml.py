"""YAML is read strictly: what plain loading would let pass is refused at its place."""

import pytest
import yaml

from tests.helpers.builders import errors_of
from tests.helpers.refusals import refused

HEAD = "version: 1\n"
VALID = "version: 1\nglobal: {cap: 5}\n"
KIB_256 = 256 * 1024


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param(
            "version: 1\nglobal: &a {cap: 5}\n",
            ["budget.yml:2:9: global: YAML anchors and aliases are not allowed"],
            id="anchor on a mapping",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: &a 5}\n",
            ["budget.yml:2:15: global.cap: YAML anchors and aliases are not allowed"],
            id="anchor on a value",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5, warn_at: &a [80%]}\n",
            ["budget.yml:2:27: global.warn_at: YAML anchors and aliases are not allowed"],
            id="anchor on a list",
        ),
        pytest.param(
            "version: 1\nglobal: *a\n",
            ["budget.yml:2:9: global: YAML anchors and aliases are not allowed"],
            id="alias",
        ),
        pytest.param(
            "version: 1\nglobal:\n  <<: *a\n",
            ["budget.yml:3:7: global.<<: YAML anchors and aliases are not allowed"],
            id="merge key",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: !!int 5}\n",
            ["budget.yml:2:15: global.cap: YAML tags are not allowed"],
            id="tag on a value",
        ),
        pytest.param(
            "version: 1\nglobal: !budget {cap: 5}\n",
            ["budget.yml:2:9: global: YAML tags are not allowed"],
            id="tag on a mapping",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5}\nglobal: {cap: 6}\n",
            ["budget.yml:3:1: global: the key stands already in line 2"],
            id="key twice",
        ),
        pytest.param(
            "version: 1\nworkspaces:\n  a:\n    cap: 5\n    cap: 6\n    cap: 7\n",
            [
                "budget.yml:5:5: workspaces.a.cap: the key stands already in line 4",
                "budget.yml:6:5: workspaces.a.cap: the key stands already in line 4",
            ],
            id="key three times",
        ),
        pytest.param(
            VALID + "names:\n  wrkspc_01A: a\n  'wrkspc_01A': b\n",
            ["budget.yml:5:3: names.wrkspc_01A: the key stands already in line 4"],
            id="key twice, once in quotes",
        ),
    ],
)
def test_refused_yaml_tells_its_key(text: str, errors: list[str]) -> None:
    """What plain YAML would let pass is told with the key that it stands at."""
    assert errors_of(refused(text)) == errors


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        pytest.param("version: 1\n&a global: {cap: 5}\n", "2:1", "anchors", id="anchor on a key"),
        pytest.param("version: 1\n!!str global: {cap: 5}\n", "2:1", "tags", id="tag on a key"),
        pytest.param("version: 1\n? [a, b]\n: 5\n", "2:3", "key", id="list as key"),
        pytest.param("version: 1\n? {a: b}\n: 5\n", "2:3", "key", id="mapping as key"),
        pytest.param("version: 1\n*a : 5\n", "2:1", "key", id="alias as key"),
        pytest.param(VALID + "---\nversion: 1\n", "3:1", "second document", id="two documents"),
        pytest.param(VALID + "...\n---\n", "4:1", "second document", id="empty second document"),
        pytest.param("version: 1\nglobal:\n\tcap: 5\n", "3:1", "not YAML", id="tab"),
        pytest.param("version: 1\nglobal: {cap: 5\n", "2:9", "not YAML", id="open brace"),
        pytest.param("version: 1\nglobal: {cap: 5}}\n", "2:17", "not YAML", id="brace too many"),
        pytest.param("version: 1\nglobal: 'x\n", "2:9", "not YAML", id="open quote"),
        pytest.param("version: 1\nglobal: a: b\n", "2:10", "not YAML", id="two colons"),
        pytest.param(
            VALID + "a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "3:20", "deep", id="deep"
        ),
        pytest.param("a: " + "[" * 100_000, "1:20", "deep", id="very deep"),
        pytest.param(VALID.encode() + b"# caf\xe9\n", "3:6", "UTF-8", id="Latin-1"),
        pytest.param(VALID.encode("utf-16"), "1:1", "UTF-8", id="UTF-16"),
        pytest.param("# é ".encode() + b"\xff\n", "1:5", "UTF-8", id="not UTF-8 after a letter"),
        pytest.param(VALID + "names: {a: \x07}\n", "3:12", "not YAML", id="control character"),
        pytest.param(b" " * (KIB_256 + 1), "1:1", "256 KiB", id="too large"),
    ],
)
def test_unreadable_text_stands_at_its_place(text: str | bytes, place: str, what: str) -> None:
    """Where the text ends being a plain document, that place is told, with what to do."""
    (problem,) = refused(text).problems
    assert problem.place == f"budget.yml:{place}"
    assert f"{problem.line}:{problem.column}" == place
    assert what in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nglobal: *a\n",
        "version: 1\nglobal: {cap: x}\nglobal: {cap: 5}\n",
        "version: 1\n? [a, b]\n: 5\n",
        VALID + "---\nversion: 1\n",
        "version: 1\nglobal:\n\tcap: 5\n",
        "version: 1\nglobal: {cap: 5}}\n",
        "a: " + "[" * 5_000,
        VALID + "names: {a: \x07}\n",
        "version: 1\nworkspaces: {café ☕: {cap: x}}\n",
        "",
    ],
)
def test_places_are_those_of_both_parsers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML comes without its C parser, the same defects stand at the same places."""
    fast = [problem.place for problem in refused(text).problems]
    monkeypatch.setattr("budget_gate.sources.files.strict_yaml._Loader", yaml.BaseLoader)
    assert [problem.place for problem in refused(text).problems] == fast


def test_defects_before_unreadable_text_are_told_too() -> None:
    """A key that stands twice is told although the file breaks off further down."""
    problems = refused("version: 1\nversion: 1\nglobal: {cap: 5\n").problems
    assert [problem.line for problem in problems] == [2, 3]


def test_second_of_two_keys_is_not_taken() -> None:
    """Two caps are an error even where each by itself is a policy."""
    problems = refused("version: 1\nglobal: {cap: 5}\nglobal: {cap: 5}\n").problems
    assert [(problem.line, problem.message) for problem in problems] == [
        (3, "the key stands already in line 2")
    ]
