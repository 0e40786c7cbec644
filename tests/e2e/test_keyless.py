"""A job that has no key, end to end: its identity is exchanged for a token, which nobody gets to see."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.helpers.running import AS_OF, BREACHED, NOW, OK, ORGANIZATION, Gate, Here, Run
from tests.helpers.wording import assert_says
from tests.helpers.written import written
from tests.world.identity import (
    AUDIENCE,
    GITLAB_RULE,
    MALFORMED_IDENTITIES,
    MALFORMED_TOKENS,
    OAUTH_BETA,
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
)
from tests.world.loopback import (
    EXAMPLE_AUTH_TOKEN,
    EXAMPLE_KEY,
    EXCHANGE,
    Intercept,
    Request,
    Response,
)

USAGE = "/v1/organizations/usage_report/messages"
CHECK = ("check", "--report", "report.json", *AS_OF)
GITHUB = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
IDS = (
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_ORGANIZATION_ID",
    "ANTHROPIC_SERVICE_ACCOUNT_ID",
)


@pytest.fixture
def job() -> Iterator[Keyless]:
    """A job whose identity the rule takes."""
    with keyless(ORGANIZATION, now=NOW) as served:
        yield served


def run(
    here: Here,
    job: Keyless,
    *arguments: str,
    policy: str = OK,
    changes: Mapping[str, str] | None = None,
) -> Run:
    """Run a command, by default a check, in the job; whatever comes of it, no secret and no traceback is left behind."""
    environment = {**job.environment, **(changes or {})}
    ended = here.main(*(arguments or CHECK), policy=policy, environment=environment)
    left = written(here, ended)
    assert job.leaks(left) == []
    assert "Traceback" not in left
    return ended


def assertions(job: Keyless) -> list[str]:
    """The identities that were to be exchanged, in order."""
    return [json.loads(request.body)["assertion"] for request in job.exchanges]


def reads(job: Keyless) -> list[Request]:
    """What was asked of the API but the exchange."""
    return [request for request in job.api.requests if request.path != EXCHANGE]


# In GitHub Actions


@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_a_job_without_a_key_is_judged(step: Here, job: Keyless, policy: str, code: int) -> None:
    """It spends what the same organization spends where a key asks, 18 USD in production and 0.30 USD elsewhere."""
    assert run(step, job, policy=policy).code == code
    assert step.program.report["spend"] == {"low": "18.3", "high": "18.3"}
    assert job.federation.outcomes == ["granted"]


def test_what_is_sent_to_whom(step: Here, job: Keyless) -> None:
    """GitHub is asked for the audience, the exchange gets the identity and the ids, and the API the token and its beta."""
    run(step, job)
    (asked,) = job.github.requests
    assert dict(asked.query) == {"api-version": "2.0", "audience": "https://api.anthropic.com"}
    (exchange,) = job.exchanges
    assert json.loads(exchange.body) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": job.github.issued[0],
        "federation_rule_id": RULE_ID,
        "organization_id": ORGANIZATION_ID,
        "service_account_id": SERVICE_ACCOUNT_ID,
    }
    assert exchange.headers.keys().isdisjoint({"x-api-key", "authorization"})
    for request in reads(job):
        assert request.headers["authorization"] == f"Bearer {job.federation.issued[0]}"
        assert OAUTH_BETA in request.headers["anthropic-beta"].replace(" ", "").split(",")
        assert "x-api-key" not in request.headers


def test_each_secret_goes_to_its_own_side_alone(step: Here, job: Keyless) -> None:
    """The runner's token to GitHub, the identity to the exchange, and the access token to the reports."""
    run(step, job)
    to_exchange = json.dumps([job.exchanges[0].headers, job.exchanges[0].body.decode()])
    to_api = json.dumps([request.headers for request in reads(job)])
    to_github = json.dumps([request.headers for request in job.github.requests])
    runner, identity, access = (
        job.github.request_token,
        job.github.issued[0],
        job.federation.issued[0],
    )
    assert [text.count(runner) for text in (to_github, to_exchange, to_api)] == [1, 0, 0]
    assert [text.count(identity) for text in (to_github, to_exchange, to_api)] == [0, 1, 0]
    assert [text.count(access) for text in (to_github, to_exchange)] == [0, 0]


@pytest.mark.parametrize(
    "key",
    [{"ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY}, {"ANTHROPIC_AUTH_TOKEN": EXAMPLE_AUTH_TOKEN}],
    ids=["key", "token"],
)
def test_an_explicit_credential_wins(step: Here, job: Keyless, key: dict[str, str]) -> None:
    """The job's identity is not even asked for."""
    assert run(step, job, changes=key).code == 0
    assert job.github.requests == []
    assert job.exchanges == []


@pytest.mark.parametrize("arguments", [("doctor",), ("init", "--stdout"), CHECK, ("audit", *AS_OF)])
def test_every_command_takes_the_jobs_identity(
    step: Here, job: Keyless, arguments: tuple[str, ...]
) -> None:
    """One exchange serves a whole run."""
    run(step, job, *arguments)
    assert job.federation.outcomes == ["granted"]
    assert len(reads(job)) >= 1


def test_as_a_process(job: Keyless, tmp_path: Path) -> None:
    """The whole program, as the action starts it."""
    gate = Gate(tmp_path / "checkout")
    gate.folder.mkdir()
    ended = gate.run(
        *CHECK, policy=OK, environment={**job.environment, **gate.step, "GITHUB_ACTIONS": ""}
    )
    assert ended.code == 0, ended.stderr
    assert job.leaks(ended.stdout, ended.stderr, gate.text("report.json")) == []


# What is missing


def test_without_the_permission_there_is_yaml_to_paste(step: Here, job: Keyless) -> None:
    """A job that may not ask for its identity is told the two lines that let it, and nothing is asked."""
    ended = run(step, job, changes=dict.fromkeys(GITHUB, ""))
    assert ended.code == 3
    assert_says(ended.stdout + ended.stderr, "permissions:", "id-token: write")
    assert job.api.requests == []


@pytest.mark.parametrize("missing", IDS)
def test_an_id_that_is_missing_is_named(step: Here, job: Keyless, missing: str) -> None:
    """Two of the three are no identity, and no reason to go on without one."""
    ended = run(step, job, changes={missing: ""})
    assert ended.code in {2, 3}
    assert missing in ended.stdout + ended.stderr
    assert job.exchanges == []


def test_a_rules_id_that_is_none_is_said(step: Here, job: Keyless) -> None:
    """What such an id looks like is told, wherever that is found out."""
    ended = run(step, job, changes={"ANTHROPIC_FEDERATION_RULE_ID": "production"})
    assert ended.code in {2, 3}
    assert_says(ended.stdout + ended.stderr, "fdrl_")


# What is denied


@pytest.mark.parametrize(
    "rule",
    [
        Rule(id="fdrl_01OTHER"),
        Rule(organization_id="99999999-2222-4333-8444-555555555555"),
        Rule(service_account_id="svac_01OTHER"),
        Rule(audience="https://other.example"),
        Rule(subject_prefix="repo:example-org/other:*"),
        Rule(claims={"ref": "refs/heads/release"}),
        Rule(issuer="https://gitlab.com"),
        Rule(is_archived=True),
        Rule(workspaces=("wrkspc_A", "wrkspc_B")),
    ],
)
def test_an_opaque_denial_lists_what_to_check(step: Here, job: Keyless, rule: Rule) -> None:
    """The rule, its audience, subject and scope, beside what the job's own identity tells of them."""
    job.federation.rule = rule
    ended = run(step, job)
    assert ended.code == 3
    said = ended.stdout + ended.stderr
    for fact in ("rule", "audience", "subject", "org:admin"):
        assert_says(said, fact)
    for claim in (SUBJECT, AUDIENCE, REPOSITORY, "refs/heads/main"):
        assert_says(said, claim)
    assert step.program.report["status"] == "unverified"
    assert len(set(assertions(job))) == len(assertions(job)) <= 2


def test_the_claims_are_the_jobs_own(step: Here) -> None:
    """A pull request's subject is why most jobs are denied, so it is shown as it is."""
    claims = {"sub": f"repo:{REPOSITORY}:pull_request", "ref": "refs/pull/7/merge"}
    with keyless(ORGANIZATION, now=NOW, claims=claims) as job:
        ended = run(step, job)
    assert ended.code == 3
    said = ended.stdout + ended.stderr
    assert_says(said, f"repo:{REPOSITORY}:pull_request")
    assert_says(said, "refs/pull/7/merge")
    assert SUBJECT not in said


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "x\n::error::pwned", "ref": "\x1b[31mred", "repository": "a|b`c`<b>"},
        {"sub": "\u202eevil", "repository": None, "ref": None},
        {"sub": f"repo:{REPOSITORY}:{'x' * 3000}"},
        {"sub": ["a", "list"], "aud": ["https://a.example", "https://b.example"]},
    ],
    ids=["markup", "absent", "long", "lists"],
)
def test_claims_are_text_and_nothing_more(step: Here, claims: dict[str, object]) -> None:
    """Whatever an identity tells, it starts no command of the runner and colours no terminal."""
    with keyless(ORGANIZATION, now=NOW, claims=claims) as job:
        ended = run(step, job)
    assert ended.code == 3
    printed = ended.stdout + ended.stderr
    assert "\n::error::pwned" not in printed
    assert not {"\x1b", "\u202e"} & set(printed)


def test_a_lesser_scope_is_told(step: Here, job: Keyless) -> None:
    """The rule works, and opens no report: which scope it has and which it needs."""
    job.federation.rule = replace(Rule(), scope="workspace:developer")
    ended = run(step, job)
    assert ended.code == 3
    said = ended.stdout + ended.stderr
    assert_says(said, "org:admin")
    assert_says(said, "workspace:developer")


# What goes wrong on the way


@pytest.mark.parametrize("status", [429, 529])
def test_a_busy_exchange_is_asked_again(step: Here, job: Keyless, status: int) -> None:
    """It said that nothing was done."""
    busy = answer_of({"type": "error"}, status, retry_after="0")
    job.api.intercept = in_turn(EXCHANGE, busy)
    assert run(step, job).code == 0


def lost(job: Keyless) -> Intercept:
    """An exchange that is done, and whose answer is an error within."""

    def intercept(request: Request, _: int) -> Response:
        job.api.answer(request)
        return answer_of({"type": "error"}, 500)

    return intercept


def test_an_identity_is_not_sent_twice(step: Here, job: Keyless) -> None:
    """It may be used up where an answer got lost: each is good once."""
    job.api.intercept = in_turn(EXCHANGE, lost(job))
    assert run(step, job).code in {0, 3}
    sent = assertions(job)
    assert len(set(sent)) == len(sent)


@pytest.mark.parametrize("name", MALFORMED_TOKENS)
def test_an_exchange_that_gives_no_token(step: Here, job: Keyless, name: str) -> None:
    """Spend is unknown then, and nothing of the answer is sent anywhere."""
    job.api.intercept = lambda request, _: (
        Response(200, MALFORMED_TOKENS[name]) if request.path == EXCHANGE else None
    )
    assert run(step, job).code == 3
    assert reads(job) == []


@pytest.mark.parametrize("name", MALFORMED_IDENTITIES)
def test_a_runner_that_gives_no_identity(step: Here, job: Keyless, name: str) -> None:
    """Spend is unknown then, and nothing is exchanged."""
    job.github.intercept = lambda _, __: Response(200, MALFORMED_IDENTITIES[name])
    assert run(step, job).code == 3
    assert job.exchanges == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_runner_that_refuses(step: Here, job: Keyless, status: int) -> None:
    """Who refused is said: GitHub, and not the API."""
    job.github.intercept = lambda _, __: answer_of({"message": "no"}, status)
    ended = run(step, job)
    assert ended.code == 3
    assert_says(ended.stdout + ended.stderr, "GitHub")
    assert job.exchanges == []


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("side", ["github", "exchange", "reports"])
def test_an_echo_of_a_secret_goes_nowhere(step: Here, job: Keyless, side: str, status: int) -> None:
    """Whoever quotes what was sent, no output has it: `run` looks into each."""
    if side == "github":
        job.github.intercept = echoing(status)
    elif side == "exchange":
        job.api.intercept = lambda request, number: (
            echoing(status)(request, number) if request.path == EXCHANGE else None
        )
    else:
        job.api.intercept = lambda request, number: (
            None if request.path == EXCHANGE else echoing(status)(request, number)
        )
    for arguments in (CHECK, ("doctor",)):
        assert run(step, job, *arguments).code == 3
    assert step.program.summary


def test_an_echo_in_json_goes_nowhere(here: Here, job: Keyless) -> None:
    """Outside a step, too, and where the report is the output."""
    job.api.intercept = lambda request, number: (
        None if request.path == EXCHANGE else echoing()(request, number)
    )
    ended = run(here, job, "check", "--format", "json", *AS_OF)
    assert ended.code == 3
    assert ended.report["status"] == "unverified"


# A token that does not last


def test_a_revoked_token_is_replaced(step: Here, job: Keyless) -> None:
    """Where a request answers 401 a fresh identity is exchanged, and the run goes on."""

    def revoke(request: Request, number: int) -> None:
        if request.path == USAGE and number == 1:
            job.federation.revoke()

    job.api.intercept = revoke
    assert run(step, job).code == 0
    assert step.program.report["spend"] == {"low": "18.3", "high": "18.3"}
    assert job.federation.outcomes == ["granted", "granted"]
    assert len(set(assertions(job))) == 2


def test_an_expired_token_is_replaced(step: Here, job: Keyless) -> None:
    """The same where it ended while the run went on."""

    def age(request: Request, number: int) -> None:
        if request.path == USAGE and number == 1:
            job.clock.now += timedelta(minutes=11)

    job.api.intercept = age
    assert run(step, job).code == 0
    assert job.federation.outcomes == ["granted", "granted"]


@pytest.mark.parametrize("expires_in", [1, 30, 60])
def test_a_short_life_is_enough(step: Here, expires_in: int) -> None:
    """Less than a minute is left of it from the start: the run ends, and with the right number."""
    with keyless(ORGANIZATION, now=NOW, expires_in=expires_in) as job:
        assert run(step, job).code == 0
        assert len(job.exchanges) <= len(reads(job)) + 1
    assert step.program.report["spend"] == {"low": "18.3", "high": "18.3"}


def test_tokens_that_are_never_good_come_to_an_end(step: Here, job: Keyless) -> None:
    """An API that refuses each of them is asked a few times, and then spend is unknown."""
    job.api.intercept = lambda request, _: (
        None
        if request.path == EXCHANGE
        else answer_of({"type": "error", "error": {"type": "authentication_error"}}, 401)
    )
    assert run(step, job).code == 3
    assert len(job.exchanges) <= 4 * len({request.path for request in reads(job)})


# Elsewhere


@pytest.mark.parametrize("by_file", [False, True], ids=["variable", "file"])
def test_gitlabs_identity(here: Here, tmp_path: Path, by_file: bool) -> None:  # noqa: FBT001 - a case
    """A job of GitLab has its identity in a variable or a file."""
    token = gitlab_token(NOW)
    path = tmp_path / "token"
    path.write_text(f"{token}\n", encoding="utf-8")
    own = (
        {"ANTHROPIC_IDENTITY_TOKEN_FILE": str(path)}
        if by_file
        else {"ANTHROPIC_IDENTITY_TOKEN": token}
    )
    with keyless(ORGANIZATION, now=NOW, rule=GITLAB_RULE) as job:
        environment = {**job.environment, **dict.fromkeys(GITHUB, ""), **own}
        ended = here.main(*CHECK, policy=OK, environment=environment)
    path.unlink()
    assert ended.code == 0, ended.stderr
    assert job.github.requests == []
    assert assertions(job) == [token]
    assert job.leaks(written(here, ended)) == []


def test_gitlabs_identity_that_is_denied(here: Here) -> None:
    """Its claims are told as those of GitHub are."""
    token = gitlab_token(NOW, sub="project_path:example-group/other:ref_type:branch:ref:main")
    with keyless(ORGANIZATION, now=NOW, rule=GITLAB_RULE) as job:
        environment = {
            **job.environment,
            **dict.fromkeys(GITHUB, ""),
            "ANTHROPIC_IDENTITY_TOKEN": token,
        }
        ended = here.main(*CHECK, policy=OK, environment=environment)
    assert ended.code == 3
    assert_says(ended.stdout + ended.stderr, claims_of(token)["sub"])
    assert job.leaks(written(here, ended)) == []


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_file_that_is_none(here: Here, job: Keyless, path: str) -> None:
    """The variable and the file are named."""
    changes = {**dict.fromkeys(GITHUB, ""), "ANTHROPIC_IDENTITY_TOKEN_FILE": path}
    ended = run(here, job, changes=changes)
    assert ended.code in {2, 3}
    assert_says(ended.stdout + ended.stderr, "ANTHROPIC_IDENTITY_TOKEN_FILE")
    assert job.exchanges == []


def test_the_request_path_has_two_slashes(step: Here, job: Keyless) -> None:
    """The runner's address is used as it is."""
    assert run(step, job).code == 0
    assert [request.path for request in job.github.requests] == [REQUEST_PATH]


def test_a_token_in_place_of_its_file_is_not_shown(here: Here) -> None:
    """Who calls GitLab's variable so is told how to call it, and nothing quotes what it holds."""
    token = gitlab_token(NOW)
    with keyless(ORGANIZATION, now=NOW, rule=GITLAB_RULE) as job:
        wrong = {**dict.fromkeys(GITHUB, ""), "ANTHROPIC_IDENTITY_TOKEN_FILE": token}
        ended = run(here, job, changes=wrong)
        assert ended.code == 2
        assert_says(ended.stderr, "ANTHROPIC_IDENTITY_TOKEN_FILE", "set ANTHROPIC_IDENTITY_TOKEN")
        left = written(here, ended)
        assert not [part for part in token.split(".") if part in left]
        right = {**dict.fromkeys(GITHUB, ""), "ANTHROPIC_IDENTITY_TOKEN": token}
        assert run(here, job, changes=right).code == 0


def test_an_identity_that_is_used_up_is_told_so(here: Here) -> None:
    """GitLab's is good for one exchange: where the API refuses the access token, the rule is not to blame."""
    with keyless(ORGANIZATION, now=NOW, rule=GITLAB_RULE) as job:

        def revoke(request: Request, _: int) -> None:
            if request.path == USAGE:
                job.federation.revoke()

        job.api.intercept = revoke
        changes = {**dict.fromkeys(GITHUB, ""), "ANTHROPIC_IDENTITY_TOKEN": gitlab_token(NOW)}
        ended = run(here, job, changes=changes)
        assert ended.code == 3
        assert_says(ended.said, "ANTHROPIC_IDENTITY_TOKEN is good for one exchange", "again")
        assert job.federation.outcomes == ["granted"]


@pytest.mark.parametrize(
    "token", ["EXAMPLE-OF-THE-\nREQUEST", "'EXAMPLE-OF-THE-REQUEST'", "EXAMPL\u00c9"]
)
def test_a_request_token_that_is_none_is_not_shown(step: Here, job: Keyless, token: str) -> None:
    """It is told apart before it is sent, by its variable."""
    ended = run(step, job, changes={"ACTIONS_ID_TOKEN_REQUEST_TOKEN": token})
    assert ended.code == 2
    assert_says(ended.stderr, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    assert "EXAMPL" not in written(step, ended).replace("EXAMPLERULE", "")
    assert job.github.requests == []
