"""An identity token exchanged for an access token: when, how often, by how many, and what is said where it fails."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from budget_gate.domain.federation import Federation
from budget_gate.errors import UnverifiedError
from budget_gate.secrecy import Secrets
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import NO_CREDENTIAL, Credential
from budget_gate.sources.http.identity import (
    GitHubIdentity,
    GivenIdentity,
    Identity,
    IdentityFile,
    NoIdentity,
)
from budget_gate.sources.http.token_exchange import TokenExchange
from budget_gate.sources.http.transport import Transport
from tests.helpers.serving import ME, NOBODY, NOW, Clock, connected, reply
from tests.helpers.wording import assert_says
from tests.world.identity import (
    AUDIENCE,
    FEDERATION_BETA,
    GITLAB_RULE,
    MALFORMED_IDENTITIES,
    MALFORMED_TOKENS,
    OAUTH_BETA,
    ORGANIZATION_ID,
    REPOSITORY,
    RULE_ID,
    SERVICE_ACCOUNT_ID,
    Keyless,
    Rule,
    answer_of,
    echoing,
    gitlab_token,
    in_turn,
    keyless,
)
from tests.world.loopback import EXCHANGE, Request, Response

FEDERATION = Federation(RULE_ID, ORGANIZATION_ID, SERVICE_ACCOUNT_ID)


@dataclass
class Job:
    """A job without a key beside the API, `api` being its way there; time passes for both with `later`."""

    world: Keyless
    api: Transport
    source: TokenExchange
    secrets: Secrets
    clock: Clock

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.time += seconds
        self.world.clock.now += timedelta(seconds=seconds)

    def ask(self) -> Any:
        """Which organization it is."""
        return self.api.get(ME)["id"]

    def refused(self) -> UnverifiedError:
        """The error of asking, which has no secret in any of its parts."""
        with pytest.raises(UnverifiedError) as raised:
            self.ask()
        error = raised.value
        assert self.world.leaks(error.told, error.message, error.hint, error.trace) == []
        return error


@contextmanager
def at_work(
    *,
    identity: Identity | None = None,
    federation: Federation = FEDERATION,
    deadline: float = 10_000,
    **options: Any,
) -> Iterator[Job]:
    """A job whose identity is GitHub's unless given; `options` are those of the world."""
    clock, secrets, echoes = Clock(), Secrets(), Secrets()
    with ExitStack() as stack:
        world = stack.enter_context(keyless(NOBODY, now=NOW, **options))
        if identity is None:
            url = urlsplit(world.github.url)
            bearer = Credential.of_token(world.github.request_token)
            asks = connected(
                f"{url.scheme}://{url.netloc}", credential=bearer, deadline=deadline, clock=clock
            )
            identity = GitHubIdentity(stack.enter_context(asks), url.path, url.query)
        bare = stack.enter_context(
            connected(
                world.api.url,
                credential=NO_CREDENTIAL,
                deadline=deadline,
                clock=clock,
                secrets=echoes,
            )
        )
        source = TokenExchange(
            federation, identity, bare, echoes=echoes, secrets=secrets, now=clock.now
        )
        transport = stack.enter_context(
            connected(
                world.api.url, credential=source, deadline=deadline, clock=clock, secrets=secrets
            )
        )
        yield Job(world, transport, source, secrets, clock)


# When a token is got


def test_a_job_gets_a_token_with_its_first_request() -> None:
    """GitHub is asked for one that is made out to the API, the exchange by the reference, and each once."""
    with at_work() as job:
        assert (job.world.api.requests, job.world.github.requests) == ([], [])
        assert [job.ask(), job.ask()] == [NOBODY.id, NOBODY.id]
        (asked,), (exchange,) = job.world.github.requests, job.world.exchanges
        assert ("audience", AUDIENCE) in asked.query
        assert ("api-version", "2.0") in asked.query
        assert exchange.headers["anthropic-beta"] == f"{OAUTH_BETA},{FEDERATION_BETA}"
        assert exchange.headers.keys().isdisjoint({"authorization", "x-api-key"})
        assert json.loads(exchange.body) == {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": job.world.github.issued[0],
            "federation_rule_id": RULE_ID,
            "organization_id": ORGANIZATION_ID,
            "service_account_id": SERVICE_ACCOUNT_ID,
        }
        told = [request for request in job.world.api.requests if request.path == ME]
        assert {request.headers["anthropic-beta"] for request in told} == {OAUTH_BETA}
        assert {request.headers["authorization"] for request in told} == {
            f"Bearer {job.world.federation.issued[0]}"
        }


def test_the_request_token_goes_to_github_alone() -> None:
    """Nothing that the API receives has it."""
    with at_work() as job:
        job.ask()
        sent = [f"{each.headers} {each.body!r}" for each in job.world.api.requests]
        assert not any(job.world.github.request_token in text for text in sent)


@pytest.mark.parametrize(("passed", "tokens"), [(540, 1), (541, 2)])
def test_a_token_is_renewed_when_less_than_a_minute_is_left(passed: int, tokens: int) -> None:
    """Of its ten; with another assertion, as each can be exchanged once."""
    with at_work() as job:
        job.ask()
        job.later(passed - 1)
        assert job.ask() == NOBODY.id
        job.later(1)
        job.ask()
        assert len(job.world.federation.issued) == tokens
        assert job.world.federation.outcomes == ["granted"] * tokens


def test_a_token_of_a_minute_is_not_renewed_with_each_request() -> None:
    """It is from its half on."""
    with at_work(expires_in=60) as job:
        job.ask()
        job.later(30)
        job.ask()
        assert len(job.world.federation.issued) == 1
        job.later(1)
        job.ask()
        assert len(job.world.federation.issued) == 2


def test_a_revoked_token_is_renewed_once_for_all_that_were_refused_with_it() -> None:
    """Each request brings the token that it was refused with, and finds the new one."""
    together = 8
    barrier = threading.Barrier(together)
    with at_work() as job:
        job.ask()
        first = job.world.federation.issued[0]
        job.world.federation.revoke()

        def intercept(request: Request, _: int) -> Response | None:
            if request.path == ME and request.headers["authorization"] == f"Bearer {first}":
                # None is told before all are refused.
                barrier.wait(30)
            return None

        job.world.api.intercept = intercept
        calls = [job.api.start(job.ask) for _ in range(together)]
        assert [call.result() for call in calls] == [NOBODY.id] * together
        assert len(job.world.federation.issued) == 2


def test_a_token_that_was_refused_before_renews_nothing() -> None:
    """Whoever brings it late finds the one that has taken its place."""
    with at_work() as job:
        first = job.source.current()
        second = job.source.current(refused=first)
        assert job.source.current(refused=first) is second
        assert len(job.world.federation.issued) == 2


def test_requests_side_by_side_get_the_first_token_once() -> None:
    """All wait for the one exchange."""
    with at_work() as job:
        calls = [job.api.start(job.ask) for _ in range(8)]
        assert [call.result() for call in calls] == [NOBODY.id] * 8
        assert len(job.world.federation.issued) == 1


def test_a_token_is_kept_where_none_can_be_had_before_it_ends() -> None:
    """The exchange is asked once more when it has ended, and then its reason is told."""
    with at_work() as job:
        job.ask()
        job.world.federation.rule = Rule(is_archived=True)
        job.later(545)
        assert [job.ask(), job.ask()] == [NOBODY.id, NOBODY.id]
        assert len(job.world.exchanges) == 2
        job.later(60)
        assert job.refused().code == "token_exchange_refused"
        assert len(job.world.exchanges) == 3


def test_a_new_token_that_is_refused_is_not_renewed_again() -> None:
    """The second 401 is the answer, with what may be its cause."""
    with at_work() as job:
        revoke = job.world.federation.revoke

        def intercept(request: Request, _: int) -> None:
            if request.path == ME:
                revoke()

        job.world.api.intercept = intercept
        assert_says(job.refused().hint, "service account", RULE_ID)
        assert len(job.world.federation.issued) == 2


def test_the_same_token_again_is_read_whole() -> None:
    """Secrets are blotted out of answers, but not the token that an answer is there for."""
    given = answer_of({"access_token": "sk-ant-oat01-EXAMPLE-SAME", "expires_in": 600})
    with at_work() as job:
        job.world.api.intercept = in_turn(EXCHANGE, given, given)
        first = job.source.current()
        assert job.source.current(refused=first).secret == "sk-ant-oat01-EXAMPLE-SAME"


def test_a_workspace_is_sent_where_one_is_named() -> None:
    """A rule of several needs it."""
    rule = Rule(workspaces=("wrkspc_01A", "wrkspc_01B"))
    with at_work(rule=rule) as job:
        assert_says(job.refused().hint, "ANTHROPIC_WORKSPACE_ID")
    named = FEDERATION._replace(workspace="wrkspc_01A")
    with at_work(rule=rule, federation=named) as job:
        assert job.ask() == NOBODY.id


# What runs the job


def test_a_variable_holds_the_identity_in_gitlab() -> None:
    """As its `id_tokens` has it."""
    identity = GivenIdentity(gitlab_token(NOW))
    with at_work(identity=identity, rule=GITLAB_RULE) as job:
        assert job.ask() == NOBODY.id
        assert job.world.github.requests == []


def test_a_file_is_read_anew_for_each_exchange(tmp_path: Path) -> None:
    """Others write it; a line's end is no part of the token."""
    file = tmp_path / "token"
    file.write_text(f"{gitlab_token(NOW)}\n", encoding="utf-8")
    with at_work(identity=IdentityFile(str(file)), rule=GITLAB_RULE) as job:
        job.ask()
        file.write_text(gitlab_token(NOW, jti="another"), encoding="utf-8")
        job.world.federation.revoke()
        assert job.ask() == NOBODY.id
        assert job.world.federation.outcomes == ["granted", "granted"]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    """With the variable that names it."""
    with at_work(identity=IdentityFile(str(tmp_path / "none"))) as job:
        assert_says(job.refused().message, "ANTHROPIC_IDENTITY_TOKEN_FILE", "No such file")


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"x" * 16_385, b"\xff\xfe"])
def test_a_file_that_holds_no_token_is_not_sent(tmp_path: Path, content: bytes) -> None:
    """Nor is it shown."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with at_work(identity=IdentityFile(str(file))) as job:
        error = job.refused()
        assert error.code == "no_identity_token"
        assert "words" not in error.told
        assert job.world.api.requests == []


@pytest.mark.parametrize("in_github", [True, False])
def test_without_an_identity_it_is_said_what_to_write(in_github: bool) -> None:  # noqa: FBT001
    """As YAML to paste, and that forks are given none."""
    with at_work(identity=NoIdentity(in_github)) as job:
        error = job.refused()
        assert error.code == "no_identity_token"
        assert_says(error.hint, "permissions: {contents: read, id-token: write}", "fork")
        assert ("id_tokens: {ANTHROPIC_IDENTITY_TOKEN: {aud:" in error.hint) is not in_github
        assert job.world.api.requests == []


# What is said where it fails


def test_a_denial_lists_what_to_check_and_what_the_token_says() -> None:
    """As the API says nothing of why; it is asked once, whoever else asks."""
    with at_work(claims={"sub": "repo:example-org/other:pull_request"}) as job:
        error = job.refused()
        assert_says(error.hint, "Console", RULE_ID, "subject", "audience", "scope org:admin")
        assert_says(
            error.trace,
            'sub "repo:example-org/other:pull_request"',
            f'aud "{AUDIENCE}"',
            f'repository "{REPOSITORY}"',
            'ref "refs/heads/main"',
            "request-id",
        )
        assert job.refused() is error
        assert len(job.world.exchanges) == 1


def test_a_claim_cannot_be_more_than_a_word_of_it() -> None:
    """Whoever names a branch writes the token's text: no sign of it ends a line, and it is cut."""
    claims = {"ref": "refs/\n::error::\u202e" + "x" * 5000, "repository": None, "aud": ["a", "b"]}
    with at_work(claims=claims) as job:
        told = job.refused().trace
    assert_says(told, 'aud ["a", "b"]', "no repository", r'ref "refs/\n::error::\u202ex')
    assert told.isprintable()
    assert len(told) < 600


def test_a_subject_that_holds_a_secret_does_not_show_it() -> None:
    """Claims are made of names that people choose."""
    with at_work(claims={"sub": "repo:EXAMPLE-SECRET-OF-THE-RUN"}) as job:
        job.secrets.hide("EXAMPLE-SECRET-OF-THE-RUN")
        assert "EXAMPLE-SECRET" not in job.refused().trace


def test_a_scope_that_opens_no_report_is_named() -> None:
    """By the 403 of the report."""
    with at_work(rule=Rule(scope="workspace:developer")) as job:
        error = job.refused()
        assert error.code == "http_403"
        assert_says(error.hint, RULE_ID, "scope org:admin", '"workspace:developer"', "Console")


@pytest.mark.parametrize("name", MALFORMED_TOKENS)
def test_an_answer_without_a_token_is_none(name: str) -> None:
    """No report is asked for with it."""
    with at_work() as job:
        job.world.api.intercept = in_turn(EXCHANGE, Response(200, MALFORMED_TOKENS[name], {}))
        error = job.refused()
        assert error.code == "malformed_answer"
        assert "EXAMPLE-UNUSED" not in error.told
        assert {request.path for request in job.world.api.requests} == {EXCHANGE}


@pytest.mark.parametrize("name", MALFORMED_IDENTITIES)
def test_an_answer_without_an_identity_is_none(name: str) -> None:
    """Nothing is exchanged."""
    with at_work() as job:
        job.world.github.intercept = lambda *_: Response(200, MALFORMED_IDENTITIES[name], {})
        assert job.refused().code == "no_identity_token"
        assert job.world.api.requests == []


def test_an_identity_that_github_refuses_has_the_permission_to_write() -> None:
    """What it says is told."""
    with at_work() as job:
        job.world.github.intercept = lambda *_: answer_of({"message": "no"}, 403)
        error = job.refused()
        assert error.code == "no_identity_token"
        assert_says(error.hint, "id-token: write", "fork")


@pytest.mark.parametrize("status", [401, 400, 500])
def test_what_an_error_echoes_is_blotted_out(status: int) -> None:
    """Of the exchange, of GitHub and of a report."""
    with at_work() as job:
        job.world.api.intercept = in_turn(EXCHANGE, *[echoing(status)] * 5)
        assert "***" in job.refused().trace
    with at_work() as job:
        job.world.github.intercept = echoing(status)
        job.refused()
    with at_work() as job:
        job.ask()
        job.world.api.intercept = echoing(status)
        assert "***" in job.refused().trace


@pytest.mark.parametrize("status", [500, 503, 529, 429])
def test_a_server_in_trouble_is_asked_again_with_another_assertion(status: int) -> None:
    """The first may have been used up."""
    with at_work() as job:
        trouble = answer_of({"error": {"type": "api_error", "message": "no"}}, status)
        job.world.api.intercept = in_turn(EXCHANGE, trouble, trouble)
        job.world.github.intercept = in_turn(urlsplit(job.world.github.url).path, trouble)
        assert job.ask() == NOBODY.id
        sent = [json.loads(request.body)["assertion"] for request in job.world.exchanges]
        assert len(set(sent)) == 3
        assert len(job.clock.sleeps) == 3


def test_an_assertion_that_there_is_one_of_is_not_sent_twice() -> None:
    """Where it may have been used up: the server's trouble is the answer."""
    with at_work(identity=GivenIdentity(gitlab_token(NOW)), rule=GITLAB_RULE) as job:
        job.world.api.intercept = in_turn(EXCHANGE, answer_of({}, 500))
        assert job.refused().code == "http_500"
        assert len(job.world.exchanges) == 1


def test_an_assertion_used_up_is_not_sent_while_its_token_lasts(tmp_path: Path) -> None:
    """It would be refused; a file that was written since is exchanged in time."""
    file = tmp_path / "token"
    file.write_text(gitlab_token(NOW), encoding="utf-8")
    with at_work(identity=IdentityFile(str(file)), rule=GITLAB_RULE) as job:
        job.ask()
        job.later(545)
        job.ask()
        assert job.world.federation.outcomes == ["granted"]
        file.write_text(gitlab_token(NOW, jti="another"), encoding="utf-8")
        job.later(60)
        job.ask()
        assert job.world.federation.outcomes == ["granted", "granted"]


def test_an_assertion_used_up_is_said_to_be() -> None:
    """Where there is no other, once the token is no good any more."""
    with at_work(identity=GivenIdentity(gitlab_token(NOW)), rule=GITLAB_RULE) as job:
        job.ask()
        job.world.federation.revoke()
        assert_says(job.refused().message, "good for one exchange")
        assert job.world.federation.outcomes == ["granted"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """Neither GitHub's nor the exchange's: it would carry a secret along."""
    with at_work() as job:
        there = Response(status, b"", {"location": f"{job.world.api.url}/elsewhere"})
        job.world.api.intercept = in_turn(EXCHANGE, there)
        assert isinstance(job.refused(), RefusedError)
        assert {request.path for request in job.world.api.requests} == {EXCHANGE}
    with at_work() as job:
        there = Response(status, b"", {"location": f"{job.world.api.url}/elsewhere"})
        job.world.github.intercept = lambda *_: there
        assert job.refused().code == "no_identity_token"
        assert job.world.api.requests == []


@pytest.mark.parametrize("which", ["github", "exchange"])
def test_what_is_slow_ends_at_the_deadline(which: str) -> None:
    """Of the whole run, for each that waits."""
    done = threading.Event()

    def stall(request: Request, _: int) -> None:
        if which == "github" or request.path == EXCHANGE:
            done.wait(30)

    clock_less = keyless(NOBODY, now=NOW)
    with clock_less as world, ExitStack() as stack:
        world.github.intercept = world.api.intercept = stall
        url = urlsplit(world.github.url)
        bearer = Credential.of_token(world.github.request_token)
        stack.callback(done.set)
        asks = connected(f"{url.scheme}://{url.netloc}", credential=bearer, deadline=0.3)
        identity = GitHubIdentity(stack.enter_context(asks), url.path, url.query)
        bare = stack.enter_context(connected(world.api.url, credential=NO_CREDENTIAL, deadline=0.3))
        source = TokenExchange(FEDERATION, identity, bare, echoes=Secrets(), secrets=Secrets())
        api = stack.enter_context(connected(world.api.url, credential=source, deadline=0.3))
        calls = [api.start(lambda: api.get(ME)) for _ in range(3)]
        for call in calls:
            with pytest.raises(UnverifiedError) as raised:
                call.result()
            assert raised.value.code in ("deadline", "timeout", "no_identity_token")
        done.set()


def test_no_representation_shows_a_token() -> None:
    """Nor the identity's, nor the request's."""
    with at_work() as job:
        job.ask()
        shown = f"{job.source!r} {job.source.identity!r} {job.source.current()!r} {job.secrets!r}"
        assert job.world.leaks(shown) == []
    assert "EXAMPLE" not in repr(GivenIdentity("EXAMPLE-TOKEN"))


def test_tokens_are_told_to_no_runner() -> None:
    """Its mask of a text begins with showing it, and no other step can know them."""
    told: list[str] = []
    with at_work() as job:
        job.secrets.tell(told.append)
        job.ask()
        assert {*job.world.github.issued, *job.world.federation.issued} <= {*job.secrets}
    assert told == []


def test_a_large_answer_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left when it is too much."""
    monkeypatch.setattr("budget_gate.sources.http.transport.MAX_BODY_BYTES", 10_000)
    with at_work() as job:
        job.world.api.intercept = in_turn(EXCHANGE, reply({"access_token": "x" * 20_000}))
        assert job.refused().code == "oversized_answer"
