"""Which models an organization may use without a price, for `doctor`: before their first token."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from budget_gate.domain.health import NAMED, Finding
from budget_gate.domain.notes import enumerated
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.models import LATEST, family, newest_first, undated
from budget_gate.domain.prices.pricing import UnknownModel

# What the first use of a model without a price does, of one model and of several.
_MEANWHILE: dict[UnknownModel, tuple[str, str]] = {
    "fail": (
        "makes spend unknown once it is used (exit code 3, spend.unknown_model: fail)",
        "make spend unknown once one is used (exit code 3, spend.unknown_model: fail)",
    ),
    "upper_bound": (
        "counts as $0 to the dearest known rate (spend.unknown_model: upper_bound)",
        "count as $0 to the dearest known rate (spend.unknown_model: upper_bound)",
    ),
}


def check_models(
    names: Iterable[str], book: PriceBook, day: date, unknown_model: UnknownModel
) -> Iterator[Finding]:
    """A warning of those among `names` whose usage would have no price on `day`.

    An alias needs no price: usage is reported under the id that it stands for. So each name is
    judged with the others of its model, by its ids. What ends in `-latest` is judged by itself only
    where no id is listed that it may stand for.
    """
    listed = set(names)
    models: dict[str, set[str]] = defaultdict(set)
    for name in listed:
        models[family(name)].add(name)
    ids, aliases = set[str](), set[str]()
    priced = {family(name) for name in book.names() if book.has_price(name, day)}
    for model, of_model in models.items():
        dated = {name for name in of_model if undated(name) != name}
        if dated:
            ids |= {name for name in dated if not book.has_price(name, day)}
        elif model not in priced:
            usable = {name for name in of_model if not name.endswith(LATEST)}
            ids |= usable
            is_alone = not any(it.startswith(f"{model}-") for it in listed - of_model)
            aliases |= of_model if not usable and is_alone else set()
    if ids:
        remedy = "update budget-gate, or add prices under prices.models in the policy"
        yield _without_price(ids, unknown_model, remedy)
    if aliases:
        # Prices under an alias would price nothing: the id that it stands for is not told.
        yield _without_price(aliases, unknown_model, "update budget-gate")
    if not ids and not aliases:
        message = "every model that the organization may use has a price"
        yield Finding("ok", "models", message if listed else "the API lists none")


def _without_price(names: set[str], unknown_model: UnknownModel, remedy: str) -> Finding:
    one, several = _MEANWHILE[unknown_model]
    which = (
        f"1 model that the organization may use has no price, and {one}"
        if len(names) == 1
        else f"{len(names)} models that the organization may use have no price, and {several}"
    )
    named = enumerated(newest_first(names), NAMED)
    return Finding("warning", "models", f"{which}: {named}", remedy)
