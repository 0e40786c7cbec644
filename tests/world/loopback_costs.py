"""The cost report and the usage and cost analytics of the loopback API, from a bill."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from fractions import Fraction
from typing import Any, NamedTuple

from tests.world.billing import API_PRODUCT, Charge
from tests.world.loopback_query import (
    BUCKET_WIDTHS,
    BucketWidth,
    Cursors,
    Parameters,
    epoch,
    invalid,
    listed,
    report_range,
    rfc_3339,
)
from tests.world.oracle import Usage

ANALYTICS_BETA = "analytics-usage-cost-2026-08-24"
COST_REPORT = "cost_report"
COST = "analytics/cost"
USAGE = "analytics/usage"

DAY = BUCKET_WIDTHS["1d"].seconds
HOUR = BUCKET_WIDTHS["1h"].seconds
LONGEST_RANGE = 31 * DAY
LONGEST_RANGE_OF_MINUTES = DAY
OLDEST_START = 365 * DAY
EARLIEST_START = epoch(datetime(2026, 1, 1, tzinfo=UTC))
DEFAULT_ROWS = 20
MAXIMUM_ROWS = 1000
MAXIMUM_GROUPS = 5

# What a row of the cost report tells only where it is grouped by description.
DESCRIBED = ("cost_type", "model", "token_type", "service_tier", "context_window", "inference_geo")
WORDINGS = {
    "uncached_input_tokens": "Input Tokens",
    "cache_creation.ephemeral_5m_input_tokens": "Input Tokens, Cache Write (5m)",
    "cache_creation.ephemeral_1h_input_tokens": "Input Tokens, Cache Write (1h)",
    "cache_read_input_tokens": "Input Tokens, Cache Read",
    "output_tokens": "Output Tokens",
}

MESSAGES = "messages_api"
BATCHES = "message_batches_api"

FAN_OUT = ("cost_type", "token_type")
USAGE_GROUPS = (
    "actor",
    "actor_type",
    "agent_id",
    "api_key_id",
    "claude_tag_category",
    "claude_tag_user_id",
    "context_window",
    "deployment_id",
    "environment_id",
    "inference_geo",
    "model",
    "organization_id",
    "product",
    "rbac_group_id",
    "service_tier",
    "session_id",
    "slack_channel_id",
    "speed",
    "user_profile_id",
    "workspace_id",
)
COST_GROUPS = tuple(sorted((*USAGE_GROUPS, *FAN_OUT)))
# The first is the default.
COST_ORDERS = ("amount", "list_amount", "time")
USAGE_ORDERS = ("total_tokens", "output_tokens", "requests", "uncached_input_tokens", "time")
# The filters of what made-up usage has; others are refused.
FILTERS = {
    "context_windows[]": "context_window",
    "inference_geos[]": "inference_geo",
    "models[]": "model",
    "products[]": "product",
    "service_tiers[]": "service_tier",
    "speeds[]": "speed",
    "workspace_ids[]": "workspace_id",
}
# The products that can be filtered by; other rows have others, or null.
PRODUCTS = (
    "chat",
    "chat_cowork_unified",
    "claude_code",
    "claude_console",
    "claude_design",
    "claude_in_chrome",
    "claude_tag",
    "cowork",
    "managed_agents_api",
    MESSAGES,
    BATCHES,
    "office_agent",
)
# What a charge is of that has no tokens and no request of a product.
COST_PRODUCTS = {"code_execution": None, "session_usage": "managed_agents_api"}
COUNTS = ("uncached", "write_5m", "write_1h", "read", "output", "searches")


class Record(NamedTuple):
    """A charge or a usage: the seconds it covers, what it is grouped by, and what is added up of it."""

    first: int
    last: int
    dimensions: dict[str, str | None]
    measures: dict[str, Fraction | int]


@dataclass(frozen=True)
class Kind:
    """What sets the two analytics apart; the first of `orders` is the default."""

    groups: tuple[str, ...]
    orders: tuple[str, ...]
    records: tuple[Record, ...]
    metrics: Callable[[dict[str, Any], bool], dict[str, object]]
    widths: tuple[str, ...]
    name: str


class Range(NamedTuple):
    """The whole seconds of an analytics query, and its buckets where it has any."""

    start: int
    end: int
    width: BucketWidth | None


class Costs:
    """The routes that tell what was charged, and the usage analytics that go with them.

    The usage report has the Messages API and its batches; the analytics have every product of an organization, chat and
    others included, and usage of none. So whoever wants the sum of the usage report from the analytics has to

    - ask for `products[]=messages_api&products[]=message_batches_api`, which is not one of the five dimensions. In an
      Enterprise organization that is what the usage report would have; all that its plan bills by use is in the
      answer without the filter;
    - ask more than once, as six dimensions have a price (workspace, model, tier, window, geography, speed) and five
      can be grouped by: once for each of `speeds[]=standard` and `speeds[]=fast`, and none of these has what has no speed;
    - read a null geography as `not_available`, and the id of the default workspace (the list of workspaces tells it
      with `include_default=true`), or null in an Enterprise organization, as the default workspace;
    - take a combination that is absent as 0, and follow the pages, which count rows and not buckets;
    - know that nothing after `data_refreshed_at` is there, while the usage report has it within minutes.
    """

    def __init__(
        self,
        bill: list[Charge],
        usage: list[Usage],
        *,
        default_workspace_id: str | None,
        analytics_bill_priority: bool,
        other_products: Sequence[tuple[str | None, Usage]],
    ) -> None:
        shown = [
            charge
            for charge in bill
            if analytics_bill_priority or charge.service_tier != "priority"
        ]
        self._bill = [
            charge
            for charge in bill
            if charge.service_tier != "priority" and charge.product == API_PRODUCT
        ]
        used = [(API_PRODUCT, one) for one in usage]
        self._kinds = {
            COST: Kind(
                groups=COST_GROUPS,
                orders=COST_ORDERS,
                records=tuple(_of_charge(charge, default_workspace_id) for charge in shown),
                metrics=_cost_metrics,
                widths=("1d",),  # a bill knows days
                name="cost",
            ),
            USAGE: Kind(
                groups=USAGE_GROUPS,
                orders=USAGE_ORDERS,
                records=tuple(
                    _of_usage(one, product, default_workspace_id)
                    for product, one in [*used, *other_products]
                ),
                metrics=_usage_metrics,
                widths=tuple(BUCKET_WIDTHS),
                name="usage",
            ),
        }

    def report(self, parameters: Parameters, cursors: Cursors, now: datetime) -> bytes:
        """Return a page of the cost report: completed days, without what is paid in advance."""
        parameters.refuse_unknown(
            {"starting_at", "ending_at", "bucket_width", "limit", "page", "group_by[]"}
        )
        if parameters.one("bucket_width") not in (None, "1d"):
            invalid("bucket_width: Input should be '1d'")
        groups = parameters.many("group_by[]")
        if not set(groups) <= {"workspace_id", "description"}:
            invalid("group_by[]: Input should be 'workspace_id' or 'description'")
        span = report_range(parameters, now, open_day=False, whole_bucket_at_end=False)
        limit = parameters.integer("limit", span.width.default_limit, span.width.maximum_limit)
        page = parameters.one("page")
        first = span.start if page is None else cursors.instant(page)
        end = min(span.end, first + limit * DAY)
        rows: dict[int, dict[tuple[tuple[str, str | None], ...], Fraction]] = {
            start: defaultdict(Fraction) for start in range(first, end, DAY)
        }
        for charge in self._bill:
            if (start := _midnight(charge)) in rows:
                rows[start][_report_key(charge, groups)] += charge.usd
        body = {
            "data": [
                {
                    "starting_at": rfc_3339(start),
                    "ending_at": rfc_3339(start + DAY),
                    "results": [
                        {"amount": cents(usd), "currency": "USD", **dict(key)}
                        for key, usd in results.items()
                    ],
                }
                for start, results in rows.items()
            ],
            "has_more": end < span.end,
            "next_page": cursors.at_instant(end) if end < span.end else None,
        }
        return json.dumps(body).encode()

    def analytics(
        self,
        route: str,
        parameters: Parameters,
        cursors: Cursors,
        now: datetime,
        refreshed_at: datetime,
    ) -> bytes:
        """Return a page of the cost or usage analytics; nothing that reaches beyond `refreshed_at` is in it."""
        kind = self._kinds[route]
        parameters.refuse_unknown(
            {
                "starting_at",
                "ending_at",
                "time_bucket_width",
                "limit",
                "page",
                "order",
                "order_by",
                "group_by[]",
            }
            | FILTERS.keys()
        )
        groups = frozenset(parameters.many("group_by[]"))
        if not groups <= set(kind.groups):
            invalid(f"group_by[]: Input should be {listed(kind.groups)}")
        if len(groups - set(FAN_OUT)) > MAXIMUM_GROUPS:
            invalid(f"Cannot specify more than {MAXIMUM_GROUPS} group_by[] dimensions")
        span = _analytics_range(parameters, kind, now)
        limit = parameters.integer("limit", DEFAULT_ROWS, MAXIMUM_ROWS)
        page = parameters.one("page")
        first = 0 if page is None else int(cursors.position(page))
        ranked = _ranked(kind, parameters, span, groups, epoch(refreshed_at))
        more = len(ranked) > first + limit
        body = {
            "data": [row for unit in ranked[first : first + limit] for row in unit],
            "has_more": more,
            "next_page": cursors.at(str(first + limit)) if more else None,
            "data_refreshed_at": rfc_3339(epoch(refreshed_at)),
        }
        return json.dumps(body).encode()


def cents(usd: Fraction) -> str:
    """Return USD as exact cents, never with an exponent; the amount must have an end as a decimal."""
    amount = usd * 100
    places = 0
    while (amount * 10**places).denominator != 1:
        places += 1
        if places > 60:
            raise ValueError(f"{usd} USD has no end as a decimal")
    digits = str(abs(amount.numerator) * 10**places // amount.denominator).zfill(places + 1)
    sign = "-" if amount < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _midnight(charge: Charge) -> int:
    return epoch(datetime.combine(charge.day, time(), UTC))


def _report_key(charge: Charge, groups: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """Return what a row of the cost report tells besides its amount."""
    described = "description" in groups
    return (
        *((name, getattr(charge, name) if described else None) for name in DESCRIBED),
        ("description", _wording(charge) if described else None),
        ("workspace_id", charge.workspace if "workspace_id" in groups else None),
    )


def _wording(charge: Charge) -> str:
    """Return a description for people; the real ones change."""
    if charge.token_type is None:
        return f"{charge.cost_type.replace('_', ' ').title()} Usage"
    model = (charge.model or "").replace("-", " ").title()
    fast = " (Fast Mode)" if charge.speed == "fast" else ""
    return f"{model}{fast} Usage - {WORDINGS.get(charge.token_type, charge.token_type)}"


def _dimensions(
    source: Charge | Usage, default_workspace_id: str | None, **more: str | None
) -> dict[str, str | None]:
    geo = source.inference_geo
    return {
        "context_window": source.context_window,
        "inference_geo": None if geo == "not_available" else geo,
        "model": source.model,
        "service_tier": source.service_tier,
        "speed": source.speed,
        "workspace_id": default_workspace_id if source.workspace is None else source.workspace,
        **more,
    }


def _product(product: str | None, service_tier: str | None) -> str | None:
    """Return a product as the analytics name it: usage of the API is of messages or of their batches."""
    if product == API_PRODUCT:
        return BATCHES if service_tier == "batch" else MESSAGES
    return product


def _of_charge(charge: Charge, default_workspace_id: str | None) -> Record:
    start = _midnight(charge)
    product = COST_PRODUCTS.get(charge.cost_type, _product(charge.product, charge.service_tier))
    fan_out = {
        "cost_type": charge.cost_type,
        "token_type": charge.token_type,
        "product": product,
    }
    return Record(
        start,
        start + DAY - 1,
        _dimensions(charge, default_workspace_id, **fan_out),
        {"amount": charge.usd, "list_amount": charge.list_usd, "requests": charge.requests},
    )


def _of_usage(usage: Usage, product: str | None, default_workspace_id: str | None) -> Record:
    at = epoch(usage.at)
    counts = {name: getattr(usage, name) for name in COUNTS}
    derived = {
        "output_tokens": usage.output,
        "uncached_input_tokens": usage.uncached,
        "total_tokens": sum(counts.values()) - usage.searches,
        "requests": 1 if any(counts.values()) else 0,
    }
    told = _dimensions(usage, default_workspace_id, product=_product(product, usage.service_tier))
    return Record(at, at, told, {**counts, **derived})


def _cost_metrics(sums: dict[str, Any], fanned_out: bool) -> dict[str, object]:  # noqa: FBT001 - called by position, by one caller
    return {
        "amount": cents(sums["amount"]),
        "list_amount": cents(sums["list_amount"]),
        "currency": "USD",
        "requests": None if fanned_out else sums["requests"],
    }


def _usage_metrics(sums: dict[str, Any], _: bool) -> dict[str, object]:  # noqa: FBT001 - the same
    return {
        "uncached_input_tokens": sums["uncached"],
        "cache_creation": {
            "ephemeral_1h_input_tokens": sums["write_1h"],
            "ephemeral_5m_input_tokens": sums["write_5m"],
        },
        "cache_read_input_tokens": sums["read"],
        "output_tokens": sums["output"],
        "server_tool_use": {"web_search_requests": sums["searches"]},
        "total_tokens": sums["total_tokens"],
        "requests": sums["requests"],
    }


def _analytics_range(parameters: Parameters, kind: Kind, now: datetime) -> Range:
    """Return the range of an analytics query, with the rules about how long and how old it may be."""
    starting_at = parameters.instant("starting_at")
    if starting_at is None:
        invalid("starting_at: Field required")
    if starting_at < EARLIEST_START:
        invalid(f"starting_at: must not be before {rfc_3339(EARLIEST_START)}")
    if starting_at < epoch(now) - OLDEST_START:
        invalid("starting_at: must be within the last 365 days")
    width = _width(parameters, kind)
    ending_at = parameters.instant("ending_at")
    if ending_at is None:
        if width is not None:
            invalid("ending_at: Field required where time_bucket_width is set")
        ending_at = min(epoch(now), starting_at + LONGEST_RANGE)
    longest = LONGEST_RANGE_OF_MINUTES if width == BUCKET_WIDTHS["1m"] else LONGEST_RANGE
    if ending_at <= starting_at:
        invalid("Invalid date range: ending date must be after starting date")
    if ending_at - starting_at > longest:
        invalid(f"Invalid date range: the range may span at most {longest // HOUR} hours")
    if width is None:
        return Range(starting_at - starting_at % HOUR, ending_at - ending_at % HOUR, None)
    return Range(starting_at, ending_at, width)


def _width(parameters: Parameters, kind: Kind) -> BucketWidth | None:
    name = parameters.one("time_bucket_width")
    if name is None:
        return None
    if name not in kind.widths:
        invalid(f"time_bucket_width: Input should be {listed(kind.widths)}")
    return BUCKET_WIDTHS[name]


def _filters(parameters: Parameters) -> dict[str, frozenset[str | None]]:
    """Return the values let through, by dimension, for each filter that the query has."""
    for product in parameters.many("products[]"):
        if product not in PRODUCTS:
            invalid(f"products[]: Input should be {listed(PRODUCTS)}")
    filters: dict[str, frozenset[str | None]] = {}
    for name, dimension in FILTERS.items():
        values = parameters.many(name)
        if values:
            is_geo = dimension == "inference_geo"
            filters[dimension] = frozenset(
                None if is_geo and value == "not_available" else value for value in values
            )
    return filters


def _choice(parameters: Parameters, name: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices, the first where the query has none."""
    asked = parameters.one(name) or choices[0]
    if asked not in choices:
        invalid(f"{name}: Input should be {listed(choices)}")
    return asked


def _ranked(
    kind: Kind, parameters: Parameters, span: Range, groups: frozenset[str], refreshed_at: int
) -> list[list[dict[str, object]]]:
    """Return every row of a query in its order; those that only the fan-out sets apart are one item."""
    order_by = _choice(parameters, "order_by", kind.orders)
    descending = _choice(parameters, "order", ("desc", "asc")) == "desc"
    fan_out = groups & set(FAN_OUT)
    outer = sorted(groups - fan_out)
    filters = _filters(parameters)
    end = min(span.end, refreshed_at)
    units: dict[tuple[Any, ...], dict[tuple[Any, ...], dict[str, Any]]] = defaultdict(dict)
    for record in kind.records:
        if record.first < span.start or record.last >= end:
            continue
        told = record.dimensions
        if any(told[dimension] not in values for dimension, values in filters.items()):
            continue
        if fan_out == {"token_type"} and told["cost_type"] != "tokens":
            continue
        bucket = None if span.width is None else span.width.floor(record.first)
        unit = units[bucket, tuple([told.get(name) for name in outer])]
        inner = (
            told["cost_type"] if fan_out else None,
            told["token_type"] if "token_type" in fan_out else None,
        )
        sums = unit.setdefault(inner, dict.fromkeys(record.measures, 0))
        for name, value in record.measures.items():
            sums[name] += value
    ranked: list[tuple[tuple[Any, ...], list[dict[str, object]]]] = []
    for (bucket, values), rows in units.items():
        metric = kind.orders[0] if order_by == "time" else order_by
        size = sum(sums[metric] for sums in rows.values())
        by_time = order_by == "time" and bucket is not None
        sign = -1 if descending else 1
        rank = (bucket * sign, -size) if by_time else (size * sign,)
        start, stop = (
            (span.start, span.end)
            if bucket is None or span.width is None
            else (bucket, bucket + span.width.seconds)
        )
        group = dict.fromkeys(kind.groups) | dict(zip(outer, values, strict=True))
        unit_rows: list[dict[str, object]] = [
            {
                "starting_at": rfc_3339(start),
                "ending_at": rfc_3339(stop),
                "group": group | (dict(zip(FAN_OUT, inner, strict=True)) if fan_out else {}),
                kind.name: kind.metrics(sums, bool(fan_out)),
            }
            for inner, sums in rows.items()
            if any(value for name, value in sums.items() if name != "requests")
        ]
        if unit_rows:
            tie = json.dumps([start, values])
            ranked.append(((*rank, tie), unit_rows))
    ranked.sort(key=lambda pair: pair[0])
    return [rows for _, rows in ranked]
