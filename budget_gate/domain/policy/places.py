"""Where each part of a document stands in its file."""

from collections.abc import Mapping
from typing import NamedTuple

from budget_gate.errors import Problem

KeyPath = tuple[str | int, ...]


class SourceMap(NamedTuple):
    """Where each part of a document stands: 1-based (line, column) of its key, by key path."""

    file: str
    places: Mapping[KeyPath, tuple[int, int]]

    def line(self, *path: str | int) -> int:
        """The line of what stands at `path`, or of the nearest part that holds it."""
        return self._place(path)[0]

    def problem(self, path: KeyPath, message: str, hint: str, *, at: KeyPath = ()) -> Problem:
        """A defect of what stands at `path`, or, where it is given, at the part `at` of it."""
        line, column = self._place(at or path)
        return Problem(
            place=f"{self.file}:{line}:{column}",
            key=".".join(map(str, path)),
            message=message,
            hint=hint,
            line=line,
            column=column,
        )

    def _place(self, path: KeyPath) -> tuple[int, int]:
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))
