"""Which budgets of a policy watch nothing, and which spend no budget watches, for `doctor`."""

from collections.abc import Collection, Iterator
from decimal import Decimal

from budget_gate.domain.bounds import Bounds, plus, times
from budget_gate.domain.costs import add_up, total
from budget_gate.domain.health import NAMED, Finding, misconfigured
from budget_gate.domain.notes import enumerated, exact_usd
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.keys import Resolved
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.spend import Spend
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.terms import Terms
from budget_gate.errors import ConfigurationError


def check_keys(
    file: PolicyFile, spend: Spend, month: MonthToDate, terms: Terms
) -> tuple[list[Finding], Report | None]:
    """Whether a check finds what the policy and the settings name, and its report; None if not."""
    try:
        report = evaluate(file, spend, month, terms)
    except ConfigurationError as error:
        return list(misconfigured("keys", error)), None
    message = "every workspace and model in the policy exists"
    if spend.workspaces is None:
        message = "every name in the policy is known; ids are taken as written, without a list"
    return [Finding("ok", "keys", message)], report


def check_unseen(named: Resolved, spend: Spend) -> Iterator[Finding]:
    """Which keys name a workspace that no list shows, as there is none, and no usage either."""
    if spend.workspaces is not None:
        return
    seen = {None, *(line.workspace for line in spend.lines)}
    keys = (*named.workspaces.items(), *named.groups.items())
    unseen = [key for key, ids in keys if not seen.issuperset(ids)]
    if unseen:
        yield Finding(
            "warning",
            "keys",
            f"no usage this month is of {enumerated(unseen, NAMED)}",
            "check that its id is right in the policy: the cap of a wrong one watches nothing",
        )


def check_caps(policy: Policy, named: Resolved | None, archived: Collection[str | None]) -> Finding:
    """Whether workspace caps total more than the global cap.

    Without `named` each key counts once, as it will name one workspace at least. A workspace in
    `archived` can spend nothing any more.
    """
    if policy.global_ is None:
        return Finding("ok", "caps", "no global cap to compare with")
    caps = Decimal(0)
    for key, budget in policy.workspaces.items():
        if named:
            count = len(set(named.workspaces[key]) - set(archived))
        else:
            count = 0 if budget.optional else 1
        caps = plus(caps, times(budget.cap, Decimal(count)))
    if caps <= policy.global_.cap:
        return Finding("ok", "caps", "workspace caps total no more than the global cap")
    return Finding(
        "warning",
        "caps",
        f"workspace caps total {exact_usd(caps)}, more than the global cap of "
        f"{exact_usd(policy.global_.cap)}: that can be breached while each of them holds",
        "raise the global cap or lower theirs, unless this is intended",
    )


def check_uncapped(policy: Policy, named: Resolved, spend: Spend) -> Iterator[Finding]:
    """Which workspaces have spend this month and neither a cap nor a group with one.

    Those that are archived need none, as nothing more can be spent there.
    """
    if policy.unlisted_budget:
        yield Finding("ok", "uncapped", "`unlisted` covers every workspace without a cap")
        return
    workspaces = directory(policy, spend)
    capped = {id_ for ids in (*named.workspaces.values(), *named.groups.values()) for id_ in ids}
    found = [
        (workspaces[id_], cost)
        for id_, cost in _spenders(spend).items()
        if id_ not in capped and id_ != UNATTRIBUTED
    ]
    found.sort(key=lambda each: (each[1].largest_first, each[0].name))
    live, archived = (
        [(workspace.name, cost) for workspace, cost in found if workspace.archived is is_archived]
        for is_archived in (False, True)
    )
    if archived:
        message = f"{_with_spend(len(archived), 'archived workspace')}; no cap is needed there"
        yield Finding("ok", "uncapped", message, spenders=tuple(archived[:NAMED]))
    if live:
        yield Finding(
            "warning",
            "uncapped",
            f"{_with_spend(len(live), 'workspace')} and no cap"
            + ("" if len(live) <= NAMED else f", the {NAMED} largest"),
            "add a cap under workspaces, or a default with unlisted",
            spenders=tuple(live[:NAMED]),
        )
    if not found:
        yield Finding("ok", "uncapped", "every workspace with spend this month has a cap")


def _with_spend(count: int, what: str) -> str:
    return f"{count} {what}{' has' if count == 1 else 's have'} spend this month"


def _spenders(spend: Spend) -> dict[str | None, Bounds]:
    """What each workspace has spent this month, if it may be anything."""
    costs = {id_: total(days) for id_, days in add_up(spend.lines).workspaces.items()}
    return {id_: cost for id_, cost in costs.items() if cost.high}


def check_archived(policy: Policy, named: Resolved, spend: Spend) -> Finding:
    """Which keys name a workspace that is archived, and has no spend this month to watch."""
    if spend.workspaces is None:
        return Finding("ok", "archived", "not known, as workspaces are not listed for this key")
    workspaces, spenders = directory(policy, spend), _spenders(spend)
    found = [
        (key, id_ in spenders)
        for key in policy.workspaces
        for id_ in named.workspaces[key]
        if workspaces[id_].archived and key in (id_, workspaces[id_].name)
    ]
    idle = [key for key, has_spend in found if not has_spend]
    if idle:
        return Finding(
            "warning",
            "archived",
            f"caps on archived workspaces: {enumerated(idle, NAMED)}",
            "delete them from the policy: nothing can be spent there any more",
        )
    if found:
        keys = enumerated([key for key, _ in found], NAMED)
        message = f"caps of archived workspaces still watch this month's spend: {keys}"
        return Finding("ok", "archived", message)
    return Finding("ok", "archived", "no caps on archived workspaces")
