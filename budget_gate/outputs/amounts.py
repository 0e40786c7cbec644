"""How amounts, percentages and the verdict read: the only place where anything is rounded."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from budget_gate.domain.bounds import UNLIMITED, Bounds

# Wide enough for every amount; what it divides is shown, never compared.
_ROUNDING = Context(prec=400, rounding=ROUND_HALF_EVEN)
_DOWN = Context(prec=400, rounding=ROUND_DOWN)
_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)

_MOST_PLACES = 30
# Cents of a forecast are no knowledge.
_FORECAST_DIGITS = Context(prec=3, rounding=ROUND_HALF_EVEN)


def usd(amount: Decimal, against: Decimal | None = None) -> str:
    """`$1,234.56`: to the cent, half to even, or finer where it would read as equal to `against`.

    An amount that is not known to be limited reads `unknown`.
    """
    if amount == UNLIMITED:
        return "unknown"
    return f"${distinct(amount, against, 2)}"


def usd_down(amount: Decimal) -> str:
    """`$1,342.39`: cut to the cent, so that what is said to be left can be spent."""
    return f"${amount.quantize(_CENT, context=_DOWN):,f}"


def usd_roughly(amount: Decimal) -> str:
    """`$44,500`: a forecast, to three digits, and to the cent below 100 USD."""
    rounded = _FORECAST_DIGITS.plus(amount)
    return f"${rounded:,.2f}" if rounded < _HUNDRED else f"${rounded:,.0f}"


def usd_range(bounds: Bounds, against: Decimal | None = None) -> str:
    """An amount, or from where to where it may lie."""
    low = usd(bounds.low, against)
    if bounds.is_exact:
        return low
    if not bounds.is_limited:
        return f"at least {low}"
    high = usd(bounds.high, against)
    return low if low == high else f"{low} to {high}"


def share_of(amount: Decimal, whole: Decimal) -> str:
    """An amount as a percentage of a whole, with its sign, such as `-10.0%`; empty for no whole."""
    if not whole:
        return ""
    share = _rounded(RATIOS.divide(amount, whole).scaleb(2, RATIOS), 1)
    return f"{share:+,f}%" if share else "0.0%"


def over(spend: Bounds, cap: Decimal) -> str:
    """`$212.40 over`, or `at least $0.01 over` where the spend is a range."""
    least = "" if spend.is_exact else "at least "
    return f"{least}{usd(_ROUNDING.subtract(spend.low, cap), Decimal(0))} over"


def settled_days(count: int) -> str:
    """`1 settled day`, `19 settled days`."""
    return f"{count} settled day{'' if count == 1 else 's'}"


def _rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)


RATIOS = Context(prec=60, rounding=ROUND_HALF_EVEN)


def distinct(amount: Decimal, against: Decimal | None, places: int) -> str:
    """`amount` rounded to `places`, or to as many as it takes to stay on its side of `against`."""
    rounded = _rounded(amount, places)
    if against is not None:
        while rounded.compare(against) != amount.compare(against) and places < _MOST_PLACES:
            places += 1
            rounded = _rounded(amount, places)
    return f"{rounded:,f}"
