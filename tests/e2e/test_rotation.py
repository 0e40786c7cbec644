"""A key is replaced by another without a run that fails between, and without either in any output."""

from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from threading import Lock

import pytest

from tests.helpers.running import AS_OF, BREACHED, NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.wording import assert_says
from tests.helpers.written import written
from tests.world.billing import bill_of
from tests.world.identity import echoing
from tests.world.keys import NEXT_KEY, Key
from tests.world.loopback import EXAMPLE_KEY, Intercept, LoopbackAPI, Request, Response

USAGE = "/v1/organizations/usage_report/messages"
CHECK = ("check", "--report", "report.json", *AS_OF)
FIRST = "ANTHROPIC_ADMIN_KEY"
NEXT = "ANTHROPIC_ADMIN_KEY_NEXT"
SPEND = {"low": "18.3", "high": "18.3"}


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """An organization that has two keys."""
    keys, bill = [Key(NEXT_KEY)], bill_of(ORGANIZATION)
    with LoopbackAPI(ORGANIZATION, now=NOW, keys=keys, bill=bill) as served:
        yield served


def run(here: Here, api: LoopbackAPI, *arguments: str, policy: str = OK, **changes: str) -> Run:
    """Run a command, by default a check, with both keys; neither is in anything that it leaves behind."""
    environment = {"ANTHROPIC_BASE_URL": api.url, NEXT: NEXT_KEY, **changes}
    ended = here.main(*(arguments or CHECK), policy=policy, environment=environment)
    left = written(here, ended)
    assert EXAMPLE_KEY not in left
    assert NEXT_KEY not in left
    assert "Traceback" not in left
    return ended


def revoke_first(api: LoopbackAPI) -> None:
    """Let the first key be dead."""
    api.keys[0].is_revoked = True


def sent(api: LoopbackAPI) -> list[str]:
    """The keys that came, in order."""
    return [request.headers["x-api-key"] for request in api.requests]


def about_keys(here: Here) -> list[str]:
    """What the notes of the JSON report say of the keys."""
    return [note["message"] for note in here.program.report["notes"] if FIRST in note["message"]]


def test_the_first_key_is_used_while_it_is_good(step: Here, api: LoopbackAPI) -> None:
    """The second is not sent, and the report says that it is there, so that the first can be retired."""
    assert run(step, api).code == 0
    assert set(sent(api)) == {EXAMPLE_KEY}
    (note,) = about_keys(step)
    assert_says(note, NEXT)
    assert step.program.report["spend"] == SPEND


@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_the_second_key_is_used_where_the_first_is_dead(
    step: Here, api: LoopbackAPI, policy: str, code: int
) -> None:
    """The verdict is the same, no request is refused twice, and the report says that the first is dead."""
    revoke_first(api)
    assert run(step, api, policy=policy).code == code
    assert step.program.report["spend"] == SPEND
    keys = sent(api)
    assert keys[0] == EXAMPLE_KEY
    assert keys.count(NEXT_KEY) >= keys.count(EXAMPLE_KEY)
    (note,) = about_keys(step)
    assert_says(note, FIRST)


def test_the_two_states_are_told_apart(step: Here, api: LoopbackAPI) -> None:
    """A dead first key is another matter than one that can be retired."""
    run(step, api)
    good = about_keys(step)
    revoke_first(api)
    run(step, api)
    assert about_keys(step) != good


def test_a_person_sees_it(step: Here, api: LoopbackAPI) -> None:
    """The warning is in the log and in the summary, not in the JSON report alone."""
    revoke_first(api)
    ended = run(step, api)
    assert FIRST in ended.stdout + ended.stderr
    assert FIRST in unescape(step.program.summary)


def test_a_key_that_dies_in_the_middle(step: Here, api: LoopbackAPI) -> None:
    """The request is made again with the second, and none of it is lost."""

    def revoke(request: Request, number: int) -> None:
        if request.path == USAGE and number == 1:
            revoke_first(api)

    api.intercept = revoke
    assert run(step, api).code == 0
    assert step.program.report["spend"] == SPEND


def test_two_dead_keys(step: Here, api: LoopbackAPI) -> None:
    """Spend is unknown, and both are named."""
    for key in api.keys:
        key.is_revoked = True
    ended = run(step, api)
    assert ended.code == 3
    said = ended.stdout + ended.stderr
    assert_says(said, NEXT)
    assert FIRST in said.replace(NEXT, "")
    assert step.program.report["status"] == "unverified"


def test_only_a_401_is_a_dead_key(step: Here) -> None:
    """A route that is forbidden, or an API that is down, is no reason to take the second."""
    for status in (403, 500):
        refuse = {"usage_report/messages": status}
        with LoopbackAPI(ORGANIZATION, now=NOW, keys=[Key(NEXT_KEY)], refuse=refuse) as api:
            ended = run(step, api, BUDGET_GATE_DEADLINE="1")
            assert ended.code == 3
            assert set(sent(api)) == {EXAMPLE_KEY}


def test_without_a_second_key_nothing_is_said(step: Here, api: LoopbackAPI) -> None:
    """An empty variable is one that is not set."""
    assert run(step, api, **{NEXT: ""}).code == 0
    assert about_keys(step) == []


def test_an_echo_of_a_key_goes_nowhere(step: Here, api: LoopbackAPI) -> None:
    """Whoever quotes what was sent, no output has it: `run` looks into each."""
    for status in (401, 403, 500):
        api.intercept = echoing(status)
        for arguments in (CHECK, ("doctor",), ("check", "--format", "json", *AS_OF)):
            assert run(step, api, *arguments, BUDGET_GATE_DEADLINE="1").code == 3


@pytest.mark.parametrize("quoted", ['"{}"', "Bearer {}", "{}\\n"])
def test_a_second_key_with_something_around_it(step: Here, api: LoopbackAPI, quoted: str) -> None:
    """It is told apart from a wrong one before it is sent, by its variable and never by what it holds."""
    revoke_first(api)
    ended = run(step, api, **{NEXT: quoted.format(NEXT_KEY)})
    assert ended.code in {2, 3}
    assert NEXT in ended.stdout + ended.stderr


# The doctor


def test_the_doctor_tries_both(here: Here, api: LoopbackAPI) -> None:
    """Both are sent, and both are named."""
    ended = run(here, api, "doctor")
    assert ended.code == 0
    assert set(sent(api)) == {EXAMPLE_KEY, NEXT_KEY}
    assert_says(ended.stdout, NEXT)


@pytest.mark.parametrize(("dead", "code"), [((0,), 0), ((1,), 0), ((0, 1), 3)])
def test_the_doctor_knows_which_is_dead(
    here: Here, api: LoopbackAPI, dead: tuple[int, ...], code: int
) -> None:
    """One that is good is enough for a check; the dead one is a finding, by name."""
    for number in dead:
        api.keys[number].is_revoked = True
    ended = run(here, api, "doctor")
    assert ended.code == code
    names = [(FIRST, NEXT)[number] for number in dead]
    findings = [line for line in ended.stdout.splitlines() if not line.startswith("ok ")]
    assert all(any(name in line for line in findings) for name in names), ended.stdout


OTHER = replace(ORGANIZATION, usage=[], id="99999999-2222-4333-8444-555555555555")


def of_another(other: LoopbackAPI) -> Intercept:
    """Let the second key be one of another organization, and the first die once it has read the closed days."""

    def route(request: Request, _: int) -> Response | None:
        if request.headers["x-api-key"] == NEXT_KEY:
            return other.answer(request)
        is_of_closed_days = ("starting_at", "2026-11-01T00:00:00Z") in request.query
        return None if request.path != USAGE or is_of_closed_days else Response(401)

    return route


@pytest.mark.parametrize("names_it", [False, True])
def test_no_spend_is_made_of_two_organizations(
    step: Here, api: LoopbackAPI, *, names_it: bool
) -> None:
    """Where a key dies midway, all is read again by the other one, and what is judged is its organization alone."""
    with LoopbackAPI(OTHER, now=NOW, keys=[Key(NEXT_KEY)]) as other:
        api.intercept = of_another(other)
        policy = f"{BREACHED}organization: {ORGANIZATION.id}\n" if names_it else BREACHED
        ended = run(step, api, policy=policy)
    assert ended.code == (2 if names_it else 0)
    if names_it:
        assert_says(ended.stderr, "another organization", OTHER.id)
    else:
        assert step.program.report["spend"] == {"low": "0", "high": "0"}
        assert step.program.report["organization"] == OTHER.id


@pytest.mark.parametrize(
    "command",
    [
        ("audit", "--days", "3"),
        ("export", "--days", "3"),
        ("sync", "--from", "2026-11-12", "--store", "sqlite:///usage.db"),
        ("init", "--stdout"),
    ],
)
def test_a_key_that_dies_in_the_middle_of_another_command(
    here: Here, api: LoopbackAPI, command: tuple[str, ...]
) -> None:
    """Nothing comes of numbers that may be of two organizations; the next run has the second key alone."""
    first: list[Response] = []
    lock = Lock()

    def one_answer(request: Request, _: int) -> Response | None:
        with lock:
            if not first:
                first.append(api.answer(request))
                return first[0]
            revoke_first(api)
            return None

    api.intercept = one_answer
    ended = run(here, api, *command)
    assert ended.code == 3
    assert_says(ended.stdout + ended.stderr, FIRST, "two organizations", "run this again")
    assert "mixed_keys" not in run(here, api, *command).stdout
