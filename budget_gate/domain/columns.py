"""The columns of a row of a day, in their order, as feeds and the history have them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from budget_gate.domain.bounds import exact
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.policy.names import Names, id_text, name_of

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


def values(
    rows: Iterable[DailyRow], names: Names, text: Callable[[str], str]
) -> Iterator[tuple[str | int, ...]]:
    """What each row has in each column: texts, whole numbers, and exact USD as texts.

    `text` is what a third party's text becomes. What is of no model, or of no tier, is empty there.
    Cache writes of an unknown lifetime are among those of 5 minutes.
    """
    labels: dict[tuple[str | None, ...], tuple[str, ...]] = {}
    # Of a long period there are so many rows that its time goes here.
    for day, workspace, model, tier, tokens, (low, high), basis, _, _ in rows:
        place = (workspace, model, tier)
        label = labels.get(place)
        if label is None:
            told = (id_text(workspace), name_of(workspace, names), model or "", tier or "")
            label = labels[place] = tuple(map(text, told))
        uncached, write_5m, write_1h, read, output, searches, unsplit = tokens
        usd = exact(low)
        yield (
            day.isoformat(),
            *label,
            uncached,
            output,
            write_5m + unsplit,
            write_1h,
            read,
            searches,
            usd,
            usd if low is high else exact(high),
            basis,
        )
