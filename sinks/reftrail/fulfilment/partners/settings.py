"""Settings of the simulated partners."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from reftrail.contracts.setting_types import PauseSeconds
from reftrail.fulfilment.partners.deliveries import Faults

_Share = Annotated[float, Field(ge=0, le=1)]


class PartnersSettings(BaseSettings):
    """Read from REFTRAIL_PARTNERS_* variables.

    signing_secrets (comma separated) and carrier_key are those of the fulfilment that asks. The
    rest are those of `Faults`.
    """

    model_config = SettingsConfigDict(
        env_prefix="REFTRAIL_PARTNERS_", env_ignore_empty=True, allow_inf_nan=False
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 6070
    signing_secrets: SecretStr
    carrier_key: SecretStr
    busy: _Share = 0.0
    fail: _Share = 0.0
    forget: _Share = 0.0
    hang: _Share = 0.0
    hang_seconds: PauseSeconds = 30.0
    takes_seconds: PauseSeconds = 0.0
    honours_keys: bool = True
    seed: int = 0

    def faults(self) -> Faults:
        """The faults and their frequencies."""
        return Faults(**{name: getattr(self, name) for name in Faults.__dataclass_fields__})

    def secrets(self) -> list[str]:
        """Under which a webhook may be signed."""
        given = self.signing_secrets.get_secret_value().split(",")
        return [secret.strip() for secret in given if secret.strip()]

    def key(self) -> str:
        """The key that the carrier's customers show."""
        return self.carrier_key.get_secret_value()
