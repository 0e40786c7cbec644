"""The usage of one answer: what is billed of it, and what is refused so that nothing is left out."""

from typing import Any

import pytest

from budget_gate.domain.ledger.counted import Counted, Use, count
from budget_gate.domain.usage import Tokens
from budget_gate.errors import LedgerError

MODEL = "claude-opus-4-8"
USAGE: dict[str, Any] = {
    "input_tokens": 10,
    "output_tokens": 20,
    "cache_read_input_tokens": 30,
    "cache_creation_input_tokens": 9,
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 7},
    "service_tier": "batch",
    "inference_geo": "us",
    "speed": None,
}
TOKENS = Tokens(10, 4, 5, 30, 20, 2, 0)
MESSAGE: dict[str, Any] = {"id": "msg_01EXAMPLE", "type": "message", "model": MODEL}


def only(answer: Any, **given: str) -> Use:
    """The single use that an answer is billed for."""
    (use,) = count(answer, **{"model": MODEL, **given}).uses
    return use


def plain(**counts: Any) -> dict[str, Any]:
    """A usage with ten tokens of input, twenty of output, and what is given."""
    return {"input_tokens": 10, "output_tokens": 20, **counts}


def test_a_message_is_known_by_its_id_and_says_all_of_itself() -> None:
    """Every class of tokens, the id, the model and each dimension are those of the answer."""
    use = Use(MODEL, "batch", "0-200k", "us", "standard", TOKENS)

    assert count({**MESSAGE, "usage": USAGE}) == Counted("msg_01EXAMPLE", (use,))


def test_what_the_answer_says_wins_over_what_is_given() -> None:
    """The API knows best which model answered and at which tier."""
    given = {"model": "alias", "service_tier": "standard", "inference_geo": "global"}

    found = count({**MESSAGE, "usage": USAGE}, message_id="other", **given)

    assert found == count({**MESSAGE, "usage": USAGE})


def test_usage_alone_takes_the_rest_from_what_is_given() -> None:
    """The usage of a stream says neither model nor tier, place nor speed."""
    given = {"service_tier": "priority", "inference_geo": "us", "speed": "fast"}

    found = count(plain(), model=MODEL, message_id="msg_02EXAMPLE", **given)

    tokens = Tokens(10, output=20)
    assert found == Counted(
        "msg_02EXAMPLE", (Use(MODEL, "priority", "0-200k", "us", "fast", tokens),)
    )


def test_usage_that_says_nothing_is_standard_and_leaves_place_and_speed_open() -> None:
    """No tier is dearer than the standard one; a speed or a place that is not said is not guessed."""
    assert only(plain())[:5] == (MODEL, "standard", "0-200k", None, None)


def test_the_sdks_own_objects_are_read() -> None:
    """A message, its usage, that of a beta and the last event of a stream are as good as JSON."""
    from anthropic import types
    from anthropic.types import beta

    message = types.Message(
        content=[],
        role="assistant",
        stop_reason="end_turn",
        stop_sequence=None,
        usage=types.Usage(**USAGE),
        **MESSAGE,
    )
    by_json = count({**MESSAGE, "usage": USAGE})

    assert count(message) == by_json
    assert only(types.Usage(**USAGE)) == only(beta.BetaUsage(**USAGE)) == only(USAGE)
    delta = types.RawMessageDeltaEvent(
        type="message_delta",
        delta={"stop_reason": "end_turn"},
        usage=types.MessageDeltaUsage(input_tokens=10, output_tokens=20),
    )
    assert only(delta) == only(plain())


def test_a_result_of_a_batch_is_of_its_tier() -> None:
    """What the vendor's type of a line of results holds is a message, which says `batch`."""
    from anthropic.types.messages import MessageBatchIndividualResponse

    message = {**MESSAGE, "role": "assistant", "content": [], "stop_reason": "end_turn"}
    line = MessageBatchIndividualResponse.model_validate(
        {
            "custom_id": "one",
            "result": {
                "type": "succeeded",
                "message": {**message, "stop_sequence": None, "usage": USAGE},
            },
        }
    )

    assert line.result.type == "succeeded"
    assert count(line.result.message).uses[0].service_tier == "batch"


@pytest.mark.parametrize(
    ("counts", "window"),
    [
        ({"input_tokens": 200_000}, "0-200k"),
        ({"input_tokens": 200_001}, "200k-1M"),
        ({"input_tokens": 1, "cache_read_input_tokens": 200_000}, "200k-1M"),
        ({"input_tokens": 1, "cache_creation_input_tokens": 200_000}, "200k-1M"),
    ],
)
def test_the_window_is_that_of_the_whole_prompt(counts: dict[str, int], window: str) -> None:
    """A prompt is long above 200,000 tokens of input, those of the cache included."""
    assert only(plain(**counts)).context_window == window


def test_a_sum_over_searches_is_of_no_window() -> None:
    """Each search asks the model again: a sum of prompts does not say how long one of them was."""
    searched = plain(input_tokens=250_000, server_tool_use={"web_search_requests": 1})
    fetched = plain(input_tokens=250_000, server_tool_use={"web_fetch_requests": 1})

    assert only(searched).context_window is only(fetched).context_window is None
    assert only({**searched, "input_tokens": 200_000}).context_window == "0-200k"


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (None, (0, 0, 9)),
        ({"ephemeral_5m_input_tokens": 4}, (4, 0, 5)),
        ({"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5}, (4, 5, 0)),
        ({"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 5}, (40, 5, 0)),
    ],
)
def test_cache_writes_of_which_the_lifetime_is_not_said(
    split: dict[str, int] | None, expected: tuple[int, int, int]
) -> None:
    """What the split does not have of the sum is of either lifetime, and no write is left out."""
    tokens = only(plain(cache_creation_input_tokens=9, cache_creation=split)).tokens

    assert (tokens.cache_write_5m, tokens.cache_write_1h, tokens.cache_write_unsplit) == expected


def iteration(kind: str, given: int, output: int, **more: Any) -> dict[str, Any]:
    """One iteration of a usage."""
    zero = {"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    return {"type": kind, "input_tokens": given, "output_tokens": output, **zero, **more}


def by_model(usage: dict[str, Any]) -> dict[tuple[str, str | None], tuple[int, int]]:
    """Input and output of each model and window."""
    return {
        (use.model, use.context_window): (use.tokens.uncached_input, use.tokens.output)
        for use in count(usage, model=MODEL).uses
    }


def test_a_compaction_is_billed_beside_the_sums() -> None:
    """The vendor's example: 23,000 and 1,000 in the sums, and 180,000 and 3,500 for the compaction."""
    iterations = [iteration("compaction", 180_000, 3_500), iteration("message", 23_000, 1_000)]

    found = by_model(plain(input_tokens=23_000, output_tokens=1_000, iterations=iterations))

    assert found == {(MODEL, "0-200k"): (203_000, 4_500)}


def test_a_compaction_that_is_told_alone_leaves_the_sums_as_they_are() -> None:
    """Without an entry for the message, what the sums have is beyond all of the entries."""
    iterations = [iteration("compaction", 180_000, 3_500)]

    found = by_model(plain(input_tokens=23_000, output_tokens=1_000, iterations=iterations))

    assert found == {(MODEL, "0-200k"): (203_000, 4_500)}


def test_an_advisor_is_billed_as_its_own_model() -> None:
    """What another model was asked in between is of that model, and in no sum of the message."""
    iterations = [
        iteration("message", 400, 80),
        iteration("advisor_message", 900, 1_500, model="claude-opus-5"),
        iteration("message", 1_300, 500),
    ]

    found = by_model(plain(input_tokens=1_700, output_tokens=580, iterations=iterations))

    assert found == {(MODEL, "0-200k"): (1_700, 580), ("claude-opus-5", "0-200k"): (900, 1_500)}


def test_a_model_that_declined_is_billed_before_the_one_that_answered() -> None:
    """The message is of the model that answered; what came before it has its own entry."""
    iterations = [
        iteration("message", 100, 5, model="claude-fable-5"),
        iteration("fallback_message", 120, 60, model=MODEL),
    ]

    found = by_model(plain(input_tokens=120, output_tokens=60, iterations=iterations))

    assert found == {("claude-fable-5", "0-200k"): (100, 5), (MODEL, "0-200k"): (120, 60)}


def test_each_iteration_has_a_prompt_of_its_own_length() -> None:
    """Two prompts of 150,000 tokens are short, and one of 250,000 is long."""
    iterations = [iteration("message", it, 1) for it in (150_000, 150_000, 250_000)]

    found = by_model(plain(input_tokens=550_000, output_tokens=3, iterations=iterations))

    assert found == {(MODEL, "0-200k"): (300_000, 2), (MODEL, "200k-1M"): (250_000, 1)}


def test_what_the_sums_have_beyond_the_iterations_is_counted_too() -> None:
    """Searches, and cache writes without a part, stand in the sums alone."""
    usage = plain(
        cache_creation_input_tokens=7,
        server_tool_use={"web_search_requests": 3},
        iterations=[iteration("message", 10, 15)],
    )

    (use,) = count(usage, model=MODEL).uses

    assert use.tokens == Tokens(10, output=20, web_searches=3, cache_write_unsplit=7)


def test_cache_writes_are_compared_whatever_they_are_split_into() -> None:
    """Nine writes of 5 minutes are those nine that the sum does not split."""
    split = {"ephemeral_5m_input_tokens": 9, "ephemeral_1h_input_tokens": 0}
    parts = [
        iteration("message", 10, 20, cache_creation=split) | {"cache_creation_input_tokens": 9}
    ]

    (use,) = count(plain(cache_creation_input_tokens=9, iterations=parts), model=MODEL).uses

    assert use.tokens == Tokens(10, cache_write_5m=9, output=20)


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (None, "no usage"),
        (3, "no usage"),
        ({"type": "error", "error": {"type": "overloaded_error"}}, "no usage"),
        ({"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}}, "no usage"),
        ({**MESSAGE, "usage": None}, "no usage"),
        ({"output_tokens": 1}, "input_tokens"),
        ({"input_tokens": 1}, "output_tokens"),
        (plain(input_tokens=-1), "input_tokens"),
        (plain(input_tokens=1.5), "input_tokens"),
        (plain(input_tokens=True), "input_tokens"),
        (plain(input_tokens="1"), "input_tokens"),
        (plain(output_tokens=10**12), "output_tokens"),
        (plain(cache_creation=[4]), "cache_creation"),
        (plain(cache_creation={"ephemeral_1d_input_tokens": 4}), "ephemeral_1d_input_tokens"),
        (plain(server_tool_use={"code_runs": 4}), "code_runs"),
        (plain(video_tokens=4), "video_tokens"),
        (plain(audio={"tokens": 4}), "audio"),
        (plain(iterations={"type": "message"}), "iterations"),
        (plain(iterations=[7]), "iteration"),
        (plain(iterations=[{"type": "message", "output_tokens": 1}]), "input_tokens"),
        (plain(service_tier=3), "service_tier"),
        (plain(speed=""), "speed"),
        ({**MESSAGE, "id": 5, "usage": plain()}, "id"),
        ({**MESSAGE, "model": "x" * 257, "usage": plain()}, "model"),
    ],
)
def test_what_cannot_be_counted_is_an_error_and_no_smaller_count(answer: Any, place: str) -> None:
    """A count that is missing, odd or unknown is named, and so is what to do."""
    with pytest.raises(LedgerError) as caught:
        count(answer, model=MODEL)

    assert place in caught.value.message
    assert caught.value.hint


def test_usage_without_a_model_is_an_error() -> None:
    """Nothing has a price without its model."""
    with pytest.raises(LedgerError, match="which model"):
        count(plain())


def test_parts_of_a_sum_and_what_is_empty_are_no_error() -> None:
    """Details are a part of the output beside them; an unknown field that counts nothing is none."""
    details = {"output_tokens_details": {"thinking_tokens": 15}, "input_tokens_details": {"x": 3}}

    assert only(plain(**details, video_tokens=0, audio=None, note="text")) == only(plain())
