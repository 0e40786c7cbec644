"""The report: the verdict and all that explains it, the view model of every output."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, NamedTuple

from budget_gate.domain.alerts import UNCHECKED, Alert
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.spend import Basis, Coverage, PriceFacts, price_age
from budget_gate.domain.verdict.results import STATUSES, BudgetResult, Driver, Status


class WorkspaceSpend(NamedTuple):
    """The spend of a workspace; `id` is None for the default workspace."""

    id: str | None
    name: str
    archived: bool
    spend: Bounds


class ModelSpend(NamedTuple):
    """The spend on a model; `id` is None where the usage does not name one."""

    id: str | None
    spend: Bounds


class DaySpend(NamedTuple):
    """The spend of a UTC day, and on which basis it is told."""

    day: date
    spend: Bounds
    basis: Basis = "list"


class KnownSpend(NamedTuple):
    """USD that were spent by `as_of` at the least, at list price, in the month that begins `month`.

    `prices` is the digest of the prices, and `organization` whose spend it is; None where that is
    not known. `parts` is the same by day, workspace and model.
    """

    usd: Decimal
    as_of: datetime
    organization: str | None
    prices: str | None
    month: datetime
    parts: Mapping[str, Decimal] = MappingProxyType({})


class Told(NamedTuple):
    """What a channel was told: when something was last posted, and the state that is known there.

    `budgets` are those that are not ok, by id, and `alerts` when each was last seen, by key.
    """

    at: datetime
    status: Status
    budgets: Mapping[str, Status] = MappingProxyType({})
    alerts: Mapping[str, datetime] = MappingProxyType({})


class Report(NamedTuple):
    """The verdict and all that explains it.

    `basis` is what the policy asks for: with `billed`, days that are not settled are at list
    price. `cap` is the global one, in USD, or None. `spend`, `coverage` and `prices` are None
    where no spend could be read at all. `enforced` is False where this run's status would fail
    but the gate was told to let it pass. `organization` is the id of the organization, None where
    it is not known, and `evidence_as_of` the time of an earlier report that this one falls back
    on. `base_url` is where the API was asked, None for its usual address. `judged_at` is the time
    of the run where a setting has it judge another one than that. `previous_as_of` is the time of
    the last report, and `change` the USD spent since, where there is one that can be compared;
    `drivers` are then today's largest rises. `known_spend` is the most that this or an earlier
    report of the month knows to be spent, by each prices that there were, the latest last.
    `fails_on_warning` is whether a warning ends the run in exit code 1. `alerts` are rises that the
    policy wants to be told of, and `earlier_alerts` the keys of those in the last report, None
    where there is none that can be compared. `told` is what each channel knows, by its name.
    `data_refreshed_at` is the instant from which on the numbers know nothing, None where the API
    does not say.
    """

    status: Status
    enforced: bool
    as_of: datetime
    period: Period
    spend: Bounds | None
    cap: Decimal | None = None
    basis: Basis = "list"
    organization: str | None = None
    evidence_as_of: datetime | None = None
    judged_at: datetime | None = None
    budgets: tuple[BudgetResult, ...] = ()
    workspaces: tuple[WorkspaceSpend, ...] = ()
    models: tuple[ModelSpend, ...] = ()
    days: tuple[DaySpend, ...] = ()
    coverage: Coverage | None = None
    prices: PriceFacts | None = None
    notes: tuple[Note, ...] = ()
    previous_as_of: datetime | None = None
    change: Decimal | None = None
    drivers: tuple[Driver, ...] = ()
    known_spend: tuple[KnownSpend, ...] = ()
    base_url: str | None = None
    fails_on_warning: bool = False
    alerts: tuple[Alert, ...] = ()
    earlier_alerts: frozenset[str] | None = None
    told: Mapping[str, Told] = MappingProxyType({})
    data_refreshed_at: datetime | None = None

    @property
    def month(self) -> MonthToDate:
        """The month that is judged: whole where the period ends with it."""
        end = self.period.end
        return MonthToDate(end, is_whole=MonthToDate(self.period.start).end == end)

    @property
    def leading_alert(self) -> Alert | None:
        """The alert that alone makes it a warning; None where a budget does, or nothing."""
        is_ok = all(it.status == "ok" for it in self.budgets if it.decides)
        return self.alerts[0] if self.alerts and is_ok and self.status == "warning" else None

    @property
    def shift(self) -> Literal["worse", "better", "same"] | None:
        """How budgets and alerts have changed since the last report; None without one.

        The worst change counts. Of a budget that it has no state of, as it is new or spend was not
        known, it is news that it is not ok. An alert that could not be checked has not gone.
        """
        if self.previous_as_of is None:
            return None
        steps = [STATUSES.index(it.status) - STATUSES.index(it.was or "ok") for it in self.budgets]
        now, before = {it.key for it in self.alerts}, self.earlier_alerts or frozenset()
        if any(step > 0 for step in steps) or now - before:
            return "worse"
        gone = before - now if all(it.code != UNCHECKED for it in self.notes) else frozenset()
        return "better" if any(steps) or gone else "same"

    @property
    def price_age_days(self) -> int | None:
        """Days from the last check of the price book to `as_of`; 0 for a time before it."""
        if self.prices is None:
            return None
        return price_age(self.prices.verified_on, self.as_of.date())
