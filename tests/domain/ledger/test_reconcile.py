"""The report against the ledger: what was never counted, and what was counted and is not reported."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from budget_gate.domain.bounds import UNLIMITED
from budget_gate.domain.ledger.hours import Counts
from budget_gate.domain.ledger.reconcile import (
    ReconciledLine,
    Reconciliation,
    last_settled_days,
    reconcile,
)
from budget_gate.domain.period import DAY, Period
from budget_gate.domain.policy.keys import directory
from budget_gate.domain.spend import Workspace
from budget_gate.domain.usage import Tokens, UsageTable
from tests.helpers.builders import NO_CAP, book, bounds, key, spend_of_lines, usage_of

DAY_10 = datetime(2026, 11, 10, tzinfo=UTC)
MODEL = "claude-opus-4-8"
# Output costs $25 per million tokens.
MILLION = Tokens(output=1_000_000)
PRODUCTION = (Workspace("wrkspc_1", "production"),)


def reconciled(
    reported: UsageTable,
    *counted: tuple[int, UsageTable],
    tolerance: str = "0.01",
    days: int = 1,
) -> Reconciliation:
    """A report of Nov 10 against the ledger's hours of that day."""
    counts = Counts({DAY_10.replace(hour=hour): table for hour, table in counted}, {}, DAY_10)
    return reconcile(
        usage_of(reported.items(), workspaces=PRODUCTION),
        counts,
        Period(DAY_10, DAY_10 + days * DAY),
        directory(NO_CAP.policy, spend_of_lines(workspaces=PRODUCTION)),
        book(),
        tolerance=Decimal(tolerance),
    )


def only(found: Reconciliation) -> ReconciledLine:
    """The one line of a reconciliation."""
    (line,) = found.lines
    return line


def of_production(tokens: Tokens, name: str = "wrkspc_1") -> UsageTable:
    """Usage of one workspace."""
    return {key(MODEL, workspace=name): tokens}


def test_both_agree() -> None:
    """What two hours counted together is what the report has of the day."""
    half = Tokens(output=500_000)
    found = reconciled(
        of_production(MILLION), (9, of_production(half)), (14, of_production(half, "production"))
    )

    assert found.status == "ok"
    assert only(found).apart == ()
    assert only(found).reported == only(found).counted == (1_000_000, bounds("25"))


def test_what_nobody_counted_is_told() -> None:
    """Of $25, $10 were counted: $15 come from clients that count nothing."""
    found = reconciled(of_production(MILLION), (9, of_production(Tokens(output=400_000))))

    assert found.status == "apart"
    assert only(found).apart == ("uncounted",)
    assert only(found).uncounted == (600_000, bounds("15"))
    assert only(found).excess == (0, bounds("0"))


def test_what_was_counted_twice_is_told() -> None:
    """$50 were counted where $25 are reported."""
    found = reconciled(of_production(MILLION), (9, of_production(Tokens(output=2_000_000))))

    assert only(found).apart == ("excess",)
    assert only(found).excess == (1_000_000, bounds("25"))


def test_a_line_may_be_apart_both_ways() -> None:
    """Input was counted twice, and output never."""
    found = reconciled(
        of_production(Tokens(uncached_input=1_000_000, output=1_000_000)),
        (9, of_production(Tokens(uncached_input=2_000_000))),
    )

    assert only(found).apart == ("uncounted", "excess")


def test_workspaces_and_models_are_lines_of_their_own() -> None:
    """What one workspace lacks, another does not make up for."""
    found = reconciled(of_production(MILLION), (9, {key(MODEL): MILLION}))

    assert [(line.name, line.apart) for line in found.lines] == [
        ("default workspace", ("excess",)),
        ("production", ("uncounted",)),
    ]


def test_the_largest_difference_stands_first() -> None:
    """$25 of production before $2.50 of the default workspace."""
    found = reconciled({**of_production(MILLION), key(MODEL): Tokens(output=100_000)})

    assert [line.name for line in found.lines] == ["production", "default workspace"]


@pytest.mark.parametrize(("counted", "status"), [(990_000, "ok"), (989_999, "apart")])
def test_tolerance_is_a_part_of_the_larger_side(counted: int, status: str) -> None:
    """1% of $25 is $0.25, and 10,000 tokens."""
    found = reconciled(of_production(MILLION), (9, of_production(Tokens(output=counted))))

    assert found.status == status


def test_a_cent_is_no_difference() -> None:
    """400 output tokens cost $0.01, all of them uncounted."""
    assert reconciled(of_production(Tokens(output=400))).status == "ok"
    assert reconciled(of_production(Tokens(output=401))).status == "apart"


def test_hours_of_other_days_are_left_out() -> None:
    """The ledger may have the next day too."""
    table = {key(MODEL, "2026-11-11", workspace="wrkspc_1"): MILLION}
    counts = Counts({datetime(2026, 11, 11, tzinfo=UTC): table}, {}, DAY_10)
    found = reconcile(
        usage_of([], workspaces=PRODUCTION),
        counts,
        Period(DAY_10, DAY_10 + DAY),
        {},
        book(),
        tolerance=Decimal("0.01"),
    )

    assert found.lines == ()


@pytest.mark.parametrize(("counted", "apart"), [(1_000_000, ()), (900_000, ("uncounted",))])
def test_usage_without_a_price_goes_by_its_tokens(counted: int, apart: tuple[str, ...]) -> None:
    """A model that nobody can price is compared all the same."""
    found = reconciled(
        {key("claude-next"): MILLION}, (9, {key("claude-next"): Tokens(output=counted)})
    )

    assert only(found).apart == apart
    assert only(found).reported.cost.high == UNLIMITED


def test_names_that_are_no_workspaces_are_a_warning() -> None:
    """What is counted for `prodction` is of no line of the report."""
    found = reconciled(of_production(MILLION), (9, of_production(MILLION, "prodction")))

    assert found.status == "apart"
    assert [note.code for note in found.notes] == ["ledger_workspace"]


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # At 02:05, yesterday's last request is in the report, by both clocks.
        ("2026-11-11 02:05", date(2026, 11, 11)),
        ("2026-11-11 02:04", date(2026, 11, 10)),
        ("2026-11-11 23:00", date(2026, 11, 11)),
    ],
)
def test_last_settled_days_end_where_the_report_is_whole(now: str, end: date) -> None:
    """The report is up to two hours behind, and clocks up to 5 minutes apart."""
    found = last_settled_days(datetime.fromisoformat(now).replace(tzinfo=UTC), 3)

    assert found.end.date() == end
    assert found.end - found.start == 3 * DAY


def test_a_price_that_one_side_lacks_is_no_bug() -> None:
    """The report has a tier without a price, and the ledger the same tokens of another one."""
    found = reconciled({key(MODEL, tier="flex"): MILLION}, (9, {key(MODEL): MILLION}))

    assert found.status == "ok"
