"""The audit as a command, and as a note of a check: exit codes, formats, days, and text of strangers."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from budget_gate.domain.billed.audit import Audit, AuditLine, Part
from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.notes import Note
from budget_gate.domain.period import Period
from budget_gate.outputs.audit import SHOWN, render_audit_markdown, render_audit_text
from budget_gate.outputs.audit_json import render_audit_json
from tests.helpers.bills import ALPHA
from tests.helpers.builders import MILLION, book, bounds
from tests.helpers.markup import PARSER, assert_own_structure, plain_text, tables
from tests.helpers.reports import HOSTILE
from tests.helpers.running import NOW, Here, Run
from tests.helpers.serving import COST, USAGE, at, first, refuse, reply
from tests.helpers.wording import assert_says
from tests.world.billing import Charge, bill_of, billed, code_execution, other_cost, session_usage
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Workspace
from tests.world.oracle import Card, Usage, cost
from tests.world.organizations import random_organization, seeded

# At list price: $20 and $10 and, for the searches, $1; $1 on the last full day; $20 today.
MONTH = [
    Usage(at("2026-11-02T12:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
    Usage(at("2026-11-03T12:00:00Z"), None, "claude-sonnet-5", output=MILLION, searches=100),
    Usage(at("2026-11-14T23:59:59Z"), ALPHA, "claude-sonnet-5", output=100_000),
    Usage(at("2026-11-15T09:00:00Z"), ALPHA, "claude-opus-5-5", output=MILLION),
]
# $1 in the month before.
OCTOBER = Usage(at("2026-10-20T12:00:00Z"), ALPHA, "claude-opus-5-5", output=50_000)
ORGANIZATION = Organization([OCTOBER, *MONTH], [Workspace(ALPHA, "alpha")])
UNHEARD = "claude-unheard-of-9"
CAP = "version: 1\nglobal: {cap: 100}\n"
ONES = "input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1"


def api(
    charges: list[Charge] | None = None, organization: Organization = ORGANIZATION, **options: Any
) -> LoopbackAPI:
    """An API whose bill is that of list prices, unless given."""
    told = bill_of(organization) if charges is None else charges
    return LoopbackAPI(organization, bill=told, **({"now": NOW} | options))


def audited(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> Run:
    """What an audit against a server returns and prints, at the server's time."""
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        return here.main("audit", *flags, policy=policy, now=server.now)


def document(here: Here, server: LoopbackAPI, *flags: str, policy: str | None = None) -> Any:
    """The JSON of an audit, and its exit code."""
    run = audited(here, server, "--format", "json", *flags, policy=policy)
    assert run.stderr == ""
    return run.report | {"code": run.code}


def codes(told: dict[str, Any]) -> list[str]:
    """The codes of a document's notes."""
    return [note["code"] for note in told["notes"]]


# Exit codes


def test_agreement_is_0(here: Here) -> None:
    """The bill is that of list prices: four lines, $32, and today is no part of it."""
    run = audited(here, api())
    assert (run.code, run.stderr) == (0, "")
    verdict, days, totals = run.stdout.replace("\n\n", "\n").splitlines()
    assert_says(verdict, "agree", "4 lines", "14 settled days", "0.5%", "$0.01")
    assert_says(days, "2026-11-01", "2026-11-14", "list prices")
    assert_says(totals, "billed", "$32.00", "list", "$32.00", "drift", "$0.00", "0.0%", "$0.00")


def test_drift_is_1(here: Here) -> None:
    """Opus at 130% of its price is $6 more than list, and is named with its remedy."""
    charges = bill_of(ORGANIZATION, factors={"claude-opus-5-5": Fraction(13, 10)})
    run = audited(here, api(charges))
    assert run.code == 1
    verdict, remedy, empty, days, totals, *table = run.stdout.splitlines()
    assert_says(verdict, "18.8% above list cost", "14 settled days", "1 of 4 lines")
    assert_says(verdict, "1 of 4 lines", "claude-opus-5-5", "Nov 2", "+$6.00 (+30.0%)")
    assert_says(remedy, "claude-opus-5-5", "prices.models", "update budget-gate")
    assert_says(days, "2026-11-01", "2026-11-14", "list prices")
    assert_says(totals, "$38.00", "$32.00", "+$6.00 (+18.8%)", "+$6.00", "unexplained")
    assert empty == ""
    assert table == [
        "",
        "  Day         Workspace  What             List cost  Billed cost   Drift          Explained",
        "  2026-11-02  alpha      claude-opus-5-5     $20.00       $26.00  +$6.00  +30.0%  unexplained",
    ]


def test_no_credential_is_3(here: Here) -> None:
    """Nothing was audited, and nothing was asked."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    server = api()
    run = audited(here, server)
    assert run.code == 3
    assert run.stdout.startswith("Not audited: no credential found. Set ANTHROPIC_ADMIN_KEY")
    assert server.requests == []


@pytest.mark.parametrize("moment", ["2026-11-01T00:00:00Z", "2026-11-01T23:59:59Z"])
def test_the_1st_is_3(here: Here, moment: str) -> None:
    """No day of the month has ended: nothing is asked, and the remedy is told."""
    server = api(now=at(moment))
    run = audited(here, server)
    assert run.code == 3
    assert "no day of this month has ended yet. Choose some with --days N." in run.stdout
    assert server.requests == []


def test_days_that_are_not_settled_are_3(here: Here) -> None:
    """Where the data reaches past the end of no day there is nothing to compare."""
    server = api(now=at("2026-11-02T00:05:00Z"), data_refreshed_at=at("2026-11-02T00:00:00Z"))
    told = document(here, server)
    assert (told["code"], told["status"], codes(told)) == (3, "unverified", ["not_settled"])


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        ({"usage_report/messages": 401}, "http_401"),
        ({"analytics/cost": 401}, "http_401"),
        ({"analytics/cost": 403, "cost_report": 403}, "no_billed_cost"),
    ],
)
def test_a_side_that_cannot_be_read_is_3(here: Here, refused: dict[str, int], code: str) -> None:
    """Without both sides there is no comparison."""
    told = document(here, api(refuse=refused))
    assert (told["code"], told["status"], codes(told)) == (3, "unverified", [code])
    assert (told["totals"], told["lines"], told["settled_days"]) == (None, [], 0)


def test_usage_without_a_cost_is_3(here: Here) -> None:
    """A bill with a gap is not compared."""
    told = document(here, api([one for one in bill_of(ORGANIZATION) if one.workspace]))
    assert (told["code"], codes(told)) == (3, ["incomplete_cost"])


def test_a_clock_of_another_day_is_3(here: Here) -> None:
    """Which days have ended is not certain."""
    server = api()
    here.set({"ANTHROPIC_BASE_URL": server.url})
    with server:
        run = here.main("audit", now=NOW - timedelta(days=1))
    assert run.code == 3
    assert "disagree about the day" in run.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ("--days", "0"),
        ("--days", "32"),
        ("--days", "-1"),
        ("--days", "1.5"),
        ("--days", "all"),
        ("--usage", "page.json"),
        ("--fail-on", "never"),
        ("--as-of", "yesterday"),
        ("--as-of", "0001-01-05T00:00:00Z"),
        ("--format", "yaml"),
        ("--policy", "none.yml"),
    ],
)
def test_what_an_audit_does_not_take_is_2(here: Here, flags: tuple[str, ...]) -> None:
    """Nothing is compared, and nothing asked."""
    server = api()
    run = audited(here, server, *flags)
    assert (run.code, run.stdout) == (2, "")
    assert server.requests == []


def test_a_wrong_policy_is_2(here: Here) -> None:
    """Prices that cannot be read are no reason to audit without them."""
    run = audited(here, api(), policy="version: 1\nprices: {discount: much}\n")
    assert (run.code, run.stdout) == (2, "")


# Days


@pytest.mark.parametrize(
    ("flags", "days"),
    [
        ((), ["2026-11-02", "2026-11-03", "2026-11-03", "2026-11-14"]),
        (("--days", "1"), ["2026-11-14"]),
        (("--days", "12"), ["2026-11-03", "2026-11-03", "2026-11-14"]),
        (
            ("--days", "31"),
            ["2026-10-20", "2026-11-02", "2026-11-03", "2026-11-03", "2026-11-14"],
        ),
    ],
)
def test_the_days_of_an_audit(here: Here, flags: tuple[str, ...], days: list[str]) -> None:
    """The full days of the month, or the last ones of whichever month."""
    told = document(here, api(), *flags)
    assert sorted(line["day"] for line in told["lines"]) == days
    assert told["settled_days"] == (int(flags[1]) if flags else 14)


def test_both_sides_are_asked_for_the_same_days(here: Here) -> None:
    """31 days that have ended, of the usage and of the costs."""
    server = api()
    assert audited(here, server, "--days", "31").code == 0
    asked = {
        (first(request, "starting_at"), first(request, "ending_at"))
        for request in server.requests
        if request.path in (USAGE, COST)
    }
    assert asked == {("2026-10-15T00:00:00Z", "2026-11-15T00:00:00Z")}


def test_days_on_the_1st_are_those_before_it(here: Here) -> None:
    """The month has no full day yet; the months before it have."""
    told = document(here, api(now=at("2026-11-01T00:20:00Z")), "--days", "20")
    assert (told["code"], [line["day"] for line in told["lines"]]) == (0, ["2026-10-20"])
    assert told["period"] == {"start": "2026-10-12T00:00:00Z", "end": "2026-11-01T00:00:00Z"}


def test_an_audit_of_an_earlier_time(here: Here) -> None:
    """The full days before it; of an hour that it cuts there is nothing to say."""
    told = document(here, api(), "--as-of", "2026-11-03T10:30:00Z")
    assert [line["day"] for line in told["lines"]] == ["2026-11-02"]
    assert (told["as_of"], told["notes"]) == ("2026-11-03T10:30:00Z", [])


def test_a_time_to_come_adds_no_days(here: Here) -> None:
    """Days that have not ended are neither used up nor billed, even where clocks differ a little."""
    now = at("2026-11-14T23:58:00Z")
    told = document(here, api(now=now), "--as-of", "2026-11-15T00:02:00Z")
    assert told["period"]["end"] == "2026-11-14T00:00:00Z"
    assert told["settled_days"] == 13


def test_only_settled_days_are_compared(here: Here) -> None:
    """Where the data reaches the 3rd the first two days are, and the rest is left for later."""
    told = document(here, api(data_refreshed_at=at("2026-11-03T12:00:00Z")))
    assert (told["settled_days"], [line["day"] for line in told["lines"]]) == (2, ["2026-11-02"])


@pytest.mark.parametrize("refused", [{}, {"analytics/cost": 404}])
def test_either_cost_route_will_do(here: Here, refused: dict[str, int]) -> None:
    """The default workspace is the same in both."""
    told = document(here, api(refuse=refused))
    assert told["code"] == 0
    assert {line["workspace"] for line in told["lines"]} == {None, ALPHA}


# The policy


def test_the_policys_discount_is_taken(here: Here) -> None:
    """List cost less 10% is what was billed, where that was agreed."""
    charges = bill_of(ORGANIZATION, discount=Fraction(1, 10))
    assert audited(here, api(charges)).code == 1
    policy = f"{CAP}prices: {{discount: 10%}}\n"
    assert audited(here, api(charges), policy=policy).code == 0


def test_the_policys_names_tell_the_default_workspace(here: Here) -> None:
    """With an older API two strangers are an error, until one is named that is not the default."""
    stranger = "wrkspc_01EXAMPLESTRANGER"
    charges = [*bill_of(ORGANIZATION), session_usage(date(2026, 11, 5), stranger, Fraction(1))]
    told = document(here, api(charges, lists_default=False))
    assert (told["code"], codes(told)) == (3, ["unknown_workspaces"])
    named = document(
        here, api(charges, lists_default=False), policy=f"{CAP}names: {{{stranger}: archive}}\n"
    )
    assert named["code"] == 0
    assert {line["workspace_name"] for line in named["lines"]} == {
        "alpha",
        "archive",
        "default workspace",
    }


def test_a_policy_may_be_named(here: Here) -> None:
    """As for a check."""
    charges = bill_of(ORGANIZATION, discount=Fraction(1, 10))
    here.program.write(f"{CAP}prices: {{discount: 10%}}\n", "other.yml")
    assert audited(here, api(charges), "--policy", "other.yml").code == 0


# What is found


def test_an_injected_discount_is_found(here: Here) -> None:
    """12.5% off every token: the discount is told as it is to be set, in every format."""
    charges = bill_of(ORGANIZATION, discount=Fraction(1, 8))
    told = document(here, api(charges))
    assert (told["code"], told["discount"]) == (1, "12.5%")
    assert told["totals"]["explained"] == {"discount": "-3.875"}
    assert told["totals"]["unexplained"] == "0"
    sentence = "Set prices.discount: 12.5% in the policy"
    assert sentence in audited(here, api(charges)).stdout
    assert sentence in plain_text(audited(here, api(charges), "--format", "markdown").stdout)


def test_a_missing_model_is_found(here: Here) -> None:
    """A model that the price book lacks is named, with all that was billed for it."""
    card = Card(*[Fraction(3)] * 5)
    organization = Organization(
        [*MONTH, Usage(at("2026-11-05T12:00:00Z"), None, UNHEARD, output=MILLION)],
        ORGANIZATION.workspaces,
    )
    charges = bill_of(organization, prices={UNHEARD: card})
    told = document(here, api(charges, organization))
    (line,) = [line for line in told["lines"] if line["beyond"]]
    assert (told["code"], line["model"], line["explained"]) == (1, UNHEARD, {"unpriced": "3"})
    assert line["list"] == {"low": "0", "high": None}
    text = audited(here, api(charges, organization)).stdout
    assert_says(text, "no price is known", UNHEARD, "update budget-gate", "prices.models")
    (row,) = [row.split() for row in text.splitlines() if "no price" in row]
    assert row[3:8] == [UNHEARD, "no", "price", "$3.00", "+$3.00"]


def test_what_usage_cannot_hold_is_told_and_agrees(here: Here) -> None:
    """Code execution and sessions are explained, so that they are no drift of prices."""
    charges = [
        *bill_of(ORGANIZATION),
        code_execution(date(2026, 11, 5), None, Fraction("5.25")),
        session_usage(date(2026, 11, 6), ALPHA, Fraction("0.5")),
    ]
    run = audited(here, api(charges))
    assert run.code == 0
    assert "drift +$5.75 (+18.0%), of which $0.00 is unexplained" in run.stdout
    assert "+$5.25 code execution" in run.stdout
    assert "+$0.50 managed-agent sessions" in run.stdout


def test_an_unknown_kind_of_cost_has_no_price_to_set(here: Here) -> None:
    """It is named as a line beyond, and no remedy is told that a policy cannot have."""
    charges = [*bill_of(ORGANIZATION), other_cost(date(2026, 11, 5), None, Fraction(5), "moon")]
    run = audited(here, api(charges))
    assert run.code == 1
    assert "most of all moon on Nov 5: +$5.00." in run.stdout
    assert "prices.models" not in run.stdout


def test_searches_billed_at_another_price_have_a_list_cost(here: Here) -> None:
    """100 cost $1 by the list, of which 97 cents were billed."""
    charges = [
        replace(one, usd=one.usd * Fraction(97, 100)) if one.cost_type == "web_search" else one
        for one in bill_of(ORGANIZATION)
    ]
    run = audited(here, api(charges))
    assert run.code == 1
    assert "No list cost" not in run.stdout
    assert_says(run.stdout, "not billed at list price", "web search", "Console", "provider")


def test_the_discount_of_most_lines_is_told_before_what_is_apart(here: Here) -> None:
    """Two models cost 10% less than list, and the third 7% more than that."""
    haiku = "claude-haiku-4-5"
    organization = Organization(
        [*MONTH, Usage(at("2026-11-05T12:00:00Z"), None, haiku, output=MILLION)],
        ORGANIZATION.workspaces,
    )
    charges = bill_of(organization, discount=Fraction(1, 10), factors={haiku: Fraction(107, 100)})
    told = document(here, api(charges, organization))
    assert (told["code"], told["discount"], told["usual_discount"]) == (1, None, "10%")
    _, first, second, *_ = audited(here, api(charges, organization)).stdout.splitlines()
    assert_says(first, "most lines", "less 10%", "set prices.discount: 10%")
    assert_says(second, "another list price, or other counts", f"{haiku}-20251001 (+7.0%)")
    assert_says(second, "prices.models")


def test_prepaid_tokens_are_none_of_what_fails(here: Here) -> None:
    """$20 of priority tier are not billed; what fails is 30 cents of $1."""
    prepaid = Usage(
        *(at("2026-11-04T12:00:00Z"), ALPHA, "claude-opus-5-5"),
        service_tier="priority",
        output=MILLION,
    )
    organization = Organization([*MONTH, prepaid], ORGANIZATION.workspaces)
    charges = [
        replace(one, usd=one.usd * Fraction(13, 10)) if str(one.day) == "2026-11-14" else one
        for one in bill_of(organization)
    ]
    run = audited(here, api(charges, organization))
    assert run.code == 1
    verdict = run.stdout.splitlines()[0]
    assert_says(verdict, "0.9% above list cost", "1 of 5 lines fails", "claude-sonnet-5 on Nov 14")
    assert_says(verdict, "+$0.30 (+30.0%)", "not counted", "-$20.00 priority tier (prepaid)")


@pytest.mark.parametrize(
    ("prices", "told"),
    [
        ("", "list cost at list prices"),
        ("prices: {discount: 12.5%}\n", "list cost at list prices less 12.5% (budget.yml)"),
        (
            f"prices: {{models: {{claude-x: {{{ONES}}}}}}}\n",
            "list cost at list prices, own prices for 1 model (budget.yml)",
        ),
    ],
)
def test_what_list_cost_is_made_of_is_told(here: Here, prices: str, told: str) -> None:
    """The discount and the own prices of the policy, where it has some."""
    run = audited(here, api(), policy=CAP + prices if prices else None)
    assert_says(run.stdout, f"2026-11-01 to 2026-11-14, {told}")


def test_days_after_the_last_check_of_the_prices_are_told(here: Here) -> None:
    """Three days after the bundled prices were last checked, one of them may have changed."""
    checked_on = datetime.combine(book().document.verified_on, time(12), UTC)
    usage = [Usage(checked_on + timedelta(days=3), None, "claude-opus-5-5", output=MILLION)]
    organization = Organization(usage, [])
    charges = bill_of(organization, factors={"claude-opus-5-5": Fraction(2)})
    server = api(charges, organization, now=checked_on + timedelta(days=5))
    run = audited(here, server, "--days", "5")
    assert run.code == 1
    assert (
        "Prices may have changed since they were last checked: claude-opus-5-5. Update budget-gate."
        in run.stdout
    )


def random_api(seed: int, **how: Any) -> tuple[LoopbackAPI, Organization, list[Charge]]:
    """An API of a made-up organization; `how` is how its bill is made."""
    organization = random_organization(
        seeded(seed), start=datetime(2026, 11, 1, tzinfo=UTC), end=NOW, rows=120
    )
    charges = bill_of(organization, **how)
    return api(charges, organization), organization, charges


@pytest.mark.parametrize("seed", range(4))
def test_made_up_organizations_agree(here: Here, seed: int) -> None:
    """Billed at list price every line agrees, and both sums are the true ones."""
    server, organization, charges = random_api(seed, long_share=Fraction(1, 2))
    told = document(here, server)
    assert told["code"] == 0
    closed = [usage for usage in organization.usage if usage.day < NOW.date()]
    costs = [found for usage in closed if (found := cost(usage))]
    low, high = (sum((ends[end] for ends in costs), Fraction(0)) for end in (0, 1))
    assert {end: Fraction(told["totals"]["list"][end]) for end in ("low", "high")} == {
        "low": low,
        "high": high,
    }
    truth = billed(charges, date(2026, 11, 1), NOW.date(), priority=False)
    assert Fraction(told["totals"]["billed"]) == truth.overall
    assert told["totals"]["explained"].keys() <= {"priority"}


@pytest.mark.parametrize("seed", range(4, 8))
def test_an_injected_wrong_price_is_found_by_name(here: Here, seed: int) -> None:
    """A model at 137% of its price is the only one beyond, and on no line is it missed."""
    model = "claude-opus-5-5"
    server, organization, charges = random_api(seed, factors={model: Fraction(137, 100)})
    told = document(here, server)
    beyond = {(line["day"], line["model"]) for line in told["lines"] if line["beyond"]}
    used = {
        (str(usage.day), model)
        for usage in organization.usage
        if usage.model.startswith(model) and usage.service_tier != "priority"
        if usage.day < NOW.date()
    }
    assert charges
    assert used
    assert (told["code"], told["discount"], beyond) == (1, None, used)


@pytest.mark.parametrize("seed", range(8, 12))
def test_an_injected_discount_of_a_made_up_organization_is_found(here: Here, seed: int) -> None:
    """Whatever the models, tiers and ranges: the discount is told, and explains all."""
    server, _, _ = random_api(seed, discount=Fraction(seed, 100))
    told = document(here, server)
    assert (told["code"], told["discount"]) == (1, f"{seed}%")
    assert told["totals"]["unexplained"] == "0"


# Formats


def test_json_tells_every_line(here: Here) -> None:
    """Exact amounts as strings, the worst line first."""
    charges = bill_of(ORGANIZATION, factors={"claude-opus-5-5": Fraction(13, 10)})
    told = document(here, api(charges))
    assert told["schema"] == "budget-gate/audit/v1"
    assert (told["status"], told["as_of"]) == ("drift", "2026-11-15T12:00:00Z")
    assert told["totals"] == {
        "list": {"low": "32", "high": "32"},
        "billed": "38",
        "drift": "6",
        "explained": {},
        "unexplained": "6",
    }
    assert told["lines"][0] == {
        "day": "2026-11-02",
        "workspace": ALPHA,
        "workspace_name": "alpha",
        "cost_type": "tokens",
        "model": "claude-opus-5-5",
        "list": {"low": "20", "high": "20"},
        "billed": "26",
        "drift": "6",
        "explained": {},
        "unexplained": "6",
        "beyond": True,
        "list_amount": "26",
        "list_drift": "6",
        "discount": "0%",
        "differs": "either",
    }
    assert [line["beyond"] for line in told["lines"]] == [True, False, False, False]


def test_markdown_is_a_verdict_and_a_table(here: Here) -> None:
    """One row for the line that is beyond, and none for those that agree."""
    charges = bill_of(ORGANIZATION, factors={"claude-opus-5-5": Fraction(13, 10)})
    run = audited(here, api(charges), "--format", "markdown")
    assert run.code == 1
    assert_says(run.stdout, "## 🔴 budget-gate audit: drift **", "1 of 4 lines", "**")
    ((_, _, row),) = tables(run.stdout)
    assert row == (
        "| 2026-11-02 | `alpha` | `claude-opus-5-5` | $20.00 | $26.00 | +$6.00 | +30.0% "
        "| unexplained |"
    )
    assert_own_structure(run.stdout)


def test_markdown_of_agreement_has_no_table(here: Here) -> None:
    """There is no line to show."""
    run = audited(here, api(), "--format", "markdown")
    assert_says(run.stdout, "## 🟢 budget-gate audit: ok **", "agree", "4 lines", "**")
    assert tables(run.stdout) == []


def test_markdown_of_no_audit_tells_why_once(here: Here) -> None:
    """The reason is the verdict."""
    run = audited(here, api(refuse={"analytics/cost": 401}), "--format", "markdown")
    assert run.stdout.startswith(
        "## ⚫ budget-gate audit: unverified\n\n**Not audited: the API refused "
    )
    assert run.stdout.count("401") == 1


def test_the_key_is_shown_nowhere(here: Here) -> None:
    """A route that echoes it brings it into no output."""
    for form in ("text", "markdown", "json"):
        server = api(intercept=lambda *_: refuse(401, message=f"bad key {EXAMPLE_KEY}"))
        run = audited(here, server, "--format", form)
        assert run.code == 3
        assert "bad key" in run.stdout
        assert EXAMPLE_KEY not in run.stdout + run.stderr


def line(name: str = "claude-opus-5-5", **changes: Any) -> AuditLine:
    """A line of tokens of the default workspace, with $2 of $20 unexplained."""
    made = AuditLine(
        Part(date(2026, 11, 2), None, "tokens", name),
        bounds("20"),
        Decimal(18),
        Decimal(-2),
        (),
        Decimal(-2),
        is_beyond=True,
    )
    return made._replace(**changes)


def audit(*lines: AuditLine, **changes: Any) -> Audit:
    """An audit of ten days with drift."""
    start = datetime(2026, 11, 1, tzinfo=UTC)
    made = Audit(
        "drift",
        NOW,
        Period(start, start + timedelta(days=10)),
        10,
        lines,
        names={None: "default workspace"},
    )
    return replace(made, **changes)


def test_one_of_each_is_not_many() -> None:
    """A day is no days, a line no lines."""
    text = render_audit_text(audit(line(), settled_days=1))
    assert_says(text, "1 settled day;", "1 of 1 line fails")


@pytest.mark.parametrize("count", [SHOWN, SHOWN + 1, 2_000])
def test_many_lines_are_counted(count: int) -> None:
    """Text and Markdown show the worst, JSON has all."""
    found = audit(*(line(f"claude-{number:04}") for number in range(count)))
    text = render_audit_text(found)
    assert text.count("$18.00") == SHOWN
    assert (f"and {count - SHOWN} more lines" in text) == (count > SHOWN)
    (table,) = tables(render_audit_markdown(found))
    assert len(table) == 2 + SHOWN + (count > SHOWN)
    assert len(json.loads(render_audit_json(found))["lines"]) == count


def test_a_range_is_told_as_one() -> None:
    """From where to where list cost may lie, and without an end that it has no price."""
    text = render_audit_text(
        audit(
            line(list_cost=bounds("20", "40")),
            line(list_cost=Bounds(Decimal(0), UNLIMITED)),
        )
    )
    assert "$20.00 to $40.00" in text
    assert "no price" in text


def hostile(text: str, status: str = "drift") -> Audit:
    """An audit in which everything that a third party words is `text`."""
    stranger = f"wrkspc_{text}"
    lines = [
        line(text, causes=((cause, Decimal(-1)),))
        for cause in ("unpriced", "old_prices", "discount")
    ]
    lines += [
        line(text, causes=(("counts", Decimal(amount)),), list_drift=Decimal(amount))
        for amount in (1, -1)
    ]
    lines += [
        line(text, differs=differs, list_drift=Decimal(1)) for differs in (None, "price", "either")
    ]
    lines += [
        line(text),
        line(part=Part(date(2026, 11, 2), stranger, text, None)),
        line(part=Part(date(2026, 11, 2), ALPHA, "tokens", text)),
    ]
    notes = (Note("error", "http_401", text), Note("warning", "x", text))
    return audit(
        *lines,
        status=status,
        names={None: text, ALPHA: text},
        notes=notes,
        discounts={text: None, f"{text}2": Decimal("0.1")},
    )


@pytest.mark.parametrize("status", ["drift", "unverified"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_stays_text_in_a_terminal(text: str, status: str) -> None:
    """No control, no line of its own, no command of the runner."""
    for shown in render_audit_text(hostile(text, status)).splitlines():
        assert shown.isprintable()
        assert "##[" not in shown
        assert not shown.lstrip().startswith("::")


@pytest.mark.parametrize("status", ["drift", "unverified"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_stays_text_in_markdown(text: str, status: str) -> None:
    """No markup, link or mention, and every row keeps its eight cells."""
    shown = render_audit_markdown(hostile(text, status))
    assert_own_structure(shown)
    assert "##[" not in shown
    cells = [token.type for token in PARSER.parse(shown) if token.type == "td_open"]
    rows = [token.type for token in PARSER.parse(shown) if token.type == "tr_open"]
    assert len(cells) == 8 * (len(rows) - 1)
    assert len(rows) == 12


@pytest.mark.parametrize("text", HOSTILE)
def test_a_strangers_text_comes_back_from_json(text: str) -> None:
    """As it was, and as no command of the runner."""
    shown = render_audit_json(hostile(text))
    told = json.loads(shown)
    assert "##[" not in shown
    assert shown.isascii()
    assert told["lines"][0]["model"] == text
    assert {note["message"] for note in told["notes"]} == {text}


# The audit in a check


def checked(here: Here, server: LoopbackAPI, *flags: str, policy: str = CAP) -> Run:
    """What a check prints as JSON."""
    with server:
        return here.check(server, "--format", "json", *flags, policy=policy, now=server.now)


def audit_note(run: Run) -> dict[str, str]:
    """The one note of a check about its audit."""
    (found,) = [note for note in run.report["notes"] if note["code"] == "audit"]
    return {"level": found["level"], "message": found["message"]}


def test_a_check_notes_the_drift_of_its_closed_days(here: Here) -> None:
    """The sums of the audit, and where the lines are."""
    charges = bill_of(ORGANIZATION, factors={"claude-opus-5-5": Fraction(13, 10)})
    note = audit_note(checked(here, api(charges), "--audit"))
    assert note["level"] == "warning"
    assert_says(note["message"], "14 settled days", "$38.00", "$32.00", "+$6.00 (+18.8%)", "+$6.00")
    assert_says(note["message"], "unexplained", "`budget-gate audit`")


def test_a_check_notes_agreement(here: Here) -> None:
    """For information only."""
    assert audit_note(checked(here, api(), "--audit")) == {
        "level": "info",
        "message": (
            "Audit of 14 settled days: billed cost $32.00, list cost $32.00, drift $0.00 (0.0%), "
            "of which $0.00 is unexplained."
        ),
    }


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(10), Fraction(1, 10)])
@pytest.mark.parametrize("cap", [51, 52])
def test_an_audit_changes_nothing_of_a_check(here: Here, factor: Fraction, cap: int) -> None:
    """$52 were spent: with the note or without it, all else is the same."""
    charges = bill_of(ORGANIZATION, factors={"claude-opus-5-5": factor})
    policy = f"version: 1\nglobal: {{cap: {cap}}}\n"
    plain = checked(here, api(charges), policy=policy)
    with_audit = checked(here, api(charges), "--audit", policy=policy)
    assert with_audit.code == plain.code == (1 if cap == 51 else 0)
    told = with_audit.report
    told["notes"] = [note for note in told["notes"] if note["code"] != "audit"]
    # Each run had a server of its own.
    assert told == {**plain.report, "base_url": told["base_url"]}


@pytest.mark.parametrize(
    "options",
    [
        {"refuse": {"analytics/cost": 403, "cost_report": 403}},
        {"refuse": {"analytics/cost": 500}},
        {"charges": []},
    ],
)
def test_an_audit_that_cannot_be_made_is_a_warning(here: Here, options: dict[str, Any]) -> None:
    """The verdict stands, and is not made to look audited."""
    here.set({"BUDGET_GATE_DEADLINE": "3"})
    run = checked(here, api(**options), "--audit")
    assert (run.code, run.report["spend"]) == (0, {"low": "52", "high": "52"})
    note = audit_note(run)
    assert note["level"] == "warning"
    assert note["message"].startswith("The audit could not be made: ")


@pytest.mark.parametrize(
    "options",
    [
        {"now": at("2026-11-01T00:10:00Z")},
        {
            "now": at("2026-11-02T00:05:00Z"),
            "data_refreshed_at": at("2026-11-01T23:55:00Z"),
        },
    ],
)
def test_a_month_without_a_settled_day_has_no_audit_yet(
    here: Here, options: dict[str, Any]
) -> None:
    """That is no failure."""
    run = checked(here, api(**options), "--audit")
    assert (run.code, audit_note(run)) == (
        0,
        {"level": "info", "message": "There is no settled day to audit yet."},
    )


def test_a_check_without_the_flag_asks_no_costs(here: Here) -> None:
    """List cost needs none."""
    server = api()
    assert checked(here, server).code == 0
    assert {request.path for request in server.requests if "cost" in request.path} == set()


def test_an_audit_of_billed_spend_asks_for_the_costs_once(here: Here) -> None:
    """One bill serves the spend and the audit."""
    server = api()
    run = checked(here, server, "--audit", policy=f"{CAP}spend: {{basis: billed}}\n")
    assert run.code == 0
    assert audit_note(run)["level"] == "info"
    assert [request.path for request in server.requests].count(COST) == 1


def test_saved_pages_cannot_be_audited(here: Here) -> None:
    """They do not tell what was billed."""
    here.program.write("{}", "page.json")
    run = here.main("check", "--usage", "page.json", "--audit", policy=CAP, now=NOW)
    assert (run.code, run.stdout) == (2, "")
    assert "saved pages of the usage report contain no billed cost" in run.stderr


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
def test_a_message_about_the_audit_stays_text(here: Here, text: str) -> None:
    """What a cost route answers is shown in the notes of a check, as text."""
    here.set(here.program.step)

    def answer(request: Any, _: int) -> Any:
        return refuse(401, message=text) if request.path == COST else None

    with api(intercept=answer) as server:
        run = here.check(server, "--audit", policy=CAP, now=NOW)
    assert run.code == 0
    assert_own_structure(here.program.summary)
    commands = []
    for shown in (run.stdout + run.stderr).splitlines():
        assert shown.isprintable()
        assert "##[" not in shown
        if shown.lstrip().startswith("::"):
            commands.append(shown)
    assert commands == [f"::add-mask::{EXAMPLE_KEY}"]


def test_an_answer_that_is_no_cost_data_is_3(here: Here) -> None:
    """As is anything else that cannot be read."""
    server = api(intercept=lambda request, _: reply([]) if request.path == COST else None)
    told = document(here, server)
    assert (told["code"], codes(told)) == (3, ["malformed_answer"])


def test_a_share_is_of_what_is_billed() -> None:
    """$10 were billed $7, and beside them $1,000 are prepaid: 30% less, and not 0.3%."""
    mixed = line(
        list_cost=bounds("1010"),
        billed=Decimal(7),
        drift=Decimal(-1003),
        causes=(("priority", Decimal(-1000)),),
        unexplained=Decimal(-3),
    )
    text = render_audit_text(audit(mixed))
    assert_says(text, "Billed 30.0% below list cost", "-$3.00 (-30.0%)", "prices.models")


def test_what_only_agrees_is_not_called_explained() -> None:
    """A line 0.45% below list agrees, which explains nothing; code execution is explained."""
    near = line(
        list_cost=bounds("1000"),
        billed=Decimal("995.50"),
        drift=Decimal("-4.50"),
        unexplained=Decimal("-4.50"),
        is_beyond=False,
    )
    code = line(
        list_cost=bounds("0"),
        billed=Decimal(5),
        drift=Decimal(5),
        causes=(("code_execution", Decimal(5)),),
        unexplained=Decimal(0),
        is_beyond=False,
    )
    verdict = render_audit_text(audit(near, code, status="ok")).splitlines()[0]
    assert_says(verdict, "$0.50 above", "2 lines agree within 0.5%")
