"""The most that is known to be spent in the month, from run to run: later spend is not below it."""

from dataclasses import replace

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.evidence import EarlierReport, are_different
from budget_gate.domain.period import MonthToDate, format_instant
from budget_gate.domain.report import BudgetResult, KnownSpend, Report
from budget_gate.domain.spend import Note


def hold_against(report: Report, month: MonthToDate, earlier: EarlierReport) -> Report:
    """`report`, with a note where its spend is below what was known before.

    Usage does not fall. At the same prices a part of it is missing today, so that the report is
    `unverified`, and a budget that is not breached has spent at least what it says. At other
    prices, or by saved pages that leave out a part, the note only warns.
    """
    known = [it for it in _of_this_month(report, month, earlier) if it.as_of <= month.as_of]
    if not known or report.spend is None or report.prices is None or report.basis != "list":
        return report
    same = next((it for it in known if it.prices == report.prices.digest), None)
    above = same if same and same.usd > report.spend.high else known[-1]
    if above.usd <= report.spend.high:
        return report
    now, then = f"${report.spend.high:,.2f}", f"${above.usd:,.2f}"
    if now == then:
        now, then = f"${report.spend.high:,f}", f"${above.usd:,f}"
    fell = f"Spend is {now} at most, less than the {then} of {format_instant(above.as_of)}"
    if above is not same or _is_partial(report):
        why = "the prices are not known to be the same as then"
        if _is_partial(report):
            why = "saved pages leave out a part of the month"
        note = Note("warning", "spend_fell", f"{fell}: {why}.")
        return replace(report, notes=(note, *report.notes))
    note = Note(
        "error",
        "spend_fell",
        f"{fell}. Spend of a month does not fall, so a part of the usage is missing. Run the gate "
        "again later. If the amount of then was wrong, delete the last report.",
    )
    return replace(
        report,
        status="breached" if report.status == "breached" else "unverified",
        spend=Bounds(above.usd, UNLIMITED),
        budgets=tuple(map(_at_least, report.budgets)),
        notes=(note, *report.notes),
    )


def has_fallen(report: Report) -> bool:
    """Whether the report is unverified because its spend is below what was known before."""
    return any(note.code == "spend_fell" and note.level == "error" for note in report.notes)


def remember(report: Report, month: MonthToDate, earlier: EarlierReport | Note | None) -> Report:
    """`report` with what is known to be spent, for the run after this one: the most by each prices.

    What an `earlier` report knew outlasts every run that knows less: outages, spend that fell,
    pages that leave out a part.
    """
    known: dict[str | None, KnownSpend] = {}
    if isinstance(earlier, EarlierReport):
        known = {it.prices: it for it in _of_this_month(report, month, earlier)}
    is_whole = not (has_fallen(report) or _is_partial(report))
    if report.spend and report.spend.is_limited and report.prices and is_whole:
        own = KnownSpend(report.spend.low, report.as_of, report.organization, report.prices.digest)
        before = known.get(own.prices)
        if report.basis == "list" and (before is None or own.usd >= before.usd):
            whose = own.organization or (before.organization if before else None)
            known[own.prices] = replace(own, organization=whose)
    return replace(report, known_spend=tuple(sorted(known.values(), key=lambda it: it.as_of)))


def _of_this_month(report: Report, month: MonthToDate, earlier: EarlierReport) -> list[KnownSpend]:
    """What the earlier report knows of this month and organization, the latest last."""
    if earlier.month != month.period.start:
        return []
    return [it for it in earlier.known if not are_different(it.organization, report.organization)]


def _at_least(budget: BudgetResult) -> BudgetResult:
    if budget.status == "breached":
        return budget
    return replace(
        budget,
        spend=Bounds(budget.spend.low, UNLIMITED),
        status="uncertain",
        reason="a part of the usage is missing, so spend may be above the cap",
        forecast=None,
        pace=None,
    )


def _is_partial(report: Report) -> bool:
    return any(note.code == "partial" for note in report.notes)
