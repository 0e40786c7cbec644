"""What the ledger has beyond the report, for a check, and the verdict that is kept there."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from budget_gate.domain.ledger.guarded import GuardedVerdict, condensed, since_of
from budget_gate.domain.ledger.hours import Counts, unsettled
from budget_gate.domain.ledger.possible import (
    check_ledger_clock,
    may_drop,
    with_ledger,
    without_bound,
)
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Spend
from budget_gate.domain.usage import Usage
from budget_gate.domain.verdict.earlier import are_different
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError, LedgerError, UnverifiedError
from budget_gate.reading.spend import MonthRead
from budget_gate.settings import Settings
from budget_gate.sources.ledger.opening import open_client
from budget_gate.sources.ledger.plans import writing_verdict
from budget_gate.sources.ledger.reading import eviction, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.sources.ledger.client import Client


class CheckedLedger:
    """The ledger of a run: what it counted, or `doubt`, why that cannot be known."""

    def __init__(
        self,
        client: "Client",
        hours: list[datetime],
        counts: Counts | None = None,
        notes: tuple[Note, ...] = (),
        doubt: UnverifiedError | None = None,
    ) -> None:
        self._client = client
        # Those that the report may not have whole.
        self.hours = hours
        self._counts = counts
        self._notes = notes
        self.doubt = doubt
        self._verdict: GuardedVerdict | None = None

    def widened(self, read: MonthRead, month: MonthToDate, file: PolicyFile) -> Spend:
        """The spend that was read as a range, with what the ledger has beyond it.

        Where the ledger could not be read, or there are hours that neither has, it has no upper
        bound.
        """
        spend, usage = read.spend, read.priced.usage
        gap = tuple(_gap(usage, self.hours)) if self._counts else ()
        if self._counts is None or gap:
            told = spend._replace(notes=(*spend.notes, *gap))
            return without_bound(told, month.as_of.date())
        self._verdict = GuardedVerdict(
            month.as_of,
            since_of(usage.hours, month.as_of),
            condensed(spend.lines, month.as_of.date()),
            spend.workspaces,
            usage.hours,
        )
        return with_ledger(
            spend._replace(notes=(*spend.notes, *self._notes)),
            self._counts,
            usage.hours,
            directory(file.policy, spend),
            read.priced.book,
            unknown_model=file.policy.spend.unknown_model,
        )

    def keep(self, report: Report) -> Report:
        """Keeps for clients what the verdict is about; the report says where that fails."""
        if self._verdict is None or report.spend is None:
            return report
        verdict = replace(self._verdict, organization=report.organization)
        try:
            with closing(self._client) as client:
                before = client.run(writing_verdict(json.dumps(verdict.to_json())))
        except LedgerError as error:
            message = f"The verdict was not kept, so guards go by an older one: {error.told}"
            note = Note("warning", "ledger_verdict", message)
            return report._replace(notes=(*report.notes, note))
        return report._replace(notes=(*report.notes, *_after(before, verdict)))


def _after(before: bytes | None, verdict: GuardedVerdict) -> Iterator[Note]:
    """A warning where there was no verdict before, or one of another organization."""
    if before is None:
        yield Note(
            "warning",
            "ledger_anew",
            "There was no verdict in this ledger before. If this is not the first check with it, "
            "Redis has lost its data: what clients counted until now is missing, so for about "
            "three hours spend may be higher than this report says. See docs/ledger.md, In Redis.",
        )
        return
    try:
        other = GuardedVerdict.from_json(json.loads(before)).organization
    except (ValueError, RecursionError):
        return
    if are_different(other, verdict.organization):
        yield Note(
            "warning",
            "ledger_organization",
            f"The verdict before in this ledger is of organization {other}, and this run is of "
            f"{verdict.organization}: both count in one ledger, and guards go by the last verdict "
            "of either. Use a Redis, or a database of it, for each organization, and name its id "
            "in the policy (`organization`).",
        )


def open_ledger(url: str, settings: Settings, month: MonthToDate, now: datetime) -> CheckedLedger:
    """The ledger at a URL, read for a month to date.

    It is read before the report, so that nothing of the month is in neither. Raises
    ConfigurationError where it can be none, or where another time than now is to be judged.
    """
    if settings.fixed_time or month.is_whole:
        raise ConfigurationError(
            "--ledger (BUDGET_GATE_LEDGER) is about the last hours, and another time is judged",
            "leave out --ledger, or --month and --as-of (or their variables)",
        )
    client, hours = open_client(url), unsettled(month)
    try:
        # No connection is kept for as long as the API takes: keeping the verdict opens one again.
        with closing(client):
            counts = client.run(reading(min(hours, default=month.as_of)))
            check_ledger_clock(now, counts.read_at)
            policy = client.run(eviction())
    except UnverifiedError as error:
        return CheckedLedger(client, hours, doubt=error)
    of_month = {at: it for at, it in counts.hours.items() if month.period.start <= at < month.end}
    notes = (Note("warning", "ledger_eviction", may_drop(policy)),) if policy else ()
    return CheckedLedger(client, hours, replace(counts, hours=of_month), notes)


def _gap(usage: Usage, hours: list[datetime]) -> Iterator[Note]:
    """That the report lacks hours which the ledger is not compared with."""
    at, first = usage.coverage.refreshed_at, min(hours, default=None)
    if at and first and at < first:
        yield Note(
            "error",
            "ledger_gap",
            f"The numbers are as of {in_words(at)}, and the ledger is compared from "
            f"{in_words(first)} on: hours in between are in neither, so spend has no upper bound. "
            "Run the gate again when the API has newer numbers, or without --ledger.",
        )
