"""The history itself: what it is given is what either database has, and what it gives again, to the last digit and sign."""

import signal
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow, Days
from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens
from budget_gate.errors import UnverifiedError
from budget_gate.stores import database
from budget_gate.stores.history import History
from tests.helpers.bills import ALPHA
from tests.helpers.postgresql import Cluster
from tests.helpers.reports import HOSTILE
from tests.helpers.running import NOW, ORGANIZATION, checkout, ended
from tests.helpers.stores import Store
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI

OWNER = "11111111-2222-4333-8444-555555555555"
DAY = date(2026, 11, 12)
ONE_DAY = Period(datetime(2026, 11, 12, tzinfo=UTC), datetime(2026, 11, 13, tzinfo=UTC))
# What SQL would make more of, what COPY does, and what no database takes for a text.
SQL = (
    "'); DROP TABLE anthropic_usage; --",
    "\\'; DELETE FROM anthropic_usage; --",
    "\"quoted\" 'twice''",
    "$$dollars$$ $1 %s %(name)s :name ?",
    "\\N",
    "\\.",
    "tab\tand\\tno tab",
    "back\\slash\\",
    "a\0b",
    "\0",
    "\udfff\ud800 wrong order",
)
COUNTS = st.integers(0, 10**18) | st.sampled_from((2**53 + 1, 10**18))
# Up to 40 digits, before the point and behind it.
AMOUNTS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places, None),
    st.integers(0, 10**27),
    st.integers(0, 27),
)


def row(
    workspace: str | None = ALPHA, model: str | None = "model", tier: str | None = "standard"
) -> DailyRow:
    """A row without usage that costs a dollar."""
    cost = Bounds.exactly(Decimal(1))
    return DailyRow(DAY, workspace, model, tier, Tokens(), cost, "list", None, None)


def days(
    *rows: DailyRow, names: dict[str | None, str] | None = None, listed: tuple[Workspace, ...] = ()
) -> Days:
    """The rows of one day."""
    return Days(ONE_DAY, list(rows), names or {}, listed)


def read(history: History, period: Period = ONE_DAY) -> list[Days]:
    """What the history gives of a period."""
    return list(history.read(OWNER, period, {}))


def kept(text: str) -> str:
    """What a database can keep of a text."""
    return "".join("\ufffd" if it == "\0" or "\ud800" <= it <= "\udfff" else it for it in text)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def any_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A history that many examples write to, one after the other."""
    if request.param == "sqlite":
        return Store(f"sqlite:///{tmp_path_factory.mktemp('history')}/usage.db")
    server: Cluster = request.getfixturevalue("postgresql")
    return Store(server.new())


# What it is given


@settings(max_examples=25)
@given(st.tuples(*[COUNTS] * 6), AMOUNTS, AMOUNTS)
@example((0,) * 6, Decimal(0), Decimal(0))
@example((10**18,) * 6, Decimal("0.1"), Decimal("0.3"))
@example((1,) * 6, Decimal("1E+3"), Decimal("12345678901234567890.123456789012345678901"))
@example((1,) * 6, Decimal("1E-27"), Decimal(9007199254740993))
def test_numbers_are_exact(
    any_store: Store, counts: tuple[int, ...], one: Decimal, other: Decimal
) -> None:
    """Both ends of any range and any counts, as the driver has them and as they are read again."""
    low, high = sorted((one, other))
    uncached, output, write_5m, write_1h, cached, searches = counts
    tokens = Tokens(uncached, write_5m, write_1h, cached, output, searches)
    given_row = row()._replace(tokens=tokens, cost=Bounds(low, high))
    history = History.at(any_store.url)
    history.save(OWNER, [days(given_row)], NOW)
    (told,) = any_store.usage()
    assert told[6:14] == (*counts, low, high)
    ((again,),) = [part.rows for part in read(history)]
    assert (again.tokens, again.cost.low, again.cost.high) == (tokens, low, high)


@pytest.mark.parametrize("text", [*HOSTILE, *SQL], ids=lambda text: ascii(text)[:24])
def test_a_text_is_no_more_than_a_text(any_store: Store, text: str) -> None:
    """As an id, a name, a model and a tier: as it was, but for what no database can keep."""
    history = History.at(any_store.url)
    listed = (Workspace(text, text),) if text else ()
    history.save(OWNER, [days(row(text, text, text), names={text: text}, listed=listed)], NOW)
    (told,) = any_store.usage()
    id_ = kept(text) or "unattributed"
    assert told[:6] == (OWNER, str(DAY), id_, kept(text) or id_, kept(text), kept(text))
    assert told[12:] == (1, 1, "list")
    names = [pair[:2] for pair in any_store.names()]
    assert ((kept(text), kept(text)) in names) == bool(text)
    ((again,),) = [part.rows for part in read(history)]
    assert again[1:4] == (kept(text), kept(text) or None, kept(text) or None)


def test_what_is_of_none_stays_so(store: Store) -> None:
    """The default workspace, what no report tells apart, and no model and no tier."""
    given_rows = [
        row(UNATTRIBUTED, None, None),
        row(UNATTRIBUTED),
        row(None, None, None),
        row(None, "model", None),
        row(None),
    ]
    history = History.at(store.url)
    names: dict[str | None, str] = {None: "default workspace"}
    assert history.save(OWNER, [days(*given_rows, names=names)], NOW).rows == 5
    places = [told[2:6] for told in store.usage()]
    assert places == [
        ("default", "default workspace", "", ""),
        ("default", "default workspace", "model", ""),
        ("default", "default workspace", "model", "standard"),
        ("unattributed", "unattributed", "", ""),
        ("unattributed", "unattributed", "model", "standard"),
    ]
    (part,) = read(history)
    assert {it[1:4] for it in part.rows} == {it[1:4] for it in given_rows}
    assert part.names[None] == "default workspace"


@pytest.mark.parametrize("basis", ["list", "billed"])
def test_the_basis_is_kept(store: Store, basis: str) -> None:
    """Of each row."""
    history = History.at(store.url)
    history.save(OWNER, [days(row()._replace(basis=basis))], NOW)  # type: ignore[arg-type]
    assert store.usage()[0][14] == basis
    assert read(history)[0].rows[0].basis == basis


def test_cache_writes_of_an_unknown_lifetime_are_among_those_of_5_minutes(store: Store) -> None:
    """As in an export."""
    tokens = Tokens(cache_write_5m=3, cache_write_unsplit=4)
    History.at(store.url).save(OWNER, [days(row()._replace(tokens=tokens))], NOW)
    assert store.usage()[0][8:10] == (7, 0)


def test_a_count_too_large_for_a_database_is_unverified(store: Store) -> None:
    """It is no other number: nothing is written, and what is there stays."""
    history = History.at(store.url)
    history.save(OWNER, [days(row())], NOW)
    before = store.dump()
    too_large = row()._replace(tokens=Tokens(output=2**63))
    with pytest.raises(UnverifiedError, match="cannot be written") as told:
        history.save(OWNER, [days(too_large)], NOW + timedelta(hours=1))
    assert told.value.code == "history_failed"
    assert store.dump() == before


# When


def test_times_are_in_utc(store: Store) -> None:
    """To the microsecond, whatever the machine's own time is."""
    instant = datetime(2026, 11, 15, 12, 0, 0, 123456, tzinfo=UTC)
    elsewhere = instant.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo)
    listed = (Workspace(ALPHA, "alpha"),)
    History.at(store.url).save(OWNER, [days(row(), listed=listed)], elsewhere)
    assert store.names() == [(ALPHA, "alpha", instant, instant, None)]


def test_a_reader_sees_one_moment(postgresql: Cluster) -> None:
    """What is saved while months are read is in none of them."""
    history = History.at(postgresql.new())
    months = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)).months()
    october, november = (
        Days(month, [row()._replace(day=month.start.date())], {}, ()) for month in months
    )
    history.save(OWNER, [october, november], NOW)
    reader = history.read(OWNER, Period(months[0].start, months[1].end), {})
    assert len(next(reader).rows) == 1
    history.save(OWNER, [replace(november, rows=[])], NOW + timedelta(hours=1))
    assert len(next(reader).rows) == 1
    assert list(reader) == []
    assert read(history, months[1])[0].rows == []


def test_a_connection_that_is_cut_between_months_is_unverified(postgresql: Cluster) -> None:
    """What was read before it is no whole answer."""
    store = Store(postgresql.new())
    history = History.at(store.url)
    months = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)).months()
    history.save(OWNER, [Days(month, [], {}, ()) for month in months], NOW)
    reader = history.read(OWNER, Period(months[0].start, months[1].end), {})
    next(reader)
    store.cut()
    with pytest.raises(UnverifiedError, match="cannot be read"):
        next(reader)


def test_what_fails_while_days_are_read_is_passed_on(store: Store) -> None:
    """The days before it are not written."""

    def failing() -> object:
        yield days(row())
        raise UnverifiedError("no more")

    history = History.at(store.url)
    history.save(OWNER, [days()], NOW)
    before = store.dump()
    with pytest.raises(UnverifiedError, match="no more"):
        history.save(OWNER, failing(), NOW + timedelta(hours=1))  # type: ignore[arg-type]
    assert store.dump() == before


# Two at once


def test_who_waits_too_long_for_another_is_unverified(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the other saves is there."""
    monkeypatch.setattr(database, "_PATIENCE", 1)
    history = History.at(store.url)
    history.save(OWNER, [days()], NOW)
    with (
        history.database.saving(),
        pytest.raises(UnverifiedError, match="cannot be written") as told,
    ):
        History.at(store.url).save(OWNER, [days(row())], NOW)
    assert_says(str(told.value), "the history", "lock")
    assert store.usage() == []
    assert history.save(OWNER, [days(row())], NOW).rows == 1


def test_a_reader_waits_for_nobody(store: Store) -> None:
    """While somebody saves, the days are those from before."""
    history = History.at(store.url)
    history.save(OWNER, [days(row())], NOW)
    with history.database.saving():
        assert len(read(history)[0].rows) == 1
        assert history.last_day(OWNER) == DAY


def wait_for(store: Store, query: str) -> None:
    """Waits until a query gives something."""
    limit = time.monotonic() + 60
    while not store.ask(query):
        assert time.monotonic() < limit
        time.sleep(0.05)


@pytest.mark.parametrize("held", ["all", "a row"])
def test_a_signal_ends_a_sync_that_waits_for_another(
    tmp_path: Path, postgresql: Cluster, held: str
) -> None:
    """At once, with 3: before it writes anything, and in the midst of the rows."""
    store = Store(postgresql.new())
    history = History.at(store.url)
    history.save(OWNER, [days()], NOW)
    before = store.dump()
    lock = f"SELECT pg_advisory_xact_lock({database._LOCK})"  # noqa: SLF001 - what another run holds
    if held == "a row":
        used = ORGANIZATION.usage[0]
        lock = (
            f"INSERT INTO anthropic_usage VALUES ('{ORGANIZATION.id}', '{used.day}', "  # noqa: S608
            f"'{used.workspace}', '', '{used.model}', 'standard', 0, 0, 0, 0, 0, 0, 0, 0, 'list')"
        )
    waiting = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock'"
    )
    with (
        psycopg.connect(store.url.replace("+psycopg", "")) as other,
        LoopbackAPI(ORGANIZATION, now=NOW) as api,
    ):
        other.execute(lock.encode())
        process = checkout(tmp_path, api.url).start("sync", "--store", store.url)
        wait_for(store, waiting)
        process.send_signal(signal.SIGTERM)
        run = ended(process, 30)
        other.rollback()
    assert (run.code, run.stderr) == (
        3,
        "budget-gate: SIGTERM ended the run: nothing was decided\n",
    )
    assert store.dump() == before


# Days and workspaces


def test_the_days_that_are_there(store: Store) -> None:
    """In their order, of one organization."""
    history = History.at(store.url)
    for number in (3, 1):
        start = ONE_DAY.start + timedelta(days=number)
        part = Days(Period(start, start + timedelta(days=1)), [], {}, ())
        history.save(OWNER, iter([part]), NOW)
    history.save("another", iter([days()]), NOW)
    assert history.days(OWNER) == [date(2026, 11, 13), date(2026, 11, 15)]


def test_workspaces_are_those_of_the_last_sync(store: Store) -> None:
    """Under the names that they had then; one that is listed no more is not among them."""
    history, archived = History.at(store.url), datetime(2026, 11, 1, tzinfo=UTC)
    before = (Workspace("w1", "old"), Workspace("w2", "gone"), Workspace("w3", "kept"))
    later = (Workspace("w1", "new"), Workspace("w3", "kept", archived=True, archived_at=archived))
    history.save(OWNER, iter([days(listed=before)]), NOW)
    history.save(OWNER, iter([days(listed=later)]), NOW + timedelta(hours=1))
    assert history.workspaces(OWNER) == later


# Where nothing is


def test_a_history_that_is_not_there_has_nothing(store: Store) -> None:
    """And to ask makes none."""
    history = History.at(store.url)
    assert (history.organizations(), history.last_day(OWNER), history.names(OWNER)) == (
        [],
        None,
        {},
    )
    assert (history.days(OWNER), history.workspaces(OWNER)) == ([], ())
    with pytest.raises(UnverifiedError, match="14 days from 2026-11-01 to 2026-11-14"):
        read(history, Period(MonthToDate(NOW).period.start, datetime(2026, 11, 15, tzinfo=UTC)))
    assert not store.file or not store.file.exists()
    if not store.file:
        assert store.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []
