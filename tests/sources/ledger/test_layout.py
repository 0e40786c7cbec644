"""Where the ledger's keys lie, by a cluster's own rules, and how fields are written and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.domain.ledger.counted import Use
from budget_gate.domain.usage import Tokens, UsageKey
from budget_gate.errors import LedgerError
from budget_gate.sources.ledger.layout import (
    counts_key,
    fields,
    holds_key,
    instant,
    member,
    message_key,
    read_counts,
    workspace_of,
)
from tests.helpers.redis import slot

HOUR = 1_795_795_200
NAMES = st.text(min_size=1, max_size=40)


def test_slots_are_those_of_the_specification() -> None:
    """The cluster specification has the CRC of 123456789 as 31C3, and tells which part of a key counts."""
    assert slot("123456789") == 0x31C3 % 16384
    assert slot("{user1000}.following") == slot("{user1000}.followers") == slot("user1000")
    assert slot("foo{}{bar}") != slot("bar")


@given(st.none() | NAMES, st.text(min_size=1), st.integers(0, 10**10))
def test_keys_of_a_workspace_lie_in_one_slot(workspace: str | None, id_: str, hour: int) -> None:
    """Whatever a workspace and a message are called, what one script touches is in one place."""
    keys = (counts_key(workspace, hour), message_key(workspace, id_), holds_key(workspace))

    assert len({slot(key) for key in keys}) == 1


def test_workspaces_are_spread_over_a_cluster() -> None:
    """A thousand workspaces are no single slot: each has its own tag."""
    assert len({slot(holds_key(f"team-{number}")) for number in range(1000)}) > 900


def test_keys_are_those_that_are_documented() -> None:
    """A name with signs of the layout is encoded, and the default workspace has a tag as well."""
    assert counts_key("a:{b}", HOUR) == "budget-gate:{ws:a%3A%7Bb%7D}:counts:1795795200"
    assert message_key(None, "msg_1") == "budget-gate:{ws:}:message:msg_1"
    assert holds_key("production") == "budget-gate:{ws:production}:holds"


@given(st.none() | NAMES)
def test_names_of_workspaces_are_read_back(workspace: str | None) -> None:
    """Any name comes back from the set of those that were seen."""
    assert workspace_of(member(workspace)) == workspace


DIMENSION = st.none() | NAMES
USES = st.builds(
    Use,
    NAMES,
    NAMES,
    DIMENSION,
    DIMENSION,
    DIMENSION,
    st.builds(Tokens, *[st.integers(0, 10**15)] * len(Tokens._fields)),
)


@given(USES)
def test_what_is_counted_is_read_back(use: Use) -> None:
    """Fields of a use say the same use, whatever stands in its names; what is 0 has none."""
    given_fields = fields(use)
    stored = {
        str(name).encode(): str(value).encode()
        for name, value in zip(given_fields[::2], given_fields[1::2], strict=True)
    }

    found = read_counts(stored, "production", HOUR)

    key = UsageKey("production", instant(HOUR).date(), *use[:5])
    assert found == ({key: use.tokens} if any(use.tokens) else {})
    assert b"0" not in stored.values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"m|standard|||output", b"1"),
        (b"m|standard||||outputs", b"1"),
        (b"m|standard||||output", b"-1"),
        (b"m|standard||||output", b"+1"),
        (b"m|standard||||output", b" 1"),
        (b"m|standard||||output", b"1.5"),
        (b"m|standard||||output", b""),
        (b"\xff|standard||||output", b"1"),
        (b"total", b"1"),
    ],
)
def test_what_is_no_count_is_an_error_with_its_place(name: bytes, value: bytes) -> None:
    """Another program's field is never read as nothing."""
    with pytest.raises(LedgerError, match=str(HOUR)) as caught:
        read_counts({name: value}, None, HOUR)

    assert "delete" in caught.value.hint
