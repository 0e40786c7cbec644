"""The words that the program does not use where people read, as most readers' first language is not English."""

import ast
import re
from collections.abc import Iterator

from tests.helpers.paths import PACKAGE, ROOT

# Each has a plainer one: determined, reports or shows, also, at least, has, matches nothing.
UNPLAIN = re.compile(
    r"\b(un)?establish|\b(tells?|told)\b|\blikewise\b|\bat the least\b|\bbears?\b|\bnames nothing\b",
    re.IGNORECASE,
)


def sentences(source: str) -> Iterator[str]:
    """The texts of a module but its docstrings, as a reader of the output may meet them."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def test_what_the_program_says_is_in_plain_words() -> None:
    """A word that is only in books is in no text of the package."""
    found = [
        f"{path.relative_to(PACKAGE)}: {text}"
        for path in PACKAGE.rglob("*.py")
        for text in sentences(path.read_text(encoding="utf-8"))
        if UNPLAIN.search(text)
    ]
    assert found == []


def test_what_the_action_and_the_schema_say_is_in_plain_words() -> None:
    """Descriptions of inputs, outputs and keys stand in editors and in the marketplace."""
    for name in ("action.yml", "budget_gate/data/policy.schema.json"):
        assert UNPLAIN.findall((ROOT / name).read_text(encoding="utf-8")) == []
