"""Eight processes at once, one of which is killed: no count is lost, half written or doubled."""

import json
import os
import subprocess
import sys

from tests.helpers.ledgers import INPUT, OUTPUT, message, total
from tests.helpers.redis import Server
from tests.helpers.surface import environment

PROCESSES = 8
EACH = 150
# Says each id that was counted, once that is known; every third message is sent by two of them.
CLIENT = f"""\
import itertools, sys
from budget_gate.ledger import Ledger
url, number, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
message = {json.dumps(message())}
with Ledger.from_url(url) as ledger:
    for each in itertools.islice(itertools.count(), most or None):
        message["id"] = f"msg_{{number // 2 if each % 3 == 0 else number}}_{{each}}_{{each % 3}}"
        ledger.record(message, workspace="production")
        print(message["id"], flush=True)
"""


def start(one: Server, number: int, most: int) -> "subprocess.Popen[str]":
    """A process that records so many messages, or for ever where it is 0."""
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, one.url, str(number), str(most)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_counts_are_exact_while_one_is_killed(ledger_server: Server) -> None:
    """Each message that was counted is there whole, once; of the one that was killed at most one more is."""
    clients = [start(ledger_server, number, EACH) for number in range(PROCESSES - 1)]
    victim = start(ledger_server, PROCESSES, 0)
    assert victim.stdout
    said = [victim.stdout.readline().strip() for _ in range(40)]
    os.kill(victim.pid, 9)
    rest, _ = victim.communicate()
    assert victim.returncode == -9
    # The last line may have been cut off.
    said += [line for line in rest.split("\n")[:-1] if line]
    for client in clients:
        out, _ = client.communicate()
        assert client.returncode == 0
        said += out.split()

    prefix = "budget-gate:{ws:production}:message:"
    kept = {key.removeprefix(prefix) for key in ledger_server.keys_like(f"{prefix}*")}
    assert set(said) <= kept
    assert len(kept - set(said)) <= 1
    assert len(set(said)) < len(said)
    assert total(ledger_server, "production") == {INPUT: 10 * len(kept), OUTPUT: 20 * len(kept)}
