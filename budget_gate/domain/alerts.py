"""What rises faster than the policy's alerts allow: each a warning with its numbers and drivers."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import EXACT, NOTHING, Bounds, minus, plus, sum_of, times
from budget_gate.domain.costs import Days
from budget_gate.domain.movers import Mover, Places, Watched, quotient
from budget_gate.domain.notes import Note, usd
from budget_gate.domain.period import WEEK, MonthToDate
from budget_gate.domain.policy.scoping import ScopedBudget
from budget_gate.domain.policy.warnings import Alerts, Rise
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.verdict.results import BudgetResult

Kind = Literal["week_over_week", "daily", "forecast"]

# The code of a note that some alerts were not checked.
UNCHECKED: Final = "alerts_unchecked"

ORGANIZATION: Final = "organization"
# So many alerts are told one by one.
_NOTED: Final = 10
# So many of a weekday are averaged: as far back as spend is read.
_WEEKS: Final = 4
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _MICROSECOND
_ONE: Final = Decimal(1)


class Alert(NamedTuple):
    """A rise of a budget, or of the organization, above what the policy allows.

    `budget` is the budget's id, or `organization`. `now` and `before` are USD: a day for a week,
    today so far, or the expected month-end and the cap. `message` is for people.
    """

    kind: Kind
    budget: str
    now: Decimal
    before: Decimal
    movers: tuple[Mover, ...]
    message: str

    @property
    def key(self) -> str:
        """What it is about, the same in every run."""
        return f"{self.kind} {self.budget}"

    @property
    def note(self) -> Note:
        """The alert as a note."""
        return Note("warning", f"alert_{self.kind}", self.message)


def alerts(
    rules: Alerts,
    spend: Spend,
    scoped: Sequence[ScopedBudget],
    judged: Sequence[BudgetResult],
    *,
    month: MonthToDate,
    workspaces: Mapping[str | None, Workspace],
) -> tuple[Alert, ...]:
    """The alerts of the budgets `scoped`, which were `judged`, the largest rises first.

    Only those that decide are watched. Where all do and none is of the organization, that is
    watched as a whole. Of costs that are ranges, a rise counts where it is sure. None of a month
    that has ended.
    """
    if month.is_whole:
        return ()
    deciding = [it for it in judged if it.decides]
    ids = {it.id for it in deciding}
    watched = [
        Watched(it.id, it.name, {**it.history, **it.days}, it.workspaces, it.models)
        for it in scoped
        if it.budget and it.id in ids
    ]
    if len(deciding) == len(judged) and "global" not in ids:
        days: dict[date, Bounds] = defaultdict(lambda: NOTHING)
        for line in (*(spend.history or ()), *spend.lines):
            days[line.day] = days[line.day].plus(line.cost)
        watched.append(Watched(ORGANIZATION, ORGANIZATION, days))
    places = Places(spend, workspaces)
    found = [
        *_weekly(rules.week_over_week, watched, places, month),
        *_daily(rules.daily, watched, places, month),
    ]
    found.sort(key=lambda it: (minus(it.before, it.now), it.budget))
    return (*found, *_by_forecast(rules, deciding, month))


def notes_of(found: Sequence[Alert]) -> Iterator[Note]:
    """The first alerts as notes, and how many more there are: a new cause may raise everything."""
    yield from (alert.note for alert in found[:_NOTED])
    rest = len(found) - _NOTED
    if rest > 0:
        message = f"{rest} more {'alert is' if rest == 1 else 'alerts are'} in the JSON report."
        yield Note("warning", "alerts_more", message)


def unchecked(rules: Alerts, spend: Spend, month: MonthToDate) -> Iterator[Note]:
    """A warning where alerts need days that could not be read."""
    if spend.history is not None:
        return
    first = month.period.start.date()
    needed = {
        "week_over_week": rules.week_over_week and _back(month, 2 * WEEK) < first,
        "daily": rules.daily and _back(month, _WEEKS * WEEK) < first,
    }
    names = [name for name, is_needed in needed.items() if is_needed]
    if names:
        message = (
            f"The days before the month could not be read, so nothing was checked by these alerts "
            f"of the policy: {', '.join(names)}."
        )
        yield Note("warning", UNCHECKED, message)


def _weekly(
    rule: Rise | None, watched: Sequence[Watched], places: Places, month: MonthToDate
) -> Iterator[Alert]:
    if rule is None or not _is_known(places.spend, month, 2 * WEEK):
        return
    last, before = (_days(month, back, WEEK) for back in (WEEK, 2 * WEEK))
    for it in watched:
        now, then = _sum(it.days, last).low, _sum(it.days, before).high
        if not _has_risen(now, then, rule, WEEK):
            continue
        movers = places.movers(it, last, before, weights=(_ONE, _ONE), divisor=Decimal(WEEK))
        per_day = [quotient(amount, Decimal(WEEK)) for amount in (now, then)]
        message = (
            f"{it.name} spent {usd(per_day[0])} a day in the last 7 full days{_more(now, then)} "
            f"in the 7 days before ({usd(per_day[1])} a day).{_mostly(movers, ' a day')}"
        )
        yield Alert("week_over_week", it.id, per_day[0], per_day[1], movers, message)


def _daily(
    rule: Rise | None, watched: Sequence[Watched], places: Places, month: MonthToDate
) -> Iterator[Alert]:
    if rule is None or not _is_known(places.spend, month, _WEEKS * WEEK):
        return
    today = month.as_of.date()
    same = [today - timedelta(days=WEEK * back) for back in range(1, _WEEKS + 1)]
    elapsed = (month.as_of - month.last_days(0).end) // _MICROSECOND
    # Both sides times what they are divided by, as no quotient is exact.
    whole, part = Decimal(_WEEKS * _DAY), Decimal(elapsed)
    for it in watched:
        now, usual = _sum(it.days, [today]).low, _sum(it.days, same).high
        # Of no known bound, no part is known either.
        if not usual.is_finite():
            continue
        if not _has_risen(times(now, whole), times(usual, part), rule, _WEEKS * _DAY):
            continue
        so_far = quotient(times(usual, part), whole)
        movers = places.movers(it, [today], same, weights=(whole, part), divisor=whole)
        message = (
            f"{it.name} has spent {usd(now)} today by {month.as_of:%H:%M} UTC"
            f"{_more(times(now, whole), times(usual, part))} on an average {today:%A} by then "
            f"({usd(so_far)}).{_mostly(movers, '')}"
        )
        yield Alert("daily", it.id, now, so_far, movers, message)


def _by_forecast(
    rules: Alerts, judged: Sequence[BudgetResult], month: MonthToDate
) -> Iterator[Alert]:
    if rules.forecast is None:
        return
    for budget in judged:
        end, cap = budget.forecast, budget.cap
        # What crosses its cap is told by the budget itself.
        if end is None or not cap or end.crosses_on:
            continue
        if end.expected > times(rules.forecast.above, cap):
            share = int(quotient(times(end.expected, Decimal(100)), cap))
            message = (
                f"{budget.name} is expected to spend {usd(end.expected)} by the end of "
                f"{month.day:%B}, {share}% of its cap ({usd(cap)})."
            )
            yield Alert("forecast", budget.id, end.expected, cap, (), message)


def _is_known(spend: Spend, month: MonthToDate, days: int) -> bool:
    return spend.history is not None or _back(month, days) >= month.period.start.date()


def _back(month: MonthToDate, days: int) -> date:
    return month.as_of.date() - timedelta(days=days)


def _days(month: MonthToDate, back: int, count: int) -> list[date]:
    first = _back(month, back)
    return [first + timedelta(days=number) for number in range(count)]


def _sum(days: Days, chosen: Collection[date]) -> Bounds:
    known = [days[day] for day in chosen if day in days]
    return Bounds(sum_of(it.low for it in known), sum_of(it.high for it in known))


def _has_risen(now: Decimal, before: Decimal, rule: Rise, days: int) -> bool:
    """Whether there is more by the rule; both amounts are of so many days together."""
    is_above = now > times(before, plus(_ONE, rule.above))
    return is_above and minus(now, before) >= times(rule.floor, Decimal(days))


def _more(now: Decimal, before: Decimal) -> str:
    """`, 45% more than`, for `now` against `before`; of nothing there is no percentage."""
    if not before:
        return ", more than"
    rise = times(minus(now, before), Decimal(100))
    return f", {int(EXACT.divide_int(rise, before))}% more than"


def _mostly(movers: Sequence[Mover], per: str) -> str:
    told = [f"{it.model} in {it.workspace} ({usd(it.more)} more{per})" for it in movers]
    return f" Mostly {', '.join(told)}." if told else ""
