"""The command `init`: a first policy from what the organization spent last month."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from budget_gate import signals
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import POLICY_FILES, found_policy
from budget_gate.commands.shared_flags import (
    Parser,
    add_as_of,
    add_deadline,
    add_policy,
    exit_codes,
    given,
)
from budget_gate.delivery.files import write_whole
from budget_gate.delivery.results import publish_text, say
from budget_gate.delivery.secrets import without_secrets
from budget_gate.domain.clock import check_clock
from budget_gate.domain.first_policy import draft_policy
from budget_gate.domain.freshness import missing_hours
from budget_gate.domain.period import MonthToDate, ended_by
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.first_policy import render_draft, render_next_step
from budget_gate.reading.connection import (
    connect,
    needed,
    refuse_mixed_keys,
    suspecting_clock,
)
from budget_gate.settings import Settings
from budget_gate.sources.api.organization import read_identity
from budget_gate.sources.api.usage_report import read_days
from budget_gate.sources.files.documents import load_document, load_price_book

if TYPE_CHECKING:
    from budget_gate.domain.notes import Note

_EXIT_CODES: Final = exit_codes(
    "0  the policy was written",
    "2  a flag or a setting is wrong, or the file exists already: nothing was written",
    "3  last month's spend could not be read: nothing was written",
)


@dataclass(frozen=True, slots=True)
class InitOptions:
    """Whether a file that exists is replaced, and whether the policy is printed instead."""

    overwrites: bool
    prints: bool


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `init` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate init", epilog=_EXIT_CODES)
    add_policy(
        parser, "the file to write (default: budget.yml, or .github/budget.yml if that exists)"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that exists")
    parser.add_argument(
        "--stdout", action="store_true", help="print the policy instead of writing a file"
    )
    add_as_of(parser, "use the calendar month before this time, RFC 3339 (default: now)")
    add_deadline(parser)
    flags = parser.parse_args(arguments)
    options = InitOptions(overwrites=flags.force, prints=flags.stdout)
    return Parsed(given(flags), partial(_run, options))


def _run(options: InitOptions, invocation: Invocation) -> int:
    """Writes or prints a policy; 0 or 3.

    Raises ConfigurationError where the file may not or cannot be written. Nothing is written then,
    nor where last month's spend cannot be read (3).
    """
    settings, clock = invocation.settings, invocation.clock
    name = settings.policy or found_policy() or POLICY_FILES[0]
    if not options.prints:
        _refuse(Path(name), overwrites=options.overwrites)
    now = clock()
    month = MonthToDate(settings.time(now))
    if ended_by(now, month.before) != month.before:
        raise ConfigurationError(
            f"the month before {month.as_of:%Y-%m} has not ended yet",
            "choose an earlier time with --as-of, or omit it",
        )
    try:
        spend, whose = _read(settings, month, now, clock)
    except UnverifiedError as error:
        say(f"budget-gate: nothing was written: {plain(error.told)}", settings)
        return UNVERIFIED
    draft = draft_policy(spend, month.before, whose)
    text = without_secrets(render_draft(draft), settings)
    # What cannot be read back is no policy, and must not become one.
    load_document(text.encode(), name, Policy)
    signals.ignore()
    for note in spend.notes:
        if note.level != "info":
            say(f"warning: {plain(note.message)}", settings)
    if options.prints:
        publish_text(text, settings)
    else:
        write_whole(Path(name), text, overwrite=options.overwrites)
        say(render_next_step(draft, name), settings)
    return OK


def _refuse(path: Path, *, overwrites: bool) -> None:
    """Raises ConfigurationError where it can be told beforehand that nothing will be written."""
    # A link to nowhere counts: it is somebody's, too.
    if os.path.lexists(path) and not overwrites:
        raise ConfigurationError(
            f"{path} already exists; not changed",
            "replace it with --force, write elsewhere with --policy FILE, or print with --stdout",
        )
    if not path.absolute().parent.is_dir():
        raise ConfigurationError(
            f"{path} cannot be written: its folder does not exist",
            "create the folder first, or name another file with --policy",
        )


def _read(
    settings: Settings, month: MonthToDate, now: datetime, clock: Callable[[], datetime]
) -> tuple[Spend, tuple[str, str] | None]:
    """Last month's spend at list price, and the organization's id and name, where they are told."""
    transport = needed(connect(settings, clock), settings)
    identity = transport.start(partial(read_identity, transport))
    book = PriceBook(load_price_book())
    with suspecting_clock(now, transport, month, named=settings.as_of):
        usage = read_days(transport, month.before, book)
    notes: tuple[Note, ...] = ()
    if settings.as_of is None:
        notes = check_clock(now, transport.clock_difference)
    notes = (*notes, *missing_hours(None, usage.coverage))
    spend = list_spend(price(usage, book), unknown_model="fail")
    whose = None
    with suppress(UnverifiedError):
        whose = identity.result()
    refuse_mixed_keys(transport)
    return spend._replace(notes=(*notes, *spend.notes)), whose
