"""The part `spend` of the policy document: which spend is judged, and how exactly."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from budget_gate.domain.fields import Document, schema, shown, wrong
from budget_gate.domain.spend import Basis
from budget_gate.domain.written import age


def _max_age(value: object) -> timedelta:
    try:
        return age(value if isinstance(value, str) else "")
    except ValueError as error:
        raise wrong(f"{shown(value)} is not an age up to 31d", "write 90m, 3h or 2d") from error


# From a minute to 31 days.
MaxAge = Annotated[
    timedelta,
    BeforeValidator(_max_age),
    schema(
        "string",
        "[1-9][0-9]{0,3}m",
        "([1-9][0-9]?|[1-6][0-9]{2}|7[0-3][0-9]|74[0-4])h",
        "([1-9]|[12][0-9]|3[01])d",
    ),
]


class SpendRules(Document):
    """Which spend is judged, and what to do where it is not exactly known."""

    basis: Basis = Field(
        "list",
        description="Which cost counts: usage at list price, or what the provider bills on settled "
        "days.",
        examples=["billed"],
    )
    uncertain: Literal["fail", "warn"] = Field(
        "fail",
        description="What a cap within the uncertainty of the cost does: fail the run with exit "
        "code 3, or only warn.",
        examples=["warn"],
    )
    unknown_model: Literal["fail", "upper_bound"] = Field(
        "fail",
        description="What usage without a price (unknown model, tier, place or speed) does: fail "
        "the run with exit code 3, or count as $0 up to the dearest known rate.",
        examples=["upper_bound"],
    )
    max_age: MaxAge | None = Field(
        None,
        description="How old the numbers may be where the API says how fresh they are (minutes, "
        "hours or days): older ones end in exit code 3. Without it, 24 hours.",
        examples=["3h"],
    )
