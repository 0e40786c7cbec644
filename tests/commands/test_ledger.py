"""The command ledger: messages of a file are counted once, and shown."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from budget_gate.ledger import Ledger
from tests.helpers.ledgers import INPUT, OUTPUT, everything, hours, message, total
from tests.helpers.redis import Server, server
from tests.helpers.reports import HOSTILE
from tests.helpers.running import Here, Run
from tests.helpers.surface import environment
from tests.helpers.wording import assert_says

FILE = ("ledger", "record", "--file", "messages.jsonl")


@pytest.fixture
def there(here: Here, ledger_server: Server) -> Here:
    """The program with an empty ledger."""
    here.set({"BUDGET_GATE_LEDGER": ledger_server.url})
    return here


def record(here: Here, *lines: Any, flags: tuple[str, ...] = ()) -> Run:
    """A run that records a file of these lines, as they are or as JSON."""
    told = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    here.program.write("".join(f"{line}\n" for line in told), "messages.jsonl")
    return here.main(*FILE, *flags)


def result(kind: str, **more: Any) -> dict[str, Any]:
    """A line of a batch's results."""
    return {"custom_id": "one", "result": {"type": kind, **more}}


def test_messages_of_a_file_are_counted_once(there: Here, ledger_server: Server) -> None:
    """A second run of the same file changes nothing, and says so."""
    lines = [message("msg_1"), "", message("msg_2"), message("msg_1")]

    first = record(there, *lines)
    second = record(there, *lines)

    assert (first.code, first.stderr, second.code, second.stderr) == (0, "", 0, "")
    assert_says(first.stdout, "messages: 3 (2 new, 1 already counted)", "redis://127.0.0.1:")
    assert_says(second.stdout, "messages: 3 (0 new, 3 already counted)")
    assert total(ledger_server) == {INPUT: 20, OUTPUT: 40}


def test_results_of_a_batch_are_counted(there: Here, ledger_server: Server) -> None:
    """Those that came to a message, at the tier of a batch; the others cost nothing."""
    done = result("succeeded", message=message("msg_1", service_tier="batch"))
    unbilled = [result(it) for it in ("errored", "canceled", "expired")]

    run = record(there, done, *unbilled)

    assert_says(run.stdout, "messages: 1", "which cost nothing: 3")
    assert total(ledger_server) == {
        name.replace("standard", "batch", 1): count for name, count in ((INPUT, 10), (OUTPUT, 20))
    }


def test_a_workspace_is_that_of_the_line_or_of_the_flag(there: Here, ledger_server: Server) -> None:
    """Without both it is the default workspace."""
    named = {**message("msg_1"), "workspace": "evals"}
    record(there, named, message("msg_2"), flags=("--workspace", "production"))
    record(there, message("msg_3"))

    assert {tag for tag, _ in hours(ledger_server)} == {"{ws:evals}", "{ws:production}", "{ws:}"}


def test_a_line_may_name_the_default_workspace(there: Here, ledger_server: Server) -> None:
    """Whatever workspace the flag has for the others."""
    named = {**message("msg_1"), "workspace": "default"}
    record(there, named, message("msg_2"), flags=("--workspace", "production"))

    assert total(ledger_server) == {INPUT: 10, OUTPUT: 20}
    assert total(ledger_server, "production") == {INPUT: 10, OUTPUT: 20}


def test_a_workspace_that_can_be_none_is_exit_2(there: Here) -> None:
    """No name is that long."""
    run = there.main("ledger", "record", "--file", "-", "--workspace", "w" * 257)

    assert run.code == 2
    assert_says(run.stderr, "--workspace", "256 characters")


def test_more_messages_than_go_in_one_round_trip(there: Here, ledger_server: Server) -> None:
    """A thousand messages are all counted."""
    run = record(there, *(message(f"msg_{it}") for it in range(1000)))

    assert_says(run.stdout, "messages: 1000 (1000 new, 0 already counted)")
    assert total(ledger_server) == {INPUT: 10_000, OUTPUT: 20_000}


def test_messages_may_come_by_stdin(there: Here, ledger_server: Server) -> None:
    """As a pipe brings them."""
    there.patch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(message()).encode() + b"\n"))
    )

    assert there.main("ledger", "record", "--file", "-").code == 0
    assert total(ledger_server) == {INPUT: 10, OUTPUT: 20}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "no JSON"),
        ('{"id": 1, "id": 2}', "twice"),
        ([message()], "no object"),
        ({"error": {"type": "overloaded_error"}}, "no message"),
        (result("succeeded"), "no message"),
        (result("new_kind"), "no message"),
        ({**message(), "usage": {"input_tokens": 1}}, "output_tokens"),
        ({**message(), "model": None}, "which model"),
        ({**message(), "id": None}, "no id"),
        ({**message(), "workspace": ""}, "workspace"),
        ({**message(), "workspace": "w" * 257}, "workspace"),
        ({**message(), "usage": {**message()["usage"], "video_tokens": 4}}, "video_tokens"),
    ],
)
def test_a_line_that_cannot_be_counted_counts_nothing(
    there: Here, ledger_server: Server, line: Any, why: str
) -> None:
    """Its place and what to do are said, the exit code is 3, and no line before it is counted."""
    run = record(there, message("msg_before"), line)

    assert (run.code, run.stdout) == (3, "")
    assert_says(run.stderr, "messages.jsonl:2", why)
    assert everything(ledger_server) == {}


def test_a_file_that_is_missing_is_exit_2(there: Here) -> None:
    """Its name is said, and which flag names it."""
    run = there.main(*FILE)

    assert run.code == 2
    assert_says(run.stderr, "messages.jsonl cannot be read", "--file")


@pytest.mark.parametrize("action", [FILE, ("ledger", "show")])
def test_a_ledger_is_to_be_named(here: Here, action: tuple[str, ...]) -> None:
    """Without a URL nothing is decided."""
    run = here.main(*action)

    assert run.code == 2
    assert_says(run.stderr, "no ledger is named", "--ledger redis://", "BUDGET_GATE_LEDGER")


@pytest.mark.parametrize("action", [FILE, ("ledger", "show")])
def test_a_redis_that_is_down_is_exit_3(here: Here, action: tuple[str, ...]) -> None:
    """The password of its URL stands nowhere."""
    here.program.write(json.dumps(message()), "messages.jsonl")
    run = here.main(*action, "--ledger", "redis://:EXAMPLE-s3cret@127.0.0.1:9")

    assert (run.code, run.stdout) == (3, "")
    assert_says(run.stderr, "redis://127.0.0.1:9/0", "cannot be reached")
    assert "EXAMPLE" not in run.stderr


@pytest.mark.parametrize("url", ["redis://:EXAMPLE-s3@cret@127.0.0.1", "http://:EXAMPLE-s3cret@h"])
def test_a_url_that_is_none_is_exit_2(step: Here, url: str) -> None:
    """In a step of GitHub Actions as well, no part of its password is shown."""
    run = step.main("ledger", "show", environment={"BUDGET_GATE_LEDGER": url})

    assert run.code == 2
    assert not re.search(
        "EXAMPLE(?!-s3@?cret$)|cret", re.sub("::add-mask::.*", "", run.stderr + run.stdout)
    )


def test_a_wrong_password_is_exit_3(here: Here) -> None:
    """What Redis says is passed on, without the password."""
    with server(password="EXAMPLE-s3cret") as one:
        url = one.url.replace("s3cret", "wrong-one")
        run = here.main("ledger", "show", environment={"BUDGET_GATE_LEDGER": url})

    assert run.code == 3
    assert_says(run.stderr, "refuses the user or the password")
    assert "EXAMPLE" not in run.stderr


def test_what_is_counted_is_shown(there: Here, ledger_server: Server) -> None:
    """By hour, workspace and model, with what is reserved and the clock of Redis."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record(message("msg_1", cache_read_input_tokens=1234567), workspace="production")
        ledger.record(message("msg_2"))
        ledger.reserve("12.50", workspace="production")

        run = there.main("ledger", "show")

    assert (run.code, run.stderr) == (0, "")
    assert_says(run.stdout, "Ledger redis://127.0.0.1:", "UTC by its own clock")
    assert "  default workspace, claude-opus-4-8: 10 input, 20 output\n" in run.stdout
    assert (
        "  production, claude-opus-4-8: 10 input, 1,234,567 cache read, 20 output\n" in run.stdout
    )
    assert "Reserved for production: $12.50\n" in run.stdout


def test_an_empty_ledger_is_shown_as_one(there: Here) -> None:
    """Nothing counted and nothing reserved are said, and are no error."""
    run = there.main("ledger", "show")

    assert run.code == 0
    assert_says(run.stdout, "Nothing was counted", "Nothing is reserved")


@pytest.mark.parametrize(
    ("limit", "policy", "is_said"),
    [
        ("100mb", "allkeys-lru", True),
        ("100mb", "volatile-ttl", True),
        ("100mb", "noeviction", False),
        ("0", "allkeys-lru", False),
    ],
)
def test_a_redis_that_may_drop_counts_is_a_warning(
    here: Here, limit: str, policy: str, *, is_said: bool
) -> None:
    """What is full and drops keys by itself would show a smaller number without a word."""
    with server("--maxmemory", limit, "--maxmemory-policy", policy) as one:
        run = here.main("ledger", "show", "--ledger", one.url)

    assert run.code == 0
    if is_said:
        assert_says(run.stderr, f"maxmemory-policy of this Redis is {policy}", "noeviction")
    else:
        assert run.stderr == ""


def test_a_user_who_may_not_ask_for_that_is_shown_the_counts(here: Here) -> None:
    """The user of docs/ledger.md sees no settings of Redis."""
    with server() as one:
        allowed = ("~*", "+hgetall", "+smembers", "+time")
        one.ask("ACL", "SETUSER", "reader", "on", ">EXAMPLE-pw", *allowed)
        url = one.url.replace("redis://", "redis://reader:EXAMPLE-pw@")
        run = here.main("ledger", "show", "--ledger", url)

    assert (run.code, run.stderr) == (0, "")


def test_only_the_hours_that_are_asked_for_are_shown(there: Here, ledger_server: Server) -> None:
    """The last three, unless more are asked for."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record(message())
    ((_, hour),) = hours(ledger_server)
    keys = [f"budget-gate:{{ws:}}:counts:{it}" for it in (hour, hour - 5 * 3600)]
    ledger_server.ask("RENAME", *keys)

    assert "Nothing was counted" in there.main("ledger", "show").stdout
    assert "10 input" in there.main("ledger", "show", "--hours", "7").stdout
    assert there.main("ledger", "show", "--hours", "0").code == 2
    assert there.main("ledger", "show", "--hours", "337").code == 2


@pytest.mark.parametrize("name", [name for name in HOSTILE if name])
def test_names_of_the_ledger_stay_text(there: Here, ledger_server: Server, name: str) -> None:
    """Whatever a client calls its workspace or its model, it begins no line of its own."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record({**message(), "model": name[:250]}, workspace=name[:250])

    run = there.main("ledger", "show")

    assert run.code == 0
    assert len(run.stdout.splitlines()) == 6
    assert "\x1b" not in run.stdout


def test_the_extra_that_is_missing_is_named(here: Here, ledger_server: Server) -> None:
    """Without the driver there is one error with the line that installs it; nothing else needs it."""
    block = "import sys; sys.modules['redis'] = None; from budget_gate.cli import main; "
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{block}sys.exit(main(['ledger', 'show', '--ledger', '{ledger_server.url}']))",
        ],
        cwd=Path(here.program.folder),
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    assert_says(run.stderr, "needs the package redis", 'pip install "redis>=5"')
