"""Times an export of 13 months against reading and pricing alone: `python -m tests.bench.export`.

It is of 200 workspaces and 10 models, 792,000 rows. The API's answers are made month by month, which is not counted:
what counts is from their bytes to prices, and on to a CSV in a file. Each side has a process of its own.
"""

import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from budget_gate.delivery.files import write_whole
from budget_gate.domain.daily import daily
from budget_gate.domain.period import DAY, Period, format_instant
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Coverage
from budget_gate.domain.usage import Usage, UsageTable, add
from budget_gate.outputs.rows.csv import render_csv, render_csv_head
from budget_gate.sources.api.usage_page import read_page
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.strict_json import decode

MONTHS: Final = 13
WORKSPACES: Final = [f"wrkspc_01EXAMPLE{number:08d}" for number in range(200)]
NAMES: Final[dict[str | None, str]] = {id_: f"team {id_[-4:]}" for id_ in WORKSPACES}
# All that had a price on every day of the period; usage has an id, or another name of the model.
MODELS: Final = (
    "claude-3-5-sonnet-20241022",
    "claude-3-7-sonnet-20250219",
    "claude-3-opus-20240229",
    "claude-3-5-haiku-20241022",
    "claude-3-haiku-20240307",
    "claude-opus-4-20250514",
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-20250514",
    "claude-sonnet-4-5-20250929",
    "claude-sonnet-4-5",
)


class Figures(NamedTuple):
    """Seconds of processor time, and MiB at most."""

    seconds: float
    mebibytes: float


START: Final = datetime(2025, 10, 1, tzinfo=UTC)
END: Final = datetime(2026, 11, 1, tzinfo=UTC)


def answer(period: Period) -> bytes:
    """A page of the usage report with a row for each day, workspace and model."""
    buckets = [
        {
            "starting_at": format_instant(start),
            "ending_at": format_instant(start + DAY),
            "results": [
                {
                    "workspace_id": workspace,
                    "model": model,
                    "service_tier": "standard",
                    "context_window": None,
                    "inference_geo": "global",
                    "speed": "standard",
                    "api_key_id": None,
                    "uncached_input_tokens": 1_234_567 + number,
                    "cache_creation": {
                        "ephemeral_5m_input_tokens": 5_000,
                        "ephemeral_1h_input_tokens": 300,
                    },
                    "cache_read_input_tokens": 7_654_321,
                    "output_tokens": 98_765,
                    "server_tool_use": {"web_search_requests": number % 7},
                }
                for number, workspace in enumerate(WORKSPACES)
                for model in MODELS
            ],
        }
        for start in period.steps(DAY)
    ]
    return json.dumps({"data": buckets, "has_more": False, "next_page": None}).encode()


def priced(raw: bytes, period: Period, book: PriceBook) -> PricedUsage:
    """A page, read and priced."""
    table: UsageTable = {}
    for bucket in read_page(decode(raw, "a page"), "a page").buckets:
        add(table, bucket.usage())
    coverage = Coverage(period.end, len(period.steps(DAY)), open_day=False)
    return price(Usage(table, None, coverage), book)


def run(count: int, *, exports: bool) -> Figures:
    """What it takes for the last so many months."""
    # As the program does.
    gc.disable()
    book = PriceBook(load_price_book())
    seconds = 0.0

    def parts() -> Iterator[str]:
        nonlocal seconds
        yield render_csv_head()
        for period in Period(START, END).months()[-count:]:
            raw = answer(period)
            made = time.process_time()
            rows = priced(raw, period, book)
            if exports:
                yield render_csv(daily(rows, list_spend(rows, unknown_model="fail")), NAMES)
            seconds += time.process_time() - made

    with tempfile.TemporaryDirectory() as folder:
        write_whole(Path(folder, "usage.csv"), parts())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(seconds, peak)


def apart(count: int, *, exports: bool) -> Figures:
    """The same in a process of its own."""
    call = f"from tests.bench.export import run; print(*run({count}, exports={exports}))"
    told = subprocess.check_output([sys.executable, "-c", call], encoding="utf-8")
    return Figures(*map(float, told.split()))


def main() -> None:
    """Prints rows of the table as Markdown."""
    runs = [(apart(MONTHS, exports=True), apart(MONTHS, exports=False)) for _ in range(5)]
    ours, theirs = (
        statistics.median(it.seconds for it in side) for side in zip(*runs, strict=True)
    )
    ratio = statistics.median(one.seconds / other.seconds for one, other in runs)
    few = apart(2, exports=True).mebibytes
    most = statistics.median(one.mebibytes for one, _ in runs)
    sys.stdout.write(
        f"| `export`, 792,000 rows, without requests / reading and pricing alone | {ours:,.1f} s "
        f"| {theirs:,.1f} s | {ratio:.2f} | 3 |\n"
        f"| the same, peak memory / that of 2 months | {most:,.0f} MiB | {few:,.0f} MiB "
        f"| {most / few:.2f} | 1.3 |\n"
    )


if __name__ == "__main__":
    main()
