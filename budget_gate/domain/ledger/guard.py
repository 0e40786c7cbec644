"""Which caps are exceeded by the last verdict's spend and what was counted since."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from budget_gate.domain.bounds import NOTHING, ZERO, plus
from budget_gate.domain.clock import WORTH_A_WARNING, age_in_words
from budget_gate.domain.costs import add_up
from budget_gate.domain.freshness import oldest
from budget_gate.domain.ledger.guarded import GuardedVerdict
from budget_gate.domain.ledger.hours import Counts, Hours, beyond, canonical
from budget_gate.domain.ledger.possible import placed
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.caps import caps_in_force
from budget_gate.domain.policy.directory import directory, workspace_id
from budget_gate.domain.policy.keys import resolve
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.names import model_names
from budget_gate.domain.policy.scoping import Reservation, ScopedBudget, Scoping
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import price_facts
from budget_gate.domain.spend import Coverage, Spend, SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Usage
from budget_gate.errors import ConfigurationError

# Units of the price book by workspace, model, and whether they are of today.
Costs = Mapping[tuple[str | None, str | None, bool], int]


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A cap that what is known to have been used is above: `used` of `cap` USD.

    `reported` of it is in the report, `counted` is beyond it, and `held` is reserved. A `daily`
    cap is that of the UTC day.
    """

    budget: str
    cap: Decimal
    reported: Decimal
    counted: Decimal
    held: Decimal
    daily: bool = False

    @property
    def used(self) -> Decimal:
        """USD that are used or reserved."""
        return plus(plus(self.reported, self.counted), self.held)


@dataclass(frozen=True, slots=True)
class Guard:
    """The caps that stand in the way of a workspace's next request, by a policy and a verdict.

    `budgets` are as of the day of `now`, with the reported spend in them.
    """

    verdict: GuardedVerdict
    now: datetime
    workspace: str | None
    budgets: tuple[ScopedBudget, ...]
    workspaces: Mapping[str | None, Workspace]
    book: PriceBook

    def exceeded(self, counts: Counts) -> list[Exceeded]:
        """The caps that are exceeded, in the order of the policy; none where the next may go.

        `counts` are those from the verdict's first hour on.
        """
        return self.exceeded_by([self.costs(counts.hours)], counts.holds)

    def place(self, written: str | None) -> str | None:
        """The id of a workspace by what a client wrote; `UNATTRIBUTED` where none has that name."""
        (id_,) = placed(Counts({}, {written: ZERO}, self.now), self.workspaces).holds
        return id_

    def costs(self, hours: Hours) -> Costs:
        """What was counted beyond the report in hours of the month to date.

        Those of hours, or of workspaces, that are apart can be added up, as often as is wanted.
        """
        month, today = MonthToDate(self.now), self.now.date()
        is_current = self.verdict.as_of >= month.period.start
        reported = self.verdict.reported if is_current else {}
        within = {at: it for at, it in hours.items() if at >= month.period.start}
        told = placed(Counts(within, {}, self.now), self.workspaces)
        table = beyond(reported, told.hours, self.book)
        costs: dict[tuple[str | None, str | None, bool], int] = defaultdict(int)
        usage = Usage(table, None, Coverage(self.now, closed_days=0, open_day=True))
        for row in price(usage, self.book).rows:
            units = row.high
            if row.unpriced:
                # What has no price may cost as much as the dearest model: a cut-off needs a number.
                units = self.book.dearest(row.key.day).units(row.tokens)[1]
            model = row.key.model and canonical(row.key.model, self.book)
            costs[row.key.workspace, model, row.key.day == today] += units
        return costs

    def exceeded_by(
        self, costs: Iterable[Costs], holds: Mapping[str | None, Decimal]
    ) -> list[Exceeded]:
        """The caps that are exceeded by all of these costs together and by what is held."""
        today = self.now.date()
        parts = [part for it in costs for part in it.items()]
        held_by = placed(Counts({}, holds, self.now), self.workspaces).holds
        found = []
        for it in self.budgets:
            month_units = day_units = 0
            for (workspace, model, is_today), units in parts:
                if _concerns(it, workspace, model):
                    month_units += units
                    day_units += units if is_today else 0
            held = ZERO
            if it.models is None:
                for id_, amount in held_by.items():
                    held = plus(held, amount) if _concerns(it, id_, None) else held
            found += self._against(it, month_units, day_units, held, today)
        return found

    def _against(
        self, budget: ScopedBudget, of_month: int, of_day: int, held: Decimal, today: date
    ) -> list[Exceeded]:
        day = budget.days.get(today, NOTHING)
        caps = [(budget.cap, budget.spend, of_month, False)]
        if budget.budget and budget.budget.daily_cap is not None:
            caps.append((budget.budget.daily_cap, day, of_day, True))
        found = []
        for cap, spend, units, is_daily in caps:
            counted = self.book.bounds(units, units).low
            reported = spend.high if spend.is_limited else spend.low
            if cap is not None:
                it = Exceeded(budget.name, cap, reported, counted, held, is_daily)
                found += [it] if it.used > cap else []
        return found


def _concerns(budget: ScopedBudget, workspace: str | None, model: str | None) -> bool:
    """Whether usage of that workspace and model is, or may be, of the budget."""
    if budget.workspaces is not None and workspace not in (*budget.workspaces, UNATTRIBUTED):
        return False
    if budget.models is None or model is None or model in budget.models:
        return True
    # A model without a price that the verdict does not know may still be one of the key's.
    return bool(model_names(budget.path.removeprefix("models."), [model], {}))


def check_fit(file: PolicyFile, verdict: GuardedVerdict, now: datetime) -> None:
    """Raises ConfigurationError where a verdict is none to go by at `now` under that policy.

    That is one of another organization, of another clock, or one that is older than the numbers of
    a report may be: what clients that count nothing have spent since is in none of both.
    """
    named = file.policy.organization
    if named and verdict.organization not in (None, named):
        raise ConfigurationError(
            f"the last verdict in the ledger is of organization {verdict.organization}, and the "
            f"policy names {named}",
            "use a Redis, or a database of it, for each organization",
        )
    if verdict.as_of - now > WORTH_A_WARNING:
        raise ConfigurationError(
            f"the clock of the ledger says {in_words(now)}, and its last verdict is of "
            f"{in_words(verdict.as_of)}",
            "set the clock of the machine that Redis runs on",
        )
    limit = oldest(file.policy.spend)
    if now - verdict.as_of > limit:
        raise ConfigurationError(
            f"the last verdict in the ledger is {age_in_words(now - verdict.as_of)} old, and at "
            f"most {age_in_words(limit)} may be missing",
            "run `budget-gate check --ledger URL` again, best by the hour, or allow older ones "
            "with spend.max_age",
        )


def guard(
    file: PolicyFile,
    verdict: GuardedVerdict,
    book: PriceBook,
    now: datetime,
    *,
    workspace: str | None,
    model: str | None = None,
) -> Guard:
    """What stands in the way of a request of that workspace (name, id or `default`).

    `book` has the policy's prices. Without a `model`, caps of models are not looked at. It is
    judged no earlier than the verdict, by whose clock the day or the month may have ended already.
    Raises ConfigurationError where the policy does not fit what the verdict knows of the
    organization.
    """
    now = max(now, verdict.as_of)
    month = MonthToDate(now)
    is_current = verdict.as_of >= month.period.start
    coverage = Coverage(max(verdict.as_of, month.period.start), closed_days=0, open_day=True)
    spend = Spend(
        verdict.lines if is_current else (), (), verdict.workspaces, coverage, price_facts(book)
    )
    if model:
        # A cap of a model that nobody has used yet is one, too.
        line = SpendLine(None, now.date(), model, NOTHING, "list")
        spend = spend._replace(lines=(*spend.lines, line))
    workspaces = directory(file.policy, spend)
    id_ = None if workspace is None else workspace_id(workspace, workspaces)
    scoping = Scoping(
        file,
        spend,
        workspaces,
        add_up(spend.lines),
        add_up(()),
        resolve(file, spend, workspaces),
        caps_in_force(file, month),
        # A workspace that is about to spend for the first time has the cap of those not listed.
        Reservation(ZERO, id_ or "default"),
    )
    chosen = []
    for it in scoping.budgets():
        models = it.models and frozenset(canonical(name, book) for name in it.models)
        is_asked = models is None or (model and canonical(model, book) in models)
        if it.cap is not None and is_asked and _concerns(it, id_, None):
            chosen.append(it._replace(models=models))
    return Guard(verdict, now, id_, tuple(chosen), workspaces, book)
