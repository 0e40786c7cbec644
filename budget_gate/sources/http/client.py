"""The client of one address, and why it has no connection: the address, proxies, certificates."""

import ssl
from typing import Final
from urllib.request import getproxies

import httpx

from budget_gate import __version__
from budget_gate.errors import ConfigurationError, UnverifiedError

# What the environment may name a proxy for.
_PROXIED: Final = ("http", "https", "all")
_LAST_PORT: Final = 65535


def open_client(
    base_url: str, certificates: str | None, http: httpx.BaseTransport | None
) -> httpx.Client | UnverifiedError:
    """A client that says who it is to `base_url`, or the error of asking anything.

    `certificates` is what SSL_CERT_FILE names. Raises ConfigurationError where `base_url` is no
    address.
    """
    try:
        is_loopback = httpx.URL(base_url).scheme == "http"
    except (ValueError, httpx.InvalidURL) as error:
        raise no_address(error) from error
    try:
        if not is_loopback:
            for scheme in _PROXIED:
                _check_port(_proxy(scheme))
        return httpx.Client(
            base_url=base_url,
            headers={
                "anthropic-version": "2023-06-01",
                "user-agent": f"budget-gate/{__version__}",
                "accept": "application/json",
                "accept-encoding": "gzip",
            },
            # A redirect would carry the key to wherever it points.
            follow_redirects=False,
            # Plain http is for this machine alone: never through a proxy, and without TLS.
            trust_env=not is_loopback,
            verify=not is_loopback,
            transport=http,
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        # The runner is at fault and not the policy: it is told where something is asked for.
        return _obstacle(error, certificates)


def no_address(error: Exception) -> ConfigurationError:
    """The error of a base URL that no request can be made to."""
    return ConfigurationError(
        f"ANTHROPIC_BASE_URL is no address: {error}", "correct it, or leave it empty"
    )


def _obstacle(error: Exception, certificates: str | None) -> UnverifiedError:
    """Which variable of the runner leaves no connection: a proxy is not shown, for its password."""
    if isinstance(error, OSError):
        name, what, hint = "SSLKEYLOGFILE", "names a file that cannot be written", "unset it"
        try:
            if certificates:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificates)
        except OSError as unreadable:
            name, what = "SSL_CERT_FILE", f"names {certificates}: {unreadable.strerror}"
            hint = "name a PEM file that holds the CAs to trust, or unset it"
    else:
        name, what = "NO_PROXY (or no_proxy)", "is no list of hosts"
        hint = "write names or addresses with commas between them and no brackets, or unset it"
        for scheme in _PROXIED:
            address = _proxy(scheme)
            try:
                _check_port(address)
                httpx.Client(proxy=address).close()
            except (ImportError, ValueError, httpx.InvalidURL):
                name, what = f"{scheme.upper()}_PROXY (or {scheme}_proxy)", "is no usable proxy"
                hint = "write http://HOST:PORT (SOCKS is not supported), or unset it"
    return UnverifiedError(f"no connection can be made: {name} {what}", hint, code="runner")


def _proxy(scheme: str) -> str:
    """The address of the environment's proxy for that scheme; of none where it names none."""
    address = getproxies().get(scheme) or "http://unset"
    return address if "://" in address else f"http://{address}"


def _check_port(address: str) -> None:
    """Raises ValueError for a port that does not exist, in place of which another is tried."""
    if (httpx.URL(address).port or 0) > _LAST_PORT:
        raise ValueError("there is no such port")


def _proxy_variables() -> str:
    """The variables by which https finds its way through a proxy, those that are set."""
    found = getproxies()
    names = [f"{each.upper()}_PROXY" for each in ("https", "all", "no") if found.get(each)]
    return ", ".join(names) or "the proxy"


def failed(asked: str, error: httpx.RequestError) -> UnverifiedError:
    """What ended a request without a whole answer, and what helps."""
    if isinstance(error, httpx.TimeoutException):
        return UnverifiedError(
            "no answer came in time",
            "try again; if it stays so, see the API's status page",
            asked,
            code="timeout",
        )
    trace = f"{asked}: {str(error) or type(error).__name__}"
    if is_untrusted(error):
        return UnverifiedError(
            "the certificate does not verify",
            "where a proxy or gateway signs with a CA of its own, set SSL_CERT_FILE to a "
            "PEM file that holds that CA; where the certificate is out of its dates, check "
            "the clock",
            trace,
            code="certificate",
        )
    return UnverifiedError(
        "the connection failed",
        "the API may be down: run the gate again later; if it stays so, check the network, "
        f"{_proxy_variables()} and ANTHROPIC_BASE_URL",
        trace,
        code="connection",
    )


def is_untrusted(error: BaseException | None) -> bool:
    """Whether an error comes from a certificate that does not verify."""
    while error and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
