"""The scalars and the base model of the YAML documents: exact numbers, days, percentages.

Documents arrive with every scalar as the text that was written, so that `0.10` is exactly 0.10. The
JSON Schema is for editors, which see YAML's own numbers and booleans: it takes these as well as the
same in quotes. A pattern is of strings alone there, a minimum of numbers alone.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

_SHOWN = 60
NO_BREAK_SPACES = "\u00a0\u202f\u2007"
# What nobody sees around a name.
BLANKS = " \t\r\n"
SEEN = r"[^ \t\r\n]"
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)
# As people write money: a thousand with its separators or as k, with or without its currency.
_MONEY = (
    r"(?i)(?:US)?[$]?(?:USD)? ?([0-9]{1,3}(?:[,_' ][0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]+)"
    r"(\.[0-9]+)? ?(k?) ?(?:USD|[$])?"
)
# Some write five thousand so, and others five.
_THOUSANDS_OR_NOT = r"[1-9][0-9]{0,2}\.[0-9]{3}"
NO_COMMA = "write amounts without commas, such as 5000 or 2800.50"
_PLAIN_SPACES = dict.fromkeys(map(ord, NO_BREAK_SPACES), " ")
_CURLY = frozenset("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb")
_COUNT = re.compile(r"[0-9]{1,15}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Document(BaseModel):
    """A part of a document: frozen, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def wrong(message: str, hint: str) -> PydanticCustomError:
    """The error of a value that is `message`, with the remedy in `hint`."""
    # The texts go in as context: pydantic formats the template, and a value may hold braces.
    return PydanticCustomError("wrong_value", "{problem}", {"problem": message, "hint": hint})


def shown(value: object) -> str:
    """A value of a document as an error quotes it, cut to a readable length."""
    text = repr(value) if isinstance(value, str) else f"a {_kind(value)}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...'"


def _kind(value: object) -> str:
    return "block of keys" if isinstance(value, dict) else "list"


def _refused(value: object, what: str, hint: str) -> PydanticCustomError:
    if isinstance(value, str) and not _CURLY.isdisjoint(value):
        hint = "use straight quotes, or none"
    return wrong(f"{shown(value)} is not {what}", hint)


def _number(value: object) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    plain = plain_amount(value)
    hint = "write a plain number that is not negative, such as 5000 or 0.30"
    if plain:
        hint = f"write {plain}"
    elif isinstance(value, str) and "," in value:
        hint = NO_COMMA
    raise _refused(value, "an amount", hint)


def _cap(value: object) -> Decimal:
    readings = cap_readings(value)
    if len(readings) > 1:
        raise wrong(
            f"{shown(value)} may be {' or '.join(readings)}", f"write {', or '.join(readings)}"
        )
    return _number(value)


def cap_readings(value: object) -> tuple[str, ...]:
    """The plain amounts that a cap may be which is written so: two of `5.000`, 5000 and 5.00."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        plain: str | None = value
    else:
        plain = plain_amount(value)
    if plain is None:
        return ()
    if not re.fullmatch(_THOUSANDS_OR_NOT, plain):
        return (plain,)
    return plain.replace(".", ""), plain.removesuffix("0") if plain.endswith("0") else f"{plain}0"


def plain_amount(value: object) -> str | None:
    """The number of `5k`, `$5,000`, `5_000` or `5000 USD` as a policy has it; None for another."""
    found = None
    if isinstance(value, str):
        found = re.fullmatch(_MONEY, value.translate(_PLAIN_SPACES), re.ASCII)
    if found is None:
        return None
    number = Decimal(re.sub("[^0-9]", "", found[1]) + (found[2] or ""))
    text = f"{number.scaleb(3) if found[3] else number:f}"
    return text if _NUMBER.fullmatch(text) else None


def _percent(value: object) -> Decimal:
    ratio = _ratio(value, Decimal(100))
    if ratio <= 1:
        return ratio
    raise wrong(f"{shown(value)} is not a percentage from 0% to 100%", "write at most 100%")


def percentage(value: object) -> Decimal | None:
    """The ratio of a percentage such as `12.5%`, of any size; None where it is none."""
    if not isinstance(value, str) or not value.endswith("%"):
        return None
    number = value.removesuffix("%").rstrip()
    return Decimal(number).scaleb(-2) if _NUMBER.fullmatch(number) else None


def _ratio(value: object, most: Decimal | None = None) -> Decimal:
    ratio = percentage(value)
    if ratio is not None:
        return ratio
    what = "a percentage" if most is None else f"a percentage from 0% to {most}%"
    number = value.rstrip() if isinstance(value, str) else ""
    written = Decimal(number) if _NUMBER.fullmatch(number) else None
    raise _refused(value, what, _percent_hint(written, most))


def _percent_hint(written: Decimal | None, most: Decimal | None) -> str:
    """How to write the percentage that stands without its sign, in both ways it may be meant."""
    if not written:
        return "write it with the percent sign, such as 80%"
    if most and written > most:
        return f"write at most {most}%"
    readings = [written.scaleb(2), written] if written <= 1 else [written]
    return f"write {', or '.join(f'{reading:f}%' for reading in readings)}"


def _any_ratio(value: object) -> Decimal:
    return _ratio(value)


def _count(value: object) -> int:
    if isinstance(value, str) and _COUNT.fullmatch(value):
        return int(value)
    raise _refused(value, "a whole number", "write a number such as 200000")


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    from budget_gate.domain.days import day_hint  # needed for an error alone

    raise _refused(value, "a day", day_hint(value))


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise wrong(f"{shown(value)} is not a text", "write a text that is not empty")


def _name(value: object) -> str:
    text = _text(value)
    if text != text.strip(BLANKS):
        raise wrong(f"{shown(text)} begins or ends with a blank", "remove the blank")
    return text


def _optional_factor(value: object) -> Decimal | None:
    return None if value == "none" else _number(value)


def _flag(value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    raise wrong(f"{shown(value)} is neither true nor false", "write true or false")


def schema(kind: str | list[str], *patterns: str, **more: object) -> WithJsonSchema:
    """The schema of scalars of that JSON type, strings among them being of one of the patterns."""
    pattern = {"pattern": f"^({'|'.join(patterns)})$"} if patterns else {}
    return WithJsonSchema({"type": kind, **pattern, **more})


_BELOW_101 = r"0*([0-9]{1,2}(\.[0-9]{1,12})?|100(\.0{1,12})?)"

# USD, or USD per million tokens, or a factor: never negative, exactly as written.
Number = Annotated[
    Decimal,
    BeforeValidator(_number),
    schema(["number", "string"], _NUMBER.pattern, minimum=0, exclusiveMaximum=10**15),
]
# USD that may be spent: as a number, but for one that may mean a thousand times as much.
Cap = Annotated[
    Decimal,
    BeforeValidator(_cap),
    schema(
        ["number", "string"],
        rf"(?!{_THOUSANDS_OR_NOT}$){_NUMBER.pattern}",
        minimum=0,
        exclusiveMaximum=10**15,
    ),
]
# A ratio from 0 to 1, written as a percentage.
Percent = Annotated[Decimal, BeforeValidator(_percent), schema("string", rf"{_BELOW_101}\s*%")]
# A ratio of any size, written as a percentage.
Ratio = Annotated[Decimal, BeforeValidator(_any_ratio), schema("string", rf"{_NUMBER.pattern}\s*%")]
Count = Annotated[
    int,
    BeforeValidator(_count),
    schema(["integer", "string"], _COUNT.pattern, minimum=0, exclusiveMaximum=10**15),
]
# A UTC day.
Day = Annotated[date, BeforeValidator(_day), schema("string", _DAY.pattern, format="date")]
# Whatever is written, though it looks like a number.
Text = Annotated[str, BeforeValidator(_text), schema(["string", "number", "boolean"], minLength=1)]
# What something is called: nothing is found by a name with a blank around it, which nobody sees.
Name = Annotated[
    str,
    BeforeValidator(_name),
    schema(["string", "number", "boolean"], rf"{SEEN}([\s\S]*{SEEN})?"),
]
Flag = Annotated[bool, BeforeValidator(_flag), schema(["boolean", "string"], "true", "false")]
# A factor, or None where `none` is written.
OptionalFactor = Annotated[
    Decimal | None,
    BeforeValidator(_optional_factor),
    schema(["number", "string"], "none", _NUMBER.pattern, minimum=0, exclusiveMaximum=10**15),
]
Version = Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
# A ratio from 0 to 1, above 0%.
WarningLevel = Annotated[
    Decimal, BeforeValidator(_percent), schema("string", rf"(?![0.]+\s*%){_BELOW_101}\s*%")
]
# A ratio of any size above 0%.
RatioAboveZero = Annotated[
    Decimal, BeforeValidator(_any_ratio), schema("string", rf"(?![0.]+\s*%){_NUMBER.pattern}\s*%")
]
