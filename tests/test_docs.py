"""What the README and docs/ say, held to the program, and the way from one page to the other."""

import json
import re
from typing import get_args

import pytest
from markdown_it import MarkdownIt

from budget_gate.domain.verdict.results import Status
from tests.helpers.pages import BLOCKS, DOCS, PAGES, README, policies, scripts, steps, table
from tests.helpers.paths import ROOT, SCHEMA
from tests.helpers.running import Here
from tests.helpers.surface import action, flags_of, help_of, variables

# What each code means, in the words of the README.
EXIT_CODES = {"0": "within its cap", "1": "breached", "2": "wrong", "3": "determined", "4": "bug"}
COMMANDS = (
    "check",
    "verdict",
    "demo",
    "init",
    "doctor",
    "audit",
    "export",
    "sync",
    "dashboard",
    "ledger",
    "schema",
)
OTHERS = (".github/CONTRIBUTING.md", ".github/SECURITY.md", "CHANGELOG.md", "tests/FAULTS.md")

every_page = pytest.mark.parametrize("name", DOCS)


def links_of(name: str) -> list[tuple[str, str]]:
    """The files that a page links to, each with the anchor in it; other sites are left out."""
    tokens = MarkdownIt("commonmark").enable("table").parse((ROOT / name).read_text("utf-8"))
    addresses = [
        str(child.attrGet("src" if child.type == "image" else "href"))
        for token in tokens
        for child in token.children or ()
        if child.type in ("link_open", "image")
    ]
    split = [address.partition("#") for address in addresses if "://" not in address]
    folder = (ROOT / name).parent
    return [
        (((folder / path).resolve() if path else ROOT / name).relative_to(ROOT).as_posix(), anchor)
        for path, _, anchor in split
    ]


def anchors_of(name: str) -> set[str]:
    """What GitHub calls the headings of a page."""
    tokens = MarkdownIt("commonmark").parse((ROOT / name).read_text("utf-8"))
    headings = [
        tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


# Pages


@pytest.mark.parametrize("name", [*PAGES, *OTHERS])
def test_links_lead_somewhere(name: str) -> None:
    """To a file of this repository and, where an anchor is named, to a heading of it."""
    for target, anchor in links_of(name):
        assert (ROOT / target).is_file(), target
        assert not anchor or anchor in anchors_of(target), f"{target}#{anchor}"


@every_page
def test_pages_are_linked(name: str) -> None:
    """From the README, from another page, and back."""
    sources = {other for other in PAGES for target, _ in links_of(other) if target == name}
    assert README in sources
    assert sources & ({*DOCS} - {name})
    assert README in {target for target, _ in links_of(name)}


@every_page
def test_pages_begin_with_what_they_are_for(name: str) -> None:
    """In one sentence below the title."""
    assert re.match(r"# .+\n\nThis page [^.]+(?:`[^`]*`[^.]*)?\.\n\n", PAGES[name])


def test_the_readme_is_short() -> None:
    """A newcomer reads it whole; the reference is in docs/."""
    assert len(PAGES[README].splitlines()) <= 185


# Blocks


def test_every_block_is_tried() -> None:
    """What is neither shell, SQL nor Python is a policy, a workflow's steps, another system's job, the editor's comment or no code."""
    known = {*policies(), *steps(), *scripts()}
    for block in BLOCKS:
        assert block.language in ("sh", "sql", "python", "yaml", "text")
        if block.language == "yaml" and block.text not in known:
            others = ("# yaml-language-server:", "budget:\n", "budget: #", "version: 2.1\n")
            assert block.text.startswith(others)
    assert (len(policies()), len(steps()), len(scripts())) == (6, 21, 6)


# Tables


def test_inputs_are_those_of_the_action() -> None:
    """In its order; those that are not given by default are empty."""
    told = " ".join(f"`{name.strip('`')}`" for name in table(README, "input"))
    assert re.findall(r"`([a-z-]+)`", told) == [*action()["inputs"]]


def test_outputs_are_those_of_the_action() -> None:
    """In its order."""
    assert [*table(README, "output")] == [*action()["outputs"]]


def test_exit_codes_are_those_of_the_program() -> None:
    """Each number with its meaning, as `--help` has them."""
    rows = table(README, "code")
    listed = help_of("check").partition("exit codes:")[2]
    assert [*rows] == [*EXIT_CODES] == re.findall(r"(?<= )\d(?= [a-z])", listed)
    for code, meaning in EXIT_CODES.items():
        assert meaning in rows[code][0]


def test_what_to_do_is_said_of_every_status_and_code() -> None:
    """That is not green."""
    seen = " ".join(table(README, "you see"))
    for status in {*get_args(Status)} - {"ok"}:
        assert f"`{status}`" in seen, status
    for code in EXIT_CODES.keys() - {"0"}:
        assert f"code {code}" in seen, code


def test_statuses_are_those_of_the_program() -> None:
    """In the README's table of outputs and in the glossary."""
    words = {*get_args(Status)}
    assert {*re.findall("`(.+?)`", table(README, "output")["status"][0])} == words
    assert {*re.findall("`(.+?)`", table("docs/policy.md", "term")["status"][0])} == words


def test_variables_are_those_of_the_settings() -> None:
    """Each by its name, those of one kind without what they share; the others are no settings of the gate's own."""
    rows = " ".join(re.findall(r"^\| (`[A-Z].*?) \|", PAGES["docs/commands.md"], re.MULTILINE))
    named = re.findall("`([A-Z_]+)`", rows)
    full = {f"BUDGET_GATE{name}" if name.startswith("_") else name for name in named}
    foreign = {"TERM", *(name for name in variables() if name.startswith("GITHUB_"))}
    assert variables() - foreign <= full
    proxies = {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_DIR"}
    assert full - variables() == proxies


def test_every_key_of_a_policy_is_explained() -> None:
    """The keys of the schema, each as code or in the block that shows all."""
    schema = json.loads(SCHEMA.read_text(encoding="ascii"))
    parts = [schema, *schema["$defs"].values()]
    keys = {key for part in parts for key in part.get("properties", ())}
    page = PAGES["docs/policy.md"]
    assert {key for key in keys if not re.search(rf"(?<![\w-])`?{key}(`|:)", page)} == set()


# Commands


def test_every_command_has_its_section(here: Here) -> None:
    """Under its name."""
    listed = re.findall(r"^    ([a-z]+)  ", here.main("--help").stdout, re.MULTILINE)
    assert {*listed} == {*COMMANDS} <= anchors_of("docs/commands.md")


def test_flags_are_those_of_the_program() -> None:
    """Each that a page names is one of a command's; code of other programs stands in blocks."""
    known = {flag for command in COMMANDS for flag in flags_of(command)} | {"--help", "--version"}
    for name, page in PAGES.items():
        prose = re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
        named = {*re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", prose)}
        assert named <= known, (name, named - known)


def test_commands_are_those_of_the_program() -> None:
    """Whatever a page has the reader run."""
    for page in PAGES.values():
        for command in re.findall(r"(?:^|`)budget-gate ([a-z]+)", page, re.MULTILINE):
            assert command in COMMANDS
