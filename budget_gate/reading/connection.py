"""The way to the API: who asks, whose organization it is, and whether the clocks agree."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Final

from budget_gate.domain.clock import blame_clock, check_clock, check_fixed_time
from budget_gate.domain.credential import remedy_for_none
from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.errors import UnverifiedError
from budget_gate.settings import Settings
from budget_gate.sources.api.organization import read_identity
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.transport import Transport

# How the API takes a period that has yet to come.
_BY_CLOCK: Final = ("http_400", "malformed_answer")


def connect(settings: Settings, clock: Callable[[], datetime]) -> Transport | None:
    """The way to the API; None where there is no credential.

    Raises ConfigurationError where what is set can be none.
    """
    settings.check_credentials()
    secret = settings.admin_key or settings.auth_token
    if secret is None:
        return None
    given = Credential.of_key if settings.admin_key else Credential.of_token
    return Transport(
        settings.base_url,
        given(secret.get_secret_value()),
        deadline=settings.deadline,
        secrets=settings.secrets,
        certificates=settings.certificates,
        clock=clock,
    )


def needed(transport: Transport | None, settings: Settings) -> Transport:
    """The way to the API; raises UnverifiedError where there is none."""
    if transport is None:
        hint = remedy_for_none(has_message_key=settings.has_message_key)
        raise UnverifiedError("no credential found", hint, code="no_credential")
    return transport


def start_identifying(
    transport: Transport | None, settings: Settings, file: PolicyFile
) -> Callable[[], str | None]:
    """Asks whose the credential is, where anything goes by that: a policy, a report or a history.

    The function gives the organization's id, or None where that was not asked for, and raises
    UnverifiedError where the API does not tell it.
    """
    kept = settings.report or settings.last_report or settings.names_from
    is_needed = file.policy.organization or kept
    if transport is None or not is_needed:
        return lambda: None
    pending = transport.start(partial(read_identity, transport))
    return lambda: pending.result()[0]


@contextmanager
def suspecting_clock(
    now: datetime, transport: Transport, month: MonthToDate, *, named: object = None
) -> Iterator[None]:
    """Has an answer that is an error blamed on the local clock where that may be the cause.

    `named` is what sets the time to judge at, None where the clock does.
    """
    try:
        yield
    except UnverifiedError as error:
        if error.code in _BY_CLOCK and named is None:
            blame_clock(now, transport.clock_difference)
        elif error.code in _BY_CLOCK:
            check_fixed_time(month, now, transport.clock_difference)
        raise


def time_notes(
    settings: Settings, month: MonthToDate, now: datetime, transport: Transport
) -> Iterator[Note]:
    """What there is to know of the time; raises UnverifiedError where the clock is wrong."""
    if settings.fixed_time is None:
        yield from check_clock(now, transport.clock_difference)
        return
    yield from check_fixed_time(month, now, transport.clock_difference)
    if month.open and month.open.end != month.as_of:
        message = "The report is by the hour, so the hour of as-of counts whole."
        yield Note("info", "whole_hour", message)
