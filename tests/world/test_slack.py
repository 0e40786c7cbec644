"""The checker of Slack's messages finds what Slack refuses, and what it makes more than text of."""

from typing import Any

import pytest

from tests.world import slack


def message(*blocks: dict[str, Any], text: str = "told") -> dict[str, Any]:
    """A message with these blocks."""
    return {"text": text, "blocks": list(blocks)}


def section(text: str, **changes: Any) -> dict[str, Any]:
    """A section of marked text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, **changes}}


def header(text: str, **changes: Any) -> dict[str, Any]:
    """A header."""
    return {"type": "header", "text": {"type": "plain_text", "text": text, **changes}}


@pytest.mark.parametrize(
    "good",
    [
        {"text": "alone"},
        message(header("x" * 150), section("x" * 3000, verbatim=True), {"type": "divider"}),
        message(*[section("x")] * 50),
        message(section("*b* _i_ ~s~ `c` <https://a.example/b|label> &amp; &lt; &gt; <!here>")),
        message({"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}),
        message({"type": "section", "fields": [{"type": "plain_text", "text": "x" * 2000}] * 5}),
    ],
)
def test_a_good_message_has_no_faults(good: dict[str, Any]) -> None:
    """At every limit, and with every mark."""
    assert slack.faults(good) == []


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {"blocks": [section("no text beside them")]},
        {"text": " "},
        {"text": "x" * 4001},
        {"text": "x", "channel": "#general"},
        message(header("x" * 151)),
        message(header("")),
        message(header("x", verbatim=True)),
        message({"type": "header", "text": {"type": "mrkdwn", "text": "x"}}),
        message(section("x" * 3001)),
        message(section("x", emoji=True)),
        message({"type": "section"}),
        message({"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}),
        message({"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}),
        message({"type": "context", "elements": []}),
        message({"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}),
        message({"type": "table"}),
        message({"type": "divider", "text": "x"}),
        message(*[section("x")] * 51),
        message(*[section("x" * 3000)] * 5),
        message({"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}),
        message(section("a & b")),
        message(section("a &amp b")),
        message(section("a &eacute; b")),
        message(section("a < b")),
        message(section("a > b")),
        message(section("<not a link>")),
        message(section("`left open")),
        message(text="a & b"),
    ],
)
def test_a_bad_message_has_faults(bad: Any) -> None:
    """One step over a limit, or with a mark that is not escaped."""
    assert slack.faults(bad)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain, 2*3*4 and snake_case_name, 12:30", []),
        ("*bold* and _italic_ and ~struck~", ["bold", "italic", "strike"]),
        ("`*code* :smile: <`", ["code"]),
        ("```pre *x*```", ["pre"]),
        (":tada:", ["emoji"]),
        ("<!channel> <@U1> <#C1|general>", ["mention"] * 3),
        ("<https://a.example|a>", ["link"]),
        ("https://a.example", ["automatic"]),
        ("@here", ["automatic"]),
        ("a\n&gt; quoted", ["quote"]),
        ("*bold `a*b` still*", ["bold", "code"]),
        ("&lt;!channel&gt;", []),
    ],
)
def test_kinds_are_what_slack_makes_of_a_text(text: str, kinds: list[str]) -> None:
    """In its order; a verbatim text has no automatic ones."""
    assert slack.kinds(message(section(text))) == kinds
    manual = [kind for kind in kinds if kind != "automatic"]
    assert slack.kinds(message(section(text, verbatim=True))) == manual


def test_emoji_of_a_header_are_letters_where_it_says_so() -> None:
    """A plain text has no other marks."""
    assert slack.kinds(message(header("*x* :tada: <!here>"))) == ["emoji"]
    assert slack.kinds(message(header("*x* :tada: <!here>", emoji=False))) == []


def test_a_message_is_read_without_its_marks() -> None:
    """Entities and links as a person sees them."""
    told = message(header("Title"), section("*a* `b &amp; c` <https://d.example/?x=1&amp;y=2|d>"))
    assert slack.read(told) == "Title\na b & c d"
    assert slack.links(told) == {"d": "https://d.example/?x=1&y=2"}
