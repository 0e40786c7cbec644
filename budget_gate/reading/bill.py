"""What was billed, made comparable with the usage, and spend on that basis.

Most runs ask for list cost alone, so what reads a bill is imported where one is asked for.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from budget_gate.domain.period import MonthToDate, ended_by
from budget_gate.domain.policy.model import DEFAULT_KEY, Policy
from budget_gate.domain.prices.charges import PricedUsage
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend
from budget_gate.domain.usage import Usage
from budget_gate.sources.api.workspaces import read_default_workspace
from budget_gate.sources.http.transport import Pending, Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.billed.bill import Bill


def start_bill(month: MonthToDate, now: datetime, transport: Transport) -> "Pending[Bill] | None":
    """Asks what was billed; None where no day has ended, as such a day has no bill."""
    period = ended_by(now, month.closed)
    if period is None:
        return None
    from budget_gate.sources.api.billed_cost import read_bill

    return transport.start(partial(read_bill, transport, period, now))


def settled_bill(
    bill: "Bill",
    transport: Transport,
    priced: PricedUsage,
    names: Mapping[str, str],
    *,
    expected: int | None = None,
) -> "Bill":
    """The bill, its workspaces and doubtful days told.

    `names` are those that the policy gives by id, `expected` is the ratio to list cost that days
    are held against where they are too few to tell. Raises UnverifiedError where the bill is not
    usable.
    """
    from budget_gate.domain.billed.bill import attribute, is_default_known
    from budget_gate.domain.billed.late_costs import doubt_late

    usage = priced.usage
    default = next((id_ for id_, name in names.items() if name == DEFAULT_KEY), None)
    has_ids = bill.source == "analytics" and usage.coverage.refreshed_at is None
    if has_ids and default is None and not is_default_known(bill, usage, names):
        listed = {*names, *(workspace.id for workspace in usage.workspaces or ())}
        asked = transport.start(partial(read_default_workspace, transport, listed))
        default = asked.result()
    return doubt_late(attribute(bill, usage, names, default), priced, expected=expected)


def spend_of(priced: PricedUsage, bill: "Bill | None", policy: Policy | None) -> Spend:
    """The spend of the usage, as billed where there is a bill."""
    unknown_model = policy.spend.unknown_model if policy else "fail"
    if bill is None:
        return list_spend(priced, unknown_model=unknown_model)
    from budget_gate.domain.billed.settle import settle

    return settle(priced, bill, unknown_model=unknown_model)


def names_of(usage: Usage, labels: Mapping[str, str]) -> dict[str | None, str]:
    """The names of workspaces by id: as listed or, where that is not so, by the policy's labels."""
    names: dict[str | None, str] = {None: "default workspace"}
    names.update(labels.items())
    names |= {workspace.id: workspace.name for workspace in usage.workspaces or ()}
    return names
