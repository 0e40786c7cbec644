"""What there is to say of a policy by itself, as notes."""

from decimal import Decimal

from budget_gate.domain.notes import Note
from budget_gate.domain.offline import Base, check_policy
from tests.helpers.builders import MONTH, book, policy
from tests.helpers.wording import assert_is_sentence, assert_says

TEXT = (
    "version: 1\n"
    "global: {cap: 100}\n"
    "workspaces: {a: {cap: 70}, b: {cap: 31}}\n"
    "exceptions:\n"
    "- {budget: workspaces.a, cap: 141, until: 2026-11-30, reason: x}\n"
    "- {budget: workspaces.b, cap: 62, until: 2026-11-30, reason: x}\n"
    "- {budget: global, cap: 150, until: 2026-11-01, reason: x}\n"
    "prices:\n"
    "  discount: 60%\n"
    "  models:\n"
    "    claude-opus-5-5:\n"
    "      {input: 0, output: 0, cache_write_5m: 0, cache_write_1h: 0, cache_read: 0}\n"
)


def test_all_that_a_policy_says_by_itself_is_noted() -> None:
    """Its discount, its own prices, its exceptions, and workspace caps of 101 USD in a global one of 100."""
    found = check_policy(policy(TEXT), MONTH, book())
    assert [(note.level, note.code) for note in found.report.notes] == [
        ("info", "discount"),
        ("warning", "deep_discount"),
        ("warning", "below_list"),
        ("info", "free_price"),
        ("warning", "large_exception"),
        ("info", "expired_exception"),
        ("warning", "caps_above_global"),
    ]
    for note in found.report.notes:
        assert_is_sentence(note.message)
    told = {note.code: note.message for note in found.report.notes}
    assert_says(told["large_exception"], "more than doubles the cap of workspaces.a.")
    assert_says(
        told["caps_above_global"],
        *("Workspace caps total $101", "global cap of $100", ". Raise the global cap or lower"),
    )
    report = found.report
    assert (report.status, report.enforced, report.spend) == ("unchecked", False, None)
    assert (report.cap, found.budgets) == (Decimal(100), 3)
    assert (found.base, found.changes) == (None, None)


def test_a_policy_that_cannot_be_compared_is_a_warning_before_all_else() -> None:
    """The reason stands there, and the file that it was to be compared with."""
    plain = policy("version: 1\nglobal: {cap: 5}\nprices: {discount: 5%}\n")
    found = check_policy(plain, MONTH, book(), Base("old.yml", None, "It is not there."))
    assert found.report.notes[0] == Note("warning", "not_compared", "It is not there.")
    assert [note.code for note in found.report.notes[1:]] == ["discount"]
    assert (found.base, found.changes) == ("old.yml", None)


def test_a_policy_that_is_compared_has_its_changes() -> None:
    """Against the one in that file."""
    one, other = (policy(f"version: 1\nglobal: {{cap: {cap}}}\n") for cap in (5, 6))
    found = check_policy(other, MONTH, book(), Base("old.yml", one.policy))
    assert found.changes is not None
    assert [(it.what, it.before, it.after) for it in found.changes] == [
        ("cap", Decimal(5), Decimal(6))
    ]
    assert (found.base, found.report.notes) == ("old.yml", ())
    same = check_policy(other, MONTH, book(), Base("old.yml", other.policy))
    assert same.changes == ()
