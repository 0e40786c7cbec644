"""The credentials of a run, which must appear nowhere: those given, and those that arise in it."""

from collections.abc import Callable, Iterator
from typing import Final

# What is shorter than any credential is none: it would blot out every other word.
_SHORTEST: Final = 8


class Secrets:
    """Texts to blot out; every method may be called from several threads."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._untold: set[str] = set()
        self._tell: Callable[[str], object] = lambda _: None

    def add(self, text: str) -> None:
        """Has `text` blotted out from here on; it is to be added before it is sent anywhere."""
        if len(text) >= _SHORTEST and text not in self._texts:
            self._texts.append(text)
            self._tell(text)

    def hide(self, text: str) -> None:
        """The same, but nobody is told: a runner's mask of a text begins with showing it.

        It is for what no other step of a job can know, or what the runner masks by itself.
        """
        if len(text) >= _SHORTEST and text not in self._texts:
            self._untold.add(text)
            self._texts.append(text)

    def tell(self, tell: Callable[[str], object]) -> None:
        """Calls `tell` with each text that is not hidden: the known ones now, new ones later."""
        self._tell = tell
        for text in self._texts:
            if text not in self._untold:
                tell(text)

    def without(self, text: str) -> str:
        """`text` with each of them blotted out."""
        for secret in self:
            text = text.replace(secret, "***")
        return text

    def __iter__(self) -> Iterator[str]:
        """The texts, the longest first, as one may be a part of another."""
        return iter(sorted(self._texts, key=len, reverse=True))
