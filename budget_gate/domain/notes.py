"""What a reader of a report must know besides its numbers."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from budget_gate.domain.bounds import EXACT

NoteLevel = Literal["info", "warning", "error"]

# The code of the note that the ledger has something that the report lacks.
LEDGER_BEYOND: Final = "ledger_beyond"


class Note(NamedTuple):
    """Something a reader of the report must know; `code` is stable, `message` is for people."""

    level: NoteLevel
    code: str
    message: str


def usd(amount: Decimal) -> str:
    """USD as a note has them: `$1,234.56`, to the cent."""
    return f"${amount:,.2f}"


def exact_usd(amount: Decimal) -> str:
    """USD to the last digit, without trailing zeros: `$1,234.5678`."""
    text = f"${amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def list_prices(discount: Decimal) -> str:
    """What list cost goes by under a discount: `list prices less 10%`."""
    return f"list prices less {percent(discount)}" if discount else "list prices"


def percent(ratio: Decimal) -> str:
    """A ratio as a policy writes it, exact, such as `80%`."""
    return f"{EXACT.scaleb(ratio, 2).normalize(EXACT):f}%"


def enumerated(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names and how many more there are: `a, b and 3 more`."""
    first = ", ".join(names[:most])
    rest = len(names) - most
    return f"{first} and {rest} more" if rest > 0 else first
