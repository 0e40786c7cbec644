"""The costs of full days, a calendar month at a time: what feeds are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from budget_gate.domain.billed.bill import Bill
from budget_gate.domain.caching import savings
from budget_gate.domain.clock import check_lag_of_days
from budget_gate.domain.daily import Days, daily
from budget_gate.domain.freshness import missing_hours
from budget_gate.domain.period import MonthToDate, Period, ended_by
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.ownership import owner
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import Prices
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.domain.usage import Usage
from budget_gate.errors import UnverifiedError
from budget_gate.reading.bill import names_of, settled_bill, spend_of
from budget_gate.reading.connection import (
    key_notes,
    needed,
    start_identifying,
    suspecting_clock,
    time_notes,
)
from budget_gate.settings import Settings
from budget_gate.sources.api.billed_cost import read_bill
from budget_gate.sources.api.organization import read_identity
from budget_gate.sources.api.usage_report import read_days
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Pending, Transport

# So many months are asked for side by side, and no more are held at a time.
AT_ONCE: Final = 2


class _Asked(NamedTuple):
    """Days that are under way; of a billed month, all of its days are read to know any of them."""

    period: Period
    usage: Pending[Usage]
    bill: Pending[Bill] | None


@dataclass(frozen=True, slots=True)
class DaysReader:
    """Reads full days on the basis of the policy, without one at list price.

    `month` is the time that is judged, `now` that of the run, and `old_names` are of workspaces by
    id that the API may list no more. `counts_savings` is whether to say what caching saved.
    """

    settings: Settings
    file: PolicyFile | None
    month: MonthToDate
    now: datetime
    transport: Transport | None
    old_names: Mapping[str, str] = field(default_factory=dict)
    counts_savings: bool = False

    def account(self) -> tuple[str, str]:
        """The id and the name of the organization; the name is empty where it is not told.

        Raises UnverifiedError where neither the API nor the policy tells the id.
        """
        named = self.file.policy.organization if self.file else None
        try:
            return read_identity(needed(self.transport, self.settings))
        except RefusedError as error:
            # Some gateways do not serve this; that it is the right one is checked with the rows.
            if named and error.is_not_found:
                return named, ""
            raise

    def read(self, period: Period) -> Iterator[Days]:
        """The days of the period, which end by the time that is judged, by calendar months.

        Raises UnverifiedError where any of them cannot be read or has no price, and
        ConfigurationError where they are of another organization than the policy's.
        """
        transport, file = needed(self.transport, self.settings), self.file
        book = PriceBook(load_price_book()).with_policy(file.policy.prices if file else Prices())
        identify = start_identifying(transport, self.settings, file) if file else lambda: None
        months = period.months()
        asked = [self._ask(each, book, transport) for each in months[:AT_ONCE]]
        for number, part in enumerate(months):
            days = self._finish(asked.pop(0), part, book, transport)
            if number == 0:
                owner(file, days.notes, identify)
            yield days
            # What was handed on is to be gone before more comes in.
            del days
            asked += [
                self._ask(each, book, transport)
                for each in months[number + AT_ONCE : number + AT_ONCE + 1]
            ]

    def _ask(self, part: Period, book: PriceBook, transport: Transport) -> _Asked:
        is_billed = self.file is not None and self.file.policy.spend.basis == "billed"
        if is_billed:
            # How late a day's costs are shows by the others: as a check of the month sees it.
            first = MonthToDate(part.end, is_whole=True).period.start
            whole = Period(first, MonthToDate(part.start).end)
            part = ended_by(min(self.month.as_of, self.now), whole) or part
        usage = transport.start(partial(read_days, transport, part, book, self.file))
        bill = None
        if is_billed:
            bill = transport.start(partial(read_bill, transport, part, self.now))
        return _Asked(part, usage, bill)

    def _finish(self, asked: _Asked, part: Period, book: PriceBook, transport: Transport) -> Days:
        file, bill = self.file, None
        labels = {**self.old_names, **(file.policy.names if file else {})}
        named = self.settings.fixed_time
        with suspecting_clock(self.now, transport, self.month, named=named):
            usage = asked.usage.result()
        times = time_notes(self.settings, self.month, self.now, transport)
        priced = price(usage, book).with_notes((*times, *key_notes(transport)))
        if asked.bill:
            bill = settled_bill(asked.bill.result(), transport, priced, labels, expected=1)
        spend = spend_of(priced, bill, file.policy if file else None)
        if spend.unpriced:
            raise UnverifiedError(" ".join(spend.unpriced).removesuffix("."), code="unpriced")
        rows = daily(priced, spend, bill, at_public_prices(priced))
        if asked.period != part:
            first, end = part.start.date(), part.end.date()
            rows = [row for row in rows if first <= row.day < end]
        lag = missing_hours(file, usage.coverage._replace(through=part.end))
        if usage.coverage.refreshed_at is None:
            lag = check_lag_of_days(part.end, self.now)
        told = (*spend.notes, *lag)
        saved = savings(priced) if self.counts_savings else None
        return Days(part, rows, names_of(usage, labels), usage.workspaces, told, saved)


def at_public_prices(priced: PricedUsage) -> PricedUsage | None:
    """The usage at public prices; None where the policy has no other ones."""
    book = priced.book
    if book.discount or book.overrides:
        return price(priced.usage, PriceBook(book.document))
    return None
