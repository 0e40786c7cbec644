"""The JSON report as a document: every field that a verdict goes by, each within its limits."""

import re
from datetime import MAXYEAR, MINYEAR, date
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from budget_gate.domain.alerts import Alert, Kind
from budget_gate.domain.bounds import UNLIMITED
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.movers import Mover
from budget_gate.domain.notes import NoteLevel
from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.spend import Basis, Coverage, PriceFacts
from budget_gate.domain.verdict.results import STATUSES, DailySpend, LiveException
from budget_gate.sources.files.report_parts import Instant, Part, Range, Usd

_MOST_LINES: Final = 1_000_000
_MOST_DAYS: Final = 31
_ADDRESS: Final = r"^https?://[A-Za-z0-9_.:\[\]-]{1,255}$"


def _ratio(text: object) -> Decimal:
    """A percentage such as `12.5%` as a ratio."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,50})?)%", str(text), re.ASCII)
    if found is None:
        raise ValueError("is no percentage")
    return Decimal(found[1]).scaleb(-2)


_Ratio = Annotated[Decimal, BeforeValidator(_ratio)]
_Count = Annotated[int, Field(ge=0, le=_MOST_DAYS)]


class _Daily(Part):
    cap: Usd
    spend: Range
    day: date
    yesterday: Range | None

    @property
    def value(self) -> DailySpend:
        before = self.yesterday.bounds if self.yesterday else None
        return DailySpend(self.cap, self.spend.bounds, self.day, before)


class _Exception(Part):
    regular_cap: Usd
    until: date
    reason: str
    approved_by: str

    @property
    def value(self) -> LiveException:
        return LiveException(self.regular_cap, self.until, self.reason, self.approved_by)


class _Forecast(Part):
    low: Usd
    expected: Usd
    high: Usd | None
    crosses_on: date | None

    @property
    def value(self) -> Forecast:
        high = UNLIMITED if self.high is None else self.high
        return Forecast(self.low, self.expected, high, self.crosses_on)


class _Pace(Part):
    left: Usd
    per_day: Usd
    today: Range
    mean_day: Usd | None

    @property
    def value(self) -> Pace:
        return Pace(self.left, self.per_day, self.today.bounds, self.mean_day)


class BudgetDocument(Part):
    """A budget of a report."""

    id: str
    name: str
    cap: Usd | None
    warn_at: tuple[_Ratio, ...]
    spend: Range
    status: Literal["ok", "warning", "uncertain", "breached"]
    reason: str
    line: Annotated[int, Field(ge=1, le=_MOST_LINES)]
    enforced: bool
    reserved: Usd
    daily: _Daily | None
    exception: _Exception | None
    forecast: _Forecast | None
    pace: _Pace | None
    since: Instant | None

    @model_validator(mode="after")
    def _is_judged_by_its_numbers(self) -> "BudgetDocument":
        """Refuses a status that the spend and the cap beside it do not allow."""
        low, high = self.spend.bounds
        if low > high:
            raise ValueError("its spend is at least more than at most")
        if self.cap is not None and low > self.cap and self.status != "breached":
            raise ValueError("its spend is above its cap, and its status is another")
        if self.cap is not None and high > self.cap and self.status == "ok":
            raise ValueError("its spend may be above its cap, and its status is ok")
        return self


class _Workspace(Part):
    id: str | None
    name: str
    archived: bool
    spend: Range


class _Model(Part):
    id: str | None
    spend: Range


class _Day(Part):
    day: date
    spend: Range
    basis: Basis


class _Coverage(Part):
    through: Instant
    closed_days: _Count
    open_day: bool
    billed_days: _Count

    @property
    def value(self) -> Coverage:
        return Coverage(self.through, self.closed_days, self.open_day, self.billed_days)


class _Prices(Part):
    verified_on: date
    overrides: tuple[str, ...]
    discount: _Ratio
    digest: str | None

    @property
    def value(self) -> PriceFacts:
        return PriceFacts(self.verified_on, self.overrides, self.discount, digest=self.digest or "")


class _Note(Part):
    level: NoteLevel
    code: str
    message: str


class _Mover(Part):
    workspace: str
    model: str
    more: Usd


class _Alert(Part):
    kind: Kind
    budget: str
    now: Usd
    before: Usd
    message: str
    movers: tuple[_Mover, ...]

    @property
    def value(self) -> Alert:
        movers = tuple(Mover(it.workspace, it.model, it.more) for it in self.movers)
        return Alert(self.kind, self.budget, self.now, self.before, movers, self.message)


class _Period(Part):
    start: Instant
    end: Instant


class ReportDocument(Part):
    """All that a verdict goes by: a field that is missing is no empty one."""

    schema_: Literal["budget-gate/report/v1"] = Field(alias="schema")
    status: Literal["ok", "warning", "uncertain", "breached", "unverified"]
    as_of: Instant
    period: _Period
    spend: Range | None
    budgets: tuple[BudgetDocument, ...]
    workspaces: tuple[_Workspace, ...]
    models: tuple[_Model, ...]
    days: tuple[_Day, ...]
    coverage: _Coverage | None
    prices: _Prices | None
    notes: tuple[_Note, ...]
    basis: Basis
    organization: str | None
    base_url: Annotated[str, Field(pattern=_ADDRESS)] | None
    evidence_as_of: Instant | None
    judged_at: Instant | None
    whole_month: bool
    alerts: tuple[_Alert, ...]
    data_refreshed_at: Instant | None

    @model_validator(mode="after")
    def _is_of_a_month(self) -> "ReportDocument":
        if not MINYEAR < self.as_of.year < MAXYEAR:
            raise ValueError("its time is outside the calendar")
        month = MonthToDate(self.as_of, is_whole=self.whole_month)
        if Period(self.period.start, self.period.end) != month.period:
            raise ValueError("its period is not that of its time")
        if self.whole_month != (MonthToDate(self.period.start).end == self.as_of):
            raise ValueError("it is of a whole month and of none")
        if self.evidence_as_of and not self.period.start <= self.evidence_as_of <= self.as_of:
            raise ValueError("its evidence is not of its period")
        return self

    @model_validator(mode="after")
    def _is_judged_by_its_budgets(self) -> "ReportDocument":
        """Refuses a status that the budgets do not add up to."""
        if len({it.id for it in self.budgets}) < len(self.budgets):
            raise ValueError("a budget stands in it twice")
        if self.status == "unverified":
            return self
        deciding = [it.status for it in self.budgets if it.enforced]
        status = max(deciding, key=STATUSES.index, default="ok")
        if self.status != ("warning" if status == "ok" and self.alerts else status):
            raise ValueError("its status is not that of its budgets")
        if self.spend is None and self.evidence_as_of is None:
            raise ValueError("its status is known, and its spend is not")
        return self
