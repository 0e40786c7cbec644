"""What a policy must not say is told at its place, all of it at once, with what to write instead."""

import pytest

from budget_gate.domain.fields import Document
from budget_gate.domain.prices.cards import PriceDocument
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document
from tests.helpers.builders import errors_of, policy
from tests.helpers.refusals import defect, hint, refused
from tests.helpers.wording import assert_says

HEAD = "version: 1\n"
VALID = "version: 1\nglobal: {cap: 5}\n"
CARD = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30"


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


CARD_BELOW = (
    "`input: 3, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.3, output: 15` below it"
)
MODEL_BELOW = "`claude-custom-1: {input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.3}`"


# Each is written below VALID, so that its first line is the third.
@pytest.mark.parametrize(
    ("text", "place", "key", "what", "remedy"),
    [
        ("spend:\n", "3:1", "spend", "is empty", "write `basis: billed` below it, indented"),
        (
            "spend: [a]\n",
            "3:1",
            "spend",
            "is a list",
            "`basis: billed` below it, indented and with",
        ),
        ("spend: 5\n", "3:1", "spend", "'5' stands where keys", "write `basis: billed` below it"),
        ("prices: 5\n", "3:1", "prices", "'5' stands where keys", "`discount: 10%` below it"),
        ("prices: {models: 5}\n", "3:10", "prices.models", "'5' stands", f"write {MODEL_BELOW}"),
        ("prices: {models: {x: [5]}}\n", "3:23", "prices.models.x.0", "'5' stands", CARD_BELOW),
        ("prices: {models: {x: [[]]}}\n", "3:23", "prices.models.x.0", "a list", CARD_BELOW),
        (
            f"prices: {{models: {{x: {{{CARD}, long_context: 5}}}}}}\n",
            "3:104",
            "prices.models.x.long_context",
            "'5' stands where keys belong",
            "write `above: 200000` below it, indented",
        ),
        (
            "prices: {models: {x: 5}}\n",
            "3:19",
            "prices.models.x",
            "is not a list",
            "`- key: value`",
        ),
        ("exceptions: 5\n", "3:1", "exceptions", "is not a list", "list it below, each as"),
        (
            "exceptions: [5]\n",
            "3:14",
            "exceptions.0",
            "'5' stands where keys belong",
            (
                "write `budget: workspaces.production, cap: 7500, until: 2026-11-30, "
                "reason: the migration` below it, indented"
            ),
        ),
        ("names: a\n", "3:1", "names", "'a' stands", "write `wrkspc_01OLD: legacy-bot` below"),
        ("models: [a]\n", "3:1", "models", "is a list, where keys belong", "and without a dash"),
        ("models: {a: }\n", "3:10", "models.a", "is empty", "write `cap: 5000` below it"),
        (
            "models: {a: [5]}\n",
            "3:10",
            "models.a",
            "is a list",
            "write `cap: 5000` below it, indented",
        ),
        (
            "groups: {g: [a]}\n",
            "3:10",
            "groups.g",
            "is a list, where keys belong",
            "write `cap: 5000, workspaces: [evals, exp-*]` below it, indented and without a dash",
        ),
        (
            "groups: {g: {cap: 5, workspaces: 5}}\n",
            "3:22",
            "groups.g.workspaces",
            "is not a list",
            "[5]",
        ),
        (
            "workspaces: cap:5\n",
            "3:13",
            "workspaces",
            "'cap:5' is one word to YAML",
            "after `cap:`",
        ),
        (
            "models:\n  a: x:y\n",
            "4:6",
            "models.a",
            "'x:y' is one word",
            "put a plain space after `x:`",
        ),
        (
            "unlisted: [a]\n",
            "3:1",
            "unlisted",
            "a list is not allowed here",
            "'allow', 'warn' or 'fail'",
        ),
        (
            "unlisted: {5: 6, cap: 7}\n",
            "3:12",
            "unlisted.5",
            "unknown key",
            "remove it; possible here: w",
        ),
        (
            "unlisted: {cap: 5, xyzzy: 1}\n",
            "3:20",
            "unlisted.xyzzy",
            "unknown key",
            "remove it; possible here: warn_at, daily_cap, forecast",
        ),
        (
            "xyzzy: 1\n",
            "3:1",
            "xyzzy",
            "unknown key",
            "remove it; possible here: organization, workspaces, groups, models, exceptions",
        ),
        ("reason: x\n", "3:1", "reason", "unknown key", "it belongs below `exceptions:`"),
        ("above: 5\n", "3:1", "above", "unknown key", "remove it; possible here: organization, w"),
        ("limit: 5\n", "3:1", "limit", "unknown key", "remove it; possible here: organization, w"),
        ("rest: {cap: 5}\n", "3:1", "rest", "unknown key", "did you mean 'unlisted'?"),
        ("others: {cap: 5}\n", "3:1", "others", "unknown key", "did you mean 'unlisted'?"),
        (
            "workspaces: {a: {cap: 5, workspaces: [b]}}\n",
            "3:26",
            "workspaces.a.workspaces",
            "unknown key",
            "it belongs at the top, without indentation",
        ),
    ],
)
def test_a_defect_has_its_place_its_key_and_its_remedy(
    text: str, place: str, key: str, what: str, remedy: str
) -> None:
    """What one would write instead is an example of what belongs there."""
    problem = defect(VALID + text)
    assert (problem.place, problem.key) == (f"budget.yml:{place}", key)
    assert_says(problem.message, what)
    assert_says(problem.hint, remedy)


def test_a_remedy_says_nothing_of_a_dash_where_no_list_stands() -> None:
    """Nor where the whole file is a list: it has many."""
    assert hint(f"{VALID}spend: 5\n").endswith(", indented")
    assert hint("- a\n- b\n").endswith("`budget-gate init`")
    assert_says(hint("5000\n"), "begin with `version: 1`, or", "`budget-gate init`")


def test_where_every_key_is_there_an_unknown_one_is_to_be_removed() -> None:
    """There is nothing left that it may be."""
    text = "unlisted: {cap: 5, warn_at: [80%], daily_cap: 5, forecast: off, xyzzy: 1}\n"
    assert hint(VALID + text) == "remove it"


def test_a_key_is_told_three_places_at_the_most() -> None:
    """A cap may stand below the models and the exceptions, too."""
    assert [problem.hint for problem in refused("cap: 5\n").problems] == [
        "it belongs below `global:` or `workspaces:` or `groups:`",
        "add `version: 1`",
    ]


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("spend:\nuncertain: warn\n", {"spend": "BELOW", "uncertain": "indent it below `spend:`"}),
        (
            "spend:\nuncertain: warn\nbasis: billed\n",
            {
                "spend": "BELOW",
                "uncertain": "indent it below `spend:`",
                "basis": "it belongs below `spend:`",
            },
        ),
        ("spend: {basis: list}\nuncertain: warn\n", {"uncertain": "it belongs below `spend:`"}),
        ("uncertain: warn\nspend: {}\n", {"uncertain": "it belongs below `spend:`"}),
        ("spend:\ndiscount: 5%\n", {"spend": "BELOW", "discount": "it belongs below `prices:`"}),
        (
            (
                f"prices:\n  models:\n    x:\n      {CARD.replace(', ', chr(10) + '      ')}\n"
                "      long_context:\n      above: 5\n"
            ),
            {
                "prices.models.x.long_context": "write `above: 200000` below it, indented",
                "prices.models.x.above": "indent it below `long_context:`",
            },
        ),
        (
            "exceptions:\nbudget: global\n",
            {
                "exceptions": "list it below, each as `- key: value`",
                "budget": "indent it below `exceptions:`",
            },
        ),
        (
            "names:\nabc: a\n",
            {
                "names": "write `wrkspc_01OLD: legacy-bot` below it, indented",
                "abc": "indent it below `names:`",
            },
        ),
    ],
)
def test_a_key_that_is_not_indented_is_told_what_is_empty_above_it(
    text: str, hints: dict[str, str]
) -> None:
    """The key right before it, where nothing stands below that and this one might."""
    expected = {
        key: it.replace("BELOW", "write `basis: billed` below it, indented")
        for key, it in hints.items()
    }
    assert {it.key: it.hint for it in refused(VALID + text).problems} == expected


@pytest.mark.parametrize("space", "\u00a0\u202f\u2007")
def test_every_no_break_space_before_a_key_is_told(space: str) -> None:
    """Whatever its width."""
    *_, problem = refused(f"{VALID}unlisted:\n{space}cap: 5\n").problems
    assert (problem.place, problem.message) == ("budget.yml:4:1", "unknown key")
    assert_says(problem.hint, "put plain spaces before it", "no-break spaces")


def test_what_stands_below_a_key_that_is_there_twice_is_passed_over() -> None:
    """It is under no path of the document, be it a list, keys or a text with a colon."""
    text = "exceptions: [{reason: x:y, cap: }]\n"
    twice = f"version: 2\nglobal: {{cap: 5}}\n{text}{text}"
    assert [(it.line, it.message) for it in refused(twice).problems][-1] == (
        4,
        "the key stands already in line 3",
    )


class Odd(Document):
    """A document whose kinds are not those of a policy."""

    number: int
    part: "Odd | None" = None


def test_what_another_model_refuses_is_told_in_its_words() -> None:
    """As a kind that no policy has, which pydantic checks; a key without an example has none."""
    with pytest.raises(ConfigurationError) as caught:
        load_document(b"number: many\npart: {part: 5}\n", "odd.yml", Odd)
    first, *others = caught.value.problems
    assert (first.place, first.key) == ("odd.yml:1:1", "number")
    assert_says(first.message, "integer")
    assert_says(first.hint, "correct it, or remove it")
    assert [(it.place, it.key, it.message, it.hint) for it in others] == [
        ("odd.yml:2:1", "part.number", "is missing", "add it"),
        (
            "odd.yml:2:8",
            "part.part",
            "'5' stands where keys belong",
            "write its keys below it, indented",
        ),
    ]


def test_a_list_without_an_example_is_shown_in_brackets() -> None:
    """As the other names of a model in the price book."""
    with pytest.raises(ConfigurationError) as caught:
        load_document(b"models: {x: {aliases: 'a, b', prices: []}}\n", "prices.yml", PriceDocument)
    found = {it.key: it.hint for it in caught.value.problems}
    assert found["models.x.aliases"] == "write it in brackets: [a, b]"
    assert found["verified_on"] == "add it"


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
