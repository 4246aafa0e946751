"""The first-touch stage against its peers: same broker, same topic.

Kafka Streams (first_touch_streams.java, one thread, exactly_once_v2, state in memory) and an
idiomatic Faust agent with a table (first_touch_agent.py, at least once, as Faust comes). All decode
the event, keep the first touch of each visitor in state with a changelog, and emit it. The clock
runs from the worker's start of work (partitions assigned, nothing read yet) to the last event
processed. Each round has a topic of its own, and another one of stage and Kafka Streams first,
because the broker and the machine warm up; ratios are the rounds' median.

    python benchmarks/first_touch.py [--events 2000000] [--rounds 3] [--peer-seconds 60]

Kafka Streams needs a JDK as `java`, 17 or newer; without one it is left out.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from kafka.admin import KafkaAdminClient
from load import clicks, fill
from processes import Child, child, python

from reftrail.contracts.installation import Installation
from reftrail.contracts.registry import latest
from reftrail.contracts.topics import EVENTS
from reftrail.local.broker import Broker
from reftrail.local.jars import classpath
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PARTITIONS: Final = 4
HERE: Final = Path(__file__).parent
_STREAMS: Final = "org.apache.kafka:kafka-streams:4.1.0+org.apache.avro:avro:1.12.0"


@dataclass(frozen=True, slots=True)
class Run:
    """The speed of one worker, and its processor time for the whole topic."""

    events_per_s: float
    cpu_s: float


def measure(events: int, visitors: int, rounds: int, peer_seconds: float) -> dict[str, float]:
    """Events per second and CPU seconds of all, and ratios."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory)) as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        ours, streams = _rounds(installation, events, visitors, rounds)
        found = {
            "first_touch_events_per_s": statistics.median(run.events_per_s for run in ours),
            "first_touch_cpu_s": statistics.median(run.cpu_s for run in ours),
            "first_touch_events": events,
        }
        if streams:
            pairs = list(zip(ours, streams, strict=True))
            found |= {
                "streams_events_per_s": statistics.median(run.events_per_s for run in streams),
                "streams_cpu_s": statistics.median(run.cpu_s for run in streams),
                "streams_ratio": statistics.median(
                    streams_run.events_per_s / other.events_per_s for streams_run, other in pairs
                ),
                "streams_cpu_ratio": statistics.median(
                    streams_run.cpu_s / other.cpu_s for streams_run, other in pairs
                ),
            }
        if peer_seconds:
            # The agent's topics have the default prefix, which is that of the first round.
            peer = _run(installation, "agent", events, _stage("first_touch_agent.py"), peer_seconds)
            found |= {
                "first_touch_peer_events_per_s": peer.events_per_s,
                "first_touch_ratio": found["first_touch_events_per_s"] / peer.events_per_s,
            }
        return found


def _rounds(
    installation: Installation, events: int, visitors: int, rounds: int
) -> tuple[list[Run], list[Run]]:
    """The stage's runs and those of Kafka Streams, if that can be run."""
    found: dict[str, list[Run]] = {"stage": [], "streams": []}
    workers = {"stage": _stage("first_touch_stage.py")}
    if jdk := _jdk():
        workers["streams"] = _streams(jdk)
    for nth in range(rounds):
        prefix = installation.topic_prefix if nth == 0 else f"round{nth}."
        here = installation.model_copy(update={"topic_prefix": prefix})
        create_topics(here, PARTITIONS)
        fill(here, PARTITIONS, clicks(events, visitors))
        order = list(workers) if nth % 2 == 0 else list(reversed(workers))
        for name in order:
            run = _run(here, f"{prefix}{name}", events, workers[name])
            found[name].append(run)
            print(
                f"round {nth + 1}, {name}: {run.events_per_s:,.0f} events/s, {run.cpu_s:.1f} CPU s",
                file=sys.stderr,
            )
    return found["stage"], found["streams"]


Worker = Callable[[Installation, str], AbstractContextManager[Child]]


def _stage(script: str) -> Worker:
    def start(installation: Installation, group: str) -> AbstractContextManager[Child]:
        settings = {"group": group, "worker_web_port": str(free_port())}
        return python(installation, str(HERE / script), **settings)

    return start


@contextmanager
def _streams_worker(jdk: str, installation: Installation, group: str) -> Iterator[Child]:
    with tempfile.TemporaryDirectory() as directory:
        schema = Path(directory) / "event.avsc"
        schema.write_text(json.dumps(latest("Event").parsed))
        source = str(HERE / "first_touch_streams.java")
        command = [jdk, "-cp", classpath(_STREAMS), source, str(schema), directory, "1"]
        with child(installation, command, group=group) as worker:
            yield worker


def _streams(jdk: str) -> Worker:
    return partial(_streams_worker, jdk)


def _jdk() -> str | None:
    """Java with a compiler: the bundled runtime has none."""
    java = shutil.which("java", path=os.pathsep.join(_java_folders()))
    if java is None:
        return None
    modules = subprocess.run(
        [java, "--list-modules"], check=False, capture_output=True, text=True
    ).stdout
    return java if "jdk.compiler" in modules else None


def _java_folders() -> list[str]:
    home = os.environ.get("JAVA_HOME")
    return [*([str(Path(home) / "bin")] if home else []), os.environ.get("PATH", "")]


def _run(
    installation: Installation, group: str, events: int, start: Worker, limit: float = 600
) -> Run:
    """Run a worker until it has processed all, or for limit seconds."""
    with start(installation, group) as worker:
        worker.wait_for("working")
        started, done, cpu = time.perf_counter(), 0, worker.cpu_seconds()
        while done < events and time.perf_counter() - started < limit:
            time.sleep(0.05)
            worker.check()
            done = _processed(installation, group)
        took = time.perf_counter() - started
        return Run(done / took, worker.cpu_seconds() - cpu)


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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-seconds", type=float, default=60)
    chosen = parser.parse_args()
    figures = measure(chosen.events, chosen.visitors, chosen.rounds, chosen.peer_seconds)
    print(json.dumps({name: round(figure, 2) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
