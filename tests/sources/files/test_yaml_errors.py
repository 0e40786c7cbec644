"""What no YAML parser takes is told in plain words, at its place and with what to write instead."""

import pytest
import yaml

from budget_gate.domain.policy.model import Policy
from budget_gate.sources.files.yaml_errors import not_yaml
from tests.helpers.builders import policy
from tests.helpers.refusals import defect, hint
from tests.helpers.wording import assert_says

HEAD = "version: 1\n"
VALID = "version: 1\nglobal: {cap: 5}\n"


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nglobal:\n\tcap: 5\n",
        "version: 1\nglobal:\n  cap: 5\n\twarn_at: [80%]\n",
        "version: 1\nglobal:\n  cap: 5\n  \twarn_at: [80%]\n",
        "version: 1\nworkspaces:\n  a:\n\t\tcap: 5\n",
    ],
)
def test_tabs_are_told_to_be_spaces(text: str) -> None:
    """YAML takes no tab as indentation, and an editor shows none."""
    problem = defect(text)
    assert_says(problem.message, "this is not YAML: a tab")
    assert problem.hint == "indent with spaces: YAML takes no tab here"
    assert "\t" in text.splitlines()[problem.line - 1]


@pytest.mark.parametrize(
    ("written", "key", "read"),
    [
        ("reason: launch: week", "reason", "launch: week"),
        ("reason: at last: week  # soon", "reason", "at last: week"),
        ("reason: one, two: three", "reason", "one, two: three"),
    ],
)
def test_a_colon_in_a_text_is_told_how_to_quote(written: str, key: str, read: str) -> None:
    """The hint is the line to write."""
    text = f"{VALID}exceptions:\n  - budget: global\n    cap: 6\n    until: 2026-11-30\n    {written}\n"
    advised = f"{key}: '{read}'"
    assert hint(text) == f"put the text in quotes: {advised}"
    (exception,) = policy(text.replace(written, advised)).policy.exceptions
    assert exception.reason == read


def test_a_colon_in_a_text_in_braces_is_told_how_to_quote() -> None:
    """There the text ends at the comma."""
    text = f"{VALID}exceptions: [{{reason: launch: week, budget: global, cap: 6, until: 2026-11-30}}]\n"
    assert hint(text) == "put the text in quotes: reason: 'launch: week'"
    policy(text.replace("launch: week", "'launch: week'"))


@pytest.mark.parametrize(
    ("written", "advised"),
    [
        ("{reason: launch: week, cap: 6}", "reason: 'launch: week'"),
        ("{reason: at last: week}", "reason: 'at last: week'"),
        ("{cap: 6, reason: launch: week # soon\n}", "reason: 'launch: week'"),
        ("[cap: 6, reason: one: two]", "reason: 'one: two'"),
    ],
)
def test_a_colon_in_a_text_in_braces_ends_where_the_text_does(written: str, advised: str) -> None:
    """At a comma, a brace or a comment."""
    assert hint(f"{VALID}exceptions: [{written}]\n") == f"put the text in quotes: {advised}"


@pytest.mark.parametrize(
    "written", ["it's: me", 'an "x": y', "{cap: 5, reason: it's late: now}"], ids=str
)
def test_a_text_with_quotes_is_told_without_an_example(written: str) -> None:
    """Which quotes to put around it depends on those within."""
    text = f"{HEAD}reason: {written}\n"
    assert_says(hint(text), "put the text behind `reason:` in quotes")


# Each is written below HEAD, so that its first line is the second.
@pytest.mark.parametrize(
    ("text", "place", "what", "remedy"),
    [
        ("workspaces:\n  *: {cap: 5}\n", "3:3", "begins with *", 'put it in quotes: "*"'),
        ("workspaces:\n  *.x: {cap: 5}\n", "3:3", "begins with *", 'put it in quotes: "*.x"'),
        ("organization: *\n", "2:15", "begins with *", 'put it in quotes: "*"'),
        ("organization: *: me\n", "2:15", "begins with *", 'put it in quotes: "*"'),
        ("organization: & me\n", "2:15", "begins with &", 'put it in quotes: "&"'),
        ("x: {y: [*.x, a]}\n", "2:9", "begins with *", 'put it in quotes: "*.x"'),
        ("x: {y: [a, *.x]}\n", "2:12", "begins with *", 'put it in quotes: "*.x"'),
        ("x: {y: *.x}\n", "2:8", "begins with *", 'put it in quotes: "*.x"'),
        ("organization: @me\n", "2:15", "begins with @", 'put it in quotes: "@me"'),
        ("x: [@me, a]\n", "2:5", "begins with @", 'put it in quotes: "@me"'),
        ("x: [`me]\n", "2:5", "begins with `", 'put it in quotes: "`me"'),
        ("x: {y: @me}\n", "2:8", "begins with @", 'put it in quotes: "@me"'),
        ("x: %me or me\n", "2:4", "begins with %", 'put it in quotes: "%me"'),
        ("global: {cap: 5 warn_at: [80%]}\n", "2:24", "comma is missing", "put commas"),
        ("global: {warn_at: [80%] cap: 5}\n", "2:25", "comma is missing", "put commas"),
        ("global: {cap: 5]\n", "2:16", "the `{` of line 2 is not closed", "`}`"),
        ("x:\n  [a\ny: {a: 5}\n", "4:2", "the `[` of line 3 is not closed", "`]` behind"),
        (
            "global: {cap: 5\nmodels: {a: {cap: 5}}\n",
            "3:7",
            "comma is missing, or the `{` of line 2 is not closed",
            "commas between its parts, and `}` behind",
        ),
        ("global: {cap: 5\n", "2:9", "`{` is not closed", "write the `}` that closes it"),
        ("global: {cap: 5\n...\n", "2:9", "`{` is not closed", "write the `}`"),
        ("x: {y: [80%\n", "2:8", "`[` is not closed", "write the `]` that closes it"),
        ("x: [80%\n---\n", "2:4", "`[` is not closed", "write the `]` that closes it"),
        ("global: {cap: 5}}\n", "2:17", "`}` too many", "remove it, or write what is missing"),
        ("x: [a]]\n", "2:7", "`]` too many, or nothing before it", "remove it, or write"),
        ("x: {y: 5}} # z\n", "2:10", "a `}` too many", "remove it"),
        ("]\n", "2:1", "`]` too many, or nothing before it", "remove it, or write"),
        ("organization: 'x\n", "2:15", "a quote is not closed", "write the quote that closes"),
        ('organization: "x\n', "2:15", "a quote is not closed", "write the quote that closes"),
        ('organization: "a\\p"\n', "2:15", "a backslash in double quotes", "single quotes"),
        ('x:\n  y: "\\ud800"\n', "3:6", "a backslash in double quotes", "single quotes"),
        ("organization: 'x' y\n", "2:19", "a text behind", "the whole text in quotes"),
        ("x: [y] z\n", "2:8", "a text behind what is in quotes or brackets", "whole text"),
        ("global:\n  cap: 5\n   warn_at: [80%]\n", "4:11", "not indented", "same column"),
        ("global:\n    cap: 5\n  warn_at: [80%]\n", "4:3", "not indented", "same column"),
        ("- a\nx: y\n", "2:1", "not indented as those above", "begin the keys of one block"),
        ("global:\n  cap: 5\nmodels\n", "4:1", "a line without a colon", "write `key: value`"),
        ("[a, b\n", "2:1", "a line without a colon", "write `key: value`, with a space"),
        ("x:5\ny: 6\n", "2:1", "no space after `x:`", "put a space after `x:`"),
        ("x: 5\n- y:5\nz: 6\n", "3:1", "not indented", "same column"),
        ("x:\n - y:5\n   z: 6\n", "3:4", "no space after `y:`", "put a space after `y:`"),
        ("x:\n - y:5\n   z:6\n   w: 7\n", "4:4", "no space after `z:`", "after `z:`"),
        ("global: cap: 5\n", "2:12", "two keys in one line", "new line behind `global:`, and"),
        ("x: - a\n", "2:4", "a dash behind its key", "write the list in brackets, such as [a, b]"),
        ("x: y: z\n", "2:5", "a colon in a text", "put the text in quotes: x: 'y: z'"),
        ("global:\n  cap: 5\n\u00a0 x: 5: 6\n", "4:7", "no-break space", "write plain spaces"),
        ("x:\ty: z\n", "2:3", "a tab", "indent with spaces"),
        ("x: 'y\n\tz\n", "2:4", "a quote is not closed", "write the quote"),
        ("x: y\n\tz: 5\n", "3:1", "a tab", "indent with spaces"),
        ("x: y\n  \tz: 5\n", "3:3", "a tab", "indent with spaces"),
        ("x: !<y z\n", "2:7", "expected '>', but found ' '", "check indentation, colons"),
        ("x: ? y\n", "2:4", "mapping keys are not allowed here", "check indentation, colons"),
        ("x: |z\n", "2:5", "but found 'z'", "check indentation, colons and quotes here"),
    ],
)
def test_what_is_not_yaml_is_told_in_plain_words(
    text: str, place: str, what: str, remedy: str
) -> None:
    """Where it is, what it is, and what to write; in the words of YAML's parser only where none other is known."""
    problem = defect(HEAD + text)
    assert problem.place == f"budget.yml:{place}"
    assert_says(problem.message, "this is not YAML: ", what)
    assert_says(problem.hint, remedy)


@pytest.mark.parametrize("text", ["*.x", "@me", "`me", "%me", "&.x"])
def test_of_a_text_that_begins_with_a_sign_of_yaml_the_sign_is_told(text: str) -> None:
    """And nothing of the text behind it; in quotes it is one."""
    problem = defect(f"{VALID}organization: {text}\n")
    assert problem.message.endswith(f"begins with {text[0]}")
    assert problem.hint == f'put it in quotes: "{text}"'
    assert policy(f'{VALID}organization: "{text}"\n').policy.organization == text


@pytest.mark.parametrize("glob", ["*-x", "*x*", "*_"])
def test_a_glob_that_yaml_takes_for_an_alias_is_told_to_be_quoted(glob: str) -> None:
    """As it is written; in quotes it is one."""
    text = f"{HEAD}groups: {{g: {{cap: 5, workspaces: [GLOB]}}}}\n"
    problem = defect(text.replace("GLOB", glob.removesuffix("*")))
    assert (problem.place, problem.key) == ("budget.yml:2:35", "groups.g.workspaces.0")
    assert_says(problem.hint, "write the value out; put a glob in quotes:")
    policy(text.replace("GLOB", f'"{glob}"'))


def test_the_first_line_has_none_above_it() -> None:
    """A last line without a space after its colon has no part in what is wrong with the first."""
    problem = defect("x: y: z\ncap:5\n")
    assert (problem.place, problem.hint) == (
        "budget.yml:1:5",
        "put the text in quotes: x: 'y: z'",
    )


def test_a_character_that_only_some_parsers_take_has_no_place() -> None:
    """Libyaml is of many versions, and they say nothing of a line."""
    error = yaml.reader.ReaderError("<unicode string>", 3, ord("x"), "?", "not allowed")
    found = not_yaml(error, VALID, Policy)
    assert (found.place, found.hint) == ((1, 1), "remove it")
    assert_says(found.message, "this is not YAML: a control character")
