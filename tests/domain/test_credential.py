"""What is wrong with a credential as it was pasted, and what helps where there is none."""

import pytest

from budget_gate.domain.credential import bare, fault_of, remedy_for_none, without_keys
from tests.helpers.wording import assert_says

KEY = "sk-ant-admin01-EXAMPLE"


@pytest.mark.parametrize(
    ("text", "fault", "remedy"),
    [
        (f'"{KEY}"', "in quotes", "paste the key without them"),
        (f"{KEY}\u2019", "in quotes", "paste the key without them"),
        (f"`Bearer {KEY}", "in quotes", "paste the key without them"),
        (f"Bearer {KEY}", "begins with 'Bearer'", "paste the key alone"),
        (f"x-api-key: {KEY}", "begins with 'x-api-key:'", "paste the key alone"),
        (f"export ANTHROPIC_ADMIN_KEY={KEY}", "'export ANTHROPIC_ADMIN_KEY='", "the key alone"),
        (f"sk-ant\u200b-{KEY}", "characters that no credential has", "paste the key again"),
        (f"{KEY}\n", "characters that no credential has", "paste the key again"),
        (f"{KEY}\x7f", "characters that no credential has", "paste the key again"),
        (f"{KEY} {KEY}", "characters that no credential has", "paste the key again"),
    ],
)
def test_a_credential_that_was_pasted_with_something_is_told_what(
    text: str, fault: str, remedy: str
) -> None:
    """And how to paste it, without the key itself."""
    found = fault_of(text)
    assert found is not None
    assert_says(found[0], fault)
    assert_says(found[1], remedy)
    assert KEY not in " ".join(found)


@pytest.mark.parametrize("text", [KEY, "!", "~", "gateway-key", "bearers"])
def test_any_characters_without_blanks_may_be_a_credential(text: str) -> None:
    """A gateway has keys of its own, from the first to the last sign of ASCII."""
    assert fault_of(text) is None


@pytest.mark.parametrize(
    "text", [KEY, f'"{KEY}"', f"Bearer {KEY}", f"ANTHROPIC_ADMIN_KEY='{KEY}'", f"\u201c{KEY}\u201d"]
)
def test_what_a_credential_was_pasted_with_is_taken_off(text: str) -> None:
    """Quotes, a scheme, a header's or a variable's name."""
    assert bare(text) == KEY


def test_what_looks_like_a_key_is_blotted_out() -> None:
    """All of it, in whatever letters, and nothing around it."""
    assert without_keys(f"a {KEY} b {KEY.upper()}") == "a *** b ***"


def test_without_a_credential_the_remedy_names_the_variable() -> None:
    """A key for messages alone is told as such."""
    assert_says(remedy_for_none(has_message_key=False), "set ANTHROPIC_ADMIN_KEY", "Admin key")
    assert_says(
        remedy_for_none(has_message_key=True),
        *("ANTHROPIC_API_KEY is set", "sk-ant-admin", "Console", "set ANTHROPIC_ADMIN_KEY"),
    )
