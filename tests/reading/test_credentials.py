"""Whole runs without a key, and with two: which credential asks, what is said of it, and that none is shown."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.helpers.running import NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.serving import reply
from tests.helpers.wording import assert_says
from tests.world.identity import (
    GITLAB_RULE,
    ORGANIZATION_ID,
    RULE_ID,
    SERVICE_ACCOUNT_ID,
    Keyless,
    Rule,
    echoing,
    gitlab_token,
    keyless,
)
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Request, Response

FIRST, NEXT = "sk-ant-admin01-EXAMPLE-FIRST", EXAMPLE_KEY
IDS = {
    "ANTHROPIC_FEDERATION_RULE_ID": RULE_ID,
    "ANTHROPIC_ORGANIZATION_ID": ORGANIZATION_ID,
    "ANTHROPIC_SERVICE_ACCOUNT_ID": SERVICE_ACCOUNT_ID,
}


@pytest.fixture
def world() -> Iterator[Keyless]:
    """A job of GitHub's that has no key, and the API that it asks."""
    with keyless(ORGANIZATION, now=NOW) as job:
        yield job


def run(
    here: Here, world: Keyless, *command: str, environment: Mapping[str, str] | None = None
) -> Run:
    """A command of that job, of whose secrets no output has any."""
    here.set(here.program.step | world.environment | {"BUDGET_GATE_REPORT": "report.json"})
    done = here.main(*command or ("check",), policy=OK, environment=environment)
    written = [path.read_text(encoding="utf-8") for path in here.program.folder.parent.rglob("*.*")]
    assert world.leaks(done.stdout, done.stderr, *written) == []
    return done


def told(done: Run) -> str:
    """What a run says, on one line."""
    return " ".join(done.stdout.split())


def test_a_job_without_a_key_is_judged(here: Here, world: Keyless) -> None:
    """By one token, got once, that no output has, a mask for the runner included."""
    done = run(here, world)
    assert done.code == 0, done.stderr
    assert world.federation.outcomes == ["granted"]
    assert "add-mask" not in done.stderr


@pytest.mark.parametrize(
    "key", ["ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_KEY_NEXT", "ANTHROPIC_ADMIN_API_KEY"]
)
def test_a_key_wins_over_an_identity(here: Here, world: Keyless, key: str) -> None:
    """GitHub is not asked, whatever the ids are."""
    given = {key: EXAMPLE_KEY, "ANTHROPIC_FEDERATION_RULE_ID": "none"}
    assert run(here, world, environment=given).code == 0
    assert (world.github.requests, world.exchanges) == ([], [])


def test_a_token_that_is_set_wins_over_an_identity(here: Here, world: Keyless) -> None:
    """As any explicit one."""
    given = {"ANTHROPIC_AUTH_TOKEN": world.api.auth_token or ""}
    assert run(here, world, environment=given).code == 0
    assert world.exchanges == []


@pytest.mark.parametrize("missing", IDS)
def test_an_id_that_is_missing_is_named(here: Here, world: Keyless, missing: str) -> None:
    """It is exit code 2, and nothing was asked."""
    done = run(here, world, environment={missing: ""})
    assert done.code == 2
    assert_says(done.stderr, missing, "all three ids")
    assert not [name for name in IDS if name != missing and f"({name})" in done.stderr]
    assert (world.github.requests, world.api.requests) == ([], [])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANTHROPIC_FEDERATION_RULE_ID", "svac_01EXAMPLE"),
        ("ANTHROPIC_ORGANIZATION_ID", "org_01EXAMPLE"),
        ("ANTHROPIC_SERVICE_ACCOUNT_ID", "fdrl_01EXAMPLE"),
        ("ANTHROPIC_SERVICE_ACCOUNT_ID", "svac_01 EXAMPLE"),
        ("ANTHROPIC_WORKSPACE_ID", "production"),
    ],
)
def test_an_id_that_is_none_is_named(here: Here, world: Keyless, variable: str, value: str) -> None:
    """Not what stands there, which may be a secret in the wrong place."""
    done = run(here, world, environment={variable: value})
    assert done.code == 2
    assert_says(done.stderr, variable, "Console")
    assert value not in done.stderr
    assert world.api.requests == []


def test_ids_that_are_not_needed_are_not_looked_at(here: Here, world: Keyless) -> None:
    """The policy alone needs no credential."""
    here.set({"BUDGET_GATE_FORMAT": "text"})
    assert run(here, world, "check", "--offline", environment={next(iter(IDS)): ""}).code == 0


def test_a_job_without_the_permission_is_told_what_to_write(here: Here, world: Keyless) -> None:
    """It is exit code 3 in every place that tells it, with the YAML to paste."""
    done = run(here, world, environment={"ACTIONS_ID_TOKEN_REQUEST_URL": ""})
    assert done.code == 3
    assert "permissions: {contents: read, id-token: write}" in told(done)
    assert "fork" in told(done)
    report = here.program.report
    assert report["notes"][0]["code"] == "no_identity_token"
    assert world.api.requests == []


def test_a_denial_shows_the_claims(here: Here) -> None:
    """Of the token that was refused, and never itself."""
    with keyless(ORGANIZATION, now=NOW, rule=Rule(audience="other")) as world:
        done = run(here, world)
    assert done.code == 3
    assert 'sub "repo:example-org/example-repo:ref:refs/heads/main"' in told(done)
    assert here.program.report["notes"][0]["code"] == "token_exchange_refused"


def test_a_claim_makes_nothing_of_an_output(here: Here) -> None:
    """It is a third party's text."""
    claims = {"sub": "x\n::error::no <b>bold</b> [link](https://example.com) ##[error]"}
    with keyless(ORGANIZATION, now=NOW, claims=claims) as world:
        done = run(here, world)
    assert done.code == 3
    everything = done.stdout + done.stderr + here.program.summary
    assert "\n::error::no" not in everything
    assert "##[error]" not in everything
    assert "<b>" not in here.program.summary
    assert "[link](" not in here.program.summary


def test_an_echo_of_secrets_is_blotted_out_everywhere(here: Here, world: Keyless) -> None:
    """`run` looks for them."""
    world.api.intercept = echoing(401)
    done = run(here, world)
    assert done.code == 3
    assert "***" in told(done)


def test_the_identity_is_asked_for_at_a_safe_address(here: Here, world: Keyless) -> None:
    """As a secret goes there: https, or this machine."""
    address = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://example.com/token?api-version=2.0"}
    done = run(here, world, environment=address)
    assert done.code == 2
    assert_says(done.stderr, "ACTIONS_ID_TOKEN_REQUEST_URL", "https")


@pytest.mark.parametrize("as_file", [True, False])
def test_gitlab_hands_the_identity_over(here: Here, as_file: bool) -> None:  # noqa: FBT001
    """As a variable or a file of the job's, which wins over GitHub's."""
    token = gitlab_token(NOW)
    Path("token").write_text(token, encoding="utf-8")
    given = (
        {"ANTHROPIC_IDENTITY_TOKEN_FILE": "token"}
        if as_file
        else {"ANTHROPIC_IDENTITY_TOKEN": token}
    )
    with keyless(ORGANIZATION, now=NOW, rule=GITLAB_RULE) as world:
        here.set(world.environment | given)
        done = here.main("check", policy=OK)
        assert (done.code, world.github.requests) == (0, [])
        assert world.leaks(done.stdout, done.stderr) == []


def test_an_identity_in_quotes_is_told_before_it_is_sent(here: Here, world: Keyless) -> None:
    """As a key is, and not shown."""
    done = run(here, world, environment={"ANTHROPIC_IDENTITY_TOKEN": "'EXAMPLE-TOKEN'"})
    assert done.code == 2
    assert_says(done.stderr, "ANTHROPIC_IDENTITY_TOKEN is in quotes")
    assert "EXAMPLE-TOKEN" not in done.stderr
    assert world.api.requests == []


def test_a_report_is_not_written_over_the_identity(here: Here, world: Keyless) -> None:
    """It is a file that the run reads."""
    done = run(here, world, environment={"ANTHROPIC_IDENTITY_TOKEN_FILE": "report.json"})
    assert done.code == 2
    assert "report.json" in done.stderr


# Two keys


def rotated(here: Here, first: str, second: str, **options: str) -> Run:
    """A check with two keys against an API that takes one."""
    with LoopbackAPI(ORGANIZATION, now=NOW, **options) as api:  # type: ignore[arg-type]
        here.set({"ANTHROPIC_ADMIN_KEY": first, "ANTHROPIC_ADMIN_KEY_NEXT": second})
        done = here.check(api, "--format", "json", policy=OK)
        assert first not in done.stdout + done.stderr
        assert second not in done.stdout + done.stderr
    return done


def test_the_second_key_asks_where_the_first_is_refused(here: Here) -> None:
    """The spend is the same, and the report warns of it."""
    done = rotated(here, FIRST, NEXT)
    assert done.code == 0, done.stderr
    assert str(done.report["spend"]["low"]) == "18.3"
    (note,) = [it for it in done.report["notes"] if it["code"] == "first_key_refused"]
    assert note["level"] == "warning"
    assert_says(note["message"], "ANTHROPIC_ADMIN_KEY", "401", "move it to ANTHROPIC_ADMIN_KEY")


def test_an_export_warns_of_a_first_key_that_is_refused(here: Here) -> None:
    """On stderr, as its output is rows."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        here.set({"ANTHROPIC_ADMIN_KEY": FIRST, "ANTHROPIC_ADMIN_KEY_NEXT": NEXT})
        here.set({"ANTHROPIC_BASE_URL": api.url})
        done = here.main("export", "--days", "5")
    assert done.code == 0, done.stderr
    assert_says(done.stderr, "warning: The API refused the key in ANTHROPIC_ADMIN_KEY")


def test_a_first_key_that_still_works_can_be_retired(here: Here) -> None:
    """The second is not sent."""
    done = rotated(here, EXAMPLE_KEY, FIRST)
    assert done.code == 0
    (note,) = [it for it in done.report["notes"] if it["code"] == "first_key_works"]
    assert_says(note["message"], "ANTHROPIC_ADMIN_KEY_NEXT is set", "still works", "retire")


def test_one_key_twice_is_no_rotation(here: Here) -> None:
    """The report says so."""
    assert "same_key_twice" in rotated(here, EXAMPLE_KEY, EXAMPLE_KEY).codes


def test_two_keys_that_are_refused_are_both_named(here: Here) -> None:
    """It is exit code 3."""
    done = rotated(here, FIRST, f"{FIRST}-TOO")
    assert done.code == 3
    message = done.report["notes"][0]["message"]
    assert_says(message, "401", "ANTHROPIC_ADMIN_KEY and ANTHROPIC_ADMIN_KEY_NEXT")
    assert "first_key_refused" not in done.codes


def test_a_single_key_is_not_remarked_upon(here: Here) -> None:
    """Whichever variable holds it."""
    for first, second in ((EXAMPLE_KEY, ""), ("", EXAMPLE_KEY)):
        with LoopbackAPI(ORGANIZATION, now=NOW) as api:
            here.set({"ANTHROPIC_ADMIN_KEY": first, "ANTHROPIC_ADMIN_KEY_NEXT": second})
            done = here.check(api, "--format", "json", policy=OK)
        assert done.code == 0
        assert not [code for code in done.codes if "key" in code]


def test_the_second_key_is_looked_at_as_the_first(here: Here) -> None:
    """One in quotes is exit code 2, before the first is sent."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        here.set({"ANTHROPIC_ADMIN_KEY_NEXT": "'sk-ant-admin01-EXAMPLE'"})
        done = here.check(api, policy=OK)
        assert (done.code, api.requests) == (2, [])
    assert_says(done.stderr, "admin-key-next (ANTHROPIC_ADMIN_KEY_NEXT) is in quotes")


# What the doctor says of them


def findings(done: Run) -> list[str]:
    """The lines about the credential."""
    return [line for line in done.stdout.splitlines() if "  credential: " in line]


def test_the_doctor_says_whose_identity_it_used(here: Here, world: Keyless) -> None:
    """And by which rule."""
    done = run(here, world, "doctor")
    assert_says(findings(done)[0], "ok", "identity of GitHub Actions", RULE_ID)
    assert done.code == 0


def test_the_doctor_says_once_why_there_is_no_token(here: Here) -> None:
    """Every request fails by it alike."""
    with keyless(ORGANIZATION, now=NOW, rule=Rule(is_archived=True)) as world:
        done = run(here, world, "doctor")
        assert len(world.exchanges) == 1
    assert done.code == 3
    assert [line.split()[0] for line in findings(done)] == ["error"]
    assert done.stdout.count("error  ") == 1


def test_the_doctor_says_once_what_a_scope_does_not_open(here: Here) -> None:
    """Which three questions it is in the way of, and the remedy that all of them share."""
    with keyless(ORGANIZATION, now=NOW, rule=Rule(scope="workspace:developer")) as world:
        done = run(here, world, "doctor")
    assert done.code == 3
    (line,) = [it for it in done.stdout.splitlines() if "(403)." in it]
    assert line.startswith("error    organization, usage report, workspaces: ")
    assert_says(line, RULE_ID, "the scope org:admin", '"workspace:developer"', "the Console")


def test_the_doctor_says_that_a_key_wins_over_the_identity(here: Here, world: Keyless) -> None:
    """A secret that was forgotten would be used until somebody revokes it."""
    done = run(here, world, "doctor", environment={"ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY})
    assert_says(
        findings(done)[0], "ok", "ANTHROPIC_FEDERATION_RULE_ID is set as well, and not used"
    )
    assert world.exchanges == []


def test_the_doctor_names_a_missing_id(here: Here, world: Keyless) -> None:
    """What needs no answer is checked all the same."""
    done = run(here, world, "doctor", environment={"ANTHROPIC_ORGANIZATION_ID": ""})
    assert done.code == 2
    assert_says(findings(done)[0], "error", "organization-id (ANTHROPIC_ORGANIZATION_ID)")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (FIRST, NEXT, "refused the key in ANTHROPIC_ADMIN_KEY (401)"),
        (NEXT, FIRST, "ANTHROPIC_ADMIN_KEY_NEXT does not work"),
        (NEXT, NEXT, "hold the same key"),
    ],
)
def test_the_doctor_tries_both_keys(here: Here, first: str, second: str, said: str) -> None:
    """A check passes with one of them, and what is wrong with the other is a warning."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        here.set({"ANTHROPIC_ADMIN_KEY": first, "ANTHROPIC_ADMIN_KEY_NEXT": second})
        here.set({"ANTHROPIC_BASE_URL": api.url})
        done = here.main("doctor", policy=OK)
    assert done.code == 0, done.stdout
    assert [line.split()[0] for line in findings(done)] == ["ok", "warning"]
    assert_says(findings(done)[1], said)


@pytest.mark.parametrize(
    ("is_same", "said"), [(True, "works too"), (False, "another organization")]
)
def test_the_doctor_compares_the_organizations_of_two_keys(
    here: Here,
    is_same: bool,  # noqa: FBT001
    said: str,
) -> None:
    """Where each reads usage; a key of another one would be judged by a wrong spend."""
    with (
        LoopbackAPI(ORGANIZATION, now=NOW) as api,
        LoopbackAPI(ORGANIZATION, now=NOW, key=FIRST) as other,
    ):

        def answer(request: Request, _: int) -> Response | None:
            if request.headers.get("x-api-key") != FIRST:
                return None
            response = other.answer(request)
            if is_same or not request.path.endswith("/me"):
                return response
            changed = json.loads(response.body) | {"id": "99999999-2222-4333-8444-555555555555"}
            return reply(changed)

        api.intercept = answer
        here.set({"ANTHROPIC_ADMIN_KEY": NEXT, "ANTHROPIC_ADMIN_KEY_NEXT": FIRST})
        here.set({"ANTHROPIC_BASE_URL": api.url})
        done = here.main("doctor", policy=OK)
    assert done.code == 0, done.stdout
    assert_says(findings(done)[1], "warning", said)
