"""The pages that a reader follows, the README first, and the blocks that stand in them."""

import re
from typing import NamedTuple

from tests.helpers.paths import ROOT

README = "README.md"
DOCS = tuple(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in (README, *DOCS)}


class Block(NamedTuple):
    """A fenced block: the page it is from, its language and its text."""

    page: str
    language: str
    text: str


BLOCKS = tuple(
    Block(name, *found)
    for name, page in PAGES.items()
    for found in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
)


def policies() -> list[str]:
    """The YAML blocks that are policies."""
    return [
        block.text
        for block in BLOCKS
        if block.language == "yaml" and re.search(r"^version: 1\s", block.text, re.MULTILINE)
    ]


def steps() -> list[str]:
    """The workflows, and the steps of one that stand alone."""
    return [
        block.text for block in BLOCKS if block.language == "yaml" and "  - uses:" in block.text
    ]


def scripts() -> list[str]:
    """The steps that run a script, which stand alone."""
    return [block.text for block in BLOCKS if block.text.startswith("      - name:")]


def table(page: str, heading: str) -> dict[str, tuple[str, ...]]:
    """The first table of a page whose first column has this heading: the other cells by the first.

    A first cell that is code is without its marks.
    """
    found = re.search(
        rf"^\| {re.escape(heading)} \|.*\n\|[-|: ]+\|\n((?:\|.*\n)+)", PAGES[page], re.MULTILINE
    )
    assert found, (page, heading)
    rows = [re.split(r" ?(?<!\\)\| ?", line.strip("|").strip()) for line in found[1].splitlines()]
    return {re.sub(r"^`([^`]*)`$", r"\1", cells[0]): tuple(cells[1:]) for cells in rows}
