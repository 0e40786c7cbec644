"""What is told holds no credential, should an answer have echoed one."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from budget_gate.secrecy import Secrets
from budget_gate.settings import Surroundings


def blotted(value: Any, secrets: Secrets) -> Any:
    """A text, or a report before anything of it is cut or escaped, without any credential."""
    if isinstance(value, str):
        return secrets.without(value)
    if isinstance(value, tuple):
        items = (blotted(item, secrets) for item in value)
        # A named tuple has its values in a class of its own.
        return tuple(items) if type(value) is tuple else type(value)(*items)
    if type(value) is dict:
        return {key: blotted(item, secrets) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: blotted(getattr(value, f.name), secrets) for f in fields(value)}
        return replace(value, **changes)
    return value


def without_secrets(text: str, settings: Surroundings) -> str:
    """`text` with every credential blotted out, should an answer have echoed one."""
    return settings.secrets.without(text)
