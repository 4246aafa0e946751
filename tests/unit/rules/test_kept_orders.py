"""Purchases that are kept for a merge don't slow down what comes after them."""

from typing import Any

from reftrail.contracts.codec import encode
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES
from reftrail.testing import campaign, code, converted

ATTRIBUTION = STAGES["attribution"]


def test_they_are_no_cells_of_the_group_in_which_every_decision_looks() -> None:
    store = StateStore(ATTRIBUTION)
    tables = ReferenceTables([campaign("spring"), code("AMY")])
    typed: dict[str, Any] = {"typed_code": "AMY", "typed_campaign_id": "spring"}
    records = [converted("signup", at="10:00", **typed).record()]
    records += [
        converted(
            "purchase",
            at="11:00",
            event_id=f"c{nth}",
            conversion_event_id=f"p{nth}",
            order_id=f"o{nth}",
            amount_micros=1_000_000,
            currency="USD",
        ).record()
        for nth in range(20)
    ]
    count = len(records)
    values: list[bytes | None] = [encode(record) for record in records]
    chunk = Chunk(0, count, list(range(count)), [0] * count, [b"u"] * count, values)
    outcome = StageOfPartition(ATTRIBUTION, 0, 1).decide(chunk, store, tables)
    store.apply(outcome.changes, outcome.due_times)
    groups = [key.partition(":")[0] for key in outcome.changes]
    (user,) = {group for group in groups if not group.endswith("%")}
    assert groups.count(user) == 1
    assert groups.count(f"{user}%") == 20
