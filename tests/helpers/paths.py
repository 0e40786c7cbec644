"""Where the tests' own files are, and the repository's."""

from pathlib import Path

import budget_gate

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
RECORDINGS = TESTS / "recordings"
PRICES = TESTS / "prices.csv"
PACKAGE = Path(budget_gate.__file__).parent
SCHEMA = PACKAGE / "data" / "policy.schema.json"
