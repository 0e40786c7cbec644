"""Whether the provider's own list cost of a line has other counts than list cost, or other prices.

The provider multiplies its counts by its list prices, and so does list cost with those of the usage
report. Where both differ, a price can be the cause only if every line that it is for differs alike.
"""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from budget_gate.domain.billed.audit import (
    RATIOS,
    Differing,
    Part,
    is_beyond,
)
from budget_gate.domain.billed.sides import Sides, agrees, apart_from, told_cost
from budget_gate.domain.bounds import Bounds, sum_of, times
from budget_gate.domain.prices.book import PriceBook

# One line alone could have either; so could those of one day, on which usage may be late.
_LINES_OF_A_PRICE: Final = 2
_DAYS_OF_A_PRICE: Final = 2


class _Line(NamedTuple):
    """A line of one model: its list cost by the usage report, and by the provider."""

    part: Part
    sides: Sides
    listed: Bounds
    told: Decimal

    @property
    def gap(self) -> Decimal:
        return apart_from(self.told, self.listed)

    @property
    def differs(self) -> bool:
        return is_beyond(self.gap, self.listed)


def differing(sides: dict[Part, Sides], book: PriceBook) -> dict[Part, Differing]:
    """What each line has other than list cost by the provider's own list cost; those that have it.

    `counts` where no price can be the cause: nothing of it was used, or the same prices agree
    elsewhere. `price` where every line differs by one ratio. Else it may be either.
    """
    of_model: dict[tuple[str, str | None], list[_Line]] = defaultdict(list)
    for part, each in sides.items():
        told = told_cost(part, each, book)
        if told is not None:
            line = _Line(part, each, each.comparable, told)
            of_model[part.cost_type, part.model].append(line)
    found: dict[Part, Differing] = {}
    for lines in of_model.values():
        others = [line for line in lines if line.differs]
        right = [line for line in lines if not line.differs and line.listed.is_exact]
        is_price = _is_one_price(lines, others)
        days = {line.part.day for line in others}
        for line in others:
            verdict: Differing = "either"
            if not line.listed.high:
                verdict = "counts"
            elif is_price and len(days) >= _DAYS_OF_A_PRICE:
                verdict = "price"
            elif any(_shows_right_prices(it, line, book) for it in right):
                verdict = "counts"
            elif is_price:
                verdict = "price"
            found[line.part] = verdict
    return found


def _is_one_price(lines: Sequence[_Line], others: Sequence[_Line]) -> bool:
    """Whether all lines from the first day on that has one of the `others` differ by one ratio."""
    exact = [line for line in others if line.listed.is_exact and line.listed.low]
    if len(exact) < _LINES_OF_A_PRICE:
        return False
    first = min(line.part.day for line in others)
    listed = sum_of(line.listed.low for line in exact)
    ratio = RATIOS.divide(sum_of(line.told for line in exact), listed)
    since = [line for line in lines if line.part.day >= first]
    return len(since) == len(others) and all(agrees(it.listed, it.told, ratio) for it in since)


def _shows_right_prices(right: _Line, line: _Line, book: PriceBook) -> bool:
    """Whether a line that agrees shows that no price is the cause of what another one has.

    It has every price of the other, on a day from which on it cannot have changed unseen; and so
    much of each that a change which explains the other would show in it, too.
    """
    is_in_time = right.part.day >= line.part.day or line.part.day <= book.document.verified_on
    counts, gap = right.sides.billed_counts, line.gap.copy_abs()
    return is_in_time and all(
        is_beyond(RATIOS.divide(times(gap, Decimal(counts.get(what, 0))), count), right.listed)
        for what, count in line.sides.billed_counts.items()
    )
