"""The credentials that the environment gives, and what it gives to get one with."""

from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from budget_gate.domain.credential import bare, fault_of
from budget_gate.domain.federation import Federation, federation_of, is_identity
from budget_gate.domain.setting_errors import name_of
from budget_gate.errors import ConfigurationError
from budget_gate.secrecy import Secrets


class GivenCredentials(BaseSettings):
    """What stands in the environment; nothing of it is wrong before it is needed.

    Any key or token that is given wins over one that would have to be got by federation.
    """

    model_config = SettingsConfigDict(
        # Of two spellings of one name, the environment's order would choose.
        case_sensitive=True,
        defer_build=True,
        env_ignore_empty=True,
        frozen=True,
        hide_input_in_errors=True,
        extra="ignore",
    )

    admin_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_API_KEY")
    )
    admin_key_next: SecretStr | None = Field(None, validation_alias="ANTHROPIC_ADMIN_KEY_NEXT")
    auth_token: SecretStr | None = Field(None, validation_alias="ANTHROPIC_AUTH_TOKEN")
    federation_rule: str | None = Field(None, validation_alias="ANTHROPIC_FEDERATION_RULE_ID")
    organization_id: str | None = Field(None, validation_alias="ANTHROPIC_ORGANIZATION_ID")
    service_account: str | None = Field(None, validation_alias="ANTHROPIC_SERVICE_ACCOUNT_ID")
    workspace: str | None = Field(None, validation_alias="ANTHROPIC_WORKSPACE_ID")
    # The identity of this job: as the system that runs it hands it over, or where to ask for it.
    identity_token: SecretStr | None = Field(None, validation_alias="ANTHROPIC_IDENTITY_TOKEN")
    identity_file: str | None = Field(None, validation_alias="ANTHROPIC_IDENTITY_TOKEN_FILE")
    identity_url: str | None = Field(None, validation_alias="ACTIONS_ID_TOKEN_REQUEST_URL")
    identity_request_token: SecretStr | None = Field(
        None, validation_alias="ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    )
    _secrets: Secrets = PrivateAttr(default_factory=Secrets)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - as pydantic-settings calls it
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment; there are no files of settings to look through."""
        return init_settings, env_settings

    def model_post_init(self, _: object) -> None:
        """Keeps the credentials secret, as they were given and without what they came with."""
        for secret in self._keys.values():
            text = secret.get_secret_value()
            self.secrets.add(text)
            self.secrets.add(bare(text))
            # As an error quotes what was written.
            self.secrets.add(repr(text)[1:-1])
        for token in filter(None, (self.identity_token, self.identity_request_token)):
            text = token.get_secret_value()
            self.secrets.hide(text)
            self.secrets.hide(bare(text))
        if self.identity_file and is_identity(self.identity_file):
            self.secrets.hide(self.identity_file.strip())

    @field_validator(
        "admin_key", "admin_key_next", "auth_token", "identity_token", "identity_request_token"
    )
    @classmethod
    def _without_its_line_end(cls, secret: SecretStr | None) -> SecretStr | None:
        return stripped(secret)

    @field_validator("federation_rule", "organization_id", "service_account", "workspace")
    @classmethod
    def _without_blanks(cls, text: str | None) -> str | None:
        return (text or "").strip() or None

    @property
    def secrets(self) -> Secrets:
        """The credentials, which must appear nowhere."""
        return self._secrets

    @property
    def has_credential(self) -> bool:
        """Whether there is one, or it is told how to get one."""
        ids = (self.federation_rule, self.organization_id, self.service_account)
        return bool(self._keys) or any(ids)

    @property
    def federation(self) -> Federation | None:
        """Whose token to get; None where a key is given, or nothing of this.

        Raises ConfigurationError where an id is missing or can be none.
        """
        if self._keys:
            return None
        ids = (self.federation_rule, self.organization_id, self.service_account, self.workspace)
        return federation_of(*ids)

    def check_credentials(self) -> None:
        """Raises ConfigurationError, which shows no secret, where one can be no credential."""
        given = dict(self._keys)
        if self.federation and self.identity_token:
            given["ANTHROPIC_IDENTITY_TOKEN"] = self.identity_token
        elif self.federation and self.identity_request_token:
            given["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = self.identity_request_token
        if self.federation and is_identity(self.identity_file or ""):
            raise ConfigurationError(
                "ANTHROPIC_IDENTITY_TOKEN_FILE holds an identity token, not the name of a file",
                "set ANTHROPIC_IDENTITY_TOKEN to it (in GitLab: call it so under id_tokens)",
            )
        for variable, secret in given.items():
            found = fault_of(secret.get_secret_value())
            if found:
                raise ConfigurationError(f"{name_of(variable)} {found[0]}", found[1])

    @property
    def _keys(self) -> dict[str, SecretStr]:
        given = {
            "ANTHROPIC_ADMIN_KEY": self.admin_key,
            "ANTHROPIC_ADMIN_KEY_NEXT": self.admin_key_next,
            "ANTHROPIC_AUTH_TOKEN": self.auth_token,
        }
        return {variable: secret for variable, secret in given.items() if secret}


def stripped(secret: SecretStr | None) -> SecretStr | None:
    """A secret without the line end that it is often pasted with; None where nothing is left."""
    text = secret.get_secret_value().strip() if secret else ""
    return SecretStr(text) if text else None
