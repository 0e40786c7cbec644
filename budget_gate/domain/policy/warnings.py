"""The parts of a policy that tell people: what is worth an alert, and where to post."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from budget_gate.domain.fields import Cap, Document, RatioAboveZero, schema, shown, wrong

_VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]{0,99}"
_HOURS: Final = r"([1-9][0-9]{0,3})([hd])"


def _not_zero(value: Decimal) -> Decimal:
    if not value:
        raise wrong("0% is no limit: every rise is above it", "write a percentage such as 25%")
    return value


def _variable(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_VARIABLE, value):
        return value
    # A URL that was pasted here is a secret, and is not to be shown.
    what = "an address" if isinstance(value, str) and "/" in value else shown(value)
    raise wrong(
        f"{what} is not the name of a variable",
        "write the name of the environment variable that holds the address, such as "
        "SLACK_WEBHOOK_URL",
    )


def _hours(value: object) -> int:
    found = re.fullmatch(_HOURS, value) if isinstance(value, str) else None
    if found is None:
        raise wrong(f"{shown(value)} is not a time", "write hours or days, such as 24h or 7d")
    return int(found[1]) * (24 if found[2] == "d" else 1)


AboveZero = Annotated[RatioAboveZero, AfterValidator(_not_zero)]
# A variable may be called as YAML writes a boolean.
Variable = Annotated[str, BeforeValidator(_variable), schema(["string", "boolean"], _VARIABLE)]
# In hours.
Hours = Annotated[int, BeforeValidator(_hours), schema("string", _HOURS)]


class Rise(Document):
    """How much more is worth an alert: a part above what was before, and USD a day at the least."""

    above: AboveZero = Field(
        description="How much more spend than before is worth an alert: above 25% is more than "
        "125 after 100.",
        examples=["25%"],
    )
    floor: Cap = Field(
        Decimal(0),
        description="USD a day: a smaller difference is no alert, whatever its percentage.",
        examples=[50],
    )


class ForecastAlert(Document):
    """How much of a cap a forecast may reach before that is worth an alert."""

    above: AboveZero = Field(
        description="The part of the cap that the expected month-end may reach.",
        examples=["90%"],
    )


class Alerts(Document):
    """What is worth a warning besides the caps; nothing of it ever breaches a budget."""

    week_over_week: Rise | None = Field(
        None,
        description="The last 7 full days (UTC) against the 7 before, of the organization and of "
        "each budget.",
        examples=[{"above": "25%", "floor": 50}],
    )
    daily: Rise | None = Field(
        None,
        description="Today so far against the average of the same weekday in the last 4 weeks, "
        "the same part of the day, of the organization and of each budget.",
        examples=[{"above": "200%", "floor": 50}],
    )
    forecast: ForecastAlert | None = Field(
        None,
        description="The expected month-end of each budget against its cap.",
        examples=[{"above": "90%"}],
    )

    @property
    def needs_history(self) -> bool:
        """Whether any of them goes by the days before the month; a forecast asks by itself."""
        return bool(self.week_over_week or self.daily)


class SlackChannel(Document):
    """Where Slack takes messages: an incoming webhook, whose address is a secret."""

    webhook_env: Variable = Field(
        description="The environment variable that holds the webhook's address, never the address.",
        examples=["SLACK_WEBHOOK_URL"],
    )


class Webhook(Document):
    """An address that takes the JSON report."""

    url_env: Variable = Field(
        description="The environment variable that holds the address, never the address.",
        examples=["BUDGET_WEBHOOK_URL"],
    )
    format: Literal["json"] = Field(
        "json", description="What is posted: the JSON report.", examples=["json"]
    )


class Notify(Document):
    """Who is told when the verdict becomes worse, and once when it is good again."""

    slack: SlackChannel | None = Field(
        None,
        description="A Slack channel, by its incoming webhook.",
        examples=[{"webhook_env": "SLACK_WEBHOOK_URL"}],
    )
    webhook: Webhook | None = Field(
        None,
        description="Any other receiver, by HTTP POST.",
        examples=[{"url_env": "BUDGET_WEBHOOK_URL"}],
    )
    remind: Hours | None = Field(
        None,
        description="After how long a breach that goes on is posted again, in hours or days.",
        examples=["24h"],
    )

    @property
    def has_channels(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.slack or self.webhook)
