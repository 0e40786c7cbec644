"""Addresses that a credential can be sent to."""

import pytest

from budget_gate.domain.address import safe_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://gateway.example", "https://gateway.example"),
        ("https://gateway.example:1/", "https://gateway.example:1"),
        ("https://gateway.example/~claude!/", "https://gateway.example/~claude!"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_address_is_taken_without_its_last_slash(url: str, address: str) -> None:
    """With https anywhere, with http on this machine; any port but 0 and any printable sign."""
    assert safe_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "https://gateway.example:0",
        "https://gate way.example",
        "https://gateway.example/\x7f",
        "https://-.%41.example",
        "http://gateway.example",
        "ftp://gateway.example",
        "https:///v1",
        "https://user@gateway.example",
        "https://:word@gateway.example",
        "https://gateway.example?a=b",
        "https://gateway.example#a",
    ],
)
def test_what_is_no_address_alone_is_refused(url: str) -> None:
    """Each for one reason: port, signs, host name, scheme, user, password, query or fragment."""
    with pytest.raises(ValueError, match=r"^(must be|contains|has|is|its) "):
        safe_address(url)
