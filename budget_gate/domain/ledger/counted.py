"""The usage of one answer of the Messages API -> what is billed of it, as the ledger counts it.

Whatever it does not know how to count it raises: a count that cannot be read is never a zero.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from budget_gate.domain.usage import Tokens
from budget_gate.errors import LedgerError

# A prompt above so many tokens, cached ones included, is a long one.
LONG_PROMPT: Final = 200_000
SHORT_WINDOW: Final = "0-200k"
LONG_WINDOW: Final = "200k-1M"
LONGEST_NAME: Final = 256

# Far above what one answer can have.
_MOST: Final = 10**12
_SHOWN: Final = 60
_WHOLE: Final = (
    "give the message itself: at the end of a stream stream.get_final_message(), and of a batch's "
    "result that succeeded result.message"
)
_UPDATE: Final = "update budget-gate, or report the field"
_SPLIT: Final = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_DIMENSIONS: Final = ("service_tier", "inference_geo", "speed")
# Parts of a sum that stands beside them, or no amounts; a page that is fetched costs nothing.
_FREE: Final = frozenset(
    ("output_tokens_details", "fallback_credit", "web_fetch_requests", "type", "model")
)
_KNOWN: Final = _FREE | frozenset(
    (
        *("input_tokens", "output_tokens", "cache_read_input_tokens"),
        *("cache_creation_input_tokens", "cache_creation", "server_tool_use", "iterations"),
        *_DIMENSIONS,
    )
)
# Iterations whose tokens are not in the sums that stand beside `iterations`.
_BESIDES: Final = ("compaction", "advisor_message")


class Use(NamedTuple):
    """Tokens of one model and one kind; what is None the answer does not say."""

    model: str
    service_tier: str
    context_window: str | None
    inference_geo: str | None
    speed: str | None
    tokens: Tokens


class Counted(NamedTuple):
    """What an answer is billed for: mostly one use; `message_id` is None where it says none."""

    message_id: str | None
    uses: tuple[Use, ...]


def count(
    answer: Any,
    *,
    message_id: str | None = None,
    model: str | None = None,
    service_tier: str | None = None,
    speed: str | None = None,
    inference_geo: str | None = None,
) -> Counted:
    """What is billed of an answer: a message, or its usage; a mapping or an object of the SDK.

    What the answer says of itself is taken first, then what is given besides it. An answer that
    names a service tier and no speed was of the usual speed, and without a tier the standard one
    is meant, than which none is dearer. Where `usage.iterations` are told, all of them are billed,
    each with its own model and its own length of the prompt.

    Raises LedgerError where a count is missing or no number, or is of what has no price here.
    """
    usage, of_message = _parts(answer)
    if usage is None:
        raise LedgerError("the answer has no usage", _WHOLE)
    _refuse_unknown(usage, _KNOWN)
    whole = _tokens(usage)
    tier = _name(usage.get("service_tier"), service_tier, "service_tier")
    kind = (
        tier or "standard",
        _name(usage.get("inference_geo"), inference_geo, "inference_geo"),
        _name(usage.get("speed"), speed, "speed")
        or ("standard" if usage.get("service_tier") else None),
    )
    name = _name(of_message.get("model"), model, "model")
    id_ = _name(of_message.get("id"), message_id, "id")
    if name is None:
        raise LedgerError(
            "the usage does not say which model it is of", "give the message itself, or model=..."
        )
    if not usage.get("iterations"):
        # Each search is another prompt, and only their sum is told.
        is_sum = whole.web_searches or _fetches(usage)
        return Counted(id_, (_use(name, kind, whole, is_sum=bool(is_sum)),))
    return Counted(id_, tuple(_each(usage["iterations"], name, kind, whole)))


def _each(
    iterations: Any, model: str, kind: tuple[str, str | None, str | None], whole: Tokens
) -> Iterable[Use]:
    """The uses of each iteration, and of what the sums have beyond them."""
    found: dict[tuple[str, str | None], Tokens] = {}
    place: tuple[str, str | None]
    summed = Tokens()
    if not isinstance(iterations, list | tuple):
        raise LedgerError("`iterations` of the usage is no list", _UPDATE)
    for item in iterations:
        one = _mapping(item)
        if one is None:
            raise LedgerError("an iteration of the usage is no object", _UPDATE)
        _refuse_unknown(one, _KNOWN)
        tokens = _tokens(one)
        place = (_name(one.get("model"), model, "model") or model, _window(tokens))
        found[place] = found.get(place, Tokens()).plus(tokens)
        if one.get("type") not in _BESIDES:
            summed = summed.plus(tokens)
    rest = _beyond(whole, summed)
    if any(rest):
        place = (model, None if _prompt(whole) > LONG_PROMPT else SHORT_WINDOW)
        found[place] = found.get(place, Tokens()).plus(rest)
    tier, geo, speed = kind
    for (name, window), tokens in found.items():
        yield Use(name, tier, window, geo, speed, tokens)


def _beyond(whole: Tokens, summed: Tokens) -> Tokens:
    """What the sums have more of than their parts, whose cache writes may be split otherwise."""
    rest = Tokens(*(max(0, one - other) for one, other in zip(whole, summed, strict=True)))
    writes = _writes(whole) - _writes(summed)
    if writes == _writes(rest):
        return rest
    return rest._replace(cache_write_5m=0, cache_write_1h=0, cache_write_unsplit=max(0, writes))


def _use(
    model: str, kind: tuple[str, str | None, str | None], tokens: Tokens, *, is_sum: bool
) -> Use:
    tier, geo, speed = kind
    window = _window(tokens)
    return Use(
        model, tier, None if is_sum and window == LONG_WINDOW else window, geo, speed, tokens
    )


def _window(tokens: Tokens) -> str:
    return LONG_WINDOW if _prompt(tokens) > LONG_PROMPT else SHORT_WINDOW


def _prompt(tokens: Tokens) -> int:
    return tokens.uncached_input + tokens.cache_read + _writes(tokens)


def _writes(tokens: Tokens) -> int:
    return tokens.cache_write_5m + tokens.cache_write_1h + tokens.cache_write_unsplit


def _parts(answer: Any) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
    """The usage of an answer, and what the message says besides; the usage alone is taken, too."""
    if not isinstance(answer, Mapping) and hasattr(answer, "usage"):
        told = {name: getattr(answer, name, None) for name in ("id", "model")}
        return _mapping(answer.usage), told
    found = _mapping(answer) or {}
    if "usage" in found:
        return _mapping(found["usage"]), found
    # An error and a line of a batch's results are neither a message nor its usage.
    return (found if found.keys() & {"input_tokens", "output_tokens"} else None), {}


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping, or an object of the SDK as one; None for anything else."""
    if isinstance(value, Mapping):
        return value
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        return None
    found = dump(warnings=False)
    return found if isinstance(found, Mapping) else None


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    split = _object(usage, "cache_creation")
    tools = _object(usage, "server_tool_use")
    if split:
        _refuse_unknown(split, _SPLIT)
    if tools:
        _refuse_unknown(tools, ("web_search_requests", "web_fetch_requests"))
    short, long = (_number(split, name) for name in _SPLIT)
    # A stream's last word is of the sum alone: what its parts do not have yet is of either kind.
    unsplit = max(0, _number(usage, "cache_creation_input_tokens") - short - long)
    return Tokens(
        _number(usage, "input_tokens", required=True),
        short,
        long,
        _number(usage, "cache_read_input_tokens"),
        _number(usage, "output_tokens", required=True),
        _number(tools, "web_search_requests"),
        unsplit,
    )


def _fetches(usage: Mapping[str, Any]) -> int:
    return _number(_object(usage, "server_tool_use"), "web_fetch_requests")


def _object(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = usage.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise LedgerError(f"`{name}` of the usage is no object", _UPDATE)
    return value


def _number(counts: Mapping[str, Any], name: str, *, required: bool = False) -> int:
    value = counts.get(name)
    if value is None and not required:
        return 0
    if type(value) is not int or not 0 <= value < _MOST:
        found = "missing" if value is None else f"{repr(value)[:_SHOWN]}, not a count"
        raise LedgerError(f"`{name}` of the usage is {found}", _WHOLE)
    return value


def _refuse_unknown(counts: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises where something is counted that this version has no price for."""
    for name in counts.keys() - known:
        value = counts[name]
        if value and not isinstance(value, str) and not str(name).endswith("_details"):
            raise LedgerError(
                f"the usage has {str(name)[:_SHOWN]!r}, which this version cannot count", _UPDATE
            )


def _name(told: Any, given: str | None, what: str) -> str | None:
    """What the answer says, else what is given; None where neither says anything."""
    found = given if told is None else told
    if found is None:
        return None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_NAME:
        raise LedgerError(
            f"`{what}` is {repr(found)[:_SHOWN]}, and no name",
            f"write a text of up to {LONGEST_NAME} characters, or leave it out",
        )
    return found
