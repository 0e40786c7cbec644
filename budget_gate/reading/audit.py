"""The audit: what was billed for the month's days against their list cost."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from budget_gate.domain.billed.audit import Audit
from budget_gate.domain.billed.bill import Bill
from budget_gate.domain.billed.compare import compare
from budget_gate.domain.clock import check_clock
from budget_gate.domain.freshness import missing_hours
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, ended_by
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.ownership import owner
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.cards import Prices
from budget_gate.domain.prices.charges import PricedUsage, price
from budget_gate.errors import UnverifiedError
from budget_gate.outputs.audit import summarize
from budget_gate.reading.bill import names_of, settled_bill
from budget_gate.reading.connection import (
    needed,
    refuse_mixed_keys,
    start_identifying,
    suspecting_clock,
)
from budget_gate.settings import Settings
from budget_gate.sources.api.billed_cost import read_bill
from budget_gate.sources.api.usage_report import read_days
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.transport import Pending, Transport


def read_audit(
    settings: Settings,
    file: PolicyFile | None,
    month: MonthToDate,
    days: int | None,
    *,
    now: datetime,
    transport: Transport | None,
) -> Audit:
    """The audit of the month's full days, or of the last `days`.

    Raises UnverifiedError where either side cannot be determined, or where no day is settled.
    """
    prices = file.policy.prices if file else Prices()
    names: Mapping[str, str] = file.policy.names if file else {}
    book = PriceBook(load_price_book()).with_policy(prices)
    transport = needed(transport, settings)
    period = ended_by(now, month.last_days(days) if days else month.closed)
    if period is None:
        raise UnverifiedError(
            "no day of this month has ended yet", "choose some with --days N", code="no_closed_day"
        )
    pending = transport.start(partial(read_bill, transport, period, now))
    identify = start_identifying(transport, settings, file) if file else lambda: None
    with suspecting_clock(now, transport, month, named=settings.as_of):
        usage = read_days(transport, period, book, file)
    owner(file, usage.notes, identify)
    # Of full days: no hour of theirs is cut.
    notes = check_clock(now, transport.clock_difference) if settings.as_of is None else ()
    notes = (*notes, *missing_hours(file, usage.coverage))
    priced = price(usage, book)
    bill = settled_bill(pending.result(), transport, priced, names)
    refuse_mixed_keys(transport)
    if not bill.settled_days:
        raise UnverifiedError(
            "the costs of no full day are settled yet", "run the audit later", code="not_settled"
        )
    if bill.settled_days < len(period.steps(DAY)):
        message = f"Days from {bill.through} on are not settled yet, so they are not compared."
        notes = (*notes, Note("warning", "not_settled", message))
    return compare(priced.with_notes(notes), bill, names_of(usage, names), month.as_of)


def audited(
    pending: Pending[Bill] | None,
    transport: Transport,
    priced: PricedUsage,
    policy: Policy,
    month: MonthToDate,
) -> Iterator[Note]:
    """What the audit says of the month; where it cannot be made, that changes no verdict."""
    try:
        bill = pending and settled_bill(pending.result(), transport, priced, policy.names)
        if not (bill and bill.settled_days):
            yield Note("info", "audit", "There is no settled day to audit yet.")
            return
        names = names_of(priced.usage, policy.names)
        yield summarize(compare(priced, bill, names, month.as_of))
        # Of billed spend, the verdict tells of costs that are late; of prices, the audit does.
        if policy.spend.basis == "list":
            yield from (note for note in bill.notes if note.code == "late_costs_suspected")
    except UnverifiedError as error:
        yield Note("warning", "audit", f"The audit could not be made: {error}.")
