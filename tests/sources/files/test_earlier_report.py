"""The report of an earlier run as a file: what is read of it, and what it does for a later run."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from budget_gate.domain.notes import Note
from budget_gate.domain.verdict.earlier import EarlierReport
from budget_gate.domain.verdict.report import KnownSpend
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.outputs.report.json import render_json
from budget_gate.sources.files.earlier_report import read_last_report
from budget_gate.sources.files.report_parts import MAX_BYTES
from tests.helpers.builders import bounds, judged
from tests.helpers.running import BREACHED, LAST_REPORT, NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.serving import down
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Organization
from tests.world.oracle import Usage

HOUR = timedelta(hours=1)


def changed(path: str, value: Any) -> str:
    """A breached report as JSON, with what stands at a path such as `budgets.0.cap` replaced."""
    document = copy.deepcopy(LAST_REPORT)
    *parents, last = path.split(".")
    place: Any = document
    for name in parents:
        place = place[int(name) if isinstance(place, list) else name]
    place[last] = value
    return json.dumps(document)


def read(folder: Path, content: str | bytes) -> EarlierReport | Note:
    """What is read of a file with that content."""
    path = folder / "last.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_last_report(path)


def used(result: EarlierReport | Note) -> EarlierReport:
    """The report, where one was read."""
    assert isinstance(result, EarlierReport), result
    return result


def why(result: EarlierReport | Note) -> str:
    """Why there is no report, in the words of the note."""
    assert isinstance(result, Note), result
    expected = "warning" if "damaged" in result.message else "info"
    assert (result.level, result.code) == (expected, "last_report")
    assert_says(result.message, "The last report is not used: ")
    assert result.message.startswith("The last report is not used: ")
    return result.message.removeprefix("The last report is not used: ")


# The file


def test_a_report_that_was_written_is_read(tmp_path: Path) -> None:
    """When it was made, of which month, and each budget with its cap, its spend and its status."""
    report = judged("version: 1\nglobal: {cap: 10.50}\n", {None: bounds("11", "12.5")})
    earlier = used(read(tmp_path, render_json(report, "budget.yml")))
    assert earlier.as_of == datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
    assert earlier.month == datetime(2026, 11, 1, tzinfo=UTC)
    assert earlier.organization is None
    (budget,) = earlier.budgets
    assert (budget.id, budget.name, budget.status) == ("global", "organization", "breached")
    assert (budget.cap, budget.spend) == (Decimal("10.5"), bounds("11", "12.5"))


def test_an_amount_without_an_upper_bound_is_read(tmp_path: Path) -> None:
    """A high of null is unlimited; a cap of null only warned."""
    budget = {**LAST_REPORT["budgets"][0], "spend": {"low": "1", "high": None}, "cap": None}
    (result,) = used(read(tmp_path, changed("budgets", [budget]))).budgets
    assert result.spend == bounds("1", "unlimited")
    assert result.cap is None


def test_the_age_of_the_evidence_is_that_of_the_first(tmp_path: Path) -> None:
    """A report that fell back on an earlier one is no newer than that."""
    earlier = used(read(tmp_path, changed("evidence_as_of", "2026-11-14T10:00:00Z")))
    assert earlier.as_of == datetime(2026, 11, 14, 10, tzinfo=UTC)


def test_keys_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    """A schema may grow without being another one; a report without the newest keys is read too."""
    assert used(read(tmp_path, changed("forecast", {"high": [1, 2]}))).budgets
    older = {key: value for key, value in LAST_REPORT.items() if key != "evidence_as_of"}
    assert used(read(tmp_path, json.dumps(older))).budgets


@pytest.mark.parametrize(
    "schema", ["budget-gate/report/v2", "budget-gate/report/v10", "", "other", None, 1]
)
def test_another_schema_is_not_read(tmp_path: Path, schema: object) -> None:
    """A number may mean something else there."""
    assert "version" in why(read(tmp_path, changed("schema", schema)))


def test_what_later_runs_go_by_is_read(tmp_path: Path) -> None:
    """Which cost was judged, how much was spent at the least, and since when a budget is in its state."""
    began = datetime(2026, 11, 2, 8, tzinfo=UTC)
    report = judged("version: 1\nglobal: {cap: 10}\n", {None: bounds("11", "12.5")})
    report = report._replace(basis="billed", budgets=(report.budgets[0]._replace(since=began),))
    earlier = used(read(tmp_path, render_json(report, "budget.yml")))
    assert (earlier.basis, earlier.spend) == ("billed", Decimal(11))
    assert earlier.budgets[0].since == began


def test_a_report_without_what_later_runs_go_by_is_read(tmp_path: Path) -> None:
    """One that was written before there was a forecast: of list cost, and of no known beginning."""
    assert not {"spend", "basis", "previous_as_of"} & LAST_REPORT.keys()
    earlier = used(read(tmp_path, json.dumps(LAST_REPORT)))
    assert (earlier.basis, earlier.spend, earlier.budgets[0].since) == ("list", None, None)


def test_a_report_that_determined_no_spend_is_read(tmp_path: Path) -> None:
    """Its spend is null."""
    assert used(read(tmp_path, changed("spend", None))).spend is None


WHOLE: dict[str, Any] = {
    "schema": "budget-gate/report/v1",
    "as_of": "2026-11-15T13:00:00+01:00",
    "evidence_as_of": None,
    "organization": "org-example",
    "period": {"start": "2026-11-01T00:00:00Z"},
    "spend": {"low": "18.3", "high": None},
    "basis": "list",
    "status": "breached",
    "prices": {"digest": "prices-1"},
    "workspaces": [
        {"id": None, "name": "default workspace"},
        {"id": "wrkspc_A", "name": "production"},
        {"id": "wrkspc_B", "name": "staging"},
    ],
    "budgets": [
        {
            "id": "workspaces.wrkspc_C",
            "name": "production",
            "cap": "5",
            "spend": {"low": "6", "high": "7.5"},
            "status": "breached",
            "since": "2026-11-14T08:00:00Z",
        },
        *(
            {"id": id_, "name": name, "cap": None, "spend": {"low": 0, "high": 0}, "status": "ok"}
            for id_, name in (("unlisted.wrkspc_B", "staging"), ("models.x", "x"), ("global", "y"))
        ),
    ],
    "known_spend": [
        {
            "usd": "20",
            "as_of": "2026-11-15T14:00:00Z",
            "organization": "org-example",
            "prices": "prices-0",
            "month": "2026-11-01T00:00:00Z",
            "parts": {"2026-11-02": "20"},
        },
        {"usd": "17", "as_of": "2026-11-14T00:00:00Z", "prices": "prices-1"},
    ],
}
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 15, 12, tzinfo=UTC)
OWN = KnownSpend(Decimal("18.3"), NOON, "org-example", "prices-1", NOVEMBER)


def test_a_whole_report_is_read(tmp_path: Path) -> None:
    """Its times in UTC, the names of its workspaces, and what is known to be spent, oldest first."""
    earlier = used(read(tmp_path, json.dumps(WHOLE)))
    assert (earlier.as_of, earlier.month) == (NOON, NOVEMBER)
    assert (earlier.organization, earlier.basis, earlier.spend) == (
        "org-example",
        "list",
        Decimal("18.3"),
    )
    assert earlier.budgets[0] == BudgetResult(
        id="workspaces.wrkspc_C",
        name="production",
        cap=Decimal(5),
        warn_at=(),
        spend=bounds("6", "7.5"),
        status="breached",
        reason="",
        line=1,
        since=datetime(2026, 11, 14, 8, tzinfo=UTC),
    )
    assert earlier.names == {
        "default workspace": {""},
        "production": {"wrkspc_A", "wrkspc_C"},
        "staging": {"wrkspc_B"},
    }
    older = datetime(2026, 11, 14, tzinfo=UTC)
    later = datetime(2026, 11, 15, 14, tzinfo=UTC)
    assert earlier.known == (
        KnownSpend(Decimal(17), older, None, "prices-1", NOVEMBER),
        OWN,
        KnownSpend(
            Decimal(20), later, "org-example", "prices-0", NOVEMBER, {"2026-11-02": Decimal(20)}
        ),
    )


@pytest.mark.parametrize(
    ("changes", "has_own"),
    [
        ({}, True),
        ({"usd": "18.3"}, False),
        ({"usd": "18.29"}, True),
        ({"usd": "18.3", "prices": "prices-2"}, True),
        ({"usd": "18.3", "prices": None}, True),
    ],
)
def test_its_own_spend_is_known_unless_as_much_is_at_the_same_prices(
    tmp_path: Path, changes: dict[str, object], *, has_own: bool
) -> None:
    """Of a month, spend does not fall."""
    known = [WHOLE["known_spend"][1] | changes]
    earlier = used(read(tmp_path, json.dumps(WHOLE | {"known_spend": known})))
    assert (OWN in earlier.known) is has_own


def test_of_billed_cost_or_without_spend_nothing_of_its_own_is_known(tmp_path: Path) -> None:
    """What is known is at list price."""
    for changes in ({"basis": "billed"}, {"spend": None}):
        report = WHOLE | {"known_spend": []} | changes
        assert used(read(tmp_path, json.dumps(report))).known == ()


def test_a_report_without_prices_knows_its_spend_at_unknown_ones(tmp_path: Path) -> None:
    """As earlier versions wrote it."""
    report = WHOLE | {"known_spend": [], "prices": None}
    assert used(read(tmp_path, json.dumps(report))).known == (OWN._replace(prices=None),)


def test_a_report_of_a_run_that_knew_no_spend_is_not_used(tmp_path: Path) -> None:
    """Nothing was judged."""
    assert_says(why(read(tmp_path, changed("status", "unchecked"))), "--offline", "no spend")
    assert isinstance(read(tmp_path, changed("status", "unverified")), EarlierReport)


def test_a_file_that_is_missing_is_told(tmp_path: Path) -> None:
    """The first run of all has none."""
    assert "none yet" in why(read_last_report(tmp_path / "last.json"))


@pytest.mark.parametrize("kind", ["folder", "below a file", "link to itself", "name too long"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, kind: str) -> None:
    """With what the system says about it."""
    path = tmp_path / "last.json"
    match kind:
        case "folder":
            path.mkdir()
        case "below a file":
            path.write_text("{}", encoding="utf-8")
            path /= "last.json"
        case "link to itself":
            path.symlink_to(path)
        case _:
            path = tmp_path / ("x" * 300)
    reason = {
        "folder": "Is a directory",
        "below a file": "Not a directory",
        "link to itself": "Too many levels of symbolic links",
        "name too long": "File name too long",
    }[kind]
    assert why(read_last_report(path)) == f"it cannot be read ({reason})."


DAMAGED = {
    "empty": b"",
    "blank": b" \n",
    "null": b"null",
    "number": b"18.3",
    "text": b'"breached"',
    "list": b"[]",
    "object": b"{}",
    "html": b"<!doctype html><title>502 Bad Gateway</title>",
    "binary": bytes(range(256)),
    "utf-16": json.dumps(LAST_REPORT).encode("utf-16"),
    "no unicode": json.dumps(LAST_REPORT).encode().replace(b"organization", b"\xff\xfe"),
    "two reports": json.dumps(LAST_REPORT).encode() * 2,
    "a comment": b"// " + json.dumps(LAST_REPORT).encode(),
    "deep list": b"[" * 200_000,
    "deep list, closed": b"[" * 200_000 + b"]" * 200_000,
    "deep object": b'{"a":' * 200_000,
    "deep in a key": changed("forecast", None).replace("null", "[" * 100_000).encode(),
    "long number": changed("as_of", 0).replace(": 0", ": " + "9" * 100_000).encode(),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_is_no_report_is_damaged(tmp_path: Path, content: bytes) -> None:
    """Nothing of it is used, and nothing of it ends the run."""
    assert why(read(tmp_path, content))


@pytest.mark.parametrize("share", [1, 25, 50, 75, 99])
def test_a_report_that_was_cut_is_damaged(tmp_path: Path, share: int) -> None:
    """However much of it is there: a disk was full, or an upload broke off."""
    whole = json.dumps(LAST_REPORT)
    assert "damaged" in why(read(tmp_path, whole[: len(whole) * share // 100]))


def test_a_report_with_a_key_twice_is_damaged(tmp_path: Path) -> None:
    """Which of both amounts is true is not for us to say."""
    whole = json.dumps(LAST_REPORT)
    assert isinstance(read(tmp_path, whole), EarlierReport)
    doubled = whole.replace('"cap": "18.29"', '"cap": "18.29", "cap": "1829"')
    assert why(read(tmp_path, doubled)) == "it is damaged."


def test_a_file_that_is_too_large_is_damaged(tmp_path: Path) -> None:
    """No more than a limit is read into memory."""
    assert "damaged" in why(read(tmp_path, changed("forecast", "x" * MAX_BYTES)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(("as_of", value) for value in (None, "", "now", "2026-11-15", "2026-11-15T12:00:00")),
        ("as_of", True),
        ("as_of", ["2026-11-15T12:00:00Z"]),
        ("as_of", "2026-11-31T12:00:00Z"),
        ("as_of", "99999-11-15T12:00:00Z"),
        ("evidence_as_of", "then"),
        ("evidence_as_of", "2026-11-15T12:00:00"),
        ("organization", 5),
        ("organization", ["a"]),
        ("period", None),
        ("period", "2026-11"),
        ("period.start", None),
        ("period.start", "2026-11-01T00:00:00"),
        ("budgets", None),
        ("budgets", {}),
        ("budgets", "global"),
        ("budgets", [None]),
        ("budgets", [[]]),
        ("budgets.0.id", None),
        ("budgets.0.id", 5),
        ("budgets.0.name", None),
        ("budgets.0.status", "worse"),
        ("budgets.0.status", None),
        ("budgets.0.cap", True),
        ("budgets.0.cap", []),
        ("budgets.0.cap", {"low": "1"}),
        ("budgets.0.spend", None),
        ("budgets.0.spend", "18.3"),
        ("budgets.0.spend.low", None),
        ("budgets.0.spend.low", ["18.3"]),
        ("budgets.0.since", "then"),
        ("budgets.0.since", "2026-11-15T12:00:00"),
        ("budgets.0.since", False),
        ("spend", "18.3"),
        ("spend", {"low": None, "high": None}),
        ("spend", {"low": "NaN", "high": None}),
        ("spend", {"low": "-1", "high": None}),
        ("basis", "other"),
        ("basis", None),
    ],
)
def test_a_value_of_a_wrong_kind_is_damage(tmp_path: Path, path: str, value: object) -> None:
    """A time without an offset, a list for an amount, a status that there is not."""
    assert "damaged" in why(read(tmp_path, changed(path, value)))


@pytest.mark.parametrize("path", ["budgets.0.cap", "budgets.0.spend.low", "budgets.0.spend.high"])
@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "-1", "-0.01", "", "$18", "1,000"),
        *("1e400", "1e1000", "1e999999", "1E+999999999", f"1{'0' * 400}", "1e-999999999"),
        *(float("nan"), float("inf"), float("-inf"), -1, -0.5),
    ],
    ids=lambda value: str(value)[:20] + type(value).__name__[:1],
)
def test_an_amount_that_is_none_is_damage(tmp_path: Path, path: str, value: object) -> None:
    """Not a number, endless, negative, or larger than any money there is."""
    assert "damaged" in why(read(tmp_path, changed(path, value)))


@pytest.mark.parametrize("missing", ["schema", "as_of", "period", "budgets"])
def test_a_report_that_lacks_a_part_is_damaged(tmp_path: Path, missing: str) -> None:
    """Of what a verdict rests on, nothing is guessed."""
    assert why(
        read(tmp_path, json.dumps({key: LAST_REPORT[key] for key in LAST_REPORT if key != missing}))
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PATHS = (
    *("schema", "as_of", "period", "period.start", "organization", "evidence_as_of", "budgets"),
    *("budgets.0.id", "budgets.0.name", "budgets.0.cap", "budgets.0.status", "budgets.0.spend"),
    *("budgets.0.spend.low", "budgets.0.spend.high", "budgets.0.since", "spend", "basis"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_value_in_any_place_is_read_or_told(tmp_path: Path, path: str, value: object) -> None:
    """There is no third way."""
    assert isinstance(read(tmp_path, changed(path, value)), EarlierReport | Note)


# One run after another


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """The organization's API: 18.30 USD were spent."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        yield server


def hourly(here: Here, api: LoopbackAPI, hours: int, *flags: str, policy: str | None = None) -> Run:
    """A run of that many hours after the first, which reads the last report and writes its own."""
    files = ("--report", "report.json", "--last-report", "report.json")
    api.now = NOW + hours * HOUR
    return here.check(api, "--format", "json", *files, *flags, policy=policy, now=api.now)


def told(run: Run) -> str:
    """What a report says of the last one."""
    (message,) = [note["message"] for note in run.report["notes"] if note["code"] == "last_report"]
    return str(message)


def test_a_breach_is_remembered_while_the_api_is_down(here: Here, api: LoopbackAPI) -> None:
    """A real report of a breach, then an API that answers nothing of use: breached, by the hour-old report."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    run = hourly(here, api, 1)
    assert (run.code, run.report["status"], run.report["enforced"]) == (1, "breached", True)
    assert run.report["evidence_as_of"] == "2026-11-15T12:00:00Z"
    assert run.report["as_of"] == "2026-11-15T13:00:00Z"
    assert run.report["spend"] is None
    assert run.report["budgets"][0]["spend"] == {"low": "18.3", "high": None}
    assert "60 minutes ago" in told(run)


def test_a_breach_is_remembered_where_nothing_answers(here: Here, api: LoopbackAPI) -> None:
    """Not even which organization it is can be asked then."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.close()
    run = hourly(here, api, 1, "--deadline", "0.3")
    assert (run.code, run.report["status"], run.report["organization"]) == (1, "breached", None)


def test_a_breach_is_remembered_without_a_credential(here: Here, api: LoopbackAPI) -> None:
    """The secret was removed: what was breached before still is."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    here.patch.setenv("ANTHROPIC_ADMIN_KEY", "")
    assert hourly(here, api, 1).code == 1


def test_the_age_stays_that_of_the_first_evidence(here: Here, api: LoopbackAPI) -> None:
    """Each run reads the report that the one before wrote, and none makes the evidence younger."""
    policy = f"{BREACHED}workspaces:\n  production: {{cap: 500}}\n"
    assert hourly(here, api, 0, policy=policy).code == 1
    api.intercept = down
    for hours in (1, 2, 3, 30):
        run = hourly(here, api, hours)
        assert (run.code, run.report["evidence_as_of"]) == (1, "2026-11-15T12:00:00Z")
    assert "30 hours ago" in told(run)


def test_an_api_that_is_back_is_believed(here: Here, api: LoopbackAPI) -> None:
    """The report of then has no part in the verdict of now."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    run = hourly(here, api, 1, policy=OK)
    assert (run.code, run.report["status"], run.report["evidence_as_of"]) == (0, "ok", None)


def test_a_month_that_was_good_is_not_remembered(here: Here, api: LoopbackAPI) -> None:
    """Unverified, and not green; with `--on-error warn` it passes as unenforced."""
    assert hourly(here, api, 0, policy=OK).code == 0
    api.intercept = down
    run = hourly(here, api, 1)
    assert (run.code, run.report["status"]) == (3, "unverified")
    run = hourly(here, api, 2, "--on-error", "warn")
    assert (run.code, run.report["status"], run.report["enforced"]) == (0, "unverified", False)


def test_a_new_month_begins_without_a_breach(here: Here, api: LoopbackAPI) -> None:
    """Sixteen days on it is December."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    run = hourly(here, api, 16 * 24)
    assert (run.code, "another month" in told(run)) == (3, True)


def test_a_cap_that_was_raised_is_given_its_chance(here: Here, api: LoopbackAPI) -> None:
    """Whoever raised it must not be told of the old one."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    run = hourly(here, api, 1, policy=OK)
    assert (run.code, "a cap has changed" in told(run)) == (3, True)


def test_another_organization_is_not_blamed(here: Here, api: LoopbackAPI) -> None:
    """A cache that two repositories share, with a key each."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    other = Organization([], [], id="99999999-8888-4777-8666-555555555555")
    with LoopbackAPI(other, now=NOW, intercept=down) as another:
        run = hourly(here, another, 1)
    assert (run.code, "another organization" in told(run)) == (3, True)


def test_a_time_before_the_evidence_is_not_judged_by_it(here: Here, api: LoopbackAPI) -> None:
    """The month up to the 10th was not what it was on the 15th."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    run = hourly(here, api, 1, "--as-of", "2026-11-10T00:00:00Z")
    assert (run.code, "from the future" in told(run)) == (3, True)


@pytest.mark.parametrize("content", ["", "[" * 200_000, '{"schema":', "{}"])
def test_damage_is_told_and_the_run_goes_on(here: Here, api: LoopbackAPI, content: str) -> None:
    """A good month stays green, with a note; an API that is down stays unverified."""
    here.program.write(content, "report.json")
    run = hourly(here, api, 0, policy=OK)
    assert (run.code, run.report["previous_as_of"], run.report["drivers"]) == (0, None, [])
    assert "not used" in told(run)
    here.program.write(content, "report.json")
    api.intercept = down
    run = hourly(here, api, 1)
    assert (run.code, run.stderr) == (3, "")
    assert "not used" in told(run)


@pytest.mark.parametrize("low", ["1e400", "1E+999999999", "18.30000000000000000000000001"])
def test_an_amount_of_any_length_can_be_told(here: Here, api: LoopbackAPI, low: str) -> None:
    """Whether it is believed or not, no number takes the run down."""
    organization = {"organization": None}
    document = {**json.loads(changed("budgets.0.spend.low", low)), **organization}
    here.program.write(json.dumps(document), "report.json")
    api.intercept = down
    run = hourly(here, api, 1, policy=BREACHED)
    assert (run.code, run.stderr) == (3 if "e" in low.lower() else 1, "")


def test_the_first_run_has_no_last_report(here: Here, api: LoopbackAPI) -> None:
    """That is told, and no trouble."""
    run = hourly(here, api, 0, policy=OK)
    assert (run.code, run.stderr, "none yet" in told(run)) == (0, "", True)
    api.intercept = down
    (here.program.folder / "report.json").unlink()
    run = hourly(here, api, 1)
    assert (run.code, "none yet" in told(run)) == (3, True)


def test_the_variable_names_the_last_report_too(here: Here, api: LoopbackAPI) -> None:
    """As every flag has its own."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    here.patch.setenv("BUDGET_GATE_LAST_REPORT", "report.json")
    assert here.check(api, now=NOW + HOUR).code == 1


@pytest.mark.parametrize(
    ("flags", "code", "enforced"),
    [
        (["--on-error", "warn"], 1, "true"),
        (["--fail-on", "never", "--on-error", "warn"], 0, "false"),
    ],
)
def test_a_step_is_told_of_a_breach_by_evidence(
    here: Here, api: LoopbackAPI, flags: list[str], code: int, enforced: str
) -> None:
    """In its outputs and its summary: breached, how old the evidence is, and no amount for today."""
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    api.intercept = down
    here.set(here.program.step)
    run = hourly(here, api, 1, *flags)
    output, summary = here.program.output, here.program.summary
    assert run.code == code
    assert "\nbreached\n" in output
    assert "enforced<<" in output
    assert f"\n{enforced}\n" in output
    assert "\n18.3\n" not in output
    assert "60 minutes ago" in summary
    assert ("NOT ENFORCED (fail-on: never)" in summary) is (code == 0)


# What changed from one run to the next


def state(run: Run) -> tuple[str, str | None, str | None]:
    """The status of the one budget, since when, and what was spent on it since the last report."""
    (budget,) = run.report["budgets"]
    return budget["status"], budget["since"], budget["change"]


def seen(run: Run) -> tuple[str | None, str | None]:
    """When the last report was made, and what was spent since."""
    return run.report["previous_as_of"], run.report["change"]


def test_each_run_is_held_against_the_one_before(here: Here, api: LoopbackAPI) -> None:
    """18 USD before 10 o'clock, 0.30 then, and nothing after: each report is read by the next."""
    first = hourly(here, api, -3, policy=OK.replace("100", "1000"))
    assert (seen(first), state(first)) == ((None, None), ("ok", None, None))
    second = hourly(here, api, 0)
    assert seen(second) == ("2026-11-15T09:00:00Z", "0.3")
    assert state(second) == ("ok", "2026-11-15T09:00:00Z", "0.3")
    third = hourly(here, api, 2)
    assert seen(third) == ("2026-11-15T12:00:00Z", "0")
    assert state(third) == ("ok", "2026-11-15T09:00:00Z", "0")


def test_a_state_lasts_until_there_is_another(here: Here, api: LoopbackAPI) -> None:
    """A breach of 18.29 USD begins with the run that finds it, and ends with a higher cap."""
    assert state(hourly(here, api, -4, policy=BREACHED))[:2] == ("warning", None)
    assert state(hourly(here, api, -3))[:2] == ("warning", "2026-11-15T08:00:00Z")
    for hours in (0, 1, 24):
        assert state(hourly(here, api, hours))[:2] == ("breached", "2026-11-15T12:00:00Z")
    assert state(hourly(here, api, 25, policy=OK))[:2] == ("ok", "2026-11-16T13:00:00Z")


def test_a_state_outlasts_a_run_that_fell_back(here: Here, api: LoopbackAPI) -> None:
    """The breach was found at noon, read again, remembered, and is read once more."""
    hourly(here, api, 0, policy=BREACHED)
    hourly(here, api, 1)
    api.intercept = down
    assert state(hourly(here, api, 2))[1] == "2026-11-15T12:00:00Z"
    api.intercept = None
    run = hourly(here, api, 3)
    # What was spent is told since the last time that it was known.
    assert seen(run) == ("2026-11-15T13:00:00Z", None)
    assert state(run) == ("breached", "2026-11-15T12:00:00Z", "0")


def test_a_run_that_determined_nothing_leaves_nothing_to_compare(
    here: Here, api: LoopbackAPI
) -> None:
    """Only when it was; from the run after it on all is known again."""
    hourly(here, api, 0, policy=OK)
    api.intercept = down
    assert hourly(here, api, 1).code == 3
    api.intercept = None
    run = hourly(here, api, 2)
    assert seen(run) == ("2026-11-15T13:00:00Z", None)
    assert state(run) == ("ok", None, None)
    assert state(hourly(here, api, 3)) == ("ok", "2026-11-15T14:00:00Z", "0")


def test_a_report_of_an_older_version_is_compared(here: Here, api: LoopbackAPI) -> None:
    """As far as it goes: it tells what each budget had spent, and not what was spent in all."""
    here.program.write(json.dumps(LAST_REPORT), "report.json")
    run = hourly(here, api, 1, policy=BREACHED)
    assert seen(run) == ("2026-11-15T12:00:00Z", None)
    assert state(run) == ("breached", "2026-11-15T12:00:00Z", "0")


def test_the_drivers_of_the_day_are_told(here: Here, api: LoopbackAPI) -> None:
    """0.30 USD today in the default workspace, and nothing there in the week before."""
    hourly(here, api, -3, policy=OK)
    run = hourly(here, api, 0)
    assert run.report["drivers"] == [
        {
            "workspace": "default workspace",
            "model": "claude-sonnet-4-5",
            "today": "0.3",
            "usual": "0",
        }
    ]


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("period.start", "2026-10-01T00:00:00Z", "it is of another month"),
        ("period.start", "2025-11-01T00:00:00Z", "it is of another month"),
        ("as_of", "2026-11-15T13:00:01Z", "it is from the future"),
        ("organization", "99999999-8888-4777-8666-555555555555", "it is of another organization"),
        ("basis", "billed", "it judges another kind of cost"),
        ("schema", "budget-gate/report/v2", "it is of another version of budget-gate"),
        ("budgets", None, "it is damaged"),
    ],
)
@pytest.mark.parametrize(("policy", "code"), [(OK, 0), (BREACHED, 1)])
def test_a_report_of_something_else_is_left_out_of_a_good_run(
    here: Here,
    api: LoopbackAPI,
    *,
    path: str,
    value: object,
    reason: str,
    policy: str,
    code: int,
) -> None:
    """The verdict is that of today's spend, a note says why, and nothing is compared."""
    here.program.write(changed(path, value), "report.json")
    run = hourly(here, api, 1, policy=policy)
    assert (run.code, run.report["spend"], run.report["evidence_as_of"]) == (
        code,
        {"low": "18.3", "high": "18.3"},
        None,
    )
    assert told(run) == f"The last report is not used: {reason}."
    assert (seen(run), state(run)[1:], run.report["drivers"]) == ((None, None), (None, None), [])


@pytest.mark.parametrize("low", ["1e90", "0.00000000000000000000000000000000000000000000000001"])
def test_an_amount_of_any_length_can_be_compared(here: Here, api: LoopbackAPI, low: str) -> None:
    """A last report that says so takes no run down."""
    document = json.loads(changed("budgets.0.spend.low", low)) | {
        "spend": {"low": low, "high": None}
    }
    here.program.write(json.dumps(document), "report.json")
    run = hourly(here, api, 1, policy=OK)
    assert (run.code, run.stderr) == (0, "")
    assert run.report["change"] is not None


def test_a_breach_is_remembered_while_a_model_has_no_price(here: Here, api: LoopbackAPI) -> None:
    """All 18.30 USD had a price; an hour later 0.30 of them do, and usage of a new model has none."""
    new = Usage(NOW - 4 * HOUR, None, "claude-next-9", uncached=1_000_000)
    organization = replace(ORGANIZATION, usage=[*ORGANIZATION.usage[1:], new])
    assert hourly(here, api, 0, policy=BREACHED).code == 1
    with LoopbackAPI(organization, now=NOW) as another:
        run = hourly(here, another, 1)
    assert (run.code, run.report["status"]) == (1, "breached")
    assert run.report["evidence_as_of"] == "2026-11-15T12:00:00Z"
    assert run.report["budgets"][0]["spend"] == {"low": "18.3", "high": None}
    assert run.report["budgets"][0]["since"] == "2026-11-15T12:00:00Z"
    assert "unpriced" in {note["code"] for note in run.report["notes"]}
