"""Costs that are still to come in: a day that is not all there never passes for what the day cost."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import pytest

from budget_gate.domain.billed.bill import Bill, Charge
from budget_gate.domain.billed.late_costs import doubt_late
from budget_gate.domain.billed.settle import settle
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.prices.charges import price
from budget_gate.domain.spend import Workspace as ListedWorkspace
from budget_gate.domain.usage import Tokens, Usage
from tests.helpers.bills import ALPHA, FIRST, OUTPUT
from tests.helpers.builders import MILLION, book, book_with, bounds, key, usage_of
from tests.helpers.running import Here, Run
from tests.helpers.wording import assert_is_sentence, assert_says
from tests.world.billing import Charge as TrueCharge
from tests.world.billing import bill_of, code_execution, so_far
from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage as TrueUsage

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
# $192 and $48 at list price on each of the 21 days before today: $5,040 in all.
DAILY = (("claude-opus-5-5", ALPHA, 9_600_000), ("claude-sonnet-5", None, 4_800_000))
ORGANIZATION = Organization(
    [
        TrueUsage(
            datetime.combine(FIRST + timedelta(days=number), time(12), UTC),
            workspace,
            model,
            output=output,
        )
        for number in range(21)
        for model, workspace, output in DAILY
    ],
    [Workspace(ALPHA, "alpha")],
)
ROUTES: dict[str, dict[str, int]] = {"analytics": {}, "cost_report": {"analytics/cost": 403}}


def api(hours: Mapping[int, int], route: str, *more: TrueCharge, **options: Any) -> LoopbackAPI:
    """An API that claims to have all costs, and has some days of November up to an hour alone."""
    charges = [*bill_of(ORGANIZATION, discount=options.pop("discount", Fraction(0))), *more]
    there = so_far(charges, {date(2026, 11, day): hour for day, hour in hours.items()})
    return LoopbackAPI(ORGANIZATION, now=NOW, bill=there, refuse=ROUTES[route], **options)


def checked(here: Here, server: LoopbackAPI, cap: str, more: str = "") -> Run:
    """A check of billed cost."""
    rules = f"version: 1\nglobal: {{cap: {cap}, forecast: off}}\nspend: {{basis: billed}}\n{more}"
    with server:
        return here.check(server, "--format", "json", policy=rules, now=NOW)


def doubts(run: Run) -> list[str]:
    """The notes on costs that seem to be missing."""
    return [
        note["message"] for note in run.report["notes"] if note["code"] == "late_costs_suspected"
    ]


# Whole runs


@pytest.mark.parametrize(("route", "day"), [("analytics", 21), ("cost_report", 20)])
def test_a_day_of_20_hours_is_not_green(here: Here, route: str, day: int) -> None:
    """$5,000 of $5,040 are there under a cap of $5,039: the day counts as it costs at list price."""
    run = checked(here, api({day: 20}, route), "5039")
    assert run.code == 1
    assert run.spend == 5040
    (note,) = doubts(run)
    assert f"2026-11-{day} ($200.00 billed, $240.00 at list prices)" in note
    assert run.bases[day - 1] == "l"


@pytest.mark.parametrize("route", ROUTES)
def test_the_cost_report_is_not_settled_before_its_costs_are_in(here: Here, route: str) -> None:
    """Half a day after its end the 21st is at list price there, whatever is in."""
    run = checked(here, api({}, route), "5040")
    assert (run.code, doubts(run)) == (0, [])
    assert run.bases == ("b" * 21 + "l" if route == "analytics" else "b" * 20 + "ll")


@pytest.mark.parametrize(
    "hours", [{20: 20, 21: 12}, {20: 20, 21: 20}, {18: 21, 19: 20, 20: 10, 21: 2}, {1: 20, 21: 6}]
)
def test_short_days_do_not_hide_one_another(here: Here, hours: dict[int, int]) -> None:
    """Each of them is at list price, whether they lack the same hours or others."""
    run = checked(here, api(hours, "analytics"), "5039")
    assert run.code == 1
    assert run.spend == 5040
    (note,) = doubts(run)
    assert all(f"2026-11-{day:02} (" in note for day in hours)
    assert [day for day, basis in enumerate(run.bases, 1) if basis == "l"] == [*hours, 22]
    assert run.report["coverage"]["billed_days"] == 21 - len(hours)


def test_days_after_a_short_one_are_as_billed(here: Here) -> None:
    """Their code execution counts on, and so does what the short day has of it."""
    more = [code_execution(date(2026, 11, day), None, Fraction(24)) for day in (10, 15)]
    run = checked(here, api({10: 20}, "analytics", *more), "100000")
    assert run.spend == 5040 + 20 + 24


def test_a_discount_that_nobody_told_of_is_no_late_cost(here: Here) -> None:
    """All days cost 15% less than the policy knows; a short one shows among them all the same."""
    discount = Fraction(15, 100)
    run = checked(here, api({}, "analytics", discount=discount), "100000")
    assert doubts(run) == []
    assert run.spend == 21 * 204
    run = checked(here, api({9: 20}, "analytics", discount=discount), "100000")
    assert "2026-11-09 ($170.00 billed, $240.00 at list prices)" in doubts(run)[0]
    assert run.spend == 20 * 204 + 240


def test_a_workspace_and_a_model_are_judged_by_what_the_day_costs(here: Here) -> None:
    """Both budgets have all of the 21st: $192 a day."""
    more = (
        "workspaces: {alpha: {cap: 4031, forecast: off}}\n"
        "models: {claude-opus-5-5: {cap: 4031, forecast: off}}\n"
    )
    run = checked(here, api({21: 20}, "analytics"), "100000", more)
    told = {budget["id"]: budget["spend"]["low"] for budget in run.report["budgets"]}
    assert {Fraction(told[f"workspaces.{ALPHA}"]), Fraction(told["models.claude-opus-5-5"])} == {
        Fraction(4032)
    }
    assert run.code == 1


def test_the_chart_shows_a_short_day_like_one_at_list_price(here: Here) -> None:
    """The row of settled bars has a gap on that day."""
    server = api({3: 20}, "analytics")
    rules = "version: 1\nglobal: {cap: 9999, forecast: off}\nspend: {basis: billed}\n"
    with server:
        run = here.check(server, "--format", "markdown", policy=rules, now=NOW)
    rows = [line.strip() for line in run.stdout.splitlines() if line.strip().startswith("bar [")]
    assert rows[1].startswith("bar [240.00, 480.00, 0.00, 960.00,")
    assert "20 settled days, then list cost" not in run.stdout
    assert "20 settled days, list cost on the others" in run.stdout


def test_doctor_tells_of_a_short_day(here: Here) -> None:
    """It says what a check says."""
    rules = "version: 1\nglobal: {cap: 9999}\nspend: {basis: billed}\n"
    with api({21: 20}, "analytics") as server:
        here.set({"ANTHROPIC_BASE_URL": server.url})
        run = here.main("doctor", policy=rules, now=NOW)
    assert "Some costs seem to be missing from the bill: 2026-11-21" in run.stdout


def test_the_audit_compares_no_short_day(here: Here) -> None:
    """It names the day, and finds no drift on the others."""
    with api({21: 20}, "analytics") as server:
        here.set({"ANTHROPIC_BASE_URL": server.url})
        run = here.main("audit", "--format", "json", now=NOW)
    assert (run.code, run.report["settled_days"]) == (0, 20)
    (note,) = doubts(run)
    assert "2026-11-21 ($200.00 billed, $240.00 at list prices)" in note


@pytest.mark.parametrize("basis", ["list", "billed"])
def test_the_audit_of_a_check_names_the_short_day_once(here: Here, basis: str) -> None:
    """Whichever cost is judged: what is compared is not all of the month."""
    rules = f"version: 1\nglobal: {{cap: 9999}}\nspend: {{basis: {basis}}}\n"
    with api({21: 20}, "analytics") as server:
        run = here.check(server, "--audit", "--format", "json", policy=rules, now=NOW)
    (note,) = doubts(run)
    assert "2026-11-21 ($200.00 billed, $240.00 at list prices)" in note


@pytest.mark.parametrize(("basis", "far"), [("list", 0), ("billed", 1)])
def test_the_audit_of_a_check_tells_of_late_costs_beside_low_prices(
    here: Here, basis: str, far: int
) -> None:
    """40% of list price on all days, and less on one: at list cost, the audit itself tells of prices."""
    rules = f"version: 1\nglobal: {{cap: 9999}}\nspend: {{basis: {basis}}}\n"
    with api({21: 12}, "analytics", discount=Fraction(6, 10)) as server:
        run = here.check(server, "--audit", "--format", "json", policy=rules, now=NOW)
    assert len(doubts(run)) == 1
    assert run.codes.count("billed_far_below_list") == far


def test_the_audit_of_few_days_takes_them_as_they_are(here: Here) -> None:
    """Two days cannot tell a discount from late costs: what differs is drift."""
    with api({21: 12}, "analytics") as server:
        here.set({"ANTHROPIC_BASE_URL": server.url})
        run = here.main("audit", "--days", "2", "--format", "json", now=NOW)
    assert (run.code, run.report["settled_days"]) == (1, 2)


# The rule


def bill(
    percents: Mapping[int, str],
    *more: Charge,
    cost_type: str = "tokens",
    source: Literal["analytics", "cost_report"] = "cost_report",
) -> Bill:
    """A bill up to the 20th: on some days so many percent of $20."""
    model, tier = ("claude-opus-5-5", "standard") if cost_type == "tokens" else (None, None)
    charges = (
        Charge(None, date(2026, 11, day), cost_type, model, tier, Decimal(percent) / 5)
        for day, percent in percents.items()
    )
    return Bill((*charges, *more), FIRST, date(2026, 11, 20), source)


def used(days: Mapping[int, str], tokens: Tokens | None = None, **more: Any) -> Usage:
    """$20 of usage at list price on each of the days."""
    each = tokens or Tokens(output=MILLION)
    return usage_of([(key(day=f"2026-11-{day:02}", **more), each) for day in days])


def doubted(percents: Mapping[int, str], expected: int | None = 1, **more: Any) -> list[int]:
    """The days that are doubted where they were billed at so many percent of list cost."""
    told = doubt_late(bill(percents), price(used(percents, **more), book()), expected=expected)
    assert bool(told.notes) == bool(told.doubted)
    return sorted(day.day for day in told.doubted)


def days(*percents: str) -> dict[int, str]:
    """Percents for the days from the 1st on."""
    return dict(enumerate(percents, 1))


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        pytest.param(days("100", "100", "100", "89.8"), [], id="a-tenth-and-cents-less"),
        pytest.param(days("100", "100", "100", "89.7"), [4], id="more-than-a-tenth-less"),
        pytest.param(days("85", "85", "85", "76.5"), [], id="a-tenth-less-than-the-others"),
        pytest.param(days("85", "85", "85", "76.2"), [4], id="more-than-that"),
        pytest.param(days("120", "120", "120", "105"), [4], id="dearer-than-list"),
        pytest.param(days("100", "101", "102", "101", "80"), [5], id="within-two-percent"),
        pytest.param(days("100", "80", "120", "90", "70", "110"), [2, 5], id="no-two-agree"),
        pytest.param(days("100", "100", "100", "80", "80", "80"), [4, 5, 6], id="halves-disagree"),
        pytest.param(days("100", "100", "100", "100", "130", "80"), [6], id="one-is-dearer"),
        pytest.param(days("100", "100", "100", "83", "83"), [4, 5], id="two-lack-the-same"),
        pytest.param(days("83", "100", "100", "83"), [1, 4], id="first-and-last"),
        pytest.param(days("100", "83", "83"), [2, 3], id="most-of-few"),
        pytest.param(days("83"), [1], id="one-alone"),
        pytest.param(days("83", "83"), [1, 2], id="two-alone"),
        pytest.param(days("85", "85", "85"), [], id="three-tell-a-discount"),
        pytest.param(days("91", "95"), [], id="few-and-near"),
    ],
)
def test_what_the_other_days_were_billed_at_is_the_measure(
    percents: dict[int, str], expected: list[int]
) -> None:
    """More than a tenth, and cents, below what most share within 2%; below list cost else."""
    assert doubted(percents) == expected


def test_where_few_days_are_there_nothing_may_be_expected() -> None:
    """An audit takes them as they are."""
    assert doubted(days("83"), expected=None) == []
    assert doubted(days("100", "100", "100", "83"), expected=None) == [4]


def test_few_days_are_told_the_way_out() -> None:
    """If it is a discount, the policy can say so."""
    told = doubt_late(bill(days("83")), price(used(days("83")), book()), expected=1)
    (note,) = told.notes
    assert_is_sentence(note.message)
    assert (note.level, note.code) == ("warning", "late_costs_suspected")
    assert "2026-11-01 ($16.60 billed, $20.00 at list prices)" in note.message
    assert "if that is a discount of yours, set prices.discount" in note.message


def test_the_policys_discount_is_taken_off_first() -> None:
    """17% off is what a policy of 17% expects of a day alone."""
    known = book_with("{discount: 17%}")
    assert not doubt_late(bill(days("83")), price(used(days("83")), known), expected=1).doubted


def test_searches_have_a_measure_of_their_own() -> None:
    """$20 of searches are 2,000: short of them, the day is not whole, however its tokens stand."""
    percents = days("100", "100", "100", "80")
    charges = bill(percents, cost_type="web_search").charges
    whole = bill(dict.fromkeys(percents, "85"), *charges)
    usage = used(percents, Tokens(output=MILLION, web_searches=2000))
    told = doubt_late(whole, price(usage, book()), expected=1)
    assert [day.day for day in told.doubted] == [4]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"model": "claude-nobody-knows-1"}, id="unpriced"),
        pytest.param({"tier": "priority"}, id="prepaid"),
    ],
)
def test_what_has_no_list_cost_is_not_compared(more: dict[str, Any]) -> None:
    """Only a list cost of what is billed shows what is missing."""
    assert doubted(days("100", "100", "100", "50"), **more) == []


@pytest.mark.parametrize(
    ("percents", "expected"),
    [
        # Percents of the low end, $20: where the speed is not told, it may cost up to twice as much.
        pytest.param(days("100", "100", "100", "50"), [4], id="below-the-low-end"),
        pytest.param(days("100", "190", "150", "89.7"), [4], id="below-it-where-no-two-agree"),
        pytest.param(days("190", "190", "190", "100"), [], id="the-low-end-is-not-late"),
        pytest.param(days("190", "190", "190", "89.7"), [4], id="most-are-fast"),
        pytest.param(days("85", "85", "85", "76.5"), [], id="a-discount-that-most-days-have"),
        pytest.param(days("85", "85", "85", "76.2"), [4], id="less-than-that"),
        pytest.param(days("89.8"), [], id="within-the-tolerance"),
    ],
)
def test_less_than_the_low_end_of_a_range_is_late(
    percents: dict[int, str], expected: list[int]
) -> None:
    """What lies within the range is as good as any, and what is below it as doubtful as of an exact cost."""
    assert doubted(percents, speed=None) == expected
    told = doubt_late(bill(percents), price(used(percents, speed=None), book()), expected=1)
    assert all("at least $20.00 at list prices" in note.message for note in told.notes)


def charged(model: str, day: int, amount: str) -> Charge:
    """Tokens of a day of November in the default workspace."""
    return Charge(None, date(2026, 11, day), "tokens", model, "standard", Decimal(amount))


def test_a_range_has_the_ratio_that_all_others_share() -> None:
    """Two models are billed at 70% of $10, and so is one of which the speed is not told, for two days."""
    half = Tokens(output=MILLION // 2)
    rows = [(key(OPUS, day=f"2026-11-0{day}", speed=None), half) for day in (1, 2)]
    charges = [charged(OPUS, day, "7") for day in (1, 2)]
    for model, output in ((SONNET, MILLION), (HAIKU, 2 * MILLION)):
        rows += [(key(model, day=f"2026-11-0{day}"), Tokens(output=output)) for day in (1, 2, 3)]
        charges += [charged(model, day, "7") for day in (1, 2, 3)]
    of = bill({})._replace(charges=tuple(charges))
    assert late(doubt_late(of, price(usage_of(rows), book()), expected=1)) == []


def test_usage_of_no_told_workspace_is_compared_with_all_that_is_billed() -> None:
    """A report that tells no workspaces apart is of the same cost as the bill."""
    assert doubted(days("100", "100", "100", "50"), workspace="") == [4]


OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5", "claude-haiku-4-5"


def billed_at(
    ratios: Mapping[tuple[str, str | None], Mapping[int, str]], expected: int | None = 1
) -> Bill:
    """What is doubted where models in workspaces are billed at so many percent of $10 a day."""
    cells = [
        (model, workspace, day, Decimal(percent) / 10)
        for (model, workspace), percents in ratios.items()
        for day, percent in percents.items()
    ]
    # $10 of output at the price page's USD per million tokens.
    outputs = {OPUS: MILLION // 2, SONNET: MILLION, HAIKU: 2 * MILLION}
    usage = usage_of(
        [
            (key(model, day=f"2026-11-{day:02}", workspace=where), Tokens(output=outputs[model]))
            for model, where, day, _ in cells
        ]
    )
    charges = [
        Charge(where, date(2026, 11, day), "tokens", model, "standard", amount)
        for model, where, day, amount in cells
    ]
    return doubt_late(
        bill({})._replace(charges=tuple(charges)), price(usage, book()), expected=expected
    )


def late(told: Bill) -> list[int]:
    """The days of the month that are doubted."""
    return sorted(day.day for day in told.doubted)


@pytest.mark.parametrize("name", [None, "claude-nobody-knows-1"])
def test_tokens_of_no_known_model_are_compared_with_all_of_their_day(name: str | None) -> None:
    """$6 of a model and $4 of none pay for what cost $10: nothing is missing, and $2 of none leaves $2 missing."""
    amounts = {1: "4", 2: "4", 3: "2"}
    usage = usage_of(
        [(key(OPUS, day=f"2026-11-0{day}"), Tokens(output=MILLION // 2)) for day in amounts]
    )
    charges = [
        Charge(None, date(2026, 11, day), "tokens", model, "standard", Decimal(amount))
        for day, rest in amounts.items()
        for model, amount in ((OPUS, "6"), (name, rest))
    ]
    told = doubt_late(bill({})._replace(charges=tuple(charges)), price(usage, book()), expected=1)
    assert late(told) == [3]


def test_a_model_without_a_price_hides_no_late_day_of_another() -> None:
    """Its $1 is its own, as the usage has it by that name: a cent of $10 is late on the 4th."""
    rows = [(key(OPUS, day=f"2026-11-0{day}"), Tokens(output=MILLION // 2)) for day in range(1, 5)]
    rows.append((key("claude-new-9", day="2026-11-04"), OUTPUT))
    charges = [charged(OPUS, day, "10") for day in range(1, 4)]
    charges += [charged(OPUS, 4, "0.01"), charged("claude-new-9", 4, "1")]
    told = doubt_late(
        bill({})._replace(charges=tuple(charges)), price(usage_of(rows), book()), expected=1
    )
    assert late(told) == [4]


def test_a_discount_on_one_model_hides_no_late_day() -> None:
    """The days' ratios of both models together differ, and each model's own do not."""
    told = billed_at(
        {
            (OPUS, None): days("100", "100", "100", "100", "100", "83"),
            (SONNET, None): {1: "60", 2: "60", 3: "60", 5: "60"},
        }
    )
    assert late(told) == [6]


def test_a_late_workspace_shows_beside_one_that_is_whole() -> None:
    """All of a day is within a tenth of what is usual, and the workspace is not."""
    told = billed_at(
        {
            **{(OPUS, f"wrkspc_{number}"): days(*["100"] * 5) for number in range(9)},
            (OPUS, ALPHA): days("100", "100", "100", "100", "20"),
        }
    )
    assert late(told) == [5]
    assert_says(told.notes[0].message, f"2026-11-05 in {ALPHA} (", "$2.00 billed, $10.00 at list")


def test_a_day_that_is_late_in_every_workspace_names_none() -> None:
    """Both lack $8 of $10."""
    percents = days("100", "100", "100", "100", "20")
    told = billed_at({(OPUS, None): percents, (OPUS, ALPHA): percents})
    assert_says(told.notes[0].message, "2026-11-05 ($4.00 billed, $20.00 at list prices)")


def test_late_workspaces_have_the_names_that_are_listed() -> None:
    """Its id stands for one that is not, and the default workspace has a name of its own."""
    rows = [
        (key(day="2026-11-01", workspace=id_), OUTPUT)
        for id_ in (None, ALPHA, "wrkspc_01X", "wrkspc_01Y")
    ]
    usage = usage_of(rows, workspaces=(ListedWorkspace(ALPHA, "alpha"),))
    charges = [
        Charge(id_, date(2026, 11, 1), "tokens", "claude-opus-5-5", "standard", Decimal(amount))
        for id_, amount in ((None, 5), (ALPHA, 5), ("wrkspc_01X", 5), ("wrkspc_01Y", 20))
    ]
    told = doubt_late(bill({})._replace(charges=tuple(charges)), price(usage, book()), expected=1)
    where = "2026-11-01 in alpha, the default workspace, wrkspc_01X ("
    assert_says(told.notes[0].message, where, "$15.00 billed, $60.00")


def test_list_cost_less_a_discount_is_called_so() -> None:
    """$20 less 10% are $18, of which half was billed."""
    known = book_with("{discount: 10%}")
    told = doubt_late(bill(days("45")), price(used(days("45")), known), expected=1)
    (note,) = told.notes
    assert_is_sentence(note.message)
    assert_says(note.message, "($9.00 billed, $18.00 at list prices less 10%)")
    assert_says(note.message, "until they are in, list prices less 10% count there")


def test_an_audit_leaves_late_days_out_and_says_so() -> None:
    """Nothing is counted there."""
    told = doubt_late(
        bill(days("100", "100", "100", "50")),
        price(used(days(*["100"] * 4)), book()),
        expected=None,
    )
    (note,) = told.notes
    assert_is_sentence(note.message)
    assert_says(note.message, "2026-11-04", "the audit leaves these days out")
    assert "count there" not in note.message


def test_late_cents_of_many_workspaces_show_in_what_the_model_cost() -> None:
    """Four cents of a dime are no more than rounding may take, and those of ten workspaces are."""
    many = [f"wrkspc_{number}" for number in range(10)]
    usage = usage_of(
        [
            (key(day=f"2026-11-0{day}", workspace=where), Tokens(output=5_000))
            for where in many
            for day in range(1, 5)
        ]
    )
    charges = tuple(
        Charge(
            where, date(2026, 11, day), "tokens", OPUS, None, Decimal("0.06" if day > 3 else "0.1")
        )
        for where in many
        for day in range(1, 5)
    )
    told = doubt_late(bill({})._replace(charges=charges), price(usage, book()), expected=1)
    assert late(told) == [4]
    few = [charge for charge in charges if charge.workspace == many[0]]
    only = Usage(
        {it: tokens for it, tokens in usage.table.items() if it.workspace == many[0]},
        usage.workspaces,
        usage.coverage,
    )
    told = doubt_late(bill({})._replace(charges=tuple(few)), price(only, book()), expected=1)
    assert late(told) == []


@pytest.mark.parametrize(
    ("usual", "rare", "expected"),
    [
        pytest.param(("85", "85"), "85", [], id="of-all"),
        pytest.param(("85", "85"), "75", [7], id="late"),
        pytest.param(("85", "100"), "85", [7], id="others-differ"),
    ],
)
def test_a_model_of_one_day_has_the_ratio_that_all_others_share(
    usual: tuple[str, str], rare: str, expected: list[int]
) -> None:
    """An unknown discount on everything makes it not late; where models differ, list cost counts."""
    told = billed_at(
        {
            (OPUS, None): days(*[usual[0]] * 5),
            (SONNET, None): days(*[usual[1]] * 5),
            (HAIKU, None): {7: rare},
        }
    )
    assert late(told) == expected


def test_the_discount_of_one_model_alone_is_not_that_of_all() -> None:
    """What a second model of one day lacks may be late: list cost counts there."""
    told = billed_at({(OPUS, None): days(*["85"] * 5), (HAIKU, None): {5: "85"}})
    assert late(told) == [5]


def test_late_days_that_all_differ_count_at_list_cost() -> None:
    """Beside two models of one discount, no ratio of the third is usual, so none is believed."""
    told = billed_at(
        {
            (OPUS, None): days(*["50"] * 6),
            (SONNET, None): days(*["50"] * 6),
            (HAIKU, None): days("100", "91", "80", "70", "60", "50"),
        }
    )
    assert late(told) == [3, 4, 5, 6]


@pytest.mark.parametrize(("percent", "is_told"), [("0.1", True), ("48", True), ("50", False)])
def test_a_bill_of_less_than_half_of_list_cost_is_told(percent: str, *, is_told: bool) -> None:
    """It may be a discount, so every day stays settled, and both amounts are named."""
    told = billed_at({(OPUS, None): days(*[percent] * 4), (SONNET, None): days(*["100"] * 4)})
    assert late(told) == []
    assert [note.code for note in told.notes] == ["billed_far_below_list"] * is_told
    amount = Decimal(percent) * 4 / 10
    for note in told.notes:
        assert note.level == "warning"
        assert f"{OPUS} (${amount:.2f} billed, $40.00 at list prices)" in note.message


def test_late_days_alone_are_not_told_twice() -> None:
    """55% of list cost on settled days is no less than half, whatever is in of the late ones."""
    told = billed_at({(OPUS, None): days("55", "55", "55", "1", "1")})
    assert late(told) == [4, 5]
    assert [note.code for note in told.notes] == ["late_costs_suspected"]


def test_searches_billed_far_below_their_price_are_told() -> None:
    """2,000 of them cost $20 at $10 per 1,000."""
    percents = days(*["5"] * 4)
    usage = used(percents, Tokens(web_searches=2000))
    told = doubt_late(bill(percents, cost_type="web_search"), price(usage, book()), expected=1)
    (note,) = told.notes
    assert_is_sentence(note.message)
    assert "web_search ($4.00 billed, $80.00 at list prices)" in note.message
    assert_says(note.message, "look in the Console", "set prices.discount or prices.models.")


def test_other_kinds_of_cost_fill_no_gap() -> None:
    """Code execution and prepaid tokens are no part of what the usage costs."""
    percents = days("100", "100", "100", "80")
    on = date(2026, 11, 4)
    more = [
        Charge(None, on, "code_execution", None, None, Decimal(100)),
        Charge(None, on, "tokens", "claude-opus-5-5", "priority", Decimal(100)),
    ]
    told = doubt_late(bill(percents, *more), price(used(percents), book()), expected=1)
    assert [day.day for day in told.doubted] == [4]


def test_a_cost_of_a_model_counts_whatever_its_kind_is_called() -> None:
    """A new kind of cost that names the model is billed for its tokens."""
    renamed = [it._replace(cost_type="moon_tokens") for it in bill({4: "100"}).charges]
    told = bill(days("100", "100", "100"), *renamed)
    assert not doubt_late(told, price(used(days(*["100"] * 4)), book()), expected=1).doubted


def test_days_that_the_bill_does_not_reach_are_no_measure() -> None:
    """The 20th is not settled yet, and its usage is not missed."""
    usage = used({**days("100", "100", "100"), 20: "0"})
    assert not doubt_late(bill(days("100", "100", "100")), price(usage, book()), expected=1).doubted


def test_a_doubted_day_costs_at_least_what_is_billed() -> None:
    """By workspace and model: the dearer one of list cost and bill, each named once."""
    on = date(2026, 11, 4)
    short = bill(
        days("100", "100", "100"),
        Charge(None, on, "tokens", "claude-opus-5-5", "standard", Decimal(25)),
        Charge(ALPHA, on, "tokens", "claude-sonnet-4-5", "standard", Decimal(1)),
        Charge(None, on, "session_usage", None, None, Decimal(3)),
    )._replace(
        doubted=frozenset([on]),
    )
    usage = usage_of(
        [
            (key(day="2026-11-04"), Tokens(output=MILLION)),
            (
                key("claude-sonnet-4-5-20250929", day="2026-11-04", workspace=ALPHA),
                Tokens(output=MILLION),
            ),
        ]
    )
    lines = settle(price(usage, book()), short, unknown_model="fail").lines
    assert {
        (line.workspace, line.model, line.basis): line.cost for line in lines if line.day == on
    } == {
        (None, "claude-opus-5-5", "list"): bounds("25"),
        (ALPHA, "claude-sonnet-4-5-20250929", "list"): bounds("15"),
        (None, None, "billed"): bounds("3"),
    }


def test_a_range_starts_at_what_is_billed() -> None:
    """Fast or not, $20 to $40: with $30 billed, it is no less."""
    on = date(2026, 11, 4)
    told = bill({}, Charge(None, on, "tokens", "claude-opus-5-5", "standard", Decimal(30)))
    usage = usage_of([(key(day="2026-11-04", speed=None), Tokens(output=MILLION))])
    short = told._replace(doubted=frozenset([on]))
    (line,) = settle(price(usage, book()), short, unknown_model="fail").lines
    assert line.cost == Bounds(Decimal(30), Decimal(40))
