"""The use case: policy + spend + now -> report and exit code."""

from collections.abc import Callable

from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy import PolicyFile
from budget_gate.domain.spend import Note, Spend
from budget_gate.domain.verdict import FailOn, OnError, Report, decide, evaluate, unverified
from budget_gate.errors import UnverifiedError


def check(
    file: PolicyFile,
    read_spend: Callable[[], Spend],
    month: MonthToDate,
    *,
    fail_on: FailOn,
    on_error: OnError,
) -> tuple[Report, int]:
    """The report on the month to date, and the exit code: 0, 1 or 3.

    Where `read_spend` raises UnverifiedError the report is `unverified` and says why. Raises
    ConfigurationError where the policy does not fit the organization.
    """
    try:
        spend = read_spend()
    except UnverifiedError as error:
        parts = [part for part in (error.message, error.hint) if part]
        message = " ".join(f"{part[0].upper()}{part[1:]}." for part in parts)
        report = unverified(file.policy, month, (Note("error", error.code, message),))
    else:
        report = evaluate(file, spend, month)
    return decide(report, fail_on, on_error)
