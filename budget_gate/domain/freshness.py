"""How old the numbers of a report are, where their source says how fresh it is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from budget_gate.domain.clock import age_in_words
from budget_gate.domain.notes import Note
from budget_gate.domain.period import DAY, in_words
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.spend_rules import SpendRules
from budget_gate.domain.spend import Coverage
from budget_gate.errors import UnverifiedError

# Where the policy says nothing: spend of which a whole day is missing is no month to date.
_OLDEST: Final = DAY


def oldest(rules: SpendRules | None) -> timedelta:
    """How old numbers may be that are gone by: spend.max_age, or else a day."""
    return (rules and rules.max_age) or _OLDEST


def missing_time(refreshed_at: datetime | None, as_of: datetime) -> timedelta | None:
    """How much time before `as_of` the numbers lack, as they know nothing from a time before on.

    None where they lack none, or where how fresh they are is not known.
    """
    if refreshed_at is None or refreshed_at >= as_of:
        return None
    return as_of - refreshed_at


def too_old(file: PolicyFile | None, at: datetime | None, end: datetime) -> UnverifiedError | None:
    """Why numbers as of `at` are too old to go by at `end`; None where they are not.

    Nor where `at` is None, as nobody can tell.
    """
    rules = file.policy.spend if file else None
    limit, missing = oldest(rules), missing_time(at, end)
    if at is None or missing is None or missing <= limit:
        return None
    place = "without spend.max_age in the policy"
    if file and rules and rules.max_age:
        place = f"spend.max_age, {file.source.file}:{file.source.line('spend', 'max_age')}"
    return UnverifiedError(
        f"the numbers are as of {in_words(at)}: {age_in_words(missing)} are missing, at most "
        f"{age_in_words(limit)} may be ({place})",
        "run the gate again when the API has newer ones, or allow older ones with spend.max_age",
        code="old_numbers",
    )


def missing_hours(file: PolicyFile | None, coverage: Coverage) -> tuple[Note, ...]:
    """A warning where full days were read of which the source does not know all yet.

    Raises UnverifiedError where that is more than the policy allows.
    """
    error = too_old(file, coverage.refreshed_at, coverage.through)
    if error:
        raise error
    at = coverage.refreshed_at
    if at is None or missing_time(at, coverage.through) is None:
        return ()
    message = (
        f"The numbers are as of {in_words(at)}, so the last hours before "
        f"{in_words(coverage.through)} are missing. Read them again later."
    )
    return (Note("warning", "usage_lag", message),)


def unchecked_age(file: PolicyFile, coverage: Coverage) -> Iterator[Note]:
    """That the policy limits the age of numbers whose source does not tell it."""
    if file.policy.spend.max_age and coverage.refreshed_at is None:
        message = (
            "spend.max_age was not checked: the usage report does not say how fresh its numbers "
            "are. Only the usage analytics do, which a key with the scope read:analytics reads."
        )
        yield Note("warning", "age_unchecked", message)
