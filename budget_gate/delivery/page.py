"""The page in its folder: rendered by packages of an extra, and written whole or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from budget_gate.delivery.files import write_whole
from budget_gate.delivery.secrets import blotted
from budget_gate.domain.figures import Figures
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings

PAGE: Final = "index.html"
# As the page says who made it; near its beginning.
_OURS: Final = '<meta name="generator" content="budget-gate '
_BEGINNING: Final = 10_000


def refuse_folder(name: str) -> None:
    """Raises ConfigurationError where the page cannot go there, or packages are not installed.

    The folder may be missing, but not the one it is in. A page that is not ours is left alone.
    """
    _renderer()
    page = Path(name, PAGE)
    try:
        _refuse_place(Path(name), page)
        with page.open(encoding="utf-8", errors="replace") as file:
            is_ours = _OURS in file.read(_BEGINNING)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(
            f"{page} cannot be read: {error.strerror or error}", "name another folder with --out"
        ) from error
    if not is_ours:
        raise ConfigurationError(
            f"{page} was not made by budget-gate; not changed",
            "name another folder with --out, or delete that file",
        )


def publish_page(
    figures: Figures, report: Report, policy: str | None, name: str, settings: Settings
) -> Path:
    """Writes the page into the folder, and returns where it is.

    Raises ConfigurationError where it cannot be written.
    """
    render_page, secrets = _renderer(), settings.secrets
    text = render_page(blotted(figures, secrets), blotted(report, secrets), policy)
    folder = Path(name)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder {name} cannot be created: {error.strerror or error}",
            "name another one with --out",
        ) from error
    write_whole(folder / PAGE, text)
    return folder / PAGE


def _refuse_place(folder: Path, page: Path) -> None:
    """Raises ConfigurationError where there is no place for the page, and OSError as the system."""
    if not folder.is_dir() and (folder.exists() or not folder.absolute().parent.is_dir()):
        raise ConfigurationError(
            f"the page cannot be written to {folder}: "
            + ("it is no folder" if folder.exists() else "the folder it is in does not exist"),
            "create that folder first, or name another one with --out",
        )
    # To open a FIFO would wait for somebody to write into it.
    if page.exists() and not page.is_file():
        raise ConfigurationError(f"{page} is no file", "name another folder with --out")


def _renderer() -> Callable[[Figures, Report, str | None], str]:
    try:
        from budget_gate.outputs.dashboard.page import render_page  # of the extra, slow to import
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the page needs the package {error.name}, which is not installed",
            'run, in the environment of budget-gate: pip install "altair>=5.5" '
            '"vl-convert-python>=1.7"',
        ) from error
    return render_page
