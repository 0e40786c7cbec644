"""Organizations whose usage report lags, and what their clients count meanwhile; nothing of the package under test."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from random import Random

from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage, cost, price_row, price_table, total
from tests.world.organizations import variants

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LONGEST_LAG = timedelta(hours=2)
SHORT = "0-200k"

# What the ledger calls a class of tokens -> the field of Usage that has their number.
CLASSES = {
    "uncached_input": "uncached",
    "cache_write_5m": "write_5m",
    "cache_write_1h": "write_1h",
    "cache_read": "read",
    "output": "output",
    "web_searches": "searches",
}


WORKSPACES = (
    Workspace("wrkspc_01EXAMPLEALPHA", "alpha"),
    Workspace("wrkspc_01EXAMPLEBETA", "team b|{ü}"),
    Workspace("wrkspc_01EXAMPLEGAMMA", "gamma", archived_at="2026-10-20T00:00:00Z"),
)
# The models of made-up requests -> the key below `models:` of the policy, which finds each of their names.
MODELS = {
    "claude-opus-5-5": "claude-opus-5-5*",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5*",
    "claude-sonnet-5": "claude-sonnet-5*",
    "claude-haiku-5-5": "claude-haiku-5-5*",
}
BUDGETS = (
    "global",
    *(f"workspaces.{name}" for name in ("default", *(workspace.id for workspace in WORKSPACES))),
    *(f"models.{key}" for key in MODELS.values()),
)


@dataclass(frozen=True)
class Client:
    """A program that sends requests in one workspace, None for the default one.

    `written` is how it names that workspace when it counts. It counts nothing where it is not `instrumented`, names
    models otherwise than the report does with `renames`, and tells neither tier nor geography nor speed where it does
    not `tell`.
    """

    workspace: str | None
    written: str | None
    instrumented: bool = True
    renames: bool = False
    tells: bool = True


@dataclass(frozen=True)
class Call:
    """A request: its usage at its instant, how long the report lacks it, and when it is counted afterwards.

    `counted_after` is None where the client crashes before it counts; `again_after` is when the same message is
    counted once more, None where it is not.
    """

    usage: Usage
    message: str
    client: Client
    lag: timedelta = timedelta()
    counted_after: timedelta | None = timedelta()
    again_after: timedelta | None = None

    @property
    def counted_at(self) -> datetime | None:
        """When the ledger first has it; None for never."""
        if not self.client.instrumented or self.counted_after is None:
            return None
        return self.usage.at + self.counted_after

    def is_used(self, now: datetime) -> bool:
        """Whether it was made before `now`."""
        return self.usage.at < now

    def is_reported(self, now: datetime) -> bool:
        """Whether the report has it at `now`."""
        return self.is_used(now) and self.usage.at + self.lag <= now

    def is_counted(self, now: datetime) -> bool:
        """Whether it was made before `now`, and the ledger has it by then."""
        return self.is_used(now) and self.counted_at is not None and self.counted_at <= now


@dataclass(frozen=True)
class Record:
    """What a client hands to the ledger at an instant, in its own words; None is what it does not tell."""

    at: datetime
    message: str
    workspace: str | None
    model: str
    service_tier: str | None
    context_window: str | None
    inference_geo: str | None
    speed: str | None
    tokens: Mapping[str, int]


@dataclass(frozen=True)
class World:
    """An organization's workspaces and requests, as nobody but these tests knows them."""

    workspaces: tuple[Workspace, ...]
    calls: tuple[Call, ...]

    def used(self, now: datetime) -> list[Usage]:
        """All usage before `now`: the truth."""
        return [call.usage for call in self.calls if call.is_used(now)]

    def reported(self, now: datetime) -> list[Usage]:
        """What the report has of it at `now`."""
        return [call.usage for call in self.calls if call.is_reported(now)]

    def counted(self, now: datetime) -> list[Usage]:
        """What the ledger has of it at `now`, each message once."""
        return [call.usage for call in self.calls if call.is_counted(now)]

    def records(self, now: datetime) -> list[Record]:
        """What clients have handed to the ledger by `now`, in the order in which they did."""
        found = []
        for call in self.calls:
            first = call.counted_at
            if first is None:
                continue
            again = [] if call.again_after is None else [first + call.again_after]
            found += [recorded(call, at) for at in (first, *again) if at <= now]
        return sorted(found, key=lambda record: record.at)

    def api(self, now: datetime) -> LoopbackAPI:
        """The organization's API as it answers at `now`."""
        return LoopbackAPI(Organization(self.reported(now), list(self.workspaces)), now=now)


def hour_of(at: datetime) -> datetime:
    """The start of the UTC hour that an instant lies in."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def other_name(model: str) -> str:
    """Another id of a model: its own, or where that is given one with a date, or an alias; the same if it has but one."""
    row = next(row for row in price_table() if row.answers_to(model))
    if model != row.model:
        return row.model
    if row.aliases:
        return row.aliases[0]
    return f"{model}-{row.effective_from:%Y%m%d}" if row.accepts_dated_id else model


def recorded(call: Call, at: datetime) -> Record:
    """What the client of a request hands to the ledger."""
    usage, client = call.usage, call.client
    # Where it searches, an answer adds up several prompts: a long sum does not say that any of them was long.
    is_unclear = usage.searches > 0 and usage.context_window != SHORT
    return Record(
        at=at,
        message=call.message,
        workspace=client.written,
        model=other_name(usage.model) if client.renames else usage.model,
        service_tier=usage.service_tier if client.tells else None,
        context_window=None if is_unclear else usage.context_window,
        inference_geo=usage.inference_geo if client.tells else None,
        speed=usage.speed if client.tells else None,
        tokens={name: getattr(usage, field) for name, field in CLASSES.items()},
    )


def policy(cap: str = "1000000") -> str:
    """A policy with a budget of everything that a made-up world has, each with that cap."""
    lines = ["version: 1", f"global: {{cap: {cap}, forecast: 'off'}}"]
    for budget in BUDGETS[1:]:
        section, _, name = budget.partition(".")
        if f"{section}:" not in lines:
            lines.append(f"{section}:")
        lines.append(f"  {name!r}: {{cap: {cap}, forecast: 'off'}}")
    return "\n".join([*lines, ""])


def spent(usages: Iterable[Usage]) -> Fraction:
    """What requests cost in truth, in USD.

    The report does not tell how long a prompt of up to 200,000 tokens was; here each usage is one request, so it is known.
    """
    return sum((_spent(usage) for usage in usages), Fraction(0))


def _spent(usage: Usage) -> Fraction:
    row, bounds = price_row(usage.model, usage.day), cost(usage)
    assert row is not None
    assert bounds is not None
    prompt = usage.uncached + usage.write_5m + usage.write_1h + usage.read
    is_long = row.long_threshold is not None and prompt > row.long_threshold
    return bounds[1] if is_long else bounds[0]


def by_budget(usages: Iterable[Usage]) -> dict[str, list[Usage]]:
    """Usage by the id of each budget of `policy` that it counts for."""
    found: dict[str, list[Usage]] = {budget: [] for budget in BUDGETS}
    for usage in usages:
        model = next(key for key in MODELS.values() if fnmatchcase(usage.model, key))
        for budget in ("global", f"workspaces.{usage.workspace or 'default'}", f"models.{model}"):
            found[budget].append(usage)
    return found


def low(usages: Iterable[Usage]) -> Fraction:
    """The least that usage may cost by what a report tells of it, in USD."""
    return total(usages)[0]


def high(usages: Iterable[Usage]) -> Fraction:
    """The most that usage may cost by what a report tells of it, in USD."""
    return total(usages)[1]


@dataclass(frozen=True)
class Habits:
    """How often, from 0 to 1, the clients of a made-up world do what makes counting hard.

    `uninstrumented` clients count nothing and `silent` ones tell only the model; the others are about requests:
    `crashing` before they are counted, `late` by a few minutes, which may lie in the next hour, and `twice`, up to
    three hours later. `lagging` is how often the report lacks a request for a while.
    """

    uninstrumented: float = 0
    silent: float = 0
    crashing: float = 0
    late: float = 0
    twice: float = 0.2
    lagging: float = 0.8


def drawn(
    random: Random,
    habits: Habits,
    *,
    now: datetime,
    span: timedelta = timedelta(hours=5),
    calls: int = 40,
) -> World:
    """Make a world whose requests lie in the `span` before `now`, the same for the same source of chance.

    A third of them lie on the first or the last microsecond of an hour. Each workspace has two clients, of which one
    names it by its id and one by its name. A request that is not late is counted at once.
    """
    clients = [
        Client(
            workspace=workspace.id if workspace else None,
            written=(workspace.name if by_name else workspace.id) if workspace else None,
            instrumented=random.random() >= habits.uninstrumented,
            renames=random.random() < 0.5,
            tells=random.random() >= habits.silent,
        )
        for workspace in (None, *WORKSPACES)
        for by_name in (True, False)
    ]
    made = (
        _call(random, habits, random.choice(clients), _instant(random, now, span), number)
        for number in range(calls)
    )
    return World(WORKSPACES, tuple(made))


def _instant(random: Random, now: datetime, span: timedelta) -> datetime:
    at = now - random.randrange(1, span // MICROSECOND) * MICROSECOND
    if random.random() < 1 / 3:
        edge = hour_of(at) + random.choice((timedelta(), HOUR - MICROSECOND))
        return edge if now - span <= edge < now else at
    return at


def _call(random: Random, habits: Habits, client: Client, at: datetime, number: int) -> Call:
    is_late = random.random() < habits.late
    after = random.randrange(1, 600) * SECOND if is_late else timedelta()
    return Call(
        usage=_usage(random, client.workspace, at),
        message=f"msg_01EXAMPLE{number:04d}",
        client=client,
        lag=random.random() * LONGEST_LAG if random.random() < habits.lagging else timedelta(),
        counted_after=None if random.random() < habits.crashing else after,
        again_after=random.random() * 3 * HOUR if random.random() < habits.twice else None,
    )


def _usage(random: Random, workspace: str | None, at: datetime) -> Usage:
    """One request whose prompt is as long as its context window says."""
    model = random.choice(list(MODELS))
    variant = random.choice(variants(at.date())[model])
    prompt = [random.choice((0, *2 * (random.randrange(50_000),))) for _ in range(4)]
    if variant.context_window != SHORT:
        prompt[0] += 200_001
    uncached, write_5m, write_1h, read = prompt
    return replace(
        Usage(at, workspace, model),
        model=other_name(model) if random.random() < 0.2 else model,
        service_tier=variant.service_tier,
        context_window=variant.context_window,
        inference_geo=variant.inference_geo,
        speed=variant.speed,
        uncached=uncached,
        write_5m=write_5m,
        write_1h=write_1h,
        read=read,
        output=random.randrange(30_000),
        searches=random.choice((0, 0, random.randrange(1, 5))),
    )
