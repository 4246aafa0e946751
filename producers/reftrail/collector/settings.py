"""Settings of the collector."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from reftrail.codes.formats.secrets import MasterSecret, parse_master_secret
from reftrail.contracts.installation import Installation


class CollectorSettings(Installation):
    """Read from REFTRAIL_* variables. Lists are comma separated.

    hash_key ("keyid:hexsecret") makes the pseudonyms; it must live at least as long as the longest
    fraud window. landing_url is where `/r/{code}` leads, with ?ref= added; cookie_domain makes the
    visitor cookie readable there (the landing page's domain, without it only the collector's own
    host reads it). X-Forwarded-For and X-Forwarded-Proto count only from trusted_proxies.

    With collector_private_port, /metrics and /readyz are answered there alone.

    ack_timeout_seconds: how long a request waits for Kafka before it is answered with 503.
    redirect_timeout_seconds: how long a visitor waits for it before being redirected all the same.
    buffer_bytes: how much may wait for Kafka in memory; beyond it requests are answered with 503.

    codes_store, an SQLAlchemy URL, is where codes are issued; without it there is no API for codes
    but for verifying derived ones. codes_secret ("keyid:hex") makes and verifies those. reports_url
    is the warehouse's, for the counters beside a code, and reports_key a key it knows (by default
    the first of secret_keys).

    secret_rate, publishable_rate, address_rate: how many requests about codes a second are let in
    for each secret key, for each publishable key, and for each address that uses the latter or no
    known key. Ten (address_rate: thirty) seconds' worth may come at once.
    """

    hash_key: SecretStr
    secret_keys: SecretStr = SecretStr("")
    publishable_keys: SecretStr = SecretStr("")
    collector_host: str = "127.0.0.1"
    collector_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    collector_private_host: str = "127.0.0.1"
    collector_private_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    landing_url: str | None = None
    cookie_domain: str | None = None
    cors_origins: str = ""
    trusted_proxies: str = ""
    ack_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    redirect_timeout_seconds: Annotated[float, Field(gt=0)] = 0.5
    buffer_bytes: Annotated[int, Field(ge=2**20)] = 32 * 2**20
    codes_store: SecretStr | None = None
    codes_secret: SecretStr | None = None
    reports_url: str | None = None
    reports_key: SecretStr | None = None
    secret_rate: Annotated[float, Field(gt=0)] = 100.0
    publishable_rate: Annotated[float, Field(gt=0)] = 50.0
    address_rate: Annotated[float, Field(gt=0)] = 1.0

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks whose word on the client's address is taken."""
        return tuple(ip_network(part) for part in listed(self.trusted_proxies))

    @property
    def master_secret(self) -> MasterSecret | None:
        """That of derived codes, if there is one. Raises `ExpectedError` for what is none."""
        given = self.codes_secret
        return None if given is None else parse_master_secret(given.get_secret_value())

    @field_validator("landing_url", "reports_url")
    @classmethod
    def _absolute(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an absolute http or https URL, such as https://example.com/")
        return url or None

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: str) -> str:
        for part in listed(given):
            ip_network(part)
        return given


def listed(text: str) -> list[str]:
    """The parts of a comma separated list, without blanks."""
    return [part.strip() for part in text.split(",") if part.strip()]
