"""`ledger reconcile`: what clients counted on settled days against what the report has, by workspace and model."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.helpers.redis import Server, server
from tests.helpers.running import NOW, NOWHERE, Here, Run
from tests.helpers.wording import assert_says
from tests.world import ledger
from tests.world.lagging import Call, Client, World
from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

PASSWORD = "EXAMPLE-password"
ALPHA = Workspace("wrkspc_01EXAMPLEALPHA", "alpha")
BETA = Workspace("wrkspc_01EXAMPLEBETA", "beta")
YESTERDAY = datetime(2026, 11, 14, tzinfo=UTC)
SONNET = "claude-sonnet-4-5-20250929"
OPUS = "claude-opus-5-5"
BY_NAME = Client(ALPHA.id, "alpha")


def calls(
    number: int,
    *,
    day: datetime = YESTERDAY,
    client: Client = BY_NAME,
    model: str = SONNET,
    after: timedelta = timedelta(),
) -> list[Call]:
    """Requests of 1,000 tokens each, spread evenly over a day: 24 of them lie on the last second of each hour."""
    step = timedelta(days=1) / number
    return [
        Call(
            Usage(day + turn * step - timedelta(seconds=1), client.workspace, model, output=1000),
            f"msg_01{model}{day:%d}{client.written}{turn:04d}",
            client,
            counted_after=after,
        )
        for turn in range(1, number + 1)
    ]


def reconciled(
    here: Here,
    one: Server,
    reported: Iterable[Call],
    counted: Iterable[Call],
    *flags: str,
    now: datetime = NOW,
) -> Run:
    """What is said of a report and a ledger that has these requests, at `now`."""
    usage = [call.usage for call in reported]
    with one.driver() as redis:
        ledger.write(redis, World((), tuple(counted)).records(now), now=now)
    with LoopbackAPI(Organization(usage, [ALPHA, BETA]), now=now) as api, one.at(now) as url:
        return run(here, url, api.url, *flags, now=now)


def run(here: Here, ledger_url: str, url: str, *flags: str, now: datetime = NOW) -> Run:
    """What is said of a ledger and an API that are there already."""
    environment = {"ANTHROPIC_BASE_URL": url}
    arguments = ("ledger", "reconcile", "--ledger", ledger_url, *flags)
    return here.main(*arguments, now=now, environment=environment)


def again(found: Iterable[Call], times: int = 1) -> list[Call]:
    """The same requests, counted so often under other ids."""
    return [
        replace(call, message=f"{call.message}-{turn}") for call in found for turn in range(times)
    ]


# What agrees, and what does not


@pytest.mark.parametrize(
    ("counted", "flags", "code"),
    [
        (200, (), 0),
        (199, (), 0),
        (201, (), 0),
        (197, (), 1),
        (203, (), 1),
        (100, (), 1),
        (400, (), 1),
        (197, ("--tolerance", "2%"), 0),
        (203, ("--tolerance", "2 %"), 0),
        (195, ("--tolerance", "2%"), 1),
        (199, ("--tolerance", "0%"), 1),
        (201, ("--tolerance", "0%"), 1),
        (200, ("--tolerance", "0%"), 0),
    ],
)
def test_beyond_the_tolerance_is_1(
    here: Here, ledger_server: Server, counted: int, flags: tuple[str, ...], code: int
) -> None:
    """200 requests of yesterday in the report, and so many in the ledger: half a percent is within one, 1.5% is not."""
    ended = reconciled(here, ledger_server, calls(200), calls(counted), *flags)
    assert ended.code == code, ended.stdout + ended.stderr
    if code:
        assert "alpha" in ended.stdout
        assert "claude-sonnet-4-5" in ended.stdout


@pytest.mark.parametrize(
    "client",
    [
        Client(ALPHA.id, "alpha"),
        Client(ALPHA.id, ALPHA.id),
        Client(ALPHA.id, "alpha", renames=True),
        Client(ALPHA.id, ALPHA.id, renames=True, tells=False),
        Client(None, None),
    ],
)
def test_however_clients_write_it_it_agrees(
    here: Here, ledger_server: Server, client: Client
) -> None:
    """By name or id, with another name of the model, without tier, geography and speed; in the default workspace."""
    made = calls(50, client=client) + calls(50, client=client, model=OPUS)
    ended = reconciled(here, ledger_server, made, made, "--tolerance", "0%")
    assert ended.code == 0, ended.stdout + ended.stderr


def test_clients_that_write_it_otherwise_are_added_up(here: Here, ledger_server: Server) -> None:
    """One by the name of the workspace and one by its id."""
    made = calls(50) + calls(50, client=Client(ALPHA.id, ALPHA.id, renames=True))
    assert reconciled(here, ledger_server, made, made, "--tolerance", "0%").code == 0


def test_what_is_counted_in_the_next_hour_agrees(here: Here, ledger_server: Server) -> None:
    """A second before the hour's end it was made, and two after it counted: the day has it all the same."""
    made = calls(24, after=timedelta(seconds=2))[:-1]
    assert reconciled(here, ledger_server, made, made, "--tolerance", "0%").code == 0


def test_what_is_sent_again_is_counted_once(here: Here, ledger_server: Server) -> None:
    """By the id of the message."""
    made = calls(20)
    assert reconciled(here, ledger_server, made, [*made, *made], "--tolerance", "0%").code == 0


def test_nothing_at_all_agrees(here: Here, ledger_server: Server) -> None:
    """A day on which nobody did anything."""
    assert reconciled(here, ledger_server, [], []).code == 0


def test_one_workspace_does_not_make_up_for_another(here: Here, ledger_server: Server) -> None:
    """What alpha never counted and what beta counted twice are told apart, though the sums are equal."""
    beta = calls(40, client=Client(BETA.id, "beta"))
    made = calls(40) + beta
    counted = calls(40)[:20] + beta + again(beta[:20])
    ended = reconciled(here, ledger_server, made, counted)
    assert ended.code == 1
    assert "alpha" in ended.stdout
    assert "beta" in ended.stdout


def test_one_model_does_not_make_up_for_another(here: Here, ledger_server: Server) -> None:
    """Requests that clients count for another model are never counted for the one and twice for the other."""
    ended = reconciled(here, ledger_server, calls(40), calls(40, model=OPUS))
    assert ended.code == 1
    assert "claude-sonnet-4-5" in ended.stdout
    assert OPUS in ended.stdout


def test_one_class_does_not_make_up_for_another(here: Here, ledger_server: Server) -> None:
    """Output that is counted as input is not what was used."""
    made = calls(40)
    counted = [
        replace(call, usage=replace(call.usage, output=0, uncached=call.usage.output))
        for call in made
    ]
    assert reconciled(here, ledger_server, made, counted).code == 1


# Days


@pytest.mark.parametrize(
    ("day", "flags", "code"),
    [
        (0, (), 0),
        (1, (), 1),
        (1, ("--days", "1"), 1),
        (2, (), 0),
        (2, ("--days", "2"), 1),
        (13, ("--days", "13"), 1),
        (13, ("--days", "12"), 0),
    ],
)
def test_full_days_up_to_yesterday_are_compared(
    here: Here, ledger_server: Server, day: int, flags: tuple[str, ...], code: int
) -> None:
    """Yesterday alone unless more are asked for; today never. So many days ago nobody counted half of it."""
    others = [
        call
        for number in range(1, 14)
        if number != day
        for call in calls(10, day=YESTERDAY - timedelta(days=number - 1))
    ]
    # Of today only its first half has been.
    now = NOW.replace(hour=23, minute=30)
    made = calls(200, day=YESTERDAY - timedelta(days=day - 1))
    ended = reconciled(here, ledger_server, others + made, others + made[::2], *flags, now=now)
    assert ended.code == code, ended.stdout + ended.stderr


def test_days_of_the_month_before_are_compared(here: Here, ledger_server: Server) -> None:
    """13 days before 5 November begin on 23 October."""
    made = calls(10, day=datetime(2026, 10, 23, tzinfo=UTC))
    now = datetime(2026, 11, 5, 12, tzinfo=UTC)
    flags = ("--days", "13")
    assert reconciled(here, ledger_server, made, made, *flags, now=now).code == 0
    # The ledger has them by now.
    assert reconciled(here, ledger_server, again(made, 2), [], *flags, now=now).code == 1


def test_hours_that_are_gone_are_not_held_against_anybody(
    here: Here, ledger_server: Server
) -> None:
    """At 01:04 the last whole day is the one before yesterday, and of the 13th before it an hour has expired."""
    now = YESTERDAY + timedelta(days=1, hours=1, minutes=4)
    made = calls(200, day=YESTERDAY - timedelta(days=1))
    ended = reconciled(here, ledger_server, made, made, "--days", "13", now=now)
    assert ended.code == 3
    assert_says(ended.stdout, "does not keep", "Nov 1", "fewer days", "02:05 UTC")
    assert reconciled(here, ledger_server, made, [], "--days", "12", now=now).code == 0


def test_hours_that_may_be_late_are_not_held_against_anybody(
    here: Here, ledger_server: Server
) -> None:
    """Half an hour after midnight the report may lack the last hours of yesterday: no difference is known."""
    made = calls(24)
    now = YESTERDAY + timedelta(days=1, minutes=30)
    reported = [call for call in made if call.usage.at < now - timedelta(hours=2)]
    assert len(reported) < len(made)
    assert reconciled(here, ledger_server, reported, made, now=now).code in {0, 3}


@pytest.mark.parametrize(
    "flags",
    [
        *(("--days", text) for text in ("0", "14", "-1", "x")),
        *(("--tolerance", text) for text in ("-1%", "x", "1e9999%", "nan%", "101%", "2", "2 ")),
    ],
)
def test_a_wrong_flag_is_2(here: Here, ledger_server: Server, flags: tuple[str, str]) -> None:
    """The ledger keeps 14 days, of which the first has begun to go; a tolerance is a percentage."""
    ended = run(here, ledger_server.url, NOWHERE, *flags)
    assert (ended.code, ended.stdout) == (2, "")
    assert_says(ended.stderr, flags[0])


def test_without_a_ledger_it_is_2(here: Here) -> None:
    """Nothing says where it is."""
    ended = here.main("ledger", "reconcile")
    assert (ended.code, ended.stdout) == (2, "")
    assert "--ledger" in ended.stderr


# What cannot be determined


def test_a_redis_that_is_down_or_refuses_is_3(here: Here) -> None:
    """However much the report has; the password is in no output."""
    with (
        server(password=PASSWORD) as one,
        LoopbackAPI(Organization([call.usage for call in calls(20)], [ALPHA]), now=NOW) as api,
    ):
        wrong = run(here, one.url.replace(PASSWORD, "wrong-EXAMPLE"), api.url)
        one.stop()
        gone = run(here, one.url, api.url)
    for ended in (wrong, gone):
        assert ended.code == 3
        assert_says(ended.stderr or ended.stdout, "Redis")
        assert PASSWORD not in ended.stdout + ended.stderr
        assert "wrong-EXAMPLE" not in ended.stdout + ended.stderr


def test_an_api_that_is_down_or_refuses_is_3(here: Here, ledger_server: Server) -> None:
    """However much the ledger has."""
    with ledger_server.driver() as redis:
        ledger.write(redis, World((), tuple(calls(20))).records(NOW), now=NOW)
    here.set({"BUDGET_GATE_DEADLINE": "2"})
    assert run(here, ledger_server.url, NOWHERE).code == 3
    organization = Organization([], [ALPHA])
    with LoopbackAPI(organization, now=NOW, refuse={"usage_report/messages": 403}) as api:
        assert run(here, ledger_server.url, api.url).code == 3


@pytest.mark.parametrize("number", ["many", "-1"])
def test_a_count_that_is_none_is_3(here: Here, ledger_server: Server, number: str) -> None:
    """Neither text nor less than nothing is compared with anything."""
    made = calls(20)
    key = ledger.counts_key("alpha", YESTERDAY.replace(hour=5))
    ledger_server.ask("SADD", ledger.WORKSPACES, "alpha")
    field = f"{SONNET}|standard|0-200k|global|standard|cache_read"
    ledger_server.ask("HSET", key, field, number)
    assert reconciled(here, ledger_server, made, made).code == 3
