"""A relay that is killed after Kafka's commit and before the store's. Run by a test."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from reftrail.codes.host.relay import Relay
from reftrail.codes.store import Store
from reftrail.codes.store.outbox import Waiting
from reftrail.contracts.installation import Installation


class RelayThatDies(Relay):
    def _mark_sent(self, sent: Sequence[Waiting]) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    installation = Installation.model_validate({})
    asyncio.run(RelayThatDies(installation, Store.open(sys.argv[1])).drain())
