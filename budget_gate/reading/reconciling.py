"""The report and the ledger of settled days, read side by side."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from budget_gate.domain.clock import LAG, WORTH_A_WARNING, check_clock
from budget_gate.domain.freshness import missing_hours
from budget_gate.domain.ledger.possible import check_ledger_clock
from budget_gate.domain.ledger.reconcile import Reconciliation, last_settled_days, reconcile
from budget_gate.domain.period import MonthToDate, Period, on_day
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.none import NO_POLICY
from budget_gate.domain.policy.ownership import owner
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.errors import UnverifiedError
from budget_gate.reading.connection import needed, start_identifying, suspecting_clock
from budget_gate.settings import Settings
from budget_gate.sources.api.usage_report import read_days
from budget_gate.sources.files.documents import load_price_book
from budget_gate.sources.http.transport import Transport
from budget_gate.sources.ledger.layout import HOUR, KEPT
from budget_gate.sources.ledger.reading import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.sources.ledger.client import Client


def read_reconciliation(
    settings: Settings,
    file: PolicyFile | None,
    client: "Client",
    transport: Transport | None,
    *,
    now: datetime,
    days: int,
    tolerance: Decimal,
) -> Reconciliation:
    """The report against the ledger, of the last `days` that both have whole.

    Raises UnverifiedError where either cannot be read whole, and ConfigurationError where the usage
    is of another organization than the policy's.
    """
    transport = needed(transport, settings)
    period = last_settled_days(now, days)
    policy = (file or NO_POLICY).policy
    book = PriceBook(load_price_book()).with_policy(policy.prices)
    identify = start_identifying(transport, settings, file or NO_POLICY)
    pending = transport.start(partial(read_days, transport, period, book, file))
    counts = client.run(reading(period.start))
    check_ledger_clock(now, counts.read_at)
    _check_kept(period, counts.read_at)
    with suspecting_clock(now, transport, MonthToDate(now)):
        usage = pending.result()
    notes = (*check_clock(now, transport.clock_difference), *missing_hours(file, usage.coverage))
    owner(file, usage.notes, identify)
    spend = list_spend(price(usage, book), unknown_model=policy.spend.unknown_model)
    workspaces = directory(policy, spend)
    found = reconcile(usage, counts, period, workspaces, book, tolerance=tolerance)
    return replace(found, notes=(*notes, *found.notes))


def _check_kept(period: Period, read_at: datetime) -> None:
    """Raises UnverifiedError where the ledger may have let go of the first hours already."""
    if read_at + WORTH_A_WARNING >= period.start + timedelta(seconds=HOUR + KEPT):
        again = period.end + LAG + WORTH_A_WARNING
        raise UnverifiedError(
            f"the ledger does not keep the first hours of {on_day(period.start)} any more",
            f"compare fewer days (--days), or run it after {again:%H:%M} UTC",
            code="ledger_expired",
        )
