"""What the provider itself says of a line before discounts: its discount, other counts, another price."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.billed.audit import Audit, AuditLine
from budget_gate.domain.billed.bill import Bill, Charge
from budget_gate.domain.billed.compare import compare
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.usage import Tokens, Usage
from tests.helpers.bills import ALPHA, BETA, bill, charge, used
from tests.helpers.builders import AS_OF, MILLION, book, book_with, key, usage_of

SONNET, HAIKU = "claude-sonnet-5", "claude-haiku-4-5-20251001"
OPUS = "claude-opus-5-5"
# Of a million output tokens, by the price page: $20, $10 and $5.
LISTED = {OPUS: 20, SONNET: 10, HAIKU: 5}
NOVEMBER_20 = date(2026, 11, 20)


def audit(usage: Usage, of: Bill, prices: PriceBook | None = None) -> Audit:
    """The audit of usage and a bill."""
    return compare(price(usage, prices or book()), of, {}, AS_OF)


def causes(line: AuditLine) -> dict[str, Decimal]:
    """What explains a line's drift, without trailing zeros."""
    return {cause: amount.normalize() for cause, amount in line.causes}


# A model, a day, what the provider's list cost is of ours, and what was billed of that.
Row = tuple[str, int, str, str]


def told(*rows: Row, prices: PriceBook | None = None) -> Audit:
    """The audit of a million output tokens a row, with what the provider says before discounts."""
    keys = [key(model, day=f"2026-11-{day:02}") for model, day, _, _ in rows]
    charges = []
    for model, day, counted, billed in rows:
        listed = LISTED[model] * Decimal(counted)
        charges.append(charge(str(listed * Decimal(billed)), day, model=model, listed=str(listed)))
    return audit(used(*keys), bill(*charges, source="analytics"), prices)


def verified(on: date) -> PriceBook:
    """The bundled book as if its prices had last been checked on a day."""
    return PriceBook(book().document.model_copy(update={"verified_on": on}))


# Discounts


def test_a_discount_of_one_line_is_read() -> None:
    """$18 of the provider's $20: one line shows a discount of 10%, which no price can look like."""
    found = told((OPUS, 10, "1", "0.9"))
    (line,) = found.lines
    assert (found.discount, line.discount) == (Decimal("0.1"), Decimal("0.1"))
    assert (causes(line), line.unexplained, line.differs) == (
        {"discount": Decimal(-2)},
        Decimal(0),
        None,
    )


def test_a_discount_is_that_of_the_amounts_and_not_of_list_cost() -> None:
    """Counts are 3% more than ours on one of three days: the discount is 10%, and not 7.3% there."""
    found = told((OPUS, 10, "1", "0.9"), (OPUS, 11, "1.03", "0.9"), (OPUS, 12, "1", "0.9"))
    assert {line.discount for line in found.lines} == {Decimal("0.1")}
    assert (found.discount, found.usual) == (None, Decimal("0.1"))
    (line,) = [line for line in found.lines if line.part.day.day == 11]
    # $20.60 by the provider, of which $18.54 were billed: $2.06 off, and 60 cents of more counts.
    assert causes(line) == {"discount": Decimal("-2.06"), "counts": Decimal("0.6")}
    assert (line.drift, line.unexplained) == (Decimal("-1.46"), Decimal(0))
    assert line.list_drift == Decimal("0.6")


def test_a_discount_of_the_policy_is_taken_off_the_providers_list_cost() -> None:
    """10% is set and 15% was given: 15% off list is told, and 5 of 100 explain what is left."""
    found = told(
        (OPUS, 10, "1", "0.85"), (OPUS, 11, "1", "0.85"), prices=book_with("{discount: 10%}")
    )
    assert found.discount == Decimal("0.15")
    assert {line.discount for line in found.lines} == {Decimal("0.15")}
    assert found.causes == {"discount": Decimal("-2.00")}


def test_a_right_discount_leaves_nothing_to_say() -> None:
    """List cost at the policy's discount is what was billed."""
    found = told((OPUS, 10, "1", "0.9"), prices=book_with("{discount: 10%}"))
    assert (found.status, found.discount, found.causes, found.discounts) == ("ok", None, {}, {})


def test_discounts_of_single_models_are_told_apart() -> None:
    """10%, 25% and none: one for all would be wrong for each."""
    found = told(
        *((OPUS, day, "1", "0.9") for day in (10, 11)),
        *((SONNET, day, "1", "0.75") for day in (10, 11)),
        *((HAIKU, day, "1", "1") for day in (10, 11)),
    )
    assert (found.discount, found.usual) == (None, None)
    assert found.discounts == {OPUS: Decimal("0.1"), SONNET: Decimal("0.25")}
    assert found.unexplained == 0


def test_discounts_that_differ_within_a_model_are_told_as_such() -> None:
    """10% on one day and 20% on another: no price has both."""
    found = told((OPUS, 10, "1", "0.9"), (OPUS, 11, "1", "0.8"))
    assert (found.discount, found.discounts) == (None, {OPUS: None})
    assert {line.discount for line in found.lines} == {Decimal("0.1"), Decimal("0.2")}


def test_a_model_at_list_price_has_no_discount_of_its_own() -> None:
    """Among two with 10%: that it would not agree with those is said by how far it is from them."""
    models = ((OPUS, "0.9"), (SONNET, "0.9"), (HAIKU, "1"))
    found = told(*((model, day, "1", ratio) for model, ratio in models for day in (10, 11)))
    assert (found.usual, found.discounts, [*found.apart]) == (Decimal("0.1"), {}, [HAIKU])


def test_a_discount_that_would_make_no_line_agree_is_not_advised() -> None:
    """90% was billed of counts that are a ninth more than ours: list cost agrees as it is."""
    rows = [(OPUS, day, "1.1111111111", "0.9") for day in (10, 11)]
    found = told(*rows)
    assert (found.status, found.discount, found.usual, found.discounts) == ("ok", None, None, {})


def test_own_prices_are_not_held_against_the_providers_list() -> None:
    """They are what was agreed, so that its list price says nothing of their counts."""
    ones = "input: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1"
    found = told(
        (SONNET, 10, "1", "0.7"),
        prices=book_with(f"{{models: {{{SONNET}: {{{ones}, output: 7}}}}}}"),
    )
    (line,) = found.lines
    assert (found.status, line.causes, line.differs, line.list_drift) == ("ok", (), None, None)
    assert line.list_amount == 10


# Counts


def test_counts_that_differ_beside_lines_that_agree_are_no_price() -> None:
    """Of three days one has 20% more by the provider's own list price: a price has all or none."""
    found = told((OPUS, 10, "1", "1"), (OPUS, 11, "1.2", "1"), (OPUS, 12, "1", "1"))
    (line,) = found.beyond
    assert (line.differs, causes(line), line.unexplained) == (
        "counts",
        {"counts": Decimal(4)},
        Decimal(0),
    )
    assert (found.discount, found.usual, found.discounts, found.apart) == (None, None, {}, {})


def test_counts_that_lack_are_no_price() -> None:
    """A tenth of a day has not come in."""
    found = told((OPUS, 10, "1", "1"), (OPUS, 11, "1", "1"), (OPUS, 12, "0.9", "1"))
    (line,) = found.beyond
    assert (line.differs, causes(line)) == ("counts", {"counts": Decimal(-2)})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(10, "1.3")], {10: "either"}, id="one-line"),
        pytest.param([(10, "1.3"), (11, "1.3")], {10: "price", 11: "price"}, id="every-line"),
        pytest.param([(9, "1"), (10, "1.3"), (11, "1.3")], {10: "price", 11: "price"}, id="since"),
        pytest.param([(10, "1.3"), (11, "1.7")], {10: "either", 11: "either"}, id="two-ratios"),
        pytest.param(
            [(10, "1.3"), (11, "1.3"), (12, "1")], dict.fromkeys((10, 11), "counts"), id="until"
        ),
        pytest.param(
            [(9, "1"), (10, "1.3"), (11, "1.7")],
            dict.fromkeys((10, 11), "counts"),
            id="ratios-since",
        ),
    ],
)
def test_a_price_is_one_ratio_on_every_line_since_a_day(
    rows: Sequence[tuple[int, str]], expected: dict[int, str]
) -> None:
    """Of prices that were checked after these days, so that none has changed unseen."""
    found = told(*((OPUS, day, counted, "1") for day, counted in rows))
    assert {line.part.day.day: line.differs for line in found.beyond} == expected


@pytest.mark.parametrize(("checked_on", "differs"), [(10, "either"), (11, "counts")])
def test_a_day_after_the_last_check_may_have_another_price(checked_on: int, differs: str) -> None:
    """An earlier day that agrees shows nothing of a price that may have changed since."""
    prices = verified(date(2026, 11, checked_on))
    found = told((OPUS, 10, "1", "1"), (OPUS, 11, "1.3", "1"), prices=prices)
    (line,) = found.beyond
    assert line.differs == differs
    assert causes(line).keys() == {"old_prices" if differs == "either" else "counts"}


def test_another_workspace_of_the_day_shows_that_its_price_is_right() -> None:
    """Whenever prices were checked: both are billed at it."""
    prices = verified(date(2026, 11, 1))
    usage = used(key(workspace=ALPHA), key(workspace=BETA))
    charges = (
        charge("20", workspace=ALPHA, listed="20"),
        charge("25", workspace=BETA, listed="25"),
    )
    (line,) = audit(usage, bill(*charges), prices).beyond
    assert (line.part.workspace, line.differs) == (BETA, "counts")


@pytest.mark.parametrize(
    ("reads", "listed", "differs"),
    [
        # Where there are none, their price is not shown.
        (0, "20", "either"),
        # 300 of them would be a twentieth of a cent more: too little to show.
        (300, "20.00006", "either"),
        (3 * MILLION, "20.6", "counts"),
    ],
)
def test_a_line_shows_the_prices_that_it_has(reads: int, listed: str, differs: str) -> None:
    """$4.50 more than $20, and 60 cents for 3 million cache reads: their price may be the cause."""
    usage = usage_of(
        [
            (key(), Tokens(output=MILLION, cache_read=3 * MILLION)),
            (key(day="2026-11-11"), Tokens(output=MILLION, cache_read=reads)),
        ]
    )
    charges = (charge("25.1", listed="25.1"), charge(listed, 11, listed=listed))
    (line,) = audit(usage, bill(*charges)).beyond
    assert (line.list_drift, line.differs) == (Decimal("4.5"), differs)


def test_one_ratio_of_one_day_is_no_price_where_it_was_checked_since() -> None:
    """Two workspaces lack a fifth of the latest day, as of a day whose costs have come in to that."""
    days = ("2026-11-10", "2026-11-11")
    keys = [key(day=day, workspace=workspace) for day in days for workspace in (ALPHA, BETA)]
    charges = [
        charge(amount, day, workspace=workspace, listed=amount)
        for day, amount in ((10, "20"), (11, "16"))
        for workspace in (ALPHA, BETA)
    ]
    found = audit(used(*keys), bill(*charges))
    assert [(line.part.day.day, line.differs) for line in found.beyond] == [(11, "counts")] * 2


def test_a_range_shows_no_price() -> None:
    """$30 lie within $20 to $40, whatever the price is by which another day has $45."""
    usage = used(key(speed=None), key(day="2026-11-11", speed=None))
    charges = (charge("45", listed="45"), charge("30", 11, listed="30"))
    (line,) = audit(usage, bill(*charges)).beyond
    assert line.differs == "either"


def test_prepaid_tokens_are_none_of_those_that_a_line_has_to_show() -> None:
    """They are not billed, so that their price is not the cause."""
    usage = used(key(), key(tier="priority"), key(day="2026-11-11"))
    charges = (charge("25", listed="25"), charge("20", 11, listed="20"))
    (line,) = audit(usage, bill(*charges)).beyond
    assert (line.differs, line.list_drift) == ("counts", Decimal(5))


def test_what_was_billed_and_not_used_is_counts() -> None:
    """No price makes $3 of nothing."""
    found = audit(used(), bill(charge("3", listed="3")))
    (line,) = found.beyond
    assert (line.differs, causes(line), line.unexplained) == (
        "counts",
        {"counts": Decimal(3)},
        Decimal(0),
    )


def test_what_was_used_and_not_billed_is_counts() -> None:
    """The provider lists nothing of one of three days on which the price is the same."""
    usage = used(key(), key(day="2026-11-11"), key(SONNET, day="2026-11-11"))
    charges = (charge("20", listed="20"), charge("10", 11, model=SONNET, listed="10"))
    (line,) = audit(usage, bill(*charges)).beyond
    assert (line.part.model, line.differs, causes(line)) == (
        OPUS,
        "counts",
        {"counts": Decimal(-20)},
    )


def test_searches_may_be_counted_otherwise() -> None:
    """Of one price, so that 500 of them for $5 show that the other day's $7 are of 700."""
    tokens = Tokens(web_searches=500)
    charges = [
        charge(amount, day, cost_type="web_search", listed=amount)
        for day, amount in ((10, "5"), (11, "7"))
    ]
    found = audit(used(key(), key(SONNET, day="2026-11-11"), tokens=tokens), bill(*charges))
    (line,) = found.beyond
    assert (line.part.cost_type, line.differs, causes(line)) == (
        "web_search",
        "counts",
        {"counts": Decimal(2)},
    )


def test_more_than_the_providers_own_list_cost_is_no_discount() -> None:
    """$26 of $20 that both list: neither counts nor a discount nor list price explain it."""
    found = told((OPUS, 10, "1", "1.3"), (OPUS, 11, "1", "1.3"))
    assert (found.discount, found.discounts, found.causes) == (None, {}, {})
    assert {(line.differs, line.discount, line.unexplained) for line in found.lines} == {
        (None, None, Decimal(6))
    }


def test_a_price_that_the_provider_confirms_is_none_that_has_changed() -> None:
    """However long ago the price book was checked: what was billed lies above both."""
    (line,) = told((OPUS, 10, "1", "1.3"), prices=verified(date(2026, 11, 1))).lines
    assert (line.causes, line.unexplained) == ((), Decimal(6))


def test_a_range_is_right_where_the_providers_list_cost_is_in_it() -> None:
    """Without the speed it is $20 to $40: $30 by the provider, and 10% off that."""
    usage = used(key(speed=None), key(day="2026-11-11", speed=None))
    charges = [charge("27", day, listed="30") for day in (10, 11)]
    found = audit(usage, bill(*charges))
    assert (found.status, found.discount) == ("ok", Decimal("0.1"))
    assert {(line.discount, line.drift, line.differs) for line in found.lines} == {
        (Decimal("0.1"), Decimal(0), None)
    }
    again = audit(usage, bill(*charges), book_with("{discount: 10%}"))
    assert (again.status, again.discount) == ("ok", None)


# What cannot be


@pytest.mark.parametrize(
    ("amounts", "told_amount"),
    [
        pytest.param([("18", None)], None, id="not-told"),
        pytest.param([("18", "0")], None, id="nothing-before-discounts"),
        pytest.param([("18", "-20")], None, id="less-than-nothing"),
        pytest.param([("19", "20"), ("-1", "-1")], None, id="refund"),
        pytest.param([("19", "19"), ("-1", "1")], None, id="refund-of-something"),
        pytest.param([("9", "10"), ("9", None)], None, id="told-of-a-part"),
        pytest.param([("9", "10"), ("9", "10")], Decimal(20), id="told-of-all"),
        pytest.param([("18", "20"), ("0", "0")], Decimal(20), id="a-row-of-nothing"),
    ],
)
def test_a_line_of_which_the_provider_says_what_cannot_be_is_compared_without(
    amounts: list[tuple[str, str | None]], told_amount: Decimal | None
) -> None:
    """As if it said nothing: one line that is billed $18 of $20 is no discount then."""
    tiers = ("standard", "batch")
    rows = [
        charge(amount, tier=tier, listed=listed)
        for (amount, listed), tier in zip(amounts, tiers, strict=False)
    ]
    beside = charge("10", model=SONNET, listed="10")
    found = audit(used(key(), key(SONNET)), bill(*rows, beside))
    (line,) = [line for line in found.lines if line.part.model == OPUS]
    assert (line.billed, line.list_amount) == (Decimal(18), told_amount)
    if told_amount is None:
        assert (line.discount, line.causes, line.differs, line.list_drift) == (None, (), None, None)
        assert (line.unexplained, found.discounts) == (Decimal(-2), {})
    else:
        assert (line.discount, found.discounts) == (Decimal("0.1"), {OPUS: Decimal("0.1")})


def test_a_bill_that_says_nothing_says_nothing_of_what_it_lacks() -> None:
    """Usage without a cost is no line of which the provider lists $0."""
    (line,) = audit(used(key(), key(SONNET)), bill(charge("20"))).beyond
    assert (line.part.model, line.list_amount, line.differs) == (SONNET, None, None)


@pytest.mark.parametrize("discount", ["100%", "0%"])
def test_nothing_billed_is_no_discount_to_set(discount: str) -> None:
    """Taking everything off would set every cap out of force."""
    found = told(
        (OPUS, 10, "1", "0"), (OPUS, 11, "1", "0"), prices=book_with(f"{{discount: {discount}}}")
    )
    assert found.discount is None
    assert {line.discount for line in found.lines} == {Decimal(1)}


# Sums

ROWS = st.lists(
    st.tuples(
        st.sampled_from((OPUS, SONNET, HAIKU)),
        st.integers(1, 19),
        st.sampled_from(("0", "0.5", "0.97", "1", "1.004", "1.3", "7")),
        st.sampled_from(("0", "0.5", "0.9", "1", "1.2")),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda row: row[:2],
)


@given(rows=ROWS, prices=st.sampled_from(("{}", "{discount: 10%}", "{discount: 100%}")))
def test_drift_is_what_is_explained_and_what_is_not(rows: list[Row], prices: str) -> None:
    """For every line, to the last digit, whatever the provider says of it."""
    found = told(*rows, prices=book_with(prices))
    for line in found.lines:
        explained = sum((Fraction(amount) for _, amount in line.causes), Fraction(0))
        assert Fraction(line.drift) == explained + Fraction(line.unexplained)
        assert line.is_beyond or "counts" not in dict(line.causes)
    assert found.status == ("drift" if found.beyond else "ok")


@given(rows=ROWS)
def test_what_is_advised_helps(rows: list[Row]) -> None:
    """With the discount that is told, more lines agree than without it."""
    found = told(*rows)
    advised = found.usual if found.discount is None else found.discount
    if advised is not None:
        again = told(*rows, prices=book_with(f"{{discount: {advised * 100:f}%}}"))
        assert len(again.beyond) < max(len(found.beyond), 1)


def test_a_charge_has_what_it_is_before_discounts() -> None:
    """None where that is not told, as by the cost report."""
    assert charge("18").list_amount is None
    assert Charge(None, NOVEMBER_20, "tokens", OPUS, None, Decimal(18)).list_amount is None
    assert charge("18", listed="20").list_amount == 20
