"""The provider's cost data of the month's full days -> Bill."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from budget_gate.domain.billed.bill import Bill, Charge
from budget_gate.domain.bounds import EXACT
from budget_gate.domain.period import DAY, Period, format_instant
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.analytics import BETA, read_rows
from budget_gate.sources.api.answers import malformed, read_instant
from budget_gate.sources.api.paging import read_buckets
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Transport

ANALYTICS: Final = "/v1/organizations/analytics/cost"
COST_REPORT: Final = "/v1/organizations/cost_report"

# The statuses by which the API says that it does not serve this route to this credential.
_REFUSALS = (400, 403, 404)
_DIMENSIONS = ("workspace_id", "model", "service_tier", "cost_type")
# Clocks differ a little, and so do the machines of the API.
_TOLERANCE: Final = timedelta(minutes=5)
# How long the cost report may take to have all of a day.
_LAG: Final = timedelta(hours=24)
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,30})?", re.ASCII)


def read_bill(transport: Transport, period: Period, now: datetime) -> Bill:
    """What was billed for the days of `period` that are settled.

    `period` is whole UTC days, `now` the local time. The cost analytics are asked and, where that
    route is refused, the cost report. Raises UnverifiedError where neither tells the costs, or
    where one tells them in part.
    """
    query = [
        ("starting_at", format_instant(period.start)),
        ("ending_at", format_instant(period.end)),
        ("time_bucket_width", "1d"),
        ("limit", "1000"),
        # Pages in the order of time: that of amounts could change between two of them.
        ("order_by", "time"),
        ("order", "asc"),
        *(("group_by[]", name) for name in _DIMENSIONS),
    ]
    try:
        first = transport.get(ANALYTICS, query, beta=BETA)
    except RefusedError as refused:
        if refused.status not in _REFUSALS:
            raise
        return _read_cost_report(transport, period, refused, now)
    return _read_analytics(transport, period, query, first, now)


def _read_analytics(
    transport: Transport, period: Period, query: list[tuple[str, str]], answer: Any, now: datetime
) -> Bill:
    where = f"GET {ANALYTICS}"
    rows, refreshed = read_rows(transport, ANALYTICS, query, answer, what="costs")
    charges: dict[tuple[object, ...], Charge] = {}
    for row in rows:
        charge = _analytics_charge(row, period, where)
        if charge[:5] in charges:
            raise malformed(where, "it contains a cost twice")
        charges[charge[:5]] = charge
    # Differences have no end, where a sum might lie beyond the calendar.
    if refreshed - now > (transport.clock_difference or timedelta(0)) + _TOLERANCE:
        raise malformed(where, "it contains costs of the future")
    # A day is settled when the data reaches past its end, not merely up to it.
    ended = sum(refreshed > day + DAY for day in period.steps(DAY))
    through = period.start.date() + ended * DAY
    settled = tuple(charge for charge in charges.values() if charge.day < through)
    return Bill(settled, period.start.date(), through, "analytics")


def _analytics_charge(row: Any, period: Period, where: str) -> Charge:
    match row:
        case {"starting_at": start, "ending_at": end, "group": dict(group), "cost": dict(cost)}:
            day = _day(start, end, period, where)
            return _charge(group, cost, day, where)
        case _:
            raise malformed(where, "a row is not one of a cost")


def _day(start: Any, end: Any, period: Period, where: str) -> date:
    first, last = (read_instant(value, "a row's time", where) for value in (start, end))
    if last - first != DAY or (first - period.start) % DAY:
        raise malformed(where, "a row is not of one UTC day")
    if not period.start <= first < period.end:
        raise malformed(where, f"a row is of {first.date()}, which was not asked for")
    return first.date()


def _read_cost_report(
    transport: Transport, period: Period, refused: RefusedError, now: datetime
) -> Bill:
    where = f"GET {COST_REPORT}"
    query = [
        ("starting_at", format_instant(period.start)),
        ("ending_at", format_instant(period.end)),
        ("bucket_width", "1d"),
        ("limit", "31"),
        ("group_by[]", "workspace_id"),
        ("group_by[]", "description"),
    ]
    charges: list[Charge] = []
    try:
        for bucket in read_buckets(transport, COST_REPORT, query, period, DAY):
            told: set[str] = set()
            for row in bucket.rows:
                if not isinstance(row, dict):
                    raise malformed(where, "a row is not an object")
                charge = _charge(row, row, bucket.start.date(), where)
                # Rows that are alike in all but the amount may differ in what the report does not
                # tell; two of one amount, to all its decimals, are one.
                text = repr(sorted(row.items()))
                if text in told and charge.amount:
                    raise malformed(where, "it contains a cost twice")
                told.add(text)
                charges.append(charge)
    except RefusedError as again:
        if again.status not in _REFUSALS:
            raise
        raise UnverifiedError(
            f"billed cost cannot be read: the API refused it twice ({refused.status}, "
            f"{again.status})",
            again.hint
            if again.is_explained
            else "use a credential that may read costs, or judge list cost (spend.basis: list)",
            f"{refused.trace}; {again.trace}",
            code="no_billed_cost",
        ) from None
    # This report does not say how fresh it is, and costs come in up to a day late.
    ahead = max(transport.clock_difference or timedelta(0), timedelta(0))
    ended = sum(day + DAY - now <= ahead - _LAG for day in period.steps(DAY))
    through = period.start.date() + ended * DAY
    settled = tuple(charge for charge in charges if charge.day < through)
    return Bill(settled, period.start.date(), through, "cost_report")


def _charge(group: dict[str, Any], cost: dict[str, Any], day: date, where: str) -> Charge:
    cost_type = group.get("cost_type")
    if not isinstance(cost_type, str) or not cost_type:
        raise malformed(where, "a row has no kind of cost")
    names = [group.get(name) for name in ("workspace_id", "model", "service_tier")]
    if any(name is not None and (not isinstance(name, str) or not name) for name in names):
        raise malformed(where, "a dimension is not a name")
    workspace, model, tier = names
    return Charge(workspace, day, cost_type, model, tier, _usd(cost, where), _list_usd(cost))


def _usd(cost: dict[str, Any], where: str) -> Decimal:
    """The exact USD of an amount, which is told in cents."""
    amount, currency = cost.get("amount"), cost.get("currency")
    if currency != "USD":
        raise malformed(where, f"a cost is not in USD but in {str(currency)[:20]!r}")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        raise malformed(where, f"a cost is no decimal number: {str(amount)[:40]!r}")
    return EXACT.scaleb(Decimal(amount), -2)


def _list_usd(cost: dict[str, Any]) -> Decimal | None:
    """The exact USD of an amount before discounts; None without one that can be read.

    No spend is made of it: it says why an amount is what it is, so that nothing fails without it.
    """
    amount = cost.get("list_amount")
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        return None
    return EXACT.scaleb(Decimal(amount), -2)
