"""What `doctor` says of models that may be used: which have no price, by whichever name."""

from collections.abc import Iterable
from datetime import date

import pytest

from budget_gate.domain.health import NAMED, Finding
from budget_gate.domain.model_health import check_models
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.pricing import UnknownModel
from tests.helpers.builders import book, book_with
from tests.helpers.wording import assert_says

DAY = date(2026, 11, 20)
CARD = "input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1"


def found(
    *names: str, prices: PriceBook | None = None, unknown_model: UnknownModel = "fail"
) -> list[Finding]:
    """The findings about these models."""
    return list(check_models(names, prices or book(), DAY, unknown_model))


def unpriced(findings: Iterable[Finding]) -> list[str]:
    """The models that warnings name, without those that only `update` helps."""
    names: list[str] = []
    for it in findings:
        if it.level == "warning":
            names += it.message.rpartition(": ")[2].split(", ")
    return names


@pytest.mark.parametrize(
    "names",
    [
        # An id with and without its date, and aliases, of https://platform.claude.com/docs/en/about-claude/models
        ("claude-opus-5-5", "claude-opus-5-5-20260922"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("claude-haiku-4-5",),
        # Aliases that no list has, of models that are known.
        ("claude-opus-5-5", "claude-opus-5-5-latest"),
        ("claude-opus-5-5-latest",),
        ("claude-opus-5-5", "claude-opus-latest"),
        ("claude-sonnet-4-5-latest",),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5-latest"),
    ],
)
def test_a_model_that_is_known_needs_no_warning(names: tuple[str, ...]) -> None:
    """By any of its names: usage is reported under an id that has a price."""
    (finding,) = found(*names)
    assert (finding.level, finding.check, finding.remedy) == ("ok", "models", "")
    assert_says(finding.message, "every model", "has a price")


def test_no_model_is_told_as_none() -> None:
    """That no model lacks a price says nothing then."""
    (finding,) = found()
    assert (finding.level, finding.message) == ("ok", "the API lists none")


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (("claude-nova-1",), ["claude-nova-1"]),
        # Usage has the dated id, and so would a price.
        (("claude-nova-1", "claude-nova-1-20261201"), ["claude-nova-1-20261201"]),
        (("claude-nova-1-latest", "claude-nova-1"), ["claude-nova-1"]),
        (("claude-nova-1-latest", "claude-nova-1-20261201"), ["claude-nova-1-20261201"]),
        # A prefix is another model, and so is another snapshot where the book has one of them.
        (("claude-opus-5-5", "claude-opus-5-5-max"), ["claude-opus-5-5-max"]),
        (
            ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20261201"),
            ["claude-sonnet-4-5-20261201"],
        ),
        # The newest of those that are listed, each of which is judged.
        (("claude-nova-latest", "claude-nova-9"), ["claude-nova-9"]),
        (("claude-nova-2", "claude-nova-10"), ["claude-nova-10", "claude-nova-2"]),
    ],
)
def test_a_model_without_a_price_is_named_as_usage_will_name_it(
    names: tuple[str, ...], named: list[str]
) -> None:
    """Once, whatever aliases it has."""
    findings = found("claude-haiku-4-5", *names)
    assert unpriced(findings) == named
    (finding,) = findings
    assert (finding.check, finding.exit_code) == ("models", 0)
    assert_says(finding.remedy, "update budget-gate", "prices.models")


def test_an_alias_of_nothing_known_is_no_key_of_prices() -> None:
    """Which id it stands for is not told, so that only an update helps."""
    (finding,) = found("claude-nova-latest")
    assert finding.level == "warning"
    assert_says(finding.message, "1 model", "has no price", "claude-nova-latest")
    assert finding.remedy == "update budget-gate"


def test_the_policys_own_prices_count() -> None:
    """Those of the ids that usage has, on the days that they are for."""
    names = ("claude-nova-1", "claude-nova-1-20261201")
    assert (
        found(*names, prices=book_with(f"{{models: {{{names[1]}: {{{CARD}}}}}}}"))[0].level == "ok"
    )
    alone = book_with(f"{{models: {{{names[0]}: {{{CARD}}}}}}}")
    assert unpriced(found(*names, prices=alone)) == [names[1]]
    assert found(names[0], prices=alone)[0].level == "ok"
    over = book_with(f"{{models: {{{names[0]}: {{{CARD}, until: 2026-11-20}}}}}}")
    assert unpriced(found(names[0], prices=over)) == [names[0]]


@pytest.mark.parametrize(
    ("unknown_model", "told"),
    [
        ("fail", ("spend unknown", "exit code 3", "spend.unknown_model: fail")),
        ("upper_bound", ("$0", "dearest known", "spend.unknown_model: upper_bound")),
    ],
)
def test_what_their_use_does_meanwhile_is_told(
    unknown_model: UnknownModel, told: tuple[str, ...]
) -> None:
    """By the policy's own setting."""
    (finding,) = found("claude-nova-1", "claude-nova-2", unknown_model=unknown_model)
    assert_says(finding.message, "2 models", "have no price", *told, "claude-nova-2, claude-nova-1")


def test_of_many_the_newest_are_named() -> None:
    """Twenty of 25."""
    (finding,) = found(*(f"claude-nova-{number}" for number in range(25)))
    assert_says(finding.message, "25 models", "claude-nova-24, claude-nova-23", "and 5 more")
    assert finding.message.count("claude-nova-") == NAMED
