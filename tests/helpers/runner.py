"""What a runner of GitHub Actions finds in a log and in a step's files, read without the program."""

import re

OUTPUT_NAMES = [
    "status",
    "enforced",
    "spend-usd",
    "basis",
    "cap-usd",
    "breached",
    "not-enforced",
    "report",
    "headline",
    "changed",
    "breached-names",
]


Command = tuple[str, dict[str, str], str]


def read_outputs(text: str) -> dict[str, str]:
    """The outputs that the runner takes from the file: `name=value` or `name<<end`, value, `end`."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if heredoc and "=" not in name:
            value = []
            while (part := next(lines)) != end:
                value.append(part)
            found[name] = "\n".join(value)
        elif line:
            name, _, found[name] = line.partition("=")
    return found


def read_commands(text: str) -> list[Command]:
    """The workflow commands that the runner finds: name, properties and data, unescaped."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::([a-z-]+)(?: ([^:]*))?::(.*)", line)
        assert match, line
        properties = dict(part.split("=", 1) for part in (match[2] or "").split(",") if part)
        data = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        found.append(
            (match[1], {name: unescaped(value) for name, value in properties.items()}, data)
        )
    return found


def unescaped(value: str) -> str:
    """A property's value."""
    codes = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    for code, char in codes.items():
        value = value.replace(code, char)
    return value
