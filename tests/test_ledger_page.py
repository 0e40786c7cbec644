"""What docs/ledger.md says, held to the program and to a real Redis."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.ledger.guarded import GuardedVerdict
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.ledger import BudgetExceeded, Ledger, LedgerError
from budget_gate.sources.ledger.client import Client
from tests.helpers.ledgers import (
    COUNTS,
    INPUT,
    MODEL,
    OUTPUT,
    message,
    read_counts,
    total,
    write_verdict,
)
from tests.helpers.pages import BLOCKS, PAGES, table
from tests.helpers.redis import Server, server
from tests.helpers.running import Here

PAGE = "docs/ledger.md"
TEN_LINES, JOB, SHELL, ACCOUNT = (
    next(it.text for it in BLOCKS if it.page == PAGE and it.text.startswith(begin))
    for begin in ("import os\n", "with ledger.reserve", "budget-gate ledger", "ACL SETUSER")
)
POLICY = "version: 1\nworkspaces: {production: {cap: 60}, evals: {cap: 300}}\n"


def verdict(spent: str = "50") -> str:
    """A verdict by which production has spent so much this month."""
    now = datetime.now(UTC)
    line = SpendLine("wrkspc_1", now.date(), MODEL, Bounds.exactly(Decimal(spent)), "list")
    workspaces = (Workspace("wrkspc_1", "production"), Workspace("wrkspc_2", "evals"))
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    return json.dumps(GuardedVerdict(now, since, (line,), workspaces, {}).to_json())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an application runs, beside its policy."""
    (tmp_path / "budget.yml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def application(
    folder: Path, ledger_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Any]]:
    """What the ten lines define, with a client of the vendor's that answers a message of $25 from no network."""
    import anthropic
    import httpx2  # what the vendor's client is made of

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200,
            json={
                **message("msg_1", output_tokens=1_000_000, inference_geo="global"),
                "role": "assistant",
                "content": [],
                "stop_reason": "end_turn",
            },
        )

    assert (folder / "budget.yml").exists()
    monkeypatch.setenv("BUDGET_GATE_LEDGER", ledger_server.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "EXAMPLE")
    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        Ledger.from_url(ledger_server.url) as ledger,
    ):
        make = anthropic.Anthropic
        monkeypatch.setattr("anthropic.Anthropic", lambda: make(http_client=http))
        names: dict[str, Any] = {}
        exec(TEN_LINES, names)  # noqa: S102 - the page's own block
        names["ledger"].close()
        names["ledger"] = ledger
        yield names


def test_the_ten_lines_count_and_stop(application: dict[str, Any], ledger_server: Server) -> None:
    """The first message of $25 goes at $50 of $60, the second is stopped before it is sent."""
    ledger_server.ask("SET", "budget-gate:verdict", verdict())
    request = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}

    assert application["ask"](**request).id == "msg_1"
    assert total(ledger_server, "production")[OUTPUT.replace("||", "|global|")] == 1_000_000
    with pytest.raises(BudgetExceeded):
        application["ask"](**request)
    assert len([line for line in TEN_LINES.splitlines() if line]) == 10


def test_the_job_settles_what_it_holds(application: dict[str, Any], ledger_server: Server) -> None:
    """Of $250, $100 and $30 are spent: $120 are held before the last part, and nothing at the end."""
    client = Client.at(ledger_server.url)
    write_verdict(client, verdict())
    held = []

    def run(part: str) -> str:
        held.append(read_counts(client, datetime.now(UTC)).holds["evals"])
        return part

    exec(JOB, {**application, "parts": ["100", "30", "7.50"], "run": run})  # noqa: S102 - the page's own block

    assert held == [Decimal(250), Decimal(150), Decimal(120)]
    assert read_counts(client, datetime.now(UTC)).holds == {}
    client.close()


def test_the_shell_lines_count_and_show(here: Here, ledger_server: Server) -> None:
    """As they stand on the page."""
    here.program.write(json.dumps(message()), "messages.jsonl")
    here.set({"BUDGET_GATE_LEDGER": ledger_server.url})

    runs = [here.main(*shlex.split(line)[1:]) for line in SHELL.strip().splitlines()]

    assert [run.code for run in runs] == [0, 0]
    assert "  production, claude-opus-4-8: 10 input, 20 output\n" in runs[1].stdout


def test_the_user_of_the_page_can_do_all_and_no_more(folder: Path) -> None:
    """It counts, holds, guards, reads and keeps a verdict; another key, or another command, is refused."""
    with server() as one:
        one.ask(*shlex.split(ACCOUNT))
        url = one.url.replace("redis://", "redis://counter:CHANGE-THIS@")
        client = Client.at(url)
        write_verdict(client, verdict())
        with Ledger.from_url(url) as ledger:
            assert ledger.record(message(), workspace="production") is True
            with ledger.reserve(5) as hold:
                hold.settle(1)
                ledger.guard(folder / "budget.yml", workspace="production")
        assert read_counts(client, datetime.now(UTC)).hours
        client.close()
        for command in (("SET", "other", "1"), ("FLUSHALL",), ("KEYS", "*")):
            with pytest.raises(Exception, match="permission"):
                asked_as(url, *command)


def asked_as(url: str, *command: str) -> None:
    """Asks something by the driver alone, as the user of a URL."""
    import redis

    with redis.Redis.from_url(url) as client:
        client.execute_command(*command)


def test_keys_are_those_of_the_table(ledger_server: Server) -> None:
    """Each key that a message, a hold and a verdict leave is a row, and each row is one of them."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record(message(), workspace="NAME", message_id="ID")
        ledger.reserve(5, workspace="NAME")
    client = Client.at(ledger_server.url)
    write_verdict(client, verdict())
    client.close()

    found = {
        re.sub("[0-9]{10}", "EPOCH", key).replace("msg_01EXAMPLE", "ID")
        for key in ledger_server.keys_like()
    }

    assert found == {*table(PAGE, "key")}


def test_holds_of_a_job_that_was_killed_end_by_hand(ledger_server: Server) -> None:
    """By the command that the page gives to whoever is on call."""
    (told,) = re.findall("`redis-cli (.*?)`", PAGES[PAGE])
    command, key = shlex.split(told)
    client = Client.at(ledger_server.url)
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.reserve(250, workspace="evals")
        ledger.reserve(5, workspace="production")

    ledger_server.ask(command, key)

    assert read_counts(client, datetime.now(UTC)).holds == {"production": Decimal(5)}
    client.close()


def test_what_is_seen_is_what_the_program_says(here: Here, folder: Path) -> None:
    """The errors and the note of the page's table, as somebody on call will search for them."""
    seen = " ".join(table(PAGE, "you see"))
    with server() as one, Ledger.from_url(one.url) as ledger:
        with pytest.raises(LedgerError) as without:
            ledger.guard(folder / "budget.yml", workspace="production")
        one.ask("SET", "budget-gate:verdict", verdict("68.94"))
        with pytest.raises(BudgetExceeded) as above:
            ledger.guard(folder / "budget.yml", workspace="production")
    stopped = here.main("ledger", "show", environment={"BUDGET_GATE_LEDGER": one.url})

    assert "cannot be reached" in stopped.stderr
    assert "cannot be reached" in seen
    assert without.value.message in seen
    assert str(above.value).startswith("production: $68.94 of its $60.00 cap")
    assert re.search(r"BudgetExceeded: [a-z-]+: \$68\.94 of its \$20\.00 cap", seen)


def test_what_the_table_of_record_names_is_taken(ledger_server: Server) -> None:
    """Usage with its model, and that of a stream's last event with what it lacks."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record(COUNTS, model=MODEL, message_id="msg_1")
        delta = {"input_tokens": 10, "output_tokens": 20}
        kind = {"service_tier": "standard", "inference_geo": "us", "speed": "standard"}
        ledger.record(delta, model=MODEL, **kind)

    assert total(ledger_server) == {
        INPUT: 10,
        OUTPUT: 20,
        INPUT.replace("||", "|us|"): 10,
        OUTPUT.replace("||", "|us|"): 20,
    }
    rows = " ".join(f"{given} {counted}" for given, (counted,) in table(PAGE, "given").items())
    for name in ("model", "message_id", *kind):
        assert f"{name}=" in rows


def test_the_page_names_what_there_is() -> None:
    """The public names, and the time limits that a URL may set."""
    import budget_gate.ledger as public

    for name in ("Ledger", "AsyncLedger", "BudgetExceeded", "LedgerError"):
        assert name in public.__all__
        assert f"`{name}" in PAGES[PAGE]
