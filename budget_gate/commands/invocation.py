"""What a command is given besides its own options, and what its flags come to."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from budget_gate.settings import Settings, Surroundings


class Invocation(NamedTuple):
    """The settings of a run, the flags' among them, and its clock, which tells an aware time."""

    settings: Settings
    clock: Callable[[], datetime]


class Parsed(NamedTuple):
    """A command line: the settings that it gives, by variable, and the command with its options.

    `run` returns the exit code, and raises ConfigurationError where nothing can be decided.
    `give_up` follows where it returns none, or cannot be called.
    """

    settings: Mapping[str, str]
    run: Callable[[Invocation], int]
    give_up: Callable[[Surroundings], None] = lambda _: None
