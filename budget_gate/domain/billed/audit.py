"""List cost against billed cost, line by line: the drift, what explains it, and what does not."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import reduce
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import NOTHING, ZERO, Bounds, minus, plus, sum_of, times
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period

Cause = Literal[
    "priority",
    "code_execution",
    "session_usage",
    "discount",
    "counts",
    "unpriced",
    "old_prices",
]
# What the provider's own list cost of a line has other than list cost: one of both, or either.
Differing = Literal["counts", "price", "either"]
AuditStatus = Literal["ok", "drift", "unverified"]

# A line agrees within either of these: USD, or the ratio of its list cost.
TOLERANCE_USD: Final = Decimal("0.01")
TOLERANCE_RATIO: Final = Decimal("0.005")
# Of ratios, which may have no end; a discount is told to a hundredth of a percent.
RATIOS: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
DISCOUNT_PLACES: Final = Decimal("0.0001")
# What no setting can change, as list cost does not hold it or nobody bills it: it fails no line.
FIXED: Final[tuple[Cause, ...]] = ("priority", "code_execution", "session_usage")


class Part(NamedTuple):
    """What a line is about; `model` is None for what is not billed by model."""

    day: date
    workspace: str | None
    cost_type: str
    model: str | None


class AuditLine(NamedTuple):
    """One comparison, in exact USD.

    `drift` is billed cost minus list cost, counted from the nearer end where list cost is a range.
    It is the sum of what the `causes` explain and of what is `unexplained`. `is_beyond` says
    whether more than the tolerance is left of it once what the usage report cannot hold is taken
    off: priority tier, code execution and session time. `list_amount` is what the provider itself
    says of the line before discounts, where it does; `list_drift` how far that, at the policy's
    discount, is from list cost, and `differs` what is other in it if that is beyond the tolerance.
    """

    part: Part
    list_cost: Bounds
    billed: Decimal
    drift: Decimal
    causes: tuple[tuple[Cause, Decimal], ...]
    unexplained: Decimal
    is_beyond: bool
    list_amount: Decimal | None = None
    list_drift: Decimal | None = None
    differs: Differing | None = None

    @property
    def discount(self) -> Decimal | None:
        """What was taken off the provider's own list cost, as a ratio of it; None if not told."""
        return None if self.list_amount is None else ratio_off(self.billed, self.list_amount)

    @property
    def unfixed(self) -> Decimal:
        """The drift that a price or a discount may change, which is what may fail the line."""
        return minus(self.drift, sum_of(it for cause, it in self.causes if cause in FIXED))

    @property
    def comparable(self) -> Bounds:
        """The list cost of what is billed, without what is prepaid."""
        prepaid = sum_of(amount for cause, amount in self.causes if cause == "priority")
        return Bounds(*(max(plus(end, prepaid), ZERO) for end in self.list_cost))


@dataclass(frozen=True, slots=True)
class Audit:
    """The comparison of a period's settled days, its lines the worst first.

    `discount` is the ratio off list prices by which every line agrees, where there is one that
    the policy does not have yet, and `usual` the one by which most lines do, but not all. `apart`
    is how far each model with lines that do not agree is billed from its list cost, as a ratio of
    it; with `discount` or `usual`, from that at such a discount. `discounts` are those of single
    models, off list, by what the provider says; None where its lines have several. `names` are the
    workspaces' by id, `policy` is the file whose prices list cost goes by, None for the bundled
    ones alone, `taken` its discount, and `own_prices` of how many models it has prices.
    """

    status: AuditStatus
    as_of: datetime
    period: Period
    settled_days: int = 0
    lines: tuple[AuditLine, ...] = ()
    discount: Decimal | None = None
    usual: Decimal | None = None
    apart: Mapping[str, Decimal] = field(default_factory=dict)
    discounts: Mapping[str, Decimal | None] = field(default_factory=dict)
    names: dict[str | None, str] = field(default_factory=dict)
    policy: str | None = None
    taken: Decimal = ZERO
    own_prices: int = 0
    notes: tuple[Note, ...] = ()

    @property
    def beyond(self) -> tuple[AuditLine, ...]:
        """The lines that do not agree."""
        return tuple(line for line in self.lines if line.is_beyond)

    @property
    def unexplained_lines(self) -> tuple[AuditLine, ...]:
        """The lines that no cause brings within the tolerance."""
        return tuple(it for it in self.lines if is_beyond(it.unexplained, it.comparable))

    @property
    def list_cost(self) -> Bounds:
        """The list cost of all lines."""
        return reduce(Bounds.plus, (line.list_cost for line in self.lines), NOTHING)

    @property
    def comparable(self) -> Bounds:
        """The list cost of all lines without what is prepaid."""
        return reduce(Bounds.plus, (line.comparable for line in self.lines), NOTHING)

    @property
    def billed(self) -> Decimal:
        """The billed cost of all lines."""
        return sum_of(line.billed for line in self.lines)

    @property
    def drift(self) -> Decimal:
        """The drift of all lines."""
        return sum_of(line.drift for line in self.lines)

    @property
    def unfixed(self) -> Decimal:
        """The drift of all lines that a price or a discount may change."""
        return sum_of(line.unfixed for line in self.lines)

    @property
    def unexplained(self) -> Decimal:
        """What no cause explains of all lines' drift."""
        return sum_of(line.unexplained for line in self.lines)

    @property
    def causes(self) -> dict[Cause, Decimal]:
        """What each cause explains of all lines' drift."""
        sums: dict[Cause, Decimal] = defaultdict(Decimal)
        for line in self.lines:
            for cause, amount in line.causes:
                sums[cause] = plus(sums[cause], amount)
        return dict(sums)


def ratio_off(billed: Decimal, listed: Decimal) -> Decimal | None:
    """The ratio by which `billed` lies below `listed`; None where it lies above, or is none of it.

    To a hundredth of a percent, as discounts are told.
    """
    if not ZERO <= billed <= listed or not listed:
        return None
    return RATIOS.subtract(1, RATIOS.divide(billed, listed)).quantize(DISCOUNT_PLACES)


def is_beyond(drift: Decimal, listed: Bounds) -> bool:
    """Whether a drift in USD is more than is tolerated beside that list cost."""
    return drift.copy_abs() > max(TOLERANCE_USD, times(TOLERANCE_RATIO, listed.low))
