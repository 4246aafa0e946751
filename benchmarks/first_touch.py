"""The first-touch stage against an idiomatic Faust agent with a table: same broker, same topic.

Both decode the event, keep the first touch of each visitor in state with a changelog, and emit
it. The stage does so exactly once; the agent at least once, as Faust comes. The clock runs from
the worker's start of work (partitions assigned, nothing read yet) to the last event processed.

    python benchmarks/first_touch.py [--events 2000000] [--visitors 200000] [--peer-seconds 60]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from kafka.admin import KafkaAdminClient
from load import clicks, fill
from processes import python

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PARTITIONS = 4
HERE = Path(__file__).parent


def measure(events: int, visitors: int, peer_seconds: float) -> dict[str, float]:
    """Events per second of both, and their ratio."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory)) as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        fill(installation, PARTITIONS, clicks(events, visitors))
        ours, cpu = _run(installation, "stage", events, "first_touch_stage.py")
        found = {
            "first_touch_events_per_s": ours,
            "first_touch_cpu_s": cpu,
            "first_touch_events": events,
        }
        if peer_seconds:
            peer, _ = _run(installation, "agent", events, "first_touch_agent.py", peer_seconds)
            found |= {"first_touch_peer_events_per_s": peer, "first_touch_ratio": ours / peer}
        return found


def _run(
    installation: Installation, group: str, events: int, script: str, limit: float = 600
) -> tuple[float, float]:
    """Run a worker until it has processed all, or for limit seconds: events/s and CPU seconds."""
    settings = {"group": group, "worker_web_port": str(free_port())}
    with python(installation, str(HERE / script), **settings) as worker:
        worker.wait_for("working")
        started, done, cpu = time.perf_counter(), 0, worker.cpu_seconds()
        while done < events and time.perf_counter() - started < limit:
            time.sleep(0.05)
            worker.check()
            done = _processed(installation, group)
        return done / (time.perf_counter() - started), worker.cpu_seconds() - cpu


def _processed(installation: Installation, group: str) -> int:
    """The sum of the group's committed positions: the topic holds nothing but the events."""
    admin = KafkaAdminClient(bootstrap_servers=installation.bootstrap_servers)
    try:
        found = admin.list_group_offsets(group)
    finally:
        admin.close()
    name = installation.name_of(EVENTS)
    return sum(at.offset for tp, at in found[group].items() if tp.topic == name)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--visitors", type=int, default=200_000)
    parser.add_argument("--peer-seconds", type=float, default=60)
    chosen = parser.parse_args()
    figures = measure(chosen.events, chosen.visitors, chosen.peer_seconds)
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
