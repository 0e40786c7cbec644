"""What a reader of a report must know besides its numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NoteLevel = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader of the report must know; `code` is stable, `message` is for people."""

    level: NoteLevel
    code: str
    message: str


def enumerated(names: Sequence[str], most: int = 5) -> str:
    """The first `most` names and how many more there are: `a, b and 3 more`."""
    first = ", ".join(names[:most])
    rest = len(names) - most
    return f"{first} and {rest} more" if rest > 0 else first
