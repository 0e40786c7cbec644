"""What stops a request: the caps of the policy, by the last verdict and what was counted since."""

import json
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from budget_gate.errors import ConfigurationError, LedgerError
from budget_gate.sources.ledger.layout import instant, usage_of
from budget_gate.sources.ledger.plans import Learned, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from budget_gate.domain.ledger.guard import Costs, Exceeded, Guard
    from budget_gate.domain.ledger.guarded import GuardedVerdict
    from budget_gate.domain.policy.model import PolicyFile
    from budget_gate.domain.prices.book import PriceBook
    from budget_gate.domain.usage import UsageTable
    from budget_gate.sources.ledger.watching import Seen

PolicyPath = str | PathLike[str]


class BudgetExceeded(Exception):  # noqa: N818 - what happened is no error of the program
    """A cap is exceeded, so that nothing more is to be spent; `exceeded` names each such cap."""

    def __init__(self, exceeded: "Sequence[Exceeded]") -> None:
        super().__init__("; ".join(map(_told, exceeded)))
        self.exceeded = tuple(exceeded)


def _told(one: "Exceeded") -> str:
    from budget_gate.domain.notes import usd  # comes with what only a guard needs

    parts = [(one.reported, "reported"), (one.counted, "counted since"), (one.held, "reserved")]
    told = " + ".join(f"{usd(amount)} {what}" for amount, what in parts if amount)
    kind = "daily cap" if one.daily else "cap"
    return f"{one.budget}: {usd(one.used)} of its {usd(one.cap)} {kind} ({told})"


class _Priced:
    """A guard that prices again only what has changed since; nothing in it is changed in place."""

    def __init__(self, guard: "Guard") -> None:
        self._guard = guard
        self._ended: tuple[object, Costs] = (None, {})
        self._places: dict[str | None, str | None] = {}
        self._running: dict[str | None, tuple[object, Costs]] = {}

    def exceeded(self, seen: "Seen") -> "list[Exceeded]":
        """The caps that are exceeded by what was seen."""
        ended = self._ended
        if ended[0] is not seen.ended:
            hours: dict[datetime, UsageTable] = {}
            for (_, hour), table in seen.ended.items():
                hours.setdefault(instant(hour), {}).update(table)
            ended = self._ended = (seen.ended, self._guard.costs(hours))
        # Usage that was written under the name of a workspace and under its id belongs together.
        told: dict[str | None, dict[str | None, Any]] = {}
        for name, fields in seen.running.items():
            if name not in self._places:
                self._places = {**self._places, name: self._guard.place(name)}
            told.setdefault(self._places[name], {})[name] = fields
        running = {}
        for id_, parts in told.items():
            known = self._running.get(id_)
            asked = (seen.hour, parts)
            if known is None or known[0] != asked:
                counted: UsageTable = {}
                for name, fields in parts.items():
                    counted.update(usage_of(fields, name, seen.hour))
                known = (asked, self._guard.costs({instant(seen.hour): counted}))
            running[id_] = known
        self._running = running
        costs = [ended[1], *(it for _, it in running.values())]
        return self._guard.exceeded_by(costs, seen.holds)


class Guards:
    """The caps of policies, made when they are first asked for; threads may share it."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[tuple[int, int], PolicyFile, PriceBook]] = {}
        self._verdict: tuple[bytes, GuardedVerdict] | None = None
        self._made: dict[tuple[Any, ...], _Priced] = {}
        self._watch: Any = None

    def checking(
        self, policy: PolicyPath, workspace: str | None, model: str | None, learned: Learned
    ) -> "Plan[list[Exceeded]]":
        """The caps of a policy that stand in the way of a request, in one round trip mostly.

        Raises LedgerError where the policy is wrong, or where the ledger has no verdict for it.
        """
        from budget_gate.sources.ledger.watching import Watch, looking  # comes with the prices

        stamp, file, book = self._file(policy)
        self._watch = self._watch or Watch()
        seen = yield from looking(self._watch, learned, self._first_hour)
        self._check_fit(file, seen)
        key = (str(policy), stamp, seen.verdict, workspace, model, seen.now.date())
        known = self._made.get(key)
        if known is None:
            known = _Priced(self._guard(file, book, seen, workspace, model))
            # Those of an older verdict are of no use any more.
            current = {it: made for it, made in self._made.items() if it[2] == seen.verdict}
            self._made = {**current, key: known}
        return known.exceeded(seen)

    def _check_fit(self, file: "PolicyFile", seen: "Seen") -> None:
        from budget_gate.domain.ledger.guard import check_fit  # comes with the prices

        try:
            check_fit(file, self._read(seen.verdict), seen.now)
        except ConfigurationError as error:
            raise _wrong(error) from error

    def _guard(
        self,
        file: "PolicyFile",
        book: "PriceBook",
        seen: "Seen",
        workspace: str | None,
        model: str | None,
    ) -> "Guard":
        from budget_gate.domain.ledger.guard import guard  # comes with the prices

        verdict = self._read(seen.verdict)
        try:
            return guard(file, verdict, book, seen.now, workspace=workspace, model=model)
        except ConfigurationError as error:
            raise _wrong(error) from error

    def _file(self, policy: PolicyPath) -> "tuple[tuple[int, int], PolicyFile, PriceBook]":
        path = Path(policy)
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            known = self._files.get(str(policy))
            if known is None or known[0] != stamp:
                known = (stamp, *_loaded(path))
                self._files = {**self._files, str(policy): known}
        except OSError as error:
            raise LedgerError(
                f"the policy {policy} cannot be read: {error.strerror or error}", "check its path"
            ) from error
        return known

    def _read(self, raw: bytes) -> "GuardedVerdict":
        from budget_gate.domain.ledger.guarded import GuardedVerdict  # comes with the prices

        known = self._verdict
        if known is None or known[0] != raw:
            try:
                known = (raw, GuardedVerdict.from_json(json.loads(raw)))
            except (ValueError, RecursionError) as error:
                raise LedgerError(
                    f"the verdict in the ledger cannot be read: {error}",
                    "run `budget-gate check --ledger URL` again, with the same version as here",
                ) from error
            self._verdict = known
        return known[1]

    def _first_hour(self, raw: bytes, now: datetime) -> datetime:
        return self._read(raw).first_hour(now)


def _loaded(path: Path) -> "tuple[PolicyFile, PriceBook]":
    from budget_gate.domain.prices.book import PriceBook  # with what reads YAML, slow to import
    from budget_gate.sources.files.documents import load_policy, load_price_book

    try:
        file = load_policy(path, str(path))
    except ConfigurationError as error:
        raise _wrong(error) from error
    return file, PriceBook(load_price_book()).with_policy(file.policy.prices)


def _wrong(error: ConfigurationError) -> LedgerError:
    """A policy that is wrong, as an application is told it: in one sentence, with all places."""
    problems = "; ".join(map(str, error.problems))
    return LedgerError(": ".join(filter(None, (error.message, problems))), error.hint)
