"""The collector's own histogram of its requests, as its metrics have it."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import httpx
from prometheus_client.parser import text_string_to_metric_families

Buckets: TypeAlias = Mapping[float, float]
"""Requests that took at most so many seconds, by these seconds."""

_NAME: Final = "reftrail_collector_request_seconds_bucket"


def request_seconds(url: str, route: str) -> Buckets:
    """The accepted requests of a route so far; nothing where there are no such metrics."""
    answer = httpx.get(f"{url}/metrics", timeout=10)
    if not answer.is_success:
        return {}
    wanted = {"route": route, "status": "202"}
    return {
        float(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == _NAME and wanted.items() <= sample.labels.items()
    }


def quantile(before: Buckets, after: Buckets, part: float) -> float | None:
    """Seconds of a part of the requests between two looks; None without any.

    Within a bucket requests are taken to be evenly spread, as by Prometheus' histogram_quantile.
    """
    counts = {bound: count - before.get(bound, 0.0) for bound, count in sorted(after.items())}
    wanted = part * max(counts.values(), default=0.0)
    low, below = 0.0, 0.0
    for bound, count in counts.items():
        if wanted and count >= wanted:
            is_last = bound == float("inf")
            return low if is_last else low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return None
