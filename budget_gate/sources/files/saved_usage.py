"""Usage from saved pages of a usage report, in place of the network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, MonthToDate, format_instant, in_words
from budget_gate.domain.spend import Coverage, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Usage, UsageTable, add
from budget_gate.errors import ConfigurationError, UnverifiedError
from budget_gate.sources.api.answers import malformed
from budget_gate.sources.api.usage_page import Bucket, is_grouped, read_page
from budget_gate.sources.api.workspaces import parse_workspaces
from budget_gate.sources.strict_json import decode

# What a dimension is taken for where the saved report was not grouped by it.
_ASSUMED = {"service_tier": "standard", "inference_geo": "global", "speed": "standard"}


def read_saved_usage(
    files: Sequence[Path], workspaces: Path | None, month: MonthToDate, *, partial: bool
) -> Usage:
    """The usage that saved pages tell of the month to date.

    Buckets outside of it are left out, and named in a note. Raises UnverifiedError where the
    pages overlap, are damaged, or leave out a part of the period and `partial` is False; and
    ConfigurationError where a file cannot be read.
    """
    pages = [(file.name, read_page(_read_json(file), file.name)) for file in files]
    table: UsageTable = {}
    assumed: set[str] = set()
    within: list[Bucket] = []
    left_out = 0
    for name, page in pages:
        rows: UsageTable = {}
        for bucket in page.buckets:
            if bucket.end - bucket.start.replace(hour=0, minute=0, second=0, microsecond=0) > DAY:
                raise malformed(
                    name, f"bucket {format_instant(bucket.start)} is longer than a UTC day"
                )
            if bucket.end <= month.period.start or bucket.start >= month.as_of:
                left_out += 1
                continue
            within.append(bucket)
            add(rows, bucket.usage())
        tells_workspaces = is_grouped(rows, name)
        for key, tokens in rows.items():
            assumed |= {field for field in _ASSUMED if getattr(key, field) is None}
            told = key._replace(
                workspace=key.workspace if tells_workspaces else UNATTRIBUTED,
                service_tier=key.service_tier or _ASSUMED["service_tier"],
                inference_geo=key.inference_geo or _ASSUMED["inference_geo"],
                speed=key.speed or _ASSUMED["speed"],
            )
            add(table, {told: tokens})
    if left_out and not within and month.period.start == month.as_of:
        raise UnverifiedError(
            f"none of the saved pages is of {month.day:%B %Y} up to {in_words(month.as_of)}",
            "name the time at which they were saved with --as-of, or their month with --month",
            code="incomplete_usage",
        )
    gaps = _gaps(within, month)
    if gaps and not (partial and within):
        raise UnverifiedError(
            f"the saved pages do not cover the month to date: {gaps[0]}",
            "save the missing pages"
            + (" as well, or use --partial to judge what is there" if within else ""),
            code="incomplete_usage",
        )
    starts = {bucket.start.date() for bucket in within}
    return Usage(
        table=table,
        workspaces=_read_workspaces(workspaces) if workspaces else None,
        coverage=Coverage(
            through=min(max((bucket.end for bucket in within), default=month.as_of), month.as_of),
            closed_days=len(starts - {month.as_of.date()}),
            open_day=month.as_of.date() in starts,
        ),
        notes=tuple(_notes(table, assumed, gaps, left_out)),
    )


def _gaps(buckets: list[Bucket], month: MonthToDate) -> list[str]:
    """The parts of the month to date that no bucket covers; raises where two overlap."""
    gaps = []
    covered = month.period.start
    previous: Bucket | None = None
    for bucket in sorted(buckets, key=lambda bucket: bucket.start):
        if previous and bucket.start < previous.end:
            raise malformed(bucket.where, f"it overlaps with {previous.where}")
        if bucket.start > covered:
            gaps.append(f"{format_instant(covered)} to {format_instant(bucket.start)} is missing")
        covered = max(covered, bucket.end)
        previous = bucket
    if covered < month.as_of:
        gaps.append(f"{format_instant(covered)} to {format_instant(month.as_of)} is missing")
    return gaps


def _notes(table: UsageTable, assumed: set[str], gaps: list[str], left_out: int) -> list[Note]:
    notes = []
    if gaps:
        more = f", and {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
        message = f"The saved pages leave out part of the month: {gaps[0]}{more}."
        notes.append(Note("warning", "partial", message))
    if left_out:
        message = f"{left_out} saved buckets outside the month to date are left out."
        notes.append(Note("info", "outside_period", message))
    if any(key.workspace == UNATTRIBUTED for key in table):
        message = (
            "A saved page names no workspace: its usage may belong to any of them, so budgets of "
            "workspaces are ranges."
        )
        notes.append(Note("warning", "workspace_unresolved", message))
    for field in sorted(assumed):
        message = f"A saved page has no {field}: {_ASSUMED[field]} is assumed."
        notes.append(Note("warning", "assumed_dimension", message))
    return notes


def _read_workspaces(file: Path) -> tuple[Workspace, ...]:
    answer = _read_json(file)
    if isinstance(answer, dict) and answer.get("has_more"):
        raise malformed(file.name, "it says that there are more workspaces than it holds")
    return tuple(parse_workspaces(answer, file.name, is_paged=False))


def _read_json(file: Path) -> Any:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror or error}", "check the path"
        ) from error
    try:
        return decode(raw, file.name)
    except ValueError as error:
        raise malformed(file.name, f"it is not JSON ({error})") from error
