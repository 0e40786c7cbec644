"""The export by FOCUS, held against the official validator; `.ci/focus` makes its environment and runs this."""

import re
import subprocess
from datetime import date
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.helpers.pages import PAGES, table
from tests.helpers.paths import ROOT
from tests.helpers.running import NOW, Here
from tests.helpers.serving import at
from tests.world.billing import bill_of, code_execution
from tests.world.loopback import LoopbackAPI
from tests.world.organizations import random_organization, seeded

PAGE = "docs/feed.md"
PROGRAMS = ROOT / ".venv-focus" / "bin"


def named() -> tuple[str, str]:
    """The versions of the validator and of its rules, as the page names them."""
    found = re.search(r"\(`focus-validator` ([0-9.]+), rules of ([0-9.]+)\)", PAGES[PAGE])
    assert found
    return found[1], found[2]


def validated(file: Path) -> tuple[set[str], set[str]]:
    """The rules that a file was found to keep, and those that the validator objects to.

    It ends in 0 either way. One of its own files it looks for in the folder where it is started.
    """
    (packages,) = (PROGRAMS.parent / "lib").glob("python3.*/site-packages")
    report = file.with_suffix(".xml")
    command = f"{PROGRAMS}/focus-validator --block-download --validate-version {named()[1]}"
    written = ("--output-type", "unittest", "--output-destination", str(report))
    subprocess.run(
        [*command.split(" "), "--data-file", str(file), *written],
        cwd=packages,
        check=True,
        timeout=120,
    )
    kept, objections = set(), set()
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - the validator wrote it
        rule = case.attrib["name"].split(" :: ")[0]
        match [outcome.tag for outcome in case]:
            case []:
                kept.add(rule)
            case ["skipped"]:
                pass
            case _:
                objections.add(rule)
    return kept, objections


@pytest.mark.parametrize("basis", ["list", "billed"])
def test_the_validator_objects_to_what_the_page_lists(here: Here, basis: str) -> None:
    """And to nothing else, of a month with discounts, many models and a cost that only the bill knows."""
    organization = random_organization(
        seeded(5), start=at("2026-09-20T00:00:00Z"), end=NOW, rows=300
    )
    bill = [
        *bill_of(organization, discount=Fraction(1, 5)),
        code_execution(date(2026, 10, 5), None, Fraction("5.25")),
    ]
    policy = f"version: 1\nunlisted: warn\nspend: {{basis: {basis}}}\nprices: {{discount: 10%}}\n"
    file = here.program.folder / "focus.csv"
    with LoopbackAPI(organization, now=NOW, bill=bill) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        flags = ("--month", "2026-10", "--format", "focus", "--out", str(file))
        assert here.main("export", *flags, policy=policy).code == 0
    kept, objections = validated(file)
    assert objections == table(PAGE, "rule").keys()
    # Of the rules of 1.2.0.1, 136 are about columns that are there.
    assert len(kept) > 100


def test_the_validator_is_the_one_that_the_page_names() -> None:
    """The rules it knows, and what it objects to, change between its versions."""
    ask = "import importlib.metadata as them; print(them.version('focus-validator'))"
    asked = subprocess.check_output([PROGRAMS / "python", "-I", "-c", ask], encoding="utf-8")
    assert asked.strip() == named()[0]
