"""The sample organization, which needs neither a key nor a network."""

from pathlib import Path
from typing import Final

from budget_gate.commands.policy_name import POLICY_FILES
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.reading.spend import SavedPages
from budget_gate.sources.files.documents import load_policy

AS_OF: Final = "2026-11-20T15:20:00Z"
_SAMPLE: Final = Path(__file__).parents[1] / "data" / "sample"


def sample_policy() -> PolicyFile:
    """The policy of the sample."""
    name = POLICY_FILES[0]
    return load_policy(_SAMPLE / name, name)


def sample_pages() -> SavedPages:
    """The usage of the sample, and its workspaces."""
    pages = tuple(sorted(_SAMPLE.glob("usage-*.json")))
    return SavedPages(pages, _SAMPLE / "workspaces.json", is_partial=False)
