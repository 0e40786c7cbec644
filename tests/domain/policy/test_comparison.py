"""What a policy changes against another one: nothing is passed over, and what is looser is told as such."""

from datetime import date
from decimal import Decimal

import pytest

from budget_gate.domain.fields import Document
from budget_gate.domain.policy.budgets import Budget, CapException, GlobalBudget, Group, NamedBudget
from budget_gate.domain.policy.comparison import Change, compare
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
from budget_gate.domain.prices.cards import Prices
from tests.helpers.builders import book, policy
from tests.helpers.wording import assert_says

DAY = date(2026, 11, 20)
HEAD = "version: 1\nglobal: {cap: 100}\n"


def changes(before: str, after: str) -> tuple[Change, ...]:
    """The changes from one policy to another, each written behind a global cap of 100."""
    return compare(policy(HEAD + before).policy, policy(HEAD + after), book(), DAY)


def the_change(before: str, after: str) -> Change:
    """The only change."""
    (found,) = changes(before, after)
    return found


def effects(before: str, after: str) -> tuple[str, str]:
    """What the only change does, and what the way back does."""
    return the_change(before, after).effect, the_change(after, before).effect


# Every key


# A key of a part of the policy: with and without it, or with two values of it, and what the step from left to right does.
KEYS: dict[tuple[type[Document], str], tuple[str, str, str]] = {
    (Policy, "organization"): ("", "organization: abc\n", "tighter"),
    (Policy, "workspaces"): ("", "workspaces: {a: {cap: 1}}\n", "tighter"),
    (Policy, "groups"): ("", "groups: {a: {cap: 1, workspaces: [b]}}\n", "tighter"),
    (Policy, "models"): ("", "models: {a: {cap: 1}}\n", "tighter"),
    (Policy, "exceptions"): (
        "",
        "exceptions: [{budget: global, cap: 150, until: 2026-11-30, reason: x}]\n",
        "looser",
    ),
    (Policy, "unlisted"): ("unlisted: fail\n", "unlisted: warn\n", "looser"),
    (Policy, "names"): ("", "names: {wrkspc_01OLD: legacy-bot}\n", "neutral"),
    (Budget, "cap"): ("unlisted: {cap: 1}\n", "unlisted: {cap: 2}\n", "looser"),
    (Budget, "warn_at"): (
        "unlisted: {cap: 1}\n",
        "unlisted: {cap: 1, warn_at: [90%]}\n",
        "looser",
    ),
    (Budget, "daily_cap"): (
        "unlisted: {cap: 1, daily_cap: 0}\n",
        "unlisted: {cap: 1}\n",
        "looser",
    ),
    (Budget, "forecast"): (
        "unlisted: {cap: 1, forecast: fail}\n",
        "unlisted: {cap: 1}\n",
        "looser",
    ),
    (NamedBudget, "optional"): (
        "models: {a: {cap: 1}}\n",
        "models: {a: {cap: 1, optional: true}}\n",
        "looser",
    ),
    (Group, "workspaces"): (
        "groups: {a: {cap: 1, workspaces: [b, c]}}\n",
        "groups: {a: {cap: 1, workspaces: [b]}}\n",
        "looser",
    ),
    (SpendRules, "basis"): ("", "spend: {basis: billed}\n", "neutral"),
    (SpendRules, "uncertain"): ("", "spend: {uncertain: warn}\n", "looser"),
    (SpendRules, "unknown_model"): ("", "spend: {unknown_model: upper_bound}\n", "looser"),
    (SpendRules, "max_age"): ("", "spend: {max_age: 3h}\n", "tighter"),
    (Prices, "discount"): ("", "prices: {discount: 5%}\n", "looser"),
    (Prices, "models"): (
        "",
        "prices: {models: {custom: {input: 3, output: 15, cache_write_5m: 4, cache_write_1h: 6, cache_read: 1}}}\n",
        "looser",
    ),
    (Alerts, "week_over_week"): ("", "alerts: {week_over_week: {above: 25%}}\n", "tighter"),
    (Alerts, "daily"): ("", "alerts: {daily: {above: 25%}}\n", "tighter"),
    (Alerts, "forecast"): ("", "alerts: {forecast: {above: 90%}}\n", "tighter"),
    (Rise, "above"): (
        "alerts: {daily: {above: 25%}}\n",
        "alerts: {daily: {above: 26%}}\n",
        "looser",
    ),
    (Rise, "floor"): (
        "alerts: {daily: {above: 25%}}\n",
        "alerts: {daily: {above: 25%, floor: 0.01}}\n",
        "looser",
    ),
    (ForecastAlert, "above"): (
        "alerts: {forecast: {above: 90%}}\n",
        "alerts: {forecast: {above: 80%}}\n",
        "tighter",
    ),
    (Notify, "slack"): ("", "notify: {slack: {webhook_env: A}}\n", "tighter"),
    (Notify, "webhook"): ("", "notify: {webhook: {url_env: A}}\n", "tighter"),
    (Notify, "remind"): ("", "notify: {remind: 24h}\n", "tighter"),
    (SlackChannel, "webhook_env"): (
        "notify: {slack: {webhook_env: A}}\n",
        "notify: {slack: {webhook_env: B}}\n",
        "neutral",
    ),
    (Webhook, "url_env"): (
        "notify: {webhook: {url_env: A}}\n",
        "notify: {webhook: {url_env: B}}\n",
        "neutral",
    ),
}
# `version` and `format` have one value, `global` and `max_exception` are tried below, and the parts are tried by their own keys.
ELSEWHERE = {
    (Policy, "version"),
    (Policy, "global_"),
    (Policy, "spend"),
    (Policy, "prices"),
    (Policy, "alerts"),
    (Policy, "notify"),
    (Webhook, "format"),
    (GlobalBudget, "max_exception"),
}


def test_every_key_of_a_policy_is_tried_here() -> None:
    """A new one has to find its effect: it would be passed over otherwise."""
    parts = (
        *(Policy, Budget, GlobalBudget, NamedBudget, Group, SpendRules, Prices),
        *(Alerts, Rise, ForecastAlert, Notify, SlackChannel, Webhook),
    )
    own = {
        (part, name) for part in parts for name in part.__annotations__ if name != "model_config"
    }
    assert own == {*KEYS} | ELSEWHERE


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0].__name__}.{key[1]}")
def test_a_change_of_any_key_is_told_with_its_effect(key: tuple[type[Document], str]) -> None:
    """And the way back with the opposite one."""
    before, after, effect = KEYS[key]
    opposite = {"looser": "tighter", "tighter": "looser", "neutral": "neutral"}
    assert effects(before, after) == (effect, opposite[effect])


@pytest.mark.parametrize(
    "text", [before + after for before, after, _ in KEYS.values() if not before]
)
def test_equal_policies_have_no_changes(text: str) -> None:
    """However they are written."""
    assert changes(text, text + "# a comment\n") == ()


def test_a_number_that_is_only_written_otherwise_is_no_change() -> None:
    """5 and 5.00 are one cap."""
    assert changes("unlisted: {cap: 5}\n", "unlisted: {cap: 5.00}\n") == ()


# Budgets


def test_a_cap_is_told_before_and_after_at_its_line() -> None:
    """In USD, where the new policy has it."""
    change = the_change("workspaces:\n  a: {cap: 2500}\n", "workspaces:\n  a: {cap: 3500}\n")
    assert change == Change(("workspaces", "a"), "cap", Decimal(2500), Decimal(3500), "looser", 4)


def test_the_global_budget_may_go_and_its_bound_of_exceptions_too() -> None:
    """No bound is looser than any."""
    bound = policy("version: 1\nglobal: {cap: 1, max_exception: 50%}\nunlisted: warn\n")
    none = policy("version: 1\nglobal: {cap: 1}\nunlisted: warn\n")
    gone = policy("version: 1\nunlisted: warn\n")
    (change,) = compare(bound.policy, none, book(), DAY)
    assert (change.what, change.before, change.after, change.effect) == (
        *("max_exception", "50%", None),
        "looser",
    )
    (change,) = compare(none.policy, gone, book(), DAY)
    assert (change.path, change.what, change.after, change.effect) == (
        *(("global",), "budget", None),
        "looser",
    )


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("[80%]", "[50%, 80%]", "tighter"),
        ("[50%, 80%]", "[80%]", "looser"),
        ("[80%, 95%]", "[70%]", "tighter"),
        ("[80%, 95%]", "[80%]", "looser"),
        ("[80%, 95%]", "[80%, 90%]", "neutral"),
    ],
)
def test_the_first_warning_counts_most(before: str, after: str, effect: str) -> None:
    """Then how many there are."""
    change = the_change(
        f"unlisted: {{cap: 1, warn_at: {before}}}\n", f"unlisted: {{cap: 1, warn_at: {after}}}\n"
    )
    assert change.effect == effect


def test_what_is_looser_comes_first() -> None:
    """Wherever it stands in the policy."""
    before = "workspaces: {a: {cap: 5}, b: {cap: 5}}\nunlisted: allow\n"
    after = "workspaces: {a: {cap: 4}, b: {cap: 6}}\nnames: {wrkspc_01A: x}\nunlisted: warn\n"
    assert [change.effect for change in changes(before, after)] == [
        *("looser", "tighter", "tighter"),
        "neutral",
    ]


@pytest.mark.parametrize(
    ("unlisted", "effect"),
    [
        ("fail", "looser"),
        ("{cap: 100}", "looser"),
        ("{cap: 900}", "tighter"),
        ("{cap: 900, daily_cap: 10}", "looser"),
        ("{cap: 900, forecast: fail}", "looser"),
        ("warn", "tighter"),
        ("allow", "tighter"),
    ],
)
def test_a_new_budget_is_looser_where_unlisted_held_its_workspace_tighter(
    unlisted: str, effect: str
) -> None:
    """A cap of 500 in place of one of 100 lets more pass; so does a group of everything."""
    before = f"unlisted: {unlisted}\n"
    workspace = the_change(before, f"{before}workspaces: {{a: {{cap: 500}}}}\n")
    group = the_change(before, f"{before}groups: {{all: {{workspaces: ['*'], cap: 500}}}}\n")
    assert (workspace.effect, group.effect) == (effect, effect)


@pytest.mark.parametrize(("cap", "effect"), [("21", "looser"), ("20", "tighter")])
def test_a_new_budget_takes_a_workspace_out_of_its_glob(cap: str, effect: str) -> None:
    """Which gave it a cap of 20."""
    before = "workspaces: {exp-*: {cap: 20}"
    change = the_change(f"{before}}}\n", f"{before}, exp-1: {{cap: {cap}}}}}\n")
    assert (change.effect, change.before) == (effect, Decimal(20))


@pytest.mark.parametrize(
    ("glob", "key", "effect"),
    [
        # An id, whose name is not known.
        ("stag*", "wrkspc_01B: {cap: 5000}", "looser"),
        ("stag*", "wrkspc_01B: {cap: 10}", "tighter"),
        # A name, whose id is not known: every id begins with `wrkspc_`.
        ("wrkspc_*", "production: {cap: 5000}", "looser"),
        ("wrkspc_01*", "production: {cap: 5000}", "looser"),
        ("w*", "production: {cap: 5000}", "looser"),
        ("[w]rkspc_*", "production: {cap: 5000}", "looser"),
        ("stag*", "production: {cap: 5000}", "tighter"),
        # The default workspace has a name alone.
        ("wrkspc_*", "default: {cap: 5000}", "tighter"),
        # What two globs match is an error.
        ("wrkspc_*", "prod*: {cap: 5000}", "tighter"),
    ],
)
def test_a_new_budget_may_take_a_workspace_out_of_a_glob_by_its_name_or_its_id(
    glob: str, key: str, effect: str
) -> None:
    """The key is one of the two, and the glob may match the other, with a cap of 10."""
    before = f"workspaces: {{'{glob}': {{cap: 10, optional: true}}"
    assert the_change(f"{before}}}\n", f"{before}, {key}}}\n").effect == effect


def test_a_new_budget_is_no_looser_than_each_glob_that_it_may_leave() -> None:
    """A cap of 15 is above that of one of the two."""
    before = "workspaces: {'stag*': {cap: 20}, 'prod*': {cap: 10}"
    change = the_change(f"{before}}}\n", f"{before}, wrkspc_01B: {{cap: 15}}}}\n")
    assert (change.effect, change.before) == ("looser", Decimal(10))


@pytest.mark.parametrize(("warn_at", "effect"), [("100%", "looser"), ("50%", "tighter")])
def test_a_new_budget_that_warns_later_than_its_glob_is_looser(warn_at: str, effect: str) -> None:
    """Which warned at 50%."""
    before = "workspaces: {exp-*: {cap: 20, warn_at: [50%]}"
    after = f"{before}, exp-1: {{cap: 20, warn_at: [{warn_at}]}}}}\n"
    assert the_change(f"{before}}}\n", after).effect == effect


def test_a_new_cap_of_nothing_is_no_looser_than_that_any_spend_fails() -> None:
    """Neither warns before it is breached."""
    before = "unlisted: fail\n"
    assert the_change(before, f"{before}workspaces: {{a: {{cap: 0}}}}\n").effect == "tighter"


def test_a_workspace_of_a_group_was_not_unlisted() -> None:
    """A cap of its own is one more."""
    before = "unlisted: fail\ngroups: {g: {workspaces: ['exp-*'], cap: 20}}\n"
    assert the_change(before, f"{before}workspaces: {{exp-1: {{cap: 900}}}}\n").effect == "tighter"


def test_a_member_that_comes_is_tighter_unless_it_was_unlisted() -> None:
    """One that was capped as such leaves that cap; one that was not is capped now."""
    one, two = (f"groups: {{g: {{workspaces: [{it}], cap: 20}}}}\n" for it in ("a", "a, b"))
    assert the_change(one, two).effect == "tighter"
    assert the_change(f"{one}unlisted: fail\n", f"{two}unlisted: fail\n").effect == "looser"


@pytest.mark.parametrize(
    ("listed", "comes", "effect"),
    [
        ("exp-?", "exp-*", "looser"),
        ("exp-*", "exp-?", "tighter"),
        ("exp-*", "exp-1*", "tighter"),
        ("exp-*", "exp-*", "tighter"),
        ("exp-?", "exp-?", "tighter"),
        ("exp-?", "exp-1", "tighter"),
        # `a-` is matched by the second alone.
        ("*]", "a[-x]", "looser"),
        ("[*]", "*", "looser"),
    ],
)
def test_a_glob_that_comes_was_unlisted_unless_another_matches_all_that_it_does(
    listed: str, comes: str, effect: str
) -> None:
    """As a new member and in a new group: what was listed had no budget as unlisted."""
    before = f"unlisted: fail\nworkspaces: {{'{listed}': {{cap: 10}}}}\n"
    one, two, alone = (
        f"{before}groups: {{g: {{workspaces: [{members}], cap: 500}}}}\n"
        for members in ("a", f"a, '{comes}'", f"'{comes}'")
    )
    assert (the_change(one, two).effect, the_change(before, alone).effect) == (effect, effect)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fail", "{cap: 1}"),
        ("{cap: 1}", "warn"),
        ("fail", "warn"),
        ("warn", "allow"),
        ("{cap: 9}", "allow"),
    ],
)
def test_unlisted_is_a_scale_from_fail_to_allow(before: str, after: str) -> None:
    """Each step is looser, and tighter on the way back."""
    found = effects(f"unlisted: {before}\n", f"unlisted: {after}\n")
    assert found == ("looser", "tighter")


def test_another_organization_is_looser() -> None:
    """Its spend is not that of the one before."""
    assert effects("organization: a\n", "organization: b\n") == ("looser", "looser")


LEGACY = "workspaces: {legacy: {cap: 10}}\n"


@pytest.mark.parametrize(
    ("keys", "before", "after", "found"),
    [
        (LEGACY, "{wrkspc_01A: legacy}", "{wrkspc_01B: legacy}", ["looser", "looser"]),
        (LEGACY, "{wrkspc_01A: legacy}", "{wrkspc_01A: other}", ["looser"]),
        (LEGACY, "{wrkspc_01A: legacy}", "{}", ["looser"]),
        (LEGACY, "{}", "{wrkspc_01A: legacy}", ["looser"]),
        (LEGACY, "{wrkspc_01A: one}", "{wrkspc_01A: other}", ["neutral"]),
        (LEGACY.replace("legacy", "leg*"), "{wrkspc_01A: legacy}", "{wrkspc_01A: x}", ["looser"]),
        (LEGACY.replace("legacy", "leg*"), "{wrkspc_01A: leg}", "{wrkspc_01A: legs}", ["neutral"]),
        # A workspace may be called as a glob is written.
        (LEGACY.replace("legacy", "'[a]'"), "{wrkspc_01A: '[a]'}", "{wrkspc_01A: x}", ["looser"]),
        (LEGACY.replace("legacy", "'*'"), "{wrkspc_01A: legacy}", "{}", ["neutral"]),
        (
            "groups: {g: {workspaces: [a, leg*], cap: 10}}\n",
            *("{wrkspc_01A: legacy}", "{wrkspc_01A: x}"),
            ["looser"],
        ),
        ("", "{wrkspc_01A: legacy}", "{wrkspc_01A: x}", ["neutral"]),
    ],
)
def test_a_label_is_looser_where_a_key_gains_or_loses_its_workspace(
    keys: str, before: str, after: str, found: list[str]
) -> None:
    """Another budget may be for the workspace then, or none."""
    told = changes(f"{keys}names: {before}\n", f"{keys}names: {after}\n")
    assert [change.effect for change in told] == found


def test_a_label_counts_for_the_keys_of_either_policy() -> None:
    """A key that comes with the other label finds another workspace than it would have."""
    told = changes("names: {wrkspc_01A: legacy}\n", f"{LEGACY}names: {{wrkspc_01A: x}}\n")
    assert {change.what: change.effect for change in told}["label"] == "looser"


# Exceptions


def exception(cap: int, until: str, reason: str = "x") -> str:
    """An exception to the global cap of 100."""
    return f"exceptions: [{{budget: global, cap: {cap}, until: {until}, reason: {reason}}}]\n"


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("", exception(150, "2026-11-20"), "looser"),
        ("", exception(150, "2026-11-19"), "neutral"),
        ("", exception(50, "2026-11-30"), "tighter"),
        (exception(50, "2026-11-30"), "", "looser"),
        (exception(150, "2026-11-30"), exception(150, "2026-12-31"), "looser"),
        (exception(150, "2026-11-30"), exception(160, "2026-11-25"), "looser"),
        (exception(150, "2026-11-30"), exception(140, "2026-12-31"), "looser"),
        (exception(150, "2026-11-30"), exception(140, "2026-11-30"), "tighter"),
        (exception(150, "2026-11-30"), exception(150, "2026-11-25"), "tighter"),
        (exception(50, "2026-11-30"), exception(50, "2026-11-25"), "looser"),
        (exception(50, "2026-11-30"), exception(50, "2026-12-25"), "tighter"),
        (exception(150, "2026-11-30"), exception(150, "2026-11-30", "y"), "neutral"),
        (exception(50, "2026-11-30"), exception(50, "2026-11-30", "y"), "neutral"),
        (exception(150, "2026-11-01"), "", "neutral"),
        (exception(150, "2026-11-01"), exception(150, "2026-11-30"), "looser"),
    ],
)
def test_an_exception_is_looser_where_it_allows_more_or_for_longer(
    before: str, after: str, effect: str
) -> None:
    """On 20 November, with a regular cap of 100 before and after."""
    assert the_change(before, after).effect == effect


def test_an_exception_is_told_of_its_budget_at_its_own_line() -> None:
    """Against the regular cap."""
    change = the_change("", exception(150, "2026-11-30"))
    assert (change.path, change.what, change.before, change.line) == (
        *(("global",), "exception"),
        *(Decimal(100), 3),
    )
    assert isinstance(change.after, CapException)


def test_an_exception_of_a_budget_that_goes_is_told() -> None:
    """The budget that goes is what is looser."""
    before = (
        "models: {a.b: {cap: 1}}\n"
        "exceptions: [{budget: models.a.b, cap: 2, until: 2026-11-30, reason: x}]\n"
    )
    told = [(change.path, change.what, change.effect) for change in changes(before, "")]
    assert told == [
        (("models", "a.b"), "budget", "looser"),
        (("models", "a.b"), "exception", "neutral"),
    ]


# Own prices


def price(rate: str = "3", more: str = "", model: str = "custom") -> str:
    """An own price, of which the input costs as given."""
    return (
        f"prices: {{models: {{{model}: {{input: {rate}, output: 15, cache_write_5m: 3.75, "
        f"cache_write_1h: 6, cache_read: 0.30{more}}}}}}}\n"
    )


LONG = (
    ", long_context: {above: 200000, input: 6, output: 22.5, cache_write_5m: 7.5, "
    "cache_write_1h: 12, cache_read: 0.6}"
)
OPUS = (
    "prices: {models: {claude-opus-5-5: {input: 4, output: 20, cache_write_5m: 5, "
    "cache_write_1h: 8, cache_read: 0.2}}}\n"
)


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (price("3"), price("2.99"), "looser"),
        (price("3"), price("3.01"), "tighter"),
        (price(), price(more=", batch: 0.4"), "looser"),
        (price(), price(more=", batch: none"), "tighter"),
        (price(), price(more=", us: 1"), "looser"),
        (price(), price(more=", fast: 6"), "looser"),
        # What a report calls fast has no price any more; what it does not call at all costs less.
        (price(more=", fast: 6"), price(), "looser"),
        (price(more=LONG), price(), "looser"),
        (price(), price(more=LONG), "tighter"),
        (price(), price(more=", source: contract"), "neutral"),
        (price(), price(more=", from: 2026-11-10"), "tighter"),
        (price(), price(more=", until: 2026-12-01"), "tighter"),
        (price(), "", "tighter"),
        # Claude Sonnet 4.5 has these list prices, and no surcharge in the US.
        ("", price("3", ", us: 1", model="claude-sonnet-4-5"), "neutral"),
        ("", price("3", model="claude-sonnet-4-5"), "tighter"),
        ("", price("2", model="claude-sonnet-4-5"), "looser"),
        # Claude Opus 5.5 costs 20 by the list, and twice as much where it is fast.
        ("", OPUS, "looser"),
        ("", OPUS.replace("}}}", ", fast: 2}}}"), "neutral"),
    ],
)
def test_an_own_price_is_looser_where_any_usage_costs_less(
    before: str, after: str, effect: str
) -> None:
    """Or where it has a price for the first time: what has none fails the run."""
    assert the_change(before, after).effect == effect


def test_of_an_own_price_only_what_differs_is_told() -> None:
    """As the policy has it."""
    change = the_change(price("3"), price("2.50"))
    assert (change.path, change.before, change.after) == (
        ("prices", "models", "custom"),
        "input 3",
        "input 2.50",
    )


def test_dated_own_prices_are_told_with_their_days() -> None:
    """Each that differs."""
    rates = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: "
    card = f"{{until: 2026-11-01, {rates}0.30}}"
    before, after = (
        f"prices: {{models: {{custom: [{card}, {{from: 2026-11-01, {rates}{read}}}]}}}}\n"
        for read in ("0.30", "0.20")
    )
    change = the_change(before, after)
    assert (change.before, change.after, change.effect) == (
        "from 2026-11-01: cache_read 0.30",
        "from 2026-11-01: cache_read 0.20",
        "looser",
    )


def test_a_discount_makes_no_own_price_looser() -> None:
    """It is a change of its own, and is not taken off them."""
    (change,) = changes(price(), price().replace("{models", "{discount: 20%, models"))
    assert (change.path, change.what, change.after) == (("prices",), "discount", "20%")


@pytest.mark.parametrize(
    ("before", "after", "effect"), [("50%", "50%", "looser"), ("50%", "0%", "neutral")]
)
def test_an_own_price_that_goes_is_looser_where_the_list_price_less_the_discount_is_lower(
    before: str, after: str, effect: str
) -> None:
    """Claude Opus 5.5 at its list price as an own one, of which no discount is taken."""
    own = OPUS.replace("}}}", ", fast: 2}}}").replace("{models", f"{{discount: {before}, models")
    found = changes(own, f"prices: {{discount: {after}}}\n")
    assert [it.effect for it in found if it.what == "price"] == [effect]


# Whole changes


def test_what_a_setting_was_and_is_stands_at_its_line() -> None:
    """Of every kind, the looser first, then the tighter, then what does neither; each kind as the policies have it."""
    before = (
        "organization: abc\n"  # line 3
        "unlisted: allow\n"
        "spend:\n"
        "  basis: list\n"
        "  uncertain: fail\n"  # 7
        "  unknown_model: upper_bound\n"
        "prices:\n"
        "  discount: 5%\n"  # 10
        "names:\n"
        "  wrkspc_01A: alpha\n"
        "  wrkspc_01B: beta\n"
    )
    after = (
        before.replace("abc", "abd")
        .replace("allow", "warn")
        .replace("basis: list", "basis: billed")
        .replace("uncertain: fail", "uncertain: warn")
        .replace("upper_bound", "fail")
        .replace("5%", "7.5%")
        .replace("beta", "gamma")
    )
    assert changes(before, after) == (
        Change(("organization",), "organization", "abc", "abd", "looser", 3),
        Change(("spend",), "uncertain", "fail", "warn", "looser", 7),
        Change(("prices",), "discount", "5%", "7.5%", "looser", 10),
        Change(("unlisted",), "unlisted", "allow", "warn", "tighter", 4),
        Change(("spend",), "unknown_model", "upper_bound", "fail", "tighter", 8),
        Change(("spend",), "basis", "list", "billed", "neutral", 6),
        Change(("names", "wrkspc_01B"), "label", "beta", "gamma", "neutral", 13),
    )


def test_an_organization_that_comes_stands_at_its_line() -> None:
    """A run of another one is an error from then on."""
    change = the_change("unlisted: warn\n", "unlisted: warn\norganization: abc\n")
    assert change == Change(("organization",), "organization", None, "abc", "tighter", 4)


def test_what_a_key_of_a_budget_was_and_is_stands_at_its_line() -> None:
    """Each as the policies have it, a key that is left out as what it stands for."""
    head = "models:\n  a:\n    cap: 5\n"
    terms = "    warn_at: [50%, 80%]\n    daily_cap: 2\n    forecast: off\n    optional: true\n"
    path = ("models", "a")
    assert changes(head, head + terms) == (
        Change(path, "forecast", "warn", "off", "looser", 8),
        Change(path, "optional", "false", "true", "looser", 9),
        Change(path, "warn_at", "80%", "50%, 80%", "tighter", 6),
        Change(path, "daily_cap", None, Decimal(2), "tighter", 7),
    )


def test_a_budget_that_comes_is_told_whole_at_the_line_of_its_cap() -> None:
    """Against the cap that its workspace had by a glob, or none where it had none."""
    before = "workspaces:\n  exp-*: {cap: 20}\n"
    after = f"{before}  exp-1:\n    optional: true\n    cap: 15\n"
    new = policy(HEAD + after).policy.workspaces["exp-1"]
    assert changes(before, after) == (
        Change(("workspaces", "exp-1"), "budget", Decimal(20), new, "tighter", 7),
    )
    after = "models:\n  a: {cap: 5}\n"
    new = policy(HEAD + after).policy.models["a"]
    assert changes("", after) == (Change(("models", "a"), "budget", None, new, "tighter", 4),)


def test_a_budget_that_goes_is_told_whole() -> None:
    """At the line of its kind, where the new policy has another of that."""
    after = "unlisted: warn\nworkspaces:\n  a: {cap: 1}\n"
    before = f"{after}  b: {{cap: 7}}\n"
    old = policy(HEAD + before).policy.workspaces["b"]
    assert changes(before, after) == (
        Change(("workspaces", "b"), "budget", old, None, "looser", 4),
    )


def test_a_budget_that_comes_as_unlisted_gets_another_word_is_told_too() -> None:
    """Each is a change of its own."""
    told = changes("unlisted: {cap: 5}\n", "unlisted: warn\nmodels: {a: {cap: 1}}\n")
    assert [(it.path, it.what, it.effect) for it in told] == [
        (("unlisted",), "unlisted", "looser"),
        (("models", "a"), "budget", "tighter"),
    ]


def test_what_becomes_of_the_members_of_a_group_is_told_of_each_kind() -> None:
    """Those that go and those that were unlisted are looser, one that has a budget of its own is not."""
    before = (
        "unlisted: fail\nworkspaces:\n  d: {cap: 1}\n"
        "groups:\n  g:\n    cap: 20\n    workspaces: [a, b, c]\n"
    )
    path = ("groups", "g")
    assert changes(before, before.replace("[a, b, c]", "[e, d, a, f]")) == (
        Change(path, "members", ("b", "c"), None, "looser", 9),
        Change(path, "members that were unlisted", None, ("e", "f"), "looser", 9),
        Change(path, "members", None, ("d",), "tighter", 9),
    )


def test_what_an_exception_was_and_is_stands_at_its_line() -> None:
    """Of two budgets: one is longer now, one is gone, for which its regular cap holds."""
    budgets = "models:\n  a: {cap: 5}\n  b.c: {cap: 8}\n"
    one = "  - {budget: models.a, cap: 7, until: 2026-11-25, reason: x}\n"
    other = "  - {budget: models.b.c, cap: 6, until: 2026-11-25, reason: y}\n"
    long = one.replace("11-25", "12-25")
    before = f"{budgets}exceptions:\n{one}{other}"
    first, gone = policy(HEAD + before).policy.exceptions
    (second,) = policy(f"{HEAD}{budgets}exceptions:\n{long}").policy.exceptions
    assert changes(before, f"{budgets}exceptions:\n{long}") == (
        Change(("models", "a"), "exception", first, second, "looser", 7),
        Change(("models", "b.c"), "exception", gone, Decimal(8), "looser", 6),
    )
    assert changes(f"{budgets}exceptions:\n{one}", f"{budgets}exceptions:\n{one}{other}") == (
        Change(("models", "b.c"), "exception", Decimal(8), gone, "tighter", 8),
    )


def test_exceptions_of_one_budget_are_told_in_their_order() -> None:
    """The first that goes with the first that comes; a third has no other beside it."""
    lines = [
        f"  - {{budget: global, cap: {cap}, until: 2026-11-{day}, reason: x}}\n"
        for cap, day in ((150, 10), (160, 11), (170, 12), (180, 13), (190, 14))
    ]
    told = changes("exceptions:\n" + "".join(lines[:2]), "exceptions:\n" + "".join(lines[2:]))
    caps = [
        [it.cap if isinstance(it, CapException) else it for it in (each.before, each.after)]
        for each in told
    ]
    assert caps == [
        [Decimal(150), Decimal(170)],
        [Decimal(160), Decimal(180)],
        [None, Decimal(190)],
    ]
    assert [(each.line, each.effect) for each in told] == [
        (4, "neutral"),
        (5, "neutral"),
        (6, "neutral"),
    ]


def test_an_own_price_that_comes_or_goes_stands_at_its_line() -> None:
    """With all that the policy has of it, in the order of the keys, and none on the other side."""
    whole = "input 3, cache_write_5m 3.75, cache_write_1h 6, cache_read 0.30, output 15"
    path = ("prices", "models", "custom")
    text = "unlisted: warn\n" + price().replace("{models", "\n  {models")
    assert changes("unlisted: warn\n", text) == (Change(path, "price", None, whole, "looser", 5),)
    assert changes(text, "unlisted: warn\n") == (Change(path, "price", whole, None, "tighter", 1),)


def test_a_single_own_price_is_told_with_no_days_but_its_own() -> None:
    """They are keys like any other, and no heading before the rest."""
    after = "input 3, cache_write_5m 3.75, cache_write_1h 6, cache_read 0.30, output 15"
    change = the_change(price(more=", from: 2026-11-10"), price())
    assert change.before == f"{after}, from 2026-11-10"
    assert change.after == after


def test_parts_of_an_own_price_are_told_by_their_keys() -> None:
    """Those of a long context below it, and what is taken away as it is written."""
    change = the_change(
        price(more=", batch: 0.4"), price(more=f"{LONG}, batch: none, fast: 6, us: 1.1")
    )
    assert {"batch none", "fast 6", "us 1.1", "long_context.above 200000"} <= set(
        f"{change.after}".split(", ")
    )
    # What is fast had no price.
    assert (change.before, change.effect) == ("batch 0.4", "looser")


# Lines


def test_a_change_stands_at_the_line_of_what_is_left() -> None:
    """A budget that went has the line of its kind, a label its own, members that of their group."""
    budgets = "workspaces:\n  a: {cap: 1}\n  b: {cap: 1}\n"
    assert the_change(budgets, budgets.replace("  b: {cap: 1}\n", "")).line == 3
    names = "names:\n  wrkspc_01A: alpha\n  wrkspc_01B: beta\n"
    assert the_change(names, names.replace("beta", "gamma")).line == 5
    group = "groups:\n  g:\n    cap: 1\n    workspaces: [a]\n"
    change = the_change(group, group.replace("[a]", "[a, b]"))
    assert (change.what, change.after, change.effect, change.line) == (
        "members",
        ("b",),
        "tighter",
        6,
    )


def test_a_new_group_takes_its_members_out_of_unlisted() -> None:
    """Where each of them had 5 USD, 9 for all of them let one of them spend more."""
    unlisted = "unlisted: {cap: 5}\n"
    group = "groups: {g: {cap: 9, workspaces: [a, b]}}\n"
    assert effects(unlisted, unlisted + group)[0] == "looser"
    assert effects(unlisted, unlisted + group.replace("9", "4"))[0] == "tighter"


def test_the_prices_of_every_model_are_compared() -> None:
    """One that stays as it is hides none behind it."""
    first = price("1", model="first").removesuffix("}}\n")
    both = first + price("2", model="second").replace("prices: {models: {", ", ")
    change = the_change(both, both.replace("input: 2", "input: 1"))
    assert (change.path, change.effect) == (("prices", "models", "second"), "looser")
    assert_says(f"{change.before} {change.after}", "input 2", "input 1")
