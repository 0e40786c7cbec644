"""The settings from the environment: this module and the one of its base are the only readers."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator

from budget_gate.credential_settings import GivenCredentials, stripped
from budget_gate.domain.address import Address
from budget_gate.domain.clock import refuse_future
from budget_gate.domain.credential import passwords_in
from budget_gate.domain.period import HOUR, MonthToDate, format_instant
from budget_gate.domain.policy.scoping import Reservation
from budget_gate.domain.setting_errors import misconfigured, strangers
from budget_gate.domain.verdict.terms import FailOn, OnError, Terms
from budget_gate.domain.written import (
    LAST,
    Age,
    Budgets,
    Instant,
    IsSet,
    Month,
    ReservationText,
    Seconds,
    Switch,
    one_of,
    whole_month,
)
from budget_gate.errors import ConfigurationError

Format = Literal["text", "markdown", "json"]

DEFAULT_BASE_URL = "https://api.anthropic.com"


class Surroundings(GivenCredentials):
    """What the environment says of where the program runs: nothing of it can be wrong.

    The badge is here as it must not stay an old one where a setting is wrong, and the credentials
    as no error of a setting or a flag may show them.
    """

    github_actions: str | None = Field(None, validation_alias="GITHUB_ACTIONS")
    step_summary: str | None = Field(None, validation_alias="GITHUB_STEP_SUMMARY")
    step_output: str | None = Field(None, validation_alias="GITHUB_OUTPUT")
    server: str | None = Field(None, validation_alias="GITHUB_SERVER_URL")
    repository: str | None = Field(None, validation_alias="GITHUB_REPOSITORY")
    commit: str | None = Field(None, validation_alias="GITHUB_SHA")
    run_id: str | None = Field(None, validation_alias="GITHUB_RUN_ID")
    no_color: str | None = Field(None, validation_alias="NO_COLOR")
    force_color: str | None = Field(None, validation_alias="FORCE_COLOR")
    terminal: str | None = Field(None, validation_alias="TERM")
    certificates: str | None = Field(None, validation_alias="SSL_CERT_FILE")
    badge: str | None = Field(None, validation_alias="BUDGET_GATE_BADGE")
    # URLs of databases, whose passwords are as secret.
    store: SecretStr | None = Field(None, validation_alias="BUDGET_GATE_STORE")
    names_from: SecretStr | None = Field(None, validation_alias="BUDGET_GATE_NAMES_FROM")
    ledger: SecretStr | None = Field(None, validation_alias="BUDGET_GATE_LEDGER")

    def model_post_init(self, context: object) -> None:
        """Keeps the passwords secret as well."""
        super().model_post_init(context)
        for url in filter(None, (self.store, self.names_from, self.ledger)):
            for password in passwords_in(url.get_secret_value()):
                self.secrets.add(password)

    @field_validator("store", "names_from", "ledger")
    @classmethod
    def _without_line_end(cls, secret: SecretStr | None) -> SecretStr | None:
        return stripped(secret)

    @property
    def in_github_actions(self) -> bool:
        """Whether a step of GitHub Actions runs this."""
        return self.github_actions == "true"

    @property
    def step_files(self) -> tuple[str, ...]:
        """The files of the runner that a step adds to; none outside of one."""
        files = (self.step_output, self.step_summary) if self.in_github_actions else ()
        return tuple(filter(None, files))

    def secret_address(self, variable: str) -> str:
        """The address that a variable holds, a secret from here on; empty where it is not set."""
        url = os.environ.get(variable, "").strip()
        self.secrets.add(url)
        # Errors may name its path alone.
        self.secrets.add("/" + url.partition("://")[2].partition("/")[2])
        return url


class Settings(Surroundings):
    """What the environment says; a flag wins over it, and an empty variable is an unset one."""

    # It cannot read usage, and is never sent; whoever has no other is told so.
    has_message_key: IsSet = Field(default=False, validation_alias="ANTHROPIC_API_KEY")
    base_url: Address = Field(DEFAULT_BASE_URL, validation_alias="ANTHROPIC_BASE_URL")
    policy: str | None = Field(None, validation_alias="BUDGET_GATE_POLICY")
    offline: Switch = Field(default=False, validation_alias="BUDGET_GATE_OFFLINE")
    base_policy: str | None = Field(None, validation_alias="BUDGET_GATE_BASE_POLICY")
    as_of: Instant | None = Field(None, validation_alias="BUDGET_GATE_AS_OF")
    month: Month | None = Field(None, validation_alias="BUDGET_GATE_MONTH")
    format: Annotated[Format, one_of(Format)] = Field("text", validation_alias="BUDGET_GATE_FORMAT")
    report: str | None = Field(None, validation_alias="BUDGET_GATE_REPORT")
    last_report: str | None = Field(None, validation_alias="BUDGET_GATE_LAST_REPORT")
    fail_on: Annotated[FailOn, one_of(FailOn)] = Field(
        "breach", validation_alias="BUDGET_GATE_FAIL_ON"
    )
    on_error: Annotated[OnError, one_of(OnError)] = Field(
        "fail", validation_alias="BUDGET_GATE_ON_ERROR"
    )
    budgets: Budgets | None = Field(None, validation_alias="BUDGET_GATE_BUDGETS")
    # A text, as settings of any other kind than a scalar would be read as JSON.
    reserve: ReservationText | None = Field(None, validation_alias="BUDGET_GATE_RESERVE")
    verdict_from: str | None = Field(None, validation_alias="BUDGET_GATE_VERDICT_FROM")
    max_age: Age = Field(3 * HOUR, validation_alias="BUDGET_GATE_MAX_AGE")
    deadline: Seconds = Field(120, validation_alias="BUDGET_GATE_DEADLINE")

    def time(self, now: datetime) -> datetime:
        """The time to judge at, `now` unless another is set.

        Raises ConfigurationError where that lies in the future: its usage is not known yet.
        """
        if self.as_of:
            refuse_future(self.as_of, now)
        return self.as_of or now

    def judged(self, now: datetime) -> MonthToDate:
        """What to judge: the month to date, or a whole month.

        Raises ConfigurationError where that has not ended, or where a time is set as well.
        """
        if self.month is None:
            return MonthToDate(self.time(now))
        if self.as_of:
            raise ConfigurationError(
                "both --month (BUDGET_GATE_MONTH) and --as-of (BUDGET_GATE_AS_OF) are set",
                "leave one of them out",
            )
        return whole_month(self.month, now)

    @property
    def fixed_time(self) -> str | None:
        """The setting that names a time which is the same in every run; None where none does."""
        if self.month not in (None, LAST):
            return f"month {self.month} (--month or BUDGET_GATE_MONTH)"
        if self.as_of:
            return f"as-of {format_instant(self.as_of)} (--as-of or BUDGET_GATE_AS_OF)"
        return None

    @property
    def other_address(self) -> str | None:
        """Where the API is asked, if not at its usual address; its path may hold a secret."""
        if self.base_url == DEFAULT_BASE_URL or not self.has_credential:
            return None
        return "://".join(urlsplit(self.base_url)[:2])

    @property
    def terms(self) -> Terms:
        """How the run is to judge."""
        only = tuple(filter(None, map(str.strip, (self.budgets or "").splitlines())))
        amount, _, workspace = (self.reserve or "").partition("=")
        reservation = Reservation(Decimal(amount), workspace or None) if amount else None
        return Terms(self.fail_on, self.on_error, only, reservation)

    @classmethod
    def read(cls, flags: Mapping[str, str]) -> Self:
        """The settings of the process's environment; `flags`, by variable, win over it.

        Raises ConfigurationError that names the settings at fault, shows what was written, and
        never a secret.
        """
        known = set(cls._variables())
        strange = [name for name in strangers(os.environ, known) if os.environ[name]]
        wrong: ValidationError | None = None
        try:
            settings = cls(**flags)  # type: ignore[arg-type]
        except ValidationError as error:
            wrong = error
        if wrong or strange:
            secrets = Surroundings(**flags).secrets  # type: ignore[arg-type]
            raise misconfigured(strange, known, wrong, secrets)
        return settings

    @classmethod
    def _variables(cls) -> Iterator[str]:
        for setting in cls.model_fields.values():
            alias = setting.validation_alias
            yield from map(str, alias.choices if isinstance(alias, AliasChoices) else [alias])
