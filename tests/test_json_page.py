"""Every field that the JSON reports may have is described by docs/json.md, with its type, and no other one is."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from budget_gate.domain.alerts import Alert
from budget_gate.domain.billed.audit import Audit, AuditLine, Part
from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.movers import Mover
from budget_gate.domain.notes import Note
from budget_gate.domain.offline import Base, PolicyCheck, check_policy
from budget_gate.domain.spend import PriceFacts
from budget_gate.domain.verdict.report import DaySpend, KnownSpend, ModelSpend, Told, WorkspaceSpend
from budget_gate.domain.verdict.results import DailySpend, Driver, LiveException
from budget_gate.outputs.audit_json import render_audit_json
from budget_gate.outputs.policy_check import render_policy_json
from budget_gate.outputs.report.json import render_json
from tests.helpers.builders import book, bounds, policy
from tests.helpers.pages import table
from tests.helpers.reports import MONTH, NOW, make_budget, make_report

PAGE: Final = "docs/json.md"
# What these hold is by names that are data.
BY_NAME: Final = (
    "known_spend[].parts",
    "notified.NAME.budgets",
    "notified.NAME.alerts",
    "totals.explained",
    "lines[].explained",
)
# The tables that a type stands for, by the heading of their first column.
PARTS: Final = {"what-to-rely-on": "range"}
INSTANT = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# What the words of the page allow; `any` is left to the rows below it.
TYPES: Final = {
    "string": r".*",
    "amount": r"-?[0-9]+(\.[0-9]+)?",
    "time": INSTANT + r"T[0-9:.]+Z",
    "day": INSTANT,
    "percentage": r"[0-9.]+%",
}

CHANGED = """version: 1
global: {cap: 10, max_exception: 100%}
workspaces: {a: {cap: 1}, c: {cap: 5}}
groups: {g: {cap: 3, workspaces: [a, b]}}
exceptions: [{budget: workspaces.a, cap: 2, until: 2026-11-30, reason: y, approved_by: z}]
"""
BEFORE = """version: 1
global: {cap: 10}
workspaces: {a: {cap: 1}, b: {cap: 5}}
groups: {g: {cap: 3, workspaces: [a, x]}}
exceptions: [{budget: workspaces.a, cap: 3, until: 2026-11-30, reason: x, approved_by: y}]
"""


def full_report() -> dict[str, Any]:
    """A report with all that one may have."""
    driver = Driver("alpha", "claude-opus-5-5", Decimal(1), Decimal(2))
    budget = make_budget(
        reserved=Decimal(1),
        daily=DailySpend(Decimal(1), bounds("1"), date(2026, 11, 22), bounds("2")),
        exception=LiveException(Decimal(8), date(2026, 11, 30), "launch", "finance"),
        forecast=Forecast(Decimal(1), Decimal(2), Decimal(3), date(2026, 11, 28)),
        pace=Pace(Decimal(1), Decimal(2), bounds("1"), Decimal(3)),
        since=NOW,
        change=Decimal(1),
        drivers=(driver,),
        was="ok",
    )
    report = make_report(
        "breached",
        budget,
        workspaces=(WorkspaceSpend("wrkspc_01A", "alpha", archived=True, spend=bounds("4", "5")),),
        models=(ModelSpend("claude-opus-5-5", bounds("1")),),
        days=(DaySpend(date(2026, 11, 1), bounds("1")),),
        prices=PriceFacts(date(2026, 11, 2), ("x",), Decimal("0.125"), digest="abc"),
        notes=(Note("info", "range", "A range."),),
        organization="11111111-2222-4333-8444-555555555555",
        base_url="http://127.0.0.1:1",
        evidence_as_of=NOW,
        judged_at=NOW,
        previous_as_of=NOW,
        change=Decimal(1),
        drivers=(driver,),
        alerts=(
            Alert(
                "daily", "global", Decimal(2), Decimal(1), (Mover("a", "b", Decimal(1)),), "More."
            ),
        ),
        told={"NAME": Told(NOW, "breached", {"global": "breached"}, {"daily global": NOW})},
        known_spend=(
            KnownSpend(Decimal(1), NOW, "org", "abc", NOW, {"day 2026-11-01": Decimal(1)}),
        ),
        data_refreshed_at=NOW,
    )
    return read(render_json(report, "budget.yml"))


def bare_reports() -> Iterator[dict[str, Any]]:
    """Reports of which as little is known as may be."""
    nothing = Bounds(Decimal(0), UNLIMITED)
    budget = make_budget(cap=None, spend="1", pace=Pace(Decimal(0), Decimal(0), nothing, None))
    lean = budget._replace(
        daily=DailySpend(Decimal(1), nothing, date(2026, 11, 22)),
        forecast=Forecast(Decimal(1), Decimal(2), UNLIMITED, None),
        spend=nothing,
        drivers=(Driver("alpha", "no model", Decimal(1), None),),
    )
    everything = {
        "workspaces": (WorkspaceSpend(None, "default workspace", archived=False, spend=nothing),),
        "models": (ModelSpend(None, nothing),),
        "days": (DaySpend(date(2026, 11, 1), nothing),),
        "drivers": (Driver("alpha", "no model", Decimal(1), None),),
        "known_spend": (KnownSpend(Decimal(1), NOW, None, None, NOW),),
    }
    yield read(render_json(make_report("ok", make_budget(), lean, **everything), "budget.yml"))
    late = lean._replace(daily=DailySpend(Decimal(1), nothing, date(2026, 11, 22), nothing))
    yield read(render_json(make_report("ok", late, spend=nothing), "budget.yml"))
    unknown = make_report("unverified", spend=None, coverage=None, prices=None)
    yield read(render_json(unknown, "budget.yml"))


def offline(base: Base | None) -> dict[str, Any]:
    """The report of a policy that is checked against another one, without what every report has."""
    checked: PolicyCheck = check_policy(policy(CHANGED), MONTH, book(), base)
    document = read(render_policy_json(checked, "budget.yml"))
    return {"policy": document["policy"]}


def audits() -> Iterator[dict[str, Any]]:
    """An audit with all that one may have, and one that could not be made."""
    part = Part(date(2026, 11, 2), "wrkspc_01A", "tokens", "claude-opus-5-5")
    amounts = (Decimal(18), Decimal(-2), (("discount", Decimal(-1)),), Decimal(-1))
    line = AuditLine(part, bounds("20"), *amounts, is_beyond=True)  # type: ignore[arg-type]
    line = line._replace(list_amount=Decimal(20), list_drift=Decimal("0.5"), differs="counts")
    stranger = line._replace(
        part=Part(date(2026, 11, 2), None, "web_search", None),
        list_cost=Bounds(Decimal(0), UNLIMITED),
        list_amount=None,
        list_drift=None,
        differs=None,
    )
    made = Audit(
        "drift",
        NOW,
        MONTH.period,
        2,
        (line,),
        discount=Decimal("0.1"),
        usual=Decimal("0.1"),
        discounts={"claude-opus-5-5": Decimal("0.1"), "claude-sonnet-5": None},
        names={"wrkspc_01A": "alpha"},
        notes=(Note("info", "clock", "A clock."),),
    )
    yield read(render_audit_json(made))
    yield read(render_audit_json(replace(made, lines=(stranger,), discount=None, usual=None)))
    yield read(
        render_audit_json(Audit("unverified", datetime(2026, 11, 2, tzinfo=UTC), MONTH.period))
    )


def read(text: str) -> dict[str, Any]:
    """The JSON document."""
    document: dict[str, Any] = json.loads(text)
    return document


DOCUMENTS: Final = {
    "report": (full_report(), *bare_reports()),
    "offline": (
        offline(Base("base.yml", policy(BEFORE).policy)),
        offline(Base("base.yml", policy(CHANGED.replace("c: {cap: 5}", "c: {cap: 6}")).policy)),
        offline(None),
    ),
    "audit": tuple(audits()),
}
every_document = pytest.mark.parametrize("name", DOCUMENTS)


def described(heading: str, above: str = "") -> Iterator[tuple[str, str]]:
    """Each path that a table of the page describes, with its type; of a type with a table, the rows of that as well."""
    for field, (kind, *_) in table(PAGE, heading).items():
        path = f"{above}{field}"
        yield path, re.sub(r"\(#.*?\)", "", kind)
        linked = re.search(r"\(#(.+?)\)", kind)
        if linked:
            into = "[]." if kind.startswith("list") else "."
            yield from described(PARTS.get(linked[1], linked[1]), path + into)


def found(document: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each path of a document, with its values."""
    for key, value in document.items():
        path = f"{above}{key}"
        yield path, value
        if isinstance(value, dict) and path not in BY_NAME:
            yield from found(value, f"{path}.")
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict):
                yield from found(item, f"{path}[].")


def values(name: str) -> dict[str, list[Any]]:
    """What each path of the documents of a kind may be."""
    told: dict[str, list[Any]] = {}
    for document in DOCUMENTS[name]:
        for path, value in found(document):
            told.setdefault(path, []).append(value)
    return told


@every_document
def test_the_documents_here_leave_nothing_out(name: str) -> None:
    """Each field has a value in one of them, so that whatever stands below it is seen."""
    assert [
        path for path, them in values(name).items() if all(it in (None, [], {}) for it in them)
    ] == []


@every_document
def test_every_field_is_described_and_no_other(name: str) -> None:
    """Those that the program prints are those of the tables."""
    paths = [path for path, _ in described(name)]
    assert len(paths) == len({*paths})
    assert {*paths} == values(name).keys()


@every_document
def test_fields_are_of_the_types_that_are_described(name: str) -> None:
    """In whatever document, and null where the page says so, and only there."""
    told = values(name)
    for path, kind in described(name):
        word, _, rest = kind.partition(" or ")
        assert (None in told[path]) == (rest == "null"), path
        assert all(is_of(value, word) for value in told[path] if value is not None), path


def is_of(value: Any, word: str) -> bool:
    """Whether a value is of the type that the page calls so."""
    if word == "boolean":
        return isinstance(value, bool)
    if word == "number":
        return isinstance(value, int) and not isinstance(value, bool)
    if word == "list of strings":
        return isinstance(value, list) and all(isinstance(it, str) for it in value)
    if word.startswith("list"):
        return isinstance(value, list) and all(isinstance(it, dict) for it in value)
    if word == "object" or word.startswith("["):
        return isinstance(value, dict)
    if word == "any":
        return isinstance(value, str | list | dict)
    return isinstance(value, str) and bool(re.fullmatch(TYPES[word], value))
