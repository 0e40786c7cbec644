"""Measures checks of large months against decoding the same bytes: `python -m tests.bench.large`.

Both sides are whole processes, less one that only imports what they do, and neither looks for garbage. Compared are
instructions, counted by valgrind, where that is installed and the month not too large for it, and elsewhere the
processor time of pairs that run in turn.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.measuring import HAS_VALGRIND, row, serving, show, used
from tests.world.loopback import (
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.loopback_query import epoch, rfc_3339
from tests.world.organizations import variants

AS_OF: Final = datetime(2026, 11, 30, 16, 25, tzinfo=UTC)
_MONTH: Final = datetime(2026, 11, 1, tzinfo=UTC)
_TODAY: Final = datetime(2026, 11, 30, tzinfo=UTC)
_NEXT_HOUR: Final = datetime(2026, 11, 30, 17, tzinfo=UTC)
_SECONDS: Final = {"1d": 86_400, "1h": 3_600}
_USAGE: Final = "/v1/organizations/usage_report/messages"
_WORKSPACES: Final = [f"wrkspc_01EXAMPLE{number:06d}" for number in range(400)]
# Its price depends on the prompt's length, which is asked for apart, and would be another answer.
_ASKED_TWICE: Final = "claude-haiku-5-5"

# `budget_gate` on a day when AS_OF is now, whenever this runs; without arguments its imports alone.
_CHECK: Final = f"""\
import runpy, sys
from datetime import datetime
from budget_gate import cli
if sys.argv[1:]:
    cli._utc_now = lambda: datetime.fromisoformat({AS_OF.isoformat()!r})
    runpy.run_module("budget_gate", run_name="__main__", alter_sys=True)
else:
    import gc
    gc.disable()
    import budget_gate.commands.check
"""
_LOADS: Final = """\
import gc, json, sys
gc.disable()
for path in sys.argv[1:]:
    json.loads(open(path, "rb").read())
"""


class Month(NamedTuple):
    """About how many rows a month has, and how often as much as decoding it a check may take."""

    rows: int
    most: float
    is_counted: bool


MONTHS: Final = (
    Month(200_000, 1.3, is_counted=True),
    Month(200_000, 1.3, is_counted=False),
    Month(1_000_000, 1.4, is_counted=False),
)
MOST_MEMORY: Final = 1.3


def encoded_rows(rows: int) -> Iterator[str]:
    """So many rows of a day, encoded as the API does, that differ in what they are grouped by."""
    kinds = dict.fromkeys(
        variant._replace(context_window="")
        for variant in chain.from_iterable(variants(AS_OF.date()).values())
        if variant.model != _ASKED_TWICE
    )
    dimensions = [{**kind._asdict(), "context_window": None} for kind in kinds]
    for number in range(rows):
        turn, workspace = divmod(number, len(_WORKSPACES))
        yield json.dumps(
            {
                "uncached_input_tokens": 1_000_000 + number,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": number % 3_000,
                    "ephemeral_5m_input_tokens": number % 4_000,
                },
                "cache_read_input_tokens": 10_000_000 + number,
                "output_tokens": 500 + number % 2_000,
                "server_tool_use": {"web_search_requests": number % 3},
                "workspace_id": _WORKSPACES[workspace],
                "api_key_id": None,
                **dimensions[turn],
            },
            separators=(",", ":"),
        )


def answer(rows: str, start: datetime, end: datetime, width: str) -> bytes:
    """The report of a span, with the same rows on each day of the month: today's in its first hour."""
    buckets = []
    for at in range(epoch(start), epoch(end), _SECONDS[width]):
        has_rows = at >= epoch(_MONTH) and at % _SECONDS["1d"] == 0
        ends = at + _SECONDS[width]
        buckets.append(
            f'{{"starting_at":"{rfc_3339(at)}","ending_at":"{rfc_3339(ends)}",'
            f'"results":[{rows if has_rows else ""}]}}'
        )
    return f'{{"data":[{",".join(buckets)}],"has_more":false,"next_page":null}}'.encode()


def serve(path: str) -> None:
    """Serves such a month until killed, with the rows of the file; its address goes to stdout."""
    rows = Path(path).read_text(encoding="utf-8")

    def intercept(request: Request, _: int) -> Response | None:
        if request.path != _USAGE:
            return None
        asked = dict(request.query)
        start, end = (datetime.fromisoformat(asked[it]) for it in ("starting_at", "ending_at"))
        return Response(200, answer(rows, start, end, asked["bucket_width"]))

    owners = [Workspace(id_, f"team {id_[-4:]}") for id_ in _WORKSPACES]
    with LoopbackAPI(Organization([], owners), now=AS_OF, intercept=intercept) as api:
        sys.stdout.write(f"{api.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


def measure(month: Month, folder: Path, runs: int = 5) -> list[str]:
    """The rows of the table about a month, as Markdown."""
    is_counted = month.is_counted and HAS_VALGRIND
    pages = [folder / "days.json", folder / "hours.json"]
    policy, rows = folder / "budget.yml", folder / "rows.json"
    policy.write_text("version: 1\nglobal: {cap: 1000000000}\n", encoding="utf-8")
    rows.write_text(",".join(encoded_rows(month.rows // AS_OF.day)), encoding="utf-8")
    text = rows.read_text(encoding="utf-8")
    pages[0].write_bytes(answer(text, _MONTH, _TODAY, "1d"))
    pages[1].write_bytes(answer(text, _TODAY, _NEXT_HOUR, "1h"))
    imports = [sys.executable, "-c", _CHECK]
    check = [*imports, "check", "--policy", str(policy), "--deadline", "3600"]
    bare = [sys.executable, "-c", _LOADS]
    loads = [*bare, *map(str, pages)]
    serve_rows = "import sys; from tests.bench.large import serve; serve(sys.argv[1])"
    with serving("-c", serve_rows, str(rows)) as url:
        environment = {**os.environ, "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY, "ANTHROPIC_BASE_URL": url}
        found = [
            [used(it, environment, is_counted=is_counted) for it in (check, imports, loads, bare)]
            for _ in range(1 if is_counted else runs)
        ]
    ours = [whole.work - start.work for whole, start, _, _ in found]
    theirs = [whole.work - start.work for _, _, whole, start in found]
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    unit, scale = ("M instructions", 1e-6) if is_counted else ("ms", 1e3)
    shown = [f"{statistics.median(it) * scale:,.0f} {unit}" for it in (ours, theirs)]
    name = f"`check`, {month.rows:,} rows / `json.loads`, both less their imports"
    table = [row(name, shown, ratio, month.most)]
    if not is_counted:
        peaks = [(it[0].mebibytes, it[2].mebibytes) for it in found]
        ours, theirs = (list(side) for side in zip(*peaks, strict=True))
        ratio = statistics.median(one / other for one, other in peaks)
        shown = [f"{statistics.median(it):,.0f} MiB" for it in (ours, theirs)]
        table.append(row("the same, peak memory", shown, ratio, MOST_MEMORY))
    return table


def rows() -> Iterator[str]:
    """The rows of the table, as Markdown."""
    for month in MONTHS:
        with tempfile.TemporaryDirectory() as folder:
            yield from measure(month, Path(folder))


if __name__ == "__main__":
    show(rows())
