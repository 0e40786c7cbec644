"""Saved pages tell the month to date as the API would have, or say what they leave out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from budget_gate.domain.period import MonthToDate
from budget_gate.domain.spend import Coverage, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Usage
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.sources.files.saved_usage import read_saved_usage
from tests.helpers.paths import RECORDINGS
from tests.helpers.serving import ADMIN, USAGE, at, sums
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Request, priced
from tests.world.oracle import EVERY_DIMENSION
from tests.world.organizations import random_organization, seeded

LIVE = RECORDINGS / "usage_report__live-1h-bucket-2026-05-24.json"
AS_OF = at("2026-11-03T02:30:00Z")

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write a page into a file of the given name, and return its path."""

    def write(content: object, name: str = "usage.json") -> Path:
        path = tmp_path / name
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(raw)
        return path

    return write


def row(**changes: Any) -> dict[str, Any]:
    """Make a row of a million output tokens of opus 5.5, 20 USD, every dimension told."""
    return {
        "uncached_input_tokens": 0,
        "output_tokens": 1_000_000,
        "workspace_id": "wrkspc_A",
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
        "speed": "standard",
    } | changes


def bucket(start: str, end: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """Make a bucket of November 2026 from `DDTHH` to `DDTHH`."""
    return {
        "starting_at": f"2026-11-{start}:00:00Z",
        "ending_at": f"2026-11-{end}:00:00Z",
        "results": list(rows),
    }


def page(*buckets: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Make a page of buckets."""
    return {"data": list(buckets), "has_more": False, "next_page": None} | changes


def days(*rows: dict[str, Any]) -> dict[str, Any]:
    """Make a page of the two full days, with `rows` in the first."""
    return page(bucket("01T00", "02T00", *rows), bucket("02T00", "03T00"))


def hours(*rows: dict[str, Any]) -> dict[str, Any]:
    """Make a page of the three hours of the open day, with `rows` in the last."""
    return page(bucket("03T00", "03T01"), bucket("03T01", "03T02"), bucket("03T02", "03T03", *rows))


def read(
    *files: Path,
    workspaces: Path | None = None,
    as_of: datetime = AS_OF,
    partial: bool = False,
) -> Usage:
    """Read saved pages."""
    return read_saved_usage(list(files), workspaces, MonthToDate(as_of), partial=partial)


def usd(amount: str | int, high: str | None = None) -> tuple[Fraction, Fraction]:
    """Return bounds from decimal text; one figure is both ends."""
    return Fraction(amount), Fraction(amount if high is None else high)


def codes(usage: Usage) -> list[str]:
    """Return the codes of the notes."""
    return [note.code for note in usage.notes]


def test_the_live_recording_costs_what_it_costs_by_hand() -> None:
    """240 x 5 + 2,033,453 x 6.25 + 11,185,860 x 0.5 + 60,244 x 25 for a million tokens is 19.80931125 USD."""
    usage = read(LIVE, as_of=at("2026-05-24T15:00:00Z"), partial=True)
    assert sums(usage).overall == usd("19.80931125")


def test_the_live_recording_alone_does_not_cover_its_month() -> None:
    """One hour is no month to date, and the gap before it is named."""
    with pytest.raises(
        UnverifiedError, match="2026-05-01T00:00:00Z to 2026-05-24T14:00:00Z is missing"
    ) as raised:
        read(LIVE, as_of=at("2026-05-24T15:00:00Z"))
    assert raised.value.code == "incomplete_usage"
    assert "--partial" in raised.value.hint


def test_the_live_recording_tells_what_had_to_be_assumed() -> None:
    """What the recording was not grouped by is named, one note each."""
    usage = read(LIVE, as_of=at("2026-05-24T15:00:00Z"), partial=True)
    assert sorted(codes(usage)) == [
        "assumed_dimension",
        "assumed_dimension",
        "assumed_dimension",
        "partial",
        "workspace_unresolved",
    ]
    assumed = [note.message for note in usage.notes if note.code == "assumed_dimension"]
    assert [
        any(f"{field}: {value} is assumed" in message for message in assumed)
        for field, value in (
            ("service_tier", "standard"),
            ("inference_geo", "global"),
            ("speed", "standard"),
        )
    ] == [True, True, True]
    assert {note.level for note in usage.notes} == {"warning"}


def test_days_and_hours_together_cover_the_month_to_date(save: Save) -> None:
    """Closed days by day and today by the hour are the month to date, without a note."""
    usage = read(save(days(row()), "days.json"), save(hours(row()), "hours.json"))
    assert sums(usage).workspaces == {"wrkspc_A": usd(40)}
    assert usage.notes == ()
    assert usage.coverage == Coverage(AS_OF, closed_days=2, open_day=True)


def test_the_order_of_files_and_buckets_does_not_matter(save: Save) -> None:
    """Pages may be given in any order, and hold their buckets in any."""
    reversed_hours = hours(row())
    reversed_hours["data"].reverse()
    usage = read(save(reversed_hours, "b.json"), save(days(row()), "a.json"))
    assert sums(usage).overall == usd(40)
    assert usage.notes == ()


def test_a_daily_bucket_of_the_open_day_covers_it(save: Save) -> None:
    """A page of days that reaches into today is the month to date as well."""
    answer = days(row())
    answer["data"].append(bucket("03T00", "04T00", row()))
    usage = read(save(answer))
    assert sums(usage).overall == usd(40)
    assert usage.coverage == Coverage(AS_OF, closed_days=2, open_day=True)


def test_pages_saved_from_the_api_cost_what_the_oracle_says(save: Save) -> None:
    """The two reports of an organization, saved with five dimensions, are exact but for the prompt's length."""
    as_of = at("2026-11-22T15:37:30Z")
    organization = random_organization(seeded(8), start=at("2026-11-01T00:00:00Z"), end=as_of)
    headers = {
        **ADMIN.headers,
        "user-agent": "test/1",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "fast-mode-2026-02-01",
    }
    files = []
    with LoopbackAPI(organization, now=as_of) as api:
        for width, start, end in (
            ("1d", "2026-11-01T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("1h", "2026-11-22T00:00:00Z", "2026-11-22T16:00:00Z"),
        ):
            query = [
                ("starting_at", start),
                ("ending_at", end),
                ("bucket_width", width),
                ("limit", "31"),
                *(
                    ("group_by[]", name)
                    for name in ("workspace_id", "model", "service_tier", "inference_geo", "speed")
                ),
            ]
            answer = api.answer(Request("GET", USAGE, query, headers))
            assert answer.status == 200
            files.append(save(answer.body, f"{width}.json"))
    known = EVERY_DIMENSION - {"context_window"}
    assert sums(read(*files, as_of=as_of)) == priced(
        organization, at("2026-11-01T00:00:00Z"), as_of, known
    )


@pytest.mark.parametrize(
    ("answer", "gap"),
    [
        pytest.param(page(), "2026-11-01T00:00:00Z to 2026-11-03T02:30:00Z", id="nothing"),
        pytest.param(days(), "2026-11-03T00:00:00Z to 2026-11-03T02:30:00Z", id="today"),
        pytest.param(hours(), "2026-11-01T00:00:00Z to 2026-11-03T00:00:00Z", id="closed-days"),
        pytest.param(
            page(*days()["data"], bucket("03T00", "03T01"), bucket("03T02", "03T03")),
            "2026-11-03T01:00:00Z to 2026-11-03T02:00:00Z",
            id="an-hour-between",
        ),
        pytest.param(
            page(*days()["data"], *hours()["data"][:2]),
            "2026-11-03T02:00:00Z to 2026-11-03T02:30:00Z",
            id="the-last-half-hour",
        ),
        pytest.param(
            page(days()["data"][1], *hours()["data"]),
            "2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z",
            id="the-1st",
        ),
    ],
)
def test_a_part_of_the_month_that_is_missing_is_named(
    save: Save, answer: dict[str, Any], gap: str
) -> None:
    """Pages that leave out a part of the month to date are an error that names the first gap."""
    with pytest.raises(UnverifiedError) as raised:
        read(save(answer))
    assert raised.value.code == "incomplete_usage"
    assert_says(raised.value.message, f"do not cover the month to date: {gap} is missing")
    partial = ["as well, or use --partial to judge what is there"] if answer["data"] else []
    assert_says(raised.value.hint, "save the missing pages", *partial)
    assert ("--partial" in raised.value.hint) is bool(answer["data"])


def test_no_file_at_all_is_an_error() -> None:
    """Without pages there is no spend to judge."""
    with pytest.raises(UnverifiedError, match="do not cover"):
        read()


def test_a_partial_month_is_judged_on_demand(save: Save) -> None:
    """With `partial` what is there counts, and a note names the first gap and how many more there are."""
    usage = read(save(page(bucket("02T00", "03T00", row()))), partial=True)
    assert sums(usage).overall == usd(20)
    assert usage.coverage == Coverage(at("2026-11-03T00:00:00Z"), closed_days=1, open_day=False)
    (note,) = usage.notes
    assert (note.level, note.code) == ("warning", "partial")
    assert_says(
        note.message,
        "The saved pages leave out part of the month: 2026-11-01T00:00:00Z to "
        "2026-11-02T00:00:00Z is missing, and 1 more gaps.",
    )


def test_a_single_gap_is_the_only_one_that_is_told(save: Save) -> None:
    """Nothing is said of more."""
    (note,) = read(save(days(row())), partial=True).notes
    assert note.message.endswith("2026-11-03T00:00:00Z to 2026-11-03T02:30:00Z is missing.")


def test_the_notes_say_what_is_assumed_in_the_order_of_its_names(save: Save) -> None:
    """Each dimension by itself, and behind them nothing else."""
    given = row(speed=None, service_tier=None, inference_geo=None, workspace_id=None)
    usage = read(save(page(*days(given)["data"], *hours()["data"], bucket("04T00", "05T00"))))
    outside, workspace, *assumed = usage.notes
    assert (outside.level, outside.code) == ("info", "outside_period")
    assert_says(outside.message, "1 saved buckets outside the month to date are left out.")
    assert (workspace.level, workspace.code) == ("warning", "workspace_unresolved")
    assert_says(workspace.message, "names no workspace", "may belong to any", "are ranges.")
    assert [(note.level, note.code) for note in assumed] == [("warning", "assumed_dimension")] * 3
    for note, name, value in zip(
        assumed,
        ("inference_geo", "service_tier", "speed"),
        ("global", "standard", "standard"),
        strict=True,
    ):
        assert_says(note.message, f"A saved page has no {name}: {value} is assumed.")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(page(), id="no-bucket"),
        pytest.param(page(bucket("05T00", "06T00", row())), id="after-the-period"),
    ],
)
def test_partial_with_nothing_of_the_period_is_an_error(save: Save, answer: object) -> None:
    """Nothing at all is not a part: `partial` does not make a month without data a green one."""
    with pytest.raises(UnverifiedError, match="do not cover") as raised:
        read(save(answer), partial=True)
    assert "--partial" not in raised.value.hint


def test_partial_changes_nothing_where_all_is_there(save: Save) -> None:
    """A whole month has no note on parts."""
    files = (save(days(row()), "a.json"), save(hours(), "b.json"))
    assert read(*files, partial=True) == read(*files)


@pytest.mark.parametrize("partial", [False, True])
def test_the_same_file_twice_is_an_error(save: Save, *, partial: bool) -> None:
    """Usage is never counted twice because its file was named twice."""
    file = save(page(*days(row())["data"], *hours()["data"]))
    with pytest.raises(UnverifiedError) as raised:
        read(file, file, partial=partial)
    bucket = "usage.json, bucket 2026-11-01T00:00:00Z"
    assert_says(raised.value.message, f"it overlaps with {bucket}")
    assert (raised.value.code, raised.value.trace) == ("malformed_answer", bucket)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(bucket("01T00", "02T00"), id="the-same-day"),
        pytest.param(bucket("02T23", "03T00"), id="an-hour-of-a-day"),
        pytest.param(bucket("02T00", "02T01"), id="the-first-hour-of-a-day"),
        pytest.param(bucket("03T00", "04T00"), id="a-day-over-its-hours"),
        pytest.param(bucket("03T01", "03T03"), id="two-hours"),
    ],
)
def test_buckets_that_overlap_are_an_error(save: Save, extra: dict[str, Any]) -> None:
    """Two buckets that share any time would count it twice, even where one is empty."""
    files = (save(days(row()), "a.json"), save(hours(row()), "b.json"))
    with pytest.raises(UnverifiedError, match=r"c\.json|a\.json|b\.json") as raised:
        read(*files, save(page(extra), "c.json"), partial=True)
    assert "overlaps" in raised.value.message


def test_buckets_outside_of_the_month_are_left_out_and_counted(save: Save) -> None:
    """Usage of other months or after `as_of` is not this month's, and a note says how much was left out."""
    other = page(
        {
            "starting_at": "2026-10-31T00:00:00Z",
            "ending_at": "2026-11-01T00:00:00Z",
            "results": [row()],
        },
        *days(row())["data"],
        *hours()["data"],
        bucket("03T03", "03T04", row()),
        bucket("04T00", "05T00", row()),
    )
    usage = read(save(other))
    assert sums(usage).overall == usd(20)
    (note,) = usage.notes
    assert (note.level, note.code) == ("info", "outside_period")
    assert note.message.startswith("3 saved buckets")


def test_a_bucket_that_begins_at_the_instant_to_judge_is_outside(save: Save) -> None:
    """The month to date does not reach into the bucket that begins at `as_of`."""
    usage = read(
        save(page(*days(row())["data"], bucket("03T00", "04T00", row()))),
        as_of=at("2026-11-03T00:00:00Z"),
    )
    assert sums(usage).overall == usd(20)
    assert codes(usage) == ["outside_period"]


@pytest.mark.parametrize(
    ("start", "end", "is_longer"),
    [
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", False),
        ("2026-11-01T00:00:59Z", "2026-11-02T00:00:00Z", False),
        ("2026-11-01T00:00:59Z", "2026-11-02T00:00:01Z", True),
        ("2026-11-01T00:59:00Z", "2026-11-02T00:01:00Z", True),
        ("2026-11-01T00:00:00.9Z", "2026-11-02T00:00:00.1Z", True),
    ],
)
def test_a_bucket_ends_with_the_day_that_it_begins_in(
    save: Save, start: str, end: str, *, is_longer: bool
) -> None:
    """To the microsecond, wherever in its day it begins."""
    saved = save(page({"starting_at": start, "ending_at": end, "results": [row()]}))
    if is_longer:
        with pytest.raises(UnverifiedError) as raised:
            read(saved, partial=True)
        assert_says(raised.value.message, f"bucket {start[:19]}", "is longer than a UTC day")
        assert (raised.value.code, raised.value.trace) == ("malformed_answer", "usage.json")
    else:
        assert sums(read(saved, partial=True)).overall == usd(20)


@pytest.mark.parametrize(
    ("start", "end"),
    [("01T00", "03T00"), ("01T12", "02T12"), ("01T00", "08T00"), ("01T23", "02T01")],
)
def test_a_bucket_longer_than_a_day_is_an_error(save: Save, start: str, end: str) -> None:
    """Usage of more than one UTC day in one bucket cannot be priced by its day."""
    with pytest.raises(UnverifiedError, match="longer than a UTC day"):
        read(save(page(bucket(start, end, row()))), partial=True)


def test_pages_of_another_month_alone_are_none_of_this_one(save: Save) -> None:
    """At the first instant of December nothing is missing yet, and the pages are of November."""
    with pytest.raises(UnverifiedError) as caught:
        read(save(days(row())), as_of=at("2026-12-01T00:00:00Z"), partial=True)
    assert caught.value.code == "incomplete_usage"
    assert_says(
        caught.value.message,
        "none of the saved pages is of December 2026 up to Dec 1, 00:00 UTC",
    )
    assert_says(caught.value.hint, "name the time", "with --as-of", "or their month with --month")


@pytest.mark.parametrize("how", ["null", "absent"])
@pytest.mark.parametrize(
    ("field", "value"),
    [("service_tier", "standard"), ("inference_geo", "global"), ("speed", "standard")],
)
def test_a_dimension_that_is_not_told_is_assumed_and_noted(
    save: Save, field: str, value: str, how: str
) -> None:
    """A report that was not grouped by a dimension is priced at the usual value, and says so."""
    given = row(**{field: None})
    if how == "absent":
        del given[field]
    usage = read(save(page(*days(given)["data"], *hours(row())["data"])))
    assert sums(usage).overall == usd(40)
    assert codes(usage) == ["assumed_dimension"]
    assert f"{field}: {value} is assumed" in usage.notes[0].message


def test_a_told_dimension_is_never_overridden(save: Save) -> None:
    """Fast in the US costs 2 x 1.1 times as much, by hand 44 USD a million."""
    usage = read(save(page(*days(row(speed="fast", inference_geo="us"))["data"], *hours()["data"])))
    assert sums(usage).overall == usd(44)
    assert usage.notes == ()


def test_a_page_without_any_workspace_belongs_to_none_in_particular(save: Save) -> None:
    """Null everywhere may mean that the report was not grouped by workspace, so it is not the default one's."""
    usage = read(save(page(*days(row(workspace_id=None))["data"], *hours()["data"])))
    assert {key.workspace for key in usage.table} == {UNATTRIBUTED}
    assert codes(usage) == ["workspace_unresolved"]
    assert usage.notes[0].level == "warning"
    assert_says(
        usage.notes[0].message, "names no workspace", "any of them", "workspaces are ranges"
    )


def test_null_beside_a_named_workspace_is_the_default_one(save: Save) -> None:
    """A page that names a workspace was grouped by it, and null in it is the default workspace."""
    usage = read(save(page(*days(row(workspace_id=None), row())["data"], *hours()["data"])))
    assert sums(usage).workspaces == {None: usd(20), "wrkspc_A": usd(20)}
    assert usage.notes == ()


def test_a_row_without_a_workspace_beside_one_with_is_an_error(save: Save) -> None:
    """Null would be the default workspace: without the key it may be any, and a cap might miss it."""
    untold = {name: value for name, value in row().items() if name != "workspace_id"}
    with pytest.raises(UnverifiedError, match="has no workspace_id"):
        read(save(page(*days(row(), untold)["data"], *hours()["data"])))
    usage = read(save(page(*days(untold)["data"], *hours()["data"])))
    assert {key.workspace for key in usage.table} == {UNATTRIBUTED}


def test_each_page_is_judged_by_itself(save: Save) -> None:
    """One page with workspaces does not vouch for another without."""
    usage = read(
        save(days(row(workspace_id=None), row()), "a.json"),
        save(hours(row(workspace_id=None)), "b.json"),
    )
    assert sums(usage).workspaces == {
        None: usd(20),
        "wrkspc_A": usd(20),
        UNATTRIBUTED: usd(20),
    }


def test_a_model_that_is_not_told_stays_unknown(save: Save) -> None:
    """Nothing is assumed of a model."""
    usage = read(save(page(*days(row(model=None))["data"], *hours()["data"])))
    assert [key.model for key in usage.table] == [None]


def test_a_context_window_that_is_not_told_stays_open(save: Save) -> None:
    """A null context window is a range for the models it matters to: haiku 5.5 costs 0.50 to 2.50 a million."""
    given = row(model="claude-haiku-5-5", context_window=None)
    usage = read(save(page(*days(given)["data"], *hours()["data"])))
    assert sums(usage).overall == usd("0.5", "2.5")


def test_an_org_scoped_page_is_read_as_well(save: Save) -> None:
    """A million cache writes that are not told apart cost 5 to 8 USD in opus 5.5."""
    given = {
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_creation_input_tokens": 1_000_000,
        "cache_read_input_tokens": 0,
        "model": "claude-opus-5-5",
        "workspace_id": "wrkspc_A",
        "service_tier": "standard",
    }
    answer = page(*days(given)["data"], *hours()["data"])
    del answer["next_page"]
    usage = read(save(answer))
    assert sums(usage).overall == usd(5, "8")
    assert codes(usage) == ["assumed_dimension", "assumed_dimension"]


def test_at_the_very_start_of_the_month_nothing_is_missing(save: Save) -> None:
    """At 00:00:00 sharp on the 1st the month to date is empty, and so is its spend."""
    usage = read(save(page()), as_of=at("2026-11-01T00:00:00Z"))
    assert usage.table == {}
    assert usage.coverage == Coverage(
        datetime(2026, 11, 1, tzinfo=UTC), closed_days=0, open_day=False
    )


def test_pages_of_another_month_are_no_empty_month(save: Save) -> None:
    """The end of October is the beginning of November: pages of October tell nothing of that."""
    october = bucket("01T00", "02T00", row())
    october |= {"starting_at": "2026-10-31T00:00:00Z", "ending_at": "2026-11-01T00:00:00Z"}
    with pytest.raises(UnverifiedError, match="none of the saved pages is of November") as raised:
        read(save(page(october)), as_of=at("2026-11-01T00:00:00Z"))
    assert "--month" in raised.value.hint


def test_a_missing_file_is_a_mistake_in_the_call(tmp_path: Path) -> None:
    """A file that does not exist is named, and so is why."""
    missing = tmp_path / "none.json"
    with pytest.raises(ConfigurationError) as raised:
        read(missing)
    assert raised.value.message == f"{missing} cannot be read: No such file or directory"
    assert_says(raised.value.hint, "check the path")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """A path that cannot be read is a mistake in the call as well."""
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not json", id="text"),
        pytest.param(b'{"data": [', id="cut-short"),
        pytest.param(b"\xff\xfe{}", id="not-utf-8"),
        pytest.param(b"{} {}", id="two-documents"),
        pytest.param(b"[" * 100_000, id="too-deep"),
        pytest.param(b'{"data": [], "has_more": "\\ud800"}', id="half-a-character"),
        pytest.param(
            (RECORDINGS / "error_502_html_not_json__synthetic.txt").read_bytes(), id="html"
        ),
    ],
)
def test_a_file_that_is_not_json_is_an_error(save: Save, content: bytes) -> None:
    """What is not JSON proves nothing, and the file is named."""
    with pytest.raises(
        UnverifiedError, match=r"cannot be trusted: it is not JSON.*\(usage\.json\)"
    ):
        read(save(content), partial=True)


@pytest.mark.parametrize(
    "name", ["error_401_invalid_key__live.json", "workspaces_list__older-shape.json"]
)
def test_another_answer_of_the_api_is_an_error(name: str) -> None:
    """A saved error or another list is no page of a usage report."""
    with pytest.raises(UnverifiedError, match=name):
        read(RECORDINGS / name, partial=True)


def test_a_damaged_row_is_an_error_that_names_file_and_bucket(save: Save) -> None:
    """A count that cannot be read ends the run, wherever it stands."""
    with pytest.raises(UnverifiedError, match=r"usage\.json, bucket 2026-11-01T00:00:00Z"):
        read(save(days(row(output_tokens="5"))), partial=True)


def test_without_a_list_the_workspaces_are_unknown(save: Save) -> None:
    """None is no list, which is not an empty one."""
    assert read(save(page(*days()["data"], *hours()["data"]))).workspaces is None


def test_a_saved_list_from_below_an_organization_is_read(save: Save) -> None:
    """It holds ids and names alone."""
    listed = save({"data": [{"id": "wrkspc_A", "name": "a"}]}, "listed.json")
    usage = read(save(page(*days()["data"], *hours()["data"])), workspaces=listed)
    assert usage.workspaces == (Workspace("wrkspc_A", "a"),)


def test_the_saved_list_of_workspaces_is_read(save: Save) -> None:
    """A saved list names the workspaces."""
    listed = RECORDINGS / "workspaces_list__older-shape.json"
    usage = read(save(page(*days()["data"], *hours()["data"])), workspaces=listed)
    assert usage.workspaces == (Workspace("wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "Workspace Name"),)


def test_a_saved_list_that_goes_on_is_an_error(save: Save) -> None:
    """The first page of several is not the list."""
    listed = RECORDINGS / "workspaces_list__doc-example.json"
    with pytest.raises(UnverifiedError) as raised:
        read(save(page(*days()["data"], *hours()["data"])), workspaces=listed)
    assert_says(raised.value.message, "it says that there are more workspaces than it holds")
    assert raised.value.trace == listed.name


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"data": [{"id": "a"}]}', b"no", b"5"])
def test_a_saved_list_that_is_none_is_an_error(save: Save, content: bytes) -> None:
    """Anything but a list of workspaces is refused."""
    usage = save(page(*days()["data"], *hours()["data"]))
    with pytest.raises(UnverifiedError, match=r"cannot be trusted: .*\(listed\.json\)"):
        read(usage, workspaces=save(content, "listed.json"))


def test_a_saved_list_that_names_a_workspace_twice_is_an_error(save: Save) -> None:
    """As in the API's own list, one id stands for one workspace."""
    usage = save(page(*days()["data"], *hours()["data"]))
    one = {"id": "wrkspc_A", "name": "a"}
    listed = save({"data": [one, one | {"name": "b"}], "has_more": False}, "listed.json")
    with pytest.raises(UnverifiedError, match="twice"):
        read(usage, workspaces=listed)


def test_a_missing_list_of_workspaces_is_a_mistake_in_the_call(save: Save, tmp_path: Path) -> None:
    """A list that was named and is not there is never taken for none."""
    usage = save(page(*days()["data"], *hours()["data"]))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(usage, workspaces=tmp_path / "none.json")


@pytest.mark.parametrize("twice", ["usage.json", "workspaces.json"])
def test_a_saved_page_with_a_key_twice_is_refused(save: Save, twice: str) -> None:
    """The usage of a million tokens would else be that of one."""
    texts = {
        "usage.json": json.dumps(days(row())),
        "workspaces.json": '{"data": [{"id": "wrkspc_A", "name": "a"}], "has_more": false}',
    }
    texts[twice] = texts[twice].replace('"output_tokens"', '"output_tokens": 1, "output_tokens"')
    texts[twice] = texts[twice].replace('"name"', '"name": "b", "name"')
    usage, workspaces, today = (
        save(content.encode(), name)
        for name, content in [*texts.items(), ("hours.json", json.dumps(hours()))]
    )
    with pytest.raises(
        UnverifiedError, match=f"cannot be trusted: an object has the key .*{twice}"
    ):
        read(usage, today, workspaces=workspaces)
