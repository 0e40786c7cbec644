"""What a credential looks like, and what is wrong with one as it was pasted."""

import re
from typing import Final
from urllib.parse import unquote

ADMIN_KEY: Final = "sk-ant-admin"
TOKEN: Final = "sk-ant-oat"  # noqa: S105 - how any OAuth token begins
MESSAGE_KEY: Final = "sk-ant-api"

# Inline flags: most runs need neither, so that nothing is compiled before it is used.
_KEY: Final = r"(?i)sk-ant-\S*"
# In a URL up to the last @, as a password that was not escaped may hold one; or in its query. It
# may hold spaces, and a user's name an @: rather too much is blotted out than a part of it is left.
_PASSWORD: Final = (
    r"(?is)(?P<before>://[^:/]*:)(?P<user>.+)(?=@)|"  # noqa: S105 - where one stands
    r"(?P<name>[?&](?:ssl)?password=)(?P<query>[^&#]+)"
)
_MISSING: Final = (
    "set ANTHROPIC_ADMIN_KEY to an Admin key of the organization (in a workflow: from a secret; a "
    "pull request from a fork has none); without a stored key, set ANTHROPIC_FEDERATION_RULE_ID "
    "and the other two ids"
)
_ONLY_MESSAGE_KEY: Final = (
    f"ANTHROPIC_API_KEY is set, but usage needs an Admin key ({ADMIN_KEY}...): create one in the "
    "Console and set ANTHROPIC_ADMIN_KEY to it"
)

_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d"
# What is pasted along with a key: a header's name, its scheme, or a variable's.
_BEFORE_KEY: Final = re.compile(
    r"(authorization|x-api-key)\s*:|bearer\b|(export\s+)?(anthropic_[a-z_]{1,40})\s*[=:]",
    re.IGNORECASE | re.ASCII,
)


def without_keys(text: str) -> str:
    """`text` with what looks like a key blotted out, and passwords within URLs.

    A name on Windows has a key in capitals.
    """
    return re.sub(_PASSWORD, _blotted, re.sub(_KEY, "***", text))


def passwords_in(url: str) -> list[str]:
    """The passwords within a URL, as they stand there and as they are meant."""
    found = [it["user"] or it["query"] for it in re.finditer(_PASSWORD, url)]
    return [*found, *map(unquote, found)]


def _blotted(found: re.Match[str]) -> str:
    return f"{found['before'] or found['name']}***"


def remedy_for_none(*, has_message_key: bool) -> str:
    """What helps where there is no credential, be it that a key for messages alone is set."""
    return _ONLY_MESSAGE_KEY if has_message_key else _MISSING


def bare(text: str) -> str:
    """A credential without what it was pasted with."""
    return _BEFORE_KEY.sub("", text.strip(_QUOTES)).strip(f"{_QUOTES} ")


def fault_of(text: str) -> tuple[str, str] | None:
    """Why a text that is not empty can be no credential, and the remedy; None where it may be one.

    Neither shows the text.
    """
    before = _BEFORE_KEY.match(text)
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        return "is in quotes", "paste the key without them"
    if before:
        return f"begins with {before[0].strip()!r}", "paste the key alone"
    if not text.isascii() or not all(" " < char <= "~" for char in text):
        return "contains characters that no credential has", "paste the key again"
    return None
