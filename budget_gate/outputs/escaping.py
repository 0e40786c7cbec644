"""A third party's text, made harmless for the place it goes to."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

NAME_LENGTH: Final = 60
MESSAGE_LENGTH: Final = 600

Escape = Callable[[str], str]

# GitHub's runner takes this for a command wherever it stands in a line of a log, and `::` where a
# line begins with it: whatever goes to a log passes one of the functions below.
_COMMAND: Final = "##["

# Everything by which Markdown, HTML, GitHub or a runner's expression would make more of a text.
_MARKUP: Final = r"[\\`*_{}\[\]<>#+!|~&$^]|:(?=//)|(?<=[wW]{3})\.|@"


def plain(text: str, length: int = MESSAGE_LENGTH) -> str:
    """`text` on one line: no control, no invisible or direction mark, at most `length` long.

    It is for the midst of a line: see `logged` for what may begin one.
    """
    if len(text) > length:
        text = text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if not text.isprintable():
        shown = (char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
        text = "".join(shown)
    return text.replace(_COMMAND, "# #[")


def logged(text: str, length: int = 2000) -> str:
    """`text` as `plain` has it, which may begin a line of a log."""
    return guarded(plain(text, length))


def guarded(line: str) -> str:
    """A line of plain text that no runner takes for a command."""
    return f"'{line}" if line.lstrip().startswith("::") else line


def logged_name(text: str) -> str:
    """A name as `logged` has it, cut where it is long."""
    return logged(text, NAME_LENGTH)


def command(name: str, text: str, **properties: str) -> str:
    """A command to GitHub's runner, of which neither `text` nor a property can make another."""
    named = ",".join(
        f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
    )
    return f"::{f'{name} {named}' if named else name}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def code(text: str) -> str:
    """`text` as a code span of Markdown that stays one, in a table as well."""
    shown = plain(text, NAME_LENGTH).replace("`", "\N{MODIFIER LETTER PRIME}")
    return f"`{shown.replace('|', chr(0x2502)) or ' '}`"


def prose(text: str) -> str:
    """`text` for Markdown, with everything escaped that is markup, a link or a mention."""
    escaped = re.sub(_MARKUP, lambda found: f"&#{ord(found[0])};", plain(text))
    # A space without width behind it keeps an @ from making an address or a mention.
    return escaped.replace("&#64;", "&#64;&#8203;")


def dumped(value: Any, *, indent: int | None = None) -> str:
    """`value` as ASCII JSON."""
    return json.dumps(value, indent=indent).replace(_COMMAND, "#\\u0023[")


def quoted(text: str) -> str:
    """`text` in the quotes of YAML, as every reader takes it for this text."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable() and character != _COMMAND[-1]:
        return character
    return f"\\U{ord(character):08X}"
