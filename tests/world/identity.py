"""Who a CI job is, and what it gets for that: GitHub's OIDC endpoint on loopback, and the exchange of its tokens for the API's.

By the vendor's reference of workload identity federation and GitHub's of OpenID Connect. A token's signature is of the
length of RS256 and is checked, but it is made with a secret of this module, as nothing here has a key pair.
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from tests.world.loopback import (
    EXCHANGE,
    Intercept,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Server,
    has_beta,
)
from tests.world.loopback_query import ApiError, epoch, invalid

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "https://api.anthropic.com"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OAUTH_BETA = "oauth-2025-04-20"
FEDERATION_BETA = "oidc-federation-2026-04-01"
ADMIN_SCOPE = "org:admin"
# What every denied exchange says, whatever the reason.
OPAQUE = "Authentication failed"
ORGANIZATION_ID = "11111111-2222-4333-8444-555555555555"
RULE_ID = "fdrl_01EXAMPLERULE"
SERVICE_ACCOUNT_ID = "svac_01EXAMPLEACCOUNT"
REPOSITORY = "example-org/example-repo"
SUBJECT = f"repo:{REPOSITORY}:ref:refs/heads/main"
REQUEST_TOKEN = "EXAMPLE-REQUEST-TOKEN-OF-THE-JOB"
# As a runner has it: two slashes, and a query to which the audience is added.
REQUEST_PATH = (
    "/119//idtoken/00000000-1111-4222-8333-444444444444/55555555-6666-4777-8888-999999999999"
)
API_VERSION = "2.0"

KEY_ID = "EXAMPLE-SIGNING-KEY"
ALGORITHMS = frozenset(
    f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)
)
MAXIMUM_ASSERTION = 16 * 1024
MAXIMUM_LIFETIME = 3600  # of an assertion, by the issuer's default
LEEWAY = 30
SHORTEST_TOKEN = 60
REQUIRED = (
    "grant_type",
    "assertion",
    "federation_rule_id",
    "organization_id",
    "service_account_id",
)
FORMS = {
    "grant_type": (re.escape(GRANT_TYPE), f"'{GRANT_TYPE}'"),
    "federation_rule_id": (r"fdrl_\w+", "the id of a federation rule (fdrl_...)"),
    "workspace_id": (r"wrkspc_\w+|default", "the id of a workspace (wrkspc_...) or 'default'"),
}
_SECRET = b"EXAMPLE: signs nothing but what tests make up"


@dataclass
class Clock:
    """The time by which tokens age; a test moves `now` on."""

    now: datetime


@dataclass(frozen=True)
class Rule:
    """A federation rule with its issuer and target; `lifetime` in seconds, `claims` to match exactly.

    `subject_prefix` is the whole subject, or its beginning where it ends with `*`.
    """

    id: str = RULE_ID
    organization_id: str = ORGANIZATION_ID
    service_account_id: str = SERVICE_ACCOUNT_ID
    issuer: str = ISSUER
    audience: str = AUDIENCE
    subject_prefix: str = SUBJECT
    claims: Mapping[str, str] = field(default_factory=dict)
    scope: str = ADMIN_SCOPE
    lifetime: int = 600
    workspaces: tuple[str, ...] = ()
    is_archived: bool = False


GITLAB_RULE = Rule(
    issuer="https://gitlab.com",
    subject_prefix="project_path:example-group/example-project:ref_type:branch:ref:main",
)


class DeniedError(Exception):
    """An exchange that is denied: the reason stands in the Console alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Federation:
    """The API's side: exchanges a job's token for one of its own, and knows its own again.

    `outcomes` has "granted" or the reason of the denial for each exchange that got so far. `expires_in` takes the place
    of the lifetime that the rule and the assertion give. With `check_jti` an assertion is good once, as by default.
    """

    def __init__(
        self,
        clock: Clock,
        rule: Rule | None = None,
        *,
        expires_in: int | None = None,
        check_jti: bool = True,
    ) -> None:
        self.clock = clock
        self.rule = rule or Rule()
        self.expires_in = expires_in
        self.check_jti = check_jti
        self.outcomes: list[str] = []
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._revoked: set[str] = set()
        self._used: set[str] = set()
        self._lock = threading.Lock()

    @property
    def issued(self) -> list[str]:
        """Every access token so far, the oldest first."""
        return list(self._tokens)

    def revoke(self, token: str | None = None) -> None:
        """Let a token be no good any more, or all that were issued so far."""
        self._revoked |= set(self._tokens) if token is None else {token}

    def exchange(self, request: Request) -> bytes:
        """Return the answer that has the access token; raises ApiError."""
        body = _form(request)
        with self._lock:
            try:
                claims = self._verified(body["assertion"])
                self._match(body, claims)
            except DeniedError as denial:
                self.outcomes.append(denial.reason)
                raise ApiError(401, "authentication_error", OPAQUE) from None
            self.outcomes.append("granted")
            token = f"sk-ant-oat01-EXAMPLE-FEDERATED-{len(self._tokens) + 1}"
            seconds = self._lifetime(claims)
            self._tokens[token] = (self.rule.scope, self.clock.now + timedelta(seconds=seconds))
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": self.rule.scope,
        }
        return json.dumps(answer).encode()

    def admit(self, request: Request) -> bool:
        """Return whether a request comes with a token of this federation's; raises ApiError where it is no good for it."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self._tokens:
            return False
        scope, end = self._tokens[token]
        if not has_beta(request, OAUTH_BETA):
            _unauthenticated("OAuth authentication is currently not supported.")
        if token in self._revoked:
            _unauthenticated("OAuth access token is invalid.")
        if self.clock.now >= end:
            _unauthenticated(
                "OAuth token has expired. Please obtain a new token or refresh your existing token."
            )
        if ADMIN_SCOPE not in scope.split():
            raise ApiError(
                403,
                "permission_error",
                f"OAuth token does not meet scope requirement {ADMIN_SCOPE}",
            )
        return True

    def _lifetime(self, claims: Mapping[str, Any]) -> int:
        if self.expires_in is not None:
            return self.expires_in
        left = int(claims["exp"]) - epoch(self.clock.now)
        return max(SHORTEST_TOKEN, min(self.rule.lifetime, 2 * left))

    def _verified(self, assertion: str) -> dict[str, Any]:
        """Return the claims of an assertion that is what it says, now and for the first time."""
        if len(assertion.encode()) > MAXIMUM_ASSERTION:
            raise DeniedError("too_large")
        try:
            header, claims = _parts(assertion)
        except ValueError:
            raise DeniedError("malformed") from None
        if header.get("alg") not in ALGORITHMS or header.get("kid") != KEY_ID:
            raise DeniedError("signature")
        if claims.get("iss") != self.rule.issuer:
            raise DeniedError("issuer")
        unsigned, _, signature = assertion.rpartition(".")
        if not hmac.compare_digest(signature, _signature(unsigned)):
            raise DeniedError("signature")
        if not isinstance(claims.get("sub"), str) or not all(
            isinstance(claims.get(name), int) for name in ("iat", "exp")
        ):
            raise DeniedError("malformed")
        now = epoch(self.clock.now)
        if claims["exp"] <= now - LEEWAY:
            raise DeniedError("expired")
        if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
            raise DeniedError("not_yet_valid")
        if claims["exp"] - claims["iat"] > MAXIMUM_LIFETIME:
            raise DeniedError("lifetime")
        return claims

    def _match(self, body: Mapping[str, str], claims: Mapping[str, Any]) -> None:
        """Deny what is not of the rule; an assertion that is granted is used up."""
        rule = self.rule
        audience = claims.get("aud")
        prefix = rule.subject_prefix.removesuffix("*")
        is_whole = prefix == rule.subject_prefix
        workspace = body.get("workspace_id")
        conditions = {
            "rule": body["federation_rule_id"] == rule.id,
            "archived": not rule.is_archived,
            "organization": body["organization_id"] == rule.organization_id,
            "service_account": body["service_account_id"] == rule.service_account_id,
            "match_audience": rule.audience
            in (audience if isinstance(audience, list) else [audience]),
            "match_subject_prefix": claims["sub"] == prefix
            or (not is_whole and claims["sub"].startswith(prefix)),
            "match_claims": all(claims.get(name) == value for name, value in rule.claims.items()),
            "workspace_id_required": workspace is not None or len(rule.workspaces) < 2,
            "workspace": workspace in {None, *rule.workspaces} or not rule.workspaces,
            "jti_reused": not self.check_jti or claims.get("jti") not in self._used,
        }
        for reason, holds in conditions.items():
            if not holds:
                raise DeniedError(reason)
        if "jti" in claims:
            self._used.add(claims["jti"])


class GitHub:
    """The endpoint where a job that has `id-token: write` gets its token, on 127.0.0.1, as a context manager.

    `claims` change those of the job; one that is None is left out. A wrong request token is answered with `refusal`.
    `requests` has every request and `issued` every token; `intercept` may answer in its place, as that of the API.
    """

    def __init__(
        self,
        clock: Clock,
        claims: Mapping[str, Any] | None = None,
        *,
        request_token: str = REQUEST_TOKEN,
        refusal: int = 401,
        intercept: Intercept | None = None,
    ) -> None:
        self.clock = clock
        self.claims = claims or {}
        self.request_token = request_token
        self.refusal = refusal
        self.intercept = intercept
        self.requests: list[Request] = []
        self.issued: list[str] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = Server(self)

    @property
    def now(self) -> datetime:
        """What the date of an answer tells."""
        return self.clock.now

    @property
    def url(self) -> str:
        """Where the job asks, without the audience."""
        return f"{self._server.url}{REQUEST_PATH}?api-version={API_VERSION}"

    @property
    def environment(self) -> dict[str, str]:
        """What the runner sets for a job that has the permission."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": self.url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def __enter__(self) -> Self:
        """Start serving."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._server.stop()

    def new_request_id(self) -> str:
        """Return an id that no earlier answer carried."""
        return f"EXAMPLE-ACTIVITY-{next(self._numbers)}"

    def receive(self, request: Request) -> Response:
        """Record a request, and return the interceptor's answer or GitHub's own."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        given = self.intercept(request, number) if self.intercept is not None else None
        return given or self.answer(request)

    def answer(self, request: Request) -> Response:
        """Return GitHub's own answer, which is not recorded but for the token in it."""
        query = dict(request.query)
        if request.headers.get("authorization", "").casefold() != (
            f"bearer {self.request_token}".casefold()
        ):
            return answer_of({"message": "The request token is not valid."}, self.refusal)
        if request.method != "GET" or request.path != REQUEST_PATH:
            return answer_of({"message": "Not Found"}, 404)
        if query.get("api-version") != API_VERSION or len(query) != len(request.query):
            return answer_of({"message": "A supported api-version is needed, once."}, 400)
        owner = f"https://github.com/{REPOSITORY.partition('/')[0]}"
        token = signed(self.claims_of_job(query.get("audience") or owner))
        with self._lock:
            self.issued.append(token)
        return answer_of({"count": len(token), "value": token})

    def claims_of_job(self, audience: str) -> dict[str, Any]:
        """Return what a token tells of the job; the token is good for five minutes."""
        owner = REPOSITORY.partition("/")[0]
        workflow = f"{REPOSITORY}/.github/workflows/budget.yml@refs/heads/main"
        own = {
            **_times(self.clock.now, 300),
            "iss": ISSUER,
            "aud": audience,
            "sub": SUBJECT,
            "jti": f"00000000-0000-4000-8000-{next(self._numbers):012d}",
            "repository": REPOSITORY,
            "repository_id": "74",
            "repository_owner": owner,
            "repository_owner_id": "65",
            "repository_visibility": "private",
            "ref": "refs/heads/main",
            "ref_type": "branch",
            "ref_protected": "true",
            "base_ref": "",
            "head_ref": "",
            "sha": "0123456789abcdef0123456789abcdef01234567",
            "workflow": "budget",
            "workflow_ref": workflow,
            "job_workflow_ref": workflow,
            "event_name": "schedule",
            "actor": "example-actor",
            "actor_id": "12",
            "run_id": "1234567890",
            "run_number": "10",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
        }
        return {name: value for name, value in {**own, **self.claims}.items() if value is not None}


@dataclass(frozen=True)
class Keyless:
    """An API and a job that has no key: who it is, and where to ask."""

    api: LoopbackAPI
    github: GitHub
    federation: Federation
    clock: Clock

    @property
    def environment(self) -> dict[str, str]:
        """What the job has: the runner's variables, three ids, and no key."""
        return {
            **self.github.environment,
            "ANTHROPIC_BASE_URL": self.api.url,
            "ANTHROPIC_ADMIN_KEY": "",
            "ANTHROPIC_FEDERATION_RULE_ID": RULE_ID,
            "ANTHROPIC_ORGANIZATION_ID": ORGANIZATION_ID,
            "ANTHROPIC_SERVICE_ACCOUNT_ID": SERVICE_ACCOUNT_ID,
        }

    @property
    def exchanges(self) -> list[Request]:
        """The requests to the exchange, those included that an interceptor answered."""
        return [request for request in self.api.requests if request.path == EXCHANGE]

    @property
    def secrets(self) -> list[str]:
        """What no output may have: every token so far, and the parts of those that have parts."""
        assertions = {*self.github.issued, *map(_assertion, self.exchanges)} - {""}
        parts = {part for token in assertions for part in token.split(".") if len(part) > 20}
        return sorted({self.github.request_token, *assertions, *parts, *self.federation.issued})

    def leaks(self, *texts: str) -> list[str]:
        """Return the secrets that stand in any of the texts, percent-encoded ones included."""
        return [
            secret
            for secret in self.secrets
            if any(spelling in text for text in texts for spelling in {secret, quote(secret, "")})
        ]


@contextmanager
def keyless(
    organization: Organization,
    *,
    now: datetime,
    rule: Rule | None = None,
    claims: Mapping[str, Any] | None = None,
    expires_in: int | None = None,
    **options: Any,
) -> Iterator[Keyless]:
    """Serve an organization to a job without a key; `options` are those of LoopbackAPI.

    Tokens age by the clock that comes with it, which starts at `now`; what the API knows is of its own `now`.
    """
    clock = Clock(now)
    federation = Federation(clock, rule, expires_in=expires_in)
    with ExitStack() as stack:
        github = stack.enter_context(GitHub(clock, claims))
        served = LoopbackAPI(organization, now=now, federation=federation, **options)
        yield Keyless(stack.enter_context(served), github, federation, clock)


def signed(claims: Mapping[str, Any], *, algorithm: str = "RS256", kid: str | None = KEY_ID) -> str:
    """Return a token with these claims; any other `algorithm` or `kid` than the default is signed just so, and denied."""
    header = {"typ": "JWT", "alg": algorithm} | ({} if kid is None else {"kid": kid})
    unsigned = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{unsigned}.{_signature(unsigned)}"


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token tells, whoever signed it; raises ValueError where it is none."""
    return _parts(token)[1]


def gitlab_token(now: datetime, **claims: Any) -> str:
    """Return a token as GitLab's `id_tokens` gives it to a job, an hour long; `claims` win."""
    own = {
        **_times(now, 3600),
        "iss": GITLAB_RULE.issuer,
        "aud": AUDIENCE,
        "sub": GITLAB_RULE.subject_prefix,
        "jti": "00000000-0000-4000-9000-000000000001",
        "project_path": "example-group/example-project",
        "ref": "main",
        "ref_type": "branch",
    }
    return signed(own | claims)


# Answers in place of a server's own


def answer_of(document: object, status: int = 200, **headers: str) -> Response:
    """Return a JSON answer; an underscore in a header's name is a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, json.dumps(document).encode(), named)


def in_turn(path: str, *answers: Response | Intercept | None) -> Intercept:
    """Give each request of a path the next of the answers, and those after the last the server's own, as for None."""
    left = iter(answers)
    lock = threading.Lock()

    def intercept(request: Request, number: int) -> Response | None:
        if request.path != path:
            return None
        with lock:
            answer = next(left, None)
        return answer(request, number) if callable(answer) else answer

    return intercept


def echoing(status: int = 401) -> Intercept:
    """Refuse whatever comes with an error that quotes all of it, as a careless proxy does."""

    def intercept(request: Request, _: int) -> Response:
        quoted = f"{request.body.decode()} {json.dumps(request.headers)}"
        error = {"type": "authentication_error", "message": f"cannot use {quoted}"}
        return answer_of({"type": "error", "error": error, "request_id": "req_EXAMPLE"}, status)

    return intercept


def slow(seconds: float) -> Intercept:
    """Let the server's own answer wait."""

    def intercept(_: Request, __: int) -> None:
        threading.Event().wait(seconds)

    return intercept


_GOOD = {
    "access_token": "sk-ant-oat01-EXAMPLE-UNUSED",
    "token_type": "Bearer",
    "expires_in": 600,
    "scope": ADMIN_SCOPE,
}


def _spoiled(**changes: object) -> bytes:
    return json.dumps(
        {name: value for name, value in (_GOOD | changes).items() if value != ...}
    ).encode()


# Bodies of a 200 that has no access token to use, by what is wrong.
MALFORMED_TOKENS: dict[str, bytes] = {
    "nothing": b"",
    "not-json": b"<html>Sign in</html>",
    "cut-off": _spoiled()[:-9],
    "list": b"[]",
    "null": b"null",
    "no-token": _spoiled(access_token=...),
    "empty-token": _spoiled(access_token=""),
    "number-token": _spoiled(access_token=7),
    "token-of-lines": _spoiled(access_token="sk-ant-oat01-EXAMPLE\r\nx-api-key: other"),
    "token-beyond-ascii": _spoiled(access_token="sk-ant-oat01-EXAMPLE-\u20ac"),
    "no-expiry": _spoiled(expires_in=...),
    "word-expiry": _spoiled(expires_in="soon"),
    "null-expiry": _spoiled(expires_in=None),
    "past-expiry": _spoiled(expires_in=-1),
    "no-expiry-yet": _spoiled(expires_in=0),
    "infinite-expiry": _spoiled(expires_in=1).replace(b": 1,", b": Infinity,"),
    "other-kind": _spoiled(token_type="mac"),
}
# The same for GitHub's answer; no token is a JWT of three parts that has claims.
MALFORMED_IDENTITIES: dict[str, bytes] = {
    "nothing": b"",
    "not-json": b"<html>Sign in</html>",
    "list": b"[]",
    "null": b"null",
    "no-value": b'{"count": 0}',
    "null-value": b'{"value": null}',
    "empty-value": b'{"value": ""}',
    "number-value": b'{"value": 7}',
}


# The makings of a token


def _times(now: datetime, seconds: int) -> dict[str, int]:
    return {"iat": epoch(now), "nbf": epoch(now) - 600, "exp": epoch(now) + seconds}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(unsigned: str) -> str:
    """Return 256 bytes, as of RS256, that only this module makes."""
    rounds = (hmac.digest(_SECRET, f"{n}{unsigned}".encode(), hashlib.sha512) for n in range(4))
    return _encoded(b"".join(rounds))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims; raises ValueError where the token has none."""
    header, claims, _ = token.split(".")
    found = [
        json.loads(base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True))
        for part in (header, claims)
    ]
    if not all(isinstance(one, dict) for one in found):
        raise ValueError("a part is no object")
    return found[0], found[1]


def _assertion(request: Request) -> str:
    """Return what a request would exchange; empty where it has none."""
    with suppress(ValueError):
        body = json.loads(request.body)
        if isinstance(body, dict):
            return str(body.get("assertion") or "")
    return ""


def _form(request: Request) -> dict[str, str]:
    """Return the fields of a request to the exchange; raises the 400 that says what is wrong with them."""
    if request.method != "POST":
        raise ApiError(405, "invalid_request_error", "Method Not Allowed")
    if not request.headers.get("user-agent"):
        invalid("user-agent: header is required")
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        invalid("content-type: must be application/json")
    for beta in (OAUTH_BETA, FEDERATION_BETA):
        if not has_beta(request, beta):
            invalid(f"anthropic-beta: requests must send `{beta}`")
    fields = _fields(request.body)
    for name, (form, meaning) in FORMS.items():
        if name in fields and re.fullmatch(form, fields[name], re.ASCII) is None:
            invalid(f"{name}: Input should be {meaning}")
    return fields


def _fields(body: bytes) -> dict[str, str]:
    try:
        fields = json.loads(body)
    except ValueError:
        invalid("The request body is not valid JSON")
    if not isinstance(fields, dict) or not all(isinstance(one, str) for one in fields.values()):
        invalid("The request body is not an object of strings")
    for name in REQUIRED:
        if not fields.get(name):
            invalid(f"{name}: Field required")
    return fields


def _unauthenticated(message: str) -> None:
    raise ApiError(401, "authentication_error", message)
