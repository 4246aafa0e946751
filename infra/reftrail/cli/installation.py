"""Installation to whose Kafka a command writes."""

from pathlib import Path

from reftrail.cli.connection import resolve
from reftrail.contracts.installation import Installation


def installation_at(
    bootstrap_servers: str | None, topic_prefix: str | None, ready_file: Path | None
) -> Installation:
    """The installation that the options name. Raises `ExpectedError` if they name none."""
    connection = resolve(ready_file, bootstrap_servers=bootstrap_servers, topic_prefix=topic_prefix)
    return connection.installation
