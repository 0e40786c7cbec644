"""Which files a run may write: none in a folder that is missing, nor over another that it needs."""

from collections.abc import Collection, Iterable
from pathlib import Path

from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings


def refuse_path(
    what: str, name: str | None, flag: str, others: Iterable[Path], does: str = "reads"
) -> None:
    """Raises ConfigurationError where what is written has no folder, or another file's place.

    `flag` is what names it, and its variable where it has one; `does` what the run does with the
    `others`.
    """
    if not name:
        return
    if not Path(name).absolute().parent.is_dir():
        raise ConfigurationError(
            f"the {what} cannot be written to {name}: its folder does not exist",
            "create the folder first, or name another file",
        )
    for other in others:
        if _is_same_file(Path(name), other):
            raise ConfigurationError(
                f"the {what} would overwrite {other}, which this run {does}",
                f"name another file with {flag}",
            )


def refuse_results(settings: Settings, read: Collection[Path]) -> None:
    """Raises ConfigurationError where a check's report or badge has no folder, or another's place.

    `read` is what the run reads besides the last report.
    """
    written = [Path(name) for name in settings.step_files]
    report, badge = ("--report (BUDGET_GATE_REPORT)", "--badge (BUDGET_GATE_BADGE)")
    refuse_path("report", settings.report, report, read)
    refuse_path("report", settings.report, report, written, "writes, too")
    # Unlike the report, a badge is no last report to the next run.
    last = [Path(settings.last_report)] if settings.last_report else []
    refuse_path("badge", settings.badge, badge, (*read, *last))
    if settings.report:
        written.append(Path(settings.report))
    refuse_path("badge", settings.badge, badge, written, "writes, too")


def history_files(settings: Settings) -> list[Path]:
    """The files of SQLite that the settings name."""
    urls = [it.get_secret_value() for it in (settings.store, settings.names_from) if it]
    return [Path(url.partition(":///")[2]) for url in urls if url.startswith("sqlite")]


def _is_same_file(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        # A device keeps nothing that could be written over.
        return one.is_file() and one.samefile(other)
    return one.resolve() == other.resolve()
