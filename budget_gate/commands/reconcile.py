"""The part `ledger reconcile`: the report against what clients have counted."""

import argparse
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from budget_gate import exits
from budget_gate.commands.invocation import Invocation
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.shared_flags import (
    add_deadline,
    add_format,
    add_ledger,
    add_policy,
    exit_codes,
    up_to,
)
from budget_gate.delivery.results import deliver, publish_found
from budget_gate.domain.fields import percentage
from budget_gate.domain.ledger.reconcile import Reconciliation, last_settled_days
from budget_gate.domain.notes import Note
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.outputs.reconciliation import (
    render_reconciliation_json,
    render_reconciliation_markdown,
    render_reconciliation_text,
)
from budget_gate.reading.connection import connect
from budget_gate.reading.reconciling import read_reconciliation
from budget_gate.settings import Settings
from budget_gate.sources.ledger.opening import open_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.sources.ledger.client import Client

LEDGER: Final = "the Redis: redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS"

_RENDERERS: Final = {
    "text": render_reconciliation_text,
    "markdown": render_reconciliation_markdown,
    "json": render_reconciliation_json,
}
# Hours are kept for 14 days, of which the first is going already.
_MOST_DAYS: Final = 13
TOLERANCE: Final = Decimal("0.01")

_EXIT_CODES: Final = exit_codes(
    "0  the report and the ledger agree, within the tolerance",
    "1  at least one workspace and model differ by more",
    "2  a flag, a setting or the policy is wrong: nothing was compared",
    "3  the report or the ledger could not be read",
)


@dataclass(frozen=True, slots=True)
class ReconcileOptions:
    """How many full days to compare, and the ratio that they may differ by."""

    days: int
    tolerance: Decimal


def add_reconcile(actions: Any) -> None:
    """Adds the action to those of `ledger`."""
    parser = actions.add_parser(
        "reconcile", help="compare what is counted with the report", epilog=_EXIT_CODES
    )
    add_ledger(parser, LEDGER)
    parser.add_argument(
        "--days",
        metavar="N",
        type=up_to(_MOST_DAYS),
        help=f"compare the last N full days, at most {_MOST_DAYS} (default: 1)",
    )
    parser.add_argument(
        "--tolerance",
        metavar="PERCENT",
        type=_ratio,
        help="by how much a workspace and model may differ (default: 1%%)",
    )
    add_policy(parser, "the policy, for its prices and names (default: as for check, or none)")
    add_format(parser)
    add_deadline(parser)


def run_reconcile(options: ReconcileOptions, invocation: Invocation) -> int:
    """Prints how the report and the ledger differ; 0, 1 beyond the tolerance, or 3.

    Raises ConfigurationError where the policy or the URL is wrong.
    """
    settings = invocation.settings
    file, client = policy_if_any(settings), needed_client(settings)
    now = invocation.clock()
    with closing(client):
        try:
            found = read_reconciliation(
                settings,
                file,
                client,
                connect(settings, invocation.clock),
                now=now,
                days=options.days,
                tolerance=options.tolerance,
            )
        except UnverifiedError as error:
            note = Note("error", error.code, error.told)
            period = last_settled_days(now, options.days)
            found = Reconciliation("unverified", period, options.tolerance, notes=(note,))
    code = {"ok": exits.OK, "apart": exits.BREACHED, "unverified": exits.UNVERIFIED}
    return deliver(lambda: publish_found(found, _RENDERERS, settings), code[found.status], settings)


def needed_client(settings: Settings) -> "Client":
    """The client of the ledger that is named; raises ConfigurationError where none is."""
    if settings.ledger is None:
        raise ConfigurationError(
            "no ledger is named", "add --ledger redis://HOST:6379/0, or set BUDGET_GATE_LEDGER"
        )
    return open_client(settings.ledger.get_secret_value())


def _ratio(text: str) -> Decimal:
    ratio = percentage(text)
    if ratio is None or ratio > 1:
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r} is not a percentage from 0% to 100%: write it as 2% or 0.5%"
        )
    return ratio
