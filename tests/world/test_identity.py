"""The loopback identity behaves as GitHub's endpoint and the vendor's exchange are documented to, so that tests may trust it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.world.identity import (
    AUDIENCE,
    FEDERATION_BETA,
    GITLAB_RULE,
    GRANT_TYPE,
    ISSUER,
    MALFORMED_IDENTITIES,
    MALFORMED_TOKENS,
    OAUTH_BETA,
    OPAQUE,
    ORGANIZATION_ID,
    REPOSITORY,
    REQUEST_PATH,
    RULE_ID,
    SERVICE_ACCOUNT_ID,
    SUBJECT,
    Keyless,
    Rule,
    answer_of,
    claims_of,
    echoing,
    gitlab_token,
    in_turn,
    keyless,
    signed,
    slow,
)
from tests.world.loopback import EXAMPLE_KEY, EXCHANGE, Organization

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
NOBODY = Organization(usage=[], workspaces=[])
ME = "/v1/organizations/me"
BETAS = f"{OAUTH_BETA},{FEDERATION_BETA}"
AGENT = {"user-agent": "loopback-test/1"}


@pytest.fixture
def job() -> Iterator[Keyless]:
    """A job without a key."""
    with keyless(NOBODY, now=NOW) as served:
        yield served


def identity(job: Keyless, audience: str | None = AUDIENCE) -> httpx.Response:
    """Ask GitHub for a token, as its toolkit does."""
    environment = job.environment
    added = "" if audience is None else f"&audience={quote(audience, safe='')}"
    return httpx.get(
        environment["ACTIONS_ID_TOKEN_REQUEST_URL"] + added,
        headers={"authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        trust_env=False,
    )


def assertion(job: Keyless, audience: str = AUDIENCE) -> str:
    """Return a token of GitHub's for the job."""
    token: str = identity(job, audience).json()["value"]
    return token


def exchange(
    job: Keyless,
    token: str,
    changes: Mapping[str, str | None] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Exchange a token; a field that is None is left out."""
    body = {
        "grant_type": GRANT_TYPE,
        "assertion": token,
        "federation_rule_id": RULE_ID,
        "organization_id": ORGANIZATION_ID,
        "service_account_id": SERVICE_ACCOUNT_ID,
        **(changes or {}),
    }
    return httpx.post(
        job.api.url + EXCHANGE,
        json={name: value for name, value in body.items() if value is not None},
        headers={**AGENT, "anthropic-beta": BETAS} if headers is None else headers,
        trust_env=False,
    )


def access(job: Keyless) -> str:
    """Return an access token for the job."""
    token: str = exchange(job, assertion(job)).json()["access_token"]
    return token


def ask(job: Keyless, token: str, path: str = ME, beta: str | None = OAUTH_BETA) -> httpx.Response:
    """Ask the API for something with an access token."""
    headers = {**AGENT, "anthropic-version": "2023-06-01", "authorization": f"Bearer {token}"}
    return httpx.get(
        job.api.url + path,
        headers=headers | ({} if beta is None else {"anthropic-beta": beta}),
        trust_env=False,
    )


def refused(response: httpx.Response, status: int, kind: str, message: str) -> None:
    """Fail unless it is that error of the API."""
    assert response.status_code == status
    body = response.json()
    assert (body["type"], body["error"]) == ("error", {"type": kind, "message": message})
    assert body["request_id"] == response.headers["request-id"]


def denied(job: Keyless, response: httpx.Response, reason: str) -> None:
    """Fail unless it is the opaque denial, for a reason that only the history has."""
    refused(response, 401, "authentication_error", OPAQUE)
    assert job.federation.outcomes[-1] == reason
    assert reason not in response.text
    assert job.federation.issued == []


# GitHub's endpoint


def test_a_job_gets_a_token_for_an_audience(job: Keyless) -> None:
    """It is a JWT of three parts that tells who the job is, for five minutes."""
    answer = identity(job).json()
    claims = claims_of(answer["value"])
    told = {name: claims[name] for name in ("iss", "aud", "sub", "repository", "ref")}
    assert told == {
        "iss": ISSUER,
        "aud": "https://api.anthropic.com",
        "sub": f"repo:{REPOSITORY}:ref:refs/heads/main",
        "repository": REPOSITORY,
        "ref": "refs/heads/main",
    }
    assert claims["iat"] == NOW.timestamp()
    assert claims["exp"] - claims["iat"] == 300
    assert answer["value"].count(".") == 2
    assert job.github.issued == [answer["value"]]


def test_without_an_audience_it_is_the_owners_address(job: Keyless) -> None:
    """As GitHub has it by default."""
    claims = claims_of(identity(job, None).json()["value"])
    assert claims["aud"] == "https://github.com/example-org"


def test_each_token_is_another(job: Keyless) -> None:
    """Two requests give two tokens with ids of their own."""
    first, second = assertion(job), assertion(job)
    assert claims_of(first)["jti"] != claims_of(second)["jti"]


def test_claims_are_the_tests() -> None:
    """A claim is changed, added, and taken away."""
    changes = {"sub": "repo:other/other:pull_request", "environment": "prod", "ref": None}
    with keyless(NOBODY, now=NOW, claims=changes) as job:
        claims = claims_of(assertion(job))
    assert claims["sub"] == "repo:other/other:pull_request"
    assert claims["environment"] == "prod"
    assert "ref" not in claims


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer EXAMPLE-OTHER"}])
def test_a_wrong_request_token_gets_nothing(
    job: Keyless, status: int, sent: dict[str, str]
) -> None:
    """It is refused, and nothing is issued."""
    job.github.refusal = status
    response = httpx.get(f"{job.github.url}&audience=x", headers=sent, trust_env=False)
    assert response.status_code == status
    assert job.github.issued == []
    assert len(job.github.requests) == 1


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?api-version=1.0", 400),
        ("?api-version=2.0&audience=a&audience=b", 400),
        ("?api-version=2.0?audience=a", 400),
    ],
)
def test_a_query_that_is_not_as_documented(job: Keyless, query: str, status: int) -> None:
    """The audience is added to the query that is there already."""
    url = job.github.url.partition("?")[0] + query
    headers = {"authorization": f"Bearer {job.github.request_token}"}
    assert httpx.get(url, headers=headers, trust_env=False).status_code == status


def test_another_path_is_none(job: Keyless) -> None:
    """The two slashes within the path are part of it."""
    url = job.github.url.replace("//idtoken", "/idtoken")
    headers = {"authorization": f"Bearer {job.github.request_token}"}
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 404
    assert "//idtoken" in REQUEST_PATH


# The exchange


def test_a_token_is_exchanged(job: Keyless) -> None:
    """The answer is that of RFC 6749, and the token is a credential for the organization."""
    response = exchange(job, assertion(job))
    answer = response.json()
    assert response.status_code == 200
    assert answer.pop("access_token").startswith("sk-ant-oat01-")
    assert answer == {"token_type": "Bearer", "expires_in": 600, "scope": "org:admin"}
    assert ask(job, job.federation.issued[0]).json()["id"] == NOBODY.id
    assert job.federation.outcomes == ["granted"]
    (request,) = job.exchanges
    assert json.loads(request.body)["organization_id"] == NOBODY.id == ORGANIZATION_ID


def spoil(token: str) -> str:
    """Change one character of what a token tells."""
    header, claims, signature = token.split(".")
    return ".".join(
        (header, f"{'A' if claims[30] != 'A' else 'B'}".join((claims[:30], claims[31:])), signature)
    )


Making = Callable[[Mapping[str, Any]], str]
WRONG_ASSERTIONS: dict[str, tuple[Making, str]] = {
    "no-jwt": (lambda _: "EXAMPLE", "malformed"),
    "two-parts": (lambda claims: signed(claims).rpartition(".")[0], "malformed"),
    "spoiled": (lambda claims: f"{signed(claims)[:-4]}AAAA", "signature"),
    "unsigned": (lambda claims: signed(claims, algorithm="none"), "signature"),
    "symmetric": (lambda claims: signed(claims, algorithm="HS256"), "signature"),
    "other-key": (lambda claims: signed(claims, kid="EXAMPLE-OTHER"), "signature"),
    "no-key": (lambda claims: signed(claims, kid=None), "signature"),
    "issuer": (lambda claims: signed({**claims, "iss": f"{ISSUER}/"}), "issuer"),
    "audience": (
        lambda claims: signed({**claims, "aud": "https://github.com/x"}),
        "match_audience",
    ),
    "no-audience": (lambda claims: signed({**claims, "aud": []}), "match_audience"),
    "subject": (
        lambda claims: signed({**claims, "sub": f"repo:{REPOSITORY}:pull_request"}),
        "match_subject_prefix",
    ),
    "longer-subject": (
        lambda claims: signed({**claims, "sub": f"{SUBJECT}2"}),
        "match_subject_prefix",
    ),
    "capitals": (lambda claims: signed({**claims, "sub": SUBJECT.upper()}), "match_subject_prefix"),
    "no-subject": (lambda claims: signed({**claims, "sub": None}), "malformed"),
    "no-start": (lambda claims: signed({**claims, "iat": None}), "malformed"),
    "expired": (lambda claims: signed({**claims, "exp": claims["iat"] - 30}), "expired"),
    "future": (lambda claims: signed({**claims, "iat": claims["iat"] + 31}), "not_yet_valid"),
    "too-long": (lambda claims: signed({**claims, "exp": claims["iat"] + 3601}), "lifetime"),
    "too-large": (lambda claims: signed({**claims, "more": "x" * 16 * 1024}), "too_large"),
}


@pytest.mark.parametrize(("make", "reason"), WRONG_ASSERTIONS.values(), ids=WRONG_ASSERTIONS)
def test_an_assertion_that_is_denied(job: Keyless, make: Making, reason: str) -> None:
    """Each denial is the same opaque 401, and the history knows the reason."""
    denied(job, exchange(job, make(claims_of(assertion(job)))), reason)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("federation_rule_id", "fdrl_01OTHER", "rule"),
        ("organization_id", "99999999-2222-4333-8444-555555555555", "organization"),
        ("service_account_id", "svac_01OTHER", "service_account"),
    ],
)
def test_a_wrong_id_is_denied_likewise(job: Keyless, field: str, value: str, reason: str) -> None:
    """Which of the ids is wrong is not told."""
    denied(job, exchange(job, assertion(job), {field: value}), reason)


@pytest.mark.parametrize(
    ("rule", "sent", "reason"),
    [
        (Rule(is_archived=True), {}, "archived"),
        (Rule(claims={"ref": "refs/heads/release"}), {}, "match_claims"),
        (Rule(audience="https://other.example"), {}, "match_audience"),
        (Rule(workspaces=("wrkspc_A", "wrkspc_B")), {}, "workspace_id_required"),
        (Rule(workspaces=("wrkspc_A",)), {"workspace_id": "wrkspc_B"}, "workspace"),
    ],
)
def test_a_rule_that_does_not_fit(
    job: Keyless, rule: Rule, sent: dict[str, str], reason: str
) -> None:
    """A rule that is archived, asks for more, or is of several workspaces denies."""
    job.federation.rule = rule
    denied(job, exchange(job, assertion(job), sent), reason)


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        (Rule(subject_prefix=f"repo:{REPOSITORY}:*"), {}),
        (Rule(claims={"ref": "refs/heads/main", "repository_owner": "example-org"}), {}),
        (Rule(workspaces=("wrkspc_A",)), {}),
        (Rule(workspaces=("wrkspc_A", "wrkspc_B")), {"workspace_id": "wrkspc_B"}),
        (Rule(workspaces=("default", "wrkspc_B")), {"workspace_id": "default"}),
    ],
)
def test_a_rule_that_fits(job: Keyless, rule: Rule, sent: dict[str, str]) -> None:
    """A prefix, claims, and a workspace where one is needed."""
    job.federation.rule = rule
    assert exchange(job, assertion(job), sent).status_code == 200


def test_an_assertion_is_good_once(job: Keyless) -> None:
    """The second exchange of the same token is denied, as that of a replay."""
    token = assertion(job)
    assert exchange(job, token).status_code == 200
    refused(exchange(job, token), 401, "authentication_error", OPAQUE)
    assert job.federation.outcomes == ["granted", "jti_reused"]


def test_an_assertion_is_good_again_where_the_issuer_says_so(job: Keyless) -> None:
    """Without the check, and for one without an id."""
    token = signed(
        {name: value for name, value in claims_of(assertion(job)).items() if name != "jti"}
    )
    assert [exchange(job, token).status_code for _ in range(2)] == [200, 200]
    job.federation.check_jti = False
    token = assertion(job)
    assert [exchange(job, token).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("seconds", [-30, 329])
def test_half_a_minute_of_skew_is_let_through(job: Keyless, seconds: int) -> None:
    """A clock that is off by less than that does no harm."""
    token = assertion(job)
    job.clock.now += timedelta(seconds=seconds)
    assert exchange(job, token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"federation_rule_id": "EXAMPLE"}, "federation_rule_id: Input should be"),
        ({"federation_rule_id": None}, "federation_rule_id: Field required"),
        ({"assertion": ""}, "assertion: Field required"),
        ({"organization_id": None}, "organization_id: Field required"),
        ({"service_account_id": None}, "service_account_id: Field required"),
        ({"grant_type": "refresh_token"}, "grant_type: Input should be"),
        ({"workspace_id": "production"}, "workspace_id: Input should be"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(
    job: Keyless, changes: dict[str, str | None], message: str
) -> None:
    """What is no secret of a rule is a 400 that names the field, without an entry of the history."""
    response = exchange(job, assertion(job), changes)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert response.json()["error"]["message"].startswith(message)
    assert job.federation.outcomes == []


@pytest.mark.parametrize(
    "headers",
    [
        {**AGENT, "anthropic-beta": OAUTH_BETA},
        {**AGENT, "anthropic-beta": FEDERATION_BETA},
        AGENT,
        {"user-agent": "", "anthropic-beta": BETAS},
        {**AGENT, "anthropic-beta": BETAS, "content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_the_headers_of_an_exchange(job: Keyless, headers: dict[str, str]) -> None:
    """Both betas, an agent and JSON are asked for."""
    assert exchange(job, assertion(job), headers=headers).status_code == 400


def test_only_a_post_is_an_exchange(job: Keyless) -> None:
    """And without a federation there is none."""
    assert httpx.get(job.api.url + EXCHANGE, headers=AGENT, trust_env=False).status_code == 405
    job.api.federation = None
    assert exchange(job, assertion(job)).status_code == 401


@pytest.mark.parametrize(
    ("lifetime", "passed", "seconds"),
    [(600, 0, 600), (3600, 0, 600), (600, 200, 200), (600, 290, 60), (90, 0, 90)],
)
def test_how_long_a_token_lasts(job: Keyless, lifetime: int, passed: int, seconds: int) -> None:
    """As long as its rule says, but twice what is left of the assertion at most, and a minute at least."""
    job.federation.rule = Rule(lifetime=lifetime)
    token = assertion(job)
    job.clock.now += timedelta(seconds=passed)
    assert exchange(job, token).json()["expires_in"] == seconds


def test_gitlabs_tokens() -> None:
    """They are of another issuer, and of an hour."""
    with keyless(NOBODY, now=NOW, rule=GITLAB_RULE) as job:
        assert exchange(job, gitlab_token(NOW)).json()["expires_in"] == 600
        refused(exchange(job, assertion(job)), 401, "authentication_error", OPAQUE)
    assert job.federation.outcomes == ["granted", "issuer"]


# The tokens that were issued


@pytest.mark.parametrize("beta", [None, "fast-mode-2026-02-01", f"{OAUTH_BETA}b"])
def test_a_token_needs_its_beta(job: Keyless, beta: str | None) -> None:
    """Without it a good token is refused."""
    response = ask(job, access(job), beta=beta)
    message = "OAuth authentication is currently not supported."
    refused(response, 401, "authentication_error", message)


def test_a_token_goes_with_other_betas(job: Keyless) -> None:
    """The betas are joined by commas."""
    assert ask(job, access(job), beta=f"fast-mode-2026-02-01, {OAUTH_BETA}").status_code == 200


def test_a_token_expires(job: Keyless) -> None:
    """By the clock that the test moves on, to the second."""
    token = access(job)
    job.clock.now += timedelta(seconds=599)
    assert ask(job, token).status_code == 200
    job.clock.now += timedelta(seconds=1)
    response = ask(job, token)
    assert response.status_code == 401
    assert "expired" in response.json()["error"]["message"]


def test_a_short_life_is_the_tests(job: Keyless) -> None:
    """Shorter than the real API would give it."""
    job.federation.expires_in = 5
    token = access(job)
    assert ask(job, token).status_code == 200
    job.clock.now += timedelta(seconds=5)
    assert ask(job, token).status_code == 401


def test_a_token_is_revoked(job: Keyless) -> None:
    """One, or all; those that come after are good."""
    first, second = access(job), access(job)
    job.federation.revoke(first)
    assert [ask(job, token).status_code for token in (first, second)] == [401, 200]
    job.federation.revoke()
    assert [ask(job, token).status_code for token in (second, access(job))] == [401, 200]


def test_a_lesser_scope_opens_no_report() -> None:
    """The exchange succeeds, and says its scope; what it is for is forbidden."""
    rule = replace(Rule(), scope="workspace:developer")
    with keyless(NOBODY, now=NOW, rule=rule) as job:
        answer = exchange(job, assertion(job)).json()
        assert answer["scope"] == "workspace:developer"
        message = "OAuth token does not meet scope requirement org:admin"
        for path in (ME, "/v1/organizations/workspaces", "/v1/organizations/usage_report/messages"):
            refused(ask(job, answer["access_token"], path), 403, "permission_error", message)


def test_a_key_goes_before_a_token(job: Keyless) -> None:
    """The API looks at the key alone where both are sent."""
    headers = {**AGENT, "anthropic-version": "2023-06-01", "authorization": f"Bearer {access(job)}"}
    for key, status in ((EXAMPLE_KEY, 200), ("EXAMPLE-OTHER", 401)):
        response = httpx.get(
            job.api.url + ME, headers={**headers, "x-api-key": key}, trust_env=False
        )
        assert response.status_code == status


# What tests make of it


def test_secrets_and_leaks(job: Keyless) -> None:
    """Every token is a secret, whole and in its parts; what a token tells is none."""
    token, granted = assertion(job), access(job)
    exchange(job, "EXAMPLE-OF-THE-TESTS.x.y")
    assert {token, granted, job.github.request_token, "EXAMPLE-OF-THE-TESTS.x.y"} <= set(
        job.secrets
    )
    assert job.leaks(f"{SUBJECT} {AUDIENCE} {RULE_ID}", "") == []
    assert job.leaks("ok", f"token={granted}") == [granted]
    assert job.leaks(f"{token.split('.')[1]}...") == [token.split(".")[1]]
    job.github.request_token = "a/b+c"
    assert job.leaks("?a%2Fb%2Bc") == ["a/b+c"]


def test_answers_in_turn(job: Keyless) -> None:
    """The n-th answer is to the n-th request of that path, and others are let through."""
    job.api.intercept = in_turn(EXCHANGE, answer_of({}, 529, retry_after="1"), None, slow(0.01))
    statuses = [exchange(job, assertion(job)).status_code for _ in range(4)]
    assert statuses == [529, 200, 200, 200]
    assert len(job.exchanges) == 4
    assert ask(job, job.federation.issued[0]).status_code == 200


def test_an_echo_has_all_that_was_sent(job: Keyless) -> None:
    """Body and headers stand in the message of the error."""
    job.api.intercept = in_turn(EXCHANGE, echoing())
    job.github.intercept = in_turn(REQUEST_PATH, echoing(403))
    refusal = identity(job)
    assert refusal.status_code == 403
    assert job.leaks(refusal.text) == [job.github.request_token]
    token = assertion(job)
    assert token in job.leaks(exchange(job, token).text)


def is_usable(body: bytes) -> bool:
    """Tell whether an answer has a token that can be sent and a time that can be told."""
    try:
        answer = json.loads(body)
        token, seconds = answer["access_token"], answer["expires_in"]
        sent = f"{answer['token_type']} {token}".encode("ascii").decode().isprintable()
        return bool(token) and isinstance(token, str) and sent and 0 < int(seconds) < 90_000
    except (ValueError, KeyError, TypeError, OverflowError):
        return False


@pytest.mark.parametrize("name", sorted(MALFORMED_TOKENS.keys() - {"other-kind"}))
def test_malformed_answers_of_the_exchange(name: str) -> None:
    """None of them has a token and a time that could be used, but for that of another kind."""
    assert not is_usable(MALFORMED_TOKENS[name])
    assert is_usable(MALFORMED_TOKENS["other-kind"].replace(b"mac", b"Bearer"))


@pytest.mark.parametrize("name", MALFORMED_IDENTITIES)
def test_malformed_answers_of_github(name: str) -> None:
    """None of them has a token."""
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        claims_of(json.loads(MALFORMED_IDENTITIES[name])["value"])


# The vendor's own client


def test_the_vendors_client_is_let_in(
    job: Keyless, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It exchanges the job's token by itself, uses what it gets, and is told the opaque denial."""
    import anthropic

    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    with anthropic.DefaultHttpxClient(trust_env=False) as http:
        credentials = anthropic.WorkloadIdentityCredentials(
            identity_token_provider=lambda: assertion(job),
            federation_rule_id=RULE_ID,
            organization_id=ORGANIZATION_ID,
            service_account_id=SERVICE_ACCOUNT_ID,
            http_client=http,
        )
        client = anthropic.Anthropic(
            credentials=credentials,
            base_url=job.api.url,
            max_retries=0,
            default_headers={"anthropic-version": "2023-06-01"},
            http_client=http,
        )
        assert client.beta.organization.retrieve().id == ORGANIZATION_ID
        assert list(client.beta.organization.workspaces.list()) == []
        (request,) = job.exchanges
        assert request.headers["anthropic-beta"] == BETAS
        assert job.federation.outcomes == ["granted"]
        job.federation.rule = Rule(is_archived=True)
        with pytest.raises(
            anthropic.WorkloadIdentityError, match="Token exchange failed"
        ) as caught:
            credentials()
        assert caught.value.status_code == 401
