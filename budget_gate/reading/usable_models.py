"""Which models an organization may use, and whether they have a price: findings of the doctor."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from budget_gate.domain.health import Finding, unverified
from budget_gate.domain.model_health import check_models
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.rate_limits import read_models
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.transport import Pending, Transport

# The statuses by which the API says that it does not serve this route to this credential.
_REFUSALS: Final = (400, 403, 404)


def start_models(transport: Transport) -> Pending[tuple[str, ...]]:
    """Asks for the names of the models."""
    return transport.start(partial(read_models, transport))


def usable_models(
    pending: Pending[tuple[str, ...]], file: PolicyFile | None, book: PriceBook, month: MonthToDate
) -> Iterator[Finding]:
    """What there is to say of their prices; no error, as a check does without the list of them."""
    unknown_model = file.policy.spend.unknown_model if file else "fail"
    try:
        names = pending.result()
    except UnverifiedError as error:
        if isinstance(error, RefusedError) and error.status in _REFUSALS:
            message = f"not listed ({error.status}), so one without a price shows at its first use"
            yield Finding("ok", "models", message)
        else:
            yield unverified("models", error)._replace(level="warning", exit_code=0)
    else:
        yield from check_models(names, book, month.day, unknown_model)
