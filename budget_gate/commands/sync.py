"""The command `sync`: brings the history up to date with what each full day cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from budget_gate import signals
from budget_gate.commands.day_flags import (
    a_day,
    oldest_day,
    refuse_open_day,
    refuse_other_time,
    refuse_too_old,
)
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.month_by_month import by_months
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.shared_flags import (
    Parser,
    add_deadline,
    add_policy,
    add_store,
    exit_codes,
    given,
)
from budget_gate.delivery.results import publish_text, say, say_warnings
from budget_gate.delivery.rows import progress
from budget_gate.domain.clock import run_time
from budget_gate.domain.daily import Days
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, Period, days_are, midnight
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.outputs.escaping import plain
from budget_gate.reading.connection import connect
from budget_gate.reading.days import DaysReader
from budget_gate.reading.history import open_history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.stores.history import History
    from budget_gate.stores.saving import Saved

# So many days on first use; later so many before the last day, as they may have been revised.
FIRST_DAYS: Final = 31
REVISED_DAYS: Final = 3

_EXIT_CODES: Final = exit_codes(
    "0  the history is up to date",
    "2  the policy, a flag or a setting is wrong, or the database has other tables",
    "3  a day could not be read or has no price, or the database failed: nothing was written",
)


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """From which day on to read; None for as far back as is needed."""

    first: date | None


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `sync` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate sync", epilog=_EXIT_CODES)
    add_store(parser, "the database: sqlite:///usage.db or postgresql+psycopg://USER@HOST/DATABASE")
    parser.add_argument(
        "--from",
        metavar="DATE",
        dest="first",
        type=a_day,
        help=f"read this day (UTC) and later ones (default: {REVISED_DAYS} days before the last "
        f"one in the database; {FIRST_DAYS} days if it is empty)",
    )
    add_policy(parser, "the policy, for basis, prices and names (default: as for check, or none)")
    add_deadline(parser)
    flags = parser.parse_args(arguments)
    return Parsed(given(flags), partial(_run, SyncOptions(flags.first)))


def _run(options: SyncOptions, invocation: Invocation) -> int:
    """Reads days and saves them; 0, or 3 where that is not possible without a gap.

    Raises ConfigurationError where the flags, the policy or the database are not as they have to
    be.
    """
    settings, now = invocation.settings, invocation.clock()
    if settings.store is None:
        raise ConfigurationError(
            "no database is named", "add --store sqlite:///usage.db, or set BUDGET_GATE_STORE"
        )
    refuse_other_time(settings, "sync reads up to the last full day")
    history = open_history(settings.store)
    file = policy_if_any(settings)
    transport = connect(settings, invocation.clock)
    show, notes = progress(settings), dict[Note, None]()
    reader = DaysReader(settings, file, MonthToDate(now), now, transport)
    try:
        organization, _ = reader.account()
        # The API has told its time by now: what a wrong clock says is in no other run's way.
        now = run_time(now, transport.clock_difference) if transport else now
        period = _period(options.first, _last_whole(history, organization, file), now)
        reader = replace(reader, now=now, old_names=history.names(organization))
        parts = by_months(reader.read(period), period, show, notes)
        saved = history.save(organization, _to_the_end(parts), now)
    except UnverifiedError as error:
        show("")
        say(f"budget-gate: nothing was synced: {plain(error.told)}", settings)
        return UNVERIFIED
    say_warnings((*notes, *_odd(saved)), settings)
    days, last = len(period.steps(DAY)), (period.end - DAY).date()
    told = (
        f"synced {period.start.date()} to {last} ({days} days, {saved.rows} rows) to {history.name}"
    )
    publish_text(f"{told}\n", settings)
    return OK


def _to_the_end(parts: Iterator[Days]) -> Iterator[Days]:
    yield from parts
    # All of it is there: it is kept, and that is told.
    signals.ignore()


def _last_whole(history: "History", organization: str, file: PolicyFile | None) -> date | None:
    """The last day that the history has, or the one before the first whose bill may be late.

    None where it has none.
    """
    last = history.last_day(organization)
    if last is None or file is None or file.policy.spend.basis == "list":
        return last
    late = history.oldest_at_list(organization, last - timedelta(days=FIRST_DAYS))
    return last if late is None else min(last, late + timedelta(days=REVISED_DAYS))


def _odd(saved: "Saved") -> Iterator[Note]:
    """Days that are not as this run has read them, or that are so to one's surprise."""
    if saved.kept:
        message = (
            f"{days_are(saved.kept)} left as another run has them, which read them later than "
            "this one began."
        )
        yield Note("warning", "days_kept", message)
    if saved.emptied:
        message = (
            f"{days_are(saved.emptied)} without any row now, and had some before. If that is "
            f"wrong, run `budget-gate sync --from {saved.emptied[0]}` once the API has them again."
        )
        yield Note("warning", "days_emptied", message)


def _period(first: date | None, last: date | None, now: datetime) -> Period:
    """The full days to read, `last` being the last one in the history.

    Raises ConfigurationError where the `first` has not ended, or is too long ago.
    """
    ended = MonthToDate(now).last_days(FIRST_DAYS)
    newest = (ended.end - DAY).date()
    if first:
        refuse_open_day("--from", first, newest)
        refuse_too_old(first, now, "sync")
    if last:
        # A day that the clock of another machine had ended is read again, too, and none is passed
        # over: what is revised after a later one has come in would never be read.
        since = max(min(last, newest) - timedelta(days=REVISED_DAYS), oldest_day(now))
        first = min(first or since, since)
    return Period(midnight(first) if first else ended.start, ended.end)
