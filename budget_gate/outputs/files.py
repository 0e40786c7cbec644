"""Files that other programs read: whole or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from budget_gate.errors import ConfigurationError


def write_whole(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Puts `text` at `path` in one step, so that no reader ever sees a part of it.

    Raises ConfigurationError where it cannot be written, and without `overwrite` where anything
    stands there, be it a link to nowhere; what stood there before stays then.
    """
    temporary = None
    try:
        with NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="\n",
            dir=path.parent,
            prefix=".budget-gate-",
            delete=False,
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        # A temporary file is for its owner alone; the report is for whoever may read the folder.
        temporary.chmod(0o644)
        if not overwrite:
            # The name is taken first: what another put there in the meantime is not replaced.
            path.open("x").close()
        os.replace(temporary, path)  # noqa: PTH105 - replaces on every system
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise _cannot_write(path, error) from error


def append(path: Path, text: str) -> None:
    """Adds `text` to the end of the file at `path` in one write.

    Raises ConfigurationError where it cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write(text.encode("utf-8", errors="replace"))
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"{path} cannot be written: {error.strerror or error}", "check the path and its folder"
    )
