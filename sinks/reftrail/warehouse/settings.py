"""Settings of the warehouse."""

from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from reftrail.contracts.installation import Installation, listed
from reftrail.dashboard.sealing import LEAST_SECRET_CHARACTERS
from reftrail.edge.proxy_settings import ProxySettings

LOAD_ROWS: Final = 100_000
"""Messages that a load takes by default at most, about."""
LOAD_BYTES: Final = 64 << 20
"""Bytes of them, in the same way."""


class ClickHouseSettings(Installation):
    """Read from REFTRAIL_* variables.

    One of clickhouse_path (a directory for ClickHouse in this process) and clickhouse_url (a
    server: http://USER:PASSWORD@HOST:8123/DATABASE) says where the facts go. With the name of a
    cluster that the server knows, clickhouse_cluster, tables are replicated on all its servers. Of
    several warehouses on a server, one takes over when nothing was heard of the one that loads
    for warehouse_takeover_seconds.
    """

    clickhouse_path: Path | None = None
    clickhouse_url: SecretStr | None = None
    clickhouse_cluster: Annotated[str, Field(pattern=r"^[\w.{}-]+$")] | None = None
    warehouse_takeover_seconds: Annotated[float, Field(ge=2, le=600)] = 4.0

    @property
    def url(self) -> str | None:
        """The server's URL, password included."""
        return self.clickhouse_url.get_secret_value() if self.clickhouse_url else None

    @model_validator(mode="after")
    def _one_clickhouse(self) -> Self:
        if (self.clickhouse_path is None) == (self.clickhouse_url is None):
            raise ValueError(
                "set one of REFTRAIL_CLICKHOUSE_PATH (a directory: ClickHouse in this process) "
                "and REFTRAIL_CLICKHOUSE_URL (a server)"
            )
        if self.clickhouse_cluster is not None and self.clickhouse_url is None:
            raise ValueError(
                "REFTRAIL_CLICKHOUSE_CLUSTER names a cluster of servers; set "
                "REFTRAIL_CLICKHOUSE_URL to one of them"
            )
        return self


class WarehouseSettings(ClickHouseSettings, ProxySettings):
    """Read from REFTRAIL_* variables, where the facts go among them.

    With reports_private_port, /metrics and /readyz are answered there alone. secret_keys, comma
    separated, are good for everything, beside those of `reftrail keys`. A load takes at most about
    load_rows messages or load_bytes of them. It starts at the latest load_delay_ms after the first
    one came in, and sooner once nothing more comes in: longer is fewer and larger inserts, shorter
    is fresher reports.

    With warehouse_session_secret there is a dashboard at /: its sessions, which last
    warehouse_session_seconds, and links for users are sealed by it. Reviews that are made there go
    to the collector at collector_url.
    """

    reports_host: str = "127.0.0.1"
    reports_port: Annotated[int, Field(ge=1, le=65535)] = 6067
    reports_private_host: str = "127.0.0.1"
    reports_private_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    load_rows: Annotated[int, Field(ge=1, le=500_000)] = LOAD_ROWS
    load_bytes: Annotated[int, Field(ge=1 << 16)] = LOAD_BYTES
    load_delay_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    warehouse_session_secret: (
        Annotated[SecretStr, Field(min_length=LEAST_SECRET_CHARACTERS)] | None
    ) = None
    warehouse_session_seconds: Annotated[int, Field(ge=60, le=30 * 24 * 3600)] = 8 * 3600
    collector_url: str | None = None

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return listed(given) if isinstance(given, str) else given
