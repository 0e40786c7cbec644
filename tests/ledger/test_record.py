"""Recording: what comes to be in Redis, once and whole, and what is said where it does not."""

import logging
import os
import threading
import time
from pathlib import Path

import pytest

from budget_gate.ledger import Ledger, LedgerError
from tests.helpers.ledgers import (
    COUNTS,
    INPUT,
    MODEL,
    OUTPUT,
    Open,
    everything,
    hours,
    message,
    total,
)
from tests.helpers.redis import Server, server

HOUR = 3600
DAY = 24 * HOUR


def test_a_message_is_in_the_running_hour(ledger_server: Server, open_ledger: Open) -> None:
    """Its tokens stand in the hash of the hour that Redis has, under its workspace's tag."""
    assert open_ledger(ledger_server.url).record(message(), workspace="production") is True

    now, _ = ledger_server.ask("TIME")
    ((place, counts),) = hours(ledger_server).items()
    assert place in (
        ("{ws:production}", now // HOUR * HOUR),
        ("{ws:production}", now // HOUR * HOUR - HOUR),
    )
    assert counts == {INPUT: 10, OUTPUT: 20}
    assert ledger_server.ask("SMEMBERS", "budget-gate:workspaces") == {"production"}


def test_a_message_counts_once(ledger_server: Server, open_ledger: Open) -> None:
    """The same id again changes nothing, by another client as little, and says so."""
    first, second = open_ledger(ledger_server.url), open_ledger(ledger_server.url)
    first.record(message())
    before = everything(ledger_server)

    assert first.record(message()) is second.record(message(output_tokens=7)) is False
    assert everything(ledger_server) == before


def test_a_message_counts_once_over_hours(ledger_server: Server, open_ledger: Open) -> None:
    """One that is sent again in another hour than it was counted in is known."""
    ledger = open_ledger(ledger_server.url)
    ledger.record(message())
    # That hour is over: as if what it holds lay an hour before.
    ((_, hour),) = hours(ledger_server)
    keys = [f"budget-gate:{{ws:}}:counts:{it}" for it in (hour, hour - HOUR)]
    ledger_server.ask("RENAME", *keys)

    assert ledger.record(message()) is False
    assert hours(ledger_server) == {("{ws:}", hour - HOUR): {INPUT: 10, OUTPUT: 20}}


def test_one_id_in_two_workspaces_is_two_messages(ledger_server: Server, open_ledger: Open) -> None:
    """What is known of a message is known in its workspace."""
    ledger = open_ledger(ledger_server.url)

    assert all(ledger.record(message(), workspace=it) for it in ("one", "two", None))
    assert ledger.record(message(), workspace="default") is False


def test_usage_without_an_id_counts_each_time(ledger_server: Server, open_ledger: Open) -> None:
    """Nothing says that two usages are of one message."""
    ledger = open_ledger(ledger_server.url)

    assert [ledger.record(COUNTS, model=MODEL) for _ in range(3)] == [True] * 3
    assert total(ledger_server) == {INPUT: 30, OUTPUT: 60}


def test_an_id_may_be_given_with_the_usage(ledger_server: Server, open_ledger: Open) -> None:
    """The usage of a stream is that of the message whose id is given."""
    ledger = open_ledger(ledger_server.url)

    assert ledger.record(COUNTS, model=MODEL, message_id="msg_01EXAMPLE") is True
    assert ledger.record(message()) is False


def test_usage_of_nothing_is_counted_without_a_trace(
    ledger_server: Server, open_ledger: Open
) -> None:
    """An answer without a token is no failure, and there is nothing to keep of it."""
    assert open_ledger(ledger_server.url).record(message(input_tokens=0, output_tokens=0)) is True
    assert everything(ledger_server) == {}


def test_hours_are_kept_for_two_weeks_and_messages_for_a_day(
    ledger_server: Server, open_ledger: Open
) -> None:
    """Redis drops an hour 14 days after its end, and what it knows of a message after a day."""
    open_ledger(ledger_server.url).record(message(), workspace="production")

    ((tag, hour),) = hours(ledger_server)
    ends = ledger_server.ask("EXPIRETIME", f"budget-gate:{tag}:counts:{hour}")
    known = ledger_server.ask("TTL", f"budget-gate:{tag}:message:msg_01EXAMPLE")
    assert ends == hour + HOUR + 14 * DAY
    assert DAY - 60 < known <= DAY


def test_an_hour_that_has_expired_is_gone(ledger_server: Server, open_ledger: Open) -> None:
    """Once its time has come, nothing of it is left but the name of the workspace."""
    ledger = open_ledger(ledger_server.url)
    ledger.record(message(), workspace="production")
    for key in everything(ledger_server):
        if "{" in key:
            ledger_server.ask("EXPIREAT", key, int(time.time()) - 1)

    assert list(everything(ledger_server)) == ["budget-gate:workspaces"]
    assert ledger.record(message(), workspace="production") is True


@pytest.mark.parametrize("skew", [-26 * HOUR, -HOUR, HOUR, 40 * DAY])
def test_the_hour_is_that_of_redis(ledger_server: Server, open_ledger: Open, skew: int) -> None:
    """A client whose clock is wrong counts in the hour that all others count in."""
    right = open_ledger(ledger_server.url)
    wrong = open_ledger(ledger_server.url, clock=lambda: time.time() + skew)

    for number in range(3):
        assert right.record(message(f"msg_right{number}")) is True
        assert wrong.record(message(f"msg_wrong{number}")) is True

    now, _ = ledger_server.ask("TIME")
    running = {now // HOUR * HOUR, (now - 60) // HOUR * HOUR}
    assert {hour for _, hour in hours(ledger_server)} <= running
    assert total(ledger_server) == {INPUT: 60, OUTPUT: 120}


def test_a_clock_that_is_set_costs_one_more_question(
    ledger_server: Server, open_ledger: Open
) -> None:
    """Once a client has heard what time it is, each message is one question again."""
    ledger = open_ledger(ledger_server.url, clock=lambda: time.time() - 5 * HOUR)
    ledger.record(message("msg_first"))
    ledger.record(message("msg_second"))
    ledger_server.ask("CONFIG", "RESETSTAT")

    ledger.record(message("msg_third"))

    stats = ledger_server.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    assert not {"cmdstat_eval", "cmdstat_sadd"} & stats.keys()


def test_workspace_is_named_again_in_a_redis_that_was_started_anew(open_ledger: Open) -> None:
    """Nobody would find what is counted there otherwise, and a minute is long for a job that runs away."""
    with server() as one:
        ledger = open_ledger(one.url)
        ledger.record(message("msg_1"), workspace="production")
        one.stop()
        one.start()
        ledger.record(message("msg_2"), workspace="production")

        assert one.ask("SMEMBERS", "budget-gate:workspaces") == {"production"}


def test_a_script_that_redis_forgot_is_sent_again(ledger_server: Server, open_ledger: Open) -> None:
    """After SCRIPT FLUSH a message is counted as before, once."""
    ledger = open_ledger(ledger_server.url)
    ledger.record(message("msg_first"))
    ledger_server.ask("SCRIPT", "FLUSH")

    assert ledger.record(message("msg_second")) is True
    assert total(ledger_server) == {INPUT: 20, OUTPUT: 40}


def test_a_redis_that_was_emptied_gets_its_workspaces_again(
    ledger_server: Server, open_ledger: Open
) -> None:
    """A workspace is named once a minute, so that what is counted after a flush is found."""
    minutes = iter(range(100))
    now = time.time()
    ledger = open_ledger(ledger_server.url, clock=lambda: now + 31 * next(minutes))
    ledger.record(message("msg_first"), workspace="production")
    ledger_server.ask("FLUSHALL")

    for number in range(3):
        ledger.record(message(f"msg_{number}"), workspace="production")

    assert ledger_server.ask("SMEMBERS", "budget-gate:workspaces") == {"production"}


def test_a_redis_that_was_started_again_is_not_noticed(open_ledger: Open) -> None:
    """A connection that broke is made again, and with AOF nothing of what was counted is lost."""
    with server("--appendonly", "yes", "--appendfsync", "always") as one:
        ledger = open_ledger(one.url)
        for number in range(20):
            ledger.record(message(f"msg_{number}"))
        one.stop()
        one.start()

        assert total(one) == {INPUT: 200, OUTPUT: 400}
        assert ledger.record(message("msg_0")) is False
        assert ledger.record(message("msg_20")) is True
        assert total(one) == {INPUT: 210, OUTPUT: 420}


def test_threads_share_a_ledger(ledger_server: Server) -> None:
    """Eight threads of one ledger lose no count, and none counts twice."""
    ledger = Ledger.from_url(ledger_server.url)

    def work(number: int) -> None:
        for each in range(50):
            ledger.record(message(f"msg_{number % 4}_{each}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()

    assert total(ledger_server) == {INPUT: 4 * 50 * 10, OUTPUT: 4 * 50 * 20}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(ledger_server: Server) -> None:
    """A child that goes on with its parent's ledger takes no answer that is not its own."""
    with Ledger.from_url(ledger_server.url) as ledger:
        ledger.record(message("msg_parent"))
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                fine = all(ledger.record(message(f"msg_{number}_{it}")) for it in range(50))
                os._exit(0 if fine else 1)
            children.append(child)
            assert ledger.record(message(f"msg_parent{number}")) is True
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4

    assert total(ledger_server) == {INPUT: 2050, OUTPUT: 4100}


def planted(kind: str, server: Server, hour: int) -> None:
    """Puts something else where the ledger's keys belong."""
    counts, known = f"budget-gate:{{ws:}}:counts:{hour}", "budget-gate:{ws:}:message:msg_01EXAMPLE"
    commands: dict[str, tuple[str | int, ...]] = {
        "hour": ("SET", counts, "text"),
        "message": ("RPUSH", known, "text"),
        "count": ("HSET", counts, OUTPUT, "many"),
        "large": ("HSET", counts, OUTPUT, 10**18),
        "workspaces": ("SET", "budget-gate:workspaces", "text"),
    }
    server.ask(*commands[kind])


@pytest.mark.parametrize("kind", ["hour", "message", "count", "large"])
def test_something_else_in_its_place_is_an_error_and_nothing_is_half_written(
    ledger_server: Server, open_ledger: Open, kind: str
) -> None:
    """Keys that another program wrote are left as they are, and so is the whole hour."""
    now, _ = ledger_server.ask("TIME")
    for hour in (now // HOUR * HOUR, now // HOUR * HOUR + HOUR):
        ledger_server.ask("DEL", "budget-gate:{ws:}:message:msg_01EXAMPLE")
        planted(kind, ledger_server, hour)
    before = everything(ledger_server)

    with pytest.raises(LedgerError, match="something else") as caught:
        open_ledger(ledger_server.url).record(message())

    after = everything(ledger_server)
    assert after.pop("budget-gate:workspaces")
    assert after == before
    assert caught.value.hint


def test_a_workspace_that_cannot_be_named_is_an_error(
    ledger_server: Server, open_ledger: Open
) -> None:
    """What is counted and not found would be a smaller number."""
    planted("workspaces", ledger_server, 0)

    with pytest.raises(LedgerError, match="something else"):
        open_ledger(ledger_server.url).record(message())


def test_a_full_redis_is_an_error_and_nothing_is_half_written(open_ledger: Open) -> None:
    """At its maxmemory nothing of a message is counted; with room again all of it is."""
    with server("--maxmemory", "1mb", "--maxmemory-policy", "noeviction") as one:
        ledger = open_ledger(one.url)
        one.ask("CONFIG", "SET", "maxmemory", "1")
        before = everything(one)

        with pytest.raises(LedgerError, match="is full") as caught:
            ledger.record(message())

        assert everything(one) == before == {}
        assert "noeviction" in caught.value.hint
        one.ask("CONFIG", "SET", "maxmemory", "0")
        assert ledger.record(message()) is True
        assert total(one) == {INPUT: 10, OUTPUT: 20}


PASSWORD = "EXAMPLE-s3cret"


def test_a_password_is_taken_and_a_wrong_one_is_an_error(open_ledger: Open) -> None:
    """A wrong password, or none, is refused with one error, in which none stands."""
    with server(password=PASSWORD) as one:
        assert open_ledger(one.url).record(message()) is True
        for url, what in (
            (one.url.replace(PASSWORD, "EXAMPLE-other"), "refuses the user or the password"),
            (one.url.replace(f":{PASSWORD}@", ""), "wants a password, and the URL has none"),
            (one.url.replace(f":{PASSWORD}@", "EXAMPLE@"), r"none.* \(with the colon\)"),
        ):
            with pytest.raises(LedgerError, match=what) as caught:
                open_ledger(url).record(message("msg_2"))
            assert "EXAMPLE" not in str(caught.value) + repr(caught.value.__cause__)
            assert f"127.0.0.1:{one.port}" in str(caught.value)


def test_a_url_of_tls_checks_the_certificate(open_ledger: Open) -> None:
    """By its authority's file it is trusted; else it is not, and the error says which part is wrong."""
    with server(is_tls=True) as one:
        assert open_ledger(one.url).record(message()) is True
        untrusted, _, _ = one.url.partition("?")
        for url, remedy in (
            (untrusted, "append ?ssl_ca_certs="),
            (one.url.replace("localhost", "127.0.0.1"), "host name of its certificate"),
            (untrusted.replace("rediss", "redis"), "expects no TLS (with: rediss://)"),
            (one.url.replace("ca.pem", "missing.pem"), "path of ssl_ca_certs"),
        ):
            with pytest.raises(LedgerError, match=r"cannot be reached|did not answer") as caught:
                open_ledger(url).record(message("msg_2"))
            assert remedy in str(caught.value.hint)
        assert open_ledger(f"{untrusted}?ssl_cert_reqs=none").record(message("msg_3")) is True


def test_tls_where_none_is_expected_is_said(ledger_server: Server, open_ledger: Open) -> None:
    """A Redis without TLS never answers the greeting: the remedy is in the URL, not in its load."""
    url = f"{ledger_server.url.replace('redis', 'rediss')}?socket_connect_timeout=0.2"

    with pytest.raises(LedgerError) as caught:
        open_ledger(url).record(message())

    assert "expects TLS (without: redis://)" in str(caught.value)


def test_a_user_without_the_right_is_told_where_the_rights_stand(open_ledger: Open) -> None:
    """A user that may only read cannot count: the page lists what it needs."""
    with server() as one:
        one.ask("ACL", "SETUSER", "reader", "on", ">EXAMPLE", "~budget-gate:*", "+time", "+ping")
        url = one.url.replace("redis://", "redis://reader:EXAMPLE@")
        with pytest.raises(LedgerError, match="does not let this user") as caught:
            open_ledger(url).record(message())

    assert "docs/ledger.md" in str(caught.value)


def test_a_cluster_takes_each_script(open_ledger: Open) -> None:
    """A server in cluster mode, which refuses keys of two slots in one script, refuses none."""
    with server("--cluster-enabled", "yes") as one:
        one.ask("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while "cluster_state:ok" not in str(one.ask("CLUSTER", "INFO")):
            time.sleep(0.01)
        ledger = open_ledger(one.url)

        for workspace in ("production", "a:{b}", None):
            assert ledger.record(message(), workspace=workspace) is True
            ledger.reserve(5, workspace=workspace).settle(2)

        assert {tag for tag, _ in hours(one)} == {"{ws:production}", "{ws:a%3A%7Bb%7D}", "{ws:}"}


def test_a_redis_that_is_down_is_an_error(open_ledger: Open) -> None:
    """Nobody listens there: one error names the place, and nothing of the driver's."""
    url = "redis://:EXAMPLE-s3cret@127.0.0.1:9/0"

    with pytest.raises(LedgerError, match="cannot be reached") as caught:
        open_ledger(url).record(message())

    assert "redis://127.0.0.1:9/0" in str(caught.value)
    assert "EXAMPLE" not in str(caught.value)


def test_an_answer_that_comes_late_is_asked_for_again(open_ledger: Open) -> None:
    """A Redis that stops for a moment loses no message, and counts none twice."""
    with server() as one:
        ledger = open_ledger(f"{one.url}?socket_timeout=0.1")
        ledger.record(message("msg_1"))
        one.ask("CLIENT", "PAUSE", 150)

        ledger.record(message("msg_2"))

        assert total(one) == {INPUT: 20, OUTPUT: 40}


def test_a_redis_by_its_socket(open_ledger: Open, tmp_path: Path) -> None:
    """On the same machine no port is needed."""
    socket = tmp_path / "redis.sock"
    with server("--unixsocket", str(socket)) as one:
        assert open_ledger(f"unix://{socket}").record(message()) is True
        assert total(one) == {INPUT: 10, OUTPUT: 20}


def test_a_redis_that_hangs_is_an_error(open_ledger: Open) -> None:
    """One that does not answer in time is given up, after it was tried again."""
    with server() as one:
        one.ask("CONFIG", "SET", "maxclients", "10000")
        ledger = open_ledger(f"{one.url}?socket_timeout=0.1")
        ledger.record(message())
        one.ask("CLIENT", "PAUSE", 100_000)
        try:
            with pytest.raises(LedgerError, match="did not answer in time"):
                ledger.record(message("msg_2"))
        finally:
            one.stop()


@pytest.mark.parametrize(
    "usage", [message(), {"input_tokens": 5}], ids=["redis is down", "usage cannot be counted"]
)
def test_losses_are_counted_and_said_once(
    open_ledger: Open, caplog: pytest.LogCaptureFixture, usage: dict[str, object]
) -> None:
    """With on_error="ignore" nothing raises: `lost` has the number, and the log says it twice."""
    ledger = open_ledger("redis://127.0.0.1:9/0", on_error="ignore")
    with caplog.at_level(logging.INFO, "budget_gate.ledger"):
        assert [ledger.record(usage) for _ in range(3)] == [False] * 3
        assert ledger.lost == 3
        ledger.close()

    first, last = caplog.messages
    assert "no further one is logged" in first
    assert "3 calls of the ledger failed" in last


def test_without_losses_nothing_is_said(
    ledger_server: Server, open_ledger: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """A ledger that lost nothing says nothing when it is closed."""
    with (
        caplog.at_level(logging.INFO, "budget_gate.ledger"),
        open_ledger(ledger_server.url, on_error="ignore") as ledger,
    ):
        ledger.record(message())

    assert (ledger.lost, caplog.messages) == (0, [])


@pytest.mark.parametrize("workspace", ["", "x" * 257, 3])
def test_a_workspace_that_is_none_is_a_mistake(open_ledger: Open, workspace: str) -> None:
    """It raises, whatever is to be ignored."""
    ledger = open_ledger("redis://127.0.0.1:9/0", on_error="ignore")

    with pytest.raises(ValueError, match="workspace"):
        ledger.record(message(), workspace=workspace)


def test_a_url_that_is_none_is_one_error(open_ledger: Open) -> None:
    """An application has one kind of error to catch, with the remedy in its text."""
    with pytest.raises(LedgerError, match=r"does not begin with redis://.*\. Write redis://"):
        open_ledger("http://cache")


def test_what_is_to_happen_on_errors_is_one_of_two_words(open_ledger: Open) -> None:
    """A word that is misspelt would otherwise raise in the midst of a night."""
    with pytest.raises(ValueError, match="'raise' or 'ignore'"):
        open_ledger("redis://cache", on_error="ignored")
