"""The verdict as a badge: the JSON that an endpoint badge of shields.io is made from."""

import json
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import Bounds, minus
from budget_gate.domain.notes import exact_usd
from budget_gate.domain.period import on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.outputs.amounts import distinct, usd
from budget_gate.outputs.escaping import dumped, plain
from budget_gate.outputs.report.headline import caveats, state
from budget_gate.outputs.report.sentences import measures

_LABEL: Final = "Claude spend"
_NAME_LENGTH: Final = 40
_WHOLE: Final = Decimal(100)
_GREEN: Final = "brightgreen"
_GREY: Final = "lightgrey"
_COLOURS: Final[dict[Status, str]] = {
    "warning": "yellow",
    "uncertain": "orange",
    "breached": "red",
    "unverified": _GREY,
}


def render_badge(report: Report, exit_code: int) -> str:
    """The badge of a run that ends in `exit_code`, with the day that it is of.

    It is green where the run ends in 0 and every budget is ok, with nothing left out or waived.
    """
    if report.status == "ok" and exit_code:
        return render_no_verdict()
    deciding = [it for it in report.budgets if it.decides]
    rest = len(report.budgets) - len(deciding)
    is_partial = any(note.code == "partial" for note in report.notes)
    words = [
        "" if report.enforced else "not enforced",
        "partial" if is_partial else "",
        state(report.status),
        "see notes" if caveats(report) else "",
    ]
    told = _amounts(report, deciding)
    told = f": {told}" if told else ""
    left_out = f", {rest} not checked" if rest else ""
    is_green = report.status == "ok" and report.enforced and not (rest or is_partial)
    return _badge(
        f"{', '.join(filter(None, words))}{told}{left_out} ({_when(report)})",
        _GREEN if is_green else _COLOURS.get(report.status, "yellow"),
    )


def render_no_verdict() -> str:
    """The badge of a run that came to no verdict."""
    return _badge("no verdict", _GREY)


def is_badge(text: str) -> bool:
    """Whether a text is a badge of this program, which another one may take the place of."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and (read.get("schemaVersion"), read.get("label")) == (1, _LABEL)


def _badge(message: str, colour: str) -> str:
    document = {"schemaVersion": 1, "label": _LABEL, "message": message, "color": colour}
    # Of an error, no address of a badge can choose the colour.
    return dumped(document | ({} if colour == _GREEN else {"isError": True})) + "\n"


def _amounts(report: Report, deciding: list[BudgetResult]) -> str:
    """What was spent of which cap: the organization's or, where not all is ok, the worst one."""
    if report.status == "unverified":
        return ""
    worst = [it for it in deciding if it.status == report.status]
    if report.status == "ok":
        worst = [it for it in worst if it.id == "global"]
    if not worst:
        return _range(report.spend, None) if report.spend else ""
    first = worst[0]
    name = "" if first.id == "global" else f"{plain(first.name, _NAME_LENGTH)} "
    amount, cap = first.measured
    reserved = ""
    if first.reserved and first.cause in ("cap", "daily_cap"):
        # What is reserved was not spent.
        amount = Bounds(*(minus(end, first.reserved) for end in amount))
        reserved = f" + {_short(first.reserved, None)} reserved"
    of = f" of {exact_usd(cap)}" if cap is not None else ""
    more = f" and {len(worst) - 1} more" if len(worst) > 1 else ""
    return f"{name}{_range(amount, cap)}{reserved}{of}{measures(first)[1]}{more}"


def _range(spend: Bounds, cap: Decimal | None) -> str:
    low = _short(spend.low, cap)
    if not spend.is_limited:
        return f"at least {low}"
    high = _short(spend.high, cap)
    return low if low == high else f"{low} to {high}"


def _short(amount: Decimal, cap: Decimal | None) -> str:
    """In whole dollars where these are enough: from $100 on, and on the right side of the cap."""
    whole = distinct(amount, cap, 0)
    return f"${whole}" if amount >= _WHOLE and "." not in whole else usd(amount, cap)


def _when(report: Report) -> str:
    """The day of what is told, by which an old badge is seen to be old, or the whole month."""
    if report.month.is_whole:
        return f"{report.month.day:%B %Y}"
    return on_day((report.evidence_as_of or report.as_of).date())
