"""Policies are read strictly: every defect by its place, nothing guessed, nothing ignored."""

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.policy.budgets import Budget, GlobalBudget
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document, load_policy
from tests.helpers.builders import errors_of, policy
from tests.helpers.refusals import hint, refused
from tests.helpers.wording import assert_says

HEAD = "version: 1\n"
VALID = "version: 1\nglobal: {cap: 5}\n"
CARD = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30"
KIB_256 = 256 * 1024


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


def test_file_of_256_kib_is_read() -> None:
    """The limit itself is within the limit."""
    text = VALID + "#" * (KIB_256 - len(VALID))
    assert isinstance(policy(text), PolicyFile)


def test_depth_of_a_real_policy_is_allowed() -> None:
    """The deepest part of a policy, a long-context price of a dated card, is not too deep."""
    card = f"{CARD}, long_context: {{above: 200000, {CARD}}}"
    assert isinstance(policy(f"{VALID}prices: {{models: {{x: [{{{card}}}]}}}}\n"), PolicyFile)


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


def test_error_names_the_file() -> None:
    """The error as a whole says which file is wrong, by the name that it was given."""
    error = refused("version: 2\n")
    assert error.file == "budget.yml"
    assert_says(error.message, "budget.yml is not a valid policy")


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


@pytest.mark.parametrize(
    ("make", "reason"),
    [(lambda _: None, "No such file or directory"), (Path.mkdir, "Is a directory")],
    ids=["missing", "a folder"],
)
def test_file_that_cannot_be_read(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    """A policy that is not there is an error that says how to name one."""
    make(tmp_path / "budget.yml")
    with pytest.raises(ConfigurationError) as caught:
        load_policy(tmp_path / "budget.yml", "budget.yml")
    assert_says(caught.value.message, f"the policy budget.yml cannot be read: {reason}")
    assert_says(caught.value.hint, "name the policy with --policy or BUDGET_GATE_POLICY")


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
