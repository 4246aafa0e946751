"""Settings of fulfilment."""

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from reftrail.contracts.installation import Installation, listed
from reftrail.contracts.setting_types import Seconds, TimeoutSeconds


class FulfilmentKind(StrEnum):
    """Kind of fulfilment."""

    CREDIT = "credit"
    CASH = "cash"
    CODE = "code"
    SHIPMENT = "shipment"


_LEAST_SECRET = 32


class FulfilmentSettings(Installation):
    """Read from REFTRAIL_FULFILMENT_* variables, and Kafka's as in every host.

    kinds, comma separated, are those that are fulfilled here; each needs its own settings below,
    and orders of other kinds are left to other consumers.

    credit and cash: webhook_url, to which /credit or /cash is added, and signing_secrets, comma
    separated: each signs, so that a receiver can change from one to the next.
    shipment: carrier_url and carrier_key. code: codes_file, or a journal whose table pool is filled
    by other means.

    group is the consumer group, by default named after the prefix. journal is the file of what has
    been done; it must be kept. Processes that share a group need one each. Of each kind up to
    concurrency orders are asked for at the same time, each for at most timeout_seconds. retry_* and
    give_up_after_seconds are those of `Schedule`. With accept_lost_orders, a log that lost what the
    group has read is read from its beginning, where it is refused otherwise.
    """

    fulfilment_journal: Path
    fulfilment_group: str = Field(
        default_factory=lambda given: f"{given['topic_prefix']}fulfilment", min_length=1
    )
    fulfilment_accept_lost_orders: bool = False
    fulfilment_host: str = "127.0.0.1"
    fulfilment_port: Annotated[int, Field(ge=1, le=65535)] = 6069
    fulfilment_kinds: Annotated[tuple[FulfilmentKind, ...], NoDecode, Field(min_length=1)] = tuple(
        FulfilmentKind
    )
    fulfilment_webhook_url: HttpUrl | None = None
    fulfilment_signing_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    fulfilment_carrier_url: HttpUrl | None = None
    fulfilment_carrier_key: SecretStr | None = None
    fulfilment_codes_file: Path | None = None
    fulfilment_concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    fulfilment_timeout_seconds: TimeoutSeconds = 10.0
    fulfilment_retry_first_seconds: Seconds = 2.0
    fulfilment_retry_most_seconds: Seconds = 3600.0
    fulfilment_give_up_after_seconds: Seconds = 3 * 86_400.0

    @field_validator("fulfilment_kinds", "fulfilment_signing_secrets", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return listed(given) if isinstance(given, str) else given

    @field_validator("fulfilment_signing_secrets")
    @classmethod
    def _are_long(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(secret.get_secret_value()) < _LEAST_SECRET for secret in secrets):
            raise ValueError(f"each secret needs at least {_LEAST_SECRET} characters")
        return secrets

    @field_validator("fulfilment_webhook_url", "fulfilment_carrier_url")
    @classmethod
    def _is_private(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url is not None and url.scheme != "https" and not _is_loopback(url.host or ""):
            raise ValueError("must be https, except on this machine: it carries who earns what")
        return url

    @model_validator(mode="after")
    def _has_what_kinds_need(self) -> Self:
        needed = {
            FulfilmentKind.CREDIT: ("fulfilment_webhook_url", "fulfilment_signing_secrets"),
            FulfilmentKind.CASH: ("fulfilment_webhook_url", "fulfilment_signing_secrets"),
            FulfilmentKind.SHIPMENT: ("fulfilment_carrier_url", "fulfilment_carrier_key"),
            FulfilmentKind.CODE: (),
        }
        for kind in self.fulfilment_kinds:
            missing = [f"REFTRAIL_{n.upper()}" for n in needed[kind] if not getattr(self, n)]
            if missing:
                raise ValueError(
                    f"{kind} needs {' and '.join(missing)}; set them, or leave {kind} out of "
                    f"REFTRAIL_FULFILMENT_KINDS if another consumer fulfils it"
                )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
