"""What to do about the lines of an audit that do not agree, as sentences."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Final

from budget_gate.domain.billed.audit import Audit, AuditLine
from budget_gate.domain.bounds import exact, sum_of
from budget_gate.domain.notes import enumerated
from budget_gate.outputs.amounts import share_of

SHOWN: Final = 20

_KINDS: Final = {
    "web_search": "web search",
    "code_execution": "code execution",
    "session_usage": "managed-agent sessions",
}
_COUNTS_DIFFER: Final = "Counts differ, not prices, so no price or discount changes that."


def remedies(audit: Audit, escape: Callable[[str], str]) -> Iterator[str]:
    """A sentence or two for each reason that lines do not agree."""
    yield from _discounts(audit, escape)
    unpriced = _named(line for line in audit.beyond if "unpriced" in dict(line.causes))
    if unpriced:
        yield (
            f"No price is known for {escape(unpriced)}: update budget-gate, or add prices under "
            "prices.models."
        )
    old = _named(line for line in audit.beyond if "old_prices" in dict(line.causes))
    if old:
        yield (
            f"Prices may have changed since they were last checked: {escape(old)}. Update "
            "budget-gate."
        )
    yield from _counts(audit, escape)
    yield from _prices(audit, escape)
    listed = [line for line in audit.unexplained_lines if line.list_cost.high]
    fixed = _named(line for line in listed if not line.part.model)
    if fixed:
        yield (
            f"Not billed at list price, and no setting has it: {escape(fixed)}. Look at it in the "
            "Console, or ask the provider."
        )
    other = _named(line for line in audit.unexplained_lines if not line.list_cost.high)
    if other:
        yield f"No list cost to compare with: {escape(other)}. Look at it in the Console."


def _discounts(audit: Audit, escape: Callable[[str], str]) -> Iterator[str]:
    if audit.discount is not None:
        discount = percent(audit.discount)
        yield f"Set prices.discount: {discount} in the policy; tokens then cost what is billed."
    if audit.usual is not None:
        discount = percent(audit.usual)
        yield (
            f"Most lines are billed at list price less {discount}: set prices.discount: {discount} "
            "in the policy."
        )
    free = [model for model, it in audit.discounts.items() if it == 1]
    if free:
        yield (
            f"Not billed at all: {escape(enumerated(free, SHOWN))}. Costs may be late: run the "
            "audit again later. If it stays so, ask the provider before you set a price of 0, "
            "which no cap would see."
        )
    own = [f"{model} ({percent(it)})" for model, it in audit.discounts.items() if it and it != 1]
    if own:
        yield (
            f"Discounts of single models: {escape(enumerated(own, SHOWN))}. As prices.discount is "
            "one for all, put their prices less that under prices.models."
        )
    several = [model for model, it in audit.discounts.items() if it is None]
    if several:
        yield (
            f"Discounts that differ from line to line: {escape(enumerated(several, SHOWN))}. No "
            "price has them; with spend.basis: billed, settled days are judged as billed."
        )


def _counts(audit: Audit, escape: Callable[[str], str]) -> Iterator[str]:
    lines = [line for line in audit.beyond if "counts" in dict(line.causes)]
    more = _differing(line for line in lines if dict(line.causes)["counts"] > 0)
    if more:
        yield (
            f"More was billed than the usage report counts: {escape(more)}. {_COUNTS_DIFFER} Usage "
            "may be late: run the audit again later. If it stays so, ask the provider; with "
            "spend.basis: billed, settled days are judged as billed."
        )
    less = _differing(line for line in lines if dict(line.causes)["counts"] < 0)
    if less:
        yield (
            f"Less was billed than the usage report counts: {escape(less)}. {_COUNTS_DIFFER} Costs "
            "may be late, or another organization may pay for some requests: run the audit again "
            "later. If it stays so, ask the provider; with spend.basis: billed, settled days are "
            "judged as billed."
        )


def _prices(audit: Audit, escape: Callable[[str], str]) -> Iterator[str]:
    """Of models that are billed at another price than list cost has, or may be."""
    lines = [it for it in audit.unexplained_lines if it.list_cost.high and it.part.model]
    price = [line for line in lines if line.differs == "price"]
    either = [line for line in lines if line.differs == "either"]
    # What the provider's own list price confirms can only be billed above that.
    above = [line for line in lines if line.differs is None and line.list_drift is not None]
    wrong = {what(line) for line in lines if line.differs is None and line.list_drift is None}
    if audit.usual is not None:
        told = {what(line) for line in (*price, *either, *above)}
        wrong |= audit.apart.keys() - audit.discounts.keys() - told
    if wrong:
        than = "list price" if audit.usual is None else "that price"
        apart = ((it, audit.apart.get(it)) for it in sorted(wrong))
        named = [
            it if ratio is None else f"{it}{ratio_of(ratio, Decimal(1))}" for it, ratio in apart
        ]
        yield (
            f"Not billed at {than}: {escape(enumerated(named, SHOWN))}. If that is what was "
            "agreed, put it under prices.models; if not, update budget-gate, or ask the provider."
        )
    if above:
        yield (
            f"Billed above the provider's own list price: {escape(_named(above))}. Ask the "
            "provider; if that is what was agreed, put it under prices.models."
        )
    if price:
        yield (
            f"The provider's list price is another one: {escape(_differing(price))}. Put the price "
            "that is billed under prices.models, or update budget-gate."
        )
    if either:
        yield (
            "The provider has another list price, or other counts: "
            f"{escape(_differing(either))}. Compare the tokens in the Console. If they are the "
            "same, put the price that is billed under prices.models, or update budget-gate; if "
            "not, run the audit again later."
        )


def _differing(lines: Iterable[AuditLine]) -> str:
    """What the lines are about, with how far the provider's list cost is off: `x (+30.0%)`."""
    of_what: dict[str, list[AuditLine]] = defaultdict(list)
    for line in lines:
        of_what[what(line)].append(line)
    named = []
    for name, some in sorted(of_what.items()):
        drift = sum_of(line.list_drift for line in some if line.list_drift is not None)
        named.append(f"{name}{ratio_of(drift, sum_of(line.comparable.low for line in some))}")
    return enumerated(named, SHOWN)


def _named(lines: Iterable[AuditLine]) -> str:
    return enumerated(sorted({what(line) for line in lines}), SHOWN)


def what(line: AuditLine) -> str:
    """What a line is about: its model, or its kind of cost."""
    return line.part.model or _KINDS.get(line.part.cost_type, line.part.cost_type)


def ratio_of(drift: Decimal, list_cost: Decimal) -> str:
    """How much a drift is of list cost, ` (+7.0%)`; empty where there is none to compare with."""
    share = share_of(drift, list_cost)
    return f" ({share})" if share else ""


def percent(ratio: Decimal) -> str:
    """A ratio as exact percent."""
    return f"{exact(ratio * 100)}%"
