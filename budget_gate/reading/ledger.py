"""What the ledger has beyond the report, for a check, and the verdict that is kept there."""

import json
from dataclasses import replace
from datetime import datetime

from budget_gate.domain.ledger.guarded import GuardedVerdict, condensed, since_of
from budget_gate.domain.ledger.hours import Counts, unsettled
from budget_gate.domain.ledger.possible import check_ledger_clock, with_ledger
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate, in_words
from budget_gate.domain.policy.keys import directory
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.spend import Spend
from budget_gate.domain.usage import Usage
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError, LedgerError, UnverifiedError
from budget_gate.reading.spend import MonthRead
from budget_gate.settings import Settings
from budget_gate.sources.ledger.opening import open_client
from budget_gate.sources.ledger.plans import reading, writing_verdict

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
        doubt: UnverifiedError | None = None,
    ) -> None:
        self._client = client
        # Those that the report may not have whole.
        self.hours = hours
        self._counts = counts
        self.doubt = doubt
        self._verdict: GuardedVerdict | None = None

    def widened(self, read: MonthRead, month: MonthToDate, file: PolicyFile) -> Spend:
        """The spend that was read as a range, with what the ledger has beyond it.

        Raises UnverifiedError where there are hours that neither has.
        """
        spend, usage = read.spend, read.priced.usage
        if self._counts is None:
            return spend
        _check_reach(usage, self.hours)
        self._verdict = GuardedVerdict(
            month.as_of,
            since_of(usage.hours, month.as_of),
            condensed(spend.lines, month.as_of.date()),
            spend.workspaces,
            usage.hours,
        )
        return with_ledger(
            spend,
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
        try:
            self._client.run(writing_verdict(json.dumps(self._verdict.to_json())))
        except LedgerError as error:
            message = f"The verdict was not kept, so guards go by an older one: {error.told}"
            note = Note("warning", "ledger_verdict", message)
            return replace(report, notes=(*report.notes, note))
        return report


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
        counts = client.run(reading(min(hours, default=month.as_of)))
        check_ledger_clock(now, counts.read_at)
    except UnverifiedError as error:
        return CheckedLedger(client, hours, doubt=error)
    of_month = {at: it for at, it in counts.hours.items() if month.period.start <= at < month.end}
    return CheckedLedger(client, hours, replace(counts, hours=of_month))


def _check_reach(usage: Usage, hours: list[datetime]) -> None:
    """Raises UnverifiedError where the report lacks hours that the ledger is not compared with."""
    at, first = usage.coverage.refreshed_at, min(hours, default=None)
    if at and first and at < first:
        raise UnverifiedError(
            f"the numbers are as of {in_words(at)}, and the ledger is compared from "
            f"{in_words(first)} on: hours in between are in neither",
            "run the gate again when the API has newer numbers, or without --ledger",
            code="ledger_gap",
        )
