"""Policies are read strictly: every defect by its place, nothing guessed, nothing ignored."""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.policy.budgets import Budget, GlobalBudget
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document, load_policy
from tests.helpers.builders import errors_of, policy
from tests.helpers.wording import assert_says

HEAD = "version: 1\n"
VALID = "version: 1\nglobal: {cap: 5}\n"
CARD = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30"
KIB_256 = 256 * 1024


def refused(text: str | bytes) -> ConfigurationError:
    """The error that a policy's text is refused with."""
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        load_document(raw, "budget.yml", Policy)
    return caught.value


def hint(text: str | bytes) -> str:
    """The hint of the one defect that a policy's text has."""
    (problem,) = refused(text).problems
    return problem.hint


def cap(scalar: str) -> Decimal:
    """The cap that is read where `scalar` is written."""
    budget = policy(f"{HEAD}global: {{cap: {scalar}}}\n").policy.global_
    assert budget
    return budget.cap


def levels(written: str) -> tuple[Decimal, ...]:
    """The warning levels that are read where `written` is written."""
    budget = policy(f"{HEAD}global: {{cap: 1, warn_at: {written}}}\n").policy.global_
    assert budget
    return budget.warn_at


# What is read ------------------------------------------------------------------------------------

WHOLE = """\
version: 1
global:
  cap: 5000                  # USD per calendar month, UTC
  warn_at: [80%, 95%]
workspaces:
  production: {cap: 2500}
  staging: {cap: 300, warn_at: [50%]}
  default: {cap: 50}
unlisted: {cap: 100}
spend:
  uncertain: warn
  unknown_model: upper_bound
prices:
  discount: 10%
  models:
    claude-custom-1: {input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30}
names:
  wrkspc_01OLD: legacy-bot
"""


def test_whole_policy() -> None:
    """The policy of the reference is read with all that it says."""
    read = policy(WHOLE).policy
    assert read.global_ == GlobalBudget(cap="5000", warn_at=["80%", "95%"])
    assert {name: budget.cap for name, budget in read.workspaces.items()} == {
        "production": 2500,
        "staging": 300,
        "default": 50,
    }
    assert isinstance(read.unlisted, Budget)
    assert read.unlisted.cap == 100
    assert (read.spend.uncertain, read.spend.unknown_model) == ("warn", "upper_bound")
    assert read.prices.discount == Decimal("0.1")
    (card,) = read.prices.models["claude-custom-1"]
    assert card.rates() == tuple(map(Decimal, ("3", "3.75", "6", "0.30", "15")))
    assert read.names == {"wrkspc_01OLD": "legacy-bot"}


def test_defaults() -> None:
    """A policy with one cap warns at 80%, allows unlisted workspaces and fails on the unknown."""
    read = policy(VALID).policy
    assert read.global_
    assert read.global_.warn_at == (Decimal("0.8"),)
    assert read.workspaces == {}
    assert read.unlisted == "allow"
    assert (read.spend.uncertain, read.spend.unknown_model) == ("fail", "fail")
    assert read.prices.discount == 0


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nworkspaces: {production: {cap: 0}}\n",
        "version: 1\nunlisted: warn\n",
        "version: 1\nunlisted: fail\n",
        "version: 1\nunlisted: {cap: 0}\n",
        'version: "1"\nglobal: {cap: "5"}\n',
        "version: '1'\r\nglobal:\r\n  cap: 5\r\n",
        "--- # one document\nversion: 1\nglobal: {cap: 5}\n...\n",
        '{"version": 1, "global": {"cap": 5}}',
        "\ufeffversion: 1\nglobal: {cap: 5}\n",
        "version: 1\nglobal: {cap: 5}",
    ],
)
def test_policies_that_can_fail_are_accepted(text: str) -> None:
    """One budget of any kind makes a policy, however the YAML is written."""
    assert isinstance(policy(text), PolicyFile)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0", "0"),
        ("010", "10"),
        ("0.10", "0.10"),
        ("5000", "5000"),
        ('"5000"', "5000"),
        ("0.000000000001", "0.000000000001"),
        ("999999999999999", "999999999999999"),
        ("0.1", "0.1"),
    ],
)
def test_amounts_are_read_as_written(written: str, read: str) -> None:
    """Digits mean what they say: no octal, no float, no lost zero."""
    assert str(cap(written)) == str(Decimal(read))


@pytest.mark.parametrize(
    "written",
    [
        "-1",
        "-0",
        "+5",
        "NaN",
        ".nan",
        ".inf",
        "-.inf",
        "inf",
        "Infinity",
        "1e3",
        "1E3",
        "1:30",
        "0x10",
        "0o10",
        "5.",
        ".5",
        "5%",
        "null",
        "~",
        "true",
        '""',
        '"5\\n"',
        "٥",  # noqa: RUF001 - a digit, but none that a policy is written in
        "5.0000000000001",
        "1000000000000000",
        "",
    ],
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    """Signs, exponents, currencies, times and nothing at all are no caps."""
    (problem,) = refused(f"{HEAD}global:\n  cap: {written}\n").problems
    assert str(problem).startswith("budget.yml:3:3: global.cap: ")
    assert str(problem).endswith(" is not an amount")
    assert problem.hint == "write a plain number that is not negative, such as 5000 or 0.30"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("5k", "5000"),
        ("5K", "5000"),
        ("1.5k", "1500"),
        ("$5", "5"),
        ("$5,000", "5000"),
        ('"5,000"', "5000"),
        ("5_000", "5000"),
        ("5 000", "5000"),
        ("1,234,567.89", "1234567.89"),
        ("5000 USD", "5000"),
        ("USD 5000", "5000"),
        ("US$5,000.50", "5000.50"),
        ("1.234.567", "1234567"),
        ('"5\u00a0000"', "5000"),
        ("$2k", "2000"),
        ('" 5"', "5"),
    ],
)
def test_money_is_refused_with_the_number_to_write(written: str, plain: str) -> None:
    """Currencies, thousands and `k` are no numbers of a policy, and the hint has the one meant."""
    text = f"{HEAD}global:\n  cap: {written}\n"
    (problem,) = refused(text).problems
    assert problem.message.endswith(" is not an amount")
    assert problem.hint == f"write {plain}"
    budget = policy(text.replace(written, plain)).policy.global_
    assert budget
    assert budget.cap == Decimal(plain)


@pytest.mark.parametrize(
    ("written", "example"),
    [
        *((written, "without commas") for written in ("5.000,00", "5,00", "50,00,000")),
        *((written, "such as 5000 or 0.30") for written in ("5kk", "5 EUR", "-5k", "$", "k")),
    ],
)
def test_money_that_may_be_another_amount_is_not_guessed(written: str, example: str) -> None:
    """Which sign stands before the cents is not known, nor what another currency is worth."""
    assert_says(hint(f"{HEAD}global:\n  cap: {written}\n"), example)


@pytest.mark.parametrize(
    "written",
    ["5,000", "$5,000", "1,234,567", "2,50", "2.800,50", "5.000,00", "5,000.50", "5,000 USD"],
)
@pytest.mark.parametrize(
    "text",
    [
        "global: {cap: 5, daily_cap: AMOUNT}",
        "workspaces: {a: {cap: AMOUNT, optional: true}}",
        "workspaces: {a: AMOUNT}",
        "unlisted: {daily_cap: AMOUNT, cap: AMOUNT}",
        f"prices: {{models: {{x: {{{CARD.replace('3.75', 'AMOUNT')}}}}}}}",
    ],
)
def test_commas_in_braces_are_told_as_such(text: str, written: str) -> None:
    """There a comma ends the value: what is before it is not the amount, and what is behind it no key to remove."""
    head = HEAD if "global" in text else VALID
    problems = refused(f"{head}{text.replace('AMOUNT', written)}\n").problems
    assert len(problems) >= 1
    for problem in problems:
        assert_says(problem.hint, "without commas", "2800.50")


def test_a_name_that_begins_with_a_digit_is_no_rest_of_an_amount() -> None:
    """It has something behind it."""
    text = f"{HEAD}workspaces: {{2026-team: {{cap: 5}}, a: 5000}}\n"
    assert hint(text) == "write {cap: 5000}"


@pytest.mark.parametrize(
    ("written", "thousands", "small"),
    [
        ("5.000", "5000", "5.00"),
        ("'5.000'", "5000", "5.00"),
        ("12.500", "12500", "12.50"),
        ("999.125", "999125", "999.1250"),
        ("$5.000", "5000", "5.00"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "global: {cap: AMOUNT}",
        "global: {cap: 5, daily_cap: AMOUNT}",
        "unlisted: {cap: AMOUNT}",
        "models: {a: {cap: AMOUNT}}",
        "global: {cap: 5}\nexceptions: [{budget: global, cap: AMOUNT, until: 2026-11-30, reason: x}]",
    ],
)
def test_a_cap_that_may_be_thousands_is_not_guessed(
    text: str, written: str, thousands: str, small: str
) -> None:
    """A dot stands before the cents or before the thousands; what the hint has is taken as it stands."""
    whole = f"{HEAD}{text}\n"
    assert hint(whole.replace("AMOUNT", written)) == f"write {thousands}, or {small}"
    for plain in (thousands, small):
        policy(whole.replace("AMOUNT", plain))


@pytest.mark.parametrize("written", ["0.500", "05.000", "1234.500", "5.0000", "5.00", "5.1"])
def test_a_cap_that_nobody_writes_in_thousands_is_taken(written: str) -> None:
    """Thousands do not begin with 0, and have groups of three."""
    assert cap(written) == Decimal(written)


def test_a_price_with_three_decimals_is_taken() -> None:
    """As lists of prices have them."""
    read = policy(f"{VALID}prices: {{models: {{x: {{{CARD.replace('3.75', '3.125')}}}}}}}\n").policy
    (card,) = read.prices.models["x"]
    assert card.cache_write_5m == Decimal("3.125")


@pytest.mark.parametrize("text", ["global: 5.000", "unlisted: 5.000", "workspaces: {a: 5.000}"])
def test_a_budget_given_as_a_number_that_may_be_thousands_is_not_guessed(text: str) -> None:
    """Neither as a budget."""
    assert hint(f"{HEAD}{text}\n") == "write {cap: 5000}, or {cap: 5.00}"


@pytest.mark.parametrize(
    ("text", "written", "remedy"),
    [
        (f"{HEAD}global: 5000\n", "5000", "{cap: 5000}"),
        (f"{HEAD}global: $5,000\n", "$5,000", "{cap: 5000}"),
        (f"{HEAD}workspaces:\n  a: 5k\n", "5k", "{cap: 5000}"),
        (f"{HEAD}models: {{claude-*: 7}}\n", "7", "{cap: 7}"),
        (f"{HEAD}unlisted: 100\n", "100", "{cap: 100}"),
        (f"{HEAD}groups: {{g: 9}}\n", "9", "{cap: 9, workspaces: [NAME, NAME]}"),
    ],
)
def test_budget_given_as_a_number_is_told_how_to_write_it(
    text: str, written: str, remedy: str
) -> None:
    """Written as the hint says, it is a budget."""
    assert hint(text) == f"write {remedy}"
    policy(text.replace(written, remedy))


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (f"{VALID}spend: 5\n", "write `basis: billed` below it, indented"),
        (f"{VALID}workspaces: 5\n", "write `production: {cap: 2500}` below it, indented"),
        (f"{VALID}prices: {{models: {{x: 5}}}}\n", "list it below, each as `- key: value`"),
        (f"{VALID}exceptions: 5\n", "list it below, each as `- key: value`"),
    ],
)
def test_number_where_no_budget_belongs_is_not_told_to_be_one(text: str, remedy: str) -> None:
    """A cap there would only be the next error."""
    assert hint(text) == remedy


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nglobal:\n\tcap: 5\n",
        "version: 1\nglobal:\n  cap: 5\n\twarn_at: [80%]\n",
        "version: 1\nglobal:\n  cap: 5\n  \twarn_at: [80%]\n",
        "version: 1\nworkspaces:\n  a:\n\t\tcap: 5\n",
    ],
)
def test_tabs_are_told_to_be_spaces(text: str) -> None:
    """YAML takes no tab as indentation, and an editor shows none."""
    (problem,) = refused(text).problems
    assert problem.hint == "indent with spaces: YAML takes no tab here"
    assert "\t" in text.splitlines()[problem.line - 1]


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("[5]", "a list is not an amount"),
        ("{usd: 5}", "a block of keys is not an amount"),
        ("abc", "'abc' is not an amount"),
        ('"{problem}"', "'{problem}' is not an amount"),
    ],
)
def test_refused_amounts_are_quoted(written: str, what: str) -> None:
    """The error quotes what stands in the place of the amount."""
    assert errors_of(refused(f"{HEAD}global: {{cap: {written}}}\n")) == [
        f"budget.yml:2:10: global.cap: {what}"
    ]


def test_long_values_are_cut_in_errors() -> None:
    """A page in the place of a number is not printed whole."""
    (error,) = errors_of(refused(f"{HEAD}global: {{cap: {'x' * 5000}}}\n"))
    assert error == f"budget.yml:2:10: global.cap: '{'x' * 55}...' is not an amount"


@pytest.mark.parametrize(("length", "whole"), [(58, True), (59, False)])
def test_values_of_sixty_signs_are_whole_in_errors(length: int, *, whole: bool) -> None:
    """Sixty signs with the quotes fit; of one more, sixty are shown, the cut among them."""
    (error,) = errors_of(refused(f"{HEAD}global: {{cap: {'x' * length}}}\n"))
    shown = f"'{'x' * length}'" if whole else f"'{'x' * 55}...'"
    assert len(shown) == 60
    assert error == f"budget.yml:2:10: global.cap: {shown} is not an amount"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("[80%]", ["0.8"]),
        ("[95%, 80%]", ["0.8", "0.95"]),
        ("[80%, 80.0%]", ["0.8"]),
        ("[100%]", ["1"]),
        ("[0.5%]", ["0.005"]),
        ("[33.33 %]", ["0.3333"]),
        ('["50%"]', ["0.5"]),
        ("\n    - 50%\n    - 090%", ["0.5", "0.9"]),
    ],
)
def test_warning_levels(written: str, read: list[str]) -> None:
    """Levels are percentages, kept in ascending order and once each."""
    text = f"{HEAD}global:\n  cap: 1\n  warn_at: {written}\n"
    budget = policy(text).policy.global_
    assert budget
    assert budget.warn_at == tuple(map(Decimal, read))


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("101%", "write at most 100%"),
        ("100.01%", "write at most 100%"),
        ("150", "write at most 100%"),
        ("80", "write 80%"),
        ("0.8", "write 80%, or 0.8%"),
        ("1", "write 100%, or 1%"),
        ("\u201c80%\u201d", "use straight quotes, or none"),
        *(
            (written, "write it with the percent sign, such as 80%")
            for written in ("0", "-5%", '"%"', "eighty", "1e1%", '""', "80%%")
        ),
    ],
)
def test_what_is_no_level_is_refused(written: str, remedy: str) -> None:
    """A level without its sign could mean 80 or 80%, and above 100% it is no warning."""
    (problem,) = refused(f"{HEAD}global: {{cap: 1, warn_at: [50%, {written}]}}\n").problems
    assert str(problem).startswith("budget.yml:2:33: global.warn_at.1: ")
    assert str(problem).endswith("is not a percentage from 0% to 100%")
    assert problem.hint == remedy


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("prices: {discount: 10}", "write 10%"),
        ("prices: {discount: 0.15}", "write 15%, or 0.15%"),
        ("prices: {discount: 110%}", "write at most 100%"),
    ],
)
def test_a_discount_is_written_with_its_sign(text: str, remedy: str) -> None:
    """The hint has the very number."""
    assert hint(f"{VALID}{text}\n") == remedy


def test_a_bound_of_exceptions_may_be_above_100_percent() -> None:
    """So that 150 is 150%."""
    assert hint(f"{HEAD}global: {{cap: 5, max_exception: 150}}\n") == "write 150%"


@pytest.mark.parametrize("written", ["[]", "[0%]", "[0.0%, 80%]"])
def test_level_of_nothing_is_refused(written: str) -> None:
    """A warning from the first cent on, or an empty list of them, is not what anyone means."""
    text = f"{HEAD}global: {{cap: 1, warn_at: {written}}}\n"
    assert errors_of(refused(text)) == [
        "budget.yml:2:18: global.warn_at: a warning level is missing or 0%"
    ]
    assert hint(text) == "write levels above 0%, such as [80%]"


@pytest.mark.parametrize(("written", "what"), [("[50%]", "list"), ("{at: 50%}", "block of keys")])
def test_a_level_that_is_no_text_is_refused(written: str, what: str) -> None:
    """A level is one percentage, neither a list nor a block of keys."""
    assert errors_of(refused(f"{HEAD}global: {{cap: 1, warn_at: [{written}]}}\n")) == [
        f"budget.yml:2:28: global.warn_at.0: a {what} is not a percentage from 0% to 100%"
    ]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("names: {production: a}", "ids begin with `wrkspc_`"),
        ('names: {wrkspc_01A: ""}', "write a text that is not empty"),
        (f"prices: {{models: {{x: {{from: today, {CARD}}}}}}}", "write a UTC day as YYYY-MM-DD"),
        (
            f"prices: {{models: {{x: {{{CARD}, long_context: {{above: many, {CARD}}}}}}}}}",
            "write a number such as 200000",
        ),
        (
            f"prices: {{models: {{x: {{from: 2026-11-02, until: 2026-11-02, {CARD}}}}}}}",
            "`until` is the first day without the price",
        ),
        (
            "prices: {models: {x: []}}",
            "list them oldest first, each `from` at or after the `until` before it",
        ),
    ],
)
def test_each_defect_comes_with_its_remedy(text: str, remedy: str) -> None:
    """The hint says what to write instead."""
    assert hint(f"{VALID}{text}\n") == remedy


@pytest.mark.parametrize("written", ["٢٠٠٠٠٠", "1234567890123456"])
def test_a_threshold_is_a_plain_number(written: str) -> None:
    """Other digits than 0 to 9, and more than fifteen of them, make no number of tokens."""
    text = f"prices: {{models: {{x: {{{CARD}, long_context: {{above: {written}, {CARD}}}}}}}}}"
    assert hint(f"{VALID}{text}\n") == "write a number such as 200000"


@pytest.mark.parametrize(
    ("written", "brackets"),
    [
        ("80%", "[80%]"),
        ("'60%, 90%'", "[60%, 90%]"),
        ("{80%: 1}", "[80%, 95%]"),
        ('""', "[80%, 95%]"),
        ("much", "[80%, 95%]"),
    ],
)
def test_levels_that_are_no_list_are_refused(written: str, brackets: str) -> None:
    """One level is written in brackets too, and the hint shows how; written so, it is taken."""
    text = f"{HEAD}global: {{cap: 1, warn_at: {written}}}\n"
    assert errors_of(refused(text)) == ["budget.yml:2:18: global.warn_at: is not a list"]
    assert hint(text).endswith(brackets)
    policy(text.replace(written, brackets))


@pytest.mark.parametrize(
    ("written", "brackets"),
    [("evals", "[evals]"), ("'*'", '["*"]'), ("'a, b-*'", "[a, b-*]"), ("", "[evals, exp-*]")],
)
def test_members_that_are_no_list_are_refused(written: str, brackets: str) -> None:
    """The hint has the very member in brackets; written so, it is taken."""
    text = f"{HEAD}groups:\n  g:\n    cap: 1\n    workspaces: {written}\n"
    assert hint(text).endswith(brackets)
    policy(text.replace(f"workspaces: {written}", f"workspaces: {brackets}"))


# A day, a colon, an indentation ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("2026-11-31", "November 2026 has 30 days"),
        ("2026-2-30", "February 2026 has 28 days"),
        ("2026-13-01", "a year has 12 months: write a UTC day as YYYY-MM-DD"),
        ("5.12.2026", "write 2026-12-05"),
        ("2026/12/05", "write 2026-12-05"),
        ("20261205", "write 2026-12-05"),
        ("2026-12-05T10:00:00Z", "write 2026-12-05"),
        ("31/12/2026", "write 2026-12-31"),
        ("5/12/2026", "write 2026-12-05, or 2026-05-12"),
        ("4/4/2026", "write 2026-04-04"),
        ("2026115", "write a UTC day as YYYY-MM-DD"),
        ("0000-01-01", "write a UTC day as YYYY-MM-DD"),
        ("soon", "write a UTC day as YYYY-MM-DD"),
        ("[2026-11-30]", "write a UTC day as YYYY-MM-DD"),
    ],
)
def test_what_is_no_day_is_told_as_the_day_it_may_be(written: str, remedy: str) -> None:
    """With dots the day comes first; with slashes, who knows."""
    text = f"{VALID}exceptions: [{{budget: global, cap: 6, until: {written}, reason: x}}]\n"
    assert hint(text) == remedy


@pytest.mark.parametrize(
    ("text", "place", "key"),
    [
        (f"{HEAD}global:\n  cap:5000\n", "3:3", "cap"),
        (f"{HEAD}global: {{cap:5000}}\n", "2:10", "cap"),
        (f"{HEAD}global:\n  cap:5000\n  warn_at: [80%]\n", "3:3", "cap"),
        (f"{HEAD}global:\n  cap: 5\n  warn_at:[80%]\n", "4:3", "warn_at"),
        (f"{HEAD}global:{{cap: 5}}\n", "2:1", "global"),
        ("version:1\nglobal: {cap: 5}\n", "1:1", "version"),
        ("version:1\n", "1:1", "version"),
        (f"{HEAD}global:\n  cap:\u00a05000\n", "3:3", "cap"),
    ],
)
def test_a_colon_without_a_space_is_told_at_its_place(text: str, place: str, key: str) -> None:
    """YAML takes it for a part of a word; with a space it is a policy, as far as it goes."""
    problem = refused(text).problems[0]
    assert len(refused(text).problems) == 1
    assert problem.place == f"budget.yml:{place}"
    assert_says(problem.hint, "space after", f"{key}:")


def test_a_key_that_is_not_indented_is_told_what_it_belongs_below() -> None:
    """The key before it has nothing below it."""
    for text, key in (
        ("global:\ncap: 5\n", "global"),
        ("workspaces:\na: {cap: 5}\n", "workspaces"),
    ):
        hints = [problem.hint for problem in refused(f"{HEAD}{text}").problems]
        assert f"indent it below `{key}:`" in hints


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"{VALID}discount: 10%\n", "below `prices:`"),
        (f"{HEAD}global: {{cap: 5, uncertain: warn}}\n", "below `spend:`"),
        (f"{HEAD}workspaces: {{a: {{cap: 5, unlisted: fail}}}}\n", "at the top"),
    ],
)
def test_a_key_at_the_wrong_place_is_told_its_own(text: str, where: str) -> None:
    """By the keys that it may stand below."""
    assert_says(hint(text), "it belongs", where)


def test_a_no_break_space_is_told() -> None:
    """Nobody sees it."""
    problems = refused(f"{HEAD}global:\n\u00a0\u00a0cap: 5\n").problems
    assert_says(problems[-1].hint, "no-break space")


@pytest.mark.parametrize(
    ("written", "key", "read"),
    [
        ("reason: launch: week", "reason", "launch: week"),
        ("reason: at last: week # soon", "reason", "at last: week"),
        ("reason: one, two: three", "reason", "one, two: three"),
    ],
)
def test_a_colon_in_a_text_is_told_how_to_quote(written: str, key: str, read: str) -> None:
    """The hint is the line to write."""
    text = f"{VALID}exceptions:\n  - budget: global\n    cap: 6\n    until: 2026-11-30\n    {written}\n"
    advised = f"{key}: '{read}'"
    assert hint(text) == f"put the text in quotes: {advised}"
    (exception,) = policy(text.replace(written, advised)).policy.exceptions
    assert exception.reason == read


def test_a_colon_in_a_text_in_braces_is_told_how_to_quote() -> None:
    """There the text ends at the comma."""
    text = f"{VALID}exceptions: [{{reason: launch: week, budget: global, cap: 6, until: 2026-11-30}}]\n"
    assert hint(text) == "put the text in quotes: reason: 'launch: week'"
    policy(text.replace("launch: week", "'launch: week'"))


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("workspaces:\n  *: {cap: 5}\n", ["3:3", "begins with *", 'put it in quotes: "*"']),
        ("groups: {g: {cap: 5, workspaces: [*.x]}}\n", ["2:35", 'put it in quotes: "*.x"']),
        ("groups: {g: {cap: 5, workspaces: [*-x]}}\n", ["2:35", 'glob in quotes: "*-x"']),
        ("workspaces: {*-x: {cap: 5}}\n", ["2:14", 'glob in quotes: "*-x"']),
        ("organization: @me\n", ["2:15", "begins with @", 'put it in quotes: "@me"']),
        ("global: {cap: 5 warn_at: [80%]}\n", ["2:24", "comma"]),
        ("global: {warn_at: [80%] cap: 5}\n", ["2:25", "comma"]),
        ("global: {cap: 5\nmodels: {a: {cap: 5}}\n", ["3:7", "`{` of line 2 is not closed", "`}`"]),
        ("global: {cap: 5\n", ["2:9", "`{` is not closed", "`}`"]),
        ("global: {cap: 5, warn_at: [80%\n", ["2:27", "`[` is not closed", "`]`"]),
        ("global: {cap: 5}}\n", ["2:17", "`}` too many"]),
        ("organization: 'x\n", ["2:15", "a quote is not closed"]),
        ('organization: "a\\p"\n', ["2:15", "backslash", "single quotes"]),
        ("organization: 'x' y\n", ["2:19", "behind", "the whole text in quotes"]),
        ("global:\n  cap: 5\n   warn_at: [80%]\n", ["4:11", "not indented", "same column"]),
        ("global:\n    cap: 5\n  warn_at: [80%]\n", ["4:3", "not indented", "same column"]),
        ("global:\n  cap: 5\nmodels\n", ["4:1", "without a colon", "key: value"]),
        ("global: cap: 5\n", ["2:12", "two keys in one line", "new line behind `global:`"]),
        ("groups: {}\nmodels: - a\n", ["3:9", "dash", "brackets"]),
        ("organization: it's: me\n", ["2:19", "colon in a text", "in quotes"]),
        ("global:\n  cap: 5\n\u00a0 x: 5: 6\n", ["4:7", "no-break space"]),
        ("organization: !<x y\n", ["2:18", "check indentation, colons and quotes"]),
    ],
)
def test_what_is_not_yaml_is_told_in_plain_words(text: str, facts: list[str]) -> None:
    """Where it is, what it is, and what to write; in the words of YAML's parser only where none other is known."""
    (problem,) = refused(HEAD + text).problems
    assert_says(f"{problem}: {problem.hint}", "budget.yml:", *facts)


def test_a_workflow_is_told_to_be_one() -> None:
    """Once, whatever keys it has."""
    text = "name: budget\non: push\njobs: {gate: {runs-on: x, steps: [{uses: a}]}}\n"
    assert errors_of(refused(text)) == ["budget.yml:1:1: this is a workflow, not a policy"]
    assert_says(hint(text), "--policy", "budget-gate init")


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("global: {cap: 5}\n", "add `version: 1`"),
        (f"{HEAD}global: {{}}\n", "add it, such as `cap: 5000`"),
        (f"{HEAD}groups: {{g: {{cap: 5}}}}\n", "add it, such as `workspaces: [evals, exp-*]`"),
        (
            f"{VALID}exceptions: [{{budget: global, cap: 6, until: 2026-11-30}}]\n",
            "add it, such as `reason: the migration`",
        ),
    ],
)
def test_a_missing_key_is_told_with_an_example(text: str, example: str) -> None:
    """Which an editor proposes, too."""
    assert hint(text) == example


# Defects and their places ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param(
            "global: {cap: 5}\n", ["budget.yml:1:1: version: is missing"], id="no version"
        ),
        pytest.param(
            "# a policy\n\nglobal: {cap: 5}\n",
            ["budget.yml:3:1: version: is missing"],
            id="no version, below a comment",
        ),
        pytest.param(
            "version: 2\nglobal: {cap: 5}\n",
            ["budget.yml:1:1: version: '2' is not allowed here"],
            id="version 2",
        ),
        pytest.param(
            "version: 1.0\nglobal: {cap: 5}\n",
            ["budget.yml:1:1: version: '1.0' is not allowed here"],
            id="version 1.0",
        ),
        pytest.param(
            "version: 1\n",
            ["budget.yml:1:1: the policy has no budget, so it could never fail"],
            id="no budget",
        ),
        pytest.param(
            "version: 1\nunlisted: allow\nworkspaces: {}\n",
            ["budget.yml:1:1: the policy has no budget, so it could never fail"],
            id="no budget but words",
        ),
        pytest.param(
            "version: 1\nglobal:\n",
            ["budget.yml:2:1: global: is empty"],
            id="empty global",
        ),
        pytest.param(
            "version: 1\nglobal: 5000\n",
            ["budget.yml:2:1: global: '5000' stands where keys belong"],
            id="number as global",
        ),
        pytest.param(
            "version: 1\nglobal: {}\n",
            ["budget.yml:2:1: global.cap: is missing"],
            id="no cap",
        ),
        pytest.param(
            "version: 1\nglobal:\n  warn_at: [80%]\n",
            ["budget.yml:2:1: global.cap: is missing"],
            id="levels without a cap",
        ),
        pytest.param(
            "version: 1\nworkspaces: [production]\n",
            ["budget.yml:2:1: workspaces: is a list, where keys belong"],
            id="list of workspaces",
        ),
        pytest.param(
            "version: 1\nworkspaces:\n  production: 5\n",
            ["budget.yml:3:3: workspaces.production: '5' stands where keys belong"],
            id="number as workspace",
        ),
        pytest.param(
            "version: 1\nworkspaces:\n  a.b:\n    cap: x\n",
            ["budget.yml:4:5: workspaces.a.b.cap: 'x' is not an amount"],
            id="workspace with a dot",
        ),
        pytest.param(
            'version: 1\nworkspaces:\n  "": {cap: 1}\n',
            ["budget.yml:3:3: workspaces.: '' is not a text"],
            id="workspace without a name",
        ),
        pytest.param(
            "version: 1\nunlisted: sometimes\n",
            ["budget.yml:2:1: unlisted: 'sometimes' is not allowed here"],
            id="unlisted word",
        ),
        pytest.param(
            "version: 1\nunlisted:\n",
            ["budget.yml:2:1: unlisted: '' is not allowed here"],
            id="unlisted empty",
        ),
        pytest.param(
            "version: 1\nunlisted:\n  cap: a lot\n",
            ["budget.yml:3:3: unlisted.cap: 'a lot' is not an amount"],
            id="unlisted cap",
        ),
        pytest.param(
            "version: 1\nunlisted: {}\n",
            ["budget.yml:2:1: unlisted.cap: is missing"],
            id="unlisted without a cap",
        ),
        pytest.param(
            "version: 1\nunlisted: {budget: {cap: 5}}\n",
            ["budget.yml:2:12: unlisted.budget: unknown key"],
            id="unlisted with a key called budget",
        ),
        pytest.param(
            VALID + "spend: {uncertain: no, unknown_model: lower}\n",
            [
                "budget.yml:3:9: spend.uncertain: 'no' is not allowed here",
                "budget.yml:3:24: spend.unknown_model: 'lower' is not allowed here",
            ],
            id="spend words",
        ),
        pytest.param(
            VALID + "prices: {discount: 10}\n",
            ["budget.yml:3:10: prices.discount: '10' is not a percentage from 0% to 100%"],
            id="discount without its sign",
        ),
        pytest.param(
            VALID + "prices:\n  models:\n    claude-x: {input: 3}\n",
            [
                f"budget.yml:5:5: prices.models.claude-x.{name}: is missing"
                for name in ("cache_write_5m", "cache_write_1h", "cache_read", "output")
            ],
            id="own price without classes",
        ),
        pytest.param(
            VALID + f"prices:\n  models:\n    claude-x:\n      - {{from: 2026-02-30, {CARD}}}\n",
            ["budget.yml:6:10: prices.models.claude-x.0.from: '2026-02-30' is not a day"],
            id="day that does not exist",
        ),
        pytest.param(
            VALID + f"prices:\n  models:\n    claude-x:\n      {{until: 20261101, {CARD}}}\n",
            ["budget.yml:6:8: prices.models.claude-x.until: '20261101' is not a day"],
            id="day in digits",
        ),
        pytest.param(
            VALID
            + f"prices:\n  models:\n    x:\n      {{from: 2026-11-02, until: 2026-11-02, {CARD}}}\n",
            ["budget.yml:5:5: prices.models.x: `until` is not after `from`"],
            id="card of no day",
        ),
        pytest.param(
            VALID + "prices:\n  models:\n    x: []\n",
            [
                "budget.yml:5:5: prices.models.x: the prices are missing, overlap or are out of order"
            ],
            id="no card",
        ),
        pytest.param(
            VALID + f"prices:\n  models:\n    x: [{{{CARD}}}, {{from: 2026-11-02, {CARD}}}]\n",
            [
                "budget.yml:5:5: prices.models.x: the prices are missing, overlap or are out of order"
            ],
            id="cards that overlap",
        ),
        pytest.param(
            VALID
            + f"prices:\n  models:\n    x: [{{from: 2026-11-02, {CARD}}}, {{until: 2026-11-02, {CARD}}}]\n",
            [
                "budget.yml:5:5: prices.models.x: the prices are missing, overlap or are out of order"
            ],
            id="cards out of order",
        ),
        pytest.param(
            VALID
            + f"prices:\n  models:\n    x:\n      {{{CARD}, long_context: {{above: many, {CARD}}}}}\n",
            ["budget.yml:6:104: prices.models.x.long_context.above: 'many' is not a whole number"],
            id="threshold in words",
        ),
        pytest.param(
            VALID + f"prices:\n  models:\n    x: {{{CARD}, batch: half}}\n",
            ["budget.yml:5:90: prices.models.x.batch: 'half' is not an amount"],
            id="factor in words",
        ),
        pytest.param(
            VALID + 'names:\n  "": x\n  wrkspc_01A: ""\n  wrkspc_01B: [b]\n',
            [
                "budget.yml:4:3: names.: '' is not a text",
                "budget.yml:5:3: names.wrkspc_01A: '' is not a text",
                "budget.yml:6:3: names.wrkspc_01B: a list is not a text",
            ],
            id="names",
        ),
        pytest.param(
            VALID + "names:\n  wrkspc_01A: a\n  production: wrkspc_01PROD\n  Wrkspc_01B: b\n",
            [
                "budget.yml:5:3: names.production: 'production' is not a workspace's id",
                "budget.yml:6:3: names.Wrkspc_01B: 'Wrkspc_01B' is not a workspace's id",
            ],
            id="names of no ids",
        ),
        pytest.param("", ["budget.yml:1:1: the file is empty"], id="empty file"),
        pytest.param("\n\n", ["budget.yml:1:1: the file is empty"], id="blank lines"),
        pytest.param("# later\n", ["budget.yml:1:1: the file is empty"], id="only a comment"),
        pytest.param("\ufeff", ["budget.yml:1:1: the file is empty"], id="only a BOM"),
        pytest.param("---\n", ["budget.yml:1:1: the file is empty"], id="only a marker"),
        pytest.param(
            "5000\n", ["budget.yml:1:1: '5000' stands where keys belong"], id="only a number"
        ),
        pytest.param("- a\n- b\n", ["budget.yml:1:1: is a list, where keys belong"], id="a list"),
        pytest.param(
            "\ufeffversion: 2\nglobal: {cap: 5}\n",
            ["budget.yml:1:1: version: '2' is not allowed here"],
            id="BOM is no column",
        ),
        pytest.param(
            "version: 1\r\nglobal:\r\n  cap: x\r\n",
            ["budget.yml:3:3: global.cap: 'x' is not an amount"],
            id="Windows line ends",
        ),
        pytest.param(
            "version: 1\nworkspaces: {café ☕: {cap: x}}\n",
            ["budget.yml:2:23: workspaces.café ☕.cap: 'x' is not an amount"],
            id="columns are characters",
        ),
    ],
)
def test_defects_stand_at_their_place(text: str, errors: list[str]) -> None:
    """Each defect is told as file:line:column: key.path: what is wrong."""
    assert errors_of(refused(text)) == errors


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param(
            "version: 1\nglobal: &a {cap: 5}\n",
            ["budget.yml:2:9: global: YAML anchors and aliases are not allowed"],
            id="anchor on a mapping",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: &a 5}\n",
            ["budget.yml:2:15: global.cap: YAML anchors and aliases are not allowed"],
            id="anchor on a value",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5, warn_at: &a [80%]}\n",
            ["budget.yml:2:27: global.warn_at: YAML anchors and aliases are not allowed"],
            id="anchor on a list",
        ),
        pytest.param(
            "version: 1\nglobal: *a\n",
            ["budget.yml:2:9: global: YAML anchors and aliases are not allowed"],
            id="alias",
        ),
        pytest.param(
            "version: 1\nglobal:\n  <<: *a\n",
            ["budget.yml:3:7: global.<<: YAML anchors and aliases are not allowed"],
            id="merge key",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: !!int 5}\n",
            ["budget.yml:2:15: global.cap: YAML tags are not allowed"],
            id="tag on a value",
        ),
        pytest.param(
            "version: 1\nglobal: !budget {cap: 5}\n",
            ["budget.yml:2:9: global: YAML tags are not allowed"],
            id="tag on a mapping",
        ),
        pytest.param(
            "version: 1\nglobal: {cap: 5}\nglobal: {cap: 6}\n",
            ["budget.yml:3:1: global: the key stands already in line 2"],
            id="key twice",
        ),
        pytest.param(
            "version: 1\nworkspaces:\n  a:\n    cap: 5\n    cap: 6\n    cap: 7\n",
            [
                "budget.yml:5:5: workspaces.a.cap: the key stands already in line 4",
                "budget.yml:6:5: workspaces.a.cap: the key stands already in line 4",
            ],
            id="key three times",
        ),
        pytest.param(
            VALID + "names:\n  wrkspc_01A: a\n  'wrkspc_01A': b\n",
            ["budget.yml:5:3: names.wrkspc_01A: the key stands already in line 4"],
            id="key twice, once in quotes",
        ),
    ],
)
def test_refused_yaml_tells_its_key(text: str, errors: list[str]) -> None:
    """What plain YAML would let pass is told with the key that it stands at."""
    assert errors_of(refused(text)) == errors


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        pytest.param("version: 1\n&a global: {cap: 5}\n", "2:1", "anchors", id="anchor on a key"),
        pytest.param("version: 1\n!!str global: {cap: 5}\n", "2:1", "tags", id="tag on a key"),
        pytest.param("version: 1\n? [a, b]\n: 5\n", "2:3", "key", id="list as key"),
        pytest.param("version: 1\n? {a: b}\n: 5\n", "2:3", "key", id="mapping as key"),
        pytest.param("version: 1\n*a : 5\n", "2:1", "key", id="alias as key"),
        pytest.param(VALID + "---\nversion: 1\n", "3:1", "second document", id="two documents"),
        pytest.param(VALID + "...\n---\n", "4:1", "second document", id="empty second document"),
        pytest.param("version: 1\nglobal:\n\tcap: 5\n", "3:1", "not YAML", id="tab"),
        pytest.param("version: 1\nglobal: {cap: 5\n", "2:9", "not YAML", id="open brace"),
        pytest.param("version: 1\nglobal: {cap: 5}}\n", "2:17", "not YAML", id="brace too many"),
        pytest.param("version: 1\nglobal: 'x\n", "2:9", "not YAML", id="open quote"),
        pytest.param("version: 1\nglobal: a: b\n", "2:10", "not YAML", id="two colons"),
        pytest.param(
            VALID + "a: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n", "3:20", "deep", id="deep"
        ),
        pytest.param("a: " + "[" * 100_000, "1:20", "deep", id="very deep"),
        pytest.param(VALID.encode() + b"# caf\xe9\n", "3:6", "UTF-8", id="Latin-1"),
        pytest.param(VALID.encode("utf-16"), "1:1", "UTF-8", id="UTF-16"),
        pytest.param("# é ".encode() + b"\xff\n", "1:5", "UTF-8", id="not UTF-8 after a letter"),
        pytest.param(VALID + "names: {a: \x07}\n", "3:12", "not YAML", id="control character"),
        pytest.param(b" " * (KIB_256 + 1), "1:1", "256 KiB", id="too large"),
    ],
)
def test_unreadable_text_stands_at_its_place(text: str | bytes, place: str, what: str) -> None:
    """Where the text ends being a plain document, that place is told, with what to do."""
    (problem,) = refused(text).problems
    assert problem.place == f"budget.yml:{place}"
    assert f"{problem.line}:{problem.column}" == place
    assert what in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nglobal: *a\n",
        "version: 1\nglobal: {cap: x}\nglobal: {cap: 5}\n",
        "version: 1\n? [a, b]\n: 5\n",
        VALID + "---\nversion: 1\n",
        "version: 1\nglobal:\n\tcap: 5\n",
        "version: 1\nglobal: {cap: 5}}\n",
        "a: " + "[" * 5_000,
        VALID + "names: {a: \x07}\n",
        "version: 1\nworkspaces: {café ☕: {cap: x}}\n",
        "",
    ],
)
def test_places_are_those_of_both_parsers(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML comes without its C parser, the same defects stand at the same places."""
    fast = [problem.place for problem in refused(text).problems]
    monkeypatch.setattr("budget_gate.sources.files.strict_yaml._Loader", yaml.BaseLoader)
    assert [problem.place for problem in refused(text).problems] == fast


def test_file_of_256_kib_is_read() -> None:
    """The limit itself is within the limit."""
    text = VALID + "#" * (KIB_256 - len(VALID))
    assert isinstance(policy(text), PolicyFile)


def test_depth_of_a_real_policy_is_allowed() -> None:
    """The deepest part of a policy, a long-context price of a dated card, is not too deep."""
    card = f"{CARD}, long_context: {{above: 200000, {CARD}}}"
    assert isinstance(policy(f"{VALID}prices: {{models: {{x: [{{{card}}}]}}}}\n"), PolicyFile)


def test_all_defects_are_told_at_once_in_order() -> None:
    """One run tells every defect, from the first line to the last."""
    text = (
        "version: 2\n"
        "names: {wrkspc_01A: []}\n"
        "global: {cap: 5, cap: 6, warn_at: [80%, 110%]}\n"
        "workspaces:\n"
        "  production: {cap: -1}\n"
        "  staging: {capp: 3}\n"
        "unlisted: never\n"
        "budget: {}\n"
    )
    assert [
        (problem.line, problem.column, problem.message) for problem in refused(text).problems
    ] == [
        (1, 1, "'2' is not allowed here"),
        (2, 9, "a list is not a text"),
        (3, 18, "the key stands already in line 3"),
        (3, 41, "'110%' is not a percentage from 0% to 100%"),
        (5, 16, "'-1' is not an amount"),
        (6, 13, "unknown key"),
        (7, 1, "'never' is not allowed here"),
        (8, 1, "unknown key"),
    ]


def test_a_misspelt_key_is_told_once() -> None:
    """Its right name is no second thing to add; another key that is missing is."""
    (problem,) = refused("version: 1\nworkspaces: {a: {capp: 25}}\n").problems
    assert (problem.key, problem.hint) == ("workspaces.a.capp", "did you mean 'cap'?")
    text = "version: 1\ngroups: {a: {capp: 25}}\n"
    assert [(it.key, it.message) for it in refused(text).problems] == [
        ("groups.a.workspaces", "is missing"),
        ("groups.a.capp", "unknown key"),
    ]


@pytest.mark.parametrize(
    ("text", "key", "name"),
    [
        ('organization: " 1111"\n', "organization", "' 1111'"),
        ("organization: >\n  1111\n", "organization", r"'1111\n'"),
        ('workspaces: {"evals ": {cap: 1}}\n', "workspaces.evals ", "'evals '"),
        ('groups: {" g": {cap: 1, workspaces: [a]}}\n', "groups. g", "' g'"),
        ('groups: {g: {cap: 1, workspaces: ["a\\t"]}}\n', "groups.g.workspaces.0", r"'a\t'"),
        ('models: {" claude-a": {cap: 1}}\n', "models. claude-a", "' claude-a'"),
    ],
)
def test_a_blank_around_a_name_is_told(text: str, key: str, name: str) -> None:
    """Nothing is found by it, and nobody sees why."""
    (problem,) = refused(f"version: 1\nglobal: {{cap: 5}}\n{text}").problems
    told = (f"{name} begins or ends with a blank", "remove the blank")
    assert (problem.key, problem.message, problem.hint) == (key, *told)


def test_defects_before_unreadable_text_are_told_too() -> None:
    """A key that stands twice is told although the file breaks off further down."""
    problems = refused("version: 1\nversion: 1\nglobal: {cap: 5\n").problems
    assert [problem.line for problem in problems] == [2, 3]


def test_second_of_two_keys_is_not_taken() -> None:
    """Two caps are an error even where each by itself is a policy."""
    problems = refused("version: 1\nglobal: {cap: 5}\nglobal: {cap: 5}\n").problems
    assert [(problem.line, problem.message) for problem in problems] == [
        (3, "the key stands already in line 2")
    ]


def test_error_names_the_file() -> None:
    """The error as a whole says which file is wrong, by the name that it was given."""
    error = refused("version: 2\n")
    assert error.file == "budget.yml"
    assert "budget.yml" in error.message


@pytest.mark.parametrize(
    ("text", "line", "path", "suggested"),
    [
        ("version: 1\nglobl: {cap: 5}\n", 2, "globl", "global"),
        ("version: 1\nglobal: {cap: 5, warn-at: [80%]}\n", 2, "global.warn-at", "warn_at"),
        ("version: 1\nunlisted: {cap: 5, warnat: [80%]}\n", 2, "unlisted.warnat", "warn_at"),
        (VALID + "workspace: {}\n", 3, "workspace", "workspaces"),
        (VALID + "spend: {uncertian: warn}\n", 3, "spend.uncertian", "uncertain"),
        (VALID + "prices: {discont: 5%}\n", 3, "prices.discont", "discount"),
        (
            VALID + f"prices: {{models: {{x: {{{CARD}, cache_write_5min: 1}}}}}}\n",
            3,
            "prices.models.x.cache_write_5min",
            "cache_write_5m",
        ),
    ],
)
def test_unknown_keys_are_refused_with_a_suggestion(
    text: str, line: int, path: str, suggested: str
) -> None:
    """A misspelt key is an error that names the key that was meant."""
    (problem,) = refused(text).problems
    assert (problem.line, problem.key, problem.message) == (line, path, "unknown key")
    assert f"{suggested!r}" in problem.hint


@pytest.mark.parametrize(
    ("text", "written", "meant"),
    [
        *(
            (f"{HEAD}global: {{{word}: 5}}\n", word, "cap")
            for word in ("limit", "amount", "max", "budget", "monthly_budget", "limit_usd", "Limit")
        ),
        *(
            (f"{HEAD}workspaces: {{a: {{cap: 5, {word}: 5}}}}\n", word, "daily_cap")
            for word in ("daily", "daily_limit", "max_daily_spend", "per-day")
        ),
        *(
            (f"{HEAD}unlisted: {{cap: 5, {word}: [80%]}}\n", word, "warn_at")
            for word in ("warn", "warning", "threshold", "thresholds", "alert_at")
        ),
        (f"{HEAD}total: {{cap: 5}}\n", "total", "global"),
        (f"{HEAD}teams: {{a: {{cap: 5, workspaces: [b]}}}}\n", "teams", "groups"),
        (
            f"{VALID}exceptions: [{{budget: global, cap: 6, expires: 2026-11-30, reason: x}}]\n",
            "expires",
            "until",
        ),
    ],
)
def test_keys_of_another_word_are_refused_with_the_one_meant(
    text: str, written: str, meant: str
) -> None:
    """What other tools call it leads to the key that is here, and with that it is a policy."""
    found = [it for it in refused(text).problems if it.message == "unknown key"]
    assert [problem.hint for problem in found] == [f"did you mean {meant!r}?"]
    policy(text.replace(f"{written}:", f"{meant}:"))


def test_a_key_is_not_told_to_be_one_that_stands_beside_it() -> None:
    """With a cap there already, `limit` must be something else."""
    assert "'cap'" not in hint(f"{HEAD}global: {{cap: 5, limit: 6}}\n")


def test_unknown_key_like_no_other_has_a_hint() -> None:
    """Where no key is near, the hint says so in another way."""
    assert "did you mean" not in hint(VALID + "xyzzy: 1\n")


@pytest.mark.parametrize(
    "text",
    [
        VALID + "cap: 5000\n",
        VALID + "warn_at: [80%]\n",
        VALID + "workspaces: {a: {cap: 5, prices: {}}}\n",
    ],
)
def test_key_at_the_wrong_place_is_not_suggested_for_itself(text: str) -> None:
    """A known key that stands where it does not belong is not answered with its own name."""
    (problem,) = refused(text).problems
    assert problem.message == "unknown key"
    assert f"did you mean {problem.key.rsplit('.')[-1]!r}" not in problem.hint


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("version: 1\nunlisted: fail\nglobal_: {cap: 5}\n", "global_"),
        (
            f"{VALID}prices: {{models: {{x: {{start: 2026-11-01, {CARD}}}}}}}\n",
            "prices.models.x.start",
        ),
    ],
)
def test_names_of_the_code_are_no_keys(text: str, path: str) -> None:
    """A key is what the reference calls it, and nothing else."""
    (problem,) = refused(text).problems
    assert (problem.key, problem.message) == (path, "unknown key")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 2\nunlisted: fail\n", ["'1'"]),
        (HEAD + "unlisted: sometimes\n", ["'allow'", "'warn'", "'fail'"]),
        (VALID + "spend: {uncertain: ok}\n", ["'fail'", "'warn'"]),
        (VALID + "spend: {unknown_model: ok}\n", ["'fail'", "'upper_bound'"]),
    ],
)
def test_closed_choices_are_listed(text: str, words: list[str]) -> None:
    """Where only some words are allowed the hint has them all."""
    assert all(word in hint(text) for word in words)


def test_policy_without_a_budget_is_told_how_to_get_one() -> None:
    """The hint of an empty policy is a line to paste."""
    assert "global: {cap: " in hint("version: 1\n")


# Places of what is right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("global",), 2),
        (("workspaces", "production"), 6),
        (("workspaces", "staging"), 7),
        (("unlisted",), 9),
        (("prices", "models", "claude-custom-1"), 16),
        (("workspaces", "gone"), 5),
        (("nothing", "at", "all"), 1),
    ],
)
def test_lines_of_budgets(path: tuple[str, ...], line: int) -> None:
    """Each part of a policy is known by its line; what is not there by that of what would hold it."""
    assert policy(WHOLE).source.line(*path) == line


# Files -------------------------------------------------------------------------------------------


def test_policy_is_read_from_a_file(tmp_path: Path) -> None:
    """A policy file is read and its places are those of the file."""
    file = tmp_path / "budget.yml"
    file.write_text(WHOLE, encoding="utf-8")
    assert load_policy(file, "budget.yml") == policy(WHOLE)


def test_defects_carry_the_name_that_was_given(tmp_path: Path) -> None:
    """Messages call the file as the user does, not by where it lies."""
    file = tmp_path / "policy"
    file.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_policy(file, "../ci/policy.yml")
    assert [problem.place for problem in caught.value.problems] == ["../ci/policy.yml:1:1"]


@pytest.mark.parametrize("make", [lambda _: None, Path.mkdir], ids=["missing", "a folder"])
def test_file_that_cannot_be_read(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A policy that is not there is an error that says how to name one."""
    make(tmp_path / "budget.yml")
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        load_policy(tmp_path / "budget.yml", "budget.yml")
    assert "--policy" in caught.value.hint


def test_large_file_is_not_read_whole(tmp_path: Path) -> None:
    """Of a file beyond the limit, be it terabytes, no more is read than tells that."""
    file = tmp_path / "budget.yml"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(ConfigurationError) as caught:
        load_policy(file, "budget.yml")
    assert errors_of(caught.value) == ["budget.yml:1:1: the file is larger than 256 KiB"]


# Whatever comes ----------------------------------------------------------------------------------


def read_or_refused(raw: bytes) -> Policy | ConfigurationError:
    """The policy that `raw` holds, or the error that it is refused with."""
    try:
        return load_document(raw, "budget.yml", Policy)[0]
    except ConfigurationError as error:
        return error


def assert_policy_or_defects(raw: bytes) -> None:
    """Either a policy that can fail comes out, or defects at places of the text, in order."""
    read = read_or_refused(raw)
    if isinstance(read, Policy):
        assert read.global_ or read.workspaces or read.unlisted != "allow"
        return
    assert read.problems
    places = [(problem.line, problem.column) for problem in read.problems]
    assert places == sorted(places)
    for problem in read.problems:
        assert str(problem).startswith(f"budget.yml:{problem.line}:{problem.column}: ")
        assert problem.message
        assert problem.hint
        assert problem.line >= 1
        assert problem.column >= 1


@given(st.text())
def test_any_text_is_a_policy_or_an_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    assert_policy_or_defects(text.encode("utf-8", "surrogatepass"))


@given(st.binary())
def test_any_bytes_are_a_policy_or_an_error(raw: bytes) -> None:
    """No bytes make the reader fail in another way."""
    assert_policy_or_defects(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                *"{}[],:-?&*!|>'\"%@`#\n \t",
                "\n  ",
                "version: 1\n",
                "global:",
                "cap: ",
                "<<",
                "5",
                "80%",
            ]
        ),
        max_size=60,
    )
)
@settings(max_examples=500)
def test_any_yaml_signs_are_a_policy_or_an_error(parts: list[str]) -> None:
    """No heap of YAML's own signs makes the reader fail in another way."""
    assert_policy_or_defects("".join(parts).encode())


KEYS = st.sampled_from(
    [
        "version",
        "global",
        "global_",
        "workspaces",
        "unlisted",
        "spend",
        "prices",
        "names",
        "cap",
        "warn_at",
        "uncertain",
        "unknown_model",
        "discount",
        "models",
        "default",
        "budget",
        "word",
        "input",
        "output",
        "from",
        "until",
        "long_context",
        "above",
        "batch",
        "0",
        "[key]",
    ]
) | st.just("")
SCALARS = st.text(max_size=5) | st.sampled_from(
    [
        "1",
        "5",
        "0",
        "-1",
        "80%",
        "0%",
        "101%",
        "allow",
        "warn",
        "fail",
        "upper_bound",
        "none",
        "2026-11-01",
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "true",
        "{x}",
        "%s",
    ]
)
TREES = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(KEYS, part, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, TREES, max_size=6), st.booleans())
@settings(max_examples=500)
def test_any_tree_is_a_policy_or_an_error(tree: dict[str, object], valid: bool) -> None:  # noqa: FBT001 - drawn
    """No document of known keys and odd values makes the reader fail in another way."""
    whole = {**tree, "version": "1", "global": {"cap": "5"}} if valid else tree
    assert_policy_or_defects(json.dumps(whole).encode())


@given(
    st.decimals(min_value=0, max_value=999_999_999_999_999, places=12).map(lambda n: f"{n:f}")
    | st.integers(0, 999_999_999_999_999).map(str)
)
def test_any_amount_is_read_back_exactly(written: str) -> None:
    """The amount that is read has the very digits that were written."""
    assert str(cap(written)) == str(Decimal(written))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
def test_only_plain_numbers_are_amounts(written: str) -> None:
    """What is read as a cap is ASCII digits with at most one point between them, no thousands."""
    text = f"{HEAD}global: {{cap: {json.dumps(written)}}}\n"
    read = read_or_refused(text.encode())
    if re.fullmatch(r"(?![1-9]\d?\d?\.\d{3}$)[0-9]{1,15}(\.[0-9]{1,12})?", written):
        assert isinstance(read, Policy)
        assert read.global_
        assert read.global_.cap == Decimal(written)
    else:
        assert isinstance(read, ConfigurationError)


@given(st.integers(1, 10_000))
def test_any_level_is_read_exactly(hundredths: int) -> None:
    """A percentage with two decimals is the exact ratio."""
    assert levels(f"[{hundredths // 100}.{hundredths % 100:02}%]") == (
        Decimal(hundredths).scaleb(-4),
    )


def test_days_are_read_as_days() -> None:
    """The first and the last day of a card are those that were written."""
    file = policy(
        f"{VALID}prices: {{models: {{x: {{from: 2028-02-29, until: 2028-03-01, {CARD}}}}}}}"
    )
    (card,) = file.policy.prices.models["x"]
    assert (card.start, card.until) == (date(2028, 2, 29), date(2028, 3, 1))
