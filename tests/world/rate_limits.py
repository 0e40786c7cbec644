"""The list of rate limits of the loopback API, which tells the models that an organization may use."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.world.loopback_query import ApiError, Cursors, Parameters, invalid, listed
from tests.world.oracle import price_table

RATE_LIMITS = "rate_limits"
MODEL_GROUP = "model_group"
GROUP_TYPES = ("batch", "files", MODEL_GROUP, "skills", "token_count", "web_search")
MAXIMUM_ENTRIES = 1000
TOKENS_PER_MINUTE = {
    "requests_per_minute": 4_000,
    "input_tokens_per_minute": 2_000_000,
    "output_tokens_per_minute": 400_000,
}


@dataclass(frozen=True)
class RateLimit:
    """An entry: a group of models with one limit, by every name and alias; or another group, which has no models."""

    models: tuple[str, ...] = ()
    group_type: str = MODEL_GROUP
    name: str = "Claude"
    limits: tuple[tuple[str, int], ...] = tuple(TOKENS_PER_MINUTE.items())


OTHERS = (
    RateLimit(group_type="batch", limits=(("enqueued_batch_requests", 500_000),)),
    RateLimit(group_type="token_count", limits=(("requests_per_minute", 8_000),)),
    RateLimit(group_type="web_search", limits=(("requests_per_second", 30),)),
)


def published_limits(day: date) -> list[RateLimit]:
    """Return an entry for each model that has a published price on that day, and those without models."""
    models: dict[str, tuple[str, ...]] = {
        row.model: (row.model, *row.aliases)
        for row in price_table()
        if row.holds_on(day) and (row.retired_on is None or day < row.retired_on)
    }
    entries = [RateLimit(names, name=name) for name, names in models.items()]
    return [*entries, *OTHERS]


def rate_limits(
    entries: Sequence[RateLimit], parameters: Parameters, cursors: Cursors, *, is_older: bool
) -> bytes:
    """Return a page; without a limit it has every entry. `is_older`: a group's type stands in `group_type`, as before `group`."""
    parameters.refuse_unknown({"group_type", "limit", "model", "page"})
    group_type = parameters.one("group_type")
    if group_type is not None and group_type not in GROUP_TYPES:
        invalid(f"group_type: Input should be {listed(GROUP_TYPES)}")
    model = parameters.one("model")
    found = [
        (number, entry)
        for number, entry in enumerate(entries)
        if group_type in (None, entry.group_type) and (model is None or model in entry.models)
    ]
    if model is not None and not found:
        raise ApiError(404, "not_found_error", f"No rate limits found for model '{model}'")
    limit = parameters.integer("limit", MAXIMUM_ENTRIES, MAXIMUM_ENTRIES)
    page = parameters.one("page")
    first = 0 if page is None else int(cursors.position(page))
    end = len(found) if parameters.one("limit") is None else first + limit
    body = {
        "data": [_entry(number, entry, is_older=is_older) for number, entry in found[first:end]],
        "next_page": cursors.at(str(end)) if end < len(found) else None,
    }
    return json.dumps(body).encode()


def _entry(number: int, entry: RateLimit, *, is_older: bool) -> Mapping[str, object]:
    has_models = entry.group_type == MODEL_GROUP
    group: dict[str, Any] = {"id": f"rlg_01EXAMPLE{number:03d}", "type": entry.group_type}
    shape: dict[str, object] = {
        "id": f"rl_01EXAMPLE{number:03d}",
        "group": {**group, "display_name": entry.name} if has_models else group,
    }
    return {
        **({"group_type": entry.group_type} if is_older else shape),
        "limits": [{"type": kind, "value": value} for kind, value in entry.limits],
        "models": list(entry.models) if has_models else None,
        "type": "rate_limit",
    }
