"""The command `doctor`: whether the policy, the credential, the API and the clock are in order."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final

from budget_gate.commands.invocation import Invocation, Parsed
from budget_gate.commands.policy_name import needed_policy
from budget_gate.commands.shared_flags import (
    Parser,
    add_as_of,
    add_deadline,
    add_policy,
    exit_codes,
    given,
)
from budget_gate.delivery.notify import faults, send_test
from budget_gate.delivery.results import deliver, publish_text
from budget_gate.delivery.secrets import blotted
from budget_gate.domain.budget_health import (
    check_archived,
    check_caps,
    check_keys,
    check_uncapped,
    check_unseen,
)
from budget_gate.domain.clock import check_age
from budget_gate.domain.health import Finding, exit_code, misconfigured, noted
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import caps_in_force, expired
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.keys import resolve
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Spend
from budget_gate.domain.verdict.notes import known_yesterday, staleness
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.terms import Terms
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.findings import render_findings
from budget_gate.reading.examination import examine
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_price_book

_EXIT_CODES: Final = exit_codes(
    "0  no error (warnings included)",
    "2  the policy or a setting is wrong. Takes precedence over 3",
    "3  the API could not be asked, or spend could not be determined",
)


def parse(arguments: Sequence[str]) -> Parsed:
    """What the flags of `doctor` say; ends the program where they are wrong."""
    parser = Parser(prog="budget-gate doctor", epilog=_EXIT_CODES)
    add_policy(parser)
    add_as_of(parser, "check against the month up to this time, RFC 3339 (default: now)")
    add_deadline(parser)
    parser.add_argument(
        "--notify",
        action="store_true",
        help="post a test message to each channel of the policy's notify",
    )
    flags = parser.parse_args(arguments)
    return Parsed(given(flags), partial(_run, flags.notify))


def _run(posts: bool, invocation: Invocation) -> int:  # noqa: FBT001 - bound where the flags are read
    """Prints what every check finds that can be made, having posted tests where it `posts`.

    0, 2 or 3.
    """
    settings, clock = invocation.settings, invocation.clock
    now = clock()
    book = PriceBook(load_price_book())
    findings: list[Finding] = []
    month = _month(settings, now, findings)
    file = _load(settings, month, findings)
    if file:
        book = book.with_policy(file.policy.prices)
    spend = examine(settings, file, month, book, now=now, clock=clock, findings=findings)
    found, report = _lint(file, spend, month, settings.terms) if file else ([], None)
    verified_on = book.document.verified_on
    findings += [*found, Finding("ok", "prices", f"last checked on {verified_on}")]
    notes = spend.notes if spend else ()
    if report:
        notes = report.notes
    else:
        notes += (*expired(file.policy, month.day),) if file else ()
        notes += staleness(verified_on, month)
    findings += noted(notes)
    if file:
        findings += _channels(file, settings, posts=posts)
    return deliver(
        lambda: publish_text(render_findings(blotted(tuple(findings), settings.secrets)), settings),
        exit_code(findings),
        settings,
    )


def _channels(file: PolicyFile, settings: Settings, *, posts: bool) -> list[Finding]:
    """Whether the channels of the policy can be posted to."""
    rules, found = file.policy.notify, list[Finding]()
    if posts and not rules.has_channels:
        remedy = "add `notify` to the policy, or leave out --notify"
        return [Finding("warning", "notify", "the policy names no channel", remedy)]
    for channel, why in send_test(rules, settings) if posts else faults(rules, settings):
        if why:
            message = f"nothing can be posted to {channel}: {why}"
            remedy = "correct the variable or the receiver"
            # What was asked for has failed; to a check it is a warning.
            found.append(
                Finding("error", "notify", message, remedy, 2)
                if posts
                else Finding("warning", "notify", message, remedy)
            )
        else:
            told = "took a test message" if posts else "has an address (--notify posts a test)"
            found.append(Finding("ok", "notify", f"{channel} {told}"))
    return found


def _month(settings: Settings, now: datetime, findings: list[Finding]) -> MonthToDate:
    """What a check would judge, the month to date where that is wrong; adds what is odd of it."""
    try:
        month = settings.judged(now)
    except ConfigurationError as error:
        findings += misconfigured("time", error)
        return MonthToDate(now)
    notes = check_age(month, now, settings.fixed_time)
    findings += [Finding("warning", "time", note.message) for note in notes]
    return month


def _load(settings: Settings, month: MonthToDate, findings: list[Finding]) -> PolicyFile | None:
    """The policy, or None where there is none that can be read; adds what there is to say of it."""
    file = None
    try:
        file = needed_policy(settings)
        caps_in_force(file, month)
    except ConfigurationError as error:
        findings += misconfigured("policy", error)
        if file:
            # Exceptions that fit no budget are told now: what else there is to say goes without.
            policy = file.policy.model_copy(update={"exceptions": ()})
            file = file._replace(policy=policy)
    else:
        count = sum(1 for _ in file.policy.budgets())
        message = f"{file.source.file} is valid and has {count} budget{'' if count == 1 else 's'}"
        findings.append(Finding("ok", "policy", message))
    return file


def _lint(
    file: PolicyFile, spend: Spend | None, month: MonthToDate, terms: Terms
) -> tuple[list[Finding], Report | None]:
    """What may be wrong with a policy that is valid; without `spend`, what it shows by itself."""
    findings: list[Finding] = []
    report, named = None, None
    workspaces = directory(file.policy, spend) if spend else {}
    if spend:
        findings, report = check_keys(file, spend, month, terms)
    if spend and report:
        named = resolve(file, spend, workspaces, known_yesterday(spend, month))
    archived = {id_ for id_, workspace in workspaces.items() if workspace.archived}
    findings.append(check_caps(file.policy, named, archived))
    if spend and named:
        findings += [
            *check_unseen(named, spend),
            *check_uncapped(file.policy, named, spend),
            check_archived(file.policy, named, spend),
        ]
    return findings, report
