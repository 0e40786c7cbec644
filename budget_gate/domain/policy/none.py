"""What stands in for a policy where there is none: every workspace is shown, and nothing judged."""

from typing import Final

from budget_gate.domain.policy.model import Policy, PolicyFile
from budget_gate.domain.policy.places import SourceMap

NO_POLICY: Final = PolicyFile(
    Policy.model_validate({"version": "1", "unlisted": "warn"}), SourceMap("", {})
)
