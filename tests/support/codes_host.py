"""The host of codes as it runs in production: its own process, which relays and registers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reftrail.contracts.installation import Installation
from reftrail.local.ports import free_port
from support.host_process import HostProcess


@contextmanager
def codes_host(installation: Installation, store_url: str, log: Path) -> Iterator[HostProcess]:
    """Started, and killed at the end."""
    environment = os.environ | {
        "REFTRAIL_BOOTSTRAP_SERVERS": installation.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": installation.topic_prefix,
        "REFTRAIL_CODES_STORE": store_url,
        "REFTRAIL_CODES_PORT": str(free_port()),
        "REFTRAIL_GROUP": f"{installation.topic_prefix}codes",
    }
    process = HostProcess("reftrail.codes", environment, log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
