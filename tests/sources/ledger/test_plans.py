"""Plans without a Redis: what is asked in which hour, where the clock of Redis is at will."""

from datetime import UTC, datetime
from typing import Any

import pytest

from budget_gate.domain.ledger.counted import Counted, count
from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.plans import Learned, reading, recording, recording_all

DECEMBER = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())
HOUR = 3600


def counted(id_: str = "msg_1") -> Counted:
    """Twenty tokens of output."""
    usage = {"input_tokens": 0, "output_tokens": 20}
    return count({"id": id_, "model": "claude-opus-4-8", "usage": usage})


class Redis:
    """Answers as the script does, and keeps the hours that were counted in; each question takes `takes` seconds."""

    def __init__(self, now: float, takes: float = 0) -> None:
        self.now = now
        self.takes = takes
        self.trips = 0
        self.asked: list[str] = []
        self.counted: list[int] = []

    def run(self, plan: Any) -> Any:
        """The result of a plan."""
        try:
            commands = next(plan)
            while True:
                self.trips += 1
                commands = plan.send([self._answer(command) for command in commands])
        except StopIteration as done:
            return done.value

    def _answer(self, command: tuple[Any, ...]) -> Any:
        self.now += self.takes
        self.asked.append(command[0])
        fixed = {
            "SADD": 1,
            "SMEMBERS": {f"team-{it}".encode() for it in range(10)},
            "TIME": (int(self.now), 0),
            "HGETALL": {},
        }
        if command[0] in fixed:
            return fixed[command[0]]
        hour = command[5]
        assert command[3].endswith(f":counts:{hour}")
        if int(self.now) // HOUR * HOUR != hour:
            return int(self.now)
        self.counted.append(hour)
        return 1


@pytest.fixture
def learned() -> Learned:
    """A client whose clock stands at a minute before December."""
    return Learned(lambda: DECEMBER - 60)


@pytest.mark.parametrize("seconds", [0, 1, 59, 299])
def test_a_months_first_minutes_are_in_its_first_hour(learned: Learned, seconds: int) -> None:
    """Redis is in December already: the hour is its first one, whatever the client believes."""
    redis = Redis(DECEMBER + seconds)

    assert redis.run(recording(counted(), None, learned)) is True

    assert redis.counted == [DECEMBER]


def test_a_months_last_second_is_in_its_last_hour() -> None:
    """A client that is ahead of Redis does not count in the month that has not begun."""
    redis = Redis(DECEMBER - 0.5)

    redis.run(recording(counted(), None, Learned(lambda: DECEMBER + 100)))

    assert redis.counted == [DECEMBER - HOUR]


def test_an_hour_that_ends_while_it_is_asked_is_no_error(learned: Learned) -> None:
    """The new hour is asked for at once, and from then on at first."""
    redis = Redis(DECEMBER - 1, takes=1)

    redis.run(recording(counted(), None, learned))
    assert redis.asked == ["SADD", "EVALSHA", "EVALSHA"]
    redis.run(recording(counted("msg_2"), None, learned))
    assert redis.asked == ["SADD", "EVALSHA", "EVALSHA", "EVALSHA"]
    assert redis.counted == [DECEMBER, DECEMBER]


def test_of_many_messages_only_those_are_asked_again_that_came_too_late(learned: Learned) -> None:
    """An hour that ends among them leaves the first where they are."""
    redis = Redis(DECEMBER - 3, takes=1)

    found = redis.run(recording_all([(counted(f"msg_{it}"), None) for it in range(4)], learned))

    assert found == [True] * 4
    assert redis.counted == [DECEMBER - HOUR, DECEMBER, DECEMBER, DECEMBER]


def test_a_clock_that_jumps_is_an_error(learned: Learned) -> None:
    """Where each question finds another hour, nothing is counted and that is said."""
    with pytest.raises(LedgerError, match="clock of the ledger jumps"):
        Redis(DECEMBER, takes=HOUR).run(recording(counted(), None, learned))


def test_many_hours_are_read_in_few_round_trips() -> None:
    """Two weeks of ten workspaces are 3,370 hours, in seven questions and not one each."""
    redis = Redis(DECEMBER)

    found = redis.run(reading(datetime.fromtimestamp(DECEMBER - 14 * 24 * HOUR, UTC)))

    assert redis.asked.count("HGETALL") == 337 * 10 + 10
    assert redis.trips == 1 + 7 + 1
    assert found.read_at == datetime(2026, 12, 1, tzinfo=UTC)
