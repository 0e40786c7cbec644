"""A credential that is refused, another in its place, and where the secrets of both may not appear."""

import threading
from threading import Lock

import pytest

from budget_gate.delivery.results import mask, say
from budget_gate.errors import UnverifiedError
from budget_gate.secrecy import Secrets
from budget_gate.settings import Settings
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport
from tests.helpers.serving import ME, NOBODY, NOW, Clock, connected, refuse, reply
from tests.world.loopback import LoopbackAPI, Request, Response

FIRST = Credential.of_key("sk-ant-admin01-EXAMPLE-FIRST")
SECOND = Credential.of_key("sk-ant-admin01-EXAMPLE-SECOND")
TOKENS = "/v1/oauth/token"


class TwoKeys:
    """The second key from when the first was refused."""

    def __init__(self) -> None:
        self.refusals = 0
        self.key = FIRST

    def current(self, refused: Credential | None = None) -> Credential:
        """The key that is not known to be refused."""
        if refused == FIRST:
            self.refusals += 1
            self.key = SECOND
        return self.key


class Exchange:
    """Tokens of an hour, each got with an assertion, and another when less than a minute is left of one."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._assertion = Credential("EXAMPLE-ASSERTION", {})
        self._transport = Transport(url, self._assertion, deadline=10_000, now=clock.now)
        self._clock = clock
        self._lock = Lock()
        self._token: Credential | None = None
        self._end = 0.0

    def current(self, refused: Credential | None = None) -> Credential:
        """The token while it lasts."""
        with self._lock:
            is_spent = self._token == refused or self._end - self._clock.now() < 60
            if self._token is None or is_spent:
                answer = self._transport.post(TOKENS, {"assertion": self._assertion.secret})
                self._end = self._clock.now() + answer["expires_in"]
                headers = {
                    "authorization": f"Bearer {answer['access_token']}",
                    "anthropic-beta": "example-token-beta",
                }
                self._token = Credential(answer["access_token"], headers)
            return self._token


class Issuer:
    """An API that takes the token it issued last, and no longer than it is not `revoked`."""

    def __init__(self) -> None:
        self.issued = 0
        self.is_revoked = False

    def __call__(self, request: Request, _: int) -> Response | None:
        """Issue a token, or look at one."""
        if request.path == TOKENS:
            assert "authorization" not in request.headers
            self.issued += 1
            self.is_revoked = False
            return reply({"access_token": self.token, "expires_in": 3600}, connection="close")
        if self.is_revoked or request.headers.get("authorization") != f"Bearer {self.token}":
            return refuse(401, "authentication_error")
        return reply({"token": self.issued})

    @property
    def token(self) -> str:
        """The token that is good."""
        return f"sk-ant-oat01-EXAMPLE-{self.issued}"


def test_a_refused_credential_is_renewed_and_the_request_made_again() -> None:
    """The answer comes back as if nothing had been; the next request begins with the new one."""
    with (
        LoopbackAPI(NOBODY, now=NOW, key=SECOND.secret) as api,
        connected(api.url, credential=(keys := TwoKeys())) as transport,
    ):
        assert transport.get(ME)["id"] == NOBODY.id
        assert transport.get(ME)["id"] == NOBODY.id
        sent = [request.headers["x-api-key"] for request in api.requests]
    assert sent == [FIRST.secret, SECOND.secret, SECOND.secret]
    assert keys.refusals == 1


def test_a_body_is_sent_again_with_the_renewed_credential() -> None:
    """Who is refused has had nothing done."""
    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=TwoKeys()) as transport,
    ):
        api.intercept = lambda request, _: (
            refuse(401) if request.headers["x-api-key"] == FIRST.secret else reply({"done": True})
        )
        assert transport.post(TOKENS, {"a": 1}) == {"done": True}
        assert [request.body for request in api.requests] == [b'{"a":1}'] * 2


def test_a_renewed_credential_that_is_refused_is_not_renewed_again() -> None:
    """The second 401 is the answer, after no wait."""
    clock = Clock()
    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=TwoKeys(), clock=clock) as transport,
    ):
        with pytest.raises(RefusedError) as raised:
            transport.get(ME)
        assert len(api.requests) == 2
    assert raised.value.status == 401
    assert clock.sleeps == []


@pytest.mark.parametrize("status", [400, 403, 404])
def test_another_refusal_renews_nothing(status: int) -> None:
    """Only 401 says that the credential is not known."""
    keys = TwoKeys()
    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=keys) as transport,
    ):
        api.intercept = lambda *_: refuse(status)
        with pytest.raises(RefusedError):
            transport.get(ME)
        assert len(api.requests) == 1
    assert keys.refusals == 0


def test_a_key_alone_that_is_refused_is_sent_once() -> None:
    """There is nothing to renew."""
    with (
        LoopbackAPI(NOBODY, now=NOW, key=SECOND.secret) as api,
        connected(api.url, credential=FIRST) as transport,
    ):
        with pytest.raises(RefusedError, match="401"):
            transport.get(ME)
        assert len(api.requests) == 1


def test_the_advice_is_for_the_credential_that_was_refused_last() -> None:
    """A key for messages in the second place is told as such."""

    class WithMessageKey:
        def current(self, refused: Credential | None = None) -> Credential:
            return Credential.of_key("sk-ant-api03-EXAMPLE") if refused else FIRST

    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=WithMessageKey()) as transport,
        pytest.raises(RefusedError) as raised,
    ):
        transport.get(ME)
    assert "usage needs an Admin key" in raised.value.hint


def test_a_source_that_has_no_credential_ends_the_request() -> None:
    """Its own error is what is told."""

    class Denied:
        def current(self, refused: Credential | None = None) -> Credential:
            assert refused is None
            raise UnverifiedError("no token was given", code="no_token")

    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=Denied()) as transport,
    ):
        with pytest.raises(UnverifiedError, match="no token was given"):
            transport.get(ME)
        assert api.requests == []


# A token that lasts an hour, as one that is exchanged for an assertion does.


def test_a_token_is_got_with_the_first_request_and_used_while_it_lasts() -> None:
    """The exchange carries no credential but the assertion in its body, and the token its beta."""
    clock = Clock()
    with LoopbackAPI(NOBODY, now=NOW) as api:
        api.intercept = Issuer()
        with connected(api.url, credential=Exchange(api.url, clock)) as transport:
            assert api.requests == []
            assert transport.get(ME) == {"token": 1}
            assert transport.get(ME, beta="example-beta") == {"token": 1}
            clock.time += 3541
            assert transport.get(ME) == {"token": 2}
        asked = [request for request in api.requests if request.path == ME]
    assert len(api.requests) == 5
    assert [request.headers["anthropic-beta"] for request in asked] == [
        "example-token-beta",
        "example-token-beta,example-beta",
        "example-token-beta",
    ]


def test_requests_side_by_side_renew_a_refused_token_once() -> None:
    """Each brings the token that it was refused with, and finds the new one."""
    issuer, clock, together = Issuer(), Clock(), 8
    barrier = threading.Barrier(together)

    def intercept(request: Request, number: int) -> Response | None:
        answer = issuer(request, number)
        if request.path == ME and answer and answer.status == 401:
            # None is told before all are refused.
            barrier.wait(30)
        return answer

    with LoopbackAPI(NOBODY, now=NOW) as api:
        api.intercept = intercept
        with connected(api.url, credential=Exchange(api.url, clock)) as transport:
            assert transport.get(ME) == {"token": 1}
            issuer.is_revoked = True
            calls = [transport.start(lambda: transport.get(ME)) for _ in range(together)]
            assert [call.result() for call in calls] == [{"token": 2}] * together
    assert issuer.issued == 2


# Where the secrets may not appear.


def test_every_secret_that_was_sent_is_blotted_out_of_answers() -> None:
    """Of the credential in use and of the one before it."""
    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=TwoKeys()) as transport,
    ):
        api.intercept = lambda request, _: refuse(
            401 if request.headers["x-api-key"] == FIRST.secret else 400,
            message=f"neither {FIRST.secret} nor {SECOND.secret}",
        )
        with pytest.raises(RefusedError) as raised:
            transport.get(ME)
    assert "neither *** nor ***" in raised.value.trace


def test_a_placeholder_leaves_answers_as_they_are() -> None:
    """A key of one letter is sent, and is no secret."""
    with (
        LoopbackAPI(NOBODY, now=NOW) as api,
        connected(api.url, credential=Credential.of_key("x")) as transport,
    ):
        api.intercept = lambda *_: reply({"x": "xx"})
        assert transport.get(ME) == {"x": "xx"}
        assert api.requests[0].headers["x-api-key"] == "x"


def test_a_secret_that_arises_is_masked_and_blotted_out_from_then_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """GitHub is told of it before it is sent, once, and no text of ours shows it."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", FIRST.secret)
    settings = Settings.read({})
    mask(settings)
    assert capsys.readouterr().err == f"::add-mask::{FIRST.secret}\n"
    with LoopbackAPI(NOBODY, now=NOW) as api:
        api.intercept = lambda request, _: (
            refuse(401)
            if request.headers["x-api-key"] == FIRST.secret
            else reply({}, connection="close")
        )
        transport = Transport(api.url, TwoKeys(), deadline=10, secrets=settings.secrets)
        transport.get(ME)
        transport.get(ME)
    assert capsys.readouterr().err == f"::add-mask::{SECOND.secret}\n"
    say(f"{FIRST.secret} and {SECOND.secret}", settings)
    assert capsys.readouterr().err == "*** and ***\n"


def test_a_secret_within_another_leaves_no_rest_of_it() -> None:
    """The longer one goes first."""
    secrets = Secrets()
    secrets.add("EXAMPLE-1")
    secrets.add("EXAMPLE-1-AND-MORE")
    secrets.add("EXAMPLE-1")
    assert list(secrets) == ["EXAMPLE-1-AND-MORE", "EXAMPLE-1"]


def test_no_representation_shows_what_is_kept() -> None:
    """Neither of the secrets nor of a credential that carries more than one header."""
    secrets = Secrets()
    secrets.add(FIRST.secret)
    many = Credential("EXAMPLE-TOKEN", {"authorization": "Bearer EXAMPLE-TOKEN"})
    assert "EXAMPLE" not in f"{secrets!r} {many!r}"
