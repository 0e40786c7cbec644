"""Policies that are refused, and what is said of them."""

import pytest

from budget_gate.domain.policy.model import Policy
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.sources.files.documents import load_document
from tests.helpers.wording import assert_says


def refused(text: str | bytes) -> ConfigurationError:
    """The error that a policy's text is refused with; each of its defects says what and what helps."""
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigurationError) as caught:
        load_document(raw, "budget.yml", Policy)
    for problem in caught.value.problems:
        assert_says(problem.message)
        assert_says(problem.hint)
        assert problem.hint
    return caught.value


def defect(text: str | bytes) -> Problem:
    """The one defect that a policy's text has."""
    (problem,) = refused(text).problems
    return problem


def hint(text: str | bytes) -> str:
    """The hint of the one defect that a policy's text has."""
    return defect(text).hint
