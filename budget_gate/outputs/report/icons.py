"""The sign of each status, where people look for colours."""

from typing import Final

from budget_gate.domain.verdict.results import Status

ICONS: Final[dict[Status, str]] = {
    "ok": "🟢",
    "warning": "🟡",
    "uncertain": "🟣",
    "breached": "🔴",
    "unverified": "⚫",
}
