"""Answers of the Messages API, one a line, as programs keep them or a batch returns them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from budget_gate.domain.ledger.counted import LONGEST_NAME, Counted, count
from budget_gate.errors import LedgerError, UnverifiedError
from budget_gate.sources.strict_json import decode

# Of a batch, what came to no answer is not billed.
_UNBILLED: Final = ("errored", "canceled", "expired")
_DIMENSIONS: Final = ("service_tier", "speed", "inference_geo")


class Line(NamedTuple):
    """What a line is billed for, None for no answer; `workspace` is None where it names none."""

    counted: Counted | None
    workspace: str | None


def read_messages(lines: Iterable[bytes], name: str) -> Iterator[Line]:
    """The answers in lines of JSON: messages, results of a batch, or usage with `id` and `model`.

    A line may name its `workspace`. Raises LedgerError, with the place, where one cannot be
    counted, or has no id by which it is known when the file is read again.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _read(decode(line, f"{name}:{number}"))
        except ValueError:
            raise LedgerError(
                f"{name}:{number}: this is no JSON",
                "write each message as JSON on a line of its own",
            ) from None
        except LedgerError as error:
            raise LedgerError(f"{name}:{number}: {error.message}", error.hint) from None
        except UnverifiedError:
            raise LedgerError(
                f"{name}:{number}: an object in it has a key twice", "write each key once"
            ) from None


def _read(told: Any) -> Line:
    if not isinstance(told, dict):
        raise LedgerError("this is no object", "write a message, as the API answers it")
    workspace = told.get("workspace")
    if workspace is not None and not (
        isinstance(workspace, str) and 0 < len(workspace) <= LONGEST_NAME
    ):
        raise LedgerError("`workspace` is no name", "write a name or an id, or leave it out")
    answer: Any = told
    if isinstance(told.get("result"), dict):
        result = told["result"]
        if result.get("type") in _UNBILLED:
            return Line(None, workspace)
        answer = result.get("message")
    if not isinstance(answer, dict) or "usage" not in answer:
        raise LedgerError(
            "there is no message in it", "write a message, as the API answers it, with its usage"
        )
    counted = count(answer, **{name: answer.get(name) for name in _DIMENSIONS})
    if counted.message_id is None:
        raise LedgerError(
            "it has no id, so that it would be counted again with each run", "write its `id`"
        )
    return Line(counted, workspace)
