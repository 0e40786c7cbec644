"""What Slack would make of a message: what it refuses, and what it shows, by its documented rules.

Written from Slack's reference alone (docs.slack.dev: Block Kit blocks, text objects, formatting of
message text, incoming webhooks), and stricter than Slack where that leaves something open.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

MOST_BLOCKS: Final = 50
# Of one text, which has at least one character.
MOST_TEXT: Final = 3000
MOST_HEADER: Final = 150
MOST_FIELD: Final = 2000
MOST_FIELDS: Final = 10
MOST_ELEMENTS: Final = 10
# Of all texts together: not in the reference, but answered as msg_blocks_too_long from about there.
MOST_TOGETHER: Final = 12_000
# Slack advises so many for the text beside the blocks.
MOST_FALLBACK: Final = 4000

_KEYS: Final = {
    "header": {"type", "text", "block_id", "level"},
    "section": {"type", "text", "block_id", "fields", "accessory", "expand"},
    "context": {"type", "elements", "block_id"},
    "divider": {"type", "block_id"},
}
_TEXT_KEYS: Final = {
    "plain_text": {"type", "text", "emoji"},
    "mrkdwn": {"type", "text", "verbatim"},
}
_MESSAGE_KEYS: Final = {"text", "blocks", "mrkdwn", "unfurl_links", "unfurl_media"}
_ENTITIES: Final = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_STYLES: Final = {"*": "bold", "_": "italic", "~": "strike"}

_EMOJI: Final = re.compile(r":[a-z0-9_+'-]+:", re.IGNORECASE)
_FENCE: Final = re.compile(r"```(.+?)```", re.DOTALL)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_ANGLES: Final = re.compile(r"<([^<>\n]*)>")
# What Slack makes links and mentions of by itself, unless a text is verbatim.
_AUTOMATIC: Final = re.compile(
    r"(?:https?://|www\.|mailto:)[^\s<>`|]+|[\w.+-]+@[\w-]+\.[a-z]{2,}"
    r"|(?<!\w)@(?:channel|here|everyone)\b|(?<!\w)#[a-z][\w-]*",
    re.IGNORECASE,
)


class Piece(NamedTuple):
    """A part of a text as it is shown: plain, or of a kind that Slack makes more of."""

    kind: str
    text: str
    target: str = ""
    inner: tuple["Piece", ...] = ()

    @property
    def all(self) -> Iterator["Piece"]:
        """The piece, and those within it."""
        yield self
        for piece in self.inner:
            yield from piece.all


def faults(message: Any) -> list[str]:
    """Why Slack would refuse a message, or show it other than meant; empty for a good one."""
    return list(_faults(message))


def _faults(message: Any) -> Iterator[str]:
    if not isinstance(message, dict):
        yield "invalid_payload"
        return
    if unknown := message.keys() - _MESSAGE_KEYS:
        yield f"unknown keys {sorted(unknown)}"
    fallback = message.get("text")
    if not isinstance(fallback, str) or not fallback.strip():
        yield "no_text"
    else:
        if len(fallback) > MOST_FALLBACK:
            yield f"a fallback of {len(fallback)} characters"
        yield from _markup_faults(fallback)
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        yield "invalid_blocks"
        return
    for block in blocks:
        yield from _block_faults(block)
    together = sum(len(text["text"]) for text in texts(message))
    if together > MOST_TOGETHER:
        yield f"msg_blocks_too_long: {together} characters"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(ids)) < len(ids):
        yield "a block_id twice"


def _block_faults(block: dict[str, Any]) -> Iterator[str]:
    kind = block.get("type", "")
    if kind not in _KEYS:
        yield f"a block of the kind {kind!r}"
        return
    if unknown := block.keys() - _KEYS[kind]:
        yield f"{kind}: unknown keys {sorted(unknown)}"
    match kind:
        case "header":
            yield from _text_faults(block.get("text"), MOST_HEADER, {"plain_text"})
        case "section":
            yield from _section_faults(block)
        case "context":
            elements = block.get("elements", [])
            if not 1 <= len(elements) <= MOST_ELEMENTS:
                yield f"context: {len(elements)} elements"
            for text in elements:
                yield from _text_faults(text, MOST_TEXT)


def _section_faults(block: dict[str, Any]) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" in block:
        yield from _text_faults(block["text"], MOST_TEXT)
    if len(fields) > MOST_FIELDS or not (fields or "text" in block):
        yield f"section: {len(fields)} fields"
    for text in fields:
        yield from _text_faults(text, MOST_FIELD)


def _text_faults(text: Any, most: int, kinds: set[str] | None = None) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in (kinds or _TEXT_KEYS):
        yield f"no text object: {text!r}"
        return
    if unknown := text.keys() - _TEXT_KEYS[text["type"]]:
        yield f"{text['type']}: unknown keys {sorted(unknown)}"
    written = text.get("text")
    if not isinstance(written, str) or not 1 <= len(written) <= most:
        yield f"a text that has not 1 to {most} characters: {written!r:.80}"
    elif text["type"] == "mrkdwn":
        yield from _markup_faults(written)


def _markup_faults(text: str) -> Iterator[str]:
    """What of `&`, `<` and `>` is neither an entity nor a pair that Slack knows; a code span left open."""
    for found in re.finditer("&", text):
        if not re.match(r"&(?:amp|lt|gt);", text[found.start() :]):
            yield f"a bare & before {text[found.start() : found.start() + 12]!r}"
    for inside in _ANGLES.findall(text):
        if not re.match(r"https?://[^|\s]+(\|[^|]+)?$|mailto:|[@#!]", inside):
            yield f"no link: <{inside}>"
    rest = _ANGLES.sub("", text)
    if "<" in rest or ">" in rest:
        yield f"a bare < or > in {rest!r:.80}"
    if any(line.count("`") % 2 for line in _FENCE.sub("", text).split("\n")):
        yield f"a code span left open in {text!r:.80}"


def texts(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The text objects of the blocks, in order."""
    for block in message.get("blocks", []):
        if isinstance(block.get("text"), dict):
            yield block["text"]
        yield from block.get("fields", [])
        yield from block.get("elements", [])


def pieces(text: dict[str, Any] | str) -> list[Piece]:
    """What Slack shows of a text object, or of the text beside the blocks."""
    if isinstance(text, str):
        return list(_marked(text, is_verbatim=True))
    if text["type"] == "plain_text":
        return list(_plain(text["text"], has_emoji=text.get("emoji", True)))
    return list(_marked(text["text"], is_verbatim=text.get("verbatim", False)))


def _plain(text: str, *, has_emoji: bool) -> Iterator[Piece]:
    if not has_emoji:
        yield Piece("text", text)
        return
    end = 0
    for found in _EMOJI.finditer(text):
        yield Piece("text", text[end : found.start()])
        yield Piece("emoji", found[0])
        end = found.end()
    yield Piece("text", text[end:])


def _marked(text: str, *, is_verbatim: bool) -> Iterator[Piece]:
    end = 0
    for found in _FENCE.finditer(text):
        yield from _lines(text[end : found.start()], is_verbatim=is_verbatim)
        yield Piece("pre", _decoded(found[1]))
        end = found.end()
    yield from _lines(text[end:], is_verbatim=is_verbatim)


def _lines(text: str, *, is_verbatim: bool) -> Iterator[Piece]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Piece("text", "\n")
        quote = re.match(r"\s*&gt;", line)
        inner = tuple(_inline(line[quote.end() :] if quote else line, is_verbatim=is_verbatim))
        if quote:
            yield Piece("quote", _read(inner), inner=inner)
        else:
            yield from inner


def _inline(line: str, *, is_verbatim: bool) -> Iterator[Piece]:
    plain, at = "", 0
    while at < len(line):
        found, end = _at(line, at, is_verbatim=is_verbatim)
        if found and plain:
            yield Piece("text", plain)
            plain = ""
        if found:
            yield found
            at = end
        elif entity := next((it for it in _ENTITIES if line.startswith(it, at)), ""):
            plain += _ENTITIES[entity]
            at += len(entity)
        else:
            plain += line[at]
            at += 1
    if plain:
        yield Piece("text", plain)


def _at(line: str, at: int, *, is_verbatim: bool) -> tuple[Piece | None, int]:
    """What begins at a place of a line, if that is more than a character, and where it ends."""
    if found := _CODE.match(line, at):
        return Piece("code", _decoded(found[1])), found.end()
    if found := _ANGLES.match(line, at):
        return _angled(found[1]), found.end()
    if found := _EMOJI.match(line, at):
        return Piece("emoji", found[0]), found.end()
    if not is_verbatim and (found := _AUTOMATIC.match(line, at)):
        return Piece("automatic", found[0], found[0]), found.end()
    if line[at] in _STYLES and (end := _end_of_style(line, at)):
        inner = tuple(_inline(line[at + 1 : end], is_verbatim=is_verbatim))
        return Piece(_STYLES[line[at]], _read(inner), inner=inner), end + 1
    return None, at


def _angled(inside: str) -> Piece:
    target, _, label = inside.partition("|")
    if target[:1] in ("@", "#", "!"):
        return Piece("mention", _decoded(label or target), target)
    return Piece("link", _decoded(label or target), _decoded(target))


def _end_of_style(line: str, at: int) -> int:
    """Where the mark stands that ends the bold, italic or struck text begun at a place; 0 for nowhere."""
    mark = line[at]
    if (at and line[at - 1].isalnum()) or line[at + 1 : at + 2].strip() == "":
        return 0
    # A mark within code or an address ends nothing.
    blind = re.sub(r"`[^`]+`|<[^<>]*>", lambda it: "x" * len(it[0]), line)
    end = blind.find(mark, at + 2)
    while end > 0 and (blind[end - 1].isspace() or blind[end + 1 : end + 2].isalnum()):
        end = blind.find(mark, end + 1)
    return max(end, 0)


def _decoded(text: str) -> str:
    return re.sub(r"&(?:amp|lt|gt);", lambda it: _ENTITIES[it[0]], text)


def _read(inner: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in inner)


def read(message: dict[str, Any]) -> str:
    """What a person reads of the blocks: a line for each text, without its marks."""
    return "\n".join(_read(tuple(pieces(text))) for text in texts(message))


def kinds(message: dict[str, Any]) -> list[str]:
    """What Slack makes of all texts of a message, beside plain text; the text beside the blocks first."""
    all_texts: list[dict[str, Any] | str] = [message["text"], *texts(message)]
    return [
        inner.kind
        for text in all_texts
        for piece in pieces(text)
        for inner in piece.all
        if inner.kind != "text"
    ]


def links(message: dict[str, Any]) -> dict[str, str]:
    """Where the links of the blocks lead, by their labels."""
    return {
        inner.text: inner.target
        for text in texts(message)
        for piece in pieces(text)
        for inner in piece.all
        if inner.kind == "link"
    }
