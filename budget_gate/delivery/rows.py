"""A feed, which may be long: printed or written once all of it is there, and what is under way."""

import sys
from collections.abc import Callable, Iterable
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from budget_gate.delivery.files import write_whole
from budget_gate.delivery.results import publish_text
from budget_gate.delivery.secrets import without_secrets
from budget_gate.delivery.streams import write
from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings

_PIECE: Final = 2**20


def publish_rows(parts: Iterable[str], out: str | None, settings: Settings) -> None:
    """Prints the parts, or writes them to the file `out`.

    What the making of one raises is passed on: nothing is printed or written then. Raises
    ConfigurationError where they cannot be.
    """
    told = (without_secrets(part, settings) for part in parts)
    if out:
        write_whole(Path(out), told)
        return
    try:
        with TemporaryFile("w+", encoding="utf-8", newline="") as made:
            made.writelines(told)
            made.seek(0)
            if isinstance(sys.stdout, TextIOWrapper):
                # Whatever the machine has else, a feed is UTF-8 with the line ends of its format.
                sys.stdout.reconfigure(encoding="utf-8", newline="")
            while piece := made.read(_PIECE):
                publish_text(piece, settings)
    except OSError as error:
        raise ConfigurationError(
            f"the rows cannot be kept in the temporary folder: {error.strerror or error}",
            "make room there, or write to another file system with --out FILE",
        ) from error


def progress(settings: Settings) -> Callable[[str], None]:
    """What shows how far a run is, in place of what it showed before, where a person looks on."""
    is_watched = sys.stderr is not None and sys.stderr.isatty() and not settings.in_github_actions
    width = 0

    def show(text: str) -> None:
        nonlocal width
        if is_watched:
            write(sys.stderr, f"\r{text.ljust(width)}" if text else f"\r{' ' * width}\r")
            width = len(text)

    return show
