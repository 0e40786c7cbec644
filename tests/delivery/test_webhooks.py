"""Posts to addresses that are secrets: what is sent, how each way to fail is told, and how long it may take."""

import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from budget_gate import __version__, signals
from budget_gate.delivery.webhooks import Post, send
from tests.helpers.wording import assert_says
from tests.world.channels import (
    DRIPPING,
    GARBAGE,
    HOOK_PATH,
    QUOTING,
    SECRETS,
    SILENT,
    SLACK_PATH,
    Answer,
    Channels,
)


def sent(channels: Channels, *paths: str, deadline: float = 5) -> list[str]:
    """Why posts to these paths failed."""
    return send([Post(channels.url + path, {"a": "ä"}) for path in paths], deadline)


@contextmanager
def nobody_listening() -> Iterator[str]:
    """An address at which every connection is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_post_is_json_for_its_address() -> None:
    """Path and query whole; it says which program it is of."""
    with Channels() as channels:
        body = {"schema": "x", "name": "ä & \u2028"}
        assert send([Post(channels.url + HOOK_PATH, body, {"idempotency-key": "k"})], 5) == [""]
    (posted,) = channels.posts
    assert (posted.path, posted.body, posted.key) == (HOOK_PATH, body, "k")
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["user-agent"] == f"budget-gate/{__version__}"
    assert posted.raw.isascii()


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_answer_of_success_is_one(status: int) -> None:
    """Whatever its body says."""
    answer = Answer(status, "" if status == 204 else "no_service")
    with Channels(lambda _: answer) as channels:
        assert sent(channels, HOOK_PATH) == [""]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 429, 500, 502, 503])
def test_every_other_answer_is_told_by_its_status(status: int) -> None:
    """And is not tried again: the next run does that."""
    with Channels(lambda _: Answer(status, "")) as channels:
        assert sent(channels, HOOK_PATH) == [f"it answered {status}"]
    assert len(channels.posts) == 1


def test_what_slack_answers_is_told() -> None:
    """It is the word that its documentation explains."""
    with Channels(lambda _: Answer(404, "no_service\n")) as channels:
        assert sent(channels, SLACK_PATH) == ["it answered 404 (no_service)"]


@pytest.mark.parametrize(
    "body",
    [
        "Cannot POST " + SLACK_PATH,
        '{"error": "no hook"}',
        "<html>",
        "xxSLACKxxSECRETxx",
        "T0EXAMPLE",
        "services",
        "x" * 41,
        "::error::x",
        "a\nb",
        "\x1b[31m",
        "é",
    ],
)
def test_of_an_answer_no_more_than_a_word_is_told(body: str) -> None:
    """Others quote the address, or are somebody's text."""
    with Channels(lambda _: Answer(404, body)) as channels:
        assert sent(channels, SLACK_PATH) == ["it answered 404"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """It would carry the report to wherever it points."""
    with Channels() as elsewhere:
        answer = Answer(status, "", {"location": elsewhere.url + HOOK_PATH})
        with Channels(lambda _: answer) as channels:
            assert sent(channels, HOOK_PATH) == [f"it answered {status}"]
        assert len(channels.posts) == 1
        assert elsewhere.posts == []


def test_a_refused_connection_is_told() -> None:
    """Without the address."""
    with nobody_listening() as url:
        (reason,) = send([Post(url + SLACK_PATH, {})], 5)
    assert_says(reason, "the connection failed")
    assert "services" not in reason
    assert "127.0.0.1" not in reason


def test_an_answer_that_is_no_http_is_told() -> None:
    """As such."""
    with Channels(lambda _: GARBAGE) as channels:
        (reason,) = sent(channels, HOOK_PATH)
    assert_says(reason, "answer", "not valid HTTP")


@pytest.mark.parametrize("answer", [SILENT, DRIPPING], ids=["silent", "dripping"])
def test_who_does_not_answer_in_time_has_not_answered(answer: Answer) -> None:
    """A byte now and then is no answer either; others have theirs."""
    begin = time.monotonic()
    with Channels(lambda it: answer if it.path == SLACK_PATH else None) as channels:
        told = sent(channels, SLACK_PATH, HOOK_PATH, deadline=0.6)
        took = time.monotonic() - begin
    assert told == ["no answer within 0.6 seconds", ""]
    assert 0.5 <= took < 3


def test_an_answer_may_end_later_than_its_head() -> None:
    """A failure is told by its status, if the words that follow come in time or not."""
    failing = Answer(500, kind="dripping")
    with Channels(lambda _: failing) as channels:
        assert sent(channels, HOOK_PATH, deadline=0.6) == ["no answer within 0.6 seconds"]


def test_posts_go_side_by_side() -> None:
    """Each waits for the other here, which would never end in turn."""
    both = threading.Barrier(2)

    def meet(_: object) -> None:
        both.wait(4)

    with Channels(meet) as channels:
        assert sent(channels, SLACK_PATH, HOOK_PATH)[1:] == [""]
    assert len(channels.posts) == 2


def test_no_post_is_no_work() -> None:
    """Where no channel is to be told."""
    assert send([], 5) == []


@pytest.mark.parametrize(
    "url",
    ["https://", "https://a b/", "https://\u2028", "https://x.example:99999", "https://[::1"],
)
def test_an_address_that_is_none_is_told(url: str) -> None:
    """Without it, and without a traceback."""
    (reason,) = send([Post(url, {})], 5)
    assert reason in ("its address is not valid", "the connection failed")


def test_a_post_does_not_show_its_address() -> None:
    """Nor what it says, should an error show it."""
    assert repr(Post("https://x.example/secret", {"a": "secret"})).count("secret") == 0


def test_https_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate, and that it is of this host; without one that is known nothing is sent."""
    seen: list[tuple[ssl.VerifyMode, bool]] = []

    def wrap(self: ssl.SSLContext, sock: socket.socket, **_: object) -> ssl.SSLSocket:
        seen.append((self.verify_mode, self.check_hostname))
        sock.close()
        raise ssl.SSLCertVerificationError("certificate verify failed")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with Channels() as channels:
        url = channels.url.replace("http:", "https:") + SLACK_PATH
        (reason,) = send([Post(url, {})], 5)
    assert seen == [(ssl.CERT_REQUIRED, True)]
    assert_says(reason, "certificate", "not verify")
    assert channels.posts == []


def test_this_machine_is_reached_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http is for it alone: a proxy would see it."""
    with Channels() as proxy, Channels() as channels:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert sent(channels, HOOK_PATH) == [""]
        assert (len(channels.posts), proxy.posts) == (1, [])


def test_https_goes_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which sees the host, and nothing that is posted."""
    with Channels() as proxy:
        for name in ("NO_PROXY", "no_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        (reason,) = send([Post("https://hooks.example" + SLACK_PATH, {})], 5)
    assert_says(reason, "the proxy")
    assert proxy.posts == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    """What was answered by then stays so; what was not has failed by that signal."""
    with Channels(lambda it: SILENT if it.path == SLACK_PATH else None) as channels:

        def interrupt() -> None:
            channels.wait_for(2)
            time.sleep(0.3)
            os.kill(os.getpid(), number)

        begin, other = time.monotonic(), threading.Thread(target=interrupt)
        with signals.raising():
            other.start()
            slack, hook = sent(channels, SLACK_PATH, HOOK_PATH, deadline=20)
        other.join()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert time.monotonic() - begin < 10
    assert number.name in slack
    assert hook == ""


def test_no_reason_has_a_secret() -> None:
    """However the receiver quotes the address."""
    with Channels(lambda _: QUOTING) as channels:
        told = " ".join(sent(channels, SLACK_PATH, HOOK_PATH))
    assert not [secret for secret in SECRETS if secret in told]
