"""Connections to ClickHouse, in this process or on a server, with every setting that matters set.

ClickHouse's defaults for asynchronous inserts and deduplication have changed between versions, and
differ between the embedded engine and a server: none is relied on.
"""

import fcntl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Final

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from reftrail.contracts.errors import ExpectedError
from reftrail.hosting.private_files import make_private_directory, private
from reftrail.warehouse.embedded import keep_nothing

LARGEST_BLOCK: Final = 1_000_000
"""Rows: an insert of fewer is one block, taken whole or not at all."""

_PLANNING: Final[dict[str, int | str]] = {
    # Steps of the deep views merged into one took a quarter of the time to plan and answer.
    "query_plan_merge_expressions": 0,
}

_WRITING: Final[dict[str, int | str]] = {
    **_PLANNING,
    "async_insert": 0,
    "insert_deduplicate": 1,
    "max_insert_block_size": LARGEST_BLOCK,
    "min_insert_block_size_rows": LARGEST_BLOCK,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    # A load may have events of any time, and goes in whole.
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,
    # An insert that is repeated makes up for a view's part that was not written (`032_arms.sql`).
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "input_format_avro_allow_missing_fields": 1,
}

_REPLICATED: Final[dict[str, int | str]] = {
    # Of replicated tables a majority has an insert, and who reads has it: also after a failover.
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
    "select_sequential_consistency": 1,
}
"""They say nothing of other tables."""

_ALWAYS_INSERTED: Final = {"insert_deduplicate": "0"}
_WRITING_SINCE_26: Final = {"deduplicate_insert": "enable"}

_READING: Final[dict[str, int | str]] = {
    **_PLANNING,
    "join_use_nulls": 0,
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_parallel_formatting": 0,
    "do_not_merge_across_partitions_select_final": 0,
}


_FOR_ANALYSTS: Final[dict[str, int | str]] = {
    **_READING,
    "max_execution_time": 60,
    "max_memory_usage": 2 << 30,
    "max_result_rows": 100_000,
    "result_overflow_mode": "throw",
    # The last one: it keeps every setting as it is.
    "readonly": 1,
}


def lock(path: Path) -> IO[bytes]:
    """Claim a directory for this process, which holds it as long as the file is open.

    ClickHouse's own lock fails without saying why. Raises `ExpectedError`.
    """
    try:
        make_private_directory(path)
        claimed = open(path / "reftrail.lock", "wb", opener=private)  # noqa: SIM115  the caller's
    except OSError as error:
        raise ExpectedError(
            f"cannot write to {path}: {error.strerror}; set REFTRAIL_CLICKHOUSE_PATH to another "
            f"directory, make room there or change its rights"
        ) from error
    try:
        fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        claimed.close()
        raise ExpectedError(
            f"another process has {path} open, and only one may; stop it first, or set "
            f"REFTRAIL_CLICKHOUSE_PATH to another directory"
        ) from error
    return claimed


def connect_for_writing(path: Path | None, url: str | None, database: str | None = None) -> Client:
    """A client whose inserts are whole, synchronous and deduplicated by their token.

    Without a database it is the URL's, or ClickHouse's default.
    """
    client = _connect(path, url, _WRITING | (_REPLICATED if url else {}), database)
    for name, value in _WRITING_SINCE_26.items():
        if name in client.server_settings:
            client.set_client_setting(name, value)
    return client


def connect_for_reading(path: Path | None, url: str | None) -> Client:
    """A client for reports; times come out in ISO 8601, numbers unquoted."""
    return _connect(path, url, _READING)


def connect_for_analysts(path: Path | None, url: str | None) -> Client:
    """A read-only client for queries that somebody types in, with limits on time and rows."""
    return _connect(path, url, _FOR_ANALYSTS)


def insert_rows(
    client: Client, table: str, rows: Iterable[Mapping[str, str | int]], token: str | None = None
) -> None:
    """Insert rows, each by the names of its columns; not if the table knows the token.

    The client's own insert imports pandas first: up to 1.4 s of processor time in each process.
    """
    block = b"\n".join(map(msgspec.json.encode, rows))
    settings = {"insert_deduplication_token": token} if token else _ALWAYS_INSERTED
    client.raw_insert(table, insert_block=block, fmt="JSONEachRow", settings=settings)


def _connect(
    path: Path | None,
    url: str | None,
    settings: dict[str, int | str],
    database: str | None = None,
) -> Client:
    """Several clients in one process may share a path. Raises `ExpectedError`."""
    try:
        if path is not None:
            client = clickhouse_connect.get_client(
                interface="chdb",
                path=str(path),
                settings=dict(settings),
                database=database,
            )
            return keep_nothing(client)
        return clickhouse_connect.get_client(
            dsn=url,
            database=database,
            settings=dict(settings),
            autogenerate_session_id=False,
        )
    except ClickHouseError as error:
        where = path or "the server at REFTRAIL_CLICKHOUSE_URL"
        raise ExpectedError(f"ClickHouse cannot open {where}: {error}") from error
