"""Last month's spend -> the caps of a first policy."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

from budget_gate.domain.bounds import NOTHING, Bounds, sum_of, times
from budget_gate.domain.costs import add_up, total
from budget_gate.domain.fields import BLANKS
from budget_gate.domain.period import Period
from budget_gate.domain.policy.model import DEFAULT_KEY
from budget_gate.domain.policy.names import is_glob
from budget_gate.domain.spend import Spend, Workspace

LEAST_CAP: Final = Decimal(1)
# Where there is no spend to go by.
PLACEHOLDER: Final = Decimal(100)

_MARGIN = Decimal("1.25")
_READABLE = Context(prec=2, rounding=ROUND_CEILING)
# YAML looks no further than 1024 characters for the end of a key, and one may be written as ten.
_LONGEST_KEY = 100


@dataclass(frozen=True, slots=True)
class DraftBudget:
    """A cap in USD for what `key` names in a policy, and the spend of the month it goes by.

    `name` is the workspace's, empty for the organization; a cost of `NOTHING` is no spend at all.
    """

    key: str
    name: str
    cost: Bounds
    cap: Decimal


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy to begin with: the month that it goes by, and its budgets.

    `workspaces` are those with spend, the largest first; `idle` those without, by name. `owner` is
    the organization's id and name, None where the API does not tell it.
    """

    period: Period
    organization: DraftBudget
    workspaces: tuple[DraftBudget, ...]
    idle: tuple[DraftBudget, ...]
    owner: tuple[str, str] | None = None

    @property
    def workspace_caps(self) -> Decimal:
        """What the caps of the workspaces add up to, in USD."""
        return sum_of(budget.cap for budget in self.workspaces)


def draft_policy(spend: Spend, period: Period, owner: tuple[str, str] | None = None) -> Draft:
    """A cap for the organization and for each active workspace, from the `spend` of `period`.

    A workspace that no key of a policy can name is left out.
    """
    workspaces = spend.workspaces or ()
    if spend.workspaces is None and spend.is_from_analytics:
        # Without a list, an id is the only name that there is.
        seen = sorted({line.workspace for line in spend.lines if line.workspace})
        workspaces = tuple(Workspace(id_, id_) for id_ in seen)
    costs = add_up(spend.lines)
    by_workspace = {id_: total(days) for id_, days in costs.workspaces.items()}
    overall = total(costs.days)
    names = Counter(workspace.name for workspace in workspaces)
    ids = {workspace.id for workspace in workspaces}
    budgets = [
        DraftBudget(key, workspace.name, cost, cap_for(cost))
        for workspace in (Workspace(None, "default workspace"), *workspaces)
        if not workspace.archived and (key := _key(workspace, names, ids))
        for cost in (by_workspace.get(workspace.id, NOTHING),)
        if cost.high or workspace.id
    ]
    return Draft(
        period,
        DraftBudget("global", "", overall, cap_for(overall)),
        workspaces=tuple(
            sorted(
                (budget for budget in budgets if budget.cost.high),
                key=lambda budget: (budget.cap.copy_negate(), budget.name, budget.key),
            )
        ),
        idle=tuple(
            sorted(
                (budget for budget in budgets if not budget.cost.high),
                key=lambda budget: (budget.name, budget.key),
            )
        ),
        owner=owner,
    )


def cap_for(cost: Bounds) -> Decimal:
    """The most that was spent plus 25%, rounded up to two significant digits; $1 at the least.

    Where part of the spend has no price it goes by the rest, and where there was none at all it
    is a placeholder.
    """
    if not cost.high:
        return PLACEHOLDER
    raised = times(cost.high if cost.is_limited else cost.low, _MARGIN)
    return max(_READABLE.plus(raised), LEAST_CAP)


def _key(workspace: Workspace, names: Counter[str], ids: Collection[str | None]) -> str | None:
    """What a policy calls a workspace: its name, or its id where the name is not fit for that."""
    id_, name = workspace.id, workspace.name
    if id_ is None:
        return DEFAULT_KEY
    is_unique = names[name] == 1 and name not in ids and name != DEFAULT_KEY
    if is_unique and name.isprintable() and _is_key(name):
        return name
    return id_ if id_ != DEFAULT_KEY and _is_key(id_) else None


def _is_key(text: str) -> bool:
    return not is_glob(text) and len(text) <= _LONGEST_KEY and text == text.strip(BLANKS)
