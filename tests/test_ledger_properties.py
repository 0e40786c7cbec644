"""`check --ledger` in worlds drawn by chance: how reports lag and clients count, against what was used in truth."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from redis import Redis

from tests.helpers.redis import Server
from tests.helpers.running import Here
from tests.world import ledger
from tests.world.lagging import (
    BUDGETS,
    WORKSPACES,
    Habits,
    World,
    by_budget,
    drawn,
    high,
    low,
    policy,
    spent,
)
from tests.world.oracle import Usage
from tests.world.organizations import seeded

# When a world is checked last -> how far back its requests reach.
MOMENTS = {
    datetime(2026, 11, 15, 12, 37, 11, tzinfo=UTC): timedelta(hours=5),
    datetime(2026, 11, 15, 13, 0, 0, tzinfo=UTC): timedelta(hours=3),
    datetime(2026, 11, 15, 0, 20, 0, tzinfo=UTC): timedelta(hours=3),
    datetime(2026, 11, 2, 1, 15, 0, tzinfo=UTC): timedelta(hours=28),
    datetime(2026, 11, 1, 0, 4, 0, tzinfo=UTC): timedelta(minutes=12),
}
# And how long before that it is checked as well, in the order in which it is.
EARLIER = (timedelta(minutes=41), timedelta(minutes=3), timedelta())
OVER_ALL = pytest.mark.parametrize(
    ("now", "seed"),
    [(now, 10 * number + turn) for number, now in enumerate(MOMENTS) for turn in range(2)],
    ids=lambda it: f"{it:%d-%H%M}" if isinstance(it, datetime) else None,
)
NOTHING = Fraction(0)


@dataclass(frozen=True)
class Told:
    """What a check says of a world at an instant: by budget, from the lowest to the highest."""

    world: World
    now: datetime
    held: Mapping[str, Fraction]
    ranges: Mapping[str, tuple[Fraction, Fraction]]

    def of(self, usages: Iterable[Usage]) -> dict[str, list[Usage]]:
        """That of usage which lies in the month, by budget."""
        month = self.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return by_budget(usage for usage in usages if usage.at >= month)

    @property
    def lows(self) -> dict[str, Fraction]:
        """The low ends."""
        return {budget: range_[0] for budget, range_ in self.ranges.items()}

    @property
    def highs(self) -> dict[str, Fraction]:
        """The high ends."""
        return {budget: range_[1] for budget, range_ in self.ranges.items()}


def checks(
    here: Here, server: Server, habits: Habits, now: datetime, seed: int, *, holds: bool = False
) -> Iterable[Told]:
    """What a world that is drawn is said to have spent at one instant after the other, while its clients go on counting."""
    random = seeded(seed)
    world = drawn(random, habits, now=now, span=MOMENTS[now])
    with server.driver() as redis:
        held = held_in(redis, random) if holds else dict.fromkeys(BUDGETS, NOTHING)
        for before in EARLIER:
            # Earlier is another month, whose report is of no account here.
            if (now - before).month == now.month:
                ledger.write(redis, world.records(now - before), now=now - before)
                yield check(here, server, world, now - before, held)


def check(
    here: Here, server: Server, world: World, now: datetime, held: Mapping[str, Fraction]
) -> Told:
    """What a check says of each budget."""
    with world.api(now) as api, server.at(now) as url:
        flags = ("--ledger", url, "--format", "json")
        run = here.check(api, *flags, policy=policy(), now=now)
    assert run.code == 0, run.stderr or run.stdout
    report = run.report
    ranges = {budget["id"]: budget["spend"] for budget in report["budgets"]}
    assert ranges.keys() == set(BUDGETS)
    assert report["spend"] == ranges["global"]
    exact = {
        budget: (Fraction(range_["low"]), Fraction(range_["high"]))
        for budget, range_ in ranges.items()
    }
    return Told(world, now, held, exact)


def held_in(redis: Redis, random: Random) -> dict[str, Fraction]:
    """Holds some amounts in Redis, open and expired ones; what is open, by budget, that of models left open."""
    held = dict.fromkeys(BUDGETS, NOTHING)
    named = [(None, "default"), *((one.name, one.id) for one in WORKSPACES)]
    for number in range(4):
        written, budget = random.choice(named)
        usd = Decimal(random.randrange(1, 10**9)) / 10**8
        expiry = ledger.seconds(redis) + 600
        ledger.hold(redis, f"open-{number}", usd, workspace=written, expiry=expiry)
        ledger.hold(redis, f"gone-{number}", usd, workspace=written, expiry=1)
        for one in ("global", f"workspaces.{budget}"):
            held[one] += Fraction(usd)
    return held


def bounded(budgets: Iterable[str]) -> list[str]:
    """Those of the budgets which a hold counts for by its workspace: it has no model."""
    return [budget for budget in budgets if not budget.startswith("models.")]


ANY = Habits(uninstrumented=0.4, silent=0.3, crashing=0.2, late=0.3, twice=0.4)


@OVER_ALL
def test_low_is_the_report_and_never_above_the_truth(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """Whatever clients count, of the organization and of each budget."""
    for told in checks(here, ledger_server, ANY, now, seed, holds=True):
        reported, used = (
            told.of(told.world.reported(told.now)),
            told.of(told.world.used(told.now)),
        )
        assert told.lows == {budget: low(reported[budget]) for budget in BUDGETS}
        for budget, (least, most) in told.ranges.items():
            assert least <= spent(used[budget])
            assert high(reported[budget]) <= most


@OVER_ALL
def test_what_every_client_counts_lies_in_the_range(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """In the next hour, twice, by a workspace's id or name, by another name of the model, or without a tier."""
    habits = Habits(silent=0.5, late=0.4, twice=0.5)
    for told in checks(here, ledger_server, habits, now, seed):
        counted = told.of(told.world.counted(told.now))
        for budget, (_, most) in told.ranges.items():
            assert spent(counted[budget]) <= most


@OVER_ALL
def test_what_clients_count_at_once_is_the_truth(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """High is then all that was used and what is held, to the last digit: neither less nor anything twice."""
    for told in checks(here, ledger_server, Habits(), now, seed, holds=True):
        counted = told.of(told.world.used(told.now))
        expected = {budget: high(counted[budget]) + told.held[budget] for budget in BUDGETS}
        for budget in bounded(BUDGETS):
            assert told.highs[budget] == expected[budget]
        for budget in set(BUDGETS) - set(bounded(BUDGETS)):
            assert 0 <= told.highs[budget] - expected[budget] <= told.held["global"]


@OVER_ALL
def test_what_one_of_both_has_counts_once(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """With clients that count nothing, and crashes: at most the truth and what is held, at least what is reported."""
    habits = Habits(uninstrumented=0.4, crashing=0.3, twice=0.5)
    for told in checks(here, ledger_server, habits, now, seed, holds=True):
        used = told.of(told.world.used(told.now))
        for budget in BUDGETS:
            held = told.held[budget if budget in bounded(BUDGETS) else "global"]
            assert told.lows[budget] <= told.highs[budget]
            assert told.highs[budget] <= high(used[budget]) + held


@OVER_ALL
def test_a_report_that_is_complete_leaves_nothing_beyond(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """Whatever clients count within its hour, and however they name it: the range is that of the report alone."""
    habits = replace(ANY, late=0, lagging=0)
    for told in checks(here, ledger_server, habits, now, seed):
        used = told.of(told.world.used(told.now))
        assert told.ranges == {
            budget: (low(used[budget]), high(used[budget])) for budget in BUDGETS
        }


@OVER_ALL
def test_an_empty_ledger_changes_nothing(
    here: Here, ledger_server: Server, now: datetime, seed: int
) -> None:
    """Where no client counts, the range is that of the report alone."""
    for told in checks(here, ledger_server, Habits(uninstrumented=1), now, seed):
        reported = told.of(told.world.reported(told.now))
        expected = {budget: (low(reported[budget]), high(reported[budget])) for budget in BUDGETS}
        assert told.ranges == expected
