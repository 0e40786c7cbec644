"""Which organization a credential belongs to: told where it can be, and never waited for."""

import pytest

from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.organization import read_identity
from tests.helpers.running import BREACHED, NOW, OK, ORGANIZATION, Here, Run, stalling
from tests.helpers.serving import ME, NOBODY, connected, recorded, refuse, reply
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Response


def organization(answer: Response) -> str | None:
    """What is read of an answer."""
    with (
        LoopbackAPI(NOBODY, now=NOW, intercept=lambda *_: answer) as api,
        connected(api.url) as transport,
    ):
        try:
            return read_identity(transport)[0]
        except UnverifiedError:
            return None


def test_the_organization_has_an_id() -> None:
    """As the documentation shows the answer."""
    answer = recorded("organizations_me__doc-example.json")
    assert organization(reply(answer)) == answer["id"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 302])
def test_an_api_that_does_not_tell_is_no_trouble(status: int) -> None:
    """Some gateways have no such route; nothing of the verdict depends on it."""
    assert organization(refuse(status)) is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b'"org"', b"[]", b"null", b"{}", b'{"id": null}', b'{"id": ""}'),
        *(b'{"id": 5}', b'{"id": ["org"]}', b'{"data": [{"id": "org"}]}', b"[" * 100_000),
    ],
    ids=lambda body: body[:20].decode() or "empty",
)
def test_an_answer_without_an_id_tells_none(body: bytes) -> None:
    """Whatever stands there instead."""
    assert organization(reply(body)) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"id": "org-example", "name": "Example"}', ("org-example", "Example")),
        (b'{"id": "org-example", "name": null}', ("org-example", "")),
        (b'{"id": "org-example"}', ("org-example", "")),
    ],
)
def test_a_name_may_be_absent(body: bytes, expected: tuple[str, str]) -> None:
    """The id alone is an organization, and it is no name of itself."""
    with (
        LoopbackAPI(NOBODY, now=NOW, intercept=lambda *_: reply(body)) as api,
        connected(api.url) as transport,
    ):
        assert read_identity(transport) == expected


def test_what_is_no_organization_is_told_with_its_route() -> None:
    """As any answer that cannot be trusted."""
    with (
        LoopbackAPI(NOBODY, now=NOW, intercept=lambda *_: reply(b"{}")) as api,
        connected(api.url) as transport,
        pytest.raises(UnverifiedError) as caught,
    ):
        read_identity(transport)
    assert caught.value.trace == "GET /v1/organizations/me"
    assert_says(caught.value.message, "not an organization")


# In a run


def reported(here: Here) -> str | None:
    """The organization that the report file names."""
    id_: str | None = here.program.report["organization"]
    return id_


@pytest.mark.parametrize("flag", ["--report", "--last-report"])
def test_a_run_that_remembers_asks_for_it(here: Here, flag: str) -> None:
    """The report names the organization, so that the next run can tell whether it is the same."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = here.check(api, flag, "report.json", "--format", "json", policy=OK, now=NOW)
        assert [request.path for request in api.requests].count(ME) == 1
    assert run.report["organization"] == ORGANIZATION.id


def test_a_run_that_remembers_nothing_does_not_ask(here: Here) -> None:
    """Every request takes its time."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        assert here.check(api, policy=OK, now=NOW).code == 0
        assert ME not in [request.path for request in api.requests]


def test_a_run_that_is_unverified_names_its_organization(here: Here) -> None:
    """It is known, though the spend is not."""
    with LoopbackAPI(
        ORGANIZATION,
        now=NOW,
        intercept=lambda request, _: None if request.path == ME else refuse(400),
    ) as api:
        assert here.check(api, "--report", "report.json", policy=OK, now=NOW).code == 3
    assert reported(here) == ORGANIZATION.id


@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_a_refusal_changes_no_verdict(here: Here, policy: str, code: int) -> None:
    """The report has null in its place."""
    with LoopbackAPI(
        ORGANIZATION,
        now=NOW,
        intercept=lambda request, _: refuse(404) if request.path == ME else None,
    ) as api:
        assert here.check(api, "--report", "report.json", policy=policy, now=NOW).code == code
    assert reported(here) is None


def stalled(here: Here, policy: str, *, only: bool) -> Run:
    """A run of some seconds against an API that does not answer, or `only` not on that route."""
    arguments = ("--report", "report.json", "--deadline", "4" if only else "1")
    with stalling(ME, only=only) as (api, _):
        return here.check(api, *arguments, policy=policy, now=NOW)


@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_silence_changes_no_verdict(here: Here, policy: str, code: int) -> None:
    """The spend was determined before the deadline, and the report says null."""
    run = stalled(here, policy, only=True)
    assert (run.code, run.stderr) == (code, "")
    assert reported(here) is None


def test_an_api_that_is_silent_altogether_is_unverified(here: Here) -> None:
    """Which organization it is cannot be known then, and is no second error."""
    run = stalled(here, OK, only=False)
    assert (run.code, run.stderr) == (3, "")
    assert reported(here) is None
