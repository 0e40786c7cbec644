"""What an application gives, checked: a wrong argument is a mistake in its code, and raises."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from budget_gate.domain.ledger.counted import LONGEST_NAME

# USD of a call or a job: exact, as a float is not.
Usd = Decimal | int | str

LONGEST: Final = timedelta(days=14)

_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)
_DEFAULT: Final = "default"


def amount(usd: Usd) -> Decimal:
    """USD, exactly as given; raises TypeError for a float, and ValueError where it is none."""
    if isinstance(usd, bool) or not isinstance(usd, Decimal | int | str):
        raise TypeError(
            f"usd is a {type(usd).__name__}: give exact USD as Decimal, int or str, such as '2.50'"
        )
    text = f"{usd:f}" if isinstance(usd, Decimal) else str(usd)
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"usd is {text[:40]!r}: give an amount such as '2.50', not negative")
    return Decimal(text)


def seconds(ttl: timedelta | int) -> int:
    """How long a hold lasts; raises ValueError unless that is from a second to 14 days."""
    if not isinstance(ttl, timedelta) and type(ttl) is not int:
        raise TypeError("ttl is no timedelta and no whole number of seconds")
    length = ttl if isinstance(ttl, timedelta) else timedelta(seconds=min(ttl, 10**9))
    if not timedelta(seconds=1) <= length <= LONGEST:
        raise ValueError(
            f"ttl is {length}: give a second at least, and {LONGEST.days} days at most"
        )
    return int(length.total_seconds())


def place(workspace: str | None) -> str | None:
    """The workspace, None for the default one; raises ValueError where it is no name or id."""
    if workspace is None or workspace == _DEFAULT:
        return None
    if type(workspace) is not str or not 0 < len(workspace) <= LONGEST_NAME:
        raise ValueError(
            "workspace is no name or id of a workspace: leave it out for the default workspace"
        )
    return workspace
