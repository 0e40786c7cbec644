"""Workload identity federation: whose token a job gets, and what its identity says of it."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Final, NamedTuple

from pydantic_core import from_json

from budget_gate.domain.setting_errors import name_of
from budget_gate.errors import ConfigurationError

# Whom GitHub, GitLab and others are to name as the one who is to read an identity token.
AUDIENCE: Final = "https://api.anthropic.com"
# What a rule has to give for the reports that are read here.
SCOPE: Final = "org:admin"
# To paste into a job of GitHub Actions: permissions that are not named are lost.
PERMISSIONS: Final = "permissions: {contents: read, id-token: write}"
# The same of GitLab.
ID_TOKENS: Final = f'id_tokens: {{ANTHROPIC_IDENTITY_TOKEN: {{aud: "{AUDIENCE}"}}}}'

_CLAIMS: Final = ("sub", "aud", "repository", "ref")
_LONGEST_CLAIM: Final = 100
_DOTS: Final = 2
_FORMS: Final = {
    "ANTHROPIC_FEDERATION_RULE_ID": (r"fdrl_[A-Za-z0-9_-]{1,100}", "the rule's id is fdrl_..."),
    "ANTHROPIC_ORGANIZATION_ID": (
        r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        "the organization's id is a UUID",
    ),
    "ANTHROPIC_SERVICE_ACCOUNT_ID": (
        r"svac_[A-Za-z0-9_-]{1,100}",
        "the service account's id is svac_...",
    ),
    "ANTHROPIC_WORKSPACE_ID": (
        r"default|wrkspc_[A-Za-z0-9_-]{1,100}",
        "a workspace's id is wrkspc_..., or default",
    ),
}
_OPTIONAL: Final = "ANTHROPIC_WORKSPACE_ID"


class Federation(NamedTuple):
    """Under which rule, in which organization and as which service account a job may ask.

    A rule of several workspaces needs one of them named, whatever its scope.
    """

    rule: str
    organization: str
    service_account: str
    workspace: str | None = None


def federation_of(
    rule: str | None,
    organization: str | None,
    service_account: str | None,
    workspace: str | None = None,
) -> Federation | None:
    """The federation of these ids; None where none of the first three is given.

    Raises ConfigurationError that names those that are missing, or that can be no such id.
    """
    given = dict(zip(_FORMS, (rule, organization, service_account, workspace), strict=True))
    if not (rule or organization or service_account):
        return None
    if not (rule and organization and service_account):
        names = ", ".join(name_of(it) for it, id_ in given.items() if it != _OPTIONAL and not id_)
        raise ConfigurationError(
            f"three ids are needed to do without a stored key; missing: {names}",
            "set all three ids, or none of them",
        )
    wrong = {
        name_of(variable): form
        for variable, (pattern, form) in _FORMS.items()
        if not re.fullmatch(pattern, given[variable] or "default")
    }
    if wrong:
        raise ConfigurationError(
            f"this is no id of its kind: {', '.join(wrong)}",
            f"copy it from the Console: {'; '.join(wrong.values())}",
        )
    return Federation(rule, organization, service_account, workspace)


def is_identity(text: str) -> bool:
    """Whether a text looks like an identity token: JSON in base64, in three parts."""
    return text.strip().startswith("eyJ") and text.count(".") == _DOTS


def claims_of(token: str) -> str:
    """What an identity token says of a job, for people who compare it with a rule.

    Such as `sub "repo:OWNER/NAME:ref:refs/heads/main", aud "..."`: each quoted, cut where it is
    long, and without any sign that could end the quotation or a line. It is not verified: the
    API does that.
    """
    return ", ".join(_told(token)) or "nothing that can be read"


def _told(token: str) -> Iterator[str]:
    try:
        payload = token.split(".")[1]
        claims = from_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, IndexError):
        return
    if not isinstance(claims, dict):
        return
    for name in _CLAIMS:
        if name not in claims:
            yield f"no {name}"
            continue
        shown = json.dumps(claims[name])
        cut = shown if len(shown) <= _LONGEST_CLAIM else f"{shown[: _LONGEST_CLAIM - 3]}..."
        yield f"{name} {cut}"
