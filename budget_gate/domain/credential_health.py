"""Which credential there is, and whether each works: findings of the command `doctor`."""

from budget_gate.domain.credential import ADMIN_KEY, MESSAGE_KEY, TOKEN, remedy_for_none
from budget_gate.domain.federation import Federation
from budget_gate.domain.health import Finding
from budget_gate.errors import UnverifiedError


def check_credential(
    key: str | None,
    token: str | None,
    *,
    has_message_key: bool,
    is_usual_address: bool,
    key_variable: str = "ANTHROPIC_ADMIN_KEY",
) -> Finding:
    """Which credential is used, and what its first characters say of its kind: no more than a hint.

    `key` is what stands where the Admin key belongs, in `key_variable`, and wins over `token`.
    Neither is shown. A gateway may have credentials of its own, which look otherwise;
    `has_message_key` says whether there is one for messages, which nothing is asked with.
    """
    secret = token if key is None else key
    if secret is None:
        message = "none found, so the API was not asked"
        remedy = remedy_for_none(has_message_key=has_message_key)
        return Finding("error", "credential", message, remedy, 3)
    variable = "ANTHROPIC_AUTH_TOKEN" if key is None else key_variable
    if secret.startswith(MESSAGE_KEY):
        return Finding(
            "warning",
            "credential",
            f"{variable} looks like an API key, not an Admin key",
            "an API key (sk-ant-api...) reads usage only with the scope read:analytics: if it has "
            "that, check that it is complete and not revoked; otherwise create an Admin key "
            "(sk-ant-admin...) in the Console, and set ANTHROPIC_ADMIN_KEY to it",
        )
    if secret.startswith(TOKEN if key else ADMIN_KEY):
        kind = "an OAuth token" if key else "an Admin key"
        other = "ANTHROPIC_AUTH_TOKEN" if key else "ANTHROPIC_ADMIN_KEY"
        return Finding(
            "warning",
            "credential",
            f"{variable} looks like {kind}",
            f"set {other} to it, and leave {variable} empty",
        )
    begin, kind = (ADMIN_KEY, "an Admin key") if key else (TOKEN, "an OAuth token")
    is_known = secret.startswith(begin)
    message = f"{variable} {'is' if is_known else 'does not look like'} {kind} ({begin}...)"
    ignored = "; ANTHROPIC_AUTH_TOKEN is set as well, and not used" if key and token else ""
    if is_known or not is_usual_address:
        return Finding("ok", "credential", message + ignored)
    remedy = f"if the API refuses it, set {variable} to {kind}"
    return Finding("warning", "credential", message + ignored, remedy)


def federated(federation: Federation, origin: str) -> Finding:
    """Whose identity is used, and by which rule; whether that goes well is not told yet."""
    return Finding("ok", "credential", f"the identity of {origin}, by the rule {federation.rule}")


def read_only() -> Finding:
    """What a key is that has read the usage analytics alone, whatever it looks like."""
    return Finding("ok", "credential", "a read-only key, which may read the usage analytics")


def same_key_twice() -> Finding:
    """What to do where the second key is the first."""
    return Finding(
        "warning",
        "credential",
        "ANTHROPIC_ADMIN_KEY and ANTHROPIC_ADMIN_KEY_NEXT hold the same key",
        "set ANTHROPIC_ADMIN_KEY_NEXT to another one, or leave it empty",
    )


def first_key_refused() -> Finding:
    """What to do where the second key is in use."""
    return Finding(
        "warning",
        "credential",
        "the API refused the key in ANTHROPIC_ADMIN_KEY (401); the one in "
        "ANTHROPIC_ADMIN_KEY_NEXT is used",
        "move it to ANTHROPIC_ADMIN_KEY, and leave ANTHROPIC_ADMIN_KEY_NEXT empty",
    )


def both_keys_work(first: str, second: str) -> Finding:
    """What to do where each key reads usage, of the organizations with these ids.

    An id is empty where the API does not tell it.
    """
    if first and second and first != second:
        return Finding(
            "warning",
            "credential",
            f"ANTHROPIC_ADMIN_KEY_NEXT belongs to another organization ({second})",
            f"set it to a key of {first}, as a check would judge the other one's spend",
        )
    return Finding(
        "warning",
        "credential",
        "ANTHROPIC_ADMIN_KEY_NEXT works too, so the first key can be retired"
        f"{'' if first == second else '; whether it is of the same organization is not known'}",
        "move the next one to ANTHROPIC_ADMIN_KEY, and leave ANTHROPIC_ADMIN_KEY_NEXT empty",
    )


def next_key_fails(error: UnverifiedError) -> Finding:
    """What the API said to the second key while the first one works."""
    return Finding(
        "warning",
        "credential",
        f"ANTHROPIC_ADMIN_KEY_NEXT does not work: {error.message}",
        error.hint,
        trace=error.trace,
    )
