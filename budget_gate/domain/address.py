"""Where the API may be asked: addresses that a credential can be sent to."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f.]*:[0-9a-f:.]+", re.ASCII)
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_NO_HOST: Final = "must be an address with a valid host name"


def safe_address(url: str) -> str:
    """The address without a slash at its end.

    Raises ValueError where it is not https (or http on this machine), or more than an address.
    """
    if not all("!" <= char <= "~" for char in url):
        raise ValueError("contains characters that no address has")
    # The library's own words for what is wrong would repeat it, and it may be a password.
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_NO_HOST) from None
    try:
        is_port = parts.port != 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError("its port is not a number from 1 to 65535")
    if parts.hostname and not _HOST.fullmatch(parts.hostname):
        raise ValueError(_NO_HOST)
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    )
    if not secure or not parts.hostname:
        raise ValueError("must be an https:// address (http:// only for this machine)")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address alone, without user, query or fragment")
    return url.rstrip("/")


def webhook_fault(url: str) -> str:
    """Why nothing can be posted to an address, in words without it; empty where something can.

    As `safe_address`, but that it may have a query, which is often its secret.
    """
    try:
        safe_address(url.partition("?")[0])
    except ValueError as error:
        return str(error) if str(error).startswith("must") else f"is no address: {error}"
    return ""


Address = Annotated[str, AfterValidator(safe_address)]
