"""What no YAML parser takes is told in plain words, at its place and with what to write instead."""

import pytest

from tests.helpers.builders import policy
from tests.helpers.refusals import hint, refused
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
    (problem,) = refused(text).problems
    assert problem.hint == "indent with spaces: YAML takes no tab here"
    assert "\t" in text.splitlines()[problem.line - 1]


@pytest.mark.parametrize(
    ("written", "key", "read"),
    [
        ("reason: launch: week", "reason", "launch: week"),
        ("reason: at last: week # soon", "reason", "at last: week"),
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
    ("text", "facts"),
    [
        ("workspaces:\n  *: {cap: 5}\n", ["3:3", "begins with *", 'put it in quotes: "*"']),
        ("groups: {g: {cap: 5, workspaces: [*.x]}}\n", ["2:35", 'put it in quotes: "*.x"']),
        ("groups: {g: {cap: 5, workspaces: [*-x]}}\n", ["2:35", 'glob in quotes: "*-x"']),
        ("workspaces: {*-x: {cap: 5}}\n", ["2:14", 'glob in quotes: "*-x"']),
        ("organization: @me\n", ["2:15", "begins with @", 'put it in quotes: "@me"']),
        ("global: {cap: 5 warn_at: [80%]}\n", ["2:24", "comma"]),
        ("global: {warn_at: [80%] cap: 5}\n", ["2:25", "comma"]),
        ("global: {cap: 5\nmodels: {a: {cap: 5}}\n", ["3:7", "`{` of line 2 is not closed", "`}`"]),
        ("global: {cap: 5\n", ["2:9", "`{` is not closed", "`}`"]),
        ("global: {cap: 5, warn_at: [80%\n", ["2:27", "`[` is not closed", "`]`"]),
        ("global: {cap: 5}}\n", ["2:17", "`}` too many"]),
        ("organization: 'x\n", ["2:15", "a quote is not closed"]),
        ('organization: "a\\p"\n', ["2:15", "backslash", "single quotes"]),
        ("organization: 'x' y\n", ["2:19", "behind", "the whole text in quotes"]),
        ("global:\n  cap: 5\n   warn_at: [80%]\n", ["4:11", "not indented", "same column"]),
        ("global:\n    cap: 5\n  warn_at: [80%]\n", ["4:3", "not indented", "same column"]),
        ("global:\n  cap: 5\nmodels\n", ["4:1", "without a colon", "key: value"]),
        ("global: cap: 5\n", ["2:12", "two keys in one line", "new line behind `global:`"]),
        ("groups: {}\nmodels: - a\n", ["3:9", "dash", "brackets"]),
        ("organization: it's: me\n", ["2:19", "colon in a text", "in quotes"]),
        ("global:\n  cap: 5\n\u00a0 x: 5: 6\n", ["4:7", "no-break space"]),
        ("organization: !<x y\n", ["2:18", "check indentation, colons and quotes"]),
    ],
)
def test_what_is_not_yaml_is_told_in_plain_words(text: str, facts: list[str]) -> None:
    """Where it is, what it is, and what to write; in the words of YAML's parser only where none other is known."""
    (problem,) = refused(HEAD + text).problems
    assert_says(f"{problem}: {problem.hint}", "budget.yml:", *facts)
