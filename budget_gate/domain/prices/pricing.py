"""Priced usage -> Spend at list price."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from budget_gate.domain.bounds import NOTHING, UNLIMITED, Bounds
from budget_gate.domain.notes import Note, enumerated, exact_usd, list_prices, percent
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.models import undated
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.spend import PriceFacts, Spend, SpendLine
from budget_gate.domain.usage import Tokens, UsageKey, UsageTable

# Workspace, day and model.
_Place = tuple[str | None, date, str | None]

UnknownModel = Literal["fail", "upper_bound"]

# From here on, who reads the verdict must know of the discount.
DEEP_DISCOUNT: Final = Decimal("0.5")

_LEFT_OUT = Note(
    "info",
    "not_included",
    "Not included: code execution and managed-agent sessions (the usage report does not cover "
    "them).",
)


def list_spend(
    priced: PricedUsage, *, unknown_model: UnknownModel, settled: frozenset[date] = frozenset()
) -> Spend:
    """The spend that usage amounts to at the prices of its book, without that of `settled` days.

    Tokens without a price cost between nothing and no known bound, or with `upper_bound` at most
    the dearest known rate; either way they are named, with their number and days, in the notes.
    """
    usage, book = priced.usage, priced.book
    bounded = unknown_model == "upper_bound"
    # What each place costs at least, and what it may cost on top, in units of the book.
    least: dict[_Place, int] = {}
    more: dict[_Place, int] = {}
    unlimited: set[_Place] = set()
    unpriced: dict[tuple[str | None, Unpriced], UsageTable] = defaultdict(dict)
    priority = [0, 0]
    rows = priced.rows
    if settled:
        rows = [row for row in rows if row.key.day not in settled]
    # The time of a large report goes here, too.
    for row in rows:
        key, tokens, low, high, why = row
        place = key[:3]
        if why:
            if not tokens.total:
                continue
            unpriced[key.model, why][key] = tokens
            if bounded:
                low, high = book.dearest(key.day).units(tokens)
            else:
                unlimited.add(place)
        least[place] = least.get(place, 0) + low
        if high != low:
            more[place] = more.get(place, 0) + high - low
        if key.service_tier == "priority":
            priority[0] += low
            priority[1] += high
    costs = {place: book.bounds(low, low + more.get(place, 0)) for place, low in least.items()}
    for place in unlimited:
        costs[place] = Bounds(costs[place].low, UNLIMITED)
    named = tuple(
        f"{_name(*what, rows)} {_remedy(what[1], bounded=bounded)}"
        for what, rows in unpriced.items()
    )
    note = Note("warning", "unpriced_bounded", "") if bounded else Note("error", "unpriced", "")
    return Spend(
        lines=tuple(SpendLine(*place, cost, "list") for place, cost in costs.items()),
        unpriced=() if bounded else named,
        workspaces=usage.workspaces,
        coverage=usage.coverage,
        prices=price_facts(book),
        notes=(
            *(note._replace(message=sentence) for sentence in named),
            *usage.notes,
            *_range_note(costs, {model for model, _ in unpriced}),
            *_priority_note(book.bounds(*priority), book.discount),
            *_dated_note(book, {model for _, _, model in costs if model}),
            *discount_notes(book),
            *below_list_note(book, (row.key for row in rows if any(row.tokens))),
            *free_note(book),
            *_unused_note(book, {key.model for key in usage.table}),
            _LEFT_OUT,
        ),
        default_ids=usage.default_ids,
        is_default_told=usage.is_default_told,
    )


def price_facts(book: PriceBook) -> PriceFacts:
    """What there is to know of the prices of a book."""
    return PriceFacts(
        book.document.verified_on,
        tuple(sorted(book.overrides)),
        book.discount,
        tuple(book.names()),
        book.aliases(),
        book.digest,
        book.retired_on,
    )


def _name(model: str | None, why: Unpriced, table: UsageTable) -> str:
    days = sorted({key.day for key in table})
    total = Tokens()
    for tokens in table.values():
        total = total.plus(tokens)
    when = f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]} ({len(days)} days)"
    amount = f"{total.total:,} tokens"
    if total.web_searches:
        amount += f" and {total.web_searches:,} web searches"
    return f"{amount} of {model or 'an unnamed model'} {when} have no price: {why.reason}."


def _remedy(why: Unpriced, *, bounded: bool) -> str:
    """What is done, or to be done, about usage without a price; only a model can be given one."""
    own = "Add the price under prices.models in the policy"
    if bounded:
        counted = "Counted as anything from $0 up to the dearest known rate."
        return f"{counted} {own} to know it." if why.of_model else counted
    advice = own if why.of_model else "Set spend.unknown_model: upper_bound in the policy"
    return f"{advice}, or update budget-gate."


def _range_note(costs: Mapping[_Place, Bounds], unpriced: Collection[str | None]) -> Iterable[Note]:
    models = {
        str(model)
        for (_, _, model), cost in costs.items()
        if model not in unpriced and not cost.is_exact
    }
    if models:
        shown = "is shown as a range" if len(models) == 1 else "are shown as ranges"
        yield Note(
            "info",
            "range",
            f"{enumerated(sorted(models))} {shown}: the API does not report all that the price "
            "depends on.",
        )


def _priority_note(cost: Bounds, discount: Decimal) -> Iterable[Note]:
    if cost == NOTHING:
        return
    amount = f"{'' if cost.is_exact else 'at least '}{exact_usd(cost.low)}"
    yield Note(
        "info",
        "priority_tier",
        f"Priority tier, which is prepaid, is counted at {list_prices(discount)}: {amount} of the "
        "spend.",
    )


def _dated_note(book: PriceBook, models: set[str]) -> Iterable[Note]:
    known = {name: book.model_id(name) for name in models}
    dated = [name for name, id_ in known.items() if id_ and undated(name) == id_ != name]
    if dated:
        message = (
            f"Priced like the model of the same id without a date: {enumerated(sorted(dated))}."
        )
        yield Note("info", "dated_model", message)


def _unused_note(book: PriceBook, models: set[str | None]) -> Iterable[Note]:
    unknown = book.overrides.keys() - book.document.models.keys() - models
    unused = [name for name in unknown if book.model_id(name) == name]
    if unused:
        message = f"prices.models has prices of models without usage: {enumerated(sorted(unused))}."
        yield Note("warning", "unused_price", message)


def discount_notes(book: PriceBook) -> Iterable[Note]:
    """The discount of the policy, with a warning from 50% on."""
    if book.discount:
        shown = percent(book.discount)
        yield Note(
            "info",
            "discount",
            f"{shown} is taken off list prices of tokens; prices.models are used as written.",
        )
        if book.discount >= DEEP_DISCOUNT:
            message = f"Priced with a {shown} discount set in the policy."
            yield Note("warning", "deep_discount", message)


def below_list_note(book: PriceBook, keys: Iterable[UsageKey]) -> Iterable[Note]:
    """The policy's own prices that make such usage cheaper than it is by the price book."""
    if not book.overrides:
        return
    used = {key[1:]: key for key in keys}
    listed = PriceBook(book.document)
    models = {str(key.model) for key in used.values() if _is_below(book, key, listed)}
    if models:
        message = f"Priced below list price, by the policy: {enumerated(sorted(models))}."
        yield Note("warning", "below_list", message)


def _is_below(book: PriceBook, key: UsageKey, listed: PriceBook) -> bool:
    """Whether such usage may cost less, in any class, by the policy's own price than by the list.

    Both ends count: an own price without `long_context` or `fast` leaves the low end of unresolved
    usage as it is, and takes the high one away.
    """
    ours, theirs = book.rates(key), listed.rates(key)
    if isinstance(ours, Unpriced) or isinstance(theirs, Unpriced):
        return False
    if not book.has_own_price(key.model, key.day):
        return False
    # Each book has units of its own.
    scale, other = 10**listed.places, 10**book.places
    return any(
        own * scale < list_ * other
        for ends in zip(ours, theirs, strict=True)
        for own, list_ in zip(*ends, strict=True)
    )


def free_note(book: PriceBook) -> Iterable[Note]:
    """The policy's own prices of 0."""
    free = [name for name, cards in book.overrides.items() if any(it.is_free for it in cards)]
    if free:
        message = f"prices.models has a price of 0 for {enumerated(sorted(free))}."
        yield Note("info", "free_price", message)
