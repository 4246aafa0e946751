"""All hosts, imported in the process whose forks are the hosts of tests (`support.host_process`).

The collector never looks at what is there by then: forks share the memory that it lies in.
"""

import gc
from contextlib import suppress
from importlib import import_module
from typing import Final

from reftrail.hosting.starting import without_httpx_command

_MODULES: Final = (
    "reftrail.codes.host.main",
    "reftrail.collector.main",
    "reftrail.engine.worker",
    "reftrail.fulfilment.main",
    "reftrail.warehouse.main",
    "reftrail.webhooks.main",
    "support.host_process",
    "support.issuers",
)

gc.disable()
without_httpx_command()
for _module in _MODULES:
    import_module(_module)
with suppress(ImportError):  # for codes in PostgreSQL
    import_module("psycopg")
gc.freeze()
gc.enable()
