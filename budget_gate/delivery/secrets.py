"""What is told holds no credential, should an answer have echoed one."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from budget_gate.settings import Surroundings


def blotted(value: Any, secrets: Iterable[str]) -> Any:
    """A text, or a report before anything of it is cut or escaped, without any credential."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if type(value) is tuple:
        return tuple(blotted(item, secrets) for item in value)
    if type(value) is dict:
        return {key: blotted(item, secrets) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: blotted(getattr(value, f.name), secrets) for f in fields(value)}
        return replace(value, **changes)
    return value


def without_secrets(text: str, settings: Surroundings) -> str:
    """`text` with every credential blotted out, should an answer have echoed one."""
    without: str = blotted(text, settings.secrets)
    return without
