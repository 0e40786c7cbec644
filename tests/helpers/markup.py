"""What a reader sees of Markdown, by a parser of CommonMark, and what may not be in it."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

# As GitHub reads it: CommonMark with raw HTML and tables.
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


OWN_HTML = re.compile(
    r"(<details>)?<summary>(Spend by workspace|Spend by model|Notes \(\d+\))</summary>"
    r"|</details>|</?sub>"
)


# What GitHub makes a link of by itself where it stands in the source, outside of code.
LINKED = re.compile(r"://|www\.|@", re.IGNORECASE)


def tokens(text: str) -> list[Token]:
    """Every token of a document, those inside of a line included."""
    found = []
    for token in PARSER.parse(text):
        found.append(token)
        found += token.children or []
    return found


def kinds(text: str) -> list[str]:
    """What a document is made of, without the text."""
    return [token.type for token in tokens(text)]


def plain_text(text: str) -> str:
    """What a reader sees of a line of Markdown."""
    return "".join(token.content for token in tokens(text) if token.type in ("text", "code_inline"))


def assert_own_structure(text: str) -> None:
    """Fails where there is HTML, a link or a picture that is not the summary's own."""
    for token in tokens(text):
        assert token.type not in ("link_open", "image"), token
        if token.type in ("html_block", "html_inline"):
            rest = OWN_HTML.sub("", token.content).strip()
            assert rest == "", token.content
    assert not LINKED.search(re.sub(r"`[^`\n]*`", "", text)), text


def tables(text: str) -> list[list[str]]:
    """The lines of each table, in the order of the document."""
    found: list[list[str]] = []
    previous = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not previous.startswith("|"):
                found.append([])
            found[-1].append(line)
        previous = line
    return found


def mermaid(text: str) -> list[str]:
    """The lines of the chart, without the indentation."""
    (chart,) = [token for token in tokens(text) if token.type == "fence"]
    assert chart.info == "mermaid"
    return [line.strip() for line in chart.content.splitlines()]
