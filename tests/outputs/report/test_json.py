"""The JSON report against the documented schema: every key, every null, every digit."""

import json
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate import __version__
from budget_gate.domain.notes import Note
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.places import SourceMap
from budget_gate.domain.spend import Coverage, PriceFacts, Spend, SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.evaluate import evaluate, unverified
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.outputs.report.json import render_json
from tests.helpers.builders import NO_CAP, bounds
from tests.helpers.reports import HOSTILE, MONTH, NOW, hostile_report, make_budget, make_report

REPORT = make_report(
    "breached",
    make_budget("organization", "19.80931125", "5000", id="global", line=2),
    make_budget("new", "1", None, status="warning", warn_at=()),
    spend=bounds("19.80931125", "20"),
    workspaces=(
        WorkspaceSpend(None, "default workspace", archived=False, spend=bounds("15")),
        WorkspaceSpend("wrkspc_01EXAMPLE", "production", archived=True, spend=bounds("4", "5")),
        WorkspaceSpend(UNATTRIBUTED, "not told apart", archived=False, spend=bounds("0.1")),
    ),
    models=(ModelSpend("claude-opus-4-7", bounds("19")), ModelSpend(None, bounds("0.10"))),
    days=(DaySpend(date(2026, 11, 1), bounds("19.80931125", "20")),),
    prices=PriceFacts(date(2026, 11, 2), ("claude-custom-1",), Decimal("0.125")),
    notes=(Note("info", "range", "A range."),),
)


def document(report: Report) -> dict[str, Any]:
    """The report as a program reads it."""
    read: dict[str, Any] = json.loads(render_json(report, "budget.yml"))
    return read


def test_the_report_is_exactly_as_documented() -> None:
    """Keys, order, exact amounts as text, and times in RFC 3339 UTC, written out by hand."""
    assert document(REPORT) == {
        "schema": "budget-gate/report/v1",
        "version": __version__,
        "status": "breached",
        "enforced": True,
        "as_of": "2026-11-22T16:00:00Z",
        "period": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-22T16:00:00Z"},
        "spend": {"low": "19.80931125", "high": "20"},
        "budgets": [
            {
                "id": "global",
                "name": "organization",
                "cap": "5000",
                "warn_at": ["80%"],
                "spend": {"low": "19.80931125", "high": "19.80931125"},
                "used": "0.0040",
                "status": "ok",
                "reason": "spend is what it is",
                "line": 2,
                "enforced": True,
                "reserved": "0",
                "daily": None,
                "exception": None,
                "forecast": None,
                "pace": None,
                "drivers": [],
                "since": None,
                "change": None,
                "was": None,
            },
            {
                "id": "workspaces.new",
                "name": "new",
                "cap": None,
                "warn_at": [],
                "spend": {"low": "1", "high": "1"},
                "used": None,
                "status": "warning",
                "reason": "spend is what it is",
                "line": 4,
                "enforced": True,
                "reserved": "0",
                "daily": None,
                "exception": None,
                "forecast": None,
                "pace": None,
                "drivers": [],
                "since": None,
                "change": None,
                "was": None,
            },
        ],
        "workspaces": [
            {
                "id": None,
                "name": "default workspace",
                "archived": False,
                "spend": {"low": "15", "high": "15"},
            },
            {
                "id": "wrkspc_01EXAMPLE",
                "name": "production",
                "archived": True,
                "spend": {"low": "4", "high": "5"},
            },
            {
                "id": "unattributed",
                "name": "not told apart",
                "archived": False,
                "spend": {"low": "0.1", "high": "0.1"},
            },
        ],
        "models": [
            {"id": "claude-opus-4-7", "spend": {"low": "19", "high": "19"}},
            {"id": None, "spend": {"low": "0.1", "high": "0.1"}},
        ],
        "days": [
            {
                "day": "2026-11-01",
                "spend": {"low": "19.80931125", "high": "20"},
                "basis": "list",
            }
        ],
        "coverage": {
            "through": "2026-11-22T16:00:00Z",
            "closed_days": 21,
            "open_day": True,
            "billed_days": 0,
        },
        "prices": {
            "verified_on": "2026-11-02",
            "age_days": 20,
            "overrides": ["claude-custom-1"],
            "discount": "12.5%",
            "digest": None,
        },
        "notes": [{"level": "info", "code": "range", "message": "A range."}],
        "basis": "list",
        "organization": None,
        "base_url": None,
        "previous_as_of": None,
        "change": None,
        "drivers": [],
        "evidence_as_of": None,
        "known_spend": [],
        "judged_at": None,
        "whole_month": False,
        "currency": "USD",
        "headline": "Spend unknown.",
        "changed": None,
        "alerts": [],
        "notified": {},
        "data_refreshed_at": None,
    }


@pytest.mark.parametrize(
    ("discount", "shown"),
    [("0", "0%"), ("0.1", "10%"), ("0.10", "10%"), ("0.3333", "33.33%"), ("1", "100%")],
)
def test_the_discount_is_a_percentage(discount: str, shown: str) -> None:
    """With every digit that the policy has, and none that says nothing."""
    prices = PriceFacts(date(2026, 11, 2), (), Decimal(discount))
    assert document(REPORT._replace(prices=prices))["prices"]["discount"] == shown


def test_the_keys_stand_in_the_documented_order() -> None:
    """What a person looks for first comes first."""
    assert list(document(REPORT)) == [
        *("schema", "version", "status", "enforced", "as_of", "period", "spend", "budgets"),
        *("workspaces", "models", "days", "coverage", "prices", "notes"),
        *("basis", "organization", "base_url", "previous_as_of", "change", "drivers"),
        "evidence_as_of",
        *("known_spend", "judged_at", "whole_month", "currency", "headline", "changed"),
        *("alerts", "notified", "data_refreshed_at"),
    ]


def test_an_unverified_report_exists_and_says_why() -> None:
    """Spend, coverage and prices are null; the lists are empty; the reason is in the notes."""
    note = Note("error", "http_401", "The key is wrong.")
    assert document(unverified(NO_CAP, MONTH, (note,))) == {
        "schema": "budget-gate/report/v1",
        "version": __version__,
        "status": "unverified",
        "enforced": True,
        "as_of": "2026-11-22T16:00:00Z",
        "period": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-22T16:00:00Z"},
        "spend": None,
        "budgets": [],
        "workspaces": [],
        "models": [],
        "days": [],
        "coverage": None,
        "prices": None,
        "notes": [{"level": "error", "code": "http_401", "message": "The key is wrong."}],
        "basis": "list",
        "organization": None,
        "base_url": None,
        "previous_as_of": None,
        "change": None,
        "drivers": [],
        "evidence_as_of": None,
        "known_spend": [],
        "judged_at": None,
        "whole_month": False,
        "currency": "USD",
        "headline": "Spend unknown: The key is wrong.",
        "changed": None,
        "alerts": [],
        "notified": {},
        "data_refreshed_at": None,
    }


def test_an_unverified_report_with_amounts_has_no_spend() -> None:
    """What is known of the budgets stays, but no total that a reader could take for the spend."""
    read = document(REPORT._replace(status="unverified"))
    assert read["spend"] is None
    assert len(read["budgets"]) == 2


def test_a_cap_of_zero_is_no_missing_cap() -> None:
    """The cap is told, and the ratio to it is null."""
    (read,) = document(make_report("breached", make_budget(cap="0")))["budgets"]
    assert read["cap"] == "0"
    assert read["used"] is None


def test_an_amount_without_an_upper_bound_has_a_high_of_null() -> None:
    """Neither infinity nor zero: there is no such number."""
    (read,) = document(make_report("uncertain", make_budget(high="unlimited")))["budgets"]
    assert read["spend"] == {"low": "5", "high": None}
    assert read["used"] is None


@pytest.mark.parametrize(
    ("level", "shown"), [("0.8", "80%"), ("1", "100%"), ("0.125", "12.5%"), ("0.10", "10%")]
)
def test_warning_levels_are_percentages_as_in_the_policy(level: str, shown: str) -> None:
    """They can be put back into a policy."""
    levels = (Decimal(level),)
    (read,) = document(make_report("ok", make_budget(warn_at=levels)))["budgets"]
    assert read["warn_at"] == [shown]


def test_a_breach_by_a_fraction_of_a_cent_keeps_every_digit() -> None:
    """Nothing is rounded here, and the ratio does not read as 1."""
    (read,) = document(make_report("breached", make_budget(spend="10.000000004")))["budgets"]
    assert read["spend"]["low"] == "10.000000004"
    assert Decimal(read["used"]) > 1


def test_a_run_that_was_let_pass_is_not_enforced() -> None:
    """A reader of the report alone can tell it from a good month."""
    assert document(REPORT._replace(enforced=False))["enforced"] is False


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_third_partys_text_comes_back_as_it_was(hostile: str) -> None:
    """Whatever it is: it is quoted, in ASCII, and no command of the runner's."""
    text = render_json(hostile_report(hostile), "budget.yml")
    assert text.isascii()
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    read = json.loads(text)
    assert {row["name"] for row in read["budgets"]} == {hostile}
    assert read["models"][0]["id"] == hostile
    assert read["notes"][0]["message"] == hostile


@given(hostile=st.text("#[]\\u0023\n:é", max_size=30))
def test_no_text_at_all_is_changed_by_what_keeps_commands_out(hostile: str) -> None:
    """The escape of `##[` is JSON's own, so that readers see the very text."""
    text = render_json(make_report("ok", make_budget(hostile)), "budget.yml")
    assert "##[" not in text
    assert json.loads(text)["budgets"][0]["name"] == hostile


# Written in the order that is expected: worst, then nearest to its cap, then by id.
ORDERED = [
    "workspaces.wrkspc_5",  # breached, 12
    "workspaces.wrkspc_1",  # breached, 11
    "workspaces.wrkspc_2",  # warning, 9
    "workspaces.wrkspc_3",  # ok, 2 of 10, by id
    "workspaces.wrkspc_4",  # ok, 2 of 10
    "global",  # ok, 45 of 1000
]
COSTS = {
    "wrkspc_1": "11",
    "wrkspc_2": "9",
    "wrkspc_3": "2",
    "wrkspc_4": "2",
    "wrkspc_5": "12",
    None: "9",
}


@pytest.mark.parametrize("seed", range(5))
def test_the_same_spend_gives_the_same_report(seed: int) -> None:
    """In whatever order lines and workspaces arrive: worst status, then nearest to its cap, then by id."""
    caps = {"cap": "10"}
    policy = Policy.model_validate(
        {
            "version": "1",
            "global": {"cap": "1000"},
            "workspaces": {name: caps for name in COSTS if name},
        }
    )
    lines = [
        SpendLine(
            day=date(2026, 11, 1), workspace=name, model="claude-1", cost=bounds(cost), basis="list"
        )
        for name, cost in COSTS.items()
    ]
    workspaces = [Workspace(name, name) for name in COSTS if name]
    source = random.Random(seed)  # noqa: S311 - the order of a test
    source.shuffle(lines)
    source.shuffle(workspaces)
    spend = Spend(
        lines=tuple(lines),
        unpriced=(),
        workspaces=tuple(workspaces),
        coverage=Coverage(datetime(2026, 11, 22, 16, tzinfo=UTC), 21, open_day=True),
        prices=PriceFacts(date(2026, 11, 20), ()),
    )
    read = document(evaluate(PolicyFile(policy, SourceMap("budget.yml", {})), spend, MONTH))
    assert [row["id"] for row in read["budgets"]] == ORDERED
    assert [row["id"] for row in read["workspaces"]] == [
        *("wrkspc_5", "wrkspc_1", None, "wrkspc_2", "wrkspc_3", "wrkspc_4")
    ]
    assert [row["day"] for row in read["days"]] == [f"2026-11-{day:02}" for day in range(1, 23)]
    assert read["as_of"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
