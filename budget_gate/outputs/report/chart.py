"""The chart of a step summary: the month's spend, its forecast and the cap, in Mermaid."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Final

from budget_gate.domain.bounds import NOTHING, ZERO, Bounds
from budget_gate.domain.verdict.report import Report

# The colours are legible on white and on black, and the page shows through behind them.
_LOOK: Final = (
    '%%{{init: {{"xyChart": {{"height": 320}}, "themeVariables": {{"xyChart": '
    '{{"backgroundColor": "transparent", "plotColorPalette": "{}"}}}}}}}}%%'
)
_FORECAST, _LIST, _SETTLED, _CAP = "#b8c0cc", "#9ecae9", "#4c78a8", "#d62728"
# Above the highest point, so that a line there is seen.
_HEADROOM: Final = Decimal("1.05")
# An axis ends at one of these times a power of ten.
_ROUND: Final = tuple(map(Decimal, ("1", "1.2", "1.5", "2", "2.5", "3", "4", "5", "6", "8", "10")))


def chart(report: Report, cost: str) -> list[str]:
    """The spend of the month, added up day by day, against the global cap where there is one.

    `cost` names what is shown. Days that are billed, and days to come, have colours of their own.
    """
    days = report.days
    if not days or report.spend is None:
        return []
    sums = list(accumulate((row.spend for row in days), Bounds.plus, initial=NOTHING))[1:]
    spent = [total.high if total.is_limited else total.low for total in sums]
    settled = [row.basis == "billed" for row in days]
    ahead = _ahead(report, spent[-1])
    rows, colours = _bars(spent, settled)
    if ahead:
        rows, colours = [[*spent, *ahead], *rows], [_FORECAST, *colours]
    cap = report.cap
    top = max(*spent, *ahead, cap or ZERO, Decimal("0.01"), key=Decimal)
    count = len(spent) + len(ahead)
    first = days[0].day.day
    lines = [
        "```mermaid",
        _LOOK.format(", ".join([*colours, _CAP])),
        "xychart-beta",
        f'    title "{_title(report, cost, settled, has_forecast=bool(ahead))}"',
        f"    x-axis [{', '.join(map(str, range(first, first + count)))}]",
        f'    y-axis "USD" 0 --> {_point(_round_end(top * _HEADROOM))}',
        *(f"    bar [{', '.join(map(_point, row))}]" for row in rows),
    ]
    if cap is not None:
        lines.append(f"    line [{', '.join([_point(cap)] * count)}]")
    return ["\n".join([*lines, "```"])]


def _title(report: Report, cost: str, settled: Sequence[bool], *, has_forecast: bool) -> str:
    limit = ""
    if report.spend and not report.spend.is_exact:
        limit = ", upper bound" if report.spend.is_limited else ", lower bound"
    billed = sum(settled)
    late = report.coverage and report.coverage.doubted_days
    rest = "list cost on the others" if late else "then list cost"
    parts = f": {billed} settled days, {rest}" if 0 < billed < len(settled) else ""
    forecast = "; forecast in grey" if has_forecast else ""
    return f"Cumulative {cost.lower()}, {report.month.day:%B %Y} (USD{limit}){parts}{forecast}"


def _ahead(report: Report, spent: Decimal) -> list[Decimal]:
    """The days to come as they are forecast, from what is `spent` on; none without a forecast."""
    forecast = next((it.forecast for it in report.budgets if it.id == "global"), None)
    if forecast is None or report.spend is None:
        return []
    # The bars go on from the end of the range that those before show.
    above = spent - report.spend.middle
    return [max(spent, total + above) for total in forecast.path[1:]]


def _bars(
    sums: Sequence[Decimal], settled: Sequence[bool]
) -> tuple[list[list[Decimal]], list[str]]:
    """One row of bars or, where some days are settled and others not, one over the other."""
    if not any(settled) or all(settled):
        return [list(sums)], [_SETTLED]
    over = [
        amount if is_settled else ZERO for amount, is_settled in zip(sums, settled, strict=True)
    ]
    return [list(sums), over[: len(over) - settled[::-1].index(True)]], [_LIST, _SETTLED]


def _round_end(top: Decimal) -> Decimal:
    """The end of the axis: a round number at or above the highest point."""
    scale = Decimal(1).scaleb(top.adjusted())
    return next(step * scale for step in _ROUND if step * scale >= top)


def _point(amount: Decimal) -> str:
    return f"{amount:.2f}"
