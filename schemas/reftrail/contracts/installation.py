"""Kafka's address, how to log in to it, and the names of topics: settings that all hosts share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reftrail.contracts.topic import DEFAULT_PREFIX, Topic

_PLACEHOLDER = "changeme"


def listed(text: str) -> list[str]:
    """The parts of a comma separated setting, without blanks."""
    return [part.strip() for part in text.split(",") if part.strip()]


class Installation(BaseSettings):
    """Read from REFTRAIL_* variables; the base of each host's own settings class.

    kafka_security_protocol says whether connections to the brokers are encrypted (SSL, SASL_SSL)
    and whether hosts log in with a name and a password (SASL_*). kafka_ca_file has the certificates
    that are trusted instead of the system's; kafka_certificate_file and kafka_key_file are this
    host's own, where brokers ask for one.
    """

    model_config = SettingsConfigDict(
        env_prefix="REFTRAIL_", frozen=True, env_ignore_empty=True, allow_inf_nan=False
    )

    bootstrap_servers: str
    topic_prefix: str = DEFAULT_PREFIX
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca_file: Path | None = None
    kafka_certificate_file: Path | None = None
    kafka_key_file: Path | None = None

    @property
    def uses_sasl(self) -> bool:
        """Whether hosts log in with a name and a password."""
        return self.kafka_security_protocol.startswith("SASL_")

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.kafka_security_protocol.endswith("SSL")

    def name_of(self, topic: Topic) -> str:
        """The name of a topic on this installation's broker."""
        return topic.full_name(self.topic_prefix)

    @model_validator(mode="after")
    def _can_log_in(self) -> Self:
        if self.uses_sasl and not (self.kafka_username and self.kafka_password):
            raise ValueError(
                f"REFTRAIL_KAFKA_SECURITY_PROTOCOL={self.kafka_security_protocol} needs "
                f"REFTRAIL_KAFKA_USERNAME and REFTRAIL_KAFKA_PASSWORD"
            )
        return self

    @model_validator(mode="after")
    def _has_no_placeholder(self) -> Self:
        for name, secret in self._secrets():
            plain = secret.get_secret_value().casefold().replace("-", "").replace("_", "")
            if _PLACEHOLDER in plain:
                raise ValueError(
                    f"REFTRAIL_{name.upper()} is still the example's change-me, which everybody "
                    f"knows; set a value of your own, such as the output of: "
                    f"python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
                )
        return self

    def _secrets(self) -> Iterator[tuple[str, SecretStr]]:
        for name in type(self).model_fields:
            given = getattr(self, name)
            for value in given if isinstance(given, tuple) else (given,):
                if isinstance(value, SecretStr):
                    yield name, value
