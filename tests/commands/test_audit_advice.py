"""What an audit says is to be done about lines that do not agree: each advice is followed, and helps."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.helpers.bills import ALPHA
from tests.helpers.builders import MILLION
from tests.helpers.running import NOW, Here, Run
from tests.helpers.wording import assert_says
from tests.world.billing import Charge, bill_of
from tests.world.loopback import LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5"
CAP = "version: 1\nglobal: {cap: 1000, forecast: off}\n"
# By the price page, in USD per million tokens.
CARD = {
    "input": Fraction(4),
    "cache_write_5m": Fraction(5),
    "cache_write_1h": Fraction(8),
    "cache_read": Fraction(1, 5),
    "output": Fraction(20),
}


def day(number: int, model: str = OPUS, share: Fraction = Fraction(1)) -> Usage:
    """A million output tokens, or a part of them, some days ago."""
    at = NOW.replace(hour=9) - timedelta(days=number)
    return Usage(at, ALPHA, model, output=int(MILLION * share))


# $20 of Opus and $10 of Sonnet on each of three full days, at list price.
DAYS = [day(number, model) for number in (2, 3, 4) for model in (OPUS, SONNET)]


def organization(usage: list[Usage] = DAYS) -> Organization:
    """An organization of one workspace."""
    return Organization(usage, [Workspace(ALPHA, "alpha")])


def changed(is_changed: Callable[[Charge], bool], **factors: Fraction) -> list[Charge]:
    """The bill at list price, with the `usd` and `list_usd` of some charges times a factor."""
    return [
        replace(it, **{name: getattr(it, name) * factor for name, factor in factors.items()})
        if is_changed(it)
        else it
        for it in bill_of(organization())
    ]


def opus(charge: Charge) -> bool:
    """Whether it is a charge of Opus."""
    return charge.model == OPUS


def two_days_ago(charge: Charge) -> bool:
    """Whether it is Opus of the latest day."""
    return opus(charge) and charge.day == day(2).day


def run(
    here: Here,
    bill: list[Charge],
    *flags: str,
    policy: str = CAP,
    command: str = "audit",
    usage: list[Usage] = DAYS,
) -> Run:
    """What a command says of an organization and its bill."""
    with LoopbackAPI(organization(usage), bill=bill, now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        return here.main(command, *flags, policy=policy, now=NOW)


def own_price(factor: Fraction) -> str:
    """A policy with the price of Opus times a factor."""
    rates = ", ".join(f"{name}: {float(rate * factor):.4f}" for name, rate in CARD.items())
    return f"{CAP}prices: {{models: {{{OPUS}: {{{rates}}}}}}}\n"


def advice(found: Run) -> list[str]:
    """The sentences between the verdict and the sums."""
    assert found.code == 1
    return [line.strip() for line in found.stdout.splitlines()[1:]][
        : found.stdout.splitlines()[1:].index("")
    ]


def test_a_discount_of_one_model_is_put_under_its_prices(here: Here) -> None:
    """12.5% off Opus alone."""
    bill = changed(opus, usd=Fraction(7, 8))
    (told,) = advice(run(here, bill))
    assert_says(told, "single models", f"{OPUS} (12.5%)", "prices.discount", "prices.models")
    assert run(here, bill, policy=own_price(Fraction(7, 8))).code == 0


def test_what_is_not_billed_at_all_is_no_discount(here: Here) -> None:
    """A price of 0 would agree with the bill, and then no cap would see what is used."""
    found = run(here, changed(opus, usd=Fraction(0)))
    assert found.code == 1
    said = " ".join(advice(found))
    assert_says(said, f"Not billed at all: {OPUS}", "ask the provider")
    assert "100%" not in said
    assert "prices.models" not in said
    assert run(here, bill_of(organization())).code == 0


def billed(here: Here, bill: list[Charge]) -> Any:
    """The spend of a check that goes by what was billed."""
    policy = f"{CAP}spend: {{basis: billed}}\n"
    return run(here, bill, "--format", "json", policy=policy, command="check").report["spend"]


def test_discounts_that_no_price_has_are_judged_as_billed(here: Here) -> None:
    """5% and 10% off Opus on two of three days: $19, $18 and $20, and $30 of Sonnet."""
    shares = {day(2).day: Fraction(19, 20), day(3).day: Fraction(18, 20)}
    bill = [
        replace(it, usd=it.usd * shares.get(it.day, Fraction(1))) if opus(it) else it
        for it in bill_of(organization())
    ]
    (told,) = advice(run(here, bill))
    assert_says(told, "differ from line to line", OPUS, "spend.basis: billed")
    assert billed(here, bill) == {"low": "87", "high": "87"}


def test_usage_that_is_late_agrees_later(here: Here) -> None:
    """A fifth of a day's tokens is not in the usage report yet, and then it is."""
    late = [day(2, share=Fraction(4, 5)) if it == day(2) else it for it in DAYS]
    bill = bill_of(organization())
    (told,) = advice(run(here, bill, usage=late))
    assert_says(told, "more was billed", f"{OPUS} (+25.0%)", "no price or discount")
    assert_says(told, "run the audit again later", "spend.basis: billed")
    assert run(here, bill).code == 0
    assert billed(here, bill) == {"low": "90", "high": "90"}


def test_costs_that_are_late_agree_later(here: Here) -> None:
    """A tenth of a day is not in the bill yet, before and after discounts, and then it is."""
    bill = changed(two_days_ago, usd=Fraction(9, 10), list_usd=Fraction(9, 10))
    found = run(here, bill)
    (told,) = advice(found)
    assert_says(told, "less was billed", f"{OPUS} (-10.0%)", "no price or discount")
    assert_says(told, "another organization", "run the audit again later", "spend.basis: billed")
    assert_says(found.stdout, "-$2.00 other counts", "-$2.00 other counts")
    assert run(here, bill_of(organization())).code == 0


def test_no_price_makes_other_counts_agree(here: Here) -> None:
    """What is told of them: neither the discount nor the price by which that day would agree."""
    bill = changed(two_days_ago, usd=Fraction(9, 10), list_usd=Fraction(9, 10))
    assert run(here, bill, policy=own_price(Fraction(9, 10))).code == 1
    assert run(here, bill, policy=f"{CAP}prices: {{discount: 10%}}\n").code == 1


def test_another_list_price_is_put_under_the_prices(here: Here) -> None:
    """The provider lists Opus at 130% on every day."""
    bill = changed(opus, usd=Fraction(13, 10), list_usd=Fraction(13, 10))
    (told,) = advice(run(here, bill))
    assert_says(told, "list price is another one", f"{OPUS} (+30.0%)", "prices.models")
    assert_says(told, "update budget-gate")
    assert run(here, bill, policy=own_price(Fraction(13, 10))).code == 0


@pytest.mark.parametrize("is_price", [True, False])
def test_one_line_may_have_another_price_or_other_counts(here: Here, *, is_price: bool) -> None:
    """It has no other to be held against; both ways that are told are tried."""
    usage = [it for it in DAYS if not (it.model == OPUS and it != day(2))]
    bill = [
        it
        for it in changed(opus, usd=Fraction(5, 4), list_usd=Fraction(5, 4))
        if not opus(it) or two_days_ago(it)
    ]
    (told,) = advice(run(here, bill, usage=usage))
    assert_says(told, "another list price, or other counts", f"{OPUS} (+25.0%)", "Console")
    assert_says(told, "prices.models", "run the audit again later")
    if is_price:
        assert run(here, bill, usage=usage, policy=own_price(Fraction(5, 4))).code == 0
    else:
        whole = [replace(it, output=it.output * 5 // 4) if it == day(2) else it for it in usage]
        assert run(here, bill, usage=whole).code == 0


def test_more_than_the_providers_own_list_price_is_asked_about(here: Here) -> None:
    """130% of what the provider itself lists: an update of prices would change nothing."""
    bill = changed(opus, usd=Fraction(13, 10))
    (told,) = advice(run(here, bill))
    assert_says(told, "above the provider's own list price", OPUS, "ask the provider")
    assert "update" not in told
    assert run(here, bill, policy=own_price(Fraction(13, 10))).code == 0


def test_a_discount_of_all_is_told_beside_counts_of_one_day(here: Here) -> None:
    """10% off everything, and a day that lacks a tenth: each with its own remedy."""
    bill = [
        replace(it, usd=it.usd * Fraction(9, 10))
        for it in changed(two_days_ago, usd=Fraction(9, 10), list_usd=Fraction(9, 10))
    ]
    discount, counts = advice(run(here, bill))
    assert_says(discount, "most lines", "less 10%", "prices.discount: 10%")
    assert_says(counts, "less was billed", f"{OPUS} (-10.0%)")
    policy = f"{CAP}prices: {{discount: 10%}}\n"
    (left,) = advice(run(here, bill, policy=policy))
    assert left == counts


def test_json_tells_what_the_provider_says_before_discounts(here: Here) -> None:
    """Exact amounts, and a discount for each line."""
    bill = changed(opus, usd=Fraction(7, 8))
    told = run(here, bill, "--format", "json").report
    assert told["model_discounts"] == [{"model": OPUS, "discount": "12.5%"}]
    lines = {line["model"]: line for line in told["lines"]}
    names = ("billed", "list_amount", "list_drift", "discount", "differs")
    assert [lines[OPUS][name] for name in names] == ["17.5", "20", "0", "12.5%", None]
    assert [lines[SONNET][name] for name in names] == ["10", "10", "0", "0%", None]


def test_the_cost_report_says_nothing_before_discounts(here: Here) -> None:
    """Then the lines are all that a discount can be seen by, as before."""
    bill = bill_of(organization(), discount=Fraction(1, 8))
    with LoopbackAPI(organization(), bill=bill, now=NOW, refuse={"analytics/cost": 404}) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        told = here.main("audit", "--format", "json", policy=CAP, now=NOW).report
    assert told["discount"] == "12.5%"
    assert {(line["list_amount"], line["discount"]) for line in told["lines"]} == {(None, None)}
