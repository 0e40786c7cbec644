"""Made-up organizations with valid usage: seeded, property-based, and large."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import chain, product
from operator import attrgetter
from random import Random
from string import ascii_letters, digits
from typing import NamedTuple

from hypothesis import strategies as st

from tests.world.loopback import Organization, Workspace
from tests.world.oracle import PriceRow, Usage, price_table

MICROSECOND = timedelta(microseconds=1)
STRATEGY_WORKSPACES = (
    None,
    "wrkspc_01EXAMPLEALPHA",
    "wrkspc_01EXAMPLEBETA",
    "wrkspc_01EXAMPLEGAMMA",
)


class Variant(NamedTuple):
    """A combination of the dimensions that change a price, possible for the model on some day."""

    model: str
    service_tier: str
    context_window: str
    inference_geo: str
    speed: str


def _variants_of(row: PriceRow) -> tuple[Variant, ...]:
    tiers = ("standard", "priority") if row.batch is None else ("standard", "priority", "batch")
    speeds = ("standard",) if row.fast is None else ("standard", "fast")
    # Models from 4.6 on carry a geography and take requests above 200k; older ones do so only with a long card.
    geos = ("not_available",) if row.us is None else ("global", "us", "not_available")
    windows = ("0-200k",) if row.us is None and row.long is None else ("0-200k", "200k-1M")
    return tuple(
        Variant(row.model, tier, window, geo, speed)
        for tier, window, geo, speed in product(tiers, windows, geos, speeds)
        if not (tier == "batch" and speed == "fast")
    )


@cache
def variants(day: date) -> dict[str, tuple[Variant, ...]]:
    """Return every priceable combination of a day, by model; models retired by then are left out."""
    return {
        row.model: _variants_of(row)
        for row in price_table()
        if row.holds_on(day) and (row.retired_on is None or day < row.retired_on)
    }


def day_edges(start: datetime, end: datetime) -> list[datetime]:
    """Return the first and the last second of every UTC day that lie in [start, end)."""
    edges = []
    midnight = datetime.combine(start.date(), time(), UTC)
    while midnight < end:
        edges += [
            edge
            for edge in (midnight, midnight + timedelta(hours=23, minutes=59, seconds=59))
            if edge >= start
        ]
        midnight += timedelta(days=1)
    return [edge for edge in edges if edge < end]


def _reported_id(random: Random, model: str) -> str:
    """Return the model's id as reported: mostly its own, now and then an alias or a dated id."""
    if random.random() >= 0.1:
        return model
    row = next(row for row in price_table() if row.model == model)
    if row.aliases:
        return row.aliases[0]
    return f"{model}-{row.effective_from:%Y%m%d}" if row.accepts_dated_id else model


def _random_usage(random: Random, at: datetime, workspace: str | None) -> Usage:
    by_model = variants(at.date())
    variant = random.choice(by_model[random.choice(sorted(by_model))])
    return Usage(
        at=at,
        workspace=workspace,
        model=_reported_id(random, variant.model),
        service_tier=variant.service_tier,
        context_window=variant.context_window,
        inference_geo=variant.inference_geo,
        speed=variant.speed,
        uncached=random.randrange(2_000_000),
        write_5m=random.choice((0, random.randrange(500_000))),
        write_1h=random.choice((0, random.randrange(500_000))),
        read=random.choice((0, random.randrange(20_000_000))),
        output=random.randrange(400_000),
        searches=random.choice((0, 0, random.randrange(1, 50))),
    )


def seeded(seed: int) -> Random:
    """Return the source of chance for `random_organization`: the same seed, the same choices."""
    return Random(seed)  # noqa: S311 - test data, not secrets


def random_organization(
    random: Random, *, start: datetime, end: datetime, workspaces: int = 5, rows: int = 200
) -> Organization:
    """Make an organization with `rows` priceable usages in [start, end), the same for the same seed.

    Usage is spread over the default workspace and `workspaces` others, every third of them archived; up to half of the
    rows lie on the first or last second of a day.
    """
    listed = [
        Workspace(
            id="wrkspc_01" + "".join(random.choices(ascii_letters + digits, k=22)),
            name=f"team-{number}",
            archived_at=f"{start:%Y-%m-%dT%H:%M:%SZ}" if number % 3 == 2 else None,
        )
        for number in range(1, workspaces + 1)
    ]
    owners = [None, *(workspace.id for workspace in listed)]
    edges = day_edges(start, end)
    on_edges = random.sample(edges, k=min(len(edges), rows // 2))
    seconds = int((end - start).total_seconds())
    elsewhere = [
        start + timedelta(seconds=random.randrange(seconds)) for _ in range(rows - len(on_edges))
    ]
    usage = [
        _random_usage(random, at, owners[number] if number < len(owners) else random.choice(owners))
        for number, at in enumerate(on_edges + elsewhere)
    ]
    random.shuffle(usage)
    return Organization(usage=usage, workspaces=listed)


@st.composite
def _usage(draw: st.DrawFn, start: datetime, end: datetime) -> Usage:
    instants = st.integers(0, (end - start) // MICROSECOND - 1).map(
        lambda offset: start + offset * MICROSECOND
    )
    edges = day_edges(start, end)
    at = draw(st.one_of(st.sampled_from(edges), instants) if edges else instants)
    by_model = variants(at.date())
    variant = draw(st.sampled_from(by_model[draw(st.sampled_from(sorted(by_model)))]))
    tokens = st.integers(0, 10_000_000) | st.sampled_from((0, 1, 2**53 + 1, 10**18))
    return Usage(
        at=at,
        workspace=draw(st.sampled_from(STRATEGY_WORKSPACES)),
        model=variant.model,
        service_tier=variant.service_tier,
        context_window=variant.context_window,
        inference_geo=variant.inference_geo,
        speed=variant.speed,
        uncached=draw(tokens),
        write_5m=draw(tokens),
        write_1h=draw(tokens),
        read=draw(tokens),
        output=draw(tokens),
        searches=draw(st.integers(0, 10_000)),
    )


def usages(start: datetime, end: datetime, *, max_size: int = 20) -> st.SearchStrategy[list[Usage]]:
    """Draw lists of priceable usages in [start, end), of the default and three other workspaces."""
    return st.lists(_usage(start, end), max_size=max_size)


def benchmark_organization(*, rows: int, workspaces: int, as_of: datetime) -> Organization:
    """Make an organization with `rows` usages of the month up to `as_of`.

    All differ in day, workspace or dimensions for as long as there are combinations left.
    """
    owners = [
        Workspace(id=f"wrkspc_01EXAMPLE{number:06d}", name=f"team-{number}")
        for number in range(workspaces)
    ]
    month = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    seconds_of_day: dict[datetime, int] = {}
    midnight = month
    while midnight < as_of:
        seconds_of_day[midnight] = max(
            1, int(min(as_of - midnight, timedelta(days=1)).total_seconds())
        )
        midnight += timedelta(days=1)
    days = list(seconds_of_day)
    # Geography last, so that rows stay apart in a report that is not grouped by it.
    combinations = {
        day: sorted(
            chain.from_iterable(variants(day.date()).values()), key=attrgetter("inference_geo")
        )
        for day in days
    }
    usage = []
    for number in range(rows if days and owners else 0):
        turn, day_number = divmod(number, len(days))
        turn, owner_number = divmod(turn, len(owners))
        day = days[day_number]
        variant = combinations[day][turn % len(combinations[day])]
        usage.append(
            Usage(
                at=day + timedelta(seconds=number * 7919 % seconds_of_day[day]),
                workspace=owners[owner_number].id,
                model=variant.model,
                service_tier=variant.service_tier,
                context_window=variant.context_window,
                inference_geo=variant.inference_geo,
                speed=variant.speed,
                uncached=1_000 + number,
                write_5m=number % 4_000,
                write_1h=number % 3_000,
                read=10_000 + number,
                output=500 + number % 2_000,
                searches=number % 3,
            )
        )
    return Organization(usage=usage, workspaces=owners)
