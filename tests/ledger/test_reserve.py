"""Holds: what is held while a job runs, how much of it is left, and when it ends by itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest

from budget_gate.ledger import LedgerError
from budget_gate.sources.ledger.client import Client
from tests.helpers.ledgers import Open, everything, read_counts
from tests.helpers.redis import Server, server


def held(one: Server) -> dict[str | None, Decimal]:
    """What is held for each workspace, as a check reads it."""
    client = Client.at(one.url)
    try:
        return dict(read_counts(client, datetime.now(UTC)).holds)
    finally:
        client.close()


def fields(one: Server, workspace: str = "") -> dict[str, str]:
    """The holds of a workspace as Redis has them."""
    found: dict[str, str] = one.ask("HGETALL", f"budget-gate:{{ws:{workspace}}}:holds")
    return found


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        ("12.50", "12.50"),
        (7, "7"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("1E+2"), "100"),
    ],
)
def test_an_amount_is_held_exactly(
    ledger_server: Server, open_ledger: Open, usd: Any, expected: str
) -> None:
    """Whole dollars, text and Decimal are held as they are given, to the last digit."""
    open_ledger(ledger_server.url).reserve(usd, workspace="production")

    (value,) = fields(ledger_server, "production").values()
    assert value.split()[1] == expected
    assert held(ledger_server) == {"production": Decimal(expected)}


def test_holds_add_up_by_workspace(ledger_server: Server, open_ledger: Open) -> None:
    """Each job has its own, and those of a workspace are summed exactly."""
    ledger = open_ledger(ledger_server.url)
    for usd in ("0.1", "0.2", "100"):
        ledger.reserve(usd)
    ledger.reserve(5, workspace="evals")

    assert held(ledger_server) == {None: Decimal("100.3"), "evals": Decimal(5)}


def test_a_hold_ends_with_its_job(ledger_server: Server, open_ledger: Open) -> None:
    """As a context manager it is released at the end, and when the job fails as well."""
    ledger = open_ledger(ledger_server.url)
    with ledger.reserve(5):
        assert held(ledger_server) == {None: Decimal(5)}
    assert held(ledger_server) == {}

    with pytest.raises(ZeroDivisionError), ledger.reserve(5):
        raise ZeroDivisionError
    assert fields(ledger_server) == {}


def test_what_was_spent_is_held_no_more(ledger_server: Server, open_ledger: Open) -> None:
    """Settled amounts come off; when all of it is spent, or more, nothing is held."""
    hold = open_ledger(ledger_server.url).reserve("10")

    hold.settle("2.25")
    hold.settle(Decimal("0.75"))
    assert (hold.left, held(ledger_server)) == (Decimal("7.00"), {None: Decimal("7.00")})

    hold.settle(8)
    assert (hold.left, fields(ledger_server)) == (0, {})


def test_exactness_does_not_depend_on_the_applications_context(
    ledger_server: Server, open_ledger: Open
) -> None:
    """An application may calculate with three digits: what is held has all of them."""
    with localcontext() as context:
        context.prec = 3
        hold = open_ledger(ledger_server.url).reserve("1000000.01")
        hold.settle("0.02")

    assert held(ledger_server) == {None: Decimal("999999.99")}


def test_a_hold_may_be_released_twice(ledger_server: Server, open_ledger: Open) -> None:
    """The second time there is nothing left to release, and no other hold goes."""
    ledger = open_ledger(ledger_server.url)
    hold, other = ledger.reserve(5), ledger.reserve(6)
    hold.release()
    hold.release()

    assert held(ledger_server) == {None: Decimal(6)}
    assert other.left == 6


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [(timedelta(minutes=5), 300), (60, 60), (None, 3600), (timedelta(14), 1_209_600)],
)
def test_a_hold_lasts_as_long_as_is_said(
    ledger_server: Server, open_ledger: Open, ttl: timedelta | int | None, seconds: int
) -> None:
    """By the clock of Redis, an hour if nothing is said; the key goes with the last of its holds."""
    ledger = open_ledger(ledger_server.url)
    ledger.reserve(5, **({} if ttl is None else {"ttl": ttl}))
    ledger.reserve(5, ttl=1)

    now, _ = ledger_server.ask("TIME")
    ends = max(int(value.split()[0]) for value in fields(ledger_server).values())
    assert now + seconds - 60 < ends <= now + seconds
    assert ledger_server.ask("EXPIRETIME", "budget-gate:{ws:}:holds") == ends + 1


def ended(one: Server, hold: str, usd: str) -> None:
    """Puts a hold in Redis that ended a second ago."""
    now, _ = one.ask("TIME")
    one.ask("HSET", "budget-gate:{ws:}:holds", hold, f"{now - 1} {usd}")


def test_a_hold_that_has_ended_holds_nothing(ledger_server: Server, open_ledger: Open) -> None:
    """It is not read, and the next hold of the workspace clears it away."""
    ledger = open_ledger(ledger_server.url)
    ledger.reserve(1)
    ended(ledger_server, "old", "100")
    assert held(ledger_server) == {None: Decimal(1)}

    ledger.reserve(2)

    assert "old" not in fields(ledger_server)
    assert held(ledger_server) == {None: Decimal(3)}


def test_a_hold_that_has_ended_does_not_come_back(ledger_server: Server, open_ledger: Open) -> None:
    """A job that took longer than it said settles nothing, and ends without an error."""
    hold = open_ledger(ledger_server.url).reserve(10)
    (name,) = fields(ledger_server)
    ended(ledger_server, name, "10")

    hold.settle(3)

    assert held(ledger_server) == {}
    hold.release()
    assert fields(ledger_server) == {}


def test_a_hold_that_is_none_is_an_error_and_not_nothing(
    ledger_server: Server, open_ledger: Open
) -> None:
    """What another program wrote among the holds is neither cleared away nor read as 0."""
    open_ledger(ledger_server.url).reserve(1)
    ledger_server.ask("HSET", "budget-gate:{ws:}:holds", "odd", "much")

    with pytest.raises(LedgerError, match="no amount") as caught:
        held(ledger_server)
    assert "{ws:}:holds" in caught.value.message
    open_ledger(ledger_server.url).reserve(1)
    assert fields(ledger_server)["odd"] == "much"


def test_something_else_in_place_of_the_holds_is_an_error(
    ledger_server: Server, open_ledger: Open
) -> None:
    """A key of another kind is left as it is."""
    ledger_server.ask("SET", "budget-gate:{ws:}:holds", "text")
    before = everything(ledger_server)

    with pytest.raises(LedgerError, match="something else"):
        open_ledger(ledger_server.url).reserve(1)

    after = everything(ledger_server)
    assert {key: after[key] for key in before} == before


def test_a_hold_that_cannot_be_released_is_an_error(
    ledger_server: Server, open_ledger: Open
) -> None:
    """Something else has taken the place of the holds meanwhile."""
    hold = open_ledger(ledger_server.url).reserve(1)
    ledger_server.ask("SET", "budget-gate:{ws:}:holds", "text")

    with pytest.raises(LedgerError, match="something else"):
        hold.release()
    assert hold.left == 1


def test_a_full_redis_holds_nothing(open_ledger: Open) -> None:
    """At its maxmemory a hold is an error, and none is there."""
    with server() as one:
        one.ask("CONFIG", "SET", "maxmemory", "1")

        with pytest.raises(LedgerError, match="is full"):
            open_ledger(one.url).reserve(1)

        assert everything(one) == {}


@pytest.mark.parametrize("usd", [1.5, True, None, b"1"])
def test_an_amount_that_is_not_exact_is_a_mistake(open_ledger: Open, usd: Any) -> None:
    """A float is never exact: it raises, whatever is to be ignored."""
    ledger = open_ledger("redis://127.0.0.1:9/0", on_error="ignore")

    with pytest.raises(TypeError, match="exact USD"):
        ledger.reserve(usd)


@pytest.mark.parametrize(
    "usd", ["-1", -2, "1e3", "NaN", Decimal("Infinity"), "", "1,5", "0." + "1" * 13]
)
def test_an_amount_that_is_none_is_a_mistake(open_ledger: Open, usd: Any) -> None:
    """Neither negative, nor without a limit, nor in another way of writing."""
    with pytest.raises(ValueError, match="usd is"):
        open_ledger("redis://127.0.0.1:9/0").reserve(usd)


@pytest.mark.parametrize("ttl", [0, -5, timedelta(days=15), timedelta(0), 10**20])
def test_a_time_that_is_none_is_a_mistake(open_ledger: Open, ttl: Any) -> None:
    """A hold of no time is none, and one that outlasts the hours is forgotten by somebody."""
    with pytest.raises(ValueError, match="ttl is"):
        open_ledger("redis://127.0.0.1:9/0").reserve(1, ttl=ttl)


@pytest.mark.parametrize("ttl", [1.5, True, "60"])
def test_a_time_is_a_timedelta_or_whole_seconds(open_ledger: Open, ttl: Any) -> None:
    """Nothing else says how long."""
    with pytest.raises(TypeError, match="ttl"):
        open_ledger("redis://127.0.0.1:9/0").reserve(1, ttl=ttl)


def test_holds_that_are_lost_are_counted(open_ledger: Open) -> None:
    """With on_error="ignore" a job runs on without its hold, and each call that failed is a loss."""
    ledger = open_ledger("redis://127.0.0.1:9/0", on_error="ignore")
    with ledger.reserve(5) as hold:
        hold.settle(2)

    assert ledger.lost == 3


def test_what_a_job_failed_with_is_not_hidden(open_ledger: Open) -> None:
    """A Redis that went away meanwhile takes no error's place: the hold ends by itself."""
    with server() as one:
        hold = open_ledger(one.url).reserve(5)
        one.stop()

        with pytest.raises(ZeroDivisionError), hold:
            raise ZeroDivisionError
        with pytest.raises(LedgerError), hold:
            pass
