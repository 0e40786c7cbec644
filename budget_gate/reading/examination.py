"""What the API says to each question of a check, as findings: what is wrong is not asked again."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final

from budget_gate.domain.freshness import too_old
from budget_gate.domain.health import Finding, check_time, misconfigured, together, unverified
from budget_gate.domain.period import MonthToDate, ended_by, in_words
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.ownership import owner
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend, SpendLine, Workspace
from budget_gate.domain.usage import Usage
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.reading.bill import settled_bill, spend_of
from budget_gate.reading.connection import connect, suspecting_clock
from budget_gate.reading.key_trial import known_credential, proven, try_keys
from budget_gate.reading.spend import history_of, lines_of, start_history
from budget_gate.reading.usable_models import start_models, usable_models
from budget_gate.settings import Settings
from budget_gate.sources.api.organization import read_identity
from budget_gate.sources.api.usage_report import read_history, read_usage
from budget_gate.sources.api.workspaces import read_workspaces
from budget_gate.sources.http.transport import Pending, Transport

# What every route says alike, so that it is told once: the credential is refused, nothing answers,
# or nothing can as the clock is wrong.
_CHECKS: Final = {
    "clock": "clock",
    "clock_ahead": "clock",
    "no_identity_token": "credential",
    "token_exchange_refused": "credential",
}
_ALIKE: Final = ("http_401", "runner", "certificate", "connection", "timeout", "deadline", *_CHECKS)


def examine(
    settings: Settings,
    file: PolicyFile | None,
    month: MonthToDate,
    book: PriceBook,
    *,
    now: datetime,
    clock: Callable[[], datetime],
    findings: list[Finding],
) -> Spend | None:
    """The spend that a check judges, or None; adds what there is to say of the API.

    Where billed cost cannot be had, it is the spend at list price.
    """
    try:
        settings.check_credentials()
    except ConfigurationError as error:
        message = f"{error.message}, so the API was not asked"
        findings.append(Finding("error", "credential", message, error.hint, 2))
        return None
    try:
        transport = connect(settings, clock)
        credential = known_credential(settings, transport)
        findings.append(credential)
        if transport is None:
            return None
        identity = transport.start(partial(read_identity, transport))
        reading = transport.start(partial(read_usage, transport, month, book, file))
        history = start_history(settings, file, month, book, transport) if file else None
        usable = start_models(transport)
        organization = list(_organization(identity, reading, file))
        used, spend, alike, check = None, None, False, "usage report"
        try:
            with suspecting_clock(now, transport, month, named=settings.fixed_time):
                used = price(reading.result(), book)
        except UnverifiedError as error:
            alike = error.code in _ALIKE
            if alike:
                # What is known of the organization stays, be it that it is another one.
                findings += [
                    it for it in organization if it.level == "ok" or it.exit_code not in (0, 3)
                ]
                check = _CHECKS.get(error.code, check)
                if check == "credential":
                    findings.remove(credential)
                found = unverified(check, error)
                is_explained = error.code == "http_401" and credential.remedy
                findings.append(found._replace(remedy="") if is_explained else found)
            else:
                findings += together([*organization, *_probe(transport, month, error)])
        else:
            findings[findings.index(credential)] = proven(credential, used.usage)
            findings += try_keys(settings, transport, clock, month)
            findings += [*organization, *_told(used.usage, settings.other_address, file, month)]
        if not alike:
            asked = (transport, file, used, history, book)
            spend = _spend(*asked, month=month, now=now, findings=findings)
            # Last, as a check does without: waiting for it must not cost what a check needs.
            findings += usable_models(usable, file, book, month)
    except ConfigurationError as error:
        findings += misconfigured("API", error)
        return None
    if check != "clock" and (used or transport.clock_difference is not None):
        is_told = settings.fixed_time is not None
        findings.append(check_time(now, transport.clock_difference, is_told=is_told))
    return spend


def _spend(
    transport: Transport,
    file: PolicyFile | None,
    used: PricedUsage | None,
    history: "Pending[Usage] | None",
    book: PriceBook,
    *,
    month: MonthToDate,
    now: datetime,
    findings: list[Finding],
) -> Spend | None:
    """The spend of the usage on the policy's basis, with that of the days before the month."""
    unknown_model = file.policy.spend.unknown_model if file else "fail"
    spend = list_spend(used, unknown_model=unknown_model) if used else None
    if file and file.policy.spend.basis == "billed":
        found, billed = _billed(transport, file, used, now=now, month=month)
        findings.append(found)
        spend = billed or spend
    if file and spend:
        spend = spend._replace(history=_before(history, book, file, month, findings))
    return spend


def _before(
    history: "Pending[Usage] | None",
    book: PriceBook,
    file: PolicyFile,
    month: MonthToDate,
    findings: list[Finding],
) -> tuple[SpendLine, ...] | None:
    """The spend of the days before the month; an error where a check could not do without."""
    try:
        return lines_of(history_of(history, book, file.policy, month), file.policy)
    except UnverifiedError as error:
        findings.append(unverified("days before", error))
        return None


def _organization(
    pending: "Pending[tuple[str, str]]", reading: "Pending[Usage]", file: PolicyFile | None
) -> Iterator[Finding]:
    """Whose the credential is, and whether that is whom the policy names."""
    usage = None
    with suppress(UnverifiedError):
        usage = reading.result()
    try:
        found = owner(file, usage.notes if usage else (), lambda: pending.result()[0])
        id_, name = pending.result()
    except ConfigurationError as error:
        yield from misconfigured("organization", error)
    except UnverifiedError as error:
        if error.code == "organization_unknown":
            yield unverified("organization", error)
        elif file and file.policy.organization:
            yield Finding("ok", "organization", f"{found}, which the policy names")
        elif usage and usage.coverage.refreshed_at and error.code == "http_403":
            message = "this key may not ask for it: leave `organization` out of the policy"
            yield Finding("ok", "organization", message)
        else:
            # A gateway may have no such route, and a check does without.
            yield unverified("organization", error)._replace(level="warning", exit_code=0)
    else:
        yield Finding("ok", "organization", f"{name} ({id_})" if name else id_)


def _told(
    usage: Usage, address: str | None, file: PolicyFile | None, month: MonthToDate
) -> Iterator[Finding]:
    coverage = usage.coverage
    told = f"read up to {in_words(coverage.through)}{f', asked at {address}' if address else ''}"
    if coverage.refreshed_at is None:
        yield Finding("ok", "usage report", told)
    else:
        what = "the usage analytics stand in for it, as this key may not read it"
        at = in_words(coverage.refreshed_at)
        yield Finding("ok", "usage report", f"{what}: {told}, with numbers as of {at}")
    error = too_old(file, coverage.refreshed_at, month.as_of)
    if error:
        yield unverified("max age", error)
    if usage.workspaces is None:
        message = "not listed for this key: names are those of the policy, and of --names-from"
        yield Finding("ok", "workspaces", message)
    else:
        yield _listed(usage.workspaces)


def _probe(transport: Transport, month: MonthToDate, error: UnverifiedError) -> Iterator[Finding]:
    """Which of both routes is at fault, as usage is nothing without the list of workspaces."""
    day = transport.start(partial(read_history, transport, month.last_days(1)))
    pending = transport.start(partial(read_workspaces, transport))
    workspaces = None
    try:
        workspaces = _listed(pending.result())
    except UnverifiedError as refused:
        workspaces = unverified("workspaces", refused)
    try:
        day.result()
    except UnverifiedError as refused:
        yield unverified("usage report", refused)
    else:
        # A day can be read, so that what failed is the list, or else something of this month.
        if workspaces.level == "ok":
            yield unverified("usage report", error)
        else:
            yield Finding("ok", "usage report", "answers")
    yield workspaces


def _billed(
    transport: Transport,
    file: PolicyFile,
    used: PricedUsage | None,
    *,
    month: MonthToDate,
    now: datetime,
) -> tuple[Finding, Spend | None]:
    """Whether the cost that the policy goes by can be read, and the spend that it makes."""
    from budget_gate.sources.api.billed_cost import read_bill

    period = ended_by(now, month.closed)
    if period is None:
        message = "not asked for, as no day of the month has ended yet"
        return Finding("ok", "billed cost", message), None
    spend = None
    try:
        bill = transport.start(partial(read_bill, transport, period, now)).result()
        if used:
            bill = settled_bill(bill, transport, used, file.policy.names, expected=1)
            spend = spend_of(used, bill, file.policy)
    except UnverifiedError as error:
        return unverified("billed cost", error), None
    return Finding("ok", "billed cost", f"read, settled for {bill.settled_days} days"), spend


def _listed(workspaces: tuple[Workspace, ...]) -> Finding:
    archived = sum(workspace.archived for workspace in workspaces)
    message = f"{len(workspaces)} listed, {archived} of them archived"
    return Finding("ok", "workspaces", message)
