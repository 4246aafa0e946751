"""The wait until Kafka has what was done in the store."""

from reftrail.cli.connection import Connection
from reftrail.codes.store import Store


def wait_until_sent(store: Store, connection: Connection) -> None:
    """Wait."""
