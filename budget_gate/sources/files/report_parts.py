"""What any reader of a JSON report needs: times, amounts and ranges, each within its limits."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from budget_gate.domain.bounds import UNLIMITED, Bounds

MAX_BYTES: Final = 16 * 1024 * 1024


def _in_utc(told: datetime) -> datetime:
    try:
        return told.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Usd = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=200, decimal_places=100)]


class Part(BaseModel):
    """A part of a report; further keys are those of later versions."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")


class Range(Part):
    """An amount that is known to lie in an interval; a `high` of None is no upper bound."""

    low: Usd
    high: Usd | None

    @property
    def bounds(self) -> Bounds:
        """The same as the domain has it."""
        return Bounds(self.low, UNLIMITED if self.high is None else self.high)
