"""Whose spend it is: the organization that the policy names, against that of the credential."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from budget_gate.domain.notes import Note, enumerated
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.errors import ConfigurationError, UnverifiedError

# The code of the note that the usage was read below the organization's own id.
READ_BELOW_ID: Final = "organization_routes"


def owner(
    file: PolicyFile | None, notes: Collection[Note], identify: Callable[[], str | None]
) -> str | None:
    """The id of the organization that was read, None where that is not known.

    `notes` are those of what was read, and `identify` asks whose the credential is. Raises
    ConfigurationError where it is another organization's than the policy names, and
    UnverifiedError where the policy names one and that cannot be told.
    """
    named = file.policy.organization if file else None
    if file is None or named is None:
        try:
            return identify()
        except UnverifiedError:
            # The deadline, or a gateway: it helps the next run, and is no part of the verdict.
            return None
    if any(note.code == READ_BELOW_ID for note in notes):
        return named
    try:
        found = identify()
    except UnverifiedError as error:
        hint = error.hint
        if error.code == "http_404":
            hint = "remove `organization` from the policy: there is nothing to check it by here"
        if error.code == "http_403":
            hint = (
                "use a credential that may ask for its organization, such as an Admin key, or "
                "remove `organization` from the policy"
            )
        raise UnverifiedError(
            f"whether the spend is that of organization {named} could not be determined: "
            f"{error.message}",
            hint,
            error.trace,
            code="organization_unknown",
        ) from error
    if found not in (None, named):
        raise other_organization(file, [str(found)])
    return found


def other_organization(file: PolicyFile, found: Sequence[str]) -> ConfigurationError:
    """The error of a credential that is of the organizations `found`, not of the policy's."""
    problem = file.source.problem(
        ("organization",),
        f"the credential is of organization {enumerated(found)}, not {file.policy.organization}",
        "use a credential of the organization in the policy, or correct its id here",
    )
    return ConfigurationError(
        "the credential is of another organization than the policy",
        problems=(problem,),
        file=file.source.file,
    )
