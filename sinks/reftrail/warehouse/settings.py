"""Settings of the warehouse."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from reftrail.contracts.installation import Installation


class WarehouseSettings(Installation):
    """Read from REFTRAIL_* variables.

    One of clickhouse_path (a directory for ClickHouse in this process) and clickhouse_url (a
    server: http://USER:PASSWORD@HOST:8123/DATABASE) says where the facts go. With
    reports_private_port, /metrics and /readyz are answered there alone. secret_keys, comma
    separated, are those under which reports are given out. A load takes at most about load_rows
    messages or load_bytes of them, and starts at the latest load_delay_ms after the first one came
    in: longer is fewer and larger inserts, shorter is fresher reports.
    """

    clickhouse_path: Path | None = None
    clickhouse_url: SecretStr | None = None
    reports_host: str = "127.0.0.1"
    reports_port: Annotated[int, Field(ge=1, le=65535)] = 6067
    reports_private_host: str = "127.0.0.1"
    reports_private_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode, Field(min_length=1)]
    load_rows: Annotated[int, Field(ge=1, le=500_000)] = 100_000
    load_bytes: Annotated[int, Field(ge=1 << 16)] = 64 << 20
    load_delay_ms: Annotated[int, Field(ge=0)] = 1_000

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        return tuple(key for part in given.split(",") if (key := part.strip()))

    @model_validator(mode="after")
    def _one_clickhouse(self) -> Self:
        if (self.clickhouse_path is None) == (self.clickhouse_url is None):
            raise ValueError(
                "set one of REFTRAIL_CLICKHOUSE_PATH (a directory: ClickHouse in this process) "
                "and REFTRAIL_CLICKHOUSE_URL (a server)"
            )
        return self
