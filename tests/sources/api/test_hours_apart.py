"""The hours that the report may not have whole are told each by itself, and are in the month all the same."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from budget_gate.domain.ledger.hours import unsettled
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.usage import Usage, UsageTable
from budget_gate.sources.api.usage_report import read_usage
from tests.helpers.serving import book, connected, exact, read, spend_of
from tests.world.loopback import LoopbackAPI, priced
from tests.world.organizations import random_organization, seeded

MOMENTS = {
    "in-the-month": "2026-11-22T15:37:30Z",
    "into-yesterday": "2026-11-20T00:30:00Z",
    "into-yesterday-at-one": "2026-11-20T01:10:00Z",
    "midnight": "2026-11-20T00:00:00Z",
    "first-minutes-of-the-1st": "2026-11-01T00:02:00Z",
    "second-hour-of-the-1st": "2026-11-01T01:59:00Z",
    "first-hour-of-the-2nd": "2026-11-02T00:40:00Z",
    "whole-hour": "2026-11-20T07:00:00Z",
    "last-second-of-november": "2026-11-30T23:59:59Z",
}


def read_apart(api: LoopbackAPI, as_of: datetime) -> Usage:
    """Read a month to date with its last hours apart."""
    month = MonthToDate(as_of)
    with connected(api.url) as transport:
        return read_usage(transport, month, book(), apart=unsettled(month))


def cost(table: UsageTable, usage: Usage) -> Fraction:
    """Price a table, all of which has one price."""
    whole = Usage(table, usage.workspaces, usage.coverage)
    return sum((exact(line.cost)[0] for line in spend_of(whole).lines), Fraction(0))


def api_at(as_of: datetime, **options: Any) -> LoopbackAPI:
    """An organization with usage up to `as_of`, most of it in the last hours."""
    start = as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    early = random_organization(seeded(7), start=start, end=as_of, rows=150)
    recent = max(start, as_of - timedelta(hours=4))
    late = random_organization(seeded(8), start=recent, end=as_of, rows=60)
    early.usage.extend(late.usage)
    early.workspaces.extend(late.workspaces)
    return LoopbackAPI(early, now=as_of, **options)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("org_scoped", [False, True])
def test_month_is_the_same_with_its_last_hours_apart(moment: str, *, org_scoped: bool) -> None:
    """No usage is lost or counted twice where the spans meet."""
    as_of = datetime.fromisoformat(MOMENTS[moment])
    with api_at(as_of, org_scoped=org_scoped) as api:
        apart, whole = read_apart(api, as_of), read(api, as_of)

    assert apart.table == whole.table
    assert list(apart.hours) == unsettled(MonthToDate(as_of))


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_hour_costs_what_the_oracle_says(moment: str) -> None:
    """An hour has the usage of that hour, to the last digit."""
    as_of = datetime.fromisoformat(MOMENTS[moment])
    with api_at(as_of) as api:
        usage = read_apart(api, as_of)
        truth = {
            hour: priced(api.organization, hour, min(hour + timedelta(hours=1), as_of)).overall
            for hour in usage.hours
        }

    for hour, table in usage.hours.items():
        assert cost(table, usage) == truth[hour][0], hour


def test_hours_of_the_day_before_are_asked_for_by_hour() -> None:
    """At 00:30 the last two hours of yesterday may not be whole: the rest of it is asked for by hour as well."""
    as_of = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    with api_at(as_of) as api:
        usage = read_apart(api, as_of)

    assert [(hour.day, hour.hour) for hour in usage.hours] == [(19, 22), (19, 23), (20, 0)]
    assert usage.coverage.closed_days == 19
