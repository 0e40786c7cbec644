"""Everything the gate raises on purpose: what went wrong, and what to do next."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect of a document: `place` is `file:line:column`, `key` a dotted path or empty."""

    place: str
    key: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column: key.path: what is wrong`."""
        return ": ".join(part for part in (self.place, self.key, self.message) if part)


class GateError(Exception):
    """The base of every expected failure; `hint` is the remedy, for a person."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigurationError(GateError):
    """The policy, a flag or a setting is wrong: nothing can be decided (exit 2).

    `problems` holds every defect found in a document, in the order of its lines; `file` is that
    document's name as it was given.
    """

    def __init__(
        self, message: str, hint: str = "", *, problems: tuple[Problem, ...] = (), file: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.problems = problems
        self.file = file


class UnverifiedError(GateError):
    """Spend could not be determined (exit 3); `code` names the reason in the JSON report."""

    def __init__(self, message: str, hint: str = "", *, code: str = "unverified") -> None:
        super().__init__(message, hint)
        self.code = code

    @property
    def told(self) -> str:
        """The message and the remedy as sentences."""
        remedy = f" {self.hint[0].upper()}{self.hint[1:]}." if self.hint else ""
        return f"{self.message}.{remedy}"


class InterruptedRunError(BaseException):
    """A signal ended the run before its verdict (exit 3); `message` names the signal.

    It comes at any place, and no `except Exception` on its way, as when a thread is started, is
    to take it for a failure of what happened to run there.
    """

    def __init__(self, signal: str) -> None:
        self.message = f"{signal} ended the run"
        super().__init__(self.message)
