"""The first policy: a cap for the organization and for each workspace, from what a month has cost."""

from decimal import Decimal

import pytest

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.first_policy import DraftBudget, cap_for, draft_policy
from budget_gate.domain.spend import Workspace
from tests.helpers.builders import bounds, month_at, spend_of

OCTOBER = month_at("2026-11-20T12:00:00").before


@pytest.mark.parametrize(
    ("cost", "cap"),
    [
        (bounds("100"), "130"),
        (bounds("80"), "100"),
        (bounds("80.01"), "110"),
        (bounds("10", "80"), "100"),
        (bounds("80", "unlimited"), "100"),
        (bounds("0.5"), "1"),
    ],
)
def test_a_cap_is_a_quarter_above_what_was_spent(cost: Bounds, cap: str) -> None:
    """In two digits rounded up, of the most it may have been, and a dollar at the least."""
    assert cap_for(cost) == Decimal(cap)


def test_each_workspace_has_a_key_that_a_policy_can_have() -> None:
    """Its name where that is its own, else its id; those that spent most first, and those that spent nothing by name."""
    listed = (
        Workspace("wrkspc_01A", "alpha"),
        Workspace("wrkspc_01B", "twin"),
        Workspace("wrkspc_01C", "twin"),
        Workspace("wrkspc_01D", "default"),
        Workspace("wrkspc_01E", "exp-*"),
        Workspace("wrkspc_01F", "old", archived=True),
        Workspace("wrkspc_01G", "wrkspc_01A"),
        Workspace("wrkspc_01*", "[x]"),
    )
    costs = {
        None: bounds("8"),
        "wrkspc_01A": bounds("80"),
        "wrkspc_01B": bounds("8"),
        "wrkspc_01F": bounds("4"),
    }
    draft = draft_policy(spend_of(costs, workspaces=listed), OCTOBER, owner=("org-1", "acme"))
    assert (draft.period, draft.owner) == (OCTOBER, ("org-1", "acme"))
    assert draft.organization == DraftBudget("global", "", bounds("100"), Decimal(130))
    assert [(it.key, it.name, f"{it.cap:f}") for it in draft.workspaces] == [
        ("alpha", "alpha", "100"),
        ("default", "default workspace", "10"),
        ("wrkspc_01B", "twin", "10"),
    ]
    assert draft.workspace_caps == Decimal(120)
    assert [(it.key, it.name) for it in draft.idle] == [
        ("wrkspc_01D", "default"),
        ("wrkspc_01E", "exp-*"),
        ("wrkspc_01C", "twin"),
        ("wrkspc_01G", "wrkspc_01A"),
    ]


def test_a_default_workspace_without_spend_has_no_cap() -> None:
    """Nor has any, where there is no list."""
    draft = draft_policy(spend_of({"wrkspc_01A": bounds("8")}, workspaces=None), OCTOBER)
    assert (draft.workspaces, draft.idle, draft.owner) == ((), (), None)
