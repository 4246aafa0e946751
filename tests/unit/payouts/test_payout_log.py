"""Transactions of pay-outs whose broker doesn't say how they ended."""

from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from support.fulfilment import an_order

from reftrail.contracts.errors import ExpectedError
from reftrail.contracts.external_inputs import FulfilmentReported
from reftrail.contracts.installation import Installation
from reftrail.payouts import log as payout_log
from reftrail.payouts.log import PayoutWriter

REPORT = FulfilmentReported(
    event_id="a report",
    event_time=1_000,
    received_at=1_000,
    code="AMY",
    user_id="ben",
    reward_id=an_order().reward_id,
    role="referrer",
    outcome="fulfilled",
    kind="payout",
    attempts=1,
)


class Silent:
    """A producer that hears nothing of the end of its transactions."""

    def begin_transaction(self) -> None: ...

    def partitions_for(self, _topic: str) -> set[int]:
        return {0}

    def send(self, topic: str, **_: Any) -> Any:
        written = SimpleNamespace(topic=topic, partition=0, offset=0)
        return SimpleNamespace(get=lambda timeout: written)

    def flush(self) -> None: ...

    def commit_transaction(self) -> None:
        Event().wait()


def test_a_command_whose_transaction_never_ends_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(payout_log, "_END_SECONDS", 0.1)
    writer: Any = PayoutWriter(Installation(bootstrap_servers="nowhere:9092"), Silent())
    with pytest.raises(ExpectedError, match="run the command again once it answers"):
        writer.write([], [REPORT])
