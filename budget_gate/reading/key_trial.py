"""Which credential a run has, and whether each of two keys works, for the command `doctor`."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from budget_gate.domain.credential_health import (
    both_keys_work,
    check_credential,
    federated,
    first_key_refused,
    next_key_fails,
    read_only,
    same_key_twice,
)
from budget_gate.domain.health import Finding
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.usage import Usage
from budget_gate.errors import UnverifiedError
from budget_gate.reading.connection import connect
from budget_gate.settings import Settings
from budget_gate.sources.api.organization import read_identity
from budget_gate.sources.api.usage_report import read_history
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import RotatingKeys
from budget_gate.sources.http.token_exchange import TokenExchange
from budget_gate.sources.http.transport import Transport


def known_credential(settings: Settings, transport: Transport | None) -> Finding:
    """What can be said of the credential before the API is asked."""
    if settings.federation and transport and isinstance(transport.credential, TokenExchange):
        return federated(settings.federation, transport.credential.identity.origin)
    is_first = settings.admin_key is not None
    key, token = (
        secret.get_secret_value() if secret else None
        for secret in (settings.admin_key or settings.admin_key_next, settings.auth_token)
    )
    found = check_credential(
        key,
        token,
        has_message_key=settings.has_message_key,
        is_usual_address=settings.other_address is None,
        key_variable="ANTHROPIC_ADMIN_KEY" if is_first else "ANTHROPIC_ADMIN_KEY_NEXT",
    )
    if not settings.federation_rule:
        return found
    unused = "ANTHROPIC_FEDERATION_RULE_ID is set as well, and not used"
    return found._replace(message=f"{found.message}; {unused}")


def proven(credential: Finding, usage: Usage) -> Finding:
    """The same once usage was read: a read-only key may begin like one for messages."""
    is_doubted = credential.level == "warning"
    return read_only() if is_doubted and usage.coverage.refreshed_at else credential


def try_keys(
    settings: Settings, transport: Transport, clock: Callable[[], datetime], month: MonthToDate
) -> Iterator[Finding]:
    """Whether each of two keys works, once usage was read by `transport` with one of them."""
    keys = transport.credential
    if not isinstance(keys, RotatingKeys):
        return
    if keys.are_same:
        yield same_key_twice()
        return
    if keys.is_first_refused:
        yield first_key_refused()
        return
    alone = {"admin_key": settings.admin_key_next, "admin_key_next": None}
    other = connect(settings.model_copy(update=alone), clock)
    if other is None:
        return
    try:
        other.start(partial(read_history, other, month.last_days(1))).result()
        yield both_keys_work(*(_organization(each) for each in (transport, other)))
    except UnverifiedError as error:
        yield next_key_fails(error)


def _organization(transport: Transport) -> str:
    """The id of the organization; empty where a gateway or the key does not get to know it."""
    try:
        return transport.start(partial(read_identity, transport)).result()[0]
    except RefusedError as error:
        if error.is_not_found or error.is_forbidden:
            return ""
        raise
