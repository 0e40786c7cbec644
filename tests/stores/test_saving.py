"""What a history does with days that are there already: which clock counts, what is kept, and tables that were made anew."""

from datetime import timedelta
from string import ascii_letters

import pytest

from budget_gate.domain.spend import Workspace
from budget_gate.stores.history import History
from budget_gate.stores.saving import Saved
from tests.helpers.bills import ALPHA
from tests.helpers.running import NOW
from tests.helpers.stores import Store
from tests.stores.test_history import DAY, OWNER, days, read, row
from tests.world.organizations import seeded


@pytest.mark.parametrize(
    ("ahead", "is_kept"),
    [
        (timedelta(microseconds=1), True),
        (timedelta(hours=1), True),
        (timedelta(hours=1, microseconds=1), False),
        (timedelta(days=400), False),
        (timedelta(0), False),
        (-timedelta(hours=1), False),
    ],
)
def test_what_a_wrong_clock_read_far_ahead_is_in_nobodys_way(
    store: Store, ahead: timedelta, *, is_kept: bool
) -> None:
    """A run takes less than an hour: what was read longer after this one began was so by a clock that is wrong."""
    history = History.at(store.url)
    history.save(OWNER, [days(row(), row(model="other"))], NOW + ahead)
    saved = history.save(OWNER, [days(row())], NOW)
    assert saved == Saved(0 if is_kept else 1, (DAY,) if is_kept else (), ())
    assert len(store.usage()) == (2 if is_kept else 1)
    (part,) = read(history)
    assert len(part.rows) == len(store.usage())


def test_a_day_that_has_no_rows_any_more_is_told(store: Store) -> None:
    """Not where it had none before, nor where another run has it."""
    history = History.at(store.url)
    assert history.save(OWNER, [days()], NOW) == Saved(0, (), ())
    assert history.save(OWNER, [days(row())], NOW) == Saved(1, (), ())
    assert history.save(OWNER, [days()], NOW - timedelta(minutes=1)) == Saved(0, (DAY,), ())
    assert history.save(OWNER, [days()], NOW) == Saved(0, (), (DAY,))
    assert history.save(OWNER, [days()], NOW) == Saved(0, (), ())


@pytest.mark.parametrize("more", ["", ", mine TEXT"])
def test_a_table_that_was_made_anew_has_the_right_rows(store: Store, more: str) -> None:
    """Its columns in another order, and with one of somebody's own."""
    history = History.at(store.url)
    history.save(OWNER, [days(row(tier="batch"))], NOW)
    before = store.ask(
        "SELECT workspace_id, workspace, model, service_tier, basis FROM anthropic_usage"
    )
    texts = "basis, service_tier, model, workspace, workspace_id, organization_id"
    counts = "web_searches, cache_read, cache_write_1h, cache_write_5m, output, input"
    usd, kind = ("TEXT", "BIGINT") if store.file else ("NUMERIC", "BIGINT")
    columns = [f"{name} TEXT" for name in texts.split(", ")]
    columns += [f"{name} {kind}" for name in counts.split(", ")]
    columns += [f"usd_high {usd}", f"usd {usd}", "date DATE"]
    store.ask("DROP TABLE anthropic_usage")
    store.ask(f"CREATE TABLE anthropic_usage ({', '.join(reversed(columns))}{more})")
    assert history.save(OWNER, [days(row(tier="batch"))], NOW).rows == 1
    told = "SELECT workspace_id, workspace, model, service_tier, basis FROM anthropic_usage"
    assert store.ask(told) == before == [(ALPHA, ALPHA, "model", "batch", "list")]
    ((again,),) = [part.rows for part in read(history)]
    assert again == row(tier="batch")


def test_a_name_of_any_length_is_kept_whole(store: Store) -> None:
    """Of 10,000 letters by chance, which no index takes as a key; twice it is once there."""
    letters = seeded(1)
    name = "".join(letters.choice(ascii_letters) for _ in range(10_000))
    history = History.at(store.url)
    for hour in range(2):
        listed = (Workspace(ALPHA, name),)
        history.save(OWNER, [days(row(), listed=listed)], NOW + timedelta(hours=hour))
    assert store.names() == [(ALPHA, name, NOW, NOW + timedelta(hours=1), None)]
    assert history.names(OWNER) == {ALPHA: name}
