"""Why there is no connection: who does not answer, and the addresses, proxies and certificates of a runner."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from budget_gate.errors import ConfigurationError, GateError, UnverifiedError
from budget_gate.sources.http import transport as module
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport
from tests.helpers.failing import failure, silent, transport_of, unused_url
from tests.helpers.serving import ADMIN, ME, NOBODY, NOW, Clock, connected, raw_server, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Response


def test_a_refused_connection_is_told_as_such() -> None:
    """Nobody listening is not a timeout, and is tried again."""
    clock = Clock()
    with (
        connected(unused_url(), clock=clock) as transport,
        pytest.raises(UnverifiedError, match=r"connection failed .*refused") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "connection"
    assert_says(raised.value.message, "the connection failed")
    assert_says(raised.value.trace, f"GET {ME}: ", "refused, tried 5 times")
    assert_says(
        raised.value.hint,
        "may be down",
        "run the gate again later",
        "the network, the proxy and ANTHROPIC_BASE_URL",
    )
    assert len(clock.sleeps) == 4


def test_a_name_that_does_not_resolve_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing look-up of the host is not reported as a timeout."""

    def fail(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with (
        connected("http://nowhere.invalid") as transport,
        pytest.raises(UnverifiedError, match="Name or service not known") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "connection"
    assert "time" not in str(raised.value).removesuffix("tried 5 times)")


def test_a_failure_without_words_is_told_by_its_kind() -> None:
    """Some errors of a connection have no message of their own."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("")

    with pytest.raises(UnverifiedError) as raised:
        transport_of(httpx.MockTransport(fail)).get(ME)
    assert raised.value.trace == f"GET {ME}: ReadError, tried 5 times"


def test_a_refusal_without_a_request_id_is_its_status() -> None:
    """Nothing is made up where nothing was told."""
    refusing = httpx.MockTransport(lambda _: httpx.Response(403))
    with pytest.raises(RefusedError) as raised:
        transport_of(refusing).get(ME)
    assert raised.value.trace == f"GET {ME}"


def test_a_connection_that_ends_without_an_answer_is_told_as_such() -> None:
    """A server that hangs up each time is a failed connection."""
    raised = failure(Response(0))
    assert raised.code == "connection"


def test_a_timeout_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer in time is neither a refusal nor a failed connection."""
    monkeypatch.setattr(module, "REQUEST_TIMEOUT", 0.1)
    with (
        raw_server(silent) as url,
        connected(url) as transport,
        pytest.raises(UnverifiedError, match=rf"no answer came in time \(GET {ME}, ") as raised,
    ):
        transport.get(ME)
    assert raised.value.code == "timeout"
    assert_says(raised.value.message, "no answer came in time")
    assert raised.value.hint == "try again; if it stays so, see the API's status page"


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set a proxy for everything, as the environment of a runner may."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def use(url: str) -> None:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.lower(), url)

    return use


def test_a_proxy_never_sees_what_is_meant_for_this_machine(
    proxied: Callable[[str], None],
) -> None:
    """Plain http is for loopback alone, so the environment's proxy is not asked."""
    with LoopbackAPI(NOBODY, now=NOW) as proxy, LoopbackAPI(NOBODY, now=NOW) as api:
        proxied(proxy.url)
        api.intercept = lambda *_: reply({"direct": True}, connection="close")
        assert Transport(api.url, ADMIN, deadline=10).get(ME) == {"direct": True}
        assert proxy.requests == []


def test_a_proxy_tunnels_https_without_seeing_the_secret(proxied: Callable[[str], None]) -> None:
    """Over https the environment's proxy is used, and it is told the host and nothing more."""
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with raw_server(serve) as url:
        proxied(url)
        transport = Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None)
        with pytest.raises(UnverifiedError, match="407"):
            transport.get(ME)
    assert heard[0].startswith(b"CONNECT api.example.test:443 HTTP/1.1\r\n")
    assert ADMIN.secret.encode() not in b"".join(heard)


@pytest.mark.usefixtures("proxied")
def test_https_checks_the_certificate_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake is made by a context that demands a certificate of that host."""
    seen: list[tuple[ssl.VerifyMode, bool, str | None]] = []

    def wrap(
        self: ssl.SSLContext,
        sock: socket.socket,
        *,
        server_hostname: str | None = None,
        **_: object,
    ) -> ssl.SSLSocket:
        seen.append((self.verify_mode, self.check_hostname, server_hostname))
        sock.close()
        raise ssl.SSLCertVerificationError("certificate verify failed")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with raw_server(silent) as url:
        transport = Transport(
            url.replace("http:", "https:"), ADMIN, deadline=10, sleep=lambda _: None
        )
        with pytest.raises(UnverifiedError, match="certificate verify failed"):
            transport.get(ME)
    assert seen[0] == (ssl.CERT_REQUIRED, True, "127.0.0.1")


@pytest.mark.parametrize(
    "proxy",
    [
        pytest.param("socks5://127.0.0.1:9", id="socks"),
        pytest.param("ftp://127.0.0.1:9", id="ftp"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_no_bug_of_ours(
    proxied: Callable[[str], None], proxy: str
) -> None:
    """A runner whose environment names a proxy of another kind is told so, without a traceback."""
    proxied(proxy)
    with pytest.raises(UnverifiedError, match="is no usable proxy") as raised:
        Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None).get(ME)
    assert raised.value.hint == "write http://HOST:PORT (SOCKS is not supported), or unset it"


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("is_small", [False, True])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://user:EXAMPLE/word@127.0.0.1:9"),
        ("ALL_PROXY", "ftp://user:EXAMPLE@127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:65536"),
        ("ALL_PROXY", "user:EXAMPLE@127.0.0.1:99999"),
        ("NO_PROXY", "localhost,[::1]"),
        ("NO_PROXY", "fe80::/10"),
    ],
)
def test_the_variable_at_fault_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, *, is_small: bool
) -> None:
    """Not that of the proxy which is right; and a proxy's password is shown nowhere."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(variable.lower() if is_small else variable, value)
    transport = Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert raised.value.code == "runner"
    told = raised.value.told
    assert_says(raised.value.message, "no connection can be made: ")
    assert_says(
        raised.value.hint,
        "with commas between them and no brackets" if "NO" in variable else "http://HOST:PORT",
        "or unset it",
    )
    assert f"{variable} (or {variable.lower()}) is no" in told
    assert [name for name in PROXIES if name in told.replace(variable, "")] == []
    assert "EXAMPLE" not in told
    # The remedy helps.
    monkeypatch.delenv(variable.lower() if is_small else variable)
    transport = Transport("https://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError, match="the connection failed"):
        transport.get(ME)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("hosts", ["127.0.0.1:99999", "%%%"])
def test_where_a_connection_fails_the_proxys_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    """Hosts that name nothing leave the way through the proxy: both variables may be at fault."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", hosts)
    transport = Transport("https://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert "check the network, HTTPS_PROXY, NO_PROXY and ANTHROPIC_BASE_URL" in raised.value.hint


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"])
def test_of_the_proxys_variables_those_that_are_set_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The others are not at fault."""
    monkeypatch.setenv(name, "127.0.0.1" if name == "NO_PROXY" else "http://127.0.0.1:9")
    transport = Transport("https://127.0.0.1:9", ADMIN, deadline=10, sleep=lambda _: None)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert_says(raised.value.hint, f"check the network, {name} and ANTHROPIC_BASE_URL")


@pytest.mark.usefixtures("proxied")
def test_certificates_that_cannot_be_read_are_no_bug_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A runner whose SSL_CERT_FILE is not there is told so, without a traceback."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(GateError):
        Transport("https://api.example.test", ADMIN, deadline=10, sleep=lambda _: None).get(ME)


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    ("name", "reason"), [("none.pem", "No such file"), ("empty.pem", "no certificate"), (".", "")]
)
def test_certificates_that_cannot_be_read_are_told_with_their_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, reason: str
) -> None:
    """What the system says of it names no file."""
    (tmp_path / "empty.pem").touch()
    file = str(tmp_path / name)
    monkeypatch.setenv("SSL_CERT_FILE", file)
    transport = Transport("https://api.example.test", ADMIN, deadline=10, certificates=file)
    with pytest.raises(UnverifiedError) as raised:
        transport.get(ME)
    assert f"SSL_CERT_FILE names {file}: " in raised.value.message
    assert reason in raised.value.message
    assert raised.value.code == "runner"
    assert_says(raised.value.hint, "name a PEM file that holds the CAs to trust, or unset it")
    # Neither does what only the log of TLS keys stands in the way of blame the certificates.
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path))
    with pytest.raises(UnverifiedError) as raised:
        Transport("https://api.example.test", ADMIN, deadline=10).get(ME)
    assert raised.value.message == (
        "no connection can be made: SSLKEYLOGFILE names a file that cannot be written"
    )
    assert raised.value.hint == "unset it"


@pytest.mark.usefixtures("proxied")
def test_a_certificate_that_does_not_verify_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next try meets the same one: SSL_CERT_FILE is what helps."""
    tries = []

    def wrap(self: ssl.SSLContext, sock: socket.socket, **_: object) -> ssl.SSLSocket:
        tries.append(self)
        sock.close()
        raise ssl.SSLCertVerificationError("self-signed certificate in certificate chain")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with raw_server(silent) as url:
        transport = Transport(url.replace("http:", "https:"), ADMIN, deadline=10)
        with pytest.raises(UnverifiedError, match="self-signed") as raised:
            transport.get(ME)
    assert len(tries) == 1
    assert raised.value.code == "certificate"
    assert_says(raised.value.message, "the certificate does not verify")
    assert raised.value.trace.startswith(f"GET {ME}: ")
    assert_says(
        raised.value.hint,
        "signs with a CA of its own, set SSL_CERT_FILE to a PEM file that holds that CA; ",
        "out of its dates, check the clock",
    )


@pytest.mark.usefixtures("proxied")
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://xn--/", id="punycode"),
        pytest.param("https://exa\u2028mple", id="line-separator"),
        pytest.param(f"https://{'a' * 70}.example.test", id="long-label"),
        pytest.param("https://[::1", id="half-a-bracket"),
        pytest.param("https://example.test:port", id="no-port"),
    ],
)
def test_an_address_that_cannot_be_one_is_no_bug_of_ours(url: str) -> None:
    """A base URL that no request can be made to is told so, without a traceback."""
    with pytest.raises(ConfigurationError) as raised:
        Transport(url, ADMIN, deadline=10, sleep=lambda _: None).get(ME)
    assert raised.value.message == f"ANTHROPIC_BASE_URL is no address: {raised.value.__cause__}"
    assert raised.value.__cause__
    assert_says(raised.value.hint, "correct it, or leave it empty")


@pytest.mark.parametrize(
    "error", [httpx.InvalidURL("it has a space"), UnicodeError("it has a space")]
)
def test_an_address_that_is_found_wrong_late_comes_with_its_remedy(error: Exception) -> None:
    """Some addresses are refused only by the first request."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ConfigurationError) as raised:
        transport_of(httpx.MockTransport(fail)).get(ME)
    assert raised.value.message == "ANTHROPIC_BASE_URL is no address: it has a space"
    assert raised.value.hint == "correct it, or leave it empty"
