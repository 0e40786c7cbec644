"""The audit: list cost against what was billed, line by line, with what explains the drift and what does not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.billed.audit import Audit, AuditLine, Part
from budget_gate.domain.billed.bill import Bill, Charge
from budget_gate.domain.billed.compare import compare
from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.usage import UNATTRIBUTED, Tokens, Usage, UsageKey
from budget_gate.errors import UnverifiedError
from tests.helpers.bills import ALPHA, BETA, FIRST, OUTPUT, bill, charge, used
from tests.helpers.builders import AS_OF, MILLION, book, book_with, bounds, key, usage_of
from tests.helpers.wording import assert_says

NAMES: dict[str | None, str] = {None: "default workspace", ALPHA: "alpha"}
SONNET = "claude-sonnet-5"


def audit(usage: Usage, of: Bill, prices: PriceBook | None = None) -> Audit:
    """The audit of usage and a bill."""
    return compare(price(usage, prices or book()), of, NAMES, AS_OF)


def only(found: Audit) -> AuditLine:
    """The one line of an audit."""
    (line,) = found.lines
    return line


def one(listed: int, billed: str, prices: PriceBook | None = None) -> AuditLine:
    """The line of that many output tokens of Opus 5.5, at $20 a million, and what was billed."""
    return only(audit(used(key(), tokens=Tokens(output=listed)), bill(charge(billed)), prices))


def causes(line: AuditLine) -> dict[str, Decimal]:
    """What explains a line's drift, without trailing zeros."""
    return {cause: amount.normalize() for cause, amount in line.causes}


# Lines


def test_what_agrees_has_no_drift() -> None:
    """A million output tokens of Opus 5.5 are $20, and $20 were billed."""
    found = audit(used(key()), bill(charge("20")))
    line = only(found)
    assert line.part == Part(date(2026, 11, 10), None, "tokens", "claude-opus-5-5")
    assert (line.list_cost, line.billed) == (bounds("20"), Decimal(20))
    assert (line.drift, line.causes, line.unexplained, line.is_beyond) == (
        Decimal(0),
        (),
        Decimal(0),
        False,
    )
    assert (found.status, found.beyond, found.discount) == ("ok", (), None)


def test_drift_is_billed_cost_minus_list_cost() -> None:
    """More billed than listed is above nothing, less is below."""
    assert one(MILLION, "23.5").drift == Decimal("3.5")
    assert one(MILLION, "16.5").drift == Decimal("-3.5")


def test_each_day_workspace_and_model_is_a_line() -> None:
    """Lines differ in these alone: tiers of one model are compared together."""
    keys = [
        key(),
        key(tier="batch"),
        key(day="2026-11-11"),
        key(workspace=ALPHA),
        key(SONNET),
    ]
    charges = [
        charge("20"),
        charge("10", tier="batch"),
        charge("20", 11),
        charge("20", workspace=ALPHA),
        charge("10", model=SONNET),
    ]
    found = audit(used(*keys), bill(*charges))
    assert {line.part: line.billed for line in found.lines} == {
        Part(date(2026, 11, 10), None, "tokens", "claude-opus-5-5"): 30,
        Part(date(2026, 11, 11), None, "tokens", "claude-opus-5-5"): 20,
        Part(date(2026, 11, 10), ALPHA, "tokens", "claude-opus-5-5"): 20,
        Part(date(2026, 11, 10), None, "tokens", SONNET): 10,
    }
    assert found.status == "ok"


def test_kinds_of_cost_are_lines_of_their_own() -> None:
    """Web searches, at $10 a thousand, stand apart from the tokens they came with."""
    tokens = Tokens(output=MILLION, web_searches=150)
    found = audit(
        used(key(), tokens=tokens), bill(charge("20"), charge("1.5", cost_type="web_search"))
    )
    assert {(line.part.cost_type, line.part.model, line.list_cost) for line in found.lines} == {
        ("tokens", "claude-opus-5-5", bounds("20")),
        ("web_search", None, bounds("1.5")),
    }
    assert found.status == "ok"


def test_searches_of_all_models_are_one_line() -> None:
    """A search costs the same whatever model made it."""
    found = audit(
        used(key(), key(SONNET), tokens=Tokens(web_searches=100)),
        bill(charge("2", cost_type="web_search")),
    )
    assert only(found).list_cost == bounds("2")


@pytest.mark.parametrize(
    ("in_usage", "in_bill", "name"),
    [
        ("claude-opus-5-5-20260922", "claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-5-5", "claude-opus-5-5-20260922", "claude-opus-5-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-unheard-of-9-20261101", "claude-unheard-of-9", "claude-unheard-of-9"),
        ("claude-unheard-of-9", "claude-unheard-of-9", "claude-unheard-of-9"),
    ],
)
def test_a_model_dated_on_one_side_alone_is_one_line(
    in_usage: str, in_bill: str, name: str
) -> None:
    """Usage and bill may name a model differently."""
    found = audit(used(key(in_usage)), bill(charge("20", model=in_bill)))
    assert only(found).part.model == name


def test_a_date_does_not_make_two_unknown_models_one() -> None:
    """Without the name in the bill a model stays what the usage calls it."""
    found = audit(
        used(key("claude-unheard-of-9-20261101")), bill(charge("20", model="claude-other-9"))
    )
    assert {line.part.model for line in found.lines} == {
        "claude-unheard-of-9-20261101",
        "claude-other-9",
    }


def test_digits_that_are_no_day_do_not_make_two_models_one() -> None:
    """Eight digits that no calendar has are part of another id, not a date behind this one."""
    found = audit(
        used(key("claude-unheard-of-9-20269999")), bill(charge("20", model="claude-unheard-of-9"))
    )
    assert {line.part.model for line in found.lines} == {
        "claude-unheard-of-9-20269999",
        "claude-unheard-of-9",
    }


def test_days_that_are_not_settled_are_not_compared() -> None:
    """What was not billed yet has not drifted."""
    found = audit(used(key(), key(day="2026-11-20")), bill(charge("20"), through=20))
    assert {line.part.day for line in found.lines} == {date(2026, 11, 10)}


def test_a_cost_behind_one_of_a_day_to_come_is_compared() -> None:
    """In whatever order the bill has them."""
    line = only(audit(used(key()), bill(charge("9", 21), charge("20"), through=20)))
    assert (line.part.day.day, line.billed) == (10, Decimal(20))


def test_priority_tier_stays_billed_beside_a_cost_of_another_tier() -> None:
    """In whatever order the bill has them."""
    usage = used(key(), key(tier="priority"))
    for order in (("priority", "standard"), ("standard", "priority")):
        line = only(audit(usage, bill(*(charge("20", tier=tier) for tier in order))))
        assert "priority" not in causes(line)


def test_usage_of_nothing_is_no_line() -> None:
    """Rows of zeros are neither listed nor billed."""
    assert audit(used(key(), tokens=Tokens()), bill()).lines == ()


def test_usage_that_was_not_billed_is_a_line() -> None:
    """All of its list cost has drifted."""
    found = audit(used(key(), key(SONNET), tokens=Tokens(output=100_000)), bill(charge("2")))
    (line,) = found.beyond
    assert (line.part.model, line.drift, line.billed) == (SONNET, Decimal(-1), Decimal(0))


def test_a_cost_without_usage_is_a_line() -> None:
    """All that was billed has drifted, and nothing explains it."""
    line = only(audit(used(), bill(charge("3", model=SONNET))))
    assert (line.list_cost, line.drift, line.unexplained) == (bounds("0"), Decimal(3), Decimal(3))
    assert line.is_beyond


def test_usage_of_no_told_workspace_cannot_be_audited() -> None:
    """There are no lines to hold against those of the bill."""
    with pytest.raises(UnverifiedError) as caught:
        audit(used(key(workspace=UNATTRIBUTED)), bill(charge("20")))
    assert caught.value.code == "workspace_unresolved"
    assert_says(caught.value.message, "does not separate workspaces")
    assert_says(caught.value.hint, "ask the API directly, not a gateway")


@pytest.mark.parametrize(("tokens", "is_refused"), [(500, True), (499, False)])
def test_a_day_of_usage_without_any_cost_is_no_settled_one(
    tokens: int, *, is_refused: bool
) -> None:
    """At $20 a million 500 output tokens are a cent: below it a line may have been rounded away."""
    usage = usage_of([(key(day="2026-11-11"), Tokens(output=tokens)), (key(), OUTPUT)])
    of = bill(charge("20"))
    if not is_refused:
        assert audit(usage, of).status == "ok"
        return
    with pytest.raises(UnverifiedError) as caught:
        audit(usage, of)
    assert caught.value.code == "incomplete_cost"
    assert_says(caught.value.message, "complete for 2026-11-11", "usage and no cost")
    assert_says(caught.value.hint, "run the audit again later")


def test_the_worst_lines_stand_first() -> None:
    """Lines beyond the tolerance, by the size of their drift; then the others by theirs."""
    keys = [key(day=f"2026-11-0{day}") for day in range(1, 6)]
    billed = ["20.05", "21", "14", "20.09", "20"]
    found = audit(used(*keys), bill(*(charge(usd, day) for day, usd in enumerate(billed, 1))))
    assert [line.part.day.day for line in found.lines] == [3, 2, 4, 1, 5]


def test_an_audit_tells_its_period_and_names() -> None:
    """The days that the bill settles, when it was made, and the workspaces' names."""
    note = Note("warning", "speed_unresolved", "Speed is not told.")
    usage = usage_of([(key(), OUTPUT)], notes=(note,))
    found = audit(usage, bill(charge("20"), through=12))
    assert (found.period.start, found.period.end) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 12, tzinfo=UTC),
    )
    assert (found.settled_days, found.as_of, found.names) == (11, AS_OF, NAMES)
    assert note in found.notes


# Tolerance


@pytest.mark.parametrize(
    ("tokens", "billed", "is_beyond"),
    [
        # 0.5% of $20 is 10 cents.
        (MILLION, "20.1", False),
        (MILLION, "19.9", False),
        (MILLION, "20.1000000000000000001", True),
        (MILLION, "19.8999999999999999999", True),
        # Of $1 half a cent: the whole cent goes before it.
        (50_000, "1.01", False),
        (50_000, "0.99", False),
        (50_000, "1.0100000000000000001", True),
        (50_000, "0.9899999999999999999", True),
        # $2 is where both are the same.
        (100_000, "2.01", False),
        (100_000, "2.0100001", True),
        (1, "0.01002", False),
        (1, "0.01003", True),
    ],
)
def test_a_line_agrees_within_half_a_percent_or_a_cent(
    tokens: int, billed: str, *, is_beyond: bool
) -> None:
    """Exactly at the tolerance is still within it."""
    line = one(tokens, billed)
    assert line.is_beyond is is_beyond
    assert line.unexplained == line.drift


def test_the_status_is_that_of_the_worst_line() -> None:
    """One line beyond is drift, however many agree and whatever the sum."""
    usage = used(key(), key(day="2026-11-11"))
    assert audit(usage, bill(charge("20"), charge("20", 11))).status == "ok"
    found = audit(usage, bill(charge("19"), charge("21", 11)))
    assert (found.status, found.drift) == ("drift", Decimal(0))


# Ranges


@pytest.mark.parametrize(
    ("billed", "drift"), [("20", "0"), ("30", "0"), ("40", "0"), ("41", "1"), ("19.5", "-0.5")]
)
def test_drift_is_counted_from_the_nearer_end_of_a_range(billed: str, drift: str) -> None:
    """Without the speed, $20 to $40: what lies between may be right."""
    line = only(audit(used(key(speed=None)), bill(charge(billed))))
    assert (line.list_cost, line.drift) == (bounds("20", "40"), Decimal(drift))


# Causes


def test_priority_tier_that_is_not_billed_explains_itself() -> None:
    """It is prepaid: its $20 of list cost are explained, and the line agrees."""
    line = only(audit(used(key(), key(tier="priority")), bill(charge("20"))))
    assert (line.list_cost, line.drift) == (bounds("40"), Decimal(-20))
    assert causes(line) == {"priority": Decimal(-20).normalize()}
    assert (line.unexplained, line.is_beyond) == (Decimal(0), False)


def test_priority_tier_that_is_billed_is_compared() -> None:
    """Where the bill has it, it is like any other."""
    usage = used(key(), key(tier="priority"))
    right = only(audit(usage, bill(charge("20"), charge("20", tier="priority"))))
    assert (right.drift, right.causes) == (Decimal(0), ())
    wrong = only(audit(usage, bill(charge("20"), charge("10", tier="priority"))))
    assert (wrong.drift, wrong.causes, wrong.is_beyond) == (Decimal(-10), (), True)


def test_a_line_may_be_wrong_besides_priority() -> None:
    """What is left after the prepaid part is unexplained."""
    line = only(audit(used(key(), key(tier="priority")), bill(charge("23"))))
    assert (line.drift, line.unexplained, line.is_beyond) == (Decimal(-17), Decimal(3), True)
    assert causes(line) == {"priority": Decimal(-20).normalize()}


@pytest.mark.parametrize("kind", ["code_execution", "session_usage"])
def test_what_usage_cannot_hold_explains_itself(kind: str) -> None:
    """The usage report has neither, so that no list cost can be wrong."""
    found = audit(used(), bill(charge("5.2799976", cost_type=kind)))
    line = only(found)
    assert causes(line) == {kind: Decimal("5.2799976")}
    assert (line.unexplained, line.is_beyond, found.status) == (Decimal(0), False, "ok")
    assert found.drift == Decimal("5.2799976")


def test_an_unknown_kind_of_cost_is_unexplained() -> None:
    """It is a line of its own, and drift."""
    found = audit(used(), bill(charge("5", cost_type="moon_landing")))
    line = only(found)
    assert (line.part.cost_type, line.part.model) == ("moon_landing", None)
    assert (line.unexplained, found.status) == (Decimal(5), "drift")


def test_a_model_without_a_price_explains_its_drift_and_is_beyond() -> None:
    """All that was billed for it is what list cost misses."""
    found = audit(used(key("claude-unheard-of-9")), bill(charge("3", model="claude-unheard-of-9")))
    line = only(found)
    assert (line.list_cost, line.drift) == (Bounds(Decimal(0), UNLIMITED), Decimal(3))
    assert (causes(line), line.unexplained) == ({"unpriced": Decimal(3)}, Decimal(0))
    assert (line.is_beyond, found.status) == (True, "drift")


def test_a_model_without_a_price_never_agrees() -> None:
    """There is no list cost to agree with, however little was billed."""
    usage = used(key("claude-unheard-of-9"), tokens=Tokens(output=10))
    found = audit(usage, bill(charge("0.01", model="claude-unheard-of-9")))
    assert found.status == "drift"


@pytest.mark.parametrize(
    ("day", "explained"),
    [("2026-11-22", {}), ("2026-11-23", {"old_prices": Decimal(4)})],
)
def test_days_after_the_price_books_last_check_explain_drift(
    day: str, explained: dict[str, Decimal]
) -> None:
    """Prices that were last checked on 22 November may be old from the day after."""
    checked = book().document.model_copy(update={"verified_on": date(2026, 11, 22)})
    prices = PriceBook(checked)
    when = date.fromisoformat(day)
    of = Bill((charge("24", when.day),), FIRST, date(2026, 12, 1), "cost_report")
    line = only(audit(used(key(day=day)), of, prices))
    assert causes(line) == explained
    assert (line.unexplained, line.is_beyond) == (Decimal(0) if explained else Decimal(4), True)


def test_old_prices_explain_nothing_within_the_tolerance() -> None:
    """A line that agrees needs no cause."""
    of = Bill((charge("20.05", 25),), FIRST, date(2026, 12, 1), "cost_report")
    line = only(audit(used(key(day="2026-11-25")), of))
    assert (line.causes, line.unexplained) == ((), Decimal("0.05"))


def test_the_worst_line_is_the_one_with_the_most_that_may_be_wrong() -> None:
    """$4 beside nothing go before 30 cents beside $20 that are prepaid."""
    usage = used(key(), key(tier="priority"), key(SONNET))
    charges = (charge("20.3"), charge("14", model=SONNET))
    first, second = audit(usage, bill(*charges)).lines
    assert (first.part.model, first.unfixed) == (SONNET, Decimal(4))
    assert (second.drift, second.unfixed) == (Decimal("-19.7"), Decimal("0.3"))


# Discounts


def discounted(
    ratios: list[str], prices: PriceBook | None = None, *, places: str = "0.0000000001"
) -> Audit:
    """The audit of days of $20 at list price, billed at these parts of it, rounded to places."""
    keys = [key(day=f"2026-11-{day:02}") for day in range(1, len(ratios) + 1)]
    charges = [
        charge(str((20 * Decimal(ratio)).quantize(Decimal(places))), day)
        for day, ratio in enumerate(ratios, 1)
    ]
    return audit(used(*keys), bill(*charges), prices)


def test_a_constant_ratio_is_a_discount() -> None:
    """Every line at 90% of list: 10%, which explains all of the drift."""
    found = discounted(["0.9", "0.9", "0.9"])
    assert found.discount == Decimal("0.1")
    assert {key: amount.normalize() for key, amount in found.causes.items()} == {
        "discount": Decimal(-6)
    }
    assert found.unexplained == 0


def test_a_discount_that_is_not_set_is_drift() -> None:
    """The list cost that a gate would judge is still wrong."""
    found = discounted(["0.9", "0.9"])
    assert (found.status, len(found.beyond)) == ("drift", 2)


def test_a_discount_is_recognised_through_rounding() -> None:
    """Lines rounded to the cent are still of one ratio."""
    keys = [(key(day=f"2026-11-{day:02}"), Tokens(output=day * 12_345_678)) for day in range(1, 19)]
    charges = [
        charge(
            str(
                (Decimal(day * 12_345_678) * 20 / MILLION * Decimal("0.8766")).quantize(
                    Decimal("0.01")
                )
            ),
            day,
        )
        for day in range(1, 19)
    ]
    found = audit(usage_of(keys), bill(*charges))
    assert found.discount == Decimal("0.1234")
    assert abs(found.unexplained) < Decimal("0.2")


@pytest.mark.parametrize(
    ("discount", "told"), [("0.12345", "0.1235"), ("0.07", "0.07"), ("0.3333333333", "0.3333")]
)
def test_a_discount_is_told_to_a_hundredth_of_a_percent(discount: str, told: str) -> None:
    """What is finer is left within the tolerance."""
    found = discounted([str(1 - Decimal(discount))] * 3)
    assert found.discount == pytest.approx(Decimal(told), abs=Decimal("0.0001"))
    assert found.discount is not None
    assert found.discount == round(found.discount, 4)


def test_one_line_is_no_discount() -> None:
    """A single line could as well have a wrong price."""
    found = discounted(["0.9"])
    assert (found.discount, found.unexplained) == (None, Decimal(-2))


def test_one_line_that_shows_it_is_no_discount() -> None:
    """Lines too small to show a ratio are no evidence of one."""
    usage = usage_of([(key(), OUTPUT), (key(day="2026-11-11"), Tokens(output=100))])
    assert audit(usage, bill(charge("18"), charge("0.002", 11))).discount is None


def test_ratios_that_differ_are_no_discount() -> None:
    """Two models at 90% and a third at list: a wrong price, or an agreement for some."""
    assert discounted(["0.9", "0.9", "1"]).discount is None
    assert discounted(["0.9", "0.8"]).discount is None


def test_more_than_list_is_no_discount() -> None:
    """A price above list cannot be set as a discount."""
    found = discounted(["1.1", "1.1"])
    assert (found.discount, found.unexplained) == (None, Decimal(4))


def test_nothing_billed_is_no_discount() -> None:
    """Taking everything off would set every cap out of force."""
    assert discounted(["0", "0"]).discount is None


@pytest.mark.parametrize(
    ("set_to", "ratio", "discount"),
    [("20%", "0.9", "0.1"), ("5%", "0.9", "0.1"), ("10%", "1", "0"), ("12.5%", "0.7", "0.3")],
)
def test_a_wrong_discount_is_corrected(set_to: str, ratio: str, discount: str) -> None:
    """What is told is the discount to set in its place, off list and not off what is set."""
    found = discounted([ratio, ratio], book_with(f"{{discount: {set_to}}}"))
    assert (found.status, found.discount) == ("drift", Decimal(discount))
    assert found.unexplained == 0


def test_a_right_discount_leaves_nothing_to_set() -> None:
    """List cost less the discount is what was billed."""
    found = discounted(["0.9", "0.9"], book_with("{discount: 10%}"))
    assert (found.status, found.discount, found.causes) == ("ok", None, {})


OWN = (
    "{models: {claude-sonnet-5: {input: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1,"
    " output: 7}}}"
)


def test_own_prices_are_no_part_of_a_discount() -> None:
    """They are what was agreed, so that nothing is taken off them."""
    usage = used(key(), key(day="2026-11-11"), key(SONNET))
    charges = (charge("18"), charge("18", 11), charge("7", model=SONNET))
    found = audit(usage, bill(*charges), book_with(OWN))
    assert found.discount == Decimal("0.1")
    (own,) = [line for line in found.lines if line.part.model == SONNET]
    assert (own.drift, own.causes, own.is_beyond) == (Decimal(0), (), False)


def test_wrong_own_prices_stay_unexplained() -> None:
    """The discount that all else shows does not explain them."""
    usage = used(key(), key(day="2026-11-11"), key(SONNET))
    charges = (charge("18"), charge("18", 11), charge("6.3", model=SONNET))
    found = audit(usage, bill(*charges), book_with(OWN))
    (own,) = [line for line in found.lines if line.part.model == SONNET]
    assert (found.discount, own.causes, own.unexplained) == (Decimal("0.1"), (), Decimal("-0.7"))


def test_searches_take_no_discount() -> None:
    """They cost the same for everybody, and are no evidence against one."""
    usage = used(key(), key(day="2026-11-11"), tokens=Tokens(output=MILLION, web_searches=500))
    searches = [charge("5", day, cost_type="web_search") for day in (10, 11)]
    found = audit(usage, bill(charge("18"), charge("18", 11), *searches))
    assert found.discount == Decimal("0.1")
    assert {line.part.cost_type for line in found.beyond} == {"tokens"}


def test_a_discount_explains_ranges_as_well() -> None:
    """Both ends of a range take it."""
    usage = used(key(), key(day="2026-11-11"), key(day="2026-11-12", speed=None))
    found = audit(usage, bill(charge("18"), charge("18", 11), charge("18", 12)))
    assert (found.discount, found.unexplained) == (Decimal("0.1"), Decimal(0))


def test_priority_tier_is_no_part_of_a_discount() -> None:
    """The discount is that of what is billed."""
    usage = used(
        key(), key(day="2026-11-11"), key(tier="priority"), key(day="2026-11-11", tier="priority")
    )
    found = audit(usage, bill(charge("18"), charge("18", 11)))
    assert found.discount == Decimal("0.1")
    assert found.causes["priority"] == -40
    assert found.causes["discount"] == -4


def test_a_wrong_price_is_not_taken_for_a_discount() -> None:
    """One model billed at half its list price, among others that agree."""
    usage = used(key(), key(day="2026-11-11"), key(SONNET), key(SONNET, day="2026-11-11"))
    charges = (
        charge("20"),
        charge("20", 11),
        charge("5", model=SONNET),
        charge("5", 11, model=SONNET),
    )
    found = audit(usage, bill(*charges))
    assert found.discount is None
    assert {line.part.model for line in found.beyond} == {SONNET}
    assert {line.unexplained for line in found.beyond} == {Decimal(-5)}


HAIKU = "claude-haiku-4-5-20251001"
# Of a million output tokens: $20, $10 and $5 at list price.
LISTED = {"claude-opus-5-5": 20, SONNET: 10, HAIKU: 5}


def of_models(ratios: dict[str, str], days: int = 3, prices: PriceBook | None = None) -> Audit:
    """The audit of some days of these models, each billed at a part of its list price."""
    dates = range(10, 10 + days)
    keys = [key(model, day=f"2026-11-{day}") for model in ratios for day in dates]
    charges = [
        charge(str(LISTED[model] * Decimal(ratio)), day, model=model)
        for model, ratio in ratios.items()
        for day in dates
    ]
    return audit(used(*keys), bill(*charges), prices)


def test_a_discount_of_most_lines_is_told_with_what_is_apart_from_it() -> None:
    """10% off for two models; the third costs 7% more than that, so 3.7% less than list."""
    found = of_models({"claude-opus-5-5": "0.9", SONNET: "0.9", HAIKU: "0.963"})
    assert (found.discount, found.usual) == (None, Decimal("0.1"))
    assert found.apart == {HAIKU: Decimal("0.07")}
    # Three days of $35 less 10% are $94.50, and 7% of three times $4.50 are $0.945.
    assert (found.causes["discount"], found.unexplained) == (Decimal("-10.5"), Decimal("0.945"))


def test_a_model_at_list_price_is_apart_from_the_discount_of_most_lines() -> None:
    """It agrees now, so nothing of it is explained, and would not with the discount."""
    found = of_models({"claude-opus-5-5": "0.9", SONNET: "0.9", HAIKU: "1"})
    assert (found.usual, len(found.beyond)) == (Decimal("0.1"), 6)
    assert found.apart[HAIKU].quantize(Decimal("0.0001")) == Decimal("0.1111")
    assert {line.causes for line in found.lines if line.part.model == HAIKU} == {()}


def test_the_discount_of_most_lines_is_one_off_list() -> None:
    """5% is set already, and off list it is 10%."""
    prices = book_with("{discount: 5%}")
    found = of_models({"claude-opus-5-5": "0.9", SONNET: "0.9", HAIKU: "1"}, prices=prices)
    assert found.usual == Decimal("0.1")


@pytest.mark.parametrize(
    "ratios",
    [
        pytest.param({"claude-opus-5-5": "0.9", SONNET: "0.8", HAIKU: "1"}, id="no-two-agree"),
        pytest.param({"claude-opus-5-5": "0.9", SONNET: "1", HAIKU: "1"}, id="one-of-three"),
        pytest.param({"claude-opus-5-5": "1.1", SONNET: "1.1", HAIKU: "1"}, id="dearer"),
        pytest.param({"claude-opus-5-5": "1", SONNET: "1", HAIKU: "0.5"}, id="most-at-list"),
        pytest.param({"claude-opus-5-5": "0.9", SONNET: "0.9"}, id="all-lines"),
    ],
)
def test_other_ratios_are_no_discount_of_most_lines(ratios: dict[str, str]) -> None:
    """It takes more than half of the lines, and one that all agree on is told by itself."""
    assert of_models(ratios).usual is None


@pytest.mark.parametrize(("first", "usual"), [("9", Decimal("0.1")), ("10", None)])
def test_lines_that_show_no_ratio_do_not_count(first: str, usual: Decimal | None) -> None:
    """Ten of a fifth of a cent agree with whatever is off; of the four others, three or two have 10%."""
    days = ("2026-11-10", "2026-11-11")
    rows = [(key(model, day=day), OUTPUT) for model in ("claude-opus-5-5", SONNET) for day in days]
    rows += [(key(HAIKU, day=f"2026-11-{day}"), Tokens(output=400)) for day in range(10, 20)]
    charges = [charge("18"), charge("18", 11)]
    charges += [charge(first, model=SONNET), charge("10", 11, model=SONNET)]
    charges += [charge("0.002", day, model=HAIKU) for day in range(10, 20)]
    assert audit(usage_of(rows), bill(*charges)).usual == usual


def test_most_lines_of_one_model_alone_are_no_discount() -> None:
    """Three at 90% and one of another at list: its price may be wrong."""
    keys = [key(day=f"2026-11-{day}") for day in (10, 11, 12)]
    charges = [charge("18", day) for day in (10, 11, 12)]
    found = audit(used(*keys, key(SONNET)), bill(*charges, charge("10", model=SONNET)))
    assert (found.usual, found.apart) == (None, {"claude-opus-5-5": Decimal("-0.1")})


def test_how_far_each_model_is_from_list_cost_is_told() -> None:
    """Of the lines that do not agree: one of three days at half the price is half."""
    keys = [key(day=f"2026-11-{day}") for day in (10, 11, 12)]
    found = audit(used(*keys), bill(charge("20"), charge("20", 11), charge("10", 12)))
    assert found.apart == {"claude-opus-5-5": Decimal("-0.5")}


def test_own_prices_are_apart_from_what_they_are_themselves() -> None:
    """$7 less 10%: no discount is taken off them."""
    usage = used(key(), key(day="2026-11-11"), key(SONNET))
    charges = (charge("18"), charge("18", 11), charge("6.3", model=SONNET))
    assert audit(usage, bill(*charges), book_with(OWN)).apart == {SONNET: Decimal("-0.1")}


# Sums

CHARGES = st.lists(
    st.tuples(
        st.integers(20, 28),
        st.sampled_from((None, ALPHA, BETA)),
        st.sampled_from(
            ("tokens", "web_search", "code_execution", "session_usage", "moon_landing")
        ),
        st.sampled_from(("claude-opus-5-5", SONNET, "claude-haiku-5-5", "claude-unheard-of-9")),
        st.sampled_from(("standard", "priority")),
        st.decimals(0, 10**6, places=8, allow_nan=False, allow_infinity=False),
    ),
    max_size=12,
)
KEYS = st.builds(
    key,
    st.sampled_from(("claude-opus-5-5", SONNET, "claude-haiku-5-5", "claude-unheard-of-9", None)),
    st.integers(20, 30).map(lambda day: f"2026-11-{day}"),
    workspace=st.sampled_from((None, ALPHA, BETA)),
    tier=st.sampled_from(("standard", "batch", "priority", "flex")),
    window=st.sampled_from(("0-200k", None)),
    speed=st.sampled_from(("standard", "fast", None)),
)
TOKENS = st.builds(
    Tokens,
    uncached_input=st.integers(0, 10**12),
    output=st.integers(0, 10**9),
    web_searches=st.integers(0, 10**4),
)
BOOKS = ("{}", "{discount: 10%}", "{discount: 100%}", OWN)


def made(rows: list[tuple[int, str | None, str, str, str, Decimal]]) -> Iterator[Charge]:
    """The charges of some rows."""
    for day, workspace, kind, model, tier, amount in rows:
        yield charge(str(amount), day, workspace=workspace, cost_type=kind, model=model, tier=tier)


@given(
    usage=st.lists(st.tuples(KEYS, TOKENS), max_size=12),
    rows=CHARGES,
    prices=st.sampled_from(BOOKS),
)
def test_drift_is_what_is_explained_and_what_is_not(
    usage: list[tuple[UsageKey, Tokens]],
    rows: list[tuple[int, str | None, str, str, str, Decimal]],
    prices: str,
) -> None:
    """For every line and for all of them, to the last digit; and no charge is lost."""
    charges = tuple(made(rows))
    days = {charge.day for charge in charges}
    # A day of usage without any cost is not compared at all.
    used = [(where, tokens) for where, tokens in usage if where.day in days]
    found = audit(
        usage_of(used), Bill(charges, FIRST, date(2026, 11, 29), "analytics"), book_with(prices)
    )
    for line in found.lines:
        explained = sum((Fraction(amount) for _, amount in line.causes), Fraction(0))
        assert Fraction(line.drift) == explained + Fraction(line.unexplained)
    assert Fraction(found.drift) == sum(
        (Fraction(amount) for amount in found.causes.values()), Fraction(found.unexplained)
    )
    assert Fraction(found.billed) == sum((Fraction(each.amount) for each in charges), Fraction(0))
    assert found.status == ("drift" if found.beyond else "ok")


@given(percent=st.integers(1, 90))
def test_a_discount_that_was_recognised_is_right_once_it_is_set(percent: int) -> None:
    """Two days of $20 and $40 less a discount: set as told, the audit agrees."""
    left = Decimal(100 - percent) / 100
    usage = usage_of([(key(), OUTPUT), (key(day="2026-11-11"), Tokens(output=2 * MILLION))])
    of = bill(charge(str(20 * left)), charge(str(40 * left), 11))
    found = audit(usage, of)
    assert found.discount == Decimal(percent) / 100
    assert audit(usage, of, book_with(f"{{discount: {percent}%}}")).status == "ok"


def test_sums_of_an_audit_are_those_of_its_lines() -> None:
    """$20 and $40 at list price, $25 and $41 billed."""
    usage = usage_of([(key(), OUTPUT), (key(day="2026-11-11"), Tokens(output=2 * MILLION))])
    found = audit(usage, bill(charge("25"), charge("41", 11)))
    assert (found.list_cost, found.billed, found.drift) == (bounds("60"), Decimal(66), Decimal(6))
    assert (found.unexplained, found.causes) == (Decimal(6), {})


def test_an_audit_of_nothing_agrees() -> None:
    """Days without usage and without costs have no lines."""
    found = audit(used()._replace(workspaces=None), bill())
    assert (found.status, found.lines, found.drift) == ("ok", (), Decimal(0))
