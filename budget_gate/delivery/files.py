"""Files that other programs read: whole or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import BinaryIO

from budget_gate.errors import ConfigurationError


def write_whole(path: Path, text: str | Iterable[str], *, overwrite: bool = True) -> None:
    """Puts `text` at `path` in one step, so that no reader ever sees a part of it.

    A long one may come in parts: where one of them cannot be made, what that raises is passed on,
    and nothing is written. A link is followed, be it to nowhere. What is no regular file, or is
    what this process prints to, is written into. Raises ConfigurationError where it cannot be
    written, and without `overwrite` where anything stands there, be it a link to nowhere; what
    stood there before stays then.
    """
    parts = (text,) if isinstance(text, str) else text
    temporary = None
    try:
        if overwrite and (device := _device(path)):
            with device:
                _write_into(device, parts)
            return
        target = Path(os.path.realpath(path)) if overwrite else path
        with NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="\n",
            dir=target.parent,
            prefix=".budget-gate-",
            delete=False,
        ) as file:
            temporary = Path(file.name)
            file.writelines(parts)
        # A temporary file is for its owner alone; the report is for whoever may read the folder.
        temporary.chmod(0o644)
        if not overwrite:
            # The name is taken first: what another put there in the meantime is not replaced.
            path.open("x").close()
        os.replace(temporary, target)  # noqa: PTH105 - replaces on every system
        temporary = None
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def append(path: Path, text: str) -> None:
    """Adds `text` to the end of the file at `path` in one write.

    Raises ConfigurationError where it cannot be written.
    """
    try:
        with open(path, "ab", opener=_without_waiting) as file:
            file.write(text.encode("utf-8", errors="replace"))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _write_into(device: BinaryIO, parts: Iterable[str]) -> None:
    """Writes the parts once all of them are made."""
    with TemporaryFile() as made:
        made.writelines(part.encode() for part in parts)
        made.seek(0)
        shutil.copyfileobj(made, device)


def _device(path: Path) -> BinaryIO | None:
    """What stands at `path`, to write into, where a file in its place would be no good."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    for descriptor in (1, 2):
        # Opened once more, a file would be written from its beginning, over what was printed.
        with suppress(OSError):
            if found.st_ino and os.path.samestat(found, os.fstat(descriptor)):
                return os.fdopen(os.dup(descriptor), "wb")
    if stat.S_ISREG(found.st_mode):
        return None
    return open(path, "wb", opener=_without_waiting)


def _without_waiting(path: str, flags: int) -> int:
    """Opens a FIFO that nobody reads with an error; a terminal does not become this process's."""
    instant = getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | instant | getattr(os, "O_NOCTTY", 0), 0o666)
    if instant:
        os.set_blocking(descriptor, True)
    return descriptor


def _cannot_write(path: Path, error: OSError) -> ConfigurationError:
    reason = "nobody reads from it" if error.errno == errno.ENXIO else error.strerror or error
    return ConfigurationError(
        f"{path} cannot be written: {reason}", "check the path and its folder"
    )
