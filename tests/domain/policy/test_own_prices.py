"""A policy's own prices beside the list prices: what is refused, what is noted, what the headline says."""

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from budget_gate.domain.notes import Note
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import list_spend
from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.domain.verdict.results import Status
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.report.github import render_annotations
from budget_gate.outputs.report.markdown import render_markdown
from budget_gate.outputs.report.text import render_text
from budget_gate.sources.files.documents import load_policy
from tests.helpers.builders import (
    MILLION,
    book,
    book_with,
    bounds,
    cost_of,
    errors_of,
    key,
    usage_of,
)
from tests.helpers.paths import PRICES
from tests.helpers.reports import make_budget, make_report
from tests.helpers.running import NOW, Here
from tests.helpers.wording import assert_says, notes_with
from tests.world.loopback import LoopbackAPI, Organization
from tests.world.oracle import Usage

RATES = {
    "input": "4",
    "cache_write_5m": "5",
    "cache_write_1h": "8",
    "cache_read": "0.2",
    "output": "20",
}


def card(**rates: str) -> str:
    """Claude Opus 5.5 at its list prices, but for those given."""
    return ", ".join(f"{name}: {rate}" for name, rate in {**RATES, **rates}.items())


def loaded(folder: Path, models: str) -> PolicyFile:
    """The policy with those own prices, read as a file."""
    path = folder / "budget.yml"
    path.write_text(
        f"version: 1\nglobal: {{cap: 1}}\nprices:\n  models:\n{models}", encoding="utf-8"
    )
    return load_policy(path, "budget.yml")


def refused(folder: Path, models: str) -> ConfigurationError:
    """The error of that policy."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, models)
    assert caught.value.file == "budget.yml"
    return caught.value


# Prices per token


def test_price_per_token_is_an_error(tmp_path: Path) -> None:
    """4 dollars a million tokens as other tables have them, 0.000004 a token, would cost nothing."""
    error = refused(tmp_path, f"    claude-opus-5-5:\n      {{{card(input='0.000004')}}}\n")
    (told,) = errors_of(error)
    assert told == (
        "budget.yml:6:8: prices.models.claude-opus-5-5.input: 0.000004 is no more than a thousandth "
        "of 4, the highest list price: prices are in USD per million tokens"
    )
    assert error.problems[0].hint == "write 4 if 0.000004 is the price of one token"
    loaded(tmp_path, f"    claude-opus-5-5:\n      {{{card(input='4')}}}\n")


def test_every_price_per_token_is_told_at_once(tmp_path: Path) -> None:
    """In the order of their lines, with what each should be."""
    rates = {name: f"{Decimal(rate).scaleb(-6):f}" for name, rate in RATES.items()}
    hints = [
        it.hint for it in refused(tmp_path, f"    claude-opus-5-5: {{{card(**rates)}}}\n").problems
    ]
    assert hints == [
        f"write {RATES[name]} if {rates[name]} is the price of one token" for name in RATES
    ]


@pytest.mark.parametrize("name", ["claude-opus-5-5-20260922", "claude-opus-5-5"])
@pytest.mark.parametrize(("rate", "fine"), [("0.004", False), ("0.0040001", True), ("0", True)])
def test_the_limit_is_a_thousandth_of_the_list_price(
    tmp_path: Path, name: str, rate: str, *, fine: bool
) -> None:
    """Of 4 dollars: 0.004 must be per 1,000 tokens, what is above is allowed, and so is nothing."""
    models = f"    {name}: {{{card(input=rate)}}}\n"
    if fine:
        loaded(tmp_path, models)
    else:
        assert len(refused(tmp_path, models).problems) == 1


def test_both_readings_of_a_price_are_offered(tmp_path: Path) -> None:
    """Which of both tables it is from, only its author knows."""
    (problem,) = refused(tmp_path, f"    claude-x: {{{card(input='0.004')}}}\n").problems
    assert problem.hint == (
        "write 4 if 0.004 is the price of 1,000 tokens, or 4000 if 0.004 is the price of one token"
    )


with PRICES.open(encoding="utf-8", newline="") as _file:
    LIST_PRICES = tuple(csv.DictReader(_file))


@pytest.mark.parametrize("name", RATES)
def test_an_unknown_model_may_cost_what_any_model_costs(tmp_path: Path, name: str) -> None:
    """The price page's cheapest and dearest are fine, and no price per 1,000 tokens of it is."""
    rates = [Decimal(row[name]) for row in LIST_PRICES]
    for rate in (min(rates), max(rates)):
        loaded(tmp_path, f"    claude-x: {{{card(**{name: f'{rate:f}'})}}}\n")
    for rate in (min(rates), max(rates)):
        models = f"    claude-x: {{{card(**{name: f'{rate.scaleb(-3):f}'})}}}\n"
        (problem,) = refused(tmp_path, models).problems
        assert problem.key == f"prices.models.claude-x.{name}"
        assert f"write {rate.normalize():f} if" in problem.hint


@pytest.mark.parametrize(
    ("days", "fine"), [("until: 2026-10-07", False), ("from: 2026-10-07", True)]
)
def test_list_prices_are_those_of_the_days_of_the_card(
    tmp_path: Path, days: str, *, fine: bool
) -> None:
    """A cache read of Claude Sonnet 5.5 cost 0.2, and 0.1 from 7 October on: 0.00015 is between."""
    models = f"    claude-sonnet-5-5: [{{{days}, {card(cache_read='0.00015')}}}]\n"
    if fine:
        loaded(tmp_path, models)
    else:
        (error,) = errors_of(refused(tmp_path, models))
        assert "prices.models.claude-sonnet-5-5.0.cache_read: 0.00015 is no more than" in error


def test_price_before_the_first_list_price_is_held_against_it(tmp_path: Path) -> None:
    """A card whose days the list does not have is no reason to take a price per token."""
    models = f"    claude-opus-5-5: {{until: 2026-01-01, {card(input='0.000004')}}}\n"
    assert len(refused(tmp_path, models).problems) == 1


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-x"])
def test_long_context_is_looked_at_as_well(tmp_path: Path, model: str) -> None:
    """Its rates are per million tokens, too."""
    long = f"long_context: {{above: 200000, {card(output='0.0000025')}}}"
    (problem,) = refused(tmp_path, f"    {model}: {{{card()}, {long}}}\n").problems
    assert problem.key == f"prices.models.{model}.long_context.output"
    assert problem.hint == "write 2.5 if 0.0000025 is the price of one token"


@pytest.mark.parametrize("name", ["batch", "fast", "fast_long_context", "us"])
@pytest.mark.parametrize(("factor", "fine"), [("0.0099", False), ("0.01", True), ("0", True)])
def test_factor_near_nothing_is_an_error(
    tmp_path: Path, name: str, factor: str, *, fine: bool
) -> None:
    """No price list has a factor below a hundredth; 0 says that such usage costs nothing."""
    models = f"    claude-x: {{{card()}, {name}: {factor}}}\n"
    if fine:
        loaded(tmp_path, models)
    else:
        (problem,) = refused(tmp_path, models).problems
        assert problem.key == f"prices.models.claude-x.{name}"
        assert problem.message == "0.0099 is too low for a factor on the rates"


def test_two_own_prices_of_one_model_are_an_error(tmp_path: Path) -> None:
    """Under its id and under its alias a model has one price, and which of two is not guessed."""
    models = [
        f"    {name}: {{{card()}}}\n" for name in ("claude-haiku-4-5", "claude-haiku-4-5-20251001")
    ]
    error = refused(tmp_path, "".join(models))
    (told,) = errors_of(error)
    assert told == (
        "budget.yml:6:5: prices.models.claude-haiku-4-5-20251001: is the same model as "
        "claude-haiku-4-5"
    )
    assert error.problems[0].hint == "keep one of the two"
    loaded(tmp_path, models[0])


@pytest.mark.parametrize("command", ["check", "audit", "doctor"])
def test_every_command_refuses_a_price_per_token(here: Here, command: str) -> None:
    """With the place, before anything is asked for."""
    prices = f"prices: {{models: {{claude-opus-5-5: {{{card(input='0.000004')}}}}}}}\n"
    run = here.main(command, policy=f"version: 1\nglobal: {{cap: 5}}\n{prices}", now=NOW)
    assert run.code == 2
    assert (
        "budget.yml:3:37: prices.models.claude-opus-5-5.input: 0.000004" in run.stdout + run.stderr
    )
    assert "USD per million tokens" in run.stdout + run.stderr


# Notes


def notes(prices: str, *rows: tuple[str, int], code: str) -> list[Note]:
    """The notes of that code on the output tokens of some models, under a policy's prices."""
    usage = usage_of([(key(model), Tokens(output=output)) for model, output in rows])
    spend = list_spend(price(usage, book_with(prices)), unknown_model="fail")
    return notes_with(spend.notes, code)


@pytest.mark.parametrize(
    "zero",
    ["output: 0", "batch: 0", "us: 0", "fast: 0", f"long_context: {{above: 1, {card(input='0')}}}"],
)
def test_price_of_nothing_is_noted(zero: str) -> None:
    """A rate or a factor of 0 is allowed, and the models that have one are named."""
    rates = card(output="0") if zero == "output: 0" else f"{card()}, {zero}"
    found = notes(
        f"{{models: {{claude-x: {{{rates}}}, claude-y: {{{card()}}}}}}}", code="free_price"
    )
    assert found == [Note("info", "free_price", "prices.models has a price of 0 for claude-x.")]


@pytest.mark.parametrize(
    ("rates", "below"),
    [
        (card(), False),
        (card(output="20.1"), False),
        (card(output="19.99"), True),
        (card(cache_read="0.19"), True),
        (card(output="0"), True),
    ],
)
def test_own_prices_below_list_are_noted(rates: str, *, below: bool) -> None:
    """Where the model was used, in whichever class the price is lower."""
    prices = f"{{models: {{claude-opus-5-5: {{{rates}}}, claude-x: {{{card()}}}}}}}"
    found = notes(prices, ("claude-opus-5-5", 5), ("claude-x", 5), code="below_list")
    message = "Priced below list price, by the policy: claude-opus-5-5."
    assert found == [Note("warning", "below_list", message)] * below
    assert notes(prices, ("claude-opus-5-5", 0), ("claude-x", 5), code="below_list") == []


def test_own_factor_below_list_is_noted() -> None:
    """Inference in the US costs 1.1 times as much by the list."""
    prices = f"{{models: {{claude-opus-5-5: {{{card()}, us: 1}}}}}}"
    usage = usage_of([(key(geo="us"), Tokens(output=5))])
    spend = list_spend(price(usage, book_with(prices)), unknown_model="fail")
    assert "below_list" in [note.code for note in spend.notes]


SHORT = "claude-haiku-5-5"
HAIKU = (
    "input: 0.1, cache_write_5m: 0.125, cache_write_1h: 0.2, cache_read: 0.01, output: 0.5, us: 1"
)
LONG = "input: 0.5, cache_write_5m: 0.625, cache_write_1h: 1, cache_read: 0.05, output: 2.5"


@pytest.mark.parametrize(
    ("own", "usage", "listed", "cost"),
    [
        # The list has 0.5, and 2.5 above 100,000 tokens, which no window of a report tells apart.
        (HAIKU, key(SHORT, window=None), ("0.5", "2.5"), ("0.5", "0.5")),
        (HAIKU, key(SHORT), ("0.5", "2.5"), ("0.5", "0.5")),
        (HAIKU, key(SHORT, window="200k-1M"), ("2.5", "2.5"), ("0.5", "0.5")),
        (
            f"{HAIKU}, long_context: {{above: 200000, {LONG}}}",
            *(key(SHORT), ("0.5", "2.5"), ("0.5", "0.5")),
        ),
        (
            f"{HAIKU}, long_context: {{above: 100000, {LONG.replace('2.5', '2.4')}}}",
            *(key(SHORT, window=None), ("0.5", "2.5"), ("0.5", "2.4")),
        ),
        # Above the low end and below the high one.
        (HAIKU.replace("0.5,", "1.5,"), key(SHORT), ("0.5", "2.5"), ("1.5", "1.5")),
        # Fast costs twice as much, and the US 1.1 times: here the report does not say.
        (card(), key(speed=None), ("20", "40"), ("20", "20")),
        (f"{card()}, fast: 1.9", key(speed=None), ("20", "40"), ("20", "38")),
        (f"{card()}, us: 1", key(geo=None), ("20", "22"), ("20", "20")),
        (f"{card()}, batch: 0.4", key(tier="batch"), ("10", "10"), ("8", "8")),
    ],
)
def test_own_prices_that_leave_out_what_makes_the_list_dearer_are_noted(
    own: str, usage: UsageKey, listed: tuple[str, str], cost: tuple[str, str]
) -> None:
    """A million output tokens may cost less by them, at the high end of the range at least."""
    prices = book_with(f"{{models: {{{usage.model}: {{{own}}}}}}}")
    tokens = Tokens(output=MILLION)
    assert cost_of(book(), usage, tokens) == bounds(*listed)
    assert cost_of(prices, usage, tokens) == bounds(*cost)
    spend = list_spend(price(usage_of([(usage, tokens)]), prices), unknown_model="fail")
    (note,) = notes_with(spend.notes, "below_list")
    assert note.level == "warning"
    assert_says(note.message, "below list price", str(usage.model))


@pytest.mark.parametrize("window", [None, "0-200k", "200k-1M"])
@pytest.mark.parametrize(
    "own",
    [
        f"{HAIKU}, long_context: {{above: 100000, {LONG}}}",
        # For every length as much as for the longest.
        f"{LONG}, us: 1",
    ],
)
def test_own_prices_at_which_no_prompt_costs_less_are_not_noted(
    own: str, window: str | None
) -> None:
    """Whether the report tells the prompt's length or not."""
    prices = book_with(f"{{models: {{{SHORT}: {{{own}}}}}}}")
    usage = usage_of([(key(SHORT, window=window), Tokens(output=MILLION))])
    spend = list_spend(price(usage, prices), unknown_model="fail")
    assert "below_list" not in [note.code for note in spend.notes]


@pytest.mark.parametrize(("discount", "told"), [("49.99%", []), ("50%", ["50"]), ("100%", ["100"])])
def test_deep_discount_is_noted(discount: str, told: list[str]) -> None:
    """From half of the price on; a smaller one stands among the other notes."""
    found = notes(f"{{discount: {discount}}}", ("claude-opus-5-5", 5), code="deep_discount")
    assert [note.message for note in found] == [
        f"Priced with a {percent}% discount set in the policy." for percent in told
    ]


# The headline

CAVEAT = Note("warning", "deep_discount", "Priced with a 60% discount set in the policy.")


def test_headline_tells_what_makes_spend_look_small() -> None:
    """In the first line of the text and in bold in the summary, and not once more among the notes."""
    other = Note("info", "discount", "60% is taken off.")
    report = make_report("ok", make_budget("lab", "8"), notes=(other, CAVEAT))
    text = render_text(report, "budget.yml", colour=False)
    assert text.splitlines()[0].endswith(" holds. Priced with a 60% discount set in the policy.")
    assert text.count("60% discount") == 1
    assert other.message in text
    summary = render_markdown(report, "budget.yml")
    assert summary.splitlines()[2].endswith("Priced with a 60% discount set in the policy.**")
    assert summary.count("60% discount") == 1


@pytest.mark.parametrize("status", ["ok", "breached"])
def test_first_annotation_tells_what_makes_spend_look_small(status: Status) -> None:
    """Whatever the verdict is, so that who reviews a change of the policy sees it."""
    report = make_report(status, make_budget("lab", "11", status=status), notes=(CAVEAT,))
    first, *rest = render_annotations(report, "budget.yml").splitlines()
    assert (
        first == f"::notice file=budget.yml,title=budget-gate::{CAVEAT.message.replace('%', '%25')}"
    )
    assert len(rest) == (status == "breached")


def test_what_names_bring_is_escaped_in_the_headline() -> None:
    """A model is called as the provider likes."""
    note = Note("warning", "below_list", "Priced below list price, by the policy: <b>x</b>.")
    summary = render_markdown(
        make_report("ok", make_budget("lab", "8"), notes=(note,)), "budget.yml"
    )
    assert "<b>" not in summary


def test_a_run_at_an_own_price_without_long_context_says_so_first(here: Here) -> None:
    """A long prompt of a million tokens costs 0.50 by the list and 0.10 by the policy, whose cap holds then."""
    usage = Usage(
        *(NOW - timedelta(days=1), None, SHORT),
        context_window="200k-1M",
        uncached=MILLION,
    )
    cap = "version: 1\nglobal: {cap: 0.4, forecast: off}\n"
    with LoopbackAPI(Organization([usage], []), now=NOW) as api:
        listed = here.check(api, policy=cap)
        own = here.check(api, policy=f"{cap}prices: {{models: {{{SHORT}: {{{HAIKU}}}}}}}\n")
    assert (listed.code, own.code) == (1, 0)
    assert_says(own.stdout.splitlines()[0], "below list price", SHORT)


@pytest.mark.parametrize(("cap", "told"), [("20", False), ("20.01", True)])
def test_exception_above_twice_its_cap_is_told(here: Here, cap: str, *, told: bool) -> None:
    """Of a regular cap of 10 dollars, in the headline of the run and among the report's notes."""
    usage = Usage(NOW - timedelta(days=1), None, "claude-opus-5-5", output=MILLION // 10)
    policy = (
        "version: 1\nglobal: {cap: 10, forecast: off}\n"
        f"exceptions: [{{budget: global, cap: {cap}, until: 2026-12-31, reason: launch}}]\n"
    )
    with LoopbackAPI(Organization([usage], []), now=NOW) as api:
        run = here.check(api, policy=policy, now=NOW)
        report = here.check(api, "--format", "json", now=NOW).report
    sentence = "An exception more than doubles the cap of organization."
    assert (sentence in run.stdout.splitlines()[0]) is told
    assert ("large_exception" in [note["code"] for note in report["notes"]]) is told


def test_run_under_a_deep_discount_says_so_first(here: Here) -> None:
    """60 percent off 2,000 dollars is within a cap of 1,000, and the first line says why."""
    usage = Usage(NOW - timedelta(days=1), None, "claude-opus-5-5", output=100 * MILLION)
    policy = "version: 1\nglobal: {cap: 1000, forecast: off}\nprices: {discount: 60%}\n"
    with LoopbackAPI(Organization([usage], []), now=NOW) as api:
        run = here.check(api, policy=policy, now=NOW)
    assert run.code == 0
    first = run.stdout.splitlines()[0]
    assert "$800.00" in first
    assert first.endswith("Priced with a 60% discount set in the policy.")
