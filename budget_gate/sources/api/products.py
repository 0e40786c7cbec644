"""Where usage comes from: the API, seats of people, or what may be either."""

from collections.abc import Collection, Iterator
from typing import Final

from budget_gate.domain.notes import Note, enumerated

# Usage of seats, as no API key makes it: the usage report has none of it.
SEATS: Final = frozenset(
    (
        "chat",
        "chat_cowork_unified",
        "claude_design",
        "claude_in_chrome",
        "claude_tag",
        "cowork",
        "office_agent",
    )
)
# Usage of the API. Claude Code is in neither: it goes through seats or through the API.
_API: Final = frozenset(
    ("claude_console", "managed_agents_api", "message_batches_api", "messages_api")
)


def product_notes(products: Collection[str | None]) -> Iterator[Note]:
    """Which of the products, None for one without a name, are left out or may be wrongly in."""
    seats = sorted(name for name in products if name in SEATS)
    if seats:
        message = f"Not included: usage of seats ({enumerated(seats)}), which is not of the API."
        yield Note("info", "seats_left_out", message)
    others = sorted(name or "no named product" for name in {*products} - SEATS - _API)
    if others:
        message = (
            f"Usage of {enumerated(others)} is included: the analytics do not say whether it "
            "went through seats or through the API."
        )
        yield Note("warning", "product_unclear", message)
