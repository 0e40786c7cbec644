"""Times the ledger on a Redis of its own: `python -m tests.bench.ledger`.

Eight processes record as fast as they can, one message a call, and every count has to be there. Then a client asks its
guard, with eight workspaces, three models each and the three hours before: while nothing is counted in between, and
while every workspace has a new message before each question, which is not timed itself.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.ledger.guarded import GuardedVerdict
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.ledger import Ledger
from budget_gate.sources.ledger.client import Client
from tests.helpers.ledgers import write_verdict
from tests.helpers.redis import Server, server

PROCESSES: Final = 8
RECORDS: Final = 2_500
QUESTIONS: Final = 1_000
MODELS: Final = ("claude-opus-4-8", "claude-sonnet-4-5", "claude-haiku-4-5")
USAGE: Final[dict[str, Any]] = {
    "input_tokens": 500,
    "output_tokens": 700,
    "cache_read_input_tokens": 30_000,
    "cache_creation_input_tokens": 40,
    "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 0},
    "service_tier": "standard",
    "inference_geo": "global",
}
# What one of the processes does once it is told to begin, which is when all of them are there.
CLIENT: Final = f"""\
import sys, time
from budget_gate.ledger import Ledger
url, number = sys.argv[1:]
ledger = Ledger.from_url(url)
ledger.record({{"usage": {USAGE!r}, "model": "claude-opus-4-8", "id": f"msg_{{number}}"}})
print(flush=True)
sys.stdin.read(1)
began = time.process_time()
for each in range({RECORDS}):
    ledger.record(
        {{"usage": {USAGE!r}, "model": "claude-opus-4-8", "id": f"msg_{{number}}_{{each}}"}},
        workspace=f"team-{{number}}",
    )
print(time.process_time() - began)
"""


def recorded(redis: Server) -> tuple[float, float]:
    """Records a second of all processes together, and seconds of processor time that each takes, that of Redis included.

    Fails where one count is missing.
    """
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, redis.url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    for client in clients:
        assert client.stdout
        client.stdout.readline()
    processor = -processor_time(redis)
    started = time.perf_counter()
    for client in clients:
        assert client.stdin
        client.stdin.write(b".")
        client.stdin.flush()
    for client in clients:
        assert client.wait() == 0
        assert client.stdin
        client.stdin.close()
    seconds = time.perf_counter() - started
    processor += processor_time(redis)
    for client in clients:
        assert client.stdout
        processor += float(client.stdout.read())
        client.stdout.close()
    counted = 0
    for key in redis.keys_like("*team-*:counts:*"):
        fields = redis.ask("HGETALL", key)
        counted += sum(int(value) for name, value in fields.items() if "|output" in name)
    assert counted == PROCESSES * RECORDS * USAGE["output_tokens"], counted
    return PROCESSES * RECORDS / seconds, processor / PROCESSES / RECORDS


def processor_time(redis: Server) -> float:
    """Seconds of processor time that the server took up to now."""
    told = redis.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def guarded(redis: Server, *, is_idle: bool) -> float:
    """Milliseconds of a question to the guard, at the median."""
    now = datetime.now(UTC)
    workspaces = tuple(Workspace(f"wrkspc_{it}", f"team-{it}") for it in range(PROCESSES))
    cost = Bounds.exactly(Decimal("12.34"))
    lines = tuple(
        SpendLine(it.id, now.date().replace(day=1), model, cost, "list")
        for it in workspaces
        for model in MODELS
    )
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    verdict = GuardedVerdict(now, since, lines, workspaces, {})
    write_verdict(Client.at(redis.url), json.dumps(verdict.to_json()))
    ledger = Ledger.from_url(redis.url)
    for workspace in workspaces:
        for model in MODELS:
            ledger.record(USAGE, model=model, workspace=workspace.name)
        for before in range(1, 4):
            hours = [since + timedelta(hours=it) for it in (3, 3 - before)]
            keys = [
                f"budget-gate:{{ws:{workspace.name}}}:counts:{it.timestamp():.0f}" for it in hours
            ]
            redis.ask("COPY", *keys)
    with tempfile.TemporaryDirectory() as folder:
        policy = Path(folder, "budget.yml")
        caps = "".join(f"  {it.name}: {{cap: 100000}}\n" for it in workspaces)
        policy.write_text(f"version: 1\nglobal: {{cap: 1000000}}\nworkspaces:\n{caps}")
        times = []
        for _ in range(QUESTIONS):
            for workspace in () if is_idle else workspaces:
                ledger.record(USAGE, model=MODELS[0], workspace=workspace.name)
            started = time.perf_counter()
            ledger.guard(policy, workspace="team-1", model=MODELS[0])
            times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) * 1000


def main() -> int:
    """Prints both; 1 where one is not within its bound."""
    with server() as redis:
        rate, processor = max(recorded(redis) for _ in _emptied(redis))
        idle, busy = (guarded(redis, is_idle=it) for it in (True, False))
    sys.stdout.write(
        f"record, {PROCESSES} processes: {rate:,.0f} a second (10,000 at least), "
        f"{processor * 1e6:.0f} µs of processor time each\n"
        f"guard, nothing new: {idle:.2f} ms at the median (1 ms at most)\n"
        f"guard, all {PROCESSES} workspaces new: {busy:.2f} ms at the median (1 ms at most)\n"
    )
    return 0 if rate >= 10_000 and idle <= 1 and busy <= 1 else 1


def _emptied(redis: Server) -> "Any":
    for _ in range(3):
        redis.ask("FLUSHALL")
        yield


if __name__ == "__main__":
    sys.exit(main())
