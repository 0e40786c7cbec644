"""Whose spend is judged: the organization that a policy names, against that of the credential."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from budget_gate.domain.policy.ownership import other_organization
from tests.helpers.builders import policy
from tests.helpers.running import BREACHED, NOW, OK, ORGANIZATION, Here
from tests.helpers.serving import ME, USAGE, refuse, reply
from tests.helpers.wording import assert_says
from tests.world.billing import bill_of
from tests.world.loopback import LoopbackAPI, Request, Response

OTHER = "99999999-8888-4777-8666-555555555555"
HOSTILE = "x\n::error::pwned ##[error] `a` <b>"
LIST = "/v1/organizations"


def naming(id_: str, text: str = OK) -> str:
    """A policy that names its organization in its second line."""
    return text.replace("version: 1\n", f'version: 1\norganization: "{id_}"\n')


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """The organization's API: 18.30 USD were spent."""
    with LoopbackAPI(ORGANIZATION, now=NOW, bill=bill_of(ORGANIZATION)) as server:
        yield server


def test_the_named_organization_is_judged(here: Here, api: LoopbackAPI) -> None:
    """One request more, at the same time as the others, and the report tells whose spend it is."""
    run = here.check(api, "--format", "json", policy=naming(ORGANIZATION.id), now=NOW)
    assert (run.code, run.report["organization"]) == (0, ORGANIZATION.id)
    assert [request.path for request in api.requests].count(ME) == 1


@pytest.mark.parametrize("command", ["check", "audit", "doctor"])
@pytest.mark.parametrize("text", [OK, BREACHED])
def test_the_key_of_another_organization_is_wrong(
    here: Here, api: LoopbackAPI, command: str, text: str
) -> None:
    """Exit 2, whatever it has spent: the line of the policy, both ids, and what to do."""
    here.set({"ANTHROPIC_BASE_URL": api.url})
    run = here.main(command, policy=naming(OTHER, text), now=NOW)
    said = run.stdout if command == "doctor" else run.stderr
    assert run.code == 2
    assert (
        "budget.yml:2:1: organization: the credential is of organization "
        f"{ORGANIZATION.id}, not {OTHER}"
    ) in said
    assert "correct its id" in said


def test_the_key_of_another_organization_is_an_error_at_its_place() -> None:
    """With the ids that the credential is of."""
    file = policy(naming(OTHER))
    error = other_organization(file, ["org-1", "org-2"])
    assert error.file == "budget.yml"
    assert_says(error.message, "the credential is of another organization than the policy")
    (problem,) = error.problems
    assert_says(f"{problem}", "budget.yml:2:1: organization:", f"org-1, org-2, not {OTHER}")
    assert_says(problem.hint, "use a credential of the organization in the policy", "its id here")


def test_another_organization_is_told_before_what_the_policy_lacks_there(
    here: Here, api: LoopbackAPI
) -> None:
    """Its workspaces have other names: that is no misspelling."""
    text = naming(OTHER, f"{OK}workspaces: {{prodution: {{cap: 1}}}}\n")
    run = here.check(api, policy=text, now=NOW)
    assert (run.code, "prodution" in run.stderr) == (2, False)


@pytest.mark.parametrize(
    "answer", [refuse(403), refuse(404), refuse(503), reply({}), reply(b"<html>"), Response(0)]
)
def test_an_organization_that_is_not_told_leaves_the_spend_unknown(
    here: Here, api: LoopbackAPI, answer: Response
) -> None:
    """It may be anybody's: 3, also where it would have been a breach, and `on-error: warn` lets it pass."""
    api.intercept = lambda request, _: answer if request.path == ME else None
    flags = ("--format", "json", "--deadline", "1")
    for text in (OK, BREACHED):
        run = here.check(api, *flags, policy=naming(ORGANIZATION.id, text), now=NOW)
        assert (run.code, run.report["status"]) == (3, "unverified")
        assert run.codes == ["organization_unknown"]
    assert here.check(api, *flags, "--on-error", "warn", now=NOW).code == 0


def test_an_address_without_the_route_is_told_what_to_do(here: Here, api: LoopbackAPI) -> None:
    """It will not have it tomorrow either."""
    api.intercept = lambda request, _: refuse(404) if request.path == ME else None
    run = here.check(api, "--format", "json", policy=naming(ORGANIZATION.id), now=NOW)
    assert "Remove `organization` from the policy" in run.report["notes"][0]["message"]


def test_an_outage_is_told_once(here: Here, api: LoopbackAPI) -> None:
    """Whose spend it is makes no difference where it is not known."""
    api.intercept = lambda *_: refuse(403)
    run = here.check(api, "--format", "json", policy=naming(ORGANIZATION.id), now=NOW)
    assert (run.code, run.codes) == (3, ["http_403"])


def test_a_wrong_key_is_told_where_it_reads_no_usage(here: Here, api: LoopbackAPI) -> None:
    """It is no outage that another run may not meet."""
    api.intercept = lambda request, _: refuse(403) if request.path == USAGE else None
    assert here.check(api, policy=naming(OTHER), now=NOW).code == 2


def test_a_breach_that_is_remembered_needs_no_organization(here: Here, api: LoopbackAPI) -> None:
    """That of an hour ago, when it was told whose spend it was."""
    files = ("--report", "report.json", "--last-report", "report.json")
    text = naming(ORGANIZATION.id, BREACHED)
    assert here.check(api, *files, policy=text, now=NOW).code == 1
    api.intercept = lambda request, _: refuse(403) if request.path == ME else None
    assert here.check(api, *files, now=NOW).code == 1


def test_saved_pages_are_not_checked(here: Here) -> None:
    """They do not tell whose they are, and a note says so."""
    day = {"starting_at": "2026-11-14T00:00:00Z", "ending_at": "2026-11-15T00:00:00Z"}
    page = reply({"data": [{**day, "results": []}], "has_more": False, "next_page": None})
    here.program.write(page.body.decode(), "page.json")
    run = here.main(
        *("check", "--usage", "page.json", "--partial", "--format", "json"),
        policy=naming(OTHER),
        now=NOW,
    )
    assert (run.code, "organization_unchecked" in run.codes) == (0, True)


@pytest.mark.parametrize("value", ['""', "[]", "{a: b}"])
def test_an_organization_is_a_text(here: Here, value: str) -> None:
    """As every name in the policy."""
    run = here.main("check", policy=f"version: 1\norganization: {value}\nglobal: {{cap: 1}}\n")
    assert (run.code, "is not a text" in run.stderr) == (2, True)


# Routes below an organization's id


@pytest.fixture
def gateway() -> Iterator[LoopbackAPI]:
    """A gateway that lists two organizations and has no /v1/organizations/me."""
    listed: list[dict[str, Any]] = [{"id": id_, "name": "x"} for id_ in (OTHER, ORGANIZATION.id)]

    def answer(request: Request, _: int) -> Response | None:
        if request.path == ME:
            return refuse(404)
        return reply({"data": listed}) if request.path == LIST else None

    organization = replace(ORGANIZATION)
    with LoopbackAPI(organization, now=NOW, org_scoped=True, intercept=answer) as server:
        yield server


def test_the_policy_chooses_among_several_organizations(here: Here, gateway: LoopbackAPI) -> None:
    """The list decides there: the spend that is read is that below the id."""
    run = here.check(gateway, "--format", "json", policy=naming(ORGANIZATION.id), now=NOW)
    assert (run.code, run.report["organization"]) == (0, ORGANIZATION.id)
    assert here.check(gateway, policy=naming(ORGANIZATION.id, BREACHED), now=NOW).code == 1
    run = here.main("doctor", now=NOW)
    assert f"organization: {ORGANIZATION.id}, which the policy names." in run.stdout


def test_an_organization_that_is_not_listed_is_wrong(here: Here, gateway: LoopbackAPI) -> None:
    """Exit 2, with the line of the policy and the ids there are."""
    run = here.check(gateway, policy=naming("org-c"), now=NOW)
    assert run.code == 2
    told = f"budget.yml:2:1: organization: the credential is of organization {OTHER}, "
    assert told in run.stderr
    assert f"{ORGANIZATION.id}, not org-c" in run.stderr


def test_several_organizations_and_none_named_is_not_decided(
    here: Here, gateway: LoopbackAPI
) -> None:
    """Which is meant is never guessed."""
    run = here.check(gateway, policy=OK, now=NOW)
    assert (run.code, "Write `organization: ID` in the policy" in run.stdout) == (3, True)


# What is written and shown


def test_init_writes_whose_the_budgets_are(here: Here, api: LoopbackAPI) -> None:
    """The id with the name beside it; what was written can be checked at once."""
    here.set({"ANTHROPIC_BASE_URL": api.url})
    assert here.main("init", now=NOW).code == 0
    assert (
        f'organization: "{ORGANIZATION.id}" # Sample Org: a key of any other organization is refused\n'
    ) in here.program.text("budget.yml")
    assert here.main("check", now=NOW).code == 0


def test_init_leaves_out_what_the_api_does_not_tell(here: Here, api: LoopbackAPI) -> None:
    """The line stands there, commented out."""
    api.intercept = lambda request, _: refuse(404) if request.path == ME else None
    here.set({"ANTHROPIC_BASE_URL": api.url})
    assert here.main("init", now=NOW).code == 0
    assert "\n# organization: ID # " in here.program.text("budget.yml")


def test_an_id_and_a_name_of_any_kind_stay_text(here: Here, api: LoopbackAPI) -> None:
    """In the policy that is written, and in the error about another one."""
    api.intercept = lambda request, _: (
        reply({"id": HOSTILE, "name": HOSTILE}) if request.path == ME else None
    )
    here.set({"ANTHROPIC_BASE_URL": api.url, **here.program.step})
    assert here.main("init", now=NOW).code == 0
    assert here.main("check", now=NOW).code == 0
    run = here.check(api, policy=naming(OTHER), now=NOW)
    assert run.code == 2
    for line in (run.stderr + here.program.text("budget.yml")).splitlines():
        assert not line.startswith("::error::pwned")
        assert "##[" not in line
