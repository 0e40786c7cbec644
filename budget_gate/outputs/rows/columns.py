"""The columns of a row of a day, in their order, as every format of our own has them."""

from collections.abc import Mapping
from typing import Final

from budget_gate.domain.daily import DailyRow
from budget_gate.domain.policy.names import id_text
from budget_gate.outputs.amounts import exact

Names = Mapping[str | None, str]

COLUMNS: Final = (
    "date",
    "workspace_id",
    "workspace",
    "model",
    "service_tier",
    "input",
    "output",
    "cache_write_5m",
    "cache_write_1h",
    "cache_read",
    "web_searches",
    "usd",
    "usd_high",
    "basis",
)
# Those that hold a third party's text.
TEXTS: Final = COLUMNS[1:5]


def values(row: DailyRow, names: Names) -> tuple[str | int, ...]:
    """What a row has in each column: texts, whole numbers of tokens, and exact USD as texts.

    What is of no model, or of no tier, is empty there. Cache writes of an unknown lifetime are
    among those of 5 minutes.
    """
    day, workspace, model, tier, tokens, (low, high), basis, *_ = row
    usd = exact(low)
    return (
        day.isoformat(),
        id_text(workspace),
        name_of(workspace, names),
        model or "",
        tier or "",
        tokens.uncached_input,
        tokens.output,
        tokens.cache_write_5m + tokens.cache_write_unsplit,
        tokens.cache_write_1h,
        tokens.cache_read,
        tokens.web_searches,
        usd,
        usd if low == high else exact(high),
        basis,
    )


def name_of(workspace: str | None, names: Names) -> str:
    """A workspace's name, or its id where it has none."""
    return names.get(workspace) or id_text(workspace)
