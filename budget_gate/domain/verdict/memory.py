"""The most that is known to be spent in the month, from run to run: later spend is not below it."""

from decimal import Decimal

from budget_gate.domain.bounds import NOTHING, UNLIMITED, ZERO, Bounds, minus, plus
from budget_gate.domain.notes import Note, exact_usd, usd
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.names import id_text
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.earlier import PROVEN, EarlierReport, are_different
from budget_gate.domain.verdict.report import KnownSpend, Report
from budget_gate.domain.verdict.results import BudgetResult, worst_first


def hold_against(report: Report, month: MonthToDate, earlier: EarlierReport) -> Report:
    """`report`, with a note where its spend, or that of a part, is below what was known before.

    Usage does not fall: not that of the organization, nor that of a day, a workspace or a model.
    At the same prices a part of it is missing today, so that the report is `unverified`, and a
    budget that is not breached has spent at least what it says. At other prices, or by saved pages
    that leave out a part, the note only warns. Of spend that is a range today, what was known of it
    at the same prices is the least.
    """
    known = [it for it in _of_this_month(report, month, earlier) if it.as_of <= month.as_of]
    if not known or report.spend is None or report.prices is None or report.basis != "list":
        return report
    same = next((it for it in known if it.prices == report.prices.digest), None)
    fallen = (same and _fallen(report, same)) or _fallen(report, known[-1]._replace(parts={}))
    if fallen is None:
        return _raised(report, same) if same and not _is_partial(report) else report
    what, then, now, above = fallen
    amounts = [usd(amount) for amount in (now, then)]
    if amounts[0] == amounts[1]:
        amounts = [exact_usd(amount) for amount in (now, then)]
    fell = f"{what} is at most {amounts[0]}, less than the {amounts[1]} of {in_words(above.as_of)}"
    if above is not same or _is_partial(report):
        why = "the prices are not known to be the same as then"
        if _is_partial(report):
            why = "saved pages leave out part of the month"
        note = Note("warning", "spend_fell", f"{fell}: {why}.")
        return report._replace(notes=(note, *report.notes))
    note = Note(
        "error",
        "spend_fell",
        f"{fell}. Spend of a month does not fall, so part of the usage is missing. Run the gate "
        "again later. If the earlier amount was wrong, delete the last report (where a workflow's "
        "cache keeps it: in the repository under Actions, Caches).",
    )
    return report._replace(
        status="breached" if report.status == "breached" else "unverified",
        spend=Bounds(max(above.usd, report.spend.low), UNLIMITED),
        budgets=worst_first(map(_at_least, report.budgets)),
        notes=(note, *report.notes),
    )


def _raised(report: Report, known: KnownSpend) -> Report:
    """`report` with no less than what was `known` of its spend, which is not below that."""
    budgets = tuple(_no_less(it, _known_of(it, known)) for it in report.budgets)
    least = max(known.usd, report.spend.low) if report.spend else known.usd
    if report.spend is None or (budgets == report.budgets and least == report.spend.low):
        return report
    is_breached = any(it.decides and it.status == "breached" for it in budgets)
    message = (
        f"The API reports less detail now than on {in_words(known.as_of)}: spend is at least the "
        f"{usd(least)} known then."
    )
    return report._replace(
        status="breached" if is_breached else report.status,
        spend=Bounds(least, report.spend.high),
        budgets=budgets,
        notes=(Note("info", "spend_known", message), *report.notes),
    )


def _known_of(budget: BudgetResult, known: KnownSpend) -> Decimal:
    """What was known of a budget's spend at the least."""
    scope, _, id_ = budget.id.partition(".")
    if scope == "global":
        return known.usd
    kind = {"workspaces": "workspace", "unlisted": "workspace", "models": "model"}.get(scope)
    return known.parts.get(f"{kind} {id_}", ZERO)


def _no_less(budget: BudgetResult, least: Decimal) -> BudgetResult:
    if least <= budget.spend.low:
        return budget
    raised = budget._replace(spend=Bounds(least, max(least, budget.spend.high)))
    is_over = budget.cap is not None and plus(least, budget.reserved) > budget.cap
    if not is_over or budget.status == "breached":
        return raised
    return raised._replace(status="breached", reason=PROVEN, cause="cap")


def has_fallen(report: Report) -> bool:
    """Whether the report is unverified because its spend is below what was known before."""
    return any(note.code == "spend_fell" and note.level == "error" for note in report.notes)


def remember(report: Report, month: MonthToDate, earlier: EarlierReport | Note | None) -> Report:
    """`report` with what is known to be spent, for the run after this one: the most by each prices.

    What an `earlier` report knew outlasts every run that knows less: outages, spend that fell,
    pages that leave out a part, a run of the month before or of another organization.
    """
    known = earlier.known if isinstance(earlier, EarlierReport) else ()
    known = tuple(it for it in known if it.month >= month.before.start)
    is_whole = not (has_fallen(report) or _is_partial(report))
    is_listed = report.basis == "list" and report.spend and report.spend.is_limited
    if is_listed and is_whole and report.spend and report.prices:
        start, whose = month.period.start, report.organization
        parts = {what: cost.low for what, cost in _parts(report).items()}
        prices = report.prices.digest
        own = KnownSpend(report.spend.low, report.as_of, whose, prices, start, parts)
        is_same = [_is_of(it, report, month) and it.prices == prices for it in known]
        for before in (it for it, same in zip(known, is_same, strict=True) if same):
            own = _most(own, before)
        known = (*(it for it, same in zip(known, is_same, strict=True) if not same), own)
    return report._replace(known_spend=tuple(sorted(known, key=lambda it: it.as_of)))


def _most(one: KnownSpend, other: KnownSpend) -> KnownSpend:
    """What is known by both: of every part the larger amount."""
    parts = dict(other.parts)
    for what, amount in one.parts.items():
        parts[what] = max(amount, parts.get(what, amount))
    above = one if one.usd >= other.usd else other
    return above._replace(organization=one.organization or other.organization, parts=parts)


def _fallen(report: Report, known: KnownSpend) -> tuple[str, Decimal, Decimal, KnownSpend] | None:
    """What fell most below what was `known`, in words, its USD of then and of now at most."""
    if report.spend and known.usd > report.spend.high:
        return "Spend", known.usd, report.spend.high, known
    costs = _parts(report)
    told = {part.partition(" ")[0] for part in costs}
    # What the report does not tell apart today may be of any workspace, or of any model.
    told -= {"workspace"} if any(it.id == UNATTRIBUTED for it in report.workspaces) else set()
    told -= {"model"} if any(it.id is None for it in report.models) else set()
    found = [
        (minus(usd, costs.get(part, NOTHING).high), part)
        for part, usd in known.parts.items()
        if part.partition(" ")[0] in told and usd > costs.get(part, NOTHING).high
    ]
    if not found:
        return None
    _, part = max(found)
    what = f"Spend of {part}".replace("of day ", "on ")
    return what, known.parts[part], costs.get(part, NOTHING).high, known


def _parts(report: Report) -> dict[str, Bounds]:
    """The spend of each day, workspace and model; none of them falls, either."""
    return {
        **{f"day {it.day}": it.spend for it in report.days},
        **{f"workspace {id_text(it.id)}": it.spend for it in report.workspaces},
        **{f"model {it.id}": it.spend for it in report.models if it.id},
    }


def _is_of(known: KnownSpend, report: Report, month: MonthToDate) -> bool:
    is_same = not are_different(known.organization, report.organization)
    return known.month == month.period.start and is_same


def _of_this_month(report: Report, month: MonthToDate, earlier: EarlierReport) -> list[KnownSpend]:
    """What the earlier report knows of this month and organization, the latest last."""
    return [it for it in earlier.known if _is_of(it, report, month)]


def _at_least(budget: BudgetResult) -> BudgetResult:
    if budget.status == "breached":
        return budget
    return budget._replace(
        spend=Bounds(budget.spend.low, UNLIMITED),
        status="uncertain",
        reason="a part of the usage is missing, so spend may be above the cap",
        forecast=None,
        pace=None,
    )


def _is_partial(report: Report) -> bool:
    return any(note.code == "partial" for note in report.notes)
