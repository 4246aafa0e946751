"""Throughput from the events topic to ClickHouse: one worker with all stages, and the warehouse.

The events lie in the topic before the clock starts, which is when the first of the two hosts
says that it is ready; it stops when everything is decided and stored.

    python benchmarks/pipeline.py [--events 1000000]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from load import fill, programme, usual_mix
from processes import python

from reftrail.contracts.installation import Installation
from reftrail.contracts.topics import CAMPAIGNS, CODES
from reftrail.engine.settings import WorkerSettings
from reftrail.local.broker import Broker
from reftrail.local.drain import wait_until_drained
from reftrail.local.hosts import is_ready, url_of
from reftrail.local.ports import free_port
from reftrail.local.topics import create_topics

PARTITIONS = 4
KEY = "sk_benchmark"


def measure(events: int) -> dict[str, float]:
    """Events per second from topic to ClickHouse."""
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        installation = Installation(bootstrap_servers=broker.bootstrap_servers)
        create_topics(installation, PARTITIONS)
        campaign, codes = programme()
        fill(installation, PARTITIONS, [campaign], CAMPAIGNS)
        fill(installation, PARTITIONS, codes, CODES)
        fill(installation, PARTITIONS, usual_mix(events, events // 8))
        web, reports = free_port(), free_port()
        worker = python(installation, "-m", "reftrail.engine", worker_web_port=str(web))
        warehouse = python(
            installation,
            "-m",
            "reftrail.warehouse",
            clickhouse_path=str(Path(directory) / "clickhouse"),
            reports_host="127.0.0.1",
            reports_port=str(reports),
            secret_keys=KEY,
        )
        with worker as stages, warehouse as sink:
            while not (is_ready(url_of(web)) or is_ready(url_of(reports))):
                stages.check()
                sink.check()
                time.sleep(0.02)
            started = time.perf_counter()
            group = WorkerSettings(bootstrap_servers=installation.bootstrap_servers).group
            wait_until_drained(
                installation, group, f"{url_of(reports)}/v1/positions", KEY, timeout=600
            )
            seconds = time.perf_counter() - started
            return {
                "pipeline_events_per_s": events / seconds,
                "pipeline_events": events,
                "pipeline_worker_cpu_s": stages.cpu_seconds(),
                "pipeline_warehouse_cpu_s": sink.cpu_seconds(),
            }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    figures = measure(parser.parse_args().events)
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
