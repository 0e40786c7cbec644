"""What the ledger holds, as text."""

from budget_gate.domain.ledger.hours import Counts
from budget_gate.domain.period import in_words
from budget_gate.domain.usage import Tokens
from budget_gate.outputs.amounts import usd
from budget_gate.outputs.escaping import NAME_LENGTH, plain

_DEFAULT = "default workspace"
# How each class is called, in the order of `Tokens`.
_CLASSES = (
    "input",
    "cache write 5m",
    "cache write 1h",
    "cache read",
    "output",
    "web searches",
    "cache write",
)


def render_counts(counts: Counts, name: str) -> str:
    """The hours in their order, by workspace and model, and what is held in the Redis `name`."""
    lines = [f"Ledger {name}, at {in_words(counts.read_at)} by its own clock.", ""]
    for hour, table in sorted(counts.hours.items()):
        sums: dict[tuple[str | None, str | None], Tokens] = {}
        for key, tokens in table.items():
            place = (key.workspace, key.model)
            sums[place] = sums.get(place, Tokens()).plus(tokens)
        lines.append(f"Hour from {in_words(hour)}:")
        for (workspace, model), tokens in sorted(sums.items(), key=str):
            counted = ", ".join(
                f"{count:,} {what}" for what, count in zip(_CLASSES, tokens, strict=True) if count
            )
            lines.append(f"  {_name(workspace)}, {plain(model or '', NAME_LENGTH)}: {counted}")
    if not counts.hours:
        lines.append("Nothing was counted in these hours.")
    lines.append("")
    for workspace, held in sorted(counts.holds.items(), key=str):
        lines.append(f"Reserved for {_name(workspace)}: {usd(held)}")
    if not counts.holds:
        lines.append("Nothing is reserved.")
    return "\n".join(lines) + "\n"


def _name(workspace: str | None) -> str:
    return _DEFAULT if workspace is None else plain(workspace, NAME_LENGTH)
