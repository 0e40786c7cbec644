"""One page of the report: what is documented is read as it stands, and anything else is refused."""

import json
import math
import tracemalloc
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic_core import from_json

from budget_gate.domain.usage import UNATTRIBUTED, Tokens, UsageKey
from budget_gate.errors import UnverifiedError
from budget_gate.sources.api.usage_page import MOST_TOKENS, is_grouped, read_page
from tests.helpers.serving import recorded
from tests.helpers.wording import assert_says

WHERE = "GET /somewhere"
BUCKET = f"{WHERE}, bucket 2026-11-05T00:00:00Z"
DAY = date(2026, 11, 5)


def row(**changes: Any) -> dict[str, Any]:
    """Make a row as the direct route answers it."""
    return {
        "uncached_input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
        "cache_read_input_tokens": 4,
        "output_tokens": 5,
        "server_tool_use": {"web_search_requests": 6},
        "workspace_id": "wrkspc_A",
        "model": "claude-opus-5-5",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
        "speed": "standard",
        "api_key_id": None,
        "account_id": None,
        "service_account_id": None,
    } | changes


def scoped_row(**changes: Any) -> dict[str, Any]:
    """Make a row as the org-scoped route answers it."""
    return {
        "input_tokens": 1,
        "output_tokens": 5,
        "cache_creation_input_tokens": 7,
        "cache_read_input_tokens": 4,
        "model": "claude-opus-5-5",
        "workspace_id": "wrkspc_A",
        "service_tier": "standard",
    } | changes


def page(*rows: object, **changes: Any) -> dict[str, Any]:
    """Make a page of one bucket."""
    bucket = {
        "starting_at": "2026-11-05T00:00:00Z",
        "ending_at": "2026-11-06T00:00:00Z",
        "results": list(rows),
    }
    return {"data": [bucket], "has_more": False, "next_page": None} | changes


def usage(answer: object) -> list[tuple[UsageKey, Tokens]]:
    """Read all usage of a page."""
    return [
        found for bucket in read_page(answer, WHERE).buckets for found in bucket.usage().items()
    ]


def key(day: date = DAY, workspace: str | None = None, model: str | None = None) -> UsageKey:
    """Make the key of usage of which nothing more is told."""
    return UsageKey(
        workspace=workspace,
        day=day,
        model=model,
        service_tier=None,
        context_window=None,
        inference_geo=None,
        speed=None,
    )


def without(name: str, source: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a row without one of its keys."""
    given = row() if source is None else source
    return {key: value for key, value in given.items() if key != name}


def test_a_direct_row_is_read_field_by_field() -> None:
    """Every count and dimension of a direct row ends up where it belongs."""
    assert usage(page(row())) == [
        (
            key(workspace="wrkspc_A", model="claude-opus-5-5")._replace(
                service_tier="standard",
                context_window="0-200k",
                inference_geo="global",
                speed="standard",
            ),
            Tokens(
                uncached_input=1,
                cache_write_5m=2,
                cache_write_1h=3,
                cache_read=4,
                output=5,
                web_searches=6,
                cache_write_unsplit=0,
            ),
        )
    ]


def test_an_org_scoped_row_is_read_field_by_field() -> None:
    """The one count of cache writes of an org-scoped row is kept as not told apart."""
    assert usage(page(scoped_row())) == [
        (
            key(workspace="wrkspc_A", model="claude-opus-5-5")._replace(service_tier="standard"),
            Tokens(uncached_input=1, cache_read=4, output=5, cache_write_unsplit=7),
        )
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("usage_report__client-test-empty.json", []),
        (
            "usage_report__client-test-page1.json",
            [
                (
                    key(date(2026, 3, 11), UNATTRIBUTED),
                    Tokens(uncached_input=100_000, output=10_000),
                )
            ],
        ),
        (
            "usage_report__client-test-page2.json",
            [
                (
                    key(date(2026, 3, 12), UNATTRIBUTED),
                    Tokens(uncached_input=200_000, output=20_000),
                )
            ],
        ),
        (
            "usage_report__doc-example.json",
            [
                (
                    key(
                        date(2025, 8, 1), "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "claude-opus-4-6"
                    )._replace(
                        service_tier="standard", context_window="0-200k", inference_geo="global"
                    ),
                    Tokens(1500, 500, 1000, 200, 500, 10),
                )
            ],
        ),
        (
            "usage_report__live-1h-bucket-2026-05-24.json",
            [
                (
                    key(date(2026, 5, 24), model="claude-opus-4-7"),
                    Tokens(240, 2_033_453, 0, 11_185_860, 60_244),
                )
            ],
        ),
        (
            "usage_report__live-single-item-2025-09.json",
            [
                (
                    key(date(2025, 9, 10), UNATTRIBUTED),
                    Tokens(107, 17_355, 0, 16_549, 448),
                )
            ],
        ),
    ],
)
def test_recorded_answers_are_read(name: str, expected: list[tuple[UsageKey, Tokens]]) -> None:
    """Real and documented answers hold what can be read off them."""
    assert usage(recorded(name)) == expected


@pytest.mark.parametrize(
    ("name", "cursor"),
    [
        ("usage_report__client-test-empty.json", None),
        ("usage_report__client-test-page1.json", "page_abc123"),
        ("usage_report__client-test-page2.json", None),
        ("usage_report__doc-example.json", "page_MjAyNS0wNS0xNFQwMDowMDowMFo="),
        ("usage_report__live-1h-bucket-2026-05-24.json", None),
    ],
)
def test_the_cursor_of_recorded_answers_is_read(name: str, cursor: str | None) -> None:
    """The next page is known exactly where there is one."""
    assert read_page(recorded(name), WHERE).next_page == cursor


def test_bucket_times_are_read_as_utc() -> None:
    """A time with another offset is the same instant."""
    answer = page(row())
    answer["data"][0].update(
        starting_at="2026-11-05T01:00:00+01:00", ending_at="2026-11-05T19:00:00-05:00"
    )
    (bucket,) = read_page(answer, WHERE).buckets
    assert (bucket.start, bucket.end) == (
        datetime(2026, 11, 5, tzinfo=UTC),
        datetime(2026, 11, 6, tzinfo=UTC),
    )
    assert {found.day for found in bucket.usage()} == {DAY}


OPTIONAL: dict[str, tuple[dict[str, Any], str]] = {
    "cache-creation-absent": (without("cache_creation"), "cache_write_5m cache_write_1h"),
    "cache-creation-null": (row(cache_creation=None), "cache_write_5m cache_write_1h"),
    "cache-creation-empty": (row(cache_creation={}), "cache_write_5m cache_write_1h"),
    "5m-absent": (row(cache_creation={"ephemeral_1h_input_tokens": 3}), "cache_write_5m"),
    "1h-null": (
        row(cache_creation={"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": None}),
        "cache_write_1h",
    ),
    "read-absent": (without("cache_read_input_tokens"), "cache_read"),
    "read-null": (row(cache_read_input_tokens=None), "cache_read"),
    "tools-absent": (without("server_tool_use"), "web_searches"),
    "tools-null": (row(server_tool_use=None), "web_searches"),
    "searches-absent": (row(server_tool_use={}), "web_searches"),
    "searches-null": (row(server_tool_use={"web_search_requests": None}), "web_searches"),
}


@pytest.mark.parametrize("case", OPTIONAL)
def test_an_optional_class_that_is_absent_or_null_is_zero(case: str) -> None:
    """Absent and null both mean no tokens of that class, and change no other."""
    given, zeroed = OPTIONAL[case]
    whole = {
        "uncached_input": 1,
        "cache_write_5m": 2,
        "cache_write_1h": 3,
        "cache_read": 4,
        "output": 5,
        "web_searches": 6,
        "cache_write_unsplit": 0,
    }
    ((_, tokens),) = usage(page(given))
    assert tokens._asdict() == whole | dict.fromkeys(zeroed.split(), 0)


def test_an_org_scoped_row_without_cache_writes_has_none() -> None:
    """An optional class of an org-scoped row may be null as well."""
    ((_, tokens),) = usage(page(scoped_row(cache_creation_input_tokens=None)))
    assert tokens == Tokens(uncached_input=1, cache_read=4, output=5)


@pytest.mark.parametrize(
    "dimension",
    ["model", "service_tier", "context_window", "inference_geo", "speed"],
)
def test_an_absent_dimension_is_none(dimension: str) -> None:
    """A dimension that the report was not grouped by may be absent altogether."""
    ((absent, _),) = usage(page(without(dimension)))
    ((null, _),) = usage(page(row(**{dimension: None})))
    assert getattr(absent, dimension) is None
    assert absent == null


def test_an_absent_workspace_is_not_the_default_one() -> None:
    """That is told by null. Beside rows that tell theirs, an absent one is not told."""
    given = page(without("workspace_id"), row(workspace_id=None), row(), without("workspace_id"))
    assert {where.workspace: count.output for where, count in usage(given)} == {
        UNATTRIBUTED: 10,
        None: 5,
        "wrkspc_A": 5,
    }


def test_rows_are_grouped_by_workspace_where_one_is_named() -> None:
    """None is named where all are null or absent; beside a named one, an absent one is an error."""
    named, null, absent = row(), row(workspace_id=None), without("workspace_id")

    def found(*rows: dict[str, Any]) -> bool:
        return is_grouped(dict(usage(page(*rows))), WHERE)

    assert not found()
    assert not found(null)
    assert not found(absent, null)
    assert found(named)
    assert found(named, null)
    empty = without("workspace_id", row(**NOTHING))
    assert found(named, empty)
    with pytest.raises(UnverifiedError, match="a row has no workspace_id"):
        found(named, absent)


NOTHING: dict[str, Any] = {
    "uncached_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 0,
    "cache_creation": None,
    "server_tool_use": None,
}


WRONG_COUNTS = {
    "text": "5",
    "empty-text": "",
    "whole-float": 5.0,
    "float": 5.5,
    "true": True,
    "false": False,
    "negative": -1,
    "too-many": 10**18,
    "far-too-many": 10**400,
    "nan": math.nan,
    "infinity": math.inf,
    "list": [5],
    "empty-list": [],
    "object": {"tokens": 5},
}


def with_count(path: str, value: Any) -> dict[str, Any]:
    """Make a row with one of its counts replaced; the path names the object around it, if any."""
    outer, _, inner = path.rpartition(".")
    if not outer:
        return row(**{inner: value})
    given = row()
    given[outer][inner] = value
    return given


@pytest.mark.parametrize("value", WRONG_COUNTS)
@pytest.mark.parametrize(
    "path",
    [
        "uncached_input_tokens",
        "cache_creation.ephemeral_5m_input_tokens",
        "cache_creation.ephemeral_1h_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "server_tool_use.web_search_requests",
    ],
)
def test_a_count_that_is_no_count_is_refused(path: str, value: str) -> None:
    """Text, fractions, truth values, negative and absurd numbers are never taken for a count."""
    with pytest.raises(UnverifiedError, match="a count of tokens is"):
        usage(page(with_count(path, WRONG_COUNTS[value])))


@pytest.mark.parametrize("value", WRONG_COUNTS)
@pytest.mark.parametrize(
    "field",
    [
        "input_tokens",
        "output_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
    ],
)
def test_an_org_scoped_count_that_is_no_count_is_refused(field: str, value: str) -> None:
    """The org-scoped counts are read as strictly."""
    with pytest.raises(UnverifiedError, match="a count of tokens is"):
        usage(page(scoped_row(**{field: WRONG_COUNTS[value]})))


def test_the_largest_count_is_one_less_than_the_limit() -> None:
    """The limit itself is too many, and everything below is a count."""
    ((_, tokens),) = usage(page(row(output_tokens=MOST_TOKENS - 1)))
    assert MOST_TOKENS == 10**18
    assert tokens.output == 10**18 - 1


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-1", b"1e3", b"5.0", b'"5"', b"true"])
def test_what_the_json_reader_makes_of_a_wrong_count_is_refused(text: bytes) -> None:
    """A count that is wrong on the wire is refused after decoding."""
    raw = json.dumps(page(row(output_tokens=12345))).encode().replace(b"12345", text)
    with pytest.raises(UnverifiedError, match="a count of tokens is"):
        usage(from_json(raw))


def test_two_wrong_counts_are_refused_as_one_is() -> None:
    """A null that is fine does not hide a count beside it that is not."""
    with pytest.raises(UnverifiedError, match="a count of tokens is"):
        usage(page(row(cache_read_input_tokens=None, output_tokens=-5)))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(row(uncached_input_tokens=None), id="input-null"),
        pytest.param(row(output_tokens=None), id="output-null"),
        pytest.param(without("uncached_input_tokens"), id="input-absent"),
        pytest.param(without("output_tokens"), id="output-absent"),
        pytest.param(row(input_tokens=1), id="input-in-both-forms"),
        pytest.param(scoped_row(input_tokens=None), id="scoped-input-null"),
        pytest.param(scoped_row(output_tokens=None), id="scoped-output-null"),
        pytest.param({}, id="empty"),
    ],
)
def test_input_and_output_are_required(given: dict[str, Any]) -> None:
    """A row without exactly one count of input and one of output is not a row of a report."""
    with pytest.raises(UnverifiedError):
        usage(page(given))


@pytest.mark.parametrize("given", [None, [], "row", 5, [1, 2]])
def test_a_row_that_is_no_object_is_refused(given: object) -> None:
    """Rows are objects, all of them."""
    for rows in ([given], [row(), given], [given, row()]):
        with pytest.raises(UnverifiedError, match="a row is not an object"):
            usage(page(*rows))


@pytest.mark.parametrize("name", ["cache_creation", "server_tool_use"])
@pytest.mark.parametrize("value", [5, 0, "", "x", [], [1], True, 0.0])
def test_an_object_of_counts_that_is_none_is_refused(name: str, value: object) -> None:
    """The objects within a row are objects or null."""
    with pytest.raises(UnverifiedError, match="object"):
        usage(page(row(**{name: value})))


@pytest.mark.parametrize("value", [5, 0, True, [], ["a"], {}, "", 1.5])
@pytest.mark.parametrize(
    "dimension",
    ["workspace_id", "model", "service_tier", "context_window", "inference_geo", "speed"],
)
def test_a_dimension_that_is_no_name_is_refused(dimension: str, value: object) -> None:
    """A dimension is text or null; empty text is the mark of usage that no workspace is told of."""
    with pytest.raises(UnverifiedError, match="a dimension is not a name"):
        usage(page(row(**{dimension: value})))


UNKNOWN_PLACES = ("", "cache_creation", "server_tool_use")


def with_unknown(place: str, value: Any, name: str = "brand_new_tokens") -> dict[str, Any]:
    """Make a row with something in it that this version does not know."""
    given = row()
    (given[place] if place else given)[name] = value
    return given


@pytest.mark.parametrize("value", [1, -1, 0.5, True, {"a": 1}, [1]])
@pytest.mark.parametrize("place", UNKNOWN_PLACES)
def test_an_unknown_class_with_an_amount_is_refused(place: str, value: object) -> None:
    """Something that is counted and has no price is never left out."""
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(with_unknown(place, value)))


@pytest.mark.parametrize("value", [0, None, 0.0, False, {}, []])
@pytest.mark.parametrize("place", UNKNOWN_PLACES)
def test_an_unknown_class_without_an_amount_is_harmless(place: str, value: object) -> None:
    """A new class that nothing is counted in changes nothing."""
    assert usage(page(with_unknown(place, value))) == usage(page(row()))


def test_an_unknown_dimension_is_harmless() -> None:
    """A new dimension with a name is no amount."""
    unknown = with_unknown("", "a-name", "brand_new_dimension")
    assert usage(page(unknown)) == usage(page(row()))


@pytest.mark.parametrize("name", ["brand_new_tokens", "brand_new_requests", "tokens_requests"])
@pytest.mark.parametrize("value", ["1000", "0", "a-name"])
def test_an_unknown_count_is_an_amount_even_as_text(name: str, value: str) -> None:
    """By its name it is counted, so that text in it cannot be a harmless one."""
    with pytest.raises(UnverifiedError, match=f"it counts '{name}'"):
        usage(page(with_unknown("", value, name)))


@pytest.mark.parametrize("name", ["brand_new_tokens", "brand_new_requests"])
def test_an_unknown_count_of_empty_text_is_harmless(name: str) -> None:
    """Nothing is counted in it."""
    assert usage(page(with_unknown("", "", name))) == usage(page(row()))


@pytest.mark.parametrize("name", ["tokens_kind", "brand_new_tokens_", "requests"])
def test_only_the_end_of_a_name_makes_a_count(name: str) -> None:
    """Other names with text in them are dimensions."""
    assert usage(page(with_unknown("", "a-name", name))) == usage(page(row()))


@pytest.mark.parametrize("place", ["cache_creation", "server_tool_use"])
def test_an_unknown_class_among_counts_is_an_amount_even_as_text(place: str) -> None:
    """In an object of counts there are no dimensions, so that text there cannot be a harmless name."""
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(with_unknown(place, "1000")))


def test_an_unknown_amount_is_found_in_every_row() -> None:
    """A row of the same keys with nothing in the new class does not vouch for the next one."""
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(with_unknown("", 0), with_unknown("", 7)))


def test_rows_that_differ_in_nothing_are_added_up() -> None:
    """Rows told apart by dimensions that change no price, such as the API key, are one amount."""
    rows = [row(api_key_id=f"apikey_{number}", output_tokens=10**number) for number in range(3)]
    ((_, tokens),) = usage(page(*rows))
    assert tokens == Tokens(3, 6, 9, 12, 111, 18)


def test_rows_of_different_shapes_stand_beside_one_another() -> None:
    """What one row leaves out does not change the others."""
    rows = [
        row(speed="fast"),
        without("cache_creation", row(model="claude-haiku-5-5")),
        scoped_row(workspace_id=None),
        without("speed", row(cache_read_input_tokens=None)),
    ]
    found = {(one.model, one.workspace, one.speed): tokens for one, tokens in usage(page(*rows))}
    assert found == {
        ("claude-opus-5-5", "wrkspc_A", "fast"): Tokens(1, 2, 3, 4, 5, 6),
        ("claude-haiku-5-5", "wrkspc_A", "standard"): Tokens(1, 0, 0, 4, 5, 6),
        ("claude-opus-5-5", None, None): Tokens(1, 0, 0, 4, 5, 0, 7),
        ("claude-opus-5-5", "wrkspc_A", None): Tokens(1, 2, 3, 0, 5, 6),
    }


def test_an_unknown_amount_is_found_in_a_row_of_as_many_keys() -> None:
    """A row is not like the first one for having as many keys."""
    odd = without("account_id", row(brand_new_tokens=7))
    assert len(odd) == len(row())
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(row(), odd))
    nested = row(cache_creation={"ephemeral_5m_input_tokens": 2, "brand_new_tokens": 7})
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(row(), nested))


@pytest.mark.parametrize("place", ["", "cache_creation", "server_tool_use"])
def test_an_unknown_amount_is_found_in_a_row_of_more_keys(place: str) -> None:
    """Nor is a row like the first one for having all of its keys."""
    with pytest.raises(UnverifiedError, match="brand_new_tokens"):
        usage(page(row(), with_unknown(place, 7)))


def test_rows_that_each_have_a_key_of_their_own_take_no_room_for_those_of_others() -> None:
    """However many keys there are together: a report of many rows is not to fill the memory."""
    rows = [row(**{f"dimension_{number}": None}) for number in range(2_000)]
    rows[0]["dimension"] = "and another"
    tracemalloc.start()
    ((_, tokens),) = usage(page(*rows))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tokens.output == 5 * 2_000
    assert peak < 8 * 2_000**2


def test_a_wrong_count_is_found_among_right_ones() -> None:
    """One bad row in a thousand ends the reading."""
    rows = [row(api_key_id=f"apikey_{number}") for number in range(1000)]
    rows[700]["cache_read_input_tokens"] = "4"
    with pytest.raises(UnverifiedError, match="a count of tokens is '4'"):
        usage(page(*rows))


@pytest.mark.parametrize("value", [False, "", [], {}, 0.0])
def test_an_empty_value_is_no_count_even_beside_a_null(value: object) -> None:
    """Null means none of a class, and nothing else that is empty does."""
    with pytest.raises(UnverifiedError, match="a count of tokens is"):
        usage(page(row(cache_read_input_tokens=None), row(cache_read_input_tokens=value)))


def test_a_required_count_that_is_null_is_found_among_right_ones() -> None:
    """A null that stands for nothing elsewhere does not do so for input and output."""
    with pytest.raises(UnverifiedError, match="a count of tokens is None"):
        usage(page(row(), row(output_tokens=None)))


def test_fetched_pages_cost_nothing() -> None:
    """Web fetches are known and free."""
    given = row(server_tool_use={"web_search_requests": 6, "web_fetch_requests": 50})
    assert usage(page(given)) == usage(page(row()))


def test_cache_writes_that_are_counted_twice_are_refused() -> None:
    """A row with its cache writes in both forms would cost them twice."""
    with pytest.raises(UnverifiedError, match="cache"):
        usage(page(row(cache_creation_input_tokens=5)))


def test_cache_writes_counted_twice_are_found_in_every_row() -> None:
    """A row of the same keys that uses one form alone does not vouch for the next one."""
    with pytest.raises(UnverifiedError, match="cache"):
        usage(
            page(
                row(cache_creation=None, cache_creation_input_tokens=5),
                row(cache_creation_input_tokens=5),
            )
        )


def test_a_direct_row_may_tell_its_cache_writes_in_one_number() -> None:
    """Unsplit cache writes are those of a row without the split ones."""
    ((_, tokens),) = usage(page(row(cache_creation=None, cache_creation_input_tokens=5)))
    assert (tokens.cache_write_5m, tokens.cache_write_1h, tokens.cache_write_unsplit) == (0, 0, 5)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param("text", id="text"),
        pytest.param({}, id="empty"),
        pytest.param({"has_more": False}, id="without-data"),
        pytest.param(page(data=None), id="data-null"),
        pytest.param(page(data={}), id="data-object"),
        pytest.param(page(data=[None]), id="bucket-null"),
        pytest.param(page(data=["x"]), id="bucket-text"),
        pytest.param(page(data=[{}]), id="bucket-empty"),
        pytest.param(page(has_more=None), id="more-null"),
        pytest.param(page(has_more="false"), id="more-text"),
        pytest.param(page(has_more=0), id="more-number"),
        pytest.param(page(has_more=True), id="more-without-cursor"),
        pytest.param(page(has_more=True, next_page=""), id="more-empty-cursor"),
        pytest.param(page(has_more=True, next_page=7), id="more-numeric-cursor"),
        pytest.param({"data": []}, id="more-absent"),
        pytest.param(
            recorded("error_401_invalid_key__live.json"), id="an-error-with-the-status-of-success"
        ),
        pytest.param(recorded("organizations_me__doc-example.json"), id="another-answer"),
        pytest.param(recorded("workspaces_list__older-shape.json"), id="workspaces"),
    ],
)
def test_an_answer_that_is_no_page_is_refused(answer: object) -> None:
    """Whatever else JSON may hold is an error that names where it came from."""
    with pytest.raises(UnverifiedError, match="cannot be trusted: ") as raised:
        read_page(answer, WHERE)
    assert raised.value.trace.startswith(WHERE)
    assert raised.value.code == "malformed_answer"
    assert raised.value.hint == (
        "fetch it again; if it stays so, update budget-gate, as the API may have changed"
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2026-11-05T00:00:00", "2026-11-06T00:00:00Z", id="without-offset"),
        pytest.param("2026-11-05", "2026-11-06T00:00:00Z", id="date-alone"),
        pytest.param("", "2026-11-06T00:00:00Z", id="empty"),
        pytest.param(None, "2026-11-06T00:00:00Z", id="null"),
        pytest.param(1793836800, "2026-11-06T00:00:00Z", id="number"),
        pytest.param("2026-11-05T25:00:00Z", "2026-11-06T00:00:00Z", id="25-o-clock"),
        pytest.param("0001-01-01T00:00:00+23:00", "2026-11-06T00:00:00Z", id="before-time"),
        pytest.param("2026-11-05T00:00:00Z", None, id="end-null"),
        pytest.param("2026-11-05T00:00:00Z", "9999-12-31T23:59:59-23:00", id="after-time"),
        pytest.param("2026-11-05T00:00:00Z", "2026-11-05T00:00:00Z", id="no-length"),
        pytest.param("2026-11-05T00:00:00Z", "2026-11-04T00:00:00Z", id="negative-length"),
    ],
)
def test_a_bucket_without_a_span_of_time_is_refused(start: object, end: object) -> None:
    """A bucket lies between two instants, both with an offset."""
    answer = page(row())
    answer["data"][0].update(starting_at=start, ending_at=end)
    with pytest.raises(UnverifiedError, match="bucket"):
        read_page(answer, WHERE)


def test_a_long_value_is_cut_short_in_the_message() -> None:
    """A hostile value does not fill the report."""
    with pytest.raises(UnverifiedError) as raised:
        usage(page(row(output_tokens="9" * 10_000)))
    assert raised.value.message.endswith(f"cannot be trusted: a count of tokens is '{'9' * 36}...")


@pytest.mark.parametrize(("digits", "told"), [(38, "9" * 38 + "'"), (39, "9" * 36 + "...")])
def test_a_value_of_forty_signs_is_told_whole(digits: int, told: str) -> None:
    """Its quotes count; of one sign more forty are told, the cut among them."""
    with pytest.raises(UnverifiedError, match="a count of tokens is '") as raised:
        usage(page(row(output_tokens="9" * digits)))
    assert raised.value.message.endswith(f"is '{told}")


def test_a_long_name_is_cut_short_in_the_message() -> None:
    """Of the name of what cannot be priced, sixty signs are told."""
    with pytest.raises(UnverifiedError) as raised:
        usage(page(row(**{"x" * 99 + "_tokens": 1})))
    problem = f"it counts '{'x' * 60}', which this version cannot price"
    assert_says(str(raised.value), f"cannot be trusted: {problem}", BUCKET)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (row(output_tokens=-1), "a count of tokens is -1"),
        (row(uncached_input_tokens=-1), "a count of tokens is -1"),
        (row(cache_read_input_tokens=1.5), "a count of tokens is 1.5"),
        (row(cache_creation={"ephemeral_5m_input_tokens": -1}), "a count of tokens is -1"),
        (row(server_tool_use={"web_search_requests": -1}), "a count of tokens is -1"),
        (scoped_row(cache_creation_input_tokens=-1), "a count of tokens is -1"),
        (row(cache_creation=[]), "`cache_creation` is not an object"),
        (
            row(server_tool_use={"x_requests": 1}),
            "it counts 'x_requests', which this version cannot price",
        ),
        (row(x_tokens=1), "it counts 'x_tokens', which this version cannot price"),
        (row(model=7), "a dimension is not a name"),
        ("row", "a row is not an object"),
        (without("uncached_input_tokens"), "a row has no count of input"),
        (without("output_tokens"), "a row has no count of output"),
        (row(cache_creation_input_tokens=1), "a row counts its cache writes in two forms"),
    ],
)
def test_what_is_wrong_with_a_row_is_told(given: object, problem: str) -> None:
    """The message names the origin, the bucket and the defect."""
    with pytest.raises(UnverifiedError) as raised:
        usage(page(given))
    assert_says(str(raised.value), f"cannot be trusted: {problem}", BUCKET)


def test_a_dimension_that_is_not_told_is_named_in_the_message() -> None:
    """Where a row must tell its speed and does not, the message says which bucket and what."""
    (bucket,) = read_page(page(row(speed=None)), WHERE).buckets
    with pytest.raises(UnverifiedError) as raised:
        bucket.usage(told=["speed"])
    assert_says(str(raised.value), "cannot be trusted: a row has no speed", BUCKET)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ([], "there is no list `data` in it"),
        (page(has_more=None), "`has_more` is neither true nor false"),
        (page(has_more=True), "it says that there is more, but not where"),
        (page() | {"data": [{}]}, "a bucket has no list `results`"),
        (
            page() | {"data": [{"starting_at": 5, "results": []}]},
            "a bucket's time is not RFC 3339: 5",
        ),
        (
            page()
            | {
                "data": [
                    {
                        "starting_at": "2026-11-05T00:00:00Z",
                        "ending_at": "2026-11-05T00:00:00Z",
                        "results": [],
                    }
                ]
            },
            "a bucket ends before it starts (2026-11-05T00:00:00Z)",
        ),
    ],
)
def test_what_is_wrong_with_a_page_is_told(answer: object, problem: str) -> None:
    """The message names the origin and the defect."""
    with pytest.raises(UnverifiedError) as raised:
        read_page(answer, WHERE)
    assert_says(str(raised.value), f"cannot be trusted: {problem}", WHERE)


def test_a_wrong_count_among_nulls_names_its_bucket() -> None:
    """Where one row has no count and the next a wrong one, the error is told as any other."""
    with pytest.raises(UnverifiedError) as raised:
        usage(page(row(cache_read_input_tokens=None), row(cache_read_input_tokens=-2)))
    assert_says(str(raised.value), "cannot be trusted: a count of tokens is -2", BUCKET)


@pytest.mark.parametrize("right", [0, MOST_TOKENS - 1])
def test_the_wrong_count_is_the_one_that_is_told(right: int) -> None:
    """The least and the largest count are right, so that it is the other row's that is quoted."""
    with pytest.raises(UnverifiedError, match=r"a count of tokens is -1 \("):
        usage(page(row(output_tokens=right), row(output_tokens=-1)))


def test_the_bucket_is_named_in_the_message() -> None:
    """An error in a row says which bucket it stands in."""
    with pytest.raises(UnverifiedError, match=r"bucket 2026-11-05T00:00:00Z"):
        usage(page(row(output_tokens=None)))


@pytest.mark.parametrize(
    "total",
    [
        {"total_tokens": 9},
        {"input_tokens": 9},
        {"cache_creation_tokens": 9},
        {"cache_write_input_tokens": 9},
        {"cache_creation_total": "9"},
        {"cache_tokens": {"total": 9}},
        {"cache_creation_input_tokens": "9"},
    ],
)
@pytest.mark.parametrize("split", [None, {}])
def test_a_total_beside_cache_writes_that_are_not_told_is_refused(
    split: object, total: dict[str, Any]
) -> None:
    """Absent cache writes are 0 only where nothing else in the row counts them."""
    with pytest.raises(UnverifiedError) as raised:
        usage(page(row(cache_creation=split) | total))
    assert raised.value.code == "malformed_answer"


def test_cache_writes_of_zero_contradict_a_total() -> None:
    """Which of both is true is not for us to say."""
    zeros = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
    with pytest.raises(UnverifiedError, match="two forms"):
        usage(page(row(cache_creation=zeros, cache_creation_input_tokens=9)))


@pytest.mark.parametrize("split", [None, {}])
def test_a_total_of_cache_writes_alone_is_not_split(split: object) -> None:
    """Its price is that of 5 minutes or of 1 hour, never nothing."""
    ((_, tokens),) = usage(page(row(cache_creation=split, cache_creation_input_tokens=9)))
    assert (tokens.cache_write_5m, tokens.cache_write_1h, tokens.cache_write_unsplit) == (0, 0, 9)
