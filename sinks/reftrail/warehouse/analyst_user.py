"""A user of a ClickHouse server who reads the warehouse and changes nothing.

The password is sent and kept as its hash. readonly = 2 lets clients choose how answers look, which
drivers, Grafana and notebooks do with each query; the limits hold nevertheless.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from clickhouse_connect.driver.binding import quote_identifier

from reftrail.contracts.errors import ExpectedError
from reftrail.warehouse.clickhouse import connect_for_writing
from reftrail.warehouse.settings import ClickHouseSettings

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MOST_SECONDS: Final = 60
_MOST_BYTES: Final = 2 << 30


@dataclass(frozen=True, slots=True)
class AnalystUser:
    """A user to be made, with the password that only its owner needs."""

    name: str
    password: str
    statements: Sequence[str]


def analyst_user(settings: ClickHouseSettings, name: str) -> AnalystUser:
    """The user, with a new password. Raises `ExpectedError` if there can be none."""
    if settings.url is None:
        raise ExpectedError(
            "ClickHouse in the warehouse's process has no users; use reftrail sql and export "
            "there, or set REFTRAIL_CLICKHOUSE_URL to a server"
        )
    if not _NAME.fullmatch(name):
        raise ExpectedError(
            f"the name {name!r} has other characters than letters, digits and _, or begins with a "
            f"digit; give one like analyst"
        )
    password = secrets.token_urlsafe(18)
    database = quote_identifier(unquote(urlsplit(settings.url).path.strip("/")) or "default")
    cluster = settings.clickhouse_cluster
    everywhere = f" ON CLUSTER '{cluster}'" if cluster else ""
    made = (
        f"CREATE USER OR REPLACE {name}{everywhere} "
        f"IDENTIFIED WITH sha256_hash BY '{hashlib.sha256(password.encode()).hexdigest()}' "
        f"SETTINGS readonly = 2, max_execution_time = {_MOST_SECONDS} MAX {_MOST_SECONDS}, "
        f"max_memory_usage = {_MOST_BYTES} MAX {_MOST_BYTES}"
    )
    granted = f"GRANT{everywhere} SELECT ON {database}.* TO {name}"
    return AnalystUser(name, password, (made, granted))


def create(settings: ClickHouseSettings, user: AnalystUser) -> None:
    """Make the user, or give one of this name a new password; the URL's user needs the right."""
    client = connect_for_writing(None, settings.url)
    try:
        for statement in user.statements:
            client.command(statement)
    finally:
        client.close()
