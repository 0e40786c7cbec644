"""Spend that falls: what one run knows, every later one of the month is held against."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from budget_gate import gate
from budget_gate.domain.bounds import Bounds
from budget_gate.domain.notes import NoteLevel
from budget_gate.domain.period import DAY
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.spend import Spend, Workspace
from budget_gate.domain.usage import UNATTRIBUTED
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.report import KnownSpend
from budget_gate.domain.verdict.results import Status
from budget_gate.domain.verdict.terms import STRICT, Terms
from budget_gate.errors import InterruptedRunError, UnverifiedError
from tests.helpers.builders import (
    MONTH,
    book,
    book_with,
    bounds,
    line,
    policy,
    spend_of,
    spend_of_lines,
)
from tests.helpers.running import NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.serving import USAGE, down, tamper
from tests.helpers.wording import assert_says, notes_with
from tests.world.loopback import LoopbackAPI
from tests.world.oracle import Usage

HOUR = timedelta(hours=1)
CAP = "version: 1\nglobal: {cap: 1000}\n"
PRICES = "0123456789abcdef"
ALPHA = "wrkspc_01EXAMPLEALPHA"
LENIENT = "spend: {uncertain: warn}\n"


def known(usd: str = "100", prices: str | None = PRICES, **changes: Any) -> KnownSpend:
    """What an hour ago was known to be spent."""
    return KnownSpend(Decimal(usd), MONTH.as_of - HOUR, None, prices, MONTH.period.start)._replace(
        **changes
    )


def last(*of: KnownSpend, **changes: Any) -> EarlierReport:
    """A last report of an hour ago that knows that."""
    report = EarlierReport(
        as_of=MONTH.as_of - HOUR, month=MONTH.period.start, organization=None, budgets=(), known=of
    )
    return report._replace(**changes)


def spending(cost: Bounds, prices: str = PRICES) -> Spend:
    """A month's spend at these prices."""
    spend = spend_of({None: cost})
    return spend._replace(prices=spend.prices._replace(digest=prices))


def run(
    spend: Spend | BaseException,
    earlier: EarlierReport | None,
    text: str = CAP,
    terms: Terms = STRICT,
    organization: str | None = None,
) -> tuple[Status, int, list[tuple[NoteLevel, str]], list[str]]:
    """Status, exit code, what is said of falling spend by level, and what the next run will know."""

    def read() -> Spend:
        if isinstance(spend, BaseException):
            raise spend
        return spend

    report, code = gate.check(
        policy(text), read, MONTH, terms, identify=lambda: organization, earlier=earlier
    )
    said = [(note.level, note.message) for note in notes_with(report.notes, "spend_fell")]
    return report.status, code, said, [str(it.usd) for it in report.known_spend]


def test_spend_that_fell_is_not_believed() -> None:
    """100 USD were known at noon, 99.99 are read now: a part of the usage is missing."""
    status, code, said, remembered = run(spending(bounds("99.99")), last(known()))
    assert (status, code, remembered) == ("unverified", 3, ["100"])
    ((level, message),) = said
    assert level == "error"
    assert_says(message, "at most $99.99", "less than", "$100.00", "Nov 20, 14:20 UTC", "missing")
    assert_says(message, "again later", "delete the last report")


def test_amounts_that_round_alike_are_told_apart() -> None:
    """A fall of a thousandth of a cent."""
    _, code, ((_, message),), _ = run(spending(bounds("99.99999")), last(known()))
    assert code == 3
    assert_says(message, "$99.99999", "less than", "$100 ")


@pytest.mark.parametrize("cost", [bounds("100"), bounds("100.01"), bounds("90", "100")])
def test_spend_that_did_not_surely_fall_is_believed(cost: Bounds) -> None:
    """As much as before, more, or a range that only became wider; the most that is known stays so."""
    status, code, said, remembered = run(spending(cost), last(known()))
    assert (status, code, said) == ("ok", 0, [])
    assert remembered == [str(max(cost.low, Decimal(100)))]


def test_a_budget_of_spend_that_fell_is_open_above() -> None:
    """What is missing may be anybody's: nothing is called within its cap, and no forecast is made."""
    report, _ = gate.check(
        policy(CAP), lambda: spending(bounds("50")), MONTH, STRICT, earlier=last(known())
    )
    (budget,) = report.budgets
    assert (budget.status, budget.spend) == ("uncertain", bounds("50", "unlimited"))
    assert (budget.forecast, budget.pace) == (None, None)
    assert_says(budget.reason, "missing", "may be above the cap")
    assert report.spend == bounds("100", "unlimited")
    assert report.notes[0].code == "spend_fell"
    # What is missing is no part of what the next run is held against.
    assert report.known_spend == (known(),)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (Terms("breach", "warn"), 0),
        (Terms("never", "fail"), 3),
        (Terms("never", "warn"), 0),
        (Terms(only=("global",)), 3),
    ],
)
def test_a_fall_is_waived_as_any_spend_that_is_not_known(terms: Terms, code: int) -> None:
    """`on-error: warn` lets it pass, and nothing else does."""
    text = f"{CAP}workspaces:\n  default: {{cap: 500}}\n"
    assert run(spending(bounds("50")), last(known()), text, terms)[:2] == ("unverified", code)


@pytest.mark.parametrize(
    ("terms", "code"), [(STRICT, 1), (Terms("never"), 3), (Terms("never", "warn"), 0)]
)
def test_what_is_breached_all_the_same_is_breached(terms: Terms, code: int) -> None:
    """50 USD are left of 100, and the cap is 40."""
    found = run(spending(bounds("50")), last(known()), "version: 1\nglobal: {cap: 40}\n", terms)
    assert (found[0], found[1], found[3]) == ("breached", code, ["100"])


@pytest.mark.parametrize("prices", [None, "fedcba9876543210"])
def test_a_fall_at_other_prices_is_a_warning(prices: str | None) -> None:
    """A discount was agreed on, or a report of an earlier version does not say at which prices."""
    status, code, said, remembered = run(spending(bounds("50")), last(known(prices=prices)))
    assert (status, code) == ("ok", 0)
    ((level, message),) = said
    assert level == "warning"
    assert_says(message, "at most $50.00", "less than", "$100.00", "Nov 20, 14:20 UTC", "prices")
    assert remembered == ["100", "50"]


def test_prices_that_changed_and_came_back_forget_nothing() -> None:
    """100 USD at the first prices, 50 at the second, then 60 at the first again."""
    then = known("50", "fedcba9876543210", as_of=MONTH.as_of - HOUR / 2)
    assert run(spending(bounds("60")), last(known(), then))[1] == 3
    assert run(spending(bounds("60"), "fedcba9876543210"), last(known(), then))[1:3] == (0, [])


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        last(),
        last(known(month=datetime(2026, 10, 1, tzinfo=UTC))),
        last(known(as_of=MONTH.as_of + HOUR)),
        last(known(organization="org-1")),
    ],
    ids=["none", "knows nothing", "of another month", "of later", "of another organization"],
)
def test_what_is_not_of_this_month_to_date_is_no_floor(earlier: EarlierReport | None) -> None:
    """No report, one that knows nothing, or of a month, a time or an organization that is not judged."""
    _, code, said, _ = run(spending(bounds("5")), earlier, organization="org-2")
    assert (code, said) == (0, [])


@pytest.mark.parametrize(("then", "now"), [("org-1", None), (None, "org-1"), ("org-1", "org-1")])
def test_an_organization_that_is_not_told_counts_as_the_same(
    then: str | None, now: str | None
) -> None:
    """Where the API does not say whose key it is."""
    assert run(spending(bounds("5")), last(known(organization=then)), organization=now)[1] == 3


def test_the_billed_basis_may_fall() -> None:
    """A settled day may cost less than at list price; what is known at list price is kept for later."""
    text = f"{CAP}spend: {{basis: billed}}\n"
    assert run(spending(bounds("5")), last(known()), text) == ("ok", 0, [], ["100"])
    assert run(spending(bounds("5")), None, text) == ("ok", 0, [], [])


@pytest.mark.parametrize(
    "error", [UnverifiedError("no", code="http_503"), InterruptedRunError("SIGTERM")]
)
def test_a_run_that_knows_nothing_hands_on_what_it_was_told(error: BaseException) -> None:
    """An outage or a signal between two runs is no new beginning."""
    assert run(error, last(known())) == ("unverified", 3, [], ["100"])


def test_usage_without_a_price_does_not_lower_what_is_known() -> None:
    """Its spend has no upper bound, so nothing fell, and at new prices it is no new floor."""
    cost = spending(bounds("5", "unlimited"))
    unpriced = cost._replace(unpriced=("it has no price",))
    assert run(unpriced, last(known()))[3] == ["100"]


def test_what_is_handed_on_is_the_most_of_each_part_with_when_and_whose() -> None:
    """70 USD of alpha and 80 in all, known an hour ago, beside 90 and 60 of now."""
    alpha = f"workspace {ALPHA}"
    before = known("80", parts={alpha: Decimal(70)}, organization="org-1")
    other = known("7", "fedcba9876543210", as_of=MONTH.as_of - 2 * HOUR)
    old = known("9", month=datetime(2026, 9, 1, tzinfo=UTC))
    spend = spend_of({ALPHA: bounds("60", "75"), None: bounds("30")})._replace(
        prices=spending(bounds("1")).prices,
    )
    report, _ = gate.check(
        policy(CAP), lambda: spend, MONTH, STRICT, earlier=last(old, before, other)
    )
    assert report.known_spend == (
        other,
        KnownSpend(
            Decimal(90),
            MONTH.as_of,
            "org-1",
            PRICES,
            MONTH.period.start,
            {
                **{f"day 2026-11-{day:02}": Decimal(0) for day in range(1, 21)},
                "day 2026-11-10": Decimal(90),
                alpha: Decimal(70),
                "workspace default": Decimal(30),
                "model claude-opus-5-5": Decimal(90),
            },
        ),
    )


def test_what_was_known_of_a_month_before_is_kept_for_one_month() -> None:
    """A run of that month may follow, and of none that is longer ago."""
    earlier, older = (
        known("9", month=datetime(2026, month, 1, tzinfo=UTC), as_of=MONTH.as_of - day * DAY)
        for month, day in ((10, 30), (9, 60))
    )
    assert run(spending(bounds("5")), last(earlier, older))[3] == ["9", "5"]


# Prices


def test_the_same_prices_have_one_digest() -> None:
    """Whatever does not change a price does not count: where it is from, and when it was checked."""
    document = book().document.model_copy(update={"verified_on": date(2030, 1, 1)})
    assert PriceBook(document).digest == book().digest
    one = "{models: {m: {input: 1, output: 2, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1"
    assert book_with(f"{one}}}}}}}").digest == book_with(f"{one}, source: x}}}}}}").digest


def test_any_change_of_a_price_is_another_digest() -> None:
    """A discount, an own price, another own price, another price of the book."""
    own = "{{models: {{m: {{input: {}, output: 2, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}}}}}}"
    document = book().document.model_copy(update={"web_search": Decimal(11)})
    books = (
        book(),
        book_with("{discount: 10%}"),
        book_with(own.format(1)),
        book_with(own.format("1.5")),
        PriceBook(document),
    )
    assert len({it.digest for it in books}) == len(books)


# Run after run, with one file as the last report and the next


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """The organization's API: 18.30 USD were spent."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        yield server


def hourly(here: Here, api: LoopbackAPI, hours: int, *flags: str, policy: str = OK) -> Run:
    """A run of that many hours after the first."""
    files = ("--report", "report.json", "--last-report", "report.json")
    api.now = NOW + hours * HOUR
    return here.check(api, "--format", "json", *files, *flags, policy=policy, now=api.now)


def empty(api: LoopbackAPI) -> None:
    """The API forgets every row of its usage report."""
    tamper(
        api,
        lambda _, answer: [bucket["results"].clear() for bucket in answer["data"]] and None,
        only=lambda request: request.path == USAGE,
    )


def told(run: Run) -> list[str]:
    """The levels of what is said of spend that fell."""
    return [note["level"] for note in run.report["notes"] if note["code"] == "spend_fell"]


def test_empty_buckets_stay_red_until_the_usage_is_back(here: Here, api: LoopbackAPI) -> None:
    """Well-formed, whole and empty: $0.00 is not green, at the first run nor at the third."""
    assert hourly(here, api, 0).code == 0
    empty(api)
    for hours in (1, 2, 3):
        run = hourly(here, api, hours)
        assert (run.code, run.report["status"], told(run)) == (3, "unverified", ["error"])
        assert run.report["spend"] is None
    api.intercept = None
    run = hourly(here, api, 4)
    assert (run.code, run.report["spend"]["low"], told(run)) == (0, "18.3", [])


def test_an_outage_makes_no_run_forget(here: Here, api: LoopbackAPI) -> None:
    """Known, then nothing at all, without a credential even, then empty buckets."""
    assert hourly(here, api, 0).code == 0
    api.intercept = down
    assert hourly(here, api, 1).code == 3
    here.patch.setenv("ANTHROPIC_ADMIN_KEY", "")
    assert hourly(here, api, 2).code == 3
    here.set(here.program.environment({"ANTHROPIC_BASE_URL": api.url}))
    empty(api)
    run = hourly(here, api, 3)
    assert (run.code, told(run)) == (3, ["error"])


def test_a_breach_outlasts_every_run_in_which_spend_fell(here: Here, api: LoopbackAPI) -> None:
    """18.30 USD were above the cap, and nothing of it is reported any more: 1, again and again."""
    policy = "version: 1\nglobal: {cap: 18.29}\n"
    assert hourly(here, api, 0, policy=policy).code == 1
    empty(api)
    for hours in (1, 2):
        run = hourly(here, api, hours, policy=policy)
        assert (run.code, run.report["status"]) == (1, "breached")
        assert run.report["evidence_as_of"] == "2026-11-15T12:00:00Z"
    api.intercept = down
    assert hourly(here, api, 3, policy=policy).code == 1


def test_a_new_month_begins_at_nothing(here: Here, api: LoopbackAPI) -> None:
    """Sixteen days on it is December, and no spend is right."""
    assert hourly(here, api, 0).code == 0
    run = hourly(here, api, 16 * 24)
    assert (run.code, told(run), run.report["known_spend"][-1]["usd"]) == (0, [], "0")


def test_a_discount_lowers_spend_with_a_warning(here: Here, api: LoopbackAPI) -> None:
    """Half of 18.30 USD; from then on, that is what spend does not fall below."""
    half = f"{OK}prices: {{discount: 50%}}\n"
    assert hourly(here, api, 0).code == 0
    run = hourly(here, api, 1, policy=half)
    assert (run.code, run.report["spend"]["low"], told(run)) == (0, "9.15", ["warning"])
    assert told(hourly(here, api, 2, policy=half)) == []
    empty(api)
    assert hourly(here, api, 3, policy=half).code == 3
    assert hourly(here, api, 4).code == 3


def test_a_time_before_the_last_report_makes_no_run_forget(here: Here, api: LoopbackAPI) -> None:
    """A backfill of the 10th in between is not held against the 15th, and hands it on."""
    assert hourly(here, api, 0).code == 0
    run = hourly(here, api, 1, "--as-of", "2026-11-10T00:00:00Z")
    assert (run.code, run.report["spend"]["low"], told(run)) == (0, "0", [])
    empty(api)
    assert hourly(here, api, 2).code == 3


def test_another_organization_is_held_against_nothing(here: Here, api: LoopbackAPI) -> None:
    """A cache that two repositories share: the outage in between does not make them one."""
    assert hourly(here, api, 0).code == 0
    here.patch.setenv("ANTHROPIC_ADMIN_KEY", "")
    assert hourly(here, api, 1).report["organization"] is None
    here.set(here.program.environment())
    other = replace(ORGANIZATION, usage=[], id="99999999-8888-4777-8666-555555555555")
    with LoopbackAPI(other, now=NOW) as another:
        run = hourly(here, another, 2)
    assert (run.code, told(run)) == (0, [])


def test_pages_that_leave_out_a_part_warn_and_are_no_floor(here: Here, api: LoopbackAPI) -> None:
    """`--partial` says itself that a part of the month is missing."""
    assert hourly(here, api, 0).code == 0
    day = {"starting_at": "2026-11-14T00:00:00Z", "ending_at": "2026-11-15T00:00:00Z"}
    page = {"data": [{**day, "results": []}], "has_more": False, "next_page": None}
    here.program.write(json.dumps(page), "page.json")
    run = here.main(
        *("check", "--format", "json", "--usage", "page.json", "--partial"),
        *("--report", "report.json", "--last-report", "report.json"),
        now=NOW + HOUR,
    )
    assert (run.code, run.report["spend"]["low"], told(run)) == (0, "0", ["warning"])
    assert run.report["known_spend"][0]["usd"] == "18.3"
    empty(api)
    assert hourly(here, api, 2).code == 3


def test_a_report_of_an_earlier_version_warns(here: Here, api: LoopbackAPI) -> None:
    """It knows what was spent, and not at which prices."""
    assert hourly(here, api, 0).code == 0
    old = here.program.report
    del old["known_spend"], old["prices"]["digest"]
    here.program.write(json.dumps(old), "report.json")
    empty(api)
    run = hourly(here, api, 1)
    assert (run.code, told(run)) == (0, ["warning"])


def test_a_report_without_a_memory_still_has_its_own_spend(here: Here, api: LoopbackAPI) -> None:
    """Somebody emptied the list: what the report itself says was spent counts all the same."""
    assert hourly(here, api, 0).code == 0
    here.program.write(json.dumps({**here.program.report, "known_spend": []}), "report.json")
    empty(api)
    assert hourly(here, api, 1).code == 3


@pytest.mark.parametrize("flags", [("--month", "last"), ("--as-of", "2026-10-20T00:00:00Z")])
def test_a_run_of_the_month_before_makes_no_run_forget(
    here: Here, api: LoopbackAPI, flags: tuple[str, str]
) -> None:
    """It writes over the report of this month, and hands on what that knew."""
    assert hourly(here, api, 0).code == 0
    assert hourly(here, api, 1, *flags).code == 0
    empty(api)
    assert hourly(here, api, 2).code == 3


def test_a_run_for_another_organization_makes_no_run_forget(here: Here, api: LoopbackAPI) -> None:
    """Its report is written over that of the first one, whose usage is then lost."""
    assert hourly(here, api, 0).code == 0
    with LoopbackAPI(replace(ORGANIZATION, usage=[], id="org-2"), now=NOW) as other:
        assert hourly(here, other, 1).code == 0
    empty(api)
    assert hourly(here, api, 2).code == 3


@pytest.mark.parametrize(
    "text",
    [
        "global: {cap: 1000}",
        "workspaces: {production: {cap: 50}}",
        "models: {claude-sonnet-4-5: {cap: 1000}}",
    ],
)
def test_a_part_that_falls_is_not_hidden_by_growth_elsewhere(
    here: Here, api: LoopbackAPI, text: str
) -> None:
    """18.00 USD of production on the 12th are lost, and 25.00 USD of another model come in the last hour."""
    policy = f"version: 1\n{text}\n"
    assert hourly(here, api, 0, policy=policy).code == 0
    kept = [it for it in ORGANIZATION.usage if it.workspace is None]
    # Claude Opus 5.5 costs 20 USD per million tokens of output.
    new = Usage(NOW + timedelta(minutes=30), None, "claude-opus-5-5", output=1_250_000)
    with LoopbackAPI(replace(ORGANIZATION, usage=[*kept, new]), now=NOW) as later:
        run = hourly(here, later, 1, policy=policy)
        # What was lost is not forgotten by the run that noticed it.
        again = hourly(here, later, 2, policy=policy)
    assert (run.code, again.code, told(run)) == (3, 3, ["error"])
    (note,) = (it for it in run.report["notes"] if it["code"] == "spend_fell")
    assert re.search(r"is at most \$0\.\d\d, less than the \$18\.\d\d of", note["message"])


def test_a_time_outside_the_calendar_is_damage(here: Here, api: LoopbackAPI) -> None:
    """Year 1 in the east: in UTC there is no such time, and the breach of today is found all the same."""
    assert hourly(here, api, 0).code == 0
    wrong = {**here.program.report, "as_of": "0001-01-01T00:00:00+23:00"}
    here.program.write(json.dumps(wrong), "report.json")
    run = hourly(here, api, 1, policy="version: 1\nglobal: {cap: 1}\n")
    assert run.code == 1
    assert "it is damaged" in json.dumps(run.report["notes"])


# Spend that is a range now


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ("global: {cap: 250, forecast: off}", 1),
        ("global: {cap: 299.99, forecast: off}", 1),
        ("global: {cap: 300, forecast: off}", 0),
        ("workspaces: {alpha: {cap: 250, forecast: off}}", 1),
        ("unlisted: {cap: 250, forecast: off}", 1),
        ("models: {claude-opus-5-5: {cap: 250, forecast: off}}", 1),
        ("groups: {all: {workspaces: [alpha], cap: 250, forecast: off}}", 0),
    ],
)
def test_what_was_known_at_the_same_prices_is_the_least_of_a_range(rules: str, code: int) -> None:
    """300 USD were known an hour ago, and 200 to 440 are told now: 300 at the least."""
    parts = {f"workspace {ALPHA}": Decimal(300), "model claude-opus-5-5": Decimal(300)}
    spend = spend_of(
        {ALPHA: bounds("200", "440")}, workspaces=(Workspace(ALPHA, "alpha"),)
    )._replace(
        prices=spending(bounds("1")).prices._replace(models=("claude-opus-5-5",)),
    )
    text = f"version: 1\n{rules}\n{LENIENT}"
    report, found = gate.check(
        policy(text), lambda: spend, MONTH, STRICT, earlier=last(known("300", parts=parts))
    )
    assert found == code
    assert report.spend == bounds("300", "440")
    assert [note.level for note in report.notes if note.code == "spend_known"] == ["info"]
    (budget,) = report.budgets
    is_group = rules.startswith("groups")
    assert budget.spend == (bounds("200", "440") if is_group else bounds("300", "440"))


@pytest.mark.parametrize(
    "changes", [{"prices": "fedcba9876543210"}, {"month": datetime(2026, 10, 1, tzinfo=UTC)}]
)
def test_what_was_known_otherwise_is_no_least(changes: dict[str, Any]) -> None:
    """At other prices, or of another month."""
    text = f"version: 1\nglobal: {{cap: 250, forecast: off}}\n{LENIENT}"
    earlier = last(known("300", **changes))
    report, code = gate.check(
        policy(text), lambda: spending(bounds("200", "440")), MONTH, STRICT, earlier=earlier
    )
    assert (code, report.spend) == (0, bounds("200", "440"))


def test_the_least_counts_with_a_reservation() -> None:
    """300 USD and 50 are over 340, where 200 to 340 and 50 might not be."""
    terms = STRICT._replace(reservation=Reservation(Decimal(50)))
    text = f"version: 1\nglobal: {{cap: 340, forecast: off}}\n{LENIENT}"
    status, code, _, _ = run(spending(bounds("200", "320")), last(known("300")), text, terms)
    assert (status, code) == ("breached", 1)


def test_what_is_told_of_no_workspace_may_be_of_any() -> None:
    """60 USD of alpha were known; 100 of today are of nobody in particular, so nothing has to be missing."""
    earlier = last(known("100", parts={f"workspace {ALPHA}": Decimal(60)}))
    told = spend_of({UNATTRIBUTED: bounds("100"), "wrkspc_01B": bounds("5")})
    told = told._replace(prices=told.prices._replace(digest=PRICES))
    assert run(told, earlier)[1:3] == (0, [])
    named = spend_of({"wrkspc_01B": bounds("105")})
    named = named._replace(prices=named.prices._replace(digest=PRICES))
    _, code, ((_, message),), _ = run(named, earlier)
    assert code == 3
    assert_says(message, f"workspace {ALPHA}", "$0.00", "$60.00")


@pytest.mark.parametrize(
    ("parts", "facts"),
    [
        # 40 USD were spent on the 10th, all of them by `my model` in the default workspace.
        (
            {"day 2026-11-10": 50, "workspace default": 70, "model my model": 60},
            ["Spend of workspace default is at most $40.00", "$70.00"],
        ),
        (
            {"day 2026-11-10": 70, "workspace default": 50, "model my model": 60},
            ["Spend on 2026-11-10 is at most $40.00", "$70.00"],
        ),
        (
            {"day 2026-11-10": 40, "workspace default": 40, "model my model": 41},
            ["Spend of model my model is at most $40.00", "$41.00"],
        ),
        (
            {"workspace default": 70, "workspace other": 35},
            ["Spend of workspace other is at most $0.00", "$35.00"],
        ),
        ({"day 2026-11-09": 1}, ["Spend on 2026-11-09 is at most $0.00", "$1.00"]),
    ],
)
def test_of_parts_that_fell_the_one_that_fell_most_is_named(
    parts: dict[str, int], facts: list[str]
) -> None:
    """A day, a workspace or a model, with what it is at most now and what it was."""
    spend = spend_of_lines(line(bounds("40"), model="my model"))
    spend = spend._replace(prices=spend.prices._replace(digest=PRICES))
    earlier = last(known("40", parts={name: Decimal(usd) for name, usd in parts.items()}))
    status, code, ((level, message),), remembered = run(spend, earlier)
    assert (status, code, level, remembered) == ("unverified", 3, "error", ["40"])
    assert_says(message, *facts, "Nov 20, 14:20 UTC")


def test_usage_of_no_model_leaves_open_of_which_it_is() -> None:
    """60 USD of a model were known; 100 of today are of no model that is told, so nothing has to be missing."""
    earlier = last(known("100", parts={"model a": Decimal(60)}))
    for model, code in ((None, 0), ("b", 3)):
        spend = spend_of_lines(line(bounds("100"), model=model), line(bounds("5"), model="b"))
        spend = spend._replace(prices=spend.prices._replace(digest=PRICES))
        assert run(spend, earlier)[1] == code


def test_what_is_raised_to_what_was_known_is_told_whole() -> None:
    """200 to 440 are told, and 300 were known: over the cap of alpha, and within that of all."""
    text = (
        "version: 1\nglobal: {cap: 500, forecast: off}\n"
        f"workspaces: {{alpha: {{cap: 250, forecast: off}}}}\n{LENIENT}"
    )
    parts = {f"workspace {ALPHA}": Decimal(260)}
    spend = spend_of(
        {ALPHA: bounds("200", "300")}, workspaces=(Workspace(ALPHA, "alpha"),)
    )._replace(
        prices=spending(bounds("1")).prices,
    )
    earlier = last(known("250", parts=parts))
    for terms, status in ((STRICT, "breached"), (Terms(only=("global",)), "ok")):
        report, _ = gate.check(policy(text), lambda: spend, MONTH, terms, earlier=earlier)
        assert (report.status, report.spend) == (status, bounds("250", "300"))
        assert report.notes[0].code == "spend_known"
        of = {it.id: it for it in report.budgets}
        alpha, whole = of[f"workspaces.{ALPHA}"], of["global"]
        assert (alpha.status, alpha.cause, alpha.spend) == ("breached", "cap", bounds("260", "300"))
        assert_says(alpha.reason, "over the cap in the last report")
        assert (whole.status, whole.spend) == ("ok", bounds("250", "300"))


def test_what_is_breached_already_keeps_its_own_reason() -> None:
    """260 of a cap of 250 are told, and 270 were known: it is no verdict of the last report."""
    text = f"version: 1\nglobal: {{cap: 250, forecast: off}}\n{LENIENT}"
    report, code = gate.check(
        policy(text),
        lambda: spending(bounds("260", "300")),
        MONTH,
        STRICT,
        earlier=last(known("270")),
    )
    (budget,) = report.budgets
    assert (code, budget.status, budget.spend) == (1, "breached", bounds("270", "300"))
    assert "last report" not in budget.reason


def test_what_is_as_much_as_was_known_needs_no_word() -> None:
    """Nothing is raised, and no note says so."""
    report, _ = gate.check(
        policy(CAP), lambda: spending(bounds("100", "120")), MONTH, STRICT, earlier=last(known())
    )
    assert (report.spend, [it.code for it in report.notes]) == (bounds("100", "120"), [])


def test_of_each_part_the_most_is_remembered() -> None:
    """Of alpha 60 USD were known, which 50 to 70 of now leave as they are."""
    part = f"workspace {ALPHA}"
    spend = spend_of({ALPHA: bounds("50", "70")})
    spend = spend._replace(prices=spend.prices._replace(digest=PRICES))
    earlier = last(known("60", parts={part: Decimal(60)}))
    report, _ = gate.check(policy(CAP), lambda: spend, MONTH, STRICT, earlier=earlier)
    (remembered,) = report.known_spend
    assert remembered.parts[part] == Decimal(60)
    (note,) = notes_with(report.notes, "spend_known")
    assert_says(note.message, "less detail", "Nov 20, 14:20 UTC", "at least", "$60.00")
