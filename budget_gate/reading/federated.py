"""A credential for a job that has no key: it is exchanged for the identity that its CI gives it."""

from collections.abc import Callable
from urllib.parse import urlsplit

from budget_gate.domain.address import safe_address
from budget_gate.domain.federation import Federation
from budget_gate.errors import ConfigurationError
from budget_gate.secrecy import Secrets
from budget_gate.settings import Settings
from budget_gate.sources.http.credentials import NO_CREDENTIAL, Credential
from budget_gate.sources.http.identity import (
    GitHubIdentity,
    GivenIdentity,
    Identity,
    IdentityFile,
    NoIdentity,
)
from budget_gate.sources.http.token_exchange import TokenExchange
from budget_gate.sources.http.transport import Transport


def exchange(
    federation: Federation, settings: Settings, open_transport: Callable[..., Transport]
) -> TokenExchange:
    """What gets the credential by the job's identity token.

    Raises ConfigurationError where the address that the settings ask for that can be none.
    """
    # Its answers hold the credential itself, so that what is blotted out of them is kept apart.
    echoes = Secrets()
    return TokenExchange(
        federation,
        _identity(settings, open_transport),
        open_transport(settings.base_url, NO_CREDENTIAL, secrets=echoes),
        echoes=echoes,
        secrets=settings.secrets,
    )


def _identity(settings: Settings, open_transport: Callable[..., Transport]) -> Identity:
    """What gives this job's identity token: a file, a variable, or GitHub.

    Raises ConfigurationError where the address that is set can be no such thing.
    """
    if settings.identity_file:
        return IdentityFile(settings.identity_file)
    if settings.identity_token:
        return GivenIdentity(settings.identity_token.get_secret_value())
    if not (settings.identity_url and settings.identity_request_token):
        return NoIdentity(settings.in_github_actions)
    address, _, query = settings.identity_url.partition("?")
    try:
        parts = urlsplit(safe_address(address))
    except ValueError as error:
        raise ConfigurationError(
            f"ACTIONS_ID_TOKEN_REQUEST_URL {error}",
            "leave it as GitHub sets it, as a secret is sent there",
        ) from error
    bearer = Credential.of_token(settings.identity_request_token.get_secret_value())
    # A connection of its own: its credential goes to that host and to no other.
    transport = open_transport(f"{parts.scheme}://{parts.netloc}", bearer, secrets=Secrets())
    return GitHubIdentity(transport, parts.path or "/", query)
