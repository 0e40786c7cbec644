"""Spend with a ledger: at least what is reported, at most that and what was counted beyond it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from budget_gate.domain.bounds import UNLIMITED, Bounds
from budget_gate.domain.ledger.hours import Counts, Hours
from budget_gate.domain.ledger.possible import check_ledger_clock, with_ledger
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.prices.pricing import UnknownModel
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import Tokens, UsageTable
from budget_gate.domain.verdict.evaluate import evaluate
from budget_gate.errors import UnverifiedError
from tests.helpers.builders import (
    AS_OF,
    MONTH,
    book,
    bounds,
    budget,
    key,
    line,
    policy,
    spend_of_lines,
)
from tests.helpers.wording import assert_says

HOUR = datetime(2026, 11, 20, 15, tzinfo=UTC)
DAY = "2026-11-20"
# Output of claude-opus-4-8 costs $25 per million tokens.
MILLION = Tokens(output=1_000_000)
PRODUCTION = Workspace("wrkspc_1", "production")
POLICY = policy("version: 1\nglobal: {cap: 100}\nworkspaces: {production: {cap: 60}}\n")
SPEND = spend_of_lines(
    line(bounds("50"), "wrkspc_1", model="claude-opus-4-8", day=DAY), workspaces=(PRODUCTION,)
)


def counted(table: UsageTable, holds: Mapping[str | None, Decimal] | None = None) -> Counts:
    """What the ledger has of one hour, and what is held."""
    return Counts({HOUR: table}, holds or {}, AS_OF)


def with_counts(
    counts: Counts, reported: Hours | None = None, unknown_model: UnknownModel = "fail"
) -> Spend:
    """The spend with such counts."""
    return with_ledger(
        SPEND,
        counts,
        {HOUR: {}} if reported is None else reported,
        directory(POLICY.policy, SPEND),
        book(),
        unknown_model=unknown_model,
    )


def spent(spend: Spend, id_: str) -> Bounds:
    """What a budget of the policy has spent."""
    return budget(evaluate(POLICY, spend, MONTH), id_).spend


@pytest.mark.parametrize("name", ["production", "wrkspc_1"])
def test_usage_that_the_report_lacks_may_have_been_spent(name: str) -> None:
    """A million output tokens at $25 are counted beyond $50: the spend is $50 to $75."""
    spend = with_counts(counted({key("claude-opus-4-8", DAY, workspace=name): MILLION}))

    assert spent(spend, "global") == bounds("50", "75")
    assert spent(spend, "workspaces.wrkspc_1") == bounds("50", "75")


def test_a_cap_within_the_range_is_undecided() -> None:
    """$50 to $75 against a cap of $60: nobody knows, and the run does not pass."""
    spend = with_counts(counted({key("claude-opus-4-8", DAY, workspace="production"): MILLION}))
    report = evaluate(POLICY, spend, MONTH)

    assert report.status == "uncertain"
    assert budget(report, "workspaces.wrkspc_1").status == "uncertain"


def test_usage_that_is_reported_is_not_counted_again() -> None:
    """The report has the million tokens already: spend stays exact."""
    reported = {HOUR: {key("claude-opus-4-8", DAY, workspace="wrkspc_1"): MILLION}}
    table = {key("claude-opus-4-8", DAY, workspace="production"): MILLION}

    assert spent(with_counts(counted(table), reported), "global") == bounds("50")


def test_what_is_held_may_be_spent() -> None:
    """$20 are held in production and $7.50 in the default workspace."""
    spend = with_counts(counted({}, {"production": Decimal(20), None: Decimal("7.5")}))

    assert spent(spend, "global") == bounds("50", "77.5")
    assert spent(spend, "workspaces.wrkspc_1") == bounds("50", "70")


def test_what_is_held_is_of_no_model() -> None:
    """A cap of a model is not touched by what may be spent on any: --reserve does the same."""
    spend = with_counts(counted({}, {"production": Decimal(20)}))
    file = policy("version: 1\nmodels: {claude-opus-4-8: {cap: 60}}\n")
    facts = spend.prices._replace(models=("claude-opus-4-8",))

    report = evaluate(file, spend._replace(prices=facts), MONTH)

    assert budget(report, "models.claude-opus-4-8").spend == bounds("50")


def test_holds_under_the_name_and_the_id_of_a_workspace_add_up() -> None:
    """Two clients may write the same workspace differently."""
    spend = with_counts(counted({}, {"production": Decimal(3), "wrkspc_1": Decimal(4)}))

    assert spent(spend, "workspaces.wrkspc_1") == bounds("50", "57")


def test_usage_of_an_unknown_workspace_may_be_of_any() -> None:
    """A misspelt name must not take usage out of every cap, and is a warning."""
    spend = with_counts(counted({key("claude-opus-4-8", DAY, workspace="prodction"): MILLION}))

    assert spent(spend, "workspaces.wrkspc_1") == bounds("50", "75")
    (note,) = [note for note in spend.notes if note.code == "ledger_workspace"]
    assert note.level == "warning"
    assert_says(note.message, "'prodction'", "no workspace", "did you mean 'production'?")
    assert note.message.endswith("?")


def test_usage_of_an_unknown_model_has_no_upper_bound() -> None:
    """A million tokens of a model without a price may cost anything."""
    spend = with_counts(counted({key("claude-next", DAY, workspace="production"): MILLION}))

    assert spent(spend, "global") == Bounds(Decimal(50), UNLIMITED)
    assert evaluate(POLICY, spend, MONTH).status == "unverified"
    assert [note.code for note in spend.notes if note.level == "error"] == ["unpriced"]


def test_usage_of_an_unknown_model_is_bounded_where_the_policy_says_so() -> None:
    """With upper_bound it costs at most what the dearest known model does."""
    spend = with_counts(
        counted({key("claude-next", DAY, workspace="production"): MILLION}),
        unknown_model="upper_bound",
    )

    assert spent(spend, "global").is_limited
    assert spent(spend, "global").low == 50


def test_note_says_how_much_is_beyond_the_report() -> None:
    """$25.00 are counted and $20.00 held."""
    table = {key("claude-opus-4-8", DAY, workspace="production"): MILLION}
    spend = with_counts(counted(table, {"production": Decimal(20)}))

    (note,) = [note for note in spend.notes if note.code == "ledger_beyond"]
    assert_says(note.message, "Nov 20, 15:00 UTC", "$25.00", "$20.00 reserved", "range")


def test_note_says_where_nothing_is_beyond_the_report() -> None:
    """An empty ledger is told: perhaps no client counts."""
    (note,) = [note for note in with_counts(counted({})).notes if note.code == "ledger"]

    assert_says(note.message, "nothing that the report does not have")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_wrong_clock_of_the_ledger_is_an_error(minutes: int) -> None:
    """By a clock 6 minutes off, usage would be counted in hours that are not looked at."""
    with pytest.raises(UnverifiedError) as caught:
        check_ledger_clock(AS_OF, AS_OF + timedelta(minutes=minutes))

    assert caught.value.code == "ledger_clock"
    assert_says(caught.value.told, f"Nov 20, 15:{20 + minutes} UTC", "Nov 20, 15:20 UTC", "Redis")


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_clock_that_is_a_little_off_is_none(minutes: int) -> None:
    """Five minutes are within what is looked at."""
    check_ledger_clock(AS_OF, AS_OF + timedelta(minutes=minutes))


def test_usage_of_a_tier_that_nobody_tells_costs_at_most_the_standard_price() -> None:
    """A client may not pass on the tier: no other costs more, and $25 are the bound."""
    table = {key("claude-opus-4-8", DAY, workspace="production", tier=None): MILLION}

    assert spent(with_counts(counted(table)), "global") == bounds("50", "75")
