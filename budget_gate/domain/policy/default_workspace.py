"""Which workspace the key `default` is for, where a source tells it by its real id."""

from collections.abc import Mapping

from budget_gate.domain.notes import enumerated
from budget_gate.domain.policy.model import DEFAULT_KEY, Policy
from budget_gate.domain.policy.names import is_glob, is_matched
from budget_gate.domain.spend import Spend


def default_ids(policy: Policy, spend: Spend) -> frozenset[str]:
    """The real ids of the default workspace, as far as the source or the policy tells them."""
    return spend.default_ids or policy.default_ids


def why_not_known(policy: Policy, spend: Spend) -> tuple[str, str] | None:
    """What is wrong with naming the default workspace, and what helps; None where it is known.

    Where its id is not, a budget of it would watch nothing, and pass.
    """
    if spend.is_default_told:
        return None
    unnamed = {line.workspace for line in spend.lines if line.workspace} - policy.names.keys()
    which = f", one of {enumerated(sorted(map(str, unnamed)))}," if unnamed else ""
    return (
        "which workspace is the default one is not known: the API does not say it to this key",
        f"write its id{which} under names in the policy, such as `wrkspc_01...: default`",
    )


def may_be_default(key: str, names: Mapping[str | None, str]) -> bool:
    """Whether a key is for the default workspace, and does not find it under its real id anyway.

    `names` are those of all workspaces by id: a glob that matches every one matches that as well.
    """
    if key == DEFAULT_KEY:
        return True
    if not is_glob(key) or not is_matched(None, "", key):
        return False
    return any(id_ and not is_matched(id_, name, key) for id_, name in names.items())
