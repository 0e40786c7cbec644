"""Where the API may be asked: addresses that a credential can be sent to."""

import re
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f.]*:[0-9a-f:.]+", re.ASCII)
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def safe_address(url: str) -> str:
    """The address without a slash at its end.

    Raises ValueError where it is not https (or http on this machine), or more than an address.
    """
    if not all("!" <= char <= "~" for char in url):
        raise ValueError("contains characters that no address has")
    parts = urlsplit(url)
    if parts.port == 0 or (parts.hostname and not _HOST.fullmatch(parts.hostname)):
        raise ValueError("must be an address with a valid host name")
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    )
    if not secure or not parts.hostname:
        raise ValueError("must be an https:// address (http:// only for this machine)")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address alone, without user, query or fragment")
    return url.rstrip("/")
