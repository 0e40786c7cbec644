"""What a text for people says, whatever its words: its numbers, names and the few words that carry the meaning."""


def assert_says(text: str, *facts: str) -> None:
    """Fails unless `text` has all the `facts`, in that order; line breaks and capitals are of no account."""
    rest = " ".join(text.split()).casefold()
    for fact in facts:
        _, found, rest = rest.partition(fact.casefold())
        assert found, f"{fact!r} is not in its place in: {text}"
