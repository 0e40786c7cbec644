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
from budget_gate.sources.http.credentials import (
    Credential,
    CredentialSource,
    RotatingKeys,
)
from budget_gate.sources.http.transport import Transport

# How the API takes a period that has yet to come.
_BY_CLOCK: Final = ("http_400", "malformed_answer")


def connect(settings: Settings, clock: Callable[[], datetime]) -> Transport | None:
    """The way to the API; None where there is no credential.

    Raises ConfigurationError where what is set can be none.
    """
    settings.check_credentials()
    open_transport = partial(
        Transport, deadline=settings.deadline, certificates=settings.certificates, clock=clock
    )
    source = _source(settings, open_transport)
    if source is None:
        return None
    return open_transport(settings.base_url, source, secrets=settings.secrets)


def _source(
    settings: Settings, open_transport: Callable[..., Transport]
) -> CredentialSource | None:
    """What gives the credential of each request: a key or a token that is set, else federation."""
    first, second, token = (
        secret and secret.get_secret_value()
        for secret in (settings.admin_key, settings.admin_key_next, settings.auth_token)
    )
    if first and second:
        return RotatingKeys(first, second)
    if key := first or second:
        return Credential.of_key(key)
    if token:
        return Credential.of_token(token)
    if settings.federation is None:
        return None
    # Needed in a job without a key alone.
    from budget_gate.reading.federated import exchange

    return exchange(settings.federation, settings, open_transport)


class MixedKeysError(UnverifiedError):
    """One key died while the other one went on: they may be of two organizations."""

    def __init__(self) -> None:
        super().__init__(
            "the API refused the key in ANTHROPIC_ADMIN_KEY after it had answered with it, so that "
            "what was read may be of two organizations",
            "run this again: ANTHROPIC_ADMIN_KEY_NEXT then reads all of it",
            code="mixed_keys",
        )


def refuse_mixed_keys(transport: Transport) -> None:
    """Raises MixedKeysError where some of what was read came by one key and some by the other."""
    keys = transport.credential
    if not isinstance(keys, RotatingKeys) or not keys.is_first_refused:
        return
    if any(map(keys.is_first, transport.taken)):
        raise MixedKeysError


def key_notes(transport: Transport) -> Iterator[Note]:
    """What there is to say of two keys once all was read with them; raises MixedKeysError."""
    keys = transport.credential
    if not isinstance(keys, RotatingKeys):
        return
    refuse_mixed_keys(transport)
    if keys.are_same:
        message = "ANTHROPIC_ADMIN_KEY and ANTHROPIC_ADMIN_KEY_NEXT hold the same key."
        yield Note("warning", "same_key_twice", message)
    elif keys.is_first_refused:
        message = (
            "The API refused the key in ANTHROPIC_ADMIN_KEY (401), so the one in "
            "ANTHROPIC_ADMIN_KEY_NEXT was used: move it to ANTHROPIC_ADMIN_KEY, and leave "
            "ANTHROPIC_ADMIN_KEY_NEXT empty."
        )
        yield Note("warning", "first_key_refused", message)
    else:
        message = (
            "ANTHROPIC_ADMIN_KEY_NEXT is set, and the key in ANTHROPIC_ADMIN_KEY still works: "
            "once budget-gate doctor shows that the next one works too, retire the first one."
        )
        yield Note("warning", "first_key_works", message)


def needed(transport: Transport | None, settings: Settings) -> Transport:
    """The way to the API; raises UnverifiedError where there is none."""
    if transport is None:
        hint = remedy_for_none(has_message_key=settings.has_message_key)
        raise UnverifiedError("no credential found", hint, code="no_credential")
    return transport


def start_identifying(
    transport: Transport | None, settings: Settings, file: PolicyFile
) -> Callable[[], str | None]:
    """Asks whose the credential is, where a policy, a report, a history or a ledger goes by that.

    The function gives the organization's id, or None where that was not asked for, and raises
    UnverifiedError where the API does not tell it.
    """
    kept = settings.report or settings.last_report or settings.names_from or settings.ledger
    is_needed = file.policy.organization or kept
    if transport is None or not is_needed:
        return lambda: None
    pending = transport.start(partial(read_identity, transport))

    def identify() -> str | None:
        keys, asked = transport.credential, pending
        # What a key said that has died since is not whose the numbers of the other one are.
        if isinstance(keys, RotatingKeys) and keys.is_first_refused:
            asked = transport.start(partial(read_identity, transport))
        return asked.result()[0]

    return identify


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
