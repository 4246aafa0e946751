"""The same work as Faust's documentation would have it written: an agent with a table."""

import os
import sys
import tempfile
from collections.abc import AsyncIterable
from io import BytesIO
from typing import Any

import fastavro
import faust

from reftrail.contracts.codec import FRAME
from reftrail.contracts.registry import latest

SERVERS = os.environ["REFTRAIL_BOOTSTRAP_SERVERS"]
app = faust.App(
    os.environ["REFTRAIL_GROUP"],
    broker=f"kafka://{SERVERS}",
    store="memory://",
    datadir=tempfile.mkdtemp(),
    topic_partitions=4,
    topic_disable_leader=True,
    web_port=int(os.environ["REFTRAIL_WORKER_WEB_PORT"]),
    broker_commit_interval=1.0,
    consumer_auto_offset_reset="earliest",
    consumer_max_fetch_size=4 << 20,
)
SCHEMA = latest("Event").parsed


class AvroCodec(faust.Codec):
    """Events in their framing."""

    def _loads(self, value: bytes) -> Any:
        return fastavro.schemaless_reader(BytesIO(value[FRAME.size :]), SCHEMA, None)


faust.serializers.codecs.register("event", AvroCodec())


class Touch(faust.Record, serializer="json"):
    """A first touch."""

    visitor_id: str
    code: str
    event_id: str
    event_time: int


events = app.topic("referral.events", value_serializer="event", key_type=bytes)
touches = app.topic("referral.touches", key_type=str, value_type=Touch)
first = app.Table("first-touch", partitions=4)


@app.agent(events)
async def first_touch(stream: AsyncIterable[dict[str, Any]]) -> None:
    """Keep the first touch of each visitor, and say so."""
    async for event in stream:
        visitor = event["visitor_id"]
        known = first.get(visitor)
        if known is None or event["event_time"] < known["event_time"]:
            touch = Touch(visitor, event["code"], event["event_id"], event["event_time"])
            first[visitor] = touch.asdict()
            await touches.send(key=visitor, value=touch)


@app.on_rebalance_complete.connect  # type: ignore[arg-type]
async def announced(app: Any, **kwargs: Any) -> None:  # noqa: ARG001
    """Say when the work begins."""
    print("working", flush=True)


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn"]
    app.main()
