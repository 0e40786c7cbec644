"""How large the page of 13 months of 200 workspaces is, and how long it takes to draw: `python -m tests.bench.dashboard`."""

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from budget_gate.outputs.dashboard.page import render_page
from tests.helpers.browsing import browsing, shown
from tests.helpers.reports import make_report
from tests.helpers.web_page import large_figures

RUNS: Final = 7
MOST_SECONDS: Final = 2.0
MOST_BYTES: Final = 3_000_000
# From the start of loading until every chart is there, and from a click until it is drawn anew.
_DRAWN: Final = """
() => document.querySelectorAll(".chart svg").length === 4
  ? performance.now() / 1000 : undefined
"""
_REDRAWN: Final = """
async () => {
  const start = performance.now();
  document.querySelector("#ranges label:last-child input").click();
  await new Promise((done) => setTimeout(() => requestAnimationFrame(done)));
  return (performance.now() - start) / 1000;
}
"""


def main() -> None:
    """Prints both, and ends with an error where either is above its bound."""
    text = render_page(large_figures(), make_report(), "budget.yml").encode()
    with TemporaryDirectory() as folder, browsing() as browser:
        path = Path(folder, "index.html")
        path.write_bytes(text)
        drawn, redrawn = [], []
        for _ in range(RUNS):
            with shown(browser, path) as screen:
                drawn.append(float(screen.page.wait_for_function(_DRAWN).json_value()))
                redrawn.append(float(screen.page.evaluate(_REDRAWN)))
    first, later = statistics.median(drawn), statistics.median(redrawn)
    told = (
        f"size {len(text):,} bytes (at most {MOST_BYTES:,})\n"
        f"drawn in {first:.2f} s, all 400 days in {later:.2f} s (at most {MOST_SECONDS} s)\n"
    )
    sys.stdout.write(told)
    if len(text) > MOST_BYTES or max(first, later) > MOST_SECONDS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
