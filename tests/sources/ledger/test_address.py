"""The URL of a Redis: which are taken, and that no error and no name shows its password."""

import pytest

from budget_gate.errors import ConfigurationError
from budget_gate.sources.ledger.address import read_address


@pytest.mark.parametrize(
    ("url", "name", "options"),
    [
        ("redis://cache", "redis://cache:6379/0", {"host": "cache", "port": 6379, "db": 0}),
        ("redis://cache:7000/3", "redis://cache:7000/3", {"port": 7000, "db": 3}),
        (
            "redis://app:s%40cret%2F@cache",
            "redis://cache:6379/0",
            {"username": "app", "password": "s@cret/"},
        ),
        ("redis://:EXAMPLE@[::1]:7000", "redis://[::1]:7000/0", {"host": "::1", "username": None}),
        ("rediss://cache", "rediss://cache:6379/0", {"ssl": True, "ssl_check_hostname": True}),
        (
            "rediss://cache?ssl_cert_reqs=none",
            "rediss://cache:6379/0",
            {"ssl_cert_reqs": "none", "ssl_check_hostname": False},
        ),
        (
            "unix:///run/redis.sock",
            "unix:///run/redis.sock",
            {"unix_socket_path": "/run/redis.sock"},
        ),
        ("redis://cache?socket_timeout=0.5", "redis://cache:6379/0", {"socket_timeout": 0.5}),
    ],
)
def test_urls_that_are_taken(url: str, name: str, options: dict[str, object]) -> None:
    """Host, port, database, user, password, TLS and time limits are read as they are written."""
    address = read_address(url)

    assert address.name == name
    assert {key: address.options[key] for key in options} == options


def test_nothing_waits_for_ever() -> None:
    """Without a time limit in the URL it is 5 seconds, to connect and to answer."""
    options = read_address("redis://cache").options

    assert options["socket_timeout"] == options["socket_connect_timeout"] == 5


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cache:6379",
        "http://:SECRETPART@cache",
        "redis://",
        "redis://:SECRETPART@",
        "redis://:SECRET@PART@cache",
        "redis://:SECRET/PART@cache",
        "redis://:SECRET#PART@cache",
        "redis://:SECRET?PART@cache",
        "redis://cache:SECRETPART",
        "redis://:SECRETPART@cache/name",
        "redis://:SECRETPART@cache?password=SECRETPART",
        "redis://:SECRETPART@cache?ssl_ca_certs=ca.pem",
        "redis://:SECRETPART@cache?socket_timeout=0",
        "redis://:SECRETPART@cache?socket_timeout=long",
        "rediss://:SECRETPART@cache?ssl_cert_reqs=maybe",
        "rediss://:SECRETPART@cache?ssl_ca_certs=",
        "unix://",
        "unix://host/run/redis.sock",
        "redis://[::1",
    ],
)
def test_urls_that_are_refused_are_not_shown(url: str) -> None:
    """Each has one clear error with a remedy, in which no part of a password stands."""
    with pytest.raises(ConfigurationError) as caught:
        read_address(url)

    assert caught.value.hint
    assert "SECRET" not in caught.value.told
    assert "PART" not in caught.value.told.replace("PASSWORD", "")


def test_a_password_is_hidden_as_it_stands_and_as_it_is_meant() -> None:
    """Whatever repeats it, and however it was encoded, it is blotted out."""
    address = read_address("redis://app:s%40cret@cache")

    assert address.hide("no s@cret and no s%40cret") == "no *** and no ***"
    assert "cret" not in repr(address)
