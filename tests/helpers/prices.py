"""The price book as a run reads it: `python -m tests.helpers.prices` prints it.

It holds the texts of `budget_gate/data/prices.yml`, where prices are written, and the file that the
package holds is made with it: `> budget_gate/data/prices.json`.
"""

import json
import sys

from budget_gate.domain.policy.places import SourceMap
from budget_gate.sources.files.strict_yaml import Loader, Reader, decode
from tests.helpers.paths import PACKAGE


def made() -> str:
    """The file, as it is to be for the prices that are written."""
    text = decode((PACKAGE / "data" / "prices.yml").read_bytes())
    document = Reader(text, SourceMap("prices.yml", {}), {}, [], Loader).document()
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(made())
