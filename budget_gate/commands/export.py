"""The command `export`: what each full day cost, for other programs."""

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Final

from budget_gate import signals
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import found_policy
from budget_gate.commands.shared_flags import (
    Parser,
    add_as_of,
    add_deadline,
    add_month,
    add_policy,
    exit_codes,
    given,
    up_to,
)
from budget_gate.commands.written_files import refuse_path
from budget_gate.delivery.results import say
from budget_gate.delivery.rows import progress, publish_rows
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, Period
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.rows.columns import Names
from budget_gate.outputs.rows.csv import render_csv, render_csv_head
from budget_gate.outputs.rows.focus import Account, render_focus, render_focus_head
from budget_gate.outputs.rows.jsonl import render_jsonl
from budget_gate.reading.connection import connect
from budget_gate.reading.days import DaysReader
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_policy

USUAL_DAYS: Final = 30
# The running month, and so many before it.
MOST_MONTHS: Final = 13
MOST_DAYS: Final = 400

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

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
        "--from", metavar="DATE", dest="first", type=_date, help="export from this day on (UTC)"
    )
    parser.add_argument(
        "--to",
        metavar="DATE",
        dest="last",
        type=_date,
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
        "--out", metavar="FILE", type=_file, help="write to this file instead of stdout"
    )
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
    name = settings.policy or found_policy()
    file = load_policy(Path(name), name) if name else None
    refuse_path("export", options.out, "--out", [Path(name)] if name else [])
    transport = connect(settings, invocation.clock)
    show, notes = progress(settings), dict[Note, None]()
    reader = DaysReader(settings, file, month, now, transport)
    try:
        parts = _parts(options.format, reader, period, show, notes)
        publish_rows(parts, options.out, settings)
    except UnverifiedError as error:
        show("")
        say(f"budget-gate: nothing was exported: {plain(error.told)}", settings)
        return UNVERIFIED
    for note in notes:
        say(f"warning: {plain(note.message)}", settings)
    return OK


def _parts(
    kind: str,
    reader: DaysReader,
    period: Period,
    show: Callable[[str], None],
    notes: dict[Note, None],
) -> Iterator[str]:
    """The text of the rows, a month at a time; adds the notes that are worth a warning."""
    months = period.months()
    show(f"Reading {months[0].start:%B %Y} (1 of {len(months)}) ...")
    head, render = _format(kind, reader)
    yield head
    for number, days in enumerate(reader.read(period), 1):
        yield render(days.rows, days.names)
        notes |= dict.fromkeys(it for it in days.notes if it.level != "info")
        if number < len(months):
            show(f"Reading {months[number].start:%B %Y} ({number + 1} of {len(months)}) ...")
    show("")
    # All of it is there: what follows is told whole.
    signals.ignore()


def _format(
    kind: str, reader: DaysReader
) -> tuple[str, Callable[[Iterable[DailyRow], Names], str]]:
    """What a format begins with, and what writes its rows."""
    match kind:
        case "csv":
            return render_csv_head(), render_csv
        case "focus":
            account = Account(*reader.account())
            return render_focus_head(), partial(render_focus, account=account)
        case _:
            return "", render_jsonl


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
        period = Period(_midnight(options.first), _midnight(last) + DAY)
    elif month.is_whole:
        period = month.period
    else:
        period = MonthToDate(ended).last_days(options.days or USUAL_DAYS)
    oldest = MonthToDate(settings.time(now))
    for _ in range(MOST_MONTHS):
        oldest = oldest.last
    if period.start < oldest.period.start:
        raise ConfigurationError(
            f"{period.start.date()} is more than {MOST_MONTHS} months ago",
            f"export {oldest.period.start.date()} and later days",
        )
    return period


def _refuse_misorder(first: date, last: date, newest: date) -> None:
    """Raises ConfigurationError where no full days lie between both; `newest` is the last one."""
    for flag, day in (("--from", first), ("--to", last)):
        if day > newest:
            raise ConfigurationError(
                f"{flag} {day} has not ended, and only full days are exported",
                f"name {newest}, the last full day, or an earlier one",
            )
    if last < first:
        raise ConfigurationError(f"--to {last} is before --from {first}", "exchange the two days")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


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


def _date(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a day; write 2026-11-22")


def _file(text: str) -> str:
    # A shell's variable that is not set must not read as stdout.
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text
