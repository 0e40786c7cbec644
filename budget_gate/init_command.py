"""The command `init`: a first policy from what the organization spent last month."""

import os
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from budget_gate.domain.clock import check_clock
from budget_gate.domain.draft import draft_policy
from budget_gate.domain.period import MonthToDate, ended_by
from budget_gate.domain.policy import Policy
from budget_gate.domain.prices import PriceBook
from budget_gate.domain.pricing import price_usage
from budget_gate.domain.spend import Note, Spend
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.outputs.draft import render_draft, render_next_step
from budget_gate.outputs.files import write_whole
from budget_gate.outputs.wording import plain
from budget_gate.publish import publish_text, say, without_secrets
from budget_gate.reading import connect, needed, suspecting_clock
from budget_gate.settings import Settings
from budget_gate.sources.documents import load_document, load_price_book
from budget_gate.sources.organization import read_identity
from budget_gate.sources.usage_report import read_days


def write_first_policy(
    flags: Namespace,
    settings: Settings,
    name: str,
    clock: Callable[[], datetime],
    ignore_signals: Callable[[], None],
) -> int:
    """Writes a policy to the file `name`, or with `--stdout` prints it; the exit code, 0 or 3.

    Raises ConfigurationError where that file may not or cannot be written. Nothing is written
    then, nor where last month's spend cannot be read (3).
    """
    if not flags.stdout:
        _refuse(Path(name), force=flags.force)
    now = clock()
    month = MonthToDate(settings.time(now))
    if ended_by(now, month.before) != month.before:
        raise ConfigurationError(
            f"the month before {month.as_of:%Y-%m} has not ended yet",
            "name an earlier time with --as-of, or none",
        )
    try:
        spend, whose = _read(settings, month, now, clock)
    except UnverifiedError as error:
        say(f"budget-gate: nothing was written: {plain(error.told)}", settings)
        return 3
    draft = draft_policy(spend, month.before, whose)
    text = without_secrets(render_draft(draft), settings)
    # What cannot be read back is no policy, and must not become one.
    load_document(text.encode(), name, Policy)
    ignore_signals()
    for note in spend.notes:
        if note.level != "info":
            say(f"warning: {plain(note.message)}", settings)
    if flags.stdout:
        publish_text(text, settings)
    else:
        write_whole(Path(name), text, overwrite=flags.force)
        say(render_next_step(draft, name), settings)
    return 0


def _refuse(path: Path, *, force: bool) -> None:
    """Raises ConfigurationError where it can be told beforehand that nothing will be written."""
    # A link to nowhere counts: it is somebody's, too.
    if os.path.lexists(path) and not force:
        raise ConfigurationError(
            f"{path} exists already, and was left as it is",
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
    transport = needed(connect(settings, clock))
    identity = transport.start(partial(read_identity, transport))
    book = PriceBook(load_price_book())
    with suspecting_clock(now, transport, month, named=settings.as_of):
        usage = read_days(transport, month.before, book)
    notes: tuple[Note, ...] = ()
    if settings.as_of is None:
        notes = check_clock(now, transport.clock_difference)
    spend = price_usage(usage, book, unknown_model="fail")
    whose = None
    with suppress(UnverifiedError):
        whose = identity.result()
    return replace(spend, notes=(*notes, *spend.notes)), whose
