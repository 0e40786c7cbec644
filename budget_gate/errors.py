"""Everything the gate raises on purpose: what went wrong, and what to do next."""

from typing import NamedTuple


class Problem(NamedTuple):
    """One defect of a document: `place` is `file:line:column`, `key` a dotted path or empty."""

    place: str
    key: str
    message: str
    hint: str = ""
    line: int = 0
    column: int = 0

    @property
    def remedy(self) -> str:
        """The hint as a sentence, empty where there is none."""
        return as_sentence(self.hint)

    def __str__(self) -> str:
        """`file:line:column: key.path: what is wrong`."""
        return ": ".join(part for part in (self.place, self.key, self.message) if part)


def as_sentence(text: str) -> str:
    """`text` with a capital and a full stop, unless it ends as a question; empty if it is."""
    end = "" if text.endswith(("?", ".")) else "."
    return f"{text[0].upper()}{text[1:]}{end}" if text else ""


class GateError(Exception):
    """The base of every expected failure; `hint` is the remedy, for a person.

    `trace` is what was asked and what came back, for whoever looks into it.
    """

    def __init__(self, message: str, hint: str = "", trace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.trace = trace

    @property
    def remedy(self) -> str:
        """The hint as a sentence, empty where there is none."""
        return as_sentence(self.hint)

    def __str__(self) -> str:
        """What went wrong, and the trace of it, to stand within a sentence."""
        return f"{self.message} ({self.trace})" if self.trace else self.message

    @property
    def told(self) -> str:
        """What went wrong and the remedy as sentences, and last the trace."""
        trace = f"({self.trace})" if self.trace else ""
        return " ".join(filter(None, (f"{self.message}.", self.remedy, trace)))


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

    def __init__(
        self, message: str, hint: str = "", trace: str = "", *, code: str = "unverified"
    ) -> None:
        super().__init__(message, hint, trace)
        self.code = code


class LedgerError(UnverifiedError):
    """The ledger cannot be asked, or was given a usage that cannot be counted (exit 3)."""

    def __init__(self, message: str, hint: str = "", *, code: str = "ledger_failed") -> None:
        super().__init__(message, hint, code=code)

    def __str__(self) -> str:
        """What went wrong and the remedy: an application shows nothing else of it."""
        return self.told


class InterruptedRunError(BaseException):
    """A signal ended the run before its verdict (exit 3); `signal` is its name.

    It comes at any place, and no `except Exception` on its way, as when a thread is started, is
    to take it for a failure of what happened to run there.
    """

    def __init__(self, signal: str) -> None:
        self.signal = signal
        self.message = f"{signal} ended the run"
        super().__init__(self.message)


def interruption_behind(error: BaseException) -> InterruptedRunError | None:
    """The signal that led to `error`; None where none did.

    A library that tidies up after a signal may fail at that, and then raises its own error.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, InterruptedRunError):
        behind = behind.__cause__ or behind.__context__
    return behind
