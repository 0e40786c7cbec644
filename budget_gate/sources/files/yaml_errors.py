"""What no YAML parser takes, in plain words, with the place and what to write instead."""

import re
from typing import Any, Final

import yaml

from budget_gate.domain.fields import NO_BREAK_SPACES, Document
from budget_gate.sources.files.shape import is_key
from budget_gate.sources.files.strict_yaml import UnreadableError

_INDENTATION: Final = "begin the keys of one block in the same column"
# `key: text`, up to a second colon in the text: in a block, and in braces.
_IN_BLOCK: Final = re.compile(r"[ -]*([\w.-]+): +([^{\[].*)", re.ASCII)
_IN_BRACES: Final = re.compile(r".*[ ,{[]([\w.-]+): +([^\[\]{},]+)", re.ASCII)
_NO_SPACE: Final = re.compile(r"^[ {,-]*([A-Za-z_]\w*):[^\s:/]", re.ASCII)
_CLOSING: Final = {"[": "]", "{": "}"}


def not_yaml(error: yaml.YAMLError, text: str, model: type[Document]) -> UnreadableError:
    """The error of a text that no YAML parser takes, at the place where it can be mended.

    `model` has the keys that the text may have meant.
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        # Versions of the C parser differ in the characters that they take.
        return _error((1, 1), "a control character", "remove it")
    lines = text.splitlines()
    what, place, start = str(error.problem), _place(error.problem_mark), error.context_mark
    if _line(lines, place[0])[place[1] - 1 : place[1]] == "\t":
        return _error(place, "a tab", "indent with spaces: YAML takes no tab here")
    found = _at_start(what, str(error.context), _place(start), lines) if start else None
    if not found and what.startswith("mapping values"):
        found = _colon(place, lines, model)
    elif not found and "but got" in what:
        found = _in_flow(place, _place(start), lines, model)
    found = found or _in_line(what, place, lines)
    return found or _error(place, what, "check indentation, colons and quotes here")


def _at_start(
    what: str, context: str, place: tuple[int, int], lines: list[str]
) -> UnreadableError | None:
    """What is wrong with the part that begins at `place`; None where another place is."""
    line = _line(lines, place[0])
    if "quoted scalar" in context:
        if "escape" in what:
            hint = "put the text in single quotes, in which a backslash is only a backslash"
            return _error(place, "a backslash in double quotes", hint)
        return _error(place, "a quote is not closed", "write the quote that closes the text")
    if "alias" in context or "anchor" in context:
        word = re.split(r"[,\]}\s]|:(?:\s|$)", line[place[1] - 1 :])[0]
        return _error(place, f"a text that begins with {word[:1]}", f'put it in quotes: "{word}"')
    if "flow" in context and ("stream end" in what or "document" in what):
        opened = line[place[1] - 1 : place[1]]
        if opened in _CLOSING:
            hint = f"write the `{_CLOSING[opened]}` that closes it"
            return _error(place, f"a `{opened}` is not closed", hint)
    if "simple key" in context:
        glued = _NO_SPACE.match(line)
        if glued:
            return _no_space(place[0], glued)
        return _error(place, "a line without a colon", "write `key: value`, with a space")
    return None


def _in_line(what: str, place: tuple[int, int], lines: list[str]) -> UnreadableError | None:
    """What is wrong where the parser stopped."""
    line = _line(lines, place[0])
    rest = line[place[1] - 1 :]
    if not set(NO_BREAK_SPACES).isdisjoint(line):
        return _error(place, "a no-break space", "write plain spaces in this line")
    if "cannot start any token" in what:
        word = re.split(r"[,\]}\s]", rest)[0]
        return _error(place, f"a text that begins with {word[:1]}", f'put it in quotes: "{word}"')
    if what.startswith("sequence entries"):
        hint = "write the list in brackets, such as [a, b], or each with its dash on its own line"
        return _error(place, "a dash behind its key", hint)
    if rest[:1] in ("}", "]") and "found" in what:
        return _error(
            place,
            f"a `{rest[:1]}` too many, or nothing before it",
            "remove it, or write what is missing",
        )
    if "but found '<scalar>'" in what:
        return _error(
            place, "a text behind what is in quotes or brackets", "put the whole text in quotes"
        )
    if "<block end>" in what or what.startswith("mapping values"):
        return _error(place, "a line that is not indented as those above it", _INDENTATION)
    return None


def _colon(
    place: tuple[int, int], lines: list[str], model: type[Document]
) -> UnreadableError | None:
    """The error of a colon in a block where YAML takes none."""
    line, above = _line(lines, place[0]), _line(lines, place[0] - 1)
    glued = _NO_SPACE.match(above)
    if glued:
        return _no_space(place[0] - 1, glued)
    found = _IN_BLOCK.fullmatch(line[: place[1] - 1])
    if found and is_key(found[2], model):
        hint = f"begin a new line behind `{found[1]}:`, and indent it"
        return _error(place, "two keys in one line", hint)
    if found:
        return _in_quotes(place, found, line[place[1] - 1 :].split(" #")[0])
    return None


def _in_flow(
    place: tuple[int, int], start: tuple[int, int], lines: list[str], model: type[Document]
) -> UnreadableError:
    """The error of what stands in braces or brackets where a comma or their end should."""
    line = _line(lines, place[0])
    found = _IN_BRACES.fullmatch(line[: place[1] - 1])
    if found and line[place[1] - 1 :].startswith(":"):
        *first, last = found[2].split()
        if not first or not is_key(last, model):
            return _in_quotes(place, found, re.split(r" #|[,}\]]", line[place[1] - 1 :])[0])
    opened = _line(lines, start[0])[start[1] - 1 : start[1]]
    what = f"a comma is missing, or the `{opened}` of line {start[0]} is not closed"
    hint = f"put commas between its parts, and `{_CLOSING[opened]}` behind the last one"
    return _error(place, what, hint)


def _in_quotes(place: tuple[int, int], found: re.Match[str], rest: str) -> UnreadableError:
    text = f"{found[2]}{rest}".rstrip()
    hint = f"put the text in quotes: {found[1]}: '{text}'"
    if "'" in text or '"' in text:
        hint = f"put the text behind `{found[1]}:` in quotes"
    return _error(place, "a colon in a text", hint)


def _no_space(line: int, glued: re.Match[str]) -> UnreadableError:
    place = (line, glued.start(1) + 1)
    return _error(place, f"no space after `{glued[1]}:`", f"put a space after `{glued[1]}:`")


def _error(place: tuple[int, int], what: str, hint: str) -> UnreadableError:
    return UnreadableError(place, f"this is not YAML: {what}", hint)


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 1 <= number <= len(lines) else ""
