"""What can be told of a policy by its file alone, without any spend."""

from collections.abc import Iterator
from typing import NamedTuple

from budget_gate.domain.bounds import ZERO
from budget_gate.domain.budget_health import check_caps
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.caps import Caps, caps_in_force, expired, large, regular_caps
from budget_gate.domain.policy.comparison import Change, compare
from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.price_comparison import kinds_of_usage
from budget_gate.domain.prices.book import PriceBook
from budget_gate.domain.prices.pricing import below_list_note, discount_notes, free_note
from budget_gate.domain.verdict.report import Report


class Base(NamedTuple):
    """The policy that another one is to replace, by the name of its file.

    Where it cannot be compared with, `policy` is None and `reason` says why, as a sentence.
    """

    file: str
    policy: Policy | None
    reason: str = ""


class PolicyCheck(NamedTuple):
    """A policy that is valid, of which `report` knows no spend.

    `changes` are those against the policy in the file `base`; None where there is none to compare
    with.
    """

    report: Report
    budgets: int
    base: str | None = None
    changes: tuple[Change, ...] | None = None


def check_policy(
    file: PolicyFile, month: MonthToDate, book: PriceBook, base: Base | None = None
) -> PolicyCheck:
    """What there is to say of a policy by itself, and against the one that it is to replace.

    `book` is that of the list prices. Raises ConfigurationError where the policy's exceptions do
    not fit its budgets.
    """
    policy = file.policy
    caps = caps_in_force(file, month)
    report = Report(
        status="unchecked",
        enforced=False,
        as_of=month.as_of,
        period=month.period,
        spend=None,
        cap=caps.of("global"),
        basis=policy.spend.basis,
        notes=tuple(_notes(policy, caps, month, book)),
    )
    checked = PolicyCheck(report, sum(1 for _ in policy.budgets()))
    if base is None:
        return checked
    if base.policy is None:
        note = Note("warning", "not_compared", base.reason)
        report = report._replace(notes=(note, *report.notes))
        return checked._replace(report=report, base=base.file)
    changes = compare(base.policy, file, book, month.day)
    return checked._replace(base=base.file, changes=changes)


def _notes(policy: Policy, caps: Caps, month: MonthToDate, book: PriceBook) -> Iterator[Note]:
    own = book.with_policy(policy.prices)
    yield from discount_notes(own)
    kinds = (key for model in policy.prices.models for key in kinds_of_usage(model, month.day))
    yield from below_list_note(own, kinds)
    yield from free_note(own)
    regular = regular_caps(policy)
    raised = caps.exceptions.items()
    yield from large((key, it.cap, regular.of(key) or ZERO) for key, it in raised)
    yield from expired(policy, month.day)
    finding = check_caps(policy, None, ())
    if finding.level == "warning":
        parts = (f"{part[0].upper()}{part[1:]}." for part in (finding.message, finding.remedy))
        yield Note("warning", "caps_above_global", " ".join(parts))
