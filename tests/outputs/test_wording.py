"""Amounts, percentages and the verdict in words: where a rounding could lie."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.bounds import exact
from budget_gate.domain.notes import Note
from budget_gate.domain.spend import Basis, PriceFacts
from budget_gate.domain.verdict.report import DaySpend, Report
from budget_gate.domain.verdict.results import STATUSES, Status
from budget_gate.outputs.amounts import usd, usd_range
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.report.basis import cost_name, price_basis
from budget_gate.outputs.report.headline import headline, plain_headline, told_reason
from budget_gate.outputs.report.sentences import percent, ratio, spent_of_cap
from tests.helpers.builders import COVERAGE, bounds
from tests.helpers.reports import HOSTILE, make_budget, make_report

# As small as a fraction of a cent can get: rates, factors and a discount multiplied.
amounts = st.decimals(0, 10**9, places=12)


def as_number(text: str) -> Decimal:
    """The number of an amount as it is shown."""
    return Decimal(text.removeprefix("$").replace(",", ""))


def say(report: Report) -> str:
    """The headline without any escaping."""
    return plain_headline(report, "budget.yml")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("1.005", "$1.00"),
        ("1.015", "$1.02"),
        ("2.675", "$2.68"),
        ("0.125", "$0.12"),
        ("0.1250001", "$0.13"),
        ("1234567.891", "$1,234,567.89"),
        ("999.995", "$1,000.00"),
        ("5000", "$5,000.00"),
        ("1E+3", "$1,000.00"),
    ],
)
def test_amounts_are_rounded_half_to_even_cents(amount: str, shown: str) -> None:
    """Half a cent goes to the even cent, as bookkeeping does, and thousands are grouped."""
    assert usd(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "cap", "shown"),
    [
        ("10.004", "10.00", "$10.004"),
        ("10.0000001", "10", "$10.0000001"),
        ("9.996", "10", "$9.996"),
        ("9.99999999", "10", "$9.99999999"),
        ("10", "10.00", "$10.00"),
        ("10.006", "10", "$10.01"),
        ("0.0004", "0", "$0.0004"),
        ("1000.0000000000001", "1000", "$1,000.0000000000001"),
    ],
)
def test_an_amount_never_reads_as_a_cap_that_it_is_not(amount: str, cap: str, shown: str) -> None:
    """As many decimals are shown as it takes to see on which side of the cap it is."""
    assert usd(Decimal(amount), Decimal(cap)) == shown


@given(amount=amounts, cap=amounts)
def test_an_amount_stays_on_its_side_of_the_cap(amount: Decimal, cap: Decimal) -> None:
    """What is above the cap reads above it, what is below reads below it."""
    shown = as_number(usd(amount, cap))
    assert (shown > cap, shown < cap) == (amount > cap, amount < cap)


@pytest.mark.parametrize(("spend", "cap"), [("10.0041", "10.004"), ("10.007", "10.006")])
def test_a_cap_of_fractions_of_a_cent_is_not_rounded_to_the_spend(spend: str, cap: str) -> None:
    """A breach of such a cap shows a spend above the cap that stands beside it."""
    told = spent_of_cap(make_budget(spend=spend, cap=cap, status="breached"), make_report())
    shown, _, shown_cap = re.findall(r"\$[\d.]+", told)
    assert as_number(shown) > as_number(shown_cap)


@given(amount=amounts)
def test_an_amount_is_at_most_half_a_cent_off(amount: Decimal) -> None:
    """Rounding to the cent moves no amount by more than half of one."""
    assert abs(as_number(usd(amount)) - amount) <= Decimal("0.005")


def test_an_amount_without_a_known_limit_is_unknown() -> None:
    """Infinity is no number of dollars."""
    assert usd(bounds("0", "unlimited").high) == "unknown"


def test_a_huge_amount_keeps_all_its_digits() -> None:
    """Not even an amount of thirty digits is cut or shown with an exponent."""
    amount = Decimal("123456789012345678901234567890.125")
    assert usd(amount) == "$123,456,789,012,345,678,901,234,567,890.12"


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        ("5", None, "$5.00"),
        ("5", "7.5", "$5.00 to $7.50"),
        ("5", "unlimited", "at least $5.00"),
        ("5.001", "5.002", "$5.00"),
        ("9.999", "10.001", "$9.999 to $10.001"),
    ],
)
def test_a_range_is_told_as_far_as_it_is_known(low: str, high: str | None, shown: str) -> None:
    """One amount, both ends, or the lower one; around the cap both ends stay apart."""
    assert usd_range(bounds(low, high), Decimal(10)) == shown


@pytest.mark.parametrize(
    ("spend", "cap", "shown"),
    [
        ("6.82", "10", "68.2%"),
        ("6.825", "10", "68.2%"),
        ("6.835", "10", "68.4%"),
        ("10", "10", "100.0%"),
        ("10.0004", "10", "100.004%"),
        ("9.9999", "10", "99.999%"),
        ("0", "10", "0.0%"),
        ("1", "3", "33.3%"),
        ("123456", "1", "12,345,600.0%"),
    ],
)
def test_a_percentage_never_reads_as_the_whole_cap_unless_it_is(
    spend: str, cap: str, shown: str
) -> None:
    """One decimal, half to even, or as many as it takes to differ from 100%."""
    assert percent(make_budget(spend=spend, cap=cap)) == shown


@pytest.mark.parametrize(
    ("high", "shown"),
    [("8.51", "up to 85.1%"), ("12", "up to 120.0%"), ("10.0004", "up to 100.004%")],
)
def test_a_percentage_is_of_what_may_have_been_spent(high: str, shown: str) -> None:
    """Of a range, the share is that of its upper end, and is told as such."""
    assert percent(make_budget(spend="5", high=high, cap="10")) == shown


def test_a_tiny_breach_of_a_large_cap_is_no_hundred_percent() -> None:
    """No precision on the way to the text is too small for the largest cap of a policy."""
    cap = "999999999999999"
    shown = percent(make_budget(spend=f"{cap}.000000000000001", cap=cap))
    assert Decimal(shown.removesuffix("%")) > 100


@pytest.mark.parametrize(
    ("cap", "high"), [("0", None), (None, None), ("10", "unlimited"), ("0", "unlimited")]
)
def test_where_there_is_no_share_a_dash_stands(cap: str | None, high: str | None) -> None:
    """Nothing is a percentage of no cap, of a cap of 0, or without an upper bound."""
    result = make_budget(cap=cap, high=high)
    assert percent(result) == "\N{EN DASH}"
    assert ratio(result) is None


@pytest.mark.parametrize(
    ("spend", "cap", "shown"),
    [
        ("5", "10", "0.5000"),
        ("1", "3", "0.3333"),
        ("10", "10", "1.0000"),
        ("10.0004", "10", "1.00004"),
        ("9.9999", "10", "0.99999"),
        ("12345678", "1", "12345678.0000"),
        ("0", "10", "0.0000"),
    ],
)
def test_the_ratio_has_four_decimals_and_no_commas(spend: str, cap: str, shown: str) -> None:
    """It is read by programs, and reads as 1 only where spend is the cap."""
    assert ratio(make_budget(spend=spend, cap=cap)) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("19.80931125", "19.80931125"),
        ("5000", "5000"),
        ("5000.00", "5000"),
        ("0.10", "0.1"),
        ("0E-9", "0"),
        ("1E+3", "1000"),
        ("1E-12", "0.000000000001"),
        ("100", "100"),
    ],
)
def test_exact_amounts_keep_every_digit(amount: str, shown: str) -> None:
    """Neither an exponent nor zeros that say nothing."""
    assert exact(Decimal(amount)) == shown


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_is_one_printable_line(text: str) -> None:
    """No control, no line break of any kind, no invisible and no direction mark is left."""
    shown = plain(text, 60)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 60


def test_a_cut_text_says_that_it_is_cut() -> None:
    """A text of the length stays whole; a longer one ends in an ellipsis."""
    assert plain("x" * 60, 60) == "x" * 60
    assert plain("x" * 61, 60) == "x" * 59 + "…"


def test_what_was_spent_is_told_beside_the_cap() -> None:
    """Spend, cap and share in one phrase."""
    told = spent_of_cap(make_budget(spend="8.5"), make_report())
    assert told == "$8.50 of its $10.00 cap (85.0%, list prices)"


@pytest.mark.parametrize(
    ("spend", "high", "told"),
    [
        ("2712.40", None, "$2,712.40, $212.40 over its $2,500.00 cap (list prices)"),
        (
            "2712.40",
            "2800",
            "$2,712.40 to $2,800.00, at least $212.40 over its $2,500.00 cap (list prices)",
        ),
        ("2500.004", None, "$2,500.004, $0.004 over its $2,500.00 cap (list prices)"),
    ],
)
def test_a_breach_tells_by_how_much(spend: str, high: str | None, told: str) -> None:
    """The amount above the cap, which is never $0.00."""
    result = make_budget(spend=spend, high=high, cap="2500", status="breached")
    assert spent_of_cap(result, make_report()) == told


def test_spend_without_a_cap_is_told_as_such() -> None:
    """A workspace that only warns has no share of anything."""
    told = spent_of_cap(make_budget(cap=None, status="warning"), make_report())
    assert told == "$5.00 without a cap (list prices)"


def test_the_headline_of_a_good_month_says_so() -> None:
    """The verdict, and the amount."""
    told = say(make_report("ok", make_budget(), spend=bounds("1234.5")))
    assert told == "Within budget: $1,234.50 spent in November (list prices); the cap holds."


def test_the_headline_of_a_warning_names_the_budget() -> None:
    """The verdict, and what is near its cap."""
    told = say(make_report("warning", make_budget("staging", "8.5", status="warning")))
    assert told == (
        "Warning: staging has spent $8.50 of its $10.00 cap (85.0%, list prices). "
        "Slow down, or raise the cap (budget.yml:4)."
    )


def test_the_headline_of_a_breach_says_what_to_do() -> None:
    """The verdict, the budget, by how much, and where the cap stands."""
    told = say(make_report("breached", make_budget("production", "12", status="breached")))
    assert told == (
        "Budget breached: production has spent $12.00, $2.00 over its $10.00 cap (list prices). "
        "Spend less, or raise the cap (budget.yml:4)."
    )


def test_the_headline_of_an_uncertain_month_says_what_to_look_at() -> None:
    """That nothing is decided comes first, then what leaves it open."""
    told = say(make_report("uncertain", make_budget("lab", "8", high="12", status="uncertain")))
    assert told == (
        "Undecided: lab has spent $8.00 to $12.00 of its $10.00 cap (up to 120.0%, list prices). The cap "
        "lies in between. The API does not report all that the price depends on (see notes)."
    )


def test_the_headline_of_a_month_with_bounded_usage_leads_to_the_notes() -> None:
    """Where usage without a price leaves the month open, the notes say which, and what helps."""
    lab = make_budget("lab", "8", high="12", status="uncertain")
    notes = (
        Note("info", "range", "A range."),
        Note("warning", "unpriced_bounded", "Some tokens have no price."),
    )
    told = say(make_report("uncertain", lab, notes=notes))
    assert told.endswith(
        " (up to 120.0%, list prices). The cap lies in between. Some usage has no price (see notes)."
    )


def test_the_headline_of_an_unverified_month_says_why() -> None:
    """That spend is not determined comes first, then the first error in its own words."""
    notes = (Note("info", "range", "Not this."), Note("error", "http_401", "The key is wrong."))
    told = say(make_report("unverified", spend=None, notes=notes))
    assert told == "Spend unknown: The key is wrong."


def test_an_unverified_month_without_a_reason_still_has_a_headline() -> None:
    """Nothing follows where nothing is known."""
    told = say(make_report("unverified", spend=None))
    assert told == "Spend unknown."


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, ""),
        (2, "b1"),
        (3, "b1, b2"),
        (6, "b1, b2, b3, b4, b5"),
        (8, "b1, b2, b3, b4, b5 and 2 more"),
    ],
)
@pytest.mark.parametrize("status", ["breached", "warning", "uncertain"])
def test_the_headline_names_other_budgets(count: int, told: str, status: Status) -> None:
    """Up to five others of the same status by name, the rest by number, and none where there is one."""
    high = "13" if status == "uncertain" else None
    others = [
        make_budget(f"b{number}", "9" if high else "12", high=high, status=status)
        for number in range(count)
    ]
    also = {
        "breached": "Also breached",
        "warning": "Also at a warning level",
        "uncertain": "Also undecided",
    }[status]
    alone = say(make_report(status, others[0]))
    whole = say(make_report(status, *others, make_budget("fine")))
    assert whole == (f"{alone} {also}: {told}." if told else alone)


def test_names_in_the_headline_are_escaped() -> None:
    """Those of the other budgets as that of the first."""
    worst = [make_budget(name, "12", status="breached") for name in ("a", "b", "c")]
    report = make_report("breached", *worst)
    told = headline(report, "budget.yml:{}".format, name=lambda text: f"<{text}>", prose=str)
    assert told.startswith("Budget breached: <a> has spent ")
    assert told.endswith(" Also breached: <b>, <c>.")


@pytest.mark.parametrize(
    ("status", "advice"), [("breached", "Spend less"), ("warning", "Slow down")]
)
@pytest.mark.parametrize("cap", ["10", None])
def test_an_unlisted_workspace_is_to_get_a_cap_of_its_own(
    status: Status, advice: str, cap: str | None
) -> None:
    """The line of `unlisted` is that of all of them, so it is not to be raised for one."""
    cap = "10" if status == "breached" else cap
    lab = make_budget("lab", "12", cap, status=status, id="unlisted.wrkspc_01LAB")
    told = say(make_report(status, lab))
    assert told.endswith(
        f". {advice}, or give it a cap of its own under workspaces (budget.yml:4)."
    )


@pytest.mark.parametrize("status", ["ok", "warning", "uncertain", "breached"])
def test_a_partial_month_says_so_first(status: Status) -> None:
    """Whatever the verdict: it is on a part of the month."""
    note = Note("warning", "partial", "A part is missing.")
    result = make_budget(spend="12", status=status)
    partial = "PARTIAL (saved pages leave out part of the month). "
    whole = say(make_report(status, result))
    assert say(make_report(status, result, notes=(note,))) == f"{partial}{whole}"
    assert "PARTIAL" not in whole


def test_a_partial_month_that_was_let_pass_says_both() -> None:
    """NOT ENFORCED comes before all else."""
    note = Note("warning", "partial", "A part is missing.")
    result = make_budget(spend="12", status="breached")
    told = say(make_report("breached", result, notes=(note,), enforced=False))
    assert told.startswith(
        "NOT ENFORCED (fail-on: never). PARTIAL (saved pages leave out part of the month). "
        "Budget breached: "
    )


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("breached", "fail-on: never"),
        ("uncertain", "on-error: warn"),
        ("unverified", "on-error: warn"),
    ],
)
def test_a_run_that_was_let_pass_says_so_first(status: Status, why: str) -> None:
    """NOT ENFORCED, and which setting let it pass, before the verdict."""
    result = make_budget(spend="12", status=status)
    told = say(make_report(status, result, enforced=False))
    assert told.startswith(f"NOT ENFORCED ({why}). ")


@pytest.mark.parametrize("status", STATUSES)
def test_an_enforced_run_does_not_say_unenforced(status: Status) -> None:
    """The word is for runs that were let pass alone."""
    assert "NOT ENFORCED" not in say(make_report(status, make_budget(spend="12", status=status)))


def test_a_warning_for_uncertain_spend_does_not_say_within_budget() -> None:
    """Where spend may be above the cap, by `spend.uncertain: warn`, no word says that it is not."""
    told = say(make_report("warning", make_budget(spend="8", high="12", status="warning")))
    assert "Within budget" not in told
    assert told == (
        "Possibly over budget: production has spent $8.00 to $12.00 of its $10.00 cap "
        "(up to 120.0%, list prices). Slow down, or raise the cap (budget.yml:4)."
    )


@pytest.mark.parametrize(
    ("discount", "overrides", "told"),
    [
        ("0", (), "list prices"),
        ("0.1", (), "list prices less 10%"),
        ("0.3333", (), "list prices less 33.33%"),
        ("0", ("a",), "list prices, own prices for 1 model"),
        ("0.10", ("a", "b"), "list prices less 10%, own prices for 2 models"),
        ("1", ("a",), "list prices less 100%, own prices for 1 model"),
    ],
)
def test_the_prices_of_a_cost_are_told(
    discount: str, overrides: tuple[str, ...], told: str
) -> None:
    """List prices, and what the policy changes of them."""
    prices = PriceFacts(date(2026, 11, 20), overrides, Decimal(discount))
    assert price_basis(make_report(prices=prices)) == told


def test_without_prices_there_is_nothing_to_tell_of_them() -> None:
    """Spend that could not be read was not priced."""
    assert price_basis(make_report(prices=None)) == ""


def test_only_an_unverified_report_tells_its_reason_in_the_headline() -> None:
    """Elsewhere an error is listed with the other notes."""
    note = Note("error", "unpriced", "Some tokens have no price.")
    assert told_reason(make_report("unverified", notes=(note,))) is note
    assert told_reason(make_report("breached", notes=(note,))) is None


@pytest.mark.parametrize(
    ("basis", "billed_days", "told"),
    [
        ("list", 0, "list prices less 10%"),
        ("billed", 0, "list prices less 10%: no day is settled yet"),
        ("billed", 1, "1 day as billed, 1 at list prices less 10%"),
        ("billed", 2, "as billed"),
    ],
)
def test_list_cost_less_a_discount_is_called_so_in_the_headline(
    basis: Basis, billed_days: int, told: str
) -> None:
    """Of two days, as many as billed as are settled."""
    report = make_report(
        prices=PriceFacts(date(2026, 11, 10), (), Decimal("0.1")),
        basis=basis,
        coverage=COVERAGE._replace(billed_days=billed_days),
        days=[DaySpend(date(2026, 11, day), bounds("1")) for day in (1, 2)],
    )
    assert cost_name(report) == told
