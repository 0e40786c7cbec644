"""A third party's text, made harmless for the place it goes to."""

import json
import re
from collections.abc import Callable
from typing import Any

NAME_LENGTH = 60


MESSAGE_LENGTH = 600


Escape = Callable[[str], str]


def plain(text: str, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line: no control, no invisible or direction mark, at most `length` long."""
    if len(text) > length:
        text = text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if not text.isprintable():
        shown = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
        text = "".join(shown)
    # GitHub's runner takes `##[` for a command wherever it stands in a line of a log.
    return text.replace("##[", "# #[")


# Everything by which Markdown, HTML, GitHub or a runner's expression would make more of a text.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#+!|~&$^]|:(?=//)|(?<=[wW]{3})\.|@")


def code(text: str) -> str:
    """`text` as a code span that stays one, in a table as well."""
    shown = plain(text, NAME_LENGTH).replace("`", "\N{MODIFIER LETTER PRIME}")
    return f"`{shown.replace('|', chr(0x2502)) or ' '}`"


def prose(text: str) -> str:
    """`text` with everything escaped that is markup, a link or a mention."""
    escaped = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", plain(text))
    # A space without width behind it keeps an @ from making an address or a mention.
    return escaped.replace("&#64;", "&#64;&#8203;")


def dumped(document: dict[str, Any]) -> str:
    """A document as indented ASCII that no log takes for more than text."""
    # GitHub's runner takes `##[` for a command wherever it stands in a line of a log.
    return json.dumps(document, indent=2).replace("##[", "#\\u0023[") + "\n"
