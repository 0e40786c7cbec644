"""The spend of the month to date: the API or saved pages, priced, on the policy's basis."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial, wraps
from pathlib import Path
from typing import NamedTuple, ParamSpec

from budget_gate.domain.clock import check_lag, check_month
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend, SpendLine
from budget_gate.domain.usage import Usage
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.outputs.report.ending import summarize_ending
from budget_gate.reading.bill import settled_bill, spend_of, start_bill
from budget_gate.reading.connection import (
    MixedKeysError,
    key_notes,
    needed,
    suspecting_clock,
    time_notes,
)
from budget_gate.settings import Settings
from budget_gate.sources.api.usage_report import read_days, read_history, read_usage
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.transport import Pending, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.billed.bill import Bill

Asked = ParamSpec("Asked")


class MonthRead(NamedTuple):
    """A month to date: its spend, and the priced usage and the bill, if any, that it is made of."""

    spend: Spend
    priced: PricedUsage
    bill: "Bill | None"


class SavedPages(NamedTuple):
    """Files to read in place of the API; `is_partial` where they need not cover the month."""

    usage: tuple[Path, ...]
    workspaces: Path | None
    is_partial: bool


def _by_one_key(read: Callable[Asked, MonthRead]) -> Callable[Asked, MonthRead]:
    """Has all of it read once more, by the key that is left, where one of two died on the way."""

    @wraps(read)
    def reading(*arguments: Asked.args, **options: Asked.kwargs) -> MonthRead:
        try:
            return read(*arguments, **options)
        except MixedKeysError:
            return read(*arguments, **options)

    return reading


@_by_one_key
def read_month(
    settings: Settings,
    file: PolicyFile,
    month: MonthToDate,
    *,
    saved: SavedPages | None,
    now: datetime,
    transport: Transport | None,
    audits: bool = False,
    last: EarlierReport | Note | None = None,
    apart: Sequence[datetime] = (),
) -> MonthRead:
    """The spend of the month to date, on the basis that the policy names, and what it is made of.

    The hours `apart` are told by themselves in the usage. Raises UnverifiedError where the spend
    cannot be determined.
    """
    policy = file.policy
    book = PriceBook(load_price_book()).with_policy(policy.prices)
    bill = None
    earlier: tuple[SpendLine, ...] | None = ()
    notes = [*check_lag(month, now)]
    if saved:
        used, earlier = price(_read_files(saved, month), book), None
        if policy.organization:
            message = "Saved pages do not name their organization, so it was not checked."
            notes.append(Note("info", "organization_unchecked", message))
    else:
        transport = needed(transport, settings)
        transport.taken.clear()
        needs_bill = audits or policy.spend.basis == "billed"
        pending = start_bill(month, now, transport) if needs_bill else None
        history = start_history(settings, file, month, book, transport)
        bill_before = None
        if month.has_begun and policy.spend.basis == "billed":
            bill_before = start_bill(month.last, now, transport)

        with suspecting_clock(now, transport, month, named=settings.fixed_time):
            used = price(read_usage(transport, month, book, file, apart), book)
        # A clock that is wrong is told before what may come of it, and once more by all answers.
        list(time_notes(settings, month, now, transport))
        place = len(notes)
        compared = last if settings.fixed_time is None else None
        last_month = compared.month if isinstance(compared, EarlierReport) else None
        notes += check_month(now, transport.clock_difference, last_month)
        before = history_of(history, book, policy, month)
        earlier = lines_of(before, policy)
        if month.has_begun:
            notes.append(_ended(file, month, before, bill_before, transport=transport, now=now))
        elif isinstance(before, UnverifiedError):
            message = f"The days before the month could not be read: {before}."
            notes.append(Note("info", "no_history", message))
        if policy.spend.basis == "billed" and pending:
            bill = settled_bill(pending.result(), transport, used, policy.names, expected=1)
        if audits:
            from budget_gate.reading.audit import audited  # most runs ask for none

            notes += audited(pending, transport, used, policy, month)
        notes[place:place] = time_notes(settings, month, now, transport)
        notes += key_notes(transport)
    priced = used.with_notes(tuple(notes))
    spend = spend_of(priced, bill, policy)._replace(history=earlier)
    if not saved and isinstance(before, PricedUsage) and not before.usage.is_default_told:
        # Where it is the days before alone that have usage, it is theirs that is of nobody known.
        spend = spend._replace(is_default_told=False)
    return MonthRead(spend, priced, bill)


def _read_files(saved: SavedPages, month: MonthToDate) -> Usage:
    from budget_gate.sources.files.saved_usage import read_saved_usage  # most runs ask the API

    return read_saved_usage(saved.usage, saved.workspaces, month, partial=saved.is_partial)


def start_history(
    settings: Settings,
    file: PolicyFile,
    month: MonthToDate,
    book: PriceBook,
    transport: Transport,
) -> Pending[Usage] | None:
    """Asks for the days before the month, where a forecast, a rise or a model's cap needs them.

    In the first days of a month all of the one before is asked for, as how it ended is told.
    """
    if month.has_begun:
        return transport.start(partial(read_days, transport, month.before, book, file))
    policy = file.policy
    forecasts = any(budget.forecast != "off" for _, budget in policy.budgets())
    rises = policy.alerts.needs_history or settings.last_report
    if month.history is None or not (forecasts or rises or policy.models):
        return None
    return transport.start(partial(read_history, transport, month.history, file))


def history_of(
    pending: Pending[Usage] | None, book: PriceBook, policy: Policy, month: MonthToDate
) -> PricedUsage | UnverifiedError | None:
    """The usage of the days before the month, or why it cannot be read; None where nothing is.

    Raises UnverifiedError where a verdict may hang on it: a forecast that may fail the run, or the
    daily cap of a yesterday of the month before.
    """
    if pending is None:
        return None
    try:
        return price(pending.result(), book)
    except UnverifiedError as error:
        is_judged = month.yesterday is not None and month.day.day == 1
        fails = any(
            budget.forecast == "fail" or (is_judged and budget.daily_cap is not None)
            for _, budget in policy.budgets()
        )
        if fails:
            raise
        return error
    except ConfigurationError as error:
        return UnverifiedError(error.message)


def lines_of(
    before: PricedUsage | UnverifiedError | None, policy: Policy
) -> tuple[SpendLine, ...] | None:
    """The spend of the days before the month; None where they could not be read."""
    if isinstance(before, UnverifiedError):
        return None
    return list_spend(before, unknown_model=policy.spend.unknown_model).lines if before else ()


def _ended(
    file: PolicyFile,
    month: MonthToDate,
    before: PricedUsage | UnverifiedError | None,
    pending: "Pending[Bill] | None",
    *,
    transport: Transport,
    now: datetime,
) -> Note:
    """How the month `before` ended under the same policy; whatever that is changes no verdict."""
    try:
        if not isinstance(before, PricedUsage):
            raise before or UnverifiedError("it was not read")
        bill = pending.result() if pending else None
        if bill:
            bill = settled_bill(bill, transport, before, file.policy.names, expected=1)
        spend = spend_of(before, bill, file.policy)
        return summarize_ending(evaluate(file, spend, month.last), now)
    except (ConfigurationError, UnverifiedError) as error:
        why = "; ".join([str(error), *map(str, getattr(error, "problems", ())[:1])])
        message = f"How {month.last.day:%B %Y} ended could not be determined: {why}."
        return Note("warning", "month_before_unknown", message)
