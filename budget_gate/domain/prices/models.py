"""Which model an id means."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

# How an alias ends that stands for the newest id of its model.
LATEST: Final = "-latest"

_DATED = re.compile(r"(.+)-([0-9]{8})", re.ASCII)
# The parts of a version in an id; eight digits are a date.
_VERSION = re.compile(r"(?<![0-9])[0-9]{1,2}(?![0-9])", re.ASCII)


def newest_first(models: Iterable[str]) -> list[str]:
    """The ids by the versions in them, the highest first; those of one version by the alphabet."""
    return sorted(
        sorted(models), key=lambda model: [*map(int, _VERSION.findall(model))], reverse=True
    )


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


def family(name: str) -> str:
    """What an id and its aliases have in common: the id without a date, and without `-latest`."""
    return undated(name.removesuffix(LATEST))
