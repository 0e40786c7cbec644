"""The credential that a job gets for its identity: an access token that lasts some minutes."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final

from budget_gate.domain.federation import AUDIENCE, SCOPE, Federation, claims_of
from budget_gate.errors import UnverifiedError
from budget_gate.secrecy import Secrets
from budget_gate.sources.http.answers import RefusedError
from budget_gate.sources.http.credentials import Credential
from budget_gate.sources.http.identity import Identity
from budget_gate.sources.http.transport import Pending, Transport

ROUTE: Final = "/v1/oauth/token"
REFUSED: Final = "token_exchange_refused"

_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_BETA: Final = "oauth-2025-04-20"  # noqa: S105 - the name of a beta
_EXCHANGE_BETA: Final = f"{_TOKEN_BETA},oidc-federation-2026-04-01"
_REFUSALS: Final = (400, 401, 403)

# Seconds before its end at which a token is renewed; half its time where that is less, as some
# last a minute, and none is to be asked for with each request.
_MARGIN: Final = 60.0
_LONGEST: Final = 10.0**9
_LONGEST_TOKEN: Final = 16 * 1024
_LONGEST_SCOPE: Final = 100


@dataclass(frozen=True, slots=True)
class _AccessToken:
    """A token, the time at which another is to be asked for, and that at which it ends."""

    credential: Credential
    renew_at: float
    ends_at: float


class TokenExchange:
    """Exchanges the identity token for an access token, which stands in memory alone.

    `transport` asks the API without a credential, and blots `echoes` out of its answers; whatever
    is secret is hidden in `secrets`, those of the run. `now` is in monotonic seconds.
    """

    def __init__(
        self,
        federation: Federation,
        identity: Identity,
        transport: Transport,
        *,
        echoes: Secrets,
        secrets: Secrets,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._federation = federation
        self.identity = identity
        self._transport = transport
        self._echoes = echoes
        self._secrets = secrets
        self._now = now
        self._lock = Lock()
        self._pending: Pending[_AccessToken] | None = None
        self._assertion = ""
        self._used = ""

    def current(self, refused: Credential | None = None) -> Credential:
        """The token while it lasts and is not refused; another from then on.

        Raises UnverifiedError where none can be had, at once once that was so: the reason stays.
        """
        with self._lock:
            pending = self._pending
            if pending is None:
                pending = self._transport.start(lambda: self._exchanged(None))
            elif pending.is_done:
                token = pending.result()
                is_refused = refused == token.credential
                if is_refused or self._now() > token.renew_at:
                    kept = None if is_refused else token
                    pending = self._transport.start(lambda: self._exchanged(kept))
            self._pending = pending
        return pending.result().credential

    def _exchanged(self, kept: _AccessToken | None) -> _AccessToken:
        """Another token, or the one to be `kept` while that lasts and no other can be had."""
        if kept is None or self._now() >= kept.ends_at:
            return self._exchange()
        with suppress(UnverifiedError):
            # What was exchanged is used up, and would only be refused.
            if self.identity.is_renewable or self.identity.token() != self._assertion:
                return self._exchange()
        return replace(kept, renew_at=kept.ends_at)

    def _exchange(self) -> _AccessToken:
        began = self._now()
        # What can be exchanged once must not be sent twice.
        body = self._body if self.identity.is_renewable else self._body()
        if self._assertion and self._assertion == self._used:
            raise self._used_up()
        try:
            answer = self._transport.post(ROUTE, body, beta=_EXCHANGE_BETA)
        except RefusedError as error:
            if error.status not in _REFUSALS:
                raise
            raise self._refusal(error) from error
        token, seconds, scope = _read(answer)
        self._used = "" if self.identity.is_renewable else self._assertion
        self._secrets.hide(token)
        headers = {"authorization": f"Bearer {token}", "anthropic-beta": _TOKEN_BETA}
        credential = Credential(token, headers, self._remedies(scope))
        ends_at = began + seconds
        return _AccessToken(credential, ends_at - min(_MARGIN, seconds / 2), ends_at)

    def _body(self) -> dict[str, str]:
        """What to exchange now."""
        assertion = self._assertion = self.identity.token()
        for secrets in (self._echoes, self._secrets):
            secrets.hide(assertion)
        ids = self._federation
        workspace = {"workspace_id": ids.workspace} if ids.workspace else {}
        return {
            "grant_type": _GRANT,
            "assertion": assertion,
            "federation_rule_id": ids.rule,
            "organization_id": ids.organization,
            "service_account_id": ids.service_account,
            **workspace,
        }

    def _refusal(self, error: RefusedError) -> UnverifiedError:
        """What to check, as the API does not say why it refuses an identity."""
        ids = self._federation
        given = f"; the identity token has to be for {AUDIENCE} and new: good for one exchange"
        once = "" if self.identity.is_renewable else given
        workspace = "; one with several workspaces needs ANTHROPIC_WORKSPACE_ID"
        hint = (
            f"the Console says why (Workload identity, History); check the rule {ids.rule}: its "
            f"subject, its audience, its scope {SCOPE}, its service account and its organization"
            f"{'' if ids.workspace else workspace}{once}"
        )
        claims = self._secrets.without(claims_of(self._assertion))
        return UnverifiedError(
            f"the API refused the identity token of {self.identity.origin} ({error.status})",
            hint,
            f"the identity token says: {claims}; {error.trace}",
            code=REFUSED,
        )

    def _used_up(self) -> UnverifiedError:
        """Why there is no second access token, and what helps."""
        return UnverifiedError(
            "the access token has ended or is refused, and there is no other: the identity token "
            f"of {self.identity.origin} is good for one exchange",
            "run the job again; if it stays so, check that the service account of the rule "
            f"{self._federation.rule} is active, and the token lifetime of the rule",
            code=REFUSED,
        )

    def _remedies(self, scope: str) -> dict[int, str]:
        """What helps where the API refuses a token that it has just given."""
        rule = self._federation.rule
        given = scope if len(scope) <= _LONGEST_SCOPE else f"{scope[: _LONGEST_SCOPE - 3]}..."
        told = f", and gives {json.dumps(given)}" if scope else ""
        return {
            401: f"the token is new: check that the service account of the rule {rule} is active",
            403: f"the rule {rule} has to give the scope {SCOPE}{told}: change it in the Console",
        }


def _read(answer: Any) -> tuple[str, float, str]:
    """The access token, for how many seconds it lasts, and its scope, empty where not told.

    Raises UnverifiedError, which shows nothing of the answer, where that is none.
    """
    match answer:
        case {"access_token": str(token), "expires_in": int() | float() as seconds}:
            is_bearer = str(answer.get("token_type", "bearer")).lower() == "bearer"
            is_token = 0 < len(token) <= _LONGEST_TOKEN and all(
                "!" <= char <= "~" for char in token
            )
            lasts = not isinstance(seconds, bool) and 0 < seconds < _LONGEST
            if is_bearer and is_token and lasts:
                return token, float(seconds), str(answer.get("scope") or "")
    raise UnverifiedError(
        "the API gave no access token for the identity token: its answer is malformed",
        "check what answers at ANTHROPIC_BASE_URL",
        f"POST {ROUTE}",
        code="malformed_answer",
    )
