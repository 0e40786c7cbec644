"""How amounts, percentages and the verdict read: the only place where anything is rounded."""

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.clock import time_judged
from budget_gate.domain.period import DAY, format_instant
from budget_gate.domain.report import BudgetResult, DailySpend, Report
from budget_gate.domain.spend import Coverage, Note

# Wide enough for every amount; what it divides is shown, never compared.
_ROUNDING = Context(prec=400, rounding=ROUND_HALF_EVEN)
_RATIOS = Context(prec=60, rounding=ROUND_HALF_EVEN)

_MOST_PLACES = 30
_NAMED = 3
_TOLD_FIRST = ("fixed_time", "month_before_over")
_CAVEATS = frozenset({"deep_discount", "below_list", "large_exception"})
NAME_LENGTH = 60
MESSAGE_LENGTH = 600

Escape = Callable[[str], str]


def plain(text: str, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line: no control, no invisible or direction mark, at most `length` long."""
    if len(text) > length:
        text = text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if not text.isprintable():
        shown = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
        text = "".join(shown)
    # GitHub's runner takes `##[` for a command wherever it stands in a line of a log.
    return text.replace("##[", "# #[")


def usd(amount: Decimal, against: Decimal | None = None) -> str:
    """`$1,234.56`: to the cent, half to even, or finer where it would read as equal to `against`.

    An amount that is not known to be limited reads `unknown`.
    """
    if amount == UNLIMITED:
        return "unknown"
    return f"${_distinct(amount, against, 2)}"


def usd_range(bounds: Bounds, against: Decimal | None = None) -> str:
    """An amount, or from where to where it may lie."""
    low = usd(bounds.low, against)
    if bounds.is_exact:
        return low
    if not bounds.is_limited:
        return f"at least {low}"
    high = usd(bounds.high, against)
    return low if low == high else f"{low} to {high}"


def percent(budget: BudgetResult) -> str:
    """The share of its cap that a budget has used, `68.2%` or `up to 68.2%`; a dash for none."""
    share = used(budget)
    if share is None:
        return "\N{EN DASH}"
    shown = f"{_distinct(share.scaleb(2, _RATIOS), Decimal(100), 1)}%"
    return shown if budget.spend.is_exact else f"up to {shown}"


def share_of(amount: Decimal, whole: Decimal) -> str:
    """An amount as a percentage of a whole, with its sign, such as `-10.0%`; empty for no whole."""
    if not whole:
        return ""
    share = _rounded(_RATIOS.divide(amount, whole).scaleb(2, _RATIOS), 1)
    return f"{share:+,f}%" if share else "0.0%"


def used(budget: BudgetResult) -> Decimal | None:
    """The ratio of the highest possible spend to the cap; None where there is no such ratio."""
    if not budget.cap or not budget.spend.is_limited:
        return None
    return _RATIOS.divide(budget.spend.high, budget.cap)


def ratio(budget: BudgetResult) -> str | None:
    """`used` with 4 decimals, or more where it would read as exactly at the cap."""
    share = used(budget)
    return None if share is None else _distinct(share, Decimal(1), 4).replace(",", "")


def _spent_of_daily_cap(daily: DailySpend, reserved: Decimal, cost: str) -> str:
    spend = f"{usd_range(daily.spend, daily.cap)} today ({cost})"
    cap = usd(daily.cap, daily.cap)
    if daily.spend.low <= daily.cap < daily.spend.low + reserved:
        return f"{spend}, {_over(daily.spend, reserved, daily.cap)} its daily cap of {cap}"
    return f"{spend} of its daily cap of {cap}"


def _over(spend: Bounds, reserved: Decimal, cap: Decimal) -> str:
    """`which is $212.40 over`, or `which with $8.00 reserved is at least $0.01 over`."""
    beside = f" with {usd(reserved, Decimal(0))} reserved" if reserved else ""
    least = "" if spend.is_exact else "at least "
    over = _ROUNDING.subtract(_ROUNDING.add(spend.low, reserved), cap)
    return f"which{beside} is {least}{usd(over, Decimal(0))} over"


def cost_name(report: Report) -> str:
    """What the amounts of a report are: `list cost`, `billed cost`, or how much of each."""
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "list":
        return "list cost"
    if not billed:
        return "list cost: no day is settled yet"
    rest = len(report.days) - billed
    if not rest:
        return "billed cost"
    return f"billed cost for {billed} day{'' if billed == 1 else 's'}, list cost for {rest}"


def price_basis(report: Report) -> str:
    """What a cost stands for, such as `list prices less 10%, own prices for 2 models`."""
    if report.prices is None:
        return ""
    text = "list prices"
    if report.prices.discount:
        text += f" less {exact(report.prices.discount * 100)}%"
    own = len(report.prices.overrides)
    if own:
        text += f", own prices for {own} model{'' if own == 1 else 's'}"
    billed = report.coverage.billed_days if report.coverage else 0
    if report.basis == "billed" and not billed:
        return f"{text}, as no day is settled yet"
    return f"billed cost for {settled_days(billed)}, {text} for the rest" if billed else text


def covered_days(coverage: Coverage) -> str:
    """How many days are in the report: `19 closed days and today`."""
    days = coverage.closed_days
    today = " and today so far" if coverage.open_day else ""
    return f"{days} closed day{'' if days == 1 else 's'}{today}"


def settled_days(count: int) -> str:
    """`1 settled day`, `19 settled days`."""
    return f"{count} settled day{'' if count == 1 else 's'}"


def exact(amount: Decimal) -> str:
    """The exact digits of an amount, without an exponent or trailing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _distinct(amount: Decimal, against: Decimal | None, places: int) -> str:
    """`amount` rounded to `places`, or to as many as it takes to stay on its side of `against`."""
    rounded = _rounded(amount, places)
    if against is not None:
        while rounded.compare(against) != amount.compare(against) and places < _MOST_PLACES:
            places += 1
            rounded = _rounded(amount, places)
    return f"{rounded:,f}"


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)


def headline(report: Report, policy: str, *, name: Escape, prose: Escape) -> str:
    """The verdict in one sentence and, where something is to be done, a second that says what.

    `name` and `prose` escape a third party's name and sentence for the place it goes to;
    `policy` is the policy file as the caller shows it.
    """
    text = _verdict(report, policy, name, prose)
    idle = _nothing_unlisted(report)
    if idle:
        text = f"{text} {idle.message}"
    if report.evidence_as_of:
        then = format_instant(report.evidence_as_of)
        text = f"BY THE REPORT OF {then}, as spend cannot be established now. {text}"
    if any(note.code == "partial" for note in report.notes):
        text = f"PARTIAL (saved pages leave out a part of the month). {text}"
    text = " ".join([text, *(prose(note.message) for note in caveats(report))])
    if not report.enforced:
        why = "fail-on is never" if report.status == "breached" else "on-error is warn"
        text = f"UNENFORCED ({why}). {text}"
    if report.judged_at or report.month.is_whole:
        text = f"{time_judged(report.month, report.judged_at)}: {text}"
    return text


def told_first(report: Report) -> list[Note]:
    """Warnings of a time or month that a reader may not think of: they stand in the open."""
    return [note for note in report.notes if note.code in _TOLD_FIRST]


def _verdict(report: Report, policy: str, name: Escape, prose: Escape) -> str:
    worst = [it for it in report.budgets if it.decides and it.status == report.status]
    first = worst[0] if worst else None
    if report.status == "unverified" or (first is None and report.status != "ok"):
        reason = told_reason(report)
        return f"Not verified: {prose(reason.message)}" if reason else "Not verified."
    if first is None or report.status == "ok":
        total = usd_range(report.spend) if report.spend else usd(Decimal(0))
        cost = cost_name(report)
        when = "that" if report.judged_at or report.month.is_whole else "this"
        spent = f"Within budget: {total} spent {when} month ({cost})"
        if _nothing_unlisted(report) and not any(budget.decides for budget in report.budgets):
            return f"{spent}."
        here = "" if all(budget.decides for budget in report.budgets) else " enforced here"
        return f"{spent}, and every cap{here} holds."
    so_much = spent_of_cap(first, cost_name(report))
    spent = f"{name(first.name)} has spent {so_much}{_others(worst, name)}."
    remedy = _remedy(first, policy)
    if report.month.is_whole and report.status in ("breached", "warning"):
        verdict = "Budget breached" if report.status == "breached" else "Warning"
        return f"{verdict}: {spent} The month has ended: to accept that, {remedy}."
    match report.status:
        case "breached":
            return f"Budget breached: {spent} Stop what spends it, or {remedy}."
        case "uncertain":
            cause = "not all that the price depends on is told: see the notes"
            if any(note.code == "unpriced_bounded" for note in report.notes):
                cause = "some usage has no price: see the notes"
            return f"Not decided: {spent} The cap lies within that range, as {cause}."
        case _:
            possible = first.cap is not None and first.spend.high > first.cap
            verdict = "Perhaps above budget" if possible else "Warning"
            if first.cap and not first.spend.high:
                return f"{verdict}: {name(first.name)}: {first.reason}. Correct it in {policy}."
            return f"{verdict}: {spent} Slow what spends it, or {remedy}."


def _nothing_unlisted(report: Report) -> Note | None:
    return next((note for note in report.notes if note.code == "nothing_unlisted"), None)


def _others(worst: Sequence[BudgetResult], name: Escape) -> str:
    named = [name(budget.name) for budget in worst[1:_NAMED]]
    rest = len(worst) - _NAMED
    more = [f"{rest} more"] if rest > 0 else []
    return f" (likewise {' and '.join([', '.join(named), *more])})" if named else ""


def _remedy(budget: BudgetResult, policy: str) -> str:
    if budget.id.startswith("unlisted."):
        return f"give it a cap of its own under workspaces in {policy}"
    what = "daily cap" if budget.cause in ("daily_cap", "yesterday") else "cap"
    return f"raise the {what} in {policy}, line {budget.line}"


def caveats(report: Report) -> list[Note]:
    """What of the policy makes spend look small or a cap look large: a verdict is told with it."""
    return [note for note in report.notes if note.code in _CAVEATS]


def other_notes(report: Report) -> list[Note]:
    """The notes that the headline does not tell."""
    told = [told_reason(report), *caveats(report)]
    return [note for note in report.notes if note not in told]


def told_reason(report: Report) -> Note | None:
    """The note that the headline of an unverified report tells."""
    if report.status != "unverified":
        return None
    return next((note for note in report.notes if note.level == "error"), None)


def spent_of_cap(budget: BudgetResult, cost: str) -> str:
    """`$2,712.40 (list cost), which is $212.40 over its cap of $2,500.00`, or the like."""
    spend = f"{usd_range(budget.spend, budget.cap)} ({cost})"
    if budget.cap is None:
        return f"{spend} without a cap"
    cap = usd(budget.cap, budget.cap)
    if budget.exception:
        cap += f", an exception until {budget.exception.until}"
    if budget.cause == "yesterday" and budget.daily and budget.daily.yesterday:
        then, limit = budget.daily.day - DAY, usd(budget.daily.cap, budget.daily.cap)
        amount = usd_range(budget.daily.yesterday, budget.daily.cap)
        return f"{amount} yesterday, {then:%b} {then.day} ({cost}), of its daily cap of {limit}"
    if budget.cause == "daily_cap" and budget.daily:
        return _spent_of_daily_cap(budget.daily, budget.reserved, cost)
    if budget.cause == "forecast" and budget.forecast:
        expected = usd(budget.forecast.expected, budget.cap)
        return (
            f"{spend} and is expected to reach {expected} by the end of the month, over its cap "
            f"of {cap}"
        )
    if budget.status == "breached" and budget.spend.low <= budget.cap:
        return f"{spend}, {_over(budget.spend, budget.reserved, budget.cap)} its cap of {cap}"
    if budget.status == "breached":
        return f"{spend}, {_over(budget.spend, Decimal(0), budget.cap)} its cap of {cap}"
    share = percent(budget)
    return f"{spend} of its cap of {cap}" + (f" ({share})" if used(budget) is not None else "")
