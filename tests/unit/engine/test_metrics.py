"""The worker's series: what falls out is counted by its reason."""

from support.timers import ticks

from reftrail.contracts.codec import encode
from reftrail.contracts.conversions import Converted
from reftrail.contracts.external_inputs import Ticked
from reftrail.contracts.record import DAY
from reftrail.engine.batch import StageOfPartition
from reftrail.engine.chunks import Chunk
from reftrail.engine.metrics import WorkerMetrics
from reftrail.engine.reference import ReferenceTables
from reftrail.engine.state import StateStore
from reftrail.engine.topology import STAGES

T0 = 1_790_000_000_000


def purchase(nth: int) -> Converted:
    return Converted(
        event_id=f"c{nth}",
        event_time=T0,
        received_at=T0,
        user_id="u",
        kind="purchase",
        conversion_event_id=f"e{nth}",
        order_id=f"o{nth}",
        cause_topic="events",
        cause_partition=0,
        cause_offset=nth,
        cause_event_id=f"e{nth}",
        rules="1",
    )


def test_dead_letters_are_counted_by_reason() -> None:
    (tick,) = ticks(T0 + 30 * DAY, 1)
    assert isinstance(tick, Ticked)
    values: list[bytes | None] = [
        encode(conversion) for conversion in (purchase(1), purchase(2), tick)
    ]
    values.append(b"no record")
    count = len(values)
    chunk = Chunk(0, count, list(range(count)), [T0] * count, [b"u"] * count, values)
    work = StageOfPartition(STAGES["attribution"], 0, 1)
    outcome = work.decide(chunk, StateStore(), ReferenceTables())
    metrics = WorkerMetrics()
    metrics.stage("attribution").batch(records=count, outcome=outcome, deciding=0)
    counted = {
        reason: metrics.registry.get_sample_value(
            "reftrail_worker_dead_letters_total", {"stage": "attribution", "reason": reason}
        )
        for reason in ("no_signup", "undecodable")
    }
    assert counted == {"no_signup": 2, "undecodable": 1}
