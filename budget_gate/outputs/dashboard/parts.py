"""The parts of the page that need no script: the verdict, the budgets, what amounts stand for."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from typing import Final

from budget_gate.domain.period import in_words, on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult, Status
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import logged, logged_name, plain
from budget_gate.outputs.report.basis import covered_days, freshness, price_basis
from budget_gate.outputs.report.causes import culprits
from budget_gate.outputs.report.headline import other_notes, plain_headline, state
from budget_gate.outputs.report.icons import ICONS
from budget_gate.outputs.report.sentences import SHOWN, details, measures, outlook, percent, why

_ANSWERS: Final[dict[Status, str]] = {
    "ok": "Within budget",
    "warning": "Within budget, with a warning",
    "uncertain": "Possibly over budget",
    "breached": "Over budget",
}

# Notes without which the verdict would mislead.
_FIRST: Final = frozenset({"old_history", "sample"})


def answer(report: Report) -> str:
    """The shortest answer to whether a budget is breached."""
    worst = [it for it in report.budgets if it.status == report.status]
    if report.status == "breached" and all(it.cause == "forecast" for it in worst):
        return "Forecast to be over budget"
    if any(it.cap is not None and it.spend.high > it.cap for it in worst):
        return "Over budget" if report.status == "breached" else "Possibly over budget"
    return _ANSWERS.get(report.status, "Spend unknown")


def verdict_part(report: Report, policy: str | None) -> str:
    """The answer, and the headline of the gate's report; without a policy, the spend alone."""
    if policy is None:
        spent = usd_range(report.spend) if report.spend else usd(Decimal(0))
        return (
            '<div class="verdict">'
            f"<h1>{escape(spent)} spent in {report.month.day:%B}</h1>"
            '<p class="headline">No policy was found, so no budget was checked.</p></div>'
        )
    icon = f'<span aria-hidden="true">{ICONS[report.status]}</span>'
    return (
        f'<div class="verdict {report.status}"><h1>{icon} {answer(report)}</h1>'
        f'<p class="headline">{escape(plain_headline(report, policy))}</p></div>'
    )


def basis_part(report: Report) -> str:
    """As of when the page is, of which days, and on which basis."""
    told = f"As of {in_words(report.as_of)}: {report.month.day:%B %Y}"
    if report.coverage:
        told += f", {covered_days(report.coverage)}"
    prices = price_basis(report)
    if report.prices and report.basis == "list":
        prices += f" as of {on_day(report.prices.verified_on)}, {report.prices.verified_on:%Y}"
    return escape(f"{told}. {prices[:1].upper()}{prices[1:]}. {freshness(report)}".rstrip())


def budgets_part(report: Report) -> str:
    """Every budget, worst first; those after the first few are folded away."""
    if not report.budgets:
        return ""
    shown = [_budget(it, report) for it in report.budgets]
    listed = _listed(shown[:SHOWN])
    if len(shown) > SHOWN:
        rest = len(shown) - SHOWN
        listed += (
            f"<details><summary>{rest} more budgets</summary>{_listed(shown[SHOWN:])}</details>"
        )
    heading = '<h2 id="budgets-heading">Budgets</h2>'
    return f'<section aria-labelledby="budgets-heading">{heading}{listed}</section>'


def first_part(report: Report) -> str:
    """What a reader must know before the verdict."""
    told = (it.message for it in report.notes if it.code in _FIRST)
    return "".join(f'<p class="first-note">{escape(plain(it))}</p>' for it in told)


def notes_part(report: Report) -> str:
    """What a reader must know besides, and what is not included."""
    notes = [it for it in other_notes(report) if it.code not in _FIRST]
    if not notes:
        return ""
    items = "".join(
        f"<li>{'' if it.level == 'info' else f'<strong>{it.level}:</strong> '}"
        f"{escape(plain(it.message))}</li>"
        for it in sorted(notes, key=lambda it: it.level == "info")
    )
    heading = '<h2 id="notes-heading">What these numbers hold, and what they do not</h2>'
    listed = f'<ul class="notes">{items}</ul>'
    return f'<section aria-labelledby="notes-heading">{heading}{listed}</section>'


def _listed(items: Sequence[str]) -> str:
    return f'<ul class="budgets">{"".join(items)}</ul>'


def _budget(budget: BudgetResult, report: Report) -> str:
    amount, cap = budget.measured
    spent, limit = measures(budget)
    of_cap = "no cap: any spend warns"
    if cap is not None:
        of_cap = f"{usd_range(amount, cap)}{spent} of {usd(cap, cap)}{limit} ({percent(budget)})"
    lines = "".join(f'<p class="quiet">{escape(line)}</p>' for line in _below(budget, report))
    icon = f'<span aria-hidden="true">{ICONS[budget.status]}</span>'
    return (
        f'<li class="{budget.status}"><p class="first"><strong>{escape(_name(budget))}</strong>'
        f'<span class="state">{icon} {state(budget.status)}</span></p>'
        f"{_bar(budget)}<p>{escape(of_cap)}</p>{lines}</li>"
    )


def _name(budget: BudgetResult) -> str:
    kind, _, rest = budget.id.partition(".")
    name = logged_name(budget.name) or " "
    return {"groups": f"group {name}", "models": f"model {name}"}.get(kind if rest else "", name)


def _below(budget: BudgetResult, report: Report) -> Iterator[str]:
    if budget.status != "ok":
        yield from filter(None, [why(budget), *culprits(budget, report, logged_name)])
    yield from filter(None, [outlook(budget, report), *details(budget, report, logged)])


def _bar(budget: BudgetResult) -> str:
    """The share of the cap that is surely used, and behind it what may be used besides."""
    low, high = (_width(end, budget.measured[1]) for end in budget.measured[0])
    return (
        '<svg class="bar" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="1000" height="8"/>'
        f'<rect class="high" width="{high}" height="8"/>'
        f'<rect class="low" width="{low}" height="8"/></svg>'
    )


def _width(amount: Decimal, cap: Decimal | None) -> int:
    """How much of the bar an amount fills, in thousandths: all of it from the cap on."""
    if not cap or amount >= cap:
        return 1000 if amount else 0
    return int(amount * 1000 / cap)
