"""The command `verdict`: judges by the report that an earlier check wrote, without a key."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from budget_gate import gate
from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import policy_if_any
from budget_gate.commands.shared_flags import (
    Parser,
    add_format,
    add_policy,
    add_setting,
    add_terms,
    exit_codes,
    given,
)
from budget_gate.delivery.results import deliver, publish
from budget_gate.domain.prices.book import PriceBook
from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.files.kept_report import read_kept_report

# What a report without its policy is placed in: `policy:8` is line 8 of that run's.
_UNKNOWN_POLICY: Final = "policy"

_EXIT_CODES: Final = exit_codes(
    "0  the report is sound and new enough, and every budget was within its cap in it; or a "
    "setting let the run pass",
    "1  at least one budget is breached (with --fail-on warning: or warns)",
    "2  the policy, a flag or a setting is wrong: nothing was decided",
    "3  the report is missing, damaged, too old, or of another month, organization or policy; or "
    "spend was unknown in it",
    credential="No credential is read, and no request is made.\n",
)
_OF_A_CHECK: Final = {
    "report": "report (BUDGET_GATE_REPORT), as it writes none",
    "badge": "badge (BUDGET_GATE_BADGE), as it writes none",
    "last_report": "last-report (BUDGET_GATE_LAST_REPORT)",
    "as_of": "as-of (BUDGET_GATE_AS_OF)",
    "month": "month (BUDGET_GATE_MONTH)",
    "offline": "offline (BUDGET_GATE_OFFLINE)",
    "base_policy": "base-policy (BUDGET_GATE_BASE_POLICY)",
    "ledger": "ledger-url (BUDGET_GATE_LEDGER), as what the ledger had is in that report",
}


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `verdict` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate verdict", epilog=_EXIT_CODES)
    # Not BUDGET_GATE_REPORT, which names what a check writes.
    parser.add_argument(
        "--report",
        metavar="FILE",
        dest="BUDGET_GATE_VERDICT_FROM",
        help="the JSON report to judge by, which check --report has written",
    )
    add_setting(
        parser,
        "--max-age",
        metavar="AGE",
        help="how old the report may be: 90m, 3h or 2d (default: 3h)",
    )
    add_policy(parser, "the policy that it must be judged by (default: as for check, or any)")
    add_terms(parser)
    add_format(parser)
    return Parsed(given(parser.parse_args(arguments)), _run)


def _run(invocation: Invocation) -> int:
    """Judges by the report, tells the verdict everywhere that the settings say; its code.

    Raises ConfigurationError where a setting is none of this command's, or does not fit.
    """
    settings = invocation.settings
    name = _report_in(settings)
    file = policy_if_any(settings)
    book = PriceBook(load_price_book())
    aliases = (book.with_policy(file.policy.prices) if file else book).aliases()
    report, exit_code = gate.verdict(
        lambda: read_kept_report(Path(name)),
        file,
        invocation.clock(),
        settings.max_age,
        settings.terms,
        aliases=aliases,
    )
    policy = file.source.file if file else _UNKNOWN_POLICY
    if file is None:
        # Where that run's policy is, and at which commit, is not known: there is no link to it.
        settings = settings.model_copy(update={"commit": None})
    return deliver(
        lambda: publish(report, policy, settings, exit_code=exit_code), exit_code, settings
    )


def _report_in(settings: Settings) -> str:
    """The file to judge by; raises ConfigurationError where a setting does not go with it."""
    if settings.verdict_from is None:
        raise ConfigurationError(
            "no report to judge by is named",
            "name it with --report (in the action: verdict-from) or BUDGET_GATE_VERDICT_FROM",
        )
    others = [name for field, name in _OF_A_CHECK.items() if getattr(settings, field)]
    if others:
        raise ConfigurationError(
            "verdict (verdict-from) judges by the report of an earlier check, and does not go with "
            f"{'; '.join(others)}",
            "leave that out, or unset the variable",
        )
    return settings.verdict_from
