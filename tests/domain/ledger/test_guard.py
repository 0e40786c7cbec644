"""The guard: which caps the last verdict's spend and what was counted since are above."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from budget_gate.domain.ledger.guard import Exceeded, check_fit, guard
from budget_gate.domain.ledger.guarded import GuardedVerdict, condensed, since_of
from budget_gate.domain.ledger.hours import Counts, Hours
from budget_gate.domain.spend import SpendLine, Workspace
from budget_gate.domain.usage import Tokens, UsageTable
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import AS_OF, book, bounds, key, line, policy
from tests.helpers.wording import assert_says

SINCE = datetime(2026, 11, 20, 13, tzinfo=UTC)
HOUR = datetime(2026, 11, 20, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 15, 50, tzinfo=UTC)
DAY = "2026-11-20"
# Output of claude-opus-4-8 costs $25 per million tokens.
MODEL = "claude-opus-4-8"
MILLION = Tokens(output=1_000_000)
WORKSPACES = (Workspace("wrkspc_1", "production"), Workspace("wrkspc_2", "evals"))
LINES = (
    line(bounds("50"), "wrkspc_1", model=MODEL, day="2026-11-03"),
    line(bounds("10"), "wrkspc_2", model=MODEL, day=DAY),
)


def verdict(
    lines: tuple[SpendLine, ...] = LINES, reported: Hours | None = None, as_of: datetime = AS_OF
) -> GuardedVerdict:
    """A verdict with $50 in production before today, and $10 in evals today."""
    return GuardedVerdict(as_of, SINCE, lines, WORKSPACES, reported or {})


def exceeded(
    text: str,
    table: UsageTable,
    *,
    workspace: str | None = "production",
    model: str | None = None,
    holds: Mapping[str, Decimal] | None = None,
    of: GuardedVerdict | None = None,
    now: datetime = NOW,
    hour: datetime = HOUR,
) -> list[Exceeded]:
    """The caps exceeded under a policy by what one hour counted."""
    file = policy(f"version: 1\n{text}\n")
    check_fit(file, of or verdict(), now)
    found = guard(file, of or verdict(), book(), now, workspace=workspace, model=model)
    held = dict[str | None, Decimal]((holds or {}).items())
    return found.exceeded(Counts({hour: table}, held, now))


def test_a_cap_that_is_exceeded_by_what_was_counted_since() -> None:
    """$50 are reported and $25 counted since, against a cap of $60."""
    table = {key(MODEL, DAY, workspace="production"): MILLION}

    assert exceeded("workspaces: {production: {cap: 60}}", table) == [
        Exceeded("production", Decimal(60), Decimal(50), Decimal(25), Decimal(0))
    ]


def test_a_cap_that_is_just_reached_holds() -> None:
    """$50 and $25 are no more than $75."""
    table = {key(MODEL, DAY, workspace="production"): MILLION}

    assert exceeded("workspaces: {production: {cap: 75}}", table) == []
    assert exceeded("workspaces: {production: {cap: 74.99}}", table)


def test_usage_that_the_verdict_knows_is_not_counted_again() -> None:
    """Of the million tokens counted in the hour, the report had 900,000: $2.50 are new."""
    table = {key(MODEL, DAY, workspace="wrkspc_1"): MILLION}
    known = {HOUR: {key(MODEL, DAY, workspace="wrkspc_1"): Tokens(output=900_000)}}

    (found,) = exceeded("global: {cap: 1}", table, of=verdict(reported=known))

    assert (found.reported, found.counted, found.used) == (
        Decimal(60),
        Decimal("2.5"),
        Decimal("62.5"),
    )


def test_the_organization_counts_every_workspace() -> None:
    """What evals use counts toward the global cap, and not toward that of production."""
    table = {key(MODEL, DAY, workspace="evals"): MILLION}
    found = exceeded("global: {cap: 80}\nworkspaces: {production: {cap: 50}}", table)

    assert [(it.budget, it.used) for it in found] == [("organization", Decimal(85))]


def test_a_budget_of_another_workspace_stands_in_nobody_elses_way() -> None:
    """Evals are over their cap; production may go on."""
    table = {key(MODEL, DAY, workspace="evals"): MILLION}

    assert exceeded("workspaces: {evals: {cap: 5}, production: {cap: 60}}", table) == []


def test_a_group_counts_its_members() -> None:
    """Production is in the group that evals exceed."""
    table = {key(MODEL, DAY, workspace="evals"): MILLION}
    found = exceeded("groups: {all: {cap: 80, workspaces: [production, evals]}}", table)

    assert [(it.budget, it.used) for it in found] == [("all", Decimal(85))]


def test_what_is_held_counts() -> None:
    """$50 spent and $11 held are above $60; what is held elsewhere is not of production."""
    holds = {"production": Decimal(11), "evals": Decimal(100)}
    found = exceeded("workspaces: {production: {cap: 60}}", {}, holds=holds)

    assert [(it.held, it.used) for it in found] == [(Decimal(11), Decimal(61))]


def test_a_daily_cap_counts_today_alone() -> None:
    """Evals have $10 of today in the report; $25 more are above $30 a day."""
    table = {key(MODEL, DAY, workspace="evals"): MILLION}
    found = exceeded("workspaces: {evals: {cap: 500, daily_cap: 30}}", table, workspace="evals")

    assert found == [
        Exceeded("evals", Decimal(30), Decimal(10), Decimal(25), Decimal(0), daily=True)
    ]
    before = {key(MODEL, DAY, workspace="production"): MILLION}
    assert exceeded("workspaces: {production: {cap: 500, daily_cap: 30}}", before) == []


@pytest.mark.parametrize("asked", ["claude-opus-4-8", "claude-opus-4-8-20260528"])
def test_a_cap_of_a_model_is_looked_at_where_the_model_is_named(asked: str) -> None:
    """A model goes by its id with a date or without."""
    table = {key("claude-opus-4-8-20260528", DAY, workspace="evals"): MILLION}
    text = f"models: {{{MODEL}: {{cap: 80}}}}"

    assert [it.used for it in exceeded(text, table, model=asked)] == [85]
    assert exceeded(text, table) == []
    assert exceeded(text, table, model="claude-haiku-5-5") == []


def test_an_exception_is_in_force_until_its_day_ends() -> None:
    """The cap is $100 until Nov 20 and $60 again on Nov 21."""
    text = (
        "workspaces: {production: {cap: 60}}\nexceptions: [{budget: workspaces.production, "
        "cap: 100, until: 2026-11-20, reason: launch}]"
    )
    table = {key(MODEL, DAY, workspace="production"): MILLION}

    assert exceeded(text, table) == []
    assert exceeded(text, table, now=datetime(2026, 11, 21, tzinfo=UTC))


def test_a_workspace_without_a_budget_has_that_of_those_not_listed() -> None:
    """Evals have spent $10, and a workspace that has spent nothing yet has the same cap."""
    text = "unlisted: {cap: 20}\nworkspaces: {production: {cap: 500}}"
    table = {key(MODEL, DAY, workspace="evals"): MILLION, key(MODEL, DAY): MILLION}

    assert [it.used for it in exceeded(text, table, workspace="evals")] == [35]
    assert [it.used for it in exceeded(text, table, workspace=None)] == [25]


def test_a_new_month_begins_at_nothing() -> None:
    """By a verdict of November, December has spent what was counted in it."""
    now = datetime(2026, 12, 1, 0, 10, tzinfo=UTC)
    hour = datetime(2026, 12, 1, tzinfo=UTC)
    table = {key(MODEL, "2026-12-01", workspace="production"): MILLION}
    text = "workspaces: {production: {cap: 20}}"
    last = verdict(as_of=datetime(2026, 11, 30, 23, 50, tzinfo=UTC))

    assert [it.used for it in exceeded(text, table, of=last, now=now, hour=hour)] == [25]
    before = {key(MODEL, "2026-11-30", workspace="production"): MILLION}
    evening = datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert exceeded(text, before, of=last, now=now, hour=evening) == []


def test_a_model_without_a_price_counts_as_the_dearest() -> None:
    """A cut-off needs a number: usage of an unknown model is not free."""
    table = {key("claude-next", DAY, workspace="production"): MILLION}

    (found,) = exceeded("workspaces: {production: {cap: 50}}", table)

    assert found.counted >= 25


def test_a_model_without_a_price_is_under_the_glob_that_matches_it() -> None:
    """Nobody had used it when the verdict was made: what it uses since is of the key all the same."""
    table = {key("claude-unheard-of", DAY, workspace="production"): MILLION}
    assert exceeded("models: {'claude-opus-*': {cap: 61}}", table, model=MODEL) == []
    (one,) = exceeded("models: {'claude-*': {cap: 61}}", table, model=MODEL)
    assert one.reported == Decimal(60)
    assert one.counted > 0


def test_a_verdict_made_just_after_midnight_is_of_the_new_day() -> None:
    """The clock of Redis is 4 minutes behind that of the check: the day that it judged is the one that counts."""
    at = datetime(2026, 11, 21, 0, 2, tzinfo=UTC)
    today = line(bounds("50"), "wrkspc_1", model=MODEL, day="2026-11-21")
    told = verdict(condensed((*LINES, today), at.date()), as_of=at)
    text = "workspaces: {production: {cap: 1000, daily_cap: 40}}"
    (one,) = exceeded(text, {}, of=told, now=at - timedelta(minutes=4))
    assert (one.daily, one.reported) == (True, Decimal(50))


def test_a_verdict_of_the_next_month_is_judged_by_its_own_caps() -> None:
    """What December has spent by the verdict is not taken for all that November has."""
    at = datetime(2026, 12, 1, 0, 2, tzinfo=UTC)
    last = at - timedelta(minutes=4)
    told = verdict((line(bounds("50"), "wrkspc_1", model=MODEL, day="2026-12-01"),), as_of=at)
    table = {key(MODEL, "2026-11-30", workspace="production"): MILLION}
    hour = last.replace(minute=0)
    (one,) = exceeded("workspaces: {production: {cap: 40}}", table, of=told, now=last, hour=hour)
    assert (one.reported, one.counted) == (Decimal(50), Decimal(0))


def test_a_verdict_from_the_future_is_an_error() -> None:
    """One of the two clocks is wrong, and nobody knows which day it is."""
    told = verdict(as_of=NOW + timedelta(minutes=6))
    with pytest.raises(ConfigurationError) as caught:
        exceeded("global: {cap: 1000}", {}, of=told)
    assert_says(caught.value.message, "clock", "Nov 20, 15:50 UTC", "Nov 20, 15:56 UTC")


def test_a_verdict_that_is_too_old_is_an_error() -> None:
    """A check that has not run for a day would let everything go that only the report knows of."""
    for rule, limit, age in (
        ("", timedelta(hours=24), "1 day 1 minute"),
        ("spend: {max_age: 3h}\n", timedelta(hours=3), "3 hours 1 minute"),
    ):
        text = f"{rule}global: {{cap: 1000}}"
        assert exceeded(text, {}, of=verdict(as_of=NOW - limit)) == []
        with pytest.raises(ConfigurationError) as caught:
            exceeded(text, {}, of=verdict(as_of=NOW - limit - timedelta(minutes=1)))
        assert_says(caught.value.message, age)


def test_a_verdict_of_another_organization_is_an_error() -> None:
    """Its spend is not that which the policy is about."""
    named = "organization: 11111111-1111-4111-8111-111111111111\nglobal: {cap: 1000}"
    other = "22222222-2222-4222-8222-222222222222"
    with pytest.raises(ConfigurationError) as caught:
        exceeded(named, {}, of=replace(verdict(), organization=other))
    assert_says(caught.value.message, other, "11111111-1111-4111-8111-111111111111")
    assert exceeded(named, {}) == []


def test_a_reported_range_counts_at_most_and_one_without_end_at_least() -> None:
    """$50 to $70 are above a cap of $60; of $50 up to no known bound, $50 are certain."""
    text = "workspaces: {production: {cap: 60}}"
    ranged = verdict((line(bounds("50", "70"), "wrkspc_1", model=MODEL, day="2026-11-03"),))
    endless = verdict((line(bounds("50", "unlimited"), "wrkspc_1", model=MODEL, day=DAY),))

    assert [it.used for it in exceeded(text, {}, of=ranged)] == [70]
    assert exceeded(text, {}, of=endless) == []


def test_an_unknown_workspace_is_an_error() -> None:
    """A misspelt name has no caps, and must not pass for that."""
    with pytest.raises(ConfigurationError, match="no workspace is called 'prodction'"):
        exceeded("global: {cap: 1000}", {}, workspace="prodction")


def test_verdict_comes_back_from_json_as_it_was() -> None:
    """What Redis keeps is all of it, to the last digit."""
    table = {HOUR: {key(MODEL, DAY, workspace=None): Tokens(1, 2, 3, 4, 5, 6, 7)}}
    lines = (
        line(bounds("0.000000000000000001", "unlimited"), None, model=None),
        line(bounds("3"), "wrkspc_1")._replace(names=("a", "b"), basis="billed"),
    )
    told = replace(verdict(lines, table), organization="EXAMPLE")

    assert GuardedVerdict.from_json(json.loads(json.dumps(told.to_json()))) == told


@pytest.mark.parametrize(
    "told", [None, [], {}, {"version": 2}, {"version": 1}, {"version": 1, "as_of": 5}]
)
def test_what_is_no_verdict_is_refused(told: object) -> None:
    """Another version may write something else there."""
    with pytest.raises(ValueError, match="it is"):
        GuardedVerdict.from_json(told)


@pytest.mark.parametrize(
    ("part", "place", "value"),
    [
        ("lines", 0, ["wrkspc_1"]),
        ("lines", 2, 5),
        ("lines", 2, {}),
        ("lines", 4, "NaN"),
        ("lines", 4, 1),
        ("lines", 5, "-Infinity"),
        ("lines", 5, "1E+999"),
        ("lines", 5, "9" * 200),
        ("reported", 1, []),
        ("reported", 2, 5),
        ("reported", 7, [0] * 6 + ["1"]),
        ("reported", 7, [0] * 6 + [-1]),
        ("reported", 7, [0] * 6 + [True]),
        ("workspaces", 0, {}),
        ("workspaces", 1, 1),
    ],
)
def test_a_verdict_with_something_else_in_it_is_refused(
    part: str, place: int, value: object
) -> None:
    """Where it is read, not where it is added up: what is no text, amount or count."""
    table = {HOUR: {key(MODEL, DAY, workspace=None): Tokens(1, 2, 3, 4, 5, 6, 7)}}
    told = json.loads(json.dumps(verdict(reported=table).to_json()))
    told[part][0][place] = value

    with pytest.raises(ValueError, match=r"\bit\b"):
        GuardedVerdict.from_json(told)


def test_condensed_lines_keep_today_apart() -> None:
    """Two days before today become one line, exactly; today stays itself."""
    lines = (
        line(bounds("1.1"), "w", day="2026-11-03"),
        line(bounds("2.2", "3"), "w", day="2026-11-04"),
        line(bounds("4"), "w", day=DAY),
        line(bounds("5"), None, day="2026-11-04"),
    )

    assert condensed(lines, date(2026, 11, 20)) == (
        line(bounds("3.3", "4.1"), "w", day="2026-11-01"),
        line(bounds("4"), "w", day=DAY),
        line(bounds("5"), None, day="2026-11-01"),
    )


def test_since_is_the_first_hour_that_may_lack_something() -> None:
    """Without such hours it is the running one."""
    assert since_of({HOUR: {}, SINCE: {}}, AS_OF) == SINCE
    assert since_of({}, AS_OF) == HOUR


def test_first_hour_is_of_the_month() -> None:
    """Hours of the month before are not counted again."""
    assert verdict().first_hour(NOW) == SINCE
    assert verdict().first_hour(datetime(2026, 12, 1, 5, tzinfo=UTC)) == datetime(
        2026, 12, 1, tzinfo=UTC
    )
