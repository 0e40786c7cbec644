"""What every answer of the API is checked for."""

from datetime import datetime
from typing import Any

from budget_gate.domain.period import parse_instant
from budget_gate.errors import UnverifiedError

_SHOWN = 40


def read_cursor(answer: dict[str, Any], where: str) -> str | None:
    """The cursor of the next page, None on the last one; raises where neither is told."""
    has_more, cursor = answer.get("has_more"), answer.get("next_page")
    if not isinstance(has_more, bool):
        raise malformed(where, "`has_more` is neither true nor false")
    if has_more and not (isinstance(cursor, str) and cursor):
        raise malformed(where, "it says that there is more, but not where")
    return cursor if has_more else None


def read_instant(value: Any, what: str, where: str) -> datetime:
    """The UTC instant that `value` is; raises where it is none, calling it `what`."""
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ValueError:
            pass
    raise malformed(where, f"{what} is not RFC 3339: {shown_value(value)}")


def malformed(where: str, problem: str) -> UnverifiedError:
    """The error of an answer that is not as documented."""
    return UnverifiedError(
        f"an answer of the API cannot be trusted: {problem}",
        "fetch it again; if it stays so, update budget-gate, as the API may have changed",
        where,
        code="malformed_answer",
    )


def shown_value(value: Any) -> str:
    """A value of an answer, cut to what an error has room for."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
