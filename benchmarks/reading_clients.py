"""Readers of reports over HTTP, in a process of their own: see `readers.py`."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

KEY: Final = "sk"
_PERIOD: Final = {"from": "2026-03-02", "to": "2026-04-01"}
_COUNTS: Final = {"funnel": "clicks", "data_quality": "events", "codes": "clicks"}
"""Reports with a count that grows by each load."""
_REPORTS: Final = ("funnel", "codes", "referrers", "campaigns", "rewards", "data_quality")


@dataclass
class Seen:
    """Times of answers in ms, ages of facts in seconds, and what went wrong."""

    times: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: dict[tuple[int, str], int] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """The figures of all readers together, as they are printed."""
        parts = statistics.quantiles(self.times, n=1000)
        return {
            "answers": len(self.times),
            "p50_ms": round(statistics.median(self.times)),
            "p95_ms": round(parts[949]),
            "p99_ms": round(parts[989]),
            "longest_ms": round(max(self.times)),
            "over_500_ms": sum(taken > 500 for taken in self.times),
            "oldest_facts_s": round(max(self.ages), 1),
            "median_age_s": round(statistics.median(self.ages), 1),
            "wrong": self.wrong[:10],
        }


def read_reports(port: int, readers: int, seconds: float, max_age: int) -> dict[str, Any]:
    """Let so many readers, each a thread, ask one report after the other, for so many seconds."""
    seen, until = Seen(), time.perf_counter() + seconds
    with ThreadPoolExecutor(readers) as threads:
        reading = [
            threads.submit(_read, port, reader, max_age, until, seen) for reader in range(readers)
        ]
    for reader in reading:
        reader.result()
    return seen.figures()


def _questions(reader: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Each report in turn, begun with another one by each reader; every other one of a campaign."""
    turn = reader
    while True:
        scope = {"campaign": f"campaign-{turn % 10}"} if (turn + turn // len(_REPORTS)) % 2 else {}
        yield _REPORTS[turn % len(_REPORTS)], _PERIOD | scope
        turn += 1


def _read(port: int, reader: int, max_age: int, until: float, seen: Seen) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    for name, asked in _questions(reader):
        if time.perf_counter() > until:
            break
        path = f"/v1/reports/{name}?{urlencode(asked | {'max_age': str(max_age)})}"
        began = time.perf_counter()
        connection.request("GET", path, headers={"authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        body = answer.read()
        seen.times.append((time.perf_counter() - began) * 1000)
        if answer.status != HTTPStatus.OK:
            seen.wrong.append(f"{name}: {answer.status} {body[:200]!r}")
            continue
        as_of = datetime.fromisoformat(answer.headers["x-as-of"])
        seen.ages.append(time.time() - as_of.timestamp())
        if name in _COUNTS:
            _compare(body, reader, name, asked, seen)
    connection.close()


def _compare(answer: bytes, reader: int, name: str, asked: dict[str, str], seen: Seen) -> None:
    """Note a count that fell since this reader asked the same before."""
    key = reader, f"{name} {asked.get('campaign', '')}"
    total = sum(row[_COUNTS[name]] for row in msgspec.json.decode(answer)["rows"])
    if total < seen.counts.get(key, 0):
        seen.wrong.append(f"{key}: {total} after {seen.counts[key]}")
    seen.counts[key] = total
