"""The policy's JSON Schema is that of the models, and takes what the program takes."""

import ast
import importlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from budget_gate.domain.fields import Document
from budget_gate.domain.policy.budgets import Budget, CapException, GlobalBudget, Group, NamedBudget
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.policy.spend_rules import SpendRules
from budget_gate.domain.policy.warnings import (
    Alerts,
    ForecastAlert,
    Notify,
    Rise,
    SlackChannel,
    Webhook,
)
from budget_gate.domain.prices.cards import LongContext, Prices, RateCard
from budget_gate.errors import ConfigurationError
from budget_gate.sources.files.documents import load_document
from tests.helpers.pages import PAGES, policies
from tests.helpers.paths import ROOT, TESTS
from tests.helpers.paths import SCHEMA as FILE
from tests.helpers.running import Gate, Here, checkout
from tests.helpers.schema import ID, rendered

SCHEMA: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
MODELS: dict[str, type[Document]] = {
    model.__name__: model
    for model in (
        Policy,
        Alerts,
        Budget,
        CapException,
        ForecastAlert,
        GlobalBudget,
        Group,
        LongContext,
        NamedBudget,
        Notify,
        Prices,
        RateCard,
        Rise,
        SlackChannel,
        SpendRules,
        Webhook,
    )
}
PARTS: dict[str, dict[str, Any]] = {"Policy": SCHEMA, **SCHEMA["$defs"]}
PROPERTIES = [(part, key) for part, schema in PARTS.items() for key in schema["properties"]]
every_property = pytest.mark.parametrize(("part", "key"), PROPERTIES)

VALID = "version: 1\nglobal: {cap: 5}\n"
CARD = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0.30"


class Editor(yaml.SafeLoader):
    """YAML 1.2 as an editor reads it: numbers and booleans are such, days and `off` are text."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - PyYAML's own
    ) -> dict[Any, Any]:
        """Every key is text."""
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


_SCALARS: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("null", r"~|null|Null|NULL|", lambda _: None),
    ("bool", r"true|True|TRUE|false|False|FALSE", lambda text: text.lower() == "true"),
    ("int", r"[-+]?[0-9]+", int),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
)


def _constructor(read: Callable[[str], object]) -> Callable[[Editor, yaml.ScalarNode], object]:
    return lambda _, node: read(node.value)


for _tag, _pattern, _read in _SCALARS:
    Editor.add_implicit_resolver(f"!{_tag}", re.compile(f"^(?:{_pattern})$"), None)
    Editor.add_constructor(f"!{_tag}", _constructor(_read))


def is_accepted_by_the_schema(text: str) -> bool:
    """Whether an editor finds nothing wrong with the policy."""
    return VALIDATOR.is_valid(yaml.load(text, Loader=Editor))  # noqa: S506 - a SafeLoader


def is_accepted_by_the_program(text: str) -> bool:
    """Whether the policy can be loaded."""
    try:
        load_document(text.encode(), "budget.yml", Policy)
    except ConfigurationError:
        return False
    return True


# The file ----------------------------------------------------------------------------------------


def test_the_file_is_what_the_models_give() -> None:
    """A change of the models is one of the schema."""
    assert FILE.read_text(encoding="ascii") == rendered(), (
        "run: python -m tests.helpers.schema > budget_gate/data/policy.schema.json"
    )


def test_it_is_a_json_schema() -> None:
    """By the definition of the draft that it names."""
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_command_prints_the_file(here: Here) -> None:
    """Whatever the settings are, and without a policy or a key."""
    here.set({"BUDGET_GATE_FORMAT": "nonsense", "ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("schema")
    assert (run.code, run.stdout, run.stderr) == (0, FILE.read_text(encoding="ascii"), "")


def test_a_schema_that_cannot_be_printed_is_an_error(tmp_path: Path) -> None:
    """What reads it may be gone: half a schema must not pass for a whole one."""
    program: Gate = checkout(tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    run = program.run("schema", stdout=writer)
    os.close(writer)
    assert run.code == 2
    assert run.stderr == "budget-gate: the schema cannot be printed: Broken pipe\n"


def test_the_reference_names_the_address_of_the_schema() -> None:
    """In the comment by which editors find it."""
    assert SCHEMA["$id"] == ID
    assert f"# yaml-language-server: $schema={ID}\n" in PAGES["docs/policy.md"]


# What it says of each key ------------------------------------------------------------------------


def test_every_model_of_a_policy_is_looked_at() -> None:
    """The schema has no part but those that the tests below go through."""
    assert PARTS.keys() == MODELS.keys()


@pytest.mark.parametrize("part", PARTS)
def test_no_other_key_is_allowed(part: str) -> None:
    """The keys are those of the model, by the names that a policy has for them."""
    fields = MODELS[part].model_fields
    assert [*PARTS[part]["properties"]] == [field.alias or name for name, field in fields.items()]
    assert PARTS[part]["additionalProperties"] is False


@every_property
def test_every_key_has_a_description(part: str, key: str) -> None:
    """A sentence of a line or two, for whoever hovers over the key."""
    description = PARTS[part]["properties"][key]["description"]
    assert description.endswith(".")
    assert len(description) < 200


@every_property
def test_every_key_has_examples_that_it_allows(part: str, key: str) -> None:
    """What an editor proposes it does not find wrong."""
    own = PARTS[part]["properties"][key]
    assert own["examples"]
    for example in own["examples"]:
        VALIDATOR.evolve(schema={"$defs": SCHEMA["$defs"], **own}).validate(example)


@every_property
def test_the_program_takes_every_example(part: str, key: str) -> None:
    """In a part of the policy with nothing else but what it needs."""
    for example in PARTS[part]["properties"][key]["examples"]:
        MODELS[part].model_validate({**least(part), key: as_text(example)})


@pytest.mark.parametrize(
    ("part", "key"),
    [each for each in PROPERTIES if "default" in PARTS[each[0]]["properties"][each[1]]],
)
def test_every_default_is_the_programs(part: str, key: str) -> None:
    """Writing it out changes nothing."""
    default = PARTS[part]["properties"][key]["default"]
    model, rest = MODELS[part], least(part)
    assert model.model_validate({**rest, key: as_text(default)}) == model.model_validate(rest)


def least(part: str) -> dict[str, object]:
    """The first examples of the keys that a part must have; for a policy, of a budget as well."""
    keys = [*PARTS[part].get("required", ()), *(["global"] if part == "Policy" else [])]
    return {key: as_text(PARTS[part]["properties"][key]["examples"][0]) for key in keys}


def as_text(value: object) -> object:
    """A value as the program reads it from YAML: every scalar is text."""
    match value:
        case dict():
            return {key: as_text(each) for key, each in value.items()}
        case list():
            return [as_text(each) for each in value]
        case str():
            return value
        case _:
            return json.dumps(value)


# Which policies it takes -------------------------------------------------------------------------


@pytest.mark.parametrize("text", policies())
def test_policies_of_the_documentation_are_accepted(text: str) -> None:
    """By the program as well."""
    assert is_accepted_by_the_program(text)
    assert is_accepted_by_the_schema(text)


@pytest.mark.parametrize(
    "name", [".github/this-repository.yml", "budget_gate/data/sample/budget.yml"]
)
def test_policies_of_the_repository_are_accepted(name: str) -> None:
    """Its own and that of the sample organization."""
    assert is_accepted_by_the_schema((ROOT / name).read_text(encoding="utf-8"))


def valid_policies(path: Path) -> set[str]:
    """The texts in a module of the tests that the program takes for a policy."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    names = vars(importlib.import_module(module))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {text for node in ast.walk(tree) if (text := text_of(node, names))}
    return {text for text in texts if "version" in text and is_accepted_by_the_program(text)}


def text_of(node: ast.AST, names: Mapping[str, object]) -> str | None:
    """The text that a literal is, with the constants of its module in it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            constant = names.get(name)
            return constant if isinstance(constant, str) else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [text_of(left, names), text_of(right, names)]
        case ast.JoinedStr(values=values):
            parts = [text_of(each, names) for each in values]
        case ast.FormattedValue(value=value, format_spec=None):
            return text_of(value, names)
        case _:
            return None
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


(DOCUMENTS,) = TESTS.rglob("test_documents.py")


def test_policies_are_found_in_the_tests() -> None:
    """Or the test below would look at nothing: plain ones, joined ones and those of a format."""
    found = valid_policies(DOCUMENTS)
    assert VALID in found
    assert any("from: 2028-02-29, until: 2028-03-01, input: 3" in text for text in found)
    assert len(found) > 12


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("[a-z]*.py")), ids=lambda path: str(path.relative_to(TESTS))
)
def test_policies_of_the_tests_are_accepted(path: Path) -> None:
    """Every policy that a test writes down and the program takes."""
    assert [text for text in valid_policies(path) if not is_accepted_by_the_schema(text)] == []


EXCEPTION = "budget: global, cap: 6, until: 2026-11-30"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("global: {cap: 5}\n", id="no version"),
        pytest.param("version: 2\nglobal: {cap: 5}\n", id="version 2"),
        pytest.param("version: 1\n", id="no budget"),
        pytest.param("version: 1\nworkspaces: {}\ngroups: {}\nmodels: {}\n", id="empty budgets"),
        pytest.param("version: 1\nunlisted: allow\n", id="no budget but a word"),
        pytest.param("version: 1\nglobal:\n", id="empty global"),
        pytest.param("version: 1\nglobal: 5\n", id="number as global"),
        pytest.param("version: 1\nglobal: {}\n", id="no cap"),
        pytest.param(VALID + "budget: {}\n", id="unknown key"),
        pytest.param(VALID + "global_: {cap: 5}\n", id="a name of the code"),
        pytest.param("version: 1\nglobal: {cap: 5, warnat: [80%]}\n", id="misspelt key"),
        pytest.param("version: 1\nglobal: {cap: 5, optional: true}\n", id="key of another budget"),
        pytest.param("version: 1\nglobal: {cap: -5}\n", id="negative cap"),
        pytest.param("version: 1\nglobal: {cap: $5}\n", id="currency"),
        pytest.param("version: 1\nglobal: {cap: '5.'}\n", id="half a number"),
        pytest.param("version: 1\nglobal: {cap: true}\n", id="boolean as cap"),
        # Without quotes an editor sees the number 5, and cannot know how it was written.
        pytest.param("version: 1\nglobal: {cap: '5.000'}\n", id="cap in thousands"),
        pytest.param("version: 1\nglobal: {cap: 5, daily_cap: '12.500'}\n", id="thousands a day"),
        pytest.param("version: 1\nglobal: {cap: 1000000000000000}\n", id="cap too long"),
        pytest.param("version: 1\nglobal: {cap: 5, daily_cap: -1}\n", id="negative daily cap"),
        pytest.param("version: 1\nglobal: {cap: 5, daily_cap: }\n", id="empty daily cap"),
        pytest.param("version: 1\nglobal: {cap: 5, forecast: no}\n", id="forecast word"),
        pytest.param("version: 1\nglobal: {cap: 5, max_exception: 50}\n", id="ratio without sign"),
        pytest.param("version: 1\nglobal: {cap: 5, warn_at: [80]}\n", id="level without sign"),
        pytest.param("version: 1\nglobal: {cap: 5, warn_at: [101%]}\n", id="level above 100%"),
        pytest.param("version: 1\nglobal: {cap: 5, warn_at: [0.0%]}\n", id="level of nothing"),
        pytest.param("version: 1\nglobal: {cap: 5, warn_at: []}\n", id="no level"),
        pytest.param("version: 1\nglobal: {cap: 5, warn_at: 80%}\n", id="level that is no list"),
        pytest.param("version: 1\nworkspaces: [production]\n", id="list of workspaces"),
        pytest.param("version: 1\nworkspaces: {'': {cap: 5}}\n", id="workspace without a name"),
        pytest.param("version: 1\nmodels: {x: {cap: 5, optional: yes}}\n", id="flag in words"),
        pytest.param("version: 1\ngroups: {g: {cap: 5, workspaces: []}}\n", id="empty group"),
        pytest.param("version: 1\ngroups: {g: {cap: 5}}\n", id="group of nothing"),
        pytest.param(VALID + "groups: {g: {cap: 5, workspaces: [a, '']}}\n", id="empty member"),
        pytest.param(f"{VALID}exceptions: [{{{EXCEPTION}}}]\n", id="exception without reason"),
        pytest.param(
            f"{VALID}exceptions: [{{{EXCEPTION}, reason: ''}}]\n", id="exception with no reason"
        ),
        pytest.param(
            VALID + "exceptions: [{budget: global, cap: 6, until: 2026-02-30, reason: x}]\n",
            id="day that does not exist",
        ),
        pytest.param(f"{VALID}exceptions: {{{EXCEPTION}, reason: x}}\n", id="no list"),
        pytest.param("version: 1\nunlisted: sometimes\n", id="unlisted word"),
        pytest.param("version: 1\nunlisted:\n", id="unlisted empty"),
        pytest.param("version: 1\nunlisted: {warn_at: [80%]}\n", id="unlisted without a cap"),
        pytest.param("version: 1\nunlisted: {cap: 5, optional: true}\n", id="unlisted, optional"),
        pytest.param(VALID + "spend: {basis: both}\n", id="basis"),
        pytest.param(VALID + "prices: {discount: 10}\n", id="discount without its sign"),
        pytest.param(VALID + "prices: {models: {x: []}}\n", id="no card"),
        pytest.param(VALID + "prices: {models: {x: {input: 3}}}\n", id="price without classes"),
        pytest.param(
            f"{VALID}prices: {{models: {{x: {{start: 2026-11-01, {CARD}}}}}}}\n", id="start"
        ),
        pytest.param(
            f"{VALID}prices: {{models: {{x: {{from: 20261101, {CARD}}}}}}}\n", id="day in digits"
        ),
        pytest.param(f"{VALID}prices: {{models: {{x: {{batch: half, {CARD}}}}}}}\n", id="factor"),
        pytest.param(
            f"{VALID}prices: {{models: {{x: {{{CARD}, long_context: {{above: 0.5, {CARD}}}}}}}}}\n",
            id="part of a token",
        ),
        pytest.param(VALID + "names: {production: x}\n", id="name of no id"),
        pytest.param(VALID + "alerts: {weekly: {above: 25%}}\n", id="alert of another name"),
        pytest.param(VALID + "alerts: {week_over_week: }\n", id="empty alert"),
        pytest.param(VALID + "alerts: {week_over_week: 25%}\n", id="percentage as alert"),
        pytest.param(VALID + "alerts: {daily: {floor: 50}}\n", id="alert without a limit"),
        pytest.param(VALID + "alerts: {daily: {above: 25}}\n", id="rise without sign"),
        pytest.param(VALID + "alerts: {daily: {above: 0%}}\n", id="rise of nothing"),
        pytest.param(VALID + "alerts: {daily: {above: 0.00 %}}\n", id="rise of 0.00 %"),
        pytest.param(VALID + "alerts: {daily: {above: -5%}}\n", id="fall as a rise"),
        pytest.param(
            VALID + "alerts: {daily: {above: 5%, floor: '12.500'}}\n", id="floor in thousands"
        ),
        pytest.param(
            VALID + "alerts: {forecast: {above: 90%, floor: 5}}\n", id="floor of a forecast"
        ),
        pytest.param(VALID + "notify: {slack: SLACK_WEBHOOK_URL}\n", id="variable as channel"),
        pytest.param(VALID + "notify: {slack: {}}\n", id="channel without a variable"),
        pytest.param(
            VALID + "notify: {slack: {webhook_env: 'https://hooks.example/T1/B2'}}\n",
            id="address as variable",
        ),
        pytest.param(VALID + "notify: {slack: {webhook_env: 1ST_URL}}\n", id="digit first"),
        pytest.param(VALID + "notify: {slack: {webhook_env: $URL}}\n", id="dollar sign"),
        pytest.param(VALID + "notify: {webhook: {url: URL}}\n", id="url as key"),
        pytest.param(
            VALID + "notify: {webhook: {url_env: URL, format: xml}}\n", id="another format"
        ),
        pytest.param(VALID + "notify: {email: a@b.example}\n", id="another channel"),
        pytest.param(VALID + "notify: {remind: 24}\n", id="time without its unit"),
        pytest.param(VALID + "notify: {remind: 0h}\n", id="no time"),
        pytest.param(VALID + "notify: {remind: 90m}\n", id="minutes"),
        pytest.param("- version: 1\n", id="a list"),
    ],
)
def test_wrong_policies_are_refused(text: str) -> None:
    """By the program and by the schema alike."""
    assert not is_accepted_by_the_program(text)
    assert not is_accepted_by_the_schema(text)


# Whatever comes ----------------------------------------------------------------------------------

Strategy = st.SearchStrategy[Any]

WHOLE_AMOUNTS: Strategy = st.integers(0, 10**9)
AMOUNTS = WHOLE_AMOUNTS | WHOLE_AMOUNTS.map(str) | WHOLE_AMOUNTS.map(lambda cents: cents / 100)
PERCENTAGES = st.integers(1, 10_000).map(lambda number: f"{number / 100:g}%")
NAMES = st.text("abcXYZ-_.*?[]019 ", min_size=1, max_size=12).filter(lambda it: it == it.strip())
DAYS = st.dates().map(str)
BUDGET: dict[str, Strategy] = {
    "warn_at": st.lists(PERCENTAGES, min_size=1, max_size=3),
    "daily_cap": AMOUNTS,
    "forecast": st.sampled_from(["off", "warn", "fail"]),
}
NAMED: dict[str, Strategy] = {**BUDGET, "optional": st.booleans()}
BUDGETS: Strategy = st.fixed_dictionaries({"cap": AMOUNTS}, optional=NAMED)
RATES: dict[str, Strategy] = dict.fromkeys(
    ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read"), AMOUNTS
)
FACTORS: Strategy = AMOUNTS | st.just("none")
CARDS: Strategy = st.fixed_dictionaries(
    RATES,
    optional={
        "from": st.just("2026-11-01"),
        "until": st.just("2026-12-01"),
        "long_context": st.fixed_dictionaries({**RATES, "above": st.integers(0, 10**6)}),
        "batch": FACTORS,
        "fast": FACTORS,
        "fast_long_context": FACTORS,
        "us": AMOUNTS,
        "source": NAMES,
    },
)
EXCEPTIONS: Strategy = st.fixed_dictionaries(
    {"budget": NAMES, "cap": AMOUNTS, "until": DAYS, "reason": NAMES},
    optional={"approved_by": NAMES},
)
GROUPS: Strategy = st.fixed_dictionaries(
    {"cap": AMOUNTS, "workspaces": st.lists(NAMES, min_size=1, max_size=3)}, optional=NAMED
)
SPEND: dict[str, Strategy] = {
    "basis": st.sampled_from(["list", "billed"]),
    "uncertain": st.sampled_from(["fail", "warn"]),
    "unknown_model": st.sampled_from(["fail", "upper_bound"]),
}
PRICES: dict[str, Strategy] = {
    "discount": PERCENTAGES,
    "models": st.dictionaries(NAMES, CARDS | st.lists(CARDS, min_size=1, max_size=1), max_size=2),
}
RISES: Strategy = st.fixed_dictionaries({"above": PERCENTAGES}, optional={"floor": AMOUNTS})
ALERTS: dict[str, Strategy] = {
    "week_over_week": RISES,
    "daily": RISES,
    "forecast": st.fixed_dictionaries({"above": PERCENTAGES}),
}
VARIABLES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
NOTIFY: dict[str, Strategy] = {
    "slack": st.fixed_dictionaries({"webhook_env": VARIABLES}),
    "webhook": st.fixed_dictionaries({"url_env": VARIABLES}, optional={"format": st.just("json")}),
    "remind": st.integers(1, 9999).flatmap(lambda it: st.sampled_from([f"{it}h", f"{it}d"])),
}
POLICIES: Strategy = st.fixed_dictionaries(
    {
        "version": st.sampled_from([1, "1"]),
        "global": st.fixed_dictionaries(
            {"cap": AMOUNTS}, optional={**BUDGET, "max_exception": PERCENTAGES}
        ),
    },
    optional={
        "workspaces": st.dictionaries(NAMES, BUDGETS, max_size=3),
        "groups": st.dictionaries(NAMES, GROUPS, max_size=2),
        "models": st.dictionaries(NAMES, BUDGETS, max_size=2),
        "exceptions": st.lists(EXCEPTIONS, max_size=2),
        "unlisted": st.sampled_from(["allow", "warn", "fail"])
        | st.fixed_dictionaries({"cap": AMOUNTS}, optional=BUDGET),
        "spend": st.fixed_dictionaries({}, optional=SPEND),
        "prices": st.fixed_dictionaries({}, optional=PRICES),
        "names": st.dictionaries(NAMES.map("wrkspc_".__add__), NAMES, max_size=2),
        "alerts": st.fixed_dictionaries({}, optional=ALERTS),
        "notify": st.fixed_dictionaries({}, optional=NOTIFY),
    },
)


@given(POLICIES)
def test_any_policy_is_accepted_by_both(policy: dict[str, Any]) -> None:
    """With any of the keys there are."""
    text = json.dumps(policy)
    assert is_accepted_by_the_program(text)
    assert is_accepted_by_the_schema(text)


def places() -> Iterator[str]:
    """A policy with a gap for each kind of scalar."""
    yield "version: {}\nglobal: {{cap: 5}}\n"
    yield "version: 1\nglobal: {{cap: {}}}\n"
    yield "version: 1\nglobal: {{cap: 5, daily_cap: {}}}\n"
    yield "version: 1\nglobal: {{cap: 5, warn_at: [{}]}}\n"
    yield "version: 1\nglobal: {{cap: 5, max_exception: {}}}\n"
    yield "version: 1\nworkspaces: {{x: {{cap: 5, optional: {}}}}}\n"
    yield "version: 1\ngroups: {{x: {{cap: 5, workspaces: [{}]}}}}\n"
    yield "version: 1\nunlisted: {}\n"
    card = CARD.replace("{", "{{")
    valid = VALID.replace("{", "{{").replace("}", "}}")
    yield valid + "prices: {{discount: {}}}\n"
    yield valid + "prices: {{models: {{x: {{until: {}, " + card + "}}}}}}\n"
    yield valid + "prices: {{models: {{x: {{fast: {}, " + card + "}}}}}}\n"
    long = "{{x: {{long_context: {{above: {}, " + card + "}}, " + card + "}}}}"
    yield valid + "prices: {{models: " + long + "}}\n"
    yield valid + "names: {{wrkspc_01A: {}}}\n"
    yield valid + "alerts: {{daily: {{above: {}}}}}\n"
    yield valid + "alerts: {{daily: {{above: 5%, floor: {}}}}}\n"
    yield valid + "notify: {{slack: {{webhook_env: {}}}}}\n"
    yield valid + "notify: {{remind: {}}}\n"


@given(
    st.sampled_from([*places()]),
    st.text("0123456789.%", min_size=1, max_size=18)
    | st.sampled_from(
        [
            "true",
            "false",
            "none",
            "warn",
            "2026-12-01",
            "2026-02-30",
            "80 %",
            "x",
            "24h",
            "7d",
            "URL_",
        ]
    ),
    st.booleans(),
)
def test_what_the_program_accepts_no_editor_finds_wrong(
    place: str,
    scalar: str,
    in_quotes: bool,  # noqa: FBT001 - drawn
) -> None:
    """Any scalar, at any place, in quotes or without."""
    text = place.format(json.dumps(scalar) if in_quotes else scalar)
    if is_accepted_by_the_program(text):
        assert is_accepted_by_the_schema(text)
