"""The command `export`: what each full day cost, for other programs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import SecretStr

from budget_gate import signals
from budget_gate.commands.day_flags import (
    MOST_DAYS,
    USUAL_DAYS,
    a_day,
    refuse_open_day,
    refuse_too_old,
)
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.month_by_month import by_months
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.shared_flags import (
    Parser,
    add_as_of,
    add_deadline,
    add_month,
    add_names_from,
    add_policy,
    add_store,
    exit_codes,
    given,
    not_empty,
    up_to,
)
from budget_gate.commands.written_files import history_files, refuse_path
from budget_gate.delivery.results import say, say_warnings
from budget_gate.delivery.rows import progress, publish_rows
from budget_gate.domain.daily import DailyRow, Days
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, Period, midnight
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.names import Names
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.rows.csv import render_csv, render_csv_head
from budget_gate.outputs.rows.focus import Account, render_focus, render_focus_head
from budget_gate.outputs.rows.jsonl import render_jsonl
from budget_gate.reading.connection import connect
from budget_gate.reading.days import DaysReader
from budget_gate.reading.history import open_history, owner_in
from budget_gate.settings import Settings

# What the text of each format of our own begins with, and what writes its rows.
_FORMATS: Final = {"csv": (render_csv_head(), render_csv), "jsonl": ("", render_jsonl)}

_EXIT_CODES: Final = exit_codes(
    "0  every day of the period is there",
    "2  the policy, a flag or a setting is wrong, or the rows cannot be written",
    "3  a day could not be read or has no price: nothing was written",
)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Which days to export, in what form, and where to; None for what was not said."""

    days: int | None
    first: date | None
    last: date | None
    format: str
    out: str | None


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `export` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate export", epilog=_EXIT_CODES)
    parser.add_argument(
        "--days",
        metavar="N",
        type=up_to(MOST_DAYS),
        help=f"export the last N full days (default: {USUAL_DAYS})",
    )
    parser.add_argument(
        "--from", metavar="DATE", dest="first", type=a_day, help="export from this day on (UTC)"
    )
    parser.add_argument(
        "--to",
        metavar="DATE",
        dest="last",
        type=a_day,
        help="with --from: up to and including this day (default: the last full day)",
    )
    add_month(parser, "export a whole month that has ended: 2026-10, or last")
    add_as_of(parser, "export the days before this time, RFC 3339 (default: now)")
    parser.add_argument(
        "--format",
        choices=("csv", "jsonl", "focus"),
        help="csv (the default), jsonl (JSON Lines), or focus (CSV by FOCUS 1.2)",
    )
    parser.add_argument(
        "--out", metavar="FILE", type=not_empty, help="write to this file instead of stdout"
    )
    add_store(parser, "read the days from this database, not from the API (see sync)")
    add_names_from(parser)
    add_policy(parser, "the policy, for basis, prices and names (default: as for check, or none)")
    add_deadline(parser)
    flags = parser.parse_args(arguments)
    options = ExportOptions(flags.days, flags.first, flags.last, flags.format or "csv", flags.out)
    return Parsed(given(flags), partial(_run, options))


def _run(options: ExportOptions, invocation: Invocation) -> int:
    """Prints or writes the rows; 0, or 3 where that is not possible without a gap.

    Raises ConfigurationError where flags do not go together, or where rows cannot be written.
    """
    settings, now = invocation.settings, invocation.clock()
    month = settings.judged(now)
    period = _period(options, settings, month, now)
    file = policy_if_any(settings)
    read = [*history_files(settings), *([Path(file.source.file)] if file else [])]
    refuse_path("export", options.out, "--out", read)
    show, notes = progress(settings), dict[Note, None]()
    try:
        if settings.store:
            source = _from_history(options, settings.store, file, period)
        else:
            transport = connect(settings, invocation.clock)
            source = _from_api(options, DaysReader(settings, file, month, now, transport), period)
        publish_rows(_parts(source, period, show, notes), options.out, settings)
    except UnverifiedError as error:
        show("")
        say(f"budget-gate: nothing was exported: {plain(error.told)}", settings)
        return UNVERIFIED
    say_warnings(notes, settings)
    return OK


class _Source(NamedTuple):
    """Days, what the text of them begins with, and what writes their rows."""

    days: Iterator[Days]
    head: str
    render: Callable[[Iterable[DailyRow], Names], str]


def _from_history(
    options: ExportOptions, url: SecretStr, file: PolicyFile | None, period: Period
) -> _Source:
    """The days as the history has them; raises ConfigurationError where FOCUS is asked for."""
    if options.format == "focus":
        raise ConfigurationError(
            "the history has no list prices, and FOCUS needs them",
            "leave out --store (BUDGET_GATE_STORE), or export CSV or JSON Lines",
        )
    history = open_history(url)
    named, labels = (file.policy.organization, file.policy.names) if file else (None, {})
    return _Source(
        history.read(owner_in(history, named), period, labels), *_FORMATS[options.format]
    )


def _from_api(options: ExportOptions, reader: DaysReader, period: Period) -> _Source:
    """The days as the API has them, under names that the history remembers where one is named."""
    url = reader.settings.names_from
    if url:
        history = open_history(url)
        organization, _ = reader.account()
        reader = replace(reader, old_names=history.names(owner_in(history, organization)))
    if options.format != "focus":
        return _Source(reader.read(period), *_FORMATS[options.format])
    render = partial(render_focus, account=Account(*reader.account()))
    return _Source(reader.read(period), render_focus_head(), render)


def _parts(
    source: _Source, period: Period, show: Callable[[str], None], notes: dict[Note, None]
) -> Iterator[str]:
    """The text of the rows, a month at a time; adds the notes that are worth a warning."""
    yield source.head
    for days in by_months(source.days, period, show, notes):
        yield source.render(days.rows, days.names)
        del days
    # All of it is there: what follows is told whole.
    signals.ignore()


def _period(
    options: ExportOptions, settings: Settings, month: MonthToDate, now: datetime
) -> Period:
    """The full days to export.

    Raises ConfigurationError where they are said twice, have not ended, or are too long ago.
    """
    _refuse_doubles(options, settings)
    ended = min(month.as_of, now)
    newest = MonthToDate(ended).last_days(1).start
    if options.first:
        last = options.last or newest.date()
        _refuse_misorder(options.first, last, newest.date())
        period = Period(midnight(options.first), midnight(last) + DAY)
    elif month.is_whole:
        period = month.period
    else:
        period = MonthToDate(ended).last_days(options.days or USUAL_DAYS)
    if not settings.store:
        refuse_too_old(period.start.date(), settings.time(now), "export")
    return period


def _refuse_misorder(first: date, last: date, newest: date) -> None:
    """Raises ConfigurationError where no full days lie between both; `newest` is the last one."""
    refuse_open_day("--from", first, newest)
    refuse_open_day("--to", last, newest)
    if last < first:
        raise ConfigurationError(f"--to {last} is before --from {first}", "exchange the two days")


def _refuse_doubles(options: ExportOptions, settings: Settings) -> None:
    """Raises ConfigurationError where more than one flag says which days to export."""
    if options.last and not options.first:
        raise ConfigurationError(
            f"--to {options.last} goes with --from", "add --from DATE, or leave out --to"
        )
    said = {
        "--days": options.days,
        "--from": options.first,
        "--month (BUDGET_GATE_MONTH)": settings.month,
    }
    named = [flag for flag, value in said.items() if value]
    if len(named) > 1:
        raise ConfigurationError(
            f"{' and '.join(named)} both say which days to export", "leave one of them out"
        )
