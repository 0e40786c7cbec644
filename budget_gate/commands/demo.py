"""The command `demo`: judges a sample organization, without a key or a network."""

from collections.abc import Sequence
from functools import partial

from budget_gate.commands import check
from budget_gate.commands.dashboard import write_sample
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.sample import AS_OF, sample_pages, sample_policy
from budget_gate.commands.shared_flags import Parser, add_format, given, not_empty
from budget_gate.delivery.page import refuse_folder
from budget_gate.delivery.results import say
from budget_gate.domain.period import MonthToDate, parse_instant


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `demo` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate demo")
    add_format(parser)
    parser.add_argument(
        "--page",
        metavar="FOLDER",
        type=not_empty,
        help="also write the page that `dashboard` makes into this folder",
    )
    flags = parser.parse_args(arguments)
    return Parsed(given(flags) | {"BUDGET_GATE_AS_OF": AS_OF}, partial(_run, flags.page))


def _run(page: str | None, invocation: Invocation) -> int:
    if page:
        refuse_folder(page)
    now = parse_instant(AS_OF)
    # A ledger is of an organization that there is.
    settings = invocation.settings.model_copy(update={"ledger": None})
    invocation = invocation._replace(settings=settings)
    options = check.CheckOptions(sample_pages())
    exit_code = check.judge(sample_policy(), now, MonthToDate(now), options, invocation)
    say("That was a sample. To check yours: budget-gate check", invocation.settings)
    if page:
        say(write_sample(page, invocation.settings), invocation.settings)
    return exit_code
