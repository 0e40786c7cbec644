"""Usage becomes spend: summed by day, workspace and model, and nothing left out in silence."""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import Tokens, UsageKey, add
from tests.helpers.builders import (
    COVERAGE,
    MILLION,
    book,
    book_with,
    bounds,
    key,
    reported,
    usage_of,
)
from tests.helpers.wording import assert_says, notes_with
from tests.world import oracle
from tests.world.organizations import usages

Row = tuple[UsageKey, Tokens]
NOVEMBER = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
NEW = "claude-unknown-9"


def spend_of_rows(*rows: Row, prices: PriceBook | None = None, bounded: bool = False) -> Spend:
    """The spend of some rows at the prices of the book."""
    return list_spend(
        price(usage_of(rows), prices or book()), unknown_model="upper_bound" if bounded else "fail"
    )


def costs(spend: Spend) -> dict[tuple[date, str | None, str | None], Bounds]:
    """The cost of each day, workspace and model."""
    found = {(line.day, line.workspace, line.model): line.cost for line in spend.lines}
    assert len(found) == len(spend.lines)
    return found


def notes(spend: Spend, code: str) -> list[Note]:
    """The notes of one code."""
    return notes_with(spend.notes, code)


# Lines -------------------------------------------------------------------------------------------


def test_no_usage_is_no_spend() -> None:
    """A month without usage has no line, and nothing in it is unknown."""
    spend = spend_of_rows()
    assert spend.lines == ()
    assert spend.unpriced == ()


def test_costs_of_one_model_workspace_and_day_are_added() -> None:
    """A million standard and a million batch tokens are 20 and 10 dollars on one line."""
    spend = spend_of_rows(
        (key(), Tokens(output=MILLION)), (key(tier="batch"), Tokens(output=MILLION))
    )
    assert costs(spend) == {(date(2026, 11, 10), None, "claude-opus-5-5"): bounds("30")}


@pytest.mark.parametrize("other", [Tokens(output=5), Tokens(uncached_input=7)])
def test_usage_of_one_key_is_added(other: Tokens) -> None:
    """What two parts of a report have of one key is added, class by class, and the rest kept."""
    table = {key(): Tokens(output=5), key(day="2026-11-11"): Tokens(output=1)}
    add(table, {key(): other, key(day="2026-11-12"): Tokens(output=2)})
    assert table == {
        key(): Tokens(uncached_input=other.uncached_input, output=5 + other.output),
        key(day="2026-11-11"): Tokens(output=1),
        key(day="2026-11-12"): Tokens(output=2),
    }


def test_the_same_usage_twice_is_twice_the_usage() -> None:
    """An amount that is added to itself counts twice, be it one object or two."""
    tokens = Tokens(output=5)
    table = {key(): tokens}
    add(table, {key(): tokens})
    assert table == {key(): Tokens(output=10)}


def test_usage_of_other_keys_is_kept() -> None:
    """Parts of a report that have no key in common are put together."""
    table = {key(): Tokens(output=5)}
    add(table, {key(day="2026-11-11"): Tokens(output=1)})
    assert table == {key(): Tokens(output=5), key(day="2026-11-11"): Tokens(output=1)}


def test_days_workspaces_and_models_stay_apart() -> None:
    """Spend is told by day, by workspace and by model, the default workspace among them."""
    tokens = Tokens(output=MILLION)
    spend = spend_of_rows(
        (key(), tokens),
        (key(day="2026-11-11"), tokens),
        (key(workspace="wrkspc_01A"), tokens),
        (key("claude-opus-5"), tokens),
    )
    assert costs(spend) == {
        (date(2026, 11, 10), None, "claude-opus-5-5"): bounds("20"),
        (date(2026, 11, 11), None, "claude-opus-5-5"): bounds("20"),
        (date(2026, 11, 10), "wrkspc_01A", "claude-opus-5-5"): bounds("20"),
        (date(2026, 11, 10), None, "claude-opus-5"): bounds("25"),
    }


def test_spend_is_list_cost() -> None:
    """What a usage report amounts to is called list cost."""
    (line,) = spend_of_rows((key(), Tokens(output=1))).lines
    assert line.basis == "list"


def test_range_and_exact_cost_add_up() -> None:
    """A known cost and a range are a range that begins at the known cost."""
    spend = spend_of_rows((key(), Tokens(output=MILLION)), (key(geo=None), Tokens(output=MILLION)))
    assert list(costs(spend).values()) == [bounds("40", "42")]


def test_what_the_source_tells_is_passed_on() -> None:
    """Workspaces, coverage and notes of the usage are those of the spend."""
    workspaces = (Workspace("wrkspc_01A", "production"),)
    note = Note("warning", "partial", "A part is missing.")
    usage = usage_of([], workspaces=workspaces, notes=(note,))
    spend = list_spend(price(usage, book()), unknown_model="fail")
    assert spend.workspaces == workspaces
    assert spend.coverage == COVERAGE
    assert note in spend.notes


def test_missing_list_of_workspaces_stays_missing() -> None:
    """No list of workspaces is not an empty list of them."""
    usage = usage_of([], workspaces=None)
    assert list_spend(price(usage, book()), unknown_model="fail").workspaces is None


def test_prices_used_are_told() -> None:
    """The spend says when the book was checked, and which models the policy prices itself."""
    card = "{input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}"
    own = book_with(f"{{models: {{claude-z: {card}, claude-a: {card}}}}}")
    prices = spend_of_rows(prices=own).prices
    assert prices.verified_on == date(2026, 11, 26)
    assert prices.overrides == ("claude-a", "claude-z")
    assert prices.discount == 0


def test_the_discount_used_is_told() -> None:
    """As a ratio, exactly as the policy has it."""
    prices = spend_of_rows(prices=book_with("{discount: 33.33%}")).prices
    assert prices.discount == Decimal("0.3333")


def test_what_no_usage_report_holds_is_told() -> None:
    """Code execution and session time are not in the report, and the reader is told so."""
    (note,) = notes(spend_of_rows(), "not_included")
    assert note.level == "info"
    assert "code execution" in note.message
    assert_says(note.message, "not included", "code execution", "managed-agent sessions")


# Usage without a price ---------------------------------------------------------------------------


def test_unknown_model_costs_without_a_bound() -> None:
    """An unknown model is neither free nor priced like its family."""
    spend = spend_of_rows((key(NEW), Tokens(output=1)))
    assert costs(spend) == {(date(2026, 11, 10), None, NEW): Bounds(Decimal(0), UNLIMITED)}


def test_unknown_usage_keeps_what_is_known() -> None:
    """Beside flex, which has no price, the standard tokens of a model still cost at least 20."""
    rows = [(key(), Tokens(output=MILLION)), (key(tier="flex"), Tokens(output=1))]
    for order in (rows, rows[::-1]):
        assert list(costs(spend_of_rows(*order)).values()) == [bounds("20", "unlimited")]


def test_unknown_usage_of_one_model_leaves_others_exact() -> None:
    """What is not known of one model does not blur another."""
    spend = spend_of_rows((key(), Tokens(output=MILLION)), (key(NEW), Tokens(output=1)))
    assert costs(spend)[date(2026, 11, 10), None, "claude-opus-5-5"] == bounds("20")


def test_unknown_model_is_named_with_its_tokens_and_days() -> None:
    """The one sentence about an unknown model says how much, of what, and when."""
    spend = spend_of_rows(
        (key(NEW, "2026-11-05"), Tokens(1, 2, 3, 4, 5, 6, 7)),
        (key(NEW, "2026-11-03", workspace="wrkspc_01A"), Tokens(output=1_000_000)),
        (key(NEW, "2026-11-09"), Tokens(output=1_000)),
    )
    (sentence,) = spend.unpriced
    assert sentence == (
        "1,001,022 tokens and 6 web searches of claude-unknown-9 from 2026-11-03 to 2026-11-09 "
        "(3 days) have no price: the model is not in the price book. Add the price under "
        "prices.models in the policy, or update budget-gate."
    )


def test_unknown_model_of_one_day_is_named_with_it() -> None:
    """One day is named as such, and searches only where there are some."""
    (sentence,) = spend_of_rows((key(NEW), Tokens(output=1234))).unpriced
    assert sentence == (
        "1,234 tokens of claude-unknown-9 on 2026-11-10 have no price: "
        "the model is not in the price book. Add the price under prices.models in the policy, or "
        "update budget-gate."
    )


def test_unnamed_model_is_told() -> None:
    """Usage that names no model is told as such."""
    (sentence,) = spend_of_rows((key(None), Tokens(output=5))).unpriced
    assert_says(
        sentence,
        *("5 tokens of an unnamed model on 2026-11-10 have no price", "does not name its model"),
        "Set spend.unknown_model: upper_bound in the policy, or update budget-gate.",
    )


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (key(tier="flex"), "service tier flex has no published price"),
        (key(speed="warp"), "speed warp has no price for the model on that day and tier"),
        (key(geo="mars"), "inference geo mars has no published price"),
    ],
)
def test_what_no_price_of_a_model_would_mend_has_another_remedy(
    where: UsageKey, reason: str
) -> None:
    """A policy has no price of a tier, a speed, a place or a window by itself."""
    (sentence,) = spend_of_rows((where, Tokens(output=5))).unpriced
    assert_says(sentence, reason, "Set spend.unknown_model: upper_bound", "or update budget-gate.")
    (note,) = notes(spend_of_rows((where, Tokens(output=5)), bounded=True), "unpriced_bounded")
    assert_says(note.message, reason, "Counted as anything from $0 up to the dearest known rate.")
    assert "prices.models" not in note.message


def test_each_reason_is_told_by_itself() -> None:
    """A model may lack a price for more than one reason, and each is told."""
    spend = spend_of_rows(
        (key(tier="flex"), Tokens(output=1)),
        (key(geo="eu"), Tokens(output=1)),
        (key(geo="eu", day="2026-11-11"), Tokens(output=1)),
    )
    assert len(spend.unpriced) == 2
    assert any("flex" in sentence for sentence in spend.unpriced)
    assert any("geo eu" in sentence and "(2 days)" in sentence for sentence in spend.unpriced)


def test_unpriced_usage_is_an_error_in_the_notes() -> None:
    """The note about unpriced usage says what to do about it."""
    (note,) = notes(spend_of_rows((key(NEW), Tokens(output=1))), "unpriced")
    assert note.level == "error"
    assert note.message == (
        "1 tokens of claude-unknown-9 on 2026-11-10 have no price: the model is not in the price "
        "book. Add the price under prices.models in the policy, or update budget-gate."
    )


def test_empty_usage_of_an_unknown_model_is_nothing() -> None:
    """A row of zeros needs no price."""
    spend = spend_of_rows((key(NEW), Tokens()))
    assert spend.lines == ()
    assert spend.unpriced == ()
    assert notes(spend, "unpriced") == []


def test_empty_usage_of_an_unknown_model_hides_no_other() -> None:
    """What stands behind a row of zeros in the report is priced all the same."""
    spend = spend_of_rows((key(NEW), Tokens()), (key(), Tokens(output=MILLION)))
    assert list(costs(spend).values()) == [bounds("20")]


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(
    "where", [key(NEW), key(None), key(tier="flex"), key(speed="warp"), key(geo="mars")]
)
def test_searches_alone_have_a_price_whatever_made_them(where: UsageKey, *, bounded: bool) -> None:
    """Nothing of it is unknown: 100,000 of them cost 1,000 USD."""
    spend = spend_of_rows((where, Tokens(web_searches=100_000)), bounded=bounded)
    assert list(costs(spend).values()) == [bounds("1000")]
    assert spend.unpriced == ()
    assert notes(spend, "unpriced") == notes(spend, "unpriced_bounded") == []


def test_searches_beside_tokens_without_a_price_are_the_least_it_costs() -> None:
    """50 of them cost half a dollar, and the tokens anything on top."""
    spend = spend_of_rows((key(NEW), Tokens(output=MILLION, web_searches=50)))
    assert list(costs(spend).values()) == [bounds("0.5", "unlimited")]
    (sentence,) = spend.unpriced
    assert sentence.startswith("1,000,000 tokens and 50 web searches of claude-unknown-9")


def test_upper_bound_takes_the_dearest_rate() -> None:
    """Bounded, an unknown model costs up to the dearest: 165 a million, and a search its cent."""
    spend = spend_of_rows((key(NEW), Tokens(output=MILLION, web_searches=50)), bounded=True)
    assert list(costs(spend).values()) == [bounds("0.5", "165.5")]


def test_upper_bound_leaves_nothing_unpriced() -> None:
    """Bounded usage has a price range, and a warning that says so instead of an error."""
    spend = spend_of_rows((key(NEW), Tokens(output=1234)), bounded=True)
    assert spend.unpriced == ()
    assert notes(spend, "unpriced") == []
    (note,) = notes(spend, "unpriced_bounded")
    assert note.level == "warning"
    assert note.message == (
        "1,234 tokens of claude-unknown-9 on 2026-11-10 have no price: the model is not in the "
        "price book. Counted as anything from $0 up to the dearest known rate. Add the price under "
        "prices.models in the policy to know it."
    )


def test_upper_bound_changes_no_known_price() -> None:
    """Bounding the unknown leaves the known as it is."""
    rows = [(key(), Tokens(output=MILLION)), (key("claude-haiku-5-5"), Tokens(output=MILLION))]
    assert costs(spend_of_rows(*rows)) == costs(spend_of_rows(*rows, bounded=True))


def test_upper_bound_depends_on_the_day() -> None:
    """The dearest rate is that of the usage's own day: 247.5 a million on 2026-02-20."""
    spend = spend_of_rows((key(NEW, "2026-02-20"), Tokens(output=MILLION)), bounded=True)
    assert list(costs(spend).values()) == [bounds("0", "247.5")]


# Notes -------------------------------------------------------------------------------------------


def test_ranges_name_their_models() -> None:
    """A reader learns which models have no exact cost."""
    (note,) = notes(
        spend_of_rows((key("claude-haiku-5-5"), Tokens(output=1)), (key(), Tokens(output=1))),
        "range",
    )
    assert note.level == "info"
    assert_says(note.message, "claude-haiku-5-5", "range", "does not report")
    assert "claude-opus" not in note.message


def test_exact_costs_have_no_range_note() -> None:
    """Where all is known nothing is said of ranges."""
    assert notes(spend_of_rows((key(), Tokens(output=1))), "range") == []


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("model", [NEW, None])
def test_unpriced_usage_is_no_range_of_the_report(model: str | None, *, bounded: bool) -> None:
    """Of a model without a price the report tells enough: it is the price that is missing."""
    spend = spend_of_rows((key(model), Tokens(output=1)), bounded=bounded)
    assert notes(spend, "range") == []


@pytest.mark.parametrize(
    ("output", "amount"),
    [
        (MILLION, "$20"),
        (5 * MILLION, "$100"),
        (250, "$0.005"),
        (100_000_000 * MILLION, "$2,000,000,000"),
    ],
)
def test_priority_is_told_with_its_exact_amount(output: int, amount: str) -> None:
    """Prepaid tokens are counted at 20 dollars a million, and the amount is told."""
    spend = spend_of_rows(
        (key(tier="priority"), Tokens(output=output)), (key(), Tokens(output=MILLION))
    )
    (note,) = notes(spend, "priority_tier")
    assert (note.level, note.message) == (
        "info",
        f"Priority tier, which is prepaid, is counted at list prices: {amount} of the spend.",
    )


def test_priority_of_several_rows_is_added() -> None:
    """20 USD of one day and 25 of another model are 45."""
    spend = spend_of_rows(
        (key(tier="priority"), Tokens(output=MILLION)),
        (key("claude-opus-5", tier="priority"), Tokens(output=MILLION)),
    )
    (note,) = notes(spend, "priority_tier")
    assert ": $45 of the spend" in note.message


def test_priority_range_is_told_as_at_least() -> None:
    """Where the cost of prepaid tokens is a range, its lower end is told as such."""
    spend = spend_of_rows((key("claude-haiku-5-5", tier="priority"), Tokens(output=2 * MILLION)))
    (note,) = notes(spend, "priority_tier")
    assert "at least $1 of the spend" in note.message


def test_priority_of_a_bounded_model_is_told_with_an_amount() -> None:
    """Prepaid tokens of an unknown model cost at least nothing, which is an amount too."""
    spend = spend_of_rows((key(NEW, tier="priority"), Tokens(output=MILLION)), bounded=True)
    (note,) = notes(spend, "priority_tier")
    assert "at least $0 of the spend" in note.message


def test_no_priority_no_note() -> None:
    """Nothing is said of prepaid tokens where there are none."""
    assert notes(spend_of_rows((key(), Tokens(output=1))), "priority_tier") == []


def test_dated_ids_are_told() -> None:
    """An id that was matched without its date is told, and one that was matched exactly is not."""
    spend = spend_of_rows(
        (key("claude-opus-5-5-20260922"), Tokens(output=1)),
        (key("claude-haiku-4-5-20251001"), Tokens(output=1)),
        (key("claude-opus-4-1"), Tokens(output=1)),
    )
    (note,) = notes(spend, "dated_model")
    assert (note.level, note.message) == (
        "info",
        "Priced like the model of the same id without a date: claude-opus-5-5-20260922.",
    )


def test_long_lists_of_ids_are_cut() -> None:
    """Of seven ids five are named, and the number of the others."""
    dates = [f"2026092{digit}" for digit in range(7)]
    rows = [(key(f"claude-opus-5-5-{date}"), Tokens(output=1)) for date in reversed(dates)]
    (note,) = notes(spend_of_rows(*rows), "dated_model")
    named = ", ".join(f"claude-opus-5-5-{date}" for date in dates[:5])
    assert note.message.endswith(f": {named} and 2 more.")


@pytest.mark.parametrize(("number", "rest"), [(5, ""), (6, " and 1 more")])
def test_a_list_of_five_ids_is_whole(number: int, rest: str) -> None:
    """Five are named without a word of others, and of six the last is counted."""
    rows = [(key(f"claude-opus-5-5-2026092{n}"), Tokens(output=1)) for n in range(number)]
    (note,) = notes(spend_of_rows(*rows), "dated_model")
    assert note.message.endswith(f"claude-opus-5-5-20260924{rest}.")


def test_no_dated_id_no_note() -> None:
    """Nothing is said of dates where every id matched as it is."""
    assert notes(spend_of_rows((key(), Tokens(output=1))), "dated_model") == []


@pytest.mark.parametrize(
    ("written", "told"), [("10%", "10%"), ("33.33%", "33.33%"), ("100%", "100%")]
)
def test_discount_is_told(written: str, told: str) -> None:
    """A discount is told as it was written."""
    spend = spend_of_rows(prices=book_with(f"{{discount: {written}}}"))
    (note,) = notes(spend, "discount")
    assert (note.level, note.message) == (
        "info",
        f"{told} is taken off list prices of tokens; prices.models are used as written.",
    )


@pytest.mark.parametrize("prices", ["{}", "{discount: 0%}"])
def test_no_discount_no_note(prices: str) -> None:
    """Nothing is said of a discount where there is none."""
    assert notes(spend_of_rows(prices=book_with(prices)), "discount") == []


CARD = "{input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}"


@pytest.mark.parametrize(
    ("models", "used", "told"),
    [
        (["claude-z"], "claude-opus-5-5", "claude-z"),
        (["claude-z", "claude-a"], "claude-opus-5-5", "claude-a, claude-z"),
        (["claude-z", "claude-a"], "claude-a", "claude-z"),
        (["claude-opus-55"], "claude-opus-5-5", "claude-opus-55"),
    ],
)
def test_own_prices_of_no_usage_are_told(models: list[str], used: str, told: str) -> None:
    """A misspelt model is priced for nothing, and its real name at list prices."""
    own = book_with(f"{{models: {{{', '.join(f'{name}: {CARD}' for name in models)}}}}}")
    (note,) = notes(spend_of_rows((key(used), Tokens(output=1)), prices=own), "unused_price")
    assert note.level == "warning"
    assert note.message == f"prices.models has prices of models without usage: {told}."


@pytest.mark.parametrize(
    "model", ["claude-z", "claude-opus-5-5", "claude-haiku-4-5", "claude-opus-5-5-20260922"]
)
def test_own_prices_of_known_models_are_not_unused(model: str) -> None:
    """What the book knows, by any name, need not be used in every month; nor is what is used told."""
    own = book_with(f"{{models: {{{model}: {CARD}}}}}")
    spend = spend_of_rows((key("claude-z"), Tokens(output=1)), prices=own)
    assert notes(spend, "unused_price") == []


# Against the oracle, and properties --------------------------------------------------------------


@given(usages(*NOVEMBER))
@settings(max_examples=200)
def test_spend_is_that_of_the_oracle(random: list[oracle.Usage]) -> None:
    """Each day, workspace and model costs the exact sum of its usages by the oracle."""
    expected: dict[tuple[date, str | None, str | None], list[Fraction]] = defaultdict(
        lambda: [Fraction(0), Fraction(0)]
    )
    for usage in random:
        cost = oracle.cost(usage)
        assert cost
        place = expected[usage.day, usage.workspace, usage.model]
        place[0] += cost[0]
        place[1] += cost[1]
    found = costs(spend_of_rows(*map(reported, random)))
    assert {
        place: [Fraction(cost.low), Fraction(cost.high)] for place, cost in found.items()
    } == expected


@given(usages(*NOVEMBER), st.randoms())
def test_order_of_rows_changes_no_cost(random: list[oracle.Usage], chance: Random) -> None:
    """A report whose rows come in another order costs the same."""
    shuffled = list(random)
    chance.shuffle(shuffled)
    assert costs(spend_of_rows(*map(reported, random))) == costs(
        spend_of_rows(*map(reported, shuffled))
    )


@given(usages(*NOVEMBER), st.integers(0, 1000))
def test_splitting_rows_changes_no_cost(random: list[oracle.Usage], per_mille: int) -> None:
    """A report that tells an amount in two rows costs the same."""
    whole = [reported(usage) for usage in random]
    halves = []
    for where, tokens in whole:
        part = Tokens(*(count * per_mille // 1000 for count in tokens))
        rest = Tokens(*(count - some for count, some in zip(tokens, part, strict=True)))
        halves += [(where, part), (where, rest)]
    assert costs(spend_of_rows(*whole)) == costs(spend_of_rows(*halves))


@given(
    usages(*NOVEMBER),
    st.decimals(min_value=0, max_value=100, places=4).map(lambda percent: f"{percent:f}"),
)
def test_discount_is_exact(random: list[oracle.Usage], percent: str) -> None:
    """Any discount leaves the exact rest of the token charges, and all of the searches."""
    own = book_with(f"{{discount: {percent}%}}")
    expected = Fraction(0)
    for usage in random:
        cost = oracle.cost(usage)
        assert cost
        searches = Fraction(usage.searches, 100)
        expected += (cost[1] - searches) * (1 - Fraction(percent) / 100) + searches
    spend = spend_of_rows(*map(reported, random), prices=own)
    assert sum((Fraction(line.cost.high) for line in spend.lines), Fraction(0)) == expected
