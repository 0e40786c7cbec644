"""A stream of this process, which may be closed, broken, full, or too narrow for a character."""

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_WIDEST = 120


def write(stream: "TextIO | None", text: str) -> OSError | None:
    """Writes to a stream at once; what went wrong where the text is lost.

    Where there is no stream, nobody wants the text.
    """
    if stream is None:
        return None
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except OSError as error:
        # Nor may the interpreter's own flush at exit fail and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def is_file(stream: "TextIO | None") -> bool:
    """Whether what is written to a stream is kept in a file."""
    try:
        return stream is not None and stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def width(stream: "TextIO | None") -> int | None:
    """How many columns a line may have: a log or a pipe takes any, and is searched by lines."""
    if not is_terminal(stream):
        return None
    import shutil  # needed for people alone

    # Eyes lose lines that are longer, however wide the terminal.
    return min(shutil.get_terminal_size().columns, _WIDEST)


def is_terminal(stream: "TextIO | None") -> bool:
    """Whether people read a stream as it is written."""
    return stream is not None and stream.isatty()
