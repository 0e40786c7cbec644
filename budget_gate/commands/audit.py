"""The command `audit`: compares list cost with billed cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from budget_gate import exits
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.shared_flags import (
    Parser,
    add_as_of,
    add_deadline,
    add_format,
    add_policy,
    exit_codes,
    given,
    up_to,
)
from budget_gate.delivery.results import deliver, publish_found
from budget_gate.domain.billed.audit import Audit
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.errors import UnverifiedError
from budget_gate.outputs.audit import render_audit_markdown, render_audit_text
from budget_gate.outputs.audit_json import render_audit_json
from budget_gate.reading.audit import read_audit
from budget_gate.reading.connection import connect

_RENDERERS: Final = {
    "text": render_audit_text,
    "markdown": render_audit_markdown,
    "json": render_audit_json,
}
# The cost analytics answer for no longer at once.
MOST_DAYS: Final = 31

_EXIT_CODES: Final = exit_codes(
    "0  every line agrees within 0.5% or $0.01",
    "1  at least one line differs by more",
    "2  the policy, a flag or a setting is wrong: nothing was compared",
    "3  list cost or billed cost could not be determined",
)


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """How many full days to compare; None for those of the month."""

    days: int | None


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `audit` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate audit", epilog=_EXIT_CODES)
    parser.add_argument(
        "--days",
        metavar="N",
        type=up_to(MOST_DAYS),
        help="audit the last N full days, at most 31 (default: the full days of this month)",
    )
    add_policy(parser, "the policy, for its prices and names (default: as for check, or none)")
    add_as_of(parser, "audit the days before this time, RFC 3339 (default: now)")
    add_format(parser)
    add_deadline(parser)
    flags = parser.parse_args(arguments)
    return Parsed(given(flags), partial(_run, AuditOptions(flags.days)))


def _run(options: AuditOptions, invocation: Invocation) -> int:
    settings = invocation.settings
    file = policy_if_any(settings)
    now = invocation.clock()
    month = MonthToDate(settings.time(now))
    transport = connect(settings, invocation.clock)
    try:
        audit = read_audit(settings, file, month, options.days, now=now, transport=transport)
        audit = replace(audit, policy=file.source.file if file else None)
    except UnverifiedError as error:
        note = Note("error", error.code, error.told)
        audit = Audit("unverified", month.as_of, month.period, notes=(note,))
    exit_code = {"ok": exits.OK, "drift": exits.BREACHED, "unverified": exits.UNVERIFIED}
    return deliver(
        lambda: publish_found(audit, _RENDERERS, settings), exit_code[audit.status], settings
    )
