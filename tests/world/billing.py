"""The bill: what an organization is charged, exactly; imports nothing of the package under test."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.world.oracle import USD_PER_SEARCH, Card, UnpricedUsageError, Usage, cost

if TYPE_CHECKING:
    from tests.world.loopback import Organization

# The name that both cost endpoints have for a token class -> the field of Usage that counts it.
TOKEN_TYPES = {
    "uncached_input_tokens": "uncached",
    "cache_creation.ephemeral_5m_input_tokens": "write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "write_1h",
    "cache_read_input_tokens": "read",
    "output_tokens": "output",
}
API_PRODUCT = "api"
NO_FACTORS: Mapping[str, Fraction] = {}
NO_PRICES: Mapping[str, Card] = {}


@dataclass(frozen=True)
class Charge:
    """Something billed on a UTC day; workspace None is the default workspace.

    `cost_type` is tokens, web_search, code_execution, session_usage, or one that nobody knows yet. What only tokens
    have is None elsewhere. `usd` is what is charged after discounts, `list_usd` before them. `requests` counts the API
    requests that no other charge counts. A `product` that is not the API is in the analytics alone; None is of nothing
    that they know.
    """

    day: date
    workspace: str | None
    cost_type: str
    model: str | None
    token_type: str | None
    service_tier: str | None
    context_window: str | None
    inference_geo: str | None
    usd: Fraction
    list_usd: Fraction
    speed: str | None = None
    requests: int = 0
    product: str | None = API_PRODUCT


@dataclass(frozen=True)
class Billed:
    """The USD of a period, by workspace (None is the default one) and of all together."""

    workspaces: dict[str | None, Fraction]
    overall: Fraction


def undated(model: str) -> str:
    """Return a model's id without the date at its end."""
    return re.sub(r"-[0-9]{8}\Z", "", model)


def bill_of(
    organization: "Organization",
    *,
    discount: Fraction = Fraction(0),
    factors: Mapping[str, Fraction] = NO_FACTORS,
    prices: Mapping[str, Card] = NO_PRICES,
    dated_ids: bool = False,
    long_share: Fraction = Fraction(0),
) -> list[Charge]:
    """Return the charges of every usage: one for each token class it has, and one for its web searches.

    At list price they add up to the oracle's cost. `discount` is taken off tokens, searches cost the same for everybody;
    `factors` multiplies a model's list price of tokens. `prices` are the cards of models that no list has, the same for
    every tier, speed and geography; they go before published prices. Both go by the model's id in usage or without its
    date, and bill it without its date unless `dated_ids`. Where published prices leave the length of a request open,
    `long_share` of the tokens of each class were in long ones. Raises UnpricedUsageError where nothing prices a usage.

    Tokens of the priority tier are charged too, and paid in advance: who reads the bill leaves them out.
    """
    return [
        charge
        for usage in organization.usage
        for charge in _charges(usage, discount, factors, prices, long_share, dated_ids=dated_ids)
    ]


def _charges(
    usage: Usage,
    discount: Fraction,
    factors: Mapping[str, Fraction],
    prices: Mapping[str, Card],
    long_share: Fraction,
    *,
    dated_ids: bool,
) -> list[Charge]:
    factor = factors.get(usage.model, factors.get(undated(usage.model), Fraction(1)))
    card = prices.get(usage.model, prices.get(undated(usage.model)))
    charges = []
    for token_type, attribute in TOKEN_TYPES.items():
        tokens = getattr(usage, attribute)
        if not tokens:
            continue
        alone = replace(usage, uncached=0, write_5m=0, write_1h=0, read=0, output=0, searches=0)
        list_usd = factor * _price(replace(alone, **{attribute: tokens}), card, long_share)
        charges.append(
            Charge(
                day=usage.day,
                workspace=usage.workspace,
                cost_type="tokens",
                model=usage.model if dated_ids else undated(usage.model),
                token_type=token_type,
                service_tier=usage.service_tier,
                context_window=usage.context_window,
                inference_geo=usage.inference_geo,
                usd=list_usd * (1 - discount),
                list_usd=list_usd,
                speed=usage.speed,
            )
        )
    if usage.searches:
        usd = usage.searches * USD_PER_SEARCH
        charges.append(_other("web_search", usage.day, usage.workspace, usd, requests=0))
    if charges:
        charges[0] = replace(charges[0], requests=1)
    return charges


def _price(usage: Usage, card: Card | None, long_share: Fraction) -> Fraction:
    """Return the list price of a usage."""
    if card is not None:
        return card.price(usage, usage.write_5m, usage.write_1h)
    bounds = cost(usage)
    if bounds is None:
        raise UnpricedUsageError(f"no published price for {usage}")
    low, high = bounds
    return low + long_share * (high - low)


def _other(
    cost_type: str, day: date, workspace: str | None, usd: Fraction, *, requests: int
) -> Charge:
    return Charge(
        day=day,
        workspace=workspace,
        cost_type=cost_type,
        model=None,
        token_type=None,
        service_tier=None,
        context_window=None,
        inference_geo=None,
        usd=usd,
        list_usd=usd,
        requests=requests,
    )


def code_execution(day: date, workspace: str | None, usd: Fraction) -> Charge:
    """Return a charge for the time of containers, which no usage report shows."""
    return _other("code_execution", day, workspace, usd, requests=1)


def session_usage(day: date, workspace: str | None, usd: Fraction) -> Charge:
    """Return a charge for the time of managed agents, which no usage report shows."""
    return _other("session_usage", day, workspace, usd, requests=1)


def other_cost(day: date, workspace: str | None, usd: Fraction, cost_type: str) -> Charge:
    """Return a charge of a kind that nobody knows yet."""
    return _other(cost_type, day, workspace, usd, requests=1)


def so_far(charges: Iterable[Charge], hours: Mapping[date, int]) -> list[Charge]:
    """Return what is there of the charges where a day has come in up to an hour: each in proportion to that."""
    return [
        replace(
            charge,
            usd=charge.usd * hours.get(charge.day, 24) / 24,
            list_usd=charge.list_usd * hours.get(charge.day, 24) / 24,
        )
        for charge in charges
    ]


def billed(
    charges: Iterable[Charge],
    start_day: date,
    end_day: date,
    *,
    priority: bool = True,
    at_list: bool = False,
) -> Billed:
    """Return what is charged on the days from `start_day` up to but not including `end_day`.

    Without `priority` the tokens of that tier are left out; `at_list` adds up list prices. A workspace without a charge
    on these days is left out.
    """
    workspaces: dict[str | None, Fraction] = defaultdict(Fraction)
    for charge in charges:
        if start_day <= charge.day < end_day and (priority or charge.service_tier != "priority"):
            workspaces[charge.workspace] += charge.list_usd if at_list else charge.usd
    return Billed(dict(workspaces), sum(workspaces.values(), Fraction(0)))
