"""Which model an id means."""

import re
from datetime import date

_DATED = re.compile(r"(.+)-([0-9]{8})", re.ASCII)


def undated(model: str) -> str:
    """The id of the same model without the date behind it, `-YYYYMMDD`; itself where it has none.

    Eight digits that name no day are part of the id.
    """
    found = _DATED.fullmatch(model)
    if found is None:
        return model
    try:
        date.fromisoformat(found[2])
    except ValueError:
        return model
    return found[1]
