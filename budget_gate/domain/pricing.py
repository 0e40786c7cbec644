"""Usage x price book -> Spend."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import localcontext
from typing import Literal

from budget_gate.domain.bounds import EXACT, NOTHING, UNLIMITED, ZERO, Bounds
from budget_gate.domain.prices import PriceBook, Unpriced
from budget_gate.domain.spend import Note, PriceFacts, Spend, SpendLine
from budget_gate.domain.usage import Tokens, Usage, UsageTable

UnknownModel = Literal["fail", "upper_bound"]

_LEFT_OUT = Note(
    "info",
    "not_included",
    "The usage report holds neither code execution nor managed-agent session time, so neither is "
    "included.",
)


def price_usage(usage: Usage, book: PriceBook, *, unknown_model: UnknownModel) -> Spend:
    """The spend that `usage` amounts to at the prices of `book`.

    Usage without a price costs between nothing and no known bound, or with `upper_bound` at most
    the dearest known rate; either way it is named, with its tokens and days, in the notes.
    """
    costs: dict[tuple[date, str | None, str | None], Bounds] = {}
    unpriced: dict[tuple[str | None, str], UsageTable] = defaultdict(dict)
    priority = NOTHING
    with localcontext(EXACT):
        for key, tokens in usage.table.items():
            rates = book.rates(key)
            if not isinstance(rates, Unpriced):
                cost = rates.cost(tokens)
            elif not any(tokens):
                continue
            else:
                unpriced[key.model, rates.reason][key] = tokens
                cost = Bounds(ZERO, UNLIMITED)
                if unknown_model == "upper_bound":
                    cost = book.dearest(key.day).cost(tokens)
            if key.service_tier == "priority":
                priority = priority.plus(cost)
            place = key[:3]
            known = costs.get(place)
            costs[place] = cost if known is None else known.plus(cost)
    named = tuple(_name(*what, table) for what, table in unpriced.items())
    bounded = unknown_model == "upper_bound"
    return Spend(
        lines=tuple(SpendLine(*place, cost, "list") for place, cost in costs.items()),
        unpriced=() if bounded else named,
        workspaces=usage.workspaces,
        coverage=usage.coverage,
        prices=PriceFacts(book.document.verified_on, tuple(sorted(book.overrides))),
        notes=(
            *(_unpriced_note(sentence, bounded=bounded) for sentence in named),
            *usage.notes,
            *_range_note(costs),
            *_priority_note(priority),
            *_dated_note(book, {key.model for key in usage.table if key.model}),
            *_discount_note(book),
            _LEFT_OUT,
        ),
    )


def _name(model: str | None, reason: str, table: UsageTable) -> str:
    days = sorted({key.day for key in table})
    total = Tokens()
    for tokens in table.values():
        total = total.plus(tokens)
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]} ({len(days)} days)"
    amount = f"{total.total:,} tokens"
    if total.web_searches:
        amount += f" and {total.web_searches:,} web searches"
    return f"{amount} of {model or 'an unnamed model'} {when} have no price: {reason}."


def _unpriced_note(sentence: str, *, bounded: bool) -> Note:
    if bounded:
        more = " Counted as anything from $0 up to the dearest known rate."
        return Note("warning", "unpriced_bounded", sentence + more)
    more = " Add the price under prices.models in the policy, or update budget-gate."
    return Note("error", "unpriced", sentence + more)


def _range_note(costs: Mapping[tuple[date, str | None, str | None], Bounds]) -> Iterable[Note]:
    models = {
        str(model) for (_, _, model), cost in costs.items() if cost.is_limited and not cost.is_exact
    }
    if models:
        yield Note(
            "info",
            "range",
            "The usage report does not tell all that the price depends on, so the cost is a range "
            f"for {', '.join(sorted(models))}.",
        )


def _priority_note(cost: Bounds) -> Iterable[Note]:
    if cost == NOTHING:
        return
    digits = f"{cost.low:,f}".rstrip("0").rstrip(".")
    amount = f"${digits}" if cost.is_exact else f"at least ${digits}"
    yield Note(
        "info",
        "priority_tier",
        f"Priority tier, which is prepaid, is counted at list price: {amount} of the spend.",
    )


def _dated_note(book: PriceBook, models: set[str]) -> Iterable[Note]:
    known = {name: book.model_id(name) for name in models}
    dated = [name for name, id_ in known.items() if id_ and name.startswith(f"{id_}-")]
    if dated:
        listed = ", ".join(sorted(dated))
        message = f"Priced as the model of the id without its date: {listed}."
        yield Note("info", "dated_model", message)


def _discount_note(book: PriceBook) -> Iterable[Note]:
    if book.discount:
        percent = f"{(book.discount * 100).normalize():f}"
        yield Note(
            "info",
            "discount",
            f"{percent}% is taken off list prices of tokens; prices.models are used as written.",
        )
