"""Small real values of the domain, for its tests: policies, usage, spend, reports."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.rates import Unpriced
from budget_gate.domain.spend import Coverage, PriceFacts, Spend, SpendLine, Workspace
from budget_gate.domain.usage import Tokens, Usage, UsageKey, UsageTable
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document, load_price_book
from tests.helpers.wording import assert_in_style
from tests.world import oracle

MILLION: Final = 1_000_000
AS_OF: Final = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
MONTH: Final = MonthToDate(AS_OF)
COVERAGE: Final = Coverage(through=AS_OF, closed_days=19, open_day=True)
VERIFIED_ON: Final = date(2026, 11, 10)

# Costs by workspace; a type parameter of Mapping is no union of its keys, so both are named.
Costs = Mapping[str, Bounds] | Mapping[None, Bounds] | Mapping[str | None, Bounds]

# The dimensions that the oracle calls known, by the field of a usage key that tells them.
KEY_FIELDS: Final = ("service_tier", "context_window", "inference_geo", "speed")


@cache
def book() -> PriceBook:
    """The bundled price book."""
    return PriceBook(load_price_book())


def policy(text: str) -> PolicyFile:
    """The policy that `text` is, in a file named budget.yml."""
    return PolicyFile(*load_document(text.encode(), "budget.yml", Policy))


NO_CAP: Final = policy("version: 1\nunlisted: warn\n")


def book_with(prices: str) -> PriceBook:
    """The bundled book as the `prices` of a policy, written as YAML in one line, change it."""
    file = policy(f"version: 1\nglobal: {{cap: 1}}\nprices: {prices}\n")
    return book().with_policy(file.policy.prices)


def cost_of(prices: PriceBook, key: UsageKey, tokens: Tokens) -> Bounds | Unpriced:
    """What a book's priced row has as the cost of an amount of usage."""
    priced = price(usage_of([(key, tokens)]), prices)
    (row,) = priced.rows
    return priced.cost(row)


def key(
    model: str | None = "claude-opus-5-5",
    day: str = "2026-11-10",
    *,
    workspace: str | None = None,
    tier: str | None = "standard",
    window: str | None = "0-200k",
    geo: str | None = "global",
    speed: str | None = "standard",
) -> UsageKey:
    """A key of usage that is resolved in every dimension and has no surcharge."""
    return UsageKey(
        day=date.fromisoformat(day),
        workspace=workspace,
        model=model,
        service_tier=tier,
        context_window=window,
        inference_geo=geo,
        speed=speed,
    )


def reported(
    usage: oracle.Usage, known: frozenset[str] = oracle.EVERY_DIMENSION
) -> tuple[UsageKey, Tokens]:
    """The row that a report which tells the dimensions `known` has for a usage of the oracle."""
    told = {name: getattr(usage, name) if name in known else None for name in KEY_FIELDS}
    row = UsageKey(day=usage.day, workspace=usage.workspace, model=usage.model, **told)
    split = "cache_ttl" in known
    return row, Tokens(
        uncached_input=usage.uncached,
        cache_write_5m=usage.write_5m if split else 0,
        cache_write_1h=usage.write_1h if split else 0,
        cache_read=usage.read,
        output=usage.output,
        web_searches=usage.searches,
        cache_write_unsplit=0 if split else usage.write_5m + usage.write_1h,
    )


def usage_of(
    rows: Iterable[tuple[UsageKey, Tokens]],
    *,
    workspaces: tuple[Workspace, ...] | None = (),
    notes: tuple[Note, ...] = (),
) -> Usage:
    """The usage of some rows, those of one key added up."""
    table: UsageTable = {}
    for where, tokens in rows:
        table[where] = table.get(where, Tokens()).plus(tokens)
    return Usage(table=table, workspaces=workspaces, coverage=COVERAGE, notes=notes)


def priced(cost: Bounds | Unpriced) -> Bounds:
    """The cost, where there is one."""
    assert isinstance(cost, Bounds), cost
    return cost


def fractions(cost: Bounds | Unpriced) -> tuple[Fraction, Fraction] | None:
    """The cost as the oracle writes it."""
    return None if isinstance(cost, Unpriced) else (Fraction(cost.low), Fraction(cost.high))


def bounds(low: str, high: str | None = None) -> Bounds:
    """Exact bounds; `high` is that of `low` unless given, and may be `unlimited`."""
    top = UNLIMITED if high == "unlimited" else Decimal(high or low)
    return Bounds(Decimal(low), top)


def spend_of(
    costs: Costs,
    *,
    workspaces: tuple[Workspace, ...] | None = (),
    unpriced: tuple[str, ...] = (),
    verified_on: date = VERIFIED_ON,
    notes: tuple[Note, ...] = (),
) -> Spend:
    """A spend with one line for each workspace of `costs`, all on one day and of one model."""
    return Spend(
        lines=tuple(
            SpendLine(
                day=date(2026, 11, 10),
                workspace=workspace,
                model="claude-opus-5-5",
                cost=cost,
                basis="list",
            )
            for workspace, cost in costs.items()
        ),
        unpriced=unpriced,
        workspaces=workspaces,
        coverage=COVERAGE,
        prices=PriceFacts(verified_on, ()),
        notes=notes,
    )


def line(
    cost: Bounds,
    workspace: str | None = None,
    *,
    model: str | None = "claude-opus-5-5",
    day: str = "2026-11-10",
) -> SpendLine:
    """What a model cost a workspace on a day."""
    return SpendLine(workspace, date.fromisoformat(day), model, cost, "list")


def spend_of_lines(
    *lines: SpendLine,
    workspaces: tuple[Workspace, ...] | None = (),
    models: tuple[str, ...] = (),
    aliases: Mapping[str, str] | None = None,
) -> Spend:
    """A spend of these lines; `models` and `aliases` are those that have a price."""
    prices = PriceFacts(VERIFIED_ON, (), models=models, aliases=aliases or {})
    return Spend(lines, (), workspaces, COVERAGE, prices)


def judged(
    text: str,
    costs: Costs,
    *,
    workspaces: tuple[Workspace, ...] | None = (),
) -> Report:
    """The report on a spend under the policy that `text` is."""
    return evaluate(policy(text), spend_of(costs, workspaces=workspaces), MONTH)


def budget(report: Report, id_: str) -> BudgetResult:
    """The result of the budget with that id."""
    found = {result.id: result for result in report.budgets}
    assert id_ in found, sorted(found)
    return found[id_]


def errors_of(error: ConfigurationError) -> list[str]:
    """The defects that an error tells, one line each, whose words and remedies are in style."""
    for problem in error.problems:
        assert_in_style(problem.message)
        assert_in_style(problem.hint)
    return [str(problem) for problem in error.problems]


def month_at(text: str) -> MonthToDate:
    """The month to date at a UTC time."""
    return MonthToDate(datetime.fromisoformat(text).replace(tzinfo=UTC))
