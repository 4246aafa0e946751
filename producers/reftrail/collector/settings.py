"""Settings of the collector."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from reftrail.collector.app_ids import parse_android_app, parse_ios_app
from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.installation import listed
from reftrail.contracts.links import Links
from reftrail.contracts.setting_types import Rate, TimeoutSeconds
from reftrail.edge.proxy_settings import ProxySettings
from reftrail.edge.pseudonyms import HashKey, parse_hash_key

if TYPE_CHECKING:
    from reftrail.codes.formats.secrets import MasterSecret


class CollectorSettings(ProxySettings):
    """Read from REFTRAIL_* variables. Lists are comma separated.

    hash_key ("keyid:hexsecret") makes the pseudonyms; it must live at least as long as the longest
    fraud window. former_hash_key is the one before, while it is being changed (see `owners`).

    landing_url is where `/r/{code}` leads, with ?ref= added; on phones it leads to
    collector_ios_url and collector_android_url, where these are set: a link that the app opens, or
    its page in a store. All three are for codes whose campaign has no links of its own.
    collector_fallback_url is where a link leads whose code isn't good, with ?ref_problem= added;
    without it the landing page.

    collector_ios_apps and collector_android_apps are apps that may open `/r/` by themselves:
    ABCDE12345.com.example.shop (team and bundle), and com.example.shop=14:6D:... (package and the
    SHA-256 of its certificate). Several certificates of one package are several entries.

    cookie_domain makes the visitor cookie readable there (the landing page's domain, without it
    only the collector's own host reads it). X-Forwarded-For and X-Forwarded-Proto count only from
    trusted_proxies.

    With collector_private_port, /metrics and /readyz are answered there alone.

    ack_timeout_seconds: how long a request waits for Kafka before it is answered with 503.
    redirect_timeout_seconds: how long a visitor waits for it before being redirected all the same.
    buffer_bytes: how much may wait for Kafka in memory; beyond it requests are answered with 503.

    collector_spool is a directory of this collector's own, on a disk that outlives it: while Kafka
    is away events are kept there, up to collector_spool_bytes, answered with 202 once they are on
    the disk, and replayed in order when it is back. Without one they are answered with 503.

    codes_store, an SQLAlchemy URL, is where codes are issued; without it there is no API for codes
    but for verifying derived ones. codes_secret ("keyid:hex") makes and verifies those. reports_url
    is the warehouse's, for the counters beside a code, and reports_key a key it knows (by default
    the first of secret_keys).

    secret_rate, publishable_rate, address_rate: how many requests about codes a second are let in
    for each secret key, for each publishable key, and for each address that uses the latter or no
    known key. Ten (address_rate: thirty) seconds' worth may come at once.

    collector_stripe_secrets, collector_shopify_secrets, collector_woocommerce_secrets: what their
    webhooks are signed with; several are good during a rotation. Of several shops each is given as
    SECRET@shop.example, and the shop is in its ids. Without one the connector answers 404.
    collector_stripe_api_key is a restricted key of Stripe that may read charges: disputes are
    looked up with it. collector_stripe_test_mode: payments of Stripe's test mode count, too.

    collector_segment_mapping is a TOML file that says which events Segment's messages are; without
    one it is that of `reftrail.connectors`.

    publishable_event_rate, address_event_rate, secret_event_rate: how many events a second are let
    in for each publishable key, for each address that uses one or follows links, and for each
    secret key; without the last a secret key has no limit. Thirty seconds' worth may come at once.
    """

    hash_key: SecretStr
    former_hash_key: SecretStr | None = None
    secret_keys: SecretStr = SecretStr("")
    publishable_keys: SecretStr = SecretStr("")
    collector_host: str = "127.0.0.1"
    collector_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    collector_private_host: str = "127.0.0.1"
    collector_private_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    landing_url: str | None = None
    collector_ios_url: str | None = None
    collector_android_url: str | None = None
    collector_fallback_url: str | None = None
    collector_ios_apps: str = ""
    collector_android_apps: str = ""
    cookie_domain: str | None = None
    cors_origins: str = ""
    ack_timeout_seconds: TimeoutSeconds = 5.0
    redirect_timeout_seconds: TimeoutSeconds = 0.5
    buffer_bytes: Annotated[int, Field(ge=2**20)] = 32 * 2**20
    collector_spool: Path | None = None
    collector_spool_bytes: Annotated[int, Field(ge=2**20)] = 2**30
    collector_stripe_secrets: SecretStr = SecretStr("")
    collector_stripe_api_key: SecretStr | None = None
    collector_stripe_test_mode: bool = False
    collector_shopify_secrets: SecretStr = SecretStr("")
    collector_woocommerce_secrets: SecretStr = SecretStr("")
    collector_segment_mapping: Path | None = None
    codes_store: SecretStr | None = None
    codes_secret: SecretStr | None = None
    reports_url: str | None = None
    reports_key: SecretStr | None = None
    secret_rate: Rate = 100.0
    publishable_rate: Rate = 50.0
    address_rate: Rate = 1.0
    publishable_event_rate: Rate = 2_000.0
    address_event_rate: Rate = 20.0
    secret_event_rate: Rate | None = None

    @property
    def links(self) -> Links:
        """Where links lead whose campaign doesn't say."""
        return Links(
            web=self.landing_url,
            ios=self.collector_ios_url,
            android=self.collector_android_url,
            fallback=self.collector_fallback_url,
        )

    @property
    def master_secret(self) -> "MasterSecret | None":
        """That of derived codes, if there is one. Raises `ExpectedError` for what is none."""
        from reftrail.codes.formats.secrets import parse_master_secret  # noqa: PLC0415  numpy

        given = self.codes_secret
        return None if given is None else parse_master_secret(given.get_secret_value())

    @property
    def former_key(self) -> HashKey | None:
        """The hash key before the present one, if it is being changed. Raises `ExpectedError`."""
        given = self.former_hash_key.get_secret_value() if self.former_hash_key else ""
        if not given:
            return None
        former = parse_hash_key(given)
        if former.key_id == parse_hash_key(self.hash_key.get_secret_value()).key_id:
            raise ExpectedError(
                f"REFTRAIL_FORMER_HASH_KEY has the id of REFTRAIL_HASH_KEY, {former.key_id}; give "
                f"each key an id of its own, or nobody can tell their hashes apart"
            )
        return former

    @field_validator(
        "landing_url",
        "collector_ios_url",
        "collector_android_url",
        "collector_fallback_url",
        "reports_url",
    )
    @classmethod
    def _absolute(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an absolute http or https URL, such as https://example.com/")
        return url or None

    @field_validator("collector_ios_apps", "collector_android_apps")
    @classmethod
    def _apps(cls, given: str, info: ValidationInfo) -> str:
        check = parse_ios_app if info.field_name == "collector_ios_apps" else parse_android_app
        for app in listed(given):
            check(app)
        return given
