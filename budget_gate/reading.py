"""What a run reads, by its options and settings: the API or saved pages, prices, the bill."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from budget_gate.domain.clock import (
    blame_clock,
    check_clock,
    check_fixed_time,
    check_lag,
    check_month,
)
from budget_gate.domain.evidence import EarlierReport
from budget_gate.domain.ownership import owner
from budget_gate.domain.period import DAY, MonthToDate, ended_by
from budget_gate.domain.policy import Policy, PolicyFile
from budget_gate.domain.prices import PriceBook
from budget_gate.domain.pricing import price_usage
from budget_gate.domain.ratecards import Prices
from budget_gate.domain.spend import Note, Spend, SpendLine
from budget_gate.domain.usage import Usage
from budget_gate.domain.verdict import evaluate
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.settings import Settings
from budget_gate.sources.documents import load_price_book

# How the API takes a period that has yet to come.
_BY_CLOCK = ("http_400", "malformed_answer")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.audit import Audit
    from budget_gate.domain.bill import Bill
    from budget_gate.sources.transport import Pending, Transport


@dataclass(frozen=True, slots=True)
class SavedPages:
    """Files to read in place of the API; `is_partial` where they need not cover the month."""

    usage: tuple[Path, ...]
    workspaces: Path | None
    is_partial: bool


def connect(settings: Settings, clock: Callable[[], datetime]) -> "Transport | None":
    """The way to the API; None where there is no credential.

    Raises ConfigurationError where what is set can be none.
    """
    from budget_gate.sources.transport import Credential, Transport

    settings.check_credentials()
    secret = settings.admin_key or settings.auth_token
    if secret is None:
        return None
    credential = Credential(secret.get_secret_value(), is_token=settings.admin_key is None)
    return Transport(
        settings.base_url,
        credential,
        deadline=settings.deadline,
        certificates=settings.certificates,
        clock=clock,
    )


def start_identifying(
    transport: "Transport | None", settings: Settings, file: PolicyFile
) -> Callable[[], str | None]:
    """Asks whose the credential is, where the policy names an organization or a report is kept.

    The function gives the organization's id, or None where that was not asked for, and raises
    UnverifiedError where the API does not tell it.
    """
    is_needed = file.policy.organization or settings.report or settings.last_report
    if transport is None or not is_needed:
        return lambda: None
    from budget_gate.sources.organization import read_identity

    pending = transport.start(partial(read_identity, transport))
    return lambda: pending.result()[0]


def read_earlier(settings: Settings) -> EarlierReport | Note | None:
    """The last report, or why it cannot be used; None where none was named."""
    if settings.last_report is None:
        return None
    from budget_gate.sources.last_report import read_last_report

    return read_last_report(Path(settings.last_report))


def read_spend(
    settings: Settings,
    file: PolicyFile,
    month: MonthToDate,
    *,
    saved: SavedPages | None,
    audits: bool,
    now: datetime,
    transport: "Transport | None",
    last: EarlierReport | Note | None = None,
) -> Spend:
    """The spend of the month to date, on the basis that the policy names.

    Raises UnverifiedError where it cannot be established.
    """
    policy = file.policy
    book = PriceBook(load_price_book()).with_policy(policy.prices)
    bill: Bill | None = None
    earlier: tuple[SpendLine, ...] | None = ()
    notes = [*check_lag(month, now)]
    if saved:
        usage, earlier = _read_files(saved, month), None
        if policy.organization:
            message = "Saved pages do not tell whose they are: the organization was not checked."
            notes.append(Note("info", "organization_unchecked", message))
    else:
        transport = needed(transport)
        needs_bill = audits or policy.spend.basis == "billed"
        pending = _start_bill(month, now, transport) if needs_bill else None
        history = _start_history(settings, file, month, book, transport)
        bill_before = None
        if month.has_begun and policy.spend.basis == "billed":
            bill_before = _start_bill(month.last, now, transport)
        from budget_gate.sources.usage_report import read_usage

        with suspecting_clock(now, transport, month, named=settings.fixed_time):
            usage = read_usage(transport, month, book, file)
        notes += _time_notes(settings, month, now, transport)
        compared = last if settings.fixed_time is None else None
        last_month = compared.month if isinstance(compared, EarlierReport) else None
        notes += check_month(now, transport.clock_difference, last_month)
        before = _history(history, book, policy, month)
        if before is not None:
            earlier = before.lines if isinstance(before, Spend) else None
        if history and month.has_begun:
            asked = (history, bill_before)
            ended = _ended(file, month, book, before, asked, transport=transport, now=now)
            notes.append(ended)
        elif isinstance(before, UnverifiedError):
            message = f"The days before the month could not be read: {before.message}."
            notes.append(Note("info", "no_history", message))
        if policy.spend.basis == "billed" and pending:
            bill = settled_bill(pending.result(), transport, usage, book, policy.names, expected=1)
        if audits:
            notes += _audited(pending, transport, usage, book, policy, month)
    usage = replace(usage, notes=(*notes, *usage.notes))
    return replace(_priced(usage, bill, book, policy), history=earlier)


def _priced(usage: Usage, bill: "Bill | None", book: PriceBook, policy: Policy) -> Spend:
    unknown_model = policy.spend.unknown_model
    if bill is None:
        return price_usage(usage, book, unknown_model=unknown_model)
    from budget_gate.domain.bill import settle

    return settle(usage, bill, book, unknown_model=unknown_model)


def read_audit(
    settings: Settings,
    file: PolicyFile | None,
    month: MonthToDate,
    days: int | None,
    *,
    now: datetime,
    transport: "Transport | None",
) -> "Audit":
    """The audit of the month's closed days, or of the last `days`.

    Raises UnverifiedError where either side cannot be established, or where no day is settled.
    """
    from budget_gate.domain.audit import compare
    from budget_gate.sources.billed_cost import read_bill
    from budget_gate.sources.usage_report import read_days

    prices, names = (file.policy.prices, file.policy.names) if file else (Prices(), {})
    book = PriceBook(load_price_book()).with_policy(prices)
    transport = needed(transport)
    period = ended_by(now, month.last_days(days) if days else month.closed)
    if period is None:
        raise UnverifiedError(
            "no day of this month has ended yet", "name some with --days", code="no_closed_day"
        )
    pending = transport.start(partial(read_bill, transport, period, now))
    identify = start_identifying(transport, settings, file) if file else lambda: None
    with suspecting_clock(now, transport, month, named=settings.as_of):
        usage = read_days(transport, period, book, file)
    owner(file, usage.notes, identify)
    # Of closed days: no hour of theirs is cut.
    notes = check_clock(now, transport.clock_difference) if settings.as_of is None else ()
    bill = settled_bill(pending.result(), transport, usage, book, names)
    if not bill.settled_days:
        raise UnverifiedError(
            "the costs of no closed day are settled yet", "run the audit later", code="not_settled"
        )
    if bill.settled_days < len(period.steps(DAY)):
        message = f"Days from {bill.through} on are not settled yet, so they are not compared."
        notes = (*notes, Note("warning", "not_settled", message))
    usage = replace(usage, notes=(*notes, *usage.notes))
    return compare(usage, bill, book, _names(usage, names), month.as_of)


@contextmanager
def suspecting_clock(
    now: datetime, transport: "Transport", month: MonthToDate, *, named: object = None
) -> Iterator[None]:
    """Has an answer that is an error blamed on the local clock where that may be the cause.

    `named` is what sets the time to judge at, None where the clock does.
    """
    try:
        yield
    except UnverifiedError as error:
        if error.code in _BY_CLOCK and named is None:
            blame_clock(now, transport.clock_difference)
        elif error.code in _BY_CLOCK:
            check_fixed_time(month, now, transport.clock_difference)
        raise


def needed(transport: "Transport | None") -> "Transport":
    """The way to the API; raises UnverifiedError where there is none."""
    if transport is None:
        raise UnverifiedError(
            "there is no credential",
            "Set ANTHROPIC_ADMIN_KEY to an Admin key of the organization (in a workflow: from a "
            "secret; a pull request from a fork has none)",
            code="no_credential",
        )
    return transport


def _read_files(saved: SavedPages, month: MonthToDate) -> Usage:
    from budget_gate.sources.saved_report import read_saved_usage

    return read_saved_usage(saved.usage, saved.workspaces, month, partial=saved.is_partial)


def _start_history(
    settings: Settings,
    file: PolicyFile,
    month: MonthToDate,
    book: PriceBook,
    transport: "Transport",
) -> "Pending[Usage] | None":
    """Asks for the days before the month, where a forecast, what changed or a model's cap needs it.

    In the first days of a month all of the one before is asked for, as how it ended is told.
    """
    from budget_gate.sources.usage_report import read_days, read_history

    if month.has_begun:
        return transport.start(partial(read_days, transport, month.before, book, file))
    forecasts = any(budget.forecast != "off" for _, budget in file.policy.budgets())
    if month.history is None or not (forecasts or settings.last_report or file.policy.models):
        return None
    return transport.start(partial(read_history, transport, month.history))


def _history(
    pending: "Pending[Usage] | None", book: PriceBook, policy: Policy, month: MonthToDate
) -> Spend | UnverifiedError | None:
    """The spend of the days before the month, or why it cannot be read; None where nothing is.

    Raises UnverifiedError where a verdict may hang on it, and the API has it: a forecast that may
    fail the run, or the daily cap of a yesterday of the month before.
    """
    if pending is None:
        return None
    try:
        return price_usage(pending.result(), book, unknown_model=policy.spend.unknown_model)
    except UnverifiedError as error:
        is_judged = month.yesterday is not None and month.day.day == 1
        fails = any(
            budget.forecast == "fail" or (is_judged and budget.daily_cap is not None)
            for _, budget in policy.budgets()
        )
        # Gateways that know the routes of an organization alone do not have it.
        if fails and error.code != "http_404":
            raise
        return error
    except ConfigurationError as error:
        return UnverifiedError(error.message)


def _ended(
    file: PolicyFile,
    month: MonthToDate,
    book: PriceBook,
    before: Spend | UnverifiedError | None,
    pending: "tuple[Pending[Usage], Pending[Bill] | None]",
    *,
    transport: "Transport",
    now: datetime,
) -> Note:
    """How the month `before` ended under the same policy; whatever that is changes no verdict."""
    from budget_gate.outputs.ending import summarize_ending

    try:
        if not isinstance(before, Spend):
            raise before or UnverifiedError("it was not read")
        if pending[1]:
            usage, bill = pending[0].result(), pending[1].result()
            bill = settled_bill(bill, transport, usage, book, file.policy.names, expected=1)
            before = _priced(usage, bill, book, file.policy)
        return summarize_ending(evaluate(file, before, month.last), now)
    except (ConfigurationError, UnverifiedError) as error:
        why = "; ".join([error.message, *map(str, getattr(error, "problems", ())[:1])])
        message = f"How {month.last.day:%B %Y} ended could not be determined: {why}."
        return Note("warning", "month_before_unknown", message)


def _start_bill(
    month: MonthToDate, now: datetime, transport: "Transport"
) -> "Pending[Bill] | None":
    """Asks what was billed; None where no day has ended, as such a day has no bill."""
    period = ended_by(now, month.closed)
    if period is None:
        return None
    from budget_gate.sources.billed_cost import read_bill

    return transport.start(partial(read_bill, transport, period, now))


def settled_bill(
    bill: "Bill",
    transport: "Transport",
    usage: Usage,
    book: PriceBook,
    names: Collection[str],
    *,
    expected: int | None = None,
) -> "Bill":
    """The bill, its workspaces and doubtful days told.

    `names` are ids that the policy names, `expected` is the ratio to list cost that days are held
    against where they are too few to tell. Raises UnverifiedError where the bill is not usable.
    """
    from budget_gate.domain.bill import attribute, is_default_known
    from budget_gate.domain.late_costs import doubt_late

    default = None
    if bill.source == "analytics" and not is_default_known(bill, usage, names):
        from budget_gate.sources.workspaces import read_default_workspace

        listed = {*names, *(workspace.id for workspace in usage.workspaces or ())}
        asked = transport.start(partial(read_default_workspace, transport, listed))
        default = asked.result()
    return doubt_late(attribute(bill, usage, names, default), usage, book, expected=expected)


def _audited(  # noqa: PLR0917 - each is something that was read
    pending: "Pending[Bill] | None",
    transport: "Transport",
    usage: Usage,
    book: PriceBook,
    policy: Policy,
    month: MonthToDate,
) -> Iterator[Note]:
    """What the audit says of the month; where it cannot be made, that changes no verdict."""
    from budget_gate.domain.audit import compare
    from budget_gate.outputs.audit import summarize

    try:
        bill = pending and settled_bill(pending.result(), transport, usage, book, policy.names)
        if not (bill and bill.settled_days):
            yield Note("info", "audit", "There is no settled day to audit yet.")
            return
        yield summarize(compare(usage, bill, book, _names(usage, policy.names), month.as_of))
        # Of billed spend, the verdict tells of costs that are late.
        if bill.doubted and policy.spend.basis == "list":
            yield bill.notes[-1]
    except UnverifiedError as error:
        yield Note("warning", "audit", f"The audit could not be made: {error.message}.")


def _names(usage: Usage, labels: Mapping[str, str]) -> dict[str | None, str]:
    names: dict[str | None, str] = {None: "default workspace"}
    names.update(labels.items())
    names |= {workspace.id: workspace.name for workspace in usage.workspaces or ()}
    return names


def _time_notes(
    settings: Settings, month: MonthToDate, now: datetime, transport: "Transport"
) -> Iterator[Note]:
    """What there is to know of the time; raises UnverifiedError where the clock is wrong."""
    if settings.fixed_time is None:
        yield from check_clock(now, transport.clock_difference)
        return
    yield from check_fixed_time(month, now, transport.clock_difference)
    if month.open and month.open.end != month.as_of:
        message = "The report is by the hour: the hour of the time to judge at is counted whole."
        yield Note("info", "whole_hour", message)
