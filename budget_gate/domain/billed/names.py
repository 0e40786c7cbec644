"""Which model of the usage a name in the bill means: either may have the date of an id, or not."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date

from budget_gate.domain.billed.bill import Bill
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.models import undated
from budget_gate.domain.usage import UNATTRIBUTED, Usage

_Names = dict[tuple[object, ...], set[str]]


def model_of(name: str, book: PriceBook) -> str:
    """What all names of a model have in common: its id without a date."""
    return undated(book.model_id(name) or name)


def naming(
    bill: Bill, usage: Usage, book: PriceBook
) -> Callable[[str | None, date, str], tuple[str, ...]]:
    """For a workspace, a day and a model of the bill: the names of the usage that it may stand for.

    They are those that the usage has for the model there, but for one that the bill tells apart. A
    name with a date stands for itself, and so does one of which there is no usage.
    """
    used: _Names = defaultdict(set)
    billed: _Names = defaultdict(set)
    for key in usage.table:
        if key.model:
            model = model_of(key.model, book)
            used[key.workspace, key.day, model].add(key.model)
            used[(model,)].add(key.model)
    for charge in bill.charges:
        if charge.model:
            place = (charge.workspace, charge.day, model_of(charge.model, book))
            billed[place].add(charge.model)

    def names(workspace: str | None, day: date, name: str) -> tuple[str, ...]:
        model = model_of(name, book)
        found = {it for id_ in {workspace, UNATTRIBUTED} for it in used[id_, day, model]}
        is_dated = undated(name) != name
        if is_dated and name in found:
            return (name,)
        if is_dated or not found:
            return tuple(sorted({name, *(found or used[(model,)])}))
        others = billed[workspace, day, model] - {name}
        return tuple(sorted(found - others or {name, *found}))

    return names
