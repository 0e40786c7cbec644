"""YAML is read strictly: what plain loading would let pass is refused at its place."""

import pytest
import yaml

from budget_gate.domain.policy.model import Policy
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document
from tests.helpers.builders import errors_of
from tests.helpers.refusals import defect, refused
from tests.helpers.wording import assert_says

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
    ("text", "place", "what", "remedy"),
    [
        pytest.param(
            "version: 1\n&a global: {cap: 5}\n",
            "2:1",
            "a key is not plain text: no anchors",
            "write the key as one word",
            id="anchor on a key",
        ),
        pytest.param(
            "version: 1\n!!str global: {cap: 5}\n",
            "2:1",
            "a key is not plain text: no anchors, aliases, tags",
            "one word",
            id="tag on a key",
        ),
        pytest.param(
            "version: 1\n? [a, b]\n: 5\n",
            "2:3",
            "a key is not plain text",
            "write the key as one word",
            id="list as key",
        ),
        pytest.param(
            "version: 1\n? {a: b}\n: 5\n",
            "2:3",
            "a key is not plain text",
            "write the key as one word",
            id="mapping as key",
        ),
        pytest.param(
            "version: 1\n*a : 5\n",
            "2:1",
            "a key is not plain text",
            'put a glob in quotes: "*a"',
            id="alias as key",
        ),
        pytest.param(
            VALID + "---\nversion: 1\n",
            "3:1",
            "a second document begins here",
            "keep one document",
            id="two documents",
        ),
        pytest.param(
            VALID + "...\n---\n",
            "4:1",
            "a second document begins here",
            "keep one document",
            id="empty second document",
        ),
        pytest.param(
            "version: 1\nglobal:\n\tcap: 5\n", "3:1", "not YAML: a tab", "spaces", id="tab"
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5\n", "2:9", "not YAML: a `{`", "`}`", id="open brace"
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5}}\n",
            "2:17",
            "not YAML: a `}` too many",
            "remove it",
            id="brace too many",
        ),
        pytest.param(
            "version: 1\nglobal: 'x\n", "2:9", "not YAML: a quote", "quote", id="open quote"
        ),
        pytest.param(
            "version: 1\nglobal: a: b\n",
            "2:10",
            "not YAML: a colon",
            "quotes: global: 'a: b'",
            id="two colons",
        ),
        pytest.param(
            VALID + "a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n",
            "3:20",
            "nested too deeply",
            "a policy is not",
            id="deep",
        ),
        pytest.param(
            "a: " + "[" * 100_000, "1:20", "nested too deeply", "a policy is not", id="very deep"
        ),
        pytest.param(
            VALID.encode() + b"# caf\xe9\n",
            "3:6",
            "the file is not UTF-8 text",
            "save it as UTF-8",
            id="Latin-1",
        ),
        pytest.param(
            VALID.encode("utf-16"),
            "1:1",
            "the file is not UTF-8 text",
            "save it as UTF-8",
            id="UTF-16",
        ),
        pytest.param(
            "# é ".encode() + b"\xff\n",
            "1:5",
            "the file is not UTF-8 text",
            "save it as UTF-8",
            id="not UTF-8 after a letter",
        ),
        pytest.param(
            VALID + "names: {a: \x07}\n",
            "3:12",
            "not YAML: a control character",
            "remove it",
            id="control character",
        ),
        pytest.param(
            b" " * (KIB_256 + 1),
            "1:1",
            "the file is larger than 256 KiB",
            "a policy is a page of text",
            id="too large",
        ),
    ],
)
def test_unreadable_text_stands_at_its_place(
    text: str | bytes, place: str, what: str, remedy: str
) -> None:
    """Where the text ends being a plain document, that place is told, with what to do."""
    problem = defect(text)
    assert problem.place == f"budget.yml:{place}"
    assert f"{problem.line}:{problem.column}" == place
    assert_says(problem.message, what)
    assert_says(problem.hint, remedy)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (f"{HEAD}global: &a {{cap: 5}}\n", "write the value out"),
        (f"{HEAD}global: {{cap: &a 5}}\n", "write the value out"),
        (f"{HEAD}global: *a\n", 'write the value out; put a glob in quotes: "*a"'),
        (f"{HEAD}groups: {{g: {{cap: 5, workspaces: [*-x]}}}}\n", 'put a glob in quotes: "*-x"'),
        (f"{HEAD}workspaces: {{*-x: {{cap: 5}}}}\n", 'put a glob in quotes: "*-x"'),
        (f"{HEAD}global: !budget {{cap: 5}}\n", "remove the `!` tag"),
        (f"{VALID}global: {{cap: 6}}\n", "keep one of the two"),
        (f"{HEAD}global: {{cap: 5, 000, 000}}\n", "without commas"),
        (f"{VALID}unlisted: {{cap: 5, 5: x, 5: x}}\n", "keep one of the two"),
        (f"{VALID}names: {{wrkspc_1: a, wrkspc_1: ''}}\n", "keep one of the two"),
    ],
)
def test_what_plain_loading_would_let_pass_comes_with_a_remedy(text: str, remedy: str) -> None:
    """Of an anchor, a tag, and a key that stands twice; behind a comma in an amount it is another."""
    hints = [problem.hint for problem in refused(text).problems]
    assert [it for it in hints if remedy in it], hints


@pytest.mark.parametrize(
    ("name", "written"), [("budget.yml", "budget.yml"), ("my budget.yml", "'my budget.yml'")]
)
def test_an_empty_file_is_told_how_to_be_filled(name: str, written: str) -> None:
    """By a command to copy."""
    with pytest.raises(ConfigurationError) as caught:
        load_document(b"# later", name, Policy)
    (problem,) = caught.value.problems
    assert (problem.place, problem.key) == (f"{name}:1:1", "")
    assert_says(problem.message, "the file is empty")
    assert_says(problem.hint, f"write a policy with `budget-gate init --policy {written} --force`")


def test_a_text_of_the_deepest_level_is_read_and_one_below_is_not() -> None:
    """Sixteen levels are the most that a document may have."""
    problems = refused("a: " + "{a: " * 15 + "{}" + "}" * 15 + "\n").problems
    assert [problem.message for problem in problems] == ["unknown key", "is missing"]
    problem = defect("a: " + "{a: " * 16 + "{}" + "}" * 16 + "\n")
    assert (problem.place, problem.key) == (f"budget.yml:1:{4 + 16 * 4}", "a" + ".a" * 16)
    assert_says(problem.message, "nested too deeply")


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
    monkeypatch.setattr("budget_gate.sources.files.documents.Loader", yaml.BaseLoader)
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
