"""The ids of federation, and what an identity token says of itself."""

import base64

import pytest

from budget_gate.domain.federation import Federation, claims_of, federation_of
from budget_gate.errors import ConfigurationError
from tests.helpers.wording import assert_says
from tests.world.identity import signed

RULE, ORGANIZATION, ACCOUNT = (
    "fdrl_01EXAMPLE",
    "11111111-2222-4333-8444-555555555555",
    "svac_01EXAMPLE",
)


def test_without_an_id_there_is_no_federation() -> None:
    """A workspace alone is another client's setting."""
    assert federation_of(None, None, None) is None
    assert federation_of(None, None, None, "wrkspc_01EXAMPLE") is None


@pytest.mark.parametrize("workspace", [None, "default", "wrkspc_01EXAMPLE"])
def test_three_ids_are_a_federation(workspace: str | None) -> None:
    """And the workspace is as it is given."""
    expected = Federation(RULE, ORGANIZATION, ACCOUNT, workspace)
    assert federation_of(RULE, ORGANIZATION, ACCOUNT, workspace) == expected


def test_each_id_that_is_missing_is_named() -> None:
    """By its input and its variable."""
    with pytest.raises(ConfigurationError) as raised:
        federation_of(None, ORGANIZATION, None)
    assert_says(
        raised.value.message,
        "federation-rule (ANTHROPIC_FEDERATION_RULE_ID)",
        "service-account (ANTHROPIC_SERVICE_ACCOUNT_ID)",
    )
    assert "ORGANIZATION" not in raised.value.message


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        ((f"{RULE}\n", ORGANIZATION, ACCOUNT, None), "federation-rule"),
        (("fdrl_", ORGANIZATION, ACCOUNT, None), "federation-rule"),
        ((RULE, ORGANIZATION.replace("-", ""), ACCOUNT, None), "organization-id"),
        ((RULE, ORGANIZATION, "svac_\u0661", None), "service-account"),
        ((RULE, ORGANIZATION, ACCOUNT, "DEFAULT"), "ANTHROPIC_WORKSPACE_ID"),
    ],
)
def test_an_id_of_another_form_is_named(ids: tuple[str, str, str, str | None], named: str) -> None:
    """It stands in a request otherwise."""
    with pytest.raises(ConfigurationError) as raised:
        federation_of(*ids)
    assert_says(raised.value.message, named)


def test_the_claims_are_those_that_a_rule_is_about() -> None:
    """In one order, each quoted; one that is not there is said to be missing."""
    token = signed({"ref": "refs/heads/main", "aud": "A", "sub": "S", "actor": "not shown"})
    assert claims_of(token) == 'sub "S", aud "A", no repository, ref "refs/heads/main"'


@pytest.mark.parametrize("length", [98, 99])
def test_a_long_claim_is_cut(length: int) -> None:
    """At a hundred signs, its quotation marks among them."""
    told = claims_of(signed({"sub": "x" * length})).partition(", ")[0]
    assert told == ('sub "' + "x" * 98 + '"' if length == 98 else 'sub "' + "x" * 96 + "...")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b.c",
        "a.W10.c",
        "a.MQ.c",
        "a.bnVsbA.c",
        "a.InN1YiI.c",
        "\u20ac.\u20ac.\u20ac",
    ],
)
def test_what_is_no_token_has_no_claims(token: str) -> None:
    """As with other systems, whose tokens only they can read; `W10` and the others are JSON, but no object."""
    assert claims_of(token) == "nothing that can be read"


def test_claims_that_nest_without_end_are_none() -> None:
    """Whoever signs the token may write anything."""
    payload = base64.urlsafe_b64encode(b"[" * 10_000).decode().rstrip("=")
    assert claims_of(f"a.{payload}.c") == "nothing that can be read"
