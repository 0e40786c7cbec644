"""What a text for people says, whatever its words: its numbers, names and the few words that carry the meaning."""

import re
from collections.abc import Iterable
from typing import Final

from budget_gate.domain.notes import Note

# As their owners write them; every other word is in small letters, or begins with a capital.
NAMES: Final = frozenset(
    (
        *("API", "CA", "CAs", "CI", "CSV", "FOCUS", "GET", "GitHub", "GitLab", "HTML", "HTTP"),
        *("HIPAA", "HTTPS", "JavaScript"),
        *("IP", "JSON", "KiB", "MiB", "OAuth", "PEM", "POST", "PostgreSQL", "RFC", "SOCKS"),
        *("SQL", "SQLite", "SSL", "TLS", "URL", "US", "USD", "UTC", "UUID", "UTF", "YAML"),
        "FATAL",  # as PostgreSQL begins an error
    )
)
# Of these no other word has the letters.
ALWAYS: Final = frozenset({"Console", *NAMES}) - {
    *("CI", "FOCUS", "GET", "GitHub", "IP", "JSON", "POST", "US")
}
# Neither a part of an address, an id, a path or a variable, nor in quotes or brackets.
WORD: Final = re.compile(r"(?<![\w./:=@*`'\"\[-])[A-Za-z]+(?![\w/=@*`'\"\]-]|\.\w|:\w)")


# An address, a flag with what stands for its value, and what argparse says of the flags: none of them is a sentence.
OTHER: Final = re.compile(
    r"[a-z0-9+]+://\S*|--[a-z-]+ [A-Z]+\b|usage: .*?(?=\nbudget-gate)", re.DOTALL
)


def assert_says(text: str, *facts: str) -> None:
    """Fails unless `text` has all the `facts`, in that order; line breaks and a fact's first capital are of no account."""
    assert_in_style(text)
    rest = " ".join(text.split())
    for fact in facts:
        found = re.search(f"(?i:{re.escape(fact[0])}){re.escape(fact[1:])}", rest)
        assert found, f"{fact!r} is not in its place in: {text}"
        rest = rest[found.end() :]


def assert_is_sentence(text: str) -> None:
    """Fails unless `text` is sentences: each begins with a capital, or a name that has none."""
    assert_in_style(text)
    assert not re.search(r"(^|[.?] )[a-z]+[ ,:;]", text), f"a sentence begins small: {text}"
    assert text.endswith((".", "?")), f"it does not end as a sentence: {text}"


def notes_with(notes: Iterable[Note], code: str) -> list[Note]:
    """Those of the notes that have the code, each of which is a sentence."""
    found = [note for note in notes if note.code == code]
    for note in found:
        assert_is_sentence(note.message)
    return found


def assert_in_style(text: str) -> None:
    """Fails where a word has capitals that it should not have, or a name has none."""
    right = {name.casefold(): name for name in ALWAYS}
    for word in WORD.findall(OTHER.sub("", text)):
        is_plain = word in NAMES or word[1:].islower() or len(word) == 1
        assert is_plain, f"{word!r} has capitals within it: {text}"
        assert right.get(word.casefold(), word) == word, f"{word!r} is not written so: {text}"
