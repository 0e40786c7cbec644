"""What the page is made of: the figures of days, and the gate's own report on the month."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from pydantic import SecretStr

from budget_gate import gate
from budget_gate.domain.caching import savings
from budget_gate.domain.clock import LAG
from budget_gate.domain.daily import DailyRow, daily
from budget_gate.domain.figures import Figures, figures
from budget_gate.domain.kept_days import month_up_to, spend_of_rows
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, HISTORY_DAYS, MonthToDate, Period, in_words, on_day
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.none import NO_POLICY
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.pricing import price_facts
from budget_gate.domain.spend import Spend
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.terms import STRICT
from budget_gate.errors import UnverifiedError
from budget_gate.reading.bill import names_of
from budget_gate.reading.connection import start_identifying
from budget_gate.reading.days import DaysReader, at_public_prices
from budget_gate.reading.history import open_history, owner_in, with_old_names
from budget_gate.reading.spend import SavedPages, read_month
from budget_gate.settings import Settings
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.transport import Transport


@dataclass(frozen=True, slots=True)
class PageContent:
    """The figures, the gate's report, and the policy file; its name is None where there is none.

    Without a policy the report judges nothing: only its spend and its notes hold.
    """

    figures: Figures
    report: Report
    policy: str | None


def read_live(
    settings: Settings,
    file: PolicyFile | None,
    now: datetime,
    days: int,
    transport: Transport | None,
    *,
    saved: SavedPages | None = None,
    show: Callable[[str], None] = lambda _: None,
) -> PageContent:
    """The last `days` full days and all of the month to date, of the API or of `saved` pages.

    Raises UnverifiedError where any of them cannot be read, has no price, or cannot be judged.
    """
    policy, month = file or NO_POLICY, MonthToDate(now)
    identify = start_identifying(transport, settings, policy)
    if not saved:
        policy, unread = with_old_names(policy, settings.names_from, identify)
        if unread:
            raise unread
    show("Reading the month to date ...")
    read = read_month(settings, policy, month, saved=saved, now=now, transport=transport)
    spend = _priced(read.spend)
    report = _judged(policy, spend, month, identify)
    names = names_of(read.priced.usage, policy.policy.names)
    rows = daily(read.priced, spend, read.bill, at_public_prices(read.priced))
    saving = savings(read.priced)
    start, before = month.last_days(days).start, month.period.start
    notes = dict[Note, None]()
    if start < before and not saved:
        reader = DaysReader(settings, policy, month, now, transport, counts_savings=True)
        for part in reader.read(Period(start, before)):
            show(f"Reading {part.period.start:%B %Y} ...")
            rows = [*part.rows, *rows]
            saving.update(part.saved or {})
            names = {**part.names, **names}
            notes |= dict.fromkeys(it for it in part.notes if it.level != "info")
    show("")
    if saved:
        message = "This is a sample: the organization and its numbers are made up."
        notes[Note("info", "sample", message)] = None
    period = Period(before if saved else min(start, before), now)
    open_day = now.date() if month.open else None
    found = figures(rows, names, _days(period), open_day=open_day, saved=saving)
    return PageContent(found, _with(report, notes), file.source.file if file else None)


def read_kept(url: SecretStr, file: PolicyFile | None, now: datetime, days: int) -> PageContent:
    """The last `days` in a row that the history has, at most, and the month of the last of them.

    Raises UnverifiedError where a day of that month is not there, and ConfigurationError where the
    history has nothing of the organization.
    """
    policy = file or NO_POLICY
    history = open_history(url)
    organization = owner_in(history, policy.policy.organization)
    every = history.days(organization)
    kept = _in_a_row(every)[-max(days, HISTORY_DAYS + 31) :]
    last = kept[-1]
    month = month_up_to(last)
    first_of_month = month.period.start
    _refuse_gap(kept[0], first_of_month, history.name)
    start = max(kept[0], min(last - timedelta(days=days - 1), first_of_month.date()))
    period = Period(month.as_of - len(kept) * DAY, month.as_of)
    rows: list[DailyRow] = []
    names: dict[str | None, str] = {}
    notes = dict[Note, None]()
    for part in history.read(organization, period, policy.policy.names):
        rows += part.rows
        names |= part.names
        notes |= dict.fromkeys(it for it in part.notes if it.level != "info")
    names[None] = "default workspace"
    book = PriceBook(load_price_book()).with_policy(policy.policy.prices)
    before = month.history
    spend = spend_of_rows(
        rows,
        month,
        history.workspaces(organization),
        price_facts(book),
        has_history=before is None or kept[0] <= before.start.date(),
    )
    report = _judged(policy, spend, month, lambda: organization)
    if now - month.as_of > DAY + LAG:
        message = (
            f"The history ends at {in_words(month.as_of)}: later spend is not on this page, nor in "
            "its verdict. Run `budget-gate sync`."
        )
        notes[Note("warning", "old_history", message)] = None
    notes |= dict.fromkeys(_beginning(every, kept, days))
    shown = [row for row in rows if row.day >= start]
    found = figures(shown, names, [day for day in kept if day >= start])
    return PageContent(found, _with(report, notes), file.source.file if file else None)


def _priced(spend: Spend) -> Spend:
    """The same; raises UnverifiedError where something has no price."""
    if spend.unpriced:
        raise UnverifiedError(" ".join(spend.unpriced).removesuffix("."), code="unpriced")
    return spend


def _judged(
    file: PolicyFile, spend: Spend, month: MonthToDate, identify: Callable[[], str | None]
) -> Report:
    """The gate's report; raises UnverifiedError where it has no verdict."""
    report, _ = gate.check(file, lambda: spend, month, STRICT, identify=identify)
    if report.status == "unverified":
        errors = [note.message for note in report.notes if note.level == "error"]
        raise UnverifiedError(" ".join(errors).removesuffix("."), code="unverified")
    return report


def _with(report: Report, notes: Iterable[Note]) -> Report:
    """The report with further notes."""
    return report._replace(notes=tuple(dict.fromkeys((*report.notes, *notes))))


def _days(period: Period) -> Iterator[date]:
    return (start.date() for start in period.steps(DAY))


def _in_a_row(days: list[date]) -> list[date]:
    """The last days that follow one another without a gap."""
    for number, (one, other) in reversed(list(enumerate(pairwise(days), 1))):
        if other - one > DAY:
            return days[number:]
    return days


def _beginning(every: list[date], kept: list[date], days: int) -> Iterator[Note]:
    """That there are fewer days than were asked for, and why."""
    if len(kept) >= days:
        return
    first, before = kept[0], kept[0] - DAY
    if every[0] == first:
        message = f"The history begins on {on_day(first)}, {first.year}."
        yield Note("info", "short_history", message)
    else:
        message = (
            f"Days before {first} are not on this page: {before} is not in the history. Run "
            f"`budget-gate sync --from {before}`."
        )
        yield Note("warning", "gap_in_history", message)


def _refuse_gap(first: date, needed: datetime, name: str) -> None:
    """Raises UnverifiedError where the days do not reach back to the beginning of their month."""
    if first > needed.date():
        raise UnverifiedError(
            f"days between {needed.date()} and {first} are not in the history {name}",
            f"run `budget-gate sync --from {needed.date()}`",
            code="not_in_history",
        )
