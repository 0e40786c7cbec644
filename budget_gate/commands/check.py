"""The command `check`: judges the month to date by the policy."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from budget_gate import gate
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import needed_policy
from budget_gate.commands.shared_flags import (
    EXIT_CODES,
    Parser,
    add_as_of,
    add_deadline,
    add_format,
    add_ledger,
    add_month,
    add_names_from,
    add_policy,
    add_setting,
    add_terms,
    given,
)
from budget_gate.commands.written_files import history_files, refuse_results
from budget_gate.delivery.results import deliver, publish, retract_badge
from budget_gate.domain.clock import check_age, run_time
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Spend
from budget_gate.errors import ConfigurationError, InterruptedRunError
from budget_gate.reading.connection import connect, start_identifying
from budget_gate.reading.history import with_old_names
from budget_gate.reading.spend import SavedPages, read_month
from budget_gate.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.reading.ledger import CheckedLedger


class CheckOptions(NamedTuple):
    """What only this command has: saved pages in place of the API, an audit as well, one line."""

    saved: SavedPages | None = None
    audits: bool = False
    quiet: bool = False


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `check` say; ends the program where they are wrong."""
    parser = _parser()
    flags = parser.parse_args(arguments)
    saved = None
    if flags.usage:
        workspaces = Path(flags.workspaces) if flags.workspaces else None
        saved = SavedPages(tuple(map(Path, flags.usage)), workspaces, is_partial=flags.partial)
    elif flags.workspaces or flags.partial:
        parser.error(
            "--workspaces and --partial go with --usage: add --usage FILE, or leave them out"
        )
    options = CheckOptions(saved, audits=flags.audit, quiet=flags.quiet)
    return Parsed(given(flags), partial(_run, options), retract_badge)


def judge(
    file: PolicyFile,
    now: datetime,
    month: MonthToDate,
    options: CheckOptions,
    invocation: Invocation,
) -> int:
    """Judges a month, tells the verdict everywhere that the settings say, and returns its code.

    Raises ConfigurationError where what was asked for does not go together.
    """
    settings = invocation.settings
    _refuse_misfits(file, options, settings)
    earlier = transport = None
    try:
        # First, as the report of a run that a signal ends may be written over the last one.
        if settings.last_report:
            # Many runs have none.
            from budget_gate.sources.files.earlier_report import read_last_report

            earlier = read_last_report(Path(settings.last_report))
        transport = None if options.saved else connect(settings, invocation.clock)
        ledger = _open_ledger(settings, month, now)
        identify = start_identifying(transport, settings, file)
        file, doubt = with_old_names(file, settings.names_from, identify)

        def read_spend() -> Spend:
            read = read_month(
                settings,
                file,
                month,
                saved=options.saved,
                audits=options.audits,
                now=now,
                transport=transport,
                last=earlier,
                apart=ledger.hours if ledger else (),
            )
            return ledger.widened(read, month, file) if ledger else read.spend

        report, exit_code = gate.check(
            file,
            read_spend,
            month,
            settings.terms,
            identify=identify,
            earlier=earlier,
            doubt=doubt or (ledger.doubt if ledger else None),
        )
        report = ledger.keep(report) if ledger else report
    except InterruptedRunError as error:
        report, exit_code = gate.stopped(file, month, error, earlier)
    if transport:
        now = run_time(now, transport.clock_difference)
    aged = check_age(month, now, settings.fixed_time)
    if aged:
        report = report._replace(judged_at=now, notes=(*aged, *report.notes))
    report = report._replace(base_url=None if options.saved else settings.other_address)
    if file.policy.notify.has_channels or earlier:
        from budget_gate.delivery.notify import notify  # most have nobody to tell

        report = notify(report, file, settings, earlier)
    name, quiet = file.source.file, options.quiet
    tell = partial(publish, report, name, settings, exit_code=exit_code, quiet=quiet)
    return deliver(tell, exit_code, settings)


def _run(options: CheckOptions, invocation: Invocation) -> int:
    settings = invocation.settings
    if settings.offline or settings.base_policy:
        # Needed where no spend is checked alone.
        from budget_gate.commands.offline import check_offline, refuse_spend_flags

        refuse_spend_flags(settings, has_pages=bool(options.saved), audits=options.audits)
    file = needed_policy(settings)
    if settings.offline:
        _refuse_misfits(file, options, settings)
        return check_offline(file, invocation, quiet=options.quiet)
    if settings.reserve and settings.month:
        raise ConfigurationError(
            "--reserve is about today, and --month judges a month that has ended",
            "leave out --reserve or --month (or their variables)",
        )
    now = invocation.clock()
    return judge(file, now, settings.judged(now), options, invocation)


def _open_ledger(settings: Settings, month: MonthToDate, now: datetime) -> "CheckedLedger | None":
    if settings.ledger is None:
        return None
    from budget_gate.reading.ledger import open_ledger  # of the extra: most runs need none of it

    return open_ledger(settings.ledger.get_secret_value(), settings, month, now)


def _refuse_misfits(file: PolicyFile, options: CheckOptions, settings: Settings) -> None:
    refuse_results(settings, tuple(_read_files(file, options, settings)))
    if options.saved and settings.ledger:
        raise ConfigurationError(
            "saved pages are not compared with a ledger, as nobody knows when they were read",
            "leave out --usage, or --ledger (BUDGET_GATE_LEDGER)",
        )
    if options.saved and (options.audits or file.policy.spend.basis == "billed"):
        raise ConfigurationError(
            "saved pages of the usage report contain no billed cost",
            "leave out --usage, or --audit and spend.basis: billed",
        )


def _read_files(file: PolicyFile, options: CheckOptions, settings: Settings) -> Iterator[Path]:
    """The files that a run reads and must leave; the last report may be written over."""
    yield Path(file.source.file)
    yield from history_files(settings)
    if settings.base_policy:
        yield Path(settings.base_policy)
    yield from map(Path, filter(None, (settings.certificates, settings.identity_file)))
    if options.saved:
        yield from options.saved.usage
        if options.saved.workspaces:
            yield options.saved.workspaces


def _parser() -> Parser:
    parser = Parser(prog="budget-gate check", epilog=EXIT_CODES)
    add_policy(parser)
    add_as_of(parser, "judge the month up to this time, RFC 3339 (default: now)")
    add_month(parser, "judge a whole month that has ended: 2026-10, or last")
    add_setting(
        parser,
        "--offline",
        action="store_const",
        const="true",
        help="check only the policy: no key, no request, no spend",
    )
    add_setting(
        parser,
        "--base-policy",
        metavar="FILE",
        help="with --offline: show what the policy changes against this one",
    )
    add_format(parser)
    add_setting(parser, "--report", metavar="FILE", help="also write the JSON report to this file")
    add_setting(
        parser,
        "--badge",
        metavar="FILE",
        help="also write the verdict as a shields.io badge (JSON)",
    )
    add_setting(
        parser,
        "--last-report",
        metavar="FILE",
        help="JSON report of an earlier run: shows changes, and keeps a breach red while the API "
        "is down",
    )
    add_terms(parser)
    add_names_from(parser)
    add_ledger(
        parser, "Redis that clients count in: usage that the report does not have yet counts too"
    )
    add_deadline(parser)
    parser.add_argument(
        "--usage",
        metavar="FILE",
        nargs="+",
        action="extend",
        help="read these saved pages of the usage report, not the API",
    )
    parser.add_argument(
        "--workspaces", metavar="FILE", help="a saved list of workspaces, for --usage"
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="accept saved pages that do not cover the whole month to date",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="also compare list cost with billed cost",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print one line: the verdict (--format text)"
    )
    return parser
