"""A warehouse with a fault put in: its inserts have no deduplication tokens.

Killed, once, by its own hand, when events are inserted and their load is still open in the
ledger: the next start inserts them again.
"""

from collections.abc import Mapping
from functools import partial
from unittest import mock

from crash.fault_injection import die_once
from reftrail.contracts.topics import EVENTS
from reftrail.warehouse import main
from reftrail.warehouse.ledger import Counts, Ledger, Load
from reftrail.warehouse.loader import Loader


class DyingLedger(Ledger):
    """Doesn't live to close its first load of events."""

    def close(self, loads: Mapping[Load, Counts]) -> None:
        if any(load.topic == EVENTS.name for load in loads):
            die_once()
        super().close(loads)


if __name__ == "__main__":
    with (
        mock.patch.object(main, "Loader", partial(Loader, with_tokens=False)),
        mock.patch.object(main, "Ledger", DyingLedger),
    ):
        main.main()
