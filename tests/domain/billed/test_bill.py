"""The bill and the usage together: settled days as billed, the others at list price, and nothing lost between them."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.billed.bill import Bill, attribute
from budget_gate.domain.billed.names import naming
from budget_gate.domain.billed.settle import settle
from budget_gate.domain.bounds import NOTHING, Bounds, sum_of
from budget_gate.domain.costs import add_up, total
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate, Period, ended_by
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import UnknownModel
from budget_gate.domain.spend import Coverage, Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Tokens, Usage, UsageKey
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.billed_cost import read_bill
from budget_gate.sources.api.usage_report import read_usage
from tests.helpers.bills import ALPHA, BETA, OUTPUT, bill, charge, used
from tests.helpers.builders import MILLION, book, book_with, bounds, key, usage_of
from tests.helpers.serving import NOW, connected, exact
from tests.helpers.wording import assert_is_sentence, assert_says
from tests.world.billing import Charge as TrueCharge
from tests.world.billing import bill_of, billed, code_execution, other_cost, session_usage
from tests.world.loopback import DEFAULT_WORKSPACE_ID, LoopbackAPI, Organization
from tests.world.oracle import total as true_total
from tests.world.organizations import random_organization, seeded

STRANGER = "wrkspc_01EXAMPLESTRANGER"


def spend(
    usage: Usage,
    of: Bill,
    prices: PriceBook | None = None,
    unknown_model: UnknownModel = "fail",
) -> Spend:
    """The spend of usage and a bill."""
    return settle(price(usage, prices or book()), of, unknown_model=unknown_model)


def total_of(told: Spend) -> Bounds:
    """The sum of a spend's lines."""
    whole = NOTHING
    for line in told.lines:
        whole = whole.plus(line.cost)
    return whole


def notes(told: Spend) -> dict[str, Note]:
    """The notes by their codes."""
    for note in told.notes:
        assert_is_sentence(note.message)
    return {note.code: note for note in told.notes}


def refusal(of: Bill, usage: Usage, labelled: Collection[str] = ()) -> UnverifiedError:
    """The error that attributing the bill, or the spend it makes, ends in."""
    with pytest.raises(UnverifiedError) as caught:
        settle(price(usage, book()), attribute(of, usage, labelled), unknown_model="fail")
    return caught.value


def workspaces(of: Bill) -> list[str | None]:
    """The workspace of each charge."""
    return [each.workspace for each in of.charges]


# Days that have ended


@pytest.mark.parametrize(
    ("as_of", "now", "days"),
    [
        ("2026-11-15T12:00:00", "2026-11-15T12:00:00", 14),
        ("2026-11-02T00:00:00", "2026-11-02T00:00:00", 1),
        ("2026-11-10T12:00:00", "2026-11-15T12:00:00", 9),
        ("2026-11-30T12:00:00", "2026-11-15T12:00:00", 14),
        ("2026-11-01T23:59:59", "2026-11-01T23:59:59", None),
        ("2026-11-20T12:00:00", "2026-11-01T23:59:59", None),
        ("2026-12-20T12:00:00", "2026-11-15T12:00:00", None),
    ],
)
def test_only_days_that_have_ended_have_a_bill(as_of: str, now: str, days: int | None) -> None:
    """The full days of the month, as far as they are over by now."""
    judged, told = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (as_of, now))
    period = ended_by(told, MonthToDate(judged).closed)
    start = judged.replace(day=1, hour=0, minute=0, second=0)
    assert period == (Period(start, start + timedelta(days=days)) if days else None)


# The default workspace


def test_the_default_workspaces_real_id_is_found() -> None:
    """It is the one with costs that is neither listed nor in the usage."""
    told = bill(charge("20", workspace=STRANGER), charge("20", workspace=ALPHA), source="analytics")
    usage = used(key(), key(workspace=ALPHA))
    assert workspaces(attribute(told, usage, ())) == [None, ALPHA]


def test_a_stranger_is_not_the_default_workspace_without_usage_of_that() -> None:
    """It may as well be a workspace that nobody lists: its costs are not put under `default`."""
    told = bill(charge("1", workspace=STRANGER, cost_type="code_execution"), source="analytics")
    assert refusal(told, used()).code == "unknown_workspaces"


def test_a_cost_of_no_workspace_is_refused() -> None:
    """Where the default workspace has an id of its own, none at all tells nothing."""
    told = bill(charge("20", workspace=None), source="analytics")
    error = refusal(told, used(key()))
    assert error.code == "unknown_workspaces"
    assert_says(error.message, "some costs are of no workspace")
    assert_says(error.hint, "list cost (spend.basis: list)")


@pytest.mark.parametrize("how", ["listed", "used", "labelled"])
def test_a_known_workspace_is_not_the_default_one(how: str) -> None:
    """A list, the usage and the policy's names each make a workspace known."""
    told = bill(charge("20", workspace=STRANGER), source="analytics")
    usage = used(
        *([key(workspace=STRANGER)] if how == "used" else []),
        workspaces=(Workspace(STRANGER, "strange"),) if how == "listed" else (),
    )
    labelled = [STRANGER] if how == "labelled" else []
    assert workspaces(attribute(told, usage, labelled)) == [STRANGER]


def test_usage_of_an_open_day_makes_a_workspace_known() -> None:
    """The usage of the whole month counts, settled or not."""
    told = bill(charge("20", workspace=STRANGER), source="analytics")
    usage = used(key(day="2026-11-20", workspace=STRANGER), workspaces=None)
    assert workspaces(attribute(told, usage, ())) == [STRANGER]


def test_two_strangers_are_an_error() -> None:
    """Which is the default one is not known: the error names both and the remedy."""
    told = bill(
        charge("20", workspace=STRANGER),
        charge("20", workspace=f"{STRANGER}2"),
        source="analytics",
    )
    error = refusal(told, used())
    assert error.code == "unknown_workspaces"
    assert_says(error.message, f"{STRANGER}, {STRANGER}2", "default workspace is not known")
    assert_says(error.hint, "under names in the policy", "list cost (spend.basis: list)")


def test_a_label_settles_which_of_two_strangers_is_the_default_one() -> None:
    """The one that the policy names is not."""
    told = bill(
        charge("20", workspace=STRANGER),
        charge("20", workspace=BETA),
        source="analytics",
    )
    found = attribute(told, used(key(), workspaces=None), [BETA])
    assert workspaces(found) == [None, BETA]


def test_many_strangers_are_counted() -> None:
    """Five are named, the others counted."""
    told = bill(
        *(charge("1", workspace=f"{STRANGER}{number}") for number in range(8)), source="analytics"
    )
    error = refusal(told, used())
    assert f"{STRANGER}4 and 3 more" in error.message


def test_the_cost_report_has_no_id_of_the_default_workspace() -> None:
    """There a stranger is a workspace that no list has."""
    told = bill(charge("20"), charge("20", workspace=STRANGER))
    assert workspaces(attribute(told, used(), ())) == [None, STRANGER]


# Negative costs


def test_a_negative_cost_is_an_error() -> None:
    """A bill below nothing would hide spend: the error names the model and the day."""
    error = refusal(bill(charge("-0.01")), used())
    assert error.code == "negative_cost"
    assert_says(error.message, "negative cost of claude-opus-5-5 on 2026-11-10")
    assert_says(error.hint, "look at that day in the Console", "list cost (spend.basis: list)")


def test_a_negative_cost_of_no_model_is_named_by_its_kind() -> None:
    """The kind of cost stands for it."""
    error = refusal(bill(charge("-1", cost_type="session_usage")), used())
    assert "session_usage on 2026-11-10" in error.message


def test_a_correction_within_a_line_is_none() -> None:
    """What stays above nothing in all is what was billed."""
    told = bill(charge("20"), charge("-0.5"))
    assert attribute(told, used(), ()).charges == told.charges


def test_a_credit_of_another_tier_is_no_correction() -> None:
    """A sum below nothing is not set off against other usage of the model."""
    told = bill(charge("20"), charge("-0.5", tier="batch"))
    assert refusal(told, used()).code == "negative_cost"


def test_a_credit_of_another_workspace_is_no_excuse() -> None:
    """Each workspace's own sum is to be above nothing, as each has a budget of its own."""
    told = bill(charge("20"), charge("-0.5", workspace=ALPHA))
    assert refusal(told, used()).code == "negative_cost"


# Gaps


def test_usage_without_a_cost_is_an_error() -> None:
    """A settled day of a workspace with usage has costs, or they are not all there."""
    error = refusal(bill(charge("20", 9, workspace=ALPHA)), used(key(workspace=ALPHA)))
    assert error.code == "incomplete_cost"
    assert_says(error.message, "2026-11-10", "no cost of claude-opus-5-5", f"workspace {ALPHA}")
    assert_says(error.hint, "again later", "list cost (spend.basis: list)")


def test_a_gap_of_the_default_workspace_is_told_so() -> None:
    """It has no id to name."""
    error = refusal(bill(charge("20", workspace=ALPHA)), used(key()))
    assert "no cost of claude-opus-5-5 in the default workspace" in error.message


def test_a_gap_of_the_analytics_is_an_error_too() -> None:
    """Without its costs the default workspace is not found, and missed."""
    told = bill(charge("20", workspace=ALPHA), source="analytics")
    assert refusal(told, used(key(), key(workspace=ALPHA))).code == "incomplete_cost"


@pytest.mark.parametrize(
    ("where", "tokens"),
    [
        pytest.param(key(tier="priority"), OUTPUT, id="priority-tier"),
        pytest.param(key(day="2026-11-20"), OUTPUT, id="not-settled"),
        pytest.param(key(day="2026-11-21"), OUTPUT, id="open-day"),
        pytest.param(key(), Tokens(), id="no-tokens"),
    ],
)
def test_usage_that_needs_no_cost(where: UsageKey, tokens: Tokens) -> None:
    """Prepaid usage, usage of later days and usage of nothing leave no gap."""
    told = bill()
    assert attribute(told, used(where, tokens=tokens), ()) == told


def test_searches_alone_need_a_cost() -> None:
    """A day of web searches only is billed as well."""
    usage = used(key(), tokens=Tokens(web_searches=1))
    assert refusal(bill(), usage).code == "incomplete_cost"


def test_a_day_without_usage_needs_no_cost() -> None:
    """Nor does a workspace that was not used."""
    assert attribute(bill(), used(), ()) == bill()


def test_usage_of_no_told_workspace_needs_a_cost_of_any() -> None:
    """It may have been billed to any workspace, yet not on another day."""
    usage = used(key(workspace=UNATTRIBUTED))
    told = bill(charge("20", workspace=ALPHA))
    assert attribute(told, usage, ()) == told
    error = refusal(bill(charge("20", 9, workspace=ALPHA)), usage)
    assert "no cost of claude-opus-5-5 in the organization" in error.message


def test_a_cost_of_something_else_fills_no_gap() -> None:
    """Neither another kind of cost, nor another model, nor an amount of nothing is that of the usage."""
    usage = used(key(workspace=ALPHA))
    for other in (
        charge("20", workspace=ALPHA, cost_type="code_execution"),
        charge("20", workspace=ALPHA, model="claude-sonnet-5"),
        charge("0", workspace=ALPHA),
    ):
        assert refusal(bill(other), usage).code == "incomplete_cost"


def test_a_bill_that_calls_a_model_otherwise_has_no_gap() -> None:
    """A name that the price book does not know may be that of any model of the workspace and day."""
    told = bill(charge("20", workspace=ALPHA, model="claude-another-name"))
    usage = used(key(workspace=ALPHA))
    assert (
        settle(price(usage, book()), told, unknown_model="fail").coverage.billed_days
        == told.settled_days
    )


NEW = "claude-new-9"


@pytest.mark.parametrize(
    ("models", "paid", "is_gap"),
    [
        # What the bill spells as the usage does is of that model and of no other.
        (("claude-opus-5-5", NEW), (NEW,), True),
        (("claude-opus-5-5", NEW), ("claude-opus-5-5",), True),
        (("claude-opus-5-5", NEW), ("claude-opus-5-5", NEW), False),
        ((NEW, "claude-new-8"), (NEW,), True),
        ((f"{NEW}-20261001",), (NEW,), False),
        ((NEW,), (f"{NEW}-20261001",), False),
        # A name that no usage there has may be that of any.
        (("claude-opus-5-5", NEW), ("claude-opus-5-5", "claude-another-name"), False),
        (("claude-opus-5-5", NEW), (None,), False),
        # A model that the price book knows is none that it knows too.
        ((NEW,), ("claude-opus-5-5",), False),
        (("claude-opus-5-5", "claude-sonnet-5"), ("claude-sonnet-5", "claude-opus-5"), True),
        (("claude-opus-4-20250514",), ("claude-sonnet-5",), True),
        (("claude-opus-4-20250514",), ("claude-opus-4",), False),
        (("claude-opus-4-20250514", NEW), ("claude-opus-4",), True),
    ],
)
def test_what_was_billed_is_of_the_model_that_it_names(
    models: tuple[str, ...], paid: tuple[str | None, ...], *, is_gap: bool
) -> None:
    """Of a workspace and day: where each model has a name of its own, each needs a cost of its own."""
    usage = used(*(key(name, workspace=ALPHA) for name in models))
    of = bill(*(charge("20", workspace=ALPHA, model=name) for name in paid))
    if is_gap:
        assert refusal(of, usage).code == "incomplete_cost"
    else:
        assert total_of(spend(usage, of)) == bounds(str(20 * len(paid)))


def test_an_unpriced_tier_of_a_known_model_needs_a_cost_of_that_model() -> None:
    """What is billed of another one does not pay for it."""
    usage = used(key(tier="flex", workspace=ALPHA), key("claude-sonnet-5", workspace=ALPHA))
    of = bill(charge("15", workspace=ALPHA, model="claude-sonnet-5"))
    assert "no cost of claude-opus-5-5" in refusal(of, usage).message


# Spend


def test_settled_days_are_as_billed_and_the_others_at_list_price() -> None:
    """$18 were billed for the 19th; a million output tokens on the 20th are $20 at list."""
    usage = used(key(day="2026-11-19"), key(day="2026-11-20"))
    told = spend(usage, bill(charge("18", 19)))
    assert {(line.day.day, line.cost, line.basis) for line in told.lines} == {
        (19, bounds("18"), "billed"),
        (20, bounds("20"), "list"),
    }


def test_days_that_are_not_settled_take_the_discount_of_the_policy() -> None:
    """The bill has its discounts already: 10% is taken off the list price alone."""
    usage = used(key(day="2026-11-19"), key(day="2026-11-20"))
    told = spend(usage, bill(charge("17", 19)), book_with("{discount: 10%}"))
    assert total_of(told) == bounds("35")


def test_coverage_tells_how_many_days_are_billed() -> None:
    """The days from the 1st up to the bill's end."""
    usage = used(key(day="2026-11-20"))
    assert spend(usage, bill(through=20)).coverage == usage.coverage._replace(billed_days=19)
    assert spend(usage, bill(through=1)).coverage == usage.coverage._replace(billed_days=0)


def test_charges_of_a_place_are_one_line() -> None:
    """Tiers of a model are added up, and so are costs of no model."""
    told = spend(
        used(),
        bill(
            charge("1.25"),
            charge("2.5", tier="batch"),
            charge("4", cost_type="session_usage"),
            charge("8", cost_type="code_execution"),
            charge("16", workspace=ALPHA),
            charge("32", 11),
        ),
    )
    assert {(line.workspace, line.day.day, line.model): line.cost for line in told.lines} == {
        (None, 10, "claude-opus-5-5"): bounds("3.75"),
        (None, 10, None): bounds("12"),
        (ALPHA, 10, "claude-opus-5-5"): bounds("16"),
        (None, 11, "claude-opus-5-5"): bounds("32"),
    }


def test_long_amounts_are_added_up_exactly() -> None:
    """Decimal's own 28 digits are not enough."""
    told = spend(
        used(), bill(charge("9999999999999.99"), charge("0.00000000000000000000000000000001"))
    )
    (line,) = told.lines
    assert line.cost == bounds("9999999999999.99000000000000000000000000000001")


def test_an_unknown_model_needs_no_price_on_a_settled_day() -> None:
    """The bill tells what it cost."""
    usage = used(key("claude-nobody-knows-1"))
    told = spend(usage, bill(charge("3", model="claude-nobody-knows-1")))
    assert told.unpriced == ()
    assert "unpriced" not in notes(told)
    assert total_of(told) == bounds("3")


def test_an_unknown_model_needs_a_price_on_a_later_day() -> None:
    """Only its days that are not settled are told as without a price."""
    usage = used(key("claude-nobody-knows-1"), key("claude-nobody-knows-1", day="2026-11-20"))
    told = spend(usage, bill(charge("3", model="claude-nobody-knows-1")))
    assert total_of(told) == bounds("3", "unlimited")
    (sentence,) = told.unpriced
    assert "1,000,000 tokens of claude-nobody-knows-1 on 2026-11-20" in sentence


def test_a_range_narrows_to_what_was_billed() -> None:
    """Where the usage does not tell the speed, a settled day is exact all the same."""
    usage = used(key(speed=None), key(day="2026-11-20", speed=None))
    told = spend(usage, bill(charge("40")))
    assert total_of(told) == bounds("60", "80")


# Notes


def test_priority_tier_is_noted_with_its_tokens() -> None:
    """The bill leaves it out: the note counts the tokens of settled days, by model."""
    usage = usage_of(
        [
            (key(tier="priority"), Tokens(output=1_000, uncached_input=234)),
            (key(day="2026-11-11", tier="priority"), Tokens(output=1_000_000)),
            (key("claude-sonnet-5", tier="priority"), Tokens(cache_read=5)),
            (key(day="2026-11-20", tier="priority"), Tokens(output=7)),
        ]
    )
    note = notes(spend(usage, bill()))["priority_not_billed"]
    assert note.level == "info"
    assert (
        "1,001,239 tokens of priority tier, which is prepaid: 1,001,234 of claude-opus-5-5, 5 of claude-sonnet-5."
        in note.message
    )


def test_models_of_as_many_priority_tokens_stand_by_name() -> None:
    """So that the note is the same each time."""
    rows = [(key(name, tier="priority"), Tokens(output=5)) for name in ("claude-b", "claude-a")]
    message = notes(spend(usage_of(rows), bill()))["priority_not_billed"].message
    assert_says(message, "10 tokens", "5 of claude-a, 5 of claude-b")


def test_only_the_models_with_most_priority_tokens_are_named() -> None:
    """Five of seven, the largest first; tokens of no model are those of one, too."""
    counts = {"a": 3, "b": 70_000, "c": 5, "d": 60, None: 900, "e": 4, "f": 2}
    rows = [(key(name, tier="priority"), Tokens(output=count)) for name, count in counts.items()]
    message = notes(spend(usage_of(rows), bill()))["priority_not_billed"].message
    assert_says(
        message,
        *("70,974 tokens", "70,000 of b, 900 of an unnamed model, 60 of d, 5 of c, 4 of e"),
        "and 2 more.",
    )
    few = notes(spend(usage_of(rows[:5]), bill()))["priority_not_billed"].message
    assert_says(few, "60 of d, 5 of c, 3 of a.")


def test_what_is_said_of_a_bill_stands_in_its_order() -> None:
    """What the bill itself says first; of days to come that their other costs are not in yet."""
    own = Note("info", "provisional", "Costs may change.")
    usage = used(key(tier="priority"), key(day="2026-11-20"))
    of = bill(charge("5", cost_type="moon_landing"), through=17)._replace(notes=(own,))
    told = spend(usage, of).notes
    assert [(note.level, note.code) for note in told] == [
        ("info", "provisional"),
        ("info", "priority_not_billed"),
        ("warning", "unknown_cost"),
        ("warning", "late_costs"),
        ("info", "not_included"),
    ]
    for note in told:
        assert_is_sentence(note.message)
    assert_says(told[-1].message, "Days that are not settled", "code execution", "once")


@pytest.mark.parametrize(
    ("through", "open_day", "is_told"),
    [(20, False, False), (20, True, True), (19, False, True)],
)
def test_days_that_are_not_settled_lack_other_costs(
    through: int, *, open_day: bool, is_told: bool
) -> None:
    """Of 19 full days, and an open one or none."""
    usage = used()
    usage = usage._replace(coverage=usage.coverage._replace(open_day=open_day))
    assert ("not_included" in notes(spend(usage, bill(through=through)))) is is_told


@pytest.mark.parametrize(("through", "late"), [(18, None), (17, 3)])
def test_two_full_days_without_costs_are_usual(through: int, late: int | None) -> None:
    """Cost data is some hours old; a third one is worth a warning, and at which prices it is."""
    note = notes(spend(used(), bill(through=through), book_with("{discount: 10%}"))).get(
        "late_costs"
    )
    assert (note is not None) == (late is not None)
    if note:
        assert_says(note.message, f"{late} full days", "list prices less 10%")


def test_a_model_without_a_price_may_have_a_bound_on_days_that_are_not_settled() -> None:
    """A million output tokens cost at most what those of the dearest model do, as the policy wants it."""
    usage = used(key("claude-nobody-knows-1", day="2026-11-20"))
    told = spend(usage, bill(), unknown_model="upper_bound")
    assert (told.unpriced, total_of(told).is_limited) == ((), True)
    assert total_of(told).high >= 20


def test_many_full_days_without_costs_are_a_warning() -> None:
    """Of 19 full days the bill has 10: the others are at list price."""
    note = notes(spend(used(), bill(through=11)))["late_costs"]
    assert note.level == "warning"
    assert_says(note.message, "up to 2026-11-11", "9 full days", "list price")
    assert "late_costs" not in notes(spend(used(), bill(through=20)))


def test_usage_of_less_than_a_cent_needs_some_cost_of_its_day() -> None:
    """Whichever, as a line may be rounded away; but a day of a workspace without any was left out."""
    usage = used(key("claude-haiku-4-5"), tokens=Tokens(output=1))
    assert total_of(spend(usage, bill(charge("20")))) == bounds("20")
    assert "claude-haiku-4-5" in refusal(bill(charge("20", 11)), usage).message


@pytest.mark.parametrize(
    ("usage", "of"),
    [
        pytest.param(used(key()), bill(charge("20")), id="none-used"),
        pytest.param(
            used(key(tier="priority")), bill(charge("20", tier="priority")), id="in-the-bill"
        ),
        pytest.param(
            used(key(day="2026-11-20", tier="priority")), bill(through=20), id="not-settled"
        ),
        pytest.param(used(key(tier="priority"), tokens=Tokens()), bill(), id="no-tokens"),
    ],
)
def test_priority_tier_that_is_not_left_out_is_not_noted(usage: Usage, of: Bill) -> None:
    """There is nothing to say where nothing is missing."""
    assert "priority_not_billed" not in notes(spend(usage, of))


def test_an_unknown_kind_of_cost_is_counted_and_named() -> None:
    """It is part of the spend, and the note tells its name and amount."""
    told = spend(
        used(),
        bill(
            charge("1.255", cost_type="moon_landing"),
            charge("2", 11, cost_type="moon_landing"),
            charge("5", cost_type="code_execution"),
        ),
    )
    assert total_of(told) == bounds("8.255")
    note = notes(told)["unknown_cost"]
    assert note.level == "warning"
    assert "moon_landing ($3.26)" in note.message
    assert "code_execution" not in note.message


def test_known_kinds_of_cost_are_not_noted() -> None:
    """Tokens, searches, code execution and sessions are no news."""
    kinds = ("tokens", "web_search", "code_execution", "session_usage")
    told = spend(used(), bill(*(charge("1", cost_type=kind) for kind in kinds)))
    assert "unknown_cost" not in notes(told)


def test_many_unknown_kinds_of_cost_are_counted() -> None:
    """Five are named, in order."""
    told = spend(used(), bill(*(charge("1", cost_type=f"kind_{n}") for n in range(7))))
    assert "kind_4 ($1.00) and 2 more." in notes(told)["unknown_cost"].message


def test_what_list_price_leaves_out_is_told_of_the_days_it_concerns() -> None:
    """Code execution and sessions come in once a day is settled."""
    usage = used(key(day="2026-11-20"))
    assert "once the day is settled" in notes(spend(usage, bill()))["not_included"].message
    closed = usage._replace(coverage=usage.coverage._replace(open_day=False))
    assert "not_included" not in notes(spend(closed, bill()))


def test_notes_of_the_usage_are_kept() -> None:
    """What the usage report warned of still holds."""
    note = Note("warning", "speed_unresolved", "Speed is not told.")
    usage = usage_of([(key(), OUTPUT)], notes=(note,))
    assert note in spend(usage, bill(charge("20"))).notes


# The truth


def read(
    organization: Organization,
    charges: list[TrueCharge],
    now: datetime,
    *,
    refuse: Iterable[str] = (),
    refreshed: datetime | None = None,
    prices: PriceBook | None = None,
) -> Spend:
    """The billed spend of a month to date, read from an API."""
    prices = prices or book()
    month = MonthToDate(now)
    assert month.closed
    with (
        LoopbackAPI(
            organization,
            now=now,
            bill=charges,
            refuse=dict.fromkeys(refuse, 403),
            data_refreshed_at=refreshed,
        ) as api,
        connected(api.url) as transport,
    ):
        usage = read_usage(transport, month, prices)
        period = Period(month.closed.start, month.closed.end)
        # The transport's clock tells NOW, and the API's the time of the test; a day on, the cost
        # report has settled all days that were asked for.
        of = attribute(read_bill(transport, period, NOW + timedelta(days=1)), usage, ())
    return settle(price(usage, prices), of, unknown_model="fail")


def sums(told: Spend) -> dict[str | None, tuple[Fraction, Fraction]]:
    """The bounds of each workspace with a cost."""
    costs: dict[str | None, tuple[Fraction, Fraction]] = {}
    for line in told.lines:
        low, high = costs.get(line.workspace, (Fraction(0), Fraction(0)))
        least, most = exact(line.cost)
        costs[line.workspace] = low + least, high + most
    return {name: ends for name, ends in costs.items() if any(ends)}


def truth(
    organization: Organization,
    charges: list[TrueCharge],
    through: date,
    now: datetime,
    discount: Fraction,
) -> dict[str | None, tuple[Fraction, Fraction]]:
    """What the spend is to be: the bill up to a day, then the oracle's list price less the discount."""
    settled = billed(charges, now.date().replace(day=1), through, priority=False).workspaces
    expected: dict[str | None, tuple[Fraction, Fraction]] = {}
    for name in {None, *(workspace.id for workspace in organization.workspaces)}:
        rest = [
            one
            for one in organization.usage
            if one.workspace == name and through <= one.day and one.at < now
        ]
        searches = true_total(
            replace(one, uncached=0, write_5m=0, write_1h=0, read=0, output=0) for one in rest
        )[0]
        low, high = (
            settled.get(name, Fraction(0)) + (end - searches) * (1 - discount) + searches
            for end in true_total(rest)
        )
        if high:
            expected[name] = low, high
    return expected


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("route", ["analytics", "cost_report"])
def test_billed_spend_is_the_bill_to_the_last_digit(seed: int, route: str) -> None:
    """For made-up organizations, by workspace: the bill of settled days, and list cost after them."""
    random = seeded(100 + seed)
    now = datetime(2026, 11, random.randrange(2, 31), random.randrange(24), 37, tzinfo=UTC)
    start = now.replace(day=1, hour=0, minute=0)
    organization = random_organization(random, start=start, end=now, rows=120)
    percent = random.choice((0, 5, 12))
    discount = Fraction(percent, 100)
    owners = [None, *(workspace.id for workspace in organization.workspaces)]
    extra = [
        kind(
            date(2026, 11, random.randrange(1, now.day)),
            random.choice(owners),
            Fraction(random.randrange(1, 10**9), 10**7),
        )
        for kind in (code_execution, session_usage) * 3
    ]
    charges = [
        *bill_of(organization, discount=discount, long_share=Fraction(1, 4)),
        *extra,
        other_cost(date(2026, 11, 1), owners[1], Fraction("0.07"), "moon_landing"),
    ]
    late = random.choice((0, 0, 30, 60))
    refreshed = max(start, now - timedelta(hours=late))
    through = refreshed.date() if route == "analytics" else now.date()
    told = read(
        organization,
        charges,
        now,
        refuse=() if route == "analytics" else ("analytics/cost",),
        refreshed=refreshed,
        prices=book_with(f"{{discount: {percent}%}}"),
    )
    assert sums(told) == truth(organization, charges, through, now, discount)
    assert {line.basis for line in told.lines if line.day < through} <= {"billed"}
    assert {line.basis for line in told.lines if line.day >= through} <= {"list"}
    assert told.coverage.billed_days == (through - start.date()).days


@given(
    amounts=st.lists(
        st.tuples(
            st.integers(1, 25),
            st.sampled_from((None, ALPHA, BETA)),
            st.sampled_from(("tokens", "web_search", "code_execution", "moon_landing")),
            st.decimals(0, 10**12, places=12, allow_nan=False, allow_infinity=False),
        ),
        max_size=20,
    ),
    through=st.integers(1, 25),
)
def test_no_charge_is_lost(
    amounts: list[tuple[int, str | None, str, Decimal]], through: int
) -> None:
    """Whatever is billed is spent, once, by the workspace it is billed to."""
    charges = [
        charge(str(amount), day, workspace=name, cost_type=kind)
        for day, name, kind, amount in amounts
        if day < through
    ]
    told = spend(used(), bill(*charges, through=through))
    expected: dict[str | None, Fraction] = {}
    for each in charges:
        expected[each.workspace] = expected.get(each.workspace, Fraction(0)) + Fraction(each.amount)
    assert sums(told) == {name: (usd, usd) for name, usd in expected.items() if usd}


def test_the_default_workspace_of_the_analytics_is_the_one_of_the_usage() -> None:
    """Its costs and its usage are those of one workspace, whatever its real id."""
    now = datetime(2026, 11, 12, 9, tzinfo=UTC)
    organization = random_organization(
        seeded(5), start=datetime(2026, 11, 1, tzinfo=UTC), end=now, rows=80
    )
    told = read(organization, bill_of(organization), now)
    names = {line.workspace for line in told.lines}
    assert None in names
    assert DEFAULT_WORKSPACE_ID not in names


def test_coverage_is_that_of_the_usage() -> None:
    """The bill adds how many days it settles, and changes nothing else."""
    coverage = Coverage(datetime(2026, 11, 20, tzinfo=UTC), closed_days=19, open_day=False)
    usage = used()._replace(coverage=coverage)
    assert spend(usage, bill()).coverage == coverage._replace(billed_days=19)


# Web searches


def searching(*counts: tuple[str | None, int], day: int = 10) -> Usage:
    """Usage of searches alone, by model, in the default workspace."""
    return usage_of(
        (key(model, day=f"2026-11-{day}"), Tokens(web_searches=count)) for model, count in counts
    )


def by_model(told: Spend) -> dict[str | None, Decimal]:
    """The exact cost of each model on settled days."""
    return {line.model: line.cost.low for line in told.lines if line.cost.is_exact}


@pytest.mark.parametrize(
    ("amount", "counts", "expected"),
    [
        ("10", (("claude-opus-5-5", 1),), {"claude-opus-5-5": "10"}),
        (
            "0.03",
            (("claude-opus-5-5", 1), ("claude-sonnet-5", 2)),
            {"claude-opus-5-5": "0.01", "claude-sonnet-5": "0.02"},
        ),
        (
            "0.01",
            (("claude-opus-5-5", 1), ("claude-sonnet-5", 2)),
            {"claude-opus-5-5": "0.003333333333", "claude-sonnet-5": "0.006666666667"},
        ),
        (
            "0.01",
            (("claude-opus-5-5", 2), ("claude-sonnet-5", 1)),
            {"claude-opus-5-5": "0.006666666667", "claude-sonnet-5": "0.003333333333"},
        ),
        (
            "0.02",
            (("claude-opus-5-5", 1), ("claude-sonnet-5", 2)),
            {"claude-opus-5-5": "0.006666666666", "claude-sonnet-5": "0.013333333334"},
        ),
        (
            "0.02000000000000000000000000000001",
            (("claude-opus-5-5", 1), ("claude-sonnet-5", 1)),
            {"claude-opus-5-5": "0.01", "claude-sonnet-5": "0.01000000000000000000000000000001"},
        ),
    ],
)
def test_the_bill_of_searches_is_split_by_the_searches_of_the_usage(
    amount: str, counts: tuple[tuple[str, int], ...], expected: dict[str, str]
) -> None:
    """In proportion, and to the last digit: the model with most searches has what is left."""
    told = spend(searching(*counts), bill(charge(amount, cost_type="web_search")))
    assert by_model(told) == {name: Decimal(usd) for name, usd in expected.items()}
    assert sums(told) == {None: (Fraction(amount), Fraction(amount))}


def test_searches_go_under_the_name_that_the_bill_has_for_a_model() -> None:
    """It is dated in the usage and undated in the bill, and one model."""
    usage = used(key("claude-sonnet-4-5-20250929"), tokens=Tokens(output=MILLION, web_searches=100))
    of = bill(charge("15", model="claude-sonnet-4-5"), charge("1", cost_type="web_search"))
    assert by_model(spend(usage, of)) == {"claude-sonnet-4-5": Decimal(16)}


def test_searches_of_another_workspace_or_day_are_no_measure() -> None:
    """What no usage tells the model of is of no known one, and so is code execution."""
    usage = searching(("claude-opus-5-5", 5), day=11)
    of = bill(
        charge("0.05", 11, cost_type="web_search"),
        charge("2", 11, workspace=ALPHA, cost_type="web_search"),
        charge("4", 10, cost_type="web_search"),
        charge("8", 11, cost_type="code_execution"),
    )
    told = spend(usage, of)
    assert {(line.workspace, line.day.day, line.model): line.cost for line in told.lines} == {
        (None, 11, "claude-opus-5-5"): bounds("0.05"),
        (ALPHA, 11, None): bounds("2"),
        (None, 10, None): bounds("4"),
        (None, 11, None): bounds("8"),
    }


# What a model is called


DATED, OTHER = "claude-opus-5-5-20260901", "claude-opus-5-5-20261101"


def cost_of_models(told: Spend, *names: str) -> Bounds:
    """What the models of these names cost, as their budgets see it."""
    return total(add_up(told.lines).of_models(names))


@pytest.mark.parametrize(
    ("in_usage", "in_bill", "expected"),
    [
        # What all usage of a model is called is what its bill is of.
        ((DATED,), (("20", "claude-opus-5-5"),), {DATED: "20 20", "claude-opus-5-5": "0 0"}),
        ((DATED,), (("20", DATED),), {DATED: "20 20"}),
        (("claude-new-9-20261001",), (("20", "claude-new-9"),), {"claude-new-9-20261001": "20 20"}),
        # Two dates that are billed as one may each be all of it, and are all of it together.
        (
            (DATED, OTHER),
            (("40", "claude-opus-5-5"),),
            {DATED: "0 40", OTHER: "0 40", f"{DATED} {OTHER}": "40 40"},
        ),
        (
            ("claude-opus-5-5", DATED),
            (("40", "claude-opus-5-5"),),
            {DATED: "0 40", f"{DATED} claude-opus-5-5": "40 40"},
        ),
        # A bill that tells them apart is taken by its word.
        (
            ("claude-opus-5-5", DATED),
            (("15", "claude-opus-5-5"), ("25", DATED)),
            {DATED: "25 25", "claude-opus-5-5": "15 15"},
        ),
        ((DATED, OTHER), (("15", DATED), ("25", OTHER)), {DATED: "15 15", OTHER: "25 25"}),
        # A date that is in the bill alone may be meant by either name.
        (
            ("claude-opus-5-5",),
            (("20", DATED),),
            {DATED: "0 20", "claude-opus-5-5": "0 20", f"{DATED} claude-opus-5-5": "20 20"},
        ),
    ],
)
def test_a_bill_is_of_the_names_that_the_usage_has(
    in_usage: tuple[str, ...],
    in_bill: tuple[tuple[str, str], ...],
    expected: dict[str, str],
) -> None:
    """Whether its ids have dates or not: what cannot be told apart may be of either, and is not lost."""
    usage = used(*(key(name, workspace=ALPHA) for name in in_usage))
    told = spend(usage, bill(*(charge(usd, workspace=ALPHA, model=it) for usd, it in in_bill)))
    for names, cost in expected.items():
        assert cost_of_models(told, *names.split()) == bounds(*cost.split()), names
    assert total_of(told) == Bounds.exactly(sum_of(Decimal(usd) for usd, _ in in_bill))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (key(DATED, workspace=BETA), ("claude-opus-5-5", DATED)),
        (key(DATED, "2026-11-11", workspace=ALPHA), ("claude-opus-5-5", DATED)),
        (key(DATED, workspace=UNATTRIBUTED), (DATED,)),
        (key("claude-sonnet-5", workspace=ALPHA), ("claude-opus-5-5",)),
    ],
)
def test_a_model_that_was_not_used_there_may_have_the_names_it_has_elsewhere(
    where: UsageKey, expected: tuple[str, ...]
) -> None:
    """Usage of no told workspace is there, and that of another model says nothing."""
    of = bill(charge("20", workspace=ALPHA))
    names = naming(of, used(where), book())
    assert names(ALPHA, date(2026, 11, 10), "claude-opus-5-5") == expected


def test_searches_of_a_dated_model_are_of_its_dated_name() -> None:
    """A cent for one search, beside tokens of $20 that the bill calls otherwise."""
    usage = used(key(DATED), tokens=Tokens(output=MILLION, web_searches=1))
    told = spend(usage, bill(charge("20"), charge("0.01", cost_type="web_search")))
    assert cost_of_models(told, DATED) == bounds("20.01")


def test_a_doubted_day_of_two_names_costs_no_more_than_either_side_has() -> None:
    """$20 and $20 at list, and $50 billed so far for both: $50, not $50 and $20 more."""
    usage = used(key(DATED), key(OTHER))
    of = bill(charge("50"))._replace(doubted=frozenset([date(2026, 11, 10)]))
    told = spend(usage, of)
    assert total_of(told) == bounds("50")
    assert cost_of_models(told, DATED) == bounds("0", "50")
    of = bill(charge("30"))._replace(doubted=frozenset([date(2026, 11, 10)]))
    assert cost_of_models(spend(usage, of), DATED) == bounds("20")


def test_a_doubted_day_of_tokens_without_a_model_may_be_of_another_than_the_one_used() -> None:
    """$20 at list price, and $25 billed for no model that is told."""
    of = bill(charge("25", model=None))._replace(doubted=frozenset([date(2026, 11, 10)]))
    told = spend(used(key()), of)
    assert (cost_of_models(told, "claude-opus-5-5"), total_of(told)) == (
        bounds("0", "25"),
        bounds("25"),
    )


def test_of_a_doubted_day_each_model_costs_what_the_larger_side_has() -> None:
    """$20 and $10 at list price, $25 and $3 billed so far: $25 and $10, and not $30 of both."""
    usage = used(key(), key("claude-sonnet-5"))
    of = bill(charge("25"), charge("3", model="claude-sonnet-5"))
    told = spend(usage, of._replace(doubted=frozenset([date(2026, 11, 10)])))
    assert cost_of_models(told, "claude-opus-5-5") == bounds("25")
    assert cost_of_models(told, "claude-sonnet-5") == bounds("10")


# What the bill names no model for


@pytest.mark.parametrize(
    ("cost_type", "expected"),
    [
        ("tokens", ("0", "20")),
        ("web_search", ("0", "20")),
        ("code_execution", ("0", "0")),
        ("session_usage", ("0", "0")),
    ],
)
def test_a_cost_without_a_model_may_be_of_any_if_its_kind_has_one(
    cost_type: str, expected: tuple[str, str]
) -> None:
    """Tokens and searches are of some model; code execution and sessions are of none."""
    of = bill(charge("20", cost_type=cost_type)._replace(model=None))
    told = spend(used(), of)
    assert cost_of_models(told, "claude-opus-5-5") == bounds(*expected)
    assert total_of(told) == bounds("20")


def test_searches_of_unnamed_usage_leave_open_whose_those_of_the_bill_are() -> None:
    """One search of a model and one of no told one: two cents may be of that model, or none."""
    usage = searching(("claude-opus-5-5", 1), (None, 1))
    told = spend(usage, bill(charge("0.02", cost_type="web_search")))
    assert cost_of_models(told, "claude-opus-5-5") == bounds("0", "0.02")


def test_a_doubted_day_of_tokens_without_a_model_is_not_counted_twice() -> None:
    """$20 and $10 at list price: $25 billed so far are a part of these, and $35 are all of them."""
    usage = used(key(), key("claude-sonnet-5"))
    for billed_so_far, cost, of_opus in (("25", "30", ("20", "20")), ("35", "35", ("0", "35"))):
        of = bill(charge(billed_so_far, model=None), charge("2", cost_type="code_execution"))
        told = spend(usage, of._replace(doubted=frozenset([date(2026, 11, 10)])))
        assert total_of(told) == bounds(str(int(cost) + 2))
        assert cost_of_models(told, "claude-opus-5-5") == bounds(*of_opus)
