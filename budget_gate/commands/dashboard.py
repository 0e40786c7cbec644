"""The command `dashboard`: writes the page that shows spend, budgets and trends."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from budget_gate.commands.day_flags import MOST_DAYS, USUAL_DAYS, refuse_other_time
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.sample import AS_OF, sample_pages, sample_policy
from budget_gate.commands.shared_flags import (
    Parser,
    add_deadline,
    add_names_from,
    add_policy,
    add_store,
    exit_codes,
    given,
    not_empty,
    up_to,
)
from budget_gate.delivery.page import publish_page, refuse_folder
from budget_gate.delivery.results import publish_text, say, say_warnings
from budget_gate.delivery.rows import progress
from budget_gate.domain.period import parse_instant
from budget_gate.errors import UnverifiedError
from budget_gate.exits import OK, UNVERIFIED
from budget_gate.outputs.escaping import plain
from budget_gate.reading.connection import connect
from budget_gate.reading.page import PageContent, read_kept, read_live
from budget_gate.settings import Settings

_EXIT_CODES: Final = exit_codes(
    "0  the page is written, whatever the verdict on it",
    "2  the policy, a flag or a setting is wrong, or the page cannot be written",
    "3  a day could not be read or has no price: no page was written",
)


@dataclass(frozen=True, slots=True)
class DashboardOptions:
    """Where the page goes, how many days it shows (None: as many as is usual), and of whom."""

    out: str
    days: int | None
    is_demo: bool


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `dashboard` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate dashboard", epilog=_EXIT_CODES)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=not_empty,
        required=True,
        help="write index.html into this folder, which is created if it is missing",
    )
    add_store(parser, "read the days from this database, not from the API (see sync)")
    parser.add_argument(
        "--days",
        metavar="N",
        type=up_to(MOST_DAYS),
        help=f"show the last N full days (default: {USUAL_DAYS}; with --store all, at most "
        f"{MOST_DAYS})",
    )
    parser.add_argument(
        "--demo", action="store_true", help="show a sample organization: no key, no network"
    )
    add_names_from(parser)
    add_policy(parser, "the policy, for budgets and prices (default: as for check, or none)")
    add_deadline(parser)
    flags = parser.parse_args(arguments)
    settings = given(flags)
    if flags.demo and (flags.days or settings):
        parser.error("--demo shows the sample alone: leave out all other flags but --out")
    return Parsed(settings, partial(_run, DashboardOptions(flags.out, flags.days, flags.demo)))


def write_sample(out: str, settings: Settings) -> str:
    """Writes the page of the sample organization; what there is to say of that.

    Raises ConfigurationError where it cannot be written.
    """
    refuse_folder(out)
    now = parse_instant(AS_OF)
    policy = sample_policy()
    content = read_live(settings, policy, now, USUAL_DAYS, None, saved=sample_pages())
    return _write(content, out, settings)


def _run(options: DashboardOptions, invocation: Invocation) -> int:
    """Writes the page; 0, or 3 where a day of it cannot be read.

    Raises ConfigurationError where the flags or the policy are not as they have to be, or where
    the page cannot be written.
    """
    settings = invocation.settings
    if options.is_demo:
        publish_text(write_sample(options.out, settings), settings)
        return OK
    refuse_other_time(settings, "the page is of now")
    refuse_folder(options.out)
    show = progress(settings)
    try:
        content = _read(options, invocation)
    except UnverifiedError as error:
        show("")
        say(f"budget-gate: no page was written: {plain(error.told)}", settings)
        return UNVERIFIED
    say_warnings(content.report.notes, settings)
    publish_text(_write(content, options.out, settings), settings)
    return OK


def _read(options: DashboardOptions, invocation: Invocation) -> PageContent:
    """What the page shows, of the history or of the API; raises as the reading of each does."""
    settings, now = invocation.settings, invocation.clock()
    file = policy_if_any(settings)
    if settings.store:
        return read_kept(settings.store, file, now, options.days or MOST_DAYS)
    transport = connect(settings, invocation.clock)
    return read_live(
        settings, file, now, options.days or USUAL_DAYS, transport, show=progress(settings)
    )


def _write(content: PageContent, out: str, settings: Settings) -> str:
    page = publish_page(content.figures, content.report, content.policy, out, settings)
    return f"wrote {plain(str(page))}\n"
