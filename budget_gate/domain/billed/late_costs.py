"""Days that the bill claims to have whole, and whose costs are too low for that: more will come."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Final, NamedTuple

from budget_gate.domain.billed.bill import PRIORITY, TOKENS, WEB_SEARCH, Bill, Charge, listed_costs
from budget_gate.domain.billed.names import model_of
from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, plus, sum_of
from budget_gate.domain.notes import Note, enumerated, list_prices, usd
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.usage import Usage

# A day may be billed this much less than the other days lead one to expect.
TOLERANCE: Final = Fraction(10, 100)
# The other days agree where the ratios of billed to list cost lie this close together.
AGREEMENT: Final = Fraction(2, 100)
# What all days agree on is told where it is less than this ratio of list cost less discount.
FAR_BELOW: Final = Fraction(1, 2)
# So many days at least tell what is usual.
_FEWEST: Final = 3
# The amounts of five classes of tokens may each be rounded to a cent.
_ROUNDED: Final = Decimal("0.05")


class _Sides(NamedTuple):
    """USD that can be compared: list cost less discount, and what was billed of it.

    Of a list cost that is a range, no less than its low end is to be billed.
    """

    listed: Bounds = NOTHING
    billed: Decimal = ZERO

    def is_below(self, ratio: Fraction) -> bool:
        """Whether less than that ratio is billed; what is not billed at all is an error of its own.

        No cents that rounding may have taken count as missing.
        """
        return self.billed > 0 and Fraction(plus(self.billed, _ROUNDED)) < ratio * Fraction(
            self.listed.low
        )

    @property
    def is_told(self) -> bool:
        """Whether list cost is known to the last digit."""
        return self.listed.is_exact

    @property
    def can_tell(self) -> bool:
        """Whether the ratio of the two says what is usual."""
        return self.listed.low > _ROUNDED and self.billed > 0

    def told(self, prices: str) -> str:
        """Both amounts, for people; `prices` is what list cost goes by."""
        least = "" if self.is_told else "at least "
        return f"{usd(self.billed)} billed, {least}{usd(self.listed.low)} at {prices}"


# Model or web search, day and workspace.
_Part = tuple[str, date, str | None]
_AllSides = Mapping[str, Mapping[date, Mapping[str | None, _Sides]]]


def doubt_late(bill: Bill, priced: PricedUsage, *, expected: int | None) -> Bill:
    """The bill, its days doubted that are too low to be whole, and notes of what is too low.

    Each model, and web searches, have a measure of their own: the ratio of billed cost to list cost
    less discount that more than half of the days share within 2% (three days at least). A model of
    fewer days has the one that all others share. Of a list cost that is a range the low end counts,
    and a ratio above it says nothing. Where there is none, `expected` is the measure. A day is
    doubted where what is billed, of all workspaces or of one, is more than 10% below. So a
    discount that the policy does not know makes no day doubtful where it shows on most days; one of
    more than half is told. `expected` of None is for an audit, which leaves doubted days out.
    """
    found: dict[date, _Sides] = {}
    places: dict[date, set[str | None]] = defaultdict(set)
    is_usual = True
    sides = _sides(bill, priced)
    wholes = {
        name: {day: _sum(places.values()) for day, places in days.items()}
        for name, days in sides.items()
    }
    usual = {name: _usual(days.values()) for name, days in wholes.items()}
    ranges = {name for name, days in wholes.items() if not all(it.is_told for it in days.values())}
    of_all = _shared(usual[name] for name in usual.keys() - ranges - {WEB_SEARCH})
    for name, days in wholes.items():
        known = usual[name]
        is_rare = len(days) < _FEWEST and name != WEB_SEARCH
        # A day of short prompts alone costs no more than the low end.
        if is_rare or (name in ranges and (known is None or known > 1)):
            known = of_all
        least = known or expected
        if least is None:
            continue
        for day, whole in days.items():
            parts = sides[name][day]
            low = _low(parts, least) or (_low({None: whole}, least) and parts)
            if low:
                found[day] = _sum([found.get(day, _Sides()), *low.values()])
                places[day] |= low.keys()
                is_usual &= known is not None
    # What is late is told by its day.
    kept = {
        name: _sum(whole for day, whole in days.items() if day not in found)
        for name, days in wholes.items()
    }
    far = {name: whole for name, whole in kept.items() if whole.is_below(FAR_BELOW)}
    prices = list_prices(priced.book.discount)
    told = {
        f"{day}{_where(places[day], day, sides, priced.usage)}": it.told(prices)
        for day, it in sorted(found.items())
    }
    if expected is None:
        meanwhile = "The audit leaves these days out"
    else:
        meanwhile = f"Until they are in, {prices} count there"
    notes = [
        *_late_note(told, meanwhile, is_usual=is_usual),
        *_far_note(far, prices),
    ]
    return bill._replace(doubted=frozenset(found), notes=(*bill.notes, *notes))


def _low(parts: Mapping[str | None, _Sides], least: Fraction | int) -> Mapping[str | None, _Sides]:
    return {id_: each for id_, each in parts.items() if each.is_below(least * (1 - TOLERANCE))}


def _where(places: Collection[str | None], day: date, sides: _AllSides, usage: Usage) -> str:
    """The workspaces whose costs are low on a day, ` in alpha, beta`; empty where all are."""
    if {id_ for days in sides.values() for id_ in days.get(day, ())} <= {*places}:
        return ""
    names = {it.id: it.name for it in usage.workspaces or ()} | {None: "the default workspace"}
    return f" in {enumerated(sorted(names.get(id_) or str(id_) for id_ in places))}"


def _shared(usual: Iterable[Fraction | None]) -> Fraction | None:
    """The lowest of what is usual for models, where two at least have that and all agree."""
    ratios = sorted(ratio for ratio in usual if ratio)
    agree = len(ratios) > 1 and ratios[-1] <= ratios[0] * (1 + AGREEMENT)
    return ratios[0] if agree else None


def _sum(parts: Iterable[_Sides]) -> _Sides:
    listed, billed = zip(_Sides(), *parts, strict=True)
    return _Sides(reduce(Bounds.plus, listed), sum_of(billed))


def _usual(days: Collection[_Sides]) -> Fraction | None:
    """The lowest of the ratios of more than half of the days that agree; None where they do not."""
    ratios = sorted(Fraction(it.billed) / Fraction(it.listed.low) for it in days if it.can_tell)
    count = max(_FEWEST, len(ratios) // 2 + 1)
    pairs = zip(ratios, ratios[count - 1 :], strict=False)
    return next((low for low, high in pairs if high <= low * (1 + AGREEMENT)), None)


def _late_note(found: Mapping[str, str], meanwhile: str, *, is_usual: bool) -> Iterator[Note]:
    if found:
        told = enumerated([f"{day} ({amounts})" for day, amounts in found.items()])
        remedy = (
            "if it stays so, look at the bill in the Console"
            if is_usual
            else "if that is a discount of yours, set prices.discount"
        )
        message = f"Some costs seem to be missing from the bill: {told}. {meanwhile}; {remedy}."
        yield Note("warning", "late_costs_suspected", message)


def _far_note(far: Mapping[str, _Sides], prices: str) -> Iterator[Note]:
    if far:
        # A discount is one on tokens.
        at = {WEB_SEARCH: list_prices(ZERO)}
        told = enumerated(
            [f"{name} ({it.told(at.get(name, prices))})" for name, it in sorted(far.items())]
        )
        message = (
            f"Less than half of {prices} is billed on all days: {told}. Look in the Console "
            "whether all costs are there; if these are your prices, set prices.discount or "
            "prices.models."
        )
        yield Note("warning", "billed_far_below_list", message)


def _sides(bill: Bill, priced: PricedUsage) -> dict[str, dict[date, dict[str | None, _Sides]]]:
    """Both sides by model or web search, day and workspace, of what is billed by a list cost.

    Priority tier is prepaid. What has no list cost is left out where it was used.
    """
    name_of = _naming(bill, priced)
    listed: dict[_Part, Bounds] = defaultdict(lambda: NOTHING)
    billed: dict[_Part, Decimal] = defaultdict(Decimal)
    vague: set[_Part] = set()
    for (key, *_), kind, cost in listed_costs(priced, bill.reaches):
        if kind == TOKENS and key.service_tier == PRIORITY:
            continue
        name = WEB_SEARCH if kind == WEB_SEARCH else name_of(key.model, key.day)
        part = (name, key.day, key.workspace)
        if isinstance(cost, Unpriced):
            vague.add(part)
        else:
            listed[part] = listed[part].plus(cost)
    for charge in bill.charges:
        if charge.cost_type == WEB_SEARCH:
            name = WEB_SEARCH
        # A kind of cost that names a model is of its tokens, whatever it is called.
        elif (charge.cost_type == TOKENS or charge.model) and charge.service_tier != PRIORITY:
            name = name_of(charge.model, charge.day)
        else:
            continue
        part = (name, charge.day, charge.workspace)
        billed[part] = plus(billed[part], charge.amount)
    sides: dict[str, dict[date, dict[str | None, _Sides]]] = defaultdict(lambda: defaultdict(dict))
    for part in (listed.keys() | billed.keys()) - vague:
        name, day, workspace = part
        sides[name][day][workspace] = _Sides(listed[part], billed[part])
    return sides


def _naming(bill: Bill, priced: PricedUsage) -> Callable[[str | None, date], str]:
    """What a model is compared as on a day: all together where it is not clear what is of which.

    That is where the bill has tokens of no model, or of one that neither prices nor usage know.
    """
    book = priced.book
    used = {(it.day, model_of(it.model, book)) for it in priced.usage.table if it.model}

    def is_clear(charge: Charge) -> bool:
        name = charge.model or ""
        return bool(book.model_id(name)) or (charge.day, model_of(name, book)) in used

    merged = {it.day for it in bill.charges if it.cost_type == TOKENS and not is_clear(it)}
    return lambda model, day: model_of(model, book) if model and day not in merged else TOKENS
