"""What a value of a policy may be: what is refused is quoted, with why and with what to write."""

from decimal import Decimal

import pytest

from budget_gate.domain.fields import cap_readings, plain_amount, shown
from budget_gate.errors import ConfigurationError
from tests.helpers.builders import policy
from tests.helpers.wording import assert_says

# Where a value stands in a policy, by what it is.
PLACES = {
    "cap": "global: {{cap: {}}}",
    "ratio": "global: {{cap: 1, max_exception: {}}}",
    "percent": "global: {{cap: 1}}\nprices: {{discount: {}}}",
    "day": "global: {{cap: 1}}\nexceptions: [{{budget: global, cap: 1, reason: x, until: {}}}]",
    "text": "global: {{cap: 1}}\nexceptions: [{{budget: global, cap: 1, until: 2026-11-30, reason: {}}}]",
    "name": "global: {{cap: 1}}\norganization: {}",
    "flag": "models: {{a: {{cap: 1, optional: {}}}}}",
    "number": (
        "global: {{cap: 1}}\nprices: {{models: {{a: {{input: {}, output: 1, cache_write_5m: 1, "
        "cache_write_1h: 1, cache_read: 1}}}}}}"
    ),
    "count": (
        "global: {{cap: 1}}\nprices: {{models: {{a: {{input: 1, output: 1, cache_write_5m: 1, "
        "cache_write_1h: 1, cache_read: 1, long_context: {{above: {}, input: 1, output: 1, "
        "cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}}}}}}}}"
    ),
}


@pytest.mark.parametrize(
    ("kind", "written", "message", "hint"),
    [
        ("cap", "many", "'many' is not an amount", "write a plain number that is not negative"),
        ("cap", "-5", "'-5' is not an amount", "such as 5000 or 0.30"),
        ("cap", "5k", "'5k' is not an amount", "write 5000"),
        ("cap", "'5,000'", "'5,000' is not an amount", "write 5000"),
        ("cap", "'5,00'", "'5,00' is not an amount", "without commas, such as 5000 or 2800.50"),
        ("cap", "5.000", "'5.000' may be 5000 or 5.00", "write 5000, or 5.00"),
        ("cap", "5.125", "'5.125' may be 5125 or 5.1250", "write 5125, or 5.1250"),
        ("cap", "\u201c5\u201d", "is not an amount", "use straight quotes, or none"),
        ("cap", "[5]", "a list is not an amount", "write a plain number"),
        ("cap", "{a: 5}", "a block of keys is not an amount", "write a plain number"),
        ("cap", "1000000000000000", "is not an amount", "write a plain number"),
        ("number", "1.0000000000001", "is not an amount", "write a plain number"),
        ("ratio", "50", "'50' is not a percentage", "write 50%"),
        ("ratio", "'50 '", "'50 ' is not a percentage", "write 50%"),
        ("ratio", "0.5", "'0.5' is not a percentage", "write 50%, or 0.5%"),
        ("ratio", "1", "'1' is not a percentage", "write 100%, or 1%"),
        ("ratio", "half", "'half' is not a percentage", "with the percent sign, such as 80%"),
        ("percent", "0", "'0' is not a percentage from 0% to 100%", "percent sign, such as 80%"),
        ("percent", "101", "'101' is not a percentage from 0% to 100%", "write at most 100%"),
        ("percent", "101%", "'101%' is not a percentage from 0% to 100%", "write at most 100%"),
        ("percent", "100", "'100' is not a percentage from 0% to 100%", "write 100%"),
        ("day", "soon", "'soon' is not a day", "write a UTC day as YYYY-MM-DD"),
        ("day", "2026-02-30", "'2026-02-30' is not a day", "February 2026 has 28 days"),
        ("day", "30.11.2026", "'30.11.2026' is not a day", "write 2026-11-30"),
        ("text", "''", "'' is not a text", "write a text that is not empty"),
        ("text", "[a]", "a list is not a text", "write a text that is not empty"),
        ("name", "' a'", "' a' begins or ends with a blank", "remove the blank"),
        ("name", "''", "'' is not a text", "write a text that is not empty"),
        ("flag", "yes", "'yes' is neither true nor false", "write true or false"),
        ("count", "2e5", "'2e5' is not a whole number", "write a number such as 200000"),
        ("count", "200000.0", "'200000.0' is not a whole number", "such as 200000"),
    ],
)
def test_a_value_that_is_refused_is_told_with_what_to_write(
    kind: str, written: str, message: str, hint: str
) -> None:
    """It is shown as it was written, and nothing is guessed where it may mean two things."""
    with pytest.raises(ConfigurationError) as caught:
        policy(f"version: 1\n{PLACES[kind].format(written)}\n")
    (problem,) = caught.value.problems
    assert_says(problem.message, message)
    assert_says(problem.hint, hint)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        *(("cap", it) for it in ("0", "0.5", "5000", "999999999999999", "5.00", "1.0000", "0.125")),
        *(("percent", it) for it in ("0%", "100%", "12.5%", "'12.5 %'")),
        *(("ratio", it) for it in ("0%", "101%", "1000 %")),
        *(("flag", it) for it in ("true", "false")),
        *(("name", it) for it in ("a", "'1'", "a b")),
        *(("day", it) for it in ("2026-11-30", "2028-02-29")),
        *(("count", it) for it in ("1", "200000")),
        *(("number", it) for it in ("5.000", "0.000000000001")),
    ],
)
def test_a_value_that_is_right_is_taken(kind: str, written: str) -> None:
    """Up to the bounds of each."""
    policy(f"version: 1\n{PLACES[kind].format(written)}\n")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        *(("5k", "5000"), ("5K", "5000"), ("2.5k", "2500"), ("$5,000", "5000")),
        *(("US$ 5", "5"), ("5 USD", "5"), ("usd5", "5"), ("5$", "5"), ("5_000", "5000")),
        *(
            ("5'000.50", "5000.50"),
            ("5 000", "5000"),
            ("5\u00a0000", "5000"),
            ("1.000.000", "1000000"),
        ),
        *(("12", "12"), ("5,00", None), ("1,0000", None), ("5 EUR", None), ("k", None), ("", None)),
        *((["5"], None), ("9999999999999k", None)),
    ],
)
def test_money_as_people_write_it_has_a_plain_number(written: object, plain: str | None) -> None:
    """With its separators, its currency or a k; what is no money has none."""
    assert plain_amount(written) == plain


@pytest.mark.parametrize(
    ("written", "readings"),
    [
        ("5.000", ("5000", "5.00")),
        ("12.345", ("12345", "12.3450")),
        ("$5.000", ("5000", "5.00")),
        ("0.500", ("0.500",)),
        ("5.00", ("5.00",)),
        ("1234.000", ("1234.000",)),
        ("5000", ("5000",)),
        ("five", ()),
    ],
)
def test_a_point_before_three_digits_may_be_one_of_thousands(
    written: str, readings: tuple[str, ...]
) -> None:
    """Unless there is nothing before it, or more than three digits."""
    assert cap_readings(written) == readings


def test_a_value_is_quoted_up_to_a_readable_length() -> None:
    """60 characters with its quotes; what is no text is named by its form."""
    assert shown("x" * 58) == f"'{'x' * 58}'"
    assert shown("x" * 59) == f"'{'x' * 55}...'"
    assert (shown(["a"]), shown({"a": 1})) == ("a list", "a block of keys")


def test_a_percentage_is_exact() -> None:
    """12.345% are 0.12345."""
    file = policy("version: 1\nglobal: {cap: 1, max_exception: 12.345%, warn_at: [100%]}\n")
    assert file.policy.global_ is not None
    assert file.policy.global_.max_exception == Decimal("0.12345")
    assert file.policy.global_.warn_at == (Decimal(1),)
