"""The models that an organization may use, by its rate limits: before their first token."""

from collections.abc import Iterator
from typing import Any, Final

from budget_gate.sources.api.answers import malformed, read_cursor
from budget_gate.sources.http.transport import Transport

ROUTE: Final = "/v1/organizations/rate_limits"

# Of up to 1,000 limits each, where an organization has some dozens.
_MOST_PAGES: Final = 20


def read_models(transport: Transport) -> tuple[str, ...]:
    """The names of every model that has a rate limit, aliases included, in the API's order.

    Raises UnverifiedError where the list cannot be had whole.
    """
    where = f"GET {ROUTE}"
    query = [("group_type", "model_group"), ("limit", "1000")]
    found: dict[str, None] = {}
    cursors: set[str] = set()
    following: list[tuple[str, str]] = []
    while True:
        answer = transport.get(ROUTE, query + following)
        entries = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(entries, list):
            raise malformed(where, "it is not a list of rate limits")
        found |= dict.fromkeys(name for entry in entries for name in _names(entry, where))
        cursor = _cursor(answer, where)
        if cursor is None:
            return tuple(found)
        if cursor in cursors or not entries:
            raise malformed(where, "its pages go in a circle")
        if len(cursors) == _MOST_PAGES:
            raise malformed(where, "its pages have no end")
        cursors.add(cursor)
        following = [("page", cursor)]


def _names(entry: Any, where: str) -> Iterator[str]:
    """The models of one entry: none where it limits something else, such as batches or files."""
    match entry:
        case {"models": list(names)} if all(isinstance(name, str) and name for name in names):
            yield from names
        case {"models": None}:
            return
        case _:
            raise malformed(where, "an entry does not list its models")


def _cursor(answer: dict[str, Any], where: str) -> str | None:
    """The next page, by `next_page` alone where the answer leaves `has_more` out, as documented."""
    has_more = answer.get("has_more", answer.get("next_page") is not None)
    return read_cursor({**answer, "has_more": has_more}, where)
