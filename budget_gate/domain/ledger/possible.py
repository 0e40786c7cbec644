"""Spend, with what the ledger has beyond the report as what may have been spent on top."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from budget_gate.domain.bounds import NOTHING, UNLIMITED, ZERO, Bounds, sum_of
from budget_gate.domain.clock import WORTH_A_WARNING
from budget_gate.domain.ledger.hours import Counts, Hours, beyond
from budget_gate.domain.notes import LEDGER_BEYOND, Note, enumerated, usd
from budget_gate.domain.period import in_words
from budget_gate.domain.policy.directory import workspace_id
from budget_gate.domain.policy.names import nearest, unique_name
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.charges import price
from budget_gate.domain.prices.pricing import UnknownModel, list_spend
from budget_gate.domain.spend import Coverage, Spend, SpendLine, Workspace
from budget_gate.domain.usage import UNATTRIBUTED, Usage, UsageTable, add
from budget_gate.errors import ConfigurationError, UnverifiedError

# What is held is of no model, as what is reserved by a flag is: no model has this name.
_NO_MODEL: Final = ("",)


@dataclass(frozen=True, slots=True)
class Placed:
    """What the ledger holds by the ids of workspaces; `strangers` are names that none has.

    What is of a stranger may be of any workspace.
    """

    hours: Hours
    holds: Mapping[str | None, Decimal]
    strangers: tuple[str, ...] = ()


def placed(counts: Counts, workspaces: Mapping[str | None, Workspace]) -> Placed:
    """The counts with the id of each workspace in place of what the client wrote."""
    ids: dict[str | None, str | None] = {None: None}
    strangers = []
    written = {key.workspace for table in counts.hours.values() for key in table}
    for name in sorted(it for it in written | counts.holds.keys() if it is not None):
        try:
            ids[name] = workspace_id(name, workspaces)
        except ConfigurationError:
            ids[name] = UNATTRIBUTED
            strangers.append(name)
    hours: dict[datetime, UsageTable] = {}
    for hour, table in counts.hours.items():
        found: UsageTable = {}
        for key, tokens in table.items():
            add(found, {key._replace(workspace=ids[key.workspace]): tokens})
        hours[hour] = found
    holds: dict[str | None, Decimal] = defaultdict(Decimal)
    for written_as, amount in counts.holds.items():
        holds[ids[written_as]] = sum_of((holds[ids[written_as]], amount))
    return Placed(hours, holds, tuple(strangers))


def check_ledger_clock(now: datetime, read_at: datetime) -> None:
    """Raises UnverifiedError where the ledger's clock is not that of the run.

    Its hours would not be those of the report, so that some of what it counted were not looked at.
    """
    if abs(read_at - now) > WORTH_A_WARNING:
        raise UnverifiedError(
            f"the clock of the ledger says {in_words(read_at)}, and it is {in_words(now)}",
            "set the clock of the machine that Redis runs on",
            code="ledger_clock",
        )


def with_ledger(
    spend: Spend,
    counts: Counts,
    reported: Hours,
    workspaces: Mapping[str | None, Workspace],
    book: PriceBook,
    *,
    unknown_model: UnknownModel,
) -> Spend:
    """The spend as a range: at least what is reported, at most that and all that was counted.

    `reported` is the usage of the hours that the report may not have whole. What the ledger has
    beyond it is priced by `book`; what is held is added to that, on the day of the ledger's time.
    """
    told = placed(counts, workspaces)
    table = beyond(reported, told.hours, book)
    usage = Usage(table, spend.workspaces, spend.coverage)
    more = list_spend(price(usage, book), unknown_model=unknown_model)
    counted = tuple(it._replace(cost=Bounds(ZERO, it.cost.high)) for it in more.lines)
    day = counts.read_at.date()
    held = tuple(_hold(id_, amount, day, spend.coverage) for id_, amount in told.holds.items())
    return spend._replace(
        lines=(*spend.lines, *counted, *held),
        unpriced=tuple(dict.fromkeys((*spend.unpriced, *more.unpriced))),
        notes=(
            *spend.notes,
            *(note for note in more.notes if note.code in ("unpriced", "unpriced_bounded")),
            _note(
                counted,
                sum_of(told.holds.values()),
                min(reported, default=counts.read_at),
                workspaces,
            ),
            *strangers(told, workspaces),
        ),
    )


def without_bound(spend: Spend, day: date) -> Spend:
    """The spend where nobody knows how much was used beyond it on `day`, nor where."""
    more = SpendLine(UNATTRIBUTED, day, None, Bounds(ZERO, UNLIMITED), "list", ())
    return spend._replace(lines=(*spend.lines, more))


def may_drop(policy: str) -> str:
    """What is to be known of a Redis whose maxmemory-policy lets it forget counts."""
    return (
        f"maxmemory-policy of this Redis is {policy}: once it is full, it may drop counts. Set it "
        "to noeviction."
    )


def _hold(id_: str | None, amount: Decimal, day: date, coverage: Coverage) -> SpendLine:
    # A month that the ledger's clock has already left is still the one that is judged.
    within = min(day, coverage.through.date())
    return SpendLine(id_, within, None, Bounds(ZERO, amount), "list", _NO_MODEL)


def _note(
    counted: tuple[SpendLine, ...],
    held: Decimal,
    since: datetime,
    workspaces: Mapping[str | None, Workspace],
) -> Note:
    if not counted and not held:
        message = f"Since {in_words(since)} the ledger has nothing that the report does not have."
        return Note("info", "ledger", message)
    parts = []
    if counted:
        costs: dict[tuple[str | None, str | None], Bounds] = defaultdict(lambda: NOTHING)
        for line in counted:
            place = (line.workspace, line.model)
            costs[place] = costs[place].plus(line.cost)
        place = max(costs, key=lambda it: (costs[it].high, *map(str, it)))
        total = sum_of(line.cost.high for line in counted)
        # Without a price there is no sum, and another note says of what.
        what = usd(total) if total.is_finite() else "usage without a price"
        mostly = "mostly " if len(costs) > 1 else ""
        where = f"{place[1] or 'an unnamed model'} in {unique_name(place[0], workspaces)}"
        parts.append(f"{what} that the report does not have yet ({mostly}{where})")
    if held:
        parts.append(f"{usd(held)} reserved")
    message = f"Since {in_words(since)} the ledger has {' and '.join(parts)}."
    return Note("info", LEDGER_BEYOND, f"{message} So spend is a range: up to that much more.")


def strangers(told: Placed, workspaces: Mapping[str | None, Workspace]) -> Iterator[Note]:
    """A warning of names in the ledger that are no workspace's."""
    if told.strangers:
        names = enumerated([repr(name) for name in told.strangers])
        remedy = nearest(told.strangers[0], workspaces.values())
        yield Note(
            "warning",
            "ledger_workspace",
            f"The ledger has usage of {names}, which is the name or the id of no workspace (or of "
            "several), so it may be of any of them. Correct `workspace` where it is recorded: "
            f"{remedy}{'' if remedy.endswith('?') else '.'}",
        )
